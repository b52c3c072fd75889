/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/gpio.h"

#include <stdlib.h>

enum pl_status pl_gpio_map(const struct pl_value *lines, const struct pl_gpio_line *line, unsigned count, unsigned *offset, struct pl_err *err)
{
  const char *text = line->name ? pl_value_map(lines, line->name) : NULL;
  if (line->name && !text)
    return pl_fail(err, PL_E_USAGE, "there is no line '%.60s'; put it in the bus's map: lines: {%.60s: OFFSET}", line->name, line->name);
  char *end = NULL;
  long number = text ? strtol(text, &end, 10) : line->offset;
  if (number < 0 || number >= (long)count || (text && (!*text || *end)))
    return pl_fail(err, PL_E_USAGE, "%s%s%s is not a line of the chip, expected an offset from 0 to %u", line->name ? line->name : "", line->name ? ": " : "",
                   text ? text : "the offset", count - 1);
  *offset = (unsigned)number;
  return PL_OK;
}

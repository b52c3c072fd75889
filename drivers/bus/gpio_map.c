/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/gpio.h"

#include "drivers/base/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static const char *const BIASES[] = {[PL_GPIO_BIAS_AS_IS] = "as-is", [PL_GPIO_BIAS_DISABLED] = "none", [PL_GPIO_BIAS_PULL_UP] = "pull-up",
                                     [PL_GPIO_BIAS_PULL_DOWN] = "pull-down"};
static const char *const DRIVES[] = {[PL_GPIO_PUSH_PULL] = "push-pull", [PL_GPIO_OPEN_DRAIN] = "open-drain", [PL_GPIO_OPEN_SOURCE] = "open-source"};

/* What the map NAME says of the line; NULL: nothing. */
static const char *said(const struct pl_values *values, const char *name, const char *line)
{
  const struct pl_value *map = pl_value_given(values, name);
  return map ? pl_value_map(map, line) : NULL;
}

static enum pl_status one_of(const char *const *words, int count, const char *text, const char *what, const char *line, int *found, struct pl_err *err)
{
  char list[80] = "";
  for (int i = 0; i < count; i++) {
    if (!strcmp(words[i], text)) {
      *found = i;
      return PL_OK;
    }
    size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", words[i]);
  }
  return pl_fail(err, PL_E_USAGE, "%s of %.60s: '%.60s' is unknown, expected one of %s", what, line, text, list);
}

enum pl_status pl_gpio_wiring(const struct pl_values *values, struct pl_gpio_line *line, struct pl_err *err)
{
  char offset[16];
  snprintf(offset, sizeof offset, "%d", line->offset);
  const char *key = line->name ? line->name : offset;
  const char *bias = said(values, "bias", key), *drive = said(values, "drive", key), *debounce = said(values, "debounce", key);
  enum pl_status status = PL_OK;
  int found = 0;
  if (bias && !(status = one_of(BIASES, 4, bias, "bias", key, &found, err)))
    line->bias = (enum pl_gpio_bias)found;
  if (drive && !status && !(status = one_of(DRIVES, 3, drive, "drive", key, &found, err)))
    line->drive = (enum pl_gpio_drive)found;
  int64_t time_u = 0;
  if (debounce && !status && !(status = pl_quantity_parse(debounce, PL_DIM_TIME, NULL, &time_u, err)))
    status = time_u < 0 || time_u > 10 * PL_U ? pl_fail(err, PL_E_USAGE, "debounce of %.60s: expected 0 s to 10 s", key) : PL_OK;
  if (debounce && !status)
    line->debounce_us = (uint32_t)time_u; /* millionths of a second */
  return status;
}

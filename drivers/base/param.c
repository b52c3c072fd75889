/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/base/param.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 255 /* of one value: a path, a host name, a line's name */
#define OFFSET_MAX 65535

const struct pl_value *pl_value_find(const struct pl_values *values, const char *name)
{
  for (size_t i = 0; i < values->count; i++)
    if (!strcmp(values->items[i].param->name, name))
      return &values->items[i];
  return NULL;
}

const struct pl_value *pl_value_given(const struct pl_values *values, const char *name)
{
  const struct pl_value *found = pl_value_find(values, name);
  return found && found->given ? found : NULL;
}

const struct pl_value *pl_value(const struct pl_values *values, const char *name)
{
  const struct pl_value *found = pl_value_find(values, name);
  if (found)
    return found;
  assert(0 && "a driver asked for a parameter that is not in its table");
  abort(); /* also without assertions: going on with NULL would hide the mistake */
}

static bool bounded(const struct pl_param *param)
{
  return param->min || param->max;
}

/* A whole number, decimal or 0x..; all of text. */
static bool read_int(const char *text, int64_t *number)
{
  const char *digits = text + (*text == '-' || *text == '+');
  bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
  if (hex ? !isxdigit((unsigned char)digits[2]) : !isdigit((unsigned char)digits[0]))
    return false;
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, hex ? 16 : 10);
  *number = value;
  return errno == 0 && !*end;
}

static enum pl_status parse_int(const struct pl_param *param, const char *text, struct pl_value *value, struct pl_err *err)
{
  int64_t number;
  if (!read_int(text, &number)) {
    if (bounded(param))
      return pl_fail(err, PL_E_USAGE, "%s: '%.60s' is not a whole number, expected one from %lld to %lld", param->name, text, (long long)param->min,
                     (long long)param->max);
    return pl_fail(err, PL_E_USAGE, "%s: '%.60s' is not a whole number, expected one such as 12 or 0x0C", param->name, text);
  }
  if (bounded(param) && (number < param->min || number > param->max)) {
    bool hex = strpbrk(text, "xX") && param->min >= 0;
    return pl_fail(err, PL_E_USAGE, hex ? "%s: %s is out of range, expected 0x%02llX to 0x%02llX" : "%s: %s is out of range, expected %lld to %lld", param->name,
                   text, (long long)param->min, (long long)param->max);
  }
  value->number = number;
  return PL_OK;
}

static enum pl_status parse_quantity(const struct pl_param *param, const char *text, struct pl_value *value, struct pl_err *err)
{
  int64_t number;
  if (pl_quantity_parse(text, param->dim, NULL, &number, err)) {
    pl_err_prefix(err, "%s", param->name);
    return PL_E_USAGE;
  }
  if (bounded(param) && (number < param->min || number > param->max)) {
    char min[48], max[48];
    return pl_fail(err, PL_E_USAGE, "%s: %.60s is out of range, expected %s to %s", param->name, text,
                   pl_quantity_format(param->dim, param->min, min, sizeof min), pl_quantity_format(param->dim, param->max, max, sizeof max));
  }
  value->number = number;
  return PL_OK;
}

static enum pl_status parse_flag(const struct pl_param *param, const char *text, struct pl_value *value, struct pl_err *err)
{
  int64_t number;
  if (pl_quantity_parse(text, PL_DIM_FLAG, NULL, &number, NULL))
    return pl_fail(err, PL_E_USAGE, "%s: '%.60s' is neither true nor false, expected true or false (on/off, yes/no)", param->name, text);
  value->number = number / PL_U;
  return PL_OK;
}

static enum pl_status parse_choice(const struct pl_param *param, const char *text, struct pl_value *value, struct pl_err *err)
{
  size_t count = 0, used = 0;
  char list[256] = "";
  for (; param->choices[count]; count++) {
    if (!strcmp(param->choices[count], text)) {
      value->number = (int64_t)count;
      return PL_OK;
    }
    if (used < sizeof list)
      used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", count ? ", " : "", param->choices[count]);
  }
  const char *closest = pl_closest(text, param->choices, count);
  if (closest)
    return pl_fail(err, PL_E_USAGE, "%s: '%.60s' is unknown, did you mean '%s'? (one of %s)", param->name, text, closest, list);
  return pl_fail(err, PL_E_USAGE, "%s: '%.60s' is unknown, expected one of %s", param->name, text, list);
}

static enum pl_status parse_line(const struct pl_param *param, const char *text, struct pl_value *value, struct pl_err *err)
{
  value->active_low = *text == '!';
  const char *name = text + value->active_low;
  for (const char *p = name; *p; p++)
    if (!isgraph((unsigned char)*p) || *p == '!')
      return pl_fail(err, PL_E_USAGE, "%s: '%.60s' is not a GPIO line, expected a line's name or its offset, with one '!' in front when active-low", param->name,
                     text);
  if (!*name)
    return pl_fail(err, PL_E_USAGE, "%s: a '!' without a line, expected \"!NAME\" or \"!OFFSET\"", param->name);
  value->text = name;
  value->number = -1;
  if (strspn(name, "0123456789") == strlen(name) && (!read_int(name, &value->number) || value->number > OFFSET_MAX))
    return pl_fail(err, PL_E_USAGE, "%s: line offset %.60s is out of range, expected 0 to %d", param->name, name, OFFSET_MAX);
  return PL_OK;
}

enum pl_status pl_value_parse(const struct pl_param *param, const char *text, struct pl_value *out, struct pl_err *err)
{
  if (!*text)
    return pl_fail(err, PL_E_USAGE, "%s: is empty, expected %s", param->name, param->help && *param->help ? param->help : "a value");
  if (strlen(text) > TEXT_MAX)
    return pl_fail(err, PL_E_USAGE, "%s: is %zu characters long, expected at most %d", param->name, strlen(text), TEXT_MAX);
  struct pl_value value = {.param = param, .given = true, .text = text};
  enum pl_status status = PL_OK;
  switch (param->kind) {
  case PL_PARAM_TEXT: break;
  case PL_PARAM_INT: status = parse_int(param, text, &value, err); break;
  case PL_PARAM_QUANTITY: status = parse_quantity(param, text, &value, err); break;
  case PL_PARAM_FLAG: status = parse_flag(param, text, &value, err); break;
  case PL_PARAM_CHOICE: status = parse_choice(param, text, &value, err); break;
  case PL_PARAM_MAP: return pl_fail(err, PL_E_USAGE, "%s: '%.60s' is a single word, expected a map such as {WORD: 1}", param->name, text);
  case PL_PARAM_LINE: status = parse_line(param, text, &value, err); break;
  }
  if (!status)
    *out = value;
  return status;
}

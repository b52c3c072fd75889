/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"

#include <math.h>

/* What clients write, checked by tables before any handler sees it: bodies of POST, parameters of actions, properties of PATCH. */

enum fit { FITS, WRONG_TYPE, NOT_IN_LIST, OUT_OF_RANGE, TOO_LONG, TOO_SHORT };

static bool in_list(const char *const *choices, const char *text)
{
  for (; *choices; choices++)
    if (!strcmp(*choices, text))
      return true;
  return false;
}

static enum fit fit_text(const struct pl_field *field, struct json_object *value)
{
  size_t length = (size_t)json_object_get_string_len(value);
  if (strlen(json_object_get_string(value)) != length)
    return WRONG_TYPE; /* a NUL inside */
  if (field->choices)
    return in_list(field->choices, json_object_get_string(value)) ? FITS : NOT_IN_LIST;
  if (field->min == 0 && field->max == 0)
    return FITS;
  return (double)length > field->max ? TOO_LONG : (double)length < field->min ? TOO_SHORT : FITS;
}

static enum fit fit_number(const struct pl_field *field, struct json_object *value)
{
  double number = json_object_get_double(value);
  if (!isfinite(number))
    return WRONG_TYPE;
  return (field->min != 0 || field->max != 0) && (number < field->min || number > field->max) ? OUT_OF_RANGE : FITS;
}

static enum fit fit_list(const struct pl_field *field, struct json_object *value)
{
  size_t n = json_object_array_length(value);
  if (field->max != 0 && (double)n > field->max)
    return TOO_LONG;
  if ((double)n < field->min)
    return TOO_SHORT;
  for (size_t i = 0; field->choices && i < n; i++) {
    struct json_object *item = json_object_array_get_idx(value, i);
    if (!json_object_is_type(item, json_type_string))
      return WRONG_TYPE;
    if (!in_list(field->choices, json_object_get_string(item)))
      return NOT_IN_LIST;
  }
  return FITS;
}

static enum fit fit(const struct pl_field *field, struct json_object *value)
{
  enum json_type type = json_object_get_type(value);
  if (type == json_type_null)
    return field->null ? FITS : WRONG_TYPE;
  switch (field->type) {
  case PL_FIELD_TEXT: return type == json_type_string ? fit_text(field, value) : WRONG_TYPE;
  case PL_FIELD_FLAG: return type == json_type_boolean ? FITS : WRONG_TYPE;
  case PL_FIELD_INTEGER: return type == json_type_int ? fit_number(field, value) : WRONG_TYPE;
  case PL_FIELD_NUMBER: return type == json_type_int || type == json_type_double ? fit_number(field, value) : WRONG_TYPE;
  case PL_FIELD_OBJECT: return type == json_type_object ? FITS : WRONG_TYPE;
  case PL_FIELD_LIST: return type == json_type_array ? fit_list(field, value) : WRONG_TYPE;
  default: return FITS;
  }
}

/* A value as a message shows it, never a whole book. */
static const char *shown(struct json_object *value, char *out, size_t size)
{
  const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
  snprintf(out, size, "%.120s", text);
  return out;
}

static void say_unfit(struct pl_open_exchange *x, enum fit how, const char *path, const struct pl_field *field, struct json_object *value)
{
  char text[128], limit[32];
  bool secret = strstr(path, "Password") != NULL;
  const char *v = secret ? "******" : shown(value, text, sizeof text);
  const char *action = x->x.action ? x->x.action->name : NULL;
  snprintf(limit, sizeof limit, "%.0f", how == TOO_LONG ? field->max : field->min);
  switch (how) {
  case WRONG_TYPE:
    pl_say(&x->x, 0, path, action ? "ActionParameterValueTypeError" : "PropertyValueTypeError", v, path, action, NULL);
    return;
  case NOT_IN_LIST:
    pl_say(&x->x, 0, path, action ? "ActionParameterValueNotInList" : "PropertyValueNotInList", v, path, action, NULL);
    return;
  case TOO_LONG:
  case TOO_SHORT:
    if (field->type == PL_FIELD_LIST)
      pl_say(&x->x, 0, path, how == TOO_LONG ? "ArraySizeTooLong" : "ArraySizeTooShort", path, limit, NULL);
    else
      pl_say(&x->x, 0, path, how == TOO_LONG ? "StringValueTooLong" : "StringValueTooShort", v, limit, NULL);
    return;
  default: pl_say(&x->x, 0, path, action ? "ActionParameterValueOutOfRange" : "PropertyValueOutOfRange", v, path, action, NULL);
  }
}

static const struct pl_field *field_of(const struct pl_field *fields, size_t count, const char *name)
{
  for (size_t i = 0; i < count; i++)
    if (!strcmp(fields[i].name, name))
      return &fields[i];
  return NULL;
}

bool pl_write_object(struct pl_open_exchange *x, struct json_object *object, const char *prefix, const struct pl_field *fields, size_t count)
{
  const char *action = x->x.action ? x->x.action->name : NULL, *slash = *prefix ? "/" : "";
  unsigned before = x->n_errors;
  char path[200];
  if (object) {
    json_object_object_foreach(object, name, value)
    {
      const struct pl_field *field = field_of(fields, count, name);
      snprintf(path, sizeof path, "%s%s%s", prefix, slash, name);
      if (*name == '@')
        continue;
      if (!field)
        pl_say(&x->x, 0, path, action ? "ActionParameterUnknown" : "PropertyUnknown", action ? action : path, action ? path : NULL, NULL);
      else {
        enum fit how = fit(field, value);
        if (how)
          say_unfit(x, how, path, field, value);
      }
    }
  }
  for (size_t i = 0; i < count; i++)
    if (fields[i].required && !json_object_object_get_ex(object, fields[i].name, NULL)) {
      snprintf(path, sizeof path, "%s%s%s", prefix, slash, fields[i].name);
      pl_say(&x->x, 0, path, action ? "ActionParameterMissing" : "PropertyMissing", action ? action : path, action ? path : NULL, NULL);
    }
  return x->n_errors == before;
}

bool pl_write_fields(struct pl_open_exchange *x, const struct pl_field *fields, size_t count)
{
  return pl_write_object(x, x->x.body, "", fields, count);
}

struct json_object *pl_body(const struct pl_exchange *x, const char *name)
{
  bool found;
  return pl_json_path(x->body, name, &found);
}

const char *pl_body_text(const struct pl_exchange *x, const char *name)
{
  struct json_object *value = pl_body(x, name);
  return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

/* PATCH: each leaf of the body finds its row. */
enum role { UNKNOWN, LEAF, BRANCH };

static enum role role_of(const struct pl_route *route, const char *path, const struct pl_prop **prop)
{
  size_t n = strlen(path);
  enum role role = UNKNOWN;
  for (size_t t = 0; t < sizeof route->props / sizeof route->props[0]; t++)
    for (size_t i = 0; i < route->props[t].count; i++) {
      const struct pl_prop *p = &route->props[t].rows[i];
      if (!strcmp(p->path, path)) {
        *prop = p;
        role = role == BRANCH ? BRANCH : LEAF;
      }
      if (!strncmp(p->path, path, n) && p->path[n] == '/')
        role = BRANCH;
    }
  return role;
}

static void set_one(struct pl_open_exchange *x, const char *path, const struct pl_prop *prop, struct json_object *value)
{
  if (!prop->write) {
    pl_say(&x->x, 0, path, "PropertyNotWritable", path, NULL);
    return;
  }
  enum fit how = fit(prop->write, value);
  if (how) {
    say_unfit(x, how, path, prop->write, value);
    return;
  }
  unsigned before = x->n_errors;
  prop->set(&x->x, prop, value);
  x->n_done += x->n_errors == before;
}

static void set_all(struct pl_open_exchange *x, struct json_object *object, const char *prefix)
{
  json_object_object_foreach(object, name, value)
  {
    char path[200];
    const struct pl_prop *prop = NULL;
    int n = snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "/" : "", name);
    enum role role = n < (int)sizeof path && !strchr(name, '/') ? role_of(x->x.res.route, path, &prop) : UNKNOWN;
    if (strchr(name, '@'))
      continue; /* DSP0266: annotations in a PATCH are ignored */
    if (role == LEAF)
      set_one(x, path, prop, value);
    else if (role == BRANCH && json_object_is_type(value, json_type_object))
      set_all(x, value, path);
    else if (role == BRANCH)
      pl_say(&x->x, 0, path, "PropertyValueTypeError", "...", path, NULL);
    else if (!*prefix && (!strcmp(name, "Id") || !strcmp(name, "Name") || !strcmp(name, "Members") || !strcmp(name, "Actions")))
      pl_say(&x->x, 0, path, "PropertyNotWritable", path, NULL);
    else
      pl_say(&x->x, 0, path, "PropertyUnknown", path, NULL);
  }
}

void pl_write_patch(struct pl_open_exchange *x)
{
  x->patching = true;
  if (x->x.body)
    set_all(x, x->x.body, "");
  if (!x->n_done && !x->n_errors)
    pl_say(&x->x, 0, NULL, "NoOperation", NULL);
  else if (x->n_done && x->x.res.route->patched)
    x->x.res.route->patched(&x->x);
}

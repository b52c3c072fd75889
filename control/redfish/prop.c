/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"

#include <math.h>

/* Ready getters: one for each kind of source that a row may name. */

enum pl_has pl_get_text(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)res;
  *value = json_object_new_string(prop->a);
  return PL_SHOW;
}

enum pl_has pl_get_flag(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)res;
  *value = json_object_new_boolean(prop->x != 0);
  return PL_SHOW;
}

enum pl_has pl_get_number(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)res;
  *value = pl_json_number(prop->x);
  return PL_SHOW;
}

enum pl_has pl_get_null(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)res;
  (void)prop;
  *value = NULL;
  return PL_SHOW;
}

enum pl_has pl_get_empty(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)res;
  (void)prop;
  *value = json_object_new_object();
  return PL_SHOW;
}

enum pl_has pl_get_texts(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)res;
  *value = json_object_new_array();
  for (const char *const *text = prop->table; *text; text++)
    json_object_array_add(*value, json_object_new_string(*text));
  return PL_SHOW;
}

bool pl_uri_expand(const struct pl_res *res, const char *template, char *out, size_t size)
{
  size_t n = 0;
  if (*template != '/')
    n = (size_t)snprintf(out, size, "%s/", res->uri);
  for (const char *p = template; *p && n < size;) {
    if (p[0] == '{' && p[1] >= '0' && p[1] <= '9' && p[2] == '}') {
      size_t k = (size_t)(p[1] - '0');
      if (k >= res->n_ids)
        return false;
      n += (size_t)snprintf(out + n, size - n, "%s", res->ids[k]);
      p += 3;
    } else
      out[n++] = *p++;
  }
  if (n >= size)
    return false;
  out[n] = '\0';
  return true;
}

static bool there(const struct pl_res *res, const char *uri)
{
  struct pl_res other;
  if (pl_res_find(res->stack, uri, &other))
    return false;
  pl_res_end(&other);
  return true;
}

enum pl_has pl_get_link(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char uri[PL_URI_MAX];
  if (!pl_uri_expand(res, prop->a, uri, sizeof uri) || !there(res, uri))
    return PL_OMIT;
  *value = pl_json_link(uri);
  return PL_SHOW;
}

enum pl_has pl_get_uri(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char uri[PL_URI_MAX];
  if (!pl_uri_expand(res, prop->a, uri, sizeof uri) || !there(res, uri))
    return PL_OMIT;
  *value = json_object_new_string(uri);
  return PL_SHOW;
}

struct json_object *pl_json_link(const char *uri)
{
  struct json_object *link = json_object_new_object();
  json_object_object_add(link, "@odata.id", json_object_new_string(uri));
  return link;
}

/* Rounded to millionths, which is what a reading has; as few digits as say so. */
struct json_object *pl_json_number(double value)
{
  double rounded = round(value * 1e6) / 1e6;
  if (rounded == floor(rounded) && fabs(rounded) < 1e15)
    return json_object_new_int64((int64_t)rounded);
  char text[40];
  snprintf(text, sizeof text, "%.6f", rounded);
  size_t n = strlen(text);
  while (n > 2 && text[n - 1] == '0' && text[n - 2] != '.')
    text[--n] = '\0';
  return json_object_new_double_s(rounded, text);
}

char *pl_redfish_time(int64_t wall_ns, char *out, size_t size)
{
  time_t seconds = (time_t)(wall_ns / PL_S);
  struct tm tm;
  gmtime_r(&seconds, &tm);
  strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
  return out;
}

static bool next_word(const char **path, char *word, size_t size)
{
  size_t n = strcspn(*path, "/");
  if (!n)
    return false;
  snprintf(word, size, "%.*s", (int)n, *path);
  *path += n + ((*path)[n] == '/');
  return true;
}

void pl_json_put_path(struct json_object *object, const char *path, struct json_object *value)
{
  char word[96];
  while (next_word(&path, word, sizeof word)) {
    if (!*path) {
      json_object_object_add(object, word, value);
      return;
    }
    struct json_object *below;
    if (!json_object_object_get_ex(object, word, &below) || !json_object_is_type(below, json_type_object)) {
      below = json_object_new_object();
      json_object_object_add(object, word, below);
    }
    object = below;
  }
  json_object_put(value);
}

struct json_object *pl_json_path(struct json_object *object, const char *path, bool *found)
{
  char word[96];
  *found = true;
  while (*found && next_word(&path, word, sizeof word)) {
    struct json_object *below = NULL;
    *found = json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, word, &below);
    object = below;
  }
  return *found ? object : NULL;
}

struct json_object *pl_json_member(struct json_object *object, const char *name)
{
  struct json_object *value = NULL;
  return json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, name, &value) ? value : NULL;
}

const char *pl_json_text(struct json_object *object, const char *name)
{
  struct json_object *value = pl_json_member(object, name);
  return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

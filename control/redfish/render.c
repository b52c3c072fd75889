/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"

/* Resources from their tables. */

static void head_of(const struct pl_res *res, struct json_object *object)
{
  const char *type = res->route->type;
  char text[160];
  json_object_object_add(object, "@odata.id", json_object_new_string(res->uri));
  snprintf(text, sizeof text, "#%s", type);
  json_object_object_add(object, "@odata.type", json_object_new_string(text));
  if (res->route->members)
    return;
  const char *slash = strrchr(res->uri, '/');
  json_object_object_add(object, "Id", json_object_new_string(slash ? slash + 1 : res->uri));
  if (res->route->name)
    json_object_object_add(object, "Name", json_object_new_string(res->route->name));
}

static void put_props(const struct pl_res *res, struct json_object *object, bool excerpt, unsigned without)
{
  for (size_t t = 0; t < sizeof res->route->props / sizeof res->route->props[0]; t++)
    for (size_t i = 0; i < res->route->props[t].count; i++) {
      const struct pl_prop *prop = &res->route->props[t].rows[i];
      struct json_object *value = NULL;
      if ((!excerpt || prop->flags & PL_PROP_EXCERPT) && !(prop->flags & without) && prop->get && prop->get(res, prop, &value) == PL_SHOW)
        pl_json_put_path(object, prop->path, value);
    }
}

static void put_choices(struct json_object *object, const struct pl_field *field)
{
  if (!field->choices)
    return;
  char name[96];
  snprintf(name, sizeof name, "%s@Redfish.AllowableValues", field->name);
  struct json_object *choices = json_object_new_array();
  for (const char *const *choice = field->choices; *choice; choice++)
    json_object_array_add(choices, json_object_new_string(*choice));
  json_object_object_add(object, name, choices);
}

bool pl_action_is_own(const struct pl_action *action)
{
  return !strncmp(action->name, "Plumbline", 9);
}

static void put_actions(const struct pl_res *res, struct json_object *object)
{
  struct json_object *actions = json_object_new_object(), *own = json_object_new_object();
  for (size_t i = 0; i < res->route->n_actions; i++) {
    const struct pl_action *action = &res->route->actions[i];
    if (action->offered && !action->offered(res))
      continue;
    struct json_object *entry = json_object_new_object();
    char text[PL_URI_MAX + 96];
    snprintf(text, sizeof text, "%s/Actions/%s%s", res->uri, pl_action_is_own(action) ? "Oem/" : "", action->name);
    json_object_object_add(entry, "target", json_object_new_string(text));
    for (size_t f = 0; f < action->n_fields; f++)
      put_choices(entry, &action->fields[f]);
    snprintf(text, sizeof text, "#%s", action->name);
    json_object_object_add(pl_action_is_own(action) ? own : actions, text, entry);
  }
  if (json_object_object_length(own))
    json_object_object_add(actions, "Oem", own);
  else
    json_object_put(own);
  if (json_object_object_length(actions))
    json_object_object_add(object, "Actions", actions);
  else
    json_object_put(actions);
}

struct json_object *pl_render_collection(const struct pl_res *res, char *const *uris, size_t count, size_t total, const char *next_link)
{
  struct json_object *object = json_object_new_object();
  head_of(res, object);
  json_object_object_add(object, "Name", json_object_new_string(res->route->name));
  put_props(res, object, false, 0);
  json_object_object_add(object, "Members@odata.count", json_object_new_int64((int64_t)total));
  struct json_object *members = json_object_new_array();
  for (size_t i = 0; i < count; i++)
    json_object_array_add(members, pl_json_link(uris[i]));
  json_object_object_add(object, "Members", members);
  if (next_link)
    json_object_object_add(object, "Members@odata.nextLink", json_object_new_string(next_link));
  return object;
}

static struct json_object *render(const struct pl_res *res, bool excerpt, unsigned without)
{
  struct json_object *object = json_object_new_object();
  if (!(res->route->flags & PL_ROUTE_PLAIN))
    head_of(res, object);
  put_props(res, object, excerpt, without);
  if (!excerpt)
    put_actions(res, object);
  if (excerpt) { /* an excerpt is no resource: DSP0266 "The excerpt query parameter" keeps @odata.id and @odata.type */
    json_object_object_del(object, "Id");
    json_object_object_del(object, "Name");
  }
  return object;
}

struct json_object *pl_render(const struct pl_res *res, bool excerpt)
{
  return render(res, excerpt, 0);
}

struct json_object *pl_res_render(const struct pl_res *res)
{
  if (!res->route->members)
    return render(res, false, 0);
  struct pl_members members;
  pl_members_of(res, &members);
  struct json_object *object = pl_render_collection(res, members.uris, members.count, members.count, NULL);
  pl_members_free(&members);
  return object;
}

struct json_object *pl_uri_render(struct pl_stack *stack, const char *uri)
{
  struct pl_res res;
  if (pl_res_find(stack, uri, &res))
    return NULL;
  struct json_object *object = res.route->raw ? NULL : pl_res_render(&res);
  pl_res_end(&res);
  return object;
}

static uint64_t hash_of(const char *text, uint64_t hash) /* FNV-1a */
{
  for (; *text; text++)
    hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
  return hash;
}

static bool is_volatile(const struct pl_route *route)
{
  for (size_t t = 0; t < sizeof route->props / sizeof route->props[0]; t++)
    for (size_t i = 0; i < route->props[t].count; i++)
      if (route->props[t].rows[i].flags & PL_PROP_VOLATILE)
        return true;
  return false;
}

char *pl_res_etag(const struct pl_res *res, struct json_object *object, char *out, size_t size)
{
  struct json_object *steady = is_volatile(res->route) ? render(res, false, PL_PROP_VOLATILE) : json_object_get(object);
  const char *text = json_object_to_json_string_ext(steady, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
  snprintf(out, size, "\"%016llx\"", (unsigned long long)hash_of(text, 0xcbf29ce484222325));
  json_object_put(steady);
  return out;
}

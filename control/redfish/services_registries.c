/* SPDX-License-Identifier: Apache-2.0 */
/* Registries (MessageRegistryFile v1.1) and JsonSchemas (JsonSchemaFile v1.1): where a client finds what the messages and types here mean. DMTF publishes its own;
 * the schema of what is Plumbline's is served here (services_metadata.c). */
#include "control/redfish/route.h"
#include "control/redfish/services_types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum pl_has show_text(struct json_object **value, const char *text)
{
  *value = json_object_new_string(text);
  return PL_SHOW;
}

static const char *const LANGUAGES[] = {"en", NULL};

static struct json_object *location(const char *key, const char *uri)
{
  struct json_object *list = json_object_new_array(), *o = json_object_new_object();
  json_object_object_add(o, "Language", json_object_new_string("en"));
  json_object_object_add(o, key, json_object_new_string(uri));
  json_object_array_add(list, o);
  return list;
}

/* Registries: those that messages.c and the service's own answers (Base) are of. The errata version is not part of a message's id (DSP0266). */
static const char *const REGISTRIES[] = {
    "Base.1.22.1",        "ResourceEvent.1.4.3", "TaskEvent.1.0.5",       "Environmental.1.4.0",  "Power.1.2.0",
    "SensorEvent.1.1.0",  "LogService.1.1.0",    "AccountSecurity.1.0.1", "HeartbeatEvent.1.1.1",  "Composition.1.1.3", "Telemetry.1.1.1",
};
enum { N_REGISTRIES = sizeof REGISTRIES / sizeof REGISTRIES[0] };

static void registries(const struct pl_res *res, struct pl_members *members)
{
  (void)res;
  for (size_t i = 0; i < N_REGISTRIES; i++)
    pl_members_add(members, REGISTRIES[i]);
}

static bool find_registry(struct pl_res *res)
{
  for (res->index = 0; res->index < N_REGISTRIES; res->index++)
    if (!strcmp(REGISTRIES[res->index], res->ids[0]))
      return true;
  return false;
}

static enum pl_has get_registry_name(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[96];
  (void)prop;
  snprintf(text, sizeof text, "%s Message Registry File", res->ids[0]);
  return show_text(value, text);
}

static enum pl_has get_registry(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string_len(res->ids[0], (int)(strrchr(res->ids[0], '.') - res->ids[0]));
  return PL_SHOW;
}

static enum pl_has get_registry_location(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char uri[PL_URI_MAX];
  (void)prop;
  snprintf(uri, sizeof uri, "https://redfish.dmtf.org/registries/%s.json", REGISTRIES[res->index]);
  *value = location("PublicationUri", uri);
  return PL_SHOW;
}

static const struct pl_prop REGISTRY[] = {
    PL_CALLS("Name", get_registry_name),
    PL_CALLS("Registry", get_registry),
    PL_TEXTS("Languages", LANGUAGES),
    PL_CALLS("Location", get_registry_location),
};

/* Schemas: one for each type that the routes name. */

static void add_schema(void *ctx, const char *type)
{
  char id[128];
  snprintf(id, sizeof id, "%.*s", (int)(strrchr(type, '.') - type), type);
  pl_members_add(ctx, id);
}

static void schemas(const struct pl_res *res, struct pl_members *members)
{
  (void)res;
  pl_types_each(add_schema, members);
  pl_own_types_each(add_schema, members);
}

struct wanted {
  const char *id, *type;
};

static void look_for(void *ctx, const char *type)
{
  struct wanted *w = ctx;
  size_t n = (size_t)(strrchr(type, '.') - type);
  if (strlen(w->id) == n && !strncmp(type, w->id, n))
    w->type = type;
}

static bool find_schema(struct pl_res *res)
{
  struct wanted w = {.id = res->ids[0]};
  pl_types_each(look_for, &w);
  pl_own_types_each(look_for, &w);
  res->what = w.type;
  return w.type;
}

static enum pl_has get_schema_name(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[160];
  (void)prop;
  snprintf(text, sizeof text, "%s Schema File", res->ids[0]);
  return show_text(value, text);
}

static enum pl_has get_schema(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[160];
  (void)prop;
  snprintf(text, sizeof text, "#%s", (const char *)res->what);
  return show_text(value, text);
}

static enum pl_has get_schema_location(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char uri[PL_URI_MAX];
  bool own = !strncmp(res->ids[0], "Plumbline", 9);
  (void)prop;
  snprintf(uri, sizeof uri, own ? "/redfish/v1/Schemas/%s.json" : "http://redfish.dmtf.org/schemas/v1/%s.json", res->ids[0]);
  *value = location(own ? "Uri" : "PublicationUri", uri);
  return PL_SHOW;
}

static const struct pl_prop SCHEMA[] = {
    PL_CALLS("Name", get_schema_name),
    PL_CALLS("Schema", get_schema),
    PL_TEXTS("Languages", LANGUAGES),
    PL_CALLS("Location", get_schema_location),
};

static const struct pl_route ROUTES[] = {
    {.uri = "/redfish/v1/Registries",
     .type = "MessageRegistryFileCollection.MessageRegistryFileCollection",
     .name = "Registries",
     .members = registries,
     .flags = PL_ROUTE_CACHED},
    {.uri = "/redfish/v1/Registries/{}",
     .type = "MessageRegistryFile.v1_1_5.MessageRegistryFile",
     .props = {PL_PROPS(REGISTRY)},
     .find = find_registry,
     .flags = PL_ROUTE_CACHED},
    {.uri = "/redfish/v1/JsonSchemas", .type = "JsonSchemaFileCollection.JsonSchemaFileCollection", .name = "Schemas", .members = schemas, .flags = PL_ROUTE_CACHED},
    {.uri = "/redfish/v1/JsonSchemas/{}",
     .type = "JsonSchemaFile.v1_1_5.JsonSchemaFile",
     .props = {PL_PROPS(SCHEMA)},
     .find = find_schema,
     .flags = PL_ROUTE_CACHED},
};
const struct pl_routes_desc pl_routes_services_registries = PL_ROUTES(ROUTES);

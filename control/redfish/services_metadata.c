/* SPDX-License-Identifier: Apache-2.0 */
/* $metadata, the OData service document (DSP0266 "OData metadata", "OData service document") and the schemas that are Plumbline's own. What there is follows from
 * the routes. */
#include "control/redfish/route.h"
#include "control/redfish/services_types.h"

#include "redfish_schemas.h" /* made from control/redfish/schemas by module.mk */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPES_MAX = 256 };

/* The schemas that are Plumbline's own, in both forms. */
static const struct own_schema {
  const char *file, *type; /* type NULL: CSDL */
  const unsigned char *bytes;
  size_t size;
} OWN[] = {
#define BYTES(NAME) PL_SCHEMA_##NAME, sizeof PL_SCHEMA_##NAME
    {"PlumblineComputerSystem.v1_0_0.json", "PlumblineComputerSystem.v1_0_0.ComputerSystem", BYTES(PLUMBLINECOMPUTERSYSTEM_V1_0_0_JSON)},
    {"PlumblineEvent.v1_0_0.json", "PlumblineEvent.v1_0_0.Gap", BYTES(PLUMBLINEEVENT_V1_0_0_JSON)},
    {"PlumblinePlacement.v1_0_0.json", "PlumblinePlacement.v1_0_0.Request", BYTES(PLUMBLINEPLACEMENT_V1_0_0_JSON)},
    {"PlumblineTask.v1_0_0.json", "PlumblineTask.v1_0_0.Task", BYTES(PLUMBLINETASK_V1_0_0_JSON)},
    {"PlumblineUnit.v1_0_0.json", "PlumblineUnit.v1_0_0.Unit", BYTES(PLUMBLINEUNIT_V1_0_0_JSON)},
    {"PlumblineComputerSystem_v1.xml", NULL, BYTES(PLUMBLINECOMPUTERSYSTEM_V1_XML)},
    {"PlumblineEvent_v1.xml", NULL, BYTES(PLUMBLINEEVENT_V1_XML)},
    {"PlumblinePlacement_v1.xml", NULL, BYTES(PLUMBLINEPLACEMENT_V1_XML)},
    {"PlumblineTask_v1.xml", NULL, BYTES(PLUMBLINETASK_V1_XML)},
    {"PlumblineUnit_v1.xml", NULL, BYTES(PLUMBLINEUNIT_V1_XML)},
};
enum { N_OWN = sizeof OWN / sizeof OWN[0] };

void pl_own_types_each(void (*fn)(void *ctx, const char *type), void *ctx)
{
  for (size_t i = 0; i < N_OWN; i++)
    if (OWN[i].type)
      fn(ctx, OWN[i].type);
}

static int by_text(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void pl_types_each(void (*fn)(void *ctx, const char *type), void *ctx)
{
  const char *types[TYPES_MAX];
  size_t count = 0;
  for (size_t i = 0; i < pl_n_routes_tables; i++)
    for (size_t j = 0; j < pl_routes_tables[i]->count && count < TYPES_MAX; j++)
      if (strchr(pl_routes_tables[i]->routes[j].type, '.'))
        types[count++] = pl_routes_tables[i]->routes[j].type;
  qsort(types, count, sizeof types[0], by_text);
  for (size_t i = 0; i < count; i++)
    if (!i || strcmp(types[i], types[i - 1]))
      fn(ctx, types[i]);
}

static void refer(FILE *f, const char *uri, const char *first, int n_first, const char *second, int n_second)
{
  fprintf(f, "  <edmx:Reference Uri=\"%s\">\n    <edmx:Include Namespace=\"%.*s\"/>\n", uri, n_first, first);
  if (second)
    fprintf(f, "    <edmx:Include Namespace=\"%.*s\"/>\n", n_second, second);
  fprintf(f, "  </edmx:Reference>\n");
}

/* "Chassis.v1_28_0.Chassis" is of the file Chassis_v1.xml, which has the namespaces Chassis and Chassis.v1_28_0. */
static void refer_to_type(void *ctx, const char *type)
{
  char uri[PL_URI_MAX];
  int name = (int)strcspn(type, "."), space = (int)(strrchr(type, '.') - type);
  bool own = !strncmp(type, "Plumbline", 9);
  snprintf(uri, sizeof uri, own ? "/redfish/v1/Schemas/%.*s_v1.xml" : "http://redfish.dmtf.org/schemas/v1/%.*s_v1.xml", name, type);
  refer(ctx, uri, type, name, space > name ? type : NULL, space);
}

static void write_metadata(FILE *f)
{
  fprintf(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
             "<edmx:Edmx xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\" Version=\"4.0\">\n");
  pl_types_each(refer_to_type, f);
  pl_own_types_each(refer_to_type, f);
  refer(f, "http://redfish.dmtf.org/schemas/v1/Resource_v1.xml", "Resource", 8, "Resource.v1_0_0", 15);
  refer(f, "http://redfish.dmtf.org/schemas/v1/Event_v1.xml", "Event", 5, "Event.v1_13_0", 13);
  refer(f, "http://redfish.dmtf.org/schemas/v1/Message_v1.xml", "Message", 7, "Message.v1_3_0", 14);
  fprintf(f, "  <edmx:Reference Uri=\"http://redfish.dmtf.org/schemas/v1/RedfishExtensions_v1.xml\">\n"
             "    <edmx:Include Namespace=\"RedfishExtensions.v1_0_0\" Alias=\"Redfish\"/>\n"
             "  </edmx:Reference>\n");
  fprintf(f, "  <edmx:DataServices>\n"
             "    <Schema xmlns=\"http://docs.oasis-open.org/odata/ns/edm\" Namespace=\"Service\">\n"
             "      <EntityContainer Name=\"Service\" Extends=\"ServiceRoot.v1_20_0.ServiceContainer\"/>\n"
             "    </Schema>\n"
             "  </edmx:DataServices>\n"
             "</edmx:Edmx>\n");
}

static void answer_metadata(struct pl_exchange *x)
{
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (f) {
    write_metadata(f);
    fclose(f);
  }
  if (text)
    pl_answer_bytes(x, 200, "application/xml", text, size);
  else
    pl_say(x, 500, NULL, "InternalError", NULL);
  free(text);
}

/* What stands directly below the service root. */
static enum pl_has get_singletons(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  static const char ROOT[] = "/redfish/v1/";
  (void)res, (void)prop;
  *value = json_object_new_array();
  for (size_t i = 0; i < pl_n_routes_tables; i++)
    for (size_t j = 0; j < pl_routes_tables[i]->count; j++) {
      const struct pl_route *route = &pl_routes_tables[i]->routes[j];
      const char *name = strncmp(route->uri, ROOT, sizeof ROOT - 1) ? !strcmp(route->uri, "/redfish/v1") ? "Service" : NULL : route->uri + sizeof ROOT - 1;
      if (!name || strpbrk(name, "/{$") || route->raw || route->flags & PL_ROUTE_HIDDEN || !strcmp(name, "odata"))
        continue;
      struct json_object *o = json_object_new_object();
      json_object_object_add(o, "name", json_object_new_string(name));
      json_object_object_add(o, "kind", json_object_new_string("Singleton"));
      json_object_object_add(o, "url", json_object_new_string(strcmp(name, "Service") ? route->uri : ROOT));
      json_object_array_add(*value, o);
    }
  return PL_SHOW;
}

static const struct pl_prop ODATA[] = {PL_TEXT("@odata.context", "/redfish/v1/$metadata"), PL_CALLS("value", get_singletons)};

static bool find_own(struct pl_res *res)
{
  for (res->index = 0; res->index < N_OWN; res->index++)
    if (!strcmp(OWN[res->index].file, res->ids[0]))
      return true;
  return false;
}

static void answer_own(struct pl_exchange *x)
{
  const struct own_schema *own = &OWN[x->res.index];
  pl_answer_bytes(x, 200, own->type ? "application/json" : "application/xml", own->bytes, own->size);
}

static const struct pl_route ROUTES[] = {
    {.uri = "/redfish/v1/$metadata", .type = "Plain", .raw = answer_metadata, .flags = PL_ROUTE_OPEN | PL_ROUTE_HIDDEN | PL_ROUTE_CACHED},
    {.uri = "/redfish/v1/odata", .type = "Plain", .props = {PL_PROPS(ODATA)}, .flags = PL_ROUTE_OPEN | PL_ROUTE_PLAIN | PL_ROUTE_HIDDEN | PL_ROUTE_CACHED},
    {.uri = "/redfish/v1/Schemas/{}", .type = "Plain", .find = find_own, .raw = answer_own, .flags = PL_ROUTE_HIDDEN | PL_ROUTE_CACHED},
};
const struct pl_routes_desc pl_routes_services_metadata = PL_ROUTES(ROUTES);

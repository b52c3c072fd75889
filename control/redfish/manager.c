/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"
#include "control/redfish/shape.h"

/* The manager: this stack itself. */

static void list_managers(const struct pl_res *res, struct pl_members *members)
{
  (void)res;
  pl_members_add(members, "rackd");
}

static enum pl_has get_uuid(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(res->stack->uuid);
  return PL_SHOW;
}

static enum pl_has get_time(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[32];
  int64_t now = prop->x != 0 ? res->stack->service->started_wall_ns : pl_clock_wall_ns(res->stack->clock, pl_clock_now(res->stack->clock));
  *value = json_object_new_string(pl_redfish_time(now, text, sizeof text));
  return PL_SHOW;
}

static const struct pl_prop MANAGER[] = {
    PL_TEXT("ManagerType", "RackManager"),
    PL_TEXT("Description", "The control stack of this rack"),
    PL_STATUS_ENABLED,
    PL_TEXT("Manufacturer", "Plumbline"),
    PL_TEXT("Model", "rackd"),
    PL_TEXT("FirmwareVersion", PL_VERSION),
    PL_TEXT("PowerState", "On"),
    PL_CALLS("UUID", get_uuid),
    PL_CALLS("ServiceEntryPointUUID", get_uuid),
    {.path = "DateTime", .get = get_time, .flags = PL_PROP_VOLATILE},
    PL_TEXT("DateTimeLocalOffset", "+00:00"),
    {.path = "LastResetTime", .get = get_time, .x = 1},
    PL_LINK("NetworkProtocol", "NetworkProtocol"),
    PL_LINK("LogServices", "LogServices"),
    {.path = "Links/ManagerForChassis", .get = pl_get_units, .x = PL_ITEM_RACK},
};

static enum pl_has get_servers(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  const struct pl_inventory *inventory = res->stack->inventory;
  *value = json_object_new_array();
  for (const struct pl_item *csu = pl_inventory_first(inventory, PL_ITEM_CSU); csu; csu = pl_item_next(inventory, csu)) {
    char uri[PL_URI_MAX];
    snprintf(uri, sizeof uri, "/redfish/v1/Systems/%s", csu->id);
    json_object_array_add(*value, pl_json_link(uri));
  }
  return PL_SHOW;
}

static const struct pl_prop LINKS[] = {PL_CALLS("Links/ManagerForServers", get_servers)};

static const struct pl_route ROUTES[] = {
    {.uri = "/redfish/v1/Managers", .type = "ManagerCollection.ManagerCollection", .name = "Managers", .members = list_managers, .flags = PL_ROUTE_CACHED},
    {.uri = "/redfish/v1/Managers/rackd", .type = "Manager.v1_24_0.Manager", .name = "Rack Manager", .props = {PL_PROPS(MANAGER), PL_PROPS(LINKS)}},
};
const struct pl_routes_desc pl_routes_managers = PL_ROUTES(ROUTES);

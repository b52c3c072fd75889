/* SPDX-License-Identifier: Apache-2.0 */
/* UpdateService (v1.17): which software stands where, as the devices say of themselves. Nothing here can be updated over Redfish, so no action says that it could.
 * Fabrics: a rack whose rig names no switches has none. */
#include "control/redfish/route.h"
#include "control/redfish/services_room.h"

#include <stdio.h>
#include <string.h>

#define SERVICE_URI "/redfish/v1/UpdateService"

static const struct pl_prop SERVICE[] = {
    PL_TEXT("Name", "Update Service"),
    PL_TEXT("Description", "Which firmware and software stands where"),
    PL_FLAG("ServiceEnabled", false),
    PL_TEXT("Status/State", "Disabled"),
    PL_LINK("FirmwareInventory", "FirmwareInventory"),
    PL_LINK("SoftwareInventory", "SoftwareInventory"),
};

static enum pl_has show_text(struct json_object **value, const char *text)
{
  *value = *text ? json_object_new_string(text) : NULL;
  return *text ? PL_SHOW : PL_OMIT;
}

static bool has_firmware(const struct pl_item *item)
{
  return item && item->identified && item->identity.firmware[0];
}

static void firmware(const struct pl_res *res, struct pl_members *members)
{
  for (size_t i = 0; i < pl_inventory_count(res->stack->inventory); i++)
    if (has_firmware(pl_inventory_at(res->stack->inventory, i)))
      pl_members_add(members, pl_inventory_at(res->stack->inventory, i)->id);
}

static bool find_firmware(struct pl_res *res)
{
  res->item = pl_inventory_any(res->stack->inventory, res->ids[0]);
  return has_firmware(res->item);
}

static enum pl_has get_name(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[160];
  (void)prop;
  snprintf(text, sizeof text, "Firmware of %s", res->item->id);
  return show_text(value, text);
}

static enum pl_has get_version(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_text(value, res->item->identity.firmware);
}

static enum pl_has get_manufacturer(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  show_text(value, res->item->identity.manufacturer);
  return PL_SHOW; /* null: it does not say */
}

static enum pl_has get_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_text(value, pl_state_name(res->item->state));
}

static enum pl_has get_related(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char uri[PL_URI_MAX];
  (void)prop;
  *value = json_object_new_array();
  if (*pl_item_uri(res->item, uri, sizeof uri))
    json_object_array_add(*value, pl_json_link(uri));
  return PL_SHOW;
}

static const struct pl_prop FIRMWARE[] = {
    PL_CALLS("Name", get_name),   PL_CALLS("Version", get_version), PL_CALLS("Manufacturer", get_manufacturer), PL_CALLS("Status/State", get_state),
    PL_FLAG("Updateable", false), PL_CALLS("RelatedItem", get_related),
};

static void software(const struct pl_res *res, struct pl_members *members)
{
  (void)res;
  pl_members_add(members, PL_MANAGER_ID);
}

static bool find_software(struct pl_res *res)
{
  return !strcmp(res->ids[0], PL_MANAGER_ID);
}

static const struct pl_prop SOFTWARE[] = {
    PL_TEXT("Name", "Control stack"), PL_TEXT("Version", PL_VERSION), PL_TEXT("Manufacturer", "Plumbline"), PL_TEXT("Status/State", "Enabled"),
    PL_TEXT("Status/Health", "OK"),   PL_FLAG("Updateable", false),
};

static void nothing(const struct pl_res *res, struct pl_members *members)
{
  (void)res, (void)members;
}

static const struct pl_route ROUTES[] = {
    {.uri = SERVICE_URI, .type = "UpdateService.v1_17_0.UpdateService", .props = {PL_PROPS(SERVICE)}, .flags = PL_ROUTE_CACHED},
    {.uri = SERVICE_URI "/FirmwareInventory", .type = "SoftwareInventoryCollection.SoftwareInventoryCollection", .name = "Firmware", .members = firmware},
    {.uri = SERVICE_URI "/FirmwareInventory/{}", .type = "SoftwareInventory.v1_13_0.SoftwareInventory", .props = {PL_PROPS(FIRMWARE)}, .find = find_firmware},
    {.uri = SERVICE_URI "/SoftwareInventory", .type = "SoftwareInventoryCollection.SoftwareInventoryCollection", .name = "Software", .members = software},
    {.uri = SERVICE_URI "/SoftwareInventory/{}", .type = "SoftwareInventory.v1_13_0.SoftwareInventory", .props = {PL_PROPS(SOFTWARE)}, .find = find_software},
    {.uri = "/redfish/v1/Fabrics", .type = "FabricCollection.FabricCollection", .name = "Fabrics", .members = nothing},
};
const struct pl_routes_desc pl_routes_services_update = PL_ROUTES(ROUTES);

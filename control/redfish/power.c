/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"
#include "control/redfish/shape.h"

/* Power: the supplies and batteries of the rack, the shelf that they make, the bus bars and the mains. */

static bool is_rack(struct pl_res *res)
{
  return res->item->kind == PL_ITEM_RACK;
}

static bool has(const struct pl_res *res, enum pl_item_kind kind)
{
  return pl_inventory_first(res->stack->inventory, kind) != NULL;
}

static void list_supplies(const struct pl_res *res, struct pl_members *members)
{
  pl_list_kind(res, members, PL_ITEM_PSU);
}

static bool find_supply(struct pl_res *res)
{
  return pl_find_kind(res, 1, PL_ITEM_PSU);
}

static bool has_batteries(struct pl_res *res)
{
  return has(res, PL_ITEM_BATTERY);
}

static void list_batteries(const struct pl_res *res, struct pl_members *members)
{
  pl_list_kind(res, members, PL_ITEM_BATTERY);
}

static bool find_battery(struct pl_res *res)
{
  return pl_find_kind(res, 1, PL_ITEM_BATTERY);
}

static bool has_supplies(struct pl_res *res)
{
  return has(res, PL_ITEM_PSU);
}

static void list_shelf(const struct pl_res *res, struct pl_members *members)
{
  if (has(res, PL_ITEM_PSU))
    pl_members_add(members, "1");
}

static bool find_shelf(struct pl_res *res)
{
  if (strcmp(res->ids[0], "1") || !has(res, PL_ITEM_PSU))
    return false;
  res->item = pl_inventory_at(res->stack->inventory, 0);
  return true;
}

static void list_buses(const struct pl_res *res, struct pl_members *members)
{
  pl_list_kind(res, members, PL_ITEM_BUSBAR);
}

static bool has_buses(struct pl_res *res)
{
  return has(res, PL_ITEM_BUSBAR);
}

static bool find_bus(struct pl_res *res)
{
  return pl_find_kind(res, 0, PL_ITEM_BUSBAR);
}

static void list_feeds(const struct pl_res *res, struct pl_members *members)
{
  pl_list_kind(res, members, PL_ITEM_FEED);
}

static bool has_feeds(struct pl_res *res)
{
  return has(res, PL_ITEM_FEED);
}

static bool find_feed(struct pl_res *res)
{
  return pl_find_kind(res, 1, PL_ITEM_FEED);
}

/* By what it reads at its own input. */
static enum pl_has get_line_status(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  double vin;
  if (!pl_sense_value(res, pl_item_sense(res->item, "supply", "vin"), &vin))
    *value = NULL;
  else
    *value = json_object_new_string(vin < 80 ? "LossOfInput" : "Normal"); /* below the lowest mains there is (100 V - 10 %, IEC 60038) */
  return PL_SHOW;
}

static enum pl_has get_rail(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const struct pl_sense *sense = pl_item_sense(res->item, prop->a, prop->b);
  if (!sense)
    return PL_OMIT;
  *value = json_object_new_array();
  json_object_array_add(*value, pl_excerpt(res, res->item, sense));
  return PL_SHOW;
}

static enum pl_has get_charge_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  double current;
  if (!pl_sense_value(res, pl_item_sense(res->item, NULL, "battery-current"), &current))
    *value = NULL;
  else
    *value = json_object_new_string(current > 0.1 ? "Discharging" : current < -0.1 ? "Charging" : "Idle");
  return PL_SHOW;
}

/* The shelf is as well as its supplies. */
static enum pl_has get_shelf_health(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  enum pl_health health = PL_HEALTH_OK;
  const struct pl_inventory *inventory = res->stack->inventory;
  for (const struct pl_item *psu = pl_inventory_first(inventory, PL_ITEM_PSU); psu; psu = pl_item_next(inventory, psu))
    health = psu->health > health ? psu->health : health;
  *value = json_object_new_string(pl_health_name(health));
  return PL_SHOW;
}

static enum pl_has get_rack_link(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char uri[PL_URI_MAX];
  snprintf(uri, sizeof uri, "/redfish/v1/Chassis/%s%s", pl_inventory_at(res->stack->inventory, 0)->id, prop->a);
  *value = pl_json_link(uri);
  return PL_SHOW;
}

static const struct pl_prop SUBSYSTEM[] = {
    PL_STATUS_ENABLED,
    PL_LINK("PowerSupplies", "PowerSupplies"),
    PL_LINK("Batteries", "Batteries"),
    {.path = "PowerSupplyRedundancy", .get = pl_get_redundancy, .x = PL_ITEM_PSU},
};
static const struct pl_prop SUPPLY[] = {
    PL_CALLS("Name", pl_get_name),
    PL_STATUS_ROWS,
    PL_IDENTITY_ROWS,
    PL_IDENTITY("FirmwareVersion", firmware),
    PL_IDENTITY("Version", revision),
    PL_TEXT("PowerSupplyType", "AC"),
    PL_FLAG("HotPluggable", true),
    PL_FLAG("Replaceable", true),
    PL_CALLS("LineInputStatus", get_line_status),
    PL_LOCATION_ROWS("Bay"),
    PL_LINK("Metrics", "Metrics"),
    {.path = "Links/PoweringChassis", .get = pl_get_chassis_link},
    PL_OEM_ROW,
};
static const struct pl_prop SUPPLY_METRICS[] = {
    PL_CALLS("Status/State", pl_get_state),
    PL_CALLS("Status/Health", pl_get_health),
    PL_EXCERPT("InputVoltage", "supply", "vin"),
    PL_EXCERPT("InputCurrentAmps", "supply", "iin"),
    PL_EXCERPT("InputPowerWatts", "supply", "pin"),
    PL_EXCERPT("OutputPowerWatts", "supply", "pout"),
    {.path = "RailVoltage", .get = get_rail, .a = "supply", .b = "vout"},
    {.path = "RailCurrentAmps", .get = get_rail, .a = "supply", .b = "iout"},
    PL_EXCERPT("TemperatureCelsius", "supply", "temperature"),
};
static const struct pl_prop BATTERY[] = {
    PL_CALLS("Name", pl_get_name),
    PL_STATUS_ROWS,
    PL_IDENTITY_ROWS,
    PL_TEXT("EnergyStorageType", "Battery"),
    PL_CALLS("ChargeState", get_charge_state),
    PL_LOCATION_ROWS("Bay"),
    PL_LINK("Metrics", "Metrics"),
    PL_OEM_ROW,
};
static const struct pl_prop BATTERY_METRICS[] = {
    PL_EXCERPT("ChargePercent", NULL, "charge"),
    PL_EXCERPT("InputVoltage", NULL, "battery-voltage"),
    PL_EXCERPT("InputCurrentAmps", NULL, "battery-current"),
    PL_EXCERPT("TemperatureCelsius", NULL, "temperature"),
};
static const struct pl_prop EQUIPMENT[] = {
    PL_STATUS_ENABLED,
    PL_LINK("PowerShelves", "PowerShelves"),
    PL_LINK("ElectricalBuses", "ElectricalBuses"),
    PL_LINKS_ONE("Links/ManagedBy", PL_MANAGER_URI),
};
static const struct pl_prop SHELF[] = {
    PL_TEXT("EquipmentType", "PowerShelf"),
    PL_TEXT("Status/State", "Enabled"),
    PL_CALLS("Status/Health", get_shelf_health),
    {.path = "PowerSupplies", .get = get_rack_link, .a = "/PowerSubsystem/PowerSupplies"},
    {.path = "PowerSupplyRedundancy", .get = pl_get_redundancy, .x = PL_ITEM_PSU},
    PL_LINK("Mains", "Mains"),
    {.path = "Links/Chassis", .get = pl_get_chassis_link},
    PL_LINKS_ONE("Links/ManagedBy", PL_MANAGER_URI),
};
static const struct pl_prop BUS[] = {
    PL_CALLS("Name", pl_get_name),
    PL_TEXT("EquipmentType", "Bus"),
    PL_STATUS_ROWS,
    PL_LOCATION_ROWS("Backplane"),
    {.path = "Links/Chassis", .get = pl_get_chassis_link},
    PL_LINKS_ONE("Links/ManagedBy", PL_MANAGER_URI),
    PL_OEM_ROW,
};
static const struct pl_prop FEED[] = {
    PL_CALLS("Name", pl_get_name),
    PL_TEXT("CircuitType", "Mains"),
    PL_TEXT("PhaseWiringType", "OnePhase3Wire"),
    PL_STATUS_ROWS,
    PL_OEM_ROW,
};

#define CHASSIS "/redfish/v1/Chassis/{}/PowerSubsystem"
#define SHELVES "/redfish/v1/PowerEquipment/PowerShelves"
#define BUSES "/redfish/v1/PowerEquipment/ElectricalBuses"
#define DISTRIBUTIONS "PowerDistributionCollection.PowerDistributionCollection"
static const struct pl_route ROUTES[] = {
    {.uri = CHASSIS, .type = "PowerSubsystem.v1_1_3.PowerSubsystem", .name = "Power Subsystem", .props = {PL_PROPS(SUBSYSTEM)}, .find = is_rack},
    {.uri = CHASSIS "/PowerSupplies", .type = "PowerSupplyCollection.PowerSupplyCollection", .name = "Power Supplies", .members = list_supplies, .find = has_supplies,
     .flags = PL_ROUTE_CACHED},
    {.uri = CHASSIS "/PowerSupplies/{}", .type = "PowerSupply.v1_6_0.PowerSupply", .props = {PL_PROPS(SUPPLY)}, .find = find_supply, .flags = PL_ROUTE_CACHED},
    {.uri = CHASSIS "/PowerSupplies/{}/Metrics", .type = "PowerSupplyMetrics.v1_2_0.PowerSupplyMetrics", .name = "Power Supply Metrics",
     .props = {PL_PROPS(SUPPLY_METRICS)}, .flags = PL_ROUTE_CACHED},
    {.uri = CHASSIS "/Batteries", .type = "BatteryCollection.BatteryCollection", .name = "Batteries", .members = list_batteries, .find = has_batteries,
     .flags = PL_ROUTE_CACHED},
    {.uri = CHASSIS "/Batteries/{}", .type = "Battery.v1_5_0.Battery", .props = {PL_PROPS(BATTERY)}, .find = find_battery, .flags = PL_ROUTE_CACHED},
    {.uri = CHASSIS "/Batteries/{}/Metrics", .type = "BatteryMetrics.v1_1_0.BatteryMetrics", .name = "Battery Metrics", .props = {PL_PROPS(BATTERY_METRICS)},
     .flags = PL_ROUTE_CACHED},
    {.uri = "/redfish/v1/PowerEquipment", .type = "PowerEquipment.v1_2_3.PowerEquipment", .name = "Power Equipment", .props = {PL_PROPS(EQUIPMENT)},
     .flags = PL_ROUTE_CACHED},
    {.uri = SHELVES, .type = DISTRIBUTIONS, .name = "Power Shelves", .members = list_shelf, .find = has_supplies, .flags = PL_ROUTE_CACHED},
    {.uri = SHELVES "/{}", .type = "PowerDistribution.v1_6_0.PowerDistribution", .name = "Power Shelf", .props = {PL_PROPS(SHELF)}, .find = find_shelf},
    {.uri = SHELVES "/{}/Mains", .type = "CircuitCollection.CircuitCollection", .name = "Mains", .members = list_feeds, .find = has_feeds, .flags = PL_ROUTE_CACHED},
    {.uri = SHELVES "/{}/Mains/{}", .type = "Circuit.v1_9_0.Circuit", .props = {PL_PROPS(FEED)}, .find = find_feed, .flags = PL_ROUTE_CACHED},
    {.uri = BUSES, .type = DISTRIBUTIONS, .name = "Electrical Buses", .members = list_buses, .find = has_buses, .flags = PL_ROUTE_CACHED},
    {.uri = BUSES "/{}", .type = "PowerDistribution.v1_6_0.PowerDistribution", .props = {PL_PROPS(BUS)}, .find = find_bus, .flags = PL_ROUTE_CACHED},
};
const struct pl_routes_desc pl_routes_power = PL_ROUTES(ROUTES);

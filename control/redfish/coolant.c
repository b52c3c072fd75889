/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"
#include "control/redfish/shape.h"

#include "control/plant/plant.h"

#include <math.h>

/* ThermalEquipment: pump units (RPUs of Redfish) with their pumps, reservoirs and filters, loops, heat exchangers, and the valves that are coolant connectors. */

#define COUNT_OF(table) (sizeof table / sizeof table[0])

/* --- who is there --- */

static bool has(const struct pl_res *res, enum pl_item_kind kind)
{
  return pl_inventory_first(res->stack->inventory, kind) != NULL;
}

static bool has_units(struct pl_res *res)
{
  return has(res, PL_ITEM_PUMP_UNIT);
}

static bool has_exchangers(struct pl_res *res)
{
  return has(res, PL_ITEM_EXCHANGER);
}

static bool has_loops(struct pl_res *res)
{
  return has(res, PL_ITEM_LOOP);
}

static void list_units(const struct pl_res *res, struct pl_members *members)
{
  pl_list_kind(res, members, PL_ITEM_PUMP_UNIT);
}

static void list_exchangers(const struct pl_res *res, struct pl_members *members)
{
  pl_list_kind(res, members, PL_ITEM_EXCHANGER);
}

static void list_loops(const struct pl_res *res, struct pl_members *members)
{
  pl_list_kind(res, members, PL_ITEM_LOOP);
}

static bool find_unit(struct pl_res *res)
{
  return pl_find_kind(res, 0, PL_ITEM_PUMP_UNIT);
}

static bool find_exchanger(struct pl_res *res)
{
  return pl_find_kind(res, 0, PL_ITEM_EXCHANGER);
}

static bool find_loop(struct pl_res *res)
{
  return pl_find_kind(res, 0, PL_ITEM_LOOP);
}

static void list_pumps(const struct pl_res *res, struct pl_members *members)
{
  for (const struct pl_item *child = res->item->first_child; child; child = child->next_sibling) {
    char id[16];
    snprintf(id, sizeof id, "%u", child->ordinal);
    if (child->kind == PL_ITEM_PUMP)
      pl_members_add(members, id);
  }
}

static bool find_pump(struct pl_res *res)
{
  struct pl_item *child = res->item->first_child;
  for (; child; child = child->next_sibling) {
    char id[16];
    snprintf(id, sizeof id, "%u", child->ordinal);
    if (child->kind == PL_ITEM_PUMP && !strcmp(id, res->ids[1]))
      break;
  }
  res->item = child;
  return child != NULL;
}

/* Reservoirs and filters stand at the first pump unit: Redfish has no place for one that stands alone. */
static bool is_first(const struct pl_res *res)
{
  return res->item == pl_inventory_first(res->stack->inventory, PL_ITEM_PUMP_UNIT);
}

static bool has_reservoirs(struct pl_res *res)
{
  return is_first(res) && has(res, PL_ITEM_RESERVOIR);
}

static bool has_filters(struct pl_res *res)
{
  return is_first(res) && has(res, PL_ITEM_FILTER);
}

static void list_reservoirs(const struct pl_res *res, struct pl_members *members)
{
  pl_list_kind(res, members, PL_ITEM_RESERVOIR);
}

static void list_filters(const struct pl_res *res, struct pl_members *members)
{
  pl_list_kind(res, members, PL_ITEM_FILTER);
}

static bool find_reservoir(struct pl_res *res)
{
  return pl_find_kind(res, 1, PL_ITEM_RESERVOIR);
}

static bool find_filter(struct pl_res *res)
{
  return pl_find_kind(res, 1, PL_ITEM_FILTER);
}

/* --- a pump unit --- */

static enum pl_has get_stopped_mode(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  double stop;
  if (!pl_sense_value(res, pl_item_sense(res->item, "coolant", "stop"), &stop))
    return PL_OMIT;
  *value = json_object_new_string(stop != 0 ? "Disabled" : "Enabled");
  return PL_SHOW;
}

static bool can_set_mode(const struct pl_res *res)
{
  return pl_item_sense(res->item, "coolant", "stop") != NULL;
}

/* Stopped pumps leave heat in the CSUs: asked for is done, and the thermal emergency and the interlock stand behind it. */
static void run_set_mode(struct pl_exchange *x)
{
  const char *mode = pl_body_text(x, "Mode");
  pl_exchange_command(x, NULL, x->res.item, "coolant", "stop", mode && !strcmp(mode, "Disabled") ? PL_U : 0, NULL);
}

/* --- its coolant connectors: what goes out to the rack and comes back --- */

static bool find_secondary(struct pl_res *res)
{
  return !strcmp(res->ids[1], "1");
}

static void list_secondary(const struct pl_res *res, struct pl_members *members)
{
  (void)res;
  pl_members_add(members, "1");
}

static enum pl_has get_delta(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  double supply, back;
  bool pressure = strstr(prop->a, "pressure") != NULL;
  if (!pl_item_sense(res->item, "coolant", prop->a) || !pl_item_sense(res->item, "coolant", prop->b))
    return PL_OMIT;
  bool known = pl_sense_value(res, pl_item_sense(res->item, "coolant", prop->a), &supply) && pl_sense_value(res, pl_item_sense(res->item, "coolant", prop->b), &back);
  *value = json_object_new_object();
  json_object_object_add(*value, "Reading", known ? pl_json_number(pressure ? supply - back : back - supply) : NULL);
  return PL_SHOW;
}

static const struct pl_control *flow_control(const struct pl_res *res)
{
  const struct pl_control *controls = NULL;
  size_t n = res->stack->plant ? pl_plant_controls(res->stack->plant, &controls) : 0;
  for (size_t i = 0; i < n; i++)
    if (controls[i].item == res->item && !strcmp(controls[i].type, "LiquidFlowLPM"))
      return &controls[i];
  return NULL;
}

static enum pl_has get_flow_control(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  const struct pl_control *control = flow_control(res);
  double reading;
  char uri[PL_URI_MAX];
  if (!control)
    return PL_OMIT;
  snprintf(uri, sizeof uri, "/redfish/v1/Chassis/%s/Controls/%s", pl_chassis_of(res->item)->id, control->id);
  *value = json_object_new_object();
  json_object_object_add(*value, "SetPoint", pl_json_number(control->set_point));
  json_object_object_add(*value, "AllowableMin", pl_json_number(control->min));
  json_object_object_add(*value, "AllowableMax", pl_json_number(control->max));
  json_object_object_add(*value, "ControlMode", json_object_new_string(control->automatic ? "Automatic" : "Manual"));
  json_object_object_add(*value, "Reading", pl_sense_value(res, pl_item_sense(res->item, "coolant", "flow"), &reading) ? pl_json_number(reading) : NULL);
  json_object_object_add(*value, "DataSourceUri", json_object_new_string(uri));
  return PL_SHOW;
}

/* --- a pump --- */

static enum pl_has get_speed(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  double duty, rpm;
  const struct pl_item *unit = res->item->parent;
  const struct pl_sense *pwm = pl_item_sense(unit, "coolant", "pump-pwm"), *speed = pl_item_sense(res->item, NULL, "speed");
  char uri[PL_URI_MAX];
  *value = json_object_new_object();
  /* Percent is what it gets, rpm what it does; a pump that stands does so at 0 rpm, whatever it gets. */
  json_object_object_add(*value, "Reading", pl_sense_value(res, pwm, &duty) ? pl_json_number(duty) : NULL);
  if (!speed)
    return PL_SHOW;
  json_object_object_add(*value, "SpeedRPM", pl_sense_value(res, speed, &rpm) ? pl_json_number(rpm) : NULL);
  json_object_object_add(*value, "DataSourceUri", json_object_new_string(pl_sensor_uri(unit, speed, uri, sizeof uri)));
  return PL_SHOW;
}

/* --- a loop --- */

static const struct pl_item *unit_of_loop(const struct pl_res *res)
{
  const struct pl_inventory *inventory = res->stack->inventory;
  for (const struct pl_item *unit = pl_inventory_first(inventory, PL_ITEM_PUMP_UNIT); unit; unit = pl_item_next(inventory, unit))
    if (!strcmp(pl_loop_of(unit), res->item->id))
      return unit;
  return NULL;
}

static enum pl_has get_level(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  const struct pl_item *unit = res->item->kind == PL_ITEM_LOOP ? unit_of_loop(res) : pl_inventory_first(res->stack->inventory, PL_ITEM_PUMP_UNIT);
  const struct pl_sense *sense = unit ? pl_item_sense(unit, "coolant", "level") : NULL;
  if (!sense)
    return PL_OMIT;
  *value = pl_excerpt(res, unit, sense);
  return PL_SHOW;
}

static enum pl_has get_quantity_of_part(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  double flow = pl_part_value(res->item, prop->a, PL_DIM_FLOW, NAN);
  if (isnan(flow))
    return PL_OMIT;
  *value = pl_json_number(flow);
  return PL_SHOW;
}

/* --- valves: coolant connectors of a module, or of a loop --- */

static bool holds_valve(const struct pl_item *module)
{
  for (const struct pl_item *child = module->first_child; child; child = child->next_sibling)
    if (child->kind == PL_ITEM_VALVE)
      return true;
  return false;
}

static bool has_valves(struct pl_res *res)
{
  return res->item->kind == PL_ITEM_MODULE && holds_valve(res->item);
}

static void list_valves(const struct pl_res *res, struct pl_members *members)
{
  for (const struct pl_item *child = res->item->first_child; child; child = child->next_sibling)
    if (child->kind == PL_ITEM_VALVE)
      pl_members_add(members, child->id);
}

static bool find_valve(struct pl_res *res)
{
  const struct pl_item *module = res->item;
  return pl_find_kind(res, 1, PL_ITEM_VALVE) && res->item->parent == module;
}

static bool is_of_loop(const struct pl_item *valve, const struct pl_item *loop)
{
  return valve->parent->kind != PL_ITEM_MODULE && !strcmp(pl_loop_of(valve), loop->id);
}

static void list_loop_valves(const struct pl_res *res, struct pl_members *members)
{
  const struct pl_inventory *inventory = res->stack->inventory;
  for (const struct pl_item *valve = pl_inventory_first(inventory, PL_ITEM_VALVE); valve; valve = pl_item_next(inventory, valve))
    if (is_of_loop(valve, res->item))
      pl_members_add(members, valve->id);
}

static bool has_loop_valves(struct pl_res *res)
{
  const struct pl_inventory *inventory = res->stack->inventory;
  for (const struct pl_item *valve = pl_inventory_first(inventory, PL_ITEM_VALVE); valve; valve = pl_item_next(inventory, valve))
    if (is_of_loop(valve, res->item))
      return true;
  return false;
}

static bool find_loop_valve(struct pl_res *res)
{
  const struct pl_item *loop = res->item;
  return pl_find_kind(res, 1, PL_ITEM_VALVE) && is_of_loop(res->item, loop);
}

/* By its end switches: neither, or both, is no position. */
static enum pl_has get_position(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  double open, closed;
  bool known = pl_sense_value(res, pl_item_sense(res->item, "valve", "position-open"), &open) &&
               pl_sense_value(res, pl_item_sense(res->item, "valve", "position-closed"), &closed) && (open != 0) != (closed != 0);
  *value = json_object_new_object();
  json_object_object_add(*value, "Reading", known ? pl_json_number(open != 0 ? 100 : 0) : NULL);
  return PL_SHOW;
}

static bool can_control_valve(const struct pl_res *res)
{
  return pl_item_device(res->item, "valve") != NULL;
}

static void run_valve(struct pl_exchange *x)
{
  const char *state = pl_body_text(x, "ValveState");
  if (!state)
    pl_say(x, 0, "ValveState", "ActionParameterMissing", x->action->name, "ValveState", NULL);
  else
    pl_exchange_command(x, NULL, x->res.item, "valve", "open", strcmp(state, "Open") ? 0 : PL_U, NULL);
}

/* --- tables --- */

static const char *const MODES[] = {"Enabled", "Disabled", NULL};
static const char *const VALVE_STATES[] = {"Open", "Closed", NULL};
static const char *const VALVE_REASONS[] = {"Normal", "NotInUse", "LeakDetected", NULL};
static const struct pl_field MODE[] = {{.name = "Mode", .type = PL_FIELD_TEXT, .choices = MODES, .required = true}};
static const struct pl_field VALVE_FIELDS[] = {{.name = "ValveState", .type = PL_FIELD_TEXT, .choices = VALVE_STATES, .required = true},
                                               {.name = "ValveStateReason", .type = PL_FIELD_TEXT, .choices = VALVE_REASONS}};
static const struct pl_action UNIT_ACTIONS[] = {{.name = "CoolingUnit.SetMode", .fields = MODE, .n_fields = 1, .offered = can_set_mode, .run = run_set_mode}};
static const struct pl_action VALVE_ACTIONS[] = {
    {.name = "CoolantConnector.ValveControl", .fields = VALVE_FIELDS, .n_fields = COUNT_OF(VALVE_FIELDS), .offered = can_control_valve, .run = run_valve}};

static const struct pl_prop EQUIPMENT[] = {
    PL_STATUS_ENABLED,
    PL_LINK("RPUs", "RPUs"),
    PL_LINK("HeatExchangers", "HeatExchangers"),
    PL_LINK("CoolingLoops", "CoolingLoops"),
};
static const struct pl_prop UNIT[] = {
    PL_CALLS("Name", pl_get_name),
    PL_TEXT("EquipmentType", "RPU"),
    PL_STATUS_ROWS,
    PL_IDENTITY_ROWS,
    PL_IDENTITY("Version", revision),
    PL_LOCATION_ROWS("Bay"),
    PL_LINK("Pumps", "Pumps"),
    PL_LINK("Reservoirs", "Reservoirs"),
    PL_LINK("Filters", "Filters"),
    PL_LINK("PrimaryCoolantConnectors", "PrimaryCoolantConnectors"), /* the only ones that the schema has below an RPU (CoolantConnectorCollection, "Redfish.Uris") */
    PL_LINK("LeakDetection", "LeakDetection"),
    PL_LINK("EnvironmentMetrics", "EnvironmentMetrics"),
    {.path = "PumpRedundancy", .get = pl_get_redundancy, .x = PL_ITEM_PUMP},
    {.path = "Links/Chassis", .get = pl_get_chassis_link},
    PL_LINKS_ONE("Links/ManagedBy", PL_MANAGER_URI),
    PL_OEM_ROW,
};
static const struct pl_prop UNIT_OEM[] = {PL_CALLS("Oem/Plumbline/Mode", get_stopped_mode)};
static const struct pl_prop UNIT_ENVIRONMENT[] = {
    PL_EXCERPT("PowerWatts", "coolant", "power"),
    PL_EXCERPT("Voltage", "coolant", "vin"),
    PL_EXCERPT("AmbientTemperatureCelsius", "coolant", "air-temperature"),
};
static const struct pl_prop SECONDARY[] = {
    PL_TEXT("Name", "Supply to and return from the rack"),
    PL_CALLS("Status/State", pl_get_state),
    PL_CALLS("Status/Health", pl_get_health),
    PL_TEXT("CoolantConnectorType", "Pair"),
    PL_EXCERPT("FlowLitersPerMinute", "coolant", "flow"),
    PL_CALLS("FlowControlLitersPerMinute", get_flow_control),
    PL_EXCERPT("SupplyTemperatureCelsius", "coolant", "supply-temperature"),
    PL_EXCERPT("ReturnTemperatureCelsius", "coolant", "return-temperature"),
    {.path = "DeltaTemperatureCelsius", .get = get_delta, .a = "supply-temperature", .b = "return-temperature"},
    PL_EXCERPT("SupplyPressurekPa", "coolant", "supply-pressure"),
    PL_EXCERPT("ReturnPressurekPa", "coolant", "return-pressure"),
    {.path = "DeltaPressurekPa", .get = get_delta, .a = "supply-pressure", .b = "return-pressure"},
};
static const struct pl_prop PUMP[] = {
    PL_CALLS("Name", pl_get_name),
    PL_TEXT("PumpType", "Liquid"),
    PL_STATUS_ROWS,
    PL_CALLS("PumpSpeedPercent", get_speed),
    PL_OEM_ROW,
};
static const struct pl_prop RESERVOIR[] = {
    PL_CALLS("Name", pl_get_name),
    PL_TEXT("ReservoirType", "Reserve"),
    PL_STATUS_ROWS,
    PL_CALLS("FluidLevelPercent", get_level),
    PL_LOCATION_ROWS("Bay"),
    PL_OEM_ROW,
};
static const struct pl_prop FILTER[] = {PL_CALLS("Name", pl_get_name), PL_STATUS_ROWS, PL_FLAG("Replaceable", true), PL_LOCATION_ROWS("Bay"), PL_OEM_ROW};
static const struct pl_prop EXCHANGER[] = {
    PL_CALLS("Name", pl_get_name), PL_TEXT("EquipmentType", "HeatExchanger"),        PL_STATUS_ROWS,
    PL_LOCATION_ROWS("Bay"),       {.path = "Links/Chassis", .get = pl_get_chassis_link}, PL_LINKS_ONE("Links/ManagedBy", PL_MANAGER_URI),
    PL_OEM_ROW,
};
static const struct pl_prop LOOP[] = {
    PL_CALLS("Name", pl_get_name),
    PL_STATUS_ROWS,
    PL_TEXT("CoolingLoopType", "TCS"),
    PL_CALLS("CoolantLevelPercent", get_level),
    {.path = "RatedFlowLitersPerMinute", .get = get_quantity_of_part, .a = "design-flow"},
    PL_LINK("SecondaryCoolantConnectors", "SecondaryCoolantConnectors"),
    PL_LINKS_ONE("Links/ManagedBy", PL_MANAGER_URI),
    PL_OEM_ROW,
};
static const struct pl_prop VALVE[] = {
    PL_CALLS("Name", pl_get_name),
    PL_STATUS_ROWS,
    PL_TEXT("CoolantConnectorType", "Inline"),
    PL_CALLS("ValvePositionPercent", get_position),
    {.path = "Links/ConnectedChassis", .get = pl_get_chassis_link},
    PL_OEM_ROW,
};

#define CONNECTOR_TYPE "CoolantConnector.v1_3_0.CoolantConnector"
#define CONNECTORS_TYPE "CoolantConnectorCollection.CoolantConnectorCollection"
#define UNITS_TYPE "CoolingUnitCollection.CoolingUnitCollection"
#define UNIT_TYPE "CoolingUnit.v1_5_0.CoolingUnit"
#define MODULE "/redfish/v1/Chassis/{}/ThermalSubsystem/CoolantConnectors"
static const struct pl_route ROUTES[] = {
    {.uri = "/redfish/v1/ThermalEquipment", .type = "ThermalEquipment.v1_2_0.ThermalEquipment", .name = "Thermal Equipment", .props = {PL_PROPS(EQUIPMENT)},
     .flags = PL_ROUTE_CACHED},
    {.uri = PL_RPUS_URI, .type = UNITS_TYPE, .name = "Pump Units", .members = list_units, .find = has_units, .flags = PL_ROUTE_CACHED},
    {.uri = PL_RPUS_URI "/{}", .type = UNIT_TYPE, .props = {PL_PROPS(UNIT), PL_PROPS(UNIT_OEM)}, .actions = UNIT_ACTIONS, .n_actions = 1, .find = find_unit},
    {.uri = PL_RPUS_URI "/{}/EnvironmentMetrics", .type = "EnvironmentMetrics.v1_5_0.EnvironmentMetrics", .name = "Environment Metrics",
     .props = {PL_PROPS(UNIT_ENVIRONMENT)}, .flags = PL_ROUTE_CACHED},
    {.uri = PL_RPUS_URI "/{}/Pumps", .type = "PumpCollection.PumpCollection", .name = "Pumps", .members = list_pumps, .flags = PL_ROUTE_CACHED},
    {.uri = PL_RPUS_URI "/{}/Pumps/{}", .type = "Pump.v1_2_0.Pump", .props = {PL_PROPS(PUMP)}, .find = find_pump},
    {.uri = PL_RPUS_URI "/{}/Reservoirs", .type = "ReservoirCollection.ReservoirCollection", .name = "Reservoirs", .members = list_reservoirs, .find = has_reservoirs,
     .flags = PL_ROUTE_CACHED},
    {.uri = PL_RPUS_URI "/{}/Reservoirs/{}", .type = "Reservoir.v1_0_2.Reservoir", .props = {PL_PROPS(RESERVOIR)}, .find = find_reservoir},
    {.uri = PL_RPUS_URI "/{}/Filters", .type = "FilterCollection.FilterCollection", .name = "Filters", .members = list_filters, .find = has_filters,
     .flags = PL_ROUTE_CACHED},
    {.uri = PL_RPUS_URI "/{}/Filters/{}", .type = "Filter.v1_1_0.Filter", .props = {PL_PROPS(FILTER)}, .find = find_filter, .flags = PL_ROUTE_CACHED},
    {.uri = PL_RPUS_URI "/{}/PrimaryCoolantConnectors", .type = CONNECTORS_TYPE, .name = "Coolant Connectors", .members = list_secondary, .flags = PL_ROUTE_CACHED},
    {.uri = PL_RPUS_URI "/{}/PrimaryCoolantConnectors/{}", .type = CONNECTOR_TYPE, .props = {PL_PROPS(SECONDARY)}, .find = find_secondary},
    {.uri = PL_EXCHANGERS_URI, .type = UNITS_TYPE, .name = "Heat Exchangers", .members = list_exchangers, .find = has_exchangers, .flags = PL_ROUTE_CACHED},
    {.uri = PL_EXCHANGERS_URI "/{}", .type = UNIT_TYPE, .props = {PL_PROPS(EXCHANGER)}, .find = find_exchanger, .flags = PL_ROUTE_CACHED},
    {.uri = PL_LOOPS_URI, .type = "CoolingLoopCollection.CoolingLoopCollection", .name = "Cooling Loops", .members = list_loops, .find = has_loops,
     .flags = PL_ROUTE_CACHED},
    {.uri = PL_LOOPS_URI "/{}", .type = "CoolingLoop.v1_1_0.CoolingLoop", .props = {PL_PROPS(LOOP)}, .find = find_loop},
    {.uri = PL_LOOPS_URI "/{}/SecondaryCoolantConnectors", .type = CONNECTORS_TYPE, .name = "Valves", .members = list_loop_valves, .find = has_loop_valves,
     .flags = PL_ROUTE_CACHED},
    {.uri = PL_LOOPS_URI "/{}/SecondaryCoolantConnectors/{}", .type = CONNECTOR_TYPE, .props = {PL_PROPS(VALVE)}, .actions = VALVE_ACTIONS, .n_actions = 1,
     .find = find_loop_valve, .flags = PL_ROUTE_CACHED},
    {.uri = MODULE, .type = CONNECTORS_TYPE, .name = "Coolant Connectors", .members = list_valves, .find = has_valves, .flags = PL_ROUTE_CACHED},
    {.uri = MODULE "/{}", .type = CONNECTOR_TYPE, .props = {PL_PROPS(VALVE)}, .actions = VALVE_ACTIONS, .n_actions = 1, .find = find_valve, .flags = PL_ROUTE_CACHED},
};
const struct pl_routes_desc pl_routes_coolant = PL_ROUTES(ROUTES);

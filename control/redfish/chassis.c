/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"
#include "control/redfish/shape.h"

#include "control/plant/plant.h"
#include "control/procedure/procedure.h"

/* Chassis: the rack, its modules, its CSUs; what they draw, how warm they are. */

#define KIND(k) (1u << PL_ITEM_##k)

static bool find_chassis(struct pl_res *res)
{
  res->item = pl_inventory_any(res->stack->inventory, res->ids[0]);
  if (res->item && !pl_is_chassis(res->item)) /* a module and something else may have one name: by kind then */
    res->item = NULL;
  static const enum pl_item_kind KINDS[] = {PL_ITEM_RACK, PL_ITEM_MODULE, PL_ITEM_CSU};
  for (size_t i = 0; !res->item && i < sizeof KINDS / sizeof KINDS[0]; i++)
    res->item = pl_inventory_find(res->stack->inventory, KINDS[i], res->ids[0]);
  return res->item != NULL;
}

static void list_chassis(const struct pl_res *res, struct pl_members *members)
{
  pl_list_kind(res, members, PL_ITEM_RACK);
  pl_list_kind(res, members, PL_ITEM_MODULE);
  pl_list_kind(res, members, PL_ITEM_CSU);
}

static enum pl_has get_type(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(res->item->kind == PL_ITEM_RACK ? "Rack" : res->item->kind == PL_ITEM_MODULE ? "Shelf" : "Blade");
  return PL_SHOW;
}

static enum pl_has get_hot_pluggable(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_boolean(res->item->kind == PL_ITEM_CSU);
  return PL_SHOW;
}

static enum pl_has get_by_parent(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_boolean(res->item->parent != NULL);
  return PL_SHOW;
}

static enum pl_has get_location_type(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  if (!res->item->parent)
    return PL_OMIT;
  *value = json_object_new_string(res->item->kind == PL_ITEM_CSU ? "Slot" : "Bay");
  return PL_SHOW;
}

static enum pl_has get_ordinal(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  return res->item->parent ? pl_get_ordinal(res, prop, value) : PL_OMIT;
}

/* --- links --- */

static enum pl_has get_container(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  char uri[PL_URI_MAX];
  if (!res->item->parent)
    return PL_OMIT;
  *value = pl_json_link(pl_item_uri(res->item->parent, uri, sizeof uri));
  return PL_SHOW;
}

static enum pl_has get_contents(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  return res->item->kind == PL_ITEM_CSU ? PL_OMIT : pl_get_children(res, prop, value);
}

static enum pl_has get_systems(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  char uri[PL_URI_MAX];
  if (res->item->kind != PL_ITEM_CSU)
    return PL_OMIT;
  snprintf(uri, sizeof uri, "/redfish/v1/Systems/%s", res->item->id);
  *value = json_object_new_array();
  json_object_array_add(*value, pl_json_link(uri));
  return PL_SHOW;
}

static enum pl_has get_units_of_parts(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  return res->item->parent ? pl_get_units(res, prop, value) : PL_OMIT;
}

static enum pl_has get_units_of_rack(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  return res->item->parent ? PL_OMIT : pl_get_units(res, prop, value);
}

static enum pl_has get_drives(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  char uri[PL_URI_MAX];
  if (res->item->kind != PL_ITEM_CSU || !res->item->identity.contents.drives)
    return PL_OMIT;
  *value = json_object_new_array();
  for (unsigned i = 1; i <= res->item->identity.contents.drives; i++) {
    snprintf(uri, sizeof uri, "/redfish/v1/Systems/%s/Storage/1/Drives/%u", res->item->id, i);
    json_object_array_add(*value, pl_json_link(uri));
  }
  return PL_SHOW;
}

/* --- ReadyToRemove: the hot-swap procedure (schema Chassis v1_28_0: the service quiesces the device, and may make a task of it) --- */

static enum pl_has get_ready(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  if (res->item->kind != PL_ITEM_CSU)
    return PL_OMIT;
  *value = json_object_new_boolean(res->item->ready_to_remove);
  return PL_SHOW;
}

static void begin_swap(struct pl_exchange *x, const char *property, bool force)
{
  struct pl_procedure *procedure = pl_procedure_of(x->stack->procedures, x->res.item);
  struct pl_err err = {0};
  bool is_at_it = procedure && procedure->desc == &pl_hot_swap && procedure->state == PL_PROCEDURE_RUNNING; /* the same task */
  enum pl_status status = is_at_it ? PL_OK : pl_procedure_begin(x->stack, &pl_hot_swap, x->res.item, x->user.name, &procedure, &err);
  if (!status && force)
    status = pl_hot_swap_force(procedure, &err);
  if (status)
    pl_say_err(x, property, &err);
  else
    pl_answer_task(x, procedure);
}

static void end_swap(struct pl_exchange *x, const char *property)
{
  struct pl_procedure *procedure = pl_procedure_of(x->stack->procedures, x->res.item);
  struct pl_err err = {0};
  if (!procedure || procedure->desc != &pl_hot_swap)
    return; /* there is nothing to take back: it is as was asked */
  if (pl_procedure_cancel(procedure, "ReadyToRemove was set to false", &err))
    pl_say_err(x, property, &err);
  else
    pl_answer_task(x, procedure);
}

static void set_ready(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  if (x->res.item->kind != PL_ITEM_CSU)
    pl_say(x, 0, prop->path, "PropertyUnknown", prop->path, NULL);
  else if (json_object_get_boolean(value))
    begin_swap(x, prop->path, false);
  else
    end_swap(x, prop->path);
}

/* The same, with a word that Redfish does not have: what runs there and fits nowhere else does not keep it from being pulled. */
static void run_prepare(struct pl_exchange *x)
{
  begin_swap(x, NULL, json_object_get_boolean(pl_body(x, "Force")));
}

/* --- what it draws, how warm it is --- */

/* Of all that feed it: null where one of those that are there cannot be read. */
static struct json_object *sum_of(const struct pl_res *res, const struct pl_item *item, enum pl_item_kind kind, const char *role, const char *quantity)
{
  double sum = 0;
  bool any = false;
  for (const struct pl_item *child = item->first_child; child; child = child->next_sibling) {
    double value;
    if (child->kind != kind || child->state == PL_STATE_ABSENT)
      continue;
    if (!pl_sense_value(res, pl_item_sense(child, role, quantity), &value))
      return NULL;
    sum += value;
    any = true;
  }
  return any ? pl_json_number(sum) : NULL;
}

static enum pl_has get_power(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const struct pl_item *item = res->item;
  if (item->kind == PL_ITEM_CSU)
    return pl_get_excerpt(res, prop, value);
  *value = json_object_new_object();
  json_object_object_add(*value, "Reading",
                         item->kind == PL_ITEM_RACK ? sum_of(res, item, PL_ITEM_PSU, "supply", "pin") : sum_of(res, item, PL_ITEM_CSU, "hot-swap", "pin"));
  return PL_SHOW;
}

static const struct pl_control *cap_of(const struct pl_res *res)
{
  const struct pl_control *controls = NULL;
  size_t n = res->stack->plant ? pl_plant_controls(res->stack->plant, &controls) : 0;
  for (size_t i = 0; i < n; i++)
    if (controls[i].item == res->item && !strcmp(controls[i].type, "Power"))
      return &controls[i];
  return NULL;
}

static enum pl_has get_limit(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  char uri[PL_URI_MAX];
  const struct pl_control *cap = cap_of(res);
  if (!cap)
    return PL_OMIT;
  snprintf(uri, sizeof uri, "/redfish/v1/Chassis/%s/Controls/%s", res->item->id, cap->id);
  *value = json_object_new_object();
  json_object_object_add(*value, "SetPoint", cap->limited ? pl_json_number(cap->set_point) : NULL);
  json_object_object_add(*value, "AllowableMin", pl_json_number(cap->min));
  json_object_object_add(*value, "AllowableMax", pl_json_number(cap->max));
  json_object_object_add(*value, "ControlMode", json_object_new_string(cap->automatic ? "Automatic" : "Manual"));
  json_object_object_add(*value, "DataSourceUri", json_object_new_string(uri));
  return PL_SHOW;
}

static void set_limit(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  const struct pl_control *cap = cap_of(&x->res);
  double set_point = json_object_get_double(value);
  struct pl_err err = {0};
  if (!cap)
    pl_say(x, 0, prop->path, "PropertyUnknown", prop->path, NULL);
  else if (pl_plant_control_set(x->stack, cap->id, &set_point, NULL, &err))
    pl_say_err(x, prop->path, &err);
}

static bool add_temperatures(struct json_object *list, const struct pl_res *res, const struct pl_item *item)
{
  for (size_t i = 0; i < item->n_senses; i++) {
    const struct pl_sense *sense = &item->senses[i];
    char name[128];
    if (sense->quantity->dim != PL_DIM_TEMPERATURE || !pl_is_sensor(sense))
      continue;
    struct json_object *excerpt = pl_excerpt(res, item, sense);
    snprintf(name, sizeof name, "%s %s", item->id, sense->quantity->name);
    json_object_object_add(excerpt, "DeviceName", json_object_new_string(name));
    json_object_array_add(list, excerpt);
  }
  for (const struct pl_item *child = item->first_child; child; child = child->next_sibling)
    if (!pl_is_chassis(child))
      add_temperatures(list, res, child);
  return json_object_array_length(list) > 0;
}

static enum pl_has get_temperatures(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_array();
  add_temperatures(*value, res, res->item);
  return PL_SHOW;
}

static enum pl_has get_temperature_count(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  struct json_object *list = json_object_new_array();
  add_temperatures(list, res, res->item);
  *value = json_object_new_int64((int64_t)json_object_array_length(list));
  json_object_put(list);
  return PL_SHOW;
}

/* --- tables --- */

static const struct pl_prop CHASSIS[] = {
    PL_CALLS("Name", pl_get_name),
    PL_CALLS("ChassisType", get_type),
    PL_STATUS_ROWS,
    PL_IDENTITY_ROWS,
    PL_IDENTITY("Version", revision),
    PL_CALLS("PowerState", pl_get_power_state),
    PL_INDICATOR_ROW,
    PL_CALLS("HotPluggable", get_hot_pluggable),
    PL_FLAG("Replaceable", true),
    PL_WRITES("ReadyToRemove", get_ready, &pl_field_flag, set_ready),
    PL_CALLS("PoweredByParent", get_by_parent),
    PL_CALLS("ThermalManagedByParent", get_by_parent),
    PL_CALLS("Location/PartLocation/ServiceLabel", pl_get_label),
    PL_CALLS("Location/PartLocation/LocationType", get_location_type),
    PL_CALLS("Location/PartLocation/LocationOrdinalValue", get_ordinal),
    PL_LINK("Sensors", "Sensors"),
    PL_LINK("Controls", "Controls"),
    PL_LINK("EnvironmentMetrics", "EnvironmentMetrics"),
    PL_LINK("ThermalSubsystem", "ThermalSubsystem"),
    PL_LINK("PowerSubsystem", "PowerSubsystem"),
    PL_LINK("LogServices", "LogServices"),
    PL_OEM_ROW,
};

static const struct pl_prop LINKS[] = {
    PL_CALLS("Links/ContainedBy", get_container),
    {.path = "Links/Contains", .get = get_contents, .x = KIND(MODULE) | KIND(CSU)},
    PL_CALLS("Links/ComputerSystems", get_systems),
    PL_CALLS("Links/Drives", get_drives),
    PL_LINKS_ONE("Links/ManagedBy", PL_MANAGER_URI),
    {.path = "Links/PoweredBy", .get = get_units_of_parts, .x = PL_ITEM_PSU},
    {.path = "Links/CooledBy", .get = get_units_of_parts, .x = PL_ITEM_PUMP_UNIT},
    {.path = "Links/CoolingUnits", .get = get_units_of_rack, .x = PL_ITEM_PUMP_UNIT},
    {.path = "Links/ConnectedCoolingLoops", .get = get_units_of_rack, .x = PL_ITEM_LOOP},
};

static const struct pl_field WATTS = {.type = PL_FIELD_NUMBER};
static const struct pl_prop ENVIRONMENT[] = {
    {.path = "PowerWatts", .get = get_power, .a = "hot-swap", .b = "pin"},
    PL_CALLS("PowerLimitWatts", get_limit),
    {.path = "PowerLimitWatts/SetPoint", .write = &WATTS, .set = set_limit}, /* shown by the row above */
    PL_EXCERPT("Voltage", "hot-swap", "vout"),
    PL_EXCERPT("CurrentAmps", "hot-swap", "iout"),
    PL_EXCERPT("TemperatureCelsius", "thermometer", "csu-temperature"),
};

static const struct pl_prop THERMAL[] = {
    PL_STATUS_ENABLED,
    PL_LINK("ThermalMetrics", "ThermalMetrics"),
    PL_LINK("LeakDetection", "LeakDetection"),
    PL_LINK("CoolantConnectors", "CoolantConnectors"),
};

static const struct pl_prop METRICS[] = {
    PL_EXCERPT("TemperatureSummaryCelsius/Internal", "thermometer", "board-temperature"),
    PL_CALLS("TemperatureReadingsCelsius", get_temperatures),
    PL_CALLS("TemperatureReadingsCelsius@odata.count", get_temperature_count),
};

static const struct pl_field RESET[] = {{.name = "ResetType", .type = PL_FIELD_TEXT, .choices = pl_reset_types}};
static const struct pl_field EVACUATE[] = {{.name = "ResetType", .type = PL_FIELD_TEXT, .choices = pl_evacuate_types}};
static const struct pl_field PREPARE[] = {{.name = "Force", .type = PL_FIELD_FLAG}};
static const struct pl_action ACTIONS[] = {
    {.name = "Chassis.Reset", .fields = RESET, .n_fields = 1, .offered = pl_can_reset, .run = pl_run_reset},
    {.name = "Chassis.Reset", .fields = EVACUATE, .n_fields = 1, .offered = pl_can_evacuate, .run = pl_run_reset},
    {.name = "PlumblineUnit.PrepareToRemove", .fields = PREPARE, .n_fields = 1, .offered = pl_can_reset, .run = run_prepare},
};

#define BELOW "/redfish/v1/Chassis/{}"
static const struct pl_route ROUTES[] = {
    {.uri = "/redfish/v1/Chassis", .type = "ChassisCollection.ChassisCollection", .name = "Chassis", .members = list_chassis, .flags = PL_ROUTE_CACHED},
    {.uri = BELOW, .type = "Chassis.v1_28_0.Chassis", .props = {PL_PROPS(CHASSIS), PL_PROPS(LINKS)}, .actions = ACTIONS, .n_actions = sizeof ACTIONS / sizeof *ACTIONS, .find = find_chassis,
     .flags = PL_ROUTE_CACHED},
    {.uri = BELOW "/EnvironmentMetrics", .type = "EnvironmentMetrics.v1_5_0.EnvironmentMetrics", .name = "Environment Metrics", .props = {PL_PROPS(ENVIRONMENT)}},
    {.uri = BELOW "/ThermalSubsystem", .type = "ThermalSubsystem.v1_5_0.ThermalSubsystem", .name = "Thermal Subsystem", .props = {PL_PROPS(THERMAL)},
     .flags = PL_ROUTE_CACHED},
    {.uri = BELOW "/ThermalSubsystem/ThermalMetrics", .type = "ThermalMetrics.v1_3_2.ThermalMetrics", .name = "Thermal Metrics", .props = {PL_PROPS(METRICS)},
     .flags = PL_ROUTE_CACHED},
};
const struct pl_routes_desc pl_routes_chassis = PL_ROUTES(ROUTES);

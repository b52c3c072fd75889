/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"
#include "control/redfish/shape.h"

/* Sensors: every quantity that a unit measures, at the chassis where the unit stands. "hot-swap-vout" of a chassis itself, "psu-a-supply-vout" of what is in it. */

static const struct unit {
  enum pl_dim dim;
  const char *type, *unit; /* schema Sensor: ReadingType; ReadingUnits in UCUM */
} UNITS[] = {
    {PL_DIM_VOLTAGE, "Voltage", "V"},           {PL_DIM_CURRENT, "Current", "A"},         {PL_DIM_POWER, "Power", "W"},
    {PL_DIM_TEMPERATURE, "Temperature", "Cel"}, {PL_DIM_PRESSURE, "PressurekPa", "kPa"},  {PL_DIM_FLOW, "LiquidFlowLPM", "L/min"},
    {PL_DIM_SPEED, "Rotational", "{rev}/min"},  {PL_DIM_RATIO, "Percent", "%"},           {PL_DIM_FREQUENCY, "Frequency", "Hz"},
    {PL_DIM_ENERGY, "EnergyJoules", "J"},
};

static const struct unit *unit_of(const struct pl_sense *sense)
{
  for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++)
    if (UNITS[i].dim == sense->quantity->dim)
      return &UNITS[i];
  return NULL;
}

/* A set-point is no sensor. */
bool pl_is_sensor(const struct pl_sense *sense)
{
  return unit_of(sense) && !(sense->quantity->access & PL_SET);
}

static void id_of(const struct pl_item *item, const struct pl_sense *sense, char *out, size_t size)
{
  bool own = pl_is_chassis(item);
  snprintf(out, size, "%s%s%s-%s", own ? "" : item->id, own ? "" : "-", sense->device->role, sense->quantity->name);
}

char *pl_sensor_uri(const struct pl_item *item, const struct pl_sense *sense, char *out, size_t size)
{
  char id[PL_URI_MAX / 2];
  if (item->kind == PL_ITEM_PUMP) /* its unit measures */
    item = item->parent;
  id_of(item, sense, id, sizeof id);
  snprintf(out, size, "/redfish/v1/Chassis/%s/Sensors/%s", pl_chassis_of(item)->id, id);
  return out;
}

typedef bool (*sense_fn)(void *ctx, struct pl_item *item, struct pl_sense *sense);

static bool each_of(struct pl_item *item, sense_fn fn, void *ctx)
{
  for (size_t i = 0; i < item->n_senses; i++)
    if (pl_is_sensor(&item->senses[i]) && !fn(ctx, item, &item->senses[i]))
      return false;
  for (struct pl_item *child = item->first_child; child; child = child->next_sibling)
    if (!pl_is_chassis(child) && !each_of(child, fn, ctx))
      return false;
  return true;
}

struct search {
  const char *id;
  struct pl_item *item;
  struct pl_sense *sense;
};

static bool is_it(void *ctx, struct pl_item *item, struct pl_sense *sense)
{
  struct search *search = ctx;
  char id[PL_URI_MAX / 2];
  id_of(item, sense, id, sizeof id);
  if (strcmp(id, search->id))
    return true;
  search->item = item;
  search->sense = sense;
  return false;
}

static bool find_sensor(struct pl_res *res)
{
  struct search search = {.id = res->ids[1]};
  each_of(res->item, is_it, &search);
  res->item = search.item;
  res->what = search.sense;
  return search.sense != NULL;
}

static bool add_member(void *ctx, struct pl_item *item, struct pl_sense *sense)
{
  char id[PL_URI_MAX / 2];
  id_of(item, sense, id, sizeof id);
  pl_members_add(ctx, id);
  return true;
}

static void list_sensors(const struct pl_res *res, struct pl_members *members)
{
  each_of(res->item, add_member, members);
}

static const struct pl_sense *sense_of(const struct pl_res *res)
{
  return res->what;
}

static enum pl_has get_name(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  char text[200];
  snprintf(text, sizeof text, "%s %s", res->item->id, sense_of(res)->quantity->name);
  *value = json_object_new_string(text);
  return PL_SHOW;
}

static enum pl_has get_help(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  if (!sense_of(res)->quantity->help)
    return PL_OMIT;
  *value = json_object_new_string(sense_of(res)->quantity->help);
  return PL_SHOW;
}

static enum pl_has get_reading(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  double reading;
  *value = pl_sense_value(res, sense_of(res), &reading) ? pl_json_number(reading) : NULL;
  return PL_SHOW;
}

static enum pl_has get_time(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  char text[32];
  if (!sense_of(res)->count)
    return PL_OMIT;
  *value = json_object_new_string(pl_redfish_time(pl_clock_wall_ns(res->stack->clock, sense_of(res)->reading.at), text, sizeof text));
  return PL_SHOW;
}

static enum pl_has get_type(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(unit_of(sense_of(res))->type);
  return PL_SHOW;
}

static enum pl_has get_unit(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(unit_of(sense_of(res))->unit);
  return PL_SHOW;
}

static enum pl_has get_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  double reading;
  bool valid = pl_sense_value(res, sense_of(res), &reading);
  *value = json_object_new_string(valid ? "Enabled" : res->item->state == PL_STATE_ABSENT ? "Absent" : "UnavailableOffline");
  return PL_SHOW;
}

/* Why there is no reading. */
static enum pl_has get_conditions(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  const struct pl_sense *sense = sense_of(res);
  double reading;
  char text[200];
  if (pl_sense_value(res, sense, &reading) || res->item->state == PL_STATE_ABSENT)
    return PL_OMIT;
  const char *why = !sense->count ? "it has not been read yet" : pl_reading_valid(&sense->reading) ? "the last reading is too old to count" : pl_status_text(sense->reading.status);
  struct json_object *condition = json_object_new_object(), *args = json_object_new_array();
  snprintf(text, sizeof text, "%s %s", res->item->id, sense->quantity->name);
  json_object_array_add(args, json_object_new_string(text));
  json_object_object_add(condition, "MessageId", json_object_new_string("SensorEvent.1.1.InvalidSensorReading"));
  json_object_object_add(condition, "MessageArgs", args);
  snprintf(text, sizeof text, "Invalid reading received from sensor '%s %s'.", res->item->id, sense->quantity->name);
  json_object_object_add(condition, "Message", json_object_new_string(text));
  json_object_object_add(condition, "Severity", json_object_new_string("Warning"));
  json_object_object_add(condition, "Resolution", json_object_new_string(why));
  *value = json_object_new_array();
  json_object_array_add(*value, condition);
  return PL_SHOW;
}

static const struct pl_rig_limit *limit_of(const struct pl_sense *sense)
{
  for (size_t i = 0; i < sense->device->n_limits; i++)
    if (sense->device->limits[i].quantity == sense->quantity)
      return &sense->device->limits[i];
  return NULL;
}

static enum pl_has get_health(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  const struct pl_sense *sense = sense_of(res);
  const struct pl_rig_limit *limit = limit_of(sense);
  double reading;
  if (!pl_sense_value(res, sense, &reading)) {
    *value = NULL;
    return PL_SHOW;
  }
  int64_t v = sense->reading.value_u;
  bool outside = limit && ((limit->has_max && v > limit->max_u) || (limit->has_min && v < limit->min_u));
  *value = json_object_new_string(outside ? "Critical" : "OK");
  return PL_SHOW;
}

static struct json_object *threshold(const struct pl_sense *sense, int64_t limit_u, const char *activation)
{
  struct json_object *t = json_object_new_object();
  double scale = sense->quantity->dim == PL_DIM_PRESSURE ? 1e-3 : 1;
  json_object_object_add(t, "Reading", pl_json_number((double)limit_u / (double)PL_U * scale));
  json_object_object_add(t, "Activation", json_object_new_string(activation));
  return t;
}

/* The rig's limits; and for what the thermal emergency watches, where it acts. */
static enum pl_has get_thresholds(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  const struct pl_sense *sense = sense_of(res);
  const struct pl_rig_limit *limit = limit_of(sense);
  struct json_object *all = json_object_new_object();
  if (limit && limit->has_max)
    json_object_object_add(all, "UpperCritical", threshold(sense, limit->max_u, "Increasing"));
  if (limit && limit->has_min)
    json_object_object_add(all, "LowerCritical", threshold(sense, limit->min_u, "Decreasing"));
  if (pl_same_word(sense->device->role, "thermometer") && res->stack->settings.thermal_limit_degC > 0)
    json_object_object_add(all, "UpperFatal", threshold(sense, (int64_t)(res->stack->settings.thermal_limit_degC * (double)PL_U), "Increasing"));
  if (json_object_object_length(all)) {
    *value = all;
    return PL_SHOW;
  }
  json_object_put(all);
  return PL_OMIT;
}

static enum pl_has get_related(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  char uri[PL_URI_MAX];
  *value = json_object_new_array();
  json_object_array_add(*value, pl_json_link(pl_item_uri(res->item, uri, sizeof uri)));
  return PL_SHOW;
}

static enum pl_has get_interval(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  char text[32]; /* ISO 8601 */
  snprintf(text, sizeof text, "PT%.3gS", (double)res->stack->settings.poll_ns / (double)PL_S);
  *value = json_object_new_string(text);
  return PL_SHOW;
}

static const struct pl_prop SENSOR[] = {
    PL_CALLS("Name", get_name),
    PL_CALLS("Description", get_help),
    {.path = "Reading", .get = get_reading, .flags = PL_PROP_EXCERPT},
    PL_CALLS("ReadingTime", get_time),
    PL_CALLS("ReadingType", get_type),
    PL_CALLS("ReadingUnits", get_unit),
    PL_TEXT("Implementation", "PhysicalSensor"),
    PL_CALLS("SensingInterval", get_interval),
    PL_CALLS("Status/State", get_state),
    PL_CALLS("Status/Health", get_health),
    PL_CALLS("Status/Conditions", get_conditions),
    PL_CALLS("Thresholds", get_thresholds),
    PL_CALLS("RelatedItem", get_related),
};

static const struct pl_route ROUTES[] = {
    {.uri = "/redfish/v1/Chassis/{}/Sensors", .type = "SensorCollection.SensorCollection", .name = "Sensors", .members = list_sensors, .flags = PL_ROUTE_CACHED},
    {.uri = "/redfish/v1/Chassis/{}/Sensors/{}", .type = "Sensor.v1_12_0.Sensor", .props = {PL_PROPS(SENSOR)}, .find = find_sensor, .flags = PL_ROUTE_CACHED},
};
const struct pl_routes_desc pl_routes_sensors = PL_ROUTES(ROUTES);

/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/shape.h"

#include "control/plant/plant.h"
#include "control/redfish/room.h"

const struct pl_field pl_field_flag = {.type = PL_FIELD_FLAG};

/* --- where --- */

bool pl_is_chassis(const struct pl_item *item)
{
  return item->kind == PL_ITEM_RACK || item->kind == PL_ITEM_MODULE || item->kind == PL_ITEM_CSU;
}

const struct pl_item *pl_chassis_of(const struct pl_item *item)
{
  while (!pl_is_chassis(item))
    item = item->parent;
  return item;
}

static const struct pl_item *rack_of(const struct pl_item *item)
{
  while (item->parent)
    item = item->parent;
  return item;
}

/* A unit of the coolant circuit stands in the tree below the first pump unit: Redfish has no place for one that stands alone. */
static const struct pl_item *pump_unit_of(const struct pl_item *item)
{
  for (const struct pl_item *i = rack_of(item)->first_child; i; i = i->next_sibling)
    if (i->kind == PL_ITEM_PUMP_UNIT)
      return i;
  return NULL;
}

const char *pl_loop_of(const struct pl_item *item)
{
  const char *loop = pl_part_word(item, "loop");
  return loop ? loop : "";
}

char *pl_item_uri(const struct pl_item *item, char *out, size_t size)
{
  const struct pl_item *unit = NULL;
  const char *rack = rack_of(item)->id, *chassis = pl_chassis_of(item)->id;
  *out = '\0';
  switch (item->kind) {
  case PL_ITEM_RACK:
  case PL_ITEM_MODULE:
  case PL_ITEM_CSU: snprintf(out, size, "/redfish/v1/Chassis/%s", item->id); break;
  case PL_ITEM_BUSBAR: snprintf(out, size, "/redfish/v1/PowerEquipment/ElectricalBuses/%s", item->id); break;
  case PL_ITEM_FEED: snprintf(out, size, "/redfish/v1/PowerEquipment/PowerShelves/1/Mains/%s", item->id); break;
  case PL_ITEM_PSU: snprintf(out, size, "/redfish/v1/Chassis/%s/PowerSubsystem/PowerSupplies/%s", rack, item->id); break;
  case PL_ITEM_BATTERY: snprintf(out, size, "/redfish/v1/Chassis/%s/PowerSubsystem/Batteries/%s", rack, item->id); break;
  case PL_ITEM_PUMP_UNIT: snprintf(out, size, PL_RPUS_URI "/%s", item->id); break;
  case PL_ITEM_PUMP: snprintf(out, size, PL_RPUS_URI "/%s/Pumps/%u", item->parent->id, item->ordinal); break;
  case PL_ITEM_LOOP: snprintf(out, size, PL_LOOPS_URI "/%s", item->id); break;
  case PL_ITEM_EXCHANGER: snprintf(out, size, PL_EXCHANGERS_URI "/%s", item->id); break;
  case PL_ITEM_RESERVOIR:
  case PL_ITEM_FILTER:
    unit = pump_unit_of(item);
    snprintf(out, size, PL_RPUS_URI "/%s/%s/%s", unit ? unit->id : "none", item->kind == PL_ITEM_FILTER ? "Filters" : "Reservoirs", item->id);
    break;
  case PL_ITEM_VALVE:
    if (item->parent->kind == PL_ITEM_MODULE)
      snprintf(out, size, "/redfish/v1/Chassis/%s/ThermalSubsystem/CoolantConnectors/%s", chassis, item->id);
    else
      snprintf(out, size, PL_LOOPS_URI "/%s/SecondaryCoolantConnectors/%s", pl_loop_of(item), item->id);
    break;
  case PL_ITEM_LEAK_DETECTOR: snprintf(out, size, "/redfish/v1/Chassis/%s/ThermalSubsystem/LeakDetection/LeakDetectors/%s", chassis, item->id); break;
  default: break;
  }
  return out;
}

bool pl_find_kind(struct pl_res *res, size_t id, enum pl_item_kind kind)
{
  res->item = pl_inventory_find(res->stack->inventory, kind, res->ids[id]);
  return res->item != NULL;
}

bool pl_list_kind(const struct pl_res *res, struct pl_members *members, enum pl_item_kind kind)
{
  const struct pl_inventory *inventory = res->stack->inventory;
  bool any = false;
  for (const struct pl_item *item = pl_inventory_first(inventory, kind); item; item = pl_item_next(inventory, item)) {
    pl_members_add(members, item->id);
    any = true;
  }
  return any;
}

/* --- how it is --- */

enum pl_has pl_get_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(pl_state_name(res->item->state));
  return PL_SHOW;
}

enum pl_has pl_get_health(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = res->item->state == PL_STATE_ABSENT ? NULL : json_object_new_string(pl_health_name(res->item->health));
  return PL_SHOW;
}

static enum pl_health worst(const struct pl_item *item)
{
  enum pl_health health = item->state == PL_STATE_ABSENT ? PL_HEALTH_OK : item->health;
  for (const struct pl_item *child = item->first_child; child && health != PL_HEALTH_CRITICAL; child = child->next_sibling) {
    enum pl_health below = worst(child);
    health = below > health ? below : health;
  }
  return health;
}

enum pl_has pl_get_rollup(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  if (!res->item->first_child)
    return PL_OMIT;
  *value = json_object_new_string(pl_health_name(worst(res->item)));
  return PL_SHOW;
}

/* Why its health is what it is (schema Resource, Condition). */
enum pl_has pl_get_conditions(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  const struct pl_item *item = res->item;
  if (item->health == PL_HEALTH_OK || item->state == PL_STATE_ABSENT)
    return PL_OMIT;
  const char *health = pl_health_name(item->health);
  char text[256], uri[PL_URI_MAX];
  struct json_object *condition = json_object_new_object(), *args = json_object_new_array();
  snprintf(text, sizeof text, "ResourceEvent.1.4.ResourceStatusChanged%s", health);
  json_object_object_add(condition, "MessageId", json_object_new_string(text));
  snprintf(text, sizeof text, "The health of resource '%s' has changed to %s.", item->id, health);
  json_object_object_add(condition, "Message", json_object_new_string(text));
  json_object_array_add(args, json_object_new_string(item->id));
  json_object_array_add(args, json_object_new_string(health));
  json_object_object_add(condition, "MessageArgs", args);
  json_object_object_add(condition, "Severity", json_object_new_string(health));
  if (item->why[0])
    json_object_object_add(condition, "Resolution", json_object_new_string(item->why));
  json_object_object_add(condition, "OriginOfCondition", pl_json_link(pl_item_uri(item, uri, sizeof uri)));
  *value = json_object_new_array();
  json_object_array_add(*value, condition);
  return PL_SHOW;
}

enum pl_has pl_get_identity(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const char *text = (const char *)&res->item->identity + (size_t)prop->x;
  *value = *text && res->item->identified ? json_object_new_string(text) : NULL;
  return PL_SHOW;
}

enum pl_has pl_get_id(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(res->item->id);
  return PL_SHOW;
}

enum pl_has pl_get_name(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  char text[160];
  snprintf(text, sizeof text, "%s %s", pl_item_kind_name(res->item->kind), res->item->id);
  *value = json_object_new_string(text);
  return PL_SHOW;
}

enum pl_has pl_get_label(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  if (!res->item->part || !res->item->part->location)
    return PL_OMIT;
  *value = json_object_new_string(res->item->part->location);
  return PL_SHOW;
}

enum pl_has pl_get_ordinal(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_int((int)res->item->ordinal);
  return PL_SHOW;
}

/* --- what it measures --- */

bool pl_sense_value(const struct pl_res *res, const struct pl_sense *sense, double *value)
{
  pl_time_ns stale = res->stack->settings.stale_ns;
  if (!sense || !sense->count || !pl_reading_valid(&sense->reading))
    return false;
  if (stale && pl_clock_now(res->stack->clock) - sense->reading.at > stale)
    return false;
  if (stale && res->true_until && sense->reading.at + stale < *res->true_until)
    *res->true_until = sense->reading.at + stale;
  *value = (double)sense->reading.value_u / (double)PL_U;
  if (sense->quantity->dim == PL_DIM_PRESSURE)
    *value /= 1000; /* Redfish has kilopascals */
  return true;
}

struct json_object *pl_excerpt(const struct pl_res *res, const struct pl_item *item, const struct pl_sense *sense)
{
  char uri[PL_URI_MAX];
  double reading;
  struct json_object *excerpt = json_object_new_object();
  if (pl_is_sensor(sense))
    json_object_object_add(excerpt, "DataSourceUri", json_object_new_string(pl_sensor_uri(item, sense, uri, sizeof uri)));
  json_object_object_add(excerpt, "Reading", pl_sense_value(res, sense, &reading) ? pl_json_number(reading) : NULL);
  return excerpt;
}

enum pl_has pl_get_excerpt(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const struct pl_sense *sense = pl_item_sense(res->item, prop->a, prop->b);
  if (!sense)
    return PL_OMIT;
  *value = pl_excerpt(res, res->item, sense);
  return PL_SHOW;
}

/* Power is told only where something says so: no reading is not "Off". */
static struct json_object *power_state(const struct pl_res *res, const struct pl_item *item)
{
  static const struct {
    const char *role, *quantity;
  } WITNESSES[] = {{"connector", "power-good"}, {"hot-swap", "vout"}, {"supply", "power-good"}};
  double any;
  bool known = false;
  for (size_t i = 0; i < sizeof WITNESSES / sizeof WITNESSES[0]; i++)
    known |= pl_sense_value(res, pl_item_sense(item, WITNESSES[i].role, WITNESSES[i].quantity), &any);
  if (item->state == PL_STATE_ABSENT)
    return json_object_new_string("Off");
  if (!known)
    return NULL;
  if (item->state == PL_STATE_STARTING)
    return json_object_new_string("PoweringOn");
  return json_object_new_string(pl_item_has_power(item) ? "On" : "Off");
}

enum pl_has pl_get_power_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  const struct pl_item *item = res->item;
  if (item->kind == PL_ITEM_CSU) {
    *value = power_state(res, item);
    return PL_SHOW;
  }
  bool on = false; /* a rack or module has power when anything in it has */
  const enum pl_item_kind of = item->kind == PL_ITEM_RACK ? PL_ITEM_PSU : PL_ITEM_CSU;
  for (const struct pl_item *child = item->first_child; child && !on; child = child->next_sibling)
    on = child->kind == of && pl_item_has_power(child);
  *value = json_object_new_string(on ? "On" : "Off");
  return PL_SHOW;
}

/* --- what it has to do with --- */

static void add_link(struct json_object *list, const struct pl_item *item)
{
  char uri[PL_URI_MAX];
  json_object_array_add(list, pl_json_link(pl_item_uri(item, uri, sizeof uri)));
}

enum pl_has pl_get_children(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  *value = json_object_new_array();
  for (const struct pl_item *child = res->item->first_child; child; child = child->next_sibling)
    if ((unsigned)prop->x & 1u << child->kind)
      add_link(*value, child);
  return PL_SHOW;
}

enum pl_has pl_get_units(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const struct pl_inventory *inventory = res->stack->inventory;
  struct json_object *list = json_object_new_array();
  for (const struct pl_item *item = pl_inventory_first(inventory, (enum pl_item_kind)prop->x); item; item = pl_item_next(inventory, item))
    add_link(list, item);
  if (!json_object_array_length(list)) {
    json_object_put(list);
    return PL_OMIT;
  }
  *value = list;
  return PL_SHOW;
}

enum pl_has pl_get_link_list(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  struct json_object *link;
  if (pl_get_link(res, prop, &link) == PL_OMIT)
    return PL_OMIT;
  *value = json_object_new_array();
  json_object_array_add(*value, link);
  return PL_SHOW;
}

enum pl_has pl_get_chassis_link(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_array();
  add_link(*value, pl_chassis_of(res->item));
  return PL_SHOW;
}

enum pl_has pl_get_redundancy(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  enum pl_item_kind kind = (enum pl_item_kind)prop->x;
  struct pl_redundancy r = {0};
  if (!res->stack->plant)
    return PL_OMIT;
  pl_plant_redundancy(res->stack, kind, &r);
  if (r.members < 2)
    return PL_OMIT;
  struct json_object *group = json_object_new_object(), *members = NULL;
  pl_get_units(res, &(const struct pl_prop){.x = kind}, &members);
  json_object_object_add(group, "RedundancyType", json_object_new_string(r.mode));
  json_object_object_add(group, "MinNeededInGroup", json_object_new_int((int)r.min_needed));
  json_object_object_add(group, "MaxSupportedInGroup", json_object_new_int((int)r.members));
  json_object_object_add(group, "RedundancyGroup@odata.count", json_object_new_int((int)r.members));
  json_object_object_add(group, "RedundancyGroup", members);
  pl_json_put_path(group, "Status/State", json_object_new_string(r.working ? "Enabled" : "UnavailableOffline"));
  pl_json_put_path(group, "Status/Health", json_object_new_string(pl_health_name(r.health)));
  *value = json_object_new_array();
  json_object_array_add(*value, group);
  return PL_SHOW;
}

/* --- the light --- */

enum pl_has pl_get_indicator(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  if (!pl_item_sense(res->item, "connector", "attention"))
    return PL_OMIT;
  *value = json_object_new_boolean(res->item->indicator);
  return PL_SHOW;
}

static void indicated(struct pl_stack *stack, struct pl_item *item, int64_t value_u)
{
  item->indicator = value_u != 0;
  pl_item_touch(stack, item);
}

void pl_set_indicator(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  if (!pl_item_sense(x->res.item, "connector", "attention"))
    pl_say(x, 0, prop->path, "PropertyUnknown", prop->path, NULL);
  else
    pl_exchange_command(x, prop->path, x->res.item, "connector", "attention", json_object_get_boolean(value) ? PL_U : 0, indicated);
}

/* --- what Redfish has no words for --- */

static struct json_object *text_or_null(const char *text)
{
  return text && *text ? json_object_new_string(text) : NULL;
}

enum pl_has pl_get_oem_unit(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  const struct pl_item *item = res->item;
  *value = json_object_new_object();
  json_object_object_add(*value, "@odata.type", json_object_new_string("#PlumblineUnit.v1_0_0.Unit"));
  json_object_object_add(*value, "Kind", json_object_new_string(pl_item_kind_name(item->kind)));
  json_object_object_add(*value, "Procedure", text_or_null(item->procedure));
  json_object_object_add(*value, "Phase", text_or_null(item->procedure ? item->phase : NULL));
  json_object_object_add(*value, "Reason", text_or_null(item->why));
  return PL_SHOW;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "control/procedure/leak.h"
#include "control/redfish/room.h"
#include "control/redfish/shape.h"

/* Leak detection: the sense cables of the trays at the chassis where they lie, and what a pump unit says of its own inside. */

/* There is nobody on a CSU who could shut it down gracefully, so that reaction is not offered. */
static const char *const REACTIONS[] = {[PL_REACTION_NONE] = "None", [PL_REACTION_FORCE_OFF] = "ForceOff", NULL};

/* --- the detectors of a chassis --- */

static bool has_detectors(struct pl_res *res)
{
  for (const struct pl_item *child = res->item->first_child; child && res->stack->leaks; child = child->next_sibling)
    if (child->kind == PL_ITEM_LEAK_DETECTOR)
      return true;
  return false;
}

static void list_detectors(const struct pl_res *res, struct pl_members *members)
{
  for (const struct pl_item *child = res->item->first_child; child; child = child->next_sibling)
    if (child->kind == PL_ITEM_LEAK_DETECTOR)
      pl_members_add(members, child->id);
}

static bool find_detector(struct pl_res *res)
{
  const struct pl_item *chassis = res->item;
  return pl_find_kind(res, 1, PL_ITEM_LEAK_DETECTOR) && res->item->parent == chassis && pl_detector(res->stack, res->item);
}

static struct json_object *group_of(const struct pl_res *res, const struct pl_item *item, const char *name)
{
  struct json_object *group = json_object_new_object(), *list = json_object_new_array();
  enum pl_health health = PL_HEALTH_OK;
  bool any = false;
  for (const struct pl_item *child = item->first_child; child; child = child->next_sibling) {
    char uri[PL_URI_MAX];
    if (child->kind != PL_ITEM_LEAK_DETECTOR)
      continue;
    struct json_object *entry = json_object_new_object();
    json_object_object_add(entry, "DataSourceUri", json_object_new_string(pl_item_uri(child, uri, sizeof uri)));
    json_object_object_add(entry, "DeviceName", json_object_new_string(child->id));
    json_object_object_add(entry, "DetectorState", json_object_new_string(pl_detector_state_name(pl_detector(res->stack, child)->state)));
    json_object_array_add(list, entry);
    health = child->health > health ? child->health : health;
    any = true;
  }
  json_object_object_add(group, "GroupName", json_object_new_string(name));
  json_object_object_add(group, "Detectors", list);
  pl_json_put_path(group, "Status/State", json_object_new_string(any ? "Enabled" : "Absent"));
  pl_json_put_path(group, "Status/Health", json_object_new_string(pl_health_name(health)));
  return group;
}

static enum pl_has get_groups(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_array();
  json_object_array_add(*value, group_of(res, res->item, res->item->id));
  return PL_SHOW;
}

static enum pl_has get_detector(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const struct pl_detector *d = pl_detector(res->stack, res->item);
  if (!strcmp(prop->path, "DetectorState"))
    *value = json_object_new_string(pl_detector_state_name(d->state));
  else if (!strcmp(prop->path, "CriticalReactionType"))
    *value = json_object_new_string(pl_reaction_name(d->critical));
  else if (!strcmp(prop->path, "WarningReactionType"))
    *value = json_object_new_string(pl_reaction_name(d->warning));
  else if (!strcmp(prop->path, "ReactionDelaySeconds"))
    *value = json_object_new_int64((int64_t)(d->delay_s + 0.5)); /* an integer, by the schema */
  else
    *value = json_object_new_boolean(d->enabled);
  return PL_SHOW;
}

static enum pl_reaction reaction_of(const char *text)
{
  enum pl_reaction r = PL_REACTION_NONE;
  while (REACTIONS[r] && strcmp(REACTIONS[r], text))
    r++;
  return r;
}

static void set_detector(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  struct pl_detector want = *pl_detector(x->stack, x->res.item);
  struct pl_err err = {0};
  if (!strcmp(prop->path, "CriticalReactionType"))
    want.critical = reaction_of(json_object_get_string(value));
  else if (!strcmp(prop->path, "WarningReactionType"))
    want.warning = reaction_of(json_object_get_string(value));
  else if (!strcmp(prop->path, "ReactionDelaySeconds"))
    want.delay_s = (double)json_object_get_int64(value);
  else
    want.enabled = json_object_get_boolean(value);
  if (pl_detector_set(x->stack, x->res.item, &want, &err))
    pl_say_err(x, prop->path, &err);
}

/* --- a pump unit's own --- */

static bool find_inner(struct pl_res *res)
{
  return pl_item_sense(res->item, "coolant", "leak-internal") != NULL;
}

static bool find_inner_one(struct pl_res *res)
{
  return !strcmp(res->ids[1], "internal");
}

static void list_inner(const struct pl_res *res, struct pl_members *members)
{
  (void)res;
  pl_members_add(members, "internal");
}

static enum pl_detector_state inner_state(const struct pl_res *res)
{
  double wet;
  if (!pl_sense_value(res, pl_item_sense(res->item, "coolant", "leak-internal"), &wet))
    return PL_DETECTOR_UNAVAILABLE;
  return wet != 0 ? PL_DETECTOR_CRITICAL : PL_DETECTOR_OK;
}

static enum pl_has get_inner(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  enum pl_detector_state state = inner_state(res);
  bool known = state != PL_DETECTOR_UNAVAILABLE;
  if (!strcmp(prop->path, "Status/State"))
    *value = json_object_new_string(known ? "Enabled" : "UnavailableOffline");
  else if (!strcmp(prop->path, "Status/Health"))
    *value = json_object_new_string(known ? pl_detector_state_name(state) : "Warning");
  else
    *value = json_object_new_string(pl_detector_state_name(state));
  return PL_SHOW;
}

static enum pl_has get_inner_groups(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  char uri[PL_URI_MAX + 40];
  struct json_object *group = json_object_new_object(), *list = json_object_new_array(), *entry = json_object_new_object();
  snprintf(uri, sizeof uri, "%s/LeakDetectors/internal", res->uri);
  json_object_object_add(entry, "DataSourceUri", json_object_new_string(uri));
  json_object_object_add(entry, "DeviceName", json_object_new_string("internal"));
  json_object_object_add(entry, "DetectorState", json_object_new_string(pl_detector_state_name(inner_state(res))));
  json_object_array_add(list, entry);
  json_object_object_add(group, "GroupName", json_object_new_string(res->item->id));
  json_object_object_add(group, "Detectors", list);
  pl_json_put_path(group, "Status/State", json_object_new_string("Enabled"));
  *value = json_object_new_array();
  json_object_array_add(*value, group);
  return PL_SHOW;
}

static const struct pl_field REACTION = {.type = PL_FIELD_TEXT, .choices = REACTIONS};
static const struct pl_field DELAY = {.type = PL_FIELD_INTEGER, .min = 0, .max = PL_DETECTOR_DELAY_MAX_S};

static const struct pl_prop DETECTION[] = {
    PL_STATUS_ENABLED,
    PL_CALLS("LeakDetectorGroups", get_groups),
    PL_LINK("LeakDetectors", "LeakDetectors"),
};
static const struct pl_prop DETECTOR[] = {
    PL_CALLS("Name", pl_get_name),
    PL_STATUS_ROWS,
    PL_TEXT("LeakDetectorType", "Moisture"),
    PL_CALLS("DetectorState", get_detector),
    PL_WRITES("CriticalReactionType", get_detector, &REACTION, set_detector),
    PL_WRITES("WarningReactionType", get_detector, &REACTION, set_detector),
    PL_WRITES("ReactionDelaySeconds", get_detector, &DELAY, set_detector),
    PL_WRITES("Enabled", get_detector, &pl_field_flag, set_detector),
    PL_LOCATION_ROWS("Bay"),
    PL_OEM_ROW,
};
static const struct pl_prop INNER_DETECTION[] = {
    PL_STATUS_ENABLED,
    PL_CALLS("LeakDetectorGroups", get_inner_groups),
    PL_LINK("LeakDetectors", "LeakDetectors"),
};
static const struct pl_prop INNER[] = {
    PL_TEXT("Name", "Leak detector inside the pump unit"),
    PL_CALLS("Status/State", get_inner),
    PL_CALLS("Status/Health", get_inner),
    PL_TEXT("LeakDetectorType", "Moisture"),
    PL_CALLS("DetectorState", get_inner),
};

#define CHASSIS "/redfish/v1/Chassis/{}/ThermalSubsystem/LeakDetection"
#define UNIT PL_RPUS_URI "/{}/LeakDetection"
#define DETECTION_TYPE "LeakDetection.v1_2_0.LeakDetection"
#define COLLECTION_TYPE "LeakDetectorCollection.LeakDetectorCollection"
#define DETECTOR_TYPE "LeakDetector.v1_6_0.LeakDetector"
static const struct pl_route ROUTES[] = {
    {.uri = CHASSIS, .type = DETECTION_TYPE, .name = "Leak Detection", .props = {PL_PROPS(DETECTION)}, .find = has_detectors},
    {.uri = CHASSIS "/LeakDetectors", .type = COLLECTION_TYPE, .name = "Leak Detectors", .members = list_detectors, .flags = PL_ROUTE_CACHED},
    {.uri = CHASSIS "/LeakDetectors/{}", .type = DETECTOR_TYPE, .props = {PL_PROPS(DETECTOR)}, .find = find_detector},
    {.uri = UNIT, .type = DETECTION_TYPE, .name = "Leak Detection", .props = {PL_PROPS(INNER_DETECTION)}, .find = find_inner},
    {.uri = UNIT "/LeakDetectors", .type = COLLECTION_TYPE, .name = "Leak Detectors", .members = list_inner, .flags = PL_ROUTE_CACHED},
    {.uri = UNIT "/LeakDetectors/{}", .type = DETECTOR_TYPE, .props = {PL_PROPS(INNER)}, .find = find_inner_one, .flags = PL_ROUTE_CACHED},
};
const struct pl_routes_desc pl_routes_leaks = PL_ROUTES(ROUTES);

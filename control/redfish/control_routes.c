/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"
#include "control/redfish/shape.h"

#include "control/plant/plant.h"

/* Controls: what the plant holds, and where a person may step in. */

static size_t controls_of(const struct pl_res *res, const struct pl_control **controls)
{
  *controls = NULL;
  return res->stack->plant ? pl_plant_controls(res->stack->plant, controls) : 0;
}

static void list_controls(const struct pl_res *res, struct pl_members *members)
{
  const struct pl_control *controls;
  size_t n = controls_of(res, &controls);
  for (size_t i = 0; i < n; i++)
    if (pl_chassis_of(controls[i].item) == res->item)
      pl_members_add(members, controls[i].id);
}

static bool has_controls(struct pl_res *res)
{
  const struct pl_control *controls;
  size_t n = controls_of(res, &controls);
  for (size_t i = 0; i < n; i++)
    if (pl_chassis_of(controls[i].item) == res->item)
      return true;
  return false;
}

static bool find_control(struct pl_res *res)
{
  const struct pl_control *controls;
  size_t n = controls_of(res, &controls);
  for (size_t i = 0; i < n; i++)
    if (!strcmp(controls[i].id, res->ids[1]) && pl_chassis_of(controls[i].item) == res->item) {
      res->what = &controls[i];
      res->item = controls[i].item;
      return true;
    }
  return false;
}

enum { NAME, TYPE, UNIT, SET_POINT, MIN, MAX, DEAD_BAND, MODE };
static enum pl_has get_control(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const struct pl_control *c = res->what;
  switch ((int)prop->x) {
  case NAME: *value = json_object_new_string(c->name); break;
  case TYPE: *value = json_object_new_string(c->type); break;
  case UNIT: *value = json_object_new_string(c->unit_of); break;
  case SET_POINT: *value = c->limited ? pl_json_number(c->set_point) : NULL; break;
  case MIN: *value = pl_json_number(c->min); break;
  case MAX: *value = pl_json_number(c->max); break;
  case DEAD_BAND:
    if (c->dead_band <= 0)
      return PL_OMIT;
    *value = pl_json_number(c->dead_band);
    break;
  default: *value = json_object_new_string(c->automatic ? "Automatic" : "Manual");
  }
  return PL_SHOW;
}

static enum pl_has get_related(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  char uri[PL_URI_MAX];
  *value = json_object_new_array();
  json_object_array_add(*value, pl_json_link(pl_item_uri(res->item, uri, sizeof uri)));
  return PL_SHOW;
}

static void set_control(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  const struct pl_control *c = x->res.what;
  double set_point = 0;
  bool automatic = false;
  struct pl_err err = {0};
  if (prop->x == SET_POINT)
    set_point = json_object_get_double(value);
  else
    automatic = !strcmp(json_object_get_string(value), "Automatic");
  if (pl_plant_control_set(x->stack, c->id, prop->x == SET_POINT ? &set_point : NULL, prop->x == MODE ? &automatic : NULL, &err))
    pl_say_err(x, prop->path, &err);
}

static const char *const MODES[] = {"Automatic", "Manual", NULL};
static const struct pl_field MODE_FIELD = {.type = PL_FIELD_TEXT, .choices = MODES};
static const struct pl_field NUMBER_FIELD = {.type = PL_FIELD_NUMBER};
#define ROW(PATH, WHAT) {.path = PATH, .get = get_control, .x = WHAT}
static const struct pl_prop CONTROL[] = {
    ROW("Name", NAME),
    PL_STATUS_ENABLED,
    ROW("ControlType", TYPE),
    PL_TEXT("SetPointType", "Single"),
    PL_TEXT("Implementation", "Programmable"),
    {.path = "ControlMode", .get = get_control, .x = MODE, .write = &MODE_FIELD, .set = set_control},
    {.path = "SetPoint", .get = get_control, .x = SET_POINT, .write = &NUMBER_FIELD, .set = set_control},
    ROW("SetPointUnits", UNIT),
    ROW("AllowableMin", MIN),
    ROW("AllowableMax", MAX),
    ROW("DeadBand", DEAD_BAND),
    PL_CALLS("RelatedItem", get_related),
};

static const struct pl_route ROUTES[] = {
    {.uri = "/redfish/v1/Chassis/{}/Controls", .type = "ControlCollection.ControlCollection", .name = "Controls", .members = list_controls, .find = has_controls},
    {.uri = "/redfish/v1/Chassis/{}/Controls/{}", .type = "Control.v1_7_0.Control", .props = {PL_PROPS(CONTROL)}, .find = find_control},
};
const struct pl_routes_desc pl_routes_controls = PL_ROUTES(ROUTES);

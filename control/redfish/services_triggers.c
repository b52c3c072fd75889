/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers (v1.4) as clients see and write them. A change is a whole new trigger, put in the place of the old one when all of it makes sense. */
#include "control/redfish/route.h"
#include "control/redfish/services_report.h"
#include "control/redfish/services_trigger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pl_metric_triggers *all_of(const struct pl_stack *stack)
{
  return pl_services_of(stack)->triggers;
}

static void list_triggers(const struct pl_res *res, struct pl_members *members)
{
  for (const struct pl_metric_trigger *t = all_of(res->stack)->first; t; t = t->next)
    pl_members_add(members, t->id);
}

static bool find_trigger(struct pl_res *res)
{
  res->what = pl_metric_trigger_find(all_of(res->stack), res->ids[0]);
  return res->what;
}

static const struct pl_metric_trigger *trigger(const struct pl_res *res)
{
  return res->what;
}

static enum pl_has get_told(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  struct json_object *told = NULL;
  if (!json_object_object_get_ex(trigger(res)->told, prop->path, &told))
    return PL_OMIT;
  *value = json_object_get(told);
  return PL_SHOW;
}

static enum pl_has get_enabled(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_boolean(trigger(res)->enabled);
  return PL_SHOW;
}

static enum pl_has get_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(trigger(res)->enabled ? "Enabled" : "Disabled");
  return PL_SHOW;
}

static bool is_of_collection(struct pl_stack *stack, const char *property)
{
  char uri[PL_URI_MAX];
  struct pl_res res;
  snprintf(uri, sizeof uri, "%.*s", (int)strcspn(property, "#"), property);
  if (pl_res_find(stack, uri, &res) != PL_OK)
    return false;
  bool collection = res.route->members;
  pl_res_end(&res);
  return collection;
}

/* Of a numeric one each must be a number, or have no value just now. A collection would have to be made anew, whole, at each look; a number is hardly ever twice
 * the same, so that each look would tell a change. */
static bool check_metrics(struct pl_exchange *x, const struct pl_metric_trigger *t)
{
  for (size_t i = 0; i < t->n_metrics; i++) {
    const char *property = t->metrics[i].property;
    char path[64], text[64] = "", *end = text;
    bool there = !is_of_collection(x->stack, property) && pl_metric_is_there(x->stack, property) && pl_metric_value(x->stack, property, text, sizeof text);
    if (text[0])
      (void)strtod(text, &end);
    bool number = text[0] && !*end;
    snprintf(path, sizeof path, "MetricProperties/%zu", i);
    if (there && t->changes && number)
      pl_say(x, 0, path, "PropertyValueConflict", path, "DiscreteTriggerCondition", NULL);
    else if (!there || (t->numeric && text[0] && !number))
      pl_say(x, 400, path, "PropertyValueError", path, NULL);
    else
      continue;
    return false;
  }
  return true;
}

/* True: the new one has its place, and *now is it. Else it has been said why not. other_metrics: what is watched already may be gone by now, and stays. */
static bool put(struct pl_exchange *x, const char *id, struct json_object *told, bool other_metrics, const struct pl_metric_trigger **now)
{
  struct pl_wrong w;
  struct pl_err err = {0};
  struct pl_metric_trigger *t = pl_metric_trigger_new(id, told, &w);
  if (!t && !w.id)
    pl_fail(&err, PL_E_NOMEM, "no memory for a trigger");
  else if (!t)
    pl_say(x, 0, w.path, w.id, w.args[0], *w.args[1] ? w.args[1] : NULL, NULL);
  else if ((!other_metrics || check_metrics(x, t)) && pl_metric_trigger_put(all_of(x->stack), t, &err) == PL_OK) {
    *now = t;
    return true;
  }
  pl_metric_trigger_free(t);
  if (err.status)
    pl_say_err(x, NULL, &err);
  return false;
}

static void set_told(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  const struct pl_metric_trigger *t = trigger(&x->res), *now = NULL;
  struct json_object *patch = json_object_new_object();
  json_object_object_add(patch, prop->path, json_object_get(value));
  struct json_object *told = pl_metric_trigger_merged(t->told, patch);
  if (put(x, t->id, told, !strcmp(prop->path, "MetricProperties"), &now))
    x->res.what = now;
  json_object_put(told);
  json_object_put(patch);
}

static const char *const TYPES[] = {"Numeric", "Discrete", NULL}, *const ACTIONS[] = {"LogToLogService", "RedfishEvent", NULL},
                         *const CONDITIONS[] = {"Specified", "Changed", NULL};
static const struct pl_field NEW_TRIGGER[] = {
    {.name = "Id", .type = PL_FIELD_TEXT, .min = 1, .max = 63},
    {.name = "Name", .type = PL_FIELD_TEXT, .min = 1, .max = 255},
    {.name = "MetricType", .type = PL_FIELD_TEXT, .choices = TYPES, .required = true},
    {.name = "MetricProperties", .type = PL_FIELD_LIST, .required = true, .min = 1, .max = PL_TRIGGER_METRICS_MAX},
    {.name = "TriggerActions", .type = PL_FIELD_LIST, .choices = ACTIONS, .max = 2},
    {.name = "TriggerEnabled", .type = PL_FIELD_FLAG},
    {.name = "NumericThresholds", .type = PL_FIELD_OBJECT},
    {.name = "HysteresisReading", .type = PL_FIELD_NUMBER},
    {.name = "HysteresisDuration", .type = PL_FIELD_TEXT, .min = 3, .max = 32},
    {.name = "DiscreteTriggerCondition", .type = PL_FIELD_TEXT, .choices = CONDITIONS},
    {.name = "DiscreteTriggers", .type = PL_FIELD_LIST, .max = PL_TRIGGER_CONDITIONS_MAX},
};
enum { N_FIELDS = sizeof NEW_TRIGGER / sizeof NEW_TRIGGER[0] };

static const struct pl_field METRICS = {.type = PL_FIELD_LIST, .min = 1, .max = PL_TRIGGER_METRICS_MAX}, ENABLED = {.type = PL_FIELD_FLAG}, LEVELS = {.type = PL_FIELD_OBJECT},
                             HYSTERESIS = {.type = PL_FIELD_NUMBER, .null = true}, DURATION = {.type = PL_FIELD_TEXT, .min = 3, .max = 32, .null = true},
                             VALUES = {.type = PL_FIELD_LIST, .max = PL_TRIGGER_CONDITIONS_MAX};
static const struct pl_prop TRIGGER[] = {
    PL_CALLS("Name", get_told),
    PL_CALLS("MetricType", get_told),
    PL_WRITES("MetricProperties", get_told, &METRICS, set_told),
    PL_CALLS("TriggerActions", get_told),
    PL_TEXT("TriggerActionMessage", "Telemetry"),
    PL_WRITES("TriggerEnabled", get_enabled, &ENABLED, set_told),
    PL_CALLS("Status/State", get_state),
    PL_TEXT("Status/Health", "OK"),
    PL_WRITES("NumericThresholds", get_told, &LEVELS, set_told),
    PL_WRITES("HysteresisReading", get_told, &HYSTERESIS, set_told),
    PL_WRITES("HysteresisDuration", get_told, &DURATION, set_told),
    PL_CALLS("DiscreteTriggerCondition", get_told),
    PL_WRITES("DiscreteTriggers", get_told, &VALUES, set_told),
};

static struct json_object *told_of(const struct pl_exchange *x, const char *id)
{
  struct json_object *told = json_object_new_object(), *actions = json_object_new_array(), *value;
  json_object_array_add(actions, json_object_new_string("RedfishEvent"));
  json_object_object_add(told, "Name", json_object_new_string(id));
  json_object_object_add(told, "TriggerActions", actions);
  for (size_t i = 1; i < N_FIELDS; i++) /* all but the Id */
    if ((value = pl_body(x, NEW_TRIGGER[i].name)))
      json_object_object_add(told, NEW_TRIGGER[i].name, json_object_get(value));
  return told;
}

static void create(struct pl_exchange *x)
{
  struct pl_metric_triggers *all = all_of(x->stack);
  const char *given = pl_body_text(x, "Id");
  char id[64], uri[PL_URI_MAX];
  const struct pl_metric_trigger *now;
  if (!pl_telemetry_id_is_good(x, given))
    return;
  if (given && pl_metric_trigger_find(all, given)) {
    pl_say(x, 409, "Id", "ResourceAlreadyExists", "Triggers", "Id", given, NULL);
    return;
  }
  if (all->count >= PL_TRIGGERS_MAX) {
    pl_say(x, 0, NULL, "CreateLimitReachedForResource", NULL);
    return;
  }
  snprintf(id, sizeof id, "%s", given ? given : "");
  for (unsigned n = 1; !given && (!*id || pl_metric_trigger_find(all, id)); n++)
    snprintf(id, sizeof id, "trigger-%u", n);
  struct json_object *told = told_of(x, id);
  bool made = put(x, id, told, true, &now);
  json_object_put(told);
  if (!made)
    return;
  snprintf(uri, sizeof uri, PL_TRIGGERS "/%s", id);
  pl_answer_resource(x, 201, uri);
}

static void remove_trigger(struct pl_exchange *x)
{
  struct pl_err err = {0};
  if (pl_metric_trigger_remove(all_of(x->stack), (struct pl_metric_trigger *)trigger(&x->res), &err) != PL_OK)
    pl_say_err(x, NULL, &err);
}

static const struct pl_route ROUTES[] = {
    {.uri = PL_TRIGGERS, .type = "TriggersCollection.TriggersCollection", .name = "Triggers", .members = list_triggers, .fields = NEW_TRIGGER, .n_fields = N_FIELDS, .create = create},
    {.uri = PL_TRIGGERS "/{}", .type = "Triggers.v1_4_0.Triggers", .props = {PL_PROPS(TRIGGER)}, .find = find_trigger, .remove = remove_trigger},
};
const struct pl_routes_desc pl_routes_services_triggers = PL_ROUTES(ROUTES);

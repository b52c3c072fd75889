/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers as they are defined, kept and changed; services_watch.c looks at the metrics. */
#include "control/redfish/services_trigger.h"

#include "control/redfish/room.h"
#include "control/redfish/services_report.h"
#include "control/store/store.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char PLACE[] = "trigger";
static const char *const THRESHOLDS[PL_THRESHOLDS] = {"LowerCritical", "LowerWarning", "UpperWarning", "UpperCritical"};
static const char *const ACTIVATIONS[] = {"Disabled", "Increasing", "Decreasing", "Either"}, *const SEVERITIES[] = {"OK", "Warning", "Critical"};

static bool is_wrong(struct pl_wrong *w, const char *path, const char *id, const char *first, const char *second)
{
  w->id = id;
  snprintf(w->path, sizeof w->path, "%s", path);
  snprintf(w->args[0], sizeof w->args[0], "%s", first);
  snprintf(w->args[1], sizeof w->args[1], "%s", second ? second : "");
  return false;
}

static const char *shown(struct json_object *value)
{
  return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
}

/* What may stand in an object further down, and what it is. */
enum kind { TEXT, NUMBER, DURATION, CHOICE, OBJECT };
struct part {
  const char *name;
  enum kind kind;
  const char *const *choices;
  size_t n_choices;
};

static const struct part *part_of(const struct part *parts, size_t count, const char *name)
{
  for (size_t i = 0; i < count; i++)
    if (!strcmp(parts[i].name, name))
      return &parts[i];
  return NULL;
}

static bool is_choice(const struct part *part, const char *text)
{
  for (size_t i = 0; i < part->n_choices; i++)
    if (!strcmp(part->choices[i], text))
      return true;
  return false;
}

static bool check_part(const struct part *part, struct json_object *value, const char *path, struct pl_wrong *w)
{
  enum json_type type = json_object_get_type(value);
  bool number = type == json_type_int || type == json_type_double, text = type == json_type_string;
  pl_time_ns span;
  if (!value)
    return true;
  if (part->kind == NUMBER ? !number : part->kind == OBJECT ? type != json_type_object : !text)
    return is_wrong(w, path, "PropertyValueTypeError", shown(value), path);
  if (number && !isfinite(json_object_get_double(value)))
    return is_wrong(w, path, "PropertyValueTypeError", shown(value), path);
  if (part->kind == DURATION && !pl_duration(json_object_get_string(value), &span))
    return is_wrong(w, path, "PropertyValueFormatError", shown(value), path);
  if (part->kind == CHOICE && !is_choice(part, json_object_get_string(value)))
    return is_wrong(w, path, "PropertyValueNotInList", shown(value), path);
  if (part->kind == TEXT && json_object_get_string_len(value) > PL_TRIGGER_VALUE_MAX)
    return is_wrong(w, path, "StringValueTooLong", shown(value), "63");
  return true;
}

static bool check_parts(const struct part *parts, size_t count, struct json_object *object, const char *prefix, struct pl_wrong *w)
{
  char path[160];
  if (!json_object_is_type(object, json_type_object))
    return is_wrong(w, prefix, "PropertyValueTypeError", shown(object), prefix);
  json_object_object_foreach(object, name, value)
  {
    const struct part *part = part_of(parts, count, name);
    snprintf(path, sizeof path, "%s/%s", prefix, name);
    if (!part)
      return is_wrong(w, path, "PropertyUnknown", path, NULL);
    if (!check_part(part, value, path, w))
      return false;
  }
  return true;
}

static pl_time_ns span_of(struct json_object *object, const char *name)
{
  pl_time_ns span = 0;
  return *pl_json_text(object, name) && pl_duration(pl_json_text(object, name), &span) ? span : 0;
}

static size_t index_of(const char *const *words, size_t count, const char *word, size_t fallback)
{
  for (size_t i = 0; i < count; i++)
    if (!strcmp(words[i], word))
      return i;
  return fallback;
}

#define N(LIST) (sizeof LIST / sizeof LIST[0])
static const struct part LEVELS[] = {{"LowerCritical", .kind = OBJECT}, {"LowerWarning", .kind = OBJECT}, {"UpperWarning", .kind = OBJECT}, {"UpperCritical", .kind = OBJECT}};
static const struct part LEVEL[] = {{"Reading", .kind = NUMBER}, {"Activation", CHOICE, ACTIVATIONS, N(ACTIVATIONS)}, {"DwellTime", .kind = DURATION}};
static const struct part VALUE[] = {{"Name", .kind = TEXT}, {"Value", .kind = TEXT}, {"DwellTime", .kind = DURATION}, {"Severity", CHOICE, SEVERITIES, N(SEVERITIES)}};

/* Levels that stand in another order than their names would tell nonsense ("below the warning level but critical"). */
static bool read_thresholds(struct pl_metric_trigger *t, struct json_object *levels, struct pl_wrong *w)
{
  double below = -INFINITY;
  size_t below_i = 0;
  bool any = false;
  t->n_conditions = PL_THRESHOLDS;
  if (!levels)
    return is_wrong(w, "NumericThresholds", "PropertyMissing", "NumericThresholds", NULL);
  if (!check_parts(LEVELS, N(LEVELS), levels, "NumericThresholds", w))
    return false;
  for (size_t i = 0; i < PL_THRESHOLDS; i++) {
    char path[64];
    struct json_object *level = pl_json_member(levels, THRESHOLDS[i]), *reading = pl_json_member(level, "Reading");
    struct pl_metric_trigger_condition *c = &t->conditions[i];
    snprintf(path, sizeof path, "NumericThresholds/%s", THRESHOLDS[i]);
    if (level && !check_parts(LEVEL, N(LEVEL), level, path, w))
      return false;
    if (!reading)
      continue;
    c->reading = json_object_get_double(reading);
    c->dwell_ns = span_of(level, "DwellTime");
    c->activation = (enum pl_activation)index_of(ACTIVATIONS, N(ACTIVATIONS), pl_json_text(level, "Activation"),
                                                 i >= PL_UPPER_WARNING ? PL_ACTIVATION_INCREASING : PL_ACTIVATION_DECREASING);
    if (any && c->reading < below)
      return is_wrong(w, path, "PropertyValueConflict", path, THRESHOLDS[below_i]);
    any = true;
    below = c->reading;
    below_i = i;
  }
  return any || is_wrong(w, "NumericThresholds", "PropertyValueError", "NumericThresholds", NULL);
}

static bool read_values(struct pl_metric_trigger *t, struct json_object *values, struct pl_wrong *w)
{
  char path[64], limit[16];
  size_t count = values ? json_object_array_length(values) : 0;
  snprintf(limit, sizeof limit, "%d", PL_TRIGGER_CONDITIONS_MAX);
  if (t->changes) /* there is nothing to compare with */
    return !count || is_wrong(w, "DiscreteTriggers", "PropertyValueConflict", "DiscreteTriggers", "DiscreteTriggerCondition");
  if (!count)
    return is_wrong(w, "DiscreteTriggers", "PropertyMissing", "DiscreteTriggers", NULL);
  if (count > PL_TRIGGER_CONDITIONS_MAX)
    return is_wrong(w, "DiscreteTriggers", "ArraySizeTooLong", "DiscreteTriggers", limit);
  for (size_t i = 0; i < count; i++) {
    struct json_object *value = json_object_array_get_idx(values, i);
    struct pl_metric_trigger_condition *c = &t->conditions[t->n_conditions++];
    snprintf(path, sizeof path, "DiscreteTriggers/%zu", i);
    if (!check_parts(VALUE, N(VALUE), value, path, w))
      return false;
    if (!*pl_json_text(value, "Value"))
      return is_wrong(w, path, "PropertyMissing", "DiscreteTriggers/Value", NULL);
    snprintf(c->value, sizeof c->value, "%s", pl_json_text(value, "Value"));
    c->dwell_ns = span_of(value, "DwellTime");
    size_t severity = index_of(SEVERITIES, N(SEVERITIES), pl_json_text(value, "Severity"), N(SEVERITIES));
    c->severity = severity < N(SEVERITIES) ? SEVERITIES[severity] : NULL;
  }
  return true;
}

static bool read_metrics(struct pl_metric_trigger *t, struct json_object *properties, struct pl_wrong *w)
{
  size_t count = json_object_is_type(properties, json_type_array) ? json_object_array_length(properties) : 0;
  char path[64], limit[16];
  snprintf(limit, sizeof limit, "%d", count ? PL_TRIGGER_METRICS_MAX : 1);
  if (!count || count > PL_TRIGGER_METRICS_MAX)
    return is_wrong(w, "MetricProperties", count ? "ArraySizeTooLong" : "ArraySizeTooShort", "MetricProperties", limit);
  for (size_t i = 0; i < count; i++) {
    struct json_object *property = json_object_array_get_idx(properties, i);
    struct pl_metric_trigger_metric *m = &t->metrics[i];
    snprintf(path, sizeof path, "MetricProperties/%zu", i);
    if (!json_object_is_type(property, json_type_string))
      return is_wrong(w, path, "PropertyValueTypeError", shown(property), path);
    for (size_t k = 0; k < i; k++)
      if (!strcmp(t->metrics[k].property, json_object_get_string(property)))
        return is_wrong(w, path, "PropertyValueConflict", path, "MetricProperties");
    m->property = strdup(json_object_get_string(property));
    if (!m->property)
      return false;
    t->n_metrics++;
    for (size_t c = 0; c < PL_TRIGGER_CONDITIONS_MAX; c++)
      m->since[c] = PL_NEVER;
  }
  return true;
}

static bool has_action(struct json_object *told, const char *action)
{
  struct json_object *list = pl_json_member(told, "TriggerActions");
  for (size_t i = 0; list && i < json_object_array_length(list); i++)
    if (!strcmp(json_object_get_string(json_object_array_get_idx(list, i)), action))
      return true;
  return false;
}

/* What is only of the other kind of metric is not taken and forgotten. */
static bool read_told(struct pl_metric_trigger *t, struct json_object *told, struct pl_wrong *w)
{
  static const char *const NUMERIC[] = {"NumericThresholds", "HysteresisReading", "HysteresisDuration"}, *const DISCRETE[] = {"DiscreteTriggerCondition", "DiscreteTriggers"};
  struct json_object *hysteresis = pl_json_member(told, "HysteresisReading");
  t->numeric = !strcmp(pl_json_text(told, "MetricType"), "Numeric");
  t->changes = !strcmp(pl_json_text(told, "DiscreteTriggerCondition"), "Changed");
  for (size_t i = 0; i < (t->numeric ? N(DISCRETE) : N(NUMERIC)); i++)
    if (pl_json_member(told, t->numeric ? DISCRETE[i] : NUMERIC[i]))
      return is_wrong(w, t->numeric ? DISCRETE[i] : NUMERIC[i], "PropertyValueConflict", t->numeric ? DISCRETE[i] : NUMERIC[i], "MetricType");
  if (!t->numeric && !pl_json_member(told, "DiscreteTriggerCondition"))
    return is_wrong(w, "DiscreteTriggerCondition", "PropertyMissing", "DiscreteTriggerCondition", NULL);
  static const struct part DURATIONS[] = {{"HysteresisDuration", .kind = DURATION}};
  if (!check_part(DURATIONS, pl_json_member(told, "HysteresisDuration"), "HysteresisDuration", w))
    return false;
  t->hold_ns = span_of(told, "HysteresisDuration");
  t->hysteresis = fabs(hysteresis ? json_object_get_double(hysteresis) : 0);
  t->enabled = !pl_json_member(told, "TriggerEnabled") || json_object_get_boolean(pl_json_member(told, "TriggerEnabled"));
  t->sent = has_action(told, "RedfishEvent");
  t->logged = has_action(told, "LogToLogService");
  return read_metrics(t, pl_json_member(told, "MetricProperties"), w) &&
         (t->numeric ? read_thresholds(t, pl_json_member(told, "NumericThresholds"), w) : read_values(t, pl_json_member(told, "DiscreteTriggers"), w));
}

struct pl_metric_trigger *pl_metric_trigger_new(const char *id, struct json_object *told, struct pl_wrong *wrong)
{
  struct pl_metric_trigger *t = calloc(1, sizeof *t);
  *wrong = (struct pl_wrong){0};
  if (!t)
    return NULL;
  snprintf(t->id, sizeof t->id, "%s", id);
  t->told = json_object_get(told);
  if (read_told(t, told, wrong))
    return t;
  pl_metric_trigger_free(t);
  return NULL;
}

void pl_metric_trigger_free(struct pl_metric_trigger *t)
{
  if (!t)
    return;
  for (size_t i = 0; i < t->n_metrics; i++)
    free(t->metrics[i].property);
  json_object_put(t->told);
  free(t);
}

static struct json_object *merged_list(struct json_object *old, struct json_object *patch)
{
  struct json_object *list = json_object_new_array();
  for (size_t i = 0; i < json_object_array_length(patch); i++) {
    struct json_object *item = json_object_array_get_idx(patch, i);
    struct json_object *before = json_object_is_type(old, json_type_array) ? json_object_array_get_idx(old, i) : NULL;
    if (item)
      json_object_array_add(list, pl_metric_trigger_merged(before, item));
  }
  return list;
}

struct json_object *pl_metric_trigger_merged(struct json_object *told, struct json_object *patch)
{
  if (json_object_is_type(patch, json_type_array))
    return merged_list(told, patch);
  if (!json_object_is_type(patch, json_type_object))
    return json_object_get(patch);
  struct json_object *o = NULL;
  if (!json_object_is_type(told, json_type_object) || json_object_deep_copy(told, &o, NULL) < 0)
    o = json_object_new_object();
  json_object_object_foreach(patch, name, value)
  {
    if (value)
      json_object_object_add(o, name, pl_metric_trigger_merged(pl_json_member(told, name), value));
    else
      json_object_object_del(o, name);
  }
  return o;
}

struct pl_metric_trigger *pl_metric_trigger_find(const struct pl_metric_triggers *triggers, const char *id)
{
  for (struct pl_metric_trigger *t = triggers->first; t; t = t->next)
    if (!strcmp(t->id, id))
      return t;
  return NULL;
}

/* {"Told": ..., "Met": [bits of each metric], "Last": [value of each]} */
enum pl_status pl_metric_trigger_save(struct pl_metric_triggers *triggers, const struct pl_metric_trigger *t, struct pl_err *err)
{
  struct json_object *o = json_object_new_object(), *met = json_object_new_array(), *last = json_object_new_array();
  json_object_object_add(o, "Told", json_object_get(t->told));
  for (size_t i = 0; i < t->n_metrics; i++) {
    json_object_array_add(met, json_object_new_int64(t->metrics[i].met));
    json_object_array_add(last, json_object_new_string(t->metrics[i].last));
  }
  json_object_object_add(o, "Met", met);
  json_object_object_add(o, "Last", last);
  enum pl_status status = pl_store_put(triggers->services->stack->store, PLACE, t->id, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), err);
  json_object_put(o);
  return status;
}

static void join(struct pl_metric_triggers *all, struct pl_metric_trigger *t)
{
  struct pl_metric_trigger **end = &all->first;
  while (*end)
    end = &(*end)->next;
  *end = t;
  all->count++;
}

/* now: what stands in its place; NULL: nothing. */
static void part_with(struct pl_metric_triggers *all, struct pl_metric_trigger *t, struct pl_metric_trigger *now)
{
  struct pl_metric_trigger **at = &all->first;
  while (*at != t)
    at = &(*at)->next;
  *at = now ? now : t->next;
  if (now)
    now->next = t->next;
  else
    all->count--;
  pl_metric_trigger_free(t);
}

static void inherit(struct pl_metric_trigger *t, const struct pl_metric_trigger *before)
{
  bool same = json_object_equal(pl_json_member(t->told, "DiscreteTriggers"), pl_json_member(before->told, "DiscreteTriggers"));
  if (!t->enabled || !same)
    return;
  for (size_t i = 0; i < t->n_metrics; i++)
    for (size_t k = 0; k < before->n_metrics; k++)
      if (!strcmp(t->metrics[i].property, before->metrics[k].property)) {
        t->metrics[i].met = before->metrics[k].met;
        memcpy(t->metrics[i].last, before->metrics[k].last, sizeof t->metrics[i].last);
      }
}

enum pl_status pl_metric_trigger_put(struct pl_metric_triggers *all, struct pl_metric_trigger *t, struct pl_err *err)
{
  struct pl_metric_trigger *before = pl_metric_trigger_find(all, t->id);
  if (before)
    inherit(t, before);
  enum pl_status status = pl_metric_trigger_save(all, t, err);
  if (status)
    return status;
  if (before)
    part_with(all, before, t);
  else
    join(all, t);
  pl_metric_triggers_begin(all);
  pl_service_changed(all->services->stack);
  return PL_OK;
}

enum pl_status pl_metric_trigger_remove(struct pl_metric_triggers *all, struct pl_metric_trigger *t, struct pl_err *err)
{
  enum pl_status status = pl_store_put(all->services->stack->store, PLACE, t->id, NULL, err);
  if (status)
    return status;
  part_with(all, t, NULL);
  pl_service_changed(all->services->stack);
  return PL_OK;
}

static void load_one(void *ctx, const char *key, const char *value)
{
  struct pl_metric_triggers *all = ctx;
  struct pl_wrong wrong;
  struct json_object *o = json_tokener_parse(value), *met = pl_json_member(o, "Met"), *last = pl_json_member(o, "Last"), *each;
  struct pl_metric_trigger *t = o ? pl_metric_trigger_new(key, pl_json_member(o, "Told"), &wrong) : NULL;
  for (size_t i = 0; t && i < t->n_metrics; i++) {
    t->metrics[i].met = json_object_is_type(met, json_type_array) ? (unsigned)json_object_get_int64(json_object_array_get_idx(met, i)) : 0;
    if (json_object_is_type(last, json_type_array) && (each = json_object_array_get_idx(last, i)))
      snprintf(t->metrics[i].last, sizeof t->metrics[i].last, "%s", json_object_get_string(each));
  }
  if (t)
    join(all, t);
  json_object_put(o);
}

static void note_entry(void *ctx, const char *key, const char *value)
{
  struct pl_metric_triggers *all = ctx;
  uint64_t id = strtoull(key, NULL, 10);
  (void)value;
  all->log_first = !all->log_last || id < all->log_first ? id : all->log_first;
  all->log_last = id > all->log_last ? id : all->log_last;
}

enum pl_status pl_metric_triggers_new(struct pl_services *services, struct pl_metric_triggers **triggers, struct pl_err *err)
{
  struct pl_metric_triggers *all = calloc(1, sizeof *all);
  if (!all)
    return pl_fail(err, PL_E_NOMEM, "no memory for triggers");
  all->services = services;
  all->log_first = 1;
  *triggers = all;
  enum pl_status status = pl_store_each(services->stack->store, PLACE, load_one, all, err);
  if (!status)
    status = pl_store_each(services->stack->store, PL_TRIGGER_LOG_PLACE, note_entry, all, err);
  if (!status)
    pl_metric_triggers_begin(all);
  return status;
}

void pl_metric_triggers_free(struct pl_metric_triggers *all)
{
  if (!all)
    return;
  pl_clock_disarm(all->services->stack->clock, &all->timer);
  pl_clock_disarm(all->services->stack->clock, &all->keeping);
  json_object_put(all->entries);
  while (all->first)
    part_with(all, all->first, NULL);
  free(all);
}

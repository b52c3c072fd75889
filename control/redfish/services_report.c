/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/services_report.h"

#include "control/redfish/route.h"
#include "control/store/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char PLACE[] = "metric-report";

/* What is reported without anybody having asked: all sensors of these types (Sensor v1, ReadingType). */
struct pl_metric_report_shipped {
  const char *id, *name;
  bool periodic;
  unsigned interval_s;
  const char *types[6];
};
static const struct pl_metric_report_shipped SHIPPED[] = {
    {"Thermal", "Temperatures and coolant", true, 60, {"Temperature", "LiquidFlowLPM", "PressurekPa", "Rotational", "LiquidLevel"}},
    {"Power", "Voltages, currents and power", true, 60, {"Voltage", "Current", "Power"}},
    {"Now", "Every sensor, when asked for", false, 0, {NULL}},
};

struct pl_metric_reports {
  struct pl_services *services;
  struct pl_metric_report *first;
  unsigned count;
};

bool pl_duration(const char *text, pl_time_ns *span)
{
  double seconds = 0;
  bool time = false, any = false;
  if (*text++ != 'P')
    return false;
  while (*text) {
    if (*text == 'T' && !time) {
      time = true;
      text++;
      continue;
    }
    char *end;
    if (*text < '0' || *text > '9')
      return false;
    double value = strtod(text, &end);
    double unit = time ? (*end == 'H' ? 3600 : *end == 'M' ? 60 : *end == 'S' ? 1 : 0) : (*end == 'D' ? 86400 : 0);
    if (unit == 0 || !isfinite(value))
      return false;
    seconds += value * unit;
    text = end + 1;
    any = true;
  }
  if (!any || seconds >= 1e9)
    return false;
  *span = (pl_time_ns)(seconds * (double)PL_S);
  return true;
}

unsigned pl_duration_s(const char *text)
{
  pl_time_ns span = 0;
  return pl_duration(text, &span) ? (unsigned)(span / PL_S) : 0;
}

struct pl_metric_report *pl_metric_report_first(const struct pl_services *services)
{
  return services->reports->first;
}

struct pl_metric_report *pl_metric_report_find(const struct pl_services *services, const char *id)
{
  for (struct pl_metric_report *r = services->reports->first; r; r = r->next)
    if (!strcmp(r->id, id))
      return r;
  return NULL;
}

/* Sensors of the shipped reports are looked up when the first report is made, once everything is there. */

struct gathering {
  struct pl_metric_report *report;
  size_t count;
};

static const char *member_text(struct json_object *object, const char *key)
{
  struct json_object *value;
  return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : NULL;
}

static bool is_of_type(const struct pl_metric_report_shipped *shipped, const char *type)
{
  for (size_t i = 0; i < sizeof shipped->types / sizeof shipped->types[0] && shipped->types[i]; i++)
    if (!strcmp(shipped->types[i], type))
      return true;
  return !shipped->types[0];
}

static void add_metric(struct json_object *metrics, const char *id, const char *property)
{
  struct json_object *metric = NULL, *properties;
  for (size_t i = 0; i < json_object_array_length(metrics) && !metric; i++) {
    struct json_object *each = json_object_array_get_idx(metrics, i);
    metric = strcmp(member_text(each, "MetricId"), id) ? NULL : each;
  }
  if (!metric) {
    metric = json_object_new_object();
    json_object_object_add(metric, "MetricId", json_object_new_string(id));
    json_object_object_add(metric, "MetricProperties", json_object_new_array());
    json_object_array_add(metrics, metric);
  }
  if (json_object_object_get_ex(metric, "MetricProperties", &properties))
    json_object_array_add(properties, json_object_new_string(property));
}

static void gather(void *ctx, const char *uri)
{
  struct gathering *g = ctx;
  const char *sensors = strstr(uri, "/Sensors/");
  if (!sensors || strchr(sensors + 9, '/') || g->count >= PL_REPORT_PROPERTIES_MAX)
    return;
  struct json_object *sensor = pl_uri_render(g->report->services->stack, uri);
  const char *type = sensor ? member_text(sensor, "ReadingType") : NULL;
  char property[PL_URI_MAX + 16];
  if (type && is_of_type(g->report->shipped, type)) {
    snprintf(property, sizeof property, "%s#/Reading", uri);
    add_metric(g->report->metrics, type, property);
    g->count++;
  }
  json_object_put(sensor);
}

struct json_object *pl_metric_report_metrics(struct pl_metric_report *report)
{
  if (!report->metrics) { /* set first: the walk comes by here */
    struct gathering g = {.report = report};
    report->metrics = json_object_new_array();
    pl_res_walk(report->services->stack, gather, &g);
  }
  return report->metrics;
}

bool pl_metric_value_seen(struct pl_stack *stack, struct json_object *seen, const char *property, char *out, size_t size)
{
  char uri[PL_URI_MAX];
  size_t n = strcspn(property, "#");
  struct json_object *value = NULL, *resource = NULL;
  if (n >= sizeof uri || property[n] != '#')
    return false;
  snprintf(uri, sizeof uri, "%.*s", (int)n, property);
  if (!json_object_object_get_ex(seen, uri, &resource))
    json_object_object_add(seen, uri, resource = pl_uri_render(stack, uri));
  bool found = resource && json_pointer_get(resource, property + n + 1, &value) == 0;
  *out = '\0';
  if (found && value)
    snprintf(out, size, "%s", json_object_is_type(value, json_type_string) ? json_object_get_string(value) : json_object_to_json_string(value));
  return found;
}

bool pl_metric_value(struct pl_stack *stack, const char *property, char *out, size_t size)
{
  struct json_object *seen = json_object_new_object();
  bool found = pl_metric_value_seen(stack, seen, property, out, size);
  json_object_put(seen);
  return found;
}

bool pl_metric_is_there(struct pl_stack *stack, const char *property)
{
  static const char OWN[] = "/redfish/v1/TelemetryService";
  char text[8];
  return strncmp(property, OWN, sizeof OWN - 1) && pl_metric_value(stack, property, text, sizeof text);
}

static void add_value(struct json_object *values, struct pl_stack *stack, const char *id, const char *property, const char *at)
{
  char text[64];
  if (!pl_metric_value(stack, property, text, sizeof text))
    return; /* gone since */
  struct json_object *o = json_object_new_object();
  if (id)
    json_object_object_add(o, "MetricId", json_object_new_string(id));
  json_object_object_add(o, "MetricProperty", json_object_new_string(property));
  json_object_object_add(o, "MetricValue", *text ? json_object_new_string(text) : NULL);
  json_object_object_add(o, "Timestamp", json_object_new_string(at));
  json_object_array_add(values, o);
}

static void send_report(struct pl_metric_report *r)
{
  char uri[PL_URI_MAX], definition[PL_URI_MAX];
  snprintf(uri, sizeof uri, PL_REPORTS "/%s", r->id);
  snprintf(definition, sizeof definition, PL_REPORT_DEFINITIONS "/%s", r->id);
  struct json_object *report = pl_uri_render(r->services->stack, uri);
  if (report)
    pl_services_report(r->services, definition, json_object_to_json_string_ext(report, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(report);
}

void pl_metric_report_make(struct pl_metric_report *r)
{
  if (r->making)
    return;
  r->making = true;
  struct pl_stack *stack = r->services->stack;
  struct json_object *values = json_object_new_array(), *metrics = pl_metric_report_metrics(r), *properties;
  char at[PL_WALL_TEXT_MAX];
  r->wall_ns = pl_clock_wall_ns(stack->clock, pl_clock_now(stack->clock));
  pl_wall_text(r->wall_ns, at);
  for (size_t i = 0; i < json_object_array_length(metrics); i++) {
    struct json_object *metric = json_object_array_get_idx(metrics, i);
    for (size_t j = 0; json_object_object_get_ex(metric, "MetricProperties", &properties) && j < json_object_array_length(properties); j++)
      add_value(values, stack, member_text(metric, "MetricId"), json_object_get_string(json_object_array_get_idx(properties, j)), at);
  }
  json_object_put(r->values);
  r->values = values;
  r->making = false;
}

static void fire(void *ctx, pl_time_ns now)
{
  struct pl_metric_report *r = ctx;
  if (r->services->stack->dead)
    return;
  pl_metric_report_make(r);
  pl_service_changed(r->services->stack);
  if (r->sent)
    send_report(r);
  pl_clock_arm(r->services->stack->clock, &r->timer, now + (pl_time_ns)r->interval_s * PL_S);
}

static void begin(struct pl_metric_report *r)
{
  struct pl_clock *clock = r->services->stack->clock;
  r->timer.fire = fire;
  r->timer.ctx = r;
  pl_clock_disarm(clock, &r->timer);
  if (r->periodic && r->enabled)
    pl_clock_arm(clock, &r->timer, pl_clock_now(clock) + (pl_time_ns)r->interval_s * PL_S);
}

static enum pl_status save(const struct pl_metric_report *r, struct pl_err *err)
{
  struct json_object *o = json_object_new_object();
  json_object_object_add(o, "Name", json_object_new_string(r->name));
  json_object_object_add(o, "Periodic", json_object_new_boolean(r->periodic));
  json_object_object_add(o, "Enabled", json_object_new_boolean(r->enabled));
  json_object_object_add(o, "Logged", json_object_new_boolean(r->logged));
  json_object_object_add(o, "Sent", json_object_new_boolean(r->sent));
  json_object_object_add(o, "Interval", json_object_new_int64(r->interval_s));
  if (!r->shipped)
    json_object_object_add(o, "Metrics", json_object_get(r->metrics));
  enum pl_status status = pl_store_put(r->services->stack->store, PLACE, r->id, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), err);
  json_object_put(o);
  return status;
}

static void join(struct pl_services *services, struct pl_metric_report *r)
{
  struct pl_metric_report **end = &services->reports->first;
  while (*end)
    end = &(*end)->next;
  *end = r;
  r->services = services;
  services->reports->count++;
}

enum pl_status pl_metric_report_add(struct pl_services *services, struct pl_metric_report *r, struct pl_err *err)
{
  if (services->reports->count >= PL_REPORTS_MAX || pl_metric_report_find(services, r->id))
    return pl_fail(err, PL_E_BUSY, "there is a report '%s' already, or there are %d; delete one first", r->id, PL_REPORTS_MAX);
  r->services = services;
  enum pl_status status = save(r, err);
  if (status != PL_OK)
    return status;
  join(services, r);
  begin(r);
  pl_service_changed(services->stack);
  return PL_OK;
}

enum pl_status pl_metric_report_change(struct pl_metric_report *r, bool enabled, unsigned interval_s, struct pl_err *err)
{
  struct pl_metric_report want = *r;
  want.enabled = enabled;
  want.interval_s = interval_s;
  enum pl_status status = save(&want, err);
  if (status)
    return status;
  r->enabled = enabled;
  r->interval_s = interval_s;
  begin(r);
  pl_service_changed(r->services->stack);
  return PL_OK;
}

void pl_metric_report_free(struct pl_metric_report *r)
{
  if (!r)
    return;
  if (r->services)
    pl_clock_disarm(r->services->stack->clock, &r->timer);
  json_object_put(r->metrics);
  json_object_put(r->values);
  free(r->name);
  free(r);
}

enum pl_status pl_metric_report_remove(struct pl_metric_report *r, struct pl_err *err)
{
  struct pl_metric_reports *all = r->services->reports;
  enum pl_status status = pl_store_put(r->services->stack->store, PLACE, r->id, NULL, err);
  if (status)
    return status;
  for (struct pl_metric_report **at = &all->first; *at; at = &(*at)->next)
    if (*at == r) {
      *at = r->next;
      all->count--;
      break;
    }
  pl_service_changed(r->services->stack);
  pl_metric_report_free(r);
  return PL_OK;
}

static bool member_flag(struct json_object *o, const char *key)
{
  struct json_object *value;
  return json_object_object_get_ex(o, key, &value) && json_object_get_boolean(value);
}

/* What the store says of a report that is shipped is only what a client may change of it. */
static void load_one(void *ctx, const char *key, const char *value)
{
  struct pl_services *services = ctx;
  struct json_object *o = json_tokener_parse(value), *member;
  struct pl_metric_report *r = pl_metric_report_find(services, key);
  bool known = r;
  if (o && !r && json_object_object_get_ex(o, "Metrics", &member) && (r = calloc(1, sizeof *r))) {
    snprintf(r->id, sizeof r->id, "%s", key);
    r->metrics = json_object_get(member);
    r->name = strdup(member_text(o, "Name") ? member_text(o, "Name") : key);
  }
  if (o && r) {
    r->periodic = member_flag(o, "Periodic");
    r->enabled = member_flag(o, "Enabled");
    r->logged = member_flag(o, "Logged");
    r->sent = member_flag(o, "Sent");
    r->interval_s = json_object_object_get_ex(o, "Interval", &member) ? (unsigned)json_object_get_int64(member) : 0;
    if (!known)
      join(services, r);
  }
  json_object_put(o);
}

enum pl_status pl_metric_reports_new(struct pl_services *services, struct pl_metric_reports **reports, struct pl_err *err)
{
  struct pl_metric_reports *all = calloc(1, sizeof *all);
  if (!all)
    return pl_fail(err, PL_E_NOMEM, "no memory for metric reports");
  all->services = services;
  *reports = services->reports = all;
  for (size_t i = 0; i < sizeof SHIPPED / sizeof SHIPPED[0]; i++) {
    struct pl_metric_report *r = calloc(1, sizeof *r);
    if (!r || !(r->name = strdup(SHIPPED[i].name))) {
      free(r);
      return pl_fail(err, PL_E_NOMEM, "no memory for metric reports");
    }
    snprintf(r->id, sizeof r->id, "%s", SHIPPED[i].id);
    r->shipped = &SHIPPED[i];
    r->enabled = r->logged = r->sent = true;
    r->periodic = SHIPPED[i].periodic;
    r->interval_s = SHIPPED[i].interval_s;
    join(services, r);
  }
  enum pl_status status = pl_store_each(services->stack->store, PLACE, load_one, services, err);
  for (struct pl_metric_report *r = all->first; r; r = r->next)
    begin(r);
  return status;
}

void pl_metric_reports_free(struct pl_metric_reports *reports)
{
  while (reports && reports->first) {
    struct pl_metric_report *r = reports->first;
    reports->first = r->next;
    pl_metric_report_free(r);
  }
  free(reports);
}

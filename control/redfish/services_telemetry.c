/* SPDX-License-Identifier: Apache-2.0 */
/* TelemetryService (v1.4): what can be measured, reports of it at intervals or when asked for. */
#include "control/redfish/route.h"
#include "control/redfish/services_report.h"
#include "control/redfish/services_trigger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 255, METRICS_MAX = 64 };
#define SERVICE_URI "/redfish/v1/TelemetryService"

static enum pl_has show_text(struct json_object **value, const char *text)
{
  *value = text ? json_object_new_string(text) : NULL;
  return PL_SHOW;
}

static enum pl_has show_flag(struct json_object **value, bool flag)
{
  *value = json_object_new_boolean(flag);
  return PL_SHOW;
}

/* Triggers tell, but the store does not take what they have told. */
static enum pl_has get_service_health(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(pl_services_of(res->stack)->triggers->refused ? "Warning" : "OK");
  return PL_SHOW;
}

static const struct pl_prop SERVICE[] = {
    PL_TEXT("Name", "Telemetry Service"),
    PL_TEXT("Description", "Readings of the rack's sensors, reported together"),
    PL_FLAG("ServiceEnabled", true),
    PL_TEXT("Status/State", "Enabled"),
    PL_CALLS("Status/Health", get_service_health),
    PL_NUMBER("MaxReports", PL_REPORTS_MAX),
    PL_TEXT("MinCollectionInterval", "PT1S"),
    PL_LINK("MetricDefinitions", "MetricDefinitions"),
    PL_LINK("MetricReportDefinitions", "MetricReportDefinitions"),
    PL_LINK("MetricReports", "MetricReports"),
    PL_LINK("Triggers", "Triggers"),
    PL_LINK("LogService", PL_TELEMETRY_LOG),
};

/* Definitions of metrics: the reading types of Sensor v1 that a rack has, in UCUM units (DSP0268, ReadingType). */
static const struct metric {
  const char *id, *units, *about;
} METRICS[] = {
    {"Temperature", "Cel", "Temperature, of coolant, air or a component"},
    {"LiquidFlowLPM", "L/min", "Flow of coolant"},
    {"PressurekPa", "kPa", "Pressure of coolant"},
    {"LiquidLevel", "cm", "Level of coolant"},
    {"Rotational", "{rev}/min", "Speed of a pump or fan"},
    {"Voltage", "V", "Voltage"},
    {"Current", "A", "Current"},
    {"Power", "W", "Power"},
    {"Percent", "%", "A ratio"},
};
enum { N_METRICS = sizeof METRICS / sizeof METRICS[0] };

static void metrics(const struct pl_res *res, struct pl_members *members)
{
  (void)res;
  for (size_t i = 0; i < N_METRICS; i++)
    pl_members_add(members, METRICS[i].id);
}

static bool find_metric(struct pl_res *res)
{
  for (res->index = 0; res->index < N_METRICS; res->index++)
    if (!strcmp(METRICS[res->index].id, res->ids[0]))
      return true;
  return false;
}

static enum pl_has get_metric_about(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_text(value, METRICS[res->index].about);
}

static enum pl_has get_metric_units(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_text(value, METRICS[res->index].units);
}

static const struct pl_prop METRIC[] = {
    PL_CALLS("Name", get_metric_about),        PL_TEXT("MetricType", "Gauge"), PL_TEXT("MetricDataType", "Decimal"),
    PL_TEXT("Implementation", "PhysicalSensor"), PL_CALLS("Units", get_metric_units), PL_TEXT("Calculable", "NonSummable"), PL_FLAG("IsLinear", true),
};

/* Definitions of reports */

static void definitions(const struct pl_res *res, struct pl_members *members)
{
  for (struct pl_metric_report *r = pl_metric_report_first(pl_services_of(res->stack)); r; r = r->next)
    pl_members_add(members, r->id);
}

static bool find_definition(struct pl_res *res)
{
  res->what = pl_metric_report_find(pl_services_of(res->stack), res->ids[0]);
  return res->what;
}

static const struct pl_metric_report *report(const struct pl_res *res)
{
  return res->what;
}

static enum pl_has get_name(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_text(value, report(res)->name);
}

static enum pl_has get_type(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_text(value, report(res)->periodic ? "Periodic" : "OnRequest");
}

static enum pl_has get_enabled(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_flag(value, report(res)->enabled);
}

static enum pl_has get_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_text(value, report(res)->enabled ? "Enabled" : "Disabled");
}

static enum pl_has get_interval(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[24];
  (void)prop;
  if (!report(res)->periodic)
    return PL_OMIT;
  snprintf(text, sizeof text, "PT%uS", report(res)->interval_s);
  return show_text(value, text);
}

static enum pl_has get_actions(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_array();
  if (report(res)->logged)
    json_object_array_add(*value, json_object_new_string("LogToMetricReportsCollection"));
  if (report(res)->sent)
    json_object_array_add(*value, json_object_new_string("RedfishEvent"));
  return PL_SHOW;
}

static enum pl_has get_metrics(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_get(pl_metric_report_metrics((struct pl_metric_report *)report(res)));
  return PL_SHOW;
}

static enum pl_has get_report_link(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char uri[PL_URI_MAX];
  (void)prop;
  if (!report(res)->logged)
    return PL_OMIT;
  snprintf(uri, sizeof uri, PL_REPORTS "/%s", report(res)->id);
  *value = pl_json_link(uri);
  return PL_SHOW;
}

static void change(struct pl_exchange *x, const struct pl_prop *prop, bool enabled, unsigned interval_s)
{
  struct pl_err err = {0};
  if (pl_metric_report_change((struct pl_metric_report *)report(&x->res), enabled, interval_s, &err) != PL_OK)
    pl_say_err(x, prop->path, &err);
}

static void set_enabled(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  change(x, prop, json_object_get_boolean(value), report(&x->res)->interval_s);
}

/* 0: said what is wrong with it. */
static unsigned interval_of(struct pl_exchange *x, const char *path, const char *text)
{
  unsigned seconds = pl_duration_s(text);
  if (seconds >= PL_REPORT_INTERVAL_MIN_S && seconds <= PL_REPORT_INTERVAL_MAX_S)
    return seconds;
  pl_say(x, 400, path, "PropertyValueFormatError", text, path, NULL);
  return 0;
}

static void set_interval(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  unsigned seconds = interval_of(x, prop->path, json_object_get_string(value));
  if (seconds)
    change(x, prop, report(&x->res)->enabled, seconds);
}

static const struct pl_field FLAG = {.type = PL_FIELD_FLAG}, DURATION = {.type = PL_FIELD_TEXT, .min = 3, .max = 32};
static const struct pl_prop DEFINITION[] = {
    PL_CALLS("Name", get_name),
    PL_CALLS("MetricReportDefinitionType", get_type),
    PL_WRITES("MetricReportDefinitionEnabled", get_enabled, &FLAG, set_enabled),
    PL_CALLS("Status/State", get_state),
    PL_TEXT("Status/Health", "OK"),
    PL_WRITES("Schedule/RecurrenceInterval", get_interval, &DURATION, set_interval),
    PL_CALLS("ReportActions", get_actions),
    PL_TEXT("ReportUpdates", "Overwrite"),
    PL_CALLS("Metrics", get_metrics),
    PL_CALLS("MetricReport", get_report_link),
};

static const char *const REPORT_TYPES[] = {"Periodic", "OnRequest", NULL}, *const REPORT_ACTIONS[] = {"LogToMetricReportsCollection", "RedfishEvent", NULL};
static const struct pl_field NEW_DEFINITION[] = {
    {.name = "Id", .type = PL_FIELD_TEXT, .min = 1, .max = 63},
    {.name = "Name", .type = PL_FIELD_TEXT, .min = 1, .max = TEXT_MAX},
    {.name = "MetricReportDefinitionType", .type = PL_FIELD_TEXT, .choices = REPORT_TYPES, .required = true},
    {.name = "MetricReportDefinitionEnabled", .type = PL_FIELD_FLAG},
    {.name = "Schedule", .type = PL_FIELD_OBJECT},
    {.name = "ReportActions", .type = PL_FIELD_LIST, .choices = REPORT_ACTIONS, .max = 2},
    {.name = "Metrics", .type = PL_FIELD_LIST, .required = true, .min = 1, .max = METRICS_MAX},
};

static bool has_word(struct json_object *list, const char *word)
{
  for (size_t i = 0; list && i < json_object_array_length(list); i++)
    if (!strcmp(json_object_get_string(json_object_array_get_idx(list, i)), word))
      return true;
  return false;
}

static struct json_object *member(struct json_object *object, const char *name, enum json_type type)
{
  struct json_object *value = NULL;
  return json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, name, &value) && json_object_is_type(value, type) ? value : NULL;
}

static bool check_property(struct pl_exchange *x, struct json_object *property)
{
  bool good = json_object_is_type(property, json_type_string) && pl_metric_is_there(x->stack, json_object_get_string(property));
  if (!good)
    pl_say(x, 400, "Metrics", "PropertyValueError", "Metrics/MetricProperties", NULL);
  return good;
}

static bool check_metrics(struct pl_exchange *x, struct json_object *metrics)
{
  size_t count = 0;
  for (size_t i = 0; i < json_object_array_length(metrics); i++) {
    struct json_object *properties = member(json_object_array_get_idx(metrics, i), "MetricProperties", json_type_array);
    count += properties ? json_object_array_length(properties) : 0;
    if (!properties || !member(json_object_array_get_idx(metrics, i), "MetricId", json_type_string) || count > PL_REPORT_PROPERTIES_MAX) {
      pl_say(x, 400, "Metrics", "PropertyValueError", "Metrics", NULL);
      return false;
    }
    for (size_t j = 0; j < json_object_array_length(properties); j++)
      if (!check_property(x, json_object_array_get_idx(properties, j)))
        return false;
  }
  return true;
}

bool pl_telemetry_id_is_good(struct pl_exchange *x, const char *id)
{
  if (!id || strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(id))
    return true;
  pl_say(x, 400, "Id", "PropertyValueFormatError", id, "Id", NULL);
  return false;
}

static struct pl_metric_report *report_of(struct pl_exchange *x, unsigned interval_s)
{
  struct pl_metric_report *r = calloc(1, sizeof *r);
  const char *id = pl_body_text(x, "Id"), *name = pl_body_text(x, "Name");
  struct json_object *actions = pl_body(x, "ReportActions"), *enabled = pl_body(x, "MetricReportDefinitionEnabled");
  if (!r)
    return NULL;
  if (id)
    snprintf(r->id, sizeof r->id, "%s", id);
  for (unsigned n = 1; !id && (!r->id[0] || pl_metric_report_find(pl_services_of(x->stack), r->id)); n++)
    snprintf(r->id, sizeof r->id, "report-%u", n);
  r->name = strdup(name ? name : "Metric Report");
  r->periodic = !strcmp(pl_body_text(x, "MetricReportDefinitionType"), "Periodic");
  r->enabled = !enabled || json_object_get_boolean(enabled);
  r->logged = !actions || has_word(actions, "LogToMetricReportsCollection");
  r->sent = has_word(actions, "RedfishEvent");
  r->interval_s = interval_s;
  r->metrics = json_object_get(pl_body(x, "Metrics"));
  return r;
}

static void define(struct pl_exchange *x)
{
  struct json_object *schedule = pl_body(x, "Schedule"), *recurrence = schedule ? member(schedule, "RecurrenceInterval", json_type_string) : NULL;
  bool periodic = !strcmp(pl_body_text(x, "MetricReportDefinitionType"), "Periodic");
  unsigned interval_s = 0;
  struct pl_err err = {0};
  if (periodic && !recurrence) {
    pl_say(x, 400, "Schedule", "CreateFailedMissingReqProperties", "Schedule/RecurrenceInterval", NULL);
    return;
  }
  if ((periodic && !(interval_s = interval_of(x, "Schedule/RecurrenceInterval", json_object_get_string(recurrence)))) || !pl_telemetry_id_is_good(x, pl_body_text(x, "Id")) ||
      !check_metrics(x, pl_body(x, "Metrics")))
    return;
  struct pl_metric_report *r = report_of(x, interval_s);
  if (!r || !r->name || pl_metric_report_add(pl_services_of(x->stack), r, &err) != PL_OK) {
    pl_metric_report_free(r);
    pl_say_err(x, NULL, &err);
    return;
  }
  char uri[PL_URI_MAX];
  snprintf(uri, sizeof uri, PL_REPORT_DEFINITIONS "/%s", r->id);
  pl_answer_resource(x, 201, uri);
}

static void undefine(struct pl_exchange *x)
{
  struct pl_err err = {0};
  if (report(&x->res)->shipped)
    pl_say(x, 405, NULL, "ResourceCannotBeDeleted", NULL);
  else if (pl_metric_report_remove((struct pl_metric_report *)report(&x->res), &err) != PL_OK)
    pl_say_err(x, NULL, &err);
}

/* Reports */

static void reports(const struct pl_res *res, struct pl_members *members)
{
  for (struct pl_metric_report *r = pl_metric_report_first(pl_services_of(res->stack)); r; r = r->next)
    if (r->logged)
      pl_members_add(members, r->id);
}

/* One on request is made now; one at intervals too, when its first is still to come. */
static bool find_report(struct pl_res *res)
{
  struct pl_metric_report *r = pl_metric_report_find(pl_services_of(res->stack), res->ids[0]);
  if (!r || !r->logged)
    return false;
  if (!r->values || !r->periodic)
    pl_metric_report_make(r);
  res->what = r;
  return true;
}

static enum pl_has get_definition_link(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char uri[PL_URI_MAX];
  (void)prop;
  snprintf(uri, sizeof uri, PL_REPORT_DEFINITIONS "/%s", report(res)->id);
  *value = pl_json_link(uri);
  return PL_SHOW;
}

static enum pl_has get_timestamp(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[PL_WALL_TEXT_MAX];
  (void)prop;
  return show_text(value, pl_wall_text(report(res)->wall_ns, text));
}

static enum pl_has get_values(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_get(report(res)->values);
  return PL_SHOW;
}

static const struct pl_prop REPORT[] = {
    PL_CALLS("Name", get_name),
    PL_CALLS("MetricReportDefinition", get_definition_link),
    PL_CALLS("Timestamp", get_timestamp),
    PL_CALLS("MetricValues", get_values),
};

static const struct pl_route ROUTES[] = {
    {.uri = SERVICE_URI, .type = "TelemetryService.v1_4_1.TelemetryService", .props = {PL_PROPS(SERVICE)}},
    {.uri = SERVICE_URI "/MetricDefinitions", .type = "MetricDefinitionCollection.MetricDefinitionCollection", .name = "Metric Definitions", .members = metrics},
    {.uri = SERVICE_URI "/MetricDefinitions/{}", .type = "MetricDefinition.v1_3_5.MetricDefinition", .props = {PL_PROPS(METRIC)}, .find = find_metric},
    {.uri = PL_REPORT_DEFINITIONS,
     .type = "MetricReportDefinitionCollection.MetricReportDefinitionCollection",
     .name = "Metric Report Definitions",
     .members = definitions,
     .fields = NEW_DEFINITION,
     .n_fields = sizeof NEW_DEFINITION / sizeof NEW_DEFINITION[0],
     .create = define},
    {.uri = PL_REPORT_DEFINITIONS "/{}",
     .type = "MetricReportDefinition.v1_4_7.MetricReportDefinition",
     .props = {PL_PROPS(DEFINITION)},
     .find = find_definition,
     .remove = undefine},
    {.uri = PL_REPORTS, .type = "MetricReportCollection.MetricReportCollection", .name = "Metric Reports", .members = reports},
    {.uri = PL_REPORTS "/{}", .type = "MetricReport.v1_5_2.MetricReport", .props = {PL_PROPS(REPORT)}, .find = find_report},
};
const struct pl_routes_desc pl_routes_services_telemetry = PL_ROUTES(ROUTES);

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_SERVICES_REPORT_H
#define PL_CONTROL_SERVICES_REPORT_H

#include "control/redfish/services_room.h"

/* Metric reports: what the readings of many resources were at one time, made at intervals or when asked for. Definitions that a client made are in the store. */
#define PL_REPORTS "/redfish/v1/TelemetryService/MetricReports"
#define PL_REPORT_DEFINITIONS "/redfish/v1/TelemetryService/MetricReportDefinitions"
enum { PL_REPORTS_MAX = 32, PL_REPORT_PROPERTIES_MAX = 500, PL_REPORT_INTERVAL_MIN_S = 1, PL_REPORT_INTERVAL_MAX_S = 86400 };

struct pl_metric_report {
  char id[64];
  char *name;
  const struct pl_metric_report_shipped *shipped; /* its metrics are all sensors of some types; NULL: made by a client */
  bool periodic, enabled, logged, sent; /* logged: shown in MetricReports; sent: as an event */
  bool making;                          /* what is looked at to make it may lead back here */
  unsigned interval_s;
  struct json_object *metrics;          /* array of {MetricId, MetricProperties} */
  struct json_object *values;           /* MetricValues of the last report; NULL: none yet */
  int64_t wall_ns;                      /* of that */
  struct pl_services *services;
  struct pl_timer timer;
  struct pl_metric_report *next;
};
struct pl_metric_report *pl_metric_report_first(const struct pl_services *services);
struct pl_metric_report *pl_metric_report_find(const struct pl_services *services, const char *id);
/* Takes it: stored, begun. PL_E_BUSY: there are too many, or the id is taken. */
enum pl_status pl_metric_report_add(struct pl_services *services, struct pl_metric_report *report, struct pl_err *err);
/* The store first: what it refuses is not so. */
enum pl_status pl_metric_report_change(struct pl_metric_report *report, bool enabled, unsigned interval_s, struct pl_err *err); /* begun anew */
enum pl_status pl_metric_report_remove(struct pl_metric_report *report, struct pl_err *err);
void pl_metric_report_free(struct pl_metric_report *report);
void pl_metric_report_make(struct pl_metric_report *report); /* now, unless it is being made */
struct json_object *pl_metric_report_metrics(struct pl_metric_report *report); /* the report's own; not the caller's */
/* What stands at "URI#/Reading" now, as text; "": nothing. False: there is no such property. */
bool pl_metric_value(struct pl_stack *stack, const char *property, char *out, size_t size);
/* The same, of what is in seen by its URI; what is not is put there. */
bool pl_metric_value_seen(struct pl_stack *stack, struct json_object *seen, const char *property, char *out, size_t size);
/* There is such a property, and it is none of the TelemetryService itself; wildcards are not understood. */
bool pl_metric_is_there(struct pl_stack *stack, const char *property);
struct pl_exchange;
bool pl_telemetry_id_is_good(struct pl_exchange *x, const char *id); /* says what is wrong with it; NULL is good */
/* "PT0.5S"; false: not understood. */
bool pl_duration(const char *text, pl_time_ns *span);
/* "PT10S", "P1DT2H" -> seconds; 0: not understood, or a part that has no fixed length (months, years). */
unsigned pl_duration_s(const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers on the twin: what is crossed is told once, by its dwell time and hysteresis; what makes no sense is refused by name. */
#include "control/redfish/service_test.h"

#include "control/redfish/services_report.h"
#include "control/redfish/services_trigger.h"

#include <sys/stat.h>
#include <unistd.h>

#define VIN "/redfish/v1/Chassis/demo-rack/Sensors/psu-a-supply-vin#/Reading"
#define LOG "/redfish/v1/Managers/rackd/LogServices/Telemetry/Entries"
#define NUMERIC "{\"Id\": \"mains\", \"MetricType\": \"Numeric\", \"MetricProperties\": [\"" VIN "\"], "

/* Telemetry's events, as everybody hears them. */
struct ear {
  struct pl_event_listener listener;
  unsigned count;
  char last[64], severity[16], text[300], origin[PL_URI_MAX];
};

static void hear(void *ctx, const struct pl_event *event)
{
  struct ear *e = ctx;
  if (strncmp(event->message->id, "Telemetry.", 10))
    return;
  e->count++;
  snprintf(e->last, sizeof e->last, "%s", strrchr(event->message->id, '.') + 1);
  snprintf(e->severity, sizeof e->severity, "%s", event->severity);
  snprintf(e->origin, sizeof e->origin, "%s", event->origin);
  const char *text = strstr(event->json, "\"Message\":\"");
  snprintf(e->text, sizeof e->text, "%.*s", text ? (int)strcspn(text + 11, "\"") : 0, text ? text + 11 : "");
}

static void listen_to(struct door *d, struct ear *e)
{
  *e = (struct ear){.listener = {.event = hear, .ctx = e}};
  pl_events_listen(d->stand->stack->events, &e->listener);
}

#define STORE "/tmp/triggers-XXXXXX"
static struct door *door_with(char *store)
{
  int fd = mkstemp(store);
  assert_true(fd >= 0);
  close(fd);
  unlink(store);
  return door_open(store);
}

static void door_close_with(struct door *d, const char *store)
{
  static const char *const SIDES[] = {"", "-wal", "-shm"};
  char name[40];
  door_close(d);
  for (size_t i = 0; i < sizeof SIDES / sizeof SIDES[0]; i++) {
    snprintf(name, sizeof name, "%s%s", store, SIDES[i]);
    unlink(name);
  }
}

static void volts(struct door *d, const char *left)
{
  char spec[64];
  stand_clear(d->stand);
  if (!left)
    return;
  snprintf(spec, sizeof spec, "psu-a.ac=brown-out:%s", left);
  stand_plant(d->stand, spec);
}

static void make(struct door *d, const char *body)
{
  ask(d, "POST", PL_TRIGGERS, body);
  if (d->status != 201)
    fail_msg("%s: %d %s", body, d->status, d->body);
}

static int64_t entries(struct door *d)
{
  ask(d, "GET", LOG, NULL);
  return number_at(d, "Members@odata.count");
}

static void a_crossing_is_told_once_by_dwell_and_hysteresis(void **state)
{
  (void)state;
  struct door *d = door_open(NULL);
  struct ear e;
  listen_to(d, &e);
  make(d, NUMERIC "\"TriggerActions\": [\"RedfishEvent\", \"LogToLogService\"], \"HysteresisReading\": 10, \"HysteresisDuration\": \"PT2S\", "
                  "\"NumericThresholds\": {\"LowerWarning\": {\"Reading\": 200, \"Activation\": \"Either\", \"DwellTime\": \"PT3S\"}}}");
  assert_string_equal(text_at(d, "NumericThresholds/LowerWarning/DwellTime"), "PT3S");
  volts(d, "190V");
  stand_run(d->stand, 2 * PL_S); /* not for as long as it must */
  volts(d, NULL);
  stand_run(d->stand, 10 * PL_S);
  assert_int_equal(e.count, 0);
  volts(d, "190V");
  stand_run(d->stand, 2900 * PL_MS);
  assert_int_equal(e.count, 0);
  stand_run(d->stand, PL_S);
  assert_int_equal(e.count, 1);
  assert_string_equal(e.last, "TriggerNumericBelowLowerWarning");
  assert_string_equal(e.severity, "Warning");
  assert_non_null(strstr(e.text, "is below the 200 lower warning threshold of trigger 'mains'"));
  assert_string_equal(e.origin, "/redfish/v1/Chassis/demo-rack/Sensors/psu-a-supply-vin");
  for (int i = 0; i < 5; i++) { /* to and fro inside of the hysteresis */
    volts(d, i % 2 ? "190V" : "205V");
    stand_run(d->stand, 6 * PL_S);
  }
  assert_int_equal(e.count, 1);
  volts(d, NULL);
  stand_run(d->stand, 1900 * PL_MS);
  assert_int_equal(e.count, 1);
  stand_run(d->stand, PL_S);
  assert_int_equal(e.count, 2);
  assert_string_equal(e.last, "TriggerNumericReadingNormal");
  assert_int_equal(entries(d), 2);
  assert_string_equal(text_at(d, "Members/0/MessageId"), "Telemetry.1.1.TriggerNumericReadingNormal");
  assert_string_equal(text_at(d, "Members/1/Links/OriginOfCondition/@odata.id"), "/redfish/v1/Chassis/demo-rack/Sensors/psu-a-supply-vin");
  door_close(d);
}

static void each_action_is_done_and_no_other(void **state)
{
  (void)state;
  struct door *d = door_open(NULL);
  struct ear e;
  listen_to(d, &e);
  make(d, NUMERIC "\"TriggerActions\": [\"LogToLogService\"], \"NumericThresholds\": {\"LowerCritical\": {\"Reading\": 200}}}");
  volts(d, "190V");
  stand_run(d->stand, 5 * PL_S);
  assert_int_equal(e.count, 0);
  assert_int_equal(entries(d), 1);
  assert_string_equal(text_at(d, "Members/0/Severity"), "Critical");
  volts(d, NULL);
  stand_run(d->stand, 5 * PL_S); /* Decreasing, as a lower one is unless it says otherwise: the way back is not told */
  assert_int_equal(entries(d), 1);
  ask(d, "DELETE", PL_TRIGGERS "/mains", NULL);
  assert_int_equal(d->status / 100, 2);
  make(d, NUMERIC "\"TriggerActions\": [\"RedfishEvent\"], \"NumericThresholds\": {\"LowerCritical\": {\"Reading\": 200}, \"LowerWarning\": {\"Reading\": 210, "
                  "\"Activation\": \"Disabled\"}}}");
  volts(d, "190V");
  stand_run(d->stand, 5 * PL_S);
  assert_int_equal(e.count, 1);
  assert_int_equal(entries(d), 1);
  ask(d, "PATCH", PL_TRIGGERS "/mains", "{\"TriggerEnabled\": false}");
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "Status/State"), "Disabled");
  volts(d, NULL);
  stand_run(d->stand, 5 * PL_S);
  volts(d, "190V");
  stand_run(d->stand, 5 * PL_S);
  assert_int_equal(e.count, 1);
  door_close(d);
}

static void a_discrete_value_is_told_when_it_comes(void **state)
{
  (void)state;
  struct door *d = door_open(NULL);
  struct ear e;
  listen_to(d, &e);
  make(d, "{\"MetricType\": \"Discrete\", \"MetricProperties\": [\"/redfish/v1/Chassis/csu-1#/Status/State\"], \"DiscreteTriggerCondition\": \"Specified\", "
          "\"DiscreteTriggers\": [{\"Name\": \"up\", \"Value\": \"Enabled\", \"DwellTime\": \"PT2S\", \"Severity\": \"Warning\"}]}");
  assert_string_equal(text_at(d, "Id"), "trigger-1");
  stand_run(d->stand, 5 * PL_S);
  assert_int_equal(e.count, 0);
  stand_power(d->stand, "csu-1", true);
  stand_until_state(d->stand, "csu-1", PL_STATE_ENABLED, 20 * PL_S);
  assert_int_equal(e.count, 0);
  stand_run(d->stand, 4 * PL_S);
  assert_int_equal(e.count, 1);
  assert_string_equal(e.last, "TriggerDiscreteConditionMet");
  assert_string_equal(e.severity, "Warning");
  stand_run(d->stand, 20 * PL_S);
  assert_int_equal(e.count, 1);
  make(d, "{\"Id\": \"any\", \"MetricType\": \"Discrete\", \"MetricProperties\": [\"/redfish/v1/Chassis/csu-1#/LocationIndicatorActive\"], "
          "\"DiscreteTriggerCondition\": \"Changed\"}");
  stand_run(d->stand, 3 * PL_S);
  assert_int_equal(e.count, 1); /* what it was at first is no change */
  ask(d, "PATCH", "/redfish/v1/Chassis/csu-1", "{\"LocationIndicatorActive\": true}");
  stand_run(d->stand, 3 * PL_S);
  assert_int_equal(e.count, 2);
  assert_string_equal(e.severity, "OK");
  door_close(d);
}

static void what_was_told_is_not_told_again_after_a_restart(void **state)
{
  (void)state;
  char store[] = STORE;
  struct door *d = door_with(store);
  struct ear e;
  listen_to(d, &e);
  make(d, NUMERIC "\"TriggerActions\": [\"RedfishEvent\", \"LogToLogService\"], \"NumericThresholds\": {\"LowerCritical\": {\"Reading\": 150}, "
                  "\"LowerWarning\": {\"Reading\": 200, \"Activation\": \"Either\"}}}");
  volts(d, "190V");
  stand_run(d->stand, 5 * PL_S);
  assert_int_equal(e.count, 1);
  pl_stack_close(d->stand->stack);
  stand_stack(d->stand);
  listen_to(d, &e);
  stand_run(d->stand, 10 * PL_S);
  assert_int_equal(e.count, 0);
  ask(d, "GET", PL_TRIGGERS "/mains", NULL);
  assert_int_equal(number_at(d, "NumericThresholds/LowerWarning/Reading"), 200);
  assert_int_equal(entries(d), 1);
  volts(d, NULL);
  stand_run(d->stand, 5 * PL_S);
  assert_int_equal(e.count, 1);
  assert_string_equal(e.last, "TriggerNumericReadingNormal");
  assert_int_equal(entries(d), 2); /* numbered on from what was there */
  door_close_with(d, store);
}

static void it_can_be_changed_in_part(void **state)
{
  (void)state;
  struct door *d = door_open(NULL);
  struct ear e;
  listen_to(d, &e);
  make(d, NUMERIC "\"HysteresisReading\": 5, \"NumericThresholds\": {\"LowerWarning\": {\"Reading\": 200, \"DwellTime\": \"PT1S\"}}}");
  ask(d, "PATCH", PL_TRIGGERS "/mains", "{\"NumericThresholds\": {\"LowerWarning\": {\"Reading\": 180}, \"LowerCritical\": {\"Reading\": 160}}, \"HysteresisReading\": null}");
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "NumericThresholds/LowerWarning/DwellTime"), "PT1S");
  assert_int_equal(number_at(d, "NumericThresholds/LowerCritical/Reading"), 160);
  assert_null(value_at(d, "HysteresisReading"));
  volts(d, "190V");
  stand_run(d->stand, 5 * PL_S);
  assert_int_equal(e.count, 0);
  ask(d, "PATCH", PL_TRIGGERS "/mains", "{\"NumericThresholds\": {\"LowerWarning\": {\"Reading\": 195}, \"LowerCritical\": null}}");
  assert_null(value_at(d, "NumericThresholds/LowerCritical"));
  stand_run(d->stand, 5 * PL_S);
  assert_int_equal(e.count, 1);
  ask(d, "PATCH", PL_TRIGGERS "/mains", "{\"NumericThresholds\": {\"LowerWarning\": {\"Reading\": 198}}}"); /* it is below still: nothing new */
  stand_run(d->stand, 5 * PL_S);
  assert_int_equal(e.count, 1);
  ask(d, "PATCH", PL_TRIGGERS "/mains", "{\"NumericThresholds\": {\"LowerWarning\": {\"DwellTime\": \"soon\"}}}");
  assert_int_equal(d->status, 400);
  ask(d, "GET", PL_TRIGGERS "/mains", NULL);
  assert_string_equal(text_at(d, "NumericThresholds/LowerWarning/DwellTime"), "PT1S");
  ask(d, "PATCH", PL_TRIGGERS "/mains", "{\"MetricType\": \"Discrete\"}");
  assert_int_equal(d->status, 400);
  door_close(d);
}

static void what_makes_no_sense_is_refused_by_name(void **state)
{
  (void)state;
#define LEVELS(X) NUMERIC "\"NumericThresholds\": " X "}"
#define DISCRETE "{\"MetricType\": \"Discrete\", \"MetricProperties\": [\"/redfish/v1/Chassis/csu-1#/Id\"], "
  static const struct {
    const char *body, *message, *property;
    int status;
  } BAD[] = {
      {"{\"MetricProperties\": [\"" VIN "\"]}", "PropertyMissing", "MetricType", 400},
      {"{\"MetricType\": \"Numeric\"}", "PropertyMissing", "MetricProperties", 400},
      {"{\"MetricType\": \"Numeric\", \"MetricProperties\": []}", "ArraySizeTooShort", "MetricProperties", 400},
      {"{\"MetricType\": \"Numeric\", \"MetricProperties\": [5], \"NumericThresholds\": {}}", "PropertyValueTypeError", "MetricProperties/0", 400},
      {"{\"MetricType\": \"Countdown\", \"MetricProperties\": [\"x\"]}", "PropertyValueNotInList", "MetricType", 400},
      {NUMERIC "\"TriggerActions\": [\"Dance\"]}", "PropertyValueNotInList", "TriggerActions", 400},
      {NUMERIC "\"TriggerActions\": [\"RedfishEvent\"]}", "PropertyMissing", "NumericThresholds", 400},
      {LEVELS("{}"), "PropertyValueError", "NumericThresholds", 400},
      {LEVELS("{\"UpperFatal\": {\"Reading\": 1}}"), "PropertyUnknown", "NumericThresholds/UpperFatal", 400},
      {LEVELS("{\"UpperCritical\": {\"Reading\": \"hot\"}}"), "PropertyValueTypeError", "NumericThresholds/UpperCritical/Reading", 400},
      {LEVELS("{\"UpperCritical\": {\"Reading\": NaN}}"), "PropertyValueTypeError", "NumericThresholds/UpperCritical/Reading", 400},
      {LEVELS("{\"UpperCritical\": {\"Reading\": 1, \"Activation\": \"Sideways\"}}"), "PropertyValueNotInList", "NumericThresholds/UpperCritical/Activation", 400},
      {LEVELS("{\"UpperCritical\": {\"Reading\": 1, \"DwellTime\": \"5 s\"}}"), "PropertyValueFormatError", "NumericThresholds/UpperCritical/DwellTime", 400},
      {LEVELS("{\"UpperCritical\": {\"Reading\": 1}, \"UpperWarning\": {\"Reading\": 2}}"), "PropertyValueConflict", "NumericThresholds/UpperCritical", 409},
      {NUMERIC "\"HysteresisDuration\": \"-PT5S\", \"NumericThresholds\": {\"UpperCritical\": {\"Reading\": 1}}}", "PropertyValueFormatError", "HysteresisDuration", 400},
      {NUMERIC "\"DiscreteTriggerCondition\": \"Changed\"}", "PropertyValueConflict", "DiscreteTriggerCondition", 409},
      {DISCRETE "\"DiscreteTriggerCondition\": \"Specified\"}", "PropertyMissing", "DiscreteTriggers", 400},
      {DISCRETE "\"DiscreteTriggerCondition\": \"Specified\", \"DiscreteTriggers\": [{\"Name\": \"x\"}]}", "PropertyMissing", "DiscreteTriggers/0", 400},
      {DISCRETE "\"DiscreteTriggerCondition\": \"Specified\", \"DiscreteTriggers\": [\"x\"]}", "PropertyValueTypeError", "DiscreteTriggers/0", 400},
      {DISCRETE "\"DiscreteTriggerCondition\": \"Changed\", \"DiscreteTriggers\": [{\"Value\": \"x\"}]}", "PropertyValueConflict", "DiscreteTriggers", 409},
      {DISCRETE "\"DiscreteTriggerCondition\": \"Changed\", \"HysteresisReading\": 5}", "PropertyValueConflict", "HysteresisReading", 409},
      {DISCRETE "\"Wildcards\": []}", "PropertyUnknown", "Wildcards", 400},
      {"{\"MetricType\": \"Numeric\", \"MetricProperties\": [\"/redfish/v1/Chassis/none#/Id\"], \"NumericThresholds\": {\"UpperCritical\": {\"Reading\": 1}}}", "PropertyValueError",
       "MetricProperties/0", 400},
      {"{\"MetricType\": \"Numeric\", \"MetricProperties\": [\"/redfish/v1/Chassis/csu-1#/Id\"], \"NumericThresholds\": {\"UpperCritical\": {\"Reading\": 1}}}", "PropertyValueError",
       "MetricProperties/0", 400},
      {"{\"MetricType\": \"Numeric\", \"MetricProperties\": [\"/redfish/v1/TelemetryService#/MaxReports\"], \"NumericThresholds\": {\"UpperCritical\": {\"Reading\": 1}}}",
       "PropertyValueError", "MetricProperties/0", 400},
      {"{\"MetricType\": \"Numeric\", \"MetricProperties\": [\"/redfish/v1/Chassis#/Members@odata.count\"], \"NumericThresholds\": {\"UpperCritical\": {\"Reading\": 1}}}",
       "PropertyValueError", "MetricProperties/0", 400},
      {"{\"MetricType\": \"Discrete\", \"MetricProperties\": [\"" VIN "\"], \"DiscreteTriggerCondition\": \"Changed\"}", "PropertyValueConflict", "MetricProperties/0", 409},
      {"{\"Id\": \"a/b\", \"MetricType\": \"Numeric\", \"MetricProperties\": [\"" VIN "\"], \"NumericThresholds\": {\"UpperCritical\": {\"Reading\": 1}}}", "PropertyValueFormatError", "Id",
       400},
      {LEVELS("{\"UpperCritical\": {\"Reading\": 300}}"), "ResourceAlreadyExists", "Id", 409},
  };
  struct door *d = door_open(NULL);
  for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
    char message[64], property[96];
    if (i == sizeof BAD / sizeof BAD[0] - 1)
      make(d, BAD[i].body); /* good the first time */
    ask(d, "POST", PL_TRIGGERS, BAD[i].body);
    snprintf(message, sizeof message, ".%s\"", BAD[i].message);
    snprintf(property, sizeof property, "\"#/%s\"", BAD[i].property);
    if (d->status != BAD[i].status || !strstr(d->body, message) || !strstr(d->body, property))
      fail_msg("%s: %d %s\nexpected %d %s of %s", BAD[i].body, d->status, d->body, BAD[i].status, message, property);
  }
  ask(d, "GET", PL_TRIGGERS, NULL);
  assert_int_equal(number_at(d, "Members@odata.count"), 1);
  door_close(d);
}

static void there_are_only_so_many(void **state)
{
  (void)state;
  struct door *d = door_open(NULL);
  char body[4096];
  int n = snprintf(body, sizeof body, "{\"MetricType\": \"Discrete\", \"DiscreteTriggerCondition\": \"Changed\", \"MetricProperties\": [");
  for (int i = 0; i <= PL_TRIGGER_METRICS_MAX; i++)
    n += snprintf(body + n, sizeof body - (size_t)n, "%s\"/redfish/v1/Chassis/csu-1#/x%d\"", i ? ", " : "", i);
  snprintf(body + n, sizeof body - (size_t)n, "]}");
  ask(d, "POST", PL_TRIGGERS, body);
  assert_int_equal(d->status, 400);
  assert_non_null(strstr(d->body, "ArraySizeTooLong"));
  static const char ONE[] = "{\"MetricType\": \"Discrete\", \"DiscreteTriggerCondition\": \"Changed\", \"MetricProperties\": [\"/redfish/v1/Chassis/csu-1#/Id\"]}";
  for (int i = 0; i < PL_TRIGGERS_MAX; i++)
    make(d, ONE);
  ask(d, "POST", PL_TRIGGERS, ONE);
  assert_string_equal(text_at(d, "error/code"), "Base.1.22.CreateLimitReachedForResource");
  ask(d, "DELETE", PL_TRIGGERS "/trigger-7", NULL);
  make(d, ONE);
  assert_string_equal(text_at(d, "Id"), "trigger-7");
  door_close(d);
}

/* The log is a ring of its own, and outlives the stack. */
static void the_log_wraps(void **state)
{
  (void)state;
  struct door *d = door_open(NULL);
  struct pl_metric_triggers *all = pl_services_of(d->stand->stack)->triggers;
  make(d, NUMERIC "\"TriggerActions\": [\"LogToLogService\"], \"NumericThresholds\": {\"LowerWarning\": {\"Reading\": 200, \"Activation\": \"Either\"}}}");
  for (int i = 0; i < 3; i++) {
    volts(d, i % 2 ? NULL : "190V");
    stand_run(d->stand, 5 * PL_S);
  }
  assert_int_equal(all->log_last, 3);
  all->log_last += PL_TRIGGER_LOG_MAX - 2; /* as if so many had come since */
  volts(d, NULL);
  stand_run(d->stand, 5 * PL_S);
  assert_int_equal(all->log_last - all->log_first + 1, PL_TRIGGER_LOG_MAX);
  ask(d, "GET", LOG "/1", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "GET", LOG "/3", NULL);
  assert_int_equal(d->status, 200);
  door_close(d);
}

/* What is watched is gone: the trigger stays, and can be changed but for its metrics. */
static void it_outlives_what_it_watches(void **state)
{
  (void)state;
#define ACCOUNTS "/redfish/v1/AccountService/Accounts"
#define WATCHED "\"MetricProperties\": [\"" ACCOUNTS "/visitor#/RoleId\"]"
  struct door *d = door_open(NULL);
  ask(d, "POST", ACCOUNTS, "{\"UserName\": \"visitor\", \"Password\": \"plumb-line-2\", \"RoleId\": \"ReadOnly\"}");
  assert_int_equal(d->status, 201);
  make(d, "{\"Id\": \"gone\", \"MetricType\": \"Discrete\", " WATCHED ", \"DiscreteTriggerCondition\": \"Specified\", \"DiscreteTriggers\": [{\"Value\": \"Operator\"}]}");
  ask(d, "DELETE", ACCOUNTS "/visitor", NULL);
  assert_int_equal(d->status / 100, 2);
  stand_run(d->stand, 3 * PL_S);
  ask(d, "PATCH", PL_TRIGGERS "/gone", "{\"TriggerEnabled\": false}");
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "Status/State"), "Disabled");
  ask(d, "PATCH", PL_TRIGGERS "/gone", "{" WATCHED "}");
  assert_int_equal(d->status, 400);
  door_close(d);
}

static void what_the_store_refuses_is_not_done_or_tried_again(void **state)
{
  (void)state;
  char store[] = STORE;
  struct door *d = door_with(store);
  struct pl_metric_triggers *all = pl_services_of(d->stand->stack)->triggers;
  struct ear e;
  listen_to(d, &e);
  make(d, NUMERIC "\"TriggerActions\": [\"RedfishEvent\", \"LogToLogService\"], \"NumericThresholds\": {\"LowerWarning\": {\"Reading\": 200}}}");
  stand_let_files_grow(1000);
  volts(d, "190V");
  stand_run(d->stand, 10 * PL_S);
  ask(d, "DELETE", PL_TRIGGERS "/mains", NULL);
  int removed = d->status;
  ask(d, "GET", PL_TRIGGERS "/mains", NULL);
  int found = d->status;
  ask(d, "GET", "/redfish/v1/TelemetryService", NULL);
  bool told = d->status == 200 && !strcmp(text_at(d, "Status/Health"), "Warning");
  uint64_t last = all->log_last;
  stand_let_files_grow(RLIM_INFINITY);
  assert_int_equal(removed, 500);
  assert_int_equal(found, 200);
  assert_true(told);
  assert_int_equal(e.count, 1);
  assert_int_equal(last, 0);
  stand_run(d->stand, 3 * PL_S);
  assert_int_equal(entries(d), 1);
  ask(d, "GET", "/redfish/v1/TelemetryService", NULL);
  assert_string_equal(text_at(d, "Status/Health"), "OK");
  ask(d, "DELETE", PL_TRIGGERS "/mains", NULL);
  assert_int_equal(d->status / 100, 2);
  door_close_with(d, store);
}

/* A round looks at a resource once: what it has seen is not made again. */
static void what_was_seen_is_not_made_again(void **state)
{
  (void)state;
#define CHASSIS "/redfish/v1/Chassis/csu-1"
  struct door *d = door_open(NULL);
  struct json_object *seen = json_object_new_object(), *other = json_object_new_object();
  char text[64];
  assert_true(pl_metric_value_seen(d->stand->stack, seen, CHASSIS "#/Id", text, sizeof text));
  assert_string_equal(text, "csu-1");
  json_object_object_add(other, "Id", json_object_new_string("other"));
  json_object_object_add(seen, CHASSIS, other);
  assert_true(pl_metric_value_seen(d->stand->stack, seen, CHASSIS "#/Id", text, sizeof text));
  assert_string_equal(text, "other");
  assert_false(pl_metric_value_seen(d->stand->stack, seen, "/redfish/v1/Chassis/none#/Id", text, sizeof text));
  assert_false(pl_metric_value_seen(d->stand->stack, seen, "/redfish/v1/Chassis/none#/Id", text, sizeof text));
  assert_int_equal(json_object_object_length(seen), 2);
  json_object_put(seen);
  door_close(d);
}

static int64_t log_size(const char *store)
{
  char side[32];
  struct stat st;
  snprintf(side, sizeof side, "%s-wal", store);
  assert_int_equal(stat(side, &st), 0);
  return st.st_size;
}

/* However many triggers a reading crosses: SQLite's log grows by the pages of one commit and not of as many. */
static void what_comes_together_is_kept_as_one(void **state)
{
  (void)state;
  char store[] = STORE;
  struct door *d = door_with(store);
  for (int i = 0; i < PL_TRIGGERS_MAX; i++)
    make(d, "{\"MetricType\": \"Numeric\", \"MetricProperties\": [\"" VIN "\"], \"TriggerActions\": [\"LogToLogService\"], \"NumericThresholds\": {\"LowerWarning\": {\"Reading\": 200}}}");
  int64_t before = log_size(store);
  volts(d, "190V");
  stand_run(d->stand, 5 * PL_S);
  int64_t grown = log_size(store) - before;
  assert_int_equal(entries(d), PL_TRIGGERS_MAX);
  assert_true(grown < 2 * PL_TRIGGERS_MAX * 4096);
  door_close_with(d, store);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_crossing_is_told_once_by_dwell_and_hysteresis),
      cmocka_unit_test(each_action_is_done_and_no_other),
      cmocka_unit_test(a_discrete_value_is_told_when_it_comes),
      cmocka_unit_test(what_was_told_is_not_told_again_after_a_restart),
      cmocka_unit_test(it_can_be_changed_in_part),
      cmocka_unit_test(what_makes_no_sense_is_refused_by_name),
      cmocka_unit_test(there_are_only_so_many),
      cmocka_unit_test(the_log_wraps),
      cmocka_unit_test(what_was_seen_is_not_made_again),
      cmocka_unit_test(what_comes_together_is_kept_as_one),
      cmocka_unit_test(it_outlives_what_it_watches),
      cmocka_unit_test(what_the_store_refuses_is_not_done_or_tried_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

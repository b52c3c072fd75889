/* SPDX-License-Identifier: Apache-2.0 */
/* The services behind the routes, asked as over HTTP. */
#include "control/redfish/service_test.h"

#include "control/procedure/procedure.h"
#include "control/redfish/services_report.h"
#include "control/redfish/services_types.h"

#include <stdio.h>
#include <stdlib.h>

#define SUBSCRIPTIONS "/redfish/v1/EventService/Subscriptions"
#define GOOD "{\"Destination\": \"https://receiver.example/events\", \"Protocol\": \"Redfish\", \"Context\": \"mine\""
#define DEFINITIONS "/redfish/v1/TelemetryService/MetricReportDefinitions"
#define METRIC "{\"MetricId\": \"t\", \"MetricProperties\": [\"/redfish/v1/Chassis/csu-1#/Id\"]}"

/* Who carries events, in a test: counts, and keeps the last. */
struct bag {
  unsigned carried, changed, gone;
  char last[4096];
};

static void carry(void *ctx, const struct pl_subscription *to, uint64_t event_id, const char *json, size_t size)
{
  struct bag *b = ctx;
  (void)to, (void)event_id;
  b->carried++;
  snprintf(b->last, sizeof b->last, "%.*s", (int)size, json);
}

static void change(void *ctx, const struct pl_subscription *subscription)
{
  (void)subscription;
  ((struct bag *)ctx)->changed++;
}

static void go(void *ctx, const struct pl_subscription *subscription)
{
  (void)subscription;
  ((struct bag *)ctx)->gone++;
}

static struct door *open_with(struct bag *b)
{
  struct door *d = door_open(NULL);
  memset(b, 0, sizeof *b);
  pl_services_set_carrier(pl_services_of(d->stand->stack), &(const struct pl_carrier){.carry = carry, .changed = change, .gone = go, .ctx = b});
  return d;
}

static void send(struct door *d, const char *registry, const char *id, const char *origin, const char *arg)
{
  pl_event_send_at(d->stand->stack, registry, id, origin, (const char *const[]){arg, arg});
}

static void a_subscription_gets_what_it_asked_for(void **state)
{
  (void)state;
  struct bag b;
  struct door *d = open_with(&b);
  ask(d, "POST", SUBSCRIPTIONS, GOOD ", \"RegistryPrefixes\": [\"Power\"], \"OriginResources\": [{\"@odata.id\": \"/redfish/v1/Chassis\"}], \"SubordinateResources\": true}");
  assert_int_equal(d->status, 201);
  char uri[128];
  snprintf(uri, sizeof uri, "%s", header(d, "Location"));
  assert_string_equal(text_at(d, "Context"), "mine");
  assert_string_equal(text_at(d, "SubscriptionType"), "RedfishEvent");
  send(d, "ResourceEvent", "ResourceCreated", "/redfish/v1/Chassis/csu-1", "");
  send(d, "Power", "PowerSupplyFailed", "/redfish/v1/PowerEquipment", "psu-a");
  send(d, "Power", "PowerSupplyFailed", "/redfish/v1/ChassisOther", "psu-a");
  assert_int_equal(b.carried, 0);
  send(d, "Power", "PowerSupplyFailed", "/redfish/v1/Chassis/demo-rack/PowerSubsystem/PowerSupplies/psu-a", "psu-a");
  assert_int_equal(b.carried, 1);
  assert_non_null(strstr(b.last, "\"Context\":\"mine\""));
  assert_non_null(strstr(b.last, "Power supply 'psu-a' has failed."));
  ask(d, "PATCH", uri, "{\"Context\": \"other\", \"DeliveryRetryPolicy\": \"RetryForever\"}");
  assert_int_equal(d->status, 200);
  assert_int_equal(b.changed, 2);
  ask(d, "GET", uri, NULL);
  assert_string_equal(text_at(d, "DeliveryRetryPolicy"), "RetryForever");
  ask(d, "DELETE", uri, NULL);
  assert_int_equal(d->status / 100, 2);
  assert_int_equal(b.gone, 1);
  ask(d, "GET", uri, NULL);
  assert_int_equal(d->status, 404);
  door_close(d);
}

static void a_subscription_that_makes_no_sense_is_refused(void **state)
{
  (void)state;
  static const char *const BAD[] = {
      "{\"Protocol\": \"Redfish\"}",
      "{\"Destination\": \"https://a/\", \"Protocol\": \"FTP\"}",
      "{\"Destination\": \"ftp://receiver/\", \"Protocol\": \"Redfish\"}",
      "{\"Destination\": \"https:///nowhere\", \"Protocol\": \"Redfish\"}",
      "{\"Destination\": \"https://a/ b\", \"Protocol\": \"Redfish\"}",
      GOOD ", \"Nonsense\": 1}",
      GOOD ", \"OriginResources\": [\"/redfish/v1\"]}",
      GOOD ", \"MessageIds\": [5]}",
      GOOD ", \"HttpHeaders\": [{\"X\": \"a\\r\\nInjected: yes\"}]}",
      GOOD ", \"HttpHeaders\": [{\"X: y\": \"a\"}]}",
      GOOD ", \"RegistryPrefixes\": [\"Base\"], \"ExcludeRegistryPrefixes\": [\"Power\"]}",
      GOOD ", \"SubscriptionType\": \"SNMPTrap\"}",
  };
  struct bag b;
  struct door *d = open_with(&b);
  for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
    ask(d, "POST", SUBSCRIPTIONS, BAD[i]);
    if (d->status != 400)
      fail_msg("%s: %d %s", BAD[i], d->status, d->body ? d->body : "");
  }
  ask(d, "GET", SUBSCRIPTIONS, NULL);
  assert_int_equal(number_at(d, "Members@odata.count"), 0);
  pl_services_set_carrier(pl_services_of(d->stand->stack), NULL);
  ask(d, "POST", SUBSCRIPTIONS, GOOD "}"); /* there is nobody to carry anything: that is said, not taken */
  assert_int_equal(d->status, 501);
  door_close(d);
}

static void subscriptions_outlive_the_stack_and_end_as_their_policy_says(void **state)
{
  (void)state;
  struct bag b;
  char store[] = "/tmp/services-XXXXXX";
  assert_true(mkstemp(store) >= 0);
  unlink(store);
  struct door *d = door_open(store);
  pl_services_set_carrier(pl_services_of(d->stand->stack), &(const struct pl_carrier){.carry = carry, .changed = change, .gone = go, .ctx = &b});
  ask(d, "POST", SUBSCRIPTIONS, GOOD ", \"DeliveryRetryPolicy\": \"TerminateAfterRetries\", \"Severities\": [\"Critical\"]}");
  ask(d, "POST", SUBSCRIPTIONS, GOOD ", \"DeliveryRetryPolicy\": \"SuspendRetries\", \"HttpHeaders\": [{\"X-Secret\": \"open sesame\"}]}");
  assert_int_equal(d->status, 201);
  door_close(d);
  d = door_open(store);
  memset(&b, 0, sizeof b);
  struct pl_services *all = pl_services_of(d->stand->stack);
  pl_services_set_carrier(all, &(const struct pl_carrier){.carry = carry, .changed = change, .gone = go, .ctx = &b});
  ask(d, "GET", SUBSCRIPTIONS "/2", NULL);
  assert_string_equal(text_at(d, "DeliveryRetryPolicy"), "SuspendRetries");
  assert_null(strstr(d->body, "sesame"));
  send(d, "ResourceEvent", "TestMessage", "/redfish/v1/EventService", "");
  assert_int_equal(b.carried, 1);
  pl_subscription_failed(all, "1");
  pl_subscription_failed(all, "2");
  ask(d, "GET", SUBSCRIPTIONS "/1", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "GET", SUBSCRIPTIONS "/2", NULL);
  assert_string_equal(text_at(d, "Status/State"), "Disabled");
  send(d, "ResourceEvent", "TestMessage", "/redfish/v1/EventService", "");
  assert_int_equal(b.carried, 1);
  ask(d, "POST", SUBSCRIPTIONS "/2/Actions/EventDestination.ResumeSubscription", "{}");
  assert_int_equal(d->status / 100, 2);
  send(d, "ResourceEvent", "TestMessage", "/redfish/v1/EventService", "");
  assert_int_equal(b.carried, 2);
  door_close(d);
  unlink(store);
}

/* What is asked for while the store takes nothing; and where it then still shows, with which value. */
static const struct refused {
  const char *method, *uri, *body, *shown_by, *path, *value;
} REFUSED[] = {
    {"DELETE", SUBSCRIPTIONS "/1", NULL, SUBSCRIPTIONS "/1", "Context", "\"mine\""},
    {"PATCH", SUBSCRIPTIONS "/1", "{\"Context\": \"other\"}", SUBSCRIPTIONS "/1", "Context", "\"mine\""},
    {"PATCH", SUBSCRIPTIONS "/1", "{\"DeliveryRetryPolicy\": \"RetryForever\"}", SUBSCRIPTIONS "/1", "DeliveryRetryPolicy", "\"TerminateAfterRetries\""},
    {"PATCH", SUBSCRIPTIONS "/1", "{\"VerifyCertificate\": false}", SUBSCRIPTIONS "/1", "VerifyCertificate", "true"},
    {"POST", SUBSCRIPTIONS "/1/Actions/EventDestination.SuspendSubscription", "{}", SUBSCRIPTIONS "/1", "Status/State", "\"Enabled\""},
    {"DELETE", DEFINITIONS "/mine", NULL, DEFINITIONS "/mine", "Id", "\"mine\""},
    {"PATCH", DEFINITIONS "/mine", "{\"MetricReportDefinitionEnabled\": false}", DEFINITIONS "/mine", "MetricReportDefinitionEnabled", "true"},
    {"PATCH", DEFINITIONS "/mine", "{\"Schedule\": {\"RecurrenceInterval\": \"PT9S\"}}", DEFINITIONS "/mine", "Schedule/RecurrenceInterval", "\"PT5S\""},
    {"PATCH", "/redfish/v1/EventService", "{\"DeliveryRetryAttempts\": 7}", "/redfish/v1/EventService", "DeliveryRetryAttempts", "3"},
    {"PATCH", "/redfish/v1/EventService", "{\"DeliveryRetryIntervalSeconds\": 77}", "/redfish/v1/EventService", "DeliveryRetryIntervalSeconds", "30"},
    {"PATCH", "/redfish/v1/EventService", "{\"ServiceEnabled\": false}", "/redfish/v1/EventService", "ServiceEnabled", "true"},
};

static void is_refused(struct door *d, const struct refused *r)
{
  char value[64];
  stand_let_files_grow(1000);
  ask(d, r->method, r->uri, r->body);
  int status = d->status;
  ask(d, "GET", r->shown_by, NULL);
  stand_let_files_grow(RLIM_INFINITY);
  if (status != 500)
    fail_msg("%s %s %s: %d though nothing was kept", r->method, r->uri, r->body ? r->body : "", status);
  assert_int_equal(d->status, 200);
  snprintf(value, sizeof value, "%s", json_object_to_json_string(value_at(d, r->path)));
  if (strcmp(value, r->value))
    fail_msg("%s %s %s: %s is %s though nothing was kept", r->method, r->uri, r->body ? r->body : "", r->path, value);
}

static void what_the_store_refuses_is_not_so(void **state)
{
  (void)state;
  struct bag b;
  char store[] = "/tmp/services-XXXXXX";
  assert_true(mkstemp(store) >= 0);
  unlink(store);
  struct door *d = door_open(store);
  memset(&b, 0, sizeof b);
  struct pl_services *all = pl_services_of(d->stand->stack);
  pl_services_set_carrier(all, &(const struct pl_carrier){.carry = carry, .changed = change, .gone = go, .ctx = &b});
  ask(d, "POST", SUBSCRIPTIONS, GOOD "}");
  assert_int_equal(d->status, 201);
  ask(d, "POST", DEFINITIONS, "{\"Id\": \"mine\", \"MetricReportDefinitionType\": \"Periodic\", \"Schedule\": {\"RecurrenceInterval\": \"PT5S\"}, \"Metrics\": [" METRIC "]}");
  assert_int_equal(d->status, 201);
  for (size_t i = 0; i < sizeof REFUSED / sizeof REFUSED[0]; i++)
    is_refused(d, &REFUSED[i]);
  assert_int_equal(b.changed, 0);
  assert_int_equal(b.gone, 0);
  stand_let_files_grow(1000);
  pl_subscription_failed(all, "1"); /* it would end here; it is given up again at the next event that does not arrive */
  stand_let_files_grow(RLIM_INFINITY);
  assert_non_null(pl_subscription_find(all, "1"));
  pl_subscription_failed(all, "1");
  assert_null(pl_subscription_find(all, "1"));
  ask(d, "DELETE", DEFINITIONS "/mine", NULL);
  assert_int_equal(d->status / 100, 2);
  door_close(d);
  d = door_open(store);
  ask(d, "GET", SUBSCRIPTIONS "/1", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "GET", DEFINITIONS "/mine", NULL);
  assert_int_equal(d->status, 404);
  door_close(d);
  unlink(store);
}

static void a_test_event_is_an_event(void **state)
{
  (void)state;
  struct door *d = door_open(NULL);
  uint64_t before = pl_events_last(d->stand->stack->events);
  ask(d, "POST", "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent", "{}");
  assert_int_equal(d->status / 100, 2);
  assert_int_equal(pl_events_last(d->stand->stack->events), before + 1);
  ask(d, "POST", "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent", "{\"MessageId\": \"Power.1.2.PowerSupplyFailed\", \"MessageArgs\": [\"psu-x\"]}");
  assert_int_equal(d->status / 100, 2);
  ask(d, "POST", "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent", "{\"MessageId\": \"Power.1.2.PowerSupplyFailed\"}");
  assert_int_equal(d->status, 400);
  char uri[128];
  snprintf(uri, sizeof uri, "/redfish/v1/Managers/rackd/LogServices/Events/Entries/%llu", (unsigned long long)before + 2);
  ask(d, "GET", uri, NULL);
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "Message"), "Power supply 'psu-x' has failed.");
  assert_string_equal(text_at(d, "Severity"), "Critical");
  door_close(d);
}

static void settings_of_the_service_are_kept_and_heeded(void **state)
{
  (void)state;
  struct bag b;
  struct door *d = open_with(&b);
  ask(d, "POST", SUBSCRIPTIONS, GOOD "}");
  ask(d, "PATCH", "/redfish/v1/EventService", "{\"ServiceEnabled\": false, \"DeliveryRetryAttempts\": 7}");
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "Status/State"), "Disabled");
  assert_int_equal(number_at(d, "DeliveryRetryAttempts"), 7);
  send(d, "ResourceEvent", "TestMessage", "/redfish/v1/EventService", "");
  assert_int_equal(b.carried, 0);
  ask(d, "PATCH", "/redfish/v1/EventService", "{\"DeliveryRetryIntervalSeconds\": 0}");
  assert_int_equal(d->status, 400);
  door_close(d);
}

static void the_log_pages_and_clears(void **state)
{
  (void)state;
#define ENTRIES "/redfish/v1/Managers/rackd/LogServices/Events/Entries"
  struct door *d = door_open(NULL);
  for (int i = 0; i < 20; i++)
    send(d, "ResourceEvent", "TestMessage", "/redfish/v1/EventService", "");
  ask(d, "GET", ENTRIES, NULL);
  int64_t count = number_at(d, "Members@odata.count");
  assert_true(count >= 20);
  ask(d, "GET", ENTRIES "?$top=2&$skip=1", NULL);
  assert_int_equal(json_object_array_length(value_at(d, "Members")), 2);
  assert_int_equal(number_at(d, "Members@odata.count"), count);
  ask(d, "POST", "/redfish/v1/Managers/rackd/LogServices/Events/Actions/LogService.ClearLog", "{}");
  assert_int_equal(d->status / 100, 2);
  ask(d, "GET", ENTRIES "?$expand=.", NULL);
  assert_int_equal(number_at(d, "Members@odata.count"), 1);
  assert_string_equal(text_at(d, "Members/0/MessageId"), "LogService.1.1.LogCleared");
  ask(d, "GET", ENTRIES "/1", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "GET", ENTRIES "/01", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "GET", "/redfish/v1/Managers/rackd/LogServices/Audit/Entries?$top=1&$expand=.", NULL);
  assert_non_null(strstr(text_at(d, "Members/0/Message"), "LogService.ClearLog")); /* what cleared it stands in the one that cannot be cleared */
  assert_string_equal(text_at(d, "Members/0/Username"), "admin");
  door_close(d);
}

static void reports_come_when_asked_for_and_at_intervals(void **state)
{
  (void)state;
  struct bag b;
  struct door *d = open_with(&b);
  ask(d, "POST", SUBSCRIPTIONS, GOOD ", \"EventFormatType\": \"MetricReport\"}");
  ask(d, "POST", DEFINITIONS, "{\"Id\": \"mine\", \"MetricReportDefinitionType\": \"Periodic\", \"Schedule\": {\"RecurrenceInterval\": \"PT5S\"}, \"ReportActions\": "
                              "[\"RedfishEvent\", \"LogToMetricReportsCollection\"], \"Metrics\": [" METRIC "]}");
  assert_int_equal(d->status, 201);
  stand_run(d->stand, 11 * PL_S);
  assert_int_equal(b.carried, 2);
  assert_non_null(strstr(b.last, "\"MetricValue\":\"csu-1\""));
  ask(d, "PATCH", DEFINITIONS "/mine", "{\"MetricReportDefinitionEnabled\": false}");
  assert_int_equal(d->status, 200);
  stand_run(d->stand, 11 * PL_S);
  assert_int_equal(b.carried, 2);
  ask(d, "DELETE", DEFINITIONS "/mine", NULL);
  assert_int_equal(d->status / 100, 2);
  ask(d, "GET", "/redfish/v1/TelemetryService/MetricReports/mine", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "GET", "/redfish/v1/TelemetryService/MetricReports/Thermal", NULL);
  assert_true(json_object_array_length(value_at(d, "MetricValues")) > 20);
  ask(d, "DELETE", DEFINITIONS "/Thermal", NULL);
  assert_int_equal(d->status, 405);
  door_close(d);
}

static void a_report_that_cannot_be_made_is_refused(void **state)
{
  (void)state;
  static const char *const BAD[] = {
      "{\"MetricReportDefinitionType\": \"OnRequest\"}",
      "{\"MetricReportDefinitionType\": \"Periodic\", \"Metrics\": [" METRIC "]}",
      "{\"MetricReportDefinitionType\": \"Periodic\", \"Schedule\": {\"RecurrenceInterval\": \"soon\"}, \"Metrics\": [" METRIC "]}",
      "{\"MetricReportDefinitionType\": \"Periodic\", \"Schedule\": {\"RecurrenceInterval\": \"P1M\"}, \"Metrics\": [" METRIC "]}",
      "{\"MetricReportDefinitionType\": \"OnRequest\", \"Metrics\": [{\"MetricId\": \"x\", \"MetricProperties\": [\"/redfish/v1/Chassis/none#/Id\"]}]}",
      "{\"MetricReportDefinitionType\": \"OnRequest\", \"Metrics\": [{\"MetricId\": \"x\", \"MetricProperties\": [\"/redfish/v1/TelemetryService#/Id\"]}]}",
      "{\"MetricReportDefinitionType\": \"OnRequest\", \"Metrics\": [{\"MetricProperties\": []}]}",
      "{\"MetricReportDefinitionType\": \"OnRequest\", \"Id\": \"a/b\", \"Metrics\": [" METRIC "]}",
  };
  struct door *d = door_open(NULL);
  for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
    ask(d, "POST", DEFINITIONS, BAD[i]);
    if (d->status != 400)
      fail_msg("%s: %d %s", BAD[i], d->status, d->body ? d->body : "");
  }
  assert_int_equal(pl_duration_s("PT10S"), 10);
  assert_int_equal(pl_duration_s("P1DT2H3M4.5S"), 93784);
  assert_int_equal(pl_duration_s("P1DT"), 86400);
  assert_int_equal(pl_duration_s("PT"), 0);
  assert_int_equal(pl_duration_s("10S"), 0);
  assert_int_equal(pl_duration_s("P5S"), 0);
  assert_int_equal(pl_duration_s("PT-5S"), 0);
  door_close(d);
}

static void metadata_names_every_type(void **state)
{
  (void)state;
  struct door *d = door_open(NULL);
  ask_as(d, NOBODY, "GET", "/redfish/v1/$metadata", NULL);
  assert_int_equal(d->status, 200);
  assert_string_equal(d->answer.type, "application/xml");
  assert_non_null(strstr(d->body, "<edmx:Include Namespace=\"Chassis.v1_28_0\"/>"));
  assert_non_null(strstr(d->body, "<edmx:Reference Uri=\"/redfish/v1/Schemas/PlumblineUnit_v1.xml\">"));
  ask_as(d, NOBODY, "GET", "/redfish/v1/odata", NULL);
  assert_int_equal(d->status, 200);
  assert_non_null(strstr(d->body, "\"/redfish/v1/EventService\""));
  ask(d, "GET", "/redfish/v1/Schemas/PlumblineTask.v1_0_0.json", NULL);
  assert_string_equal(text_at(d, "title"), "#PlumblineTask.v1_0_0");
  ask(d, "GET", "/redfish/v1/JsonSchemas/PlumblineTask.v1_0_0", NULL);
  assert_string_equal(text_at(d, "Location/0/Uri"), "/redfish/v1/Schemas/PlumblineTask.v1_0_0.json");
  ask(d, "GET", "/redfish/v1/JsonSchemas/Nothing.v1_0_0", NULL);
  assert_int_equal(d->status, 404);
  door_close(d);
}

/* Every message's registry is among the registry files, with the version that its id names. */
static void registries_are_those_of_the_messages(void **state)
{
  (void)state;
  struct door *d = door_open(NULL);
  size_t count;
  const struct pl_event_message *rows = pl_event_messages(&count);
  ask(d, "GET", "/redfish/v1/Registries", NULL);
  char *list = strdup(d->body);
  for (size_t i = 0; i < count; i++) {
    char wanted[160];
    snprintf(wanted, sizeof wanted, "/redfish/v1/Registries/%.*s.", (int)(strrchr(rows[i].id, '.') - rows[i].id), rows[i].id);
    if (!strstr(list, wanted))
      fail_msg("no registry file for %s", rows[i].id);
  }
  free(list);
  door_close(d);
}

static void a_task_is_told_while_it_runs_and_after(void **state)
{
  (void)state;
  struct door *d = door_open(NULL);
  struct pl_procedure *p = NULL;
  WELL(d->stand, pl_procedure_begin(d->stand->stack, &pl_hot_swap, stand_item(d->stand, "csu-1"), "tester", &p, &d->stand->err));
  char task[96], monitor[96];
  snprintf(task, sizeof task, "/redfish/v1/TaskService/Tasks/%lld", (long long)p->id);
  snprintf(monitor, sizeof monitor, "/redfish/v1/TaskService/TaskMonitors/%lld", (long long)p->id);
  ask(d, "GET", task, NULL);
  assert_string_equal(text_at(d, "TaskState"), "Running");
  assert_string_equal(text_at(d, "TaskMonitor"), monitor);
  assert_string_equal(text_at(d, "Oem/Plumbline/Procedure"), "hot-swap");
  assert_string_equal(text_at(d, "Oem/Plumbline/Author"), "tester");
  ask(d, "GET", monitor, NULL);
  assert_int_equal(d->status, 202);
  assert_non_null(header(d, "Location"));
  ask(d, "DELETE", task, NULL);
  assert_int_equal(d->status / 100, 2);
  stand_run(d->stand, 60 * PL_S);
  ask(d, "GET", task, NULL);
  assert_string_equal(text_at(d, "TaskState"), "Cancelled");
  assert_string_equal(text_at(d, "Messages/0/MessageId"), "TaskEvent.1.0.TaskCancelled");
  ask(d, "GET", monitor, NULL);
  assert_int_equal(d->status, 410);
  ask(d, "DELETE", task, NULL);
  assert_int_equal(d->status, 409);
  ask(d, "GET", "/redfish/v1/TaskService/Tasks/999", NULL);
  assert_int_equal(d->status, 404);
  WELL(d->stand, pl_procedure_begin(d->stand->stack, &pl_power_on, stand_item(d->stand, "csu-2"), "tester", &p, &d->stand->err));
  stand_run(d->stand, 20 * PL_S);
  char sentence[96];
  snprintf(task, sizeof task, "/redfish/v1/TaskService/Tasks/%lld", (long long)p->id);
  snprintf(sentence, sizeof sentence, "The task with Id '%lld' has completed.", (long long)p->id);
  ask(d, "GET", task, NULL);
  assert_string_equal(text_at(d, "Messages/0/Message"), sentence);
  door_close(d);
}

/* Entries of the event log with this message and this unit in their origin. */
static size_t count_entries(struct door *d, const char *message, const char *unit)
{
  size_t count = 0;
  ask(d, "GET", ENTRIES "?$expand=.&$top=500", NULL);
  for (size_t i = 0; i < array_length(d, "Members"); i++) {
    const char *entry = json_object_to_json_string(json_object_array_get_idx(value_at(d, "Members"), i));
    count += strstr(entry, message) && strstr(entry, unit);
  }
  return count;
}

#define DETECTOR(module, id) "/redfish/v1/Chassis/module-" module "/ThermalSubsystem/LeakDetection/LeakDetectors/" id

static void is_answered(struct door *d, const char *detector, const char *id)
{
  ask(d, "GET", detector, NULL);
  assert_string_equal(text_at(d, "DetectorState"), "Critical");
  assert_string_equal(text_at(d, "Oem/Plumbline/Procedure"), "leak-response");
  if (count_entries(d, "LeakDetectedCritical", id) != 1)
    fail_msg("%zu entries tell of %s", count_entries(d, "LeakDetectedCritical", id), id);
}

/* While the valve of the first is still on its way: the second is told of by itself, once, and answered at its own time; and a third that is the first again. */
static void a_second_leak_is_a_leak_of_its_own(void **state)
{
  (void)state;
  struct door *d = door_open(NULL);
  struct stand *s = d->stand;
  stand_power(s, "csu-1", true);
  stand_power(s, "csu-5", true);
  stand_until_state(s, "csu-5", PL_STATE_ENABLED, 20 * PL_S);
  stand_plant(s, "leak-1.leak=stuck-high");
  stand_run(s, 2 * PL_S);
  is_answered(d, DETECTOR("1", "leak-1"), "leak-1");
  assert_true(stand_truth(s, "csu-1", "vout") < 5);
  assert_true(stand_truth(s, "csu-5", "vout") > 40);
  stand_plant(s, "leak-2.leak=stuck-high");
  stand_run(s, 900 * PL_MS); /* its delay is 1 s */
  assert_true(stand_truth(s, "csu-5", "vout") > 40);
  stand_run(s, 600 * PL_MS);
  assert_true(stand_truth(s, "csu-5", "vout") < 5);
  is_answered(d, DETECTOR("1", "leak-1"), "leak-1");
  is_answered(d, DETECTOR("2", "leak-2"), "leak-2");
  stand_run(s, 30 * PL_S);
  ask(d, "GET", DETECTOR("2", "leak-2"), NULL);
  assert_true(is_null_at(d, "Oem/Plumbline/Procedure"));
  assert_true(stand_truth(s, "stop-valve-1", "closed") > 0.5 && stand_truth(s, "stop-valve-2", "closed") > 0.5);
  stand_clear(s);
  stand_run(s, 2 * PL_S);
  assert_int_equal(count_entries(d, "LeakDetectedNormal", "leak-1"), 1);
  stand_plant(s, "leak-1.leak=stuck-high");
  stand_run(s, 2 * PL_S);
  assert_int_equal(count_entries(d, "LeakDetectedCritical", "leak-1"), 2);
  door_close(d);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_subscription_gets_what_it_asked_for),
      cmocka_unit_test(a_subscription_that_makes_no_sense_is_refused),
      cmocka_unit_test(subscriptions_outlive_the_stack_and_end_as_their_policy_says),
      cmocka_unit_test(what_the_store_refuses_is_not_so),
      cmocka_unit_test(a_test_event_is_an_event),
      cmocka_unit_test(settings_of_the_service_are_kept_and_heeded),
      cmocka_unit_test(the_log_pages_and_clears),
      cmocka_unit_test(reports_come_when_asked_for_and_at_intervals),
      cmocka_unit_test(a_report_that_cannot_be_made_is_refused),
      cmocka_unit_test(metadata_names_every_type),
      cmocka_unit_test(registries_are_those_of_the_messages),
      cmocka_unit_test(a_task_is_told_while_it_runs_and_after),
      cmocka_unit_test(a_second_leak_is_a_leak_of_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/service_test.h"

#include <unistd.h>

/* The Redfish service over the demo rack on the twin: what DSP0266 asks of every resource alike. */

static int open_demo(void **state)
{
  *state = door_open(NULL);
  return 0;
}

static int close_demo(void **state)
{
  door_close(*state);
  return 0;
}

static void root_is_open_and_versions_are_told(void **state)
{
  struct door *d = *state;
  ask_as(d, NOBODY, "GET", "/redfish", NULL);
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "v1"), "/redfish/v1/");
  ask_as(d, NOBODY, "GET", "/redfish/v1", NULL);
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "@odata.id"), "/redfish/v1");
  assert_string_equal(header(d, "OData-Version"), "4.0");
  assert_non_null(header(d, "ETag"));
  assert_non_null(strstr(header(d, "Link"), "rel=describedby"));
  assert_string_equal(header(d, "Allow"), "GET, HEAD");
  assert_string_equal(header(d, "Cache-Control"), "no-cache");
  ask_as(d, NOBODY, "GET", "/redfish/v1/", NULL);
  assert_int_equal(d->status, 200);
}

static void the_rest_wants_credentials(void **state)
{
  struct door *d = *state;
  ask_as(d, NOBODY, "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 401);
  assert_non_null(header(d, "WWW-Authenticate"));
  ask_as(d, NOBODY, "GET", "/redfish/v1/Nothing", NULL); /* nor is it told what there is */
  assert_int_equal(d->status, 401);
  d->encrypted = false;
  ask(d, "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 401);
  d->encrypted = true;
  ask(d, "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 200);
  assert_int_equal(number_at(d, "Members@odata.count"), 11); /* rack, two modules, eight CSUs */
}

static void wrong_methods_and_uris_are_told(void **state)
{
  struct door *d = *state;
  ask(d, "DELETE", "/redfish/v1/Chassis/csu-1", NULL);
  assert_int_equal(d->status, 405);
  assert_string_equal(header(d, "Allow"), "GET, HEAD, PATCH");
  ask(d, "PUT", "/redfish/v1/Chassis", "{}");
  assert_int_equal(d->status, 405);
  ask(d, "BREW", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 501);
  ask(d, "GET", "/redfish/v1/Chassis/csu-99", NULL);
  assert_int_equal(d->status, 404);
  assert_string_equal(text_at(d, "error/code"), "Base.1.22.ResourceMissingAtURI");
  ask(d, "GET", "/redfish/v1/Chassis/psu-a", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "GET", "/redfish/v1/Chassis/%zz", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "GET", "/redfish/v1/Chassis/csu%2d1", NULL);
  assert_int_equal(d->status, 200);
  ask(d, "POST", "/redfish/v1/Chassis/csu-1/Actions/Chassis.Nonsense", "{}");
  assert_int_equal(d->status, 404);
  ask(d, "GET", "/redfish/v1/Chassis/csu-1/Actions/Chassis.Reset", NULL);
  assert_int_equal(d->status, 405);
  assert_string_equal(header(d, "Allow"), "POST");
  ask(d, "OPTIONS", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 204);
  assert_string_equal(header(d, "Allow"), "GET, HEAD");
  ask(d, "HEAD", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 200);
  assert_null(d->body);
}

static void headers_are_checked(void **state)
{
  struct door *d = *state;
  with(d, "OData-Version", "4.1");
  ask(d, "GET", "/redfish/v1", NULL);
  assert_int_equal(d->status, 412);
  with(d, "Accept", "text/html");
  ask(d, "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 406);
  with(d, "Content-Type", "text/plain");
  ask(d, "PATCH", "/redfish/v1/SessionService", "{\"SessionTimeout\": 60}");
  assert_int_equal(d->status, 415);
}

static void etags_guard(void **state)
{
  struct door *d = *state;
  ask(d, "GET", "/redfish/v1/SessionService", NULL);
  char etag[64];
  snprintf(etag, sizeof etag, "%s", header(d, "ETag"));
  with(d, "If-None-Match", etag);
  ask(d, "GET", "/redfish/v1/SessionService", NULL);
  assert_int_equal(d->status, 304);
  assert_null(d->body);
  with(d, "If-Match", "\"0000000000000000\"");
  ask(d, "PATCH", "/redfish/v1/SessionService", "{\"SessionTimeout\": 61}");
  assert_int_equal(d->status, 412);
  with(d, "If-Match", etag);
  ask(d, "PATCH", "/redfish/v1/SessionService", "{\"SessionTimeout\": 61}");
  assert_int_equal(d->status, 200);
  assert_int_equal(number_at(d, "SessionTimeout"), 61);
  assert_string_not_equal(header(d, "ETag"), etag);
  with(d, "If-None-Match", etag); /* no longer what is there */
  ask(d, "GET", "/redfish/v1/SessionService", NULL);
  assert_int_equal(d->status, 200);
}

static void clock_does_not_change_the_etag(void **state)
{
  struct door *d = *state;
  ask(d, "GET", "/redfish/v1/Managers/rackd", NULL);
  assert_int_equal(d->status, 200);
  char etag[64], time[40];
  snprintf(etag, sizeof etag, "%s", header(d, "ETag"));
  snprintf(time, sizeof time, "%s", text_at(d, "DateTime"));
  stand_run(d->stand, 3 * PL_S);
  ask(d, "GET", "/redfish/v1/Managers/rackd", NULL);
  assert_string_equal(header(d, "ETag"), etag);
  assert_string_not_equal(text_at(d, "DateTime"), time);
}

static void queries_do_what_they_say(void **state)
{
  struct door *d = *state;
  ask(d, "GET", "/redfish/v1/Chassis?$top=2&$skip=1", NULL);
  assert_int_equal(array_length(d, "Members"), 2);
  assert_int_equal(number_at(d, "Members@odata.count"), 11);
  assert_string_equal(text_at(d, "Members@odata.nextLink"), "/redfish/v1/Chassis?$skip=3&$top=2");
  ask(d, "GET", "/redfish/v1/Chassis?$filter=ChassisType%20eq%20'Blade'%20and%20not%20(Id%20eq%20'csu-1')", NULL);
  assert_int_equal(number_at(d, "Members@odata.count"), 7);
  ask(d, "GET", "/redfish/v1/Chassis?$filter=Location/PartLocation/LocationOrdinalValue%20ge%202%20and%20ChassisType%20eq%20'Blade'", NULL);
  assert_int_equal(number_at(d, "Members@odata.count"), 6);
  ask(d, "GET", "/redfish/v1/Chassis?$filter=HotPluggable%20eq%20false", NULL);
  assert_int_equal(number_at(d, "Members@odata.count"), 3);
  ask(d, "GET", "/redfish/v1/Chassis?$expand=.&$select=Id,Status/State", NULL);
  assert_string_equal(text_at(d, "Members/2/Id"), "module-2");
  assert_non_null(text_at(d, "Members/2/Status/State"));
  assert_null(value_at(d, "Members/2/Name"));
  ask(d, "GET", "/redfish/v1/Managers?only", NULL);
  assert_string_equal(text_at(d, "@odata.id"), "/redfish/v1/Managers/rackd");
  ask(d, "GET", "/redfish/v1/Chassis?only", NULL); /* more than one: the collection */
  assert_int_equal(array_length(d, "Members"), 11);
  ask(d, "GET", "/redfish/v1/Chassis/demo-rack/Sensors/rpu-coolant-flow?excerpt", NULL);
  assert_int_equal(d->status, 200);
  assert_non_null(value_at(d, "Reading"));
  assert_null(value_at(d, "Name"));
  ask(d, "GET", "/redfish/v1?$expand=.($levels=2)", NULL);
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "Chassis/Members/0/Id"), "demo-rack");
  assert_null(value_at(d, "Links/Sessions/Members")); /* a dependent link stays one */
  ask(d, "GET", "/redfish/v1?$expand=~", NULL);
  assert_non_null(value_at(d, "Links/Sessions/Members"));
}

static void bad_queries_are_refused(void **state)
{
  static const struct {
    const char *query;
    int status;
  } CASES[] = {{"$nonsense=1", 501},       {"only=foo", 400},     {"excerpt=foo", 400}, {"$top=x", 400},           {"$top=-1", 400},        {"$skip=1e3", 400},
               {"$expand=", 400},          {"$expand=x", 400},    {"$expand=.($levels=0)", 400}, {"$expand=.($levels=99)", 400}, {"$select=", 400}, {"$filter=", 400},
               {"$filter=Id", 400},        {"$filter=Id%20eq", 400}, {"$filter=(Id%20eq%201", 400}, {"$filter=Id%20eq%20'x", 400}, {"only&$top=1", 400}, {"%zz=1", 400},
               {"foo=bar", 200},           {"", 200},             {"$filter=Id%20eq%201%20banana", 400}};
  struct door *d = *state;
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    char target[256];
    snprintf(target, sizeof target, "/redfish/v1/Chassis?%s", CASES[i].query);
    ask(d, "GET", target, NULL);
    if (d->status != CASES[i].status)
      fail_msg("%s: %d, expected %d", CASES[i].query, d->status, CASES[i].status);
  }
  ask(d, "GET", "/redfish/v1/SessionService?only", NULL);
  assert_int_equal(d->status, 400);
  ask(d, "GET", "/redfish/v1/SessionService?excerpt", NULL);
  assert_int_equal(d->status, 400);
  ask(d, "PATCH", "/redfish/v1/SessionService?$select=Id", "{\"SessionTimeout\": 60}");
  assert_int_equal(d->status, 400);
}

static void patch_says_of_each_property(void **state)
{
  struct door *d = *state;
  static const struct {
    const char *body, *message;
  } CASES[] = {{"{\"SessionTimeout\": \"60\"}", "PropertyValueTypeError"}, {"{\"SessionTimeout\": 5}", "PropertyValueOutOfRange"},
               {"{\"Nonsense\": 5}", "PropertyUnknown"},                  {"{\"Status\": {\"State\": \"Enabled\"}}", "PropertyNotWritable"},
               {"{\"Status\": 1}", "PropertyValueTypeError"},             {"{\"Name\": \"x\"}", "PropertyNotWritable"},
               {"{}", "NoOperation"},                                     {"{\"@odata.id\": \"x\"}", "NoOperation"},
               {"{\"SessionTimeout\": null}", "PropertyValueTypeError"},  {"{\"SessionTimeout\": 60", "MalformedJSON"},
               {"[1]", "UnrecognizedRequestBody"},                        {"{\"SessionTimeout\": 60} x", "MalformedJSON"}};
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    char code[80];
    ask(d, "PATCH", "/redfish/v1/SessionService", CASES[i].body);
    snprintf(code, sizeof code, "Base.1.22.%s", CASES[i].message);
    assert_int_equal(d->status, 400);
    assert_string_equal(text_at(d, "error/@Message.ExtendedInfo/0/MessageId"), code);
  }
  ask(d, "PATCH", "/redfish/v1/SessionService", "{\"SessionTimeout\": 77, \"ServiceEnabled\": \"yes\", \"Nonsense\": 1}"); /* some done, some not */
  assert_int_equal(d->status, 200);
  assert_int_equal(number_at(d, "SessionTimeout"), 77);
  assert_string_equal(text_at(d, "ServiceEnabled@Message.ExtendedInfo/0/MessageId"), "Base.1.22.PropertyValueTypeError");
  assert_string_equal(text_at(d, "Nonsense@Message.ExtendedInfo/0/RelatedProperties/0"), "#/Nonsense");
}

static void an_invalid_reading_is_null(void **state)
{
  struct door *d = *state;
  ask(d, "GET", "/redfish/v1/Chassis/demo-rack/Sensors/psu-a-supply-vout", NULL);
  assert_int_equal(d->status, 200);
  assert_in_range(number_at(d, "Reading"), 47, 49);
  d->stand->stack->settings.stale_ns = PL_MS; /* what is older counts for nothing */
  stand_run(d->stand, 50 * PL_MS);
  ask(d, "GET", "/redfish/v1/Chassis/demo-rack/PowerSubsystem/PowerSupplies/psu-a/Metrics", NULL);
  assert_true(is_null_at(d, "InputVoltage/Reading"));
}

static void a_write_is_answered_when_hardware_has_it(void **state)
{
  struct door *d = *state;
  ask(d, "PATCH", "/redfish/v1/Chassis/csu-1", "{\"LocationIndicatorActive\": true}");
  assert_int_equal(d->status, 200);
  assert_true(flag_at(d, "LocationIndicatorActive"));
  double lit = 0;
  assert_true(pl_item_value(d->stand->stack, stand_item(d->stand, "csu-1"), "connector", "attention", 0, &lit));
  assert_true(lit == 1);
}

static bool swap_is_over(struct stand *s, void *ctx)
{
  (void)ctx;
  return !stand_item(s, "csu-1")->procedure;
}

static bool is_ready(struct stand *s, void *ctx)
{
  (void)ctx;
  return stand_item(s, "csu-1")->ready_to_remove;
}

/* Another unit in the slot: chassis and system tell of it, and of nothing that the one before had. */
static void a_swap_changes_what_is_told_of_the_slot(void **state)
{
  struct door *d = *state;
  char serial[64];
  stand_power(d->stand, "csu-1", true);
  stand_until_state(d->stand, "csu-1", PL_STATE_ENABLED, 20 * PL_S);
  ask(d, "GET", "/redfish/v1/Systems/csu-1", NULL);
  snprintf(serial, sizeof serial, "%s", text_at(d, "SerialNumber"));
  assert_int_equal(number_at(d, "MemorySummary/TotalSystemMemoryGiB"), 512);
  ask(d, "PATCH", "/redfish/v1/Chassis/csu-1", "{\"ReadyToRemove\": true}");
  assert_int_equal(d->status, 202);
  assert_true(stand_until(d->stand, is_ready, NULL, 20 * PL_S) != PL_NEVER);
  stand_act(d->stand, "csu-1", "remove");
  stand_run(d->stand, 2 * PL_S);
  ask(d, "GET", "/redfish/v1/Chassis/csu-1", NULL);
  assert_true(is_null_at(d, "SerialNumber"));
  stand_act(d->stand, "csu-1", "replace");
  stand_act(d->stand, "csu-1", "insert");
  assert_true(stand_until(d->stand, swap_is_over, NULL, 30 * PL_S) != PL_NEVER);
  ask(d, "GET", "/redfish/v1/Chassis/csu-1", NULL);
  assert_string_not_equal(text_at(d, "SerialNumber"), serial);
  assert_string_equal(text_at(d, "PartNumber"), "ES-CSU-2L");
  snprintf(serial, sizeof serial, "%s", text_at(d, "SerialNumber"));
  ask(d, "GET", "/redfish/v1/Systems/csu-1", NULL);
  assert_string_equal(text_at(d, "SerialNumber"), serial);
  assert_string_equal(text_at(d, "PartNumber"), "ES-CSU-2L");
  assert_int_equal(number_at(d, "MemorySummary/TotalSystemMemoryGiB"), 1024);
  ask(d, "GET", "/redfish/v1/Systems/csu-1/Storage/1/Drives/3", NULL);
  assert_non_null(strstr(text_at(d, "SerialNumber"), serial));
}

/* Of a module no other reset makes sense, and it is done only where somebody else is left who works. */
static void a_module_is_evacuated(void **state)
{
  struct door *d = *state;
  const char *reset = "/redfish/v1/Chassis/module-1/Actions/Chassis.Reset";
  ask(d, "GET", "/redfish/v1/Chassis/module-1", NULL);
  assert_string_equal(text_at(d, "Actions/#Chassis.Reset/target"), reset);
  assert_int_equal(array_length(d, "Actions/#Chassis.Reset/ResetType@Redfish.AllowableValues"), 1);
  ask(d, "POST", reset, "{\"ResetType\": \"ForceOff\"}");
  assert_int_equal(d->status, 400);
  stand_power(d->stand, "csu-1", true);
  stand_until_state(d->stand, "csu-1", PL_STATE_ENABLED, 20 * PL_S);
  ask(d, "POST", reset, "{\"ResetType\": \"GracefulShutdown\"}");
  assert_in_range(d->status, 400, 409);
  stand_power(d->stand, "csu-5", true);
  stand_until_state(d->stand, "csu-5", PL_STATE_ENABLED, 20 * PL_S);
  ask(d, "POST", reset, "{}");
  assert_int_equal(d->status, 202);
  stand_until_state(d->stand, "csu-1", PL_STATE_STANDBY, 20 * PL_S);
  stand_run(d->stand, PL_S); /* what is behind the path discharges */
  assert_true(stand_truth(d->stand, "csu-1", "vout") < 5);
  assert_true(stand_truth(d->stand, "csu-5", "vout") > 46);
  ask(d, "GET", "/redfish/v1/Chassis/demo-rack", NULL);
  assert_null(value_at(d, "Actions"));
}

/* Just after its start, before it has looked: not now, and when to ask again; never that something is wrong which it does not know. */
static void power_is_not_refused_for_what_was_not_looked_at(void **state)
{
  (void)state;
  struct door *d = calloc(1, sizeof *d);
  d->stand = stand_open(DEMO_RACK);
  d->encrypted = true;
  stand_stack(d->stand);
  unsigned early = 0;
  do {
    ask(d, "POST", "/redfish/v1/Chassis/csu-1/Actions/Chassis.Reset", "{\"ResetType\": \"On\"}");
    if (d->status == 503) {
      early++;
      assert_string_equal(header(d, "Retry-After"), "1");
      assert_non_null(strstr(text_at(d, "error/@Message.ExtendedInfo/0/MessageId"), "ServiceTemporarilyUnavailable"));
      assert_non_null(strstr(text_at(d, "error/@Message.ExtendedInfo/0/Resolution"), "sk again in a moment"));
    }
    stand_run(d->stand, 50 * PL_MS);
  } while (d->status == 503 && pl_clock_now(d->stand->clock) < 10 * PL_S);
  assert_int_equal(d->status, 202);
  assert_true(early > 0);
  door_close(d);
}

/* Later it is known: no pump runs. */
static void a_pump_that_stands_is_no_matter_of_time(void **state)
{
  struct door *d = *state;
  stand_plant(d->stand, "rpu.pump-1=dead");
  stand_plant(d->stand, "rpu.pump-2=dead");
  stand_run(d->stand, 20 * PL_S);
  ask(d, "POST", "/redfish/v1/Chassis/csu-1/Actions/Chassis.Reset", "{\"ResetType\": \"On\"}");
  assert_int_equal(d->status, 409);
}

static void dump_json(const struct door *d, FILE *out)
{
  if (out && d->json)
    fprintf(out, "%s\n", json_object_to_json_string_ext(d->json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

struct dump {
  struct door *door;
  FILE *out;
  unsigned count;
};

static void dump_one(void *ctx, const char *uri)
{
  struct dump *dump = ctx;
  ask(dump->door, "GET", uri, NULL);
  if (dump->door->status != 200)
    fail_msg("GET %s: %d", uri, dump->door->status);
  dump_json(dump->door, dump->out);
  dump->count++;
}

/* Every link that a resource names is one. With PL_DUMP=FILE all resources go there, a line each (tests/test_redfish_schema.py). */
static void check_links(struct door *d, struct json_object *value, const char *from)
{
  if (json_object_is_type(value, json_type_array))
    for (size_t i = 0; i < json_object_array_length(value); i++)
      check_links(d, json_object_array_get_idx(value, i), from);
  if (!json_object_is_type(value, json_type_object))
    return;
  json_object_object_foreach(value, name, below)
  {
    struct pl_res res;
    const char *uri = json_object_get_string(below);
    if ((!strcmp(name, "@odata.id") || !strcmp(name, "DataSourceUri")) && uri) {
      if (pl_res_find(d->stand->stack, uri, &res))
        fail_msg("%s names %s, which is not there", from, uri);
      pl_res_end(&res);
    } else
      check_links(d, below, from);
  }
}

static void check_one(void *ctx, const char *uri)
{
  struct dump *dump = ctx;
  struct json_object *object = pl_uri_render(dump->door->stand->stack, uri);
  if (object)
    check_links(dump->door, object, uri);
  json_object_put(object);
  dump->count++;
}

/* The answer while they stop: a task of each, and one of all. */
static void end_systems(struct door *d, FILE *out)
{
#define ENDS(ID) "{\"StanzaType\": \"DecomposeSystem\", \"StanzaId\": \"" ID "\", \"Request\": {\"@odata.id\": \"/redfish/v1/Systems/" ID "\"}}"
  ask(d, "POST", "/redfish/v1/Systems", "{\"Id\": \"other\", \"Oem\": {\"Plumbline\": {\"Cores\": 1}}}");
  assert_int_equal(d->status, 201);
  stand_run(d->stand, 10 * PL_S);
  ask(d, "POST", "/redfish/v1/CompositionService/Actions/CompositionService.Compose",
      "{\"RequestFormat\": \"Manifest\", \"RequestType\": \"Apply\", \"Manifest\": {\"Stanzas\": [" ENDS("web") ", " ENDS("other") ", " ENDS("big") "]}}");
  assert_int_equal(d->status, 202);
  assert_string_equal(text_at(d, "Oem/Plumbline/Procedure"), "stop-workloads");
  char monitor[PL_URI_MAX];
  snprintf(monitor, sizeof monitor, "%s", header(d, "Location"));
  dump_json(d, out);
  check_links(d, d->json, "the answer to Compose");
  stand_run(d->stand, 30 * PL_S);
  ask(d, "GET", monitor, NULL);
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "TaskState"), "Completed");
  dump_json(d, out);
}

static void every_resource_is_there(void **state)
{
  struct door *d = *state;
  const char *path = getenv("PL_DUMP");
  struct dump dump = {.door = d, .out = path ? fopen(path, "w") : NULL};
  door_furnish(d);
  dump_json(d, dump.out);
  pl_res_walk(d->stand->stack, dump_one, &dump);
  assert_in_range(dump.count, 200, 5000);
  struct dump links = {.door = d};
  pl_res_walk(d->stand->stack, check_one, &links);
  assert_int_equal(links.count, dump.count);
  end_systems(d, dump.out);
  if (dump.out)
    fclose(dump.out);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(root_is_open_and_versions_are_told, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(the_rest_wants_credentials, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(wrong_methods_and_uris_are_told, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(headers_are_checked, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(etags_guard, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(clock_does_not_change_the_etag, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(queries_do_what_they_say, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(bad_queries_are_refused, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(patch_says_of_each_property, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(an_invalid_reading_is_null, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(a_write_is_answered_when_hardware_has_it, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(a_swap_changes_what_is_told_of_the_slot, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(a_module_is_evacuated, open_demo, close_demo),
      cmocka_unit_test(power_is_not_refused_for_what_was_not_looked_at),
      cmocka_unit_test_setup_teardown(a_pump_that_stands_is_no_matter_of_time, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(every_resource_is_there, open_demo, close_demo),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A small control stack of the test's own, and sequences that judge it. */
#include "host/engine/engine_test.h"

/* What is wrong with it; by file scope since a stack's description has no room for it. */
static struct {
  const uint64_t *ids;  /* of the events that it sends, 100 ms apart; 0 ends */
  bool task_fails, garbage, mute, refuses;
  double ready_s;       /* when it says ReadyToRemove; < 0: never */
} mode;
static unsigned n_open, n_sessions;

struct fake {
  struct pl_clock *clock;
  struct pl_timer timer;
  const uint64_t *next;
  void (*event)(void *ctx, const struct pl_stack_event *event);
  void *event_ctx;
  bool dead;
  pl_time_ns task_began;
};

static const struct {
  const char *path, *body;
} STATIC[] = {
    {"/redfish/v1/", "{\"@odata.id\":\"/redfish/v1/\",\"Vendor\":\"Test\",\"Product\":\"fake\",\"RedfishVersion\":\"1.20.0\",\"Chassis\":{\"@odata.id\":\"/redfish/v1/Chassis\"},"
                     "\"Links\":{\"Sessions\":{\"@odata.id\":\"/redfish/v1/SessionService/Sessions\"}}}"},
    {"/redfish/v1/EventService", "{\"ServerSentEventUri\":\"/redfish/v1/EventService/SSE\"}"},
    {"/redfish/v1/Chassis", "{\"Members\":[{\"@odata.id\":\"/redfish/v1/Chassis/rack\"}],\"Members@odata.nextLink\":\"/redfish/v1/Chassis?$skip=1\"}"},
    {"/redfish/v1/Chassis?$skip=1", "{\"Members\":[{\"@odata.id\":\"/redfish/v1/Chassis/csu-1\"}]}"},
    {"/redfish/v1/Chassis/csu-1/Sensors", "{\"Members\":[{\"@odata.id\":\"/redfish/v1/Chassis/csu-1/Sensors/cpu-1-temperature\"}]}"},
    {"/redfish/v1/Chassis/csu-1/Sensors/cpu-1-temperature", "{\"Reading\":41.5,\"ReadingUnits\":\"Cel\"}"},
};

static void answer(struct pl_http_request *request, int status, const char *body)
{
  request->answer.status = status;
  request->answer.body = body ? strdup(body) : NULL;
  request->answer.body_size = body ? strlen(body) : 0;
  request->done(request);
}

static void chassis(struct fake *fake, struct pl_http_request *request)
{
  char body[512];
  bool ready = mode.ready_s >= 0 && (double)pl_clock_now(fake->clock) >= mode.ready_s * 1e9;
  snprintf(body, sizeof body,
           "{\"Id\":\"csu-1\",\"Status\":{\"State\":\"Enabled\",\"Health\":\"OK\"},\"PowerState\":\"On\",\"ReadyToRemove\":%s,\"LocationIndicatorActive\":false,"
           "\"ReactionDelaySeconds\":1.5,\"SerialNumber\":null,\"Sensors\":{\"@odata.id\":\"/redfish/v1/Chassis/csu-1/Sensors\"},"
           "\"Actions\":{\"#Chassis.Reset\":{\"target\":\"/redfish/v1/Chassis/csu-1/Actions/Chassis.Reset\"}}}",
           ready ? "true" : "false");
  answer(request, 200, body);
}

static void task(struct fake *fake, struct pl_http_request *request, int status)
{
  char body[300];
  bool over = fake->task_began && pl_clock_now(fake->clock) - fake->task_began > 500 * PL_MS;
  snprintf(body, sizeof body, "{\"@odata.id\":\"/redfish/v1/TaskService/Tasks/1\",\"Name\":\"hot swap\",\"TaskState\":\"%s\",\"Messages\":[{\"Message\":\"the slot keeps its power\"}]}",
           !over ? "Running" : mode.task_fails ? "Exception" : "Completed");
  answer(request, status, body);
}

static void submit(void *self, struct pl_http_request *request)
{
  struct fake *fake = self;
  const char *target = request->target;
  const char *token = pl_http_field(request->fields, request->n_fields, "X-Auth-Token");
  bool open = !strcmp(target, "/redfish/v1/") || !strcmp(request->method, "POST");
  if (mode.mute && strstr(target, "csu-1"))
    return;
  if (fake->dead) {
    answer(request, 503, NULL);
  } else if (!open && (!token || strcmp(token, "secret"))) {
    answer(request, 401, NULL);
  } else if (!strcmp(request->method, "POST") && strstr(target, "Sessions")) {
    n_sessions++;
    pl_http_answer_add(&request->answer, "X-Auth-Token", "secret");
    pl_http_answer_add(&request->answer, "Location", "/redfish/v1/SessionService/Sessions/7");
    answer(request, 201, "{}");
  } else if (!strcmp(request->method, "DELETE")) {
    n_sessions--;
    answer(request, 204, NULL);
  } else if (strcmp(request->method, "GET") != 0 && mode.refuses) {
    answer(request, 409, "{\"error\":{\"message\":\"x\",\"@Message.ExtendedInfo\":[{\"Message\":\"another procedure has it\"}]}}");
  } else if (!strcmp(request->method, "PATCH") || strstr(target, "/Actions/")) {
    fake->task_began = pl_clock_now(fake->clock);
    pl_http_answer_add(&request->answer, "Location", "/redfish/v1/TaskService/TaskMonitors/1");
    task(fake, request, 202);
  } else if (!strcmp(target, "/redfish/v1/TaskService/Tasks/1")) {
    task(fake, request, 200);
  } else if (!strcmp(target, "/redfish/v1/Chassis/csu-1")) {
    if (mode.garbage)
      answer(request, 200, "{\"Id\":");
    else
      chassis(fake, request);
  } else {
    for (size_t i = 0; i < sizeof STATIC / sizeof *STATIC; i++)
      if (!strcmp(target, STATIC[i].path)) {
        answer(request, 200, STATIC[i].body);
        return;
      }
    answer(request, 404, NULL);
  }
}

static void send_event(void *ctx, pl_time_ns now)
{
  struct fake *fake = ctx;
  char json[400];
  if (!*fake->next)
    return;
  snprintf(json, sizeof json,
           "{\"Id\":\"%llu\",\"Events\":[{\"EventId\":\"%llu\",\"MessageId\":\"Environmental.1.4.LeakDetectedCritical\",\"Message\":\"wet\",\"MessageSeverity\":\"Critical\","
           "\"OriginOfCondition\":{\"@odata.id\":\"/redfish/v1/Chassis/csu-1\"}}]}",
           (unsigned long long)*fake->next, (unsigned long long)*fake->next);
  const struct pl_stack_event event = {.id = *fake->next++, .json = json, .at = now};
  pl_clock_arm(fake->clock, &fake->timer, now + 100 * PL_MS);
  fake->event(fake->event_ctx, &event);
}

static enum pl_status hear(void *self, uint64_t after, void (*event)(void *ctx, const struct pl_stack_event *event), void *ctx, struct pl_err *err)
{
  struct fake *fake = self;
  (void)err;
  (void)after;
  fake->event = event;
  fake->event_ctx = ctx;
  fake->next = mode.ids;
  if (mode.ids)
    pl_clock_arm(fake->clock, &fake->timer, pl_clock_now(fake->clock) + 100 * PL_MS);
  return PL_OK;
}

static enum pl_status open_fake(const struct pl_stack_cfg *cfg, void **self, struct pl_err *err)
{
  struct fake *fake = calloc(1, sizeof *fake);
  (void)err;
  assert_non_null(fake);
  assert_string_equal(cfg->user, "plumb");
  fake->clock = pl_bench_clock(cfg->bench);
  fake->timer = (struct pl_timer){.fire = send_event, .ctx = fake};
  n_open++;
  *self = fake;
  return PL_OK;
}

static void close_fake(void *self)
{
  struct fake *fake = self;
  pl_clock_disarm(fake->clock, &fake->timer);
  n_open--;
  free(fake);
}

static enum pl_status kill_at(void *self, const char *procedure, const char *step, bool ended, struct pl_err *err)
{
  struct fake *fake = self;
  if (procedure && strcmp(procedure, "hot-swap") != 0)
    return pl_fail(err, PL_E_USAGE, "there is no procedure '%s'", procedure);
  fake->dead = procedure && ended && !strcmp(step, "isolate");
  return PL_OK;
}

static bool is_dead(const void *self)
{
  return ((const struct fake *)self)->dead;
}

static const struct pl_stack_desc FAKE = {
    .name = "fake", .open = open_fake, .kill = close_fake, .close = close_fake, .submit = submit, .kill_at = kill_at, .is_dead = is_dead, .listen = hear};

static int set_up_stack(void **state)
{
  memset(&mode, 0, sizeof mode);
  mode.ready_s = -1;
  n_open = n_sessions = 0;
  set_up(state);
  ((struct fixture *)*state)->stack = &FAKE;
  return 0;
}

static int tear_down_stack(void **state)
{
  assert_int_equal(n_open, 0);
  return tear_down(state);
}

#define ASKS "sequence \"try\" { about = \"a try\", version = \"1\", stack = true, needs = { slot = \"csu\" } }\n"

static void reads_what_the_stack_says_with_its_units(void **state)
{
  struct fixture *f = *state;
  run_text(f, ASKS "step('s', function()\n"
                   "  local csu = stack.chassis(rig.slot)\n"
                   "  check('state', csu.state == 'Enabled') check('health', csu.health == 'OK') check('power', csu.power_state == 'On')\n"
                   "  check('indicator', not csu.indicator) check('null', csu.serial == nil) check('absent', csu.nothing_such == nil)\n"
                   "  measure('delay', csu.delay, { min = ms(1400), max = ms(1600) })\n"
                   "  measure('cpu', csu:sensor('cpu_1_temperature'), { min = degrees_celsius(41), max = degrees_celsius(42) })\n"
                   "  check('name', tostring(csu) == 'csu-1 of the control stack')\n"
                   "  log(stack.name .. ', ' .. stack.about)\n"
                   "end)");
  assert_outcome(f, PL_RUN_PASS);
  assert_journal(f, "fake, Test fake, Redfish 1.20.0");
  assert_journal(f, "\"hardwareInfoId\":\"control-stack\"");
  assert_journal(f, "\"extension\":{\"name\":\"stack\",\"content\":{\"request\":\"GET /redfish/v1/Chassis/csu-1\"");
  assert_not_journal(f, "secret");
  assert_not_journal(f, "in-this-process");
  assert_int_equal(n_sessions, 0); /* deleted at the end */
}

static void task_is_waited_for_and_a_failed_one_is_the_stacks(void **state)
{
  struct fixture *f = *state;
  static const char TEXT[] = ASKS "step('s', function()\n"
                                  "  local task = stack.chassis(rig.slot):set{ ready_to_remove = true }\n"
                                  "  measure('task', task:wait{ within = seconds(2) }, { min = ms(500), max = ms(600) })\n"
                                  "  local reset = stack.chassis(rig.slot):reset('On')\n"
                                  "  reset:wait{ within = seconds(2) }\n"
                                  "end)";
  run_text(f, TEXT);
  assert_outcome(f, PL_RUN_PASS);
  assert_journal(f, "\"body\":{\"ReadyToRemove\":true}");
  mode.task_fails = true;
  run_text(f, TEXT);
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "hot swap (/redfish/v1/TaskService/Tasks/1) ended as Exception, expected Completed: the slot keeps its power; control-stack; next: report it");
}

static void refusal_garbage_and_silence_are_findings_against_the_stack(void **state)
{
  struct fixture *f = *state;
  static const char PATCH[] = ASKS "step('s', function() stack.chassis(rig.slot):set{ indicator = true } end)";
  static const char READ[] = ASKS "step('s', function() return stack:get('/redfish/v1/Chassis/csu-1', { within = ms(300) }) end)";
  mode.refuses = true;
  run_text(f, PATCH);
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "PATCH /redfish/v1/Chassis/csu-1 was answered with 409: another procedure has it");
  assert_journal(f, "\"verdict\":\"stack-refused\"");
  mode.refuses = false;
  mode.garbage = true;
  run_text(f, READ);
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "\"verdict\":\"stack-garbage\"");
  mode.garbage = false;
  mode.mute = true;
  run_text(f, READ);
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "\"verdict\":\"stack-no-answer\"");
  assert_journal(f, "no answer within 300 ms");
}

static void expected_refusal_is_none(void **state)
{
  struct fixture *f = *state;
  run_text(f, ASKS "step('s', function()\n"
                   "  stack:get('/redfish/v1/Nowhere', { expect = 404 })\n"
                   "  local other = stack.login()\n  other:get('/redfish/v1/Chassis')\n  other:logout()\n"
                   "  stack:get('/redfish/v1/Chassis', { token = 'none', expect = { 401, 403 } })\n"
                   "end)");
  assert_outcome(f, PL_RUN_PASS);
  run_text(f, ASKS "step('s', function() stack:get('/redfish/v1/Chassis', { expect = 404 }) end)");
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "was answered with 200, expected 404");
}

static void events_come_once_and_in_order(void **state)
{
  static const uint64_t WHOLE[] = {1, 2, 3, 4, 0}, LOST[] = {1, 2, 4, 5, 0}, TWICE[] = {1, 2, 2, 3, 0}, SWAPPED[] = {1, 3, 2, 4, 0}, LAST[] = {1, 2, 4, 0};
  static const struct {
    const uint64_t *ids;
    const char *verdict, *text;
  } CASES[] = {{WHOLE, NULL, NULL},
               {LOST, "stack-event-missing-fail", "event 3 never came"},
               {TWICE, "stack-event-repeated-fail", "event 2 came again"},
               {SWAPPED, "stack-event-order-fail", "event 2 came after event 3"},
               {LAST, "stack-event-missing-fail", "event 3 never came"}};
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    mode.ids = CASES[i].ids;
    run_text(f, ASKS "step('s', function()\n"
                     "  local event = stack:await{ message = 'LeakDetectedCritical', origin = rig.slot, within = ms(300), severity = 'Critical' }\n"
                     "  measure('came after', event.at, { min = ms(100), max = ms(200) })\n"
                     "  check('no other', stack:await{ message = 'LeakDetectedWarning', within = ms(10), or_nil = true } == nil)\n"
                     "  wait(seconds(1))\n"
                     "  check('kept', #stack.events >= 3)\n"
                     "end)");
    assert_outcome(f, CASES[i].verdict ? PL_RUN_FAIL : PL_RUN_PASS);
    if (!CASES[i].verdict)
      continue;
    assert_journal(f, CASES[i].text);
    assert_int_equal(count(f, CASES[i].verdict), 1);
    assert_int_equal(count(f, "\"type\":\"FAIL\""), 1);
  }
}

static void event_that_does_not_come_is_the_stacks(void **state)
{
  struct fixture *f = *state;
  run_text(f, ASKS "step('s', function() stack:await{ message = 'LeakDetectedCritical', origin = rig.slot, within = ms(300) } end)");
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "no event LeakDetectedCritical of csu-1 within 300 ms; control-stack; next: report it");
}

#define CLAIM(wires)                                                                                                                       \
  ASKS "step('s', function()\n  local csu = stack.chassis(rig.slot)\n"                                                                     \
       "  claim('slot isolated', { says = function() return csu.ready_to_remove end, wires = function() return " wires " end, within = seconds(2) })\nend)"

static void claim_is_held_against_the_wires(void **state)
{
  struct fixture *f = *state;
  mode.ready_s = 1;
  run_text(f, CLAIM("now() > ms(990)"));
  assert_outcome(f, PL_RUN_PASS);
  assert_journal(f, "slot isolated: the stack said so after 99");
  run_text(f, CLAIM("now() > ms(1300)"));
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "slot isolated: the claim came before the wires by");
  assert_journal(f, "\"hardwareInfoId\":\"control-stack\"");
  run_text(f, CLAIM("false"));
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "\"verdict\":\"stack-claims\"");
  mode.ready_s = -1;
  run_text(f, CLAIM("now() > ms(300)"));
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "\"verdict\":\"stack-is-blind\"");
  run_text(f, CLAIM("false"));
  assert_journal(f, "\"verdict\":\"stack-did-nothing\"");
}

static void claim_within_its_sampling_is_no_lie(void **state)
{
  struct fixture *f = *state;
  mode.ready_s = 1;
  run_text(f, CLAIM("now() > ms(1010)"));
  assert_outcome(f, PL_RUN_PASS);
}

static void what_the_stack_owns_is_asked_of_the_stack(void **state)
{
  static const char *const LINES[] = {"local v = rig.slot.connector.power_good", "rig.slot.connector:turn_on()", "local f = rig.slot.hot_swap:identity()",
                                      "edge_count(rig.slot.connector:edge('power_good', 'rising'))"};
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
    char text[512];
    snprintf(text, sizeof text, ASKS "step('s', function()\n  %s\nend)", LINES[i]);
    f->cfg.rehearsal = true;
    run_text(f, text);
    f->cfg.rehearsal = false;
    assert_int_equal(f->status, PL_E_USAGE);
    assert_error(f, "try.lua:3: ");
    assert_error(f, "is the control stack's: with `stack = true` a sequence neither reads nor sets it; ask the stack, stack.chassis(part)");
  }
  run_text(f, ASKS "step('s', function() measure('bench', rig.slot.monitor.vout, { max = volts(60) }) end)");
  assert_outcome(f, PL_RUN_PASS);
}

static void killed_stack_is_silent_until_it_is_started(void **state)
{
  struct fixture *f = *state;
  run_text(f, ASKS "step('s', function()\n"
                   "  stack:kill()\n  check('dead', stack.dead)\n"
                   "  stack:get('/redfish/v1/Chassis', { expect = 503 })\n"
                   "  stack:start()\n  check('alive', not stack.dead)\n"
                   "  check('answers', stack.chassis(rig.slot).state == 'Enabled')\n"
                   "  stack:kill_at('hot-swap', 'isolate', 'ended')\n  check('dead again', stack.dead)\n  stack:start()\n"
                   "end)");
  assert_outcome(f, PL_RUN_PASS);
  run_text(f, ASKS "step('s', function() stack:kill_at('hot-swop', 'isolate', 'ended') end)");
  assert_int_equal(f->outcome, PL_RUN_ERROR);
  assert_error(f, "there is no procedure 'hot-swop'");
}

static void sequence_without_a_stack_is_told_to_declare_it(void **state)
{
  struct fixture *f = *state;
  f->stack = NULL;
  run_text(f, HEAD "step('s', function() stack:get('/redfish/v1') end)");
  assert_error(f, "declare it, sequence");
  run_text(f, ASKS "step('s', function() end)");
  assert_error(f, "asks a control stack (stack = true), which this command has none of");
  run_text(f, "sequence 'try' { about = 'x', stack = 'embedded' }\nstep('s', function() end)");
  assert_error(f, "stack is a text, expected true");
}

static void mistakes_are_named(void **state)
{
  static const struct {
    const char *line, *error;
  } CASES[] = {{"stack.chassis()", "stack.chassis needs a part of the rig"},
               {"stack.chassis(5)", "expected a part of the rig, such as rig.slot, a device or a name, got a plain number"},
               {"stack.chasis(rig.slot)", "there is no chasis here"},
               {"stack:await{ mesage = 'x' }", "did you mean 'message'?"},
               {"stack:await{ }", "stack:await needs the message"},
               {"stack:post('/redfish/v1/x', { a = volts(5) })", "a body for the stack has userdata in it"},
               {"stack.name = 'x'", "what the stack says is set with :set{ name = ... }"},
               {"claim('x', { says = function() return true end })", "needs what the stack says, what the wires show and a time"},
               {"claim('x', { says = function() return 1 end, wires = function() return true end, within = ms(5) })", "says must return true or false, it returned 1"}};
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    char text[512];
    snprintf(text, sizeof text, ASKS "step('s', function()\n  %s\nend)", CASES[i].line);
    run_text(f, text);
    assert_error(f, "try.lua:3: ");
    assert_error(f, CASES[i].error);
  }
}

static void value_of_the_stack_blames_the_stack_by_itself(void **state)
{
  struct fixture *f = *state;
  run_text(f, ASKS "step('s', function()\n"
                   "  local v = rig.slot.monitor.vout\n"
                   "  check('is off', stack.chassis(rig.slot).power_state == 'Off')\n"
                   "  measure('cpu', stack.chassis(rig.slot):sensor('cpu-1-temperature'), { max = degrees_celsius(20) })\n"
                   "  check('bench', rig.slot.monitor.vout > volts(100))\n"
                   "  wait_until(function() return stack.chassis(rig.slot).state == 'Absent' end, { within = ms(50), what = 'the stack sees it gone' })\n"
                   "end)");
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "\"verdict\":\"is-off-fail\",\"type\":\"FAIL\",\"message\":\"is off: false, expected true; control-stack;");
  assert_int_equal(count(f, "\"type\":\"FAIL\""), 4);
  assert_journal(f, "\"verdict\":\"the-stack-sees-it-gone-fail\",\"type\":\"FAIL\",\"message\":\"the stack sees it gone: not within 50 ms; control-stack;");
  assert_journal(f, "bench: false, expected true; csu-1 (slot 1), monitor-1");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_stack, tear_down_stack)
  const struct CMUnitTest tests[] = {
      CASE(reads_what_the_stack_says_with_its_units),
      CASE(task_is_waited_for_and_a_failed_one_is_the_stacks),
      CASE(refusal_garbage_and_silence_are_findings_against_the_stack),
      CASE(expected_refusal_is_none),
      CASE(events_come_once_and_in_order),
      CASE(event_that_does_not_come_is_the_stacks),
      CASE(claim_is_held_against_the_wires),
      CASE(claim_within_its_sampling_is_no_lie),
      CASE(what_the_stack_owns_is_asked_of_the_stack),
      CASE(killed_stack_is_silent_until_it_is_started),
      CASE(sequence_without_a_stack_is_told_to_declare_it),
      CASE(mistakes_are_named),
      CASE(value_of_the_stack_blames_the_stack_by_itself),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A composition service that is nobody's in particular: what Redfish itself says, and no extension. The verbs for workloads must do with that. */
#include "host/engine/engine_test.h"

static struct { /* by file scope since a stack's description has no room for it */
  bool is_full;
} mode;

struct fake {
  bool is_there, is_reserved, has_moved;
};

static const struct {
  const char *path, *body;
} STATIC[] = {
    {"/redfish/v1/", "{\"@odata.id\":\"/redfish/v1/\",\"Vendor\":\"Test\",\"Product\":\"fake\",\"RedfishVersion\":\"1.20.0\",\"Systems\":{\"@odata.id\":\"/redfish/v1/Systems\"},"
                     "\"CompositionService\":{\"@odata.id\":\"/redfish/v1/Pools\"},\"Links\":{\"Sessions\":{\"@odata.id\":\"/redfish/v1/SessionService/Sessions\"}}}"},
    {"/redfish/v1/Pools", "{\"ResourceBlocks\":{\"@odata.id\":\"/redfish/v1/Pools/Blocks\"},\"CompositionReservations\":{\"@odata.id\":\"/redfish/v1/Pools/Kept\"},"
                          "\"Actions\":{\"#CompositionService.Compose\":{\"target\":\"/redfish/v1/Pools/Actions/Compose\"}}}"},
    {"/redfish/v1/Pools/Blocks", "{\"Members\":[{\"@odata.id\":\"/redfish/v1/Pools/Blocks/csu-1\"},{\"@odata.id\":\"/redfish/v1/Pools/Blocks/csu-2\"}]}"},
    {"/redfish/v1/Pools/Blocks/csu-1", "{\"@odata.id\":\"/redfish/v1/Pools/Blocks/csu-1\",\"Id\":\"csu-1\",\"Pool\":\"Active\",\"CompositionStatus\":{\"CompositionState\":"
                                       "\"ComposedAndAvailable\"},\"ComputerSystems\":[{\"@odata.id\":\"/redfish/v1/Systems/csu-1\"}]}"},
    {"/redfish/v1/Pools/Blocks/csu-2", "{\"@odata.id\":\"/redfish/v1/Pools/Blocks/csu-2\",\"Id\":\"csu-2\",\"Pool\":\"Unassigned\",\"CompositionStatus\":{\"CompositionState\":"
                                       "\"Unavailable\"},\"ComputerSystems\":[]}"},
    {"/redfish/v1/Systems/csu-1", "{\"SystemType\":\"Physical\",\"ProcessorSummary\":{\"CoreCount\":32},\"MemorySummary\":{\"TotalSystemMemoryGiB\":64}}"},
};

static void answer(struct pl_http_request *request, int status, const char *body)
{
  request->answer.status = status;
  request->answer.body = body ? strdup(body) : NULL;
  request->answer.body_size = body ? strlen(body) : 0;
  request->done(request);
}

static void compose(struct fake *fake, struct pl_http_request *request)
{
  const char *body = request->body ? request->body : "";
  if (mode.is_full) {
    answer(request, 409, "{\"error\":{\"message\":\"x\",\"@Message.ExtendedInfo\":[{\"Message\":\"4 cores short\"}]}}");
  } else if (strstr(body, "\"Preview\"")) {
    answer(request, 200, "{\"Manifest\":{\"Stanzas\":[{\"Response\":{\"Id\":\"web\",\"Links\":{\"ResourceBlocks\":[{\"@odata.id\":\"/redfish/v1/Pools/Blocks/csu-1\"}]}}}]}}");
  } else if (strstr(body, "\"PreviewReserve\"")) {
    fake->is_reserved = true;
    answer(request, 200, "{\"ReservationId\":\"r1\",\"Manifest\":{\"Stanzas\":[{\"Response\":{\"Id\":\"web\"}}]}}");
  } else {
    fake->is_there = true;
    fake->is_reserved = false;
    answer(request, 200, "{\"Manifest\":{\"Stanzas\":[{\"Response\":{\"@odata.id\":\"/redfish/v1/Systems/web\"}}]}}");
  }
}

static void system_web(const struct fake *fake, struct pl_http_request *request)
{
  char body[512];
  snprintf(body, sizeof body,
           "{\"Id\":\"web\",\"SystemType\":\"Composed\",\"Status\":{\"State\":\"Enabled\"},\"ProcessorSummary\":{\"CoreCount\":4},\"Links\":{\"ResourceBlocks\":"
           "[{\"@odata.id\":\"/redfish/v1/Pools/Blocks/csu-%d\"}]},\"Actions\":{\"#ComputerSystem.AddResourceBlock\":{\"target\":\"/redfish/v1/Systems/web/Add\"}}}",
           fake->has_moved ? 2 : 1);
  answer(request, fake->is_there ? 200 : 404, fake->is_there ? body : NULL);
}

static void get(const struct fake *fake, struct pl_http_request *request)
{
  if (!strcmp(request->target, "/redfish/v1/Systems/web")) {
    system_web(fake, request);
    return;
  }
  if (!strcmp(request->target, "/redfish/v1/Systems")) {
    answer(request, 200, fake->is_there ? "{\"Members\":[{\"@odata.id\":\"/redfish/v1/Systems/csu-1\"},{\"@odata.id\":\"/redfish/v1/Systems/web\"}]}"
                                                         : "{\"Members\":[{\"@odata.id\":\"/redfish/v1/Systems/csu-1\"}]}");
    return;
  }
  if (!strcmp(request->target, "/redfish/v1/Pools/Kept/r1")) {
    answer(request, fake->is_reserved ? 200 : 404, fake->is_reserved ? "{\"Id\":\"r1\"}" : NULL);
    return;
  }
  for (size_t i = 0; i < sizeof STATIC / sizeof *STATIC; i++)
    if (!strcmp(request->target, STATIC[i].path)) {
      answer(request, 200, STATIC[i].body);
      return;
    }
  answer(request, 404, NULL);
}

static void submit(void *self, struct pl_http_request *request)
{
  struct fake *fake = self;
  if (!strcmp(request->method, "POST") && strstr(request->target, "Sessions")) {
    pl_http_answer_add(&request->answer, "X-Auth-Token", "secret");
    pl_http_answer_add(&request->answer, "Location", "/redfish/v1/SessionService/Sessions/7");
    answer(request, 201, "{}");
  } else if (!strcmp(request->method, "DELETE")) {
    if (strstr(request->target, "Systems/web"))
      fake->is_there = false;
    if (strstr(request->target, "Kept"))
      fake->is_reserved = false;
    answer(request, 204, NULL);
  } else if (!strcmp(request->method, "POST") && strstr(request->target, "Compose")) {
    compose(fake, request);
  } else if (!strcmp(request->method, "POST") && strstr(request->target, "/Add")) {
    fake->has_moved = true;
    answer(request, 204, NULL);
  } else {
    get(fake, request);
  }
}

static enum pl_status open_fake(const struct pl_stack_cfg *cfg, void **self, struct pl_err *err)
{
  (void)cfg;
  (void)err;
  *self = calloc(1, sizeof(struct fake));
  assert_non_null(*self);
  return PL_OK;
}

static bool is_dead(const void *self)
{
  (void)self;
  return false;
}

static const struct pl_stack_desc FAKE = {.name = "fake", .open = open_fake, .kill = free, .close = free, .submit = submit, .is_dead = is_dead};

static int set_up_stack(void **state)
{
  memset(&mode, 0, sizeof mode);
  set_up(state);
  ((struct fixture *)*state)->stack = &FAKE;
  return 0;
}

#define ASKS "sequence \"try\" { about = \"a try\", version = \"1\", stack = true, needs = { slot = \"csu\" } }\n"

static void work_is_composed_moved_and_stopped_in_redfishs_own_words(void **state)
{
  struct fixture *f = *state;
  run_text(f, ASKS "step('s', function()\n"
                   "  local place = stack:preview{ name = 'web', cores = 4, power = watts(50) }[1]\n"
                   "  check('place', place.node == 'csu-1' and place.part == rig.slot) check('none yet', #stack.workloads == 0)\n"
                   "  local web = stack:compose{ name = 'web', cores = 4, memory = 512, priority = 3, features = { 'gpu' }, block = rig.slot }[1]\n"
                   "  web:wait{ within = ms(100) }\n"
                   "  check('one', #stack.workloads == 1 and stack.workloads[1].name == 'web')\n"
                   "  check('runs', web.state == 'Running' and web.cores == 4 and web.part == rig.slot and web:is_on(rig.slot))\n"
                   "  check('no task', web:migrate(rig.part('csu-2')) == nil) check('moved', web.part == rig.part('csu-2'))\n"
                   "  stack:clear() check('gone', not web:is_there())\n"
                   "end)");
  assert_outcome(f, PL_RUN_PASS);
  assert_journal(f, "\"Oem\":{\"Plumbline\":{\"Cores\":4,\"PowerWatts\":50}}");
  assert_journal(f, "\"Request\":{\"Links\":{\"ResourceBlocks\":[{\"@odata.id\":\"/redfish/v1/Pools/Blocks/csu-1\"}]},\"Name\":\"web\",\"Oem\":{\"Plumbline\":"
                    "{\"Cores\":4,\"Features\":[\"gpu\"],\"MemoryMiB\":512,\"Priority\":3}}},\"StanzaId\":\"web\",\"StanzaType\":\"ComposeSystem\"");
  assert_journal(f, "\"body\":{\"ResourceBlock\":{\"@odata.id\":\"/redfish/v1/Pools/Blocks/csu-2\"}}");
}

static void block_without_extensions_says_what_it_has(void **state)
{
  struct fixture *f = *state;
  run_text(f, ASKS "step('s', function()\n"
                   "  local one, two = stack.block(rig.slot), stack.blocks[2]\n"
                   "  check('cores', one.capacity.cores == 32 and one.capacity.memory == 64 * 1024)\n"
                   "  check('up', one.state == 'Up' and two.state == 'Unavailable') check('pool', two.pool == 'Unassigned') check('part', one.part == rig.slot)\n"
                   "end)");
  assert_outcome(f, PL_RUN_PASS);
}

static void no_fit_is_a_finding_unless_it_is_expected(void **state)
{
  struct fixture *f = *state;
  mode.is_full = true;
  run_text(f, ASKS "step('s', function()\n"
                   "  local list, why = stack:compose({ name = 'web', cores = 4 }, { or_nil = true })\n"
                   "  check('why', list == nil and why == '4 cores short')\n"
                   "end)");
  assert_outcome(f, PL_RUN_PASS);
  run_text(f, ASKS "step('s', function() stack:compose{ name = 'web', cores = 4 } end)");
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "POST /redfish/v1/Pools/Actions/Compose was answered with 409: 4 cores short; control-stack");
}

static void reservation_is_applied_or_given_back(void **state)
{
  struct fixture *f = *state;
  run_text(f, ASKS "step('s', function()\n"
                   "  local kept = stack:reserve{ name = 'web', cores = 4 }\n"
                   "  check('kept', kept:is_there()) kept:cancel() check('given back', not kept:is_there())\n"
                   "  local again = stack:reserve{ name = 'web', cores = 4 }\n"
                   "  check('applied', again:apply()[1].name == 'web' and not again:is_there())\n"
                   "end)");
  assert_outcome(f, PL_RUN_PASS);
  assert_journal(f, "\"ReservationId\":\"r1\"");
}

static void workload_that_does_not_come_is_the_stacks(void **state)
{
  struct fixture *f = *state;
  run_text(f, ASKS "step('s', function() stack:compose{ name = 'web', cores = 4 }[1]:wait{ state = 'Queued', within = ms(200) } end)");
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "\"verdict\":\"stack-workload\",\"type\":\"FAIL\",\"message\":\"web is Running after 2");
}

static void mistakes_are_named(void **state)
{
  struct fixture *f = *state;
  static const struct {
    const char *line, *error;
  } CASES[] = {
      {"stack:compose{ cores = 4 }", "what is composed needs a name"},
      {"stack:compose{ name = 'web', kores = 4 }", "there is no kores to ask a stack for"},
      {"stack:compose({ name = 'web' }, { or_none = true })", "or_none"},
      {"stack.block()", "stack.block needs a part of the rig"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    char text[512];
    snprintf(text, sizeof text, ASKS "step('s', function()\n  %s\nend)", CASES[i].line);
    run_text(f, text);
    assert_error(f, "try.lua:3: ");
    assert_error(f, CASES[i].error);
  }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_stack, tear_down)
  const struct CMUnitTest tests[] = {
      CASE(work_is_composed_moved_and_stopped_in_redfishs_own_words),
      CASE(block_without_extensions_says_what_it_has),
      CASE(no_fit_is_a_finding_unless_it_is_expected),
      CASE(reservation_is_applied_or_given_back),
      CASE(workload_that_does_not_come_is_the_stacks),
      CASE(mistakes_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

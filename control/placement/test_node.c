/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the agents of the demo rack's CSUs through a running stack. */
#include "control/stack/stack_test.h"

#include "control/placement/node.h"
#include "drivers/device/node_agent/node_agent.h"

#define STEADY_100 (1u << 28 | 100u << 20)

struct asked { /* what came, in which order */
  struct pl_node_call call;
  int *count, order;
};

static void on_done(struct pl_node_call *call)
{
  struct asked *asked = call->ctx;
  asked->order = ++*asked->count;
}

static void ask(struct stand *s, struct asked *asked, int *count, const char *node, enum pl_agent_op op, const struct pl_agent_run *run)
{
  *asked = (struct asked){.count = count};
  asked->call = (struct pl_node_call){.stack = s->stack, .item = stand_item(s, node), .exchange = {.op = op}, .done = on_done, .ctx = asked};
  if (run)
    asked->call.exchange.run = *run;
  pl_node_submit(&asked->call);
}

/* Runs until `count` answers have come. */
static void answers(struct stand *s, const int *count, int wanted)
{
  for (pl_time_ns end = pl_clock_now(s->clock) + 10 * PL_S; *count < wanted && pl_clock_now(s->clock) < end;)
    pl_clock_step(s->clock, end);
  assert_int_equal(*count, wanted);
}

static struct stand *open_powered(void)
{
  struct stand *s = stand_open(DEMO_RACK);
  stand_stack(s);
  stand_power_some(s, 2);
  stand_run(s, 10 * PL_S);
  return s;
}

static void test_one_after_another(void **state)
{
  (void)state;
  struct stand *s = open_powered();
  int count = 0;
  struct asked asked[4];
  struct pl_agent_run run = {.handle = 5, .cores_m = 64000, .memory_MiB = 1024, .image = STEADY_100};
  assert_true(pl_node_has_agent(stand_item(s, "csu-1")) && !pl_node_has_agent(stand_item(s, "psu-a")));
  ask(s, &asked[0], &count, "csu-1", PL_AGENT_DEPLOY, &run);
  ask(s, &asked[1], &count, "csu-1", PL_AGENT_SURVEY, NULL);
  ask(s, &asked[2], &count, "csu-1", PL_AGENT_DEPLOY, &run);
  ask(s, &asked[3], &count, "csu-1", PL_AGENT_STOP, &run);
  assert_int_equal(count, 0);
  answers(s, &count, 4);
  for (int i = 0; i < 4; i++)
    assert_int_equal(asked[i].order, i + 1);
  assert_int_equal(asked[0].call.status, PL_OK);
  assert_int_equal(asked[0].call.exchange.run.state, PL_AGENT_RUN_RUNNING);
  assert_int_equal(asked[1].call.exchange.n_runs, 1);
  assert_int_equal(asked[1].call.exchange.runs[0].handle, 5);
  assert_int_equal(asked[2].call.status, PL_E_USAGE);
  assert_non_null(strstr(asked[2].call.err.text, "has that handle already"));
  assert_int_equal(asked[3].call.status, PL_OK);
  stand_close(s);
}

static void test_nobody_there(void **state)
{
  (void)state;
  struct stand *s = open_powered();
  int count = 0;
  struct asked asked[2];
  ask(s, &asked[0], &count, "csu-8", PL_AGENT_SURVEY, NULL); /* dark */
  ask(s, &asked[1], &count, "psu-a", PL_AGENT_SURVEY, NULL); /* has none */
  assert_int_equal(count, 0);
  answers(s, &count, 2);
  assert_int_equal(asked[0].call.status, PL_E_EXCEPTION);
  assert_int_equal(asked[1].call.status, PL_E_UNSUPPORTED);
  stand_close(s);
}

/* What waits when the stack ends is told so, once, whether it is under way or not; the bus's own comes back to nobody. */
static void test_ends_with_the_stack(void **state)
{
  (void)state;
  struct stand *s = open_powered();
  int count = 0;
  struct asked asked[4];
  for (int i = 0; i < 3; i++)
    ask(s, &asked[i], &count, "csu-1", PL_AGENT_SURVEY, NULL);
  ask(s, &asked[3], &count, "psu-a", PL_AGENT_SURVEY, NULL);
  pl_stack_close(s->stack);
  assert_int_equal(count, 4);
  for (int i = 0; i < 4; i++)
    assert_int_equal(asked[i].call.status, PL_E_CANCELLED);
  s->stack = NULL;
  stand_run(s, PL_S);
  assert_int_equal(count, 4);
  stand_close(s);
}

static void test_killed(void **state)
{
  (void)state;
  struct stand *s = open_powered();
  int count = 0;
  struct asked asked[2];
  ask(s, &asked[0], &count, "csu-1", PL_AGENT_SURVEY, NULL);
  ask(s, &asked[1], &count, "csu-1", PL_AGENT_SURVEY, NULL);
  pl_stack_rackd.kill(s->stack);
  s->stack = NULL;
  stand_run(s, PL_S);
  assert_int_equal(count, 2);
  assert_int_equal(asked[0].call.status, PL_E_CANCELLED);
  assert_int_equal(asked[1].call.status, PL_E_CANCELLED);
  stand_close(s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_after_another),
      cmocka_unit_test(test_nobody_there),
      cmocka_unit_test(test_ends_with_the_stack),
      cmocka_unit_test(test_killed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

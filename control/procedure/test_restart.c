/* SPDX-License-Identifier: Apache-2.0 */
/* A stack that is killed at each step of each procedure, just after the store has it, and started again: nothing is lost, no power is switched blindly. */
#include "control/procedure/procedure_test.h"

static int setup(void **state)
{
  *state = bay_open(true, NULL);
  return 0;
}

static int teardown(void **state)
{
  bay_close(*state);
  return 0;
}

#define TRUTH(part, port) stand_truth(bay->s, part, port)

static struct pl_gpio_edges enable_edges(struct bay *bay, const char *connector)
{
  struct pl_device *device = pl_bench_device(bay->s->bench, connector);
  struct pl_gpio_edges edges = {0};
  assert_non_null(device);
  WELL(bay->s, pl_device_edges(device, pl_shape_find(pl_device_shape_of(device), "power-enable"), &edges, &bay->s->err));
  return edges;
}

/* What a person does: pulls when it is ready, puts in when it is out. */
static void be_there(struct bay *bay, const struct pl_procedure *p)
{
  if (strcmp(p->desc->kind, "hot-swap") != 0)
    return;
  if (p->item->ready_to_remove && TRUTH(p->item->id, "present") > 0.5) {
    assert_true(TRUTH(p->item->id, "vout") < 5);
    stand_act(bay->s, p->item->id, "remove");
  } else if (!strcmp(pl_procedure_step_name(p), "removed") && TRUTH(p->item->id, "present") < 0.5) {
    stand_act(bay->s, p->item->id, "insert");
  }
}

/* Until it is over or the stack is dead. */
static void go_on(struct bay *bay, int64_t id, pl_time_ns span)
{
  for (pl_time_ns end = pl_clock_now(bay->s->clock) + span; pl_clock_now(bay->s->clock) < end;) {
    struct pl_procedure *p = pl_procedure_find(bay->s->stack->procedures, id);
    assert_non_null(p);
    if (bay->s->stack->dead || BAY_IS_OVER(p))
      return;
    stand_run(bay->s, 50 * PL_MS);
    be_there(bay, p);
  }
  fail_msg("neither over nor dead after %g s", (double)span / (double)PL_S);
}

static void kill_in(struct bay *bay, const struct pl_procedure_desc *desc, const char *item, size_t step, bool ended)
{
  struct pl_stack *stack = bay->s->stack;
  snprintf(stack->kill_procedure, sizeof stack->kill_procedure, "%s", desc->kind);
  snprintf(stack->kill_step, sizeof stack->kill_step, "%s", desc->steps[step].name);
  stack->kill_ended = ended;
  struct pl_procedure *p = bay_begin(bay, desc, item);
  int64_t id = p->id;
  go_on(bay, id, 60 * PL_S);
  if (!bay->s->stack->dead)
    fail_msg("%s was not killed at %s: it ended with %s", desc->kind, desc->steps[step].name, p->message);
  bay_kill(bay);
  stand_run(bay->s, PL_S); /* the rack goes on without it */
  bay_start(bay);
  p = pl_procedure_find(bay->s->stack->procedures, id);
  if (!p)
    fail_msg("%s killed at %s (%s): lost", desc->kind, desc->steps[step].name, ended ? "ended" : "began");
  go_on(bay, id, 60 * PL_S);
  size_t blind = bay_blind_actions(bay, p);
  if (p->state != PL_PROCEDURE_COMPLETED || !p->resumed || blind)
    fail_msg("%s killed at %s (%s): state %d, resumed %d, %zu blind: %s", desc->kind, desc->steps[step].name, ended ? "ended" : "began", (int)p->state, p->resumed, blind,
             p->message);
}

static void each_step(struct bay *bay, const struct pl_procedure_desc *desc, const char *item, void (*before)(struct bay *bay), void (*after)(struct bay *bay))
{
  for (size_t step = 0; step < desc->n_steps; step++)
    for (int ended = 0; ended < 2; ended++) {
      before(bay);
      kill_in(bay, desc, item, step, ended);
      after(bay);
    }
}

static void csu_on(struct bay *bay)
{
  if (TRUTH("csu-1", "vout") < 5)
    bay_power(bay, "csu-1", NULL);
}

static void csu_off(struct bay *bay)
{
  if (TRUTH("csu-1", "vout") > 5)
    bay_until_over(bay, bay_begin(bay, &pl_power_off, "csu-1"), PL_PROCEDURE_COMPLETED, 20 * PL_S);
}

static void is_on(struct bay *bay)
{
  stand_run(bay->s, PL_S);
  stand_is(bay->s, "csu-1", PL_STATE_ENABLED, PL_HEALTH_OK);
  assert_true(TRUTH("csu-1", "vout") > 46);
  assert_true(TRUTH("csu-1", "attention") < 0.5);
  assert_true(TRUTH("csu-1", "reset") < 0.5);
  assert_true(TRUTH("csu-1", "hot_breaks") == 0);
  assert_null(stand_item(bay->s, "csu-1")->procedure);
}

static void is_off(struct bay *bay)
{
  stand_run(bay->s, PL_S);
  stand_is(bay->s, "csu-1", PL_STATE_STANDBY, PL_HEALTH_OK);
  assert_true(TRUTH("csu-1", "vout") < 5);
}

static void test_hot_swap(void **state)
{
  struct bay *bay = *state;
  csu_on(bay);
  struct pl_gpio_edges before = enable_edges(bay, "connector-1");
  each_step(bay, &pl_hot_swap, "csu-1", csu_on, is_on);
  struct pl_gpio_edges after = enable_edges(bay, "connector-1");
  assert_int_equal(after.rising - before.rising, 2 * pl_hot_swap.n_steps); /* power came once a swap, whenever it was killed */
  assert_int_equal(after.falling - before.falling, 2 * pl_hot_swap.n_steps);
}

static void test_power_on(void **state)
{
  each_step(*state, &pl_power_on, "csu-1", csu_off, is_on);
}

static void test_power_off(void **state)
{
  each_step(*state, &pl_power_off, "csu-1", csu_on, is_off);
}

static void test_restart(void **state)
{
  each_step(*state, &pl_restart, "csu-1", csu_on, is_on);
}

static void modules_on(struct bay *bay)
{
  static const char *const CSUS[] = {"csu-1", "csu-2", "csu-5"};
  for (size_t i = 0; i < sizeof CSUS / sizeof *CSUS; i++)
    if (TRUTH(CSUS[i], "vout") < 5)
      bay_power(bay, CSUS[i], NULL);
}

static void module_off(struct bay *bay)
{
  stand_run(bay->s, PL_S);
  assert_true(TRUTH("csu-1", "vout") < 5);
  assert_true(TRUTH("csu-2", "vout") < 5);
  stand_is(bay->s, "csu-5", PL_STATE_ENABLED, PL_HEALTH_OK);
}

static void test_evacuate(void **state)
{
  each_step(*state, &pl_evacuate, "module-1", modules_on, module_off);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_hot_swap), TEST(test_power_on), TEST(test_power_off), TEST(test_restart), TEST(test_evacuate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

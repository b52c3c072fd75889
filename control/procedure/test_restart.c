/* SPDX-License-Identifier: Apache-2.0 */
/* A stack that is killed at each step of each procedure, just after the store has it, and started again: nothing is lost, no power is switched blindly. */
#include "control/procedure/procedure_test.h"

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

/* --- failovers, begun by hand: what they would do for a unit that is well after all --- */

static void test_failover_csu(void **state)
{
  each_step(*state, &pl_failover_csu, "csu-1", csu_on, is_on); /* tried once more, and back in service */
}

static void csus_out(struct bay *bay)
{
  stand_run(bay->s, PL_S);
  stand_is(bay->s, "csu-1", PL_STATE_DISABLED, PL_HEALTH_CRITICAL);
  assert_true(TRUTH("csu-1", "vout") < 5);
  assert_true(TRUTH("csu-2", "vout") < 5);
  assert_true(TRUTH("csu-1", "attention") > 0.5);
  stand_is(bay->s, "csu-5", PL_STATE_ENABLED, PL_HEALTH_OK);
}

static void test_failover_module(void **state)
{
  each_step(*state, &pl_failover_module, "module-1", modules_on, csus_out);
}

static void psu_a_dead(struct bay *bay)
{
  stand_plant(bay->s, "psu-a.supply=dead");
  stand_run(bay->s, 50 * PL_MS); /* it has not been noticed yet */
}

/* What was said of a unit that failed is taken back when it is well again, also by a stack that was started meanwhile. */
static void mend(struct bay *bay, const char *unit)
{
  stand_clear(bay->s);
  stand_run(bay->s, 10 * PL_S);
  stand_is(bay->s, unit, PL_STATE_ENABLED, PL_HEALTH_OK);
}

static void bus_holds(struct bay *bay)
{
  assert_true(TRUTH("busbar", "vout") > 46);
  mend(bay, "psu-a");
}

static void test_failover_psu(void **state)
{
  each_step(*state, &pl_failover_psu, "psu-a", psu_a_dead, bus_holds);
}

static void pump_dead(struct bay *bay)
{
  stand_plant(bay->s, "rpu.pump-1=dead");
  stand_run(bay->s, 50 * PL_MS);
}

static void flow_holds(struct bay *bay)
{
  assert_true(TRUTH("loop", "flow") > 5.5);
  mend(bay, "rpu.pump-1");
}

static void test_failover_pump(void **state)
{
  each_step(*state, &pl_failover_pump, "rpu.pump-1", pump_dead, flow_holds);
}

static void pumps_dead(struct bay *bay)
{
  stand_run(bay->s, 10 * PL_S);
  csu_on(bay);
  stand_plant(bay->s, "rpu.pump-1=dead");
  stand_plant(bay->s, "rpu.pump-2=dead");
  stand_run(bay->s, 50 * PL_MS);
}

static void csu_saved(struct bay *bay)
{
  assert_true(TRUTH("csu-1", "vout") < 5);
  assert_true(TRUTH("csu-1", "tripped") < 0.5);
  mend(bay, "rpu.pump-2");
  stand_is(bay->s, "loop", PL_STATE_ENABLED, PL_HEALTH_OK);
}

static void test_failover_loop(void **state)
{
  each_step(*state, &pl_failover_loop, "loop", pumps_dead, csu_saved);
}

/* --- what happened while the stack was down --- */

static int64_t down_at(struct bay *bay, const struct pl_procedure_desc *desc, const char *item, const char *step)
{
  struct pl_stack *stack = bay->s->stack;
  snprintf(stack->kill_procedure, sizeof stack->kill_procedure, "%s", desc->kind);
  snprintf(stack->kill_step, sizeof stack->kill_step, "%s", step);
  stack->kill_ended = false;
  struct pl_procedure *p = bay_begin(bay, desc, item);
  int64_t id = p->id;
  while (!bay->s->stack->dead) {
    stand_run(bay->s, 50 * PL_MS);
    if (!bay->s->stack->dead)
      be_there(bay, p);
  }
  bay_kill(bay);
  return id;
}

static struct pl_procedure *up_again(struct bay *bay, int64_t id)
{
  bay_start(bay);
  struct pl_procedure *p = pl_procedure_find(bay->s->stack->procedures, id);
  assert_non_null(p);
  return p;
}

static void test_pulled_while_the_stack_was_down(void **state)
{
  struct bay *bay = *state;
  csu_on(bay);
  int64_t id = down_at(bay, &pl_hot_swap, "csu-1", "ready");
  stand_act(bay->s, "csu-1", "remove");
  stand_run(bay->s, 2 * PL_S);
  struct pl_procedure *p = up_again(bay, id);
  bay_until_step(bay, p, "removed", 10 * PL_S);
  stand_act(bay->s, "csu-1", "insert");
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 30 * PL_S);
  is_on(bay);
}

/* It was to get power: the slot is empty now, and stays without. */
static void test_pulled_before_it_got_power(void **state)
{
  struct bay *bay = *state;
  csu_off(bay);
  int64_t id = down_at(bay, &pl_power_on, "csu-1", "power-up");
  stand_act(bay->s, "csu-1", "remove");
  stand_run(bay->s, 2 * PL_S);
  struct pl_gpio_edges before = enable_edges(bay, "connector-1");
  struct pl_procedure *p = up_again(bay, id);
  bay_until_over(bay, p, PL_PROCEDURE_FAILED, 30 * PL_S);
  assert_int_equal(enable_edges(bay, "connector-1").rising, before.rising);
  assert_non_null(strstr(p->message, "not in its slot"));
}

/* Before it has taken up what it was doing nobody begins anything, for the unit may have a procedure already. */
static void test_nothing_begins_before_all_is_taken_up(void **state)
{
  struct bay *bay = *state;
  csu_on(bay);
  int64_t id = down_at(bay, &pl_hot_swap, "csu-1", "ready");
  stand_stack(bay->s);
  assert_int_equal(pl_procedure_begin(bay->s->stack, &pl_power_on, stand_item(bay->s, "csu-2"), "t", NULL, &bay->s->err), PL_E_EARLY);
  assert_int_equal(pl_procedure_begin(bay->s->stack, &pl_hot_swap, stand_item(bay->s, "csu-1"), "t", NULL, &bay->s->err), PL_E_EARLY);
  stand_run(bay->s, 2 * PL_S);
  assert_int_equal(pl_procedure_find(bay->s->stack->procedures, id)->state, PL_PROCEDURE_RUNNING);
}

/* Without power because its path is open: it is switched off all the same, or it would come back to life when that is mended. */
static void test_off_means_switched_off(void **state)
{
  struct bay *bay = *state;
  csu_on(bay);
  int64_t id = down_at(bay, &pl_power_off, "csu-1", "power-down");
  stand_plant(bay->s, "csu-1.fet=stuck-off");
  stand_run(bay->s, 2 * PL_S);
  bay_until_over(bay, up_again(bay, id), PL_PROCEDURE_COMPLETED, 30 * PL_S);
  stand_clear(bay->s);
  stand_run(bay->s, 2 * PL_S);
  assert_int_equal(stand_item(bay->s, "csu-1")->state, PL_STATE_STANDBY); /* critical: its controller told of the path */
  assert_true(TRUTH("csu-1", "vout") < 5);
}

/* Switched on by somebody else meanwhile: one look, and it is done. */
static void test_done_by_another_meanwhile(void **state)
{
  struct bay *bay = *state;
  struct bay_trail trail;
  csu_off(bay);
  int64_t id = down_at(bay, &pl_power_on, "csu-1", "power-up");
  stand_set(bay->s, "hsc-1", "on", 1);
  stand_set(bay->s, "connector-1", "power-enable", 1);
  stand_run(bay->s, PL_S);
  struct pl_procedure *p = up_again(bay, id);
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 30 * PL_S);
  bay_read_trail(bay, p->id, &trail);
  assert_non_null(strstr(trail.words, "power-up:looked power-up:ended"));
  assert_null(strstr(trail.words, "power-up:again"));
}

/* Killed in the middle of rolling back: it goes on doing so. */
static void test_killed_while_rolling_back(void **state)
{
  struct bay *bay = *state;
  csu_on(bay);
  for (pl_time_ns after = 0; after < 400 * PL_MS; after += 40 * PL_MS) {
    struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-1");
    int64_t id = p->id;
    bay_until_step(bay, p, "ready", 10 * PL_S);
    WELL(bay->s, pl_procedure_cancel(p, "no", &bay->s->err));
    stand_run(bay->s, after);
    bay_kill(bay);
    bay_start(bay);
    p = pl_procedure_find(bay->s->stack->procedures, id);
    assert_non_null(p);
    bay_until_over(bay, p, PL_PROCEDURE_CANCELLED, 30 * PL_S);
    assert_int_equal(bay_blind_actions(bay, p), 0);
    is_on(bay);
  }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bay_setup, bay_teardown)
#define DEMO(name) cmocka_unit_test_setup_teardown(name, bay_setup_demo, bay_teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_hot_swap), TEST(test_power_on), TEST(test_power_off), TEST(test_restart), TEST(test_evacuate), TEST(test_failover_csu), TEST(test_failover_module),
      DEMO(test_failover_psu), DEMO(test_failover_pump), DEMO(test_failover_loop), TEST(test_pulled_while_the_stack_was_down),
      TEST(test_pulled_before_it_got_power), TEST(test_nothing_begins_before_all_is_taken_up), TEST(test_done_by_another_meanwhile), TEST(test_off_means_switched_off), TEST(test_killed_while_rolling_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

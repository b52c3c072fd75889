/* SPDX-License-Identifier: Apache-2.0 */
/* Procedures over the demo rack: the good paths, what fails on the way and is rolled back, who may take what from whom. */
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

static void test_power_on_and_off(void **state)
{
  struct bay *bay = *state;
  struct bay_trail trail;
  struct pl_procedure *on = bay_begin(bay, &pl_power_on, "csu-2");
  assert_string_equal(stand_item(bay->s, "csu-2")->procedure, "power-on");
  assert_string_equal(stand_item(bay->s, "csu-2")->phase, "power-up");
  bay_until_over(bay, on, PL_PROCEDURE_COMPLETED, 10 * PL_S);
  assert_null(stand_item(bay->s, "csu-2")->procedure);
  assert_true(TRUTH("csu-2", "vout") > 46);
  stand_is(bay->s, "csu-2", PL_STATE_ENABLED, PL_HEALTH_OK);
  bay_read_trail(bay, on->id, &trail);
  assert_string_equal(trail.words, "power-up:began power-up:command power-up:command power-up:ended test:began test:ended test:over ");
  struct pl_procedure *off = bay_begin(bay, &pl_power_off, "csu-2");
  stand_is(bay->s, "csu-2", PL_STATE_QUIESCED, PL_HEALTH_OK);
  bay_until_over(bay, off, PL_PROCEDURE_COMPLETED, 10 * PL_S);
  assert_true(TRUTH("csu-2", "vout") < 5);
  stand_is(bay->s, "csu-2", PL_STATE_STANDBY, PL_HEALTH_OK);
  assert_int_equal(bay_count(bay, &pl_failover_csu), 0); /* it was meant */
}

static void test_hot_swap(void **state)
{
  struct bay *bay = *state;
  struct pl_item *csu = stand_item(bay->s, "csu-1");
  bay_power(bay, "csu-1", "csu-5", NULL);
  double matings = TRUTH("csu-1", "matings");
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-1");
  bay_until_step(bay, p, "ready", 10 * PL_S);
  assert_true(csu->ready_to_remove);
  assert_true(csu->indicator);
  assert_true(TRUTH("csu-1", "vout") < 5);
  assert_true(TRUTH("csu-1", "attention") > 0.5);
  stand_run(bay->s, 5 * PL_S); /* it waits as long as it takes */
  assert_string_equal(pl_procedure_step_name(p), "ready");
  stand_act(bay->s, "csu-1", "remove");
  bay_until_step(bay, p, "removed", 10 * PL_S);
  assert_false(csu->ready_to_remove);
  stand_run(bay->s, 3 * PL_S);
  assert_string_equal(pl_procedure_step_name(p), "removed");
  stand_act(bay->s, "csu-1", "insert");
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 30 * PL_S);
  stand_is(bay->s, "csu-1", PL_STATE_ENABLED, PL_HEALTH_OK);
  assert_false(csu->indicator);
  assert_true(TRUTH("csu-1", "vout") > 46);
  assert_true(TRUTH("csu-1", "attention") < 0.5);
  assert_true(TRUTH("csu-1", "matings") > matings);
  assert_true(TRUTH("csu-1", "hot_breaks") == 0);
  stand_is(bay->s, "csu-5", PL_STATE_ENABLED, PL_HEALTH_OK);
}

static void test_hot_swap_cancelled_goes_back(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", NULL);
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-1");
  bay_until_step(bay, p, "ready", 10 * PL_S);
  WELL(bay->s, pl_procedure_cancel(p, "changed my mind", &bay->s->err));
  assert_int_equal(pl_procedure_cancel(p, "twice", &bay->s->err), PL_E_BUSY);
  bay_until_over(bay, p, PL_PROCEDURE_CANCELLED, 20 * PL_S);
  assert_int_equal(pl_procedure_cancel(p, "again", &bay->s->err), PL_E_USAGE);
  stand_run(bay->s, 2 * PL_S);
  stand_is(bay->s, "csu-1", PL_STATE_ENABLED, PL_HEALTH_OK);
  assert_true(TRUTH("csu-1", "vout") > 46);
  assert_true(TRUTH("csu-1", "attention") < 0.5);
  assert_false(stand_item(bay->s, "csu-1")->ready_to_remove);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_power_on_and_off),
      TEST(test_hot_swap),
      TEST(test_hot_swap_cancelled_goes_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the stack begins by itself: a failure seen begins its procedure once, and the rack shows what it did. */
#include "control/procedure/procedure_test.h"

#define TRUTH(part, port) stand_truth(bay->s, part, port)

static size_t failovers(struct bay *bay)
{
  return bay_count(bay, &pl_failover_csu) + bay_count(bay, &pl_failover_module) + bay_count(bay, &pl_failover_psu) + bay_count(bay, &pl_failover_pump) +
         bay_count(bay, &pl_failover_loop);
}

static void test_a_csu_that_comes_back(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", "csu-2", "csu-5", NULL);
  stand_plant(bay->s, "csu-1.power-good=stuck-low for 2 s");
  struct pl_procedure *p = bay_until_begun(bay, &pl_failover_csu, 5 * PL_S);
  assert_string_equal(p->item->id, "csu-1");
  bay_until_step(bay, p, "retry", 5 * PL_S);
  assert_true(TRUTH("csu-1", "attention") > 0.5);
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 30 * PL_S);
  stand_run(bay->s, 3 * PL_S);
  stand_is(bay->s, "csu-1", PL_STATE_ENABLED, PL_HEALTH_OK);
  assert_true(TRUTH("csu-1", "attention") < 0.5);
  assert_true(TRUTH("csu-1", "vout") > 46);
  assert_int_equal(failovers(bay), 1);
}

static void test_a_csu_that_stays_out(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", "csu-2", "csu-5", NULL);
  stand_plant(bay->s, "csu-1.fet=stuck-off");
  struct pl_procedure *p = bay_until_begun(bay, &pl_failover_csu, 5 * PL_S);
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 60 * PL_S);
  stand_run(bay->s, 20 * PL_S);
  assert_int_equal(failovers(bay), 1); /* once */
  stand_is(bay->s, "csu-1", PL_STATE_DISABLED, PL_HEALTH_CRITICAL);
  assert_true(TRUTH("csu-1", "attention") > 0.5);
  assert_true(TRUTH("csu-1", "power_enable_pin") < 0.5);
  bay_kill(bay);
  bay_start(bay);
  stand_run(bay->s, 2 * PL_S);
  stand_is(bay->s, "csu-1", PL_STATE_DISABLED, PL_HEALTH_CRITICAL); /* a restart forgets nothing */
  stand_is(bay->s, "csu-2", PL_STATE_ENABLED, PL_HEALTH_OK);
  stand_clear(bay->s);
  bay_power(bay, "csu-1", NULL);
  stand_run(bay->s, 2 * PL_S);
  stand_is(bay->s, "csu-1", PL_STATE_ENABLED, PL_HEALTH_OK);
  stand_plant(bay->s, "csu-1.fet=stuck-off"); /* well in between: it counts again */
  bay_until_begun(bay, &pl_failover_csu, 5 * PL_S);
}

static void test_a_csu_that_is_pulled_hot(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", "csu-2", NULL);
  stand_act(bay->s, "csu-1", "remove");
  struct pl_procedure *p = bay_until_begun(bay, &pl_failover_csu, 5 * PL_S);
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 30 * PL_S);
  assert_true(TRUTH("csu-1", "power_enable_pin") < 0.5); /* what is put in next finds no power */
  stand_act(bay->s, "csu-1", "insert");
  stand_run(bay->s, 3 * PL_S);
  stand_is(bay->s, "csu-1", PL_STATE_STANDBY, PL_HEALTH_OK);
  assert_true(TRUTH("csu-1", "vout") < 5);
}

static void test_a_csu_whose_controller_is_mute(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", "csu-2", NULL);
  stand_plant(bay->s, "hsc-1.wire=mute");
  struct pl_procedure *p = bay_until_begun(bay, &pl_failover_csu, 10 * PL_S);
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 60 * PL_S);
  assert_true(TRUTH("csu-1", "vout") < 5); /* by the enable line */
  stand_run(bay->s, 2 * PL_S);
  stand_is(bay->s, "csu-1", PL_STATE_DISABLED, PL_HEALTH_CRITICAL);
}

static void test_a_path_that_cannot_be_cut_is_told(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", "csu-2", NULL);
  stand_plant(bay->s, "csu-1.fet=stuck-on");
  stand_plant(bay->s, "csu-1.power-good=stuck-low");
  struct pl_procedure *p = bay_until_begun(bay, &pl_failover_csu, 10 * PL_S);
  bay_until_over(bay, p, PL_PROCEDURE_FAILED, 60 * PL_S);
  assert_non_null(strstr(p->message, "path-off"));
  stand_run(bay->s, 10 * PL_S);
  assert_int_equal(stand_item(bay->s, "csu-1")->health, PL_HEALTH_CRITICAL);
  assert_int_equal(failovers(bay), 1);
}

static void test_a_whole_module(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", "csu-2", "csu-5", NULL);
  stand_plant(bay->s, "csu-1.fet=stuck-off");
  stand_plant(bay->s, "csu-2.fet=stuck-off");
  struct pl_procedure *p = bay_until_begun(bay, &pl_failover_module, 5 * PL_S);
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 30 * PL_S);
  stand_run(bay->s, 10 * PL_S);
  assert_int_equal(failovers(bay), 1);
  stand_is(bay->s, "csu-1", PL_STATE_DISABLED, PL_HEALTH_CRITICAL);
  stand_is(bay->s, "csu-2", PL_STATE_DISABLED, PL_HEALTH_CRITICAL);
  stand_is(bay->s, "csu-5", PL_STATE_ENABLED, PL_HEALTH_OK);
  assert_int_equal(stand_item(bay->s, "module-1")->health, PL_HEALTH_CRITICAL);
  assert_true(TRUTH("csu-2", "attention") > 0.5);
}

static void test_what_was_meant_is_no_failure(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", "csu-5", NULL);
  stand_power(bay->s, "csu-1", false); /* past all procedures */
  stand_plant(bay->s, "csu-5.power-good=stuck-low for 100 ms"); /* a glitch */
  stand_run(bay->s, 10 * PL_S);
  assert_int_equal(failovers(bay), 0);
  stand_plant(bay->s, "psu-a.supply=dead"); /* the bus is gone: no CSU failed */
  stand_run(bay->s, 20 * PL_S);
  assert_int_equal(bay_count(bay, &pl_failover_csu) + bay_count(bay, &pl_failover_module), 0);
}

/* --- the rack's --- */

static void all_on(struct bay *bay)
{
  bay_power(bay, "csu-1", "csu-2", "csu-3", "csu-4", "csu-5", "csu-6", "csu-7", "csu-8", NULL);
}

static void test_a_supply(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", "csu-5", NULL);
  stand_plant(bay->s, "psu-a.supply=dead");
  struct pl_procedure *p = bay_until_begun(bay, &pl_failover_psu, 10 * PL_S);
  assert_string_equal(p->item->id, "psu-a");
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 30 * PL_S);
  assert_true(TRUTH("busbar", "vout") > 46);
  assert_int_equal(stand_item(bay->s, "psu-a")->health, PL_HEALTH_CRITICAL);
  assert_true(TRUTH("csu-1", "vout") > 46); /* the other carries it: nothing is shed */
  stand_run(bay->s, 10 * PL_S);
  assert_int_equal(failovers(bay), 1);
  stand_clear(bay->s);
  stand_run(bay->s, 20 * PL_S);
  assert_int_equal(failovers(bay), 1);
}

static void test_a_supply_and_more_load_than_the_other_carries(void **state)
{
  struct bay *bay = *state;
  all_on(bay);
  for (int i = 1; i <= 8; i++) {
    char load[24];
    snprintf(load, sizeof load, "load-%d", i);
    stand_set(bay->s, load, "load", 650); /* with what the CSUs take more than one supply's 5.5 kW, less than its limit */
  }
  stand_run(bay->s, 2 * PL_S);
  double load_W = TRUTH("busbar", "iout") * TRUTH("busbar", "vout");
  print_message("load %.0f W\n", load_W);
  stand_plant(bay->s, "psu-b.ac=lost");
  struct pl_procedure *p = bay_until_begun(bay, &pl_failover_psu, 10 * PL_S);
  stand_until(bay->s, bay_over, p, 60 * PL_S);
  size_t on = 0;
  for (int i = 1; i <= 8; i++) {
    char csu[24];
    snprintf(csu, sizeof csu, "csu-%d", i);
    on += TRUTH(csu, "vout") > 46;
  }
  print_message("shed: %zu of 8 left, state %d (%s), bus %.2f V\n", on, (int)p->state, p->message, TRUTH("busbar", "vout"));
  assert_int_equal(p->state, PL_PROCEDURE_COMPLETED);
  assert_true(on >= 3 && on < 8);
  assert_true(TRUTH("csu-1", "vout") > 46);
  assert_true(TRUTH("csu-8", "vout") < 5); /* from the last on */
  assert_true(TRUTH("busbar", "vout") > 46);
}

static void test_a_pump(void **state)
{
  struct bay *bay = *state;
  stand_plant(bay->s, "rpu.pump-1=dead");
  struct pl_procedure *p = bay_until_begun(bay, &pl_failover_pump, 20 * PL_S);
  assert_string_equal(p->item->id, "rpu.pump-1");
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 30 * PL_S);
  assert_true(TRUTH("rpu", "pump_2_speed") > 500);
  assert_true(TRUTH("loop", "flow") > 5.5);
  stand_run(bay->s, 10 * PL_S);
  assert_int_equal(failovers(bay), 1);
  assert_int_equal(stand_item(bay->s, "rpu.pump-1")->health, PL_HEALTH_CRITICAL);
  stand_clear(bay->s);
  stand_run(bay->s, 15 * PL_S);
  assert_int_equal(failovers(bay), 1);
  stand_is(bay->s, "rpu.pump-1", PL_STATE_ENABLED, PL_HEALTH_OK);
}

static void test_a_loop(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", "csu-2", "csu-5", NULL);
  stand_plant(bay->s, "rpu.pump-1=dead");
  stand_plant(bay->s, "rpu.pump-2=dead");
  struct pl_procedure *p = bay_until_begun(bay, &pl_failover_loop, 20 * PL_S);
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 60 * PL_S);
  static const char *const CSUS[] = {"csu-1", "csu-2", "csu-5"};
  for (size_t i = 0; i < 3; i++) {
    assert_true(TRUTH(CSUS[i], "vout") < 5);
    assert_true(TRUTH(CSUS[i], "tripped") < 0.5); /* before it did so itself */
  }
  stand_run(bay->s, 10 * PL_S);
  assert_int_equal(bay_count(bay, &pl_failover_loop), 1);
  assert_int_equal(bay_count(bay, &pl_failover_csu), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bay_setup, bay_teardown)
#define DEMO(name) cmocka_unit_test_setup_teardown(name, bay_setup_demo, bay_teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_a_csu_that_comes_back), TEST(test_a_csu_that_stays_out), TEST(test_a_csu_that_is_pulled_hot), TEST(test_a_csu_whose_controller_is_mute),
      TEST(test_a_path_that_cannot_be_cut_is_told), TEST(test_a_whole_module), TEST(test_what_was_meant_is_no_failure), DEMO(test_a_supply),
      DEMO(test_a_supply_and_more_load_than_the_other_carries), DEMO(test_a_pump), DEMO(test_a_loop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

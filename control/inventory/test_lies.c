/* SPDX-License-Identifier: Apache-2.0 */
/* The lies of the inventory (control/stack/mutant.h): that each one lies. In a product build there are none, and each name is refused; this program, of the
 * build that has them (module.mk), runs afterwards. */
#include "control/stack/stack_test.h"

static struct stand *lying(const char *mutant)
{
  struct stand *s = stand_open(DEMO_RACK);
  s->cfg.mutant = mutant;
  const struct pl_word *words;
  if (pl_mutants(&words)) {
    stand_stack(s);
    stand_run(s, 5 * PL_S);
    return s;
  }
  assert_int_equal(pl_stack_open(&s->cfg, &s->stack, &s->err), PL_E_USAGE);
  assert_non_null(strstr(s->err.text, "no stacks that lie"));
  stand_close(s);
  return NULL;
}

static void test_early_enabled(void **state)
{
  (void)state;
  struct stand *s = lying("early-enabled");
  if (!s)
    return;
  stand_plant(s, "csu-1.fet=stuck-off");
  stand_power(s, "csu-1", true);
  stand_until_state(s, "csu-1", PL_STATE_ENABLED, PL_S);
  assert_true(stand_truth(s, "csu-1", "power_good") < 0.5);
  stand_close(s);
}

static void test_absent_kept(void **state)
{
  (void)state;
  struct stand *s = lying("absent-kept");
  if (!s)
    return;
  stand_act(s, "csu-2", "remove");
  stand_run(s, 3 * PL_S);
  assert_int_equal(stand_item(s, "csu-2")->state, PL_STATE_STANDBY);
  assert_true(stand_truth(s, "csu-2", "present") < 0.5);
  stand_close(s);
}

static void test_stale_temperature(void **state)
{
  (void)state;
  struct stand *s = lying("stale-temperature");
  if (!s)
    return;
  const struct pl_sense *sense = pl_item_sense(stand_item(s, "csu-3"), "thermometer", "cpu-1-temperature");
  int64_t first = sense->reading.value_u;
  stand_plant(s, "thermometer-3.cpu-1-temperature=stuck:80degC");
  stand_run(s, 3 * PL_S);
  assert_int_equal(sense->reading.value_u, first);
  assert_true(pl_clock_now(s->clock) - sense->reading.at < PL_S); /* and it looks fresh */
  stand_close(s);
}

static void test_forgotten(void **state)
{
  (void)state;
  struct stand *s = lying("psu-forgotten");
  if (!s)
    return;
  stand_plant(s, "psu-b.wire=nack");
  stand_run(s, 3 * PL_S);
  stand_is(s, "psu-b", PL_STATE_ENABLED, PL_HEALTH_OK);
  stand_close(s);
  s = lying("pump-forgotten");
  stand_plant(s, "rpu.pump-1=dead");
  stand_run(s, 20 * PL_S);
  stand_is(s, "rpu.pump-1", PL_STATE_ENABLED, PL_HEALTH_OK);
  assert_true(stand_truth(s, "rpu", "pump_1_speed") < 100);
  stand_close(s);
}

static void test_cable_dry(void **state)
{
  (void)state;
  struct stand *s = lying("cable-dry");
  if (!s)
    return;
  stand_plant(s, "tray-2.cable=broken");
  stand_run(s, 3 * PL_S);
  stand_is(s, "leak-2", PL_STATE_ENABLED, PL_HEALTH_OK);
  stand_close(s);
}

static void test_trip_hidden(void **state)
{
  (void)state;
  struct stand *s = lying("trip-hidden");
  if (!s)
    return;
  stand_power(s, "csu-5", true);
  stand_until_state(s, "csu-5", PL_STATE_ENABLED, 5 * PL_S);
  stand_plant(s, "thermometer-5.cpu-1-temperature=stuck:90degC");
  stand_run(s, 2 * PL_S);
  assert_int_equal(stand_item(s, "csu-5")->health, PL_HEALTH_OK);
  stand_close(s);
}

static void test_led_and_answer(void **state)
{
  (void)state;
  struct stand *s = lying("led-off");
  if (!s)
    return;
  WELL(s, stand_command(s, "csu-1", "connector", "attention", 1));
  stand_run(s, PL_S);
  assert_true(stand_truth(s, "csu-1", "attention") < 0.5);
  stand_close(s);
  s = lying("early-answer");
  stand_plant(s, "psu-a.wire=nack");
  WELL(s, stand_command(s, "psu-a", "supply", "on", 1)); /* the hardware never had it */
  stand_close(s);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_early_enabled), cmocka_unit_test(test_absent_kept), cmocka_unit_test(test_stale_temperature), cmocka_unit_test(test_forgotten),
      cmocka_unit_test(test_cable_dry),     cmocka_unit_test(test_trip_hidden), cmocka_unit_test(test_led_and_answer),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  if (!failed && argc)
    stand_go_on_lying(argv[0], "control/inventory/test_lies");
  return failed;
}

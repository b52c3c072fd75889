/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/leak_sensor/leak_sensor.h"
#include "drivers/device/lines/fake_bench.h"

enum { IN_WET, IN_CABLE_OK };

static void check_three_states(const char *const *lines)
{
  struct fake_bench bench = {.io.in = {[IN_CABLE_OK] = 1.0}};
  struct pl_err err = {0};
  struct fake_call call = {.bench = &bench};
  int64_t value_u = -1;
  assert_int_equal(fake_open(&bench, &pl_device_leak_sensor, &pl_twin_leak_sensor, lines, &err), PL_OK);

  assert_false(fake_flag(&bench, "wet"));
  assert_true(fake_flag(&bench, "cable"));
  assert_int_equal(fake_run(&bench, fake_run_faults, &call, &err), PL_OK);
  assert_int_equal(call.faults.count, 0);

  bench.io.in[IN_WET] = 1.0;
  assert_true(fake_flag(&bench, "wet"));
  assert_int_equal(fake_run(&bench, fake_run_faults, &call, &err), PL_OK);
  assert_int_equal(call.faults.count, 1);
  assert_string_equal(call.faults.names[0], "leak");

  /* Broken is neither wet nor dry, in water or out of it. */
  for (int wet = 0; wet < 2; wet++) {
    bench.io.in[IN_WET] = wet;
    bench.io.in[IN_CABLE_OK] = 0.0;
    value_u = -1;
    assert_int_equal(fake_read(&bench, "wet", &value_u, &err), PL_E_NAN);
    assert_int_equal(value_u, -1);
    assert_non_null(strstr(err.text, "the sense cable of under-test is broken or unplugged"));
    assert_false(fake_flag(&bench, "cable"));
    assert_int_equal(fake_run(&bench, fake_run_faults, &call, &err), PL_OK);
    assert_int_equal(call.faults.count, 1);
    assert_string_equal(call.faults.names[0], "cable-broken");
  }
  fake_close(&bench);
}

static void test_wet_dry_and_broken_are_three_things(void **state)
{
  (void)state;
  check_three_states((const char *const[]){"TRAY1_LEAK", "TRAY1_CABLE"});
  check_three_states((const char *const[]){"!TRAY1_LEAK_N", "!TRAY1_CABLE_N"});
}

static void test_edges_of_both_lines(void **state)
{
  (void)state;
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  struct pl_gpio_edges edges;
  assert_int_equal(fake_open(&bench, &pl_device_leak_sensor, &pl_twin_leak_sensor, (const char *const[]){"LEAK", "CABLE"}, &err), PL_OK);
  pl_gpio_edge(bench.bus, 0, true, 1, 3 * PL_MS);
  pl_gpio_edge(bench.bus, 1, false, 2, 8 * PL_MS);
  fake_edges(&bench, "wet", &edges);
  assert_int_equal(edges.rising, 1);
  assert_int_equal(edges.last_rising, 3 * PL_MS);
  fake_edges(&bench, "cable", &edges);
  assert_int_equal(edges.falling, 2);
  assert_int_equal(edges.last_falling, 8 * PL_MS);
  fake_close(&bench);
}

static void test_a_broken_adapter_is_not_dry(void **state)
{
  (void)state;
  struct fake_bench bench = {.io.in = {[IN_CABLE_OK] = 1.0}};
  struct pl_err err = {0};
  int64_t value_u;
  assert_int_equal(fake_open(&bench, &pl_device_leak_sensor, &pl_twin_leak_sensor, (const char *const[]){"LEAK", "CABLE"}, &err), PL_OK);
  bench.broken = PL_E_IO;
  assert_int_equal(fake_read(&bench, "wet", &value_u, &err), PL_E_IO);
  fake_close(&bench);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_wet_dry_and_broken_are_three_things),
      cmocka_unit_test(test_edges_of_both_lines),
      cmocka_unit_test(test_a_broken_adapter_is_not_dry),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

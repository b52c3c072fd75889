/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/leak_valve/leak_valve.h"
#include "drivers/device/lines/fake_bench.h"

static void check_valve(const char *line)
{
  struct fake_bench bench = {.io.out = {1.0}};
  struct pl_err err = {0};
  struct pl_gpio_edges edges;
  assert_int_equal(fake_open(&bench, &pl_device_leak_valve, &pl_twin_leak_valve, &line, &err), PL_OK);
  assert_true(bench.io.out[0] < 0.5); /* opening the rig closes the valve */
  assert_int_equal(pl_twin_leak_valve.line_level(bench.twin, 0), line[0] == '!');
  assert_false(fake_flag(&bench, "open"));
  fake_advance(&bench, 20 * PL_MS);
  assert_int_equal(fake_write(&bench, "open", PL_U, &err), PL_OK);
  assert_true(bench.io.out[0] > 0.5);
  assert_true(fake_flag(&bench, "open"));
  fake_edges(&bench, "open", &edges);
  assert_int_equal(edges.rising, 1);
  assert_int_equal(edges.last_rising, 20 * PL_MS);
  assert_int_equal(fake_write(&bench, "open", 0, &err), PL_OK);
  assert_true(bench.io.out[0] < 0.5);
  fake_edges(&bench, "open", &edges);
  assert_int_equal(edges.falling, 1);
  fake_close(&bench);
}

static void test_the_valve_follows_its_line(void **state)
{
  (void)state;
  check_valve("LEAK1_OPEN");
  check_valve("!LEAK1_OPEN_N");
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_valve_follows_its_line)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

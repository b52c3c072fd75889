/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/connector/connector.h"
#include "drivers/device/lines/fake_bench.h"

static const char *const all_lines[] = {"!PRSNT_N", "PWR_EN", "PWR_GOOD", "ATTN", "!RESET_N"};
/* Ports of the twin. */
enum { IN_PRESENT, IN_POWER_GOOD, OUT_POWER_ENABLE, OUT_ATTENTION, OUT_RESET };

static void test_inputs_follow_the_world_through_active_low(void **state)
{
  (void)state;
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  assert_int_equal(fake_open(&bench, &pl_device_connector, &pl_twin_connector, all_lines, &err), PL_OK);
  assert_false(fake_flag(&bench, "present"));
  assert_true(pl_twin_connector.line_level(bench.twin, PL_CONNECTOR_PRESENT)); /* PRSNT# rests high */
  bench.io.in[IN_PRESENT] = 1.0;
  assert_true(fake_flag(&bench, "present"));
  assert_false(pl_twin_connector.line_level(bench.twin, PL_CONNECTOR_PRESENT));
  assert_false(fake_flag(&bench, "power-good"));
  bench.io.in[IN_POWER_GOOD] = 1.0;
  assert_true(fake_flag(&bench, "power-good"));
  fake_close(&bench);
}

static void test_open_energises_nothing_and_sets_reach_the_world(void **state)
{
  (void)state;
  struct fake_bench bench = {.io.out = {[OUT_POWER_ENABLE] = 1.0, [OUT_RESET] = 1.0}};
  struct pl_err err = {0};
  assert_int_equal(fake_open(&bench, &pl_device_connector, &pl_twin_connector, all_lines, &err), PL_OK);
  assert_true(bench.io.out[OUT_POWER_ENABLE] < 0.5);
  assert_true(bench.io.out[OUT_RESET] < 0.5);
  assert_int_equal(fake_write(&bench, "power-enable", PL_U, &err), PL_OK);
  assert_int_equal(fake_write(&bench, "reset", PL_U, &err), PL_OK);
  assert_int_equal(fake_write(&bench, "attention", PL_U, &err), PL_OK);
  assert_true(bench.io.out[OUT_POWER_ENABLE] > 0.5 && bench.io.out[OUT_RESET] > 0.5 && bench.io.out[OUT_ATTENTION] > 0.5);
  assert_true(fake_flag(&bench, "power-enable"));
  assert_true(fake_flag(&bench, "reset"));
  assert_int_equal(fake_write(&bench, "power-enable", 0, &err), PL_OK);
  assert_true(bench.io.out[OUT_POWER_ENABLE] < 0.5);
  assert_false(fake_flag(&bench, "power-enable"));
  fake_close(&bench);
}

static void test_only_what_is_wanted_is_asked_for(void **state)
{
  (void)state;
  struct fake_bench bench = {.observe = true, .only = 1u << PL_CONNECTOR_POWER_ENABLE};
  struct pl_err err = {0};
  struct pl_reading reading;
  assert_int_equal(fake_open(&bench, &pl_device_connector, &pl_twin_connector, all_lines, &err), PL_OK);
  assert_int_equal(bench.requests, 1);
  assert_int_equal(fake_write(&bench, "power-enable", PL_U, &err), PL_OK);
  assert_true(bench.io.out[OUT_POWER_ENABLE] > 0.5);
  assert_int_equal(pl_device_connector.get(bench.device, fake_quantity(&bench, "present"), &reading, &err), PL_E_UNSUPPORTED);
  fake_close(&bench);
}

static void test_power_enable_edges_are_the_sets_that_changed_it(void **state)
{
  (void)state;
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  struct pl_gpio_edges edges;
  assert_int_equal(fake_open(&bench, &pl_device_connector, &pl_twin_connector, all_lines, &err), PL_OK);
  fake_edges(&bench, "power-enable", &edges);
  assert_int_equal(edges.rising + edges.falling, 0);
  assert_int_equal(edges.last_rising, PL_NEVER);
  fake_advance(&bench, 5 * PL_MS);
  assert_int_equal(fake_write(&bench, "power-enable", PL_U, &err), PL_OK);
  fake_edges(&bench, "power-enable", &edges);
  assert_int_equal(edges.rising, 1);
  assert_int_equal(edges.last_rising, 5 * PL_MS); /* the begin of the set, not the end of its wire time */
  assert_int_equal(edges.last_falling, PL_NEVER);
  fake_advance(&bench, 7 * PL_MS);
  assert_int_equal(fake_write(&bench, "power-enable", PL_U, &err), PL_OK); /* on already */
  fake_edges(&bench, "power-enable", &edges);
  assert_int_equal(edges.rising, 1);
  assert_int_equal(edges.last_rising, 5 * PL_MS);
  fake_advance(&bench, 9 * PL_MS);
  assert_int_equal(fake_write(&bench, "power-enable", 0, &err), PL_OK);
  fake_edges(&bench, "power-enable", &edges);
  assert_int_equal(edges.falling, 1);
  assert_int_equal(edges.last_falling, 9 * PL_MS);
  fake_close(&bench);
}

static void test_a_set_that_failed_is_no_edge(void **state)
{
  (void)state;
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  struct pl_gpio_edges edges;
  assert_int_equal(fake_open(&bench, &pl_device_connector, &pl_twin_connector, all_lines, &err), PL_OK);
  bench.broken = PL_E_GONE;
  assert_int_equal(fake_write(&bench, "power-enable", PL_U, &err), PL_E_GONE);
  fake_edges(&bench, "power-enable", &edges);
  assert_int_equal(edges.rising, 0);
  struct fake_call call = {.bench = &bench};
  assert_int_equal(fake_run(&bench, fake_run_probe, &call, &err), PL_E_GONE);
  bench.broken = PL_OK;
  assert_int_equal(fake_run(&bench, fake_run_probe, &call, &err), PL_OK);
  fake_close(&bench);
}

static void test_input_edges_come_from_the_bus(void **state)
{
  (void)state;
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  struct pl_gpio_edges edges;
  assert_int_equal(fake_open(&bench, &pl_device_connector, &pl_twin_connector, all_lines, &err), PL_OK);
  for (int i = 0; i < FAKE_LINES; i++) {
    if (bench.lines[i].used && bench.lines[i].param == PL_CONNECTOR_POWER_GOOD) {
      pl_gpio_edge(bench.bus, i, true, 1, 42 * PL_MS);
    }
  }
  fake_edges(&bench, "power-good", &edges);
  assert_int_equal(edges.rising, 1);
  assert_int_equal(edges.last_rising, 42 * PL_MS);
  fake_edges(&bench, "present", &edges);
  assert_int_equal(edges.rising, 0);
  fake_close(&bench);
}

static void test_lines_that_the_rig_does_not_give_say_so(void **state)
{
  (void)state;
  static const char *const few[] = {"3", "4", "5", NULL, NULL};
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  int64_t value_u;
  assert_int_equal(fake_open(&bench, &pl_device_connector, &pl_twin_connector, few, &err), PL_OK);
  assert_false(fake_flag(&bench, "present"));
  assert_int_equal(fake_write(&bench, "attention", PL_U, &err), PL_E_UNSUPPORTED);
  assert_string_equal(err.text, "under-test has no attention line; name it in the rig file (attention: LINE)");
  assert_int_equal(fake_read(&bench, "reset", &value_u, &err), PL_E_UNSUPPORTED);
  fake_close(&bench);
}

static void test_where_the_bus_has_no_edges_reads_that_differ_are_edges(void **state)
{
  (void)state;
  struct fake_bench bench = {.caps = PL_GPIO_CAP_NAMES};
  struct pl_err err = {0};
  struct pl_gpio_edges edges;
  assert_int_equal(fake_open(&bench, &pl_device_connector, &pl_twin_connector, all_lines, &err), PL_OK);
  assert_false(fake_flag(&bench, "present"));
  fake_advance(&bench, 30 * PL_MS);
  bench.io.in[IN_PRESENT] = 1.0;
  fake_edges(&bench, "present", &edges);
  assert_int_equal(edges.rising, 0); /* not read yet */
  fake_advance(&bench, 50 * PL_MS);
  assert_true(fake_flag(&bench, "present"));
  fake_edges(&bench, "present", &edges);
  assert_int_equal(edges.rising, 1);
  assert_int_equal(edges.falling, 0);
  assert_int_equal(edges.last_rising, 50 * PL_MS);
  fake_close(&bench);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_inputs_follow_the_world_through_active_low), cmocka_unit_test(test_open_energises_nothing_and_sets_reach_the_world),
      cmocka_unit_test(test_only_what_is_wanted_is_asked_for), cmocka_unit_test(test_power_enable_edges_are_the_sets_that_changed_it), cmocka_unit_test(test_a_set_that_failed_is_no_edge),
      cmocka_unit_test(test_input_edges_come_from_the_bus), cmocka_unit_test(test_lines_that_the_rig_does_not_give_say_so),
      cmocka_unit_test(test_where_the_bus_has_no_edges_reads_that_differ_are_edges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

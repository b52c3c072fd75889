/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/flow_meter/flow_meter.h"
#include "drivers/device/lines/fake_bench.h"

static const char *const params_60[] = {"FLOW_PULSE", "60", NULL}; /* 60 pulses a litre: one a second at 1 L/min */

static void open_meter(struct fake_bench *bench, double flow, const char *const *texts)
{
  struct pl_err err = {0};
  bench->io.in[0] = flow;
  assert_int_equal(fake_open(bench, &pl_device_flow_meter, &pl_twin_flow_meter, texts, &err), PL_OK);
}

static double flow_of(struct fake_bench *bench)
{
  struct pl_err err = {0};
  int64_t value_u = -1;
  enum pl_status status = fake_read(bench, "flow", &value_u, &err);
  if (status != PL_OK) {
    fail_msg("flow: %s", err.text);
  }
  return (double)value_u / 1e6;
}

static void test_the_first_look_is_not_enough(void **state)
{
  (void)state;
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  int64_t value_u = -1;
  open_meter(&bench, 8.0, params_60);
  fake_advance(&bench, PL_S);
  assert_int_equal(fake_read(&bench, "flow", &value_u, &err), PL_E_BUSY);
  assert_int_equal(value_u, -1);
  assert_int_equal(pl_status_class(PL_E_BUSY), PL_CLASS_RETRY);
  assert_non_null(strstr(err.text, "no two pulses yet"));
  fake_advance(&bench, 2 * PL_S);
  assert_float_equal(flow_of(&bench), 8.0, 1e-5);
  fake_close(&bench);
}

/* Read at odd moments, a counter over a fixed gate would be off by a whole pulse; the period method is not. */
static void test_resolution_does_not_depend_on_when_it_is_read(void **state)
{
  (void)state;
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  int64_t value_u;
  open_meter(&bench, 7.3, params_60);
  fake_advance(&bench, 500 * PL_MS);
  assert_int_equal(fake_read(&bench, "flow", &value_u, &err), PL_E_BUSY);
  static const pl_time_ns at_ms[] = {777, 1003, 1501, 2999, 3200, 5555, 9001};
  for (size_t i = 0; i < sizeof at_ms / sizeof at_ms[0]; i++) {
    fake_advance(&bench, at_ms[i] * PL_MS);
    assert_float_equal(flow_of(&bench), 7.3, 1e-5);
  }
  fake_close(&bench);
}

static void test_coarse_steps_of_the_world_keep_the_pulse_times(void **state)
{
  (void)state;
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  int64_t value_u;
  open_meter(&bench, 1000.0, (const char *const[]){"7", "100000", NULL}); /* 1.67 million pulses a second */
  fake_advance(&bench, 100 * PL_MS);
  assert_int_equal(fake_read(&bench, "flow", &value_u, &err), PL_E_BUSY);
  fake_advance(&bench, 400 * PL_MS);
  assert_float_equal(flow_of(&bench), 1000.0, 1e-2);
  fake_close(&bench);
}

static void test_overdue_pulses_bound_the_flow_and_silence_is_none(void **state)
{
  (void)state;
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  struct pl_gpio_edges edges;
  int64_t value_u;
  open_meter(&bench, 6.0, params_60); /* six pulses a second */
  fake_advance(&bench, 1000 * PL_MS);
  assert_int_equal(fake_read(&bench, "flow", &value_u, &err), PL_E_BUSY);
  fake_advance(&bench, 2000 * PL_MS);
  assert_float_equal(flow_of(&bench), 6.0, 1e-5);
  bench.io.in[0] = 0.0;
  fake_advance(&bench, 2001 * PL_MS); /* the flow ends within this step */
  fake_edges(&bench, "pulses", &edges);
  pl_time_ns last = edges.last_rising;
  fake_advance(&bench, last + 100 * PL_MS);
  assert_float_equal(flow_of(&bench), 6.0, 1e-5); /* the next pulse is not due yet */
  fake_advance(&bench, last + 500 * PL_MS);
  assert_float_equal(flow_of(&bench), 2.0, 1e-5); /* less than one pulse in half a second */
  fake_advance(&bench, last + 2000 * PL_MS);
  assert_float_equal(flow_of(&bench), 0.5, 1e-5); /* the lowest that can be told */
  fake_advance(&bench, last + 2001 * PL_MS);
  assert_float_equal(flow_of(&bench), 0.0, 1e-9);
  /* When it flows again the gap is not taken for a slow flow. */
  bench.io.in[0] = 12.0;
  fake_advance(&bench, last + 2002 * PL_MS);
  fake_advance(&bench, last + 2502 * PL_MS);
  assert_int_equal(fake_read(&bench, "flow", &value_u, &err), PL_E_BUSY);
  fake_advance(&bench, last + 3002 * PL_MS);
  assert_float_equal(flow_of(&bench), 12.0, 1e-5);
  fake_close(&bench);
}

static void test_no_pulse_since_open_is_no_flow_after_the_window_only(void **state)
{
  (void)state;
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  int64_t value_u;
  open_meter(&bench, 0.0, (const char *const[]){"FLOW_PULSE", "60", "500 ms"});
  fake_advance(&bench, 400 * PL_MS);
  assert_int_equal(fake_read(&bench, "flow", &value_u, &err), PL_E_BUSY);
  fake_advance(&bench, 501 * PL_MS);
  assert_float_equal(flow_of(&bench), 0.0, 1e-9);
  fake_close(&bench);
}

static void test_lost_edges_spoil_their_interval_only(void **state)
{
  (void)state;
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  int64_t value_u;
  open_meter(&bench, 6.0, params_60);
  fake_advance(&bench, PL_S);
  assert_int_equal(fake_read(&bench, "flow", &value_u, &err), PL_E_BUSY);
  pl_gpio_edges_lost(bench.bus, 0, 5);
  fake_advance(&bench, 2 * PL_S);
  assert_int_equal(fake_read(&bench, "flow", &value_u, &err), PL_E_BUSY);
  assert_non_null(strstr(err.text, "5 edges of the pulse line were lost"));
  fake_advance(&bench, 3 * PL_S);
  assert_float_equal(flow_of(&bench), 6.0, 1e-5);
  assert_int_equal(fake_read(&bench, "pulses", &value_u, &err), PL_E_GARBAGE);
  fake_close(&bench);
}

static void test_a_dead_adapter_is_not_a_still_loop(void **state)
{
  (void)state;
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  int64_t value_u;
  open_meter(&bench, 6.0, params_60);
  fake_advance(&bench, 10 * PL_S);
  bench.broken = PL_E_GONE;
  assert_int_equal(fake_read(&bench, "flow", &value_u, &err), PL_E_GONE);
  fake_close(&bench);
}

static void test_stamps_that_go_back_are_refused(void **state)
{
  (void)state;
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  int64_t value_u;
  open_meter(&bench, 0.0, params_60);
  fake_advance(&bench, PL_S);
  pl_gpio_edge(bench.bus, 0, true, 3, 900 * PL_MS);
  assert_int_equal(fake_read(&bench, "flow", &value_u, &err), PL_E_BUSY);
  pl_gpio_edge(bench.bus, 0, true, 3, 900 * PL_MS);
  assert_int_equal(fake_read(&bench, "flow", &value_u, &err), PL_E_GARBAGE);
  fake_close(&bench);
}

/* Volume is what pulses are about: a ramp, a stop and noise must add up to it, and the last pulse's time must be where the volume passed it. */
static void test_the_twin_counts_the_volume_that_flowed(void **state)
{
  (void)state;
  struct fake_bench bench = {0};
  struct pl_err err = {0};
  int64_t value_u;
  open_meter(&bench, 0.0, params_60);
  double litres = 0.0, before = 0.0;
  for (int i = 1; i <= 1000; i++) {
    double flow = i < 500 ? 0.02 * i : i < 700 ? 10.0 : 0.0;
    bench.io.in[0] = flow;
    litres += (flow + before) / 2.0 * 0.010 / 60.0;
    before = flow;
    fake_advance(&bench, i * 10 * PL_MS);
  }
  assert_int_equal(fake_read(&bench, "pulses", &value_u, &err), PL_OK);
  assert_int_equal(value_u, (int64_t)floor(litres * 60.0) * PL_U);
  assert_true(value_u > 40 * PL_U);
  pl_time_ns last = 0;
  pl_twin_flow_meter.line_pulses(bench.twin, PL_FLOW_METER_PULSE, &last);
  assert_in_range(last, 6900 * PL_MS, 7000 * PL_MS);
  /* Reverse flow turns the wheel too, and a sensor without a number does not. */
  bench.io.in[0] = -60.0;
  fake_advance(&bench, 10010 * PL_MS);
  fake_advance(&bench, 11010 * PL_MS);
  assert_int_equal(fake_read(&bench, "pulses", &value_u, &err), PL_OK);
  int64_t turned = value_u;
  assert_true(turned > (int64_t)floor(litres * 60.0 + 59.0) * PL_U);
  bench.io.in[0] = (double)NAN;
  fake_advance(&bench, 11020 * PL_MS);
  fake_advance(&bench, 20000 * PL_MS);
  assert_int_equal(fake_read(&bench, "pulses", &value_u, &err), PL_OK);
  assert_true(value_u <= turned + PL_U);
  fake_close(&bench);
}

/* Pulses are far too fast to be sampled. */
static void test_an_adapter_without_edges_is_refused(void **state)
{
  (void)state;
  struct fake_bench bench = {.caps = PL_GPIO_CAP_NAMES};
  struct pl_err err = {0};
  assert_int_equal(fake_open(&bench, &pl_device_flow_meter, &pl_twin_flow_meter, params_60, &err), PL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "cannot watch edges"));
  fake_close(&bench);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_first_look_is_not_enough),
      cmocka_unit_test(test_resolution_does_not_depend_on_when_it_is_read),
      cmocka_unit_test(test_coarse_steps_of_the_world_keep_the_pulse_times),
      cmocka_unit_test(test_overdue_pulses_bound_the_flow_and_silence_is_none),
      cmocka_unit_test(test_no_pulse_since_open_is_no_flow_after_the_window_only),
      cmocka_unit_test(test_lost_edges_spoil_their_interval_only),
      cmocka_unit_test(test_a_dead_adapter_is_not_a_still_loop),
      cmocka_unit_test(test_stamps_that_go_back_are_refused),
      cmocka_unit_test(test_the_twin_counts_the_volume_that_flowed),
      cmocka_unit_test(test_an_adapter_without_edges_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

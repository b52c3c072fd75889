/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/coolant_valve/coolant_valve.h"
#include "drivers/device/lines/fake_bench.h"

enum { PORT_OPENING, PORT_OPENED, PORT_CLOSED };

static const char *const CLOSING[] = {"V_DRIVE", "V_OPENED", "V_CLOSED", NULL, "2 s"};
static const char *const OPENING[] = {"!V_DRIVE_N", "!V_OPENED_N", "!V_CLOSED_N", "opens", "2 s"};

static void stand(struct fake_bench *bench, double opened, double closed)
{
  bench->io.in[PORT_OPENED] = opened;
  bench->io.in[PORT_CLOSED] = closed;
}

static void begin(struct fake_bench *bench, const char *const *lines)
{
  struct pl_err err = {0};
  bench->levels[PL_COOLANT_VALVE_LINE] = lines[0][0] == '!'; /* nobody drives it */
  if (fake_open(bench, &pl_device_coolant_valve, &pl_twin_coolant_valve, lines, &err)) {
    fail_msg("%s", err.text);
  }
}

static void ask(struct fake_bench *bench, bool open)
{
  struct pl_err err = {0};
  if (fake_write(bench, "open", open ? PL_U : 0, &err)) {
    fail_msg("%s", err.text);
  }
}

static const char *fault_of(struct fake_bench *bench, struct fake_call *call)
{
  struct pl_err err = {0};
  *call = (struct fake_call){.bench = bench};
  call->faults.count = 9;
  assert_int_equal(fake_run(bench, fake_run_faults, call, &err), PL_OK);
  assert_in_range(call->faults.count, 0, 1);
  return call->faults.count ? call->faults.names[0] : "";
}

static void check(const char *const *lines, bool closes)
{
  struct fake_bench bench = {.io.out = {0.5}};
  struct pl_gpio_edges edges;
  stand(&bench, closes, !closes);
  begin(&bench, lines);
  assert_int_equal(bench.drives, 0); /* opening a rig moves no valve */
  assert_true(bench.io.out[PORT_OPENING] == (closes ? 1.0 : 0.0));
  assert_int_equal(fake_flag(&bench, "open"), closes);
  assert_int_equal(fake_flag(&bench, "position-open"), closes);
  assert_int_equal(fake_flag(&bench, "position-closed"), !closes);
  fake_advance(&bench, 20 * PL_MS);
  ask(&bench, !closes);
  assert_true(bench.io.out[PORT_OPENING] == (closes ? 0.0 : 1.0));
  assert_int_equal(fake_flag(&bench, "open"), !closes);
  assert_int_equal(fake_flag(&bench, "position-open"), closes); /* the switches tell where it stands, not what was asked for */
  fake_edges(&bench, "open", &edges);
  assert_int_equal(closes ? edges.falling : edges.rising, 1);
  assert_int_equal(closes ? edges.last_falling : edges.last_rising, 20 * PL_MS);
  assert_int_equal(closes ? edges.rising : edges.falling, 0);
  stand(&bench, !closes, closes);
  assert_int_equal(fake_flag(&bench, "position-open"), !closes);
  assert_int_equal(fake_flag(&bench, "position-closed"), closes);
  fake_close(&bench);
}

static void test_command_and_position(void **state)
{
  (void)state;
  check(CLOSING, true);
  check(OPENING, false);
}

/* A valve that was shut before (a leak behind it) stays shut when a rig is opened. */
static void test_opening_a_rig_moves_nothing(void **state)
{
  (void)state;
  struct fake_bench bench = {.levels = {true}};
  struct pl_err err = {0};
  stand(&bench, 0, 1);
  if (fake_open(&bench, &pl_device_coolant_valve, &pl_twin_coolant_valve, CLOSING, &err)) {
    fail_msg("%s", err.text);
  }
  assert_int_equal(bench.drives, 0);
  assert_false(fake_flag(&bench, "open"));
  assert_true(fake_flag(&bench, "position-closed"));
  fake_close(&bench);
}

static void test_a_stuck_valve(void **state)
{
  (void)state;
  struct fake_bench bench = {.drives = 0};
  struct fake_call call;
  stand(&bench, 1, 0);
  begin(&bench, CLOSING);
  assert_string_equal(fault_of(&bench, &call), "");
  ask(&bench, false);
  fake_advance(&bench, 1900 * PL_MS);
  assert_string_equal(fault_of(&bench, &call), ""); /* it has its time */
  ask(&bench, false);                               /* asked again for the same, it has no more */
  fake_advance(&bench, 2100 * PL_MS);
  assert_string_equal(fault_of(&bench, &call), "does-not-close");
  stand(&bench, 0, 1);
  assert_string_equal(fault_of(&bench, &call), "");
  ask(&bench, true);
  assert_string_equal(fault_of(&bench, &call), "");
  fake_advance(&bench, 4200 * PL_MS);
  assert_string_equal(fault_of(&bench, &call), "does-not-open");
  stand(&bench, 1, 1);
  assert_string_equal(fault_of(&bench, &call), "end-switches-contradict");
  fake_close(&bench);
}

static void test_a_broken_adapter(void **state)
{
  (void)state;
  struct fake_bench bench = {.drives = 0};
  struct pl_err err = {0};
  struct fake_call call = {.bench = &bench};
  int64_t value_u = -1;
  begin(&bench, CLOSING);
  bench.broken = PL_E_IO;
  assert_int_equal(fake_write(&bench, "open", 0, &err), PL_E_IO);
  assert_int_equal(fake_read(&bench, "position-closed", &value_u, &err), PL_E_IO);
  assert_int_equal(fake_run(&bench, fake_run_faults, &call, &err), PL_E_IO);
  fake_close(&bench);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_command_and_position),
      cmocka_unit_test(test_opening_a_rig_moves_nothing),
      cmocka_unit_test(test_a_stuck_valve),
      cmocka_unit_test(test_a_broken_adapter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

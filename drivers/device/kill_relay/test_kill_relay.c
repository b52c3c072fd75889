/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/kill_relay/kill_relay.h"
#include "drivers/device/lines/fake_bench.h"

enum { PORT_KILL };

static void check(const char *line, const char *mirror)
{
  struct fake_bench bench = {.io.out = {0.0}};
  struct pl_err err = {0};
  const char *const lines[] = {line, mirror, NULL};
  assert_int_equal(fake_open(&bench, &pl_device_kill_relay, &pl_twin_kill_relay, lines, &err), PL_OK);
  assert_true(bench.io.out[PORT_KILL] < 0.5); /* opening the rig takes no power away */
  assert_false(fake_flag(&bench, "open"));
  assert_int_equal(fake_write(&bench, "open", PL_U, &err), PL_OK);
  assert_true(bench.io.out[PORT_KILL] > 0.5);
  assert_true(fake_flag(&bench, "open"));
  assert_int_equal(fake_write(&bench, "open", 0, &err), PL_OK);
  assert_true(bench.io.out[PORT_KILL] < 0.5);
  assert_false(fake_flag(&bench, "open"));
  fake_close(&bench);
}

static void test_opens_and_closes(void **state)
{
  (void)state;
  check("KILL", NULL);
  check("!KILL_N", NULL);
  check("KILL", "KILL_OPEN");
  check("!KILL_N", "!KILL_OPEN_N");
}

/* The mirror contact is what counts: a welded contactor does not open, whatever its coil does. */
static void test_a_welded_contactor(void **state)
{
  (void)state;
  struct fake_bench bench = {.io.out = {0.0}};
  struct pl_err err = {0};
  const char *const lines[] = {"KILL", "KILL_OPEN", NULL};
  assert_int_equal(fake_open(&bench, &pl_device_kill_relay, &pl_twin_kill_relay, lines, &err), PL_OK);
  assert_int_equal(fake_write(&bench, "open", PL_U, &err), PL_OK);
  bench.io.out[PORT_KILL] = 0;
  assert_false(fake_flag(&bench, "open"));
  fake_close(&bench);
}

static void test_a_broken_adapter(void **state)
{
  (void)state;
  struct fake_bench bench = {.io.out = {0.0}};
  struct pl_err err = {0};
  int64_t value_u = -1;
  const char *const lines[] = {"KILL", "KILL_OPEN", NULL};
  assert_int_equal(fake_open(&bench, &pl_device_kill_relay, &pl_twin_kill_relay, lines, &err), PL_OK);
  bench.broken = PL_E_IO;
  assert_int_equal(fake_write(&bench, "open", PL_U, &err), PL_E_IO);
  assert_int_equal(fake_read(&bench, "open", &value_u, &err), PL_E_IO);
  fake_close(&bench);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_opens_and_closes),
      cmocka_unit_test(test_a_welded_contactor),
      cmocka_unit_test(test_a_broken_adapter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The rules at work in virtual time, on the virtual rack. */
#include "host/safety/interlock_test.h"

#define WET "interlock:\n  period: 10 ms\n  rules:\n    - {name: wet, when: trip-1.wet, for: 20 ms, do: [kill-1.open=true], because: coolant below module 1}\n"

static void test_trips_latches_and_explains(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, WET, false);
  il_run(&f, 100 * PL_MS);
  assert_int_equal(f.n, 0);
  assert_true(il_truth(&f, "drain-1", "open") < 0.5);

  pl_time_ns from = pl_clock_now(f.clock);
  il_plant(&f, "trip-1.leak=stuck-high");
  il_run(&f, 19 * PL_MS);
  assert_int_equal(f.n, 0);
  il_run(&f, 81 * PL_MS);
  const struct il_seen *trip = il_find(&f, PL_INTERLOCK_TRIPPED, 0), *confirmed = il_find(&f, PL_INTERLOCK_CONFIRMED, 0);
  assert_non_null(trip);
  assert_non_null(confirmed);
  assert_int_equal(trip->since, from);
  assert_int_equal(trip->at, from + 20 * PL_MS);
  assert_true(trip->done >= trip->at && trip->done < trip->at + PL_MS);
  assert_text(trip->text, "interlock rule 'wet' tripped: trip-1.wet = true for 20 ms (coolant below module 1); set kill-1.open = true after");
  assert_text(trip->json, "\"what\":\"tripped\",\"rule\":\"wet\"");
  assert_text(confirmed->text, "reads back as set");
  assert_true(il_truth(&f, "drain-1", "open") > 0.5);
  assert_true(il_truth(&f, "drain-2", "open") < 0.5);

  il_clear(&f, "trip-1.leak=stuck-high"); /* latched */
  il_run(&f, PL_S);
  assert_int_equal(f.n, 2);
  assert_true(pl_interlock_view(f.interlock, 0)->tripped);
  assert_true(il_truth(&f, "drain-1", "open") > 0.5);
  il_close(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_trips_latches_and_explains),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The safe values of a bench: applied at the end, and when an adapter is back. */
#include "drivers/rig/bench_test.h"

static void make_safe(bool virtual_time)
{
  struct fixture f;
  struct pl_err err = {0};
  begin(&f, virtual_time ? TWIN_RIG : REAL_RIG, virtual_time);
  open_bench(&f);
  seen.log[0] = '\0';
  assert_int_equal(pl_bench_make_safe(f.bench, &err), PL_OK);
  assert_string_equal(seen.log, "psu-a.on=1000000; psu-a.duty=5000000; psu-b.on=0; pump.duty=80000000; ");
  seen.log[0] = '\0';
  seen.stiff = "psu-a";
  assert_int_equal(pl_bench_make_safe(f.bench, &err), PL_E_TIMEOUT);
#define ON_3 "psu-a.on=1000000; psu-a.on=1000000; psu-a.on=1000000; "
#define DUTY_3 "psu-a.duty=5000000; psu-a.duty=5000000; psu-a.duty=5000000; "
  assert_string_equal(seen.log, ON_3 DUTY_3 "psu-b.on=0; pump.duty=80000000; " ON_3 DUTY_3); /* all tried, then again what failed */
  assert_string_equal(err.text, "not made safe: psu-a.on, psu-a.duty (psu-a (i2c-1, address 0x58): does not move)");
  assert_int_equal(pl_bench_make_safe(f.bench, NULL), PL_E_TIMEOUT);
  end(&f);
}

static void test_make_safe(void **state)
{
  (void)state;
  make_safe(true);
  make_safe(false);
}

static void transient(int failures, enum pl_status failure, enum pl_status result, const char *log, int recoveries)
{
  struct fixture f;
  struct pl_err err = {0};
  begin(&f, TWIN_RIG, true);
  open_bench(&f);
  seen.log[0] = '\0';
  seen.failures = failures;
  seen.failure = failure;
  assert_int_equal(pl_bench_make_safe(f.bench, &err), result);
  assert_string_equal(seen.log, log);
  assert_int_equal(seen.recoveries, recoveries);
  end(&f);
}

static void test_make_safe_survives_what_passes(void **state)
{
  (void)state;
#define REST "psu-a.duty=5000000; psu-b.on=0; pump.duty=80000000; "
  transient(2, PL_E_NACK, PL_OK, ON_3 REST, 0);
  transient(1, PL_E_STUCK, PL_OK, "psu-a.on=1000000; psu-a.on=1000000; " REST, 1);
  transient(1, PL_E_UNSUPPORTED, PL_OK, "psu-a.on=1000000; " REST "psu-a.on=1000000; ", 0);   /* no retry at once, but in the second pass */
  transient(2, PL_E_STUCK, PL_OK, "psu-a.on=1000000; psu-a.on=1000000; " REST "psu-a.on=1000000; ", 1);
}

static void on_presence(void *ctx, const struct pl_rig_bus *bus, bool here, const char *text)
{
  note("%s %s (%s); ", bus->name, here ? "here" : "away", text);
  *(int *)ctx += here;
}

/* Back again: the safe values of that bus, in the rig's order, and nothing else. */
static void presence_test(const char *stiff, const char *sentence)
{
  struct fixture f;
  int back = 0;
  begin(&f, REAL_RIG, false);
  open_bench(&f);
  pl_bench_watch(f.bench, on_presence, &back);
  seen.log[0] = '\0';
  seen.stiff = stiff;
  pl_bus_lost(pl_bench_bus(f.bench, "i2c-1"), "unplugged");
  while (!back)
    assert_true(pl_clock_step(f.clock, pl_clock_now(f.clock) + 10 * PL_S));
  assert_string_equal(seen.log, sentence);
  pl_bench_watch(f.bench, NULL, NULL);
  end(&f);
}

static void test_presence(void **state)
{
  (void)state;
  presence_test(NULL, "i2c-1 away (unplugged); i2c-1 again; psu-a.on=1000000; psu-a.duty=5000000; psu-b.on=0; i2c-1 here (); ");
  presence_test("psu-b", "i2c-1 away (unplugged); i2c-1 again; psu-a.on=1000000; psu-a.duty=5000000; psu-b.on=0; "
                         "i2c-1 here (psu-b (i2c-1, address 0x59): does not move); ");
}

/* get, set and watch look at a rack that somebody else runs: an adapter that comes back is no reason to switch anything. */
static void test_an_observer_makes_nothing_safe(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, REAL_RIG, false);
  f.cfg.observe = true;
  open_bench(&f);
  seen.log[0] = '\0';
  pl_bus_lost(pl_bench_bus(f.bench, "i2c-1"), "unplugged");
  while (pl_bus_is_lost(pl_bench_bus(f.bench, "i2c-1")))
    assert_true(pl_clock_step(f.clock, pl_clock_now(f.clock) + 10 * PL_S));
  for (int i = 0; i < 2; i++)
    assert_int_equal(pl_bench_probe(f.bench, NULL, NULL), PL_OK); /* jobs of one bus follow each other: what was on its way has run */
  assert_ptr_equal(strstr(seen.log, "i2c-1 again; "), seen.log);
  assert_null(strstr(seen.log, "psu-a.on"));
  end(&f);
}

/* Two adapters gone for good hold the teardown up once, not once a safe value. */
static void test_make_safe_waits_once(void **state)
{
  (void)state;
  struct fixture f;
  struct pl_err err = {0};
  begin(&f, REAL_RIG, false);
  open_bench(&f);
  seen.unplugged = true;
  pl_bus_lost(pl_bench_bus(f.bench, "i2c-1"), "unplugged");
  pl_bus_lost(pl_bench_bus(f.bench, "rtu"), "unplugged");
  assert_int_equal(pl_bench_make_safe(f.bench, &err), PL_E_GONE); /* the clock began at 0, with the test */
  assert_non_null(strstr(err.text, "not made safe: psu-a.on, psu-a.duty, psu-b.on, pump.duty ("));
  assert_in_range(pl_clock_now(f.clock), PL_S, 4 * PL_S);
  end(&f);
}

/* The proxy's faults are for the sequence, not for the safe values of an adapter that is back. */
static void test_presence_goes_around_the_proxy(void **state)
{
  (void)state;
  struct fixture f;
  int back = 0;
  begin(&f, REAL_RIG, false);
  f.cfg.proxy = true;
  PROXY.name = "proxy";
  open_bench(&f);
  PROXY.name = "no proxy";
  pl_bench_watch(f.bench, on_presence, &back);
  seen.log[0] = '\0';
  pl_bus_lost(pl_bench_bus(f.bench, "i2c-1"), "unplugged");
  while (!back)
    assert_true(pl_clock_step(f.clock, pl_clock_now(f.clock) + 10 * PL_S));
  assert_string_equal(seen.log, "i2c-1 away (unplugged); i2c-1 again; i2c-1 bypassed; psu-a.on=1000000; psu-a.duty=5000000; psu-b.on=0; i2c-1 proxied; i2c-1 here (); ");
  end(&f);
}

/* A thread that is stuck in an adapter: its bus is given up and told, the others are made safe, and when it is back all is as it should be. */
static void test_make_safe_gives_up_a_bus_that_hangs(void **state)
{
  (void)state;
  struct fixture f;
  struct pl_err err = {0};
  begin(&f, REAL_RIG, false);
  open_bench(&f);
  seen.log[0] = '\0';
  atomic_store(&hangs, 1);
  pl_time_ns begun = pl_clock_now(f.clock);
  assert_int_equal(pl_bench_make_safe(f.bench, &err), PL_E_TIMEOUT);
  assert_in_range(pl_clock_now(f.clock) - begun, 2 * PL_S, 6 * PL_S); /* once for the bus, not once for each of its outputs */
  assert_string_equal(seen.log, "pump.duty=80000000; ");
  assert_non_null(strstr(err.text, "not made safe: psu-a.on, psu-a.duty, psu-b.on (bus i2c-1 hangs"));
  assert_true(pl_bench_hangs(f.bench));
  atomic_store(&hangs, 0);
  while (pl_bench_hangs(f.bench))
    assert_true(pl_clock_step(f.clock, pl_clock_now(f.clock) + 10 * PL_S));
  seen.log[0] = '\0';
  assert_int_equal(pl_bench_make_safe(f.bench, &err), PL_OK);
  assert_string_equal(seen.log, "psu-a.on=1000000; psu-a.duty=5000000; psu-b.on=0; pump.duty=80000000; ");
  end(&f);
}

/* Two buses that another program holds are asked for again together, not one after the other. */
static void test_patience_is_one_for_all(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, REAL_RIG, false);
  f.cfg.observe = f.cfg.safe_only = true;
  f.cfg.patience_ns = 500 * PL_MS;
  seen.held = true;
  pl_time_ns begun = pl_clock_now(f.clock);
  open_bench(&f);
  assert_in_range(pl_clock_now(f.clock) - begun, 500 * PL_MS, 950 * PL_MS);
  assert_int_equal(pl_bench_make_safe(f.bench, NULL), PL_E_LOCKED);
  end(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_make_safe), cmocka_unit_test(test_make_safe_survives_what_passes), cmocka_unit_test(test_make_safe_waits_once),
      cmocka_unit_test(test_make_safe_gives_up_a_bus_that_hangs), cmocka_unit_test(test_patience_is_one_for_all), cmocka_unit_test(test_presence),
      cmocka_unit_test(test_presence_goes_around_the_proxy), cmocka_unit_test(test_an_observer_makes_nothing_safe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

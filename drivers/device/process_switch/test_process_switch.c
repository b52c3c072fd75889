/* SPDX-License-Identifier: Apache-2.0 */
/* On the virtual rack, since what it senses comes with its shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drivers/rig/bench.h"

#define HEAD                                                                                 \
  "rig: switches\n"                                                                          \
  "buses: [{name: lines, kind: gpio, adapter: twin}]\n"                                      \
  "parts:\n"                                                                                 \
  "  - {name: loop, kind: loop}\n"                                                           \
  "  - {name: rpu, kind: pump-unit, loop: loop}\n"                                           \
  "devices:\n"

static bool closed(struct pl_bench *bench, const char *name)
{
  struct pl_device *device = pl_bench_device(bench, name);
  struct pl_err err = {0};
  struct pl_call call = {.device = device, .kind = PL_CALL_GET, .quantity = pl_shape_find(pl_device_shape_of(device), "closed")};
  if (pl_call_run(&call, &err))
    fail_msg("%s", err.text);
  return call.reading.value_u != 0;
}

static void sense(struct pl_bench *bench, const char *spec)
{
  struct pl_err err = {0};
  if (pl_bench_backend_desc(bench)->plant(pl_bench_backend(bench), spec, &err))
    fail_msg("%s", err.text);
}

static void test_opens_and_closes_with_hysteresis(void **state)
{
  (void)state;
  static const char RIG[] = HEAD "  - {name: high, driver: process-switch, bus: lines, part: loop, contact: A, of: supply-pressure, opens-above: 4 bar, hysteresis: 10}\n"
                                 "  - {name: low, driver: process-switch, bus: lines, part: loop, contact: \"!B_N\", of: flow, opens-below: 2 L/min}\n";
  struct pl_rig *rig = NULL;
  struct pl_clock *clock = NULL;
  struct pl_bench *bench = NULL;
  struct pl_err err = {0};
  if (pl_rig_parse("switches.yaml", RIG, sizeof RIG - 1, &rig, &err) || pl_clock_new_virtual(0, &clock, &err))
    fail_msg("%s", err.text);
  const struct pl_bench_cfg cfg = {.clock = clock, .seed = 1};
  if (pl_bench_open(rig, &cfg, &bench, &err))
    fail_msg("%s", err.text);
  static const struct {
    const char *spec, *device;
    bool closed;
  } ROWS[] = {
      {"high.supply-pressure=stuck:300 kPa", "high", true}, {"low.flow=stuck:8 L/min", "low", true},
      {"high.supply-pressure=stuck:399 kPa", "high", true}, {"high.supply-pressure=stuck:401 kPa", "high", false},
      {"high.supply-pressure=stuck:370 kPa", "high", false}, {"high.supply-pressure=stuck:355 kPa", "high", true},
      {"low.flow=stuck:2.05 L/min", "low", true},           {"low.flow=stuck:1.95 L/min", "low", false},
      {"low.flow=stuck:2.05 L/min", "low", false},          {"low.flow=stuck:2.2 L/min", "low", true},
  };
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    sense(bench, ROWS[i].spec);
    for (pl_time_ns until = pl_clock_now(clock) + 50 * PL_MS; pl_clock_now(clock) < until;)
      pl_clock_step(clock, until);
    if (closed(bench, ROWS[i].device) != ROWS[i].closed)
      fail_msg("%s: closed is %d", ROWS[i].spec, !ROWS[i].closed);
  }
  pl_bench_close(bench);
  pl_clock_free(clock);
  pl_rig_free(rig);
}

static void test_what_is_refused(void **state)
{
  (void)state;
  static const struct {
    const char *keys, *says;
  } ROWS[] = {
      {"of: flow", "expected either opens-above or opens-below"},
      {"of: flow, opens-above: 5 L/min, opens-below: 2 L/min", "expected either opens-above or opens-below"},
      {"of: flow, opens-below: 2 bar", "opens-below: "},
      {"of: flaw, opens-below: 2 L/min", "'flaw' is unknown"},
  };
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    char text[1024];
    struct pl_rig *rig = NULL;
    struct pl_err err = {0};
    snprintf(text, sizeof text, HEAD "  - {name: s, driver: process-switch, bus: lines, part: loop, contact: A, %s}\n", ROWS[i].keys);
    assert_int_equal(pl_rig_parse("switches.yaml", text, strlen(text), &rig, &err), PL_E_USAGE);
    if (!strstr(err.text, ROWS[i].says))
      fail_msg("expected \"%s\" in \"%s\"", ROWS[i].says, err.text);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_opens_and_closes_with_hysteresis), cmocka_unit_test(test_what_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

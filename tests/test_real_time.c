/* SPDX-License-Identifier: Apache-2.0 */
/* The whole in real time: a worker per bus, the twin's server thread, the engine on the loop's thread. Run under ThreadSanitizer too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "host/engine/engine.h"

#define HEAD "sequence 'real' { about = 'all buses at once', needs = { slot = 'csu', psu = 'psu', pump = 'pump-unit' } }\n"
#define ALL_BUSES \
  "  parallel{\n" \
  "    function() for i = 1, 20 do measure('volts', rig.psu.supply.vout) end end,\n" \
  "    function() for i = 1, 20 do measure('amperes', rig.slot.monitor.iout) end end,\n" \
  "    function() for i = 1, 3 do measure('water', rig.pump.coolant.flow) end end,\n" \
  "    function() for i = 1, 20 do rig.slot.load:set{ load = watts(100 + i) } end end,\n" \
  "    function() rig.slot.connector:turn_on() wait_until(function() return rig.slot.connector.power_good end, { within = s(2) }) end,\n" \
  "  }\n"

struct ending { /* of a run: a signal after some time */
  struct pl_timer timer;
  volatile int stop;
};

static void send_signal(void *ctx, pl_time_ns now)
{
  (void)now;
  struct ending *ending = ctx;
  ending->stop = 15;
}

static void count_line(void *ctx, const char *line, size_t len)
{
  (void)len;
  if (strstr(line, "torn down"))
    ++*(int *)ctx;
}

static enum pl_engine_outcome run(const char *text, pl_time_ns signal_at, const char *const *faults, size_t n_faults, bool *torn_down, bool *left_on)
{
  struct pl_err err = {0};
  char path[] = "/tmp/pl-real-XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  close(fd);
  struct pl_rig *rig = NULL;
  struct pl_clock *clock = NULL;
  struct pl_bench *bench = NULL;
  struct pl_journal *journal = NULL;
  struct pl_sequence *sequence = NULL;
  struct ending ending = {.timer = {.fire = send_signal, .ctx = &ending}};
  enum pl_engine_outcome outcome = PL_RUN_ERROR;
  int torn = 0;
  if (pl_rig_load("fixtures/rigs/demo-rack.yaml", &rig, &err) || pl_clock_new_real(&clock, &err))
    fail_msg("%s", err.text);
  const struct pl_bench_cfg bench_cfg = {.clock = clock, .seed = 1, .faults = faults, .n_faults = n_faults};
  if (pl_bench_open(rig, &bench_cfg, &bench, &err) || pl_journal_open("/dev/null", clock, &journal, &err) || pl_sequence_load(path, &sequence, &err) ||
      pl_sequence_bind(sequence, rig, NULL, 0, &err))
    fail_msg("%s", err.text);
  pl_journal_listen(journal, count_line, &torn);
  if (signal_at)
    pl_clock_arm(clock, &ending.timer, pl_clock_now(clock) + signal_at);
  const struct pl_engine_cfg cfg = {.bench = bench, .journal = journal, .stop = &ending.stop, .dut_id = "rack", .command_line = "test", .seed = 1};
  if (pl_engine_run(sequence, &cfg, &outcome, &err) && !signal_at)
    fail_msg("%s", err.text);
  pl_clock_disarm(clock, &ending.timer);
  double power = -1;
  assert_int_equal(pl_bench_backend_desc(bench)->truth(pl_bench_backend(bench), "csu-1", "power_enable", &power, &err), PL_OK);
  *left_on = power > 0.5;
  *torn_down = torn > 0;
  pl_journal_close(journal, NULL);
  pl_sequence_free(sequence);
  pl_bench_close(bench);
  pl_clock_free(clock);
  pl_rig_free(rig);
  unlink(path);
  return outcome;
}

static void all_buses_side_by_side(void **state)
{
  (void)state;
  bool torn_down, left_on;
  assert_int_equal(run(HEAD "step('all', function()\n" ALL_BUSES "end)\nteardown(function() log('torn down') end)\n", 0, NULL, 0, &torn_down, &left_on),
                   PL_RUN_PASS);
  assert_true(torn_down);
  assert_false(left_on);
}

static void signal_in_the_middle(void **state)
{
  (void)state;
  bool torn_down, left_on;
  for (int i = 0; i < 12; i++) { /* an answer may have come just before, and its task not have run yet */
    assert_int_equal(run(HEAD "step('all', function()\n  while true do\n" ALL_BUSES "  end\nend)\nteardown(function() log('torn down') end)\n",
                         (40 + 7 * i) * PL_MS, NULL, 0, &torn_down, &left_on),
                     PL_RUN_ABORTED);
    assert_true(torn_down);
    assert_false(left_on);
  }
}

static void signal_while_a_mute_device_is_asked(void **state)
{
  (void)state;
  static const char *const MUTE[] = {"rpu.wire=mute@300ms"};
  bool torn_down, left_on;
  assert_int_equal(run(HEAD "step('mute', function()\n  rig.slot.connector:turn_on()\n  wait(ms(400))\n  local water = rig.pump.coolant.flow\nend)\n"
                            "teardown(function() log('torn down') end)\n",
                       550 * PL_MS, MUTE, 1, &torn_down, &left_on),
                   PL_RUN_ABORTED);
  assert_true(torn_down);
  assert_false(left_on);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_buses_side_by_side),
      cmocka_unit_test(signal_in_the_middle),
      cmocka_unit_test(signal_while_a_mute_device_is_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The rules at work in real time, with threads of their own: nobody else can hold them up. Nothing here asks how long something took; what must not be waited
 * for is held, and must still be held when the outputs are set. */
#include "host/safety/interlock_test.h"

#include "host/engine/engine.h"
#include "host/safety/interlock_in.h"

#define SECTION "interlock:\n  period: 10 ms\n  rules:\n"
#define WET SECTION "    - {name: wet, when: trip-1.wet, do: [kill-1.open=true]}\n"
#define PATIENCE (20 * PL_S) /* for a machine that is very busy; nothing is judged by it */

/* Waits without a step of the loop. */
static void await_truth(struct il_fixture *f, const char *part, const char *port, bool on)
{
  pl_time_ns until = pl_clock_now(f->clock) + PATIENCE;
  while ((il_truth(f, part, port) > 0.5) != on) {
    if (pl_clock_now(f->clock) > until)
      fail_msg("%s.%s did not become %d", part, port, on);
    pl_clock_sleep_until(f->clock, pl_clock_now(f->clock) + PL_MS);
  }
}

static const struct il_seen *await_event(struct il_fixture *f, enum pl_interlock_what what, int rule)
{
  pl_time_ns until = pl_clock_now(f->clock) + PATIENCE;
  while (!il_find(f, what, rule)) {
    if (pl_clock_now(f->clock) > until)
      fail_msg("no event %d of rule %d", (int)what, rule);
    pl_clock_step(f->clock, pl_clock_now(f->clock) + PL_MS);
    il_drain(f);
  }
  return il_find(f, what, rule);
}

static void count(void *ctx, pl_time_ns now)
{
  (void)now;
  ++*(int *)ctx;
}

static void test_without_the_loop(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  int turns = 0;
  struct pl_timer due = {.fire = count, .ctx = &turns};
  il_open(&f, WET, true);
  pl_clock_arm(f.clock, &due, pl_clock_now(f.clock));
  il_plant(&f, "trip-1.leak=stuck-high");
  await_truth(&f, "drain-1", "open", true);
  assert_int_equal(turns, 0); /* the loop has not run: what was due before is still due */
  assert_false(pl_interlock_view(f.interlock, 0)->tripped);
  const struct il_seen *trip = await_event(&f, PL_INTERLOCK_TRIPPED, 0), *confirmed = await_event(&f, PL_INTERLOCK_CONFIRMED, 0);
  assert_true(trip->since <= trip->at && trip->at <= trip->done && trip->done <= confirmed->done);
  assert_int_equal(turns, 1);
  il_close(&f);
}

/* A bus whose worker is stuck in a transfer, and one whose signal nobody answers for: the other rules do not notice. */
static void test_with_a_stuck_bus(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, SECTION "    - {name: low, when: trip-bar.vout < 40 V, unreadable: ignore-for 1 h, do: [kill-2.open=true]}\n"
                      "    - {name: wet, when: trip-1.wet, do: [kill-1.open=true]}\n", true);
  size_t slow = f.rules->signals[0].bus;
  assert_false(f.interlock->buses[slow].direct);
  il_plant(&f, "trip-bar.wire=late:700ms");
  for (unsigned before = atomic_load(&f.interlock->signals[0].turn); atomic_load(&f.interlock->signals[0].turn) < before + 4;)
    pl_clock_sleep_until(f.clock, pl_clock_now(f.clock) + PL_MS); /* the readings that were on their way are done, one that hangs has begun */
  for (int i = 0; i < 10; i++) {
    unsigned turn = atomic_load(&f.interlock->signals[0].turn);
    il_plant(&f, "trip-1.leak=stuck-high");
    await_truth(&f, "drain-1", "open", true);
    bool still = atomic_load(&f.interlock->signals[0].turn) == turn;
    await_event(&f, PL_INTERLOCK_CONFIRMED, 1);
    il_clear(&f, "trip-1.leak=stuck-high");
    if (still) { /* the outputs were set while the transfer hung */
      assert_null(il_find(&f, PL_INTERLOCK_BLIND, 0));
      il_close(&f);
      return;
    }
    f.n = 0; /* the reading ended in the meantime: it proves nothing, once more */
    pl_interlock_reset(f.interlock, 1);
    await_truth(&f, "drain-1", "open", false);
    await_event(&f, PL_INTERLOCK_RESET, 1);
    f.n = 0;
  }
  fail_msg("ten times in a row the hanging transfer was over before the outputs were set");
}

static void test_blind_in_real_time(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, SECTION "    - {name: low, when: trip-bar.vout < 40 V, do: [kill-1.open=true]}\n", true);
  il_plant(&f, "trip-bar.wire=nack");
  const struct il_seen *blind = await_event(&f, PL_INTERLOCK_BLIND, 0);
  assert_text(blind->text, "could not see: trip-bar.vout was last read");
  await_truth(&f, "drain-1", "open", true);
  il_close(&f);
}

static void test_reset_and_again(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, WET, true);
  for (int i = 0; i < 20; i++) {
    f.n = 0;
    il_plant(&f, "trip-1.leak=stuck-high");
    await_event(&f, PL_INTERLOCK_CONFIRMED, 0);
    pl_interlock_reset(f.interlock, 0);
    await_event(&f, PL_INTERLOCK_REFUSED, 0);
    il_clear(&f, "trip-1.leak=stuck-high");
    for (f.n = 0; !il_find(&f, PL_INTERLOCK_RESET, 0);) { /* the change may not have been seen yet */
      f.n = 0;
      pl_interlock_reset(f.interlock, 0);
      pl_clock_step(f.clock, pl_clock_now(f.clock) + PL_MS);
      il_drain(&f);
    }
    await_truth(&f, "drain-1", "open", false);
  }
  il_close(&f);
}

static void test_opens_and_closes(void **state)
{
  (void)state;
  for (int i = 0; i < 10; i++) {
    struct il_fixture f = {0};
    il_open(&f, SECTION "    - {name: low, any: [trip-bar.vout < 40 V, trip-2.wet], do: [kill-1.open=true]}\n", true);
    if (i % 2)
      il_plant(&f, "trip-2.leak=stuck-high");
    il_close(&f);
  }
}

static void test_says_how_it_runs(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, WET, true);
  const char *manner = pl_interlock_manner(f.interlock);
  assert_text(manner, "a thread of its own, ");
  assert_true(strstr(manner, "SCHED_FIFO 60") || strstr(manner, "not permitted"));
  assert_true(strstr(manner, ", memory locked") || strstr(manner, ", memory not locked"));
  il_close(&f);
}

/* An output on a bus with a worker is watched for as long as it is held, beside one that is set directly. */
static void test_an_output_behind_a_wire(void **state)
{
  (void)state;
  static const char MORE[] = IL_RIG_HEAD "  - {name: k1, driver: psu-pmbus, bus: i2c-trip, address: 0x58, part: psu-a, owner: interlock, safe: {on: false}}\n";
  struct il_fixture f = {0};
  il_open_rig(&f, MORE, SECTION "    - {name: wet, when: trip-1.wet, within: 1 s, do: [kill-1.open=true, k1.on=false]}\n", true);
  assert_int_equal(pl_interlock_ready(f.interlock, &f.err), PL_OK);
  il_plant(&f, "trip-1.leak=stuck-high");
  await_event(&f, PL_INTERLOCK_CONFIRMED, 0);
  f.n = 0;
  il_plant(&f, "k1.wire=nack");
  await_event(&f, PL_INTERLOCK_DOUBTED, 0);
  il_clear(&f, "k1.wire=nack");
  await_event(&f, PL_INTERLOCK_CONFIRMED, 0);
  assert_true(il_truth(&f, "drain-1", "open") > 0.5);
  il_close(&f);
}

/* --- a sequence that never lets go of the loop --- */

struct spin {
  struct pl_interlock *interlock;
  unsigned told_before, told_after; /* what the tick had to say when the endless step began, and when it was ended */
};

static void on_step(void *ctx, const char *name, int depth)
{
  struct spin *spin = ctx;
  (void)depth;
  if (!strcmp(name, "for ever"))
    spin->told_before = atomic_load(&spin->interlock->written);
}

static void on_step_end(void *ctx, const char *name, int depth, const char *outcome, double seconds)
{
  struct spin *spin = ctx;
  (void)depth;
  (void)outcome;
  (void)seconds;
  if (!strcmp(name, "for ever"))
    spin->told_after = atomic_load(&spin->interlock->written);
}

/* It drips from before the endless step on; Lua has the loop when the tray gets wet, until its second of computing time is over. */
static void test_while_lua_loops_for_ever(void **state)
{
  (void)state;
  static const char LOOP[] = "sequence 'try' { about = 'hangs', needs = { injector = 'valve' }, params = { injector = 'injector' } }\n"
                             "step('drip', function() rig.injector.leak_valve:turn_on() end)\nstep('for ever', function() while true do end end)\n";
  struct il_fixture f = {0};
  struct pl_err err = {0};
  struct pl_sequence *sequence = NULL;
  struct pl_journal *journal = NULL;
  enum pl_engine_outcome outcome;
  char path[] = "/tmp/pl-interlock-XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0 && write(fd, LOOP, sizeof LOOP - 1) == (ssize_t)sizeof LOOP - 1);
  close(fd);
  il_open(&f, WET, true);
  if (pl_journal_open("/dev/null", f.clock, &journal, &err) || pl_sequence_load(path, &sequence, &err) || pl_sequence_bind(sequence, f.rig, NULL, 0, &err))
    fail_msg("%s", err.text);
  struct spin spin = {.interlock = f.interlock};
  const struct pl_engine_events events = {.step_start = on_step, .step_end = on_step_end, .ctx = &spin};
  const struct pl_engine_cfg cfg = {.bench = f.bench, .journal = journal, .rules = f.rules, .interlock = f.interlock, .events = &events, .dut_id = "rack",
                                    .command_line = "test", .seed = 1};
  assert_int_not_equal(pl_engine_run(sequence, &cfg, &outcome, &err), PL_OK);
  assert_text(err.text, "endless loop");
  assert_int_equal(outcome, PL_RUN_ERROR);
  assert_int_equal(spin.told_before, 0);
  assert_true(spin.told_after >= 1); /* tripped while Lua had the loop */
  assert_true(pl_interlock_view(f.interlock, 0)->tripped);
  pl_journal_close(journal, NULL);
  pl_sequence_free(sequence);
  il_close(&f);
  unlink(path);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_without_the_loop), cmocka_unit_test(test_with_a_stuck_bus), cmocka_unit_test(test_blind_in_real_time),
      cmocka_unit_test(test_reset_and_again),  cmocka_unit_test(test_opens_and_closes), cmocka_unit_test(test_says_how_it_runs),
      cmocka_unit_test(test_an_output_behind_a_wire),
      cmocka_unit_test(test_while_lua_loops_for_ever),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

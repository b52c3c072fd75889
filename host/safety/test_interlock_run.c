/* SPDX-License-Identifier: Apache-2.0 */
/* The interlock as a run meets it: what a trip does to the verdict, the journal, the teardown and the sequence that wanted it. */
#include "host/safety/interlock_test.h"

#include "host/engine/engine.h"
#include "host/safety/interlock_in.h"

#define WET "interlock:\n  period: 10 ms\n  rules:\n    - {name: wet, when: trip-1.wet, for: 20 ms, do: [kill-1.open=true], because: it drips}\n"
#define LUA "sequence 'try' { about = 'a try', version = '1', needs = { tray = 'tray' }, params = { tray = 'tray-1' } }\n"

struct run {
  struct il_fixture il;
  struct pl_journal *journal;
  struct pl_sequence *sequence;
  char path[40], record[48], *lines;
  enum pl_engine_outcome outcome;
  enum pl_status status;
  struct pl_err err;
  int trips, wanted; /* told to whoever watches */
};

static void on_trip(void *ctx, const char *message, bool expected)
{
  struct run *run = ctx;
  assert_text(message, "interlock rule 'wet' tripped");
  run->trips++;
  run->wanted += expected;
}

static void on_step(void *ctx, const char *name, int depth)
{
  struct run *run = ctx;
  (void)depth;
  if (!strcmp(name, "lost"))
    atomic_fetch_add(&run->il.interlock->overrun, 1);
}

/* It trips in the very moment of a finding, while Lua has the loop and before anybody has drained. */
static void on_finding(void *ctx, const char *message)
{
  struct run *run = ctx;
  if (!strstr(message, "trips now"))
    return;
  il_plant(&run->il, "trip-1.leak=stuck-high");
  (void)pl_il_tick(run->il.interlock, pl_clock_now(run->il.clock));
  (void)pl_il_tick(run->il.interlock, pl_clock_now(run->il.clock) + 20 * PL_MS);
}

static void read_record(struct run *run)
{
  FILE *file = fopen(run->record, "rb");
  assert_non_null(file);
  run->lines = calloc(1, 1 << 20);
  assert_non_null(run->lines);
  assert_true(fread(run->lines, 1, (1 << 20) - 1, file) > 0);
  fclose(file);
}

/* fault: planted from the start; NULL: none. */
static void go(struct run *run, const char *text, const char *fault, bool rehearsal)
{
  *run = (struct run){.path = "/tmp/pl-interlock-XXXXXX"};
  int fd = mkstemp(run->path);
  assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  close(fd);
  snprintf(run->record, sizeof run->record, "%s.jsonl", run->path);
  char rig[8192];
  snprintf(rig, sizeof rig, "%s%s", IL_RIG_HEAD, WET);
  struct il_fixture *f = &run->il;
  assert_int_equal(pl_rig_parse("trip.yaml", rig, strlen(rig), &f->rig, &f->err), PL_OK);
  assert_int_equal(pl_interlock_compile(f->rig, &f->rules, &f->err), PL_OK);
  assert_int_equal(pl_clock_new_virtual(0, &f->clock, &f->err), PL_OK);
  const struct pl_bench_cfg bench_cfg = {.clock = f->clock, .seed = 1, .faults = &fault, .n_faults = fault != NULL, .rehearsal = rehearsal};
  if (pl_bench_open(f->rig, &bench_cfg, &f->bench, &f->err) || pl_interlock_open(f->rules, f->bench, &f->interlock, &f->err) ||
      pl_journal_open(run->record, f->clock, &run->journal, &f->err) || pl_sequence_load(run->path, &run->sequence, &f->err) ||
      pl_sequence_bind(run->sequence, f->rig, NULL, 0, &f->err))
    fail_msg("%s", f->err.text);
  const struct pl_engine_events events = {.trip = on_trip, .step_start = on_step, .diagnosis = on_finding, .ctx = run};
  const struct pl_engine_cfg cfg = {.bench = f->bench, .journal = run->journal, .rules = f->rules, .interlock = f->interlock, .events = &events,
                                    .rehearsal = rehearsal, .dut_id = "rack", .command_line = "test", .seed = 1};
  run->status = pl_engine_run(run->sequence, &cfg, &run->outcome, &run->err);
  assert_int_equal(pl_journal_close(run->journal, NULL), PL_OK);
  read_record(run);
}

static void end(struct run *run)
{
  pl_sequence_free(run->sequence);
  il_close(&run->il);
  free(run->lines);
  unlink(run->path);
  unlink(run->record);
}

#define want(run, text)                                             \
  do {                                                              \
    if (!strstr((run)->lines, text))                                \
      fail_msg("expected %s in the journal:\n%s", text, (run)->lines); \
  } while (0)

static void test_a_trip_fails_the_run(void **state)
{
  (void)state;
  struct run run;
  go(&run, LUA "step('one', { go_on = true }, function()\n  wait(ms(100))\n  fault.plant('trip-1.leak=stuck-high')\n  wait(s(1))\n  log('not reached')\nend)\n"
               "step('two', function() log('nor this') end)\nteardown(function() log('torn down') end)\n", NULL, false);
  assert_int_equal(run.outcome, PL_RUN_FAIL);
  want(&run, "the interlock is armed: 1 rules, stepped by virtual time");
  want(&run, "\"diagnosis\":{\"verdict\":\"interlock-wet\",\"type\":\"FAIL\"");
  want(&run, "\"hardwareInfoId\":\"trip-1\"");
  want(&run, "next: find and mend the leak, dry the tray");
  want(&run, "\"extension\":{\"name\":\"interlock\",\"content\":{\"what\":\"tripped\",\"rule\":\"wet\"");
  want(&run, "torn down");
  want(&run, "\"sourceLocation\":{\"file\":");
  assert_null(strstr(run.lines, "not reached"));
  assert_null(strstr(run.lines, "nor this"));
  assert_int_equal(run.trips, 1);
  assert_int_equal(run.wanted, 0);
  assert_int_equal(pl_interlock_view(run.il.interlock, 0)->line, 5); /* where the sequence was: its wait */
  assert_true(il_truth(&run.il, "drain-1", "open") > 0.5); /* killed it stays */
  end(&run);
}

static void test_a_blind_interlock_cannot_judge(void **state)
{
  (void)state;
  struct run run;
  go(&run, LUA "step('one', function() fault.plant('trip-1.cable=stuck-low') wait(s(3)) end)\n", NULL, false);
  assert_int_equal(run.outcome, PL_RUN_ERROR);
  assert_text(run.err.text, "tripped because it could not see: trip-1.wet");
  want(&run, "\"symptom\":\"interlock-wet\"");
  assert_null(strstr(run.lines, "\"verdict\":\"interlock-wet\""));
  end(&run);
}

static void test_unsafe_before_anything_is_driven(void **state)
{
  (void)state;
  struct run run;
  go(&run, LUA "step('one', function() log('driven') end)\n", "trip-1.leak=stuck-high", false);
  assert_int_equal(run.outcome, PL_RUN_FAIL); /* the dwell is waited for */
  assert_null(strstr(run.lines, "driven"));
  end(&run);
  go(&run, LUA "step('one', function() log('driven') end)\n", "trip-1.cable=stuck-low", false);
  assert_int_equal(run.outcome, PL_RUN_ERROR); /* blind from the start: it does not begin */
  assert_null(strstr(run.lines, "driven"));
  want(&run, "\"symptom\":\"interlock-wet\"");
  end(&run);
}

#define EXPECT LUA "step('one', function()\n" \
  "  check('there', interlock.has('wet') and not interlock.has('dry'))\n" \
  "  check('not yet', not interlock.tripped('wet'))\n" \
  "  interlock.expect('wet', { within = s(2), start = function() fault.plant('trip-1.leak=stuck-high') end })\n" \
  "  check('tripped', interlock.tripped('wet'))\n"

static void test_a_trip_that_is_meant(void **state)
{
  (void)state;
  struct run run;
  go(&run, EXPECT "  fault.clear('trip-1.leak=stuck-high')\n  wait(ms(50))\n  interlock.reset('wet')\n  check('released', not interlock.tripped('wet'))\nend)\n", NULL,
     false);
  if (run.outcome != PL_RUN_PASS)
    fail_msg("%s\n%s", run.err.text, run.lines);
  want(&run, "\"name\":\"interlock wet\"");
  want(&run, "\"extension\":{\"name\":\"interlock-expected\"");
  want(&run, "interlock rule 'wet' was reset");
  assert_null(strstr(run.lines, "\"verdict\":\"interlock-wet\""));
  assert_int_equal(run.wanted, 1);
  assert_true(il_truth(&run.il, "drain-1", "open") < 0.5);
  end(&run);
}

static void test_a_reset_that_is_refused(void **state)
{
  (void)state;
  struct run run;
  go(&run, EXPECT "  interlock.reset('wet')\n  log('released')\nend)\n", NULL, false);
  assert_int_equal(run.outcome, PL_RUN_FAIL);
  want(&run, "\"verdict\":\"reset-of-interlock-wet-fail\"");
  want(&run, "cannot be reset: trip-1.wet = true");
  assert_true(il_truth(&run.il, "drain-1", "open") > 0.5);
  end(&run);
}

static void test_a_trip_that_does_not_come(void **state)
{
  (void)state;
  struct run run;
  go(&run, LUA "step('one', function() interlock.expect('wet', { within = ms(300) }) end)\n", NULL, false);
  assert_int_equal(run.outcome, PL_RUN_FAIL);
  want(&run, "interlock wet: did not trip within 300 ms");
  end(&run);
}

static void test_once_reset_the_next_one_counts(void **state)
{
  (void)state;
  struct run run;
  go(&run, EXPECT "  fault.clear('trip-1.leak=stuck-high')\n  wait(ms(50))\n  interlock.reset('wet')\n  fault.plant('trip-1.leak=stuck-high')\n  wait(s(1))\nend)\n",
     NULL, false);
  assert_int_equal(run.outcome, PL_RUN_FAIL);
  want(&run, "\"verdict\":\"interlock-wet\"");
  end(&run);
}

/* What tripped before it was expected was not expected. */
static void test_a_trip_that_was_there_before(void **state)
{
  (void)state;
  struct run run;
  go(&run, LUA "step('one', function() pcall(check, 'trips now', false) interlock.expect('wet') log('goes on') end)\n", NULL, false);
  assert_int_equal(run.outcome, PL_RUN_FAIL);
  assert_int_equal(run.wanted, 0);
  want(&run, "\"verdict\":\"interlock-wet\"");
  end(&run);
}

/* Nobody can tell what the interlock did: that is no PASS. */
static void test_lost_events(void **state)
{
  (void)state;
  struct run run;
  go(&run, LUA "step('lost', function() log('goes on') wait(s(1)) log('not reached') end)\n", NULL, false);
  assert_int_equal(run.outcome, PL_RUN_ERROR);
  assert_text(run.err.text, "events of the interlock were lost");
  assert_null(strstr(run.lines, "not reached"));
  end(&run);
}

static void test_mistakes(void **state)
{
  (void)state;
  struct run run;
  go(&run, LUA "step('one', function() interlock.expect('wett') end)\n", NULL, true);
  assert_int_equal(run.status, PL_E_USAGE);
  assert_text(run.err.text, "the interlock has no rule 'wett', did you mean 'wet'?");
  end(&run);
  go(&run, LUA "step('one', function() return rig.device('trip-1').wet end)\n", NULL, true);
  assert_int_equal(run.status, PL_E_USAGE);
  assert_text(run.err.text, "trip-1 is the interlock's: a sequence neither reads nor sets it");
  end(&run);
  go(&run, LUA "step('one', function() rig.device('kill-1'):set{ open = false } end)\n", NULL, true);
  assert_int_equal(run.status, PL_E_USAGE);
  assert_text(run.err.text, "kill-1 is the interlock's");
  end(&run);
}

/* In a rehearsal a trip does not judge; it is there to be asked for, with the line that did it. */
static void test_in_a_rehearsal(void **state)
{
  (void)state;
  struct run run;
  go(&run, LUA "step('one', function()\n  wait(ms(100))\n  fault.plant('trip-1.leak=stuck-high')\n  wait(s(1))\nend)\n", NULL, true);
  assert_int_equal(run.outcome, PL_RUN_PASS);
  const struct pl_interlock_view *view = pl_interlock_view(run.il.interlock, 0);
  assert_true(view->tripped);
  assert_int_equal(view->line, 5);
  end(&run);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_trip_fails_the_run),
      cmocka_unit_test(test_a_blind_interlock_cannot_judge),
      cmocka_unit_test(test_unsafe_before_anything_is_driven),
      cmocka_unit_test(test_a_trip_that_is_meant),
      cmocka_unit_test(test_a_reset_that_is_refused),
      cmocka_unit_test(test_a_trip_that_does_not_come),
      cmocka_unit_test(test_once_reset_the_next_one_counts),
      cmocka_unit_test(test_a_trip_that_was_there_before),
      cmocka_unit_test(test_lost_events),
      cmocka_unit_test(test_mistakes),
      cmocka_unit_test(test_in_a_rehearsal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

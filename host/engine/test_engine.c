/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: judgement, limits, failures and what is torn down after them, time, waiting, prompts, rehearsals. */
#include "host/engine/engine_test.h"

/* --- judgement --- */

static void measurements_are_judged(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "step('one', function()\n"
                   "measure('volts', V(48), { min = V(46), max = V(50) })\n"
                   "measure('plain', 3, { min = 1, max = 2 })\n"
                   "measure('text', 'abc', { equals = 'abc' })\n"
                   "check('flag', false)\n"
                   "measure('only recorded', kPa(3))\n"
                   "measure('rig limits', rig.psu.supply.vout)\n"
                   "log('still here')\n"
                   "end)\nstep('two', function() end)\n");
  assert_outcome(f, PL_RUN_FAIL);
  assert_int_equal(f->status, PL_OK);
  assert_journal(f, "\"name\":\"volts\",\"value\":48,\"unit\":\"V\",\"validators\":[{\"type\":\"GREATER_THAN_OR_EQUAL\",\"value\":46,\"name\":\"sequence\"},"
                    "{\"type\":\"LESS_THAN_OR_EQUAL\",\"value\":50,\"name\":\"sequence\"}]");
  assert_journal(f, "\"verdict\":\"volts-pass\",\"type\":\"PASS\"");
  assert_journal(f, "\"verdict\":\"plain-fail\",\"type\":\"FAIL\",\"message\":\"plain: 3, limits 1 to 2");
  assert_journal(f, "\"verdict\":\"flag-fail\"");
  assert_journal(f, "\"verdict\":\"text-pass\"");
  assert_journal(f, "\"name\":\"only recorded\",\"value\":3,\"unit\":\"kPa\"}");
  assert_not_journal(f, "only-recorded");
  assert_journal(f, "\"value\":46,\"name\":\"rig\"");
  assert_journal(f, "\"verdict\":\"rig-limits-pass\",\"type\":\"PASS\",\"hardwareInfoId\":\"psu-a\"");
  assert_journal(f, "still here");
  assert_journal(f, "{\"name\":\"two\"}");
  assert_journal(f, "\"result\":\"FAIL\"");
}

static void diagnosis_names_part_place_and_action(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "step('s', function()\n"
                   "measure('slot voltage', rig.slot.monitor.vout, { min = V(46) })\n"
                   "measure('bus', rig.psu.supply.vout, { max = V(40), action = 'turn it down' })\n"
                   "measure('time', ms(3), { max = ms(2), blame = rig.slot })\n"
                   "diagnose{ verdict = 'Own verdict', message = 'because', result = 'fail', of = rig.slot.monitor }\n"
                   "end)\n");
  assert_journal(f, "\"verdict\":\"slot-voltage-fail\",\"type\":\"FAIL\",\"message\":\"slot voltage: 0 V, limit at least 46 V; csu-1 (slot 1), monitor-1; next: check what");
  assert_journal(f, "\"hardwareInfoId\":\"monitor-1\",\"subcomponent\":{\"name\":\"vout\"},\"sourceLocation\":{\"file\":");
  assert_journal(f, "psu-a (left shelf); next: turn it down");
  assert_journal(f, "time: 3 ms, limit at most 2 ms; csu-1 (slot 1); next: replace the CSU in this slot");
  assert_journal(f, "\"verdict\":\"own-verdict-fail\",\"type\":\"FAIL\",\"message\":\"Own verdict: because; csu-1 (slot 1), monitor-1; next: ");
}

static void require_stops_the_run(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "step('one', function() require('x', V(3), { max = V(2) }) log('not reached') end)\n"
                   "step('two', function() end)\n"
                   "teardown(function() log('torn down') end)\n");
  assert_outcome(f, PL_RUN_FAIL);
  assert_not_journal(f, "not reached");
  assert_journal(f, "\"status\":\"SKIP\"");
  assert_journal(f, "torn down");
  run_text(f, HEAD "step('one', { go_on = true }, function() measure('x', 3, { max = 2, must = true }) log('not reached') end)\n"
                   "step('two', function() log('reached') end)\n");
  assert_outcome(f, PL_RUN_FAIL);
  assert_not_journal(f, "not reached");
  assert_journal(f, "\"message\":\"reached\"");
  assert_int_equal(count(f, "x-fail"), 1);
}

static void limits_file_overrides(void **state)
{
  struct fixture *f = *state;
  const char *text = HEAD "step('one', function() measure('v', V(48), { min = V(46), max = V(50) }) measure('n', 5) end)\n";
  f->cfg.limits_path = f->limits;
  const char good[] = "one/v: {min: 49 V}\nv: {min: 1 V}\nn: {max: 4}\n";
  write_text(f->limits, good, sizeof good - 1);
  run_text(f, text);
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "{\"type\":\"GREATER_THAN_OR_EQUAL\",\"value\":49,\"name\":\"limits.yaml\"},{\"type\":\"LESS_THAN_OR_EQUAL\",\"value\":50,\"name\":\"sequence\"}");
  assert_journal(f, "v-fail");
  assert_journal(f, "n: 5, limit at most 4");
  static const char *const BAD[][2] = {
      {"v: {min: 49 kPa}\n", "limits.yaml:1: the limits of 'v' are pressure, but it is measured as voltage"},
      {"v: {mim: 49 V}\n", "did you mean 'min'?"},
      {"v: {min: 49 V, max: 3 A}\n", "max is current, but min is voltage"},
      {"v: {min: 49 V, max: 48 V}\n", "min is above max"},
      {"v: {min: lots}\n", "limits.yaml:1"},
      {"v: {}\n", "has no limit"},
  };
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    write_text(f->limits, BAD[i][0], strlen(BAD[i][0]));
    run_text(f, text);
    assert_outcome(f, PL_RUN_ERROR);
    assert_int_equal(f->status, PL_E_USAGE);
    assert_error(f, BAD[i][1]);
  }
}

/* --- failures and teardown --- */

#define TORN "teardown(function() log('torn down ' .. tostring(rig.slot.connector.power_enable)) end)\n"
#define POWER "rig.slot.connector:turn_on()\n"

static void lua_error_ends_the_run(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "step('s', function()\n" POWER "local x = nil + 1\nend)\nstep('t', function() end)\n" TORN);
  assert_outcome(f, PL_RUN_ERROR);
  assert_int_equal(f->status, PL_E_CANCELLED); /* something was driven, so it is no mere misuse */
  assert_error(f, "try.lua:4: attempt to perform arithmetic on a nil value");
  assert_journal(f, "\"symptom\":\"sequence-error\"");
  assert_journal(f, "torn down true");
  assert_journal(f, "\"status\":\"ERROR\",\"result\":\"NOT_APPLICABLE\"");
  assert_int_equal(f->safe_power, 0);
}

static void endless_loop_is_ended(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "step('s', function()\n" POWER "while true do pcall(function() while true do end end) end\nend)\n" TORN);
  assert_outcome(f, PL_RUN_ERROR);
  assert_error(f, "try.lua:4: the step ran 1 s without waiting: endless loop?");
  assert_journal(f, "torn down true");
  assert_int_equal(f->safe_power, 0);
  run_text(f, HEAD "step('s', function()\nwhile true do wait(s(0)) end\nend)\n" TORN); /* it waits, but in virtual time that is for ever */
  assert_outcome(f, PL_RUN_ERROR);
  assert_error(f, "try.lua:3: the sequence worked for 2 s while no time passed: endless loop?");
  assert_journal(f, "torn down");
}

static void memory_is_limited(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "step('s', function()\n" POWER "pcall(function() local x = ('x'):rep(60 << 20) .. ('y'):rep(60 << 20) end)\nlog('not reached')\nend)\n" TORN);
  assert_outcome(f, PL_RUN_ERROR);
  assert_error(f, "out of memory (limit 64 MiB)");
  assert_not_journal(f, "not reached");
  assert_journal(f, "\"symptom\":\"out-of-memory\"");
  assert_journal(f, "torn down true");
  /* also when the sequence keeps all that it has */
  run_text(f, HEAD "step('s', function()\n" POWER "kept = {}\nwhile true do kept[#kept + 1] = ('x'):rep(100000) .. #kept end\nend)\n" TORN);
  assert_outcome(f, PL_RUN_ERROR);
  assert_error(f, "try.lua:5: out of memory (limit 64 MiB)");
  assert_journal(f, "torn down true");
  assert_int_equal(f->safe_power, 0);
}

static void deadline_ends_a_step(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "step('slow', { timeout = s(5) }, function()\n" POWER
                   "pcall(function() wait_until(function() return rig.slot.connector.attention end, { what = 'the LED' }) end)\nlog('not reached')\nend)\n" TORN);
  assert_outcome(f, PL_RUN_FAIL);
  assert_not_journal(f, "not reached");
  assert_journal(f, "\"verdict\":\"slow-timeout\",\"type\":\"FAIL\",\"message\":\"slow did not end within 5 s; it was waiting for the LED; csu-1 (slot 1), connector-1");
  assert_journal(f, "torn down true");
  assert_int_equal(f->safe_power, 0);
  run_text(f, HEAD "step('slow', function() wait(minutes(2)) end)\n");
  assert_outcome(f, PL_RUN_ERROR);
  assert_int_equal(f->status, PL_E_USAGE);
  assert_error(f, "try.lua:2: a wait of 120 s does not fit into the time of the step \"slow\"");
  /* nested steps have their own time */
  run_text(f, HEAD "step('outer', function() for i = 1, 3 do step('inner', function() wait(s(50)) end) end end)\n");
  assert_outcome(f, PL_RUN_PASS);
}

static void bad_readings_are_findings(void **state)
{
  struct fixture *f = *state;
  static const char *const NACK[] = {"psu-a.wire=nack"}, *const MUTE[] = {"psu-a.wire=mute"};
  const char *text = "sequence 'try' { about = 'a try', needs = { slot = 'csu', psu = 'psu' }, roll_call = false }\n"
                     "step('s', function() measure('v', rig.psu.supply.vout) end)\n" TORN;
  f->n_faults = 1;
  f->faults = NACK;
  run_text(f, text);
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "\"verdict\":\"supply-vout-no-reading\",\"type\":\"FAIL\",\"message\":\"psu-a (i2c-power, address 0x58)");
  assert_journal(f, "psu-a (left shelf); next: replace the power supply");
  assert_journal(f, "\"severity\":\"WARNING\",\"message\":\"no identity: psu-a");
  assert_journal(f, "torn down");
  f->faults = MUTE;
  run_text(f, text);
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "supply-vout-no-reading");
  static const char *const STUCK[] = {"i2c-power.wire=stuck"}; /* nobody's fault among the units: the bench needs mending */
  f->faults = STUCK;
  run_text(f, text);
  assert_outcome(f, PL_RUN_ERROR);
  assert_int_equal(f->status, PL_E_STUCK);
  assert_journal(f, "\"symptom\":\"supply-vout-no-reading\"");
  assert_journal(f, "torn down");
  f->n_faults = 0;
}

static void signal_aborts(void **state)
{
  struct fixture *f = *state;
  f->signal_at[0] = 2 * PL_S;
  run_text(f, HEAD "group('g', { teardown = function() log('group torn down') end }, function()\n"
                   "step('s', function()\n" POWER "wait(s(30))\nlog('not reached')\nend)\nend)\nstep('t', function() end)\n" TORN);
  assert_outcome(f, PL_RUN_ABORTED);
  assert_int_equal(f->status, PL_E_CANCELLED);
  assert_error(f, "aborted by the operator (SIGINT)");
  assert_not_journal(f, "not reached");
  assert_journal(f, "group torn down");
  assert_journal(f, "torn down true");
  assert_true(strstr(f->lines, "group torn down") < strstr(f->lines, "torn down true"));
  assert_journal(f, "\"status\":\"SKIP\"");
  assert_journal(f, "\"status\":\"ERROR\",\"result\":\"NOT_APPLICABLE\"");
  assert_int_equal(f->safe_power, 0);
}

static void second_signal_cuts_the_teardown(void **state)
{
  struct fixture *f = *state;
  f->signal_at[0] = 2 * PL_S;
  f->signal_at[1] = 3 * PL_S;
  run_text(f, HEAD "step('s', function()\n" POWER "wait(s(30))\nend)\nteardown(function() log('begun') wait(s(5)) log('not reached') end)\n");
  assert_outcome(f, PL_RUN_ABORTED);
  assert_journal(f, "begun");
  assert_not_journal(f, "not reached");
  assert_int_equal(f->safe_power, 0);
  f->signal_at[1] = 0; /* a teardown has 10 s after an abort */
  run_text(f, HEAD "step('s', function()\n" POWER "wait(s(30))\nend)\nteardown(function() wait_until(function() return false end, { what = 'for ever' }) end)\n");
  assert_outcome(f, PL_RUN_ABORTED);
  assert_journal(f, "teardown did not end within 10 s; it was waiting for for ever");
}

static void retry_keeps_every_attempt(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "local n = 0\nstep('again', { retry = 3 }, function() n = n + 1 measure('n', n, { min = 3 }) end)\n"
                   "group('g', { retry = 1, setup = function() log('up') end, teardown = function() log('down') end }, function()\n"
                   "step('in', function() require('m', n, { min = 4 }) end)\nend)\n");
  assert_outcome(f, PL_RUN_FAIL); /* g fails twice; again passes at its third attempt */
  assert_int_equal(count(f, "{\"name\":\"again\"}"), 3);
  assert_journal(f, "\"attempt\":3");
  assert_not_journal(f, "\"attempt\":4");
  assert_int_equal(count(f, "\"up\""), 2);
  assert_int_equal(count(f, "\"down\""), 2);
  assert_int_equal(count(f, "m-fail"), 2);
  run_text(f, HEAD "local n = 0\nstep('again', { retry = 3 }, function() n = n + 1 require('n', n, { min = 3 }) end)\n");
  assert_outcome(f, PL_RUN_PASS);
}

/* --- background and waiting --- */

static void invariant_fails_the_step_that_broke_it(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "local n = 0\ninvariant('n stays low', function(rig) return n < 3 end, { every = ms(10), action = 'look at n' })\n"
                   "step('one', function() wait(ms(100)) end)\n"
                   "step('two', { go_on = true }, function() n = 5 wait(ms(100)) log('not reached') end)\n"
                   "step('three', function() n = 0 wait(ms(100)) end)\n");
  assert_outcome(f, PL_RUN_FAIL);
  assert_not_journal(f, "not reached");
  assert_int_equal(count(f, "n-stays-low-fail"), 1);
  assert_journal(f, "\"testStepId\":\"1\",\"diagnosis\":{\"verdict\":\"n-stays-low-fail\",\"type\":\"FAIL\",\"message\":\"n stays low: broken during \\\"two\\\"; next: look at n");
  assert_int_equal(count(f, "\"failed\":true"), 1);
  run_text(f, HEAD "invariant('wrong', function(rig) return rig.slot.monitor.vout > 5 end)\nstep('one', function() wait(s(1)) end)\n" TORN);
  assert_outcome(f, PL_RUN_ERROR);
  assert_error(f, "try.lua:2: a plain number compared with V");
  assert_journal(f, "torn down");
}

static void parallel_branches_run_side_by_side(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "step('s', function()\nlocal from = now()\nlocal a, b\nparallel{\n"
                   "function() wait(s(1)) a = now() end,\nfunction() wait(s(2)) b = now() step('nested', function() check('in', true) end) end }\n"
                   "assert(a - from == s(1) and b - from == s(2))\nend)\n");
  assert_outcome(f, PL_RUN_PASS);
  assert_journal(f, "\"name\":\"s, branch 2\"");
  assert_journal(f, "\"kind\":\"branch\"");
  run_text(f, HEAD "step('s', function()\nparallel{\nfunction() wait(s(1)) require('x', false) end,\nfunction() wait(s(2)) log('not reached') end }\nlog('not reached')\nend)\n" TORN);
  assert_outcome(f, PL_RUN_FAIL);
  assert_not_journal(f, "not reached");
  assert_int_equal(count(f, "x-fail"), 1);
  assert_journal(f, "torn down");
}

static void waiting_tells_how_long(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "step('s', function()\nlocal from = now()\n"
                   "local t = wait_until(function() return now() - from >= ms(20) end, { within = s(1), every = ms(5) })\n"
                   "assert(t == ms(20))\n"
                   "assert(wait_until(function() return false end, { within = ms(30), or_nil = true }) == nil)\n"
                   "local seen = sample('series', function() return volts(number(now(), 's')) end, { every = ms(10), during = ms(50) })\n"
                   "assert(seen.count == 6 and seen.max - seen.min == V(0.05), seen.count)\n"
                   "local n = 0\nlocal r = record('background', function() n = n + 1 return n end, { every = ms(2) })\n"
                   "wait(ms(9))\nassert(r.count == 5 and r.max == 5 and r.mean == 3, r.count)\n"
                   "assert(settle(function() return lowest(V(5), V(number(now() - from, 's') * 20)) end, { band = V(0.1), during = ms(50) }) == V(5))\n"
                   "wait_until(function() return false end, { within = ms(30), what = 'power good', of = rig.slot.connector })\nend)\n");
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "\"verdict\":\"power-good-fail\",\"type\":\"FAIL\",\"message\":\"power good: not within 30 ms; csu-1 (slot 1), connector-1; next: check the slot's connector");
  assert_int_equal(count(f, "measurementSeriesStart"), 2);
  assert_int_equal(count(f, "measurementSeriesEnd"), 2);
}

#define REACTION(within) \
  "step('s', function()\nrig.slot.hot_swap:turn_on()\n" \
  "reaction('power good follows', { from = rig.slot.connector:edge('power_enable', 'rising'), to = rig.slot.connector:edge('power_good', 'rising'),\n" \
  "within = " within ", start = function() rig.slot.connector:turn_on() end })\nend)\n"

static void reactions_are_measured(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD REACTION("ms(200)"));
  assert_outcome(f, PL_RUN_PASS);
  assert_journal(f, "\"name\":\"power good follows\",\"value\":18.");
  assert_journal(f, "\"unit\":\"ms\",\"validators\":[{\"type\":\"GREATER_THAN_OR_EQUAL\",\"value\":0,\"name\":\"sequence\"},{\"type\":\"LESS_THAN_OR_EQUAL\",\"value\":200");
  run_text(f, HEAD REACTION("ms(5)")); /* too late is measured, not only missed */
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "\"name\":\"power good follows\",\"value\":18.");
  static const char *const STUCK[] = {"connector-1.power-good=stuck-low"};
  f->faults = STUCK;
  f->n_faults = 1;
  run_text(f, HEAD REACTION("ms(200)"));
  assert_outcome(f, PL_RUN_FAIL);
  assert_not_journal(f, "\"name\":\"power good follows\",\"value\"");
  assert_journal(f, "\"verdict\":\"power-good-follows-fail\"");
  assert_journal(f, "no power-good of connector-1 rising within 1.2 s, limit 200 ms; csu-1 (slot 1), connector-1");
}

/* --- operator, faults, rehearsal --- */

static void prompts_are_answered(void **state)
{
  struct fixture *f = *state;
  const char *text = HEAD "step('s', function() log('got ' .. prompt('Which colour is the LED?', { choices = { 'green', 'red' } })) end)\n";
  run_text(f, text);
  assert_outcome(f, PL_RUN_ERROR);
  assert_error(f, "nobody is there to answer \"Which colour is the LED?\": give --answers FILE");
  const char answers[] = "- {prompt: \"*colour*\", answer: red}\n";
  write_text(f->answers, answers, sizeof answers - 1);
  f->cfg.answers_path = f->answers;
  run_text(f, text);
  assert_outcome(f, PL_RUN_PASS);
  assert_journal(f, "got red");
  const char wrong[] = "- {prompt: colour, answer: blue}\n";
  write_text(f->answers, wrong, sizeof wrong - 1);
  run_text(f, text);
  assert_error(f, "the answer \"blue\" to \"Which colour is the LED?\" is none of green/red");
  const char bad[] = "- {promt: colour, answer: blue}\n";
  write_text(f->answers, bad, sizeof bad - 1);
  run_text(f, text);
  assert_int_equal(f->status, PL_E_USAGE);
  assert_error(f, "did you mean 'prompt'?");
}

static void terminal_is_asked(void **state)
{
  struct fixture *f = *state;
  int ends[2], kept = dup(STDIN_FILENO), kept_err = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY);
  assert_true(kept >= 0 && kept_err >= 0 && nowhere >= 0);
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(write(ends[1], "red\n", 4), 4);
  dup2(ends[0], STDIN_FILENO);
  dup2(nowhere, STDERR_FILENO);
  f->cfg.interactive = true;
  run_text(f, HEAD "step('s', function() log('got ' .. prompt('Which colour?')) end)\n");
  dup2(kept, STDIN_FILENO);
  dup2(kept_err, STDERR_FILENO);
  close(kept);
  close(kept_err);
  close(nowhere);
  close(ends[0]);
  close(ends[1]);
  assert_outcome(f, PL_RUN_PASS);
  assert_journal(f, "got red");
}

static void rack_is_acted_on(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "step('s', function()\nassert(rig.slot.connector.present)\noperator.remove(rig.slot)\n"
                   "wait_until(function() return not rig.slot.connector.present end, { within = s(1) })\n"
                   "wait(ms(200))\noperator.insert(rig.slot)\nwait_until(function() return rig.slot.connector.present end, { within = s(1) })\n"
                   "fault.plant('psu-a.vout=offset:-5V')\nmeasure('v', rig.psu.supply.vout, { max = V(44) })\nfault.clear('psu-a.vout=offset:-5V')\n"
                   "measure('w', rig.psu.supply.vout, { min = V(46) })\nend)\n");
  assert_outcome(f, PL_RUN_PASS);
  run_text(f, HEAD "step('s', function() fault.plant('psu-z.vout=offset:-5V') end)\n");
  assert_outcome(f, PL_RUN_ERROR);
  assert_error(f, "psu-z");
}

static void rehearsal_finds_errors_only(void **state)
{
  struct fixture *f = *state;
  f->cfg.rehearsal = true;
  f->cfg.rehearsal_wall_ms = 5000;
  run_text(f, HEAD "step('one', function() prompt('Go on?') end)\n");
  assert_int_equal(f->status, PL_E_USAGE); /* better now than with power on */
  assert_error(f, "try.lua:2: nobody is there to answer \"Go on?\"");
  f->cfg.interactive = true;
  run_text(f, HEAD "step('one', function() require('x', 3, { max = 2 }) prompt('Go on?')\n"
                   "wait_until(function() return false end, { within = ms(30) })\nlog('reached') end)\n"
                   "step('two', function() step('in', function() wait_until(function() return false end) end) end)\n"
                   "step('three', function() local x = rig.slot.monitor.vout > kPa(3) end)\nstep('four', function() log('not reached') end)\n");
  assert_int_equal(f->status, PL_E_USAGE);
  assert_error(f, "try.lua:6: kPa compared with V");
  assert_journal(f, "\"reached\"");
  assert_not_journal(f, "not reached");
  run_text(f, HEAD "step('one', function() require('x', 3, { max = 2 }) end)\nstep('two', function() check('y', false) end)\n");
  assert_outcome(f, PL_RUN_PASS);
  assert_int_equal(f->status, PL_OK);
  f->cfg.rehearsal_wall_ms = 50; /* then it has seen enough */
  run_text(f, HEAD "step('long', { timeout = h(1000) }, function() while true do wait(ms(1)) end end)\n");
  assert_outcome(f, PL_RUN_PASS);
  assert_int_equal(f->status, PL_OK);
}

static void same_seed_same_journal(void **state)
{
  struct fixture *f = *state;
  const char *text = HEAD "invariant('flows', function(rig) return rig.loop.flow > litres_per_minute(1) end)\n" REACTION("ms(200)")
      "step('t', function()\nfor k, v in pairs({ b = 1, a = {}, c = print }) do log(k .. tostring(v)) end\n"
      "log(math.random(1000)) print({}, rig.slot)\nrecord('v', function() return rig.slot.monitor.vout end)\nwait(s(1))\n"
      "parallel{ function() wait(ms(3)) end, function() measure('v', rig.psu.supply.iout) end }\nend)\n" TORN;
  run_text(f, text);
  assert_outcome(f, PL_RUN_PASS);
  char *first = strdup(f->lines);
  assert_non_null(first);
  run_text(f, text);
  assert_string_equal(first, f->lines);
  assert_not_journal(f, "0x0");
  f->cfg.seed = 2;
  run_text(f, text);
  assert_string_not_equal(first, f->lines);
  free(first);
}

static void steps_in_the_wrong_place_are_refused(void **state)
{
  struct fixture *f = *state;
  static const char *const CASES[][2] = {
      {"step('s', function() setup(function() end) end)\n", "setup is declared at the top of the file"},
      {"step('s', function() table.sort({ 1, 2, 3 }, function() wait(s(1)) end) end)\n", "waiting is not possible inside table.sort"},
      {"step('s', function() table.sort({ 1, 2, 3 }, function() return rig.slot.monitor.vout > V(1) end) end)\n", "cannot be asked here"},
      {"step('s', function() record('r', function() step('t', function() end) end) wait(s(1)) end)\n", "step is not possible in the background"},
      {"invariant('i', function() measure('x', 1) end)\nstep('s', function() wait(s(1)) end)\n", "measure is not possible in an invariant"},
      {"step('s', function() local function f() step('deeper', f) end f() end)\n", "steps are nested more than 64 deep"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    char text[1024];
    snprintf(text, sizeof text, HEAD "%s", CASES[i][0]);
    run_text(f, text);
    assert_outcome(f, PL_RUN_ERROR);
    assert_error(f, CASES[i][1]);
  }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(measurements_are_judged),
      TEST(diagnosis_names_part_place_and_action),
      TEST(require_stops_the_run),
      TEST(limits_file_overrides),
      TEST(lua_error_ends_the_run),
      TEST(endless_loop_is_ended),
      TEST(memory_is_limited),
      TEST(deadline_ends_a_step),
      TEST(bad_readings_are_findings),
      TEST(signal_aborts),
      TEST(second_signal_cuts_the_teardown),
      TEST(retry_keeps_every_attempt),
      TEST(invariant_fails_the_step_that_broke_it),
      TEST(parallel_branches_run_side_by_side),
      TEST(waiting_tells_how_long),
      TEST(reactions_are_measured),
      TEST(prompts_are_answered),
      TEST(terminal_is_asked),
      TEST(rack_is_acted_on),
      TEST(rehearsal_finds_errors_only),
      TEST(same_seed_same_journal),
      TEST(steps_in_the_wrong_place_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold when things go wrong: teardowns run to their end, the safe state comes first, nobody is blamed for another. */
#include "host/engine/engine_test.h"

/* --- teardowns and invariants --- */

static void a_broken_invariant_lets_a_teardown_end(void **state)
{
  struct fixture *f = *state;
  static const char *const BODIES[] = {"n = 5 wait(ms(100)) log('torn down whole')", "step('off', function() n = 5 wait(ms(100)) log('torn down whole') end)",
                                       "step('off', function() step('deep', function() n = 5 wait(ms(100)) end) log('torn down whole') end)"};
  for (size_t i = 0; i < sizeof BODIES / sizeof *BODIES; i++) {
    char text[1024];
    snprintf(text, sizeof text,
             HEAD "local n = 0\ninvariant('n stays low', function() return n < 3 end, { every = ms(10) })\n"
                  "group('g', { teardown = function() %s end }, function() step('in', function() end) end)\n"
                  "step('after', function() log('not reached') end)\n",
             BODIES[i]);
    run_text(f, text);
    assert_outcome(f, PL_RUN_FAIL);
    assert_journal(f, "torn down whole");
    assert_int_equal(count(f, "n-stays-low-fail"), 1);
    assert_journal(f, "\"status\":\"SKIP\""); /* it ends the run all the same */
    assert_not_journal(f, "not reached");
  }
}

static void a_wrong_invariant_lets_a_teardown_end(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "local n = 0\ninvariant('wrong', function() return n < 3 or V(1) < A(1) end, { every = ms(10) })\n"
                   "group('g', { teardown = function() step('off', function() n = 5 wait(ms(100)) log('torn down whole') end) end }, function() end)\n"
                   "step('after', function() log('not reached') end)\n");
  assert_outcome(f, PL_RUN_ERROR);
  assert_error(f, "V compared with A");
  assert_journal(f, "torn down whole");
  assert_not_journal(f, "not reached");
  f->faults = (const char *const[]){"psu-a.wire=nack@1.05s"};
  f->n_faults = 1;
  run_text(f, HEAD "invariant('supply', function(rig) return rig.psu.supply.vout > V(40) end, { every = ms(10) })\n"
                   "group('g', { teardown = function() wait(ms(1500) - now()) log('torn down whole') end }, function() wait(ms(1000) - now()) end)\n");
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "supply: psu-a (i2c-power, address 0x58)");
  assert_journal(f, "torn down whole");
}

/* --- the safe state --- */

static void safe_state_waits_for_what_is_in_flight(void **state)
{
  struct fixture *f = *state;
  f->signal_at[0] = 2 * PL_S + 30 * PL_US;
  run_text(f, HEAD "step('s', function()\nrig.slot.hot_swap:turn_on() rig.slot.connector:turn_on()\nfault.plant('psu-a.wire=stretch:3s')\n"
                   "wait(s(2) - now())\nlocal x = rig.psu.supply.vout\nlog('went on')\nend)\n");
  assert_outcome(f, PL_RUN_ABORTED);
  assert_not_journal(f, "not reached");
  assert_not_journal(f, "safe state was not reached");
  assert_int_equal(f->safe_power, 0);
}

/* --- who is to blame --- */

static void a_busy_bus_is_no_finding(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "step('s', function()\nfault.plant('psu-a.wire=stretch:3s')\nparallel{\nfunction() pcall(function() return rig.psu.supply.vout end) wait(s(1)) end,\n"
                   "function() measure('v', rig.slot.hot_swap.vin) end }\nend)\n");
  assert_outcome(f, PL_RUN_ERROR);
  assert_error(f, "hsc-1 (i2c-power, address 0x10): the bus was busy until the deadline");
  assert_int_equal(count(f, "\"type\":\"FAIL\""), 0);
}

static void lose_edges(struct fixture *f)
{
  struct pl_bus *bus = pl_device_bus(pl_bench_device(f->cfg.bench, "connector-1"));
  for (int line = 0; line < 4; line++) /* its lines were requested first */
    pl_gpio_edges_lost(bus, line, 3);
}

static void lost_edges_are_the_adapters(void **state)
{
  struct fixture *f = *state;
  f->at_signal = lose_edges;
  f->signal_at[0] = 1005 * PL_MS;
  const char *text = HEAD "step('s', function()\nrig.slot.hot_swap:turn_on()\nwait(s(1) - now())\n"
                          "reaction('power good follows', { from = rig.slot.connector:edge('power_enable', 'rising'), to = rig.slot.connector:edge('power_good', 'rising'),\n"
                          "within = ms(200), start = function() rig.slot.connector:turn_on() end })\nend)\n";
  run_text(f, text);
  assert_outcome(f, PL_RUN_ERROR);
  assert_error(f, "power-good of connector-1: the adapter lost edges");
  assert_int_equal(count(f, "\"type\":\"FAIL\""), 0);
  assert_not_journal(f, "\"name\":\"power good follows\"");
  f->signal_at[0] = 500 * PL_MS; /* lost before: no harm */
  run_text(f, text);
  assert_outcome(f, PL_RUN_PASS);
}

/* --- rehearsals --- */

static void limits_that_nothing_uses_are_refused(void **state)
{
  struct fixture *f = *state;
  const char *text = HEAD "step('one', function() measure('slot voltage', V(48), { max = V(50) }) measure('n', 5) end)\n"
                          "step('two', function() check('flag', true) end)\n";
  static const struct {
    const char *limits, *wanted;
  } CASES[] = {
      {"slot voltage: {max: 49 V}\none/n: {max: 6}\n", NULL},
      {"n: {max: 6}\nslot voltages: {max: 49 V}\n", "limits.yaml:2: no measurement is called 'slot voltages', did you mean 'slot voltage'?"},
      {"one/slot voltagge: {max: 49 V}\n", "limits.yaml:1: no measurement is called 'one/slot voltagge', did you mean 'one/slot voltage'?"},
      {"something else: {max: 49 V}\n", "limits.yaml:1: no measurement is called 'something else'"},
  };
  f->cfg.limits_path = f->limits;
  f->cfg.rehearsal = true;
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    write_text(f->limits, CASES[i].limits, strlen(CASES[i].limits));
    run_text(f, text);
    assert_int_equal(f->status, CASES[i].wanted ? PL_E_USAGE : PL_OK);
    if (CASES[i].wanted)
      assert_error(f, CASES[i].wanted);
  }
  f->cfg.limits_shared = true; /* another sequence may measure it */
  run_text(f, text);
  assert_int_equal(f->status, PL_OK);
  f->cfg.limits_shared = false; /* what a rehearsal has not seen it does not judge */
  run_text(f, HEAD "step('one', function() rig.psu.supply:clear_faults() wait_until(function() return false end) measure('something else', V(1)) end)\n");
  assert_int_equal(f->status, PL_OK);
}

static void a_rehearsal_says_how_far_it_came(void **state)
{
  struct fixture *f = *state;
  char reached[64] = "?";
  f->cfg.rehearsal = true;
  f->cfg.rehearsal_wall_ms = 50;
  f->cfg.reached = reached;
  f->cfg.reached_size = sizeof reached;
  run_text(f, HEAD "step('short', function() end)\nstep('long', { timeout = h(1000) }, function() while true do wait(ms(1)) end end)\n");
  assert_int_equal(f->status, PL_OK);
  assert_string_equal(reached, "long");
  f->cfg.rehearsal_wall_ms = 5000;
  run_text(f, HEAD "step('short', function() end)\n");
  assert_int_equal(f->status, PL_OK);
  assert_string_equal(reached, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_broken_invariant_lets_a_teardown_end), TEST(a_wrong_invariant_lets_a_teardown_end), TEST(safe_state_waits_for_what_is_in_flight),
      TEST(a_busy_bus_is_no_finding),               TEST(lost_edges_are_the_adapters),           TEST(limits_that_nothing_uses_are_refused),
      TEST(a_rehearsal_says_how_far_it_came),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

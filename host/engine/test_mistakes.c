/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes of a sequence that would otherwise pass unnoticed: a condition that always holds, a loop over nothing, limits that nothing can meet. */
#include "host/engine/engine_test.h"

static void refused(struct fixture *f, const char *text, const char *why)
{
  f->cfg.rehearsal = true;
  run_text(f, text);
  assert_int_equal(f->status, PL_E_USAGE);
  assert_error(f, why);
}

static void conditions_are_true_or_false(void **state)
{
  struct fixture *f = *state;
  refused(f, HEAD "invariant('v', function(rig) return rig.psu.supply.vout end)\nstep('s', function() wait(s(1)) end)\n", "an invariant must return true or false, it returned 48 V");
  refused(f, HEAD "invariant('v', function(rig) rig.psu.supply.vout > V(4) end)\nstep('s', function() end)\n", "try.lua:2");
  refused(f, HEAD "invariant('v', function(rig) local x = rig.psu.supply.vout > V(4) end)\nstep('s', function() wait(s(1)) end)\n", "it returned nothing");
  refused(f, HEAD "step('s', function() wait_until(function() return 3 end, { within = s(1) }) end)\n", "the function of wait_until must return true or false, it returned 3");
}

static void kinds_of_parts_exist(void **state)
{
  struct fixture *f = *state;
  refused(f, HEAD "step('s', function() for c in rig.parts('cus') do log(c.name) end end)\n", "there is no kind of part 'cus', did you mean 'csu'?");
  f->cfg.rehearsal = false;
  run_text(f, HEAD "step('s', function() for t in rig.parts('tray') do log('a tray') end end)\n"); /* a kind that this rig has none of */
  assert_outcome(f, PL_RUN_PASS);
}

static void limits_can_be_met(void **state)
{
  struct fixture *f = *state;
  refused(f, HEAD "step('s', function() measure('v', V(48), { min = V(50), max = V(40) }) end)\n", "measure \"v\": min is above max");
  refused(f, HEAD "step('s', function() measure('n', 3, { min = 5, max = 4 }) end)\n", "measure \"n\": min is above max");
}

static void branches_have_their_steps_time(void **state)
{
  struct fixture *f = *state;
  run_text(f, HEAD "step('s', { timeout = minutes(5) }, function() parallel{ function() wait(s(90)) log('ninety') end } end)\n");
  assert_outcome(f, PL_RUN_PASS);
  assert_journal(f, "ninety");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(conditions_are_true_or_false, set_up, tear_down),
      cmocka_unit_test_setup_teardown(kinds_of_parts_exist, set_up, tear_down),
      cmocka_unit_test_setup_teardown(limits_can_be_met, set_up, tear_down),
      cmocka_unit_test_setup_teardown(branches_have_their_steps_time, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

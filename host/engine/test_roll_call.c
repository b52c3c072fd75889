/* SPDX-License-Identifier: Apache-2.0 */
#include "host/engine/engine_test.h"

#define DRIVES HEAD "step('s', function() rig.slot.connector:turn_on() log('driven') end)\nteardown(function() log('torn down') end)\n"

static void with_fault(struct fixture *f, const char *const *fault)
{
  f->faults = fault;
  f->n_faults = 1;
  run_text(f, DRIVES);
}

static void healthy_rig_has_no_step_for_it(void **state)
{
  struct fixture *f = *state;
  run_text(f, DRIVES);
  assert_outcome(f, PL_RUN_PASS);
  assert_journal(f, "driven");
  assert_not_journal(f, "every device answers");
}

static void silent_unit_fails_before_anything_is_driven(void **state)
{
  struct fixture *f = *state;
  with_fault(f, (const char *const[]){"psu-a.wire=nack"});
  assert_outcome(f, PL_RUN_FAIL);
  assert_not_journal(f, "driven");
  assert_not_journal(f, "torn down");
  assert_journal(f, "\"verdict\":\"supply-does-not-answer\",\"type\":\"FAIL\",\"message\":\"psu-a (i2c-power, address 0x58): ");
  assert_journal(f, "psu-a (left shelf); next: check power and wiring of the bus, then replace the power supply");
  assert_journal(f, "\"step-result\",\"content\":{\"failed\":true}");
  assert_journal(f, "\"result\":\"FAIL\"");
}

static void silent_bench_cannot_judge(void **state)
{
  struct fixture *f = *state;
  with_fault(f, (const char *const[]){"monitor-1.wire=nack"});
  assert_outcome(f, PL_RUN_ERROR);
  assert_not_journal(f, "driven");
  assert_journal(f, "monitor-does-not-answer");
  assert_journal(f, "\"status\":\"ERROR\",\"result\":\"NOT_APPLICABLE\"");
  assert_error(f, "nothing was driven, since the bench itself is not whole: monitor-1 (i2c-bench, address 0x40)");
}

static void junk_is_no_answer(void **state)
{
  struct fixture *f = *state;
  static const char *const FAULTS[] = {"psu-a.wire=bad-pec", "psu-a.wire=short-block", "psu-a.wire=garbage", "hsc-1.wire=nan", "psu-a.wire=mute"};
  for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
    with_fault(f, &FAULTS[i]);
    assert_outcome(f, PL_RUN_FAIL);
    assert_not_journal(f, "driven");
    assert_journal(f, "-does-not-answer\",\"type\":\"FAIL\"");
  }
}

static void sequence_may_judge_it_itself(void **state)
{
  struct fixture *f = *state;
  f->faults = (const char *const[]){"psu-a.wire=nack"};
  f->n_faults = 1;
  run_text(f, "sequence 'try' { about = 'a try', roll_call = false }\nstep('s', function() log('begun') end)\n");
  assert_outcome(f, PL_RUN_PASS);
  assert_journal(f, "begun");
}

/* A bus is asked one device after the other, each with time of its own: who stands behind a mute one is not blamed for it. */
static void only_the_mute_are_named(void **state)
{
  struct fixture *f = *state;
  f->faults = (const char *const[]){"load-1.wire=mute", "load-2.wire=mute", "rpu.wire=mute"};
  f->n_faults = 3;
  run_text(f, "sequence 'try' { about = 'a try', needs = { slot = 'csu' } }\nstep('s', function() log('driven') end)\n");
  assert_outcome(f, PL_RUN_ERROR);
  assert_not_journal(f, "driven\"");
  assert_not_journal(f, "the bus was busy");
  assert_int_equal(count(f, "load-does-not-answer"), 2);
  assert_int_equal(count(f, "-does-not-answer"), 3);
  assert_int_equal(count(f, "no identity: "), count(f, "no identity: rpu") + count(f, "no identity: load-1") + count(f, "no identity: load-2"));
}

static void silent_wire_is_no_reason_to_blame_the_next(void **state)
{
  struct fixture *f = *state;
  with_fault(f, (const char *const[]){"psu-a.wire=stretch:3s"});
  assert_outcome(f, PL_RUN_FAIL);
  assert_journal(f, "supply-does-not-answer");
  assert_int_equal(count(f, "-does-not-answer"), 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(healthy_rig_has_no_step_for_it, set_up, tear_down),
      cmocka_unit_test_setup_teardown(silent_unit_fails_before_anything_is_driven, set_up, tear_down),
      cmocka_unit_test_setup_teardown(silent_bench_cannot_judge, set_up, tear_down),
      cmocka_unit_test_setup_teardown(junk_is_no_answer, set_up, tear_down),
      cmocka_unit_test_setup_teardown(only_the_mute_are_named, set_up_rack, tear_down),
      cmocka_unit_test_setup_teardown(silent_wire_is_no_reason_to_blame_the_next, set_up, tear_down),
      cmocka_unit_test_setup_teardown(sequence_may_judge_it_itself, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

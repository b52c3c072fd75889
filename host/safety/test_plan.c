/* SPDX-License-Identifier: Apache-2.0 */
/* Whose line a hazard is put down to: the last write that can have made it, and no other. */
#include "host/safety/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct pl_quantity ON = {.name = "on", .dim = PL_DIM_FLAG, .access = PL_SET}, LOAD = {.name = "load", .dim = PL_DIM_POWER, .access = PL_SET},
                                STOP = {.name = "stop", .dim = PL_DIM_FLAG, .access = PL_SET}, CLEAR = {.name = "clear-faults", .access = PL_ACT},
                                LAMP = {.name = "attention", .dim = PL_DIM_FLAG, .access = PL_SET};
static const struct pl_rig_part CSU = {.name = "csu-1", .kind = "csu"};
static const struct pl_rig_device SUPPLY = {.name = "psu-a", .role = "supply"}, BANK = {.name = "load-1", .role = "load"}, PUMPS = {.name = "rpu", .role = "coolant"},
                                  SLOT = {.name = "hsc-1", .role = "hot-swap"};

static int make(void **state)
{
  return pl_plan_check_new(NULL, (struct pl_plan_check **)state, NULL) != PL_OK;
}

static int drop(void **state)
{
  pl_plan_check_free(*state);
  return 0;
}

static const struct pl_plan_check_finding *hazard(struct pl_plan_check *plan, const char *rule, const char *part, pl_time_ns at)
{
  struct pl_hazard hazard = {.rule = rule, .part = part, .at = at};
  snprintf(hazard.text, sizeof hazard.text, "%s; mend it", rule);
  pl_plan_check_hazard(plan, &hazard);
  return pl_plan_check_count(plan) ? pl_plan_check_get(plan, pl_plan_check_count(plan) - 1) : NULL;
}

static void the_last_write_before_it_is_blamed(void **state)
{
  struct pl_plan_check *plan = *state;
  pl_plan_check_wrote(plan, 10, 100, &PUMPS, &STOP, PL_U);
  pl_plan_check_wrote(plan, 20, 200, &BANK, &LOAD, 500 * PL_U);
  pl_plan_check_wrote(plan, 30, 300, &BANK, &LOAD, 600 * PL_U); /* when it had begun */
  const struct pl_plan_check_finding *found = hazard(plan, "uncooled", "loop", 250);
  assert_int_equal(found->line, 20);
  assert_string_equal(found->wrote, "load-1.load = 500 W");
  assert_int_equal(found->other, 10);
  assert_string_equal(found->other_wrote, "rpu.stop = on");
}

static void what_takes_energy_away_is_not_the_cause(void **state)
{
  struct pl_plan_check *plan = *state;
  pl_plan_check_wrote(plan, 10, 100, &PUMPS, &STOP, PL_U);
  pl_plan_check_wrote(plan, 11, 110, &BANK, &LOAD, 0);
  pl_plan_check_wrote(plan, 12, 120, &SLOT, &ON, 0);
  pl_plan_check_wrote(plan, 13, 130, &SLOT, &CLEAR, 0);
  pl_plan_check_wrote(plan, 14, 140, &SLOT, &LAMP, PL_U);
  assert_int_equal(hazard(plan, "uncooled", "loop", 200)->line, 10);
}

static void only_what_acts_on_that_side_is_the_cause(void **state)
{
  struct pl_plan_check *plan = *state;
  pl_plan_check_wrote(plan, 10, 100, &SUPPLY, &ON, 0);
  pl_plan_check_wrote(plan, 20, 200, &PUMPS, &STOP, 0);
  pl_plan_check_wrote(plan, 30, 300, &BANK, &LOAD, 500 * PL_U);
  assert_int_equal(hazard(plan, "dry-run", "rpu", 400)->line, 20);
  assert_int_equal(hazard(plan, "redundancy", "busbar", 400)->line, 20); /* in the order of lines: the last is still the pump's */
  assert_int_equal(pl_plan_check_get(plan, 0)->line, 10);
  assert_string_equal(pl_plan_check_get(plan, 0)->rule, "redundancy");
}

static void acts_and_faults_count(void **state)
{
  struct pl_plan_check *plan = *state;
  pl_plan_check_acted(plan, 7, 100, &CSU, "remove");
  assert_string_equal(hazard(plan, "live-unmate", "csu-1", 100)->wrote, "remove csu-1");
  pl_plan_check_planted(plan, 9, 200, "psu-a.ac=lost");
  const struct pl_plan_check_finding *found = hazard(plan, "below-n", "busbar", 220);
  assert_int_equal(found->line, 9);
  assert_string_equal(found->wrote, "fault psu-a.ac=lost");
}

static void one_line_is_one_finding(void **state)
{
  struct pl_plan_check *plan = *state;
  pl_plan_check_wrote(plan, 5, 100, &BANK, &LOAD, 500 * PL_U);
  hazard(plan, "rating", "psu-a", 200);
  hazard(plan, "rating", "psu-a", 300);
  hazard(plan, "rating", "psu-b", 300);
  assert_int_equal(pl_plan_check_count(plan), 1);
  assert_int_equal(pl_plan_check_get(plan, 0)->more, 1);
  assert_string_equal(pl_plan_check_get(plan, 0)->part, "psu-a");
  pl_plan_check_wrote(plan, 6, 400, &BANK, &LOAD, 600 * PL_U);
  hazard(plan, "rating", "psu-a", 500);
  assert_int_equal(pl_plan_check_count(plan), 2);
}

static void nothing_written_is_no_line(void **state)
{
  const struct pl_plan_check_finding *found = hazard(*state, "rating", "psu-a", 200);
  assert_int_equal(found->line, 0);
  assert_string_equal(found->wrote, "");
}

static void allowed_ones_pass(void **state)
{
  struct pl_plan_check *plan = *state;
  struct pl_err err = {0};
  assert_int_equal(pl_plan_check_allow(plan, "ratings", "x", &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "did you mean 'rating'"));
  assert_int_equal(pl_plan_check_allow(plan, "rating", "", &err), PL_E_USAGE);
  assert_int_equal(pl_plan_check_allow(plan, "rating", "the trip is tested", &err), PL_OK);
  assert_null(hazard(plan, "rating", "psu-a", 200));
  assert_non_null(hazard(plan, "dry-run", "rpu", 200));
}

static void what_is_left_is_put_down_to_its_last_write(void **state)
{
  struct pl_plan_check *plan = *state;
  pl_plan_check_wrote(plan, 5, 100, &PUMPS, &STOP, 0);
  pl_plan_check_wrote(plan, 8, 200, &PUMPS, &STOP, PL_U);
  pl_plan_check_wrote(plan, 9, 300, &SUPPLY, &ON, 0);
  pl_plan_check_left(plan, 400, &PUMPS, &STOP, 0, PL_U);
  pl_plan_check_left(plan, 400, &SLOT, &LAMP, 0, PL_U); /* a lamp may stay on */
  assert_int_equal(pl_plan_check_count(plan), 1);
  assert_int_equal(pl_plan_check_get(plan, 0)->line, 8);
  assert_non_null(strstr(pl_plan_check_get(plan, 0)->text, "rpu.stop has no safe value in the rig and is left at on, it was found at off"));
}

static void old_writes_are_forgotten_not_overrun(void **state)
{
  struct pl_plan_check *plan = *state;
  pl_plan_check_wrote(plan, 1, 1, &PUMPS, &STOP, PL_U);
  for (int i = 0; i < 10000; i++)
    pl_plan_check_wrote(plan, 2, 2 + i, &BANK, &LOAD, (i + 1) * PL_U);
  const struct pl_plan_check_finding *found = hazard(plan, "uncooled", "loop", 20000);
  assert_int_equal(found->line, 2);
  assert_string_equal(found->wrote, "load-1.load = 10000 W");
  for (int i = 0; i < 200; i++) { /* more findings than there is room for */
    pl_plan_check_wrote(plan, 100 + i, 30000 + i, &PUMPS, &STOP, 0);
    hazard(plan, "dry-run", "rpu", 30000 + i);
  }
  assert_int_equal(pl_plan_check_count(plan), 64);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
  const struct CMUnitTest tests[] = {
      TEST(the_last_write_before_it_is_blamed),
      TEST(what_takes_energy_away_is_not_the_cause),
      TEST(only_what_acts_on_that_side_is_the_cause),
      TEST(acts_and_faults_count),
      TEST(one_line_is_one_finding),
      TEST(nothing_written_is_no_line),
      TEST(allowed_ones_pass),
      TEST(what_is_left_is_put_down_to_its_last_write),
      TEST(old_writes_are_forgotten_not_overrun),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

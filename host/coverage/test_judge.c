/* SPDX-License-Identifier: Apache-2.0 */
/* Whose fault a finding says it is. */
#include "host/coverage/one.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct pl_rig *rig;

static int load(void **state)
{
  struct pl_err err = {0};
  (void)state;
  return pl_rig_load("fixtures/rigs/demo-rack.yaml", &rig, &err) == PL_OK ? 0 : -1;
}

static int drop(void **state)
{
  (void)state;
  pl_rig_free(rig);
  return 0;
}

static enum pl_cell_outcome blamed(struct pl_fault_case fault, const char *who, const char *message)
{
  struct pl_one one = {.found = true, .acted = true};
  snprintf(one.blamed, sizeof one.blamed, "%s", who);
  snprintf(one.message, sizeof one.message, "%s", message);
  return pl_one_judge(rig, &fault, &one);
}

static void a_device_is_that_device(void **state)
{
  (void)state;
  const struct pl_fault_case iout = {.device = "hsc-1", .part = "csu-1"}, leak = {.device = "leak-1", .part = "tray-1"},
                             valve = {.device = "valve-1", .part = "injector-1"};
  assert_int_equal(blamed(iout, "hsc-1", "x"), PL_CELL_CAUGHT);
  assert_int_equal(blamed(iout, "csu-1", "x"), PL_CELL_WRONG_PART); /* there are others in the slot: the CSU would be replaced */
  assert_int_equal(blamed(iout, "hsc-2", "x"), PL_CELL_WRONG_PART);
  assert_int_equal(blamed(iout, "", "x"), PL_CELL_WRONG_PART);
  assert_int_equal(blamed(valve, "injector-1", "x"), PL_CELL_CAUGHT); /* all that is there */
  assert_int_equal(blamed(leak, "tray-1", "x"), PL_CELL_WRONG_PART);  /* the interlock has a float there too */
}

static void a_part_is_itself_and_what_belongs_to_it(void **state)
{
  (void)state;
  const struct pl_fault_case csu = {.part = "csu-1"}, valve = {.part = "injector-1"};
  assert_int_equal(blamed(csu, "csu-1", "x"), PL_CELL_CAUGHT);
  assert_int_equal(blamed(csu, "hsc-1", "x"), PL_CELL_CAUGHT);
  assert_int_equal(blamed(csu, "connector-1", "x"), PL_CELL_CAUGHT);
  assert_int_equal(blamed(csu, "monitor-1", "x"), PL_CELL_WRONG_PART); /* the bench's */
  assert_int_equal(blamed(csu, "csu-2", "x"), PL_CELL_WRONG_PART);
  assert_int_equal(blamed(valve, "valve-1", "x"), PL_CELL_CAUGHT); /* the bench's, but so is the part */
}

static void a_bus_must_be_named(void **state)
{
  (void)state;
  const struct pl_fault_case bus = {.bus = "i2c-m1"};
  assert_int_equal(blamed(bus, "hsc-1", "hsc-1 (i2c-m1, address 0x10): stuck"), PL_CELL_CAUGHT);
  assert_int_equal(blamed(bus, "hsc-1", "inrush peak: 19 A"), PL_CELL_WRONG_PART);
  assert_int_equal(blamed(bus, "hsc-5", "hsc-5 (i2c-m2, address 0x10): stuck, as i2c-m1 is"), PL_CELL_WRONG_PART);
}

static void what_could_not_judge_is_right_when_it_names_the_broken_instrument(void **state)
{
  (void)state;
  struct pl_fault_case fault = {.device = "monitor-3", .part = "csu-3"};
  struct pl_one one = {.unjudged = true, .acted = true, .message = "monitor-3 (i2c-bench-1, address 0x42): nobody acknowledges address 0x42"};
  assert_int_equal(pl_one_judge(rig, &fault, &one), PL_CELL_CAUGHT);
  fault.device = "monitor-4";
  assert_int_equal(pl_one_judge(rig, &fault, &one), PL_CELL_UNJUDGED);
  snprintf(one.message, sizeof one.message, "the disk is full");
  assert_int_equal(pl_one_judge(rig, &fault, &one), PL_CELL_UNJUDGED);
}

static void nothing_found_is_missed_or_never_acted(void **state)
{
  (void)state;
  const struct pl_fault_case fault = {.part = "psu-a"};
  assert_int_equal(pl_one_judge(rig, &fault, &(struct pl_one){.acted = true}), PL_CELL_MISSED);
  assert_int_equal(pl_one_judge(rig, &fault, &(struct pl_one){.acted = false}), PL_CELL_IDLE);
  assert_int_equal(pl_one_judge(rig, &fault, &(struct pl_one){.acted = true, .interlock = true}), PL_CELL_INTERLOCK);
  assert_int_equal(pl_one_judge(rig, &fault, &(struct pl_one){.refused = true}), PL_CELL_REFUSED);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_device_is_that_device),
      cmocka_unit_test(a_part_is_itself_and_what_belongs_to_it),
      cmocka_unit_test(a_bus_must_be_named),
      cmocka_unit_test(what_could_not_judge_is_right_when_it_names_the_broken_instrument),
      cmocka_unit_test(nothing_found_is_missed_or_never_acted),
  };
  return cmocka_run_group_tests(tests, load, drop);
}

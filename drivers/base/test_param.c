/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/base/param.h"

static const char *const PARITIES[] = {"none", "even", "odd", NULL};
static const struct pl_param
    TEXT = {.name = "map", .kind = PL_PARAM_TEXT, .help = "the register map"},
    ADDRESS = {.name = "address", .kind = PL_PARAM_INT, .min = 0x08, .max = 0x77},
    COUNT = {.name = "count", .kind = PL_PARAM_INT},
    SHUNT = {.name = "shunt", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_RESISTANCE, .min = 100, .max = PL_U},
    PEC = {.name = "pec", .kind = PL_PARAM_FLAG},
    PARITY = {.name = "parity", .kind = PL_PARAM_CHOICE, .choices = PARITIES},
    LINE = {.name = "present", .kind = PL_PARAM_LINE};

static struct pl_value parse(const struct pl_param *param, const char *text)
{
  struct pl_value value = {0};
  struct pl_err err = {0};
  if (pl_value_parse(param, text, &value, &err))
    fail_msg("%s", err.text);
  assert_ptr_equal(value.param, param);
  assert_true(value.given);
  return value;
}

static void refuse(const struct pl_param *param, const char *text, const char *sentence)
{
  struct pl_value value = {.number = 42};
  struct pl_err err = {0};
  assert_int_equal(pl_value_parse(param, text, &value, &err), PL_E_USAGE);
  assert_int_equal(err.status, PL_E_USAGE);
  assert_string_equal(err.text, sentence);
  assert_int_equal(value.number, 42);
  assert_int_equal(pl_value_parse(param, text, &value, NULL), PL_E_USAGE); /* err may be NULL */
}

static void test_parse(void **state)
{
  (void)state;
  assert_string_equal(parse(&TEXT, "orv3-rpu").text, "orv3-rpu");
  assert_int_equal(parse(&ADDRESS, "0x58").number, 0x58);
  assert_int_equal(parse(&ADDRESS, "16").number, 16);
  assert_int_equal(parse(&ADDRESS, "010").number, 10); /* decimal, not octal */
  assert_int_equal(parse(&COUNT, "-0x10").number, -16);
  assert_int_equal(parse(&SHUNT, "0.5 mohm").number, 500);
  assert_int_equal(parse(&PEC, "on").number, 1);
  assert_int_equal(parse(&PEC, "no").number, 0);
  assert_int_equal(parse(&PARITY, "even").number, 1);
}

static void test_lines(void **state)
{
  (void)state;
  struct pl_value value = parse(&LINE, "CSU1_PRSNT_N");
  assert_string_equal(value.text, "CSU1_PRSNT_N");
  assert_int_equal(value.number, -1);
  assert_false(value.active_low);
  value = parse(&LINE, "!CSU1_PRSNT_N");
  assert_string_equal(value.text, "CSU1_PRSNT_N");
  assert_true(value.active_low);
  value = parse(&LINE, "!17");
  assert_int_equal(value.number, 17);
  assert_true(value.active_low);
  refuse(&LINE, "!", "present: a '!' without a line, expected \"!NAME\" or \"!OFFSET\"");
  refuse(&LINE, "!!A", "present: '!!A' is not a GPIO line, expected a line's name or its offset, with one '!' in front when active-low");
  refuse(&LINE, "A B", "present: 'A B' is not a GPIO line, expected a line's name or its offset, with one '!' in front when active-low");
  refuse(&LINE, "70000", "present: line offset 70000 is out of range, expected 0 to 65535");
  refuse(&LINE, "99999999999999999999", "present: line offset 99999999999999999999 is out of range, expected 0 to 65535");
}

static void test_refused(void **state)
{
  (void)state;
  refuse(&TEXT, "", "map: is empty, expected the register map");
  refuse(&COUNT, "12 V", "count: '12 V' is not a whole number, expected one such as 12 or 0x0C");
  refuse(&COUNT, "0x", "count: '0x' is not a whole number, expected one such as 12 or 0x0C");
  refuse(&COUNT, "99999999999999999999", "count: '99999999999999999999' is not a whole number, expected one such as 12 or 0x0C");
  refuse(&COUNT, " 1", "count: ' 1' is not a whole number, expected one such as 12 or 0x0C");
  refuse(&ADDRESS, "x", "address: 'x' is not a whole number, expected one from 8 to 119");
  refuse(&ADDRESS, "0x80", "address: 0x80 is out of range, expected 0x08 to 0x77");
  refuse(&ADDRESS, "7", "address: 7 is out of range, expected 8 to 119");
  refuse(&SHUNT, "5", "shunt: '5' has no unit, expected a resistance such as '0.5 mohm'");
  refuse(&SHUNT, "2 ohm", "shunt: 2 ohm is out of range, expected 0.1 mohm to 1 ohm");
  refuse(&PEC, "maybe", "pec: 'maybe' is neither true nor false, expected true or false (on/off, yes/no)");
  refuse(&PARITY, "evne", "parity: 'evne' is unknown, did you mean 'even'? (one of none, even, odd)");
  refuse(&PARITY, "mark", "parity: 'mark' is unknown, expected one of none, even, odd");
  char longest[400];
  memset(longest, 'a', sizeof longest);
  longest[sizeof longest - 1] = '\0';
  refuse(&TEXT, longest, "map: is 399 characters long, expected at most 255");
}

static void test_by_name(void **state)
{
  (void)state;
  const struct pl_value items[] = {{.param = &ADDRESS, .number = 5}, {.param = &PEC, .number = 1}};
  const struct pl_values values = {items, 2};
  assert_ptr_equal(pl_value(&values, "pec"), &items[1]);
  assert_ptr_equal(pl_value(&values, "address"), &items[0]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse),
      cmocka_unit_test(test_lines),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/base/unit.h"

static int64_t parse(const char *text, enum pl_dim want)
{
  struct pl_err err = {0};
  int64_t value_u = INT64_MIN;
  enum pl_dim dim = PL_DIM_COUNT;
  enum pl_status status = pl_quantity_parse(text, want, &dim, &value_u, &err);
  if (status)
    fail_msg("'%s': %s", text, err.text);
  if (want != PL_DIM_COUNT)
    assert_int_equal(dim, want);
  return value_u;
}

static void refuse(const char *text, enum pl_dim want, const char *sentence)
{
  struct pl_err err = {0};
  int64_t value_u = 77;
  enum pl_dim dim = PL_DIM_VOLUME;
  assert_int_equal(pl_quantity_parse(text, want, &dim, &value_u, &err), PL_E_USAGE);
  assert_int_equal(err.status, PL_E_USAGE);
  assert_string_equal(err.text, sentence);
  assert_int_equal(value_u, 77); /* untouched */
  assert_int_equal(dim, PL_DIM_VOLUME);
}

static void test_dims(void **state)
{
  (void)state;
#define ROW(id, unit, title)                                     \
  assert_string_equal(pl_dim_name(PL_DIM_##id), title);          \
  assert_string_equal(pl_dim_base_unit(PL_DIM_##id), unit);      \
  assert_int_equal(pl_unit_for_display(PL_DIM_##id, 5 * PL_U)->dim, PL_DIM_##id);
  PL_DIM_MAP(ROW)
#undef ROW
  assert_string_equal(pl_dim_name(PL_DIM_COUNT), "unknown dimension");
}

/* The self-check of the table: every name is found, each has one meaning, the first unit of a dimension is its base. */
static void test_table(void **state)
{
  (void)state;
  size_t n;
  const struct pl_unit *units = pl_units(&n);
  assert_in_range(n, 30, 100);
  for (size_t i = 0; i < n; i++) {
    assert_true(units[i].scale > 0);
    assert_ptr_equal(pl_unit_find(units[i].plural), &units[i]);
    if (*units[i].name)
      assert_ptr_equal(pl_unit_find(units[i].name), &units[i]);
    if (!strcmp(units[i].name, pl_dim_base_unit(units[i].dim)))
      assert_true(units[i].scale == 1.0 && units[i].offset == 0.0);
    for (const char *p = units[i].plural; *p; p++) /* a Lua name */
      assert_true((*p >= 'a' && *p <= 'z') || *p == '_');
    for (size_t j = 0; j < i; j++)
      assert_string_not_equal(units[i].plural, units[j].plural);
  }
  assert_null(pl_unit_find(""));
  assert_null(pl_unit_find("furlong"));
  assert_string_equal(pl_unit_find("C")->name, "degC");
  assert_string_equal(pl_unit_find("LPM")->name, "L/min");
}

static void test_round_trip(void **state)
{
  (void)state;
  size_t n;
  const struct pl_unit *units = pl_units(&n);
  static const double VALUES[] = {0, 1, -1, 48.5, 0.25, -12.75, 999, 12345};
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < sizeof VALUES / sizeof VALUES[0]; k++) {
      int64_t u = 0;
      struct pl_err err = {0};
      assert_int_equal(pl_unit_to_u(&units[i], VALUES[k], &u, &err), PL_OK);
      /* half a millionth of the base unit is the most that may be lost */
      assert_true(fabs(pl_unit_from_u(&units[i], u) - VALUES[k]) <= 0.5e-6 / units[i].scale + 1e-9);
    }
}

static void test_known_values(void **state)
{
  (void)state;
  assert_int_equal(parse("48.5 V", PL_DIM_VOLTAGE), 48500000);
  assert_int_equal(parse("150ms", PL_DIM_TIME), 150000);
  assert_int_equal(parse("  2 h ", PL_DIM_TIME), 7200 * PL_U);
  assert_int_equal(parse("80 %", PL_DIM_RATIO), 80000000);
  assert_int_equal(parse("80%", PL_DIM_COUNT), 80000000);
  assert_int_equal(parse("0.5 mohm", PL_DIM_RESISTANCE), 500);
  assert_int_equal(parse("400 kHz", PL_DIM_FREQUENCY), 400000 * PL_U);
  assert_int_equal(parse("1.5 bar", PL_DIM_PRESSURE), 150000 * PL_U);
  assert_int_equal(parse("150 kPa", PL_DIM_PRESSURE), 150000 * PL_U);
  assert_int_equal(parse("14.5037738 psi", PL_DIM_PRESSURE) / PL_U, 100000);
  assert_int_equal(parse("212 degF", PL_DIM_TEMPERATURE), 100 * PL_U);
  assert_int_equal(parse("-40 C", PL_DIM_TEMPERATURE), -40 * PL_U);
  assert_int_equal(parse("-40 degF", PL_DIM_TEMPERATURE), -40 * PL_U);
  assert_int_equal(parse("21.5 °C", PL_DIM_TEMPERATURE), 21500000);
  assert_int_equal(parse("1e3 W", PL_DIM_POWER), parse("1 kW", PL_DIM_POWER));
  assert_int_equal(parse("1 uV", PL_DIM_VOLTAGE), 1);
  assert_int_equal(parse("12", PL_DIM_NONE), 12 * PL_U);
  assert_int_equal(parse("-.5", PL_DIM_COUNT), -500000);
  assert_int_equal(parse("on", PL_DIM_FLAG), PL_U);
  assert_int_equal(parse("yes", PL_DIM_FLAG), PL_U);
  assert_int_equal(parse("off", PL_DIM_COUNT), 0);
  assert_int_equal(parse("false", PL_DIM_FLAG), 0);
  assert_int_equal(parse("3 litres_per_minute", PL_DIM_FLOW), 3 * PL_U);
}

static void test_refused(void **state)
{
  (void)state;
  refuse("", PL_DIM_VOLTAGE, "'' is empty, expected a voltage such as '48.5 V'");
  refuse("12", PL_DIM_VOLTAGE, "'12' has no unit, expected a voltage such as '48.5 V'");
  refuse("48 V", PL_DIM_PRESSURE, "'48 V' is a voltage, expected a pressure such as '150 kPa'");
  refuse("on", PL_DIM_PRESSURE, "'on' is a flag, expected a pressure such as '150 kPa'");
  refuse("1", PL_DIM_FLAG, "'1' has no unit, expected on or off");
  refuse("maybe", PL_DIM_FLAG, "'maybe' is not a number, expected on or off");
  refuse("5 W", PL_DIM_NONE, "'5 W' is a power, expected a plain number such as '12'");
  refuse("nan V", PL_DIM_VOLTAGE, "'nan V' is not a number, expected a voltage such as '48.5 V'");
  refuse("inf", PL_DIM_COUNT, "'inf' is not a number, expected a number with its unit such as '48.5 V', a plain number, on or off");
  refuse("-inf V", PL_DIM_VOLTAGE, "'-inf V' is not a number, expected a voltage such as '48.5 V'");
  refuse("0x10 V", PL_DIM_VOLTAGE, "'0x10 V' has the unknown unit 'x10 V', expected a voltage such as '48.5 V'");
  refuse("1e400 V", PL_DIM_VOLTAGE, "'1e400 V' is out of range, expected a voltage such as '48.5 V'");
  refuse("9.3e12 V", PL_DIM_VOLTAGE, "'9.3e12 V' is out of range, expected a voltage such as '48.5 V'");
  refuse("0.1 uV", PL_DIM_VOLTAGE, "'0.1 uV' is finer than a millionth of the base unit, expected a voltage such as '48.5 V'");
  refuse("48 V 3", PL_DIM_VOLTAGE, "'48 V 3' has the unknown unit 'V 3', expected a voltage such as '48.5 V'");
  refuse("150 kPaa", PL_DIM_PRESSURE, "'150 kPaa' has the unknown unit 'kPaa', did you mean 'kPa'?, expected a pressure such as '150 kPa'");
  refuse("5 number", PL_DIM_NONE, "'5 number' has the unknown unit 'number', expected a plain number such as '12'");
  refuse("1.2.3 V", PL_DIM_VOLTAGE, "'1.2.3 V' has the unknown unit '.3 V', expected a voltage such as '48.5 V'");
  refuse("+ V", PL_DIM_VOLTAGE, "'+ V' is not a number, expected a voltage such as '48.5 V'");
}

static void test_to_u_range(void **state)
{
  (void)state;
  const struct pl_unit *volts = pl_unit_find("V");
  struct pl_err err = {0};
  int64_t u = 5;
  assert_int_equal(pl_unit_to_u(volts, NAN, &u, &err), PL_E_RANGE);
  assert_int_equal(pl_unit_to_u(volts, INFINITY, &u, &err), PL_E_RANGE);
  assert_int_equal(pl_unit_to_u(volts, -INFINITY, &u, &err), PL_E_RANGE);
  assert_int_equal(pl_unit_to_u(volts, 0x1p63 / 1e6, &u, &err), PL_E_RANGE);
  assert_non_null(strstr(err.text, "volts is out of range"));
  assert_int_equal(u, 5);
  assert_int_equal(pl_unit_to_u(volts, -0x1p63 / 1e6, &u, &err), PL_OK);
  assert_true(u == INT64_MIN);
  assert_int_equal(pl_unit_to_u(volts, 1.23e-8, &u, &err), PL_OK); /* a measured value may round to nothing */
  assert_int_equal(u, 0);
}

static void check_format(enum pl_dim dim, int64_t value_u, const char *text)
{
  char out[64];
  assert_ptr_equal(pl_quantity_format(dim, value_u, out, sizeof out), out);
  assert_string_equal(out, text);
}

static void test_format(void **state)
{
  (void)state;
  check_format(PL_DIM_VOLTAGE, 48512000, "48.512 V");
  check_format(PL_DIM_VOLTAGE, -48512345, "-48.5123 V");
  check_format(PL_DIM_VOLTAGE, 1, "0.000001 V");
  check_format(PL_DIM_VOLTAGE, 0, "0 V");
  check_format(PL_DIM_PRESSURE, 150000 * PL_U, "150 kPa");
  check_format(PL_DIM_PRESSURE, 1, "0.000000001 kPa");
  check_format(PL_DIM_TIME, 150000, "150 ms");
  check_format(PL_DIM_TIME, 20, "20 us");
  check_format(PL_DIM_TIME, PL_U, "1 s");
  check_format(PL_DIM_TIME, 0, "0 ms");
  check_format(PL_DIM_RESISTANCE, 500, "0.5 mohm");
  check_format(PL_DIM_RESISTANCE, 50, "50 uohm");
  check_format(PL_DIM_FREQUENCY, 400000 * PL_U, "400 kHz");
  check_format(PL_DIM_RATIO, 80 * PL_U, "80 %");
  check_format(PL_DIM_FLOW, 4500000, "4.5 L/min");
  check_format(PL_DIM_VOLUME, 250000, "250 mL");
  check_format(PL_DIM_SPEED, 12345678 * PL_U, "12345678 rpm");
  check_format(PL_DIM_NONE, 12 * PL_U, "12");
  check_format(PL_DIM_FLAG, PL_U, "on");
  check_format(PL_DIM_FLAG, 0, "off");
  check_format(PL_DIM_FLAG, 500000, "0.5"); /* no flag: said as it is */
  check_format(PL_DIM_POWER, 999999600000, "1000000 W");
  check_format(PL_DIM_VOLTAGE, INT64_MIN, "-9223372036855 V");
  char small[4];
  assert_string_equal(pl_quantity_format(PL_DIM_VOLTAGE, 48512000, small, sizeof small), "48.");
}

/* What is written can be read back, to six digits. */
static void test_format_parse(void **state)
{
  (void)state;
  for (int dim = PL_DIM_VOLTAGE; dim < PL_DIM_COUNT; dim++)
    for (int64_t u = 3; u < 4000000000000000; u = u * 7 + 1) {
      char out[64];
      int64_t back = parse(pl_quantity_format((enum pl_dim)dim, u, out, sizeof out), (enum pl_dim)dim);
      assert_true(fabs((double)(back - u)) <= (double)u * 5.1e-6 + 0.5);
    }
}

static void test_closest(void **state)
{
  (void)state;
  static const char *const WORDS[] = {"address", "driver", "bus", "vout", "on", "power-good"};
  size_t n = sizeof WORDS / sizeof WORDS[0];
  assert_string_equal(pl_closest("adress", WORDS, n), "address");
  assert_string_equal(pl_closest("drvier", WORDS, n), "driver");
  assert_string_equal(pl_closest("buss", WORDS, n), "bus");
  assert_string_equal(pl_closest("VOUT", WORDS, n), "vout");
  assert_string_equal(pl_closest("power_good", WORDS, n), "power-good");
  assert_null(pl_closest("no", WORDS, n)); /* half its length: anything would do */
  assert_null(pl_closest("shunt", WORDS, n));
  assert_null(pl_closest("", WORDS, n));
  assert_null(pl_closest("adr", WORDS, n));
  assert_null(pl_closest("a-word-that-is-much-longer-than-any-word-that-a-person-would-ever-write", WORDS, n));
  assert_null(pl_closest("bus", NULL, 0));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_dims),         cmocka_unit_test(test_table),    cmocka_unit_test(test_round_trip), cmocka_unit_test(test_known_values),
      cmocka_unit_test(test_refused),      cmocka_unit_test(test_to_u_range), cmocka_unit_test(test_format),   cmocka_unit_test(test_format_parse),
      cmocka_unit_test(test_closest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The format: what is read from a map file, and that every mistake is told with its file and line. */
#include "drivers/device/modbus_map/map.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>

#include <cmocka.h>

#define HEAD "map: m\nabout: a map\n"
#define FLOW "rows:\n  - {quantity: flow, register: 0x10, unit: L/min}\n" /* lines 3 and 4 */

static struct pl_map *parse(const char *text)
{
  struct pl_map *map = NULL;
  struct pl_err err = {0};
  if (pl_map_parse("m.yaml", text, strlen(text), &map, &err) != PL_OK) {
    fail_msg("%s", err.text);
  }
  return map;
}

static void test_a_whole_map(void **state)
{
  (void)state;
  struct pl_map *map = parse("map: pump-x\n"
                             "about: a pump\n"
                             "vendor: X\n"
                             "role: coolant\n"
                             "order: CDAB\n"
                             "probe: {register: 3, table: input, equals: 0xBEEF}\n"
                             "identity:\n"
                             "  serial: {register: 0x40, length: 4, order: BA}\n"
                             "rows:\n"
                             "  - quantity: flow-set\n"
                             "    register: 0x9400\n"
                             "    type: s32\n"
                             "    scale: 1/10\n"
                             "    offset: -5\n"
                             "    unit: L/min\n"
                             "    access: rw\n"
                             "    min: 1 L/min\n"
                             "    max: 3000 mL/min\n"
                             "    initial: 2 L/min\n"
                             "    port: flow_set\n"
                             "    invalid: [0x80000000, -1]\n"
                             "    range: [-100, 200]\n"
                             "    source: FLOW_SET\n"
                             "    help: asked flow\n"
                             "  - {quantity: flow, register: 1, table: input, unit: L/min, order: AB, port: flow}\n"
                             "faults:\n"
                             "  - {register: 0x21, bits: {3: late, 0: {name: hot, when: {port: t, above: 60 degC}, unless: stop}}}\n"
                             "  - {register: 0x20, bits: {15: {name: low, when: [{port: flow, below: 500 mL/min}, {port: leak}]}}}\n"
                             "reserved:\n"
                             "  - {register: 0x100, length: 16}\n");
  assert_string_equal(map->name, "pump-x");
  assert_string_equal(map->role, "coolant");
  assert_true(map->has_probe && map->has_equals);
  assert_int_equal(map->probe_table, PL_TABLE_INPUT);
  assert_int_equal(map->probe_equals, 0xBEEF);
  assert_int_equal(map->strings[PL_MAP_SERIAL].length, 4);
  assert_true(map->strings[PL_MAP_SERIAL].byte_swap);
  assert_int_equal(map->strings[PL_MAP_MODEL].length, 0);
  assert_int_equal(map->n_rows, 2);
  const struct pl_map_row *row = &map->rows[0];
  assert_int_equal(row->type, PL_MAP_S32);
  assert_true(row->word_swap && !row->byte_swap);
  assert_float_equal(row->scale, 0.1, 1e-15);
  assert_float_equal(row->offset, -5.0, 1e-15);
  assert_true(row->verify);
  assert_int_equal(row->n_invalid, 2);
  assert_int_equal(row->invalid[0], INT32_MIN);
  assert_int_equal(row->invalid[1], -1);
  assert_float_equal(row->raw_min, -100, 0);
  const struct pl_quantity *quantity = &map->quantities[0];
  assert_string_equal(quantity->name, "flow-set");
  assert_int_equal(quantity->access, PL_GET | PL_SET);
  assert_int_equal(quantity->min_u, PL_U);
  assert_int_equal(quantity->max_u, 3 * PL_U);
  assert_string_equal(quantity->help, "asked flow");
  assert_false(map->rows[1].word_swap);
  assert_int_equal(map->n_ports, 5); /* flow_set flow t stop leak */
  assert_string_equal(map->ports[0].name, "flow_set");
  assert_true(map->ports[0].out && !map->ports[1].out);
  assert_float_equal(map->ports[0].initial, 2.0, 1e-12);
  assert_int_equal(map->ports[2].dim, PL_DIM_TEMPERATURE);
  assert_int_equal(map->ports[4].dim, PL_DIM_FLAG);
  assert_int_equal(map->n_faults, 3);
  assert_string_equal(map->faults[0].name, "low"); /* sorted by register and bit */
  assert_string_equal(map->faults[1].name, "hot");
  assert_string_equal(map->faults[2].name, "late");
  assert_int_equal(map->faults[0].n_when, 2);
  assert_false(map->faults[0].when[0].above);
  assert_float_equal(map->faults[0].when[0].threshold, 0.5, 1e-12);
  assert_float_equal(map->faults[1].when[0].threshold, 60, 1e-12);
  assert_int_equal(map->faults[1].unless, 3);
  assert_int_equal(map->faults[2].unless, -1);
  assert_int_equal(map->n_reserved, 1);
  pl_map_free(map);
}

static void test_mistakes_are_told_with_file_and_line(void **state)
{
  (void)state;
#define ROW(rest) HEAD "rows:\n  - {quantity: q, register: 1, " rest "}\n", "m.yaml:4: "
  static const struct {
    const char *text, *where, *what;
  } cases[] = {
      {"", "", "m.yaml"},
      {"map: m\n", "m.yaml:1: ", "the key 'about' is missing"},
      {"map: M x\nabout: a\n" FLOW, "m.yaml:1: ", "the name 'M x'"},
      {HEAD, "m.yaml:1: ", "without rows"},
      {HEAD "rows: []\n", "m.yaml:1: ", "without rows"},
      {HEAD "rowz: []\n", "m.yaml:3: ", "did you mean 'rows'"},
      {HEAD FLOW "order: AB\n", "m.yaml:5: ", "ABCD, CDAB, BADC or DCBA"},
      {HEAD "rows:\n  - {quantity: q, unit: W}\n", "m.yaml:4: ", "the key 'register' is missing"},
      {HEAD "rows:\n  - {quantity: Q, register: 1, unit: W}\n", "m.yaml:4: ", "the name 'Q'"},
      {HEAD "rows:\n  - {quantity: q, register: 65536, unit: W}\n", "m.yaml:4: ", "register"},
      {HEAD "rows:\n  - {quantity: q, register: 65535, type: u32, unit: W}\n", "m.yaml:4: ", "past register 0xFFFF"},
      {ROW("unit: L/mim"), "did you mean 'L/min'"},
      {ROW("unit: furlong"), "unit: 'furlong' is not known"},
      {ROW("unit: W, adress: 1"), "unknown key 'adress'"},
      {ROW("unit: W, type: u23"), "did you mean 'u32'"},
      {ROW("unit: W, type: u32, order: AB"), "ABCD, CDAB, BADC or DCBA (two registers)"},
      {ROW("unit: W, order: CDAB"), "AB or BA (one register)"},
      {ROW("unit: W, scale: 0"), "scale: 0"},
      {ROW("unit: W, scale: 1/0"), "scale: '1/0' is not a number"},
      {ROW("unit: W, scale: 0.1x"), "'0.1x' is not a number"},
      {ROW("unit: W, scale: nan"), "'nan' is not a number"},
      {ROW("unit: W, scale: [1]"), "'a list or map' is not a number"},
      {ROW("unit: W, offset: 1e30"), "offset: 1e+30"},
      {ROW("unit: W, bit: 3"), "expected the unit flag"},
      {ROW("unit: flag, bit: 16"), "0 to 15"},
      {ROW("unit: flag, type: float32"), "a flag of the type float32"},
      {ROW("unit: flag, bit: 1, scale: 2"), "one bit has no scale"},
      {ROW("unit: flag, table: coil, type: u16"), "a coil is one bit"},
      {ROW("unit: W, table: coil"), "one bit in the unit watts"},
      {ROW("unit: W, table: input, access: rw"), "can only be read"},
      {ROW("unit: flag, table: discrete, access: w"), "can only be read"},
      {ROW("unit: W, verify: false"), "verify with access r"},
      {ROW("unit: W, value: 1"), "with access act only"},
      {ROW("unit: flag, access: act"), "either bit or value"},
      {ROW("unit: W, access: act, value: 1"), "the unit flag"},
      {ROW("unit: flag, access: act, value: 1, port: p"), "no port"},
      {ROW("unit: W, min: 1 W, max: 2 W"), "limits of what cannot be set"},
      {ROW("unit: W, access: rw, min: 1 W"), "one limit without the other"},
      {ROW("unit: W, access: rw, min: 3 W, max: 2 W"), "min is not below max"},
      {ROW("unit: W, access: rw, min: 1 W, max: 2 V"), "max: "},
      {ROW("unit: W, access: rw, min: 1 W, max: 65536 W"), "does not fit"},
      {ROW("unit: W, range: [2, 1]"), "the lower first"},
      {ROW("unit: W, range: [1]"), "two raw numbers"},
      {ROW("unit: W, range: [0, 65536]"), "does not fit the type"},
      {ROW("unit: W, invalid: 0xFFFF"), "invalid"},
      {ROW("unit: W, invalid: [x]"), "'x' is not a raw value"},
      {ROW("unit: W, invalid: [0x10000]"), "does not fit the type"},
      {ROW("unit: W, port: Flow"), "the name 'Flow'"},
      {ROW("unit: W, initial: 1 V"), "initial: "},
      {HEAD FLOW "  - {quantity: flow, register: 2, unit: W}\n", "m.yaml:5: ", "in line 4 already"},
      {HEAD FLOW "  - {quantity: q, register: 15, type: u32, unit: W}\n", "m.yaml:5: ", "0x0010 of 'q' belongs to 'flow' (line 4) already"},
      {HEAD FLOW "faults:\n  - {register: 0x10, bits: {0: f}}\n", "m.yaml:6: ", "belongs to 'flow'"},
      {HEAD FLOW "faults:\n  - {register: 0x11, bits: {16: f}}\n", "m.yaml:6: ", "the bit '16'"},
      {HEAD FLOW "faults:\n  - {register: 0x11, bits: {1: f, 2: f}}\n", "m.yaml:6: ", "the fault 'f' is in line 6 already"},
      {HEAD FLOW "faults:\n  - {register: 0x11, bits: {1: f, 0x1: g}}\n", "m.yaml:6: ", "belongs to 'f'"},
      {HEAD FLOW "faults:\n  - {register: 0x11, bits: {1: {name: f, wen: {port: p}}}}\n", "m.yaml:6: ", "did you mean 'when'"},
      {HEAD FLOW "faults:\n  - {register: 0x11, bits: {1: {when: {port: p}}}}\n", "m.yaml:6: ", "expected its name"},
      {HEAD FLOW "faults:\n  - {register: 0x11, bits: {1: {name: f, when: {above: 1}}}}\n", "m.yaml:6: ", "{port: NAME, above: VALUE}"},
      {HEAD FLOW "faults:\n  - {register: 0x11, table: coil, bits: {1: f}}\n", "m.yaml:6: ", "the table holding or input"},
      {HEAD FLOW "identity: {model: {register: 0x10, length: 2}}\n", "m.yaml:5: ", "belongs to 'flow'"},
      {HEAD FLOW "identity: {modle: {register: 0x20, length: 2}}\n", "m.yaml:5: ", "did you mean 'model'"},
      {HEAD FLOW "identity: {model: {register: 0x20, length: 2, text: abcde}}\n", "m.yaml:5: ", "longer than its 2 registers"},
      {HEAD FLOW "identity: {model: {register: 0xFFFF, length: 2}}\n", "m.yaml:5: ", "past register 0xFFFF"},
      {HEAD FLOW "reserved: [{register: 0xFFFF, length: 2}]\n", "m.yaml:5: ", "past register 0xFFFF"},
      {HEAD FLOW "probe: {register: 1, equal: 2}\n", "m.yaml:5: ", "did you mean 'equals'"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct pl_map *map = NULL;
    struct pl_err err = {0};
    if (pl_map_parse("m.yaml", cases[i].text, strlen(cases[i].text), &map, &err) != PL_E_USAGE) {
      fail_msg("case %zu was taken (or failed otherwise: %s):\n%s", i, err.text, cases[i].text);
    }
    if (strncmp(err.text, cases[i].where, strlen(cases[i].where)) != 0 || strstr(err.text, cases[i].what) == NULL) {
      fail_msg("case %zu: expected '%s...%s', got: %s\n%s", i, cases[i].where, cases[i].what, err.text, cases[i].text);
    }
    assert_null(map);
  }
}

static void test_ports_have_one_dimension_and_one_commander(void **state)
{
  (void)state;
  static const char *const texts[] = {
      HEAD "rows:\n  - {quantity: a, register: 1, unit: W, port: p}\n  - {quantity: b, register: 2, unit: V, port: p}\n",
      HEAD "rows:\n  - {quantity: a, register: 1, unit: W, access: rw, port: p}\n  - {quantity: b, register: 2, unit: W, access: rw, port: p}\n",
  };
  static const char *const whats[] = {"port 'p' is a voltage here and a power above", "port 'p' is commanded by a row above already"};
  for (size_t i = 0; i < 2; i++) {
    struct pl_map *map = NULL;
    struct pl_err err = {0};
    assert_int_equal(pl_map_parse("m.yaml", texts[i], strlen(texts[i]), &map, &err), PL_E_USAGE);
    assert_int_equal(strncmp(err.text, "m.yaml:5: ", 10), 0);
    assert_non_null(strstr(err.text, whats[i]));
  }
  /* One that reads what another commands is fine. */
  struct pl_map *map = parse(HEAD "rows:\n  - {quantity: a, register: 1, unit: W, port: p}\n  - {quantity: b, register: 2, unit: W, access: rw, port: p}\n");
  assert_int_equal(map->n_ports, 1);
  assert_true(map->ports[0].out);
  pl_map_free(map);
}

static void test_junk_is_an_error_and_never_a_number(void **state)
{
  (void)state;
  struct pl_map *map = parse(HEAD "rows:\n"
                                  "  - {quantity: a, register: 1, type: s16, unit: degC, invalid: [0x7FFF], range: [-400, 1500], scale: 0.1}\n"
                                  "  - {quantity: b, register: 2, unit: flag}\n"
                                  "  - {quantity: c, register: 4, type: float32, unit: kPa, range: [-100, 1000]}\n"
                                  "  - {quantity: d, register: 6, type: u32, scale: 1e12, unit: kV}\n");
  static const struct {
    size_t row;
    uint16_t words[2];
    enum pl_status status;
    int64_t value_u;
  } cases[] = {
      {0, {0x0100}, PL_OK, 25600000},
      {0, {0xFFFF}, PL_OK, -100000},
      {0, {0x7FFF}, PL_E_NAN, 0},
      {0, {0x8000}, PL_E_RANGE, 0},
      {0, {1501}, PL_E_RANGE, 0},
      {1, {0}, PL_OK, 0},
      {1, {1}, PL_OK, 1000000},
      {1, {2}, PL_E_RANGE, 0},
      {2, {0x42C8, 0x0000}, PL_OK, 100000000000}, /* 100 kPa */
      {2, {0x7FC0, 0x0000}, PL_E_NAN, 0},
      {2, {0xFF80, 0x0000}, PL_E_NAN, 0},
      {2, {0x447A, 0x0001}, PL_E_RANGE, 0}, /* a hair above 1000 */
      {3, {0xFFFF, 0xFFFF}, PL_E_RANGE, 0}, /* more than a value can hold */
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int64_t value_u = 77;
    struct pl_err err = {0};
    enum pl_status status = pl_map_decode(&map->rows[cases[i].row], cases[i].words, &value_u, &err);
    if (status != cases[i].status || value_u != (status == PL_OK ? cases[i].value_u : 77)) {
      fail_msg("case %zu: %s, %lld, %s", i, pl_status_name(status), (long long)value_u, err.text);
    }
  }
  /* What cannot be told apart from "no reading" cannot be set either. */
  uint16_t words[2] = {0};
  assert_int_equal(pl_map_encode(&map->rows[0], 150000000, words, NULL), PL_OK);
  assert_int_equal(words[0], 1500);
  assert_int_equal(pl_map_encode(&map->rows[0], 150100000, words, NULL), PL_E_RANGE);
  pl_map_encode_saturated(&map->rows[0], 999000000, words);
  assert_int_equal(words[0], 1500);
  pl_map_free(map);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_whole_map),
      cmocka_unit_test(test_mistakes_are_told_with_file_and_line),
      cmocka_unit_test(test_ports_have_one_dimension_and_one_commander),
      cmocka_unit_test(test_junk_is_an_error_and_never_a_number),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

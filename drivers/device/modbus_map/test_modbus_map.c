/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/modbus_map/fake_map_bench.h"
#include "drivers/device/modbus_map/map.h"

#include <math.h>

/* --- the RPU --- */

static void test_rpu_readings_come_from_the_world(void **state)
{
  (void)state;
  struct bench bench;
  open_bench(&bench, "orv3-rpu");
  static const struct {
    const char *quantity, *port;
    double world;
    int64_t value_u;
  } rows[] = {
      {"flow", "flow", 35.52, 35500000},
      {"supply-temperature", "supply_temperature", 30.06, 30100000},
      {"return-temperature", "return_temperature", -4.0, -4000000},
      {"supply-pressure", "supply_pressure", 200430.0, 200400000000},
      {"return-pressure", "return_pressure", -1000.0, -1000000000},
      {"power", "power", 432.1, 432100000},
      {"vin", "vin", 47.96, 48000000},
      {"pump-1-speed", "pump_1_speed", 4200.4, 4200000000},
      {"level", "level", 0.8, 80000000},
      {"pump-pwm", "duty", 0.555, 56000000},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    bench.io.in[port(&bench, rows[i].port, false)] = rows[i].world;
    assert_int_equal(value_of(&bench, rows[i].quantity), rows[i].value_u);
  }
  bench.io.in[port(&bench, "flow", false)] = 1e9;
  assert_int_equal(value_of(&bench, "flow"), 300000000); /* a sensor ends at its scale's end */
  close_bench(&bench);
}

static void test_rpu_set_points_reach_the_world_and_read_back(void **state)
{
  (void)state;
  struct bench bench;
  struct pl_err err;
  open_bench(&bench, "orv3-rpu");
  assert_true(isnan(bench.ports[port(&bench, "flow_set", true)].initial)); /* the part starts as it is */
  assert_int_equal(set(&bench, "flow-set", 12340000, &err), PL_OK);
  assert_float_equal(bench.io.out[port(&bench, "flow_set", true)], 12.3, 1e-9);
  assert_int_equal(value_of(&bench, "flow-set"), 12300000);
  assert_int_equal(set(&bench, "pump-duty", 55000000, &err), PL_OK);
  assert_float_equal(bench.io.out[port(&bench, "pump_duty", true)], 0.55, 1e-9);
  assert_int_equal(set(&bench, "pump-duty", 101000000, &err), PL_E_RANGE);
  assert_float_equal(bench.io.out[port(&bench, "pump_duty", true)], 0.55, 1e-9);
  assert_int_equal(set(&bench, "flow-set", -1000000, &err), PL_E_RANGE);
  assert_non_null(strstr(err.text, "which takes 0 to 300 L/min"));
  close_bench(&bench);
}

static void test_rpu_control_bits_do_not_disturb_each_other(void **state)
{
  (void)state;
  struct bench bench;
  struct pl_err err;
  open_bench(&bench, "orv3-rpu");
  assert_int_equal(value_of(&bench, "flow-control"), 0);
  assert_int_equal(set(&bench, "flow-control", PL_U, &err), PL_OK);
  assert_int_equal(set(&bench, "manual-pump", PL_U, &err), PL_OK);
  int before = bench.requests;
  assert_int_equal(set(&bench, "stop", PL_U, &err), PL_OK);
  assert_int_equal(bench.requests - before, 3); /* read, write, read back: one job */
  assert_true(bench.io.out[port(&bench, "stop", true)] > 0.5);
  assert_true(bench.io.out[port(&bench, "flow_control", true)] > 0.5);
  assert_int_equal(value_of(&bench, "manual-pump"), PL_U);
  assert_int_equal(set(&bench, "flow-control", 0, &err), PL_OK);
  assert_true(bench.io.out[port(&bench, "stop", true)] > 0.5);
  assert_true(bench.io.out[port(&bench, "flow_control", true)] < 0.5);
  uint16_t word = 0;
  assert_int_equal(pl_twin_modbus_map.modbus_read(bench.twin, PL_TABLE_HOLDING, 0x9410, 1, &word), 0);
  assert_int_equal(word, 1 << 5 | 1 << 1);
  close_bench(&bench);
}

static void test_rpu_faults_follow_the_world_in_one_request(void **state)
{
  (void)state;
  struct bench bench;
  struct pl_err err;
  struct call call = {.bench = &bench, .kind = 'f'};
  open_bench(&bench, "orv3-rpu");
  bench.io.in[port(&bench, "pump_1_speed", false)] = 4000;
  bench.io.in[port(&bench, "pump_2_speed", false)] = 4000;
  bench.io.in[port(&bench, "flow", false)] = 36;
  bench.io.in[port(&bench, "level", false)] = 0.8;
  int before = bench.requests;
  assert_int_equal(run(&call, &err), PL_OK);
  assert_int_equal(call.faults.count, 0);
  assert_int_equal(bench.requests - before, 1);
  assert_int_equal(bench.last[0], 3);
  assert_int_equal(word_at(bench.last + 1), 37375);
  assert_int_equal(word_at(bench.last + 3), 5);
  bench.io.in[port(&bench, "leak_internal", false)] = 1;
  bench.io.in[port(&bench, "pump_2_speed", false)] = 0;
  bench.io.in[port(&bench, "supply_temperature", false)] = 61;
  bench.io.in[port(&bench, "level", false)] = 0.19;
  assert_int_equal(run(&call, &err), PL_OK);
  assert_int_equal(call.faults.count, 4);
  assert_true(has_fault(&call.faults, "leak-internal") && has_fault(&call.faults, "pump") && has_fault(&call.faults, "supply-temperature") &&
              has_fault(&call.faults, "reservoir"));
  assert_int_equal(set(&bench, "stop", PL_U, &err), PL_OK); /* pumps that stand because they were told to are no fault */
  assert_int_equal(run(&call, &err), PL_OK);
  assert_false(has_fault(&call.faults, "pump"));
  close_bench(&bench);
}

static void test_rpu_says_who_it_is(void **state)
{
  (void)state;
  struct bench bench;
  struct pl_err err;
  struct call call = {.bench = &bench, .kind = 'i'};
  open_bench(&bench, "orv3-rpu");
  assert_int_equal(run(&call, &err), PL_OK);
  assert_string_equal(call.identity.serial, "PL1234ABCD");
  assert_string_equal(call.identity.model, "TWIN-ORV3-RPU");
  assert_string_equal(call.identity.firmware, "1.0");
  assert_string_equal(call.identity.manufacturer, "");
  call.kind = 'p';
  assert_int_equal(run(&call, &err), PL_OK);
  bench.flip = 0x8080; /* junk in the text */
  call.kind = 'i';
  assert_int_equal(run(&call, &err), PL_E_GARBAGE);
  assert_non_null(strstr(err.text, "no ASCII text"));
  close_bench(&bench);
}

static void test_a_write_that_does_not_take_is_found(void **state)
{
  (void)state;
  struct bench bench;
  struct pl_err err;
  open_bench(&bench, "orv3-rpu");
  bench.flip = 0x0001;
  assert_int_equal(set(&bench, "pump-duty", 50000000, &err), PL_E_GARBAGE);
  assert_non_null(strstr(err.text, "pump-duty: 0x0032 was written to holding register 0x9403 and 0x0033 is read back"));
  assert_int_equal(set(&bench, "manual-pump", PL_U, &err), PL_OK); /* another bit of the word wavers, not this one */
  bench.flip = 0x0002;
  assert_int_equal(set(&bench, "manual-pump", 0, &err), PL_E_GARBAGE);
  close_bench(&bench);
}

static void test_readings_outside_their_range_are_refused(void **state)
{
  (void)state;
  struct bench bench;
  struct pl_err err;
  int64_t value_u = -1;
  open_bench(&bench, "orv3-rpu");
  bench.flip = 0x00FF;
  assert_int_equal(get(&bench, "level", &value_u, &err), PL_E_RANGE);
  assert_int_equal(value_u, -1);
  assert_non_null(strstr(err.text, "level: holding register 0x9116 holds 255"));
  close_bench(&bench);
}

/* --- the twin is strict --- */

static int twin_read(struct bench *bench, enum pl_modbus_table table, uint16_t address, size_t count)
{
  uint16_t values[PL_MODBUS_READ_REGISTERS_MAX];
  return pl_twin_modbus_map.modbus_read(bench->twin, table, address, count, values);
}

static int twin_write(struct bench *bench, uint16_t address, size_t count, const uint16_t *values)
{
  return pl_twin_modbus_map.modbus_write(bench->twin, PL_TABLE_HOLDING, address, count, values);
}

static void test_the_twin_refuses_what_the_map_does_not_have(void **state)
{
  (void)state;
  struct bench bench;
  open_bench(&bench, "orv3-rpu");
  assert_int_equal(twin_read(&bench, PL_TABLE_HOLDING, 0x9000, 26), 0);  /* rows and reserved ones */
  assert_int_equal(twin_read(&bench, PL_TABLE_HOLDING, 0x9000, 27), 2);  /* one beyond */
  assert_int_equal(twin_read(&bench, PL_TABLE_HOLDING, 0x8FFF, 2), 2);
  assert_int_equal(twin_read(&bench, PL_TABLE_HOLDING, 0xFFFF, 2), 2);   /* past the end of the space */
  assert_int_equal(twin_read(&bench, PL_TABLE_INPUT, 0x9000, 1), 1);     /* no such table at all */
  assert_int_equal(twin_read(&bench, PL_TABLE_COILS, 0, 1), 1);
  assert_int_equal(twin_write(&bench, 0x9000, 1, (const uint16_t[]){1}), 2);  /* read only */
  assert_int_equal(twin_write(&bench, 0x9402, 1, (const uint16_t[]){1}), 2);  /* reserved */
  assert_int_equal(twin_write(&bench, 0x9201, 1, (const uint16_t[]){1}), 2);  /* faults */
  assert_int_equal(twin_write(&bench, 0x19D8, 1, (const uint16_t[]){1}), 2);  /* text */
  assert_int_equal(twin_write(&bench, 0x9403, 1, (const uint16_t[]){101}), 3);
  assert_int_equal(twin_write(&bench, 0x9401, 1, (const uint16_t[]){10}), 3); /* 1 degC: below its limit */
  assert_int_equal(twin_write(&bench, 0x9410, 1, (const uint16_t[]){1 << 12}), 3); /* a bit that no row has */
  /* All or nothing: the first register is good, the second is not. */
  double before = bench.io.out[port(&bench, "flow_set", true)];
  assert_int_equal(twin_write(&bench, 0x9400, 2, (const uint16_t[]){100, 10}), 3);
  assert_float_equal(bench.io.out[port(&bench, "flow_set", true)], before, 1e-12);
  assert_int_equal(twin_write(&bench, 0x9400, 2, (const uint16_t[]){100, 250}), 0);
  assert_float_equal(bench.io.out[port(&bench, "flow_set", true)], 10.0, 1e-12);
  close_bench(&bench);
}

static void test_a_refusal_reaches_the_caller_by_name(void **state)
{
  (void)state;
  struct bench bench;
  struct pl_err err;
  int64_t value_u;
  struct folder folder;
  write_map(&folder, "map: bench\nabout: one row\nrows:\n  - {quantity: flow, register: 0, unit: L/min, port: flow}\n");
  open_bench(&bench, folder.file);
  bench.io.in[port(&bench, "flow", false)] = (double)NAN; /* a dead sensor, and the map has no raw value for that */
  assert_int_equal(get(&bench, "flow", &value_u, &err), PL_E_EXCEPTION);
  assert_int_equal(strncmp(err.text, "flow: ", 6), 0);
  close_bench(&bench);
  remove_map(&folder);
}

static int all_ones(void *self, enum pl_modbus_table table, uint16_t address, size_t count, uint16_t *values)
{
  (void)self;
  (void)table;
  (void)address;
  memset(values, 0xFF, count * sizeof *values);
  return 0;
}

/* The unit answers, and has nothing to tell. */
static void test_all_ones_are_neither_values_nor_faults_nor_written_back(void **state)
{
  (void)state;
  struct bench bench;
  struct pl_err err;
  open_bench(&bench, "orv3-rpu");
  bench.read = all_ones;
  for (size_t i = 0; i < bench.shape.count; i++) {
    int64_t value_u = 4711;
    assert_int_equal(get(&bench, bench.shape.quantities[i].name, &value_u, &err), PL_E_NAN);
    assert_non_null(strstr(err.text, "no value"));
    assert_int_equal(value_u, 4711);
  }
  struct call call = {.bench = &bench, .kind = 'f'};
  assert_int_equal(run(&call, &err), PL_E_NAN);
  call.kind = 'i';
  assert_int_equal(run(&call, &err), PL_E_NAN);
  assert_non_null(strstr(err.text, "the model at holding register 0x19CC holds only 0xFFFF, which is no value"));
  assert_int_equal(set(&bench, "stop", PL_U, &err), PL_E_NAN); /* the other bits of its word are not known */
  assert_true(bench.io.out[port(&bench, "stop", true)] < 0.5);
  close_bench(&bench);
}

/* --- the load bank and other types --- */

static void test_load_bank(void **state)
{
  (void)state;
  struct bench bench;
  struct pl_err err;
  struct call call = {.bench = &bench, .kind = 'p'};
  open_bench(&bench, "load-bank");
  assert_int_equal(run(&call, &err), PL_OK);
  assert_int_equal(set(&bench, "load", 512345000, &err), PL_OK);
  assert_float_equal(bench.io.out[port(&bench, "load", true)], 512.345, 1e-9);
  assert_int_equal(value_of(&bench, "load"), 512345000);
  const struct pl_quantity *load = quantity(&bench, "load");
  assert_int_equal(load->max_u, 3000 * PL_U);
  assert_int_equal(twin_write(&bench, 0x0100, 1, (const uint16_t[]){0}), 2);         /* half a value */
  assert_int_equal(twin_write(&bench, 0x0101, 1, (const uint16_t[]){0}), 2);
  assert_int_equal(twin_write(&bench, 0x0100, 2, (const uint16_t[]){0xFFFF, 0}), 3); /* far above 3 kW */
  bench.io.in[port(&bench, "vout", false)] = 47.5;
  assert_int_equal(value_of(&bench, "vout"), 47500000);
  struct call faults = {.bench = &bench, .kind = 'f'};
  bench.io.in[port(&bench, "vout", false)] = 61;
  assert_int_equal(run(&faults, &err), PL_OK);
  assert_int_equal(faults.faults.count, 1);
  assert_string_equal(faults.faults.names[0], "over-voltage");
  bench.flip = 1; /* not a load bank */
  assert_int_equal(run(&call, &err), PL_E_GARBAGE);
  assert_non_null(strstr(err.text, "check the unit id and the map"));
  close_bench(&bench);
}

static const char mixed_map[] = "map: bench\n"
                                "about: every kind of row\n"
                                "order: CDAB\n"
                                "rows:\n"
                                "  - {quantity: temperature, register: 0, table: input, type: float32, unit: degC, port: temperature}\n"
                                "  - {quantity: swapped, register: 2, table: input, type: float32, order: DCBA, unit: degC, port: temperature}\n"
                                "  - {quantity: level, register: 4, table: input, type: s16, scale: 0.01, unit: \"%\", invalid: [0x8000], port: level}\n"
                                "  - {quantity: on, register: 7, table: coil, unit: flag, access: rw, port: enable}\n"
                                "  - {quantity: ac-ok, register: 9, table: discrete, unit: flag, port: ac_ok}\n"
                                "  - {quantity: offset-set, register: 20, type: s32, scale: 1/1024, offset: -40, unit: degC, access: rw}\n"
                                "  - {quantity: key, register: 30, unit: number, access: w}\n"
                                "  - {quantity: clear-faults, register: 31, unit: flag, access: act, value: 0x5AA5}\n"
                                "  - {quantity: clear-peaks, register: 32, bit: 4, unit: flag, access: act}\n"
                                "  - {quantity: quick, register: 33, unit: number, access: rw, verify: false}\n";

static void test_every_kind_of_row(void **state)
{
  (void)state;
  struct folder folder;
  struct bench bench;
  struct pl_err err;
  int64_t value_u = -1;
  write_map(&folder, mixed_map);
  open_bench(&bench, folder.file);
  size_t temperature = port(&bench, "temperature", false);
  bench.io.in[temperature] = -12.5; /* 0xC1480000 */
  assert_int_equal(value_of(&bench, "temperature"), -12500000);
  assert_int_equal(value_of(&bench, "swapped"), -12500000);
  uint16_t words[4];
  assert_int_equal(pl_twin_modbus_map.modbus_read(bench.twin, PL_TABLE_INPUT, 0, 4, words), 0);
  assert_int_equal(words[0], 0x0000); /* CDAB: the low register first */
  assert_int_equal(words[1], 0xC148);
  assert_int_equal(words[2], 0x0000); /* DCBA: low register first, bytes swapped */
  assert_int_equal(words[3], 0x48C1);
  bench.io.in[port(&bench, "level", false)] = 0.42;
  assert_int_equal(value_of(&bench, "level"), 42000000);
  bench.io.in[port(&bench, "level", false)] = (double)NAN;
  assert_int_equal(get(&bench, "level", &value_u, &err), PL_E_NAN);
  assert_int_equal(value_u, -1);
  assert_non_null(strstr(err.text, "0x8000, which is no value: it means that there is no reading"));
  bench.io.in[port(&bench, "ac_ok", false)] = 1;
  assert_int_equal(value_of(&bench, "ac-ok"), PL_U);
  assert_int_equal(set(&bench, "on", PL_U, &err), PL_OK);
  assert_true(bench.io.out[port(&bench, "enable", true)] > 0.5);
  assert_int_equal(value_of(&bench, "on"), PL_U);
  assert_int_equal(set(&bench, "offset-set", -100500000, &err), PL_OK); /* kept by the twin: no port */
  assert_int_equal(value_of(&bench, "offset-set"), -100500000);
  int before = bench.requests;
  assert_int_equal(set(&bench, "key", 7 * PL_U, &err), PL_OK);
  assert_int_equal(set(&bench, "clear-faults", 0, &err), PL_OK);
  assert_int_equal(set(&bench, "quick", 9 * PL_U, &err), PL_OK);
  assert_int_equal(bench.requests - before, 3); /* none is read back */
  assert_int_equal(set(&bench, "clear-peaks", 0, &err), PL_OK);
  assert_int_equal(word_at(bench.last + 3), 1 << 4);
  assert_int_equal(twin_write(&bench, 31, 1, (const uint16_t[]){1}), 3); /* not the verb's value */
  assert_int_equal(twin_read(&bench, PL_TABLE_HOLDING, 30, 1), 2);       /* write only */
  close_bench(&bench);
  remove_map(&folder);
}

static void test_floats_that_are_no_numbers(void **state)
{
  (void)state;
  struct folder folder;
  struct bench bench;
  struct pl_err err;
  int64_t value_u = -1;
  write_map(&folder, "map: bench\nabout: a float\nrows:\n  - {quantity: temperature, register: 0, type: float32, unit: degC, access: rw}\n");
  open_bench(&bench, folder.file);
  assert_int_equal(set(&bench, "temperature", 25 * PL_U, &err), PL_OK);
  bench.flip = 0x7F80 ^ 0x41C8; /* 25.0 is 0x41C80000; both registers are flipped, so this reads as a NaN */
  assert_int_equal(get(&bench, "temperature", &value_u, &err), PL_E_NAN);
  assert_int_equal(value_u, -1);
  close_bench(&bench);
  remove_map(&folder);
}

static void test_maps_are_found_by_name(void **state)
{
  (void)state;
  struct folder folder;
  struct pl_err err = {0};
  char path[256];
  write_map(&folder, mixed_map);
  assert_int_equal(setenv("PLUMBLINE_MAPS", folder.path, 1), 0);
  assert_int_equal(pl_map_find("bench", path, sizeof path, &err), PL_OK);
  assert_string_equal(path, folder.file);
  assert_int_equal(pl_map_find("orv3-rpu", path, sizeof path, &err), PL_OK);
  assert_string_equal(path, "drivers/maps/orv3-rpu.yaml");
  assert_int_equal(pl_map_find("orv3-rpo", path, sizeof path, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "did you mean 'orv3-rpu'?"));
  assert_int_equal(unsetenv("PLUMBLINE_MAPS"), 0);
  assert_int_equal(pl_map_find("bench", path, sizeof path, &err), PL_E_USAGE);
  remove_map(&folder);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rpu_readings_come_from_the_world),
      cmocka_unit_test(test_rpu_set_points_reach_the_world_and_read_back),
      cmocka_unit_test(test_rpu_control_bits_do_not_disturb_each_other),
      cmocka_unit_test(test_rpu_faults_follow_the_world_in_one_request),
      cmocka_unit_test(test_rpu_says_who_it_is),
      cmocka_unit_test(test_a_write_that_does_not_take_is_found),
      cmocka_unit_test(test_readings_outside_their_range_are_refused),
      cmocka_unit_test(test_the_twin_refuses_what_the_map_does_not_have),
      cmocka_unit_test(test_a_refusal_reaches_the_caller_by_name),
      cmocka_unit_test(test_all_ones_are_neither_values_nor_faults_nor_written_back),
      cmocka_unit_test(test_load_bank),
      cmocka_unit_test(test_every_kind_of_row),
      cmocka_unit_test(test_floats_that_are_no_numbers),
      cmocka_unit_test(test_maps_are_found_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

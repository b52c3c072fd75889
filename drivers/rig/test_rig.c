/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/rig/fake_tables.h"
#include "drivers/rig/rig.h"

/* Lines 1 to 5, 6 to 9, and from 10 the devices. */
#define HEAD                                                        \
  "rig: bench-7\n"                                                  \
  "buses:\n"                                                        \
  "- {name: i2c-m1, kind: i2c, adapter: twin, speed: 400 kHz}\n"    \
  "- {name: lines-m1, kind: gpio, adapter: twin}\n"                 \
  "- {name: rtu, kind: modbus, adapter: modbus-rtu, port: twin}\n"  \
  "parts:\n"                                                        \
  "- {name: psu-a, kind: psu, location: left, busbar: b}\n"         \
  "- {name: rpu, kind: pump-unit}\n"                                \
  "devices:\n"

static struct pl_rig *parse(const char *text)
{
  struct pl_rig *rig = NULL;
  struct pl_err err = {0};
  if (pl_rig_parse("r.yaml", text, strlen(text), &rig, &err))
    fail_msg("%s", err.text);
  return rig;
}

static void refuse(const char *text, const char *sentence)
{
  struct pl_rig *rig = NULL;
  struct pl_err err = {0};
  assert_int_equal(pl_rig_parse("r.yaml", text, strlen(text), &rig, &err), PL_E_USAGE);
  assert_string_equal(err.text, sentence);
  assert_int_equal(err.status, PL_E_USAGE);
  assert_null(rig);
}

static void refuse_device(const char *device, const char *sentence)
{
  char text[2048];
  snprintf(text, sizeof text, HEAD "- %s\n", device);
  refuse(text, sentence);
}

static void refuse_bus(const char *bus, const char *sentence)
{
  char text[1024];
  snprintf(text, sizeof text, "rig: x\ndevices: []\nbuses:\n- {name: i2c-1, kind: i2c, adapter: twin}\n- %s\n", bus);
  refuse(text, sentence);
}

static void test_good(void **state)
{
  (void)state;
  struct pl_rig *rig = parse(HEAD "- name: psu-a\n"
                                  "  driver: psu-pmbus\n"
                                  "  bus: i2c-m1\n"
                                  "  address: 0x58\n"
                                  "  part: psu-a\n"
                                  "  owner: stack\n"
                                  "  safe: {on: true, vout_set: 48 V}\n"
                                  "  limits: {vout: {min: 46 V, max: 50 V}, on: {min: on}}\n"
                                  "- {name: psu-b, driver: psu-pmbus, bus: i2c-m1, address: 0x59}\n"
                                  "- {name: slot, driver: connector, bus: lines-m1, present: \"!P_N\", power-enable: 4}\n"
                                  "- {name: rpu, driver: modbus-map, bus: rtu, unit: 12, map: orv3-rpu, role: coolant, part: rpu, safe: {pump-duty: 80 %}}\n");
  assert_string_equal(rig->name, "bench-7");
  assert_string_equal(rig->about, "");
  assert_string_equal(rig->path, "r.yaml");
  assert_int_equal(strlen(rig->sha256), 64);
  assert_int_equal(rig->n_buses, 3);
  assert_int_equal(rig->n_parts, 2);
  assert_int_equal(rig->n_devices, 4);
  assert_true(rig->buses[0].on_twin && rig->buses[1].on_twin && rig->buses[2].on_twin);
  assert_int_equal(pl_value(&rig->buses[0].values, "speed")->number, 400000 * PL_U);
  assert_int_equal(pl_value(&rig->buses[2].values, "baud")->number, 19200);
  assert_string_equal(rig->parts[0].location, "left");
  assert_string_equal(rig->parts[1].location, "");
  assert_string_equal(pl_node_get(rig->parts[0].node, "busbar")->text, "b");

  const struct pl_rig_device *psu = pl_rig_device(rig, "psu_a");
  assert_ptr_equal(psu, &rig->devices[0]);
  assert_ptr_equal(psu->bus, &rig->buses[0]);
  assert_ptr_equal(psu->part, pl_rig_part(rig, "psu-a"));
  assert_string_equal(psu->role, "supply");
  assert_int_equal(psu->owner, PL_OWNER_STACK);
  assert_int_equal(psu->line, 10);
  assert_int_equal(pl_value(&psu->values, "address")->number, 0x58);
  assert_int_equal(psu->n_safe, 2);
  assert_string_equal(psu->safe[1].quantity->name, "vout-set");
  assert_int_equal(psu->safe[1].value_u, 48 * PL_U);
  assert_int_equal(psu->n_limits, 2);
  assert_true(psu->limits[0].has_min && psu->limits[0].has_max && !psu->limits[1].has_max);
  assert_int_equal(psu->limits[0].min_u, 46 * PL_U);
  assert_int_equal(psu->limits[0].max_u, 50 * PL_U);
  assert_int_equal(psu->limits[1].min_u, PL_U);
  assert_int_equal(rig->devices[1].owner, PL_OWNER_BENCH);
  assert_null(rig->devices[1].part);
  assert_true(pl_value(&rig->devices[2].values, "present")->active_low);

  const struct pl_rig_part *rpu = pl_rig_part(rig, "rpu");
  assert_ptr_equal(pl_rig_by_role(rig, rpu, "coolant"), &rig->devices[3]);
  assert_null(pl_rig_by_role(rig, rpu, "supply"));
  assert_null(pl_rig_device(rig, "nobody"));
  assert_string_equal(pl_owner_name(PL_OWNER_STACK), "stack");
  assert_string_equal(pl_owner_name(PL_OWNER_BENCH), "bench");
  pl_rig_free(rig);
  pl_rig_free(NULL);
}

static void test_on_twin(void **state)
{
  (void)state;
  struct pl_rig *rig = parse("rig: x\ndevices: []\nbuses:\n"
                             "- {name: a, kind: modbus, adapter: modbus-rtu, port: /dev/ttyUSB0}\n"
                             "- {name: b, kind: i2c, adapter: linux-i2c, device: /dev/twin}\n");
  assert_false(rig->buses[0].on_twin);
  assert_false(rig->buses[1].on_twin);
  assert_ptr_equal(rig->buses[1].adapter, pl_adapter_find(PL_BUS_I2C, "linux-i2c"));
  pl_rig_free(rig);
}

static void test_refused_file(void **state)
{
  (void)state;
  refuse("- a\n", "r.yaml:1: a rig is a list, expected a map (key: value)");
  refuse("about: x\nbuses: []\ndevices: []\n", "r.yaml:1: the key 'rig' is missing in a rig");
  refuse("rig: x\nbuses: []\n", "r.yaml:1: the key 'devices' is missing in a rig, expected a list");
  refuse("rig: x\ndevices: []\n", "r.yaml:1: the key 'buses' is missing in a rig, expected a list");
  refuse("rig: x\nbuses: []\ndevices: []\ndevicse: []\n", "r.yaml:4: unknown key 'devicse' in a rig, did you mean 'devices'?");
  refuse("rig: x\nbuses: []\ndevices:\n", "r.yaml:3: devices is empty, expected a list");
  refuse("rig: x\nbuses: []\nparts: {}\ndevices: []\n", "r.yaml:3: parts is a map (key: value), expected a list");
  refuse("rig: [x]\nbuses: []\ndevices: []\n", "r.yaml:1: rig is a list, expected a single value");
  refuse("rig:\nbuses: []\ndevices: []\n", "r.yaml:1: rig is empty, expected a word");
  refuse("rig: x\nbuses: []\nparts:\n- {name: a, kind: cus}\ndevices: []\n", "r.yaml:4: unknown part kind 'cus', did you mean 'csu'?");
  refuse("rig: x\nbuses: []\nparts:\n- {name: a, kind: fan}\ndevices: []\n",
         "r.yaml:4: unknown part kind 'fan', expected one of busbar, psu, ac-feed, cable, bbu, csu, loop, pump-unit, tray, valve, pipe, fitting, "
         "quick-connector, filter, stop-valve, check-valve, heat-exchanger, radiator, reservoir, module");
  refuse("rig: x\nbuses: []\nparts:\n- {name: a-1, kind: csu}\n- {name: a_1, kind: csu}\ndevices: []\n",
         "r.yaml:5: a second part 'a_1', expected another name (first on line 4)");
  refuse("rig: x\nbuses: []\nparts:\n- {name: a.b, kind: csu}\ndevices: []\n",
         "r.yaml:4: 'a.b' is not a name, expected a letter and then at most 47 letters, digits and dashes");
  struct pl_rig *rig = NULL;
  struct pl_err err = {0};
  assert_int_equal(pl_rig_load("/nowhere/rig.yaml", &rig, &err), PL_E_USAGE);
  assert_string_equal(err.text, "/nowhere/rig.yaml: cannot open: No such file or directory");
}

static void test_refused_bus(void **state)
{
  (void)state;
  refuse_bus("plain", "r.yaml:5: a bus is a single value, expected a map (key: value)");
  refuse_bus("{kind: i2c, adapter: twin}", "r.yaml:5: the key 'name' is missing in a bus");
  refuse_bus("{name: 1a, kind: i2c, adapter: twin}", "r.yaml:5: '1a' is not a name, expected a letter and then at most 47 letters, digits and dashes");
  refuse_bus("{name: a, adapter: twin}", "r.yaml:5: the key 'kind' is missing in a bus");
  refuse_bus("{name: a, kind: spi, adapter: twin}", "r.yaml:5: unknown bus kind 'spi', expected one of i2c, gpio, modbus");
  refuse_bus("{name: a, kind: modbsu, adapter: twin}", "r.yaml:5: unknown bus kind 'modbsu', did you mean 'modbus'?");
  refuse_bus("{name: a, kind: i2c}", "r.yaml:5: the key 'adapter' is missing in a bus");
  refuse_bus("{name: a, kind: i2c, adapter: twni}", "r.yaml:5: unknown adapter 'twni', did you mean 'twin'?");
  refuse_bus("{name: a, kind: i2c, adapter: aardvark}", "r.yaml:5: unknown adapter 'aardvark', expected one of twin, linux-i2c");
  refuse_bus("{name: a, kind: i2c, adapter: modbus-rtu}", "r.yaml:5: adapter 'modbus-rtu' is for modbus buses, expected one for kind i2c");
  refuse_bus("{name: a, kind: i2c, adapter: twin, sped: 1 kHz}", "r.yaml:5: unknown key 'sped' in a bus, did you mean 'speed'?");
  refuse_bus("{name: a, kind: i2c, adapter: twin, speed: 400}", "r.yaml:5: speed: '400' has no unit, expected a frequency such as '400 kHz'");
  refuse_bus("{name: a, kind: i2c, adapter: linux-i2c}", "r.yaml:5: the key 'device' is missing, expected the device node, such as /dev/i2c-1");
  refuse_bus("{name: i2c_1, kind: i2c, adapter: twin}", "r.yaml:5: a second bus 'i2c_1', expected another name (first on line 4)");
}

static void test_refused_device(void **state)
{
  (void)state;
  refuse_device("{driver: psu-pmbus}", "r.yaml:10: the key 'name' is missing in a device");
  refuse_device("{name: a, bus: i2c-m1}", "r.yaml:10: the key 'driver' is missing in a device");
  refuse_device("{name: a, driver: psu-pmbsu, bus: i2c-m1}", "r.yaml:10: unknown driver 'psu-pmbsu', did you mean 'psu-pmbus'?");
  refuse_device("{name: a, driver: tv, bus: i2c-m1}", "r.yaml:10: unknown driver 'tv', expected one of psu-pmbus, connector, modbus-map");
  refuse_device("{name: a, driver: psu-pmbus}", "r.yaml:10: the key 'bus' is missing in a device");
  refuse_device("{name: a, driver: psu-pmbus, bus: i2c-m2}", "r.yaml:10: unknown bus 'i2c-m2', did you mean 'i2c-m1'?");
  refuse_device("{name: a, driver: psu-pmbus, bus: xx}", "r.yaml:10: unknown bus 'xx', expected one of i2c-m1, lines-m1, rtu");
  refuse_device("{name: a, driver: psu-pmbus, bus: rtu}", "r.yaml:10: bus 'rtu' is of kind modbus, expected one of kind i2c for driver 'psu-pmbus'");
  refuse_device("{name: a, driver: psu-pmbus, bus: i2c-m1, part: psu-b}", "r.yaml:10: unknown part 'psu-b', did you mean 'psu-a'?");
  refuse_device("{name: a, driver: psu-pmbus, bus: i2c-m1, role: suply}", "r.yaml:10: unknown role 'suply', did you mean 'supply'?");
  refuse_device("{name: a, driver: psu-pmbus, bus: i2c-m1, owner: me}", "r.yaml:10: unknown owner 'me', expected one of bench, stack, interlock");
  refuse_device("{name: a, driver: psu-pmbus, bus: i2c-m1, adress: 3}",
                "r.yaml:10: unknown key 'adress' in device 'a' (driver 'psu-pmbus'), did you mean 'address'?");
  refuse_device("{name: a, driver: psu-pmbus, bus: i2c-m1}", "r.yaml:10: the key 'address' is missing, expected the bus address, such as 0x58");
  refuse_device("{name: a, driver: psu-pmbus, bus: i2c-m1, address: 0x80}", "r.yaml:10: address: 0x80 is out of range, expected 0x08 to 0x77");
  refuse_device("{name: a, driver: modbus-map, bus: rtu, unit: 3, map: x}",
                "r.yaml:10: the key 'role' is missing, expected the role of device 'a' (driver 'modbus-map' serves several)");
  refuse_device("{name: a, driver: modbus-map, bus: rtu, unit: 3, map: none, role: load}", "r.yaml:10: device 'a': no register map 'none', expected orv3-rpu");
}

#define PSU "{name: a, driver: psu-pmbus, bus: i2c-m1, address: 16, "
#define RPU "{name: rpu, driver: modbus-map, bus: rtu, unit: 12, map: orv3-rpu, role: coolant, "

static void test_refused_values(void **state)
{
  (void)state;
  refuse_device(PSU "safe: [on]}", "r.yaml:10: safe is a list, expected a map (key: value)");
  refuse_device(PSU "safe: {onn: true}}", "r.yaml:10: unknown quantity 'onn' of device 'a', did you mean 'on'?");
  refuse_device(PSU "safe: {fan: true}}", "r.yaml:10: unknown quantity 'fan' of device 'a', expected one of on, vout-set");
  refuse_device(PSU "safe: {vout: 5 V}}", "r.yaml:10: 'vout' of device 'a' cannot be set, expected a quantity that can");
  refuse_device(PSU "safe: {clear-faults: 1}}", "r.yaml:10: 'clear-faults' of device 'a' cannot be set, expected a quantity that can");
  refuse_device(PSU "safe: {on: 48 V}}", "r.yaml:10: the safe value of 'on' at device 'a': '48 V' is a voltage, expected on or off");
  refuse_device(PSU "safe: {on: {}}}", "r.yaml:10: the safe value of 'on' at device 'a' is a map (key: value), expected a single value");
  refuse_device(PSU "safe: {vout-set: 60 V}}", "r.yaml:10: the safe value 60 V of 'vout-set' at device 'a' is out of range, expected 46 V to 52 V");
  refuse_device(PSU "safe: {vout-set: 48 V, vout_set: 49 V}}", "r.yaml:10: a second safe value of 'vout-set' at device 'a', expected one");
  refuse_device(PSU "limits: {vout: 48 V}}", "r.yaml:10: a limit is a single value, expected a map (key: value)");
  refuse_device(PSU "limits: {vout: {}}}", "r.yaml:10: the limit of 'vout' at device 'a' says nothing, expected min, max or both");
  refuse_device(PSU "limits: {vout: {mni: 3 V}}}", "r.yaml:10: unknown key 'mni' in a limit, did you mean 'min'?");
  refuse_device(PSU "limits: {vuot: {min: 3 V}}}", "r.yaml:10: unknown quantity 'vuot' of device 'a', did you mean 'vout'?");
  refuse_device(PSU "limits: {vout-set: {min: 3 V}}}", "r.yaml:10: 'vout-set' of device 'a' cannot be read, expected a quantity that can");
  refuse_device(PSU "limits: {vout: {min: 50 V, max: 46 V}}}",
                "r.yaml:10: the lower limit 50 V of 'vout' at device 'a' is above the upper limit 46 V, expected min at most max");
  refuse_device(RPU "limits: {supply-pressure: {max: 46 V}}}",
                "r.yaml:10: the upper limit of 'supply-pressure' at device 'rpu': '46 V' is a voltage, expected a pressure such as '150 kPa'");
  refuse_device(RPU "limits: {supply-pressure: {max: 46 kPaa}}}",
                "r.yaml:10: the upper limit of 'supply-pressure' at device 'rpu': '46 kPaa' has the unknown unit 'kPaa', did you mean 'kPa'?, expected a pressure "
                "such as '150 kPa'");
  refuse_device(RPU "safe: {pump-duty: 120 %}}", "r.yaml:10: the safe value 120 % of 'pump-duty' at device 'rpu' is out of range, expected 0 % to 100 %");
}

static void test_addresses(void **state)
{
  (void)state;
  refuse_device("{name: a, driver: psu-pmbus, bus: i2c-m1, address: 0x10}\n- {name: b, driver: psu-pmbus, bus: i2c-m1, address: 16}",
                "r.yaml:11: device 'b' has the address 16 of device 'a' on bus 'i2c-m1' (line 10), expected one of its own");
  refuse_device("{name: a, driver: psu-pmbus, bus: i2c-m1, address: 16, page: 1}\n- {name: b, driver: psu-pmbus, bus: i2c-m1, address: 16}",
                "r.yaml:11: device 'b' has the address 16 of device 'a' on bus 'i2c-m1' (line 10), expected one of its own");
  refuse_device("{name: a, driver: modbus-map, bus: rtu, map: x, role: load, unit: 7}\n- {name: b, driver: modbus-map, bus: rtu, map: y, role: load, unit: 7}",
                "r.yaml:11: device 'b' has the unit 7 of device 'a' on bus 'rtu' (line 10), expected one of its own");
  refuse_device("{name: a, driver: connector, bus: lines-m1, present: P1}\n- {name: b, driver: connector, bus: lines-m1, present: P2, power-enable: \"!P1\"}",
                "r.yaml:11: line P1 of bus 'lines-m1' is both 'power-enable' of device 'b' and 'present' of device 'a' (line 10 of the file), expected a line each");
  refuse_device("{name: a, driver: connector, bus: lines-m1, present: 7, power-enable: \"!07\"}",
                "r.yaml:10: line 07 of bus 'lines-m1' is both 'power-enable' of device 'a' and 'present' of device 'a' (line 10 of the file), expected a line each");
  refuse_device("{name: a, driver: psu-pmbus, bus: i2c-m1, address: 16}\n- {name: a, driver: psu-pmbus, bus: i2c-m1, address: 17}",
                "r.yaml:11: a second device 'a', expected another name (first on line 10)");
  /* The same address on another page or another bus is no collision. */
  struct pl_rig *rig = parse("rig: x\nbuses:\n- {name: i1, kind: i2c, adapter: twin}\n- {name: i2, kind: i2c, adapter: twin}\ndevices:\n"
                             "- {name: a, driver: psu-pmbus, bus: i1, address: 16, page: 0}\n"
                             "- {name: b, driver: psu-pmbus, bus: i1, address: 16, page: 1}\n"
                             "- {name: c, driver: psu-pmbus, bus: i2, address: 16}\n");
  assert_int_equal(rig->n_devices, 3);
  pl_rig_free(rig);
}

#define MODULES(csus) "rig: x\nbuses: []\ndevices: []\nparts:\n" csus "- {name: module-1, kind: module, location: left}\n"

static void test_in(void **state)
{
  (void)state;
  struct pl_rig *rig = parse(MODULES("- {name: csu-1, kind: csu, in: module_1}\n- {name: csu-2, kind: csu}\n"));
  assert_ptr_equal(rig->parts[0].in, &rig->parts[2]);
  assert_null(rig->parts[1].in);
  pl_rig_free(rig);
  refuse(MODULES("- {name: csu-1, kind: csu, in: module-2}\n"), "r.yaml:5: 'csu-1' stands in 'module-2', and there is no such part");
  refuse(MODULES("- {name: a, kind: module, in: b}\n- {name: b, kind: module, in: a}\n"),
         "r.yaml:5: 'a' stands in a part that stands in a part, and so on, more than 8 deep or round in a ring; mend the `in` keys");
}

static void test_too_many(void **state)
{
  (void)state;
  size_t room = 64 + 32769 * 2;
  char *text = calloc(1, room);
  assert_non_null(text);
  size_t used = (size_t)snprintf(text, room, "rig: x\nbuses: []\ndevices: [");
  for (int i = 0; i < 32769; i++)
    used += (size_t)snprintf(text + used, room - used, "a,");
  snprintf(text + used, room - used, "]");
  refuse(text, "r.yaml:3: 32769 devices, expected at most 32768");
  free(text);
}

static void test_words(void **state)
{
  (void)state;
  size_t n;
  const struct pl_word *words = pl_rig_roles(&n);
  assert_true(n >= 9);
  assert_string_equal(words[0].name, "supply");
  words = pl_rig_part_kinds(&n);
  assert_true(n >= 7);
  assert_string_equal(words[0].name, "busbar");
  assert_string_equal(pl_maturity_name(PL_BETA), "beta");
  assert_null(pl_backend_find("twin"));
  assert_null(pl_twin_desc_find("psu-pmbus"));
  assert_ptr_equal(pl_device_desc_find("connector"), pl_device_descs[1]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good),           cmocka_unit_test(test_on_twin),        cmocka_unit_test(test_refused_file), cmocka_unit_test(test_refused_bus),
      cmocka_unit_test(test_refused_device), cmocka_unit_test(test_refused_values), cmocka_unit_test(test_addresses),    cmocka_unit_test(test_too_many),
      cmocka_unit_test(test_words),          cmocka_unit_test(test_in),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

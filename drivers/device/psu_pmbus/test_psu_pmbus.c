/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/psu_pmbus/psu_pmbus.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "drivers/device/i2c_test/fake_wire.h"
#include "drivers/protocol/pmbus/pmbus_table.h"

static void healthy(struct fake *fake)
{
  fake_in(fake, "vin", 230);
  fake_in(fake, "iin", 6.5);
  fake_in(fake, "vout", 47.9);
  fake_in(fake, "iout", 30.25);
  fake_in(fake, "temperature", 41.5);
  fake_in(fake, "fan_speed", 4800);
  fake_in(fake, "ac_ok", 1);
  fake_in(fake, "power_good", 1);
  fake_pass(fake, 10 * PL_MS, PL_MS);
}

static int setup(void **state)
{
  struct fake *fake = fake_open(&pl_device_psu_pmbus, &pl_twin_psu_pmbus, (const char *const[]){"0x58", NULL, NULL, NULL});
  healthy(fake);
  *state = fake;
  return 0;
}

static int teardown(void **state)
{
  fake_close(*state);
  return 0;
}

static void near_u(int64_t value_u, double want, double within)
{
  if (fabs((double)value_u / 1e6 - want) > within)
    fail_msg("%g, expected %g within %g", (double)value_u / 1e6, want, within);
}

static enum pl_status raw(struct fake *fake, void *ctx, struct pl_err *err)
{
  const char *bytes = ctx; /* length, then the frame without PEC */
  return pl_i2c_write_read(fake->bus, 0x58, (const uint8_t *)bytes + 1, (size_t)bytes[0], NULL, 0, err);
}

static void quantities_are_what_the_world_says(void **state)
{
  struct fake *fake = *state;
  near_u(fake_get(fake, "vin"), 230, 0.13); /* LINEAR11: 11 bits */
  near_u(fake_get(fake, "iin"), 6.5, 0.004);
  near_u(fake_get(fake, "vout"), 47.9, 0.001); /* ULINEAR16: 1.95 mV a step */
  near_u(fake_get(fake, "iout"), 30.25, 0.016);
  near_u(fake_get(fake, "pout"), 47.9 * 30.25, 1);
  near_u(fake_get(fake, "pin"), 1495, 1);
  near_u(fake_get(fake, "temperature"), 41.5, 0.04);
  near_u(fake_get(fake, "fan-speed"), 4800, 4);
  assert_int_equal(fake_get(fake, "on"), PL_U);
  assert_int_equal(fake_get(fake, "power-good"), PL_U);
  assert_int_equal(fake_get(fake, "vout-set"), 48 * PL_U);
  assert_int_equal(fake_faults(fake), 0);
  assert_int_equal(fake->slave.refused, 0);
}

static void probe_and_identity(void **state)
{
  struct fake *fake = *state;
  assert_int_equal(fake_probe(fake), PL_OK);
  struct pl_identity identity;
  assert_int_equal(fake_run(fake, &(struct fake_call){.identity = &identity}), PL_OK);
  assert_string_equal(identity.manufacturer, "PLUMBLINE");
  assert_string_equal(identity.model, "TWIN-PSU-5500");
  assert_string_equal(identity.serial, "SN-TEST-1");
  fake->slave.address = 0x59;
  assert_int_equal(fake_probe(fake), PL_E_NACK);
  assert_non_null(strstr(fake->err.text, "no PMBus supply at 0x58"));
}

static enum pl_status read_blank_maker(void *self, uint8_t code, const uint8_t *call, size_t call_len, uint8_t *data, size_t room, size_t *len)
{
  if (code != PL_PMBUS_MFR_ID)
    return pl_twin_psu_pmbus.smbus_read(self, code, call, call_len, data, room, len);
  memcpy(data, "  \0\xFF", *len = 4);
  return PL_OK;
}

static enum pl_status read_odd_maker(void *self, uint8_t code, const uint8_t *call, size_t call_len, uint8_t *data, size_t room, size_t *len)
{
  if (code != PL_PMBUS_MFR_ID)
    return pl_twin_psu_pmbus.smbus_read(self, code, call, call_len, data, room, len);
  memcpy(data, "A\x01" "B", *len = 3);
  return PL_OK;
}

static void a_nameless_supply_is_refused(void **state)
{
  struct fake *fake = *state;
  struct pl_twin_desc desc = pl_twin_psu_pmbus;
  fake->slave.desc = &desc;
  desc.smbus_read = read_blank_maker;
  assert_int_equal(fake_probe(fake), PL_E_GARBAGE);
  assert_non_null(strstr(fake->err.text, "MFR_ID (0x99) is empty (PMBUS_REVISION 0x22 answered)"));
  desc.smbus_read = read_odd_maker;
  assert_int_equal(fake_probe(fake), PL_E_GARBAGE);
  assert_non_null(strstr(fake->err.text, "byte 1 of the text is 0x01"));
}

static void output_is_switched_and_set(void **state)
{
  struct fake *fake = *state;
  fake_set(fake, "on", 0);
  assert_true(fake_out(fake, "enable") < 0.5);
  assert_int_equal(fake_get(fake, "on"), 0);
  fake_set(fake, "on", PL_U);
  assert_true(fake_out(fake, "enable") > 0.5);
  fake_set(fake, "vout-set", 50500000);
  assert_true(fabs(fake_out(fake, "vout_set") - 50.5) < 0.001);
  assert_int_equal(fake_get(fake, "vout-set"), 50500000);
  assert_int_equal(fake_try_set(fake, "vout-set", 59 * PL_U), PL_E_EXCEPTION); /* over VOUT_MAX */
  assert_true(fabs(fake_out(fake, "vout_set") - 54) < 0.001);
  assert_true(fake_has_fault(fake, "vout-max-min-warning"));
}

/* The supply's own protections, whatever limits the PMBus side was given. */
static void what_tripped_it_is_told(void **state)
{
  struct fake *fake = *state;
  static const struct {
    const char *port, *fault;
  } TRIPS[] = {{"over_current", "iout-oc-fault"}, {"over_voltage", "vout-ov-fault"}, {"under_voltage", "vout-uv-fault"}, {"over_temperature", "ot-fault"}};
  for (size_t i = 0; i < sizeof TRIPS / sizeof TRIPS[0]; i++) {
    assert_false(fake_has_fault(fake, TRIPS[i].fault));
    fake_in(fake, TRIPS[i].port, 1);
    fake_pass(fake, 2 * PL_MS, PL_MS);
    assert_true(fake_has_fault(fake, TRIPS[i].fault));
    fake_set(fake, "clear-faults", 0);
    assert_true(fake_has_fault(fake, TRIPS[i].fault)); /* it still is */
    fake_in(fake, TRIPS[i].port, 0);
    fake_set(fake, "clear-faults", 0);
    assert_int_equal(fake_faults(fake), 0);
  }
}

static void loss_of_ac_latches(void **state)
{
  struct fake *fake = *state;
  fake_in(fake, "ac_ok", 0);
  fake_in(fake, "vin", 0);
  fake_pass(fake, 2 * PL_MS, PL_MS);
  assert_true(fake_has_fault(fake, "vin-uv-fault"));
  assert_false(fake_has_fault(fake, "off-for-low-input")); /* the hold-up still feeds */
  fake_in(fake, "vout", 0);
  fake_in(fake, "power_good", 0);
  fake_pass(fake, 2 * PL_MS, PL_MS);
  assert_true(fake_has_fault(fake, "off-for-low-input"));
  assert_false(fake_has_fault(fake, "vout-uv-fault"));
  assert_int_equal(fake_get(fake, "power-good"), 0);
  fake_set(fake, "clear-faults", 0);
  assert_true(fake_has_fault(fake, "vin-uv-fault")); /* it still is */
  healthy(fake);
  assert_true(fake_has_fault(fake, "vin-uv-fault")); /* it was */
  fake_set(fake, "clear-faults", 0);
  assert_int_equal(fake_faults(fake), 0);
}

static void each_limit_has_its_fault(void **state)
{
  struct fake *fake = *state;
  static const struct {
    const char *port;
    double value;
    const char *fault;
  } CASES[] = {
      {"iout", 125, "iout-oc-warning"}, {"iout", 135, "iout-oc-fault"},   {"temperature", 90, "ot-warning"}, {"temperature", 99, "ot-fault"},
      {"fan_speed", 0, "fan-1-fault"},  {"vout", 43, "vout-uv-warning"},  {"vout", 40, "vout-uv-fault"},     {"vout", 59, "vout-ov-fault"},
      {"vin", 175, "vin-uv-warning"},   {"vin", 160, "vin-uv-fault"},     {"vin", 310, "vin-ov-fault"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    assert_false(fake_has_fault(fake, CASES[i].fault));
    fake_in(fake, CASES[i].port, CASES[i].value);
    fake_pass(fake, PL_MS, PL_MS);
    healthy(fake); /* it does not last, but it latches */
    if (!fake_has_fault(fake, CASES[i].fault))
      fail_msg("%s", CASES[i].fault);
    fake_set(fake, "clear-faults", 0);
    assert_int_equal(fake_faults(fake), 0);
  }
}

static void too_hot_turns_off_until_cool(void **state)
{
  struct fake *fake = *state;
  fake_in(fake, "temperature", 96);
  fake_pass(fake, PL_MS, PL_MS);
  assert_true(fake_out(fake, "enable") < 0.5);
  fake_in(fake, "temperature", 90);
  fake_pass(fake, PL_MS, PL_MS);
  assert_true(fake_out(fake, "enable") < 0.5);
  fake_in(fake, "temperature", 80);
  fake_pass(fake, PL_MS, PL_MS);
  assert_true(fake_out(fake, "enable") > 0.5);
}

static void write_protect_is_honoured(void **state)
{
  struct fake *fake = *state;
  assert_int_equal(fake_do(fake, raw, (void *)(uintptr_t)"\x02\x10\x80"), PL_OK);
  assert_int_equal(fake_try_set(fake, "on", 0), PL_E_EXCEPTION);
  assert_non_null(strstr(fake->err.text, "WRITE_PROTECT is 0x80"));
  assert_true(fake_out(fake, "enable") > 0.5);
  assert_int_equal(fake_do(fake, raw, (void *)(uintptr_t)"\x02\x01\x00"), PL_OK); /* past the driver: the chip itself ignores it, and tells */
  assert_int_equal(fake_get(fake, "on"), PL_U);
  assert_true(fake_has_fault(fake, "cml-invalid-data"));
  assert_int_equal(fake_do(fake, raw, (void *)(uintptr_t)"\x02\x10\x00"), PL_OK);
  fake_set(fake, "clear-faults", 0);
  assert_int_equal(fake_faults(fake), 0);
}

static void on_off_config_must_listen(void **state)
{
  struct fake *fake = *state;
  assert_int_equal(fake_do(fake, raw, (void *)(uintptr_t)"\x02\x02\x07"), PL_OK);
  assert_int_equal(fake_try_set(fake, "on", 0), PL_E_EXCEPTION);
  assert_non_null(strstr(fake->err.text, "ON_OFF_CONFIG is 0x07"));
}

static void mistakes_on_the_wire_set_cml(void **state)
{
  struct fake *fake = *state;
  static const struct {
    const char *frame, *fault;
  } CASES[] = {
      {"\x01\xD3", "cml-invalid-command"},           {"\x03\x21\x00\x60", NULL},
      {"\x02\x21\x00", "cml-other-communication-fault"}, {"\x05\x21\x00\x60\x00\x00", "cml-invalid-data"},
      {"\x04\x21\x00\x60\x00", "cml-pec-failed"},    {"\x02\x01\x33", "cml-invalid-data"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    enum pl_status status = fake_do(fake, raw, (void *)(uintptr_t)CASES[i].frame);
    assert_int_equal(status, CASES[i].fault ? PL_E_NACK : PL_OK);
    if (CASES[i].fault && !fake_has_fault(fake, CASES[i].fault))
      fail_msg("case %zu: %s", i, CASES[i].fault);
    /* Writing the ones clears them, and only them. */
    assert_int_equal(fake_do(fake, raw, (void *)(uintptr_t)"\x02\x7E\xFF"), PL_OK);
    assert_int_equal(fake_faults(fake), 0);
  }
}

static void status_bits_are_cleared_by_ones(void **state)
{
  struct fake *fake = *state;
  fake_in(fake, "iout", 135);
  fake_pass(fake, PL_MS, PL_MS);
  healthy(fake);
  assert_int_equal(fake_do(fake, raw, (void *)(uintptr_t)"\x02\x7B\x80"), PL_OK);
  assert_false(fake_has_fault(fake, "iout-oc-fault"));
  assert_true(fake_has_fault(fake, "iout-oc-warning"));
  fake_set(fake, "on", 0);
  fake_in(fake, "vout", 0);
  fake_in(fake, "power_good", 0);
  fake_set(fake, "on", PL_U); /* off and on clears the rest */
  assert_int_equal(fake_faults(fake), 0);
}

static void a_bad_answer_is_never_a_number(void **state)
{
  struct fake *fake = *state;
  int64_t value_u = 4711;
  fake_get(fake, "vin");
  fake->faults.kinds[PL_WIRE_BAD_PEC].on = true;
  assert_int_equal(fake_try_get(fake, "vin", &value_u), PL_E_PEC);
  assert_int_equal(value_u, 4711);
  fake->faults.kinds[PL_WIRE_BAD_PEC].on = false;
  fake->faults.kinds[PL_WIRE_NACK].on = true;
  assert_int_equal(fake_try_get(fake, "vout", &value_u), PL_E_NACK);
  assert_int_equal(value_u, 4711);
  fake->faults.kinds[PL_WIRE_NACK].on = false;
  near_u(fake_get(fake, "vout"), 47.9, 0.001);
}

/* A bus that nobody drives reads 0xFF, and with PEC over it even that is right. */
static void all_ones_are_no_number(void **state)
{
  struct fake *fake = *state;
  int64_t value_u = 4711;
  fake_get(fake, "vout"); /* VOUT_MODE is known */
  fake->faults.kinds[PL_WIRE_NAN].on = true;
  for (size_t i = 0; i < fake->shape.count; i++) {
    const struct pl_quantity *quantity = &pl_device_psu_pmbus.quantities[i];
    if (!(quantity->access & PL_GET))
      continue;
    enum pl_status status = fake_try_get(fake, quantity->name, &value_u);
    if (status != PL_E_NAN || !strstr(fake->err.text, "not a number"))
      fail_msg("%s: %s: %s", quantity->name, pl_status_name(status), fake->err.text);
  }
  assert_int_equal(fake_run(fake, &(struct fake_call){.faults = &(struct pl_faults){.count = 0}}), PL_E_NAN); /* nor are they faults */
  assert_int_equal(fake_try_set(fake, "clear-faults", 0), PL_E_NAN);
  assert_int_equal(value_u, 4711);
}

static void what_cannot_be_negative_is_refused(void **state)
{
  struct fake *fake = *state;
  int64_t value_u = 4711;
  fake_in(fake, "vin", -3);
  fake_in(fake, "fan_speed", -100);
  assert_int_equal(fake_try_get(fake, "vin", &value_u), PL_E_RANGE);
  assert_non_null(strstr(fake->err.text, "READ_VIN (0x88)"));
  assert_int_equal(fake_try_get(fake, "fan-speed", &value_u), PL_E_RANGE);
  fake_in(fake, "temperature", -12);
  near_u(fake_get(fake, "temperature"), -12, 0.04);
  assert_int_equal(value_u, 4711);
}

static void a_supply_rests_where_it_can(void **state)
{
  struct fake *fake = *state;
  assert_int_equal(fake->shape.count, pl_device_psu_pmbus.n_quantities - 1); /* the rig does not say that it can */
  struct fake *cold = fake_open(&pl_device_psu_pmbus, &pl_twin_psu_pmbus, (const char *const[]){"0x58", NULL, NULL, "yes"});
  healthy(cold);
  assert_int_equal(fake_get(cold, "cold-standby"), 0);
  fake_set(cold, "cold-standby", PL_U);
  assert_true(fake_out(cold, "cold_standby") > 0.5);
  assert_int_equal(fake_get(cold, "cold-standby"), PL_U);
  fake_set(cold, "cold-standby", 0);
  assert_true(fake_out(cold, "cold_standby") < 0.5);
  fake_close(cold);
}

static void quirks_and_page_are_taken(void **state)
{
  (void)state;
  struct fake *fake = fake_open(&pl_device_psu_pmbus, &pl_twin_psu_pmbus, (const char *const[]){"0x5F", NULL, "no-pec, no-query", NULL});
  fake->slave.address = 0x5F;
  healthy(fake);
  near_u(fake_get(fake, "vin"), 230, 0.13);
  for (unsigned i = 0; i < fake->transfers; i++)
    assert_int_not_equal(fake->codes[i], PL_PMBUS_QUERY);
  fake_close(fake);
  fake = fake_open(&pl_device_psu_pmbus, &pl_twin_psu_pmbus, (const char *const[]){"0x58", "1", NULL, NULL});
  int64_t value_u;
  assert_int_equal(fake_try_get(fake, "vin", &value_u), PL_E_NACK); /* this twin has no PAGE */
  assert_non_null(strstr(fake->err.text, "PAGE (0x00)"));
  struct pl_device_args args = {.name = "psu", .bus = fake->bus, .values = &fake->values, .shape = &fake->shape};
  fake->items[2] = (struct pl_value){.param = fake->items[2].param, .given = true, .text = "no-pek"};
  void *self = NULL;
  assert_int_equal(pl_device_psu_pmbus.open(&args, &self, &fake->err), PL_E_USAGE);
  assert_non_null(strstr(fake->err.text, "did you mean no-pec"));
  assert_null(self);
  fake_close(fake);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(quantities_are_what_the_world_says),
      T(probe_and_identity),
      T(a_nameless_supply_is_refused),
      T(output_is_switched_and_set),
      T(what_tripped_it_is_told),
      T(loss_of_ac_latches),
      T(each_limit_has_its_fault),
      T(too_hot_turns_off_until_cool),
      T(write_protect_is_honoured),
      T(on_off_config_must_listen),
      T(mistakes_on_the_wire_set_cml),
      T(status_bits_are_cleared_by_ones),
      T(a_bad_answer_is_never_a_number),
      T(all_ones_are_no_number),
      T(what_cannot_be_negative_is_refused),
      cmocka_unit_test_setup_teardown(a_supply_rests_where_it_can, setup, teardown),
      cmocka_unit_test(quirks_and_page_are_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

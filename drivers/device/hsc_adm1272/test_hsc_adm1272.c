/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/hsc_adm1272/hsc_adm1272.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "drivers/device/hsc_adm1272/regs.h"
#include "drivers/device/i2c_test/fake_wire.h"
#include "drivers/protocol/pmbus/pmbus_table.h"

/* address, shunt, vrange, irange, retries, cool-down, uv-level */
#define PARAMS(...) ((const char *const[7]){"0x10", "0.5 mohm", __VA_ARGS__})

static void powered(struct fake *fake)
{
  fake_in(fake, "vin", 48);
  fake_in(fake, "vout", 47.8);
  fake_in(fake, "iout", 12);
  fake_in(fake, "temperature", 36);
  fake_in(fake, "power_enable_pin", 1);
  fake_in(fake, "mated", 1);
  fake_pass(fake, 5 * PL_MS, PL_MS);
}

static struct fake *start(const char *const *texts)
{
  struct fake *fake = fake_open(&pl_device_hsc_adm1272, &pl_twin_hsc_adm1272, texts);
  powered(fake);
  fake_set(fake, "clear-faults", 0);
  return fake;
}

static int setup(void **state)
{
  *state = start(PARAMS(NULL));
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

static bool gate(struct fake *fake)
{
  return fake_out(fake, "gate") > 0.5;
}

static enum pl_status raw(struct fake *fake, void *ctx, struct pl_err *err)
{
  const char *bytes = ctx;
  return pl_i2c_write_read(fake->bus, 0x10, (const uint8_t *)bytes + 1, (size_t)bytes[0], NULL, 0, err);
}

static void put(struct fake *fake, const char *frame)
{
  assert_int_equal(fake_do(fake, raw, (void *)(uintptr_t)frame), PL_OK);
}

static void readings_at_every_range(void **state)
{
  (void)state;
  static const struct {
    const char *vrange, *irange;
    double volts, amps, watts; /* a step of the converter */
  } CASES[] = {
      {"60 V", "30 mV", 100 / 6770.0, 10 / (663 * 0.5), 1000 / (17561 * 0.5)},
      {"60 V", "15 mV", 100 / 6770.0, 10 / (1326 * 0.5), 100 / (3512 * 0.5)},
      {"100 V", "30 mV", 100 / 4062.0, 10 / (663 * 0.5), 1000 / (10535 * 0.5)},
      {"100 V", "15 mV", 100 / 4062.0, 10 / (1326 * 0.5), 1000 / (21071 * 0.5)},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    struct fake *fake = start(PARAMS(CASES[i].vrange, CASES[i].irange));
    near_u(fake_get(fake, "vin"), 48, CASES[i].volts / 2 + 1e-6);
    near_u(fake_get(fake, "vout"), 47.8, CASES[i].volts / 2 + 1e-6);
    near_u(fake_get(fake, "iout"), 12, CASES[i].amps / 2 + 1e-6);
    near_u(fake_get(fake, "pin"), 576, CASES[i].watts / 2 + 1e-6);
    near_u(fake_get(fake, "temperature"), 36, 0.12);
    assert_int_equal(fake_probe(fake), PL_OK);
    assert_int_equal(fake->slave.refused, 0);
    fake_close(fake);
  }
}

static void words_on_the_wire_are_the_data_sheets(void **state)
{
  struct fake *fake = *state;
  uint8_t data[2];
  size_t len;
  near_u(fake_get(fake, "vin"), 48, 0.01);
  /* By hand: 48 * 6770 / 100 = 3249.6; (663 * 0.5 * 12 + 20480) / 10 = 2445.8; (42 * 36 + 31871) / 10 = 3338.3 */
  assert_int_equal(pl_twin_hsc_adm1272.smbus_read(fake->twin, 0x88, NULL, 0, data, 2, &len), PL_OK);
  assert_int_equal(data[0] | data[1] << 8, 3250);
  assert_int_equal(pl_twin_hsc_adm1272.smbus_read(fake->twin, 0x8C, NULL, 0, data, 2, &len), PL_OK);
  assert_int_equal(data[0] | data[1] << 8, 2446);
  assert_int_equal(pl_twin_hsc_adm1272.smbus_read(fake->twin, 0x8D, NULL, 0, data, 2, &len), PL_OK);
  assert_int_equal(data[0] | data[1] << 8, 3338);
}

/* Driver and twin share the coefficients, so these words are worked out by hand from the data sheet's: Y = (m * X + b) * 10^R, 0.5 mohm. */
static void coefficients_are_the_data_sheets(void **state)
{
  (void)state;
  static const struct {
    enum adm1272_kind kind;
    unsigned config;
    int64_t value;
    uint16_t word;
  } CASES[] = {
      {ADM1272_VIN, 0, 48, 3250},                                         /* 6770 * 48 / 100 = 3249.6 */
      {ADM1272_VOUT, ADM1272_VRANGE_100V, 48, 1950},                      /* 4062 * 48 / 100 = 1949.76 */
      {ADM1272_IOUT, ADM1272_IRANGE_30MV, 40, 3374},                      /* (663 * 0.5 * 40 + 20480) / 10 */
      {ADM1272_IOUT, 0, 20, 3374},                                        /* (1326 * 0.5 * 20 + 20480) / 10 */
      {ADM1272_PIN, 0, 500, 8780},                                        /* 3512 * 0.5 * 500 / 100 */
      {ADM1272_PIN, ADM1272_VRANGE_100V, 500, 5268},                      /* 21071 * 0.5 * 500 / 1000 = 5267.75 */
      {ADM1272_PIN, ADM1272_IRANGE_30MV, 900, 7902},                      /* 17561 * 0.5 * 900 / 1000 = 7902.45 */
      {ADM1272_PIN, ADM1272_VRANGE_100V | ADM1272_IRANGE_30MV, 900, 4741}, /* 10535 * 0.5 * 900 / 1000 = 4740.75 */
      {ADM1272_TEMPERATURE, 0, 36, 3338},                                 /* (42 * 36 + 31871) / 10 = 3338.3 */
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    struct pl_pmbus_scale scale = adm1272_scale(CASES[i].kind, CASES[i].config, 500);
    uint16_t word = 0;
    assert_int_equal(pl_pmbus_encode(&scale, CASES[i].value * PL_U, &word, NULL), PL_OK);
    assert_int_equal(word, CASES[i].word);
  }
}

static void a_full_scale_code_is_no_number(void **state)
{
  struct fake *fake = *state;
  int64_t value_u = 4711;
  fake_in(fake, "vin", 75);
  assert_int_equal(fake_try_get(fake, "vin", &value_u), PL_E_RANGE);
  assert_non_null(strstr(fake->err.text, "READ_VIN (0x88)"));
  fake_in(fake, "iout", 70);
  assert_int_equal(fake_try_get(fake, "iout", &value_u), PL_E_RANGE);
  fake->faults.kinds[PL_WIRE_NAN].on = true;
  assert_true(fake_try_get(fake, "vout", &value_u) != PL_OK);
  assert_int_equal(value_u, 4711);
}

static void all_ones_are_no_number(void **state)
{
  struct fake *fake = *state;
  for (int known = 0; known < 2; known++) { /* with and without the set-up done */
    int64_t value_u = 4711;
    fake->faults.kinds[PL_WIRE_NAN].on = true;
    for (size_t i = 0; i < pl_device_hsc_adm1272.n_quantities; i++) {
      const struct pl_quantity *quantity = &pl_device_hsc_adm1272.quantities[i];
      if (!(quantity->access & PL_GET))
        continue;
      enum pl_status status = fake_try_get(fake, quantity->name, &value_u);
      if (status != PL_E_NAN || !strstr(fake->err.text, "not a number"))
        fail_msg("%s: %s: %s", quantity->name, pl_status_name(status), fake->err.text);
    }
    assert_int_equal(fake_run(fake, &(struct fake_call){.faults = &(struct pl_faults){.count = 0}}), PL_E_NAN);
    assert_int_equal(value_u, 4711);
    fake->faults.kinds[PL_WIRE_NAN].on = false;
    near_u(fake_get(fake, "vin"), 48, 0.01);
  }
}

static unsigned config_of(struct fake *fake)
{
  uint8_t data[2];
  size_t len;
  assert_int_equal(pl_twin_hsc_adm1272.smbus_read(fake->twin, ADM1272_PMON_CONFIG, NULL, 0, data, 2, &len), PL_OK);
  return (unsigned)(data[0] | data[1] << 8);
}

static void the_monitor_is_set_up_as_the_rig_says(void **state)
{
  struct fake *fake = *state;
  assert_int_equal(config_of(fake), 0x3F35); /* as it boots: 100 V, 30 mV, neither VOUT nor TEMP1; nothing was written by opening */
  near_u(fake_get(fake, "vin"), 48, 0.01);
  assert_int_equal(config_of(fake), 0x3F1F);
  near_u(fake_get(fake, "vout"), 47.8, 0.01);
  struct fake *other = start(PARAMS("100 V", "15 mV"));
  assert_int_equal(fake_probe(other), PL_OK);
  assert_int_equal(config_of(other), 0x3F3E);
  near_u(fake_get(other, "temperature"), 36, 0.12);
  fake_close(other);
}

static void a_reset_chip_is_noticed_and_set_up_again(void **state)
{
  struct fake *fake = *state;
  int64_t value_u = 4711;
  near_u(fake_get(fake, "vin"), 48, 0.01);
  fake_set(fake, "on", 0);
  fake_in(fake, "vin", 15);
  fake_pass(fake, PL_MS, PL_MS);
  assert_false(gate(fake));
  assert_int_equal(fake_try_get(fake, "vin", &value_u), PL_E_NACK); /* it has no supply: nobody is there */
  assert_int_equal(fake_try_set(fake, "clear-peaks", 0), PL_E_NACK);
  powered(fake);
  assert_true(gate(fake)); /* OPERATION is forgotten, too */
  assert_int_equal(config_of(fake), 0x3F35);
  near_u(fake_get(fake, "vin"), 48, 0.01); /* a failed get is followed by a set-up */
  fake_in(fake, "vin", 0);
  fake_pass(fake, PL_MS, PL_MS);
  powered(fake); /* between two readings: only the chip itself can tell */
  assert_int_equal(fake_try_get(fake, "vin", &value_u), PL_E_EXCEPTION);
  assert_non_null(strstr(fake->err.text, "PMON_CONFIG is 0x3F35, it was set to 0x3F1F"));
  assert_int_equal(value_u, 4711);
  near_u(fake_get(fake, "vin"), 48, 0.01);
}

static void another_programs_ranges_are_noticed(void **state)
{
  struct fake *fake = *state;
  int64_t value_u = 4711;
  near_u(fake_get(fake, "vin"), 48, 0.01);
  put(fake, "\x03\xD4\x3F\x3F"); /* 100 V, 30 mV, all channels */
  assert_int_equal(fake_try_get(fake, "vin", &value_u), PL_E_EXCEPTION);
  assert_non_null(strstr(fake->err.text, "PMON_CONFIG is 0x3F3F, it was set to 0x3F1F"));
  put(fake, "\x02\xD3\x00"); /* and it does not sample any more */
  near_u(fake_get(fake, "vin"), 48, 0.01);
  assert_int_equal(value_u, 4711);
}

static void identity_is_checked(void **state)
{
  struct fake *fake = *state;
  struct pl_identity identity;
  assert_int_equal(fake_run(fake, &(struct fake_call){.identity = &identity}), PL_OK);
  assert_string_equal(identity.manufacturer, "ADI");
  assert_string_equal(identity.model, "ADM1272-A1");
  fake->slave.address = 0x11;
  assert_int_equal(fake_probe(fake), PL_E_NACK);
  assert_non_null(strstr(fake->err.text, "no ADM1272 at 0x10"));
}

static void gate_needs_operation_pin_and_input(void **state)
{
  struct fake *fake = *state;
  assert_true(gate(fake));
  fake_set(fake, "on", 0);
  assert_false(gate(fake));
  assert_int_equal(fake_get(fake, "on"), 0);
  assert_int_equal(fake_get(fake, "power-good"), 0);
  fake_set(fake, "on", PL_U);
  assert_true(gate(fake));
  assert_int_equal(fake_get(fake, "power-good"), PL_U);
  fake_in(fake, "power_enable_pin", 0);
  fake_pass(fake, PL_MS, PL_MS);
  assert_false(gate(fake));
  fake_in(fake, "power_enable_pin", 1);
  fake_pass(fake, PL_MS, PL_MS);
  assert_true(gate(fake));
  assert_int_equal(fake_faults(fake), 0);
  fake_in(fake, "vin", 35);
  fake_pass(fake, PL_MS, PL_MS);
  assert_false(gate(fake));
  assert_true(fake_has_fault(fake, "vin-uv-fault"));
  fake_in(fake, "vin", 37); /* within the hysteresis */
  fake_pass(fake, PL_MS, PL_MS);
  assert_false(gate(fake));
  fake_in(fake, "vin", 0);
  fake_in(fake, "vout", 0);
  fake_in(fake, "iout", 0);
  fake_pass(fake, PL_MS, PL_MS);
  fake_in(fake, "vin", 48);
  fake_pass(fake, PL_MS, PL_MS);
  assert_true(gate(fake));
}

static void over_current_latches_off(void **state)
{
  struct fake *fake = *state;
  fake_in(fake, "iout", 65); /* the limit is 30 mV / 0.5 mohm = 60 A */
  fake_pass(fake, 2 * PL_MS, 500 * PL_US);
  assert_true(gate(fake)); /* the TIMER still runs */
  fake_pass(fake, 2 * PL_MS, 500 * PL_US);
  assert_false(gate(fake));
  fake_in(fake, "iout", 0);
  fake_pass(fake, 5 * PL_S, 10 * PL_MS);
  assert_false(gate(fake));
  assert_true(fake_has_fault(fake, "iout-oc-fault"));
  fake_set(fake, "clear-faults", 0);
  assert_int_equal(fake_faults(fake), 0);
  assert_false(gate(fake)); /* clearing does not turn on */
  fake_set(fake, "on", 0);
  fake_set(fake, "on", PL_U);
  assert_true(gate(fake));
}

/* The FET went off by itself, so fast that no reading showed a current. */
static void a_trip_of_the_path_is_told_and_latches(void **state)
{
  struct fake *fake = *state;
  fake_in(fake, "path_tripped", 1);
  fake_pass(fake, PL_MS, 500 * PL_US);
  assert_false(gate(fake));
  assert_true(fake_has_fault(fake, "iout-oc-fault"));
  fake_in(fake, "path_tripped", 0); /* as it does when the gate is taken away */
  fake_pass(fake, 5 * PL_S, 10 * PL_MS);
  assert_false(gate(fake));
  fake_set(fake, "on", 0);
  fake_set(fake, "on", PL_U);
  assert_true(gate(fake));
}

static void a_short_time_over_the_limit_is_borne(void **state)
{
  struct fake *fake = *state;
  for (int i = 0; i < 5; i++) {
    fake_in(fake, "iout", 65);
    fake_pass(fake, PL_MS, 500 * PL_US);
    fake_in(fake, "iout", 20);
    fake_pass(fake, PL_MS, 500 * PL_US);
  }
  assert_true(gate(fake));
  assert_int_equal(fake_faults(fake), 0);
  fake_in(fake, "iout", 121); /* twice the limit: at once */
  fake_pass(fake, 10 * PL_US, 10 * PL_US);
  assert_false(gate(fake));
}

static void over_current_is_tried_again_as_strapped(void **state)
{
  (void)state;
  struct fake *fake = start(PARAMS(NULL, NULL, "2", "200 ms", NULL));
  int ons = 0;
  bool was = true;
  for (int i = 0; i < 2000; i++) { /* 2 s with a short behind the FET */
    fake_in(fake, "iout", gate(fake) ? 130 : 0);
    fake_pass(fake, PL_MS, PL_MS);
    ons += gate(fake) && !was;
    was = gate(fake);
  }
  assert_int_equal(ons, 2);
  assert_false(gate(fake));
  fake_close(fake);

  fake = start(PARAMS(NULL, NULL, "7", "100 ms", NULL));
  ons = 0;
  pl_time_ns last = 0;
  for (int i = 0; i < 2000; i++) {
    fake_in(fake, "iout", gate(fake) ? 130 : 0);
    was = gate(fake);
    fake_pass(fake, PL_MS, PL_MS);
    if (gate(fake) && !was) {
      ons++;
      if (last)
        assert_in_range(pl_clock_now(fake->clock) - last, 100 * PL_MS, 103 * PL_MS);
      last = pl_clock_now(fake->clock);
    }
  }
  assert_in_range(ons, 18, 20);
  fake_in(fake, "iout", 10); /* the short is gone */
  fake_pass(fake, 300 * PL_MS, PL_MS);
  assert_true(gate(fake));
  fake_close(fake);
}

static void tries_are_counted_afresh_when_it_runs_again(void **state)
{
  (void)state;
  struct fake *fake = start(PARAMS(NULL, NULL, "1", "50 ms", NULL));
  for (int i = 0; i < 3; i++) {
    fake_in(fake, "iout", 130);
    fake_pass(fake, PL_MS, PL_MS);
    assert_false(gate(fake));
    fake_in(fake, "iout", 12);
    fake_pass(fake, 60 * PL_MS, PL_MS);
    assert_true(gate(fake)); /* the one try */
    fake_pass(fake, 60 * PL_MS, PL_MS);
  }
  fake_close(fake);
}

static void peaks_hold_and_begin_anew(void **state)
{
  struct fake *fake = *state;
  assert_int_equal(fake_probe(fake), PL_OK);
  fake_in(fake, "iout", 55);
  fake_in(fake, "vin", 52);
  fake_in(fake, "vout", 51.5);
  fake_in(fake, "temperature", 80);
  fake_pass(fake, PL_MS, PL_MS);
  powered(fake);
  near_u(fake_get(fake, "peak-iout"), 55, 0.02);
  near_u(fake_get(fake, "peak-vin"), 52, 0.01);
  near_u(fake_get(fake, "peak-vout"), 51.5, 0.01);
  near_u(fake_get(fake, "peak-temperature"), 80, 0.15);
  near_u(fake_get(fake, "peak-pin"), 52 * 55, 0.2);
  fake_set(fake, "clear-peaks", 0);
  near_u(fake_get(fake, "peak-iout"), 12, 0.02);
  near_u(fake_get(fake, "peak-vin"), 48, 0.01);
  near_u(fake_get(fake, "peak-pin"), 576, 0.2);
}

static void warnings_compare_codes(void **state)
{
  struct fake *fake = *state;
  assert_int_equal(fake_probe(fake), PL_OK);
  put(fake, "\x03\x4A\x90\x09"); /* 2448 of 4095: 12.07 A */
  assert_int_equal(fake_faults(fake), 0);
  fake_in(fake, "iout", 13);
  fake_pass(fake, PL_MS, PL_MS);
  assert_true(fake_has_fault(fake, "iout-oc-warning"));
  assert_true(gate(fake));
}

static void a_broken_fet_is_told(void **state)
{
  struct fake *fake = *state;
  fake_in(fake, "vout", 0);
  fake_pass(fake, 300 * PL_MS, PL_MS);
  assert_true(fake_has_fault(fake, "fet-health-fault"));
  powered(fake);
  fake_set(fake, "clear-faults", 0);
  assert_int_equal(fake_faults(fake), 0);
  fake_set(fake, "on", 0); /* and the current flows on */
  fake_pass(fake, 30 * PL_MS, PL_MS);
  assert_true(fake_has_fault(fake, "fet-health-fault"));
}

static void wrong_frames_show_in_the_status_byte(void **state)
{
  struct fake *fake = *state;
  assert_int_equal(fake_do(fake, raw, (void *)(uintptr_t)"\x02\x7E\x00"), PL_E_NACK); /* it has no STATUS_CML */
  assert_true(fake_has_fault(fake, "cml-fault"));
  fake_set(fake, "clear-faults", 0);
  assert_int_equal(fake_faults(fake), 0);
  assert_int_equal(fake_do(fake, raw, (void *)(uintptr_t)"\x02\x01\x81"), PL_E_NACK);
  assert_true(gate(fake));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(readings_at_every_range),
      T(words_on_the_wire_are_the_data_sheets),
      cmocka_unit_test(coefficients_are_the_data_sheets),
      T(a_full_scale_code_is_no_number),
      T(all_ones_are_no_number),
      T(the_monitor_is_set_up_as_the_rig_says),
      T(a_reset_chip_is_noticed_and_set_up_again),
      T(another_programs_ranges_are_noticed),
      T(identity_is_checked),
      T(gate_needs_operation_pin_and_input),
      T(over_current_latches_off),
      T(a_trip_of_the_path_is_told_and_latches),
      T(a_short_time_over_the_limit_is_borne),
      cmocka_unit_test(over_current_is_tried_again_as_strapped),
      cmocka_unit_test(tries_are_counted_afresh_when_it_runs_again),
      T(peaks_hold_and_begin_anew),
      T(warnings_compare_codes),
      T(a_broken_fet_is_told),
      T(wrong_frames_show_in_the_status_byte),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

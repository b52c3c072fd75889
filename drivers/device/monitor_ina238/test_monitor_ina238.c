/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/monitor_ina238/monitor_ina238.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "drivers/device/i2c_test/fake_wire.h"
#include "drivers/device/monitor_ina238/regs.h"

static struct fake *start(const char *shunt, const char *most)
{
  struct fake *fake = fake_open(&pl_device_monitor_ina238, &pl_twin_monitor_ina238, (const char *const[]){"0x40", shunt, most});
  fake_in(fake, "vout", 47.9);
  fake_in(fake, "iout", 12.5);
  fake_in(fake, "temperature", 31.3);
  return fake;
}

static int setup(void **state)
{
  *state = start("0.5 mohm", NULL);
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
    fail_msg("%.6f, expected %g within %g", (double)value_u / 1e6, want, within);
}

static unsigned register_of(struct fake *fake, uint8_t reg)
{
  uint8_t data[3];
  size_t len = 0;
  unsigned value = 0;
  assert_int_equal(pl_twin_monitor_ina238.smbus_read(fake->twin, reg, NULL, 0, data, sizeof data, &len), PL_OK);
  for (size_t i = 0; i < len; i++)
    value = value << 8 | data[i];
  return value;
}

static void put(struct fake *fake, uint8_t reg, uint16_t value)
{
  assert_int_equal(pl_twin_monitor_ina238.smbus_write(fake->twin, reg, (const uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2), PL_OK);
}

static void readings_are_what_the_world_says(void **state)
{
  struct fake *fake = *state;
  near_u(fake_get(fake, "vout"), 47.9, 0.0016);
  near_u(fake_get(fake, "iout"), 12.5, 0.0013); /* 1.25 uV / 0.5 mohm = 2.5 mA a step */
  near_u(fake_get(fake, "pout"), 47.9 * 12.5, 0.1);
  near_u(fake_get(fake, "temperature"), 31.25, 0.001);
  fake_in(fake, "iout", -3);
  fake_in(fake, "temperature", -10.1);
  fake_pass(fake, 4 * PL_MS, PL_MS);
  near_u(fake_get(fake, "iout"), -3, 0.0013);
  near_u(fake_get(fake, "temperature"), -10.125, 0.001);
  fake_in(fake, "iout", 0);
  fake_pass(fake, 4 * PL_MS, PL_MS);
  assert_int_equal(fake_get(fake, "iout"), 0);
  assert_int_equal(fake_get(fake, "pout"), 0);
  assert_int_equal(fake->slave.refused, 0);
}

static void shunt_cal_is_by_the_data_sheet(void **state)
{
  static const struct {
    const char *shunt, *most;
    unsigned config, cal;
    double step; /* A */
  } CASES[] = {
      {"0.5 mohm", NULL, 0x10, 4096, 0.0025},         /* 819.2e6 * 2.5 mA * 0.5 mohm * 4 */
      {"0.5 mohm", "60 A", 0x10, 3000, 60 / 32768.0}, /* 30 mV: the narrow range */
      {"0.5 mohm", "200 A", 0x00, 2500, 200 / 32768.0},
      {"2 mohm", "20 A", 0x10, 4000, 20 / 32768.0},
      {"15 mohm", "10 A", 0x00, 3750, 10 / 32768.0},  /* the data sheet's own way: 819.2e6 * 305.18 uA * 15 mohm = 3750 */
  };
  (void)state;
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    struct fake *fake = start(CASES[i].shunt, CASES[i].most);
    fake_in(fake, "iout", 1.875);
    double shunt_step = 1.25e-6 * (CASES[i].config ? 1 : 4) / ((double)fake->items[1].number / 1e6);
    near_u(fake_get(fake, "iout"), 1.875, CASES[i].step / 2 + shunt_step / 2 + 1e-6);
    assert_int_equal(register_of(fake, INA238_SHUNT_CAL), CASES[i].cal);
    assert_int_equal(register_of(fake, INA238_CONFIG), CASES[i].config);
    near_u(fake_get(fake, "pout"), 47.9 * 1.875, 48 * (CASES[i].step + shunt_step));
    fake_close(fake);
  }
}

static unsigned diag_bits(struct fake *fake)
{
  return register_of(fake, INA238_DIAG_ALRT) & (INA238_DIAG_CNVRF | INA238_DIAG_MEMSTAT);
}

/* ADC_CONFIG 0xFB68: bus, shunt and temperature of 1052 us each. */
static void a_conversion_takes_its_time(void **state)
{
  struct fake *fake = *state;
  put(fake, INA238_ADC_CONFIG, INA238_ADC_CONFIG_RESET);
  register_of(fake, INA238_DIAG_ALRT);
  fake_pass(fake, 3155 * PL_US, 3155 * PL_US);
  assert_int_equal(diag_bits(fake), INA238_DIAG_MEMSTAT);
  fake_pass(fake, 2 * PL_US, 2 * PL_US);
  assert_int_equal(register_of(fake, INA238_CURRENT), 1250); /* 12.5 A * 0.5 mohm / 5 uV */
  put(fake, INA238_SHUNT_CAL, 2048);
  assert_int_equal(register_of(fake, INA238_CURRENT), 1250); /* of the conversion that was */
  assert_int_equal(diag_bits(fake), INA238_DIAG_CNVRF | INA238_DIAG_MEMSTAT);
  assert_int_equal(diag_bits(fake), INA238_DIAG_MEMSTAT); /* reading clears it */
  fake_pass(fake, 3156 * PL_US, 3156 * PL_US);
  assert_int_equal(register_of(fake, INA238_CURRENT), 2500);
}

static void the_first_value_waits_for_a_conversion(void **state)
{
  (void)state;
  static const char *const NAMES[] = {"vout", "iout", "pout", "temperature"};
  for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
    struct fake *fake = start("0.5 mohm", "60 A"); /* SHUNT_CAL 3000: what was converted before is of other steps */
    int64_t value_u = 4711;
    int busy = 0;
    fake_pass(fake, 10 * PL_MS, PL_MS);
    enum pl_status status = i ? fake_probe(fake) : PL_OK; /* the probe sets up, or the first get */
    assert_int_equal(status, PL_OK);
    pl_time_ns since = pl_clock_now(fake->clock);
    while ((status = fake_try_get(fake, NAMES[i], &value_u)) == PL_E_BUSY) {
      assert_int_equal(value_u, 4711);
      assert_non_null(strstr(fake->err.text, "conversion"));
      fake_pass(fake, 100 * PL_US, 100 * PL_US);
      busy++;
    }
    assert_int_equal(status, PL_OK);
    assert_in_range(busy, 1, 40);
    assert_in_range(pl_clock_now(fake->clock) - since, 3 * PL_MS, 8 * PL_MS);
    near_u(value_u, (const double[]){47.9, 12.5, 598.75, 31.25}[i], (const double[]){0.0016, 0.0022, 0.2, 0.001}[i]);
    fake_close(fake);
  }
}

static void a_value_off_the_scale_keeps_the_set_up(void **state)
{
  struct fake *fake = *state;
  int64_t value_u = 4711;
  near_u(fake_get(fake, "iout"), 12.5, 0.0013);
  fake_in(fake, "iout", 90);
  fake_pass(fake, 4 * PL_MS, PL_MS);
  for (int i = 0; i < 3; i++)
    assert_int_equal(fake_try_get(fake, "iout", &value_u), PL_E_RANGE); /* and not busy with a new set-up */
}

static void too_much_is_no_number(void **state)
{
  struct fake *fake = *state;
  int64_t value_u = 4711;
  assert_int_equal(fake_probe(fake), PL_OK);
  fake_in(fake, "iout", 90); /* 45 mV: beyond the narrow range */
  fake_in(fake, "vout", 110);
  fake_pass(fake, 8 * PL_MS, PL_MS);
  assert_int_equal(fake_try_get(fake, "iout", &value_u), PL_E_RANGE);
  assert_int_equal(fake_try_get(fake, "pout", &value_u), PL_E_RANGE);
  assert_int_equal(fake_try_get(fake, "vout", &value_u), PL_E_RANGE);
  struct fake *small = start("0.5 mohm", "10 A"); /* SHUNT_CAL 500: 20 A cannot be told in 16 bits */
  fake_in(small, "iout", 20);
  assert_int_equal(fake_probe(small), PL_OK);
  fake_pass(small, 8 * PL_MS, PL_MS);
  assert_int_equal(fake_try_get(small, "iout", &value_u), PL_E_RANGE);
  assert_non_null(strstr(small->err.text, "MATHOF"));
  assert_int_equal(value_u, 4711);
  fake_close(small);
}

static void a_reset_monitor_is_noticed_and_set_up_again(void **state)
{
  struct fake *fake = *state;
  int64_t value_u = 4711;
  near_u(fake_get(fake, "iout"), 12.5, 0.0013);
  put(fake, INA238_CONFIG, INA238_CONFIG_RST);
  assert_int_equal(fake_try_get(fake, "iout", &value_u), PL_E_EXCEPTION);
  assert_non_null(strstr(fake->err.text, "was reset"));
  assert_int_equal(value_u, 4711);
  near_u(fake_get(fake, "iout"), 12.5, 0.0013);
}

static void another_shunt_cal_is_noticed(void **state)
{
  struct fake *fake = *state;
  int64_t value_u = 4711;
  near_u(fake_get(fake, "iout"), 12.5, 0.0013);
  put(fake, INA238_SHUNT_CAL, 2048); /* by another program: CURRENT would read twice as much */
  assert_int_equal(fake_try_get(fake, "iout", &value_u), PL_E_EXCEPTION);
  assert_non_null(strstr(fake->err.text, "SHUNT_CAL 2048, they were set to 0x0010 and 4096"));
  assert_int_equal(value_u, 4711);
}

static enum pl_status read_damaged(void *self, uint8_t reg, const uint8_t *call, size_t call_len, uint8_t *data, size_t room, size_t *len)
{
  enum pl_status status = pl_twin_monitor_ina238.smbus_read(self, reg, call, call_len, data, room, len);
  if (reg == INA238_DIAG_ALRT)
    data[1] &= (uint8_t)~INA238_DIAG_MEMSTAT;
  return status;
}

static void a_damaged_memory_is_told(void **state)
{
  struct fake *fake = *state;
  struct pl_twin_desc desc = pl_twin_monitor_ina238;
  int64_t value_u = 4711;
  desc.smbus_read = read_damaged;
  fake->slave.desc = &desc;
  assert_int_equal(fake_try_get(fake, "vout", &value_u), PL_E_GARBAGE);
  assert_non_null(strstr(fake->err.text, "MEMSTAT"));
  assert_int_equal(value_u, 4711);
}

static void all_ones_are_no_number(void **state)
{
  struct fake *fake = *state;
  int64_t value_u = 4711;
  near_u(fake_get(fake, "vout"), 47.9, 0.0016);
  fake->faults.kinds[PL_WIRE_NAN].on = true;
  for (size_t i = 0; i < pl_device_monitor_ina238.n_quantities; i++)
    assert_int_equal(fake_try_get(fake, pl_device_monitor_ina238.quantities[i].name, &value_u), PL_E_NAN);
  assert_int_equal(fake_probe(fake), PL_E_GARBAGE);
  assert_int_equal(value_u, 4711);
}

static void probe_tells_what_is_there(void **state)
{
  struct fake *fake = *state;
  struct pl_identity identity;
  assert_int_equal(register_of(fake, INA238_CONFIG), 0); /* nothing was written by opening */
  assert_int_equal(fake_probe(fake), PL_OK);
  assert_int_equal(register_of(fake, INA238_CONFIG), INA238_CONFIG_ADCRANGE);
  assert_int_equal(fake_run(fake, &(struct fake_call){.identity = &identity}), PL_OK);
  assert_string_equal(identity.manufacturer, "TI");
  assert_string_equal(identity.model, "INA238");
  assert_string_equal(identity.revision, "1");
  fake->slave.address = 0x41;
  assert_int_equal(fake_probe(fake), PL_E_NACK);
  assert_non_null(strstr(fake->err.text, "no INA238 at 0x40"));
}

static void settings_that_cannot_be_are_refused(void **state)
{
  struct fake *fake = *state;
  struct pl_device_args args = {.name = "m", .bus = fake->bus, .values = &fake->values, .shape = &fake->shape};
  void *self = NULL;
  assert_int_equal(pl_value_parse(&pl_device_monitor_ina238.params[2], "500 A", &fake->items[2], &fake->err), PL_OK);
  assert_int_equal(pl_device_monitor_ina238.open(&args, &self, &fake->err), PL_E_USAGE);
  assert_non_null(strstr(fake->err.text, "163.84 mV"));
  assert_null(self);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(readings_are_what_the_world_says),
      cmocka_unit_test(shunt_cal_is_by_the_data_sheet),
      T(a_conversion_takes_its_time),
      cmocka_unit_test(the_first_value_waits_for_a_conversion),
      T(a_value_off_the_scale_keeps_the_set_up),
      T(too_much_is_no_number),
      T(a_reset_monitor_is_noticed_and_set_up_again),
      T(another_shunt_cal_is_noticed),
      T(a_damaged_memory_is_told),
      T(all_ones_are_no_number),
      T(probe_tells_what_is_there),
      T(settings_that_cannot_be_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

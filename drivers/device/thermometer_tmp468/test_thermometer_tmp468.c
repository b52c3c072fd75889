/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/thermometer_tmp468/thermometer_tmp468.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "drivers/device/i2c_test/fake_wire.h"
#include "drivers/device/thermometer_tmp468/regs.h"

static int setup(void **state)
{
  struct fake *fake = fake_open(&pl_device_thermometer_tmp468, &pl_twin_thermometer_tmp468, (const char *const[]){"0x48"});
  fake_in(fake, "board_temperature", 38.03);
  fake_in(fake, "cpu_1_temperature", 61.5);
  fake_in(fake, "cpu_2_temperature", 63.25);
  fake_in(fake, "drive_temperature", -5.5);
  fake_in(fake, "csu_temperature", 45);
  *state = fake;
  return 0;
}

static int teardown(void **state)
{
  fake_close(*state);
  return 0;
}

static void put_config(struct fake *fake, uint16_t value)
{
  assert_int_equal(pl_twin_thermometer_tmp468.smbus_write(fake->twin, TMP468_CONFIG, (const uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2), PL_OK);
}

static void get_fails(struct fake *fake, const char *name, enum pl_status status, const char *says)
{
  int64_t unused;
  assert_int_equal(fake_try_get(fake, name, &unused), status);
  if (!strstr(fake->err.text, says))
    fail_msg("'%s' does not say '%s'", fake->err.text, says);
}

static void readings_are_what_the_world_says(void **state)
{
  struct fake *fake = *state;
  assert_int_equal(fake_get(fake, "board-temperature"), 38000000); /* 38.03 is 608.48 steps of 0.0625 */
  assert_int_equal(fake_get(fake, "cpu-1-temperature"), 61500000);
  assert_int_equal(fake_get(fake, "cpu-2-temperature"), 63250000);
  assert_int_equal(fake_get(fake, "drive-temperature"), -5500000);
  assert_int_equal(fake_get(fake, "csu-temperature"), 45000000);
  assert_int_equal(fake->slave.refused, 0);
}

static void registers_hold_until_the_next_conversion(void **state)
{
  struct fake *fake = *state;
  assert_int_equal(fake_get(fake, "cpu-1-temperature"), 61500000);
  fake_in(fake, "cpu_1_temperature", 99);
  fake_pass(fake, 100 * PL_MS, 100 * PL_MS);
  assert_int_equal(fake_get(fake, "cpu-1-temperature"), 61500000);
  fake_pass(fake, 100 * PL_MS, 100 * PL_MS);
  assert_int_equal(fake_get(fake, "cpu-1-temperature"), 99000000);
}

static void what_is_not_measured_is_not_a_number(void **state)
{
  struct fake *fake = *state;
  fake_in(fake, "cpu_2_temperature", NAN); /* its diode is open */
  get_fails(fake, "cpu-2-temperature", PL_E_GARBAGE, "remote channel 2 is open");
  assert_int_equal(fake_get(fake, "cpu-1-temperature"), 61500000);
  put_config(fake, TMP468_CONFIG_RESET & ~TMP468_CONFIG_ON(3));
  get_fails(fake, "drive-temperature", PL_E_EXCEPTION, "remote channel 3 is switched off");
  put_config(fake, TMP468_CONFIG_RESET | TMP468_CONFIG_SHUTDOWN);
  get_fails(fake, "board-temperature", PL_E_EXCEPTION, "shut down");
  put_config(fake, 0xFFFF);
  get_fails(fake, "board-temperature", PL_E_NAN, "0xFFFF");
}

static void it_says_what_it_is(void **state)
{
  struct fake *fake = *state;
  struct pl_identity identity;
  assert_int_equal(fake_run(fake, &(struct fake_call){.identity = &identity}), PL_OK);
  assert_int_equal(fake_probe(fake), PL_OK);
  assert_string_equal(identity.model, "TMP468");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(readings_are_what_the_world_says, setup, teardown),
      cmocka_unit_test_setup_teardown(registers_hold_until_the_next_conversion, setup, teardown),
      cmocka_unit_test_setup_teardown(what_is_not_measured_is_not_a_number, setup, teardown),
      cmocka_unit_test_setup_teardown(it_says_what_it_is, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

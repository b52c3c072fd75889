/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/fru_eeprom/fru_eeprom.h"
#include "drivers/device/i2c_test/fake_wire.h"

static const char *part_text(const char *key)
{
  static const char *const TEXTS[][2] = {{"manufacturer", "Example Servers"}, {"product", "CSU 2S"}, {"part-number", "ES-CSU-2S"}, {"revision", "B2"},
                                         {"firmware", "1.4.2"}, {"cpu-model", "Example 6430"}, {"architecture", "Arm64"}, {"cpus", "2"}, {"cpu-cores", "32"},
                                         {"memory", "512"}, {"memory-modules", "16"}, {"drives", "8"}, {"drive-size", "3840"}};
  for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
    if (!strcmp(TEXTS[i][0], key))
      return TEXTS[i][1];
  return NULL;
}

static const char *long_text(const char *key)
{
  return strcmp(key, "cpus") != 0 && strcmp(key, "serial") != 0 ? "a text of sixty-three characters, as many as a field can hold, so" : "2";
}

static struct fake *begin(const char *(*text)(const char *key))
{
  static const char *const ADDRESS[] = {"0x50"};
  struct fake *fake = calloc(1, sizeof *fake);
  assert_non_null(fake);
  fake->desc = &pl_device_fru_eeprom;
  fake->twin_desc = &pl_twin_fru_eeprom;
  fake_values(fake, fake->desc->params, fake->desc->n_params, ADDRESS);
  fake_bus(fake, 0x50);
  fake->io.part_text = text;
  fake_in(fake, "mated", 1);
  return fake;
}

static struct fake *plugged(void)
{
  struct fake *fake = begin(part_text);
  const struct pl_twin_args twin = {.device = "identity-1", .values = &fake->values, .io = &fake->io, .serial = "PL00C0FFEE"};
  const struct pl_device_args args = {.name = "identity-1", .bus = fake->bus, .values = &fake->values, .shape = &fake->shape};
  assert_int_equal(fake->twin_desc->create(&twin, &fake->twin, &fake->err), PL_OK);
  fake->slave.self = fake->twin;
  assert_int_equal(fake->desc->open(&args, &fake->self, &fake->err), PL_OK);
  return fake;
}

static enum pl_status identify(struct fake *fake, struct pl_identity *identity)
{
  return fake_run(fake, &(struct fake_call){.identity = identity});
}

static enum pl_status probe(struct fake *fake)
{
  return fake_run(fake, &(struct fake_call){.value_u = 0});
}

static void who_it_is(void **state)
{
  (void)state;
  struct fake *fake = plugged();
  struct pl_identity is;
  assert_int_equal(probe(fake), PL_OK);
  if (identify(fake, &is))
    fail_msg("%s", fake->err.text);
  assert_string_equal(is.manufacturer, "Example Servers");
  assert_string_equal(is.model, "CSU 2S");
  assert_string_equal(is.part_number, "ES-CSU-2S");
  assert_string_equal(is.revision, "B2");
  assert_string_equal(is.serial, "PL00C0FFEE");
  assert_string_equal(is.firmware, "1.4.2");
  assert_string_equal(is.contents.processor, "Example 6430");
  assert_string_equal(is.contents.architecture, "Arm64");
  assert_string_equal(is.contents.drive_serial, "PL00C0FFEE");
  assert_int_equal(is.contents.processors, 2);
  assert_int_equal(is.contents.cores, 64);
  assert_int_equal(is.contents.memory_modules, 16);
  assert_true(is.contents.memory_bytes == 512ull << 30);
  assert_int_equal(is.contents.drives, 8);
  assert_true(is.contents.drive_bytes == 3840000000000ull);
  assert_int_equal(fake->transfers, 1 + PL_FRU_EEPROM_BYTES / 32);
  assert_int_equal(fake->slave.refused, 0);
  fake->caps.max_read = 7; /* an adapter that reads little at once */
  struct pl_identity again;
  assert_int_equal(identify(fake, &again), PL_OK);
  assert_memory_equal(&is, &again, sizeof is);
  fake_close(fake);
}

static void another_unit_has_another_serial(void **state)
{
  (void)state;
  struct fake *fake = plugged();
  struct pl_identity is;
  fake_in(fake, "unit", 3);
  assert_int_equal(identify(fake, &is), PL_OK);
  assert_string_equal(is.serial, "PL00C0FFEE-3");
  assert_string_equal(is.model, "CSU 2S");
  fake_close(fake);
}

static void an_empty_place_does_not_answer(void **state)
{
  (void)state;
  struct fake *fake = plugged();
  struct pl_identity is;
  fake_in(fake, "mated", 0);
  assert_int_equal(probe(fake), PL_E_NACK);
  assert_int_equal(identify(fake, &is), PL_E_NACK);
  assert_non_null(strstr(fake->err.text, "EEPROM bytes 0 to 31"));
  fake_in(fake, "mated", 1);
  assert_int_equal(probe(fake), PL_OK);
  fake_close(fake);
}

static enum pl_status spoil(struct fake *fake, void *ctx, struct pl_err *err)
{
  return pl_i2c_write_read(fake->bus, 0x50, ctx, 2, NULL, 0, err);
}

static void it_is_not_written(void **state)
{
  (void)state;
  struct fake *fake = plugged();
  struct pl_identity is;
  uint8_t bytes[2] = {0, 0};
  assert_int_equal(fake_do(fake, spoil, bytes), PL_E_NACK);
  assert_int_equal(identify(fake, &is), PL_OK);
  fake_close(fake);
}

static void what_does_not_fit_is_told(void **state)
{
  (void)state;
  struct fake *fake = begin(long_text);
  const struct pl_twin_args twin = {.device = "identity-1", .values = &fake->values, .io = &fake->io, .serial = "PL00C0FFEE"};
  assert_int_equal(fake->twin_desc->create(&twin, &fake->twin, &fake->err), PL_E_RANGE);
  assert_non_null(strstr(fake->err.text, "identity-1"));
  fake->twin = NULL;
  fake_close(fake);
}

static void a_garbled_answer_is_no_identity(void **state)
{
  (void)state;
  struct fake *fake = plugged();
  struct pl_identity is;
  fake->faults.kinds[PL_WIRE_NAN].on = true; /* all ones */
  assert_int_equal(probe(fake), PL_E_GARBAGE);
  assert_non_null(strstr(fake->err.text, "blank"));
  fake->faults.kinds[PL_WIRE_NAN].on = false;
  fake->faults.kinds[PL_WIRE_GARBAGE].on = true;
  enum pl_status status = identify(fake, &is);
  assert_true(status == PL_E_GARBAGE || status == PL_E_UNSUPPORTED);
  fake_close(fake);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_it_is),
      cmocka_unit_test(another_unit_has_another_serial),
      cmocka_unit_test(an_empty_place_does_not_answer),
      cmocka_unit_test(it_is_not_written),
      cmocka_unit_test(what_does_not_fit_is_told),
      cmocka_unit_test(a_garbled_answer_is_no_identity),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/protocol/pmbus/pmbus_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void tables_are_sound(void **state)
{
  (void)state;
  const char *bad = pl_pmbus_selfcheck();
  if (bad)
    fail_msg("bad row: %s", bad);
  size_t commands, bits;
  pl_pmbus_commands(&commands);
  pl_pmbus_bits(&bits);
  assert_in_range(commands, 140, 200);
  assert_in_range(bits, 75, 100);
}

static void commands_have_the_names_of_the_spec(void **state)
{
  (void)state;
  char text[64];
  assert_string_equal(pl_pmbus_command_text(0x8B, text, sizeof text), "READ_VOUT (0x8B)");
  assert_string_equal(pl_pmbus_command_text(0xD4, text, sizeof text), "command 0xD4");
  const struct pl_pmbus_command *row = pl_pmbus_command(PL_PMBUS_STATUS_WORD);
  assert_int_equal(row->code, 0x79);
  assert_int_equal(row->size, PL_PMBUS_WORD);
  assert_int_equal(pl_pmbus_command(0x1A)->access, PL_PMBUS_CALL);
  assert_int_equal(pl_pmbus_command(0x8B)->format, PL_PMBUS_VOUT);
  assert_int_equal(pl_pmbus_command(0x8C)->dim, PL_DIM_CURRENT);
  assert_int_equal(pl_pmbus_command(0x03)->access, PL_PMBUS_SEND);
  assert_null(pl_pmbus_command(0xFE));
}

static void every_status_bit_says_its_name(void **state)
{
  (void)state;
  size_t count;
  const struct pl_pmbus_bit *bits = pl_pmbus_bits(&count);
  for (size_t i = 0; i < count; i++) {
    struct pl_pmbus_status status = {0};
    for (unsigned k = 0; k < PL_PMBUS_STATUS_REGISTERS; k++) {
      if (pl_pmbus_status_codes[k] != bits[i].code)
        continue;
      status.have = 1u << k;
      status.values[k] = (uint16_t)(1u << bits[i].bit);
    }
    assert_int_not_equal(status.have, 0);
    const char *names[4] = {0};
    size_t said = pl_pmbus_status_names(&status, names, 4);
    if (bits[i].severity == PL_PMBUS_STATE) {
      assert_int_equal(said, 0);
    } else {
      assert_int_equal(said, 1);
      assert_string_equal(names[0], bits[i].name);
    }
    assert_ptr_equal(pl_pmbus_bit(bits[i].code, bits[i].bit), &bits[i]);
  }
  assert_string_equal(pl_pmbus_bit(PL_PMBUS_STATUS_BYTE, 6)->name, "off");
  assert_string_equal(pl_pmbus_bit(PL_PMBUS_STATUS_FANS_1_2, 7)->name, "fan-1-fault");
  assert_string_equal(pl_pmbus_bit(PL_PMBUS_STATUS_CML, 7)->name, "cml-invalid-command");
  assert_null(pl_pmbus_bit(PL_PMBUS_STATUS_CML, 2));
  assert_null(pl_pmbus_bit(PL_PMBUS_STATUS_BYTE, 11));
}

static void details_speak_before_summaries(void **state)
{
  (void)state;
  struct pl_pmbus_status status = {.have = 0x3FF};
  status.values[0] = 1u << 15 | 1u << 5 | 1u << 6 | 1u << 11 | 1u << 10; /* VOUT, VOUT_OV, OFF, POWER_GOOD#, FANS */
  status.values[1] = 0x80;                                              /* vout-ov-fault */
  const char *names[8];
  assert_int_equal(pl_pmbus_status_names(&status, names, 8), 2);
  assert_string_equal(names[0], "vout-ov-fault"); /* by the word and by STATUS_VOUT, once */
  assert_string_equal(names[1], "fan-fault-or-warning"); /* set, but neither register of the fans shows why */
  status.values[9] = 0x40;
  assert_int_equal(pl_pmbus_status_names(&status, names, 8), 2);
  assert_string_equal(names[1], "fan-4-fault");
  status.have = 1; /* the details were not read */
  status.values[0] = 1u << 5 | 1u << 15;
  assert_int_equal(pl_pmbus_status_names(&status, names, 1), 2);
}

static void write_protect_is_as_the_spec_says(void **state)
{
  (void)state;
  assert_true(pl_pmbus_write_allowed(0x00, PL_PMBUS_MFR_ID));
  assert_true(pl_pmbus_write_allowed(0x80, PL_PMBUS_WRITE_PROTECT));
  assert_false(pl_pmbus_write_allowed(0x80, PL_PMBUS_OPERATION));
  assert_true(pl_pmbus_write_allowed(0x40, PL_PMBUS_OPERATION));
  assert_false(pl_pmbus_write_allowed(0x40, PL_PMBUS_VOUT_COMMAND));
  assert_true(pl_pmbus_write_allowed(0x20, PL_PMBUS_VOUT_COMMAND));
  assert_false(pl_pmbus_write_allowed(0x20, PL_PMBUS_CLEAR_FAULTS));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tables_are_sound),
      cmocka_unit_test(commands_have_the_names_of_the_spec),
      cmocka_unit_test(every_status_bit_says_its_name),
      cmocka_unit_test(details_speak_before_summaries),
      cmocka_unit_test(write_protect_is_as_the_spec_says),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

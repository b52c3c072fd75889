/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/protocol/pmbus/pmbus_io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "drivers/device/i2c_test/fake_wire.h"

#define ADDRESS 0x58

/* A chip of the test's own: what the transactions do shows in its registers. */
struct chip {
  uint8_t capability, cml, operation, write_protect, page;
  uint8_t answer_to_query;
  uint16_t vin[2], iout_limit;
  bool iout_limit_stuck;
  uint8_t text[255];
  size_t text_len;
  unsigned clears, refused;
};

static const struct pl_smbus_command COMMANDS[] = {
    {PL_PMBUS_PAGE, 1, 1, PL_SMBUS_NONE},
    {PL_PMBUS_OPERATION, 1, 1, PL_SMBUS_NONE},
    {PL_PMBUS_CLEAR_FAULTS, 0, PL_SMBUS_NONE, PL_SMBUS_NONE},
    {PL_PMBUS_WRITE_PROTECT, 1, 1, PL_SMBUS_NONE},
    {PL_PMBUS_CAPABILITY, PL_SMBUS_NONE, 1, PL_SMBUS_NONE},
    {PL_PMBUS_QUERY, PL_SMBUS_NONE, PL_SMBUS_BLOCK, PL_SMBUS_BLOCK},
    {PL_PMBUS_IOUT_OC_FAULT_LIMIT, 2, 2, PL_SMBUS_NONE},
    {PL_PMBUS_STATUS_WORD, PL_SMBUS_NONE, 2, PL_SMBUS_NONE},
    {PL_PMBUS_STATUS_CML, 1, 1, PL_SMBUS_NONE},
    {PL_PMBUS_READ_VIN, PL_SMBUS_NONE, 2, PL_SMBUS_NONE},
    {PL_PMBUS_READ_IIN, PL_SMBUS_NONE, 2, PL_SMBUS_NONE},
    {PL_PMBUS_MFR_ID, PL_SMBUS_BLOCK, PL_SMBUS_BLOCK, PL_SMBUS_NONE},
    {0xF0, PL_SMBUS_NONE, 2, 2},
};

static enum pl_status chip_write(void *self, uint8_t code, const uint8_t *data, size_t len)
{
  struct chip *chip = self;
  if (code == PL_PMBUS_PAGE) {
    chip->page = data[0];
  } else if (code == PL_PMBUS_OPERATION) {
    chip->operation = data[0];
  } else if (code == PL_PMBUS_WRITE_PROTECT) {
    chip->write_protect = data[0];
  } else if (code == PL_PMBUS_CLEAR_FAULTS) {
    chip->clears++;
    chip->cml = 0;
  } else if (code == PL_PMBUS_STATUS_CML) {
    chip->cml &= (uint8_t)~data[0];
  } else if (code == PL_PMBUS_MFR_ID) {
    memcpy(chip->text, data, len);
    chip->text_len = len;
  } else if (code == PL_PMBUS_IOUT_OC_FAULT_LIMIT && !chip->iout_limit_stuck) {
    chip->iout_limit = (uint16_t)(data[0] | data[1] << 8);
  }
  return PL_OK;
}

static enum pl_status chip_read(void *self, uint8_t code, const uint8_t *call, size_t call_len, uint8_t *data, size_t room, size_t *len)
{
  struct chip *chip = self;
  unsigned word = 0;
  *len = 1;
  if (code == PL_PMBUS_MFR_ID) {
    assert_true(chip->text_len <= room);
    memcpy(data, chip->text, chip->text_len);
    *len = chip->text_len;
    return PL_OK;
  }
  if (code == PL_PMBUS_QUERY)
    word = call_len == 1 && call[0] == PL_PMBUS_READ_IIN ? chip->answer_to_query : 0;
  else if (code == PL_PMBUS_CAPABILITY)
    word = chip->capability;
  else if (code == PL_PMBUS_STATUS_CML)
    word = chip->cml;
  else if (code == PL_PMBUS_OPERATION)
    word = chip->operation;
  else if (code == PL_PMBUS_WRITE_PROTECT)
    word = chip->write_protect;
  else if (code == PL_PMBUS_PAGE)
    word = chip->page;
  else
    *len = 2;
  if (code == PL_PMBUS_READ_VIN)
    word = chip->vin[chip->page & 1];
  else if (code == PL_PMBUS_IOUT_OC_FAULT_LIMIT)
    word = chip->iout_limit;
  else if (code == PL_PMBUS_STATUS_WORD)
    word = chip->cml ? 2 : 0;
  else if (code == 0xF0)
    word = (unsigned)(call[0] << 8 | call[1]);
  data[0] = (uint8_t)word;
  if (*len == 2)
    data[1] = (uint8_t)(word >> 8);
  return PL_OK;
}

static void chip_refused(void *self, uint8_t code, enum pl_smbus_fault fault)
{
  struct chip *chip = self;
  (void)code;
  chip->refused++;
  chip->cml |= fault == PL_SMBUS_BAD_PEC ? 0x20 : fault == PL_SMBUS_BAD_COMMAND ? 0x80 : 0x02;
}

static const struct pl_twin_desc CHIP = {.driver = "chip", .commands = COMMANDS, .n_commands = sizeof COMMANDS / sizeof COMMANDS[0], .pec = true,
                                         .smbus_write = chip_write, .smbus_read = chip_read, .smbus_refused = chip_refused};

static const uint8_t HAS[] = {PL_PMBUS_PAGE,
                              PL_PMBUS_OPERATION,
                              PL_PMBUS_CLEAR_FAULTS,
                              PL_PMBUS_WRITE_PROTECT,
                              PL_PMBUS_CAPABILITY,
                              PL_PMBUS_QUERY,
                              PL_PMBUS_STATUS_WORD,
                              PL_PMBUS_STATUS_CML,
                              PL_PMBUS_READ_VIN,
                              PL_PMBUS_MFR_ID,
                              PL_PMBUS_READ_POUT,
                              PL_PMBUS_IOUT_OC_FAULT_LIMIT,
                              0xF0};
static const uint8_t OPTIONAL[] = {PL_PMBUS_READ_IIN, PL_PMBUS_READ_PIN};

struct bench {
  struct fake fake;
  struct chip chip;
  struct pl_pmbus pmbus;
};

static void start(struct bench *b, unsigned quirks, uint8_t pages)
{
  struct pl_pmbus_cfg cfg = {.bus = b->fake.bus, .address = ADDRESS, .quirks = quirks, .pages = pages, .commands = HAS, .n_commands = sizeof HAS,
                             .optional = OPTIONAL, .n_optional = sizeof OPTIONAL};
  pl_pmbus_init(&b->pmbus, &cfg);
}

static int setup(void **state)
{
  struct bench *b = calloc(1, sizeof *b);
  b->chip = (struct chip){.capability = 0xB0, .answer_to_query = 0xE0, .operation = 0x80, .vin = {0x0030, 0x0031}, .text = "ACME", .text_len = 4};
  b->fake.twin_desc = &CHIP;
  b->fake.twin = &b->chip;
  fake_bus(&b->fake, ADDRESS);
  start(b, 0, 0);
  *state = b;
  return 0;
}

static int teardown(void **state)
{
  struct bench *b = *state;
  pl_bus_free(b->fake.bus);
  pl_clock_free(b->fake.clock);
  free(b);
  return 0;
}

enum op {
  OP_BEGIN,
  OP_READ_VIN,
  OP_READ_IIN,
  OP_READ_PIN,
  OP_READ_POUT,
  OP_TEXT,
  OP_PUT_TEXT,
  OP_OPERATION,
  OP_LIMIT,
  OP_CLEAR,
  OP_CALL,
  OP_TWO_PAGES,
  OP_AFTER_ERROR
};
struct ask {
  struct bench *b;
  enum op op;
  uint16_t word, other;
  int64_t value_u;
  uint8_t data[255];
  size_t len, room;
  struct pl_pmbus_status saved;
};

static enum pl_status perform_op(struct fake *fake, void *ctx, struct pl_err *err)
{
  struct ask *ask = ctx;
  struct pl_pmbus *pmbus = &ask->b->pmbus;
  static const struct pl_pmbus_scale LINEAR11 = {.format = PL_PMBUS_LINEAR11};
  (void)fake;
  enum pl_status status = pl_pmbus_begin(pmbus, err);
  if (status)
    return status;
  switch (ask->op) {
  case OP_BEGIN:
    return PL_OK;
  case OP_READ_VIN:
    return pl_pmbus_read_word(pmbus, PL_PMBUS_READ_VIN, &ask->word, err);
  case OP_READ_IIN:
    return pl_pmbus_read_word(pmbus, PL_PMBUS_READ_IIN, &ask->word, err);
  case OP_READ_PIN:
    return pl_pmbus_read_word(pmbus, PL_PMBUS_READ_PIN, &ask->word, err);
  case OP_READ_POUT:
    return pl_pmbus_read_word(pmbus, PL_PMBUS_READ_POUT, &ask->word, err);
  case OP_TEXT:
    return pl_pmbus_read_block(pmbus, PL_PMBUS_MFR_ID, ask->data, ask->room, &ask->len, err);
  case OP_PUT_TEXT:
    return pl_pmbus_write_block(pmbus, PL_PMBUS_MFR_ID, ask->data, ask->len, err);
  case OP_OPERATION:
    return pl_pmbus_set_byte(pmbus, PL_PMBUS_OPERATION, (uint8_t)ask->word, err);
  case OP_LIMIT:
    return pl_pmbus_set_value(pmbus, PL_PMBUS_IOUT_OC_FAULT_LIMIT, &LINEAR11, ask->value_u, err);
  case OP_CLEAR:
    return pl_pmbus_clear_faults(pmbus, &ask->saved, err);
  case OP_CALL:
    return pl_pmbus_process_call(pmbus, 0xF0, ask->word, &ask->other, err);
  case OP_TWO_PAGES:
    status = pl_pmbus_read_word(pmbus, PL_PMBUS_READ_VIN, &ask->word, err);
    if (status == PL_OK)
      status = pl_pmbus_read_word(pmbus, PL_PMBUS_READ_VIN, &ask->word, err);
    pl_pmbus_select(pmbus, 1);
    return status ? status : pl_pmbus_read_word(pmbus, PL_PMBUS_READ_VIN, &ask->other, err);
  case OP_AFTER_ERROR:
    if (pl_pmbus_read_word(pmbus, PL_PMBUS_READ_POUT, &ask->word, err) != PL_E_NACK)
      return PL_E_USAGE;
    return pl_pmbus_read_word(pmbus, PL_PMBUS_READ_VIN, &ask->word, err);
  }
  return PL_E_USAGE;
}

static enum pl_status run_op(struct bench *b, struct ask *ask)
{
  ask->b = b;
  return fake_do(&b->fake, perform_op, ask);
}

static unsigned sent(const struct bench *b, uint8_t code)
{
  unsigned count = 0;
  for (unsigned i = 0; i < b->fake.transfers; i++)
    count += b->fake.codes[i] == code;
  return count;
}

static void a_word_comes_with_pec(void **state)
{
  struct bench *b = *state;
  struct ask ask = {.op = OP_READ_VIN};
  assert_int_equal(run_op(b, &ask), PL_OK);
  assert_int_equal(ask.word, 0x0030);
  assert_true(b->pmbus.pec);
  assert_int_equal(b->chip.refused, 0);
  assert_int_equal(sent(b, PL_PMBUS_CAPABILITY), 2); /* without, then with PEC */
  assert_int_equal(run_op(b, &ask), PL_OK);
  assert_int_equal(sent(b, PL_PMBUS_CAPABILITY), 2); /* learnt once */
}

static void no_pec_where_it_is_not_offered_or_not_wanted(void **state)
{
  struct bench *b = *state;
  struct ask ask = {.op = OP_READ_VIN};
  b->chip.capability = 0x30;
  assert_int_equal(run_op(b, &ask), PL_OK);
  assert_false(b->pmbus.pec);
  b->chip.capability = 0xB0;
  start(b, PL_PMBUS_NO_PEC, 0);
  assert_int_equal(run_op(b, &ask), PL_OK);
  assert_false(b->pmbus.pec);
  b->fake.transfers = 0;
  start(b, PL_PMBUS_NO_CAPABILITY, 0);
  assert_int_equal(run_op(b, &ask), PL_OK);
  assert_false(b->pmbus.pec);
  assert_int_equal(sent(b, PL_PMBUS_CAPABILITY), 0);
}

static void one_wrong_pec_is_tried_again(void **state)
{
  struct bench *b = *state;
  struct ask ask = {.op = OP_BEGIN};
  assert_int_equal(run_op(b, &ask), PL_OK);
  ask.op = OP_READ_VIN;
  b->fake.bad_pec_reads = 1;
  assert_int_equal(run_op(b, &ask), PL_OK);
  assert_int_equal(ask.word, 0x0030);
  assert_int_equal(b->pmbus.counters.pec_errors, 1);
  assert_int_equal(b->pmbus.counters.pec_retries, 1);
  struct pl_bus_counters counters;
  pl_bus_counters(b->fake.bus, &counters);
  assert_int_equal(counters.retries, 1);
  ask.word = 0xDEAD;
  b->fake.bad_pec_reads = 100;
  assert_int_equal(run_op(b, &ask), PL_E_PEC);
  assert_int_equal(ask.word, 0xDEAD);
  assert_non_null(strstr(b->fake.err.text, "READ_VIN (0x88)"));
  assert_int_equal(b->fake.err.status, PL_E_PEC);
}

static void a_write_that_lost_a_bit_is_tried_again(void **state)
{
  struct bench *b = *state;
  struct ask ask = {.op = OP_BEGIN};
  assert_int_equal(run_op(b, &ask), PL_OK);
  ask = (struct ask){.op = OP_PUT_TEXT, .data = "NEW", .len = 3};
  b->fake.spoil_writes = 1; /* its PEC: the chip refuses, and says so in STATUS_CML */
  assert_int_equal(run_op(b, &ask), PL_OK);
  assert_int_equal(b->pmbus.counters.pec_retries, 1);
  assert_int_equal(b->pmbus.counters.cml_events, 1);
  assert_int_equal(b->chip.cml, 0); /* cleared by writing the bit */
  assert_memory_equal(b->chip.text, "NEW", 3);
  b->fake.spoil_writes = 100;
  assert_int_equal(run_op(b, &ask), PL_E_PEC);
  assert_non_null(strstr(b->fake.err.text, "cml-pec-failed"));
}

static void blocks_of_every_length(void **state)
{
  struct bench *b = *state;
  for (int way = 0; way < 4; way++) { /* with PEC (0, 3) or without; from 2 on with an adapter that reads counted blocks */
    b->chip.capability = way == 1 || way == 2 ? 0x30 : 0xB0;
    b->fake.caps.flags = way >= 2 ? PL_I2C_CAP_ANY_LIST | PL_I2C_CAP_RECV_LEN : PL_I2C_CAP_ANY_LIST;
    start(b, 0, 0);
    for (size_t len = 1; len <= 255; len++) {
      struct ask put = {.op = OP_PUT_TEXT, .len = len}, get = {.op = OP_TEXT, .room = 255};
      for (size_t i = 0; i < len; i++)
        put.data[i] = (uint8_t)(i * 7 + len);
      assert_int_equal(run_op(b, &put), PL_OK);
      assert_int_equal(run_op(b, &get), PL_OK);
      assert_int_equal(get.len, len);
      assert_memory_equal(get.data, put.data, len);
    }
    assert_int_equal(b->pmbus.pec, way == 0 || way == 3);
    assert_int_equal(b->chip.cml, 0);
    assert_int_equal(b->chip.refused, way < 2 ? 255 : 0); /* only such an adapter must end a read within the data, and mends what that set */
    b->chip.refused = 0;
  }
}

/* With an adapter that reads counted blocks the PEC of the one read is checked. */
static void counted_blocks_are_checked(void **state)
{
  struct bench *b = *state;
  struct ask get = {.op = OP_TEXT, .room = 255};
  start(b, 0, 0);
  assert_int_equal(run_op(b, &get), PL_OK);
  unsigned once = sent(b, PL_PMBUS_MFR_ID);
  assert_int_equal(once, 1);
  b->fake.bad_pec_reads = 1;
  assert_int_equal(run_op(b, &get), PL_OK); /* the second try */
  assert_int_equal(b->pmbus.counters.pec_errors, 1);
  b->fake.bad_pec_reads = 100;
  assert_int_equal(run_op(b, &get), PL_E_PEC);
}

/* An adapter whose counted reads end at 32 bytes: the device says more, so the length is asked for first. */
static void an_adapter_that_counts_to_32(void **state)
{
  struct bench *b = *state;
  struct ask get = {.op = OP_TEXT, .room = 255};
  b->fake.counts_to = 32;
  b->chip.text_len = 100;
  start(b, 0, 0);
  assert_int_equal(run_op(b, &get), PL_OK);
  assert_int_equal(get.len, 100);
  assert_int_equal(b->chip.cml, 0);
  b->chip.text_len = 32;
  assert_int_equal(run_op(b, &get), PL_OK);
  assert_int_equal(get.len, 32);
}

/* What was in STATUS_CML before a read that ends early stays: it is not ours. */
static void a_cut_off_read_leaves_older_faults(void **state)
{
  struct bench *b = *state;
  struct ask get = {.op = OP_TEXT, .room = 255};
  b->fake.caps.flags = PL_I2C_CAP_ANY_LIST;
  start(b, 0, 0);
  b->chip.cml = 0x12;
  assert_int_equal(run_op(b, &get), PL_OK);
  assert_int_equal(b->chip.cml, 0x12);
  b->chip.cml = 0x10;
  assert_int_equal(run_op(b, &get), PL_OK);
  assert_int_equal(b->chip.cml, 0x10);
}

static void bad_blocks_are_refused(void **state)
{
  struct bench *b = *state;
  struct ask ask = {.op = OP_TEXT, .room = 3};
  ask.len = 77;
  assert_int_equal(run_op(b, &ask), PL_E_GARBAGE); /* ACME does not fit into 3 */
  assert_int_equal(ask.len, 77);
  b->chip.text_len = 0;
  ask.room = 255;
  assert_int_equal(run_op(b, &ask), PL_E_GARBAGE);
  ask = (struct ask){.op = OP_PUT_TEXT, .len = 0};
  assert_int_equal(run_op(b, &ask), PL_E_USAGE);
  uint8_t data[8];
  size_t len = 0;
  struct pl_pmbus_answer answer = {.bytes = (const uint8_t *)"\x05" "abc", .have = 4};
  assert_int_equal(pl_pmbus_parse_block(&answer, data, 8, &len, NULL), PL_E_SHORT);
  answer.have = 0;
  assert_int_equal(pl_pmbus_parse_block(&answer, data, 8, &len, NULL), PL_E_SHORT);
  assert_int_equal(len, 0);
}

static void unknown_commands_are_not_sent(void **state)
{
  struct bench *b = *state;
  struct ask ask = {.op = OP_READ_PIN};
  assert_int_equal(run_op(b, &ask), PL_E_UNSUPPORTED); /* optional, and QUERY says no */
  assert_non_null(strstr(b->fake.err.text, "READ_PIN (0x97)"));
  assert_int_equal(sent(b, PL_PMBUS_READ_PIN), 0);
  ask.op = OP_READ_IIN;
  assert_int_equal(run_op(b, &ask), PL_OK); /* optional, and QUERY says yes */
  assert_int_equal(b->chip.refused, 0);
  start(b, PL_PMBUS_NO_QUERY, 0);
  assert_int_equal(run_op(b, &ask), PL_E_UNSUPPORTED);
}

static void cml_is_told_and_cleared_bit_by_bit(void **state)
{
  struct bench *b = *state;
  struct ask ask = {.op = OP_READ_POUT}; /* in the map, but not in the chip */
  b->chip.cml = 0x10;
  assert_int_equal(run_op(b, &ask), PL_E_NACK);
  assert_non_null(strstr(b->fake.err.text, "STATUS_CML says cml-invalid-command, cml-memory-fault"));
  assert_int_equal(b->pmbus.cml, 0x90);
  assert_int_equal(b->chip.cml, 0);
  assert_int_equal(b->chip.clears, 0);
  start(b, PL_PMBUS_SKIP_STATUS_CHECK, 0);
  assert_int_equal(run_op(b, &ask), PL_E_NACK);
  assert_int_equal(b->chip.cml, 0x80);
}

static void page_is_written_in_every_job_and_after_errors(void **state)
{
  struct bench *b = *state;
  start(b, PL_PMBUS_NO_QUERY, 2);
  struct ask ask = {.op = OP_TWO_PAGES};
  assert_int_equal(run_op(b, &ask), PL_OK);
  assert_int_equal(ask.word, 0x0030);
  assert_int_equal(ask.other, 0x0031);
  assert_int_equal(sent(b, PL_PMBUS_PAGE), 2);
  assert_int_equal(run_op(b, &ask), PL_OK); /* someone may have turned the page meanwhile */
  assert_int_equal(sent(b, PL_PMBUS_PAGE), 4);
  b->fake.transfers = 0;
  ask.op = OP_AFTER_ERROR;
  assert_int_equal(run_op(b, &ask), PL_OK);
  assert_int_equal(sent(b, PL_PMBUS_READ_POUT), 1);
  assert_int_equal(sent(b, PL_PMBUS_PAGE), 2);
}

static void writes_are_checked(void **state)
{
  struct bench *b = *state;
  struct ask ask = {.op = OP_OPERATION, .word = 0x40};
  b->chip.write_protect = 0x80;
  assert_int_equal(run_op(b, &ask), PL_E_EXCEPTION);
  assert_non_null(strstr(b->fake.err.text, "WRITE_PROTECT is 0x80"));
  assert_int_equal(b->chip.operation, 0x80);
  b->chip.write_protect = 0x40;
  assert_int_equal(run_op(b, &ask), PL_OK);
  assert_int_equal(b->chip.operation, 0x40);
  ask = (struct ask){.op = OP_LIMIT, .value_u = 12500000};
  assert_int_equal(run_op(b, &ask), PL_E_EXCEPTION);
  start(b, PL_PMBUS_BAD_WRITE_PROTECT, 0);
  assert_int_equal(run_op(b, &ask), PL_OK);
  assert_int_equal(b->chip.iout_limit, 0xD320); /* 800 * 2^-6 */
  b->chip.iout_limit_stuck = true;
  b->chip.iout_limit = 0xF819; /* 25 * 2^-1: another word of the same 12.5 */
  assert_int_equal(run_op(b, &ask), PL_OK);
  b->chip.iout_limit = 0xF81A;
  assert_int_equal(run_op(b, &ask), PL_E_EXCEPTION);
  ask.value_u = INT64_MAX;
  assert_int_equal(run_op(b, &ask), PL_E_RANGE);
}

static void status_is_saved_before_it_is_cleared(void **state)
{
  struct bench *b = *state;
  b->chip.cml = 0x40;
  struct ask ask = {.op = OP_CLEAR};
  assert_int_equal(run_op(b, &ask), PL_OK);
  assert_int_equal(b->chip.clears, 1);
  assert_int_equal(ask.saved.have, 1u << 0 | 1u << 5);
  assert_int_equal(ask.saved.values[5], 0x40);
  const char *names[4];
  assert_int_equal(pl_pmbus_status_names(&ask.saved, names, 4), 1);
  assert_string_equal(names[0], "cml-invalid-data");
  b->fake.bad_pec_reads = 100;
  assert_int_equal(run_op(b, &ask), PL_E_PEC); /* could not be saved, so not cleared */
  assert_int_equal(b->chip.clears, 1);
}

static void process_call(void **state)
{
  struct bench *b = *state;
  struct ask ask = {.op = OP_CALL, .word = 0x1234};
  assert_int_equal(run_op(b, &ask), PL_OK);
  assert_int_equal(ask.other, 0x3412); /* the chip swaps the bytes */
}

static void an_absent_device_is_not_acknowledged(void **state)
{
  struct bench *b = *state;
  struct ask ask = {.op = OP_READ_VIN, .word = 7};
  b->fake.slave.address = 0x59;
  assert_int_equal(run_op(b, &ask), PL_E_NACK);
  assert_false(b->pmbus.learnt);
  assert_int_equal(ask.word, 7);
  b->fake.slave.address = ADDRESS;
  assert_int_equal(run_op(b, &ask), PL_OK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(a_word_comes_with_pec),
      T(no_pec_where_it_is_not_offered_or_not_wanted),
      T(one_wrong_pec_is_tried_again),
      T(a_write_that_lost_a_bit_is_tried_again),
      T(blocks_of_every_length),
      T(counted_blocks_are_checked),
      T(an_adapter_that_counts_to_32),
      T(a_cut_off_read_leaves_older_faults),
      T(bad_blocks_are_refused),
      T(unknown_commands_are_not_sent),
      T(cml_is_told_and_cleared_bit_by_bit),
      T(page_is_written_in_every_job_and_after_errors),
      T(writes_are_checked),
      T(status_is_saved_before_it_is_cleared),
      T(process_call),
      T(an_absent_device_is_not_acknowledged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

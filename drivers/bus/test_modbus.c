/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/modbus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* An adapter that notes the request and gives the answer of the row under test. */
struct fake {
  uint8_t unit, request[PL_MODBUS_PDU_MAX];
  size_t request_len, calls;
  const uint8_t *answer;
  size_t answer_len;
  enum pl_status status;
  pl_time_ns deadline;
};

static enum pl_status fake_exchange(void *self, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *answer, size_t answer_room,
                                    size_t *answer_len, pl_time_ns deadline, pl_time_ns *wire_ns, struct pl_err *err)
{
  struct fake *f = self;
  f->calls++;
  f->unit = unit;
  f->deadline = deadline;
  f->request_len = request_len;
  memcpy(f->request, request, request_len);
  *wire_ns = 3 * PL_MS;
  if (f->status)
    return pl_fail(err, f->status, "the wire failed");
  assert_true(f->answer_len <= answer_room);
  memcpy(answer, f->answer, f->answer_len);
  *answer_len = f->answer_len;
  return PL_OK;
}

static const struct pl_modbus_ops OPS = {.exchange = fake_exchange};

enum call { COILS, DISCRETE, HOLDING, INPUT, WRITE_COILS, WRITE_REGISTERS, READ_FILE, WRITE_FILE };

struct row { /* a call, the request that it must make, the answer it gets and what comes of that */
  enum call call;
  uint16_t address;
  size_t count;
  const char *request, *answer; /* hex */
  enum pl_status status;
  const char *text;
};

struct setting {
  struct pl_clock *clock;
  struct pl_bus *bus;
  struct fake fake;
  struct pl_job job;
  const struct row *row;
  uint8_t unit;
  bool bits[PL_MODBUS_READ_BITS_MAX];
  uint16_t registers[PL_MODBUS_READ_REGISTERS_MAX];
};

static enum pl_status run_row(struct pl_job *job, struct pl_err *err)
{
  struct setting *s = job->ctx;
  const struct row *r = s->row;
  switch (r->call) {
  case COILS: return pl_modbus_read_coils(s->bus, s->unit, r->address, r->count, s->bits, err);
  case DISCRETE: return pl_modbus_read_discrete_inputs(s->bus, s->unit, r->address, r->count, s->bits, err);
  case HOLDING: return pl_modbus_read_holding(s->bus, s->unit, r->address, r->count, s->registers, err);
  case INPUT: return pl_modbus_read_input(s->bus, s->unit, r->address, r->count, s->registers, err);
  case WRITE_COILS: return pl_modbus_write_coils(s->bus, s->unit, r->address, r->count, s->bits, err);
  case WRITE_REGISTERS: return pl_modbus_write_registers(s->bus, s->unit, r->address, r->count, s->registers, err);
  case READ_FILE: return pl_modbus_read_file(s->bus, s->unit, 4, r->address, r->count, s->registers, err);
  case WRITE_FILE: return pl_modbus_write_file(s->bus, s->unit, 4, r->address, r->count, s->registers, err);
  }
  return PL_E_USAGE;
}

static size_t from_hex(const char *hex, uint8_t *bytes, size_t room)
{
  size_t n = 0;
  for (; *hex; n++) {
    while (*hex == ' ')
      hex++;
    unsigned value;
    assert_true(n < room);
    assert_int_equal(sscanf(hex, "%2x", &value), 1);
    bytes[n] = (uint8_t)value;
    hex += 2;
  }
  return n;
}

static void set_up(struct setting *s)
{
  struct pl_err err = {0};
  *s = (struct setting){.unit = 255};
  assert_int_equal(pl_clock_new_virtual(0, &s->clock, &err), PL_OK);
  assert_int_equal(pl_bus_new("rtu", PL_BUS_MODBUS, s->clock, &s->bus, &err), PL_OK);
  pl_bus_attach(s->bus, &OPS, &s->fake, NULL, false);
  s->job = (struct pl_job){.run = run_row, .ctx = s};
}

static void tear_down(struct setting *s)
{
  pl_bus_free(s->bus);
  pl_clock_free(s->clock);
}

static void run(struct setting *s, const struct row *row)
{
  uint8_t want[PL_MODBUS_PDU_MAX], answer[PL_MODBUS_PDU_MAX];
  struct pl_err err = {0};
  size_t want_len = row->request ? from_hex(row->request, want, sizeof want) : 0, calls = s->fake.calls;
  s->row = row;
  s->fake.answer = answer;
  s->fake.answer_len = from_hex(row->answer ? row->answer : "", answer, sizeof answer);
  assert_int_equal(pl_bus_run(s->bus, &s->job, &err), row->status);
  if (row->text)
    assert_string_equal(err.text, row->text);
  assert_int_equal(s->fake.calls - calls, row->request ? 1 : 0);
  if (row->request) {
    assert_int_equal(s->fake.request_len, want_len);
    assert_memory_equal(s->fake.request, want, want_len);
    assert_int_equal(s->fake.unit, s->unit);
  }
}

static void requests_are_built_and_answers_read(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s);
  run(&s, &(struct row){HOLDING, 0x6b, 3, "03 00 6b 00 03", "03 06 02 2b 00 00 00 64", PL_OK, NULL}); /* the example of section 6.3 */
  assert_int_equal(s.registers[0], 0x22b);
  assert_int_equal(s.registers[2], 100);
  run(&s, &(struct row){INPUT, 8, 1, "04 00 08 00 01", "04 02 00 0a", PL_OK, NULL}); /* section 6.4 */
  assert_int_equal(s.registers[0], 10);
  run(&s, &(struct row){COILS, 0x13, 19, "01 00 13 00 13", "01 03 cd 6b 05", PL_OK, NULL}); /* section 6.1 */
  assert_true(s.bits[0]);
  assert_false(s.bits[1]);
  assert_true(s.bits[16]);
  assert_true(s.bits[18]);
  assert_false(s.bits[17]);
  run(&s, &(struct row){DISCRETE, 0xc4, 22, "02 00 c4 00 16", "02 03 ac db 35", PL_OK, NULL}); /* section 6.2 */
  assert_false(s.bits[0]);
  assert_true(s.bits[2]);
  assert_true(s.bits[21]);
  run(&s, &(struct row){READ_FILE, 1, 2, "14 07 06 00 04 00 01 00 02", "14 06 05 06 0d fe 00 20", PL_OK, NULL}); /* section 6.14, its first part */
  assert_int_equal(s.registers[0], 0xdfe);
  assert_int_equal(s.registers[1], 0x20);
  assert_int_equal(s.job.finished - s.job.started, 3 * PL_MS);
  struct pl_bus_counters counters;
  pl_bus_counters(s.bus, &counters);
  assert_int_equal(counters.transfers, 5);
  assert_int_equal(counters.bytes, 13 + 9 + 10 + 10 + 17);
  tear_down(&s);
}

static void writes_are_built_and_their_echo_checked(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s);
  s.registers[0] = 10;
  s.registers[1] = 0x102;
  s.bits[0] = s.bits[9] = true;
  run(&s, &(struct row){WRITE_REGISTERS, 1, 1, "06 00 01 00 0a", "06 00 01 00 0a", PL_OK, NULL});
  run(&s, &(struct row){WRITE_REGISTERS, 1, 2, "10 00 01 00 02 04 00 0a 01 02", "10 00 01 00 02", PL_OK, NULL});
  run(&s, &(struct row){WRITE_COILS, 0xac, 1, "05 00 ac ff 00", "05 00 ac ff 00", PL_OK, NULL});
  run(&s, &(struct row){WRITE_COILS, 0x13, 10, "0f 00 13 00 0a 02 01 02", "0f 00 13 00 0a", PL_OK, NULL});
  run(&s, &(struct row){WRITE_REGISTERS, 1, 1, "06 00 01 00 0a", "06 00 01 00 0b", PL_E_GARBAGE,
                        "the answer to write single register confirms address 1, value 11; address 1, value 10 were sent"});
  run(&s, &(struct row){WRITE_REGISTERS, 1, 2, "10 00 01 00 02 04 00 0a 01 02", "10 00 02 00 02", PL_E_GARBAGE, NULL});
  run(&s, &(struct row){WRITE_COILS, 0xac, 1, "05 00 ac ff 00", "05 00 ac 00 00", PL_E_GARBAGE, NULL});
  s.registers[0] = 0x6af;
  s.registers[1] = 0x4be;
  s.registers[2] = 0x100d;
#define FILE_WRITE "15 0d 06 00 04 00 07 00 03 06 af 04 be 10 0d" /* the example of section 6.15 */
  run(&s, &(struct row){WRITE_FILE, 7, 3, FILE_WRITE, FILE_WRITE, PL_OK, NULL});
  run(&s, &(struct row){WRITE_FILE, 7, 3, FILE_WRITE, "15 0d 06 00 04 00 07 00 03 06 af 04 be 10 0e", PL_E_GARBAGE,
                        "the answer to write file record does not repeat what was sent to file 4 record 7"});
  run(&s, &(struct row){WRITE_FILE, 7, 3, FILE_WRITE, "15 0d 06 00 04 00 07 00 03 06 af", PL_E_SHORT, NULL});
  run(&s, &(struct row){WRITE_FILE, 7, 123, NULL, NULL, PL_E_USAGE, "write file record takes 1 to 122 at a time, not 123"});
  s.registers[0] = 10;
  run(&s, &(struct row){WRITE_REGISTERS, 1, 1, "06 00 01 00 0a", "06 00 01 00", PL_E_SHORT, "the answer to write single register has 4 bytes, expected 5"});
  tear_down(&s);
}

static void malformed_answers_are_errors(void **state)
{
  (void)state;
  static const struct row ROWS[] = {
      {HOLDING, 0, 2, "03 00 00 00 02", "", PL_E_SHORT, "unit 255 answered 0x03 (read holding registers) with nothing"},
      {HOLDING, 0, 2, "03 00 00 00 02", "03 04 00 01 00", PL_E_SHORT, "the answer to read holding registers has 5 bytes, expected 6"},
      {HOLDING, 0, 2, "03 00 00 00 02", "03 04 00 01 00 02 00", PL_E_GARBAGE, "the answer to read holding registers has 7 bytes, expected 6"},
      {HOLDING, 0, 2, "03 00 00 00 02", "03 05 00 01 00 02", PL_E_GARBAGE, "the answer to read holding registers says that 5 bytes follow, expected 4"},
      {HOLDING, 0, 2, "03 00 00 00 02", "04 04 00 01 00 02", PL_E_GARBAGE, "unit 255 answered 0x03 (read holding registers) with function 0x04"},
      {HOLDING, 0, 2, "03 00 00 00 02", "83 02", PL_E_EXCEPTION, "unit 255 refused 0x03 (read holding registers): illegal data address (exception 2)"},
      {HOLDING, 0, 2, "03 00 00 00 02", "83", PL_E_SHORT, NULL},
      {HOLDING, 0, 2, "03 00 00 00 02", "83 02 00", PL_E_GARBAGE, NULL},
      {HOLDING, 0, 2, "03 00 00 00 02", "84 02", PL_E_GARBAGE, NULL},
      {COILS, 0, 9, "01 00 00 00 09", "01 01 ff", PL_E_SHORT, "the answer to read coils has 3 bytes, expected 4"},
      {READ_FILE, 1, 2, "14 07 06 00 04 00 01 00 02", "14 06 05 07 0d fe 00 20", PL_E_GARBAGE, NULL},
      {READ_FILE, 1, 2, "14 07 06 00 04 00 01 00 02", "14 06 03 06 0d fe 00 20", PL_E_GARBAGE, NULL},
      {READ_FILE, 1, 2, "14 07 06 00 04 00 01 00 02", "14 04 03 06 0d fe", PL_E_SHORT, NULL},
  };
  struct setting s;
  set_up(&s);
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    s.registers[0] = s.registers[1] = 0x5555;
    run(&s, &ROWS[i]);
    assert_int_equal(s.registers[0], 0x5555); /* no reading is invented */
  }
  tear_down(&s);
}

static void bad_requests_are_refused_before_the_wire(void **state)
{
  (void)state;
  static const struct row ROWS[] = {
      {HOLDING, 0, 0, NULL, NULL, PL_E_USAGE, "read holding registers takes 1 to 125 at a time, not 0"},
      {HOLDING, 0, 126, NULL, NULL, PL_E_USAGE, "read holding registers takes 1 to 125 at a time, not 126"},
      {HOLDING, 65535, 2, NULL, NULL, PL_E_USAGE, "read holding registers of 2 from 65535 runs past address 65535"},
      {COILS, 0, 2001, NULL, NULL, PL_E_USAGE, "read coils takes 1 to 2000 at a time, not 2001"},
      {WRITE_REGISTERS, 0, 124, NULL, NULL, PL_E_USAGE, "write multiple registers takes 1 to 123 at a time, not 124"},
      {WRITE_COILS, 0, 1969, NULL, NULL, PL_E_USAGE, "write multiple coils takes 1 to 1968 at a time, not 1969"},
      {WRITE_COILS, 0, 0, NULL, NULL, PL_E_USAGE, NULL},
      {READ_FILE, 0, 125, NULL, NULL, PL_E_USAGE, NULL},
      {READ_FILE, 10000, 1, NULL, NULL, PL_E_USAGE, NULL},
  };
  struct setting s;
  set_up(&s);
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
    run(&s, &ROWS[i]);
  s.unit = 0;
  run(&s, &(struct row){HOLDING, 0, 1, NULL, NULL, PL_E_USAGE, "modbus unit 0 is the broadcast address: nobody answers it; use 1 to 255"});
  tear_down(&s);
}

static void the_largest_requests_fit(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s);
  const struct row registers = {.call = WRITE_REGISTERS, .count = 123}, bits = {.call = WRITE_COILS, .count = 1968};
  struct pl_err err = {0};
  s.fake.status = PL_E_CRC;
  s.row = &registers;
  assert_int_equal(pl_bus_run(s.bus, &s.job, &err), PL_E_CRC);
  assert_string_equal(err.text, "the wire failed");
  assert_int_equal(s.fake.request_len, 252);
  s.row = &bits;
  assert_int_equal(pl_bus_run(s.bus, &s.job, &err), PL_E_CRC);
  assert_int_equal(s.fake.request_len, 252);
  struct pl_bus_counters counters;
  pl_bus_counters(s.bus, &counters);
  assert_int_equal(counters.errors[PL_E_CRC], 2);
  tear_down(&s);
}

static void exceptions_have_names(void **state)
{
  (void)state;
  assert_string_equal(pl_modbus_exception_name(1), "illegal function");
  assert_string_equal(pl_modbus_exception_name(6), "server device busy");
  assert_string_equal(pl_modbus_exception_name(11), "gateway target device failed to respond");
  assert_string_equal(pl_modbus_exception_name(0), "unknown exception");
  assert_string_equal(pl_modbus_exception_name(9), "unknown exception");
  assert_string_equal(pl_modbus_exception_name(255), "unknown exception");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests_are_built_and_answers_read),
      cmocka_unit_test(writes_are_built_and_their_echo_checked),
      cmocka_unit_test(malformed_answers_are_errors),
      cmocka_unit_test(bad_requests_are_refused_before_the_wire),
      cmocka_unit_test(the_largest_requests_fit),
      cmocka_unit_test(exceptions_have_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

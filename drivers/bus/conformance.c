/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/conformance.h"

#include <string.h>

struct run {
  struct pl_bus *bus;
  struct pl_bus_conformance *report;
  size_t failed;
};

static void check(struct run *run, bool good, const char *what, const struct pl_err *err)
{
  run->report->checks++;
  if (good)
    return;
  run->failed++;
  run->report->fail(run->report->ctx, what, err && err->text[0] ? err->text : "not so");
}

/* --- a piece of code as a job --- */

struct piece {
  struct pl_job job;
  struct pl_bus *bus;
  enum pl_status (*fn)(struct pl_bus *bus, void *ctx, struct pl_err *err);
  void *ctx;
};

static enum pl_status run_piece(struct pl_job *job, struct pl_err *err)
{
  struct piece *piece = job->ctx;
  return piece->fn(piece->bus, piece->ctx, err);
}

static enum pl_status in_job(struct run *run, enum pl_status (*fn)(struct pl_bus *bus, void *ctx, struct pl_err *err), void *ctx, pl_time_ns *took,
                             struct pl_err *err)
{
  struct piece piece = {.job = {.run = run_piece}, .bus = run->bus, .fn = fn, .ctx = ctx};
  piece.job.ctx = &piece;
  piece.job.deadline = pl_clock_now(pl_bus_clock(run->bus)) + 5 * PL_S;
  *err = (struct pl_err){0};
  enum pl_status status = pl_bus_run(run->bus, &piece.job, err);
  if (took)
    *took = piece.job.finished - piece.job.started;
  return status;
}

static enum pl_status count_runs(struct pl_bus *bus, void *ctx, struct pl_err *err)
{
  (void)bus;
  (void)err;
  ++*(int *)ctx;
  return PL_OK;
}

static void expired_deadline_runs_nothing(struct run *run)
{
  int runs = 0;
  struct piece piece = {.job = {.run = run_piece, .deadline = pl_clock_now(pl_bus_clock(run->bus)) - 1}, .bus = run->bus, .fn = count_runs, .ctx = &runs};
  struct pl_err err = {0};
  piece.job.ctx = &piece;
  if (piece.job.deadline == 0)
    piece.job.deadline = -1;
  check(run, pl_bus_run(run->bus, &piece.job, &err) == PL_E_TIMEOUT && !runs, "a job whose deadline has passed is not begun", &err);
}

/* --- i2c --- */

struct read_job {
  uint8_t address, command, len;
  uint8_t data[32];
};

static enum pl_status i2c_read(struct pl_bus *bus, void *ctx, struct pl_err *err)
{
  struct read_job *r = ctx;
  return pl_i2c_write_read(bus, r->address, &r->command, 1, r->data, r->len, err);
}

struct list_job {
  struct pl_i2c_transfer *list;
  size_t count;
};

static enum pl_status i2c_list(struct pl_bus *bus, void *ctx, struct pl_err *err)
{
  struct list_job *l = ctx;
  return pl_i2c_transfer(bus, l->list, l->count, err);
}

static void i2c_reads(struct run *run, const struct pl_conformance_i2c *t)
{
  struct pl_err err;
  pl_time_ns took = 0;
  struct read_job a = {.address = t->address, .command = t->command, .len = t->read_len}, b = a, absent = a;
  absent.address = t->absent;
  check(run, !in_job(run, i2c_read, &a, &took, &err), "a register is read", &err);
  if (pl_clock_is_virtual(pl_bus_clock(run->bus))) {
    struct pl_i2c_msg msgs[] = {{.len = 1}, {.len = t->read_len}};
    struct pl_i2c_transfer shape = {.msgs = msgs, .count = 2};
    check(run, took >= pl_i2c_wire_ns(&shape, pl_i2c_caps(run->bus)->speed_hz), "a read takes its time on the wire", NULL);
  }
  check(run, !in_job(run, i2c_read, &b, NULL, &err) && !memcmp(a.data, b.data, t->read_len), "a second read gives the same bytes", &err);
  struct pl_bus_counters before, after;
  pl_bus_counters(run->bus, &before);
  check(run, in_job(run, i2c_read, &absent, NULL, &err) == PL_E_NACK && err.text[0], "an address where nobody is gives E_NACK and a sentence", &err);
  pl_bus_counters(run->bus, &after);
  check(run, after.errors[PL_E_NACK] == before.errors[PL_E_NACK] + 1 && after.transfers > before.transfers, "the refused transfer is counted", NULL);
  check(run, !in_job(run, i2c_read, &b, NULL, &err) && !memcmp(a.data, b.data, t->read_len), "the bus works after a NACK", &err);
  absent.address = 0x80;
  check(run, in_job(run, i2c_read, &absent, NULL, &err) == PL_E_USAGE, "an address of 8 bits is refused", &err);
}

static void i2c_batch(struct run *run, const struct pl_conformance_i2c *t)
{
  uint8_t command = t->command, data[3][32] = {{0}};
  struct pl_i2c_msg msgs[3][2];
  struct pl_i2c_transfer list[3];
  for (int i = 0; i < 3; i++) {
    uint8_t address = i == 1 ? t->absent : t->address;
    msgs[i][0] = (struct pl_i2c_msg){.address = address, .len = 1, .buf = &command};
    msgs[i][1] = (struct pl_i2c_msg){.address = address, .flags = PL_I2C_READ, .len = t->read_len, .buf = data[i]};
    list[i] = (struct pl_i2c_transfer){.msgs = msgs[i], .count = 2};
  }
  struct pl_err err;
  struct list_job job = {list, 3};
  enum pl_status status = in_job(run, i2c_list, &job, NULL, &err);
  check(run, status == PL_E_NACK && err.status == PL_E_NACK, "of several transactions the first failure is returned", &err);
  check(run, !list[0].status && list[1].status == PL_E_NACK && !list[2].status, "each transaction has its own status, and all are tried", &err);
  check(run, !memcmp(data[0], data[2], t->read_len), "transactions after a failed one read right", NULL);
}

static void i2c_limits(struct run *run, const struct pl_conformance_i2c *t)
{
  const struct pl_i2c_caps *caps = pl_i2c_caps(run->bus);
  static uint8_t const NOTHING[1];
  struct pl_err err;
  struct pl_i2c_msg msg = {.address = t->absent, .buf = (uint8_t *)(uintptr_t)NOTHING};
  struct pl_i2c_transfer list = {.msgs = &msg, .count = 0};
  struct list_job job = {&list, 1};
  check(run, caps->speed_hz > 0, "the adapter says its speed", NULL);
  check(run, in_job(run, i2c_list, &job, NULL, &err) == PL_E_USAGE, "a transaction without messages is refused", &err);
  list.count = 1;
  if (caps->max_write && caps->max_write < UINT16_MAX) { /* refused before a byte of the buffer is looked at */
    msg.len = (uint16_t)(caps->max_write + 1);
    check(run, in_job(run, i2c_list, &job, NULL, &err) == PL_E_UNSUPPORTED, "a write above the adapter's limit is refused", &err);
  }
  msg.flags = PL_I2C_READ;
  if (caps->max_read && caps->max_read < UINT16_MAX) {
    msg.len = (uint16_t)(caps->max_read + 1);
    check(run, in_job(run, i2c_list, &job, NULL, &err) == PL_E_UNSUPPORTED, "a read above the adapter's limit is refused", &err);
  }
  msg.flags |= PL_I2C_RECV_LEN;
  msg.len = 33;
  if (!(caps->flags & PL_I2C_CAP_RECV_LEN))
    check(run, in_job(run, i2c_list, &job, NULL, &err) == PL_E_UNSUPPORTED, "a counted read is refused where the adapter has none", &err);
}

size_t pl_conformance_i2c(struct pl_bus *bus, const struct pl_conformance_i2c *target, struct pl_bus_conformance *report)
{
  struct run run = {.bus = bus, .report = report};
  i2c_limits(&run, target);
  i2c_reads(&run, target);
  i2c_batch(&run, target);
  expired_deadline_runs_nothing(&run);
  return run.failed;
}

/* --- gpio --- */

struct gpio_job {
  const int *handles;
  bool *values;
  size_t count;
};

static enum pl_status gpio_get(struct pl_bus *bus, void *ctx, struct pl_err *err)
{
  struct gpio_job *g = ctx;
  return pl_gpio_get(bus, g->handles, g->count, g->values, err);
}

static enum pl_status gpio_set(struct pl_bus *bus, void *ctx, struct pl_err *err)
{
  struct gpio_job *g = ctx;
  return pl_gpio_set(bus, g->handles, g->count, g->values, err);
}

static void gpio_output(struct run *run, int output)
{
  struct pl_err err;
  for (int i = 0; i < 2; i++) {
    bool want = i == 0, got = !want;
    struct gpio_job set = {&output, &want, 1}, get = {&output, &got, 1};
    check(run, !in_job(run, gpio_set, &set, NULL, &err), want ? "an output is made active" : "an output is made inactive", &err);
    check(run, !in_job(run, gpio_get, &get, NULL, &err) && got == want, want ? "an active output reads active" : "an inactive output reads inactive", &err);
  }
}

static void gpio_refusals(struct run *run, int input)
{
  struct pl_err err;
  int unknown[] = {9999, -1};
  bool value = true;
  struct gpio_job bad = {&unknown[0], &value, 1}, negative = {&unknown[1], &value, 1}, none = {unknown, &value, 0}, to_input = {&input, &value, 1};
  check(run, in_job(run, gpio_get, &bad, NULL, &err) == PL_E_USAGE, "reading a line that was never requested is refused", &err);
  check(run, in_job(run, gpio_set, &negative, NULL, &err) == PL_E_USAGE, "setting a line that was never requested is refused", &err);
  check(run, !in_job(run, gpio_get, &none, NULL, &err), "reading no lines does nothing", &err);
  if (input >= 0)
    check(run, in_job(run, gpio_set, &to_input, NULL, &err) == PL_E_USAGE, "setting an input is refused", &err);
  int handle;
  struct pl_gpio_line nameless = {.offset = -1, .consumer = "conformance"};
  struct pl_gpio_line both = {.offset = 0, .consumer = "conformance", .output = true, .edges = true};
  err = (struct pl_err){0};
  check(run, pl_gpio_request(run->bus, &nameless, &handle, &err) == PL_E_USAGE, "a line without name and offset is refused", &err);
  check(run, pl_gpio_request(run->bus, &both, &handle, &err) == PL_E_USAGE, "edges of an output are refused", &err);
}

static void note_edge(void *ctx)
{
  ++*(int *)ctx;
}

static void gpio_edges(struct run *run, const struct pl_conformance_gpio *t)
{
  struct pl_clock *clock = pl_bus_clock(run->bus);
  struct pl_gpio_edges before, after;
  struct pl_err err;
  int calls = 0;
  pl_gpio_edges(run->bus, t->input, &before);
  pl_gpio_watch(run->bus, note_edge, &calls);
  pl_time_ns start = pl_clock_now(clock);
  for (int i = 0; i < 4; i++) {
    bool want = i % 2 == 0, got = !want;
    struct gpio_job set = {&t->output, &want, 1}, get = {&t->input, &got, 1};
    check(run, !in_job(run, gpio_set, &set, NULL, &err) && !in_job(run, gpio_get, &get, NULL, &err) && got == want,
          want ? "the input follows the output up" : "the input follows the output down", &err);
  }
  for (pl_time_ns end = pl_clock_now(clock) + PL_S;;) {
    pl_gpio_edges(run->bus, t->input, &after);
    if ((after.rising >= before.rising + 2 && after.falling >= before.falling + 2 && calls) || !pl_clock_step(clock, end))
      break;
  }
  check(run, after.rising == before.rising + 2 && after.falling == before.falling + 2, "each edge is counted once", NULL);
  check(run, after.last_rising >= start && after.last_rising <= after.last_falling && after.last_falling <= pl_clock_now(clock),
        "edges are stamped in order, with the bus's time", NULL);
  check(run, calls > 0, "the watcher is called", NULL);
  pl_gpio_watch(run->bus, NULL, NULL);
}

size_t pl_conformance_gpio(struct pl_bus *bus, const struct pl_conformance_gpio *target, struct pl_bus_conformance *report)
{
  struct run run = {.bus = bus, .report = report};
  if (target->output >= 0)
    gpio_output(&run, target->output);
  gpio_refusals(&run, target->input);
  if (target->output >= 0 && target->input >= 0)
    gpio_edges(&run, target);
  expired_deadline_runs_nothing(&run);
  return run.failed;
}

/* --- modbus --- */

struct modbus_job {
  uint8_t unit;
  uint16_t address;
  size_t count;
  uint16_t values[PL_MODBUS_READ_REGISTERS_MAX + 1];
};

static enum pl_status modbus_read(struct pl_bus *bus, void *ctx, struct pl_err *err)
{
  struct modbus_job *m = ctx;
  return pl_modbus_read_holding(bus, m->unit, m->address, m->count, m->values, err);
}

static enum pl_status modbus_write(struct pl_bus *bus, void *ctx, struct pl_err *err)
{
  struct modbus_job *m = ctx;
  return pl_modbus_write_registers(bus, m->unit, m->address, m->count, m->values, err);
}

static enum pl_status modbus_unknown_function(struct pl_bus *bus, void *ctx, struct pl_err *err)
{
  static const uint8_t REQUEST[] = {0x41}; /* user-defined function codes: section 5.1 */
  struct modbus_job *m = ctx;
  uint8_t answer[PL_MODBUS_PDU_MAX];
  size_t len;
  return pl_modbus_raw(bus, m->unit, REQUEST, sizeof REQUEST, answer, sizeof answer, &len, err);
}

static void modbus_writes(struct run *run, const struct pl_conformance_modbus *t)
{
  struct pl_err err;
  struct modbus_job kept = {.unit = t->unit, .address = t->writable_address, .count = 2}, got = kept, put = kept;
  if (in_job(run, modbus_read, &kept, NULL, &err)) {
    check(run, false, "the writable registers are read", &err);
    return;
  }
  for (uint16_t first = 1; first <= 2; first++) {
    put.count = first; /* one register by function 06, two by 16 */
    put.values[0] = first;
    put.values[1] = (uint16_t)(first + 2);
    check(run, !in_job(run, modbus_write, &put, NULL, &err), first == 1 ? "one register is written" : "two registers are written", &err);
    check(run, !in_job(run, modbus_read, &got, NULL, &err) && !memcmp(got.values, put.values, 2 * put.count),
          first == 1 ? "the written register reads back" : "the written registers read back", &err);
  }
  check(run, !in_job(run, modbus_write, &kept, NULL, &err), "the registers are put back", &err);
}

static void modbus_refusals(struct run *run, const struct pl_conformance_modbus *t)
{
  static const struct {
    uint16_t address;
    size_t count;
    const char *what;
  } ROWS[] = {{0, 0, "a read of no registers is refused"},
              {0, PL_MODBUS_READ_REGISTERS_MAX + 1, "a read of 126 registers is refused"},
              {65535, 2, "a read past address 65535 is refused"}};
  struct pl_err err;
  struct modbus_job m = {.unit = t->unit};
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    m.address = ROWS[i].address;
    m.count = ROWS[i].count;
    check(run, in_job(run, modbus_read, &m, NULL, &err) == PL_E_USAGE, ROWS[i].what, &err);
  }
  m = (struct modbus_job){.unit = 0, .count = 1};
  check(run, in_job(run, modbus_read, &m, NULL, &err) == PL_E_USAGE, "a read from the broadcast unit is refused", &err);
  m = (struct modbus_job){.unit = t->unit, .address = t->illegal_address, .count = 1};
  check(run, in_job(run, modbus_read, &m, NULL, &err) == PL_E_EXCEPTION && strstr(err.text, "illegal data address"),
        "a register that is not there gives E_EXCEPTION, illegal data address", &err);
  check(run, in_job(run, modbus_unknown_function, &m, NULL, &err) == PL_E_EXCEPTION && strstr(err.text, "illegal function"),
        "an unknown function gives E_EXCEPTION, illegal function", &err);
}

size_t pl_conformance_modbus(struct pl_bus *bus, const struct pl_conformance_modbus *target, struct pl_bus_conformance *report)
{
  struct run run = {.bus = bus, .report = report};
  struct pl_err err;
  pl_time_ns took = 0;
  struct modbus_job a = {.unit = target->unit, .address = target->stable_address, .count = target->stable_count}, b = a, absent = a;
  check(&run, !in_job(&run, modbus_read, &a, &took, &err), "holding registers are read", &err);
  check(&run, took > 0, "a read takes its time on the wire", NULL);
  check(&run, !in_job(&run, modbus_read, &b, NULL, &err) && !memcmp(a.values, b.values, 2 * a.count), "a second read gives the same values", &err);
  if (!target->no_writes)
    modbus_writes(&run, target);
  modbus_refusals(&run, target);
  absent.unit = target->absent_unit;
  if (absent.unit) { /* a gateway answers for the missing unit: section 7, exceptions 10 and 11 */
    enum pl_status status = in_job(&run, modbus_read, &absent, NULL, &err);
    check(&run, status == PL_E_TIMEOUT || status == PL_E_EXCEPTION, "a unit that is not there gives E_TIMEOUT or an exception", &err);
  }
  check(&run, !in_job(&run, modbus_read, &b, NULL, &err) && !memcmp(a.values, b.values, 2 * a.count), "the bus works after refusals", &err);
  expired_deadline_runs_nothing(&run);
  return run.failed;
}

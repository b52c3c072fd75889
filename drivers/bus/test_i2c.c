/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/conformance.h"
#include "drivers/bus/i2c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* An adapter with one chip: 16 byte registers behind a pointer. */
struct fake {
  struct pl_i2c_caps caps;
  uint8_t address, pointer, registers[16];
  size_t calls, largest_batch;
  pl_time_ns deadline;
  int recovered;
};

static const struct pl_i2c_caps *fake_caps(void *self)
{
  return &((struct fake *)self)->caps;
}

static enum pl_status one(struct fake *f, struct pl_i2c_transfer *t, struct pl_err *err)
{
  for (size_t i = 0; i < t->count; i++) {
    struct pl_i2c_msg *m = &t->msgs[i];
    if (m->address != f->address)
      return pl_fail(err, PL_E_NACK, "nobody acknowledged address 0x%02x", m->address);
    for (size_t k = 0; k < m->len; k++)
      if (m->flags & PL_I2C_READ)
        m->buf[k] = f->registers[f->pointer++ & 15];
      else if (k == 0)
        f->pointer = m->buf[0];
      else
        f->registers[f->pointer++ & 15] = m->buf[k];
  }
  return PL_OK;
}

static enum pl_status fake_transfer(void *self, struct pl_i2c_transfer *list, size_t count, pl_time_ns deadline, struct pl_err *err)
{
  struct fake *f = self;
  enum pl_status first = PL_OK;
  f->calls++;
  f->deadline = deadline;
  if (count > f->largest_batch)
    f->largest_batch = count;
  for (size_t i = 0; i < count; i++) {
    list[i].status = one(f, &list[i], first ? NULL : err);
    list[i].wire_ns = pl_i2c_wire_ns(&list[i], f->caps.speed_hz);
    if (!first)
      first = list[i].status;
  }
  return first;
}

static enum pl_status fake_recover(void *self, struct pl_err *err)
{
  (void)err;
  ((struct fake *)self)->recovered++;
  return PL_OK;
}

static const struct pl_i2c_ops OPS = {.caps = fake_caps, .transfer = fake_transfer, .recover = fake_recover};

struct setting {
  struct pl_clock *clock;
  struct pl_bus *bus;
  struct fake fake;
};

static void set_up(struct setting *s, bool is_virtual)
{
  struct pl_err err = {0};
  s->fake = (struct fake){.caps = {.max_write = 32, .max_read = 16, .max_batch = 2, .speed_hz = 400000}, .address = 0x40, .registers = {1, 2, 3, 4, 5, 6}};
  assert_int_equal(is_virtual ? pl_clock_new_virtual(0, &s->clock, &err) : pl_clock_new_real(&s->clock, &err), PL_OK);
  assert_int_equal(pl_bus_new("i2c-m1", PL_BUS_I2C, s->clock, &s->bus, &err), PL_OK);
  pl_bus_attach(s->bus, &OPS, &s->fake, NULL, true);
}

static void tear_down(struct setting *s)
{
  pl_bus_free(s->bus);
  pl_clock_free(s->clock);
}

struct list_job {
  struct pl_job job;
  struct setting *s;
  struct pl_i2c_transfer *list;
  size_t count;
};

static enum pl_status run_list(struct pl_job *job, struct pl_err *err)
{
  struct list_job *l = job->ctx;
  return pl_i2c_transfer(l->s->bus, l->list, l->count, err);
}

static enum pl_status transfer(struct setting *s, struct pl_i2c_transfer *list, size_t count, struct pl_job *result, struct pl_err *err)
{
  struct list_job l = {.job = {.run = run_list, .deadline = pl_clock_now(s->clock) + PL_S}, .s = s, .list = list, .count = count};
  l.job.ctx = &l;
  *err = (struct pl_err){0};
  enum pl_status status = pl_bus_run(s->bus, &l.job, err);
  if (result)
    *result = l.job;
  return status;
}

static void wire_time_counts_bytes_starts_and_stop(void **state)
{
  (void)state;
  struct pl_i2c_msg word[] = {{.len = 1}, {.flags = PL_I2C_READ, .len = 2}};
  struct pl_i2c_transfer read_word = {.msgs = word, .count = 2};
  /* START a c rSTART a d d STOP: 5 bytes of 9 clocks and 3 conditions, 2.5 us each */
  assert_int_equal(pl_i2c_wire_ns(&read_word, 400000), 120 * PL_US);
  assert_int_equal(pl_i2c_wire_ns(&read_word, 100000), 480 * PL_US);
  assert_int_equal(pl_i2c_wire_ns(&read_word, 0), 0);
}

static void a_transfer_is_charged_and_counted(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true);
  uint8_t command = 2, data[2] = {0};
  struct pl_i2c_msg msgs[] = {{.address = 0x40, .len = 1, .buf = &command}, {.address = 0x40, .flags = PL_I2C_READ, .len = 2, .buf = data}};
  struct pl_i2c_transfer list = {.msgs = msgs, .count = 2};
  struct pl_job job;
  struct pl_err err;
  assert_int_equal(transfer(&s, &list, 1, &job, &err), PL_OK);
  assert_int_equal(data[0], 3);
  assert_int_equal(data[1], 4);
  assert_int_equal(job.finished - job.started, 120 * PL_US);
  assert_int_equal(s.fake.deadline, PL_S);
  struct pl_bus_counters counters;
  pl_bus_counters(s.bus, &counters);
  assert_int_equal(counters.transfers, 1);
  assert_int_equal(counters.bytes, 3);
  tear_down(&s);
}

static void long_lists_are_handed_over_in_batches(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true);
  uint8_t data[5];
  struct pl_i2c_msg msgs[5];
  struct pl_i2c_transfer list[5];
  for (int i = 0; i < 5; i++) {
    msgs[i] = (struct pl_i2c_msg){.address = i == 3 ? 0x41 : i == 1 ? 0x42 : 0x40, .flags = PL_I2C_READ, .len = 1, .buf = &data[i]};
    list[i] = (struct pl_i2c_transfer){.msgs = &msgs[i], .count = 1};
  }
  struct pl_err err;
  assert_int_equal(transfer(&s, list, 5, NULL, &err), PL_E_NACK);
  assert_string_equal(err.text, "nobody acknowledged address 0x42"); /* the first, not the last */
  assert_int_equal(s.fake.calls, 3);
  assert_int_equal(s.fake.largest_batch, 2);
  assert_int_equal(list[3].status, PL_E_NACK);
  assert_int_equal(list[4].status, PL_OK);
  assert_int_equal(data[4], 3);
  tear_down(&s);
}

static void what_the_adapter_cannot_is_refused_by_name(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true);
  uint8_t data[64] = {0};
  struct pl_i2c_msg w33 = {.address = 0x40, .len = 33, .buf = data}, r17 = {.address = 0x40, .flags = PL_I2C_READ, .len = 17, .buf = data};
  struct pl_i2c_msg counted = {.address = 0x40, .flags = PL_I2C_READ | PL_I2C_RECV_LEN, .len = 16, .buf = data};
  struct pl_i2c_msg lone_pec = {.address = 0x40, .flags = PL_I2C_READ | PL_I2C_PEC, .len = 3, .buf = data};
  struct pl_i2c_msg tight = {.address = 0x40, .flags = PL_I2C_READ | PL_I2C_RECV_LEN | PL_I2C_PEC, .len = 2, .buf = data};
  struct pl_i2c_msg empty = {.address = 0x40, .flags = PL_I2C_READ, .buf = data};
  struct pl_i2c_msg two[] = {{.address = 0x40, .len = 1, .buf = data}, {.address = 0x40, .len = 1, .buf = data}};
  struct pl_i2c_msg apart[] = {{.address = 0x40, .len = 1, .buf = data}, {.address = 0x41, .flags = PL_I2C_READ, .len = 1, .buf = data}};
  const struct {
    struct pl_i2c_transfer t;
    enum pl_status status;
    const char *text;
  } rows[] = {
      {{.msgs = &w33, .count = 1}, PL_E_UNSUPPORTED, "the adapter of i2c-m1 writes at most 32 bytes a message, this one has 33"},
      {{.msgs = &r17, .count = 1}, PL_E_UNSUPPORTED, "the adapter of i2c-m1 reads at most 16 bytes a message, this one has 17"},
      {{.msgs = &counted, .count = 1},
       PL_E_UNSUPPORTED,
       "the adapter of i2c-m1 cannot read a block whose length the device tells; read a fixed length instead"},
      {{.msgs = &lone_pec, .count = 1},
       PL_E_USAGE,
       "an i2c message to 0x40 asks for a packet error code without a counted read; read a byte more instead"},
      {{.msgs = &tight, .count = 1}, PL_E_USAGE, "a counted i2c read from 0x40 needs the read flag and room for 3 bytes or more"},
      {{.msgs = &empty, .count = 1}, PL_E_USAGE, "an i2c read of 0 bytes from 0x40"},
      {{.msgs = two, .count = 2},
       PL_E_UNSUPPORTED,
       "the adapter of i2c-m1 can only write, read, or write then read one address in a transaction, not 2 messages"},
      {{.msgs = apart, .count = 2},
       PL_E_UNSUPPORTED,
       "the adapter of i2c-m1 can only write, read, or write then read one address in a transaction, not 2 messages"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct pl_i2c_transfer t = rows[i].t;
    struct pl_err err;
    assert_int_equal(transfer(&s, &t, 1, NULL, &err), rows[i].status);
    assert_string_equal(err.text, rows[i].text);
  }
  assert_int_equal(s.fake.calls, 0); /* nothing was driven */
  s.fake.caps.flags = PL_I2C_CAP_ANY_LIST | PL_I2C_CAP_RECV_LEN;
  struct pl_i2c_transfer t = {.msgs = two, .count = 2};
  struct pl_err err;
  assert_int_equal(transfer(&s, &t, 1, NULL, &err), PL_OK);
  tear_down(&s);
}

static enum pl_status run_recover(struct pl_job *job, struct pl_err *err)
{
  return pl_i2c_recover(job->ctx, err);
}

static void recovery_needs_the_cap(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true);
  struct pl_job job = {.run = run_recover, .ctx = s.bus};
  struct pl_err err = {0};
  assert_int_equal(pl_bus_run(s.bus, &job, &err), PL_E_UNSUPPORTED);
  assert_int_equal(s.fake.recovered, 0);
  s.fake.caps.flags |= PL_I2C_CAP_RECOVER;
  assert_int_equal(pl_bus_run(s.bus, &job, &err), PL_OK);
  assert_int_equal(s.fake.recovered, 1);
  tear_down(&s);
}

static enum pl_status run_many(struct pl_job *job, struct pl_err *err)
{
  struct setting *s = job->ctx;
  uint8_t data[16];
  enum pl_status status = PL_OK;
  for (int i = 0; i < 1000 && !status; i++)
    status = pl_i2c_write_read(s->bus, 0x40, NULL, 0, data, sizeof data, err);
  return status;
}

static void a_job_stops_when_its_deadline_has_passed(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true);
  struct pl_job job = {.run = run_many, .ctx = &s, .deadline = PL_MS};
  struct pl_err err = {0};
  assert_int_equal(pl_bus_run(s.bus, &job, &err), PL_E_TIMEOUT);
  assert_string_equal(err.text, "the deadline passed before the transfer");
  assert_int_equal(s.fake.calls, 3); /* 387.5 us each */
  tear_down(&s);
}

static void tell(void *ctx, const char *check, const char *why)
{
  (void)ctx;
  print_error("%s: %s\n", check, why);
}

static void the_fake_conforms(void **state)
{
  (void)state;
  for (int is_virtual = 0; is_virtual < 2; is_virtual++) {
    struct setting s;
    set_up(&s, is_virtual);
    struct pl_bus_conformance report = {.fail = tell};
    const struct pl_conformance_i2c target = {.address = 0x40, .command = 2, .absent = 0x23, .read_len = 4};
    assert_int_equal(pl_conformance_i2c(s.bus, &target, &report), 0);
    assert_true(report.checks >= 14);
    tear_down(&s);
  }
}

static void note_failure(void *ctx, const char *check, const char *why)
{
  (void)check;
  (void)why;
  ++*(size_t *)ctx;
}

static void the_suite_finds_faults(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true);
  size_t told = 0;
  struct pl_bus_conformance report = {.fail = note_failure, .ctx = &told};
  struct pl_conformance_i2c target = {.address = 0x41, .command = 2, .absent = 0x40, .read_len = 4}; /* the wrong way round */
  size_t failed = pl_conformance_i2c(s.bus, &target, &report);
  assert_true(failed >= 4);
  assert_int_equal(told, failed);
  tear_down(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(wire_time_counts_bytes_starts_and_stop),
      cmocka_unit_test(a_transfer_is_charged_and_counted),
      cmocka_unit_test(long_lists_are_handed_over_in_batches),
      cmocka_unit_test(what_the_adapter_cannot_is_refused_by_name),
      cmocka_unit_test(recovery_needs_the_cap),
      cmocka_unit_test(a_job_stops_when_its_deadline_has_passed),
      cmocka_unit_test(the_fake_conforms),
      cmocka_unit_test(the_suite_finds_faults),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_I2C_TEST_FAKE_WIRE_H
#define PL_DEVICE_I2C_TEST_FAKE_WIRE_H

/*
 * For unit tests only: one twin on an I2C bus of its own in virtual time, its ports plain arrays that the test sets and reads. The frames go through
 * the strict parser of fixtures/twin/wire. A header, since what stands in a .c file belongs to the product; it defines the functions that
 * fixtures/twin has in the product, so that a test with it must not link those (NEEDS_ in its module.mk).
 */
#include "drivers/bus/i2c.h"
#include "drivers/device/device.h"
#include "drivers/device/twin.h"
#include "fixtures/twin/wire/smbus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define FAKE_PORTS 16
#define FAKE_PARAMS 16

struct pl_twin_io {
  double in[FAKE_PORTS], out[FAKE_PORTS];
  struct pl_clock *clock;
  uint64_t random;
  const char *(*part_text)(const char *key); /* NULL: its part says nothing */
};

const char *pl_twin_part_text(struct pl_twin_io *io, const char *key)
{
  return io->part_text ? io->part_text(key) : NULL;
}

struct fake {
  struct pl_clock *clock;
  struct pl_bus *bus;
  const struct pl_device_desc *desc;
  const struct pl_twin_desc *twin_desc;
  struct pl_value items[FAKE_PARAMS];
  struct pl_values values;
  struct pl_shape shape;
  struct pl_twin_io io;
  void *twin, *self;
  struct pl_smbus_slave slave, *slaves[1];
  struct pl_wire_faults faults;
  struct pl_i2c_caps caps;
  /* what went over the wire */
  unsigned transfers;
  uint8_t codes[1024];       /* the first byte written of each; begins again when full */
  unsigned bad_pec_reads;    /* this many reads to come end with a wrong byte */
  unsigned spoil_writes;     /* this many writes to come lose a bit of their last byte */
  uint8_t counts_to;         /* counted reads of more end after the count, as adapters of SMBus 2.0 do; 0: any */
  struct pl_err err;         /* of the last fake_ call */
};

double pl_twin_in(struct pl_twin_io *io, size_t port)
{
  assert_in_range(port, 0, FAKE_PORTS - 1);
  return io->in[port];
}

void pl_twin_out(struct pl_twin_io *io, size_t port, double value)
{
  assert_in_range(port, 0, FAKE_PORTS - 1);
  io->out[port] = value;
}

double pl_twin_out_value(struct pl_twin_io *io, size_t port)
{
  return io->out[port];
}

pl_time_ns pl_twin_now(struct pl_twin_io *io)
{
  return pl_clock_now(io->clock);
}

uint32_t pl_twin_random(struct pl_twin_io *io)
{
  return (uint32_t)pl_random_next(&io->random);
}

static inline const struct pl_i2c_caps *fake_caps(void *self)
{
  return &((struct fake *)self)->caps;
}

static inline enum pl_status fake_transfer(void *self, struct pl_i2c_transfer *list, size_t count, pl_time_ns deadline, struct pl_err *err)
{
  struct fake *fake = self;
  enum pl_status first = PL_OK;
  (void)deadline;
  for (size_t i = 0; i < count; i++) {
    struct pl_i2c_msg *front = &list[i].msgs[0], *last = &list[i].msgs[list[i].count - 1];
    pl_time_ns stretch = 0;
    bool write = !(last->flags & PL_I2C_READ);
    fake->codes[fake->transfers++ % sizeof fake->codes] = front->len && !(front->flags & PL_I2C_READ) ? front->buf[0] : 0;
    if (write && fake->spoil_writes && last->len) {
      fake->spoil_writes--;
      last->buf[last->len - 1] ^= 0x10;
    }
    enum pl_status status = pl_smbus_serve(fake->slaves, 1, &list[i], &stretch, first ? NULL : err);
    if (!write && status == PL_OK && fake->counts_to && last->flags & PL_I2C_RECV_LEN && last->buf[0] > fake->counts_to) {
      fake->twin_desc->smbus_refused(fake->slave.self, front->buf[0], PL_SMBUS_TOO_FEW);
      status = list[i].status = pl_fail(first ? NULL : err, PL_E_GARBAGE, "the fake adapter counts to %u", fake->counts_to);
    }
    if (!write && status == PL_OK && fake->bad_pec_reads && last->len > 1) {
      fake->bad_pec_reads--;
      last->buf[last->len - 1] ^= 0x01;
    }
    list[i].wire_ns = pl_i2c_wire_ns(&list[i], fake->caps.speed_hz) + stretch;
    if (!first)
      first = status;
  }
  return first;
}

static const struct pl_i2c_ops fake_ops = {.caps = fake_caps, .transfer = fake_transfer};

/* Values as a rig would give them: text by row, NULL for its fallback. */
static inline void fake_values(struct fake *fake, const struct pl_param *params, size_t count, const char *const *texts)
{
  assert_in_range(count, 0, FAKE_PARAMS);
  for (size_t i = 0; i < count; i++) {
    const char *text = texts && texts[i] ? texts[i] : params[i].fallback;
    fake->items[i] = (struct pl_value){.param = &params[i]};
    if (text && pl_value_parse(&params[i], text, &fake->items[i], &fake->err) != PL_OK)
      fail_msg("%s", fake->err.text);
  }
  fake->values = (struct pl_values){.items = fake->items, .count = count};
}

static inline void fake_bus(struct fake *fake, uint8_t address)
{
  assert_int_equal(pl_clock_new_virtual(0, &fake->clock, &fake->err), PL_OK);
  assert_int_equal(pl_bus_new("i2c-test", PL_BUS_I2C, fake->clock, &fake->bus, &fake->err), PL_OK);
  fake->caps = (struct pl_i2c_caps){.flags = PL_I2C_CAP_ANY_LIST | PL_I2C_CAP_RECV_LEN, .max_batch = 1, .speed_hz = 400000};
  pl_bus_attach(fake->bus, &fake_ops, fake, NULL, true);
  fake->io.clock = fake->clock;
  fake->slave = (struct pl_smbus_slave){
      .desc = fake->twin_desc, .self = fake->twin, .name = "device", .address = address, .faults = &fake->faults, .pointer = -1};
  fake->slaves[0] = &fake->slave;
}

/* A driver and its twin; texts: the params by row. */
static inline struct fake *fake_open(const struct pl_device_desc *desc, const struct pl_twin_desc *twin, const char *const *texts)
{
  struct fake *fake = calloc(1, sizeof *fake);
  assert_non_null(fake);
  fake->desc = desc;
  fake->twin_desc = twin;
  fake_values(fake, desc->params, desc->n_params, texts);
  fake_bus(fake, (uint8_t)pl_value(&fake->values, "address")->number);
  for (size_t i = 0; i < twin->n_ports; i++)
    fake->io.out[i] = twin->ports[i].out ? twin->ports[i].initial : 0;
  struct pl_twin_args twin_args = {.device = "device", .values = &fake->values, .io = &fake->io, .serial = "SN-TEST-1"};
  assert_int_equal(twin->create(&twin_args, &fake->twin, &fake->err), PL_OK);
  fake->slave.self = fake->twin;
  fake->shape = (struct pl_shape){.quantities = desc->quantities, .count = desc->n_quantities};
  if (desc->shape)
    assert_int_equal(desc->shape(&fake->values, &fake->shape, &fake->err), PL_OK);
  struct pl_device_args args = {.name = "device", .bus = fake->bus, .values = &fake->values, .shape = &fake->shape};
  assert_int_equal(desc->open(&args, &fake->self, &fake->err), PL_OK);
  return fake;
}

static inline void fake_close(struct fake *fake)
{
  if (fake->self)
    fake->desc->close(fake->self);
  if (fake->twin)
    fake->twin_desc->destroy(fake->twin);
  pl_bus_free(fake->bus);
  pl_clock_free(fake->clock);
  free(fake);
}

/* Lets virtual time pass, with a step of the world every `every`. */
static inline void fake_pass(struct fake *fake, pl_time_ns time, pl_time_ns every)
{
  pl_time_ns end = pl_clock_now(fake->clock) + time;
  for (pl_time_ns at = pl_clock_now(fake->clock) + every; at <= end; at += every) {
    while (pl_clock_step(fake->clock, at))
      continue;
    if (fake->twin_desc->tick)
      fake->twin_desc->tick(fake->twin, at);
  }
}

static inline size_t fake_port(const struct fake *fake, const char *name)
{
  for (size_t i = 0; i < fake->twin_desc->n_ports; i++)
    if (!strcmp(fake->twin_desc->ports[i].name, name))
      return i;
  fail_msg("no port %s", name);
  return 0;
}

static inline void fake_in(struct fake *fake, const char *port, double value)
{
  fake->io.in[fake_port(fake, port)] = value;
}

static inline double fake_out(struct fake *fake, const char *port)
{
  return fake->io.out[fake_port(fake, port)];
}

/* --- one call of the driver in a job --- */

struct fake_call {
  struct fake *fake;
  const struct pl_quantity *quantity;
  struct pl_reading reading;
  int64_t value_u;
  struct pl_identity *identity;
  struct pl_faults *faults;
  enum pl_status (*free_form)(struct fake *fake, void *ctx, struct pl_err *err);
  void *ctx;
};

static inline enum pl_status fake_job(struct pl_job *job, struct pl_err *err)
{
  struct fake_call *call = job->ctx;
  struct fake *fake = call->fake;
  if (call->free_form)
    return call->free_form(fake, call->ctx, err);
  if (call->identity)
    return fake->desc->identify(fake->self, call->identity, err);
  if (call->faults)
    return fake->desc->faults(fake->self, call->faults, err);
  if (call->quantity && call->reading.dim == PL_DIM_COUNT)
    return fake->desc->set(fake->self, call->quantity, call->value_u, err);
  if (call->quantity)
    return fake->desc->get(fake->self, call->quantity, &call->reading, err);
  return fake->desc->probe(fake->self, err);
}

static inline enum pl_status fake_run(struct fake *fake, struct fake_call *call)
{
  struct pl_job job = {.run = fake_job, .ctx = call, .deadline = pl_clock_now(fake->clock) + PL_S};
  call->fake = fake;
  fake->err = (struct pl_err){0};
  return pl_bus_run(fake->bus, &job, &fake->err);
}

static inline enum pl_status fake_do(struct fake *fake, enum pl_status (*fn)(struct fake *fake, void *ctx, struct pl_err *err), void *ctx)
{
  return fake_run(fake, &(struct fake_call){.free_form = fn, .ctx = ctx});
}

static inline const struct pl_quantity *fake_quantity(const struct fake *fake, const char *name)
{
  for (size_t i = 0; i < fake->desc->n_quantities; i++)
    if (!strcmp(fake->desc->quantities[i].name, name))
      return &fake->desc->quantities[i];
  fail_msg("no quantity %s", name);
  return NULL;
}

static inline enum pl_status fake_try_get(struct fake *fake, const char *name, int64_t *value_u)
{
  struct fake_call call = {.quantity = fake_quantity(fake, name)};
  enum pl_status status = fake_run(fake, &call);
  if (status == PL_OK) {
    assert_int_equal(call.reading.status, PL_OK);
    assert_int_equal(call.reading.dim, call.quantity->dim);
    *value_u = call.reading.value_u;
  }
  return status;
}

static inline int64_t fake_get(struct fake *fake, const char *name)
{
  int64_t value_u = 0;
  enum pl_status status = fake_try_get(fake, name, &value_u);
  for (int i = 0; status == PL_E_BUSY && i < 1000; i++) { /* as every caller does */
    fake_pass(fake, PL_MS, PL_MS);
    status = fake_try_get(fake, name, &value_u);
  }
  if (status != PL_OK)
    fail_msg("%s: %s", name, fake->err.text);
  return value_u;
}

static inline enum pl_status fake_try_set(struct fake *fake, const char *name, int64_t value_u)
{
  return fake_run(fake, &(struct fake_call){.quantity = fake_quantity(fake, name), .value_u = value_u, .reading = {.dim = PL_DIM_COUNT}});
}

static inline void fake_set(struct fake *fake, const char *name, int64_t value_u)
{
  if (fake_try_set(fake, name, value_u) != PL_OK)
    fail_msg("%s: %s", name, fake->err.text);
}

static inline enum pl_status fake_probe(struct fake *fake)
{
  return fake_run(fake, &(struct fake_call){0});
}

static inline bool fake_has_fault(struct fake *fake, const char *name)
{
  struct pl_faults faults = {.count = 0};
  if (fake_run(fake, &(struct fake_call){.faults = &faults}) != PL_OK)
    fail_msg("%s", fake->err.text);
  for (size_t i = 0; i < faults.count; i++)
    if (!strcmp(faults.names[i], name))
      return true;
  return false;
}

static inline size_t fake_faults(struct fake *fake)
{
  struct pl_faults faults = {.count = 0};
  if (fake_run(fake, &(struct fake_call){.faults = &faults}) != PL_OK)
    fail_msg("%s", fake->err.text);
  return faults.count;
}

#endif

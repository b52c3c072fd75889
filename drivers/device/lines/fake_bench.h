/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_LINES_FAKE_BENCH_H
#define PL_DEVICE_LINES_FAKE_BENCH_H

/* For the tests of single devices: a driver on a real bus in virtual time, whose adapter goes straight to the device's twin. The world is an
 * array of port values. Included by one test program each; links with neither the registry nor fixtures/twin. */

#include "drivers/bus/gpio.h"
#include "drivers/device/device.h"
#include "drivers/device/twin.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>

#include <cmocka.h>

#define FAKE_LINES 8
#define FAKE_PORTS 64

struct pl_twin_io {
  double in[FAKE_PORTS], out[FAKE_PORTS];
  pl_time_ns now;
};

double pl_twin_in(struct pl_twin_io *io, size_t port)
{
  assert_true(port < FAKE_PORTS);
  return io->in[port];
}

void pl_twin_out(struct pl_twin_io *io, size_t port, double value)
{
  assert_true(port < FAKE_PORTS);
  io->out[port] = value;
}

double pl_twin_out_value(struct pl_twin_io *io, size_t port)
{
  assert_true(port < FAKE_PORTS);
  return io->out[port];
}

pl_time_ns pl_twin_now(struct pl_twin_io *io)
{
  return io->now;
}

uint32_t pl_twin_random(struct pl_twin_io *io)
{
  (void)io;
  return 4; /* chosen by fair dice roll; no twin under test draws */
}

struct fake_line {
  size_t param;
  bool used, output, active_low, edges;
  bool driven;        /* output: the physical level that the bench drives */
  uint64_t pulses;    /* told to the bus so far */
};

struct fake_bench {
  struct pl_clock *clock;
  struct pl_bus *bus;
  const struct pl_device_desc *desc;
  const struct pl_twin_desc *twin_desc;
  struct pl_value items[FAKE_LINES];
  struct pl_values values;
  struct pl_shape shape;
  struct pl_twin_io io;
  void *device, *twin;
  struct fake_line lines[FAKE_LINES]; /* by handle */
  enum pl_status broken;              /* what every transfer fails with; PL_OK: none does */
  unsigned caps;
  bool observe;
  uint64_t only;           /* as pl_device_args.only */
  int requests;            /* lines asked for */
  bool levels[FAKE_LINES]; /* by param: what is on the output before it is requested */
  int drives;              /* times that an output was driven */
};

/* --- the adapter --- */

static inline unsigned fake_caps(void *self)
{
  return ((struct fake_bench *)self)->caps;
}

static inline enum pl_status fake_request(void *self, const struct pl_gpio_line *line, int handle, struct pl_err *err)
{
  struct fake_bench *bench = self;
  assert_in_range(handle, 0, FAKE_LINES - 1);
  bench->requests++;
  for (size_t i = 0; i < bench->values.count; i++) {
    const struct pl_value *value = &bench->items[i];
    if (value->given && value->param->kind == PL_PARAM_LINE && (line->name != NULL ? strcmp(line->name,
                                                                                            value->text) == 0 : line->offset == (int)value->number)) {
      assert_int_equal(line->active_low, value->active_low);
      bench->lines[handle] = (struct fake_line){.param = i, .used = true, .output = line->output, .active_low = line->active_low, .edges = line->edges};
      bench->lines[handle].driven = line->as_is ? bench->levels[i] : line->initial != line->active_low;
      if (line->output && !line->as_is) {
        bench->drives++;
        bench->twin_desc->line_driven(bench->twin, i, bench->lines[handle].driven);
      }
      return PL_OK;
    }
  }
  return pl_fail(err, PL_E_USAGE, "no such line");
}

static inline enum pl_status fake_get(void *self, const int *handles, size_t count, bool *values, struct pl_err *err)
{
  struct fake_bench *bench = self;
  if (bench->broken != PL_OK) {
    return pl_fail(err, bench->broken, "the fake adapter is broken");
  }
  for (size_t i = 0; i < count; i++) {
    const struct fake_line *line = &bench->lines[handles[i]];
    bool level = line->output ? line->driven : bench->twin_desc->line_level(bench->twin, line->param);
    values[i] = level != line->active_low;
  }
  return PL_OK;
}

static inline enum pl_status fake_set(void *self, const int *handles, size_t count, const bool *values, struct pl_err *err)
{
  struct fake_bench *bench = self;
  if (bench->broken != PL_OK) {
    return pl_fail(err, bench->broken, "the fake adapter is broken");
  }
  for (size_t i = 0; i < count; i++) {
    struct fake_line *line = &bench->lines[handles[i]];
    line->driven = values[i] != line->active_low;
    bench->drives++;
    bench->twin_desc->line_driven(bench->twin, line->param, line->driven);
  }
  pl_bus_charge(bench->bus, 100 * PL_US);
  return PL_OK;
}

/* --- the bench --- */

/* texts: one a param of the driver, NULL for an absent key. Returns the status of the driver's open. */
static inline enum pl_status fake_open(struct fake_bench *bench, const struct pl_device_desc *desc, const struct pl_twin_desc *twin_desc,
                                       const char *const *texts,
                                       struct pl_err *err)
{
  static const struct pl_gpio_ops ops = {.caps = fake_caps, .request = fake_request, .get = fake_get, .set = fake_set};
  bench->desc = desc;
  bench->twin_desc = twin_desc;
  if (bench->caps == 0) {
    bench->caps = PL_GPIO_CAP_EDGES | PL_GPIO_CAP_NAMES;
  }
  assert_in_range(desc->n_params, 1, FAKE_LINES);
  for (size_t i = 0; i < desc->n_params; i++) {
    const char *text = texts[i] != NULL ? texts[i] : desc->params[i].fallback;
    bench->items[i] = (struct pl_value){.param = &desc->params[i]};
    if (text != NULL) {
      assert_int_equal(pl_value_parse(&desc->params[i], text, &bench->items[i], err), PL_OK);
    }
  }
  bench->values = (struct pl_values){.items = bench->items, .count = desc->n_params};
  bench->shape = (struct pl_shape){.quantities = desc->quantities, .count = desc->n_quantities};
  assert_int_equal(pl_clock_new_virtual(0, &bench->clock, err), PL_OK);
  assert_int_equal(pl_bus_new("lines", PL_BUS_GPIO, bench->clock, &bench->bus, err), PL_OK);
  pl_bus_attach(bench->bus, &ops, bench, NULL, true);
  const struct pl_twin_args twin_args = {.device = "under-test", .values = &bench->values, .io = &bench->io, .serial = "PL0001"};
  assert_int_equal(twin_desc->create(&twin_args, &bench->twin, err), PL_OK);
  const struct pl_device_args args = {.name = "under-test", .bus = bench->bus, .values = &bench->values, .shape = &bench->shape, .observe = bench->observe,
                                      .only = bench->only};
  return desc->open(&args, &bench->device, err);
}

static inline void fake_close(struct fake_bench *bench)
{
  if (bench->device != NULL) {
    bench->desc->close(bench->device);
  }
  bench->twin_desc->destroy(bench->twin);
  pl_bus_free(bench->bus);
  pl_clock_free(bench->clock);
}

static inline const struct pl_quantity *fake_quantity(const struct fake_bench *bench, const char *name)
{
  for (size_t i = 0; i < bench->shape.count; i++) {
    if (strcmp(bench->shape.quantities[i].name, name) == 0) {
      return &bench->shape.quantities[i];
    }
  }
  fail_msg("no quantity %s", name);
  return NULL;
}

struct fake_call {
  struct fake_bench *bench;
  const struct pl_quantity *quantity;
  struct pl_reading reading;
  int64_t value_u;
  struct pl_faults faults;
};

static inline enum pl_status fake_run_get(struct pl_job *job, struct pl_err *err)
{
  struct fake_call *call = job->ctx;
  return call->bench->desc->get(call->bench->device, call->quantity, &call->reading, err);
}

static inline enum pl_status fake_run_set(struct pl_job *job, struct pl_err *err)
{
  struct fake_call *call = job->ctx;
  return call->bench->desc->set(call->bench->device, call->quantity, call->value_u, err);
}

static inline enum pl_status fake_run_faults(struct pl_job *job, struct pl_err *err)
{
  struct fake_call *call = job->ctx;
  return call->bench->desc->faults(call->bench->device, &call->faults, err);
}

static inline enum pl_status fake_run_probe(struct pl_job *job, struct pl_err *err)
{
  struct fake_call *call = job->ctx;
  return call->bench->desc->probe(call->bench->device, err);
}

static inline enum pl_status fake_run(struct fake_bench *bench, enum pl_status (*run)(struct pl_job *job, struct pl_err *err), struct fake_call *call,
                                      struct pl_err *err)
{
  struct pl_job job = {.run = run, .ctx = call, .deadline = pl_clock_now(bench->clock) + PL_S};
  *err = (struct pl_err){0};
  return pl_bus_run(bench->bus, &job, err);
}

static inline enum pl_status fake_read(struct fake_bench *bench, const char *name, int64_t *value_u, struct pl_err *err)
{
  struct fake_call call = {.bench = bench, .quantity = fake_quantity(bench, name)};
  enum pl_status status = fake_run(bench, fake_run_get, &call, err);
  if (status == PL_OK) {
    assert_int_equal(call.reading.status, PL_OK);
    assert_int_equal(call.reading.dim, call.quantity->dim);
    *value_u = call.reading.value_u;
  }
  return status;
}

static inline enum pl_status fake_write(struct fake_bench *bench, const char *name, int64_t value_u, struct pl_err *err)
{
  struct fake_call call = {.bench = bench, .quantity = fake_quantity(bench, name), .value_u = value_u};
  return fake_run(bench, fake_run_set, &call, err);
}

static inline bool fake_flag(struct fake_bench *bench, const char *name)
{
  struct pl_err err = {0};
  int64_t value_u = -1;
  assert_int_equal(fake_read(bench, name, &value_u, &err), PL_OK);
  assert_true(value_u == 0 || value_u == PL_U);
  return value_u == PL_U;
}

static inline void fake_edges(struct fake_bench *bench, const char *name, struct pl_gpio_edges *edges)
{
  struct pl_err err = {0};
  assert_int_equal(bench->desc->edges(bench->device, fake_quantity(bench, name), edges, &err), PL_OK);
}

static inline void fake_fire(void *ctx, pl_time_ns now)
{
  (void)now;
  *(bool *)ctx = true;
}

/* Lets the clock run to `at`, then steps the twin. */
static inline void fake_advance(struct fake_bench *bench, pl_time_ns at)
{
  bool fired = false;
  struct pl_timer timer = {.fire = fake_fire, .ctx = &fired};
  pl_clock_arm(bench->clock, &timer, at);
  while (!fired) {
    pl_clock_step(bench->clock, at);
  }
  bench->io.now = at;
  if (bench->twin_desc->tick != NULL) {
    bench->twin_desc->tick(bench->twin, at);
  }
  for (int i = 0; i < FAKE_LINES; i++) {
    struct fake_line *line = &bench->lines[i];
    if (line->used && line->edges && bench->twin_desc->line_pulses != NULL) {
      pl_time_ns last = PL_NEVER;
      uint64_t total = bench->twin_desc->line_pulses(bench->twin, line->param, &last);
      if (total > line->pulses) {
        pl_gpio_edge(bench->bus, i, true, total - line->pulses, last);
        line->pulses = total;
      }
    }
  }
}

#endif

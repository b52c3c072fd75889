/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_USB_TEST_H
#define PL_BUS_USB_TEST_H

/* What the tests of USB adapters share: a bus opened from a few words of YAML on a real clock, and jobs of one call. Includes cmocka. */
#include "drivers/base/conf.h"
#include "drivers/bus/adapter.h"
#include "drivers/bus/conformance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

/* Group set-up and tear-down: locks of the test's own, so that what runs beside it on this machine does not matter. */
static char usb_test_locks[64];

static inline int own_locks(void **state)
{
  (void)state;
  snprintf(usb_test_locks, sizeof usb_test_locks, "/tmp/plumbline-locks-XXXXXX");
  return mkdtemp(usb_test_locks) && setenv("PLUMBLINE_LOCK_DIR", usb_test_locks, 1) == 0 ? 0 : -1;
}

static inline int remove_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
  (void)st;
  (void)kind;
  (void)ftw;
  return remove(path);
}

static inline int drop_locks(void **state)
{
  (void)state;
  return nftw(usb_test_locks, remove_file, 8, FTW_DEPTH | FTW_PHYS);
}

struct bench { /* buses of one program: one clock, one table of shared chips */
  struct pl_clock *clock;
  struct pl_share *share;
};

struct opened { /* one bus */
  struct pl_conf *conf;
  struct pl_values values;
  struct pl_bus *bus;
};

static inline void bench_open(struct bench *bench)
{
  struct pl_err err = {0};
  assert_int_equal(pl_clock_new_real(&bench->clock, &err), PL_OK);
  assert_int_equal(pl_share_new(&bench->share, &err), PL_OK);
}

static inline void bench_close(struct bench *bench)
{
  pl_share_free(bench->share);
  pl_clock_free(bench->clock);
}

static inline void bus_close(struct opened *o)
{
  pl_bus_free(o->bus);
  free((void *)(uintptr_t)o->values.items);
  pl_conf_free(o->conf);
  *o = (struct opened){0};
}

/* yaml: "serial: A" */
static inline enum pl_status bus_open(struct bench *bench, const struct pl_adapter_desc *desc, const char *yaml, struct opened *o, struct pl_err *err)
{
  *o = (struct opened){0};
  *err = (struct pl_err){0};
  assert_int_equal(pl_conf_parse("test", yaml, strlen(yaml), &o->conf, err), PL_OK);
  assert_int_equal(pl_node_values(o->conf, pl_conf_root(o->conf), desc->params, desc->n_params, &o->values, err), PL_OK);
  assert_int_equal(pl_bus_new("bus-under-test", desc->kind, bench->clock, &o->bus, err), PL_OK);
  struct pl_adapter_args args = {.bus_name = "bus-under-test", .values = &o->values, .share = bench->share};
  enum pl_status status = desc->open(o->bus, &args, err);
  if (status)
    bus_close(o);
  return status;
}

static inline void bus_open_well(struct bench *bench, const struct pl_adapter_desc *desc, const char *yaml, struct opened *o)
{
  struct pl_err err;
  if (bus_open(bench, desc, yaml, o, &err))
    fail_msg("%s", err.text);
}

struct i2c_call {
  struct pl_bus *bus;
  struct pl_i2c_msg *msgs;
  size_t count;
};

static inline enum pl_status run_i2c(struct pl_job *job, struct pl_err *err)
{
  struct i2c_call *call = job->ctx;
  struct pl_i2c_transfer t = {.msgs = call->msgs, .count = call->count};
  return pl_i2c_transfer(call->bus, &t, 1, err);
}

static inline enum pl_status i2c_within(struct opened *o, struct pl_i2c_msg *msgs, size_t count, pl_time_ns within, struct pl_err *err)
{
  struct i2c_call call = {o->bus, msgs, count};
  struct pl_job job = {.run = run_i2c, .ctx = &call, .deadline = pl_clock_now(pl_bus_clock(o->bus)) + within};
  *err = (struct pl_err){0};
  return pl_bus_run(o->bus, &job, err);
}

static inline enum pl_status i2c_write(struct opened *o, uint8_t address, const uint8_t *bytes, size_t len, struct pl_err *err)
{
  struct pl_i2c_msg msg = {.address = address, .len = (uint16_t)len, .buf = (uint8_t *)(uintptr_t)bytes};
  return i2c_within(o, &msg, 1, 2 * PL_S, err);
}

static inline enum pl_status i2c_read_at(struct opened *o, uint8_t address, uint8_t at, uint8_t *bytes, size_t len, struct pl_err *err)
{
  struct pl_i2c_msg msgs[] = {{.address = address, .len = 1, .buf = &at}, {.address = address, .flags = PL_I2C_READ, .len = (uint16_t)len, .buf = bytes}};
  return i2c_within(o, msgs, 2, 2 * PL_S, err);
}

struct gpio_call {
  struct pl_bus *bus;
  const int *handles;
  bool *values;
  size_t count;
  bool set;
};

static inline enum pl_status run_gpio(struct pl_job *job, struct pl_err *err)
{
  struct gpio_call *call = job->ctx;
  return call->set ? pl_gpio_set(call->bus, call->handles, call->count, call->values, err) : pl_gpio_get(call->bus, call->handles, call->count, call->values, err);
}

static inline enum pl_status gpio_call(struct opened *o, bool set, const int *handles, bool *values, size_t count, struct pl_err *err)
{
  struct gpio_call call = {o->bus, handles, values, count, set};
  struct pl_job job = {.run = run_gpio, .ctx = &call, .deadline = pl_clock_now(pl_bus_clock(o->bus)) + 2 * PL_S};
  *err = (struct pl_err){0};
  return pl_bus_run(o->bus, &job, err);
}

static inline bool gpio_read(struct opened *o, int handle)
{
  struct pl_err err;
  bool value = false;
  if (gpio_call(o, false, &handle, &value, 1, &err))
    fail_msg("%s", err.text);
  return value;
}

static inline void gpio_write(struct opened *o, int handle, bool value)
{
  struct pl_err err;
  if (gpio_call(o, true, &handle, &value, 1, &err))
    fail_msg("%s", err.text);
}

static inline int gpio_line(struct opened *o, struct pl_gpio_line line)
{
  struct pl_err err = {0};
  int handle = -1;
  line.consumer = "test";
  if (line.name)
    line.offset = -1;
  if (pl_gpio_request(o->bus, &line, &handle, &err))
    fail_msg("%s", err.text);
  return handle;
}

static inline void tell_failure(void *ctx, const char *check, const char *why)
{
  (void)ctx;
  print_error("%s: %s\n", check, why);
}

/* Steps the loop until the bus is back: it looks for its adapter by itself. */
static inline void await_return(struct opened *o)
{
  struct pl_clock *clock = pl_bus_clock(o->bus);
  for (pl_time_ns end = pl_clock_now(clock) + 5 * PL_S; pl_bus_is_lost(o->bus);)
    assert_true(pl_clock_step(clock, end));
}

/* --- a device of 256 bytes on a fake chip's wire: the first byte written is where --- */
struct memory {
  uint8_t address, at, bytes[256];
  int writes, reads; /* messages */
};

static inline bool memory_write(struct memory *m, uint8_t address, const uint8_t *bytes, size_t len)
{
  if (address != m->address)
    return false;
  m->writes++;
  for (size_t i = 0; i < len; i++)
    if (i)
      m->bytes[m->at++] = bytes[i];
    else
      m->at = bytes[0];
  return true;
}

static inline bool memory_read(struct memory *m, uint8_t address, uint8_t *bytes, size_t len)
{
  if (address != m->address)
    return false;
  m->reads++;
  for (size_t i = 0; i < len; i++)
    bytes[i] = m->bytes[m->at++];
  return true;
}

#endif

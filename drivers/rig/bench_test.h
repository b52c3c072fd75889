/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_RIG_BENCH_TEST_H
#define PL_RIG_BENCH_TEST_H

/* What the bench's tests stand on: a rack, a proxy, adapters and a driver that only take notes. The whole of a program's tables: for one file of a program. */
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/bus/i2c.h"
#include "drivers/device/device.h"
#include "drivers/device/twin.h"
#include "drivers/rig/bench.h"

static atomic_int slow; /* 1: the next set is slow; 2: it has begun */
static atomic_int hangs; /* 1: sets of psu-a do not come back while it is so */

/* What the stand-ins saw, in order, and what they shall do. */
static struct {
  char log[4096];
  const char *fail_bus, *fail_device, *dead, *stiff; /* by name */
  bool refuse_faults, unplugged, held;
  int failures; /* sets that fail before one works, of any device */
  enum pl_status failure;
  int recoveries;
  int open; /* buses, devices and backends that are open now */
} seen;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
  size_t used = strlen(seen.log);
  va_list args;
  va_start(args, format);
  vsnprintf(seen.log + used, sizeof seen.log - used, format, args);
  va_end(args);
}

static bool is(const char *wanted, const char *name)
{
  return wanted && !strcmp(wanted, name);
}

/* --- a virtual rack --- */

struct pl_backend {
  int nothing;
};
static struct pl_backend rack;

static enum pl_status rack_open(const struct pl_rig *rig, struct pl_clock *clock, uint64_t seed, bool all_virtual, struct pl_backend **backend, struct pl_err *err)
{
  (void)err;
  assert_non_null(clock);
  note("rack %s seed %d%s; ", rig->name, (int)seed, all_virtual ? " all" : "");
  seen.open++;
  *backend = &rack;
  return PL_OK;
}

static void rack_close(struct pl_backend *backend)
{
  assert_ptr_equal(backend, &rack);
  note("rack closed; ");
  seen.open--;
}

static enum pl_status rack_plant(struct pl_backend *backend, const char *spec, struct pl_err *err)
{
  assert_ptr_equal(backend, &rack);
  if (seen.refuse_faults)
    return pl_fail(err, PL_E_USAGE, "no such fault");
  note("fault %s; ", spec);
  return PL_OK;
}

static void proxy_close(struct pl_backend *backend)
{
  assert_ptr_equal(backend, &rack);
  seen.open--;
}

static enum pl_status proxy_attach(struct pl_backend *backend, struct pl_bus *bus, const struct pl_rig_bus *as, struct pl_err *err)
{
  (void)backend;
  (void)bus;
  (void)as;
  (void)err;
  return PL_OK;
}

static void proxy_bypass(struct pl_backend *backend, const struct pl_rig_bus *as, bool on)
{
  assert_ptr_equal(backend, &rack);
  note("%s %s; ", as->name, on ? "bypassed" : "proxied");
}

static enum pl_status proxy_open(const struct pl_rig *rig, struct pl_clock *clock, uint64_t seed, bool all_virtual, struct pl_backend **backend, struct pl_err *err)
{
  return rack_open(rig, clock, seed, all_virtual, backend, err);
}

static struct pl_backend_desc PROXY = {.name = "no proxy", .open = proxy_open, .close = proxy_close, .attach = proxy_attach, .bypass = proxy_bypass};
static const struct pl_backend_desc RACK = {.name = "twin", .open = rack_open, .close = rack_close, .plant = rack_plant};

/* --- adapters --- */

static void adapter_close(void *self)
{
  note("-%s; ", (const char *)self);
  seen.open--;
}

static const struct pl_i2c_caps *adapter_caps(void *self)
{
  static const struct pl_i2c_caps CAPS = {.flags = PL_I2C_CAP_RECOVER, .max_batch = 1};
  (void)self;
  return &CAPS;
}

static enum pl_status adapter_recover(void *self, struct pl_err *err)
{
  (void)self;
  (void)err;
  seen.recoveries++;
  return PL_OK;
}

static enum pl_status adapter_reopen(void *self, struct pl_err *err)
{
  if (seen.unplugged)
    return pl_fail(err, PL_E_GONE, "not plugged");
  note("%s again; ", (const char *)self);
  return PL_OK;
}

static enum pl_status adapter_open(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err, const char *adapter)
{
  static const struct pl_i2c_ops OPS = {.caps = adapter_caps, .recover = adapter_recover};
  if (is(seen.fail_bus, args->bus_name))
    return pl_fail(err, PL_E_GONE, "not plugged");
  if (seen.held)
    return pl_fail(err, PL_E_LOCKED, "held by another program");
  assert_string_equal(pl_bus_name(bus), args->bus_name);
  note("%s by %s", args->bus_name, adapter);
  for (size_t i = 0; i < args->values->count; i++)
    if (args->values->items[i].given)
      note(" %s=%s", args->values->items[i].param->name, args->values->items[i].text);
  note("%s; ", args->backend ? "" : " alone");
  pl_bus_attach(bus, &OPS, (void *)(uintptr_t)args->bus_name, adapter_close, true);
  pl_bus_set_reopen(bus, adapter_reopen);
  seen.open++;
  return PL_OK;
}

#define OPENS(name, adapter)                                                                             \
  static enum pl_status name(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err) \
  { return adapter_open(bus, args, err, adapter); }
OPENS(open_twin, "twin")
OPENS(open_linux, "linux-i2c")
OPENS(open_rtu, "modbus-rtu")
OPENS(open_tcp, "modbus-tcp")

static const struct pl_param TWIN_PARAMS[] = {{.name = "speed", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_FREQUENCY, .fallback = "100 kHz"}};
static const struct pl_param LINUX_PARAMS[] = {{.name = "device", .kind = PL_PARAM_TEXT, .required = true},
                                               {.name = "speed", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_FREQUENCY}};
static const struct pl_param RTU_PARAMS[] = {{.name = "port", .kind = PL_PARAM_TEXT, .required = true}};
static const struct pl_param TCP_PARAMS[] = {{.name = "host", .kind = PL_PARAM_TEXT, .required = true},
                                             {.name = "port", .kind = PL_PARAM_INT, .fallback = "502", .min = 1, .max = 65535}};

static const struct pl_adapter_desc ADAPTERS[] = {
    {.name = "twin", .kind = PL_BUS_I2C, .is_virtual = true, .params = TWIN_PARAMS, .n_params = 1, .open = open_twin},
    {.name = "linux-i2c", .kind = PL_BUS_I2C, .params = LINUX_PARAMS, .n_params = 2, .open = open_linux},
    {.name = "modbus-rtu", .kind = PL_BUS_MODBUS, .params = RTU_PARAMS, .n_params = 1, .open = open_rtu},
    {.name = "modbus-tcp", .kind = PL_BUS_MODBUS, .params = TCP_PARAMS, .n_params = 2, .open = open_tcp},
};

/* --- a driver --- */

static enum pl_status fake_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  if (is(seen.fail_device, args->name))
    return pl_fail(err, PL_E_UNSUPPORTED, "cannot work here");
  assert_non_null(args->bus);
  note("+%s%s; ", args->name, args->observe ? " as it is" : "");
  seen.open++;
  *self = (void *)(uintptr_t)args->name;
  return PL_OK;
}

static void fake_close(void *self)
{
  note("-%s; ", (const char *)self);
  seen.open--;
}

static enum pl_status fake_probe(void *self, struct pl_err *err)
{
  if (is(seen.dead, self))
    return pl_fail(err, PL_E_NACK, "nobody answers");
  note("probe %s; ", (const char *)self);
  return PL_OK;
}

/* A device that takes 30 ms, which an end of the bench must wait for. */
static void be_slow(const char *name)
{
  int wanted = 1;
  if (!atomic_compare_exchange_strong(&slow, &wanted, 2))
    return;
  poll(NULL, 0, 30);
  note("%s.left; ", name);
}

static enum pl_status fake_set(void *self, const struct pl_quantity *quantity, int64_t value_u, struct pl_err *err)
{
  while (is("psu-a", self) && atomic_load(&hangs))
    poll(NULL, 0, 1);
  note("%s.%s=%lld; ", (const char *)self, quantity->name, (long long)value_u);
  if (seen.failures > 0) {
    seen.failures--;
    return pl_fail(err, seen.failure, "not this time");
  }
  be_slow(self);
  return is(seen.stiff, self) ? pl_fail(err, PL_E_TIMEOUT, "does not move") : PL_OK;
}

static const struct pl_param FAKE_PARAMS[] = {{.name = "address", .kind = PL_PARAM_INT, .required = true, .address = true}};
static const struct pl_param UNIT_PARAMS[] = {{.name = "unit", .kind = PL_PARAM_INT, .required = true}};
static const struct pl_quantity QUANTITIES[] = {
    {.name = "on", .dim = PL_DIM_FLAG, .access = PL_SET, .max_u = PL_U},
    {.name = "duty", .dim = PL_DIM_RATIO, .access = PL_SET, .max_u = 100 * PL_U},
};
static const struct pl_device_desc DEVICES[] = {
    {.name = "psu", .bus_kind = PL_BUS_I2C, .role = "supply", .params = FAKE_PARAMS, .n_params = 1, .quantities = QUANTITIES, .n_quantities = 2,
     .open = fake_open, .close = fake_close, .probe = fake_probe, .set = fake_set},
    {.name = "pump", .bus_kind = PL_BUS_MODBUS, .role = "coolant", .params = UNIT_PARAMS, .n_params = 1, .quantities = QUANTITIES, .n_quantities = 2,
     .open = fake_open, .close = fake_close, .set = fake_set}, /* no probe */
};

const struct pl_adapter_desc *const pl_adapters[] = {&ADAPTERS[0], &ADAPTERS[1], &ADAPTERS[2], &ADAPTERS[3], NULL};
const size_t pl_n_adapters = 4;
const struct pl_device_desc *const pl_device_descs[] = {&DEVICES[0], &DEVICES[1], NULL};
const size_t pl_n_device_descs = 2;
const struct pl_twin_desc *const pl_twin_descs[] = {NULL};
const size_t pl_n_twin_descs = 0;
const struct pl_backend_desc *const pl_backends[] = {&RACK, &PROXY, NULL};
const size_t pl_n_backends = 2;

/* --- the tests --- */

#define DEVICE_LINES                                                                              \
  "devices:\n"                                                                                    \
  "- {name: psu-a, driver: psu, bus: i2c-1, address: 0x58, safe: {on: true, duty: 5 %}}\n"        \
  "- {name: psu-b, driver: psu, bus: i2c-1, address: 0x59, safe: {on: off}}\n"                    \
  "- {name: pump, driver: pump, bus: rtu, unit: 12, safe: {duty: 80 %}}\n"

static const char TWIN_RIG[] = "rig: virtual\nbuses:\n"
                               "- {name: i2c-1, kind: i2c, adapter: twin, speed: 400 kHz}\n"
                               "- {name: rtu, kind: modbus, adapter: modbus-rtu, port: twin}\n" DEVICE_LINES;
static const char REAL_RIG[] = "rig: real\nbuses:\n"
                               "- {name: i2c-1, kind: i2c, adapter: linux-i2c, device: /dev/i2c-1, speed: 400 kHz}\n"
                               "- {name: rtu, kind: modbus, adapter: modbus-rtu, port: /dev/ttyUSB0}\n"
                               "- {name: tcp, kind: modbus, adapter: modbus-tcp, host: 10.0.0.7, port: 1502}\n" DEVICE_LINES;
static const char MIXED_RIG[] = "rig: mixed\nbuses:\n"
                                "- {name: i2c-1, kind: i2c, adapter: linux-i2c, device: /dev/i2c-1}\n"
                                "- {name: rtu, kind: modbus, adapter: modbus-rtu, port: twin}\n" DEVICE_LINES;

struct fixture {
  struct pl_rig *rig;
  struct pl_clock *clock;
  struct pl_bench *bench;
  struct pl_bench_cfg cfg;
};

static void begin(struct fixture *f, const char *text, bool virtual_time)
{
  memset(&seen, 0, sizeof seen);
  memset(f, 0, sizeof *f);
  struct pl_err err = {0};
  if (pl_rig_parse("b.yaml", text, strlen(text), &f->rig, &err))
    fail_msg("%s", err.text);
  assert_int_equal(virtual_time ? pl_clock_new_virtual(0, &f->clock, &err) : pl_clock_new_real(&f->clock, &err), PL_OK);
  f->cfg = (struct pl_bench_cfg){.clock = f->clock, .seed = 7};
}

static void open_bench(struct fixture *f)
{
  struct pl_err err = {0};
  if (pl_bench_open(f->rig, &f->cfg, &f->bench, &err))
    fail_msg("%s", err.text);
}

static void end(struct fixture *f)
{
  pl_bench_close(f->bench);
  assert_int_equal(seen.open, 0);
  pl_rig_free(f->rig);
  pl_clock_free(f->clock);
}

#endif

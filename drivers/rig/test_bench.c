/* SPDX-License-Identifier: Apache-2.0 */
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

static void refuse(struct fixture *f, enum pl_status status, const char *sentence)
{
  struct pl_err err = {0};
  assert_int_equal(pl_bench_open(f->rig, &f->cfg, &f->bench, &err), status);
  assert_string_equal(err.text, sentence);
  assert_null(f->bench);
  assert_int_equal(seen.open, 0); /* all that was opened has been closed */
}

static void end(struct fixture *f)
{
  pl_bench_close(f->bench);
  assert_int_equal(seen.open, 0);
  pl_rig_free(f->rig);
  pl_clock_free(f->clock);
}

static void test_virtual(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, TWIN_RIG, true);
  static const char *const FAULTS[] = {"psu-a.supply=dead@12.5s", "pump.flow=zero"};
  f.cfg.faults = FAULTS;
  f.cfg.n_faults = 2;
  open_bench(&f);
  assert_string_equal(seen.log, "rack virtual seed 7; fault psu-a.supply=dead@12.5s; fault pump.flow=zero; i2c-1 by twin speed=400 kHz; "
                                "rtu by modbus-rtu port=twin; +psu-a; +psu-b; +pump; ");
  assert_true(pl_bench_all_virtual(f.bench));
  assert_ptr_equal(pl_bench_backend(f.bench), &rack);
  assert_ptr_equal(pl_bench_backend_desc(f.bench), &RACK);
  assert_ptr_equal(pl_bench_clock(f.bench), f.clock);
  assert_ptr_equal(pl_bench_rig(f.bench), f.rig);
  assert_string_equal(pl_device_name(pl_bench_device(f.bench, "psu_b")), "psu-b");
  assert_string_equal(pl_bus_name(pl_bench_bus(f.bench, "rtu")), "rtu");
  assert_null(pl_bench_device(f.bench, "psu-c"));
  assert_null(pl_bench_bus(f.bench, "psu-a"));
  seen.log[0] = '\0';
  pl_bench_close(f.bench);
  f.bench = NULL;
  assert_string_equal(seen.log, "-pump; -psu-b; -psu-a; -rtu; -i2c-1; rack closed; ");
  end(&f);
}

static void test_real(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, REAL_RIG, false);
  open_bench(&f);
  assert_string_equal(seen.log, "i2c-1 by linux-i2c device=/dev/i2c-1 speed=400 kHz alone; rtu by modbus-rtu port=/dev/ttyUSB0 alone; "
                                "tcp by modbus-tcp host=10.0.0.7 port=1502 alone; +psu-a; +psu-b; +pump; ");
  assert_false(pl_bench_all_virtual(f.bench));
  assert_null(pl_bench_backend(f.bench));
  assert_null(pl_bench_backend_desc(f.bench));
  end(&f);
}

static void test_mixed(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, MIXED_RIG, false);
  open_bench(&f);
  assert_string_equal(seen.log, "rack mixed seed 7; i2c-1 by linux-i2c device=/dev/i2c-1; rtu by modbus-rtu port=twin; +psu-a; +psu-b; +pump; ");
  assert_false(pl_bench_all_virtual(f.bench));
  assert_ptr_equal(pl_bench_backend(f.bench), &rack);
  end(&f);
}

static void test_observe(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, TWIN_RIG, true);
  f.cfg.observe = true;
  open_bench(&f);
  assert_non_null(strstr(seen.log, "+psu-a as it is; +psu-b as it is; +pump as it is; "));
  end(&f);
}

static void test_rehearsal(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, REAL_RIG, true);
  f.cfg.rehearsal = true;
  open_bench(&f);
  assert_string_equal(seen.log, "rack real seed 7 all; i2c-1 by twin speed=400 kHz; rtu by modbus-tcp host=twin port=502; tcp by modbus-tcp host=twin port=1502; "
                                "+psu-a; +psu-b; +pump; ");
  assert_true(pl_bench_all_virtual(f.bench));
  end(&f);
  begin(&f, TWIN_RIG, true); /* what is virtual already stays as it is */
  f.cfg.rehearsal = true;
  open_bench(&f);
  assert_string_equal(seen.log, "rack virtual seed 7 all; i2c-1 by twin speed=400 kHz; rtu by modbus-rtu port=twin; +psu-a; +psu-b; +pump; ");
  end(&f);
}

static void test_refused(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, MIXED_RIG, true);
  refuse(&f, PL_E_USAGE, "b.yaml:3: bus 'i2c-1' (adapter 'linux-i2c') is real, expected a bus on the twin: virtual time cannot drive hardware");
  assert_string_equal(seen.log, "");
  end(&f);

  static const char *const FAULTS[] = {"x.y=z"};
  begin(&f, REAL_RIG, false);
  f.cfg.faults = FAULTS;
  f.cfg.n_faults = 1;
  refuse(&f, PL_E_USAGE, "fault 'x.y=z': b.yaml has no bus on the twin, expected one: a fault is planted in the virtual rack");
  end(&f);

  begin(&f, TWIN_RIG, true);
  f.cfg.faults = FAULTS;
  f.cfg.n_faults = 1;
  seen.refuse_faults = true;
  refuse(&f, PL_E_USAGE, "fault 'x.y=z': no such fault");
  end(&f);

  begin(&f, TWIN_RIG, true);
  seen.fail_bus = "rtu";
  refuse(&f, PL_E_GONE, "bus 'rtu' (adapter 'modbus-rtu'): not plugged");
  assert_string_equal(seen.log, "rack virtual seed 7; i2c-1 by twin speed=400 kHz; -i2c-1; rack closed; ");
  end(&f);

  begin(&f, TWIN_RIG, true);
  seen.fail_device = "psu-b";
  struct pl_err err = {0};
  assert_int_equal(pl_bench_open(f.rig, &f.cfg, &f.bench, &err), PL_E_UNSUPPORTED);
  assert_ptr_equal(strstr(err.text, "psu-b"), err.text); /* the device layer names it; once is enough */
  assert_null(strstr(err.text + 1, "psu-b"));
  assert_non_null(strstr(err.text, "cannot work here"));
  assert_null(f.bench);
  end(&f);
}

static void test_probe(void **state)
{
  (void)state;
  struct fixture f;
  struct pl_err err = {0};
  const struct pl_rig_device *failed = NULL;
  begin(&f, TWIN_RIG, true);
  open_bench(&f);
  seen.log[0] = '\0';
  assert_int_equal(pl_bench_probe(f.bench, &failed, &err), PL_OK);
  assert_string_equal(seen.log, "probe psu-a; probe psu-b; ");
  assert_null(failed);
  seen.dead = "psu-b";
  assert_int_equal(pl_bench_probe(f.bench, &failed, &err), PL_E_NACK);
  assert_ptr_equal(failed, pl_rig_device(f.rig, "psu-b"));
  assert_ptr_equal(strstr(err.text, "psu-b"), err.text); /* the name first, once */
  assert_null(strstr(err.text + 1, "psu-b"));
  assert_non_null(strstr(err.text, "nobody answers"));
  assert_int_equal(pl_bench_probe(f.bench, NULL, NULL), PL_E_NACK);
  end(&f);
}

static void make_safe(bool virtual_time)
{
  struct fixture f;
  struct pl_err err = {0};
  begin(&f, virtual_time ? TWIN_RIG : REAL_RIG, virtual_time);
  open_bench(&f);
  seen.log[0] = '\0';
  assert_int_equal(pl_bench_make_safe(f.bench, &err), PL_OK);
  assert_string_equal(seen.log, "psu-a.on=1000000; psu-a.duty=5000000; psu-b.on=0; pump.duty=80000000; ");
  seen.log[0] = '\0';
  seen.stiff = "psu-a";
  assert_int_equal(pl_bench_make_safe(f.bench, &err), PL_E_TIMEOUT);
#define ON_3 "psu-a.on=1000000; psu-a.on=1000000; psu-a.on=1000000; "
#define DUTY_3 "psu-a.duty=5000000; psu-a.duty=5000000; psu-a.duty=5000000; "
  assert_string_equal(seen.log, ON_3 DUTY_3 "psu-b.on=0; pump.duty=80000000; " ON_3 DUTY_3); /* all tried, then again what failed */
  assert_string_equal(err.text, "not made safe: psu-a.on, psu-a.duty (psu-a (i2c-1, address 0x58): does not move)");
  assert_int_equal(pl_bench_make_safe(f.bench, NULL), PL_E_TIMEOUT);
  end(&f);
}

static void test_make_safe(void **state)
{
  (void)state;
  make_safe(true);
  make_safe(false);
}

static void transient(int failures, enum pl_status failure, enum pl_status result, const char *log, int recoveries)
{
  struct fixture f;
  struct pl_err err = {0};
  begin(&f, TWIN_RIG, true);
  open_bench(&f);
  seen.log[0] = '\0';
  seen.failures = failures;
  seen.failure = failure;
  assert_int_equal(pl_bench_make_safe(f.bench, &err), result);
  assert_string_equal(seen.log, log);
  assert_int_equal(seen.recoveries, recoveries);
  end(&f);
}

static void test_make_safe_survives_what_passes(void **state)
{
  (void)state;
#define REST "psu-a.duty=5000000; psu-b.on=0; pump.duty=80000000; "
  transient(2, PL_E_NACK, PL_OK, ON_3 REST, 0);
  transient(1, PL_E_STUCK, PL_OK, "psu-a.on=1000000; psu-a.on=1000000; " REST, 1);
  transient(1, PL_E_UNSUPPORTED, PL_OK, "psu-a.on=1000000; " REST "psu-a.on=1000000; ", 0);   /* no retry at once, but in the second pass */
  transient(2, PL_E_STUCK, PL_OK, "psu-a.on=1000000; psu-a.on=1000000; " REST "psu-a.on=1000000; ", 1);
}

/* --- closed in the middle of calls --- */

static int cancelled, answered;

static void count_end(struct pl_call *call)
{
  assert_int_equal(strncmp(pl_device_name(call->device), "psu-", 4), 0); /* it is still there */
  if (call->job.status == PL_E_CANCELLED) {
    assert_ptr_equal(strstr(call->job.err.text, "psu-"), call->job.err.text);
    cancelled++;
  } else {
    assert_int_equal(call->job.status, PL_OK);
    answered++;
  }
}

static void test_close_under_way(void **state)
{
  (void)state;
  struct fixture f;
  struct pl_call calls[6] = {{.device = NULL}};
  begin(&f, REAL_RIG, false);
  open_bench(&f);
  cancelled = answered = 0;
  for (size_t i = 0; i < 6; i++) {
    calls[i].device = pl_bench_device(f.bench, i % 2 ? "psu-b" : "psu-a");
    calls[i].kind = PL_CALL_SET;
    calls[i].quantity = &QUANTITIES[1];
    calls[i].done = count_end;
  }
  atomic_store(&slow, 1);
  for (size_t i = 0; i < 6; i++)
    pl_call_submit(&calls[i]);
  while (atomic_load(&slow) == 1) /* until the first is inside its device */
    sched_yield();
  pl_bench_close(f.bench);
  f.bench = NULL;
  assert_int_equal(answered, 1);
  assert_int_equal(cancelled, 5);
  const char *gone = strstr(seen.log, "psu-a.left; ");
  assert_non_null(gone);
  assert_non_null(strstr(gone, "-psu-a; "));
  end(&f);
}

static void on_presence(void *ctx, const struct pl_rig_bus *bus, bool here, const char *text)
{
  note("%s %s (%s); ", bus->name, here ? "here" : "away", text);
  *(int *)ctx += here;
}

/* Back again: the safe values of that bus, in the rig's order, and nothing else. */
static void presence_test(const char *stiff, const char *sentence)
{
  struct fixture f;
  int back = 0;
  begin(&f, REAL_RIG, false);
  open_bench(&f);
  pl_bench_watch(f.bench, on_presence, &back);
  seen.log[0] = '\0';
  seen.stiff = stiff;
  pl_bus_lost(pl_bench_bus(f.bench, "i2c-1"), "unplugged");
  while (!back)
    assert_true(pl_clock_step(f.clock, pl_clock_now(f.clock) + 10 * PL_S));
  assert_string_equal(seen.log, sentence);
  pl_bench_watch(f.bench, NULL, NULL);
  end(&f);
}

static void test_presence(void **state)
{
  (void)state;
  presence_test(NULL, "i2c-1 away (unplugged); i2c-1 again; psu-a.on=1000000; psu-a.duty=5000000; psu-b.on=0; i2c-1 here (); ");
  presence_test("psu-b", "i2c-1 away (unplugged); i2c-1 again; psu-a.on=1000000; psu-a.duty=5000000; psu-b.on=0; "
                         "i2c-1 here (psu-b (i2c-1, address 0x59): does not move); ");
}

/* get, set and watch look at a rack that somebody else runs: an adapter that comes back is no reason to switch anything. */
static void test_an_observer_makes_nothing_safe(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, REAL_RIG, false);
  f.cfg.observe = true;
  open_bench(&f);
  seen.log[0] = '\0';
  pl_bus_lost(pl_bench_bus(f.bench, "i2c-1"), "unplugged");
  while (pl_bus_is_lost(pl_bench_bus(f.bench, "i2c-1")))
    assert_true(pl_clock_step(f.clock, pl_clock_now(f.clock) + 10 * PL_S));
  for (int i = 0; i < 2; i++)
    assert_int_equal(pl_bench_probe(f.bench, NULL, NULL), PL_OK); /* jobs of one bus follow each other: what was on its way has run */
  assert_ptr_equal(strstr(seen.log, "i2c-1 again; "), seen.log);
  assert_null(strstr(seen.log, "psu-a.on"));
  end(&f);
}

/* Two adapters gone for good hold the teardown up once, not once a safe value. */
static void test_make_safe_waits_once(void **state)
{
  (void)state;
  struct fixture f;
  struct pl_err err = {0};
  begin(&f, REAL_RIG, false);
  open_bench(&f);
  seen.unplugged = true;
  pl_bus_lost(pl_bench_bus(f.bench, "i2c-1"), "unplugged");
  pl_bus_lost(pl_bench_bus(f.bench, "rtu"), "unplugged");
  assert_int_equal(pl_bench_make_safe(f.bench, &err), PL_E_GONE); /* the clock began at 0, with the test */
  assert_non_null(strstr(err.text, "not made safe: psu-a.on, psu-a.duty, psu-b.on, pump.duty ("));
  assert_in_range(pl_clock_now(f.clock), PL_S, 4 * PL_S);
  end(&f);
}

/* The proxy's faults are for the sequence, not for the safe values of an adapter that is back. */
static void test_presence_goes_around_the_proxy(void **state)
{
  (void)state;
  struct fixture f;
  int back = 0;
  begin(&f, REAL_RIG, false);
  f.cfg.proxy = true;
  PROXY.name = "proxy";
  open_bench(&f);
  PROXY.name = "no proxy";
  pl_bench_watch(f.bench, on_presence, &back);
  seen.log[0] = '\0';
  pl_bus_lost(pl_bench_bus(f.bench, "i2c-1"), "unplugged");
  while (!back)
    assert_true(pl_clock_step(f.clock, pl_clock_now(f.clock) + 10 * PL_S));
  assert_string_equal(seen.log, "i2c-1 away (unplugged); i2c-1 again; i2c-1 bypassed; psu-a.on=1000000; psu-a.duty=5000000; psu-b.on=0; i2c-1 proxied; i2c-1 here (); ");
  end(&f);
}

/* A thread that is stuck in an adapter: its bus is given up and told, the others are made safe, and when it is back all is as it should be. */
static void test_make_safe_gives_up_a_bus_that_hangs(void **state)
{
  (void)state;
  struct fixture f;
  struct pl_err err = {0};
  begin(&f, REAL_RIG, false);
  open_bench(&f);
  seen.log[0] = '\0';
  atomic_store(&hangs, 1);
  pl_time_ns begun = pl_clock_now(f.clock);
  assert_int_equal(pl_bench_make_safe(f.bench, &err), PL_E_TIMEOUT);
  assert_in_range(pl_clock_now(f.clock) - begun, 2 * PL_S, 6 * PL_S); /* once for the bus, not once for each of its outputs */
  assert_string_equal(seen.log, "pump.duty=80000000; ");
  assert_non_null(strstr(err.text, "not made safe: psu-a.on, psu-a.duty, psu-b.on (bus i2c-1 hangs"));
  assert_true(pl_bench_hangs(f.bench));
  atomic_store(&hangs, 0);
  while (pl_bench_hangs(f.bench))
    assert_true(pl_clock_step(f.clock, pl_clock_now(f.clock) + 10 * PL_S));
  seen.log[0] = '\0';
  assert_int_equal(pl_bench_make_safe(f.bench, &err), PL_OK);
  assert_string_equal(seen.log, "psu-a.on=1000000; psu-a.duty=5000000; psu-b.on=0; pump.duty=80000000; ");
  end(&f);
}

/* Two buses that another program holds are asked for again together, not one after the other. */
static void test_patience_is_one_for_all(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, REAL_RIG, false);
  f.cfg.observe = f.cfg.safe_only = true;
  f.cfg.patience_ns = 500 * PL_MS;
  seen.held = true;
  pl_time_ns begun = pl_clock_now(f.clock);
  open_bench(&f);
  assert_in_range(pl_clock_now(f.clock) - begun, 500 * PL_MS, 950 * PL_MS);
  assert_int_equal(pl_bench_make_safe(f.bench, NULL), PL_E_LOCKED);
  end(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_virtual), cmocka_unit_test(test_real), cmocka_unit_test(test_mixed), cmocka_unit_test(test_rehearsal),
      cmocka_unit_test(test_observe), cmocka_unit_test(test_refused), cmocka_unit_test(test_probe), cmocka_unit_test(test_make_safe),
      cmocka_unit_test(test_make_safe_survives_what_passes), cmocka_unit_test(test_close_under_way), cmocka_unit_test(test_presence),
      cmocka_unit_test(test_an_observer_makes_nothing_safe), cmocka_unit_test(test_make_safe_waits_once),
      cmocka_unit_test(test_presence_goes_around_the_proxy), cmocka_unit_test(test_make_safe_gives_up_a_bus_that_hangs),
      cmocka_unit_test(test_patience_is_one_for_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance suites on the shipped virtual rack, in virtual and in real time. The same functions run unchanged on hardware. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "drivers/bus/conformance.h"
#include "drivers/device/conformance.h"
#include "drivers/rig/bench.h"

struct rack {
  struct pl_rig *rig;
  struct pl_clock *clock;
  struct pl_bench *bench;
};

static void open_rack(struct rack *r, bool real)
{
  struct pl_err err = {0};
  if (pl_rig_load("fixtures/rigs/demo-rack.yaml", &r->rig, &err))
    fail_msg("%s", err.text);
  assert_int_equal(real ? pl_clock_new_real(&r->clock, &err) : pl_clock_new_virtual(0, &r->clock, &err), PL_OK);
  const struct pl_bench_cfg cfg = {.clock = r->clock, .seed = 1};
  if (pl_bench_open(r->rig, &cfg, &r->bench, &err))
    fail_msg("%s", err.text);
}

static void close_rack(struct rack *r)
{
  pl_bench_close(r->bench);
  pl_clock_free(r->clock);
  pl_rig_free(r->rig);
}

static void tell(void *ctx, const char *check, const char *why)
{
  print_error("%s: %s: %s\n", (const char *)ctx, check, why);
}

static void buses_conform(bool real)
{
  static const struct {
    const char *bus;
    struct pl_conformance_i2c target;
  } I2C[] = {
      {"i2c-power", {.address = 0x58, .command = 0x99, .absent = 0x23, .read_len = 4}},   /* MFR_ID */
      {"i2c-m1", {.address = 0x10, .command = 0x99, .absent = 0x58, .read_len = 4}},      /* MFR_ID */
      {"i2c-bench-1", {.address = 0x40, .command = 0x3E, .absent = 0x50, .read_len = 2}}, /* MANUFACTURER_ID */
  };
  static const struct {
    const char *bus;
    struct pl_conformance_modbus target;
  } MODBUS[] = {
      {"tcp-bench", {.unit = 21, .absent_unit = 99, .stable_address = 0x10, .stable_count = 8, .no_writes = true, .illegal_address = 0x900}},
      {"rtu-coolant", {.unit = 12, .absent_unit = 99, .stable_address = 0x19C4, .stable_count = 8, .writable_address = 0x9403, .illegal_address = 0x100}},
  };
  struct rack r = {0};
  open_rack(&r, real);
  for (size_t i = 0; i < sizeof I2C / sizeof *I2C; i++) {
    struct pl_bus_conformance report = {.fail = tell, .ctx = (void *)(uintptr_t)I2C[i].bus};
    assert_int_equal(pl_conformance_i2c(pl_bench_bus(r.bench, I2C[i].bus), &I2C[i].target, &report), 0);
    assert_true(report.checks >= 8);
  }
  for (size_t i = 0; i < sizeof MODBUS / sizeof *MODBUS; i++) {
    struct pl_bus_conformance report = {.fail = tell, .ctx = (void *)(uintptr_t)MODBUS[i].bus};
    assert_int_equal(pl_conformance_modbus(pl_bench_bus(r.bench, MODBUS[i].bus), &MODBUS[i].target, &report), 0);
    assert_true(report.checks >= 8);
  }
  close_rack(&r);
}

static void tell_check(void *ctx, const char *check, enum pl_status status, const char *detail)
{
  if (status)
    print_error("%s: %s: %s\n", (const char *)ctx, check, detail);
}

static void wait_for(struct rack *r, pl_time_ns span)
{
  for (pl_time_ns until = pl_clock_now(r->clock) + span; pl_clock_now(r->clock) < until;)
    pl_clock_step(r->clock, until);
}

static void set_flag(struct rack *r, const char *name, const char *quantity)
{
  struct pl_device *device = pl_bench_device(r->bench, name);
  struct pl_call call = {.device = device, .kind = PL_CALL_SET, .quantity = pl_shape_find(pl_device_shape_of(device), quantity), .value_u = PL_U};
  struct pl_err err = {0};
  if (pl_call_run(&call, &err))
    fail_msg("%s", err.text);
  wait_for(r, 200 * PL_MS);
}

static void devices_conform(bool real)
{
  static const char *const DEVICES[] = {"psu-a", "psu-b", "hsc-1", "monitor-1", "monitor-bar", "agent-1"};
  struct rack r = {0};
  open_rack(&r, real);
  set_flag(&r, "hsc-1", "on");
  set_flag(&r, "connector-1", "power-enable");
  wait_for(&r, 4 * PL_S); /* until csu-1 has booted */
  for (size_t i = 0; i < sizeof DEVICES / sizeof *DEVICES; i++) {
    struct pl_conformance suite = {.may_drive = true, .healthy = true, .check = tell_check, .ctx = (void *)(uintptr_t)DEVICES[i]};
    size_t checks = 0, failed = 0;
    struct pl_err err = {0};
    if (pl_conformance_run(pl_bench_device(r.bench, DEVICES[i]), &suite, &checks, &failed, &err))
      fail_msg("%s: %s", DEVICES[i], err.text);
    assert_int_equal(failed, 0);
    assert_true(checks >= 5);
  }
  close_rack(&r);
}

static void buses_conform_in_virtual_time(void **state)
{
  (void)state;
  buses_conform(false);
}

static void buses_conform_in_real_time(void **state)
{
  (void)state;
  buses_conform(true);
}

static void devices_conform_in_virtual_time(void **state)
{
  (void)state;
  devices_conform(false);
}

static void devices_conform_in_real_time(void **state)
{
  (void)state;
  devices_conform(true);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(buses_conform_in_virtual_time),
      cmocka_unit_test(buses_conform_in_real_time),
      cmocka_unit_test(devices_conform_in_virtual_time),
      cmocka_unit_test(devices_conform_in_real_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

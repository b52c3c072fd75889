/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conform_rig RIG [BUS...]: the conformance suites, unmodified, on the buses (all, unless some are named) and devices of a rig, in real time: the same on the
 * twin behind real kernel drivers as on hardware. It drives: switches slots and supplies off and on, writes set-points and puts them back.
 * A line each: `ok WHAT: N checks`, `not ok WHAT: why`. Exit status 1 when a check failed.
 */
#include "drivers/bus/conformance.h"
#include "drivers/device/conformance.h"
#include "drivers/rig/bench.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define ABSENT_ADDRESS 0x23
#define ABSENT_UNIT 99
#define SETTLE_NS (500 * PL_MS) /* a slot's power after its enable */

struct rack {
  const struct pl_rig *rig;
  struct pl_clock *clock;
  char *const *names; /* of buses; none: all */
  int n_names;
  size_t passed, failed; /* suites */
};

struct tally { /* of one suite */
  const char *what;
  size_t failed;
};

static bool wanted(const struct rack *rack, const char *name)
{
  for (int i = 0; i < rack->n_names; i++)
    if (!strcmp(rack->names[i], name))
      return true;
  return rack->n_names == 0;
}

static void complain(void *ctx, const char *check, const char *why)
{
  struct tally *tally = ctx;
  tally->failed++;
  printf("not ok %s: %s: %s\n", tally->what, check, why);
  fflush(stdout);
}

static void check_done(void *ctx, const char *check, enum pl_status status, const char *detail)
{
  if (status)
    complain(ctx, check, detail);
}

static void count(struct rack *rack, const struct tally *tally, size_t checks)
{
  if (tally->failed || !checks) {
    rack->failed++;
    printf("not ok %s: %zu of %zu checks failed\n", tally->what, tally->failed, checks);
  } else {
    rack->passed++;
    printf("ok %s: %zu checks\n", tally->what, checks);
  }
  fflush(stdout);
}

static const char *label(const struct pl_rig_bus *bus, char *room, size_t size)
{
  snprintf(room, size, "%s %s over %s", pl_bus_kind_name(bus->kind), bus->name, bus->adapter->name);
  return room;
}

/* --- what to aim at --- */

static const struct {
  const char *driver;
  uint8_t command, read_len;
} I2C_TARGETS[] = {
    {"psu-pmbus", 0x99, 4},      /* MFR_ID */
    {"hsc-adm1272", 0x99, 4},    /* MFR_ID */
    {"monitor-ina238", 0x3E, 2}, /* MANUFACTURER_ID */
};

static const struct {
  const char *map;
  struct pl_conformance_modbus target;
} MODBUS_TARGETS[] = {
    {"orv3-rpu", {.stable_address = 0x19C4, .stable_count = 8, .writable_address = 0x9403, .illegal_address = 0x100}},
    {"load-bank", {.stable_address = 0x10, .stable_count = 8, .no_writes = true, .illegal_address = 0x900}},
    {"flow-transmitter", {.stable_address = 0x10, .stable_count = 8, .no_writes = true, .illegal_address = 0x900}},
};

/* Outputs that do no harm when they are on for a moment, and any input. */
static const char *const OUTPUTS[] = {"attention", "open"}, *const INPUTS[] = {"present", "leak"};

static bool i2c_suite(const struct rack *rack, const struct pl_rig_bus *at, struct pl_bus *bus, struct pl_bus_conformance *report)
{
  for (size_t d = 0; d < rack->rig->n_devices; d++)
    for (size_t i = 0; i < COUNT(I2C_TARGETS); i++) {
      const struct pl_rig_device *device = &rack->rig->devices[d];
      if (device->bus != at || strcmp(device->desc->name, I2C_TARGETS[i].driver))
        continue;
      const struct pl_conformance_i2c target = {.address = (uint8_t)pl_value(&device->values, "address")->number, .command = I2C_TARGETS[i].command,
                                                .read_len = I2C_TARGETS[i].read_len, .absent = ABSENT_ADDRESS};
      pl_conformance_i2c(bus, &target, report);
      return true;
    }
  return false;
}

static bool modbus_suite(const struct rack *rack, const struct pl_rig_bus *at, struct pl_bus *bus, struct pl_bus_conformance *report)
{
  for (size_t d = 0; d < rack->rig->n_devices; d++)
    for (size_t i = 0; i < COUNT(MODBUS_TARGETS); i++) {
      const struct pl_rig_device *device = &rack->rig->devices[d];
      if (device->bus != at || strcmp(device->desc->name, "modbus-map") || strcmp(pl_value(&device->values, "map")->text, MODBUS_TARGETS[i].map))
        continue;
      struct pl_conformance_modbus target = MODBUS_TARGETS[i].target;
      target.unit = (uint8_t)pl_value(&device->values, "unit")->number;
      target.absent_unit = ABSENT_UNIT;
      pl_conformance_modbus(bus, &target, report);
      return true;
    }
  return false;
}

/* The first line on the bus that a device's setting of one of these names gives; -1: none. */
static int request_line(const struct rack *rack, const struct pl_rig_bus *at, struct pl_bus *bus, const char *const *settings, size_t n, bool output,
                        struct pl_err *err)
{
  for (size_t d = 0; d < rack->rig->n_devices; d++)
    for (size_t i = 0; i < rack->rig->devices[d].values.count; i++) {
      const struct pl_value *value = &rack->rig->devices[d].values.items[i];
      for (size_t s = 0; s < n; s++) {
        int handle;
        const struct pl_gpio_line line = {.name = value->number < 0 ? value->text : NULL, .offset = (int)value->number, .consumer = "conformance",
                                          .output = output, .active_low = value->active_low};
        if (rack->rig->devices[d].bus != at || value->param->kind != PL_PARAM_LINE || !value->given || strcmp(value->param->name, settings[s]))
          continue;
        return pl_gpio_request(bus, &line, &handle, err) ? -1 : handle;
      }
    }
  return -1;
}

/* Twice, since no output of a rack is wired straight to an input. */
static bool gpio_suite(const struct rack *rack, const struct pl_rig_bus *at, struct pl_bus *bus, struct pl_bus_conformance *report)
{
  struct pl_err err = {0};
  struct pl_conformance_gpio first = {.output = request_line(rack, at, bus, OUTPUTS, COUNT(OUTPUTS), true, &err), .input = -1};
  struct pl_conformance_gpio second = {.output = -1, .input = err.status ? -1 : request_line(rack, at, bus, INPUTS, COUNT(INPUTS), false, &err)};
  if (err.status)
    report->fail(report->ctx, "a line is requested", err.text);
  if (first.output >= 0)
    pl_conformance_gpio(bus, &first, report);
  if (second.input >= 0)
    pl_conformance_gpio(bus, &second, report);
  return first.output >= 0 || second.input >= 0;
}

/* --- buses, each opened alone: without its devices all lines of a GPIO bus are free --- */

static void conform_bus(struct rack *rack, const struct pl_rig_bus *at, struct pl_share *share)
{
  static bool (*const SUITES[])(const struct rack *, const struct pl_rig_bus *, struct pl_bus *, struct pl_bus_conformance *) = {
      [PL_BUS_I2C] = i2c_suite, [PL_BUS_GPIO] = gpio_suite, [PL_BUS_MODBUS] = modbus_suite};
  char name[200];
  struct tally tally = {.what = label(at, name, sizeof name)};
  struct pl_bus_conformance report = {.fail = complain, .ctx = &tally};
  const struct pl_adapter_args args = {.bus_name = at->name, .values = &at->values, .share = share};
  struct pl_bus *bus = NULL;
  struct pl_err err = {0};
  enum pl_status status = pl_bus_new(at->name, at->kind, rack->clock, &bus, &err);
  if (!status)
    status = at->adapter->open(bus, &args, &err);
  if (status)
    complain(&tally, "it opens", err.text);
  else if (!SUITES[at->kind](rack, at, bus, &report))
    complain(&tally, "there is something to aim at", "the rig has no device on the bus that this program knows");
  count(rack, &tally, report.checks);
  pl_bus_free(bus);
}

/* --- devices, on the whole rig --- */

/* All slots get power: a monitor and a hot-swap controller have something to measure. */
static enum pl_status power_slots(const struct rack *rack, struct pl_bench *bench, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < rack->rig->n_devices && !status; i++) {
    struct pl_device *device = pl_bench_device(bench, rack->rig->devices[i].name);
    struct pl_call call = {.device = device, .kind = PL_CALL_SET, .value_u = PL_U};
    if (!strcmp(rack->rig->devices[i].desc->name, "connector"))
      call.quantity = pl_shape_find(pl_device_shape_of(device), "power-enable");
    if (call.quantity)
      status = pl_call_run(&call, err);
  }
  for (pl_time_ns until = pl_clock_now(rack->clock) + SETTLE_NS; !status && pl_clock_now(rack->clock) < until;)
    pl_clock_step(rack->clock, until);
  return status;
}

static void conform_device(struct rack *rack, struct pl_bench *bench, const struct pl_rig_device *at)
{
  char name[200];
  snprintf(name, sizeof name, "device %s (%s) over %s", at->name, at->desc->name, at->bus->adapter->name);
  struct tally tally = {.what = name};
  const struct pl_conformance suite = {.may_drive = true, .healthy = true, .check = check_done, .ctx = &tally};
  size_t checks = 0, failed = 0;
  struct pl_err err = {0};
  enum pl_status status = pl_conformance_run(pl_bench_device(bench, at->name), &suite, &checks, &failed, &err);
  if (status == PL_E_UNSUPPORTED)
    return; /* its role has no suite */
  if (status)
    complain(&tally, "the suite runs", err.text);
  count(rack, &tally, checks);
}

static void conform_devices(struct rack *rack)
{
  struct tally tally = {.what = "rig"};
  struct pl_bench *bench = NULL;
  struct pl_err err = {0};
  const struct pl_bench_cfg cfg = {.clock = rack->clock, .seed = 1};
  enum pl_status status = pl_bench_open(rack->rig, &cfg, &bench, &err);
  if (!status)
    status = pl_bench_probe(bench, NULL, &err);
  if (!status)
    status = power_slots(rack, bench, &err);
  if (status) {
    complain(&tally, "it opens, every device answers and slots get power", err.text);
    count(rack, &tally, 1);
  }
  for (size_t i = 0; i < rack->rig->n_devices && !status; i++)
    if (wanted(rack, rack->rig->devices[i].bus->name))
      conform_device(rack, bench, &rack->rig->devices[i]);
  if (bench && pl_bench_make_safe(bench, &err))
    complain(&tally, "it is made safe", err.text);
  pl_bench_close(bench);
}

int main(int argc, char **argv)
{
  struct pl_rig *rig = NULL;
  struct pl_err err = {0};
  struct rack rack = {.names = argv + 2, .n_names = argc - 2};
  struct pl_share *share = NULL;
  if (argc < 2) {
    fprintf(stderr, "usage: %s RIG [BUS...]\n", argv[0]);
    return 2;
  }
  if (pl_rig_load(argv[1], &rig, &err) || pl_clock_new_real(&rack.clock, &err) || pl_share_new(&share, &err)) {
    fprintf(stderr, "%s\n", err.text);
    return 2;
  }
  rack.rig = rig;
  for (size_t i = 0; i < rig->n_buses; i++)
    if (wanted(&rack, rig->buses[i].name))
      conform_bus(&rack, &rig->buses[i], share);
  conform_devices(&rack);
  printf("%zu suites passed, %zu failed\n", rack.passed, rack.failed);
  pl_share_free(share);
  pl_clock_free(rack.clock);
  pl_rig_free(rig);
  return rack.failed || !rack.passed;
}

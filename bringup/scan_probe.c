/* SPDX-License-Identifier: Apache-2.0 */
#include "bringup/scan_probe.h"

#include <stdlib.h>
#include <string.h>

struct pl_probe_hit *pl_probe_add(struct pl_probe_at *at, unsigned address)
{
  struct pl_probe_bus *result = at->result;
  struct pl_probe_hit *more = realloc(result->hits, (result->n_hits + 1) * sizeof *more);
  if (!more)
    return NULL;
  result->hits = more;
  struct pl_probe_hit *hit = &more[result->n_hits++];
  *hit = (struct pl_probe_hit){.address = address, .expected = at->expected[address & 0xff]};
  return hit;
}

bool pl_probe_goes_on(struct pl_probe_at *at, unsigned done, unsigned total)
{
  if (at->cfg->progress)
    at->cfg->progress(at->cfg->ctx, pl_bus_name(at->bus), done, total, at->result->n_hits);
  return !at->cfg->stop || !*at->cfg->stop;
}

bool pl_probe_is_dead(enum pl_status status)
{
  return status == PL_E_GONE || status == PL_E_STUCK || status == PL_E_IO || status == PL_E_NOMEM || status == PL_E_CANCELLED;
}

/* At which address of its bus a device of the rig is; -1: at none. */
static int address_of(const struct pl_rig_device *device)
{
  const struct pl_value *value = pl_value_given(&device->values, device->bus->kind == PL_BUS_MODBUS ? "unit" : "address");
  return value && value->number >= 0 && value->number < 256 ? (int)value->number : -1;
}

static int by_address(const void *a, const void *b)
{
  const struct pl_probe_hit *x = a, *y = b;
  return (x->address > y->address) - (x->address < y->address);
}

static void set_unit_line(struct pl_probe_at *at, const struct pl_rig_device *device, uint8_t unit)
{
  const struct pl_value *baud = pl_value_given(&device->values, "baud"), *parity = pl_value_given(&device->values, "parity"), *stop = pl_value_given(&device->values,
                                                                                                                                   "stop-bits");
  const struct pl_modbus_line line = {.baud = baud ? (int)baud->number : 0, .parity = parity ? "NEO"[parity->number % 3] : '\0',
                                      .stop_bits = stop ? (int)stop->number + 1 : 0};
  struct pl_err quiet = {0};
  if (baud || parity || stop)
    (void)pl_modbus_set_line(at->bus, unit, &line, &quiet); /* where it cannot, the unit will not answer */
}

static void learn_expected(struct pl_probe_at *at)
{
  for (size_t i = 0; i < at->rig->n_devices; i++) {
    const struct pl_rig_device *device = &at->rig->devices[i];
    int address = device->bus == at->result->bus ? address_of(device) : -1;
    if (address < 0)
      continue;
    at->expected[address] = device;
    if (device->bus->kind == PL_BUS_MODBUS)
      set_unit_line(at, device, (uint8_t)address);
  }
}

/* Devices of the rig that did not answer get a row of their own. */
static enum pl_status add_missing(struct pl_probe_at *at, struct pl_err *err)
{
  for (unsigned address = 0; address < 256; address++) {
    bool told = !at->expected[address];
    for (size_t i = 0; i < at->result->n_hits && !told; i++)
      told = at->result->hits[i].address == address;
    struct pl_probe_hit *hit = told ? NULL : pl_probe_add(at, address);
    if (!told && !hit)
      return pl_fail(err, PL_E_NOMEM, "out of memory for what bus '%s' should have", at->result->bus->name);
    if (hit)
      hit->status = PL_E_TIMEOUT;
  }
  if (at->result->n_hits)
    qsort(at->result->hits, at->result->n_hits, sizeof *at->result->hits, by_address);
  return PL_OK;
}

static void ask_bus(const struct pl_rig *rig, const struct pl_probe_cfg *cfg, struct pl_bus *bus, struct pl_probe_bus *result)
{
  struct pl_probe_at at = {.cfg = cfg, .rig = rig, .bus = bus, .result = result};
  learn_expected(&at);
  if (!result->status)
    result->status = result->bus->kind == PL_BUS_I2C ? pl_probe_i2c(&at, &result->err) : pl_probe_modbus(&at, &result->err);
  if (!result->status)
    result->status = add_missing(&at, &result->err);
}

static bool is_wanted(const struct pl_probe_cfg *cfg, const struct pl_rig_bus *bus)
{
  bool any = !cfg->n_buses;
  for (size_t i = 0; i < cfg->n_buses; i++)
    any |= !strcmp(cfg->buses[i], bus->name);
  return any && bus->kind != PL_BUS_GPIO; /* to ask a pin is to look at its level: gpioinfo does */
}

static enum pl_status check_names(const struct pl_rig *rig, const struct pl_probe_cfg *cfg, struct pl_err *err)
{
  for (size_t i = 0; i < cfg->n_buses; i++) {
    const char *names[64];
    size_t count = 0;
    const struct pl_rig_bus *bus = NULL;
    for (size_t k = 0; k < rig->n_buses; k++) {
      if (!strcmp(rig->buses[k].name, cfg->buses[i]))
        bus = &rig->buses[k];
      if (count < 64)
        names[count++] = rig->buses[k].name;
    }
    const char *near = bus ? NULL : pl_closest(cfg->buses[i], names, count);
    if (!bus)
      return near ? pl_fail(err, PL_E_USAGE, "%s has no bus '%s', did you mean '%s'?", rig->path, cfg->buses[i], near)
                  : pl_fail(err, PL_E_USAGE, "%s has no bus '%s'; `plumb rig` lists them", rig->path, cfg->buses[i]);
    if (bus->kind == PL_BUS_GPIO)
      return pl_fail(err, PL_E_USAGE, "bus '%s' is GPIO, which has no addresses to ask; name an I2C or Modbus bus", bus->name);
  }
  return PL_OK;
}

/* --- the bench --- */

struct opening {
  const struct pl_probe_cfg *cfg;
  struct pl_probe *probe;
};

static struct pl_probe_bus *row_of(struct pl_probe *probe, const struct pl_rig_bus *bus)
{
  for (size_t i = 0; i < probe->n_buses; i++)
    if (probe->buses[i].bus == bus)
      return &probe->buses[i];
  return NULL;
}

static bool skip(void *ctx, const struct pl_rig_bus *as, const struct pl_err *why)
{
  struct opening *opening = ctx;
  struct pl_probe_bus *row = row_of(opening->probe, as);
  if (row && why) {
    row->status = why->status;
    row->err = *why;
  }
  return !row || why;
}

static struct pl_probe *new_probe(const struct pl_rig *rig, const struct pl_probe_cfg *cfg)
{
  struct pl_probe *probe = calloc(1, sizeof *probe);
  if (!probe)
    return NULL;
  probe->buses = calloc(rig->n_buses + 1, sizeof *probe->buses);
  for (size_t i = 0; i < rig->n_buses && probe->buses; i++)
    if (is_wanted(cfg, &rig->buses[i]))
      probe->buses[probe->n_buses++].bus = &rig->buses[i];
  if (probe->buses)
    return probe;
  free(probe);
  return NULL;
}

static void count_up(struct pl_probe *probe)
{
  for (size_t i = 0; i < probe->n_buses; i++) {
    const struct pl_probe_bus *bus = &probe->buses[i];
    probe->failed += bus->status != PL_OK && bus->status != PL_E_CANCELLED;
    for (size_t k = 0; k < bus->n_hits; k++) {
      probe->missing += bus->hits[k].expected && !bus->hits[k].answers && !bus->hits[k].expected->desc->sleeps;
      probe->unexpected += !bus->hits[k].expected;
    }
  }
}

enum pl_status pl_probe_rig(const struct pl_rig *rig, const struct pl_probe_cfg *cfg, struct pl_probe **out, struct pl_err *err)
{
  enum pl_status status = check_names(rig, cfg, err);
  if (status)
    return status;
  struct opening opening = {cfg, new_probe(rig, cfg)};
  if (!opening.probe)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a scan of %s", rig->path);
  const struct pl_bench_cfg bench_cfg = {.clock = cfg->clock, .seed = 1, .observe = true, .buses_only = true, .skip = skip, .skip_ctx = &opening};
  struct pl_bench *bench = NULL;
  status = pl_bench_open(rig, &bench_cfg, &bench, err);
  for (size_t i = 0; i < opening.probe->n_buses && !status; i++) {
    struct pl_probe_bus *row = &opening.probe->buses[i];
    if (cfg->stop && *cfg->stop)
      row->status = pl_fail(&row->err, PL_E_CANCELLED, "not asked: stopped before");
    if (!row->status)
      ask_bus(rig, cfg, pl_bench_bus(bench, row->bus->name), row);
    opening.probe->stopped |= row->status == PL_E_CANCELLED;
  }
  pl_bench_close(bench);
  if (status) {
    pl_probe_free(opening.probe);
    return status;
  }
  count_up(opening.probe);
  *out = opening.probe;
  return PL_OK;
}

void pl_probe_free(struct pl_probe *probe)
{
  if (!probe)
    return;
  for (size_t i = 0; i < probe->n_buses; i++)
    free(probe->buses[i].hits);
  free(probe->buses);
  free(probe);
}

void pl_probe_set_timeout(struct pl_rig *rig, pl_time_ns timeout_ns)
{
  for (size_t i = 0; i < rig->n_buses; i++)
    for (size_t k = 0; k < rig->buses[i].values.count; k++) {
      struct pl_value *value = (struct pl_value *)&rig->buses[i].values.items[k]; /* made by the rig's reader, and ours to change */
      if (!strcmp(value->param->name, "response-timeout"))
        value->number = timeout_ns / PL_US;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rig/bench_in.h"
#include "drivers/rig/presence.h"
#include "drivers/rig/read.h"

#include <stdlib.h>
#include <string.h>

/* --- what to open --- */

static enum pl_status check_clock(const struct pl_rig *rig, const struct pl_bench_cfg *cfg, struct pl_err *err)
{
  for (size_t i = 0; i < rig->n_buses; i++)
    if (!rig->buses[i].on_twin && !cfg->rehearsal && !cfg->stand_in && pl_clock_is_virtual(cfg->clock))
      return pl_fail(err, PL_E_USAGE, "%s:%d: bus '%s' (adapter '%s') is real, expected a bus on the twin: virtual time cannot drive hardware", rig->path,
                     rig->buses[i].line, rig->buses[i].name, rig->buses[i].adapter->name);
  return PL_OK;
}

/* Faults from the start: in the rack, or on real buses through a proxy that stands there from the start. */
static enum pl_status plant_first(struct pl_bench *bench, const struct pl_bench_cfg *cfg, struct pl_err *err)
{
  struct pl_planting *planting = &bench->planting;
  *planting = (struct pl_planting){.rig = bench->rig, .rack_desc = bench->backend_desc, .rack = bench->backend};
  if (cfg->stand_in || cfg->safe_only)
    return PL_OK;
  enum pl_status status = (cfg->n_faults || cfg->proxy) && !cfg->rehearsal ? pl_planting_open_proxy(planting, bench->clock, cfg->seed, err) : PL_OK;
  if (!status && cfg->n_faults && !planting->rack && !planting->proxy)
    return pl_fail(err, PL_E_USAGE, "fault '%s': %s has no bus on the twin, expected one: a fault is planted in the virtual rack", cfg->faults[0],
                   bench->rig->path);
  for (size_t i = 0; i < cfg->n_faults && !status; i++)
    if ((status = pl_planting_plant(planting, cfg->faults[i], err)))
      pl_err_prefix(err, "fault '%s'", cfg->faults[i]);
  return status;
}

static enum pl_status open_backend(struct pl_bench *bench, const struct pl_bench_cfg *cfg, struct pl_err *err)
{
  const struct pl_rig *rig = bench->rig;
  bool any = cfg->rehearsal;
  bench->all_virtual = !cfg->safe_only;
  if (cfg->safe_only)
    return PL_OK;
  for (size_t i = 0; i < rig->n_buses; i++) {
    any |= rig->buses[i].on_twin;
    bench->all_virtual &= cfg->rehearsal || rig->buses[i].on_twin;
  }
  bool remote = rig->twin_socket && !cfg->rehearsal;
  if (remote && any)
    return pl_fail(err, PL_E_USAGE, "%s has a `twin-socket` and a bus on the twin of this process, expected one or the other", rig->path);
  any |= remote;
  if (!any || cfg->stand_in)
    return PL_OK;
  const struct pl_backend_desc *desc = pl_backend_find(remote ? "twin-remote" : "twin");
  if (!desc)
    return pl_fail(err, PL_E_UNSUPPORTED, "%s needs the virtual rack, and this program was built without it", rig->path);
  enum pl_status status = desc->open(rig, bench->clock, cfg->seed, cfg->rehearsal, &bench->backend, err);
  if (status)
    return status;
  bench->backend_desc = desc;
  return PL_OK;
}

/* --- buses --- */

/* The adapter that answers for a bus in a rehearsal: the virtual one of its kind, or a real Modbus library against the twin's server. */
static enum pl_status virtual_adapter(const struct pl_rig_bus *bus, const struct pl_adapter_desc **adapter, struct pl_err *err)
{
  const char *name = bus->kind == PL_BUS_MODBUS ? "modbus-tcp" : "twin";
  *adapter = bus->on_twin ? bus->adapter : pl_adapter_find(bus->kind, name);
  if (!*adapter)
    return pl_fail(err, PL_E_UNSUPPORTED, "a rehearsal needs the %s adapter '%s', and this program was built without it", pl_bus_kind_name(bus->kind), name);
  return PL_OK;
}

/* What the rig says of the bus, as far as the other adapter has a like setting (the speed of an I2C bus); the rest by its fallbacks. */
static enum pl_status stand_in_value(const struct pl_param *param, const struct pl_values *given, struct pl_value *value, struct pl_err *err)
{
  const char *text = param->fallback;
  for (size_t i = 0; i < given->count; i++) {
    const struct pl_value *own = &given->items[i];
    if (own->given && own->param->kind == param->kind && own->param->dim == param->dim && !strcmp(own->param->name, param->name))
      text = own->text;
  }
  if (!strcmp(param->name, "host"))
    text = "twin";
  *value = (struct pl_value){.param = param};
  if (text)
    return pl_value_parse(param, text, value, err);
  return param->required ? pl_fail(err, PL_E_UNSUPPORTED, "a rehearsal cannot tell the adapter's '%s'", param->name) : PL_OK;
}

static enum pl_status make_stand_in(const struct pl_adapter_desc *adapter, const struct pl_values *given, struct pl_values *values, struct pl_err *err)
{
  struct pl_value *items = calloc(adapter->n_params ? adapter->n_params : 1, sizeof *items);
  if (!items)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the values of an adapter");
  *values = (struct pl_values){items, adapter->n_params};
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < adapter->n_params && !status; i++)
    status = stand_in_value(&adapter->params[i], given, &items[i], err);
  return status;
}

/* cfg NULL: the rig's own adapter, or the virtual one in a rehearsal, and nobody is told. *out may be a bus that is to be freed also on failure. */
static enum pl_status open_adapter(struct pl_bench *bench, const struct pl_bench_cfg *cfg, size_t i, struct pl_clock *clock, struct pl_bus **out,
                                   struct pl_err *err)
{
  const struct pl_rig_bus *bus = &bench->rig->buses[i];
  const struct pl_adapter_desc *adapter = bus->adapter;
  struct pl_adapter_args args = {bus->name, &bus->values, bench->backend, bench->share};
  enum pl_status status = bench->rehearsal ? virtual_adapter(bus, &adapter, err) : PL_OK;
  if (!status && bench->rehearsal && !bus->on_twin) {
    if (!bench->stand_ins[i].items)
      status = make_stand_in(adapter, &bus->values, &bench->stand_ins[i], err);
    args.values = &bench->stand_ins[i];
  }
  if (!status)
    status = pl_bus_new(bus->name, bus->kind, clock, out, err);
  if (!status)
    status = cfg && cfg->stand_in ? cfg->stand_in(cfg->stand_in_ctx, *out, bus, err) : adapter->open(*out, &args, err);
  if (!status && cfg && !cfg->stand_in)
    status = pl_planting_attach(&bench->planting, *out, bus, err);
  if (!status && cfg && cfg->opened)
    status = cfg->opened(cfg->opened_ctx, *out, bus, err);
  if (status)
    pl_err_prefix(err, "bus '%s' (adapter '%s')", bus->name, adapter ? adapter->name : bus->adapter->name);
  return status;
}

enum pl_status pl_bench_open_bus(struct pl_bench *bench, const struct pl_rig_bus *bus, struct pl_clock *clock, struct pl_bus **out, struct pl_err *err)
{
  struct pl_bus *opened = NULL;
  enum pl_status status = open_adapter(bench, NULL, (size_t)(bus - bench->rig->buses), clock, &opened, err);
  if (status)
    pl_bus_free(opened);
  else
    *out = opened;
  return status;
}

/* Whether a guardian has anything to do with it. */
static bool needs_safe(const struct pl_rig_device *device)
{
  return device->n_safe && !device->bus->on_twin && device->owner != PL_OWNER_INTERLOCK;
}

static bool is_of_owner(const struct pl_bench_cfg *cfg, const struct pl_rig_device *device)
{
  return !cfg->owners || (cfg->owners & 1u << device->owner);
}

static bool is_wanted(const struct pl_rig *rig, const struct pl_bench_cfg *cfg, const struct pl_rig_bus *bus)
{
  bool wanted = !cfg->safe_only && !cfg->owners;
  for (size_t i = 0; i < rig->n_devices && !wanted; i++)
    wanted = rig->devices[i].bus == bus && is_of_owner(cfg, &rig->devices[i]) && (!cfg->safe_only || needs_safe(&rig->devices[i]));
  return wanted;
}

/* Whether to try once more what another program held; a moment later. The moments are of one allowance, which is the whole bench's: who really holds several
 * lines does not hold up the rest once for each. */
static bool is_patient(const struct pl_bench *bench, const struct pl_bench_cfg *cfg, enum pl_status status)
{
  pl_time_ns now = pl_clock_now(bench->clock);
  if (status != PL_E_LOCKED || !cfg->safe_only || now >= bench->patient_until)
    return false;
  pl_clock_sleep_until(bench->clock, now + PL_MS);
  return true;
}

static enum pl_status open_bus(struct pl_bench *bench, const struct pl_bench_cfg *cfg, size_t i, struct pl_err *err)
{
  enum pl_status status = open_adapter(bench, cfg, i, bench->clock, &bench->buses[i], err);
  while (is_patient(bench, cfg, status)) {
    pl_bus_free(bench->buses[i]);
    bench->buses[i] = NULL;
    status = open_adapter(bench, cfg, i, bench->clock, &bench->buses[i], err);
  }
  return status;
}

static void close_devices_of(struct pl_bench *bench, const struct pl_rig_bus *bus, const struct pl_err *why)
{
  for (size_t i = 0; i < bench->rig->n_devices; i++)
    if (bench->rig->devices[i].bus == bus)
      bench->closed[i] = *why;
}

static enum pl_status open_buses(struct pl_bench *bench, const struct pl_bench_cfg *cfg, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < bench->rig->n_buses && !status; i++) {
    const struct pl_rig_bus *bus = &bench->rig->buses[i];
    struct pl_err why = {0};
    if ((bench->taken[i] && !cfg->buses_only) || (cfg->skip && cfg->skip(cfg->skip_ctx, bus, NULL)) || !is_wanted(bench->rig, cfg, bus))
      continue;
    status = open_bus(bench, cfg, i, &why);
    bool goes_on = cfg->safe_only && !(cfg->alone && status == PL_E_LOCKED);
    if (status && goes_on)
      close_devices_of(bench, bus, &why);
    if (status && (goes_on || (cfg->skip && cfg->skip(cfg->skip_ctx, bus, &why)))) {
      pl_bus_free(bench->buses[i]);
      bench->buses[i] = NULL;
      status = PL_OK;
    } else if (status) {
      pl_fail(err, status, "%s", why.text);
    }
  }
  return status;
}

/* --- devices --- */

static struct pl_bus *bus_of(const struct pl_bench *bench, const struct pl_rig_bus *bus)
{
  return bench->buses[bus - bench->rig->buses];
}

/* What a guardian needs of it: the fewer lines it asks for, the sooner it acts, and the fewer can be another program's. */
static uint64_t safe_quantities(const struct pl_rig_device *device)
{
  uint64_t only = 0;
  for (size_t k = 0; k < device->n_safe; k++) {
    size_t at = (size_t)(device->safe[k].quantity - device->shape.quantities);
    if (at >= 64)
      return 0;
    only |= UINT64_C(1) << at;
  }
  return only;
}

static enum pl_status open_device(struct pl_bench *bench, const struct pl_bench_cfg *cfg, size_t i, struct pl_err *err)
{
  const struct pl_rig_device *device = &bench->rig->devices[i];
  const struct pl_device_args args = {.name = device->name, .bus = bus_of(bench, device->bus), .values = &device->values, .shape = &device->shape,
                                      .observe = cfg->observe, .only = cfg->safe_only ? safe_quantities(device) : 0};
  enum pl_status status;
  do
    status = pl_device_open(device->desc, &args, &bench->devices[i], err);
  while (is_patient(bench, cfg, status));
  return status;
}

/* One that cannot be opened is no reason to leave the others. */
static enum pl_status open_safe_device(struct pl_bench *bench, const struct pl_bench_cfg *cfg, size_t i, struct pl_err *err)
{
  struct pl_err *why = &bench->closed[i];
  return open_device(bench, cfg, i, why) == PL_E_LOCKED && cfg->alone ? pl_fail(err, PL_E_LOCKED, "%s", why->text) : PL_OK;
}

static enum pl_status open_devices(struct pl_bench *bench, const struct pl_bench_cfg *cfg, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < bench->rig->n_devices && !status; i++) {
    const struct pl_rig_device *device = &bench->rig->devices[i];
    if (device->owner == PL_OWNER_INTERLOCK || !is_of_owner(cfg, device))
      continue;
    if (cfg->safe_only && needs_safe(device) && !bench->closed[i].status)
      status = open_safe_device(bench, cfg, i, err);
    else if (!cfg->safe_only)
      status = open_device(bench, cfg, i, err);
  }
  return status;
}

/* --- the bench --- */

static struct pl_bench *new_bench(const struct pl_rig *rig, struct pl_clock *clock)
{
  struct pl_bench *bench = calloc(1, sizeof *bench);
  if (!bench)
    return NULL;
  bench->rig = rig;
  bench->clock = clock;
  bench->buses = calloc(rig->n_buses + 1, sizeof *bench->buses);
  bench->stand_ins = calloc(rig->n_buses + 1, sizeof *bench->stand_ins);
  bench->devices = calloc(rig->n_devices + 1, sizeof *bench->devices);
  bench->closed = calloc(rig->n_devices + 1, sizeof *bench->closed);
  bench->taken = calloc(rig->n_buses + 1, sizeof *bench->taken);
  bench->bounded = calloc(rig->n_buses + 1, sizeof *bench->bounded);
  size_t n_safe = 0;
  for (size_t i = 0; i < rig->n_devices; i++) {
    n_safe += rig->devices[i].n_safe;
    if (bench->taken && rig->devices[i].owner == PL_OWNER_INTERLOCK)
      bench->taken[rig->devices[i].bus - rig->buses] = true;
  }
  bench->unsafe = calloc(n_safe + 1, sizeof *bench->unsafe);
  struct pl_err ignored = {0};
  bool shared = !pl_share_new(&bench->share, &ignored);
  if (shared && bench->buses && bench->stand_ins && bench->devices && bench->closed && bench->taken && bench->bounded && bench->unsafe)
    return bench;
  pl_bench_close(bench);
  return NULL;
}

/* This program opens some owners' devices, another one the others': never both one bus, unless its broker has it. On the twin each has a rack of its own, or one
 * that stands between them. */
static enum pl_status check_apart(const struct pl_rig *rig, const struct pl_bench_cfg *cfg, struct pl_err *err)
{
  for (size_t i = 0; cfg->owners && i < rig->n_devices; i++) {
    const struct pl_rig_device *own = &rig->devices[i];
    if (!is_of_owner(cfg, own) || own->bus->on_twin || own->bus->adapter->is_virtual || !strcmp(own->bus->adapter->name, "remote"))
      continue;
    for (size_t k = 0; k < rig->n_devices; k++)
      if (rig->devices[k].bus == own->bus && !is_of_owner(cfg, &rig->devices[k]))
        return pl_fail(err, PL_E_USAGE,
                       "%s:%d: bus '%s' has '%s' (line %d, owner %s) and '%s' (line %d, owner %s), and two programs would open it; give each owner a bus of its own, "
                       "or let `plumb broker` have it and say adapter: remote here",
                       rig->path, own->bus->line, own->bus->name, own->name, own->line, pl_owner_name(own->owner), rig->devices[k].name, rig->devices[k].line,
                       pl_owner_name(rig->devices[k].owner));
  }
  return PL_OK;
}

enum pl_status pl_bench_open(const struct pl_rig *rig, const struct pl_bench_cfg *cfg, struct pl_bench **out, struct pl_err *err)
{
  enum pl_status status = check_clock(rig, cfg, err);
  if (!status)
    status = pl_rig_check_owners(rig, err);
  if (!status)
    status = check_apart(rig, cfg, err);
  if (status)
    return status;
  struct pl_bench *bench = new_bench(rig, cfg->clock);
  if (!bench)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a bench");
  bench->rehearsal = cfg->rehearsal;
  bench->patient_until = pl_clock_now(cfg->clock) + cfg->patience_ns;
  status = open_backend(bench, cfg, err);
  if (!status)
    status = plant_first(bench, cfg, err);
  if (!status)
    status = open_buses(bench, cfg, err);
  if (!status && !cfg->buses_only)
    status = open_devices(bench, cfg, err);
  if (!status && !cfg->buses_only && !cfg->observe) /* who only looks makes nothing safe */
    status = pl_presence_new(rig, bench->buses, bench->devices, &bench->planting, &bench->presence, err);
  if (status) {
    pl_bench_close(bench);
    return status;
  }
  *out = bench;
  return PL_OK;
}

void pl_bench_close(struct pl_bench *bench)
{
  if (!bench)
    return;
  for (size_t i = 0; i < bench->rig->n_buses && bench->buses; i++) /* first: a job that runs or is cancelled needs its device */
    pl_bus_stop(bench->buses[i]);
  pl_presence_free(bench->presence);
  for (size_t i = bench->rig->n_devices; i-- > 0 && bench->devices;)
    if (bench->devices[i])
      pl_device_close(bench->devices[i]);
  for (size_t i = bench->rig->n_buses; i-- > 0 && bench->buses;)
    if (bench->buses[i])
      pl_bus_free(bench->buses[i]);
  for (size_t i = 0; i < bench->rig->n_buses && bench->stand_ins; i++)
    free((void *)bench->stand_ins[i].items);
  pl_planting_close(&bench->planting);
  if (bench->backend)
    bench->backend_desc->close(bench->backend);
  pl_share_free(bench->share);
  free(bench->closed);
  free(bench->unsafe);
  free(bench->bounded);
  free(bench->taken);
  free(bench->devices);
  free(bench->stand_ins);
  free(bench->buses);
  free(bench);
}

void pl_bench_watch(struct pl_bench *bench, void (*fn)(void *ctx, const struct pl_rig_bus *bus, bool here, const char *text), void *ctx)
{
  if (bench->presence)
    pl_presence_watch(bench->presence, fn, ctx);
}

struct pl_clock *pl_bench_clock(const struct pl_bench *bench)
{
  return bench->clock;
}

const struct pl_rig *pl_bench_rig(const struct pl_bench *bench)
{
  return bench->rig;
}

struct pl_device *pl_bench_device(const struct pl_bench *bench, const char *name)
{
  for (size_t i = 0; i < bench->rig->n_devices; i++) /* most ask with the rig's own word */
    if (bench->rig->devices[i].name == name)
      return bench->devices[i];
  const struct pl_rig_device *device = pl_rig_device(bench->rig, name);
  return device ? bench->devices[device - bench->rig->devices] : NULL;
}

struct pl_bus *pl_bench_bus(const struct pl_bench *bench, const char *name)
{
  for (size_t i = 0; i < bench->rig->n_buses; i++)
    if (pl_same_word(bench->rig->buses[i].name, name))
      return bench->buses[i];
  return NULL;
}

bool pl_bench_all_virtual(const struct pl_bench *bench)
{
  return bench->all_virtual;
}

const struct pl_backend_desc *pl_bench_backend_desc(const struct pl_bench *bench)
{
  return bench->backend_desc;
}

struct pl_backend *pl_bench_backend(const struct pl_bench *bench)
{
  return bench->backend;
}

enum pl_status pl_bench_plant(struct pl_bench *bench, const char *spec, struct pl_err *err)
{
  return pl_planting_plant(&bench->planting, spec, err);
}

enum pl_status pl_bench_clear(struct pl_bench *bench, const char *spec, struct pl_err *err)
{
  return pl_planting_clear(&bench->planting, spec, err);
}

enum pl_status pl_bench_planted(struct pl_bench *bench, void (*fn)(void *ctx, const struct pl_fault_told *each), void *ctx, struct pl_err *err)
{
  return pl_planting_tell(&bench->planting, fn, ctx, err);
}

enum pl_status pl_bench_acted(struct pl_bench *bench, const char *spec, uint64_t *acted, struct pl_err *err)
{
  return pl_planting_acted(&bench->planting, spec, acted, err);
}

bool pl_bench_can_plant(const struct pl_bench *bench)
{
  return bench->planting.rack || bench->planting.proxy;
}

/* --- all devices --- */

enum pl_status pl_bench_probe(struct pl_bench *bench, const struct pl_rig_device **failed, struct pl_err *err)
{
  for (size_t i = 0; i < bench->rig->n_devices; i++) {
    const struct pl_rig_device *device = &bench->rig->devices[i];
    if (!device->desc->probe || !bench->devices[i])
      continue;
    struct pl_call call = {.device = bench->devices[i], .kind = PL_CALL_PROBE};
    enum pl_status status = pl_call_run(&call, err);
    if (!status)
      continue;
    if (failed)
      *failed = device;
    return status;
  }
  return PL_OK;
}

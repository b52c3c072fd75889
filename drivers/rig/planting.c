/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rig/planting.h"
#include "drivers/rig/rig.h"

#include <string.h>

static bool is_real(const struct pl_planting *planting, const struct pl_rig_bus *bus)
{
  return !bus->on_twin && !(planting->rack && planting->rig->twin_socket); /* a rack behind the real adapters takes every fault itself */
}

enum pl_status pl_planting_open_proxy(struct pl_planting *planting, struct pl_clock *clock, uint64_t seed, struct pl_err *err)
{
  bool any = false;
  for (size_t i = 0; i < planting->rig->n_buses; i++)
    any |= is_real(planting, &planting->rig->buses[i]) && planting->rig->buses[i].kind != PL_BUS_GPIO;
  const struct pl_backend_desc *desc = any ? pl_backend_find("proxy") : NULL;
  if (!desc)
    return PL_OK;
  planting->proxy_desc = desc;
  return desc->open(planting->rig, clock, seed, false, &planting->proxy, err);
}

void pl_planting_close(struct pl_planting *planting)
{
  if (planting->proxy)
    planting->proxy_desc->close(planting->proxy);
  planting->proxy = NULL;
}

enum pl_status pl_planting_attach(struct pl_planting *planting, struct pl_bus *bus, const struct pl_rig_bus *as, struct pl_err *err)
{
  return planting->proxy && is_real(planting, as) ? planting->proxy_desc->attach(planting->proxy, bus, as, err) : PL_OK;
}

/* The bus of a device or bus that the spec is about; NULL: it is about something else (a part). */
static const struct pl_rig_bus *bus_meant(const struct pl_rig *rig, const char *spec)
{
  char name[64];
  size_t len = strcspn(spec, ".=");
  if (len >= sizeof name)
    return NULL;
  snprintf(name, sizeof name, "%.*s", (int)len, spec);
  for (char *c = name; *c; c++)
    *c = *c == '_' ? '-' : *c;
  const struct pl_rig_device *device = pl_rig_device(rig, name);
  for (size_t i = 0; i < rig->n_buses && !device; i++)
    if (!strcmp(rig->buses[i].name, name))
      return &rig->buses[i];
  return device ? device->bus : NULL;
}

enum pl_status pl_planting_plant(struct pl_planting *planting, const char *spec, struct pl_err *err)
{
  const struct pl_rig_bus *bus = bus_meant(planting->rig, spec);
  bool real = planting->proxy && (!planting->rack || (bus && is_real(planting, bus)));
  if (real)
    return planting->proxy_desc->plant(planting->proxy, spec, err);
  if (planting->rack)
    return planting->rack_desc->plant(planting->rack, spec, err);
  return pl_fail(err, PL_E_USAGE, "nothing can be planted here: %s has no virtual rack, and no in-line proxy was opened in front of its buses",
                 planting->rig->path);
}

static void count_one(void *ctx, const struct pl_fault_told *each)
{
  (void)each;
  ++*(size_t *)ctx;
}

static size_t how_many(const struct pl_backend_desc *desc, struct pl_backend *backend)
{
  size_t n = 0;
  if (backend && desc->planted)
    desc->planted(backend, count_one, &n, NULL);
  return n;
}

/* Where the spec was planted is where it is cleared; when both have none such, the sentence of the one that has any. */
enum pl_status pl_planting_clear(struct pl_planting *planting, const char *spec, struct pl_err *err)
{
  struct pl_err own = {0};
  enum pl_status proxy = PL_E_USAGE, rack = PL_E_USAGE;
  if (planting->proxy)
    proxy = planting->proxy_desc->clear(planting->proxy, spec, &own);
  if (planting->rack && (proxy || !spec))
    rack = planting->rack_desc->clear(planting->rack, spec, planting->proxy && how_many(planting->proxy_desc, planting->proxy) ? NULL : &own);
  if (!proxy || !rack)
    return PL_OK;
  return pl_fail(err, own.status ? own.status : PL_E_USAGE, "%s", *own.text ? own.text : "nothing is planted here");
}

enum pl_status pl_planting_tell(struct pl_planting *planting, void (*fn)(void *ctx, const struct pl_fault_told *each), void *ctx, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  if (planting->rack && planting->rack_desc->planted)
    status = planting->rack_desc->planted(planting->rack, fn, ctx, err);
  if (!status && planting->proxy)
    status = planting->proxy_desc->planted(planting->proxy, fn, ctx, err);
  return status;
}

struct sum {
  const char *spec;
  uint64_t acted;
  size_t matches;
};

/* Whether what was planted begins with the words asked for. */
static bool begins_with(const char *planted, const char *spec)
{
  for (; *spec; planted++, spec++)
    if ((*planted == '_' ? '-' : *planted) != (*spec == '_' ? '-' : *spec))
      return false;
  return !*planted || strchr("=:@ ,", *planted);
}

static void add_up(void *ctx, const struct pl_fault_told *each)
{
  struct sum *sum = ctx;
  if (sum->spec && !begins_with(each->spec, sum->spec))
    return;
  sum->acted += each->acted;
  sum->matches++;
}

enum pl_status pl_planting_acted(struct pl_planting *planting, const char *spec, uint64_t *acted, struct pl_err *err)
{
  struct sum sum = {.spec = spec};
  enum pl_status status = pl_planting_tell(planting, add_up, &sum, err);
  if (!status && spec && !sum.matches)
    return pl_fail(err, PL_E_USAGE, "no fault '%.120s' is planted", spec);
  *acted = sum.acted;
  return status;
}

void pl_planting_bypass(struct pl_planting *planting, const struct pl_rig_bus *bus, bool on)
{
  if (planting->proxy && is_real(planting, bus))
    planting->proxy_desc->bypass(planting->proxy, bus, on);
}

void pl_planting_lift(struct pl_planting *planting)
{
  if (planting->proxy)
    planting->proxy_desc->lift(planting->proxy);
}

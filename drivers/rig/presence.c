/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rig/presence.h"

#include <stdlib.h>

#define TIMEOUT_NS (2 * PL_S)

struct place { /* a bus */
  struct pl_presence *presence;
  const struct pl_rig_bus *bus;
  struct pl_call *calls; /* one a safe value of its devices, in the rig's order */
  size_t n_calls, left;  /* left: not done */
  bool again;            /* it went and came while they were on their way: once more */
  struct pl_err failed;  /* the first that failed */
};

struct pl_presence {
  struct pl_planting *planting;
  struct place *places;
  size_t n_places;
  void (*fn)(void *ctx, const struct pl_rig_bus *bus, bool here, const char *text);
  void *ctx;
};

static void tell(const struct place *place, bool here, const char *text)
{
  if (place->presence->fn)
    place->presence->fn(place->presence->ctx, place->bus, here, text);
}

static void apply_safe(struct place *place);

static void call_done(struct pl_call *call)
{
  struct place *place = call->ctx;
  if (call->job.status && !place->failed.status)
    place->failed = call->job.err;
  if (--place->left)
    return;
  bool again = place->again && place->failed.status != PL_E_CANCELLED;
  if (!again)
    pl_planting_bypass(place->presence->planting, place->bus, false);
  if (again)
    apply_safe(place);
  else if (!place->failed.status)
    tell(place, true, "");
  else if (place->failed.status != PL_E_CANCELLED && place->failed.status != PL_E_GONE) /* gone again: that is told by itself */
    tell(place, true, place->failed.text);
}

static void apply_safe(struct place *place)
{
  place->again = place->left > 0; /* some of those on their way may have met the adapter before it was back, or before it went */
  if (place->again)
    return;
  place->failed = (struct pl_err){0};
  place->left = place->n_calls;
  if (place->n_calls)
    pl_planting_bypass(place->presence->planting, place->bus, true);
  for (size_t i = 0; i < place->n_calls; i++) { /* a bus is first in, first out: they run in this order */
    struct pl_call *call = &place->calls[i];
    *call = (struct pl_call){.device = call->device, .kind = PL_CALL_SET, .quantity = call->quantity, .value_u = call->value_u, .timeout_ns = TIMEOUT_NS,
                             .done = call_done, .ctx = place};
    pl_call_submit(call);
  }
  if (!place->n_calls)
    tell(place, true, "");
}

static void on_presence(void *ctx, struct pl_bus *bus, bool here, const char *cause)
{
  (void)bus;
  struct place *place = ctx;
  if (here)
    apply_safe(place);
  else
    tell(place, false, cause);
}

static bool collect_calls(struct place *place, const struct pl_rig *rig, struct pl_device *const *devices)
{
  size_t n = 0;
  for (size_t i = 0; i < rig->n_devices; i++)
    n += rig->devices[i].bus == place->bus && devices[i] ? rig->devices[i].n_safe : 0; /* NULL: another owner's, on a bus that both share */
  place->calls = calloc(n + 1, sizeof *place->calls);
  for (size_t i = 0; i < rig->n_devices && place->calls; i++)
    for (size_t k = 0; rig->devices[i].bus == place->bus && devices[i] && k < rig->devices[i].n_safe; k++)
      place->calls[place->n_calls++] =
          (struct pl_call){.device = devices[i], .quantity = rig->devices[i].safe[k].quantity, .value_u = rig->devices[i].safe[k].value_u};
  return place->calls;
}

enum pl_status pl_presence_new(const struct pl_rig *rig, struct pl_bus *const *buses, struct pl_device *const *devices, struct pl_planting *planting,
                               struct pl_presence **out, struct pl_err *err)
{
  struct pl_presence *presence = calloc(1, sizeof *presence);
  if (presence)
    presence->places = calloc(rig->n_buses + 1, sizeof *presence->places);
  bool whole = presence && presence->places;
  if (whole)
    presence->planting = planting;
  for (size_t i = 0; i < rig->n_buses && whole; i++) {
    if (!buses[i]) /* the interlock's */
      continue;
    struct place *place = &presence->places[presence->n_places++];
    *place = (struct place){.presence = presence, .bus = &rig->buses[i]};
    whole = collect_calls(place, rig, devices);
    pl_bus_watch(buses[i], on_presence, place);
  }
  if (!whole) {
    pl_presence_free(presence);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the adapters' presence");
  }
  *out = presence;
  return PL_OK;
}

void pl_presence_free(struct pl_presence *presence)
{
  if (!presence)
    return;
  for (size_t i = 0; i < presence->n_places; i++)
    free(presence->places[i].calls);
  free(presence->places);
  free(presence);
}

void pl_presence_watch(struct pl_presence *presence, void (*fn)(void *ctx, const struct pl_rig_bus *bus, bool here, const char *text), void *ctx)
{
  presence->fn = fn;
  presence->ctx = ctx;
}

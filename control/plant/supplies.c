/* SPDX-License-Identifier: Apache-2.0 */
/* Supplies: redundancy as it is, one that rests while it is not needed, and the cap on what the rack takes. */
#include "control/plant/plant_in.h"

#include "control/procedure/leak.h"
#include "control/procedure/procedure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a supply says of itself makes it a StandbySpare (control/inventory/derive.c). */
#define REST_AFTER (60 * PL_S)  /* the load must have been low that long */
#define REST_BELOW 0.5          /* of what the others carry without their warning limit */
#define SHED_AFTER (10 * PL_S)  /* above the cap that long: a CSU is powered off, the last of the rack first */

#define FULL_POWER_W 600.0      /* what a CSU may take whose part does not say (the world's fallback, too) */

/* --- redundancy --- */

static unsigned needed_supplies(const struct pl_stack *stack)
{
  const struct pl_item *bar = pl_inventory_first(stack->inventory, PL_ITEM_BUSBAR);
  return bar ? (unsigned)pl_part_value(bar, "redundancy", PL_DIM_NONE, 0) : 0;
}

/* A supply that rests counts: it wakes by itself when the bus falls. */
static bool works(const struct pl_item *item)
{
  return (item->state == PL_STATE_ENABLED || item->state == PL_STATE_STANDBY_SPARE) && item->health != PL_HEALTH_CRITICAL;
}

void pl_plant_redundancy(const struct pl_stack *stack, enum pl_item_kind of, struct pl_redundancy *out)
{
  *out = (struct pl_redundancy){.mode = "NPlusM"};
  for (struct pl_item *item = pl_inventory_first(stack->inventory, of); item; item = pl_item_next(stack->inventory, item)) {
    out->members++;
    out->working += works(item);
    out->coming += pl_item_is_coming(stack, item);
  }
  out->min_needed = of == PL_ITEM_PSU ? needed_supplies(stack) : out->members > 1 ? out->members - 1 : out->members;
  if (!out->min_needed)
    out->min_needed = out->members;
  if (out->members <= out->min_needed)
    out->mode = "NotRedundant";
  out->health = out->working < out->min_needed ? PL_HEALTH_CRITICAL : out->working < out->members ? PL_HEALTH_WARNING : PL_HEALTH_OK;
}

/* --- power --- */

double pl_plant_power_W(const struct pl_stack *stack)
{
  double sum = 0;
  bool any = false;
  for (struct pl_item *psu = pl_inventory_first(stack->inventory, PL_ITEM_PSU); psu; psu = pl_item_next(stack->inventory, psu)) {
    double value;
    if (psu->state == PL_STATE_ABSENT || psu->state == PL_STATE_UNAVAILABLE)
      continue;
    if (!pl_item_value(stack, psu, "supply", "pout", stack->settings.stale_ns, &value))
      return NAN;
    sum += value;
    any = true;
  }
  return any ? sum : NAN;
}

static enum pl_status coolant_allows(const struct pl_stack *stack, const struct pl_item *csu, struct pl_err *err)
{
  for (struct pl_item *item = pl_inventory_first(stack->inventory, PL_ITEM_VALVE); item; item = pl_item_next(stack->inventory, item)) {
    double open;
    if (item->parent == csu->parent && pl_item_value(stack, item, "valve", "position-open", stack->settings.stale_ns, &open) && open < 0.5)
      return pl_fail(err, PL_E_BUSY, "%s gets no coolant: %s is not open; open it first", csu->id, item->id);
  }
  struct pl_redundancy pumps;
  pl_plant_redundancy(stack, PL_ITEM_PUMP, &pumps);
  if (pumps.members && !pumps.working && pumps.coming)
    return pl_fail(err, PL_E_EARLY, "%s: no pump was seen to run yet; ask again in a moment", csu->id);
  if (pumps.members && !pumps.working)
    return pl_fail(err, PL_E_BUSY, "%s gets no coolant: no pump runs; start one first", csu->id);
  return PL_OK;
}

enum pl_status pl_plant_may_power(const struct pl_stack *stack, const struct pl_item *csu, struct pl_err *err)
{
  enum pl_status status = pl_leak_forbids(stack, csu, err);
  if (!status)
    status = coolant_allows(stack, csu, err);
  if (status)
    return status;
  struct pl_redundancy supplies;
  pl_plant_redundancy(stack, PL_ITEM_PSU, &supplies);
  if (supplies.working < supplies.min_needed && supplies.working + supplies.coming >= supplies.min_needed)
    return pl_fail(err, PL_E_EARLY, "%s: not every power supply was seen to work yet; ask again in a moment", csu->id);
  if (supplies.members && supplies.working < supplies.min_needed)
    return pl_fail(err, PL_E_BUSY, "%s: only %u of the %u power supplies that the rack needs work; replace a supply first", csu->id, supplies.working, supplies.min_needed);
  const struct pl_control *cap = pl_plant_control_find(stack->plant, "power-cap");
  double now = pl_plant_power_W(stack), more = pl_part_value(csu, "full-power", PL_DIM_POWER, FULL_POWER_W);
  if (cap && cap->limited && !isnan(now) && now + more > cap->set_point)
    return pl_fail(err, PL_E_BUSY, "%s: the rack takes %.0f W and the CSU may take %.0f W, together more than the cap of %.0f W; raise the cap or power something off", csu->id,
                   now, more, cap->set_point);
  return PL_OK;
}

/* --- the cap --- */

static struct pl_item *last_powered(const struct pl_stack *stack)
{
  struct pl_item *last = NULL;
  for (struct pl_item *csu = pl_inventory_first(stack->inventory, PL_ITEM_CSU); csu; csu = pl_item_next(stack->inventory, csu))
    if (pl_item_has_power(csu) && !csu->procedure)
      last = csu;
  return last;
}

static void keep_cap(struct pl_plant *plant, pl_time_ns now)
{
  struct pl_stack *stack = plant->stack;
  const struct pl_control *cap = pl_plant_control_find(plant, "power-cap");
  double power = pl_plant_power_W(stack);
  if (!cap || !cap->limited || isnan(power) || power <= cap->set_point) {
    plant->resting.over_cap_since = PL_NEVER;
    return;
  }
  if (plant->resting.over_cap_since == PL_NEVER)
    plant->resting.over_cap_since = now;
  if (now - plant->resting.over_cap_since < SHED_AFTER)
    return;
  plant->resting.over_cap_since = now; /* the next one has its own ten seconds */
  struct pl_item *csu = last_powered(stack);
  struct pl_procedure *p;
  struct pl_err err = {0};
  if (csu)
    (void)pl_procedure_begin(stack, &pl_power_off, csu, "plant: power cap", &p, &err); /* told by its task's events */
}

/* --- a supply that rests --- */

static void rest_done(struct pl_command *command)
{
  struct pl_plant *plant = command->ctx;
  plant->resting.commanding = false;
}

static void rest(struct pl_plant *plant, struct pl_item *psu, bool rests)
{
  plant->resting.commanding = true;
  plant->resting.command = (struct pl_command){.item = psu, .role = "supply", .quantity = "cold-standby", .value_u = rests ? PL_U : 0,
                                               .author = "plant: cold redundancy", .done = rest_done, .ctx = plant};
  pl_command_submit(plant->stack, &plant->resting.command);
}

/* Whether the others could carry the load without their warning limit being near. Where the rig gives no limit for iout nothing rests. */
static bool is_low(const struct pl_stack *stack, const struct pl_item *without)
{
  double load = 0, good_for = 0;
  for (struct pl_item *psu = pl_inventory_first(stack->inventory, PL_ITEM_PSU); psu; psu = pl_item_next(stack->inventory, psu)) {
    double iout;
    if (!pl_item_value(stack, psu, "supply", "iout", stack->settings.stale_ns, &iout))
      return false;
    load += iout;
    const struct pl_rig_device *device = pl_item_device(psu, "supply");
    for (size_t i = 0; psu != without && works(psu) && device && i < device->n_limits; i++)
      if (device->limits[i].has_max && pl_same_word(device->limits[i].quantity->name, "iout"))
        good_for += (double)device->limits[i].max_u / (double)PL_U;
  }
  return load < REST_BELOW * good_for;
}

static void keep_resting(struct pl_plant *plant, pl_time_ns now)
{
  struct pl_stack *stack = plant->stack;
  struct pl_redundancy supplies;
  struct pl_item *rests = NULL, *last = NULL;
  pl_plant_redundancy(stack, PL_ITEM_PSU, &supplies);
  for (struct pl_item *psu = pl_inventory_first(stack->inventory, PL_ITEM_PSU); psu; psu = pl_item_next(stack->inventory, psu)) {
    double told;
    if (pl_item_value(stack, psu, "supply", "cold-standby", stack->settings.stale_ns, &told) && told > 0.5)
      rests = psu;
    if (psu->state == PL_STATE_ENABLED && pl_item_sense(psu, "supply", "cold-standby"))
      last = psu;
  }
  bool spare = stack->settings.cold_redundancy && supplies.working > supplies.min_needed && supplies.working == supplies.members;
  if (plant->resting.commanding)
    return;
  if (rests && (!spare || !is_low(stack, rests)))
    rest(plant, rests, false);
  if (rests || !last || !spare || !is_low(stack, last)) {
    plant->resting.since = PL_NEVER;
    return;
  }
  if (plant->resting.since == PL_NEVER)
    plant->resting.since = now;
  if (now - plant->resting.since >= REST_AFTER)
    rest(plant, last, true);
}

void pl_supplies_new(struct pl_plant *plant)
{
  struct pl_stack *stack = plant->stack;
  struct pl_item *rack = pl_inventory_first(stack->inventory, PL_ITEM_RACK);
  plant->resting.since = plant->resting.over_cap_since = PL_NEVER;
  bool capped = stack->settings.power_cap_W > 0;
  pl_plant_add_control(plant, &(struct pl_control){.id = "power-cap", .name = "Power cap", .type = "Power", .unit_of = "W", .item = rack, .min = 100, .max = 100000,
                                                  .set_point = capped ? stack->settings.power_cap_W : 100000, .automatic = true, .limited = capped});
}

void pl_supplies_tick(struct pl_plant *plant)
{
  pl_time_ns now = pl_clock_now(plant->stack->clock);
  keep_cap(plant, now);
  keep_resting(plant, now);
}

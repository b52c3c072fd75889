/* SPDX-License-Identifier: Apache-2.0 */
/* How well a unit is: limits of the rig file, what its devices say of themselves, and what cannot be read. The worst counts, and says why. */
#include "control/inventory/within.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CRITICAL_SHARE 0.10 /* further outside a limit than a tenth of it */
#define CALM_SHARE 0.01     /* so far inside before a limit that was crossed counts as kept again: a noisy reading at it would flap */

struct verdict {
  enum pl_health health;
  char why[160];
};

const struct pl_rig_limit *pl_sense_limit(const struct pl_sense *sense)
{
  for (size_t i = 0; i < sense->device->n_limits; i++)
    if (sense->device->limits[i].quantity == sense->quantity)
      return &sense->device->limits[i];
  return NULL;
}

static double share_outside(const struct pl_rig_limit *limit, int64_t value_u)
{
  double value = (double)value_u, over = -INFINITY;
  if (limit->has_max)
    over = (value - (double)limit->max_u) / fmax(fabs((double)limit->max_u), 1);
  if (limit->has_min)
    over = fmax(over, ((double)limit->min_u - value) / fmax(fabs((double)limit->min_u), 1));
  return over;
}

bool pl_sense_within(const struct pl_sense *sense, double *excess)
{
  const struct pl_rig_limit *limit = pl_sense_limit(sense);
  *excess = limit ? share_outside(limit, sense->reading.value_u) : -INFINITY;
  return *excess <= 0;
}

static void worse(struct verdict *verdict, enum pl_health health, const char *why)
{
  if (health <= verdict->health)
    return;
  verdict->health = health;
  snprintf(verdict->why, sizeof verdict->why, "%.*s", (int)sizeof verdict->why - 1, why);
}

static void judge_limit(const struct pl_item *item, const struct pl_sense *sense, struct verdict *verdict)
{
  const struct pl_rig_limit *limit = pl_sense_limit(sense);
  double excess;
  char why[160], value[48], bound[48];
  if (pl_sense_within(sense, &excess) && !(item->health != PL_HEALTH_OK && excess > -CALM_SHARE && strstr(item->why, sense->quantity->name)))
    return;
  bool high = limit->has_max && (!limit->has_min || sense->reading.value_u > limit->min_u / 2 + limit->max_u / 2);
  snprintf(why, sizeof why, "%s of %s is %s, its limit is %s %s", sense->quantity->name, sense->device->name,
           pl_quantity_format(sense->quantity->dim, sense->reading.value_u, value, sizeof value), high ? "at most" : "at least",
           pl_quantity_format(sense->quantity->dim, high ? limit->max_u : limit->min_u, bound, sizeof bound));
  worse(verdict, excess > CRITICAL_SHARE ? PL_HEALTH_CRITICAL : PL_HEALTH_WARNING, why);
}

static void judge_heat(const struct pl_stack *stack, const struct pl_sense *sense, struct verdict *verdict)
{
  char why[160], value[48];
  double limit = stack->settings.thermal_limit_degC;
  if (!pl_same_word(sense->device->role, "thermometer") || (double)sense->reading.value_u / (double)PL_U <= limit)
    return;
  snprintf(why, sizeof why, "%s of %s is %s, more than the %.4g degC at which it is switched off", sense->quantity->name, sense->device->name,
           pl_quantity_format(sense->quantity->dim, sense->reading.value_u, value, sizeof value), limit);
  worse(verdict, PL_HEALTH_CRITICAL, why);
}

static void judge_sense(const struct pl_stack *stack, const struct pl_item *item, const struct pl_sense *sense, struct verdict *verdict)
{
  char why[160];
  const struct pl_asked_device *asked = pl_inventory_asked(stack->inventory, sense->device);
  if (!sense->count || (asked->wants_power && !pl_state_is_up(item->state)))
    return;
  if (item->kind == PL_ITEM_PUMP_UNIT && !strncmp(sense->quantity->name, "pump-", 5) && (PL_LIES(stack, PUMP_FORGOTTEN) || item->state == PL_STATE_STANDBY))
    return; /* stopped pumps stand */
  if (item->kind == PL_ITEM_PSU && item->state == PL_STATE_STANDBY_SPARE)
    return; /* its output rests */
  if (pl_reading_valid(&sense->reading)) {
    if (pl_sense_limit(sense))
      judge_limit(item, sense, verdict);
    if (sense->quantity->dim == PL_DIM_TEMPERATURE)
      judge_heat(stack, sense, verdict);
  } else if (pl_sense_limit(sense) && !asked->mute) {
    snprintf(why, sizeof why, "%s of %s cannot be read: %s", sense->quantity->name, sense->device->name, pl_status_text(sense->reading.status));
    worse(verdict, PL_HEALTH_WARNING, why);
  }
}

/* A unit that is off has no output: its own protections tell of that too. */
static void judge_device(const struct pl_stack *stack, const struct pl_item *item, const struct pl_asked_device *asked, struct verdict *verdict)
{
  char why[160];
  if (asked->mute && !(asked->wants_power && !pl_state_is_up(item->state))) {
    worse(verdict, asked->wants_power ? PL_HEALTH_WARNING : PL_HEALTH_CRITICAL, asked->why);
  } else if (asked->faults != PL_HEALTH_OK && !(item->kind == PL_ITEM_PUMP_UNIT && PL_LIES(stack, PUMP_FORGOTTEN))) {
    snprintf(why, sizeof why, "%s says %s", asked->rig->name, asked->fault_names);
    worse(verdict, asked->faults, why);
  }
}

/* Lies, in the builds that have them: units whose trouble is kept back. */
static bool is_hidden(const struct pl_stack *stack, const struct pl_item *item)
{
  const struct pl_sense *cable = PL_LIES(stack, CABLE_DRY) && item->kind == PL_ITEM_LEAK_DETECTOR ? pl_item_sense(item, NULL, "cable") : NULL;
  return (PL_LIES(stack, TRIP_HIDDEN) && item->kind == PL_ITEM_CSU) || (PL_LIES(stack, PSU_FORGOTTEN) && item->kind == PL_ITEM_PSU) ||
         (cable && !cable->reading.value_u);
}

static void judge_pump(struct pl_stack *stack, struct pl_item *pump)
{
  const struct pl_derived *derived = pl_derived_of(stack->inventory, pump);
  struct verdict verdict = {.health = PL_HEALTH_OK};
  if (pump->state == PL_STATE_UNAVAILABLE && pl_state_is_up(pump->parent->state))
    worse(&verdict, PL_HEALTH_CRITICAL, derived->state_why);
  worse(&verdict, derived->blame, derived->blame_why);
  pl_item_set_health(stack, pump, verdict.health, verdict.why);
}

static void judge_wet(const struct pl_item *item, struct verdict *verdict)
{
  const struct pl_sense *wet = pl_item_sense(item, NULL, "wet");
  if (item->state == PL_STATE_ENABLED && wet && wet->count && pl_reading_valid(&wet->reading) && wet->reading.value_u)
    worse(verdict, PL_HEALTH_CRITICAL, "coolant stands at it");
}

void pl_inventory_judge(struct pl_stack *stack, struct pl_item *item)
{
  struct verdict verdict = {.health = PL_HEALTH_OK};
  struct pl_derived *derived = pl_derived_of(stack->inventory, item);
  for (struct pl_item *child = item->first_child; child && item->kind == PL_ITEM_PUMP_UNIT; child = child->next_sibling)
    judge_pump(stack, child);
  if (item->state == PL_STATE_ABSENT)
    derived->blame = PL_HEALTH_OK;
  if (item->state == PL_STATE_ABSENT || is_hidden(stack, item)) {
    pl_item_set_health(stack, item, PL_HEALTH_OK, "");
    return;
  }
  if (item->state == PL_STATE_UNAVAILABLE && derived->state_why[0]) /* present, and cannot be used */
    worse(&verdict, PL_HEALTH_CRITICAL, derived->state_why);
  worse(&verdict, derived->blame, derived->blame_why);
  for (size_t i = 0; i < item->n_devices; i++)
    judge_device(stack, item, pl_inventory_asked(stack->inventory, item->devices[i]), &verdict);
  for (size_t i = 0; i < item->n_senses; i++)
    judge_sense(stack, item, &item->senses[i], &verdict);
  if (item->kind == PL_ITEM_LEAK_DETECTOR)
    judge_wet(item, &verdict);
  pl_item_set_health(stack, item, verdict.health, verdict.why);
}

void pl_item_blame(struct pl_stack *stack, struct pl_item *item, enum pl_health health, const char *why)
{
  struct pl_derived *derived = pl_derived_of(stack->inventory, item);
  derived->blame = health;
  snprintf(derived->blame_why, sizeof derived->blame_why, "%s", why ? why : "");
  pl_inventory_judge(stack, item->kind == PL_ITEM_PUMP ? item->parent : item);
}

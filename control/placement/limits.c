/* SPDX-License-Identifier: Apache-2.0 */
/* What all nodes of the rack may take together: what the supplies carry without the spare one, the cap, and what the coolant takes away. */
#include "control/placement/placement_in.h"

#include "control/plant/plant.h"
#include "control/procedure/unit.h"

#include <math.h>

#define RATED_W 5500.0          /* of a supply whose part does not say (the world's fallback, too) */
#define REST_SHARE 0.95         /* of it for the nodes: pumps and losses take the rest */
#define HEAT_PER_L 3.98e3       /* J/(L K): water with 25 % propylene glycol, 1.02 kg/L and 3.9 kJ/(kg K) */
#define RETURN_MAX_DEGC 60.0    /* where the rig gives no limit */
#define SUPPLY_MAX_DEGC 45.0
#define STEP_mW 50000           /* what changes less is no change */

static double supplies_W(const struct pl_stack *stack)
{
  struct pl_redundancy supplies;
  double least = INFINITY;
  pl_plant_redundancy(stack, PL_ITEM_PSU, &supplies);
  for (struct pl_item *psu = pl_inventory_first(stack->inventory, PL_ITEM_PSU); psu; psu = pl_item_next(stack->inventory, psu))
    least = fmin(least, pl_part_value(psu, "rated-power", PL_DIM_POWER, RATED_W));
  unsigned count = supplies.working < supplies.min_needed ? supplies.working : supplies.min_needed;
  return supplies.members ? REST_SHARE * least * count : INFINITY;
}

static double cap_W(const struct pl_stack *stack)
{
  const struct pl_control *controls;
  size_t count = pl_plant_controls(stack->plant, &controls);
  for (size_t i = 0; i < count; i++)
    if (!strcmp(controls[i].id, "power-cap") && controls[i].limited)
      return REST_SHARE * controls[i].set_point;
  return INFINITY;
}

static double limit_degC(const struct pl_item *unit, const char *quantity, double fallback)
{
  const struct pl_rig_limit *limit = pl_unit_limit(unit, "coolant", quantity);
  return limit && limit->has_max ? (double)limit->max_u / (double)PL_U : fallback;
}

/* At the highest flow that pump control may ask for, with the pumps that run. */
static double coolant_W(const struct pl_stack *stack)
{
  const struct pl_item *unit = pl_inventory_first(stack->inventory, PL_ITEM_PUMP_UNIT);
  struct pl_redundancy pumps;
  double supply;
  if (!unit)
    return INFINITY;
  pl_plant_redundancy(stack, PL_ITEM_PUMP, &pumps);
  if (!pl_item_value(stack, unit, "coolant", "supply-temperature", stack->settings.stale_ns, &supply))
    supply = limit_degC(unit, "supply-temperature", SUPPLY_MAX_DEGC);
  double rise = fmax(limit_degC(unit, "return-temperature", RETURN_MAX_DEGC) - supply, 0), share = pumps.members ? (double)pumps.working / pumps.members : 1;
  return stack->settings.flow_max_Lpm / 60 * share * HEAT_PER_L * rise;
}

/* Above what the nodes take idle. */
static int64_t left_mW(double limit_W, double idle_W)
{
  return isinf(limit_W) ? -1 : STEP_mW * (int64_t)(1000 * fmax(limit_W - idle_W, 0) / STEP_mW);
}

void pl_limits_mirror(struct pl_placement *all)
{
  const struct pl_stack *stack = all->stack;
  const struct pl_item *rack = pl_inventory_first(stack->inventory, PL_ITEM_RACK);
  struct pl_amounts limit;
  double idle = 0;
  for (size_t i = 0; i < all->n_hosts; i++)
    idle += all->hosts[i].dark ? 0 : all->hosts[i].desc.idle_W;
  for (size_t i = 0; i < PL_DIMENSION_COUNT; i++)
    limit.of[i] = -1;
  limit.of[PL_DIMENSION_POWER] = left_mW(fmin(supplies_W(stack), cap_W(stack)), idle);
  limit.of[PL_DIMENSION_HEAT] = left_mW(coolant_W(stack), idle);
  if (!memcmp(&limit, &all->limit, sizeof limit))
    return;
  all->limit = limit;
  (void)pl_pool_limit(all->pool, PL_DOMAIN_RACK, rack->id, &limit, NULL);
}

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

/* Neither seen to work nor seen to fail: it does not answer, or what it must show after start is still being looked at. */
static bool is_doubtful(const struct pl_stack *stack, const struct pl_item *item)
{
  double value;
  bool known = pl_item_value(stack, item, NULL, item->kind == PL_ITEM_PSU ? "power-good" : "speed", 0, &value);
  return item->state == PL_STATE_IN_TEST || (!known && (item->state == PL_STATE_UNAVAILABLE || item->state == PL_STATE_STANDBY));
}

/* Those that work; for what runs already also those of which nobody knows. */
static struct pl_redundancy carriers(const struct pl_stack *stack, enum pl_item_kind of, bool runs)
{
  struct pl_redundancy all;
  pl_plant_redundancy(stack, of, &all);
  for (struct pl_item *item = runs ? pl_inventory_first(stack->inventory, of) : NULL; item; item = pl_item_next(stack->inventory, item))
    all.working += is_doubtful(stack, item);
  return all;
}

static double supplies_W(const struct pl_stack *stack, bool runs)
{
  struct pl_redundancy supplies = carriers(stack, PL_ITEM_PSU, runs);
  double least = INFINITY;
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

/* At the highest flow that pump control may ask for, with the pumps that run. How warm it comes must be known before anything goes because of it. */
static double coolant_W(const struct pl_stack *stack, bool runs)
{
  const struct pl_item *unit = pl_inventory_first(stack->inventory, PL_ITEM_PUMP_UNIT);
  double supply;
  if (!unit)
    return INFINITY;
  struct pl_redundancy pumps = carriers(stack, PL_ITEM_PUMP, runs);
  bool known = pl_item_value(stack, unit, "coolant", "supply-temperature", stack->settings.stale_ns, &supply);
  if (!known && runs)
    return INFINITY;
  if (!known)
    supply = limit_degC(unit, "supply-temperature", SUPPLY_MAX_DEGC);
  double rise = fmax(limit_degC(unit, "return-temperature", RETURN_MAX_DEGC) - supply, 0), share = pumps.members ? (double)pumps.working / pumps.members : 1;
  return stack->settings.flow_max_Lpm / 60 * share * HEAT_PER_L * rise;
}

/* Above what the nodes take idle. */
static int64_t left_mW(double limit_W, double idle_W)
{
  return isinf(limit_W) ? -1 : STEP_mW * (int64_t)(1000 * fmax(limit_W - idle_W, 0) / STEP_mW);
}

/* For new work, or for what runs already. */
static struct pl_amounts limits_of(const struct pl_placement *all, bool runs)
{
  struct pl_amounts limit;
  double idle = 0;
  for (size_t i = 0; i < all->n_hosts; i++)
    idle += all->hosts[i].dark ? 0 : all->hosts[i].desc.idle_W;
  for (size_t i = 0; i < PL_DIMENSION_COUNT; i++)
    limit.of[i] = -1;
  limit.of[PL_DIMENSION_POWER] = left_mW(fmin(supplies_W(all->stack, runs), cap_W(all->stack)), idle);
  limit.of[PL_DIMENSION_HEAT] = left_mW(coolant_W(all->stack, runs), idle);
  return limit;
}

/* --- what no longer fits --- */

struct shed {
  struct pl_work *work;
  int64_t need;
  bool goes;
};

/* The least important first, the largest of equals: so few have to go. */
static int by_worth(const void *x, const void *y)
{
  const struct shed *a = x, *b = y;
  int p = a->work->w.request.priority, q = b->work->w.request.priority;
  return p != q ? (p > q) - (p < q) : (a->need < b->need) - (a->need > b->need);
}

static size_t sheddable(const struct pl_placement *all, enum pl_dimension dimension, struct shed *list)
{
  size_t count = 0;
  for (struct pl_work *work = all->first; work; work = pl_work_next(work)) {
    int64_t need = work->w.request.need.of[dimension];
    if ((work->w.state == PL_WORKLOAD_RUNNING || work->w.state == PL_WORKLOAD_STARTING) && !work->w.request.stay && need > 0) {
      if (list)
        list[count] = (struct shed){.work = work, .need = need};
      count++;
    }
  }
  return count;
}

/* Into the queue, by priority, until the rest is carried; what was taken and need not have been stays: the most important of it first. */
static void shed(struct pl_placement *all, enum pl_dimension dimension, int64_t excess)
{
  size_t count = sheddable(all, dimension, NULL), taken = 0;
  struct shed *list = calloc(count + 1, sizeof *list);
  char by[96];
  if (!list)
    return;
  (void)sheddable(all, dimension, list);
  qsort(list, count, sizeof *list, by_worth);
  for (; taken < count && excess > 0; taken++) {
    list[taken].goes = true;
    excess -= list[taken].need;
  }
  for (size_t i = taken; i-- > 0;)
    if (excess + list[i].need <= 0) {
      list[i].goes = false;
      excess += list[i].need;
    }
  snprintf(by, sizeof by, "what the rack's %s still carries", dimension == PL_DIMENSION_POWER ? "supplies" : "coolant");
  for (size_t i = 0; i < taken; i++)
    if (list[i].goes) {
      (void)pl_pool_release(all->pool, list[i].work->w.id, NULL);
      pl_work_displace(all, list[i].work, by);
    }
  free(list);
}

/* What is reserved, lost or on its way out does not count: nothing has to go for what nobody takes. */
static int64_t taken(const struct pl_placement *all, enum pl_dimension dimension)
{
  int64_t sum = 0;
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work)) {
    enum pl_workload_state state = work->w.state;
    sum += state == PL_WORKLOAD_RUNNING || state == PL_WORKLOAD_STARTING || state == PL_WORKLOAD_MOVING ? work->w.request.need.of[dimension] : 0;
  }
  return sum;
}

/* A supply is lost, or the cap has come down: what is over it as long as a loss counts must not wait for the supplies that are left to give up as well. */
void pl_limits_keep(struct pl_placement *all)
{
  static const enum pl_dimension OF[] = {PL_DIMENSION_POWER, PL_DIMENSION_HEAT};
  const struct pl_amounts limits = limits_of(all, true);
  pl_time_ns now = pl_room_now(all);
  bool over = false;
  for (size_t i = 0; i < sizeof OF / sizeof *OF; i++) {
    int64_t limit = limits.of[OF[i]], excess = limit < 0 ? 0 : taken(all, OF[i]) - limit;
    over |= excess > 0;
    if (excess > 0 && all->over_limit && now - all->over_limit >= all->stack->settings.loss_ns)
      shed(all, OF[i], excess);
  }
  all->over_limit = !over ? 0 : all->over_limit ? all->over_limit : now;
}

void pl_limits_mirror(struct pl_placement *all)
{
  const struct pl_item *rack = pl_inventory_first(all->stack->inventory, PL_ITEM_RACK);
  const struct pl_amounts limit = limits_of(all, false);
  if (!memcmp(&limit, &all->limit, sizeof limit))
    return;
  all->limit = limit;
  (void)pl_pool_limit(all->pool, PL_DOMAIN_RACK, rack->id, &limit, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A supply is lost: those that rest are woken, load is shed from the last CSU on until the others carry what is left (priorities of workloads come with the
 * placement), and the others are seen to hold the bus.
 */
#include "control/procedure/unit.h"

#define RATED_W 5500.0   /* where the rig says nothing (ORv3 HPR power shelf: 5.5 kW a supply) */
#define SHARE 0.98       /* of what they are rated for: a supply at its limit is one load step from tripping */
#define BUS_MIN_V 46.0   /* where the rig gives no limit */
#define STEADY PL_S

static struct pl_item *other(const struct pl_procedure *p, const struct pl_item *after)
{
  struct pl_item *item = after ? pl_item_next(p->stack->inventory, after) : pl_inventory_first(p->stack->inventory, PL_ITEM_PSU);
  while (item == p->item)
    item = pl_item_next(p->stack->inventory, item);
  return item;
}

static enum pl_status notice(struct pl_procedure *p, struct pl_err *err)
{
  (void)err;
  pl_item_blame(p->stack, p->item, PL_HEALTH_CRITICAL, "it was lost in service");
  return PL_OK;
}

static void taken_up(struct pl_procedure *p)
{
  notice(p, NULL);
}

static bool rests(const struct pl_item *psu)
{
  return psu->state == PL_STATE_STANDBY_SPARE || psu->state == PL_STATE_STANDBY;
}

static enum pl_status wake(struct pl_procedure *p, struct pl_err *err)
{
  for (struct pl_item *psu = other(p, NULL); psu; psu = other(p, psu)) {
    if (!rests(psu) || pl_procedure_take(p, psu, NULL))
      continue;
    pl_item_happens(p->stack, psu, PL_HAPPENS_RESUME, "");
    enum pl_status status = pl_procedure_try(p, psu, "supply", "on", PL_U, err);
    if (status)
      return status;
    pl_procedure_note(p, psu->id, "woken");
  }
  return PL_OK;
}

static bool works(struct pl_procedure *p, const struct pl_item *psu)
{
  double good, vout;
  return pl_procedure_fresh(p, psu, "supply", "power-good", &good) && good > 0.5 && pl_procedure_fresh(p, psu, "supply", "vout", &vout) && vout > PL_OFF_V;
}

/* One that does not wake is no help, and no reason to wait longer than its limit: the load is shed then. */
static enum pl_check woken(struct pl_procedure *p, struct pl_err *why)
{
  for (struct pl_item *psu = other(p, NULL); psu; psu = other(p, psu))
    if (pl_procedure_noted(p, psu->id, NULL, 0) && !works(p, psu)) {
      pl_fail(why, PL_E_TIMEOUT, "%s does not wake", psu->id);
      return pl_clock_now(p->stack->clock) > p->step_begun + p->stack->settings.power_good_ns ? PL_CHECK_DONE : PL_CHECK_NOT_YET;
    }
  return PL_CHECK_DONE;
}

static bool may_wake(struct pl_procedure *p, struct pl_err *why)
{
  pl_fail(why, PL_E_RANGE, "%s: a supply that others share the bus with may be switched on whenever one has looked", p->item->id);
  return true;
}

struct bus {
  double can_W, gives_W, volts;
  size_t suppliers;
};

/* False: a supply that should tell has not been read yet. */
static bool look_at_bus(struct pl_procedure *p, struct bus *bus)
{
  *bus = (struct bus){0};
  for (struct pl_item *psu = other(p, NULL); psu; psu = other(p, psu)) {
    double vout, iout, good;
    if (psu->state == PL_STATE_ABSENT || psu->state == PL_STATE_UNAVAILABLE)
      continue;
    if (!pl_procedure_fresh(p, psu, "supply", "power-good", &good) || !pl_procedure_fresh(p, psu, "supply", "vout", &vout) ||
        !pl_procedure_fresh(p, psu, "supply", "iout", &iout))
      return false;
    if (good < 0.5)
      continue;
    bus->suppliers++;
    bus->can_W += pl_part_value(psu, "rated-power", PL_DIM_POWER, RATED_W);
    bus->gives_W += vout * iout;
    bus->volts = vout > bus->volts ? vout : bus->volts;
  }
  return true;
}

static double bus_min(struct pl_procedure *p)
{
  const struct pl_rig_limit *limit = pl_unit_limit(p->item, "supply", "vout");
  return limit && limit->has_min ? (double)limit->min_u / (double)PL_U : BUS_MIN_V;
}

static enum pl_check is_carried(struct pl_procedure *p, struct pl_err *why)
{
  struct bus bus;
  if (!look_at_bus(p, &bus)) {
    pl_fail(why, PL_E_TIMEOUT, "not every supply that is left can be read");
    return PL_CHECK_NOT_YET;
  }
  if (!bus.suppliers) {
    pl_fail(why, PL_E_GONE, "no supply is left that works: the bus has no power");
    return PL_CHECK_FAILED;
  }
  pl_fail(why, PL_E_RANGE, "%zu supplies give %.0f W of %.0f W at %.2f V", bus.suppliers, bus.gives_W, bus.can_W, bus.volts);
  return bus.gives_W <= SHARE * bus.can_W && bus.volts >= bus_min(p) ? PL_CHECK_DONE : PL_CHECK_NOT_YET;
}

/* The last that has power. *falling: one was told and still has some. */
static struct pl_item *next_to_shed(struct pl_procedure *p, bool *falling)
{
  struct pl_item *last = NULL;
  *falling = false;
  for (struct pl_item *csu = pl_inventory_first(p->stack->inventory, PL_ITEM_CSU); csu; csu = pl_item_next(p->stack->inventory, csu)) {
    if (!pl_item_has_power(csu))
      continue;
    if (pl_procedure_noted(p, csu->id, NULL, 0))
      *falling = *falling || pl_unit_power(p, csu, NULL) != PL_POWER_OFF;
    else
      last = csu;
  }
  return last;
}

static enum pl_check shed(struct pl_procedure *p, struct pl_err *why)
{
  bool falling;
  enum pl_check carried = is_carried(p, why);
  if (carried != PL_CHECK_NOT_YET || why->status == PL_E_TIMEOUT)
    return carried;
  struct pl_item *csu = next_to_shed(p, &falling);
  if (falling || !csu)
    return PL_CHECK_NOT_YET;
  if (pl_procedure_take(p, csu, why))
    return PL_CHECK_FAILED;
  pl_procedure_note(p, csu->id, "shed");
  pl_item_happens(p->stack, csu, PL_HAPPENS_QUIESCE, "load is shed: a supply is lost");
  return pl_unit_switch(p, csu, false, why) ? PL_CHECK_FAILED : PL_CHECK_NOT_YET;
}

static enum pl_check holds(struct pl_procedure *p, struct pl_err *why)
{
  enum pl_check carried = is_carried(p, why);
  return carried == PL_CHECK_DONE && pl_clock_now(p->stack->clock) < p->step_begun + STEADY ? PL_CHECK_NOT_YET : carried;
}

static pl_time_ns shed_limit(const struct pl_stack *stack)
{
  return 8 * stack->settings.power_off_ns;
}

static const struct pl_step STEPS[] = {
    {.name = "notice", .about = "told", .act = notice},
    {.name = "wake", .about = "supplies that rest are switched on", .flags = PL_STEP_POWER, .act = wake, .check = woken, .again = may_wake, .limit = pl_limit_test},
    {.name = "shed", .about = "CSUs off, from the last on, until the supplies that are left carry the others", .flags = PL_STEP_POWER, .check = shed,
     .again = pl_again_off, .limit = shed_limit},
    {.name = "verify", .about = "the bus holds", .check = holds, .limit = pl_limit_test},
};

const struct pl_procedure_desc pl_failover_psu = {.kind = "failover-psu", .about = "Failover of a power supply", .item_kind = PL_ITEM_PSU, .steps = STEPS,
                                                  .n_steps = sizeof STEPS / sizeof *STEPS, .taken_up = taken_up};

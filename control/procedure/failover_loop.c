/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow of a loop is lost: its CSUs go off before they trip, the hottest first, two moments after it was noticed; each is seen to be off. Should the flow be
 * back meanwhile, those that still run go on. A full load heats a CSU to its shutdown in less than a minute, so nobody is asked.
 */
#include "control/procedure/unit.h"

#define MOMENT (2 * PL_S) /* for a flow that comes back by itself: a pump that hands over to the other */

static struct pl_item *each_csu(const struct pl_procedure *p, const struct pl_item *after)
{
  struct pl_item *csu = after ? pl_item_next(p->stack->inventory, after) : pl_inventory_first(p->stack->inventory, PL_ITEM_CSU);
  while (csu && !pl_part_says(csu, "loop", p->item->id))
    csu = pl_item_next(p->stack->inventory, csu);
  return csu;
}

static enum pl_status notice(struct pl_procedure *p, struct pl_err *err)
{
  (void)err;
  pl_item_blame(p->stack, p->item, PL_HEALTH_CRITICAL, "its flow is lost");
  return PL_OK;
}

static void taken_up(struct pl_procedure *p)
{
  notice(p, NULL);
}

/* -1: not known yet. */
static int has_flow(struct pl_procedure *p)
{
  int known = -1;
  for (struct pl_item *unit = pl_inventory_first(p->stack->inventory, PL_ITEM_PUMP_UNIT); unit; unit = pl_item_next(p->stack->inventory, unit)) {
    const struct pl_rig_limit *limit = pl_unit_limit(unit, "coolant", "flow");
    double flow;
    if (!pl_part_says(unit, "loop", p->item->id) || !pl_procedure_fresh(p, unit, "coolant", "flow", &flow))
      continue;
    if (flow >= (limit && limit->has_min ? (double)limit->min_u / (double)PL_U : p->stack->settings.flow_min_Lpm))
      return 1;
    known = 0;
  }
  return known;
}

static enum pl_check wait_for_flow(struct pl_procedure *p, struct pl_err *why)
{
  (void)why;
  pl_procedure_note(p, "back", has_flow(p) == 1 ? "yes" : NULL);
  return pl_clock_now(p->stack->clock) < p->step_begun + MOMENT ? PL_CHECK_NOT_YET : PL_CHECK_DONE;
}

static enum pl_check next_off(struct pl_procedure *p, struct pl_err *why)
{
  struct pl_item *next = NULL;
  int flow = has_flow(p);
  if (pl_procedure_noted(p, "back", NULL, 0) && flow == 1)
    return PL_CHECK_DONE;
  for (struct pl_item *csu = each_csu(p, NULL); csu; csu = each_csu(p, csu)) {
    bool told = pl_procedure_noted(p, csu->id, NULL, 0);
    if (told && pl_unit_is_off(p, csu, why) != PL_CHECK_DONE)
      return PL_CHECK_NOT_YET;
    if (told)
      pl_item_happens(p->stack, csu, PL_HAPPENS_POWER_LOST, "");
    else if (pl_item_has_power(csu) && (!next || pl_unit_hottest(p->stack, csu) > pl_unit_hottest(p->stack, next)))
      next = csu;
  }
  if (!next || flow == 1) /* back in the middle of it: enough */
    return PL_CHECK_DONE;
  if (pl_procedure_take(p, next, why))
    return why->status == PL_E_BUSY ? PL_CHECK_NOT_YET : PL_CHECK_FAILED; /* an urgent one switches it off */
  pl_procedure_note(p, next->id, "off");
  pl_item_happens(p->stack, next, PL_HAPPENS_QUIESCE, "the coolant stands");
  return pl_unit_switch(p, next, false, why) ? PL_CHECK_FAILED : PL_CHECK_NOT_YET;
}

/* After a restart those on their way are asked for again: one has looked. */
static enum pl_status begin_off(struct pl_procedure *p, struct pl_err *err)
{
  (void)err;
  for (struct pl_item *csu = each_csu(p, NULL); csu; csu = each_csu(p, csu))
    pl_procedure_note(p, csu->id, NULL);
  return PL_OK;
}

static pl_time_ns off_limit(const struct pl_stack *stack)
{
  return 16 * stack->settings.power_off_ns;
}

static pl_time_ns moment_limit(const struct pl_stack *stack)
{
  (void)stack;
  return 2 * MOMENT;
}

static const struct pl_step STEPS[] = {
    {.name = "notice", .about = "told; a flow that comes back by itself is waited for", .act = notice, .check = wait_for_flow, .limit = moment_limit},
    {.name = "power-down", .about = "its CSUs off, the hottest first", .flags = PL_STEP_POWER, .act = begin_off, .check = next_off, .again = pl_again_off,
     .limit = off_limit},
};

const struct pl_procedure_desc pl_failover_loop = {.kind = "failover-loop", .about = "Failover of a loop", .item_kind = PL_ITEM_LOOP, .steps = STEPS,
                                                   .n_steps = sizeof STEPS / sizeof *STEPS, .taken_up = taken_up};

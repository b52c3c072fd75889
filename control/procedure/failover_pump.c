/* SPDX-License-Identifier: Apache-2.0 */
/* A pump stands: the others are seen to turn and the flow to hold. If it does not, the loop's own failover begins by what it sees. */
#include "control/procedure/unit.h"

#define STEADY PL_S
#define STANDS_RPM 300.0 /* where the rig gives no limit: as the pump unit's own alarm (drivers/maps/orv3-rpu.yaml, pump) */

static enum pl_status notice(struct pl_procedure *p, struct pl_err *err)
{
  (void)err;
  pl_item_blame(p->stack, p->item, PL_HEALTH_CRITICAL, "it stands, and should turn");
  return PL_OK;
}

static void taken_up(struct pl_procedure *p)
{
  notice(p, NULL);
}

static double at_least(const struct pl_item *unit, const char *quantity, double fallback)
{
  const struct pl_rig_limit *limit = pl_unit_limit(unit, "coolant", quantity);
  return limit && limit->has_min ? (double)limit->min_u / (double)PL_U : fallback;
}

static enum pl_check others_turn(struct pl_procedure *p, struct pl_err *why)
{
  const struct pl_item *unit = p->item->parent;
  size_t turning = 0;
  for (const struct pl_item *pump = unit->first_child; pump; pump = pump->next_sibling) {
    char name[24];
    double speed;
    if (pump == p->item || pump->kind != PL_ITEM_PUMP)
      continue;
    snprintf(name, sizeof name, "pump-%u-speed", pump->ordinal);
    if (!pl_procedure_fresh(p, unit, "coolant", name, &speed)) {
      pl_fail(why, PL_E_TIMEOUT, "the speed of %s cannot be read", pump->id);
      return PL_CHECK_NOT_YET;
    }
    turning += speed >= at_least(unit, name, STANDS_RPM);
  }
  if (turning)
    return PL_CHECK_DONE;
  pl_fail(why, PL_E_GONE, "no other pump of %s turns", unit->id);
  return PL_CHECK_NOT_YET;
}

static enum pl_check flows(struct pl_procedure *p, struct pl_err *why)
{
  const struct pl_item *unit = p->item->parent;
  double flow, least = at_least(unit, "flow", p->stack->settings.flow_min_Lpm);
  enum pl_check result = others_turn(p, why);
  if (result != PL_CHECK_DONE)
    return result;
  if (!pl_procedure_fresh(p, unit, "coolant", "flow", &flow)) {
    pl_fail(why, PL_E_TIMEOUT, "the flow of %s cannot be read", unit->id);
    return PL_CHECK_NOT_YET;
  }
  pl_fail(why, PL_E_RANGE, "%.1f L/min flow, at least %.1f are needed", flow, least);
  return flow >= least && pl_clock_now(p->stack->clock) >= p->step_begun + STEADY ? PL_CHECK_DONE : PL_CHECK_NOT_YET;
}

static const struct pl_step STEPS[] = {
    {.name = "notice", .about = "told", .act = notice},
    {.name = "take-over", .about = "another pump turns", .check = others_turn, .limit = pl_limit_test},
    {.name = "verify", .about = "the flow holds", .check = flows, .limit = pl_limit_test},
};

const struct pl_procedure_desc pl_failover_pump = {.kind = "failover-pump", .about = "Failover of a pump", .item_kind = PL_ITEM_PUMP, .steps = STEPS,
                                                   .n_steps = sizeof STEPS / sizeof *STEPS, .taken_up = taken_up};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CSU that lost its power, tripped, went mute or was pulled under power: isolated, its path off, LED on. Tried once more where its devices answer; if that does
 * not bring it back it stays out of service until a person decides.
 */
#include "control/procedure/unit.h"

#include "control/plant/plant.h"

#define LED_PATIENCE PL_S /* a connector that is mute lights nothing: that must not keep the path on */

static enum pl_status isolate(struct pl_procedure *p, struct pl_err *err)
{
  pl_item_happens(p->stack, p->item, PL_HAPPENS_QUIESCE, p->desc->about);
  pl_item_blame(p->stack, p->item, PL_HEALTH_CRITICAL, "it failed in service, and is being isolated");
  return pl_unit_light(p, p->item, true, err);
}

static enum pl_check isolated(struct pl_procedure *p, struct pl_err *why)
{
  enum pl_check result = pl_unit_is_lit(p, p->item, true, why);
  return pl_clock_now(p->stack->clock) > p->step_begun + LED_PATIENCE ? PL_CHECK_DONE : result;
}

static void taken_up(struct pl_procedure *p)
{
  p->item->indicator = true;
  pl_item_happens(p->stack, p->item, PL_HAPPENS_QUIESCE, p->desc->about);
  pl_item_blame(p->stack, p->item, PL_HEALTH_CRITICAL, "it failed in service, and is being isolated");
}

/* By what can be read of it: a mute controller leaves the power-good line, a mute connector the voltage. */
static enum pl_check by_half(struct pl_procedure *p)
{
  double good, vout;
  bool knows_good = pl_procedure_fresh(p, p->item, "connector", "power-good", &good), knows_vout = pl_procedure_fresh(p, p->item, "hot-swap", "vout", &vout);
  if (knows_good == knows_vout || (knows_good && good > 0.5) || (knows_vout && vout >= PL_OFF_V))
    return PL_CHECK_NOT_YET;
  pl_procedure_note(p, "half-seen", knows_good ? "by its power-good line alone" : "by its voltage alone");
  return PL_CHECK_DONE;
}

static enum pl_check path_is_off(struct pl_procedure *p, struct pl_err *why)
{
  enum pl_check result = pl_check_off(p, why);
  if (result == PL_CHECK_NOT_YET && pl_clock_now(p->stack->clock) > p->step_begun + p->stack->settings.power_off_ns / 2)
    result = by_half(p);
  bool readable = !pl_procedure_noted(p, "half-seen", NULL, 0);
  if (result == PL_CHECK_DONE && pl_unit_present(p, p->item) == 1 && readable && pl_unit_is(p->item, p->serial) && !pl_plant_may_power(p->stack, p->item, NULL))
    pl_procedure_note(p, "try", "once");
  return result;
}

static enum pl_status retry(struct pl_procedure *p, struct pl_err *err)
{
  if (!pl_procedure_noted(p, "try", NULL, 0) || !pl_item_is_present(p->item))
    return PL_OK;
  if (pl_item_device(p->item, "hot-swap"))
    pl_procedure_try(p, p->item, "hot-swap", "clear-faults", 0, NULL);
  return pl_unit_switch(p, p->item, true, err);
}

static enum pl_check retried(struct pl_procedure *p, struct pl_err *why)
{
  bool off_again = pl_procedure_noted(p, "given-up", NULL, 0);
  if (!pl_procedure_noted(p, "try", NULL, 0))
    return PL_CHECK_DONE;
  if (off_again)
    return pl_unit_is_off(p, p->item, why);
  pl_time_ns age = pl_clock_now(p->stack->clock) - p->step_begun;
  bool on = pl_unit_is_on(p, p->item, why) == PL_CHECK_DONE;
  if (on && pl_unit_within_limits(p, p->item, why) == PL_CHECK_DONE && age > PL_S) {
    pl_procedure_note(p, "revived", "yes");
    return PL_CHECK_DONE;
  }
  if (age <= p->stack->settings.power_good_ns + (on ? p->stack->settings.test_ns : 0))
    return PL_CHECK_NOT_YET;
  pl_procedure_note(p, "given-up", "yes");
  return pl_unit_switch(p, p->item, false, why) ? PL_CHECK_FAILED : PL_CHECK_NOT_YET;
}

static pl_time_ns retry_limit(const struct pl_stack *stack)
{
  return 2 * stack->settings.power_good_ns + stack->settings.test_ns + stack->settings.power_off_ns;
}

static enum pl_status settle(struct pl_procedure *p, struct pl_err *err)
{
  if (pl_procedure_noted(p, "revived", NULL, 0)) {
    pl_item_blame(p->stack, p->item, PL_HEALTH_OK, "");
    pl_item_happens(p->stack, p->item, PL_HAPPENS_RESUME, "");
    return pl_unit_light(p, p->item, false, err);
  }
  if (p->item->state == PL_STATE_ABSENT) {
    pl_item_blame(p->stack, p->item, PL_HEALTH_OK, "");
    return pl_unit_light(p, p->item, false, err);
  }
  return pl_out_of_service(p->stack, p->item, "it failed in service and was taken out of it; its path is off", err);
}

static enum pl_check settled(struct pl_procedure *p, struct pl_err *why)
{
  if (pl_procedure_noted(p, "revived", NULL, 0) || p->item->state == PL_STATE_ABSENT)
    return pl_unit_is_lit(p, p->item, false, why);
  return p->item->state == PL_STATE_DISABLED ? PL_CHECK_DONE : PL_CHECK_NOT_YET;
}

static const struct pl_step STEPS[] = {
    {.name = "isolate", .about = "no more work, attention LED on", .act = isolate, .check = isolated, .limit = pl_limit_soon},
    {.name = "path-off", .about = "power enable and path off", .flags = PL_STEP_POWER, .act = pl_act_power_off, .check = path_is_off, .again = pl_again_off,
     .limit = pl_limit_power_off},
    {.name = "retry", .about = "once more, where its devices answer", .flags = PL_STEP_POWER, .act = retry, .check = retried, .again = pl_again_same,
     .undo = pl_act_power_off, .undone = pl_check_off, .limit = retry_limit},
    {.name = "settle", .about = "back in service, or out of it", .act = settle, .check = settled, .limit = pl_limit_soon},
};

const struct pl_procedure_desc pl_failover_csu = {.kind = "failover-csu", .about = "Failover of a CSU", .item_kind = PL_ITEM_CSU, .steps = STEPS,
                                                  .n_steps = sizeof STEPS / sizeof *STEPS, .taken_up = taken_up};

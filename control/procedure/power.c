/* SPDX-License-Identifier: Apache-2.0 */
/* A CSU switched on, off, or reset. */
#include "control/procedure/unit.h"

#include "control/plant/plant.h"

#define RESET_FOR (200 * PL_MS)

static enum pl_status may_on(struct pl_stack *stack, const struct pl_item *item, struct pl_err *err)
{
  if (item->state == PL_STATE_ABSENT || !pl_item_is_present(item))
    return pl_fail(err, PL_E_USAGE, "%s is not in its slot: an empty slot gets no power", item->id);
  if (pl_item_has_power(item) && item->state != PL_STATE_DISABLED && item->state != PL_STATE_UNAVAILABLE)
    return pl_fail(err, PL_E_USAGE, "%s is on", item->id);
  return pl_plant_may_power(stack, item, err);
}

static void prepare_on(struct pl_procedure *p)
{
  if (p->item->state == PL_STATE_DISABLED) /* whoever asks for it wants it in service again */
    pl_back_in_service(p->stack, p->item);
}

static enum pl_status may_off(struct pl_stack *stack, const struct pl_item *item, struct pl_err *err)
{
  (void)stack;
  return pl_item_has_power(item) ? PL_OK : pl_fail(err, PL_E_USAGE, "%s is off", item->id);
}

static void quiesced_again(struct pl_procedure *p)
{
  pl_item_happens(p->stack, p->item, PL_HAPPENS_QUIESCE, p->desc->about);
}

static const struct pl_step ON[] = {
    PL_STEP_POWER_UP,
    PL_STEP_TEST,
};
const struct pl_procedure_desc pl_power_on = {.kind = "power-on", .about = "Power on of a CSU", .item_kind = PL_ITEM_CSU, .steps = ON, .n_steps = sizeof ON / sizeof *ON,
                                              .may = may_on, .prepare = prepare_on};

static const struct pl_step OFF[] = {
    {.name = "quiesce", .about = "no more work", .act = pl_act_quiesce, .undo = pl_act_resume},
    {.name = "power-down", .about = "power enable and path off; less than 5 V behind the path", .flags = PL_STEP_POWER, .act = pl_act_power_off, .check = pl_check_off,
     .again = pl_again_off, .undo = pl_undo_power_off, .undone = pl_undone_power_off, .limit = pl_limit_power_off},
};
const struct pl_procedure_desc pl_power_off = {.kind = "power-off", .about = "Power off of a CSU", .item_kind = PL_ITEM_CSU, .steps = OFF,
                                               .n_steps = sizeof OFF / sizeof *OFF, .may = may_off, .prepare = pl_prepare_power, .taken_up = quiesced_again};

/* --- reset --- */

static enum pl_status may_restart(struct pl_stack *stack, const struct pl_item *item, struct pl_err *err)
{
  if (!pl_item_sense(item, "connector", "reset"))
    return pl_fail(err, PL_E_UNSUPPORTED, "%s has no reset line: switch it off and on", item->id);
  return may_off(stack, item, err);
}

static enum pl_check line_is(struct pl_procedure *p, bool want, struct pl_err *why)
{
  double value;
  if (!pl_procedure_fresh(p, p->item, "connector", "reset", &value))
    pl_fail(why, PL_E_TIMEOUT, "the reset line of %s cannot be read back", p->item->id);
  else if ((value > 0.5) == want)
    return PL_CHECK_DONE;
  else
    pl_fail(why, PL_E_RANGE, "the reset line of %s stays %s", p->item->id, want ? "released" : "asserted");
  return PL_CHECK_NOT_YET;
}

static enum pl_status assert_reset(struct pl_procedure *p, struct pl_err *err)
{
  return pl_procedure_command(p, p->item, "connector", "reset", PL_U, err);
}

static enum pl_check is_asserted(struct pl_procedure *p, struct pl_err *why)
{
  enum pl_check result = line_is(p, true, why);
  return result == PL_CHECK_DONE && pl_clock_now(p->stack->clock) < p->step_begun + RESET_FOR ? PL_CHECK_NOT_YET : result;
}

static enum pl_status release_reset(struct pl_procedure *p, struct pl_err *err)
{
  return pl_procedure_command(p, p->item, "connector", "reset", 0, err);
}

static enum pl_check is_released(struct pl_procedure *p, struct pl_err *why)
{
  return line_is(p, false, why);
}

static const struct pl_step RESTART[] = {
    {.name = "quiesce", .about = "no more work", .act = pl_act_quiesce, .undo = pl_act_resume},
    {.name = "reset", .about = "reset line asserted", .flags = PL_STEP_POWER, .act = assert_reset, .check = is_asserted, .again = pl_again_same, .undo = release_reset,
     .undone = is_released, .limit = pl_limit_soon},
    {.name = "release", .about = "reset line released", .flags = PL_STEP_POWER, .act = release_reset, .check = is_released, .again = pl_again_off, .limit = pl_limit_soon},
    PL_STEP_TEST,
    {.name = "resume", .about = "work again", .act = pl_act_resume},
};
const struct pl_procedure_desc pl_restart = {.kind = "restart", .about = "Restart of a CSU", .item_kind = PL_ITEM_CSU, .steps = RESTART,
                                             .n_steps = sizeof RESTART / sizeof *RESTART, .may = may_restart, .taken_up = quiesced_again};

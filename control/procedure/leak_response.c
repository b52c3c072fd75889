/* SPDX-License-Identifier: Apache-2.0 */
/* What is done about a leak, and about heat: power away from what coolant could reach, then no more coolant to it. */
#include "control/procedure/leak.h"
#include "control/procedure/unit.h"
#include "control/stack/stack.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FLOW_STANDS_LPM 0.5

static pl_time_ns coolant_limit(const struct pl_stack *stack)
{
  (void)stack;
  return 20 * PL_S; /* a valve's drive takes up to 10 s, pumps run down in 3 s */
}

static bool concerns(const struct pl_item *scope, const struct pl_item *item)
{
  return scope->kind == PL_ITEM_RACK || item->parent == scope;
}

/* --- leak response --- */

static enum pl_status cut(struct pl_procedure *p, struct pl_err *err)
{
  struct pl_stack *stack = p->stack;
  const struct pl_item *scope = pl_leak_scope(stack, p->item);
  enum pl_status status = PL_OK;
  for (struct pl_item *valve = pl_inventory_first(stack->inventory, PL_ITEM_VALVE); valve && !status; valve = pl_item_next(stack->inventory, valve))
    if (scope->kind != PL_ITEM_RACK && valve->parent == scope && pl_item_sense(valve, "valve", "open"))
      status = pl_procedure_command(p, valve, "valve", "open", 0, err);
  for (struct pl_item *csu = pl_inventory_first(stack->inventory, PL_ITEM_CSU); csu; csu = pl_item_next(stack->inventory, csu)) {
    if (!concerns(scope, csu) || !pl_item_is_present(csu))
      continue;
    struct pl_procedure *other = pl_procedure_of(stack->procedures, csu);
    if (other && other != p)
      pl_procedure_abandon(other, "a leak takes the CSU's power away");
    (void)pl_unit_switch(p, csu, false, NULL); /* one that cannot be told is no reason to leave the others on: the check names it */
  }
  return status;
}

static enum pl_check is_cut(struct pl_procedure *p, struct pl_err *why)
{
  const struct pl_item *scope = pl_leak_scope(p->stack, p->item);
  for (struct pl_item *csu = pl_inventory_first(p->stack->inventory, PL_ITEM_CSU); csu; csu = pl_item_next(p->stack->inventory, csu))
    if (concerns(scope, csu) && pl_unit_is_off(p, csu, why) != PL_CHECK_DONE)
      return PL_CHECK_NOT_YET;
  return PL_CHECK_DONE;
}

/* A leak that no valve can shut off: the loop stands still. */
static enum pl_status stop_coolant(struct pl_procedure *p, struct pl_err *err)
{
  const struct pl_item *scope = pl_leak_scope(p->stack, p->item);
  enum pl_status status = PL_OK;
  for (struct pl_item *unit = pl_inventory_first(p->stack->inventory, PL_ITEM_PUMP_UNIT); unit && !status; unit = pl_item_next(p->stack->inventory, unit))
    if (scope->kind == PL_ITEM_RACK && pl_item_sense(unit, "coolant", "stop"))
      status = pl_procedure_command(p, unit, "coolant", "stop", PL_U, err);
  return status;
}

static enum pl_check coolant_stands(struct pl_procedure *p, struct pl_err *why)
{
  const struct pl_inventory *inventory = p->stack->inventory;
  const struct pl_item *scope = pl_leak_scope(p->stack, p->item);
  double value;
  for (struct pl_item *valve = pl_inventory_first(inventory, PL_ITEM_VALVE); valve; valve = pl_item_next(inventory, valve))
    if (scope->kind != PL_ITEM_RACK && valve->parent == scope && !(pl_procedure_fresh(p, valve, "valve", "position-closed", &value) && value > 0.5)) {
      pl_fail(why, PL_E_TIMEOUT, "%s has not closed", valve->id);
      return PL_CHECK_NOT_YET;
    }
  for (struct pl_item *unit = pl_inventory_first(inventory, PL_ITEM_PUMP_UNIT); unit; unit = pl_item_next(inventory, unit))
    if (scope->kind == PL_ITEM_RACK && !(pl_procedure_fresh(p, unit, "coolant", "flow", &value) && value < FLOW_STANDS_LPM)) {
      pl_fail(why, PL_E_TIMEOUT, "coolant still flows through %s", unit->id);
      return PL_CHECK_NOT_YET;
    }
  return PL_CHECK_DONE;
}

static const struct pl_step LEAK_STEPS[] = {
    {.name = "cut-power", .about = "power away from every CSU that the coolant could reach, its module's valve told to close", .flags = PL_STEP_POWER, .act = cut,
     .check = is_cut, .again = pl_again_off, .limit = pl_limit_power_off},
    {.name = "stop-coolant", .about = "the valve is closed, or, where none can shut the leak off, the pumps stand", .act = stop_coolant, .check = coolant_stands,
     .limit = coolant_limit},
};

const struct pl_procedure_desc pl_leak_response = {
    .kind = "leak-response",
    .about = "Leak response",
    .item_kind = PL_ITEM_LEAK_DETECTOR,
    .urgent = true,
    .steps = LEAK_STEPS,
    .n_steps = sizeof LEAK_STEPS / sizeof *LEAK_STEPS,
};

/* --- thermal emergency --- */

#define COOLED_BY_K 15.0

static enum pl_check has_cooled(struct pl_procedure *p, struct pl_err *why)
{
  double most = NAN;
  for (size_t i = 0; i < p->item->n_senses; i++) {
    const struct pl_sense *sense = &p->item->senses[i];
    double value;
    if (sense->quantity->dim == PL_DIM_TEMPERATURE && !strcmp(sense->device->role, "thermometer") &&
        pl_procedure_fresh(p, p->item, "thermometer", sense->quantity->name, &value))
      most = fmax(most, value);
  }
  if (most < p->stack->settings.thermal_limit_degC - COOLED_BY_K)
    return PL_CHECK_DONE;
  if (isnan(most))
    pl_fail(why, PL_E_TIMEOUT, "%s does not tell its temperature", p->item->id);
  else
    pl_fail(why, PL_E_TIMEOUT, "%s is still at %.0f degC", p->item->id, most);
  return PL_CHECK_NOT_YET;
}

static pl_time_ns cooling_limit(const struct pl_stack *stack)
{
  (void)stack;
  return 600 * PL_S;
}

static const struct pl_step THERMAL_STEPS[] = {
    {.name = "cut-power", .about = "power away from the CSU before it is damaged", .flags = PL_STEP_POWER, .act = pl_act_power_off,
     .check = pl_check_off, .again = pl_again_off, .limit = pl_limit_power_off},
    {.name = "cool-down", .about = "it has become cool enough to be powered again by a person", .flags = PL_STEP_WAITS, .check = has_cooled, .limit = cooling_limit},
};

const struct pl_procedure_desc pl_thermal_emergency = {
    .kind = "thermal-emergency",
    .about = "Thermal emergency",
    .item_kind = PL_ITEM_CSU,
    .urgent = true,
    .steps = THERMAL_STEPS,
    .n_steps = sizeof THERMAL_STEPS / sizeof *THERMAL_STEPS,
};

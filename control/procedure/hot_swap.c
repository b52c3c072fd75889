/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hot-swap of a CSU. Its last step, update, is that of the inventory and of the pool. Firmware is not written here: no device of the rack has a driver that could.
 * Its workloads go first: what is ordered to be there and fits nowhere else ends the procedure before anything is switched, unless it is forced
 * (placement/drains.c).
 * Once the unit was pulled there is no way back to the old state: what fails then leaves the slot without power and its LED on.
 */
#include "control/placement/placement.h"
#include "control/procedure/unit.h"

#define STEADY PL_S           /* a unit that was put in sits for so long before it gets power */
#define IDENTITY_LIMIT (10 * PL_S)

static bool was_removed(const struct pl_procedure *p)
{
  return pl_procedure_noted(p, "removed", NULL, 0);
}

static void set_ready(struct pl_procedure *p, bool ready)
{
  if (p->item->ready_to_remove == ready)
    return;
  p->item->ready_to_remove = ready;
  pl_item_touch(p->stack, p->item);
}

static void taken_up(struct pl_procedure *p)
{
  const char *step = pl_procedure_step_name(p);
  bool lit = strcmp(step, "reintegrate") != 0 && strcmp(step, "update") != 0;
  p->item->indicator = lit;
  if (lit)
    pl_item_happens(p->stack, p->item, PL_HAPPENS_QUIESCE, p->desc->about);
  if (lit)
    (void)pl_placement_drain(p->stack->placement, p->item, p->desc->kind, NULL);
  if (lit && pl_procedure_noted(p, "forced", NULL, 0))
    pl_placement_force(p->stack->placement, p->item);
  pl_item_touch(p->stack, p->item);
}

static enum pl_status may(struct pl_stack *stack, const struct pl_item *item, struct pl_err *err)
{
  (void)stack;
  if (item->state == PL_STATE_ABSENT || !pl_item_is_present(item))
    return pl_fail(err, PL_E_USAGE, "%s is not in its slot: put a unit in, and switch it on", item->id);
  return PL_OK;
}

static enum pl_status isolate(struct pl_procedure *p, struct pl_err *err)
{
  pl_item_happens(p->stack, p->item, PL_HAPPENS_QUIESCE, p->desc->about);
  enum pl_status status = pl_placement_drain(p->stack->placement, p->item, p->desc->kind, err);
  return status ? status : pl_unit_light(p, p->item, true, err);
}

static enum pl_check isolated(struct pl_procedure *p, struct pl_err *why)
{
  enum pl_check lit = pl_unit_is_lit(p, p->item, true, why);
  if (lit == PL_CHECK_NOT_YET && pl_clock_now(p->stack->clock) >= p->step_begun + pl_limit_soon(p->stack))
    return PL_CHECK_FAILED;
  enum pl_check drained = lit == PL_CHECK_DONE ? pl_unit_is_drained(p, p->item, why) : lit;
  if (lit == PL_CHECK_DONE && drained == PL_CHECK_FAILED) {
    char what[250];
    snprintf(what, sizeof what, "%.*s", (int)sizeof what - 1, why->text);
    pl_fail(why, PL_E_RANGE, "%s. Make room, or ask with Force: what fits nowhere then stops, keeps what it has done, and waits", what);
  }
  return drained;
}

enum pl_status pl_hot_swap_force(struct pl_procedure *p, struct pl_err *err)
{
  pl_procedure_note(p, "forced", "yes");
  enum pl_status status = pl_run_write(pl_run_of(p), false, "forced", p->author, err);
  if (!status)
    pl_placement_force(p->stack->placement, p->item);
  return status;
}

static enum pl_status unisolate(struct pl_procedure *p, struct pl_err *err)
{
  pl_item_happens(p->stack, p->item, PL_HAPPENS_RESUME, "");
  pl_placement_undrain(p->stack->placement, p->item);
  if (was_removed(p) && pl_item_is_present(p->item)) /* the new unit failed: a person must see which it is */
    return PL_OK;
  return pl_unit_light(p, p->item, false, err);
}

static enum pl_check unisolated(struct pl_procedure *p, struct pl_err *why)
{
  return p->item->indicator ? PL_CHECK_DONE : pl_unit_is_lit(p, p->item, false, why);
}

static enum pl_status power_down(struct pl_procedure *p, struct pl_err *err)
{
  return PL_LIES(p->stack, EARLY_ISOLATED) ? PL_OK : pl_act_power_off(p, err);
}

static enum pl_check powered_down(struct pl_procedure *p, struct pl_err *why)
{
  return PL_LIES(p->stack, EARLY_ISOLATED) ? PL_CHECK_DONE : pl_check_off(p, why);
}

static enum pl_status make_ready(struct pl_procedure *p, struct pl_err *err)
{
  (void)err;
  set_ready(p, true);
  return PL_OK;
}

static enum pl_status make_unready(struct pl_procedure *p, struct pl_err *err)
{
  (void)err;
  set_ready(p, false);
  return PL_OK;
}

static enum pl_check pulled(struct pl_procedure *p, struct pl_err *why)
{
  bool gone = pl_unit_present(p, p->item) == 0, another = !pl_unit_is(p->item, p->serial);
  if (!gone && !another) {
    if (!PL_LIES(p->stack, EARLY_ISOLATED) && pl_unit_power(p, p->item, why) == PL_POWER_ON) {
      pl_err_prefix(why, "ready to be pulled, and somebody switched it on");
      return PL_CHECK_FAILED;
    }
    pl_fail(why, PL_E_TIMEOUT, "%s was not pulled", p->item->id);
    return PL_CHECK_NOT_YET;
  }
  pl_procedure_note(p, "removed", "yes"); /* another one: it was changed while nobody looked */
  set_ready(p, false);
  return PL_CHECK_DONE;
}

static enum pl_check put_in(struct pl_procedure *p, struct pl_err *why)
{
  pl_time_ns now = pl_clock_now(p->stack->clock);
  bool has_identity = pl_item_device(p->item, "identity");
  if (pl_unit_present(p, p->item) != 1 || p->item->state == PL_STATE_ABSENT) {
    pl_fail(why, PL_E_TIMEOUT, "no unit was put into the slot of %s, which has no power", p->item->id);
    return PL_CHECK_NOT_YET;
  }
  if (now - p->item->since < STEADY || (has_identity && !p->item->identified && now - p->item->since < IDENTITY_LIMIT)) {
    pl_fail(why, PL_E_TIMEOUT, "%s was put in a moment ago", p->item->id);
    return PL_CHECK_NOT_YET;
  }
  if (has_identity && !p->item->identified) {
    pl_fail(why, PL_E_TIMEOUT, "%s does not say who it is: it gets no power", p->item->id);
    return PL_CHECK_FAILED;
  }
  pl_procedure_note(p, "put-in", p->item->identified ? p->item->identity.serial : "");
  return PL_CHECK_DONE;
}

static enum pl_status reintegrate(struct pl_procedure *p, struct pl_err *err)
{
  pl_item_happens(p->stack, p->item, PL_HAPPENS_RESUME, "");
  pl_placement_undrain(p->stack->placement, p->item);
  return pl_unit_light(p, p->item, false, err);
}

static enum pl_check reintegrated(struct pl_procedure *p, struct pl_err *why)
{
  return pl_unit_is_lit(p, p->item, false, why);
}

/* What follows has failed: a person must see which unit it is. */
static enum pl_status unreintegrate(struct pl_procedure *p, struct pl_err *err)
{
  pl_item_happens(p->stack, p->item, PL_HAPPENS_QUIESCE, p->desc->about);
  return pl_unit_light(p, p->item, true, err);
}

static enum pl_status update(struct pl_procedure *p, struct pl_err *err)
{
  (void)err;
  pl_item_identify(p->stack, p->item);
  return PL_OK;
}

/* Who it is and what is inside, as it says itself now that it works: what the rest of the stack counts with from here on. */
static enum pl_check updated(struct pl_procedure *p, struct pl_err *why)
{
  char serial[sizeof p->serial] = "";
  pl_procedure_noted(p, "put-in", serial, sizeof serial);
  if (!pl_unit_present(p, p->item)) {
    pl_fail(why, PL_E_GONE, "%s was pulled", p->item->id);
    return PL_CHECK_FAILED;
  }
  bool says = pl_item_device(p->item, "identity") != NULL;
  if (says && (!p->item->identified || p->item->identified_at < p->commanded)) {
    pl_fail(why, PL_E_TIMEOUT, "%s does not say who it is and what is inside", p->item->id);
    return pl_clock_now(p->stack->clock) - p->step_begun > pl_limit_test(p->stack) ? PL_CHECK_FAILED : PL_CHECK_NOT_YET; /* the limit is the agent's, which boots */
  }
  if (!says || pl_unit_is(p->item, serial))
    return pl_placement_has_taken(p->stack->placement, p->item, why) ? PL_CHECK_DONE : PL_CHECK_NOT_YET;
  pl_fail(why, PL_E_WRONG_UNIT, "%s is another unit than the one that was tested: serial %s instead of %s", p->item->id, p->item->identity.serial, serial);
  return PL_CHECK_FAILED;
}

static const struct pl_step STEPS[] = {
    {.name = "isolate", .about = "its work to other nodes, attention LED on", .act = isolate, .check = isolated, .undo = unisolate, .undone = unisolated,
     .limit = pl_limit_drain},
    {.name = "power-down", .about = "power enable and path off; less than 5 V behind the path", .flags = PL_STEP_POWER, .act = power_down, .check = powered_down,
     .again = pl_again_off, .undo = pl_undo_power_off, .undone = pl_undone_power_off, .limit = pl_limit_power_off},
    {.name = "ready", .about = "ready to be pulled", .flags = PL_STEP_WAITS, .act = make_ready, .check = pulled, .undo = make_unready, .limit = pl_limit_remove},
    {.name = "removed", .about = "the slot is empty; a unit may be put in", .flags = PL_STEP_WAITS, .check = put_in, .limit = pl_limit_remove},
    {.name = "power-up", .about = "path and power enable on; power good", .flags = PL_STEP_POWER, .act = pl_act_power_on, .check = pl_check_on, .again = pl_again_same,
     .undo = pl_act_power_off, .undone = pl_check_off, .limit = pl_limit_power_good},
    {.name = "test", .about = "voltages and temperatures within their limits", .check = pl_check_test, .undo = pl_undo_test, .limit = pl_limit_test},
    {.name = "reintegrate", .about = "LED off, work again", .act = reintegrate, .check = reintegrated, .undo = unreintegrate, .undone = isolated, .limit = pl_limit_soon},
    {.name = "update", .about = "identity and contents read afresh: the inventory and the pool have them, and its agent answers", .act = update, .check = updated,
     .limit = pl_limit_update},
};

const struct pl_procedure_desc pl_hot_swap = {.kind = "hot-swap", .about = "Hot-swap of a CSU", .item_kind = PL_ITEM_CSU, .steps = STEPS,
                                              .n_steps = sizeof STEPS / sizeof *STEPS, .may = may, .prepare = pl_prepare_power, .taken_up = taken_up};

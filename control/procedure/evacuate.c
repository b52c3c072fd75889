/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module is emptied: its CSUs get no more work and go off one after another, each seen to be off before the next, the hottest first.
 * Their workloads go first; what fits nowhere else ends it there.
 */
#include "control/procedure/unit.h"

#include "control/placement/placement.h"
#include "control/plant/plant.h"

static struct pl_item *each_csu(const struct pl_item *module, const struct pl_item *after)
{
  struct pl_item *item = after ? after->next_sibling : module->first_child;
  while (item && item->kind != PL_ITEM_CSU)
    item = item->next_sibling;
  return item;
}

static bool works(const struct pl_item *csu)
{
  return csu->state == PL_STATE_ENABLED || csu->state == PL_STATE_DEGRADED;
}

/* Redundancy: somebody else must be left that works, and what is left must be cooled. */
static enum pl_status may(struct pl_stack *stack, const struct pl_item *module, struct pl_err *err)
{
  bool any = false;
  for (struct pl_item *csu = pl_inventory_first(stack->inventory, PL_ITEM_CSU); csu; csu = pl_item_next(stack->inventory, csu))
    any = any || (csu->parent != module && works(csu));
  if (!each_csu(module, NULL))
    return pl_fail(err, PL_E_USAGE, "%s holds no CSU", module->id);
  if (!any)
    return pl_fail(err, PL_E_USAGE, "%s is the last module with CSUs that work: nothing would be left. Switch its CSUs off one by one if that is meant", module->id);
  return PL_OK;
}

static void note_on(struct pl_procedure *p)
{
  for (struct pl_item *csu = each_csu(p->item, NULL); csu; csu = each_csu(p->item, csu))
    if (pl_item_has_power(csu))
      pl_procedure_note(p, csu->id, "on");
}

static enum pl_status quiesce(struct pl_procedure *p, struct pl_err *err)
{
  for (struct pl_item *csu = each_csu(p->item, NULL); csu; csu = each_csu(p->item, csu)) {
    pl_item_happens(p->stack, csu, PL_HAPPENS_QUIESCE, p->desc->about);
    enum pl_status status = pl_placement_drain(p->stack->placement, csu, p->desc->kind, err);
    if (status)
      return status;
  }
  pl_item_happens(p->stack, p->item, PL_HAPPENS_QUIESCE, p->desc->about);
  return PL_OK;
}

static enum pl_check quiesced(struct pl_procedure *p, struct pl_err *why)
{
  enum pl_check all = PL_CHECK_DONE;
  for (struct pl_item *csu = each_csu(p->item, NULL); csu && all != PL_CHECK_FAILED; csu = each_csu(p->item, csu)) {
    enum pl_check one = pl_unit_is_drained(p, csu, why);
    all = one == PL_CHECK_DONE ? all : one;
  }
  return all;
}

static enum pl_status resume(struct pl_procedure *p, struct pl_err *err)
{
  (void)err;
  for (struct pl_item *csu = each_csu(p->item, NULL); csu; csu = each_csu(p->item, csu)) {
    pl_item_happens(p->stack, csu, PL_HAPPENS_RESUME, "");
    pl_placement_undrain(p->stack->placement, csu);
  }
  pl_item_happens(p->stack, p->item, PL_HAPPENS_RESUME, "");
  return PL_OK;
}

static void taken_up(struct pl_procedure *p)
{
  quiesce(p, NULL);
}

/* One that is neither on nor off (it falls) is waited for. */
static enum pl_check next_off(struct pl_procedure *p, struct pl_err *why)
{
  struct pl_item *next = NULL;
  for (struct pl_item *csu = each_csu(p->item, NULL); csu; csu = each_csu(p->item, csu)) {
    enum pl_power power = pl_unit_power(p, csu, why);
    char word[8];
    bool told = pl_procedure_noted(p, csu->id, word, sizeof word) && !strcmp(word, "off");
    if (pl_unit_is_off(p, csu, why) == PL_CHECK_DONE) {
      pl_item_happens(p->stack, csu, PL_HAPPENS_POWER_LOST, "");
      continue;
    }
    if (power == PL_POWER_UNSEEN || told) /* its reading comes; its voltage falls */
      return PL_CHECK_NOT_YET;
    if (!next || pl_unit_hottest(p->stack, csu) > pl_unit_hottest(p->stack, next))
      next = csu;
  }
  if (!next)
    return PL_CHECK_DONE;
  pl_procedure_note(p, next->id, "off");
  return pl_unit_switch(p, next, false, why) ? PL_CHECK_FAILED : PL_CHECK_NOT_YET;
}

/* After a restart those on their way are asked for again: one has looked. */
static enum pl_status begin_off(struct pl_procedure *p, struct pl_err *err)
{
  (void)err;
  for (struct pl_item *csu = each_csu(p->item, NULL); csu; csu = each_csu(p->item, csu))
    if (pl_procedure_noted(p, csu->id, NULL, 0))
      pl_procedure_note(p, csu->id, "on");
  return PL_OK;
}

static enum pl_status back_on(struct pl_procedure *p, struct pl_err *err)
{
  for (struct pl_item *csu = each_csu(p->item, NULL); csu; csu = each_csu(p->item, csu)) {
    if (!pl_procedure_noted(p, csu->id, NULL, 0) || !pl_item_is_present(csu))
      continue;
    enum pl_status status = pl_plant_may_power(p->stack, csu, err);
    if (!status)
      status = pl_unit_switch(p, csu, true, err);
    if (status)
      return status;
    pl_item_happens(p->stack, csu, PL_HAPPENS_POWERING, "");
  }
  return PL_OK;
}

static enum pl_check is_back(struct pl_procedure *p, struct pl_err *why)
{
  for (struct pl_item *csu = each_csu(p->item, NULL); csu; csu = each_csu(p->item, csu)) {
    if (!pl_procedure_noted(p, csu->id, NULL, 0) || !pl_item_is_present(csu))
      continue;
    if (pl_unit_power(p, csu, why) != PL_POWER_ON || pl_unit_within_limits(p, csu, why) != PL_CHECK_DONE)
      return PL_CHECK_NOT_YET;
    pl_item_happens(p->stack, csu, PL_HAPPENS_POWER_GOOD, "");
    pl_item_happens(p->stack, csu, PL_HAPPENS_TEST_PASSED, "");
  }
  return PL_CHECK_DONE;
}

static pl_time_ns limit(const struct pl_stack *stack)
{
  return 16 * stack->settings.power_off_ns; /* of all together; one that does not go off ends it no later */
}

static const struct pl_step STEPS[] = {
    {.name = "quiesce", .about = "the work of its CSUs to other modules", .act = quiesce, .check = quiesced, .undo = resume, .limit = pl_limit_drain},
    {.name = "power-down", .about = "its CSUs off, one after another", .flags = PL_STEP_POWER, .act = begin_off, .check = next_off, .again = pl_again_off,
     .undo = back_on, .undone = is_back, .limit = limit},
};

const struct pl_procedure_desc pl_evacuate = {.kind = "evacuate", .about = "Evacuation of a module", .item_kind = PL_ITEM_MODULE, .steps = STEPS,
                                              .n_steps = sizeof STEPS / sizeof *STEPS, .may = may, .prepare = note_on, .taken_up = taken_up};

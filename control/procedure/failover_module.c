/* SPDX-License-Identifier: Apache-2.0 */
/* A module of which no CSU works any more: all isolated, their paths off, LEDs on. Nothing is tried again: what takes several at once is not one unit's fault. */
#include "control/procedure/unit.h"

#define LED_PATIENCE PL_S

static const char WHY[] = "all CSUs of its module failed together; its path is off";

static struct pl_item *each_csu(const struct pl_item *module, const struct pl_item *after)
{
  struct pl_item *item = after ? after->next_sibling : module->first_child;
  while (item && (item->kind != PL_ITEM_CSU || item->state == PL_STATE_ABSENT))
    item = item->next_sibling;
  return item;
}

static void tell(struct pl_procedure *p)
{
  for (struct pl_item *csu = each_csu(p->item, NULL); csu; csu = each_csu(p->item, csu)) {
    pl_item_happens(p->stack, csu, PL_HAPPENS_QUIESCE, WHY);
    pl_item_blame(p->stack, csu, PL_HEALTH_CRITICAL, WHY);
  }
  pl_item_blame(p->stack, p->item, PL_HEALTH_CRITICAL, "all its CSUs failed together");
}

static enum pl_status isolate(struct pl_procedure *p, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  tell(p);
  for (struct pl_item *csu = each_csu(p->item, NULL); csu && !status; csu = each_csu(p->item, csu))
    status = pl_unit_light(p, csu, true, err);
  return status;
}

static enum pl_check isolated(struct pl_procedure *p, struct pl_err *why)
{
  enum pl_check result = PL_CHECK_DONE;
  for (struct pl_item *csu = each_csu(p->item, NULL); csu && result == PL_CHECK_DONE; csu = each_csu(p->item, csu))
    result = pl_unit_is_lit(p, csu, true, why);
  return pl_clock_now(p->stack->clock) > p->step_begun + LED_PATIENCE ? PL_CHECK_DONE : result;
}

static enum pl_status paths_off(struct pl_procedure *p, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (struct pl_item *csu = each_csu(p->item, NULL); csu && !status; csu = each_csu(p->item, csu))
    status = pl_unit_switch(p, csu, false, err);
  return status;
}

static enum pl_check are_off(struct pl_procedure *p, struct pl_err *why)
{
  for (struct pl_item *csu = each_csu(p->item, NULL); csu; csu = each_csu(p->item, csu))
    if (pl_unit_is_off(p, csu, why) != PL_CHECK_DONE)
      return PL_CHECK_NOT_YET;
  return PL_CHECK_DONE;
}

static enum pl_status settle(struct pl_procedure *p, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (struct pl_item *csu = each_csu(p->item, NULL); csu && !status; csu = each_csu(p->item, csu))
    status = pl_out_of_service(p->stack, csu, WHY, err);
  return status;
}

static const struct pl_step STEPS[] = {
    {.name = "isolate", .about = "no more work, attention LEDs on", .act = isolate, .check = isolated, .limit = pl_limit_soon},
    {.name = "paths-off", .about = "power enables and paths off", .flags = PL_STEP_POWER, .act = paths_off, .check = are_off, .again = pl_again_off,
     .limit = pl_limit_power_off},
    {.name = "settle", .about = "out of service", .act = settle},
};

const struct pl_procedure_desc pl_failover_module = {.kind = "failover-module", .about = "Failover of a module", .item_kind = PL_ITEM_MODULE, .steps = STEPS,
                                                     .n_steps = sizeof STEPS / sizeof *STEPS, .taken_up = tell};

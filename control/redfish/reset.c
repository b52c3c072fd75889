/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"
#include "control/redfish/shape.h"

/*
 * Resets of a CSU: procedures, shown as tasks. A power action is done when the hardware shows it, which is long after this answer.
 * Nothing graceful is offered: there is nobody on a CSU who could do it. Of a module it is, and nothing else: it is evacuated.
 */

const char *const pl_reset_types[] = {"On", "ForceOff", "ForceRestart", "PowerCycle", NULL};
const char *const pl_evacuate_types[] = {"GracefulShutdown", NULL};

static const struct {
  const char *type;
  const struct pl_procedure_desc *desc;
} PROCEDURES[] = {{"On", &pl_power_on}, {"ForceOff", &pl_power_off}, {"ForceRestart", &pl_restart}, {"PowerCycle", &pl_restart}, {"GracefulShutdown", &pl_evacuate}};

bool pl_can_reset(const struct pl_res *res)
{
  return res->item->kind == PL_ITEM_CSU;
}

bool pl_can_evacuate(const struct pl_res *res)
{
  return res->item->kind == PL_ITEM_MODULE;
}

void pl_run_reset(struct pl_exchange *x)
{
  const char *type = pl_body_text(x, "ResetType");
  struct pl_procedure *procedure = NULL;
  struct pl_err err = {0};
  type = type ? type : pl_can_evacuate(&x->res) ? *pl_evacuate_types : *pl_reset_types;
  for (size_t i = 0; i < sizeof PROCEDURES / sizeof PROCEDURES[0]; i++)
    if (!strcmp(PROCEDURES[i].type, type)) {
      if (pl_procedure_begin(x->stack, PROCEDURES[i].desc, x->res.item, x->user.name, &procedure, &err))
        pl_say_err(x, NULL, &err);
      else
        pl_answer_task(x, procedure);
      return;
    }
}

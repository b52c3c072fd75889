/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A workload is ended, with a task that lasts until its agent shows that nothing of it is left: it is there until then, and its place is its own. A procedure of
 * its node, which it does not take; there is no way back from it.
 */
#include "control/placement/placement_in.h"

static struct pl_work *work_of(const struct pl_procedure *p)
{
  char id[64], handle[16];
  struct pl_work *work = pl_procedure_noted(p, "workload", id, sizeof id) ? pl_work_find(p->stack->placement, id) : NULL;
  return work && pl_procedure_noted(p, "handle", handle, sizeof handle) && work->w.handle == strtoul(handle, NULL, 10) ? work : NULL; /* not one of the same name */
}

static void prepare(struct pl_procedure *p)
{
  const struct pl_work *work = p->stack->placement->beginning;
  char handle[16];
  snprintf(handle, sizeof handle, "%u", work->w.handle);
  pl_procedure_note(p, "workload", work->w.id);
  pl_procedure_note(p, "handle", handle);
}

static enum pl_status stop(struct pl_procedure *p, struct pl_err *err)
{
  struct pl_work *work = work_of(p);
  if (!work || (work->w.state == PL_WORKLOAD_STOPPING && !work->displaced))
    return PL_OK;
  return pl_placement_stop(p->stack->placement, &work->w, p->author, err);
}

static enum pl_check is_gone(struct pl_procedure *p, struct pl_err *why)
{
  const struct pl_work *work = work_of(p);
  if (!work)
    return PL_CHECK_DONE;
  pl_fail(why, PL_E_TIMEOUT, "the agent of %s still has something of %s. It ends as soon as that can be asked", p->item->id, work->w.id);
  return PL_CHECK_NOT_YET;
}

static pl_time_ns limit(const struct pl_stack *stack)
{
  return 3 * stack->settings.agent_lost_ns;
}

static const struct pl_step STEPS[] = {{.name = "stop", .about = "nothing of it is left on its node", .act = stop, .check = is_gone, .limit = limit}};

const struct pl_procedure_desc pl_stop_workload = {.kind = "stop-workload", .about = "End of a workload", .item_kind = PL_ITEM_CSU, .shares = true, .steps = STEPS,
                                                   .n_steps = sizeof STEPS / sizeof *STEPS, .prepare = prepare};

static struct pl_procedure *task_of(const struct pl_placement *all, const struct pl_work *work)
{
  for (struct pl_procedure *p = pl_procedure_first(all->stack->procedures); p; p = p->next)
    if (p->desc == &pl_stop_workload && p->state == PL_PROCEDURE_RUNNING && work_of(p) == work)
      return p;
  return NULL;
}

void pl_retire_poke(struct pl_placement *all)
{
  for (struct pl_procedure *p = pl_procedure_first(all->stack->procedures); p; p = p->next)
    if (p->desc == &pl_stop_workload && p->state == PL_PROCEDURE_RUNNING)
      pl_procedure_poke(p);
}

enum pl_status pl_placement_retire(struct pl_placement *placement, struct pl_workload *workload, const char *author, struct pl_procedure **task, struct pl_err *err)
{
  struct pl_work *work = pl_work_of(workload);
  const struct pl_host *host = pl_host_find(placement, workload->node);
  bool at_once = workload->state == PL_WORKLOAD_QUEUED || workload->state == PL_WORKLOAD_RESERVED || !host || host->dark;
  *task = task_of(placement, work);
  if (*task)
    return PL_OK;
  if (at_once || workload->state == PL_WORKLOAD_MOVING)
    return pl_placement_stop(placement, workload, author, err); /* PL_E_BUSY while it moves */
  placement->beginning = work;
  enum pl_status status = pl_procedure_begin(placement->stack, &pl_stop_workload, host->item, author, task, err);
  placement->beginning = NULL;
  return status;
}

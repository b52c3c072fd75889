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
    if ((p->desc == &pl_stop_workload || p->desc == &pl_stop_workloads) && p->state == PL_PROCEDURE_RUNNING)
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

/* --- several --- */

/* Their tasks' numbers, each as what is to be added to the one before. */
static void prepare_all(struct pl_procedure *p)
{
  pl_procedure_note(p, "tasks", p->stack->placement->ending);
}

/* One that is not remembered any more has been over for long. */
static enum pl_check are_over(struct pl_procedure *p, struct pl_err *why)
{
  char tasks[sizeof p->data] = "", *end = tasks;
  const struct pl_procedure *failed = NULL;
  if (!pl_procedure_noted(p, "tasks", tasks, sizeof tasks)) {
    pl_fail(why, PL_E_RANGE, "they are too many for one task to follow; each is a task of its own");
    return PL_CHECK_FAILED;
  }
  for (long long id = 0; *end;) {
    id += strtoll(end, &end, 10);
    const struct pl_procedure *each = pl_procedure_find(p->stack->procedures, id);
    if (each && (each->state == PL_PROCEDURE_RUNNING || each->state == PL_PROCEDURE_ROLLING_BACK)) {
      pl_fail(why, PL_E_TIMEOUT, "task %lld is not over yet", id);
      return PL_CHECK_NOT_YET;
    }
    failed = each && each->state != PL_PROCEDURE_COMPLETED ? each : failed;
  }
  if (failed)
    pl_fail(why, PL_E_GONE, "task %lld: %.400s", (long long)failed->id, failed->message);
  return failed ? PL_CHECK_FAILED : PL_CHECK_DONE;
}

static pl_time_ns limit_of_all(const struct pl_stack *stack)
{
  return 2 * limit(stack);
}

static const struct pl_step STEPS_OF_ALL[] = {{.name = "stop", .about = "the tasks of each are over", .check = are_over, .limit = limit_of_all}};

const struct pl_procedure_desc pl_stop_workloads = {.kind = "stop-workloads", .about = "End of several workloads", .item_kind = PL_ITEM_RACK, .shares = true,
                                                    .steps = STEPS_OF_ALL, .n_steps = sizeof STEPS_OF_ALL / sizeof *STEPS_OF_ALL, .prepare = prepare_all};

enum pl_status pl_placement_retire_all(struct pl_placement *placement, struct pl_workload *const *workloads, size_t count, const char *author,
                                       struct pl_procedure **task, struct pl_err *err)
{
  struct pl_stack *stack = placement->stack;
  char tasks[sizeof (*task)->data] = "";
  size_t stopping = 0, used = 0;
  *task = NULL;
  for (size_t i = 0; i < count; i++) {
    struct pl_procedure *each = NULL;
    enum pl_status status = pl_placement_retire(placement, workloads[i], author, &each, err);
    if (status)
      return status;
    if (!each)
      continue;
    if (used < sizeof tasks)
      used += (size_t)snprintf(tasks + used, sizeof tasks - used, "%s%lld", stopping ? " " : "", (long long)(each->id - (*task ? (*task)->id : 0)));
    *task = each;
    stopping++;
  }
  if (stopping < 2)
    return PL_OK;
  placement->ending = tasks;
  enum pl_status status = pl_procedure_begin(stack, &pl_stop_workloads, pl_inventory_first(stack->inventory, PL_ITEM_RACK), author, task, err);
  placement->ending = NULL;
  return status;
}

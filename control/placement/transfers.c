/* SPDX-License-Identifier: Apache-2.0 */
/* Moves: which wait for their turn, what the pool holds for one while it runs, and nodes that are to be emptied. */
#include "control/placement/placement_in.h"


/* --- held at both ends --- */

static void name_hold(const struct pl_work *work, char name[72])
{
  snprintf(name, 72, "~%s", work->w.id);
}

/* The allocation itself stands at the target; what is left at the source draws no power. */
void pl_transfer_hold(struct pl_placement *all, struct pl_work *work, const char *source)
{
  char name[72];
  name_hold(work, name);
  struct pl_request hold = {.id = name, .need = work->w.request.need, .priority = work->w.request.priority, .stay = true};
  hold.need.of[PL_DIMENSION_POWER] = hold.need.of[PL_DIMENSION_HEAT] = 0;
  if (!strcmp(source, work->w.target) || !pl_host_find(all, work->w.target))
    return;
  (void)pl_pool_release(all->pool, work->w.id, NULL);
  (void)pl_pool_adopt(all->pool, &work->w.request, work->replica, work->w.target, NULL);
  (void)pl_pool_release(all->pool, name, NULL);
  (void)pl_pool_adopt(all->pool, &hold, 1, source, NULL);
}

static void settle(struct pl_placement *all, const struct pl_work *work)
{
  struct pl_allocation allocation;
  char name[72];
  name_hold(work, name);
  (void)pl_pool_release(all->pool, name, NULL);
  if (pl_pool_find(all->pool, work->w.id, &allocation) && !strcmp(allocation.node, work->w.node))
    return;
  (void)pl_pool_release(all->pool, work->w.id, NULL);
  (void)pl_pool_adopt(all->pool, &work->w.request, work->replica, work->w.node, NULL);
}

/* --- one move --- */

/* It stands still while it moves: of replicas that must not fail together one at a time. */
bool pl_transfers_have_turn(const struct pl_placement *all, const struct pl_work *work)
{
  unsigned running = 0;
  for (const struct pl_work *each = all->first; each; each = pl_work_next(each)) {
    if (!each->move.active || !each->move.turn)
      continue;
    if (work && each != work && work->w.request.redundancy != PL_REDUNDANCY_NONE && !strcmp(each->w.request.id, work->w.request.id))
      return false;
    running++;
  }
  return running < all->stack->settings.moves_at_once;
}

/* What does not run has nothing to be copied. */
static void replace(struct pl_placement *all, struct pl_work *work, const char *to, const char *author)
{
  pl_decide(all, "move", work->w.id, to, author, NULL, "%s has its place on %s instead of %s", work->w.id, to, work->w.node);
  snprintf(work->w.node, sizeof work->w.node, "%s", to);
  pl_work_state(all, work, work->w.state == PL_WORKLOAD_LOST ? PL_WORKLOAD_STARTING : work->w.state, NULL);
  pl_host_hurry(pl_host_find(all, to));
}

static enum pl_status may_move(const struct pl_placement *all, const struct pl_work *work, const char *to, struct pl_err *err)
{
  const struct pl_host *target = pl_host_find(all, to), *source = pl_host_find(all, work->w.node);
  if (!target)
    return pl_fail(err, PL_E_USAGE, "%s is no node with an agent", to);
  if (!strcmp(work->w.node, to))
    return pl_fail(err, PL_E_USAGE, "%s is on %s already", work->w.id, to);
  if (work->w.request.stay)
    return pl_fail(err, PL_E_USAGE, "%s is to stay on %s: whoever ordered it said so", work->w.id, work->w.node);
  if (work->w.state != PL_WORKLOAD_RUNNING && work->w.state != PL_WORKLOAD_RESERVED)
    return pl_fail(err, PL_E_BUSY, "%s is %s, and can move when it is Running", work->w.id, pl_workload_state_name(work->w.state));
  if (work->w.state == PL_WORKLOAD_RUNNING && (!source || !pl_host_answers(source)))
    return pl_fail(err, PL_E_BUSY, "%s: the agent of %s cannot be asked", work->w.id, work->w.node);
  return PL_OK;
}

/* Where the pool knows it must not go. */
static enum pl_status move_in_pool(struct pl_placement *all, struct pl_work *work, const char *to, struct pl_err *err)
{
  if (PL_LIES(all->stack, MOVES_TO_HOT) && pl_host_find(all, to)->desc.state != PL_NODE_UP) {
    (void)pl_pool_release(all->pool, work->w.id, NULL);
    return pl_pool_adopt(all->pool, &work->w.request, work->replica, to, err);
  }
  return pl_pool_move(all->pool, work->w.id, to, err);
}

/* For a stack that lies: the hottest of all. */
static const char *hottest(const struct pl_placement *all, const struct pl_work *work, const char *to)
{
  const struct pl_host *found = pl_host_find(all, to);
  for (size_t i = 0; i < all->n_hosts; i++)
    if (pl_host_answers(&all->hosts[i]) && strcmp(all->hosts[i].item->id, work->w.node) != 0 && all->hosts[i].desc.heat > found->desc.heat)
      found = &all->hosts[i];
  return found->item->id;
}

enum pl_status pl_transfer_begin(struct pl_placement *all, struct pl_work *work, const char *to, const char *author, struct pl_procedure **task, struct pl_err *err)
{
  enum pl_status status = may_move(all, work, to, err);
  if (!status && PL_LIES(all->stack, MOVES_TO_HOT))
    to = hottest(all, work, to);
  if (!status)
    status = move_in_pool(all, work, to, err);
  if (status)
    return status;
  if (work->w.state == PL_WORKLOAD_RESERVED) {
    replace(all, work, to, author);
    return PL_OK;
  }
  snprintf(work->w.target, sizeof work->w.target, "%s", to);
  pl_transfer_hold(all, work, work->w.node);
  work->move = (struct pl_transfer){.active = true};
  snprintf(work->move.source, sizeof work->move.source, "%s", work->w.node);
  pl_work_state(all, work, PL_WORKLOAD_MOVING, NULL);
  all->beginning = work;
  struct pl_procedure *begun = NULL;
  status = pl_procedure_begin(all->stack, &pl_migrate, pl_host_find(all, work->w.node)->item, author, &begun, err);
  all->beginning = NULL;
  if (status) {
    pl_transfer_over(all, work, false, err ? err->text : "it could not begin");
    return status;
  }
  work->w.task = begun->id;
  pl_decide(all, "move", work->w.id, to, author, NULL, "%s moves from %s to %s (task %lld)", work->w.id, work->w.node, to, (long long)begun->id);
  if (task)
    *task = begun;
  return PL_OK;
}

static void grow(struct pl_placement *all, struct pl_work *work)
{
  struct pl_err err = {0};
  if (!work->grow.of[PL_DIMENSION_CORES])
    return;
  if (!pl_pool_resize(all->pool, work->w.id, &work->grow, &err))
    work->w.request.need = work->grow;
  else
    snprintf(work->w.why, sizeof work->w.why, "%.*s", (int)sizeof work->w.why - 1, err.text);
  work->grow = (struct pl_amounts){0};
}

void pl_transfer_over(struct pl_placement *all, struct pl_work *work, bool moved, const char *why)
{
  char from[64];
  struct pl_host *host = pl_host_find(all, work->w.node);
  snprintf(from, sizeof from, "%s", work->move.source);
  work->move = (struct pl_transfer){0};
  work->w.task = 0;
  settle(all, work);
  if (moved) {
    grow(all, work);
    pl_decide(all, "move", work->w.id, work->w.node, "placement", NULL, "%s runs on %s, and stood still for %.3f s", work->w.id, work->w.node,
              (double)work->w.interrupted / (double)PL_S);
  } else {
    work->grow = (struct pl_amounts){0};
    pl_decide(all, "move", work->w.id, work->w.node, "placement", NULL, "%s stays on %s and did not get to %s: %.300s", work->w.id, work->w.node, work->w.target, why);
  }
  work->w.target[0] = '\0';
  const struct pl_agent_run *run = host ? pl_host_run(host, work->w.handle) : NULL;
  bool runs = moved || (run && run->state == PL_AGENT_RUN_RUNNING);
  pl_work_state(all, work, runs ? PL_WORKLOAD_RUNNING : PL_WORKLOAD_STARTING, moved ? "moved from %s" : "its move from %s failed", from);
  if (host)
    pl_host_hurry(host);
}

/* --- planned ones --- */

bool pl_transfers_is_planned(const struct pl_placement *all, const char *id)
{
  for (const struct pl_planned *each = all->planned; each; each = each->next)
    if (!strcmp(each->id, id))
      return true;
  return false;
}

static void plan_one(struct pl_placement *all, const char *id, const char *to, const char *after, const char *author)
{
  const struct pl_work *work = pl_work_find(all, id);
  struct pl_planned **link = &all->planned, *planned;
  if (!work || work->move.active || pl_transfers_is_planned(all, id) || !(planned = calloc(1, sizeof *planned)))
    return;
  snprintf(planned->id, sizeof planned->id, "%s", id);
  snprintf(planned->to, sizeof planned->to, "%s", to);
  snprintf(planned->after, sizeof planned->after, "%s", after);
  snprintf(planned->author, sizeof planned->author, "%s", author);
  while (*link)
    link = &(*link)->next;
  *link = planned;
}

void pl_transfers_plan_one(struct pl_placement *all, const char *id, const char *to, const char *author)
{
  plan_one(all, id, to, "", author);
}

void pl_transfers_plan(struct pl_placement *all, const struct pl_moves *moves, const char *author)
{
  for (size_t i = 0; i < moves->count; i++) {
    const struct pl_move *move = &moves->moves[i];
    if (move->id[0] != '~')
      plan_one(all, move->id, move->to, move->after ? moves->moves[move->after - 1].id : "", author);
  }
}

/* Those that have become pointless. */
void pl_transfers_forget(struct pl_placement *all)
{
  for (struct pl_planned **link = &all->planned; *link;) {
    struct pl_planned *planned = *link;
    const struct pl_work *work = pl_work_find(all, planned->id);
    const struct pl_host *target = pl_host_find(all, planned->to);
    bool alive = work && target && target->desc.state == PL_NODE_UP && strcmp(work->w.node, planned->to) != 0 &&
                 (work->w.state == PL_WORKLOAD_RUNNING || work->w.state == PL_WORKLOAD_RESERVED || work->w.state == PL_WORKLOAD_STARTING);
    if (alive) {
      link = &planned->next;
      continue;
    }
    *link = planned->next;
    free(planned);
  }
}

static bool must_wait_for(const struct pl_placement *all, const struct pl_planned *planned)
{
  const struct pl_work *before = planned->after[0] ? pl_work_find(all, planned->after) : NULL;
  return before && (before->move.active || pl_transfers_is_planned(all, before->w.id));
}

void pl_transfers_run(struct pl_placement *all)
{
  for (struct pl_planned **link = &all->planned; *link && pl_transfers_have_turn(all, NULL);) {
    struct pl_planned *planned = *link;
    struct pl_work *work = pl_work_find(all, planned->id);
    struct pl_err err = {0};
    if (must_wait_for(all, planned) || (work && (work->w.state == PL_WORKLOAD_STARTING || !pl_transfers_have_turn(all, work)))) {
      link = &planned->next;
      continue;
    }
    *link = planned->next;
    if (work && pl_transfer_begin(all, work, planned->to, planned->author, NULL, &err))
      pl_decide(all, "move", planned->id, planned->to, planned->author, NULL, "%s could not move to %s: %.300s", planned->id, planned->to, err.text);
    free(planned);
    link = &all->planned;
  }
}

bool pl_transfers_concern(const struct pl_placement *all, const struct pl_host *host)
{
  const char *id = host->item->id;
  for (const struct pl_planned *each = all->planned; each; each = each->next) {
    const struct pl_work *work = pl_work_find(all, each->id);
    if (!strcmp(each->to, id) || (work && !strcmp(work->w.node, id)))
      return true;
  }
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (work->move.active && (!strcmp(work->move.source, id) || !strcmp(work->w.target, id)))
      return true;
  return false;
}

enum pl_status pl_placement_migrate(struct pl_placement *placement, struct pl_workload *workload, const char *to, const char *author, struct pl_procedure **task,
                                    struct pl_err *err)
{
  struct pl_work *work = pl_work_of(workload);
  char best[64] = "";
  struct pl_err why = {0};
  if (workload->state != PL_WORKLOAD_RUNNING)
    return pl_fail(err, PL_E_BUSY, "%s is %s, and can move when it is Running", workload->id, pl_workload_state_name(workload->state));
  if (!to && !pl_find_place(placement, work, &workload->request, true, best, &why))
    return pl_fail(err, PL_E_RANGE, "%s fits on no other node: %.300s", workload->id, why.text);
  return pl_transfer_begin(placement, work, to ? to : best, author, task, err);
}

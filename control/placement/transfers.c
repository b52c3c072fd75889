/* SPDX-License-Identifier: Apache-2.0 */
/* Moves: which wait for their turn, what the pool holds for one while it runs, and nodes that are to be emptied. */
#include "control/placement/placement_in.h"

/* --- held at both ends --- */

static void name_hold(const struct pl_work *work, char name[72])
{
  snprintf(name, 72, "~%s", work->w.id);
}

/* What is left there draws no power. */
static void hold_at(struct pl_placement *all, const struct pl_work *work, const char *node)
{
  char name[72];
  name_hold(work, name);
  struct pl_request hold = {.id = name, .need = work->w.request.need, .priority = work->w.request.priority, .stay = true};
  hold.need.of[PL_DIMENSION_POWER] = hold.need.of[PL_DIMENSION_HEAT] = 0;
  (void)pl_pool_release(all->pool, name, NULL);
  (void)pl_pool_adopt(all->pool, &hold, 1, node, NULL);
}

void pl_party_hold(struct pl_placement *all, const struct pl_work *work)
{
  if (work->party && strcmp(work->back, work->w.node) != 0 && pl_host_find(all, work->back))
    hold_at(all, work, work->back);
}

/* The allocation itself stands at the target. */
void pl_transfer_hold(struct pl_placement *all, struct pl_work *work, const char *source)
{
  if (!strcmp(source, work->w.target) || !pl_host_find(all, work->w.target))
    return;
  (void)pl_pool_release(all->pool, work->w.id, NULL);
  (void)pl_pool_adopt(all->pool, &work->w.request, work->replica, work->w.target, NULL);
  hold_at(all, work, source);
}

void pl_transfer_unhold(struct pl_placement *all, const struct pl_work *work)
{
  char name[72];
  name_hold(work, name);
  (void)pl_pool_release(all->pool, name, NULL);
}

static void settle(struct pl_placement *all, const struct pl_work *work)
{
  struct pl_allocation allocation;
  pl_transfer_unhold(all, work);
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
void pl_transfer_replace(struct pl_placement *all, struct pl_work *work, const char *to, const char *author, const char *detail)
{
  pl_decide(all, "move", work->w.id, to, author, detail, "%s has its place on %s instead of %s", work->w.id, to, work->w.node);
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
  if (work->party)
    return pl_fail(err, PL_E_BUSY, "%s moves together with others that are tied to it, and they are still on their way", work->w.id);
  if (work->w.request.stay)
    return pl_fail(err, PL_E_USAGE, "%s is to stay on %s: whoever ordered it said so", work->w.id, work->w.node);
  if (work->w.state == PL_WORKLOAD_LOST && source && source->desc.state == PL_NODE_GONE)
    return PL_OK; /* with others: it begins anew there */
  if (work->w.state != PL_WORKLOAD_RUNNING && work->w.state != PL_WORKLOAD_RESERVED)
    return pl_fail(err, PL_E_BUSY, "%s is %s, and can move when it is Running", work->w.id, pl_workload_state_name(work->w.state));
  if (work->w.state == PL_WORKLOAD_RUNNING && (!source || !pl_host_answers(source)))
    return pl_fail(err, PL_E_BUSY, "%s: the agent of %s cannot be asked", work->w.id, work->w.node);
  return PL_OK;
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

/* Where the pool knows it must not go. */
static enum pl_status move_in_pool(struct pl_placement *all, const struct pl_leave *leaves, size_t count, struct pl_err *err)
{
  struct pl_work *work = leaves->work;
  if (PL_LIES(all->stack, MOVES_TO_HOT) && pl_host_find(all, leaves->to)->desc.state != PL_NODE_UP) {
    (void)pl_pool_release(all->pool, work->w.id, NULL);
    return pl_pool_adopt(all->pool, &work->w.request, work->replica, leaves->to, err);
  }
  struct pl_shift *shifts = calloc(count, sizeof *shifts);
  if (!shifts)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory for its move", work->w.id);
  for (size_t i = 0; i < count; i++)
    shifts[i] = (struct pl_shift){leaves[i].work->w.id, leaves[i].to};
  enum pl_status status = pl_pool_move_all(all->pool, shifts, count, err);
  free(shifts);
  return status;
}

enum pl_status pl_transfer_go(struct pl_placement *all, struct pl_work *work, const char *author, struct pl_procedure **task, struct pl_err *err)
{
  struct pl_procedure *begun = NULL;
  pl_transfer_hold(all, work, work->w.node);
  work->move = (struct pl_transfer){.active = true};
  snprintf(work->move.source, sizeof work->move.source, "%s", work->w.node);
  pl_work_state(all, work, PL_WORKLOAD_MOVING, NULL);
  all->beginning = work;
  enum pl_status status = pl_procedure_begin(all->stack, &pl_migrate, pl_host_find(all, work->w.node)->item, author, &begun, err);
  all->beginning = NULL;
  if (status) {
    pl_transfer_over(all, work, false, err ? err->text : "it could not begin");
    return status;
  }
  work->w.task = begun->id;
  if (task)
    *task = begun;
  return PL_OK;
}

/* What is the matter with the node that it leaves. */
static void say_matter(struct pl_placement *all, const char *left, FILE *out)
{
  const struct pl_host *host = pl_host_find(all, left);
  const struct pl_procedure *p = host ? pl_procedure_of(all->stack->procedures, host->item) : NULL;
  if (!host)
    return;
  if (host->draining)
    (void)fprintf(out, "; %s is emptied for %s", left, p ? p->desc->kind : "a procedure");
  else if (host->closed)
    (void)fprintf(out, "; %s was closed by an operator", left);
  else if (host->item->health == PL_HEALTH_CRITICAL)
    (void)fprintf(out, "; %s is unwell: %s", left, host->item->why);
  else if (host->hot)
    (void)fprintf(out, "; %s is hot", left);
}

char *pl_place_explain(struct pl_placement *all, const struct pl_work *work, const char *left, const char *author, const char *why)
{
  char *text = NULL, *table = pl_pool_explain(all->pool, work->w.id, left, NULL);
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (out) {
    (void)fprintf(out, "%s%s: %s%s%s%s", *left ? "it left " : "it had no place", left, strncmp(author, "placement", 9) ? "asked for by " : "", author, *why ? "; " : "", why);
    say_matter(all, left, out);
    (void)fprintf(out, "\n%s", table ? table : "");
    (void)fclose(out);
  }
  free(table);
  return text;
}

static enum pl_status begin_one(struct pl_placement *all, const struct pl_leave *leave, const char *author, const char *why, struct pl_procedure **task,
                                struct pl_err *err)
{
  struct pl_work *work = leave->work;
  struct pl_procedure *begun = NULL;
  char *detail = pl_place_explain(all, work, work->w.node, author, why);
  enum pl_status status = PL_OK;
  bool lost = work->w.state == PL_WORKLOAD_LOST; /* there is no way back */
  if (work->w.state == PL_WORKLOAD_RESERVED || lost) {
    pl_transfer_replace(all, work, leave->to, author, detail);
    if (!lost)
      pl_party_hold(all, work);
  } else {
    snprintf(work->w.target, sizeof work->w.target, "%s", leave->to);
    status = pl_transfer_go(all, work, author, &begun, err);
  }
  if (begun)
    pl_decide(all, "move", work->w.id, leave->to, author, detail, "%s moves from %s to %s (task %lld)%s", work->w.id, work->w.node, leave->to, (long long)begun->id,
              work->party ? ", together with what is tied to it" : "");
  if (task)
    *task = begun;
  free(detail);
  return status;
}

/* One could not begin: the others go back, or never went. */
static void take_back(struct pl_placement *all, const struct pl_leave *leaves, size_t count, size_t failed)
{
  for (size_t i = 0; i < count; i++) {
    struct pl_work *work = leaves[i].work;
    struct pl_procedure *p = i < failed && work->w.task ? pl_procedure_find(all->stack->procedures, work->w.task) : NULL;
    if (p)
      (void)pl_procedure_cancel(p, "what is tied to it could not begin to move", NULL);
    if (i <= failed)
      continue;
    work->party = 0;
    work->back[0] = '\0';
    settle(all, work);
  }
}

/* What was written of them was taken back: none of them has begun, and no agent has been asked for anything yet. */
static void unwrite(struct pl_placement *all, const struct pl_leave *leaves, size_t count)
{
  static const char WHY[] = "that it moves could not be written";
  for (size_t i = 0; i < count; i++) {
    struct pl_work *work = leaves[i].work;
    struct pl_procedure *p = work->w.task ? pl_procedure_find(all->stack->procedures, work->w.task) : NULL;
    if (!work->party)
      continue;
    if (!work->move.active && strcmp(work->w.node, work->back) != 0) {
      snprintf(work->w.node, sizeof work->w.node, "%s", work->back);
      work->w.state = work->w.state == PL_WORKLOAD_STARTING ? PL_WORKLOAD_LOST : work->w.state; /* see pl_transfer_replace */
    }
    work->party = 0;
    work->back[0] = '\0';
    if (p)
      pl_procedure_unwrite(p, WHY);
    if (work->move.active) {
      pl_transfer_over(all, work, false, WHY);
      continue;
    }
    settle(all, work);
    pl_work_changed(all, work);
  }
}

static enum pl_status begin_all(struct pl_placement *all, const struct pl_leave *leaves, size_t count, const char *author, const char *why,
                                struct pl_procedure **task, struct pl_err *err)
{
  size_t begun = 0;
  enum pl_status status = move_in_pool(all, leaves, count, err);
  if (status)
    return status;
  uint64_t party = ++all->parties;
  for (size_t i = 0; i < count; i++) {
    struct pl_work *work = leaves[i].work;
    work->party = party;
    work->returning = false;
    snprintf(work->back, sizeof work->back, "%s", work->w.node);
  }
  while (begun < count && !status) {
    status = begin_one(all, &leaves[begun], author, why, begun ? NULL : task, err);
    begun += !status;
  }
  if (status && !all->stack->dead)
    take_back(all, leaves, count, begun);
  return status;
}

enum pl_status pl_transfers_begin(struct pl_placement *all, const struct pl_leave *leaves, size_t count, const char *author, const char *why,
                                  struct pl_procedure **task, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  struct pl_leave one = leaves[0];
  for (size_t i = 0; i < count && !status; i++)
    status = may_move(all, leaves[i].work, leaves[i].to, err);
  if (!status && count == 1) {
    if (PL_LIES(all->stack, MOVES_TO_HOT))
      one.to = hottest(all, one.work, one.to);
    status = move_in_pool(all, &one, 1, err);
    return status ? status : begin_one(all, &one, author, why, task, err);
  }
  if (!status)
    status = pl_store_begin(all->stack->store, err); /* all are under way after a kill, or none */
  if (status)
    return status;
  status = begin_all(all, leaves, count, author, why, task, err);
  if (all->stack->dead) /* what has not been written together is not written at all */
    return pl_fail(err, PL_E_GONE, "the stack is dead");
  enum pl_status kept = pl_store_commit(all->stack->store, status ? NULL : err);
  if (kept)
    unwrite(all, leaves, count);
  if (task && (status || kept))
    *task = NULL;
  return status ? status : kept;
}

enum pl_status pl_transfer_begin(struct pl_placement *all, struct pl_work *work, const char *to, const char *author, struct pl_procedure **task, struct pl_err *err)
{
  return pl_transfers_begin(all, &(const struct pl_leave){work, to}, 1, author, "", task, err);
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
  pl_party_hold(all, work);
  char *table = pl_pool_explain(all->pool, work->w.id, NULL, &work->w.score);
  if (moved) {
    grow(all, work);
    pl_decide(all, "move", work->w.id, work->w.node, "placement", NULL, "%s runs on %s, and stood still for %.3f s", work->w.id, work->w.node,
              (double)work->w.interrupted / (double)PL_S);
  } else {
    work->grow = (struct pl_amounts){0};
    pl_decide(all, "move", work->w.id, work->w.node, "placement", table, "%s stays on %s and did not get to %s: %s", work->w.id, work->w.node, work->w.target, why);
  }
  free(table);
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

static bool may_plan(const struct pl_placement *all, const struct pl_move *move)
{
  const struct pl_work *work = pl_work_find(all, move->id);
  const struct pl_host *target = pl_host_find(all, move->to);
  if (move->group && (!target || target->desc.state != PL_NODE_UP)) /* nobody wakes it for them */
    return false;
  return work && !work->move.active && !work->party && strcmp(work->w.node, move->to) != 0 && !pl_transfers_is_planned(all, move->id) &&
         (work->w.state != PL_WORKLOAD_LOST || move->group);
}

static void plan_one(struct pl_placement *all, const struct pl_move *move, const char *after, uint64_t group, const char *why, const char *author)
{
  struct pl_planned **link = &all->planned, *planned = may_plan(all, move) ? calloc(1, sizeof *planned) : NULL;
  if (!planned)
    return;
  snprintf(planned->id, sizeof planned->id, "%s", move->id);
  snprintf(planned->to, sizeof planned->to, "%s", move->to);
  snprintf(planned->after, sizeof planned->after, "%s", after);
  snprintf(planned->author, sizeof planned->author, "%s", author);
  snprintf(planned->why, sizeof planned->why, "%s", why);
  planned->group = group;
  while (*link)
    link = &(*link)->next;
  *link = planned;
}

void pl_transfers_plan_one(struct pl_placement *all, const char *id, const char *to, const char *author)
{
  plan_one(all, &(const struct pl_move){.id = id, .to = to}, "", 0, "", author);
}

/* One of them alone is what the plan never meant. */
static bool may_plan_group(const struct pl_placement *all, const struct pl_moves *moves, size_t group)
{
  for (size_t i = 0; i < moves->count; i++)
    if (group && moves->moves[i].group == group && !may_plan(all, &moves->moves[i]))
      return false;
  return true;
}

void pl_transfers_plan(struct pl_placement *all, const struct pl_moves *moves, const char *author)
{
  uint64_t group = 0;
  for (size_t i = 0; i < moves->count; i++) {
    const struct pl_move *move = &moves->moves[i];
    bool first = move->group && (!i || moves->moves[i - 1].group != move->group);
    if (first)
      group = may_plan_group(all, moves, move->group) ? ++all->parties : 0;
    if (move->id[0] != '~' && (group || !move->group))
      plan_one(all, move, move->after ? moves->moves[move->after - 1].id : "", move->group ? group : 0, moves->why, author);
  }
}

static bool is_alive(const struct pl_placement *all, const struct pl_planned *planned)
{
  const struct pl_work *work = pl_work_find(all, planned->id);
  const struct pl_host *target = pl_host_find(all, planned->to);
  return work && target && target->desc.state == PL_NODE_UP && strcmp(work->w.node, planned->to) != 0 &&
         (work->w.state == PL_WORKLOAD_RUNNING || work->w.state == PL_WORKLOAD_RESERVED || work->w.state == PL_WORKLOAD_STARTING ||
          (work->w.state == PL_WORKLOAD_LOST && planned->group));
}

static bool is_group_alive(const struct pl_placement *all, const struct pl_planned *planned)
{
  for (const struct pl_planned *each = all->planned; each; each = each->next)
    if ((each == planned || (planned->group && each->group == planned->group)) && !is_alive(all, each))
      return false;
  return true;
}

static void drop(struct pl_placement *all, uint64_t group, const struct pl_planned *alone)
{
  for (struct pl_planned **link = &all->planned; *link;) {
    struct pl_planned *planned = *link;
    if (planned != alone && (!group || planned->group != group)) {
      link = &planned->next;
      continue;
    }
    *link = planned->next;
    free(planned);
  }
}

/* Those that have become pointless. */
void pl_transfers_forget(struct pl_placement *all)
{
  for (struct pl_planned *planned = all->planned; planned;) {
    if (is_group_alive(all, planned)) {
      planned = planned->next;
      continue;
    }
    drop(all, planned->group, planned);
    planned = all->planned; /* from the beginning: others of its group are gone, too */
  }
}

static bool must_wait_for(const struct pl_placement *all, const struct pl_planned *planned)
{
  const struct pl_work *before = planned->after[0] ? pl_work_find(all, planned->after) : NULL;
  return before && (before->move.active || before->party || pl_transfers_is_planned(all, before->w.id));
}

static bool can_begin(const struct pl_placement *all, const struct pl_planned *planned)
{
  const struct pl_work *work = pl_work_find(all, planned->id);
  return !must_wait_for(all, planned) && !(work && (work->w.state == PL_WORKLOAD_STARTING || (!planned->group && !pl_transfers_have_turn(all, work))));
}

/* It, with those of its group. False: they must wait. */
static bool run(struct pl_placement *all, const struct pl_planned *planned)
{
  struct pl_leave leaves[PL_PARTY_MAX];
  struct pl_err err = {0};
  size_t count = 0;
  for (const struct pl_planned *each = all->planned; each; each = each->next) {
    if (each != planned && (!planned->group || each->group != planned->group))
      continue;
    struct pl_work *work = pl_work_find(all, each->id);
    if (!can_begin(all, each))
      return false;
    if (work && count < PL_PARTY_MAX)
      leaves[count++] = (struct pl_leave){work, each->to};
  }
  if (count && pl_transfers_begin(all, leaves, count, planned->author, planned->why, NULL, &err))
    pl_decide(all, "move", planned->id, planned->to, planned->author, NULL, "%s could not move to %s: %s", planned->id, planned->to, err.text);
  drop(all, planned->group, planned);
  return true;
}

void pl_transfers_run(struct pl_placement *all)
{
  for (const struct pl_planned *planned = all->planned; planned && pl_transfers_have_turn(all, NULL);)
    planned = run(all, planned) ? all->planned : planned->next;
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
  enum pl_status status = PL_OK;
  if (workload->state != PL_WORKLOAD_RUNNING)
    return pl_fail(err, PL_E_BUSY, "%s is %s, and can move when it is Running", workload->id, pl_workload_state_name(workload->state));
  if (!to && !pl_find_place(placement, work, &workload->request, true, best, &why))
    status = pl_fail(&why, PL_E_RANGE, "%s fits on no other node: %s", workload->id, why.text);
  if (!status)
    status = pl_transfer_begin(placement, work, to ? to : best, author, task, &why);
  if (status == PL_E_RANGE && pl_party_is_tied(placement, work, NULL))
    return pl_party_begin(placement, work, to, author, task, err);
  return status ? pl_fail(err, status, "%s", why.text) : PL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parties: workloads that are tied (`with`) and can only leave together. The pool takes all of their places at once or none; then each moves as any does, a task
 * of its own, as many at one time as may. `with` says where workloads belong, not that they run in step: while a party is under way its members may be apart, for
 * as long as the moves last, and nobody else can take a place that one of them needs: where they go is theirs from the beginning, and where they came from is held
 * for each until all have arrived. So there is always a way back, and neither capacity nor redundancy is touched by it.
 *
 * When one of them fails, those on their way are cancelled, and those that have arrived go back, again a task each. Where that cannot be (its node is gone), they
 * stay apart, it is told, and the next plan that concerns them brings them together. All that is needed stands in the rows of the store: after a kill each row
 * says where it came from, and the same look decides the same.
 */
#include "control/placement/placement_in.h"

static bool is_of(const struct pl_work *work, uint64_t party)
{
  return work->party == party;
}

static bool has_arrived(const struct pl_work *work)
{
  return strcmp(work->w.node, work->back) != 0;
}

static void leave(struct pl_placement *all, struct pl_work *work)
{
  work->party = 0;
  work->back[0] = '\0';
  work->returning = false;
  if (!work->move.active)
    pl_transfer_unhold(all, work);
  (void)pl_work_keep(all, work, NULL);
}

static void dissolve(struct pl_placement *all, uint64_t party)
{
  for (struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (is_of(work, party))
      leave(all, work);
  pl_room_poke(all);
}

/* What was lost, stopped or displaced meanwhile has other troubles: it needs no place held for it. */
static void drop_those_that_left(struct pl_placement *all)
{
  for (struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (work->party && (work->w.state == PL_WORKLOAD_LOST || work->w.state == PL_WORKLOAD_STOPPING || work->w.state == PL_WORKLOAD_QUEUED))
      leave(all, work);
}

struct standing {
  size_t moving, arrived, stayed, starting;
};

static struct standing standing_of(const struct pl_placement *all, uint64_t party)
{
  struct standing s = {0};
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work)) {
    if (!is_of(work, party))
      continue;
    if (work->move.active || work->w.state == PL_WORKLOAD_MOVING)
      s.moving++;
    else if (has_arrived(work))
      s.arrived++;
    else
      s.stayed++;
    s.starting += work->w.state == PL_WORKLOAD_STARTING;
  }
  return s;
}

/* One could not go: the others need not arrive. One that goes back already is let. */
static void call_back(struct pl_placement *all, uint64_t party)
{
  for (struct pl_work *work = all->first; work; work = pl_work_next(work)) {
    struct pl_procedure *p = is_of(work, party) && work->move.active && !work->returning ? pl_procedure_find(all->stack->procedures, work->w.task) : NULL;
    if (p && p->state == PL_PROCEDURE_RUNNING && strcmp(work->w.node, work->w.target) != 0)
      (void)pl_procedure_cancel(p, "what is tied to it could not move", NULL);
  }
}

static enum pl_status go_back(struct pl_placement *all, struct pl_work *work, struct pl_err *err)
{
  const struct pl_host *from = pl_host_find(all, work->w.node), *to = pl_host_find(all, work->back);
  if (work->returning)
    return pl_fail(err, PL_E_GONE, "it did not get back");
  if (!from || !to || !pl_host_answers(from) || !pl_host_answers(to))
    return pl_fail(err, PL_E_GONE, "the agent of %s or %s cannot be asked", work->w.node, work->back);
  char *detail = pl_place_explain(all, work, work->w.node, "placement", "what is tied to it could not follow");
  pl_decide(all, "move", work->w.id, work->back, "placement", detail, "%s goes back from %s to %s: what is tied to it could not follow", work->w.id, work->w.node, work->back);
  free(detail);
  work->returning = true;
  snprintf(work->w.target, sizeof work->w.target, "%s", work->back);
  if (work->w.state != PL_WORKLOAD_RESERVED)
    return pl_transfer_go(all, work, "placement: what is tied to it could not follow", NULL, err);
  pl_transfer_unhold(all, work);
  (void)pl_pool_release(all->pool, work->w.id, NULL);
  enum pl_status status = pl_pool_adopt(all->pool, &work->w.request, work->replica, work->back, err);
  pl_transfer_replace(all, work, work->back, "placement", NULL);
  work->w.target[0] = '\0';
  return status;
}

static void send_back(struct pl_placement *all, uint64_t party)
{
  bool all_can = true;
  for (struct pl_work *work = all->first; work; work = pl_work_next(work)) {
    struct pl_err err = {0};
    if (!is_of(work, party) || work->move.active || !has_arrived(work) || !go_back(all, work, &err))
      continue;
    all_can = false;
    pl_decide(all, "move", work->w.id, work->w.node, "placement", NULL,
              "%s stays on %s, apart from what is tied to it: %s. The next plan that moves one of them brings them together", work->w.id, work->w.node, err.text);
  }
  if (!all_can)
    dissolve(all, party);
}

static void look(struct pl_placement *all, uint64_t party)
{
  struct standing s = standing_of(all, party);
  if (s.moving && s.stayed)
    call_back(all, party);
  else if (s.moving || s.starting)
    return; /* one that starts again cannot be moved yet */
  else if (s.arrived && s.stayed)
    send_back(all, party);
  else
    dissolve(all, party);
}

#define AGAIN (5 * PL_S)

static bool is_quiet(const struct pl_placement *all)
{
  bool tied = false;
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work)) {
    bool waits = work->w.state == PL_WORKLOAD_QUEUED || (work->w.state == PL_WORKLOAD_LOST && all->repaired_version == pl_pool_version(all->pool));
    if (work->w.state != PL_WORKLOAD_RUNNING && work->w.state != PL_WORKLOAD_RESERVED && !waits)
      return false;
    tied = tied || work->w.request.with[0];
  }
  return tied && !all->planned;
}

/* Those whom a loss has parted, or a party that could not go back. */
static void reunite(struct pl_placement *all)
{
  struct pl_moves moves = {0};
  struct pl_err err = {0};
  pl_time_ns now = pl_room_now(all);
  bool due = all->reunited ? now - all->reunited >= AGAIN : all->reunited_version != pl_pool_version(all->pool);
  if (!due || !is_quiet(all))
    return;
  all->reunited_version = pl_pool_version(all->pool);
  if (!pl_moves_reunite(all->pool, &moves, &err))
    pl_transfers_plan(all, &moves, "placement: what is tied belongs together");
  all->reunited = moves.count ? now : 0; /* they may not get there: not again at once, but again */
  pl_moves_end(&moves);
}

void pl_parties_look(struct pl_placement *all)
{
  uint64_t after = 0, next;
  drop_those_that_left(all);
  do {
    next = 0;
    for (const struct pl_work *work = all->first; work; work = pl_work_next(work))
      if (work->party > after && (!next || work->party < next))
        next = work->party;
    if (next)
      look(all, next);
    after = next;
  } while (next);
  reunite(all);
}

/* --- asked for by name --- */

static bool names(const struct pl_request *request, const struct pl_work *other)
{
  for (size_t i = 0; i < PL_REQUEST_NAMES_MAX && request->with[i]; i++) {
    const char *word = request->with[i];
    if (!strcmp(word, other->w.id) || !strcmp(word, other->w.request.id) || !strcmp(word, other->w.application))
      return true;
  }
  return false;
}

bool pl_party_is_tied(const struct pl_placement *all, const struct pl_work *work, char text[160])
{
  size_t at = 0, count = 0;
  for (const struct pl_work *each = all->first; each; each = pl_work_next(each)) {
    if (each == work || !(names(&work->w.request, each) || names(&each->w.request, work)))
      continue;
    count++;
    if (text && count <= 2)
      at += (size_t)snprintf(text + at, 160 - at, "%s%s", count > 1 ? ", " : "", each->w.id);
  }
  if (text && count > 2)
    snprintf(text + at, 160 - at, " and %zu more", count - 2);
  return count;
}

static enum pl_status begin(struct pl_placement *all, const struct pl_work *first, const struct pl_moves *moves, const char *author, struct pl_procedure **task,
                            struct pl_err *err)
{
  struct pl_leave leaves[PL_PARTY_MAX];
  size_t count = 0;
  if (moves->count > PL_PARTY_MAX)
    return pl_fail(err, PL_E_RANGE, "they are %zu, and at most %d can go together", moves->count, PL_PARTY_MAX);
  for (size_t i = 0; i < moves->count; i++) {
    struct pl_work *work = pl_work_find(all, moves->moves[i].id);
    if (moves->moves[i].after || moves->moves[i].group != moves->moves[0].group || (moves->count > 1 && !moves->moves[0].group))
      return pl_fail(err, PL_E_RANGE, "%s could only go when another has gone before", moves->moves[i].id);
    if (!work)
      return pl_fail(err, PL_E_BUSY, "%s is tied to %s, which is being moved. Ask again when that is over", first->w.id, moves->moves[i].id);
    leaves[count++] = (struct pl_leave){work, moves->moves[i].to};
    if (work == first) { /* its task is the one that is asked for */
      struct pl_leave swap = leaves[0];
      leaves[0] = leaves[count - 1];
      leaves[count - 1] = swap;
    }
  }
  return pl_transfers_begin(all, leaves, count, author, "with it goes what is tied to it", task, err);
}

enum pl_status pl_party_begin(struct pl_placement *all, struct pl_work *work, const char *to, const char *author, struct pl_procedure **task, struct pl_err *err)
{
  struct pl_moves moves = {0};
  struct pl_err why = {0};
  char tied[160] = "";
  pl_party_is_tied(all, work, tied);
  enum pl_status status = pl_moves_together(all->pool, work->w.id, to, &moves, &why);
  if (!status)
    status = begin(all, work, &moves, author, task, &why);
  pl_moves_end(&moves);
  if (status)
    pl_fail(err, status, "%s is tied to %s (With), and can go only together with it: %s. Make room there, or move it to where both fit", work->w.id, tied, why.text);
  return status;
}

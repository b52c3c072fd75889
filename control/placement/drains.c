/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes that are to be emptied: for a procedure that will switch them off, because an operator closed them, or because they are unwell. What fits nowhere else
 * keeps the procedure from going on (it fails, and says so), except what was ordered with a priority below 0 and without `stay`: that makes room, and waits. So
 * does everything on a node whose emptying is forced: it is displaced as by something more important, and keeps what it has done.
 */
#include "control/placement/placement_in.h"

#define AGAIN (5 * PL_S)

static bool is_to_be_empty(const struct pl_host *host)
{
  return host->draining || host->closed || (host->item->health == PL_HEALTH_CRITICAL && pl_host_answers(host));
}

static bool is_expendable(const struct pl_work *work, const struct pl_host *host)
{
  bool runs = work->w.state == PL_WORKLOAD_RUNNING || work->w.state == PL_WORKLOAD_STARTING;
  return host->forced ? runs || work->w.state == PL_WORKLOAD_RESERVED : runs && work->w.request.priority < 0 && !work->w.request.stay;
}

/* It fits nowhere: away with it, or its node stays as it is. */
static void strand(struct pl_placement *all, const char *id, const char *why)
{
  struct pl_work *work = pl_work_find(all, id);
  struct pl_host *host = work ? pl_host_find(all, work->w.node) : NULL;
  if (!host || work->move.active || work->w.state == PL_WORKLOAD_STOPPING) /* it is on its way, or leaves by itself */
    return;
  if (is_expendable(work, host)) {
    (void)pl_pool_release(all->pool, work->w.id, NULL);
    pl_work_displace(all, work, "the work on its node");
    return;
  }
  host->stuck = true;
  snprintf(host->drain_why, sizeof host->drain_why, "%s fits on no other node: %s", id, why);
}

static void plan(struct pl_placement *all, const char *const *nodes, size_t count)
{
  const struct pl_goal_desc goal = {.goal = PL_GOAL_EVACUATE, .nodes = nodes, .n_nodes = count, .high = all->stack->settings.high_share,
                                    .low = all->stack->settings.low_share, .settle = all->stack->settings.settle_share};
  struct pl_moves moves = {0};
  struct pl_err err = {0};
  if (pl_moves_plan(all->pool, &goal, &moves, &err))
    return;
  pl_transfers_plan(all, &moves, "placement: a node is to be empty");
  for (size_t i = 0; i < moves.n_stranded; i++)
    if (moves.stranded[i][0] != '~')
      strand(all, moves.stranded[i], moves.why);
  pl_moves_end(&moves);
}

void pl_drains_look(struct pl_placement *all)
{
  const char **nodes = calloc(all->n_hosts + 1, sizeof(const char *));
  size_t count = 0;
  bool busy = all->planned != NULL;
  for (size_t i = 0; nodes && i < all->n_hosts; i++)
    if (is_to_be_empty(&all->hosts[i]) && !all->hosts[i].dark)
      nodes[count++] = all->hosts[i].item->id;
  pl_time_ns now = pl_room_now(all);
  if (count && !busy && (all->drained_version != pl_pool_version(all->pool) || now - all->drained >= AGAIN)) {
    for (size_t i = 0; i < all->n_hosts; i++)
      all->hosts[i].stuck = false;
    plan(all, nodes, count);
    all->drained_version = pl_pool_version(all->pool);
    all->drained = now;
  }
  free(nodes);
}

/* --- for procedures --- */

enum pl_status pl_placement_drain(struct pl_placement *placement, struct pl_item *node, const char *author, struct pl_err *err)
{
  struct pl_host *host = placement ? pl_host_of(placement, node) : NULL;
  (void)err;
  (void)author;
  if (!host || host->draining)
    return PL_OK;
  host->draining = true;
  host->stuck = false;
  placement->drained_version = 0;
  pl_hosts_mirror(placement);
  pl_room_poke(placement); /* planned with the next round: the others of its module may follow */
  return PL_OK;
}

void pl_placement_force(struct pl_placement *placement, struct pl_item *node)
{
  struct pl_host *host = placement ? pl_host_of(placement, node) : NULL;
  if (!host)
    return;
  host->forced = true;
  host->stuck = false; /* what was found before may not hold any more */
  placement->drained_version = 0;
  pl_room_poke(placement);
}

bool pl_placement_is_drained(struct pl_placement *placement, const struct pl_item *node, bool *stuck, struct pl_err *why)
{
  const struct pl_host *host = placement ? pl_host_of(placement, node) : NULL;
  size_t left = 0;
  *stuck = false;
  if (!host)
    return true;
  for (const struct pl_work *work = placement->first; work; work = pl_work_next(work))
    left += work->w.state != PL_WORKLOAD_LOST && (!strcmp(work->w.node, node->id) || !strcmp(work->w.target, node->id));
  if (!left && (host->dark || !host->n_runs || !pl_host_answers(host)))
    return true;
  *stuck = host->stuck && !pl_transfers_concern(placement, host);
  pl_fail(why, *stuck ? PL_E_RANGE : PL_E_BUSY, "%s still has %zu workload%s%s%s", node->id, left, left == 1 ? "" : "s", *stuck ? ": " : "",
          *stuck ? host->drain_why : "");
  return false;
}

void pl_placement_undrain(struct pl_placement *placement, struct pl_item *node)
{
  struct pl_host *host = placement ? pl_host_of(placement, node) : NULL;
  if (!host)
    return;
  host->draining = host->forced = host->stuck = false;
  pl_room_poke(placement);
}

/* --- for operators --- */

enum pl_status pl_placement_close(struct pl_placement *placement, struct pl_item *node, bool closed, const char *author, struct pl_err *err)
{
  struct pl_host *host = pl_host_of(placement, node);
  if (!host)
    return pl_fail(err, PL_E_USAGE, "%s has no agent: nothing is placed there", node->id);
  if (host->closed == closed)
    return PL_OK;
  host->closed = closed;
  enum pl_status status = pl_host_keep(host, err);
  if (status) {
    host->closed = !closed;
    return status;
  }
  placement->drained_version = 0;
  pl_decide(placement, closed ? "close" : "open", "", node->id, author, NULL, closed ? "%s takes nothing new, and is emptied" : "%s takes work again", node->id);
  pl_hosts_mirror(placement);
  pl_room_poke(placement);
  return PL_OK;
}

bool pl_placement_is_closed(const struct pl_placement *placement, const struct pl_item *node)
{
  const struct pl_host *host = placement ? pl_host_of(placement, node) : NULL;
  return host && host->closed;
}

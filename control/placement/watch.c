/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to nodes: lost, mute, full, hot, idle. Each must last before anything moves, so that nothing flaps. */
#include "control/placement/placement_in.h"

#include <math.h>

#define WAKE_AGAIN (10 * PL_S)
#define WAKES_MAX 3
#define WANDER_EVERY (20 * PL_S) /* of a stack that lies */

/* --- lost --- */

static void lose(struct pl_placement *all, struct pl_host *host, struct pl_work *work)
{
  switch (work->w.state) {
  case PL_WORKLOAD_STARTING:
  case PL_WORKLOAD_RUNNING:
    work->restored = false; /* it runs nowhere */
    pl_decide(all, "lose", work->w.id, host->item->id, "placement", NULL, "%s is lost with %s, which has no power", work->w.id, host->item->id);
    pl_work_state(all, work, PL_WORKLOAD_LOST, "%s has no power", host->item->id);
    break;
  case PL_WORKLOAD_STOPPING:
    if (!work->displaced) {
      pl_work_remove(all, work);
      break;
    }
    pl_displaced_gone(all, work, "its node lost its power before that could be kept");
    break;
  default:
    break;
  }
}

static void take_losses(struct pl_placement *all, struct pl_host *host)
{
  bool forget = PL_LIES(all->stack, WORKLOAD_FORGOTTEN);
  for (struct pl_work *work = all->first, *next; work; work = next) {
    next = pl_work_next(work);
    if (strcmp(work->w.node, host->item->id) != 0)
      continue;
    if (forget && work->w.state == PL_WORKLOAD_RUNNING) {
      pl_work_remove(all, work);
      forget = false;
      continue;
    }
    lose(all, host, work);
  }
}

/* Its node came back before it found another place. */
static void take_back(struct pl_placement *all)
{
  for (struct pl_work *work = all->first; work; work = pl_work_next(work)) {
    struct pl_host *host = work->w.state == PL_WORKLOAD_LOST ? pl_host_find(all, work->w.node) : NULL;
    if (!host || !pl_host_answers(host) || !host->told)
      continue;
    pl_decide(all, "place", work->w.id, host->item->id, "placement", NULL, "%s starts again on %s, which is back", work->w.id, host->item->id);
    pl_work_state(all, work, PL_WORKLOAD_STARTING, "%s is back", host->item->id);
    pl_host_hurry(host);
  }
}

static void restart_at(struct pl_placement *all, const char *id, const char *to, const char *why)
{
  struct pl_work *work = pl_work_find(all, id);
  struct pl_host *host = pl_host_find(all, to);
  struct pl_err err = {0};
  if (!work || !host || (work->w.state != PL_WORKLOAD_LOST && work->w.state != PL_WORKLOAD_RESERVED) || pl_pool_move(all->pool, id, to, &err))
    return;
  char *detail = pl_place_explain(all, work, work->w.node, "placement: that is lost", why);
  pl_decide(all, "place", id, to, "placement", detail, "%s goes to %s: %s is lost", id, to, work->w.node);
  free(detail);
  snprintf(work->w.node, sizeof work->w.node, "%s", to);
  pl_work_state(all, work, work->w.state == PL_WORKLOAD_LOST ? PL_WORKLOAD_STARTING : work->w.state, "anew on %s: its node was lost", to);
  if (host->asleep)
    pl_host_wake(host, "placement");
  pl_host_hurry(host);
}

/* It fits nowhere as things are: something less important may make room. */
static void displace_for(struct pl_placement *all, struct pl_work *work)
{
  const struct pl_request *request = &work->w.request;
  const struct pl_order order = {.requests = request, .images = &work->w.image, .data_MiB = &work->w.data_MiB, .count = 1, .author = "placement",
                                 .kind = PL_ORDER_APPLY, .application = work->w.application};
  struct pl_plan *plan = NULL;
  struct pl_why why = {0};
  struct pl_err err = {0};
  char node[64];
  if (request->replicas > 1 || request->redundancy != PL_REDUNDANCY_NONE)
    return;
  snprintf(node, sizeof node, "%s", work->w.node);
  (void)pl_pool_release(all->pool, work->w.id, NULL);
  enum pl_status status = pl_pool_plan(all->pool, request, 1, &plan, &why, &err);
  if (!status)
    status = pl_order_settle(all, &order, plan, NULL, PL_NEVER, work->order, &err);
  if (status)
    (void)pl_pool_adopt(all->pool, request, work->replica, node, NULL);
  pl_plan_free(plan);
}

static void strand(struct pl_placement *all, const char *id)
{
  struct pl_work *work = pl_work_find(all, id);
  if (work && work->w.state == PL_WORKLOAD_LOST && all->stack->settings.preemption)
    displace_for(all, work);
}

/* It, and what goes with it: nothing has to be moved. */
static bool runs_nowhere(const struct pl_placement *all, const struct pl_moves *moves, const struct pl_move *move)
{
  for (size_t i = 0; i < moves->count; i++) {
    const struct pl_move *each = &moves->moves[i];
    const struct pl_work *work = each == move || (move->group && each->group == move->group) ? pl_work_find(all, each->id) : NULL;
    const struct pl_host *host = work ? pl_host_find(all, work->w.node) : NULL;
    if (host && host->desc.state != PL_NODE_GONE && strcmp(work->w.node, each->to) != 0) /* not there already, as those before it in this round */
      return false;
  }
  return true;
}

/* What runs moves first, or with it: the pool changes then, and what still waits is tried again. */
static bool is_room_made(const struct pl_placement *all, const struct pl_moves *moves)
{
  for (size_t i = 0; i < moves->count; i++) {
    const struct pl_work *work = pl_work_find(all, moves->moves[i].id);
    if (work && (work->move.active || pl_transfers_is_planned(all, work->w.id)))
      return true;
  }
  return false;
}

/* What is lost begins anew at once where it can; the plan's other moves are moves as any. */
static void repair(struct pl_placement *all)
{
  const struct pl_goal_desc goal = {.goal = PL_GOAL_REPAIR};
  struct pl_moves moves = {0};
  struct pl_err err = {0};
  if (pl_moves_plan(all->pool, &goal, &moves, &err))
    return;
  for (size_t i = 0; i < moves.count; i++)
    if (runs_nowhere(all, &moves, &moves.moves[i]))
      restart_at(all, moves.moves[i].id, moves.moves[i].to, moves.why);
  pl_transfers_plan(all, &moves, "placement: for what is lost");
  for (size_t i = 0; i < moves.count && !is_room_made(all, &moves); i++)
    strand(all, moves.moves[i].id);
  for (size_t i = 0; i < moves.n_stranded; i++)
    strand(all, moves.stranded[i]);
  pl_moves_end(&moves);
}

/* Nobody knows what it runs: without power it runs nothing, and only then may that run elsewhere. */
static void fence(struct pl_placement *all, struct pl_host *host)
{
  struct pl_err err = {0};
  bool mute = host->mute && pl_room_now(all) - host->mute >= all->stack->settings.agent_lost_ns;
  if (!mute || !pl_host_answers(host) || pl_procedure_of(all->stack->procedures, host->item))
    return;
  if (!pl_procedure_begin(all->stack, &pl_power_off, host->item, "placement: its agent is mute", NULL, &err))
    pl_decide(all, "fence", "", host->item->id, "placement", NULL, "%s is switched off: its agent has been mute for %.0f s, and what it ran must not run twice",
              host->item->id, (double)(pl_room_now(all) - host->mute) / (double)PL_S);
}

void pl_watch_losses(struct pl_placement *all)
{
  bool lost = false;
  for (size_t i = 0; i < all->n_hosts; i++) {
    fence(all, &all->hosts[i]);
    if (all->hosts[i].desc.state == PL_NODE_GONE)
      take_losses(all, &all->hosts[i]);
  }
  take_back(all);
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work)) {
    const struct pl_host *host = pl_host_find(all, work->w.node);
    lost = lost || work->w.state == PL_WORKLOAD_LOST || (work->w.state == PL_WORKLOAD_RESERVED && host && host->desc.state == PL_NODE_GONE);
  }
  if (!lost || all->repaired_version == pl_pool_version(all->pool))
    return;
  repair(all);
  all->repaired_version = pl_pool_version(all->pool);
}

/* --- full, hot --- */

/* Now, or soon where that is known. */
static double used_soon(const struct pl_placement *all, const struct pl_work *work, enum pl_dimension dimension, double now)
{
  double expected, above;
  bool known = pl_use_peak(work, dimension, (double)all->stack->settings.ahead_ns / (double)PL_S, &expected, &above);
  return known ? fmax(now, expected) : now;
}

static double share_used(const struct pl_placement *all, const struct pl_host *host)
{
  double cores = 0, memory = 0;
  const struct pl_amounts *capacity = &host->desc.capacity;
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (!strcmp(work->w.node, host->item->id) && work->w.state == PL_WORKLOAD_RUNNING) {
      cores += used_soon(all, work, PL_DIMENSION_CORES, 1000 * work->w.run.used_cores);
      memory += used_soon(all, work, PL_DIMENSION_MEMORY, work->w.run.used_memory_MiB);
    }
  double most = capacity->of[PL_DIMENSION_CORES] ? cores / (double)capacity->of[PL_DIMENSION_CORES] : 0;
  return fmax(most, capacity->of[PL_DIMENSION_MEMORY] ? memory / (double)capacity->of[PL_DIMENSION_MEMORY] : 0);
}

/* How long something has been so. */
static bool lasts(const struct pl_placement *all, bool is_so, pl_time_ns *since)
{
  pl_time_ns now = pl_room_now(all);
  if (!is_so)
    *since = 0;
  else if (!*since)
    *since = now;
  return is_so && now - *since >= all->stack->settings.over_ns;
}

static void relieve(struct pl_placement *all, struct pl_host *host)
{
  const struct pl_stack_settings *settings = &all->stack->settings;
  const char *nodes[] = {host->item->id};
  const struct pl_goal_desc goal = {.goal = PL_GOAL_RELIEVE, .nodes = nodes, .n_nodes = 1, .high = settings->high_share, .low = settings->low_share,
                                    .settle = settings->settle_share, .most = settings->moves_at_once};
  struct pl_moves moves = {0};
  struct pl_err err = {0};
  if (pl_moves_plan(all->pool, &goal, &moves, &err))
    return;
  pl_transfers_plan(all, &moves, "placement: its node is full");
  pl_moves_end(&moves);
}

static void wander(struct pl_placement *all)
{
  char to[64] = "";
  if (pl_room_now(all) - all->wandered < WANDER_EVERY)
    return;
  all->wandered = pl_room_now(all);
  for (struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (work->w.state == PL_WORKLOAD_RUNNING && pl_find_place(all, work, &work->w.request, true, to, NULL)) {
      pl_transfers_plan_one(all, work->w.id, to, "placement");
      return;
    }
}

void pl_watch_load(struct pl_placement *all)
{
  pl_use_sample(all);
  if (PL_LIES(all->stack, MOVES_WITHOUT_NEED))
    wander(all);
  for (size_t i = 0; i < all->n_hosts; i++) {
    struct pl_host *host = &all->hosts[i];
    if (!pl_host_answers(host) || pl_transfers_concern(all, host))
      continue;
    bool over = share_used(all, host) > all->stack->settings.high_share;
    if (lasts(all, over, &host->over)) {
      relieve(all, host);
      host->over = 0; /* what was moved has its time to show */
    }
    if (lasts(all, host->hot, &host->hotter))
      pl_heat_relieve(host);
  }
}

/* --- idle --- */

static bool is_settled(const struct pl_placement *all)
{
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (work->w.state != PL_WORKLOAD_RUNNING)
      return false;
  return !all->planned;
}

static void put_to_sleep(struct pl_placement *all, struct pl_host *host)
{
  bool stuck;
  struct pl_err err = {0};
  struct pl_node_view view;
  if (host->desc.state != PL_NODE_UP || !pl_placement_is_drained(all, host->item, &stuck, NULL) || !pl_pool_view(all->pool, host->item->id, &view) || view.allocations)
    return;
  host->asleep = true; /* kept before it is off: else a restart would take it for lost */
  if (pl_host_keep(host, NULL) || pl_procedure_begin(all->stack, &pl_power_off, host->item, "placement: idle", NULL, &err)) {
    host->asleep = false;
    (void)pl_host_keep(host, NULL);
    return;
  }
  pl_decide(all, "sleep", "", host->item->id, "placement", NULL, "%s is idle and is switched off: %.0f W less", host->item->id, host->desc.idle_W);
}

void pl_watch_idle(struct pl_placement *all)
{
  const struct pl_stack_settings *settings = &all->stack->settings;
  const struct pl_goal_desc goal = {.goal = PL_GOAL_CONSOLIDATE, .high = settings->high_share, .low = settings->low_share, .settle = settings->settle_share,
                                    .sleep_in = PL_DOMAIN_MODULE, .spare = settings->consolidate_spare};
  struct pl_moves moves = {0};
  struct pl_err err = {0};
  pl_time_ns now = pl_room_now(all);
  for (size_t i = 0; i < all->n_hosts; i++) /* what was placed on one that sleeps waits for it */
    for (const struct pl_work *work = all->hosts[i].asleep ? all->first : NULL; work; work = pl_work_next(work))
      if (work->w.state == PL_WORKLOAD_STARTING && !strcmp(work->w.node, all->hosts[i].item->id))
        pl_host_wake(&all->hosts[i], "placement");
  if (!settings->consolidate || !is_settled(all))
    all->consolidated = now;
  if (now - all->consolidated < settings->consolidate_ns)
    return;
  all->consolidated = now;
  if (pl_moves_plan(all->pool, &goal, &moves, &err))
    return;
  pl_transfers_plan(all, &moves, "placement: to let a node sleep");
  for (size_t i = 0; i < moves.n_sleep && !moves.count; i++) {
    struct pl_host *host = pl_host_find(all, moves.sleep[i]);
    if (host)
      put_to_sleep(all, host);
  }
  pl_moves_end(&moves);
}

void pl_host_wake(struct pl_host *host, const char *author)
{
  struct pl_placement *all = host->all;
  struct pl_err err = {0};
  pl_time_ns now = pl_room_now(all);
  if (!host->asleep || !host->dark || pl_procedure_of(all->stack->procedures, host->item) || (host->woken && now - host->woken < WAKE_AGAIN))
    return;
  host->woken = now;
  if (++host->wakes > WAKES_MAX) { /* it does not: from here on it is one that has no power */
    host->asleep = false;
    host->wakes = 0;
    (void)pl_host_keep(host, NULL);
    return;
  }
  if (!pl_procedure_begin(all->stack, &pl_power_on, host->item, "placement: wakes", NULL, &err))
    pl_decide(all, "wake", "", host->item->id, author, NULL, "%s is switched on: it is needed", host->item->id);
  else
    pl_decide(all, "wake", "", host->item->id, author, NULL, "%s cannot be woken: %s", host->item->id, err.text);
}

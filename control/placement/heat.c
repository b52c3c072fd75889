/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that get too hot: closed to new work, relieved of as much as brings them down, and left alone for a while. */
#include "control/placement/placement_in.h"

#include "control/procedure/unit.h"

#include <math.h>

#define COOL_DEGC 25.0  /* no heat to speak of */
#define HOT 1.0         /* at its limit, and from there on: */
#define COOL_AGAIN 0.95 /* until it is below. Pump control holds what it cools 5 K below its limit: 0.89 of a drive's, 0.92 of a junction's */
#define SETTLE 0.9      /* what it is relieved down to, and what none is brought above */
#define COOLER 0.1      /* as much at least: else a move is not worth it */
#define SHOWS (300 * PL_S) /* three times the lag of drives: before that a move is not seen in the temperatures */
#define HOLD_MOST 16    /* times "heat-hold" */
#define WHY "placement: its node is hot"

/* 0 cool to 1 at its limit, of what comes nearest to its own. What has fallen silent may be as hot as it was; what never said anything counts for nothing. */
static double heat_of(struct pl_host *host)
{
  const struct pl_stack *stack = host->all->stack;
  double most = 0;
  for (size_t i = 0; i < host->item->n_senses; i++) {
    const struct pl_sense *sense = &host->item->senses[i];
    if (sense->quantity->dim != PL_DIM_TEMPERATURE || !sense->count)
      continue;
    if (pl_reading_valid(&sense->reading) && pl_clock_now(stack->clock) - sense->reading.at <= stack->settings.stale_ns) {
      const struct pl_rig_limit *limit = pl_unit_limit(host->item, sense->device->role, sense->quantity->name);
      double max = limit && limit->has_max ? (double)limit->max_u / (double)PL_U : stack->settings.thermal_limit_degC;
      host->heats[i] = ((double)sense->reading.value_u / (double)PL_U - COOL_DEGC) / (max - COOL_DEGC);
    }
    most = fmax(most, host->heats[i]);
  }
  return most;
}

/* A node that is hot again as soon as it has been opened is shut for twice as long. */
void pl_heat_look(struct pl_host *host)
{
  const pl_time_ns hold = host->all->stack->settings.heat_hold_ns, now = pl_room_now(host->all);
  double heat = heat_of(host);
  bool hot = heat >= HOT || (host->hot && heat >= COOL_AGAIN);
  if (hot && !host->hot) {
    bool again = host->hold && now - host->shut < host->hold;
    host->hold = !again ? hold : 2 * host->hold < HOLD_MOST * hold ? 2 * host->hold : HOLD_MOST * hold;
  }
  if (hot || host->hot)
    host->shut = now + host->hold;
  else if (now >= host->shut)
    host->relieved = 0;
  host->hot = hot;
  host->heat = heat;
}

void pl_heat_forget(struct pl_host *host)
{
  memset(host->heats, 0, host->item->n_senses * sizeof *host->heats);
  host->heat = 0;
  host->hot = false;
  host->shut = host->hold = host->hotter = host->relieved = 0;
}

bool pl_heat_closes(const struct pl_host *host)
{
  return host->hot || pl_room_now(host->all) < host->shut;
}

/* --- relief --- */

struct burden {
  struct pl_work *work;
  double power_W;
  bool enough, tied; /* tied: it may have to go with others */
};

/* As much as it is known to use of what it was given. */
static double power_W(const struct pl_work *work)
{
  const struct pl_amounts *need = &work->w.request.need;
  double cores = (double)need->of[PL_DIMENSION_CORES];
  return cores > 0 ? (double)need->of[PL_DIMENSION_POWER] / 1000 * fmin(1000 * work->w.run.used_cores / cores, 1) : 0;
}

/* The smallest that is enough, else the largest, alone before with others: the fewest moves. The least important of equals. */
static int by_use(const void *x, const void *y)
{
  const struct burden *a = x, *b = y;
  if (a->enough != b->enough)
    return a->enough ? -1 : 1;
  if (a->tied != b->tied)
    return a->tied ? 1 : -1;
  if (fabs(a->power_W - b->power_W) > 1)
    return (a->power_W < b->power_W) == a->enough ? -1 : 1;
  return (a->work->w.request.priority > b->work->w.request.priority) - (a->work->w.request.priority < b->work->w.request.priority);
}

static size_t burdens_of(const struct pl_host *host, double cut_W, struct burden burdens[PL_AGENT_RUNS_MAX])
{
  size_t count = 0;
  for (struct pl_work *work = host->all->first; work && count < PL_AGENT_RUNS_MAX; work = pl_work_next(work)) {
    double power = power_W(work);
    if (!strcmp(work->w.node, host->item->id) && work->w.state == PL_WORKLOAD_RUNNING && !work->w.request.stay && !work->party && power >= 1 &&
        !pl_transfers_is_planned(host->all, work->w.id))
      burdens[count++] = (struct burden){.work = work, .power_W = power, .enough = power >= cut_W, .tied = pl_party_is_tied(host->all, work, NULL)};
  }
  qsort(burdens, count, sizeof *burdens, by_use);
  return count;
}

static bool has_room(const struct pl_placement *all, const struct pl_host *host, const struct pl_amounts *need)
{
  struct pl_node_view view;
  if (!pl_pool_view(all->pool, host->item->id, &view))
    return false;
  for (size_t i = 0; i < PL_DIMENSION_COUNT; i++)
    if (need->of[i] > 0 && view.given.of[i] + need->of[i] > view.desc.capacity.of[i])
      return false;
  return true;
}

/* With it, by what a sound unit makes of its full power. */
static bool stays_cool(const struct pl_host *host, double power)
{
  double full_W = host->desc.idle_W + (double)host->desc.capacity.of[PL_DIMENSION_POWER] / 1000;
  return host->heat + power / fmax(full_W, 1) <= SETTLE;
}

static int by_heat(const void *x, const void *y)
{
  const struct pl_host *a = *(struct pl_host *const *)x, *b = *(struct pl_host *const *)y;
  return a->heat != b->heat ? (a->heat > b->heat ? 1 : -1) : (a > b) - (a < b);
}

static bool is_cooler_place(const struct pl_host *host, const struct pl_host *hot, double more_W)
{
  return host != hot && host->desc.state == PL_NODE_UP && host->heat + COOLER <= hot->heat && stays_cool(host, more_W) && !pl_transfers_concern(host->all, host);
}

/* How much it takes off the hot one; 0: nothing. */
static double plan_alone(struct pl_host *hot, const struct burden *burden, const char *to)
{
  struct pl_request request = burden->work->w.request;
  char found[64];
  request.node = to;
  if (!pl_find_place(hot->all, burden->work, &request, false, found, NULL))
    return 0;
  pl_transfers_plan_one(hot->all, burden->work->w.id, to, WHY);
  return burden->power_W;
}

/* None of them heats up what it goes to. */
static bool stay_cool(const struct pl_host *hot, const struct pl_moves *moves)
{
  for (size_t i = 0; i < moves->count; i++) {
    const struct pl_host *to = pl_host_find(hot->all, moves->moves[i].to);
    double more_W = 0;
    for (size_t k = 0; k < moves->count; k++) {
      const struct pl_work *work = strcmp(moves->moves[k].to, moves->moves[i].to) != 0 ? NULL : pl_work_find(hot->all, moves->moves[k].id);
      more_W += work ? power_W(work) : 0;
    }
    if (!to || !is_cooler_place(to, hot, more_W))
      return false;
  }
  return moves->count;
}

/* With all that have to go with it. */
static double plan_party(struct pl_host *hot, const struct burden *burden, const char *to)
{
  struct pl_moves moves = {0};
  double off_W = 0;
  if (!pl_moves_together(hot->all->pool, burden->work->w.id, to, &moves, NULL) && stay_cool(hot, &moves)) {
    pl_transfers_plan(hot->all, &moves, WHY);
    for (size_t i = 0; i < moves.count; i++) {
      const struct pl_work *work = pl_work_find(hot->all, moves.moves[i].id);
      off_W += work && !strcmp(work->w.node, hot->item->id) && pl_transfers_is_planned(hot->all, work->w.id) ? power_W(work) : 0;
    }
  }
  pl_moves_end(&moves);
  return off_W;
}

/* To the coolest that takes it. */
static double move_it(struct pl_host *hot, const struct burden *burden)
{
  struct pl_placement *all = hot->all;
  struct pl_host **cool = calloc(all->n_hosts + 1, sizeof(struct pl_host *));
  size_t count = 0;
  double off_W = 0;
  for (size_t i = 0; cool && i < all->n_hosts; i++)
    if (is_cooler_place(&all->hosts[i], hot, burden->power_W) && has_room(all, &all->hosts[i], &burden->work->w.request.need))
      cool[count++] = &all->hosts[i];
  qsort(cool, cool ? count : 0, sizeof(struct pl_host *), by_heat);
  for (size_t i = 0; i < count && off_W <= 0; i++) {
    off_W = plan_alone(hot, burden, cool[i]->item->id);
    if (off_W <= 0 && burden->tied)
      off_W = plan_party(hot, burden, cool[i]->item->id);
  }
  free(cool);
  return off_W;
}

/* One move, of what brings it nearest to where it settles; how much that takes off. The rise over the coolant goes with the power: so does what must go. */
static double move_one(struct pl_host *hot, double cut_W)
{
  struct burden burdens[PL_AGENT_RUNS_MAX];
  size_t count = burdens_of(hot, cut_W, burdens);
  double off_W = 0;
  for (size_t i = 0; i < count && off_W <= 0; i++)
    off_W = move_it(hot, &burdens[i]);
  return off_W;
}

void pl_heat_relieve(struct pl_host *host)
{
  struct pl_placement *all = host->all;
  pl_time_ns now = pl_room_now(all);
  double all_W = host->desc.idle_W, moved_W = 0;
  if (host->relieved && now - host->relieved < SHOWS)
    return;
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (!strcmp(work->w.node, host->item->id) && work->w.state == PL_WORKLOAD_RUNNING)
      all_W += power_W(work);
  double cut_W = all_W * (host->heat - SETTLE) / host->heat, power = 1;
  for (unsigned i = 0; i < all->stack->settings.moves_at_once && moved_W < cut_W && power > 0; i++)
    moved_W += power = move_one(host, cut_W - moved_W);
  if (moved_W <= 0 && !host->relieved)
    pl_decide(all, "move", "", host->item->id, "placement", NULL, "%s is hot, and nothing that runs there and may move has a cooler place", host->item->id);
  host->relieved = now;
}

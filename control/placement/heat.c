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
  bool enough;
};

/* As much as it is known to use of what it was given. */
static double power_W(const struct pl_work *work)
{
  const struct pl_amounts *need = &work->w.request.need;
  double cores = (double)need->of[PL_DIMENSION_CORES];
  return cores > 0 ? (double)need->of[PL_DIMENSION_POWER] / 1000 * fmin(1000 * work->w.run.used_cores / cores, 1) : 0;
}

/* The smallest that is enough, else the largest: the fewest moves. The least important of equals. */
static int by_use(const void *x, const void *y)
{
  const struct burden *a = x, *b = y;
  if (a->enough != b->enough)
    return a->enough ? -1 : 1;
  if (fabs(a->power_W - b->power_W) > 1)
    return (a->power_W < b->power_W) == a->enough ? -1 : 1;
  return (a->work->w.request.priority > b->work->w.request.priority) - (a->work->w.request.priority < b->work->w.request.priority);
}

static size_t burdens_of(const struct pl_host *host, double cut_W, struct burden burdens[PL_AGENT_RUNS_MAX])
{
  size_t count = 0;
  for (struct pl_work *work = host->all->first; work && count < PL_AGENT_RUNS_MAX; work = pl_work_next(work)) {
    double power = power_W(work);
    if (!strcmp(work->w.node, host->item->id) && work->w.state == PL_WORKLOAD_RUNNING && !work->w.request.stay && power >= 1 &&
        !pl_transfers_is_planned(host->all, work->w.id))
      burdens[count++] = (struct burden){.work = work, .power_W = power, .enough = power >= cut_W};
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

/* The coolest that takes it. */
static bool cooler_place(struct pl_placement *all, const struct pl_host *hot, const struct burden *burden, char to[64])
{
  struct pl_host **cool = calloc(all->n_hosts + 1, sizeof(struct pl_host *));
  struct pl_request request = burden->work->w.request;
  size_t count = 0;
  for (size_t i = 0; cool && i < all->n_hosts; i++) {
    struct pl_host *host = &all->hosts[i];
    if (host != hot && host->desc.state == PL_NODE_UP && host->heat + COOLER <= hot->heat && stays_cool(host, burden->power_W) &&
        has_room(all, host, &request.need) && !pl_transfers_concern(all, host))
      cool[count++] = host;
  }
  qsort(cool, cool ? count : 0, sizeof(struct pl_host *), by_heat);
  *to = '\0';
  for (size_t i = 0; i < count && !*to; i++) {
    request.node = cool[i]->item->id;
    (void)pl_find_place(all, burden->work, &request, false, to, NULL);
  }
  free(cool);
  return *to;
}

/* One move, of what brings it nearest to where it settles; how much that takes off. The rise over the coolant goes with the power: so does what must go. */
static double move_one(struct pl_host *hot, double cut_W)
{
  struct burden burdens[PL_AGENT_RUNS_MAX];
  size_t count = burdens_of(hot, cut_W, burdens);
  for (size_t i = 0; i < count; i++) {
    char to[64];
    if (!cooler_place(hot->all, hot, &burdens[i], to))
      continue;
    pl_transfers_plan_one(hot->all, burdens[i].work->w.id, to, "placement: its node is hot");
    return burdens[i].power_W;
  }
  return 0;
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each node is brought to what is wanted of it. Its agent is asked what it has; the first difference is put right; it is asked again. Nothing is believed that
 * the agent does not show, so a lost answer, a crashed agent and a restart of the stack need nothing of their own.
 *
 * Never twice: what is to run on a node is started there only when no other node that has power showed it at last, unless a move has seen it stand still.
 */
#include "control/placement/placement_in.h"

#define BUSY_EVERY (250 * PL_MS) /* while something is on its way */

const struct pl_agent_run *pl_host_run(const struct pl_host *host, uint32_t handle)
{
  for (size_t i = 0; i < host->n_runs; i++)
    if (host->runs[i].handle == handle)
      return &host->runs[i];
  return NULL;
}

/* --- what is wanted --- */

static bool is_sibling_moving(const struct pl_placement *all, const struct pl_work *work)
{
  for (const struct pl_work *each = all->first; each; each = pl_work_next(each))
    if (each != work && each->move.active && !strcmp(each->w.request.id, work->w.request.id))
      return true;
  return false;
}

static enum pl_wish wish_at_home(const struct pl_host *host, const struct pl_work *work)
{
  switch (work->w.state) {
  case PL_WORKLOAD_STARTING:
  case PL_WORKLOAD_RUNNING:
    return PL_LIES(host->all->stack, REDUNDANCY_BROKEN) && is_sibling_moving(host->all, work) ? PL_WISH_PAUSED : PL_WISH_RUNNING;
  case PL_WORKLOAD_MOVING: /* its procedure has not been taken up yet */
    return PL_WISH_KEEP;
  case PL_WORKLOAD_STOPPING:
    return pl_is_to_be_kept(work) ? PL_WISH_PAUSED : PL_WISH_NOTHING;
  default:
    return PL_WISH_NOTHING;
  }
}

static enum pl_wish wish_of(const struct pl_host *host, const struct pl_work *work)
{
  const char *id = host->item->id;
  if (!work)
    return PL_WISH_NOTHING;
  if (work->move.active && !strcmp(id, work->move.source))
    return work->move.from;
  if (work->move.active && !strcmp(id, work->w.target))
    return work->move.to;
  if (!strcmp(id, work->w.node))
    return wish_at_home(host, work);
  return work->w.state == PL_WORKLOAD_MOVING ? PL_WISH_KEEP : PL_WISH_NOTHING;
}

/* Whether another node may still have it. */
static bool may_be_elsewhere(const struct pl_host *host, const struct pl_work *work)
{
  const struct pl_placement *all = host->all;
  for (size_t i = 0; i < all->n_hosts; i++) {
    const struct pl_host *other = &all->hosts[i];
    if (other == host || other->dark)
      continue;
    if (pl_host_run(other, work->w.handle) || (work->restored && !other->told))
      return true;
  }
  return false;
}

/* --- the next thing --- */

static struct pl_agent_run run_of(const struct pl_work *work)
{
  return (struct pl_agent_run){.handle = work->w.handle, .cores_m = work->w.request.need.of[PL_DIMENSION_CORES],
                               .memory_MiB = work->w.request.need.of[PL_DIMENSION_MEMORY], .data_MiB = work->w.data_MiB, .image = work->w.image};
}

static bool ask(struct pl_agent_exchange *exchange, enum pl_agent_op op, struct pl_agent_run run)
{
  exchange->op = op;
  exchange->run = run;
  return true;
}

static bool next_to_run(const struct pl_host *host, const struct pl_work *work, const struct pl_agent_run *run, struct pl_agent_exchange *exchange)
{
  struct pl_agent_run wanted = run_of(work);
  if (!run && work->kept.handle)
    return !may_be_elsewhere(host, work) && ask(exchange, PL_AGENT_RESTORE, pl_kept_copy(work, wanted));
  if (!run)
    return !may_be_elsewhere(host, work) && ask(exchange, PL_AGENT_DEPLOY, wanted);
  if (run->state == PL_AGENT_RUN_FAILED || pl_kept_is_bad(work, run))
    return ask(exchange, PL_AGENT_STOP, wanted); /* and then anew */
  if (run->state == PL_AGENT_RUN_READY)
    return !may_be_elsewhere(host, work) && ask(exchange, PL_AGENT_START, wanted);
  if (run->state == PL_AGENT_RUN_RUNNING && (run->cores_m != wanted.cores_m || run->memory_MiB != wanted.memory_MiB))
    return ask(exchange, PL_AGENT_RESIZE, wanted);
  return false;
}

static bool next_of_move(const struct pl_work *work, enum pl_wish wish, const struct pl_agent_run *run, struct pl_agent_exchange *exchange)
{
  if (wish == PL_WISH_PAUSED && run && run->state == PL_AGENT_RUN_RUNNING)
    return ask(exchange, PL_AGENT_SNAPSHOT, run_of(work));
  if (wish == PL_WISH_COPY && !run && work->move.snapped) {
    struct pl_agent_run copy = run_of(work);
    copy.work = work->move.snapshot.work;
    copy.checksum = work->move.snapshot.checksum;
    copy.data_MiB = work->move.snapshot.data_MiB;
    return ask(exchange, PL_AGENT_RESTORE, copy);
  }
  if (wish == PL_WISH_STARTED && run && run->state == PL_AGENT_RUN_READY)
    return ask(exchange, PL_AGENT_START, run_of(work));
  return false;
}

static bool next_stop(const struct pl_host *host, struct pl_agent_exchange *exchange)
{
  for (size_t i = 0; i < host->n_runs; i++) {
    struct pl_work *work = pl_work_by_handle(host->all, host->runs[i].handle);
    if (work && pl_is_to_be_kept(work) && host->runs[i].state == PL_AGENT_RUN_RUNNING && !strcmp(work->w.node, host->item->id))
      return ask(exchange, PL_AGENT_SNAPSHOT, host->runs[i]);
    if (wish_of(host, work) != PL_WISH_NOTHING)
      continue;
    if (PL_LIES(host->all->stack, RUNS_TWICE) && work && work->w.moves) {
      if (host->runs[i].state == PL_AGENT_RUN_READY)
        return ask(exchange, PL_AGENT_START, host->runs[i]);
      continue;
    }
    return ask(exchange, PL_AGENT_STOP, host->runs[i]);
  }
  return false;
}

/* Room is made before it is taken. */
static bool next_of(const struct pl_host *host, struct pl_agent_exchange *exchange)
{
  if (next_stop(host, exchange))
    return true;
  for (const struct pl_work *work = host->all->first; work; work = pl_work_next(work)) {
    enum pl_wish wish = wish_of(host, work);
    const struct pl_agent_run *run = pl_host_run(host, work->w.handle);
    if (wish == PL_WISH_RUNNING ? next_to_run(host, work, run, exchange) : next_of_move(work, wish, run, exchange))
      return true;
  }
  return false;
}

/* --- what the agent told --- */

static void told_home(struct pl_host *host, struct pl_work *work, const struct pl_agent_run *run)
{
  struct pl_placement *all = host->all;
  bool runs = run && run->state == PL_AGENT_RUN_RUNNING;
  if (run) {
    work->w.run = *run;
    work->w.told = host->told;
    pl_kept_told(all, work, run);
  }
  if (work->w.state == PL_WORKLOAD_STARTING && runs) {
    work->restored = false;
    pl_work_state(all, work, PL_WORKLOAD_RUNNING, NULL);
  } else if (work->w.state == PL_WORKLOAD_RUNNING && !runs && !work->restored && !(PL_LIES(all->stack, REDUNDANCY_BROKEN) || PL_LIES(all->stack, COPY_SKIPPED))) {
    pl_work_state(all, work, PL_WORKLOAD_STARTING, NULL);
    pl_decide(all, "place", work->w.id, host->item->id, "placement", NULL, "%s no longer ran on %s: it is started there again", work->w.id, host->item->id);
  } else if (work->w.state == PL_WORKLOAD_RUNNING && runs) {
    work->restored = false;
    pl_work_changed(all, work);
  } else if (work->w.state == PL_WORKLOAD_RUNNING && !run && work->restored && !may_be_elsewhere(host, work)) {
    work->restored = false; /* what the store said ran there is gone: anew */
    pl_work_state(all, work, PL_WORKLOAD_STARTING, NULL);
  }
}

static void told_stopping(struct pl_host *host, struct pl_work *work, const struct pl_agent_run *run)
{
  struct pl_placement *all = host->all;
  if (run && pl_is_to_be_kept(work))
    pl_displaced_told(all, work, run);
  if (run)
    return;
  if (work->displaced) {
    pl_displaced_gone(all, work, "it did not run any more");
    return;
  }
  pl_decide(all, "stop", work->w.id, host->item->id, "placement", NULL, "%s has stopped on %s", work->w.id, host->item->id);
  pl_work_remove(all, work);
}

static void take_survey(struct pl_host *host)
{
  const struct pl_agent_exchange *exchange = &host->asking->call.exchange;
  host->n_runs = exchange->n_runs < PL_AGENT_RUNS_MAX ? exchange->n_runs : PL_AGENT_RUNS_MAX;
  memcpy(host->runs, exchange->runs, host->n_runs * sizeof *host->runs);
  host->told = host->asking->at;
  host->fresh = true;
  host->mute = 0;
  for (struct pl_work *work = host->all->first, *next; work; work = next) {
    next = pl_work_next(work);
    const struct pl_agent_run *run = pl_host_run(host, work->w.handle);
    if (work->w.task) {
      struct pl_procedure *p = pl_procedure_find(host->all->stack->procedures, work->w.task);
      if (p)
        pl_procedure_poke(p);
    } else if (!strcmp(work->w.node, host->item->id) && work->w.state == PL_WORKLOAD_STOPPING) {
      told_stopping(host, work, run);
    } else if (!strcmp(work->w.node, host->item->id)) {
      told_home(host, work, run);
    }
  }
}

static bool is_under_way(const struct pl_host *host)
{
  for (const struct pl_work *work = host->all->first; work; work = pl_work_next(work))
    if ((work->w.state == PL_WORKLOAD_STARTING || work->w.state == PL_WORKLOAD_STOPPING || work->move.active) &&
        (!strcmp(work->w.node, host->item->id) || !strcmp(work->w.target, host->item->id) || !strcmp(work->move.source, host->item->id)))
      return true;
  return false;
}

/* --- asking --- */

static void trouble(struct pl_host *host, const struct pl_node_call *call)
{
  struct pl_work *work = call->exchange.op == PL_AGENT_SURVEY ? NULL : pl_work_by_handle(host->all, call->exchange.run.handle);
  pl_time_ns now = pl_room_now(host->all);
  host->fresh = false;
  host->due = now + host->all->stack->settings.agent_ns;
  if (call->exchange.op == PL_AGENT_SURVEY && !host->mute)
    host->mute = now;
  if (work && call->exchange.op == PL_AGENT_SNAPSHOT)
    pl_displaced_trouble(host->all, work, call->err.text);
  if (work && strcmp(work->w.why, call->err.text) != 0) {
    snprintf(work->w.why, sizeof work->w.why, "%.*s", (int)sizeof work->w.why - 1, call->err.text);
    pl_work_changed(host->all, work);
  }
}

static void done(struct pl_node_call *call)
{
  struct pl_asking *asking = call->ctx;
  struct pl_host *host = asking->host;
  if (!host || host->all->stack->dead) {
    if (host)
      host->asking = NULL;
    free(asking);
    return;
  }
  if (call->status)
    trouble(host, call);
  else if (call->exchange.op != PL_AGENT_SURVEY)
    host->fresh = false;
  else if (!host->dark)
    take_survey(host);
  host->asking = NULL;
  free(asking);
  if (host->fresh)
    host->due = pl_room_now(host->all) + (is_under_way(host) ? BUSY_EVERY : host->all->stack->settings.agent_ns);
  pl_room_poke(host->all);
}

static void submit(struct pl_host *host, const struct pl_agent_exchange *exchange)
{
  struct pl_asking *asking = calloc(1, sizeof *asking);
  if (!asking)
    return; /* the next round tries again */
  *asking = (struct pl_asking){.host = host, .at = pl_room_now(host->all)};
  asking->call = (struct pl_node_call){.stack = host->all->stack, .item = host->item, .exchange = *exchange, .done = done, .ctx = asking};
  host->asking = asking;
  pl_node_submit(&asking->call);
}

void pl_host_hurry(struct pl_host *host)
{
  host->due = 0;
  pl_room_poke(host->all);
}

void pl_host_work(struct pl_host *host)
{
  struct pl_agent_exchange exchange = {.op = PL_AGENT_SURVEY};
  pl_time_ns now = pl_room_now(host->all);
  if (host->asking || !pl_host_answers(host))
    return;
  if (host->fresh && next_of(host, &exchange)) {
    host->fresh = false;
    host->due = 0;
    submit(host, &exchange);
  } else if (now >= host->due) {
    submit(host, &(const struct pl_agent_exchange){.op = PL_AGENT_SURVEY});
  }
}

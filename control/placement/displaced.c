/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What something more important displaces keeps what it has done: it stands still, its snapshot is in the store, it stops, it waits; where it gets a place it is
 * restored from that, checked by the agent and here, and started. The row of a workload is all that is kept: a kill leaves it before or after each of these, and
 * what its agent shows says which. Where no snapshot can be had it begins anew from its image, and the journal says why.
 */
#include "control/placement/placement_in.h"

#define TRIES 3

bool pl_run_differs(const struct pl_agent_run *a, const struct pl_agent_run *b)
{
  return a->checksum != b->checksum || a->work != b->work || a->data_MiB != b->data_MiB;
}

static bool is_kept(const struct pl_work *work)
{
  return work->kept.handle != 0;
}

const char *pl_displaced_words(const struct pl_work *work)
{
  return !work->displaced || work->w.reservation[0] ? "" : is_kept(work) ? ", with what it has done so far" : ", anew from its image";
}

/* --- away --- */

bool pl_is_to_be_kept(const struct pl_work *work)
{
  return work->w.state == PL_WORKLOAD_STOPPING && work->displaced && !work->caught;
}

static void nothing_kept(struct pl_placement *all, struct pl_work *work, const char *why)
{
  work->caught = true;
  if (!is_kept(work) && (work->w.run.work || work->restored)) /* one that was being restored has its snapshot still; a new one has done nothing */
    pl_decide(all, "lose", work->w.id, work->w.node, "placement", NULL, "what %s has done on %s is lost, and it begins anew from its image: %.300s", work->w.id,
              work->w.node, why);
}

static int64_t kept_by_others_MiB(const struct pl_placement *all, const struct pl_work *but)
{
  int64_t sum = 0;
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work))
    sum += work != but && is_kept(work) ? work->kept.data_MiB : 0;
  return sum;
}

static void keep(struct pl_placement *all, struct pl_work *work, const struct pl_agent_run *run)
{
  struct pl_agent_run before = work->kept;
  char why[160];
  int64_t others = kept_by_others_MiB(all, work), most = all->stack->settings.snapshots_MiB;
  if (others + run->data_MiB > most) {
    snprintf(why, sizeof why, "its %lld MiB are more than is left for snapshots: %lld of %lld MiB (setting snapshots)", (long long)run->data_MiB,
             (long long)(most > others ? most - others : 0), (long long)most);
    work->kept = (struct pl_agent_run){0};
    nothing_kept(all, work, why);
    return;
  }
  work->kept = (struct pl_agent_run){.handle = work->w.handle, .work = run->work, .checksum = run->checksum, .data_MiB = run->data_MiB};
  if (pl_work_keep(all, work, NULL)) { /* not stopped before it is */
    work->kept = before;
    return;
  }
  work->caught = true;
  pl_decide(all, "evict", work->w.id, work->w.node, "placement", NULL, "what %s has done on %s is kept: %lld MiB, checksum 0x%08x", work->w.id, work->w.node,
            (long long)run->data_MiB, run->checksum);
  pl_work_changed(all, work);
}

void pl_displaced_told(struct pl_placement *all, struct pl_work *work, const struct pl_agent_run *run)
{
  if (run->state == PL_AGENT_RUN_RUNNING)
    work->ran = true;
  else if (run->state == PL_AGENT_RUN_READY && !work->ran && pl_kept_is_bad(work, run))
    nothing_kept(all, work, "what arrived is not what was kept");
  else if (run->state == PL_AGENT_RUN_READY)
    keep(all, work, run);
  else
    nothing_kept(all, work, "it did not run any more");
}

void pl_displaced_trouble(struct pl_placement *all, struct pl_work *work, const char *why)
{
  if (pl_is_to_be_kept(work) && ++work->tries >= TRIES)
    nothing_kept(all, work, why);
}

void pl_displaced_gone(struct pl_placement *all, struct pl_work *work, const char *why)
{
  if (!work->caught)
    nothing_kept(all, work, why);
  work->w.node[0] = '\0';
  work->asked_wall_ns = pl_room_wall(all) - pl_queue_left(all, work);
  pl_work_state(all, work, PL_WORKLOAD_QUEUED, NULL);
}

/* Displaced by something more important: kept, stopped, and back into the queue. */
void pl_work_displace(struct pl_placement *all, struct pl_work *work, const char *by)
{
  if (work->w.state == PL_WORKLOAD_STOPPING) /* it goes as it is */
    return;
  work->displaced = true;
  work->caught = work->ran = false;
  work->tries = 0;
  pl_decide(all, "evict", work->w.id, work->w.node, "placement", NULL, "%s makes room on %s for %s, and waits for another place", work->w.id, work->w.node, by);
  snprintf(work->w.why, sizeof work->w.why, "%s took its place", by);
  if (work->w.state != PL_WORKLOAD_RESERVED) {
    pl_work_state(all, work, PL_WORKLOAD_STOPPING, NULL);
    return;
  }
  work->caught = true; /* there is nothing to keep */
  pl_displaced_gone(all, work, NULL);
}

/* --- and back --- */

struct pl_agent_run pl_kept_copy(const struct pl_work *work, struct pl_agent_run run)
{
  run.work = work->kept.work;
  run.checksum = work->kept.checksum;
  run.data_MiB = work->kept.data_MiB;
  return run;
}

bool pl_kept_is_bad(const struct pl_work *work, const struct pl_agent_run *run)
{
  return is_kept(work) && (run->state == PL_AGENT_RUN_FAILED || (run->state == PL_AGENT_RUN_READY && pl_run_differs(run, &work->kept)));
}

static void give_up(struct pl_placement *all, struct pl_work *work, const char *why)
{
  work->kept = (struct pl_agent_run){0};
  work->tries = 0;
  pl_decide(all, "lose", work->w.id, work->w.node, "placement", NULL, "what %s had done is lost, and it begins anew from its image on %s: %s", work->w.id, work->w.node,
            why);
  (void)pl_work_keep(all, work, NULL);
}

void pl_kept_told(struct pl_placement *all, struct pl_work *work, const struct pl_agent_run *run)
{
  char why[160];
  if (!is_kept(work))
    return;
  if (run->state == PL_AGENT_RUN_RUNNING) {
    pl_decide(all, "place", work->w.id, work->w.node, "placement", NULL, "%s goes on where it left off, on %s: %lld MiB with checksum 0x%08x, as they were kept", work->w.id,
              work->w.node, (long long)work->kept.data_MiB, work->kept.checksum);
    work->kept = (struct pl_agent_run){0}; /* in the store with its new state */
    work->tries = 0;
  } else if (pl_kept_is_bad(work, run) && ++work->tries >= TRIES) {
    snprintf(why, sizeof why, "what arrived is not what was kept, %d times: its checksum is 0x%08x, expected 0x%08x", TRIES, run->checksum, work->kept.checksum);
    give_up(all, work, why);
  } else if (run->state == PL_AGENT_RUN_COPYING && pl_room_now(all) - work->w.since > all->stack->settings.move_ns) {
    give_up(all, work, "its copy has not come within move-limit");
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A workload moves: it stands still, its data is copied, both ends agree, it starts there, and what is left here goes. A step only says what is wanted at the
 * two ends (bring.c sees to it) and ends when their agents show it. Until the start there is a way back; after it there is only forward.
 */
#include "control/placement/placement_in.h"

#include <inttypes.h>

static struct pl_work *work_of(const struct pl_procedure *p)
{
  char id[64];
  struct pl_placement *all = p->stack->placement;
  return pl_procedure_noted(p, "workload", id, sizeof id) ? pl_work_find(all, id) : NULL;
}

static struct pl_host *source_of(const struct pl_procedure *p)
{
  return pl_host_of(p->stack->placement, p->item);
}

static struct pl_host *target_of(const struct pl_procedure *p)
{
  char id[64];
  return pl_procedure_noted(p, "target", id, sizeof id) ? pl_host_find(p->stack->placement, id) : NULL;
}

static enum pl_status whole(struct pl_procedure *p, struct pl_work **work, struct pl_err *err)
{
  *work = work_of(p);
  if (*work && source_of(p) && target_of(p))
    return PL_OK;
  return pl_fail(err, PL_E_GONE, "what was to move, or a node of it, is not there any more");
}

static void hurry(struct pl_procedure *p)
{
  pl_host_hurry(source_of(p));
  pl_host_hurry(target_of(p));
}

/* What the agent showed since the step began; false: it has not been asked since. */
static bool seen(const struct pl_procedure *p, const struct pl_host *host, const struct pl_work *work, const struct pl_agent_run **run)
{
  *run = pl_host_run(host, work->w.handle);
  return !host->dark && host->told >= p->step_begun && host->told > 0;
}

static void note_number(struct pl_procedure *p, const char *key, int64_t value)
{
  char text[24];
  snprintf(text, sizeof text, "%" PRId64, value);
  pl_procedure_note(p, key, text);
}

static int64_t noted_number(const struct pl_procedure *p, const char *key)
{
  char text[24];
  return pl_procedure_noted(p, key, text, sizeof text) ? strtoll(text, NULL, 10) : 0;
}

static void note_snapshot(struct pl_procedure *p, struct pl_work *work, const struct pl_agent_run *run)
{
  work->move.snapped = true;
  work->move.snapshot = *run;
  note_number(p, "work", (int64_t)run->work);
  note_number(p, "checksum", run->checksum);
  note_number(p, "data", run->data_MiB);
}

static void prepare(struct pl_procedure *p)
{
  const struct pl_work *work = p->stack->placement->beginning;
  pl_procedure_note(p, "workload", work->w.id);
  pl_procedure_note(p, "target", work->w.target);
}

static void taken_up(struct pl_procedure *p)
{
  struct pl_work *work = work_of(p);
  if (!work)
    return;
  char target[64] = "";
  pl_procedure_noted(p, "target", target, sizeof target);
  snprintf(work->w.target, sizeof work->w.target, "%s", target);
  work->w.state = PL_WORKLOAD_MOVING;
  work->w.task = p->id;
  work->move = (struct pl_transfer){.active = true, .turn = p->step > 0, .snapped = pl_procedure_noted(p, "checksum", NULL, 0),
                                    .paused_wall_ns = noted_number(p, "paused")};
  work->move.snapshot = (struct pl_agent_run){.work = (uint64_t)noted_number(p, "work"), .checksum = (uint32_t)noted_number(p, "checksum"),
                                              .data_MiB = noted_number(p, "data")};
  snprintf(work->move.source, sizeof work->move.source, "%s", p->item->id);
}

/* --- wait --- */

static enum pl_check has_turn(struct pl_procedure *p, struct pl_err *why)
{
  struct pl_work *work;
  if (whole(p, &work, why))
    return PL_CHECK_FAILED;
  if (!pl_transfers_have_turn(p->stack->placement, work)) {
    pl_fail(why, PL_E_BUSY, "%u workloads move already, or one of its other replicas does", p->stack->settings.moves_at_once);
    return PL_CHECK_NOT_YET;
  }
  work->move.turn = true;
  return PL_CHECK_DONE;
}

static pl_time_ns wait_limit(const struct pl_stack *stack)
{
  return stack->settings.drain_ns;
}

/* --- pause --- */

static enum pl_status stand_still(struct pl_procedure *p, struct pl_err *err)
{
  struct pl_work *work;
  enum pl_status status = whole(p, &work, err);
  if (status)
    return status;
  work->move.turn = true;
  work->move.from = PL_WISH_PAUSED;
  if (!work->move.paused_wall_ns) {
    work->move.paused_wall_ns = pl_room_wall(p->stack->placement);
    note_number(p, "paused", work->move.paused_wall_ns);
  }
  hurry(p);
  return PL_OK;
}

static enum pl_check stands_still(struct pl_procedure *p, struct pl_err *why)
{
  struct pl_work *work;
  const struct pl_agent_run *run;
  if (whole(p, &work, why))
    return PL_CHECK_FAILED;
  if (source_of(p)->dark) {
    pl_fail(why, PL_E_GONE, "%s has lost its power", p->item->id);
    return PL_CHECK_FAILED;
  }
  if (!seen(p, source_of(p), work, &run)) {
    pl_fail(why, PL_E_TIMEOUT, "the agent of %s does not answer", p->item->id);
    return PL_CHECK_NOT_YET;
  }
  if (!run || run->state == PL_AGENT_RUN_FAILED || run->state == PL_AGENT_RUN_NONE) {
    pl_fail(why, PL_E_GONE, "%s does not run on %s any more", work->w.id, p->item->id);
    return PL_CHECK_FAILED;
  }
  if (run->state != PL_AGENT_RUN_READY) {
    pl_fail(why, PL_E_TIMEOUT, "%s has not come to a stand on %s", work->w.id, p->item->id);
    return PL_CHECK_NOT_YET;
  }
  note_snapshot(p, work, run);
  return PL_CHECK_DONE;
}

static enum pl_status go_on(struct pl_procedure *p, struct pl_err *err)
{
  struct pl_work *work;
  if (whole(p, &work, err) || pl_procedure_noted(p, "cleared", NULL, 0))
    return PL_OK;
  work->move.from = PL_WISH_RUNNING;
  hurry(p);
  return PL_OK;
}

static enum pl_check goes_on(struct pl_procedure *p, struct pl_err *why)
{
  struct pl_work *work;
  const struct pl_agent_run *run;
  if (whole(p, &work, why) || source_of(p)->dark || pl_procedure_noted(p, "cleared", NULL, 0))
    return PL_CHECK_DONE; /* the room starts it elsewhere, or it is there already */
  if (seen(p, source_of(p), work, &run) && run && run->state == PL_AGENT_RUN_RUNNING)
    return PL_CHECK_DONE;
  pl_fail(why, PL_E_TIMEOUT, "%s does not run again on %s", work->w.id, p->item->id);
  return PL_CHECK_NOT_YET;
}

/* --- copy --- */

static enum pl_status copy(struct pl_procedure *p, struct pl_err *err)
{
  struct pl_work *work;
  enum pl_status status = whole(p, &work, err);
  if (status)
    return status;
  work->move.to = PL_WISH_COPY;
  hurry(p);
  return PL_OK;
}

static enum pl_check is_copied(struct pl_procedure *p, struct pl_err *why)
{
  struct pl_work *work;
  const struct pl_agent_run *run;
  if (whole(p, &work, why))
    return PL_CHECK_FAILED;
  struct pl_host *target = target_of(p);
  if (PL_LIES(p->stack, COPY_SKIPPED))
    return target->fresh && pl_host_run(target, work->w.handle) ? PL_CHECK_DONE : PL_CHECK_NOT_YET;
  if (target->dark) {
    pl_fail(why, PL_E_GONE, "%s has lost its power", target->item->id);
    return PL_CHECK_FAILED;
  }
  if (!seen(p, target, work, &run) || !run) {
    pl_fail(why, PL_E_TIMEOUT, "the agent of %s has not begun%s%s", target->item->id, work->w.why[0] ? ": " : "", work->w.why);
    return PL_CHECK_NOT_YET;
  }
  if (run->state == PL_AGENT_RUN_FAILED) {
    pl_fail(why, PL_E_CRC, "what arrived on %s is not what was sent: its checksum is 0x%08x, expected 0x%08x", target->item->id, run->checksum,
            work->move.snapshot.checksum);
    return PL_CHECK_FAILED;
  }
  if (run->state == PL_AGENT_RUN_READY)
    return PL_CHECK_DONE;
  p->percent = (unsigned)(100 * ((double)p->step + run->copied) / (double)p->desc->n_steps);
  pl_fail(why, PL_E_TIMEOUT, "%.0f %% of %lld MiB are on %s", 100 * run->copied, (long long)run->data_MiB, target->item->id);
  return PL_CHECK_NOT_YET;
}

static enum pl_status uncopy(struct pl_procedure *p, struct pl_err *err)
{
  struct pl_work *work;
  if (whole(p, &work, err) || pl_procedure_noted(p, "cleared", NULL, 0))
    return PL_OK;
  work->move.to = PL_WISH_NOTHING;
  hurry(p);
  return PL_OK;
}

static enum pl_check is_uncopied(struct pl_procedure *p, struct pl_err *why)
{
  struct pl_work *work;
  const struct pl_agent_run *run;
  if (whole(p, &work, why) || target_of(p)->dark || pl_procedure_noted(p, "cleared", NULL, 0))
    return PL_CHECK_DONE;
  if (seen(p, target_of(p), work, &run) && !run)
    return PL_CHECK_DONE;
  pl_fail(why, PL_E_TIMEOUT, "%s still has something of %s", target_of(p)->item->id, work->w.id);
  return PL_CHECK_NOT_YET;
}

/* --- check --- */

static enum pl_check is_same(struct pl_procedure *p, struct pl_err *why)
{
  struct pl_work *work;
  const struct pl_agent_run *here = NULL, *there;
  if (PL_LIES(p->stack, COPY_SKIPPED))
    return PL_CHECK_DONE;
  if (whole(p, &work, why))
    return PL_CHECK_FAILED;
  if (!seen(p, target_of(p), work, &there) || (!source_of(p)->dark && !seen(p, source_of(p), work, &here))) {
    hurry(p);
    pl_fail(why, PL_E_TIMEOUT, "both ends have not told their checksum");
    return PL_CHECK_NOT_YET;
  }
  if (source_of(p)->dark || !here) /* it cannot be asked any more: what it told before counts */
    here = &work->move.snapshot;
  if (there && there->state == PL_AGENT_RUN_READY && !pl_run_differs(here, there))
    return PL_CHECK_DONE;
  pl_fail(why, PL_E_CRC, "the two ends differ: checksum 0x%08x on %s, 0x%08x on %s", here->checksum, p->item->id, there ? there->checksum : 0,
          target_of(p)->item->id);
  return PL_CHECK_FAILED;
}

/* --- start --- */

static enum pl_status start(struct pl_procedure *p, struct pl_err *err)
{
  struct pl_work *work;
  enum pl_status status = whole(p, &work, err);
  if (status)
    return status;
  work->move.to = PL_WISH_STARTED;
  hurry(p);
  return PL_OK;
}

static enum pl_check has_started(struct pl_procedure *p, struct pl_err *why)
{
  struct pl_work *work;
  const struct pl_agent_run *run;
  if (whole(p, &work, why) || target_of(p)->dark) {
    pl_fail(why, PL_E_GONE, "the node it moves to has lost its power");
    return PL_CHECK_FAILED;
  }
  bool runs = seen(p, target_of(p), work, &run) && run && run->state == PL_AGENT_RUN_RUNNING;
  if (!runs && !PL_LIES(p->stack, COPY_SKIPPED)) {
    pl_fail(why, PL_E_TIMEOUT, "%s does not run on %s yet", work->w.id, target_of(p)->item->id);
    return PL_CHECK_NOT_YET;
  }
  work->w.interrupted = pl_room_wall(p->stack->placement) - work->move.paused_wall_ns;
  if (runs)
    work->w.run = *run;
  return PL_CHECK_DONE;
}

/* --- clear --- */

static enum pl_status clear(struct pl_procedure *p, struct pl_err *err)
{
  struct pl_work *work;
  enum pl_status status = whole(p, &work, err);
  if (status)
    return status;
  if (strcmp(work->w.node, work->w.target) != 0) {
    work->w.moves++;
    snprintf(work->w.node, sizeof work->w.node, "%s", work->w.target);
    status = pl_work_keep(p->stack->placement, work, err);
    if (status)
      return status;
  }
  pl_procedure_note(p, "cleared", "yes");
  work->move.from = PL_WISH_NOTHING;
  work->move.to = PL_WISH_RUNNING;
  hurry(p);
  return PL_OK;
}

static pl_time_ns end_limit(const struct pl_stack *stack)
{
  return 3 * stack->settings.agent_lost_ns;
}

/* A source that cannot be asked keeps nobody: what it still has is stopped when it is back, and it cannot start by itself. */
static enum pl_check is_clear(struct pl_procedure *p, struct pl_err *why)
{
  struct pl_work *work;
  const struct pl_agent_run *run;
  if (whole(p, &work, why) || source_of(p)->dark || pl_clock_now(p->stack->clock) > p->step_begun + end_limit(p->stack) / 2)
    return PL_CHECK_DONE;
  if (seen(p, source_of(p), work, &run) && (!run || PL_LIES(p->stack, RUNS_TWICE)))
    return PL_CHECK_DONE;
  pl_fail(why, PL_E_TIMEOUT, "%s still has something of %s", p->item->id, work->w.id);
  return PL_CHECK_NOT_YET;
}

static pl_time_ns move_limit(const struct pl_stack *stack)
{
  return stack->settings.move_ns;
}

static const struct pl_step STEPS[] = {
    {.name = "wait", .about = "for its turn: only so many move at one time", .flags = PL_STEP_WAITS, .check = has_turn, .limit = wait_limit},
    {.name = "pause", .about = "it stands still, and its data with it", .act = stand_still, .check = stands_still, .undo = go_on, .undone = goes_on, .limit = end_limit},
    {.name = "copy", .about = "its data to the other node", .act = copy, .check = is_copied, .undo = uncopy, .undone = is_uncopied, .limit = move_limit},
    {.name = "check", .about = "both ends tell the same checksum", .check = is_same, .limit = end_limit},
    {.name = "start", .about = "it runs there", .act = start, .check = has_started, .undo = uncopy, .undone = is_uncopied, .limit = end_limit},
    {.name = "clear", .about = "what is left of it here goes", .act = clear, .check = is_clear, .limit = end_limit},
};

const struct pl_procedure_desc pl_migrate = {.kind = "migrate", .about = "Move of a workload", .item_kind = PL_ITEM_CSU, .shares = true, .steps = STEPS,
                                             .n_steps = sizeof STEPS / sizeof *STEPS, .prepare = prepare, .taken_up = taken_up};

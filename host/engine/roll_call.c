/* SPDX-License-Identifier: Apache-2.0 */
/* Before a run drives anything: does every device of the rig answer, and is it what the rig says? */
#include "host/engine/run.h"

#include <string.h>

#define STEP "every device answers"
#define LIMIT (5 * PL_S)

static void answered(struct pl_call *call)
{
  struct pl_asked *asked = call->ctx;
  (*asked->left)--;
  if (asked->next)
    pl_call_submit(&asked->next->call);
}

static struct pl_asked *before(struct pl_asked *all, const struct pl_asked *asked)
{
  for (struct pl_asked *other = all + (asked - all); other-- > all;)
    if (other->call.device && pl_device_bus(other->call.device) == pl_device_bus(asked->call.device))
      return other;
  return NULL;
}

void pl_ask_all(struct pl_run *run, struct pl_asked *all, size_t count)
{
  size_t left = 0;
  for (size_t i = 0; i < count; i++) {
    struct pl_asked *asked = &all[i], *last = asked->call.device ? before(all, asked) : NULL;
    asked->left = &left;
    asked->call.done = answered;
    asked->call.ctx = asked;
    left += asked->call.device != NULL;
    if (last)
      last->next = asked;
  }
  for (size_t i = 0; i < count; i++)
    if (all[i].call.device && !before(all, &all[i]))
      pl_call_submit(&all[i].call);
  while (left) /* each call has a deadline of its own */
    pl_clock_step(run->clock, pl_clock_now(run->clock) + LIMIT);
}

bool pl_is_ours(const struct pl_run *run, const struct pl_rig_device *device)
{
  return device->owner != PL_OWNER_STACK || !run->cfg->stack;
}

static void ask(struct pl_run *run, struct pl_asked *all)
{
  for (size_t i = 0; i < run->rig->n_devices; i++) {
    const struct pl_rig_device *device = &run->rig->devices[i];
    bool asked = device->desc->probe && pl_is_ours(run, device);
    all[i].call = (struct pl_call){.device = asked ? pl_bench_device(run->bench, device->name) : NULL, .kind = PL_CALL_PROBE};
  }
  pl_ask_all(run, all, run->rig->n_devices);
}

/* Those that answered and whose serial number the rig knows are asked for it; another one's answer is none. */
static void ask_serials(struct pl_run *run, struct pl_asked *all)
{
  size_t n = run->rig->n_devices;
  struct pl_asked *own = calloc(n + 1, sizeof *own);
  bool any = false;
  for (size_t i = 0; i < n && own; i++) {
    const struct pl_rig_device *device = &run->rig->devices[i];
    if (!device->serial || all[i].call.job.status || !pl_is_ours(run, device))
      continue;
    own[i].call = (struct pl_call){.device = pl_bench_device(run->bench, device->name), .kind = PL_CALL_IDENTIFY};
    any = true;
  }
  if (any)
    pl_ask_all(run, own, n);
  for (size_t i = 0; i < n && any; i++) {
    const char *wanted = run->rig->devices[i].serial, *bus = run->rig->devices[i].bus->name;
    struct pl_job *job = &all[i].call.job;
    if (!own[i].call.device)
      continue;
    all[i].call.device = own[i].call.device; /* also one that has no probe */
    if (own[i].call.job.status) {
      job->status = own[i].call.job.status;
      job->err = own[i].call.job.err;
    } else if (strcmp(own[i].call.identity.serial, wanted) != 0) {
      job->status = pl_fail(&job->err, PL_E_GARBAGE, "%s (%s): serial number %s answers, the rig expects %s: another unit, or two adapters are exchanged",
                            run->rig->devices[i].name, bus, *own[i].call.identity.serial ? own[i].call.identity.serial : "(none)", wanted);
    }
  }
  free(own);
}

static void tell(struct pl_run *run, int step, const struct pl_rig_device *device, const char *why)
{
  char place[192], message[PL_ERR_TEXT_MAX + 512], verdict[96];
  pl_record_place(device, device->part, place, sizeof place);
  snprintf(message, sizeof message, "%s; %s; next: check power and wiring of the bus, then %s", why, place, pl_record_action(device, device->part));
  snprintf(verdict, sizeof verdict, "%s-does-not-answer", device->role);
  const struct pl_journal_diagnosis diagnosis = {.verdict = verdict, .type = PL_DIAG_FAIL, .message = message, .hardware_id = device->name};
  pl_journal_diagnosis(run->journal, step, &diagnosis);
  pl_record_tell(run, step, message);
}

/* A unit that does not answer is a finding. Without one of the bench's own devices nothing could be judged: that is ours to mend. */
static void conclude(struct pl_run *run, const struct pl_rig_device *device, const struct pl_err *err)
{
  if (device->owner == PL_OWNER_STACK) {
    run->failed = true;
    return;
  }
  run->trouble = PL_FAILURE_ERROR;
  if (!run->err.status)
    pl_fail(&run->err, err->status, "nothing was driven, since the bench itself is not whole: %s", err->text);
}

bool pl_roll_call(struct pl_run *run)
{
  const struct pl_engine_events *events = run->cfg->events;
  struct pl_asked *all = calloc(run->rig->n_devices + 1, sizeof *all);
  if (!all) {
    run->trouble = PL_FAILURE_ERROR;
    pl_fail(&run->err, PL_E_NOMEM, "out of memory for asking the devices");
    return false;
  }
  int step = -1;
  pl_time_ns from = pl_clock_now(run->clock);
  ask(run, all);
  ask_serials(run, all);
  for (size_t i = 0; i < run->rig->n_devices; i++) {
    const struct pl_rig_device *device = &run->rig->devices[i];
    if (!all[i].call.device || !all[i].call.job.status)
      continue;
    if (step < 0) {
      pl_journal_step_start(run->journal, &(struct pl_journal_step){.name = STEP, .parent = -1, .kind = "setup", .attempt = 1}, &step);
      if (events && events->step_start)
        events->step_start(events->ctx, STEP, 0);
    }
    tell(run, step, device, all[i].call.job.err.text);
    conclude(run, device, &all[i].call.job.err);
  }
  free(all);
  if (step < 0)
    return true;
  bool trouble = run->trouble != PL_FAILURE_NONE;
  pl_journal_step_end(run->journal, step, trouble ? PL_STEP_ERROR : PL_STEP_COMPLETE, run->failed);
  if (events && events->step_end)
    events->step_end(events->ctx, STEP, 0, trouble ? "error" : "fail", (double)(pl_clock_now(run->clock) - from) / (double)PL_S);
  return false;
}

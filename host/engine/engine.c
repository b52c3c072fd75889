/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a sequence, and the loop of a run. */
#include "host/engine/engine.h"

#include "host/engine/run.h"
#include "host/engine/sequence.h"

#include <errno.h>
#include <sha256.h>
#include <string.h>

#define SOURCE_MAX (4 << 20)

/* --- the file --- */

static enum pl_status read_file(const char *path, char **bytes, size_t *size, struct pl_err *err)
{
  FILE *file = fopen(path, "rb");
  if (!file) {
    pl_fail_errno(err, "cannot read the sequence %s", path);
    return err ? (err->status = PL_E_USAGE) : PL_E_USAGE;
  }
  char *buffer = malloc(SOURCE_MAX + 1);
  size_t n = buffer ? fread(buffer, 1, SOURCE_MAX + 1, file) : 0;
  bool bad = ferror(file);
  fclose(file);
  if (!buffer)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the sequence %s", path);
  if (bad || n > SOURCE_MAX) {
    free(buffer);
    return pl_fail(err, PL_E_USAGE, bad ? "%s cannot be read; is it a file?" : "%s is larger than 4 MiB", path);
  }
  char *shrunk = realloc(buffer, n + 1);
  *bytes = shrunk ? shrunk : buffer;
  *size = n;
  return PL_OK;
}

enum pl_status pl_sequence_load(const char *path, struct pl_sequence **out, struct pl_err *err)
{
  struct pl_vm *vm = NULL;
  struct pl_sequence *sequence = calloc(1, sizeof *sequence);
  if (!sequence || !(sequence->path = strdup(path))) {
    free(sequence);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the sequence %s", path);
  }
  enum pl_status status = read_file(path, &sequence->source, &sequence->size, err);
  if (!status) {
    SHA256Data((const uint8_t *)sequence->source, sequence->size, sequence->sha256);
    status = pl_vm_new(sequence->path, &vm, err);
  }
  if (!status) {
    vm->head_only = true; /* the rest may depend on parameters: every run loads it with its own */
    status = pl_vm_declare(vm, sequence->source, sequence->size, err);
  }
  if (!status) {
    sequence->meta = vm->meta;
    vm->meta = (struct pl_meta){0};
  }
  pl_vm_free(vm);
  if (status) {
    pl_sequence_free(sequence);
    return status;
  }
  *out = sequence;
  return PL_OK;
}

bool pl_sequence_says(const struct pl_sequence *sequence, const char *word)
{
  return memmem(sequence->source, sequence->size, word, strlen(word)) != NULL;
}

bool pl_sequence_wants_stack(const struct pl_sequence *sequence)
{
  return sequence->meta.stack;
}

const char *pl_sequence_stack_settings(const struct pl_sequence *sequence)
{
  return sequence->meta.stack_settings;
}

void pl_sequence_free(struct pl_sequence *sequence)
{
  if (!sequence)
    return;
  pl_meta_free(&sequence->meta);
  free(sequence->source);
  free(sequence->path);
  free(sequence);
}

const char *pl_sequence_name(const struct pl_sequence *sequence)
{
  return sequence->meta.name;
}

const char *pl_sequence_about(const struct pl_sequence *sequence)
{
  return sequence->meta.about ? sequence->meta.about : "";
}

static enum pl_status bound_copy(const struct pl_sequence *sequence, const struct pl_rig *rig, const struct pl_engine_pair *params, size_t n_params,
                                 struct pl_meta *bound, struct pl_err *err)
{
  enum pl_status status = pl_meta_copy(&sequence->meta, bound, err);
  if (!status && (status = pl_bind(bound, sequence->path, rig, params, n_params, err)))
    pl_meta_free(bound);
  return status;
}

/* Loads the file with its bound parameters, since its top level may use them. */
static enum pl_status load_bound(const struct pl_sequence *sequence, const struct pl_meta *bound, struct pl_vm **out, struct pl_err *err)
{
  struct pl_vm *vm = NULL;
  enum pl_status status = pl_vm_new(sequence->path, &vm, err);
  if (status)
    return status;
  vm->bound = bound;
  status = pl_vm_declare(vm, sequence->source, sequence->size, err);
  if (!status && !vm->items)
    status = pl_fail(err, PL_E_USAGE, "%s declares no step with these parameters", sequence->path);
  if (status)
    pl_vm_free(vm);
  else
    *out = vm;
  return status;
}

enum pl_status pl_sequence_bind(struct pl_sequence *sequence, const struct pl_rig *rig, const struct pl_engine_pair *params, size_t n_params, struct pl_err *err)
{
  struct pl_meta bound;
  enum pl_status status = bound_copy(sequence, rig, params, n_params, &bound, err);
  if (!status)
    pl_meta_free(&bound);
  return status;
}

/* --- the loop --- */

static void abort_run(struct pl_run *run, int signal)
{
  struct pl_failure failure = {.kind = PL_FAILURE_ABORT, .status = PL_E_CANCELLED, .verdict = "aborted"};
  snprintf(failure.text, sizeof failure.text, "aborted by %s", signal == 2 ? "the operator (SIGINT)" : signal == 15 ? "SIGTERM" : "a signal");
  run->aborting = true;
  pl_record_failure(run, run->root, &failure);
  pl_scope_stop(run->root, &failure);
}

static void look_at_stop(struct pl_run *run)
{
  int stop = run->cfg->stop ? *run->cfg->stop : 0;
  if (stop == run->stop_seen)
    return;
  run->stop_seen = stop;
  if (run->aborting) {
    pl_journal_log(run->journal, -1, "WARNING", "a second signal: the teardown is cut short");
    pl_scope_cut(run);
  } else {
    abort_run(run, stop);
  }
}

static void look_at_guard(struct pl_run *run)
{
  const struct pl_err *lost = run->cfg->lost && !run->cut ? run->cfg->lost(run->cfg->lost_ctx) : NULL;
  if (!lost)
    return;
  struct pl_failure failure = {.kind = PL_FAILURE_ERROR, .status = PL_E_GONE, .verdict = "unguarded"};
  snprintf(failure.text, sizeof failure.text, "%.400s; the run is ended and its safe values are applied", lost->text);
  run->aborting = true;
  pl_record_failure(run, run->root, &failure);
  pl_scope_cut(run);
}

static void on_progress(void *ctx, pl_time_ns now)
{
  struct pl_run *run = ctx;
  const struct pl_engine_events *events = run->cfg->events;
  if (run->wait_until > run->wait_from && events->progress)
    events->progress(events->ctx, (double)(now - run->wait_from) / (double)(run->wait_until - run->wait_from));
  pl_clock_arm(run->clock, &run->progress, now + 200 * PL_MS);
}

/* In a rehearsal one error of the sequence is enough, and so is the time that a person waits for it. */
static bool rehearsed(struct pl_run *run, int64_t wall_end)
{
  return run->cfg->rehearsal && (run->trouble == PL_FAILURE_USAGE || (run->cfg->rehearsal_wall_ms && pl_vm_wall_ns() > wall_end));
}

#define RECORD_LOOK 256             /* slices */
#define RECORD_HELD_NS (50 * PL_MS) /* of wall time */

/* A run that is killed leaves a record up to its last wait; in virtual time, where waits are nothing, up to a moment before. */
static void hand_over_record(struct pl_run *run, bool waits)
{
  bool real = !pl_clock_is_virtual(run->clock);
  if (real ? !waits : run->slices - run->looked_at < RECORD_LOOK)
    return;
  if (!real) {
    int64_t wall = pl_vm_wall_ns();
    run->looked_at = run->slices;
    if (wall - run->flushed_wall < RECORD_HELD_NS)
      return;
    run->flushed_wall = wall;
  }
  if (pl_journal_pending(run->journal))
    pl_record_flush(run);
}

/* The deepest step that a rehearsal had reached when its time was over. */
static void tell_reached(const struct pl_run *run, bool cut)
{
  const struct pl_scope *scope = run->focus;
  if (!run->cfg->reached || !run->cfg->reached_size)
    return;
  while (scope && scope->parent && scope->parent->decl->kind != PL_SCOPE_RUN)
    scope = scope->parent;
  snprintf(run->cfg->reached, run->cfg->reached_size, "%s", cut && scope ? scope->decl->name : "");
}

static void loop(struct pl_run *run)
{
  int64_t wall_end = pl_vm_wall_ns() + (int64_t)run->cfg->rehearsal_wall_ms * PL_MS;
  tell_reached(run, false);
  while (!run->done) {
    look_at_stop(run);
    look_at_guard(run);
    pl_trips_look(run);
    if (run->done)
      break;
    if (rehearsed(run, wall_end)) {
      run->unseen = true;
      tell_reached(run, run->trouble != PL_FAILURE_USAGE);
      run->aborting = true;
      pl_scope_cut(run);
      break;
    }
    hand_over_record(run, !run->ready);
    if (!pl_task_run_ready(run))
      pl_clock_step(run->clock, PL_NEVER);
    pl_rehearsal_look(run);
  }
}

static void start_root(struct pl_run *run, struct pl_decl *decl)
{
  const struct pl_engine_events *events = run->cfg->events;
  const struct pl_vm *vm = run->vm;
  if (vm->setup)
    decl->setup = vm->setup->body;
  if (vm->teardown)
    decl->teardown = vm->teardown->body;
  if (events && events->plan)
    events->plan(events->ctx, vm->n_items + (vm->setup != NULL) + (vm->teardown != NULL));
  if (events && events->progress && !pl_clock_is_virtual(run->clock)) {
    run->progress = (struct pl_timer){.fire = on_progress, .ctx = run};
    pl_clock_arm(run->clock, &run->progress, pl_clock_now(run->clock) + 200 * PL_MS);
  }
  pl_scope_start(run, NULL, decl, NULL, NULL);
}

/* A unit that cannot be put into its safe state is a finding when it is the unit's fault, trouble when it is ours. */
static void make_safe(struct pl_run *run)
{
  struct pl_err err = {0};
  if (!pl_bench_make_safe(run->bench, &err) || run->cfg->rehearsal)
    return;
  char text[PL_ERR_TEXT_MAX + 64];
  if (run->cfg->unsafe)
    *run->cfg->unsafe = true;
  snprintf(text, sizeof text, "the safe state was not reached everywhere: %s", err.text);
  enum pl_class class = pl_status_class(err.status);
  pl_journal_error(run->journal, -1, "safe-state", text, run->path, 0);
  pl_record_tell(run, -1, text);
  if (class == PL_CLASS_UNIT || class == PL_CLASS_RETRY) {
    run->failed = true;
    return;
  }
  if (run->trouble < PL_FAILURE_ERROR)
    run->trouble = PL_FAILURE_ERROR;
  if (!run->err.status)
    pl_fail(&run->err, err.status, "%s", text);
}

/* A name in --limits that nothing measures would leave the unit judged by other limits than the file says. */
static void check_limits(struct pl_run *run)
{
  struct pl_err err = {0};
  if (!run->cfg->rehearsal || run->unseen || run->cfg->limits_shared || !run->limits || run->trouble || !pl_limits_all_used(run->limits, &err))
    return;
  run->trouble = PL_FAILURE_USAGE;
  run->err = err;
}

static enum pl_engine_outcome outcome_of(const struct pl_run *run)
{
  if (run->cfg->rehearsal)
    return run->trouble == PL_FAILURE_USAGE ? PL_RUN_ERROR : run->trouble == PL_FAILURE_ABORT ? PL_RUN_ABORTED : PL_RUN_PASS;
  switch (run->trouble) {
  case PL_FAILURE_ABORT: return PL_RUN_ABORTED;
  case PL_FAILURE_USAGE:
  case PL_FAILURE_ERROR: return PL_RUN_ERROR;
  default: return run->failed ? PL_RUN_FAIL : PL_RUN_PASS;
  }
}

static enum pl_status drive(struct pl_run *run, const struct pl_sequence *sequence, enum pl_engine_outcome *outcome, struct pl_err *err)
{
  static const enum pl_journal_end ENDS[] = {
      [PL_RUN_PASS] = PL_END_PASS, [PL_RUN_FAIL] = PL_END_FAIL, [PL_RUN_ERROR] = PL_END_ERROR, [PL_RUN_ABORTED] = PL_END_ERROR};
  struct pl_decl *root = pl_decl_new("run", PL_SCOPE_RUN);
  if (!root)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a run");
  struct pl_err journal_err = {0};
  enum pl_status status = pl_record_start(run, sequence, &journal_err);
  pl_wires_watch(run);
  if (!status)
    pl_rehearsal_allow(run);
  if (status) {
    run->trouble = PL_FAILURE_ERROR;
    run->err = journal_err;
  } else if (pl_trips_armed(run) && (run->cfg->rehearsal || run->vm->meta.no_roll_call || pl_roll_call(run))) {
    if (pl_stack_begin(run)) {
      start_root(run, root);
      loop(run);
    }
    pl_clock_disarm(run->clock, &run->progress);
    pl_stack_end(run);  /* nobody else drives the rack any more */
    pl_call_drain(run); /* a read that nobody waits for any more would stand before the safe values */
    pl_rehearsal_end(run);
    make_safe(run);
    pl_trips_look(run);
    check_limits(run);
  }
  pl_wires_record(run);
  *outcome = outcome_of(run);
  pl_journal_run_end(run->journal, ENDS[*outcome]);
  if (pl_journal_flush(run->journal, &journal_err) && !run->err.status) {
    run->err = journal_err;
    *outcome = PL_RUN_ERROR;
  }
  if (run->root)
    run->root->next_spare = run->spare_scopes;
  if (run->root)
    run->spare_scopes = run->root;
  free(root);
  if (*outcome == PL_RUN_PASS || *outcome == PL_RUN_FAIL || !run->err.status)
    return PL_OK;
  *err = run->err;
  if (err->status == PL_E_USAGE && run->driven && !run->cfg->rehearsal)
    err->status = PL_E_CANCELLED; /* "usage" promises that nothing was driven */
  return err->status;
}

static enum pl_status prepare(struct pl_run *run, const struct pl_sequence *sequence, struct pl_meta *bound, struct pl_err *err)
{
  const struct pl_engine_cfg *cfg = run->cfg;
  if (sequence->meta.stack && !cfg->stack)
    return pl_fail(err, PL_E_USAGE, "%s asks a control stack (stack = true), which this command has none of; run it with `plumb run`", sequence->path);
  enum pl_status status = bound_copy(sequence, run->rig, cfg->params, cfg->n_params, bound, err);
  if (!status && cfg->limits_path)
    status = pl_limits_load(cfg->limits_path, &run->limits, err);
  if (!status && cfg->answers_path)
    status = pl_answers_load(cfg->answers_path, &run->answers, err);
  if (!status)
    status = load_bound(sequence, bound, &run->vm, err);
  if (status)
    return status;
  run->vm->run = run;
  run->vm->limit = (size_t)(PL_VM_MEMORY_MIB + PL_VM_RESERVE_MIB) << 20;
  pl_vm_seed(run->vm, cfg->seed);
  return PL_OK;
}

enum pl_status pl_engine_run(struct pl_sequence *sequence, const struct pl_engine_cfg *cfg, enum pl_engine_outcome *outcome, struct pl_err *err)
{
  struct pl_err own = {0};
  struct pl_meta bound = {0};
  struct pl_run run = {.cfg = cfg,
                       .clock = pl_bench_clock(cfg->bench),
                       .bench = cfg->bench,
                       .journal = cfg->journal,
                       .rig = pl_bench_rig(cfg->bench),
                       .path = sequence->path};
  run.ready_tail = &run.ready;
  *outcome = PL_RUN_ERROR;
  enum pl_status status = prepare(&run, sequence, &bound, &own);
  if (!status)
    status = drive(&run, sequence, outcome, &own);
  while (pl_task_run_ready(&run)) /* only the dead are left */
    ;
  pl_call_drain(&run);
  pl_task_free_spares(&run);
  pl_scope_free_spares(&run);
  if (run.vm)
    run.vm->run = NULL;
  pl_vm_free(run.vm);
  pl_limits_free(run.limits);
  pl_answers_free(run.answers);
  pl_meta_free(&bound);
  if (status && err)
    *err = own;
  return status;
}

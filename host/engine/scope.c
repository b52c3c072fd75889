/* SPDX-License-Identifier: Apache-2.0 */
/* Steps, groups, branches and the run itself: set up, run, torn down whatever happened, tried again. */
#include "host/engine/run.h"

#include <assert.h>
#include <lauxlib.h>
#include <string.h>

static const char *const KINDS[] = {[PL_SCOPE_RUN] = "run",     [PL_SCOPE_STEP] = "step",         [PL_SCOPE_GROUP] = "group",
                                    [PL_SCOPE_SETUP] = "setup", [PL_SCOPE_TEARDOWN] = "teardown", [PL_SCOPE_BRANCH] = "branch"};

#define START_BELOW ((size_t)(PL_VM_MEMORY_MIB + PL_VM_RESERVE_MIB - 2) << 20)

static void advance(struct pl_scope *scope);

struct pl_decl *pl_decl_new(const char *name, enum pl_scope_kind kind)
{
  size_t size = strlen(name) + 1;
  struct pl_decl *decl = malloc(sizeof *decl + size);
  if (!decl)
    return NULL;
  *decl = (struct pl_decl){.kind = kind, .body = LUA_NOREF, .setup = LUA_NOREF, .teardown = LUA_NOREF};
  memcpy(decl->name, name, size);
  return decl;
}

/* --- the deadline --- */

static pl_time_ns time_of(const struct pl_scope *scope)
{
  const struct pl_decl *decl = scope->decl;
  if (decl->kind == PL_SCOPE_TEARDOWN && scope->run->aborting)
    return PL_TEARDOWN_TIME;
  if (decl->timeout)
    return decl->timeout;
  return decl->kind == PL_SCOPE_RUN || decl->kind == PL_SCOPE_GROUP || decl->kind == PL_SCOPE_BRANCH ? 0 : PL_STEP_TIME; /* a branch has its step's */
}

static void on_deadline(void *ctx, pl_time_ns now)
{
  (void)now;
  struct pl_scope *scope = ctx;
  const struct pl_task *body = scope->body;
  char time[48], name[128];
  struct pl_failure failure = {.kind = PL_FAILURE_UNIT, .status = PL_E_TIMEOUT, .line = scope->decl->line};
  if (body && body->last_device) {
    failure.device = body->last_device;
    failure.part = body->last_device->part;
    failure.subcomponent = body->last_quantity ? body->last_quantity->name : NULL;
  }
  if (body && body->last_part)
    failure.part = body->last_part;
  if (body)
    failure.line = pl_vm_line(body->L);
  pl_quantity_format(PL_DIM_TIME, time_of(scope) / 1000, time, sizeof time);
  snprintf(name, sizeof name, "%s", scope->decl->name);
  pl_slug(name, "-timeout", failure.verdict, sizeof failure.verdict);
  snprintf(failure.text, sizeof failure.text, "%s did not end within %s%s%s", scope->decl->name, time, body && body->waiting ? "; it was waiting for " : "",
           body && body->waiting ? body->waiting : "");
  pl_scope_stop(scope, &failure);
}

static void arm_deadline(struct pl_scope *scope)
{
  pl_time_ns time = time_of(scope);
  scope->deadline = (struct pl_timer){.fire = on_deadline, .ctx = scope};
  scope->time_left = 0;
  if (time)
    pl_clock_arm(scope->run->clock, &scope->deadline, scope->started + time);
}

/* A default deadline is for the step's own waiting: it stands still while a nested step runs, which has its own. */
static void pause_deadline(struct pl_scope *scope)
{
  if (!scope->deadline.slot || scope->decl->timeout || (scope->decl->kind == PL_SCOPE_TEARDOWN && scope->run->aborting))
    return;
  scope->time_left = scope->deadline.at - pl_clock_now(scope->run->clock);
  pl_clock_disarm(scope->run->clock, &scope->deadline);
}

static void resume_deadline(struct pl_scope *scope)
{
  if (!scope->time_left || scope->children)
    return;
  pl_clock_arm(scope->run->clock, &scope->deadline, pl_clock_now(scope->run->clock) + scope->time_left);
  scope->time_left = 0;
}

void pl_scope_hold_deadline(struct pl_scope *scope, bool hold)
{
  if (hold)
    pause_deadline(scope);
  else
    resume_deadline(scope);
}

/* --- start --- */

static void start_body(struct pl_scope *scope)
{
  struct pl_run *run = scope->run;
  lua_State *L = run->vm->L;
  scope->phase = PL_PHASE_BODY;
  if (run->vm->used < START_BELOW) { /* Lua would end the program when memory ran out here, where nothing catches it */
    lua_rawgeti(L, LUA_REGISTRYINDEX, scope->decl->body);
    lua_getfield(L, LUA_REGISTRYINDEX, "pl.rig");
    scope->body = pl_task_start(run, L, 1, PL_TASK_BODY, scope);
    if (scope->body)
      return;
    lua_pop(L, 2);
  }
  struct pl_failure failure = {.kind = PL_FAILURE_ERROR, .status = PL_E_NOMEM, .text = "out of memory for a step"};
  pl_scope_stop(scope, &failure);
}

/* setup and teardown are steps of their own under their group or the run. */
static void start_fixture(struct pl_scope *scope, enum pl_scope_kind kind)
{
  const struct pl_decl *decl = scope->decl;
  const char *name = kind == PL_SCOPE_SETUP ? "setup" : "teardown";
  struct pl_decl *owned = pl_decl_new(name, kind);
  scope->phase = kind == PL_SCOPE_SETUP ? PL_PHASE_SETUP : PL_PHASE_TEARDOWN;
  if (!owned) {
    advance(scope);
    return;
  }
  owned->body = kind == PL_SCOPE_SETUP ? decl->setup : decl->teardown;
  owned->line = decl->line;
  const struct pl_decl *top = decl->kind != PL_SCOPE_RUN ? NULL : kind == PL_SCOPE_SETUP ? scope->run->vm->setup : scope->run->vm->teardown;
  if (top) {
    owned->line = top->line;
    owned->timeout = top->timeout;
  }
  pl_scope_start(scope->run, scope, owned, owned, NULL);
}

static void watch_invariants(struct pl_run *run)
{
  lua_State *L = run->vm->L;
  for (struct pl_invariant *invariant = run->vm->invariants; invariant; invariant = invariant->next) {
    if (invariant->task)
      continue;
    lua_getfield(L, LUA_REGISTRYINDEX, "pl.watch"); /* the prelude's loop */
    lua_rawgeti(L, LUA_REGISTRYINDEX, invariant->body);
    lua_pushinteger(L, invariant->every);
    lua_pushlightuserdata(L, invariant);
    invariant->task = pl_task_start(run, L, 3, PL_TASK_INVARIANT, NULL);
    if (invariant->task)
      invariant->task->invariant = invariant;
    else
      lua_pop(L, 4);
  }
}

static void drop_invariants(struct pl_run *run)
{
  for (struct pl_invariant *invariant = run->vm->invariants; invariant; invariant = invariant->next)
    if (invariant->task)
      pl_task_kill(run, invariant->task);
}

static void skip(struct pl_run *run, const struct pl_decl *decl)
{
  const struct pl_journal_step step = {.name = decl->name, .parent = -1, .kind = KINDS[decl->kind], .attempt = 1, .file = run->path, .line = decl->line};
  const struct pl_engine_events *events = run->cfg->events;
  int id;
  pl_journal_step_start(run->journal, &step, &id);
  pl_journal_step_end(run->journal, id, PL_STEP_SKIP, false);
  if (events && events->step_end)
    events->step_end(events->ctx, decl->name, 0, "skip", 0);
}

/* Steps that a loop declares at one line are one text: a rehearsal looks for mistakes in it, and need not see it thousands of times. */
#define REHEARSED_ALIKE_MAX 64

static bool is_rehearsed(struct pl_run *run, const struct pl_decl *item)
{
  if (!run->cfg->rehearsal)
    return false;
  run->alike = item->line == run->alike_line ? run->alike + 1 : 0;
  run->alike_line = item->line;
  return run->alike >= REHEARSED_ALIKE_MAX;
}

/* The next top-level step; false when there is none. What follows a stop is skipped. */
static bool start_item(struct pl_scope *root)
{
  struct pl_run *run = root->run;
  root->phase = PL_PHASE_BODY;
  for (const struct pl_decl *item; (item = root->next_item);) {
    root->next_item = item->next;
    if (is_rehearsed(run, item)) {
      run->unseen = true;
      continue;
    }
    if (!root->stop) {
      watch_invariants(run);
      pl_scope_start(run, root, item, NULL, NULL);
      return true;
    }
    skip(run, item);
  }
  return false;
}

static void begin(struct pl_scope *scope)
{
  struct pl_run *run = scope->run;
  const struct pl_decl *decl = scope->decl;
  const struct pl_engine_events *events = run->cfg->events;
  scope->failed = scope->stopping = false;
  scope->stop = PL_FAILURE_NONE;
  scope->started = pl_clock_now(run->clock);
  scope->id = -1;
  arm_deadline(scope);
  if (decl->kind != PL_SCOPE_RUN) {
    const struct pl_journal_step step = {.name = decl->name,
                                         .parent = scope->parent->id,
                                         .kind = scope->attempt > 1 ? "attempt" : KINDS[decl->kind],
                                         .attempt = scope->attempt,
                                         .file = run->path,
                                         .line = decl->line};
    pl_journal_step_start(run->journal, &step, &scope->id);
    if (events && events->step_start)
      events->step_start(events->ctx, decl->name, scope->depth);
  }
  if (decl->setup != LUA_NOREF)
    start_fixture(scope, PL_SCOPE_SETUP);
  else if (decl->kind == PL_SCOPE_RUN)
    advance(scope);
  else
    start_body(scope);
}

static struct pl_scope *take_scope(struct pl_run *run)
{
  struct pl_scope *scope = run->spare_scopes;
  if (scope)
    run->spare_scopes = scope->next_spare;
  else
    scope = malloc(sizeof *scope);
  assert(scope); /* a few hundred bytes, a few of them in all: there is no sensible way on */
  return scope;
}

struct pl_scope *pl_scope_start(struct pl_run *run, struct pl_scope *parent, const struct pl_decl *decl, struct pl_decl *owned, struct pl_task *waiter)
{
  struct pl_scope *scope = take_scope(run);
  *scope = (struct pl_scope){.run = run, .parent = parent, .decl = decl, .owned = owned, .waiter = waiter, .nested = waiter != NULL, .attempt = 1, .id = -1};
  if (waiter)
    waiter->children++;
  if (parent) {
    scope->depth = decl->kind == PL_SCOPE_RUN || parent->decl->kind == PL_SCOPE_RUN ? 0 : parent->depth + 1;
    pause_deadline(parent);
    scope->sibling = parent->children;
    parent->children = scope;
  } else {
    scope->next_item = run->vm->items;
    run->root = scope;
  }
  if (decl->kind != PL_SCOPE_BRANCH)
    run->focus = scope;
  begin(scope);
  return scope;
}

/* --- end --- */

static void kill_tasks(struct pl_scope *scope)
{
  while (scope->tasks)
    pl_task_kill(scope->run, scope->tasks);
}

static void detach(struct pl_scope *scope)
{
  struct pl_scope **at = &scope->parent->children;
  while (*at != scope)
    at = &(*at)->sibling;
  *at = scope->sibling;
}

static void tell_end(struct pl_scope *scope)
{
  static const char *const OUTCOMES[] = {[PL_FAILURE_UNIT] = "fail", [PL_FAILURE_ERROR] = "error", [PL_FAILURE_USAGE] = "error", [PL_FAILURE_ABORT] = "error"};
  struct pl_run *run = scope->run;
  const struct pl_engine_events *events = run->cfg->events;
  bool error = scope->stop > PL_FAILURE_UNIT;
  pl_journal_step_end(run->journal, scope->id, error ? PL_STEP_ERROR : PL_STEP_COMPLETE, scope->failed);
  if (events && events->step_end)
    events->step_end(events->ctx, scope->decl->name, scope->depth, scope->stop ? OUTCOMES[scope->stop] : scope->failed ? "fail" : "pass",
                     (double)(pl_clock_now(run->clock) - scope->started) / 1e9);
  pl_record_flush(run);
}

/* Does what ended this scope early end the one around it too? */
static bool goes_up(const struct pl_scope *scope)
{
  if (!scope->stop)
    return false;
  if (scope->stop == PL_FAILURE_USAGE || scope->stop == PL_FAILURE_ABORT)
    return true;
  if (scope->decl->kind == PL_SCOPE_TEARDOWN)
    return false; /* what surrounds it is at its end already */
  return !scope->decl->go_on && !pl_run_lenient(scope->run);
}

static void tell_waiter(struct pl_scope *scope, bool up)
{
  struct pl_task *waiter = scope->waiter;
  if (!waiter)
    return;
  struct pl_scope *parent = scope->parent;
  waiter->children--;
  if (up && scope->stop > waiter->child_stop)
    waiter->child_stop = scope->stop;
  if (up && waiter->children) { /* the other branches have nothing to do any more */
    struct pl_failure quiet = {.kind = scope->stop, .reported = true};
    for (bool again = true; again;) {
      struct pl_scope *other = parent->children;
      while (other && (other->waiter != waiter || other->stopping || other->phase == PL_PHASE_END))
        other = other->sibling;
      again = other != NULL;
      if (other)
        pl_scope_stop(other, &quiet); /* the list may have changed */
    }
  } else if (!waiter->children) {
    pl_task_ready(waiter);
  }
}

static void release(struct pl_scope *scope)
{
  struct pl_run *run = scope->run;
  if (scope->nested && scope->owned) { /* its functions are its own */
    luaL_unref(run->vm->L, LUA_REGISTRYINDEX, scope->owned->body);
    luaL_unref(run->vm->L, LUA_REGISTRYINDEX, scope->owned->setup);
    luaL_unref(run->vm->L, LUA_REGISTRYINDEX, scope->owned->teardown);
  }
  free(scope->owned);
  scope->next_spare = run->spare_scopes;
  run->spare_scopes = scope;
}

static void finish(struct pl_scope *scope)
{
  struct pl_run *run = scope->run;
  struct pl_scope *parent = scope->parent;
  scope->phase = PL_PHASE_END;
  pl_clock_disarm(run->clock, &scope->deadline);
  if (!parent) {
    drop_invariants(run);
    run->failed = scope->failed;
    run->done = true;
    return;
  }
  tell_end(scope);
  bool bad = scope->failed || scope->stop;
  if (bad && scope->attempt <= scope->decl->retry && scope->stop < PL_FAILURE_USAGE && !run->aborting && !parent->stopping) {
    scope->attempt++;
    begin(scope);
    return;
  }
  parent->failed |= scope->failed;
  bool up = goes_up(scope);
  detach(scope);
  if (run->focus == scope)
    run->focus = parent;
  resume_deadline(parent);
  if (scope->waiter)
    tell_waiter(scope, up);
  else if ((up || scope->decl->kind == PL_SCOPE_TEARDOWN) && scope->stop > parent->stop)
    parent->stop = scope->stop;
  bool waited_for = scope->waiter != NULL;
  release(scope);
  if (!waited_for)
    advance(parent);
}

/* What comes after the phase that has ended. Nothing of the scope is running now. */
static void advance(struct pl_scope *scope)
{
  const struct pl_decl *decl = scope->decl;
  bool is_run = decl->kind == PL_SCOPE_RUN;
  if (scope->children || scope->holding)
    return;
  switch (scope->phase) {
  case PL_PHASE_SETUP:
    if (is_run && start_item(scope))
      return;
    if (!is_run && !scope->stop) {
      start_body(scope);
      return;
    }
    break;
  case PL_PHASE_BODY:
    if (is_run && start_item(scope))
      return;
    break;
  case PL_PHASE_TEARDOWN:
  case PL_PHASE_END: finish(scope); return;
  }
  if (is_run)
    drop_invariants(scope->run);
  pl_clock_disarm(scope->run->clock, &scope->deadline); /* a teardown has its own */
  scope->time_left = 0;
  if (decl->teardown != LUA_NOREF && !scope->run->cut)
    start_fixture(scope, PL_SCOPE_TEARDOWN);
  else
    finish(scope);
}

void pl_scope_stop(struct pl_scope *scope, struct pl_failure *failure)
{
  struct pl_run *run = scope->run;
  if (scope->phase == PL_PHASE_END)
    return;
  if (!failure->reported)
    pl_record_failure(run, scope, failure);
  run->unseen = true;
  if (failure->kind > scope->stop)
    scope->stop = failure->kind;
  if (scope->stopping)
    return;
  scope->stopping = true;
  kill_tasks(scope);
  pl_clock_disarm(run->clock, &scope->deadline);
  scope->time_left = 0;
  struct pl_failure quiet = {.kind = failure->kind, .status = failure->status, .reported = true};
  for (struct pl_scope *child = scope->children; child; child = child->sibling)
    child->waiter = NULL; /* it is gone */
  scope->holding = true; /* until all children are told */
  for (bool again = true; again;) {
    struct pl_scope *child = scope->children;
    while (child && (child->stopping || child->phase == PL_PHASE_END || child->decl->kind == PL_SCOPE_TEARDOWN))
      child = child->sibling;
    again = child != NULL;
    if (child)
      pl_scope_stop(child, &quiet); /* the list may have changed */
  }
  scope->holding = false;
  advance(scope);
}

void pl_scope_stop_focus(struct pl_run *run, struct pl_failure *failure)
{
  struct pl_scope *teardown = run->focus;
  while (teardown && teardown->decl->kind != PL_SCOPE_TEARDOWN)
    teardown = teardown->parent;
  if (!teardown) {
    pl_scope_stop(run->focus, failure);
    return;
  }
  if (!failure->reported)
    pl_record_failure(run, run->focus, failure);
  if (failure->kind > teardown->stop)
    teardown->stop = failure->kind; /* so that what surrounds it is stopped once it has ended */
}

/* A second signal: nothing is torn down any more. */
void pl_scope_cut(struct pl_run *run)
{
  run->cut = true;
  while (!run->done) {
    struct pl_scope *deepest = run->root;
    while (deepest->children)
      deepest = deepest->children;
    kill_tasks(deepest);
    deepest->stop = PL_FAILURE_ABORT;
    deepest->waiter = NULL;
    deepest->holding = false;
    finish(deepest);
  }
}

void pl_scope_task_ended(struct pl_task *task, struct pl_failure *failure)
{
  struct pl_scope *scope = task->scope;
  struct pl_run *run = task->vm->run;
  bool body = task->role == PL_TASK_BODY;
  if (task->role == PL_TASK_INVARIANT) {
    const char *name = task->invariant->name;
    pl_task_kill(run, task);
    if (!failure || failure->reported)
      return;
    char text[PL_ERR_TEXT_MAX];
    snprintf(text, sizeof text, "%s", failure->text);
    if (failure->kind != PL_FAILURE_USAGE)
      snprintf(failure->text, sizeof failure->text, "%.100s: %.400s", name, text);
    pl_scope_stop_focus(run, failure);
    return;
  }
  pl_task_kill(run, task);
  if (failure) {
    pl_scope_stop(scope, failure);
  } else if (body) {
    kill_tasks(scope);
    advance(scope);
  }
}

void pl_scope_free_spares(struct pl_run *run)
{
  while (run->spare_scopes) {
    struct pl_scope *next = run->spare_scopes->next_spare;
    free(run->spare_scopes);
    run->spare_scopes = next;
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Coroutines: started, made ready, resumed by the loop, dropped. */
#include "host/engine/run.h"
#include "host/stack/client.h"

#include <lauxlib.h>

#define STILL_CHECK 4096          /* slices */
#define STILL_CPU_NS (2 * PL_S) /* of work while virtual time stands still */

struct pl_task *pl_task_of(lua_State *L)
{
  return *(struct pl_task **)lua_getextraspace(L);
}

struct pl_task *pl_task_here(lua_State *L, const char *verb)
{
  struct pl_task *task = pl_task_of(L);
  if (!task->vm->run || (!task->scope && task->role != PL_TASK_INVARIANT))
    pl_raise_usage(L, "%s is possible only inside steps, setup and teardown", verb);
  return task;
}

static void on_timer(void *ctx, pl_time_ns now)
{
  (void)now;
  pl_task_ready(ctx);
}

static struct pl_task *take_task(struct pl_run *run)
{
  struct pl_task *task = run->spare_tasks;
  lua_State *L = run->vm->L;
  if (task) {
    run->spare_tasks = task->next;
    return task;
  }
  task = calloc(1, sizeof *task);
  if (!task)
    return NULL;
  task->vm = run->vm;
  task->L = lua_newthread(L);
  task->ref = luaL_ref(L, LUA_REGISTRYINDEX);
  *(struct pl_task **)lua_getextraspace(task->L) = task;
  task->timer = (struct pl_timer){.fire = on_timer, .ctx = task};
  return task;
}

struct pl_task *pl_task_start(struct pl_run *run, lua_State *from, int n_args, enum pl_task_role role, struct pl_scope *scope)
{
  struct pl_task *task = take_task(run);
  if (!task)
    return NULL;
  task->role = role;
  task->scope = scope;
  task->dead = task->must_end = task->running = false;
  task->invariant = NULL;
  task->next = NULL;
  task->n_args = n_args;
  task->call = NULL;
  task->ask = NULL;
  task->children = 0;
  task->child_stop = PL_FAILURE_NONE;
  task->series = -1;
  task->last_device = NULL;
  task->last_quantity = NULL;
  task->last_part = NULL;
  task->commanded_at = PL_NEVER;
  task->waiting = NULL;
  lua_xmove(from, task->L, n_args + 1);
  if (scope) {
    task->next = scope->tasks;
    scope->tasks = task;
  }
  pl_task_ready(task);
  return task;
}

void pl_task_ready(struct pl_task *task)
{
  struct pl_run *run = task->vm->run;
  if (task->queued || task->dead)
    return;
  task->queued = true;
  task->next_ready = NULL;
  *run->ready_tail = task;
  run->ready_tail = &task->next_ready;
}

/* What it has asked for may still come; nobody waits for it any more. */
static void drop_questions(struct pl_task *task)
{
  if (task->call)
    pl_call_orphan(task->call);
  task->call = NULL;
  pl_ask_release(task->ask);
  task->ask = NULL;
}

static void retire(struct pl_run *run, struct pl_task *task)
{
  pl_clock_disarm(run->clock, &task->timer); /* one that died while it ran may have begun another wait */
  drop_questions(task);
  lua_resetthread(task->L);
  lua_settop(task->L, 0); /* a reset leaves the error value */
  task->next = run->spare_tasks;
  run->spare_tasks = task;
}

/* Takes a task out of its scope and gives it back; its coroutine is unwound unless it has ended by itself. */
void pl_task_kill(struct pl_run *run, struct pl_task *task)
{
  if (task->dead)
    return;
  task->dead = true;
  pl_clock_disarm(run->clock, &task->timer);
  drop_questions(task);
  if (task->series >= 0) {
    pl_journal_series_end(run->journal, task->scope ? task->scope->id : -1, task->series);
    task->series = -1;
  }
  if (task->scope) {
    struct pl_task **at = &task->scope->tasks;
    while (*at != task)
      at = &(*at)->next;
    *at = task->next;
    if (task->scope->body == task)
      task->scope->body = NULL;
  }
  if (task->invariant)
    task->invariant->task = NULL;
  if (!task->running && !task->queued) /* else the loop retires it */
    retire(run, task);
}

static bool time_stands_still(struct pl_run *run)
{
  pl_time_ns now = pl_clock_now(run->clock);
  int64_t cpu = pl_vm_cpu_ns();
  if (now != run->still_since) {
    run->still_since = now;
    run->still_cpu = cpu;
  }
  return cpu - run->still_cpu > STILL_CPU_NS;
}

static void ended(struct pl_task *task, int status)
{
  if (status == LUA_OK) {
    lua_settop(task->L, 0);
    pl_scope_task_ended(task, NULL);
    return;
  }
  struct pl_failure failure;
  pl_failure_from(task->L, status, &failure);
  pl_scope_task_ended(task, &failure);
}

/* The engine's own work and a teardown may go over what the sequence has used up. */
static size_t memory_limit(const struct pl_task *task)
{
  bool teardown = task->scope && task->scope->decl->kind == PL_SCOPE_TEARDOWN;
  return (size_t)PL_VM_MEMORY_MIB + (teardown ? PL_VM_RESERVE_MIB / 2 : 0);
}

static void slice(struct pl_run *run, struct pl_task *task)
{
  int n_results, status;
  int n_args = task->n_args;
  task->n_args = 0;
  run->vm->budget_open = false;
  task->running = true;
  if (++run->slices % STILL_CHECK == 0 && time_stands_still(run)) {
    struct pl_failure failure = {.kind = PL_FAILURE_USAGE, .status = PL_E_USAGE, .line = pl_vm_line(task->L), .verdict = "endless-loop"};
    if (!failure.line && task->scope)
      failure.line = task->scope->decl->line;
    snprintf(failure.text, sizeof failure.text, "%s:%d: the sequence worked for 2 s while no time passed: endless loop?", run->path, failure.line);
    run->still_cpu = pl_vm_cpu_ns();
    task->running = false;
    pl_scope_task_ended(task, &failure);
    return;
  }
  run->vm->limit = memory_limit(task) << 20;
  status = lua_resume(task->L, run->vm->L, n_args, &n_results);
  run->vm->limit = (size_t)(PL_VM_MEMORY_MIB + PL_VM_RESERVE_MIB) << 20;
  task->running = false;
  if (task->dead)
    retire(run, task);
  else if (status != LUA_YIELD)
    ended(task, status);
  else
    lua_pop(task->L, n_results);
}

bool pl_task_run_ready(struct pl_run *run)
{
  struct pl_task *task = run->ready;
  if (!task)
    return false;
  run->ready = task->next_ready;
  if (!run->ready)
    run->ready_tail = &run->ready;
  task->queued = false;
  if (task->dead)
    retire(run, task);
  else
    slice(run, task);
  return true;
}

int pl_task_wait_until(lua_State *L, struct pl_task *task, pl_time_ns at, const char *what, lua_KContext ctx, lua_KFunction k)
{
  if (!lua_isyieldable(L))
    pl_raise_usage(L, "waiting is not possible inside table.sort or string.gsub");
  task->waiting = what;
  pl_clock_arm(task->vm->run->clock, &task->timer, at);
  return lua_yieldk(L, 0, ctx, k);
}

void pl_task_free_spares(struct pl_run *run)
{
  while (run->spare_tasks) {
    struct pl_task *next = run->spare_tasks->next;
    luaL_unref(run->vm->L, LUA_REGISTRYINDEX, run->spare_tasks->ref);
    free(run->spare_tasks);
    run->spare_tasks = next;
  }
}

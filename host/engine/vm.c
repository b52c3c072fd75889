/* SPDX-License-Identifier: Apache-2.0 */
/* A Lua state with its limits: memory by the allocator, time by the count hook. */
#include "host/engine/vm.h"

#include "host/engine/lua_stack.h"
#include "host/engine/run.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#define HOOK_EVERY 10000 /* instructions: some tens of microseconds */

static int64_t read_ns(clockid_t id)
{
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * PL_S + t.tv_nsec;
}

int64_t pl_vm_cpu_ns(void)
{
  return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

int64_t pl_vm_wall_ns(void)
{
  return read_ns(CLOCK_MONOTONIC);
}

static void *allocate(void *ctx, void *block, size_t old_size, size_t new_size)
{
  struct pl_vm *vm = ctx;
  size_t had = block ? old_size : 0; /* without a block, old_size tells the kind of object */
  if (new_size == 0) {
    vm->used -= had;
    free(block);
    return NULL;
  }
  if (new_size > vm->limit || (new_size > had && vm->used - had > vm->limit - new_size))
    return NULL; /* Lua collects its garbage and asks once more before it gives up */
  void *moved = realloc(block, new_size);
  if (moved)
    vm->used = vm->used - had + new_size;
  return moved;
}

const char *pl_vm_path(lua_State *L)
{
  return pl_task_of(L)->vm->path;
}

int pl_vm_line(lua_State *L)
{
  const char *path = pl_vm_path(L);
  lua_Debug ar;
  for (int level = 0; level < 1000 && lua_getstack(L, level, &ar); level++) /* each walks down from the top: after an overflow all would take minutes */
    if (lua_getinfo(L, "Sl", &ar) && ar.currentline > 0 && ar.source[0] == '@' && !strcmp(ar.source + 1, path))
      return ar.currentline;
  return 0;
}

static void on_count(lua_State *L, lua_Debug *ar)
{
  (void)ar;
  struct pl_task *task = pl_task_of(L);
  struct pl_vm *vm = task->vm;
  struct pl_run *run = vm->run;
  if (run && run->cfg->stop && *run->cfg->stop != run->stop_seen) {
    task->must_end = true;
    pl_raise(L, &(struct pl_failure){.kind = PL_FAILURE_ABORT, .status = PL_E_CANCELLED, .reported = true, .text = "aborted"});
  }
  int64_t now = pl_vm_cpu_ns();
  if (!vm->budget_open) {
    vm->budget_open = true;
    vm->budget_from = now;
  } else if (now - vm->budget_from > PL_VM_CPU_NS) {
    task->must_end = true;
    pl_raise_usage(L, "%s ran 1 s without waiting: endless loop?", run ? "the step" : "the file's top level");
  }
}

static int on_panic(lua_State *L)
{
  (void)L;
  return 0; /* Lua aborts: every call into it is protected, so this is a bug of ours */
}

/* An unknown name is refused where it is read. */
static int on_unknown(lua_State *L)
{
  static const char *const ABSENT[] = {"io",           "os",           "debug",        "package", "load", "loadstring", "dofile", "loadfile", "collectgarbage",
                                       "coroutine", "setmetatable", "getmetatable", "rawget",  "rawset", "next", "xpcall", "_G"};
  const char *words[512];
  const char *name = lua_tostring(L, 2);
  if (!name)
    return 0;
  if (pl_amount_push_constructor(L, name) || pl_prelude_lend(L, name))
    return 1;
  for (size_t i = 0; i < sizeof ABSENT / sizeof *ABSENT; i++)
    if (!strcmp(name, ABSENT[i]))
      pl_raise_usage(L, "'%s' is not for sequences: they touch only the rig and the journal", name);
  lua_settop(L, 2);
  const char *close = pl_closest(name, words, pl_vm_words(L, words, sizeof words / sizeof *words));
  if (close)
    pl_raise_usage(L, "unknown name '%s', did you mean '%s'?", name, close);
  pl_raise_usage(L, "unknown name '%s'", name);
}

size_t pl_vm_words(lua_State *L, const char **words, size_t max)
{
  size_t count = 0;
  for (; pl_stack_words[count] && count < max; count++) /* which may not be loaded yet */
    words[count] = pl_stack_words[count];
  lua_getfield(L, LUA_REGISTRYINDEX, PL_VM_GLOBALS);
  for (lua_pushnil(L); lua_next(L, -2) && count < max; lua_pop(L, 1))
    if (lua_type(L, -2) == LUA_TSTRING)
      words[count++] = lua_tostring(L, -2);
  for (size_t i = 1; i < count; i++) /* in one order, whatever the hash says: the sentence must not change from run to run */
    for (size_t j = i; j > 0 && strcmp(words[j - 1], words[j]) > 0; j--) {
      const char *swapped = words[j];
      words[j] = words[j - 1];
      words[j - 1] = swapped;
    }
  return count;
}

void pl_vm_seed(struct pl_vm *vm, uint64_t seed)
{
  lua_getfield(vm->L, LUA_REGISTRYINDEX, PL_VM_SEED);
  lua_pushinteger(vm->L, (lua_Integer)seed);
  if (lua_pcall(vm->L, 1, 0, 0))
    lua_pop(vm->L, 1);
}

/* The globals of sequences: a table of their own, kept in the registry. Inside a protected call. */
static int open_vm(lua_State *L)
{
  static const luaL_Reg LIBRARIES[] = {
      {LUA_GNAME, luaopen_base}, {LUA_TABLIBNAME, luaopen_table}, {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math}, {NULL, NULL}};
  for (const luaL_Reg *library = LIBRARIES; library->name; library++) {
    luaL_requiref(L, library->name, library->func, 1);
    lua_pop(L, 1);
  }
  pl_failure_register(L);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, PL_VM_GLOBALS);
  pl_sandbox_register(L);
  pl_amount_register(L);
  pl_declare_register(L);
  pl_rig_register(L);
  pl_measure_register(L);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, PL_VM_CORE);
  lua_insert(L, -2);
  pl_verbs_register(L, lua_absindex(L, -2));
  pl_edges_register(L, lua_absindex(L, -2));
  pl_trips_register(L, lua_absindex(L, -2));
  pl_stack_register(L, lua_absindex(L, -2));
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, on_unknown);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  return 0;
}

enum pl_status pl_vm_new(const char *path, struct pl_vm **out, struct pl_err *err)
{
  struct pl_vm *vm = calloc(1, sizeof *vm);
  struct pl_task *main = calloc(1, sizeof *main);
  if (vm) {
    vm->limit = (size_t)PL_VM_MEMORY_MIB << 20;
    vm->path = path;
    vm->items_tail = &vm->items;
    vm->invariants_tail = &vm->invariants;
    vm->allowed_tail = &vm->allowed;
    vm->main = main;
    vm->L = main ? lua_newstate(allocate, vm) : NULL;
  }
  if (!vm || !vm->L) {
    free(main);
    free(vm);
    return pl_fail(err, PL_E_NOMEM, "out of memory for a Lua state");
  }
  *main = (struct pl_task){.vm = vm, .L = vm->L, .series = -1};
  *(struct pl_task **)lua_getextraspace(vm->L) = main;
  lua_atpanic(vm->L, on_panic);
  lua_pushcfunction(vm->L, open_vm);
  if (lua_pcall(vm->L, 0, 0, 0)) {
    pl_fail(err, PL_E_NOMEM, "cannot open the Lua state: %s", lua_tostring(vm->L, -1));
    pl_vm_free(vm);
    return PL_E_NOMEM;
  }
  enum pl_status status = pl_prelude_load(vm, err);
  if (status) {
    pl_vm_free(vm);
    return status;
  }
  pl_vm_seed(vm, 0);
  lua_sethook(vm->L, on_count, LUA_MASKCOUNT, HOOK_EVERY);
  *out = vm;
  return PL_OK;
}

void pl_vm_free(struct pl_vm *vm)
{
  if (!vm)
    return;
  lua_close(vm->L);
  while (vm->items) {
    struct pl_decl *next = vm->items->next;
    free(vm->items);
    vm->items = next;
  }
  free(vm->setup);
  free(vm->teardown);
  while (vm->allowed) {
    struct pl_allowed *next = vm->allowed->next;
    free(vm->allowed);
    vm->allowed = next;
  }
  while (vm->invariants) {
    struct pl_invariant *next = vm->invariants->next;
    free(vm->invariants);
    vm->invariants = next;
  }
  pl_meta_free(&vm->meta);
  free(vm->main);
  free(vm);
}

enum pl_status pl_vm_declare(struct pl_vm *vm, const char *source, size_t size, struct pl_err *err)
{
  lua_State *L = vm->L;
  char chunk[1024];
  snprintf(chunk, sizeof chunk, "@%s", vm->path);
  int status = luaL_loadbufferx(L, source, size, chunk, "t");
  if (!status) {
    lua_getfield(L, LUA_REGISTRYINDEX, PL_VM_GLOBALS);
    lua_setupvalue(L, -2, 1); /* _ENV */
    vm->budget_open = false;
    status = lua_pcall(L, 0, 0, 0);
  }
  if (status && vm->head_only && lua_touserdata(L, -1) == vm) { /* as far as was wanted */
    lua_settop(L, 0);
    status = LUA_OK;
  }
  if (status) {
    struct pl_failure failure;
    pl_failure_from(L, status, &failure);
    lua_settop(L, 0);
    return pl_fail(err, PL_E_USAGE, "%s", failure.text);
  }
  if (!vm->meta.name)
    return pl_fail(err, PL_E_USAGE, "%s: no sequence is declared; begin the file with: sequence \"name\" { about = \"...\" }", vm->path);
  return PL_OK;
}

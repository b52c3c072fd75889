/* SPDX-License-Identifier: Apache-2.0 */
/* sequence, setup, teardown, step, group, parallel, invariant: declared while the file is loaded, run at once inside a step. */
#include "host/engine/run.h"
#include "host/safety/plan.h"

#include <lauxlib.h>
#include <string.h>

#define RETRY_MAX 1000
#define DEPTH_MAX 64

static char *copy(lua_State *L, const char *text)
{
  char *copied = text ? strdup(text) : NULL;
  if (text && !copied)
    luaL_error(L, "out of memory");
  return copied;
}

static bool declaring(lua_State *L)
{
  struct pl_task *task = pl_task_of(L);
  return task == task->vm->main;
}

/* --- sequence --- */

static struct pl_setting *add_setting(lua_State *L, struct pl_meta *meta, const char *name)
{
  for (size_t i = 0; i < meta->n_settings; i++)
    if (!strcmp(meta->settings[i].name, name))
      return &meta->settings[i];
  struct pl_setting *settings = realloc(meta->settings, (meta->n_settings + 1) * sizeof *settings);
  if (!settings)
    luaL_error(L, "out of memory");
  meta->settings = settings;
  size_t at = meta->n_settings;
  for (; at > 0 && strcmp(settings[at - 1].name, name) > 0; at--)
    ;
  char *copied = copy(L, name);
  memmove(&settings[at + 1], &settings[at], (meta->n_settings - at) * sizeof *settings);
  settings[at] = (struct pl_setting){.name = copied};
  meta->n_settings++;
  return &settings[at];
}

static void take_needs(lua_State *L, struct pl_meta *meta, int needs)
{
  size_t n_kinds, i;
  const struct pl_word *kinds = pl_rig_part_kinds(&n_kinds);
  const char *words[64];
  for (i = 0; i < n_kinds && i < sizeof words / sizeof *words; i++)
    words[i] = kinds[i].name;
  for (lua_pushnil(L); lua_next(L, needs); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
      pl_raise_usage(L, "needs: expected name = \"part kind\", such as slot = \"csu\"");
    const char *kind = lua_tostring(L, -1);
    for (i = 0; i < n_kinds && strcmp(kinds[i].name, kind) != 0; i++)
      ;
    const char *close = pl_closest(kind, words, n_kinds);
    if (i == n_kinds && close)
      pl_raise_usage(L, "needs: unknown part kind '%s', did you mean '%s'?", kind, close);
    if (i == n_kinds)
      pl_raise_usage(L, "needs: unknown part kind '%s'; the kinds are in docs/vocabulary.md", kind);
    struct pl_setting *setting = add_setting(L, meta, lua_tostring(L, -2));
    setting->kind = PL_SETTING_NEED;
    setting->text = copy(L, kind);
  }
}

static void take_parameter(lua_State *L, struct pl_meta *meta, const char *name)
{
  const struct pl_amount *amount = pl_amount_at(L, -1);
  struct pl_setting *setting = add_setting(L, meta, name);
  int64_t value_u;
  if (setting->text && setting->kind == PL_SETTING_NEED) {
    if (lua_type(L, -1) != LUA_TSTRING)
      pl_raise_usage(L, "params: %s is a need, so its value is a part's name", name);
    free(setting->preferred);
    setting->preferred = copy(L, lua_tostring(L, -1));
  } else if (amount) {
    setting->kind = PL_SETTING_AMOUNT;
    setting->dim = amount->dim;
    setting->value_u = amount->value_u;
  } else if (lua_isboolean(L, -1)) {
    setting->kind = PL_SETTING_AMOUNT;
    setting->dim = PL_DIM_FLAG;
    setting->value_u = lua_toboolean(L, -1) ? PL_U : 0;
  } else if (lua_type(L, -1) == LUA_TNUMBER && !pl_unit_to_u(pl_unit_find("number"), lua_tonumber(L, -1), &value_u, NULL)) {
    setting->kind = PL_SETTING_AMOUNT;
    setting->dim = PL_DIM_NONE;
    setting->value_u = value_u;
  } else if (lua_type(L, -1) == LUA_TSTRING) {
    setting->kind = PL_SETTING_TEXT;
    free(setting->text);
    setting->text = NULL;
    setting->text = copy(L, lua_tostring(L, -1));
  } else {
    pl_raise_usage(L, "params: %s is %s, expected a value with a unit, a number, true, false or a text", name, pl_amount_kind(L, -1));
  }
}

/* stack = { consolidate = true, reserve_time = seconds(30) }: the settings' own words, with dashes. */
static char *stack_settings(lua_State *L, int table)
{
  lua_pushliteral(L, "{");
  int text = lua_gettop(L), name = text + 1, value = text + 2;
  for (lua_pushnil(L); lua_next(L, table); lua_settop(L, name)) {
    if (lua_type(L, name) != LUA_TSTRING)
      pl_raise_usage(L, "stack: expected true, or settings of the stack by name, such as { poll = seconds(1) }");
    const char *said = lua_isboolean(L, value) ? lua_toboolean(L, value) ? "on" : "off" : luaL_tolstring(L, value, NULL);
    lua_pushfstring(L, "%s%s: %s, ", lua_tostring(L, text), luaL_gsub(L, lua_tostring(L, name), "_", "-"), said);
    lua_replace(L, text);
  }
  lua_pushfstring(L, "%s}", lua_tostring(L, text));
  return copy(L, lua_tostring(L, -1));
}

static int sequence_table(lua_State *L)
{
  static const char *const WORDS[] = {"about", "version", "needs", "params", "roll_call", "stack", NULL};
  struct pl_meta *meta = &pl_task_of(L)->vm->meta;
  if (lua_type(L, 1) != LUA_TTABLE)
    pl_raise_usage(L, "sequence \"%s\" needs { about = \"...\", needs = {...}, params = {...} }", meta->name);
  pl_options_check(L, 1, "sequence", WORDS);
  lua_getfield(L, 1, "about");
  meta->about = copy(L, lua_tostring(L, -1));
  lua_getfield(L, 1, "version");
  meta->version = copy(L, lua_tostring(L, -1));
  if (lua_getfield(L, 1, "needs") == LUA_TTABLE)
    take_needs(L, meta, lua_gettop(L));
  if (lua_getfield(L, 1, "params") == LUA_TTABLE)
    for (lua_pushnil(L); lua_next(L, 5); lua_pop(L, 1)) {
      if (lua_type(L, -2) != LUA_TSTRING)
        pl_raise_usage(L, "params: expected name = value");
      take_parameter(L, meta, lua_tostring(L, -2));
    }
  meta->no_roll_call = lua_getfield(L, 1, "roll_call") == LUA_TBOOLEAN && !lua_toboolean(L, -1);
  int kind = lua_getfield(L, 1, "stack");
  if (kind != LUA_TNIL && kind != LUA_TBOOLEAN && kind != LUA_TTABLE)
    pl_raise_usage(L, "stack is %s, expected true: the sequence asks a control stack (which one: --stack)", pl_amount_kind(L, -1));
  meta->stack = lua_toboolean(L, -1);
  if (kind == LUA_TTABLE)
    meta->stack_settings = stack_settings(L, lua_gettop(L));
  if (pl_task_of(L)->vm->head_only) {
    lua_pushlightuserdata(L, pl_task_of(L)->vm); /* pl_vm_declare knows it */
    return lua_error(L);
  }
  return 0;
}

static int sequence(lua_State *L)
{
  struct pl_meta *meta = &pl_task_of(L)->vm->meta;
  if (!declaring(L))
    pl_raise_usage(L, "a sequence is declared at the top of its file, not inside a step");
  if (meta->name)
    pl_raise_usage(L, "this file declares a second sequence; one file holds one");
  if (lua_type(L, 1) != LUA_TSTRING || !*lua_tostring(L, 1))
    pl_raise_usage(L, "sequence needs a name: sequence \"hot-swap\" { about = \"...\" }");
  meta->name = copy(L, lua_tostring(L, 1));
  if (lua_gettop(L) > 1) {
    lua_remove(L, 1);
    return sequence_table(L);
  }
  lua_pushcfunction(L, sequence_table);
  return 1;
}

static int params_index(lua_State *L)
{
  const struct pl_vm *vm = pl_task_of(L)->vm;
  const struct pl_meta *meta = vm->bound ? vm->bound : &vm->meta;
  const char *name = luaL_checkstring(L, 2), *words[64];
  size_t count = 0;
  for (size_t i = 0; i < meta->n_settings; i++) {
    const struct pl_setting *setting = &meta->settings[i];
    if (count < sizeof words / sizeof *words)
      words[count++] = setting->name;
    if (strcmp(setting->name, name) != 0)
      continue;
    struct pl_reading reading = {.value_u = setting->value_u, .dim = setting->dim};
    if (setting->kind == PL_SETTING_AMOUNT)
      pl_amount_push_reading(L, &reading, NULL, NULL);
    else
      lua_pushstring(L, setting->kind == PL_SETTING_TEXT ? setting->text : setting->part ? setting->part->name : "");
    return 1;
  }
  const char *close = pl_closest(name, words, count);
  pl_raise_usage(L, close ? "the sequence has no parameter '%s', did you mean '%s'?" : "the sequence has no parameter '%s'", name, close);
}

/* --- steps --- */

/* verb(name, [options,] function): leaves the function on top and returns the index of the options (0: none). */
static int take_arguments(lua_State *L, const char *verb)
{
  if (lua_type(L, 1) != LUA_TSTRING || !*lua_tostring(L, 1))
    pl_raise_usage(L, "%s needs a name first: %s(\"name\", function() ... end)", verb, verb);
  int function = lua_isfunction(L, 2) ? 2 : 3;
  if (!lua_isfunction(L, function))
    pl_raise_usage(L, "%s(\"%s\") needs a function: %s(\"%s\", function() ... end)", verb, lua_tostring(L, 1), verb, lua_tostring(L, 1));
  if (function == 3 && lua_isnil(L, 2))
    function = 3;
  lua_settop(L, function);
  return function == 3 ? 2 : 0;
}

static int take_function(lua_State *L, int options, const char *field)
{
  int type = lua_getfield(L, options, field);
  if (type == LUA_TFUNCTION)
    return luaL_ref(L, LUA_REGISTRYINDEX);
  if (type != LUA_TNIL)
    pl_raise_usage(L, "%s is %s, expected a function", field, pl_amount_kind(L, -1));
  lua_pop(L, 1);
  return LUA_NOREF;
}

/* The options are checked before the declaration is made, so that nothing is lost when one is refused. */
static struct pl_decl *make_decl(lua_State *L, enum pl_scope_kind kind, int options, const char *verb)
{
  static const char *const WORDS[] = {"timeout", "retry", "go_on", "setup", "teardown", NULL};
  struct pl_decl read = {.setup = LUA_NOREF, .teardown = LUA_NOREF, .line = pl_vm_line(L)};
  if (options) {
    pl_options_check(L, options, verb, WORDS);
    if (lua_getfield(L, options, "timeout") != LUA_TNIL) {
      read.timeout = pl_amount_want(L, -1, PL_DIM_TIME, "timeout") * 1000;
      if (read.timeout <= 0)
        pl_raise_usage(L, "timeout must be more than nothing");
    }
    if (lua_getfield(L, options, "retry") != LUA_TNIL) {
      int is_integer;
      lua_Integer retry = lua_tointegerx(L, -1, &is_integer);
      if (!is_integer || retry < 0 || retry > RETRY_MAX)
        pl_raise_usage(L, "retry is how many times more the %s is tried, a whole number", verb);
      read.retry = (int)retry;
    }
    lua_getfield(L, options, "go_on");
    read.go_on = lua_toboolean(L, -1);
    lua_pop(L, 3);
    read.setup = take_function(L, options, "setup");
    read.teardown = take_function(L, options, "teardown");
  }
  struct pl_decl *decl = pl_decl_new(lua_tostring(L, 1), kind);
  if (!decl)
    luaL_error(L, "out of memory");
  read.kind = kind;
  read.body = luaL_ref(L, LUA_REGISTRYINDEX);
  *decl = read;
  return decl;
}

/* A nested step that was stopped stops what is around it; why is in the journal already. */
static int nested_ended(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  (void)ctx;
  struct pl_task *task = pl_task_of(L);
  enum pl_failure_kind stop = task->child_stop;
  task->child_stop = PL_FAILURE_NONE;
  if (stop)
    pl_raise(L, &(struct pl_failure){.kind = stop, .status = PL_E_CANCELLED, .reported = true, .text = "a nested step was stopped"});
  return 0;
}

static struct pl_task *body_task(lua_State *L, const char *verb)
{
  struct pl_task *task = pl_task_here(L, verb);
  if (task->scope && task->scope->depth >= DEPTH_MAX)
    pl_raise_usage(L, "steps are nested more than %d deep: does one start itself?", DEPTH_MAX);
  if (task->role != PL_TASK_BODY)
    pl_raise_usage(L, "%s is not possible in the background", verb);
  if (!lua_isyieldable(L))
    pl_raise_usage(L, "%s is not possible inside table.sort or string.gsub", verb);
  return task;
}

/* With the engine's memory, not the sequence's: a scope must not be left half made. */
static void start_nested(struct pl_task *task, struct pl_decl *decl)
{
  size_t limit = task->vm->limit;
  task->vm->limit = (size_t)(PL_VM_MEMORY_MIB + PL_VM_RESERVE_MIB) << 20;
  pl_scope_start(task->vm->run, task->scope, decl, decl, task);
  task->vm->limit = limit;
}

static int step_or_group(lua_State *L, enum pl_scope_kind kind, const char *verb)
{
  int options = take_arguments(L, verb);
  if (declaring(L)) {
    struct pl_vm *vm = pl_task_of(L)->vm;
    struct pl_decl *decl = make_decl(L, kind, options, verb);
    *vm->items_tail = decl;
    vm->items_tail = &decl->next;
    vm->n_items++;
    return 0;
  }
  struct pl_task *task = body_task(L, verb);
  struct pl_decl *decl = make_decl(L, kind, options, verb);
  task->waiting = "a nested step";
  start_nested(task, decl);
  return lua_yieldk(L, 0, 0, nested_ended);
}

static int step(lua_State *L)
{
  return step_or_group(L, PL_SCOPE_STEP, "step");
}

static int group(lua_State *L)
{
  return step_or_group(L, PL_SCOPE_GROUP, "group");
}

static int parallel(lua_State *L)
{
  struct pl_task *task = body_task(L, "parallel");
  lua_Integer count = lua_type(L, 1) == LUA_TTABLE ? luaL_len(L, 1) : 0;
  if (count < 1 || count > 256)
    pl_raise_usage(L, "parallel needs branches: parallel{ function() ... end, function() ... end }");
  for (lua_Integer i = 1; i <= count; i++) {
    if (lua_rawgeti(L, 1, i) != LUA_TFUNCTION)
      pl_raise_usage(L, "parallel: branch %d is %s, expected a function", (int)i, pl_amount_kind(L, -1));
    lua_pop(L, 1);
  }
  const struct pl_scope *scope = task->scope;
  for (lua_Integer i = 1; i <= count; i++) {
    char name[128];
    snprintf(name, sizeof name, "%.100s, branch %d", scope->decl->name, (int)i);
    struct pl_decl *decl = pl_decl_new(name, PL_SCOPE_BRANCH);
    if (!decl)
      luaL_error(L, "out of memory");
    decl->line = pl_vm_line(L);
    lua_rawgeti(L, 1, i);
    decl->body = luaL_ref(L, LUA_REGISTRYINDEX);
    start_nested(task, decl);
  }
  task->waiting = "its parallel branches";
  return lua_yieldk(L, 0, 0, nested_ended);
}

/* --- setup, teardown, invariant --- */

static int fixture(lua_State *L, enum pl_scope_kind kind, struct pl_decl **place, const char *verb)
{
  if (!declaring(L))
    pl_raise_usage(L, "%s is declared at the top of the file; a group has its own: group(\"name\", { %s = function() ... end }, ...)", verb, verb);
  if (*place)
    pl_raise_usage(L, "there is a %s already, at line %d", verb, (*place)->line);
  lua_pushstring(L, verb);
  lua_insert(L, 1);
  int options = take_arguments(L, verb);
  *place = make_decl(L, kind, options, verb);
  return 0;
}

static int setup(lua_State *L)
{
  return fixture(L, PL_SCOPE_SETUP, &pl_task_of(L)->vm->setup, "setup");
}

static int teardown(lua_State *L)
{
  return fixture(L, PL_SCOPE_TEARDOWN, &pl_task_of(L)->vm->teardown, "teardown");
}

static int invariant(lua_State *L)
{
  static const char *const WORDS[] = {"every", "go_on", "action", NULL};
  struct pl_vm *vm = pl_task_of(L)->vm;
  if (!declaring(L))
    pl_raise_usage(L, "an invariant is declared at the top of the file, not inside a step");
  if (lua_type(L, 1) != LUA_TSTRING || lua_type(L, 2) != LUA_TFUNCTION)
    pl_raise_usage(L, "invariant needs a name and a function: invariant(\"coolant keeps flowing\", function(rig) return ... end)");
  pl_options_check(L, 3, "invariant", WORDS);
  pl_time_ns every = 100 * PL_MS;
  bool go_on = false;
  char action[sizeof vm->invariants->action] = "";
  if (lua_type(L, 3) == LUA_TTABLE) {
    if (lua_getfield(L, 3, "every") != LUA_TNIL)
      every = pl_amount_want(L, -1, PL_DIM_TIME, "every") * 1000;
    if (every < 100 * PL_US)
      pl_raise_usage(L, "every: an invariant is looked at not more often than every 100 us");
    lua_getfield(L, 3, "go_on");
    go_on = lua_toboolean(L, -1);
    if (lua_getfield(L, 3, "action") == LUA_TSTRING)
      snprintf(action, sizeof action, "%s", lua_tostring(L, -1));
  }
  size_t size = strlen(lua_tostring(L, 1)) + 1;
  struct pl_invariant *added = calloc(1, sizeof *added + size);
  if (!added)
    luaL_error(L, "out of memory");
  memcpy(added->name, lua_tostring(L, 1), size);
  memcpy(added->action, action, sizeof action);
  added->every = every;
  added->go_on = go_on;
  added->line = pl_vm_line(L);
  added->broken_in = -1;
  *vm->invariants_tail = added;
  vm->invariants_tail = &added->next;
  lua_pushvalue(L, 2);
  added->body = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

/* allow_hazard(rule, why) */
static int allow_hazard(lua_State *L)
{
  struct pl_vm *vm = pl_task_of(L)->vm;
  struct pl_err err = {0};
  if (!declaring(L))
    pl_raise_usage(L, "allow_hazard is said at the top of the file, not inside a step");
  if (lua_type(L, 1) != LUA_TSTRING || lua_type(L, 2) != LUA_TSTRING)
    pl_raise_usage(L, "allow_hazard needs the hazard and the reason: allow_hazard(\"rating\", \"the trip is what is tested\")");
  const char *rule = lua_tostring(L, 1), *why = lua_tostring(L, 2);
  if (pl_plan_check_allow(NULL, rule, why, &err))
    pl_raise_usage(L, "%s", err.text);
  struct pl_allowed *allowed = calloc(1, sizeof *allowed);
  if (!allowed)
    luaL_error(L, "out of memory");
  snprintf(allowed->rule, sizeof allowed->rule, "%s", rule);
  snprintf(allowed->why, sizeof allowed->why, "%s", why);
  allowed->line = pl_vm_line(L);
  *vm->allowed_tail = allowed;
  vm->allowed_tail = &allowed->next;
  return 0;
}

void pl_declare_register(lua_State *L)
{
  static const luaL_Reg FUNCTIONS[] = {{"sequence", sequence}, {"step", step},         {"group", group},         {"parallel", parallel},
                                       {"setup", setup},       {"teardown", teardown}, {"invariant", invariant}, {"allow_hazard", allow_hazard},
                                       {NULL, NULL}};
  luaL_setfuncs(L, FUNCTIONS, 0);
  lua_newuserdatauv(L, 0, 0);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, params_index);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "params");
}

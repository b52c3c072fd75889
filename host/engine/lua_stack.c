/* SPDX-License-Identifier: Apache-2.0 */
/* The control stack's primitives: a request that yields, what has happened, drills. What is wrong with the stack is a finding against it. */
#include "host/engine/lua_stack.h"

#include <lauxlib.h>
#include <string.h>

#define HANDLE "stack" /* userdata: the stack, or something of it; its user value is the prelude's table */

/* In findings it stands where a part of the rack would. */
const struct pl_rig_part pl_stack_part = {.name = "control-stack", .kind = "control-stack", .location = ""};

static struct pl_client *client_of(lua_State *L)
{
  const struct pl_task *task = pl_task_here(L, "asking the control stack");
  struct pl_client *client = task->vm->run->cfg->stack;
  if (!client)
    pl_raise_usage(L, "this sequence has no control stack to ask: declare it, sequence \"...\" { stack = true, ... }");
  return client;
}

static _Noreturn void fail_stack(lua_State *L, const char *verdict, const char *text, const char *action)
{
  struct pl_failure failure = {.kind = PL_FAILURE_UNIT, .status = PL_E_GARBAGE, .part = &pl_stack_part};
  snprintf(failure.verdict, sizeof failure.verdict, "%s", verdict);
  snprintf(failure.text, sizeof failure.text, "%s", text);
  if (action)
    snprintf(failure.action, sizeof failure.action, "%s", action);
  pl_raise(L, &failure);
}

/* stack_fail(verdict, text, action) */
static int stack_fail(lua_State *L)
{
  fail_stack(L, luaL_checkstring(L, 1), luaL_checkstring(L, 2), luaL_optstring(L, 3, NULL));
}

/* --- handles --- */

const struct pl_rig_part *pl_subject_part_at(lua_State *L, int index)
{
  return luaL_testudata(L, index, HANDLE) ? &pl_stack_part : pl_rig_part_at(L, index);
}

static int wrap(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_newuserdatauv(L, 0, 1);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, HANDLE);
  return 1;
}

static int unwrap(lua_State *L)
{
  if (!luaL_testudata(L, 1, HANDLE))
    pl_raise_usage(L, "write it with a colon, such as stack:get(...) or csu:set{...}; got %s in place of what is asked", pl_amount_kind(L, 1));
  lua_getiuservalue(L, 1, 1);
  return 1;
}

static int read_only(lua_State *L)
{
  pl_raise_usage(L, "what the stack says is set with :set{ %s = ... }", lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "property");
}

/* stack_type(index, tostring): the metatable's functions, of the prelude */
static int stack_type(lua_State *L)
{
  luaL_newmetatable(L, HANDLE);
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "__index");
  lua_pushvalue(L, 2);
  lua_setfield(L, -2, "__tostring");
  lua_pushcfunction(L, read_only);
  lua_setfield(L, -2, "__newindex");
  return 0;
}

/* stack_name_of(value): the one name by which a handle or a device goes; nil: it is something else */
static int stack_name_of(lua_State *L)
{
  const struct pl_rig_device *device = pl_rig_device_at(L, 1);
  if (device) {
    lua_pushstring(L, device->name);
    return 1;
  }
  if (luaL_testudata(L, 1, HANDLE)) {
    lua_getiuservalue(L, 1, 1);
    const char *uri = lua_getfield(L, -1, "uri") == LUA_TSTRING ? lua_tostring(L, -1) : "", *slash = strrchr(uri, '/');
    lua_pushstring(L, slash ? slash + 1 : uri);
    return 1;
  }
  if (!pl_rig_part_at(L, 1))
    pl_raise_usage(L, "expected a part of the rig, such as rig.slot, a device or a name, got %s", pl_amount_kind(L, 1));
  return 0;
}

/* --- asking --- */

static void on_answer(void *ctx)
{
  pl_task_ready(ctx);
}

static void push_headers(lua_State *L, const struct pl_http_answer *answer)
{
  lua_createtable(L, 0, (int)answer->n_fields);
  for (size_t i = 0; i < answer->n_fields; i++) {
    lua_pushstring(L, answer->fields[i].value);
    lua_setfield(L, -2, answer->fields[i].name);
  }
}

/* In a protected call, so that the nodes are freed when memory runs out. */
static int push_nodes(lua_State *L)
{
  pl_stack_push_json(L, lua_touserdata(L, 1));
  return 1;
}

static bool says_json(const struct pl_http_answer *answer)
{
  const char *type = pl_http_field(answer->fields, answer->n_fields, "Content-Type");
  type = type ? type : answer->type;
  return !type || strstr(type, "json");
}

/* Nothing, a table, or the text of what is no JSON. false: it should be JSON and is not. */
static bool push_body(lua_State *L, const struct pl_http_answer *answer, struct pl_err *err)
{
  struct pl_json json = {0};
  if (!answer->body_size) {
    lua_pushnil(L);
    return true;
  }
  if (!says_json(answer)) {
    lua_pushlstring(L, answer->body, answer->body_size);
    return true;
  }
  bool good = !pl_json_parse(&json, answer->body, answer->body_size, err);
  int status = LUA_OK;
  if (good) {
    lua_pushcfunction(L, push_nodes);
    lua_pushlightuserdata(L, &json.nodes[0]);
    status = lua_pcall(L, 1, 1, 0);
  }
  pl_json_free(&json);
  if (status)
    lua_error(L);
  return good;
}

static const char *no_answer_verdict(enum pl_status status)
{
  return status == PL_E_TIMEOUT ? "stack-no-answer" : status == PL_E_GARBAGE ? "stack-garbage" : "stack-gone";
}

/* Returns status, body, headers. */
static int ask_ended(lua_State *L, int lua_status, lua_KContext ctx)
{
  (void)lua_status;
  (void)ctx;
  struct pl_task *task = pl_task_of(L);
  struct pl_ask *ask = task->ask;
  const struct pl_err *why;
  struct pl_err err = {0};
  const char *method = lua_tostring(L, 1), *body = lua_isnil(L, 3) ? NULL : lua_tostring(L, 3);
  enum pl_status status = pl_ask_status(ask, &why);
  pl_stack_record_ask(task->vm->run, task->scope ? task->scope->id : -1, method, body, ask);
  if (status) {
    char text[PL_ERR_TEXT_MAX];
    snprintf(text, sizeof text, "%s", why->text);
    task->ask = NULL;
    pl_ask_release(ask);
    fail_stack(L, no_answer_verdict(status), text, NULL);
  }
  const struct pl_http_answer *answer = pl_ask_answer(ask);
  lua_pushinteger(L, answer->status);
  bool good = push_body(L, answer, &err);
  if (good)
    push_headers(L, answer);
  task->ask = NULL; /* until here the task's end would free it */
  pl_ask_release(ask);
  if (good)
    return 3;
  char text[PL_ERR_TEXT_MAX + 256];
  snprintf(text, sizeof text, "%s %s was answered with what is no JSON: %.300s", method, lua_tostring(L, 2), err.text);
  fail_stack(L, "stack-garbage", text, NULL);
}

static struct pl_task *asking(lua_State *L)
{
  struct pl_task *task = pl_task_here(L, "asking the control stack");
  if (!lua_isyieldable(L))
    pl_raise_usage(L, "the control stack cannot be asked here: not inside table.sort or string.gsub");
  task->last_device = NULL;
  task->last_quantity = NULL;
  task->last_part = &pl_stack_part;
  return task;
}

/* ask(method, path, body, token, if_match, within_ns) */
static int stack_request(lua_State *L)
{
  struct pl_client *client = client_of(L);
  struct pl_task *task = asking(L);
  struct pl_err err = {0};
  lua_settop(L, 6);
  const struct pl_ask_cfg cfg = {.method = luaL_checkstring(L, 1), .target = luaL_checkstring(L, 2), .body = luaL_optstring(L, 3, NULL),
                                 .token = luaL_optstring(L, 4, NULL), .if_match = luaL_optstring(L, 5, NULL), .timeout_ns = luaL_optinteger(L, 6, 0),
                                 .done = on_answer, .ctx = task};
  if (pl_client_ask(client, &cfg, &task->ask, &err))
    pl_raise_usage(L, "%s", err.text);
  if (strcmp(cfg.method, "GET") != 0)
    task->vm->run->driven = true;
  snprintf(task->waiting_for, sizeof task->waiting_for, "%s %.70s of the stack", cfg.method, cfg.target);
  task->waiting = task->waiting_for;
  return lua_yieldk(L, 0, 0, ask_ended);
}

static int stack_credentials(lua_State *L)
{
  char body[512];
  struct pl_err err = {0};
  if (pl_client_login_body(client_of(L), body, sizeof body, &err))
    pl_raise_usage(L, "%s", err.text);
  lua_pushstring(L, body);
  explicit_bzero(body, sizeof body);
  return 1;
}

/* --- events --- */

static int event_count(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)pl_client_event_count(client_of(L)));
  return 1;
}

/* The index of the oldest that is still kept. */
static int event_first(lua_State *L)
{
  uint64_t count = pl_client_event_count(client_of(L));
  lua_pushinteger(L, count > PL_CLIENT_EVENTS_MAX ? (lua_Integer)(count - PL_CLIENT_EVENTS_MAX) : 0);
  return 1;
}

/* event(index): id, at (ns), message, message id, origin, severity, text */
static int event_at(lua_State *L)
{
  const struct pl_client_event *event = pl_client_event(client_of(L), (uint64_t)luaL_checkinteger(L, 1));
  if (!event)
    return 0;
  lua_pushinteger(L, (lua_Integer)event->id);
  lua_pushinteger(L, event->at);
  lua_pushstring(L, event->message);
  lua_pushstring(L, event->message_id);
  lua_pushstring(L, event->origin);
  lua_pushstring(L, event->severity);
  lua_pushstring(L, event->text);
  return 7;
}

static int step_began(lua_State *L)
{
  const struct pl_task *task = pl_task_here(L, "waiting for an event");
  lua_pushinteger(L, task->scope ? task->scope->started : 0);
  return 1;
}

/* --- drills --- */

static void done_or_refused(lua_State *L, enum pl_status status, const struct pl_err *err)
{
  if (status && pl_status_class(status) != PL_CLASS_USAGE && status != PL_E_UNSUPPORTED)
    fail_stack(L, "stack-gone", err->text, NULL);
  if (status)
    pl_raise_usage(L, "%s", err->text);
}

static int stack_kill(lua_State *L)
{
  struct pl_err err = {0};
  done_or_refused(L, pl_client_kill(client_of(L), &err), &err);
  pl_journal_log(pl_task_of(L)->vm->run->journal, pl_task_of(L)->scope ? pl_task_of(L)->scope->id : -1, "INFO", "stack: killed");
  return 0;
}

static int stack_kill_at(lua_State *L)
{
  struct pl_err err = {0};
  const char *procedure = luaL_optstring(L, 1, NULL), *step = luaL_optstring(L, 2, NULL);
  done_or_refused(L, pl_client_kill_at(client_of(L), procedure, step, lua_toboolean(L, 3), &err), &err);
  return 0;
}

/* It answers again when this returns; the loop turns meanwhile, and what is due there happens. */
static int stack_start(lua_State *L)
{
  struct pl_err err = {0};
  const struct pl_task *task = asking(L);
  pl_journal_log(task->vm->run->journal, task->scope ? task->scope->id : -1, "INFO", "stack: started again");
  done_or_refused(L, pl_client_start(client_of(L), &err), &err);
  return 0;
}

static int stack_is_dead(lua_State *L)
{
  lua_pushboolean(L, pl_client_is_dead(client_of(L)));
  return 1;
}

static int stack_is_embedded(lua_State *L)
{
  lua_pushboolean(L, pl_client_is_embedded(client_of(L)));
  return 1;
}

static int stack_name(lua_State *L)
{
  const struct pl_client *client = client_of(L);
  lua_pushstring(L, pl_client_name(client));
  lua_pushstring(L, pl_client_about(client));
  return 2;
}

static int has_stack(lua_State *L)
{
  const struct pl_run *run = pl_task_of(L)->vm->run;
  lua_pushboolean(L, run && run->cfg->stack);
  return 1;
}

void pl_stack_register(lua_State *L, int core)
{
  static const luaL_Reg CORE[] = {{"stack_request", stack_request},
                                  {"stack_fail", stack_fail},
                                  {"wrap", wrap},
                                  {"unwrap", unwrap},
                                  {"stack_type", stack_type},
                                  {"stack_name_of", stack_name_of},
                                  {"stack_credentials", stack_credentials},
                                  {"event", event_at},
                                  {"event_count", event_count},
                                  {"event_first", event_first},
                                  {"step_began", step_began},
                                  {"stack_kill", stack_kill},
                                  {"stack_kill_at", stack_kill_at},
                                  {"stack_start", stack_start},
                                  {"stack_is_dead", stack_is_dead},
                                  {"stack_is_embedded", stack_is_embedded},
                                  {"stack_name", stack_name},
                                  {"has_stack", has_stack},
                                  {NULL, NULL}};
  lua_pushvalue(L, core);
  luaL_setfuncs(L, CORE, 0);
  lua_pop(L, 1);
}

/* --- the run's side --- */

static void on_event(void *ctx, const struct pl_client_event *event)
{
  pl_stack_record_event(ctx, event);
}

/* A stream that is wrong is a finding in whatever step it was noticed; the step goes on. Before the first and after the last one it is in a step of its own. */
static void on_wrong(void *ctx, const char *verdict, const char *sentence)
{
  struct pl_run *run = ctx;
  struct pl_scope beside = {.run = run, .id = -1}, *scope = run->focus && run->focus->id >= 0 && run->focus->phase != PL_PHASE_END ? run->focus : &beside;
  char name[64];
  if (pl_run_lenient(run))
    return;
  snprintf(name, sizeof name, "stack-%s", verdict);
  const struct pl_verdict wrong = {.name = name, .detail = sentence, .part = &pl_stack_part};
  if (scope == &beside)
    pl_journal_step_start(run->journal, &(struct pl_journal_step){.name = "events of the control stack", .parent = -1, .kind = "step", .attempt = 1}, &beside.id);
  pl_record_diagnosis(run, scope, &wrong, false);
  if (scope != &beside)
    return;
  pl_journal_step_end(run->journal, beside.id, PL_STEP_COMPLETE, beside.failed);
  run->failed |= beside.failed;
  if (run->root)
    run->root->failed |= beside.failed;
}

static void on_link(void *ctx, const char *sentence)
{
  struct pl_run *run = ctx;
  char line[PL_ERR_TEXT_MAX + 16];
  snprintf(line, sizeof line, "stack: %s", sentence);
  pl_journal_log(run->journal, run->focus ? run->focus->id : -1, "WARNING", line);
}

bool pl_stack_begin(struct pl_run *run)
{
  struct pl_client *client = run->cfg->stack;
  struct pl_err err = {0};
  char line[PL_ERR_TEXT_MAX + 64];
  if (!client)
    return true;
  const struct pl_client_watch watch = {.event = on_event, .wrong = on_wrong, .link = on_link, .ctx = run};
  pl_client_set_watch(client, &watch);
  enum pl_status status = pl_client_begin(client, &err);
  if (!status) {
    run->driven = true; /* it drives what is its own from now on */
    snprintf(line, sizeof line, "the control stack: %s, %s", pl_client_name(client), pl_client_about(client));
    pl_journal_log(run->journal, -1, "INFO", line);
    return true;
  }
  snprintf(line, sizeof line, "the control stack cannot be asked: %s", err.text);
  pl_journal_error(run->journal, -1, "stack-unreachable", line, run->path, 0);
  pl_record_tell(run, -1, line);
  bool refused = status == PL_E_USAGE || run->cfg->rehearsal; /* a rehearsal that asked nobody has shown nothing */
  run->trouble = refused ? PL_FAILURE_USAGE : PL_FAILURE_ERROR;
  if (!run->err.status)
    pl_fail(&run->err, refused ? PL_E_USAGE : status, "%s", line);
  return false;
}

void pl_stack_end(struct pl_run *run)
{
  struct pl_client *client = run->cfg->stack;
  struct pl_err err = {0};
  if (!client)
    return;
  if (pl_client_end(client, &err))
    pl_journal_log(run->journal, -1, "WARNING", err.text);
  pl_client_set_watch(client, NULL);
  pl_stack_record_free(run);
}

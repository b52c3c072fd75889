/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to devices from a task: the coroutine yields, the completion resumes it. */
#include "host/engine/readings.h"
#include "host/engine/run.h"

#include <lauxlib.h>
#include <string.h>

#define DRAIN_TIME (5 * PL_S)
#define BUSY_TIME (2 * PL_S)
#define BUSY_PAUSE (20 * PL_MS)

struct pl_call_slot {
  struct pl_call call;
  struct pl_task *task; /* NULL: nobody waits any more */
  bool answered;        /* no longer in flight; its task has yet to take it */
  struct pl_run *run;   /* NULL: the run is over too */
  const struct pl_rig_device *device;
  struct pl_call_slot *next; /* in flight, or spare */
};

static void unlink_slot(struct pl_call_slot *slot)
{
  struct pl_call_slot **at = &slot->run->calls;
  while (*at != slot)
    at = &(*at)->next;
  *at = slot->next;
}

static void recycle(struct pl_call_slot *slot)
{
  struct pl_run *run = slot->run;
  slot->next = run->spare_calls;
  run->spare_calls = slot;
}

/* For a first failure, which asks what the last readings were. */
static void keep(const struct pl_call_slot *slot)
{
  struct pl_reading reading = slot->call.reading;
  if (!slot->run->cfg->readings)
    return;
  if (slot->call.job.status) {
    reading.status = slot->call.job.status;
    reading.at = pl_clock_now(slot->run->clock);
  }
  pl_readings_add(slot->run->cfg->readings, slot->device, slot->call.quantity, &reading);
}

static void on_done(struct pl_call *call)
{
  struct pl_call_slot *slot = call->ctx;
  if (!slot->run) {
    free(slot);
    return;
  }
  unlink_slot(slot);
  if (call->kind == PL_CALL_GET)
    keep(slot);
  slot->answered = true;
  if (slot->task)
    pl_task_ready(slot->task);
  else
    recycle(slot);
}

void pl_call_orphan(struct pl_call_slot *slot)
{
  slot->task = NULL;
  if (slot->answered) /* its task ends before it could take the answer */
    recycle(slot);
}

/* Waits for what is in flight; every call has a deadline of its own, so this ends. What a dead worker still holds frees itself. */
void pl_call_drain(struct pl_run *run)
{
  pl_time_ns limit = pl_clock_now(run->clock) + DRAIN_TIME;
  while (run->calls && pl_clock_now(run->clock) < limit && pl_clock_step(run->clock, limit))
    ;
  for (struct pl_call_slot *slot = run->calls; slot; slot = slot->next)
    slot->run = NULL;
  run->calls = NULL;
  while (run->spare_calls) {
    struct pl_call_slot *next = run->spare_calls->next;
    free(run->spare_calls);
    run->spare_calls = next;
  }
}

static struct pl_call_slot *take_slot(lua_State *L, struct pl_run *run)
{
  struct pl_call_slot *slot = run->spare_calls;
  if (slot)
    run->spare_calls = slot->next;
  else
    slot = malloc(sizeof *slot);
  if (!slot)
    luaL_error(L, "out of memory for a call");
  memset(slot, 0, offsetof(struct pl_call_slot, call) + offsetof(struct pl_call, job));
  slot->call.job = (struct pl_job){0};
  slot->call.reading = (struct pl_reading){.status = PL_E_CANCELLED};
  slot->run = run;
  slot->task = NULL;
  slot->answered = false;
  return slot;
}

static const char *call_text(enum pl_call_kind kind)
{
  static const char *const TEXTS[] = {[PL_CALL_PROBE] = "probing", [PL_CALL_GET] = "reading", [PL_CALL_SET] = "setting",
                                      [PL_CALL_IDENTIFY] = "the identity of", [PL_CALL_FAULTS] = "the faults of"};
  return TEXTS[kind];
}

static const char *stack_word(const struct pl_rig_device *device)
{
  static const struct {
    const char *kind, *word;
  } WORDS[] = {{"csu", "chassis"}, {"psu", "supply"}, {"bbu", "battery"}, {"pump-unit", "cooling_unit"}, {"loop", "cooling_loop"}, {"tray", "leak_detector"},
               {"stop-valve", "connector"}, {"module", "chassis"}};
  for (size_t i = 0; device->part && i < sizeof WORDS / sizeof *WORDS; i++)
    if (!strcmp(WORDS[i].kind, device->part->kind))
      return WORDS[i].word;
  return "chassis";
}

void pl_call_not_others(lua_State *L, const struct pl_rig_device *device)
{
  if (device->owner == PL_OWNER_STACK && pl_task_of(L)->vm->run && pl_task_of(L)->vm->run->cfg->stack)
    pl_raise_usage(L, "%s is the control stack's: with `stack = true` a sequence neither reads nor sets it; ask the stack, stack.%s(part), and judge it by what the bench "
                      "measures", device->name, stack_word(device));
  if (device->owner == PL_OWNER_INTERLOCK)
    pl_raise_usage(L, "%s is the interlock's: a sequence neither reads nor sets it; ask interlock.tripped(\"RULE\"), or use the bench's own device", device->name);
}

static struct pl_task *begin(lua_State *L, const struct pl_rig_device *device, enum pl_call_kind kind, const struct pl_quantity *quantity, int64_t value_u)
{
  struct pl_task *task = pl_task_here(L, "asking a device");
  struct pl_run *run = task->vm->run;
  if (!lua_isyieldable(L))
    pl_raise_usage(L, "%s cannot be asked here: not inside table.sort or string.gsub", device->name);
  pl_call_not_others(L, device);
  if (kind == PL_CALL_SET)
    pl_rehearsal_writes(L, device, quantity, value_u);
  struct pl_call_slot *slot = take_slot(L, run);
  slot->task = task;
  slot->device = device;
  slot->call.device = pl_bench_device(run->bench, device->name);
  slot->call.kind = kind;
  slot->call.quantity = quantity;
  slot->call.value_u = value_u;
  slot->call.done = on_done;
  slot->call.ctx = slot;
  slot->next = run->calls;
  run->calls = slot;
  task->call = slot;
  task->last_device = device;
  task->last_quantity = quantity;
  task->last_part = NULL;
  snprintf(task->waiting_for, sizeof task->waiting_for, "%s %s%s%s", call_text(kind), device->name, quantity ? "." : "", quantity ? quantity->name : "");
  task->waiting = task->waiting_for;
  if (kind == PL_CALL_SET)
    run->driven = true;
  pl_call_submit(&slot->call);
  return task;
}

static enum pl_failure_kind kind_of(enum pl_status status)
{
  enum pl_class class = pl_status_class(status);
  return class == PL_CLASS_UNIT || class == PL_CLASS_RETRY ? PL_FAILURE_UNIT : PL_FAILURE_ERROR;
}

/* The bus was still busy with another device when this one's time was over: that says nothing about this one. */
static bool never_began(const struct pl_call *call)
{
  return call->job.status == PL_E_TIMEOUT && call->job.started >= call->job.deadline;
}

/* Takes the finished call from the task; raises when it failed. */
static struct pl_call_slot *end(lua_State *L)
{
  struct pl_task *task = pl_task_of(L);
  struct pl_call_slot *slot = task->call;
  const struct pl_call *call = &slot->call;
  task->call = NULL;
  if (call->kind == PL_CALL_SET && task->commanded_at == PL_NEVER)
    task->commanded_at = call->job.started;
  enum pl_status status = call->job.status;
  if (!status && call->kind == PL_CALL_GET)
    status = call->reading.status;
  if (!status)
    return slot;
  struct pl_failure failure = {.kind = never_began(call) ? PL_FAILURE_ERROR : kind_of(status), .status = status, .device = slot->device, .part = slot->device->part,
                               .subcomponent = call->quantity ? call->quantity->name : NULL};
  char name[96];
  snprintf(name, sizeof name, "%s %s", slot->device->role ? slot->device->role : "device", call->quantity ? call->quantity->name : pl_status_text(status));
  pl_slug(name, call->quantity && call->kind == PL_CALL_SET ? "-not-set" : call->quantity ? "-no-reading" : "", failure.verdict, sizeof failure.verdict);
  if (call->job.err.text[0])
    snprintf(failure.text, sizeof failure.text, "%s", call->job.err.text);
  else
    snprintf(failure.text, sizeof failure.text, "%s: %s", slot->device->name, pl_status_text(status));
  recycle(slot);
  pl_raise(L, &failure);
}

/* A device that is busy (a flow meter between two pulses) is asked again for a while; ctx is since when. */
static bool busy(const struct pl_task *task, lua_KContext since)
{
  const struct pl_call_slot *slot = task->call;
  return slot->call.job.status == PL_E_BUSY && pl_clock_now(slot->run->clock) - (pl_time_ns)since < BUSY_TIME;
}

static int read_again(lua_State *L, int status, lua_KContext since);

static int read_ended(lua_State *L, int status, lua_KContext since)
{
  (void)status;
  struct pl_task *task = pl_task_of(L);
  if (busy(task, since)) {
    recycle(task->call);
    task->call = NULL;
    return pl_task_wait_until(L, task, pl_clock_now(task->vm->run->clock) + BUSY_PAUSE, task->waiting_for, since, read_again);
  }
  struct pl_call_slot *slot = end(L);
  struct pl_reading reading = slot->call.reading;
  const struct pl_rig_device *device = slot->device;
  const struct pl_quantity *quantity = slot->call.quantity;
  recycle(slot);
  pl_amount_push_reading(L, &reading, device, quantity);
  return 1;
}

static int read_again(lua_State *L, int status, lua_KContext since)
{
  (void)status;
  const struct pl_task *task = pl_task_of(L);
  begin(L, task->last_device, PL_CALL_GET, task->last_quantity, 0);
  return lua_yieldk(L, 0, since, read_ended);
}

int pl_call_read(lua_State *L, const struct pl_rig_device *device, const struct pl_quantity *quantity)
{
  struct pl_task *task = begin(L, device, PL_CALL_GET, quantity, 0);
  return lua_yieldk(L, 0, (lua_KContext)pl_clock_now(task->vm->run->clock), read_ended);
}

static int try_ended(lua_State *L, int status, lua_KContext since)
{
  struct pl_task *task = pl_task_of(L);
  if (task->call->call.job.status != PL_E_UNSUPPORTED)
    return read_ended(L, status, since);
  recycle(task->call);
  task->call = NULL;
  return 0;
}

int pl_call_try(lua_State *L, const struct pl_rig_device *device, const struct pl_quantity *quantity)
{
  struct pl_task *task = begin(L, device, PL_CALL_GET, quantity, 0);
  return lua_yieldk(L, 0, (lua_KContext)pl_clock_now(task->vm->run->clock), try_ended);
}

static int act_ended(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  (void)ctx;
  recycle(end(L));
  return 0;
}

int pl_call_act(lua_State *L, const struct pl_rig_device *device, const struct pl_quantity *quantity)
{
  begin(L, device, PL_CALL_SET, quantity, 0);
  return lua_yieldk(L, 0, 0, act_ended);
}

static int faults_ended(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  (void)ctx;
  struct pl_call_slot *slot = end(L);
  const struct pl_faults *faults = &slot->call.faults;
  lua_createtable(L, (int)faults->count, 0);
  for (size_t i = 0; i < faults->count; i++) {
    lua_pushstring(L, faults->names[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  recycle(slot);
  return 1;
}

int pl_call_faults(lua_State *L, const struct pl_rig_device *device)
{
  if (!device->desc->faults)
    return 0; /* nil: an empty list would say that it has none */
  begin(L, device, PL_CALL_FAULTS, NULL, 0);
  return lua_yieldk(L, 0, 0, faults_ended);
}

static int identity_ended(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  (void)ctx;
  struct pl_call_slot *slot = end(L);
  const struct pl_identity *identity = &slot->call.identity;
  const char *const names[] = {"manufacturer", "model", "revision", "serial", "firmware"};
  const char *const texts[] = {identity->manufacturer, identity->model, identity->revision, identity->serial, identity->firmware};
  lua_createtable(L, 0, 5);
  for (size_t i = 0; i < 5; i++)
    if (*texts[i]) {
      lua_pushstring(L, texts[i]);
      lua_setfield(L, -2, names[i]);
    }
  recycle(slot);
  return 1;
}

int pl_call_identity(lua_State *L, const struct pl_rig_device *device)
{
  if (!device->desc->identify)
    return 0;
  begin(L, device, PL_CALL_IDENTIFY, NULL, 0);
  return lua_yieldk(L, 0, 0, identity_ended);
}

/* --- set{...} --- */

struct plan { /* kept on the Lua stack while the values go out one by one */
  const struct pl_rig_device *device;
  size_t count, next;
  struct {
    const struct pl_quantity *quantity;
    int64_t value_u;
  } items[];
};

static int set_next(lua_State *L, int status, lua_KContext ctx)
{
  (void)ctx;
  struct plan *plan = lua_touserdata(L, -1);
  if (status == LUA_YIELD)
    recycle(end(L));
  if (plan->next == plan->count)
    return 0;
  size_t i = plan->next++;
  begin(L, plan->device, PL_CALL_SET, plan->items[i].quantity, plan->items[i].value_u);
  return lua_yieldk(L, 0, 0, set_next);
}

static int64_t set_value(lua_State *L, const struct pl_rig_device *device, const struct pl_quantity *quantity)
{
  char what[128], low[48], high[48];
  int64_t value_u = 0;
  snprintf(what, sizeof what, "%s.%s", device->name, quantity->name);
  if (quantity->dim == PL_DIM_FLAG) {
    if (!lua_isboolean(L, -1))
      pl_raise_usage(L, "%s is %s, expected true or false", what, pl_amount_kind(L, -1));
    return lua_toboolean(L, -1) ? PL_U : 0;
  }
  if (quantity->dim == PL_DIM_NONE) {
    if (lua_type(L, -1) != LUA_TNUMBER || pl_unit_to_u(pl_unit_find("number"), lua_tonumber(L, -1), &value_u, NULL))
      pl_raise_usage(L, "%s is %s, expected a plain number", what, pl_amount_kind(L, -1));
  } else {
    value_u = pl_amount_want(L, -1, quantity->dim, what);
  }
  if ((quantity->min_u || quantity->max_u) && (value_u < quantity->min_u || value_u > quantity->max_u))
    pl_raise_usage(L, "%s takes %s to %s", what, pl_quantity_format(quantity->dim, quantity->min_u, low, sizeof low),
                   pl_quantity_format(quantity->dim, quantity->max_u, high, sizeof high));
  return value_u;
}

/* In the order of the device's own list, so that the same table always goes out in the same order. */
int pl_call_set_all(lua_State *L, const struct pl_rig_device *device, int table)
{
  const struct pl_shape *shape = &device->shape;
  const char *names[64];
  size_t n_names = 0;
  if (lua_type(L, table) != LUA_TTABLE)
    pl_raise_usage(L, "%s:set needs { quantity = value, ... }", device->name);
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || n_names == sizeof names / sizeof *names)
      pl_raise_usage(L, "%s:set needs { quantity = value, ... }", device->name);
    names[n_names++] = lua_tostring(L, -2);
    pl_call_quantity(L, device, names[n_names - 1], PL_SET, "set");
  }
  struct plan *plan = lua_newuserdatauv(L, sizeof *plan + n_names * sizeof plan->items[0], 0);
  plan->device = device;
  plan->count = plan->next = 0;
  for (size_t i = 0; i < shape->count; i++)
    for (size_t n = 0; n < n_names; n++)
      if (pl_shape_find(shape, names[n]) == &shape->quantities[i]) {
        lua_getfield(L, table, names[n]);
        plan->items[plan->count].quantity = &shape->quantities[i];
        plan->items[plan->count++].value_u = set_value(L, device, &shape->quantities[i]);
        lua_pop(L, 1);
      }
  return set_next(L, LUA_OK, 0);
}

const struct pl_quantity *pl_call_quantity(lua_State *L, const struct pl_rig_device *device, const char *name, unsigned access, const char *verb)
{
  const struct pl_quantity *quantity = pl_shape_find(&device->shape, name);
  if (quantity && (quantity->access & access))
    return quantity;
  if (quantity)
    pl_raise_usage(L, "%s.%s cannot be %s", device->name, quantity->name, access == PL_SET ? "set" : access == PL_EDGES ? "watched for edges" : "read");
  const char *words[64];
  char list[320] = "";
  size_t count = 0;
  for (size_t i = 0; i < device->shape.count && count < sizeof words / sizeof *words; i++)
    if (device->shape.quantities[i].access & access)
      words[count++] = device->shape.quantities[i].name;
  const char *close = pl_closest(name, words, count);
  if (close)
    pl_raise_usage(L, "%s has no '%s' to %s, did you mean '%s'?", device->name, name, verb, close);
  for (size_t i = 0; i < count; i++)
    snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", words[i]);
  pl_raise_usage(L, "%s has no '%s' to %s; it has %s", device->name, name, verb, count ? list : "none");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* log, attach, and the primitives under the prelude's verbs: time, series, background work, acts on the rack. */
#include "host/engine/run.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

#define PROGRESS_FROM (2 * PL_S) /* shorter waits are not shown */

static struct pl_run *run_of(lua_State *L)
{
  return pl_task_of(L)->vm->run;
}

/* --- time --- */

static int now(lua_State *L)
{
  lua_pushinteger(L, pl_clock_now(pl_task_here(L, "waiting")->vm->run->clock));
  return 1;
}

/* ns(value, what): a time as nanoseconds */
static int ns(lua_State *L)
{
  int64_t value_us = pl_amount_want(L, 1, PL_DIM_TIME, luaL_checkstring(L, 2));
  if (value_us < 0)
    pl_raise_usage(L, "%s is less than nothing", lua_tostring(L, 2));
  if (value_us > INT64_MAX / 4000)
    pl_raise_usage(L, "%s is too long", lua_tostring(L, 2));
  lua_pushinteger(L, value_us * 1000);
  return 1;
}

static int time_value(lua_State *L)
{
  pl_amount_push(L, PL_DIM_TIME, llround((double)luaL_checkinteger(L, 1) / 1000.0));
  return 1;
}

static int wait_ended(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  (void)ctx;
  struct pl_run *run = run_of(L);
  run->wait_until = 0;
  pl_task_of(L)->waiting = NULL;
  return 0;
}

/* wait_until(at, what, whole): whole: the wait must fit into the step's time, so that one that cannot is refused at once. */
static int wait_until(lua_State *L)
{
  struct pl_task *task = pl_task_here(L, "waiting");
  struct pl_run *run = task->vm->run;
  pl_time_ns at = luaL_checkinteger(L, 1), from = pl_clock_now(run->clock);
  const struct pl_scope *scope = task->scope;
  snprintf(task->waiting_for, sizeof task->waiting_for, "%s", luaL_checkstring(L, 2));
  if (lua_toboolean(L, 3) && scope && scope->deadline.slot && at > scope->deadline.at) {
    char wait[48];
    pl_quantity_format(PL_DIM_TIME, (at - from) / 1000, wait, sizeof wait);
    pl_raise_usage(L, "a wait of %s does not fit into the time of the step \"%s\"; give it more: { timeout = ... }", wait, scope->decl->name);
  }
  if (task->role == PL_TASK_BODY && scope == run->focus && at - from >= PROGRESS_FROM) {
    run->wait_from = from;
    run->wait_until = at;
  }
  return pl_task_wait_until(L, task, at < from ? from : at, task->waiting_for, 0, wait_ended);
}

static int progress(lua_State *L)
{
  const struct pl_engine_events *events = run_of(L)->cfg->events;
  double done = luaL_checknumber(L, 1);
  if (events && events->progress)
    events->progress(events->ctx, done < 0 ? 0 : done > 1 ? 1 : done);
  return 0;
}

static int rehearsal(lua_State *L)
{
  lua_pushboolean(L, pl_run_lenient(run_of(L)));
  return 1;
}

/* --- failing --- */

static const struct pl_rig_device *device_field(lua_State *L, int table, const char *field, const struct pl_rig_part **part)
{
  lua_getfield(L, table, field);
  const struct pl_rig_device *device = pl_rig_device_at(L, -1);
  *part = device ? device->part : pl_subject_part_at(L, -1);
  lua_pop(L, 1);
  return device;
}

/* fail(name, detail, options): stops the step with a finding. */
static int fail(lua_State *L)
{
  const struct pl_task *task = pl_task_of(L);
  struct pl_failure failure = {.kind = PL_FAILURE_UNIT, .status = PL_E_TIMEOUT, .device = task->last_device, .part = task->last_part};
  const char *name = luaL_checkstring(L, 1);
  if (failure.device) {
    failure.part = failure.device->part;
    failure.subcomponent = task->last_quantity ? task->last_quantity->name : NULL;
  }
  static const char *const WHO[] = {"of", "blame"};
  for (int i = 0; i < 2; i++) {
    const struct pl_rig_part *part;
    const struct pl_rig_device *device = device_field(L, 3, WHO[i], &part);
    if (!device && !part)
      continue;
    failure.device = device;
    failure.part = part;
    failure.subcomponent = NULL;
  }
  if (lua_getfield(L, 3, "action") == LUA_TSTRING)
    snprintf(failure.action, sizeof failure.action, "%s", lua_tostring(L, -1));
  pl_slug(name, "-fail", failure.verdict, sizeof failure.verdict);
  snprintf(failure.text, sizeof failure.text, "%s: %s", name, luaL_checkstring(L, 2));
  pl_raise(L, &failure);
}

static int usage(lua_State *L)
{
  pl_raise_usage(L, "%s", luaL_checkstring(L, 1));
}

/* options(table, verb, words) */
static int options(lua_State *L)
{
  const char *words[24] = {0};
  lua_Integer count = luaL_len(L, 3);
  for (lua_Integer i = 1; i <= count && i < 24; i++) {
    lua_rawgeti(L, 3, i);
    words[i - 1] = lua_tostring(L, -1);
    lua_pop(L, 1); /* alive in the table */
  }
  pl_options_check(L, 1, luaL_checkstring(L, 2), words);
  return 0;
}

/* broken(invariant) */
static int broken(lua_State *L)
{
  struct pl_invariant *invariant = lua_touserdata(L, 1);
  const struct pl_task *task = pl_task_of(L);
  struct pl_run *run = task->vm->run;
  struct pl_scope *scope = run->focus;
  if (pl_run_lenient(run) || invariant->broken_in == scope->id || scope->phase == PL_PHASE_END)
    return 0;
  invariant->broken_in = scope->id;
  char detail[160];
  snprintf(detail, sizeof detail, "broken during \"%.100s\"", scope->decl->name);
  const struct pl_verdict verdict = {.name = invariant->name,
                                     .detail = detail,
                                     .action = *invariant->action ? invariant->action : NULL,
                                     .device = task->last_device,
                                     .part = task->last_part,
                                     .subcomponent = task->last_quantity ? task->last_quantity->name : NULL,
                                     .line = invariant->line};
  pl_record_diagnosis(run, scope, &verdict, false);
  if (!invariant->go_on)
    pl_scope_stop_focus(run, &(struct pl_failure){.kind = PL_FAILURE_UNIT, .status = PL_E_RANGE, .reported = true});
  return 0;
}

/* --- background work and series --- */

static int background(lua_State *L)
{
  struct pl_task *task = pl_task_here(L, "record");
  if (!task->scope)
    pl_raise_usage(L, "record is not possible in an invariant");
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  if (!pl_task_start(task->vm->run, L, 0, PL_TASK_BACKGROUND, task->scope))
    luaL_error(L, "out of memory");
  return 0;
}

static double series_value(lua_State *L, int index, const struct pl_unit *unit, const char *name)
{
  const struct pl_amount *amount = pl_amount_at(L, index);
  if (!amount && lua_type(L, index) != LUA_TNUMBER)
    pl_raise_usage(L, "a sample of \"%s\" is %s, expected a value with a unit or a number", name, pl_amount_kind(L, index));
  if ((amount ? amount->dim : PL_DIM_NONE) != (unit ? unit->dim : PL_DIM_NONE))
    pl_raise_usage(L, "the samples of \"%s\" change from %s to %s", name, unit ? pl_dim_name(unit->dim) : "numbers", pl_amount_kind(L, index));
  double value = amount ? pl_unit_from_u(unit, amount->value_u) : lua_tonumber(L, index);
  if (!isfinite(value))
    pl_raise_usage(L, "a sample of \"%s\" is not a finite number", name);
  return value;
}

/* series_start(name, first value): returns the series' unit */
static int series_start(lua_State *L)
{
  struct pl_task *task = pl_task_here(L, "a series");
  const char *name = luaL_checkstring(L, 1);
  const struct pl_amount *amount = pl_amount_at(L, 2);
  const struct pl_unit *unit = amount ? pl_unit_for_display(amount->dim, amount->value_u) : NULL;
  const struct pl_rig_device *device = amount && amount->device ? amount->device : task->last_device;
  if (!task->scope || task->series >= 0)
    pl_raise_usage(L, "a series is recorded inside a step, one at a time");
  series_value(L, 2, unit, name);
  pl_journal_series_start(task->vm->run->journal, task->scope->id, name, unit ? unit->name : NULL, device ? device->name : NULL, &task->series);
  lua_pushlightuserdata(L, (void *)(uintptr_t)unit);
  return 1;
}

/* series_add(name, unit, value) */
static int series_add(lua_State *L)
{
  const struct pl_task *task = pl_task_of(L);
  struct pl_run *run = task->vm->run;
  double value = series_value(L, 3, lua_touserdata(L, 2), luaL_checkstring(L, 1));
  pl_journal_series_element(run->journal, task->scope->id, task->series, value, pl_clock_now(run->clock));
  return 0;
}

static int series_end(lua_State *L)
{
  struct pl_task *task = pl_task_of(L);
  if (task->series >= 0)
    pl_journal_series_end(task->vm->run->journal, task->scope->id, task->series);
  task->series = -1;
  return 0;
}

/* --- the virtual rack --- */

bool pl_run_has_rack(const struct pl_run *run)
{
  bool any = run->cfg->replay && run->rig->twin_socket;
  for (size_t i = 0; i < run->rig->n_buses && run->cfg->replay; i++)
    any |= run->rig->buses[i].on_twin;
  return any || pl_bench_backend(run->bench);
}

static bool on_twin(const struct pl_run *run, const struct pl_rig_part *part)
{
  const struct pl_rig_device *connector = pl_rig_by_role(run->rig, part, "connector");
  return pl_run_has_rack(run) && (run->cfg->rehearsal || pl_bench_all_virtual(run->bench) || run->rig->twin_socket || !connector || connector->bus->on_twin);
}

/* act(part, verb): true when the virtual rack did it, false when a person must. */
static int act(lua_State *L)
{
  struct pl_run *run = pl_task_here(L, "operator")->vm->run;
  const struct pl_rig_part *part = pl_rig_part_at(L, 1);
  struct pl_err err = {0};
  if (!part)
    pl_raise_usage(L, "operator.%s needs a part of the rig, got %s", luaL_checkstring(L, 2), pl_amount_kind(L, 1));
  bool is_virtual = on_twin(run, part);
  run->driven = true;
  pl_rehearsal_acts(L, part, luaL_checkstring(L, 2));
  if (is_virtual && !run->cfg->replay && pl_bench_backend_desc(run->bench)->act(pl_bench_backend(run->bench), part->name, luaL_checkstring(L, 2), &err))
    pl_raise_usage(L, "%s", err.text);
  lua_pushboolean(L, is_virtual);
  return 1;
}

/* see(part, port): what a person before the rack would see, "attention" or "present"; nil: a person must be asked. */
static int see(lua_State *L)
{
  struct pl_run *run = pl_task_here(L, "operator")->vm->run;
  const struct pl_rig_part *part = pl_rig_part_at(L, 1);
  struct pl_err err = {0};
  double value = 0;
  if (!part)
    pl_raise_usage(L, "operator.sees needs a part of the rig, got %s", pl_amount_kind(L, 1));
  if (!on_twin(run, part) || run->cfg->replay)
    return 0;
  if (pl_bench_backend_desc(run->bench)->truth(pl_bench_backend(run->bench), part->name, luaL_checkstring(L, 2), &value, &err))
    pl_raise_usage(L, "%s", err.text);
  lua_pushboolean(L, value > 0.5);
  return 1;
}

static void want_planting(lua_State *L, const struct pl_run *run, const char *verb)
{
  if (!pl_run_has_rack(run) && !pl_bench_can_plant(run->bench))
    pl_raise_usage(L, "fault.%s: faults are planted in a virtual rack or through the in-line proxy, and this run has neither", verb);
}

static int plant_or_clear(lua_State *L, bool plant)
{
  struct pl_run *run = pl_task_here(L, "fault")->vm->run;
  struct pl_err err = {0};
  const char *spec = plant ? luaL_checkstring(L, 1) : luaL_optstring(L, 1, NULL);
  want_planting(L, run, plant ? "plant" : "clear");
  run->driven = true;
  if (run->cfg->replay)
    return 0;
  if (plant)
    pl_rehearsal_plants(L, spec);
  enum pl_status status = plant ? pl_bench_plant(run->bench, spec, &err) : pl_bench_clear(run->bench, spec, &err);
  if (status)
    pl_raise_usage(L, "%s", err.text);
  return 0;
}

/* count([spec]): how often it has acted; in a replay 0, for nothing is planted there. */
static int count_fault(lua_State *L)
{
  struct pl_run *run = pl_task_here(L, "fault")->vm->run;
  struct pl_err err = {0};
  uint64_t acted = 0;
  want_planting(L, run, "count");
  if (!run->cfg->replay && pl_bench_acted(run->bench, luaL_optstring(L, 1, NULL), &acted, &err))
    pl_raise_usage(L, "%s", err.text);
  lua_pushinteger(L, (lua_Integer)acted);
  return 1;
}

static int plant_fault(lua_State *L)
{
  return plant_or_clear(L, true);
}

static int clear_fault(lua_State *L)
{
  return plant_or_clear(L, false);
}

/* --- log, attach --- */

static int log_line(lua_State *L)
{
  static const char *const SEVERITIES[] = {"DEBUG", "INFO", "WARNING", "ERROR", NULL};
  const struct pl_task *task = pl_task_here(L, "log");
  luaL_checkany(L, 1);
  int type = lua_type(L, 1);
  if (type == LUA_TTABLE || type == LUA_TFUNCTION)
    pl_raise_usage(L, "log needs a text or a value, got %s", pl_amount_kind(L, 1));
  const char *severity = SEVERITIES[luaL_checkoption(L, 2, "INFO", SEVERITIES)];
  pl_journal_log(task->vm->run->journal, task->scope ? task->scope->id : -1, severity, luaL_tolstring(L, 1, NULL));
  return 0;
}

/* attach("photo of the slot", "photos/slot-3.jpg"): the file stays where it is, the journal points to it. */
static int attach(lua_State *L)
{
  static const char *const TYPES[][2] = {{".jpg", "image/jpeg"}, {".png", "image/png"},        {".csv", "text/csv"},
                                         {".txt", "text/plain"}, {".json", "application/json"}, {".pcapng", "application/octet-stream"}};
  const struct pl_task *task = pl_task_here(L, "attach");
  const char *name = luaL_checkstring(L, 1), *path = luaL_checkstring(L, 2), *dot = strrchr(path, '.'), *type = "application/octet-stream";
  for (size_t i = 0; dot && i < sizeof TYPES / sizeof *TYPES; i++)
    if (!strcmp(TYPES[i][0], dot))
      type = TYPES[i][1];
  pl_journal_file(task->vm->run->journal, task->scope ? task->scope->id : -1, name, path, type);
  return 0;
}

void pl_verbs_register(lua_State *L, int core)
{
  static const luaL_Reg CORE[] = {{"now", now},
                                  {"ns", ns},
                                  {"time", time_value},
                                  {"wait_until", wait_until},
                                  {"progress", progress},
                                  {"rehearsal", rehearsal},
                                  {"fail", fail},
                                  {"usage", usage},
                                  {"options", options},
                                  {"broken", broken},
                                  {"background", background},
                                  {"series_start", series_start},
                                  {"series_add", series_add},
                                  {"series_end", series_end},
                                  {"act", act},
                                  {"see", see},
                                  {"plant", plant_fault},
                                  {"clear", clear_fault},
                                  {"count", count_fault},
                                  {NULL, NULL}};
  static const luaL_Reg PUBLIC[] = {{"log", log_line}, {"attach", attach}, {NULL, NULL}};
  luaL_setfuncs(L, PUBLIC, 0);
  lua_pushvalue(L, core);
  luaL_setfuncs(L, CORE, 0);
  lua_pop(L, 1);
  pl_prompt_register(L, core);
}

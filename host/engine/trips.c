/* SPDX-License-Identifier: Apache-2.0 */
/* The interlock as a run meets it: what it did goes into the journal and ends the run, unless the sequence said that it wants the trip. */
#include "host/engine/run.h"
#include "host/safety/interlock.h"
#include "host/safety/plan.h"

#include <lauxlib.h>
#include <string.h>

#define STEP "the interlock is armed"

/* --- what it did --- */

static int line_of(const struct pl_run *run)
{
  for (const struct pl_scope *scope = run->focus; scope; scope = scope->parent) {
    int line = scope->body && !run->done ? pl_vm_line(scope->body->L) : 0;
    if (line > 0)
      return line;
  }
  return 0;
}

static void fill(const struct pl_run *run, const struct pl_interlock_event *event, struct pl_failure *failure)
{
  const struct pl_interlock_rules *rules = pl_interlock_rules_of(run->cfg->interlock);
  bool blind = event->what != PL_INTERLOCK_TRIPPED;
  *failure = (struct pl_failure){.kind = blind ? PL_FAILURE_ERROR : PL_FAILURE_UNIT, .status = blind ? PL_E_IO : PL_E_RANGE, .device = event->device,
                                 .line = line_of(run)};
  failure->part = event->device ? event->device->part : NULL;
  failure->subcomponent = event->quantity ? event->quantity->name : NULL;
  snprintf(failure->verdict, sizeof failure->verdict, "interlock-%s", event->rule >= 0 ? pl_interlock_name(rules, (size_t)event->rule) : "overrun");
  snprintf(failure->text, sizeof failure->text, "%s", event->text);
  if (!blind) /* what is wrong is what was sensed, not what sensed it */
    snprintf(failure->action, sizeof failure->action, "%s", pl_record_action(NULL, failure->part));
}

/* A finding stands in a step; between steps it gets one. */
static void record(struct pl_run *run, struct pl_failure *failure)
{
  struct pl_scope stand_in = {.run = run, .id = -1};
  struct pl_scope *scope = run->focus && !run->done ? run->focus : &stand_in;
  int before = scope->id;
  if (before < 0)
    pl_journal_step_start(run->journal, &(struct pl_journal_step){.name = STEP, .parent = -1, .kind = "setup", .attempt = 1}, &scope->id);
  pl_record_failure(run, scope, failure);
  if (before < 0)
    pl_journal_step_end(run->journal, scope->id, failure->kind == PL_FAILURE_UNIT ? PL_STEP_COMPLETE : PL_STEP_ERROR, failure->kind == PL_FAILURE_UNIT);
  scope->id = before;
  if (scope == &stand_in)
    run->failed |= stand_in.failed;
}

/* The whole run ends, but its teardown runs; what is dangerous in a rehearsal is the plan check's. */
static void on_trip(struct pl_run *run, const struct pl_interlock_event *event)
{
  struct pl_failure failure;
  fill(run, event, &failure);
  pl_interlock_note_line(run->cfg->interlock, (size_t)event->rule, failure.line);
  if (run->cfg->rehearsal && !run->cfg->strict) {
    struct pl_hazard hazard = {.rule = "interlock-trip", .part = failure.part ? failure.part->name : "",
                               .at = event->what == PL_INTERLOCK_TRIPPED ? event->since : event->at};
    snprintf(hazard.text, sizeof hazard.text, "%.150s; say interlock.expect if it is meant", event->text);
    if (run->cfg->plan)
      pl_plan_check_hazard(run->cfg->plan, &hazard);
    return;
  }
  record(run, &failure);
  if (run->root && !run->done)
    pl_scope_stop(run->root, &failure);
}

/* An output that does not follow: what the interlock holds is not what it says. Or events were lost: nobody can tell what it did. */
static void on_doubt(struct pl_run *run, const struct pl_interlock_event *event)
{
  struct pl_failure failure;
  if (run->cfg->rehearsal && !run->cfg->strict)
    return;
  fill(run, event, &failure);
  record(run, &failure);
  if (run->root && !run->done)
    pl_scope_stop(run->root, &failure);
}

static void on_event(void *ctx, const struct pl_interlock_event *event)
{
  struct pl_run *run = ctx;
  const struct pl_engine_events *events = run->cfg->events;
  int step = run->focus && !run->done ? run->focus->id : -1;
  bool trip = event->what == PL_INTERLOCK_TRIPPED || event->what == PL_INTERLOCK_BLIND;
  bool wanted = event->rule >= 0 && run->expected_trips >> event->rule & 1;
  bool quiet = event->what == PL_INTERLOCK_CONFIRMED || event->what == PL_INTERLOCK_RESET || event->what == PL_INTERLOCK_READABLE;
  if (step >= 0)
    pl_journal_extension(run->journal, step, wanted ? "interlock-expected" : "interlock", event->json);
  pl_journal_log(run->journal, step, quiet || (trip && wanted) ? "INFO" : "WARNING", event->text);
  if (trip && events && events->trip)
    events->trip(events->ctx, event->text, wanted);
  if (trip && (!wanted || event->what == PL_INTERLOCK_BLIND))
    on_trip(run, event);
  else if (event->what == PL_INTERLOCK_DOUBTED || event->what == PL_INTERLOCK_OVERRUN)
    on_doubt(run, event);
}

void pl_trips_look(struct pl_run *run)
{
  if (run->cfg->interlock)
    pl_interlock_drain(run->cfg->interlock, on_event, run);
}

static void not_ready(struct pl_run *run, const struct pl_err *err)
{
  struct pl_failure failure = {.kind = PL_FAILURE_ERROR, .status = err->status};
  snprintf(failure.verdict, sizeof failure.verdict, "interlock-not-ready");
  snprintf(failure.text, sizeof failure.text, "%s", err->text);
  record(run, &failure);
}

bool pl_trips_armed(struct pl_run *run)
{
  char text[320];
  struct pl_interlock *interlock = run->cfg->interlock;
  size_t n = pl_interlock_count(run->cfg->rules);
  if (!interlock && n && run->cfg->replay)
    pl_journal_log(run->journal, -1, "INFO", "a replay has no interlock: what its rules would do is not judged, and sequences hear of the trips that they expect");
  if (!interlock)
    return true;
  snprintf(text, sizeof text, "the interlock is armed: %zu rules, %s", n, pl_interlock_manner(interlock));
  pl_journal_log(run->journal, -1, "INFO", text);
  struct pl_err err = {0};
  bool ready = run->cfg->rehearsal || !pl_interlock_ready(interlock, &err);
  pl_trips_look(run);
  if (!ready)
    not_ready(run, &err);
  bool tripped = !ready;
  for (size_t i = 0; i < n; i++)
    tripped |= pl_interlock_view(interlock, i)->tripped;
  return !tripped || run->cfg->rehearsal;
}

/* --- what a sequence can ask --- */

static const struct pl_engine_cfg *cfg_of(lua_State *L)
{
  return pl_task_here(L, "the interlock")->vm->run->cfg;
}

static size_t rule_at(lua_State *L, int index)
{
  struct pl_err err = {0};
  int rule = pl_interlock_find(cfg_of(L)->rules, luaL_checkstring(L, index), &err);
  if (rule < 0)
    pl_raise_usage(L, "%s", err.text);
  return (size_t)rule;
}

/* trip_has(name) */
static int trip_has(lua_State *L)
{
  lua_pushboolean(L, pl_interlock_find(cfg_of(L)->rules, luaL_checkstring(L, 1), NULL) >= 0);
  return 1;
}

/* trip_expect(name): how long it may take, ns */
static int trip_expect(lua_State *L)
{
  struct pl_run *run = pl_task_here(L, "interlock.expect")->vm->run;
  size_t rule = rule_at(L, 1);
  pl_trips_look(run); /* what happened before nobody expected */
  run->expected_trips |= (uint64_t)1 << rule;
  lua_pushinteger(L, pl_interlock_limit(run->cfg->rules, rule));
  return 1;
}

/* trip_seen(name): tripped; its outputs are confirmed; since when (ns) and when that was; resets refused so far; why; false when nobody can tell (a replay) */
static int trip_seen(lua_State *L)
{
  const struct pl_engine_cfg *cfg = cfg_of(L);
  size_t rule = rule_at(L, 1);
  const struct pl_interlock_view *view = cfg->interlock ? pl_interlock_view(cfg->interlock, rule) : NULL;
  lua_pushboolean(L, view ? view->tripped : (pl_task_of(L)->vm->run->expected_trips >> rule & 1) != 0); /* in a replay: as it was meant */
  lua_pushboolean(L, view && view->confirmed);
  lua_pushinteger(L, view ? view->since : 0);
  lua_pushinteger(L, view ? view->done : 0);
  lua_pushinteger(L, view ? view->refused : 0);
  lua_pushstring(L, view ? view->text : "");
  lua_pushboolean(L, view != NULL);
  return 7;
}

/* trip_reset(name) */
static int trip_reset(lua_State *L)
{
  struct pl_run *run = pl_task_here(L, "interlock.reset")->vm->run;
  size_t rule = rule_at(L, 1);
  if (run->cfg->interlock)
    pl_interlock_reset(run->cfg->interlock, rule);
  return 0;
}

/* trip_forget(name): it was reset, its next trip is not wanted */
static int trip_forget(lua_State *L)
{
  pl_task_here(L, "interlock.reset")->vm->run->expected_trips &= ~((uint64_t)1 << rule_at(L, 1));
  return 0;
}

void pl_trips_register(lua_State *L, int core)
{
  static const luaL_Reg CORE[] = {{"trip_has", trip_has},     {"trip_expect", trip_expect}, {"trip_seen", trip_seen},
                                  {"trip_reset", trip_reset}, {"trip_forget", trip_forget}, {NULL, NULL}};
  lua_pushvalue(L, core);
  luaL_setfuncs(L, CORE, 0);
  lua_pop(L, 1);
}

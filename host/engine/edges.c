/* SPDX-License-Identifier: Apache-2.0 */
/* Edges of lines, with the times that the bus gave them: what reaction windows are measured between. */
#include "host/engine/run.h"

#include <lauxlib.h>
#include <string.h>

#define EDGE "edge"

struct edge {
  const struct pl_rig_device *device;
  const struct pl_quantity *quantity;
  bool rising;
};

/* device:edge("power_good", "rising") */
static int new_edge(lua_State *L)
{
  const struct pl_rig_device *device = pl_rig_device_at(L, 1);
  if (!device)
    pl_raise_usage(L, "write device:edge(\"power_good\", \"rising\") with a colon");
  const char *name = luaL_checkstring(L, 2), *way = luaL_optstring(L, 3, "");
  const struct pl_quantity *quantity = pl_call_quantity(L, device, name, PL_EDGES, "watch for edges");
  bool rising = !strcmp(way, "rising");
  pl_call_not_others(L, device);
  if (!rising && strcmp(way, "falling") != 0)
    pl_raise_usage(L, "%s:edge(\"%s\", ...): say \"rising\" or \"falling\"", device->name, name);
  struct edge *edge = lua_newuserdatauv(L, sizeof *edge, 0);
  *edge = (struct edge){.device = device, .quantity = quantity, .rising = rising};
  luaL_setmetatable(L, EDGE);
  return 1;
}

static const struct edge *edge_at(lua_State *L, int index, const char *what)
{
  const struct edge *edge = luaL_testudata(L, index, EDGE);
  if (!edge)
    pl_raise_usage(L, "%s is %s, expected an edge such as rig.slot.connector:edge(\"power_good\", \"rising\")", what, pl_amount_kind(L, index));
  return edge;
}

static int no_edges(lua_State *L, const struct edge *edge, enum pl_status status, const char *text)
{
  struct pl_failure failure = {.kind = PL_FAILURE_ERROR, .status = status, .device = edge->device, .part = edge->device->part, .verdict = "no-edges"};
  snprintf(failure.text, sizeof failure.text, "%s", text);
  pl_raise(L, &failure);
}

static void look(lua_State *L, const struct edge *edge, struct pl_gpio_edges *seen)
{
  const struct pl_task *task = pl_task_here(L, "a reaction");
  struct pl_err err = {0};
  enum pl_status status = pl_device_edges(pl_bench_device(task->vm->run->bench, edge->device->name), edge->quantity, seen, &err);
  if (status)
    no_edges(L, edge, status, err.text);
}

/* edges_whole(edge, lost before): edges that the adapter lost since then may be those that are measured, so neither they nor their absence judge
 * the unit. */
static int edges_whole(lua_State *L)
{
  const struct edge *edge = edge_at(L, 1, "the edge");
  struct pl_gpio_edges seen = {0};
  char text[256];
  look(L, edge, &seen);
  uint64_t before = (uint64_t)luaL_checkinteger(L, 2);
  if (seen.lost == before)
    return 0;
  snprintf(text, sizeof text, "%s of %s: the adapter lost edges (%llu) while they were timed, so nothing can be said of the unit; check what else is busy on that bus",
           edge->quantity->name, edge->device->name, (unsigned long long)(seen.lost - before));
  return no_edges(L, edge, PL_E_IO, text);
}

/* edges(edge, what): how many so far, when the last one was (ns), how many were lost, and what must be read for an edge to be seen (nil: nothing) */
static int edges(lua_State *L)
{
  const struct edge *edge = edge_at(L, 1, luaL_checkstring(L, 2));
  struct pl_gpio_edges seen = {0};
  look(L, edge, &seen);
  lua_pushinteger(L, (lua_Integer)(edge->rising ? seen.rising : seen.falling));
  lua_pushinteger(L, edge->rising ? seen.last_rising : seen.last_falling);
  lua_pushinteger(L, (lua_Integer)seen.lost);
  if (!seen.sampled)
    return 3;
  lua_pushstring(L, edge->quantity->name);
  return 4;
}

/* edge_about(edge): its device, and what it is called */
static int edge_about(lua_State *L)
{
  const struct edge *edge = edge_at(L, 1, "the edge");
  pl_rig_push_device(L, edge->device);
  lua_pushfstring(L, "%s of %s %s", edge->quantity->name, edge->device->name, edge->rising ? "rising" : "falling");
  return 2;
}

/* arm(): forgets commands so far; commanded(): bus time (ns) of the first command since, or nil */
static int arm(lua_State *L)
{
  pl_task_here(L, "a reaction")->commanded_at = PL_NEVER;
  return 0;
}

static int commanded(lua_State *L)
{
  const struct pl_task *task = pl_task_of(L);
  if (task->commanded_at == PL_NEVER)
    lua_pushnil(L);
  else
    lua_pushinteger(L, task->commanded_at);
  return 1;
}

void pl_edges_register(lua_State *L, int core)
{
  static const luaL_Reg CORE[] = {{"edges", edges}, {"edges_whole", edges_whole}, {"edge_about", edge_about}, {"arm", arm}, {"commanded", commanded}, {NULL, NULL}};
  luaL_newmetatable(L, EDGE);
  lua_pop(L, 1);
  lua_pushcfunction(L, new_edge);
  lua_setfield(L, LUA_REGISTRYINDEX, "pl.edge");
  lua_pushvalue(L, core);
  luaL_setfuncs(L, CORE, 0);
  lua_pop(L, 1);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* `rig`, its parts and devices as sequences see them: rig.slot.monitor.vout reads a quantity. */
#include "host/engine/run.h"

#include <lauxlib.h>
#include <string.h>

#define RIG "rig"
#define PART "part"
#define DEVICE "device"

struct handle {
  const void *object;
};

/* One userdata an object, so that == works. */
static void push_object(lua_State *L, const void *object, const char *type)
{
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, object) == LUA_TUSERDATA)
    return;
  lua_pop(L, 1);
  struct handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
  handle->object = object;
  luaL_setmetatable(L, type);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, object);
}

void pl_rig_push_device(lua_State *L, const struct pl_rig_device *device)
{
  push_object(L, device, DEVICE);
}

void pl_rig_push_part(lua_State *L, const struct pl_rig_part *part)
{
  if (part)
    push_object(L, part, PART);
  else
    lua_pushnil(L);
}

const struct pl_rig_device *pl_rig_device_at(lua_State *L, int index)
{
  const struct handle *handle = luaL_testudata(L, index, DEVICE);
  return handle ? handle->object : NULL;
}

const struct pl_rig_part *pl_rig_part_at(lua_State *L, int index)
{
  const struct handle *handle = luaL_testudata(L, index, PART);
  return handle ? handle->object : NULL;
}

static const struct pl_rig *rig_of(lua_State *L)
{
  struct pl_run *run = pl_task_of(L)->vm->run;
  if (!run)
    pl_raise_usage(L, "the rig is known only inside steps, setup and teardown");
  return run->rig;
}

/* Turns the list on top of the stack into an iterator over it: `for part in rig.parts("csu") do`. */
static int next_of(lua_State *L)
{
  lua_Integer at = lua_tointeger(L, lua_upvalueindex(2)) + 1;
  lua_pushinteger(L, at);
  lua_replace(L, lua_upvalueindex(2));
  lua_rawgeti(L, lua_upvalueindex(1), at);
  return 1;
}

static int iterate(lua_State *L)
{
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, next_of, 2);
  return 1;
}

/* --- devices --- */

static const struct pl_rig_device *self_device(lua_State *L, const char *method)
{
  const struct pl_rig_device *device = pl_rig_device_at(L, 1);
  if (!device)
    pl_raise_usage(L, "write device:%s(...) with a colon", method);
  return device;
}

static int device_set(lua_State *L)
{
  return pl_call_set_all(L, self_device(L, "set"), 2);
}

static int turn(lua_State *L, bool on)
{
  static const char *const SWITCHES[] = {"on", "power-enable", "open"};
  const struct pl_rig_device *device = self_device(L, on ? "turn_on" : "turn_off");
  for (size_t i = 0; i < sizeof SWITCHES / sizeof *SWITCHES; i++) {
    const struct pl_quantity *quantity = pl_shape_find(&device->shape, SWITCHES[i]);
    if (!quantity || !(quantity->access & PL_SET))
      continue;
    lua_settop(L, 1);
    lua_createtable(L, 0, 1);
    lua_pushboolean(L, on);
    lua_setfield(L, 2, quantity->name);
    return pl_call_set_all(L, device, 2);
  }
  pl_raise_usage(L, "%s has nothing to turn on or off; use %s:set{ quantity = value }", device->name, device->name);
}

static int device_turn_on(lua_State *L)
{
  return turn(L, true);
}

static int device_turn_off(lua_State *L)
{
  return turn(L, false);
}

static int device_faults(lua_State *L)
{
  return pl_call_faults(L, self_device(L, "faults"));
}

static int device_identity(lua_State *L)
{
  return pl_call_identity(L, self_device(L, "identity"));
}

static void put_count(lua_State *L, const char *name, uint64_t value)
{
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, name);
}

static void put_time(lua_State *L, const char *name, pl_time_ns value)
{
  pl_amount_push(L, PL_DIM_TIME, value / PL_US);
  lua_setfield(L, -2, name);
}

/* What speaking to it has cost its bus so far: how good its wires are. */
static int device_wire(lua_State *L)
{
  const struct pl_rig_device *device = self_device(L, "wire");
  struct pl_device_wire wire = {0};
  rig_of(L); /* only inside steps */
  const struct pl_device *opened = pl_bench_device(pl_task_of(L)->vm->run->bench, device->name);
  if (opened) /* the interlock's own are not */
    pl_device_wire(opened, &wire);
  lua_createtable(L, 0, 7);
  put_count(L, "calls", wire.calls);
  put_count(L, "failed", wire.failed);
  put_count(L, "transfers", wire.transfers);
  put_count(L, "retries", wire.retries);
  put_count(L, "errors", wire.errors);
  put_time(L, "each", wire.transfers ? wire.busy / (pl_time_ns)wire.transfers : 0);
  put_time(L, "slowest", wire.slowest);
  return 1;
}

/* As device.quantity, but nil where this one of its kind has no such line or sensor. */
static int device_read(lua_State *L)
{
  const struct pl_rig_device *device = self_device(L, "read");
  return pl_call_try(L, device, pl_call_quantity(L, device, luaL_checkstring(L, 2), PL_GET, "read"));
}

static int device_has(lua_State *L)
{
  const struct pl_rig_device *device = self_device(L, "has");
  lua_pushboolean(L, pl_shape_find(&device->shape, luaL_checkstring(L, 2)) != NULL);
  return 1;
}

/* The names of what can be read. */
static int device_quantities(lua_State *L)
{
  const struct pl_shape *shape = &self_device(L, "quantities")->shape;
  lua_Integer n = 0;
  lua_newtable(L);
  for (size_t i = 0; i < shape->count; i++)
    if (shape->quantities[i].access & PL_GET) {
      lua_pushstring(L, shape->quantities[i].name);
      lua_rawseti(L, -2, ++n);
    }
  return iterate(L);
}

static int act(lua_State *L)
{
  return pl_call_act(L, lua_touserdata(L, lua_upvalueindex(1)), lua_touserdata(L, lua_upvalueindex(2)));
}

static const luaL_Reg DEVICE_METHODS[] = {
    {"set", device_set},           {"turn_on", device_turn_on}, {"turn_off", device_turn_off}, {"faults", device_faults},
    {"identity", device_identity}, {"read", device_read},       {"has", device_has},           {"quantities", device_quantities},
    {"wire", device_wire},
    {NULL, NULL},
};

static bool push_method(lua_State *L, const luaL_Reg *methods, const char *name)
{
  for (; methods->name; methods++)
    if (!strcmp(methods->name, name)) {
      lua_pushcfunction(L, methods->func);
      return true;
    }
  return false;
}

static bool device_attribute(lua_State *L, const struct pl_rig_device *device, const char *name)
{
  if (!strcmp(name, "name"))
    lua_pushstring(L, device->name);
  else if (!strcmp(name, "role"))
    lua_pushstring(L, device->role);
  else if (!strcmp(name, "driver"))
    lua_pushstring(L, device->desc->name);
  else if (!strcmp(name, "owner"))
    lua_pushstring(L, pl_owner_name(device->owner));
  else if (!strcmp(name, "bus"))
    lua_pushstring(L, device->bus->name);
  else if (!strcmp(name, "part"))
    pl_rig_push_part(L, device->part);
  else if (!strcmp(name, "location"))
    lua_pushstring(L, device->part ? device->part->location : NULL);
  else
    return false;
  return true;
}

static int device_index(lua_State *L)
{
  const struct pl_rig_device *device = pl_rig_device_at(L, 1);
  const char *name = luaL_checkstring(L, 2);
  if (push_method(L, DEVICE_METHODS, name))
    return 1;
  if (!strcmp(name, "edge")) { /* with the edges' own metatable: edges.c */
    lua_getfield(L, LUA_REGISTRYINDEX, "pl.edge");
    return 1;
  }
  const struct pl_quantity *quantity = pl_shape_find(&device->shape, name);
  if (!quantity && device_attribute(L, device, name))
    return 1;
  if (quantity && (quantity->access & PL_ACT)) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)device);
    lua_pushlightuserdata(L, (void *)(uintptr_t)quantity);
    lua_pushcclosure(L, act, 2);
    return 1;
  }
  return pl_call_read(L, device, pl_call_quantity(L, device, name, PL_GET, "read"));
}

static int device_tostring(lua_State *L)
{
  char text[256];
  const struct pl_rig_device *device = pl_rig_device_at(L, 1);
  snprintf(text, sizeof text, "%s", device->name);
  if (device->part)
    pl_record_place(device, device->part, text, sizeof text);
  lua_pushstring(L, text);
  return 1;
}

/* --- parts --- */

/* What the interlock holds is there for nobody else. */
static bool is_at(const struct pl_rig_device *device, const struct pl_rig_part *part)
{
  return device->part == part && device->owner != PL_OWNER_INTERLOCK;
}

static const struct pl_rig_device *by_role(const struct pl_rig *rig, const struct pl_rig_part *part, const char *role)
{
  for (size_t i = 0; i < rig->n_devices; i++)
    if (is_at(&rig->devices[i], part) && rig->devices[i].role && pl_same_word(rig->devices[i].role, role))
      return &rig->devices[i];
  return NULL;
}

/* How much a device's word about its part counts: the bench's instruments, then what else the bench has, then the unit itself. */
static int trust(const struct pl_rig_device *device)
{
  bool instrument = device->role && (!strcmp(device->role, "monitor") || !strcmp(device->role, "flow-meter"));
  return device->owner == PL_OWNER_BENCH ? 1 + instrument : 0;
}

/* A quantity of the most trusted of the part's devices that can tell it. */
static const struct pl_rig_device *by_quantity(const struct pl_rig *rig, const struct pl_rig_part *part, const char *name)
{
  const struct pl_rig_device *found = NULL;
  for (size_t i = 0; i < rig->n_devices; i++) {
    const struct pl_rig_device *device = &rig->devices[i];
    const struct pl_quantity *quantity = is_at(device, part) ? pl_shape_find(&device->shape, name) : NULL;
    if (quantity && (quantity->access & PL_GET) && (!found || trust(device) > trust(found)))
      found = device;
  }
  return found;
}

static _Noreturn void fail_attribute(lua_State *L, const struct pl_rig *rig, const struct pl_rig_part *part, const char *name)
{
  const char *words[256];
  size_t count = 0, roles = 0, known;
  const struct pl_word *all = pl_rig_roles(&known);
  char list[256] = "", place[192];
  pl_record_place(NULL, part, place, sizeof place);
  for (size_t i = 0; i < rig->n_devices; i++)
    if (is_at(&rig->devices[i], part) && rig->devices[i].role && count < sizeof words / sizeof *words) {
      words[count++] = rig->devices[i].role;
      snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", roles++ ? ", " : "", rig->devices[i].role);
    }
  for (size_t i = 0; i < known; i++)
    if (pl_same_word(all[i].name, name))
      pl_raise_usage(L, "%s has no device with the role '%s' in this rig; it has %s", place, all[i].name, roles ? list : "none");
  for (size_t i = 0; i < rig->n_devices; i++)
    for (size_t q = 0; is_at(&rig->devices[i], part) && q < rig->devices[i].shape.count && count < sizeof words / sizeof *words; q++)
      words[count++] = rig->devices[i].shape.quantities[q].name;
  const char *close = pl_closest(name, words, count);
  if (close)
    pl_raise_usage(L, "%s has no '%s', did you mean '%s'?", place, name, close);
  pl_raise_usage(L, "%s has no '%s'; its devices: %s", place, name, roles ? list : "none");
}

static int part_has(lua_State *L)
{
  const struct pl_rig_part *part = pl_rig_part_at(L, 1);
  const struct pl_rig *rig = rig_of(L);
  const char *name = luaL_checkstring(L, 2);
  if (!part)
    pl_raise_usage(L, "write part:has(...) with a colon");
  lua_pushboolean(L, by_role(rig, part, name) || by_quantity(rig, part, name));
  return 1;
}

static int part_devices(lua_State *L)
{
  const struct pl_rig_part *part = pl_rig_part_at(L, 1);
  const struct pl_rig *rig = rig_of(L);
  lua_Integer n = 0;
  if (!part)
    pl_raise_usage(L, "write part:devices() with a colon");
  lua_newtable(L);
  for (size_t i = 0; i < rig->n_devices; i++)
    if (is_at(&rig->devices[i], part)) {
      pl_rig_push_device(L, &rig->devices[i]);
      lua_rawseti(L, -2, ++n);
    }
  return iterate(L);
}

/* What the rig file says that it stands on, in or under: valve:link("tray"). nil: the rig says no such thing. */
static int part_link(lua_State *L)
{
  const struct pl_rig_part *part = pl_rig_part_at(L, 1);
  const struct pl_rig *rig = rig_of(L);
  if (!part)
    pl_raise_usage(L, "write part:link(...) with a colon");
  const struct pl_node *node = pl_node_get(part->node, luaL_checkstring(L, 2));
  pl_rig_push_part(L, node && node->kind == PL_NODE_SCALAR ? pl_rig_part(rig, node->text) : NULL);
  return 1;
}

static const luaL_Reg PART_METHODS[] = {{"has", part_has}, {"devices", part_devices}, {"link", part_link}, {NULL, NULL}};

static int part_index(lua_State *L)
{
  const struct pl_rig_part *part = pl_rig_part_at(L, 1);
  const char *name = luaL_checkstring(L, 2);
  if (push_method(L, PART_METHODS, name))
    return 1;
  if (!strcmp(name, "name") || !strcmp(name, "kind") || !strcmp(name, "location")) {
    lua_pushstring(L, *name == 'n' ? part->name : *name == 'k' ? part->kind : part->location);
    return 1;
  }
  const struct pl_rig *rig = rig_of(L);
  const struct pl_rig_device *device = by_role(rig, part, name);
  if (device) {
    pl_rig_push_device(L, device);
    return 1;
  }
  device = by_quantity(rig, part, name);
  if (!device)
    fail_attribute(L, rig, part, name);
  return pl_call_read(L, device, pl_shape_find(&device->shape, name));
}

static int part_tostring(lua_State *L)
{
  char text[256];
  pl_record_place(NULL, pl_rig_part_at(L, 1), text, sizeof text);
  lua_pushstring(L, text);
  return 1;
}

/* --- the rig --- */

/* A kind that the rig has none of is an empty loop; one that does not exist is a mistake that would go unnoticed. */
static void check_kind(lua_State *L, const char *kind)
{
  const char *words[32];
  size_t count, n = 0;
  const struct pl_word *kinds = pl_rig_part_kinds(&count);
  for (; n < count && n < sizeof words / sizeof *words; n++) {
    words[n] = kinds[n].name;
    if (pl_same_word(kinds[n].name, kind))
      return;
  }
  const char *close = pl_closest(kind, words, n);
  pl_raise_usage(L, close ? "there is no kind of part '%s', did you mean '%s'?" : "there is no kind of part '%s'", kind, close);
}

static int rig_parts(lua_State *L)
{
  const struct pl_rig *rig = rig_of(L);
  const char *kind = lua_isnoneornil(L, 1) ? NULL : luaL_checkstring(L, 1);
  lua_Integer n = 0;
  if (kind)
    check_kind(L, kind);
  lua_newtable(L);
  for (size_t i = 0; i < rig->n_parts; i++)
    if (!kind || pl_same_word(rig->parts[i].kind, kind)) {
      pl_rig_push_part(L, &rig->parts[i]);
      lua_rawseti(L, -2, ++n);
    }
  return iterate(L);
}

static int rig_devices(lua_State *L)
{
  const struct pl_rig *rig = rig_of(L);
  lua_Integer n = 0;
  lua_createtable(L, (int)rig->n_devices, 0);
  for (size_t i = 0; i < rig->n_devices; i++)
    if (is_at(&rig->devices[i], rig->devices[i].part)) {
      pl_rig_push_device(L, &rig->devices[i]);
      lua_rawseti(L, -2, ++n);
    }
  return iterate(L);
}

static int rig_device(lua_State *L)
{
  const struct pl_rig *rig = rig_of(L);
  const char *words[256], *name = luaL_checkstring(L, 1);
  const struct pl_rig_device *device = pl_rig_device(rig, name);
  if (device) {
    pl_rig_push_device(L, device);
    return 1;
  }
  size_t count = 0;
  for (; count < rig->n_devices && count < sizeof words / sizeof *words; count++)
    words[count] = rig->devices[count].name;
  const char *close = pl_closest(name, words, count);
  pl_raise_usage(L, close ? "the rig has no device '%s', did you mean '%s'?" : "the rig has no device '%s'", name, close);
}

static int rig_part(lua_State *L)
{
  const struct pl_rig *rig = rig_of(L);
  const char *words[256], *name = luaL_checkstring(L, 1);
  const struct pl_rig_part *part = pl_rig_part(rig, name);
  if (part) {
    pl_rig_push_part(L, part);
    return 1;
  }
  size_t count = 0;
  for (; count < rig->n_parts && count < sizeof words / sizeof *words; count++)
    words[count] = rig->parts[count].name;
  const char *close = pl_closest(name, words, count);
  pl_raise_usage(L, close ? "the rig has no part '%s', did you mean '%s'?" : "the rig has no part '%s'", name, close);
}

static const luaL_Reg RIG_METHODS[] = {{"parts", rig_parts}, {"devices", rig_devices}, {"device", rig_device}, {"part", rig_part}, {NULL, NULL}};

static int rig_index(lua_State *L)
{
  const struct pl_rig *rig = rig_of(L);
  const struct pl_meta *bound = pl_task_of(L)->vm->bound;
  const char *name = luaL_checkstring(L, 2), *words[64];
  size_t count = 0;
  if (push_method(L, RIG_METHODS, name))
    return 1;
  for (size_t i = 0; i < bound->n_settings; i++) {
    const struct pl_setting *setting = &bound->settings[i];
    if (setting->kind != PL_SETTING_NEED)
      continue;
    if (!strcmp(setting->name, name)) {
      pl_rig_push_part(L, setting->part);
      return 1;
    }
    if (count < sizeof words / sizeof *words)
      words[count++] = setting->name;
  }
  if (!strcmp(name, "name")) {
    lua_pushstring(L, rig->name);
    return 1;
  }
  if (!strcmp(name, "is_virtual")) {
    const struct pl_run *run = pl_task_of(L)->vm->run;
    lua_pushboolean(L, pl_run_has_rack(run) && (run->cfg->rehearsal || pl_bench_all_virtual(run->bench)));
    return 1;
  }
  const char *close = pl_closest(name, words, count);
  if (close)
    pl_raise_usage(L, "the sequence needs no '%s', did you mean rig.%s?", name, close);
  pl_raise_usage(L, "the sequence needs no '%s': name it in `needs = { %s = \"part kind\" }`", name, name);
}

static int read_only(lua_State *L)
{
  pl_raise_usage(L, "a value of the rig is set with device:set{ %s = ... }", lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "quantity");
}

static void make_type(lua_State *L, const char *type, lua_CFunction index, lua_CFunction tostring)
{
  luaL_newmetatable(L, type);
  lua_pushcfunction(L, index);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, read_only);
  lua_setfield(L, -2, "__newindex");
  if (tostring) {
    lua_pushcfunction(L, tostring);
    lua_setfield(L, -2, "__tostring");
  }
  lua_pop(L, 1);
}

static int rig_tostring(lua_State *L)
{
  lua_pushstring(L, rig_of(L)->name);
  return 1;
}

void pl_rig_register(lua_State *L)
{
  make_type(L, PART, part_index, part_tostring);
  make_type(L, DEVICE, device_index, device_tostring);
  make_type(L, RIG, rig_index, rig_tostring);
  lua_newuserdatauv(L, 0, 0);
  luaL_setmetatable(L, RIG);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, "pl.rig");
  lua_setfield(L, -2, "rig");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Values with a dimension in Lua: constructors by unit, arithmetic and comparison that refuse to mix dimensions. */
#include "host/engine/amount.h"
#include "host/engine/failure.h"

#include <ctype.h>
#include <lauxlib.h>
#include <math.h>

#define AMOUNT "amount"

struct pl_amount *pl_amount_push(lua_State *L, enum pl_dim dim, int64_t value_u)
{
  struct pl_amount *amount = lua_newuserdatauv(L, sizeof *amount, 0);
  *amount = (struct pl_amount){.value_u = value_u, .dim = dim};
  luaL_setmetatable(L, AMOUNT);
  return amount;
}

static void push_plain(lua_State *L, int64_t value_u)
{
  if (value_u % PL_U == 0)
    lua_pushinteger(L, value_u / PL_U);
  else
    lua_pushnumber(L, (double)value_u / 1e6);
}

void pl_amount_push_reading(lua_State *L, const struct pl_reading *reading, const struct pl_rig_device *device, const struct pl_quantity *quantity)
{
  if (reading->dim == PL_DIM_FLAG) {
    lua_pushboolean(L, reading->value_u != 0);
  } else if (reading->dim == PL_DIM_NONE) {
    push_plain(L, reading->value_u);
  } else {
    struct pl_amount *amount = pl_amount_push(L, reading->dim, reading->value_u);
    amount->device = device;
    amount->quantity = quantity;
  }
}

const struct pl_amount *pl_amount_at(lua_State *L, int index)
{
  return luaL_testudata(L, index, AMOUNT);
}

const char *pl_amount_kind(lua_State *L, int index)
{
  const struct pl_amount *amount = pl_amount_at(L, index);
  if (amount)
    return pl_dim_name(amount->dim);
  switch (lua_type(L, index)) {
  case LUA_TNONE:
  case LUA_TNIL: return "nothing (nil)";
  case LUA_TNUMBER: return "a plain number";
  case LUA_TSTRING: return "a text";
  case LUA_TBOOLEAN: return "a flag (true or false)";
  case LUA_TFUNCTION: return "a function";
  case LUA_TTABLE: return "a table";
  default: return "a part or device";
  }
}

/* How an operand is called in "kPa compared with V". */
static const char *operand(lua_State *L, int index)
{
  const struct pl_amount *amount = pl_amount_at(L, index);
  return amount ? pl_unit_for_display(amount->dim, amount->value_u)->name : pl_amount_kind(L, index);
}

int64_t pl_amount_want(lua_State *L, int index, enum pl_dim dim, const char *what)
{
  const struct pl_amount *amount = pl_amount_at(L, index);
  const struct pl_unit *unit = pl_unit_for_display(dim, PL_U);
  if (!amount)
    pl_raise_usage(L, "%s is %s, expected %s such as %s(5)", what, pl_amount_kind(L, index), pl_dim_name(dim), unit->plural);
  if (amount->dim != dim)
    pl_raise_usage(L, "%s is in %s, expected %s such as %s(5)", what, operand(L, index), pl_dim_name(dim), unit->plural);
  return amount->value_u;
}

static int64_t checked(lua_State *L, double value_u)
{
  if (!(fabs(value_u) < 0x1p62))
    pl_raise_usage(L, "the result of a calculation with a unit is out of range or not a number");
  return llround(value_u);
}

/* --- arithmetic --- */

static int add_or_subtract(lua_State *L, int sign, const char *verb)
{
  const struct pl_amount *a = pl_amount_at(L, 1), *b = pl_amount_at(L, 2);
  if (!a || !b || a->dim != b->dim)
    pl_raise_usage(L, "%s %s %s", operand(L, sign > 0 ? 1 : 2), verb, operand(L, sign > 0 ? 2 : 1));
  int64_t sum;
  if (sign > 0 ? __builtin_add_overflow(a->value_u, b->value_u, &sum) : __builtin_sub_overflow(a->value_u, b->value_u, &sum))
    pl_raise_usage(L, "the result of a calculation with a unit is out of range");
  pl_amount_push(L, a->dim, sum);
  return 1;
}

static int meta_add(lua_State *L)
{
  return add_or_subtract(L, 1, "added to");
}

static int meta_sub(lua_State *L)
{
  return add_or_subtract(L, -1, "subtracted from");
}

static const struct {
  enum pl_dim a, b, product;
} PRODUCTS[] = {
    {PL_DIM_VOLTAGE, PL_DIM_CURRENT, PL_DIM_POWER},
    {PL_DIM_CURRENT, PL_DIM_RESISTANCE, PL_DIM_VOLTAGE},
    {PL_DIM_POWER, PL_DIM_TIME, PL_DIM_ENERGY},
};
#define N_PRODUCTS (sizeof PRODUCTS / sizeof PRODUCTS[0])

static int meta_mul(lua_State *L)
{
  const struct pl_amount *a = pl_amount_at(L, 1), *b = pl_amount_at(L, 2);
  if (a && b) {
    if (a->dim == PL_DIM_RATIO || b->dim == PL_DIM_RATIO) { /* a share of something */
      pl_amount_push(L, a->dim == PL_DIM_RATIO ? b->dim : a->dim, checked(L, (double)a->value_u * (double)b->value_u / (100 * 1e6)));
      return 1;
    }
    for (size_t i = 0; i < N_PRODUCTS; i++)
      if ((a->dim == PRODUCTS[i].a && b->dim == PRODUCTS[i].b) || (a->dim == PRODUCTS[i].b && b->dim == PRODUCTS[i].a)) {
        pl_amount_push(L, PRODUCTS[i].product, checked(L, (double)a->value_u * (double)b->value_u / 1e6));
        return 1;
      }
    pl_raise_usage(L, "%s multiplied by %s", operand(L, 1), operand(L, 2));
  }
  if (lua_type(L, a ? 2 : 1) != LUA_TNUMBER)
    pl_raise_usage(L, "%s multiplied by %s", operand(L, 1), operand(L, 2));
  double factor = lua_tonumber(L, a ? 2 : 1);
  if (!a)
    a = b;
  pl_amount_push(L, a->dim, checked(L, (double)a->value_u * factor));
  return 1;
}

static int meta_div(lua_State *L)
{
  const struct pl_amount *a = pl_amount_at(L, 1), *b = pl_amount_at(L, 2);
  if (a && b) {
    double quotient = (double)a->value_u / (double)b->value_u;
    if (a->dim == b->dim) {
      lua_pushnumber(L, quotient);
      return 1;
    }
    for (size_t i = 0; i < N_PRODUCTS; i++)
      if (a->dim == PRODUCTS[i].product && (b->dim == PRODUCTS[i].a || b->dim == PRODUCTS[i].b)) {
        pl_amount_push(L, b->dim == PRODUCTS[i].a ? PRODUCTS[i].b : PRODUCTS[i].a, checked(L, quotient * 1e6));
        return 1;
      }
  }
  if (!a || lua_type(L, 2) != LUA_TNUMBER)
    pl_raise_usage(L, "%s divided by %s", operand(L, 1), operand(L, 2));
  pl_amount_push(L, a->dim, checked(L, (double)a->value_u / lua_tonumber(L, 2)));
  return 1;
}

static int meta_unm(lua_State *L)
{
  const struct pl_amount *a = pl_amount_at(L, 1);
  pl_amount_push(L, a->dim, -a->value_u);
  return 1;
}

/* Smaller, same or greater: -1, 0, 1. */
static int compare(lua_State *L)
{
  const struct pl_amount *a = pl_amount_at(L, 1), *b = pl_amount_at(L, 2);
  if (!a || !b) {
    const struct pl_amount *have = a ? a : b;
    pl_raise_usage(L, "%s compared with %s; give it a unit, as %s(...)", operand(L, 1), operand(L, 2), pl_unit_for_display(have->dim, have->value_u)->plural);
  }
  if (a->dim != b->dim)
    pl_raise_usage(L, "%s compared with %s", operand(L, 1), operand(L, 2));
  return (a->value_u > b->value_u) - (a->value_u < b->value_u);
}

static int meta_lt(lua_State *L)
{
  lua_pushboolean(L, compare(L) < 0);
  return 1;
}

static int meta_le(lua_State *L)
{
  lua_pushboolean(L, compare(L) <= 0);
  return 1;
}

static int meta_eq(lua_State *L)
{
  lua_pushboolean(L, compare(L) == 0);
  return 1;
}

static int meta_tostring(lua_State *L)
{
  const struct pl_amount *a = pl_amount_at(L, 1);
  char text[64];
  lua_pushstring(L, pl_quantity_format(a->dim, a->value_u, text, sizeof text));
  return 1;
}

static int meta_concat(lua_State *L)
{
  luaL_tolstring(L, 1, NULL);
  luaL_tolstring(L, 2, NULL);
  lua_concat(L, 2);
  return 1;
}

static const luaL_Reg METHODS[] = {
    {"__add", meta_add}, {"__sub", meta_sub}, {"__mul", meta_mul},           {"__div", meta_div},       {"__unm", meta_unm}, {"__lt", meta_lt},
    {"__le", meta_le},   {"__eq", meta_eq},   {"__tostring", meta_tostring}, {"__concat", meta_concat}, {NULL, NULL},
};

/* --- constructors --- */

static int construct(lua_State *L)
{
  const struct pl_unit *unit = lua_touserdata(L, lua_upvalueindex(1));
  struct pl_err err = {0};
  int64_t value_u;
  if (lua_type(L, 1) != LUA_TNUMBER)
    pl_raise_usage(L, "%s(...) needs a plain number, got %s", unit->plural, pl_amount_kind(L, 1));
  if (pl_unit_to_u(unit, lua_tonumber(L, 1), &value_u, &err))
    pl_raise_usage(L, "%s", err.text);
  pl_amount_push(L, unit->dim, value_u);
  return 1;
}

static void push_constructor(lua_State *L, const struct pl_unit *unit)
{
  lua_pushlightuserdata(L, (void *)(uintptr_t)unit);
  lua_pushcclosure(L, construct, 1);
}

bool pl_amount_push_constructor(lua_State *L, const char *name)
{
  const struct pl_unit *unit = pl_unit_find(name);
  if (!unit || unit->dim == PL_DIM_NONE)
    return false;
  push_constructor(L, unit);
  return true;
}

/* number(value, "mV"): out of the world of units. */
static int number(lua_State *L)
{
  const struct pl_amount *amount = pl_amount_at(L, 1);
  if (!amount && lua_type(L, 1) == LUA_TNUMBER) {
    lua_settop(L, 1);
    return 1;
  }
  if (!amount)
    pl_raise_usage(L, "number(...) needs a value with a unit, got %s", pl_amount_kind(L, 1));
  const struct pl_unit *shown = pl_unit_for_display(amount->dim, amount->value_u);
  const struct pl_unit *unit = lua_type(L, 2) == LUA_TSTRING ? pl_unit_find(lua_tostring(L, 2)) : NULL;
  if (!unit)
    pl_raise_usage(L, "number(value, unit) needs the unit of the number, such as \"%s\"", shown->name);
  if (unit->dim != amount->dim)
    pl_raise_usage(L, "number(...): %s cannot be told in %s", pl_dim_name(amount->dim), unit->name);
  lua_pushnumber(L, pl_unit_from_u(unit, amount->value_u));
  return 1;
}

static int absolute(lua_State *L)
{
  const struct pl_amount *amount = pl_amount_at(L, 1);
  if (amount)
    pl_amount_push(L, amount->dim, amount->value_u < 0 ? -amount->value_u : amount->value_u);
  else if (lua_type(L, 1) == LUA_TNUMBER)
    lua_pushnumber(L, fabs(lua_tonumber(L, 1)));
  else
    pl_raise_usage(L, "abs(...) needs a value, got %s", pl_amount_kind(L, 1));
  return 1;
}

static int pick(lua_State *L, bool highest)
{
  int best = 1;
  luaL_checkany(L, 1);
  for (int i = 2; i <= lua_gettop(L); i++)
    if (highest ? lua_compare(L, best, i, LUA_OPLT) : lua_compare(L, i, best, LUA_OPLT))
      best = i;
  lua_pushvalue(L, best);
  return 1;
}

static int lowest(lua_State *L)
{
  return pick(L, false);
}

static int highest(lua_State *L)
{
  return pick(L, true);
}

static bool is_identifier(const char *name)
{
  for (const char *c = name; *c; c++)
    if (!isalnum((unsigned char)*c) && *c != '_')
      return false;
  return *name && !isdigit((unsigned char)*name);
}

void pl_amount_register(lua_State *L)
{
  static const luaL_Reg FUNCTIONS[] = {{"number", number}, {"abs", absolute}, {"lowest", lowest}, {"highest", highest}, {NULL, NULL}};
  size_t count;
  const struct pl_unit *units = pl_units(&count);
  luaL_newmetatable(L, AMOUNT);
  luaL_setfuncs(L, METHODS, 0);
  lua_pop(L, 1);
  for (size_t i = 0; i < count; i++) {
    if (units[i].dim == PL_DIM_NONE)
      continue;
    const char *names[] = {units[i].name, units[i].plural};
    for (int n = 0; n < 2; n++)
      if (is_identifier(names[n])) {
        push_constructor(L, &units[i]);
        lua_setfield(L, -2, names[n]);
      }
  }
  luaL_setfuncs(L, FUNCTIONS, 0);
}

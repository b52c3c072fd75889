/* SPDX-License-Identifier: Apache-2.0 */
/* What remains of Lua's own library: no files, no programs, no bytecode, nothing that would tell one run from the next. */
#include "host/engine/run.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

#define PATTERN_STEPS_MAX 1e8 /* about a second of backtracking in the worst case, which no hook can interrupt */
#define COMPARED_AT_ONCE 64   /* bytes of plain text, in the time of such a step */

/* pcall lets through what must end the step: deadlines, aborts, endless loops, exhausted memory. */
static int pcall_ended(lua_State *L, int status, lua_KContext extra)
{
  if (status == LUA_OK || status == LUA_YIELD)
    return lua_gettop(L) - (int)extra;
  if (status == LUA_ERRMEM) {
    struct pl_failure failure;
    pl_task_of(L)->must_end = true;
    pl_failure_from(L, status, &failure);
    pl_raise(L, &failure);
  }
  if (pl_task_of(L)->must_end)
    return lua_error(L);
  lua_pushboolean(L, 0);
  lua_pushvalue(L, -2);
  return 2;
}

static int pcall(lua_State *L)
{
  luaL_checkany(L, 1);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  return pcall_ended(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, pcall_ended), 0);
}

/* Lua writes the address of a table or function, which differs from run to run. */
static bool has_address(lua_State *L, int index)
{
  int type = lua_type(L, index);
  return (type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TTHREAD) && !luaL_getmetafield(L, index, "__tostring");
}

static int to_string(lua_State *L)
{
  luaL_checkany(L, 1);
  if (has_address(L, 1))
    lua_pushstring(L, luaL_typename(L, 1));
  else
    luaL_tolstring(L, 1, NULL);
  return 1;
}

static int print(lua_State *L)
{
  struct pl_task *task = pl_task_of(L);
  luaL_Buffer line;
  int n = lua_gettop(L);
  luaL_buffinit(L, &line);
  for (int i = 1; i <= n; i++) {
    if (i > 1)
      luaL_addchar(&line, '\t');
    if (has_address(L, i))
      lua_pushstring(L, luaL_typename(L, i));
    else
      luaL_tolstring(L, i, NULL);
    luaL_addvalue(&line);
  }
  luaL_pushresult(&line);
  if (task->vm->run)
    pl_journal_log(task->vm->run->journal, task->scope ? task->scope->id : -1, "INFO", lua_tostring(L, -1));
  return 0;
}

static int format(lua_State *L)
{
  int n = lua_gettop(L);
  for (const char *c = luaL_checkstring(L, 1); *c; c++)
    if (*c == '%' && (c += strspn(c + 1, "-+ #0123456789.") + 1, *c == 'p'))
      pl_raise_usage(L, "string.format: %%p is not for sequences");
    else if (!*c)
      break;
  for (int i = 2; i <= n; i++)
    if (has_address(L, i)) {
      lua_pushstring(L, luaL_typename(L, i));
      lua_replace(L, i);
    }
  lua_settop(L, n);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, n, 1);
  return 1;
}

/* What may be tried with more than one length: * + - ?, and also %b, which looks for its end from every place, and %1, which compares as it goes. */
static int repeats(const char *pattern, size_t size)
{
  int count = 0;
  bool in_set = false;
  for (size_t i = 0; i < size; i++) {
    if (pattern[i] == '%' && i + 1 < size)
      count += !in_set && (pattern[i + 1] == 'b' || (pattern[i + 1] >= '1' && pattern[i + 1] <= '9'));
    if (pattern[i] == '%')
      i++;
    else if (pattern[i] == '[')
      in_set = true;
    else if (pattern[i] == ']')
      in_set = false;
    else if (!in_set && i && strchr("*+-?", pattern[i]))
      count++;
  }
  return count;
}

/* find, match, gmatch, gsub: a pattern of k repeats on n characters may take about (n+k over k) steps from each of them, one of none its length. */
static int matcher(lua_State *L)
{
  enum { FIND, GMATCH = 2 };
  size_t n, size;
  lua_Integer which = lua_tointeger(L, lua_upvalueindex(2));
  luaL_checklstring(L, 1, &n);
  const char *pattern = luaL_checklstring(L, 2, &size);
  bool plain = !lua_isnoneornil(L, 4) && lua_toboolean(L, 4) && which == FIND; /* only it takes `plain` */
  int k = plain ? 0 : repeats(pattern, size);
  bool anchored = !plain && pattern[0] == '^' && which != GMATCH;
  double steps = anchored ? 1 : (double)n + 1;
  if (!k && !anchored)
    steps *= plain ? (double)size / COMPARED_AT_ONCE : (double)size;
  for (int i = 1; i <= k && steps < 1e300; i++)
    steps *= ((double)n + i) / i;
  if (steps > PATTERN_STEPS_MAX)
    pl_raise_usage(L, "the pattern \"%.40s\" could take too long on a text of %zu characters: use fewer repeats (* + - ?), a ^ in front, or shorter text", pattern, n);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* rep("", 2^62) would run in C, where no hook sees it. */
static int repeat(lua_State *L)
{
  size_t size;
  luaL_checklstring(L, 1, &size);
  lua_Integer n = luaL_checkinteger(L, 2);
  if (n > (lua_Integer)PL_VM_MEMORY_MIB << 20)
    pl_raise_usage(L, "string.rep: %lld times is more than the sequence's memory holds", (long long)n);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

static void limit_strings(lua_State *L)
{
  static const char *const MATCHERS[] = {"find", "match", "gmatch", "gsub"};
  lua_getglobal(L, "string");
  for (size_t i = 0; i < sizeof MATCHERS / sizeof *MATCHERS; i++) {
    lua_getfield(L, -1, MATCHERS[i]);
    lua_pushinteger(L, (lua_Integer)i);
    lua_pushcclosure(L, matcher, 2);
    lua_setfield(L, -2, MATCHERS[i]);
  }
  lua_getfield(L, -1, "format");
  lua_pushcclosure(L, format, 1);
  lua_setfield(L, -2, "format");
  lua_getfield(L, -1, "rep");
  lua_pushcclosure(L, repeat, 1);
  lua_setfield(L, -2, "rep");
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");
  lua_pop(L, 1);
  lua_getglobal(L, "table"); /* table.move with huge bounds would run in C for ever */
  lua_pushnil(L);
  lua_setfield(L, -2, "move");
  lua_pop(L, 1);
}

void pl_sandbox_register(lua_State *L)
{
  static const char *const KEPT[] = {"assert", "error", "ipairs", "select", "tonumber", "type", "string", "table", "math", "rawequal", "rawlen"};
  static const luaL_Reg OWN[] = {{"pcall", pcall}, {"tostring", to_string}, {"print", print}, {NULL, NULL}};
  limit_strings(L);
  lua_getglobal(L, "math");
  lua_getfield(L, -1, "randomseed");
  lua_setfield(L, LUA_REGISTRYINDEX, PL_VM_SEED);
  lua_pushnil(L);
  lua_setfield(L, -2, "randomseed");
  lua_pop(L, 1);
  for (size_t i = 0; i < sizeof KEPT / sizeof *KEPT; i++) {
    lua_getglobal(L, KEPT[i]);
    lua_setfield(L, -2, KEPT[i]);
  }
  luaL_setfuncs(L, OWN, 0);
}

void pl_options_check(lua_State *L, int index, const char *verb, const char *const *words)
{
  size_t count = 0;
  if (lua_isnoneornil(L, index))
    return;
  if (lua_type(L, index) != LUA_TTABLE)
    pl_raise_usage(L, "%s: its options are %s, expected { ... }", verb, pl_amount_kind(L, index));
  while (words[count])
    count++;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    size_t i = 0;
    while (i < count && strcmp(words[i], key))
      i++;
    if (i < count)
      continue;
    const char *close = pl_closest(key, words, count);
    if (close)
      pl_raise_usage(L, "%s has no option '%s', did you mean '%s'?", verb, key, close);
    char list[256] = "";
    for (i = 0; i < count; i++)
      snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", words[i]);
    pl_raise_usage(L, "%s has no option '%s'; it has %s", verb, key, list);
  }
}

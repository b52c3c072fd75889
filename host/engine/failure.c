/* SPDX-License-Identifier: Apache-2.0 */
#include "host/engine/failure.h"

#include "host/engine/vm.h"

#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

#define FAILURE "failure"

int pl_raise(lua_State *L, const struct pl_failure *failure)
{
  struct pl_failure *raised = lua_newuserdatauv(L, sizeof *raised, 0);
  *raised = *failure;
  luaL_setmetatable(L, FAILURE);
  if (!raised->line)
    raised->line = pl_vm_line(L);
  lua_error(L);
  __builtin_unreachable();
}

int pl_raise_usage(lua_State *L, const char *format, ...)
{
  struct pl_failure failure = {.kind = PL_FAILURE_USAGE, .status = PL_E_USAGE, .line = pl_vm_line(L), .verdict = "sequence-error"};
  va_list args;
  va_start(args, format);
  size_t used = 0;
  const char *path = pl_vm_path(L);
  if (failure.line > 0)
    used = (size_t)snprintf(failure.text, sizeof failure.text, "%s:%d: ", path, failure.line);
  if (used < sizeof failure.text)
    vsnprintf(failure.text + used, sizeof failure.text - used, format, args);
  va_end(args);
  pl_raise(L, &failure);
}

const struct pl_failure *pl_failure_at(lua_State *L, int index)
{
  return luaL_testudata(L, index, FAILURE);
}

void pl_failure_from(lua_State *L, int lua_status, struct pl_failure *failure)
{
  const struct pl_failure *raised = lua_status == LUA_ERRMEM || lua_gettop(L) == 0 ? NULL : pl_failure_at(L, -1);
  if (raised) {
    *failure = *raised;
    return;
  }
  *failure = (struct pl_failure){.kind = PL_FAILURE_USAGE, .status = PL_E_USAGE, .line = pl_vm_line(L), .verdict = "sequence-error"};
  if (lua_status == LUA_ERRMEM) {
    snprintf(failure->verdict, sizeof failure->verdict, "out-of-memory");
    size_t used = failure->line > 0 ? (size_t)snprintf(failure->text, sizeof failure->text, "%s:%d: ", pl_vm_path(L), failure->line) : 0;
    if (used < sizeof failure->text)
      snprintf(failure->text + used, sizeof failure->text - used, "out of memory (limit %d MiB)", PL_VM_MEMORY_MIB);
  } else if (lua_gettop(L) > 0 && lua_type(L, -1) == LUA_TSTRING) {
    snprintf(failure->text, sizeof failure->text, "%s", lua_tostring(L, -1));
  } else {
    snprintf(failure->text, sizeof failure->text, "%s:%d: an error that is no text was raised", pl_vm_path(L), failure->line);
  }
}

static int to_string(lua_State *L)
{
  const struct pl_failure *failure = pl_failure_at(L, 1);
  lua_pushstring(L, failure->text);
  return 1;
}

void pl_failure_register(lua_State *L)
{
  luaL_newmetatable(L, FAILURE);
  lua_pushcfunction(L, to_string);
  lua_setfield(L, -2, "__tostring");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

void pl_slug(const char *name, const char *suffix, char *out, size_t size)
{
  size_t room = size - strlen(suffix) - 1, used = 0;
  for (const char *c = name; *c && used < room; c++) {
    if (isalnum((unsigned char)*c))
      out[used++] = (char)tolower((unsigned char)*c);
    else if (used && out[used - 1] != '-')
      out[used++] = '-';
  }
  while (used && out[used - 1] == '-')
    used--;
  snprintf(out + used, size - used, "%s", suffix);
}

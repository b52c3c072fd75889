/* SPDX-License-Identifier: Apache-2.0 */
/* What a stack answers as Lua values; null is nil. */
#include "host/engine/lua_stack.h"

#include <lauxlib.h>
#include <math.h>

static void push_number(lua_State *L, const struct pl_json_node *node)
{
  bool whole = !memchr(node->text, '.', node->len) && !memchr(node->text, 'e', node->len) && !memchr(node->text, 'E', node->len);
  if (whole && fabs(node->number) < 0x1p53)
    lua_pushinteger(L, (lua_Integer)node->number);
  else
    lua_pushnumber(L, node->number);
}

void pl_stack_push_json(lua_State *L, const struct pl_json_node *node)
{
  luaL_checkstack(L, 4, "an answer is nested too deep");
  lua_Integer n = 0;
  switch (node->kind) {
  case PL_JSON_NULL: lua_pushnil(L); break;
  case PL_JSON_FALSE:
  case PL_JSON_TRUE: lua_pushboolean(L, node->kind == PL_JSON_TRUE); break;
  case PL_JSON_NUMBER: push_number(L, node); break;
  case PL_JSON_STRING: lua_pushlstring(L, node->text, node->len); break;
  case PL_JSON_OBJECT:
    lua_createtable(L, 0, (int)node->count);
    for (const struct pl_json_node *each = pl_json_first(node); each; each = pl_json_next(each)) {
      lua_pushlstring(L, each->key, each->key_len);
      pl_stack_push_json(L, each);
      lua_rawset(L, -3);
    }
    break;
  case PL_JSON_ARRAY:
    lua_createtable(L, (int)node->count, 0);
    for (const struct pl_json_node *each = pl_json_first(node); each; each = pl_json_next(each)) {
      pl_stack_push_json(L, each);
      lua_rawseti(L, -2, ++n);
    }
    break;
  }
}

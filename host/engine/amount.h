/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_ENGINE_AMOUNT_H
#define PL_ENGINE_AMOUNT_H

#include "drivers/rig/rig.h"

#include <lua.h>

/* A value with its dimension as sequences see it (userdata), and where it was read when it came from a device. */
struct pl_amount {
  int64_t value_u;
  enum pl_dim dim;
  const struct pl_rig_device *device; /* NULL: computed */
  const struct pl_quantity *quantity;
};

struct pl_amount *pl_amount_push(lua_State *L, enum pl_dim dim, int64_t value_u);
/* Flags become booleans and plain numbers Lua numbers; the rest amounts. */
void pl_amount_push_reading(lua_State *L, const struct pl_reading *reading, const struct pl_rig_device *device, const struct pl_quantity *quantity);
const struct pl_amount *pl_amount_at(lua_State *L, int index); /* NULL when it is something else */
/* Argument `index` (or a table's field that was pushed there) as an amount of `dim`; raises a sequence error that names `what`. */
int64_t pl_amount_want(lua_State *L, int index, enum pl_dim dim, const char *what);
/* "voltage", "a plain number", "a boolean", ... for messages. */
const char *pl_amount_kind(lua_State *L, int index);
/* Unit constructors by name and plural, number(): into the table on top of the stack. */
void pl_amount_register(lua_State *L);
/* A constructor for another spelling of a unit ("liters_per_minute", "LPM"); pushes it and returns true when there is such a unit. */
bool pl_amount_push_constructor(lua_State *L, const char *name);

#endif

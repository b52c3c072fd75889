/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_ENGINE_LUA_STACK_H
#define PL_ENGINE_LUA_STACK_H

#include "host/engine/run.h"
#include "host/journal/json.h"
#include "host/stack/client.h"

/* The control stack as sequences see it. The verbs are Lua (lua_stack_prelude.c) on the primitives of lua_stack.c. */
void pl_stack_push_json(lua_State *L, const struct pl_json_node *node);
/* lua_stack_record.c: what was asked and said, in the journal; the same answer to the same question once, however often it is polled. */
void pl_stack_record_ask(struct pl_run *run, int step, const char *method, const char *body, const struct pl_ask *ask);
void pl_stack_record_event(struct pl_run *run, const struct pl_client_event *event);
void pl_stack_record_free(struct pl_run *run);
/* The globals that it brings; NULL-terminated. Few sequences ask a control stack, so it is loaded when one of them is first named. 0 or Lua's status, its message on the stack. */
extern const char *const pl_stack_words[];
int pl_stack_prelude(lua_State *L, int (*load)(lua_State *L, const char *text, size_t size));
int pl_workloads_prelude(lua_State *L, int (*load)(lua_State *L, const char *text, size_t size)); /* the last of it */

#endif

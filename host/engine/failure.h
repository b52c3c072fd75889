/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_ENGINE_FAILURE_H
#define PL_ENGINE_FAILURE_H

#include "drivers/rig/rig.h"

#include <lua.h>

/* Why a step stopped. Travels through Lua as an error value. */
enum pl_failure_kind {
  PL_FAILURE_NONE,
  PL_FAILURE_UNIT,  /* a finding about the unit under test */
  PL_FAILURE_ERROR, /* equipment or software trouble */
  PL_FAILURE_USAGE, /* the sequence is wrong */
  PL_FAILURE_ABORT, /* a signal, the operator */
};

struct pl_failure {
  enum pl_failure_kind kind;
  enum pl_status status;
  bool reported; /* the journal has it already */
  const struct pl_rig_device *device;
  const struct pl_rig_part *part;
  const char *subcomponent; /* a quantity's name */
  int line;
  char verdict[80];  /* UNIT: the diagnosis; else the error's symptom */
  char action[160];
  char text[PL_ERR_TEXT_MAX];
};

/* Raises; fills line. The text of a USAGE failure gets "file:line: " in front. */
int pl_raise(lua_State *L, const struct pl_failure *failure) __attribute__((noreturn));
int pl_raise_usage(lua_State *L, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));
/* The error value on top of the stack of L as a failure: one of ours, or Lua's own (a sequence error). */
void pl_failure_from(lua_State *L, int lua_status, struct pl_failure *failure);
const struct pl_failure *pl_failure_at(lua_State *L, int index); /* NULL when the value is none */
void pl_failure_register(lua_State *L);
/* "Power good follows enable" -> "power-good-follows-enable" + suffix. */
void pl_slug(const char *name, const char *suffix, char *out, size_t size);

#endif

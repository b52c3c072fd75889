/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_ENGINE_VM_H
#define PL_ENGINE_VM_H

#include "host/engine/amount.h"
#include "host/engine/engine.h"

/*
 * One Lua state with its limits, and what the sequence declared in it. The same file is loaded into a fresh state for every run, so a
 * rehearsal leaves nothing behind for the run that follows.
 */
#define PL_VM_MEMORY_MIB 64
#define PL_VM_RESERVE_MIB 8 /* above the limit: for the engine, half of it for teardowns */
#define PL_VM_CPU_NS PL_S          /* of pure Lua between two waits */
#define PL_VM_GLOBALS "pl.globals" /* names in Lua's registry */
#define PL_VM_CORE "pl.core"
#define PL_VM_SEED "pl.seed"
#define PL_STEP_TIME (60 * PL_S)   /* a step's time unless it says otherwise */
#define PL_TEARDOWN_TIME (10 * PL_S) /* of a teardown after an abort */

struct pl_task;
struct pl_run;

enum pl_scope_kind { PL_SCOPE_RUN, PL_SCOPE_STEP, PL_SCOPE_GROUP, PL_SCOPE_SETUP, PL_SCOPE_TEARDOWN, PL_SCOPE_BRANCH };

struct pl_decl { /* a step, group, setup or teardown as declared */
  enum pl_scope_kind kind;
  int body, setup, teardown; /* references into the registry; LUA_NOREF: none */
  pl_time_ns timeout;        /* 0: the kind's own */
  int retry;                 /* how many times more */
  bool go_on;                /* the rest goes on when it was stopped by a finding */
  int line;
  struct pl_decl *next;
  char name[];
};

struct pl_invariant {
  int body;
  pl_time_ns every;
  bool go_on;
  int line;
  char action[128];
  struct pl_task *task;
  int broken_in; /* journal's id of the step in which it was last found broken */
  struct pl_invariant *next;
  char name[];
};

struct pl_setting { /* a need or parameter, as declared or as bound */
  char *name;
  char *text;   /* need: part kind; text parameter: its value */
  enum { PL_SETTING_NEED, PL_SETTING_TEXT, PL_SETTING_AMOUNT } kind;
  enum pl_dim dim;
  int64_t value_u;
  char *preferred; /* need: the part that the sequence itself prefers (a parameter of the same name); may be NULL */
  const struct pl_rig_part *part; /* need: bound */
};

struct pl_meta { /* what `sequence` said, and the file's own list */
  char *name, *about, *version;
  struct pl_setting *settings; /* sorted by name */
  size_t n_settings;
  bool no_roll_call; /* the sequence itself judges devices that do not answer */
  bool stack;        /* it judges a control stack */
  char *stack_settings; /* of that of this program, as YAML: "{consolidate: on}"; NULL: its own */
};

struct pl_allowed { /* a hazard that the sequence needs: the plan check lets it pass */
  char rule[32], why[160];
  int line;
  struct pl_allowed *next;
};

struct pl_vm {
  lua_State *L;
  size_t used, limit; /* bytes */
  const char *path;   /* the chunk's name in messages */
  struct pl_run *run; /* NULL while the file is only being declared */
  bool head_only;     /* stop once `sequence` has said what it needs */
  const struct pl_meta *bound; /* for `params` and `rig`: needs and parameters of this run; NULL: none yet */
  struct pl_meta meta;
  struct pl_decl *items, **items_tail; /* top-level steps and groups, in order */
  int n_items;
  struct pl_decl *setup, *teardown;
  struct pl_invariant *invariants, **invariants_tail;
  struct pl_allowed *allowed, **allowed_tail;
  bool budget_open; /* the count hook has seen this slice begin */
  int64_t budget_from;
  struct pl_task *main; /* stands for the main thread */
};

enum pl_status pl_vm_new(const char *path, struct pl_vm **vm, struct pl_err *err);
void pl_vm_free(struct pl_vm *vm);
/* Compiles (text only) and runs the file's top level. PL_E_USAGE with file:line. */
enum pl_status pl_vm_declare(struct pl_vm *vm, const char *source, size_t size, struct pl_err *err);
void pl_vm_seed(struct pl_vm *vm, uint64_t seed); /* of math.random */
enum pl_status pl_meta_copy(const struct pl_meta *from, struct pl_meta *to, struct pl_err *err);
void pl_meta_free(struct pl_meta *meta);
/* The line of the sequence file that is running in L, 0 when none. */
int pl_vm_line(lua_State *L);
const char *pl_vm_path(lua_State *L);
/* CPU time of this thread, or time of day since some start: the one place that asks outside the clock, only to limit a runaway. */
int64_t pl_vm_cpu_ns(void);
int64_t pl_vm_wall_ns(void);

/* What each file puts into the sequence's globals (the table on top of the stack). */
void pl_sandbox_register(lua_State *L);
void pl_declare_register(lua_State *L);
void pl_rig_register(lua_State *L);
void pl_measure_register(lua_State *L);
void pl_verbs_register(lua_State *L, int core); /* `core`: the table that only the prelude sees */
void pl_edges_register(lua_State *L, int core);
void pl_trips_register(lua_State *L, int core);
void pl_stack_register(lua_State *L, int core);
enum pl_status pl_prelude_load(struct pl_vm *vm, struct pl_err *err);
bool pl_prelude_lend(lua_State *L, const char *name); /* true: pushed, of a part of the prelude that is loaded when it is first named */
/* Table of options at `index`: refuses keys that are not among `words` (NULL-terminated). */
void pl_options_check(lua_State *L, int index, const char *verb, const char *const *words);
/* The words that a sequence may use, for "did you mean". Returns how many were written. */
size_t pl_vm_words(lua_State *L, const char **words, size_t max);

enum pl_status pl_bind(struct pl_meta *meta, const char *path, const struct pl_rig *rig, const struct pl_engine_pair *params, size_t n_params, struct pl_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_ENGINE_RUN_H
#define PL_ENGINE_RUN_H

#include "host/engine/failure.h"
#include "host/engine/vm.h"

/*
 * A run is a tree of scopes (run, groups, steps, branches), each a place in the journal with a deadline. A scope's Lua runs in tasks: its body,
 * and what it watches in the background. A task is a coroutine that yields to wait; only the loop in engine.c resumes it.
 */
struct pl_scope;
struct pl_call_slot;
struct pl_ask;  /* host/stack/client.h */
struct pl_seen; /* lua_stack_record.c */

enum pl_task_role { PL_TASK_BODY, PL_TASK_BACKGROUND, PL_TASK_INVARIANT };

struct pl_task {
  struct pl_vm *vm;
  lua_State *L;
  int ref;
  enum pl_task_role role;
  bool dead, queued, running;
  bool must_end;            /* no pcall may catch what ends it */
  struct pl_scope *scope;   /* whose work it does; NULL: invariants and the main thread */
  struct pl_invariant *invariant;
  struct pl_task *next;        /* in its scope, or among the spare */
  struct pl_task *next_ready;
  int n_args;
  struct pl_timer timer;
  struct pl_call_slot *call;   /* in flight */
  struct pl_ask *ask;          /* of the control stack, in flight */
  int children;                /* scopes that it waits for */
  enum pl_failure_kind child_stop;
  int series;                  /* -1: none */
  const struct pl_rig_device *last_device; /* the last one that it spoke to: who a measured time is about */
  const struct pl_quantity *last_quantity;
  const struct pl_rig_part *last_part; /* the control stack, when that was asked last; then there is no last device */
  pl_time_ns commanded_at;     /* bus time of the first command since a reaction was armed; PL_NEVER: none */
  const char *waiting;         /* for what, in a deadline's message; static or in waiting_for */
  char waiting_for[96];
};

struct pl_scope {
  struct pl_run *run;
  struct pl_scope *parent, *children, *sibling;
  struct pl_task *waiter; /* resumed when it ends */
  const struct pl_decl *decl;
  struct pl_decl *owned;  /* of a nested scope: freed with it */
  struct pl_task *tasks, *body;
  const struct pl_decl *next_item; /* of the run */
  enum { PL_PHASE_SETUP, PL_PHASE_BODY, PL_PHASE_TEARDOWN, PL_PHASE_END } phase;
  int attempt, id, depth;
  bool failed;                   /* something was judged FAIL */
  bool nested;                   /* started by a task, not by its parent's own order */
  bool stopping, holding;
  enum pl_failure_kind stop;     /* what ended it early */
  struct pl_timer deadline;
  pl_time_ns time_left;          /* of a default deadline that is paused while a nested step runs; 0: not paused */
  pl_time_ns started;
  struct pl_scope *next_spare;
};

struct pl_limits;
struct pl_answers;

struct pl_run {
  const struct pl_engine_cfg *cfg;
  struct pl_vm *vm;
  struct pl_clock *clock;
  struct pl_bench *bench;
  struct pl_journal *journal;
  const struct pl_rig *rig;
  const char *path;
  struct pl_limits *limits;
  struct pl_answers *answers;
  struct pl_scope *root, *focus; /* focus: the deepest foreground scope */
  struct pl_task *ready, **ready_tail, *spare_tasks;
  struct pl_scope *spare_scopes;
  struct pl_call_slot *calls, *spare_calls;
  struct pl_touched *touched; /* rehearsal.c */
  struct pl_seen *seen;       /* what the stack has said, in the journal */
  int alike, alike_line; /* top-level steps of one line that were rehearsed in a row */
  bool done, driven, aborting, cut;
  bool unseen; /* something was stopped or left out: a rehearsal has not seen all of the sequence */
  int stop_seen;
  bool failed;
  uint64_t expected_trips; /* interlock rules that the sequence means to trip, a bit each */
  enum pl_failure_kind trouble;  /* the gravest that was not a finding */
  struct pl_err err;             /* the first of it */
  pl_time_ns still_since;        /* clock time that has not moved for `still_steps` */
  int64_t still_cpu;
  uint64_t slices, looked_at; /* slices when the unflushed record was last looked at */
  int64_t flushed_wall;
  pl_time_ns wait_from, wait_until; /* of the focus, for progress */
  struct pl_timer progress;
};

/* A rehearsal goes on after what would end a run, since it looks for mistakes in all of the sequence. */
static inline bool pl_run_lenient(const struct pl_run *run)
{
  return run->cfg->rehearsal && !run->cfg->strict;
}

/* --- task.c --- */
struct pl_task *pl_task_of(lua_State *L);
/* A task of a step (or invariant): raises a sequence error elsewhere, naming the verb. */
struct pl_task *pl_task_here(lua_State *L, const char *verb);
/* Pops the function on top of `from` (with n_args above it) into a new task and queues it. NULL: out of memory. */
struct pl_task *pl_task_start(struct pl_run *run, lua_State *from, int n_args, enum pl_task_role role, struct pl_scope *scope);
void pl_task_ready(struct pl_task *task);
void pl_task_kill(struct pl_run *run, struct pl_task *task);
bool pl_task_run_ready(struct pl_run *run); /* false: none was ready */
/* Yields until `at`. */
int pl_task_wait_until(lua_State *L, struct pl_task *task, pl_time_ns at, const char *what, lua_KContext ctx, lua_KFunction k);
void pl_task_free_spares(struct pl_run *run);

/* --- scope.c --- */
struct pl_decl *pl_decl_new(const char *name, enum pl_scope_kind kind);
struct pl_scope *pl_scope_start(struct pl_run *run, struct pl_scope *parent, const struct pl_decl *decl, struct pl_decl *owned, struct pl_task *waiter);
void pl_scope_stop(struct pl_scope *scope, struct pl_failure *failure);
/* What an invariant found stops the deepest step, but never a teardown: that runs to its end, and the run stops after it. */
void pl_scope_stop_focus(struct pl_run *run, struct pl_failure *failure);
void pl_scope_task_ended(struct pl_task *task, struct pl_failure *failure); /* failure NULL: it returned */
/* A person's time is not the step's: a default deadline stands still meanwhile. */
void pl_scope_hold_deadline(struct pl_scope *scope, bool hold);
void pl_scope_cut(struct pl_run *run);
void pl_scope_free_spares(struct pl_run *run);

/* --- record.c: what reaches the journal --- */
enum pl_status pl_record_start(struct pl_run *run, const struct pl_sequence *sequence, struct pl_err *err);
void pl_record_flush(struct pl_run *run); /* what cannot be written ends the run */
void pl_record_failure(struct pl_run *run, struct pl_scope *scope, struct pl_failure *failure);
struct pl_verdict {
  const char *name, *detail; /* detail: "180 ms, limit at most 150 ms" */
  const char *action;        /* NULL: by the device's role or the part's kind */
  const struct pl_rig_device *device;
  const struct pl_rig_part *part;
  const char *subcomponent;
  int line;
};
void pl_record_tell(const struct pl_run *run, int step, const char *message); /* to whoever watches: a finding or trouble */
void pl_record_diagnosis(struct pl_run *run, struct pl_scope *scope, const struct pl_verdict *verdict, bool pass);
const char *pl_record_action(const struct pl_rig_device *device, const struct pl_rig_part *part);
/* "csu-3 (module 1, slot 3), hsc-3" */
void pl_record_place(const struct pl_rig_device *device, const struct pl_rig_part *part, char *out, size_t size);

/* --- rehearsal.c: what the plan check is told; nothing when there is none --- */
void pl_rehearsal_allow(struct pl_run *run); /* the hazards that the sequence needs; in a real run they are only written down */
void pl_rehearsal_writes(lua_State *L, const struct pl_rig_device *device, const struct pl_quantity *quantity, int64_t value_u); /* before it is written */
void pl_rehearsal_acts(lua_State *L, const struct pl_rig_part *part, const char *verb);
void pl_rehearsal_plants(lua_State *L, const char *spec);
void pl_rehearsal_look(struct pl_run *run); /* for what has become dangerous */
void pl_rehearsal_end(struct pl_run *run);  /* before safe values are applied */

/* --- wires.c --- */
void pl_wires_watch(struct pl_run *run);  /* adapters that go and come are told in the journal */
void pl_wires_record(struct pl_run *run); /* at the end: what each bus has carried */

/* --- trips.c: the interlock --- */
void pl_trips_look(struct pl_run *run);  /* what it did since the last look; an unexpected trip ends the run */
bool pl_trips_armed(struct pl_run *run); /* false: a rule has tripped already, the run must not begin */

/* --- roll_call.c --- */
struct pl_asked { /* one device's answer to the same question as all others' */
  struct pl_call call; /* call.device NULL: not asked */
  struct pl_asked *next; /* on its bus */
  size_t *left;
};
/* Submits those calls whose device is set; buses side by side, on each bus one after the other, each with time of its own. Waits for all. */
void pl_ask_all(struct pl_run *run, struct pl_asked *all, size_t count);
/* Asks every device of the rig whether it is there and what the rig says. What is not is written down; false: the run must not begin. */
bool pl_roll_call(struct pl_run *run);
/* With a control stack what it owns is its to ask. */
bool pl_is_ours(const struct pl_run *run, const struct pl_rig_device *device);

/* --- call.c: device calls that yield --- */
int pl_call_read(lua_State *L, const struct pl_rig_device *device, const struct pl_quantity *quantity);
int pl_call_try(lua_State *L, const struct pl_rig_device *device, const struct pl_quantity *quantity); /* nil where it is not supported */
int pl_call_set_all(lua_State *L, const struct pl_rig_device *device, int table);
int pl_call_act(lua_State *L, const struct pl_rig_device *device, const struct pl_quantity *quantity);
int pl_call_faults(lua_State *L, const struct pl_rig_device *device);
int pl_call_identity(lua_State *L, const struct pl_rig_device *device);
void pl_call_not_others(lua_State *L, const struct pl_rig_device *device); /* raises when it is one of the interlock's, or the control stack's where one is asked */
void pl_call_orphan(struct pl_call_slot *slot); /* its task is gone; it frees itself when the bus is done with it */
void pl_call_drain(struct pl_run *run);
const struct pl_quantity *pl_call_quantity(lua_State *L, const struct pl_rig_device *device, const char *name, unsigned access, const char *verb);

/* --- objects of lua_rig.c --- */
void pl_rig_push_device(lua_State *L, const struct pl_rig_device *device);
void pl_rig_push_part(lua_State *L, const struct pl_rig_part *part);
const struct pl_rig_device *pl_rig_device_at(lua_State *L, int index); /* NULL when it is something else */
const struct pl_rig_part *pl_rig_part_at(lua_State *L, int index);

/* --- lua_stack.c: the control stack --- */
extern const struct pl_rig_part pl_stack_part; /* who is blamed: stands where a part of the rack would */
const struct pl_rig_part *pl_subject_part_at(lua_State *L, int index); /* as pl_rig_part_at; the stack's handles are the stack */
bool pl_stack_begin(struct pl_run *run); /* false: it cannot be asked, the run must not begin; it is in the journal */
void pl_stack_end(struct pl_run *run);   /* before safe values are applied */

/* --- verbs.c --- */
bool pl_run_has_rack(const struct pl_run *run); /* a virtual one; in a replay: when it was recorded */

/* --- limits.c --- */
struct pl_limit {
  bool has_min, has_max;
  int64_t min_u, max_u;
  const char *min_from, *max_from;
};
enum pl_status pl_limits_load(const char *path, struct pl_limits **limits, struct pl_err *err);
void pl_limits_free(struct pl_limits *limits);
/* True when the file has limits for "step/measurement" or "measurement". PL_E_USAGE through err when their dimension is another. */
enum pl_status pl_limits_find(struct pl_limits *limits, const char *step, const char *name, enum pl_dim dim, struct pl_limit *limit, bool *found, struct pl_err *err);
/* PL_E_USAGE for an entry that no pl_limits_find has asked for. */
enum pl_status pl_limits_all_used(const struct pl_limits *limits, struct pl_err *err);
/* The rig's limits of a device's quantity. */
bool pl_limits_of_rig(const struct pl_rig_device *device, const struct pl_quantity *quantity, struct pl_limit *limit);

/* --- prompt.c --- */
enum pl_status pl_answers_load(const char *path, struct pl_answers **answers, struct pl_err *err);
void pl_answers_free(struct pl_answers *answers);
void pl_prompt_register(lua_State *L, int core);

#endif

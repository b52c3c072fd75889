/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_ENGINE_H
#define PL_HOST_ENGINE_H

#include "drivers/rig/bench.h"
#include "host/journal/journal.h"

/* Runs one Lua sequence on an opened bench and writes what happened to the journal. */
struct pl_interlock; /* host/safety/interlock.h */
struct pl_interlock_rules;
struct pl_plan_check;     /* host/safety/plan.h */
struct pl_readings; /* host/engine/readings.h */
struct pl_client;   /* host/stack/client.h */
struct pl_sequence; /* a file that was read, compiled and declared; nothing driven */

struct pl_engine_pair {
  const char *name, *value;
};

struct pl_engine_events { /* for the live view; all on the loop's thread; any may be NULL */
  void (*plan)(void *ctx, int steps);                                            /* declared top-level steps */
  void (*step_start)(void *ctx, const char *name, int depth);
  void (*step_end)(void *ctx, const char *name, int depth, const char *outcome /* pass fail error skip */, double seconds);
  void (*progress)(void *ctx, double done /* 0..1 of the step, from waits and soaks */);
  void (*diagnosis)(void *ctx, const char *message);
  void (*trip)(void *ctx, const char *message, bool expected);                   /* an interlock rule */
  void *ctx;
};

struct pl_engine_cfg {
  struct pl_bench *bench;
  struct pl_journal *journal;
  const struct pl_interlock_rules *rules; /* of the rig; NULL: none */
  struct pl_interlock *interlock;         /* at work; NULL with rules: a replay, in which what tripped is not known */
  /* The control stack that a sequence with `stack = true` asks; begun and ended here, the caller frees it. NULL: none, and such a sequence is refused. */
  struct pl_client *stack;
  const struct pl_engine_pair *params; /* --param k=v */
  size_t n_params;
  const char *limits_path;  /* NULL: none */
  bool limits_shared;       /* with other sequences: a rehearsal does not refuse limits that this one has no use for */
  const char *answers_path; /* NULL: prompts go to the terminal, or fail when there is none */
  bool interactive;
  bool replay;              /* the bench answers from a capture: acts and faults were done when it was recorded, prompts answer themselves */
  bool rehearsal;           /* prompts answer themselves; verdicts do not count; stops after rehearsal_wall_ms */
  int rehearsal_wall_ms;
  bool strict;              /* a rehearsal in which verdicts count and failures stop it, as in a run */
  struct pl_plan_check *plan;     /* of a rehearsal: told what is written and what becomes dangerous; NULL: nobody asks */
  char *reached;            /* NULL: nobody asks. The step in which a rehearsal ran out of wall time, "" when it came to its end */
  size_t reached_size;
  volatile int *stop;       /* set to the signal's number by the handler: aborts the run, teardown runs; a second signal cuts teardown short */
  const struct pl_engine_events *events;
  /* May be NULL: asked at each turn of the loop. A sentence: the run cannot be allowed to go on (its guardian is gone). It ends at once, with its safe values and
   * without its teardowns, and could not be judged. */
  const struct pl_err *(*lost)(void *ctx);
  void *lost_ctx;
  bool *unsafe; /* may be NULL: set when safe values could not be applied at the end */
  struct pl_readings *readings; /* NULL, or where each reading is kept for a while */
  /* May be NULL: each finding, trouble and abort, when the journal has it; the journal's step that it stands in, -1: in none. */
  void (*failure)(void *ctx, int step);
  void *failure_ctx;
  const char *dut_id, *command_line;
  uint64_t seed;
};

enum pl_engine_outcome { PL_RUN_PASS, PL_RUN_FAIL, PL_RUN_ERROR, PL_RUN_ABORTED };

/* Reads and compiles, and runs the file as far as its `sequence`: PL_E_USAGE with file:line for a syntax error or a wrong head. What is wrong
 * further down a rehearsal finds. */
enum pl_status pl_sequence_load(const char *path, struct pl_sequence **sequence, struct pl_err *err);
/* Whether its text has this word anywhere: "fault.plant". */
bool pl_sequence_says(const struct pl_sequence *sequence, const char *word);
/* Whether it asks a control stack (`stack = true`). */
bool pl_sequence_wants_stack(const struct pl_sequence *sequence);
const char *pl_sequence_stack_settings(const struct pl_sequence *sequence); /* of the stack of this program, as YAML; NULL: its own */
void pl_sequence_free(struct pl_sequence *sequence);
const char *pl_sequence_name(const struct pl_sequence *sequence);
const char *pl_sequence_about(const struct pl_sequence *sequence);
/* Binds needs to the rig and parameters to their declarations: what can be refused before anything is driven. */
enum pl_status pl_sequence_bind(struct pl_sequence *sequence, const struct pl_rig *rig, const struct pl_engine_pair *params, size_t n_params, struct pl_err *err);
/* A status other than PL_OK: the run could not be judged (*outcome is PL_RUN_ERROR or PL_RUN_ABORTED) and err says why; the journal has been ended properly. */
enum pl_status pl_engine_run(struct pl_sequence *sequence, const struct pl_engine_cfg *cfg, enum pl_engine_outcome *outcome, struct pl_err *err);

#endif

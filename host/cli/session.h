/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_SESSION_H
#define PL_HOST_SESSION_H

#include "host/cli/cli.h"
#include "host/engine/engine.h"
#include "host/safety/interlock.h"
#include "host/stack/client.h"

/* What `run` and `check` share: the sequences and the rig of a command line, bound and rehearsed before anything is driven. */
struct pl_session {
  struct pl_rig *rig;
  struct pl_interlock_rules *rules; /* NULL: the rig has none */
  struct pl_sequence *sequences[PL_OPTION_VALUES_MAX];
  const char *paths[PL_OPTION_VALUES_MAX];
  size_t n_sequences;
  struct pl_engine_pair params[PL_OPTION_VALUES_MAX];
  char param_names[PL_OPTION_VALUES_MAX][64];
  size_t n_params;
  const char *limits, *answers;
  struct pl_client_cfg stack; /* the one that sequences with `stack = true` ask; clock, bench, seed and drills are the run's */
  char stack_password[128];
  bool is_virtual; /* virtual time */
  uint64_t seed;
  enum pl_status (*opened)(void *ctx, struct pl_bench *bench, struct pl_err *err); /* NULL: nobody waits for it. The run's bench, before it is driven */
  void *opened_ctx;
  struct pl_plan_check *plan; /* what the last rehearsal refuses; NULL: it was none */
  char reached[128]; /* of the last rehearsal: the step in which its time was over; "" when it came to its end */
};

/* Reads rig, sequences, parameters, --time and --seed. PL_E_USAGE for all that can be refused so far. Free in any case. */
enum pl_status pl_session_open(const struct pl_args *args, struct pl_session *session, struct pl_err *err);
void pl_session_free(struct pl_session *session);
/* stack.c: what the options say of the stack. PL_E_USAGE. */
enum pl_status pl_session_take_stack(const struct pl_args *args, struct pl_session *session, struct pl_err *err);
/* A client for one run of the sequence; *client stays NULL where the sequence asks no stack. cfg: room that outlives it. */
enum pl_status pl_session_client(const struct pl_session *session, size_t index, bool rehearsal, struct pl_bench *bench, struct pl_client_cfg *cfg,
                                 struct pl_client **client, struct pl_err *err);
/* Whether the bench leaves to somebody else what the stack owns: it is at a URL. */
bool pl_session_shares_rack(const struct pl_session *session, size_t index);
/* Runs the sequence once on the twin in virtual time without a record, only to find what can be refused. What is dangerous in it is
 * listed in session->plan, and the sentence says how much it is. */
enum pl_status pl_session_rehearse(struct pl_session *session, size_t index, struct pl_err *err);

/* Once more, on a rack with a fault, as strict as a run: adds to session->plan. Then pl_session_refuse says what there is. */
enum pl_status pl_session_rehearse_with(struct pl_session *session, size_t index, const char *fault, int wall_ms, struct pl_err *err);
enum pl_status pl_session_refuse(const struct pl_session *session, size_t index, struct pl_err *err);
/* what_if.c: after pl_session_rehearse, with one thing broken at a time. *count: how many rehearsals it took. */
enum pl_status pl_session_what_if(struct pl_session *session, size_t index, size_t *count, struct pl_err *err);
/* refusals.c: the plan check's, one line each with file and line; as a JSON array. plan NULL: none. */
void pl_refusals_print(FILE *out, const char *path, const struct pl_plan_check *plan);
void pl_refusals_json(FILE *out, const struct pl_plan_check *plan);

/* --out DIR for one sequence, DIR/NAME for each of several; runs/TIME-NAME without --out. Made when missing; PL_E_USAGE when it cannot be used. */
enum pl_status pl_cli_output_folder(const struct pl_args *args, const struct pl_session *session, size_t index, char *dir, size_t size, struct pl_err *err);

/* run.c: one sequence, from the opened bench to its reports. replay: what answers in place of the rig; NULL: the rig. */
struct pl_replay;
enum pl_exit pl_cli_run_one(const struct pl_args *args, const struct pl_session *session, size_t index, struct pl_replay *replay);

/* The start of virtual time: 2026-01-01T00:00:00Z, so that the same seed gives the same journal. */
#define PL_VIRTUAL_EPOCH_NS (1767225600LL * 1000000000LL)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_STORE_H
#define PL_CONTROL_STORE_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What outlives the stack: one SQLite file (WAL, synchronous=FULL for what an action waits for). Rooms keep their own tables here through it; nobody else
 * includes sqlite3.h. A file that cannot be opened or is of a newer version is refused (PL_E_USAGE) with what to do; one that is damaged is put aside
 * (NAME.damaged-TIME), told, and begun anew.
 */
struct pl_store;

/* path NULL: in memory. damaged (may be NULL): set to true when the old one was put aside. */
enum pl_status pl_store_open(const char *path, struct pl_store **store, bool *damaged, struct pl_err *err);
void pl_store_close(struct pl_store *store); /* also what a kill would leave: nothing is written here */

/* What is written between the two becomes durable as one, or not at all: a failure in between (told by its own call) fails the commit too. They nest. */
enum pl_status pl_store_begin(struct pl_store *store, struct pl_err *err);
enum pl_status pl_store_commit(struct pl_store *store, struct pl_err *err);

/* Values by place and key, for settings, accounts, subscriptions: "leak/leak-1/critical-reaction" -> "ForceOff". Durable when it returns. NULL value: away. */
enum pl_status pl_store_put(struct pl_store *store, const char *place, const char *key, const char *value, struct pl_err *err);
/* malloc'd; *value NULL: there is none. */
enum pl_status pl_store_get(struct pl_store *store, const char *place, const char *key, char **value, struct pl_err *err);
/* In every walk here strings live while fn runs, and fn writes nothing to what is walked over. */
enum pl_status pl_store_each(struct pl_store *store, const char *place, void (*fn)(void *ctx, const char *key, const char *value), void *ctx, struct pl_err *err);

/* Procedures: a row each, and a row for each step that began or ended. Durable when it returns: written before the step acts. */
struct pl_store_procedure {
  int64_t id;               /* from 1; the Redfish task's */
  const char *kind, *item;  /* "hot-swap", "csu-3" */
  const char *state;        /* "running", "rolling-back", "completed", "failed", "cancelled" */
  const char *step;         /* the last that began */
  bool step_ended;
  int64_t begun_wall_ns, ended_wall_ns; /* 0: not yet */
  const char *data;         /* the procedure's own, JSON */
  const char *message;      /* why it failed; "": it did not */
  const char *author;
};
enum pl_status pl_store_procedure_new(struct pl_store *store, struct pl_store_procedure *row, struct pl_err *err); /* fills in id */
enum pl_status pl_store_procedure_save(struct pl_store *store, const struct pl_store_procedure *row, struct pl_err *err);
/* Oldest first; running: only those not over. Strings live while fn runs. */
enum pl_status pl_store_procedures(struct pl_store *store, bool running, void (*fn)(void *ctx, const struct pl_store_procedure *row), void *ctx, struct pl_err *err);
/* The trail of steps: "began", "ended", "undone", "command" rows, for the log and for drills that look for a power action made blindly. */
enum pl_status pl_store_trail(struct pl_store *store, int64_t procedure, int64_t wall_ns, const char *step, const char *what, const char *detail, struct pl_err *err);
struct pl_store_trail_row {
  int64_t procedure, wall_ns;
  const char *step, *what, *detail;
};
/* Oldest first; procedure 0: of all. */
enum pl_status pl_store_trail_each(struct pl_store *store, int64_t procedure, void (*fn)(void *ctx, const struct pl_store_trail_row *row), void *ctx,
                                   struct pl_err *err);

/* Events: id (rising, never used again), JSON of its EventRecord; the last PL_STORE_EVENTS_MAX stay. Batched: durable within a second, ids never repeat. */
#define PL_STORE_EVENTS_MAX 10000
enum pl_status pl_store_event(struct pl_store *store, uint64_t id, int64_t wall_ns, const char *json, struct pl_err *err);
enum pl_status pl_store_flush(struct pl_store *store, struct pl_err *err);
uint64_t pl_store_last_event(struct pl_store *store); /* 0: none; leaves a gap after a crash rather than repeat one */
enum pl_status pl_store_events(struct pl_store *store, uint64_t after, size_t most, void (*fn)(void *ctx, uint64_t id, int64_t wall_ns, const char *json), void *ctx,
                               struct pl_err *err);

/* The audit log: who asked for what, and what came of it. */
enum pl_status pl_store_audit(struct pl_store *store, int64_t wall_ns, const char *user, const char *peer, const char *what, int status, struct pl_err *err);
/* The last `most`, oldest first. */
enum pl_status pl_store_audit_each(struct pl_store *store, size_t most,
                                   void (*fn)(void *ctx, int64_t wall_ns, const char *user, const char *peer, const char *what, int status), void *ctx,
                                   struct pl_err *err);
struct pl_store_audit_row {
  int64_t id, wall_ns; /* id: rises, never used again */
  const char *user, *peer, *what;
  int status;
};
/* Those after `after`, oldest first, at most `most`. */
enum pl_status pl_store_audits(struct pl_store *store, int64_t after, size_t most, void (*fn)(void *ctx, const struct pl_store_audit_row *row), void *ctx,
                               struct pl_err *err);

/* The journal of the placement's decisions; the last PL_STORE_DECISIONS_MAX stay. */
#define PL_STORE_DECISIONS_MAX 10000
struct pl_store_decision {
  int64_t id, wall_ns; /* id: rises, never used again */
  const char *what, *id_of, *node, *author, *text, *detail;
};
enum pl_status pl_store_decide(struct pl_store *store, struct pl_store_decision *row, struct pl_err *err); /* fills in id */
/* Those after `after`, oldest first, at most `most`. */
enum pl_status pl_store_decisions(struct pl_store *store, int64_t after, size_t most, void (*fn)(void *ctx, const struct pl_store_decision *row), void *ctx,
                                  struct pl_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_STORE_IN_H
#define PL_CONTROL_STORE_IN_H

#include "control/store/store.h"

#include <sqlite3.h>

/* Inside the store: its statements in one table, prepared when it is opened. */
#define PL_STORE_STATEMENTS(X)                                                                                                              \
  X(BEGIN, "BEGIN IMMEDIATE")                                                                                                               \
  X(COMMIT, "COMMIT")                                                                                                                       \
  X(ROLLBACK, "ROLLBACK")                                                                                                                   \
  X(PUT, "INSERT INTO value(place, key, value) VALUES(?1, ?2, ?3) ON CONFLICT(place, key) DO UPDATE SET value = ?3")                        \
  X(AWAY, "DELETE FROM value WHERE place = ?1 AND key = ?2")                                                                                \
  X(GET, "SELECT value FROM value WHERE place = ?1 AND key = ?2")                                                                           \
  X(EACH, "SELECT key, value FROM value WHERE place = ?1 ORDER BY key")                                                                     \
  X(NEW, "INSERT INTO procedure(kind, item, state, step, step_ended, begun, ended, data, message, author) "                                 \
         "VALUES(?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")                                                                                \
  X(SAVE, "UPDATE procedure SET kind = ?2, item = ?3, state = ?4, step = ?5, step_ended = ?6, begun = ?7, ended = ?8, data = ?9, "          \
          "message = ?10, author = ?11 WHERE id = ?1")                                                                                      \
  X(PROCEDURES, "SELECT id, kind, item, state, step, step_ended, begun, ended, data, message, author FROM procedure "                       \
                "WHERE NOT ?1 OR state IN ('running', 'rolling-back') ORDER BY id")                                                         \
  X(OLD_PROCEDURES, "DELETE FROM procedure WHERE id <= ?1 AND state NOT IN ('running', 'rolling-back')")                                    \
  X(OLD_TRAIL, "DELETE FROM trail WHERE procedure <= ?1 AND procedure NOT IN (SELECT id FROM procedure WHERE id <= ?1)")                    \
  X(TRAIL, "INSERT INTO trail(procedure, wall, step, what, detail) VALUES(?1, ?2, ?3, ?4, ?5)")                                             \
  X(TRAIL_EACH, "SELECT procedure, wall, step, what, detail FROM trail WHERE ?1 = 0 OR procedure = ?1 ORDER BY id")                         \
  X(EVENT, "INSERT INTO event(id, wall, json) VALUES(?1, ?2, ?3)")                                                                          \
  X(EVENTS, "SELECT id, wall, json FROM event WHERE id > ?1 ORDER BY id LIMIT ?2")                                                          \
  X(OLD_EVENTS, "DELETE FROM event WHERE id <= (SELECT id FROM event ORDER BY id DESC LIMIT 1 OFFSET ?1)")                                  \
  X(MARK, "INSERT INTO mark(name, number) VALUES('event', ?1) ON CONFLICT(name) DO UPDATE SET number = ?1")                                 \
  X(MARKED, "SELECT max(ifnull((SELECT number FROM mark WHERE name = 'event'), 0), ifnull((SELECT max(id) FROM event), 0))")                \
  X(AUDIT, "INSERT INTO audit(wall, user, peer, what, status) VALUES(?1, ?2, ?3, ?4, ?5)")                                                  \
  X(OLD_AUDIT, "DELETE FROM audit WHERE id <= ?1")                                                                                          \
  X(AUDIT_EACH, "SELECT wall, user, peer, what, status FROM (SELECT * FROM audit ORDER BY id DESC LIMIT ?1) ORDER BY id")                                    \
  X(DECISION, "INSERT INTO decision(wall, what, id_of, node, author, text, detail) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                     \
  X(OLD_DECISIONS, "DELETE FROM decision WHERE id <= ?1")                                                                                   \
  X(DECISIONS, "SELECT id, wall, what, id_of, node, author, text, detail FROM decision WHERE id > ?1 ORDER BY id LIMIT ?2")                 \
  X(AUDIT_AFTER, "SELECT id, wall, user, peer, what, status FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2")

enum pl_store_statement {
#define PL_STORE_ENUM(name, sql) PL_STORE_##name,
  PL_STORE_STATEMENTS(PL_STORE_ENUM)
#undef PL_STORE_ENUM
      PL_STORE_STATEMENT_COUNT
};

/* An event that waits to be written with others. */
struct pl_store_waiting {
  uint64_t id;
  int64_t wall_ns;
  char *json;
};
#define PL_STORE_WAITING_MAX 256

struct pl_store {
  sqlite3 *db;
  sqlite3_stmt *statements[PL_STORE_STATEMENT_COUNT];
  char *path;            /* for sentences */
  unsigned depth;        /* of pl_store_begin */
  struct pl_err broken;  /* the first failure within a begin */
  struct pl_store_waiting waiting[PL_STORE_WAITING_MAX];
  size_t n_waiting;
  uint64_t last_event, reserved; /* ids up to `reserved` are spoken for in the file */
};

/* The statement, reset and without values; its bindings by pl_store_bind: 't' const char * (NULL: null), 'i' int64_t. */
sqlite3_stmt *pl_store_use(struct pl_store *store, enum pl_store_statement which, const char *types, ...);
/* Runs one that gives no rows, in a transaction that is durable when this returns (or that of pl_store_begin). what: for the sentence, "write a setting". */
enum pl_status pl_store_run(struct pl_store *store, sqlite3_stmt *statement, const char *what, struct pl_err *err);
/* One row further: PL_OK with *row; false after the last. Resets the statement when it is over. */
enum pl_status pl_store_row(struct pl_store *store, sqlite3_stmt *statement, bool *row, const char *what, struct pl_err *err);
const char *pl_store_text(sqlite3_stmt *statement, int column); /* "" for null */
enum pl_status pl_store_trouble(struct pl_store *store, const char *what, struct pl_err *err); /* SQLite's last error as a sentence */
enum pl_status pl_store_load_events(struct pl_store *store, struct pl_err *err); /* events.c: what was spoken for */

#endif

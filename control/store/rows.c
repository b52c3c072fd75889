/* SPDX-License-Identifier: Apache-2.0 */
/* Procedures and their trail. */
#include "control/store/store_in.h"

#define PROCEDURES_MAX 1000 /* those over; the oldest go, with their trail */

static sqlite3_stmt *bind(struct pl_store *store, enum pl_store_statement which, const struct pl_store_procedure *row)
{
  return pl_store_use(store, which, "ittttiiittt", row->id, row->kind, row->item, row->state, row->step, (int64_t)row->step_ended, row->begun_wall_ns,
                      row->ended_wall_ns, row->data, row->message, row->author);
}

enum pl_status pl_store_procedure_new(struct pl_store *store, struct pl_store_procedure *row, struct pl_err *err)
{
  enum pl_status status = pl_store_begin(store, err);
  if (status)
    return status;
  row->id = 0;
  pl_store_run(store, bind(store, PL_STORE_NEW, row), "write a new procedure", NULL);
  int64_t id = sqlite3_last_insert_rowid(store->db), old = id - PROCEDURES_MAX;
  if (old > 0) {
    pl_store_run(store, pl_store_use(store, PL_STORE_OLD_PROCEDURES, "i", old), "forget old procedures", NULL);
    pl_store_run(store, pl_store_use(store, PL_STORE_OLD_TRAIL, "i", old), "forget old procedures", NULL);
  }
  status = pl_store_commit(store, err);
  if (!status)
    row->id = id;
  return status;
}

enum pl_status pl_store_procedure_save(struct pl_store *store, const struct pl_store_procedure *row, struct pl_err *err)
{
  return pl_store_run(store, bind(store, PL_STORE_SAVE, row), "write what a procedure is about to do", err);
}

enum pl_status pl_store_procedures(struct pl_store *store, bool running, void (*fn)(void *ctx, const struct pl_store_procedure *row), void *ctx, struct pl_err *err)
{
  sqlite3_stmt *statement = pl_store_use(store, PL_STORE_PROCEDURES, "i", (int64_t)running);
  enum pl_status status;
  bool more;
  while (!(status = pl_store_row(store, statement, &more, "read the procedures", err)) && more) {
    struct pl_store_procedure row = {.id = sqlite3_column_int64(statement, 0), .kind = pl_store_text(statement, 1), .item = pl_store_text(statement, 2),
                                     .state = pl_store_text(statement, 3), .step = pl_store_text(statement, 4), .step_ended = sqlite3_column_int(statement, 5),
                                     .begun_wall_ns = sqlite3_column_int64(statement, 6), .ended_wall_ns = sqlite3_column_int64(statement, 7),
                                     .data = pl_store_text(statement, 8), .message = pl_store_text(statement, 9), .author = pl_store_text(statement, 10)};
    fn(ctx, &row);
  }
  return status;
}

enum pl_status pl_store_trail(struct pl_store *store, int64_t procedure, int64_t wall_ns, const char *step, const char *what, const char *detail, struct pl_err *err)
{
  return pl_store_run(store, pl_store_use(store, PL_STORE_TRAIL, "iittt", procedure, wall_ns, step, what, detail), "write the trail of a procedure", err);
}

enum pl_status pl_store_trail_each(struct pl_store *store, int64_t procedure, void (*fn)(void *ctx, const struct pl_store_trail_row *row), void *ctx,
                                   struct pl_err *err)
{
  sqlite3_stmt *statement = pl_store_use(store, PL_STORE_TRAIL_EACH, "i", procedure);
  enum pl_status status;
  bool more;
  while (!(status = pl_store_row(store, statement, &more, "read the trail of a procedure", err)) && more) {
    struct pl_store_trail_row row = {.procedure = sqlite3_column_int64(statement, 0), .wall_ns = sqlite3_column_int64(statement, 1),
                                     .step = pl_store_text(statement, 2), .what = pl_store_text(statement, 3), .detail = pl_store_text(statement, 4)};
    fn(ctx, &row);
  }
  return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Values by place and key. */
#include "control/store/store_in.h"

enum pl_status pl_store_put(struct pl_store *store, const char *place, const char *key, const char *value, struct pl_err *err)
{
  sqlite3_stmt *statement = value ? pl_store_use(store, PL_STORE_PUT, "ttt", place, key, value) : pl_store_use(store, PL_STORE_AWAY, "tt", place, key);
  return pl_store_run(store, statement, "write a setting", err);
}

enum pl_status pl_store_get(struct pl_store *store, const char *place, const char *key, char **value, struct pl_err *err)
{
  sqlite3_stmt *statement = pl_store_use(store, PL_STORE_GET, "tt", place, key);
  bool row;
  *value = NULL;
  enum pl_status status = pl_store_row(store, statement, &row, "read a setting", err);
  if (status || !row)
    return status;
  *value = strdup(pl_store_text(statement, 0));
  sqlite3_reset(statement);
  return *value ? PL_OK : pl_fail(err, PL_E_NOMEM, "store: out of memory");
}

enum pl_status pl_store_each(struct pl_store *store, const char *place, void (*fn)(void *ctx, const char *key, const char *value), void *ctx, struct pl_err *err)
{
  sqlite3_stmt *statement = pl_store_use(store, PL_STORE_EACH, "t", place);
  enum pl_status status;
  bool row;
  while (!(status = pl_store_row(store, statement, &row, "read settings", err)) && row)
    fn(ctx, pl_store_text(statement, 0), pl_store_text(statement, 1));
  return status;
}

#define AUDIT_MAX 100000 /* the oldest go */
enum pl_status pl_store_audit(struct pl_store *store, int64_t wall_ns, const char *user, const char *peer, const char *what, int code, struct pl_err *err)
{
  enum pl_status status = pl_store_begin(store, err);
  if (status)
    return status;
  pl_store_run(store, pl_store_use(store, PL_STORE_AUDIT, "ittti", wall_ns, user, peer, what, (int64_t)code), "write the audit log", NULL);
  int64_t last = sqlite3_last_insert_rowid(store->db);
  if (last > AUDIT_MAX)
    pl_store_run(store, pl_store_use(store, PL_STORE_OLD_AUDIT, "i", last - AUDIT_MAX), "shorten the audit log", NULL);
  return pl_store_commit(store, err);
}

enum pl_status pl_store_audit_each(struct pl_store *store, size_t most,
                                   void (*fn)(void *ctx, int64_t wall_ns, const char *user, const char *peer, const char *what, int status), void *ctx,
                                   struct pl_err *err)
{
  sqlite3_stmt *statement = pl_store_use(store, PL_STORE_AUDIT_EACH, "i", (int64_t)most);
  enum pl_status status;
  bool row;
  while (!(status = pl_store_row(store, statement, &row, "read the audit log", err)) && row)
    fn(ctx, sqlite3_column_int64(statement, 0), pl_store_text(statement, 1), pl_store_text(statement, 2), pl_store_text(statement, 3),
       sqlite3_column_int(statement, 4));
  return status;
}

enum pl_status pl_store_audits(struct pl_store *store, int64_t after, size_t most, void (*fn)(void *ctx, const struct pl_store_audit_row *row), void *ctx,
                               struct pl_err *err)
{
  sqlite3_stmt *statement = pl_store_use(store, PL_STORE_AUDIT_AFTER, "ii", after, (int64_t)most);
  enum pl_status status;
  bool row;
  while (!(status = pl_store_row(store, statement, &row, "read the audit log", err)) && row) {
    struct pl_store_audit_row each = {.id = sqlite3_column_int64(statement, 0), .wall_ns = sqlite3_column_int64(statement, 1), .user = pl_store_text(statement, 2),
                                      .peer = pl_store_text(statement, 3), .what = pl_store_text(statement, 4), .status = sqlite3_column_int(statement, 5)};
    fn(ctx, &each);
  }
  return status;
}

enum pl_status pl_store_decide(struct pl_store *store, struct pl_store_decision *row, struct pl_err *err)
{
  enum pl_status status = pl_store_begin(store, err);
  if (status)
    return status;
  pl_store_run(store, pl_store_use(store, PL_STORE_DECISION, "itttttt", row->wall_ns, row->what, row->id_of, row->node, row->author, row->text, row->detail),
               "write a decision", NULL);
  int64_t last = sqlite3_last_insert_rowid(store->db);
  row->id = last;
  if (last > PL_STORE_DECISIONS_MAX)
    pl_store_run(store, pl_store_use(store, PL_STORE_OLD_DECISIONS, "i", last - PL_STORE_DECISIONS_MAX), "shorten the journal of decisions", NULL);
  return pl_store_commit(store, err);
}

enum pl_status pl_store_decisions(struct pl_store *store, int64_t after, size_t most, void (*fn)(void *ctx, const struct pl_store_decision *row), void *ctx,
                                  struct pl_err *err)
{
  sqlite3_stmt *statement = pl_store_use(store, PL_STORE_DECISIONS, "ii", after, (int64_t)most);
  enum pl_status status;
  bool row;
  while (!(status = pl_store_row(store, statement, &row, "read the journal of decisions", err)) && row) {
    struct pl_store_decision each = {.id = sqlite3_column_int64(statement, 0), .wall_ns = sqlite3_column_int64(statement, 1), .what = pl_store_text(statement, 2),
                                     .id_of = pl_store_text(statement, 3), .node = pl_store_text(statement, 4), .author = pl_store_text(statement, 5),
                                     .text = pl_store_text(statement, 6), .detail = pl_store_text(statement, 7)};
    fn(ctx, &each);
  }
  return status;
}

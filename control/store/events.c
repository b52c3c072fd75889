/* SPDX-License-Identifier: Apache-2.0 */
/* Events: written in batches; ids are spoken for in the file before any of them is given out, so that none comes twice after a kill. */
#include "control/store/store_in.h"

#define RESERVE 1000 /* ids at once: what a kill can leave as a gap */
#define PATIENCE_NS 1000000000LL

enum pl_status pl_store_load_events(struct pl_store *store, struct pl_err *err)
{
  sqlite3_stmt *statement = pl_store_use(store, PL_STORE_MARKED, "");
  bool row;
  enum pl_status status = pl_store_row(store, statement, &row, "read its events", err);
  if (status)
    return status;
  store->last_event = store->reserved = row ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
  sqlite3_reset(statement);
  return PL_OK;
}

uint64_t pl_store_last_event(struct pl_store *store)
{
  return store->last_event;
}

static enum pl_status mark(struct pl_store *store, uint64_t id, struct pl_err *err)
{
  return pl_store_run(store, pl_store_use(store, PL_STORE_MARK, "i", (int64_t)id), "write an event", err);
}

enum pl_status pl_store_event(struct pl_store *store, uint64_t id, int64_t wall_ns, const char *json, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  if (id <= store->last_event)
    return pl_fail(err, PL_E_USAGE, "store: event %llu comes after event %llu: ids only rise", (unsigned long long)id, (unsigned long long)store->last_event);
  if (store->n_waiting == PL_STORE_WAITING_MAX)
    status = pl_store_flush(store, err);
  if (!status && id > store->reserved) {
    status = mark(store, id + RESERVE, err);
    if (!status)
      store->reserved = id + RESERVE;
  }
  if (status)
    return status;
  char *copy = strdup(json);
  if (!copy)
    return pl_fail(err, PL_E_NOMEM, "store: out of memory");
  store->waiting[store->n_waiting++] = (struct pl_store_waiting){.id = id, .wall_ns = wall_ns, .json = copy};
  store->last_event = id;
  return wall_ns - store->waiting[0].wall_ns >= PATIENCE_NS ? pl_store_flush(store, err) : PL_OK;
}

/* With the mark on the last one: whoever closes after this leaves no gap. */
enum pl_status pl_store_flush(struct pl_store *store, struct pl_err *err)
{
  if (!store->n_waiting)
    return PL_OK;
  enum pl_status status = pl_store_begin(store, err);
  if (status)
    return status;
  for (size_t i = 0; i < store->n_waiting; i++) {
    const struct pl_store_waiting *each = &store->waiting[i];
    pl_store_run(store, pl_store_use(store, PL_STORE_EVENT, "iit", (int64_t)each->id, each->wall_ns, each->json), "write events", NULL);
  }
  pl_store_run(store, pl_store_use(store, PL_STORE_OLD_EVENTS, "i", (int64_t)PL_STORE_EVENTS_MAX), "forget old events", NULL);
  mark(store, store->last_event, NULL);
  status = pl_store_commit(store, err);
  if (status) /* they wait on: the next flush tries again */
    return status;
  store->reserved = store->last_event;
  for (size_t i = 0; i < store->n_waiting; i++)
    free(store->waiting[i].json);
  store->n_waiting = 0;
  return PL_OK;
}

enum pl_status pl_store_events(struct pl_store *store, uint64_t after, size_t most, void (*fn)(void *ctx, uint64_t id, int64_t wall_ns, const char *json), void *ctx,
                               struct pl_err *err)
{
  enum pl_status status = pl_store_flush(store, err);
  if (status)
    return status;
  if (after > INT64_MAX)
    after = INT64_MAX;
  sqlite3_stmt *statement = pl_store_use(store, PL_STORE_EVENTS, "ii", (int64_t)after, (int64_t)(most < INT64_MAX ? most : INT64_MAX));
  bool row;
  while (!(status = pl_store_row(store, statement, &row, "read its events", err)) && row)
    fn(ctx, (uint64_t)sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1), pl_store_text(statement, 2));
  return status;
}

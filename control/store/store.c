/* SPDX-License-Identifier: Apache-2.0 */
/* The file: opened, judged, put aside when damaged; its statements and transactions. */
#include "control/store/store_in.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#define VERSION 2
#define APPLICATION 0x504c5331 /* "PLS1": SQLite's application_id, so that another program's file is not taken for ours */

static const char SCHEMA[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE value(place TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(place, key)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE procedure(id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, item TEXT NOT NULL, state TEXT NOT NULL, step TEXT NOT NULL,"
    " step_ended INTEGER NOT NULL, begun INTEGER NOT NULL, ended INTEGER NOT NULL, data TEXT NOT NULL, message TEXT NOT NULL, author TEXT NOT NULL) STRICT;"
    "CREATE TABLE trail(id INTEGER PRIMARY KEY AUTOINCREMENT, procedure INTEGER NOT NULL, wall INTEGER NOT NULL, step TEXT NOT NULL,"
    " what TEXT NOT NULL, detail TEXT NOT NULL) STRICT;"
    "CREATE INDEX trail_of ON trail(procedure);"
    "CREATE TABLE event(id INTEGER PRIMARY KEY, wall INTEGER NOT NULL, json TEXT NOT NULL) STRICT;"
    "CREATE TABLE mark(name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, wall INTEGER NOT NULL, user TEXT NOT NULL, peer TEXT NOT NULL, what TEXT NOT NULL,"
    " status INTEGER NOT NULL) STRICT;"
    "PRAGMA application_id = 1347179313;" /* APPLICATION */
    "COMMIT;";
/* What version 2 has beside it: also added to a file of version 1. */
static const char DECISIONS[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE decision(id INTEGER PRIMARY KEY AUTOINCREMENT, wall INTEGER NOT NULL, what TEXT NOT NULL, id_of TEXT NOT NULL, node TEXT NOT NULL,"
    " author TEXT NOT NULL, text TEXT NOT NULL, detail TEXT NOT NULL) STRICT;"
    "PRAGMA user_version = 2;" /* VERSION */
    "COMMIT;";

static const char *const SQL[] = {
#define SQL_TEXT(name, sql) [PL_STORE_##name] = sql,
    PL_STORE_STATEMENTS(SQL_TEXT)
#undef SQL_TEXT
};

enum pl_status pl_store_trouble(struct pl_store *store, const char *what, struct pl_err *err)
{
  int code = sqlite3_errcode(store->db) & 0xff;
  const char *text = sqlite3_errmsg(store->db);
  switch (code) {
  case SQLITE_FULL:
    return pl_fail(err, PL_E_IO, "store %s: cannot %s: its disk is full. Free some space: nothing was changed", store->path, what);
  case SQLITE_NOMEM:
    return pl_fail(err, PL_E_NOMEM, "store %s: cannot %s: out of memory", store->path, what);
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return pl_fail(err, PL_E_LOCKED, "store %s: cannot %s: another program holds it (a second rackd?). End that, or name another file", store->path, what);
  case SQLITE_IOERR:
    return pl_fail(err, PL_E_IO, "store %s: cannot %s: %s (%s). Look at its disk: nothing was changed", store->path, what, text,
                   strerror(sqlite3_system_errno(store->db)));
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return pl_fail(err, PL_E_GARBAGE, "store %s: cannot %s: the file is damaged (%s). Start again: it is then put aside", store->path, what, text);
  default:
    return pl_fail(err, PL_E_IO, "store %s: cannot %s: %s", store->path, what, text);
  }
}

static enum pl_status exec(struct pl_store *store, const char *sql, const char *what, struct pl_err *err)
{
  return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? PL_OK : pl_store_trouble(store, what, err);
}

/* A pragma's or a count's one number or text. */
static enum pl_status ask(struct pl_store *store, const char *sql, int64_t *number, char *text, size_t size, struct pl_err *err)
{
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
    if (number)
      *number = sqlite3_column_int64(statement, 0);
    if (text)
      snprintf(text, size, "%s", pl_store_text(statement, 0));
    sqlite3_finalize(statement);
    return PL_OK;
  }
  enum pl_status status = pl_store_trouble(store, "be read", err);
  sqlite3_finalize(statement);
  return status;
}

const char *pl_store_text(sqlite3_stmt *statement, int column)
{
  const unsigned char *text = sqlite3_column_text(statement, column);
  return text ? (const char *)text : "";
}

/* PL_E_GARBAGE: damaged. PL_E_USAGE: somebody else's, or of a newer program. *empty: nothing in it yet; *old: of an older program, or empty. */
static enum pl_status judge(struct pl_store *store, bool *empty, bool *old, struct pl_err *err)
{
  int64_t tables = 0, version = 0, application = 0;
  char verdict[200] = "";
  enum pl_status status = ask(store, "SELECT count(*) FROM sqlite_schema", &tables, NULL, 0, err);
  if (!status)
    status = ask(store, "PRAGMA user_version", &version, NULL, 0, err);
  if (!status)
    status = ask(store, "PRAGMA application_id", &application, NULL, 0, err);
  if (status)
    return status;
  *empty = !tables && !version;
  *old = version < VERSION;
  if (*empty)
    return PL_OK;
  if (application != APPLICATION)
    return pl_fail(err, PL_E_USAGE, "store %s: this is another program's database. Name another file", store->path);
  if (version > VERSION)
    return pl_fail(err, PL_E_USAGE, "store %s: written by a newer rackd (its version is %lld, this one knows up to %d). Start the newer one, or name another file",
                   store->path, (long long)version, VERSION);
  status = ask(store, "PRAGMA quick_check(1)", NULL, verdict, sizeof verdict, err);
  if (status)
    return status;
  if (strcmp(verdict, "ok") != 0)
    return pl_fail(err, PL_E_GARBAGE, "store %s: the file is damaged: %s", store->path, verdict);
  return PL_OK;
}

static enum pl_status prepare(struct pl_store *store, struct pl_err *err)
{
  for (size_t i = 0; i < PL_STORE_STATEMENT_COUNT; i++)
    if (sqlite3_prepare_v3(store->db, SQL[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL) != SQLITE_OK)
      return pl_store_trouble(store, "be read", err);
  return PL_OK;
}

static void shut(struct pl_store *store)
{
  for (size_t i = 0; i < PL_STORE_STATEMENT_COUNT; i++) {
    sqlite3_finalize(store->statements[i]);
    store->statements[i] = NULL;
  }
  sqlite3_close(store->db);
  store->db = NULL;
}

/* It holds the hashes of passwords: nobody else's to read. SQLite gives its side files the same mode. */
static enum pl_status make_private(const char *path, struct pl_err *err)
{
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0)
    return pl_fail(err, PL_E_USAGE, "store %s: cannot be opened for writing: %s. Name a file in a folder that exists and that this user may write", path,
                   strerror(errno));
  close(fd);
  return PL_OK;
}

static enum pl_status open_file(struct pl_store *store, bool in_memory, struct pl_err *err)
{
  bool empty = false, old = false;
  enum pl_status status = in_memory ? PL_OK : make_private(store->path, err);
  if (status)
    return status;
  if (sqlite3_open_v2(in_memory ? ":memory:" : store->path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
    if (!store->db)
      return pl_fail(err, PL_E_NOMEM, "store %s: out of memory", store->path);
    return pl_store_trouble(store, "be opened", err);
  }
  sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* closing writes nothing: as after a kill */
  sqlite3_extended_result_codes(store->db, 1);
  status = exec(store, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF", "be opened", err);
  if (!status)
    status = judge(store, &empty, &old, err);
  if (!status)
    status = exec(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", "be opened", err);
  if (!status && empty)
    status = exec(store, SCHEMA, "be made", err);
  if (!status && old)
    status = exec(store, DECISIONS, "be brought to this version", err);
  if (!status)
    status = prepare(store, err);
  return status ? status : pl_store_load_events(store, err);
}

/* NAME.damaged-TIME, and its log with it, so that what can be saved of it still can. */
static enum pl_status put_aside(const char *path, struct pl_err *err)
{
  static const char *const SIDES[] = {"-wal", "-shm", ""};
  char stamp[32], from[1100], to[1200];
  struct tm utc;
  time_t now = time(NULL);
  gmtime_r(&now, &utc);
  strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
  for (unsigned n = 1; n < 100; n++) {
    char again[8] = "";
    if (n > 1)
      snprintf(again, sizeof again, "-%u", n);
    snprintf(to, sizeof to, "%s.damaged-%s%s", path, stamp, again);
    if (access(to, F_OK) != 0)
      break;
  }
  for (size_t i = 0; i < sizeof SIDES / sizeof *SIDES; i++) {
    char target[1300];
    snprintf(from, sizeof from, "%s%s", path, SIDES[i]);
    snprintf(target, sizeof target, "%s%s", to, SIDES[i]);
    if (rename(from, target) && errno != ENOENT)
      return pl_fail(err, PL_E_USAGE, "store %s: the file is damaged and cannot be put aside: %s. Move it away, or name another file", path, strerror(errno));
  }
  return PL_OK;
}

enum pl_status pl_store_open(const char *path, struct pl_store **out, bool *damaged, struct pl_err *err)
{
  struct pl_err local = {0};
  struct pl_store *store = calloc(1, sizeof *store);
  if (damaged)
    *damaged = false;
  if (store)
    store->path = strdup(path ? path : "(in memory)");
  if (!store || !store->path || (path && strlen(path) > 1000)) {
    pl_store_close(store);
    return store && path && strlen(path) > 1000 ? pl_fail(err, PL_E_USAGE, "store: a path of more than 1000 characters")
                                                 : pl_fail(err, PL_E_NOMEM, "store: out of memory");
  }
  enum pl_status status = open_file(store, !path, &local);
  if (status == PL_E_GARBAGE && path) {
    shut(store);
    status = put_aside(path, &local);
    if (!status)
      status = open_file(store, false, &local);
    if (!status && damaged)
      *damaged = true;
  }
  if (status) {
    pl_store_close(store);
    return pl_fail(err, status, "%s", local.text);
  }
  *out = store;
  return PL_OK;
}

void pl_store_close(struct pl_store *store)
{
  if (!store)
    return;
  for (size_t i = 0; i < store->n_waiting; i++)
    free(store->waiting[i].json);
  shut(store);
  free(store->path);
  free(store);
}

sqlite3_stmt *pl_store_use(struct pl_store *store, enum pl_store_statement which, const char *types, ...)
{
  sqlite3_stmt *statement = store->statements[which];
  va_list args;
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  va_start(args, types);
  for (int i = 1; types[i - 1]; i++) {
    if (types[i - 1] == 'i')
      sqlite3_bind_int64(statement, i, va_arg(args, int64_t));
    else
      sqlite3_bind_text(statement, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
  }
  va_end(args);
  return statement;
}

enum pl_status pl_store_run(struct pl_store *store, sqlite3_stmt *statement, const char *what, struct pl_err *err)
{
  struct pl_err local = {0};
  if (store->broken.status) /* an earlier one of the same transaction failed: it is rolled back as one */
    return pl_fail(err, store->broken.status, "%s", store->broken.text);
  int code = sqlite3_step(statement);
  enum pl_status status = code == SQLITE_DONE ? PL_OK : pl_store_trouble(store, what, &local);
  sqlite3_reset(statement);
  if (!status)
    return PL_OK;
  if (store->depth)
    store->broken = local;
  return pl_fail(err, status, "%s", local.text);
}

enum pl_status pl_store_row(struct pl_store *store, sqlite3_stmt *statement, bool *row, const char *what, struct pl_err *err)
{
  int code = sqlite3_step(statement);
  *row = code == SQLITE_ROW;
  if (*row)
    return PL_OK;
  enum pl_status status = code == SQLITE_DONE ? PL_OK : pl_store_trouble(store, what, err);
  sqlite3_reset(statement);
  return status;
}

enum pl_status pl_store_begin(struct pl_store *store, struct pl_err *err)
{
  if (store->depth) {
    store->depth++;
    return PL_OK;
  }
  enum pl_status status = pl_store_run(store, pl_store_use(store, PL_STORE_BEGIN, ""), "begin to write", err);
  store->depth = !status;
  return status;
}

enum pl_status pl_store_commit(struct pl_store *store, struct pl_err *err)
{
  assert(store->depth);
  if (--store->depth)
    return store->broken.status ? pl_fail(err, store->broken.status, "%s", store->broken.text) : PL_OK;
  struct pl_err broken = store->broken;
  store->broken = (struct pl_err){0};
  if (!broken.status)
    pl_store_run(store, pl_store_use(store, PL_STORE_COMMIT, ""), "write", &broken);
  if (!sqlite3_get_autocommit(store->db)) /* a full disk has rolled it back already, or not */
    pl_store_run(store, pl_store_use(store, PL_STORE_ROLLBACK, ""), "take back what failed", NULL);
  return broken.status ? pl_fail(err, broken.status, "%s", broken.text) : PL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The store: what it acknowledged is there after a kill; what is damaged, newer, another's or full is told. */
#include "control/store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define OK(call)                                \
  do {                                          \
    struct pl_err *e_ = &room->err;             \
    e_->text[0] = 0;                            \
    if ((call) != PL_OK)                        \
      fail_msg("%s: %s", #call, e_->text);      \
  } while (0)

struct room {
  char folder[64], path[96];
  struct pl_store *store;
  struct pl_err err;
};

static int setup(void **state)
{
  struct room *room = calloc(1, sizeof *room);
  snprintf(room->folder, sizeof room->folder, "/tmp/pl-store-XXXXXX");
  assert_non_null(mkdtemp(room->folder));
  snprintf(room->path, sizeof room->path, "%s/rackd.db", room->folder);
  *state = room;
  return 0;
}

static int teardown(void **state)
{
  struct room *room = *state;
  char pattern[120];
  glob_t found;
  pl_store_close(room->store);
  snprintf(pattern, sizeof pattern, "%s/*", room->folder);
  if (!glob(pattern, 0, NULL, &found)) {
    for (size_t i = 0; i < found.gl_pathc; i++)
      unlink(found.gl_pathv[i]);
    globfree(&found);
  }
  rmdir(room->folder);
  free(room);
  return 0;
}

static void open_store(struct room *room)
{
  bool damaged = true;
  OK(pl_store_open(room->path, &room->store, &damaged, &room->err));
  assert_false(damaged);
}

static void reopen(struct room *room)
{
  pl_store_close(room->store);
  room->store = NULL;
  open_store(room);
}

static void is(struct room *room, const char *place, const char *key, const char *want)
{
  char *value = NULL;
  OK(pl_store_get(room->store, place, key, &value, &room->err));
  if (want)
    assert_string_equal(value ? value : "(none)", want);
  else
    assert_null(value);
  free(value);
}

struct list {
  char text[400];
  size_t count;
};

static void add_value(void *ctx, const char *key, const char *value)
{
  struct list *list = ctx;
  size_t used = strlen(list->text);
  snprintf(list->text + used, sizeof list->text - used, "%s=%s ", key, value);
  list->count++;
}

static void test_values(void **state)
{
  struct room *room = *state;
  open_store(room);
  is(room, "leak/leak-1", "delay", NULL);
  OK(pl_store_put(room->store, "leak/leak-1", "delay", "1.5", &room->err));
  OK(pl_store_put(room->store, "leak/leak-1", "critical", "ForceOff", &room->err));
  OK(pl_store_put(room->store, "leak/leak-2", "delay", "9", &room->err));
  OK(pl_store_put(room->store, "leak/leak-1", "delay", "2", &room->err));
  reopen(room);
  is(room, "leak/leak-1", "delay", "2");
  struct list list = {0};
  OK(pl_store_each(room->store, "leak/leak-1", add_value, &list, &room->err));
  assert_string_equal(list.text, "critical=ForceOff delay=2 ");
  OK(pl_store_put(room->store, "leak/leak-1", "delay", NULL, &room->err));
  OK(pl_store_put(room->store, "leak/leak-1", "never", NULL, &room->err));
  is(room, "leak/leak-1", "delay", NULL);
  is(room, "leak/leak-2", "delay", "9");
  struct stat st;
  assert_int_equal(stat(room->path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
}

static struct pl_store_procedure a_row(const char *item)
{
  return (struct pl_store_procedure){.kind = "hot-swap", .item = item, .state = "running", .step = "", .begun_wall_ns = 5, .data = "{}", .message = "", .author = "admin"};
}

static void add_row(void *ctx, const struct pl_store_procedure *row)
{
  struct list *list = ctx;
  size_t used = strlen(list->text);
  snprintf(list->text + used, sizeof list->text - used, "%lld:%s:%s:%s:%s:%d:%s ", (long long)row->id, row->kind, row->item, row->state, row->step, row->step_ended,
           row->message);
  list->count++;
}

static void add_trail(void *ctx, const struct pl_store_trail_row *row)
{
  struct list *list = ctx;
  size_t used = strlen(list->text);
  snprintf(list->text + used, sizeof list->text - used, "%lld@%lld %s %s %s;", (long long)row->procedure, (long long)row->wall_ns, row->step, row->what, row->detail);
  list->count++;
}

static void test_procedures(void **state)
{
  struct room *room = *state;
  open_store(room);
  struct pl_store_procedure one = a_row("csu-1"), two = a_row("csu-2");
  OK(pl_store_procedure_new(room->store, &one, &room->err));
  OK(pl_store_procedure_new(room->store, &two, &room->err));
  assert_int_equal(one.id, 1);
  assert_int_equal(two.id, 2);
  one.step = "isolate";
  OK(pl_store_procedure_save(room->store, &one, &room->err));
  OK(pl_store_trail(room->store, 1, 7, "isolate", "began", "", &room->err));
  OK(pl_store_trail(room->store, 1, 8, "isolate", "command", "connector-1.attention=1", &room->err));
  OK(pl_store_trail(room->store, 2, 9, "isolate", "began", "", &room->err));
  two.state = "failed", two.message = "it did not", two.step_ended = true, two.ended_wall_ns = 99;
  OK(pl_store_procedure_save(room->store, &two, &room->err));
  reopen(room);
  struct list running = {0}, all = {0}, trail = {0}, trails = {0};
  OK(pl_store_procedures(room->store, true, add_row, &running, &room->err));
  assert_string_equal(running.text, "1:hot-swap:csu-1:running:isolate:0: ");
  OK(pl_store_procedures(room->store, false, add_row, &all, &room->err));
  assert_string_equal(all.text, "1:hot-swap:csu-1:running:isolate:0: 2:hot-swap:csu-2:failed::1:it did not ");
  OK(pl_store_trail_each(room->store, 1, add_trail, &trail, &room->err));
  assert_string_equal(trail.text, "1@7 isolate began ;1@8 isolate command connector-1.attention=1;");
  OK(pl_store_trail_each(room->store, 0, add_trail, &trails, &room->err));
  assert_int_equal(trails.count, 3);
}

static void test_old_procedures_go_running_ones_stay(void **state)
{
  struct room *room = *state;
  OK(pl_store_open(NULL, &room->store, NULL, &room->err));
  for (int i = 0; i < 1100; i++) {
    struct pl_store_procedure row = a_row("csu-1");
    row.state = i == 3 ? "rolling-back" : "completed";
    OK(pl_store_procedure_new(room->store, &row, &room->err));
    assert_int_equal(row.id, i + 1);
    OK(pl_store_trail(room->store, row.id, 1, "isolate", "began", "", &room->err));
  }
  struct list list = {0}, trail = {0};
  OK(pl_store_procedures(room->store, false, add_row, &list, &room->err));
  assert_int_equal(list.count, 1001);
  OK(pl_store_trail_each(room->store, 0, add_trail, &trail, &room->err));
  assert_int_equal(trail.count, 1001);
  memset(&trail, 0, sizeof trail);
  OK(pl_store_trail_each(room->store, 4, add_trail, &trail, &room->err));
  assert_int_equal(trail.count, 1);
}

struct seen {
  size_t count;
  uint64_t first, last;
};

static void add_event(void *ctx, uint64_t id, int64_t wall_ns, const char *json)
{
  struct seen *seen = ctx;
  char want[40];
  snprintf(want, sizeof want, "{\"n\":%llu}", (unsigned long long)id);
  assert_string_equal(json, want);
  assert_true(wall_ns > 0);
  assert_true(id > seen->last);
  seen->first = seen->count++ ? seen->first : id;
  seen->last = id;
}

static void send(struct room *room, uint64_t id)
{
  char json[40];
  snprintf(json, sizeof json, "{\"n\":%llu}", (unsigned long long)id);
  OK(pl_store_event(room->store, id, 1, json, &room->err));
}

static void test_events(void **state)
{
  struct room *room = *state;
  open_store(room);
  assert_int_equal(pl_store_last_event(room->store), 0);
  for (uint64_t id = 1; id <= 300; id++)
    send(room, id);
  assert_int_equal(pl_store_event(room->store, 300, 1, "{}", &room->err), PL_E_USAGE);
  struct seen seen = {0};
  OK(pl_store_events(room->store, 10, 5, add_event, &seen, &room->err));
  assert_int_equal(seen.count, 5);
  assert_int_equal(seen.first, 11);
  OK(pl_store_flush(room->store, &room->err));
  reopen(room); /* nothing waited: no gap */
  assert_int_equal(pl_store_last_event(room->store), 300);
  send(room, 301);
  reopen(room); /* 301 was given out and not written: it must not come again */
  assert_true(pl_store_last_event(room->store) >= 301);
  send(room, pl_store_last_event(room->store) + 1);
  memset(&seen, 0, sizeof seen);
  OK(pl_store_events(room->store, 0, 100000, add_event, &seen, &room->err));
  assert_int_equal(seen.count, 301);
  assert_int_equal(seen.last, pl_store_last_event(room->store));
}

static void test_only_the_last_events_stay(void **state)
{
  struct room *room = *state;
  OK(pl_store_open(NULL, &room->store, NULL, &room->err));
  for (uint64_t id = 2; id <= 2 * (PL_STORE_EVENTS_MAX + 50); id += 2)
    send(room, id);
  struct seen seen = {0};
  OK(pl_store_events(room->store, 0, SIZE_MAX, add_event, &seen, &room->err));
  assert_int_equal(seen.count, PL_STORE_EVENTS_MAX);
  assert_int_equal(seen.first, 102);
}

static void add_audit(void *ctx, int64_t wall_ns, const char *user, const char *peer, const char *what, int status)
{
  struct list *list = ctx;
  size_t used = strlen(list->text);
  snprintf(list->text + used, sizeof list->text - used, "%lld %s@%s %s %d;", (long long)wall_ns, user, peer, what, status);
  list->count++;
}

static void test_audit(void **state)
{
  struct room *room = *state;
  open_store(room);
  OK(pl_store_audit(room->store, 1, "admin", "127.0.0.1", "POST /x", 204, &room->err));
  OK(pl_store_audit(room->store, 2, "", "127.0.0.2", "PATCH /y", 401, &room->err));
  OK(pl_store_audit(room->store, 3, "eve", "127.0.0.2", "PATCH /z", 403, &room->err));
  reopen(room);
  struct list list = {0};
  OK(pl_store_audit_each(room->store, 2, add_audit, &list, &room->err));
  assert_string_equal(list.text, "2 @127.0.0.2 PATCH /y 401;3 eve@127.0.0.2 PATCH /z 403;");
}

static void test_together_or_not_at_all(void **state)
{
  struct room *room = *state;
  open_store(room);
  OK(pl_store_begin(room->store, &room->err));
  OK(pl_store_put(room->store, "a", "1", "x", &room->err));
  OK(pl_store_begin(room->store, &room->err));
  OK(pl_store_put(room->store, "a", "2", "x", &room->err));
  OK(pl_store_commit(room->store, &room->err));
  reopen(room); /* a kill before the outer commit */
  is(room, "a", "1", NULL);
  is(room, "a", "2", NULL);
  OK(pl_store_begin(room->store, &room->err));
  OK(pl_store_put(room->store, "a", "1", "y", &room->err));
  OK(pl_store_commit(room->store, &room->err));
  reopen(room);
  is(room, "a", "1", "y");
}

/* The child writes and says through a pipe what was acknowledged; it is killed at any moment; the parent finds all of it and at most one more. */
static void write_for_ever(const char *path, int pipe_fd)
{
  struct pl_store *store = NULL;
  if (pl_store_open(path, &store, NULL, NULL))
    _exit(2);
  for (int64_t n = 1;; n++) {
    char text[24];
    struct pl_store_procedure row = a_row("csu-1");
    snprintf(text, sizeof text, "%lld", (long long)n);
    row.message = text;
    if (pl_store_procedure_new(store, &row, NULL) || pl_store_put(store, "count", "n", text, NULL) || pl_store_trail(store, row.id, n, "s", "began", "", NULL))
      _exit(3);
    if (write(pipe_fd, &n, sizeof n) != sizeof n)
      _exit(4);
  }
}

static void test_what_was_acknowledged_survives_a_kill(void **state)
{
  struct room *room = *state;
  int64_t before = 0, total = 0;
  for (int round = 0; round < 20; round++) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
      close(fds[0]);
      write_for_ever(room->path, fds[1]);
    }
    close(fds[1]);
    int64_t n = 0, acknowledged = 0;
    while (acknowledged < 3 + round * 3 && read(fds[0], &n, sizeof n) == sizeof n)
      acknowledged = n;
    kill(child, SIGKILL); /* it writes on meanwhile: anywhere */
    while (read(fds[0], &n, sizeof n) == sizeof n)
      acknowledged = n;
    close(fds[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    open_store(room);
    char *value = NULL;
    OK(pl_store_get(room->store, "count", "n", &value, &room->err));
    int64_t kept = value ? strtoll(value, NULL, 10) : 0;
    free(value);
    assert_in_range(kept, acknowledged, acknowledged + 1);
    struct list rows = {0}, trail = {0};
    OK(pl_store_procedures(room->store, false, add_row, &rows, &room->err));
    OK(pl_store_trail_each(room->store, 0, add_trail, &trail, &room->err));
    total = (int64_t)rows.count;
    assert_in_range(total - before, acknowledged, acknowledged + 1);
    assert_in_range(trail.count, rows.count - (size_t)round - 1, rows.count); /* a row without its trail only where a kill fell between the two */
    before = total;
    pl_store_close(room->store);
    room->store = NULL;
  }
  assert_true(total > 600);
}

static size_t matches(const char *folder, const char *what)
{
  char pattern[140];
  glob_t found = {0};
  snprintf(pattern, sizeof pattern, "%s/%s", folder, what);
  size_t count = glob(pattern, 0, NULL, &found) ? 0 : found.gl_pathc;
  globfree(&found);
  return count;
}

static void scribble(const char *path, off_t at, size_t size)
{
  int fd = open(path, O_WRONLY);
  assert_true(fd >= 0);
  for (size_t i = 0; i < size; i++)
    assert_int_equal(pwrite(fd, "\xa5", 1, at + (off_t)i), 1);
  close(fd);
}

static void fill(struct room *room, int count)
{
  for (int i = 0; i < count; i++) {
    char key[16], text[200];
    snprintf(key, sizeof key, "%05d", i);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    OK(pl_store_put(room->store, "filler", key, text, &room->err));
  }
}

/* Into the file itself, as a checkpoint leaves it. */
static void checkpoint(struct room *room)
{
  sqlite3 *db;
  pl_store_close(room->store);
  room->store = NULL;
  assert_int_equal(sqlite3_open(room->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_damaged_is_put_aside(void **state)
{
  struct room *room = *state;
  static const struct {
    off_t at;
    size_t size;
    off_t cut;
  } HARM[] = {{0, 16, 0}, {100, 3000, 0}, {8192, 4096, 0}, {0, 0, 30000}};
  for (size_t i = 0; i < sizeof HARM / sizeof *HARM; i++) {
    open_store(room);
    fill(room, 500);
    checkpoint(room);
    scribble(room->path, HARM[i].at, HARM[i].size);
    if (HARM[i].cut)
      assert_int_equal(truncate(room->path, HARM[i].cut), 0);
    bool damaged = false;
    OK(pl_store_open(room->path, &room->store, &damaged, &room->err));
    assert_true(damaged);
    is(room, "filler", "00000", NULL);
    OK(pl_store_put(room->store, "a", "b", "c", &room->err));
    reopen(room);
    is(room, "a", "b", "c");
    pl_store_close(room->store);
    room->store = NULL;
    assert_int_equal(matches(room->folder, "rackd.db.damaged-*Z*") - matches(room->folder, "rackd.db.damaged-*Z*-wal"), i + 1);
    assert_int_equal(unlink(room->path), 0);
  }
}

static void meddle(struct room *room, const char *sql)
{
  sqlite3 *db;
  assert_int_equal(sqlite3_open(room->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static void refused(struct room *room, enum pl_status status, const char *because)
{
  bool damaged = true;
  struct pl_store *store = NULL;
  assert_int_equal(pl_store_open(room->path, &store, &damaged, &room->err), status);
  assert_null(store);
  assert_false(damaged);
  assert_non_null(strstr(room->err.text, because));
  assert_non_null(strstr(room->err.text, room->path));
}

struct decided {
  size_t count;
  int64_t last;
  char words[200];
};

static void hear_decision(void *ctx, const struct pl_store_decision *row)
{
  struct decided *decided = ctx;
  size_t used = strlen(decided->words);
  decided->count++;
  decided->last = row->id;
  snprintf(decided->words + used, sizeof decided->words - used, "%s %s %s %s: %s|%s;", row->what, row->id_of, row->node, row->author, row->text, row->detail);
}

/* A file of the version before is brought to this one, and keeps what it has. */
static void test_decisions_also_in_an_old_file(void **state)
{
  struct room *room = *state;
  struct decided decided = {0};
  open_store(room);
  OK(pl_store_put(room->store, "a", "b", "c", &room->err));
  pl_store_close(room->store);
  room->store = NULL;
  meddle(room, "DROP TABLE decision; PRAGMA user_version = 1");
  open_store(room);
  is(room, "a", "b", "c");
  struct pl_store_decision row = {.wall_ns = 5, .what = "place", .id_of = "web", .node = "csu-3", .author = "admin", .text = "there", .detail = "a\nb"};
  for (size_t i = 0; i < 3; i++)
    OK(pl_store_decide(room->store, &row, &room->err));
  OK(pl_store_decisions(room->store, 1, 1, hear_decision, &decided, &room->err));
  assert_int_equal(decided.count, 1);
  assert_int_equal(decided.last, 2);
  assert_string_equal(decided.words, "place web csu-3 admin: there|a\nb;");
  OK(pl_store_decisions(room->store, 2, 10, hear_decision, &decided, &room->err));
  assert_int_equal(decided.last, 3);
  assert_int_equal(decided.count, 2);
}

static void test_refusals(void **state)
{
  struct room *room = *state;
  open_store(room);
  OK(pl_store_put(room->store, "a", "b", "c", &room->err));
  refused(room, PL_E_LOCKED, "another program holds it");
  pl_store_close(room->store);
  room->store = NULL;
  meddle(room, "PRAGMA user_version = 3");
  refused(room, PL_E_USAGE, "newer rackd");
  meddle(room, "PRAGMA user_version = 2");
  open_store(room); /* it was left alone */
  is(room, "a", "b", "c");
  pl_store_close(room->store);
  room->store = NULL;
  meddle(room, "PRAGMA application_id = 7");
  refused(room, PL_E_USAGE, "another program's database");
  snprintf(room->path, sizeof room->path, "%s/nowhere/rackd.db", room->folder);
  refused(room, PL_E_USAGE, "folder that exists");
  snprintf(room->path, sizeof room->path, "%s", room->folder);
  refused(room, PL_E_USAGE, "cannot be opened");
}

/* In a child, for the limit counts for the whole process: files may not grow past 200 kB, as on a full disk. */
static void write_until_full(const char *path)
{
  struct pl_store *store = NULL;
  struct pl_err err = {0};
  struct rlimit limit = {200000, RLIM_INFINITY};
  char key[24], text[1000];
  memset(text, 'y', sizeof text - 1);
  text[sizeof text - 1] = 0;
  signal(SIGXFSZ, SIG_IGN);
  if (pl_store_open(path, &store, NULL, NULL) || setrlimit(RLIMIT_FSIZE, &limit))
    _exit(2);
  int n = 0;
  for (; n < 1000; n++) {
    snprintf(key, sizeof key, "%04d", n);
    if (pl_store_put(store, "full", key, text, &err))
      break;
  }
  if (n == 1000 || err.status != PL_E_IO || !strstr(err.text, path) || !strstr(err.text, "nothing was changed"))
    _exit(3);
  char big[250000]; /* more than a file may be, wherever in it there is still room */
  memset(big, 'z', sizeof big - 1);
  big[sizeof big - 1] = 0;
  struct pl_store_procedure row = a_row(big);
  if (!pl_store_procedure_new(store, &row, &err) || row.id) /* also in a transaction */
    _exit(4);
  limit.rlim_cur = RLIM_INFINITY;
  if (setrlimit(RLIMIT_FSIZE, &limit) || pl_store_procedure_new(store, &row, &err) || row.id != 1) /* there is room again */
    _exit(5);
  snprintf(key, sizeof key, "%d", n);
  _exit(pl_store_put(store, "full", "count", key, &err) ? 6 : 0);
}

static void test_a_full_disk_is_told(void **state)
{
  struct room *room = *state;
  pid_t child = fork();
  assert_true(child >= 0);
  if (!child)
    write_until_full(room->path);
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  open_store(room);
  char *count = NULL, key[24];
  OK(pl_store_get(room->store, "full", "count", &count, &room->err));
  assert_non_null(count);
  long n = strtol(count, NULL, 10);
  free(count);
  assert_true(n > 10);
  struct list list = {0};
  OK(pl_store_each(room->store, "full", add_value, &list, &room->err));
  assert_int_equal(list.count, n + 1); /* those acknowledged, and the count; the refused one is not there */
  snprintf(key, sizeof key, "%04ld", n);
  is(room, "full", key, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_values), TEST(test_procedures), TEST(test_old_procedures_go_running_ones_stay), TEST(test_events), TEST(test_only_the_last_events_stay),
      TEST(test_audit), TEST(test_together_or_not_at_all), TEST(test_what_was_acknowledged_survives_a_kill), TEST(test_damaged_is_put_aside),
      TEST(test_decisions_also_in_an_old_file), TEST(test_refusals), TEST(test_a_full_disk_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The file side of the journal: opening, lines, flushing, the failure that is kept. The artifacts are in artifacts.c. */
#include "host/journal/journal.h"

#include "host/journal/stamp.h"
#include "host/journal/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Memory stays flat even when nobody flushes for long (series, logs). */
#define FLUSH_AT (64 * 1024)

/* flock says whether another run holds the file, even one of this process; the record lock beside it only names the holder. */
static enum pl_status lock_file(int fd, const char *path, struct pl_err *err)
{
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
    fcntl(fd, F_SETLK, &whole); /* where it fails only the holder's name is lost */
    return PL_OK;
  }
  if (errno != EWOULDBLOCK)
    return errno == ENOLCK || errno == EOPNOTSUPP ? PL_OK /* a file system without locks */ : pl_fail_errno(err, "%s: cannot lock", path);
  if (fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK)
    return pl_fail(err, PL_E_LOCKED, "%s: being written by another run (process %ld); wait for it or give another --out", path, (long)whole.l_pid);
  return pl_fail(err, PL_E_LOCKED, "%s: being written by another run; wait for it or give another --out", path);
}

#define ASIDE_MAX 10000

/* An older record is kept: journal.jsonl becomes journal-1.jsonl, or the next number that is free. */
static enum pl_status move_aside(const char *path, struct pl_err *err)
{
  const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
  size_t stem = dot ? (size_t)(dot - path) : strlen(path), room = strlen(path) + 16;
  char *aside = malloc(room);
  if (!aside)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a journal");
  int n = 1;
  for (; n < ASIDE_MAX; n++) {
    snprintf(aside, room, "%.*s-%d%s", (int)stem, path, n, dot ? dot : "");
    if (!link(path, aside)) /* fails where there is one already, unlike rename */
      break;
    if (errno != EEXIST)
      n = ASIDE_MAX;
  }
  free(aside);
  if (n >= ASIDE_MAX || unlink(path))
    return pl_fail_errno(err, "%s: the older journal cannot be moved aside; give another --out", path);
  return PL_OK;
}

static enum pl_status open_file(struct pl_journal *journal, const char *path, struct pl_err *err)
{
  struct stat info;
  journal->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
  if (journal->fd < 0)
    return errno == ENOENT ? pl_fail(err, PL_E_IO, "%s: cannot be made: its folder does not exist", path) : pl_fail_errno(err, "%s: cannot be opened for writing", path);
  journal->own_fd = true;
  if (fstat(journal->fd, &info))
    return pl_fail_errno(err, "%s: cannot be examined", path);
  if (!S_ISREG(info.st_mode))
    return PL_OK; /* a pipe, a terminal, /dev/null */
  enum pl_status status = lock_file(journal->fd, path, err);
  if (status || info.st_size == 0)
    return status;
  status = move_aside(path, err);
  if (status)
    return status;
  close(journal->fd);
  journal->own_fd = false;
  journal->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (journal->fd < 0)
    return pl_fail_errno(err, "%s: cannot be opened for writing", path);
  journal->own_fd = true;
  return lock_file(journal->fd, path, err);
}

static void release(struct pl_journal *journal)
{
  if (journal->own_fd)
    close(journal->fd);
  pl_text_free(&journal->text);
  free(journal->series_counts);
  free(journal->path);
  free(journal);
}

static void put_schema_version(struct pl_journal *journal)
{
  pl_journal_line_begin(journal);
  PL_TEXT_LIT(&journal->text, "\"schemaVersion\":{\"major\":2,\"minor\":0}}");
  pl_journal_line_end(journal);
}

enum pl_status pl_journal_open(const char *path, const struct pl_clock *clock, struct pl_journal **out, struct pl_err *err)
{
  struct pl_journal *journal = calloc(1, sizeof *journal);
  if (!journal)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a journal");
  journal->clock = clock;
  journal->fd = -1;
  journal->path = strdup(!path ? "" : strcmp(path, "-") ? path : "standard output");
  enum pl_status status = journal->path ? PL_OK : pl_fail(err, PL_E_NOMEM, "out of memory for a journal");
  if (!status && path && !strcmp(path, "-"))
    journal->fd = STDOUT_FILENO;
  else if (!status && path)
    status = open_file(journal, path, err);
  if (status) {
    release(journal);
    return status;
  }
  put_schema_version(journal);
  *out = journal;
  return PL_OK;
}

void pl_journal_listen(struct pl_journal *journal, void (*fn)(void *ctx, const char *line, size_t len), void *ctx)
{
  journal->listen = fn;
  journal->listen_ctx = ctx;
}

void pl_journal_keep(struct pl_journal *journal, enum pl_status status, const char *format, ...)
{
  if (journal->kept.status)
    return;
  va_list args;
  va_start(args, format);
  (void)pl_vfail(&journal->kept, status, format, args);
  va_end(args);
}

static uint64_t count_lines(const char *bytes, size_t len)
{
  uint64_t lines = 0;
  for (const char *end = bytes + len; (bytes = memchr(bytes, '\n', (size_t)(end - bytes))); bytes++)
    lines++;
  return lines;
}

/* Hands the first `len` bytes of the text to the kernel. */
static void write_out(struct pl_journal *journal, size_t len)
{
  const char *bytes = journal->text.bytes;
  size_t done = 0;
  while (done < len && journal->fd >= 0 && !journal->kept.status) {
    ssize_t n = write(journal->fd, bytes + done, len - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      int number = n < 0 ? errno : ENOSPC;
      uint64_t lines = journal->lines_on_disk + count_lines(bytes, done);
      pl_journal_keep(journal, PL_E_IO, "%s: %s; the record stands up to line %llu", journal->path, strerror(number), (unsigned long long)lines);
      return;
    }
    done += (size_t)n;
  }
}

enum pl_status pl_journal_flush(struct pl_journal *journal, struct pl_err *err)
{
  struct pl_text *text = &journal->text;
  if (text->failed)
    pl_journal_keep(journal, PL_E_NOMEM, "%s: out of memory; the record stands up to line %llu", journal->path, (unsigned long long)journal->lines_on_disk);
  write_out(journal, journal->line_at);
  journal->lines_on_disk = (uint64_t)journal->sequence;
  text->len = journal->line_at = 0;
  if (journal->kept.status)
    return pl_fail(err, journal->kept.status, "%s", journal->kept.text);
  return PL_OK;
}

bool pl_journal_pending(const struct pl_journal *journal)
{
  return journal->line_at > 0;
}

enum pl_status pl_journal_close(struct pl_journal *journal, struct pl_err *err)
{
  if (!journal)
    return PL_OK;
  enum pl_status status = pl_journal_flush(journal, err);
  int fd = journal->own_fd ? journal->fd : -1;
  journal->own_fd = false;
  if (fd >= 0 && close(fd) && !status) /* network file systems tell of a full disk here */
    status = pl_fail_errno(err, "%s: cannot finish the record", journal->path);
  release(journal);
  return status;
}

/* --- lines --- */

void pl_journal_put_stamp(struct pl_journal *journal, pl_time_ns at)
{
  struct pl_text *text = &journal->text;
  PL_TEXT_LIT(text, "\"timestamp\":\"");
  char *stamp = pl_text_room(text, PL_STAMP_LEN);
  if (stamp) {
    pl_stamp_write(pl_clock_wall_ns(journal->clock, at), stamp);
    text->len += PL_STAMP_LEN;
  }
  PL_TEXT_LIT(text, "\"");
}

void pl_journal_line_begin(struct pl_journal *journal)
{
  PL_TEXT_LIT(&journal->text, "{\"sequenceNumber\":");
  pl_text_int(&journal->text, journal->sequence);
  PL_TEXT_LIT(&journal->text, ",");
  pl_journal_put_stamp(journal, pl_clock_now(journal->clock));
  PL_TEXT_LIT(&journal->text, ",");
}

void pl_journal_line_end(struct pl_journal *journal)
{
  struct pl_text *text = &journal->text;
  PL_TEXT_LIT(text, "\n");
  if (text->failed) /* the half line must not reach the file */
    return;
  if (journal->listen)
    journal->listen(journal->listen_ctx, text->bytes + journal->line_at, text->len - journal->line_at - 1);
  journal->sequence++;
  journal->line_at = text->len;
  if (text->len >= FLUSH_AT)
    pl_journal_flush(journal, NULL); /* a failure is kept for the caller's own flush */
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/stamp.h"
#include "host/journal/text.h"
#include "host/safety/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <syslog.h>

/* Some 200 bytes a line: two rounds over 150 outputs. What is longer is still written, on a disk that has room. */
#define RESERVED (64 * 1024)
#define QUOTES 4

struct pl_guard_record {
  const struct pl_clock *clock;
  int fd; /* -1: none */
  struct pl_text text;
  size_t written;
  bool spilt; /* the disk refused: it went elsewhere */
  struct pl_text quotes[QUOTES];
  unsigned quote;
};

/* Blocks without length (FALLOC_FL_KEEP_SIZE). Where the file system has no such thing (9p, NFS before 4.2) empty lines keep the place, until the end. */
static int reserve(struct pl_guard_record *record)
{
  if (!fallocate(record->fd, FALLOC_FL_KEEP_SIZE, 0, RESERVED))
    return 0;
  if (errno != EOPNOTSUPP)
    return errno;
  memset(record->text.bytes, '\n', RESERVED); /* nothing is in it yet */
  errno = ENOSPC;
  return pwrite(record->fd, record->text.bytes, RESERVED, 0) == RESERVED ? 0 : errno;
}

static void open_file(struct pl_guard_record *record, const char *path, char *note, size_t size)
{
  record->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
  int error = record->fd < 0 ? errno : reserve(record);
  if (error)
    snprintf(note, size, "%s: %s%s; on a full disk it would be printed instead", path, record->fd < 0 ? "" : "no room reserved for the record: ", strerror(error));
}

enum pl_status pl_guard_record_open(const char *path, const struct pl_clock *clock, struct pl_guard_record **out, char *note, size_t size, struct pl_err *err)
{
  struct pl_guard_record *record = calloc(1, sizeof *record);
  char *room = record ? pl_text_room(&record->text, RESERVED) : NULL;
  if (!room) {
    free(record);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the guardian's record");
  }
  memset(room, 0, RESERVED); /* the pages are there when they are needed */
  for (size_t i = 0; i < QUOTES; i++)
    (void)pl_text_room(&record->quotes[i], 8 * PL_ERR_TEXT_MAX);
  *note = '\0';
  record->clock = clock;
  open_file(record, path, note, size);
  *out = record;
  return PL_OK;
}

const char *pl_guard_record_quote(struct pl_guard_record *record, const char *text)
{
  struct pl_text *quote = &record->quotes[record->quote++ % QUOTES];
  quote->len = 0;
  pl_text_json(quote, text, strlen(text));
  pl_text_char(quote, '\0');
  return quote->failed ? "\"\"" : quote->bytes;
}

void pl_guard_record_add(struct pl_guard_record *record, const char *what, const char *fields, ...)
{
  char stamp[PL_STAMP_LEN], more[4 * PL_ERR_TEXT_MAX];
  va_list args;
  va_start(args, fields);
  int len = vsnprintf(more, sizeof more, fields, args);
  va_end(args);
  if (len < 0 || (size_t)len >= sizeof more) /* half an object is none */
    snprintf(more, sizeof more, "\"cut\":true");
  pl_stamp_write(pl_clock_wall_ns(record->clock, pl_clock_now(record->clock)), stamp);
  pl_text_format(&record->text, "{\"guardian\":\"%s\",\"at\":\"%.*s\"%s%s}\n", what, PL_STAMP_LEN, stamp, *more ? "," : "", more);
}

static void spill(struct pl_guard_record *record, int error)
{
  const char *line = record->text.bytes + record->written, *end = record->text.bytes + record->text.len;
  if (!record->spilt)
    fprintf(stderr, "plumb guardian: its record could not be written (%s); it is:\n", strerror(error));
  record->spilt = true;
  for (const char *next; line < end; line = next) {
    next = memchr(line, '\n', (size_t)(end - line));
    next = next ? next + 1 : end;
    fprintf(stderr, "%.*s", (int)(next - line), line);
    syslog(LOG_CRIT, "%.*s", (int)(next - line), line);
  }
}

void pl_guard_record_flush(struct pl_guard_record *record)
{
  struct pl_text *text = &record->text;
  while (record->written < text->len) {
    ssize_t n = record->fd < 0 ? -1 : pwrite(record->fd, text->bytes + record->written, text->len - record->written, (off_t)record->written);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      spill(record, n < 0 ? errno : ENOSPC);
      record->written = text->len;
      return;
    }
    record->written += (size_t)n;
  }
}

void pl_guard_record_close(struct pl_guard_record *record)
{
  if (!record)
    return;
  pl_guard_record_flush(record);
  if (record->fd >= 0 && !ftruncate(record->fd, (off_t)record->written)) /* what was reserved beyond it goes back */
    (void)fdatasync(record->fd);
  if (record->fd >= 0)
    close(record->fd);
  for (size_t i = 0; i < QUOTES; i++)
    pl_text_free(&record->quotes[i]);
  pl_text_free(&record->text);
  free(record);
}

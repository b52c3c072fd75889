/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (128 * 1024)
#define LINE_MAX_BYTES ((size_t)16 << 20)

struct pl_reader {
  char *name;
  int fd;             /* -1: from memory */
  char *room;         /* what was read from fd */
  size_t cap;
  const char *bytes;  /* room, or the caller's memory */
  size_t at, size;    /* of bytes: what is not yet returned */
  bool ended, torn;
  uint64_t line;
  struct pl_json json;
};

static enum pl_status new_reader(const char *name, struct pl_reader **out, struct pl_err *err)
{
  struct pl_reader *reader = calloc(1, sizeof *reader);
  char *copy = strdup(name);
  if (!reader || !copy) {
    free(reader);
    free(copy);
    return pl_fail(err, PL_E_NOMEM, "out of memory for reading %s", name);
  }
  reader->name = copy;
  reader->fd = -1;
  *out = reader;
  return PL_OK;
}

enum pl_status pl_reader_open(const char *path, struct pl_reader **out, struct pl_err *err)
{
  bool standard = !strcmp(path, "-");
  struct pl_reader *reader;
  enum pl_status status = new_reader(standard ? "standard input" : path, &reader, err);
  if (status)
    return status;
  reader->fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (reader->fd < 0) {
    status = pl_fail_errno(err, "%s: cannot be opened", reader->name);
    pl_reader_free(reader);
    return status;
  }
  struct stat st;
  if (!standard && !fstat(reader->fd, &st) && !S_ISREG(st.st_mode)) {
    status = pl_fail(err, PL_E_USAGE, "%s: is not a plain file, expected a journal", reader->name);
    pl_reader_free(reader);
    return status;
  }
  *out = reader;
  return PL_OK;
}

enum pl_status pl_reader_open_bytes(const char *name, const char *bytes, size_t size, struct pl_reader **out, struct pl_err *err)
{
  enum pl_status status = new_reader(name, out, err);
  if (status)
    return status;
  (*out)->bytes = bytes;
  (*out)->size = size;
  (*out)->ended = true;
  return PL_OK;
}

void pl_reader_free(struct pl_reader *reader)
{
  if (!reader)
    return;
  if (reader->fd >= 0)
    close(reader->fd);
  pl_json_free(&reader->json);
  free(reader->room);
  free(reader->name);
  free(reader);
}

/* Reads on behind what is not yet returned, which moves to the front. */
static enum pl_status fill(struct pl_reader *reader, struct pl_err *err)
{
  size_t left = reader->size - reader->at;
  if (left >= LINE_MAX_BYTES)
    return pl_fail(err, PL_E_GARBAGE, "%s:%llu: a line longer than %zu bytes", reader->name, (unsigned long long)reader->line + 1, LINE_MAX_BYTES);
  if (left)
    memmove(reader->room, reader->room + reader->at, left);
  reader->at = 0;
  reader->size = left;
  if (reader->cap - left < CHUNK) {
    size_t cap = reader->cap ? 2 * reader->cap : 2 * CHUNK;
    char *room = realloc(reader->room, cap);
    if (!room)
      return pl_fail(err, PL_E_NOMEM, "%s: out of memory", reader->name);
    reader->room = room;
    reader->cap = cap;
  }
  reader->bytes = reader->room;
  ssize_t n;
  do
    n = read(reader->fd, reader->room + left, reader->cap - left);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return pl_fail_errno(err, "%s: cannot be read", reader->name);
  reader->ended = n == 0;
  reader->size += (size_t)n;
  return PL_OK;
}

/* The next line without its newline; *len 0 and *line NULL at the end. */
static enum pl_status next_line(struct pl_reader *reader, const char **line, size_t *len, bool *whole, struct pl_err *err)
{
  size_t seen = 0;
  for (;;) {
    const char *from = reader->bytes ? reader->bytes + reader->at : "";
    size_t left = reader->size - reader->at;
    const char *newline = left > seen ? memchr(from + seen, '\n', left - seen) : NULL;
    if (newline || reader->ended) {
      *whole = newline;
      *len = newline ? (size_t)(newline - from) : left;
      *line = newline || left ? from : NULL;
      reader->at += *len + (newline ? 1 : 0);
      reader->line += *line ? 1 : 0;
      return PL_OK;
    }
    seen = left;
    enum pl_status status = fill(reader, err);
    if (status)
      return status;
  }
}

static bool blank(const char *line, size_t len)
{
  for (size_t i = 0; i < len; i++)
    if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
      return false;
  return true;
}

enum pl_status pl_reader_next(struct pl_reader *reader, const struct pl_json_node **object, struct pl_err *err)
{
  *object = NULL;
  for (;;) {
    const char *line;
    size_t len;
    bool whole;
    enum pl_status status = next_line(reader, &line, &len, &whole, err);
    if (status || !line)
      return status;
    if (blank(line, len))
      continue;
    struct pl_err why = {0};
    status = pl_json_parse(&reader->json, line, len, &why);
    if (!status && reader->json.nodes[0].kind != PL_JSON_OBJECT)
      status = pl_fail(&why, PL_E_GARBAGE, "not a JSON object");
    if (!status) {
      *object = reader->json.nodes;
      return PL_OK;
    }
    if (!whole && status == PL_E_GARBAGE) {
      reader->torn = true;
      return PL_OK;
    }
    return pl_fail(err, status, "%s:%llu: %s", reader->name, (unsigned long long)reader->line, why.text);
  }
}

uint64_t pl_reader_line(const struct pl_reader *reader)
{
  return reader->line;
}

bool pl_reader_torn(const struct pl_reader *reader)
{
  return reader->torn;
}

enum pl_status pl_reader_fail(const struct pl_reader *reader, struct pl_err *err, const char *format, ...)
{
  char text[PL_ERR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return pl_fail(err, PL_E_GARBAGE, "%s:%llu: %s", reader->name, (unsigned long long)reader->line, text);
}

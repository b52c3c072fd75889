/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_JOURNAL_TEST_H
#define PL_CONTROL_JOURNAL_TEST_H

/* For the tests of the journal of decisions: a folder for it, and what is in it. */
#include "control/placement/record.h"
#include "control/placement/recorder.h"
#include "control/placement/replay.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* xorshift */
static inline uint64_t journal_draw(uint64_t *seed, uint64_t below)
{
  *seed ^= *seed << 13;
  *seed ^= *seed >> 7;
  *seed ^= *seed << 17;
  return *seed % below;
}

struct journal {
  char folder[64];
};

static inline void journal_open(struct journal *j)
{
  snprintf(j->folder, sizeof j->folder, "/tmp/pl-journal-XXXXXX");
  assert_non_null(mkdtemp(j->folder));
}

/* Calls fn with the path of each file, the oldest first; their count. */
static inline size_t journal_each(const struct journal *j, void (*fn)(void *ctx, const char *path), void *ctx)
{
  struct dirent **entries;
  size_t parts = 0;
  int count = scandir(j->folder, &entries, NULL, alphasort);
  assert_true(count >= 0);
  for (int i = 0; i < count; i++) {
    char path[400];
    snprintf(path, sizeof path, "%s/%s", j->folder, entries[i]->d_name);
    if (pl_recorder_number(entries[i]->d_name)) {
      fn(ctx, path);
      parts++;
    }
    free(entries[i]);
  }
  free(entries);
  return parts;
}

static inline void journal_remove(void *ctx, const char *path)
{
  (void)ctx;
  unlink(path);
}

static inline void journal_close(struct journal *j)
{
  journal_each(j, journal_remove, NULL);
  rmdir(j->folder);
}

static inline void journal_replay(void *ctx, const char *path)
{
  struct pl_replay *sum = ctx, replay;
  struct pl_err err = {0};
  if (pl_replay_file(path, 0, &replay, &err))
    fail_msg("%s", err.text);
  if (replay.diverged)
    fail_msg("%s:%zu: %s", path, replay.diverged, replay.why);
  assert_false(replay.torn);
  sum->lines += replay.lines;
  sum->answers += replay.answers;
  sum->decisions += replay.decisions;
  pl_replay_end(&replay);
}

static inline char *journal_text(const char *path, size_t *size)
{
  struct stat info;
  FILE *file = fopen(path, "re");
  assert_non_null(file);
  assert_int_equal(fstat(fileno(file), &info), 0);
  char *text = calloc(1, (size_t)info.st_size + 1);
  *size = fread(text, 1, (size_t)info.st_size, file);
  fclose(file);
  assert_int_equal(*size, info.st_size);
  return text;
}

/* The lines of a text under sums that are right, whatever stood there. malloc'd. */
static inline char *journal_seal(const char *text, size_t size, size_t *sealed_size)
{
  char *sealed = NULL;
  uint64_t seal = PL_RECORD_SEAL;
  FILE *out = open_memstream(&sealed, sealed_size);
  for (const char *at = text, *end; at < text + size && (end = memchr(at, '\n', (size_t)(text + size - at))); at = end + 1) {
    size_t n = (size_t)(end - at);
    n = n >= 10 && !memcmp(end - 10, " *", 2) ? n - 10 : n;
    seal = pl_record_seal(seal, at, n);
    fwrite(at, 1, n, out);
    fprintf(out, " *%08x\n", (unsigned)(seal & 0xFFFFFFFF));
  }
  fclose(out);
  return sealed;
}

static inline size_t journal_line_of(const char *text, const char *at)
{
  size_t line = 1;
  for (; text < at; text++)
    line += *text == '\n';
  return line;
}

/* Somebody who makes the sums right, too: another answer than the pool gives, or a pool that gives another answer. */
static inline void journal_assert_found(const char *text, const char *line_words, const char *from, const char *to)
{
  const char *line = text, *end = NULL, *at = NULL;
  while (!at && (line = strstr(line + (at == NULL && end), line_words))) { /* the first such line that has `from` */
    end = strchr(line + 1, '\n');
    at = strstr(line + 1, from);
    at = at && at < end ? at : NULL;
  }
  struct pl_replay replay;
  char *changed = NULL, *sealed;
  size_t changed_size, sealed_size;
  assert_non_null(at);
  FILE *out = open_memstream(&changed, &changed_size);
  fprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
  fclose(out);
  sealed = journal_seal(changed, changed_size, &sealed_size);
  assert_int_equal(pl_replay_text(sealed, sealed_size, 0, &replay, NULL), PL_OK);
  assert_true(replay.diverged >= journal_line_of(text, line + (*line == '\n')));
  assert_non_null(strstr(replay.why, "decided again"));
  pl_replay_end(&replay);
  free(sealed);
  free(changed);
}

#endif

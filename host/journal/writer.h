/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_JOURNAL_WRITER_H
#define PL_HOST_JOURNAL_WRITER_H

#include "host/journal/journal.h"
#include "host/journal/text.h"

/* Inside of host/journal: what the file side (journal.c) and the artifacts (artifacts.c) share. */
struct pl_journal {
  const struct pl_clock *clock;
  struct pl_text text;  /* whole lines that wait for the flush, then the line being made */
  size_t line_at;       /* where in text the line being made begins */
  int64_t sequence;     /* the next sequenceNumber */
  int next_step, next_series;
  uint32_t *series_counts; /* elements per series */
  int series_capacity;
  void (*listen)(void *ctx, const char *line, size_t len);
  void *listen_ctx;
  int fd; /* -1: nowhere */
  bool own_fd;
  char *path;
  uint64_t lines_on_disk;
  struct pl_err kept; /* the first failure */
};

void pl_journal_line_begin(struct pl_journal *journal); /* {"sequenceNumber":N,"timestamp":"...", */
void pl_journal_line_end(struct pl_journal *journal);   /* after the last brace */
void pl_journal_put_stamp(struct pl_journal *journal, pl_time_ns at); /* "timestamp":"..." */
void pl_journal_keep(struct pl_journal *journal, enum pl_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif

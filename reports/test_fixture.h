/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_REPORTS_TEST_FIXTURE_H
#define PL_REPORTS_TEST_FIXTURE_H

/* For the tests of reports/: a folder with a journal, and a virtual clock. */
#include "reports/model.h"
#include "reports/test_sample.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

struct fixture {
  char folder[64], journal[128], out[128], limits[128];
  struct pl_clock *clock;
  char *text; /* of the last file read */
};

static inline int setup(void **state)
{
  struct fixture *f = calloc(1, sizeof *f);
  snprintf(f->folder, sizeof f->folder, "/tmp/pl_reports_XXXXXX");
  if (!mkdtemp(f->folder) || pl_clock_new_virtual(SAMPLE_WALL_NS, &f->clock, NULL))
    return -1;
  snprintf(f->journal, sizeof f->journal, "%s/journal.jsonl", f->folder);
  snprintf(f->out, sizeof f->out, "%s/out", f->folder);
  snprintf(f->limits, sizeof f->limits, "%s/limits.yaml", f->folder);
  *state = f;
  return 0;
}

static inline int teardown(void **state)
{
  struct fixture *f = *state;
  unlink(f->journal);
  for (int n = 1, gone = 0; !gone; n++) { /* older journals of the test, which were kept */
    char aside[160];
    snprintf(aside, sizeof aside, "%s/journal-%d.jsonl", f->folder, n);
    gone = unlink(aside);
  }
  unlink(f->out);
  unlink(f->limits);
  assert_int_equal(rmdir(f->folder), 0); /* nothing temporary is left */
  pl_clock_free(f->clock);
  free(f->text);
  free(f);
  return 0;
}

/* --- helpers --- */

static inline struct pl_journal *open_journal(struct fixture *f)
{
  struct pl_journal *journal;
  struct pl_err err = {0};
  if (pl_journal_open(f->journal, f->clock, &journal, &err))
    fail_msg("%s", err.text);
  return journal;
}

static inline void write_sample(struct fixture *f, bool failing)
{
  struct sample s = {.clock = f->clock, .journal = open_journal(f), .failing = failing};
  sample_write(&s);
  assert_int_equal(pl_journal_close(s.journal, NULL), PL_OK);
}

static inline struct pl_report *load(struct fixture *f)
{
  struct pl_report *report;
  struct pl_err err = {0};
  if (pl_report_load(f->journal, &report, &err))
    fail_msg("%s", err.text);
  return report;
}

static inline void write_text(const char *path, const char *text)
{
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static inline const char *read_text(struct fixture *f, const char *path)
{
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  free(f->text);
  f->text = calloc(1, 16 << 20);
  size_t n = fread(f->text, 1, (16 << 20) - 1, file);
  fclose(file);
  f->text[n] = '\0';
  return f->text;
}

static inline const char *table_of(struct fixture *f, const struct pl_report *report, int width)
{
  FILE *file = fopen(f->out, "w");
  pl_report_table(report, file, false, width);
  fclose(file);
  return read_text(f, f->out);
}

static inline size_t count(const char *text, const char *what)
{
  size_t n = 0;
  for (; (text = strstr(text, what)); text += strlen(what))
    n++;
  return n;
}

static inline const struct pl_stepped *step_named(const struct pl_report *r, const char *name, unsigned attempt)
{
  for (size_t i = 0; i < r->steps.count; i++)
    if (!strcmp(pl_text_of(r, r->steps.items[i].name), name) && r->steps.items[i].attempt == attempt)
      return &r->steps.items[i];
  fail_msg("no step %s", name);
  return NULL;
}

static inline const struct pl_measured *measured(const struct pl_report *r, const char *name)
{
  const struct pl_measured *last = NULL;
  for (size_t i = 0; i < r->measurements.count; i++)
    if (!strcmp(pl_text_of(r, r->measurements.items[i].name), name))
      last = &r->measurements.items[i];
  assert_non_null(last);
  return last;
}

static inline void cut_journal(struct fixture *f, const char *after)
{
  read_text(f, f->journal);
  char *at = strstr(f->text, after);
  assert_non_null(at);
  assert_int_equal(truncate(f->journal, at - f->text + (long)strlen(after)), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_REPORTS_COVERAGE_H
#define PL_REPORTS_COVERAGE_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * What a coverage run found: each fault of the catalogue against each sequence. One list gives the outcomes of one run, the sign that stands for each
 * in a table, the word for it, and what it means. The order is how much it says for the sequence: of several runs the first counts for the fault.
 */
#define PL_CELL_MAP(X)                                                                                                   \
  X(CAUGHT, '+', "caught", "pass", "the first finding names the broken part")                                            \
  X(WRONG_PART, 'w', "wrong part", "warn", "caught, but the first finding names another part")                           \
  X(UNJUDGED, '?', "not judged", "warn", "the run could not judge (exit code 3) and did not name the broken part")       \
  X(INTERLOCK, 'i', "interlock only", "warn", "the interlock tripped; the sequence found nothing")                       \
  X(MISSED, '-', "missed", "fail", "the fault acted and nothing was found")                                              \
  X(IDLE, '.', "did not act", "skip", "nothing in this run came near the fault")                                         \
  X(REFUSED, 'x', "not planted", "fail", "the virtual rack refused the fault")                                           \
  X(CRASHED, '!', "crashed", "fail", "the run died or never ended: a mistake in Plumbline")

enum pl_cell_outcome {
#define PL_CELL_ENUM(name, sign, word, cls, text) PL_CELL_##name,
  PL_CELL_MAP(PL_CELL_ENUM)
#undef PL_CELL_ENUM
      PL_CELL_COUNT
};
char pl_cell_sign(enum pl_cell_outcome outcome);
const char *pl_cell_word(enum pl_cell_outcome outcome);
const char *pl_cell_class(enum pl_cell_outcome outcome); /* of the page's colours */
const char *pl_cell_about(enum pl_cell_outcome outcome);

struct pl_coverage_cell {
  enum pl_cell_outcome outcome;
  char verdict[96];  /* "slot-voltage-falls-fail" */
  char blamed[64];   /* the device or part that the first finding names; "" none */
  char message[600]; /* its sentence; of a crash: how it ended */
  double seconds;    /* of virtual time */
};

struct pl_coverage_fault {
  const char *fault, *kind, *spec, *about; /* as struct pl_fault_case has them; about may be NULL */
  const char *target;                      /* what a good finding names: the device, else the part, else the bus */
};

struct pl_coverage_alarm { /* a finding on a healthy rack */
  size_t sequence;
  uint64_t seed;
  char blamed[64], message[600];
};

#define PL_COVERAGE_ALARMS_MAX 100 /* of them are kept; all are counted */

struct pl_coverage {
  const char *rig, *when; /* when faults were planted: "start", "mid" */
  const char *command_line;
  uint64_t seed;
  const char **sequences;      /* names */
  const char **paths;
  size_t n_sequences;
  struct pl_coverage_fault *faults;
  size_t n_faults;
  size_t n_not_applicable;    /* rows of the catalogue that this rack has nothing for; they count for nothing */
  const char *not_applicable; /* why: of the first */
  struct pl_coverage_cell *cells; /* [fault * n_sequences + sequence] */
  size_t n_healthy;               /* seeds a sequence */
  size_t *alarmed;                /* healthy runs with a finding, a sequence */
  struct pl_coverage_alarm *alarms;
  size_t n_alarms;
  size_t jobs;
  double wall_s;
};

struct pl_coverage_summary {
  size_t faults, caught, blamed_right; /* of faults: caught by any sequence; the broken part named by any that caught it */
  size_t cells_caught, cells_right;    /* of single runs */
  size_t by_outcome[PL_CELL_COUNT];    /* faults, by the best that any sequence made of them */
  size_t healthy_runs, false_alarms;   /* runs */
  double caught_ratio, blame_ratio, cell_blame_ratio; /* 0 where nothing was there to be counted */
};
void pl_coverage_sum(const struct pl_coverage *coverage, struct pl_coverage_summary *summary);
/* The best that any sequence made of a fault; *by (may be NULL): the sequence. */
enum pl_cell_outcome pl_coverage_best(const struct pl_coverage *coverage, size_t fault, size_t *by);
/* What one sequence made of all faults. */
size_t pl_coverage_count(const struct pl_coverage *coverage, size_t sequence, enum pl_cell_outcome outcome);

/* The matrix on a terminal of that width (80 or more), summary last. */
void pl_coverage_table(const struct pl_coverage *coverage, FILE *out, bool colour, int width);
void pl_coverage_json(const struct pl_coverage *coverage, FILE *out);
/* Each writes a whole file beside and renames it into place; path "-" is standard output. */
enum pl_status pl_coverage_json_file(const struct pl_coverage *coverage, const char *path, struct pl_err *err);
enum pl_status pl_coverage_html(const struct pl_coverage *coverage, const char *path, struct pl_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_CLI_FIRST_FAILURE_H
#define PL_HOST_CLI_FIRST_FAILURE_H

#include "drivers/capture/capture.h"
#include "drivers/rig/bench.h"
#include "host/engine/readings.h"
#include "host/journal/journal.h"

/*
 * At the first failure, trip or abort of a run, once: what the buses carried, what was read in the last seconds and, of a virtual rack, the whole state
 * of its world go into the run's folder, and the journal points to them.
 */
#define PL_FIRST_FAILURE_SPAN (10 * PL_S)

struct pl_first_failure {
  const char *dir;          /* the run's folder */
  const char *capture_file; /* the whole capture that is being written; NULL: what the ring holds is saved */
  struct pl_capture *capture; /* NULL: none (a replay) */
  struct pl_readings *readings;
  struct pl_bench *bench;
  struct pl_journal *journal;
  bool done;
};

/* step: the journal's, in which it happened; -1: in none, and one is made for it. */
void pl_first_failure_keep(struct pl_first_failure *first, int step);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_COVERAGE_H
#define PL_HOST_COVERAGE_H

#include "host/engine/engine.h"
#include "host/safety/interlock.h"
#include "reports/coverage.h"

/*
 * The test of the tests: each sequence in virtual time once with each fault of the catalogue planted, and over seeds of a healthy rack.
 * A run is a process of its own (pool.h); the record is heard in memory and not kept.
 */
struct pl_coverage_cfg {
  const struct pl_rig *rig;              /* all on the twin */
  const struct pl_interlock_rules *rules; /* NULL: none */
  struct pl_sequence *const *sequences; /* bound and rehearsed */
  const char *const *paths;
  size_t n_sequences;
  const struct pl_engine_pair *params;
  size_t n_params;
  const char *limits, *answers;    /* files; NULL: none */
  const char *const *patterns;     /* shell patterns on a fault's spec, its row of the catalogue or its kind; none: all */
  size_t n_patterns;
  bool no_faults;                  /* healthy runs only */
  bool every_place;                /* a fault at every place that it fits, not at the first */
  bool mid;                        /* planted at a seeded moment of the run instead of before it */
  size_t healthy;                  /* seeds a sequence, from `seed` on; at least 1 */
  uint64_t seed;
  size_t jobs;
  pl_time_ns limit;                /* of one run, in real time */
  volatile int *stop;
  void (*progress)(void *ctx, size_t done, size_t all, const struct pl_coverage *so_far); /* may be NULL */
  void *progress_ctx;
  const char *command_line;
};

/* PL_E_USAGE: no fault fits. PL_E_CANCELLED: stopped. */
enum pl_status pl_coverage_run(const struct pl_coverage_cfg *cfg, struct pl_coverage **coverage, struct pl_err *err);
void pl_coverage_free(struct pl_coverage *coverage);

#endif

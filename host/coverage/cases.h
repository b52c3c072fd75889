/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_COVERAGE_CASES_H
#define PL_COVERAGE_CASES_H

#include "host/coverage/coverage.h"

/* The faults that a coverage run plants: what the virtual rack says that fits this rig, and the patterns let through. */
struct pl_cases {
  struct pl_fault_case *items;
  size_t count, capacity;
  bool failed; /* out of memory */
  size_t n_not_applicable; /* rows that the rack has nothing for */
  char not_applicable[PL_ERR_TEXT_MAX]; /* why: of the first */
};

enum pl_status pl_cases_collect(const struct pl_coverage_cfg *cfg, struct pl_cases *cases, struct pl_err *err); /* free in any case */
void pl_cases_free(struct pl_cases *cases);

#endif

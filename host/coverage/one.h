/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_COVERAGE_ONE_H
#define PL_COVERAGE_ONE_H

#include "host/coverage/coverage.h"

/* One run of one sequence with one fault planted, or none: what its journal said. */
struct pl_one {
  bool refused;      /* the virtual rack would not have the fault */
  bool unjudged;     /* could not judge: exit code 3 */
  bool found;        /* at least one finding; the first is below */
  bool acted;        /* the fault did, as far as the virtual rack counts */
  bool interlock;    /* it tripped */
  double seconds;    /* of virtual time */
  char verdict[96], blamed[64], message[600]; /* of the first finding, else of what kept it from judging */
};

void pl_one_run(const struct pl_coverage_cfg *cfg, size_t sequence, const char *spec, uint64_t seed, struct pl_one *one);
/* What the run says of the fault. */
enum pl_cell_outcome pl_one_judge(const struct pl_rig *rig, const struct pl_fault_case *fault, const struct pl_one *one);

#endif

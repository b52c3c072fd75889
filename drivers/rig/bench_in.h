/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_RIG_BENCH_IN_H
#define PL_RIG_BENCH_IN_H

/* Within drivers/rig: what bench.c (opening) and make_safe.c (the safe state) share. */
#include "drivers/rig/bench.h"
#include "drivers/rig/bounded.h"
#include "drivers/rig/planting.h"

struct pl_bench {
  const struct pl_rig *rig;
  struct pl_clock *clock;
  const struct pl_backend_desc *backend_desc; /* both NULL: no virtual rack */
  struct pl_backend *backend;
  struct pl_planting planting;
  struct pl_bus **buses;       /* one a bus of the rig; NULL while not open */
  struct pl_values *stand_ins; /* one a bus; items NULL unless a rehearsal opens it by another adapter */
  struct pl_device **devices;
  bool *taken;                 /* one a bus: it carries the interlock's devices, who opens it himself */
  bool rehearsal;
  bool *unsafe;                /* one a safe value, in the rig's order: it could not be applied */
  struct pl_bounded *bounded;  /* one a bus, for safe values */
  pl_time_ns patient_until;    /* with safe_only: so long all together wait for what another program held */
  struct pl_err *closed;       /* one a device; with safe_only: why it could not be opened */
  bool all_virtual;
  struct pl_share *share;
  struct pl_presence *presence;
};

#endif

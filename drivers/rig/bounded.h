/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_RIG_BOUNDED_H
#define PL_RIG_BOUNDED_H

#include "drivers/device/device.h"

/*
 * Within drivers/rig: calls on a bus that are waited for a little longer than their own limit, and then given up. A worker that is stuck inside an adapter
 * cannot be ended from outside; the bus keeps the job, whose room is here, until it comes back, and takes no other meanwhile. So one of these lives as long
 * as its bus's worker: it is freed after pl_bus_stop.
 */
struct pl_bounded { /* one a bus; zero-initialise */
  struct pl_call call;
  struct pl_job job;
  struct pl_job *out; /* given up and not back; NULL: none */
};

/* As pl_call_run and pl_bus_run, with what the caller would have put into the call or job. PL_E_TIMEOUT: it hangs, or hangs still. */
enum pl_status pl_bounded_call(struct pl_bounded *bounded, const struct pl_call *call, struct pl_err *err);
enum pl_status pl_bounded_job(struct pl_bounded *bounded, struct pl_bus *bus, const struct pl_job *job, struct pl_err *err);
bool pl_bounded_hangs(struct pl_bounded *bounded);

#endif

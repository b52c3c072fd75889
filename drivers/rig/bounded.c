/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rig/bounded.h"

/* Past a job's limit. An adapter outlasts the deadline that it was given by no more than one transfer's own time-out (drivers/bus/bus.h), at most a second. */
#define GRACE_NS (2 * PL_S)

bool pl_bounded_hangs(struct pl_bounded *bounded)
{
  if (bounded->out && bounded->out->complete)
    bounded->out = NULL;
  return bounded->out;
}

static enum pl_status tell_hanging(const struct pl_bus *bus, struct pl_err *err)
{
  return pl_fail(err, PL_E_TIMEOUT, "bus %s hangs: its adapter does not come back from a transfer, %d s after the deadline and more", pl_bus_name(bus),
                 (int)(GRACE_NS / PL_S));
}

static enum pl_status await(struct pl_bounded *bounded, struct pl_bus *bus, struct pl_job *job, struct pl_err *err)
{
  struct pl_clock *clock = pl_bus_clock(bus);
  pl_time_ns until = pl_clock_is_virtual(clock) ? PL_NEVER : job->limit + GRACE_NS; /* in virtual time nothing can hang: a late answer ends by its timer */
  while (!job->complete && pl_clock_now(clock) < until)
    pl_clock_step(clock, until);
  if (!job->complete) {
    bounded->out = job;
    return tell_hanging(bus, err);
  }
  if (job->status && err)
    *err = job->err;
  return job->status;
}

enum pl_status pl_bounded_call(struct pl_bounded *bounded, const struct pl_call *call, struct pl_err *err)
{
  struct pl_bus *bus = pl_device_bus(call->device);
  if (pl_bounded_hangs(bounded))
    return tell_hanging(bus, err);
  bounded->call = *call;
  pl_call_submit(&bounded->call);
  return await(bounded, bus, &bounded->call.job, err);
}

enum pl_status pl_bounded_job(struct pl_bounded *bounded, struct pl_bus *bus, const struct pl_job *job, struct pl_err *err)
{
  if (pl_bounded_hangs(bounded))
    return tell_hanging(bus, err);
  bounded->job = *job;
  pl_bus_submit(bus, &bounded->job);
  return await(bounded, bus, &bounded->job, err);
}

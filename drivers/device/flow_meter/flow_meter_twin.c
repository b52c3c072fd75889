/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/flow_meter/flow_meter.h"

#include <math.h>

enum { PORT_FLOW };

static const struct pl_port ports[] = {
    [PORT_FLOW] = {.name = "flow", .dim = PL_DIM_FLOW, .help = "flow through the meter's turbine"},
};

struct twin {
  struct pl_twin_io *io;
  double k_factor;   /* pulses a litre */
  bool active_low;
  pl_time_ns at;     /* of the last step */
  double rate;       /* pulses a nanosecond then */
  double part;       /* of the next pulse that has flowed, 0..1 */
  uint64_t pulses;
  pl_time_ns last_at; /* time of the last pulse; PL_NEVER before the first */
};

/* The turbine turns either way and its pulse does not say which. A sensor that gives no number gives no pulses. */
static double pulse_rate(struct twin *twin)
{
  double flow = pl_twin_in(twin->io, PORT_FLOW);
  return isfinite(flow) ? fabs(flow) * twin->k_factor / (double)(60 * PL_S) : 0.0;
}

static enum pl_status twin_create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  struct twin *twin = calloc(1, sizeof *twin);
  if (twin == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  }
  twin->io = args->io;
  twin->k_factor = (double)args->values->items[PL_FLOW_METER_K_FACTOR].number;
  twin->active_low = args->values->items[PL_FLOW_METER_PULSE].active_low;
  twin->at = pl_twin_now(args->io);
  twin->rate = pulse_rate(twin);
  twin->last_at = PL_NEVER;
  *self = twin;
  return PL_OK;
}

/* The rate runs straight from the last step's to this one's, so pulses into a step of length T after x of it are T (r0 x + (r1 - r0) x^2 / 2). */
static void twin_tick(void *self, pl_time_ns now)
{
  struct twin *twin = self;
  double rate = pulse_rate(twin);
  if (now <= twin->at) {
    return;
  }
  double length = (double)(now - twin->at), before = twin->rate * length, bend = (rate - twin->rate) * length;
  double total = twin->part + before + bend / 2.0;
  double whole = floor(total);
  if (whole >= 1.0) {
    /* When did the last of them come: solve before x + bend x^2 / 2 = whole - part, in the form that does not cancel. */
    double want = whole - twin->part, root = sqrt(fmax(0.0, before * before + 2.0 * bend * want));
    double x = 2.0 * want / (before + root);
    twin->last_at = twin->at + (pl_time_ns)llround(fmin(fmax(x, 0.0), 1.0) * length);
    twin->pulses += (uint64_t)whole;
  }
  twin->part = total - whole;
  twin->at = now;
  twin->rate = rate;
}

static uint64_t twin_line_pulses(void *self, size_t param, pl_time_ns *last_at)
{
  const struct twin *twin = self;
  if (param != PL_FLOW_METER_PULSE) {
    *last_at = PL_NEVER;
    return 0;
  }
  *last_at = twin->last_at;
  return twin->pulses;
}

/* A pulse is active for the first half of its volume. */
static bool twin_line_level(void *self, size_t param)
{
  (void)param;
  const struct twin *twin = self;
  bool active = twin->pulses > 0 && twin->part < 0.5;
  return active != twin->active_low;
}

const struct pl_twin_desc pl_twin_flow_meter = {
    .driver = "flow-meter",
    .ports = ports,
    .n_ports = sizeof ports / sizeof ports[0],
    .create = twin_create,
    .destroy = free,
    .tick = twin_tick,
    .line_level = twin_line_level,
    .line_pulses = twin_line_pulses,
};

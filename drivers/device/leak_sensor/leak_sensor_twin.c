/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/leak_sensor/leak_sensor.h"

/* Ports in the order of the lines, so that a line's index is its port's. */
static const struct pl_port ports[PL_LEAK_SENSOR_LINES] = {
    [PL_LEAK_SENSOR_LEAK] = {.name = "wet", .dim = PL_DIM_FLAG, .help = "coolant bridges the sense cable"},
    [PL_LEAK_SENSOR_CABLE] = {.name = "cable_ok", .dim = PL_DIM_FLAG, .help = "the sense cable is plugged and whole"},
};

struct twin {
  struct pl_twin_io *io;
  bool active_low[PL_LEAK_SENSOR_LINES];
};

static enum pl_status twin_create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  struct twin *twin = calloc(1, sizeof *twin);
  if (twin == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  }
  twin->io = args->io;
  for (size_t i = 0; i < PL_LEAK_SENSOR_LINES; i++) {
    twin->active_low[i] = args->values->items[i].active_low;
  }
  *self = twin;
  return PL_OK;
}

/* A broken cable closes no circuit: its leak line rests as if dry, which is why the cable has a line of its own. */
static bool twin_line_level(void *self, size_t param)
{
  struct twin *twin = self;
  bool whole = pl_twin_in(twin->io, PL_LEAK_SENSOR_CABLE) > 0.5;
  bool active = param == PL_LEAK_SENSOR_CABLE ? whole : whole && pl_twin_in(twin->io, PL_LEAK_SENSOR_LEAK) > 0.5;
  return active != twin->active_low[param];
}

const struct pl_twin_desc pl_twin_leak_sensor = {
    .driver = "leak-sensor",
    .ports = ports,
    .n_ports = PL_LEAK_SENSOR_LINES,
    .create = twin_create,
    .destroy = free,
    .line_level = twin_line_level,
};

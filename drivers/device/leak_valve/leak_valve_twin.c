/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/leak_valve/leak_valve.h"

enum { PORT_OPEN };

static const struct pl_port ports[] = {
    [PORT_OPEN] = {.name = "open", .dim = PL_DIM_FLAG, .out = true, .help = "the valve is open"},
};

struct twin {
  struct pl_twin_io *io;
  bool active_low;
};

static enum pl_status twin_create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  struct twin *twin = calloc(1, sizeof *twin);
  if (twin == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  }
  twin->io = args->io;
  twin->active_low = args->values->items[0].active_low;
  *self = twin;
  return PL_OK;
}

/* The valve's input is pulled to closed: with nobody driving, no coolant is let out. */
static bool twin_line_level(void *self, size_t param)
{
  (void)param;
  const struct twin *twin = self;
  return twin->active_low;
}

static void twin_line_driven(void *self, size_t param, bool level)
{
  (void)param;
  struct twin *twin = self;
  pl_twin_out(twin->io, PORT_OPEN, level != twin->active_low ? 1.0 : 0.0);
}

const struct pl_twin_desc pl_twin_leak_valve = {
    .driver = "leak-valve",
    .ports = ports,
    .n_ports = sizeof ports / sizeof ports[0],
    .create = twin_create,
    .destroy = free,
    .line_level = twin_line_level,
    .line_driven = twin_line_driven,
};

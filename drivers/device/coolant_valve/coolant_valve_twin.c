/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/coolant_valve/coolant_valve.h"

#include <math.h>

enum { PORT_OPENING, PORT_OPENED, PORT_CLOSED };

static const struct pl_port ports[] = {
    [PORT_OPENING] = {.name = "opening", .dim = PL_DIM_RATIO, .out = true, .initial = NAN, .help = "where the drive goes: 0 or 1"},
    [PORT_OPENED] = {.name = "opened", .dim = PL_DIM_FLAG, .help = "its end switch: all open"},
    [PORT_CLOSED] = {.name = "closed", .dim = PL_DIM_FLAG, .help = "its end switch: shut"},
};

struct twin {
  struct pl_twin_io *io;
  bool closes, active_low[PL_COOLANT_VALVE_PARAMS];
};

static enum pl_status twin_create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  struct twin *twin = calloc(1, sizeof *twin);
  if (twin == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  }
  twin->io = args->io;
  twin->closes = args->values->items[PL_COOLANT_VALVE_DRIVE].number == PL_COOLANT_VALVE_CLOSES;
  for (size_t i = PL_COOLANT_VALVE_LINE; i <= PL_COOLANT_VALVE_CLOSED; i++) {
    twin->active_low[i] = args->values->items[i].active_low;
  }
  pl_twin_out(twin->io, PORT_OPENING, twin->closes ? 1.0 : 0.0); /* nobody drives the line: the drive stands where its spring takes it */
  *self = twin;
  return PL_OK;
}

static bool twin_line_level(void *self, size_t param)
{
  struct twin *twin = self;
  bool active = (param == PL_COOLANT_VALVE_OPENED && pl_twin_in(twin->io, PORT_OPENED) > 0.5) ||
                (param == PL_COOLANT_VALVE_CLOSED && pl_twin_in(twin->io, PORT_CLOSED) > 0.5);
  return active != twin->active_low[param];
}

static void twin_line_driven(void *self, size_t param, bool level)
{
  struct twin *twin = self;
  bool energised = level != twin->active_low[param];
  pl_twin_out(twin->io, PORT_OPENING, energised != twin->closes ? 1.0 : 0.0);
}

const struct pl_twin_desc pl_twin_coolant_valve = {
    .driver = "coolant-valve",
    .ports = ports,
    .n_ports = sizeof ports / sizeof ports[0],
    .create = twin_create,
    .destroy = free,
    .line_level = twin_line_level,
    .line_driven = twin_line_driven,
};

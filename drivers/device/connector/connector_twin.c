/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/connector/connector.h"

enum port { PORT_PRESENT, PORT_POWER_GOOD, PORT_POWER_ENABLE, PORT_ATTENTION, PORT_RESET };

static const struct pl_port ports[] = {
    [PORT_PRESENT] = {.name = "present", .dim = PL_DIM_FLAG, .help = "the short PRSNT contact is made"},
    [PORT_POWER_GOOD] = {.name = "power_good", .dim = PL_DIM_FLAG, .help = "the unit's power is good"},
    [PORT_POWER_ENABLE] = {.name = "power_enable", .dim = PL_DIM_FLAG, .out = true, .help = "the connector lets the slot have power"},
    [PORT_ATTENTION] = {.name = "attention", .dim = PL_DIM_FLAG, .out = true, .help = "the attention LED is lit"},
    [PORT_RESET] = {.name = "reset", .dim = PL_DIM_FLAG, .out = true, .help = "the unit is held in reset"},
};

static const enum port port_of[PL_CONNECTOR_LINES] = {
    [PL_CONNECTOR_PRESENT] = PORT_PRESENT,     [PL_CONNECTOR_POWER_ENABLE] = PORT_POWER_ENABLE, [PL_CONNECTOR_POWER_GOOD] = PORT_POWER_GOOD,
    [PL_CONNECTOR_ATTENTION] = PORT_ATTENTION, [PL_CONNECTOR_RESET] = PORT_RESET,
};

struct twin {
  struct pl_twin_io *io;
  bool active_low[PL_CONNECTOR_LINES];
};

static enum pl_status twin_create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  struct twin *twin = calloc(1, sizeof *twin);
  if (twin == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  }
  twin->io = args->io;
  for (size_t i = 0; i < PL_CONNECTOR_LINES; i++) {
    twin->active_low[i] = args->values->items[i].given && args->values->items[i].active_low;
  }
  *self = twin;
  return PL_OK;
}

/* Levels are physical. What the connector does not drive rests at its inactive level, by its pull. */
static bool twin_line_level(void *self, size_t param)
{
  struct twin *twin = self;
  bool active = false;
  if (param == PL_CONNECTOR_PRESENT || param == PL_CONNECTOR_POWER_GOOD) {
    active = pl_twin_in(twin->io, port_of[param]) > 0.5;
  }
  return active != twin->active_low[param];
}

static void twin_line_driven(void *self, size_t param, bool level)
{
  struct twin *twin = self;
  if (ports[port_of[param]].out) {
    pl_twin_out(twin->io, port_of[param], level != twin->active_low[param] ? 1.0 : 0.0);
  }
}

const struct pl_twin_desc pl_twin_connector = {
    .driver = "connector",
    .ports = ports,
    .n_ports = sizeof ports / sizeof ports[0],
    .create = twin_create,
    .destroy = free,
    .line_level = twin_line_level,
    .line_driven = twin_line_driven,
};

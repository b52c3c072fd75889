/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/kill_relay/kill_relay.h"

#include <math.h>

enum { PORT_KILL };

static const struct pl_port ports[] = {
    [PORT_KILL] = {.name = "kill", .dim = PL_DIM_FLAG, .out = true, .initial = NAN, .help = "its power contacts are open"},
};

struct twin {
  struct pl_twin_io *io;
  bool hold, active_low[PL_KILL_RELAY_PARAMS];
};

static enum pl_status twin_create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  struct twin *twin = calloc(1, sizeof *twin);
  if (twin == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  }
  twin->io = args->io;
  twin->hold = args->values->items[PL_KILL_RELAY_COIL].number == PL_KILL_RELAY_HOLD;
  for (size_t i = PL_KILL_RELAY_LINE; i <= PL_KILL_RELAY_MIRROR; i++) {
    twin->active_low[i] = args->values->items[i].given && args->values->items[i].active_low;
  }
  *self = twin;
  return PL_OK;
}

static bool twin_line_level(void *self, size_t param)
{
  struct twin *twin = self;
  bool active = param == PL_KILL_RELAY_MIRROR && pl_twin_out_value(twin->io, PORT_KILL) > 0.5;
  return active != twin->active_low[param];
}

static void twin_line_driven(void *self, size_t param, bool level)
{
  struct twin *twin = self;
  bool energised = level != twin->active_low[param];
  pl_twin_out(twin->io, PORT_KILL, energised != twin->hold ? 1.0 : 0.0);
}

const struct pl_twin_desc pl_twin_kill_relay = {
    .driver = "kill-relay",
    .ports = ports,
    .n_ports = sizeof ports / sizeof ports[0],
    .create = twin_create,
    .destroy = free,
    .line_level = twin_line_level,
    .line_driven = twin_line_driven,
};

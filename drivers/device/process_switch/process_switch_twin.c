/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/process_switch/process_switch.h"

enum { PORT_SENSED };

struct twin {
  struct pl_twin_io *io;
  const struct pl_process_switch_shape *shape;
  bool active_low, open;
};

static const struct pl_port *twin_ports(const struct pl_shape *shape, size_t *count)
{
  const struct pl_process_switch_shape *own = shape->owned;
  *count = 1;
  return &own->port;
}

static enum pl_status twin_create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  struct twin *twin = calloc(1, sizeof *twin);
  if (twin == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  }
  twin->io = args->io;
  twin->shape = args->shape->owned;
  twin->active_low = args->values->items[PL_PROCESS_SWITCH_LINE].active_low;
  *self = twin;
  return PL_OK;
}

static void follow(struct twin *twin)
{
  const struct pl_process_switch_shape *shape = twin->shape;
  double value = pl_twin_in(twin->io, PORT_SENSED), sign = shape->above ? 1 : -1;
  if (sign * value > sign * shape->opens) {
    twin->open = true;
  } else if (sign * value < sign * shape->closes) {
    twin->open = false;
  }
}

static bool twin_line_level(void *self, size_t param)
{
  (void)param;
  struct twin *twin = self;
  follow(twin);
  return !twin->open != twin->active_low;
}

const struct pl_twin_desc pl_twin_process_switch = {
    .driver = "process-switch",
    .ports_of = twin_ports,
    .create = twin_create,
    .destroy = free,
    .line_level = twin_line_level,
};

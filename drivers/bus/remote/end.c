/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/remote/end.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct pl_param pl_remote_params[PL_REMOTE_PARAMS] = {
    {.name = "socket", .help = "the socket of `plumb twin serve --socket` or `plumb broker --socket`", .kind = PL_PARAM_TEXT, .required = true},
    {.name = "bus", .help = "the bus's name in that program's rig; as here when left out", .kind = PL_PARAM_TEXT},
};

void *pl_remote_end_new(struct pl_bus *bus, const struct pl_adapter_args *args, size_t size, struct pl_err *err)
{
  struct pl_remote_end *end = calloc(1, size);
  const struct pl_value *name = pl_value(args->values, "bus");
  if (!end) {
    pl_fail(err, PL_E_NOMEM, "out of memory for bus %s", args->bus_name);
    return NULL;
  }
  end->bus = bus;
  end->fd = -1;
  snprintf(end->path, sizeof end->path, "%s", pl_value(args->values, "socket")->text);
  snprintf(end->name, sizeof end->name, "%s", name->given ? name->text : args->bus_name);
  return end;
}

void pl_remote_end_leave(struct pl_remote_end *end)
{
  if (end->fd >= 0)
    close(end->fd);
  end->fd = -1;
}

void pl_remote_end_free(struct pl_remote_end *end)
{
  pl_remote_end_leave(end);
  pl_remote_free(&end->frame);
  free(end);
}

enum pl_status pl_remote_end_attach(struct pl_remote_end *end, enum pl_remote_what what, uint32_t of, struct pl_remote_welcome *welcome, struct pl_err *err)
{
  pl_remote_end_leave(end);
  return pl_remote_connect(pl_bus_clock(end->bus), end->path, what, end->name, of, &end->fd, welcome, err);
}

enum pl_status pl_remote_end_ask(struct pl_remote_end *end, pl_time_ns timeout_ns, struct pl_err *err)
{
  struct pl_err own = {0};
  enum pl_status status = pl_remote_send(end->fd, &end->frame, &own);
  if (status != PL_E_USAGE) {
    if (!status)
      status = pl_remote_receive(pl_bus_clock(end->bus), end->fd, &end->frame, timeout_ns, &own);
    if (!status)
      return PL_OK;
    status = PL_E_GONE;
  }
  return pl_fail(err, status, "%s at %s: %s", end->name, end->path, own.text);
}

enum pl_status pl_remote_end_malformed(const struct pl_remote_end *end, struct pl_err *err)
{
  return pl_fail(err, PL_E_GONE, "%s at %s: the answer is malformed", end->name, end->path);
}

void pl_remote_end_job_over(void *self)
{
  struct pl_remote_end *end = self;
  if (!end->holds || end->fd < 0)
    return;
  end->holds = false;
  pl_remote_begin(&end->frame, PL_REMOTE_RELEASE);
  (void)pl_remote_send(end->fd, &end->frame, NULL); /* if it does not arrive, the next request finds the connection gone */
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The adapter "remote" of a Modbus bus: requests go to a broker in a process of its own, as PDUs. How the line speaks is for the broker's rig to say. */
#include "drivers/bus/adapter.h"
#include "drivers/bus/modbus.h"
#include "drivers/bus/remote/wire.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLACK_NS (2 * PL_S) /* on top of the job's deadline: another process must be scheduled, and others' requests come first */

struct remote {
  struct pl_bus *bus;
  int fd;
  bool holds; /* the broker keeps others off the bus until this job is over */
  char path[PATH_MAX], name[64];
  struct pl_remote_frame frame;
};

static enum pl_status take_answer(struct remote *remote, uint8_t *answer, size_t room, size_t *len, pl_time_ns *wire_ns, struct pl_err *err)
{
  enum pl_status status = pl_remote_status(&remote->frame, err);
  *wire_ns = (pl_time_ns)pl_remote_get(&remote->frame, 8);
  *len = (size_t)pl_remote_get(&remote->frame, 2);
  const uint8_t *bytes = pl_remote_get_bytes(&remote->frame, *len);
  if (!bytes || *len > room || !pl_remote_whole(&remote->frame)) {
    *len = 0;
    return pl_fail(err, PL_E_GONE, "%s at %s: the answer is malformed", remote->name, remote->path);
  }
  memcpy(answer, bytes, *len);
  return status;
}

static enum pl_status exchange(void *self, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *answer, size_t answer_room, size_t *answer_len,
                               pl_time_ns deadline, pl_time_ns *wire_ns, struct pl_err *err)
{
  struct remote *remote = self;
  struct pl_clock *clock = pl_bus_clock(remote->bus);
  struct pl_err own = {0};
  pl_time_ns left = deadline - pl_clock_now(clock);
  pl_remote_begin(&remote->frame, PL_REMOTE_MODBUS);
  pl_remote_put(&remote->frame, unit, 1);
  pl_remote_put(&remote->frame, left > 0 ? (uint64_t)((left + PL_MS - 1) / PL_MS) : 0, 4);
  pl_remote_put(&remote->frame, request_len, 2);
  pl_remote_put_bytes(&remote->frame, request, request_len);
  remote->holds = true;
  enum pl_status status = pl_remote_send(remote->fd, &remote->frame, &own);
  if (!status)
    status = pl_remote_receive(clock, remote->fd, &remote->frame, left + SLACK_NS, &own);
  if (status)
    return pl_fail(err, PL_E_GONE, "%s at %s: %s", remote->name, remote->path, own.text);
  return take_answer(remote, answer, answer_room, answer_len, wire_ns, err);
}

static void job_over(void *self)
{
  struct remote *remote = self;
  if (!remote->holds || remote->fd < 0)
    return;
  remote->holds = false;
  pl_remote_begin(&remote->frame, PL_REMOTE_RELEASE);
  (void)pl_remote_send(remote->fd, &remote->frame, NULL); /* if it does not arrive, the next request finds the connection gone */
}

static enum pl_status attach(void *self, struct pl_err *err)
{
  struct remote *remote = self;
  if (remote->fd >= 0)
    close(remote->fd);
  remote->fd = -1;
  return pl_remote_connect(pl_bus_clock(remote->bus), remote->path, PL_REMOTE_MODBUS_BUS, remote->name, 1, &remote->fd, NULL, err);
}

static void remote_close(void *self)
{
  struct remote *remote = self;
  if (remote->fd >= 0)
    close(remote->fd);
  pl_remote_free(&remote->frame);
  free(remote);
}

static const struct pl_modbus_ops OPS = {.exchange = exchange};

static enum pl_status remote_open(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  struct remote *remote = calloc(1, sizeof *remote);
  if (!remote)
    return pl_fail(err, PL_E_NOMEM, "out of memory for bus %s", args->bus_name);
  const struct pl_value *name = pl_value(args->values, "bus");
  remote->bus = bus;
  remote->fd = -1;
  snprintf(remote->path, sizeof remote->path, "%s", pl_value(args->values, "socket")->text);
  snprintf(remote->name, sizeof remote->name, "%s", name->given ? name->text : args->bus_name);
  enum pl_status status = attach(remote, err);
  if (status) {
    remote_close(remote);
    return status;
  }
  pl_bus_attach(bus, &OPS, remote, remote_close, false);
  pl_bus_set_reopen(bus, attach);
  pl_bus_set_job_over(bus, job_over);
  return PL_OK;
}

static const struct pl_param PARAMS[] = {
    {.name = "socket", .help = "the socket of `plumb broker --socket`", .kind = PL_PARAM_TEXT, .required = true},
    {.name = "bus", .help = "the bus's name in that program's rig; as here when left out", .kind = PL_PARAM_TEXT},
};

extern const struct pl_adapter_desc pl_adapter_remote_modbus;
const struct pl_adapter_desc pl_adapter_remote_modbus = {
    .name = "remote",
    .about = "a bus that several programs share through a broker (plumb broker)",
    .maturity = PL_BETA,
    .kind = PL_BUS_MODBUS,
    .params = PARAMS,
    .n_params = sizeof PARAMS / sizeof PARAMS[0],
    .open = remote_open,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/modbus_io.h"
#include "drivers/rig/backend.h"

#include <errno.h>
#include <poll.h>

#define FALSE_ALARMS_MAX 1000

enum pl_status pl_modbus_endpoint(struct pl_bus *bus, const struct pl_adapter_args *args, const char *text, const char **endpoint, bool *is_twin,
                                  struct pl_err *err)
{
  *is_twin = !strcmp(text, PL_MODBUS_TWIN);
  *endpoint = text;
  if (!*is_twin) {
    if (pl_clock_is_virtual(pl_bus_clock(bus)))
      return pl_fail(err, PL_E_USAGE, "bus %s: '%s' is a real port, which cannot answer in virtual time; run in real time, or say 'twin'", args->bus_name,
                     text);
    return PL_OK;
  }
  const struct pl_backend_desc *desc = args->backend ? pl_backend_find("twin") : NULL;
  if (!desc || !desc->endpoint)
    return pl_fail(err, PL_E_USAGE, "bus %s is on the twin, but this rig has no virtual rack", args->bus_name);
  return desc->endpoint(args->backend, args->bus_name, endpoint, err);
}

pl_time_ns pl_modbus_duration(const struct pl_adapter_args *args, const char *name)
{
  return pl_value(args->values, name)->number * PL_US; /* millionths of a second */
}

void pl_modbus_io_begin(struct pl_modbus_io *io, struct pl_bus *bus, int fd, pl_time_ns deadline)
{
  struct pl_clock *clock = pl_bus_clock(bus);
  *io = (struct pl_modbus_io){.bus = bus, .clock = clock, .fd = fd, .is_virtual = pl_clock_is_virtual(clock), .at = pl_bus_now(bus), .deadline = deadline};
}

pl_time_ns pl_modbus_io_now(const struct pl_modbus_io *io)
{
  return io->is_virtual ? io->at + io->spent : pl_clock_now(io->clock);
}

void pl_modbus_io_spend(struct pl_modbus_io *io, pl_time_ns ns)
{
  if (io->is_virtual && ns > 0)
    io->spent += ns;
}

static bool is_hung_up(int fd)
{
  struct pollfd p = {.fd = fd};
  return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR | POLLNVAL);
}

/* PL_OK with *got 0: there was nothing yet after all. */
static enum pl_status read_now(const struct pl_modbus_io *io, uint8_t *bytes, size_t room, size_t *got, struct pl_err *err)
{
  ssize_t n = read(io->fd, bytes, room);
  *got = n > 0 ? (size_t)n : 0;
  if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
    return PL_OK;
  if (n == 0 && !io->is_stream && !is_hung_up(io->fd)) /* libmodbus sets VMIN 0: an empty tty reads as 0 bytes */
    return PL_OK;
  return pl_fail(err, PL_E_GONE, "the other end closed the port%s%s; it is opened again at the next request", n < 0 ? ": " : "", n < 0 ? strerror(errno) : "");
}

enum pl_status pl_modbus_io_read(struct pl_modbus_io *io, uint8_t *bytes, size_t room, pl_time_ns until, bool rest, size_t *got, struct pl_err *err)
{
  if (until > io->deadline)
    until = io->deadline;
  *got = 0;
  for (int tries = 0; tries < FALSE_ALARMS_MAX; tries++) {
    pl_time_ns spent = 0, left = until - pl_modbus_io_now(io);
    if (left < 0)
      left = 0;
    enum pl_status status = (rest ? pl_clock_wait_rest : pl_clock_wait_fd)(io->clock, io->fd, POLLIN, left, &spent, err);
    pl_modbus_io_spend(io, spent);
    if (status)
      return status;
    status = read_now(io, bytes, room, got, err);
    if (status || *got)
      return status;
    if (pl_modbus_io_now(io) >= until)
      return pl_fail(err, PL_E_TIMEOUT, "no answer before the deadline");
  }
  return pl_fail(err, PL_E_IO, "the port says again and again that bytes are there, and gives none");
}

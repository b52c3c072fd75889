/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_MODBUS_IO_H
#define PL_BUS_MODBUS_IO_H

#include "drivers/bus/adapter.h"
#include "drivers/bus/lock.h"

/*
 * What the two Modbus adapters share: where the port is, whose it is, and reading with a deadline.
 *
 * libmodbus opens the port, flushes, and frames the serial requests. Its own receiver is not used: libmodbus 3.1.6 cannot tell the length of an answer
 * to function 0x14, throws away serial answers from units above 247 (modbus_set_slave refuses those), takes a stale TCP answer for the right
 * one (raw requests all carry transaction id 0), and counts its time-out anew for each byte. So the adapters read the descriptor themselves.
 */
#define PL_MODBUS_TWIN "twin" /* in place of a host or tty: the server of the virtual rack */
#define PL_MODBUS_TWIN_NAME "the twin" /* in sentences: its port or pty has another number in each run, and a journal shall be the same */

/* text as the rig has it; *endpoint lives as long as the backend or the values. A real port in virtual time is PL_E_USAGE. */
enum pl_status pl_modbus_endpoint(struct pl_bus *bus, const struct pl_adapter_args *args, const char *text, const char **endpoint, bool *is_twin,
                                  struct pl_err *err);
pl_time_ns pl_modbus_duration(const struct pl_adapter_args *args, const char *name); /* of a time param, in nanoseconds */

struct pl_modbus_io { /* one exchange */
  struct pl_bus *bus;
  struct pl_clock *clock;
  int fd;
  bool is_stream;      /* a read of 0 bytes is the end */
  bool is_virtual;
  pl_time_ns at;       /* when the exchange began */
  pl_time_ns spent;    /* virtual time used since; 0 in real time, which passes by itself */
  pl_time_ns deadline; /* of the job */
};

void pl_modbus_io_begin(struct pl_modbus_io *io, struct pl_bus *bus, int fd, pl_time_ns deadline);
pl_time_ns pl_modbus_io_now(const struct pl_modbus_io *io);
void pl_modbus_io_spend(struct pl_modbus_io *io, pl_time_ns ns); /* virtual time only: what the wire would take */
/* Reads 1 to room bytes, not later than `until`. rest: in the middle of an answer. PL_E_TIMEOUT; PL_E_GONE when the other end went away. */
enum pl_status pl_modbus_io_read(struct pl_modbus_io *io, uint8_t *bytes, size_t room, pl_time_ns until, bool rest, size_t *got, struct pl_err *err);

#endif

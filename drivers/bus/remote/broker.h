/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_REMOTE_BROKER_H
#define PL_BUS_REMOTE_BROKER_H

#include "drivers/bus/bus.h"

/*
 * Two programs never drive one bus, unless its broker stands between them: one process that has the bus open and serves it to others over a socket
 * (remote/wire.h; their rig files say `adapter: remote`). Requests wait in line; one client has a bus at a time, for the length of one of its jobs, so that
 * transfers that belong together (PAGE, then read) stay together. A client that dies gives its lines back, as they were driven. Writes are logged with their
 * author, a line each: TIME BUS PROGRAM[PID] WHAT:
 *   2026-11-21T18:32:35.123456Z i2c-m1 rackd[77] i2c 0x10 01 80
 *   2026-11-21T18:32:35.130000Z lines-m1 rackd[77] gpio CSU1_PWR_EN=1
 *   2026-11-21T18:32:35.140000Z rtu-coolant plumb[78] modbus 12 10 90 00 00 01 02 00 01
 * and what came of it, where that was not well. An I2C transaction with a read in it counts as a read.
 */
struct pl_broker;

struct pl_broker_cfg {
  struct pl_clock *clock;      /* real; whose loop runs */
  struct pl_bus *const *buses; /* open, with nobody else on them; the broker ends their jobs (pl_bus_stop), and does not free them */
  size_t n_buses;
  const char *path; /* of the socket */
  const char *log;  /* a file, appended to; NULL: no log */
};
enum pl_status pl_broker_new(const struct pl_broker_cfg *cfg, struct pl_broker **broker, struct pl_err *err);
void pl_broker_free(struct pl_broker *broker); /* NULL is fine */

#endif

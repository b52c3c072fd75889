/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_REMOTE_END_H
#define PL_BUS_REMOTE_END_H

/* What the adapters of this folder have in common: their end of the connection to a broker, or to a virtual rack, in a process of its own. */
#include "drivers/bus/adapter.h"
#include "drivers/bus/remote/wire.h"

#include <limits.h>

struct pl_remote_end { /* the first member of an adapter */
  struct pl_bus *bus;
  int fd; /* -1: none */
  bool holds; /* the broker keeps others off the bus until this job is over */
  char path[PATH_MAX], name[64];
  struct pl_remote_frame frame;
};

/* An adapter of `size` bytes, zeroed, its end by pl_remote_params. NULL: no memory. */
void *pl_remote_end_new(struct pl_bus *bus, const struct pl_adapter_args *args, size_t size, struct pl_err *err);
void pl_remote_end_free(struct pl_remote_end *end); /* and the adapter with it */
void pl_remote_end_leave(struct pl_remote_end *end);
/* Leaves, and comes again. */
enum pl_status pl_remote_end_attach(struct pl_remote_end *end, enum pl_remote_what what, uint32_t of, struct pl_remote_welcome *welcome, struct pl_err *err);
/* Sends the frame and waits for the answer to it, whose status is still to be read. PL_E_GONE: there is none, and the connection is worth nothing any more;
 * PL_E_USAGE: nothing was sent. */
enum pl_status pl_remote_end_ask(struct pl_remote_end *end, pl_time_ns timeout_ns, struct pl_err *err);
enum pl_status pl_remote_end_malformed(const struct pl_remote_end *end, struct pl_err *err);
void pl_remote_end_job_over(void *self); /* of pl_bus_set_job_over */

enum { PL_REMOTE_PARAMS = 2 };
extern const struct pl_param pl_remote_params[PL_REMOTE_PARAMS];
#define PL_REMOTE_SLACK_NS (2 * PL_S) /* on top of a job's deadline: another process must be scheduled, and others' requests come first */

#define PL_REMOTE_RACK(KIND, OPEN)                                                                                                                          \
  {.name = "twin-remote", .about = "a virtual rack in a process of its own", .maturity = PL_BETA, .kind = KIND, .params = pl_remote_params,                \
   .n_params = PL_REMOTE_PARAMS, .open = OPEN}
#define PL_REMOTE_BROKER(KIND, OPEN)                                                                                                                        \
  {.name = "remote", .about = "a bus that several programs share through a broker (plumb broker)", .maturity = PL_BETA, .kind = KIND,                      \
   .params = pl_remote_params, .n_params = PL_REMOTE_PARAMS, .open = OPEN}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CAPTURE_REPLAY_IN_H
#define PL_CAPTURE_REPLAY_IN_H

#include "drivers/capture/capture.h"
#include "drivers/capture/frames.h"
#include "drivers/capture/pcapng.h"
#include "drivers/capture/replay.h"

/* Inside of drivers/capture: what the replay (replay.c) and its adapters, one a kind of bus (replay_ports.c), share. */
struct pl_replay_line {
  char name[64];
};

struct pl_replay_port { /* a bus */
  struct pl_replay *replay;
  struct pl_bus *bus;
  const struct pl_pcapng_interface *interface; /* NULL: the capture does not have it */
  uint32_t index;
  size_t next; /* packets before it are done with */
  struct pl_i2c_caps i2c_caps;
  unsigned gpio_caps;
  struct pl_replay_line *lines; /* by handle */
  size_t n_lines;
  size_t next_edge; /* packets before it are no edges still to come */
  int waited;       /* how often the edge was put off, since requests before it were still to come */
  struct pl_timer timer;
  struct pl_replay_port *sibling;
};

#define PL_REPLAY_NONE SIZE_MAX
#define PL_REPLAY_TEXT 200
typedef char pl_replay_text[PL_REPLAY_TEXT];

const struct pl_pcapng_packet *pl_replay_packet(const struct pl_replay *replay, size_t at);
/* The next request of the bus from packet `from` on, or PL_REPLAY_NONE. */
size_t pl_replay_request(const struct pl_replay_port *port, size_t from);
size_t pl_replay_answer(const struct pl_replay_port *port, size_t request); /* Modbus: the packet that follows it */
/* Fails every request after the first divergence. */
enum pl_status pl_replay_alive(const struct pl_replay_port *port, struct pl_err *err);
/* at: the packet that was to come, or PL_REPLAY_NONE: there are no more. */
enum pl_status pl_replay_diverge(struct pl_replay_port *port, size_t at, const char *recorded, const char *asked, struct pl_err *err);
/* The request is met: edges that came before it are told, the port goes on behind `last`. Returns how long after `now` the answer comes. */
pl_time_ns pl_replay_meet(struct pl_replay_port *port, size_t first, size_t last, pl_time_ns now, pl_time_ns wire_ns, bool failed);

/* The status that a packet's comment tells, with its sentence in err. */
enum pl_status pl_replay_status(const struct pl_pcapng_packet *packet, struct pl_err *err);
void pl_replay_describe(const struct pl_replay_port *port, size_t at, char *out); /* PL_REPLAY_TEXT */

extern const struct pl_i2c_ops pl_replay_i2c_ops;
extern const struct pl_modbus_ops pl_replay_modbus_ops;
extern const struct pl_gpio_ops pl_replay_gpio_ops;

#endif

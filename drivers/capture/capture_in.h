/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CAPTURE_CAPTURE_IN_H
#define PL_CAPTURE_CAPTURE_IN_H

#include "drivers/capture/capture.h"
#include "drivers/capture/frames.h"
#include "drivers/capture/pcapng.h"

#include <pthread.h>

/* Inside of drivers/capture: what the store of packets (capture.c) and the taps that fill it (taps.c) share. */
#define PL_CAPTURE_FRAME_MAX (66u << 10)   /* an I2C message has up to 64 KiB */
#define PL_CAPTURE_COMMENT_MAX 600

struct pl_tapped_line {
  char name[64];
  bool active_low;
};

struct pl_tapped { /* a bus */
  struct pl_capture *capture;
  struct pl_bus *bus;
  uint32_t interface;
  uint8_t number; /* among the buses of its kind */
  struct pl_modbus_link link;
  struct pl_tapped_line *lines; /* by handle */
  size_t n_lines;
  struct pl_tapped *next;
};

extern const struct pl_bus_tap_ops pl_capture_tap_ops;

/* A packet is made between begin and end, with the capture locked. */
struct pl_packet_room {
  uint8_t *frame; /* PL_CAPTURE_FRAME_MAX */
  char *comment;  /* PL_CAPTURE_COMMENT_MAX */
  size_t comment_len;
};
struct pl_packet_room *pl_capture_begin(struct pl_capture *capture);
/* len 0: it did not fit and is left out. Keeps the lock. */
void pl_capture_add(struct pl_tapped *tapped, size_t len, pl_time_ns at, enum pl_pcapng_direction direction);
void pl_capture_end(struct pl_capture *capture);

#endif

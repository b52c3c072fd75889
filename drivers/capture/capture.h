/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CAPTURE_CAPTURE_H
#define PL_CAPTURE_CAPTURE_H

#include "drivers/bus/bus.h"

/*
 * What went over the buses, as pcapng: an interface a bus (named as the rig names it), packets as drivers/capture/frames.h says, times on the wall clock of
 * the journal. The time of a packet is when its bytes had passed; of a Modbus request, when it began. The packet id is the order of recording.
 *
 * Always kept is a ring of the last packets (PL_CAPTURE_RING bytes, allocated at open). With a path they are written to a file too, in the order of their
 * times as far as they are at most 100 ms late, in whole blocks: a killed run leaves a readable file. Real time: the loop's timer writes, so a
 * slow disk does not hold a bus.
 */
struct pl_capture;

#define PL_CAPTURE_RING (4u << 20)

struct pl_capture_cfg {
  struct pl_clock *clock;
  const char *path;  /* NULL: the ring only */
  const char *rig;   /* its name */
  const char *about; /* what runs: the command line */
  uint64_t seed;
  size_t ring;       /* bytes; 0: PL_CAPTURE_RING */
};

/* PL_E_USAGE: the file cannot be made. */
enum pl_status pl_capture_open(const struct pl_capture_cfg *cfg, struct pl_capture **capture, struct pl_err *err);
/* Listens on a bus, from now until the bus is freed; loop's thread, before its first job and before its lines are requested. */
enum pl_status pl_capture_bus(struct pl_capture *capture, struct pl_bus *bus, const char *adapter, struct pl_err *err);
/* Writes what the ring holds as a file of its own. Loop's thread, at any time. */
enum pl_status pl_capture_save(struct pl_capture *capture, const char *path, struct pl_err *err);
/* After the buses were freed. Says when the file is not whole (a full disk). NULL is fine. */
enum pl_status pl_capture_close(struct pl_capture *capture, struct pl_err *err);

/* Loop's thread, for tests: how many packets were recorded, and how many of them the ring still has. */
void pl_capture_count(struct pl_capture *capture, uint64_t *recorded, uint64_t *kept);

/* The words of the section's comment, for who reads it: "KEY=NUMBER". */
#define PL_CAPTURE_CLOCK_START "clock-start-ns=" /* wall clock at clock time 0 */
#define PL_CAPTURE_SEED "seed="
#define PL_CAPTURE_LEFT_OUT "left-out="          /* packets that were recorded before the first one of this file */
/* And of an interface's comment: what the adapter can, in the words of its layer (pl_i2c_caps, pl_gpio_cap). */
#define PL_CAPTURE_CAPS "caps="
#define PL_CAPTURE_MAX_WRITE "max-write="
#define PL_CAPTURE_MAX_READ "max-read="
#define PL_CAPTURE_MAX_BATCH "max-batch="

#endif

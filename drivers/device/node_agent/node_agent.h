/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_NODE_AGENT_H
#define PL_DEVICE_NODE_AGENT_H

#include "drivers/device/agent.h"
#include "drivers/device/device.h"
#include "drivers/device/twin.h"

/*
 * The agent of a virtual rack's node, by Modbus registers of our own. Numbers of more than one register have the high word first. Input registers (function 04):
 *
 *   0x0000  head, PL_NA_HEAD registers (the table below)
 *   0x0100  16 runs of PL_NA_RUN registers each; one that is not used is all 0. A run is read in one request, so that it is of one instant
 *
 * Holding registers (03, 16): the mailbox at 0x0000, PL_NA_BOX registers, written whole in one request, which is executed before it is answered. Its sequence
 * number is any but 0 and the last one's: the same mailbox once more (the answer was lost) is answered as before, and not executed again. Refused with exception 3
 * (it cannot be: result BAD_VALUE to WRONG_STATE, or another mailbox with the last one's number), 4 (no room: NO_CORES to NO_SLOT), 6 (it is COPYING); the head's
 * result says which. Everything else: 1 for coils and discrete inputs, 2 for addresses that are not there and for less than the whole mailbox.
 *
 * A node that has not booted answers nobody; a gateway says 11 for it. What it keeps stands on its drives: after it lost power, was reset or restarted a RUNNING or
 * COPYING run is FAILED, a READY one is READY; in another unit that was put in its place nothing is. The sequence begins anew with each boot.
 */
#define PL_NA_MAGIC 0x504C4E41u /* "PLNA" */
#define PL_NA_LAYOUT 1          /* version of this table */
#define PL_NA_RUNS_AT 0x0100

#define PL_NA_HEAD_FIELDS(X)                                                        \
  X(MAGIC, 2) X(LAYOUT, 1)                                                            \
  X(BOOTS, 2)                       /* so far */                                      \
  X(CORES, 2) X(MEMORY, 2) X(STORAGE, 2) /* what it has: thousandths of a core, MiB, MiB */ \
  X(RUNS, 1)                        /* bit i: run i is used */                        \
  X(USED_CORES, 2) X(USED_MEMORY, 2) /* now: thousandths, MiB */                      \
  X(SEQUENCE, 1)                    /* of the last mailbox that was executed; 0: none since it booted */ \
  X(RESULT, 1)                      /* of that: enum pl_na_result */                \
  X(SLOT, 1)                        /* of the run that it was about; 0xFFFF: none */
#define PL_NA_RUN_FIELDS(X)                                                         \
  X(HANDLE, 2) X(STATE, 1)          /* enum pl_agent_run_state */                     \
  X(COPIED, 1)                      /* of 10000 */                                    \
  X(CORES, 2) X(MEMORY, 2) X(DATA, 2) /* thousandths, MiB, MiB */                     \
  X(IMAGE, 2) X(WORK, 4)            /* thousandths of a core times milliseconds */    \
  X(CHECKSUM, 2) X(USED_CORES, 2) X(USED_MEMORY, 2)
#define PL_NA_BOX_FIELDS(X)                                                         \
  X(SEQUENCE, 1) X(OP, 1)           /* enum pl_agent_op; not SURVEY */                \
  X(HANDLE, 2) X(CORES, 2) X(MEMORY, 2) X(DATA, 2) X(IMAGE, 2) X(WORK, 4) X(CHECKSUM, 2)

/* Offsets: PL_NA_HEAD_MAGIC, PL_NA_RUN_HANDLE, ... */
#define PL_NA_OFFSET(prefix, name, words) PL_NA_##prefix##_##name, PL_NA_##prefix##_##name##_END = PL_NA_##prefix##_##name + (words) - 1,
#define PL_NA_HEAD_OFFSET(name, words) PL_NA_OFFSET(HEAD, name, words)
#define PL_NA_RUN_OFFSET(name, words) PL_NA_OFFSET(RUN, name, words)
#define PL_NA_BOX_OFFSET(name, words) PL_NA_OFFSET(BOX, name, words)
enum pl_na_head_offset { PL_NA_HEAD_FIELDS(PL_NA_HEAD_OFFSET) PL_NA_HEAD };
enum pl_na_run_offset { PL_NA_RUN_FIELDS(PL_NA_RUN_OFFSET) PL_NA_RUN };
enum pl_na_box_offset { PL_NA_BOX_FIELDS(PL_NA_BOX_OFFSET) PL_NA_BOX };

#define PL_NA_RESULTS(X) /* name, exception, what the caller is told */                                       \
  X(DONE, 0, OK, "done")                                                                                        \
  X(BAD_VALUE, 3, E_USAGE, "a value that it does not take: an unknown operation or image, or a handle or cores of 0") \
  X(NO_HANDLE, 3, E_USAGE, "it has no such handle")                                                             \
  X(HANDLE_THERE, 3, E_USAGE, "it has that handle already")                                                     \
  X(WRONG_STATE, 3, E_USAGE, "the state of the run does not allow that")                                        \
  X(NO_CORES, 4, E_RANGE, "not so many cores are free")                                                         \
  X(NO_MEMORY, 4, E_RANGE, "not so much memory is free")                                                        \
  X(NO_STORAGE, 4, E_RANGE, "not so much storage is free")                                                      \
  X(NO_SLOT, 4, E_RANGE, "it runs as many as it can")                                                           \
  X(COPYING, 6, E_BUSY, "its data is still being copied")
enum pl_na_result {
#define PL_NA_RESULT_ENUM(name, exception, status, text) PL_NA_##name,
  PL_NA_RESULTS(PL_NA_RESULT_ENUM)
#undef PL_NA_RESULT_ENUM
      PL_NA_RESULT_COUNT
};

/* --- registers (regs.c) --- */

struct pl_na_head {
  uint32_t boots, cores_m, memory_MiB, storage_MiB, used_cores_m, used_memory_MiB;
  uint16_t runs, sequence, result, slot;
};
struct pl_na_box {
  uint16_t sequence, op;
  struct pl_agent_run run; /* handle, cores_m, memory_MiB, data_MiB, image, work, checksum */
};
void pl_na_head_encode(const struct pl_na_head *head, uint16_t words[PL_NA_HEAD]);
enum pl_status pl_na_head_decode(const uint16_t words[PL_NA_HEAD], struct pl_na_head *head, struct pl_err *err); /* PL_E_GARBAGE */
void pl_na_run_encode(const struct pl_agent_run *run, uint16_t words[PL_NA_RUN]);
enum pl_status pl_na_run_decode(const uint16_t words[PL_NA_RUN], struct pl_agent_run *run, struct pl_err *err); /* PL_E_GARBAGE; all 0: state NONE */
enum pl_status pl_na_box_encode(const struct pl_na_box *box, uint16_t words[PL_NA_BOX], struct pl_err *err);  /* PL_E_USAGE: an amount does not fit */
void pl_na_box_decode(const uint16_t words[PL_NA_BOX], struct pl_na_box *box);
/* CRC-32 (IEEE 802.3) of what a run's data follows from: image, data_MiB and work. */
uint32_t pl_na_checksum(const struct pl_agent_run *run);

/* --- images (image.c): what a run uses of the cores that it may use --- */

#define PL_NA_SHAPES(X)                                                                    \
  X(IDLE, "idle")     /* nothing */                                                          \
  X(STEADY, "steady") /* N per cent of its cores, always */                                  \
  X(DAILY, "daily")   /* a day of 24 h of the clock: N at its peak, a quarter of it at night; ragged by 5 % */ \
  X(BURSTY, "bursty") /* a fifth of N, and N for about one minute in four */                 \
  X(RAMP, "ramp")     /* from a tenth of N up to N in 20 minutes of its own, wherever it runs; then N */
enum pl_na_shape {
#define PL_NA_SHAPE_ENUM(name, word) PL_NA_SHAPE_##name,
  PL_NA_SHAPES(PL_NA_SHAPE_ENUM)
#undef PL_NA_SHAPE_ENUM
      PL_NA_SHAPE_COUNT
};
/* "idle", or SHAPE/N or SHAPE/N/SEED with N from 1 to 100 and a seed up to 1048575 (0 unless told): "bursty/60/7". PL_E_USAGE. As a number: the shape in bits 31
 * to 28, N in 27 to 20, the seed in 19 to 0; idle is 0. */
enum pl_status pl_na_image_parse(const char *text, uint32_t *image, struct pl_err *err);
#define PL_NA_IMAGE_ROOM 24
const char *pl_na_image_text(uint32_t image, char text[PL_NA_IMAGE_ROOM]); /* NULL: it is none */
#define PL_NA_GRAIN PL_S /* what is used changes at whole ones of the clock only */
/* The share of its cores that it uses at that time: 0 to 1. */
double pl_na_image_use(uint32_t image, pl_time_ns at, int64_t cores_m, uint64_t work);
bool pl_na_image_changes(uint32_t image); /* with time */

/* Rows of the driver's table. */
enum { PL_NA_UNIT, PL_NA_CORES, PL_NA_MEMORY, PL_NA_STORAGE, PL_NA_COPY_RATE };

extern const struct pl_device_desc pl_device_node_agent;
extern const struct pl_twin_desc pl_twin_node_agent;

#endif

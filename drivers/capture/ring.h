/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CAPTURE_RING_H
#define PL_CAPTURE_RING_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Packet blocks in a fixed piece of memory: the newest push out the oldest. Not locked. */
struct pl_ring {
  uint8_t *bytes;
  size_t size;
  size_t oldest, next; /* offsets */
  size_t count;
};

struct pl_ring_entry { /* stands before its block */
  uint32_t size;    /* with this head; 0: the rest of the memory is unused, the next entry stands at 0 */
  bool unwritten;   /* still to go to the file */
};

enum pl_status pl_ring_new(struct pl_ring *ring, size_t size, struct pl_err *err);
void pl_ring_free(struct pl_ring *ring);
/* Room for a block of `len` bytes, or NULL when the oldest entry must go first, or (len too large for it) always. */
uint8_t *pl_ring_put(struct pl_ring *ring, size_t len, size_t *offset);
bool pl_ring_fits(const struct pl_ring *ring, size_t len);
void pl_ring_drop(struct pl_ring *ring); /* the oldest */
struct pl_ring_entry *pl_ring_entry(const struct pl_ring *ring, size_t offset);
const uint8_t *pl_ring_block(const struct pl_ring *ring, size_t offset);
size_t pl_ring_after(const struct pl_ring *ring, size_t offset); /* of the entry that follows */

#endif

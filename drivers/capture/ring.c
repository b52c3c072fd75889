/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/capture/ring.h"

#include <stdlib.h>

#define HEAD sizeof(struct pl_ring_entry)

enum pl_status pl_ring_new(struct pl_ring *ring, size_t size, struct pl_err *err)
{
  *ring = (struct pl_ring){.bytes = calloc(1, size), .size = size}; /* pages that are never used cost nothing */
  return ring->bytes ? PL_OK : pl_fail(err, PL_E_NOMEM, "out of memory for a capture ring of %zu bytes", size);
}

void pl_ring_free(struct pl_ring *ring)
{
  free(ring->bytes);
  *ring = (struct pl_ring){0};
}

static size_t entry_size(size_t len)
{
  return HEAD + ((len + HEAD - 1) & ~(HEAD - 1));
}

bool pl_ring_fits(const struct pl_ring *ring, size_t len)
{
  return len <= UINT32_MAX / 2 && entry_size(len) + HEAD <= ring->size;
}

struct pl_ring_entry *pl_ring_entry(const struct pl_ring *ring, size_t offset)
{
  return (struct pl_ring_entry *)(void *)(ring->bytes + offset); /* offsets are multiples of its size */
}

/* Where an entry of this size goes; ring->size: the oldest is in the way. */
static size_t place(const struct pl_ring *ring, size_t need)
{
  if (!ring->count || ring->next > ring->oldest)
    return ring->next + need + HEAD <= ring->size ? ring->next : !ring->count || need < ring->oldest ? 0 : ring->size;
  return ring->next + need < ring->oldest ? ring->next : ring->size; /* never up to it: equal means empty */
}

uint8_t *pl_ring_put(struct pl_ring *ring, size_t len, size_t *offset)
{
  size_t need = entry_size(len), at = pl_ring_fits(ring, len) ? place(ring, need) : ring->size;
  if (at == ring->size)
    return NULL;
  if (at < ring->next)
    pl_ring_entry(ring, ring->next)->size = 0;
  if (!ring->count)
    ring->oldest = at;
  *pl_ring_entry(ring, at) = (struct pl_ring_entry){.size = (uint32_t)need};
  ring->next = at + need;
  ring->count++;
  *offset = at;
  return ring->bytes + at + HEAD;
}

size_t pl_ring_after(const struct pl_ring *ring, size_t offset)
{
  size_t after = offset + pl_ring_entry(ring, offset)->size;
  return after == ring->next || pl_ring_entry(ring, after)->size ? after : 0;
}

void pl_ring_drop(struct pl_ring *ring)
{
  size_t after = pl_ring_after(ring, ring->oldest);
  ring->count--;
  ring->oldest = after;
  if (!ring->count)
    ring->oldest = ring->next = 0;
}

const uint8_t *pl_ring_block(const struct pl_ring *ring, size_t offset)
{
  return ring->bytes + offset + HEAD;
}

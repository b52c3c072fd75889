/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_TESTS_ODD_FIRMWARE_H
#define PL_TESTS_ODD_FIRMWARE_H

/* For tests only: stands between a virtual USB device and the server, and spoils what the chip answers. What the chip does on its wires is untouched. */
#include "fixtures/twin/usb/device.h"

#include <stdatomic.h>
#include <string.h>

enum trick { WELL, SHORT, LONG, LATE, NEVER };

#define ODD_LATE_NS (400 * PL_MS)    /* longer than any adapter waits for its chip */
#define ODD_NEVER_NS (3600 * PL_S)

struct odd {
  const struct pl_vusb_ops *ops; /* the chip's own */
  void *self;
  atomic_int trick;     /* set by the test, read by the server's thread */
  size_t empty;         /* an IN answer of so many bytes says nothing (FTDI's status bytes) */
  bool on_control;      /* the chip answers vendor requests, it has no other endpoint */
  uint8_t held[1024];   /* an answer that is kept for later */
  int n_held;
  pl_time_ns release;
  atomic_uint spoilt;   /* answers */
};

static inline void odd_reset(void *self, pl_time_ns now)
{
  struct odd *odd = self;
  odd->n_held = 0;
  if (odd->ops->reset)
    odd->ops->reset(odd->self, now);
}

static inline int odd_control(void *self, const struct pl_vusb_setup *setup, uint8_t *data, pl_time_ns now, pl_time_ns *ready)
{
  struct odd *odd = self;
  int trick = atomic_load(&odd->trick), n = odd->ops->control(odd->self, setup, data, now, ready);
  bool vendor = (setup->type & 0x60) == 0x40; /* USB 2.0 section 9.3.1 */
  if (!odd->on_control || !vendor || n <= 0 || trick == WELL || trick == LONG) /* the host takes no more than it asked for */
    return n;
  atomic_fetch_add(&odd->spoilt, 1);
  if (trick == SHORT)
    return n - 1;
  *ready = (*ready > now ? *ready : now) + (trick == LATE ? ODD_LATE_NS : ODD_NEVER_NS);
  return n;
}

static inline size_t odd_out(void *self, uint8_t endpoint, const uint8_t *data, size_t len, pl_time_ns now, pl_time_ns *again)
{
  struct odd *odd = self;
  return odd->ops->out(odd->self, endpoint, data, len, now, again);
}

static inline int odd_give_held(struct odd *odd, uint8_t *data, size_t room, pl_time_ns now, pl_time_ns *again)
{
  *again = odd->release;
  if (now < odd->release)
    return PL_VUSB_NAK;
  int n = (size_t)odd->n_held < room ? odd->n_held : (int)room;
  memcpy(data, odd->held, (size_t)n);
  odd->n_held = 0;
  return n;
}

static inline int odd_spoil(struct odd *odd, int trick, uint8_t *data, int n, size_t room, pl_time_ns now, pl_time_ns *again)
{
  atomic_fetch_add(&odd->spoilt, 1);
  switch (trick) {
  case SHORT: return odd->empty ? n - 1 : 4; /* a HID report, cut before what matters */
  case LONG:
    if (odd->empty && (size_t)n < room) {
      data[n] = 0xA5;
      return n + 1;
    } /* fall through */
  case LATE:
    memcpy(odd->held, data, (size_t)n);
    odd->n_held = n;
    odd->release = trick == LATE ? now + ODD_LATE_NS : now;
    *again = odd->release;
    return trick == LATE ? PL_VUSB_NAK : n; /* a HID report twice */
  default: *again = PL_NEVER; return PL_VUSB_NAK; /* it is lost */
  }
}

static inline int odd_in(void *self, uint8_t endpoint, uint8_t *data, size_t room, pl_time_ns now, pl_time_ns *again)
{
  struct odd *odd = self;
  int trick = atomic_load(&odd->trick);
  if (odd->n_held)
    return odd_give_held(odd, data, room, now, again);
  int n = odd->ops->in(odd->self, endpoint, data, room, now, again);
  bool spoils = trick != WELL && n > (int)odd->empty && (size_t)n <= sizeof odd->held;
  return spoils ? odd_spoil(odd, trick, data, n, room, now, again) : n;
}

static inline pl_time_ns odd_tick(void *self, pl_time_ns now)
{
  struct odd *odd = self;
  return odd->ops->tick(odd->self, now);
}

static inline void odd_free(void *self)
{
  struct odd *odd = self;
  odd->ops->free(odd->self);
}

/* Before the server starts. ops: room for the table, lives as long as the device, as odd does. */
static inline void odd_wrap(struct odd *odd, struct pl_vusb_ops *ops, struct pl_vusb *device, size_t empty)
{
  odd->ops = device->ops;
  odd->self = device->self;
  odd->empty = empty;
  odd->on_control = !device->ops->in;
  *ops = (struct pl_vusb_ops){.reset = odd_reset, .control = odd_control, .out = device->ops->out ? odd_out : NULL, .in = device->ops->in ? odd_in : NULL,
                              .tick = device->ops->tick ? odd_tick : NULL, .free = odd_free};
  device->ops = ops;
  device->self = odd;
}

#endif

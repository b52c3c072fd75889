/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_REMOTE_WIRE_H
#define PL_BUS_REMOTE_WIRE_H

#include "drivers/base/clock.h"

/*
 * What the adapters remote and twin-remote and the backend twin-remote speak with a broker, or a virtual rack, in a process of its own, on a Unix stream
 * socket. Frames, all numbers
 * big-endian:  u32 length of what follows, u8 type, body.  A client's first frame is HELLO; then each request has one answer (REPLY: u8 pl_status, text with
 * u16 length: the error's sentence, then the type's own results). EDGE frames come without being asked for, on a connection of their own.
 *
 *   HELLO    u8 version, u8 what (0 control, 1 i2c, 2 gpio, 3 edges of a gpio bus, 4 modbus), text bus, u32 id (edges: of the gpio connection that they
 *            are for; i2c, modbus: 1: this client says RELEASE at the end of each job)
 *            -> i64 the server's clock, u32 speed_hz (i2c), u32 caps (of the kind of bus), u16 max_write, u16 max_read, u16 max_batch (i2c), u32 id
 *   I2C      u16 transfers: u16 messages: u8 address, u8 flags, u16 len, bytes of a write  -> u16 transfers: u8 status, i64 wire_ns, messages: u16 len, bytes
 *   RECOVER                                                                    -> nothing
 *   MODBUS   u8 unit, u32 patience in ms, u16 len, PDU    -> i64 wire_ns, u16 len, PDU (of an exception, too)
 *   RELEASE  no answer. From a broker's I2C, RECOVER or MODBUS on, a connection has the bus to itself, until this (or 2 s of silence): a job's transfers stay
 *            together. A virtual rack has nothing to release.
 *   REQUEST  u16 handle, text name ("": by offset), i32 offset, text consumer, u8 bits (1 output 2 active-low 4 initial 8 edges 16 as-is)
 *   GET      u16 count: u16 handle        -> u16 count: u8 value
 *   SET      u16 count: u16 handle, u8 value
 *   EDGE     (server) u16 handle, u8 active, u64 count, i64 at (the server's clock)
 *   ACT      text part, text verb;  PLANT, CLEAR text spec;  TRUTH text part, text port -> u64 the double's bits;  PLUG, UNPLUG text bus id
 *   PLANTED                               -> up to its end: text spec, u8 pl_fault_state, u64 how often it acted
 *   TRUTHS                                -> up to its end: text part, text port, u8 pl_dim, u64 the double's bits
 */
#define PL_REMOTE_VERSION 2
#define PL_REMOTE_FRAME_MAX (1u << 20)

enum pl_remote_type {
  PL_REMOTE_HELLO = 1, PL_REMOTE_REPLY, PL_REMOTE_I2C, PL_REMOTE_RECOVER, PL_REMOTE_REQUEST, PL_REMOTE_GET, PL_REMOTE_SET, PL_REMOTE_EDGE,
  PL_REMOTE_ACT, PL_REMOTE_PLANT, PL_REMOTE_CLEAR, PL_REMOTE_TRUTH, PL_REMOTE_PLUG, PL_REMOTE_UNPLUG, PL_REMOTE_TRUTHS, PL_REMOTE_PLANTED,
  PL_REMOTE_MODBUS, PL_REMOTE_RELEASE, PL_REMOTE_TYPES
};
enum pl_remote_what { PL_REMOTE_CONTROL, PL_REMOTE_I2C_BUS, PL_REMOTE_GPIO_BUS, PL_REMOTE_EDGES, PL_REMOTE_MODBUS_BUS, PL_REMOTE_WHATS };

/* A frame being written or read. bad: it did not fit, or ended too early; what is read then is 0 and "". */
struct pl_remote_frame {
  uint8_t *bytes; /* type and body */
  size_t len, room, at;
  bool bad;
};

void pl_remote_begin(struct pl_remote_frame *frame, enum pl_remote_type type); /* keeps the room */
void pl_remote_free(struct pl_remote_frame *frame);
void pl_remote_put(struct pl_remote_frame *frame, uint64_t value, size_t bytes);
void pl_remote_put_bytes(struct pl_remote_frame *frame, const void *bytes, size_t len);
void pl_remote_put_text(struct pl_remote_frame *frame, const char *text);
enum pl_remote_type pl_remote_type(struct pl_remote_frame *frame); /* starts reading */
uint64_t pl_remote_get(struct pl_remote_frame *frame, size_t bytes);
const uint8_t *pl_remote_get_bytes(struct pl_remote_frame *frame, size_t len); /* NULL: not there */
void pl_remote_get_text(struct pl_remote_frame *frame, char *text, size_t size); /* cut to size */
bool pl_remote_whole(const struct pl_remote_frame *frame); /* read to its end, and not beyond */

/* Connecting to the socket and each write to it end after two seconds: a server that is stopped takes neither connections nor requests. False: errno says
 * why. */
bool pl_remote_limit(int fd);
/* Blocking. receive: not later than timeout_ns from now. PL_E_GONE: the other end left; PL_E_TIMEOUT; PL_E_GARBAGE: no frame of ours; of send, PL_E_USAGE: the
 * frame is bad, and nothing was sent. */
enum pl_status pl_remote_send(int fd, const struct pl_remote_frame *frame, struct pl_err *err);
enum pl_status pl_remote_receive(struct pl_clock *clock, int fd, struct pl_remote_frame *frame, pl_time_ns timeout_ns, struct pl_err *err);
struct pl_remote_welcome { /* the answer to HELLO */
  pl_time_ns ahead_ns;   /* how far the server's clock is ahead of ours */
  uint32_t speed_hz, caps, id;
  uint16_t max_write, max_read, max_batch;
};
/* Connects and says hello. of: the id of HELLO. */
enum pl_status pl_remote_connect(struct pl_clock *clock, const char *path, enum pl_remote_what what, const char *bus, uint32_t of, int *fd,
                                 struct pl_remote_welcome *welcome, struct pl_err *err);
/* Takes the REPLY's status and sentence off the front. */
enum pl_status pl_remote_status(struct pl_remote_frame *frame, struct pl_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_I2C_H
#define PL_BUS_I2C_H

#include "drivers/bus/bus.h"

/*
 * I2C as message lists, like I2C_RDWR of Linux (Documentation/i2c/i2c-protocol): START before each message, repeated START
 * between, STOP after the last. Several transactions may be handed over in one call, so that an adapter can pipeline them.
 */
enum pl_i2c_flag {
  PL_I2C_READ = 1,
  PL_I2C_RECV_LEN = 2, /* the first byte read says how many follow (SMBus block read); needs PL_I2C_CAP_RECV_LEN */
  PL_I2C_PEC = 4,      /* with RECV_LEN: one byte more, the packet error code; the adapter does not check it */
};

struct pl_i2c_msg {
  uint8_t address; /* 7 bits */
  uint8_t flags;
  uint16_t len;    /* bytes to write or read; with RECV_LEN the room in buf, on return what was read, count byte and PEC included */
  uint8_t *buf;    /* caller's */
};

struct pl_i2c_transfer { /* one transaction */
  struct pl_i2c_msg *msgs;
  size_t count;
  enum pl_status status; /* out: each its own */
  pl_time_ns wire_ns;    /* out: time on the wire, for simulated adapters */
};

enum pl_i2c_cap {
  PL_I2C_CAP_ANY_LIST = 1, /* any message list; without it only [write] [read] [write, read] */
  PL_I2C_CAP_RECV_LEN = 2, /* a count beyond what the adapter can (32 of SMBus 2.0, say): PL_E_UNSUPPORTED or PL_E_GARBAGE, never a part of the block */
  PL_I2C_CAP_RECOVER = 4,  /* can clock a stuck bus free */
  PL_I2C_CAP_STRETCH = 8,
};

struct pl_i2c_caps {
  unsigned flags;
  uint16_t max_write, max_read; /* bytes a message; 0: no limit */
  uint16_t max_batch;           /* transactions that one USB write or ioctl can carry; 1: none */
  uint32_t speed_hz;
};

struct pl_i2c_ops {
  const struct pl_i2c_caps *(*caps)(void *self);
  /* Runs the transactions in order; all are tried, each gets its status; the return value is the first failure (or PL_OK) with its sentence. */
  enum pl_status (*transfer)(void *self, struct pl_i2c_transfer *list, size_t count, pl_time_ns deadline, struct pl_err *err);
  enum pl_status (*recover)(void *self, struct pl_err *err); /* NULL when the cap is absent */
};

const struct pl_i2c_caps *pl_i2c_caps(struct pl_bus *bus);
/* Inside a job. Refuses what the caps cannot (naming the limit), counts, charges the wire time. */
enum pl_status pl_i2c_transfer(struct pl_bus *bus, struct pl_i2c_transfer *list, size_t count, struct pl_err *err);
enum pl_status pl_i2c_write_read(struct pl_bus *bus, uint8_t address, const uint8_t *out, size_t out_len, uint8_t *in, size_t in_len, struct pl_err *err);
enum pl_status pl_i2c_recover(struct pl_bus *bus, struct pl_err *err);
/* Wire time of a transaction at a speed: 9 clocks a byte, one for each START, repeated START and STOP (UM10204 section 3.1). */
pl_time_ns pl_i2c_wire_ns(const struct pl_i2c_transfer *transfer, uint32_t speed_hz);

#endif

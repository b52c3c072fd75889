/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_MPSSE_H
#define PL_BUS_MPSSE_H

#include "drivers/bus/i2c.h"

/*
 * I2C on the MPSSE of FTDI's H chips, without any I/O: message lists become command bytes (AN_108), reply bytes become data and statuses.
 * AD0 is SCL; AD1 (out) and AD2 (in), tied together, are SDA; AD3..AD7 belong to others and keep the levels that are told.
 *
 * The engine has no conditions: a transaction is sent whole, up to its STOP, and its acknowledge bits are looked at when they come back. What follows a
 * NACK within a transaction is clocked all the same: reads give 0xFF, writes go to a device that no longer listens, and a STOP ends it. So
 * the transactions of one list must not depend on each other (pl_i2c_ops.transfer: all are tried); what depends on an answer belongs in the next call.
 * The one pause is within a counted read: the clock is held low from the count to its acknowledge bit while the host reads the count.
 */
#define PL_MPSSE_SEND_IMMEDIATE 0x87
#define PL_MPSSE_SET_LOW 0x80
#define PL_MPSSE_GET_LOW 0x81
#define PL_MPSSE_SET_HIGH 0x82
#define PL_MPSSE_GET_HIGH 0x83
#define PL_MPSSE_SCL 0x01
#define PL_MPSSE_SDA_OUT 0x02
#define PL_MPSSE_SDA_IN 0x04
#define PL_MPSSE_I2C_PINS 0x07

struct pl_mpsse_wires { /* how a channel drives its I2C bus */
  bool open_drain;      /* 0x9E (FT232H); else SDA is let go of by making AD1 an input, and SCL at rest likewise */
  uint8_t hold, setup, stop, rest, low; /* pin commands that last tHD;STA, tSU;STA, tSU;STO, tBUF, and what is left of tLOW after a byte */
  uint8_t value, dir;   /* of AD3..AD7 */
};

/* Fills the times (UM10204 table 10) for 10 kHz to 1 MHz; returns the divisor of three-phase clocking: SCL = 60 MHz / 2 / (1 + divisor) * 2/3. */
uint16_t pl_mpsse_i2c_timing(uint32_t speed_hz, struct pl_mpsse_wires *wires);
/* The low byte and its directions with both lines let go. */
void pl_mpsse_i2c_idle(const struct pl_mpsse_wires *wires, uint8_t *value, uint8_t *dir);

enum pl_mpsse_phase { PL_MPSSE_BEFORE, PL_MPSSE_START, PL_MPSSE_ADDRESS, PL_MPSSE_DATA, PL_MPSSE_COUNT, PL_MPSSE_COUNT_ACK, PL_MPSSE_STOP, PL_MPSSE_AFTER };

struct pl_mpsse_at { /* a step of a list */
  size_t transfer, msg, byte;
  enum pl_mpsse_phase phase;
};

struct pl_mpsse_i2c { /* a list on its way; all private but for `first` */
  struct pl_mpsse_wires wires;
  struct pl_i2c_transfer *list;
  size_t count;
  struct pl_mpsse_at out, in; /* encoded, decoded up to here */
  enum pl_status first;       /* the first failure, its sentence in err */
  struct pl_err *err;
};

void pl_mpsse_i2c_begin(struct pl_mpsse_i2c *run, const struct pl_mpsse_wires *wires, struct pl_i2c_transfer *list, size_t count, struct pl_err *err);
/* The next commands: whole transactions, as many as fit; of one that is longer than a chunk, whole bytes. Ends with send-immediate. *replies: bytes that
 * will come back, at most max_replies. finish: only to the end of the transaction that is begun. 0: nothing to send now (a count
 * is awaited, or it is the end). room: PL_MPSSE_ROOM_MIN or more; max_replies: 8 or more. */
#define PL_MPSSE_ROOM_MIN 512
size_t pl_mpsse_i2c_encode(struct pl_mpsse_i2c *run, bool finish, uint8_t *bytes, size_t room, size_t max_replies, size_t *replies);
/* Returns how many of the reply bytes were used: all but the beginning of a step. */
size_t pl_mpsse_i2c_decode(struct pl_mpsse_i2c *run, const uint8_t *bytes, size_t len);
bool pl_mpsse_i2c_between(const struct pl_mpsse_i2c *run); /* no transaction is begun and not decoded */
bool pl_mpsse_i2c_done(const struct pl_mpsse_i2c *run);
/* The address of the transaction that is on the wire. */
uint8_t pl_mpsse_i2c_address(const struct pl_mpsse_i2c *run);
/* Gives every transaction that is not done this status; the sentence is already in err, or is `why`'s. */
void pl_mpsse_i2c_abort(struct pl_mpsse_i2c *run, const struct pl_err *why);

/* Nine clocks with SDA let go, and a STOP (UM10204 section 3.1.16). Ten replies; the verdict is in the last. */
#define PL_MPSSE_RECOVER_ROOM 2048
#define PL_MPSSE_RECOVER_REPLIES 10
size_t pl_mpsse_i2c_recovery(const struct pl_mpsse_wires *wires, uint8_t *bytes);
/* PL_E_STUCK naming the line that is held when the low byte says so. */
enum pl_status pl_mpsse_i2c_free(uint8_t pins, const char *when, struct pl_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_FTDI_H
#define PL_BUS_FTDI_H

#include "drivers/bus/ftdi_stream.h"
#include "drivers/bus/mpsse.h"
#include "drivers/bus/usb_chip.h"

#include <stdatomic.h>

/*
 * One channel of an FT232H, FT2232H or FT4232H in MPSSE mode, which an I2C bus and a GPIO bus may share: control requests through libftdi, bytes through
 * ftdi_stream. Only the channel's own interface is claimed; there is no SET_CONFIGURATION and no reset of the device, so the other channels go on.
 * All calls but pl_ftdi_open and pl_ftdi_close are made between pl_ftdi_enter and pl_ftdi_leave.
 */
struct ftdi_context;

struct pl_ftdi {
  struct pl_usb_chip chip; /* first: its users share it */
  struct ftdi_context *ctx;
  struct pl_ftdi_stream *stream; /* NULL while it is away */
  const char *name;        /* "FT232H" */
  bool open_drain;         /* it knows 0x9E */
  unsigned lines;          /* 16: AD0-7 and AC0-7; 8: AD0-7 */
  size_t fifo;             /* replies that it holds */
  unsigned latency_ms;     /* 0: nobody said */
  const void *i2c;         /* whose AD0-2 are; NULL: nobody's */
  bool stretch;            /* and AD7 */
  uint16_t divisor;
  struct pl_mpsse_wires wires;
  uint16_t value, dir;     /* of the GPIO lines, AD0 = bit 0, AC0 = bit 8 */
  uint16_t requested;      /* lines that somebody asked for */
  unsigned users;
  pthread_mutex_t turn;    /* held by who waits for the chip: who leaves it and comes back stands behind */
  bool has_turn;           /* it was made */
  atomic_uint waiting;
};

/* The rows of both adapters' param tables, besides PL_USB_PARAM_SERIAL and PL_USB_PARAM_PATH. */
extern const char *const pl_ftdi_channels[];
#define PL_FTDI_PARAM_CHANNEL                                                                                                        \
  {.name = "channel", .help = "A or B; C and D have no MPSSE", .kind = PL_PARAM_CHOICE, .fallback = "A", .choices = pl_ftdi_channels}
#define PL_FTDI_PARAM_LATENCY                                                                                                        \
  {.name = "latency", .help = "latency timer; no transaction waits for it", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_TIME, .fallback = "16 ms",  \
   .min = 1000, .max = 255000}

enum pl_status pl_ftdi_open(struct pl_usb_user *user, struct pl_bus *bus, const struct pl_adapter_args *args,
                            enum pl_status (*set_up)(void *self, struct pl_err *err), void *self, struct pl_err *err);
void pl_ftdi_close(struct pl_usb_user *user); /* the last one makes all pins inputs and ends MPSSE mode */
struct pl_ftdi *pl_ftdi_of(const struct pl_usb_user *user);

enum pl_status pl_ftdi_enter(struct pl_usb_user *user, pl_time_ns deadline, struct pl_err *err);
bool pl_ftdi_wanted(struct pl_ftdi *ftdi); /* another bus waits for the chip */
void pl_ftdi_leave(struct pl_usb_user *user, enum pl_status status, const struct pl_err *err);
/* Sends the clock's settings and the pins' levels as the struct has them. */
enum pl_status pl_ftdi_configure(struct pl_ftdi *ftdi, struct pl_err *err);
/* The end of an adapter's set_up(), good or bad: what the first bus of a chip could not set up is closed again. */
enum pl_status pl_ftdi_set_up(struct pl_ftdi *ftdi, struct pl_err *err);               /* pl_ftdi_configure */
enum pl_status pl_ftdi_refuse(struct pl_ftdi *ftdi, enum pl_status status);
/* Commands that fit one chunk, and all their replies (their last command is send-immediate). */
enum pl_status pl_ftdi_exchange(struct pl_ftdi *ftdi, const uint8_t *commands, size_t len, uint8_t *replies, size_t n, pl_time_ns deadline,
                                struct pl_err *err);
/* The commands that put value and dir on the pins; at most 6 bytes. */
size_t pl_ftdi_pins(const struct pl_ftdi *ftdi, uint8_t *commands);
/* "FTDI H chip (channel A) PL01 at 1-2: " in front, where it is not there already; returns why->status. */
enum pl_status pl_ftdi_fail(const struct pl_ftdi *ftdi, const struct pl_err *why, struct pl_err *err);
/* After an exchange that broke off: MPSSE mode is entered anew, which lets the bus go and gives the lines their levels again. PL_E_GONE when it is gone;
 * otherwise it is tried again before the next exchange. */
enum pl_status pl_ftdi_resync(struct pl_ftdi *ftdi, struct pl_err *err);

#endif

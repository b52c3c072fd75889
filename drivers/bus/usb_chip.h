/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_USB_CHIP_H
#define PL_BUS_USB_CHIP_H

#include "drivers/bus/adapter.h"
#include "drivers/bus/usb.h"

#include <pthread.h>

/*
 * A USB chip that several buses of a rig stand on (its I2C port and its pins), each with a worker of its own: one handle, one lock, and one memory of
 * whether it is there. When one bus finds it gone the others are told; whoever reopens first opens it for all, and each sets up its own part again.
 */
struct pl_usb_chip;

struct pl_usb_chip_desc {
  const char *what; /* "CP2112" */
  const struct pl_usb_id *ids;
  size_t n_ids;
  int interface;
  size_t size; /* of the adapter's struct, which begins with struct pl_usb_chip */
  enum pl_status (*init)(struct pl_usb_chip *chip, struct pl_err *err); /* after each (re)open, lock held; may be NULL */
};

#define PL_USB_USERS_MAX 4

struct pl_usb_chip {
  const struct pl_usb_chip_desc *desc;
  struct pl_clock *clock;
  pthread_mutex_t lock;  /* guards what follows, and the chip while it is spoken to */
  struct pl_usb *usb;    /* NULL only while it is away */
  bool away;
  unsigned generation;   /* counts the opens */
  bool dirty;            /* the adapter's: an exchange broke off; late reports may come */
  char serial[64], path[32]; /* how it is found again; "": not by that */
  char where[160];
  struct pl_bus *users[PL_USB_USERS_MAX];
};

struct pl_usb_request { /* a control transfer's setup packet, USB 2.0 section 9.3 */
  uint8_t type, request;
  uint16_t value, index, length;
};

struct pl_usb_user { /* a bus's hold on a chip */
  struct pl_usb_chip *chip;
  struct pl_share *share;
  struct pl_bus *bus;
  unsigned generation; /* of the open that its part was set up in */
  enum pl_status (*set_up)(void *self, struct pl_err *err); /* its part, after each open; the chip is entered */
  void *self;
};

/* The rows that every adapter of a USB chip has, for its param table. */
#define PL_USB_PARAM_SERIAL {.name = "serial", .kind = PL_PARAM_TEXT, .help = "serial number of the adapter; `plumb scan` lists them"}
#define PL_USB_PARAM_PATH {.name = "path", .kind = PL_PARAM_TEXT, .help = "where it is plugged, as bus-port path (1-2.3); for adapters without a serial"}

/* Takes the chip and sets the bus's part up by set_up(self). Buses of one rig that name the same serial and path share the chip. */
enum pl_status pl_usb_user_open(struct pl_usb_user *user, struct pl_bus *bus, const struct pl_adapter_args *args, const struct pl_usb_chip_desc *desc,
                                enum pl_status (*set_up)(void *self, struct pl_err *err), void *self, struct pl_err *err);
void pl_usb_user_close(struct pl_usb_user *user);

/* Round each exchange with the chip. Enter gives PL_E_GONE (and no lock) while it is away, or when it was away since this user's part was set up. */
enum pl_status pl_usb_enter(struct pl_usb_user *user, struct pl_err *err);
void pl_usb_leave(struct pl_usb_user *user, enum pl_status status, const struct pl_err *err); /* PL_E_GONE: tells the other buses */
/* For the bus's reopen: opens the chip again if need be, and sets the bus's part up. */
enum pl_status pl_usb_user_reopen(struct pl_usb_user *user, struct pl_err *err);

/* As pl_usb_control and pl_usb_transfer; a stall is PL_E_IO: PL_E_NACK is the wire's. Inside enter and leave. */
enum pl_status pl_usb_chip_control(struct pl_usb_chip *chip, const struct pl_usb_request *request, uint8_t *data, pl_time_ns deadline, size_t *done,
                                   struct pl_err *err);
enum pl_status pl_usb_chip_transfer(struct pl_usb_chip *chip, uint8_t endpoint, uint8_t *data, size_t len, pl_time_ns deadline, size_t *done,
                                    struct pl_err *err);

/* Sentences: "CP2112 0012 at 1-2: i2c address 0x58: ..." and "CP2112 0012 at 1-2: ..."; why->text may name the chip already. They return why->status. */
enum pl_status pl_usb_fail_i2c(const struct pl_usb_chip *chip, uint8_t address, const struct pl_err *why, struct pl_err *err);
enum pl_status pl_usb_fail_chip(const struct pl_usb_chip *chip, const struct pl_err *why, struct pl_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_USB_H
#define PL_BUS_USB_H

#include "drivers/base/clock.h"

/*
 * USB devices through libusb, for the adapters that speak to a chip themselves. A device is named by its serial number or by its bus-port path
 * ("1-2.3", as in /sys/bus/usb/devices), never by bus:address, which changes at every plug. Without either, the only one of its kind is meant.
 * An interface is claimed alone (the kernel driver of that interface only is detached, and given it back on close), under a lock that names its
 * holder to other programs. All calls are synchronous with a deadline; one thread at a time.
 */
struct pl_usb_id {
  uint16_t vendor, product;
};

struct pl_usb_match {
  const char *what;            /* "CP2112", for sentences */
  const struct pl_usb_id *ids;
  size_t n_ids;                /* 0: of any kind; then path must be given */
  const char *serial, *path;   /* NULL: not asked for */
  int interface;               /* -1: none is taken, and no lock: for control requests to the device itself (hubs) */
};

struct pl_usb_info { /* of a device that is plugged in; strings are short and cut */
  struct pl_usb_id id;
  uint16_t release;            /* bcdDevice */
  char path[32], serial[64], product[64], manufacturer[64];
  bool readable;               /* it could be opened: serial, product and manufacturer are known */
};

struct pl_usb;

/* PL_E_GONE: no such device (the sentence lists those of the kind that are there, or says which serial stands at the path asked for);
 * PL_E_USAGE: several match (two with one serial included), with their paths; PL_E_LOCKED: held, by whom;
 * PL_E_IO: no permission, with the udev rule to install. Retries a device that has just come for up to 2 s (libusb issue 1586: ACCESS). */
enum pl_status pl_usb_open(const struct pl_usb_match *match, struct pl_clock *clock, struct pl_usb **usb, struct pl_err *err);
void pl_usb_close(struct pl_usb *usb); /* NULL is fine */
const char *pl_usb_where(const struct pl_usb *usb); /* "CP2112 0012AB34 at 1-2.3" */
const struct pl_usb_info *pl_usb_info(const struct pl_usb *usb);
/* For the libraries that want them: struct libusb_device_handle *, struct libusb_context *. Owned by usb. */
void *pl_usb_handle(struct pl_usb *usb);
void *pl_usb_context(struct pl_usb *usb);

/* request_type as in USB 2.0 section 9.3.1; IN: data receives up to len bytes, *done (may be NULL) how many. PL_E_GONE: unplugged; PL_E_NACK: stalled;
 * PL_E_TIMEOUT: nothing by the deadline. */
enum pl_status pl_usb_control(struct pl_usb *usb, uint8_t request_type, uint8_t request, uint16_t value, uint16_t index, uint8_t *data, size_t len,
                              pl_time_ns deadline, size_t *done, struct pl_err *err);
/* Bulk or interrupt, as the endpoint is; direction by bit 7 of endpoint. */
enum pl_status pl_usb_transfer(struct pl_usb *usb, uint8_t endpoint, uint8_t *data, size_t len, pl_time_ns deadline, size_t *done, struct pl_err *err);
/* Turns a libusb error into a status and sentence: "CP2112 ... at 1-2.3: WHAT: unplugged". */
enum pl_status pl_usb_fail(const struct pl_usb *usb, int libusb_error, const char *what, struct pl_err *err);

/* Every device that is plugged in, by path. */
enum pl_status pl_usb_list(void (*fn)(void *ctx, const struct pl_usb_info *info), void *ctx, struct pl_err *err);

#endif

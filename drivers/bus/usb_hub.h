/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_USB_HUB_H
#define PL_BUS_USB_HUB_H

#include "drivers/base/clock.h"

/*
 * Power of a hub's ports, to power-cycle an adapter or a unit. What is switched is what the hub says it switches: hubs exist that take the data away and
 * leave VBUS on, and nothing on USB tells (uhubctl issues 82 and 330). That a device went away and came back is checked by enumeration; that its power
 * was off, only a meter knows. Once, before relying on a hub, measure it.
 */
#define PL_USB_DEVICES "/sys/bus/usb/devices"

struct pl_usb_hub_place {
  const char *path;      /* of the hub: "1-2", "usb1" for a root hub */
  const char *companion; /* of its other half (USB 3 hubs are two): NULL: as the kernel's peer links say */
  const char *devices;   /* NULL: PL_USB_DEVICES; tests give a folder of theirs */
};

/* Where a device stands: "1-2.3" is port 3 of hub "1-2", "1-2" port 2 of "usb1". PL_E_USAGE when the path is none, or is a root hub's. */
enum pl_status pl_usb_port_of(const char *path, char *hub, size_t size, unsigned *port, struct pl_err *err);

struct pl_usb_hub;

/* PL_E_UNSUPPORTED: it is no hub, or does not switch its ports one by one. Other statuses as pl_usb_open. */
enum pl_status pl_usb_hub_open(const struct pl_usb_hub_place *place, struct pl_clock *clock, struct pl_usb_hub **hub, struct pl_err *err);
void pl_usb_hub_close(struct pl_usb_hub *hub); /* ports stay as they are; NULL is fine */
unsigned pl_usb_hub_ports(const struct pl_usb_hub *hub);
const char *pl_usb_hub_where(const struct pl_usb_hub *hub); /* "USB hub at 1-2" */

/* Both halves. Returns when the hub says that the port is so; PL_E_IO when it does not get there by the deadline. */
enum pl_status pl_usb_hub_power(struct pl_usb_hub *hub, unsigned port, bool on, pl_time_ns deadline, struct pl_err *err);
/* What the hub says; of two halves: whether either has power. */
enum pl_status pl_usb_hub_powered(struct pl_usb_hub *hub, unsigned port, bool *on, struct pl_err *err);
/* Whether a device is enumerated at the port, on either half; *path (may be NULL) which. */
bool pl_usb_hub_device(const struct pl_usb_hub *hub, unsigned port, char *path, size_t size);
/* Off, until the device is gone; off_ns more; on, until a device is back, if one was there. Real time only. PL_E_IO: it did not go; PL_E_GONE: it
 * did not come back. */
enum pl_status pl_usb_hub_cycle(struct pl_usb_hub *hub, unsigned port, pl_time_ns off_ns, pl_time_ns deadline, struct pl_err *err);

#endif

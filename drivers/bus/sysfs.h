/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_SYSFS_H
#define PL_BUS_SYSFS_H

#include "drivers/base/err.h"

#include <stdbool.h>

/* Devices that the kernel's drivers made (I2C buses, GPIO chips), and the USB device below which each hangs. root: "/sys", or a folder made for a test. */
struct pl_sysfs_node {
  char name[32];                /* "i2c-7", "gpiochip2" */
  char title[96];               /* its attribute `name` ("CP2112 SMBus Bridge on hidraw0"); "" where it has none */
  char path[32], serial[64];    /* of the USB device ("1-2.3", as in /sys/bus/usb/devices); "" when there is none */
};

struct pl_sysfs_match {          /* NULL: not asked for */
  const char *title, *path, *serial;
};

/* Those of FOLDER ("bus/i2c/devices") whose name begins with PREFIX and a digit, in the order of their numbers. Returns false where fn did. */
bool pl_sysfs_node_list(const char *root, const char *folder, const char *prefix, bool (*fn)(void *ctx, const struct pl_sysfs_node *node), void *ctx);
/* what: "I2C bus". PL_E_GONE with a list of those that are there; PL_E_USAGE when several match, with how they differ. */
enum pl_status pl_sysfs_node_find(const char *root, const char *folder, const char *prefix, const char *what, const struct pl_sysfs_match *match,
                                  struct pl_sysfs_node *node, struct pl_err *err);
/* What hangs below an I2C, SPI, 1-Wire or USB host: to read or set it is a transfer on a wire. True, too, when it is not there and nobody can tell. */
bool pl_sysfs_node_is_wired(const char *root, const char *folder, const char *name);
bool pl_sysfs_node_get(const char *root, const char *folder, const char *name, struct pl_sysfs_node *node); /* false: it is not there */
/* "i2c-7 (CP2112 SMBus Bridge on hidraw0, USB path 1-2, serial 0012)" */
const char *pl_sysfs_node_text(const struct pl_sysfs_node *node, char *room, size_t size);
/* One line of root/FOLDER/NAME without its end; "" when it cannot be read. */
void pl_sysfs_read(const char *root, const char *folder, const char *name, char *out, size_t size);
/* The last word of what the link root/LINK points to ("lm75"); "" when it is not there. */
void pl_sysfs_link(const char *root, const char *link, char *out, size_t size);

#endif

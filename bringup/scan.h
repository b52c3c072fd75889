/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BRINGUP_SCAN_H
#define PL_BRINGUP_SCAN_H

#include "drivers/bus/usb.h"

#include <stdio.h>

/* What a machine has to reach a rack with: USB adapters, I2C buses, GPIO chips, serial ports. Looked up in sysfs and by libusb; nothing is driven. */

/* A chip that adapters of ours drive. */
struct pl_scan_chip {
  struct pl_usb_id id;
  const char *name;            /* "FT232H" */
  const char *adapter;         /* ours: "ftdi-mpsse" */
  const char *module;          /* the kernel's driver; NULL: none is known */
  unsigned interfaces, mpsse;  /* FTDI: the first `mpsse` of them can be an I2C bus */
  bool kernel_i2c, pins;       /* the kernel's driver makes an I2C bus; it has GPIO pins */
};
const struct pl_scan_chip *pl_scan_chips(size_t *count);

enum pl_scan_kind { PL_SCAN_USB, PL_SCAN_I2C, PL_SCAN_GPIO, PL_SCAN_SERIAL, PL_SCAN_KINDS };
const char *pl_scan_kind_name(enum pl_scan_kind kind); /* "usb", "i2c", "gpio", "serial" */

struct pl_scan_port {
  enum pl_scan_kind kind;
  char name[32];                /* as sysfs names it: "1-2.3", "i2c-7", "gpiochip2", "ttyUSB0" */
  char node[48];                /* "/dev/i2c-7"; "": not known */
  char title[96];               /* the bus's name, the chip's label, the product */
  char serial[64], path[32];    /* of the USB device that it is, or hangs on; "": none */
  char by_id[160];              /* serial ports: below /dev/serial/by-id */
  char driver[64];              /* the kernel's: "ftdi_sio (0 1 2 3)" with the interfaces that it holds; "": none */
  char holder[128];             /* who has our lock, or the lines: "1234 (plumb)"; "": nobody */
  const struct pl_scan_chip *chip; /* USB: what it is */
  struct pl_usb_id id;
  int interface;                /* serial ports: of the USB device; -1: none */
  unsigned lines;               /* GPIO chips; 0: it could not be asked */
  int latency_ms;               /* serial ports of FTDI chips; -1: none */
  bool same_serial;             /* USB: another of its kind bears the same serial number */
};

struct pl_scan_cfg {
  const char *root; /* "": this machine; else a folder that holds another's sys and dev (USB is then listed from sysfs alone) */
};

struct pl_scan {
  struct pl_scan_port *ports; /* by kind, then in the order of their numbers */
  size_t count, room;
  char root[200], sys[208];
  struct pl_err trouble;      /* with libusb; the rest was found all the same */
};

enum pl_status pl_scan_machine(const struct pl_scan_cfg *cfg, struct pl_scan **scan, struct pl_err *err);
void pl_scan_free(struct pl_scan *scan); /* NULL is fine */
/* The USB adapter that a port hangs on; NULL: none that we know. */
const struct pl_scan_port *pl_scan_adapter_of(const struct pl_scan *scan, const struct pl_scan_port *port);
/* The kernel's port of a kind at a USB device; NULL: none. */
const struct pl_scan_port *pl_scan_at(const struct pl_scan *scan, enum pl_scan_kind kind, const char *path);

/* A rig file to start from: the buses that the adapters offer, each chosen by serial number, or by path where that names it no better; hints as comments. */
void pl_scan_write_rig(const struct pl_scan *scan, FILE *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_SERIAL_PORT_H
#define PL_BUS_SERIAL_PORT_H

#include "drivers/bus/modbus.h"

/* A serial port of Linux, as far as libmodbus does not see to it. `name` stands for the port in sentences. */

/* Waits until what was written is out, then sets baud, parity and stop bits and reads them back: PL_E_UNSUPPORTED when the port did not take them. */
enum pl_status pl_serial_set(int fd, const struct pl_modbus_line *line, const char *name, struct pl_err *err);
/* The speed that a terminal is set to; 0: one that no serial port has, or no terminal. */
int pl_serial_baud(int fd);
/* PL_E_UNSUPPORTED names a baud rate that Linux has no constant for. */
enum pl_status pl_serial_check_baud(int baud, struct pl_err *err);

/* RS-485 direction by the kernel's driver (TIOCSRS485, Documentation/driver-api/serial/serial-rs485.rst): RTS is on while sending, with these delays in
 * milliseconds, and the receiver is off meanwhile. PL_E_UNSUPPORTED when the port's driver cannot: most USB adapters switch by themselves. */
enum pl_status pl_serial_rs485(int fd, uint32_t before_ms, uint32_t after_ms, const char *name, struct pl_err *err);

/* Asks the driver to hand bytes over at once (ASYNC_LOW_LATENCY; ftdi_sio then sets its latency timer to 1 ms). Returns whether it took it. */
bool pl_serial_low_latency(int fd);

/* The device node of a USB serial port, by the chip's serial number or its bus-port path (one may be NULL) and its interface number (-1: the only one), from
 * sysfs (root "/sys"; another for tests). PL_E_GONE with what is there; PL_E_USAGE when several match. */
enum pl_status pl_serial_find(const char *root, const char *serial, const char *path, int interface, char *node, size_t size, struct pl_err *err);

/* Every USB serial port of this machine. */
struct pl_serial_info {
  char node[48], serial[64], path[32], product[64], driver[32];
  uint16_t vendor, product_id;
  int interface;
};
void pl_serial_list(const char *root, void (*fn)(void *ctx, const struct pl_serial_info *info), void *ctx);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_CONFORMANCE_H
#define PL_BUS_CONFORMANCE_H

#include "drivers/bus/gpio.h"
#include "drivers/bus/i2c.h"
#include "drivers/bus/modbus.h"

/*
 * What every adapter must do, whatever is behind it: a fake, the twin or hardware. Run on the loop's thread with nothing else on the bus.
 * Each function returns the number of checks that failed and tells each through fail().
 */
struct pl_bus_conformance {
  void (*fail)(void *ctx, const char *check, const char *why);
  void *ctx;
  size_t checks; /* counted up: those that were made */
};

struct pl_conformance_i2c { /* a device whose `read_len` bytes at `command` do not change by themselves, and an address where there is none */
  uint8_t address, command, absent;
  uint8_t read_len; /* 1 to 32 */
};
size_t pl_conformance_i2c(struct pl_bus *bus, const struct pl_conformance_i2c *target, struct pl_bus_conformance *report);

struct pl_conformance_gpio { /* handles of requested lines; input is wired to output and watches edges; -1: there is none */
  int output, input;
};
size_t pl_conformance_gpio(struct pl_bus *bus, const struct pl_conformance_gpio *target, struct pl_bus_conformance *report);

struct pl_conformance_modbus {
  uint8_t unit, absent_unit;       /* absent_unit 0: do not try */
  uint16_t stable_address, stable_count; /* holding registers that do not change by themselves */
  uint16_t writable_address;       /* two holding registers that take any of 1..4; they are put back */
  bool no_writes;                  /* the unit has no such two registers: writing is not tried */
  uint16_t illegal_address;        /* a holding register that the unit does not have */
};
size_t pl_conformance_modbus(struct pl_bus *bus, const struct pl_conformance_modbus *target, struct pl_bus_conformance *report);

#endif

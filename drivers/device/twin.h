/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_TWIN_H
#define PL_DEVICE_TWIN_H

#include "drivers/base/clock.h"
#include "drivers/base/param.h"

/*
 * The twin of a device, as in Zephyr's emulators: a bus side (what arrives on the wire) and a world side (ports that carry
 * physical quantities). State is kept in physical units and encoded when read. The strict frame parsers of fixtures/twin/wire serve all twins:
 * a twin sees only well-formed commands of its own table; everything else is refused and counted there.
 */

/* World side. A port is a number in SI-like units of its dimension (V, A, W, degC, Pa, L/min, rpm, 1 for ratio and flag, s). */
struct pl_port {
  const char *name; /* of the part that the device stands at: "vout", "enable" */
  enum pl_dim dim;
  bool out;         /* false: the world sets it, the device measures it; true: the device commands it */
  double initial;   /* out ports: what the device commands at start; NAN: what the part starts with stays */
  const char *help;
};

struct pl_shape; /* drivers/device/device.h */
struct pl_twin_io; /* what a twin may reach; made by fixtures/twin */
double pl_twin_in(struct pl_twin_io *io, size_t port);           /* sensor faults (stuck, offset, drift, noise) are already applied */
void pl_twin_out(struct pl_twin_io *io, size_t port, double value);
double pl_twin_out_value(struct pl_twin_io *io, size_t port);
pl_time_ns pl_twin_now(struct pl_twin_io *io);
uint32_t pl_twin_random(struct pl_twin_io *io);                  /* seeded, the device's own stream */
const char *pl_twin_part_text(struct pl_twin_io *io, const char *key); /* what its part says, or its kind's usual; NULL: nothing. Lives as long as the rig */

/* SMBus/PMBus side: a table of the commands that the chip has. */
#define PL_SMBUS_BLOCK (-2)
#define PL_SMBUS_NONE (-1)
struct pl_smbus_command {
  uint8_t code;
  int16_t write_len; /* data bytes after the code: 0 send byte, n exactly, PL_SMBUS_BLOCK count + bytes, PL_SMBUS_NONE read only */
  int16_t read_len;  /* bytes: n exactly, PL_SMBUS_BLOCK count + bytes, PL_SMBUS_NONE write only */
  int16_t call_len;  /* process call: bytes written before the read (block process call: PL_SMBUS_BLOCK); PL_SMBUS_NONE: none */
};
enum pl_smbus_fault { PL_SMBUS_BAD_COMMAND, PL_SMBUS_BAD_DATA, PL_SMBUS_BAD_PEC, PL_SMBUS_TOO_FEW, PL_SMBUS_TOO_MANY };

/* Modbus side. Addresses as on the wire. Return 0, or the exception code (1 function, 2 address, 3 value, 4 device failure, 6 busy). */
enum pl_modbus_table { PL_TABLE_COILS, PL_TABLE_DISCRETE, PL_TABLE_HOLDING, PL_TABLE_INPUT };

struct pl_twin_args {
  const char *device;             /* its name in the rig */
  const struct pl_values *values; /* the driver's params as the rig sets them */
  struct pl_twin_io *io;
  const struct pl_shape *shape;   /* the device's; outlives the twin */
  const char *serial;             /* a stable serial number made from the rig and device name, for identity registers */
};

struct pl_twin_desc {
  const char *driver; /* pl_device_desc.name that it answers for */
  const struct pl_port *ports;
  size_t n_ports;
  /* Map-driven twins: the ports come with the device's shape. NULL: the static table. */
  const struct pl_port *(*ports_of)(const struct pl_shape *shape, size_t *count);
  enum pl_status (*create)(const struct pl_twin_args *args, void **self, struct pl_err *err);
  void (*destroy)(void *self);
  /* After each step of the world, with the time of the step: latches, peaks, retries, lines. May be NULL. */
  void (*tick)(void *self, pl_time_ns now);
  /* May be NULL: it wants every tick. Else when it next has something to do by itself (PL_NEVER: nothing): until then it is ticked when something that it
   * senses has moved, and ten times a second. */
  pl_time_ns (*tick_due)(void *self);

  /* I2C devices. address comes from the driver's `address` value. pec: the chip checks and appends PEC (SMBus 3.1 section 6.4).
   * little register pointers (INA238) are commands with write_len/read_len and pec false. */
  const struct pl_smbus_command *commands;
  size_t n_commands;
  bool pec;
  enum pl_status (*smbus_write)(void *self, uint8_t command, const uint8_t *data, size_t len); /* PL_OK, or PL_E_NACK; block: without count */
  enum pl_status (*smbus_read)(void *self, uint8_t command, const uint8_t *call, size_t call_len, uint8_t *data, size_t room, size_t *len);
  bool (*answers)(void *self); /* false: it has no power, and does not acknowledge its address (Modbus: says nothing); NULL: it always has */
  void (*smbus_refused)(void *self, uint8_t command, enum pl_smbus_fault fault); /* sets CML bits and the like; may be NULL */

  /* GPIO devices: lines are the driver's PL_PARAM_LINE values, by their param index. Levels are physical (before active-low). */
  bool (*line_level)(void *self, size_t param);               /* what the device drives; for lines that it does not drive: the pull */
  void (*line_driven)(void *self, size_t param, bool level);  /* the bench set an output line */
  /* Pulse outputs (flow meter): total pulses up to now on that line; NULL where there is none. *last_at: time of the last. */
  uint64_t (*line_pulses)(void *self, size_t param, pl_time_ns *last_at);

  /* Modbus devices; the unit id comes from the driver's `unit` value. bits are 0/1. */
  int (*modbus_read)(void *self, enum pl_modbus_table table, uint16_t address, size_t count, uint16_t *values);
  int (*modbus_write)(void *self, enum pl_modbus_table table, uint16_t address, size_t count, const uint16_t *values);
};

/* Generated from the tree: every `const struct pl_twin_desc pl_twin_*`. */
extern const struct pl_twin_desc *const pl_twin_descs[];
extern const size_t pl_n_twin_descs;
const struct pl_twin_desc *pl_twin_desc_find(const char *driver);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BRINGUP_SCAN_PROBE_H
#define PL_BRINGUP_SCAN_PROBE_H

#include "drivers/bus/modbus.h"
#include "drivers/rig/bench.h"

/*
 * What answers on the buses of a rig, asked by reading only: no device of the rig is opened, nothing is set.
 *  - I2C: one byte is read from each address; i2cdetect's quick write, which a PCA9548 or an EEPROM takes for a command, is not used. Whoever answers is
 *    asked who it is, where the command byte that this takes can be no setting (see scan_i2c.c).
 *  - Modbus: one holding register is read (function 03). An exception is an answer too. Whoever answers is asked for the probe registers of our register maps.
 */
struct pl_probe_cfg {
  struct pl_clock *clock;      /* virtual time will do where all buses are on the twin */
  unsigned first, last;        /* Modbus unit ids; 0: 1 to 247 */
  uint16_t address;            /* Modbus: the holding register that is read */
  pl_time_ns timeout_ns;       /* Modbus: how long an answer is waited for; 0: as the rig says */
  const char *const *buses;    /* names; n 0: all */
  size_t n_buses;
  void (*progress)(void *ctx, const char *bus, unsigned done, unsigned total, size_t found); /* may be NULL; loop's thread */
  void *ctx;
  const volatile int *stop;    /* may be NULL: becomes non-zero when the user has enough */
};

struct pl_probe_hit {
  unsigned address;            /* I2C address, Modbus unit */
  bool answers;
  enum pl_status status;       /* why not, where something is the matter: PL_E_LOCKED: a kernel driver has it; PL_E_CRC: two at one address ... */
  char what[160];              /* who it says it is; or what is the matter; "": it does not say */
  char map[48];                /* Modbus: the register map that fits; "": none does */
  const struct pl_rig_device *expected; /* NULL: the rig has nothing there */
};

struct pl_probe_bus {
  const struct pl_rig_bus *bus;
  enum pl_status status;       /* of the bus as a whole */
  struct pl_err err;
  unsigned asked;              /* addresses */
  struct pl_probe_hit *hits;   /* by address; also what the rig expects and does not answer */
  size_t n_hits;
  char note[200];
};

struct pl_probe {
  struct pl_probe_bus *buses;  /* one a bus that was wanted, in the rig's order; GPIO buses are left out */
  size_t n_buses;
  size_t missing, unexpected, failed; /* devices, hits, buses */
  bool stopped;
};

/* The rig must outlive the result. PL_E_USAGE: a bus that the rig has not. A bus that cannot be opened is told in its row. */
enum pl_status pl_probe_rig(const struct pl_rig *rig, const struct pl_probe_cfg *cfg, struct pl_probe **probe, struct pl_err *err);
void pl_probe_free(struct pl_probe *probe); /* NULL is fine */
/* For a scan: buses of Modbus wait that long for an answer, whatever the rig says. */
void pl_probe_set_timeout(struct pl_rig *rig, pl_time_ns timeout_ns);

/* --- between scan_probe.c, scan_i2c.c and scan_modbus.c --- */
struct pl_probe_at { /* one bus being asked */
  const struct pl_probe_cfg *cfg;
  const struct pl_rig *rig;
  struct pl_bus *bus;
  struct pl_probe_bus *result;
  const struct pl_rig_device *expected[256]; /* by address */
};
struct pl_probe_hit *pl_probe_add(struct pl_probe_at *at, unsigned address); /* NULL: out of memory */
bool pl_probe_goes_on(struct pl_probe_at *at, unsigned done, unsigned total); /* tells the progress; false: the user has enough */
/* Whether the bus itself is the matter, so that nobody else need be asked. */
bool pl_probe_is_dead(enum pl_status status);
enum pl_status pl_probe_i2c(struct pl_probe_at *at, struct pl_err *err);
enum pl_status pl_probe_modbus(struct pl_probe_at *at, struct pl_err *err);

#endif

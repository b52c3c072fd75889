/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_I2C_DEV_H
#define PL_BUS_I2C_DEV_H

#include "drivers/bus/adapter.h"
#include "drivers/bus/i2c.h"
#include "drivers/bus/lock.h"
#include "drivers/bus/sysfs.h"

/* The adapter "i2c-dev": a bus of a Linux kernel driver, through /dev/i2c-N. Documentation/i2c/dev-interface.rst, fault-codes.rst, smbus-protocol.rst. */

struct pl_i2c_dev_os { /* what of Linux the adapter uses; tests have one of their own. Results as of the system calls, with errno. */
  int (*open)(void *ctx, const char *path);
  int (*ioctl)(void *ctx, int fd, unsigned long request, void *argument);
  void (*close)(void *ctx, int fd);
  void *ctx;
  const char *sys; /* "/sys" */
};

enum pl_status pl_i2c_dev_open(struct pl_bus *bus, const struct pl_adapter_args *args, const struct pl_i2c_dev_os *os, struct pl_err *err);

/* --- between i2c_dev.c and i2c_dev_smbus.c --- */

struct pl_i2c_dev_driver; /* what is known of a kernel driver beyond its I2C_FUNCS */

struct pl_i2c_dev {
  const struct pl_i2c_dev_os *os;
  struct pl_clock *clock;
  const struct pl_values *values; /* lives as long as the rig */
  struct pl_lock *lock;
  struct pl_sysfs_node node;
  const struct pl_i2c_dev_driver *driver; /* NULL: nothing is known against it */
  struct pl_i2c_caps caps;
  int fd;                         /* -1: it is away */
  unsigned long functions;        /* I2C_FUNC_... */
  int slave;                      /* the address of the last I2C_SLAVE; -1: none */
  uint8_t asked[16];              /* a bit an address: no kernel driver held it when it was first used */
  bool counted_reads_proved;      /* the driver has filled in a block whose length the device told */
};

/* Makes the address that of the next I2C_SMBUS. PL_E_LOCKED names the kernel driver that holds it. */
enum pl_status pl_i2c_dev_select(struct pl_i2c_dev *dev, uint8_t address, struct pl_err *err);
/* Turns what an ioctl left in errno into a status and sentence; the bus that has vanished is closed: the kernel waits for that. */
enum pl_status pl_i2c_dev_fail(struct pl_i2c_dev *dev, const struct pl_i2c_transfer *t, int error, struct pl_err *err);
/* Limits of a bus that has SMBus commands only. */
void pl_i2c_dev_smbus_caps(unsigned long functions, struct pl_i2c_caps *caps);
/* One transaction by I2C_SMBUS; PL_E_UNSUPPORTED where no command puts the same bytes on the wire. */
enum pl_status pl_i2c_dev_smbus(struct pl_i2c_dev *dev, struct pl_i2c_transfer *t, struct pl_err *err);

#endif

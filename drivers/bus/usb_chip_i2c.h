/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_USB_CHIP_I2C_H
#define PL_BUS_USB_CHIP_I2C_H

#include "drivers/bus/i2c.h"
#include "drivers/bus/usb_chip.h"

/* The I2C port of a USB chip as an I2C bus that is given one transaction after the other. The adapter brings what its chip says on the wire. */
struct pl_usb_i2c {
  struct pl_usb_user user;
  struct pl_i2c_caps caps;
  const struct pl_values *values; /* of the adapter's params */
  const struct pl_usb_i2c_desc *desc;
};

struct pl_usb_i2c_desc {
  const struct pl_usb_chip_desc *chip;
  struct pl_i2c_caps caps; /* the speed is the adapter's param "speed" */
  /* Both are called inside enter and leave. */
  enum pl_status (*set_up)(struct pl_usb_i2c *i2c, struct pl_err *err); /* after each open */
  /* The sentence gets chip and address in front. */
  enum pl_status (*transact)(struct pl_usb_i2c *i2c, struct pl_i2c_transfer *t, pl_time_ns deadline, struct pl_err *err);
};

/* For pl_adapter_desc.open. */
enum pl_status pl_usb_i2c_open(struct pl_bus *bus, const struct pl_adapter_args *args, const struct pl_usb_i2c_desc *desc, struct pl_err *err);

#endif

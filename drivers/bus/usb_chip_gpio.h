/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_USB_CHIP_GPIO_H
#define PL_BUS_USB_CHIP_GPIO_H

#include "drivers/bus/gpio.h"
#include "drivers/bus/usb_chip.h"

/*
 * The pins of a USB chip as a GPIO bus: who holds which pin, levels and active-low, and what is set up again after a return. The adapter brings what its
 * chip says on the wire.
 */
#define PL_USB_PINS_MAX 8
#define PL_USB_NO_GPIO 0xee /* in the place of a level: the pin does something else now (MCP2221 datasheet table 3-30) */

struct pl_usb_pin {
  unsigned offset;
  bool output, active_low, open_drain;
};

struct pl_usb_gpio_desc {
  const struct pl_usb_chip_desc *chip;
  unsigned caps; /* beside PL_GPIO_CAP_NAMES */
  unsigned n_pins;
  /* All of them are called inside enter and leave; their sentences name the chip. */
  /* By offset: 0, 1 or PL_USB_NO_GPIO; what else the chip gives is handed on. */
  enum pl_status (*read)(struct pl_usb_chip *chip, uint8_t levels[PL_USB_PINS_MAX], pl_time_ns deadline, struct pl_err *err);
  /* The pins of the mask, all at once; bit 0: offset 0. */
  enum pl_status (*write)(struct pl_usb_chip *chip, uint8_t levels, uint8_t mask, pl_time_ns deadline, struct pl_err *err);
  /* Makes the pin an input, or an output that shows `level` without another one before it. Not in a job: takes its own time-out. */
  enum pl_status (*configure)(struct pl_usb_chip *chip, const struct pl_usb_pin *pin, bool level, struct pl_err *err);
};

#define PL_USB_GPIO_PARAM_LINES(offsets) {.name = "lines", .kind = PL_PARAM_MAP, .help = "names of the pins: {NAME: " offsets "}"}

/* For pl_adapter_desc.open; the params are PL_USB_PARAM_SERIAL, PL_USB_PARAM_PATH and PL_USB_GPIO_PARAM_LINES. */
enum pl_status pl_usb_gpio_open(struct pl_bus *bus, const struct pl_adapter_args *args, const struct pl_usb_gpio_desc *desc, struct pl_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/usb_chip_gpio.h"

#define REQUEST_NS PL_S /* a request comes outside jobs: its own time-out */

struct gpio {
  struct pl_usb_user user;
  const struct pl_usb_gpio_desc *desc;
  const struct pl_value *map;
  struct pl_usb_pin pins[PL_USB_PINS_MAX]; /* by handle: each offset is given out once */
  size_t n_pins;
};

static unsigned gpio_caps(void *self)
{
  return PL_GPIO_CAP_NAMES | ((struct gpio *)self)->desc->caps;
}

/* --- requests --- */

/* What an output shows from now on. */
static enum pl_status first_level(struct gpio *gpio, const struct pl_gpio_line *line, unsigned offset, bool *level, struct pl_err *err)
{
  struct pl_usb_chip *chip = gpio->user.chip;
  uint8_t levels[PL_USB_PINS_MAX] = {0};
  *level = line->initial != line->active_low;
  if (!line->output || !line->as_is)
    return PL_OK;
  enum pl_status status = gpio->desc->read(chip, levels, pl_clock_now(chip->clock) + REQUEST_NS, err);
  if (!status && levels[offset] == PL_USB_NO_GPIO)
    return pl_fail(err, PL_E_USAGE, "%s: pin %u is no GPIO now, so it has no level to keep; give the line an initial value", chip->where, offset);
  *level = levels[offset];
  return status;
}

/* Chip entered. */
static enum pl_status request_pin(struct gpio *gpio, const struct pl_gpio_line *line, struct pl_usb_pin *pin, struct pl_err *err)
{
  struct pl_usb_chip *chip = gpio->user.chip;
  unsigned offset;
  bool level;
  enum pl_status status = pl_gpio_map(gpio->map, line, gpio->desc->n_pins, &offset, err);
  if (status)
    return status;
  *pin = (struct pl_usb_pin){offset, line->output, line->active_low, line->drive == PL_GPIO_OPEN_DRAIN};
  for (size_t i = 0; i < gpio->n_pins; i++)
    if (gpio->pins[i].offset == offset)
      return pl_fail(err, PL_E_LOCKED, "%s: pin %u is in use already", chip->where, offset);
  if (line->drive == PL_GPIO_OPEN_SOURCE)
    return pl_fail(err, PL_E_UNSUPPORTED, "%s: pin %u: a %s cannot drive open-source", chip->where, offset, chip->desc->what);
  status = first_level(gpio, line, offset, &level, err);
  return status ? status : gpio->desc->configure(chip, pin, level, err);
}

static enum pl_status gpio_request(void *self, const struct pl_gpio_line *line, int handle, struct pl_err *err)
{
  struct gpio *gpio = self;
  struct pl_usb_pin pin;
  unsigned n_pins = gpio->desc->n_pins;
  if (handle != (int)gpio->n_pins || handle >= (int)n_pins)
    return pl_fail(err, PL_E_USAGE, "%s: a %s has %u pins, each is given out once", gpio->user.chip->where, gpio->desc->chip->what, n_pins);
  enum pl_status status = pl_usb_enter(&gpio->user, err);
  if (status)
    return status;
  status = request_pin(gpio, line, &pin, err);
  pl_usb_leave(&gpio->user, status, err);
  if (!status)
    gpio->pins[gpio->n_pins++] = pin;
  return status;
}

/* --- get and set --- */

static enum pl_status gpio_get(void *self, const int *handles, size_t count, bool *values, struct pl_err *err)
{
  struct gpio *gpio = self;
  uint8_t levels[PL_USB_PINS_MAX] = {0};
  enum pl_status status = pl_usb_enter(&gpio->user, err);
  if (status)
    return status;
  status = gpio->desc->read(gpio->user.chip, levels, pl_bus_deadline(gpio->user.bus), err);
  pl_usb_leave(&gpio->user, status, err);
  for (size_t i = 0; i < count && !status; i++) {
    const struct pl_usb_pin *pin = &gpio->pins[handles[i]];
    uint8_t level = levels[pin->offset];
    if (level > 1)
      return pl_fail(err, PL_E_GARBAGE, "%s: pin %u reads as 0x%02x, not as a GPIO", gpio->user.chip->where, pin->offset, level);
    values[i] = level != pin->active_low;
  }
  return status;
}

static enum pl_status gpio_set(void *self, const int *handles, size_t count, const bool *values, struct pl_err *err)
{
  struct gpio *gpio = self;
  uint8_t levels = 0, mask = 0;
  for (size_t i = 0; i < count; i++) {
    const struct pl_usb_pin *pin = &gpio->pins[handles[i]];
    uint8_t bit = (uint8_t)(1u << pin->offset);
    mask |= bit;
    levels = (uint8_t)(values[i] != pin->active_low ? levels | bit : levels & ~bit);
  }
  enum pl_status status = pl_usb_enter(&gpio->user, err);
  if (status)
    return status;
  status = gpio->desc->write(gpio->user.chip, levels, mask, pl_bus_deadline(gpio->user.bus), err);
  pl_usb_leave(&gpio->user, status, err);
  return status;
}

static const struct pl_gpio_ops OPS = {.caps = gpio_caps, .request = gpio_request, .get = gpio_get, .set = gpio_set};

/* --- open and close --- */

/* After a return: every output at its inactive level. At open there are none. */
static enum pl_status gpio_set_up(void *self, struct pl_err *err)
{
  struct gpio *gpio = self;
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < gpio->n_pins && !status; i++)
    status = gpio->desc->configure(gpio->user.chip, &gpio->pins[i], gpio->pins[i].active_low, err);
  return status;
}

static enum pl_status gpio_reopen(void *self, struct pl_err *err)
{
  return pl_usb_user_reopen(&((struct gpio *)self)->user, err);
}

static void gpio_close(void *self) /* pins stay as they are: the safe state was set before, by those who know it */
{
  struct gpio *gpio = self;
  pl_usb_user_close(&gpio->user);
  free(gpio);
}

enum pl_status pl_usb_gpio_open(struct pl_bus *bus, const struct pl_adapter_args *args, const struct pl_usb_gpio_desc *desc, struct pl_err *err)
{
  struct gpio *gpio = calloc(1, sizeof *gpio);
  if (!gpio)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the adapter of %s", args->bus_name);
  gpio->desc = desc;
  gpio->map = pl_value(args->values, "lines");
  enum pl_status status = pl_usb_user_open(&gpio->user, bus, args, desc->chip, gpio_set_up, gpio, err);
  if (status) {
    free(gpio);
    return status;
  }
  pl_bus_attach(bus, &OPS, gpio, gpio_close, false);
  pl_bus_set_reopen(bus, gpio_reopen);
  return PL_OK;
}

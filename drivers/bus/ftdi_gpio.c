/* SPDX-License-Identifier: Apache-2.0 */
/* The adapter "ftdi-mpsse" of a GPIO bus: the pins of a channel that I2C leaves, in the same byte stream. */
#include "drivers/bus/ftdi.h"
#include "drivers/bus/gpio.h"

extern const struct pl_adapter_desc pl_adapter_ftdi_mpsse_gpio;

#define LINES_MAX 16
#define SENSE_LINE 7
#define REQUEST_NS PL_S /* a request comes outside jobs: its own time-out */

struct line {
  unsigned offset;
  char consumer[48];
  bool output, active_low;
  enum pl_gpio_drive drive;
};

struct gpio {
  struct pl_usb_user user;
  struct pl_bus *bus;
  const struct pl_value *map;
  struct line lines[LINES_MAX]; /* by handle */
  size_t count;
};

static unsigned gpio_caps(void *self)
{
  (void)self;
  return PL_GPIO_CAP_NAMES | PL_GPIO_CAP_DRIVE;
}

/* Puts the pins' levels out and reads them all back: the answer shows that they are out. */
static enum pl_status exchange(struct gpio *gpio, bool set, uint16_t *levels, pl_time_ns deadline, struct pl_err *err)
{
  struct pl_ftdi *f = pl_ftdi_of(&gpio->user);
  uint8_t commands[16], replies[2] = {0, 0};
  size_t len = 0, n = f->lines > 8 ? 2 : 1;
  f->wires.value = (uint8_t)(f->value & 0xF8);
  f->wires.dir = (uint8_t)(f->dir & 0xF8);
  if (set)
    len = pl_ftdi_pins(f, commands);
  commands[len++] = PL_MPSSE_GET_LOW;
  if (n > 1)
    commands[len++] = PL_MPSSE_GET_HIGH;
  commands[len++] = PL_MPSSE_SEND_IMMEDIATE;
  enum pl_status status = pl_ftdi_exchange(f, commands, len, replies, n, deadline, err);
  *levels = (uint16_t)(replies[0] | replies[1] << 8);
  struct pl_err ignored = {0};
  if (status && status != PL_E_GONE && pl_ftdi_resync(f, &ignored) == PL_E_GONE)
    status = pl_fail(err, PL_E_GONE, "%s", ignored.text);
  return status;
}

/* What the pin does for a level: a drive that does not drive that level lets go. */
static void put(struct pl_ftdi *f, const struct line *line, bool active)
{
  bool high = active != line->active_low;
  bool drives = line->drive == PL_GPIO_PUSH_PULL || (line->drive == PL_GPIO_OPEN_DRAIN) != high;
  uint16_t bit = (uint16_t)(1u << line->offset);
  f->value = (uint16_t)(high ? f->value | bit : f->value & ~bit);
  f->dir = (uint16_t)(drives ? f->dir | bit : f->dir & ~bit);
}

/* --- requests --- */

static enum pl_status check_free(const struct gpio *gpio, const struct pl_ftdi *f, unsigned offset, struct pl_err *err)
{
  const char *port = offset < 8 ? "AD" : "AC";
  if (f->i2c && offset < 3)
    return pl_fail(err, PL_E_USAGE, "%s: line %u (%s%u) belongs to the I2C bus on the same channel", f->chip.where, offset, port, offset % 8);
  if (f->i2c && f->stretch && offset == SENSE_LINE)
    return pl_fail(err, PL_E_USAGE, "%s: line 7 (AD7) senses SCL for the I2C bus, which has stretch on", f->chip.where);
  for (size_t i = 0; i < gpio->count; i++)
    if (gpio->lines[i].offset == offset)
      return pl_fail(err, PL_E_LOCKED, "%s: line %u (%s%u) is in use already, by %s", f->chip.where, offset, port, offset % 8, gpio->lines[i].consumer);
  if (f->requested >> offset & 1)
    return pl_fail(err, PL_E_LOCKED, "%s: line %u (%s%u) is in use already, by another bus on the channel", f->chip.where, offset, port, offset % 8);
  return PL_OK;
}

static enum pl_status gpio_request(void *self, const struct pl_gpio_line *asked, int handle, struct pl_err *err)
{
  struct gpio *gpio = self;
  struct pl_ftdi *f = pl_ftdi_of(&gpio->user);
  struct line *line = &gpio->lines[gpio->count];
  struct pl_err why = {0};
  pl_time_ns deadline = pl_clock_now(f->chip.clock) + REQUEST_NS;
  uint16_t levels;
  unsigned offset;
  enum pl_status status = pl_gpio_map(gpio->map, asked, f->lines, &offset, err);
  if (!status)
    status = pl_ftdi_enter(&gpio->user, deadline, err);
  if (status)
    return status;
  status = gpio->count == LINES_MAX || (size_t)handle != gpio->count ? pl_fail(&why, PL_E_USAGE, "%s has no more lines", f->chip.where)
                                                                     : check_free(gpio, f, offset, &why);
  if (!status) {
    *line = (struct line){.offset = offset, .output = asked->output, .active_low = asked->active_low, .drive = asked->drive};
    snprintf(line->consumer, sizeof line->consumer, "%s", asked->consumer ? asked->consumer : "nobody known");
    uint16_t value = f->value, dir = f->dir;
    if (asked->output && !asked->as_is) /* as_is: until it is set the pin stays as the chip was opened: let go */
      put(f, line, asked->initial);
    status = exchange(gpio, true, &levels, deadline, &why);
    if (status) {
      f->value = value;
      f->dir = dir;
    } else {
      f->requested = (uint16_t)(f->requested | 1u << offset);
      gpio->count++;
    }
  }
  pl_ftdi_leave(&gpio->user, status, &why);
  return status ? pl_ftdi_fail(f, &why, err) : PL_OK;
}

/* --- get and set --- */

static enum pl_status gpio_get(void *self, const int *handles, size_t count, bool *values, struct pl_err *err)
{
  struct gpio *gpio = self;
  struct pl_err why = {0};
  uint16_t levels = 0;
  pl_time_ns deadline = pl_bus_deadline(gpio->bus);
  enum pl_status status = pl_ftdi_enter(&gpio->user, deadline, err);
  if (status)
    return status;
  status = exchange(gpio, false, &levels, deadline, &why);
  pl_ftdi_leave(&gpio->user, status, &why);
  if (status)
    return pl_ftdi_fail(pl_ftdi_of(&gpio->user), &why, err);
  for (size_t i = 0; i < count; i++) {
    const struct line *line = &gpio->lines[handles[i]];
    values[i] = (levels >> line->offset & 1) != line->active_low;
  }
  return PL_OK;
}

static enum pl_status gpio_set(void *self, const int *handles, size_t count, const bool *values, struct pl_err *err)
{
  struct gpio *gpio = self;
  struct pl_ftdi *f = pl_ftdi_of(&gpio->user);
  struct pl_err why = {0};
  uint16_t levels;
  pl_time_ns deadline = pl_bus_deadline(gpio->bus);
  enum pl_status status = pl_ftdi_enter(&gpio->user, deadline, err);
  if (status)
    return status;
  for (size_t i = 0; i < count; i++)
    put(f, &gpio->lines[handles[i]], values[i]);
  status = exchange(gpio, true, &levels, deadline, &why);
  pl_ftdi_leave(&gpio->user, status, &why);
  return status ? pl_ftdi_fail(f, &why, err) : PL_OK;
}

static const struct pl_gpio_ops OPS = {.caps = gpio_caps, .request = gpio_request, .get = gpio_get, .set = gpio_set};

/* --- open and close --- */

/* After each open; entered. Lines that were outputs stay let go until they are set again: the rig's owner decides that. */
static enum pl_status gpio_set_up(void *self, struct pl_err *err)
{
  return pl_ftdi_set_up(pl_ftdi_of(&((struct gpio *)self)->user), err);
}

static enum pl_status gpio_reopen(void *self, struct pl_err *err)
{
  return pl_usb_user_reopen(&((struct gpio *)self)->user, err);
}

static void gpio_close(void *self)
{
  struct gpio *gpio = self;
  struct pl_ftdi *f = pl_ftdi_of(&gpio->user);
  struct pl_err ignored = {0};
  if (f->users > 1 && !pl_ftdi_enter(&gpio->user, PL_NEVER, &ignored)) {
    uint16_t levels, mine = 0;
    for (size_t i = 0; i < gpio->count; i++)
      mine = (uint16_t)(mine | 1u << gpio->lines[i].offset);
    f->dir = (uint16_t)(f->dir & ~mine);
    f->requested = (uint16_t)(f->requested & ~mine);
    pl_ftdi_leave(&gpio->user, exchange(gpio, true, &levels, pl_clock_now(f->chip.clock) + REQUEST_NS, &ignored), &ignored);
  }
  pl_ftdi_close(&gpio->user);
  free(gpio);
}

static const struct pl_param PARAMS[] = {
    PL_USB_PARAM_SERIAL,
    PL_USB_PARAM_PATH,
    PL_FTDI_PARAM_CHANNEL,
    {.name = "lines",
     .help = "names of lines and their offsets: AD0-AD7 are 0-7, AC0-AC7 are 8-15 (the FT4232H has none); 0-2 are I2C's where it is on the channel",
     .kind = PL_PARAM_MAP},
    PL_FTDI_PARAM_LATENCY,
};

static enum pl_status gpio_open(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  struct gpio *gpio = calloc(1, sizeof *gpio);
  if (!gpio)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the adapter of %s", args->bus_name);
  gpio->bus = bus;
  gpio->map = pl_value(args->values, "lines");
  enum pl_status status = pl_ftdi_open(&gpio->user, bus, args, gpio_set_up, gpio, err);
  if (status) {
    free(gpio);
    return status;
  }
  pl_bus_attach(bus, &OPS, gpio, gpio_close, false);
  pl_bus_set_reopen(bus, gpio_reopen);
  return PL_OK;
}

const struct pl_adapter_desc pl_adapter_ftdi_mpsse_gpio = {
    .name = "ftdi-mpsse",
    .about = "pins of an FT232H, FT2232H or FT4232H through libftdi, beside its I2C bus or alone",
    .maturity = PL_EXPERIMENTAL,
    .kind = PL_BUS_GPIO,
    .params = PARAMS,
    .n_params = sizeof PARAMS / sizeof PARAMS[0],
    .open = gpio_open,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * i2c-tiny-usb: control transfers only, one a message and one for its status. From Linux drivers/i2c/busses/i2c-tiny-usb.c and the firmware's main.c
 * (github.com/harbaum/I2C-Tiny-USB). What the firmware does not do, it cannot be made to say:
 *  - a data byte that the device does not acknowledge is sent and not reported ("TODO: set status");
 *  - SDA held low reads as an acknowledge and as zeros: a supply without faults. So a reserved address is asked before each transaction: nobody may
 *    answer. (After it would be late: the clocks of a transaction may have made the holder let go.)
 */
#include "drivers/bus/usb_chip_i2c.h"

extern const struct pl_adapter_desc pl_adapter_i2c_tiny_usb;

#define TO_DEVICE 0x41 /* vendor, interface: USB 2.0 section 9.3.1 */
#define FROM_DEVICE 0xc1
enum { CMD_SET_DELAY = 2, CMD_GET_STATUS = 3, CMD_IO = 4, IO_BEGIN = 1, IO_END = 2 };
enum { STATUS_ACK = 1, STATUS_NAK = 2 }; /* 0: idle, before the first message */
#define FLAG_READ 1 /* I2C_M_RD of Linux, in wValue */

/* V-USB counts a control transfer in one byte unless built for long transfers, which the firmware's usbconfig.h does not ask for; 255 means
 * "by callback" (the limit of 254 from memory). */
#define BYTES_MAX 254
#define RESERVED_ADDRESS 0x7f /* UM10204 section 3.1.12, table 3: 1111 1XX is for future purposes and the device id, read only */
#define SETTLE_NS (200 * PL_MS)

static const struct pl_usb_id IDS[] = {{0x0403, 0xc631}, {0x1c40, 0x0534}};
static const struct pl_usb_chip_desc CHIP = {.what = "i2c-tiny-usb", .ids = IDS, .n_ids = sizeof IDS / sizeof IDS[0], .size = sizeof(struct pl_usb_chip)};

static enum pl_status get_status(struct pl_usb_chip *chip, pl_time_ns deadline, bool *ack, struct pl_err *err)
{
  static const struct pl_usb_request ASK = {.type = FROM_DEVICE, .request = CMD_GET_STATUS, .length = 1};
  uint8_t state = 0;
  size_t done = 0;
  enum pl_status status = pl_usb_chip_control(chip, &ASK, &state, deadline, &done, err);
  if (status)
    return status;
  if (!done)
    return pl_fail(err, PL_E_SHORT, "the adapter gave no status of the message");
  if (state != STATUS_ACK && state != STATUS_NAK)
    return pl_fail(err, PL_E_GARBAGE, "the adapter's status of the message is %u, expected 1 or 2", state);
  *ack = state == STATUS_ACK;
  return PL_OK;
}

/* Addresses nobody, with the marks given. */
static enum pl_status touch(struct pl_usb_chip *chip, int marks, pl_time_ns deadline, bool *ack, struct pl_err *err)
{
  const struct pl_usb_request ask = {.type = TO_DEVICE, .request = (uint8_t)(CMD_IO | marks), .index = RESERVED_ADDRESS};
  enum pl_status status = pl_usb_chip_control(chip, &ask, NULL, deadline, NULL, err);
  return status ? status : get_status(chip, deadline, ack, err);
}

/* After an exchange that broke off the firmware may stand in the middle of a message with SCL low. A repeated start and a stop round a reserved address
 * bring both lines up; without it the next START would be none. */
static enum pl_status settle(struct pl_usb_chip *chip, struct pl_err *err)
{
  bool ack = false;
  enum pl_status status = touch(chip, IO_END, pl_clock_now(chip->clock) + SETTLE_NS, &ack, err);
  chip->dirty = status != PL_OK;
  return status;
}

static enum pl_status check_released(struct pl_usb_chip *chip, pl_time_ns deadline, struct pl_err *err)
{
  bool ack = false;
  enum pl_status status = touch(chip, IO_BEGIN | IO_END, deadline, &ack, err);
  if (status || !ack)
    return status;
  return pl_fail(err, PL_E_STUCK, "SDA is held low (the reserved address 0x%02x is acknowledged too), and this adapter cannot clock it free; "
                 "power-cycle the device that holds it", RESERVED_ADDRESS);
}

static enum pl_status put_message(struct pl_usb_chip *chip, const struct pl_i2c_msg *msg, int marks, pl_time_ns deadline, struct pl_err *err)
{
  bool read = msg->flags & PL_I2C_READ, ack = false;
  size_t done = 0;
  const struct pl_usb_request io = {.type = read ? FROM_DEVICE : TO_DEVICE, .request = (uint8_t)(CMD_IO | marks), .value = read ? FLAG_READ : 0,
                                    .index = msg->address, .length = msg->len};
  enum pl_status status = pl_usb_chip_control(chip, &io, msg->buf, deadline, &done, err);
  if (!status)
    status = get_status(chip, deadline, &ack, err);
  if (status)
    return status;
  if (!ack) /* the firmware has sent STOP */
    return pl_fail(err, PL_E_NACK, "not acknowledged; is the device there and powered?");
  return done == msg->len ? PL_OK : pl_fail(err, PL_E_SHORT, "the adapter gave %zu of %u bytes", done, msg->len);
}

static enum pl_status transact(struct pl_usb_i2c *i2c, struct pl_i2c_transfer *t, pl_time_ns deadline, struct pl_err *err)
{
  struct pl_usb_chip *chip = i2c->user.chip;
  enum pl_status status = chip->dirty ? settle(chip, err) : PL_OK;
  if (!status)
    status = check_released(chip, deadline, err);
  for (size_t i = 0; i < t->count && !status; i++)
    status = put_message(chip, &t->msgs[i], (i ? 0 : IO_BEGIN) | (i + 1 < t->count ? 0 : IO_END), deadline, err);
  chip->dirty = chip->dirty || (status && status != PL_E_NACK && status != PL_E_STUCK);
  return status;
}

static enum pl_status set_up(struct pl_usb_i2c *i2c, struct pl_err *err)
{
  struct pl_usb_chip *chip = i2c->user.chip;
  uint32_t hz = i2c->caps.speed_hz;
  const struct pl_usb_request set = {.type = TO_DEVICE, .request = CMD_SET_DELAY, .value = (uint16_t)((1000000 + hz - 1) / hz)}; /* us, half a clock or so */
  return pl_usb_chip_control(chip, &set, NULL, pl_clock_now(chip->clock) + PL_S, NULL, err);
}

static const struct pl_usb_i2c_desc I2C = {.chip = &CHIP,
                                           .caps = {.flags = PL_I2C_CAP_ANY_LIST, .max_write = BYTES_MAX, .max_read = BYTES_MAX, .max_batch = 1},
                                           .set_up = set_up, .transact = transact};

static enum pl_status open_adapter(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  return pl_usb_i2c_open(bus, args, &I2C, err);
}

static const struct pl_param PARAMS[] = {
    PL_USB_PARAM_SERIAL,
    PL_USB_PARAM_PATH,
    {.name = "speed", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_FREQUENCY, .fallback = "100 kHz", .min = 1000 * PL_U, .max = 400000 * PL_U,
     .help = "clock of the bus, at most (the firmware's bit-banging makes it about half of that)"},
};

const struct pl_adapter_desc pl_adapter_i2c_tiny_usb = {
    .name = "i2c-tiny-usb",
    .about = "i2c-tiny-usb (0403:c631, 1c40:0534) through libusb: any message list, 254 bytes a message",
    .maturity = PL_EXPERIMENTAL,
    .kind = PL_BUS_I2C,
    .params = PARAMS,
    .n_params = sizeof PARAMS / sizeof PARAMS[0],
    .open = open_adapter,
};

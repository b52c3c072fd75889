/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Microchip MCP2221(A): 64-byte HID reports on interface 2, one answer a command. Layouts: datasheet DS20005565 section 3.1, as Linux
 * drivers/hid/hid-mcp2221.c has them; the engine's states by number are not in it: they are from Microchip's SMBus example as EasyMCP2221/Constants.py
 * tells them. Traps: a cancel while the engine is idle makes it busy for ever (EasyMCP2221, mcp2221-hal), so it is sent only when it is not;
 * the chip cannot clock a stuck bus free (EasyMCP2221 issue 7). The reset command is not used: it takes seconds and a new enumeration.
 * No PL_I2C_CAP_RECV_LEN: the chip must be told how many bytes to read before it reads the first.
 */
#include "drivers/bus/usb_chip_gpio.h"
#include "drivers/bus/usb_chip_i2c.h"

#include <string.h>

extern const struct pl_adapter_desc pl_adapter_mcp2221_i2c;
extern const struct pl_adapter_desc pl_adapter_mcp2221_gpio;

enum {
  STATUS_SET = 0x10, GET_DATA = 0x40, GPIO_SET = 0x50, GPIO_GET = 0x51, SRAM_SET = 0x60, SRAM_GET = 0x61, WRITE = 0x90, READ = 0x91, READ_REPEATED = 0x93,
  WRITE_NO_STOP = 0x94,
};
enum { /* of the I2C engine */
  E_IDLE = 0x00, E_ADDRESS_NACK_STOPPING = 0x24, E_ADDRESS_NACK = 0x25, E_WRITE_WAIT = 0x41, E_WRITE_END_NO_STOP = 0x45, E_READ_WAIT = 0x54,
  E_READ_END = 0x55,
};
enum { ENDPOINT_IN = 0x83, ENDPOINT_OUT = 0x03, INTERFACE = 2, REPORT_SIZE = 64, CHUNK_MAX = 60, N_PINS = 4, STALE_MAX = 16 };
enum { CANCEL = 0x10, SET_SPEED = 0x20, ADDRESS_NACKED = 0x40, READ_ERROR = 0x7f };

#define COMMAND_NS (250 * PL_MS) /* an answer of the chip itself, not of the bus */
#define SETTLE_NS (100 * PL_MS)  /* for a cancel to take effect */

struct mcp2221 {
  struct pl_usb_chip chip; /* first: pl_usb_chip_desc.size */
  unsigned owed;           /* answers that have not come */
};

struct answer {
  uint8_t bytes[REPORT_SIZE];
};

static const struct pl_usb_id IDS[] = {{0x04d8, 0x00dd}};

/* --- commands --- */

/* err is without the chip's name. Answers of other commands are late ones: they are passed over. The chip has COMMAND_NS whatever the job's deadline: an
 * answer that is not waited for is one that may come in the place of another. */
static enum pl_status command(struct mcp2221 *mcp, const uint8_t *bytes, size_t len, struct answer *answer, struct pl_err *err)
{
  uint8_t report[REPORT_SIZE] = {0};
  memcpy(report, bytes, len);
  pl_time_ns until = pl_clock_now(mcp->chip.clock) + COMMAND_NS;
  enum pl_status status = pl_usb_chip_transfer(&mcp->chip, ENDPOINT_OUT, report, sizeof report, until, NULL, err);
  if (status)
    return status;
  mcp->owed++;
  for (int i = 0; i < STALE_MAX; i++) {
    size_t got = 0;
    status = pl_usb_chip_transfer(&mcp->chip, ENDPOINT_IN, answer->bytes, sizeof answer->bytes, until, &got, err);
    if (status == PL_E_TIMEOUT)
      return pl_fail(err, status, "the adapter did not answer command 0x%02x within %d ms", bytes[0], (int)(COMMAND_NS / PL_MS));
    if (status)
      return status;
    if (mcp->owed)
      mcp->owed--;
    if (got != REPORT_SIZE)
      return pl_fail(err, PL_E_SHORT, "the adapter's answer has %zu bytes, expected %d", got, REPORT_SIZE);
    if (answer->bytes[0] == bytes[0])
      return PL_OK;
  }
  return pl_fail(err, PL_E_GARBAGE, "the adapter sends reports, but not the answer to command 0x%02x", bytes[0]);
}

static enum pl_status get_state(struct mcp2221 *mcp, bool cancel, struct answer *answer, struct pl_err *err)
{
  const uint8_t bytes[] = {STATUS_SET, 0, cancel ? CANCEL : 0};
  enum pl_status status = command(mcp, bytes, sizeof bytes, answer, err);
  if (!status && answer->bytes[1])
    return pl_fail(err, PL_E_GARBAGE, "the adapter refuses to tell its status (0x%02x)", answer->bytes[1]);
  return status;
}

/* Bytes 22 and 23 of the status: the levels of SCL and SDA. */
static const char *held_line(const struct answer *state)
{
  if (!state->bytes[22])
    return "SCL is held low (no pull-up resistor, or a device stretches the clock without end)";
  return state->bytes[23] ? NULL : "SDA is held low (no pull-up resistor, or a device stopped in the middle of a byte)";
}

static enum pl_status fail_stuck(const char *what, struct pl_err *err)
{
  return pl_fail(err, PL_E_STUCK, "%s, and a MCP2221 cannot clock a bus free; power-cycle the device that holds it, or pulse SCL nine times by other means",
                 what);
}

/* Brings the engine to idle: waits for what is owed, cancels only what is not idle. */
static enum pl_status resync(struct mcp2221 *mcp, struct pl_err *err)
{
  struct pl_clock *clock = mcp->chip.clock;
  struct answer state = {0};
  struct pl_err quiet = {0};
  while (mcp->owed) {
    enum pl_status late = pl_usb_chip_transfer(&mcp->chip, ENDPOINT_IN, state.bytes, REPORT_SIZE, pl_clock_now(clock) + COMMAND_NS, NULL, &quiet);
    if (late && late != PL_E_TIMEOUT)
      return pl_fail(err, late, "%s", quiet.text);
    mcp->owed = late ? 0 : mcp->owed - 1;
  }
  pl_time_ns end = pl_clock_now(clock) + SETTLE_NS;
  enum pl_status status = get_state(mcp, false, &state, err);
  while (!status && state.bytes[8] != E_IDLE && pl_clock_now(clock) < end)
    status = get_state(mcp, true, &state, err);
  if (status)
    return status;
  mcp->chip.dirty = state.bytes[8] != E_IDLE;
  if (!mcp->chip.dirty)
    return PL_OK;
  const char *held = held_line(&state);
  return held ? fail_stuck(held, err)
              : pl_fail(err, PL_E_BUSY, "the adapter's I2C engine stays busy (state 0x%02x); unplug it and plug it in again", state.bytes[8]);
}

/* --- i2c --- */

static bool is_nack(uint8_t state)
{
  return state == E_ADDRESS_NACK || state == E_ADDRESS_NACK_STOPPING;
}

/* The states whose name ends in TOUT: a step that the bus did not let happen in time. */
static bool is_timeout(uint8_t state)
{
  static const uint8_t STATES[] = {0x12, 0x17, 0x23, 0x33, 0x44, 0x52, 0x62};
  return memchr(STATES, state, sizeof STATES) != NULL;
}

static enum pl_status fail_state(struct mcp2221 *mcp, uint8_t engine, struct pl_err *err)
{
  struct answer state = {0};
  struct pl_err ignored = {0};
  if (is_nack(engine))
    return pl_fail(err, PL_E_NACK, "address not acknowledged; is the device there and powered?");
  const char *held = get_state(mcp, false, &state, &ignored) ? NULL : held_line(&state);
  if (held)
    return fail_stuck(held, err);
  if (engine == 0x44) /* the byte was sent and nobody took it */
    return pl_fail(err, PL_E_NACK, "a data byte was not acknowledged");
  if (is_timeout(engine))
    return pl_fail(err, PL_E_TIMEOUT, "the bus did not go on in time (engine state 0x%02x): a clock stretched past the adapter's limit?", engine);
  return pl_fail(err, PL_E_GARBAGE, "the adapter's I2C engine is in the unexpected state 0x%02x", engine);
}

static enum pl_status fail_deadline(struct mcp2221 *mcp, struct pl_err *err)
{
  struct answer state = {0};
  struct pl_err ignored = {0};
  const char *held = get_state(mcp, false, &state, &ignored) ? NULL : held_line(&state);
  return held ? fail_stuck(held, err) : pl_fail(err, PL_E_TIMEOUT, "the transfer did not end before the deadline");
}

/* Gives one chunk; the engine refuses it while it is busy with the one before. */
static enum pl_status put_chunk(struct mcp2221 *mcp, const uint8_t *report, size_t len, pl_time_ns deadline, struct pl_err *err)
{
  do {
    struct answer answer;
    enum pl_status status = command(mcp, report, len, &answer, err);
    if (status || !answer.bytes[1])
      return status;
    uint8_t engine = answer.bytes[2];
    if (is_nack(engine) || is_timeout(engine))
      return fail_state(mcp, engine, err);
  } while (pl_clock_now(mcp->chip.clock) < deadline);
  return fail_deadline(mcp, err);
}

/* Until the engine has put all bytes on the wire. */
static enum pl_status await_written(struct mcp2221 *mcp, bool stop, pl_time_ns deadline, struct pl_err *err)
{
  do {
    struct answer state = {0};
    enum pl_status status = get_state(mcp, false, &state, err);
    if (status)
      return status;
    uint8_t engine = state.bytes[8];
    if ((state.bytes[20] & ADDRESS_NACKED) || is_nack(engine))
      return fail_state(mcp, E_ADDRESS_NACK, err);
    if (engine == (stop ? E_IDLE : E_WRITE_END_NO_STOP))
      return PL_OK;
    if (is_timeout(engine))
      return fail_state(mcp, engine, err);
    if (!stop && engine == E_IDLE)
      return pl_fail(err, PL_E_GARBAGE, "the adapter let go of the bus between write and read");
  } while (pl_clock_now(mcp->chip.clock) < deadline);
  return fail_deadline(mcp, err);
}

static enum pl_status put(struct mcp2221 *mcp, const struct pl_i2c_msg *msg, bool stop, pl_time_ns deadline, struct pl_err *err)
{
  uint8_t report[REPORT_SIZE] = {stop ? WRITE : WRITE_NO_STOP, (uint8_t)msg->len, (uint8_t)(msg->len >> 8), (uint8_t)(msg->address << 1)};
  for (size_t at = 0; at < msg->len;) {
    size_t part = msg->len - at < CHUNK_MAX ? (size_t)(msg->len - at) : CHUNK_MAX;
    memcpy(report + 4, msg->buf + at, part);
    enum pl_status status = put_chunk(mcp, report, 4 + part, deadline, err);
    if (status)
      return status;
    at += part;
  }
  return await_written(mcp, stop, deadline, err);
}

/* One "get data": *have grows by what came. PL_E_BUSY: nothing yet. */
static enum pl_status take_chunk(struct mcp2221 *mcp, const struct pl_i2c_msg *msg, size_t *have, struct pl_err *err)
{
  static const uint8_t BYTES[] = {GET_DATA};
  struct answer answer;
  enum pl_status status = command(mcp, BYTES, sizeof BYTES, &answer, err);
  if (status)
    return status;
  uint8_t engine = answer.bytes[2], n = answer.bytes[3];
  if (is_nack(engine) || is_timeout(engine))
    return fail_state(mcp, engine, err);
  if (engine != E_READ_WAIT && engine != E_READ_END)
    return PL_E_BUSY;
  if (answer.bytes[1] || n == READ_ERROR)
    return PL_E_BUSY;
  if (n > CHUNK_MAX || n > msg->len - *have)
    return pl_fail(err, PL_E_GARBAGE, "the adapter gave %u bytes where %zu were left", n, msg->len - *have);
  memcpy(msg->buf + *have, answer.bytes + 4, n);
  *have += n;
  if (engine == E_READ_END && *have < msg->len)
    return pl_fail(err, PL_E_SHORT, "the adapter gave %zu of %u bytes", *have, msg->len);
  return PL_OK;
}

static enum pl_status take(struct mcp2221 *mcp, const struct pl_i2c_msg *msg, bool repeated, pl_time_ns deadline, struct pl_err *err)
{
  const uint8_t report[] = {repeated ? READ_REPEATED : READ, (uint8_t)msg->len, (uint8_t)(msg->len >> 8), (uint8_t)(msg->address << 1 | 1)};
  size_t have = 0;
  enum pl_status status = put_chunk(mcp, report, sizeof report, deadline, err);
  while (!status && have < msg->len) {
    status = take_chunk(mcp, msg, &have, err);
    if (status == PL_E_BUSY)
      status = pl_clock_now(mcp->chip.clock) < deadline ? PL_OK : fail_deadline(mcp, err);
  }
  return status;
}

static enum pl_status transact(struct pl_usb_i2c *i2c, struct pl_i2c_transfer *t, pl_time_ns deadline, struct pl_err *err)
{
  struct mcp2221 *mcp = (struct mcp2221 *)i2c->user.chip;
  if (!(t->msgs[0].flags & PL_I2C_READ) && !t->msgs[0].len)
    return pl_fail(err, PL_E_UNSUPPORTED, "a MCP2221 cannot write 0 bytes; read a byte to see who is there");
  enum pl_status status = mcp->chip.dirty ? resync(mcp, err) : PL_OK;
  for (size_t i = 0; i < t->count && !status; i++) {
    const struct pl_i2c_msg *msg = &t->msgs[i];
    status = msg->flags & PL_I2C_READ ? take(mcp, msg, i > 0, deadline, err) : put(mcp, msg, i + 1 == t->count, deadline, err);
  }
  if (!status)
    return PL_OK;
  struct pl_err ignored = {0};
  mcp->chip.dirty = true;
  if (status != PL_E_GONE && !mcp->owed) /* a NACK leaves the engine waiting: it is freed at once. A chip that owes an answer: before the next transaction */
    (void)resync(mcp, &ignored);
  return status;
}

static enum pl_status init_chip(struct pl_usb_chip *chip, struct pl_err *err)
{
  (void)err;
  ((struct mcp2221 *)chip)->owed = 0;
  chip->dirty = true; /* what another program began may still run */
  return PL_OK;
}

/* Datasheet table 3-1: the divider is 12 MHz / f - 3; the answer's byte 3 is 0x20 when it was taken, 0x21 while a transfer runs. */
static enum pl_status i2c_set_up(struct pl_usb_i2c *i2c, struct pl_err *err)
{
  struct mcp2221 *mcp = (struct mcp2221 *)i2c->user.chip;
  const uint8_t bytes[] = {STATUS_SET, 0, 0, SET_SPEED, (uint8_t)(12000000 / i2c->caps.speed_hz - 3)};
  struct pl_err why = {0};
  struct answer answer;
  enum pl_status status = resync(mcp, &why);
  if (!status)
    status = command(mcp, bytes, sizeof bytes, &answer, &why);
  if (!status && (answer.bytes[1] || answer.bytes[3] != SET_SPEED))
    status = pl_fail(&why, PL_E_BUSY, "the adapter does not take its I2C speed (0x%02x); unplug it and plug it in again", answer.bytes[3]);
  return status ? pl_usb_fail_chip(&mcp->chip, &why, err) : PL_OK;
}

static const struct pl_usb_chip_desc CHIP = {.what = "MCP2221", .ids = IDS, .n_ids = sizeof IDS / sizeof IDS[0], .interface = INTERFACE,
                                             .size = sizeof(struct mcp2221), .init = init_chip};

static const struct pl_usb_i2c_desc I2C = {.chip = &CHIP,
                                           .caps = {.flags = PL_I2C_CAP_STRETCH, .max_write = UINT16_MAX, .max_read = UINT16_MAX, .max_batch = 1},
                                           .set_up = i2c_set_up, .transact = transact};

static enum pl_status i2c_open(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  return pl_usb_i2c_open(bus, args, &I2C, err);
}

static const struct pl_param I2C_PARAMS[] = {
    PL_USB_PARAM_SERIAL,
    PL_USB_PARAM_PATH,
    {.name = "speed", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_FREQUENCY, .fallback = "100 kHz", .min = 47000 * PL_U, .max = 400000 * PL_U, .help = "clock of the bus"},
};

const struct pl_adapter_desc pl_adapter_mcp2221_i2c = {
    .name = "mcp2221",
    .about = "MCP2221 and MCP2221A (04d8:00dd) through libusb; cannot clock a stuck bus free",
    .maturity = PL_EXPERIMENTAL,
    .kind = PL_BUS_I2C,
    .params = I2C_PARAMS,
    .n_params = sizeof I2C_PARAMS / sizeof I2C_PARAMS[0],
    .open = i2c_open,
};

/* --- gpio --- */

/* A command that must be answered with 0 in byte 1. */
static enum pl_status order(struct mcp2221 *mcp, const uint8_t *bytes, size_t len, struct answer *answer, struct pl_err *err)
{
  struct pl_err why = {0};
  enum pl_status status = command(mcp, bytes, len, answer, &why);
  if (!status && answer->bytes[1])
    status = pl_fail(&why, PL_E_GARBAGE, "the adapter refuses command 0x%02x (0x%02x)", bytes[0], answer->bytes[1]);
  return status ? pl_usb_fail_chip(&mcp->chip, &why, err) : PL_OK;
}

/* Datasheet table 3-30: a value and a direction (1: input) a pin. */
static enum pl_status get_pins(struct mcp2221 *mcp, struct answer *pins, struct pl_err *err)
{
  static const uint8_t BYTES[] = {GPIO_GET};
  return order(mcp, BYTES, sizeof BYTES, pins, err);
}

static uint8_t value_of(const struct answer *pins, unsigned offset)
{
  return pins->bytes[2 + 2 * offset];
}

static enum pl_status read_pins(struct pl_usb_chip *chip, uint8_t levels[PL_USB_PINS_MAX], pl_time_ns deadline, struct pl_err *err)
{
  (void)deadline; /* see command() */
  struct answer pins;
  enum pl_status status = get_pins((struct mcp2221 *)chip, &pins, err);
  for (unsigned i = 0; i < N_PINS && !status; i++)
    levels[i] = value_of(&pins, i);
  return status;
}

/* Makes a pin a GPIO (datasheet section 3.1.13). The four pins are set together: those that are GPIO already keep what they show now, which is not what
 * the settings remember. The ADC's and DAC's reference goes back to VDD with it (section 1.8.3.1): nothing here uses them. */
static enum pl_status designate(struct mcp2221 *mcp, const struct pl_usb_pin *pin, bool level, const struct answer *pins, struct pl_err *err)
{
  static const uint8_t ASK[] = {SRAM_GET};
  struct answer settings;
  enum pl_status status = order(mcp, ASK, sizeof ASK, &settings, err);
  if (status)
    return status;
  uint8_t bytes[12] = {SRAM_SET, [7] = 0x80};
  for (unsigned i = 0; i < N_PINS; i++) {
    unsigned value = value_of(pins, i), input = pins->bytes[3 + 2 * i] & 1u;
    bytes[8 + i] = value != PL_USB_NO_GPIO ? (uint8_t)(value << 4 | input << 3) : settings.bytes[22 + i];
  }
  bytes[8 + pin->offset] = (uint8_t)((level ? 0x10 : 0) | (pin->output ? 0 : 0x08));
  return order(mcp, bytes, sizeof bytes, &settings, err);
}

/* Datasheet table 3-28: change value?, value, change direction?, direction a pin. */
static void put_pin(uint8_t *bytes, unsigned offset, bool level)
{
  bytes[2 + 4 * offset] = 1;
  bytes[3 + 4 * offset] = level;
}

/* Value and direction go in one command: no false level between. */
static enum pl_status configure(struct pl_usb_chip *chip, const struct pl_usb_pin *pin, bool level, struct pl_err *err)
{
  struct mcp2221 *mcp = (struct mcp2221 *)chip;
  uint8_t bytes[2 + 4 * N_PINS] = {GPIO_SET};
  struct answer pins, answer;
  enum pl_status status = get_pins(mcp, &pins, err);
  if (!status && value_of(&pins, pin->offset) == PL_USB_NO_GPIO)
    status = designate(mcp, pin, level, &pins, err);
  if (status)
    return status;
  if (pin->output)
    put_pin(bytes, pin->offset, level);
  bytes[4 + 4 * pin->offset] = 1;
  bytes[5 + 4 * pin->offset] = pin->output ? 0 : 1;
  status = order(mcp, bytes, sizeof bytes, &answer, err);
  if (!status && answer.bytes[5 + 4 * pin->offset] >= PL_USB_NO_GPIO)
    return pl_fail(err, PL_E_GARBAGE, "%s: pin %u does not become a GPIO", chip->where, pin->offset);
  return status;
}

static enum pl_status write_pins(struct pl_usb_chip *chip, uint8_t levels, uint8_t mask, pl_time_ns deadline, struct pl_err *err)
{
  (void)deadline; /* see command() */
  uint8_t bytes[2 + 4 * N_PINS] = {GPIO_SET};
  struct answer answer;
  for (unsigned i = 0; i < N_PINS; i++)
    if (mask >> i & 1)
      put_pin(bytes, i, levels >> i & 1);
  enum pl_status status = order((struct mcp2221 *)chip, bytes, sizeof bytes, &answer, err);
  for (unsigned i = 0; i < N_PINS && !status; i++)
    if ((mask >> i & 1) && answer.bytes[3 + 4 * i] == PL_USB_NO_GPIO)
      status = pl_fail(err, PL_E_GARBAGE, "%s: pin %u is no GPIO any more", chip->where, i);
  return status;
}

static const struct pl_usb_gpio_desc PINS = {.chip = &CHIP, .n_pins = N_PINS, .read = read_pins, .write = write_pins, .configure = configure};

static enum pl_status gpio_open(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  return pl_usb_gpio_open(bus, args, &PINS, err);
}

static const struct pl_param GPIO_PARAMS[] = {
    PL_USB_PARAM_SERIAL,
    PL_USB_PARAM_PATH,
    PL_USB_GPIO_PARAM_LINES("0 to 3"),
};

const struct pl_adapter_desc pl_adapter_mcp2221_gpio = {
    .name = "mcp2221",
    .about = "the 4 pins of a MCP2221 or MCP2221A (04d8:00dd) through libusb; no edges",
    .maturity = PL_EXPERIMENTAL,
    .kind = PL_BUS_GPIO,
    .params = GPIO_PARAMS,
    .n_params = sizeof GPIO_PARAMS / sizeof GPIO_PARAMS[0],
    .open = gpio_open,
};

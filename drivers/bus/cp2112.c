/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Silicon Labs CP2112: HID reports over libusb. Report layouts: AN495 "CP2112 interface specification", chapters 4 and 5, as Linux
 * drivers/hid/hid-cp2112.c has them. Reports carry no mark of what they answer (fboss/lib/usb/CP2112.cpp), so what is still owed is counted, and after
 * an exchange that broke off nothing new begins before that came or is sure not to come.
 * No PL_I2C_CAP_RECV_LEN: the chip must be told how many bytes to read before it reads the first.
 */
#include "drivers/bus/usb_chip_gpio.h"
#include "drivers/bus/usb_chip_i2c.h"

#include <string.h>

extern const struct pl_adapter_desc pl_adapter_cp2112_i2c;
extern const struct pl_adapter_desc pl_adapter_cp2112_gpio;

enum {
  GPIO_CONFIG = 0x02, GPIO_GET = 0x03, GPIO_SET = 0x04, VERSION = 0x05, SMBUS_CONFIG = 0x06, READ = 0x10, WRITE_READ = 0x11, FORCE_SEND = 0x12,
  READ_RESPONSE = 0x13, WRITE = 0x14, STATUS_REQUEST = 0x15, STATUS_RESPONSE = 0x16, CANCEL = 0x17,
};
enum { IDLE, BUSY, COMPLETE, FAILED }; /* status 0 of a transfer */
enum { ENDPOINT_IN = 0x81, ENDPOINT_OUT = 0x01, REPORT_SIZE = 64, PART_NUMBER = 0x0c, N_PINS = 8, STALE_MAX = 16 };
enum { WRITE_MAX = 61, READ_MAX = 512, TARGET_MAX = 16, CHUNK_MAX = 61 };

#define FEATURE_NS PL_S            /* a feature report at open */
#define REPORT_NS (250 * PL_MS)    /* an answer of the chip itself, not of the bus: some USB frames */
#define BUS_TIMEOUT_MS 250         /* the chip's own limit for a transfer; 512 bytes at 100 kHz take 47 ms */

struct cp2112 {
  struct pl_usb_chip chip; /* first: pl_usb_chip_desc.size */
  uint8_t version;
  unsigned owed; /* reports asked for that have not come */
};

static const struct pl_usb_id IDS[] = {{0x10c4, 0xea90}};

/* --- reports --- */

/* Class requests of HID 1.11 section 7.2.1 and 7.2.2; 3: feature report. */
static enum pl_status get_feature(struct pl_usb_chip *chip, uint8_t *report, uint16_t len, pl_time_ns deadline, struct pl_err *err)
{
  const struct pl_usb_request get = {.type = 0xa1, .request = 0x01, .value = (uint16_t)(0x0300 | report[0]), .length = len};
  uint8_t id = report[0];
  size_t done = 0;
  enum pl_status status = pl_usb_chip_control(chip, &get, report, deadline, &done, err);
  if (status)
    return status;
  if (done != len || report[0] != id)
    return pl_fail(err, PL_E_SHORT, "%s: feature report 0x%02x came back as %zu bytes that begin with 0x%02x, expected %u; is it a CP2112?", chip->where, id,
                   done, done ? report[0] : 0, len);
  return PL_OK;
}

static enum pl_status set_feature(struct pl_usb_chip *chip, uint8_t *report, uint16_t len, pl_time_ns deadline, struct pl_err *err)
{
  const struct pl_usb_request set = {.type = 0x21, .request = 0x09, .value = (uint16_t)(0x0300 | report[0]), .length = len};
  return pl_usb_chip_control(chip, &set, report, deadline, NULL, err);
}

static enum pl_status send(struct cp2112 *cp, const uint8_t *report, size_t len, struct pl_err *err)
{
  uint8_t copy[REPORT_SIZE];
  memcpy(copy, report, len);
  return pl_usb_chip_transfer(&cp->chip, ENDPOINT_OUT, copy, len, pl_clock_now(cp->chip.clock) + REPORT_NS, NULL, err);
}

/* Sends a question and waits for the report `id`. What is not that is stale: it is passed over. The chip has REPORT_NS whatever the job's deadline: an
 * answer that is not waited for is one that may come in the place of another. */
static enum pl_status ask(struct cp2112 *cp, const uint8_t *question, size_t len, uint8_t id, uint8_t *report, size_t *got, struct pl_err *err)
{
  enum pl_status status = send(cp, question, len, err);
  if (status)
    return status;
  cp->owed++;
  pl_time_ns until = pl_clock_now(cp->chip.clock) + REPORT_NS;
  for (int i = 0; i < STALE_MAX; i++) {
    status = pl_usb_chip_transfer(&cp->chip, ENDPOINT_IN, report, REPORT_SIZE, until, got, err);
    if (status == PL_E_TIMEOUT)
      return pl_fail(err, status, "the adapter did not answer report 0x%02x within %d ms", question[0], (int)(REPORT_NS / PL_MS));
    if (status)
      return status;
    if (cp->owed)
      cp->owed--;
    if (*got && report[0] == id)
      return PL_OK;
  }
  return pl_fail(err, PL_E_GARBAGE, "the adapter sends reports, but not 0x%02x that was asked for", id);
}

struct state { /* of a transfer: AN495 section 5.6 */
  uint8_t status0, status1;
  unsigned length;
};

static enum pl_status ask_state(struct cp2112 *cp, struct state *state, struct pl_err *err)
{
  static const uint8_t QUESTION[] = {STATUS_REQUEST, 0x01};
  uint8_t report[REPORT_SIZE];
  size_t got = 0;
  enum pl_status status = ask(cp, QUESTION, sizeof QUESTION, STATUS_RESPONSE, report, &got, err);
  if (status)
    return status;
  if (got < 7)
    return pl_fail(err, PL_E_SHORT, "the adapter's status report has %zu bytes, expected 7 or more", got);
  *state = (struct state){report[1], report[2], (unsigned)report[5] << 8 | report[6]};
  return PL_OK;
}

static enum pl_status cancel(struct cp2112 *cp, struct pl_err *err)
{
  static const uint8_t STOP[] = {CANCEL, 0x01};
  return send(cp, STOP, sizeof STOP, err);
}

/* Ends what is running and waits for what is owed, so that no late report is taken for an answer to the next question. */
static enum pl_status resync(struct cp2112 *cp, struct pl_err *err)
{
  struct pl_usb_chip *chip = &cp->chip;
  uint8_t waste[REPORT_SIZE];
  struct state state;
  enum pl_status status = cancel(cp, err);
  while (!status && cp->owed) {
    struct pl_err quiet = {0};
    status = pl_usb_chip_transfer(chip, ENDPOINT_IN, waste, sizeof waste, pl_clock_now(chip->clock) + REPORT_NS, NULL, &quiet);
    if (status && status != PL_E_TIMEOUT)
      return pl_fail(err, status, "%s", quiet.text);
    cp->owed = status ? 0 : cp->owed - 1;
    status = PL_OK;
  }
  if (!status)
    status = ask_state(cp, &state, err);
  if (!status && state.status0 == BUSY)
    status = pl_fail(err, PL_E_BUSY, "the adapter goes on with a transfer that was cancelled; unplug it and plug it in again");
  chip->dirty = status != PL_OK;
  return status;
}

/* --- i2c --- */

/* The report that starts a transaction; its length. */
static size_t request_of(const struct pl_i2c_transfer *t, uint8_t *report)
{
  const struct pl_i2c_msg *first = t->msgs, *last = &t->msgs[t->count - 1];
  report[1] = (uint8_t)(first->address << 1);
  if (!(last->flags & PL_I2C_READ)) {
    report[0] = WRITE;
    report[2] = (uint8_t)first->len;
    memcpy(report + 3, first->buf, first->len);
    return 3u + first->len;
  }
  report[0] = t->count == 1 ? READ : WRITE_READ;
  report[2] = (uint8_t)(last->len >> 8);
  report[3] = (uint8_t)last->len;
  if (t->count == 1)
    return 4;
  report[4] = (uint8_t)first->len;
  memcpy(report + 5, first->buf, first->len);
  return 5u + first->len;
}

static enum pl_status refuse(const struct pl_usb_i2c *i2c, const struct pl_i2c_transfer *t, struct pl_err *err)
{
  const struct cp2112 *cp = (const struct cp2112 *)i2c->user.chip;
  const struct pl_i2c_msg *first = t->msgs;
  if (!(first->flags & PL_I2C_READ) && !first->len)
    return pl_fail(err, PL_E_UNSUPPORTED, "a CP2112 cannot write 0 bytes; read a byte to see who is there");
  if (t->count == 2 && first->len > TARGET_MAX)
    return pl_fail(err, PL_E_UNSUPPORTED, "a CP2112 writes at most %d bytes before a read, this transaction has %u",
                           TARGET_MAX, first->len);
  if (t->count == 2 && cp->version <= 1 && !pl_value(i2c->values, "stop-start")->number)
    return pl_fail(err, PL_E_UNSUPPORTED, "this CP2112 is of revision %u, which sends STOP and START where a repeated START is asked for; if the devices on this bus can live "
                           "with that, say so in the rig (stop-start: true), else use a chip of revision 2 or later", cp->version);
  return PL_OK;
}

/* What status 1 of a failed transfer means: AN495 section 5.6. */
static enum pl_status failed(const struct state *state, struct pl_err *err)
{
  static const struct {
    enum pl_status status;
    const char *text;
  } ROWS[] = {
      {PL_E_NACK, "address not acknowledged; is the device there and powered?"},
      {PL_E_STUCK, "the bus is not free: SCL or SDA is held low, or a clock was stretched past the adapter's limit; power-cycle the device that holds it"},
      {PL_E_ARBITRATION, "arbitration lost: another master is on the bus"},
      {PL_E_SHORT, "the read stopped before all bytes had come"},
      {PL_E_NACK, "a data byte was not acknowledged"},
  };
  if (state->status1 < sizeof ROWS / sizeof ROWS[0])
    return pl_fail(err, ROWS[state->status1].status, "%s", ROWS[state->status1].text);
  return pl_fail(err, PL_E_GARBAGE, "the adapter says that the transfer failed, for the unknown reason 0x%02x", state->status1);
}

/* Until the bus is done with it. */
static enum pl_status await_end(struct cp2112 *cp, struct state *state, pl_time_ns deadline, struct pl_err *err)
{
  do {
    enum pl_status status = ask_state(cp, state, err);
    if (status || state->status0 == COMPLETE || state->status0 == FAILED)
      return status;
    if (state->status0 != BUSY)
      return pl_fail(err, PL_E_GARBAGE, "the adapter's status is 0x%02x in the middle of a transfer", state->status0);
  } while (pl_clock_now(cp->chip.clock) < deadline);
  return pl_fail(err, PL_E_TIMEOUT, "the transfer did not end before the deadline (a clock that is held low?)");
}

static enum pl_status fetch(struct cp2112 *cp, uint8_t *buf, size_t len, struct pl_err *err)
{
  for (size_t have = 0; have < len;) {
    uint8_t report[REPORT_SIZE];
    size_t got = 0, want = len - have < CHUNK_MAX ? len - have : CHUNK_MAX;
    const uint8_t question[] = {FORCE_SEND, (uint8_t)(want >> 8), (uint8_t)want};
    enum pl_status status = ask(cp, question, sizeof question, READ_RESPONSE, report, &got, err);
    if (status)
      return status;
    if (got < 3 || got < 3u + report[2] || !report[2])
      return pl_fail(err, PL_E_SHORT, "the adapter gave %zu of the %zu bytes that it had read", have + (got > 3 ? got - 3 : 0), len);
    if (report[2] > want)
      return pl_fail(err, PL_E_GARBAGE, "the adapter gave %u bytes where %zu were left", report[2], want);
    memcpy(buf + have, report + 3, report[2]);
    have += report[2];
  }
  return PL_OK;
}

static enum pl_status exchange(struct cp2112 *cp, const struct pl_i2c_transfer *t, pl_time_ns deadline, struct pl_err *err)
{
  const struct pl_i2c_msg *last = &t->msgs[t->count - 1];
  bool read = last->flags & PL_I2C_READ;
  uint8_t report[REPORT_SIZE];
  struct state state = {0};
  enum pl_status status = send(cp, report, request_of(t, report), err);
  if (!status)
    status = await_end(cp, &state, deadline, err);
  if (status || (state.status0 == COMPLETE && !read))
    return status;
  if (state.status0 == FAILED)
    return failed(&state, err);
  if (state.length < last->len)
    return pl_fail(err, PL_E_SHORT, "the adapter read %u of %u bytes", state.length, last->len);
  return fetch(cp, last->buf, last->len, err);
}

static enum pl_status transact(struct pl_usb_i2c *i2c, struct pl_i2c_transfer *t, pl_time_ns deadline, struct pl_err *err)
{
  struct cp2112 *cp = (struct cp2112 *)i2c->user.chip;
  enum pl_status status = refuse(i2c, t, err);
  if (!status && cp->chip.dirty)
    status = resync(cp, err);
  else if (status)
    return status;
  if (!status)
    status = exchange(cp, t, deadline, err);
  if (!status || status == PL_E_NACK || status == PL_E_ARBITRATION || status == PL_E_STUCK) /* the chip told how it ended */
    return status;
  struct pl_err ignored = {0};
  cp->chip.dirty = true;
  if (status == PL_E_TIMEOUT) /* frees the bus now; the next transaction waits for the reports that are owed */
    (void)cancel(cp, &ignored);
  return status;
}

/* After each open of the chip, by whichever bus. */
static enum pl_status init_chip(struct pl_usb_chip *chip, struct pl_err *err)
{
  struct cp2112 *cp = (struct cp2112 *)chip;
  uint8_t report[3] = {VERSION};
  cp->owed = 0;
  chip->dirty = true; /* what another program began may still run */
  enum pl_status status = get_feature(chip, report, sizeof report, pl_clock_now(chip->clock) + FEATURE_NS, err);
  if (status)
    return status;
  if (report[1] != PART_NUMBER)
    return pl_fail(err, PL_E_GARBAGE, "%s: says that it is part 0x%02x, a CP2112 is 0x%02x", chip->where, report[1], PART_NUMBER);
  cp->version = report[2];
  return PL_OK;
}

static enum pl_status i2c_set_up(struct pl_usb_i2c *i2c, struct pl_err *err)
{
  struct pl_usb_chip *chip = i2c->user.chip;
  pl_time_ns deadline = pl_clock_now(chip->clock) + FEATURE_NS;
  uint8_t report[14] = {SMBUS_CONFIG}; /* AN495 section 4.6 */
  uint32_t hz = i2c->caps.speed_hz;
  enum pl_status status = get_feature(chip, report, sizeof report, deadline, err);
  if (status)
    return status;
  for (int i = 0; i < 4; i++)
    report[1 + i] = (uint8_t)(hz >> (24 - 8 * i));
  report[6] = 0; /* no automatic send of what was read: its first byte is often 0 then (fboss/lib/usb/CP2112.cpp) */
  for (int i = 0; i < 2; i++)
    report[7 + i] = report[9 + i] = (uint8_t)(BUS_TIMEOUT_MS >> (8 - 8 * i));
  report[11] = 1; /* SCL low time-out, 25 ms: SMBus 3.1 section 4.2.5 */
  report[12] = 0; /* one try more; 0 would mean without end */
  report[13] = 1;
  return set_feature(chip, report, sizeof report, deadline, err);
}

static const struct pl_usb_chip_desc CHIP = {.what = "CP2112", .ids = IDS, .n_ids = sizeof IDS / sizeof IDS[0], .size = sizeof(struct cp2112), .init = init_chip};

static const struct pl_usb_i2c_desc I2C = {.chip = &CHIP,
                                           .caps = {.flags = PL_I2C_CAP_STRETCH, .max_write = WRITE_MAX, .max_read = READ_MAX, .max_batch = 1},
                                           .set_up = i2c_set_up, .transact = transact};

static enum pl_status i2c_open(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  return pl_usb_i2c_open(bus, args, &I2C, err);
}

static const struct pl_param I2C_PARAMS[] = {
    PL_USB_PARAM_SERIAL,
    PL_USB_PARAM_PATH,
    {.name = "speed", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_FREQUENCY, .fallback = "100 kHz", .min = 10000 * PL_U, .max = 400000 * PL_U, .help = "clock of the bus"},
    {.name = "stop-start", .kind = PL_PARAM_FLAG, .fallback = "false",
     .help = "a chip of revision 1 may send STOP and START in place of a repeated START"},
};

const struct pl_adapter_desc pl_adapter_cp2112_i2c = {
    .name = "cp2112",
    .about = "CP2112 (10c4:ea90) through libusb: writes of 61 bytes, reads of 512, write-reads with 16 written",
    .maturity = PL_EXPERIMENTAL,
    .kind = PL_BUS_I2C,
    .params = I2C_PARAMS,
    .n_params = sizeof I2C_PARAMS / sizeof I2C_PARAMS[0],
    .open = i2c_open,
};

/* --- gpio --- */

static enum pl_status write_pins(struct pl_usb_chip *chip, uint8_t levels, uint8_t mask, pl_time_ns deadline, struct pl_err *err)
{
  uint8_t report[3] = {GPIO_SET, levels, mask};
  return set_feature(chip, report, sizeof report, deadline, err);
}

static enum pl_status read_pins(struct pl_usb_chip *chip, uint8_t levels[PL_USB_PINS_MAX], pl_time_ns deadline, struct pl_err *err)
{
  uint8_t report[2] = {GPIO_GET};
  enum pl_status status = get_feature(chip, report, sizeof report, deadline, err);
  for (int i = 0; i < N_PINS; i++)
    levels[i] = report[1] >> i & 1;
  return status;
}

/* The pin's special function in GPIO_CONFIG: bit 0 pin 7 is a clock, bit 1 pin 0 shows TX, bit 2 pin 1 shows RX (AN495 section 4.2, from memory). */
static uint8_t special_of(uint8_t mask)
{
  return (uint8_t)((mask & 0x80 ? 1 : 0) | (mask & 0x01 ? 2 : 0) | (mask & 0x02 ? 4 : 0));
}

/* A pin takes a level only when it is an output already (AN495 section 4.4), and shows its latch, high after power-on, until then. So that
 * nothing is switched on by that, it becomes an open-drain output first, which at 1 lets go of the line, and push-pull when the level is right. */
static enum pl_status configure(struct pl_usb_chip *chip, const struct pl_usb_pin *pin, bool level, struct pl_err *err)
{
  pl_time_ns deadline = pl_clock_now(chip->clock) + FEATURE_NS;
  uint8_t report[5] = {GPIO_CONFIG}, mask = (uint8_t)(1u << pin->offset);
  enum pl_status status = get_feature(chip, report, sizeof report, deadline, err);
  if (status)
    return status;
  bool was_output = report[1] & mask;
  report[1] = (uint8_t)(pin->output ? report[1] | mask : report[1] & ~mask);
  report[3] = (uint8_t)(report[3] & ~special_of(mask));
  if (pin->output && !was_output) {
    report[2] = (uint8_t)(report[2] & ~mask);
    status = set_feature(chip, report, sizeof report, deadline, err);
  }
  if (!status && pin->output)
    status = write_pins(chip, level ? mask : 0, mask, deadline, err);
  report[2] = (uint8_t)(pin->open_drain ? report[2] & ~mask : report[2] | mask);
  return status ? status : set_feature(chip, report, sizeof report, deadline, err);
}

static const struct pl_usb_gpio_desc PINS = {.chip = &CHIP, .caps = PL_GPIO_CAP_DRIVE, .n_pins = N_PINS, .read = read_pins, .write = write_pins,
                                             .configure = configure};

static enum pl_status gpio_open(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  return pl_usb_gpio_open(bus, args, &PINS, err);
}

static const struct pl_param GPIO_PARAMS[] = {
    PL_USB_PARAM_SERIAL,
    PL_USB_PARAM_PATH,
    PL_USB_GPIO_PARAM_LINES("0 to 7"),
};

const struct pl_adapter_desc pl_adapter_cp2112_gpio = {
    .name = "cp2112",
    .about = "the 8 pins of a CP2112 (10c4:ea90) through libusb; no edges",
    .maturity = PL_EXPERIMENTAL,
    .kind = PL_BUS_GPIO,
    .params = GPIO_PARAMS,
    .n_params = sizeof GPIO_PARAMS / sizeof GPIO_PARAMS[0],
    .open = gpio_open,
};

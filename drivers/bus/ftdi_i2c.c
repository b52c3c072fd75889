/* SPDX-License-Identifier: Apache-2.0 */
/* The adapter "ftdi-mpsse" of an I2C bus. */
#include "drivers/bus/ftdi.h"

extern const struct pl_adapter_desc pl_adapter_ftdi_mpsse_i2c;

#define BATCH_MAX 1024           /* transactions a call: 130 ms of read-words at 400 kHz */
#define SENSE_PIN 0x80           /* AD7 */
#define GRACE_NS (20 * PL_MS)    /* USB's, for what is on the wire when the deadline comes */

struct i2c {
  struct pl_usb_user user;
  struct pl_bus *bus;
  struct pl_i2c_caps caps;
  bool stretch;
};

static const struct pl_i2c_caps *i2c_caps(void *self)
{
  return &((struct i2c *)self)->caps;
}

/* --- transfers --- */

/* Keeps two chunks on their way, as long as their replies fit the chip: a full reply buffer would stop the wire. Once there was one, a bus that
 * waits for the chip ends it at the next STOP. */
static enum pl_status feed(struct pl_ftdi *f, struct pl_mpsse_i2c *run, size_t *chunks, pl_time_ns deadline, struct pl_err *err)
{
  uint8_t *room;
  while ((room = pl_ftdi_stream_room(f->stream)) && pl_ftdi_stream_owed(f->stream) <= f->fifo / 2) {
    bool late = pl_clock_now(f->chip.clock) > deadline; /* then only what is begun is ended */
    bool finish = late || (*chunks && pl_ftdi_wanted(f));
    size_t replies, len = pl_mpsse_i2c_encode(run, finish, room, PL_FTDI_CHUNK, f->fifo / 2, &replies);
    if (!len)
      return late && pl_mpsse_i2c_between(run) && !pl_mpsse_i2c_done(run)
                 ? pl_fail(err, PL_E_TIMEOUT, "the deadline passed before the transaction with 0x%02x was begun", pl_mpsse_i2c_address(run))
                 : PL_OK;
    enum pl_status status = pl_ftdi_stream_send(f->stream, len, replies, err);
    if (status)
      return status;
    ++*chunks;
  }
  return PL_OK;
}

static enum pl_status fail_wait(const struct i2c *i2c, const struct pl_mpsse_i2c *run, const struct pl_err *why, struct pl_err *err)
{
  if (why->status != PL_E_TIMEOUT)
    return pl_fail(err, why->status, "%s", why->text);
  return pl_fail(err, PL_E_TIMEOUT, "no end of the transaction with 0x%02x before the deadline: %s", pl_mpsse_i2c_address(run),
                 i2c->stretch ? "the device holds the clock (or AD7 is not wired to SCL)" : "the adapter does not answer");
}

/* To the end of the list, or to where another bus may come between. */
static enum pl_status drive(struct i2c *i2c, struct pl_mpsse_i2c *run, pl_time_ns deadline, struct pl_err *err)
{
  struct pl_ftdi *f = pl_ftdi_of(&i2c->user);
  pl_time_ns in_flight = 2 * PL_FTDI_CHUNK * PL_S / i2c->caps.speed_hz; /* a command byte is about a clock */
  pl_time_ns end = deadline > PL_NEVER - in_flight - GRACE_NS ? PL_NEVER : deadline + in_flight + GRACE_NS;
  for (size_t chunks = 0; !pl_mpsse_i2c_done(run);) {
    struct pl_err why = {0};
    enum pl_status status = feed(f, run, &chunks, deadline, err);
    if (status || (chunks && pl_mpsse_i2c_between(run)))
      return status;
    if (pl_ftdi_stream_wait(f->stream, end, &why))
      return fail_wait(i2c, run, &why, err);
    size_t len;
    const uint8_t *bytes = pl_ftdi_stream_bytes(f->stream, &len);
    pl_ftdi_stream_drop(f->stream, pl_mpsse_i2c_decode(run, bytes, len));
  }
  return PL_OK;
}

/* Replies that nobody asked for. */
static enum pl_status check_surplus(struct pl_ftdi *f, const struct pl_mpsse_i2c *run, struct pl_err *err)
{
  size_t len;
  (void)pl_ftdi_stream_bytes(f->stream, &len);
  if (!len)
    return PL_OK;
  return pl_fail(err, PL_E_GARBAGE, "the adapter answered %zu bytes too many to what began with address 0x%02x", len, run->list[0].msgs[0].address);
}

/* One stay in the chip. */
static enum pl_status take_turn(struct i2c *i2c, struct pl_mpsse_i2c *run, pl_time_ns deadline, struct pl_err *why)
{
  struct pl_ftdi *f = pl_ftdi_of(&i2c->user);
  struct pl_err ignored = {0};
  enum pl_status status = pl_ftdi_enter(&i2c->user, deadline, why);
  if (status)
    return status;
  uint8_t address = pl_mpsse_i2c_address(run);
  run->wires = f->wires; /* with what the other bus's lines are now */
  status = drive(i2c, run, deadline, why);
  bool clean = status == PL_E_TIMEOUT && pl_mpsse_i2c_between(run); /* nothing of it was sent */
  if (!status)
    status = check_surplus(f, run, why);
  enum pl_status synced = status && status != PL_E_GONE && !clean ? pl_ftdi_resync(f, &ignored) : PL_OK;
  if (synced == PL_E_GONE)
    status = pl_fail(why, PL_E_GONE, "%s", ignored.text);
  else if (synced && status == PL_E_TIMEOUT) /* then it was no device that held the clock */
    pl_fail(why, status, "no end of the transaction with 0x%02x before the deadline: the adapter does not answer", address);
  pl_ftdi_leave(&i2c->user, status, why);
  return status;
}

static enum pl_status i2c_transfer(void *self, struct pl_i2c_transfer *list, size_t count, pl_time_ns deadline, struct pl_err *err)
{
  struct i2c *i2c = self;
  struct pl_err why = {0}, first = {0};
  struct pl_mpsse_i2c run;
  enum pl_status status = PL_OK;
  pl_mpsse_i2c_begin(&run, &(struct pl_mpsse_wires){0}, list, count, &first);
  while (!status && !pl_mpsse_i2c_done(&run))
    status = take_turn(i2c, &run, deadline, &why);
  if (status == PL_E_GARBAGE) { /* there were more replies than belong to the list: which is whose is in doubt for all of it */
    for (size_t i = 0; i < count; i++)
      list[i].status = status;
    first = why;
    run.first = status;
  } else if (status) {
    pl_mpsse_i2c_abort(&run, &why);
  }
  return run.first ? pl_ftdi_fail(pl_ftdi_of(&i2c->user), &first, err) : PL_OK;
}

static enum pl_status recover(struct pl_ftdi *f, pl_time_ns deadline, struct pl_err *err)
{
  uint8_t commands[PL_MPSSE_RECOVER_ROOM], replies[PL_MPSSE_RECOVER_REPLIES];
  size_t len = pl_mpsse_i2c_recovery(&f->wires, commands);
  enum pl_status status = pl_ftdi_exchange(f, commands, len, replies, sizeof replies, deadline, err);
  if (!status)
    return pl_mpsse_i2c_free(replies[sizeof replies - 1], "after nine clocks and a STOP", err);
  struct pl_err ignored = {0};
  if (status != PL_E_GONE && pl_ftdi_resync(f, &ignored) == PL_E_GONE)
    status = pl_fail(err, PL_E_GONE, "%s", ignored.text);
  return status;
}

static enum pl_status i2c_recover(void *self, struct pl_err *err)
{
  struct i2c *i2c = self;
  struct pl_ftdi *f = pl_ftdi_of(&i2c->user);
  struct pl_err why = {0};
  pl_time_ns deadline = pl_bus_deadline(i2c->bus);
  enum pl_status status = pl_ftdi_enter(&i2c->user, deadline, &why);
  if (status)
    return pl_ftdi_fail(f, &why, err);
  status = recover(f, deadline, &why);
  pl_ftdi_leave(&i2c->user, status, &why);
  return status ? pl_ftdi_fail(f, &why, err) : PL_OK;
}

static const struct pl_i2c_ops OPS = {.caps = i2c_caps, .transfer = i2c_transfer, .recover = i2c_recover};

/* --- open and close --- */

/* The bus's part of the chip, after each open; entered. */
static enum pl_status i2c_set_up(void *self, struct pl_err *err)
{
  struct i2c *i2c = self;
  struct pl_ftdi *f = pl_ftdi_of(&i2c->user);
  unsigned needs = PL_MPSSE_I2C_PINS | (i2c->stretch ? SENSE_PIN : 0);
  if (f->requested & needs)
    return pl_ftdi_refuse(f, pl_fail(err, PL_E_USAGE, "%s: the I2C bus needs AD0, AD1 and AD2%s, and a GPIO line is on one of them", f->chip.where,
                                     i2c->stretch ? ", and AD7 to sense SCL," : ""));
  if (f->i2c && f->i2c != i2c)
    return pl_ftdi_refuse(f, pl_fail(err, PL_E_USAGE, "%s: two I2C buses are on one channel", f->chip.where));
  f->i2c = i2c;
  f->stretch = i2c->stretch;
  f->divisor = pl_mpsse_i2c_timing(i2c->caps.speed_hz, &f->wires);
  enum pl_status status = pl_ftdi_set_up(f, err);
  if (status)
    f->i2c = NULL;
  return status;
}

static enum pl_status i2c_reopen(void *self, struct pl_err *err)
{
  return pl_usb_user_reopen(&((struct i2c *)self)->user, err);
}

static void i2c_close(void *self)
{
  struct i2c *i2c = self;
  struct pl_ftdi *f = pl_ftdi_of(&i2c->user);
  struct pl_err ignored = {0};
  if (f->users > 1 && !pl_ftdi_enter(&i2c->user, PL_NEVER, &ignored)) { /* GPIO stays: SCL and SDA are let go */
    f->i2c = NULL;
    pl_ftdi_leave(&i2c->user, pl_ftdi_configure(f, &ignored), &ignored);
  }
  pl_ftdi_close(&i2c->user);
  free(i2c);
}

static const struct pl_param PARAMS[] = {
    PL_USB_PARAM_SERIAL,
    PL_USB_PARAM_PATH,
    PL_FTDI_PARAM_CHANNEL,
    {.name = "speed", .help = "clock of the bus: 100 kHz, 400 kHz, 1 MHz or between", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_FREQUENCY, .fallback = "400 kHz",
     .min = 10000 * PL_U, .max = 1000000 * PL_U},
    {.name = "stretch",
     .help = "wait for devices that stretch the clock: wire AD7 to SCL (and on an FT2232H or FT4232H put a Schottky diode into AD0, cathode to the chip)",
     .kind = PL_PARAM_FLAG,
     .fallback = "off"},
    PL_FTDI_PARAM_LATENCY,
};

static enum pl_status i2c_open(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  struct i2c *i2c = calloc(1, sizeof *i2c);
  if (!i2c)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the adapter of %s", args->bus_name);
  i2c->bus = bus;
  i2c->stretch = pl_value(args->values, "stretch")->number;
  i2c->caps = (struct pl_i2c_caps){.flags = PL_I2C_CAP_ANY_LIST | PL_I2C_CAP_RECV_LEN | PL_I2C_CAP_RECOVER | (i2c->stretch ? PL_I2C_CAP_STRETCH : 0),
                                   .max_batch = BATCH_MAX,
                                   .speed_hz = (uint32_t)(pl_value(args->values, "speed")->number / PL_U)};
  enum pl_status status = pl_ftdi_open(&i2c->user, bus, args, i2c_set_up, i2c, err);
  if (status) {
    free(i2c);
    return status;
  }
  pl_bus_attach(bus, &OPS, i2c, i2c_close, false);
  pl_bus_set_reopen(bus, i2c_reopen);
  return PL_OK;
}

const struct pl_adapter_desc pl_adapter_ftdi_mpsse_i2c = {
    .name = "ftdi-mpsse",
    .about = "FT232H, FT2232H or FT4232H through libftdi: many transactions in one USB write",
    .maturity = PL_EXPERIMENTAL,
    .kind = PL_BUS_I2C,
    .params = PARAMS,
    .n_params = sizeof PARAMS / sizeof PARAMS[0],
    .open = i2c_open,
};

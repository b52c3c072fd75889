/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/ftdi.h"

#include <ftdi.h>
#include <string.h>

#define CONTROL_MS 300            /* a control request's time-out */
#define SYNC_NS (200 * PL_MS)     /* for the answer to a bad opcode; tried SYNC_TRIES times */
#define SYNC_TRIES 3
#define SETTINGS_NS (300 * PL_MS)
#define BAD_OPCODE 0xFA           /* AN_108 section 3.1: 0xFA and the opcode answer one that is unknown */

/* AN_108 sections 3.6 to 3.8; AN_108 calls 0x9E "set I/O to only drive on a '0' and tristate on a '1'" */
enum { LOOPBACK_OFF = 0x85, SET_DIVISOR = 0x86, DIVIDE_BY_5_OFF = 0x8A, THREE_PHASE_ON = 0x8C, THREE_PHASE_OFF = 0x8D, ADAPTIVE_ON = 0x96, ADAPTIVE_OFF = 0x97,
       DRIVE_ZERO = 0x9E };

const char *const pl_ftdi_channels[] = {"A", "B", "C", "D", NULL};

static const struct {
  uint16_t release; /* bcdDevice */
  const char *name;
  enum ftdi_chip_type type;
  bool open_drain;
  unsigned lines;
  size_t fifo;
} CHIPS[] = {
    {0x0900, "FT232H", TYPE_232H, true, 16, 1024},
    {0x0700, "FT2232H", TYPE_2232H, false, 16, 4096},
    {0x0800, "FT4232H", TYPE_4232H, false, 8, 2048},
};
#define N_CHIPS (sizeof CHIPS / sizeof CHIPS[0])

struct pl_ftdi *pl_ftdi_of(const struct pl_usb_user *user)
{
  return (struct pl_ftdi *)user->chip;
}

enum pl_status pl_ftdi_fail(const struct pl_ftdi *f, const struct pl_err *why, struct pl_err *err)
{
  bool named = !strncmp(why->text, f->chip.where, strlen(f->chip.where));
  return pl_fail(err, why->status, "%s%s%s", named ? "" : f->chip.where, named ? "" : ": ", why->text);
}

/* --- control requests --- */

static enum pl_status fail_ftdi(struct pl_ftdi *f, const char *what, struct pl_err *err)
{
  uint8_t config;
  struct pl_err why = {0}; /* libftdi does not pass on what libusb said */
  pl_time_ns deadline = pl_clock_now(f->chip.clock) + CONTROL_MS * PL_MS;
  if (pl_usb_control(f->chip.usb, 0x80, 0x08, 0, 0, &config, 1, deadline, NULL, &why) == PL_E_GONE) /* GET_CONFIGURATION, USB 2.0 section 9.4.2 */
    return pl_fail(err, PL_E_GONE, "%s", why.text);
  return pl_fail(err, PL_E_IO, "%s: %s: %s", f->chip.where, what, ftdi_get_error_string(f->ctx));
}

static enum pl_status reset_channel(struct pl_ftdi *f, struct pl_err *err)
{
  unsigned char latency = (unsigned char)(f->latency_ms ? f->latency_ms : 16);
  if (ftdi_usb_reset(f->ctx)) /* of the channel: SIO reset, not the USB device's */
    return fail_ftdi(f, "reset of the channel", err);
  if (ftdi_set_latency_timer(f->ctx, latency))
    return fail_ftdi(f, "latency timer", err);
  if (ftdi_set_bitmode(f->ctx, 0, BITMODE_RESET))
    return fail_ftdi(f, "leaving the old mode", err);
  if (ftdi_tcioflush(f->ctx))
    return fail_ftdi(f, "emptying the buffers", err);
  if (ftdi_set_event_char(f->ctx, 0, 0) || ftdi_set_error_char(f->ctx, 0, 0))
    return fail_ftdi(f, "switching event characters off", err);
  if (ftdi_set_bitmode(f->ctx, 0, BITMODE_MPSSE))
    return fail_ftdi(f, "MPSSE mode", err);
  return PL_OK;
}

/* --- the command stream --- */

enum pl_status pl_ftdi_exchange(struct pl_ftdi *f, const uint8_t *commands, size_t len, uint8_t *replies, size_t n, pl_time_ns deadline,
                                struct pl_err *err)
{
  size_t have;
  enum pl_status status = PL_OK;
  while (!status && !pl_ftdi_stream_room(f->stream))
    status = pl_ftdi_stream_wait(f->stream, deadline, err);
  if (status)
    return status;
  memcpy(pl_ftdi_stream_room(f->stream), commands, len);
  status = pl_ftdi_stream_send(f->stream, len, n, err);
  if (!status)
    status = pl_ftdi_stream_want(f->stream, n, deadline, err);
  if (status)
    return status;
  const uint8_t *bytes = pl_ftdi_stream_bytes(f->stream, &have);
  if (have > n)
    return pl_fail(err, PL_E_GARBAGE, "%s answered %zu bytes where %zu were expected", f->chip.where, have, n);
  memcpy(replies, bytes, n);
  pl_ftdi_stream_drop(f->stream, n);
  return PL_OK;
}

/* Sends an opcode that there is not, and looks for its answer behind whatever older bytes there may be. */
static enum pl_status sync_once(struct pl_ftdi *f, uint8_t opcode, struct pl_err *err)
{
  const uint8_t commands[] = {opcode, PL_MPSSE_SEND_IMMEDIATE};
  uint8_t *room = pl_ftdi_stream_room(f->stream);
  if (!room)
    return pl_fail(err, PL_E_TIMEOUT, "%s takes no commands", f->chip.where);
  memcpy(room, commands, sizeof commands);
  size_t others = 0;
  enum pl_status status = pl_ftdi_stream_send(f->stream, sizeof commands, 2, err);
  for (pl_time_ns deadline = pl_clock_now(f->chip.clock) + SYNC_NS; !status;) {
    size_t have;
    const uint8_t *bytes = pl_ftdi_stream_bytes(f->stream, &have);
    if (have >= 2 && bytes[have - 2] == BAD_OPCODE && bytes[have - 1] == opcode) {
      pl_ftdi_stream_drop(f->stream, have);
      return PL_OK;
    }
    if (have >= 2) {
      pl_ftdi_stream_drop(f->stream, have - 1);
      others += have - 1;
    }
    pl_ftdi_stream_expect(f->stream, 2); /* what came late was not this answer, though it was counted as such */
    status = pl_ftdi_stream_wait(f->stream, deadline, err);
  }
  if (status == PL_E_TIMEOUT && others)
    return pl_fail(err, PL_E_GARBAGE, "it answers an unknown opcode with %zu bytes that are not 0x%02x 0x%02x", others + 1, BAD_OPCODE, opcode);
  return status;
}

static enum pl_status sync_up(struct pl_ftdi *f, struct pl_err *err)
{
  struct pl_err why = {0};
  for (int i = 0; i < SYNC_TRIES; i++) {
    enum pl_status status = sync_once(f, 0xAA, &why);
    if (!status)
      status = sync_once(f, 0xAB, &why);
    if (!status)
      return PL_OK;
    if (status == PL_E_GONE)
      return pl_fail(err, status, "%s", why.text);
    (void)pl_ftdi_stream_stop(f->stream);
  }
  return pl_fail(err, PL_E_IO, "%s does not answer as it must in MPSSE mode (%.200s); unplug it and plug it in again", f->chip.where, why.text);
}

size_t pl_ftdi_pins(const struct pl_ftdi *f, uint8_t *commands)
{
  uint8_t value = (uint8_t)f->value, dir = (uint8_t)f->dir;
  size_t len = 0;
  if (f->i2c)
    pl_mpsse_i2c_idle(&f->wires, &value, &dir);
  commands[len++] = PL_MPSSE_SET_LOW;
  commands[len++] = value;
  commands[len++] = dir;
  if (f->lines <= 8)
    return len;
  commands[len++] = PL_MPSSE_SET_HIGH;
  commands[len++] = (uint8_t)(f->value >> 8);
  commands[len++] = (uint8_t)(f->dir >> 8);
  return len;
}

enum pl_status pl_ftdi_configure(struct pl_ftdi *f, struct pl_err *err)
{
  uint8_t commands[32], pins;
  size_t n = 0;
  commands[n++] = DIVIDE_BY_5_OFF;
  commands[n++] = f->i2c && f->stretch ? ADAPTIVE_ON : ADAPTIVE_OFF;
  commands[n++] = f->i2c ? THREE_PHASE_ON : THREE_PHASE_OFF;
  commands[n++] = SET_DIVISOR;
  commands[n++] = (uint8_t)f->divisor;
  commands[n++] = (uint8_t)(f->divisor >> 8);
  if (f->open_drain) {
    commands[n++] = DRIVE_ZERO;
    commands[n++] = f->i2c ? PL_MPSSE_I2C_PINS : 0;
    commands[n++] = 0;
  }
  f->wires.open_drain = f->open_drain;
  f->wires.value = (uint8_t)(f->value & 0xF8);
  f->wires.dir = (uint8_t)(f->dir & 0xF8);
  n += pl_ftdi_pins(f, commands + n);
  commands[n++] = LOOPBACK_OFF;
  commands[n++] = PL_MPSSE_GET_LOW; /* an answer shows that all before it was understood */
  commands[n++] = PL_MPSSE_SEND_IMMEDIATE;
  return pl_ftdi_exchange(f, commands, n, &pins, 1, pl_clock_now(f->chip.clock) + SETTINGS_NS, err);
}

enum pl_status pl_ftdi_resync(struct pl_ftdi *f, struct pl_err *err)
{
  f->chip.dirty = true;
  if (!pl_ftdi_stream_stop(f->stream))
    return pl_fail(err, PL_E_IO, "%s: a transfer does not end; unplug the adapter", f->chip.where);
  enum pl_status status = reset_channel(f, err);
  if (!status)
    status = sync_up(f, err);
  if (!status)
    status = pl_ftdi_configure(f, err);
  f->chip.dirty = status != PL_OK;
  return status;
}

/* --- open and close --- */

static void shut(struct pl_ftdi *f)
{
  pl_ftdi_stream_free(f->stream);
  f->stream = NULL;
  if (f->ctx) {
    ftdi_set_usbdev(f->ctx, NULL); /* the handle is pl_usb's */
    ftdi_free(f->ctx);
  }
  f->ctx = NULL;
}

static enum pl_status identify(struct pl_ftdi *f, struct pl_err *err)
{
  const struct pl_usb_info *info = pl_usb_info(f->chip.usb);
  for (size_t i = 0; i < N_CHIPS; i++)
    if (CHIPS[i].release == info->release) {
      f->name = CHIPS[i].name;
      f->open_drain = CHIPS[i].open_drain;
      f->lines = CHIPS[i].lines;
      f->fifo = CHIPS[i].fifo;
      f->ctx->type = CHIPS[i].type;
      return PL_OK;
    }
  return pl_fail(err, PL_E_UNSUPPORTED, "%s has release %x.%02x: no FT232H, FT2232H or FT4232H (an FT2232C or D has no three-phase clock, which I2C needs)",
                 f->chip.where, info->release >> 8, info->release & 0xff);
}

static enum pl_status open_channel(struct pl_ftdi *f, struct pl_err *err)
{
  int interface = f->chip.desc->interface;
  f->ctx = ftdi_new();
  if (!f->ctx || ftdi_set_interface(f->ctx, interface ? INTERFACE_B : INTERFACE_A))
    return pl_fail(err, PL_E_NOMEM, "out of memory for %s", f->chip.where);
  ftdi_set_usbdev(f->ctx, pl_usb_handle(f->chip.usb));
  f->ctx->usb_read_timeout = f->ctx->usb_write_timeout = CONTROL_MS;
  enum pl_status status = identify(f, err);
  if (!status)
    status = pl_ftdi_stream_new(f->chip.usb, f->chip.clock, interface, &f->stream, err);
  return status ? status : pl_ftdi_resync(f, err);
}

/* After each open: nothing is driven; each bus sets up its own part. */
static enum pl_status init_chip(struct pl_usb_chip *chip, struct pl_err *err)
{
  struct pl_ftdi *f = (struct pl_ftdi *)chip;
  if (!f->has_turn)
    pthread_mutex_init(&f->turn, NULL);
  f->has_turn = true;
  f->i2c = NULL;
  f->value = f->dir = 0;
  enum pl_status status = open_channel(f, err);
  if (status)
    shut(f);
  return status;
}

static const struct pl_usb_id IDS[] = {{0x0403, 0x6010}, {0x0403, 0x6011}, {0x0403, 0x6014}}; /* the last has no channel B */
static const struct pl_usb_chip_desc CHANNELS[] = {
    {.what = "FTDI H chip (channel A)", .ids = IDS, .n_ids = 3, .interface = 0, .size = sizeof(struct pl_ftdi), .init = init_chip},
    {.what = "FTDI H chip (channel B)", .ids = IDS, .n_ids = 2, .interface = 1, .size = sizeof(struct pl_ftdi), .init = init_chip},
};

static enum pl_status set_latency(struct pl_usb_user *user, unsigned ms, struct pl_err *err)
{
  struct pl_ftdi *f = pl_ftdi_of(user);
  enum pl_status status = pl_ftdi_enter(user, PL_NEVER, err);
  if (status)
    return status;
  if (f->latency_ms && f->latency_ms != ms && f->users > 1)
    status = pl_fail(err, PL_E_USAGE, "%s: two buses ask for different latencies, %u ms and %u ms; say the same", f->chip.where, f->latency_ms, ms);
  else if (ftdi_set_latency_timer(f->ctx, (unsigned char)ms))
    status = fail_ftdi(f, "latency timer", err);
  else
    f->latency_ms = ms;
  pl_ftdi_leave(user, status, err);
  return status;
}

enum pl_status pl_ftdi_open(struct pl_usb_user *user, struct pl_bus *bus, const struct pl_adapter_args *args,
                            enum pl_status (*set_up)(void *self, struct pl_err *err), void *self, struct pl_err *err)
{
  const struct pl_value *channel = pl_value(args->values, "channel");
  if (channel->number > 1)
    return pl_fail(err, PL_E_USAGE, "channel %s of an FT4232H has no MPSSE, it is a serial port; I2C and GPIO are on A and B",
                   pl_ftdi_channels[channel->number]);
  if (pl_clock_is_virtual(pl_bus_clock(bus)))
    return pl_fail(err, PL_E_USAGE, "%s: hardware lives in real time; on a virtual clock use the adapter 'twin'", args->bus_name);
  enum pl_status status = pl_usb_user_open(user, bus, args, &CHANNELS[channel->number], set_up, self, err);
  if (status)
    return status;
  pl_ftdi_of(user)->users++; /* loop's thread only */
  status = set_latency(user, (unsigned)(pl_value(args->values, "latency")->number / 1000), err);
  struct pl_err ignored = {0};
  if (status && pl_ftdi_of(user)->i2c == self && !pl_ftdi_enter(user, PL_NEVER, &ignored)) {
    pl_ftdi_of(user)->i2c = NULL;
    pl_ftdi_leave(user, pl_ftdi_configure(pl_ftdi_of(user), &ignored), &ignored);
  }
  if (status)
    pl_ftdi_close(user);
  return status;
}

enum pl_status pl_ftdi_set_up(struct pl_ftdi *f, struct pl_err *err)
{
  enum pl_status status = pl_ftdi_configure(f, err);
  if (status == PL_E_GONE || (status && !f->users))
    shut(f);
  return status;
}

enum pl_status pl_ftdi_refuse(struct pl_ftdi *f, enum pl_status status)
{
  if (!f->users)
    shut(f);
  return status;
}

void pl_ftdi_close(struct pl_usb_user *user)
{
  struct pl_ftdi *f = pl_ftdi_of(user);
  if (--f->users == 0) { /* no other bus's worker can be in the chip */
    if (f->stream && !f->chip.away) {
      f->i2c = NULL;
      f->dir = 0;
      struct pl_err ignored = {0};
      (void)pl_ftdi_configure(f, &ignored); /* pins first: leaving the mode may not make them inputs on every chip */
      (void)ftdi_set_bitmode(f->ctx, 0, BITMODE_RESET);
    }
    shut(f);
    pthread_mutex_destroy(&f->turn);
    f->has_turn = false;
  }
  pl_usb_user_close(user);
}

/* --- enter and leave --- */

enum pl_status pl_ftdi_enter(struct pl_usb_user *user, pl_time_ns deadline, struct pl_err *err)
{
  struct pl_ftdi *f = pl_ftdi_of(user);
  atomic_fetch_add(&f->waiting, 1);
  pthread_mutex_lock(&f->turn);
  enum pl_status status = pl_usb_enter(user, err);
  pthread_mutex_unlock(&f->turn);
  atomic_fetch_sub(&f->waiting, 1);
  if (status)
    return status;
  if (pl_clock_now(f->chip.clock) > deadline)
    status = pl_fail(err, PL_E_TIMEOUT, "%s was busy with its other bus until the deadline", f->chip.where);
  else if (f->chip.dirty)
    status = pl_ftdi_resync(f, err);
  if (status)
    pl_ftdi_leave(user, status, err);
  return status;
}

bool pl_ftdi_wanted(struct pl_ftdi *f)
{
  return atomic_load(&f->waiting) > 0;
}

void pl_ftdi_leave(struct pl_usb_user *user, enum pl_status status, const struct pl_err *err)
{
  if (status == PL_E_GONE)
    shut(pl_ftdi_of(user)); /* its transfers must be reaped before the handle is closed */
  pl_usb_leave(user, status, err);
}

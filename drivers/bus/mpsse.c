/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/mpsse.h"

#include <assert.h>

/* Opcodes by FTDI AN_108 "Command Processor for MPSSE and MCU Host Bus Emulation Modes", section 3. Lengths are less one. */
#define WRITE_BYTES 0x11   /* out on the falling edge, MSB first */
#define WRITE_BITS 0x13
#define READ_BYTES 0x20    /* in on the rising edge */
#define READ_BITS 0x22
#define EXCHANGE_BYTES 0x31 /* both */

/* A pin command takes 0.5 us and more on an FT2232H (measured by pyftdi's author: ftdi.py, mpsse_bit_delay); half of that is counted on. */
#define PIN_COMMAND_NS 250
#define STEP_MAX 256 /* bytes that one step encodes to; the longest is a STOP at 100 kHz, about 130 */

/* UM10204 rev. 7, table 10: tHD;STA tSU;STA tSU;STO tBUF in ns. tLOW is the same as tBUF. */
static const struct {
  uint32_t up_to_hz;
  uint16_t hold, setup, stop, rest;
} TIMES[] = {{100000, 4000, 4700, 4000, 4700}, {400000, 600, 600, 600, 1300}, {1000000, 260, 260, 260, 500}};
#define N_TIMES (sizeof TIMES / sizeof TIMES[0])

static uint8_t commands(int64_t ns)
{
  int64_t n = (ns + PIN_COMMAND_NS - 1) / PIN_COMMAND_NS;
  return (uint8_t)(n < 1 ? 1 : n);
}

uint16_t pl_mpsse_i2c_timing(uint32_t speed_hz, struct pl_mpsse_wires *wires)
{
  size_t row = 0;
  while (row + 1 < N_TIMES && speed_hz > TIMES[row].up_to_hz)
    row++;
  uint32_t divisor = (20000000 + speed_hz - 1) / speed_hz - 1; /* never faster than asked */
  /* A clock is three equal phases, low, high, low: the last is part of tLOW already. (At 100 kHz that makes tHIGH 3.3 us where table 10 has 4.0: the
   * price of three phases, which everybody pays; a chip that minds wants 83 kHz.) */
  int64_t phase_ns = (divisor + 1) * 50 / 3;
  wires->hold = commands(TIMES[row].hold);
  wires->setup = commands(TIMES[row].setup);
  wires->stop = commands(TIMES[row].stop);
  wires->rest = commands(TIMES[row].rest);
  wires->low = commands(TIMES[row].rest - phase_ns);
  return (uint16_t)divisor;
}

/* --- pins --- */

struct writer {
  const struct pl_mpsse_wires *wires;
  uint8_t *bytes;
  size_t len;
};

static void put(struct writer *w, uint8_t byte)
{
  w->bytes[w->len++] = byte;
}

static void put_low(struct writer *w, uint8_t value, uint8_t dir)
{
  put(w, PL_MPSSE_SET_LOW);
  put(w, (uint8_t)(value | w->wires->value));
  put(w, (uint8_t)(dir | w->wires->dir));
}

/* Both lines, for as long as n pin commands take. high: let go (SCL of a chip without open drain is driven during a transaction: it clocks that way). */
static void put_lines(struct writer *w, bool scl, bool sda, unsigned n)
{
  uint8_t level = scl ? PL_MPSSE_SCL : 0;
  for (unsigned i = 0; i < n; i++)
    if (w->wires->open_drain)
      put_low(w, (uint8_t)(level | (sda ? PL_MPSSE_SDA_OUT : 0)), PL_MPSSE_SCL | PL_MPSSE_SDA_OUT);
    else
      put_low(w, level, (uint8_t)(PL_MPSSE_SCL | (sda ? 0 : PL_MPSSE_SDA_OUT)));
}

void pl_mpsse_i2c_idle(const struct pl_mpsse_wires *wires, uint8_t *value, uint8_t *dir)
{
  uint8_t lines = PL_MPSSE_SCL | PL_MPSSE_SDA_OUT;
  *value = (uint8_t)(wires->value | (wires->open_drain ? lines : PL_MPSSE_SCL));
  *dir = (uint8_t)(wires->dir | (wires->open_drain ? lines : 0));
}

/* --- conditions and bytes --- */

static void put_start(struct writer *w)
{
  put_lines(w, true, false, w->wires->hold);
  put_lines(w, false, false, 1);
}

static void put_restart(struct writer *w)
{
  put_lines(w, false, true, w->wires->low);
  put_lines(w, true, true, w->wires->setup);
  put_start(w);
}

static void put_stop(struct writer *w)
{
  put_lines(w, false, false, w->wires->low);
  put_lines(w, true, false, w->wires->stop);
  put_lines(w, true, true, 1);
  uint8_t value, dir;
  pl_mpsse_i2c_idle(w->wires, &value, &dir);
  for (unsigned i = 0; i < w->wires->rest; i++)
    put_low(w, value, dir);
}

/* One byte out and its acknowledge bit in, with SDA let go after it. */
static void put_byte(struct writer *w, uint8_t opcode, uint8_t byte)
{
  if (!w->wires->open_drain)
    put_lines(w, false, false, 1); /* AD1 drives again */
  put(w, opcode);
  put(w, 0);
  put(w, 0);
  put(w, byte);
  put_lines(w, false, true, 1);
  put(w, READ_BITS);
  put(w, 0);
}

static void put_read(struct writer *w)
{
  put(w, READ_BYTES);
  put(w, 0);
  put(w, 0);
}

static void put_acknowledge(struct writer *w, bool more)
{
  if (more && !w->wires->open_drain)
    put_lines(w, false, false, 1);
  put(w, WRITE_BITS);
  put(w, 0);
  put(w, more ? 0x00 : 0xFF);
  if (more)
    put_lines(w, false, true, 1);
}

/* --- the steps of a list --- */

static const struct pl_i2c_msg *msg_of(const struct pl_mpsse_i2c *run, const struct pl_mpsse_at *at)
{
  return &run->list[at->transfer].msgs[at->msg];
}

static uint8_t address_byte(const struct pl_i2c_msg *msg)
{
  return (uint8_t)(msg->address << 1 | (msg->flags & PL_I2C_READ ? 1 : 0));
}

static void emit(const struct pl_mpsse_i2c *run, struct writer *w)
{
  const struct pl_mpsse_at *at = &run->out;
  const struct pl_i2c_msg *msg = msg_of(run, at);
  switch (at->phase) {
  case PL_MPSSE_BEFORE:
  case PL_MPSSE_AFTER:
    put(w, PL_MPSSE_GET_LOW);
    break;
  case PL_MPSSE_START:
    (at->msg ? put_restart : put_start)(w);
    break;
  case PL_MPSSE_ADDRESS: /* read back while it goes out: another master's low tells that it has the bus */
    put_byte(w, EXCHANGE_BYTES, address_byte(msg));
    break;
  case PL_MPSSE_DATA:
    if (msg->flags & PL_I2C_READ) {
      put_read(w);
      put_acknowledge(w, at->byte + 1 < msg->len);
    } else {
      put_byte(w, WRITE_BYTES, msg->buf[at->byte]);
    }
    break;
  case PL_MPSSE_COUNT:
    put_read(w);
    break;
  case PL_MPSSE_COUNT_ACK:
    put_acknowledge(w, msg->len > 1);
    break;
  case PL_MPSSE_STOP:
    put_stop(w);
    break;
  }
}

static size_t replies_of(enum pl_mpsse_phase phase)
{
  static const uint8_t REPLIES[] = {[PL_MPSSE_BEFORE] = 1, [PL_MPSSE_ADDRESS] = 2, [PL_MPSSE_DATA] = 1, [PL_MPSSE_COUNT] = 1, [PL_MPSSE_AFTER] = 1};
  return REPLIES[phase];
}

static void next_msg(const struct pl_mpsse_i2c *run, struct pl_mpsse_at *at)
{
  at->byte = 0;
  at->phase = ++at->msg < run->list[at->transfer].count ? PL_MPSSE_START : PL_MPSSE_STOP;
  if (at->phase == PL_MPSSE_STOP)
    at->msg = 0;
}

static void next_byte(const struct pl_mpsse_i2c *run, struct pl_mpsse_at *at, size_t byte)
{
  at->byte = byte;
  at->phase = PL_MPSSE_DATA;
  if (byte >= msg_of(run, at)->len)
    next_msg(run, at);
}

static void advance(const struct pl_mpsse_i2c *run, struct pl_mpsse_at *at)
{
  switch (at->phase) {
  case PL_MPSSE_BEFORE:
    at->phase = PL_MPSSE_START;
    break;
  case PL_MPSSE_START:
    at->phase = PL_MPSSE_ADDRESS;
    break;
  case PL_MPSSE_ADDRESS:
    if (msg_of(run, at)->flags & PL_I2C_RECV_LEN)
      at->phase = PL_MPSSE_COUNT;
    else
      next_byte(run, at, 0);
    break;
  case PL_MPSSE_DATA:
    next_byte(run, at, at->byte + 1);
    break;
  case PL_MPSSE_COUNT:
    at->phase = PL_MPSSE_COUNT_ACK;
    break;
  case PL_MPSSE_COUNT_ACK:
    next_byte(run, at, 1);
    break;
  case PL_MPSSE_STOP:
    at->phase = PL_MPSSE_AFTER;
    break;
  case PL_MPSSE_AFTER:
    *at = (struct pl_mpsse_at){.transfer = at->transfer + 1};
    break;
  }
}

static bool same(const struct pl_mpsse_at *a, const struct pl_mpsse_at *b)
{
  return a->transfer == b->transfer && a->msg == b->msg && a->byte == b->byte && a->phase == b->phase;
}

void pl_mpsse_i2c_begin(struct pl_mpsse_i2c *run, const struct pl_mpsse_wires *wires, struct pl_i2c_transfer *list, size_t count, struct pl_err *err)
{
  *run = (struct pl_mpsse_i2c){.wires = *wires, .list = list, .count = count, .err = err};
  for (size_t i = 0; i < count; i++)
    list[i].status = PL_OK;
}

static bool may_emit(const struct pl_mpsse_i2c *run, bool finish)
{
  const struct pl_mpsse_at *out = &run->out;
  if (out->transfer >= run->count || (finish && out->phase == PL_MPSSE_BEFORE))
    return false;
  return out->phase != PL_MPSSE_COUNT_ACK || same(out, &run->in); /* how many bytes follow is known when the count was decoded */
}

size_t pl_mpsse_i2c_encode(struct pl_mpsse_i2c *run, bool finish, uint8_t *bytes, size_t room, size_t max_replies, size_t *replies)
{
  struct writer w = {.wires = &run->wires, .bytes = bytes};
  struct pl_mpsse_at whole = run->out; /* up to here there are whole transactions */
  size_t whole_len = 0, whole_replies = 0, n = 0;
  while (may_emit(run, finish)) {
    size_t more = replies_of(run->out.phase);
    if (w.len + STEP_MAX + 1 > room || n + more > max_replies) {
      if (whole_len) {
        run->out = whole;
        w.len = whole_len;
        n = whole_replies;
      }
      break;
    }
    size_t before = w.len;
    emit(run, &w);
    assert(w.len - before <= STEP_MAX);
    (void)before;
    n += more;
    advance(run, &run->out);
    if (run->out.phase == PL_MPSSE_BEFORE) {
      whole = run->out;
      whole_len = w.len;
      whole_replies = n;
    }
  }
  *replies = n;
  if (w.len)
    put(&w, PL_MPSSE_SEND_IMMEDIATE);
  return w.len;
}

/* --- replies --- */

/* The transaction's first fault stands; the list's first has its sentence. */
static void __attribute__((format(printf, 3, 4))) fault(struct pl_mpsse_i2c *run, enum pl_status status, const char *format, ...)
{
  struct pl_i2c_transfer *t = &run->list[run->in.transfer];
  if (t->status)
    return;
  t->status = status;
  if (run->first)
    return;
  va_list args;
  va_start(args, format);
  run->first = pl_vfail(run->err, status, format, args);
  va_end(args);
}

enum pl_status pl_mpsse_i2c_free(uint8_t pins, const char *when, struct pl_err *err)
{
  if (!(pins & PL_MPSSE_SCL))
    return pl_fail(err, PL_E_STUCK, "SCL is held low %s; find the device that stretches the clock (stretch: on waits for it) or is without power", when);
  if (!(pins & PL_MPSSE_SDA_IN))
    return pl_fail(err, PL_E_STUCK, "SDA is held low %s; a bus recovery may free it", when);
  return PL_OK;
}

static void take_pins(struct pl_mpsse_i2c *run, uint8_t pins)
{
  struct pl_err why = {0};
  char when[64];
  snprintf(when, sizeof when, "%s the transaction with 0x%02x", run->in.phase == PL_MPSSE_BEFORE ? "before" : "after",
           run->list[run->in.transfer].msgs[0].address);
  if (pl_mpsse_i2c_free(pins, when, &why))
    fault(run, why.status, "%s", why.text);
}

static void take_address(struct pl_mpsse_i2c *run, const uint8_t *reply)
{
  const struct pl_i2c_msg *msg = msg_of(run, &run->in);
  uint8_t sent = address_byte(msg), seen = reply[0];
  if (sent && !seen) /* one who went on after the pins were looked at; a master that sent nothing but zeros would call everybody */
    fault(run, PL_E_STUCK, "SDA stays low while address 0x%02x is sent; a bus recovery may free it", msg->address);
  else if (sent & ~seen)
    fault(run, PL_E_ARBITRATION, "another master took the bus while address 0x%02x was sent (SDA read 0x%02x for 0x%02x)", msg->address, seen, sent);
  if (seen & ~sent)
    fault(run, PL_E_IO, "SDA does not follow the adapter while address 0x%02x is sent (0x%02x read for 0x%02x); tie AD1 and AD2 together to SDA",
          msg->address, seen, sent);
  if (reply[1] & 1) /* one bit was shifted in; the others are older (libmpsse issue 3) */
    fault(run, PL_E_NACK, "nobody acknowledged address 0x%02x", msg->address);
}

static void take_count(struct pl_mpsse_i2c *run, uint8_t count)
{
  struct pl_i2c_msg *msg = &run->list[run->in.transfer].msgs[run->in.msg];
  size_t all = 1u + count + (msg->flags & PL_I2C_PEC ? 1u : 0u);
  msg->buf[0] = count;
  if (!count)
    fault(run, PL_E_GARBAGE, "the device at 0x%02x says that its block has 0 bytes", msg->address);
  else if (all > msg->len)
    fault(run, PL_E_GARBAGE, "the device at 0x%02x says that its block has %u bytes; there is room for %u", msg->address, count,
          msg->len - 1u - (msg->flags & PL_I2C_PEC ? 1u : 0u));
  msg->len = (uint16_t)(run->list[run->in.transfer].status ? 1 : all); /* a bad count is not acknowledged, which ends the read */
}

static void take_data(struct pl_mpsse_i2c *run, uint8_t reply)
{
  const struct pl_i2c_msg *msg = msg_of(run, &run->in);
  if (msg->flags & PL_I2C_READ)
    msg->buf[run->in.byte] = reply;
  else if (reply & 1)
    fault(run, PL_E_NACK, "0x%02x did not acknowledge byte %zu of %u written", msg->address, run->in.byte + 1, msg->len);
}

static void take(struct pl_mpsse_i2c *run, const uint8_t *reply)
{
  switch (run->in.phase) {
  case PL_MPSSE_BEFORE:
  case PL_MPSSE_AFTER:
    take_pins(run, reply[0]);
    break;
  case PL_MPSSE_ADDRESS:
    take_address(run, reply);
    break;
  case PL_MPSSE_COUNT:
    take_count(run, reply[0]);
    break;
  case PL_MPSSE_DATA:
    take_data(run, reply[0]);
    break;
  default:
    break;
  }
}

size_t pl_mpsse_i2c_decode(struct pl_mpsse_i2c *run, const uint8_t *bytes, size_t len)
{
  size_t used = 0;
  while (!same(&run->in, &run->out)) {
    size_t n = replies_of(run->in.phase);
    if (used + n > len)
      break;
    take(run, bytes + used);
    used += n;
    advance(run, &run->in);
  }
  return used;
}

bool pl_mpsse_i2c_between(const struct pl_mpsse_i2c *run)
{
  return run->out.phase == PL_MPSSE_BEFORE && same(&run->in, &run->out);
}

bool pl_mpsse_i2c_done(const struct pl_mpsse_i2c *run)
{
  return run->in.transfer >= run->count;
}

uint8_t pl_mpsse_i2c_address(const struct pl_mpsse_i2c *run)
{
  return run->in.transfer < run->count ? msg_of(run, &run->in)->address : 0;
}

void pl_mpsse_i2c_abort(struct pl_mpsse_i2c *run, const struct pl_err *why)
{
  for (size_t i = run->in.transfer; i < run->count; i++)
    if (!run->list[i].status || i > run->in.transfer)
      run->list[i].status = why->status;
  if (!run->first && run->in.transfer < run->count)
    run->first = pl_fail(run->err, why->status, "%s", why->text);
  run->in = run->out = (struct pl_mpsse_at){.transfer = run->count};
}

/* --- recovery --- */

size_t pl_mpsse_i2c_recovery(const struct pl_mpsse_wires *wires, uint8_t *bytes)
{
  struct writer w = {.wires = wires, .bytes = bytes};
  for (int i = 0; i < 9; i++) {
    put_lines(&w, false, true, wires->rest); /* tLOW, which is tBUF's */
    put_lines(&w, true, true, wires->hold);  /* tHIGH, which is tHD;STA's */
    put(&w, PL_MPSSE_GET_LOW);
  }
  put_lines(&w, false, true, 1);
  put_stop(&w);
  put(&w, PL_MPSSE_GET_LOW);
  put(&w, PL_MPSSE_SEND_IMMEDIATE);
  assert(w.len <= PL_MPSSE_RECOVER_ROOM);
  return w.len;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/i2c.h"
#include "drivers/bus/layer.h"
#include "drivers/bus/tap.h"

static const struct pl_i2c_ops *ops_of(const struct pl_bus *bus)
{
  return pl_bus_ops(bus);
}

const struct pl_i2c_caps *pl_i2c_caps(struct pl_bus *bus)
{
  return ops_of(bus)->caps(pl_bus_self(bus));
}

pl_time_ns pl_i2c_wire_ns(const struct pl_i2c_transfer *transfer, uint32_t speed_hz)
{
  if (!speed_hz)
    return 0;
  int64_t clocks = 1; /* STOP */
  for (size_t i = 0; i < transfer->count; i++)
    clocks += 1 + 9 * (1 + (int64_t)transfer->msgs[i].len); /* (repeated) START, then the address and data bytes with their acknowledge bits */
  return clocks * PL_S / speed_hz;
}

static size_t bytes_of(const struct pl_i2c_transfer *transfer)
{
  size_t bytes = 0;
  for (size_t i = 0; i < transfer->count; i++)
    bytes += transfer->msgs[i].len;
  return bytes;
}

/* [write], [read] or [write, read] to one address: what every adapter can. */
static bool is_plain(const struct pl_i2c_transfer *t)
{
  if (t->count == 1)
    return true;
  return t->count == 2 && !(t->msgs[0].flags & PL_I2C_READ) && (t->msgs[1].flags & PL_I2C_READ) && t->msgs[0].address == t->msgs[1].address;
}

static enum pl_status check_msg(const struct pl_bus *bus, const struct pl_i2c_caps *caps, const struct pl_i2c_msg *msg, struct pl_err *err)
{
  const char *name = pl_bus_name(bus);
  bool read = msg->flags & PL_I2C_READ;
  if (msg->address > 0x7f)
    return pl_fail(err, PL_E_USAGE, "i2c address 0x%02x has more than 7 bits", msg->address);
  if (msg->len && !msg->buf)
    return pl_fail(err, PL_E_USAGE, "an i2c message of %u bytes to 0x%02x has no buffer", msg->len, msg->address);
  if (msg->flags & ~(PL_I2C_READ | PL_I2C_RECV_LEN | PL_I2C_PEC))
    return pl_fail(err, PL_E_USAGE, "an i2c message to 0x%02x has unknown flags 0x%02x", msg->address, msg->flags);
  if (read && !msg->len)
    return pl_fail(err, PL_E_USAGE, "an i2c read of 0 bytes from 0x%02x", msg->address);
  if (msg->flags & PL_I2C_PEC && !(msg->flags & PL_I2C_RECV_LEN))
    return pl_fail(err, PL_E_USAGE, "an i2c message to 0x%02x asks for a packet error code without a counted read; read a byte more instead", msg->address);
  if (msg->flags & PL_I2C_RECV_LEN) {
    unsigned least = msg->flags & PL_I2C_PEC ? 3 : 2;
    if (!read || msg->len < least)
      return pl_fail(err, PL_E_USAGE, "a counted i2c read from 0x%02x needs the read flag and room for %u bytes or more", msg->address, least);
    if (!(caps->flags & PL_I2C_CAP_RECV_LEN))
      return pl_fail(err, PL_E_UNSUPPORTED, "the adapter of %s cannot read a block whose length the device tells; read a fixed length instead", name);
  }
  uint16_t max = read ? caps->max_read : caps->max_write;
  if (max && msg->len > max)
    return pl_fail(err, PL_E_UNSUPPORTED, "the adapter of %s %s at most %u bytes a message, this one has %u", name, read ? "reads" : "writes", max, msg->len);
  return PL_OK;
}

static enum pl_status check(const struct pl_bus *bus, const struct pl_i2c_caps *caps, const struct pl_i2c_transfer *t, struct pl_err *err)
{
  if (!t->count || !t->msgs)
    return pl_fail(err, PL_E_USAGE, "an i2c transaction without messages");
  for (size_t i = 0; i < t->count; i++) {
    enum pl_status status = check_msg(bus, caps, &t->msgs[i], err);
    if (status)
      return status;
  }
  if (!(caps->flags & PL_I2C_CAP_ANY_LIST) && !is_plain(t))
    return pl_fail(err, PL_E_UNSUPPORTED, "the adapter of %s can only write, read, or write then read one address in a transaction, not %zu messages",
                   pl_bus_name(bus), t->count);
  return PL_OK;
}

/* One call of the adapter. Counts each transaction; charges them together. */
static enum pl_status hand_over(struct pl_bus *bus, struct pl_i2c_transfer *list, size_t count, struct pl_err *err)
{
  for (size_t i = 0; i < count; i++) {
    list[i].status = PL_OK;
    list[i].wire_ns = 0;
  }
  enum pl_status status = pl_bus_check_deadline(bus, err);
  if (status) {
    for (size_t i = 0; i < count; i++)
      list[i].status = status;
    return status;
  }
  pl_time_ns from = pl_bus_now(bus);
  status = ops_of(bus)->transfer(pl_bus_self(bus), list, count, pl_bus_deadline(bus), err);
  for (size_t i = 0; i < count; i++) {
    pl_bus_charge(bus, list[i].wire_ns);
    pl_bus_count(bus, list[i].status ? 0 : bytes_of(&list[i]), list[i].status);
  }
  pl_tap_i2c(bus, list, count, from, status, err);
  return status;
}

enum pl_status pl_i2c_transfer(struct pl_bus *bus, struct pl_i2c_transfer *list, size_t count, struct pl_err *err)
{
  const struct pl_i2c_caps *caps = pl_i2c_caps(bus);
  for (size_t i = 0; i < count; i++) { /* all are checked before the first byte goes out */
    enum pl_status status = check(bus, caps, &list[i], err);
    if (status)
      return status;
  }
  size_t batch = caps->max_batch > 1 ? caps->max_batch : 1;
  enum pl_status first = PL_OK;
  for (size_t done = 0; done < count; done += batch) {
    struct pl_err ignored = {0};
    size_t part = count - done < batch ? count - done : batch;
    enum pl_status status = hand_over(bus, list + done, part, first ? &ignored : err);
    if (!first)
      first = status;
  }
  return first;
}

enum pl_status pl_i2c_write_read(struct pl_bus *bus, uint8_t address, const uint8_t *out, size_t out_len, uint8_t *in, size_t in_len, struct pl_err *err)
{
  if (out_len > UINT16_MAX || in_len > UINT16_MAX)
    return pl_fail(err, PL_E_USAGE, "an i2c message of more than 65535 bytes to 0x%02x", address);
  struct pl_i2c_msg msgs[2];
  size_t count = 0;
  if (out_len || !in_len) /* an adapter only reads the buffer of a write */
    msgs[count++] = (struct pl_i2c_msg){.address = address, .len = (uint16_t)out_len, .buf = (uint8_t *)(uintptr_t)out};
  if (in_len)
    msgs[count++] = (struct pl_i2c_msg){.address = address, .flags = PL_I2C_READ, .len = (uint16_t)in_len, .buf = in};
  struct pl_i2c_transfer transfer = {.msgs = msgs, .count = count};
  return pl_i2c_transfer(bus, &transfer, 1, err);
}

enum pl_status pl_i2c_recover(struct pl_bus *bus, struct pl_err *err)
{
  const struct pl_i2c_ops *ops = ops_of(bus);
  if (!(pl_i2c_caps(bus)->flags & PL_I2C_CAP_RECOVER) || !ops->recover)
    return pl_fail(err, PL_E_UNSUPPORTED, "the adapter of %s cannot clock a stuck bus free; power-cycle the device that holds it", pl_bus_name(bus));
  enum pl_status status = pl_bus_check_deadline(bus, err);
  if (status)
    return status;
  status = ops->recover(pl_bus_self(bus), err);
  pl_bus_count(bus, 0, status);
  pl_tap_recovery(bus, status, err);
  return status;
}

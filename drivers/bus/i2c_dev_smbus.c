/* SPDX-License-Identifier: Apache-2.0 */
/* Buses of drivers that know SMBus commands and no message lists (PC chipsets, i2c-stub). A list is sent by the command that puts the same bytes on the
 * wire: Documentation/i2c/smbus-protocol.rst. */
#include "drivers/bus/i2c_dev.h"

#include <errno.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>

struct shape { /* of a transaction: how many bytes are written, then read */
  size_t out, in;
  bool counted; /* the read's length is told by the device */
};

enum { ANY = -1 };

static const struct command {
  int out, in;         /* bytes; ANY: up to 33 out (command and 32), 32 in */
  bool counted, block; /* block: out[1] counts what follows it */
  unsigned long function;
  uint32_t size;
  uint8_t direction;
} COMMANDS[] = { /* the first that fits and that the driver has */
    {.out = 0, .in = 0, .function = I2C_FUNC_SMBUS_QUICK, .size = I2C_SMBUS_QUICK, .direction = I2C_SMBUS_WRITE},
    {.out = 1, .in = 0, .function = I2C_FUNC_SMBUS_WRITE_BYTE, .size = I2C_SMBUS_BYTE, .direction = I2C_SMBUS_WRITE},
    {.out = 0, .in = 1, .function = I2C_FUNC_SMBUS_READ_BYTE, .size = I2C_SMBUS_BYTE, .direction = I2C_SMBUS_READ},
    {.out = 2, .in = 0, .function = I2C_FUNC_SMBUS_WRITE_BYTE_DATA, .size = I2C_SMBUS_BYTE_DATA, .direction = I2C_SMBUS_WRITE},
    {.out = 1, .in = 1, .function = I2C_FUNC_SMBUS_READ_BYTE_DATA, .size = I2C_SMBUS_BYTE_DATA, .direction = I2C_SMBUS_READ},
    {.out = 3, .in = 0, .function = I2C_FUNC_SMBUS_WRITE_WORD_DATA, .size = I2C_SMBUS_WORD_DATA, .direction = I2C_SMBUS_WRITE},
    {.out = 1, .in = 2, .function = I2C_FUNC_SMBUS_READ_WORD_DATA, .size = I2C_SMBUS_WORD_DATA, .direction = I2C_SMBUS_READ},
    {.out = 3, .in = 2, .function = I2C_FUNC_SMBUS_PROC_CALL, .size = I2C_SMBUS_PROC_CALL, .direction = I2C_SMBUS_WRITE},
    {.out = 1, .in = ANY, .counted = true, .function = I2C_FUNC_SMBUS_READ_BLOCK_DATA, .size = I2C_SMBUS_BLOCK_DATA, .direction = I2C_SMBUS_READ},
    {.out = ANY, .in = ANY, .counted = true, .block = true, .function = I2C_FUNC_SMBUS_BLOCK_PROC_CALL, .size = I2C_SMBUS_BLOCK_PROC_CALL,
     .direction = I2C_SMBUS_WRITE},
    {.out = ANY, .in = 0, .block = true, .function = I2C_FUNC_SMBUS_WRITE_BLOCK_DATA, .size = I2C_SMBUS_BLOCK_DATA, .direction = I2C_SMBUS_WRITE},
    {.out = ANY, .in = 0, .function = I2C_FUNC_SMBUS_WRITE_I2C_BLOCK, .size = I2C_SMBUS_I2C_BLOCK_DATA, .direction = I2C_SMBUS_WRITE},
    {.out = 1, .in = ANY, .function = I2C_FUNC_SMBUS_READ_I2C_BLOCK, .size = I2C_SMBUS_I2C_BLOCK_DATA, .direction = I2C_SMBUS_READ},
};
#define N_COMMANDS (sizeof COMMANDS / sizeof COMMANDS[0])

void pl_i2c_dev_smbus_caps(unsigned long functions, struct pl_i2c_caps *caps)
{
  caps->max_write = I2C_SMBUS_BLOCK_MAX + 2; /* command, count, data */
  caps->max_read = I2C_SMBUS_BLOCK_MAX + 2;  /* a counted read's room; others are held to 32 by the table */
  if (functions & I2C_FUNC_SMBUS_READ_BLOCK_DATA)
    caps->flags |= PL_I2C_CAP_RECV_LEN;
}

/* Of a plain transaction: [write], [read] or [write, read]; the layer has seen to that. */
static struct shape shape_of(const struct pl_i2c_transfer *t)
{
  struct shape shape = {0};
  for (size_t i = 0; i < t->count; i++)
    if (t->msgs[i].flags & PL_I2C_READ) {
      shape.in = t->msgs[i].len;
      shape.counted = t->msgs[i].flags & PL_I2C_RECV_LEN;
    } else {
      shape.out = t->msgs[i].len;
    }
  return shape;
}

static bool fits(const struct command *c, const struct shape *s, const uint8_t *out, unsigned long functions)
{
  if (!(functions & c->function) || c->counted != s->counted)
    return false;
  if (c->block && (s->out < 3 || (size_t)out[1] + 2 != s->out || s->out > I2C_SMBUS_BLOCK_MAX + 2))
    return false;
  if (c->out == ANY ? !c->block && (s->out < 2 || s->out > I2C_SMBUS_BLOCK_MAX + 1) : s->out != (size_t)c->out)
    return false;
  return c->in == ANY ? s->in && (s->counted || s->in <= I2C_SMBUS_BLOCK_MAX) : s->in == (size_t)c->in;
}

/* What is written after the command, into the union as the command wants it. */
static void put_out(const struct command *c, const struct shape *s, const uint8_t *out, union i2c_smbus_data *data)
{
  switch (c->size) {
  case I2C_SMBUS_BYTE_DATA:
    data->byte = out[1];
    break;
  case I2C_SMBUS_WORD_DATA:
  case I2C_SMBUS_PROC_CALL:
    data->word = (uint16_t)(out[1] | out[2] << 8);
    break;
  case I2C_SMBUS_I2C_BLOCK_DATA:
    data->block[0] = (uint8_t)(s->out - 1);
    memcpy(data->block + 1, out + 1, s->out - 1);
    break;
  default:
    memcpy(data->block, out + 1, s->out - 1); /* its count is there already */
  }
}

static enum pl_status fail_block(const struct pl_i2c_dev *dev, const struct pl_i2c_msg *msg, unsigned count, struct pl_err *err)
{
  return pl_fail(err, PL_E_GARBAGE, "%s (%.60s): i2c address 0x%02x: the device gave a block of %u bytes, expected %s%u", dev->node.name, dev->node.title,
                 msg->address, count, msg->flags & PL_I2C_RECV_LEN ? "1 to " : "", msg->flags & PL_I2C_RECV_LEN ? msg->len - 1u : msg->len);
}

static enum pl_status take_in(struct pl_i2c_dev *dev, const struct command *c, struct pl_i2c_msg *msg, const union i2c_smbus_data *data, struct pl_err *err)
{
  unsigned count = data->block[0];
  switch (c->size) {
  case I2C_SMBUS_BYTE:
  case I2C_SMBUS_BYTE_DATA:
    msg->buf[0] = data->byte;
    return PL_OK;
  case I2C_SMBUS_WORD_DATA:
  case I2C_SMBUS_PROC_CALL:
    msg->buf[0] = (uint8_t)data->word;
    msg->buf[1] = (uint8_t)(data->word >> 8);
    return PL_OK;
  case I2C_SMBUS_I2C_BLOCK_DATA:
    if (count != msg->len)
      return fail_block(dev, msg, count, err);
    memcpy(msg->buf, data->block + 1, count);
    return PL_OK;
  default:
    if (!count || count > I2C_SMBUS_BLOCK_MAX || count + 1 > msg->len)
      return fail_block(dev, msg, count, err);
    memcpy(msg->buf, data->block, count + 1);
    msg->len = (uint16_t)(count + 1);
    return PL_OK;
  }
}

static enum pl_status no_command(const struct pl_i2c_dev *dev, const struct pl_i2c_transfer *t, const struct shape *s, struct pl_err *err)
{
  return pl_fail(err, PL_E_UNSUPPORTED,
                 "%s (%.60s): i2c address 0x%02x: the kernel's driver knows SMBus commands only, and has none that writes %zu and reads %s%zu bytes",
                 dev->node.name, dev->node.title, t->msgs[0].address, s->out, s->counted ? "up to " : "", s->in);
}

enum pl_status pl_i2c_dev_smbus(struct pl_i2c_dev *dev, struct pl_i2c_transfer *t, struct pl_err *err)
{
  struct shape s = shape_of(t);
  const struct command *c = NULL;
  struct pl_i2c_msg *read = &t->msgs[t->count - 1];
  const uint8_t *out = t->msgs[0].buf;
  for (size_t i = 0; i < N_COMMANDS && !c; i++)
    c = fits(&COMMANDS[i], &s, out, dev->functions) ? &COMMANDS[i] : NULL;
  if (!c)
    return no_command(dev, t, &s, err);
  if (s.counted && read->flags & PL_I2C_PEC)
    return pl_fail(err, PL_E_UNSUPPORTED, "%s (%.60s): a driver of SMBus commands does not hand the packet error code over; read a fixed length instead",
                   dev->node.name, dev->node.title);
  enum pl_status status = pl_i2c_dev_select(dev, t->msgs[0].address, err);
  if (status)
    return status;
  union i2c_smbus_data data = {0};
  if (s.out > 1)
    put_out(c, &s, out, &data);
  else if (c->size == I2C_SMBUS_I2C_BLOCK_DATA)
    data.block[0] = (uint8_t)s.in; /* how many are asked for */
  struct i2c_smbus_ioctl_data call = {.read_write = c->direction, .command = s.out ? out[0] : 0, .size = c->size, .data = &data};
  if (dev->os->ioctl(dev->os->ctx, dev->fd, I2C_SMBUS, &call) < 0)
    return pl_i2c_dev_fail(dev, t, errno, err);
  return s.in ? take_in(dev, c, read, &data, err) : PL_OK;
}

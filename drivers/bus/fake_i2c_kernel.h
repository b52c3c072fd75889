/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_FAKE_I2C_KERNEL_H
#define PL_BUS_FAKE_I2C_KERNEL_H

/*
 * For tests: /dev/i2c-N as the kernel has it (i2cdev_ioctl of drivers/i2c/i2c-dev.c, fault-codes.rst), with one device behind it: 256 byte registers behind a
 * pointer at ADDRESS, and a block at command BLOCK. It refuses what the kernel refuses.
 */
#include "drivers/bus/i2c_dev.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>

enum { FAKE_ADDRESS = 0x48, FAKE_BLOCK = 0x99, FAKE_FD = 7 };

struct fake_i2c_kernel {
  unsigned long functions;
  bool plain;            /* the driver takes one message, or write then read */
  bool ignores_recv_len; /* the driver reads msg.len bytes, whatever the flags say */
  bool busy;             /* a kernel driver holds the device */
  int error, open_error; /* every transfer ends with it; open does */
  int nack;              /* errno of an address that nobody has */
  unsigned long timeout, retries;
  uint8_t registers[256], pointer;
  uint8_t block[40];     /* count, data, PEC */
  bool pec;
  long slave;
  size_t opens, closes, transfers, smbus[9];
};

static inline int fail_with(int error)
{
  errno = error;
  return -1;
}

static inline uint8_t fake_next(struct fake_i2c_kernel *k)
{
  return k->registers[k->pointer++];
}

/* i2cdev_ioctl_rdwr's own checks. */
static inline bool fake_list_is_right(const struct i2c_msg *msgs, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++) {
    const struct i2c_msg *m = &msgs[i];
    if (m->len > 8192 || (m->flags & ~(I2C_M_RD | I2C_M_RECV_LEN)))
      return false;
    if (m->flags & I2C_M_RECV_LEN &&
        (!(m->flags & I2C_M_RD) || m->len < 1 || m->buf[0] < 1 || m->len < m->buf[0] + I2C_SMBUS_BLOCK_MAX))
      return false;
  }
  return true;
}

static inline int fake_counted(struct fake_i2c_kernel *k, struct i2c_msg *m)
{
  if (k->ignores_recv_len) { /* the kernel has put buf[0] into len: that many are read, and copied back */
    memcpy(m->buf, k->block, m->buf[0]);
    return 0;
  }
  if (!k->block[0] || k->block[0] > I2C_SMBUS_BLOCK_MAX)
    return EPROTO;
  memcpy(m->buf, k->block, (size_t)k->block[0] + m->buf[0]);
  return 0;
}

static inline int fake_message(struct fake_i2c_kernel *k, struct i2c_msg *m)
{
  if (m->addr != FAKE_ADDRESS)
    return k->nack ? k->nack : ENXIO;
  if (m->flags & I2C_M_RECV_LEN)
    return fake_counted(k, m);
  for (uint16_t n = 0; n < m->len; n++)
    if (m->flags & I2C_M_RD)
      m->buf[n] = fake_next(k);
    else if (!n)
      k->pointer = m->buf[0];
    else
      k->registers[k->pointer++] = m->buf[n];
  return 0;
}

static inline int fake_rdwr(struct fake_i2c_kernel *k, struct i2c_rdwr_ioctl_data *list)
{
  if (!(k->functions & I2C_FUNC_I2C))
    return fail_with(EOPNOTSUPP);
  if (list->nmsgs > I2C_RDWR_IOCTL_MAX_MSGS || !fake_list_is_right(list->msgs, list->nmsgs))
    return fail_with(EINVAL);
  bool pair = list->nmsgs == 2 && !(list->msgs[0].flags & I2C_M_RD) && list->msgs[1].flags & I2C_M_RD && list->msgs[0].addr == list->msgs[1].addr;
  if (k->plain && list->nmsgs != 1 && !pair)
    return fail_with(EOPNOTSUPP);
  k->transfers++;
  if (k->error)
    return fail_with(k->error);
  for (uint32_t i = 0; i < list->nmsgs; i++) {
    int error = fake_message(k, &list->msgs[i]);
    if (error)
      return fail_with(error);
  }
  return (int)list->nmsgs;
}

static inline void fake_smbus_read(struct fake_i2c_kernel *k, const struct i2c_smbus_ioctl_data *call)
{
  union i2c_smbus_data *data = call->data;
  if (call->size != I2C_SMBUS_BYTE)
    k->pointer = call->command;
  if (call->size == I2C_SMBUS_BYTE || call->size == I2C_SMBUS_BYTE_DATA)
    data->byte = fake_next(k);
  else if (call->size == I2C_SMBUS_WORD_DATA)
    data->word = (uint16_t)(k->registers[call->command] | k->registers[(call->command + 1) & 0xff] << 8);
  else if (call->size == I2C_SMBUS_BLOCK_DATA)
    memcpy(data->block, k->block, I2C_SMBUS_BLOCK_MAX + 1);
  else
    for (uint8_t i = 1; i <= data->block[0]; i++)
      data->block[i] = fake_next(k);
}

static inline void fake_smbus_write(struct fake_i2c_kernel *k, const struct i2c_smbus_ioctl_data *call)
{
  const union i2c_smbus_data *data = call->data;
  k->pointer = call->command;
  if (call->size == I2C_SMBUS_BYTE_DATA)
    k->registers[call->command] = data->byte;
  if (call->size == I2C_SMBUS_WORD_DATA || call->size == I2C_SMBUS_PROC_CALL) {
    k->registers[call->command] = (uint8_t)data->word;
    k->registers[(call->command + 1) & 0xff] = (uint8_t)(data->word >> 8);
  }
  if (call->size == I2C_SMBUS_PROC_CALL)
    call->data->word = (uint16_t)(data->word + 1);
  if (call->size == I2C_SMBUS_I2C_BLOCK_DATA)
    for (uint8_t i = 1; i <= data->block[0]; i++)
      k->registers[k->pointer++] = data->block[i];
  if (call->size == I2C_SMBUS_BLOCK_DATA)
    memcpy(k->block, data->block, sizeof data->block);
  if (call->size == I2C_SMBUS_BLOCK_PROC_CALL)
    for (uint8_t i = 1; i <= data->block[0]; i++)
      call->data->block[i] ^= 0xff;
}

static inline int fake_smbus(struct fake_i2c_kernel *k, const struct i2c_smbus_ioctl_data *call)
{
  if (call->size > I2C_SMBUS_I2C_BLOCK_DATA)
    return fail_with(EINVAL);
  k->smbus[call->size]++;
  k->transfers++;
  if (k->error || k->slave != FAKE_ADDRESS)
    return fail_with(k->error ? k->error : k->nack ? k->nack : ENXIO);
  if (call->read_write == I2C_SMBUS_READ)
    fake_smbus_read(k, call);
  else
    fake_smbus_write(k, call);
  return 0;
}

static inline int fake_kernel_ioctl(void *ctx, int fd, unsigned long request, void *argument)
{
  struct fake_i2c_kernel *k = ctx;
  assert_int_equal(fd, FAKE_FD);
  switch (request) {
  case I2C_FUNCS:
    *(unsigned long *)argument = k->functions;
    return 0;
  case I2C_SLAVE:
    if (k->busy && (uintptr_t)argument == FAKE_ADDRESS)
      return fail_with(EBUSY);
    k->slave = (long)(uintptr_t)argument;
    return 0;
  case I2C_TIMEOUT:
    k->timeout = (uintptr_t)argument;
    return 0;
  case I2C_RETRIES:
    k->retries = (uintptr_t)argument;
    return 0;
  case I2C_RDWR:
    return fake_rdwr(k, argument);
  case I2C_SMBUS:
    return fake_smbus(k, argument);
  default:
    return fail_with(ENOTTY);
  }
}

static inline int fake_kernel_open(void *ctx, const char *path)
{
  struct fake_i2c_kernel *k = ctx;
  assert_memory_equal(path, "/dev/i2c-", 9);
  if (k->open_error)
    return fail_with(k->open_error);
  k->opens++;
  return FAKE_FD;
}

static inline void fake_kernel_close(void *ctx, int fd)
{
  struct fake_i2c_kernel *k = ctx;
  assert_int_equal(fd, FAKE_FD);
  k->closes++;
}

#endif

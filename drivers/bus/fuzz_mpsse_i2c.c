/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/mpsse.h"

#include <assert.h>
#include <string.h>

/*
 * Any list of messages, any replies, in pieces of any size: commands and replies stay within their rooms, no byte outside a message's buffer is written, every
 * transaction that is acknowledged has what the wire said, and the end comes.
 */
#define LIST_MAX 8
#define MSGS_MAX 4
#define BUF_MAX 40
#define GUARD 0xA5

struct fuzz {
  const uint8_t *data;
  size_t size;
  struct pl_i2c_transfer list[LIST_MAX];
  struct pl_i2c_msg msgs[LIST_MAX][MSGS_MAX];
  uint8_t bufs[LIST_MAX][MSGS_MAX][BUF_MAX + 1];
  uint16_t asked[LIST_MAX][MSGS_MAX];
};

static uint8_t next(struct fuzz *f)
{
  if (!f->size)
    return 0;
  f->size--;
  return *f->data++;
}

static void make_msg(struct fuzz *f, size_t t, size_t m)
{
  uint8_t kind = next(f), len = (uint8_t)(next(f) % (BUF_MAX + 1));
  struct pl_i2c_msg *msg = &f->msgs[t][m];
  *msg = (struct pl_i2c_msg){.address = next(f) & 0x7F, .len = len, .buf = f->bufs[t][m]};
  if (kind & 1)
    msg->flags = PL_I2C_READ;
  if ((kind & 3) == 3)
    msg->flags = (uint8_t)(PL_I2C_READ | PL_I2C_RECV_LEN | (kind & PL_I2C_PEC));
  unsigned least = msg->flags & PL_I2C_RECV_LEN ? msg->flags & PL_I2C_PEC ? 3 : 2 : kind & 1; /* what the layer lets through */
  if (msg->len < least)
    msg->len = (uint16_t)least;
  f->asked[t][m] = msg->len;
  memset(f->bufs[t][m], GUARD, sizeof f->bufs[t][m]);
}

static void check(const struct fuzz *f, const struct pl_mpsse_i2c *run, size_t count)
{
  enum pl_status first = PL_OK;
  for (size_t t = 0; t < count; t++) {
    first = first ? first : f->list[t].status;
    for (size_t m = 0; m < f->list[t].count; m++) {
      const struct pl_i2c_msg *msg = &f->msgs[t][m];
      assert(msg->len <= f->asked[t][m]);
      for (size_t i = msg->flags & PL_I2C_READ ? f->asked[t][m] : 0; i <= BUF_MAX; i++)
        assert(f->bufs[t][m][i] == GUARD);
      if (!f->list[t].status && msg->flags & PL_I2C_RECV_LEN)
        assert(msg->len == 1 + f->bufs[t][m][0] + !!(msg->flags & PL_I2C_PEC));
    }
  }
  assert((run->first == PL_OK) == (first == PL_OK) && (!first || run->err->text[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static struct fuzz f;
  f.data = data;
  f.size = size;
  uint8_t how = next(&f), bytes[1024], replies[128];
  size_t count = 1 + next(&f) % LIST_MAX, waiting = 0;
  for (size_t t = 0; t < count; t++) {
    f.list[t] = (struct pl_i2c_transfer){.msgs = f.msgs[t], .count = 1 + next(&f) % MSGS_MAX};
    for (size_t m = 0; m < f.list[t].count; m++)
      make_msg(&f, t, m);
  }
  struct pl_mpsse_wires wires = {.open_drain = how & 1};
  struct pl_mpsse_i2c run;
  struct pl_err err = {0};
  pl_mpsse_i2c_timing(how & 2 ? 10000 : 1000000, &wires);
  pl_mpsse_i2c_begin(&run, &wires, f.list, count, &err);
  while (!pl_mpsse_i2c_done(&run)) {
    size_t n = 0, len = pl_mpsse_i2c_encode(&run, false, bytes, how & 4 ? sizeof bytes : PL_MPSSE_ROOM_MIN, 8 + (how >> 3), &n);
    assert(len || waiting + n); /* something always goes on */
    assert(len <= sizeof bytes && n <= 8u + (how >> 3) && (!len || bytes[len - 1] == PL_MPSSE_SEND_IMMEDIATE));
    for (size_t i = 0; i < n; i++)
      replies[waiting++] = f.size ? next(&f) : 0x07;
    size_t used = pl_mpsse_i2c_decode(&run, replies, waiting);
    assert(used == waiting); /* chunks end between steps */
    waiting -= used;
  }
  check(&f, &run, count);
  return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/mpsse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define FREE 0x07 /* pins: both lines high */

/* One pin command for each time, so that the bytes can be read; the times themselves have a test of their own. */
static const struct pl_mpsse_wires DRAIN = {.open_drain = true, .hold = 1, .setup = 1, .stop = 1, .rest = 1, .low = 1, .value = 0x50, .dir = 0xF0};
static const struct pl_mpsse_wires PUSH = {.open_drain = false, .hold = 1, .setup = 1, .stop = 1, .rest = 1, .low = 1};

struct fixture {
  struct pl_mpsse_i2c run;
  struct pl_err err;
  uint8_t bytes[8192];
  size_t len, replies;
};

static void encode(struct fixture *f, size_t room, size_t max_replies)
{
  f->len = pl_mpsse_i2c_encode(&f->run, false, f->bytes, room, max_replies, &f->replies);
}

static void begin(struct fixture *f, const struct pl_mpsse_wires *wires, struct pl_i2c_transfer *list, size_t count)
{
  *f = (struct fixture){0};
  pl_mpsse_i2c_begin(&f->run, wires, list, count, &f->err);
  encode(f, sizeof f->bytes, 4096);
}

/* Feeds replies; all of them are used. */
static void reply(struct fixture *f, const uint8_t *bytes, size_t len)
{
  assert_int_equal(pl_mpsse_i2c_decode(&f->run, bytes, len), len);
}
#define REPLY(f, ...) reply((f), (const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

static void a_read_word_in_open_drain(void **state)
{
  (void)state;
  uint8_t command = 0x8B, data[2] = {0};
  struct pl_i2c_msg msgs[] = {{.address = 0x58, .len = 1, .buf = &command}, {.address = 0x58, .flags = PL_I2C_READ, .len = 2, .buf = data}};
  struct pl_i2c_transfer t = {.msgs = msgs, .count = 2};
  struct fixture f;
  begin(&f, &DRAIN, &t, 1);
  /* value 0x50 and dir 0xF0 are the other lines'; 0x53: both high, 0x51: SDA low, 0x52: SCL low, 0x50: both low */
  static const uint8_t WANT[] = {
      0x81,                                                                        /* are the lines free? */
      0x80, 0x51, 0xF3, 0x80, 0x50, 0xF3,                                          /* START */
      0x31, 0x00, 0x00, 0xB0, 0x80, 0x52, 0xF3, 0x22, 0x00,                        /* 0x58 W, ack */
      0x11, 0x00, 0x00, 0x8B, 0x80, 0x52, 0xF3, 0x22, 0x00,                        /* command, ack */
      0x80, 0x52, 0xF3, 0x80, 0x53, 0xF3, 0x80, 0x51, 0xF3, 0x80, 0x50, 0xF3,      /* repeated START */
      0x31, 0x00, 0x00, 0xB1, 0x80, 0x52, 0xF3, 0x22, 0x00,                        /* 0x58 R, ack */
      0x20, 0x00, 0x00, 0x13, 0x00, 0x00, 0x80, 0x52, 0xF3,                        /* data, our ack, let go */
      0x20, 0x00, 0x00, 0x13, 0x00, 0xFF,                                          /* data, our nack */
      0x80, 0x50, 0xF3, 0x80, 0x51, 0xF3, 0x80, 0x53, 0xF3, 0x80, 0x53, 0xF3,      /* STOP */
      0x81, 0x87,
  };
  assert_int_equal(f.len, sizeof WANT);
  assert_memory_equal(f.bytes, WANT, sizeof WANT);
  assert_int_equal(f.replies, 9);
  assert_false(pl_mpsse_i2c_done(&f.run));
  /* acknowledges carry older bits above bit 0 */
  REPLY(&f, 0xF7, 0xB0, 0xFE, 0x02, 0xB1, 0x04, 0x34, 0x12, FREE);
  assert_true(pl_mpsse_i2c_done(&f.run));
  assert_int_equal(t.status, PL_OK);
  assert_int_equal(f.run.first, PL_OK);
  assert_int_equal(data[0], 0x34);
  assert_int_equal(data[1], 0x12);
}

static void without_open_drain_sda_is_let_go_as_an_input(void **state)
{
  (void)state;
  uint8_t data[2] = {0x0F, 0};
  struct pl_i2c_msg msgs[] = {{.address = 0x20, .len = 1, .buf = data}, {.address = 0x20, .flags = PL_I2C_READ, .len = 2, .buf = data}};
  struct pl_i2c_transfer t = {.msgs = msgs, .count = 2};
  struct fixture f;
  begin(&f, &PUSH, &t, 1);
  static const uint8_t WANT[] = {
      0x81,
      0x80, 0x01, 0x03, 0x80, 0x00, 0x03,                                          /* START: both driven */
      0x80, 0x00, 0x03, 0x31, 0x00, 0x00, 0x40, 0x80, 0x00, 0x01, 0x22, 0x00,      /* AD1 drives the byte, is an input for the ack */
      0x80, 0x00, 0x03, 0x11, 0x00, 0x00, 0x0F, 0x80, 0x00, 0x01, 0x22, 0x00,
      0x80, 0x00, 0x01, 0x80, 0x01, 0x01, 0x80, 0x01, 0x03, 0x80, 0x00, 0x03,      /* repeated START */
      0x80, 0x00, 0x03, 0x31, 0x00, 0x00, 0x41, 0x80, 0x00, 0x01, 0x22, 0x00,
      0x20, 0x00, 0x00, 0x80, 0x00, 0x03, 0x13, 0x00, 0x00, 0x80, 0x00, 0x01,      /* the ack is driven */
      0x20, 0x00, 0x00, 0x13, 0x00, 0xFF,                                          /* the nack is not */
      0x80, 0x00, 0x03, 0x80, 0x01, 0x03, 0x80, 0x01, 0x01, 0x80, 0x01, 0x00,      /* STOP: at rest SCL is an input too */
      0x81, 0x87,
  };
  assert_int_equal(f.len, sizeof WANT);
  assert_memory_equal(f.bytes, WANT, sizeof WANT);
}

static void times_are_those_of_the_bus_specification(void **state)
{
  (void)state;
  struct pl_mpsse_wires w = {0};
  /* SCL = 60 MHz / 2 / (1 + divisor) * 2/3; a pin command lasts 250 ns or more */
  assert_int_equal(pl_mpsse_i2c_timing(400000, &w), 49);
  assert_int_equal(w.hold, 3);  /* 0.6 us */
  assert_int_equal(w.setup, 3);
  assert_int_equal(w.stop, 3);
  assert_int_equal(w.rest, 6);  /* 1.3 us */
  assert_int_equal(w.low, 2);   /* 1.3 less a third of 2.5 us */
  assert_int_equal(pl_mpsse_i2c_timing(100000, &w), 199);
  assert_int_equal(w.hold, 16); /* 4.0 us */
  assert_int_equal(w.setup, 19);
  assert_int_equal(w.rest, 19);
  assert_int_equal(w.low, 6);
  assert_int_equal(pl_mpsse_i2c_timing(1000000, &w), 19);
  assert_int_equal(w.hold, 2);  /* 0.26 us */
  assert_int_equal(w.rest, 2);
  assert_int_equal(w.low, 1);
  assert_int_equal(pl_mpsse_i2c_timing(300000, &w), 66); /* never faster than asked: 298.5 kHz */
  assert_int_equal(pl_mpsse_i2c_timing(10000, &w), 1999);
  assert_int_equal(w.hold, 16);
}

static void times_repeat_pin_commands(void **state)
{
  (void)state;
  struct pl_i2c_msg msg = {.address = 0x20};
  struct pl_i2c_transfer t = {.msgs = &msg, .count = 1};
  struct pl_mpsse_wires wires = {.open_drain = true, .hold = 3, .stop = 2, .rest = 4, .setup = 1, .low = 1};
  struct fixture f;
  begin(&f, &wires, &t, 1); /* a message without bytes: address and acknowledge only */
  static const uint8_t WANT[] = {0x81, 0x80, 1, 3, 0x80, 1, 3, 0x80, 1, 3, 0x80, 0, 3, 0x31, 0, 0, 0x40, 0x80, 2, 3, 0x22, 0, 0x80, 0, 3,
                                 0x80, 1, 3, 0x80, 1, 3, 0x80, 3, 3, 0x80, 3, 3, 0x80, 3, 3, 0x80, 3, 3, 0x80, 3, 3, 0x81, 0x87};
  assert_int_equal(f.len, sizeof WANT);
  assert_memory_equal(f.bytes, WANT, sizeof WANT);
}

static void a_nack_names_the_address_or_the_byte(void **state)
{
  (void)state;
  uint8_t out[3] = {1, 2, 3};
  struct pl_i2c_msg msg = {.address = 0x58, .len = 3, .buf = out};
  struct pl_i2c_transfer t = {.msgs = &msg, .count = 1};
  struct fixture f;
  begin(&f, &DRAIN, &t, 1);
  REPLY(&f, FREE, 0xB0, 1, 1, 1, 1, FREE);
  assert_int_equal(t.status, PL_E_NACK);
  assert_int_equal(f.run.first, PL_E_NACK);
  assert_string_equal(f.err.text, "nobody acknowledged address 0x58");
  begin(&f, &DRAIN, &t, 1);
  REPLY(&f, FREE, 0xB0, 0, 0, 1, 0, FREE);
  assert_int_equal(t.status, PL_E_NACK);
  assert_string_equal(f.err.text, "0x58 did not acknowledge byte 2 of 3 written");
}

static void in_a_batch_each_has_its_status(void **state)
{
  (void)state;
  uint8_t data[3] = {0};
  struct pl_i2c_msg msgs[3];
  struct pl_i2c_transfer list[3];
  for (int i = 0; i < 3; i++) {
    msgs[i] = (struct pl_i2c_msg){.address = (uint8_t)(0x20 + i), .flags = PL_I2C_READ, .len = 1, .buf = &data[i]};
    list[i] = (struct pl_i2c_transfer){.msgs = &msgs[i], .count = 1, .status = PL_E_IO};
  }
  struct fixture f;
  begin(&f, &DRAIN, list, 3);
  assert_int_equal(f.replies, 15);
  assert_int_equal(f.bytes[f.len - 1], 0x87);
  REPLY(&f, FREE, 0x41, 0, 0x11, FREE, FREE, 0x43, 1, 0xFF);
  assert_int_equal(list[0].status, PL_OK);
  assert_int_equal(pl_mpsse_i2c_address(&f.run), 0x21);
  REPLY(&f, FREE, FREE);
  assert_int_equal(pl_mpsse_i2c_decode(&f.run, (const uint8_t[]){0x45}, 1), 0); /* half a step waits for the other */
  REPLY(&f, 0x45, 0, 0x33, FREE);
  assert_true(pl_mpsse_i2c_done(&f.run));
  assert_int_equal(list[0].status, PL_OK);
  assert_int_equal(list[1].status, PL_E_NACK);
  assert_int_equal(list[2].status, PL_OK);
  assert_int_equal(f.run.first, PL_E_NACK);
  assert_non_null(strstr(f.err.text, "0x21"));
  assert_int_equal(data[0], 0x11);
  assert_int_equal(data[2], 0x33);
}

static void held_lines_are_told(void **state)
{
  (void)state;
  uint8_t data = 0;
  struct pl_i2c_msg msg = {.address = 0x58, .flags = PL_I2C_READ, .len = 1, .buf = &data};
  struct pl_i2c_transfer t = {.msgs = &msg, .count = 1};
  struct fixture f;
  begin(&f, &DRAIN, &t, 1);
  REPLY(&f, FREE & ~PL_MPSSE_SDA_IN, 0, 0, 0, FREE & ~PL_MPSSE_SDA_IN); /* a held SDA acknowledges everything */
  assert_int_equal(t.status, PL_E_STUCK);
  assert_non_null(strstr(f.err.text, "SDA is held low before"));
  begin(&f, &DRAIN, &t, 1);
  REPLY(&f, FREE & ~PL_MPSSE_SCL, 0xB1, 0, 0, FREE);
  assert_int_equal(t.status, PL_E_STUCK);
  assert_non_null(strstr(f.err.text, "SCL is held low before"));
  begin(&f, &DRAIN, &t, 1);
  REPLY(&f, FREE, 0x00, 0, 0, FREE & ~PL_MPSSE_SDA_IN);
  assert_int_equal(t.status, PL_E_STUCK);
  assert_non_null(strstr(f.err.text, "SDA stays low"));
  begin(&f, &DRAIN, &t, 1);
  REPLY(&f, FREE, 0xB1, 0, 0, FREE & ~PL_MPSSE_SDA_IN); /* it hung up in the middle: its zeros are no data */
  assert_int_equal(t.status, PL_E_STUCK);
  assert_non_null(strstr(f.err.text, "after the transaction with 0x58"));
}

static void another_master_and_a_missing_wire_are_told_apart(void **state)
{
  (void)state;
  uint8_t data = 0;
  struct pl_i2c_msg msg = {.address = 0x58, .flags = PL_I2C_READ, .len = 1, .buf = &data};
  struct pl_i2c_transfer t = {.msgs = &msg, .count = 1};
  struct fixture f;
  begin(&f, &DRAIN, &t, 1);
  REPLY(&f, FREE, 0xA1, 0, 0, FREE);
  assert_int_equal(t.status, PL_E_ARBITRATION);
  begin(&f, &DRAIN, &t, 1);
  REPLY(&f, FREE, 0xFF, 1, 0xFF, FREE);
  assert_int_equal(t.status, PL_E_IO);
  assert_non_null(strstr(f.err.text, "AD1 and AD2"));
}

struct counted {
  struct fixture f;
  uint8_t command, block[34];
  struct pl_i2c_msg msgs[2], after;
  struct pl_i2c_transfer list[2];
};

static void begin_counted(struct counted *c, uint8_t flags)
{
  static const uint8_t OPEN[] = {FREE, 0xB0, 0, 0, 0xB1, 0};
  *c = (struct counted){.command = 0x99};
  c->msgs[0] = (struct pl_i2c_msg){.address = 0x58, .len = 1, .buf = &c->command};
  c->msgs[1] = (struct pl_i2c_msg){.address = 0x58, .flags = (uint8_t)(PL_I2C_READ | PL_I2C_RECV_LEN | flags), .len = sizeof c->block, .buf = c->block};
  c->after = (struct pl_i2c_msg){.address = 0x20, .len = 1, .buf = &c->command};
  c->list[0] = (struct pl_i2c_transfer){.msgs = c->msgs, .count = 2};
  c->list[1] = (struct pl_i2c_transfer){.msgs = &c->after, .count = 1};
  begin(&c->f, &DRAIN, c->list, 2);
  assert_int_equal(c->f.replies, 7);
  assert_memory_equal(c->f.bytes + c->f.len - 4, "\x20\x00\x00\x87", 4); /* the count's eight bits, not its ninth */
  encode(&c->f, sizeof c->f.bytes, 4096);
  assert_int_equal(c->f.len, 0); /* nothing more before the count is known */
  reply(&c->f, OPEN, sizeof OPEN);
}

static void a_counted_read_pauses_at_its_count(void **state)
{
  (void)state;
  struct counted c;
  begin_counted(&c, 0);
  REPLY(&c.f, 3);
  encode(&c.f, sizeof c.f.bytes, 4096);
  assert_memory_equal(c.f.bytes, "\x13\x00\x00", 3); /* acknowledged: three more */
  assert_int_equal(c.f.replies, 3 + 1 + 5);
  REPLY(&c.f, 'A', 'B', 'C', FREE, FREE, 0x40, 0, 0, FREE);
  assert_true(pl_mpsse_i2c_done(&c.f.run));
  assert_int_equal(c.f.run.first, PL_OK);
  assert_int_equal(c.msgs[1].len, 4);
  assert_memory_equal(c.block, "\x03" "ABC", 4);
  begin_counted(&c, PL_I2C_PEC);
  REPLY(&c.f, 32); /* the room is exactly that: count, 32, PEC */
  encode(&c.f, sizeof c.f.bytes, 4096);
  assert_int_equal(c.f.replies, 33 + 1 + 5);
  assert_int_equal(c.msgs[1].len, 34);
}

static void a_bad_count_ends_the_read_and_not_the_batch(void **state)
{
  (void)state;
  static const struct {
    uint8_t flags, count;
    const char *say;
  } ROWS[] = {{0, 0, "0 bytes"}, {0, 255, "255 bytes"}, {0, 34, "34 bytes; there is room for 33"}, {PL_I2C_PEC, 33, "33 bytes; there is room for 32"}};
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    struct counted c;
    begin_counted(&c, ROWS[i].flags);
    REPLY(&c.f, ROWS[i].count);
    encode(&c.f, sizeof c.f.bytes, 4096);
    assert_memory_equal(c.f.bytes, "\x13\x00\xFF\x80", 4); /* not acknowledged, then the STOP */
    assert_int_equal(c.f.replies, 1 + 5);
    REPLY(&c.f, FREE, FREE, 0x40, 0, 0, FREE);
    assert_int_equal(c.list[0].status, PL_E_GARBAGE);
    assert_int_equal(c.list[1].status, PL_OK);
    assert_int_equal(c.msgs[1].len, 1);
    assert_non_null(strstr(c.f.err.text, ROWS[i].say));
  }
}

static void chunks_hold_whole_transactions(void **state)
{
  (void)state;
  enum { N = 40 };
  static uint8_t data[N];
  struct pl_i2c_msg msgs[N];
  struct pl_i2c_transfer list[N];
  for (int i = 0; i < N; i++) {
    msgs[i] = (struct pl_i2c_msg){.address = 0x20, .flags = PL_I2C_READ, .len = 1, .buf = &data[i]};
    list[i] = (struct pl_i2c_transfer){.msgs = &msgs[i], .count = 1};
  }
  struct fixture f = {0};
  pl_mpsse_i2c_begin(&f.run, &DRAIN, list, N, &f.err);
  size_t all = 0, chunks = 0;
  for (;;) {
    encode(&f, 8192, 32); /* 5 replies each: 6 transactions */
    if (!f.len)
      break;
    assert_true(f.replies == 30 || f.replies == 20);
    assert_int_equal(f.bytes[0], 0x81);
    assert_int_equal(f.bytes[f.len - 2], 0x81);
    assert_int_equal(f.run.out.phase, PL_MPSSE_BEFORE);
    all += f.replies;
    chunks++;
  }
  assert_int_equal(all, 5 * N);
  assert_int_equal(chunks, 7);
  pl_mpsse_i2c_begin(&f.run, &DRAIN, list, N, &f.err);
  encode(&f, PL_MPSSE_ROOM_MIN, 4096); /* here the room for commands is the limit */
  assert_true(f.len <= PL_MPSSE_ROOM_MIN && f.replies && f.replies % 5 == 0);
  assert_int_equal(f.run.out.phase, PL_MPSSE_BEFORE);
}

static void what_is_longer_than_a_chunk_is_cut_between_bytes(void **state)
{
  (void)state;
  static uint8_t data[1000];
  struct pl_i2c_msg msg = {.address = 0x20, .len = sizeof data, .buf = data};
  struct pl_i2c_transfer t = {.msgs = &msg, .count = 1};
  struct fixture f = {0};
  pl_mpsse_i2c_begin(&f.run, &DRAIN, &t, 1, &f.err);
  size_t all = 0;
  for (encode(&f, 1024, 4096); f.len; encode(&f, 1024, 4096)) {
    assert_true(f.len <= 1024);
    uint8_t zeros[4096] = {0};
    for (size_t i = 0; i < f.replies; i++) {
      zeros[i] = all + i == 0 || all + i == 1003 ? FREE : all + i == 1 ? 0x40 : 0;
    }
    reply(&f, zeros, f.replies);
    all += f.replies;
    if (all < 500) {
      assert_false(pl_mpsse_i2c_between(&f.run));
    }
  }
  assert_int_equal(all, 1 + 2 + 1000 + 1);
  assert_int_equal(t.status, PL_OK);
}

static void past_the_deadline_only_what_is_begun_is_ended(void **state)
{
  (void)state;
  static uint8_t data[1000];
  struct pl_i2c_msg msg = {.address = 0x20, .len = sizeof data, .buf = data};
  struct pl_i2c_transfer list[2] = {{.msgs = &msg, .count = 1}, {.msgs = &msg, .count = 1}};
  struct fixture f = {0};
  pl_mpsse_i2c_begin(&f.run, &DRAIN, list, 2, &f.err);
  assert_int_equal(pl_mpsse_i2c_encode(&f.run, true, f.bytes, 1024, 512, &f.replies), 0);
  encode(&f, 1024, 512);
  assert_true(f.len);
  size_t more = f.replies;
  while (pl_mpsse_i2c_encode(&f.run, true, f.bytes, 1024, 512, &f.replies))
    more += f.replies;
  assert_int_equal(more, 1004);
  struct pl_err why = {.status = PL_E_TIMEOUT, .text = "late"};
  pl_mpsse_i2c_abort(&f.run, &why);
  assert_int_equal(list[0].status, PL_E_TIMEOUT);
  assert_int_equal(list[1].status, PL_E_TIMEOUT);
  assert_int_equal(f.run.first, PL_E_TIMEOUT);
  assert_string_equal(f.err.text, "late");
  assert_true(pl_mpsse_i2c_done(&f.run));
}

static void recovery_is_nine_clocks_and_a_stop(void **state)
{
  (void)state;
  uint8_t bytes[PL_MPSSE_RECOVER_ROOM];
  struct pl_mpsse_wires w = {.open_drain = true, .value = 0x50, .dir = 0xF0};
  pl_mpsse_i2c_timing(100000, &w);
  size_t len = pl_mpsse_i2c_recovery(&w, bytes), rises = 0, reads = 0;
  bool scl = true, sda = true, stop = false;
  for (size_t i = 0; i < len;) {
    if (bytes[i] == 0x80) {
      bool next_scl = bytes[i + 1] & 1, next_sda = bytes[i + 1] & 2;
      assert_int_equal(bytes[i + 1] & 0xF8, 0x50);
      assert_int_equal(bytes[i + 2], 0xF3);
      rises += next_scl && !scl && next_sda;
      stop |= scl && next_scl && !sda && next_sda;
      scl = next_scl;
      sda = next_sda;
      i += 3;
    } else {
      reads += bytes[i] == 0x81;
      assert_true(bytes[i] == 0x81 || (bytes[i] == 0x87 && i + 1 == len));
      i++;
    }
  }
  assert_int_equal(rises, 9);
  assert_int_equal(reads, PL_MPSSE_RECOVER_REPLIES);
  assert_true(stop && scl && sda);
  struct pl_err err = {0};
  assert_int_equal(pl_mpsse_i2c_free(FREE, "now", &err), PL_OK);
  assert_int_equal(pl_mpsse_i2c_free(0x01, "now", &err), PL_E_STUCK);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_read_word_in_open_drain),
      cmocka_unit_test(without_open_drain_sda_is_let_go_as_an_input),
      cmocka_unit_test(times_are_those_of_the_bus_specification),
      cmocka_unit_test(times_repeat_pin_commands),
      cmocka_unit_test(a_nack_names_the_address_or_the_byte),
      cmocka_unit_test(in_a_batch_each_has_its_status),
      cmocka_unit_test(held_lines_are_told),
      cmocka_unit_test(another_master_and_a_missing_wire_are_told_apart),
      cmocka_unit_test(a_counted_read_pauses_at_its_count),
      cmocka_unit_test(a_bad_count_ends_the_read_and_not_the_batch),
      cmocka_unit_test(chunks_hold_whole_transactions),
      cmocka_unit_test(what_is_longer_than_a_chunk_is_cut_between_bytes),
      cmocka_unit_test(past_the_deadline_only_what_is_begun_is_ended),
      cmocka_unit_test(recovery_is_nine_clocks_and_a_stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

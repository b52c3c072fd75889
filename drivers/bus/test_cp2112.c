/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/fake_libusb.h"
#include "drivers/bus/usb_test.h"

extern const struct pl_adapter_desc pl_adapter_cp2112_i2c;
extern const struct pl_adapter_desc pl_adapter_cp2112_gpio;

#define QUEUE 8

struct report {
  uint8_t bytes[64];
  int len;
  int hold; /* reads that time out before it comes */
};

/* The chip's firmware (AN495) with faults. */
struct firmware {
  struct memory memory;
  uint8_t part, version, gpio[5], latch, pins, smbus[14];
  struct report queue[QUEUE];
  size_t queued;
  uint8_t status0, status1, fetched[512];
  int left, at, length; /* of what was read */
  int cancels, starts;
  uint8_t shown_high; /* pins that were driven high at some time */
  /* faults */
  int busy;             /* status answers that say busy first; -1: for ever */
  int fail;             /* 1 + status 1 of the next transfer */
  int mute;             /* questions that get no answer */
  int hold;             /* reads before the next answer comes: it is late */
  int cut_status, cut_data, grow_data; /* bytes of a report */
  int fewer;            /* bytes that the bus read less */
  uint8_t instead;      /* the next answer has this id */
  int stall;            /* the stall-th OUT report from now */
};

static struct report *answer(struct firmware *f, uint8_t id, int len)
{
  if (f->mute) {
    f->mute--;
    return NULL;
  }
  assert_in_range(f->queued, 0, QUEUE - 1);
  struct report *r = &f->queue[f->queued++];
  *r = (struct report){.len = len, .hold = f->hold};
  r->bytes[0] = f->instead ? f->instead : id;
  f->hold = f->instead = 0;
  return r;
}

static void begin(struct firmware *f, bool ack, int length)
{
  f->starts++;
  f->at = 0;
  f->length = f->left = length - f->fewer;
  f->status0 = !ack || f->fail ? 3 : 2;
  f->status1 = (uint8_t)(f->fail ? f->fail - 1 : 0);
  f->fail = f->fewer = 0;
}

static void answer_status(struct firmware *f)
{
  struct report *r = answer(f, 0x16, 64);
  bool busy = f->busy != 0 && f->status0;
  f->busy -= f->busy > 0 && f->status0;
  if (!r)
    return;
  r->bytes[1] = busy ? 1 : f->status0;
  r->bytes[2] = f->status1;
  r->bytes[5] = (uint8_t)(f->length >> 8);
  r->bytes[6] = (uint8_t)f->length;
  r->len -= f->cut_status;
  f->cut_status = 0;
}

static void answer_data(struct firmware *f, int want)
{
  struct report *r = answer(f, 0x13, 64);
  if (!r)
    return;
  int n = want < f->left ? want : f->left;
  n = n < 61 ? n : 61;
  r->bytes[1] = 2;
  r->bytes[2] = (uint8_t)(n + f->grow_data);
  memcpy(r->bytes + 3, f->fetched + f->at, (size_t)n);
  r->len = f->cut_data ? 3 + n - f->cut_data : 64;
  f->at += n;
  f->left -= n;
  f->cut_data = f->grow_data = 0;
}

static void take_report(struct firmware *f, const uint8_t *b, int len)
{
  uint8_t address = b[1] >> 1;
  int rlen = b[2] << 8 | b[3];
  switch (b[0]) {
  case 0x10:
    assert_int_equal(len, 4);
    begin(f, memory_read(&f->memory, address, f->fetched, (size_t)rlen), rlen);
    break;
  case 0x11:
    assert_int_equal(len, 5 + b[4]);
    assert_in_range(b[4], 1, 16);
    begin(f, memory_write(&f->memory, address, b + 5, b[4]) && memory_read(&f->memory, address, f->fetched, (size_t)rlen), rlen);
    break;
  case 0x14:
    assert_int_equal(len, 3 + b[2]);
    assert_in_range(b[2], 1, 61);
    begin(f, memory_write(&f->memory, address, b + 3, b[2]), 0);
    break;
  case 0x12: answer_data(f, b[1] << 8 | b[2]); break;
  case 0x15: answer_status(f); break;
  case 0x17:
    f->cancels++;
    f->status0 = 0;
    f->busy = 0;
    break;
  default: fail_msg("report 0x%02x", b[0]);
  }
}

static int cp_transfer(struct fake_usb *dev, uint8_t endpoint, uint8_t *data, int len, int *moved)
{
  struct firmware *f = dev->firmware;
  if (endpoint == 0x01) {
    if (f->stall && !--f->stall)
      return LIBUSB_ERROR_PIPE;
    take_report(f, data, len);
    *moved = len;
    return 0;
  }
  assert_int_equal(endpoint, 0x81);
  assert_int_equal(len, 64);
  if (!f->queued || f->queue[0].hold-- > 0)
    return LIBUSB_ERROR_TIMEOUT;
  *moved = f->queue[0].len;
  memcpy(data, f->queue[0].bytes, 64);
  memmove(f->queue, f->queue + 1, --f->queued * sizeof f->queue[0]);
  return 0;
}

/* Levels on the pins: outputs show the latch; pin 1 is wired to pin 0; others rest high. */
static uint8_t levels_of(const struct firmware *f)
{
  uint8_t driven = f->gpio[1], levels = (uint8_t)((f->latch & driven) | (f->pins & ~driven));
  return (driven & 1) && !(driven & 2) ? (uint8_t)((levels & ~2u) | (levels & 1u) << 1) : levels;
}

static void look_at_pins(struct firmware *f)
{
  f->shown_high |= f->gpio[1] & f->gpio[2] & f->latch;
}

static int cp_control(struct fake_usb *dev, const uint8_t *setup, uint8_t *data, int len)
{
  struct firmware *f = dev->firmware;
  assert_int_equal(setup[3], 3); /* feature */
  assert_true((setup[0] == 0xa1 && setup[1] == 1) || (setup[0] == 0x21 && setup[1] == 9));
  assert_int_equal(data[0], setup[2]);
  bool get = setup[0] & 0x80;
  uint8_t version[] = {5, f->part, f->version}, levels[] = {3, levels_of(f)};
  struct {
    uint8_t id;
    uint8_t *bytes;
    int len;
  } rows[] = {{2, f->gpio, 5}, {3, levels, 2}, {5, version, 3}, {6, f->smbus, 14}};
  for (size_t i = 0; i < 4; i++)
    if (rows[i].id == setup[2]) {
      assert_int_equal(len, rows[i].len);
      memcpy(get ? data : rows[i].bytes, get ? rows[i].bytes : data, (size_t)len);
      look_at_pins(f);
      return len;
    }
  assert_int_equal(setup[2], 4);
  assert_false(get);
  f->latch = (uint8_t)((f->latch & ~(data[2] & f->gpio[1])) | (data[1] & data[2] & f->gpio[1])); /* inputs ignore it */
  look_at_pins(f);
  return len;
}

struct setting {
  struct fake_usb dev;
  struct firmware firmware;
  struct bench bench;
  struct opened bus;
};

static void plug(struct setting *s)
{
  *s = (struct setting){.dev = {.vendor = 0x10c4, .product_id = 0xea90, .path = "1-2", .serial = "A1", .control = cp_control, .transfer = cp_transfer},
                        .firmware = {.memory = {.address = 0x50}, .part = 0x0c, .version = 2, .gpio = {2}, .smbus = {6}, .pins = 0xff}};
  s->dev.firmware = &s->firmware;
  for (int i = 0; i < 256; i++)
    s->firmware.memory.bytes[i] = (uint8_t)(i + 1);
  fake_plug(&s->dev);
  bench_open(&s->bench);
}

static void set_up(struct setting *s, const char *yaml)
{
  plug(s);
  bus_open_well(&s->bench, &pl_adapter_cp2112_i2c, yaml, &s->bus);
}

static void tear_down(struct setting *s)
{
  bus_close(&s->bus);
  bench_close(&s->bench);
  fake_unplug_all();
}

static void it_conforms(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, "serial: A1\nspeed: 400 kHz");
  struct pl_bus_conformance report = {.fail = tell_failure};
  assert_int_equal(pl_conformance_i2c(s.bus.bus, &(struct pl_conformance_i2c){.address = 0x50, .command = 0x10, .absent = 0x51, .read_len = 4}, &report), 0);
  assert_true(report.checks >= 14);
  static const uint8_t CONFIG[] = {6, 0x00, 0x06, 0x1a, 0x80, 0, 0, 0, 250, 0, 250, 1, 0, 1};
  assert_memory_equal(s.firmware.smbus, CONFIG, sizeof CONFIG);
  tear_down(&s);
}

static void the_limits_work_and_one_more_is_refused_with_its_number(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  uint8_t out[62] = {0x10}, in[513];
  set_up(&s, "serial: A1");
  for (size_t i = 1; i < sizeof out; i++)
    out[i] = (uint8_t)(0x80 + i);
  assert_int_equal(i2c_write(&s.bus, 0x50, out, 61, &err), PL_OK);
  assert_memory_equal(s.firmware.memory.bytes + 0x10, out + 1, 60);
  assert_int_equal(i2c_write(&s.bus, 0x50, out, 62, &err), PL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "at most 61 bytes"));
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0, in, 512, &err), PL_OK);
  for (int i = 0; i < 512; i++)
    assert_int_equal(in[i], s.firmware.memory.bytes[i & 255]);
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0, in, 513, &err), PL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "at most 512 bytes"));
  struct pl_i2c_msg msgs[] = {{.address = 0x50, .len = 16, .buf = out}, {.address = 0x50, .flags = PL_I2C_READ, .len = 2, .buf = in}};
  assert_int_equal(i2c_within(&s.bus, msgs, 2, PL_S, &err), PL_OK);
  msgs[0].len = 17;
  int starts = s.firmware.starts;
  assert_int_equal(i2c_within(&s.bus, msgs, 2, PL_S, &err), PL_E_UNSUPPORTED);
  assert_string_equal(err.text, "CP2112 A1 at 1-2: i2c address 0x50: a CP2112 writes at most 16 bytes before a read, this transaction has 17");
  assert_int_equal(i2c_write(&s.bus, 0x50, out, 0, &err), PL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "cannot write 0 bytes"));
  assert_int_equal(s.firmware.starts, starts); /* nothing of these went out */
  tear_down(&s);
}

/* Each fault: the status, words of the sentence, the bus usable afterwards, and the next answer the right one. */
static void bad_firmware_is_told_and_survived(void **state)
{
  (void)state;
  static const struct {
    struct firmware faults;
    enum pl_status status;
    const char *words;
  } ROWS[] = {
      {{.fail = 1 + 0}, PL_E_NACK, "not acknowledged"},
      {{.fail = 1 + 1}, PL_E_STUCK, "power-cycle the device"},
      {{.fail = 1 + 2}, PL_E_ARBITRATION, "another master"},
      {{.fail = 1 + 3}, PL_E_SHORT, "stopped before"},
      {{.fail = 1 + 4}, PL_E_NACK, "data byte"},
      {{.fail = 1 + 77}, PL_E_GARBAGE, "0x4d"},
      {{.busy = -1}, PL_E_TIMEOUT, "did not end before the deadline"},
      {{.mute = 1}, PL_E_TIMEOUT, "did not answer"},
      {{.hold = 1}, PL_E_TIMEOUT, "did not answer"}, /* late: it comes when the next is asked for */
      {{.cut_status = 60}, PL_E_SHORT, "4 bytes"},
      {{.cut_data = 1}, PL_E_SHORT, "1 of the 2 bytes"},
      {{.grow_data = 1}, PL_E_GARBAGE, "3 bytes where 2 were left"},
      {{.fewer = 1}, PL_E_SHORT, "read 1 of 2 bytes"},
      {{.instead = 0x13}, PL_E_TIMEOUT, "did not answer"},
      {{.stall = 1}, PL_E_IO, "stall"},
  };
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    struct setting s;
    struct pl_err err;
    uint8_t got[2] = {0}, at = 0x10;
    struct pl_i2c_msg msgs[] = {{.address = 0x50, .len = 1, .buf = &at}, {.address = 0x50, .flags = PL_I2C_READ, .len = 2, .buf = got}};
    set_up(&s, "serial: A1");
    assert_int_equal(i2c_within(&s.bus, msgs, 2, PL_S, &err), PL_OK);
    struct firmware *f = &s.firmware;
    const struct firmware *w = &ROWS[i].faults;
    f->fail = w->fail, f->busy = w->busy, f->mute = w->mute, f->hold = w->hold, f->cut_status = w->cut_status, f->cut_data = w->cut_data;
    f->grow_data = w->grow_data, f->fewer = w->fewer, f->instead = w->instead, f->stall = w->stall;
    int cancels = f->cancels;
    enum pl_status status = i2c_within(&s.bus, msgs, 2, 100 * PL_MS, &err);
    if (status != ROWS[i].status || !strstr(err.text, ROWS[i].words))
      fail_msg("row %zu: %s", i, err.text);
    assert_ptr_equal(strstr(err.text, "CP2112 A1 at 1-2: i2c address 0x50: "), err.text);
    assert_true(status != PL_E_TIMEOUT || f->cancels > cancels);
    f->busy = 0;
    at = 0x40;
    assert_int_equal(i2c_within(&s.bus, msgs, 2, 2 * PL_S, &err), PL_OK);
    assert_int_equal(got[0], 0x41);
    assert_int_equal(got[1], 0x42);
    tear_down(&s);
  }
}

static void a_chip_that_is_mute_stays_an_error_until_it_speaks(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  uint8_t got[2];
  set_up(&s, "serial: A1");
  s.firmware.mute = 1000;
  for (int i = 0; i < 3; i++) {
    int starts = s.firmware.starts;
    assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), PL_E_TIMEOUT);
    assert_non_null(strstr(err.text, "did not answer report 0x15 within 250 ms"));
    assert_true(!i || s.firmware.starts == starts); /* nothing is put on the bus blindly */
  }
  s.firmware.mute = 0;
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), PL_OK);
  assert_int_equal(got[0], 0x11);
  tear_down(&s);
}

static void revision_1_has_no_repeated_start(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  uint8_t got[2];
  plug(&s);
  s.firmware.version = 1;
  bus_open_well(&s.bench, &pl_adapter_cp2112_i2c, "serial: A1", &s.bus);
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), PL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "revision 1, which sends STOP and START"));
  assert_non_null(strstr(err.text, "stop-start: true"));
  bus_close(&s.bus);
  bus_open_well(&s.bench, &pl_adapter_cp2112_i2c, "serial: A1\nstop-start: true", &s.bus);
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), PL_OK);
  tear_down(&s);
}

static void another_part_behind_the_ids_is_refused(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  plug(&s);
  s.firmware.part = 0x0d;
  assert_int_equal(bus_open(&s.bench, &pl_adapter_cp2112_i2c, "serial: A1", &s.bus, &err), PL_E_GARBAGE);
  assert_non_null(strstr(err.text, "says that it is part 0x0d"));
  bench_close(&s.bench);
  fake_unplug_all();
}

static void pins_follow_and_keep_their_direction(void **state)
{
  (void)state;
  struct setting s;
  struct pl_bus_conformance report = {.fail = tell_failure};
  plug(&s);
  s.firmware.gpio[3] = 2; /* pin 0 shows TX */
  bus_open_well(&s.bench, &pl_adapter_cp2112_gpio, "serial: A1\nlines: {OUT: 0, IN: 1, OTHER_N: 5}", &s.bus);
  struct pl_conformance_gpio target = {.output = gpio_line(&s.bus, (struct pl_gpio_line){.name = "OUT", .output = true}),
                                       .input = gpio_line(&s.bus, (struct pl_gpio_line){.name = "IN", .edges = true, .sampled = true})};
  int other = gpio_line(&s.bus, (struct pl_gpio_line){.name = "OTHER_N", .active_low = true, .output = true, .drive = PL_GPIO_OPEN_DRAIN});
  static const uint8_t CONFIG[] = {2, 0x21, 0x03, 0, 0};
  assert_memory_equal(s.firmware.gpio, CONFIG, sizeof CONFIG);
  assert_false(gpio_read(&s.bus, target.input)); /* changes count from here */
  assert_int_equal(pl_conformance_gpio(s.bus.bus, &target, &report), 0);
  assert_true(report.checks >= 15);
  assert_int_equal(s.firmware.latch, 0x20); /* the open-drain line is inactive: released */
  gpio_write(&s.bus, other, true);
  assert_int_equal(s.firmware.latch, 0);
  struct pl_err err = {0};
  int handle;
  assert_int_equal(pl_gpio_request(s.bus.bus, &(struct pl_gpio_line){.offset = 5}, &handle, &err), PL_E_LOCKED);
  assert_int_equal(pl_gpio_request(s.bus.bus, &(struct pl_gpio_line){.offset = 8}, &handle, &err), PL_E_USAGE);
  assert_int_equal(pl_gpio_request(s.bus.bus, &(struct pl_gpio_line){.name = "NO", .offset = -1}, &handle, &err), PL_E_USAGE);
  assert_int_equal(pl_gpio_request(s.bus.bus, &(struct pl_gpio_line){.offset = 6, .edges = true}, &handle, &err), PL_E_UNSUPPORTED);
  tear_down(&s);
}

static void an_output_never_shows_a_level_that_was_not_asked_for(void **state)
{
  (void)state;
  struct setting s;
  plug(&s);
  s.firmware.latch = 0xff; /* as after power-on */
  bus_open_well(&s.bench, &pl_adapter_cp2112_gpio, "serial: A1", &s.bus);
  gpio_line(&s.bus, (struct pl_gpio_line){.offset = 4, .output = true});
  assert_int_equal(s.firmware.gpio[1] & s.firmware.gpio[2], 0x10); /* a push-pull output now */
  assert_int_equal(s.firmware.latch, 0xef);
  assert_int_equal(s.firmware.shown_high, 0);
  tear_down(&s);
}

static void an_output_as_it_is_keeps_its_level(void **state)
{
  (void)state;
  struct setting s;
  plug(&s);
  s.firmware.gpio[1] = 0x08;
  s.firmware.gpio[2] = 0x08;
  s.firmware.latch = 0x08; /* another run left it on */
  bus_open_well(&s.bench, &pl_adapter_cp2112_gpio, "serial: A1", &s.bus);
  int kept = gpio_line(&s.bus, (struct pl_gpio_line){.offset = 3, .output = true, .as_is = true});
  assert_true(gpio_read(&s.bus, kept));
  tear_down(&s);
}

static void both_buses_share_the_chip_and_its_loss(void **state)
{
  (void)state;
  struct setting s;
  struct opened pins;
  struct pl_err err;
  uint8_t got[2];
  set_up(&s, "serial: A1");
  bus_open_well(&s.bench, &pl_adapter_cp2112_gpio, "serial: A1", &pins);
  assert_int_equal(s.dev.handles, 1);
  int on = gpio_line(&pins, (struct pl_gpio_line){.offset = 2, .output = true, .initial = true}),
      low = gpio_line(&pins, (struct pl_gpio_line){.offset = 3, .output = true, .active_low = true, .initial = true});
  assert_int_equal(s.firmware.latch, 0x04);
  s.dev.out = true;
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), PL_E_GONE);
  assert_true(pl_bus_is_lost(pins.bus)); /* told by the other, before it tried */
  s.firmware.gpio[1] = s.firmware.latch = 0; /* power was lost */
  s.dev.path = "1-7"; /* it comes back at another port: the serial counts */
  s.dev.out = false;
  await_return(&s.bus);
  await_return(&pins);
  assert_int_equal(s.dev.handles, 1);
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), PL_OK);
  assert_false(gpio_read(&pins, on)); /* outputs are inactive, what was set is not set again */
  assert_false(gpio_read(&pins, low));
  assert_int_equal(s.firmware.gpio[1], 0x0c);
  assert_int_equal(s.firmware.latch, 0x08);
  bus_close(&pins);
  tear_down(&s);
}

static void another_adapter_in_its_place_is_not_taken(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  uint8_t got[2];
  set_up(&s, "path: 1-2");
  s.dev.out = true;
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), PL_E_GONE);
  s.dev.serial = "B2";
  s.dev.out = false;
  for (pl_time_ns end = pl_clock_now(s.bench.clock) + 600 * PL_MS; pl_clock_step(s.bench.clock, end);)
    ;
  assert_true(pl_bus_is_lost(s.bus.bus));
  assert_int_equal(s.dev.claims, 1);
  s.dev.serial = "A1";
  await_return(&s.bus);
  tear_down(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(it_conforms, fake_reset),
      cmocka_unit_test_setup(the_limits_work_and_one_more_is_refused_with_its_number, fake_reset),
      cmocka_unit_test_setup(bad_firmware_is_told_and_survived, fake_reset),
      cmocka_unit_test_setup(a_chip_that_is_mute_stays_an_error_until_it_speaks, fake_reset),
      cmocka_unit_test_setup(revision_1_has_no_repeated_start, fake_reset),
      cmocka_unit_test_setup(another_part_behind_the_ids_is_refused, fake_reset),
      cmocka_unit_test_setup(pins_follow_and_keep_their_direction, fake_reset),
      cmocka_unit_test_setup(an_output_never_shows_a_level_that_was_not_asked_for, fake_reset),
      cmocka_unit_test_setup(an_output_as_it_is_keeps_its_level, fake_reset),
      cmocka_unit_test_setup(both_buses_share_the_chip_and_its_loss, fake_reset),
      cmocka_unit_test_setup(another_adapter_in_its_place_is_not_taken, fake_reset),
  };
  return cmocka_run_group_tests(tests, own_locks, drop_locks);
}

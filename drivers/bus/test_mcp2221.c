/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/fake_libusb.h"
#include "drivers/bus/usb_test.h"

extern const struct pl_adapter_desc pl_adapter_mcp2221_i2c;
extern const struct pl_adapter_desc pl_adapter_mcp2221_gpio;

#define QUEUE 8

struct report {
  uint8_t bytes[64];
  int len, hold;
};

/* The chip's firmware with faults. */
struct firmware {
  struct memory memory;
  struct report queue[QUEUE];
  size_t queued;
  uint8_t divider, engine, out[512], in[512];
  bool nacked;
  int total, have, at;    /* of the write that is collected; of what was read */
  uint8_t address;
  uint8_t settings[4], pins[4][2]; /* designation; value, direction */
  int cancels, cancels_when_idle, sram_writes;
  /* faults */
  int lag;              /* answers "not yet" before each step is done */
  int lagging;
  uint8_t stop_in;      /* the next transfer ends in this state */
  bool scl_low, sda_low;
  int mute, hold, cut, grow, fewer, deaf; /* deaf: cancels do nothing */
  uint8_t instead;
};

static struct report *answer(struct firmware *f, const uint8_t *command)
{
  static struct report lost;
  if (f->mute) {
    f->mute--;
    return &lost;
  }
  assert_in_range(f->queued, 0, QUEUE - 1);
  struct report *r = &f->queue[f->queued++];
  *r = (struct report){.len = 64 - f->cut, .hold = f->hold};
  r->bytes[0] = f->instead ? f->instead : command[0];
  f->hold = f->cut = f->instead = 0;
  return r;
}

/* The engine carries a transfer out; what it ends in. */
static void finish(struct firmware *f, bool ack, uint8_t good)
{
  f->nacked = !ack;
  f->engine = f->stop_in ? f->stop_in : ack ? good : 0x25;
  f->stop_in = 0;
  f->lagging = f->lag;
}

static void take_write(struct firmware *f, const uint8_t *c, struct report *r)
{
  int total = c[1] | c[2] << 8, n;
  bool going = f->engine == 0x41;
  if (f->engine && !going) {
    r->bytes[1] = 1;
    r->bytes[2] = f->engine;
    return;
  }
  if (f->lagging) { /* the chunk before is still on the wire */
    f->lagging--;
    r->bytes[1] = 1;
    r->bytes[2] = 0x40;
    return;
  }
  if (!going)
    f->total = total, f->have = 0, f->address = c[3] >> 1;
  assert_int_equal(c[3] & 1, 0);
  assert_int_equal(total, f->total);
  n = total - f->have < 60 ? total - f->have : 60;
  assert_true(n > 0);
  memcpy(f->out + f->have, c + 4, (size_t)n);
  f->have += n;
  f->engine = 0x41;
  f->lagging = f->lag;
  if (f->have == total)
    finish(f, memory_write(&f->memory, f->address, f->out, (size_t)total), c[0] == 0x94 ? 0x45 : 0);
}

static void take_read(struct firmware *f, const uint8_t *c, struct report *r)
{
  if (f->engine != (c[0] == 0x93 ? 0x45 : 0)) {
    r->bytes[1] = 1;
    r->bytes[2] = f->engine;
    return;
  }
  assert_int_equal(c[3] & 1, 1);
  f->total = (c[1] | c[2] << 8) - f->fewer;
  f->at = f->fewer = 0;
  finish(f, memory_read(&f->memory, c[3] >> 1, f->in, (size_t)f->total), 0x55);
}

static void get_data(struct firmware *f, struct report *r)
{
  if (f->lagging) {
    f->lagging--;
    r->bytes[1] = 0x41;
    r->bytes[2] = 0x50;
    return;
  }
  int n = f->total - f->at < 60 ? f->total - f->at : 60;
  r->bytes[2] = f->engine == 0x55 && f->at + n < f->total ? 0x54 : f->engine;
  if (f->engine != 0x55)
    return;
  r->bytes[3] = (uint8_t)(n + f->grow);
  memcpy(r->bytes + 4, f->in + f->at, (size_t)n);
  f->at += n;
  f->grow = 0;
  f->lagging = f->lag;
  if (f->at == f->total)
    f->engine = 0;
}

static void status_set(struct firmware *f, const uint8_t *c, struct report *r)
{
  if (c[2] == 0x10) {
    f->cancels++;
    f->cancels_when_idle += f->engine == 0;
    if (!f->deaf)
      f->engine = 0, f->nacked = false;
  }
  if (c[3] == 0x20) {
    r->bytes[3] = f->engine ? 0x21 : 0x20;
    f->divider = f->engine ? f->divider : c[4];
  }
  r->bytes[8] = f->lagging && f->engine == 0 ? 0x40 : f->engine;
  f->lagging -= f->lagging > 0;
  r->bytes[20] = f->nacked ? 0x40 : 0;
  r->bytes[22] = !f->scl_low;
  r->bytes[23] = !f->sda_low;
}

static void gpio_set(struct firmware *f, const uint8_t *c, struct report *r)
{
  for (int i = 0; i < 4; i++) {
    bool gpio = (f->settings[i] & 7) == 0;
    memcpy(r->bytes + 2 + 4 * i, c + 2 + 4 * i, 4);
    if (!gpio)
      memset(r->bytes + 2 + 4 * i, 0xee, 4);
    if (gpio && c[2 + 4 * i])
      f->pins[i][0] = c[3 + 4 * i];
    if (gpio && c[4 + 4 * i])
      f->pins[i][1] = c[5 + 4 * i];
  }
}

/* Pin 1 is wired to pin 0. */
static void gpio_get(struct firmware *f, struct report *r)
{
  for (int i = 0; i < 4; i++) {
    bool gpio = (f->settings[i] & 7) == 0;
    r->bytes[2 + 2 * i] = gpio ? f->pins[i][0] : 0xee;
    r->bytes[3 + 2 * i] = gpio ? f->pins[i][1] : 0xef;
  }
  if (!f->pins[0][1] && f->pins[1][1] && r->bytes[4] != 0xee)
    r->bytes[4] = f->pins[0][0];
}

static void sram_set(struct firmware *f, const uint8_t *c)
{
  f->sram_writes++;
  for (int i = 0; i < 4 && (c[7] & 0x80); i++) {
    f->settings[i] = c[8 + i];
    f->pins[i][0] = (c[8 + i] >> 4) & 1;
    f->pins[i][1] = (c[8 + i] >> 3) & 1;
  }
}

static void take_command(struct firmware *f, const uint8_t *c)
{
  struct report *r = answer(f, c);
  switch (c[0]) {
  case 0x10: status_set(f, c, r); break;
  case 0x40: get_data(f, r); break;
  case 0x50: gpio_set(f, c, r); break;
  case 0x51: gpio_get(f, r); break;
  case 0x60: sram_set(f, c); break;
  case 0x61: memcpy(r->bytes + 22, f->settings, 4); break;
  case 0x90: case 0x94: take_write(f, c, r); break;
  case 0x91: case 0x93: take_read(f, c, r); break;
  default: fail_msg("command 0x%02x", c[0]);
  }
}

static int mcp_transfer(struct fake_usb *dev, uint8_t endpoint, uint8_t *data, int len, int *moved)
{
  struct firmware *f = dev->firmware;
  assert_int_equal(len, 64);
  if (endpoint == 0x03) {
    take_command(f, data);
    *moved = len;
    return 0;
  }
  assert_int_equal(endpoint, 0x83);
  if (!f->queued || f->queue[0].hold-- > 0)
    return LIBUSB_ERROR_TIMEOUT;
  *moved = f->queue[0].len;
  memcpy(data, f->queue[0].bytes, 64);
  memmove(f->queue, f->queue + 1, --f->queued * sizeof f->queue[0]);
  return 0;
}

struct setting {
  struct fake_usb dev;
  struct firmware firmware;
  struct bench bench;
  struct opened bus;
};

static void plug(struct setting *s)
{
  *s = (struct setting){.dev = {.vendor = 0x04d8, .product_id = 0x00dd, .path = "1-2", .serial = "M1", .transfer = mcp_transfer},
                        .firmware = {.memory = {.address = 0x50}, .pins = {{0, 1}, {1, 1}, {1, 1}, {1, 1}}}};
  s->dev.firmware = &s->firmware;
  for (int i = 0; i < 256; i++)
    s->firmware.memory.bytes[i] = (uint8_t)(i + 1);
  fake_plug(&s->dev);
  bench_open(&s->bench);
}

static void set_up(struct setting *s, const char *yaml)
{
  plug(s);
  bus_open_well(&s->bench, &pl_adapter_mcp2221_i2c, yaml, &s->bus);
}

static void tear_down(struct setting *s)
{
  assert_int_equal(s->firmware.cancels_when_idle, 0); /* the real chip would be busy for ever */
  bus_close(&s->bus);
  bench_close(&s->bench);
  fake_unplug_all();
}

static void it_conforms(void **state)
{
  (void)state;
  for (int lag = 0; lag < 3; lag++) {
    struct setting s;
    set_up(&s, "serial: M1\nspeed: 400 kHz");
    s.firmware.lag = lag;
    assert_int_equal(s.firmware.divider, 27);
    assert_true(s.dev.claimed[2] && !s.dev.claimed[0]); /* the serial port of the chip is left alone */
    struct pl_bus_conformance report = {.fail = tell_failure};
    struct pl_conformance_i2c target = {.address = 0x50, .command = 0x10, .absent = 0x51, .read_len = 4};
    assert_int_equal(pl_conformance_i2c(s.bus.bus, &target, &report), 0);
    assert_true(report.checks >= 12);
    tear_down(&s);
  }
}

static void long_messages_go_in_chunks(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  uint8_t out[201] = {0x10}, in[300];
  set_up(&s, "serial: M1");
  s.firmware.lag = 1;
  for (size_t i = 1; i < sizeof out; i++)
    out[i] = (uint8_t)(i * 7);
  assert_int_equal(i2c_write(&s.bus, 0x50, out, sizeof out, &err), PL_OK);
  assert_memory_equal(s.firmware.memory.bytes + 0x10, out + 1, 200);
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0, in, sizeof in, &err), PL_OK);
  for (int i = 0; i < 300; i++)
    assert_int_equal(in[i], s.firmware.memory.bytes[i & 255]);
  assert_int_equal(i2c_write(&s.bus, 0x50, out, 0, &err), PL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "cannot write 0 bytes"));
  tear_down(&s);
}

/* Each fault: the status, words of the sentence, the bus usable afterwards, and the next answer the right one. */
static void bad_firmware_and_a_bad_bus_are_told_and_survived(void **state)
{
  (void)state;
  static const struct {
    struct firmware faults;
    enum pl_status status;
    const char *words;
  } ROWS[] = {
      {{.stop_in = 0x25}, PL_E_NACK, "not acknowledged"},
      {{.stop_in = 0x44}, PL_E_NACK, "data byte"},
      {{.stop_in = 0x23}, PL_E_TIMEOUT, "engine state 0x23"},
      {{.stop_in = 0x12, .scl_low = true}, PL_E_STUCK, "SCL is held low"},
      {{.stop_in = 0x62, .sda_low = true}, PL_E_STUCK, "SDA is held low"},
      {{.stop_in = 0x40}, PL_E_TIMEOUT, "did not end before the deadline"},
      {{.stop_in = 0x40, .sda_low = true}, PL_E_STUCK, "cannot clock a bus free"},
      {{.mute = 1}, PL_E_TIMEOUT, "did not answer command 0x94"},
      {{.hold = 1}, PL_E_TIMEOUT, "did not answer command 0x94"},
      {{.cut = 1}, PL_E_SHORT, "63 bytes"},
      {{.grow = 1}, PL_E_GARBAGE, "3 bytes where 2 were left"},
      {{.fewer = 1}, PL_E_SHORT, "1 of 2 bytes"},
      {{.instead = 0x51}, PL_E_TIMEOUT, "did not answer command 0x94"},
  };
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    struct setting s;
    struct pl_err err;
    uint8_t got[2] = {0}, at = 0x10;
    struct pl_i2c_msg msgs[] = {{.address = 0x50, .len = 1, .buf = &at}, {.address = 0x50, .flags = PL_I2C_READ, .len = 2, .buf = got}};
    set_up(&s, "serial: M1");
    struct firmware *f = &s.firmware;
    const struct firmware *w = &ROWS[i].faults;
    f->stop_in = w->stop_in, f->scl_low = w->scl_low, f->sda_low = w->sda_low, f->mute = w->mute, f->hold = w->hold, f->cut = w->cut, f->grow = w->grow;
    f->fewer = w->fewer, f->instead = w->instead;
    enum pl_status status = i2c_within(&s.bus, msgs, 2, 100 * PL_MS, &err);
    if (status != ROWS[i].status || !strstr(err.text, ROWS[i].words))
      fail_msg("row %zu: %s", i, err.text);
    assert_ptr_equal(strstr(err.text, "MCP2221 M1 at 1-2: i2c address 0x50: "), err.text);
    f->scl_low = f->sda_low = false;
    at = 0x40;
    status = i2c_within(&s.bus, msgs, 2, 2 * PL_S, &err);
    if (status)
      fail_msg("row %zu, after: %s", i, err.text);
    assert_int_equal(got[0], 0x41);
    assert_int_equal(got[1], 0x42);
    tear_down(&s);
  }
}

static void a_bus_that_stays_stuck_says_what_to_do_each_time(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  uint8_t got[2];
  set_up(&s, "serial: M1");
  s.firmware.stop_in = 0x12;
  s.firmware.sda_low = true;
  s.firmware.deaf = 1;
  for (int i = 0; i < 2; i++) {
    assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), PL_E_STUCK);
    assert_non_null(strstr(err.text, "SDA is held low"));
    assert_non_null(strstr(err.text, "power-cycle the device that holds it"));
  }
  s.firmware.sda_low = false;
  s.firmware.deaf = 0;
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), PL_OK);
  tear_down(&s);
}

static void pins_become_gpio_without_a_false_level_elsewhere(void **state)
{
  (void)state;
  struct setting s;
  struct pl_bus_conformance report = {.fail = tell_failure};
  plug(&s);
  s.firmware.settings[0] = 0x01; /* an LED shows receive */
  s.firmware.pins[3][0] = 1;     /* an output that is on: the settings do not know */
  s.firmware.pins[3][1] = 0;
  bus_open_well(&s.bench, &pl_adapter_mcp2221_gpio, "serial: M1\nlines: {OUT: 0, IN: 1, LOW_N: 2}", &s.bus);
  struct pl_conformance_gpio target = {.output = gpio_line(&s.bus, (struct pl_gpio_line){.name = "OUT", .output = true}),
                                       .input = gpio_line(&s.bus, (struct pl_gpio_line){.name = "IN", .edges = true, .sampled = true})};
  assert_int_equal(s.firmware.sram_writes, 1);
  assert_int_equal(s.firmware.pins[3][0], 1);
  assert_int_equal(s.firmware.pins[3][1], 0);
  int low = gpio_line(&s.bus, (struct pl_gpio_line){.name = "LOW_N", .active_low = true, .output = true});
  int kept = gpio_line(&s.bus, (struct pl_gpio_line){.offset = 3, .output = true, .as_is = true});
  assert_int_equal(s.firmware.sram_writes, 1);
  assert_true(gpio_read(&s.bus, kept));
  assert_int_equal(s.firmware.pins[2][0], 1);
  gpio_write(&s.bus, low, true);
  assert_int_equal(s.firmware.pins[2][0], 0);
  assert_false(gpio_read(&s.bus, target.input)); /* changes count from here */
  assert_int_equal(pl_conformance_gpio(s.bus.bus, &target, &report), 0);
  assert_true(report.checks >= 15);
  s.firmware.settings[0] = 0x01; /* somebody else's tool */
  struct pl_err err;
  bool value = true;
  assert_int_equal(gpio_call(&s.bus, false, &target.output, &value, 1, &err), PL_E_GARBAGE);
  assert_int_equal(gpio_call(&s.bus, true, &target.output, &value, 1, &err), PL_E_GARBAGE);
  assert_non_null(strstr(err.text, "pin 0 is no GPIO any more"));
  tear_down(&s);
}

static void both_buses_share_the_chip_and_its_loss(void **state)
{
  (void)state;
  struct setting s;
  struct opened pins;
  struct pl_err err;
  uint8_t got[2];
  bool value;
  set_up(&s, "serial: M1");
  bus_open_well(&s.bench, &pl_adapter_mcp2221_gpio, "serial: M1", &pins);
  int on = gpio_line(&pins, (struct pl_gpio_line){.offset = 2, .output = true, .initial = true});
  s.dev.out = true;
  assert_int_equal(gpio_call(&pins, false, &on, &value, 1, &err), PL_E_GONE);
  assert_string_equal(err.text, "MCP2221 M1 at 1-2: writing endpoint 0x03: unplugged");
  assert_true(pl_bus_is_lost(s.bus.bus));
  s.firmware.divider = 0;
  s.dev.out = false;
  await_return(&pins);
  await_return(&s.bus);
  assert_int_equal(s.firmware.divider, 117);
  assert_false(gpio_read(&pins, on));
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), PL_OK);
  bus_close(&pins);
  tear_down(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(it_conforms, fake_reset),
      cmocka_unit_test_setup(long_messages_go_in_chunks, fake_reset),
      cmocka_unit_test_setup(bad_firmware_and_a_bad_bus_are_told_and_survived, fake_reset),
      cmocka_unit_test_setup(a_bus_that_stays_stuck_says_what_to_do_each_time, fake_reset),
      cmocka_unit_test_setup(pins_become_gpio_without_a_false_level_elsewhere, fake_reset),
      cmocka_unit_test_setup(both_buses_share_the_chip_and_its_loss, fake_reset),
  };
  return cmocka_run_group_tests(tests, own_locks, drop_locks);
}

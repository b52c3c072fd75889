/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/fake_libusb.h"
#include "drivers/bus/usb_test.h"

extern const struct pl_adapter_desc pl_adapter_i2c_tiny_usb;

/* The firmware, as strict as it can be, with faults. */
struct firmware {
  struct memory memory;
  uint16_t delay;
  uint8_t status;
  bool open;     /* a message without END stands */
  int orphans;   /* BEGIN while a message stood: no START comes of it */
  int messages, ends_to_reserved;
  /* faults */
  int break_at, code;  /* the break_at-th request from now gives code */
  int short_by;        /* of each read */
  uint8_t lie;         /* what the status is said to be; 0: the truth */
  bool sda_low;
};

static int do_io(struct firmware *f, const uint8_t *setup, uint8_t *data, int len)
{
  uint8_t address = setup[4];
  bool read = setup[0] & 0x80, begin = setup[1] & 1, end = setup[1] & 2;
  assert_int_equal(setup[2] & 1, read);
  f->messages++;
  f->orphans += begin && f->open;
  f->open = !end;
  if (address == 0x7f && end && !begin)
    f->ends_to_reserved++;
  bool ack = f->sda_low || (read ? memory_read(&f->memory, address, data, (size_t)len) : memory_write(&f->memory, address, data, (size_t)len));
  if (f->sda_low && read)
    memset(data, 0, (size_t)len);
  f->status = ack ? 1 : 2;
  if (!ack)
    f->open = false; /* it sends STOP */
  return read ? len - f->short_by : len;
}

static int tiny_control(struct fake_usb *dev, const uint8_t *setup, uint8_t *data, int len)
{
  struct firmware *f = dev->firmware;
  assert_int_equal(setup[0] & 0x7f, 0x41);
  if (f->break_at && !--f->break_at)
    return f->code;
  switch (setup[1]) {
  case 2: f->delay = (uint16_t)(setup[2] | setup[3] << 8); return 0;
  case 3: data[0] = f->lie ? f->lie : f->status; return 1;
  case 4: case 5: case 6: case 7: return do_io(f, setup, data, len);
  default: return LIBUSB_ERROR_PIPE;
  }
}

struct setting {
  struct fake_usb dev;
  struct firmware firmware;
  struct bench bench;
  struct opened bus;
};

static void set_up(struct setting *s, const char *yaml)
{
  *s = (struct setting){.dev = {.vendor = 0x0403, .product_id = 0xc631, .path = "1-3", .product = "i2c-tiny-usb", .control = tiny_control},
                        .firmware = {.memory = {.address = 0x50}}};
  s->dev.firmware = &s->firmware;
  for (int i = 0; i < 256; i++)
    s->firmware.memory.bytes[i] = (uint8_t)(i + 1);
  fake_plug(&s->dev);
  bench_open(&s->bench);
  bus_open_well(&s->bench, &pl_adapter_i2c_tiny_usb, yaml, &s->bus);
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
  set_up(&s, "path: 1-3\nspeed: 100 kHz");
  assert_int_equal(s.firmware.delay, 10);
  struct pl_bus_conformance report = {.fail = tell_failure};
  assert_int_equal(pl_conformance_i2c(s.bus.bus, &(struct pl_conformance_i2c){.address = 0x50, .command = 0x10, .absent = 0x51, .read_len = 4}, &report), 0);
  assert_true(report.checks >= 12);
  assert_int_equal(s.firmware.orphans, 0);
  tear_down(&s);
}

static void any_message_list_is_one_transfer_a_message(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, "path: 1-3");
  uint8_t put[] = {0x20, 0xaa, 0xbb}, at = 0x20, got[2] = {0}, more[1] = {0};
  struct pl_i2c_msg msgs[] = {{.address = 0x50, .len = 3, .buf = put}, {.address = 0x50, .len = 1, .buf = &at},
                              {.address = 0x50, .flags = PL_I2C_READ, .len = 2, .buf = got}, {.address = 0x50, .flags = PL_I2C_READ, .len = 1, .buf = more}};
  struct pl_err err;
  assert_int_equal(i2c_within(&s.bus, msgs, 4, PL_S, &err), PL_OK);
  assert_int_equal(got[0], 0xaa);
  assert_int_equal(got[1], 0xbb);
  assert_int_equal(more[0], 0x23);
  assert_int_equal(s.firmware.messages, 1 + 4);
  assert_int_equal(s.firmware.orphans, 0);
  assert_false(s.firmware.open);
  assert_int_equal(i2c_write(&s.bus, 0x50, NULL, 0, &err), PL_OK); /* an address alone */
  assert_int_equal(s.firmware.messages, 5 + 2);
  uint8_t big[255] = {0};
  assert_int_equal(i2c_write(&s.bus, 0x50, big, 255, &err), PL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "254"));
  tear_down(&s);
}

/* Each fault: the status, words of the sentence, and the bus usable afterwards. */
static void bad_firmware_is_told_and_survived(void **state)
{
  (void)state;
  static const struct {
    int break_at, code, short_by;
    uint8_t lie;
    bool sda_low;
    enum pl_status status;
    const char *words;
  } ROWS[] = {
      {.break_at = 1, .code = LIBUSB_ERROR_TIMEOUT, .status = PL_E_TIMEOUT, .words = "no answer before the deadline"},
      {.break_at = 5, .code = LIBUSB_ERROR_TIMEOUT, .status = PL_E_TIMEOUT, .words = "no answer before the deadline"},
      {.break_at = 6, .code = LIBUSB_ERROR_PIPE, .status = PL_E_IO, .words = "stall"},
      {.break_at = 5, .code = LIBUSB_ERROR_OVERFLOW, .status = PL_E_GARBAGE, .words = "more than was asked for"},
      {.break_at = 4, .code = 0, .status = PL_E_SHORT, .words = "no status"},
      {.short_by = 1, .status = PL_E_SHORT, .words = "1 of 2 bytes"},
      {.lie = 9, .status = PL_E_GARBAGE, .words = "status of the message is 9"},
      {.sda_low = true, .status = PL_E_STUCK, .words = "SDA is held low"},
  };
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    struct setting s;
    struct pl_err err;
    uint8_t got[2] = {0};
    set_up(&s, "path: 1-3");
    s.firmware.break_at = ROWS[i].break_at;
    s.firmware.code = ROWS[i].code;
    s.firmware.short_by = ROWS[i].short_by;
    s.firmware.lie = ROWS[i].lie;
    s.firmware.sda_low = ROWS[i].sda_low;
    assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), ROWS[i].status);
    assert_non_null(strstr(err.text, ROWS[i].words));
    assert_non_null(strstr(err.text, "i2c-tiny-usb at 1-3: i2c address 0x50: "));
    s.firmware.short_by = s.firmware.lie = s.firmware.sda_low = 0;
    assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), PL_OK);
    assert_int_equal(got[0], 0x11);
    assert_int_equal(s.firmware.orphans, 0); /* a message that stood was ended before the next began */
    tear_down(&s);
  }
}

static void sda_is_looked_at_before_each_transaction(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  uint8_t got[2] = {1, 1}, out[] = {0x10, 7};
  set_up(&s, "path: 1-3");
  memset(s.firmware.memory.bytes, 0, 16);
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0, got, 2, &err), PL_OK);
  assert_int_equal(got[0] | got[1], 0);
  assert_int_equal(s.firmware.messages, 3);
  s.firmware.sda_low = true;
  assert_int_equal(i2c_write(&s.bus, 0x50, out, 2, &err), PL_E_STUCK); /* not taken for a write that was acknowledged */
  assert_int_equal(s.firmware.messages, 4);
  tear_down(&s);
}

static void unplugged_and_back(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  uint8_t got[2];
  set_up(&s, "path: 1-3\nspeed: 50 kHz");
  s.dev.out = true;
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), PL_E_GONE);
  assert_string_equal(err.text, "i2c-tiny-usb at 1-3: i2c address 0x50: control request 0x07: unplugged");
  assert_true(pl_bus_is_lost(s.bus.bus));
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), PL_E_GONE);
  assert_non_null(strstr(err.text, "is away"));
  s.firmware.delay = 0;
  s.dev.out = false;
  await_return(&s.bus);
  assert_int_equal(s.firmware.delay, 20); /* set up again */
  assert_int_equal(i2c_read_at(&s.bus, 0x50, 0x10, got, 2, &err), PL_OK);
  assert_int_equal(s.dev.handles, 1);
  tear_down(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(it_conforms, fake_reset),
      cmocka_unit_test_setup(any_message_list_is_one_transfer_a_message, fake_reset),
      cmocka_unit_test_setup(bad_firmware_is_told_and_survived, fake_reset),
      cmocka_unit_test_setup(sda_is_looked_at_before_each_transaction, fake_reset),
      cmocka_unit_test_setup(unplugged_and_back, fake_reset),
  };
  return cmocka_run_group_tests(tests, own_locks, drop_locks);
}

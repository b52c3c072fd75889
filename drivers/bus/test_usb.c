/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/usb.h"
#include "drivers/bus/fake_libusb.h"
#include "drivers/bus/lock.h"
#include "drivers/bus/usb_test.h"

static const struct pl_usb_id IDS[] = {{0x10c4, 0xea90}};

static struct fake_usb cp2112(const char *path, const char *serial)
{
  return (struct fake_usb){.vendor = 0x10c4, .product_id = 0xea90, .release = 0x100, .path = path, .serial = serial, .product = "CP2112 HID USB-to-SMBus"};
}

static enum pl_status open_by(const char *serial, const char *path, struct pl_usb **usb, struct pl_err *err)
{
  struct pl_usb_match match = {.what = "CP2112", .ids = IDS, .n_ids = 1, .serial = serial, .path = path};
  struct pl_clock *clock;
  *err = (struct pl_err){0};
  assert_int_equal(pl_clock_new_virtual(0, &clock, err), PL_OK);
  *usb = NULL;
  enum pl_status status = pl_usb_open(&match, clock, usb, err);
  if (status)
    assert_null(*usb);
  pl_usb_close(*usb);
  pl_clock_free(clock);
  return status;
}

static void a_device_is_found_by_serial_path_or_as_the_only_one(void **state)
{
  (void)state;
  static const struct {
    const char *serial, *path;
    enum pl_status status;
    const char *text;
  } ROWS[] = {
      {"0012AB34", NULL, PL_OK, ""},
      {NULL, "1-2.10", PL_OK, ""},
      {"0012AB34", "1-2.3", PL_OK, ""},
      {NULL, NULL, PL_E_USAGE, "2 devices are CP2112: CP2112 0012AB34 at 1-2.3, CP2112 OTHER at 1-2.10; name one by its path or serial"},
      {"NONE", NULL, PL_E_GONE, "there is no CP2112 with serial NONE; there is CP2112 0012AB34 at 1-2.3, CP2112 OTHER at 1-2.10"},
      {"0012AB34", "1-2.10", PL_E_GONE, "there is no CP2112 with serial 0012AB34 at path 1-2.10: there is CP2112 OTHER at 1-2.10"},
      {NULL, "1-4", PL_E_GONE, "there is no CP2112 at path 1-4: there is 0403:6014 FT232H FT01 at 1-4"},
      {"FT01", NULL, PL_E_GONE, "there is no CP2112 with serial FT01: there is 0403:6014 FT232H FT01 at 1-4"},
      {NULL, "7-1", PL_E_GONE, "there is no CP2112 at path 7-1; there is CP2112 0012AB34 at 1-2.3, CP2112 OTHER at 1-2.10"},
      {NULL, "usb1", PL_E_GONE, "there is no CP2112 at path usb1: there is 1d6b:0002  without a serial number at usb1"},
  };
  struct fake_usb a = cp2112("1-2.3", "0012AB34"), b = cp2112("1-2.10", "OTHER"),
                  ft = {.vendor = 0x0403, .product_id = 0x6014, .path = "1-4", .serial = "FT01", .product = "FT232H"},
                  root = {.vendor = 0x1d6b, .product_id = 2, .path = "usb1"};
  fake_plug(&b);
  fake_plug(&root);
  fake_plug(&a);
  fake_plug(&ft);
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    struct pl_usb *usb;
    struct pl_err err;
    assert_int_equal(open_by(ROWS[i].serial, ROWS[i].path, &usb, &err), ROWS[i].status);
    assert_string_equal(err.text, ROWS[i].text);
  }
  fake_unplug_all();
}

static void two_with_one_serial_are_told_not_guessed(void **state)
{
  (void)state;
  struct fake_usb a = cp2112("1-1", "SAME"), b = cp2112("1-2", "SAME");
  struct pl_usb *usb;
  struct pl_err err;
  fake_plug(&a);
  fake_plug(&b);
  assert_int_equal(open_by("SAME", NULL, &usb, &err), PL_E_USAGE);
  assert_string_equal(err.text, "2 devices are CP2112 with serial SAME: CP2112 SAME at 1-1, CP2112 SAME at 1-2; name one by its path (a serial number that two "
                                "bear names neither)");
  assert_int_equal(open_by("SAME", "1-2", &usb, &err), PL_OK);
  assert_int_equal(a.claims, 0);
  assert_int_equal(b.claims, 1);
  fake_unplug_all();
}

static void nothing_plugged_in_says_so(void **state)
{
  (void)state;
  struct pl_usb *usb;
  struct pl_err err;
  assert_int_equal(open_by(NULL, NULL, &usb, &err), PL_E_GONE);
  assert_string_equal(err.text, "there is no CP2112, and no other CP2112; plug it in");
  fake_unplug_all();
}

static void no_permission_comes_with_the_rule(void **state)
{
  (void)state;
  struct fake_usb a = cp2112("1-1", "A");
  struct pl_usb *usb;
  struct pl_err err;
  a.access_refused = 1000;
  fake_plug(&a);
  assert_int_equal(open_by("A", NULL, &usb, &err), PL_E_IO); /* it may be the one: its serial cannot be read */
  assert_non_null(strstr(err.text, "no permission to open CP2112 at 1-1"));
  assert_non_null(strstr(err.text, "ATTR{idVendor}==\"10c4\", ATTR{idProduct}==\"ea90\""));
  assert_int_equal(a.access_refused, 999); /* a virtual clock has no time to wait in */
  fake_unplug_all();
}

static void a_device_that_just_came_is_tried_again(void **state)
{
  (void)state;
  struct fake_usb a = cp2112("1-1", "A");
  struct pl_usb_match match = {.what = "CP2112", .ids = IDS, .n_ids = 1};
  struct pl_clock *clock;
  struct pl_usb *usb;
  struct pl_err err = {0};
  a.access_refused = 2;
  fake_plug(&a);
  assert_int_equal(pl_clock_new_real(&clock, &err), PL_OK);
  assert_int_equal(pl_usb_open(&match, clock, &usb, &err), PL_OK);
  assert_string_equal(pl_usb_where(usb), "CP2112 A at 1-1");
  pl_usb_close(usb);
  pl_clock_free(clock);
  fake_unplug_all();
}

static void only_its_interface_is_taken_and_given_back(void **state)
{
  (void)state;
  struct fake_usb a = cp2112("1-1", "A");
  struct pl_usb_match match = {.what = "CP2112", .ids = IDS, .n_ids = 1, .interface = 2};
  struct pl_clock *clock;
  struct pl_usb *usb;
  struct pl_err err = {0};
  a.driver[0] = a.driver[2] = true;
  fake_plug(&a);
  assert_int_equal(pl_clock_new_virtual(0, &clock, &err), PL_OK);
  assert_int_equal(pl_usb_open(&match, clock, &usb, &err), PL_OK);
  assert_true(a.driver[0] && !a.driver[2] && a.claimed[2] && !a.claimed[0]);
  pl_usb_close(usb);
  assert_true(a.driver[0] && a.driver[2] && !a.claimed[2]);
  assert_int_equal(a.detaches, 1);
  assert_int_equal(a.attaches, 1);
  a.driver[2] = false; /* nothing was bound: nothing is bound after */
  assert_int_equal(pl_usb_open(&match, clock, &usb, &err), PL_OK);
  pl_usb_close(usb);
  assert_int_equal(a.attaches, 1);
  pl_clock_free(clock);
  fake_unplug_all();
}

static void a_held_interface_is_told_with_its_holder(void **state)
{
  (void)state;
  struct fake_usb a = cp2112("1-1", "A"), bare = cp2112("1-3", NULL);
  struct pl_usb *usb;
  struct pl_lock *lock, *other;
  struct pl_err err = {0};
  char pid[32];
  fake_plug(&a);
  fake_plug(&bare);
  assert_int_equal(pl_lock_take("usb:10c4:ea90:A:if0", &lock, &err), PL_OK);
  assert_int_equal(pl_lock_take("usb:1-3:if0", &other, &err), PL_OK);
  snprintf(pid, sizeof pid, "process %ld", (long)getpid());
  assert_int_equal(open_by("A", NULL, &usb, &err), PL_E_LOCKED);
  assert_non_null(strstr(err.text, "CP2112 A at 1-1: "));
  assert_non_null(strstr(err.text, pid));
  assert_int_equal(open_by(NULL, "1-3", &usb, &err), PL_E_LOCKED);
  assert_non_null(strstr(err.text, pid));
  pl_lock_release(lock);
  pl_lock_release(other);
  a.taken[0] = true; /* by a program that does not know our locks */
  assert_int_equal(open_by("A", NULL, &usb, &err), PL_E_LOCKED);
  assert_string_equal(err.text, "CP2112 A at 1-1: interface 0 is in use by another program or driver; end that program first");
  fake_unplug_all();
}

/* --- transfers --- */

struct script { /* what the next transfer gives */
  int result, moved;
};

static int scripted_control(struct fake_usb *dev, const uint8_t *setup, uint8_t *data, int len)
{
  const struct script *script = dev->firmware;
  for (int i = 0; (setup[0] & 0x80) && i < len && i < script->result; i++)
    data[i] = (uint8_t)(setup[1] + i);
  return script->result;
}

static int scripted_transfer(struct fake_usb *dev, uint8_t endpoint, uint8_t *data, int len, int *moved)
{
  const struct script *script = dev->firmware;
  (void)endpoint;
  (void)data;
  (void)len;
  *moved = script->moved;
  return script->result;
}

struct device {
  struct fake_usb dev;
  struct script script;
  struct pl_clock *clock;
  struct pl_usb *usb;
};

static void set_up(struct device *o)
{
  struct pl_usb_match match = {.what = "CP2112", .ids = IDS, .n_ids = 1};
  struct pl_err err = {0};
  *o = (struct device){.dev = cp2112("1-1", "A")};
  o->dev.control = scripted_control;
  o->dev.transfer = scripted_transfer;
  o->dev.firmware = &o->script;
  fake_plug(&o->dev);
  assert_int_equal(pl_clock_new_virtual(0, &o->clock, &err), PL_OK);
  assert_int_equal(pl_usb_open(&match, o->clock, &o->usb, &err), PL_OK);
}

static void tear_down(struct device *o)
{
  pl_usb_close(o->usb);
  pl_clock_free(o->clock);
  fake_unplug_all();
}

static void each_cause_has_its_status_and_sentence(void **state)
{
  (void)state;
  static const struct {
    int code;
    enum pl_status status;
    const char *text;
  } ROWS[] = {
      {LIBUSB_ERROR_NO_DEVICE, PL_E_GONE, "CP2112 A at 1-1: reading endpoint 0x81: unplugged"},
      {LIBUSB_ERROR_PIPE, PL_E_NACK, "CP2112 A at 1-1: reading endpoint 0x81: refused by the device (stall)"},
      {LIBUSB_ERROR_TIMEOUT, PL_E_TIMEOUT, "CP2112 A at 1-1: reading endpoint 0x81: no answer before the deadline"},
      {LIBUSB_ERROR_OVERFLOW, PL_E_GARBAGE, "CP2112 A at 1-1: reading endpoint 0x81: the device sent more than was asked for"},
      {LIBUSB_ERROR_IO, PL_E_IO, "CP2112 A at 1-1: reading endpoint 0x81: a libusb error"},
  };
  struct device o;
  uint8_t data[8];
  size_t done = 99;
  set_up(&o);
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    struct pl_err err = {0};
    o.script = (struct script){.result = ROWS[i].code};
    assert_int_equal(pl_usb_transfer(o.usb, 0x81, data, sizeof data, PL_S, &done, &err), ROWS[i].status);
    assert_string_equal(err.text, ROWS[i].text);
    assert_int_equal(pl_usb_control(o.usb, 0xc1, 3, 0, 0, data, 1, PL_S, &done, &err), ROWS[i].status);
    assert_non_null(strstr(err.text, "control request 0x03"));
    assert_int_equal(done, 0);
  }
  assert_int_equal(o.dev.halts_cleared, 1); /* of the stalled endpoint; a control pipe's stall ends by itself */
  tear_down(&o);
}

static void bytes_and_deadlines_reach_the_library(void **state)
{
  (void)state;
  struct device o;
  uint8_t data[8] = {0};
  size_t done = 0;
  struct pl_err err = {0};
  set_up(&o);
  o.script = (struct script){.result = 3};
  assert_int_equal(pl_usb_control(o.usb, 0xc1, 0x40, 0, 0, data, sizeof data, 1500 * PL_US, &done, &err), PL_OK); /* a short answer is the caller's */
  assert_int_equal(done, 3);
  assert_int_equal(data[2], 0x42);
  assert_int_equal(o.dev.last_timeout_ms, 2); /* rounded up: 0 would be for ever */
  assert_int_equal(pl_usb_control(o.usb, 0x41, 0x40, 0, 0, data, sizeof data, PL_S, NULL, &err), PL_E_SHORT);
  o.script = (struct script){.result = 0, .moved = 5};
  assert_int_equal(pl_usb_transfer(o.usb, 0x81, data, sizeof data, PL_S, &done, &err), PL_OK);
  assert_int_equal(done, 5);
  assert_int_equal(pl_usb_transfer(o.usb, 0x01, data, sizeof data, PL_S, &done, &err), PL_E_SHORT);
  assert_int_equal(o.dev.interrupts, 2);
  assert_int_equal(pl_usb_transfer(o.usb, 0x82, data, sizeof data, PL_S, &done, &err), PL_OK);
  assert_int_equal(o.dev.bulks, 1);
  o.dev.last_timeout_ms = 77;
  assert_int_equal(pl_usb_transfer(o.usb, 0x81, data, sizeof data, 0, &done, &err), PL_E_TIMEOUT); /* the deadline is now: nothing is begun */
  assert_int_equal(pl_usb_control(o.usb, 0xc1, 3, 0, 0, data, 1, -5, &done, &err), PL_E_TIMEOUT);
  assert_int_equal(o.dev.last_timeout_ms, 77);
  tear_down(&o);
}

static void note(void *ctx, const struct pl_usb_info *info)
{
  char *text = ctx;
  size_t used = strlen(text);
  snprintf(text + used, 512 - used, "%s %04x:%04x %s %s %d;", info->path, info->id.vendor, info->id.product, info->serial, info->product, info->readable);
}

static void the_list_is_by_path_and_tells_what_may_not_be_read(void **state)
{
  (void)state;
  struct fake_usb a = cp2112("1-10", "B\x01\xff"), b = cp2112("1-9", "S"), c = cp2112("1-2.1", NULL);
  char text[512] = "";
  struct pl_err err = {0};
  b.access_refused = 5;
  fake_plug(&a);
  fake_plug(&b);
  fake_plug(&c);
  assert_int_equal(pl_usb_list(note, text, &err), PL_OK);
  assert_string_equal(text, "1-2.1 10c4:ea90  CP2112 HID USB-to-SMBus 1;1-9 10c4:ea90   0;1-10 10c4:ea90 B?? CP2112 HID USB-to-SMBus 1;");
  fake_unplug_all();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_device_is_found_by_serial_path_or_as_the_only_one, fake_reset),
      cmocka_unit_test_setup(two_with_one_serial_are_told_not_guessed, fake_reset),
      cmocka_unit_test_setup(nothing_plugged_in_says_so, fake_reset),
      cmocka_unit_test_setup(no_permission_comes_with_the_rule, fake_reset),
      cmocka_unit_test_setup(a_device_that_just_came_is_tried_again, fake_reset),
      cmocka_unit_test_setup(only_its_interface_is_taken_and_given_back, fake_reset),
      cmocka_unit_test_setup(a_held_interface_is_told_with_its_holder, fake_reset),
      cmocka_unit_test_setup(each_cause_has_its_status_and_sentence, fake_reset),
      cmocka_unit_test_setup(bytes_and_deadlines_reach_the_library, fake_reset),
      cmocka_unit_test_setup(the_list_is_by_path_and_tells_what_may_not_be_read, fake_reset),
  };
  return cmocka_run_group_tests(tests, own_locks, drop_locks);
}

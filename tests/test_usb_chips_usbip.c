/* SPDX-License-Identifier: Apache-2.0 */
/* The adapters "cp2112", "mcp2221" and "i2c-tiny-usb", unmodified, on their twins over USB/IP. */
#include "drivers/bus/usb_test.h"
#include "fixtures/twin/usb/tree.h"
#include "tests/ftdi_lab.h"

#define CP2112 "  - {device: cp2112, serial: CP01, i2c: i2c-power, gpio: lines}\n"
#define MCP2221 "  - {device: mcp2221, serial: MC01, i2c: i2c-power, gpio: lines}\n"
#define TINY "  - {device: i2c-tiny-usb, i2c: i2c-power}\n"

struct setting {
  struct lab lab;
  struct bench bench; /* the lab's clock and chips */
};

static void open_lab(struct setting *s, const char *usb, bool timing)
{
  if (!lab_open(&s->lab, usb, timing))
    fail_msg("%s", s->lab.err.text);
  s->bench = (struct bench){s->lab.clock, s->lab.share};
}

static const struct pl_adapter_desc *adapter(enum pl_bus_kind kind, const char *name)
{
  const struct pl_adapter_desc *desc = pl_adapter_find(kind, name);
  assert_non_null(desc);
  return desc;
}

static const struct {
  const char *usb, *adapter, *values;
} ROWS[] = {
    {TINY, "i2c-tiny-usb", "path: 1-1"},
    {CP2112, "cp2112", "serial: CP01\nspeed: 400 kHz"},
    {MCP2221, "mcp2221", "serial: MC01\nspeed: 400 kHz"},
};
#define N_ROWS (sizeof ROWS / sizeof ROWS[0])

static void open_row(struct setting *s, size_t row, bool timing, struct opened *bus)
{
  open_lab(s, ROWS[row].usb, timing);
  bus_open_well(&s->bench, adapter(PL_BUS_I2C, ROWS[row].adapter), ROWS[row].values, bus);
}

static void i2c_conforms(void **state)
{
  (void)state;
  for (size_t row = 0; row < N_ROWS; row++)
    for (int timing = 0; timing < 2; timing++) {
      struct setting s;
      struct opened bus;
      open_row(&s, row, timing, &bus);
      struct pl_bus_conformance report = {.fail = tell_failure};
      struct pl_conformance_i2c target = {.address = LAB_MONITOR, .command = 0x3e, .absent = 0x23, .read_len = 2};
      size_t failed = pl_conformance_i2c(bus.bus, &target, &report);
      print_message("%s, timing %s: %zu checks\n", ROWS[row].adapter, timing ? "on" : "off", report.checks);
      assert_int_equal(failed, 0);
      assert_true(report.checks >= 12);
      bus_close(&bus);
      lab_close(&s.lab);
    }
}

static void blocks_and_writes_arrive(void **state)
{
  (void)state;
  for (size_t row = 0; row < N_ROWS; row++) {
    struct setting s;
    struct opened bus;
    struct pl_err err;
    static const uint8_t LIMIT[] = {0x42, 0x34, 0x12}; /* VOUT_OV_WARN_LIMIT */
    uint8_t got[14];
    open_row(&s, row, true, &bus);
    if (i2c_read_at(&bus, LAB_PSU, 0x9a, got, 14, &err))
      fail_msg("%s", err.text);
    assert_memory_equal(got, "\x0dTWIN-PSU-5500", 14);
    if (i2c_write(&bus, LAB_PSU, LIMIT, sizeof LIMIT, &err) || i2c_read_at(&bus, LAB_PSU, 0x42, got, 2, &err))
      fail_msg("%s", err.text);
    assert_memory_equal(got, LIMIT + 1, 2);
    bus_close(&bus);
    lab_close(&s.lab);
  }
}

static void a_held_sda_is_told_and_the_bus_works_after(void **state)
{
  (void)state;
  for (size_t row = 0; row < N_ROWS; row++) {
    struct setting s;
    struct opened bus;
    struct pl_err err;
    uint8_t got[2];
    open_row(&s, row, true, &bus);
    if (s.lab.desc->plant(s.lab.backend, "i2c-power.wire=stuck", &s.lab.err))
      fail_msg("%s", s.lab.err.text);
    enum pl_status status = i2c_read_at(&bus, LAB_MONITOR, 0x3e, got, 2, &err);
    print_message("%s\n", err.text);
    assert_int_equal(status, PL_E_STUCK);
    assert_non_null(strstr(err.text, "i2c address 0x40"));
    assert_non_null(strstr(err.text, "power-cycle the device"));
    if (s.lab.desc->clear(s.lab.backend, "i2c-power.wire=stuck", &s.lab.err))
      fail_msg("%s", s.lab.err.text);
    if (i2c_read_at(&bus, LAB_MONITOR, 0x3e, got, 2, &err))
      fail_msg("%s", err.text);
    assert_memory_equal(got, "\x54\x49", 2);
    bus_close(&bus);
    lab_close(&s.lab);
  }
}

/* A clock that is held for 300 ms: every adapter ends the call in time, says why, and reads right afterwards. */
static void a_clock_that_is_held_too_long_and_a_nack(void **state)
{
  (void)state;
  static const struct {
    const char *fault;
    enum pl_status status[2]; /* either */
  } FAULTS[] = {{"monitor-1.wire=stretch:300ms", {PL_E_TIMEOUT, PL_E_STUCK}}, {"monitor-1.wire=nack", {PL_E_NACK, PL_E_NACK}}};
  for (size_t row = 0; row < N_ROWS; row++)
    for (size_t f = 0; f < 2; f++) {
      struct setting s;
      struct opened bus;
      struct pl_err err;
      uint8_t got[2], at = 0x3e;
      struct pl_i2c_msg msgs[] = {{.address = LAB_MONITOR, .len = 1, .buf = &at}, {.address = LAB_MONITOR, .flags = PL_I2C_READ, .len = 2, .buf = got}};
      open_row(&s, row, true, &bus);
      assert_int_equal(i2c_within(&bus, msgs, 2, PL_S, &err), PL_OK);
      assert_int_equal(s.lab.desc->plant(s.lab.backend, FAULTS[f].fault, &err), PL_OK);
      pl_time_ns from = pl_clock_now(s.lab.clock);
      enum pl_status status = i2c_within(&bus, msgs, 2, 100 * PL_MS, &err);
      print_message("%s\n", err.text);
      assert_true(status == FAULTS[f].status[0] || status == FAULTS[f].status[1]);
      assert_non_null(strstr(err.text, "i2c address 0x40"));
      assert_true(pl_clock_now(s.lab.clock) - from < PL_S);
      assert_int_equal(s.lab.desc->clear(s.lab.backend, NULL, &err), PL_OK);
      if (i2c_within(&bus, msgs, 2, 2 * PL_S, &err))
        fail_msg("%s", err.text);
      assert_memory_equal(got, "\x54\x49", 2);
      bus_close(&bus);
      lab_close(&s.lab);
    }
}

static void unplugged_in_mid_run_and_back(void **state)
{
  (void)state;
  for (size_t row = 0; row < N_ROWS; row++) {
    struct setting s;
    struct opened bus;
    struct pl_err err;
    uint8_t got[2];
    open_row(&s, row, true, &bus);
    if (pl_usbip_unplug(s.lab.backend->usb, "1-1", &s.lab.err))
      fail_msg("%s", s.lab.err.text);
    enum pl_status status = PL_OK; /* the look-alike sees the end of the connection a moment later */
    for (int i = 0; i < 50 && status != PL_E_GONE; i++)
      status = i2c_read_at(&bus, LAB_MONITOR, 0x3e, got, 2, &err);
    assert_int_equal(status, PL_E_GONE);
    assert_non_null(strstr(err.text, "unplugged"));
    assert_true(pl_bus_is_lost(bus.bus));
    if (pl_usbip_plug(s.lab.backend->usb, "1-1", &s.lab.err))
      fail_msg("%s", s.lab.err.text);
    await_return(&bus);
    if (i2c_read_at(&bus, LAB_MONITOR, 0x3e, got, 2, &err))
      fail_msg("%s", err.text);
    assert_memory_equal(got, "\x54\x49", 2);
    bus_close(&bus);
    lab_close(&s.lab);
  }
}

/* What the rack sees of a line of its connector-1: driven, and to what. */
static void expect_rack(struct lab *lab, int offset, bool driven, bool active)
{
  pl_backend_enter(lab->backend);
  const struct pl_twin_line *line = pl_line_find(lab->backend, pl_backend_bus(lab->backend, "lines")->rig, NULL, offset, "connector-1");
  bool output = line->output, commanded = line->commanded;
  pl_backend_leave(lab->backend);
  assert_int_equal(output, driven);
  assert_true(!driven || commanded == active);
}

/* connector-1 of the rack hangs on the pins: present 3 (active low), power-enable 4, reset 7 (active low). */
static void pins_of_a_cp2112_beside_its_i2c(void **state)
{
  (void)state;
  struct setting s;
  struct opened i2c, pins;
  struct pl_err err;
  struct pl_bus_conformance report = {.fail = tell_failure};
  uint8_t got[2];
  open_lab(&s, CP2112, true);
  bus_open_well(&s.bench, adapter(PL_BUS_I2C, "cp2112"), "serial: CP01", &i2c);
  bus_open_well(&s.bench, adapter(PL_BUS_GPIO, "cp2112"), "serial: CP01\nlines: {PRSNT_N: 3, EN: 4, RESET_N: 7}", &pins);
  int enable = gpio_line(&pins, (struct pl_gpio_line){.name = "EN", .output = true});
  int present = gpio_line(&pins, (struct pl_gpio_line){.name = "PRSNT_N", .active_low = true});
  int reset = gpio_line(&pins, (struct pl_gpio_line){.name = "RESET_N", .output = true, .active_low = true});
  expect_rack(&s.lab, 4, true, false);
  expect_rack(&s.lab, 7, true, false);
  assert_int_equal(pl_conformance_gpio(pins.bus, &(struct pl_conformance_gpio){.output = enable, .input = -1}, &report), 0);
  assert_int_equal(pl_conformance_gpio(pins.bus, &(struct pl_conformance_gpio){.output = reset, .input = -1}, &report), 0);
  print_message("cp2112 pins: %zu checks\n", report.checks);
  assert_true(gpio_read(&pins, present));
  gpio_write(&pins, enable, true);
  gpio_write(&pins, reset, true);
  expect_rack(&s.lab, 4, true, true);
  expect_rack(&s.lab, 7, true, true);
  assert_int_equal(i2c_read_at(&i2c, LAB_MONITOR, 0x3e, got, 2, &err), PL_OK);
  assert_int_equal(pl_usbip_unplug(s.lab.backend->usb, "1-1", &err), PL_OK);
  while (!pl_bus_is_lost(pins.bus))
    (void)i2c_read_at(&i2c, LAB_MONITOR, 0x3e, got, 2, &err); /* the other bus sees it */
  assert_int_equal(pl_usbip_plug(s.lab.backend->usb, "1-1", &err), PL_OK);
  await_return(&i2c);
  await_return(&pins);
  expect_rack(&s.lab, 4, true, false); /* not set again */
  expect_rack(&s.lab, 7, true, false);
  assert_true(gpio_read(&pins, present));
  gpio_write(&pins, enable, true);
  expect_rack(&s.lab, 4, true, true);
  bus_close(&pins);
  bus_close(&i2c);
  lab_close(&s.lab);
}

/* Of the rack only present (3, active low) reaches the four pins. */
static void pins_of_a_mcp2221_beside_its_i2c(void **state)
{
  (void)state;
  struct setting s;
  struct opened i2c, pins;
  struct pl_err err;
  struct pl_bus_conformance report = {.fail = tell_failure};
  uint8_t got[2];
  open_lab(&s, MCP2221, true);
  bus_open_well(&s.bench, adapter(PL_BUS_GPIO, "mcp2221"), "serial: MC01\nlines: {PRSNT_N: 3, OUT: 0}", &pins);
  bus_open_well(&s.bench, adapter(PL_BUS_I2C, "mcp2221"), "serial: MC01", &i2c);
  int out = gpio_line(&pins, (struct pl_gpio_line){.name = "OUT", .output = true});
  int present = gpio_line(&pins, (struct pl_gpio_line){.name = "PRSNT_N", .active_low = true});
  assert_int_equal(pl_conformance_gpio(pins.bus, &(struct pl_conformance_gpio){.output = out, .input = -1}, &report), 0);
  print_message("mcp2221 pins: %zu checks\n", report.checks);
  assert_true(gpio_read(&pins, present));
  gpio_write(&pins, out, true);
  assert_int_equal(i2c_read_at(&i2c, LAB_MONITOR, 0x3e, got, 2, &err), PL_OK);
  assert_int_equal(pl_usbip_unplug(s.lab.backend->usb, "1-1", &err), PL_OK);
  while (!pl_bus_is_lost(pins.bus))
    (void)i2c_read_at(&i2c, LAB_MONITOR, 0x3e, got, 2, &err);
  assert_int_equal(pl_usbip_plug(s.lab.backend->usb, "1-1", &err), PL_OK);
  await_return(&i2c);
  await_return(&pins);
  assert_false(gpio_read(&pins, out)); /* not set again */
  assert_true(gpio_read(&pins, present));
  bus_close(&pins);
  bus_close(&i2c);
  lab_close(&s.lab);
}

static void two_of_a_kind_are_told_apart(void **state)
{
  (void)state;
  struct setting s;
  struct opened a, b;
  struct pl_err err;
  uint8_t got[2];
  open_lab(&s, TINY "  - {device: i2c-tiny-usb, i2c: i2c-power}\n" CP2112, false);
  assert_int_equal(bus_open(&s.bench, adapter(PL_BUS_I2C, "i2c-tiny-usb"), "{}", &a, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "i2c-tiny-usb without a serial number at 1-1, i2c-tiny-usb without a serial number at 1-2"));
  assert_int_equal(bus_open(&s.bench, adapter(PL_BUS_I2C, "i2c-tiny-usb"), "path: 1-3", &a, &err), PL_E_GONE);
  assert_non_null(strstr(err.text, "there is 10c4:ea90"));
  bus_open_well(&s.bench, adapter(PL_BUS_I2C, "i2c-tiny-usb"), "path: 1-1", &a);
  bus_open_well(&s.bench, adapter(PL_BUS_I2C, "i2c-tiny-usb"), "path: 1-2", &b);
  assert_int_equal(i2c_read_at(&a, LAB_MONITOR, 0x3e, got, 2, &err), PL_OK);
  assert_int_equal(i2c_read_at(&b, LAB_MONITOR, 0x3e, got, 2, &err), PL_OK);
  bus_close(&a);
  bus_close(&b);
  lab_close(&s.lab);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(i2c_conforms),
      cmocka_unit_test(blocks_and_writes_arrive),
      cmocka_unit_test(a_held_sda_is_told_and_the_bus_works_after),
      cmocka_unit_test(a_clock_that_is_held_too_long_and_a_nack),
      cmocka_unit_test(unplugged_in_mid_run_and_back),
      cmocka_unit_test(pins_of_a_cp2112_beside_its_i2c),
      cmocka_unit_test(pins_of_a_mcp2221_beside_its_i2c),
      cmocka_unit_test(two_of_a_kind_are_told_apart),
  };
  return cmocka_run_group_tests(tests, own_locks, drop_locks);
}

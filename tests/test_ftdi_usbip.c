/* SPDX-License-Identifier: Apache-2.0 */
/* The adapter "ftdi-mpsse" with libftdi on the FT232H and FT4232H twins, over USB/IP. */
#include "drivers/bus/usb.h"
#include "drivers/bus/usb_test.h"
#include "tests/ftdi_lab.h"

#include <ftdi.h>

#define FT232H "  - {device: ft232h, serial: PLTWIN01, i2c: i2c-power, gpio: lines}\n"

static void complain(void *ctx, const char *check, const char *why)
{
  (void)ctx;
  print_message("  %s: %s\n", check, why);
}

#define OPEN_LAB(lab, usb, timing)        \
  do {                                    \
    if (!lab_open((lab), (usb), (timing))) \
      fail_msg("%s", (lab)->err.text);    \
  } while (0)

#define OPEN_BUS(lab, kind, values, bus)                \
  do {                                                  \
    if (lab_bus((lab), (kind), (values), (bus)))        \
      fail_msg("%s", (lab)->err.text);                  \
  } while (0)

static void conforms(const char *usb, const char *values, bool timing)
{
  struct lab lab;
  struct pl_bus *bus;
  OPEN_LAB(&lab, usb, timing);
  OPEN_BUS(&lab, PL_BUS_I2C, values, &bus);
  struct pl_bus_conformance report = {.fail = complain};
  const struct pl_conformance_i2c target = {.address = LAB_MONITOR, .command = 0x3E, .absent = 0x23, .read_len = 2};
  assert_int_equal(pl_conformance_i2c(bus, &target, &report), 0);
  assert_true(report.checks > 10);
  lab_close(&lab);
}

static void i2c_conforms_on_an_ft232h(void **state)
{
  (void)state;
  conforms(FT232H, "{serial: PLTWIN01}", true);
  conforms(FT232H, "{speed: 100 kHz, stretch: on}", true);
  conforms(FT232H, "{speed: 1 MHz, path: 1-1}", false);
}

static void i2c_conforms_on_an_ft4232h(void **state)
{
  (void)state;
  conforms("  - {device: ft4232h, serial: PLTWIN04, i2c: i2c-power}\n", "{serial: PLTWIN04}", true);
}

struct read { /* a transaction that writes a command and reads */
  uint8_t command, data[64];
  struct pl_i2c_msg msgs[2];
};

static struct pl_i2c_transfer make_read(struct read *r, uint8_t address, uint8_t command, uint8_t flags, uint16_t len)
{
  *r = (struct read){.command = command};
  r->msgs[0] = (struct pl_i2c_msg){.address = address, .len = 1, .buf = &r->command};
  r->msgs[1] = (struct pl_i2c_msg){.address = address, .flags = (uint8_t)(PL_I2C_READ | flags), .len = len, .buf = r->data};
  return (struct pl_i2c_transfer){.msgs = r->msgs, .count = 2};
}

static void counted_reads(void **state)
{
  (void)state;
  struct lab lab;
  struct pl_bus *bus;
  OPEN_LAB(&lab, FT232H, true);
  OPEN_BUS(&lab, PL_BUS_I2C, "{}", &bus);
  struct read r[4];
  struct pl_i2c_transfer list[4] = {make_read(&r[0], LAB_PSU, 0x99, PL_I2C_RECV_LEN, 34), make_read(&r[1], LAB_MONITOR, 0x3E, 0, 2),
                                    make_read(&r[2], LAB_PSU, 0x9A, PL_I2C_RECV_LEN | PL_I2C_PEC, 34), make_read(&r[3], LAB_PSU, 0x9A, PL_I2C_RECV_LEN, 5)};
  assert_int_equal(lab_transfer(&lab, bus, list, 4), PL_E_GARBAGE);
  assert_int_equal(list[0].status, PL_OK);
  assert_int_equal(r[0].msgs[1].len, 10);
  assert_memory_equal(r[0].data, "\x09PLUMBLINE", 10);
  assert_int_equal(list[1].status, PL_OK);
  assert_memory_equal(r[1].data, "\x54\x49", 2);
  assert_int_equal(list[2].status, PL_OK);
  assert_int_equal(r[2].msgs[1].len, 15);
  assert_memory_equal(r[2].data, "\x0dTWIN-PSU-5500", 14);
  uint8_t frame[] = {LAB_PSU << 1, 0x9A, LAB_PSU << 1 | 1};
  assert_int_equal(r[2].data[14], pl_smbus_crc8(pl_smbus_crc8(0, frame, 3), r[2].data, 14));
  assert_int_equal(list[3].status, PL_E_GARBAGE); /* no room for 13 */
  assert_non_null(strstr(lab.err.text, "PLTWIN01"));
  assert_non_null(strstr(lab.err.text, "13 bytes"));
  assert_int_equal(lab_transfer(&lab, bus, &list[1], 1), PL_OK);
  lab_close(&lab);
}

#define MANY 600

static void a_long_batch_with_a_nack_in_its_middle(void **state)
{
  (void)state;
  struct lab lab;
  struct pl_bus *bus;
  OPEN_LAB(&lab, FT232H, false);
  OPEN_BUS(&lab, PL_BUS_I2C, "{}", &bus);
  static struct read r[MANY];
  static struct pl_i2c_transfer list[MANY];
  for (size_t i = 0; i < MANY; i++)
    list[i] = make_read(&r[i], i == 300 ? 0x23 : LAB_MONITOR, i % 2 ? 0x3E : 0x3F, 0, 2);
  assert_int_equal(lab_transfer(&lab, bus, list, MANY), PL_E_NACK);
  assert_non_null(strstr(lab.err.text, "0x23"));
  for (size_t i = 0; i < MANY; i++) {
    assert_int_equal(list[i].status, i == 300 ? PL_E_NACK : PL_OK);
    if (i != 300) {
      assert_memory_equal(r[i].data, i % 2 ? "\x54\x49" : "\x23\x81", 2);
    }
  }
  lab_close(&lab);
}

static void a_stuck_bus_is_told_and_recovered(void **state)
{
  (void)state;
  struct lab lab;
  struct pl_bus *bus;
  struct read r;
  OPEN_LAB(&lab, FT232H, true);
  OPEN_BUS(&lab, PL_BUS_I2C, "{}", &bus);
  if (lab.desc->plant(lab.backend, "i2c-power.wire=stuck", &lab.err))
    fail_msg("%s", lab.err.text);
  struct pl_i2c_transfer t = make_read(&r, LAB_MONITOR, 0x3E, 0, 2);
  assert_int_equal(lab_transfer(&lab, bus, &t, 1), PL_E_STUCK);
  assert_non_null(strstr(lab.err.text, "SDA"));
  if (lab_run(&lab, (struct lab_job){.bus = bus}, lab_recover))
    fail_msg("%s", lab.err.text);
  assert_int_equal(lab_transfer(&lab, bus, &t, 1), PL_OK);
  lab_close(&lab);
}

static void gone(void *ctx, struct pl_bus *bus, bool here, const char *cause)
{
  (void)bus;
  (void)cause;
  *(int *)ctx += here ? 100 : 1;
}

static void step_until(struct lab *lab, const int *seen, int want)
{
  for (pl_time_ns end = pl_clock_now(lab->clock) + 10 * PL_S; *seen != want && pl_clock_now(lab->clock) < end;)
    pl_clock_step(lab->clock, pl_clock_now(lab->clock) + 50 * PL_MS);
  assert_int_equal(*seen, want);
}

static void unplugged_and_back(void **state)
{
  (void)state;
  struct lab lab;
  struct pl_bus *i2c, *gpio;
  struct read r;
  int handle, seen_i2c = 0, seen_gpio = 0;
  bool on = true, level = false;
  OPEN_LAB(&lab, FT232H, true);
  OPEN_BUS(&lab, PL_BUS_I2C, "{}", &i2c);
  OPEN_BUS(&lab, PL_BUS_GPIO, "{}", &gpio);
  pl_bus_watch(i2c, gone, &seen_i2c);
  pl_bus_watch(gpio, gone, &seen_gpio);
  const struct pl_gpio_line line = {.offset = 12, .output = true, .consumer = "lamp"};
  assert_int_equal(pl_gpio_request(gpio, &line, &handle, &lab.err), PL_OK);
  struct lab_job job = {.bus = gpio, .handles = &handle, .values = &on, .count = 1};
  assert_int_equal(lab_run(&lab, job, lab_set), PL_OK);
  if (pl_usbip_unplug(lab.backend->usb, "1-1", &lab.err))
    fail_msg("%s", lab.err.text);
  struct pl_i2c_transfer t = make_read(&r, LAB_MONITOR, 0x3E, 0, 2);
  assert_int_equal(lab_transfer(&lab, i2c, &t, 1), PL_E_GONE);
  assert_int_equal(t.status, PL_E_GONE);
  assert_non_null(strstr(lab.err.text, "PLTWIN01"));
  step_until(&lab, &seen_i2c, 1);
  step_until(&lab, &seen_gpio, 1); /* it is told, too, though it asked for nothing */
  assert_int_equal(lab_run(&lab, job, lab_set), PL_E_GONE);
  if (pl_usbip_plug(lab.backend->usb, "1-1", &lab.err))
    fail_msg("%s", lab.err.text);
  step_until(&lab, &seen_i2c, 101);
  step_until(&lab, &seen_gpio, 101);
  assert_int_equal(lab_transfer(&lab, i2c, &t, 1), PL_OK);
  assert_memory_equal(r.data, "\x54\x49", 2);
  job.values = &level;
  assert_int_equal(lab_run(&lab, job, lab_get), PL_OK);
  lab_close(&lab);
}

static void both_buses_in_one_stream(void **state)
{
  (void)state;
  struct lab lab;
  struct pl_bus *i2c, *gpio;
  static struct read r[MANY];
  static struct pl_i2c_transfer list[MANY];
  OPEN_LAB(&lab, FT232H, true);
  OPEN_BUS(&lab, PL_BUS_I2C, "{serial: PLTWIN01}", &i2c);
  OPEN_BUS(&lab, PL_BUS_GPIO, "{serial: PLTWIN01, lines: {LAMP: 12}}", &gpio);
  const struct pl_gpio_line named = {.name = "LAMP", .offset = -1, .output = true}, sda = {.offset = 1}, far = {.offset = 16};
  int handle, other;
  assert_int_equal(pl_gpio_request(gpio, &named, &handle, &lab.err), PL_OK);
  assert_int_equal(pl_gpio_request(gpio, &named, &other, &lab.err), PL_E_LOCKED);
  assert_int_equal(pl_gpio_request(gpio, &sda, &other, &lab.err), PL_E_USAGE);
  assert_non_null(strstr(lab.err.text, "I2C"));
  assert_int_equal(pl_gpio_request(gpio, &far, &other, &lab.err), PL_E_USAGE);
  for (size_t i = 0; i < MANY; i++)
    list[i] = make_read(&r[i], LAB_MONITOR, 0x3E, 0, 2);
  struct lab_job batch = {.bus = i2c, .list = list, .count = MANY};
  batch.job = (struct pl_job){.run = lab_i2c, .ctx = &batch, .deadline = pl_clock_now(lab.clock) + 20 * PL_S};
  pl_bus_submit(i2c, &batch.job); /* the other bus's worker is in the chip meanwhile */
  int during = 0;
  for (int i = 0; i < 20; i++) {
    bool want = i % 2, got = !want;
    assert_int_equal(lab_run(&lab, (struct lab_job){.bus = gpio, .handles = &handle, .values = &want, .count = 1}, lab_set), PL_OK);
    assert_int_equal(lab_run(&lab, (struct lab_job){.bus = gpio, .handles = &handle, .values = &got, .count = 1}, lab_get), PL_OK);
    assert_int_equal(got, want);
    during += !batch.job.complete;
  }
  assert_true(during > 1); /* it is let in between transactions, not after all of them */
  pl_bus_wait(i2c, &batch.job);
  assert_int_equal(batch.job.status, PL_OK);
  for (size_t i = 0; i < MANY; i++)
    assert_memory_equal(r[i].data, "\x54\x49", 2);
  lab_close(&lab);
}

static double truth(struct lab *lab, const char *part, const char *port)
{
  double value;
  if (lab->desc->truth(lab->backend, part, port, &value, &lab->err))
    fail_msg("%s", lab->err.text);
  return value;
}

static void the_rack_sees_the_pins(const char *usb, const char *values)
{
  struct lab lab;
  struct pl_bus *gpio;
  OPEN_LAB(&lab, usb, true);
  OPEN_BUS(&lab, PL_BUS_GPIO, values, &gpio);
  const struct pl_gpio_line enable = {.offset = 4, .output = true, .consumer = "test"}, present = {.offset = 3, .active_low = true};
  int handles[2];
  assert_int_equal(pl_gpio_request(gpio, &enable, &handles[0], &lab.err), PL_OK);
  assert_int_equal(pl_gpio_request(gpio, &present, &handles[1], &lab.err), PL_OK);
  struct pl_bus_conformance report = {.fail = complain};
  const struct pl_conformance_gpio target = {.output = handles[0], .input = -1};
  assert_int_equal(pl_conformance_gpio(gpio, &target, &report), 0);
  assert_true(report.checks > 3);
  bool values_of[2] = {true, false}, on = true;
  assert_int_equal(lab_run(&lab, (struct lab_job){.bus = gpio, .handles = handles, .values = &on, .count = 1}, lab_set), PL_OK);
  assert_true(truth(&lab, "csu-1", "power_enable") > 0.5);
  assert_int_equal(lab_run(&lab, (struct lab_job){.bus = gpio, .handles = handles, .values = values_of, .count = 2}, lab_get), PL_OK);
  assert_true(values_of[0]);
  assert_true(values_of[1]); /* the slot is populated */
  lab_close_buses(&lab);
  assert_true(truth(&lab, "csu-1", "power_enable") < 0.5); /* pins are inputs again */
  lab_close(&lab);
}

static void lines_of_the_rack(void **state)
{
  (void)state;
  the_rack_sees_the_pins(FT232H, "{}");
  the_rack_sees_the_pins("  - {device: ft4232h, serial: PLTWIN04, i2c: i2c-power, gpio: lines}\n", "{channel: B}");
}

static enum pl_status stretched(struct lab *lab, struct pl_bus *bus, struct pl_i2c_transfer *t, pl_time_ns within)
{
  struct lab_job job = {.bus = bus, .list = t, .count = 1};
  job.job = (struct pl_job){.run = lab_i2c, .ctx = &job, .deadline = pl_clock_now(lab->clock) + within};
  lab->err = (struct pl_err){0};
  return pl_bus_run(bus, &job.job, &lab->err);
}

static void a_stretched_clock(void **state)
{
  (void)state;
  struct lab lab;
  struct pl_bus *bus;
  struct read r;
  OPEN_LAB(&lab, FT232H, true);
  OPEN_BUS(&lab, PL_BUS_I2C, "{stretch: on}", &bus);
  assert_true(pl_i2c_caps(bus)->flags & PL_I2C_CAP_STRETCH);
  struct pl_i2c_transfer t = make_read(&r, LAB_MONITOR, 0x3E, 0, 2);
  assert_int_equal(lab.desc->plant(lab.backend, "monitor-1.wire=stretch:20ms", &lab.err), PL_OK);
  if (stretched(&lab, bus, &t, 5 * PL_S))
    fail_msg("%s", lab.err.text);
  assert_memory_equal(r.data, "\x54\x49", 2);
  assert_int_equal(lab.desc->clear(lab.backend, NULL, &lab.err), PL_OK);
  assert_int_equal(lab.desc->plant(lab.backend, "monitor-1.wire=stretch:60s", &lab.err), PL_OK);
  pl_time_ns from = pl_clock_now(lab.clock);
  assert_int_equal(stretched(&lab, bus, &t, 300 * PL_MS), PL_E_TIMEOUT); /* past the limit */
  assert_true(pl_clock_now(lab.clock) - from < 5 * PL_S);
  assert_non_null(strstr(lab.err.text, "0x40"));
  assert_non_null(strstr(lab.err.text, "clock"));
  assert_int_equal(lab.desc->clear(lab.backend, NULL, &lab.err), PL_OK);
  lab_close(&lab);
}

static void a_stretched_clock_that_nobody_waits_for_is_no_data(void **state)
{
  (void)state;
  struct lab lab;
  struct pl_bus *bus;
  struct read r;
  OPEN_LAB(&lab, FT232H, true);
  OPEN_BUS(&lab, PL_BUS_I2C, "{}", &bus);
  assert_false(pl_i2c_caps(bus)->flags & PL_I2C_CAP_STRETCH);
  struct pl_i2c_transfer t = make_read(&r, LAB_MONITOR, 0x3E, 0, 2);
  assert_int_equal(lab.desc->plant(lab.backend, "monitor-1.wire=stretch:20ms", &lab.err), PL_OK);
  assert_int_not_equal(stretched(&lab, bus, &t, 5 * PL_S), PL_OK);
  assert_int_equal(lab.desc->clear(lab.backend, NULL, &lab.err), PL_OK);
  for (pl_time_ns end = pl_clock_now(lab.clock) + 2 * PL_S; stretched(&lab, bus, &t, 5 * PL_S) && pl_clock_now(lab.clock) < end;)
    ; /* until it lets go */
  assert_int_equal(t.status, PL_OK);
  assert_memory_equal(r.data, "\x54\x49", 2);
  lab_close(&lab);
}

static void two_channels_of_one_chip(void **state)
{
  (void)state;
  struct lab lab;
  struct pl_bus *i2c, *gpio;
  struct read r;
  OPEN_LAB(&lab, "  - {device: ft4232h, serial: PLTWIN04, i2c: i2c-power, gpio: lines}\n", true);
  OPEN_BUS(&lab, PL_BUS_I2C, "{serial: PLTWIN04, channel: A}", &i2c);
  OPEN_BUS(&lab, PL_BUS_GPIO, "{serial: PLTWIN04, channel: B}", &gpio);
  const struct pl_gpio_line enable = {.offset = 4, .output = true}, high = {.offset = 8};
  int handle, other;
  assert_int_equal(pl_gpio_request(gpio, &enable, &handle, &lab.err), PL_OK);
  assert_int_equal(pl_gpio_request(gpio, &high, &other, &lab.err), PL_E_USAGE); /* this chip has no AC pins */
  struct pl_i2c_transfer t = make_read(&r, LAB_MONITOR, 0x3E, 0, 2);
  bool on = true;
  assert_int_equal(lab_run(&lab, (struct lab_job){.bus = gpio, .handles = &handle, .values = &on, .count = 1}, lab_set), PL_OK);
  assert_int_equal(lab_transfer(&lab, i2c, &t, 1), PL_OK);
  assert_memory_equal(r.data, "\x54\x49", 2);
  assert_true(truth(&lab, "csu-1", "power_enable") > 0.5); /* the other channel's traffic does not touch it */
  lab_close(&lab);
}

/* Asks the console on channel D for its version, and whether an answer comes. */
static bool console_answers(struct lab *lab, struct ftdi_context *ftdi)
{
  unsigned char ask[] = "version\r", text[1024];
  size_t len = 0;
  assert_int_equal(ftdi_write_data(ftdi, ask, sizeof ask - 1), sizeof ask - 1);
  for (pl_time_ns end = pl_clock_now(lab->clock) + 5 * PL_S; pl_clock_now(lab->clock) < end && len + 1 < sizeof text;) {
    int n = ftdi_read_data(ftdi, text + len, (int)(sizeof text - 1 - len));
    len += n > 0 ? (size_t)n : 0;
    text[len] = '\0';
    const char *answer = strstr((char *)text, "\nPlumbline ");
    if (answer && strchr(answer + 1, '\n') && strstr(answer, "rack> "))
      return true;
  }
  return false;
}

static void the_serial_ports_of_the_chip_go_on(void **state)
{
  (void)state;
  struct lab lab;
  struct pl_bus *i2c;
  struct pl_usb *console;
  struct read r;
  static const struct pl_usb_id QUAD = {0x0403, 0x6011};
  const struct pl_usb_match match = {.what = "console", .ids = &QUAD, .n_ids = 1, .interface = 3};
  OPEN_LAB(&lab, "  - {device: ft4232h, serial: PLTWIN04, i2c: i2c-power, gpio: lines}\n", true);
  if (pl_usb_open(&match, lab.clock, &console, &lab.err))
    fail_msg("%s", lab.err.text);
  struct ftdi_context *ftdi = ftdi_new();
  assert_int_equal(ftdi_set_interface(ftdi, INTERFACE_D), 0);
  ftdi_set_usbdev(ftdi, pl_usb_handle(console));
  ftdi->type = TYPE_4232H;
  ftdi->max_packet_size = 512;
  assert_int_equal(ftdi_set_baudrate(ftdi, 115200), 0);
  assert_int_equal(ftdi_setdtr(ftdi, 1), 0);
  assert_true(console_answers(&lab, ftdi));
  OPEN_BUS(&lab, PL_BUS_I2C, "{}", &i2c);
  assert_true(console_answers(&lab, ftdi));
  struct pl_i2c_transfer t = make_read(&r, LAB_MONITOR, 0x3E, 0, 2);
  assert_int_equal(lab_transfer(&lab, i2c, &t, 1), PL_OK);
  lab_close_buses(&lab);
  assert_true(console_answers(&lab, ftdi));
  ftdi_set_usbdev(ftdi, NULL);
  ftdi_free(ftdi);
  pl_usb_close(console);
  lab_close(&lab);
}

static void what_cannot_be_meant_is_refused(void **state)
{
  (void)state;
  struct lab lab;
  struct pl_bus *bus, *other;
  OPEN_LAB(&lab, FT232H "  - {device: ft232h, serial: PLTWIN02}\n  - {device: i2c-tiny-usb, i2c: i2c-power}\n", false);
  assert_int_equal(lab_bus(&lab, PL_BUS_I2C, "{channel: C}", &bus), PL_E_USAGE);
  assert_non_null(strstr(lab.err.text, "channel C"));
  assert_int_equal(lab_bus(&lab, PL_BUS_I2C, "{}", &bus), PL_E_USAGE); /* two: which? */
  assert_non_null(strstr(lab.err.text, "1-1"));
  assert_non_null(strstr(lab.err.text, "1-2"));
  assert_int_equal(lab_bus(&lab, PL_BUS_I2C, "{serial: NONE}", &bus), PL_E_GONE);
  assert_non_null(strstr(lab.err.text, "PLTWIN02"));
  assert_int_equal(lab_bus(&lab, PL_BUS_I2C, "{path: 1-3}", &bus), PL_E_GONE); /* something else stands there */
  assert_int_equal(lab_bus(&lab, PL_BUS_I2C, "{serial: PLTWIN01, channel: B}", &bus), PL_E_GONE); /* it has none */
  OPEN_BUS(&lab, PL_BUS_I2C, "{serial: PLTWIN01}", &bus);
  assert_int_equal(lab_bus(&lab, PL_BUS_I2C, "{serial: PLTWIN01}", &other), PL_E_USAGE);
  assert_non_null(strstr(lab.err.text, "two I2C buses"));
  assert_int_equal(lab_bus(&lab, PL_BUS_GPIO, "{serial: PLTWIN01, latency: 2 ms}", &other), PL_E_USAGE);
  assert_non_null(strstr(lab.err.text, "latencies"));
  struct read r;
  struct pl_i2c_transfer t = make_read(&r, LAB_MONITOR, 0x3E, 0, 2);
  assert_int_equal(lab_transfer(&lab, bus, &t, 1), PL_OK); /* none of that hurt it */
  lab_close(&lab);
}

static void a_blank_eeprom_goes_by_path(void **state)
{
  (void)state;
  struct lab lab;
  struct pl_bus *bus;
  struct read r;
  OPEN_LAB(&lab, FT232H "  - {device: ft232h, eeprom: blank}\n", false);
  OPEN_BUS(&lab, PL_BUS_I2C, "{path: 1-2}", &bus);
  struct pl_i2c_transfer t = make_read(&r, LAB_MONITOR, 0x3E, 0, 2);
  assert_int_equal(lab_transfer(&lab, bus, &t, 1), PL_E_IO); /* nothing is wired to it: AD2 does not even see AD1 */
  assert_non_null(strstr(lab.err.text, "AD1 and AD2"));
  assert_non_null(strstr(lab.err.text, "1-2"));
  lab_close(&lab);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(i2c_conforms_on_an_ft232h),
      cmocka_unit_test(i2c_conforms_on_an_ft4232h),
      cmocka_unit_test(counted_reads),
      cmocka_unit_test(a_long_batch_with_a_nack_in_its_middle),
      cmocka_unit_test(a_stuck_bus_is_told_and_recovered),
      cmocka_unit_test(unplugged_and_back),
      cmocka_unit_test(both_buses_in_one_stream),
      cmocka_unit_test(lines_of_the_rack),
      cmocka_unit_test(a_stretched_clock),
      cmocka_unit_test(a_stretched_clock_that_nobody_waits_for_is_no_data),
      cmocka_unit_test(two_channels_of_one_chip),
      cmocka_unit_test(the_serial_ports_of_the_chip_go_on),
      cmocka_unit_test(what_cannot_be_meant_is_refused),
      cmocka_unit_test(a_blank_eeprom_goes_by_path),
  };
  return cmocka_run_group_tests(tests, own_locks, drop_locks);
}

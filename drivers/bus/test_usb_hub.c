/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/usb_hub.h"
#include "drivers/bus/fake_libusb.h"
#include "drivers/bus/lock.h"
#include "drivers/bus/usb_test.h"

#include <fcntl.h>
#include <sys/stat.h>

extern const struct pl_adapter_desc pl_adapter_usb_hub;

static char folder[64]; /* a fake /sys/bus/usb/devices */

struct firmware { /* a hub */
  const char *path, *child; /* child: "1-2.%d", what stands at a powered port */
  uint8_t ports, mode;
  bool usb3, no_hub;
  bool on[8];
  int again;        /* times that a port is switched on again behind us */
  int clears, sets;
  bool stays;       /* devices stay enumerated without power */
  bool never_back;
  int order, *clock; /* when it was switched off, among halves */
};

static void name_in(char *name, size_t size, const char *format, const char *a, const char *b, int port)
{
  char tail[128];
  snprintf(tail, sizeof tail, format, a, b, port);
  snprintf(name, size, "%s/%s", folder, tail);
}

/* The kernel's file, where the test made one, says what the port is. */
static bool kernel_says(const struct firmware *f, int port, bool *on)
{
  char name[256], text[2] = "";
  name_in(name, sizeof name, "%s:1.0/%s-port%d/disable", f->path, f->path, port);
  int fd = open(name, O_RDONLY);
  if (fd < 0)
    return false;
  *on = read(fd, text, 1) == 1 && text[0] == '0';
  close(fd);
  return true;
}

static void enumerate(struct firmware *f, int port, bool there)
{
  char tail[64], name[256];
  if (!f->child)
    return;
  snprintf(tail, sizeof tail, f->child, port);
  snprintf(name, sizeof name, "%s/%s", folder, tail);
  if (there ? f->never_back : f->stays)
    return;
  if (there)
    mkdir(name, 0777);
  else
    rmdir(name);
}

static int hub_control(struct fake_usb *dev, const uint8_t *setup, uint8_t *data, int len)
{
  struct firmware *f = dev->firmware;
  int port = setup[4];
  bool on = false;
  if (setup[0] == 0xa0 && setup[1] == 6) {
    if (f->no_hub || setup[3] != (f->usb3 ? 0x2a : 0x29))
      return LIBUSB_ERROR_PIPE;
    const uint8_t desc[] = {9, setup[3], f->ports, f->mode, 0, 50, 100, 0, 0xff};
    memcpy(data, desc, sizeof desc);
    assert_true(len >= (int)sizeof desc);
    return sizeof desc;
  }
  assert_in_range(port, 1, f->ports);
  if (setup[0] == 0xa3) {
    assert_int_equal(setup[1], 0);
    assert_int_equal(len, 4);
    on = f->on[port];
    kernel_says(f, port, &on);
    memset(data, 0, 4);
    data[1] = !on ? 0 : f->usb3 ? 2 : 1;
    return 4;
  }
  assert_int_equal(setup[0], 0x23);
  assert_int_equal(setup[2], 8);
  assert_true(setup[1] == 1 || setup[1] == 3);
  on = setup[1] == 3;
  f->sets += on;
  f->clears += !on;
  if (!on)
    f->order = f->clock ? ++*f->clock : 0;
  f->on[port] = on || f->again > 0;
  f->again -= !on && f->again > 0;
  enumerate(f, port, f->on[port]);
  return 0;
}

static struct fake_usb hub(struct firmware *f, const char *path)
{
  *f = (struct firmware){.path = path, .ports = 4, .mode = 1, .on = {true, true, true, true, true}};
  return (struct fake_usb){.vendor = 0x2109, .product_id = 0x2817, .path = path, .control = hub_control, .firmware = f};
}

static int make_folder(void **state)
{
  snprintf(folder, sizeof folder, "/tmp/plumbline-hub-XXXXXX");
  assert_non_null(mkdtemp(folder));
  return fake_reset(state);
}

static int remove_folder(void **state)
{
  (void)state;
  return nftw(folder, remove_file, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_port(const char *hub_path, int port, const char *disable, const char *peer)
{
  char name[256];
  name_in(name, sizeof name, "%s:1.0", hub_path, "", 0);
  mkdir(name, 0777);
  name_in(name, sizeof name, "%s:1.0/%s-port%d", hub_path, hub_path, port);
  assert_int_equal(mkdir(name, 0777), 0);
  name_in(name, sizeof name, "%s:1.0/%s-port%d/peer", hub_path, hub_path, port);
  if (peer)
    assert_int_equal(symlink(peer, name), 0);
  name_in(name, sizeof name, "%s:1.0/%s-port%d/disable", hub_path, hub_path, port);
  int fd = disable ? open(name, O_WRONLY | O_CREAT, 0666) : -1;
  if (disable) {
    assert_int_equal(write(fd, disable, 1), 1);
    close(fd);
  }
}

struct setting {
  struct pl_clock *clock;
  struct pl_usb_hub *hub;
};

static enum pl_status open_hub(struct setting *s, const char *path, struct pl_err *err)
{
  struct pl_usb_hub_place place = {.path = path, .devices = folder};
  *s = (struct setting){0};
  *err = (struct pl_err){0};
  assert_int_equal(pl_clock_new_real(&s->clock, err), PL_OK);
  return pl_usb_hub_open(&place, s->clock, &s->hub, err);
}

static void close_hub(struct setting *s)
{
  pl_usb_hub_close(s->hub);
  pl_clock_free(s->clock);
}

static pl_time_ns soon(const struct setting *s)
{
  return pl_clock_now(s->clock) + 300 * PL_MS;
}

static void a_device_has_a_hub_and_a_port(void **state)
{
  (void)state;
  static const struct {
    const char *path, *hub;
    unsigned port;
  } ROWS[] = {{"1-2.3", "1-2", 3}, {"1-2", "usb1", 2}, {"12-1.4.10", "12-1.4", 10}, {"usb1", NULL, 0}, {"1-", NULL, 0}, {"1-2.", NULL, 0},
              {"1-2.0", NULL, 0}, {"1-2.x", NULL, 0}, {"", NULL, 0}, {"-1", NULL, 0}, {"1-2.99", NULL, 0}};
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    char name[32];
    unsigned port = 0;
    struct pl_err err = {0};
    assert_int_equal(pl_usb_port_of(ROWS[i].path, name, sizeof name, &port, &err), ROWS[i].hub ? PL_OK : PL_E_USAGE);
    if (ROWS[i].hub) {
      assert_string_equal(name, ROWS[i].hub);
      assert_int_equal(port, ROWS[i].port);
    }
  }
}

static void hubs_that_cannot_are_refused(void **state)
{
  (void)state;
  static const struct {
    uint8_t mode;
    bool no_hub;
    const char *text;
  } ROWS[] = {{0, false, "USB hub at 1-2 switches the power of all its ports together; use a hub with per-port power switching"},
              {2, false, "USB hub at 1-2 cannot switch the power of its ports; use a hub with per-port power switching"},
              {1, true, "USB hub at 1-2 is no hub"}};
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    struct firmware f;
    struct fake_usb dev = hub(&f, "1-2");
    struct setting s;
    struct pl_err err;
    f.mode = ROWS[i].mode;
    f.no_hub = ROWS[i].no_hub;
    fake_plug(&dev);
    assert_int_equal(open_hub(&s, "1-2", &err), PL_E_UNSUPPORTED);
    assert_string_equal(err.text, ROWS[i].text);
    close_hub(&s);
    fake_unplug_all();
  }
}

static void a_port_is_switched_until_it_stays(void **state)
{
  (void)state;
  struct firmware f;
  struct fake_usb dev = hub(&f, "1-2");
  struct setting s;
  struct pl_err err;
  bool on = true;
  dev.driver[0] = true; /* the kernel's hub driver: taken away, all that hangs on the hub would go */
  f.again = 2;
  fake_plug(&dev);
  assert_int_equal(open_hub(&s, "1-2", &err), PL_OK);
  assert_int_equal(dev.detaches + dev.claims, 0);
  assert_int_equal(pl_usb_hub_ports(s.hub), 4);
  assert_int_equal(pl_usb_hub_power(s.hub, 3, false, soon(&s), &err), PL_OK);
  assert_int_equal(f.clears, 3);
  assert_int_equal(pl_usb_hub_powered(s.hub, 3, &on, &err), PL_OK);
  assert_false(on);
  assert_int_equal(pl_usb_hub_powered(s.hub, 2, &on, &err), PL_OK);
  assert_true(on);
  assert_int_equal(pl_usb_hub_power(s.hub, 3, true, soon(&s), &err), PL_OK);
  assert_int_equal(pl_usb_hub_powered(s.hub, 3, &on, &err), PL_OK);
  assert_true(on);
  f.again = 1000;
  assert_int_equal(pl_usb_hub_power(s.hub, 3, false, soon(&s), &err), PL_E_IO);
  assert_string_equal(err.text, "USB hub at 1-2: port 3 was switched off and stays on; does the hub really switch power?");
  assert_int_equal(pl_usb_hub_power(s.hub, 5, false, soon(&s), &err), PL_E_USAGE);
  assert_string_equal(err.text, "USB hub at 1-2 has no port 5, expected 1 to 4");
  assert_int_equal(pl_usb_hub_powered(s.hub, 0, &on, &err), PL_E_USAGE);
  close_hub(&s);
  fake_unplug_all();
}

static void the_kernels_file_goes_before_requests(void **state)
{
  (void)state;
  struct firmware f;
  struct fake_usb dev = hub(&f, "1-2");
  struct setting s;
  struct pl_err err;
  bool on = true;
  fake_plug(&dev);
  make_port("1-2", 3, "0", NULL);
  assert_int_equal(open_hub(&s, "1-2", &err), PL_OK);
  assert_int_equal(pl_usb_hub_power(s.hub, 3, false, soon(&s), &err), PL_OK);
  assert_int_equal(pl_usb_hub_powered(s.hub, 3, &on, &err), PL_OK);
  assert_false(on);
  assert_int_equal(pl_usb_hub_power(s.hub, 3, true, soon(&s), &err), PL_OK);
  assert_int_equal(f.clears + f.sets, 0);
  assert_int_equal(pl_usb_hub_power(s.hub, 2, false, soon(&s), &err), PL_OK); /* a port without the file */
  assert_int_equal(f.clears, 1);
  close_hub(&s);
  fake_unplug_all();
}

static void both_halves_of_a_usb3_hub_are_switched(void **state)
{
  (void)state;
  int clock = 0;
  struct firmware f2, f3;
  struct fake_usb half2 = hub(&f2, "1-2"), half3 = hub(&f3, "2-4.1");
  struct setting s;
  struct pl_err err;
  bool on = true;
  f3.usb3 = true;
  f2.clock = f3.clock = &clock;
  fake_plug(&half2);
  fake_plug(&half3);
  make_port("1-2", 1, NULL, "../../../usb2/2-4/2-4.1/2-4.1:1.0/2-4.1-port1");
  assert_int_equal(open_hub(&s, "1-2", &err), PL_OK);
  assert_int_equal(pl_usb_hub_power(s.hub, 2, false, soon(&s), &err), PL_OK);
  assert_false(f2.on[2] || f3.on[2]);
  assert_int_equal(f3.order, 1); /* else its device would only change to the other half */
  assert_int_equal(f2.order, 2);
  f3.on[2] = true;
  assert_int_equal(pl_usb_hub_powered(s.hub, 2, &on, &err), PL_OK);
  assert_true(on);
  char name[128], path[32];
  snprintf(name, sizeof name, "%s/2-4.1.2", folder);
  assert_false(pl_usb_hub_device(s.hub, 2, path, sizeof path));
  mkdir(name, 0777);
  assert_true(pl_usb_hub_device(s.hub, 2, path, sizeof path));
  assert_string_equal(path, "2-4.1.2");
  close_hub(&s);
  fake_unplug_all();
}

static void a_cycle_checks_that_the_device_went_and_came(void **state)
{
  (void)state;
  static const struct {
    bool stays, never_back;
    enum pl_status status;
    const char *text;
  } ROWS[] = {{false, false, PL_OK, ""},
              {true, false, PL_E_IO, "USB hub at usb1: port 2 is off, but 1-2 stays enumerated; does the hub really switch power?"},
              {false, true, PL_E_GONE, "USB hub at usb1: port 2 has power again, but 1-2 did not come back"}};
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    struct firmware f;
    struct fake_usb dev = hub(&f, "usb1");
    struct setting s;
    struct pl_err err;
    f.child = "1-%d";
    enumerate(&f, 2, true);
    f.stays = ROWS[i].stays;
    f.never_back = ROWS[i].never_back;
    fake_plug(&dev);
    assert_int_equal(open_hub(&s, "usb1", &err), PL_OK);
    assert_int_equal(pl_usb_hub_cycle(s.hub, 2, 10 * PL_MS, soon(&s), &err), ROWS[i].status);
    assert_string_equal(err.text, ROWS[i].text);
    assert_true(f.on[2]); /* in any case */
    assert_int_equal(f.clears, 1);
    close_hub(&s);
    fake_unplug_all();
  }
}

static void ports_are_lines(void **state)
{
  (void)state;
  struct firmware f;
  struct fake_usb dev = hub(&f, "1-2");
  struct bench bench;
  struct opened bus;
  struct pl_bus_conformance report = {.fail = tell_failure};
  struct pl_err err = {0};
  struct pl_lock *lock;
  char yaml[256];
  int handle;
  fake_plug(&dev);
  bench_open(&bench);
  snprintf(yaml, sizeof yaml, "path: 1-2\nlines: {UNIT: 2, ADAPTER: 3, NONE: 0}\nsysfs: %s", folder);
  bus_open_well(&bench, &pl_adapter_usb_hub, yaml, &bus);
  int unit = gpio_line(&bus, (struct pl_gpio_line){.name = "UNIT", .output = true});
  assert_false(f.on[2]);
  int adapter = gpio_line(&bus, (struct pl_gpio_line){.name = "ADAPTER", .output = true, .as_is = true});
  assert_true(gpio_read(&bus, adapter));
  assert_int_equal(pl_conformance_gpio(bus.bus, &(struct pl_conformance_gpio){.output = unit, .input = -1}, &report), 0);
  assert_true(report.checks >= 8);
  assert_int_equal(pl_gpio_request(bus.bus, &(struct pl_gpio_line){.name = "NONE", .offset = -1, .output = true}, &handle, &err), PL_E_USAGE);
  assert_int_equal(pl_gpio_request(bus.bus, &(struct pl_gpio_line){.offset = 2, .output = true}, &handle, &err), PL_E_LOCKED);
  assert_int_equal(pl_gpio_request(bus.bus, &(struct pl_gpio_line){.offset = 5, .output = true}, &handle, &err), PL_E_USAGE);
  assert_int_equal(pl_lock_take("usb:1-2:port4", &lock, &err), PL_OK);
  assert_int_equal(pl_gpio_request(bus.bus, &(struct pl_gpio_line){.offset = 4, .output = true}, &handle, &err), PL_E_LOCKED);
  assert_true(f.on[4]);
  pl_lock_release(lock);
  bool value = true;
  dev.out = true;
  assert_int_equal(gpio_call(&bus, true, &unit, &value, 1, &err), PL_E_GONE);
  memset(f.on, true, sizeof f.on); /* a hub that comes back gives power */
  dev.out = false;
  await_return(&bus);
  assert_false(gpio_read(&bus, unit) || gpio_read(&bus, adapter));
  assert_true(f.on[1] && f.on[4]);
  bus_close(&bus);
  bench_close(&bench);
  fake_unplug_all();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_device_has_a_hub_and_a_port, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(hubs_that_cannot_are_refused, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(a_port_is_switched_until_it_stays, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(the_kernels_file_goes_before_requests, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(both_halves_of_a_usb3_hub_are_switched, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(a_cycle_checks_that_the_device_went_and_came, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(ports_are_lines, make_folder, remove_folder),
  };
  return cmocka_run_group_tests(tests, own_locks, drop_locks);
}

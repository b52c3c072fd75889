/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/fake_libusb.h"

#include "bringup/scan.h"
#include "drivers/bus/adapter.h"
#include "drivers/bus/fake_sysfs.h"
#include "drivers/bus/lock.h"
#include "drivers/rig/rig.h"

/* A machine in a folder: its sys and dev. */
struct machine {
  struct fake_sysfs top, sys;
};

static void put_usb(const struct machine *m, const char *path, const char *vendor, const char *product, const char *serial, unsigned interfaces)
{
  char folder[200], name[64];
  snprintf(folder, sizeof folder, "devices/usb1/%s", path);
  fake_sysfs_file(&m->sys, folder, "idVendor", vendor);
  fake_sysfs_file(&m->sys, folder, "idProduct", product);
  fake_sysfs_file(&m->sys, folder, "busnum", "1");
  fake_sysfs_file(&m->sys, folder, "devnum", path + strlen(path) - 1);
  if (serial)
    fake_sysfs_file(&m->sys, folder, "serial", serial);
  fake_sysfs_link(&m->sys, "bus/usb/devices", path, folder);
  for (unsigned i = 0; i < interfaces; i++) {
    char number[16];
    snprintf(name, sizeof name, "%s:1.%u", path, i);
    snprintf(folder, sizeof folder, "devices/usb1/%s/%s", path, name);
    snprintf(number, sizeof number, "%02x", i);
    fake_sysfs_file(&m->sys, folder, "bInterfaceNumber", number);
    fake_sysfs_link(&m->sys, "bus/usb/devices", name, folder);
  }
}

static void put_driver(const struct machine *m, const char *path, unsigned interface, const char *driver)
{
  char folder[200], target[200];
  snprintf(folder, sizeof folder, "devices/usb1/%s/%s:1.%u", path, path, interface);
  snprintf(target, sizeof target, "bus/usb/drivers/%s", driver);
  fake_sysfs_link(&m->sys, folder, "driver", target);
}

static void put_tty(const struct machine *m, const char *tty, const char *path, unsigned interface, const char *latency)
{
  char device[200], folder[200];
  snprintf(device, sizeof device, "devices/usb1/%s/%s:1.%u/%s", path, path, interface, tty);
  snprintf(folder, sizeof folder, "class/tty/%s", tty);
  fake_sysfs_link(&m->sys, folder, "device", device);
  if (latency)
    fake_sysfs_file(&m->sys, device, "latency_timer", latency);
}

static void put_i2c(const struct machine *m, const char *bus, const char *below, const char *title)
{
  char folder[240];
  snprintf(folder, sizeof folder, "devices/%s/%s", below, bus);
  fake_sysfs_file(&m->sys, folder, "name", title);
  fake_sysfs_link(&m->sys, "bus/i2c/devices", bus, folder);
}

static void open_machine(struct machine *m)
{
  fake_sysfs_open(&m->top);
  snprintf(m->sys.root, sizeof m->sys.root, "%.200s/sys", m->top.root);
  put_usb(m, "1-1", "0403", "6014", "PLH1", 1);
  put_driver(m, "1-1", 0, "ftdi_sio");
  put_tty(m, "ttyUSB0", "1-1", 0, "16");
  put_usb(m, "1-2", "10c4", "ea90", "SAME", 1);
  put_i2c(m, "i2c-7", "usb1/1-2/1-2:1.0", "CP2112 SMBus Bridge on hidraw0");
  put_usb(m, "1-3", "10c4", "ea90", "SAME", 1);
  put_usb(m, "1-4", "04d8", "00dd", NULL, 3);
  put_usb(m, "1-5", "0403", "6011", "a\"b\\c", 4);
  put_driver(m, "1-5", 2, "ftdi_sio");
  put_driver(m, "1-5", 3, "ftdi_sio");
  put_tty(m, "ttyUSB1", "1-5", 2, "1");
  put_usb(m, "1-6", "046d", "c31c", "a keyboard", 1);
  put_i2c(m, "i2c-0", "pci0", "SMBus I801 adapter at f040");
  fake_sysfs_file(&m->sys, "class/tty/ttyS0", "type", "4");
  fake_sysfs_file(&m->sys, "class/tty/ttyS1", "type", "0");
  char link[FAKE_SYSFS_ROOM];
  snprintf(link, sizeof link, "%s/dev/serial/by-id", m->top.root);
  fake_sysfs_folder(link);
  snprintf(link, sizeof link, "%s/dev/serial/by-id/usb-FTDI_PLH1-if00", m->top.root);
  assert_int_equal(symlink("../../ttyUSB0", link), 0);
}

static struct pl_scan *scan_of(const char *root)
{
  struct pl_err err = {0};
  struct pl_scan *scan = NULL;
  assert_int_equal(pl_scan_machine(&(struct pl_scan_cfg){.root = root}, &scan, &err), PL_OK);
  return scan;
}

static const struct pl_scan_port *port_of(const struct pl_scan *scan, const char *name)
{
  for (size_t i = 0; i < scan->count; i++)
    if (!strcmp(scan->ports[i].name, name))
      return &scan->ports[i];
  fail_msg("there is no %s among %zu", name, scan->count);
  return NULL;
}

static void everything_of_a_machine_is_listed(void **state)
{
  (void)state;
  static const struct {
    const char *name, *node, *title, *serial, *path, *driver, *by_id;
    enum pl_scan_kind kind;
    int latency;
  } ROWS[] = {
      {"1-1", "/dev/bus/usb/001/001", "", "PLH1", "1-1", "ftdi_sio (0)", "", PL_SCAN_USB, -1},
      {"1-2", "/dev/bus/usb/001/002", "", "SAME", "1-2", "", "", PL_SCAN_USB, -1},
      {"1-4", "/dev/bus/usb/001/004", "", "", "1-4", "", "", PL_SCAN_USB, -1},
      {"1-5", "/dev/bus/usb/001/005", "", "a\"b\\c", "1-5", "ftdi_sio (2 3)", "", PL_SCAN_USB, -1},
      {"i2c-0", "/dev/i2c-0", "SMBus I801 adapter at f040", "", "", "", "", PL_SCAN_I2C, -1},
      {"i2c-7", "/dev/i2c-7", "CP2112 SMBus Bridge on hidraw0", "SAME", "1-2", "", "", PL_SCAN_I2C, -1},
      {"ttyUSB0", "/dev/ttyUSB0", "", "PLH1", "1-1", "ftdi_sio", "/dev/serial/by-id/usb-FTDI_PLH1-if00", PL_SCAN_SERIAL, 16},
      {"ttyUSB1", "/dev/ttyUSB1", "", "a\"b\\c", "1-5", "ftdi_sio", "", PL_SCAN_SERIAL, 1},
      {"ttyS0", "/dev/ttyS0", "UART of the board", "", "", "", "", PL_SCAN_SERIAL, -1},
  };
  struct machine m;
  open_machine(&m);
  struct pl_scan *scan = scan_of(m.top.root);
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    const struct pl_scan_port *port = port_of(scan, ROWS[i].name);
    assert_int_equal(port->kind, ROWS[i].kind);
    assert_string_equal(port->node, ROWS[i].node);
    assert_string_equal(port->title, ROWS[i].title);
    assert_string_equal(port->serial, ROWS[i].serial);
    assert_string_equal(port->path, ROWS[i].path);
    assert_string_equal(port->driver, ROWS[i].driver);
    assert_string_equal(port->by_id, ROWS[i].by_id);
    assert_int_equal(port->latency_ms, ROWS[i].latency);
    assert_string_equal(port->holder, "");
  }
  assert_int_equal(scan->count, sizeof ROWS / sizeof *ROWS + 1); /* and 1-3; no keyboard, no ttyS1 */
  assert_true(port_of(scan, "1-2")->same_serial && port_of(scan, "1-3")->same_serial && !port_of(scan, "1-1")->same_serial);
  assert_ptr_equal(pl_scan_adapter_of(scan, port_of(scan, "i2c-7")), port_of(scan, "1-2"));
  assert_null(pl_scan_adapter_of(scan, port_of(scan, "i2c-0")));
  pl_scan_free(scan);
  fake_sysfs_close(&m.top);
}

static const struct pl_rig_bus *bus_of(const struct pl_rig *rig, const char *adapter, const char *param, const char *text)
{
  for (size_t i = 0; i < rig->n_buses; i++)
    for (size_t k = 0; k < rig->buses[i].values.count && !strcmp(rig->buses[i].adapter->name, adapter); k++) {
      const struct pl_value *value = &rig->buses[i].values.items[k];
      if (value->given && !strcmp(value->param->name, param) && !strcmp(value->text, text))
        return &rig->buses[i];
    }
  return NULL;
}

static struct pl_rig *rig_of(const struct pl_scan *scan)
{
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  pl_scan_write_rig(scan, out);
  fclose(out);
  struct pl_rig *rig = NULL;
  struct pl_err err = {0};
  if (pl_rig_parse("new.yaml", text, size, &rig, &err))
    fail_msg("%s\n%s", err.text, text);
  free(text);
  return rig;
}

static void a_rig_to_start_from_can_be_read(void **state)
{
  (void)state;
  struct machine m;
  open_machine(&m);
  struct pl_scan *scan = scan_of(m.top.root);
  struct pl_rig *rig = rig_of(scan);
  assert_non_null(bus_of(rig, "ftdi-mpsse", "serial", "PLH1"));
  assert_non_null(bus_of(rig, "i2c-dev", "path", "1-2")); /* two bear the serial; the kernel has this one */
  assert_non_null(bus_of(rig, "cp2112", "path", "1-3"));  /* and not that one */
  assert_null(bus_of(rig, "cp2112", "path", "1-2"));
  assert_non_null(bus_of(rig, "mcp2221", "path", "1-4"));
  assert_non_null(bus_of(rig, "ftdi-mpsse", "serial", "a\"b\\c"));
  assert_non_null(bus_of(rig, "modbus-rtu", "serial", "a\"b\\c")); /* channel C */
  assert_null(bus_of(rig, "modbus-rtu", "serial", "PLH1"));        /* the channel is an I2C bus */
  assert_int_equal(rig->n_buses, 2 + 1 + 2 + 2 + 2 + 1); /* FT232H, CP2112 of the kernel (no gpiochip), CP2112, MCP2221, FT4232H, its channel C */
  pl_rig_free(rig);
  pl_scan_free(scan);
  fake_sysfs_close(&m.top);
}

static void an_empty_machine_gives_an_empty_rig(void **state)
{
  (void)state;
  struct fake_sysfs top;
  fake_sysfs_open(&top);
  struct pl_scan *scan = scan_of(top.root);
  assert_int_equal(scan->count, 0);
  struct pl_rig *rig = rig_of(scan);
  assert_int_equal(rig->n_buses, 0);
  pl_rig_free(rig);
  pl_scan_free(scan);
  fake_sysfs_close(&top);
}

static void who_holds_an_adapter_is_told(void **state)
{
  (void)state;
  static const struct pl_usb_id IDS[] = {{0x0403, 0x6010}};
  static const char *const SERIALS[] = {"PLD1", NULL}; /* the lock's key has the serial number, or the path */
  for (size_t i = 0; i < 2; i++) {
    struct fake_sysfs top;
    struct fake_usb dev = {.vendor = 0x0403, .product_id = 0x6010, .path = "1-2", .serial = SERIALS[i], .product = "Dual RS232-HS"};
    struct pl_usb_match match = {.what = "FT2232H", .ids = IDS, .n_ids = 1, .path = "1-2", .interface = 1};
    struct pl_clock *clock;
    struct pl_err err = {0};
    struct pl_usb *usb;
    char holder[128];
    fake_sysfs_open(&top);
    fake_plug(&dev);
    assert_int_equal(pl_clock_new_virtual(0, &clock, &err), PL_OK);
    assert_int_equal(pl_usb_open(&match, clock, &usb, &err), PL_OK);
    struct pl_scan *scan = scan_of("");
    snprintf(holder, sizeof holder, "interface 1: %ld (", (long)getpid());
    assert_non_null(strstr(port_of(scan, "1-2")->holder, holder));
    assert_string_equal(port_of(scan, "1-2")->title, "Dual RS232-HS");
    pl_scan_free(scan);
    pl_usb_close(usb);
    scan = scan_of("");
    assert_string_equal(port_of(scan, "1-2")->holder, "");
    pl_scan_free(scan);
    pl_clock_free(clock);
    fake_unplug_all();
    fake_sysfs_close(&top);
  }
}

static void who_holds_a_bus_or_port_is_told(void **state)
{
  (void)state;
  static const char *const NODES[] = {"/dev/i2c-7", "/dev/ttyUSB1"};
  struct machine m;
  struct pl_err err = {0};
  open_machine(&m);
  for (size_t i = 0; i < 2; i++) {
    struct pl_lock *lock;
    char holder[64];
    assert_int_equal(pl_lock_take(NODES[i], &lock, &err), PL_OK);
    struct pl_scan *scan = scan_of(m.top.root);
    snprintf(holder, sizeof holder, "%ld (", (long)getpid());
    assert_non_null(strstr(port_of(scan, NODES[i] + 5)->holder, holder));
    assert_string_equal(port_of(scan, NODES[!i] + 5)->holder, "");
    pl_lock_release(lock);
    pl_scan_free(scan);
  }
  fake_sysfs_file(&m.top, "locks", "plumbline-_dev_i2c_7.lock", "999 (killed)"); /* its holder died: the kernel has let go of it */
  struct pl_scan *scan = scan_of(m.top.root);
  assert_string_equal(port_of(scan, "i2c-7")->holder, "");
  pl_scan_free(scan);
  fake_sysfs_close(&m.top);
}

static void every_chip_has_its_adapter_and_its_udev_rule(void **state)
{
  (void)state;
  char text[8192];
  FILE *f = fopen("tools/udev/70-plumbline.rules", "r");
  assert_non_null(f);
  text[fread(text, 1, sizeof text - 1, f)] = '\0';
  fclose(f);
  size_t count;
  const struct pl_scan_chip *chips = pl_scan_chips(&count);
  for (size_t i = 0; i < count; i++) {
    char rule[100];
    snprintf(rule, sizeof rule, "ATTR{idVendor}==\"%04x\", ATTR{idProduct}==\"%04x\", MODE=\"0660\", GROUP=\"plugdev\", TAG+=\"uaccess\"", chips[i].id.vendor,
             chips[i].id.product);
    if (!strstr(text, rule))
      fail_msg("no rule for %s: %s", chips[i].name, rule);
    assert_non_null(pl_adapter_find(PL_BUS_I2C, chips[i].adapter));
    assert_true(!chips[i].pins || pl_adapter_find(PL_BUS_GPIO, chips[i].adapter));
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(everything_of_a_machine_is_listed),
      cmocka_unit_test(a_rig_to_start_from_can_be_read),
      cmocka_unit_test(an_empty_machine_gives_an_empty_rig),
      cmocka_unit_test_setup(who_holds_an_adapter_is_told, fake_reset),
      cmocka_unit_test(who_holds_a_bus_or_port_is_told),
      cmocka_unit_test(every_chip_has_its_adapter_and_its_udev_rule),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

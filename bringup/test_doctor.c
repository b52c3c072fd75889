/* SPDX-License-Identifier: Apache-2.0 */
#include "bringup/doctor.h"
#include "drivers/bus/fake_sysfs.h"
#include "drivers/bus/lock.h"

/* A machine in a folder, on which all is well: one FT232H with its serial port, one CP2112 with the kernel's I2C bus. Each test spoils something. */
struct machine {
  struct fake_sysfs top, sys;
  struct pl_doctor_user user;
  unsigned groups[1];
  struct pl_doctor *doctor;
};

static void put(const struct machine *m, const char *folder, const char *name, const char *text)
{
  fake_sysfs_file(&m->top, folder, name, text);
}

/* Root's own group is nobody's to join, so that root gives the nodes to another. */
static gid_t group_of_nodes(void)
{
  return geteuid() ? getegid() : 4242;
}

static void put_node(const struct machine *m, const char *folder, const char *name, mode_t mode)
{
  char path[FAKE_SYSFS_ROOM];
  put(m, folder, name, "");
  snprintf(path, sizeof path, "%s/%s/%s", m->top.root, folder, name);
  assert_int_equal(chmod(path, mode), 0);
  assert_int_equal(chown(path, (uid_t)-1, group_of_nodes()), 0);
}

static void drop(const struct machine *m, const char *name)
{
  char path[FAKE_SYSFS_ROOM];
  snprintf(path, sizeof path, "%s/%s", m->top.root, name);
  assert_int_equal(unlink(path), 0);
}

static void put_usb(const struct machine *m, const char *path, const char *vendor, const char *product, const char *serial)
{
  char folder[200], name[64];
  snprintf(folder, sizeof folder, "devices/usb1/%s", path);
  fake_sysfs_file(&m->sys, folder, "idVendor", vendor);
  fake_sysfs_file(&m->sys, folder, "idProduct", product);
  fake_sysfs_file(&m->sys, folder, "busnum", "1");
  fake_sysfs_file(&m->sys, folder, "devnum", path + 2);
  fake_sysfs_file(&m->sys, folder, "serial", serial);
  fake_sysfs_link(&m->sys, "bus/usb/devices", path, folder);
  snprintf(name, sizeof name, "%s:1.0", path);
  snprintf(folder, sizeof folder, "devices/usb1/%s/%s", path, name);
  fake_sysfs_file(&m->sys, folder, "bInterfaceNumber", "00");
  fake_sysfs_link(&m->sys, "bus/usb/devices", name, folder);
  snprintf(name, sizeof name, "00%d", path[2] - '0');
  put_node(m, "dev/bus/usb/001", name, 0660);
}

static int open_machine(void **state)
{
  struct machine *m = calloc(1, sizeof *m);
  char line[80];
  assert_non_null(m);
  fake_sysfs_open(&m->top);
  snprintf(m->sys.root, sizeof m->sys.root, "%.200s/sys", m->top.root);
  put_usb(m, "1-1", "0403", "6014", "PLH1");
  fake_sysfs_link(&m->sys, "class/tty/ttyUSB0", "device", "devices/usb1/1-1/1-1:1.0/ttyUSB0");
  fake_sysfs_file(&m->sys, "devices/usb1/1-1/1-1:1.0/ttyUSB0", "latency_timer", "1");
  put_node(m, "dev", "ttyUSB0", 0660);
  put_usb(m, "1-2", "10c4", "ea90", "PLC1");
  fake_sysfs_file(&m->sys, "devices/usb1/1-2/1-2:1.0/i2c-7", "name", "CP2112 SMBus Bridge on hidraw0");
  fake_sysfs_link(&m->sys, "bus/i2c/devices", "i2c-7", "devices/usb1/1-2/1-2:1.0/i2c-7");
  put_node(m, "dev", "i2c-7", 0660);
  snprintf(line, sizeof line, "root:x:0:\nplugdev:x:%u:\ni2c:x:%u:\ngpio:x:%u:\ndialout:x:%u:", group_of_nodes(), group_of_nodes(), group_of_nodes(),
           group_of_nodes());
  put(m, "etc", "group", line);
  put(m, "lib/udev/rules.d", "70-plumbline.rules", "");
  put(m, "sys/module/i2c_dev", "refcnt", "0");
  put(m, "sys/module/ftdi_sio", "refcnt", "0");
  put(m, "sys/module/hid_cp2112", "refcnt", "0");
  put(m, "sys/devices/system/clocksource/clocksource0", "current_clocksource", "tsc");
  put(m, "sys/devices/system/clocksource/clocksource0", "available_clocksource", "tsc hpet acpi_pm");
  put(m, "proc/self", "limits", "Max realtime priority     50                   50");
  put(m, "proc/self", "status", "CapEff:\t0000000000000000");
  put(m, "proc/sys/kernel", "osrelease", "6.1.0-test");
  m->groups[0] = group_of_nodes();
  m->user = (struct pl_doctor_user){"alex", 54321, m->groups, 1};
  *state = m;
  return 0;
}

static int close_machine(void **state)
{
  struct machine *m = *state;
  pl_doctor_free(m->doctor);
  fake_sysfs_close(&m->top);
  free(m);
  return 0;
}

static void visit(struct machine *m, const struct pl_rig *rig)
{
  struct pl_err err = {0};
  pl_doctor_free(m->doctor);
  m->doctor = NULL;
  assert_int_equal(pl_doctor_run(&(struct pl_doctor_cfg){.root = m->top.root, .user = &m->user, .rig = rig}, &m->doctor, &err), PL_OK);
}

/* The finding whose text has the words; it is of that level, and its fix has those. */
static void assert_finding(const struct machine *m, enum pl_finding_level level, const char *topic, const char *text, const char *fix)
{
  for (size_t i = 0; i < m->doctor->count; i++) {
    const struct pl_finding *f = &m->doctor->findings[i];
    if (f->level == level && !strcmp(f->topic, topic) && strstr(f->text, text) && strstr(f->fix, fix))
      return;
  }
  for (size_t i = 0; i < m->doctor->count; i++)
    print_error("%s | %s | %s | %s\n", pl_finding_level_name(m->doctor->findings[i].level), m->doctor->findings[i].topic, m->doctor->findings[i].text,
                m->doctor->findings[i].fix);
  fail_msg("no %s about %s: '%s', fix '%s'", pl_finding_level_name(level), topic, text, fix);
}

static void assert_levels(const struct machine *m, size_t warnings, size_t errors)
{
  for (size_t i = 0; i < m->doctor->count && (m->doctor->levels[PL_FINDING_WARNING] != warnings || m->doctor->levels[PL_FINDING_ERROR] != errors); i++)
    if (m->doctor->findings[i].level)
      print_error("%s: %s\n", pl_finding_level_name(m->doctor->findings[i].level), m->doctor->findings[i].text);
  assert_int_equal(m->doctor->levels[PL_FINDING_WARNING], warnings);
  assert_int_equal(m->doctor->levels[PL_FINDING_ERROR], errors);
}

static void a_machine_on_which_all_is_well(void **state)
{
  struct machine *m = *state;
  visit(m, NULL);
  assert_levels(m, 0, 0);
  assert_finding(m, PL_FINDING_OK, "permissions", "user alex may use 4 of 4", "");
  assert_finding(m, PL_FINDING_OK, "udev rules", "/lib/udev/rules.d/70-plumbline.rules", "");
  assert_finding(m, PL_FINDING_OK, "clock", "tsc", "");
  assert_finding(m, PL_FINDING_OK, "real time", "up to 50", "");
  assert_finding(m, PL_FINDING_OK, "locks", "nothing is held", "");
}

static void who_may_not_use_an_adapter_is_told_his_group(void **state)
{
  struct machine *m = *state;
  m->user.n_groups = 0;
  visit(m, NULL);
  assert_levels(m, 4, 4); /* the groups; the nodes */
  assert_finding(m, PL_FINDING_ERROR, "permissions", "FT232H PLH1 at 1-1: user alex may not read and write /dev/bus/usb/001/001",
                 "sudo usermod -aG plugdev alex");
  assert_finding(m, PL_FINDING_WARNING, "groups", "gpio", "sudo usermod -aG gpio alex");
  m->user.uid = 0;
  visit(m, NULL);
  assert_levels(m, 0, 0);
}

static void a_node_for_its_owner_alone_wants_the_udev_rules(void **state)
{
  struct machine *m = *state;
  drop(m, "lib/udev/rules.d/70-plumbline.rules");
  put_node(m, "dev/bus/usb/001", "002", 0600);
  put(m, "etc", "group", "plugdev:x:1:\ni2c:x:2:\ndialout:x:3:");
  visit(m, NULL);
  assert_levels(m, 5, 1);
  assert_finding(m, PL_FINDING_ERROR, "permissions", "CP2112 PLC1 at 1-2", "udevadm trigger");
  assert_finding(m, PL_FINDING_WARNING, "udev rules", "not installed", "sudo make install");
  assert_finding(m, PL_FINDING_WARNING, "groups", "there is no group gpio", "sudo groupadd --system gpio && sudo usermod -aG gpio alex");
}

static void modules_are_loaded_there_or_missing(void **state)
{
  struct machine *m = *state;
  drop(m, "sys/module/i2c_dev/refcnt");
  drop(m, "dev/i2c-7");
  char path[FAKE_SYSFS_ROOM];
  snprintf(path, sizeof path, "%s/sys/module/i2c_dev", m->top.root);
  assert_int_equal(rmdir(path), 0);
  visit(m, NULL);
  assert_levels(m, 0, 1);
  assert_finding(m, PL_FINDING_ERROR, "kernel modules", "nor does this kernel have it", "install a kernel");
  put(m, "lib/modules/6.1.0-test", "modules.dep", "kernel/drivers/i2c/i2c-dev.ko.xz: kernel/drivers/i2c/i2c-core.ko");
  visit(m, NULL);
  assert_finding(m, PL_FINDING_ERROR, "kernel modules", "i2c_dev is not loaded: there are I2C buses", "sudo modprobe i2c_dev");
  put(m, "lib/modules/6.1.0-test", "modules.builtin", "kernel/drivers/i2c/i2c-dev.ko");
  visit(m, NULL);
  assert_finding(m, PL_FINDING_OK, "kernel modules", "i2c_dev is loaded", "");
}

static void slow_and_unlucky_settings_are_told(void **state)
{
  static const struct {
    const char *folder, *name, *value, *topic, *text, *fix;
  } ROWS[] = {
      {"sys/devices/usb1/1-1/1-1:1.0/ttyUSB0", "latency_timer", "16", "latency timer", "/dev/ttyUSB0 waits up to 16 ms",
       "echo 1 | sudo tee /sys/class/tty/ttyUSB0/device/latency_timer"},
      {"sys/devices/system/clocksource/clocksource0", "current_clocksource", "hpet", "clock", "clock source hpet", "echo tsc | sudo tee"},
      {"proc/self", "limits", "Max realtime priority     0                    0", "real time", "not allowed", "limits.d/plumbline.conf"},
      {"sys/devices/usb1/1-2", "serial", "", "serial numbers", "CP2112 at 1-2 has no serial number", "`path: 1-2`"},
  };
  struct machine *m = *state;
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    put(m, ROWS[i].folder, ROWS[i].name, ROWS[i].value);
    visit(m, NULL);
    assert_levels(m, i + 1, 0);
    assert_finding(m, PL_FINDING_WARNING, ROWS[i].topic, ROWS[i].text, ROWS[i].fix);
  }
  put(m, "proc/self", "status", "CapEff:\t0000000000800000");
  visit(m, NULL);
  assert_finding(m, PL_FINDING_OK, "real time", "CAP_SYS_NICE", "");
}

static void two_with_one_serial_number_are_told(void **state)
{
  struct machine *m = *state;
  put_usb(m, "1-3", "10c4", "ea90", "PLC1");
  visit(m, NULL);
  assert_levels(m, 2, 0);
  assert_finding(m, PL_FINDING_WARNING, "serial numbers", "CP2112 PLC1 at 1-3 bears a serial number", "`path: 1-3`");
}

static void a_port_in_use_is_told_with_its_holder(void **state)
{
  struct machine *m = *state;
  struct pl_lock *lock;
  struct pl_err err = {0};
  char text[100];
  assert_int_equal(pl_lock_take("/dev/ttyUSB0", &lock, &err), PL_OK);
  visit(m, NULL);
  snprintf(text, sizeof text, "is held by process %ld", (long)getpid());
  assert_levels(m, 2, 0);
  assert_finding(m, PL_FINDING_WARNING, "locks", text, "end that program");
  assert_finding(m, PL_FINDING_WARNING, "drivers", "/dev/ttyUSB0 stands on a channel that adapter ftdi-mpsse would take", "another channel");
  pl_lock_release(lock);
}

static struct pl_rig *rig_of(const char *buses)
{
  char text[1200];
  struct pl_rig *rig = NULL;
  struct pl_err err = {0};
  int len = snprintf(text, sizeof text, "rig: r\nbuses:\n%s\ndevices: []\n", buses);
  if (pl_rig_parse("r.yaml", text, (size_t)len, &rig, &err))
    fail_msg("%s", err.text);
  return rig;
}

static void the_adapters_of_a_rig_are_looked_for(void **state)
{
  static const struct {
    const char *bus;
    enum pl_finding_level level;
    const char *text;
  } ROWS[] = {
      {"- {name: b, kind: i2c, adapter: ftdi-mpsse, serial: PLH1}", PL_FINDING_OK, "/dev/bus/usb/001/001"},
      {"- {name: b, kind: i2c, adapter: ftdi-mpsse}", PL_FINDING_OK, "/dev/bus/usb/001/001"},
      {"- {name: b, kind: i2c, adapter: ftdi-mpsse, serial: OTHER}", PL_FINDING_ERROR, "not plugged in, serial OTHER"},
      {"- {name: b, kind: gpio, adapter: cp2112, path: 1-2}", PL_FINDING_OK, "/dev/bus/usb/001/002"},
      {"- {name: b, kind: i2c, adapter: mcp2221}", PL_FINDING_ERROR, "not plugged in"},
      {"- {name: b, kind: i2c, adapter: i2c-dev, serial: PLC1}", PL_FINDING_OK, "/dev/i2c-7"},
      {"- {name: b, kind: i2c, adapter: i2c-dev, port: /dev/i2c-7}", PL_FINDING_OK, "/dev/i2c-7"},
      {"- {name: b, kind: i2c, adapter: i2c-dev, port: /dev/i2c-9}", PL_FINDING_ERROR, "/dev/i2c-9 cannot be used"},
      {"- {name: b, kind: i2c, adapter: i2c-dev, path: 1-9}", PL_FINDING_ERROR, "there are i2c-7"},
      {"- {name: b, kind: modbus, adapter: modbus-rtu, serial: PLH1}", PL_FINDING_OK, "/dev/ttyUSB0"},
      {"- {name: b, kind: modbus, adapter: modbus-rtu, port: /dev/ttyUSB0}", PL_FINDING_OK, "/dev/ttyUSB0"},
      {"- {name: b, kind: modbus, adapter: modbus-rtu, port: /dev/ttyUSB7}", PL_FINDING_ERROR, "/dev/ttyUSB7 cannot be used"},
      {"- {name: b, kind: modbus, adapter: modbus-rtu, path: 1-7}", PL_FINDING_ERROR, "there is no USB serial port with path 1-7"},
      {"- {name: b, kind: modbus, adapter: modbus-tcp, host: 192.0.2.1}", PL_FINDING_OK, "not tried"},
      {"- {name: b, kind: gpio, adapter: gpiochip, chip: cp2112_gpio}", PL_FINDING_ERROR, "not plugged in"},
      {"- {name: b, kind: gpio, adapter: gpiochip}", PL_FINDING_ERROR, "no GPIO chip at all"},
      {"- {name: b, kind: gpio, adapter: usb-hub, path: 1-1}", PL_FINDING_OK, "hub at 1-1"},
      {"- {name: b, kind: gpio, adapter: usb-hub, path: 1-8}", PL_FINDING_ERROR, "no hub"},
      {"- {name: b, kind: i2c, adapter: twin}", PL_FINDING_OK, "virtual"},
  };
  struct machine *m = *state;
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    struct pl_rig *rig = rig_of(ROWS[i].bus);
    visit(m, rig);
    assert_finding(m, ROWS[i].level, "rig", ROWS[i].text, ROWS[i].level ? "plug" : "");
    assert_levels(m, 0, ROWS[i].level == PL_FINDING_ERROR);
    pl_rig_free(rig);
  }
}

static void every_adapter_is_known_to_the_doctor(void **state)
{
  struct machine *m = *state;
  for (size_t i = 0; i < pl_n_adapters; i++) {
    const struct pl_adapter_desc *adapter = pl_adapters[i];
    char bus[300], more[100] = "";
    for (size_t k = 0; k < adapter->n_params; k++)
      if (adapter->params[k].required)
        snprintf(more, sizeof more, ", %s: \"1-1\"", adapter->params[k].name);
    snprintf(bus, sizeof bus, "- {name: b, kind: %s, adapter: %s%s}", pl_bus_kind_name(adapter->kind), adapter->name, more);
    struct pl_rig *rig = rig_of(bus);
    visit(m, rig);
    for (size_t k = 0; k < m->doctor->count; k++)
      if (strstr(m->doctor->findings[k].text, "doctor does not know"))
        fail_msg("%s", m->doctor->findings[k].text);
    pl_rig_free(rig);
  }
}

static void with_a_rig_only_its_own_adapters_are_needed(void **state)
{
  struct machine *m = *state;
  struct pl_rig *rig = rig_of("- {name: b, kind: i2c, adapter: ftdi-mpsse, serial: PLH1}");
  put_node(m, "dev/bus/usb/001", "002", 0600);
  visit(m, NULL);
  assert_levels(m, 0, 1);
  visit(m, rig);
  assert_levels(m, 1, 0);
  put_node(m, "dev/bus/usb/001", "001", 0600);
  visit(m, rig);
  assert_levels(m, 2, 1);
  assert_finding(m, PL_FINDING_ERROR, "rig", "bus 'b' (adapter 'ftdi-mpsse'): /dev/bus/usb/001/001 cannot be used", "make install");
  pl_rig_free(rig);
}

#define ON_A_MACHINE(test) cmocka_unit_test_setup_teardown(test, open_machine, close_machine)

int main(void)
{
  const struct CMUnitTest tests[] = {
      ON_A_MACHINE(a_machine_on_which_all_is_well),
      ON_A_MACHINE(who_may_not_use_an_adapter_is_told_his_group),
      ON_A_MACHINE(a_node_for_its_owner_alone_wants_the_udev_rules),
      ON_A_MACHINE(modules_are_loaded_there_or_missing),
      ON_A_MACHINE(slow_and_unlucky_settings_are_told),
      ON_A_MACHINE(two_with_one_serial_number_are_told),
      ON_A_MACHINE(a_port_in_use_is_told_with_its_holder),
      ON_A_MACHINE(the_adapters_of_a_rig_are_looked_for),
      ON_A_MACHINE(every_adapter_is_known_to_the_doctor),
      ON_A_MACHINE(with_a_rig_only_its_own_adapters_are_needed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

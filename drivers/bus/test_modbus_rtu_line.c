/* SPDX-License-Identifier: Apache-2.0 */
/* The serial line under Modbus RTU: units of different speed, echo, RS-485, where the port is. */
#include "drivers/bus/modbus_rtu_test.h"
#include "drivers/bus/serial_port.h"

#include <sys/stat.h>

static void open_with(struct rig *rig, const struct pair *pairs, size_t n, enum pl_status expected, const char *sentence)
{
  *rig = (struct rig){.bus = NULL};
  assert_int_equal(pl_clock_new_real(&rig->clock, &rig->err), PL_OK);
  enum pl_status status = open_bus(rig, &pl_adapter_modbus_rtu, false, pairs, n);
  if (status != expected || (sentence && !strstr(rig->err.text, sentence)))
    fail_msg("%s: %s", pl_status_name(status), rig->err.text);
}

static void each_unit_speaks_at_its_own_speed(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  uint16_t value;
  start_line(&l);
  open_with(&rig, (struct pair[]){{"port", l.path}, {"baud", "19200"}}, 2, PL_OK, NULL);
  struct pl_err err = {0};
  assert_int_equal(pl_modbus_set_line(rig.bus, 7, &(struct pl_modbus_line){.baud = 115200, .parity = 'N'}, &err), PL_OK);
  assert_int_equal(pl_modbus_set_line(rig.bus, 8, &(struct pl_modbus_line){.baud = 12345}, &err), PL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "12345 baud"));
  for (int round = 0; round < 2; round++) {
    assert_int_equal(read_one(&rig, 5, 3, &value), PL_OK);
    assert_int_equal(read_one(&rig, 7, 3, &value), PL_OK);
    assert_int_equal(atomic_load(&l.speeds[5]), B19200);
    assert_int_equal(atomic_load(&l.speeds[7]), B115200);
  }
  close_rig(&rig);
  stop_line(&l);
}

static void an_echo_is_taken_out_where_the_rig_says_so(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  uint16_t value;
  start_line(&l);
  l.echoes = true;
  open_with(&rig, (struct pair[]){{"port", l.path}, {"response-timeout", "200 ms"}, {"local-echo", "yes"}}, 3, PL_OK, NULL);
  assert_reads(&rig, 9, 3);
  assert_reads(&rig, 9, 4);
  close_rig(&rig);
  stop_line(&l);

  start_line(&l); /* somebody else sends at the same time */
  l.echoes = l.spoils = true;
  open_with(&rig, (struct pair[]){{"port", l.path}, {"response-timeout", "200 ms"}, {"local-echo", "yes"}}, 3, PL_OK, NULL);
  assert_int_equal(read_one(&rig, 9, 3, &value), PL_E_ARBITRATION);
  assert_non_null(strstr(rig.err.text, "another sender"));
  close_rig(&rig);
  stop_line(&l);

  start_line(&l); /* local-echo, and there is none */
  atomic_store(&l.trick, MUTE);
  open_with(&rig, (struct pair[]){{"port", l.path}, {"response-timeout", "200 ms"}, {"local-echo", "yes"}}, 3, PL_OK, NULL);
  assert_int_equal(read_one(&rig, 9, 3, &value), PL_E_SHORT);
  assert_non_null(strstr(rig.err.text, "leave local-echo out"));
  close_rig(&rig);
  stop_line(&l);
}

/* The request reached its unit all the same; the answer comes when the next request is out. */
static void an_answer_after_a_bad_echo_is_never_taken_for_the_next(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  uint16_t value;
  start_line(&l);
  l.echoes = l.spoils = true;
  atomic_store(&l.trick, SLOW);
  open_with(&rig, (struct pair[]){{"port", l.path}, {"response-timeout", "2 s"}, {"local-echo", "yes"}}, 3, PL_OK, NULL);
  assert_int_equal(read_one(&rig, 9, 500, &value), PL_E_ARBITRATION);
  l.spoils = false;
  assert_reads(&rig, 9, 3);
  assert_reads(&rig, 9, 4);
  close_rig(&rig);
  stop_line(&l);
}

static void an_unexpected_echo_is_named(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  uint16_t value;
  start_line(&l);
  atomic_store(&l.trick, ITSELF);
  open_with(&rig, (struct pair[]){{"port", l.path}, {"response-timeout", "200 ms"}}, 2, PL_OK, NULL);
  assert_int_equal(read_one(&rig, 9, 3, &value), PL_E_GARBAGE);
  assert_non_null(strstr(rig.err.text, "set `local-echo: yes`"));
  close_rig(&rig);
  stop_line(&l);
}

static void settings_that_the_port_cannot_are_refused(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  open_line(&l);
  open_with(&rig, (struct pair[]){{"port", l.path}, {"rs485", "yes"}}, 2, PL_E_UNSUPPORTED, "cannot switch an RS-485 transceiver");
  close_rig(&rig);
  open_with(&rig, (struct pair[]){{"port", l.path}, {"serial", "PL1"}}, 2, PL_E_USAGE, "either `port` or `serial`");
  close_rig(&rig);
  open_with(&rig, (struct pair[]){{"baud", "9600"}}, 1, PL_E_USAGE, "either `port` or `serial`");
  close_rig(&rig);
  open_with(&rig, (struct pair[]){{"serial", "no-such-chip"}}, 1, PL_E_GONE, "there is no USB serial port with serial number no-such-chip");
  close_rig(&rig);
  close_line(&l);
}

/* --- sysfs --- */

static void put(const char *root, const char *path, const char *text)
{
  char name[300];
  snprintf(name, sizeof name, "%s/%s", root, path);
  for (char *p = name + strlen(root) + 1; (p = strchr(p, '/')); p++) {
    *p = 0;
    (void)mkdir(name, 0777);
    *p = '/';
  }
  FILE *f = text ? fopen(name, "w") : NULL;
  if (text) {
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
  } else {
    (void)mkdir(name, 0777);
  }
}

static void put_port(const char *root, const char *usb, int interface, const char *serial, int tty)
{
  char path[200], target[200];
  const struct {
    const char *name, *text;
  } FILES[] = {{"serial", serial}, {"product", "Quad RS232"}, {"idVendor", "0403\n"}, {"idProduct", "6011\n"}};
  for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
    snprintf(path, sizeof path, "devices/usb1/%s/%s", usb, FILES[i].name);
    if (FILES[i].text)
      put(root, path, FILES[i].text);
  }
  snprintf(path, sizeof path, "devices/usb1/%s/%s:1.%d/bInterfaceNumber", usb, usb, interface);
  char number[8];
  snprintf(number, sizeof number, "%02x\n", (unsigned)interface);
  put(root, path, number);
  snprintf(path, sizeof path, "devices/usb1/%s/%s:1.%d/ttyUSB%d", usb, usb, interface, tty);
  put(root, path, NULL);
  snprintf(path, sizeof path, "class/tty/ttyUSB%d", tty);
  put(root, path, NULL);
  snprintf(path, sizeof path, "%s/class/tty/ttyUSB%d/device", root, tty);
  snprintf(target, sizeof target, "%s/devices/usb1/%s/%s:1.%d/ttyUSB%d", root, usb, usb, interface, tty);
  assert_int_equal(symlink(target, path), 0);
}

static void usb_ports_are_found_by_serial_and_path(void **state)
{
  (void)state;
  char root[] = "/tmp/test_modbus_rtu_line.XXXXXX", node[64], command[200];
  struct pl_err err = {0};
  assert_non_null(mkdtemp(root));
  put(root, "class/tty/ttyS0/x", "");
  put_port(root, "1-2", 2, "PL0001\n", 4);
  put_port(root, "1-2", 3, "PL0001\n", 5);
  put_port(root, "1-1.3", 0, NULL, 0); /* blank EEPROM: no serial number */
  assert_int_equal(pl_serial_find(root, "PL0001", NULL, 3, node, sizeof node, &err), PL_OK);
  assert_string_equal(node, "/dev/ttyUSB5");
  assert_int_equal(pl_serial_find(root, NULL, "1-1.3", -1, node, sizeof node, &err), PL_OK);
  assert_string_equal(node, "/dev/ttyUSB0");
  assert_int_equal(pl_serial_find(root, "PL0001", NULL, -1, node, sizeof node, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "there are 2"));
  assert_non_null(strstr(err.text, "interface 2"));
  assert_int_equal(pl_serial_find(root, "PL9", NULL, -1, node, sizeof node, &err), PL_E_GONE);
  assert_non_null(strstr(err.text, "/dev/ttyUSB0 (serial none, path 1-1.3, interface 0)"));
  snprintf(command, sizeof command, "rm -r '%s'", root);
  assert_int_equal(system(command), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_unit_speaks_at_its_own_speed),        cmocka_unit_test(an_echo_is_taken_out_where_the_rig_says_so),
      cmocka_unit_test(an_answer_after_a_bad_echo_is_never_taken_for_the_next),
      cmocka_unit_test(an_unexpected_echo_is_named),              cmocka_unit_test(settings_that_the_port_cannot_are_refused),
      cmocka_unit_test(usb_ports_are_found_by_serial_and_path),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

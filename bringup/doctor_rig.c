/* SPDX-License-Identifier: Apache-2.0 */
#include "bringup/doctor_in.h"
#include "drivers/bus/lock.h"
#include "drivers/bus/serial_port.h"
#include "drivers/bus/sysfs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Whether each adapter that a rig names is on this machine, by looking only: as the adapter's own open would find it. */

static const char *text_of(const struct pl_rig_bus *bus, const char *name)
{
  const struct pl_value *value = pl_value_given(&bus->values, name);
  return value && *value->text ? value->text : NULL;
}

static int number_of(const struct pl_rig_bus *bus, const char *name)
{
  const struct pl_value *value = pl_value_given(&bus->values, name);
  return value ? (int)value->number : -1;
}

static void say_gone(struct pl_visit *visit, const struct pl_rig_bus *bus, const char *why)
{
  pl_visit_say(visit, PL_FINDING_ERROR, "rig", "plug it in, or mend the rig: `plumb scan` lists what is there", "bus '%s' (adapter '%s'): %s", bus->name,
               bus->adapter->name, why);
}

static void check_node(struct pl_visit *visit, const struct pl_rig_bus *bus, const char *node, const char *holder)
{
  char fix[300];
  if (!pl_visit_may_use(visit, node, fix, sizeof fix))
    pl_visit_say(visit, PL_FINDING_ERROR, "rig", fix, "bus '%s' (adapter '%s'): %s cannot be used", bus->name, bus->adapter->name, node);
  else if (*holder)
    pl_visit_say(visit, PL_FINDING_ERROR, "rig", "end that program, or wait for it", "bus '%s' (adapter '%s'): %s is held by process %s", bus->name,
                 bus->adapter->name, node, holder);
  else
    pl_visit_say(visit, PL_FINDING_OK, "rig", "", "bus '%s' (adapter '%s'): %s", bus->name, bus->adapter->name, node);
}

static const struct pl_scan_port *port_named(const struct pl_visit *visit, enum pl_scan_kind kind, const char *name)
{
  for (size_t i = 0; i < visit->scan->count; i++)
    if (visit->scan->ports[i].kind == kind && !strcmp(visit->scan->ports[i].name, name))
      return &visit->scan->ports[i];
  return NULL;
}

static void check_rtu(struct pl_visit *visit, const struct pl_rig_bus *bus)
{
  const char *port = text_of(bus, "port"), *serial = text_of(bus, "serial"), *path = text_of(bus, "path");
  char node[PATH_MAX], under[2 * PATH_MAX], holder[128] = "";
  struct pl_err why = {0};
  if (port)
    snprintf(node, sizeof node, "%s", port);
  else if (pl_serial_find(visit->scan->sys, serial, path, number_of(bus, "interface"), node, sizeof node, &why)) {
    say_gone(visit, bus, why.text);
    return;
  }
  snprintf(under, sizeof under, "%s%s", visit->cfg->root, node);
  char *resolved = realpath(under, NULL); /* the lock's key: drivers/bus/modbus_rtu.c */
  if (resolved && !pl_lock_holder(resolved + strlen(visit->cfg->root), holder, sizeof holder))
    holder[0] = '\0';
  free(resolved);
  check_node(visit, bus, node, holder);
}

static void check_i2c_dev(struct pl_visit *visit, const struct pl_rig_bus *bus)
{
  const char *port = text_of(bus, "port");
  const struct pl_sysfs_match match = {.title = text_of(bus, "name"), .path = text_of(bus, "path"), .serial = text_of(bus, "serial")};
  struct pl_sysfs_node node = {0};
  struct pl_err why = {0};
  char path[64];
  if (port)
    snprintf(node.name, sizeof node.name, "%.31s", strncmp(port, "/dev/", 5) ? port : port + 5);
  else if (pl_sysfs_node_find(visit->scan->sys, "bus/i2c/devices", "i2c-", "I2C bus", &match, &node, &why)) {
    say_gone(visit, bus, why.text);
    return;
  }
  const struct pl_scan_port *found = port_named(visit, PL_SCAN_I2C, node.name);
  snprintf(path, sizeof path, "/dev/%s", node.name);
  check_node(visit, bus, path, found ? found->holder : "");
}

static bool is_other(const char *want, const char *have)
{
  return want && strcmp(want, have) != 0;
}

/* The ports of a kind that the rig's serial and path mean. */
static size_t count_meant(const struct pl_visit *visit, enum pl_scan_kind kind, const struct pl_rig_bus *bus, const struct pl_scan_port **first)
{
  const char *serial = text_of(bus, "serial"), *path = text_of(bus, "path"), *chip = kind == PL_SCAN_GPIO ? text_of(bus, "chip") : NULL;
  size_t count = 0;
  if (chip && !strncmp(chip, "/dev/", 5))
    chip += 5;
  for (size_t i = 0; i < visit->scan->count; i++) {
    const struct pl_scan_port *port = &visit->scan->ports[i];
    if (port->kind != kind || is_other(serial, port->serial) || is_other(path,
                                                                         port->path) || (kind == PL_SCAN_USB && strcmp(port->chip->adapter,
                                                                                                                       bus->adapter->name) != 0) ||
        (is_other(chip, port->title) && is_other(chip, port->name)))
      continue;
    if (!count++)
      *first = port;
  }
  return count;
}

static void check_found(struct pl_visit *visit, const struct pl_rig_bus *bus, enum pl_scan_kind kind)
{
  const struct pl_scan_port *port = NULL;
  char name[200], why[300];
  size_t count = count_meant(visit, kind, bus, &port);
  if (!count) {
    snprintf(why, sizeof why, "it is not plugged in%s%s%s%s", text_of(bus, "serial") ? ", serial " : "", text_of(bus, "serial") ? text_of(bus, "serial") : "",
             text_of(bus, "path") ? ", path " : "", text_of(bus, "path") ? text_of(bus, "path") : "");
    say_gone(visit, bus, why);
  } else if (count > 1) {
    snprintf(why, sizeof why, "%zu match; the first is %s. Say which, by path", count, pl_visit_name(port, name, sizeof name));
    say_gone(visit, bus, why);
  } else if (*port->node) {
    check_node(visit, bus, port->node, kind == PL_SCAN_GPIO ? "" : port->holder);
  } else {
    pl_visit_say(visit, PL_FINDING_OK, "rig", "", "bus '%s' (adapter '%s'): %s", bus->name, bus->adapter->name, pl_visit_name(port, name, sizeof name));
  }
}

static void check_gpiochip(struct pl_visit *visit, const struct pl_rig_bus *bus)
{
  if (text_of(bus, "chip") || text_of(bus, "serial") || text_of(bus, "path")) {
    check_found(visit, bus, PL_SCAN_GPIO);
    return;
  }
  size_t chips = 0;
  for (size_t i = 0; i < visit->scan->count; i++)
    chips += visit->scan->ports[i].kind == PL_SCAN_GPIO;
  if (chips)
    pl_visit_say(visit, PL_FINDING_OK, "rig", "", "bus '%s' (adapter '%s'): its lines are searched for by name on %zu chips", bus->name, bus->adapter->name,
                 chips);
  else
    say_gone(visit, bus, "there is no GPIO chip at all");
}

static void check_hub(struct pl_visit *visit, const struct pl_rig_bus *bus)
{
  const char *path = text_of(bus, "path");
  char folder[120];
  snprintf(folder, sizeof folder, "/sys/bus/usb/devices/%.60s", path ? path : "");
  if (path && pl_visit_exists(visit, folder))
    pl_visit_say(visit, PL_FINDING_OK, "rig", "", "bus '%s' (adapter '%s'): hub at %s", bus->name, bus->adapter->name, path);
  else
    say_gone(visit, bus, "there is no hub at its path");
}

static void check_tcp(struct pl_visit *visit, const struct pl_rig_bus *bus)
{
  pl_visit_say(visit, PL_FINDING_OK, "rig", "",
               "bus '%s' (adapter '%s'): not tried, since some units take one connection only; `plumb scan --probe --on %s %s` tries", bus->name,
               bus->adapter->name, visit->cfg->rig->path, bus->name);
}

static void check_remote(struct pl_visit *visit, const struct pl_rig_bus *bus)
{
  const char *at = text_of(bus, "socket");
  if (at && pl_visit_exists(visit, at))
    pl_visit_say(visit, PL_FINDING_OK, "rig", "", "bus '%s' (adapter '%s'): served at %s", bus->name, bus->adapter->name, at);
  else
    pl_visit_say(visit, PL_FINDING_ERROR, "rig", "plumb twin serve --socket, or plumb broker --socket, with this path",
                 "bus '%s' (adapter '%s'): nobody listens at %s", bus->name, bus->adapter->name, at ? at : "its socket");
}

static const struct {
  const char *adapter;
  void (*check)(struct pl_visit *visit, const struct pl_rig_bus *bus);
} CHECKS[] = {{"modbus-rtu", check_rtu}, {"modbus-tcp", check_tcp}, {"i2c-dev", check_i2c_dev}, {"gpiochip", check_gpiochip}, {"usb-hub", check_hub},
            {"twin-remote", check_remote}, {"remote", check_remote}};

static bool is_usb(const char *adapter)
{
  size_t count;
  const struct pl_scan_chip *chips = pl_scan_chips(&count);
  for (size_t i = 0; i < count; i++)
    if (!strcmp(chips[i].adapter, adapter))
      return true;
  return false;
}

static void check_bus(struct pl_visit *visit, const struct pl_rig_bus *bus)
{
  if (bus->on_twin || bus->adapter->is_virtual) {
    pl_visit_say(visit, PL_FINDING_OK, "rig", "", "bus '%s' is virtual", bus->name);
    return;
  }
  if (is_usb(bus->adapter->name)) {
    check_found(visit, bus, PL_SCAN_USB);
    return;
  }
  for (size_t i = 0; i < sizeof CHECKS / sizeof *CHECKS; i++)
    if (!strcmp(CHECKS[i].adapter, bus->adapter->name)) {
      CHECKS[i].check(visit, bus);
      return;
    }
  pl_visit_say(visit, PL_FINDING_WARNING, "rig", "", "bus '%s': doctor does not know where adapter '%s' is to be found", bus->name, bus->adapter->name);
}

void pl_visit_rig(struct pl_visit *visit)
{
  for (size_t i = 0; i < visit->cfg->rig->n_buses; i++)
    check_bus(visit, &visit->cfg->rig->buses[i]);
}

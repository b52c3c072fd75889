/* SPDX-License-Identifier: Apache-2.0 */
#include "bringup/scan.h"
#include "drivers/bus/gpiochip.h"
#include "drivers/bus/lock.h"
#include "drivers/bus/serial_port.h"
#include "drivers/bus/sysfs.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USB_FOLDER "bus/usb/devices"
#define PORTS_MAX 4096

/* The ids that drivers/bus/{ftdi,cp2112,mcp2221,i2c_tiny_usb}.c take; what each chip is besides. */
static const struct pl_scan_chip CHIPS[] = {
    {{0x0403, 0x6014}, "FT232H", "ftdi-mpsse", "ftdi_sio", .interfaces = 1, .mpsse = 1, .pins = true},
    {{0x0403, 0x6010}, "FT2232H", "ftdi-mpsse", "ftdi_sio", .interfaces = 2, .mpsse = 2, .pins = true},
    {{0x0403, 0x6011}, "FT4232H", "ftdi-mpsse", "ftdi_sio", .interfaces = 4, .mpsse = 2, .pins = true},
    {{0x10c4, 0xea90}, "CP2112", "cp2112", "hid_cp2112", .interfaces = 1, .kernel_i2c = true, .pins = true},
    {{0x04d8, 0x00dd}, "MCP2221", "mcp2221", "hid_mcp2221", .interfaces = 3, .kernel_i2c = true, .pins = true},
    {{0x0403, 0xc631}, "i2c-tiny-usb", "i2c-tiny-usb", "i2c_tiny_usb", .interfaces = 1, .kernel_i2c = true},
    {{0x1c40, 0x0534}, "i2c-tiny-usb", "i2c-tiny-usb", "i2c_tiny_usb", .interfaces = 1, .kernel_i2c = true},
};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const struct pl_scan_chip *pl_scan_chips(size_t *count)
{
  *count = COUNT(CHIPS);
  return CHIPS;
}

static const struct pl_scan_chip *chip_of(struct pl_usb_id id)
{
  for (size_t i = 0; i < COUNT(CHIPS); i++)
    if (CHIPS[i].id.vendor == id.vendor && CHIPS[i].id.product == id.product)
      return &CHIPS[i];
  return NULL;
}

const char *pl_scan_kind_name(enum pl_scan_kind kind)
{
  static const char *const NAMES[PL_SCAN_KINDS] = {"usb", "i2c", "gpio", "serial"};
  return NAMES[kind];
}

/* Room for one more; NULL when memory runs out or a machine claims to have thousands. */
static struct pl_scan_port *add(struct pl_scan *scan, enum pl_scan_kind kind)
{
  if (scan->count == scan->room) {
    size_t room = scan->room ? 2 * scan->room : 32;
    struct pl_scan_port *more = room > PORTS_MAX ? NULL : realloc(scan->ports, room * sizeof *more);
    if (!more)
      return NULL;
    scan->ports = more;
    scan->room = room;
  }
  struct pl_scan_port *port = &scan->ports[scan->count++];
  *port = (struct pl_scan_port){.kind = kind, .interface = -1, .latency_ms = -1};
  return port;
}

/* --- USB adapters --- */

/* Which interfaces a kernel driver holds: the first driver's name, and all their numbers. */
static void learn_drivers(const struct pl_scan *scan, struct pl_scan_port *port)
{
  char first[32] = "", list[24] = "";
  for (unsigned i = 0; i < port->chip->interfaces; i++) {
    char link[128], driver[32];
    snprintf(link, sizeof link, USB_FOLDER "/%s:1.%u/driver", port->path, i);
    pl_sysfs_link(scan->sys, link, driver, sizeof driver);
    if (!*driver)
      continue;
    size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, "%s%u", used ? " " : "", i);
    if (!*first)
      snprintf(first, sizeof first, "%s", driver);
  }
  if (*first)
    snprintf(port->driver, sizeof port->driver, "%s (%s)", first, list);
}

/* The keys are those of drivers/bus/usb.c; test_scan.c proves that they agree. */
static void learn_usb_holders(struct pl_scan_port *port)
{
  for (unsigned i = 0; i < port->chip->interfaces; i++) {
    char key[160], holder[96];
    if (*port->serial)
      snprintf(key, sizeof key, "usb:%04x:%04x:%s:if%u", port->id.vendor, port->id.product, port->serial, i);
    else
      snprintf(key, sizeof key, "usb:%s:if%u", port->path, i);
    if (!pl_lock_holder(key, holder, sizeof holder))
      continue;
    size_t used = strlen(port->holder);
    if (port->chip->interfaces > 1)
      snprintf(port->holder + used, sizeof port->holder - used, "%sinterface %u: %.60s", used ? ", " : "", i, holder);
    else
      snprintf(port->holder, sizeof port->holder, "%s", holder);
  }
}

static void on_usb(void *ctx, const struct pl_usb_info *info)
{
  struct pl_scan *scan = ctx;
  const struct pl_scan_chip *chip = chip_of(info->id);
  struct pl_scan_port *port = chip ? add(scan, PL_SCAN_USB) : NULL;
  if (!port)
    return;
  char folder[80], bus[8], device[8];
  port->chip = chip;
  port->id = info->id;
  snprintf(folder, sizeof folder, USB_FOLDER "/%s", info->path);
  snprintf(port->name, sizeof port->name, "%s", info->path);
  snprintf(port->path, sizeof port->path, "%s", info->path);
  snprintf(port->title, sizeof port->title, "%s", info->product);
  snprintf(port->serial, sizeof port->serial, "%s", info->serial);
  if (!*port->serial) /* everyone may read it there, also where the device may not be opened */
    pl_sysfs_read(scan->sys, folder, "serial", port->serial, sizeof port->serial);
  if (!*port->title)
    pl_sysfs_read(scan->sys, folder, "product", port->title, sizeof port->title);
  pl_sysfs_read(scan->sys, folder, "busnum", bus, sizeof bus);
  pl_sysfs_read(scan->sys, folder, "devnum", device, sizeof device);
  if (*bus && *device)
    snprintf(port->node, sizeof port->node, "/dev/bus/usb/%03ld/%03ld", strtol(bus, NULL, 10), strtol(device, NULL, 10));
  learn_drivers(scan, port);
  learn_usb_holders(port);
}

/* Without libusb: the devices of sysfs, which alone have an idVendor. */
static void list_usb_of_sysfs(struct pl_scan *scan)
{
  char path[300];
  struct dirent **names;
  snprintf(path, sizeof path, "%s/" USB_FOLDER, scan->sys);
  int count = scandir(path, &names, NULL, versionsort);
  for (int i = 0; i < count; i++) {
    char folder[300], vendor[8], product[8];
    snprintf(folder, sizeof folder, USB_FOLDER "/%s", names[i]->d_name);
    pl_sysfs_read(scan->sys, folder, "idVendor", vendor, sizeof vendor);
    pl_sysfs_read(scan->sys, folder, "idProduct", product, sizeof product);
    struct pl_usb_info info = {.id = {(uint16_t)strtoul(vendor, NULL, 16), (uint16_t)strtoul(product, NULL, 16)}};
    snprintf(info.path, sizeof info.path, "%.31s", names[i]->d_name);
    if (*vendor && isdigit((unsigned char)*info.path))
      on_usb(scan, &info);
    free(names[i]);
  }
  if (count >= 0)
    free(names);
}

static void mark_same_serials(struct pl_scan *scan)
{
  for (size_t i = 0; i < scan->count; i++)
    for (size_t k = 0; k < scan->count; k++) {
      struct pl_scan_port *a = &scan->ports[i], *b = &scan->ports[k];
      if (i != k && *a->serial && !strcmp(a->chip->name, b->chip->name) && !strcmp(a->serial, b->serial))
        a->same_serial = true;
    }
}

/* --- I2C buses and GPIO chips --- */

static struct pl_scan_port *add_node(struct pl_scan *scan, enum pl_scan_kind kind, const struct pl_sysfs_node *node)
{
  struct pl_scan_port *port = add(scan, kind);
  if (!port)
    return NULL;
  snprintf(port->name, sizeof port->name, "%s", node->name);
  snprintf(port->node, sizeof port->node, "/dev/%s", node->name);
  snprintf(port->title, sizeof port->title, "%s", node->title);
  snprintf(port->serial, sizeof port->serial, "%s", node->serial);
  snprintf(port->path, sizeof port->path, "%s", node->path);
  return port;
}

static bool on_i2c(void *ctx, const struct pl_sysfs_node *node)
{
  struct pl_scan_port *port = add_node(ctx, PL_SCAN_I2C, node);
  if (port && !pl_lock_holder(port->node, port->holder, sizeof port->holder))
    port->holder[0] = '\0';
  return port != NULL;
}

/* Who holds lines of the chip: the consumers' names, each once. */
static void learn_consumers(struct pl_gpiod_chip *chip, struct pl_scan_port *port)
{
  for (unsigned i = 0; i < port->lines; i++) {
    struct pl_gpiod_info info;
    if (pl_gpiod_line_info(chip, i, &info) || !info.used)
      continue;
    const char *who = *info.consumer ? info.consumer : "the kernel";
    size_t used = strlen(port->holder);
    if (!strstr(port->holder, who) && used + strlen(who) + 3 < sizeof port->holder)
      snprintf(port->holder + used, sizeof port->holder - used, "%s%s", used ? ", " : "", who);
  }
}

static bool on_gpio(void *ctx, const struct pl_sysfs_node *node)
{
  struct pl_scan *scan = ctx;
  struct pl_scan_port *port = add_node(scan, PL_SCAN_GPIO, node);
  struct pl_gpiod_chip *chip = NULL;
  struct pl_gpiod_chip_info info;
  char path[300];
  if (!port)
    return false;
  snprintf(path, sizeof path, "%s%s", scan->root, port->node);
  if (pl_gpiod_chip_open(path, &chip))
    return true;
  if (!pl_gpiod_chip_info(chip, &info)) {
    snprintf(port->title, sizeof port->title, "%s", info.label);
    port->lines = info.lines;
    learn_consumers(chip, port);
  }
  pl_gpiod_chip_close(chip);
  return true;
}

/* --- serial ports --- */

/* The name below /dev/serial/by-id that udev gave the port. */
static void learn_by_id(const struct pl_scan *scan, struct pl_scan_port *port)
{
  char folder[300];
  snprintf(folder, sizeof folder, "%s/dev/serial/by-id", scan->root);
  DIR *dir = opendir(folder);
  if (!dir)
    return;
  for (struct dirent *entry; (entry = readdir(dir));) {
    char link[600], target[PATH_MAX];
    snprintf(link, sizeof link, "%s/%s", folder, entry->d_name);
    ssize_t len = readlink(link, target, sizeof target - 1); /* "../../ttyUSB0" */
    if (len <= 0)
      continue;
    target[len] = '\0';
    const char *slash = strrchr(target, '/');
    if (!strcmp(slash ? slash + 1 : target, port->name))
      snprintf(port->by_id, sizeof port->by_id, "/dev/serial/by-id/%.130s", entry->d_name);
  }
  closedir(dir);
}

static struct pl_scan_port *add_tty(struct pl_scan *scan, const char *node)
{
  struct pl_scan_port *port = add(scan, PL_SCAN_SERIAL);
  if (!port)
    return NULL;
  snprintf(port->node, sizeof port->node, "%s", node);
  snprintf(port->name, sizeof port->name, "%.31s", strrchr(node, '/') + 1);
  if (!pl_lock_holder(port->node, port->holder, sizeof port->holder))
    port->holder[0] = '\0';
  learn_by_id(scan, port);
  return port;
}

static void on_usb_tty(void *ctx, const struct pl_serial_info *info)
{
  struct pl_scan *scan = ctx;
  struct pl_scan_port *port = add_tty(scan, info->node);
  if (!port)
    return;
  char folder[80], latency[16];
  snprintf(port->title, sizeof port->title, "%s", info->product);
  snprintf(port->serial, sizeof port->serial, "%s", info->serial);
  snprintf(port->path, sizeof port->path, "%s", info->path);
  snprintf(port->driver, sizeof port->driver, "%s", info->driver);
  port->id = (struct pl_usb_id){info->vendor, info->product_id};
  port->interface = info->interface;
  snprintf(folder, sizeof folder, "class/tty/%s/device", port->name);
  pl_sysfs_read(scan->sys, folder, "latency_timer", latency, sizeof latency); /* Documentation/ABI/testing/sysfs-bus-usb... ftdi_sio only */
  port->latency_ms = *latency ? (int)strtol(latency, NULL, 10) : -1;
}

static bool is_listed(const struct pl_scan *scan, const char *name)
{
  for (size_t i = 0; i < scan->count; i++)
    if (scan->ports[i].kind == PL_SCAN_SERIAL && !strcmp(scan->ports[i].name, name))
      return true;
  return false;
}

/* Ports of the board: the kernel makes ttyS nodes for UARTs that are not there, whose `type` is 0 (PORT_UNKNOWN; Documentation/ABI/testing/sysfs-tty). */
static void list_board_ttys(struct pl_scan *scan)
{
  char path[300];
  struct dirent **names;
  snprintf(path, sizeof path, "%s/class/tty", scan->sys);
  int count = scandir(path, &names, NULL, versionsort);
  for (int i = 0; i < count; i++) {
    char folder[300], type[16], node[48];
    snprintf(folder, sizeof folder, "class/tty/%s", names[i]->d_name);
    pl_sysfs_read(scan->sys, folder, "type", type, sizeof type);
    snprintf(node, sizeof node, "/dev/%.31s", names[i]->d_name);
    struct pl_scan_port *port = strtol(type, NULL, 10) > 0 && !is_listed(scan, names[i]->d_name) ? add_tty(scan, node) : NULL;
    if (port)
      snprintf(port->title, sizeof port->title, "UART of the board");
    free(names[i]);
  }
  if (count >= 0)
    free(names);
}

/* --- all --- */

enum pl_status pl_scan_machine(const struct pl_scan_cfg *cfg, struct pl_scan **out, struct pl_err *err)
{
  if (strlen(cfg->root) >= sizeof((struct pl_scan *)0)->root)
    return pl_fail(err, PL_E_USAGE, "the folder %.60s... has too long a name, expected up to %zu characters", cfg->root, sizeof((struct pl_scan *)0)->root - 1);
  struct pl_scan *scan = calloc(1, sizeof *scan);
  if (!scan)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a scan");
  snprintf(scan->root, sizeof scan->root, "%s", cfg->root);
  snprintf(scan->sys, sizeof scan->sys, "%s/sys", cfg->root);
  if (*cfg->root)
    list_usb_of_sysfs(scan);
  else
    (void)pl_usb_list(on_usb, scan, &scan->trouble);
  mark_same_serials(scan);
  (void)pl_sysfs_node_list(scan->sys, "bus/i2c/devices", "i2c-", on_i2c, scan);
  (void)pl_sysfs_node_list(scan->sys, PL_GPIOCHIP_FOLDER, "gpiochip", on_gpio, scan);
  pl_serial_list(scan->sys, on_usb_tty, scan);
  list_board_ttys(scan);
  *out = scan;
  return PL_OK;
}

void pl_scan_free(struct pl_scan *scan)
{
  if (!scan)
    return;
  free(scan->ports);
  free(scan);
}

const struct pl_scan_port *pl_scan_at(const struct pl_scan *scan, enum pl_scan_kind kind, const char *path)
{
  for (size_t i = 0; i < scan->count && *path; i++)
    if (scan->ports[i].kind == kind && !strcmp(scan->ports[i].path, path))
      return &scan->ports[i];
  return NULL;
}

const struct pl_scan_port *pl_scan_adapter_of(const struct pl_scan *scan, const struct pl_scan_port *port)
{
  return pl_scan_at(scan, PL_SCAN_USB, port->path);
}

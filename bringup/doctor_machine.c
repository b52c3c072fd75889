/* SPDX-License-Identifier: Apache-2.0 */
#include "bringup/doctor_in.h"
#include "drivers/bus/sysfs.h"

#include <stdlib.h>
#include <string.h>

#define PATH_ROOM 600
#define CAP_SYS_NICE_BIT 23 /* capabilities(7), linux/capability.h */

/* What the machine offers is needed where no rig says otherwise. What hangs on the board itself seldom belongs to a rack. */
static enum pl_finding_level level_of(const struct pl_visit *visit, const struct pl_scan_port *port)
{
  return visit->cfg->rig || !*port->path ? PL_FINDING_WARNING : PL_FINDING_ERROR;
}

static const struct pl_scan_port *next_of(const struct pl_visit *visit, enum pl_scan_kind kind, const struct pl_scan_port *after)
{
  const struct pl_scan_port *end = visit->scan->ports + visit->scan->count;
  for (const struct pl_scan_port *port = after ? after + 1 : visit->scan->ports; port && port < end; port++)
    if (port->kind == kind)
      return port;
  return NULL;
}

static void read_file(const struct pl_visit *visit, const char *folder, const char *name, char *out, size_t size)
{
  pl_sysfs_read(visit->cfg->root, folder, name, out, size);
}

/* --- permissions --- */

static void check_node(struct pl_visit *visit, const struct pl_scan_port *port, size_t *usable)
{
  char fix[300], name[200];
  pl_visit_name(port, name, sizeof name);
  if (!*port->node)
    return;
  if (port->kind == PL_SCAN_I2C && !pl_visit_exists(visit, port->node))
    return; /* the module's finding */
  if (pl_visit_may_use(visit, port->node, fix, sizeof fix))
    ++*usable;
  else if (!pl_visit_exists(visit, port->node))
    pl_visit_say(visit, level_of(visit, port), "permissions", fix, "%s: its node %s is not there", name, port->node);
  else
    pl_visit_say(visit, level_of(visit, port), "permissions", fix, "%s: user %s may not read and write %s", name, visit->user, port->node);
}

static void check_permissions(struct pl_visit *visit)
{
  size_t usable = 0;
  for (size_t i = 0; i < visit->scan->count; i++)
    check_node(visit, &visit->scan->ports[i], &usable);
  pl_visit_say(visit, PL_FINDING_OK, "permissions", "", "user %s may use %zu of %zu adapters, buses and ports", visit->user, usable, visit->scan->count);
  if (visit->scan->trouble.status)
    pl_visit_say(visit, PL_FINDING_WARNING, "permissions", "see that libusb-1.0 is installed and /dev/bus/usb is there", "%s", visit->scan->trouble.text);
}

static void check_groups(struct pl_visit *visit)
{
  static const struct {
    const char *name, *what;
  } GROUPS[] = {{"plugdev", "USB adapters"}, {"i2c", "/dev/i2c-N"}, {"gpio", "/dev/gpiochipN"}, {"dialout", "serial ports"}};
  size_t in = 0;
  if (pl_visit_is_root(visit)) {
    pl_visit_say(visit, PL_FINDING_OK, "groups", "", "runs as root, whom no group is asked of");
    return;
  }
  for (size_t i = 0; i < sizeof GROUPS / sizeof *GROUPS; i++) {
    char fix[160];
    long gid = pl_visit_group(visit, GROUPS[i].name);
    bool member = gid >= 0 && pl_visit_in_group(visit, (unsigned)gid);
    in += member;
    snprintf(fix, sizeof fix, "%s%s%ssudo usermod -aG %s %s, then log in again", gid < 0 ? "sudo groupadd --system " : "", gid < 0 ? GROUPS[i].name : "",
             gid < 0 ? " && " : "", GROUPS[i].name, visit->user);
    if (!member)
      pl_visit_say(visit, PL_FINDING_WARNING, "groups", fix, "%s %s (%s)", gid < 0 ? "there is no group" : "the user is not in group", GROUPS[i].name,
                   GROUPS[i].what);
  }
  if (in == sizeof GROUPS / sizeof *GROUPS)
    pl_visit_say(visit, PL_FINDING_OK, "groups", "", "user %s is in plugdev, i2c, gpio and dialout", visit->user);
}

static void check_rules(struct pl_visit *visit)
{
  static const char *const PLACES[] = {"/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d", "/lib/udev/rules.d",
                                       "/usr/lib/udev/rules.d"}; /* udev(7) */
  for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
    char path[100];
    snprintf(path, sizeof path, "%s/70-plumbline.rules", PLACES[i]);
    if (pl_visit_exists(visit, path)) {
      pl_visit_say(visit, PL_FINDING_OK, "udev rules", "", "installed as %s", path);
      return;
    }
  }
  pl_visit_say(visit, PL_FINDING_WARNING, "udev rules", "sudo make install && sudo udevadm control --reload && sudo udevadm trigger",
               "70-plumbline.rules is not installed: who may open the adapters is left to the system's own rules");
}

/* --- the kernel's drivers --- */

/* Whether FILE of the running kernel's modules names the module, whose file may be spelt with '-' or '_'. */
static bool is_listed(const struct pl_visit *visit, const char *file, const char *module)
{
  char release[80], path[PATH_ROOM], line[1024], want[64];
  bool found = false;
  read_file(visit, "proc/sys/kernel", "osrelease", release, sizeof release);
  snprintf(path, sizeof path, "%s/lib/modules/%s/%s", visit->cfg->root, release, file);
  snprintf(want, sizeof want, "/%s.ko", module);
  FILE *f = fopen(path, "re");
  while (f && !found && fgets(line, sizeof line, f)) {
    char *colon = strchr(line, ':');
    if (colon)
      *colon = '\0';
    for (char *c = line; *c; c++)
      if (*c == '-')
        *c = '_';
    found = strstr(line, want) != NULL;
  }
  if (f)
    fclose(f);
  return found;
}

enum module_state { MODULE_LOADED, MODULE_PRESENT, MODULE_MISSING };

static enum module_state state_of(const struct pl_visit *visit, const char *module)
{
  char path[100];
  snprintf(path, sizeof path, "/sys/module/%s", module);
  if (pl_visit_exists(visit, path) || is_listed(visit, "modules.builtin", module))
    return MODULE_LOADED;
  return is_listed(visit, "modules.dep", module) ? MODULE_PRESENT : MODULE_MISSING;
}

static void check_module(struct pl_visit *visit, const char *module, enum pl_finding_level level, const char *without)
{
  char fix[200];
  enum module_state state = state_of(visit, module);
  if (state == MODULE_LOADED) {
    pl_visit_say(visit, PL_FINDING_OK, "kernel modules", "", "%s is loaded", module);
    return;
  }
  if (state == MODULE_PRESENT)
    snprintf(fix, sizeof fix, "sudo modprobe %s; at every start: echo %s | sudo tee /etc/modules-load.d/plumbline-%s.conf", module, module, module);
  else
    snprintf(fix, sizeof fix, "install a kernel that has it (Debian: linux-image-$(dpkg --print-architecture), not -cloud)");
  pl_visit_say(visit, level, "kernel modules", level == PL_FINDING_OK ? "" : fix, "%s is not loaded%s: %s", module,
               state == MODULE_MISSING ? ", nor does this kernel have it" : "",
               without);
}

/* How bad it is that buses have no /dev/i2c-N; a bus of an adapter is what somebody plugged in to use. */
static enum pl_finding_level level_without_nodes(const struct pl_visit *visit)
{
  enum pl_finding_level level = PL_FINDING_WARNING;
  for (const struct pl_scan_port *port = NULL; (port = next_of(visit, PL_SCAN_I2C, port));)
    if (!pl_visit_exists(visit, port->node) && level_of(visit, port) > level)
      level = level_of(visit, port);
  return level;
}

static void check_modules(struct pl_visit *visit)
{
  bool told[16] = {false};
  size_t n_chips;
  const struct pl_scan_chip *chips = pl_scan_chips(&n_chips);
  if (next_of(visit, PL_SCAN_I2C, NULL))
    check_module(visit, "i2c_dev", level_without_nodes(visit), "there are I2C buses without /dev/i2c-N");
  for (const struct pl_scan_port *port = NULL; (port = next_of(visit, PL_SCAN_USB, port));) {
    size_t i = (size_t)(port->chip - chips);
    if (i >= sizeof told / sizeof *told || told[i] || i >= n_chips)
      continue;
    told[i] = true;
    if (port->chip->mpsse)
      check_module(visit, port->chip->module, port->chip->interfaces > 1 ? PL_FINDING_WARNING : PL_FINDING_OK,
                   "the chip's serial ports (ttyUSB) do not appear");
    else
      check_module(visit, port->chip->module, PL_FINDING_OK, "it is needed for the adapters i2c-dev and gpiochip only; plumb's own does without");
  }
}

static const struct pl_scan_port *busy_tty(const struct pl_visit *visit, const struct pl_scan_port *adapter)
{
  for (const struct pl_scan_port *tty = NULL; (tty = next_of(visit, PL_SCAN_SERIAL, tty));)
    if (!strcmp(tty->path, adapter->path) && tty->interface >= 0 && (unsigned)tty->interface < adapter->chip->mpsse && *tty->holder)
      return tty;
  return NULL;
}

static void check_drivers(struct pl_visit *visit)
{
  for (const struct pl_scan_port *port = NULL; (port = next_of(visit, PL_SCAN_USB, port));) {
    char name[200];
    pl_visit_name(port, name, sizeof name);
    const struct pl_scan_port *tty = busy_tty(visit, port);
    if (tty)
      pl_visit_say(visit, PL_FINDING_WARNING, "drivers", "end that program, or put the I2C bus on another channel",
                   "%s: %s stands on a channel that adapter %s would take, and is in use by process %s", name, tty->node, port->chip->adapter, tty->holder);
    else if (*port->driver)
      pl_visit_say(visit, PL_FINDING_OK, "drivers", "",
                   "%s: the kernel's %s has it; adapter %s takes its own interface from it while it runs, and gives it back", name,
                   port->driver, port->chip->adapter);
  }
}

static void check_latency(struct pl_visit *visit)
{
  for (const struct pl_scan_port *port = NULL; (port = next_of(visit, PL_SCAN_SERIAL, port));) {
    char fix[240];
    snprintf(fix, sizeof fix, "echo 1 | sudo tee /sys/class/tty/%s/device/latency_timer; the udev rules do it at every plug", port->name);
    if (port->latency_ms > 1)
      pl_visit_say(visit, PL_FINDING_WARNING, "latency timer", fix,
                   "%s waits up to %d ms before it hands over what it received: a Modbus poll costs that much more", port->node,
                   port->latency_ms);
    else if (port->latency_ms >= 0)
      pl_visit_say(visit, PL_FINDING_OK, "latency timer", "", "%s: %d ms", port->node, port->latency_ms);
  }
}

/* --- locks and serial numbers --- */

static void check_locks(struct pl_visit *visit)
{
  size_t held = 0;
  for (size_t i = 0; i < visit->scan->count; i++) {
    const struct pl_scan_port *port = &visit->scan->ports[i];
    char name[200];
    if (!*port->holder || port->kind == PL_SCAN_GPIO)
      continue;
    held++;
    pl_visit_say(visit, PL_FINDING_WARNING, "locks", "end that program, or wait for it", "%s is held by process %s", pl_visit_name(port, name, sizeof name),
                 port->holder);
  }
  if (!held)
    pl_visit_say(visit, PL_FINDING_OK, "locks", "", "nothing is held by another plumb");
}

static void check_serials(struct pl_visit *visit)
{
  for (const struct pl_scan_port *port = NULL; (port = next_of(visit, PL_SCAN_USB, port));) {
    char name[200], fix[120];
    snprintf(fix, sizeof fix, "choose it in the rig by `path: %s`, or write it a serial number (FTDI: ftdi_eeprom)", port->path);
    if (port->same_serial || !*port->serial)
      pl_visit_say(visit, PL_FINDING_WARNING, "serial numbers", fix, "%s %s", pl_visit_name(port, name, sizeof name),
                   port->same_serial ? "bears a serial number that another of its kind bears, too" : "has no serial number");
  }
}

/* --- time --- */

static void check_clock(struct pl_visit *visit)
{
  static const char *const SLOW[] = {"hpet", "acpi_pm", "refined-jiffies", "jiffies", "pit"};
  char now[64], all[200], fix[240] = "add `tsc=reliable` to the kernel's command line only where the board's maker says so; or use another machine";
  const char *folder = "sys/devices/system/clocksource/clocksource0";
  bool slow = false;
  read_file(visit, folder, "current_clocksource", now, sizeof now);
  read_file(visit, folder, "available_clocksource", all, sizeof all);
  for (size_t i = 0; i < sizeof SLOW / sizeof *SLOW; i++)
    slow |= !strcmp(now, SLOW[i]);
  if (slow && strstr(all, "tsc"))
    snprintf(fix, sizeof fix, "echo tsc | sudo tee /%s/current_clocksource", folder);
  if (!*now)
    pl_visit_say(visit, PL_FINDING_WARNING, "clock", "", "the clock source cannot be read (%s)", folder);
  else
    pl_visit_say(visit, slow ? PL_FINDING_WARNING : PL_FINDING_OK, "clock", slow ? fix : "", "clock source %s%s", now,
                 slow ? ": reading the time is slow, and may be coarse" : "");
}

/* "Max realtime priority     0                    0" and "CapEff:\t000001ffffffffff" (proc(5)). */
static unsigned long long number_of(const struct pl_visit *visit, const char *file, const char *word, int base)
{
  char path[PATH_ROOM], line[256];
  unsigned long long number = 0;
  snprintf(path, sizeof path, "%s/proc/self/%s", visit->cfg->root, file);
  FILE *f = fopen(path, "re");
  while (f && fgets(line, sizeof line, f))
    if (!strncmp(line, word, strlen(word))) {
      const char *value = line + strlen(word);
      value += strspn(value, " \t");
      number = strncmp(value, "unlimited", 9) ? strtoull(value, NULL, base) : 99;
    }
  if (f)
    fclose(f);
  return number;
}

static void check_real_time(struct pl_visit *visit)
{
  unsigned long long priority = number_of(visit, "limits", "Max realtime priority", 10), capabilities = number_of(visit, "status", "CapEff:", 16);
  if (capabilities >> CAP_SYS_NICE_BIT & 1)
    pl_visit_say(visit, PL_FINDING_OK, "real time", "", "real-time priority is allowed (CAP_SYS_NICE)");
  else if (priority)
    pl_visit_say(visit, PL_FINDING_OK, "real time", "", "real-time priority up to %llu is allowed", priority);
  else
    pl_visit_say(visit, PL_FINDING_WARNING, "real time", "echo '@plugdev - rtprio 50' | sudo tee /etc/security/limits.d/plumbline.conf, then log in again",
                 "real-time priority is not allowed: on a busy machine reactions may come some milliseconds late");
}

void pl_visit_machine(struct pl_visit *visit)
{
  check_permissions(visit);
  check_groups(visit);
  check_rules(visit);
  check_modules(visit);
  check_drivers(visit);
  check_latency(visit);
  check_locks(visit);
  check_serials(visit);
  check_clock(visit);
  check_real_time(visit);
}

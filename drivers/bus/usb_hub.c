/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/usb_hub.h"
#include "drivers/bus/usb_chip.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* Hub class: USB 2.0 section 11.24.2, USB 3.2 section 10.16.2. */
enum { GET_STATUS = 0, CLEAR_FEATURE = 1, SET_FEATURE = 3, GET_DESCRIPTOR = 6, PORT_POWER = 8 };
enum { HUB_OUT_PORT = 0x23, HUB_IN_PORT = 0xa3, HUB_IN = 0xa0, DESCRIPTOR_USB2 = 0x29, DESCRIPTOR_USB3 = 0x2a };
enum { POWER_USB2 = 0x0100, POWER_USB3 = 0x0200 }; /* wPortStatus: tables 11-21 and 10-13 */
enum { GANGED = 0, INDIVIDUAL = 1 };               /* wHubCharacteristics bits 0 and 1: table 11-13 */

#define PORTS_MAX 31
#define REQUEST_NS (500 * PL_MS)
#define AGAIN_NS (20 * PL_MS) /* between two tries, and two looks */

struct half {
  struct pl_usb *usb;
  char path[32];
  bool usb3;
};

struct pl_usb_hub {
  struct pl_clock *clock;
  char devices[256];
  struct half halves[2];
  size_t n_halves;
  unsigned ports;
  char where[64];
};

/* --- names: Documentation/ABI/testing/sysfs-bus-usb --- */

enum pl_status pl_usb_port_of(const char *path, char *hub, size_t size, unsigned *port, struct pl_err *err)
{
  const char *last = strrchr(path, '.') ? strrchr(path, '.') : strrchr(path, '-');
  char *end = NULL;
  unsigned long number = last ? strtoul(last + 1, &end, 10) : 0;
  if (!last || last == path || end == last + 1 || *end || !number || number > PORTS_MAX)
    return pl_fail(err, PL_E_USAGE, "'%.60s' is no place at a hub, expected a bus-port path such as 1-2.3", path);
  *port = (unsigned)number;
  if (*last == '.')
    snprintf(hub, size, "%.*s", (int)(last - path), path);
  else
    snprintf(hub, size, "usb%.*s", (int)(last - path), path);
  return PL_OK;
}

static bool is_root(const char *hub)
{
  return !strncmp(hub, "usb", 3);
}

/* The device at a port: "1-2.3"; of a root hub "1-3". */
static void name_device(const char *hub, unsigned port, char *name, size_t size)
{
  if (is_root(hub))
    snprintf(name, size, "%s-%u", hub + 3, port);
  else
    snprintf(name, size, "%s.%u", hub, port);
}

/* "DEVICES/1-2:1.0/1-2-port3/FILE" */
static void name_port_file(const struct pl_usb_hub *hub, const char *path, unsigned port, const char *file, char *name, size_t size)
{
  if (is_root(path))
    snprintf(name, size, "%s/%s-0:1.0/%s-port%u/%s", hub->devices, path + 3, path, port, file);
  else
    snprintf(name, size, "%s/%s:1.0/%s-port%u/%s", hub->devices, path, path, port, file);
}

/* The other half's path, by the peer link of any port: ".../2-1:1.0/2-1-port3". */
static bool find_peer(const struct pl_usb_hub *hub, char *path, size_t size)
{
  for (unsigned port = 1; port <= hub->ports; port++) {
    char link[PATH_MAX], target[PATH_MAX];
    name_port_file(hub, hub->halves[0].path, port, "peer", link, sizeof link);
    ssize_t n = readlink(link, target, sizeof target - 1);
    if (n <= 0)
      continue;
    target[n] = '\0';
    const char *name = strrchr(target, '/') ? strrchr(target, '/') + 1 : target, *end = strstr(name, "-port");
    if (end && end > name) {
      snprintf(path, size, "%.*s", (int)(end - name), name);
      return true;
    }
  }
  return false;
}

/* --- requests --- */

static enum pl_status ask(const struct half *half, const struct pl_usb_request *r, uint8_t *data, size_t want, struct pl_clock *clock, struct pl_err *err)
{
  size_t done = 0;
  enum pl_status status =
      pl_usb_control(half->usb, r->type, r->request, r->value, r->index, data, r->length, pl_clock_now(clock) + REQUEST_NS, &done, err);
  if (!status && done < want)
    return pl_fail(err, PL_E_SHORT, "%s: the answer to hub request %u has %zu bytes, expected %zu", pl_usb_where(half->usb), r->request, done, want);
  return status;
}

/* The hub descriptor; USB 3 hubs have one of another type. */
static enum pl_status read_descriptor(struct pl_usb_hub *hub, struct half *half, unsigned *ports, unsigned *mode, struct pl_err *err)
{
  uint8_t data[16] = {0};
  struct pl_usb_request r = {.type = HUB_IN, .request = GET_DESCRIPTOR, .value = DESCRIPTOR_USB2 << 8, .length = sizeof data};
  enum pl_status status = ask(half, &r, data, 5, hub->clock, err);
  if (status == PL_E_NACK) {
    half->usb3 = true;
    r.value = DESCRIPTOR_USB3 << 8;
    r.length = 12;
    status = ask(half, &r, data, 5, hub->clock, err);
  }
  if (status == PL_E_NACK)
    return pl_fail(err, PL_E_UNSUPPORTED, "%s is no hub", pl_usb_where(half->usb));
  *ports = data[2];
  *mode = data[3] & 3;
  return status;
}

static enum pl_status open_half(struct pl_usb_hub *hub, const char *path, struct pl_err *err)
{
  struct half *half = &hub->halves[hub->n_halves];
  struct pl_usb_match match = {.what = "USB hub", .path = path, .interface = -1};
  unsigned ports = 0, mode = 0;
  snprintf(half->path, sizeof half->path, "%s", path);
  enum pl_status status = pl_usb_open(&match, hub->clock, &half->usb, err);
  if (status)
    return status;
  hub->n_halves++;
  status = read_descriptor(hub, half, &ports, &mode, err);
  if (status)
    return status;
  if (mode != INDIVIDUAL)
    return pl_fail(err, PL_E_UNSUPPORTED, "%s %s; use a hub with per-port power switching", pl_usb_where(half->usb),
                   mode == GANGED ? "switches the power of all its ports together" : "cannot switch the power of its ports");
  if (!ports || ports > PORTS_MAX)
    return pl_fail(err, PL_E_GARBAGE, "%s says that it has %u ports", pl_usb_where(half->usb), ports);
  if (hub->n_halves == 1)
    hub->ports = ports;
  return PL_OK;
}

enum pl_status pl_usb_hub_open(const struct pl_usb_hub_place *place, struct pl_clock *clock, struct pl_usb_hub **out, struct pl_err *err)
{
  struct pl_usb_hub *hub = calloc(1, sizeof *hub);
  char peer[32];
  if (!hub)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the hub at %s", place->path);
  hub->clock = clock;
  snprintf(hub->devices, sizeof hub->devices, "%s", place->devices ? place->devices : PL_USB_DEVICES);
  snprintf(hub->where, sizeof hub->where, "USB hub at %.32s", place->path);
  enum pl_status status = open_half(hub, place->path, err);
  if (!status && (place->companion || find_peer(hub, peer, sizeof peer)))
    status = open_half(hub, place->companion ? place->companion : peer, err);
  if (status) {
    pl_usb_hub_close(hub);
    return status;
  }
  *out = hub;
  return PL_OK;
}

void pl_usb_hub_close(struct pl_usb_hub *hub)
{
  if (!hub)
    return;
  for (size_t i = 0; i < 2; i++)
    pl_usb_close(hub->halves[i].usb);
  free(hub);
}

unsigned pl_usb_hub_ports(const struct pl_usb_hub *hub)
{
  return hub->ports;
}

const char *pl_usb_hub_where(const struct pl_usb_hub *hub)
{
  return hub->where;
}

/* --- power --- */

static enum pl_status half_powered(const struct pl_usb_hub *hub, const struct half *half, unsigned port, bool *on, struct pl_err *err)
{
  uint8_t data[4];
  const struct pl_usb_request r = {.type = HUB_IN_PORT, .request = GET_STATUS, .index = (uint16_t)port, .length = sizeof data};
  enum pl_status status = ask(half, &r, data, 4, hub->clock, err);
  if (!status)
    *on = ((unsigned)data[1] << 8 | data[0]) & (half->usb3 ? POWER_USB3 : POWER_USB2);
  return status == PL_E_NACK ? pl_fail(err, PL_E_IO, "%s refuses to tell the state of port %u", pl_usb_where(half->usb), port) : status;
}

/* Linux 6.0 and later: the kernel switches the port, and does not switch it on again by itself. False where there is no such file, or it is not ours. */
static bool by_kernel(const struct pl_usb_hub *hub, const struct half *half, unsigned port, bool on)
{
  char name[PATH_MAX];
  name_port_file(hub, half->path, port, "disable", name, sizeof name);
  int fd = open(name, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  bool done = write(fd, on ? "0" : "1", 1) == 1;
  close(fd);
  return done;
}

/* Again and again: an older kernel may switch the port on again when it sees the device go (uhubctl issue 90). */
static enum pl_status half_power(const struct pl_usb_hub *hub, const struct half *half, unsigned port, bool on, pl_time_ns deadline, struct pl_err *err)
{
  const struct pl_usb_request r = {.type = HUB_OUT_PORT, .request = on ? SET_FEATURE : CLEAR_FEATURE, .value = PORT_POWER, .index = (uint16_t)port};
  bool is_on = !on, kernel = by_kernel(hub, half, port, on);
  for (;;) {
    enum pl_status status = kernel ? PL_OK : ask(half, &r, NULL, 0, hub->clock, err);
    if (status == PL_E_NACK)
      return pl_fail(err, PL_E_IO, "%s refuses to switch port %u", pl_usb_where(half->usb), port);
    if (!status)
      status = half_powered(hub, half, port, &is_on, err);
    if (status || is_on == on)
      return status;
    pl_time_ns next = pl_clock_now(hub->clock) + AGAIN_NS;
    if (next > deadline || pl_clock_is_virtual(hub->clock))
      return pl_fail(err, PL_E_IO, "%s: port %u was switched %s and stays %s; does the hub really switch power?", pl_usb_where(half->usb), port,
                     on ? "on" : "off", on ? "off" : "on");
    pl_clock_sleep_until(hub->clock, next);
  }
}

static enum pl_status check_port(const struct pl_usb_hub *hub, unsigned port, struct pl_err *err)
{
  if (port >= 1 && port <= hub->ports)
    return PL_OK;
  return pl_fail(err, PL_E_USAGE, "%s has no port %u, expected 1 to %u", hub->where, port, hub->ports);
}

enum pl_status pl_usb_hub_power(struct pl_usb_hub *hub, unsigned port, bool on, pl_time_ns deadline, struct pl_err *err)
{
  enum pl_status status = check_port(hub, port, err);
  for (int usb3 = 1; usb3 >= 0; usb3--) /* the USB 3 half first: a device that loses the other only stays on it */
    for (size_t i = 0; i < hub->n_halves && !status; i++)
      if (hub->halves[i].usb3 == (usb3 == 1))
        status = half_power(hub, &hub->halves[i], port, on, deadline, err);
  return status;
}

enum pl_status pl_usb_hub_powered(struct pl_usb_hub *hub, unsigned port, bool *on, struct pl_err *err)
{
  enum pl_status status = check_port(hub, port, err);
  *on = false;
  for (size_t i = 0; i < hub->n_halves && !status; i++) {
    bool half_on = false;
    status = half_powered(hub, &hub->halves[i], port, &half_on, err);
    *on = *on || half_on;
  }
  return status;
}

bool pl_usb_hub_device(const struct pl_usb_hub *hub, unsigned port, char *path, size_t size)
{
  for (size_t i = 0; i < hub->n_halves; i++) {
    char name[64], file[PATH_MAX + 80];
    struct stat st;
    name_device(hub->halves[i].path, port, name, sizeof name);
    snprintf(file, sizeof file, "%s/%s", hub->devices, name);
    if (stat(file, &st))
      continue;
    if (path)
      snprintf(path, size, "%s", name);
    return true;
  }
  return false;
}

/* Looks until a device is there or not, as asked. */
static bool await_device(const struct pl_usb_hub *hub, unsigned port, bool there, pl_time_ns deadline)
{
  while (pl_usb_hub_device(hub, port, NULL, 0) != there) {
    if (pl_clock_now(hub->clock) + AGAIN_NS > deadline)
      return false;
    pl_clock_sleep_until(hub->clock, pl_clock_now(hub->clock) + AGAIN_NS);
  }
  return true;
}

enum pl_status pl_usb_hub_cycle(struct pl_usb_hub *hub, unsigned port, pl_time_ns off_ns, pl_time_ns deadline, struct pl_err *err)
{
  char device[64] = "";
  struct pl_err ignored = {0};
  bool was_there = pl_usb_hub_device(hub, port, device, sizeof device);
  enum pl_status status = pl_usb_hub_power(hub, port, false, deadline, err);
  if (!status && !await_device(hub, port, false, deadline))
    status = pl_fail(err, PL_E_IO, "%s: port %u is off, but %s stays enumerated; does the hub really switch power?", hub->where, port, device);
  if (status) {
    (void)pl_usb_hub_power(hub, port, true, pl_clock_now(hub->clock) + REQUEST_NS, &ignored); /* not left off by halves */
    return status;
  }
  pl_clock_sleep_until(hub->clock, pl_clock_now(hub->clock) + off_ns);
  status = pl_usb_hub_power(hub, port, true, deadline, err);
  if (!status && was_there && !await_device(hub, port, true, deadline))
    return pl_fail(err, PL_E_GONE, "%s: port %u has power again, but %s did not come back", hub->where, port, device);
  return status;
}

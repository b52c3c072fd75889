/* SPDX-License-Identifier: Apache-2.0 */
/* The ports of a hub as a GPIO bus: a line a port, its offset the port's number, active: has power. */
#include "drivers/bus/adapter.h"
#include "drivers/bus/gpio.h"
#include "drivers/bus/lock.h"
#include "drivers/bus/usb_hub.h"

extern const struct pl_adapter_desc pl_adapter_usb_hub;

#define PORTS_MAX 31
#define OPEN_NS (2 * PL_S)

struct port {
  unsigned number;
  bool output, active_low;
  struct pl_lock *lock; /* of the port, not of the hub: two rigs may stand on one */
};

struct adapter {
  struct pl_bus *bus;
  struct pl_usb_hub_place place;
  const struct pl_value *map;
  struct pl_usb_hub *hub; /* NULL: it is away */
  struct port ports[PORTS_MAX]; /* by handle */
  size_t n_ports;
};

static unsigned hub_caps(void *self)
{
  (void)self;
  return PL_GPIO_CAP_NAMES;
}

static enum pl_status lock_port(const struct adapter *adapter, struct port *port, struct pl_err *err)
{
  char key[80];
  snprintf(key, sizeof key, "usb:%.32s:port%u", adapter->place.path, port->number);
  return pl_lock_take(key, &port->lock, err);
}

static enum pl_status hub_request(void *self, const struct pl_gpio_line *line, int handle, struct pl_err *err)
{
  struct adapter *adapter = self;
  unsigned number;
  if (handle != (int)adapter->n_ports || handle >= PORTS_MAX || !adapter->hub)
    return pl_fail(err, PL_E_USAGE, "USB hub at %s: no more ports", adapter->place.path);
  enum pl_status status = pl_gpio_map(adapter->map, line, pl_usb_hub_ports(adapter->hub) + 1, &number, err);
  if (!status && !number)
    return pl_fail(err, PL_E_USAGE, "%s: ports are numbered from 1", pl_usb_hub_where(adapter->hub));
  struct port port = {.number = number, .output = line->output, .active_low = line->active_low};
  if (!status && line->output)
    status = lock_port(adapter, &port, err); /* which also refuses a port that is in use by this program */
  if (!status && line->output && !line->as_is)
    status = pl_usb_hub_power(adapter->hub, number, line->initial != line->active_low, pl_clock_now(pl_bus_clock(adapter->bus)) + OPEN_NS, err);
  if (status) {
    pl_lock_release(port.lock);
    return status;
  }
  adapter->ports[adapter->n_ports++] = port;
  return PL_OK;
}

static enum pl_status check_there(const struct adapter *adapter, struct pl_err *err)
{
  return adapter->hub ? PL_OK : pl_fail(err, PL_E_GONE, "USB hub at %s: unplugged", adapter->place.path);
}

static enum pl_status hub_get(void *self, const int *handles, size_t count, bool *values, struct pl_err *err)
{
  struct adapter *adapter = self;
  enum pl_status status = check_there(adapter, err);
  for (size_t i = 0; i < count && !status; i++) {
    const struct port *port = &adapter->ports[handles[i]];
    status = pl_usb_hub_powered(adapter->hub, port->number, &values[i], err);
    values[i] = values[i] != port->active_low;
  }
  return status;
}

static enum pl_status hub_set(void *self, const int *handles, size_t count, const bool *values, struct pl_err *err)
{
  struct adapter *adapter = self;
  enum pl_status status = check_there(adapter, err);
  for (size_t i = 0; i < count && !status; i++) {
    const struct port *port = &adapter->ports[handles[i]];
    status = pl_usb_hub_power(adapter->hub, port->number, values[i] != port->active_low, pl_bus_deadline(adapter->bus), err);
  }
  return status;
}

static const struct pl_gpio_ops OPS = {.caps = hub_caps, .request = hub_request, .get = hub_get, .set = hub_set};

/* A hub that comes back gives power to all its ports; those that the rig drives are made inactive. */
static enum pl_status reopen(void *self, struct pl_err *err)
{
  struct adapter *adapter = self;
  struct pl_clock *clock = pl_bus_clock(adapter->bus);
  pl_usb_hub_close(adapter->hub);
  adapter->hub = NULL;
  struct pl_usb_hub *hub = NULL;
  enum pl_status status = pl_usb_hub_open(&adapter->place, clock, &hub, err);
  for (size_t i = 0; i < adapter->n_ports && !status; i++)
    if (adapter->ports[i].output)
      status = pl_usb_hub_power(hub, adapter->ports[i].number, adapter->ports[i].active_low, pl_clock_now(clock) + OPEN_NS, err);
  if (status)
    pl_usb_hub_close(hub);
  else
    adapter->hub = hub;
  return status;
}

static void close_adapter(void *self)
{
  struct adapter *adapter = self;
  for (size_t i = 0; i < adapter->n_ports; i++)
    pl_lock_release(adapter->ports[i].lock);
  pl_usb_hub_close(adapter->hub);
  free(adapter);
}

static enum pl_status open_adapter(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  struct adapter *adapter = calloc(1, sizeof *adapter);
  if (!adapter)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the adapter of %s", args->bus_name);
  const struct pl_value *companion = pl_value(args->values, "companion"), *devices = pl_value(args->values, "sysfs");
  adapter->bus = bus;
  adapter->map = pl_value(args->values, "lines");
  adapter->place = (struct pl_usb_hub_place){.path = pl_value(args->values, "path")->text, .companion = companion->given ? companion->text : NULL,
                                             .devices = devices->given ? devices->text : NULL};
  enum pl_status status = pl_usb_hub_open(&adapter->place, pl_bus_clock(bus), &adapter->hub, err);
  if (status) {
    free(adapter);
    return status;
  }
  pl_bus_attach(bus, &OPS, adapter, close_adapter, false);
  pl_bus_set_reopen(bus, reopen);
  return PL_OK;
}

static const struct pl_param PARAMS[] = {
    {.name = "path", .kind = PL_PARAM_TEXT, .required = true, .help = "the hub's bus-port path: 1-2, or usb1 for a root hub"},
    {.name = "companion", .kind = PL_PARAM_TEXT, .help = "path of its USB 3 (or USB 2) half, where the kernel's peer links do not tell"},
    {.name = "lines", .kind = PL_PARAM_MAP, .help = "names of the ports: {NAME: 1 and up}"},
    {.name = "sysfs", .kind = PL_PARAM_TEXT, .help = "folder of USB devices, if not " PL_USB_DEVICES},
};

const struct pl_adapter_desc pl_adapter_usb_hub = {
    .name = "usb-hub",
    .about = "power of a USB hub's ports: a line a port, active: has power (as far as the hub tells the truth)",
    .maturity = PL_EXPERIMENTAL,
    .kind = PL_BUS_GPIO,
    .params = PARAMS,
    .n_params = sizeof PARAMS / sizeof PARAMS[0],
    .open = open_adapter,
};

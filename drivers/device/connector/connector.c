/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/connector/connector.h"

#include "drivers/device/lines/lines.h"

static const struct pl_param params[PL_CONNECTOR_LINES] = {
    [PL_CONNECTOR_PRESENT] = {.name = "present", .kind = PL_PARAM_LINE, .required = true,
                              .help = "input, active when a unit is in the slot (PRSNT#: \"!LINE\")"},
    [PL_CONNECTOR_POWER_ENABLE] = {.name = "power-enable", .kind = PL_PARAM_LINE, .required = true,
                                   .help = "output, active to let the slot have power"},
    [PL_CONNECTOR_POWER_GOOD] = {.name = "power-good", .kind = PL_PARAM_LINE, .required = true, .help = "input, active when the unit's power is good"},
    [PL_CONNECTOR_ATTENTION] = {.name = "attention", .kind = PL_PARAM_LINE, .help = "output, active to light the attention LED"},
    [PL_CONNECTOR_RESET] = {.name = "reset", .kind = PL_PARAM_LINE, .help = "output, active to hold the unit in reset (RESET#: \"!LINE\")"},
};

static const struct pl_quantity quantities[] = {
    {.name = "present", .dim = PL_DIM_FLAG, .access = PL_GET | PL_EDGES, .id = PL_CONNECTOR_PRESENT, .help = "a unit is in the slot"},
    {.name = "power-enable", .dim = PL_DIM_FLAG, .access = PL_GET | PL_SET | PL_EDGES | PL_ENERGISES, .id = PL_CONNECTOR_POWER_ENABLE, .max_u = PL_U,
     .help = "lets the slot have power; its edges are the sets that changed it"},
    {.name = "power-good", .dim = PL_DIM_FLAG, .access = PL_GET | PL_EDGES, .id = PL_CONNECTOR_POWER_GOOD, .help = "the unit's power is good"},
    {.name = "attention", .dim = PL_DIM_FLAG, .access = PL_GET | PL_SET, .id = PL_CONNECTOR_ATTENTION, .max_u = PL_U,
     .help = "the slot's attention LED is lit"},
    {.name = "reset", .dim = PL_DIM_FLAG, .access = PL_GET | PL_SET, .id = PL_CONNECTOR_RESET, .max_u = PL_U, .help = "the unit is held in reset"},
};

static bool is_output(int line)
{
  return line == PL_CONNECTOR_POWER_ENABLE || line == PL_CONNECTOR_ATTENTION || line == PL_CONNECTOR_RESET;
}

struct connector {
  const char *name;
  struct pl_bus *bus;
  int handles[PL_CONNECTOR_LINES]; /* -1: the rig gives no such line, or nobody wants it */
  struct pl_output outputs[PL_CONNECTOR_LINES];
};

static void connector_close(void *self)
{
  struct connector *connector = self;
  for (int i = 0; i < PL_CONNECTOR_LINES; i++) {
    pl_output_close(&connector->outputs[i]);
  }
  free(connector);
}

static enum pl_status connector_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct connector *connector = calloc(1, sizeof *connector);
  if (connector == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->name);
  }
  connector->name = args->name;
  connector->bus = args->bus;
  for (int i = 0; i < PL_CONNECTOR_LINES; i++) {
    enum pl_status status = PL_OK;
    connector->handles[i] = -1;
    if (!pl_device_wants(args, &args->shape->quantities[i]) || (!pl_value(args->values, params[i].name)->given && !params[i].required)) {
      continue;
    }
    if (is_output(i)) {
      status = pl_output_open(&connector->outputs[i], args, params[i].name, err);
      connector->handles[i] = connector->outputs[i].handle;
    } else {
      status = pl_device_line_sample(args, params[i].name, &connector->handles[i], err);
    }
    if (status != PL_OK) {
      connector_close(connector);
      return status;
    }
  }
  *self = connector;
  return PL_OK;
}

static enum pl_status check_wired(const struct connector *connector, int line, struct pl_err *err)
{
  if (connector->handles[line] >= 0) {
    return PL_OK;
  }
  return pl_fail(err, PL_E_UNSUPPORTED, "%s has no %s line; name it in the rig file (%s: LINE)", connector->name, params[line].name, params[line].name);
}

static enum pl_status connector_get(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  struct connector *connector = self;
  enum pl_status status = check_wired(connector, quantity->id, err);
  return status == PL_OK ? pl_device_line_get(connector->bus, connector->handles[quantity->id], reading, err) : status;
}

static enum pl_status connector_set(void *self, const struct pl_quantity *quantity, int64_t value_u, struct pl_err *err)
{
  struct connector *connector = self;
  enum pl_status status = check_wired(connector, quantity->id, err);
  return status == PL_OK ? pl_output_set(&connector->outputs[quantity->id], value_u != 0, err) : status;
}

static enum pl_status connector_edges(void *self, const struct pl_quantity *quantity, struct pl_gpio_edges *edges, struct pl_err *err)
{
  struct connector *connector = self;
  enum pl_status status = check_wired(connector, quantity->id, err);
  if (status != PL_OK) {
    return status;
  }
  if (is_output(quantity->id)) {
    pl_output_edges(&connector->outputs[quantity->id], edges);
  } else {
    pl_gpio_edges(connector->bus, connector->handles[quantity->id], edges);
  }
  return PL_OK;
}

/* Lines say nothing about who is at their other end: that they can be read is all that there is to probe. */
static enum pl_status connector_probe(void *self, struct pl_err *err)
{
  struct connector *connector = self;
  const int handles[] = {connector->handles[PL_CONNECTOR_PRESENT], connector->handles[PL_CONNECTOR_POWER_GOOD]};
  bool values[2];
  return pl_gpio_get(connector->bus, handles, 2, values, err);
}

const struct pl_device_desc pl_device_connector = {
    .name = "connector",
    .about = "Slot connector on GPIO lines: presence, power enable, power good, attention LED, reset",
    .maturity = PL_BETA,
    .bus_kind = PL_BUS_GPIO,
    .role = "connector",
    .params = params,
    .n_params = PL_CONNECTOR_LINES,
    .quantities = quantities,
    .n_quantities = sizeof quantities / sizeof quantities[0],
    .open = connector_open,
    .close = connector_close,
    .probe = connector_probe,
    .get = connector_get,
    .set = connector_set,
    .edges = connector_edges,
};

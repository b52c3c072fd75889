/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/leak_valve/leak_valve.h"

#include "drivers/device/lines/lines.h"

static const struct pl_param params[] = {
    {.name = "open", .kind = PL_PARAM_LINE, .required = true, .help = "output, active to open the valve and let coolant out"},
};

static const struct pl_quantity quantities[] = {
    {.name = "open", .dim = PL_DIM_FLAG, .access = PL_GET | PL_SET | PL_EDGES | PL_ENERGISES, .max_u = PL_U,
     .help = "the leak injector lets coolant out; its edges are the sets that changed it"},
};

struct leak_valve {
  struct pl_bus *bus;
  struct pl_output open;
};

static enum pl_status leak_valve_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct leak_valve *valve = calloc(1, sizeof *valve);
  if (valve == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->name);
  }
  valve->bus = args->bus;
  enum pl_status status = pl_output_open(&valve->open, args, "open", err);
  if (status != PL_OK) {
    free(valve);
    return status;
  }
  *self = valve;
  return PL_OK;
}

static void leak_valve_close(void *self)
{
  struct leak_valve *valve = self;
  pl_output_close(&valve->open);
  free(valve);
}

static enum pl_status leak_valve_probe(void *self, struct pl_err *err)
{
  struct leak_valve *valve = self;
  struct pl_reading reading;
  return pl_device_line_get(valve->bus, valve->open.handle, &reading, err);
}

static enum pl_status leak_valve_get(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  (void)quantity;
  struct leak_valve *valve = self;
  return pl_device_line_get(valve->bus, valve->open.handle, reading, err);
}

static enum pl_status leak_valve_set(void *self, const struct pl_quantity *quantity, int64_t value_u, struct pl_err *err)
{
  (void)quantity;
  struct leak_valve *valve = self;
  return pl_output_set(&valve->open, value_u != 0, err);
}

static enum pl_status leak_valve_edges(void *self, const struct pl_quantity *quantity, struct pl_gpio_edges *edges, struct pl_err *err)
{
  (void)quantity;
  (void)err;
  struct leak_valve *valve = self;
  pl_output_edges(&valve->open, edges);
  return PL_OK;
}

const struct pl_device_desc pl_device_leak_valve = {
    .name = "leak-valve",
    .about = "Leak injector: a valve on a GPIO line that lets coolant out above a tray",
    .maturity = PL_BETA,
    .bus_kind = PL_BUS_GPIO,
    .role = "leak-valve",
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .quantities = quantities,
    .n_quantities = sizeof quantities / sizeof quantities[0],
    .open = leak_valve_open,
    .close = leak_valve_close,
    .probe = leak_valve_probe,
    .get = leak_valve_get,
    .set = leak_valve_set,
    .edges = leak_valve_edges,
};

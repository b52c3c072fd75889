/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/leak_sensor/leak_sensor.h"

#include "drivers/device/lines/lines.h"

/*
 * A leak detector with a supervised sense cable, as racks have them: beside each leak line stands a line that says whether the cable is
 * whole (OpenBMC entity-manager: GPIOLeakDetector next to GPIODeviceDetect). Wet, dry and a broken cable are three things: a broken cable
 * senses nothing, so it must not read as dry.
 */
static const struct pl_param params[PL_LEAK_SENSOR_LINES] = {
    [PL_LEAK_SENSOR_LEAK] = {.name = "leak", .kind = PL_PARAM_LINE, .required = true, .help = "input, active when the sense cable is wet"},
    [PL_LEAK_SENSOR_CABLE] = {.name = "cable", .kind = PL_PARAM_LINE, .required = true,
                              .help = "input, active when the sense cable is plugged and whole"},
};

static const struct pl_quantity quantities[] = {
    {.name = "wet", .dim = PL_DIM_FLAG, .access = PL_GET | PL_EDGES, .id = PL_LEAK_SENSOR_LEAK,
     .help = "the sense cable is wet; invalid while the cable is broken"},
    {.name = "cable", .dim = PL_DIM_FLAG, .access = PL_GET | PL_EDGES, .id = PL_LEAK_SENSOR_CABLE, .help = "the sense cable is plugged and whole"},
};

struct leak_sensor {
  const char *name;
  struct pl_bus *bus;
  int handles[PL_LEAK_SENSOR_LINES];
};

static enum pl_status leak_sensor_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct leak_sensor *sensor = calloc(1, sizeof *sensor);
  if (sensor == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->name);
  }
  sensor->name = args->name;
  sensor->bus = args->bus;
  for (size_t i = 0; i < PL_LEAK_SENSOR_LINES; i++) {
    enum pl_status status = pl_device_line_sample(args, params[i].name, &sensor->handles[i], err);
    if (status != PL_OK) {
      free(sensor);
      return status;
    }
  }
  *self = sensor;
  return PL_OK;
}

static enum pl_status leak_sensor_get(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  struct leak_sensor *sensor = self;
  bool lines[PL_LEAK_SENSOR_LINES]; /* both in one transfer: the leak line means something only with the cable's state of that instant */
  enum pl_status status = pl_gpio_get(sensor->bus, sensor->handles, PL_LEAK_SENSOR_LINES, lines, err);
  if (status != PL_OK) {
    return status;
  }
  if (quantity->id == PL_LEAK_SENSOR_LEAK && !lines[PL_LEAK_SENSOR_CABLE]) {
    return pl_fail(err, PL_E_NAN, "the sense cable of %s is broken or unplugged, so neither wet nor dry is known; mend or plug it", sensor->name);
  }
  pl_device_line_reading(sensor->bus, lines[quantity->id], reading);
  return PL_OK;
}

static enum pl_status leak_sensor_edges(void *self, const struct pl_quantity *quantity, struct pl_gpio_edges *edges, struct pl_err *err)
{
  (void)err;
  struct leak_sensor *sensor = self;
  pl_gpio_edges(sensor->bus, sensor->handles[quantity->id], edges);
  return PL_OK;
}

static enum pl_status leak_sensor_faults(void *self, struct pl_faults *faults, struct pl_err *err)
{
  struct leak_sensor *sensor = self;
  bool lines[PL_LEAK_SENSOR_LINES];
  enum pl_status status = pl_gpio_get(sensor->bus, sensor->handles, PL_LEAK_SENSOR_LINES, lines, err);
  if (status != PL_OK) {
    return status;
  }
  faults->count = 0;
  if (!lines[PL_LEAK_SENSOR_CABLE]) {
    snprintf(faults->names[faults->count++], PL_FAULT_NAME_MAX, "cable-broken");
  } else if (lines[PL_LEAK_SENSOR_LEAK]) {
    snprintf(faults->names[faults->count++], PL_FAULT_NAME_MAX, "leak");
  }
  return PL_OK;
}

static enum pl_status leak_sensor_probe(void *self, struct pl_err *err)
{
  struct leak_sensor *sensor = self;
  bool lines[PL_LEAK_SENSOR_LINES];
  return pl_gpio_get(sensor->bus, sensor->handles, PL_LEAK_SENSOR_LINES, lines, err);
}

const struct pl_device_desc pl_device_leak_sensor = {
    .name = "leak-sensor",
    .about = "Leak sensor on two GPIO lines: wet or dry, and whether its sense cable is whole",
    .maturity = PL_BETA,
    .bus_kind = PL_BUS_GPIO,
    .role = "leak-sensor",
    .params = params,
    .n_params = PL_LEAK_SENSOR_LINES,
    .quantities = quantities,
    .n_quantities = sizeof quantities / sizeof quantities[0],
    .open = leak_sensor_open,
    .close = free,
    .probe = leak_sensor_probe,
    .get = leak_sensor_get,
    .faults = leak_sensor_faults,
    .edges = leak_sensor_edges,
};

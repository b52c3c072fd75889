/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/process_switch/process_switch.h"

#include "drivers/device/lines/lines.h"

/*
 * A pressure, flow, temperature or level switch: a contact that opens when its quantity leaves the good side of a point set at the switch itself. Wired as
 * a break contact, so that a cut wire reads as trouble. What it is set to is the rig's word: a contact does not tell it.
 */
static const struct {
  const char *name;
  enum pl_dim dim;
  double scale; /* of the port's unit in the dimension's base unit */
} SENSED[] = {
    {"supply_pressure", PL_DIM_PRESSURE, 1},       {"return_pressure", PL_DIM_PRESSURE, 1},       {"flow", PL_DIM_FLOW, 1},
    {"supply_temperature", PL_DIM_TEMPERATURE, 1}, {"return_temperature", PL_DIM_TEMPERATURE, 1}, {"level", PL_DIM_RATIO, 0.01},
    {"volume", PL_DIM_VOLUME, 1},
};
/* As the rig spells them, in the same order. volume: a float in a tray. */
static const char *const WORDS[] = {"supply-pressure", "return-pressure", "flow", "supply-temperature", "return-temperature", "level", "volume", NULL};

static const struct pl_param params[PL_PROCESS_SWITCH_PARAMS] = {
    [PL_PROCESS_SWITCH_LINE] = {.name = "contact", .kind = PL_PARAM_LINE, .required = true, .help = "input, active while the contact is closed"},
    [PL_PROCESS_SWITCH_OF] = {.name = "of", .kind = PL_PARAM_CHOICE, .choices = WORDS, .required = true, .help = "what it senses at its part"},
    [PL_PROCESS_SWITCH_ABOVE] = {.name = "opens-above", .kind = PL_PARAM_TEXT, .help = "a value with unit; this or opens-below"},
    [PL_PROCESS_SWITCH_BELOW] = {.name = "opens-below", .kind = PL_PARAM_TEXT, .help = "a value with unit; this or opens-above"},
    [PL_PROCESS_SWITCH_HYSTERESIS] = {.name = "hysteresis", .kind = PL_PARAM_INT, .fallback = "5", .min = 0, .max = 50,
                                      .help = "how far back before it closes again, in percent of the point"},
};

static const struct pl_quantity quantities[] = {
    {.name = "closed", .dim = PL_DIM_FLAG, .access = PL_GET | PL_EDGES, .help = "the contact is closed: its quantity is on the good side, and its wire whole"},
};

static enum pl_status process_switch_shape(const struct pl_values *values, struct pl_shape *shape, struct pl_err *err)
{
  const struct pl_value *above = pl_value(values, "opens-above"), *below = pl_value(values, "opens-below");
  size_t of = (size_t)pl_value(values, "of")->number;
  int64_t point_u;
  if (above->given == below->given) {
    return pl_fail(err, PL_E_USAGE, "a switch opens on one side, expected either opens-above or opens-below");
  }
  enum pl_status status = pl_quantity_parse(above->given ? above->text : below->text, SENSED[of].dim, NULL, &point_u, err);
  if (status != PL_OK) {
    return pl_err_prefix(err, "%s", above->given ? "opens-above" : "opens-below");
  }
  struct pl_process_switch_shape *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return pl_fail(err, PL_E_NOMEM, "out of memory for a switch");
  }
  made->port = (struct pl_port){.name = SENSED[of].name, .dim = SENSED[of].dim, .help = "what opens and closes the contact"};
  made->above = above->given;
  made->opens = (double)point_u / PL_U * SENSED[of].scale;
  made->closes = made->opens * (1 + (made->above ? -0.01 : 0.01) * (double)pl_value(values, "hysteresis")->number);
  *shape = (struct pl_shape){.quantities = quantities, .count = sizeof quantities / sizeof quantities[0], .owned = made};
  return PL_OK;
}

static void process_switch_shape_free(struct pl_shape *shape)
{
  free(shape->owned);
}

struct process_switch {
  struct pl_bus *bus;
  int handle;
};

static enum pl_status process_switch_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct process_switch *sw = calloc(1, sizeof *sw);
  if (sw == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->name);
  }
  sw->bus = args->bus;
  enum pl_status status = pl_device_line_sample(args, "contact", &sw->handle, err);
  if (status != PL_OK) {
    free(sw);
    return status;
  }
  *self = sw;
  return PL_OK;
}

static enum pl_status process_switch_get(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  (void)quantity;
  struct process_switch *sw = self;
  return pl_device_line_get(sw->bus, sw->handle, reading, err);
}

static enum pl_status process_switch_edges(void *self, const struct pl_quantity *quantity, struct pl_gpio_edges *edges, struct pl_err *err)
{
  (void)quantity;
  (void)err;
  struct process_switch *sw = self;
  pl_gpio_edges(sw->bus, sw->handle, edges);
  return PL_OK;
}

static enum pl_status process_switch_probe(void *self, struct pl_err *err)
{
  struct pl_reading reading;
  return process_switch_get(self, &quantities[0], &reading, err);
}

const struct pl_device_desc pl_device_process_switch = {
    .name = "process-switch",
    .about = "Pressure, flow, temperature or level switch: a break contact on a GPIO line",
    .maturity = PL_BETA,
    .bus_kind = PL_BUS_GPIO,
    .role = "process-switch",
    .params = params,
    .n_params = PL_PROCESS_SWITCH_PARAMS,
    .shape = process_switch_shape,
    .shape_free = process_switch_shape_free,
    .open = process_switch_open,
    .close = free,
    .probe = process_switch_probe,
    .get = process_switch_get,
    .edges = process_switch_edges,
};

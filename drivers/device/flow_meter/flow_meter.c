/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/flow_meter/flow_meter.h"

#include "drivers/device/lines/lines.h"

#include <math.h>

/*
 * A turbine meter gives so many pulses a litre. Flow by the period method: pulses between two looks over the time between the last pulse of
 * each, so the resolution is that of the edge stamps and does not depend on when the meter is read. Once the next pulse is overdue, the flow
 * is known to be lower than one pulse over the silence, and that bound is what is reported; a silence longer than `stalled-after` is no flow.
 * Silence means something because the line's edges are watched from open on (a bus that cannot watch edges refuses the open).
 */
static const struct pl_param params[PL_FLOW_METER_PARAMS] = {
    [PL_FLOW_METER_PULSE] = {.name = "pulse", .kind = PL_PARAM_LINE, .required = true,
                             .help = "input, one pulse (rising to active) per unit of volume"},
    [PL_FLOW_METER_K_FACTOR] = {.name = "k-factor", .kind = PL_PARAM_INT, .required = true, .min = 1, .max = 100000,
                                .help = "pulses a litre, from the meter's label"},
    [PL_FLOW_METER_STALLED_AFTER] = {.name = "stalled-after", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_TIME, .fallback = "2 s", .min = PL_U / 100,
                                     .max = 600 * PL_U,
                                     .help = "no pulse for longer than this is no flow, so the lowest flow that can be told is 60 s / (k-factor * this) L/min"},
};

enum { FLOW, PULSES };

static const struct pl_quantity quantities[] = {
    {.name = "flow", .dim = PL_DIM_FLOW, .access = PL_GET, .id = FLOW,
     .help = "mean flow between the last pulses of this look and the one before; below 60 s / (k-factor * stalled-after) L/min it reads 0 "
             "(0.5 L/min with 60 pulses a litre and 2 s)"},
    {.name = "pulses", .dim = PL_DIM_NONE, .access = PL_GET | PL_EDGES, .id = PULSES, .help = "pulses since the rig was opened"},
};

struct flow_meter {
  const char *name;
  struct pl_bus *bus;
  int handle;
  double k_factor;          /* pulses a litre */
  pl_time_ns stalled_ns;
  pl_time_ns opened;        /* silence counts from here when there never was a pulse */
  bool have_look, have_flow;
  struct pl_gpio_edges look; /* the last look that saw a new pulse */
  double period_ns;          /* mean time a pulse took between the last two such looks; with have_flow */
};

static enum pl_status flow_meter_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct flow_meter *meter = calloc(1, sizeof *meter);
  if (meter == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->name);
  }
  meter->name = args->name;
  meter->bus = args->bus;
  meter->k_factor = (double)pl_value(args->values, "k-factor")->number;
  meter->stalled_ns = pl_value(args->values, "stalled-after")->number * PL_US;
  enum pl_status status = pl_device_line_request(args, "pulse", false, true, &meter->handle, err);
  if (status != PL_OK) {
    free(meter);
    return status;
  }
  meter->opened = pl_clock_now(pl_bus_clock(args->bus));
  *self = meter;
  return PL_OK;
}

static void set_flow(const struct flow_meter *meter, double period_ns, pl_time_ns at, struct pl_reading *reading)
{
  double litres_per_minute = (double)(60 * PL_S) / period_ns / meter->k_factor;
  *reading = (struct pl_reading){.value_u = llround(litres_per_minute * (double)PL_U), .dim = PL_DIM_FLOW, .status = PL_OK, .at = at};
}

/* Takes a look that has new pulses into the state. */
static enum pl_status take_look(struct flow_meter *meter, const struct pl_gpio_edges *now, struct pl_err *err)
{
  struct pl_gpio_edges before = meter->look;
  bool had_look = meter->have_look;
  meter->look = *now;
  meter->have_look = true;
  meter->have_flow = false;
  if (!had_look) {
    return pl_fail(err, PL_E_BUSY, "%s: no two pulses yet; flow is known from the second look on, read it again", meter->name);
  }
  if (now->lost != before.lost) {
    return pl_fail(err, PL_E_BUSY, "%s: %llu edges of the pulse line were lost since the last look, so their flow is not known; read it again",
                   meter->name,
                   (unsigned long long)(now->lost - before.lost));
  }
  if (now->last_rising <= before.last_rising) {
    return pl_fail(err, PL_E_GARBAGE, "%s: the pulse line has new pulses that are no later than the old ones; check the adapter's edge stamps",
                   meter->name);
  }
  meter->period_ns = (double)(now->last_rising - before.last_rising) / (double)(now->rising - before.rising);
  meter->have_flow = true;
  return PL_OK;
}

static enum pl_status get_flow(struct flow_meter *meter, const struct pl_gpio_edges *edges, struct pl_reading *reading, struct pl_err *err)
{
  pl_time_ns now = pl_bus_now(meter->bus);
  pl_time_ns last = edges->rising > 0 ? edges->last_rising : meter->opened;
  pl_time_ns silence = now > last ? now - last : 0; /* an edge may be stamped after the job began */
  if (silence > meter->stalled_ns) {
    meter->have_look = meter->have_flow = false; /* the gap is no pulse period: after it, two looks are needed again */
    *reading = (struct pl_reading){.value_u = 0, .dim = PL_DIM_FLOW, .status = PL_OK, .at = now};
    return PL_OK;
  }
  if (edges->rising > 0 && (!meter->have_look || edges->rising != meter->look.rising)) {
    enum pl_status status = take_look(meter, edges, err);
    if (status != PL_OK) {
      return status;
    }
  }
  if (!meter->have_flow) {
    return pl_fail(err, PL_E_BUSY, "%s: no two pulses yet; flow is known from the second look on, read it again", meter->name);
  }
  set_flow(meter, fmax(meter->period_ns, (double)silence), now, reading);
  return PL_OK;
}

static enum pl_status flow_meter_get(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  struct flow_meter *meter = self;
  /* The line is read first, because an adapter that went away is silent too. */
  bool level;
  enum pl_status status = pl_gpio_get(meter->bus, &meter->handle, 1, &level, err);
  if (status != PL_OK) {
    return status;
  }
  struct pl_gpio_edges edges;
  pl_gpio_edges(meter->bus, meter->handle, &edges);
  if (quantity->id == FLOW) {
    return get_flow(meter, &edges, reading, err);
  }
  if (edges.lost > 0) {
    return pl_fail(err, PL_E_GARBAGE, "%s: %llu edges of the pulse line were lost, so the count is not known", meter->name,
                   (unsigned long long)edges.lost);
  }
  if (edges.rising > (uint64_t)(INT64_MAX / PL_U)) {
    return pl_fail(err, PL_E_RANGE, "%s: the pulse count is too large to be told", meter->name);
  }
  *reading = (struct pl_reading){.value_u = (int64_t)edges.rising * PL_U, .dim = PL_DIM_NONE, .status = PL_OK, .at = pl_bus_now(meter->bus)};
  return PL_OK;
}

static enum pl_status flow_meter_edges(void *self, const struct pl_quantity *quantity, struct pl_gpio_edges *edges, struct pl_err *err)
{
  (void)quantity;
  (void)err;
  struct flow_meter *meter = self;
  pl_gpio_edges(meter->bus, meter->handle, edges);
  return PL_OK;
}

static enum pl_status flow_meter_probe(void *self, struct pl_err *err)
{
  struct flow_meter *meter = self;
  bool value;
  return pl_gpio_get(meter->bus, &meter->handle, 1, &value, err);
}

const struct pl_device_desc pl_device_flow_meter = {
    .name = "flow-meter",
    .about = "Turbine flow meter with a pulse output on a GPIO line",
    .maturity = PL_BETA,
    .bus_kind = PL_BUS_GPIO,
    .role = "flow-meter",
    .params = params,
    .n_params = PL_FLOW_METER_PARAMS,
    .quantities = quantities,
    .n_quantities = sizeof quantities / sizeof quantities[0],
    .open = flow_meter_open,
    .close = free,
    .probe = flow_meter_probe,
    .get = flow_meter_get,
    .edges = flow_meter_edges,
};

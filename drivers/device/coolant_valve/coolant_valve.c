/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/coolant_valve/coolant_valve.h"

#include "drivers/device/lines/lines.h"

/*
 * A stop valve with a drive in a branch of the coolant loop, and its end switches: what was asked for is one thing, where the valve stands another.
 *
 * It has no side that is safe in itself: shut, heat stays in the CSUs behind it, and the pumps stand against shut valves when all are; open, it feeds a
 * leak behind it. So nothing moves it but a set: opening a rig takes its line over as it is, it does not count as energising, and a rig file need not give
 * it a safe value. Where one is given it is the rig's decision. A drive that must be energised to close (the usual choice here) lets coolant flow when nobody
 * drives the line or its cable breaks: heat comes for certain, a leak does not.
 */
static const char *const DRIVES[] = {[PL_COOLANT_VALVE_CLOSES] = "closes", [PL_COOLANT_VALVE_OPENS] = "opens", [PL_COOLANT_VALVE_OPENS + 1] = NULL};

static const struct pl_param params[PL_COOLANT_VALVE_PARAMS] = {
    [PL_COOLANT_VALVE_LINE] = {.name = "drive-line", .kind = PL_PARAM_LINE, .required = true, .help = "output, active to energise the drive"},
    [PL_COOLANT_VALVE_OPENED] = {.name = "position-open", .kind = PL_PARAM_LINE, .required = true, .help = "input, active while the valve is all open (end switch)"},
    [PL_COOLANT_VALVE_CLOSED] = {.name = "position-closed", .kind = PL_PARAM_LINE, .required = true, .help = "input, active while the valve is shut (end switch)"},
    [PL_COOLANT_VALVE_DRIVE] = {.name = "drive", .kind = PL_PARAM_CHOICE, .choices = DRIVES, .fallback = "closes",
                                .help = "closes: energised to close, open when nobody drives the line; opens: energised to open"},
    [PL_COOLANT_VALVE_TRAVEL] = {.name = "travel-limit", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_TIME, .fallback = "10 s", .min = PL_U / 1000,
                                 .max = 600 * PL_U, .help = "from a command to the end switch; later it counts as stuck"},
};

enum { OPEN, POSITION_OPEN, POSITION_CLOSED };

static const struct pl_quantity quantities[] = {
    {.name = "open", .dim = PL_DIM_FLAG, .access = PL_GET | PL_SET | PL_EDGES, .id = OPEN, .max_u = PL_U,
     .help = "the drive is asked to open; its edges are the sets that changed it"},
    {.name = "position-open", .dim = PL_DIM_FLAG, .access = PL_GET | PL_EDGES, .id = POSITION_OPEN, .help = "the valve is all open, by its end switch"},
    {.name = "position-closed", .dim = PL_DIM_FLAG, .access = PL_GET | PL_EDGES, .id = POSITION_CLOSED, .help = "the valve is shut, by its end switch"},
};

struct coolant_valve {
  struct pl_bus *bus;
  struct pl_output drive;
  bool closes; /* energised to close */
  int opened, closed;
  pl_time_ns travel, asked_at; /* asked_at: when it was last set, or the rig was opened */
};

static enum pl_status request_lines(struct coolant_valve *valve, const struct pl_device_args *args, struct pl_err *err)
{
  struct pl_device_args as_is = *args;
  as_is.observe = true; /* see above */
  enum pl_status status = pl_device_line_sample(args, "position-open", &valve->opened, err);
  if (status == PL_OK) {
    status = pl_device_line_sample(args, "position-closed", &valve->closed, err);
  }
  return status == PL_OK ? pl_output_open(&valve->drive, &as_is, "drive-line", err) : status;
}

static enum pl_status coolant_valve_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct coolant_valve *valve = calloc(1, sizeof *valve);
  if (valve == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->name);
  }
  valve->bus = args->bus;
  valve->closes = pl_value(args->values, "drive")->number == PL_COOLANT_VALVE_CLOSES;
  valve->travel = pl_value(args->values, "travel-limit")->number * (PL_S / PL_U);
  valve->asked_at = pl_clock_now(pl_bus_clock(args->bus));
  enum pl_status status = request_lines(valve, args, err);
  if (status != PL_OK) {
    free(valve);
    return status;
  }
  *self = valve;
  return PL_OK;
}

static void coolant_valve_close(void *self)
{
  struct coolant_valve *valve = self;
  pl_output_close(&valve->drive);
  free(valve);
}

static enum pl_status coolant_valve_get(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  struct coolant_valve *valve = self;
  int handle = quantity->id == OPEN ? valve->drive.handle : quantity->id == POSITION_OPEN ? valve->opened : valve->closed;
  enum pl_status status = pl_device_line_get(valve->bus, handle, reading, err);
  if (status == PL_OK && quantity->id == OPEN && valve->closes) {
    reading->value_u = reading->value_u ? 0 : PL_U;
  }
  return status;
}

static enum pl_status coolant_valve_set(void *self, const struct pl_quantity *quantity, int64_t value_u, struct pl_err *err)
{
  (void)quantity;
  struct coolant_valve *valve = self;
  pl_time_ns at = pl_bus_now(valve->bus);
  bool was_known = valve->drive.known, was = valve->drive.on, on = (value_u != 0) != valve->closes;
  enum pl_status status = pl_output_set(&valve->drive, on, err);
  if (status == PL_OK && (!was_known || was != on)) {
    valve->asked_at = at; /* asked again for the same, it has no more time */
  }
  return status;
}

static enum pl_status coolant_valve_probe(void *self, struct pl_err *err)
{
  struct pl_reading reading;
  return coolant_valve_get(self, &quantities[OPEN], &reading, err);
}

static void add_fault(struct pl_faults *faults, const char *name)
{
  snprintf(faults->names[faults->count++], PL_FAULT_NAME_MAX, "%s", name);
}

/* All three lines in one go, so that they belong together. */
static enum pl_status coolant_valve_faults(void *self, struct pl_faults *faults, struct pl_err *err)
{
  struct coolant_valve *valve = self;
  const int handles[] = {valve->drive.handle, valve->opened, valve->closed};
  bool on[3];
  enum pl_status status = pl_gpio_get(valve->bus, handles, 3, on, err);
  if (status != PL_OK) {
    return status;
  }
  bool want_open = on[0] != valve->closes, opened = on[1], closed = on[2];
  faults->count = 0;
  if (opened && closed) {
    add_fault(faults, "end-switches-contradict");
  } else if (pl_bus_now(valve->bus) - valve->asked_at > valve->travel && !(want_open ? opened : closed)) {
    add_fault(faults, want_open ? "does-not-open" : "does-not-close");
  }
  return PL_OK;
}

/* Edges of the drive's line are those of `open`, turned round where it is energised to close. */
static enum pl_status coolant_valve_edges(void *self, const struct pl_quantity *quantity, struct pl_gpio_edges *edges, struct pl_err *err)
{
  (void)err;
  struct coolant_valve *valve = self;
  if (quantity->id != OPEN) {
    pl_gpio_edges(valve->bus, quantity->id == POSITION_OPEN ? valve->opened : valve->closed, edges);
    return PL_OK;
  }
  struct pl_gpio_edges line;
  pl_output_edges(&valve->drive, &line);
  *edges = line;
  if (valve->closes) {
    edges->rising = line.falling;
    edges->falling = line.rising;
    edges->last_rising = line.last_falling;
    edges->last_falling = line.last_rising;
  }
  return PL_OK;
}

const struct pl_device_desc pl_device_coolant_valve = {
    .name = "coolant-valve",
    .about = "Coolant stop valve: a drive on a GPIO line, with end switches",
    .maturity = PL_BETA,
    .bus_kind = PL_BUS_GPIO,
    .role = "valve",
    .params = params,
    .n_params = PL_COOLANT_VALVE_PARAMS,
    .quantities = quantities,
    .n_quantities = sizeof quantities / sizeof quantities[0],
    .open = coolant_valve_open,
    .close = coolant_valve_close,
    .probe = coolant_valve_probe,
    .get = coolant_valve_get,
    .set = coolant_valve_set,
    .faults = coolant_valve_faults,
    .edges = coolant_valve_edges,
};

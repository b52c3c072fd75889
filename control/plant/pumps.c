/* SPDX-License-Identifier: Apache-2.0 */
/* Flow of a pump unit from temperatures: as much as the hottest spot needs, no more. */
#include "control/plant/plant_in.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/*
 * What is held is a margin: every temperature that must not pass a limit is moved so that its limit stands where a junction's does, and the hottest of them is
 * brought to the target. The rise above the coolant goes about as 1 / flow, so the controller works on the logarithm of the flow: its loop gain is then the
 * same at every load. PI in velocity form (no wind-up at the ends), a dead band against chatter, and a limit on how fast it goes: up fast, down slowly.
 * Slowest are drives: some 100 s behind the coolant, and with little gain (6 K a unit of ln); a junction follows in 25 s with up to 20 K. KP / KI stands near the
 * slow lag, so that the slow ones are followed without overshoot, and KP * 20 K stays near 2 for the quick ones, whose loop crosses over near 0.08 rad/s, well
 * below what the pumps and polls can do (test_plant.c and the picture in control/README.md have the step responses).
 */
#define KP 0.10          /* 1/K */
#define KI 0.0005        /* 1/(K s) */
#define DEAD_BAND_K 1.0
#define UP_LPM_S 1.0
#define DOWN_LPM_S 0.25
#define STEP_LPM 0.2     /* smaller changes are not worth a write */
#define JUNCTION_LIMIT_DEGC 85.0
#define FAILSAFE 0.75    /* of the most: when what must be cooled cannot be read (phosphor-pid-control does so, too) */

static const char *const WORDS[] = {"cpu-1-temperature", "cpu-2-temperature", "drive-temperature", "csu-temperature"};
#define N_WORDS (sizeof WORDS / sizeof *WORDS)

/* A limit that the rig gives moves the temperature; without one it counts as it is. */
static double moved(const struct pl_rig_device *device, const char *word, double value)
{
  for (size_t i = 0; i < device->n_limits; i++)
    if (device->limits[i].has_max && pl_same_word(device->limits[i].quantity->name, word))
      return value + JUNCTION_LIMIT_DEGC - (double)device->limits[i].max_u / (double)PL_U;
  return value;
}

/* The hottest of what must be cooled, as a junction; NAN: nothing is to be cooled. *blind: something is that cannot be read. */
static double hottest(const struct pl_stack *stack, bool *blind)
{
  double most = NAN;
  *blind = false;
  for (struct pl_item *csu = pl_inventory_first(stack->inventory, PL_ITEM_CSU); csu; csu = pl_item_next(stack->inventory, csu)) {
    if (!pl_item_is_present(csu) || !pl_item_has_power(csu))
      continue;
    const struct pl_rig_device *device = pl_item_device(csu, "thermometer");
    bool any = false;
    for (size_t i = 0; device && i < N_WORDS; i++) {
      double value;
      if (!pl_item_value(stack, csu, "thermometer", WORDS[i], stack->settings.stale_ns, &value))
        continue;
      any = true;
      most = fmax(most, moved(device, WORDS[i], value)); /* fmax passes over a NAN */
    }
    *blind |= !any;
  }
  return most;
}

static void set_done(struct pl_command *command)
{
  struct pl_pumps *pumps = command->ctx;
  pumps->setting = false;
}

static void mode_done(struct pl_command *command)
{
  struct pl_pumps *pumps = command->ctx;
  pumps->moding = false;
}

static void ask(struct pl_plant *plant, struct pl_pumps *pumps, double flow_Lpm)
{
  double now;
  struct pl_stack *stack = plant->stack;
  if (!pumps->setting && pl_item_value(stack, pumps->item, "coolant", "flow-set", stack->settings.stale_ns, &now) && fabs(now - flow_Lpm) >= STEP_LPM) {
    pumps->setting = true;
    pumps->set = (struct pl_command){.item = pumps->item, .role = "coolant", .quantity = "flow-set", .value_u = (int64_t)llround(flow_Lpm * 10) * (PL_U / 10),
                                     .author = "plant: pump control", .done = set_done, .ctx = pumps};
    pl_command_submit(stack, &pumps->set);
  }
  double on;
  if (!pumps->moding && pl_item_value(stack, pumps->item, "coolant", "flow-control", stack->settings.stale_ns, &on) && on < 0.5) {
    pumps->moding = true;
    pumps->mode = (struct pl_command){.item = pumps->item, .role = "coolant", .quantity = "flow-control", .value_u = PL_U, .author = "plant: pump control",
                                      .done = mode_done, .ctx = pumps};
    pl_command_submit(stack, &pumps->mode);
  }
}

/* Of the branches that a stop valve can shut, the part that is open; 1 where there is none such. */
static double open_share(const struct pl_stack *stack)
{
  unsigned all = 0, open = 0;
  for (struct pl_item *valve = pl_inventory_first(stack->inventory, PL_ITEM_VALVE); valve; valve = pl_item_next(stack->inventory, valve)) {
    double value;
    if (!pl_item_value(stack, valve, "valve", "open", stack->settings.stale_ns, &value))
      continue; /* not known: as if it were not there */
    all++;
    open += value > 0.5;
  }
  return all ? (double)open / (double)all : 1;
}

/* What would flow at the supply pressure that the rig file allows, by what flows now: turbulent, so pressure goes as flow squared. INFINITY: not known. */
#define PRESSURE_SHARE 0.95
static double flow_at_pressure_limit(const struct pl_stack *stack, const struct pl_item *unit)
{
  double flow, pressure;
  const struct pl_rig_device *device = pl_item_device(unit, "coolant");
  if (!device || !pl_item_value(stack, unit, "coolant", "flow", stack->settings.stale_ns, &flow) ||
      !pl_item_value(stack, unit, "coolant", "supply-pressure", stack->settings.stale_ns, &pressure) || flow < 1 || pressure <= 0)
    return INFINITY;
  for (size_t i = 0; i < device->n_limits; i++)
    if (device->limits[i].has_max && pl_same_word(device->limits[i].quantity->name, "supply-pressure"))
      return flow * sqrt(PRESSURE_SHARE * (double)device->limits[i].max_u / (double)PL_U / pressure);
  return INFINITY;
}

/* With a branch shut the same flow needs far more pressure (it goes as the flow through a branch squared, and the pumps' own head falls): the hoses' limit is met
 * first, and with it the interlock. So the most that is asked for goes with what is open, and a little more. */
#define SHUT_MARGIN 0.8
static void limits_now(const struct pl_plant *plant, const struct pl_pumps *pumps, double *min, double *max)
{
  const struct pl_control *control = pumps->control;
  double share = open_share(plant->stack);
  *max = share < 1 ? control->max * share * SHUT_MARGIN : control->max;
  *max = fmin(*max, flow_at_pressure_limit(plant->stack, pumps->item));
  *min = fmin(control->min, *max);
}

static double follow(const struct pl_plant *plant, struct pl_pumps *pumps, double hot_degC)
{
  const struct pl_stack_settings *settings = &plant->stack->settings;
  double dt = (double)settings->plant_ns / (double)PL_S, flow = pumps->wanted_Lpm;
  double error = isnan(hot_degC) ? -settings->supply_target_degC : hot_degC - settings->supply_target_degC;
  double change = isnan(pumps->error_K) ? 0 : KP * (error - pumps->error_K);
  pumps->error_K = error;
  if (fabs(error) > DEAD_BAND_K)
    change += KI * dt * error;
  double want = flow * exp(fmin(fmax(change, -1), 1));
  return fmin(fmax(want, flow - DOWN_LPM_S * dt), flow + UP_LPM_S * dt);
}

static void tick(struct pl_plant *plant, struct pl_pumps *pumps)
{
  struct pl_control *control = pumps->control;
  struct pl_stack *stack = plant->stack;
  double now, stopped;
  if (!pl_item_value(stack, pumps->item, "coolant", "flow-set", stack->settings.stale_ns, &now))
    return; /* it cannot be read, so it is not written either */
  if (pl_item_value(stack, pumps->item, "coolant", "stop", stack->settings.stale_ns, &stopped) && stopped > 0.5) {
    pumps->wanted_Lpm = NAN; /* stopped on purpose: begins anew afterwards */
    return;
  }
  double min, max;
  limits_now(plant, pumps, &min, &max);
  if (isnan(pumps->wanted_Lpm)) {
    pumps->wanted_Lpm = fmin(fmax(now, min), max);
    pumps->error_K = NAN;
  }
  if (!control->automatic) {
    pumps->wanted_Lpm = fmin(control->set_point, max);
    pumps->error_K = NAN;
  } else {
    bool blind;
    double want = follow(plant, pumps, hottest(stack, &blind));
    pumps->failsafe = blind;
    if (blind)
      want = fmax(want, fmin(FAILSAFE * control->max, pumps->wanted_Lpm + UP_LPM_S * (double)stack->settings.plant_ns / (double)PL_S));
    if (PL_LIES(stack, PUMPS_RATCHET))
      want = fmax(want, pumps->wanted_Lpm);
    pumps->wanted_Lpm = fmin(fmax(want, min), max);
    if (fabs(control->set_point - pumps->wanted_Lpm) >= STEP_LPM / 2) {
      control->set_point = pumps->wanted_Lpm;
      pl_item_touch(stack, pumps->item);
    }
  }
  if (!control->automatic || !PL_LIES(stack, PUMPS_STILL))
    ask(plant, pumps, pumps->wanted_Lpm);
}

void pl_pumps_new(struct pl_plant *plant)
{
  struct pl_stack *stack = plant->stack;
  for (struct pl_item *item = pl_inventory_first(stack->inventory, PL_ITEM_PUMP_UNIT); item && plant->n_pumps < PL_PLANT_UNITS_MAX;
       item = pl_item_next(stack->inventory, item)) {
    if (!pl_item_sense(item, "coolant", "flow-set"))
      continue;
    char id[64];
    snprintf(id, sizeof id, "%s.flow", item->id);
    struct pl_control row = {.id = id, .name = "Coolant flow", .type = "LiquidFlowLPM", .unit_of = "L/min", .item = item, .min = stack->settings.flow_min_Lpm,
                             .max = stack->settings.flow_max_Lpm, .dead_band = STEP_LPM, .found = true,
                             .set_point = stack->settings.flow_min_Lpm, .automatic = true, .limited = true};
    struct pl_control *control = pl_plant_add_control(plant, &row);
    if (control)
      plant->pumps[plant->n_pumps++] = (struct pl_pumps){.item = item, .control = control, .wanted_Lpm = NAN, .error_K = NAN};
  }
}

void pl_pumps_tick(struct pl_plant *plant)
{
  for (size_t i = 0; i < plant->n_pumps; i++)
    tick(plant, &plant->pumps[i]);
}

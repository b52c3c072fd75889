/* SPDX-License-Identifier: Apache-2.0 */
#include "control/plant/plant_in.h"

#include "control/procedure/procedure.h"
#include "control/store/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE "control" /* in the store */

/* --- controls --- */

struct pl_control *pl_plant_add_control(struct pl_plant *plant, const struct pl_control *row)
{
  if (plant->n_controls == PL_PLANT_CONTROLS_MAX)
    return NULL;
  struct pl_control *control = &plant->controls[plant->n_controls];
  *control = *row;
  snprintf(plant->ids[plant->n_controls], sizeof plant->ids[0], "%s", row->id);
  control->id = plant->ids[plant->n_controls++];
  char *kept = NULL;
  struct pl_err ignored = {0};
  if (!pl_store_get(plant->stack->store, PLACE, control->id, &kept, &ignored) && kept) {
    double value;
    char mode;
    if (sscanf(kept, "%c %lf", &mode, &value) == 2 && value >= control->min && value <= control->max) {
      control->automatic = mode == 'a';
      control->limited = mode != 'o';
      control->set_point = value;
    }
  }
  free(kept);
  return control;
}

struct pl_control *pl_plant_control_find(const struct pl_plant *plant, const char *id)
{
  for (size_t i = 0; i < plant->n_controls; i++)
    if (!strcmp(plant->controls[i].id, id))
      return (struct pl_control *)(uintptr_t)&plant->controls[i];
  return NULL;
}

size_t pl_plant_controls(const struct pl_plant *plant, const struct pl_control **controls)
{
  *controls = plant->controls;
  return plant->n_controls;
}

enum pl_status pl_plant_control_set(struct pl_stack *stack, const char *id, const double *set_point, const bool *automatic, struct pl_err *err)
{
  struct pl_control *control = pl_plant_control_find(stack->plant, id);
  if (!control)
    return pl_fail(err, PL_E_USAGE, "there is no control '%s'", id);
  bool is_automatic = automatic ? *automatic : control->automatic;
  double value = set_point ? *set_point : control->set_point;
  if (set_point && is_automatic && control->automatic && control->found)
    return pl_fail(err, PL_E_USAGE, "%s is automatic: the set point is the plant's; set ControlMode to Manual first", control->name);
  if (!(value >= control->min && value <= control->max))
    return pl_fail(err, PL_E_RANGE, "%s: %g %s, expected %g to %g %s", control->name, value, control->unit_of, control->min, control->max, control->unit_of);
  bool limited = set_point || control->limited;
  char text[64];
  snprintf(text, sizeof text, "%c %.17g", !limited ? 'o' : is_automatic ? 'a' : 'm', value);
  enum pl_status status = pl_store_put(stack->store, PLACE, id, text, err);
  if (status)
    return status;
  control->automatic = is_automatic;
  control->set_point = value;
  control->limited = limited;
  pl_item_touch(stack, control->item);
  return PL_OK;
}

/* --- the tick --- */

static void tick(void *ctx, pl_time_ns now)
{
  struct pl_plant *plant = ctx;
  if (plant->stack->dead)
    return;
  pl_clock_arm(plant->stack->clock, &plant->timer, now + plant->stack->settings.plant_ns);
  pl_pumps_tick(plant);
  pl_supplies_tick(plant);
  pl_trends_tick(plant->trends);
}

enum pl_status pl_plant_new(struct pl_stack *stack, struct pl_plant **out, struct pl_err *err)
{
  struct pl_plant *plant = calloc(1, sizeof *plant);
  if (!plant)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the plant");
  plant->stack = stack;
  plant->timer = (struct pl_timer){.fire = tick, .ctx = plant};
  plant->trends = pl_trends_new(plant);
  if (!plant->trends) {
    free(plant);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the plant");
  }
  pl_pumps_new(plant);
  pl_supplies_new(plant);
  *out = plant;
  return PL_OK;
}

enum pl_status pl_plant_start(struct pl_plant *plant, struct pl_err *err)
{
  (void)err;
  if (!plant->started)
    pl_clock_arm(plant->stack->clock, &plant->timer, pl_clock_now(plant->stack->clock));
  plant->started = true;
  return PL_OK;
}

void pl_plant_free(struct pl_plant *plant)
{
  if (!plant)
    return;
  pl_clock_disarm(plant->stack->clock, &plant->timer);
  pl_trends_free(plant->trends);
  free(plant);
}

size_t pl_plant_notices(const struct pl_plant *plant, const struct pl_notice **notices)
{
  *notices = plant->notices;
  return plant->n_notices;
}

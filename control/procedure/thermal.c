/* SPDX-License-Identifier: Apache-2.0 */
#include "control/procedure/leak.h"
#include "control/procedure/procedure.h"
#include "control/stack/stack.h"

#include <stdlib.h>
#include <string.h>

/* One reading above the limit may be a bad one; the junction's own protection stands some kelvin higher and needs no stack. */
#define READINGS 2

struct pl_thermal {
  struct pl_stack *stack;
  struct pl_item_listener listener;
  struct hot {
    const struct pl_sense *sense;
    unsigned count;
  } hot[64]; /* senses above the limit now; more at a time than fit are as good as these */
  size_t n_hot;
};

static struct hot *hot_of(struct pl_thermal *thermal, const struct pl_sense *sense)
{
  for (size_t i = 0; i < thermal->n_hot; i++)
    if (thermal->hot[i].sense == sense)
      return &thermal->hot[i];
  if (thermal->n_hot == sizeof thermal->hot / sizeof *thermal->hot)
    return NULL;
  thermal->hot[thermal->n_hot] = (struct hot){.sense = sense};
  return &thermal->hot[thermal->n_hot++];
}

static void forget(struct pl_thermal *thermal, const struct pl_sense *sense)
{
  for (size_t i = 0; i < thermal->n_hot; i++)
    if (thermal->hot[i].sense == sense)
      thermal->hot[i] = thermal->hot[--thermal->n_hot];
}

static void on_reading(void *ctx, struct pl_item *item, struct pl_sense *sense)
{
  struct pl_thermal *thermal = ctx;
  struct pl_stack *stack = thermal->stack;
  if (item->kind != PL_ITEM_CSU || sense->quantity->dim != PL_DIM_TEMPERATURE || strcmp(sense->device->role, "thermometer") != 0 || stack->dead)
    return;
  if (!pl_reading_valid(&sense->reading) || (double)sense->reading.value_u / (double)PL_U < stack->settings.thermal_limit_degC) {
    forget(thermal, sense);
    return;
  }
  struct hot *hot = hot_of(thermal, sense);
  if (!hot || ++hot->count < READINGS || !pl_item_has_power(item))
    return;
  struct pl_procedure *p, *running = pl_procedure_of(stack->procedures, item);
  struct pl_err err = {0};
  if (!running || running->desc != &pl_thermal_emergency)
    (void)pl_procedure_begin(stack, &pl_thermal_emergency, item, "too hot", &p, &err);
}

enum pl_status pl_thermal_new(struct pl_stack *stack, struct pl_thermal **out, struct pl_err *err)
{
  struct pl_thermal *thermal = calloc(1, sizeof *thermal);
  if (!thermal)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the thermal watch");
  thermal->stack = stack;
  thermal->listener = (struct pl_item_listener){.reading = on_reading, .ctx = thermal};
  pl_inventory_listen(stack->inventory, &thermal->listener);
  *out = thermal;
  return PL_OK;
}

void pl_thermal_free(struct pl_thermal *thermal)
{
  free(thermal);
}

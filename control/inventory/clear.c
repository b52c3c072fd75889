/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status bits of PMBus devices latch: they go on telling of what is over until CLEAR_FAULTS (PMBus part II, sections 10 and 15.1; from memory). They are cleared
 * once they have been told and the unit has been well for a while. What is still wrong sets them again at once, so that nothing is hidden.
 */
#include "control/inventory/within.h"

#define WELL_NS (2 * PL_S)
#define AGAIN_NS (30 * PL_S) /* what comes back at once is not asked away with each round */

static bool is_well(const struct pl_inventory *inventory, const struct pl_item *item)
{
  double excess;
  if (item->state != PL_STATE_ENABLED || item->procedure || !pl_inventory_first_round_over(inventory))
    return false;
  for (size_t i = 0; i < item->n_senses; i++) {
    const struct pl_sense *sense = &item->senses[i];
    if (pl_sense_limit(sense) && (!sense->count || !pl_reading_valid(&sense->reading) || !pl_sense_within(sense, &excess)))
      return false;
  }
  return true;
}

static void is_cleared(struct pl_command *command)
{
  struct pl_asked_device *asked = command->ctx;
  asked->clearing = false;
}

void pl_inventory_clear_latched(struct pl_stack *stack, struct pl_asked_device *asked)
{
  pl_time_ns now = pl_clock_now(stack->clock);
  if (asked->faults == PL_HEALTH_OK || asked->clearing || !pl_shape_find(&asked->rig->shape, "clear-faults") || !is_well(stack->inventory, asked->item)) {
    asked->well = 0;
    return;
  }
  if (!asked->well)
    asked->well = now;
  if (now - asked->well < WELL_NS || (asked->cleared && now - asked->cleared < AGAIN_NS))
    return;
  asked->cleared = now;
  asked->clearing = true;
  asked->clear = (struct pl_command){.item = asked->item, .role = asked->rig->role, .quantity = "clear-faults", .author = "inventory", .done = is_cleared, .ctx = asked};
  pl_command_submit(stack, &asked->clear);
}

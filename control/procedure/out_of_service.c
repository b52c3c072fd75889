/* SPDX-License-Identifier: Apache-2.0 */
/* Units that were taken out of service after a failure stay so over a restart, until somebody switches them on again or they are pulled. */
#include "control/procedure/procedure_in.h"

#define PLACE "out-of-service"

enum pl_status pl_out_of_service(struct pl_stack *stack, struct pl_item *item, const char *why, struct pl_err *err)
{
  enum pl_status status = pl_store_put(stack->store, PLACE, item->id, why, err);
  if (status)
    return status;
  pl_item_happens(stack, item, PL_HAPPENS_DISABLE, why);
  pl_item_blame(stack, item, PL_HEALTH_CRITICAL, why);
  return PL_OK;
}

void pl_back_in_service(struct pl_stack *stack, struct pl_item *item)
{
  pl_item_happens(stack, item, PL_HAPPENS_ENABLE, "");
  pl_item_blame(stack, item, PL_HEALTH_OK, "");
  pl_store_put(stack->store, PLACE, item->id, NULL, NULL); /* if that fails it is out again after a restart: told then, and harmless */
}

static void take_out(void *ctx, const char *key, const char *value)
{
  struct pl_stack *stack = ctx;
  struct pl_item *item = pl_inventory_any(stack->inventory, key);
  if (!item || item->state == PL_STATE_ABSENT)
    return;
  pl_item_happens(stack, item, PL_HAPPENS_DISABLE, value);
  pl_item_blame(stack, item, PL_HEALTH_CRITICAL, value);
}

enum pl_status pl_out_of_service_read(struct pl_stack *stack, struct pl_err *err)
{
  return pl_store_each(stack->store, PLACE, take_out, stack, err);
}

bool pl_is_out_of_service(struct pl_stack *stack, const struct pl_item *item)
{
  char *why = NULL;
  bool is = !pl_store_get(stack->store, PLACE, item->id, &why, NULL) && why;
  free(why);
  return is;
}

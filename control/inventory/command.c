/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: set, then read back. What a device took is what it says afterwards, never what it was told. */
#include "control/inventory/within.h"

#include <stdlib.h>

#define KEPT_SHARE 0.01 /* a set-point is kept in the device's own steps */
#define KEPT_LEAST_U (PL_U / 10)

static void unlink_flight(struct pl_flight *flight)
{
  for (struct pl_flight **at = &flight->inventory->flights; *at; at = &(*at)->next) {
    if (*at != flight)
      continue;
    *at = flight->next;
    return;
  }
}

static void answer(struct pl_flight *flight)
{
  struct pl_command *command = flight->command;
  unlink_flight(flight);
  free(flight);
  if (command && command->done)
    command->done(command);
}

static void on_time(void *ctx, pl_time_ns now)
{
  (void)now;
  answer(ctx);
}

/* From the loop, never from within pl_command_submit. */
static void answer_soon(struct pl_flight *flight, enum pl_status status, const struct pl_err *err)
{
  flight->command->status = status;
  if (status)
    flight->command->err = *err;
  flight->timer = (struct pl_timer){.fire = on_time, .ctx = flight};
  pl_clock_arm(flight->inventory->stack->clock, &flight->timer, pl_clock_now(flight->inventory->stack->clock));
}

static bool is_kept(const struct pl_quantity *quantity, int64_t wanted_u, int64_t read_u)
{
  if (quantity->dim == PL_DIM_FLAG)
    return !wanted_u == !read_u;
  int64_t apart = wanted_u > read_u ? wanted_u - read_u : read_u - wanted_u;
  int64_t allowed = (int64_t)(KEPT_SHARE * (double)(wanted_u < 0 ? -wanted_u : wanted_u));
  return apart <= (allowed > KEPT_LEAST_U ? allowed : KEPT_LEAST_U);
}

static enum pl_status judge(const struct pl_flight *flight, struct pl_err *err)
{
  const struct pl_call *call = &flight->call;
  char wanted[48], found[48];
  if (call->job.status || call->kind != PL_CALL_GET) {
    *err = call->job.err;
    return call->job.status;
  }
  if (is_kept(call->quantity, flight->value_u, call->reading.value_u))
    return PL_OK;
  return pl_fail(err, PL_E_RANGE, "%s.%s was set to %s and reads back as %s: the device took the write and did not keep it", flight->asked->rig->name,
                 call->quantity->name, pl_quantity_format(call->quantity->dim, flight->value_u, wanted, sizeof wanted),
                 pl_quantity_format(call->quantity->dim, call->reading.value_u, found, sizeof found));
}

static void tell_reading(struct pl_flight *flight)
{
  struct pl_inventory *inventory = flight->inventory;
  struct pl_sense *sense = pl_item_sense(flight->asked->item, flight->asked->rig->role, flight->call.quantity->name);
  if (flight->call.kind != PL_CALL_GET || !sense || sense->device != flight->asked->rig)
    return;
  pl_inventory_take(inventory, flight->asked, sense, &flight->call.reading);
  pl_inventory_derive(inventory->stack, flight->asked->item);
}

static void on_call(struct pl_call *call)
{
  struct pl_flight *flight = call->ctx;
  struct pl_inventory *inventory = flight->inventory;
  if (inventory->closed || inventory->halted || inventory->stack->dead) {
    if (!inventory->halted)
      unlink_flight(flight);
    free(flight);
    inventory->in_flight--;
    pl_inventory_release(inventory);
    return;
  }
  if (call->kind == PL_CALL_SET && !call->job.status && (call->quantity->access & PL_GET)) {
    const struct pl_quantity *quantity = call->quantity;
    *call = (struct pl_call){.device = flight->asked->device, .kind = PL_CALL_GET, .quantity = quantity, .done = on_call, .ctx = flight};
    pl_call_submit(call);
    return;
  }
  inventory->in_flight--;
  if (flight->command) {
    flight->command->reads_back = call->kind == PL_CALL_GET;
    flight->command->status = judge(flight, &flight->command->err);
  }
  tell_reading(flight);
  if (!inventory->halted) { /* a listener may have ended it, and with it the wait */
    pl_item_refresh(inventory->stack, flight->asked->item);
    answer(flight);
  }
}

static enum pl_status find(const struct pl_inventory *inventory, const struct pl_command *command, struct pl_asked_device **asked,
                           const struct pl_quantity **quantity, struct pl_err *err)
{
  const struct pl_item *item = command->item;
  for (size_t i = 0; i < item->n_devices; i++) {
    if (command->role && !pl_same_word(item->devices[i]->role, command->role))
      continue;
    *quantity = pl_shape_find(&item->devices[i]->shape, command->quantity);
    *asked = pl_inventory_asked(inventory, item->devices[i]);
    if (*quantity && (*quantity)->access & (PL_SET | PL_ACT))
      return (*asked)->device ? PL_OK : pl_fail(err, PL_E_GONE, "%s of %s is not open, so %s cannot be set", (*asked)->rig->name, item->id, command->quantity);
  }
  return pl_fail(err, PL_E_UNSUPPORTED, "%s has no %s%s%s that can be commanded", item->id, command->role ? command->role : "", command->role ? "." : "",
                 command->quantity);
}

static bool is_lie(const struct pl_stack *stack, const struct pl_command *command)
{
  return PL_LIES(stack, LED_OFF) && pl_same_word(command->quantity, "attention");
}

static struct pl_flight *take_off(struct pl_inventory *inventory, struct pl_command *command)
{
  struct pl_flight *flight = calloc(1, sizeof *flight);
  if (!flight)
    return NULL;
  *flight = (struct pl_flight){.inventory = inventory, .command = command, .value_u = command->value_u, .next = inventory->flights};
  return inventory->flights = flight;
}

static void refuse(struct pl_command *command, enum pl_status status, const char *why)
{
  command->status = pl_fail(&command->err, status, "%s.%s was not commanded: %s", command->item->id, command->quantity, why);
  command->done(command);
}

void pl_command_submit(struct pl_stack *stack, struct pl_command *command)
{
  struct pl_inventory *inventory = stack->inventory;
  const struct pl_quantity *quantity = NULL;
  struct pl_err err = {0};
  command->stack = stack;
  command->status = PL_OK;
  command->err = (struct pl_err){0};
  command->reads_back = false;
  if (stack->dead || inventory->halted) {
    refuse(command, PL_E_CANCELLED, "the stack has ended");
    return;
  }
  struct pl_flight *flight = take_off(inventory, command);
  if (!flight) {
    refuse(command, PL_E_NOMEM, "out of memory for it");
    return;
  }
  enum pl_status status = find(inventory, command, &flight->asked, &quantity, &err);
  if (status || is_lie(stack, command)) {
    answer_soon(flight, status, &err);
    return;
  }
  if (PL_LIES(stack, EARLY_ANSWER)) {
    struct pl_flight *early = take_off(inventory, command);
    flight->command = early ? NULL : command;
    if (early)
      answer_soon(early, PL_OK, &err);
  }
  flight->call = (struct pl_call){.device = flight->asked->device, .kind = PL_CALL_SET, .quantity = quantity, .value_u = command->value_u,
                                  .done = on_call, .ctx = flight};
  inventory->in_flight++;
  pl_call_submit(&flight->call);
}

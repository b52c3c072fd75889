/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of a step: each in the trail before it is given, one after another a bus. */
#include "control/procedure/procedure_in.h"

static void done(struct pl_command *command)
{
  struct pl_run_order *order = command->ctx;
  order->finished = true;
  pl_run_poke(order->run);
}

static bool runs_ahead(const struct pl_run_order *order)
{
  for (const struct pl_run_order *other = order->run->orders; other != order; other = other->next)
    if (!other->finished && other->device->bus == order->device->bus)
      return true;
  return false;
}

/* All new ones at once: one wait for the disk. An urgent one does not wait for a store that cannot be written. */
static bool write_new(struct pl_run *run)
{
  struct pl_err err = {0};
  bool any = false;
  for (const struct pl_run_order *order = run->orders; order; order = order->next)
    any = any || !order->written;
  if (!any)
    return true;
  enum pl_status status = pl_store_begin(run->p.stack->store, &err);
  if (!status) {
    for (struct pl_run_order *order = run->orders; order; order = order->next) {
      char text[160];
      snprintf(text, sizeof text, "%s.%s=%g", order->device->name, order->command.quantity, (double)order->command.value_u / (double)PL_U);
      if (!order->written)
        pl_run_trail(run, "command", text, NULL);
    }
    status = pl_store_commit(run->p.stack->store, &err);
  }
  if (status && !run->p.desc->urgent) {
    run->failed = err;
    return false;
  }
  for (struct pl_run_order *order = run->orders; order; order = order->next)
    order->written = true;
  return true;
}

void pl_orders_drop(struct pl_run *run)
{
  for (struct pl_run_order **link = &run->orders; *link;) {
    struct pl_run_order *order = *link;
    if (order->submitted) {
      link = &order->next;
      continue;
    }
    *link = order->next;
    free(order);
  }
}

static void judge(struct pl_run *run, struct pl_run_order *order)
{
  char text[PL_ERR_TEXT_MAX + 100];
  if (!order->command.status)
    return;
  snprintf(text, sizeof text, "%s.%s: %s", order->device->name, order->command.quantity, order->command.err.text);
  pl_run_trail(run, "command-failed", text, NULL);
  if (!order->tolerant && !run->failed.status)
    pl_fail(&run->failed, order->command.status, "%s", order->command.err.text);
}

bool pl_orders_over(struct pl_run *run)
{
  if (!run->orders)
    return true;
  if (!write_new(run))
    pl_orders_drop(run);
  for (struct pl_run_order *order = run->orders; order; order = order->next) {
    if (order->submitted || runs_ahead(order))
      continue;
    order->submitted = true;
    pl_command_submit(run->p.stack, &order->command);
  }
  for (const struct pl_run_order *order = run->orders; order; order = order->next)
    if (!order->finished)
      return false;
  for (struct pl_run_order *order; (order = run->orders);) {
    judge(run, order);
    run->orders = order->next;
    free(order);
  }
  run->p.commanded = pl_run_now(run);
  return true;
}

static enum pl_status add(struct pl_procedure *p, struct pl_item *item, const char *role, const char *quantity, int64_t value_u, bool tolerant, struct pl_err *err)
{
  struct pl_run *run = pl_run_of(p);
  const struct pl_rig_device *device = pl_item_device(item, role);
  if (!device)
    return pl_fail(err, PL_E_UNSUPPORTED, "%s: the rig file gives it no device with role %s that is the stack's", item->id, role);
  if (!pl_shape_find(&device->shape, quantity))
    return pl_fail(err, PL_E_UNSUPPORTED, "%s: %s has no %s", item->id, device->name, quantity);
  struct pl_run_order *order = calloc(1, sizeof *order), **link = &run->orders;
  if (!order)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", item->id);
  *order = (struct pl_run_order){.run = run, .device = device, .tolerant = tolerant};
  order->command = (struct pl_command){.item = item, .role = role, .quantity = quantity, .value_u = value_u, .author = p->desc->kind, .done = done, .ctx = order};
  while (*link)
    link = &(*link)->next;
  *link = order;
  return PL_OK;
}

enum pl_status pl_procedure_command(struct pl_procedure *p, struct pl_item *item, const char *role, const char *quantity, int64_t value_u, struct pl_err *err)
{
  return add(p, item, role, quantity, value_u, false, err);
}

enum pl_status pl_procedure_try(struct pl_procedure *p, struct pl_item *item, const char *role, const char *quantity, int64_t value_u, struct pl_err *err)
{
  return add(p, item, role, quantity, value_u, true, err);
}

bool pl_procedure_fresh(struct pl_procedure *p, const struct pl_item *item, const char *role, const char *quantity, double *value)
{
  const struct pl_sense *sense = pl_item_sense(item, role, quantity);
  if (sense && sense->count && pl_reading_valid(&sense->reading) && sense->reading.at >= p->commanded) {
    *value = (double)sense->reading.value_u / (double)PL_U;
    return true;
  }
  if (sense)
    pl_run_ask(pl_run_of(p), item);
  return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The room: its life, and its round. */
#include "control/placement/placement_in.h"

static void arm(struct pl_placement *all, pl_time_ns at)
{
  pl_time_ns now = pl_room_now(all);
  if (!all->started || all->freeing || all->stack->dead)
    return;
  if (at < now)
    at = now;
  if (!all->timer.slot || all->timer.at > at)
    pl_clock_arm(all->stack->clock, &all->timer, at);
}

void pl_room_poke(struct pl_placement *all)
{
  arm(all, pl_room_now(all));
}

static pl_time_ns next_round(const struct pl_placement *all)
{
  pl_time_ns next = pl_room_now(all) + all->stack->settings.agent_ns, expires = pl_reservations_due(all);
  for (size_t i = 0; i < all->n_hosts; i++)
    if (!all->hosts[i].asking && pl_host_answers(&all->hosts[i]) && all->hosts[i].due > pl_room_now(all) && all->hosts[i].due < next)
      next = all->hosts[i].due;
  return expires < next ? expires : next;
}

static void fire(void *ctx, pl_time_ns now)
{
  struct pl_placement *all = ctx;
  (void)now;
  if (all->freeing || all->stack->dead)
    return;
  pl_hosts_mirror(all);
  pl_reservations_expire(all);
  pl_transfers_forget(all);
  pl_parties_look(all);
  pl_watch_losses(all);
  pl_limits_keep(all);
  pl_drains_look(all);
  pl_watch_load(all);
  pl_watch_idle(all);
  pl_transfers_run(all);
  pl_queue_stand(all);
  pl_queue_try(all);
  for (size_t i = 0; i < all->n_hosts && !all->stack->dead; i++)
    pl_host_work(&all->hosts[i]);
  pl_decisions_round(all);
  arm(all, next_round(all));
}

/* --- others' news --- */

static void on_state(void *ctx, struct pl_item *item, enum pl_state before)
{
  (void)item;
  (void)before;
  pl_room_poke(ctx);
}

static void on_health(void *ctx, struct pl_item *item, enum pl_health before)
{
  (void)item;
  (void)before;
  pl_room_poke(ctx);
}

static void on_procedure(void *ctx, struct pl_procedure *p)
{
  struct pl_placement *all = ctx;
  char id[64];
  if (all->freeing || all->stack->dead || p->state == PL_PROCEDURE_RUNNING || p->state == PL_PROCEDURE_ROLLING_BACK)
    return;
  struct pl_work *work = p->desc == &pl_migrate && pl_procedure_noted(p, "workload", id, sizeof id) ? pl_work_find(all, id) : NULL;
  if (p->desc == &pl_stop_workload)
    pl_retire_poke(all);
  if (work && work->w.task == p->id)
    pl_transfer_over(all, work, !strcmp(work->w.node, work->w.target), p->message);
  pl_room_poke(all);
}

void pl_placement_listen(struct pl_placement *placement, struct pl_placement_listener *listener)
{
  listener->next = placement->listeners;
  placement->listeners = listener;
}

/* --- life --- */

static struct pl_pool_policy policy_of(const struct pl_stack_settings *settings)
{
  return (struct pl_pool_policy){.consolidate = settings->weights[0], .spread = settings->weights[1], .cool = settings->weights[2], .balance = settings->weights[3],
                                 .forecast = settings->weights[4], .no_preemption = !settings->preemption};
}

enum pl_status pl_placement_new(struct pl_stack *stack, struct pl_placement **placement, struct pl_err *err)
{
  struct pl_placement *all = calloc(1, sizeof *all);
  if (!all)
    return pl_fail(err, PL_E_NOMEM, "placement: out of memory");
  all->stack = stack;
  all->timer = (struct pl_timer){.fire = fire, .ctx = all};
  *placement = all; /* what is half made is closed by the stack */
  struct pl_pool_policy policy = policy_of(&stack->settings);
  enum pl_status status = pl_pool_new(&policy, &all->pool, err);
  if (!status)
    pl_decisions_new(all, &policy);
  if (!status)
    status = pl_hosts_new(all, err);
  if (!status)
    status = pl_works_read(all, err);
  if (status)
    return status;
  pl_reservations_read(all);
  all->on_items = (struct pl_item_listener){.state = on_state, .health = on_health, .ctx = all};
  all->on_procedures = (struct pl_procedure_listener){.changed = on_procedure, .ctx = all};
  pl_inventory_listen(stack->inventory, &all->on_items);
  pl_procedures_listen(stack->procedures, &all->on_procedures);
  return PL_OK;
}

void pl_placement_free(struct pl_placement *all)
{
  if (!all)
    return;
  all->freeing = true;
  pl_clock_disarm(all->stack->clock, &all->timer);
  pl_hosts_free(all);
  for (struct pl_work *work = all->first, *next; work; work = next) {
    next = pl_work_next(work);
    pl_work_free(work);
  }
  while (all->reservations) {
    struct pl_reservation *reservation = all->reservations;
    all->reservations = reservation->next;
    free(reservation);
  }
  while (all->planned) {
    struct pl_planned *planned = all->planned;
    all->planned = planned->next;
    free(planned);
  }
  pl_pool_free(all->pool);
  pl_recorder_free(all->recorder);
  free(all);
}

void pl_placement_look(struct pl_placement *placement)
{
  pl_hosts_mirror(placement);
}

/* After the procedures were taken up: a move that none of them has is over, and its workload is where its row says. */
enum pl_status pl_placement_start(struct pl_placement *all, struct pl_err *err)
{
  (void)err;
  all->started = true;
  for (struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (work->w.state == PL_WORKLOAD_MOVING && !work->move.active) {
      work->returning = false; /* it has not tried yet */
      pl_transfer_over(all, work, !strcmp(work->w.node, work->w.target), "the stack ended before it began");
    }
  pl_room_poke(all);
  return PL_OK;
}

struct pl_pool *pl_placement_pool(struct pl_placement *placement)
{
  return placement->pool;
}

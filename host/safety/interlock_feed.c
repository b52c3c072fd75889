/* SPDX-License-Identifier: Apache-2.0 */
/* Buses with a worker (I2C, Modbus, GPIO behind USB): their signals are read round by round and their outputs set when the tick orders it. All of it runs
 * on the feeder's thread and the buses' workers; the tick only sees the last value and its time, and leaves its orders. */
#include "host/safety/interlock_in.h"

#define AGAIN_NS (20 * PL_MS) /* an output that did not take is set again */
#define TIMEOUT_LEAST (200 * PL_MS)

/* --- between the threads: one writer, one reader, no lock --- */

static void put(struct pl_il_work_signal *signal, const struct pl_reading *reading, enum pl_status status)
{
  atomic_fetch_add(&signal->turn, 1);
  if (!status) {
    atomic_store(&signal->value_u, reading->value_u);
    atomic_store(&signal->at, reading->at);
  }
  atomic_store(&signal->status, (int)status);
  atomic_fetch_add(&signal->turn, 1);
}

bool pl_il_take(struct pl_il_work_signal *signal, struct pl_il_reading *reading)
{
  unsigned turn = atomic_load(&signal->turn);
  *reading = (struct pl_il_reading){.value_u = atomic_load(&signal->value_u), .at = atomic_load(&signal->at), .status = (enum pl_status)atomic_load(&signal->status)};
  if (turn % 2 || turn != atomic_load(&signal->turn))
    return false; /* it is being written; whoever writes wakes the tick afterwards */
  return reading->status || reading->at != signal->last.at;
}

void pl_il_order(struct pl_interlock *il, size_t o, int64_t value_u)
{
  struct pl_il_work_output *output = &il->outputs[o];
  atomic_store(&output->order_u, value_u);
  atomic_fetch_add(&output->asked, 1);
  if (il->is_virtual)
    pl_il_feed_kick(il);
  else
    pl_clock_wake(il->clock);
}

/* --- a bus's turn --- */

static void go_on(struct pl_il_work_bus *bus);

static void submit(struct pl_il_work_bus *bus, struct pl_call *call, enum pl_call_kind kind, void (*done)(struct pl_call *call))
{
  pl_time_ns every = bus->interlock->rules->buses[bus->index].every;
  call->kind = kind;
  call->timeout_ns = 2 * every > TIMEOUT_LEAST ? 2 * every : TIMEOUT_LEAST;
  call->done = done;
  call->ctx = bus;
  bus->busy = true;
  pl_call_submit(call);
}

static void signal_done(struct pl_call *call)
{
  struct pl_il_work_bus *bus = call->ctx;
  bus->busy = false;
  put(&bus->interlock->signals[bus->next++], &call->reading, call->job.status);
  pl_il_wake(bus->interlock);
  if (call->job.status != PL_E_CANCELLED)
    go_on(bus);
}

static void try_again(struct pl_il_work_bus *bus, struct pl_il_work_output *output)
{
  output->begun--; /* the order is still to be carried out */
  bus->settling = false;
  bus->pausing = true;
  pl_clock_arm(bus->interlock->clock, &bus->timer, pl_clock_now(bus->interlock->clock) + AGAIN_NS);
}

static void output_done(struct pl_call *call)
{
  struct pl_il_work_bus *bus = call->ctx;
  struct pl_il_work_output *output = &bus->interlock->outputs[bus->output];
  bool set = call->kind == PL_CALL_SET, good = !call->job.status && (set || call->reading.value_u == call->value_u);
  bus->busy = false;
  if (call->job.status == PL_E_CANCELLED)
    return;
  if (!good) {
    try_again(bus, output);
    return;
  }
  atomic_store(set ? &output->set_time : &output->back_time, call->job.finished);
  atomic_store(set ? &output->set : &output->read_back, output->begun);
  bus->settling = set;
  pl_il_wake(bus->interlock);
  go_on(bus);
}

/* The next output whose last order is not carried out. */
static bool find_order(struct pl_il_work_bus *bus)
{
  struct pl_interlock *il = bus->interlock;
  for (size_t o = 0; o < il->rules->n_outputs; o++)
    if (il->rules->outputs[o].bus == bus->index && il->outputs[o].begun != atomic_load(&il->outputs[o].asked)) {
      bus->output = o;
      return true;
    }
  return false;
}

static bool find_signal(struct pl_il_work_bus *bus)
{
  const struct pl_interlock_rules *rules = bus->interlock->rules;
  while (bus->next < rules->n_signals && rules->signals[bus->next].bus != bus->index)
    bus->next++;
  return bus->next < rules->n_signals;
}

/* Orders first: a reading may wait. */
static void go_on(struct pl_il_work_bus *bus)
{
  struct pl_interlock *il = bus->interlock;
  struct pl_il_work_output *output = &il->outputs[bus->output];
  if (bus->busy || atomic_load(&il->stop))
    return;
  if (bus->settling && output->begun == atomic_load(&output->asked)) {
    submit(bus, &output->call, PL_CALL_GET, output_done);
    return;
  }
  bus->settling = false;
  if (!bus->timer.slot && find_order(bus)) {
    output = &il->outputs[bus->output];
    output->begun = atomic_load(&output->asked);
    output->call.value_u = atomic_load(&output->order_u);
    submit(bus, &output->call, PL_CALL_SET, output_done);
  } else if (find_signal(bus)) {
    submit(bus, &il->signals[bus->next].call, PL_CALL_GET, signal_done);
  } else if (!bus->timer.slot) {
    pl_clock_arm(il->clock, &bus->timer, bus->round_at + il->rules->buses[bus->index].every);
  }
}

static void next_round(void *ctx, pl_time_ns now)
{
  struct pl_il_work_bus *bus = ctx;
  bus->pausing = false;
  if (bus->next >= bus->interlock->rules->n_signals) {
    bus->next = 0;
    bus->round_at = now;
  }
  go_on(bus);
}

void pl_il_feed_kick(struct pl_interlock *il)
{
  for (size_t b = 0; b < il->rules->n_buses; b++) {
    struct pl_il_work_bus *bus = &il->buses[b];
    if (bus->direct || bus->busy || bus->pausing || !find_order(bus))
      continue;
    pl_clock_disarm(il->clock, &bus->timer); /* the round that it would begin comes after the order */
    go_on(bus);
  }
}

void pl_il_feed_start(struct pl_interlock *il)
{
  for (size_t b = 0; b < il->rules->n_buses; b++) {
    struct pl_il_work_bus *bus = &il->buses[b];
    bus->timer = (struct pl_timer){.fire = next_round, .ctx = bus};
    bus->round_at = pl_clock_now(il->clock);
    if (!bus->direct && il->rules->buses[b].signals) {
      bus->next = il->rules->n_signals; /* each was read when it was opened */
      pl_clock_arm(il->clock, &bus->timer, bus->round_at + il->rules->buses[b].every);
    }
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Buses with a worker (I2C, Modbus, GPIO behind USB): their signals are read round by round and their outputs set when the tick orders it. All of it runs
 * on the feeder's thread and the buses' workers; the tick only sees the last value and its time, and leaves its orders. */
#include "host/safety/interlock_in.h"

#define AGAIN_NS (20 * PL_MS)   /* an output that did not take is set again: after this, then twice this, up to AGAIN_MOST times */
#define AGAIN_MOST 5
#define VERIFY_NS (100 * PL_MS) /* one that a rule holds is looked at */
#define UNSURE_NS (3 * VERIFY_NS) /* one that could not be looked at for so long is not confirmed any more */
#define AGAIN_TIMEOUT (200 * PL_MS) /* one that did not take in the time that `within` leaves may only be slow */

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

static void submit(struct pl_il_work_bus *bus, struct pl_call *call, enum pl_call_kind kind, void (*done)(struct pl_call *call), bool again)
{
  pl_time_ns patience = bus->interlock->rules->buses[bus->index].patience;
  call->kind = kind;
  call->timeout_ns = again && patience < AGAIN_TIMEOUT ? AGAIN_TIMEOUT : patience;
  call->done = done;
  call->ctx = bus;
  bus->busy = true;
  pl_call_submit(call);
}

static void signal_done(struct pl_call *call)
{
  struct pl_il_work_bus *bus = call->ctx;
  bus->busy = false;
  bus->chore = true; /* an output that is tried again or looked at has its turn */
  put(&bus->interlock->signals[bus->next++], &call->reading, call->job.status);
  pl_il_wake(bus->interlock);
  if (call->job.status != PL_E_CANCELLED)
    go_on(bus);
}

/* The order is still to be carried out, or was undone behind our back: a relay that fell back, an adapter that came back with its outputs released. */
static void owe(struct pl_il_work_output *output, const struct pl_call *call, pl_time_ns now)
{
  bool surely = call->kind == PL_CALL_GET && !call->job.status; /* it was read, and is not so */
  if (atomic_load(&output->read_back) == output->begun && (surely || now - output->seen_at >= UNSURE_NS))
    atomic_store(&output->read_back, output->begun - 1);
  output->owed = true;
  output->fails += output->fails < AGAIN_MOST;
  output->due = now + output->fails * AGAIN_NS;
}

static void was_set(struct pl_il_work_output *output, const struct pl_call *call, pl_time_ns now)
{
  if (call->job.status) {
    owe(output, call, now);
    return;
  }
  output->owed = false;
  output->due = now; /* to be read back */
  atomic_store(&output->set_time, call->job.finished);
  atomic_store(&output->set, output->begun);
}

static void was_read(struct pl_il_work_output *output, const struct pl_call *call, bool held, pl_time_ns now)
{
  if (call->job.status || call->reading.value_u != call->value_u) {
    owe(output, call, now);
    return;
  }
  if (atomic_load(&output->read_back) != output->begun)
    atomic_store(&output->back_time, call->job.finished);
  output->seen_at = now;
  output->fails = 0;
  output->due = held ? now + VERIFY_NS : PL_NEVER;
  atomic_store(&output->read_back, output->begun);
}

static void output_done(struct pl_call *call)
{
  struct pl_il_work_bus *bus = call->ctx;
  struct pl_interlock *il = bus->interlock;
  struct pl_il_work_output *output = &il->outputs[bus->output];
  bus->busy = bus->chore = false;
  if (call->job.status == PL_E_CANCELLED)
    return;
  pl_time_ns now = pl_clock_now(il->clock);
  if (output->begun != atomic_load(&output->asked))
    output->due = PL_NEVER; /* ordered anew meanwhile: that comes next */
  else if (call->kind == PL_CALL_SET)
    was_set(output, call, now);
  else
    was_read(output, call, call->value_u == il->rules->outputs[bus->output].value_u, now);
  pl_il_wake(il);
  go_on(bus);
}

enum errand { ORDER, CHORE };

/* The next output, from the one after the last on, that was ordered anew; or whose order is to be tried again or looked at. No output can keep another
 * from its turn. */
static bool find_output(struct pl_il_work_bus *bus, enum errand errand, pl_time_ns now)
{
  struct pl_interlock *il = bus->interlock;
  size_t n = il->rules->n_outputs;
  for (size_t i = 1; i <= n; i++) {
    size_t o = (bus->output + i) % n;
    const struct pl_il_work_output *output = &il->outputs[o];
    if (il->rules->outputs[o].bus != bus->index)
      continue;
    bool ordered = output->begun != atomic_load(&output->asked);
    if (errand == ORDER ? ordered : !ordered && output->due <= now) {
      bus->output = o;
      return true;
    }
  }
  return false;
}

static bool find_signal(struct pl_il_work_bus *bus, pl_time_ns now)
{
  const struct pl_interlock_rules *rules = bus->interlock->rules;
  if (bus->next >= rules->n_signals && now >= bus->round_at + rules->buses[bus->index].every) {
    bus->next = 0;
    bus->round_at = now;
  }
  while (bus->next < rules->n_signals && rules->signals[bus->next].bus != bus->index)
    bus->next++;
  return bus->next < rules->n_signals;
}

/* When there is something to do again, if nothing is ordered before. */
static pl_time_ns next_errand(const struct pl_il_work_bus *bus)
{
  const struct pl_interlock *il = bus->interlock;
  const struct pl_il_bus *rule = &il->rules->buses[bus->index];
  pl_time_ns next = rule->signals ? bus->round_at + rule->every : PL_NEVER;
  for (size_t o = 0; o < il->rules->n_outputs; o++)
    if (il->rules->outputs[o].bus == bus->index && il->outputs[o].due < next)
      next = il->outputs[o].due;
  return next;
}

static void set_output(struct pl_il_work_bus *bus)
{
  struct pl_il_work_output *output = &bus->interlock->outputs[bus->output];
  if (output->begun != atomic_load(&output->asked)) {
    output->begun = atomic_load(&output->asked);
    output->call.value_u = atomic_load(&output->order_u);
    output->fails = 0;
  }
  output->due = PL_NEVER;
  submit(bus, &output->call, PL_CALL_SET, output_done, output->fails > 1);
}

static void tend_output(struct pl_il_work_bus *bus)
{
  struct pl_il_work_output *output = &bus->interlock->outputs[bus->output];
  if (output->owed) {
    set_output(bus);
    return;
  }
  output->due = PL_NEVER;
  submit(bus, &output->call, PL_CALL_GET, output_done, output->fails > 1);
}

/* New orders first: anything else may wait. Then signals, in turn with outputs that are tried again or looked at. */
static void go_on(struct pl_il_work_bus *bus)
{
  struct pl_interlock *il = bus->interlock;
  if (bus->busy || atomic_load(&il->stop))
    return;
  pl_time_ns now = pl_clock_now(il->clock);
  pl_clock_disarm(il->clock, &bus->timer);
  if (find_output(bus, ORDER, now))
    set_output(bus);
  else if (bus->chore && find_output(bus, CHORE, now))
    tend_output(bus);
  else if (find_signal(bus, now))
    submit(bus, &il->signals[bus->next].call, PL_CALL_GET, signal_done, false);
  else if (find_output(bus, CHORE, now))
    tend_output(bus);
  else if (next_errand(bus) != PL_NEVER)
    pl_clock_arm(il->clock, &bus->timer, next_errand(bus));
}

static void on_timer(void *ctx, pl_time_ns now)
{
  (void)now;
  go_on(ctx);
}

void pl_il_feed_kick(struct pl_interlock *il)
{
  for (size_t b = 0; b < il->rules->n_buses; b++) {
    struct pl_il_work_bus *bus = &il->buses[b];
    if (!bus->direct && !bus->busy && find_output(bus, ORDER, 0))
      go_on(bus);
  }
}

void pl_il_feed_start(struct pl_interlock *il)
{
  for (size_t b = 0; b < il->rules->n_buses; b++) {
    struct pl_il_work_bus *bus = &il->buses[b];
    bus->timer = (struct pl_timer){.fire = on_timer, .ctx = bus};
    bus->round_at = pl_clock_now(il->clock);
    for (size_t o = 0; o < il->rules->n_outputs; o++)
      if (il->rules->outputs[o].bus == b)
        il->outputs[o].due = PL_NEVER;
    if (!bus->direct && il->rules->buses[b].signals) {
      bus->next = il->rules->n_signals; /* each was read when it was opened */
      pl_clock_arm(il->clock, &bus->timer, bus->round_at + il->rules->buses[b].every);
    }
  }
}

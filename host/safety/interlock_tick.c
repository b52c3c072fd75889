/* SPDX-License-Identifier: Apache-2.0 */
/* The tick: looks at the signals, judges the rules, sets outputs. In real time it runs on the interlock's own thread; nothing here allocates, and what it
 * waits for is at most a system call on a GPIO line or a lock that only the interlock's own threads take. */
#include "host/safety/interlock_in.h"

#define AGAIN_NS (2 * PL_MS)     /* an output that did not take or read back is tried again */
#define VERIFY_NS (100 * PL_MS)  /* one that a rule holds is looked at */

static pl_time_ns sooner(pl_time_ns a, pl_time_ns b)
{
  return a < b ? a : b;
}

void pl_il_wake(struct pl_interlock *il)
{
  if (atomic_load(&il->stop))
    return;
  if (il->is_virtual)
    pl_clock_arm(il->main, &il->timer, pl_clock_now(il->main));
  else
    pl_clock_wake(il->alarm);
}

/* --- looking --- */

/* A change back and forth between two looks is seen for one tick: a rule without dwell acts on it, one with dwell begins anew. */
static void take_edges(struct pl_interlock *il, size_t i, const struct pl_il_reading *before, struct pl_il_reading *now)
{
  struct pl_gpio_edges edges;
  struct pl_il_work_signal *signal = &il->signals[i];
  struct pl_err ignored = {0};
  if (!(signal->call.quantity->access & PL_EDGES) || pl_device_edges(signal->call.device, signal->call.quantity, &edges, &ignored))
    return;
  now->risen = edges.rising;
  now->fallen = edges.falling;
  bool moved = before->at != PL_NEVER && (edges.rising != before->risen || edges.falling != before->fallen);
  if (moved && !now->value_u == !before->value_u) {
    now->value_u = now->value_u ? 0 : PL_U;
    atomic_store(&il->buses[il->rules->signals[i].bus].dirty, true);
  }
  pl_time_ns edge = now->value_u ? edges.last_rising : edges.last_falling;
  if (edge != PL_NEVER && (moved || before->at == PL_NEVER || !now->value_u != !before->value_u))
    now->changed = edge;
}

static void take(struct pl_interlock *il, size_t i, const struct pl_il_reading *got)
{
  struct pl_il_reading *last = &il->signals[i].last, before = *last;
  last->status = got->status;
  if (got->status)
    return; /* the last good one counts until it is stale */
  *last = *got;
  last->risen = before.risen;
  last->fallen = before.fallen;
  bool flag = il->rules->signals[i].quantity->dim == PL_DIM_FLAG;
  last->changed = flag && before.at != PL_NEVER && !before.value_u == !got->value_u ? before.changed : got->at;
  if (il->buses[il->rules->signals[i].bus].direct)
    take_edges(il, i, &before, last);
}

static void look_direct(struct pl_interlock *il, size_t bus)
{
  for (size_t i = 0; i < il->rules->n_signals; i++) {
    struct pl_call *call = &il->signals[i].call;
    if (il->rules->signals[i].bus != bus)
      continue;
    call->kind = PL_CALL_GET;
    enum pl_status status = pl_call_here(call);
    const struct pl_il_reading got = {.value_u = call->reading.value_u, .status = status, .at = call->reading.at};
    take(il, i, &got);
  }
}

static pl_time_ns look(struct pl_interlock *il, pl_time_ns now)
{
  pl_time_ns next = PL_NEVER;
  for (size_t b = 0; b < il->rules->n_buses; b++) {
    struct pl_il_work_bus *bus = &il->buses[b];
    if (!bus->direct || !il->rules->buses[b].signals)
      continue;
    if (atomic_exchange(&bus->dirty, false) || now >= bus->look_at) {
      look_direct(il, b);
      bus->look_at = now + il->rules->buses[b].every;
    }
    next = sooner(next, atomic_load(&bus->dirty) ? now : bus->look_at);
  }
  struct pl_il_reading got;
  for (size_t i = 0; i < il->rules->n_signals; i++)
    if (!il->buses[il->rules->signals[i].bus].direct && pl_il_take(&il->signals[i], &got))
      take(il, i, &got);
  return next;
}

/* What the rules go by: a signal that was not read for too long is not readable, whatever it said last. */
static pl_time_ns age(struct pl_interlock *il, size_t i, pl_time_ns now)
{
  struct pl_il_work_signal *signal = &il->signals[i];
  struct pl_il_reading *reading = &il->readings[i];
  *reading = signal->last;
  pl_time_ns until = signal->last.at == PL_NEVER ? now : signal->last.at + il->rules->signals[i].stale;
  bool blind = now >= until;
  reading->status = !blind ? PL_OK : signal->last.status ? signal->last.status : PL_E_TIMEOUT;
  if (blind != signal->blind) {
    const struct pl_il_told told = {.what = blind ? PL_INTERLOCK_UNREADABLE : PL_INTERLOCK_READABLE, .rule = -1, .signal = i, .output = SIZE_MAX, .at = now,
                                    .status = reading->status};
    signal->blind = blind;
    pl_il_tell(il, &told);
  }
  return blind ? PL_NEVER : until;
}

/* --- acting --- */

/* Whether all rules that set it have seen for once that it may be let go: at arming nothing is known, and what is open then stays so. */
static bool is_cleared(const struct pl_interlock *il, size_t o)
{
  uint64_t cleared = atomic_load(&il->cleared);
  for (size_t k = 0; k < il->rules->n_rules; k++)
    for (size_t i = 0; i < il->rules->rules[k].n_outputs; i++)
      if (il->rules->rules[k].outputs[i] == o && !(cleared >> k & 1))
        return false;
  return true;
}

static int64_t wanted(const struct pl_interlock *il, size_t o)
{
  return il->outputs[o].holders ? il->rules->outputs[o].value_u : il->outputs[o].rest_u;
}

static bool is_direct(const struct pl_interlock *il, size_t o)
{
  return il->buses[il->rules->outputs[o].bus].direct;
}

static void drive(struct pl_interlock *il, size_t o, pl_time_ns now)
{
  struct pl_il_work_output *output = &il->outputs[o];
  output->confirmed = false;
  if (!is_direct(il, o)) {
    pl_il_order(il, o, wanted(il, o));
    output->driven = true;
    output->set_at = PL_NEVER; /* not yet */
    return;
  }
  output->call.kind = PL_CALL_SET;
  output->call.value_u = wanted(il, o);
  output->driven = !pl_call_here(&output->call);
  output->set_at = output->driven ? output->call.job.finished : PL_NEVER;
  output->look_at = output->driven ? now : now + AGAIN_NS;
}

/* What was set by a bus's worker, and when. */
static void take_order(struct pl_il_work_output *output)
{
  unsigned asked = atomic_load(&output->asked);
  if (atomic_load(&output->set) == asked)
    output->set_at = atomic_load(&output->set_time);
  output->confirmed = atomic_load(&output->read_back) == asked;
  if (output->confirmed)
    output->confirmed_at = atomic_load(&output->back_time);
}

static void read_back(struct pl_interlock *il, size_t o, pl_time_ns now)
{
  struct pl_il_work_output *output = &il->outputs[o];
  if (!is_direct(il, o)) {
    take_order(output);
    return;
  }
  output->call.kind = PL_CALL_GET;
  bool good = !pl_call_here(&output->call) && output->call.reading.value_u == wanted(il, o);
  if (good && !output->confirmed)
    output->confirmed_at = output->call.reading.at;
  if (!good)
    output->driven = false; /* set once more */
  output->confirmed = good;
  output->look_at = now + (good ? VERIFY_NS : AGAIN_NS);
}

static pl_time_ns tend(struct pl_interlock *il, size_t o, pl_time_ns now)
{
  struct pl_il_work_output *output = &il->outputs[o];
  if (output->driven && output->confirmed && !output->holders)
    return PL_NEVER;
  if (!output->driven && !output->holders && !is_cleared(il, o))
    return PL_NEVER;
  if (!is_direct(il, o)) {
    if (!output->driven)
      drive(il, o, now);
    take_order(output); /* the feeder looks at it, and takes back that it is confirmed when it is not any more */
    return PL_NEVER;    /* and wakes the tick */
  }
  if (!output->driven && now >= output->look_at)
    drive(il, o, now);
  if (output->driven && now >= output->look_at)
    read_back(il, o, now);
  return output->look_at;
}

/* --- judging --- */

static void tell_rule(struct pl_interlock *il, size_t k, enum pl_interlock_what what, size_t signal, size_t output, pl_time_ns done)
{
  const struct pl_il_rule *rule = &il->rules->rules[k];
  const struct pl_il_work_rule *work = &il->work[k];
  struct pl_il_told told = {.what = what, .rule = (int)k, .signal = signal, .output = output, .since = work->since, .at = work->tripped_at, .done = done};
  told.status = signal == SIZE_MAX ? PL_OK : il->readings[signal].status;
  for (size_t n = 0; n < rule->n_nodes && told.n < PL_IL_TOLD_MAX; n++)
    if (rule->nodes[n].op == PL_IL_FLAG || rule->nodes[n].op == PL_IL_COMPARE) {
      told.seen[told.n].signal = rule->nodes[n].signal;
      told.seen[told.n++].reading = il->readings[rule->nodes[n].signal];
    }
  pl_il_tell(il, &told);
}

static void trip(struct pl_interlock *il, size_t k, const struct pl_il_verdict *verdict, pl_time_ns now)
{
  const struct pl_il_rule *rule = &il->rules->rules[k];
  struct pl_il_work_rule *work = &il->work[k];
  pl_time_ns done = now;
  work->tripped = true;
  work->settled = work->doubted = false;
  work->tripped_at = now;
  if (verdict->truth == PL_IL_UNKNOWN)
    work->since = work->unknown_since;
  for (size_t i = 0; i < rule->n_outputs; i++) {
    struct pl_il_work_output *output = &il->outputs[rule->outputs[i]];
    if (!output->holders++ || !output->confirmed)
      drive(il, rule->outputs[i], now);
    if (output->set_at != PL_NEVER && output->set_at > done)
      done = output->set_at;
  }
  bool blind = verdict->truth == PL_IL_UNKNOWN;
  tell_rule(il, k, blind ? PL_INTERLOCK_BLIND : PL_INTERLOCK_TRIPPED, verdict->signal, SIZE_MAX, done);
  unsigned trips = atomic_load(&il->states[k]) / PL_IL_STATE_TRIPS + 1;
  atomic_store(&il->states[k], trips * PL_IL_STATE_TRIPS + (blind ? PL_IL_STATE_BLIND : 0) + PL_IL_STATE_TRIPPED);
}

/* The condition came to hold with the last change of its signals, and not before the last time that it was seen not to. A signal that was unsafe for an hour
 * makes no dwell of an hour for one that has just followed it. */
static pl_time_ns begin_of(const struct pl_interlock *il, size_t k, pl_time_ns from, pl_time_ns now)
{
  const struct pl_il_rule *rule = &il->rules->rules[k];
  pl_time_ns since = il->work[k].safe_at > from ? il->work[k].safe_at : from;
  for (size_t n = 0; n < rule->n_nodes; n++) {
    if (rule->nodes[n].op != PL_IL_FLAG && rule->nodes[n].op != PL_IL_COMPARE)
      continue;
    const struct pl_il_reading *reading = &il->readings[rule->nodes[n].signal];
    if (!reading->status && reading->changed > since)
      since = reading->changed;
  }
  return since < now ? since : now;
}

/* Whether the rules that this one goes by let it act; *from: since when. */
static bool is_active(const struct pl_interlock *il, const struct pl_il_rule *rule, pl_time_ns *from)
{
  bool active = true;
  *from = 0;
  for (size_t i = 0; i < rule->n_after; i++) {
    const struct pl_il_work_rule *before = &il->work[rule->after[i]];
    active &= before->tripped;
    if (before->tripped && before->tripped_at > *from)
      *from = before->tripped_at;
  }
  for (size_t i = 0; i < rule->n_unless; i++)
    active &= !il->work[rule->unless[i]].tripped;
  return active;
}

static pl_time_ns judge(struct pl_interlock *il, size_t k, pl_time_ns now)
{
  const struct pl_il_rule *rule = &il->rules->rules[k];
  struct pl_il_work_rule *work = &il->work[k];
  struct pl_il_verdict verdict = pl_il_judge(rule, il->readings);
  pl_time_ns from;
  if (!is_active(il, rule, &from))
    verdict.truth = PL_IL_SAFE;
  if (verdict.truth != PL_IL_UNKNOWN)
    work->unknown_since = PL_NEVER;
  if (verdict.truth == PL_IL_SAFE) {
    work->since = PL_NEVER;
    work->safe_at = now;
    atomic_fetch_or(&il->cleared, (uint64_t)1 << k);
    return PL_NEVER;
  }
  bool unknown = verdict.truth == PL_IL_UNKNOWN;
  pl_time_ns *since = unknown ? &work->unknown_since : &work->since;
  if (*since == PL_NEVER)
    *since = unknown ? now : begin_of(il, k, from, now);
  pl_time_ns due = *since + (unknown ? rule->grace : rule->dwell);
  if (now < due)
    return due;
  trip(il, k, &verdict, now);
  return now;
}

/* After a trip: until every output reads back as it should. */
static pl_time_ns settle(struct pl_interlock *il, size_t k, pl_time_ns now)
{
  const struct pl_il_rule *rule = &il->rules->rules[k];
  struct pl_il_work_rule *work = &il->work[k];
  size_t open = SIZE_MAX;
  pl_time_ns done = work->tripped_at, late = work->tripped_at + rule->within;
  for (size_t i = 0; i < rule->n_outputs; i++) {
    const struct pl_il_work_output *output = &il->outputs[rule->outputs[i]];
    if (!output->confirmed)
      open = open == SIZE_MAX ? rule->outputs[i] : open;
    else if (output->confirmed_at > done)
      done = output->confirmed_at;
  }
  if (open != SIZE_MAX)
    work->settled = false;
  if (open == SIZE_MAX && !work->settled) {
    work->settled = true;
    work->doubted = false;
    tell_rule(il, k, PL_INTERLOCK_CONFIRMED, SIZE_MAX, SIZE_MAX, done);
  } else if (open != SIZE_MAX && !work->doubted && now >= late) {
    work->doubted = true;
    tell_rule(il, k, PL_INTERLOCK_DOUBTED, SIZE_MAX, open, now);
  }
  return open != SIZE_MAX && !work->doubted ? late : PL_NEVER;
}

/* --- resets --- */

static void release(struct pl_interlock *il, size_t k, pl_time_ns now)
{
  const struct pl_il_rule *rule = &il->rules->rules[k];
  struct pl_il_work_rule *work = &il->work[k];
  *work = (struct pl_il_work_rule){.since = PL_NEVER, .unknown_since = PL_NEVER, .safe_at = now, .tripped_at = now};
  atomic_fetch_or(&il->cleared, (uint64_t)1 << k);
  for (size_t i = 0; i < rule->n_outputs; i++) {
    struct pl_il_work_output *output = &il->outputs[rule->outputs[i]];
    if (--output->holders)
      continue;
    output->driven = output->confirmed = false;
    output->look_at = now;
  }
  tell_rule(il, k, PL_INTERLOCK_RESET, SIZE_MAX, SIZE_MAX, now);
  atomic_fetch_and(&il->states[k], ~(unsigned)(PL_IL_STATE_BLIND | PL_IL_STATE_TRIPPED));
}

static void take_resets(struct pl_interlock *il, pl_time_ns now)
{
  uint64_t asked = atomic_exchange(&il->resets, 0);
  for (size_t k = 0; asked && k < il->rules->n_rules; k++) {
    if (!(asked >> k & 1))
      continue;
    struct pl_il_verdict verdict = pl_il_judge(&il->rules->rules[k], il->readings);
    if (!il->work[k].tripped)
      tell_rule(il, k, PL_INTERLOCK_RESET, SIZE_MAX, SIZE_MAX, now);
    else if (verdict.truth == PL_IL_SAFE)
      release(il, k, now);
    else
      tell_rule(il, k, PL_INTERLOCK_REFUSED, verdict.signal, SIZE_MAX, now);
  }
}

pl_time_ns pl_il_tick(struct pl_interlock *il, pl_time_ns now)
{
  pl_time_ns next = look(il, now);
  for (size_t i = 0; i < il->rules->n_signals; i++)
    next = sooner(next, age(il, i, now));
  take_resets(il, now);
  for (size_t k = 0; k < il->rules->n_rules; k++)
    if (!il->work[k].tripped)
      next = sooner(next, judge(il, k, now));
  for (size_t o = 0; o < il->rules->n_outputs; o++)
    next = sooner(next, tend(il, o, now));
  for (size_t k = 0; k < il->rules->n_rules; k++)
    if (il->work[k].tripped)
      next = sooner(next, settle(il, k, now));
  return next;
}

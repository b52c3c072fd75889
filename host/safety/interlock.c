/* SPDX-License-Identifier: Apache-2.0 */
/* Opens what the rules need, starts the threads that carry them out, and ends it all. */
#include "host/safety/interlock_in.h"

#include "drivers/base/thread.h"
#include "drivers/bus/gpio.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>

#define PRIORITY 60     /* above what a desktop uses, below the kernel's own threads of 99 */
#define STACK_TOUCHED (64 * 1024)
#define FIRST_NS (500 * PL_MS) /* until a signal must have been read once */
#define AGAIN_NS (5 * PL_MS)
#define READY_NS (10 * PL_S)  /* a rule is waited for at most so long */

/* --- opening --- */

static void on_edge(void *ctx) /* on the adapter's thread */
{
  struct pl_il_work_bus *bus = ctx;
  atomic_store(&bus->dirty, true);
  pl_il_wake(bus->interlock);
}

static enum pl_status open_buses(struct pl_interlock *il, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (size_t b = 0; b < il->rules->n_buses && !status; b++) {
    struct pl_il_work_bus *bus = &il->buses[b];
    const struct pl_rig_bus *rig = il->rules->buses[b].rig;
    bus->interlock = il;
    bus->index = b;
    status = pl_bench_open_bus(il->bench, rig, il->clock, &bus->bus, err);
  }
  return status;
}

/* Once the devices have their lines it is known which chips they are on, and which of their contacts tell of changes. What the rules were timed by when they were
 * compiled went by the adapters' names alone. */
static enum pl_status time_again(struct pl_interlock *il, struct pl_err *err)
{
  for (size_t b = 0; b < il->rules->n_buses; b++) {
    struct pl_il_work_bus *bus = &il->buses[b];
    bool gpio = il->rules->buses[b].rig->kind == PL_BUS_GPIO;
    bus->direct = gpio && (pl_gpio_caps(bus->bus) & PL_GPIO_CAP_DIRECT);
    il->own->buses[b].wired = gpio && !bus->direct;
    if (bus->direct)
      pl_gpio_hook(bus->bus, on_edge, bus);
  }
  for (size_t i = 0; i < il->rules->n_signals; i++) {
    const struct pl_il_signal *signal = &il->rules->signals[i];
    struct pl_gpio_edges edges = {0};
    struct pl_err ignored = {0};
    if (il->buses[signal->bus].direct && (signal->quantity->access & PL_EDGES) &&
        !pl_device_edges(il->devices[signal->device - il->rules->rig->devices], signal->quantity, &edges, &ignored))
      il->own->buses[signal->bus].sampled |= edges.sampled;
  }
  pl_il_time_buses(il->own);
  return pl_il_check(il->own, err);
}

static struct pl_bus *bus_of(const struct pl_interlock *il, const struct pl_rig_bus *bus)
{
  for (size_t b = 0; b < il->rules->n_buses; b++)
    if (il->rules->buses[b].rig == bus)
      return il->buses[b].bus;
  return NULL;
}

static enum pl_status open_devices(struct pl_interlock *il, struct pl_err *err)
{
  const struct pl_rig *rig = il->rules->rig;
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < rig->n_devices && !status; i++) {
    const struct pl_rig_device *device = &rig->devices[i];
    if (device->owner != PL_OWNER_INTERLOCK)
      continue;
    const struct pl_device_args args = {.name = device->name, .bus = bus_of(il, device->bus), .values = &device->values, .shape = &device->shape};
    status = pl_device_open(device->desc, &args, &il->devices[i], err);
  }
  return status;
}

static struct pl_call call_of(const struct pl_interlock *il, const struct pl_rig_device *device, const struct pl_quantity *quantity)
{
  return (struct pl_call){.device = il->devices[device - il->rules->rig->devices], .kind = PL_CALL_GET, .quantity = quantity};
}

/* Before there are threads: whichever way the bus goes, this thread waits. */
static enum pl_status ask(const struct pl_interlock *il, size_t bus, struct pl_call *call)
{
  struct pl_err ignored = {0};
  return il->buses[bus].direct ? pl_call_here(call) : pl_call_run(call, &ignored);
}

/* A chip that has just been set up needs a moment for its first value. */
static enum pl_status ask_patiently(struct pl_interlock *il, size_t signal)
{
  struct pl_call *call = &il->signals[signal].call;
  pl_time_ns until = pl_clock_now(il->clock) + FIRST_NS;
  for (;;) {
    enum pl_status status = ask(il, il->rules->signals[signal].bus, call);
    pl_time_ns now = pl_clock_now(il->clock);
    if (pl_status_class(status) != PL_CLASS_RETRY || now >= until)
      return status;
    while (pl_clock_now(il->clock) < now + AGAIN_NS)
      pl_clock_step(il->clock, now + AGAIN_NS);
  }
}

/* What cannot be read now is unsafe now; the first tick sees to that. */
static void read_signals(struct pl_interlock *il)
{
  for (size_t i = 0; i < il->rules->n_signals; i++) {
    struct pl_il_work_signal *signal = &il->signals[i];
    signal->call = call_of(il, il->rules->signals[i].device, il->rules->signals[i].quantity);
    signal->last = (struct pl_il_reading){.status = PL_E_CANCELLED, .at = PL_NEVER};
    atomic_store(&signal->at, PL_NEVER);
    if (il->buses[il->rules->signals[i].bus].direct)
      continue; /* the tick reads it */
    atomic_store(&signal->status, (int)ask_patiently(il, i));
    if (signal->call.job.status)
      continue;
    atomic_store(&signal->value_u, signal->call.reading.value_u);
    atomic_store(&signal->at, signal->call.reading.at);
  }
}

static enum pl_status read_outputs(struct pl_interlock *il, struct pl_err *err)
{
  for (size_t o = 0; o < il->rules->n_outputs; o++) {
    const struct pl_il_output *rule = &il->rules->outputs[o];
    struct pl_il_work_output *output = &il->outputs[o];
    output->call = call_of(il, rule->device, rule->quantity);
    if (ask(il, rule->bus, &output->call)) {
      *err = output->call.job.err;
      return pl_err_prefix(err, "the interlock's output %s.%s", rule->device->name, rule->quantity->name);
    }
    output->rest_u = rule->quantity->dim == PL_DIM_FLAG ? (rule->value_u ? 0 : PL_U) : output->call.reading.value_u;
    output->driven = output->confirmed = output->call.reading.value_u == output->rest_u; /* else the tick sets it */
  }
  return PL_OK;
}

/* --- threads --- */

static void *run_ticker(void *ctx)
{
  struct pl_interlock *il = ctx;
  volatile char touched[STACK_TOUCHED]; /* locked memory must be there before it is needed */
  for (size_t i = 0; i < sizeof touched; i += 1024)
    touched[i] = 0;
  while (!atomic_load(&il->stop)) {
    pl_time_ns next = pl_il_tick(il, pl_clock_now(il->alarm));
    pl_clock_step(il->alarm, next);
  }
  return NULL;
}

static void *run_feeder(void *ctx)
{
  struct pl_interlock *il = ctx;
  while (!atomic_load(&il->stop)) {
    pl_il_feed_kick(il);
    pl_clock_step(il->clock, PL_NEVER);
  }
  return NULL;
}

static void on_timer(void *ctx, pl_time_ns now)
{
  struct pl_interlock *il = ctx;
  if (!il->started) /* an edge while the signals are read for the first time */
    return;
  pl_time_ns next = pl_il_tick(il, now);
  if (!il->timer.slot || il->timer.at > next) /* a wake-up may have armed it meanwhile */
    pl_clock_arm(il->main, &il->timer, next);
}

/* Without these rights it works too, but how soon depends on what else the machine does. */
static void take_rights(struct pl_interlock *il)
{
  const struct sched_param param = {.sched_priority = PRIORITY};
  int scheduled = pthread_setschedparam(il->ticker, SCHED_FIFO, &param);
  bool locked = !mlockall(MCL_CURRENT);
  char why[120] = "";
  if (scheduled)
    snprintf(why, sizeof why, "real-time priority was not permitted (%s)", scheduled == EPERM ? "needs CAP_SYS_NICE or an rtprio limit" : strerror(scheduled));
  snprintf(il->manner, sizeof il->manner, "a thread of its own, %s%s", scheduled ? why : "SCHED_FIFO 60",
           locked ? ", memory locked" : ", memory not locked (needs CAP_IPC_LOCK or a memlock limit)");
}

static enum pl_status start_threads(struct pl_interlock *il, struct pl_err *err)
{
  il->feeding = pl_thread_start(&il->feeder, run_feeder, il);
  il->ticking = il->feeding && pl_thread_start(&il->ticker, run_ticker, il);
  if (!il->ticking)
    return pl_fail(err, PL_E_IO, "cannot start the interlock's threads");
  take_rights(il);
  return PL_OK;
}

static enum pl_status start(struct pl_interlock *il, struct pl_err *err)
{
  pl_il_feed_start(il);
  il->started = true;
  pl_time_ns next = pl_il_tick(il, pl_clock_now(il->clock));
  if (!il->is_virtual)
    return start_threads(il, err);
  snprintf(il->manner, sizeof il->manner, "stepped by virtual time");
  pl_clock_arm(il->main, &il->timer, next);
  return PL_OK;
}

/* --- the whole --- */

static enum pl_status make_clocks(struct pl_interlock *il, struct pl_err *err)
{
  il->main = pl_bench_clock(il->bench);
  il->is_virtual = pl_clock_is_virtual(il->main);
  il->clock = il->main;
  if (il->is_virtual)
    return PL_OK;
  il->clock = NULL;
  enum pl_status status = pl_clock_new_beside(il->main, &il->clock, err);
  return status ? status : pl_clock_new_beside(il->main, &il->alarm, err);
}

static struct pl_interlock_rules *copy_rules(const struct pl_interlock_rules *rules)
{
  struct pl_interlock_rules *own = malloc(sizeof *own);
  struct pl_il_bus *buses = calloc(rules->n_buses + 1, sizeof *buses);
  if (!own || !buses) {
    free(own);
    free(buses);
    return NULL;
  }
  *own = *rules;
  memcpy(buses, rules->buses, rules->n_buses * sizeof *buses);
  own->buses = buses;
  return own;
}

enum pl_status pl_interlock_open(const struct pl_interlock_rules *rules, struct pl_bench *bench, struct pl_interlock **out, struct pl_err *err)
{
  struct pl_interlock *il = calloc(1, sizeof *il);
  if (!il)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the interlock");
  il->rules = rules;
  il->own = copy_rules(rules);
  if (il->own)
    il->rules = il->own;
  il->bench = bench;
  il->timer = (struct pl_timer){.fire = on_timer, .ctx = il};
  il->devices = calloc(rules->rig->n_devices + 1, sizeof(struct pl_device *));
  il->buses = calloc(rules->n_buses + 1, sizeof *il->buses);
  for (size_t k = 0; k < PL_IL_RULES_MAX; k++) {
    il->work[k].since = il->work[k].unknown_since = PL_NEVER;
    il->views[k] = (struct pl_interlock_view){.done = PL_NEVER, .text = il->texts[k]};
  }
  enum pl_status status = il->own && il->devices && il->buses ? make_clocks(il, err) : pl_fail(err, PL_E_NOMEM, "out of memory for the interlock");
  if (!status)
    status = open_buses(il, err);
  if (!status)
    status = open_devices(il, err);
  if (!status)
    status = time_again(il, err);
  if (!status)
    status = read_outputs(il, err);
  if (!status) {
    read_signals(il);
    status = start(il, err);
  }
  if (status)
    pl_interlock_close(il);
  else
    *out = il;
  return status;
}

static void stop_threads(struct pl_interlock *il)
{
  atomic_store(&il->stop, true);
  if (il->alarm)
    pl_clock_wake(il->alarm);
  if (!il->is_virtual && il->clock)
    pl_clock_wake(il->clock);
  if (il->ticking)
    pthread_join(il->ticker, NULL);
  if (il->feeding)
    pthread_join(il->feeder, NULL);
}

void pl_interlock_close(struct pl_interlock *il)
{
  if (!il)
    return;
  stop_threads(il);
  if (il->is_virtual && il->main)
    pl_clock_disarm(il->main, &il->timer);
  for (size_t b = 0; il->buses && b < il->rules->n_buses; b++) {
    if (il->clock)
      pl_clock_disarm(il->clock, &il->buses[b].timer);
    pl_bus_stop(il->buses[b].bus);
  }
  for (size_t i = 0; il->devices && i < il->rules->rig->n_devices; i++)
    pl_device_close(il->devices[i]);
  for (size_t b = 0; il->buses && b < il->rules->n_buses; b++)
    pl_bus_free(il->buses[b].bus);
  if (il->clock != il->main) {
    pl_clock_free(il->alarm);
    pl_clock_free(il->clock);
  }
  free(il->buses);
  free(il->devices);
  pl_interlock_rules_free(il->own);
  free(il);
}

/* A rule that has neither been safe nor tripped; n_rules: none. */
static size_t undecided(const struct pl_interlock *il)
{
  uint64_t cleared = atomic_load(&il->cleared);
  for (size_t k = 0; k < il->rules->n_rules; k++)
    if (atomic_load(&il->states[k]) >= PL_IL_STATE_TRIPS)
      return il->rules->n_rules; /* that is enough to know */
  for (size_t k = 0; k < il->rules->n_rules; k++)
    if (!(cleared >> k & 1))
      return k;
  return il->rules->n_rules;
}

enum pl_status pl_interlock_ready(struct pl_interlock *il, struct pl_err *err)
{
  char text[PL_ERR_TEXT_MAX / 2];
  pl_time_ns until = pl_clock_now(il->main) + READY_NS;
  for (size_t k; (k = undecided(il)) < il->rules->n_rules;) {
    pl_time_ns now = pl_clock_now(il->main);
    if (now >= until)
      return pl_fail(err, PL_E_RANGE, "interlock rule '%s' is unsafe, or cannot see, before anything was driven: %s; make that safe first",
                     il->rules->rules[k].name, pl_interlock_text(il->rules, k, text, sizeof text));
    pl_clock_step(il->main, now + AGAIN_NS);
  }
  return PL_OK;
}

const struct pl_interlock_rules *pl_interlock_rules_of(const struct pl_interlock *il)
{
  return il->rules;
}

const char *pl_interlock_manner(const struct pl_interlock *il)
{
  return il->manner;
}

void pl_interlock_reset(struct pl_interlock *il, size_t rule)
{
  atomic_fetch_or(&il->resets, (uint64_t)1 << rule);
  pl_il_wake(il);
}

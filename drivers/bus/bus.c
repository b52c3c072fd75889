/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/bus.h"
#include "drivers/base/thread.h"
#include "drivers/bus/layer.h"
#include "drivers/bus/tap.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT PL_S
#define REOPEN_NS (250 * PL_MS) /* a lost adapter is looked for at most this often */

struct list { /* of jobs, first in first out */
  struct pl_job *head, **tail;
};

struct pl_bus {
  char *name;
  enum pl_bus_kind kind;
  struct pl_clock *clock;
  const void *ops;
  void *self, *front; /* the adapter's; ops speak to front, which is the same unless somebody stands in front of it */
  void (*close)(void *self);
  bool simulated;
  void *layer;
  void (*free_layer)(void *layer);
  struct pl_bus_tap tap;

  pthread_mutex_t lock; /* guards what follows, up to the blank line */
  pthread_cond_t more;
  bool started, stopping;
  struct list queue;    /* not begun */
  struct list finished; /* real time: run, done() to be called on the loop's thread */
  struct pl_bus_counters counters;
  unsigned seen;        /* statuses of the running job's transfers, as bits */
  bool lost, told_lost; /* the adapter went away; the watcher was told so */
  uint64_t losses, told_losses; /* how often it went, and how often when the watcher was told last */
  struct pl_err cause;  /* why */
  pl_time_ns retry_at;  /* not before, reopen is tried again */

  enum pl_status (*reopen)(void *self, struct pl_err *err);
  enum pl_status (*is_there)(void *self, struct pl_err *err);
  void (*job_over)(void *self);
  void (*watcher)(void *ctx, struct pl_bus *bus, bool here, const char *cause); /* the loop's */
  void *watcher_ctx;
  struct pl_post presence;    /* lost or losses is no longer what the watcher was told */
  struct pl_timer look_timer; /* real time: looks for a lost adapter */
  struct pl_job look;
  bool here;    /* jobs run on a thread of their owner's (pl_bus_run_here): the worker stays out of it */
  bool stopped; /* the loop's: nothing runs on the bus any more */
  pthread_t worker;
  struct pl_post post;    /* real time: something is in finished */
  struct pl_job *active;  /* virtual time: its timer is armed, for its start or its end */
  pl_time_ns free_at;     /* the wire is in use until then */
  pl_time_ns start, charged, limit; /* of the job that is running; the worker's */
};

const char *pl_bus_kind_name(enum pl_bus_kind kind)
{
  static const char *const KINDS[PL_BUS_KIND_COUNT] = {[PL_BUS_I2C] = "i2c", [PL_BUS_GPIO] = "gpio", [PL_BUS_MODBUS] = "modbus"};
  return (unsigned)kind < PL_BUS_KIND_COUNT ? KINDS[kind] : "unknown";
}

static void append(struct list *list, struct pl_job *job)
{
  job->next = NULL;
  *list->tail = job;
  list->tail = &job->next;
}

static struct pl_job *take(struct list *list)
{
  struct pl_job *job = list->head;
  if (!job)
    return NULL;
  list->head = job->next;
  if (!list->head)
    list->tail = &list->head;
  return job;
}

static void deliver(struct pl_job *job) /* after done() the job is its owner's again */
{
  job->bus = NULL;
  job->complete = true;
  if (job->done)
    job->done(job);
}

static void count_job(struct pl_bus *bus, enum pl_status status)
{
  pthread_mutex_lock(&bus->lock);
  bus->counters.jobs++;
  if (status)
    bus->counters.errors[status]++;
  pthread_mutex_unlock(&bus->lock);
}

/* What the transfers themselves could not see: an answer whose check or length a protocol above found wrong, a transfer that no time was left for. */
static bool is_unseen(const struct pl_bus *bus, enum pl_status status)
{
  const unsigned ABOVE = 1u << PL_E_TIMEOUT | 1u << PL_E_PEC | 1u << PL_E_SHORT | 1u << PL_E_GARBAGE;
  return (ABOVE & ~bus->seen) >> status & 1;
}

static enum pl_status fail_late(struct pl_job *job, pl_time_ns late)
{
  long long count = late >= PL_MS ? late / PL_MS : (late + PL_US - 1) / PL_US;
  return pl_fail(&job->err, PL_E_TIMEOUT, "answer came %lld %s after the deadline", count, late >= PL_MS ? "ms" : "us");
}

/* --- an adapter that comes and goes --- */

void pl_bus_lost(struct pl_bus *bus, const char *cause)
{
  pthread_mutex_lock(&bus->lock);
  bool news = !bus->lost;
  if (news) {
    bus->lost = true;
    bus->losses++;
    bus->retry_at = pl_clock_now(bus->clock) + REOPEN_NS;
    snprintf(bus->cause.text, sizeof bus->cause.text, "%s", *cause ? cause : pl_status_text(PL_E_GONE));
  }
  if (news && !bus->stopping) /* with the lock held: an adapter's own thread may be here while the bus is stopped, and after that nothing may be posted */
    pl_clock_post(bus->clock, &bus->presence);
  pthread_mutex_unlock(&bus->lock);
}

/* On the worker, before a job. PL_E_GONE while the adapter is away. */
static enum pl_status be_there(struct pl_bus *bus, struct pl_err *err)
{
  if (!pl_bus_is_lost(bus))
    return PL_OK;
  pthread_mutex_lock(&bus->lock);
  bool due = bus->reopen && pl_clock_now(bus->clock) >= bus->retry_at;
  struct pl_err cause = bus->cause, why = {0};
  pthread_mutex_unlock(&bus->lock);
  bool back = due && bus->reopen(bus->self, &why) == PL_OK;
  pthread_mutex_lock(&bus->lock);
  bus->lost = !back;
  if (due)
    bus->retry_at = pl_clock_now(bus->clock) + REOPEN_NS;
  pthread_mutex_unlock(&bus->lock);
  if (back)
    pl_clock_post(bus->clock, &bus->presence);
  return back ? PL_OK : pl_fail(err, PL_E_GONE, "the adapter of %s is away: %.400s", bus->name, cause.text);
}

static enum pl_status look_run(struct pl_job *job, struct pl_err *err)
{
  struct pl_bus *bus = job->ctx;
  return bus->is_there ? bus->is_there(bus->self, err) : PL_OK;
}

static void look_again(struct pl_bus *bus)
{
  if (!bus->stopping && !bus->here && bus->reopen && !pl_clock_is_virtual(bus->clock) && !bus->look.bus)
    pl_clock_arm(bus->clock, &bus->look_timer, pl_clock_now(bus->clock) + REOPEN_NS);
}

static void look_done(struct pl_job *job)
{
  struct pl_bus *bus = job->ctx;
  if (pl_bus_is_lost(bus) || bus->is_there)
    look_again(bus);
}

static void look(void *ctx, pl_time_ns now)
{
  (void)now;
  struct pl_bus *bus = ctx;
  if ((!pl_bus_is_lost(bus) && !bus->is_there) || bus->look.bus)
    return;
  bus->look = (struct pl_job){.run = look_run, .done = look_done, .ctx = bus};
  pl_bus_submit(bus, &bus->look);
}

/* On the loop's thread. An adapter that went and came before the loop was here is told as both: its outputs are no longer as they were. */
static void tell_presence(void *ctx)
{
  struct pl_bus *bus = ctx;
  pthread_mutex_lock(&bus->lock);
  bool lost = bus->lost, was_lost = bus->told_lost, went = !was_lost && bus->losses != bus->told_losses, came = !lost && (was_lost || went);
  bus->told_lost = lost;
  bus->told_losses = bus->losses;
  struct pl_err cause = bus->cause;
  pthread_mutex_unlock(&bus->lock);
  if (lost)
    look_again(bus);
  if (went && bus->watcher)
    bus->watcher(bus->watcher_ctx, bus, false, cause.text);
  if (came && bus->watcher)
    bus->watcher(bus->watcher_ctx, bus, true, "");
}

bool pl_bus_is_lost(const struct pl_bus *bus)
{
  pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&bus->lock; /* locking does not change what the bus is */
  pthread_mutex_lock(lock);
  bool lost = bus->lost;
  pthread_mutex_unlock(lock);
  return lost;
}

void pl_bus_set_reopen(struct pl_bus *bus, enum pl_status (*reopen)(void *self, struct pl_err *err))
{
  bus->reopen = reopen;
}

void pl_bus_set_look(struct pl_bus *bus, enum pl_status (*is_there)(void *self, struct pl_err *err))
{
  bus->is_there = is_there;
  look_again(bus);
}

void pl_bus_set_job_over(struct pl_bus *bus, void (*job_over)(void *self))
{
  bus->job_over = job_over;
}

void pl_bus_watch(struct pl_bus *bus, void (*fn)(void *ctx, struct pl_bus *bus, bool here, const char *cause), void *ctx)
{
  bus->watcher = fn;
  bus->watcher_ctx = ctx;
}

/* Runs the job on the thread that it is. Sets its results, with finished as the time at which the wire is done with it. */
static void execute(struct pl_bus *bus, struct pl_job *job)
{
  pl_time_ns now = pl_clock_now(bus->clock);
  job->started = job->finished = now;
  if (now > job->limit || bus->free_at > job->limit) {
    job->status = pl_fail(&job->err, PL_E_TIMEOUT, "the bus was busy until the deadline");
    count_job(bus, job->status);
    return;
  }
  bus->start = now;
  bus->charged = 0;
  bus->seen = 0;
  bus->limit = job->limit;
  job->status = be_there(bus, &job->err);
  if (job->status)
    pl_bus_count(bus, 0, job->status);
  else if ((job->status = job->run(job, &job->err)) == PL_E_GONE && bus->reopen)
    pl_bus_lost(bus, job->err.text);
  if (bus->job_over)
    bus->job_over(bus->self);
  job->finished = bus->free_at = pl_bus_now(bus);
  enum pl_status ours = is_unseen(bus, job->status) ? job->status : PL_OK; /* the transfers have counted theirs */
  if (!job->status && job->finished > job->limit)
    job->status = ours = fail_late(job, job->finished - job->limit);
  if (!job->status)
    job->err = (struct pl_err){0}; /* the sentence of a failure that a retry mended */
  else if (!job->err.text[0])
    pl_fail(&job->err, job->status, "%s", pl_status_text(job->status));
  if (job != &bus->look) /* the bus's own, not asked for by anyone */
    count_job(bus, ours);
}

/* When the wire is free, or when there is no more use in waiting for that. */
static pl_time_ns begin_at(const struct pl_bus *bus, const struct pl_job *job)
{
  return bus->free_at < job->limit ? bus->free_at : job->limit;
}

/* --- virtual time: the loop's thread is the worker --- */

static void begin_next(struct pl_bus *bus);

static void end_virtual(void *ctx, pl_time_ns now)
{
  (void)now;
  struct pl_job *job = ctx;
  struct pl_bus *bus = job->bus;
  bus->active = NULL;
  begin_next(bus);
  deliver(job);
}

static void start_virtual(void *ctx, pl_time_ns now)
{
  (void)now;
  struct pl_job *job = ctx;
  struct pl_bus *bus = job->bus;
  execute(bus, job);
  job->timer.fire = end_virtual;
  pl_clock_arm(bus->clock, &job->timer, job->finished);
}

static void begin_next(struct pl_bus *bus)
{
  struct pl_job *job = bus->active || bus->stopping ? NULL : take(&bus->queue);
  if (!job)
    return;
  bus->active = job;
  job->timer = (struct pl_timer){.fire = start_virtual, .ctx = job};
  pl_time_ns now = pl_clock_now(bus->clock), from = begin_at(bus, job);
  pl_clock_arm(bus->clock, &job->timer, now > from ? now : from);
}

/* --- real time: a thread per bus --- */

static void drain_finished(void *ctx)
{
  struct pl_bus *bus = ctx;
  pthread_mutex_lock(&bus->lock);
  struct list ready = bus->finished; /* those that finish meanwhile post again: done() may free the bus, so it is not touched below */
  bus->finished = (struct list){.tail = &bus->finished.head};
  pthread_mutex_unlock(&bus->lock);
  for (struct pl_job *job = ready.head, *next; job; job = next) {
    next = job->next;
    deliver(job);
  }
}

static void finish(struct pl_bus *bus, struct pl_job *job)
{
  pthread_mutex_lock(&bus->lock);
  append(&bus->finished, job);
  pthread_mutex_unlock(&bus->lock);
  pl_clock_post(bus->clock, &bus->post);
}

static void *work(void *ctx)
{
  struct pl_bus *bus = ctx;
  for (;;) {
    pthread_mutex_lock(&bus->lock);
    while (!bus->queue.head && !bus->stopping)
      pthread_cond_wait(&bus->more, &bus->lock); /* idle; pl_bus_free ends it */
    struct pl_job *job = bus->stopping ? NULL : take(&bus->queue);
    pthread_mutex_unlock(&bus->lock);
    if (!job)
      return NULL;
    if (begin_at(bus, job) > pl_clock_now(bus->clock))
      pl_clock_sleep_until(bus->clock, begin_at(bus, job)); /* the wire is still in use by a simulated answer that came too late */
    execute(bus, job);
    /* A job ends at its deadline even when its simulated answer would still be on the wire. */
    pl_time_ns until = job->finished < job->limit ? job->finished : job->limit;
    if (until > pl_clock_now(bus->clock))
      pl_clock_sleep_until(bus->clock, until);
    finish(bus, job);
  }
}

static bool start_worker(struct pl_bus *bus) /* lock held */
{
  if (bus->started)
    return true;
  bus->started = pl_thread_start(&bus->worker, work, bus);
  return bus->started;
}

static void submit_real(struct pl_bus *bus, struct pl_job *job)
{
  pthread_mutex_lock(&bus->lock);
  bool running = start_worker(bus);
  if (running) {
    append(&bus->queue, job);
    pthread_cond_signal(&bus->more);
  }
  pthread_mutex_unlock(&bus->lock);
  if (!running) {
    job->status = pl_fail(&job->err, PL_E_IO, "cannot start the worker thread of bus %s", bus->name);
    finish(bus, job);
  }
}

/* --- both --- */

void pl_bus_submit(struct pl_bus *bus, struct pl_job *job)
{
  assert(!job->bus && job->run); /* one queue at a time */
  job->bus = bus;
  job->complete = false;
  job->status = PL_OK;
  job->err = (struct pl_err){0};
  job->started = job->finished = 0;
  job->limit = job->deadline ? job->deadline : pl_clock_now(bus->clock) + DEFAULT_TIMEOUT;
  if (!pl_clock_is_virtual(bus->clock) && !bus->stopping) {
    submit_real(bus, job);
    return;
  }
  append(&bus->queue, job);
  begin_next(bus);
}

void pl_bus_wait(struct pl_bus *bus, struct pl_job *job)
{
  while (!job->complete) {
    bool ran = pl_clock_step(bus->clock, PL_NEVER);
    assert(ran || job->complete || !pl_clock_is_virtual(bus->clock)); /* in virtual time the job's own timer is always armed */
    (void)ran;
  }
}

enum pl_status pl_bus_run(struct pl_bus *bus, struct pl_job *job, struct pl_err *err)
{
  pl_bus_submit(bus, job);
  pl_bus_wait(bus, job);
  if (job->status && err)
    *err = job->err;
  return job->status;
}

enum pl_status pl_bus_run_here(struct pl_bus *bus, struct pl_job *job)
{
  assert(!job->bus && job->run && !bus->started && !bus->active);
  bus->here = true;
  job->status = PL_OK;
  job->err = (struct pl_err){0};
  job->limit = job->deadline ? job->deadline : pl_clock_now(bus->clock) + DEFAULT_TIMEOUT;
  execute(bus, job);
  job->complete = true;
  return job->status;
}

enum pl_status pl_bus_new(const char *name, enum pl_bus_kind kind, struct pl_clock *clock, struct pl_bus **out, struct pl_err *err)
{
  struct pl_bus *bus = calloc(1, sizeof *bus);
  char *copy = strdup(name);
  if (!bus || !copy) {
    free(bus);
    free(copy);
    return pl_fail(err, PL_E_NOMEM, "out of memory for bus %s", name);
  }
  bus->name = copy;
  bus->kind = kind;
  bus->clock = clock;
  bus->queue.tail = &bus->queue.head;
  bus->finished.tail = &bus->finished.head;
  bus->post = (struct pl_post){.run = drain_finished, .ctx = bus};
  bus->presence = (struct pl_post){.run = tell_presence, .ctx = bus};
  bus->look_timer = (struct pl_timer){.fire = look, .ctx = bus};
  pl_mutex_init(&bus->lock);
  pthread_cond_init(&bus->more, NULL);
  *out = bus;
  return PL_OK;
}

static void stop_worker(struct pl_bus *bus)
{
  pthread_mutex_lock(&bus->lock);
  bus->stopping = true;
  pthread_cond_signal(&bus->more);
  pthread_mutex_unlock(&bus->lock);
  if (bus->started)
    pthread_join(bus->worker, NULL);
  pl_clock_unpost(bus->clock, &bus->post);
  pl_clock_unpost(bus->clock, &bus->presence);
  pl_clock_disarm(bus->clock, &bus->look_timer);
  drain_finished(bus);
  struct pl_job *job = bus->active;
  if (!job)
    return;
  bus->active = NULL;
  pl_clock_disarm(bus->clock, &job->timer);
  if (job->timer.fire == start_virtual) /* not begun: the first to be cancelled; else it ran and its result stands */
    job->status = pl_fail(&job->err, PL_E_CANCELLED, "bus %s was closed before the job began", bus->name);
  deliver(job);
}

void pl_bus_stop(struct pl_bus *bus)
{
  if (!bus)
    return;
  if (!bus->stopped)
    stop_worker(bus);
  bus->stopped = true;
  for (struct pl_job *job; (job = take(&bus->queue));) {
    job->status = pl_fail(&job->err, PL_E_CANCELLED, "bus %s was closed before the job began", bus->name);
    deliver(job);
  }
}

void pl_bus_free(struct pl_bus *bus)
{
  if (!bus)
    return;
  pl_bus_stop(bus);
  if (bus->close)
    bus->close(bus->self);
  if (bus->free_layer)
    bus->free_layer(bus->layer);
  pthread_cond_destroy(&bus->more);
  pthread_mutex_destroy(&bus->lock);
  free(bus->name);
  free(bus);
}

const char *pl_bus_name(const struct pl_bus *bus)
{
  return bus->name;
}

enum pl_bus_kind pl_bus_kind(const struct pl_bus *bus)
{
  return bus->kind;
}

struct pl_clock *pl_bus_clock(const struct pl_bus *bus)
{
  return bus->clock;
}

void pl_bus_counters(const struct pl_bus *bus, struct pl_bus_counters *out)
{
  pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&bus->lock; /* locking does not change what the bus is */
  pthread_mutex_lock(lock);
  *out = bus->counters;
  pthread_mutex_unlock(lock);
}

void pl_bus_attach(struct pl_bus *bus, const void *ops, void *self, void (*close)(void *self), bool simulated)
{
  bus->self = self;
  bus->close = close;
  bus->simulated = simulated;
  pl_bus_interpose(bus, ops, self);
}

void pl_bus_interpose(struct pl_bus *bus, const void *ops, void *self)
{
  bus->ops = ops;
  bus->front = self;
}

const void *pl_bus_ops(const struct pl_bus *bus)
{
  return bus->ops;
}

void *pl_bus_self(const struct pl_bus *bus)
{
  return bus->front;
}

void pl_bus_set_layer(struct pl_bus *bus, void *layer, void (*free_layer)(void *layer))
{
  bus->layer = layer;
  bus->free_layer = free_layer;
}

void *pl_bus_layer(const struct pl_bus *bus)
{
  return bus->layer;
}

void pl_bus_set_tap(struct pl_bus *bus, const struct pl_bus_tap_ops *ops, void *ctx)
{
  bus->tap = (struct pl_bus_tap){ops, ctx};
}

const struct pl_bus_tap *pl_bus_tap(const struct pl_bus *bus)
{
  return &bus->tap;
}

void pl_bus_charge(struct pl_bus *bus, pl_time_ns wire_ns)
{
  if (bus->simulated || pl_clock_is_virtual(bus->clock)) /* on a real wire in real time it has passed already */
    bus->charged += wire_ns;
}

void pl_bus_count(struct pl_bus *bus, size_t bytes, enum pl_status status)
{
  pthread_mutex_lock(&bus->lock);
  bus->counters.transfers++;
  bus->counters.bytes += bytes;
  bus->seen |= 1u << status;
  if (status)
    bus->counters.errors[status]++;
  pthread_mutex_unlock(&bus->lock);
}

void pl_bus_count_retry(struct pl_bus *bus)
{
  pthread_mutex_lock(&bus->lock);
  bus->counters.retries++;
  pthread_mutex_unlock(&bus->lock);
}

pl_time_ns pl_bus_deadline(const struct pl_bus *bus)
{
  return bus->limit;
}

pl_time_ns pl_bus_now(const struct pl_bus *bus)
{
  pl_time_ns now = pl_clock_now(bus->clock), wire = bus->start + bus->charged;
  return now > wire ? now : wire;
}

enum pl_status pl_bus_check_deadline(const struct pl_bus *bus, struct pl_err *err)
{
  return pl_bus_now(bus) <= bus->limit ? PL_OK : pl_fail(err, PL_E_TIMEOUT, "the deadline passed before the transfer");
}

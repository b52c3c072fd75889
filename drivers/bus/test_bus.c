/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/bus.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A job that uses some wire time and notes what happens to it. */
struct work {
  struct pl_job job;
  struct pl_bus *bus;
  pl_time_ns charge, stay_until; /* stay_until: real time: blocks the worker like a mute device */
  enum pl_status result;
  const char *sentence;
  int ran, done;
  pl_time_ns now_before, now_after, deadline_seen, done_at;
  int order, *next_order;
  struct work *then; /* submitted by done() */
  pthread_t thread;
};

static enum pl_status run_work(struct pl_job *job, struct pl_err *err)
{
  struct work *w = job->ctx;
  w->ran++;
  w->thread = pthread_self();
  w->deadline_seen = pl_bus_deadline(w->bus);
  w->now_before = pl_bus_now(w->bus);
  if (w->stay_until)
    pl_clock_sleep_until(pl_bus_clock(w->bus), w->stay_until);
  pl_bus_charge(w->bus, w->charge);
  w->now_after = pl_bus_now(w->bus);
  pl_bus_count(w->bus, 3, w->result);
  if (w->sentence)
    pl_fail(err, PL_E_IO, "%s", w->sentence);
  return w->result;
}

static void work_done(struct pl_job *job)
{
  struct work *w = job->ctx;
  w->done++;
  w->done_at = pl_clock_now(pl_bus_clock(w->bus));
  if (w->next_order)
    w->order = ++*w->next_order;
  if (w->then)
    pl_bus_submit(w->bus, &w->then->job);
}

struct setting {
  struct pl_clock *clock;
  struct pl_bus *bus;
  int closed;
};

static void count_close(void *self)
{
  ++*(int *)self;
}

static void set_up(struct setting *s, bool is_virtual, bool simulated)
{
  struct pl_err err = {0};
  s->closed = 0;
  assert_int_equal(is_virtual ? pl_clock_new_virtual(0, &s->clock, &err) : pl_clock_new_real(&s->clock, &err), PL_OK);
  assert_int_equal(pl_bus_new("i2c-test", PL_BUS_I2C, s->clock, &s->bus, &err), PL_OK);
  pl_bus_attach(s->bus, NULL, &s->closed, count_close, simulated);
}

static void tear_down(struct setting *s)
{
  pl_bus_free(s->bus);
  assert_int_equal(s->closed, 1);
  pl_clock_free(s->clock);
}

static void prepare(struct setting *s, struct work *w, pl_time_ns charge, pl_time_ns deadline)
{
  *w = (struct work){.bus = s->bus, .charge = charge, .job = {.run = run_work, .done = work_done, .deadline = deadline}};
  w->job.ctx = w;
}

static void step_all(struct setting *s, const struct work *last)
{
  while (!last->done)
    assert_true(pl_clock_step(s->clock, pl_clock_now(s->clock) + 20 * PL_S));
}

static void virtual_jobs_follow_each_other_at_wire_speed(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true, true);
  struct work a, b, c;
  int order = 0;
  prepare(&s, &a, 120 * PL_US, PL_S);
  prepare(&s, &b, 80 * PL_US, PL_S);
  prepare(&s, &c, 0, PL_S);
  a.next_order = b.next_order = c.next_order = &order;
  pl_bus_submit(s.bus, &a.job);
  pl_bus_submit(s.bus, &b.job);
  pl_bus_submit(s.bus, &c.job);
  assert_int_equal(a.ran, 0); /* nothing happens inside submit */
  step_all(&s, &c);
  assert_int_equal(a.job.started, 0);
  assert_int_equal(a.job.finished, 120 * PL_US);
  assert_int_equal(a.done_at, 120 * PL_US);
  assert_int_equal(a.now_before, 0);
  assert_int_equal(a.now_after, 120 * PL_US);
  assert_int_equal(a.deadline_seen, PL_S);
  assert_int_equal(b.job.started, 120 * PL_US);
  assert_int_equal(b.done_at, 200 * PL_US);
  assert_int_equal(c.job.started, 200 * PL_US);
  assert_int_equal(a.order, 1);
  assert_int_equal(b.order, 2);
  assert_int_equal(c.order, 3);
  assert_true(pthread_equal(a.thread, pthread_self()));
  struct pl_bus_counters counters;
  pl_bus_counters(s.bus, &counters);
  assert_int_equal(counters.jobs, 3);
  assert_int_equal(counters.transfers, 3);
  assert_int_equal(counters.bytes, 9);
  tear_down(&s);
}

static void a_bus_stays_busy_while_time_passes(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true, true);
  struct work a, b;
  prepare(&s, &a, 10 * PL_MS, PL_S);
  prepare(&s, &b, PL_MS, 0); /* no deadline: a second from submit */
  pl_bus_submit(s.bus, &a.job);
  while (pl_clock_now(s.clock) < 4 * PL_MS)
    pl_clock_step(s.clock, 4 * PL_MS);
  pl_bus_submit(s.bus, &b.job);
  step_all(&s, &b);
  assert_int_equal(b.job.started, 10 * PL_MS);
  assert_int_equal(b.done_at, 11 * PL_MS);
  assert_int_equal(b.deadline_seen, PL_S + 4 * PL_MS);
  assert_int_equal(b.job.deadline, 0); /* the caller's field is left alone */
  tear_down(&s);
}

static void late_and_never_begun_jobs_time_out(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true, true);
  struct work late, starved, failed;
  prepare(&s, &late, 8 * PL_MS, 5 * PL_MS);
  prepare(&s, &starved, PL_MS, 7 * PL_MS);
  prepare(&s, &failed, 2 * PL_MS, 9 * PL_MS);
  failed.result = PL_E_NACK;
  pl_bus_submit(s.bus, &late.job);
  pl_bus_submit(s.bus, &starved.job);
  pl_bus_submit(s.bus, &failed.job);
  step_all(&s, &failed);
  assert_int_equal(late.job.status, PL_E_TIMEOUT);
  assert_string_equal(late.job.err.text, "answer came 3 ms after the deadline");
  assert_int_equal(late.job.finished, 8 * PL_MS);
  assert_int_equal(starved.job.status, PL_E_TIMEOUT);
  assert_string_equal(starved.job.err.text, "the bus was busy until the deadline");
  assert_int_equal(starved.ran, 0);
  assert_int_equal(starved.done_at, 8 * PL_MS); /* behind the late one, whose answer it had to wait for */
  assert_int_equal(failed.job.status, PL_E_NACK); /* the cause is worth more than the lateness */
  assert_string_equal(failed.job.err.text, "not acknowledged");
  struct pl_bus_counters counters;
  pl_bus_counters(s.bus, &counters);
  assert_int_equal(counters.errors[PL_E_TIMEOUT], 2);
  assert_int_equal(counters.errors[PL_E_NACK], 1);
  tear_down(&s);
}

static void success_leaves_no_sentence_and_run_returns_the_status(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true, true);
  struct work w;
  struct pl_err err = {0};
  prepare(&s, &w, 0, PL_S);
  w.sentence = "the first try failed";
  assert_int_equal(pl_bus_run(s.bus, &w.job, &err), PL_OK);
  assert_string_equal(w.job.err.text, "");
  assert_int_equal(err.status, PL_OK);
  w.result = PL_E_IO;
  assert_int_equal(pl_bus_run(s.bus, &w.job, &err), PL_E_IO); /* the same job again */
  assert_string_equal(err.text, "the first try failed");
  assert_int_equal(w.done, 2);
  pl_bus_count_retry(s.bus);
  struct pl_bus_counters counters;
  pl_bus_counters(s.bus, &counters);
  assert_int_equal(counters.retries, 1);
  tear_down(&s);
}

static void done_may_submit_again(void **state)
{
  (void)state;
  for (int is_virtual = 0; is_virtual < 2; is_virtual++) {
    struct setting s;
    set_up(&s, is_virtual, true);
    struct work a, b;
    prepare(&s, &a, 20 * PL_US, 0);
    prepare(&s, &b, 20 * PL_US, 0);
    a.then = &b;
    pl_bus_submit(s.bus, &a.job);
    step_all(&s, &b);
    assert_int_equal(b.job.status, PL_OK);
    assert_true(b.job.started >= a.job.finished);
    tear_down(&s);
  }
}

static void free_cancels_the_queue_in_virtual_time(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true, true);
  struct work ran, waiting, idle;
  prepare(&s, &ran, PL_MS, PL_S);
  prepare(&s, &waiting, PL_MS, PL_S);
  prepare(&s, &idle, PL_MS, PL_S);
  pl_bus_submit(s.bus, &ran.job);
  pl_clock_step(s.clock, 0); /* runs; its answer is on the wire */
  pl_bus_submit(s.bus, &waiting.job);
  pl_bus_submit(s.bus, &idle.job);
  tear_down(&s);
  assert_int_equal(ran.ran, 1);
  assert_int_equal(ran.done, 1);
  assert_int_equal(ran.job.status, PL_OK);
  assert_int_equal(waiting.done, 1);
  assert_int_equal(waiting.job.status, PL_E_CANCELLED);
  assert_string_equal(waiting.job.err.text, "bus i2c-test was closed before the job began");
  assert_int_equal(idle.done, 1);
  assert_int_equal(idle.ran, 0);
}

static void free_before_the_first_job_began(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true, true);
  struct work w;
  prepare(&s, &w, PL_MS, PL_S);
  pl_bus_submit(s.bus, &w.job);
  pl_bus_free(s.bus);
  assert_int_equal(w.job.status, PL_E_CANCELLED);
  assert_int_equal(w.ran, 0);
  assert_false(pl_clock_step(s.clock, PL_NEVER)); /* no timer was left behind */
  pl_clock_free(s.clock);
}

static void real_jobs_run_on_a_thread_of_their_own(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, false, false);
  struct work w[20];
  int order = 0;
  for (int i = 0; i < 20; i++) {
    prepare(&s, &w[i], 3 * PL_S, pl_clock_now(s.clock) + 20 * PL_S);
    w[i].next_order = &order;
    pl_bus_submit(s.bus, &w[i].job);
  }
  step_all(&s, &w[19]);
  for (int i = 0; i < 20; i++) {
    assert_int_equal(w[i].job.status, PL_OK);
    assert_int_equal(w[i].order, i + 1);
    assert_false(pthread_equal(w[i].thread, pthread_self()));
    assert_true(w[i].job.finished - w[i].job.started < PL_S); /* not simulated: what is charged has passed by itself */
  }
  tear_down(&s);
}

static void real_time_holds_a_simulated_answer_for_its_wire_time(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, false, true);
  struct work a, b;
  pl_time_ns start = pl_clock_now(s.clock);
  prepare(&s, &a, 3 * PL_MS, 0);
  prepare(&s, &b, 2 * PL_MS, 0);
  pl_bus_submit(s.bus, &a.job);
  pl_bus_submit(s.bus, &b.job);
  step_all(&s, &b);
  assert_int_equal(a.job.finished - a.job.started, 3 * PL_MS);
  assert_true(a.done_at >= start + 3 * PL_MS);
  assert_true(b.job.started >= a.job.finished);
  assert_true(b.done_at >= start + 5 * PL_MS);
  assert_true(a.now_after >= a.job.started + 3 * PL_MS);
  tear_down(&s);
}

static void real_late_answers_end_at_the_deadline(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, false, true);
  struct work late, next;
  pl_time_ns start = pl_clock_now(s.clock);
  prepare(&s, &next, 0, start + 150 * PL_MS);
  prepare(&s, &late, 600 * PL_S, start + 100 * PL_MS); /* a simulated adapter that minds no deadline */
  assert_int_equal(pl_bus_run(s.bus, &late.job, NULL), PL_E_TIMEOUT);
  assert_non_null(strstr(late.job.err.text, " ms after the deadline"));
  assert_int_equal(pl_bus_run(s.bus, &next.job, NULL), PL_E_TIMEOUT); /* the wire is still busy with that */
  assert_string_equal(next.job.err.text, "the bus was busy until the deadline");
  tear_down(&s);
  assert_int_equal(late.done, 1);
  assert_int_equal(next.ran, 0);
}

static void free_waits_for_the_running_job_only(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, false, false);
  struct work blocked, queued;
  pl_time_ns start = pl_clock_now(s.clock);
  prepare(&s, &blocked, 0, start + 40 * PL_MS);
  prepare(&s, &queued, 0, start + 20 * PL_S);
  blocked.stay_until = start + 30 * PL_MS;
  pl_bus_submit(s.bus, &blocked.job);
  pl_bus_submit(s.bus, &queued.job);
  struct pl_clock *clock = s.clock;
  pl_clock_sleep_until(clock, start + 10 * PL_MS); /* lets the worker begin */
  pl_bus_free(s.bus);
  assert_true(pl_clock_now(clock) < start + 10 * PL_S);
  assert_int_equal(queued.done, 1);
  if (blocked.ran) /* else the machine was too busy to begin it */
    assert_int_equal(blocked.job.status, PL_OK);
  assert_int_equal(queued.job.status, PL_E_CANCELLED);
  assert_int_equal(blocked.done, 1);
  assert_false(pl_clock_step(clock, pl_clock_now(clock))); /* no message to the freed bus was left behind */
  pl_clock_free(clock);
  assert_int_equal(s.closed, 1);
}

static void a_starved_real_job_times_out(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, false, false);
  struct work blocked, starved;
  pl_time_ns start = pl_clock_now(s.clock);
  prepare(&s, &blocked, 0, start + 10 * PL_S);
  prepare(&s, &starved, 0, start + 5 * PL_MS);
  blocked.stay_until = start + 20 * PL_MS;
  pl_bus_submit(s.bus, &blocked.job);
  pl_bus_submit(s.bus, &starved.job);
  step_all(&s, &starved);
  assert_int_equal(starved.job.status, PL_E_TIMEOUT);
  assert_string_equal(starved.job.err.text, "the bus was busy until the deadline");
  assert_int_equal(blocked.job.status, PL_OK);
  tear_down(&s);
}

static void names(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true, true);
  assert_string_equal(pl_bus_name(s.bus), "i2c-test");
  assert_int_equal(pl_bus_kind(s.bus), PL_BUS_I2C);
  assert_string_equal(pl_bus_kind_name(PL_BUS_MODBUS), "modbus");
  assert_string_equal(pl_bus_kind_name(PL_BUS_KIND_COUNT), "unknown");
  tear_down(&s);
  pl_bus_free(NULL);
}

/* --- an adapter that goes away and comes back --- */

struct presence {
  int lost, returned, reopened, tries;
  bool hold;    /* reopen does not return */
  bool plugged; /* what reopen finds; the worker reads it only after a submit, which is a lock's distance away */
  char cause[160];
};

static struct presence *presence_now; /* for reopen, whose self is the count of closes */

static enum pl_status reopen_if_plugged(void *self, struct pl_err *err)
{
  (void)self;
  __atomic_add_fetch(&presence_now->tries, 1, __ATOMIC_RELEASE);
  while (__atomic_load_n(&presence_now->hold, __ATOMIC_ACQUIRE))
    sched_yield();
  if (!__atomic_load_n(&presence_now->plugged, __ATOMIC_ACQUIRE))
    return pl_fail(err, PL_E_GONE, "not there");
  presence_now->reopened++;
  return PL_OK;
}

static void note_presence(void *ctx, struct pl_bus *bus, bool here, const char *cause)
{
  (void)bus;
  struct presence *p = ctx;
  p->lost += !here;
  p->returned += here;
  if (!here)
    snprintf(p->cause, sizeof p->cause, "%s", cause);
}

static void note_nothing(void *ctx, pl_time_ns now)
{
  (void)ctx;
  (void)now;
}

static void a_lost_adapter_is_left_alone(bool is_virtual)
{
  struct setting s;
  struct presence p = {0};
  presence_now = &p;
  set_up(&s, is_virtual, false);
  pl_bus_set_reopen(s.bus, reopen_if_plugged);
  pl_bus_watch(s.bus, note_presence, &p);
  struct work w, again, after;
  struct pl_err err = {0};
  prepare(&s, &w, 0, pl_clock_now(s.clock) + 5 * PL_S);
  w.result = PL_E_GONE;
  assert_int_equal(pl_bus_run(s.bus, &w.job, &err), PL_E_GONE);
  assert_true(pl_bus_is_lost(s.bus));
  prepare(&s, &again, 0, pl_clock_now(s.clock) + 5 * PL_S);
  assert_int_equal(pl_bus_run(s.bus, &again.job, &err), PL_E_GONE);
  assert_int_equal(again.ran, 0); /* without touching the adapter */
  assert_non_null(strstr(err.text, "i2c-test is away"));
  while (!p.lost)
    assert_true(pl_clock_step(s.clock, pl_clock_now(s.clock) + PL_S));
  assert_int_equal(p.returned, 0);
  assert_string_equal(p.cause, pl_status_text(PL_E_GONE));
  __atomic_store_n(&p.plugged, true, __ATOMIC_RELEASE);
  if (is_virtual) { /* nobody looks by himself: the next job after a while does */
    pl_time_ns later = pl_clock_now(s.clock) + PL_S;
    struct pl_timer timer = {.fire = note_nothing};
    pl_clock_arm(s.clock, &timer, later);
    while (pl_clock_now(s.clock) < later)
      pl_clock_step(s.clock, later);
    prepare(&s, &after, 0, later + PL_S);
    assert_int_equal(pl_bus_run(s.bus, &after.job, &err), PL_OK);
    assert_int_equal(after.ran, 1);
  }
  while (!p.returned)
    assert_true(pl_clock_step(s.clock, pl_clock_now(s.clock) + 5 * PL_S));
  assert_false(pl_bus_is_lost(s.bus));
  assert_int_equal(p.reopened, 1);
  assert_int_equal(p.lost, 1);
  struct pl_bus_counters counters;
  pl_bus_counters(s.bus, &counters);
  assert_true(counters.errors[PL_E_GONE] >= 2);
  tear_down(&s);
}

static void a_lost_adapter_is_reopened_in_virtual_time(void **state)
{
  (void)state;
  a_lost_adapter_is_left_alone(true);
}

static void a_lost_adapter_is_reopened_in_real_time(void **state)
{
  (void)state;
  a_lost_adapter_is_left_alone(false);
}

static enum pl_status look_whether_plugged(void *self, struct pl_err *err)
{
  (void)self;
  return __atomic_load_n(&presence_now->plugged, __ATOMIC_ACQUIRE) ? PL_OK : pl_fail(err, PL_E_GONE, "the node has gone");
}

static void an_idle_bus_notices_that_its_adapter_went(void **state)
{
  (void)state;
  struct setting s;
  struct presence p = {.plugged = true};
  presence_now = &p;
  set_up(&s, false, false);
  pl_bus_set_reopen(s.bus, reopen_if_plugged);
  pl_bus_watch(s.bus, note_presence, &p);
  pl_bus_set_look(s.bus, look_whether_plugged);
  struct work w;
  struct pl_err err = {0};
  prepare(&s, &w, 0, pl_clock_now(s.clock) + 5 * PL_S);
  assert_int_equal(pl_bus_run(s.bus, &w.job, &err), PL_OK);
  __atomic_store_n(&p.plugged, false, __ATOMIC_RELEASE);
  while (!p.lost) /* nobody asks anything of the bus */
    assert_true(pl_clock_step(s.clock, pl_clock_now(s.clock) + 10 * PL_S));
  assert_string_equal(p.cause, "the node has gone");
  __atomic_store_n(&p.plugged, true, __ATOMIC_RELEASE);
  while (!p.returned)
    assert_true(pl_clock_step(s.clock, pl_clock_now(s.clock) + 10 * PL_S));
  struct pl_bus_counters counters;
  pl_bus_counters(s.bus, &counters);
  assert_int_equal(counters.jobs, 1); /* its own looks are not counted */
  tear_down(&s);
}

static void a_bus_may_be_freed_while_lost(void **state)
{
  (void)state;
  struct setting s;
  struct presence p = {0};
  presence_now = &p;
  set_up(&s, false, false);
  pl_bus_set_reopen(s.bus, reopen_if_plugged);
  pl_bus_watch(s.bus, note_presence, &p);
  pl_bus_lost(s.bus, "the cable was pulled");
  while (!p.lost)
    assert_true(pl_clock_step(s.clock, pl_clock_now(s.clock) + PL_S));
  assert_string_equal(p.cause, "the cable was pulled");
  tear_down(&s);
}

/* The look for the adapter has run, and its end was not yet told when the bus is freed: it must not look again. */
static void a_bus_may_be_freed_between_two_looks(void **state)
{
  (void)state;
  struct setting s;
  struct presence p = {.hold = true};
  presence_now = &p;
  set_up(&s, false, false);
  pl_bus_set_reopen(s.bus, reopen_if_plugged);
  pl_bus_lost(s.bus, "the cable was pulled");
  while (!__atomic_load_n(&p.tries, __ATOMIC_ACQUIRE))
    pl_clock_step(s.clock, pl_clock_now(s.clock) + PL_MS);
  __atomic_store_n(&p.hold, false, __ATOMIC_RELEASE); /* no step from here on: the bus itself takes the look's end off the worker */
  pl_bus_free(s.bus);
  assert_int_equal(s.closed, 1);
  pl_time_ns end = pl_clock_now(s.clock) + 300 * PL_MS;
  while (pl_clock_now(s.clock) < end)
    pl_clock_step(s.clock, end);
  assert_int_equal(p.tries, 1);
  pl_clock_free(s.clock);
}

/* The loop was busy elsewhere while the adapter went and came: its outputs are off now, so whoever watches must hear of both. */
static void a_short_loss_is_told(void **state)
{
  (void)state;
  struct setting s;
  struct presence p = {.plugged = true};
  presence_now = &p;
  set_up(&s, false, false);
  pl_bus_set_reopen(s.bus, reopen_if_plugged);
  pl_bus_watch(s.bus, note_presence, &p);
  struct work w;
  pl_bus_lost(s.bus, "a short break");
  prepare(&s, &w, 0, pl_clock_now(s.clock) + 5 * PL_S);
  pl_clock_sleep_until(s.clock, pl_clock_now(s.clock) + 260 * PL_MS); /* no step of the loop */
  pl_bus_submit(s.bus, &w.job);
  while (pl_bus_is_lost(s.bus))
    sched_yield();
  assert_int_equal(p.lost + p.returned, 0);
  pl_bus_wait(s.bus, &w.job);
  while (!p.returned)
    assert_true(pl_clock_step(s.clock, pl_clock_now(s.clock) + PL_S));
  assert_int_equal(w.job.status, PL_OK);
  assert_int_equal(p.lost, 1);
  assert_int_equal(p.returned, 1);
  assert_string_equal(p.cause, "a short break");
  tear_down(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(virtual_jobs_follow_each_other_at_wire_speed),
      cmocka_unit_test(a_bus_stays_busy_while_time_passes),
      cmocka_unit_test(late_and_never_begun_jobs_time_out),
      cmocka_unit_test(success_leaves_no_sentence_and_run_returns_the_status),
      cmocka_unit_test(done_may_submit_again),
      cmocka_unit_test(free_cancels_the_queue_in_virtual_time),
      cmocka_unit_test(free_before_the_first_job_began),
      cmocka_unit_test(real_jobs_run_on_a_thread_of_their_own),
      cmocka_unit_test(real_time_holds_a_simulated_answer_for_its_wire_time),
      cmocka_unit_test(real_late_answers_end_at_the_deadline),
      cmocka_unit_test(free_waits_for_the_running_job_only),
      cmocka_unit_test(a_starved_real_job_times_out),
      cmocka_unit_test(a_lost_adapter_is_reopened_in_virtual_time),
      cmocka_unit_test(a_lost_adapter_is_reopened_in_real_time),
      cmocka_unit_test(an_idle_bus_notices_that_its_adapter_went),
      cmocka_unit_test(a_bus_may_be_freed_while_lost),
      cmocka_unit_test(a_bus_may_be_freed_between_two_looks),
      cmocka_unit_test(a_short_loss_is_told),
      cmocka_unit_test(names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

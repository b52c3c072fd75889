/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/base/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define WALL 1700000000000000000LL

struct log { /* what ran, in order: a letter each and its time */
  char letters[64];
  pl_time_ns times[64];
  size_t count;
  struct pl_clock *clock;
};

struct entry {
  struct log *log;
  char letter;
  struct pl_timer timer;
  struct pl_post post;
  int again; /* posts itself this many times more */
};

static void note(struct entry *e, pl_time_ns now)
{
  assert_true(e->log->count < 63);
  e->log->letters[e->log->count] = e->letter;
  e->log->times[e->log->count++] = now;
}

static void on_timer(void *ctx, pl_time_ns now)
{
  note(ctx, now);
}

static void on_post(void *ctx)
{
  struct entry *e = ctx;
  note(e, pl_clock_now(e->log->clock));
  if (e->again-- > 0)
    pl_clock_post(e->log->clock, &e->post);
}

static struct entry entry(struct log *log, char letter)
{
  return (struct entry){.log = log, .letter = letter, .timer = {.fire = on_timer}, .post = {.run = on_post}};
}

static struct pl_clock *virtual_clock(struct log *log)
{
  struct pl_err err = {0};
  assert_int_equal(pl_clock_new_virtual(WALL, &log->clock, &err), PL_OK);
  return log->clock;
}

static void arm(struct entry *e, pl_time_ns at)
{
  e->timer.ctx = e;
  pl_clock_arm(e->log->clock, &e->timer, at);
}

static void post(struct entry *e)
{
  e->post.ctx = e;
  pl_clock_post(e->log->clock, &e->post);
}

static void timers_fire_in_order_of_time_then_of_arming(void **state)
{
  (void)state;
  struct log log = {.count = 0};
  struct pl_clock *clock = virtual_clock(&log);
  struct entry a = entry(&log, 'a'), b = entry(&log, 'b'), c = entry(&log, 'c'), d = entry(&log, 'd');
  arm(&a, 30 * PL_MS);
  arm(&b, 10 * PL_MS);
  arm(&c, 10 * PL_MS);
  arm(&d, 20 * PL_MS);
  arm(&b, 10 * PL_MS); /* armed again: now behind c */
  while (pl_clock_step(clock, PL_NEVER))
    ;
  assert_string_equal(log.letters, "cbda");
  assert_int_equal(log.times[0], 10 * PL_MS);
  assert_int_equal(log.times[2], 20 * PL_MS);
  assert_int_equal(pl_clock_now(clock), 30 * PL_MS);
  assert_int_equal(pl_clock_wall_ns(clock, 5), WALL + 5);
  pl_clock_free(clock);
}

static void many_timers_keep_the_order_of_the_heap(void **state)
{
  (void)state;
  struct log log = {.count = 0};
  struct pl_clock *clock = virtual_clock(&log);
  struct entry many[60];
  for (int i = 0; i < 60; i++) {
    many[i] = entry(&log, 'x');
    arm(&many[i], (i * 37 % 60 + 1) * PL_MS);
  }
  for (int i = 0; i < 60; i += 3)
    pl_clock_disarm(clock, &many[i].timer);
  pl_clock_disarm(clock, &many[0].timer); /* twice is harmless */
  while (pl_clock_step(clock, PL_NEVER))
    ;
  assert_int_equal(log.count, 40);
  for (size_t i = 1; i < log.count; i++)
    assert_true(log.times[i - 1] < log.times[i]);
  pl_clock_free(clock);
}

static void virtual_time_stands_at_the_limit(void **state)
{
  (void)state;
  struct log log = {.count = 0};
  struct pl_clock *clock = virtual_clock(&log);
  struct entry a = entry(&log, 'a');
  arm(&a, 10 * PL_MS);
  assert_false(pl_clock_step(clock, 4 * PL_MS));
  assert_int_equal(pl_clock_now(clock), 4 * PL_MS);
  assert_false(pl_clock_step(clock, 2 * PL_MS)); /* never back */
  assert_int_equal(pl_clock_now(clock), 4 * PL_MS);
  assert_true(pl_clock_step(clock, 10 * PL_MS)); /* a timer at the limit fires */
  assert_int_equal(pl_clock_now(clock), 10 * PL_MS);
  assert_false(pl_clock_step(clock, PL_NEVER)); /* nothing left: no jump to the end of time */
  assert_int_equal(pl_clock_now(clock), 10 * PL_MS);
  arm(&a, 3 * PL_MS); /* overdue fires at once */
  assert_true(pl_clock_step(clock, PL_NEVER));
  assert_int_equal(log.times[1], 10 * PL_MS);
  pl_clock_free(clock);
}

static void posts_run_before_timers_and_once(void **state)
{
  (void)state;
  struct log log = {.count = 0};
  struct pl_clock *clock = virtual_clock(&log);
  struct entry t = entry(&log, 't'), p = entry(&log, 'p'), q = entry(&log, 'q');
  arm(&t, 0);
  post(&p);
  post(&p);
  post(&q);
  while (pl_clock_step(clock, PL_NEVER))
    ;
  assert_string_equal(log.letters, "pqt");
  pl_clock_free(clock);
}

static void a_post_that_posts_itself_does_not_starve_timers(void **state)
{
  (void)state;
  struct log log = {.count = 0};
  struct pl_clock *clock = virtual_clock(&log);
  struct entry t = entry(&log, 't'), p = entry(&log, 'p');
  p.again = 5;
  arm(&t, 0);
  post(&p);
  assert_true(pl_clock_step(clock, PL_NEVER));
  assert_string_equal(log.letters, "pt");
  while (pl_clock_step(clock, PL_NEVER))
    ;
  assert_string_equal(log.letters, "ptppppp");
  pl_clock_free(clock);
}

static void an_unposted_message_is_not_run(void **state)
{
  (void)state;
  struct log log = {.count = 0};
  struct pl_clock *clock = virtual_clock(&log);
  struct entry p = entry(&log, 'p'), q = entry(&log, 'q'), r = entry(&log, 'r');
  post(&p);
  post(&q);
  pl_clock_unpost(clock, &q.post);
  pl_clock_unpost(clock, &q.post);
  post(&r);
  while (pl_clock_step(clock, PL_NEVER))
    ;
  assert_string_equal(log.letters, "pr");
  post(&q); /* usable again */
  pl_clock_step(clock, PL_NEVER);
  assert_string_equal(log.letters, "prq");
  pl_clock_free(clock);
}

/* A peer on the other end of a pipe: answers with one byte after `delay`, or stays mute. */
struct answerer {
  int fd, pumped;
  bool mute;
  pl_time_ns delay, budget;
  struct pl_peer peer;
};

static enum pl_status pump(void *ctx, pl_time_ns budget_ns, pl_time_ns *delay_ns, struct pl_err *err)
{
  struct answerer *a = ctx;
  a->pumped++;
  a->budget = budget_ns;
  if (a->mute || a->delay > budget_ns)
    return pl_fail(err, PL_E_TIMEOUT, "mute");
  assert_int_equal(write(a->fd, "!", 1), 1);
  *delay_ns = a->delay;
  return PL_OK;
}

static void a_virtual_wait_pumps_the_peers(void **state)
{
  (void)state;
  struct log log = {.count = 0};
  struct pl_clock *clock = virtual_clock(&log);
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  struct answerer mute = {.fd = ends[1], .mute = true}, real = {.fd = ends[1], .delay = 7 * PL_MS};
  mute.peer = (struct pl_peer){.pump = pump, .ctx = &mute};
  real.peer = (struct pl_peer){.pump = pump, .ctx = &real};
  pl_clock_add_peer(clock, &mute.peer);
  pl_clock_add_peer(clock, &real.peer);
  struct pl_err err = {0};
  pl_time_ns spent = -1;
  assert_int_equal(pl_clock_wait_fd(clock, ends[0], POLLIN, 50 * PL_MS, &spent, &err), PL_OK);
  assert_int_equal(spent, 7 * PL_MS);
  assert_int_equal(err.status, PL_OK); /* the mute one left no error behind */
  assert_int_equal(mute.pumped, 1);
  assert_int_equal(real.budget, 50 * PL_MS);
  assert_int_equal(pl_clock_now(clock), 0);
  assert_int_equal(pl_clock_wait_fd(clock, ends[0], POLLIN, 50 * PL_MS, &spent, &err), PL_OK); /* the byte is there: no pumping, no time */
  assert_int_equal(spent, 0);
  assert_int_equal(real.pumped, 1);
  char byte;
  assert_int_equal(read(ends[0], &byte, 1), 1);
  assert_int_equal(pl_clock_wait_fd(clock, ends[0], POLLIN, 5 * PL_MS, &spent, &err), PL_E_TIMEOUT);
  assert_int_equal(spent, 5 * PL_MS);
  assert_string_equal(err.text, "no answer within 5 ms");
  assert_int_equal(pl_clock_wait_rest(clock, ends[0], POLLIN, 5 * PL_MS, &spent, &err), PL_E_TIMEOUT);
  assert_int_equal(spent, 5 * PL_MS);
  assert_int_equal(real.pumped, 2); /* not for the rest */
  pl_clock_remove_peer(clock, &real.peer);
  assert_int_equal(pl_clock_wait_fd(clock, ends[0], POLLIN, 50 * PL_MS, &spent, &err), PL_E_TIMEOUT);
  assert_int_equal(real.pumped, 2);
  pl_clock_remove_peer(clock, &mute.peer);
  close(ends[0]);
  close(ends[1]);
  pl_clock_free(clock);
}

static void *write_a_byte(void *ctx)
{
  assert_int_equal(write(*(int *)ctx, "!", 1), 1);
  return NULL;
}

static void the_rest_of_an_answer_may_still_be_in_the_kernel(void **state)
{
  (void)state;
  struct log log = {.count = 0};
  struct pl_clock *clock = virtual_clock(&log);
  struct pl_err err = {0};
  int ends[2];
  pthread_t thread;
  pl_time_ns spent = -1;
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(pthread_create(&thread, NULL, write_a_byte, &ends[1]), 0);
  assert_int_equal(pl_clock_wait_rest(clock, ends[0], POLLIN, PL_MS, &spent, &err), PL_OK);
  assert_int_equal(spent, 0);
  assert_int_equal(pl_clock_now(clock), 0);
  pthread_join(thread, NULL);
  close(ends[0]);
  close(ends[1]);
  pl_clock_free(clock);
}

static void *post_from_elsewhere(void *ctx)
{
  struct entry *e = ctx;
  post(e);
  return NULL;
}

static void a_post_from_another_thread_ends_a_real_wait(void **state)
{
  (void)state;
  struct log log = {.count = 0};
  struct pl_err err = {0};
  assert_int_equal(pl_clock_new_real(&log.clock, &err), PL_OK);
  struct entry p = entry(&log, 'p');
  pl_time_ns limit = pl_clock_now(log.clock) + 20 * PL_S;
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, post_from_elsewhere, &p), 0);
  while (!log.count && pl_clock_now(log.clock) < limit)
    pl_clock_step(log.clock, limit);
  pthread_join(thread, NULL);
  assert_string_equal(log.letters, "p");
  assert_true(pl_clock_now(log.clock) < limit - 10 * PL_S);
  pl_clock_free(log.clock);
}

static void real_timers_fire_not_before_their_time(void **state)
{
  (void)state;
  struct log log = {.count = 0};
  struct pl_err err = {0};
  assert_int_equal(pl_clock_new_real(&log.clock, &err), PL_OK);
  struct entry a = entry(&log, 'a'), b = entry(&log, 'b');
  pl_time_ns start = pl_clock_now(log.clock);
  arm(&a, start + 4 * PL_MS);
  arm(&b, start + 2 * PL_MS);
  while (log.count < 2)
    assert_true(pl_clock_step(log.clock, start + 20 * PL_S));
  assert_string_equal(log.letters, "ba");
  assert_true(log.times[0] >= start + 2 * PL_MS);
  assert_true(log.times[1] >= start + 4 * PL_MS);
  assert_false(pl_clock_step(log.clock, start)); /* limit in the past, nothing to run */
  pl_clock_free(log.clock);
}

static void a_real_wait_for_bytes_ends_at_its_time(void **state)
{
  (void)state;
  struct pl_clock *clock;
  struct pl_err err = {0};
  assert_int_equal(pl_clock_new_real(&clock, &err), PL_OK);
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pl_time_ns spent = 0;
  assert_int_equal(pl_clock_wait_fd(clock, ends[0], POLLIN, 3 * PL_MS, &spent, &err), PL_E_TIMEOUT);
  assert_true(spent >= 3 * PL_MS);
  assert_int_equal(write(ends[1], "!", 1), 1);
  assert_int_equal(pl_clock_wait_fd(clock, ends[0], POLLIN, PL_NEVER, &spent, &err), PL_OK); /* no overflow */
  pl_time_ns until = pl_clock_now(clock) + 2 * PL_MS;
  pl_clock_sleep_until(clock, until);
  assert_true(pl_clock_now(clock) >= until);
  close(ends[0]);
  close(ends[1]);
  pl_clock_free(clock);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(timers_fire_in_order_of_time_then_of_arming),
      cmocka_unit_test(many_timers_keep_the_order_of_the_heap),
      cmocka_unit_test(virtual_time_stands_at_the_limit),
      cmocka_unit_test(posts_run_before_timers_and_once),
      cmocka_unit_test(a_post_that_posts_itself_does_not_starve_timers),
      cmocka_unit_test(an_unposted_message_is_not_run),
      cmocka_unit_test(a_virtual_wait_pumps_the_peers),
      cmocka_unit_test(the_rest_of_an_answer_may_still_be_in_the_kernel),
      cmocka_unit_test(a_post_from_another_thread_ends_a_real_wait),
      cmocka_unit_test(real_timers_fire_not_before_their_time),
      cmocka_unit_test(a_real_wait_for_bytes_ends_at_its_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct pl_clock {
  bool is_virtual;
  pl_time_ns now;      /* virtual only */
  int64_t wall_ns;     /* wall time at clock time 0 */
  int64_t origin_ns;   /* real: CLOCK_MONOTONIC at clock time 0 */
  uint64_t next_order;
  struct pl_timer **heap;
  size_t count, capacity;
  struct pl_peer *peers;
  pthread_mutex_t lock; /* guards the posts */
  struct pl_post *posts, **posts_tail;
  size_t n_posts;
  int wake_fd;
};

static int64_t read_ns(clockid_t id)
{
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * PL_S + t.tv_nsec;
}

static enum pl_status new_clock(struct pl_clock **out, struct pl_err *err)
{
  struct pl_clock *clock = calloc(1, sizeof *clock);
  if (!clock)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a clock");
  clock->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (clock->wake_fd < 0) {
    free(clock);
    return pl_fail_errno(err, "cannot make the clock's wake-up descriptor");
  }
  pthread_mutex_init(&clock->lock, NULL);
  clock->posts_tail = &clock->posts;
  *out = clock;
  return PL_OK;
}

enum pl_status pl_clock_new_virtual(int64_t wall_ns, struct pl_clock **out, struct pl_err *err)
{
  enum pl_status status = new_clock(out, err);
  if (status)
    return status;
  (*out)->is_virtual = true;
  (*out)->wall_ns = wall_ns;
  return PL_OK;
}

enum pl_status pl_clock_new_real(struct pl_clock **out, struct pl_err *err)
{
  enum pl_status status = new_clock(out, err);
  if (status)
    return status;
  (*out)->origin_ns = read_ns(CLOCK_MONOTONIC);
  (*out)->wall_ns = read_ns(CLOCK_REALTIME);
  return PL_OK;
}

enum pl_status pl_clock_new_beside(const struct pl_clock *first, struct pl_clock **out, struct pl_err *err)
{
  assert(!first->is_virtual); /* virtual time has one loop */
  enum pl_status status = new_clock(out, err);
  if (status)
    return status;
  (*out)->origin_ns = first->origin_ns;
  (*out)->wall_ns = first->wall_ns;
  return PL_OK;
}

void pl_clock_free(struct pl_clock *clock)
{
  if (!clock)
    return;
  close(clock->wake_fd);
  pthread_mutex_destroy(&clock->lock);
  free(clock->heap);
  free(clock);
}

bool pl_clock_is_virtual(const struct pl_clock *clock)
{
  return clock->is_virtual;
}

pl_time_ns pl_clock_now(const struct pl_clock *clock)
{
  return clock->is_virtual ? clock->now : read_ns(CLOCK_MONOTONIC) - clock->origin_ns;
}

int64_t pl_clock_wall_ns(const struct pl_clock *clock, pl_time_ns at)
{
  return clock->wall_ns + at;
}

/* --- timers: a binary heap ordered by (at, order) --- */

static bool earlier(const struct pl_timer *a, const struct pl_timer *b)
{
  return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void place(struct pl_clock *clock, size_t slot, struct pl_timer *timer)
{
  clock->heap[slot - 1] = timer;
  timer->slot = slot;
}

static void sift_up(struct pl_clock *clock, struct pl_timer *timer)
{
  size_t slot = timer->slot;
  for (; slot > 1 && earlier(timer, clock->heap[slot / 2 - 1]); slot /= 2)
    place(clock, slot, clock->heap[slot / 2 - 1]);
  place(clock, slot, timer);
}

static void sift_down(struct pl_clock *clock, struct pl_timer *timer)
{
  size_t slot = timer->slot;
  for (;;) {
    size_t child = 2 * slot;
    if (child > clock->count)
      break;
    if (child < clock->count && earlier(clock->heap[child], clock->heap[child - 1]))
      child++;
    if (!earlier(clock->heap[child - 1], timer))
      break;
    place(clock, slot, clock->heap[child - 1]);
    slot = child;
  }
  place(clock, slot, timer);
}

void pl_clock_arm(struct pl_clock *clock, struct pl_timer *timer, pl_time_ns at)
{
  pl_clock_disarm(clock, timer);
  if (clock->count == clock->capacity) {
    size_t capacity = clock->capacity ? 2 * clock->capacity : 64;
    struct pl_timer **heap = realloc(clock->heap, capacity * sizeof *heap);
    assert(heap); /* a few kilobytes at most: there is no sensible way on */
    clock->heap = heap;
    clock->capacity = capacity;
  }
  timer->at = at;
  timer->order = clock->next_order++;
  place(clock, ++clock->count, timer);
  sift_up(clock, timer);
}

void pl_clock_disarm(struct pl_clock *clock, struct pl_timer *timer)
{
  size_t slot = timer->slot;
  if (!slot)
    return;
  struct pl_timer *last = clock->heap[--clock->count];
  timer->slot = 0;
  if (last == timer)
    return;
  place(clock, slot, last);
  sift_up(clock, last);
  sift_down(clock, last);
}

/* --- posts --- */

void pl_clock_wake(struct pl_clock *clock)
{
  uint64_t one = 1;
  int saved = errno;
  ssize_t ignored = write(clock->wake_fd, &one, sizeof one);
  (void)ignored; /* a full eventfd is a wake-up already */
  errno = saved;
}

void pl_clock_post(struct pl_clock *clock, struct pl_post *post)
{
  pthread_mutex_lock(&clock->lock);
  bool fresh = !post->queued;
  if (fresh) {
    post->queued = true;
    post->next = NULL;
    *clock->posts_tail = post;
    clock->posts_tail = &post->next;
    clock->n_posts++;
  }
  pthread_mutex_unlock(&clock->lock);
  if (fresh && !clock->is_virtual)
    pl_clock_wake(clock);
}

static void unlink_post(struct pl_clock *clock, struct pl_post **link) /* lock held */
{
  struct pl_post *post = *link;
  *link = post->next;
  if (clock->posts_tail == &post->next)
    clock->posts_tail = link;
  clock->n_posts--;
  post->queued = false;
}

void pl_clock_unpost(struct pl_clock *clock, struct pl_post *post)
{
  pthread_mutex_lock(&clock->lock);
  for (struct pl_post **link = &clock->posts; *link; link = &(*link)->next)
    if (*link == post) {
      unlink_post(clock, link);
      break;
    }
  pthread_mutex_unlock(&clock->lock);
}

static struct pl_post *take_post(struct pl_clock *clock)
{
  pthread_mutex_lock(&clock->lock);
  struct pl_post *post = clock->posts;
  if (post)
    unlink_post(clock, &clock->posts);
  pthread_mutex_unlock(&clock->lock);
  return post;
}

/* --- the loop --- */

/* As many as are there now: one that posts itself again must not keep the timers from running. */
static bool run_posts(struct pl_clock *clock)
{
  pthread_mutex_lock(&clock->lock);
  size_t count = clock->n_posts;
  pthread_mutex_unlock(&clock->lock);
  bool ran = false;
  for (struct pl_post *post; count-- && (post = take_post(clock)); ran = true)
    post->run(post->ctx);
  return ran;
}

static bool run_timers(struct pl_clock *clock)
{
  pl_time_ns now = pl_clock_now(clock);
  if (!clock->count || clock->heap[0]->at > now)
    return false;
  struct pl_timer *timer = clock->heap[0];
  pl_clock_disarm(clock, timer);
  timer->fire(timer->ctx, now);
  return true;
}

static bool run_due(struct pl_clock *clock)
{
  bool posts = run_posts(clock);
  bool timers = run_timers(clock); /* after the posts: the operands of | have no order */
  return posts || timers;
}

static void wait_real(struct pl_clock *clock, pl_time_ns until)
{
  pl_time_ns left = until == PL_NEVER ? PL_NEVER : until - pl_clock_now(clock);
  if (left <= 0)
    return;
  struct timespec span = {.tv_sec = left / PL_S, .tv_nsec = left % PL_S};
  struct pollfd fd = {.fd = clock->wake_fd, .events = POLLIN};
  if (ppoll(&fd, 1, left == PL_NEVER ? NULL : &span, NULL) > 0) {
    uint64_t drained;
    ssize_t ignored = read(clock->wake_fd, &drained, sizeof drained);
    (void)ignored;
  }
}

bool pl_clock_step(struct pl_clock *clock, pl_time_ns limit)
{
  if (run_due(clock))
    return true;
  pl_time_ns next = clock->count ? clock->heap[0]->at : PL_NEVER;
  pl_time_ns until = next < limit ? next : limit;
  if (!clock->is_virtual) {
    wait_real(clock, until);
    return run_due(clock) || pl_clock_now(clock) < limit;
  }
  if (until != PL_NEVER && until > clock->now)
    clock->now = until;
  return run_timers(clock);
}

/* --- waits of workers --- */

static enum pl_status poll_fd(int fd, short events, pl_time_ns timeout_ns, struct pl_err *err)
{
  pl_time_ns start = read_ns(CLOCK_MONOTONIC), end = timeout_ns < PL_NEVER - start ? start + timeout_ns : PL_NEVER;
  for (;;) {
    pl_time_ns left = end - read_ns(CLOCK_MONOTONIC);
    if (left < 0)
      left = 0;
    struct timespec span = {.tv_sec = left / PL_S, .tv_nsec = left % PL_S};
    struct pollfd p = {.fd = fd, .events = events};
    int n = ppoll(&p, 1, &span, NULL);
    if (n > 0)
      return PL_OK; /* an error or hang-up shows at the next read */
    if (n < 0 && errno != EINTR)
      return pl_fail_errno(err, "cannot wait for descriptor %d", fd);
    if (n == 0)
      return pl_fail(err, PL_E_TIMEOUT, "no answer within %lld ms", (long long)(timeout_ns / PL_MS));
  }
}

/* Bytes that a peer wrote are on their way through the kernel: they arrive at once on any sane machine, this is the bound. */
#define ARRIVAL_NS (5 * PL_S)

static enum pl_status wait_virtual(struct pl_clock *clock, int fd, short events, pl_time_ns timeout_ns, pl_time_ns *spent_ns, struct pl_err *err)
{
  struct pollfd p = {.fd = fd, .events = events};
  *spent_ns = 0;
  if (poll(&p, 1, 0) > 0)
    return PL_OK;
  for (struct pl_peer *peer = clock->peers; peer; peer = peer->next) {
    pl_time_ns delay_ns = 0;
    struct pl_err theirs = {PL_OK, ""}; /* a peer that stays mute is no error of ours when the next one answers */
    enum pl_status status = peer->pump(peer->ctx, timeout_ns, &delay_ns, &theirs);
    if (status == PL_E_TIMEOUT)
      continue;
    if (status)
      return pl_fail(err, status, "%s", theirs.text);
    *spent_ns = delay_ns;
    return poll_fd(fd, events, ARRIVAL_NS, err);
  }
  *spent_ns = timeout_ns;
  return pl_fail(err, PL_E_TIMEOUT, "no answer within %lld ms", (long long)(timeout_ns / PL_MS));
}

enum pl_status pl_clock_wait_fd(struct pl_clock *clock, int fd, short events, pl_time_ns timeout_ns, pl_time_ns *spent_ns, struct pl_err *err)
{
  pl_time_ns unused;
  if (!spent_ns)
    spent_ns = &unused;
  if (timeout_ns < 0)
    timeout_ns = 0;
  if (clock->is_virtual)
    return wait_virtual(clock, fd, events, timeout_ns, spent_ns, err);
  pl_time_ns start = pl_clock_now(clock);
  enum pl_status status = poll_fd(fd, events, timeout_ns, err);
  *spent_ns = pl_clock_now(clock) - start;
  return status;
}

/* The rest of an answer is in the kernel already, or it never comes: this is how long a pty's work queue may take (wall time). */
#define REST_NS (200 * PL_MS)

enum pl_status pl_clock_wait_rest(struct pl_clock *clock, int fd, short events, pl_time_ns timeout_ns, pl_time_ns *spent_ns, struct pl_err *err)
{
  if (!clock->is_virtual)
    return pl_clock_wait_fd(clock, fd, events, timeout_ns, spent_ns, err);
  enum pl_status status = poll_fd(fd, events, REST_NS, err);
  if (status == PL_E_TIMEOUT)
    status = pl_fail(err, PL_E_TIMEOUT, "no more bytes within %lld ms", (long long)(timeout_ns / PL_MS));
  if (spent_ns)
    *spent_ns = status ? timeout_ns : 0;
  return status;
}

void pl_clock_add_peer(struct pl_clock *clock, struct pl_peer *peer)
{
  struct pl_peer **end = &clock->peers;
  while (*end)
    end = &(*end)->next;
  peer->next = NULL;
  *end = peer;
}

void pl_clock_remove_peer(struct pl_clock *clock, struct pl_peer *peer)
{
  for (struct pl_peer **link = &clock->peers; *link; link = &(*link)->next)
    if (*link == peer) {
      *link = peer->next;
      return;
    }
}

void pl_clock_sleep_until(struct pl_clock *clock, pl_time_ns at)
{
  assert(!clock->is_virtual);
  int64_t wall = clock->origin_ns + at;
  struct timespec t = {.tv_sec = wall / PL_S, .tv_nsec = wall % PL_S};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
    ;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BASE_CLOCK_H
#define PL_BASE_CLOCK_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Time and the loop. One clock per program run, real or virtual; nothing else sleeps, waits or reads the wall clock.
 *
 * The thread that calls pl_clock_step() is the loop's thread. All callbacks (timers, posts) run there.
 * Virtual time stands still while anything is runnable and jumps to the next timer when nothing is. Work that takes time on a
 * wire is charged by arming a timer at its end (drivers/bus does that), so the same seed gives the same times.
 */
typedef int64_t pl_time_ns; /* monotonic, from the clock's start */
#define PL_NEVER INT64_MAX
#define PL_US ((pl_time_ns)1000)
#define PL_MS ((pl_time_ns)1000000)
#define PL_S ((pl_time_ns)1000000000)

struct pl_clock;

struct pl_timer { /* caller-owned; zero-initialise, set fire and ctx; must outlive its arming */
  void (*fire)(void *ctx, pl_time_ns now);
  void *ctx;
  pl_time_ns at;
  uint64_t order; /* ties fire in arming order */
  size_t slot;    /* 1-based place in the heap; 0 when not armed */
};

struct pl_post { /* caller-owned message to the loop's thread */
  void (*run)(void *ctx);
  void *ctx;
  struct pl_post *next;
  bool queued;
};

/*
 * Something in this process that answers on a descriptor (the twin's Modbus server). In virtual time a blocking wait on a
 * descriptor hands control to the peers: each looks at what has arrived, answers at once or later, or stays mute.
 *   pump: returns PL_OK when it wrote an answer now, with *delay_ns the virtual time that it took;
 *   PL_E_TIMEOUT when it will not answer within budget_ns (it may answer later, by a timer of its own).
 */
struct pl_peer {
  enum pl_status (*pump)(void *ctx, pl_time_ns budget_ns, pl_time_ns *delay_ns, struct pl_err *err);
  void *ctx;
  struct pl_peer *next;
};

/* wall_ns: what the wall clock reads at time 0 of a virtual clock (nanoseconds since 1970-01-01 UTC). */
enum pl_status pl_clock_new_virtual(int64_t wall_ns, struct pl_clock **clock, struct pl_err *err);
enum pl_status pl_clock_new_real(struct pl_clock **clock, struct pl_err *err);
/* A second real clock that reads the same as `first`: for a thread that has a loop of its own. */
enum pl_status pl_clock_new_beside(const struct pl_clock *first, struct pl_clock **clock, struct pl_err *err);
void pl_clock_free(struct pl_clock *clock);

bool pl_clock_is_virtual(const struct pl_clock *clock);
pl_time_ns pl_clock_now(const struct pl_clock *clock);       /* real: any thread; virtual: the loop's thread */
int64_t pl_clock_wall_ns(const struct pl_clock *clock, pl_time_ns at); /* UTC nanoseconds of a monotonic time */

void pl_clock_arm(struct pl_clock *clock, struct pl_timer *timer, pl_time_ns at); /* re-arms when armed; loop's thread */
void pl_clock_disarm(struct pl_clock *clock, struct pl_timer *timer);             /* no-op when not armed */
void pl_clock_post(struct pl_clock *clock, struct pl_post *post); /* any thread; a post already queued is not queued twice */
void pl_clock_unpost(struct pl_clock *clock, struct pl_post *post); /* takes it out again; no-op when not queued */
void pl_clock_wake(struct pl_clock *clock);                       /* async-signal-safe: ends a wait in pl_clock_step */

/* Runs what is due; when nothing is, waits for (real) or jumps to (virtual) the next timer, not past `limit`.
 * Returns false when nothing was run and `limit` was reached. */
bool pl_clock_step(struct pl_clock *clock, pl_time_ns limit);

/* For workers. Waits until fd has `events` (poll.h) or timeout_ns passed: PL_OK or PL_E_TIMEOUT. In virtual time the peers are pumped, and
 * *spent_ns (may be NULL) receives the virtual time that the wait took; the clock itself does not move. */
enum pl_status pl_clock_wait_fd(struct pl_clock *clock, int fd, short events, pl_time_ns timeout_ns, pl_time_ns *spent_ns, struct pl_err *err);
/* As pl_clock_wait_fd, in the middle of an answer. In virtual time no peer is pumped: the bytes are given a moment of wall time to come through
 * the kernel (a pty hands them over in pieces). */
enum pl_status pl_clock_wait_rest(struct pl_clock *clock, int fd, short events, pl_time_ns timeout_ns, pl_time_ns *spent_ns, struct pl_err *err);
void pl_clock_add_peer(struct pl_clock *clock, struct pl_peer *peer);
void pl_clock_remove_peer(struct pl_clock *clock, struct pl_peer *peer);
/* Blocks a worker thread until `at`. Real time only (asserts). The one place that sleeps. */
void pl_clock_sleep_until(struct pl_clock *clock, pl_time_ns at);

#endif

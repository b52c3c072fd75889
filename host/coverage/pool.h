/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_COVERAGE_POOL_H
#define PL_COVERAGE_POOL_H

#include "drivers/base/clock.h"

/*
 * Work in processes of its own, some at a time: what dies or never ends takes only its own result with it. The caller has no threads.
 * Results come back through a pipe, so they hold no pointers and are at most PL_POOL_RESULT_MAX bytes (one write(2) that the kernel does not tear).
 */
#define PL_POOL_RESULT_MAX 4096

struct pl_pool {
  size_t count, jobs, result_size;
  pl_time_ns limit;    /* of one piece of work, in real time */
  volatile int *stop;  /* may be NULL: not 0 ends everything */
  void (*work)(void *ctx, size_t index, void *result);                         /* in the process of its own; result is zeroed */
  void (*done)(void *ctx, size_t index, const void *result, const char *how); /* here; result NULL: there is none, how says why */
  void *ctx;
};

/* PL_E_CANCELLED when stopped: what ran is ended, what had not begun is left out. */
enum pl_status pl_pool_run(const struct pl_pool *pool, struct pl_err *err);

#endif

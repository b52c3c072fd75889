/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BASE_THREAD_H
#define PL_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread that takes no signals, nor do those that it starts: they are the loop's. */
bool pl_thread_start(pthread_t *thread, void *(*run)(void *ctx), void *ctx);

#endif

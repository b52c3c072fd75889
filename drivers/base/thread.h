/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BASE_THREAD_H
#define PL_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread that takes no signals, nor do those that it starts: they are the loop's. */
bool pl_thread_start(pthread_t *thread, void *(*run)(void *ctx), void *ctx);

/* A mutex whose holder runs at the priority of the most urgent thread that waits for it: for locks that a real-time thread takes, too (host/safety). */
void pl_mutex_init(pthread_mutex_t *mutex);

#endif

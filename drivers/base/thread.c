/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/base/thread.h"

#include <signal.h>

bool pl_thread_start(pthread_t *thread, void *(*run)(void *ctx), void *ctx)
{
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = pthread_create(thread, NULL, run, ctx) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return started;
}

void pl_mutex_init(pthread_mutex_t *mutex)
{
  pthread_mutexattr_t attr;
  pthread_mutexattr_init(&attr);
  pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT); /* not known to the system: it stays a plain one */
  pthread_mutex_init(mutex, &attr);
  pthread_mutexattr_destroy(&attr);
}

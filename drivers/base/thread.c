/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/base/thread.h"

#include <signal.h>

/* No thread of ours needs more, ten times over. The usual 8 MiB each become resident where memory is locked (mlockall of the interlock), and a run that is
 * killed is not gone before the kernel has freed them: 72 MiB cost 6 ms, during which the guardian can do nothing. */
#define STACK_BYTES (1024 * 1024)

bool pl_thread_start(pthread_t *thread, void *(*run)(void *ctx), void *ctx)
{
  sigset_t all, before;
  pthread_attr_t attr;
  bool sized = !pthread_attr_init(&attr);
  if (sized)
    pthread_attr_setstacksize(&attr, STACK_BYTES); /* refused: the usual one */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = pthread_create(thread, sized ? &attr : NULL, run, ctx) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (sized)
    pthread_attr_destroy(&attr);
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/safety/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define PRIORITY 40 /* below the interlock's thread, above everything that has no priority at all */

/* What ends a terminal's programs, or all of a session, ends the runner, which makes safe itself; the guardian stays until that is done. */
static void ignore_signals(void)
{
  static const int IGNORED[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXFSZ, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2, SIGALRM};
  for (size_t i = 0; i < sizeof IGNORED / sizeof *IGNORED; i++)
    signal(IGNORED[i], SIG_IGN);
}

/* proc_pid_oom_score_adj(5): -1000 is never chosen; a lower value than before needs CAP_SYS_RESOURCE. */
static int keep_from_oom_killer(void)
{
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return errno;
  int error = write(fd, "-1000", 5) == 5 ? 0 : errno;
  close(fd);
  return error;
}

/* What is there is made resident, what comes is when it is first touched (MCL_ONFAULT): whole stacks of threads to come would be megabytes each. */
static int lock_memory(void)
{
  if (mlockall(MCL_CURRENT) || mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) {
    int error = errno;
    munlockall(); /* a lock up to RLIMIT_MEMLOCK would refuse memory later on */
    return error;
  }
  return 0;
}

/* The threads of the buses inherit it. */
static int take_priority(void)
{
  const struct sched_param param = {.sched_priority = PRIORITY};
  return sched_setscheduler(0, SCHED_FIFO, &param) ? errno : 0;
}

void pl_guard_take_rights(char *notes, size_t size)
{
  static const struct {
    int (*take)(void);
    const char *refused;
  } RIGHTS[] = {
      {keep_from_oom_killer, "it may be chosen when memory runs out"},
      {lock_memory, "its memory is not locked"},
      {take_priority, "it has no real-time priority"},
  };
  size_t used = 0;
  *notes = '\0';
  ignore_signals();
  prctl(PR_SET_NAME, "plumb-guardian");
  for (size_t i = 0; i < sizeof RIGHTS / sizeof *RIGHTS; i++) {
    int error = RIGHTS[i].take();
    if (error && used < size)
      used += (size_t)snprintf(notes + used, size - used, "%s%s (%s)", used ? "; " : "", RIGHTS[i].refused, strerror(error));
  }
}

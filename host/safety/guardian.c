/* SPDX-License-Identifier: Apache-2.0 */
/* The runner's side of the guardian. */
#include "host/safety/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define READY_NS (10 * PL_S)
#define END_NS (5 * PL_S)
#define ACT_NS (60 * PL_S) /* longer than the guardian tries */
#define BEATS 10           /* within the limit, or more: */
#define BEAT_NS (50 * PL_MS) /* this is also how soon the guardian's death is noticed */
#define LINK 3             /* the socket in the guardian */

struct pl_guardian {
  struct pl_clock *clock;
  int fd;
  pid_t pid; /* 0: none, or waited for */
  pl_time_ns limit, heard;
  struct pl_timer timer;
  struct pl_err lost;
};

bool pl_guardian_needed(const struct pl_rig *rig)
{
  for (size_t i = 0; i < rig->n_devices; i++)
    if (rig->devices[i].n_safe && !rig->devices[i].bus->on_twin && rig->devices[i].owner != PL_OWNER_INTERLOCK)
      return true;
  return false;
}

static void say(struct pl_guardian *guardian, const char *message, size_t len)
{
  if (guardian->fd >= 0 && send(guardian->fd, message, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) { /* that it is gone, or takes no more, shows by its silence */
  }
}

/* --- starting --- */

static char **with_bind_now(void)
{
  size_t n = 0;
  while (environ[n])
    n++;
  char **env = calloc(n + 2, sizeof *env);
  for (size_t i = 0; i < n && env; i++)
    env[i] = environ[i];
  if (env)
    env[n] = (char *)(uintptr_t)"LD_BIND_NOW=1"; /* no symbol is looked up, and no page of it read, when it matters */
  return env;
}

/* A fresh program: it shares no memory, no thread and no lock with the runner. It is not of the terminal's session. */
static int spawn(pid_t *pid, int link, char *const *argv, char *const *env)
{
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attr;
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&files, link, LINK);
  posix_spawnattr_init(&attr);
  posix_spawnattr_setsigdefault(&attr, &all);
  posix_spawnattr_setsigmask(&attr, &none);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  int error = posix_spawn(pid, "/proc/self/exe", &files, &attr, argv, env);
  posix_spawnattr_destroy(&attr);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

static enum pl_status launch(struct pl_guardian *guardian, const struct pl_guardian_cfg *cfg, int theirs, struct pl_err *err)
{
  char runner[24], limit[32];
  snprintf(runner, sizeof runner, "%ld", (long)getpid());
  snprintf(limit, sizeof limit, "%lld us", (long long)(cfg->limit_ns / PL_US));
  const char *const argv[] = {"plumb", "guardian", "--rig", cfg->rig->path, "--sha256", cfg->rig->sha256, "--record", cfg->record,
                              "--runner", runner, "--limit", limit, cfg->bench_only ? "--bench-only" : NULL, NULL};
  char **env = with_bind_now();
  int error = env ? spawn(&guardian->pid, theirs, (char *const *)(uintptr_t)argv, env) : ENOMEM;
  free(env);
  return error ? pl_fail(err, PL_E_IO, "the guardian process cannot be started: %s; nothing is driven without it", strerror(error)) : PL_OK;
}

static enum pl_status await_ready(struct pl_guardian *guardian, struct pl_err *err)
{
  char text[PL_ERR_TEXT_MAX];
  enum pl_status status = pl_clock_wait_fd(guardian->clock, guardian->fd, POLLIN, READY_NS, NULL, err);
  ssize_t n = status ? 0 : recv(guardian->fd, text, sizeof text - 1, MSG_DONTWAIT);
  text[n > 0 ? n : 0] = '\0';
  if (!status && *text == 'R')
    return PL_OK;
  if (!status && *text == 'X')
    return pl_fail(err, PL_E_IO, "the guardian process does not begin: %.400s", text + 1);
  return pl_fail(err, PL_E_IO, status ? "the guardian process is not ready after %d s; nothing is driven without it" : "the guardian process ended as it began",
                 (int)(READY_NS / PL_S));
}

enum pl_status pl_guardian_start(const struct pl_guardian_cfg *cfg, struct pl_guardian **out, struct pl_err *err)
{
  int ends[2];
  struct pl_guardian *guardian = calloc(1, sizeof *guardian);
  if (!guardian)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the guardian");
  *guardian = (struct pl_guardian){.clock = cfg->clock, .fd = -1, .limit = cfg->limit_ns};
  enum pl_status status = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) ? pl_fail_errno(err, "cannot make the guardian's socket") : PL_OK;
  if (!status) {
    guardian->fd = ends[0];
    status = launch(guardian, cfg, ends[1], err);
    close(ends[1]);
  }
  if (!status)
    status = await_ready(guardian, err);
  if (status) {
    (void)pl_guardian_end(guardian, true, NULL);
    return status;
  }
  *out = guardian;
  return PL_OK;
}

/* --- the watch, both ways --- */

static void describe_death(struct pl_guardian *guardian, char *text, size_t size)
{
  int status = 0;
  bool waited = guardian->pid && waitpid(guardian->pid, &status, WNOHANG) == guardian->pid; /* just dead, it may not be a zombie yet */
  if (waited && WIFSIGNALED(status))
    snprintf(text, size, " by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
  else if (waited)
    snprintf(text, size, " with exit code %d", WEXITSTATUS(status));
  else
    *text = '\0';
  if (waited)
    guardian->pid = 0;
}

static void hear(struct pl_guardian *guardian, pl_time_ns now)
{
  char bytes[64], how[80];
  ssize_t n;
  while ((n = recv(guardian->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0 || (n < 0 && errno == EINTR))
    guardian->heard = now;
  if (n == 0 || errno == ECONNRESET) {
    describe_death(guardian, how, sizeof how);
    pl_fail(&guardian->lost, PL_E_GONE, "the guardian process ended%s: nobody would make the rig safe if this run were lost", how);
  } else if (now - guardian->heard > guardian->limit) {
    pl_fail(&guardian->lost, PL_E_TIMEOUT, "the guardian process has not answered for %lld ms: nobody would make the rig safe if this run were lost",
            (long long)((now - guardian->heard) / PL_MS));
  }
}

static void beat(void *ctx, pl_time_ns now)
{
  struct pl_guardian *guardian = ctx;
  hear(guardian, now);
  if (guardian->lost.status)
    return;
  say(guardian, "b", 1);
  pl_time_ns gap = guardian->limit / BEATS;
  pl_clock_arm(guardian->clock, &guardian->timer, now + (gap < BEAT_NS ? gap : BEAT_NS));
}

void pl_guardian_opening(struct pl_guardian *guardian)
{
  say(guardian, "O", 1);
}

void pl_guardian_driving(struct pl_guardian *guardian)
{
  guardian->timer = (struct pl_timer){.fire = beat, .ctx = guardian};
  guardian->heard = pl_clock_now(guardian->clock);
  beat(guardian, guardian->heard);
}

void pl_guardian_rest(struct pl_guardian *guardian)
{
  pl_clock_disarm(guardian->clock, &guardian->timer);
  say(guardian, "H", 1);
}

const struct pl_err *pl_guardian_lost(void *ctx)
{
  const struct pl_guardian *guardian = ctx;
  return guardian->lost.status ? &guardian->lost : NULL;
}

/* --- the end --- */

/* Until it has closed its end, which it does when it ends; then it is waited for. */
static bool await_end(struct pl_guardian *guardian, pl_time_ns limit)
{
  pl_time_ns until = pl_clock_now(guardian->clock) + limit;
  char bytes[64];
  for (pl_time_ns left = limit; left > 0; left = until - pl_clock_now(guardian->clock)) {
    if (pl_clock_wait_fd(guardian->clock, guardian->fd, POLLIN, left, NULL, NULL))
      return false;
    ssize_t n = recv(guardian->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno == ECONNRESET))
      return true;
  }
  return false;
}

enum pl_status pl_guardian_end(struct pl_guardian *guardian, bool safe, struct pl_err *err)
{
  if (!guardian)
    return PL_OK;
  enum pl_status result = PL_OK;
  int status = 0;
  pl_clock_disarm(guardian->clock, &guardian->timer);
  say(guardian, safe ? "S" : "E", 1);
  bool ended = guardian->fd < 0 || await_end(guardian, safe ? END_NS : ACT_NS);
  if (guardian->pid && !ended)
    kill(guardian->pid, SIGKILL); /* it has nothing to do any more, or could not do it */
  if (guardian->pid && waitpid(guardian->pid, &status, 0) != guardian->pid)
    status = 0;
  if (!safe && (!ended || guardian->lost.status || status))
    result = pl_fail(err, PL_E_IO, "the guardian could not make the rig safe either: see its record");
  if (guardian->fd >= 0)
    close(guardian->fd);
  free(guardian);
  return result;
}

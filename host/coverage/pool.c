/* SPDX-License-Identifier: Apache-2.0 */
#include "host/coverage/pool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define JOBS_MAX 256
#define LOOK_MS 100 /* how soon a signal or an end of time is seen */

struct worker {
  pid_t pid; /* 0: free */
  int fd;
  size_t index, have;
  pl_time_ns until;
  bool over; /* its time */
  _Alignas(max_align_t) char result[PL_POOL_RESULT_MAX];
};

struct running {
  const struct pl_pool *pool;
  struct pl_clock *clock;
  struct worker *workers;
  struct pollfd *fds;
  size_t n_workers, next, busy;
};

/* In the new process. What a sequence prints is the record's; what a crash says on stderr is worth seeing. */
static _Noreturn void be_worker(const struct pl_pool *pool, size_t index, int fd, pid_t parent)
{
  _Alignas(max_align_t) char result[PL_POOL_RESULT_MAX] = {0};
  static const int ENDS[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++)
    signal(ENDS[i], SIG_DFL);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (getppid() != parent || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
    _exit(1);
  pool->work(pool->ctx, index, result);
  _exit(write(fd, result, pool->result_size) == (ssize_t)pool->result_size ? 0 : 1);
}

static enum pl_status begin(struct running *r, struct worker *worker, struct pl_err *err)
{
  int ends[2];
  pid_t self = getpid();
  if (pipe2(ends, O_CLOEXEC))
    return pl_fail_errno(err, "cannot make a pipe for a run");
  fflush(stdout); /* or the child has a copy of what was not written yet */
  pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    be_worker(r->pool, r->next, ends[1], self);
  }
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return pl_fail_errno(err, "cannot start a process for a run");
  }
  worker->pid = pid;
  worker->fd = ends[0];
  worker->index = r->next++;
  worker->have = 0;
  worker->over = false;
  worker->until = pl_clock_now(r->clock) + r->pool->limit;
  r->busy++;
  return PL_OK;
}

static void tell_how(const struct running *r, const struct worker *worker, int state, char *how, size_t size)
{
  if (worker->over)
    snprintf(how, size, "no end within %lld s", (long long)(r->pool->limit / PL_S));
  else if (WIFSIGNALED(state))
    snprintf(how, size, "ended by signal %d (%s)", WTERMSIG(state), strsignal(WTERMSIG(state)));
  else
    snprintf(how, size, "ended with code %d and no result", WEXITSTATUS(state));
}

/* The process is gone, or will be at once: it has closed its end. */
static void finish(struct running *r, struct worker *worker, bool wanted)
{
  int state = 0;
  char how[160];
  while (waitpid(worker->pid, &state, 0) < 0 && errno == EINTR)
    ;
  close(worker->fd);
  worker->pid = 0;
  r->busy--;
  if (!wanted)
    return;
  bool whole = worker->have == r->pool->result_size && WIFEXITED(state) && !WEXITSTATUS(state);
  tell_how(r, worker, state, how, sizeof how);
  r->pool->done(r->pool->ctx, worker->index, whole ? worker->result : NULL, whole ? NULL : how);
}

static void take(struct running *r, struct worker *worker)
{
  char spare;
  size_t room = r->pool->result_size - worker->have;
  ssize_t n = read(worker->fd, room ? worker->result + worker->have : &spare, room ? room : 1);
  if (n > 0 && room)
    worker->have += (size_t)n;
  else if (n == 0 || (errno != EINTR && errno != EAGAIN))
    finish(r, worker, true);
}

static void look(struct running *r)
{
  pl_time_ns now = pl_clock_now(r->clock);
  for (size_t i = 0; i < r->n_workers; i++)
    r->fds[i] = (struct pollfd){.fd = r->workers[i].pid ? r->workers[i].fd : -1, .events = POLLIN};
  int ready = poll(r->fds, r->n_workers, LOOK_MS);
  for (size_t i = 0; i < r->n_workers; i++) {
    struct worker *worker = &r->workers[i];
    if (ready > 0 && worker->pid && r->fds[i].revents)
      take(r, worker);
    if (worker->pid && now >= worker->until && !worker->over) {
      worker->over = true;
      kill(worker->pid, SIGKILL);
    }
  }
}

static void end_all(struct running *r)
{
  for (size_t i = 0; i < r->n_workers; i++)
    if (r->workers[i].pid)
      kill(r->workers[i].pid, SIGKILL);
  for (size_t i = 0; i < r->n_workers; i++)
    if (r->workers[i].pid)
      finish(r, &r->workers[i], false);
}

static bool stopped(const struct pl_pool *pool)
{
  return pool->stop && *pool->stop;
}

static enum pl_status run_all(struct running *r, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  while (!status && !stopped(r->pool) && (r->busy || r->next < r->pool->count)) {
    for (size_t i = 0; i < r->n_workers && r->next < r->pool->count && !status; i++)
      if (!r->workers[i].pid)
        status = begin(r, &r->workers[i], err);
    if (!status)
      look(r);
  }
  if (!status && stopped(r->pool))
    status = pl_fail(err, PL_E_CANCELLED, "stopped after %zu of %zu runs", r->next - r->busy, r->pool->count);
  end_all(r);
  return status;
}

enum pl_status pl_pool_run(const struct pl_pool *pool, struct pl_err *err)
{
  assert(pool->result_size <= PL_POOL_RESULT_MAX);
  struct running r = {.pool = pool, .n_workers = pool->jobs < 1 ? 1 : pool->jobs > JOBS_MAX ? JOBS_MAX : pool->jobs};
  enum pl_status status = pl_clock_new_real(&r.clock, err);
  if (status)
    return status;
  r.workers = calloc(r.n_workers, sizeof *r.workers);
  r.fds = calloc(r.n_workers, sizeof *r.fds);
  status = r.workers && r.fds ? run_all(&r, err) : pl_fail(err, PL_E_NOMEM, "out of memory for %zu runs at a time", r.n_workers);
  free(r.workers);
  free(r.fds);
  pl_clock_free(r.clock);
  return status;
}

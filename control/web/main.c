/* SPDX-License-Identifier: Apache-2.0 */
/* rackd: the reference control stack as a program of its own. One thread has the loop and the rack; civetweb's have the connections (web.c). */
#include "control/web/options.h"
#include "control/web/replay_command.h"
#include "control/web/web.h"
#include "control/web/webhook.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum rackd_exit { EXIT_ENDED = 0, EXIT_USAGE = 2, EXIT_TROUBLE = 3 }; /* as plumb's */

struct rackd {
  struct pl_options options;
  struct pl_rig *rig;
  struct pl_clock *clock;
  struct pl_bench *bench;
  struct pl_stack *stack;
  struct pl_webhook *webhook;
  struct pl_web *web;
  char store[600], decisions[600], password[256], told_user[128], told_password[128];
  int lock;
};

static atomic_int ending; /* atomic: a signal of the process may be taken by any of its threads */
static struct pl_clock *_Atomic ending_clock;

static void on_signal(int number)
{
  ending = number;
  struct pl_clock *clock = ending_clock;
  if (clock)
    pl_clock_wake(clock);
}

static void catch_signals(struct pl_clock *clock)
{
  ending_clock = clock;
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, ignored = {.sa_handler = SIG_IGN};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGPIPE, &ignored, NULL); /* a client that goes is told by the write */
}

static enum pl_status make_folders(const char *path, struct pl_err *err)
{
  char part[512];
  size_t n = strlen(path);
  if (!n || n >= sizeof part)
    return pl_fail(err, PL_E_USAGE, "--state: the folder's name is empty or too long");
  for (size_t i = 1; i <= n; i++) {
    if (path[i] && path[i] != '/')
      continue;
    snprintf(part, sizeof part, "%.*s", (int)i, path);
    if (mkdir(part, 0700) && errno != EEXIST)
      return pl_fail_errno(err, "--state %s: cannot make %s", path, part);
  }
  return PL_OK;
}

/* One process a state folder: a second would repeat what the first is doing. */
static enum pl_status take_state(struct rackd *d, struct pl_err *err)
{
  char path[600];
  enum pl_status status = make_folders(d->options.state, err);
  if (status)
    return status;
  snprintf(path, sizeof path, "%s/rackd.lock", d->options.state);
  snprintf(d->store, sizeof d->store, "%s/rackd.db", d->options.state);
  snprintf(d->decisions, sizeof d->decisions, "%s/decisions", d->options.state);
  d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (d->lock < 0)
    return pl_fail_errno(err, "%s", path);
  if (flock(d->lock, LOCK_EX | LOCK_NB))
    return pl_fail(err, PL_E_LOCKED, "%s: another rackd runs on this state; end it, or give this one a folder of its own (--state)", d->options.state);
  return PL_OK;
}

static enum pl_status read_password(struct rackd *d, struct pl_err *err)
{
  const char *path = d->options.password_file;
  if (!path)
    return PL_OK;
  FILE *file = fopen(path, "re");
  if (!file)
    return pl_fail(err, PL_E_USAGE, "--password-file %s: %s", path, strerror(errno));
  bool got = fgets(d->password, sizeof d->password, file) != NULL;
  fclose(file);
  d->password[strcspn(d->password, "\r\n")] = '\0';
  if (!got || !d->password[0])
    return pl_fail(err, PL_E_USAGE, "--password-file %s: its first line is the password, and it is empty", path);
  return PL_OK;
}

/* A control stack that starts, or starts again, must not drop the rack: the bench is opened as one who looks, so that every output stays as it is. */
static enum pl_status open_rack(struct rackd *d, struct pl_err *err)
{
  char room[1024];
  enum pl_status status = pl_rig_load(pl_options_find(d->options.rig, room, sizeof room), &d->rig, err);
  if (!status)
    status = pl_rig_check_owners(d->rig, err);
  if (!status)
    status = pl_clock_new_real(&d->clock, err);
  if (status)
    return status;
  struct pl_bench_cfg cfg = {.clock = d->clock, .seed = d->options.seed, .observe = true, .owners = 1u << PL_OWNER_STACK, .faults = d->options.faults,
                             .n_faults = d->options.n_faults};
  return pl_bench_open(d->rig, &cfg, &d->bench, err);
}

static void told(void *ctx, const char *user, const char *password)
{
  struct rackd *d = ctx;
  snprintf(d->told_user, sizeof d->told_user, "%s", user);
  snprintf(d->told_password, sizeof d->told_password, "%s", password);
}

static enum pl_status open_stack(struct rackd *d, struct pl_err *err)
{
  struct pl_stack_cfg cfg = {.bench = d->bench, .store = d->store, .decisions = d->decisions, .mutant = d->options.mutant,
                             .settings = d->options.settings, .seed = d->options.seed, .user = d->options.user, .password = d->password[0] ? d->password : NULL, .told = told, .told_ctx = d};
  enum pl_status status = pl_stack_open(&cfg, &d->stack, err);
  if (!status)
    status = pl_webhook_start(d->stack, &d->webhook, err);
  if (status)
    return status;
  struct pl_web_cfg web = {.listen = d->options.listen, .plain = d->options.plain, .folder = d->options.state, .rate = d->options.rate};
  return pl_web_start(d->stack, &web, &d->web, err);
}

static void say_ready(const struct rackd *d)
{
  const char *url = pl_web_url(d->web), *print = pl_web_fingerprint(d->web);
  printf("rackd %s: %s%s\n", PL_VERSION, d->rig->name, pl_bench_all_virtual(d->bench) ? " (virtual)" : "");
  printf("  page         %s/\n  redfish      %s/redfish/v1\n", url, url);
  if (print[0])
    printf("  certificate  sha256 %s\n", print);
  if (d->told_password[0])
    printf("  user         %s\n  password     %s   (shown this once; change it at Accounts)\n", d->told_user, d->told_password);
  fflush(stdout);
  if (d->options.ready_fd < 0)
    return;
  char line[160];
  int n = snprintf(line, sizeof line, "%s\n", url);
  if (n > 0 && write(d->options.ready_fd, line, (size_t)n) != n)
    fprintf(stderr, "rackd: --ready-fd %d: %s\n", d->options.ready_fd, strerror(errno));
  close(d->options.ready_fd);
}

/* In the other order. Outputs stay as they are, whoever ends this. */
static void close_all(struct rackd *d)
{
  pl_web_stop(d->web);
  pl_webhook_stop(d->webhook);
  pl_stack_close(d->stack);
  if (d->bench)
    pl_bench_close(d->bench);
  ending_clock = NULL;
  pl_clock_free(d->clock);
  pl_rig_free(d->rig);
  if (d->lock >= 0)
    close(d->lock);
}

static int complain(const struct pl_err *err)
{
  fprintf(stderr, "rackd: %s\n", err->text);
  return pl_status_class(err->status) == PL_CLASS_USAGE ? EXIT_USAGE : EXIT_TROUBLE;
}

/* Each connection, event stream, webhook and bus takes a descriptor, and 1,024, the usual soft limit, is for programs that know of no more: select() does not.
 * Only libmodbus calls it here; what HTTP's workers can hold open at a time (web.c) stays far below that. A limit that cannot be raised is as good as it was. */
static void raise_descriptors(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit))
    return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
  if (argc > 1 && !strcmp(argv[1], PL_REPLAY_COMMAND))
    return pl_replay_command(argc - 1, argv + 1);
  raise_descriptors();
  mallopt(M_ARENA_MAX, 4); /* 192 threads that mostly wait need no memory of their own */
  struct rackd d = {.lock = -1};
  struct pl_err err = {0};
  int code = EXIT_ENDED;
  enum pl_status status = pl_options_read(argc, argv, &d.options, &err);
  if (!status && d.options.done)
    return EXIT_ENDED;
  if (!status)
    status = take_state(&d, &err);
  if (!status)
    status = read_password(&d, &err);
  if (!status)
    status = open_rack(&d, &err);
  if (!status) {
    catch_signals(d.clock);
    status = open_stack(&d, &err);
  }
  if (status) {
    code = complain(&err);
  } else {
    say_ready(&d);
    while (!ending)
      pl_clock_step(d.clock, PL_NEVER);
  }
  close_all(&d);
  return code;
}

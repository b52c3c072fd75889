/* SPDX-License-Identifier: Apache-2.0 */
/* The guardian process itself: prepares, watches the runner, and acts when it is lost. */
#include "host/safety/guardian.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>

#define ENDING_NS (10 * PL_MS)  /* from the closing of the socket to the end of the process */
#define GONE_NS (2 * PL_S)      /* for a killed runner to end: a thread of it may be in the kernel, in a transfer */
#define PATIENCE_NS PL_S        /* for what another program holds, once and for all of it: later rounds ask again anyway */
#define ROUND_NS (250 * PL_MS)  /* between two rounds: an adapter that is away may be back */
/* So long it is tried again: */
#define ROUNDS_NS (30 * PL_S)   /* when the run is lost */
#define AWAY_NS (10 * PL_S)     /* when it has ended, and somebody waits for it: for what may be plugged in again */
#define DEAF_NS PL_S            /* and for what is there and does not do it, which the run has tried for long already */
#define OVERSLEPT_NS (100 * PL_MS)

enum phase { WAITING, OPENING, WATCHING, RESTING, SAFE, LEFT }; /* LEFT: the runner has let go of a rig that is not safe */

struct guard {
  const struct pl_guard_cfg *cfg;
  struct pl_clock *clock;
  struct pl_rig *rig;
  struct pl_guard_record *record;
  int pidfd; /* -1: the system has none */
  enum phase phase;
  pl_time_ns heard, lost_at;
  char why[160]; /* the runner is lost */
  bool is_silent; /* it hangs or is stopped, so it is still there */
  bool gone;      /* it is not there any more, and what it held is free */
  bool overslept; /* since it was heard last */
  unsigned n_rounds;
  size_t n_set, n_away; /* of the last round */
  bool hangs; /* a thread of our own does not come back from its adapter: the bench stays open, and only the end of the process lets go of it */
};

static void say(const struct guard *guard, const char *message)
{
  if (send(guard->cfg->link, message, strlen(message), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) { /* a runner that is gone shows where it is listened to */
  }
}

/* --- before anything is driven --- */

/* Its own work on the virtual rack: what it needs is loaded, and its pages are there. What does not work is told, and no reason to leave a rig unguarded. */
static void rehearse(const struct pl_rig *rig, char *note, size_t size)
{
  struct pl_clock *clock = NULL;
  struct pl_bench *bench = NULL;
  struct pl_err err = {0};
  enum pl_status status = pl_clock_new_virtual(0, &clock, &err);
  const struct pl_bench_cfg cfg = {.clock = clock, .seed = 1, .rehearsal = true};
  if (!status)
    status = pl_bench_open(rig, &cfg, &bench, &err);
  if (!status)
    status = pl_bench_make_safe(bench, &err);
  pl_bench_close(bench);
  pl_clock_free(clock);
  snprintf(note, size, "%s%.300s", status ? "not rehearsed: " : "", status ? err.text : "");
}

static size_t count_outputs(const struct pl_rig *rig, bool bench_only)
{
  size_t n = 0;
  for (size_t i = 0; i < rig->n_devices; i++)
    if (!rig->devices[i].bus->on_twin && rig->devices[i].owner != PL_OWNER_INTERLOCK && (!bench_only || rig->devices[i].owner == PL_OWNER_BENCH))
      n += rig->devices[i].n_safe;
  return n;
}

static enum pl_status load(struct guard *guard, struct pl_err *err)
{
  enum pl_status status = pl_rig_load(guard->cfg->rig, &guard->rig, err);
  if (!status)
    status = pl_rig_check_safe(guard->rig, err);
  if (!status && strcmp(guard->rig->sha256, guard->cfg->sha256) != 0)
    status = pl_fail(err, PL_E_USAGE, "%s has changed since the run read it; run it again", guard->cfg->rig);
  return status;
}

/* The pidfd is of the runner for sure: it was its parent after the descriptor was made, so the number is not another's. */
static enum pl_status find_runner(struct guard *guard, char *note, size_t size, struct pl_err *err)
{
  *note = '\0';
  guard->pidfd = pidfd_open(guard->cfg->runner, 0);
  if (guard->pidfd < 0)
    snprintf(note, size, "no pidfd of the runner (%s)", strerror(errno));
  return getppid() == guard->cfg->runner ? PL_OK : pl_fail(err, PL_E_GONE, "the runner %ld has ended already", (long)guard->cfg->runner);
}

static enum pl_status prepare(struct guard *guard, struct pl_err *err)
{
  char notes[4][512] = {"", "", "", ""}, all[2200] = "R";
  enum pl_status status = pl_guard_record_open(guard->cfg->record, guard->clock, &guard->record, notes[0], sizeof notes[0], err);
  if (!status)
    status = load(guard, err);
  if (!status)
    status = find_runner(guard, notes[1], sizeof notes[1], err);
  if (status)
    return status;
  rehearse(guard->rig, notes[2], sizeof notes[2]);
  pl_guard_take_rights(notes[3], sizeof notes[3]);
  size_t used = 1;
  for (size_t i = 0; i < 4; i++)
    if (*notes[i])
      used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", used > 1 ? "; " : "", notes[i]);
  pl_guard_record_add(guard->record, "ready", "\"pid\":%ld,\"runner\":%ld,\"rig\":%s,\"rig-sha256\":\"%s\",\"outputs\":%zu,\"limit-ms\":%lld,\"notes\":%s", (long)getpid(),
                      (long)guard->cfg->runner, pl_guard_record_quote(guard->record, guard->cfg->rig), guard->rig->sha256, count_outputs(guard->rig, guard->cfg->bench_only),
                      (long long)(guard->cfg->limit_ns / PL_MS), pl_guard_record_quote(guard->record, all + 1));
  pl_guard_record_flush(guard->record);
  say(guard, all);
  return PL_OK;
}

/* --- the watch --- */

static void take(struct guard *guard, char message)
{
  switch (message) {
  case 'O': guard->phase = OPENING; break;
  case 'b':
    guard->phase = WATCHING;
    say(guard, "b");
    break;
  case 'H': guard->phase = RESTING; break;
  case 'S': guard->phase = SAFE; break;
  case 'E': guard->phase = LEFT; break;
  default: break; /* of a later version */
  }
}

/* All that is there. False: the other end is closed. */
static bool listen_to_runner(struct guard *guard)
{
  char message;
  for (;;) {
    ssize_t n = recv(guard->cfg->link, &message, 1, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      return true;
    if (n <= 0)
      return false;
    guard->heard = pl_clock_now(guard->clock);
    guard->overslept = false;
    take(guard, message);
  }
}

static bool is_over(const struct guard *guard)
{
  return guard->phase == SAFE || guard->phase == LEFT || *guard->why;
}

/* How long it may be silent. PL_NEVER: nothing is driven yet. */
static pl_time_ns patience(const struct guard *guard)
{
  pl_time_ns limit = guard->cfg->limit_ns, quiet = guard->cfg->quiet_ns;
  if (guard->phase == WAITING)
    return PL_NEVER;
  return guard->phase == WATCHING || quiet < limit ? limit : quiet;
}

/* The silence of a machine that was stopped as a whole (a suspended laptop, a paused guest) is not the runner's: who overslept himself asks again. But once
 * only: on a machine that hardly gets anywhere he always oversleeps. */
static void judge_silence(struct guard *guard, pl_time_ns until)
{
  static const char *const DOING[] = {[OPENING] = "while it opened the rig", [WATCHING] = "in its loop", [RESTING] = "after its loop, the rig not safe"};
  pl_time_ns now = pl_clock_now(guard->clock);
  if (now < until)
    return;
  guard->is_silent = now - until <= OVERSLEPT_NS || guard->overslept;
  guard->overslept = !guard->is_silent;
  if (!guard->is_silent)
    guard->heard = now;
  else
    snprintf(guard->why, sizeof guard->why, "the runner has been silent for %lld ms %s: it hangs or was stopped", (long long)((now - guard->heard) / PL_MS),
             DOING[guard->phase]);
}

static void watch(struct guard *guard)
{
  while (!is_over(guard)) {
    enum phase phase = guard->phase;
    pl_time_ns now = pl_clock_now(guard->clock), span_ns = patience(guard), until = span_ns == PL_NEVER ? PL_NEVER : guard->heard + span_ns,
               left = until > now ? until - now : 0;
    struct timespec span = {.tv_sec = left / PL_S, .tv_nsec = left % PL_S};
    struct pollfd fds[2] = {{.fd = guard->cfg->link, .events = POLLIN}, {.fd = guard->pidfd, .events = POLLIN}};
    if (ppoll(fds, 2, until == PL_NEVER ? NULL : &span, NULL) < 0 && errno != EINTR) {
      snprintf(guard->why, sizeof guard->why, "the guardian cannot watch the run any more: %s", strerror(errno));
      return;
    }
    if (!listen_to_runner(guard) && !is_over(guard))
      snprintf(guard->why, sizeof guard->why, "the runner is gone: its end of the socket closed without a word");
    else if (fds[1].revents && !is_over(guard))
      snprintf(guard->why, sizeof guard->why, "the runner ended without a word");
    else if (guard->phase == phase && until != PL_NEVER && !is_over(guard))
      judge_silence(guard, guard->heard + span_ns);
  }
}

/* --- the runner is lost --- */

static bool is_gone_within(const struct guard *guard, pl_time_ns limit)
{
  struct pollfd fd = {.fd = guard->pidfd, .events = POLLIN};
  const struct timespec span = {.tv_sec = limit / PL_S, .tv_nsec = limit % PL_S};
  return guard->pidfd >= 0 ? ppoll(&fd, 1, &span, NULL) > 0 : getppid() != guard->cfg->runner;
}

/* A runner that hangs or was stopped still holds its adapters and lines. When its pidfd tells that it ended, the kernel has closed them all. One that is ending
 * has closed the socket already, a moment before the rest. */
static void remove_runner(struct guard *guard)
{
  bool gone = is_gone_within(guard, guard->is_silent ? 0 : ENDING_NS), sent = false;
  if (!gone) {
    sent = guard->pidfd >= 0 ? !pidfd_send_signal(guard->pidfd, SIGKILL, NULL, 0) : getppid() == guard->cfg->runner && !kill(guard->cfg->runner, SIGKILL);
    gone = is_gone_within(guard, GONE_NS);
  }
  pl_guard_record_add(guard->record, "lost", "\"why\":%s,\"killed\":%s,\"gone\":%s,\"after-ms\":%.3f", pl_guard_record_quote(guard->record, guard->why),
                      sent ? "true" : "false", gone ? "true" : "false", (double)(pl_clock_now(guard->clock) - guard->lost_at) / 1e6);
  guard->gone = gone;
}

static void tried(void *ctx, const struct pl_rig_device *device, const struct pl_rig_setting *safe, enum pl_status status, const struct pl_err *err)
{
  struct guard *guard = ctx;
  char value[64];
  guard->n_set += !status;
  guard->n_away += status == PL_E_GONE || status == PL_E_LOCKED;
  pl_guard_record_add(guard->record, "output", "\"output\":\"%s.%s\",\"value\":%s,\"result\":\"%s\",\"error\":%s,\"after-ms\":%.3f", device->name,
                      safe->quantity->name,
                      pl_guard_record_quote(guard->record, pl_quantity_format(safe->quantity->dim, safe->value_u, value, sizeof value)), pl_status_name(status),
                      pl_guard_record_quote(guard->record, status ? err->text : ""), (double)(pl_clock_now(guard->clock) - guard->lost_at) / 1e6);
}

/* A runner that was lost while it opened the rig may have been refused it, had it lived: where another program holds a part of it, that one drives it. But
 * one that would not go may be that program itself. */
static bool may_be_anothers(const struct guard *guard)
{
  return guard->phase == OPENING && guard->gone;
}

static enum pl_status one_round(struct guard *guard, struct pl_err *err)
{
  struct pl_bench *bench = NULL;
  const struct pl_bench_cfg cfg = {
      .clock = guard->clock, .seed = 1, .observe = true, .safe_only = true, .alone = may_be_anothers(guard), .patience_ns = guard->n_rounds++ ? 0 : PATIENCE_NS,
      .owners = guard->cfg->bench_only ? 1u << PL_OWNER_BENCH : 0};
  const struct pl_safe_watch watched = {.tried = tried, .ctx = guard};
  guard->n_set = guard->n_away = 0;
  enum pl_status status = pl_bench_open(guard->rig, &cfg, &bench, err);
  if (!status)
    status = pl_bench_make_safe_watched(bench, &watched, err);
  pl_time_ns at = pl_clock_now(guard->clock);
  pl_guard_record_add(guard->record, "round", "\"result\":\"%s\",\"set\":%zu,\"error\":%s,\"after-ms\":%.3f", pl_status_name(status), guard->n_set,
                      pl_guard_record_quote(guard->record, status ? err->text : ""), (double)(at - guard->lost_at) / 1e6);
  pl_guard_record_flush(guard->record); /* not before: a slow disk must not stand before the rig */
  guard->hangs = bench && pl_bench_hangs(bench);
  if (!guard->hangs)
    pl_bench_close(bench);
  return status;
}

static enum pl_guard_end act(struct guard *guard, struct pl_err *err)
{
  guard->lost_at = pl_clock_now(guard->clock);
  if (guard->phase != LEFT)
    remove_runner(guard);
  enum pl_status status = one_round(guard, err);
  if (status == PL_E_LOCKED && may_be_anothers(guard))
    return PL_GUARD_NOTHING;
  pl_time_ns limit = guard->phase != LEFT ? ROUNDS_NS : guard->n_away ? AWAY_NS : DEAF_NS;
  if (status && limit == AWAY_NS && !guard->hangs)
    fprintf(stderr, "plumb guardian: %s. It is tried again for %d s: plug in what is away, or end what holds it.\n", err->text, (int)(AWAY_NS / PL_S));
  while (status && !guard->hangs && pl_clock_now(guard->clock) - guard->lost_at < limit) {
    pl_clock_sleep_until(guard->clock, pl_clock_now(guard->clock) + ROUND_NS);
    *err = (struct pl_err){0};
    status = one_round(guard, err);
  }
  return status ? PL_GUARD_UNSAFE : PL_GUARD_SAFE;
}

static void tell(struct guard *guard, enum pl_guard_end end, const struct pl_err *err)
{
  static const char *const RESULTS[] = {[PL_GUARD_NOTHING] = "nothing to do", [PL_GUARD_SAFE] = "safe", [PL_GUARD_UNSAFE] = "NOT SAFE", [PL_GUARD_REFUSED] = "refused"};
  double ms = (double)(pl_clock_now(guard->clock) - guard->lost_at) / 1e6;
  pl_guard_record_add(guard->record, "end", "\"result\":\"%s\",\"error\":%s", RESULTS[end], pl_guard_record_quote(guard->record, err->text));
  pl_guard_record_close(guard->record);
  guard->record = NULL;
  if (end == PL_GUARD_SAFE)
    fprintf(stderr, "plumb guardian: %s; %zu safe values of %s are applied (%.0f ms). What was done: %s\n",
            *guard->why ? guard->why : "the run could not make its rig safe", guard->n_set, guard->rig->name, ms, guard->cfg->record);
  if (end != PL_GUARD_UNSAFE)
    return;
  fprintf(stderr, "plumb guardian: %s, AND THE RIG IS NOT SAFE: %s. Make it safe by hand.\n", *guard->why ? guard->why : "the run could not make its rig safe", err->text);
  syslog(LOG_CRIT, "%s is not safe: %s", guard->rig->name, err->text);
}

static void refuse(const struct guard *guard, const struct pl_err *err)
{
  char text[PL_ERR_TEXT_MAX + 1];
  snprintf(text, sizeof text, "X%.500s", err->text);
  say(guard, text);
}

static enum pl_guard_end guard_rig(struct guard *guard, struct pl_err *err)
{
  guard->heard = pl_clock_now(guard->clock);
  watch(guard);
  bool driven = guard->phase != WAITING && guard->phase != SAFE;
  if (*guard->why && !driven)
    pl_guard_record_add(guard->record, "lost", "\"why\":%s,\"driven\":false", pl_guard_record_quote(guard->record, guard->why));
  return driven ? act(guard, err) : PL_GUARD_NOTHING;
}

enum pl_guard_end pl_guard_run(const struct pl_guard_cfg *cfg, struct pl_err *err)
{
  struct guard guard = {.cfg = cfg, .pidfd = -1};
  enum pl_guard_end end = PL_GUARD_REFUSED;
  enum pl_status status = pl_clock_new_real(&guard.clock, err);
  if (!status)
    status = prepare(&guard, err);
  if (status)
    refuse(&guard, err);
  else
    end = guard_rig(&guard, err);
  if (guard.record)
    tell(&guard, end, err);
  pl_guard_record_close(guard.record);
  if (guard.hangs) /* the thread uses them, and the process ends now */
    return end;
  pl_rig_free(guard.rig);
  pl_clock_free(guard.clock);
  return end;
}

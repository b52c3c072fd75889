/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edges RIG BUS DIR: the adapter "gpiochip" on lines of Linux's gpio-sim, where a test can do to an input what the world does. DIR is the chip's sysfs folder
 * (/sys/devices/platform/gpio-sim.0/gpiochip0): sim_gpioN/pull moves an input and raises its interrupt, sim_gpioN/value tells an output's level. The bus of the
 * rig must find the lines WIRE_OUT and WIRE_IN, which are 6 and 7 of the chip.
 * A line each: `ok WHAT: detail`, `not ok WHAT: why`. Exit status 1 when a check failed.
 */
#include "drivers/bus/conformance.h"
#include "drivers/bus/gpiod.h"
#include "drivers/rig/rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

#define OUT_OFFSET 6
#define IN_OFFSET 7
#define TOGGLES 500
#define PACED 300        /* toggles, at least PACE_NS apart, without waiting for each to be seen */
#define PACE_NS (2 * PL_MS)
#define FLOOD 3000       /* toggles as fast as they can be written */
#define STOP_TRIES 5000
#define WAIT_NS (2 * PL_S)
#define DEBOUNCE_NS (100 * PL_MS)
#define V1_ROOM 16       /* events that the kernel keeps for a line of uAPI v1: lineevent_state.events */
#define V2_ROOM 1024     /* and for a request of v2 as gpiod_v2.c asks for */

struct lab {
  const struct pl_rig_bus *at;
  struct pl_clock *clock;
  struct pl_share *share;
  int pull, value; /* of WIRE_IN and WIRE_OUT in sysfs */
  size_t failed;
};

/* The wire from WIRE_OUT to WIRE_IN, since gpio-sim has none: what the adapter sets is carried over at once. Of this program, because the linker puts
 * __wrap_pl_gpiod_set in the place of pl_gpiod_set (module.mk) and neither takes a context. */
static struct {
  const struct lab *lab;
  bool fitted;
} wire;

static void pull(const struct lab *lab, bool up)
{
  const char *text = up ? "pull-up" : "pull-down";
  if (pwrite(lab->pull, text, strlen(text), 0) < 0) {
    printf("not ok sysfs: pull: %s\n", strerror(errno));
    _exit(1);
  }
}

static bool level(int fd)
{
  char text[4] = "";
  return pread(fd, text, sizeof text - 1, 0) > 0 && *text == '1';
}

int __real_pl_gpiod_set(struct pl_gpiod_request *request, const size_t *indices, size_t count, const bool *values);
int __wrap_pl_gpiod_set(struct pl_gpiod_request *request, const size_t *indices, size_t count, const bool *values);

int __wrap_pl_gpiod_set(struct pl_gpiod_request *request, const size_t *indices, size_t count, const bool *values)
{
  int error = __real_pl_gpiod_set(request, indices, count, values);
  if (!error && wire.fitted)
    pull(wire.lab, level(wire.lab->value));
  return error;
}

/* --- telling --- */

__attribute__((format(printf, 4, 5))) static bool check(struct lab *lab, bool good, const char *what, const char *format, ...)
{
  char detail[400];
  va_list args;
  va_start(args, format);
  vsnprintf(detail, sizeof detail, format, args);
  va_end(args);
  printf("%s %s, %s%s%s\n", good ? "ok" : "not ok", lab->at->name, what, *detail ? ": " : "", detail);
  fflush(stdout);
  lab->failed += !good;
  return good;
}

static void complain(void *ctx, const char *name, const char *why)
{
  (void)check(ctx, false, name, "%s", why);
}

/* --- lines --- */

static const struct pl_gpio_line WIRE_OUT = {.name = "WIRE_OUT", .offset = -1, .consumer = "wire-out", .output = true};
static const struct pl_gpio_line WIRE_IN = {.name = "WIRE_IN", .offset = -1, .consumer = "wire-in", .edges = true};

static void woken(void *ctx) /* an edge ends the loop's wait, which is all that is wanted of it */
{
  (void)ctx;
}

/* A bus with that one line; NULL: it was told. */
static struct pl_bus *bus_with(struct lab *lab, const struct pl_gpio_line *line, int *handle)
{
  const struct pl_adapter_args args = {.bus_name = lab->at->name, .values = &lab->at->values, .share = lab->share};
  struct pl_bus *bus = NULL;
  struct pl_err err = {0};
  enum pl_status status = pl_bus_new(lab->at->name, PL_BUS_GPIO, lab->clock, &bus, &err);
  if (!status)
    status = lab->at->adapter->open(bus, &args, &err);
  if (!status)
    status = pl_gpio_request(bus, line, handle, &err);
  if (!status) {
    pl_gpio_watch(bus, woken, NULL);
    return bus;
  }
  (void)check(lab, false, line->name, "%s", err.text);
  pl_bus_free(bus);
  return NULL;
}

struct access_job {
  struct pl_job job;
  int handle;
  bool value, write;
};

static enum pl_status run_access(struct pl_job *job, struct pl_err *err)
{
  struct access_job *a = job->ctx;
  return a->write ? pl_gpio_set(job->bus, &a->handle, 1, &a->value, err) : pl_gpio_get(job->bus, &a->handle, 1, &a->value, err);
}

static enum pl_status get(struct lab *lab, struct pl_bus *bus, int handle, bool *value, struct pl_err *err)
{
  struct access_job a = {.job = {.run = run_access, .deadline = pl_clock_now(lab->clock) + WAIT_NS}, .handle = handle};
  a.job.ctx = &a;
  enum pl_status status = pl_bus_run(bus, &a.job, err);
  *value = a.value;
  return status;
}

/* The line is held from here on, at this level. */
static bool settle(struct lab *lab, struct pl_bus *bus, int handle, bool up)
{
  struct pl_err err = {0};
  bool value = !up;
  pull(lab, up);
  return check(lab, !get(lab, bus, handle, &value, &err) && value == up, "an input follows its pull", "%s%s", up ? "up" : "down", err.text);
}

static uint64_t total(const struct pl_gpio_edges *edges)
{
  return edges->rising + edges->falling;
}

/* Until so many edges were seen or lost since `from`. */
static struct pl_gpio_edges wait_edges(struct lab *lab, struct pl_bus *bus, int handle, const struct pl_gpio_edges *from, uint64_t count, pl_time_ns limit_ns)
{
  struct pl_gpio_edges now;
  for (pl_time_ns end = pl_clock_now(lab->clock) + limit_ns;;) {
    pl_gpio_edges(bus, handle, &now);
    if (total(&now) + now.lost >= total(from) + from->lost + count || !pl_clock_step(lab->clock, end))
      return now;
  }
}

/* --- what is shown --- */

static void conformance(struct lab *lab)
{
  struct pl_bus_conformance report = {.fail = complain, .ctx = lab};
  struct pl_conformance_gpio target;
  struct pl_err err = {0};
  struct pl_bus *bus = bus_with(lab, &WIRE_OUT, &target.output);
  if (!bus)
    return;
  if (check(lab, !pl_gpio_request(bus, &WIRE_IN, &target.input, &err), "an output and an input of one bus", "%s", err.text)) {
    wire.lab = lab;
    wire.fitted = true;
    size_t failed = pl_conformance_gpio(bus, &target, &report);
    wire.fitted = false;
    (void)check(lab, !failed && report.checks > 0, "conformance with an output wired to an input", "%zu checks", report.checks);
  }
  pl_bus_free(bus);
}

/* Each edge is seen, and stamped between the moments before and after it was made. */
static void each_edge(struct lab *lab, struct pl_bus *bus, int handle)
{
  struct pl_gpio_edges from, now;
  pl_time_ns last = 0, slowest = 0, sum = 0;
  size_t seen = 0, outside = 0, back = 0;
  pl_gpio_edges(bus, handle, &from);
  for (size_t i = 0; i < TOGGLES; i++) {
    bool up = i % 2 == 0;
    pl_time_ns before = pl_clock_now(lab->clock);
    pull(lab, up);
    pl_time_ns after = pl_clock_now(lab->clock);
    now = wait_edges(lab, bus, handle, &from, i + 1, WAIT_NS);
    pl_time_ns took = pl_clock_now(lab->clock) - after, at = up ? now.last_rising : now.last_falling;
    if (total(&now) != total(&from) + i + 1)
      break;
    seen++;
    outside += at < before || at > after;
    back += at <= last;
    last = at;
    sum += took;
    slowest = took > slowest ? took : slowest;
  }
  (void)check(lab, seen == TOGGLES && now.rising - from.rising == TOGGLES / 2 && now.falling - from.falling == TOGGLES / 2 && !now.lost, "each edge is counted",
              "%d toggles, %zu edges seen, %.3f ms after the toggle on average, %.3f ms at most", TOGGLES, seen, seen ? (double)sum / 1e6 / (double)seen : 0,
              (double)slowest / 1e6);
  (void)check(lab, seen && !outside && !back, "the kernel's stamps are CLOCK_MONOTONIC's, taken while the toggle was written, and increase",
              "%zu outside, %zu not after the one before", outside, back);
}

/* Toggles that do not wait to be seen: the loop rests between them, and the reader is on its own. */
static void paced_edges(struct lab *lab, struct pl_bus *bus, int handle)
{
  struct pl_gpio_edges from, now;
  pl_gpio_edges(bus, handle, &from);
  pl_time_ns start = pl_clock_now(lab->clock);
  for (size_t i = 0; i < PACED; i++) {
    pull(lab, i % 2 == 0);
    for (pl_time_ns next = pl_clock_now(lab->clock) + PACE_NS; pl_clock_step(lab->clock, next);)
      ;
  }
  double seconds = (double)(pl_clock_now(lab->clock) - start) / 1e9;
  now = wait_edges(lab, bus, handle, &from, PACED, WAIT_NS);
  (void)check(lab, total(&now) - total(&from) == PACED && now.lost == from.lost, "no edge is lost at a meter's pace", "%" PRIu64 " of %d at %.0f a second",
              total(&now) - total(&from), PACED, PACED / seconds);
}

/* As fast as they can be made: uAPI v2 accounts for all of them, v1 cannot. */
static void flood(struct lab *lab, struct pl_bus *bus, int handle)
{
  struct pl_gpio_edges from, now;
  struct pl_err err = {0};
  bool value = true;
  pl_gpio_edges(bus, handle, &from);
  pl_time_ns start = pl_clock_now(lab->clock);
  for (size_t i = 0; i < FLOOD; i++)
    pull(lab, i % 2 == 0);
  double seconds = (double)(pl_clock_now(lab->clock) - start) / 1e9;
  now = wait_edges(lab, bus, handle, &from, FLOOD, PL_S / 2);
  enum pl_status status = get(lab, bus, handle, &value, &err);
  uint64_t seen = total(&now) - total(&from), lost = now.lost - from.lost;
  (void)check(lab, PL_GPIOD_MAJOR == 1 ? seen > 0 && seen <= FLOOD && lost == 0 : seen + lost == FLOOD, "a flood of edges",
              "%d at %.0f a second: %" PRIu64 " counted, %" PRIu64 " told as lost%s", FLOOD, FLOOD / seconds, seen, lost,
              PL_GPIOD_MAJOR == 1 ? " (uAPI v1 cannot tell)" : "");
  (void)check(lab, !status && !value, "the level is right after a flood", "%s", err.text);
}

/* --- a burst while the program stands still --- */

/* Whether all threads of the process are stopped. */
static bool is_stopped(pid_t pid)
{
  char path[300], text[300];
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  DIR *tasks = opendir(path);
  bool stopped = tasks;
  for (struct dirent *task; tasks && (task = readdir(tasks));) {
    if (task->d_name[0] == '.')
      continue;
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/stat", (int)pid, task->d_name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    const char *end = strrchr(text, ')'); /* of the name: proc(5) */
    stopped &= end && end[1] == ' ' && end[2] == 'T';
    if (fd >= 0)
      close(fd);
  }
  if (tasks)
    closedir(tasks);
  return stopped;
}

static int hand(const struct lab *lab, pid_t parent, size_t count)
{
  int status = 1;
  kill(parent, SIGSTOP);
  for (int tries = 0; status && tries < STOP_TRIES; tries++)
    if (is_stopped(parent))
      status = 0;
    else
      sched_yield();
  for (size_t i = 0; i < count && !status; i++)
    pull(lab, i % 2 == 0);
  kill(parent, SIGCONT);
  return status;
}

static void burst(struct lab *lab, struct pl_bus *bus, int handle)
{
  const size_t room = PL_GPIOD_MAJOR == 1 ? V1_ROOM : V2_ROOM, count = 2 * room + 10;
  struct pl_gpio_edges from, now;
  struct pl_err err = {0};
  bool value = true;
  int status = -1;
  pl_gpio_edges(bus, handle, &from);
  pid_t parent = getpid(), child = fork();
  if (!child)
    _exit(hand(lab, parent, count));
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  now = wait_edges(lab, bus, handle, &from, count, PL_S / 2);
  uint64_t seen = total(&now) - total(&from), lost = now.lost - from.lost;
  (void)check(lab, child > 0 && status == 0, "a burst while the program stands still", "%zu edges, the kernel keeps %zu", count, room);
  if (PL_GPIOD_MAJOR == 1)
    (void)check(lab, seen == room && lost == 0, "of a burst uAPI v1 keeps the oldest and cannot tell that the rest is lost",
                "%" PRIu64 " counted, %" PRIu64 " told as lost", seen, lost);
  else
    (void)check(lab, seen == room && seen + lost == count, "what a burst lost is told (uAPI v2)", "%" PRIu64 " counted, %" PRIu64 " told as lost", seen, lost);
  (void)check(lab, !get(lab, bus, handle, &value, &err) && !value, "the level is right after a burst", "%s", err.text);
  pl_gpio_edges(bus, handle, &from);
  pull(lab, true);
  now = wait_edges(lab, bus, handle, &from, 1, WAIT_NS);
  (void)check(lab, now.rising == from.rising + 1 && now.falling == from.falling, "edges are counted again after a burst", "%" PRIu64,
              total(&now) - total(&from));
}

static void edges(struct lab *lab)
{
  int handle;
  struct pl_bus *bus = bus_with(lab, &WIRE_IN, &handle);
  if (!bus)
    return;
  if (settle(lab, bus, handle, true) && settle(lab, bus, handle, false)) {
    each_edge(lab, bus, handle);
    paced_edges(lab, bus, handle);
    flood(lab, bus, handle);
    burst(lab, bus, handle);
  }
  pl_bus_free(bus);
}

static void bias(struct lab *lab)
{
  static const enum pl_gpio_bias BIAS[] = {PL_GPIO_BIAS_PULL_UP, PL_GPIO_BIAS_PULL_DOWN, PL_GPIO_BIAS_PULL_UP};
  for (size_t i = 0; i < sizeof BIAS / sizeof BIAS[0]; i++) {
    struct pl_gpio_line line = WIRE_IN;
    struct pl_err err = {0};
    char text[20] = "";
    bool up = BIAS[i] == PL_GPIO_BIAS_PULL_UP, value = !up;
    int handle;
    line.bias = BIAS[i];
    pull(lab, !up);
    struct pl_bus *bus = bus_with(lab, &line, &handle);
    if (!bus)
      return;
    enum pl_status status = get(lab, bus, handle, &value, &err);
    ssize_t n = pread(lab->pull, text, sizeof text - 1, 0);
    text[n > 0 ? n - 1 : 0] = 0;
    (void)check(lab, !status && value == up && !strcmp(text, up ? "pull-up" : "pull-down"), "a bias reaches the chip", "%s, reads %d%s", text, value, err.text);
    pl_bus_free(bus);
  }
}

static void active_low(struct lab *lab)
{
  struct pl_gpio_line line = WIRE_IN;
  struct pl_err err = {0};
  bool low = false, high = true;
  int handle;
  line.active_low = true;
  pull(lab, false);
  struct pl_bus *bus = bus_with(lab, &line, &handle);
  if (!bus)
    return;
  enum pl_status status = get(lab, bus, handle, &low, &err);
  struct pl_gpio_edges from, now;
  pl_gpio_edges(bus, handle, &from);
  pull(lab, true);
  now = wait_edges(lab, bus, handle, &from, 1, WAIT_NS);
  if (!status)
    status = get(lab, bus, handle, &high, &err);
  (void)check(lab, !status && low && !high, "an active-low line is active when low", "low reads %d, high reads %d%s", low, high, err.text);
  (void)check(lab, now.falling == from.falling + 1 && now.rising == from.rising, "its edge up is to inactive", "%" PRIu64 " to inactive, %" PRIu64 " to active",
              now.falling - from.falling, now.rising - from.rising);
  pull(lab, false);
  now = wait_edges(lab, bus, handle, &from, 2, WAIT_NS);
  (void)check(lab, now.rising == from.rising + 1, "its edge down is to active", "%" PRIu64, now.rising - from.rising);
  pl_bus_free(bus);
}

/* Contacts that bounce: three edges at once, of which one stays. By the kernel's own filter, since gpio-sim has none. */
static void debounce(struct lab *lab)
{
  struct pl_gpio_line line = WIRE_IN;
  int handle = -1;
  line.debounce_us = DEBOUNCE_NS / PL_US;
  pull(lab, false);
  if (PL_GPIOD_MAJOR == 1) {
    struct pl_err err = {0};
    struct pl_bus *bus = bus_with(lab, &WIRE_OUT, &handle);
    enum pl_status status = bus ? pl_gpio_request(bus, &line, &handle, &err) : PL_OK;
    (void)check(lab, status == PL_E_UNSUPPORTED, "debounce is refused (uAPI v1)", "%s", err.text);
    pl_bus_free(bus);
    return;
  }
  struct pl_bus *bus = bus_with(lab, &line, &handle);
  if (!bus)
    return;
  if (settle(lab, bus, handle, false)) {
    struct pl_gpio_edges from, now;
    pl_gpio_edges(bus, handle, &from);
    for (int i = 0; i < 3; i++)
      pull(lab, i % 2 == 0);
    pl_time_ns start = pl_clock_now(lab->clock);
    now = wait_edges(lab, bus, handle, &from, 1, WAIT_NS);
    pl_time_ns took = pl_clock_now(lab->clock) - start;
    now = wait_edges(lab, bus, handle, &from, 2, 2 * DEBOUNCE_NS);
    bool good = now.rising == from.rising + 1 && now.falling == from.falling && !now.lost && took >= DEBOUNCE_NS / 2;
    (void)check(lab, good, "of a bounce the last edge counts", "%" PRIu64 " up, %" PRIu64 " down, after %.0f ms", now.rising - from.rising,
                now.falling - from.falling, (double)took / 1e6);
  }
  pl_bus_free(bus);
}

/* As between two programs: a bus of its own each. */
static void held(struct lab *lab)
{
  const struct pl_adapter_args args = {.bus_name = "other", .values = &lab->at->values, .share = lab->share};
  struct pl_bus *other = NULL;
  struct pl_err err = {0};
  int handle, second;
  bool value;
  struct pl_bus *bus = bus_with(lab, &WIRE_OUT, &handle);
  if (!bus)
    return;
  if (check(lab, !get(lab, bus, handle, &value, &err), "an output reads its level", "%s", err.text)) {
    enum pl_status status = pl_bus_new("other", PL_BUS_GPIO, lab->clock, &other, &err);
    if (!status)
      status = lab->at->adapter->open(other, &args, &err);
    if (!status)
      status = pl_gpio_request(other, &WIRE_OUT, &second, &err);
    (void)check(lab, status == PL_E_LOCKED && strstr(err.text, "'wire-out'"), "a held line is refused, with its holder's name", "%s", err.text);
    pl_bus_free(other);
  }
  pl_bus_free(bus);
}

static int open_attribute(const char *dir, int offset, const char *name, int flags)
{
  char path[300];
  snprintf(path, sizeof path, "%s/sim_gpio%d/%s", dir, offset, name);
  int fd = open(path, flags | O_CLOEXEC);
  if (fd < 0)
    printf("not ok sysfs: %s: %s\n", path, strerror(errno));
  return fd;
}

int main(int argc, char **argv)
{
  static void (*const SUITES[])(struct lab *) = {conformance, edges, bias, active_low, debounce, held};
  struct lab lab = {.pull = -1};
  struct pl_rig *rig = NULL;
  struct pl_err err = {0};
  if (argc != 4) {
    fprintf(stderr, "usage: %s RIG BUS DIR\n", argv[0]);
    return 2;
  }
  if (pl_rig_load(argv[1], &rig, &err) || pl_clock_new_real(&lab.clock, &err) || pl_share_new(&lab.share, &err)) {
    printf("not ok %s\n", err.text);
    return 2;
  }
  for (size_t i = 0; i < rig->n_buses; i++)
    if (!strcmp(rig->buses[i].name, argv[2]))
      lab.at = &rig->buses[i];
  lab.pull = open_attribute(argv[3], IN_OFFSET, "pull", O_RDWR);
  lab.value = open_attribute(argv[3], OUT_OFFSET, "value", O_RDONLY);
  if (!lab.at || lab.pull < 0 || lab.value < 0) {
    printf("not ok edges: no bus %s in %s, or no chip in %s\n", argv[2], argv[1], argv[3]);
    return 2;
  }
  for (size_t i = 0; i < sizeof SUITES / sizeof SUITES[0]; i++)
    SUITES[i](&lab);
  close(lab.pull);
  close(lab.value);
  pl_share_free(lab.share);
  pl_clock_free(lab.clock);
  pl_rig_free(rig);
  return lab.failed != 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the edges that the kernel has kept, with its stamps, and notices a chip that went away without being asked anything. Who reads or sets lines catches
 * up first, so that a level is never newer than the edges that are counted. */
#include "drivers/base/thread.h"
#include "drivers/bus/gpiochip.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#define LOOK_MS 250      /* kernels before 6.5 do not wake who polls a chip that went away (from memory) */
#define EVENTS_AT_ONCE 64
#define READS_MAX 16     /* in a row: an input that never rests must not hold up who catches up */
#define SKEW_NS (10 * PL_S) /* a stamp further off than that is not CLOCK_MONOTONIC's: kernels before 5.7 stamp uAPI v1 events in wall time */

struct pl_gpiochip_reader {
  struct pl_bus *bus;
  const char *sys;
  pthread_t thread;
  int wake;
  uint64_t mono_minus_clock; /* CLOCK_MONOTONIC less the clock of the program */
  size_t count;
  struct pl_gpiochip_source *sources;
  struct pollfd *polls;    /* the thread's: one a source, then wake */
  pthread_mutex_t reading; /* guards what follows: reading and telling are one step, so that edges keep their order */
  struct pollfd *looks;    /* one a source; fd -1: its chip has gone */
};

static uint64_t mono_ns(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The narrowest of a few brackets, by its late end: so that no stamp lies in the future. */
static uint64_t measure_offset(struct pl_clock *clock)
{
  uint64_t best = UINT64_MAX, offset = 0;
  for (int i = 0; i < 8; i++) {
    uint64_t before = mono_ns();
    pl_time_ns at = pl_clock_now(clock);
    uint64_t after = mono_ns();
    if (after - before < best) {
      best = after - before;
      offset = after - (uint64_t)at;
    }
  }
  return offset;
}

static pl_time_ns stamp(const struct pl_gpiochip_reader *r, uint64_t mono)
{
  pl_time_ns now = pl_clock_now(pl_bus_clock(r->bus)), at = (pl_time_ns)(mono - r->mono_minus_clock);
  return at > now || at < now - SKEW_NS ? now : at;
}

static void tell_lost(struct pl_gpiochip_reader *r, size_t i, const char *why)
{
  char cause[160];
  snprintf(cause, sizeof cause, "the GPIO chip %s has gone (%s)", r->sources[i].chip, why);
  r->looks[i].fd = -1; /* poll passes over it */
  pl_bus_lost(r->bus, cause);
}

static void read_source(struct pl_gpiochip_reader *r, size_t i)
{
  struct pl_gpiod_event events[EVENTS_AT_ONCE];
  const struct pl_gpiochip_source *source = &r->sources[i];
  size_t n = 0;
  int error = pl_gpiod_read_events(source->request, events, EVENTS_AT_ONCE, &n);
  if (error && error != EINTR && error != EAGAIN) {
    tell_lost(r, i, strerror(error));
    return;
  }
  for (size_t k = 0; k < n && !error; k++) {
    int handle = source->handles[events[k].index];
    pl_gpio_edges_lost(r->bus, handle, events[k].lost);
    pl_gpio_edge(r->bus, handle, events[k].active, 1, stamp(r, events[k].mono_ns));
  }
}

static void look_for_chips(struct pl_gpiochip_reader *r)
{
  struct pl_sysfs_node ignored;
  for (size_t i = 0; i < r->count; i++)
    if (r->looks[i].fd >= 0 && !pl_sysfs_node_get(r->sys, PL_GPIOCHIP_FOLDER, r->sources[i].chip, &ignored))
      tell_lost(r, i, "unplugged");
}

static void drain(struct pl_gpiochip_reader *r)
{
  for (int reads = 0; reads < READS_MAX && poll(r->looks, r->count, 0) > 0; reads++)
    for (size_t i = 0; i < r->count; i++)
      if (r->looks[i].revents & POLLIN)
        read_source(r, i);
      else if (r->looks[i].revents)
        tell_lost(r, i, "its driver was removed");
}

static void *work(void *ctx)
{
  struct pl_gpiochip_reader *r = ctx;
  for (;;) {
    int ready = poll(r->polls, r->count + 1, LOOK_MS);
    if (r->polls[r->count].revents)
      return NULL;
    pthread_mutex_lock(&r->reading);
    drain(r);
    if (!ready)
      look_for_chips(r);
    for (size_t i = 0; i < r->count; i++)
      r->polls[i].fd = r->looks[i].fd;
    pthread_mutex_unlock(&r->reading);
  }
}

void pl_gpiochip_reader_catch_up(struct pl_gpiochip_reader *r)
{
  if (!r)
    return;
  pthread_mutex_lock(&r->reading);
  drain(r);
  pthread_mutex_unlock(&r->reading);
}

static void free_reader(struct pl_gpiochip_reader *r)
{
  if (r->wake >= 0)
    close(r->wake);
  free(r->sources);
  free(r->polls);
  free(r->looks);
  pthread_mutex_destroy(&r->reading);
  free(r);
}

enum pl_status pl_gpiochip_reader_start(struct pl_bus *bus, const char *sys, const struct pl_gpiochip_source *sources, size_t count,
                                        struct pl_gpiochip_reader **out, struct pl_err *err)
{
  struct pl_gpiochip_reader *r = calloc(1, sizeof *r);
  if (!r)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the edges of %s", pl_bus_name(bus));
  *r = (struct pl_gpiochip_reader){.bus = bus, .sys = sys, .wake = eventfd(0, EFD_CLOEXEC), .count = count};
  r->mono_minus_clock = measure_offset(pl_bus_clock(bus));
  r->sources = calloc(count, sizeof *r->sources);
  r->polls = calloc(count + 1, sizeof *r->polls);
  r->looks = calloc(count, sizeof *r->looks);
  pl_mutex_init(&r->reading);
  if (r->sources && r->polls && r->looks && r->wake >= 0) {
    for (size_t i = 0; i < count; i++) {
      r->sources[i] = sources[i];
      r->polls[i] = r->looks[i] = (struct pollfd){.fd = pl_gpiod_event_fd(sources[i].request), .events = POLLIN};
    }
    r->polls[count] = (struct pollfd){.fd = r->wake, .events = POLLIN};
    if (pl_thread_start(&r->thread, work, r)) {
      *out = r;
      return PL_OK;
    }
  }
  free_reader(r);
  return pl_fail(err, PL_E_IO, "cannot start the thread that reads the edges of %s", pl_bus_name(bus));
}

void pl_gpiochip_reader_stop(struct pl_gpiochip_reader *r)
{
  if (!r)
    return;
  uint64_t one = 1;
  while (write(r->wake, &one, sizeof one) != (ssize_t)sizeof one && errno == EINTR)
    ;
  pthread_join(r->thread, NULL);
  free_reader(r);
}

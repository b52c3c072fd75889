/* SPDX-License-Identifier: Apache-2.0 */
/* The adapters "twin-remote" and "remote" of a GPIO bus. Two connections: requests and their answers on one, edges on the other, read by a thread. */
#include "drivers/base/thread.h"
#include "drivers/bus/gpio.h"
#include "drivers/bus/remote/end.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINES_MAX 512
#define ANSWER_NS (5 * PL_S)

struct held { /* a line as it was requested, for when the rack comes back */
  struct pl_gpio_line line;
  char name[64], consumer[64];
  bool used;
};

struct remote {
  struct pl_remote_end end;
  struct pl_remote_welcome welcome;
  pthread_mutex_t lock; /* guards edges_fd */
  int edges_fd;
  pthread_t thread;
  bool listening;
  struct held lines[LINES_MAX];
};

static unsigned remote_caps(void *self)
{
  return ((const struct remote *)self)->welcome.caps & ~(unsigned)PL_GPIO_CAP_DIRECT; /* a socket is waited for */
}

static enum pl_status ask(struct remote *remote, struct pl_err *err)
{
  enum pl_status status = pl_remote_end_ask(&remote->end, ANSWER_NS, err);
  return status ? status : pl_remote_status(&remote->end.frame, err);
}

static void put_request(struct pl_remote_frame *frame, const struct pl_gpio_line *line, int handle)
{
  pl_remote_begin(frame, PL_REMOTE_REQUEST);
  pl_remote_put(frame, (uint64_t)handle, 2);
  pl_remote_put_text(frame, line->name ? line->name : "");
  pl_remote_put(frame, (uint64_t)(uint32_t)line->offset, 4);
  pl_remote_put_text(frame, line->consumer ? line->consumer : "");
  pl_remote_put(frame, (uint64_t)(line->output | line->active_low << 1 | line->initial << 2 | line->edges << 3 | line->as_is << 4), 1);
}

static enum pl_status remote_request(void *self, const struct pl_gpio_line *line, int handle, struct pl_err *err)
{
  struct remote *remote = self;
  if (handle < 0 || handle >= LINES_MAX)
    return pl_fail(err, PL_E_USAGE, "%s: at most %d lines a bus", remote->end.name, LINES_MAX);
  put_request(&remote->end.frame, line, handle);
  enum pl_status status = ask(remote, err);
  if (status)
    return status;
  struct held *held = &remote->lines[handle];
  *held = (struct held){.line = *line, .used = true};
  snprintf(held->name, sizeof held->name, "%s", line->name ? line->name : "");
  snprintf(held->consumer, sizeof held->consumer, "%s", line->consumer ? line->consumer : "");
  held->line.name = line->name ? held->name : NULL;
  held->line.consumer = held->consumer;
  return PL_OK;
}

static enum pl_status remote_get(void *self, const int *handles, size_t count, bool *values, struct pl_err *err)
{
  struct remote *remote = self;
  pl_remote_begin(&remote->end.frame, PL_REMOTE_GET);
  pl_remote_put(&remote->end.frame, count, 2);
  for (size_t i = 0; i < count; i++)
    pl_remote_put(&remote->end.frame, (uint64_t)handles[i], 2);
  enum pl_status status = ask(remote, err);
  if (status)
    return status;
  bool good = pl_remote_get(&remote->end.frame, 2) == count;
  for (size_t i = 0; i < count && good; i++)
    values[i] = pl_remote_get(&remote->end.frame, 1) != 0;
  return good && pl_remote_whole(&remote->end.frame) ? PL_OK : pl_remote_end_malformed(&remote->end, err);
}

static enum pl_status remote_set(void *self, const int *handles, size_t count, const bool *values, struct pl_err *err)
{
  struct remote *remote = self;
  pl_remote_begin(&remote->end.frame, PL_REMOTE_SET);
  pl_remote_put(&remote->end.frame, count, 2);
  for (size_t i = 0; i < count; i++) {
    pl_remote_put(&remote->end.frame, (uint64_t)handles[i], 2);
    pl_remote_put(&remote->end.frame, values[i], 1);
  }
  return ask(remote, err);
}

/* --- edges --- */

static void *listen_to_edges(void *ctx)
{
  struct remote *remote = ctx;
  struct pl_remote_frame frame = {.bytes = NULL};
  struct pl_err err = {0};
  struct pl_clock *clock = pl_bus_clock(remote->end.bus);
  pthread_mutex_lock(&remote->lock);
  int fd = remote->edges_fd;
  pthread_mutex_unlock(&remote->lock);
  for (;;) {
    enum pl_status status = pl_remote_receive(clock, fd, &frame, 3600 * PL_S, &err);
    if (status == PL_E_TIMEOUT)
      continue;
    if (status)
      break;
    bool is_edge = pl_remote_type(&frame) == PL_REMOTE_EDGE;
    int handle = (int)pl_remote_get(&frame, 2);
    bool active = pl_remote_get(&frame, 1) != 0;
    uint64_t count = pl_remote_get(&frame, 8);
    pl_time_ns at = (pl_time_ns)pl_remote_get(&frame, 8) - remote->welcome.ahead_ns;
    if (is_edge && pl_remote_whole(&frame))
      pl_gpio_edge(remote->end.bus, handle, active, count, at);
  }
  pl_bus_lost(remote->end.bus, err.text);
  pl_remote_free(&frame);
  return NULL;
}

static void stop_listening(struct remote *remote)
{
  if (!remote->listening)
    return;
  shutdown(remote->edges_fd, SHUT_RDWR);
  pthread_join(remote->thread, NULL);
  remote->listening = false;
}

static void leave(struct remote *remote)
{
  stop_listening(remote);
  pl_remote_end_leave(&remote->end);
  pthread_mutex_lock(&remote->lock);
  if (remote->edges_fd >= 0)
    close(remote->edges_fd);
  remote->edges_fd = -1;
  pthread_mutex_unlock(&remote->lock);
}

static enum pl_status connect_both(struct remote *remote, struct pl_err *err)
{
  struct pl_remote_end *end = &remote->end;
  enum pl_status status = pl_remote_end_attach(end, PL_REMOTE_GPIO_BUS, 0, &remote->welcome, err);
  if (!status)
    status = pl_remote_connect(pl_bus_clock(end->bus), end->path, PL_REMOTE_EDGES, end->name, remote->welcome.id, &remote->edges_fd, NULL, err);
  if (status)
    return status;
  remote->listening = pl_thread_start(&remote->thread, listen_to_edges, remote);
  return remote->listening ? PL_OK : pl_fail(err, PL_E_IO, "cannot start the thread that listens to the edges of %s", remote->end.name);
}

/* The other end is back: the lines are requested again, outputs at their inactive level (bus.h: what was set is not set again), or as they are where they were
 * requested so: who only looked switches nothing. */
static enum pl_status remote_reopen(void *self, struct pl_err *err)
{
  struct remote *remote = self;
  leave(remote);
  enum pl_status status = connect_both(remote, err);
  for (int i = 0; i < LINES_MAX && !status; i++) {
    if (!remote->lines[i].used)
      continue;
    struct pl_gpio_line line = remote->lines[i].line;
    line.initial = false;
    put_request(&remote->end.frame, &line, i);
    status = ask(remote, err);
  }
  if (status)
    leave(remote);
  return status;
}

static void remote_close(void *self)
{
  struct remote *remote = self;
  leave(remote);
  pthread_mutex_destroy(&remote->lock);
  pl_remote_end_free(&remote->end);
}

static const struct pl_gpio_ops OPS = {.caps = remote_caps, .request = remote_request, .get = remote_get, .set = remote_set};

static enum pl_status remote_open(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  struct remote *remote = pl_remote_end_new(bus, args, sizeof *remote, err);
  if (!remote)
    return PL_E_NOMEM;
  remote->edges_fd = -1;
  pthread_mutex_init(&remote->lock, NULL);
  enum pl_status status = connect_both(remote, err);
  if (status) {
    remote_close(remote);
    return status;
  }
  pl_bus_attach(bus, &OPS, remote, remote_close, false);
  pl_bus_set_reopen(bus, remote_reopen);
  return PL_OK;
}

extern const struct pl_adapter_desc pl_adapter_twin_remote_gpio;
const struct pl_adapter_desc pl_adapter_twin_remote_gpio = PL_REMOTE_RACK(PL_BUS_GPIO, remote_open);

extern const struct pl_adapter_desc pl_adapter_remote_gpio;
const struct pl_adapter_desc pl_adapter_remote_gpio = PL_REMOTE_BROKER(PL_BUS_GPIO, remote_open);

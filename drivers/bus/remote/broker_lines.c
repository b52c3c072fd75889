/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a broker's GPIO buses: each is one client's at a time, and goes back as it was driven when that one leaves. */
#include "drivers/bus/remote/broker_in.h"

#include <stdlib.h>
#include <string.h>

/* --- requests: in a job, so that nothing else is under way on the adapter --- */

struct request_work {
  struct pl_broker_work work;
  const struct pl_gpio_line *as;
  size_t theirs;
  struct pl_broker_line *line; /* the result */
};

static struct pl_broker_line *find(const struct pl_broker_bus *bus, const struct pl_gpio_line *as)
{
  for (size_t i = 0; i < bus->n_lines; i++) {
    struct pl_broker_line *line = bus->lines[i];
    if (as->name ? !strcmp(line->name, as->name) : !*line->name && line->offset == as->offset)
      return line;
  }
  return NULL;
}

static const char *name_of(const struct pl_broker_line *line, char *room, size_t size)
{
  if (*line->name)
    return line->name;
  snprintf(room, size, "%d", line->offset);
  return room;
}

static void log_level(struct pl_broker_bus *bus, const struct pl_remote_client *client, const struct pl_broker_line *line, bool active, enum pl_status status)
{
  char room[16], what[80];
  snprintf(what, sizeof what, "gpio %.60s=%d", name_of(line, room, sizeof room), active);
  pl_broker_log(bus, client, what, NULL, 0, status);
}

/* Edges where the adapter has them, for whoever comes later may want them. */
static enum pl_status request_new(struct request_work *request, struct pl_broker_line *line, struct pl_err *err)
{
  struct pl_bus *bus = request->work.bus->bus;
  const struct pl_gpio_line *as = request->as;
  struct pl_gpio_line mine = {.name = as->name ? line->name : NULL, .offset = as->offset, .consumer = line->consumer, .output = as->output, .as_is = as->as_is,
                              .initial = as->initial != as->active_low, .edges = !as->output && pl_gpio_caps(bus) & PL_GPIO_CAP_EDGES};
  struct pl_err why = {0};
  line->edges = mine.edges;
  enum pl_status status = pl_gpio_request(bus, &mine, &line->handle, &why);
  if (status == PL_E_UNSUPPORTED && mine.edges && !as->edges) {
    line->edges = mine.edges = false;
    status = pl_gpio_request(bus, &mine, &line->handle, &why);
  }
  return status ? pl_fail(err, status, "%s", why.text) : PL_OK;
}

static enum pl_status request_again(struct request_work *request, struct pl_broker_line *line, struct pl_err *err)
{
  const struct pl_gpio_line *as = request->as;
  char room[16];
  const char *name = name_of(line, room, sizeof room), *bus = pl_bus_name(request->work.bus->bus);
  if (line->owner)
    return pl_fail(err, PL_E_LOCKED, "line %s of %s is in use, by %s[%ld]; a line is one program's at a time", name, bus, line->owner->name, line->owner->pid);
  if (line->output != as->output)
    return pl_fail(err, PL_E_USAGE, "line %s of %s has been an %s of its broker's, expected an %s; start the broker anew to turn it round", name, bus,
                   line->output ? "output" : "input", as->output ? "output" : "input");
  if (as->edges && !line->edges)
    return pl_fail(err, PL_E_UNSUPPORTED, "line %s of %s: the adapter watches no edges of it", name, bus);
  if (!as->output || as->as_is)
    return PL_OK;
  bool level = as->initial != as->active_low;
  return pl_gpio_set(request->work.bus->bus, &line->handle, 1, &level, err);
}

static struct pl_broker_line *new_line(const struct pl_gpio_line *as)
{
  struct pl_broker_line *line = calloc(1, sizeof *line);
  if (!line)
    return NULL;
  snprintf(line->name, sizeof line->name, "%s", as->name ? as->name : "");
  snprintf(line->consumer, sizeof line->consumer, "%s", as->consumer);
  line->offset = as->offset;
  line->output = as->output;
  return line;
}

static enum pl_status run_request(struct pl_broker_work *work, struct pl_err *err)
{
  struct request_work *request = (struct request_work *)(void *)work;
  struct pl_broker_bus *bus = work->bus;
  pthread_mutex_lock(&bus->lock);
  struct pl_broker_line *line = find(bus, request->as);
  bool full = bus->n_lines == PL_REMOTE_LINES_MAX;
  pthread_mutex_unlock(&bus->lock); /* only who has the bus to itself changes the list */
  bool is_new = !line;
  if (is_new && (full || !(line = new_line(request->as))))
    return pl_fail(err, PL_E_NOMEM, "%s: no room for one more line", pl_bus_name(bus->bus));
  enum pl_status status = is_new ? request_new(request, line, err) : request_again(request, line, err);
  if (status) {
    if (is_new)
      free(line);
    return status;
  }
  struct pl_gpio_edges edges = {0};
  if (line->edges)
    pl_gpio_edges(bus->bus, line->handle, &edges);
  pthread_mutex_lock(&bus->lock);
  if (is_new)
    bus->lines[bus->n_lines++] = line;
  line->owner = work->client;
  line->theirs = request->theirs;
  line->active_low = request->as->active_low;
  line->rising = edges.rising;
  line->falling = edges.falling;
  pthread_mutex_unlock(&bus->lock);
  request->line = line;
  return PL_OK;
}

enum pl_status pl_broker_request(struct pl_remote_client *client, const struct pl_gpio_line *as, size_t handle, struct pl_err *err)
{
  struct request_work request = {.work = {.client = client, .run = run_request}, .as = as, .theirs = handle};
  enum pl_status status = pl_broker_do(&request.work, false, err);
  if (request.line && as->output && !as->as_is)
    log_level(client->bus, client, request.line, as->initial, status);
  if (request.line && status) { /* too late: the client will not believe that it has it */
    struct pl_broker_bus *bus = client->bus;
    pthread_mutex_lock(&bus->lock);
    request.line->owner = NULL;
    pthread_mutex_unlock(&bus->lock);
  } else {
    client->lines[handle] = request.line;
  }
  return status;
}

bool pl_broker_is_output(const void *line)
{
  return ((const struct pl_broker_line *)line)->output;
}

/* --- levels --- */

struct level_work {
  struct pl_broker_work work;
  int handles[PL_REMOTE_LINES_MAX];
  bool values[PL_REMOTE_LINES_MAX]; /* of the wire */
  size_t count;
};

static enum pl_status run_get(struct pl_broker_work *work, struct pl_err *err)
{
  struct level_work *level = (struct level_work *)(void *)work;
  return pl_gpio_get(work->bus->bus, level->handles, level->count, level->values, err);
}

static enum pl_status run_set(struct pl_broker_work *work, struct pl_err *err)
{
  struct level_work *level = (struct level_work *)(void *)work;
  return pl_gpio_set(work->bus->bus, level->handles, level->count, level->values, err);
}

enum pl_status pl_broker_get(struct pl_remote_client *client, const uint16_t *handles, size_t count, bool *values, struct pl_err *err)
{
  struct level_work level = {.work = {.client = client, .run = run_get}, .count = count};
  for (size_t i = 0; i < count; i++)
    level.handles[i] = ((struct pl_broker_line *)client->lines[handles[i]])->handle;
  enum pl_status status = pl_broker_do(&level.work, false, err);
  for (size_t i = 0; i < count; i++)
    values[i] = level.values[i] != ((struct pl_broker_line *)client->lines[handles[i]])->active_low;
  return status;
}

enum pl_status pl_broker_set(struct pl_remote_client *client, const uint16_t *handles, size_t count, const bool *values, struct pl_err *err)
{
  struct level_work level = {.work = {.client = client, .run = run_set}, .count = count};
  for (size_t i = 0; i < count; i++) {
    const struct pl_broker_line *line = client->lines[handles[i]];
    level.handles[i] = line->handle;
    level.values[i] = values[i] != line->active_low;
  }
  enum pl_status status = pl_broker_do(&level.work, false, err);
  for (size_t i = 0; i < count && level.work.ran; i++)
    log_level(client->bus, client, client->lines[handles[i]], values[i], status);
  return status;
}

/* --- edges --- */

static void tell(struct pl_remote_client *watcher, const struct pl_broker_line *line, bool level, uint64_t count, pl_time_ns at)
{
  if (count)
    pl_remote_send_edge(watcher, (int)line->theirs, level != line->active_low, count, at);
}

static void tell_line(struct pl_broker_bus *bus, struct pl_broker_line *line)
{
  struct pl_gpio_edges edges;
  struct pl_remote_client *watcher = bus->watchers;
  while (watcher && (!line->owner || watcher->of != line->owner->id))
    watcher = watcher->next;
  if (!line->edges || !watcher)
    return;
  pl_gpio_edges(bus->bus, line->handle, &edges);
  uint64_t rising = edges.rising - line->rising, falling = edges.falling - line->falling;
  bool rose_last = edges.last_rising > edges.last_falling;
  line->rising = edges.rising;
  line->falling = edges.falling;
  if (rose_last)
    tell(watcher, line, false, falling, edges.last_falling);
  tell(watcher, line, true, rising, edges.last_rising);
  if (!rose_last)
    tell(watcher, line, false, falling, edges.last_falling);
}

void pl_broker_tell_edges(void *ctx)
{
  struct pl_broker_bus *bus = ctx;
  pthread_mutex_lock(&bus->lock);
  for (size_t i = 0; i < bus->n_lines; i++)
    tell_line(bus, bus->lines[i]);
  pthread_mutex_unlock(&bus->lock);
}

enum pl_status pl_broker_watch(struct pl_remote_client *client, struct pl_err *err)
{
  (void)err;
  struct pl_broker_bus *bus = client->bus;
  pthread_mutex_lock(&bus->lock);
  client->next = bus->watchers;
  bus->watchers = client;
  pthread_mutex_unlock(&bus->lock);
  return PL_OK;
}

void pl_broker_leave_lines(struct pl_remote_client *client)
{
  struct pl_broker_bus *bus = client->bus;
  pthread_mutex_lock(&bus->lock);
  for (struct pl_remote_client **at = &bus->watchers; *at; at = &(*at)->next)
    if (*at == client) {
      *at = client->next;
      break;
    }
  for (size_t i = 0; i < bus->n_lines; i++)
    if (bus->lines[i]->owner == client)
      bus->lines[i]->owner = NULL;
  pthread_mutex_unlock(&bus->lock);
}

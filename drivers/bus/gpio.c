/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/gpio.h"
#include "drivers/base/thread.h"
#include "drivers/bus/layer.h"
#include "drivers/bus/tap.h"

#include <pthread.h>

struct line {
  bool output, edges;
  bool sampled, known, active; /* the adapter has no edges: changes between two reads are counted; known: active is what the last read gave */
  struct pl_gpio_edges seen;
};

struct layer { /* made at the first request or watch, before there is another thread */
  pthread_mutex_t lock; /* guards all below: an adapter's own thread reports edges */
  struct line *lines;
  size_t count, capacity;
  void (*fn)(void *ctx);
  void *fn_ctx;
  void (*hook)(void *ctx); /* set before the first edge */
  void *hook_ctx;
  struct pl_post post;
  struct pl_clock *clock;
};

static void free_layer(void *ctx)
{
  struct layer *layer = ctx;
  pl_clock_unpost(layer->clock, &layer->post);
  pthread_mutex_destroy(&layer->lock);
  free(layer->lines);
  free(layer);
}

static void call_watcher(void *ctx)
{
  struct layer *layer = ctx;
  pthread_mutex_lock(&layer->lock);
  void (*fn)(void *ctx) = layer->fn;
  void *fn_ctx = layer->fn_ctx;
  pthread_mutex_unlock(&layer->lock);
  if (fn)
    fn(fn_ctx);
}

static struct layer *layer_of(struct pl_bus *bus)
{
  struct layer *layer = pl_bus_layer(bus);
  if (layer)
    return layer;
  layer = calloc(1, sizeof *layer);
  if (!layer)
    return NULL;
  pl_mutex_init(&layer->lock);
  layer->post = (struct pl_post){.run = call_watcher, .ctx = layer};
  layer->clock = pl_bus_clock(bus);
  pl_bus_set_layer(bus, layer, free_layer);
  return layer;
}

static const char *name_of(const struct pl_gpio_line *line, char *room, size_t size)
{
  if (line->name)
    snprintf(room, size, "line %s", line->name);
  else
    snprintf(room, size, "line %d", line->offset);
  return room;
}

static enum pl_status check_request(const struct pl_bus *bus, const struct pl_gpio_line *line, struct pl_err *err)
{
  const struct pl_gpio_ops *ops = pl_bus_ops(bus);
  const struct {
    bool wanted;
    unsigned cap;
    const char *what;
  } needs[] = {
      {line->name != NULL, PL_GPIO_CAP_NAMES, "find lines by name; give its offset"},
      {line->bias != PL_GPIO_BIAS_AS_IS, PL_GPIO_CAP_BIAS, "set a bias; fit a resistor"},
      {line->drive != PL_GPIO_PUSH_PULL, PL_GPIO_CAP_DRIVE, "drive open-drain or open-source"},
      {line->edges && !line->sampled, PL_GPIO_CAP_EDGES, "watch edges"},
      {line->debounce_us != 0, PL_GPIO_CAP_DEBOUNCE, "debounce"},
  };
  char room[64];
  if (!line->name && line->offset < 0)
    return pl_fail(err, PL_E_USAGE, "a line of %s was asked for without name or offset", pl_bus_name(bus));
  if (line->output && line->edges)
    return pl_fail(err, PL_E_USAGE, "%s of %s cannot be an output and watch edges", name_of(line, room, sizeof room), pl_bus_name(bus));
  unsigned caps = ops->caps(pl_bus_self(bus));
  for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
    if (needs[i].wanted && !(caps & needs[i].cap))
      return pl_fail(err, PL_E_UNSUPPORTED, "%s: the adapter of %s cannot %s", name_of(line, room, sizeof room), pl_bus_name(bus), needs[i].what);
  return PL_OK;
}

static bool add_line(struct layer *layer, const struct pl_gpio_line *line, bool sampled, int *handle)
{
  pthread_mutex_lock(&layer->lock);
  if (layer->count == layer->capacity) {
    size_t capacity = layer->capacity ? 2 * layer->capacity : 16;
    struct line *lines = realloc(layer->lines, capacity * sizeof *lines);
    if (!lines) {
      pthread_mutex_unlock(&layer->lock);
      return false;
    }
    layer->lines = lines;
    layer->capacity = capacity;
  }
  *handle = (int)layer->count;
  layer->lines[layer->count++] =
      (struct line){.output = line->output, .edges = line->edges, .sampled = sampled,
                    .seen = {.last_rising = PL_NEVER, .last_falling = PL_NEVER, .sampled = sampled}};
  pthread_mutex_unlock(&layer->lock);
  return true;
}

/* Without edges, where the chip behind the adapter turns out to have none and changes between two reads will do. */
static enum pl_status ask(struct pl_bus *bus, struct layer *layer, struct pl_gpio_line asked, int handle, struct pl_err *err)
{
  const struct pl_gpio_ops *ops = pl_bus_ops(bus);
  struct pl_err why = {0};
  enum pl_status status = ops->request(pl_bus_self(bus), &asked, handle, &why);
  if (status == PL_E_UNSUPPORTED && asked.edges && asked.sampled) {
    asked.edges = false;
    pthread_mutex_lock(&layer->lock);
    layer->lines[handle].sampled = layer->lines[handle].seen.sampled = true;
    pthread_mutex_unlock(&layer->lock);
    why = (struct pl_err){0};
    status = ops->request(pl_bus_self(bus), &asked, handle, &why);
  }
  if (status && err)
    *err = why;
  return status;
}

enum pl_status pl_gpio_request(struct pl_bus *bus, const struct pl_gpio_line *line, int *handle, struct pl_err *err)
{
  enum pl_status status = check_request(bus, line, err);
  if (status)
    return status;
  const struct pl_gpio_ops *ops = pl_bus_ops(bus);
  struct layer *layer = layer_of(bus);
  struct pl_gpio_line asked = *line;
  bool sampled = line->edges && !(ops->caps(pl_bus_self(bus)) & PL_GPIO_CAP_EDGES);
  asked.edges = line->edges && !sampled;
  int made;
  if (!layer || !add_line(layer, line, sampled, &made))
    return pl_fail(err, PL_E_NOMEM, "out of memory for a line of %s", pl_bus_name(bus));
  pl_tap_line(bus, made, line);
  status = ask(bus, layer, asked, made, err); /* the first edge may come before this returns */
  if (status) {
    pthread_mutex_lock(&layer->lock);
    layer->count--;
    pthread_mutex_unlock(&layer->lock);
    return status;
  }
  *handle = made;
  return PL_OK;
}

static enum pl_status check_handles(struct pl_bus *bus, const int *handles, size_t count, bool to_set, struct pl_err *err)
{
  struct layer *layer = pl_bus_layer(bus);
  size_t known = 0;
  enum pl_status status = PL_OK;
  if (layer) {
    pthread_mutex_lock(&layer->lock);
    known = layer->count;
    for (size_t i = 0; i < count && !status; i++)
      if (to_set && handles[i] >= 0 && (size_t)handles[i] < known && !layer->lines[handles[i]].output)
        status = pl_fail(err, PL_E_USAGE, "line handle %d of %s was requested as an input; it cannot be set", handles[i], pl_bus_name(bus));
    pthread_mutex_unlock(&layer->lock);
  }
  for (size_t i = 0; i < count && !status; i++)
    if (handles[i] < 0 || (size_t)handles[i] >= known)
      status = pl_fail(err, PL_E_USAGE, "line handle %d of %s was never requested", handles[i], pl_bus_name(bus));
  return status ? status : pl_bus_check_deadline(bus, err);
}

/* Whether what was read is a change of a sampled line, which counts as an edge. */
static bool is_change(struct layer *layer, int handle, bool value)
{
  pthread_mutex_lock(&layer->lock);
  struct line *line = &layer->lines[handle];
  bool change = line->sampled && line->known && line->active != value;
  line->known = true;
  line->active = value;
  pthread_mutex_unlock(&layer->lock);
  return change;
}

enum pl_status pl_gpio_get(struct pl_bus *bus, const int *handles, size_t count, bool *values, struct pl_err *err)
{
  const struct pl_gpio_ops *ops = pl_bus_ops(bus);
  enum pl_status status = check_handles(bus, handles, count, false, err);
  if (status || !count)
    return status;
  pl_time_ns from = pl_bus_now(bus);
  status = ops->get(pl_bus_self(bus), handles, count, values, err);
  pl_bus_count(bus, 0, status);
  pl_tap_gpio(bus, false, handles, count, values, from, status, err);
  for (size_t i = 0; i < count && !status; i++)
    if (is_change(pl_bus_layer(bus), handles[i], values[i]))
      pl_gpio_edge(bus, handles[i], values[i], 1, pl_bus_now(bus));
  return status;
}

enum pl_status pl_gpio_set(struct pl_bus *bus, const int *handles, size_t count, const bool *values, struct pl_err *err)
{
  const struct pl_gpio_ops *ops = pl_bus_ops(bus);
  enum pl_status status = check_handles(bus, handles, count, true, err);
  if (status || !count)
    return status;
  pl_time_ns from = pl_bus_now(bus);
  status = ops->set(pl_bus_self(bus), handles, count, values, err);
  pl_bus_count(bus, 0, status);
  pl_tap_gpio(bus, true, handles, count, values, from, status, err);
  return status;
}

static struct line *find_line(struct layer *layer, int handle) /* lock held */
{
  return handle >= 0 && (size_t)handle < layer->count ? &layer->lines[handle] : NULL;
}

void pl_gpio_edges(struct pl_bus *bus, int handle, struct pl_gpio_edges *out)
{
  *out = (struct pl_gpio_edges){.last_rising = PL_NEVER, .last_falling = PL_NEVER};
  struct layer *layer = pl_bus_layer(bus);
  if (!layer)
    return;
  pthread_mutex_lock(&layer->lock);
  const struct line *line = find_line(layer, handle);
  if (line)
    *out = line->seen;
  pthread_mutex_unlock(&layer->lock);
}

void pl_gpio_watch(struct pl_bus *bus, void (*fn)(void *ctx), void *ctx)
{
  struct layer *layer = layer_of(bus);
  if (!layer)
    return;
  pthread_mutex_lock(&layer->lock);
  layer->fn = fn;
  layer->fn_ctx = ctx;
  pthread_mutex_unlock(&layer->lock);
}

void pl_gpio_hook(struct pl_bus *bus, void (*fn)(void *ctx), void *ctx)
{
  struct layer *layer = layer_of(bus);
  if (!layer)
    return;
  pthread_mutex_lock(&layer->lock);
  layer->hook = fn;
  layer->hook_ctx = ctx;
  pthread_mutex_unlock(&layer->lock);
}

unsigned pl_gpio_caps(const struct pl_bus *bus)
{
  const struct pl_gpio_ops *ops = pl_bus_ops(bus);
  return ops->caps(pl_bus_self(bus));
}

/* Adds to what the line has seen; tells the watcher. Edges of a line that did not ask for them are not counted. */
static void add_edges(struct pl_bus *bus, int handle, const struct pl_gpio_edges *more)
{
  struct layer *layer = pl_bus_layer(bus);
  if (!layer)
    return;
  pthread_mutex_lock(&layer->lock);
  struct line *line = find_line(layer, handle);
  bool counted = line && line->edges;
  if (counted) {
    line->seen.rising += more->rising;
    line->seen.falling += more->falling;
    line->seen.lost += more->lost;
    if (more->rising)
      line->seen.last_rising = more->last_rising;
    if (more->falling)
      line->seen.last_falling = more->last_falling;
  }
  bool tell = counted && layer->fn;
  void (*hook)(void *ctx) = counted ? layer->hook : NULL;
  void *hook_ctx = layer->hook_ctx;
  pthread_mutex_unlock(&layer->lock);
  if (hook)
    hook(hook_ctx);
  if (counted)
    pl_tap_edges(bus, handle, more);
  if (tell)
    pl_clock_post(layer->clock, &layer->post);
}

void pl_gpio_edge(struct pl_bus *bus, int handle, bool active, uint64_t count, pl_time_ns at)
{
  struct pl_gpio_edges more = {.rising = active ? count : 0, .falling = active ? 0 : count, .last_rising = at, .last_falling = at};
  if (count)
    add_edges(bus, handle, &more);
}

void pl_gpio_edges_lost(struct pl_bus *bus, int handle, uint64_t count)
{
  struct pl_gpio_edges more = {.lost = count};
  if (count)
    add_edges(bus, handle, &more);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Events as they go over the wire, once written out, in a ring that every stream reads. */
#include "control/redfish/services_hub.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RING = 2048, REPORTS = 64, LINGER_S = 5 };

uint64_t pl_hub_oldest(const struct pl_hub_ring *ring)
{
  return ring->count > ring->size ? ring->count - ring->size : 0;
}

struct timespec pl_hub_in(pl_time_ns timeout_ns)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  int64_t ns = t.tv_nsec + timeout_ns % PL_S;
  return (struct timespec){.tv_sec = t.tv_sec + timeout_ns / PL_S + ns / PL_S, .tv_nsec = ns % PL_S};
}

static void free_frame(struct pl_frame *f)
{
  if (!f)
    return;
  free(f->text);
  free(f->report);
  free(f->origin);
  free(f);
}

static void push(struct pl_hub *hub, struct pl_hub_ring *ring, struct pl_frame *f)
{
  pthread_mutex_lock(&hub->lock);
  struct pl_frame **place = &ring->frames[ring->count++ % ring->size];
  free_frame(*place);
  *place = f;
  pthread_cond_broadcast(&hub->news);
  pthread_mutex_unlock(&hub->lock);
}

static struct pl_frame *new_frame(uint64_t id, const char *data)
{
  struct pl_frame *f = calloc(1, sizeof *f);
  int n = -1;
  if (f && data)
    n = id ? asprintf(&f->text, "id: %" PRIu64 "\ndata: %s\n\n", id, data) : asprintf(&f->text, "data: %s\n\n", data);
  if (n < 0) {
    free(f);
    return NULL;
  }
  f->id = id;
  f->size = (size_t)n;
  return f;
}

void pl_hub_event(struct pl_hub *hub, const struct pl_event *event)
{
  char *data = pl_event_envelope(event->id, event->json, NULL);
  struct pl_frame *f = new_frame(event->id, data);
  free(data);
  if (!f)
    return;
  snprintf(f->message, sizeof f->message, "%s", event->message->id);
  snprintf(f->prefix, sizeof f->prefix, "%.*s", (int)strcspn(event->message->id, "."), event->message->id);
  f->origin = strdup(event->origin);
  push(hub, &hub->events, f);
}

void pl_hub_report(struct pl_hub *hub, const char *definition_uri, const char *json)
{
  struct pl_frame *f = new_frame(0, json);
  if (!f)
    return;
  f->report = strdup(definition_uri);
  push(hub, &hub->reports, f);
}

size_t pl_hub_streams(struct pl_hub *hub, struct pl_stream_told *told, size_t most)
{
  size_t n = 0;
  pthread_mutex_lock(&hub->lock);
  for (struct pl_stream *s = hub->streams; s && n < most; s = s->next)
    if (!s->ended)
      told[n++] = s->told;
  pthread_mutex_unlock(&hub->lock);
  return n;
}

static struct pl_stream *find(struct pl_hub *hub, const char *id) /* lock held */
{
  for (struct pl_stream *s = hub->streams; s; s = s->next)
    if (!s->ended && !strcmp(s->told.id, id))
      return s;
  return NULL;
}

bool pl_hub_find(struct pl_hub *hub, const char *id, struct pl_stream_told *told)
{
  pthread_mutex_lock(&hub->lock);
  struct pl_stream *s = find(hub, id);
  if (s)
    *told = s->told;
  pthread_mutex_unlock(&hub->lock);
  return s;
}

bool pl_hub_end(struct pl_hub *hub, const char *id)
{
  pthread_mutex_lock(&hub->lock);
  struct pl_stream *s = find(hub, id);
  if (s)
    s->ended = true;
  pthread_cond_broadcast(&hub->news);
  pthread_mutex_unlock(&hub->lock);
  return s;
}

static void add_old(void *ctx, const struct pl_event *event)
{
  pl_hub_event(ctx, event);
}

enum pl_status pl_hub_new(struct pl_services *services, struct pl_hub **hub, struct pl_err *err)
{
  struct pl_hub *h = calloc(1, sizeof *h);
  uint64_t last = pl_events_last(services->stack->events), missed;
  if (!h || !(h->events.frames = calloc(RING, sizeof(struct pl_frame *))) || !(h->reports.frames = calloc(REPORTS, sizeof(struct pl_frame *)))) {
    free(h ? h->events.frames : NULL);
    free(h);
    return pl_fail(err, PL_E_NOMEM, "no memory for event streams");
  }
  h->services = services;
  h->events.size = RING;
  h->reports.size = REPORTS;
  h->next_id = 1;
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&h->lock, NULL);
  pthread_cond_init(&h->news, &monotonic);
  pthread_cond_init(&h->emptied, &monotonic);
  pthread_condattr_destroy(&monotonic);
  *hub = h;
  /* What an earlier process has told is what its clients come back for. */
  return pl_events_replay(services->stack->events, last > RING ? last - RING : 0, add_old, h, &missed, err);
}

static void free_ring(struct pl_hub_ring *ring)
{
  for (size_t i = 0; i < ring->size; i++)
    free_frame(ring->frames[i]);
  free(ring->frames);
}

void pl_hub_close(struct pl_hub *hub)
{
  if (!hub)
    return;
  struct timespec until = pl_hub_in(LINGER_S * PL_S);
  int waited = 0;
  pthread_mutex_lock(&hub->lock);
  hub->closed = true;
  pthread_cond_broadcast(&hub->news);
  while (hub->n_streams && waited != ETIMEDOUT)
    waited = pthread_cond_timedwait(&hub->emptied, &hub->lock, &until);
  bool left = hub->n_streams;
  pthread_mutex_unlock(&hub->lock);
  if (left)
    return; /* a thread that never came back still has it; better lost than pulled from under it */
  free_ring(&hub->events);
  free_ring(&hub->reports);
  pthread_cond_destroy(&hub->news);
  pthread_cond_destroy(&hub->emptied);
  pthread_mutex_destroy(&hub->lock);
  free(hub);
}

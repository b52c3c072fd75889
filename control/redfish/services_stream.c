/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams (SSE; DSP0266 "Server-sent events"): each stream's thread takes from the hub's ring what its filter lets pass. */
#include "control/redfish/gate_room.h"
#include "control/redfish/room.h"
#include "control/redfish/services_hub.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool passes(const struct pl_stream *s, const struct pl_frame *f)
{
  struct pl_event_facts facts = {.format = f->report ? "MetricReport" : "Event", .report_definition = f->report};
  if (!f->report) {
    facts.registry_prefix = f->prefix;
    facts.message_id = f->message;
    facts.origin = f->origin;
  }
  return s->filter ? pl_event_filter_passes(s->filter, &facts) : !f->report;
}

/* What a client is told that has missed some: Base's message for it, with how many. Its id is the last that was missed, so that a reconnect goes on behind it. */
static char *marker(uint64_t missed, uint64_t last)
{
  size_t count;
  const struct pl_event_message *rows = pl_event_messages(&count), *m = NULL;
  for (size_t i = 0; i < count && !m; i++)
    m = strstr(rows[i].id, ".EventBufferExceeded") ? &rows[i] : NULL;
  char *text = NULL;
  if (!m || asprintf(&text,
                     "id: %" PRIu64 "\ndata: {\"@odata.type\":\"#Event.v1_13_0.Event\",\"Id\":\"%" PRIu64 "\",\"Name\":\"Event\",\"Events\":[{\"MemberId\":\"0\",\"EventType\":\"Alert\","
                     "\"MessageId\":\"%s\",\"MessageSeverity\":\"%s\",\"Message\":\"%s\",\"Oem\":{\"Plumbline\":{\"@odata.type\":\"#PlumblineEvent.v1_0_0.Gap\",\"Missed\":%" PRIu64
                     "}}}]}\n\n",
                     last, last, m->id, m->severity, m->text, missed) < 0)
    return NULL;
  return text;
}

/* Where a stream goes on that has had events up to `last`. Lock held. */
static void go_on_after(struct pl_stream *s, uint64_t last)
{
  const struct pl_hub_ring *ring = &s->hub->events;
  uint64_t at = ring->count, newest = ring->count ? ring->frames[(ring->count - 1) % ring->size]->id : 0;
  if (last > newest) /* of another log: everything that there is follows */
    last = 0;
  while (at > pl_hub_oldest(ring) && ring->frames[(at - 1) % ring->size]->id > last)
    at--;
  s->at = at;
  if (at < ring->count && ring->frames[at % ring->size]->id > last + 1)
    s->missed = ring->frames[at % ring->size]->id - last - 1;
}

static void append(char **text, size_t *size, const char *more, size_t n)
{
  char *grown = realloc(*text, *size + n + 1);
  if (!grown)
    return;
  memcpy(grown + *size, more, n);
  grown[*size += n] = '\0';
  *text = grown;
}

static void take_from(struct pl_stream *s, struct pl_hub_ring *ring, uint64_t *at, char **text, size_t *size) /* lock held */
{
  if (*at < pl_hub_oldest(ring)) { /* too slow: what the ring has lost is gone for this stream */
    s->missed += ring == &s->hub->events ? pl_hub_oldest(ring) - *at : 0;
    *at = pl_hub_oldest(ring);
  }
  for (; *at < ring->count; ++*at) {
    struct pl_frame *f = ring->frames[*at % ring->size];
    if (s->missed && f->id) {
      char *told = marker(s->missed, f->id - 1);
      if (told)
        append(text, size, told, strlen(told));
      free(told);
      s->missed = 0;
    }
    if (passes(s, f))
      append(text, size, f->text, f->size);
  }
}

enum pl_status pl_stream_next(struct pl_stream *s, pl_time_ns timeout_ns, char **text, size_t *size)
{
  struct pl_hub *hub = s->hub;
  struct timespec until = pl_hub_in(timeout_ns);
  int waited = 0;
  *text = NULL;
  *size = 0;
  pthread_mutex_lock(&hub->lock);
  while (!*size && !s->ended && !hub->closed && waited != ETIMEDOUT) {
    take_from(s, &hub->events, &s->at, text, size);
    take_from(s, &hub->reports, &s->reports_at, text, size);
    if (!*size)
      waited = pthread_cond_timedwait(&hub->news, &hub->lock, &until);
  }
  bool over = s->ended || hub->closed;
  pthread_mutex_unlock(&hub->lock);
  if (*size)
    return PL_OK;
  struct pl_user user;
  struct pl_http_answer refusal = {0};
  if (!over && pl_gate_admit(s->gate, &s->asked, &user, &refusal) != PL_OK) { /* his session is over, or his account */
    pl_http_answer_free(&refusal);
    over = true;
  }
  return over ? PL_E_GONE : PL_E_TIMEOUT;
}

static int hex(char c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The query's $filter, decoded, to out; false: there is none. */
static bool get_filter(const char *target, char *out, size_t size)
{
  const char *query = strchr(target, '?'), *p = query ? strstr(query, "$filter=") : NULL;
  if (query && !p && (p = strstr(query, "%24filter=")))
    p += 2;
  if (!p)
    return false;
  size_t n = 0;
  for (p += 8; *p && *p != '&' && n + 1 < size; p++)
    if (*p == '%' && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
      out[n++] = (char)(hex(p[1]) * 16 + hex(p[2]));
      p += 2;
    } else {
      out[n++] = *p == '+' ? ' ' : *p;
    }
  out[n] = '\0';
  return true;
}

static void keep_header(struct pl_stream *s, const struct pl_http_request *request, const char *name, char *room)
{
  const char *value = pl_http_field(request->fields, request->n_fields, name);
  if (!value)
    return;
  snprintf(room, PL_HUB_TOKEN_MAX, "%s", value);
  s->asked.fields[s->asked.n_fields++] = (struct pl_http_field){name, room};
}

static void keep_request(struct pl_stream *s, const struct pl_http_request *request)
{
  snprintf(s->target, sizeof s->target, "%s", PL_SSE_URI);
  snprintf(s->told.peer, sizeof s->told.peer, "%s", request->peer ? request->peer : "");
  s->asked = (struct pl_http_request){.method = "GET", .target = s->target, .peer = s->told.peer, .encrypted = request->encrypted};
  keep_header(s, request, "X-Auth-Token", s->token);
  keep_header(s, request, "Authorization", s->authorization);
}

static enum pl_status join(struct pl_hub *hub, struct pl_stream *s, const char *last_id)
{
  enum pl_status status = PL_OK;
  pthread_mutex_lock(&hub->lock);
  if (hub->closed || hub->n_streams >= PL_HUB_STREAMS_MAX) {
    status = hub->closed ? PL_E_GONE : PL_E_BUSY;
  } else {
    snprintf(s->told.id, sizeof s->told.id, "stream-%" PRIu64, hub->next_id++);
    s->reports_at = hub->reports.count;
    s->at = hub->events.count;
    if (last_id && *last_id)
      go_on_after(s, strtoull(last_id, NULL, 10));
    s->next = hub->streams;
    hub->streams = s;
    hub->n_streams++;
  }
  pthread_mutex_unlock(&hub->lock);
  return status;
}

enum pl_status pl_stream_open(struct pl_gate *gate, const struct pl_http_request *request, struct pl_stream **stream, struct pl_http_answer *refusal)
{
  struct pl_user user;
  enum pl_status status = pl_gate_admit(gate, request, &user, refusal);
  if (status != PL_OK)
    return status;
  struct pl_services *services = pl_services_of(pl_gate_stack(gate));
  struct pl_stream *s = services ? calloc(1, sizeof *s) : NULL;
  if (!s) {
    pl_answer_refusal(refusal, 503, "ServiceTemporarilyUnavailable", "5");
    return PL_E_GONE;
  }
  struct pl_err err = {0};
  char filter[PL_HUB_TARGET_MAX];
  s->gate = gate;
  s->hub = services->hub;
  keep_request(s, request);
  if (get_filter(request->target, filter, sizeof filter) && (status = pl_event_filter_parse(filter, &s->filter, &err)) != PL_OK)
    pl_answer_refusal(refusal, 400, "QueryParameterValueError", "$filter");
  else if ((status = join(s->hub, s, pl_http_field(request->fields, request->n_fields, "Last-Event-ID"))) != PL_OK)
    pl_answer_refusal(refusal, 503, "EventSubscriptionLimitExceeded", NULL);
  if (status != PL_OK) {
    pl_event_filter_free(s->filter);
    free(s);
    return status;
  }
  *stream = s;
  return PL_OK;
}

void pl_stream_close(struct pl_stream *s)
{
  struct pl_hub *hub = s->hub;
  pthread_mutex_lock(&hub->lock);
  for (struct pl_stream **at = &hub->streams; *at; at = &(*at)->next)
    if (*at == s) {
      *at = s->next;
      hub->n_streams--;
      break;
    }
  pthread_cond_broadcast(&hub->emptied);
  pthread_mutex_unlock(&hub->lock);
  pl_event_filter_free(s->filter);
  free(s);
}


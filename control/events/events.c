/* SPDX-License-Identifier: Apache-2.0 */
/* Events: made from a message and its arguments, numbered, stored, kept in a ring for those who come back soon, given to the listeners. */
#include "control/events/events.h"

#include "control/events/derive.h"
#include "control/stack/stack.h"
#include "control/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

enum { RING = 1024, ARGS_MAX = 4, TEXT_MAX = 512, ORIGIN_MAX = 256 };

struct kept {
  struct pl_event event;
  char *json, *origin;
};

struct pl_events {
  struct pl_stack *stack;
  struct kept ring[RING]; /* the event with id n stands at n % RING */
  uint64_t first, last;   /* ids that this process has made: first..last; none while last < first */
  uint64_t given;         /* up to here the listeners have had them; what a listener sends itself waits for its turn */
  bool giving;
  struct pl_event_listener *listeners, *next; /* next: whom the event that is being given goes to next */
  void (*uri)(const struct pl_item *item, char *out, size_t size);
  struct pl_derive *derive;
  void (*away)(struct pl_derive *derive);
  uint64_t held; /* mutant event-reordered: the id that waits for the one after it; 0: none */
};

char *pl_wall_text(int64_t wall_ns, char out[PL_WALL_TEXT_MAX])
{
  time_t s = (time_t)(wall_ns / PL_S);
  struct tm tm;
  gmtime_r(&s, &tm);
  char day[24];
  strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(out, PL_WALL_TEXT_MAX, "%s.%03dZ", day, (int)(wall_ns / PL_MS % 1000));
  return out;
}

/* "Environmental.1.4.LeakDetectedCritical" is of registry "Environmental" with the key after the last dot. */
static const struct pl_event_message *find_message(const char *registry, const char *key)
{
  size_t count, n = strlen(registry);
  const struct pl_event_message *rows = pl_event_messages(&count);
  for (size_t i = 0; i < count; i++)
    if (!strncmp(rows[i].id, registry, n) && rows[i].id[n] == '.' && !strcmp(strrchr(rows[i].id, '.') + 1, key))
      return &rows[i];
  return NULL;
}

static const struct pl_event_message *message_by_id(const char *id)
{
  size_t count;
  const struct pl_event_message *rows = pl_event_messages(&count);
  for (size_t i = 0; id && i < count; i++)
    if (!strcmp(rows[i].id, id))
      return &rows[i];
  return NULL;
}

void pl_event_text(const struct pl_event_message *message, const char *const *args, char *out, size_t size)
{
  size_t at = 0;
  for (const char *p = message->text; *p && at + 1 < size; p++)
    if (*p == '%' && p[1] >= '1' && p[1] < '1' + (int)message->n_args) {
      int n = snprintf(out + at, size - at, "%s", args[*++p - '1']);
      at = n < 0 ? at : at + (size_t)n < size ? at + (size_t)n : size - 1;
    } else {
      out[at++] = *p;
    }
  out[at] = '\0';
}

static void add(struct json_object *o, const char *key, const char *value)
{
  json_object_object_add(o, key, json_object_new_string(value));
}

/* An EventRecord of Event v1. EventType is deprecated in favour of MessageId, and still required (Event.v1_13_0, "required"). */
static char *make_record(const struct pl_event *event, const char *const *args)
{
  char text[TEXT_MAX], id[24], at[PL_WALL_TEXT_MAX];
  pl_event_text(event->message, args, text, sizeof text);
  snprintf(id, sizeof id, "%" PRIu64, event->id);
  struct json_object *o = json_object_new_object(), *list = json_object_new_array();
  add(o, "MemberId", "0");
  add(o, "EventId", id);
  add(o, "EventType", strncmp(event->message->id, "ResourceEvent.", 14) ? "Alert" : "Other");
  add(o, "EventTimestamp", pl_wall_text(event->wall_ns, at));
  add(o, "MessageId", event->message->id);
  add(o, "MessageSeverity", event->severity);
  add(o, "Message", text);
  for (unsigned i = 0; i < event->message->n_args; i++)
    json_object_array_add(list, json_object_new_string(args[i]));
  json_object_object_add(o, "MessageArgs", list);
  add(o, "Resolution", event->message->resolution);
  if (event->origin[0]) {
    struct json_object *origin = json_object_new_object();
    add(origin, "@odata.id", event->origin);
    json_object_object_add(o, "OriginOfCondition", origin);
  }
  char *json = strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(o);
  return json;
}

static void give(struct pl_events *e, uint64_t id)
{
  const struct pl_event *event = &e->ring[id % RING].event;
  for (struct pl_event_listener *l = e->listeners; l; l = e->next) {
    e->next = l->next;
    l->event(l->ctx, event);
  }
}

/* Where a stack that lies about its events does so: every third one. */
static void give_honestly_or_not(struct pl_events *e, uint64_t id)
{
  bool now_and_then = id % 3 == 0;
  if (PL_LIES(e->stack, EVENT_DROPPED) && now_and_then)
    return;
  if (PL_LIES(e->stack, EVENT_REORDERED) && now_and_then) {
    e->held = id;
    return;
  }
  give(e, id);
  if (PL_LIES(e->stack, EVENT_REPEATED) && now_and_then)
    give(e, id);
  if (e->held) {
    uint64_t held = e->held;
    e->held = 0;
    give(e, held);
  }
}

static void give_all(struct pl_events *e)
{
  if (e->giving)
    return;
  e->giving = true;
  while (e->given < e->last)
    give_honestly_or_not(e, ++e->given);
  e->giving = false;
}

static struct pl_event *next_place(struct pl_events *e, const char *origin)
{
  struct kept *k = &e->ring[(e->last + 1) % RING];
  free(k->json);
  free(k->origin);
  *k = (struct kept){.origin = strdup(origin)};
  if (!k->origin)
    return NULL;
  k->event = (struct pl_event){.id = e->last + 1, .at = pl_clock_now(e->stack->clock), .origin = k->origin};
  k->event.wall_ns = pl_clock_wall_ns(e->stack->clock, k->event.at);
  return &k->event;
}

char *pl_event_record(struct pl_stack *stack, const char *registry, const char *id, const char *severity, const char *origin, const char *const *args)
{
  const struct pl_event_message *message = find_message(registry, id);
  if (!message)
    return NULL;
  const struct pl_event event = {.wall_ns = pl_clock_wall_ns(stack->clock, pl_clock_now(stack->clock)), .message = message,
                                 .severity = severity ? severity : message->severity, .origin = origin};
  return make_record(&event, args);
}

void pl_event_send_at(struct pl_stack *stack, const char *registry, const char *id, const char *origin, const char *const *args)
{
  pl_event_send_as(stack, registry, id, NULL, origin, args);
}

void pl_event_send_as(struct pl_stack *stack, const char *registry, const char *id, const char *severity, const char *origin, const char *const *args)
{
  struct pl_events *e = stack->events;
  const struct pl_event_message *message = find_message(registry, id);
  if (!e || stack->dead || !message)
    return; /* a message that is not in the table: a test walks every place that sends */
  struct pl_event *event = next_place(e, origin ? origin : "");
  if (!event)
    return;
  event->message = message;
  event->severity = severity ? severity : message->severity;
  struct kept *k = &e->ring[event->id % RING];
  event->json = k->json = make_record(event, args);
  if (!k->json)
    return;
  e->last = event->id;
  struct pl_err err = {0};
  pl_store_event(stack->store, event->id, event->wall_ns, event->json, &err); /* what cannot be stored is told all the same */
  give_all(e);
}

void pl_event_send(struct pl_stack *stack, const char *registry, const char *id, const struct pl_item *item, const char *const *args)
{
  char origin[ORIGIN_MAX] = "";
  if (stack->events && stack->events->uri && item)
    stack->events->uri(item, origin, sizeof origin);
  pl_event_send_at(stack, registry, id, origin, args);
}

uint64_t pl_events_last(const struct pl_events *events)
{
  return events->last;
}

void pl_events_name_origins(struct pl_events *events, void (*uri)(const struct pl_item *item, char *out, size_t size))
{
  events->uri = uri;
}

void pl_events_listen(struct pl_events *events, struct pl_event_listener *listener)
{
  listener->next = NULL;
  struct pl_event_listener **end = &events->listeners;
  while (*end)
    end = &(*end)->next;
  *end = listener;
}

void pl_events_unlisten(struct pl_events *events, struct pl_event_listener *listener)
{
  for (struct pl_event_listener **at = &events->listeners; *at; at = &(*at)->next)
    if (*at == listener) {
      *at = listener->next;
      if (events->next == listener)
        events->next = listener->next;
      return;
    }
}

struct replay {
  void (*fn)(void *ctx, const struct pl_event *event);
  void *ctx;
  uint64_t before, last, count; /* before: those in the ring begin here */
};

static const char *text_of(struct json_object *o, const char *key)
{
  struct json_object *value;
  return json_object_object_get_ex(o, key, &value) ? json_object_get_string(value) : NULL;
}

static void replay_stored(void *ctx, uint64_t id, int64_t wall_ns, const char *json)
{
  struct replay *r = ctx;
  r->last = id;
  if (id >= r->before)
    return;
  struct json_object *o = json_tokener_parse(json), *origin;
  struct pl_event event = {.id = id, .wall_ns = wall_ns, .json = json, .origin = "", .message = o ? message_by_id(text_of(o, "MessageId")) : NULL};
  if (o && json_object_object_get_ex(o, "OriginOfCondition", &origin) && text_of(origin, "@odata.id"))
    event.origin = text_of(origin, "@odata.id");
  event.severity = o && text_of(o, "MessageSeverity") ? text_of(o, "MessageSeverity") : "OK";
  if (event.message) { /* else of an older version of the table: counted as gone */
    r->count++;
    r->fn(r->ctx, &event);
  }
  json_object_put(o);
}

enum pl_status pl_events_replay(struct pl_events *e, uint64_t after, void (*fn)(void *ctx, const struct pl_event *event), void *ctx, uint64_t *missed,
                                struct pl_err *err)
{
  if (after > e->last)
    after = 0;
  uint64_t oldest = e->last + 1 > e->first + RING ? e->last + 1 - RING : e->first;
  struct replay r = {.fn = fn, .ctx = ctx, .before = oldest, .last = after};
  enum pl_status status = PL_OK;
  while (status == PL_OK && r.last + 1 < oldest) {
    uint64_t from = r.last;
    status = pl_store_events(e->stack->store, from, 256, replay_stored, &r, err);
    if (r.last == from)
      break;
  }
  for (uint64_t id = after + 1 > oldest ? after + 1 : oldest; id <= e->last; id++, r.count++)
    fn(ctx, &e->ring[id % RING].event);
  *missed = e->last - after - r.count;
  return status;
}

enum pl_status pl_events_new(struct pl_stack *stack, struct pl_events **events, struct pl_err *err)
{
  struct pl_events *e = calloc(1, sizeof *e);
  if (!e)
    return pl_fail(err, PL_E_NOMEM, "no memory for the events");
  e->stack = stack;
  e->last = e->given = pl_store_last_event(stack->store);
  e->first = e->last + 1;
  *events = e;
  return PL_OK;
}

void pl_events_keep(struct pl_events *events, struct pl_derive *derive, void (*away)(struct pl_derive *derive))
{
  events->derive = derive;
  events->away = away;
}

void pl_events_free(struct pl_events *events)
{
  if (!events)
    return;
  struct pl_err err = {0};
  if (!events->stack->dead)
    pl_store_flush(events->stack->store, &err); /* what cannot be written now could not be before either */
  if (events->away)
    events->away(events->derive);
  for (size_t i = 0; i < RING; i++) {
    free(events->ring[i].json);
    free(events->ring[i].origin);
  }
  free(events);
}

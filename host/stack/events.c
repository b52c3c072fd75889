/* SPDX-License-Identifier: Apache-2.0 */
/* The events that a stack has sent: kept, and judged as a stream. Each must come once and in order. */
#include "host/journal/json.h"
#include "host/stack/transport.h"

#include <inttypes.h>

struct pl_event_log {
  struct pl_client_event *events; /* a ring of the last ones */
  uint64_t count;                 /* ever heard */
  uint64_t last;                  /* the highest id so far */
  uint64_t missing_from, missing_to; /* a hole before `last`, which may be an event out of order; 0: none */
  bool gap_allowed;
  struct pl_json json;
};

enum pl_status pl_event_log_new(struct pl_event_log **out, struct pl_err *err)
{
  struct pl_event_log *log = calloc(1, sizeof *log);
  if (log)
    log->events = calloc(PL_CLIENT_EVENTS_MAX, sizeof *log->events);
  if (!log || !log->events) {
    free(log);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the stack's events");
  }
  *out = log;
  return PL_OK;
}

/* All texts of an event stand in one block, which `json` begins. */
static void forget(struct pl_client_event *event)
{
  free((void *)(uintptr_t)event->json);
  *event = (struct pl_client_event){0};
}

void pl_event_log_free(struct pl_event_log *log)
{
  if (!log)
    return;
  for (size_t i = 0; i < PL_CLIENT_EVENTS_MAX; i++)
    forget(&log->events[i]);
  pl_json_free(&log->json);
  free(log->events);
  free(log);
}

/* --- the stream --- */

static void __attribute__((format(printf, 3, 4))) complain(const struct pl_client_watch *watch, const char *verdict, const char *format, ...)
{
  char sentence[256];
  va_list args;
  va_start(args, format);
  vsnprintf(sentence, sizeof sentence, format, args);
  va_end(args);
  if (watch && watch->wrong)
    watch->wrong(watch->ctx, verdict, sentence);
}

static void settle_missing(struct pl_event_log *log, const struct pl_client_watch *watch)
{
  if (!log->missing_from)
    return;
  if (log->missing_from == log->missing_to)
    complain(watch, "event-missing", "event %" PRIu64 " never came", log->missing_from);
  else
    complain(watch, "event-missing", "events %" PRIu64 " to %" PRIu64 " never came", log->missing_from, log->missing_to);
  log->missing_from = log->missing_to = 0;
}

/* An id that is skipped is missing unless it comes next: then it was out of order. */
static void judge(struct pl_event_log *log, const struct pl_client_watch *watch, uint64_t id)
{
  if (log->missing_from && id >= log->missing_from && id <= log->missing_to) {
    complain(watch, "event-order", "event %" PRIu64 " came after event %" PRIu64, id, log->last);
    if (id == log->missing_from)
      log->missing_from++;
    else
      log->missing_to = id - 1; /* a third one out of order is told as missing, which it is for long enough */
    if (log->missing_from > log->missing_to)
      log->missing_from = log->missing_to = 0;
    return;
  }
  if (id > log->last) {
    settle_missing(log, watch);
    if (log->last && id > log->last + 1 && !log->gap_allowed) {
      log->missing_from = log->last + 1;
      log->missing_to = id - 1;
    }
    log->gap_allowed = false;
    log->last = id;
  } else {
    complain(watch, "event-repeated", "event %" PRIu64 " came again, after event %" PRIu64, id, log->last);
  }
}

void pl_event_log_gap(struct pl_event_log *log)
{
  log->gap_allowed = true;
}

void pl_event_log_end(struct pl_event_log *log, const struct pl_client_watch *watch)
{
  settle_missing(log, watch);
}

/* --- what an event says --- */

struct texts { /* puts the fields behind the record's own text */
  char *bytes;
  size_t used, size;
};

static const char *put(struct texts *texts, const struct pl_json_node *node)
{
  size_t len = node && node->kind == PL_JSON_STRING ? node->len : 0;
  if (texts->used + len + 1 > texts->size)
    len = 0;
  char *at = texts->bytes + texts->used;
  if (len)
    memcpy(at, node->text, len);
  at[len] = '\0';
  texts->used += len + 1;
  return at;
}

static void keep(struct pl_event_log *log, const struct pl_client_watch *watch, uint64_t id, const struct pl_json_node *record, pl_time_ns at)
{
  static const char *const ORIGIN = "OriginOfCondition";
  const struct pl_json_node *severity = pl_json_get(record, "MessageSeverity"), *origin = pl_json_get(pl_json_get(record, ORIGIN), "@odata.id");
  size_t size = (size_t)record->len * 2 + 16; /* each field is a part of the record, and no longer */
  struct texts texts = {.bytes = malloc(size), .size = size};
  if (!texts.bytes) {
    complain(watch, "event-missing", "out of memory for event %" PRIu64, id);
    return;
  }
  memcpy(texts.bytes, record->text, record->len);
  texts.bytes[record->len] = '\0';
  texts.used = record->len + 1;
  struct pl_client_event *event = &log->events[log->count % PL_CLIENT_EVENTS_MAX];
  forget(event);
  *event = (struct pl_client_event){.id = id, .at = at, .json = texts.bytes};
  event->message_id = put(&texts, pl_json_get(record, "MessageId"));
  event->origin = put(&texts, origin);
  event->severity = put(&texts, severity ? severity : pl_json_get(record, "Severity"));
  event->text = put(&texts, pl_json_get(record, "Message"));
  const char *dot = strrchr(event->message_id, '.');
  event->message = dot ? dot + 1 : event->message_id;
  log->count++;
  if (!strcmp(event->message, "EventBufferExceeded")) /* Base registry: the service tells itself that some are gone */
    log->gap_allowed = true;
  if (watch && watch->event)
    watch->event(watch->ctx, event);
}

void pl_event_log_add(struct pl_event_log *log, const struct pl_client_watch *watch, uint64_t id, const char *json, size_t len, pl_time_ns at)
{
  struct pl_err err = {0};
  if (len > PL_CLIENT_BODY_MAX || pl_json_parse(&log->json, json, len, &err) || log->json.nodes[0].kind != PL_JSON_OBJECT) {
    complain(watch, "event-garbage", "an event is no JSON object: %.160s", err.status ? err.text : "too large, or something else");
    return;
  }
  if (id)
    judge(log, watch, id);
  const struct pl_json_node *event = &log->json.nodes[0], *records = pl_json_get(event, "Events");
  if (!records || records->kind != PL_JSON_ARRAY) {
    if (!pl_json_get(event, "MetricValues")) /* a metric report comes over the same stream */
      keep(log, watch, id, event, at);
    return;
  }
  for (const struct pl_json_node *record = pl_json_first(records); record; record = pl_json_next(record))
    if (record->kind == PL_JSON_OBJECT)
      keep(log, watch, id, record, at);
}

uint64_t pl_event_log_last(const struct pl_event_log *log)
{
  return log->last;
}

uint64_t pl_event_log_count(const struct pl_event_log *log)
{
  return log->count;
}

const struct pl_client_event *pl_event_log_at(const struct pl_event_log *log, uint64_t index)
{
  bool kept = index < log->count && log->count - index <= PL_CLIENT_EVENTS_MAX;
  return kept ? &log->events[index % PL_CLIENT_EVENTS_MAX] : NULL;
}

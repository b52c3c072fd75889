/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams, taken as HTTP's threads take them. */
#include "control/events/events.h"
#include "control/redfish/gate.h"
#include "control/redfish/service_test.h"
#include "control/redfish/services_filter.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct ear {
  struct door *d;
  struct pl_gate *gate;
  struct pl_http_answer refusal;
};

static void open_ear(struct ear *e)
{
  memset(e, 0, sizeof *e);
  e->d = door_open(NULL);
  WELL(e->d->stand, pl_gate_new(e->d->stand->stack, &e->gate, &e->d->stand->err));
}

static void close_ear(struct ear *e)
{
  pl_http_answer_free(&e->refusal);
  pl_gate_free(e->gate);
  door_close(e->d);
}

static enum pl_status listen_as(struct ear *e, const char *who, const char *query, const char *last_id, struct pl_stream **stream)
{
  char basic[400] = "Basic ", target[512];
  snprintf(target, sizeof target, "/redfish/v1/EventService/SSE%s", query);
  struct pl_http_request r = {.method = "GET", .target = target, .peer = "test", .encrypted = true};
  if (!strncmp(who, "token ", 6)) {
    r.fields[r.n_fields++] = (struct pl_http_field){"X-Auth-Token", who + 6};
  } else if (*who) {
    encode64(who, basic + 6, sizeof basic - 6);
    r.fields[r.n_fields++] = (struct pl_http_field){"Authorization", basic};
  }
  if (last_id)
    r.fields[r.n_fields++] = (struct pl_http_field){"Last-Event-ID", last_id};
  pl_http_answer_free(&e->refusal);
  e->refusal = (struct pl_http_answer){0};
  return pl_stream_open(e->gate, &r, stream, &e->refusal);
}

static struct pl_stream *listen_to(struct ear *e, const char *query, const char *last_id)
{
  struct pl_stream *s = NULL;
  enum pl_status status = listen_as(e, ADMIN, query, last_id, &s);
  if (status != PL_OK)
    fail_msg("%s: %d %s", query, e->refusal.status, e->refusal.body ? e->refusal.body : "");
  return s;
}

static void send(struct ear *e, const char *registry, const char *id, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    pl_event_send_at(e->d->stand->stack, registry, id, "/redfish/v1/Chassis/csu-1", (const char *const[]){"x", "y"});
}

static uint64_t last(const struct ear *e)
{
  return pl_events_last(e->d->stand->stack->events);
}

/* What comes at once: the ids, the newest of them in *at, in order or the test fails. */
static unsigned taken(struct pl_stream *s, uint64_t *at, char **kept)
{
  char *text;
  size_t size;
  unsigned count = 0;
  enum pl_status status = pl_stream_next(s, PL_MS, &text, &size);
  if (status == PL_E_TIMEOUT)
    return 0;
  assert_int_equal(status, PL_OK);
  for (const char *p = text; (p = strstr(p, "id: ")); p++)
    if (p == text || p[-1] == '\n') {
      uint64_t id = strtoull(p + 4, NULL, 10);
      assert_true(id > *at);
      *at = id;
      count++;
    }
  if (kept)
    *kept = text;
  else
    free(text);
  return count;
}

static void an_event_comes_once_written_as_a_stream_has_it(void **state)
{
  (void)state;
  struct ear e;
  open_ear(&e);
  struct pl_stream *s = listen_to(&e, "", NULL);
  uint64_t at = last(&e);
  assert_int_equal(taken(s, &at, NULL), 0); /* what was before is nobody's who did not ask for it */
  send(&e, "ResourceEvent", "TestMessage", 1);
  char *text = NULL, begin[64];
  assert_int_equal(taken(s, &at, &text), 1);
  snprintf(begin, sizeof begin, "id: %" PRIu64 "\ndata: {", last(&e));
  assert_memory_equal(text, begin, strlen(begin));
  assert_string_equal(text + strlen(text) - 3, "}\n\n");
  struct json_object *o = json_tokener_parse(strstr(text, "data: ") + 6), *list;
  assert_true(json_object_object_get_ex(o, "Events", &list));
  json_object_put(o);
  free(text);
  assert_int_equal(taken(s, &at, NULL), 0);
  pl_stream_close(s);
  close_ear(&e);
}

static void filters_let_through_what_they_say(void **state)
{
  (void)state;
  struct ear e;
  open_ear(&e);
  struct pl_stream *power = listen_to(&e, "?$filter=RegistryPrefix%20eq%20'Power'", NULL), *below = listen_to(&e,
      "?$filter=(OriginResource+eq+/redfish/v1/Chassis+and+SubordinateResources+eq+true)+and+not+RegistryPrefix+eq+Power", NULL);
  struct pl_stream *report = listen_to(&e, "?$filter=EventFormatType%20eq%20MetricReport", NULL);
  uint64_t a = 0, b = 0, c = 0;
  send(&e, "ResourceEvent", "TestMessage", 1);
  send(&e, "Power", "PowerSupplyFailed", 2);
  assert_int_equal(taken(power, &a, NULL), 2);
  assert_int_equal(taken(below, &b, NULL), 1);
  assert_int_equal(taken(report, &c, NULL), 0);
  stand_run(e.d->stand, 61 * PL_S); /* a shipped report comes each minute */
  char *text;
  size_t size;
  assert_int_equal(pl_stream_next(report, PL_MS, &text, &size), PL_OK);
  assert_non_null(strstr(text, "#MetricReport.v1_5_2.MetricReport"));
  assert_memory_equal(text, "data: ", 6);
  free(text);
  pl_stream_close(power);
  pl_stream_close(below);
  pl_stream_close(report);
  close_ear(&e);
}

static void who_may_not_read_or_asks_nonsense_is_refused(void **state)
{
  (void)state;
  static const char *const BAD[] = {"?$filter=Nonsense%20eq%201", "?$filter=RegistryPrefix%20ne%20'Power'", "?$filter=(RegistryPrefix%20eq%20Power", "?$filter=",
                                    "?$filter=RegistryPrefix%20eq%20'Power"};
  struct ear e;
  struct pl_stream *s;
  open_ear(&e);
  assert_int_not_equal(listen_as(&e, NOBODY, "", NULL, &s), PL_OK);
  assert_int_equal(e.refusal.status, 401);
  assert_int_not_equal(listen_as(&e, "admin:wrong", "", NULL, &s), PL_OK);
  assert_int_equal(e.refusal.status, 401);
  for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
    assert_int_equal(listen_as(&e, ADMIN, BAD[i], NULL, &s), PL_E_USAGE);
    assert_int_equal(e.refusal.status, 400);
  }
  close_ear(&e);
}

static void who_comes_back_goes_on_where_he_was(void **state)
{
  (void)state;
  struct ear e;
  char id[24];
  open_ear(&e);
  uint64_t begin = last(&e), at = begin + 3;
  send(&e, "ResourceEvent", "TestMessage", 10);
  snprintf(id, sizeof id, "%" PRIu64, begin + 3);
  struct pl_stream *s = listen_to(&e, "", id);
  assert_int_equal(taken(s, &at, NULL), 7);
  assert_int_equal(at, last(&e));
  pl_stream_close(s);
  snprintf(id, sizeof id, "%" PRIu64, last(&e));
  s = listen_to(&e, "", id);
  assert_int_equal(taken(s, &at, NULL), 0);
  pl_stream_close(s);
  close_ear(&e);
}

static void who_was_away_or_slow_too_long_is_told_how_much_he_missed(void **state)
{
  (void)state;
  struct ear e;
  char id[24], wanted[32], *text = NULL;
  open_ear(&e);
  uint64_t begin = last(&e), at = begin;
  struct pl_stream *slow = listen_to(&e, "", NULL);
  send(&e, "ResourceEvent", "TestMessage", 2048 + 10); /* more than the ring has */
  assert_int_equal(taken(slow, &at, &text), 2048 + 1);
  assert_non_null(strstr(text, "EventBufferExceeded"));
  assert_non_null(strstr(text, "\"Missed\":10}"));
  assert_ptr_equal(strstr(text, "EventBufferExceeded"), strstr(strstr(text, "data: "), "EventBufferExceeded"));
  free(text);
  pl_stream_close(slow);
  at = begin - 1;
  snprintf(id, sizeof id, "%" PRIu64, begin - 1);
  slow = listen_to(&e, "", id);
  assert_int_equal(taken(slow, &at, &text), 2048 + 1);
  snprintf(wanted, sizeof wanted, "\"Missed\":%d}", 11);
  assert_non_null(strstr(text, wanted));
  free(text);
  pl_stream_close(slow);
  close_ear(&e);
}

static void a_stream_is_a_subscription_that_can_be_ended(void **state)
{
  (void)state;
  struct ear e;
  char uri[128], *text;
  size_t size;
  open_ear(&e);
  struct pl_stream *s = listen_to(&e, "", NULL);
  ask(e.d, "GET", "/redfish/v1/EventService/Subscriptions", NULL);
  assert_int_equal(number_at(e.d, "Members@odata.count"), 1);
  snprintf(uri, sizeof uri, "%s", text_at(e.d, "Members/0/@odata.id"));
  ask(e.d, "GET", uri, NULL);
  assert_string_equal(text_at(e.d, "SubscriptionType"), "SSE");
  assert_int_equal(json_object_get_type(value_at(e.d, "Context")), json_type_string);
  ask(e.d, "PATCH", uri, "{\"Context\": \"mine\"}");
  assert_int_equal(e.d->status, 400);
  ask(e.d, "DELETE", uri, NULL);
  assert_int_equal(e.d->status / 100, 2);
  assert_int_equal(pl_stream_next(s, PL_S, &text, &size), PL_E_GONE);
  ask(e.d, "GET", uri, NULL);
  assert_int_equal(e.d->status, 404);
  pl_stream_close(s);
  close_ear(&e);
}

static void a_stream_ends_with_its_session(void **state)
{
  (void)state;
  struct ear e;
  char token[128] = "token ", uri[128], *text;
  size_t size;
  open_ear(&e);
  ask_as(e.d, NOBODY, "POST", "/redfish/v1/SessionService/Sessions", "{\"UserName\": \"admin\", \"Password\": \"plumb-line-1\"}");
  assert_int_equal(e.d->status, 201);
  snprintf(token + 6, sizeof token - 6, "%s", header(e.d, "X-Auth-Token"));
  snprintf(uri, sizeof uri, "%s", header(e.d, "Location"));
  struct pl_stream *s = NULL;
  assert_int_equal(listen_as(&e, token, "", NULL, &s), PL_OK);
  assert_int_equal(pl_stream_next(s, PL_MS, &text, &size), PL_E_TIMEOUT);
  ask(e.d, "DELETE", uri, NULL);
  assert_int_equal(pl_stream_next(s, PL_MS, &text, &size), PL_E_GONE);
  pl_stream_close(s);
  close_ear(&e);
}

enum { THREADS = 100, EVENTS = 200 };
struct listener {
  struct pl_stream *stream;
  pthread_t thread;
  uint64_t at;
  unsigned count;
  bool wrong;
};

static void *listen_on(void *ctx)
{
  struct listener *l = ctx;
  char *text;
  size_t size;
  while (l->count < EVENTS && pl_stream_next(l->stream, 30 * PL_S, &text, &size) == PL_OK) {
    for (const char *p = text; (p = strstr(p, "\ndata: ")); p++) {
      uint64_t id = 0;
      const char *begin = p;
      while (begin > text && begin[-1] != '\n')
        begin--;
      id = strtoull(begin + 4, NULL, 10);
      l->wrong |= id != l->at + 1;
      l->at = id;
      l->count++;
    }
    free(text);
  }
  return NULL;
}

static void a_hundred_threads_hear_everything_in_order(void **state)
{
  (void)state;
  struct ear e;
  struct listener *all = calloc(THREADS, sizeof *all);
  open_ear(&e);
  for (int i = 0; i < THREADS; i++) {
    all[i].stream = listen_to(&e, "", NULL);
    all[i].at = last(&e);
    assert_int_equal(pthread_create(&all[i].thread, NULL, listen_on, &all[i]), 0);
  }
  send(&e, "ResourceEvent", "TestMessage", EVENTS);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(all[i].thread, NULL);
    assert_int_equal(all[i].count, EVENTS);
    assert_false(all[i].wrong);
    pl_stream_close(all[i].stream);
  }
  free(all);
  close_ear(&e);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_event_comes_once_written_as_a_stream_has_it),
      cmocka_unit_test(filters_let_through_what_they_say),
      cmocka_unit_test(who_may_not_read_or_asks_nonsense_is_refused),
      cmocka_unit_test(who_comes_back_goes_on_where_he_was),
      cmocka_unit_test(who_was_away_or_slow_too_long_is_told_how_much_he_missed),
      cmocka_unit_test(a_stream_is_a_subscription_that_can_be_ended),
      cmocka_unit_test(a_stream_ends_with_its_session),
      cmocka_unit_test(a_hundred_threads_hear_everything_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

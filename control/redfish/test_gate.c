/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/gate_room.h"
#include "control/redfish/service_test.h"

#include <pthread.h>
#include <stdatomic.h>

/* The gate with threads before it and the loop behind it, in real time. */

struct hall {
  struct stand *stand;
  struct pl_gate *gate;
  atomic_int running;
};

static int open_hall(void **state)
{
  struct hall *h = calloc(1, sizeof *h);
  struct stand *s = h->stand = calloc(1, sizeof *s);
  WELL(s, pl_clock_new_real(&s->clock, &s->err));
  WELL(s, pl_rig_load(DEMO_RACK, &s->rig, &s->err));
  WELL(s, pl_bench_open(s->rig, &(const struct pl_bench_cfg){.clock = s->clock, .seed = 1}, &s->bench, &s->err));
  s->cfg = (struct pl_stack_cfg){.bench = s->bench, .seed = 1, .user = "admin", .password = "plumb-line-1"};
  WELL(s, pl_stack_open(&s->cfg, &s->stack, &s->err));
  stand_run(s, 1500 * PL_MS);
  WELL(s, pl_gate_new(s->stack, &h->gate, &s->err));
  *state = h;
  return 0;
}

static int close_hall(void **state)
{
  struct hall *h = *state;
  pl_gate_free(h->gate);
  stand_close(h->stand);
  free(h);
  return 0;
}

struct caller {
  struct hall *hall;
  pthread_t thread;
  void (*work)(struct caller *caller);
  unsigned number, wrong;
  char token[80];
  struct pl_http_field more; /* of the next request */
  struct pl_http_request last;
};

static int go(struct caller *c, const char *method, const char *target, const char *body)
{
  char basic[400] = "Basic ";
  struct pl_http_request r = {.method = method, .target = target, .body = body, .body_size = body ? strlen(body) : 0, .peer = "test", .encrypted = true};
  if (c->token[0])
    r.fields[r.n_fields++] = (struct pl_http_field){"X-Auth-Token", c->token};
  else {
    encode64(ADMIN, basic + 6, sizeof basic - 6);
    r.fields[r.n_fields++] = (struct pl_http_field){"Authorization", basic};
  }
  if (c->more.name)
    r.fields[r.n_fields++] = c->more;
  c->more.name = NULL;
  pl_http_answer_free(&c->last.answer);
  pl_gate_serve(c->hall->gate, &r, 20 * PL_S);
  c->last.answer = r.answer;
  return r.answer.status;
}

static bool says(const struct caller *c, const char *text)
{
  return c->last.answer.body && strstr(c->last.answer.body, text);
}

static void *run_caller(void *ctx)
{
  struct caller *c = ctx;
  c->work(c);
  pl_http_answer_free(&c->last.answer);
  atomic_fetch_sub(&c->hall->running, 1);
  pl_clock_wake(c->hall->stand->clock);
  return NULL;
}

static void run_all(struct hall *h, struct caller *callers, unsigned count, void (*work)(struct caller *caller))
{
  atomic_store(&h->running, (int)count);
  for (unsigned i = 0; i < count; i++) {
    callers[i] = (struct caller){.hall = h, .work = work, .number = i};
    assert_int_equal(pthread_create(&callers[i].thread, NULL, run_caller, &callers[i]), 0);
  }
  while (atomic_load(&h->running))
    pl_clock_step(h->stand->clock, pl_clock_now(h->stand->clock) + 100 * PL_MS);
  for (unsigned i = 0; i < count; i++) {
    pthread_join(callers[i].thread, NULL);
    assert_int_equal(callers[i].wrong, 0);
  }
}

static void visit(struct caller *c)
{
  static const char *const URIS[] = {"/redfish/v1", "/redfish/v1/Chassis/csu-1", "/redfish/v1/Chassis", "/redfish/v1/Chassis/demo-rack/Sensors/rpu-coolant-flow",
                                     "/redfish/v1/Managers/rackd"};
  c->wrong += go(c, "POST", "/redfish/v1/SessionService/Sessions", "{\"UserName\": \"admin\", \"Password\": \"plumb-line-1\"}") != 201;
  const char *token = pl_http_field(c->last.answer.fields, c->last.answer.n_fields, "X-Auth-Token");
  const char *place = pl_http_field(c->last.answer.fields, c->last.answer.n_fields, "Location");
  char own[PL_URI_MAX] = "";
  if (token && place) {
    snprintf(own, sizeof own, "%s", place);
    snprintf(c->token, sizeof c->token, "%s", token);
  }
  for (unsigned i = 0; i < 120; i++) {
    c->wrong += go(c, "GET", URIS[(i + c->number) % 5], NULL) != 200;
    if (i % 20 == 0)
      c->wrong += go(c, "PATCH", "/redfish/v1/AccountService", i % 40 ? "{\"AccountLockoutThreshold\": 7}" : "{\"AccountLockoutThreshold\": 8}") != 200;
  }
  c->wrong += go(c, "DELETE", own, NULL) != 204;
  c->wrong += go(c, "GET", "/redfish/v1/Chassis", NULL) != 401; /* also of what is in the cache */
}

static void many_threads_come_and_go(void **state)
{
  struct caller callers[6];
  run_all(*state, callers, 6, visit);
}

/* What was written is what is read, however often it was read before. */
static void write_and_read(struct caller *c)
{
  for (int i = 0; i < 40; i++) {
    char body[80], now[40];
    snprintf(body, sizeof body, "{\"SessionTimeout\": %d}", 100 + i);
    snprintf(now, sizeof now, "\"SessionTimeout\":%d", 100 + i);
    c->wrong += go(c, "PATCH", "/redfish/v1/SessionService", body) != 200;
    for (int k = 0; k < 3; k++)
      c->wrong += go(c, "GET", "/redfish/v1/SessionService", NULL) != 200 || !says(c, now);
  }
  for (int i = 0; i < 6; i++) {
    c->wrong += go(c, "PATCH", "/redfish/v1/Chassis/csu-2", i % 2 ? "{\"LocationIndicatorActive\": false}" : "{\"LocationIndicatorActive\": true}") != 200;
    for (int k = 0; k < 3; k++)
      c->wrong += go(c, "GET", "/redfish/v1/Chassis/csu-2", NULL) != 200 || !says(c, i % 2 ? "\"LocationIndicatorActive\":false" : "\"LocationIndicatorActive\":true");
  }
}

static void a_kept_answer_is_never_an_old_one(void **state)
{
  struct caller callers[1];
  run_all(*state, callers, 1, write_and_read);
}

static void ask_twice(struct caller *c)
{
  char etag[40];
  c->wrong += go(c, "GET", "/redfish/v1/AccountService/Roles", NULL) != 200;
  c->wrong += go(c, "GET", "/redfish/v1/SessionService", NULL) != 200;
  c->wrong += go(c, "GET", "/redfish/v1/SessionService", NULL) != 200;
  snprintf(etag, sizeof etag, "%s", pl_http_field(c->last.answer.fields, c->last.answer.n_fields, "ETag"));
  struct pl_http_request r = {.method = "GET", .target = "/redfish/v1/SessionService", .peer = "test", .encrypted = true};
  r.fields[r.n_fields++] = (struct pl_http_field){"If-None-Match", etag};
  pl_gate_serve(c->hall->gate, &r, 20 * PL_S); /* who is nobody gets nothing, kept or not */
  c->wrong += r.answer.status != 401;
  pl_http_answer_free(&r.answer);
}

static void nobody_reads_what_is_kept_for_others(void **state)
{
  struct caller callers[1];
  run_all(*state, callers, 1, ask_twice);
}

/* Neither is kept for the other: a HEAD has no body, and a GET has one, whoever came first. */
static void look_at_the_head(struct caller *c)
{
  static const char *const URIS[] = {"/redfish/v1/Chassis/csu-3", "/redfish/v1/Systems", "/redfish/v1/Managers/rackd"};
  for (size_t i = 0; i < sizeof URIS / sizeof URIS[0]; i++)
    for (int round = 0; round < 3; round++) {
      c->wrong += go(c, "HEAD", URIS[i], NULL) != 200 || c->last.answer.body_size || !pl_http_field(c->last.answer.fields, c->last.answer.n_fields, "ETag");
      c->wrong += go(c, "GET", URIS[i], NULL) != 200 || !says(c, URIS[i]);
    }
}

static void a_head_is_not_kept_for_a_get(void **state)
{
  struct caller callers[1];
  run_all(*state, callers, 1, look_at_the_head);
}

static void ask_if_it_changed(struct caller *c)
{
  static const char *const URIS[] = {"/redfish/v1/Chassis/csu-3", "/redfish/v1/SessionService"}; /* the first is kept, the second is not */
  static const struct {
    const char *header; /* %s: its ETag */
    int status;
  } CASES[] = {{"%s", 304},         {"*", 304},           {"W/%s", 304},        {"\"x\", %s", 304}, {"\"x,y\",%s , \"z\"", 304}, {"%sfoobar", 200}, {"foobar%s", 200},
               {"%s%s", 200},       {"\"x\"%s", 200},     {"X/%s", 200},        {"\"\"", 200},      {"", 200},                     {"%s\"", 200},     {"*, \"x\"", 200}};
  for (size_t u = 0; u < sizeof URIS / sizeof URIS[0]; u++) {
    char etag[40];
    c->wrong += go(c, "GET", URIS[u], NULL) != 200;
    snprintf(etag, sizeof etag, "%s", pl_http_field(c->last.answer.fields, c->last.answer.n_fields, "ETag"));
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
      char header[160];
      snprintf(header, sizeof header, CASES[i].header, etag, etag);
      c->more = (struct pl_http_field){"If-None-Match", header};
      int status = go(c, "GET", URIS[u], NULL);
      bool whole = status == CASES[i].status && (status == 304 ? !c->last.answer.body_size : says(c, URIS[u]));
      if (!whole)
        print_message("%s, If-None-Match: %s: %d, expected %d\n", URIS[u], header, status, CASES[i].status);
      c->wrong += !whole;
    }
  }
}

static void only_a_whole_tag_is_a_match(void **state)
{
  struct caller callers[1];
  run_all(*state, callers, 1, ask_if_it_changed);
}

/* A loop that stands: the caller is told so, and what had not begun never does. */
static void impatient(struct caller *c)
{
  struct pl_http_request r = {.method = "PATCH", .target = "/redfish/v1/SessionService", .body = "{\"SessionTimeout\": 4321}", .peer = "test", .encrypted = true};
  char basic[400] = "Basic ";
  encode64(ADMIN, basic + 6, sizeof basic - 6);
  r.body_size = strlen(r.body);
  r.fields[r.n_fields++] = (struct pl_http_field){"Authorization", basic};
  pl_gate_serve(c->hall->gate, &r, 30 * PL_MS);
  c->wrong += r.answer.status != 503 || !pl_http_field(r.answer.fields, r.answer.n_fields, "Retry-After");
  pl_http_answer_free(&r.answer);
}

static void a_loop_that_stands_is_told(void **state)
{
  struct hall *h = *state;
  struct caller c = {.hall = h, .work = impatient};
  atomic_store(&h->running, 1);
  assert_int_equal(pthread_create(&c.thread, NULL, run_caller, &c), 0);
  pthread_join(c.thread, NULL); /* nobody turns the loop meanwhile */
  assert_int_equal(c.wrong, 0);
  stand_run(h->stand, 200 * PL_MS);
  struct json_object *o = pl_uri_render(h->stand->stack, "/redfish/v1/SessionService"), *v;
  assert_true(json_object_object_get_ex(o, "SessionTimeout", &v));
  assert_int_not_equal(json_object_get_int(v), 4321);
  json_object_put(o);
}

static void a_gate_that_closes_leaves_nobody_hanging(void **state)
{
  struct hall *h = *state;
  struct caller c = {.hall = h, .work = impatient};
  atomic_store(&h->running, 1);
  assert_int_equal(pthread_create(&c.thread, NULL, run_caller, &c), 0);
  pthread_join(c.thread, NULL);
  assert_int_equal(c.wrong, 0);
  pl_gate_free(h->gate); /* with a job that the loop has not looked at */
  WELL(h->stand, pl_gate_new(h->stand->stack, &h->gate, &h->stand->err));
  stand_run(h->stand, 100 * PL_MS);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(many_threads_come_and_go, open_hall, close_hall),
      cmocka_unit_test_setup_teardown(a_kept_answer_is_never_an_old_one, open_hall, close_hall),
      cmocka_unit_test_setup_teardown(nobody_reads_what_is_kept_for_others, open_hall, close_hall),
      cmocka_unit_test_setup_teardown(a_head_is_not_kept_for_a_get, open_hall, close_hall),
      cmocka_unit_test_setup_teardown(only_a_whole_tag_is_a_match, open_hall, close_hall),
      cmocka_unit_test_setup_teardown(a_loop_that_stands_is_told, open_hall, close_hall),
      cmocka_unit_test_setup_teardown(a_gate_that_closes_leaves_nobody_hanging, open_hall, close_hall),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

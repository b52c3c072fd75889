/* SPDX-License-Identifier: Apache-2.0 */
/* Events carried to a destination over HTTP, in real time, against a server that does as it is told. */
#include "control/web/webhook.h"

#include "control/redfish/services.h"
#include "control/redfish/route.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A receiver: answers each POST with the next of `answers` (the last one for ever), and keeps the event ids that it took. */
struct receiver {
  int fd, wake[2];
  unsigned port;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t came;
  int answers[8];
  unsigned n_answers, n_requests;
  unsigned long long taken[4096];
  unsigned n_taken;
  char headers[2048];
};

static bool read_request(int fd, char *text, size_t size)
{
  size_t n = 0;
  while (n + 1 < size) {
    ssize_t got = recv(fd, text + n, size - 1 - n, 0);
    if (got <= 0)
      return false;
    text[n += (size_t)got] = '\0';
    const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length: ");
    if (end && length && n >= (size_t)(end + 4 - text) + strtoul(length + 18, NULL, 10))
      return true;
  }
  return false;
}

static void serve_one(struct receiver *r, int fd)
{
  char text[8192], answer[96];
  if (!read_request(fd, text, sizeof text))
    return;
  pthread_mutex_lock(&r->lock);
  int code = r->answers[r->n_requests < r->n_answers ? r->n_requests : r->n_answers - 1];
  r->n_requests++;
  snprintf(r->headers, sizeof r->headers, "%.*s", (int)(strstr(text, "\r\n\r\n") - text), text);
  const char *id = strstr(text, "\"Id\":\"");
  if (code < 300 && id && r->n_taken < 4096)
    r->taken[r->n_taken++] = strtoull(id + 6, NULL, 10);
  pthread_mutex_unlock(&r->lock);
  int n = snprintf(answer, sizeof answer, "HTTP/1.1 %d x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", code);
  if (send(fd, answer, (size_t)n, MSG_NOSIGNAL) != n)
    return;
  pthread_mutex_lock(&r->lock);
  pthread_cond_broadcast(&r->came);
  pthread_mutex_unlock(&r->lock);
}

static void *receive(void *ctx)
{
  struct receiver *r = ctx;
  for (;;) {
    struct pollfd p[2] = {{.fd = r->fd, .events = POLLIN}, {.fd = r->wake[0], .events = POLLIN}};
    if (poll(p, 2, -1) < 0 || p[1].revents)
      return NULL;
    int fd = accept(r->fd, NULL, NULL);
    if (fd >= 0) {
      serve_one(r, fd);
      close(fd);
    }
  }
}

static void open_receiver(struct receiver *r)
{
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof a;
  memset(r, 0, sizeof *r);
  r->answers[0] = 204;
  r->n_answers = 1;
  r->fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(r->fd, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(listen(r->fd, 64), 0);
  assert_int_equal(getsockname(r->fd, (struct sockaddr *)&a, &size), 0);
  r->port = ntohs(a.sin_port);
  assert_int_equal(pipe(r->wake), 0);
  pthread_mutex_init(&r->lock, NULL);
  pthread_cond_init(&r->came, NULL);
  assert_int_equal(pthread_create(&r->thread, NULL, receive, r), 0);
}

static void close_receiver(struct receiver *r)
{
  assert_int_equal(write(r->wake[1], "x", 1), 1);
  pthread_join(r->thread, NULL);
  close(r->fd);
  close(r->wake[0]);
  close(r->wake[1]);
}

/* A stack in real time, with a service. */
struct post {
  struct receiver receiver;
  struct pl_clock *clock;
  struct pl_rig *rig;
  struct pl_bench *bench;
  struct pl_stack *stack;
  struct pl_webhook *webhook;
  struct pl_err err;
};
#define WELL(p, call)                          \
  do {                                         \
    if ((call) != PL_OK)                       \
      fail_msg("%s: %s", #call, (p)->err.text); \
  } while (0)

static const char RIG[] = "rig: post\nabout: no more than a stack needs\nbuses:\n  - {name: lines, kind: gpio, adapter: twin}\nparts:\n  - {name: loop, kind: loop}\n"
                          "  - {name: tray, kind: tray, loop: loop}\ndevices:\n  - {name: leak, driver: leak-sensor, bus: lines, part: tray, owner: stack, leak: L, cable: C}\n";

static void open_post(struct post *p)
{
  memset(p, 0, sizeof *p);
  open_receiver(&p->receiver);
  WELL(p, pl_clock_new_real(&p->clock, &p->err));
  WELL(p, pl_rig_parse("post.yaml", RIG, sizeof RIG - 1, &p->rig, &p->err));
  WELL(p, pl_bench_open(p->rig, &(const struct pl_bench_cfg){.clock = p->clock, .seed = 1}, &p->bench, &p->err));
  WELL(p, pl_stack_open(&(const struct pl_stack_cfg){.bench = p->bench, .seed = 1, .user = "admin", .password = "plumb-line-1"}, &p->stack, &p->err));
  WELL(p, pl_webhook_start(p->stack, &p->webhook, &p->err));
}

static void close_post(struct post *p)
{
  pl_webhook_stop(p->webhook);
  pl_stack_close(p->stack);
  pl_bench_close(p->bench);
  pl_rig_free(p->rig);
  pl_clock_free(p->clock);
  close_receiver(&p->receiver);
}

static void noted(struct pl_http_request *request)
{
  *(bool *)request->ctx = true;
}

static int ask(struct post *p, const char *method, const char *target, const char *body)
{
  bool done = false;
  struct pl_http_request r = {.method = method, .target = target, .body = body, .body_size = body ? strlen(body) : 0, .peer = "test", .encrypted = true, .done = noted,
                              .ctx = &done, .fields = {{"Authorization", "Basic YWRtaW46cGx1bWItbGluZS0x"}}, .n_fields = 1};
  pl_stack_submit(p->stack, &r);
  for (pl_time_ns end = pl_clock_now(p->clock) + 20 * PL_S; !done && pl_clock_now(p->clock) < end;)
    pl_clock_step(p->clock, end);
  assert_true(done);
  int status = r.answer.status;
  pl_http_answer_free(&r.answer);
  return status;
}

static void subscribe(struct post *p, unsigned port, const char *more)
{
  char body[512];
  snprintf(body, sizeof body, "{\"Destination\": \"http://127.0.0.1:%u/events\", \"Protocol\": \"Redfish\", \"MessageIds\": [\"ResourceEvent.TestMessage\"]%s}", port, more);
  assert_int_equal(ask(p, "POST", "/redfish/v1/EventService/Subscriptions", body), 201);
}

static void send_events(struct post *p, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    pl_event_send_at(p->stack, "ResourceEvent", "TestMessage", "/redfish/v1/EventService", NULL);
}

/* Steps the loop until it is so, at most 20 s. */
static bool until(struct post *p, bool (*is_so)(struct post *p, unsigned want), unsigned want)
{
  pl_time_ns end = pl_clock_now(p->clock) + 20 * PL_S;
  while (!is_so(p, want) && pl_clock_now(p->clock) < end)
    pl_clock_step(p->clock, pl_clock_now(p->clock) + 5 * PL_MS);
  return is_so(p, want);
}

static bool has_taken(struct post *p, unsigned want)
{
  pthread_mutex_lock(&p->receiver.lock);
  bool is = p->receiver.n_taken >= want;
  pthread_mutex_unlock(&p->receiver.lock);
  return is;
}

static bool has_asked(struct post *p, unsigned want)
{
  pthread_mutex_lock(&p->receiver.lock);
  bool is = p->receiver.n_requests >= want;
  pthread_mutex_unlock(&p->receiver.lock);
  return is;
}

static void in_order(struct post *p, unsigned count)
{
  pthread_mutex_lock(&p->receiver.lock);
  assert_int_equal(p->receiver.n_taken, count);
  for (unsigned i = 1; i < count; i++)
    assert_true(p->receiver.taken[i] > p->receiver.taken[i - 1]);
  pthread_mutex_unlock(&p->receiver.lock);
}

static void events_arrive_in_order_with_the_headers_asked_for(void **state)
{
  (void)state;
  struct post p;
  open_post(&p);
  subscribe(&p, p.receiver.port, ", \"HttpHeaders\": [{\"X-Secret\": \"open sesame\"}]");
  send_events(&p, 50);
  assert_true(until(&p, has_taken, 50));
  in_order(&p, 50);
  assert_non_null(strstr(p.receiver.headers, "X-Secret: open sesame"));
  assert_non_null(strstr(p.receiver.headers, "Content-Type: application/json"));
  close_post(&p);
}

static void what_was_not_taken_is_tried_again_and_keeps_its_place(void **state)
{
  (void)state;
  struct post p;
  open_post(&p);
  assert_int_equal(ask(&p, "PATCH", "/redfish/v1/EventService", "{\"DeliveryRetryIntervalSeconds\": 1}"), 200);
  p.receiver.answers[0] = 204;
  p.receiver.answers[1] = 503;
  p.receiver.answers[2] = 204;
  p.receiver.n_answers = 3;
  subscribe(&p, p.receiver.port, ", \"DeliveryRetryPolicy\": \"RetryForever\"");
  send_events(&p, 5);
  assert_true(until(&p, has_taken, 5));
  in_order(&p, 5);
  assert_int_equal(p.receiver.n_requests, 6);
  close_post(&p);
}

static bool is_suspended(struct post *p, unsigned want)
{
  (void)want;
  const struct pl_subscription *s = pl_subscription_find(pl_services_of(p->stack), "1");
  return s && s->suspended;
}

static bool is_away(struct post *p, unsigned want)
{
  (void)want;
  return !pl_subscription_find(pl_services_of(p->stack), "1");
}

static void one_that_never_takes_is_given_up_as_its_policy_says(void **state)
{
  (void)state;
  static const struct {
    const char *policy;
    bool (*so)(struct post *p, unsigned want);
  } WAYS[] = {{"SuspendRetries", is_suspended}, {"TerminateAfterRetries", is_away}};
  for (size_t i = 0; i < 2; i++) {
    struct post p;
    char more[64];
    open_post(&p);
    assert_int_equal(ask(&p, "PATCH", "/redfish/v1/EventService", "{\"DeliveryRetryIntervalSeconds\": 1, \"DeliveryRetryAttempts\": 1}"), 200);
    p.receiver.answers[0] = 500;
    snprintf(more, sizeof more, ", \"DeliveryRetryPolicy\": \"%s\"", WAYS[i].policy);
    subscribe(&p, p.receiver.port, more);
    send_events(&p, 3);
    assert_true(until(&p, WAYS[i].so, 0));
    assert_int_equal(p.receiver.n_requests, 2); /* the first, and one retry */
    assert_int_equal(p.receiver.n_taken, 0);
    close_post(&p);
  }
}

static void one_that_hangs_holds_up_no_other(void **state)
{
  (void)state;
  struct post p;
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof a;
  open_post(&p);
  int mute = socket(AF_INET, SOCK_STREAM, 0); /* takes connections, never answers */
  assert_int_equal(bind(mute, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(listen(mute, 8), 0);
  assert_int_equal(getsockname(mute, (struct sockaddr *)&a, &size), 0);
  subscribe(&p, ntohs(a.sin_port), "");
  subscribe(&p, p.receiver.port, "");
  pl_time_ns begin = pl_clock_now(p.clock);
  send_events(&p, 20);
  assert_true(until(&p, has_taken, 20));
  assert_true(pl_clock_now(p.clock) - begin < 10 * PL_S); /* the mute one has 15 s to answer */
  close(mute);
  close_post(&p); /* nor does it hold up the end */
}

static void one_that_is_deleted_gets_no_more(void **state)
{
  (void)state;
  struct post p;
  open_post(&p);
  subscribe(&p, p.receiver.port, "");
  send_events(&p, 1);
  assert_true(until(&p, has_asked, 1));
  assert_int_equal(ask(&p, "DELETE", "/redfish/v1/EventService/Subscriptions/1", NULL) / 100, 2);
  subscribe(&p, p.receiver.port, "");
  send_events(&p, 1);
  assert_true(until(&p, has_asked, 2));
  in_order(&p, 2); /* one of each */
  close_post(&p);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(events_arrive_in_order_with_the_headers_asked_for),
      cmocka_unit_test(what_was_not_taken_is_tried_again_and_keeps_its_place),
      cmocka_unit_test(one_that_never_takes_is_given_up_as_its_policy_says),
      cmocka_unit_test(one_that_hangs_holds_up_no_other),
      cmocka_unit_test(one_that_is_deleted_gets_no_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

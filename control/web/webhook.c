/* SPDX-License-Identifier: Apache-2.0 */
#include "control/web/webhook.h"

#include "control/redfish/services.h"
#include "drivers/base/thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

enum { QUEUE_MAX = 1000, CONNECT_MS = 5000, ANSWER_MS = 15000, LONGEST_POLL_MS = 60000, BACKOFF_MAX = 32 };

struct letter {
  char *json;
  size_t size;
  struct letter *next;
};

struct target { /* a subscription as the thread has it */
  char id[24];
  char *destination;
  struct curl_slist *headers;
  enum pl_retry_policy policy;
  unsigned attempts, interval_s; /* of the service, when the last letter came */
  bool verify, gone;
  struct letter *first, **end;
  unsigned queued;
  uint64_t missed;   /* letters that the queue had no room for, before `first` */
  /* The thread's alone. */
  CURL *transfer;    /* of `first`; NULL: none is under way */
  unsigned failures; /* in a row */
  pl_time_ns not_before;
  struct target *next;
};

struct failure { /* on its way to the loop */
  struct pl_post post;
  struct pl_webhook *webhook;
  char id[24];
  struct failure *next;
};

struct pl_webhook {
  struct pl_stack *stack;
  struct pl_clock *clock; /* the stack's; real, so that any thread may ask it */
  CURLM *multi;
  pthread_t thread;
  bool started;
  atomic_bool stop;
  pthread_mutex_t lock;
  struct target *targets;
  struct failure *failures;
};

/* The loop's side */

static struct target *find(struct pl_webhook *w, const char *id) /* lock held */
{
  for (struct target *t = w->targets; t; t = t->next)
    if (!t->gone && !strcmp(t->id, id))
      return t;
  return NULL;
}

static struct curl_slist *headers_of(const struct pl_subscription *s)
{
  struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
  list = curl_slist_append(list, "Expect:"); /* no 100-continue: a round trip for nothing */
  for (size_t i = 0; s->headers && i < json_object_array_length(s->headers); i++) {
    json_object_object_foreach(json_object_array_get_idx(s->headers, i), name, value)
    {
      char *line = NULL;
      if (asprintf(&line, "%s: %s", name, json_object_get_string(value)) >= 0)
        list = curl_slist_append(list, line);
      free(line);
    }
  }
  return list;
}

static struct target *new_target(struct pl_webhook *w, const struct pl_subscription *s)
{
  struct target *t = calloc(1, sizeof *t);
  if (!t || !(t->destination = strdup(s->destination))) {
    free(t);
    return NULL;
  }
  snprintf(t->id, sizeof t->id, "%s", s->id);
  t->headers = headers_of(s);
  t->end = &t->first;
  t->next = w->targets;
  w->targets = t;
  return t;
}

static void take_settings(struct target *t, const struct pl_subscription *s, const struct pl_delivery_settings *settings)
{
  t->policy = s->policy;
  t->verify = s->verify;
  t->attempts = settings->attempts;
  t->interval_s = settings->interval_s;
}

static void free_letter(struct letter *letter)
{
  free(letter->json);
  free(letter);
}

/* The oldest gives way, unless it is under way: then the one behind it. */
static void make_room(struct target *t)
{
  struct letter **at = t->transfer && t->first ? &t->first->next : &t->first, *old = *at;
  if (t->queued < QUEUE_MAX || !old)
    return;
  *at = old->next;
  if (!*at)
    t->end = at;
  free_letter(old);
  t->queued--;
  t->missed++;
}

static void put(struct target *t, const char *json, size_t size)
{
  struct letter *letter = calloc(1, sizeof *letter);
  if (!letter || !(letter->json = malloc(size))) {
    free(letter);
    t->missed++;
    return;
  }
  memcpy(letter->json, json, size);
  letter->size = size;
  make_room(t);
  *t->end = letter;
  t->end = &letter->next;
  t->queued++;
}

static void carry(void *ctx, const struct pl_subscription *to, uint64_t event_id, const char *json, size_t size)
{
  struct pl_webhook *w = ctx;
  (void)event_id;
  pthread_mutex_lock(&w->lock);
  struct target *t = find(w, to->id);
  if (t || (t = new_target(w, to))) {
    take_settings(t, to, pl_delivery_settings(pl_services_of(w->stack)));
    put(t, json, size);
  }
  pthread_mutex_unlock(&w->lock);
  curl_multi_wakeup(w->multi);
}

static void changed(void *ctx, const struct pl_subscription *subscription)
{
  struct pl_webhook *w = ctx;
  pthread_mutex_lock(&w->lock);
  struct target *t = find(w, subscription->id);
  if (t) {
    take_settings(t, subscription, pl_delivery_settings(pl_services_of(w->stack)));
    t->gone |= subscription->suspended; /* what waits for it is not sent; resumed, it begins anew */
  }
  pthread_mutex_unlock(&w->lock);
  curl_multi_wakeup(w->multi);
}

static void gone(void *ctx, const struct pl_subscription *subscription)
{
  struct pl_webhook *w = ctx;
  pthread_mutex_lock(&w->lock);
  struct target *t = find(w, subscription->id);
  if (t)
    t->gone = true;
  pthread_mutex_unlock(&w->lock);
  curl_multi_wakeup(w->multi);
}

static void tell_failure(void *ctx)
{
  struct failure *f = ctx;
  struct pl_webhook *w = f->webhook;
  pthread_mutex_lock(&w->lock);
  for (struct failure **at = &w->failures; *at; at = &(*at)->next)
    if (*at == f) {
      *at = f->next;
      break;
    }
  pthread_mutex_unlock(&w->lock);
  if (pl_services_of(w->stack))
    pl_subscription_failed(pl_services_of(w->stack), f->id);
  free(f);
}

/* The thread's side */

static size_t discard(char *bytes, size_t size, size_t count, void *ctx)
{
  (void)bytes, (void)ctx;
  return size * count;
}

static void begin_transfer(struct pl_webhook *w, struct target *t) /* lock held */
{
  CURL *c = curl_easy_init();
  if (!c)
    return;
  curl_easy_setopt(c, CURLOPT_URL, t->destination);
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
  curl_easy_setopt(c, CURLOPT_POSTFIELDS, t->first->json);
  curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->first->size);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, discard);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS);
  curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, t->verify ? 1L : 0L);
  curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, t->verify ? 2L : 0L);
  curl_easy_setopt(c, CURLOPT_PRIVATE, t);
  if (curl_multi_add_handle(w->multi, c) == CURLM_OK)
    t->transfer = c;
  else
    curl_easy_cleanup(c);
}

static void end_transfer(struct pl_webhook *w, struct target *t)
{
  curl_multi_remove_handle(w->multi, t->transfer);
  curl_easy_cleanup(t->transfer);
  t->transfer = NULL;
}

static void drop_letter(struct target *t) /* lock held */
{
  struct letter *letter = t->first;
  t->first = letter->next;
  if (!t->first)
    t->end = &t->first;
  t->queued--;
  free_letter(letter);
}

static void give_up(struct pl_webhook *w, struct target *t) /* lock held */
{
  struct failure *f = calloc(1, sizeof *f);
  t->gone = true;
  if (!f)
    return;
  f->webhook = w;
  f->post = (struct pl_post){.run = tell_failure, .ctx = f};
  snprintf(f->id, sizeof f->id, "%s", t->id);
  f->next = w->failures;
  w->failures = f;
  pl_clock_post(w->clock, &f->post);
}

static void judge(struct pl_webhook *w, struct target *t, bool taken) /* lock held */
{
  end_transfer(w, t);
  if (taken) {
    t->failures = 0;
    t->not_before = 0;
    drop_letter(t);
    return;
  }
  unsigned factor = 1;
  t->failures++;
  for (unsigned i = 1; t->policy == PL_RETRY_FOREVER_WITH_BACKOFF && i < t->failures && factor < BACKOFF_MAX; i++)
    factor *= 2;
  t->not_before = pl_clock_now(w->clock) + (pl_time_ns)t->interval_s * factor * PL_S;
  if (t->failures > t->attempts && (t->policy == PL_RETRY_SUSPEND || t->policy == PL_RETRY_TERMINATE))
    give_up(w, t);
}

static void take_results(struct pl_webhook *w) /* lock held */
{
  int left;
  for (CURLMsg *m; (m = curl_multi_info_read(w->multi, &left));) {
    struct target *t = NULL;
    long code = 0;
    CURLcode result = m->data.result;
    if (m->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
    curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &code);
    judge(w, t, result == CURLE_OK && code >= 200 && code < 300);
  }
}

static void free_target(struct pl_webhook *w, struct target *t)
{
  if (t->transfer)
    end_transfer(w, t);
  while (t->first)
    drop_letter(t);
  curl_slist_free_all(t->headers);
  free(t->destination);
  free(t);
}

/* What a destination is told whose queue overflowed: in place of what it missed. */
static void put_gap(struct target *t)
{
  size_t count;
  const struct pl_event_message *rows = pl_event_messages(&count);
  char *json = NULL;
  for (size_t i = 0; i < count; i++)
    if (strstr(rows[i].id, ".EventBufferExceeded") &&
        asprintf(&json,
                 "{\"@odata.type\":\"#Event.v1_13_0.Event\",\"Id\":\"gap\",\"Name\":\"Event\",\"Events\":[{\"MemberId\":\"0\",\"EventType\":\"Alert\",\"MessageId\":\"%s\","
                 "\"MessageSeverity\":\"%s\",\"Message\":\"%s\",\"Oem\":{\"Plumbline\":{\"@odata.type\":\"#PlumblineEvent.v1_0_0.Gap\",\"Missed\":%llu}}}]}",
                 rows[i].id, rows[i].severity, rows[i].text, (unsigned long long)t->missed) < 0)
      json = NULL;
  struct letter *letter = json ? calloc(1, sizeof *letter) : NULL;
  if (!letter) {
    free(json);
    return;
  }
  *letter = (struct letter){.json = json, .size = strlen(json), .next = t->first};
  if (!t->first)
    t->end = &letter->next;
  t->first = letter;
  t->queued++;
  t->missed = 0;
}

/* Begins what is due; returns when the next is, PL_NEVER: nothing waits. */
static pl_time_ns begin_due(struct pl_webhook *w) /* lock held */
{
  pl_time_ns now = pl_clock_now(w->clock), next = PL_NEVER;
  for (struct target **at = &w->targets; *at;) {
    struct target *t = *at;
    if (t->gone) {
      *at = t->next;
      free_target(w, t);
      continue;
    }
    if (t->missed && !t->transfer)
      put_gap(t);
    if (t->first && !t->transfer && now >= t->not_before)
      begin_transfer(w, t);
    else if (t->first && !t->transfer && t->not_before < next)
      next = t->not_before;
    at = &t->next;
  }
  return next;
}

static int poll_ms(struct pl_webhook *w, pl_time_ns next)
{
  pl_time_ns span = next == PL_NEVER ? LONGEST_POLL_MS * PL_MS : next - pl_clock_now(w->clock);
  return span <= 0 ? 0 : span >= LONGEST_POLL_MS * PL_MS ? LONGEST_POLL_MS : (int)(span / PL_MS) + 1;
}

static void *run(void *ctx)
{
  struct pl_webhook *w = ctx;
  int running;
  while (!atomic_load(&w->stop)) {
    curl_multi_perform(w->multi, &running);
    pthread_mutex_lock(&w->lock);
    take_results(w);
    pl_time_ns next = begin_due(w);
    pthread_mutex_unlock(&w->lock);
    curl_multi_poll(w->multi, NULL, 0, poll_ms(w, next), NULL); /* a transfer that has just been added makes it return at once */
  }
  return NULL;
}

enum pl_status pl_webhook_start(struct pl_stack *stack, struct pl_webhook **webhook, struct pl_err *err)
{
  struct pl_webhook *w = calloc(1, sizeof *w);
  if (!w || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(w->multi = curl_multi_init())) {
    free(w);
    return pl_fail(err, PL_E_NOMEM, "libcurl could not be set up to deliver events");
  }
  w->stack = stack;
  w->clock = stack->clock;
  pthread_mutex_init(&w->lock, NULL);
  w->started = pl_thread_start(&w->thread, run, w);
  if (!w->started) {
    pl_webhook_stop(w);
    return pl_fail(err, PL_E_NOMEM, "the thread that delivers events could not be started");
  }
  if (pl_services_of(stack))
    pl_services_set_carrier(pl_services_of(stack), &(const struct pl_carrier){.carry = carry, .changed = changed, .gone = gone, .ctx = w});
  *webhook = w;
  return PL_OK;
}

void pl_webhook_stop(struct pl_webhook *w)
{
  if (!w)
    return;
  if (pl_services_of(w->stack))
    pl_services_set_carrier(pl_services_of(w->stack), NULL);
  atomic_store(&w->stop, true);
  curl_multi_wakeup(w->multi);
  if (w->started)
    pthread_join(w->thread, NULL);
  while (w->failures) {
    struct failure *f = w->failures;
    w->failures = f->next;
    pl_clock_unpost(w->clock, &f->post);
    free(f);
  }
  while (w->targets) {
    struct target *t = w->targets;
    w->targets = t->next;
    free_target(w, t);
  }
  curl_multi_cleanup(w->multi);
  curl_global_cleanup();
  pthread_mutex_destroy(&w->lock);
  free(w);
}

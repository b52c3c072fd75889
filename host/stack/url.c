/* SPDX-License-Identifier: Apache-2.0 */
/* A stack at a URL: libcurl on a thread of its own, one request after another over a connection that stays. */
#include "host/stack/url.h"

#include <strings.h>

#define CONNECT_MS 5000L

struct pl_url_job { /* the worker's copy of a request, and what came of it; the ask itself is the loop's */
  struct pl_url *url;
  struct pl_url_job *next;
  struct pl_ask *ask;
  const struct pl_http_request *request; /* not changed while it flies */
  pl_time_ns deadline;
  struct pl_http_answer answer;
  size_t room;
  bool too_large;
  struct pl_err err;
};

void pl_url_set_up(struct pl_url *url, CURL *handle, const char *target)
{
  const struct pl_libcurl *c = &url->curl;
  char address[2048], pin[sizeof url->key_pin];
  snprintf(address, sizeof address, "%s%s", url->origin, target);
  pthread_mutex_lock(&url->lock);
  memcpy(pin, url->key_pin, sizeof pin);
  pthread_mutex_unlock(&url->lock);
  c->easy_setopt(handle, CURLOPT_URL, address);
  c->easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  c->easy_setopt(handle, CURLOPT_PROXY, ""); /* a rack is near; a proxy of the environment is for the web */
  c->easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  c->easy_setopt(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  c->easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
  c->easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  if (!url->has_pin)
    return;
  c->easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L); /* the pin says more than a CA could */
  c->easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
  if (*pin)
    c->easy_setopt(handle, CURLOPT_PINNEDPUBLICKEY, pin);
}

const char *pl_url_why(const struct pl_url *url, CURLcode code, const char *buffer, char *out, size_t size)
{
  if (code == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
    snprintf(out, size, "it shows another certificate than the pinned one; nothing was told to it");
  else if (code == CURLE_PEER_FAILED_VERIFICATION)
    snprintf(out, size, "its certificate cannot be trusted (%.160s); give --stack-pin when it is its own", *buffer ? buffer : url->curl.easy_strerror(code));
  else
    snprintf(out, size, "%.200s", *buffer ? buffer : url->curl.easy_strerror(code));
  return out;
}

/* --- the worker --- */

static size_t on_body(char *bytes, size_t one, size_t count, void *ctx)
{
  struct pl_url_job *job = ctx;
  struct pl_http_answer *answer = &job->answer;
  size_t n = one * count;
  if (n > PL_CLIENT_BODY_MAX || answer->body_size > PL_CLIENT_BODY_MAX - n) {
    job->too_large = true;
    return 0;
  }
  if (answer->body_size + n + 1 > job->room) {
    size_t room = (answer->body_size + n + 1) * 2;
    char *grown = realloc(answer->body, room);
    if (!grown)
      return 0;
    answer->body = grown;
    job->room = room;
  }
  memcpy(answer->body + answer->body_size, bytes, n);
  answer->body_size += n;
  answer->body[answer->body_size] = '\0';
  return n;
}

/* Those that anybody asks for; the rest of a header is not kept. */
static size_t on_header(char *bytes, size_t one, size_t count, void *ctx)
{
  static const char *const KEPT[] = {"Location", "ETag", "X-Auth-Token", "Retry-After", "Allow", "WWW-Authenticate", "Cache-Control", "Link", "OData-Version", "Content-Type"};
  struct pl_url_job *job = ctx;
  size_t n = one * count, len = n;
  char value[1024];
  while (len && (bytes[len - 1] == '\r' || bytes[len - 1] == '\n' || bytes[len - 1] == ' '))
    len--;
  for (size_t i = 0; i < sizeof KEPT / sizeof *KEPT; i++) {
    size_t name = strlen(KEPT[i]);
    if (len <= name || bytes[name] != ':' || strncasecmp(bytes, KEPT[i], name))
      continue;
    for (name++; name < len && bytes[name] == ' '; name++)
      ;
    if (len - name >= sizeof value || job->answer.n_fields == PL_HTTP_FIELDS_MAX)
      continue; /* longer than any that means something here */
    memcpy(value, bytes + name, len - name);
    value[len - name] = '\0';
    pl_http_answer_add(&job->answer, KEPT[i], value);
  }
  return n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
  const struct pl_url *url = ctx;
  (void)a;
  (void)b;
  (void)c;
  (void)d;
  return atomic_load(&url->closing);
}

static struct curl_slist *header_lines(const struct pl_url *url, const struct pl_http_request *request)
{
  struct curl_slist *lines = NULL;
  char line[1024];
  for (size_t i = 0; i < request->n_fields; i++) {
    snprintf(line, sizeof line, "%s: %s", request->fields[i].name, request->fields[i].value);
    lines = url->curl.slist_append(lines, line);
  }
  return url->curl.slist_append(lines, "Expect:");
}

static CURLcode perform(struct pl_url_job *job, const char *method, const char *target, struct curl_slist *lines, char *buffer)
{
  struct pl_url *url = job->url;
  const struct pl_libcurl *c = &url->curl;
  CURL *handle = url->handle;
  pl_time_ns left = job->deadline - pl_clock_now(url->clock);
  pl_url_set_up(url, handle, target);
  c->easy_setopt(handle, CURLOPT_ERRORBUFFER, buffer);
  c->easy_setopt(handle, CURLOPT_TIMEOUT_MS, left > PL_MS ? (long)(left / PL_MS) : 1L);
  c->easy_setopt(handle, CURLOPT_HTTPHEADER, lines);
  c->easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  c->easy_setopt(handle, CURLOPT_WRITEDATA, job);
  c->easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
  c->easy_setopt(handle, CURLOPT_HEADERDATA, job);
  c->easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  c->easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
  c->easy_setopt(handle, CURLOPT_XFERINFODATA, url);
  if (!strcmp(method, "HEAD"))
    c->easy_setopt(handle, CURLOPT_NOBODY, 1L);
  else
    c->easy_setopt(handle, CURLOPT_CUSTOMREQUEST, method);
  if (job->request->body && strcmp(method, "GET") != 0) {
    c->easy_setopt(handle, CURLOPT_POSTFIELDS, job->request->body);
    c->easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)job->request->body_size);
  }
  return c->easy_perform(handle);
}

static void fail_job(struct pl_url_job *job, CURLcode code, const char *buffer)
{
  char why[320];
  enum pl_status status = code == CURLE_OPERATION_TIMEDOUT ? PL_E_TIMEOUT : code == CURLE_WRITE_ERROR || code == CURLE_WEIRD_SERVER_REPLY ? PL_E_GARBAGE : PL_E_GONE;
  if (job->too_large)
    snprintf(why, sizeof why, "its answer is larger than %u MiB", PL_CLIENT_BODY_MAX >> 20);
  else
    pl_url_why(job->url, code, buffer, why, sizeof why);
  pl_fail(&job->err, status, "%s: %s %s: %s", job->url->url, job->request->method, job->request->target, why);
}

/* The pin is of a whole certificate, which curl cannot hold a connection to. So it is looked at first, over a connection that tells the other end nothing,
 * and from then on curl holds every connection to its key. */
static bool look_at_certificate(struct pl_url_job *job)
{
  struct pl_url *url = job->url;
  const struct pl_libcurl *c = &url->curl;
  struct curl_certinfo *chain = NULL;
  char buffer[CURL_ERROR_SIZE] = "";
  uint8_t *der = NULL;
  size_t len = 0;
  c->easy_setopt(url->handle, CURLOPT_CERTINFO, 1L);
  c->easy_setopt(url->handle, CURLOPT_FRESH_CONNECT, 1L);
  c->easy_setopt(url->handle, CURLOPT_FORBID_REUSE, 1L);
  CURLcode code = perform(job, "GET", "/redfish", NULL, buffer);
  pl_http_answer_free(&job->answer);
  job->room = 0;
  if (code != CURLE_OK) {
    fail_job(job, code, buffer);
    return false;
  }
  c->easy_getinfo(url->handle, CURLINFO_CERTINFO, &chain);
  enum pl_status status = PL_E_GARBAGE;
  for (const struct curl_slist *line = chain && chain->num_of_certs ? chain->certinfo[0] : NULL; line; line = line->next)
    if (!strncmp(line->data, "Cert:", 5) && !der)
      status = pl_pin_from_pem(line->data + 5, &der, &len, &job->err);
  char pin[64] = "";
  if (!status && !pl_pin_matches(&url->pin, der, len))
    status = pl_fail(&job->err, PL_E_GONE, "%s shows another certificate than the pinned one; nothing was told to it", url->url);
  if (!status)
    status = pl_pin_of_key(der, len, pin, sizeof pin, &job->err);
  if (status && !job->err.status)
    pl_fail(&job->err, status, "%s: its certificate cannot be looked at", url->url);
  free(der);
  pthread_mutex_lock(&url->lock);
  memcpy(url->key_pin, pin, sizeof pin);
  pthread_mutex_unlock(&url->lock);
  c->easy_reset(url->handle);
  return !status;
}

static void work(struct pl_url_job *job)
{
  struct pl_url *url = job->url;
  char buffer[CURL_ERROR_SIZE] = "";
  url->curl.easy_reset(url->handle);
  if (url->has_pin && !*url->key_pin && !look_at_certificate(job)) /* this thread alone writes it */
    return;
  struct curl_slist *lines = header_lines(url, job->request);
  CURLcode code = perform(job, job->request->method, job->request->target, lines, buffer);
  url->curl.slist_free_all(lines);
  if (code != CURLE_OK) {
    fail_job(job, code, buffer);
    return;
  }
  long status = 0;
  url->curl.easy_getinfo(url->handle, CURLINFO_RESPONSE_CODE, &status);
  if (job->answer.status != 500) /* a header that could not be kept */
    job->answer.status = (int)status;
}

static void *run_worker(void *ctx)
{
  struct pl_url *url = ctx;
  pthread_mutex_lock(&url->lock);
  while (!atomic_load(&url->closing)) {
    struct pl_url_job *job = url->jobs;
    if (!job) {
      pthread_cond_wait(&url->changed, &url->lock);
      continue;
    }
    url->jobs = job->next;
    if (!url->jobs)
      url->jobs_tail = &url->jobs;
    pthread_mutex_unlock(&url->lock);
    work(job);
    pthread_mutex_lock(&url->lock);
    job->next = url->finished;
    url->finished = job;
    pl_clock_post(url->clock, &url->post);
  }
  pthread_mutex_unlock(&url->lock);
  return NULL;
}

/* --- the loop's side --- */

static void free_jobs(struct pl_url_job *job)
{
  while (job) {
    struct pl_url_job *next = job->next;
    pl_http_answer_free(&job->answer);
    free(job);
    job = next;
  }
}

static void on_finished(void *ctx)
{
  struct pl_url *url = ctx;
  pthread_mutex_lock(&url->lock);
  struct pl_url_job *finished = url->finished, *job = NULL, *next;
  url->finished = NULL;
  pthread_mutex_unlock(&url->lock);
  for (; finished; finished = next) { /* in the order of their ends */
    next = finished->next;
    finished->next = job;
    job = finished;
  }
  for (; job; job = next) {
    next = job->next;
    job->ask->http.answer = job->answer;
    job->ask->err = job->err;
    pl_client_answered(job->ask);
    free(job);
  }
}

static void submit(void *ctx, struct pl_ask *ask)
{
  struct pl_url *url = ctx;
  struct pl_url_job *job = calloc(1, sizeof *job);
  if (!job) {
    pl_fail(&ask->err, PL_E_NOMEM, "out of memory for a request");
    pl_client_answered(ask);
    return;
  }
  *job = (struct pl_url_job){.url = url, .ask = ask, .request = &ask->http, .deadline = ask->deadline};
  pthread_mutex_lock(&url->lock);
  *url->jobs_tail = job;
  url->jobs_tail = &job->next;
  pthread_cond_broadcast(&url->changed);
  pthread_mutex_unlock(&url->lock);
}

static void close_url(void *ctx)
{
  struct pl_url *url = ctx;
  pthread_mutex_lock(&url->lock);
  atomic_store(&url->closing, true);
  pthread_cond_broadcast(&url->changed);
  pthread_mutex_unlock(&url->lock);
  if (url->has_worker)
    pthread_join(url->worker, NULL);
  pl_url_stream_close(url->stream);
  pl_clock_unpost(url->clock, &url->post);
  free_jobs(url->jobs);
  free_jobs(url->finished);
  if (url->handle)
    url->curl.easy_cleanup(url->handle);
  pl_libcurl_close(&url->curl);
  pthread_cond_destroy(&url->changed);
  pthread_mutex_destroy(&url->lock);
  free(url);
}

static enum pl_status set_up(struct pl_url *url, const struct pl_client_cfg *cfg, struct pl_err *err)
{
  size_t len = strlen(cfg->url);
  while (len && cfg->url[len - 1] == '/')
    len--;
  if (len >= sizeof url->origin)
    return pl_fail(err, PL_E_USAGE, "the address of the stack is too long");
  snprintf(url->origin, sizeof url->origin, "%.*s", (int)(8 + strcspn(cfg->url + 8, "/") < len ? 8 + strcspn(cfg->url + 8, "/") : len), cfg->url);
  url->has_pin = cfg->pin != NULL;
  enum pl_status status = cfg->pin ? pl_pin_parse(cfg->pin, &url->pin, err) : PL_OK;
  if (!status && cfg->pin && url->pin.of_key)
    pl_pin_print(&url->pin, url->key_pin, sizeof url->key_pin);
  if (!status)
    status = pl_libcurl_load(&url->curl, err);
  if (!status && !(url->handle = url->curl.easy_init()))
    status = pl_fail(err, PL_E_NOMEM, "libcurl makes no handle");
  if (!status && pthread_create(&url->worker, NULL, run_worker, url))
    status = pl_fail(err, PL_E_NOMEM, "no thread for the requests to %s", cfg->url);
  url->has_worker = !status;
  return status;
}

static enum pl_status open_url(struct pl_client *client, const struct pl_client_cfg *cfg, void **out, struct pl_err *err)
{
  if (pl_clock_is_virtual(cfg->clock))
    return pl_fail(err, PL_E_USAGE, "a stack at a URL lives in real time, expected --time real");
  struct pl_url *url = calloc(1, sizeof *url);
  if (!url)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the requests to %s", cfg->url);
  url->client = client;
  url->clock = cfg->clock;
  url->url = cfg->url;
  url->jobs_tail = &url->jobs;
  url->post = (struct pl_post){.run = on_finished, .ctx = url};
  pthread_mutex_init(&url->lock, NULL);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&url->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  enum pl_status status = set_up(url, cfg, err);
  if (status)
    close_url(url);
  else
    *out = url;
  return status;
}

static enum pl_status listen_url(void *ctx, uint64_t after, const char *target, const char *token, struct pl_err *err)
{
  struct pl_url *url = ctx;
  return url->stream ? PL_OK : pl_url_stream_open(url, after, target, token, &url->stream, err);
}

static const char *name(const void *ctx)
{
  const struct pl_url *url = ctx;
  return url->url;
}

const struct pl_transport_desc pl_transport_url = {.open = open_url, .close = close_url, .submit = submit, .listen = listen_url, .name = name};

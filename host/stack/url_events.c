/* SPDX-License-Identifier: Apache-2.0 */
/* The event stream of a stack at a URL: server-sent events on a thread of their own, taken up again where they were lost. */
#include "host/stack/sse.h"
#include "host/stack/url.h"

#include <errno.h>
#include <inttypes.h>

#define FIRST_NS (5 * PL_S)       /* until it must stand: what comes after is not missed */
#define PAUSE_MS 100L             /* before it is tried again; doubled each time */
#define PAUSE_MAX_MS 5000L
#define SILENCE_S 90L             /* a service keeps the connection alive more often than that */

struct heard { /* on its way to the loop; id NULL: a sentence about the link */
  struct heard *next;
  uint64_t id;
  pl_time_ns at;
  bool link;
  size_t len;
  char text[];
};

struct pl_url_stream {
  struct pl_url *url;
  pthread_t thread;
  bool has_thread;
  char target[256], token[256];
  struct pl_sse sse;
  CURL *handle;
  long status;      /* of this connection; 0: none yet */
  struct heard *first, **last; /* under url->lock */
  bool up, hopeless; /* under url->lock: the stream stands, or never will */
  struct pl_post post;
};

static void tell(struct pl_url_stream *stream, uint64_t id, bool link, const char *text, size_t len)
{
  struct heard *heard = malloc(sizeof *heard + len + 1);
  if (!heard)
    return; /* an id that is missing will be told */
  *heard = (struct heard){.id = id, .at = pl_clock_now(stream->url->clock), .link = link, .len = len};
  memcpy(heard->text, text, len);
  heard->text[len] = '\0';
  pthread_mutex_lock(&stream->url->lock);
  *stream->last = heard;
  stream->last = &heard->next;
  pthread_mutex_unlock(&stream->url->lock);
  pl_clock_post(stream->url->clock, &stream->post);
}

/* Ids that are no numbers say nothing of order. */
static uint64_t number_of(const char *id)
{
  size_t digits = strspn(id, "0123456789");
  return digits && digits < 20 && !id[digits] ? strtoull(id, NULL, 10) : 0;
}

static void on_event(void *ctx, const char *id, const char *data, size_t len)
{
  tell(ctx, number_of(id), false, data, len);
}

static void set_up_state(struct pl_url_stream *stream, bool up, bool hopeless)
{
  pthread_mutex_lock(&stream->url->lock);
  stream->up = up;
  stream->hopeless = hopeless;
  pthread_mutex_unlock(&stream->url->lock);
  pl_clock_post(stream->url->clock, &stream->post);
}

/* The empty line after the headers: the stream stands, whether anything has happened or not. */
static size_t on_header(char *bytes, size_t one, size_t count, void *ctx)
{
  struct pl_url_stream *stream = ctx;
  if (one * count <= 2 && bytes[0] <= '\r') {
    stream->url->curl.easy_getinfo(stream->handle, CURLINFO_RESPONSE_CODE, &stream->status);
    if (stream->status == 200)
      set_up_state(stream, true, false);
  }
  return one * count;
}

static size_t on_bytes(char *bytes, size_t one, size_t count, void *ctx)
{
  struct pl_url_stream *stream = ctx;
  if (stream->status != 200)
    return one * count; /* an error's body */
  return pl_sse_put(&stream->sse, bytes, one * count, on_event, stream) ? one * count : 0;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
  const struct pl_url_stream *stream = ctx;
  (void)a;
  (void)b;
  (void)c;
  (void)d;
  return atomic_load(&stream->url->closing);
}

static CURLcode hear_once(struct pl_url_stream *stream, char *buffer)
{
  const struct pl_libcurl *c = &stream->url->curl;
  CURL *handle = stream->handle;
  char line[512];
  struct curl_slist *lines = c->slist_append(NULL, "Accept: text/event-stream");
  snprintf(line, sizeof line, "X-Auth-Token: %s", stream->token);
  lines = c->slist_append(lines, line);
  snprintf(line, sizeof line, "Last-Event-ID: %s", stream->sse.id);
  if (*stream->sse.id)
    lines = c->slist_append(lines, line);
  c->easy_reset(handle);
  pl_sse_reset(&stream->sse);
  stream->status = 0;
  pl_url_set_up(stream->url, handle, stream->target);
  c->easy_setopt(handle, CURLOPT_ERRORBUFFER, buffer);
  c->easy_setopt(handle, CURLOPT_HTTPHEADER, lines);
  c->easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
  c->easy_setopt(handle, CURLOPT_HEADERDATA, stream);
  c->easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_bytes);
  c->easy_setopt(handle, CURLOPT_WRITEDATA, stream);
  c->easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  c->easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
  c->easy_setopt(handle, CURLOPT_XFERINFODATA, stream);
  c->easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  c->easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, SILENCE_S);
  CURLcode code = c->easy_perform(handle);
  c->slist_free_all(lines);
  return code;
}

/* Until the time is over or it closes. */
static void pause_for(struct pl_url_stream *stream, long ms)
{
  struct pl_url *url = stream->url;
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += ms % 1000 * 1000000;
  until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  pthread_mutex_lock(&url->lock);
  while (!atomic_load(&url->closing) && pthread_cond_timedwait(&url->changed, &url->lock, &until) != ETIMEDOUT)
    ;
  pthread_mutex_unlock(&url->lock);
}

static void *run_stream(void *ctx)
{
  struct pl_url_stream *stream = ctx;
  const struct pl_url *url = stream->url;
  long pause = PAUSE_MS;
  while (!atomic_load(&url->closing)) {
    char buffer[CURL_ERROR_SIZE] = "", why[320], sentence[400];
    CURLcode code = hear_once(stream, buffer);
    if (atomic_load(&url->closing))
      break;
    bool was_up = stream->status == 200, hopeless = stream->status >= 400 && stream->status < 500 && stream->status != 429;
    if (code == CURLE_OK || code == CURLE_PARTIAL_FILE)
      snprintf(why, sizeof why, was_up ? "the stack has closed it" : "it was answered with %ld", stream->status);
    else
      pl_url_why(url, code, buffer, why, sizeof why);
    snprintf(sentence, sizeof sentence, "the event stream is interrupted: %s%s", why, hopeless ? "" : "; it is opened again");
    tell(stream, 0, true, sentence, strlen(sentence));
    set_up_state(stream, false, hopeless);
    if (hopeless)
      break;
    pause = was_up ? PAUSE_MS : pause * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause * 2;
    pause_for(stream, stream->sse.retry_ms > pause && stream->sse.retry_ms <= PAUSE_MAX_MS ? stream->sse.retry_ms : pause);
  }
  return NULL;
}

/* --- the loop's side --- */

static void on_post(void *ctx)
{
  struct pl_url_stream *stream = ctx;
  struct pl_url *url = stream->url;
  pthread_mutex_lock(&url->lock);
  struct heard *heard = stream->first, *next;
  stream->first = NULL;
  stream->last = &stream->first;
  pthread_mutex_unlock(&url->lock);
  for (; heard; heard = next) {
    next = heard->next;
    if (heard->link)
      pl_client_link(url->client, heard->text);
    else
      pl_client_heard(url->client, heard->id, heard->text, heard->len, heard->at);
    free(heard);
  }
}

static bool stands(struct pl_url_stream *stream, bool *hopeless)
{
  pthread_mutex_lock(&stream->url->lock);
  bool up = stream->up;
  *hopeless = stream->hopeless;
  pthread_mutex_unlock(&stream->url->lock);
  return up;
}

enum pl_status pl_url_stream_open(struct pl_url *url, uint64_t after, const char *target, const char *token, struct pl_url_stream **out, struct pl_err *err)
{
  struct pl_url_stream *stream = calloc(1, sizeof *stream);
  if (!stream)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the events of %s", url->url);
  stream->url = url;
  stream->last = &stream->first;
  stream->post = (struct pl_post){.run = on_post, .ctx = stream};
  snprintf(stream->target, sizeof stream->target, "%s", target);
  snprintf(stream->token, sizeof stream->token, "%s", token);
  if (after)
    snprintf(stream->sse.id, sizeof stream->sse.id, "%" PRIu64, after);
  *out = stream; /* closed with the transport from here on */
  stream->handle = url->curl.easy_init();
  if (!stream->handle || pthread_create(&stream->thread, NULL, run_stream, stream))
    return pl_fail(err, PL_E_NOMEM, "no thread for the events of %s", url->url);
  stream->has_thread = true;
  pl_time_ns limit = pl_clock_now(url->clock) + FIRST_NS;
  bool hopeless = false, up = false;
  while (!(up = stands(stream, &hopeless)) && !hopeless && pl_clock_now(url->clock) < limit)
    pl_clock_step(url->clock, limit);
  return up ? PL_OK : pl_fail(err, PL_E_GONE, "%s: its event stream %s could not be opened within 5 s", url->url, target);
}

void pl_url_stream_close(struct pl_url_stream *stream)
{
  if (!stream)
    return;
  if (stream->has_thread)
    pthread_join(stream->thread, NULL);
  pl_clock_unpost(stream->url->clock, &stream->post);
  for (struct heard *heard = stream->first, *next; heard; heard = next) {
    next = heard->next;
    free(heard);
  }
  if (stream->handle)
    stream->url->curl.easy_cleanup(stream->handle);
  pl_sse_free(&stream->sse);
  explicit_bzero(stream->token, sizeof stream->token);
  free(stream);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* An event stream (server-sent events, WHATWG HTML section 9.2) on one of civetweb's threads, for as long as it lasts. */
#include "control/web/serve.h"

#include <string.h>

static bool take_place(struct pl_serve *serve)
{
  if (atomic_fetch_add(&serve->streams, 1) < serve->streams_max)
    return true;
  atomic_fetch_sub(&serve->streams, 1);
  return false;
}

static bool say(struct mg_connection *conn, const char *text, size_t size)
{
  return mg_write(conn, text, size) == (int)size;
}

/* Until the client goes, the session ends, or the program does. */
static void pump(struct pl_serve *serve, struct mg_connection *conn, struct pl_stream *stream)
{
  static const char COMMENT[] = ": still here\n\n";
  pl_time_ns spoken = pl_clock_now(serve->clock);
  bool heard = say(conn, COMMENT, sizeof COMMENT - 1); /* the client knows at once that it stands */
  while (heard && !atomic_load(&serve->stopping)) {
    char *text = NULL;
    size_t size = 0;
    enum pl_status status = pl_stream_next(stream, PL_WEB_LOOK_NS, &text, &size);
    pl_time_ns now = pl_clock_now(serve->clock);
    if (!status && size) {
      heard = say(conn, text, size);
      spoken = now;
    } else if (status && status != PL_E_TIMEOUT) {
      heard = false;
    } else if (now - spoken >= PL_WEB_COMMENT_NS) {
      heard = say(conn, COMMENT, sizeof COMMENT - 1);
      spoken = now;
    }
    free(text);
  }
}

static int open_and_pump(struct pl_serve *serve, struct mg_connection *conn, const struct pl_http_request *request, struct pl_http_answer *refusal)
{
  struct pl_stream *stream = NULL;
  if (pl_stream_open(serve->gate, request, &stream, refusal))
    return refusal->status ? refusal->status : 500;
  struct pl_http_answer head = {.status = 200, .type = "text/event-stream"};
  head.fields[head.n_fields++] = (struct pl_http_field){"Cache-Control", "no-store"};
  pl_answer_send_head(serve, conn, &head);
  pump(serve, conn, stream);
  pl_stream_close(stream);
  return 200;
}

int pl_serve_stream(struct pl_serve *serve, struct mg_connection *conn, const struct pl_http_request *request)
{
  if (!take_place(serve)) {
    pl_answer_refuse(serve, conn, 503, 30);
    return 503;
  }
  struct pl_http_answer refusal = {0};
  int status = open_and_pump(serve, conn, request, &refusal);
  atomic_fetch_sub(&serve->streams, 1); /* before anything is answered: who reads that may come again at once */
  if (refusal.status)
    pl_answer_send(serve, conn, &refusal, false);
  else if (status != 200)
    pl_answer_refuse(serve, conn, status, 0);
  pl_http_answer_free(&refusal);
  return status;
}

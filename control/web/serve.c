/* SPDX-License-Identifier: Apache-2.0 */
/* One request, on one of civetweb's threads: judged by its size and form, read whole, given to the gate, answered. */
#include "control/web/serve.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* What the service may look at; browsers send much besides. */
static const char *const FIELDS[] = {"Accept", "Accept-Encoding", "Authorization", "Content-Type", "If-Match", "If-None-Match", "Last-Event-ID", "OData-MaxVersion",
                                     "OData-Version", "Prefer", "User-Agent", "X-Auth-Token", "Host"};
static const char STREAM_PATH[] = "/redfish/v1/EventService/SSE"; /* EventService.ServerSentEventUri */
enum { CIVETWEB_FIELDS_MAX = 64 /* MG_MAX_HEADERS of 1.15; what is beyond it is not parsed */, SIP = 16 };

static void copy_fields(const struct mg_request_info *info, struct pl_http_request *request)
{
  for (int i = 0; i < info->num_headers; i++)
    for (size_t k = 0; k < sizeof FIELDS / sizeof FIELDS[0]; k++)
      if (!strcasecmp(info->http_headers[i].name, FIELDS[k]) && request->n_fields < PL_HTTP_FIELDS_MAX)
        request->fields[request->n_fields++] = (struct pl_http_field){FIELDS[k], info->http_headers[i].value};
}

static unsigned times(const struct mg_request_info *info, const char *name)
{
  unsigned n = 0;
  for (int i = 0; i < info->num_headers; i++)
    n += !strcasecmp(info->http_headers[i].name, name);
  return n;
}

/* A length in digits alone, or in chunks, never both and never twice: two programs that disagree about where a request ends are a hole (RFC 9112 section 11.2). */
static int judge_framing(struct mg_connection *conn, const struct mg_request_info *info)
{
  const char *length = mg_get_header(conn, "Content-Length");
  unsigned lengths = times(info, "Content-Length"), codings = times(info, "Transfer-Encoding");
  if (lengths > 1 || codings > 1 || (lengths && codings))
    return 400;
  if (length && (!length[0] || strspn(length, "0123456789") != strlen(length)))
    return 400;
  if (length && (strlen(length) > 9 || info->content_length > PL_WEB_BODY_MAX))
    return 413;
  return 0;
}

/* A browser names the page that makes a request; one of another site may not change anything (credentials that a browser keeps would go with it). */
static int judge_origin(struct mg_connection *conn, const struct mg_request_info *info)
{
  const char *origin = mg_get_header(conn, "Origin"), *host = mg_get_header(conn, "Host"), *rest = origin ? strstr(origin, "://") : NULL;
  if (!origin || !strcmp(info->request_method, "GET") || !strcmp(info->request_method, "HEAD"))
    return 0;
  return rest && host && !strcasecmp(rest + 3, host) ? 0 : 403;
}

static size_t header_size(const struct mg_request_info *info)
{
  size_t size = 0;
  for (int i = 0; i < info->num_headers; i++)
    size += strlen(info->http_headers[i].name) + strlen(info->http_headers[i].value) + 4;
  return size;
}

static int judge(struct mg_connection *conn, const struct mg_request_info *info)
{
  if (strlen(info->local_uri_raw) + (info->query_string ? strlen(info->query_string) : 0) > PL_WEB_URI_MAX)
    return 414;
  if (info->num_headers >= CIVETWEB_FIELDS_MAX || header_size(info) > PL_WEB_HEADER_MAX)
    return 431;
  int status = judge_framing(conn, info);
  return status ? status : judge_origin(conn, info);
}

/* In sips: civetweb gives each read a time limit of its own for every piece that comes, so that only short reads keep the limit of the whole
 * (src/civetweb.c pull_all of 1.15). What came with the header costs nothing. */
static int read_body(const struct pl_serve *serve, struct mg_connection *conn, char **body, size_t *size)
{
  pl_time_ns until = pl_clock_now(serve->clock) + PL_WEB_BODY_TIME_NS;
  size_t room = 0;
  const char *expect = mg_get_header(conn, "Expect");
  if (expect && !strcasecmp(expect, "100-continue"))
    mg_write(conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
  for (;;) {
    if (*size + SIP + 1 > room) {
      room = room ? 2 * room : 4096;
      char *more = realloc(*body, room);
      if (!more)
        return 500;
      *body = more;
    }
    int n = mg_read(conn, *body + *size, SIP);
    if (n < 0)
      return 400;
    if (!n)
      break;
    *size += (size_t)n;
    if (*size > PL_WEB_BODY_MAX)
      return 413;
    if (pl_clock_now(serve->clock) > until)
      return 408;
  }
  (*body)[*size] = '\0';
  return 0;
}

/* The rest of what is sent to one who is refused is read a while: a connection that is closed on unread bytes is reset, and the answer lost with it. */
static void drain(const struct pl_serve *serve, struct mg_connection *conn)
{
  char room[SIP * 64];
  pl_time_ns until = pl_clock_now(serve->clock) + PL_S;
  for (size_t got = 0; got < PL_WEB_BODY_MAX && pl_clock_now(serve->clock) < until;) {
    int n = mg_read(conn, room, sizeof room);
    if (n <= 0)
      break;
    got += (size_t)n;
  }
}

static bool has_body(struct mg_connection *conn, const struct mg_request_info *info)
{
  return info->content_length > 0 || mg_get_header(conn, "Transfer-Encoding");
}

static int refuse(const struct pl_serve *serve, struct mg_connection *conn, int status, unsigned retry_s)
{
  pl_answer_refuse(serve, conn, status, retry_s);
  if (has_body(conn, mg_get_request_info(conn)) && status != 408)
    drain(serve, conn);
  return status;
}

static int ask(struct pl_serve *serve, struct mg_connection *conn, struct pl_http_request *request)
{
  pl_gate_serve(serve->gate, request, PL_WEB_PATIENCE_NS);
  int status = request->answer.status;
  pl_answer_send(serve, conn, &request->answer, atomic_load(&serve->stopping));
  pl_http_answer_free(&request->answer);
  return status;
}

static int answer(struct pl_serve *serve, struct mg_connection *conn, const struct mg_request_info *info, struct pl_http_request *request)
{
  bool get = !strcmp(info->request_method, "GET");
  if ((get || !strcmp(info->request_method, "HEAD")) &&
      pl_page_answer(info->local_uri_raw, pl_http_field(request->fields, request->n_fields, "If-None-Match"), &request->answer)) {
    int status = request->answer.status;
    pl_answer_send(serve, conn, &request->answer, false);
    pl_http_answer_free(&request->answer);
    return status;
  }
  if (get && !strcmp(info->local_uri_raw, STREAM_PATH))
    return pl_serve_stream(serve, conn, request);
  return ask(serve, conn, request);
}

int pl_serve_request(struct mg_connection *conn)
{
  struct pl_serve *serve = mg_get_user_data(mg_get_context(conn));
  const struct mg_request_info *info = mg_get_request_info(conn);
  unsigned retry_s = 0;
  if (!pl_peers_admit(serve->peers, info->remote_addr, pl_clock_now(serve->clock), &retry_s))
    return refuse(serve, conn, 429, retry_s);
  int status = judge(conn, info);
  if (status)
    return refuse(serve, conn, status, 0);
  char target[PL_WEB_URI_MAX + 2], *body = NULL;
  snprintf(target, sizeof target, "%s%s%s", info->local_uri_raw, info->query_string ? "?" : "", info->query_string ? info->query_string : "");
  struct pl_http_request request = {.method = info->request_method, .target = target, .peer = info->remote_addr};
  request.encrypted = info->is_ssl || serve->plain; /* plain: on loopback alone (web.c), nothing leaves the machine */
  copy_fields(info, &request);
  if (has_body(conn, info))
    status = read_body(serve, conn, &body, &request.body_size);
  request.body = body;
  status = status ? refuse(serve, conn, status, 0) : answer(serve, conn, info, &request);
  free(body);
  return status;
}

static bool is_token(const char *word) /* RFC 9110 section 5.6.2 */
{
  if (!word || !word[0])
    return false;
  for (; *word; word++)
    if (!isalnum((unsigned char)*word) && !strchr("!#$%&'*+-.^_`|~", *word))
      return false;
  return true;
}

/* What civetweb could not take for a request. It says "Bad request" of a method that it does not know, and 411 of a length that is none. */
int pl_serve_error(struct mg_connection *conn, int status, const char *message)
{
  struct pl_serve *serve = mg_get_user_data(mg_get_context(conn));
  const struct mg_request_info *info = mg_get_request_info(conn);
  bool unknown_method = status == 400 && !strcmp(message, "Bad request") && info && is_token(info->request_method) && info->http_version &&
                        !strncmp(info->http_version, "1.", 2) && !info->num_headers;
  if (status == 411)
    status = 400;
  else if (unknown_method)
    status = 501;
  pl_answer_refuse(serve, conn, status, 0);
  return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Answers onto the connection: head, security headers, body; and refusals. */
#include "control/web/serve.h"

#include <string.h>
#include <strings.h>
#include <time.h>

enum { HEAD_MAX = 8192, WHOLE_MAX = 32768 };

struct head { /* with room behind it for a body of usual size, so that both go out in one write */
  size_t size;
  char text[WHOLE_MAX];
};

static void put(struct head *head, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct head *head, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  int n = vsnprintf(head->text + head->size, HEAD_MAX - head->size, format, args);
  va_end(args);
  if (n < 0 || (size_t)n >= HEAD_MAX - head->size)
    n = 0; /* a field that has no room is left out, whole */
  head->size += (size_t)n;
  head->text[head->size] = '\0';
}

static const struct {
  int status;
  const char *text;
} REASONS[] = {
  {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"}, {304, "Not Modified"}, {308, "Permanent Redirect"}, {400, "Bad Request"},
  {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"}, {406, "Not Acceptable"}, {408, "Request Timeout"}, {409, "Conflict"},
  {410, "Gone"}, {412, "Precondition Failed"}, {413, "Content Too Large"}, {414, "URI Too Long"}, {415, "Unsupported Media Type"}, {428, "Precondition Required"},
  {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"}, {501, "Not Implemented"}, {503, "Service Unavailable"},
  {505, "HTTP Version Not Supported"}, {507, "Insufficient Storage"},
};

static const char *reason(int status)
{
  for (size_t i = 0; i < sizeof REASONS / sizeof REASONS[0]; i++)
    if (REASONS[i].status == status)
      return REASONS[i].text;
  return "Answer"; /* the number says it */
}

/* For whoever's browser is led here: nothing of this service is another site's to read, to frame or to guess a type of. No CORS header, ever. */
static const struct pl_http_field SECURITY[] = {
  {"X-Content-Type-Options", "nosniff"},
  {"X-Frame-Options", "DENY"},
  {"Referrer-Policy", "no-referrer"},
  {"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; "
                              "frame-ancestors 'none'"},
};

static void put_fields(struct head *head, const struct pl_http_field *fields, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (!strpbrk(fields[i].value, "\r\n")) /* whatever it was made from, it does not become a second field */
      put(head, "%s: %s\r\n", fields[i].name, fields[i].value);
}

static void put_date(struct head *head, const struct pl_serve *serve)
{
  time_t now = (time_t)(pl_clock_wall_ns(serve->clock, pl_clock_now(serve->clock)) / PL_S);
  struct tm tm;
  char text[40];
  if (gmtime_r(&now, &tm) && strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm)) /* RFC 9110 section 5.6.7 */
    put(head, "Date: %s\r\n", text);
}

static void begin(struct head *head, const struct pl_serve *serve, const struct pl_http_answer *answer)
{
  head->size = 0;
  put(head, "HTTP/1.1 %d %s\r\n", answer->status, reason(answer->status));
  put_date(head, serve);
  put_fields(head, SECURITY, sizeof SECURITY / sizeof SECURITY[0]);
  if (!serve->plain)
    put(head, "Strict-Transport-Security: max-age=31536000\r\n"); /* RFC 6797 section 7.2: not over plain http */
  if (!pl_http_field(answer->fields, answer->n_fields, "Cache-Control"))
    put(head, "Cache-Control: no-cache\r\n");
  if (answer->body || answer->type)
    put(head, "Content-Type: %s\r\n", answer->type ? answer->type : "application/json;charset=utf-8");
  put_fields(head, answer->fields, answer->n_fields);
}

void pl_answer_send_head(const struct pl_serve *serve, struct mg_connection *conn, const struct pl_http_answer *answer)
{
  struct head head;
  begin(&head, serve, answer);
  put(&head, "Connection: close\r\n\r\n");
  mg_disable_connection_keep_alive(conn);
  mg_write(conn, head.text, head.size);
}

/* As civetweb decides it (should_keep_alive), so that what we say is what it does. */
static bool stays_open(struct mg_connection *conn)
{
  const struct mg_request_info *info = mg_get_request_info(conn);
  const char *wish = mg_get_header(conn, "Connection");
  if (wish)
    return strcasestr(wish, "keep-alive") != NULL;
  return info->http_version && !strcmp(info->http_version, "1.1");
}

void pl_answer_send(const struct pl_serve *serve, struct mg_connection *conn, const struct pl_http_answer *answer, bool close)
{
  const struct mg_request_info *info = mg_get_request_info(conn);
  bool bare = answer->status == 204 || answer->status == 304 || answer->status < 200; /* RFC 9110 section 6.4.1 */
  bool silent = bare || (info->request_method && !strcmp(info->request_method, "HEAD"));
  size_t size = answer->body ? answer->body_size : 0;
  struct head head;
  close = close || !stays_open(conn);
  begin(&head, serve, answer);
  if (!bare)
    put(&head, "Content-Length: %zu\r\n", size);
  put(&head, close ? "Connection: close\r\n\r\n" : "Connection: keep-alive\r\n\r\n");
  if (close)
    mg_disable_connection_keep_alive(conn);
  bool whole = !silent && size <= WHOLE_MAX - head.size;
  if (whole && size)
    memcpy(head.text + head.size, answer->body, size);
  mg_write(conn, head.text, head.size + (whole ? size : 0));
  if (!whole && !silent)
    mg_write(conn, answer->body, size);
}

static const struct refusal {
  int status;
  const char *id, *message, *severity, *resolution; /* the registry's; %1 filled in */
} REFUSALS[] = {
  {400, "GeneralError", "A general error has occurred.  See Resolution for information on how to resolve the error, or @Message.ExtendedInfo if Resolution is not provided.",
   "Critical", "The request is not one of HTTP/1.1, or its header is too long or was not complete in time: mend it and send it again."},
  {403, "InsufficientPrivilege", "There are insufficient privileges for the account or credentials associated with the current session to perform the requested operation.",
   "Critical", "The request was made by a page of another site: changes are taken from this service's own page, or from programs."},
  {408, "GeneralError", "A general error has occurred.  See Resolution for information on how to resolve the error, or @Message.ExtendedInfo if Resolution is not provided.",
   "Critical", "The body was not complete in time: send it again."},
  {413, "PayloadTooLarge", "The supplied payload exceeds the maximum size supported by the service.", "Critical", "Supply a payload that is smaller and resubmit the request."},
  {414, "GeneralError", "A general error has occurred.  See Resolution for information on how to resolve the error, or @Message.ExtendedInfo if Resolution is not provided.",
   "Critical", "The URI is longer than this service takes: shorten it and resubmit the request."},
  {429, "ServiceTemporarilyUnavailable", "The service is temporarily unavailable.  Retry in %u seconds.", "Critical",
   "Wait for the indicated retry duration and retry the operation: too many requests came from this address."},
  {431, "GeneralError", "A general error has occurred.  See Resolution for information on how to resolve the error, or @Message.ExtendedInfo if Resolution is not provided.",
   "Critical", "The request's header is longer, or has more fields, than this service takes: shorten it and resubmit the request."},
  {501, "OperationNotAllowed", "The HTTP method is not allowed on this resource.", "Critical", "None: no resource of this service knows the method."},
  {503, "EventSubscriptionLimitExceeded",
   "The event subscription failed due to the number of simultaneous subscriptions exceeding the limit of the implementation.", "Critical",
   "Reduce the number of other subscriptions before trying to establish the event subscription or increase the limit of simultaneous subscriptions, if supported."},
  {505, "GeneralError", "A general error has occurred.  See Resolution for information on how to resolve the error, or @Message.ExtendedInfo if Resolution is not provided.",
   "Critical", "This service speaks HTTP/1.1 and HTTP/1.0."},
  {500, "InternalError", "The request failed due to an internal service error.  The service is still operational.", "Critical",
   "Resubmit the request.  If the problem persists, consider resetting the service."},
};

static const struct refusal *refusal_of(int status)
{
  const struct refusal *r = REFUSALS;
  while (r->status != status && r->status != 500) /* the last row */
    r++;
  return r;
}

void pl_answer_refuse(const struct pl_serve *serve, struct mg_connection *conn, int status, unsigned retry_s)
{
  const struct refusal *r = refusal_of(status);
  char message[256], args[32] = "", body[1536], wait[16];
  snprintf(message, sizeof message, r->message, retry_s);
  if (status == 429)
    snprintf(args, sizeof args, "\"MessageArgs\":[\"%u\"],", retry_s);
  int n = snprintf(body, sizeof body,
                   "{\"error\":{\"code\":\"Base.1.22.%s\",\"message\":\"%s\",\"@Message.ExtendedInfo\":[{\"@odata.type\":\"#Message.v1_3_0.Message\","
                   "\"MessageId\":\"Base.1.22.%s\",\"Message\":\"%s\",%s\"MessageSeverity\":\"%s\",\"Resolution\":\"%s\"}]}}",
                   r->id, message, r->id, message, args, r->severity, r->resolution);
  struct pl_http_answer answer = {.status = r->status, .body = body, .body_size = n < 0 ? 0 : (size_t)n};
  answer.fields[answer.n_fields++] = (struct pl_http_field){"OData-Version", "4.0"};
  if (retry_s) {
    snprintf(wait, sizeof wait, "%u", retry_s);
    answer.fields[answer.n_fields++] = (struct pl_http_field){"Retry-After", wait};
  }
  pl_answer_send(serve, conn, &answer, true);
}

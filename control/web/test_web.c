/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP in front of a gate that is this test's own (module.mk wraps pl_gate_* and pl_stream_*): it tells what it was asked. */
#include "control/web/certificate.h"
#include "control/web/serve.h"
#include "control/web/web.h"

#include <arpa/inet.h>
#include <json-c/json.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

enum pl_status __wrap_pl_gate_new(struct pl_stack *stack, struct pl_gate **gate, struct pl_err *err);
void __wrap_pl_gate_free(struct pl_gate *gate);
void __wrap_pl_gate_serve(struct pl_gate *gate, struct pl_http_request *request, pl_time_ns patience_ns);
enum pl_status __wrap_pl_stream_open(struct pl_gate *gate, const struct pl_http_request *request, struct pl_stream **stream, struct pl_http_answer *refusal);
enum pl_status __wrap_pl_stream_next(struct pl_stream *stream, pl_time_ns timeout_ns, char **text, size_t *size);
void __wrap_pl_stream_close(struct pl_stream *stream);

struct pl_gate {
  struct pl_clock *clock;
};
struct pl_stream {
  unsigned told;
  struct pl_clock *clock;
};

enum pl_status __wrap_pl_gate_new(struct pl_stack *stack, struct pl_gate **gate, struct pl_err *err)
{
  (void)err;
  *gate = calloc(1, sizeof **gate);
  (*gate)->clock = stack->clock;
  return PL_OK;
}

void __wrap_pl_gate_free(struct pl_gate *gate)
{
  free(gate);
}

/* 200 with what was asked; /big: more than fits one write. */
void __wrap_pl_gate_serve(struct pl_gate *gate, struct pl_http_request *request, pl_time_ns patience_ns)
{
  assert_non_null(gate);
  assert_true(patience_ns > 0);
  struct pl_http_answer *answer = &request->answer;
  answer->status = strcmp(request->method, "OPTIONS") ? 200 : 204;
  pl_http_answer_add(answer, "Allow", "GET, HEAD");
  if (answer->status == 204)
    return;
  size_t size = strstr(request->target, "/big") ? 100000 : 512;
  answer->body = calloc(1, size + 1);
  const char *token = pl_http_field(request->fields, request->n_fields, "X-Auth-Token");
  int n = snprintf(answer->body, size, "{\"method\":\"%s\",\"target\":\"%.100s\",\"body\":%zu,\"first\":\"%.8s\",\"token\":\"%s\",\"peer\":\"%s\",\"encrypted\":%s}",
                   request->method, request->target, request->body_size, request->body ? request->body : "", token ? token : "", request->peer,
                   request->encrypted ? "true" : "false");
  memset(answer->body + n, ' ', size - (size_t)n);
  answer->body_size = size;
}

enum pl_status __wrap_pl_stream_open(struct pl_gate *gate, const struct pl_http_request *request, struct pl_stream **stream, struct pl_http_answer *refusal)
{
  if (!pl_http_field(request->fields, request->n_fields, "X-Auth-Token")) {
    refusal->status = 401;
    pl_http_answer_add(refusal, "WWW-Authenticate", "Basic");
    return PL_E_USAGE;
  }
  *stream = calloc(1, sizeof **stream);
  (*stream)->clock = gate->clock;
  return PL_OK;
}

enum pl_status __wrap_pl_stream_next(struct pl_stream *stream, pl_time_ns timeout_ns, char **text, size_t *size)
{
  if (stream->told == 3) {
    pl_clock_sleep_until(stream->clock, pl_clock_now(stream->clock) + timeout_ns);
    return PL_E_TIMEOUT;
  }
  *text = calloc(1, 64);
  *size = (size_t)snprintf(*text, 64, "id: %u\ndata: {}\n\n", ++stream->told);
  return PL_OK;
}

void __wrap_pl_stream_close(struct pl_stream *stream)
{
  free(stream);
}

struct fixture {
  struct pl_stack stack;
  struct pl_web *web;
  char folder[64];
  unsigned short port;
};

static void start(struct fixture *f, const struct pl_web_cfg *more)
{
  struct pl_err err = {0};
  memset(f, 0, sizeof *f);
  snprintf(f->folder, sizeof f->folder, "%s", "/tmp/rackd-web-XXXXXX");
  assert_non_null(mkdtemp(f->folder));
  assert_int_equal(pl_clock_new_real(&f->stack.clock, &err), PL_OK);
  struct pl_web_cfg cfg = *more;
  cfg.listen = "127.0.0.1:0";
  cfg.folder = f->folder;
  cfg.threads = 4;
  if (pl_web_start(&f->stack, &cfg, &f->web, &err))
    fail_msg("%s", err.text);
  const char *colon = strrchr(pl_web_url(f->web), ':');
  f->port = (unsigned short)strtoul(colon + 1, NULL, 10);
  assert_int_not_equal(f->port, 0);
}

static void end(struct fixture *f)
{
  char path[128];
  pl_web_stop(f->web);
  pl_clock_free(f->stack.clock);
  snprintf(path, sizeof path, "%s/rackd.pem", f->folder);
  unlink(path);
  assert_int_equal(rmdir(f->folder), 0); /* nothing else was left there */
}

static int dial(const struct fixture *f)
{
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(f->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
  return fd;
}

static void tell(int fd, const char *bytes, size_t size)
{
  while (size) {
    ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);
    if (n <= 0)
      return; /* refused before it was all there */
    bytes += n;
    size -= (size_t)n;
  }
}

/* Up to the end of one answer: of its body by Content-Length (none: of its head), or of what comes until the text `until`. */
static size_t hear(int fd, char *room, size_t max, const char *until, bool body)
{
  size_t n = 0;
  for (;;) {
    room[n] = '\0';
    char *head_end = strstr(room, "\r\n\r\n"), *length = strcasestr(room, "Content-Length: ");
    if (until ? strstr(room, until) != NULL : head_end && (!body || !length || n >= (size_t)(head_end + 4 - room) + strtoul(length + 16, NULL, 10)))
      return n;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 20000), 1);
    ssize_t got = recv(fd, room + n, max - 1 - n, 0);
    if (got <= 0)
      return n;
    n += (size_t)got;
  }
}

static char answer[256 * 1024];

/* One request on a connection of its own; its status. */
static int ask(const struct fixture *f, const char *text)
{
  int fd = dial(f);
  tell(fd, text, strlen(text));
  hear(fd, answer, sizeof answer, NULL, strncmp(text, "HEAD", 4) != 0);
  close(fd);
  assert_memory_equal(answer, "HTTP/1.1 ", 9);
  return (int)strtol(answer + 9, NULL, 10);
}

static struct json_object *body(void)
{
  const char *at = strstr(answer, "\r\n\r\n");
  assert_non_null(at);
  return json_tokener_parse(at + 4);
}

static void assert_body(const char *key, const char *value)
{
  struct json_object *o = body();
  assert_non_null(o);
  assert_string_equal(json_object_get_string(json_object_object_get(o, key)), value);
  json_object_put(o);
}

/* A refusal is an error as Redfish shapes it, and ends the connection. */
static void refused(const struct fixture *f, const char *text, int status, const char *message_id)
{
  assert_int_equal(ask(f, text), status);
  struct json_object *o = body(), *error = NULL, *info = NULL;
  assert_non_null(o);
  assert_true(json_object_object_get_ex(o, "error", &error));
  char id[64];
  snprintf(id, sizeof id, "Base.1.22.%s", message_id);
  assert_string_equal(json_object_get_string(json_object_object_get(error, "code")), id);
  assert_true(json_object_object_get_ex(error, "@Message.ExtendedInfo", &info));
  assert_string_equal(json_object_get_string(json_object_object_get(json_object_array_get_idx(info, 0), "MessageId")), id);
  json_object_put(o);
  assert_non_null(strstr(answer, "Connection: close"));
  assert_non_null(strstr(answer, "OData-Version: 4.0"));
}

static void test_answers(void **state)
{
  (void)state;
  struct fixture f;
  start(&f, &(struct pl_web_cfg){.plain = true});
  assert_int_equal(ask(&f, "GET /redfish/v1/Chassis/csu%2D1?$select=Id%20x HTTP/1.1\r\nHost: x\r\nX-Auth-Token: t0\r\n\r\n"), 200);
  assert_body("target", "/redfish/v1/Chassis/csu%2D1?$select=Id%20x"); /* undecoded: that is the service's */
  assert_body("token", "t0");
  assert_body("peer", "127.0.0.1");
  assert_body("encrypted", "true");
  assert_non_null(strstr(answer, "Allow: GET, HEAD\r\n"));
  assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
  assert_non_null(strstr(answer, "Content-Security-Policy: default-src 'none'"));
  assert_non_null(strstr(answer, "\r\nDate: "));
  assert_null(strstr(answer, "Access-Control"));
  assert_null(strstr(answer, "Strict-Transport"));
  assert_int_equal(ask(&f, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
  assert_non_null(strstr(answer, "Content-Length: 100000\r\n"));
  assert_int_equal(ask(&f, "HEAD /redfish HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
  assert_non_null(strstr(answer, "Content-Length: 512\r\n"));
  assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
  assert_int_equal(ask(&f, "OPTIONS /redfish/v1 HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\n\r\n"), 204);
  assert_null(strstr(answer, "Content-Length"));
  assert_int_equal(ask(&f, "GET /redfish/v1 HTTP/1.0\r\n\r\n"), 200);
  assert_non_null(strstr(answer, "Connection: close\r\n"));
  end(&f);
}

static void test_keeps_open(void **state)
{
  (void)state;
  struct fixture f;
  start(&f, &(struct pl_web_cfg){.plain = true});
  int fd = dial(&f);
  static const char TWICE[] = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: x\r\n\r\n";
  tell(fd, TWICE, sizeof TWICE - 1);
  hear(fd, answer, sizeof answer, "\"target\":\"/b\"", true);
  assert_non_null(strstr(answer, "\"body\":5,\"first\":\"hello\""));
  assert_non_null(strstr(answer, "Connection: keep-alive\r\n"));
  close(fd);
  end(&f);
}

static void test_bodies(void **state)
{
  (void)state;
  struct fixture f;
  start(&f, &(struct pl_web_cfg){.plain = true});
  assert_int_equal(ask(&f, "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n"), 200);
  assert_body("body", "8");
  assert_body("first", "helloyou");
  assert_int_equal(ask(&f, "POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"), 100);
  refused(&f, "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", 400, "GeneralError");
  refused(&f, "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400, "GeneralError");
  refused(&f, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n{}", 400, "GeneralError");
  refused(&f, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2x\r\n\r\n{}", 400, "GeneralError");
  refused(&f, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}", 400, "GeneralError");
  refused(&f, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: -2\r\n\r\n", 400, "GeneralError");
  refused(&f, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 413, "PayloadTooLarge");
  refused(&f, "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400, "GeneralError");
  end(&f);
}

static void test_large(void **state)
{
  (void)state;
  struct fixture f;
  start(&f, &(struct pl_web_cfg){.plain = true});
  size_t size = PL_WEB_BODY_MAX + 4096;
  char *text = calloc(1, size + 200);
  int n = snprintf(text, 200, "GET /%0*d HTTP/1.1\r\nHost: x\r\n\r\n", 100, 0);
  assert_int_equal(ask(&f, text), 200);
  memset(text, 'a', 5000);
  memcpy(text, "GET /", 5);
  snprintf(text + 5000, 100, " HTTP/1.1\r\nHost: x\r\n\r\n");
  refused(&f, text, 414, "GeneralError");
  memset(text, 'a', 20000);
  memcpy(text, "GET / HTTP/1.1\r\nX: ", 19);
  snprintf(text + 20000, 100, "\r\n\r\n");
  refused(&f, text, 431, "GeneralError");
  memset(text + 20, 'a', 70000);
  refused(&f, text, 400, "GeneralError");
  n = snprintf(text, 200, "GET / HTTP/1.1\r\n");
  for (int i = 0; i < 100; i++)
    n += snprintf(text + n, 64, "X-%d: y\r\n", i);
  snprintf(text + n, 64, "\r\n");
  refused(&f, text, 431, "GeneralError");
  n = snprintf(text, 200, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", size);
  memset(text + n, 'b', size);
  refused(&f, text, 413, "PayloadTooLarge");
  n = snprintf(text, 200, "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n", size);
  memset(text + n, 'b', size);
  refused(&f, text, 413, "PayloadTooLarge");
  n = snprintf(text, 200, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", PL_WEB_BODY_MAX);
  memset(text + n, 'b', size - (size_t)n);
  text[n + PL_WEB_BODY_MAX] = '\0';
  assert_int_equal(ask(&f, text), 200);
  assert_body("body", "1048576");
  free(text);
  end(&f);
}

static void test_refuses(void **state)
{
  (void)state;
  struct fixture f;
  start(&f, &(struct pl_web_cfg){.plain = true});
  refused(&f, "BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n", 501, "OperationNotAllowed");
  refused(&f, "GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505, "GeneralError");
  refused(&f, "GET\r\n\r\n", 400, "GeneralError");
  refused(&f, "\x16\x03\x01\x02 not http\r\n\r\n", 400, "GeneralError");
  refused(&f, "GET / HTTP/1.1\r\nno colon here\r\n\r\n", 400, "GeneralError");
  refused(&f, "POST /a HTTP/1.1\r\nHost: x:1\r\nOrigin: https://evil.example\r\nContent-Length: 2\r\n\r\n{}", 403, "InsufficientPrivilege");
  refused(&f, "DELETE /a HTTP/1.1\r\nHost: x:1\r\nOrigin: null\r\n\r\n", 403, "InsufficientPrivilege");
  assert_int_equal(ask(&f, "POST /a HTTP/1.1\r\nHost: x:1\r\nOrigin: http://x:1\r\nContent-Length: 2\r\n\r\n{}"), 200);
  end(&f);
}

static void test_rate(void **state)
{
  (void)state;
  struct fixture f;
  start(&f, &(struct pl_web_cfg){.plain = true, .rate = 0.5});
  static const char GET[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
  assert_int_equal(ask(&f, GET), 200);
  assert_int_equal(ask(&f, GET), 200); /* a burst of four seconds' worth */
  refused(&f, GET, 429, "ServiceTemporarilyUnavailable");
  assert_non_null(strstr(answer, "Retry-After: "));
  end(&f);
}

static void test_peers(void **state)
{
  (void)state;
  struct pl_peers *peers = pl_peers_new(10, 20);
  unsigned retry = 0;
  for (int i = 0; i < 20; i++)
    assert_true(pl_peers_admit(peers, "a", PL_S, &retry));
  assert_false(pl_peers_admit(peers, "a", PL_S, &retry));
  assert_int_equal(retry, 1);
  assert_true(pl_peers_admit(peers, "b", PL_S, &retry)); /* one's greed is not another's */
  assert_true(pl_peers_admit(peers, "a", PL_S + 100 * PL_MS, &retry));
  assert_false(pl_peers_admit(peers, "a", PL_S + 100 * PL_MS, &retry));
  for (int i = 0; i < 10000; i++) { /* more addresses than there is room for */
    char name[24];
    snprintf(name, sizeof name, "p%d", i);
    assert_true(pl_peers_admit(peers, name, 2 * PL_S, &retry));
  }
  pl_peers_free(peers);
  peers = pl_peers_new(0, 0);
  for (int i = 0; i < 100; i++)
    assert_true(pl_peers_admit(peers, "a", 0, &retry));
  pl_peers_free(peers);
}

static void test_stream(void **state)
{
  (void)state;
  struct fixture f;
  start(&f, &(struct pl_web_cfg){.plain = true, .streams = 1});
  static const char GET[] = "GET /redfish/v1/EventService/SSE HTTP/1.1\r\nHost: x\r\nX-Auth-Token: t\r\n\r\n";
  assert_int_equal(ask(&f, "GET /redfish/v1/EventService/SSE HTTP/1.1\r\nHost: x\r\n\r\n"), 401);
  assert_non_null(strstr(answer, "WWW-Authenticate: Basic"));
  int fd = dial(&f);
  tell(fd, GET, sizeof GET - 1);
  hear(fd, answer, sizeof answer, "id: 3\n", true);
  assert_non_null(strstr(answer, "Content-Type: text/event-stream\r\n"));
  assert_non_null(strstr(answer, "Cache-Control: no-store\r\n"));
  assert_true(strstr(answer, "id: 1\ndata: {}\n\n") < strstr(answer, "id: 2\ndata: {}\n\n"));
  refused(&f, GET, 503, "EventSubscriptionLimitExceeded");
  assert_non_null(strstr(answer, "Retry-After: 30"));
  pl_time_ns before = pl_clock_now(f.stack.clock);
  struct pl_clock *clock = f.stack.clock;
  pl_web_stop(f.web); /* ends the stream */
  assert_true(pl_clock_now(clock) - before < 5 * PL_S);
  while (recv(fd, answer, sizeof answer, 0) > 0)
    ;
  close(fd);
  pl_clock_free(clock);
  rmdir(f.folder);
}

static void test_page_files(void **state)
{
  (void)state;
  struct fixture f;
  start(&f, &(struct pl_web_cfg){.plain = true});
  static const char *const FILES[][2] = {{"/", "text/html"}, {"/page.css", "text/css"}, {"/page.js", "text/javascript"}, {"/favicon.svg", "image/svg+xml"}};
  for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
    char text[300], tag[64];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", FILES[i][0]);
    assert_int_equal(ask(&f, text), 200);
    assert_non_null(strstr(answer, FILES[i][1]));
    const char *at = strstr(answer, "ETag: ");
    assert_non_null(at);
    snprintf(tag, sizeof tag, "%.*s", (int)strcspn(at + 6, "\r"), at + 6);
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\nIf-None-Match: %s\r\n\r\n", FILES[i][0], tag);
    assert_int_equal(ask(&f, text), 304);
  }
  end(&f);
}

/* A TLS client that offers no more than `highest`. Returns the whole answer's size, 0 when there is no handshake. */
static int ask_tls(const struct fixture *f, int highest, char fingerprint[65])
{
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_security_level(ctx, 0); /* the client would, the server must not */
  SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(ctx, highest);
  SSL *ssl = SSL_new(ctx);
  int fd = dial(f), n = 0;
  SSL_set_fd(ssl, fd);
  fingerprint[0] = '\0';
  if (SSL_connect(ssl) == 1) {
    unsigned char digest[32];
    X509 *x509 = SSL_get1_peer_certificate(ssl);
    X509_digest(x509, EVP_sha256(), digest, NULL);
    for (size_t i = 0; i < 32; i++)
      snprintf(fingerprint + 2 * i, 3, "%02x", digest[i]);
    assert_int_equal(X509_check_host(x509, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(x509, "127.0.0.1", 0), 1);
    X509_free(x509);
    static const char GET[] = "GET /redfish/v1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    SSL_write(ssl, GET, sizeof GET - 1);
    for (int got = 1; got > 0 && n < (int)sizeof answer - 1; n += got > 0 ? got : 0)
      got = SSL_read(ssl, answer + n, (int)sizeof answer - 1 - n);
    answer[n] = '\0';
  }
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  close(fd);
  return n;
}

static void test_tls(void **state)
{
  (void)state;
  struct fixture f;
  start(&f, &(struct pl_web_cfg){0});
  char fingerprint[65];
  assert_memory_equal(pl_web_url(f.web), "https://", 8);
  for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
    assert_true(ask_tls(&f, version, fingerprint) > 0);
    assert_string_equal(fingerprint, pl_web_fingerprint(f.web));
    assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
    assert_non_null(strstr(answer, "Strict-Transport-Security: max-age="));
    assert_non_null(strstr(answer, "\"encrypted\":true"));
  }
  assert_int_equal(ask_tls(&f, TLS1_1_VERSION, fingerprint), 0);
  int fd = dial(&f);
  static const char PLAIN[] = "GET / HTTP/1.1\r\n\r\n";
  tell(fd, PLAIN, sizeof PLAIN - 1);
  hear(fd, answer, sizeof answer, "never", false);
  assert_null(strstr(answer, "HTTP/1.1 200")); /* plain http is no way in */
  close(fd);
  end(&f);
}

static void test_certificate(void **state)
{
  (void)state;
  char folder[] = "/tmp/rackd-cert-XXXXXX", first[65], path[64];
  assert_non_null(mkdtemp(folder));
  struct pl_certificate c;
  struct pl_err err = {0};
  struct stat st;
  int64_t now = 1800000000, day = 86400;
  snprintf(path, sizeof path, "%s/rackd.pem", folder);
  assert_int_equal(pl_certificate_ready(folder, NULL, now, &c, &err), PL_OK);
  assert_true(c.made);
  assert_string_equal(c.path, path);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  memcpy(first, c.fingerprint, sizeof first);
  assert_int_equal(pl_certificate_ready(folder, NULL, now + 800 * day, &c, &err), PL_OK);
  assert_false(c.made);
  assert_string_equal(c.fingerprint, first); /* a client that knows it goes on knowing it */
  assert_int_equal(pl_certificate_ready(folder, NULL, now + 900 * day, &c, &err), PL_OK);
  assert_true(c.made);
  assert_string_not_equal(c.fingerprint, first);
  assert_int_equal(chmod(path, 0640), 0);
  assert_int_equal(pl_certificate_ready(folder, NULL, now, &c, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "can be read by others (mode 640); chmod 600"));
  assert_int_equal(chmod(path, 0600), 0);
  assert_int_equal(truncate(path, 100), 0);
  assert_int_equal(pl_certificate_ready(folder, NULL, now, &c, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "not a private key and a certificate in PEM"));
  unlink(path);
  rmdir(folder);
  assert_int_equal(pl_certificate_ready(folder, NULL, now, &c, &err), PL_E_IO);
}

static void test_listen(void **state)
{
  (void)state;
  static const struct {
    const char *listen, *sentence;
  } BAD[] = {
    {"0.0.0.0:0", "plain http is for this machine alone (--listen 127.0.0.1:PORT), and '0.0.0.0:0' is not; leave out --plain"},
    {"[::]:0", "plain http is for this machine alone (--listen 127.0.0.1:PORT), and '[::]:0' is not; leave out --plain"},
    {"127.0.0.1", "--listen 127.0.0.1: an address and a port are needed, as in 127.0.0.1:8443 or [::1]:8443"},
    {"127.0.0.1:99999", "--listen 127.0.0.1:99999: an address and a port are needed, as in 127.0.0.1:8443 or [::1]:8443"},
    {"127.0.0.1:80x", "--listen 127.0.0.1:80x: an address and a port are needed, as in 127.0.0.1:8443 or [::1]:8443"},
    {"rack.example:1", "--listen rack.example:1: 'rack.example' is not an address of this machine in numbers (0.0.0.0 or [::] for all of them), nor localhost"},
  };
  struct pl_stack stack = {0};
  struct pl_err err = {0};
  struct pl_web *web = NULL;
  assert_int_equal(pl_clock_new_real(&stack.clock, &err), PL_OK);
  for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
    assert_int_equal(pl_web_start(&stack, &(struct pl_web_cfg){.listen = BAD[i].listen, .plain = true, .folder = "/tmp"}, &web, &err), PL_E_USAGE);
    assert_string_equal(err.text, BAD[i].sentence);
    assert_null(web);
  }
  struct fixture f;
  start(&f, &(struct pl_web_cfg){.plain = true});
  char taken[32];
  snprintf(taken, sizeof taken, "127.0.0.1:%u", f.port);
  assert_int_equal(pl_web_start(&stack, &(struct pl_web_cfg){.listen = taken, .plain = true, .folder = "/tmp"}, &web, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "another program may have the port"));
  end(&f);
  pl_clock_free(stack.clock);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_answers), cmocka_unit_test(test_keeps_open), cmocka_unit_test(test_bodies), cmocka_unit_test(test_large), cmocka_unit_test(test_refuses),
    cmocka_unit_test(test_rate), cmocka_unit_test(test_peers), cmocka_unit_test(test_stream), cmocka_unit_test(test_page_files), cmocka_unit_test(test_tls),
    cmocka_unit_test(test_certificate), cmocka_unit_test(test_listen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

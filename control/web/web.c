/* SPDX-License-Identifier: Apache-2.0 */
#include "control/web/web.h"

#include "control/web/certificate.h"
#include "control/web/openssl.h"
#include "control/web/serve.h"
#include "control/web/tls.h"
#include "drivers/base/thread.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

struct pl_web {
  struct pl_stack *stack;
  struct pl_serve serve;
  struct mg_context *context;
  struct pl_certificate certificate;
  char host[64]; /* as it is written in a URL: "[::1]" */
  char address[64];
  unsigned port;
  bool loopback;
  char url[128];
  atomic_bool stopped;
};

/* "127.0.0.1:8443", "[::1]:0", "localhost:8443": a numeric address, so that what is listened on is what was read here. */
static enum pl_status read_listen(struct pl_web *web, const char *text, struct pl_err *err)
{
  const char *colon = strrchr(text, ':');
  size_t n = colon ? (size_t)(colon - text) : 0;
  char *end = NULL;
  unsigned long port = colon && isdigit((unsigned char)colon[1]) ? strtoul(colon + 1, &end, 10) : 65536;
  if (!n || n >= sizeof web->host || port > 65535 || (end && *end))
    return pl_fail(err, PL_E_USAGE, "--listen %s: an address and a port are needed, as in 127.0.0.1:8443 or [::1]:8443", text);
  snprintf(web->host, sizeof web->host, "%.*s", (int)n, text);
  if (!strcmp(web->host, "localhost"))
    snprintf(web->host, sizeof web->host, "127.0.0.1");
  web->port = (unsigned)port;
  bool brackets = web->host[0] == '[' && web->host[strlen(web->host) - 1] == ']';
  snprintf(web->address, sizeof web->address, "%.*s", (int)(strlen(web->host) - (brackets ? 2 : 0)), web->host + (brackets ? 1 : 0));
  struct in_addr four;
  struct in6_addr six;
  if (!brackets && inet_pton(AF_INET, web->address, &four) == 1)
    web->loopback = ntohl(four.s_addr) >> 24 == 127;
  else if (brackets && inet_pton(AF_INET6, web->address, &six) == 1)
    web->loopback = IN6_IS_ADDR_LOOPBACK(&six);
  else
    return pl_fail(err, PL_E_USAGE, "--listen %s: '%s' is not an address of this machine in numbers (0.0.0.0 or [::] for all of them), nor localhost", text, web->host);
  return PL_OK;
}

/* Complaints while it starts say why it cannot; later ones are about peers that behave badly, which the answers to them say. None on standard error. */
static int hear(const struct mg_connection *conn, const char *message)
{
  struct pl_serve *serve = mg_get_user_data(mg_get_context(conn));
  if (!atomic_load(&serve->started))
    snprintf(serve->said, sizeof serve->said, "%s", message);
  return 1;
}

static int hook(void *ssl_ctx, void *user_data)
{
  const struct pl_serve *serve = user_data;
  pl_tls_hook(serve->tls, ssl_ctx);
  return 0; /* civetweb goes on with the certificate's file itself */
}

static enum pl_status start_server(struct pl_web *web, unsigned threads, struct pl_err *err)
{
  char ports[80], workers[16], read_max[16], header_time[16], idle_time[16];
  snprintf(ports, sizeof ports, "%s:%u%s", web->host, web->port, web->serve.plain ? "" : "s");
  snprintf(workers, sizeof workers, "%u", threads);
  snprintf(read_max, sizeof read_max, "%d", PL_WEB_READ_MAX);
  snprintf(header_time, sizeof header_time, "%d", PL_WEB_HEADER_TIME_MS);
  snprintf(idle_time, sizeof idle_time, "%d", PL_WEB_IDLE_TIME_MS);
  const char *options[] = {"listening_ports", ports, "num_threads", workers, "max_request_size", read_max, "request_timeout_ms", header_time,
                           "enable_keep_alive", "yes", "keep_alive_timeout_ms", idle_time, "tcp_nodelay", "1", "decode_url", "no", "connection_queue", "256",
                           "listen_backlog", "256", "enable_auth_domain_check", "no", "enable_directory_listing", "no",
                           "ssl_protocol_version", "4" /* 1.2 and up */, "ssl_cipher_list", PL_TLS_CIPHERS, web->serve.plain ? NULL : "ssl_certificate",
                           web->certificate.path, NULL};
  struct mg_callbacks callbacks = {.begin_request = pl_serve_request, .http_error = pl_serve_error, .log_message = hear, .init_ssl = hook};
  sigset_t all, before; /* signals are the loop's */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  web->context = mg_start(&callbacks, &web->serve, options);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (!web->context)
    return pl_fail(err, PL_E_USAGE, "cannot listen on %s:%u: %s; another program may have the port (--listen %s:0 takes any free one)", web->host, web->port,
                   web->serve.said[0] ? web->serve.said : "no reason told", web->host);
  atomic_store(&web->serve.started, true);
  struct mg_server_port port[1];
  if (mg_get_server_ports(web->context, 1, port) == 1)
    web->port = (unsigned)port[0].port;
  snprintf(web->url, sizeof web->url, "%s://%s:%u", web->serve.plain ? "http" : "https", web->host, web->port);
  return PL_OK;
}

static enum pl_status make_ready(struct pl_web *web, const struct pl_web_cfg *cfg, struct pl_err *err)
{
  enum pl_status status = read_listen(web, cfg->listen, err);
  if (status)
    return status;
  if (cfg->plain && !web->loopback)
    return pl_fail(err, PL_E_USAGE, "plain http is for this machine alone (--listen 127.0.0.1:PORT), and '%s' is not; leave out --plain", cfg->listen);
  if (cfg->plain)
    return PL_OK;
  if (!(mg_init_library(MG_FEATURES_TLS) & MG_FEATURES_TLS))
    return pl_fail(err, PL_E_UNSUPPORTED, "civetweb %s finds no TLS in %s; --plain serves without, on loopback", mg_version(), pl_openssl_version());
  int64_t now_s = pl_clock_wall_ns(web->stack->clock, pl_clock_now(web->stack->clock)) / PL_S;
  bool any = !strcmp(web->address, "0.0.0.0") || !strcmp(web->address, "::");
  status = pl_certificate_ready(cfg->folder, any || web->loopback ? NULL : web->address, now_s, &web->certificate, err);
  return status ? status : pl_tls_new(web->certificate.path, &web->serve.tls, err);
}

/* What the stack tells of its door is this one. */
static void show_door(const struct pl_web *web, bool open)
{
  struct pl_services *services = pl_services_of(web->stack);
  const struct pl_door door = {.https = !web->serve.plain, .port = web->port, .certificate = pl_tls_certificate, .replace = pl_tls_replace, .request = pl_tls_request,
                               .ctx = web->serve.tls};
  if (services)
    pl_services_set_door(services, open ? &door : NULL);
}

enum pl_status pl_web_start(struct pl_stack *stack, const struct pl_web_cfg *cfg, struct pl_web **out, struct pl_err *err)
{
  struct pl_web *web = calloc(1, sizeof *web);
  if (!web)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the web server");
  web->stack = stack;
  web->serve = (struct pl_serve){.clock = stack->clock, .plain = cfg->plain, .streams_max = cfg->streams ? cfg->streams : PL_WEB_STREAMS};
  web->serve.peers = pl_peers_new(cfg->rate, 4 * cfg->rate);
  enum pl_status status = web->serve.peers ? make_ready(web, cfg, err) : pl_fail(err, PL_E_NOMEM, "out of memory for the web server");
  if (!status)
    status = pl_gate_new(stack, &web->serve.gate, err);
  if (!status)
    status = start_server(web, (cfg->threads ? cfg->threads : PL_WEB_THREADS) + web->serve.streams_max, err);
  if (status) {
    pl_gate_free(web->serve.gate);
    pl_peers_free(web->serve.peers);
    pl_tls_free(web->serve.tls);
    free(web);
    return status;
  }
  show_door(web, true);
  *out = web;
  return PL_OK;
}

const char *pl_web_url(const struct pl_web *web)
{
  return web->url;
}

const char *pl_web_fingerprint(const struct pl_web *web)
{
  return web->serve.tls ? pl_tls_fingerprint(web->serve.tls) : "";
}

static void *stop(void *ctx)
{
  struct pl_web *web = ctx;
  mg_stop(web->context); /* waits for the threads */
  atomic_store(&web->stopped, true);
  pl_clock_wake(web->stack->clock);
  return NULL;
}

void pl_web_stop(struct pl_web *web)
{
  if (!web)
    return;
  atomic_store(&web->serve.stopping, true);
  pthread_t thread;
  bool aside = pl_thread_start(&thread, stop, web);
  if (!aside)
    stop(web);
  while (!atomic_load(&web->stopped)) /* requests that still run are answered by the loop */
    pl_clock_step(web->stack->clock, pl_clock_now(web->stack->clock) + 50 * PL_MS);
  if (aside)
    pthread_join(thread, NULL);
  show_door(web, false);
  pl_gate_free(web->serve.gate);
  pl_peers_free(web->serve.peers);
  pl_tls_free(web->serve.tls);
  free(web);
}

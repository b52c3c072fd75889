/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/modbus.h"
#include "drivers/bus/modbus_io.h"

#include <errno.h>
#include <modbus.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* "MODBUS Messaging on TCP/IP Implementation Guide V1.0b", section 3.1.3: transaction id, protocol id 0, length, unit id. */
#define HEADER 7
#define ADU_MAX (HEADER + PL_MODBUS_PDU_MAX)
#define OVERHEAD_NS (200 * PL_US) /* virtual time: both ways through two network stacks */
#define STALE_MAX 64              /* answers to others than the last request that are thrown away in one exchange */

struct tcp {
  struct pl_bus *bus;
  modbus_t *ctx;
  struct pl_lock *lock;
  char host[NI_MAXHOST], port[16], name[NI_MAXHOST + 24];
  pl_time_ns response_timeout, connect_timeout;
  uint16_t transaction;
  bool connected, is_twin;
};

static void disconnect(struct tcp *tcp)
{
  if (tcp->connected)
    modbus_close(tcp->ctx);
  tcp->connected = false;
}

/* A peer that vanished without a word (power cut) is noticed within half a minute, not after two hours. libmodbus sets TCP_NODELAY only. */
static void keep_alive(int fd)
{
  static const struct {
    int level, option, value;
  } OPTIONS[] = {{SOL_SOCKET, SO_KEEPALIVE, 1}, {IPPROTO_TCP, TCP_KEEPIDLE, 10}, {IPPROTO_TCP, TCP_KEEPINTVL, 5}, {IPPROTO_TCP, TCP_KEEPCNT, 3}};
  for (size_t i = 0; i < sizeof OPTIONS / sizeof OPTIONS[0]; i++)
    (void)setsockopt(fd, OPTIONS[i].level, OPTIONS[i].option, &OPTIONS[i].value, sizeof OPTIONS[i].value); /* a nicety: no reason to fail */
}

static enum pl_status make_connection(struct tcp *tcp, pl_time_ns deadline, struct pl_err *err)
{
  pl_time_ns left = deadline - pl_bus_now(tcp->bus);
  if (left > tcp->connect_timeout)
    left = tcp->connect_timeout;
  if (left < PL_MS)
    left = PL_MS;
  modbus_set_response_timeout(tcp->ctx, (uint32_t)(left / PL_S), (uint32_t)(left % PL_S / PL_US)); /* bounds modbus_connect's wait too */
  if (modbus_connect(tcp->ctx)) {
    if (errno == ETIMEDOUT)
      return pl_fail(err, PL_E_TIMEOUT, "%s did not take the connection within %lld ms", tcp->name, (long long)(left / PL_MS));
    return pl_fail(err, PL_E_GONE, "cannot connect to %s: %s", tcp->name, modbus_strerror(errno));
  }
  tcp->connected = true;
  keep_alive(modbus_get_socket(tcp->ctx));
  return PL_OK;
}

/* Own header, since modbus_send_raw_request leaves the transaction id at 0 and with it no stale answer could be told from the right one. */
static enum pl_status send_request(struct tcp *tcp, int fd, uint8_t unit, const uint8_t *request, size_t len, struct pl_err *err)
{
  uint8_t adu[ADU_MAX] = {0};
  uint16_t id = ++tcp->transaction;
  adu[0] = (uint8_t)(id >> 8);
  adu[1] = (uint8_t)id;
  adu[4] = (uint8_t)((len + 1) >> 8);
  adu[5] = (uint8_t)(len + 1);
  adu[6] = unit;
  memcpy(adu + HEADER, request, len);
  ssize_t n = send(fd, adu, HEADER + len, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n == (ssize_t)(HEADER + len))
    return PL_OK;
  if (n >= 0 || errno == EAGAIN)
    return pl_fail(err, PL_E_GONE, "%s takes no more requests; the connection is opened again at the next one", tcp->name);
  return pl_fail(err, PL_E_GONE, "the connection to %s broke: %s; it is opened again at the next request", tcp->name, strerror(errno));
}

static enum pl_status fill(struct tcp *tcp, struct pl_modbus_io *io, uint8_t *bytes, size_t *have, size_t want, pl_time_ns until, struct pl_err *err)
{
  while (*have < want) {
    size_t got;
    enum pl_status status = pl_modbus_io_read(io, bytes + *have, want - *have, until, *have > 0, &got, err);
    if (status == PL_E_TIMEOUT && *have)
      return pl_fail(err, PL_E_SHORT, "the answer of %s stopped after %zu bytes", tcp->name, *have);
    if (status == PL_E_GONE)
      pl_err_prefix(err, "%s", tcp->name);
    if (status)
      return status;
    *have += got;
  }
  return PL_OK;
}

/* One whole frame. Anything that is none ends the connection: in a stream there is no way to find the next frame's begin. */
static enum pl_status receive_frame(struct tcp *tcp, struct pl_modbus_io *io, uint8_t *frame, size_t *len, pl_time_ns until, struct pl_err *err)
{
  size_t have = 0;
  enum pl_status status = fill(tcp, io, frame, &have, HEADER, until, err);
  if (status)
    return status;
  size_t follow = (size_t)(frame[4] << 8 | frame[5]);
  if (frame[2] || frame[3] || follow < 2 || follow > 1 + PL_MODBUS_PDU_MAX)
    return pl_fail(err, PL_E_GARBAGE, "%s sent no Modbus frame (protocol id %d, length %zu)", tcp->name, frame[2] << 8 | frame[3], follow);
  *len = HEADER - 1 + follow;
  return fill(tcp, io, frame, &have, *len, until, err);
}

/* Answers to requests that were given up are thrown away by their transaction id. modbus_flush would do so too, but can cut a frame in two. */
static enum pl_status receive_answer(struct tcp *tcp, struct pl_modbus_io *io, uint8_t unit, uint8_t *frame, size_t *len, struct pl_err *err)
{
  pl_time_ns until = pl_modbus_io_now(io) + tcp->response_timeout;
  for (int i = 0; i < STALE_MAX; i++) {
    enum pl_status status = receive_frame(tcp, io, frame, len, until, err);
    if (status == PL_E_TIMEOUT)
      return pl_fail(err, PL_E_TIMEOUT, "unit %u at %s did not answer within %lld ms", unit, tcp->name, (long long)((pl_modbus_io_now(io) - io->at) / PL_MS));
    if (status) {
      disconnect(tcp);
      return status;
    }
    if ((frame[0] << 8 | frame[1]) == tcp->transaction)
      return PL_OK;
  }
  disconnect(tcp);
  return pl_fail(err, PL_E_GARBAGE, "%s sent %d answers to other requests", tcp->name, STALE_MAX);
}

static enum pl_status talk(struct tcp *tcp, struct pl_modbus_io *io, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *frame, size_t *len,
                           struct pl_err *err)
{
  enum pl_status status = send_request(tcp, io->fd, unit, request, request_len, err);
  if (status) {
    disconnect(tcp);
    return status;
  }
  pl_modbus_io_spend(io, OVERHEAD_NS);
  status = receive_answer(tcp, io, unit, frame, len, err);
  if (!status && frame[6] != unit)
    return pl_fail(err, PL_E_WRONG_UNIT, "unit %u answered at %s, unit %u was asked", frame[6], tcp->name, unit);
  return status;
}

static enum pl_status tcp_exchange(void *self, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *answer, size_t answer_room,
                                   size_t *answer_len, pl_time_ns deadline, pl_time_ns *wire_ns, struct pl_err *err)
{
  struct tcp *tcp = self;
  enum pl_status status = tcp->connected ? PL_OK : make_connection(tcp, deadline, err);
  if (status)
    return status;
  uint8_t frame[ADU_MAX];
  size_t len = 0;
  struct pl_modbus_io io;
  pl_modbus_io_begin(&io, tcp->bus, modbus_get_socket(tcp->ctx), deadline);
  io.is_stream = true;
  status = talk(tcp, &io, unit, request, request_len, frame, &len, err);
  *wire_ns = io.spent;
  if (status)
    return status;
  if (len - HEADER > answer_room)
    return pl_fail(err, PL_E_GARBAGE, "the answer of unit %u at %s has %zu bytes, there is room for %zu", unit, tcp->name, len - HEADER, answer_room);
  *answer_len = len - HEADER;
  memcpy(answer, frame + HEADER, *answer_len);
  return PL_OK;
}

static void tcp_close(void *self)
{
  struct tcp *tcp = self;
  disconnect(tcp);
  if (tcp->ctx)
    modbus_free(tcp->ctx);
  pl_lock_release(tcp->lock);
  free(tcp);
}

/* "host", "host:port", "[v6]:port"; a port in the text is stronger than the port param. */
static enum pl_status split(const char *endpoint, int64_t port, char *host, size_t host_size, char *service, size_t service_size, struct pl_err *err)
{
  const char *end = endpoint[0] == '[' ? strchr(endpoint, ']') : NULL;
  const char *from = end ? endpoint + 1 : endpoint;
  const char *colon = end ? (end[1] == ':' ? end + 1 : NULL) : strrchr(endpoint, ':');
  if (!end && colon && strchr(endpoint, ':') != colon)
    colon = NULL; /* a bare IPv6 address */
  size_t len = end ? (size_t)(end - from) : colon ? (size_t)(colon - from) : strlen(from);
  if (!len || len >= host_size || (end && end[1] && end[1] != ':'))
    return pl_fail(err, PL_E_USAGE, "'%s' is no host, expected an address or name with or without :port, as 192.168.1.20:502", endpoint);
  memcpy(host, from, len);
  host[len] = '\0';
  if (colon) {
    char *rest;
    errno = 0;
    long given = strtol(colon + 1, &rest, 10);
    if (colon[1] < '0' || colon[1] > '9' || *rest || errno || given < 1 || given > 65535)
      return pl_fail(err, PL_E_USAGE, "'%s' has no port from 1 to 65535 after the colon", endpoint);
    port = given;
  }
  snprintf(service, service_size, "%lld", (long long)port);
  return PL_OK;
}

/* Names are looked up here, once (the resolver has its own time-out), so that a job never waits for a name server. */
static enum pl_status look_up(struct tcp *tcp, const char *host, struct pl_err *err)
{
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
  struct addrinfo *found = NULL;
  int rc = getaddrinfo(host, tcp->port, &hints, &found);
  if (!rc)
    rc = getnameinfo(found->ai_addr, found->ai_addrlen, tcp->host, sizeof tcp->host, NULL, 0, NI_NUMERICHOST);
  if (found)
    freeaddrinfo(found);
  if (rc)
    return pl_fail(err, PL_E_IO, "cannot find the host '%s': %s", host, gai_strerror(rc));
  snprintf(tcp->name, sizeof tcp->name, strchr(tcp->host, ':') ? "[%s]:%s" : "%s:%s", tcp->host, tcp->port);
  return PL_OK;
}

static enum pl_status take_lock(struct tcp *tcp, const char *segment, struct pl_err *err)
{
  char key[sizeof tcp->name + 48];
  snprintf(key, sizeof key, "%s%s%.40s", tcp->name, segment ? ", segment " : "", segment ? segment : "");
  return pl_lock_take(key, &tcp->lock, err);
}

static enum pl_status prepare(struct tcp *tcp, const struct pl_adapter_args *args, struct pl_err *err)
{
  const char *endpoint;
  char host[NI_MAXHOST];
  enum pl_status status = pl_modbus_endpoint(tcp->bus, args, pl_value(args->values, "host")->text, &endpoint, &tcp->is_twin, err);
  if (!status)
    status = split(endpoint, pl_value(args->values, "port")->number, host, sizeof host, tcp->port, sizeof tcp->port, err);
  if (!status)
    status = look_up(tcp, host, err);
  if (!status && tcp->is_twin)
    snprintf(tcp->name, sizeof tcp->name, PL_MODBUS_TWIN_NAME);
  if (!status && !tcp->is_twin) /* the twin is this very process's own */
    status = take_lock(tcp, pl_value(args->values, "segment")->text, err);
  if (status)
    return status;
  tcp->ctx = modbus_new_tcp_pi(tcp->host, tcp->port); /* the _pi kind takes IPv6 too */
  return tcp->ctx ? PL_OK : pl_fail(err, PL_E_NOMEM, "libmodbus cannot make a context for %s: %s", tcp->name, modbus_strerror(errno));
}

/* The virtual rack's server stands for a serial line in a rehearsal; a real gateway sets its lines itself. */
static enum pl_status tcp_set_line(void *self, uint8_t unit, const struct pl_modbus_line *line, struct pl_err *err)
{
  (void)line;
  const struct tcp *tcp = self;
  if (tcp->is_twin)
    return PL_OK;
  return pl_fail(err, PL_E_UNSUPPORTED, "unit %u at %s is behind a TCP connection: a gateway sets the baud rate and parity of its lines itself", unit, tcp->name);
}

static const struct pl_modbus_ops TCP_OPS = {.exchange = tcp_exchange, .set_line = tcp_set_line};

static enum pl_status tcp_open(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  struct tcp *tcp = calloc(1, sizeof *tcp);
  if (!tcp)
    return pl_fail(err, PL_E_NOMEM, "out of memory for bus %s", args->bus_name);
  tcp->bus = bus;
  tcp->response_timeout = pl_modbus_duration(args, "response-timeout");
  tcp->connect_timeout = pl_modbus_duration(args, "connect-timeout");
  enum pl_status status = prepare(tcp, args, err);
  if (status) {
    tcp_close(tcp);
    return status;
  }
  pl_bus_attach(bus, &TCP_OPS, tcp, tcp_close, false); /* in virtual time the twin's delay is charged; in real time it passes */
  return PL_OK;
}

static const struct pl_param TCP_PARAMS[] = {
    {.name = "host", .help = "address or name, with or without :port; or the word twin", .kind = PL_PARAM_TEXT, .required = true},
    {.name = "port", .help = "TCP port, unless host names one", .kind = PL_PARAM_INT, .fallback = "502", .min = 1, .max = 65535},
    {.name = "segment", .help = "which units behind a gateway: another program may have its other segments", .kind = PL_PARAM_TEXT},
    {.name = "response-timeout",
     .help = "longest wait for an answer",
     .kind = PL_PARAM_QUANTITY,
     .dim = PL_DIM_TIME,
     .fallback = "500 ms",
     .min = 1000,
     .max = 60 * PL_U},
    {.name = "connect-timeout",
     .help = "longest wait for the connection",
     .kind = PL_PARAM_QUANTITY,
     .dim = PL_DIM_TIME,
     .fallback = "2 s",
     .min = 1000,
     .max = 60 * PL_U},
};

extern const struct pl_adapter_desc pl_adapter_modbus_tcp;
const struct pl_adapter_desc pl_adapter_modbus_tcp = {
    .name = "modbus-tcp",
    .about = "Modbus TCP through libmodbus: one connection, opened again when the peer closed it",
    .maturity = PL_BETA,
    .kind = PL_BUS_MODBUS,
    .params = TCP_PARAMS,
    .n_params = sizeof TCP_PARAMS / sizeof TCP_PARAMS[0],
    .open = tcp_open,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/conformance.h"
#include "drivers/bus/modbus_test.h"

#include <arpa/inet.h>
#include <modbus.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

extern const struct pl_adapter_desc pl_adapter_modbus_tcp;

/* What the server does with its next request (then it is well again). */
enum trick {
  WELL,
  MUTE,           /* keeps the answer until told to let it go */
  LATE_FIRST,     /* sends the answer that it kept, then the right one */
  WRONG_UNIT,
  WRONG_FUNCTION,
  WRONG_PROTOCOL,
  WRONG_LENGTH,
  CUT,            /* half an answer */
  IN_PIECES,      /* byte by byte */
  HANG_UP,
  FLOOD,          /* answers to requests that nobody made */
};

struct server {
  int listener, client, stop;
  uint16_t port;
  atomic_int trick, connections, requests;
  pthread_t thread;
  uint8_t kept[300];
  size_t kept_len;
  uint8_t last_transaction[2];
};

static int listen_anywhere(uint16_t *port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(fd, 4), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
  *port = ntohs(address.sin_port);
  return fd;
}

static void send_all(int fd, const uint8_t *bytes, size_t len)
{
  if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
    print_message("the client went away\n");
}

static void play(struct server *s, enum trick trick, uint8_t *adu, size_t len)
{
  switch (trick) {
  case MUTE:
    memcpy(s->kept, adu, len);
    s->kept_len = len;
    return;
  case LATE_FIRST: send_all(s->client, s->kept, s->kept_len); break;
  case WRONG_UNIT: adu[6]++; break;
  case WRONG_FUNCTION: adu[7] = 4; break;
  case WRONG_PROTOCOL: adu[3] = 7; break;
  case WRONG_LENGTH: adu[4] = 9; break;
  case CUT: len /= 2; break;
  case IN_PIECES:
    for (; len > 1; len--)
      send_all(s->client, adu++, 1);
    break;
  case FLOOD:
    adu[0] ^= 0x40;
    for (int i = 0; i < 80; i++)
      send_all(s->client, adu, len);
    return;
  case HANG_UP:
    shutdown(s->client, SHUT_RDWR);
    return;
  case WELL: break;
  }
  send_all(s->client, adu, len);
}

/* One request of the client; false when it left. */
static bool serve_one(struct server *s)
{
  uint8_t request[300], answer[300] = {0};
  if (recv(s->client, request, 7, MSG_WAITALL) != 7)
    return false;
  size_t len = (size_t)(request[4] << 8 | request[5]) - 1;
  if (recv(s->client, request + 7, len, MSG_WAITALL) != (ssize_t)len)
    return false;
  atomic_fetch_add(&s->requests, 1);
  memcpy(answer, request, 7);
  size_t out = answer_pdu(request[6], request + 7, len, answer + 7);
  answer[4] = 0;
  answer[5] = (uint8_t)(out + 1);
  play(s, (enum trick)atomic_exchange(&s->trick, WELL), answer, 7 + out);
  return true;
}

static void *serve(void *ctx)
{
  struct server *s = ctx;
  for (;;) {
    struct pollfd fds[] = {{.fd = s->stop, .events = POLLIN}, {.fd = s->client >= 0 ? s->client : s->listener, .events = POLLIN}};
    if (poll(fds, 2, 20000) <= 0 || fds[0].revents)
      break;
    if (s->client < 0) {
      s->client = accept(s->listener, NULL, NULL);
      atomic_fetch_add(&s->connections, 1);
    } else if (!serve_one(s)) {
      close(s->client);
      s->client = -1;
    }
  }
  if (s->client >= 0)
    close(s->client);
  return NULL;
}

static void start_server(struct server *s)
{
  *s = (struct server){.client = -1};
  s->listener = listen_anywhere(&s->port);
  s->stop = eventfd(0, EFD_CLOEXEC);
  assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop_server(struct server *s)
{
  uint64_t one = 1;
  assert_int_equal(write(s->stop, &one, sizeof one), sizeof one);
  pthread_join(s->thread, NULL);
  close(s->listener);
  close(s->stop);
}

static void open_real(struct rig *rig, uint16_t port, const char *response_timeout)
{
  char host[64];
  snprintf(host, sizeof host, "127.0.0.1:%u", port);
  const struct pair pairs[] = {{"host", host}, {"response-timeout", response_timeout}};
  *rig = (struct rig){.bus = NULL};
  assert_int_equal(pl_clock_new_real(&rig->clock, &rig->err), PL_OK);
  if (open_bus(rig, &pl_adapter_modbus_tcp, false, pairs, 2))
    fail_msg("%s", rig->err.text);
}

static void every_unit_answers(void **state)
{
  (void)state;
  struct server s;
  struct rig rig;
  start_server(&s);
  open_real(&rig, s.port, "5 s");
  for (int unit = 1; unit <= 255; unit++)
    assert_reads(&rig, (uint8_t)unit, 7);
  assert_int_equal(s.connections, 1);
  assert_int_equal(s.requests, 255);
  close_rig(&rig);
  stop_server(&s);
}

static void long_answers_and_file_records_are_whole(void **state)
{
  (void)state;
  struct server s;
  struct rig rig;
  start_server(&s);
  open_real(&rig, s.port, "5 s");
  struct call c = {.function = 3, .unit = 3, .address = 10, .count = 125};
  assert_int_equal(call_within(&rig, &c, 5 * PL_S), PL_OK);
  assert_int_equal(c.values[124], 300 + 10 + 124);
  struct call file = {.function = 20, .unit = 3, .address = 9, .count = 124};
  assert_int_equal(call_within(&rig, &file, 5 * PL_S), PL_OK);
  assert_int_equal(file.values[0], 4 << 8 | 9);
  assert_int_equal(file.values[123], 4 << 8 | (9 + 123));
  struct call write_many = {.function = 16, .unit = 3, .address = 9, .count = 123};
  assert_int_equal(call_within(&rig, &write_many, 5 * PL_S), PL_OK);
  struct call identify = {.function = 0x2b, .unit = 3};
  assert_int_equal(call_within(&rig, &identify, 5 * PL_S), PL_OK);
  assert_int_equal(identify.count, 12);
  atomic_store(&s.trick, IN_PIECES);
  assert_reads(&rig, 3, 77);
  struct call refused = {.function = 3, .unit = 3, .address = 2000, .count = 1};
  assert_int_equal(call_within(&rig, &refused, 5 * PL_S), PL_E_EXCEPTION);
  assert_non_null(strstr(rig.err.text, "illegal data address"));
  close_rig(&rig);
  stop_server(&s);
}

static void a_bad_answer_is_an_error_and_the_next_request_works(void **state)
{
  (void)state;
  static const struct {
    enum trick trick;
    enum pl_status status;
    const char *text;
    int reconnects;
  } ROWS[] = {
      {WRONG_UNIT, PL_E_WRONG_UNIT, "unit 10 answered at 127.0.0.1:", 0},
      {WRONG_FUNCTION, PL_E_GARBAGE, "with function 0x04", 0},
      {WRONG_PROTOCOL, PL_E_GARBAGE, "sent no Modbus frame (protocol id 7", 1},
      {WRONG_LENGTH, PL_E_GARBAGE, "sent no Modbus frame", 1},
      {CUT, PL_E_SHORT, "stopped after 5 bytes", 1},
      {FLOOD, PL_E_GARBAGE, "sent 64 answers to other requests", 1},
      {HANG_UP, PL_E_GONE, "the other end closed the port", 1},
  };
  struct server s;
  struct rig rig;
  start_server(&s);
  open_real(&rig, s.port, "200 ms");
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    uint16_t value = 0xdead;
    assert_reads(&rig, 9, 1);
    int before = atomic_load(&s.connections);
    atomic_store(&s.trick, ROWS[i].trick);
    assert_int_equal(read_one(&rig, 9, 2, &value), ROWS[i].status);
    if (!strstr(rig.err.text, ROWS[i].text))
      fail_msg("'%s' is not in: %s", ROWS[i].text, rig.err.text);
    assert_int_equal(value, 0);
    assert_reads(&rig, 9, 3);
    assert_int_equal(atomic_load(&s.connections) - before, ROWS[i].reconnects);
  }
  close_rig(&rig);
  stop_server(&s);
}

static void a_late_answer_is_never_taken_for_the_next(void **state)
{
  (void)state;
  struct server s;
  struct rig rig;
  start_server(&s);
  open_real(&rig, s.port, "60 ms");
  uint16_t value;
  atomic_store(&s.trick, MUTE);
  assert_int_equal(read_one(&rig, 9, 500, &value), PL_E_TIMEOUT);
  assert_non_null(strstr(rig.err.text, "unit 9 at 127.0.0.1:"));
  atomic_store(&s.trick, LATE_FIRST);
  assert_reads(&rig, 9, 3);
  assert_reads(&rig, 9, 4);
  assert_int_equal(s.connections, 1);
  close_rig(&rig);
  stop_server(&s);
}

static void the_deadline_of_the_job_is_kept(void **state)
{
  (void)state;
  struct server s;
  struct rig rig;
  start_server(&s);
  open_real(&rig, s.port, "30 s");
  atomic_store(&s.trick, MUTE);
  struct call c = {.function = 3, .unit = 9, .count = 1};
  pl_time_ns start = pl_clock_now(rig.clock);
  assert_int_equal(call_within(&rig, &c, 40 * PL_MS), PL_E_TIMEOUT);
  assert_true(pl_clock_now(rig.clock) - start >= 40 * PL_MS);
  assert_true(pl_clock_now(rig.clock) - start < 10 * PL_S);
  close_rig(&rig);
  stop_server(&s);
}

static void nobody_listens(void **state)
{
  (void)state;
  struct server s;
  struct rig rig;
  start_server(&s);
  stop_server(&s);
  open_real(&rig, s.port, "1 s"); /* the rack may be switched on later */
  uint16_t value;
  assert_int_equal(read_one(&rig, 9, 3, &value), PL_E_GONE);
  assert_non_null(strstr(rig.err.text, "cannot connect to 127.0.0.1:"));
  close_rig(&rig);
}

static void one_program_one_bus(void **state)
{
  (void)state;
  struct rig rig, second = {.bus = NULL};
  open_real(&rig, 65000, "1 s"); /* nothing is sent to it */
  assert_int_equal(pl_clock_new_real(&second.clock, &second.err), PL_OK);
  const struct pair pairs[] = {{"host", "127.0.0.1:65000"}};
  assert_int_equal(open_bus(&second, &pl_adapter_modbus_tcp, false, pairs, 1), PL_E_LOCKED);
  assert_non_null(strstr(second.err.text, "127.0.0.1:65000 is held by process"));
  const struct pair other[] = {{"host", "127.0.0.1:65000"}, {"segment", "nodes"}};
  struct rig third = {.bus = NULL}, fourth = third;
  assert_int_equal(pl_clock_new_real(&third.clock, &third.err), PL_OK);
  assert_int_equal(pl_clock_new_real(&fourth.clock, &fourth.err), PL_OK);
  assert_int_equal(open_bus(&third, &pl_adapter_modbus_tcp, false, other, 2), PL_OK); /* other units of the same gateway */
  assert_int_equal(open_bus(&fourth, &pl_adapter_modbus_tcp, false, other, 2), PL_E_LOCKED);
  assert_non_null(strstr(fourth.err.text, "127.0.0.1:65000, segment nodes is held by process"));
  close_rig(&third);
  close_rig(&fourth);
  close_rig(&rig);
  assert_int_equal(open_bus(&second, &pl_adapter_modbus_tcp, false, pairs, 1), PL_OK);
  close_rig(&second);
}

static void bad_hosts_are_refused(void **state)
{
  (void)state;
  static const char *const HOSTS[] = {"127.0.0.1:0", "127.0.0.1:66000", "127.0.0.1:5x", ":502", "[::1", "[::1]x", "twin"};
  struct rig rig = {.bus = NULL};
  assert_int_equal(pl_clock_new_real(&rig.clock, &rig.err), PL_OK);
  for (size_t i = 0; i < sizeof HOSTS / sizeof HOSTS[0]; i++) {
    const struct pair pairs[] = {{"host", HOSTS[i]}};
    enum pl_status status = open_bus(&rig, &pl_adapter_modbus_tcp, false, pairs, 1);
    if (strcmp(HOSTS[i], "[::1"))
      assert_int_equal(status, PL_E_USAGE);
    else
      assert_int_equal(status, PL_E_IO); /* no such host */
  }
  pl_clock_free(rig.clock);
  assert_int_equal(pl_clock_new_virtual(0, &rig.clock, &rig.err), PL_OK);
  const struct pair real[] = {{"host", "127.0.0.1:502"}};
  assert_int_equal(open_bus(&rig, &pl_adapter_modbus_tcp, false, real, 1), PL_E_USAGE);
  assert_non_null(strstr(rig.err.text, "virtual time"));
  pl_clock_free(rig.clock);
}

/* --- libmodbus' own server --- */

struct reference {
  modbus_t *ctx;
  modbus_mapping_t *mapping;
  int listener;
  pthread_t thread;
};

static void *serve_reference(void *arg)
{
  struct reference *r = arg;
  uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
  if (modbus_tcp_accept(r->ctx, &r->listener) < 0)
    return NULL;
  for (int n; (n = modbus_receive(r->ctx, request)) >= 0;)
    if (n > 0 && modbus_reply(r->ctx, request, n, r->mapping) < 0)
      break;
  return NULL;
}

static void the_adapter_conforms_against_libmodbus(void **state)
{
  (void)state;
  struct reference r;
  struct sockaddr_in address;
  socklen_t len = sizeof address;
  r.ctx = modbus_new_tcp("127.0.0.1", 0);
  r.mapping = modbus_mapping_new(0, 0, 200, 0);
  assert_true(r.ctx && r.mapping);
  r.listener = modbus_tcp_listen(r.ctx, 1);
  assert_int_equal(getsockname(r.listener, (struct sockaddr *)&address, &len), 0);
  for (int i = 0; i < 200; i++)
    r.mapping->tab_registers[i] = (uint16_t)(7 * i);
  assert_int_equal(pthread_create(&r.thread, NULL, serve_reference, &r), 0);
  struct rig rig;
  open_real(&rig, ntohs(address.sin_port), "5 s");
  struct pl_bus_conformance report = {.fail = tell};
  const struct pl_conformance_modbus target = {
      .unit = 250, .stable_address = 10, .stable_count = 20, .writable_address = 100, .illegal_address = 300};
  assert_int_equal(pl_conformance_modbus(rig.bus, &target, &report), 0);
  assert_true(report.checks >= 16);
  struct call c = {.function = 3, .unit = 1, .address = 10, .count = 2};
  assert_int_equal(call_within(&rig, &c, 5 * PL_S), PL_OK);
  assert_int_equal(c.values[1], 77);
  close_rig(&rig);
  pthread_join(r.thread, NULL);
  close(r.listener);
  modbus_close(r.ctx);
  modbus_free(r.ctx);
  modbus_mapping_free(r.mapping);
}

/* --- virtual time: the server is a peer of the clock --- */

struct twin {
  struct server s; /* without its thread */
  pl_time_ns delay;
  struct pl_peer peer;
};

static enum pl_status pump(void *ctx, pl_time_ns budget_ns, pl_time_ns *delay_ns, struct pl_err *err)
{
  struct twin *t = ctx;
  if (t->s.client < 0)
    t->s.client = accept(t->s.listener, NULL, NULL);
  if (t->delay > budget_ns) {
    atomic_store(&t->s.trick, MUTE);
    serve_one(&t->s);
    return pl_fail(err, PL_E_TIMEOUT, "later");
  }
  if (!serve_one(&t->s))
    return pl_fail(err, PL_E_GONE, "the client left");
  *delay_ns = t->delay;
  return PL_OK;
}

static void virtual_time_charges_the_twins_delay(void **state)
{
  (void)state;
  struct twin t = {.s = {.client = -1}, .delay = 7 * PL_MS, .peer = {.pump = pump}};
  struct rig rig = {.bus = NULL};
  t.peer.ctx = &t;
  t.s.listener = listen_anywhere(&t.s.port);
  snprintf(rig.backend.endpoint, sizeof rig.backend.endpoint, "127.0.0.1:%u", t.s.port);
  assert_int_equal(pl_clock_new_virtual(0, &rig.clock, &rig.err), PL_OK);
  pl_clock_add_peer(rig.clock, &t.peer);
  const struct pair pairs[] = {{"host", "twin"}, {"response-timeout", "50 ms"}};
  assert_int_equal(open_bus(&rig, &pl_adapter_modbus_tcp, true, pairs, 2), PL_OK);
  struct call c = {.function = 3, .unit = 21, .address = 5, .count = 2};
  assert_int_equal(call_within(&rig, &c, PL_S), PL_OK);
  assert_int_equal(c.values[1], 2106);
  assert_int_equal(c.job.finished - c.job.started, 7 * PL_MS + 200 * PL_US);
  assert_int_equal(pl_clock_now(rig.clock), 7 * PL_MS + 200 * PL_US);
  t.delay = 80 * PL_MS; /* longer than the adapter waits */
  assert_int_equal(call_within(&rig, &c, PL_S), PL_E_TIMEOUT);
  assert_int_equal(c.job.finished - c.job.started, 50 * PL_MS + 200 * PL_US);
  send_all(t.s.client, t.s.kept, t.s.kept_len); /* its late answer */
  t.delay = 3 * PL_MS;
  assert_reads(&rig, 21, 9);
  t.delay = 30 * PL_MS; /* longer than the job has */
  assert_int_equal(call_within(&rig, &c, 20 * PL_MS), PL_E_TIMEOUT);
  close_rig(&rig);
  close(t.s.client);
  close(t.s.listener);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_unit_answers),
      cmocka_unit_test(long_answers_and_file_records_are_whole),
      cmocka_unit_test(a_bad_answer_is_an_error_and_the_next_request_works),
      cmocka_unit_test(a_late_answer_is_never_taken_for_the_next),
      cmocka_unit_test(the_deadline_of_the_job_is_kept),
      cmocka_unit_test(nobody_listens),
      cmocka_unit_test(one_program_one_bus),
      cmocka_unit_test(bad_hosts_are_refused),
      cmocka_unit_test(the_adapter_conforms_against_libmodbus),
      cmocka_unit_test(virtual_time_charges_the_twins_delay),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

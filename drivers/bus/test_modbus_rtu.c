/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/conformance.h"
#include "drivers/bus/modbus_rtu_frame.h"
#include "drivers/bus/modbus_test.h"

#include <fcntl.h>
#include <modbus.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>

extern const struct pl_adapter_desc pl_adapter_modbus_rtu;

/* What the unit at the other end does with its next request (then it is well again). */
enum trick {
  WELL,
  MUTE,           /* keeps the answer */
  MUTE_KEPT_LATE, /* says nothing to this request, and LATE_MS after it gives what it kept of an earlier one */
  MUTE_THEN_LATE, /* gives the answer when the master has given up: LATE_MS after the request */
  LATE_AND_RIGHT, /* what it kept, and then the right answer, at once */
  WRONG_UNIT,
  WRONG_FUNCTION,
  WRONG_CRC,
  NOISE,
  BABBLE,         /* a wrong CRC, and more bytes a little later */
  CUT,
  IN_PIECES,
  TRAILING,       /* a good answer and a stray byte after it */
};

#define LATE_MS 260 /* the adapter under test waits 200 ms, and 400 ms more before it asks the same unit again */

struct line { /* a pty: the master end is the unit's */
  int fd, keep, stop;
  char path[64];
  atomic_int trick, requests;
  atomic_bool late_sent;
  pthread_t thread;
  uint8_t kept[PL_RTU_ADU_MAX];
  size_t kept_len;
};

static void open_line(struct line *l)
{
  struct termios settings;
  *l = (struct line){.fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), .stop = eventfd(0, EFD_CLOEXEC)};
  assert_true(l->fd >= 0);
  assert_int_equal(grantpt(l->fd), 0);
  assert_int_equal(unlockpt(l->fd), 0);
  assert_int_equal(ptsname_r(l->fd, l->path, sizeof l->path), 0);
  l->keep = open(l->path, O_RDWR | O_NOCTTY | O_CLOEXEC); /* so that the adapter's leaving is no hang-up for the unit */
  assert_true(l->keep >= 0);
  assert_int_equal(tcgetattr(l->keep, &settings), 0);
  cfmakeraw(&settings);
  assert_int_equal(tcsetattr(l->keep, TCSANOW, &settings), 0);
}

static void write_all(int fd, const uint8_t *bytes, size_t len)
{
  assert_int_equal(write(fd, bytes, len), (ssize_t)len);
}

static bool readable(int fd, int stop, int timeout_ms)
{
  struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
  return poll(fds, 2, timeout_ms) > 0 && fds[0].revents & POLLIN && !fds[1].revents;
}

/* A request is over when its CRC is right. 0: told to stop. */
static size_t read_request(struct line *l, uint8_t *request)
{
  for (size_t len = 0; readable(l->fd, l->stop, 20000);) {
    ssize_t n = read(l->fd, request + len, PL_RTU_ADU_MAX - len);
    assert_true(n > 0);
    len += (size_t)n;
    assert_true(len < PL_RTU_ADU_MAX);
    if (len >= 4 && pl_rtu_crc(request, len) == 0)
      return len;
  }
  return 0;
}

static void seal(uint8_t *frame, size_t len)
{
  uint16_t crc = pl_rtu_crc(frame, len);
  frame[len] = (uint8_t)crc;
  frame[len + 1] = (uint8_t)(crc >> 8);
}

static void keep(struct line *l, const uint8_t *frame, size_t len)
{
  memcpy(l->kept, frame, len);
  l->kept_len = len;
}

static void play(struct line *l, enum trick trick, uint8_t *frame, size_t len)
{
  switch (trick) {
  case MUTE: keep(l, frame, len); return;
  case MUTE_KEPT_LATE:
    readable(l->stop, l->stop, LATE_MS);
    write_all(l->fd, l->kept, l->kept_len);
    atomic_store(&l->late_sent, true);
    return;
  case MUTE_THEN_LATE:
    readable(l->stop, l->stop, LATE_MS); /* nothing is readable there: the wait is the point */
    break;
  case LATE_AND_RIGHT: write_all(l->fd, l->kept, l->kept_len); break;
  case WRONG_UNIT: frame[0]++; seal(frame, len - 2); break;
  case WRONG_FUNCTION: frame[1] = 4; seal(frame, len - 2); break;
  case WRONG_CRC: frame[len - 1] ^= 1; break;
  case BABBLE:
    frame[len - 1] ^= 1;
    write_all(l->fd, frame, len);
    readable(l->stop, l->stop, 10);
    break;
  case NOISE: memset(frame, 0xff, len); break;
  case CUT: len -= 3; break;
  case IN_PIECES:
    for (; len > 1; len--) {
      write_all(l->fd, frame++, 1);
      readable(l->stop, l->stop, 1);
    }
    break;
  case TRAILING: frame[len++] = 0; break;
  case WELL: break;
  }
  write_all(l->fd, frame, len);
  if (trick == MUTE_THEN_LATE)
    atomic_store(&l->late_sent, true);
}

static bool serve_one(struct line *l)
{
  uint8_t request[PL_RTU_ADU_MAX], frame[PL_RTU_ADU_MAX + 1];
  size_t len = read_request(l, request);
  if (!len)
    return false;
  atomic_fetch_add(&l->requests, 1);
  frame[0] = request[0];
  size_t out = 1 + answer_pdu(request[0], request + 1, len - 3, frame + 1);
  seal(frame, out);
  play(l, (enum trick)atomic_exchange(&l->trick, WELL), frame, out + 2);
  return true;
}

static void *serve(void *ctx)
{
  while (serve_one(ctx))
    ;
  return NULL;
}

static void start_line(struct line *l)
{
  open_line(l);
  assert_int_equal(pthread_create(&l->thread, NULL, serve, l), 0);
}

static void close_line(struct line *l)
{
  close(l->keep);
  close(l->fd);
  close(l->stop);
}

static void stop_line(struct line *l)
{
  uint64_t one = 1;
  assert_int_equal(write(l->stop, &one, sizeof one), sizeof one);
  pthread_join(l->thread, NULL);
  close_line(l);
}

static void open_real(struct rig *rig, const char *path, const char *response_timeout)
{
  const struct pair pairs[] = {{"port", path}, {"baud", "115200"}, {"response-timeout", response_timeout}};
  *rig = (struct rig){.bus = NULL};
  assert_int_equal(pl_clock_new_real(&rig->clock, &rig->err), PL_OK);
  if (open_bus(rig, &pl_adapter_modbus_rtu, false, pairs, 3))
    fail_msg("%s", rig->err.text);
}

static void crc_is_that_of_the_specification(void **state)
{
  (void)state;
  const uint8_t frame[] = {0x02, 0x07, 0x41, 0x12}; /* section 6.2.2: the message 02 07 has the check 1241 hex, low byte first */
  assert_int_equal(pl_rtu_crc(frame, 2), 0x1241);
  assert_int_equal(pl_rtu_crc(frame, 4), 0);
}

static void answer_lengths(void **state)
{
  (void)state;
  static const struct {
    uint8_t begin[5];
    size_t length;
    bool by_silence;
  } ROWS[] = {
      {{9, 3, 4}, 9, false},    {{9, 0x83, 2}, 5, false}, {{9, 5, 0}, 8, false},       {{9, 16, 0}, 8, false}, {{9, 20, 6}, 11, false},
      {{9, 22, 0}, 10, false},  {{9, 7, 1}, 5, false},    {{9, 24, 0, 6}, 12, false},  {{9, 3, 255}, PL_RTU_ADU_MAX, false},
      {{9, 0x2b, 14}, 5, true}, {{9, 8, 0}, 5, true},     {{9, 24, 255, 255}, PL_RTU_ADU_MAX, false},
  };
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    bool by_silence;
    assert_int_equal(pl_rtu_answer_length(ROWS[i].begin, 5, &by_silence), ROWS[i].length);
    assert_int_equal(by_silence, ROWS[i].by_silence);
    assert_int_equal(pl_rtu_answer_length(ROWS[i].begin, 4, &by_silence), 5);
    assert_false(by_silence);
  }
}

static void every_unit_answers(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  start_line(&l);
  open_real(&rig, l.path, "5 s");
  for (int unit = 1; unit <= 255; unit++) /* libmodbus 3.1.6 alone: not above 247 */
    assert_reads(&rig, (uint8_t)unit, 7);
  assert_int_equal(l.requests, 255);
  close_rig(&rig);
  stop_line(&l);
}

static void long_answers_and_file_records_are_whole(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  start_line(&l);
  open_real(&rig, l.path, "5 s");
  struct call c = {.function = 3, .unit = 253, .address = 10, .count = 125};
  assert_int_equal(call_within(&rig, &c, 5 * PL_S), PL_OK);
  assert_int_equal(c.values[124], 25300 + 10 + 124);
  struct call file = {.function = 20, .unit = 12, .address = 9, .count = 124};
  assert_int_equal(call_within(&rig, &file, 5 * PL_S), PL_OK);
  assert_int_equal(file.values[123], 4 << 8 | (9 + 123));
  struct call write_many = {.function = 16, .unit = 12, .address = 9, .count = 123};
  assert_int_equal(call_within(&rig, &write_many, 5 * PL_S), PL_OK);
  struct call identify = {.function = 0x2b, .unit = 12}; /* its end is told by silence only */
  assert_int_equal(call_within(&rig, &identify, 5 * PL_S), PL_OK);
  assert_int_equal(identify.count, 12);
  atomic_store(&l.trick, IN_PIECES);
  assert_reads(&rig, 12, 77);
  struct call refused = {.function = 3, .unit = 12, .address = 2000, .count = 1};
  assert_int_equal(call_within(&rig, &refused, 5 * PL_S), PL_E_EXCEPTION);
  close_rig(&rig);
  stop_line(&l);
}

static void a_bad_answer_is_an_error_and_the_next_request_works(void **state)
{
  (void)state;
  static const struct {
    enum trick trick;
    enum pl_status status;
    const char *text;
  } ROWS[] = {
      {WRONG_UNIT, PL_E_WRONG_UNIT, "unit 10 answered on /dev/pts/"},
      {WRONG_FUNCTION, PL_E_GARBAGE, "unit 9 answered function 0x03 on /dev/pts/"},
      {WRONG_CRC, PL_E_CRC, "has a wrong CRC"},
      {NOISE, PL_E_CRC, "has a wrong CRC"},
      {BABBLE, PL_E_CRC, "has a wrong CRC"},
      {CUT, PL_E_SHORT, "stopped after 4 bytes"},
      {MUTE, PL_E_TIMEOUT, "did not answer within"},
  };
  struct line l;
  struct rig rig;
  start_line(&l);
  open_real(&rig, l.path, "200 ms");
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    uint16_t value = 0xdead;
    assert_reads(&rig, 9, 1);
    atomic_store(&l.trick, ROWS[i].trick);
    assert_int_equal(read_one(&rig, 9, 2, &value), ROWS[i].status);
    if (!strstr(rig.err.text, ROWS[i].text))
      fail_msg("'%s' is not in: %s", ROWS[i].text, rig.err.text);
    assert_int_equal(value, 0);
    assert_reads(&rig, 9, 3);
  }
  atomic_store(&l.trick, TRAILING);
  assert_reads(&rig, 9, 2);
  assert_reads(&rig, 9, 3);
  close_rig(&rig);
  stop_line(&l);
}

/* The same unit is asked for the same kind of value at once after its time-out: on a serial line nothing but time tells the two answers apart. */
static void a_late_answer_is_never_taken_for_the_next(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  uint16_t value;
  start_line(&l);
  open_real(&rig, l.path, "200 ms");
  assert_reads(&rig, 9, 1);
  atomic_store(&l.trick, MUTE_THEN_LATE);
  assert_int_equal(read_one(&rig, 9, 500, &value), PL_E_TIMEOUT);
  assert_false(atomic_load(&l.late_sent));
  assert_reads(&rig, 9, 3);
  assert_true(atomic_load(&l.late_sent));
  assert_reads(&rig, 9, 4);
  close_rig(&rig);
  stop_line(&l);
}

/* Unit 12's answer is still out while unit 21 times out too; then unit 12 is asked for another register. */
static void a_late_answer_is_remembered_per_unit(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  uint16_t value;
  start_line(&l);
  open_real(&rig, l.path, "200 ms");
  atomic_store(&l.trick, MUTE);
  assert_int_equal(read_one(&rig, 12, 500, &value), PL_E_TIMEOUT);
  atomic_store(&l.trick, MUTE_KEPT_LATE); /* the answer of unit 12 comes 460 ms after its request */
  assert_int_equal(read_one(&rig, 21, 500, &value), PL_E_TIMEOUT);
  assert_false(atomic_load(&l.late_sent));
  assert_reads(&rig, 12, 3);
  assert_true(atomic_load(&l.late_sent));
  assert_reads(&rig, 12, 4);
  close_rig(&rig);
  stop_line(&l);
}

/* A job that ends at its deadline before the late answer came does not forget that it may come. */
static void a_late_answer_is_not_forgotten_at_a_deadline(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  uint16_t value;
  start_line(&l);
  open_real(&rig, l.path, "200 ms");
  atomic_store(&l.trick, MUTE_THEN_LATE);
  assert_int_equal(read_one(&rig, 12, 500, &value), PL_E_TIMEOUT);
  struct call c = {.function = 3, .unit = 12, .count = 1};
  assert_int_equal(call_within(&rig, &c, 5 * PL_MS), PL_E_TIMEOUT);
  assert_false(atomic_load(&l.late_sent));
  assert_int_equal(l.requests, 1);
  assert_reads(&rig, 12, 3);
  assert_true(atomic_load(&l.late_sent));
  close_rig(&rig);
  stop_line(&l);
}

static void another_unit_is_asked_at_once_after_a_time_out(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  uint16_t value;
  start_line(&l);
  open_real(&rig, l.path, "100 ms");
  atomic_store(&l.trick, MUTE);
  assert_int_equal(read_one(&rig, 9, 500, &value), PL_E_TIMEOUT);
  atomic_store(&l.trick, LATE_AND_RIGHT); /* unit 9 talks into the answer of unit 8 */
  assert_int_equal(read_one(&rig, 8, 3, &value), PL_E_WRONG_UNIT);
  assert_reads(&rig, 8, 5);
  close_rig(&rig);
  stop_line(&l);
}

static void the_deadline_of_the_job_is_kept(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  start_line(&l);
  open_real(&rig, l.path, "30 s");
  atomic_store(&l.trick, MUTE);
  struct call c = {.function = 3, .unit = 9, .count = 1};
  pl_time_ns start = pl_clock_now(rig.clock);
  for (int i = 0; i < 2; i++) /* the second waits for the late answer of the first, and for no longer than it may */
    assert_int_equal(call_within(&rig, &c, 40 * PL_MS), PL_E_TIMEOUT);
  assert_true(pl_clock_now(rig.clock) - start >= 80 * PL_MS);
  assert_true(pl_clock_now(rig.clock) - start < 10 * PL_S);
  close_rig(&rig);
  stop_line(&l);
}

static void a_port_that_goes_away_is_gone_and_may_come_back(void **state)
{
  (void)state;
  struct line l, second;
  struct rig rig;
  char folder[] = "/tmp/test_modbus_rtu.XXXXXX", link_path[64];
  uint16_t value;
  assert_non_null(mkdtemp(folder));
  snprintf(link_path, sizeof link_path, "%s/tty", folder);
  open_line(&l);
  assert_int_equal(symlink(l.path, link_path), 0);
  open_real(&rig, link_path, "200 ms");
  close_line(&l); /* the adapter is pulled out */
  assert_int_equal(read_one(&rig, 9, 3, &value), PL_E_GONE);
  unlink(link_path);
  assert_int_equal(read_one(&rig, 9, 3, &value), PL_E_GONE);
  assert_non_null(strstr(rig.err.text, "cannot open the serial port"));
  start_line(&second); /* plugged in again, with another number */
  assert_int_equal(symlink(second.path, link_path), 0);
  assert_reads(&rig, 9, 3);
  close_rig(&rig);
  stop_line(&second);
  unlink(link_path);
  rmdir(folder);
}

static void bad_settings_are_refused(void **state)
{
  (void)state;
  struct rig rig = {.bus = NULL};
  struct line l;
  open_line(&l);
  const struct {
    struct pair pairs[2];
    enum pl_status status;
    const char *text;
  } rows[] = {
      {{{"port", l.path}, {"baud", "19201"}}, PL_E_USAGE, "19200"},
      {{{"port", l.path}, {"parity", "mark"}}, PL_E_USAGE, "even"},
      {{{"port", "/dev/there-is-no-such-port"}, {"baud", "9600"}}, PL_E_IO, "there is no serial port /dev/there-is-no-such-port: No such file"},
      {{{"port", "/dev/null"}, {"baud", "9600"}}, PL_E_GONE, "cannot open the serial port /dev/null: "},
      {{{"port", "twin"}, {"baud", "9600"}}, PL_E_USAGE, "has no virtual rack"},
  };
  assert_int_equal(pl_clock_new_real(&rig.clock, &rig.err), PL_OK);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    assert_int_equal(open_bus(&rig, &pl_adapter_modbus_rtu, false, rows[i].pairs, 2), rows[i].status);
    if (!strstr(rig.err.text, rows[i].text))
      fail_msg("'%s' is not in: %s", rows[i].text, rig.err.text);
  }
  struct rig second = {.clock = rig.clock};
  const struct pair good[] = {{"port", l.path}, {"stop-bits", "2"}};
  assert_int_equal(open_bus(&rig, &pl_adapter_modbus_rtu, false, good, 2), PL_OK);
  assert_int_equal(open_bus(&second, &pl_adapter_modbus_rtu, false, good, 2), PL_E_LOCKED);
  assert_non_null(strstr(second.err.text, "is held by process"));
  int exclusive = 0; /* programs without our lock */
  assert_int_equal(ioctl(l.keep, TIOCGEXCL, &exclusive), 0);
  assert_int_equal(exclusive, 1);
  close_rig(&rig);
  assert_int_equal(ioctl(l.keep, TIOCGEXCL, &exclusive), 0);
  assert_int_equal(exclusive, 0);
  close_line(&l);
}

/* --- libmodbus' own server --- */

struct reference {
  modbus_t *ctx;
  modbus_mapping_t *mapping;
  atomic_bool stop;
  pthread_t thread;
};

static void *serve_reference(void *arg)
{
  struct reference *r = arg;
  uint8_t request[MODBUS_RTU_MAX_ADU_LENGTH];
  while (!atomic_load(&r->stop)) {
    int n = modbus_receive(r->ctx, request);
    if (n > 0)
      modbus_reply(r->ctx, request, n, r->mapping);
  }
  return NULL;
}

static void the_adapter_conforms_against_libmodbus(void **state)
{
  (void)state;
  struct reference r = {.mapping = modbus_mapping_new(0, 0, 200, 0)};
  struct line l;
  struct rig rig;
  open_line(&l);
  r.ctx = modbus_new_rtu(l.path, 115200, 'N', 8, 1);
  assert_true(r.ctx && r.mapping);
  assert_int_equal(modbus_set_slave(r.ctx, 12), 0);
  assert_int_equal(modbus_set_socket(r.ctx, l.fd), 0); /* at the master end of the pty */
  assert_int_equal(modbus_set_indication_timeout(r.ctx, 0, 50000), 0);
  for (int i = 0; i < 200; i++)
    r.mapping->tab_registers[i] = (uint16_t)(7 * i);
  assert_int_equal(pthread_create(&r.thread, NULL, serve_reference, &r), 0);
  open_real(&rig, l.path, "1 s");
  struct pl_bus_conformance report = {.fail = tell};
  const struct pl_conformance_modbus target = {
      .unit = 12, .absent_unit = 13, .stable_address = 10, .stable_count = 20, .writable_address = 100, .illegal_address = 300};
  assert_int_equal(pl_conformance_modbus(rig.bus, &target, &report), 0);
  assert_true(report.checks >= 17);
  struct call c = {.function = 3, .unit = 12, .address = 10, .count = 2};
  assert_int_equal(call_within(&rig, &c, 5 * PL_S), PL_OK);
  assert_int_equal(c.values[1], 77);
  close_rig(&rig);
  atomic_store(&r.stop, true);
  pthread_join(r.thread, NULL);
  modbus_free(r.ctx);
  modbus_mapping_free(r.mapping);
  close_line(&l);
}

/* --- virtual time: the unit is a peer of the clock --- */

struct twin {
  struct line l; /* without its thread */
  pl_time_ns delay;
  struct pl_peer peer;
};

static enum pl_status pump(void *ctx, pl_time_ns budget_ns, pl_time_ns *delay_ns, struct pl_err *err)
{
  struct twin *t = ctx;
  if (t->delay > budget_ns)
    atomic_store(&t->l.trick, MUTE);
  if (!serve_one(&t->l))
    return pl_fail(err, PL_E_GONE, "no request");
  if (t->delay > budget_ns)
    return pl_fail(err, PL_E_TIMEOUT, "later");
  *delay_ns = t->delay;
  return PL_OK;
}

/* 8 bytes out and 5 + 2n back, 11 bits each, at 19200 baud; two gaps of 3.5 characters. */
static pl_time_ns wire_time(size_t registers)
{
  pl_time_ns character = 11 * PL_S / 19200;
  return (pl_time_ns)(8 + 5 + 2 * registers) * character + 2 * (7 * character / 2);
}

static void virtual_time_charges_the_wire_and_the_twins_delay(void **state)
{
  (void)state;
  struct twin t = {.delay = 5 * PL_MS, .peer = {.pump = pump}};
  struct rig rig = {.bus = NULL};
  t.peer.ctx = &t;
  open_line(&t.l);
  snprintf(rig.backend.endpoint, sizeof rig.backend.endpoint, "%s", t.l.path);
  assert_int_equal(pl_clock_new_virtual(0, &rig.clock, &rig.err), PL_OK);
  pl_clock_add_peer(rig.clock, &t.peer);
  const struct pair pairs[] = {{"port", "twin"}};
  assert_int_equal(open_bus(&rig, &pl_adapter_modbus_rtu, true, pairs, 1), PL_OK);
  struct call c = {.function = 3, .unit = 12, .address = 5, .count = 10};
  assert_int_equal(call_within(&rig, &c, PL_S), PL_OK);
  assert_int_equal(c.values[9], 1214);
  assert_int_equal(c.job.finished - c.job.started, wire_time(10) + 5 * PL_MS);
  assert_true(wire_time(10) > 22900 * PL_US && wire_time(10) < 22930 * PL_US); /* the cycle of 22.9 ms that is known from the field */
  atomic_store(&t.l.trick, IN_PIECES); /* pieces on the pty cost nothing */
  assert_int_equal(call_within(&rig, &c, PL_S), PL_OK);
  assert_int_equal(c.job.finished - c.job.started, wire_time(10) + 5 * PL_MS);
  t.delay = 310 * PL_MS; /* longer than the adapter waits */
  assert_int_equal(call_within(&rig, &c, PL_S), PL_E_TIMEOUT);
  assert_string_equal(rig.err.text, "unit 12 on the twin did not answer within 308 ms"); /* not the pty's number, which differs from run to run */
  pl_time_ns request = 8 * (11 * PL_S / 19200) + 2 * (7 * (11 * PL_S / 19200) / 2);
  assert_int_equal(c.job.finished - c.job.started, request + 300 * PL_MS);
  write_all(t.l.fd, t.l.kept, t.l.kept_len); /* its late answer */
  t.delay = 3 * PL_MS;
  struct call next = {.function = 3, .unit = 12, .address = 100, .count = 10};
  assert_int_equal(call_within(&rig, &next, PL_S), PL_OK);
  assert_int_equal(next.values[0], 1300);
  assert_int_equal(next.job.finished - next.job.started, 600 * PL_MS + wire_time(10) + 3 * PL_MS); /* it waited for the late one */
  atomic_store(&t.l.trick, CUT);
  assert_int_equal(call_within(&rig, &c, PL_S), PL_E_SHORT);
  assert_int_equal(call_within(&rig, &c, PL_S), PL_OK);
  close_rig(&rig);
  close_line(&t.l);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(crc_is_that_of_the_specification),
      cmocka_unit_test(answer_lengths),
      cmocka_unit_test(every_unit_answers),
      cmocka_unit_test(long_answers_and_file_records_are_whole),
      cmocka_unit_test(a_bad_answer_is_an_error_and_the_next_request_works),
      cmocka_unit_test(a_late_answer_is_never_taken_for_the_next),
      cmocka_unit_test(a_late_answer_is_remembered_per_unit),
      cmocka_unit_test(a_late_answer_is_not_forgotten_at_a_deadline),
      cmocka_unit_test(another_unit_is_asked_at_once_after_a_time_out),
      cmocka_unit_test(the_deadline_of_the_job_is_kept),
      cmocka_unit_test(a_port_that_goes_away_is_gone_and_may_come_back),
      cmocka_unit_test(bad_settings_are_refused),
      cmocka_unit_test(the_adapter_conforms_against_libmodbus),
      cmocka_unit_test(virtual_time_charges_the_wire_and_the_twins_delay),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

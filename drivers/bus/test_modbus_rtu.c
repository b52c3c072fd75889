/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/conformance.h"
#include "drivers/bus/modbus_rtu_test.h"

#include <modbus.h>
#include <sys/ioctl.h>

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

/* Noise was taken for the answer, which comes when the next request is out. */
static void an_answer_after_noise_is_never_taken_for_the_next(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  uint16_t value;
  start_line(&l);
  open_real(&rig, l.path, "2 s");
  atomic_store(&l.trick, NOISE_FIRST);
  assert_int_equal(read_one(&rig, 9, 500, &value), PL_E_CRC);
  assert_reads(&rig, 9, 3);
  assert_reads(&rig, 9, 4);
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
  assert_non_null(strstr(rig.err.text, "is away"));
  start_line(&second); /* plugged in again, with another number */
  assert_int_equal(symlink(second.path, link_path), 0);
  while (pl_bus_is_lost(rig.bus)) /* it looks for the port by itself */
    assert_true(pl_clock_step(rig.clock, pl_clock_now(rig.clock) + 10 * PL_S));
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
      cmocka_unit_test(an_answer_after_noise_is_never_taken_for_the_next),
      cmocka_unit_test(the_deadline_of_the_job_is_kept),
      cmocka_unit_test(a_port_that_goes_away_is_gone_and_may_come_back),
      cmocka_unit_test(bad_settings_are_refused),
      cmocka_unit_test(the_adapter_conforms_against_libmodbus),
      cmocka_unit_test(virtual_time_charges_the_wire_and_the_twins_delay),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

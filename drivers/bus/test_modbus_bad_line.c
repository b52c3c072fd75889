/* SPDX-License-Identifier: Apache-2.0 */
/* What can only go wrong on a serial line, as a table: each answer that is no answer ends with a sentence that names port, address and cause, is counted once,
 * and the next request is answered right. Faults of the unit itself: tests/test_bad_wire_usbip.c. */
#include "drivers/bus/modbus_rtu_test.h"

#define UNIT 9
#define TRAIN_MS 200 /* between the bytes of a train: longer than any adapter holds bytes back */

static const struct {
  const char *name;
  enum trick trick;
  enum pl_status status; /* PL_OK: it does no harm */
  const char *address, *cause; /* address NULL: the sentence tells the port only, the device's name and unit come in front of it */
} ROWS[] = {
    {"noise in place of an answer", NOISE, PL_E_CRC, NULL, "has a wrong CRC"},
    {"noise after a broken answer", BABBLE, PL_E_CRC, NULL, "has a wrong CRC"},
    {"wrong CRC", WRONG_CRC, PL_E_CRC, NULL, "has a wrong CRC"},
    {"another unit", WRONG_UNIT, PL_E_WRONG_UNIT, "unit 9 was asked", "unit 10 answered"},
    {"another function", WRONG_FUNCTION, PL_E_GARBAGE, "unit 9", "answered function 0x03"},
    {"echo", ITSELF, PL_E_GARBAGE, NULL, "got its own request back"},
    {"cut", CUT, PL_E_SHORT, NULL, "stopped after 4 bytes"},
    {"never", MUTE, PL_E_TIMEOUT, "unit 9", "did not answer within 2"},
    {"late", MUTE_THEN_LATE, PL_E_TIMEOUT, "unit 9", "did not answer within 2"},
    {"a byte too many", TRAILING, PL_OK, NULL, NULL},
    {"a byte a millisecond", IN_PIECES, PL_OK, NULL, NULL},
};

static void expect_word(const char *name, const char *text, const char *word)
{
  if (word && !strstr(text, word))
    fail_msg("%s: '%s' is not in: %s", name, word, text);
}

static uint64_t counted(struct rig *rig, enum pl_status status)
{
  struct pl_bus_counters counters;
  pl_bus_counters(rig->bus, &counters);
  return counters.errors[status];
}

static void each_fault_is_told_and_counted_once(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  start_line(&l);
  open_real(&rig, l.path, "200 ms");
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    uint16_t value = 0;
    uint64_t before = counted(&rig, ROWS[i].status);
    assert_reads(&rig, UNIT, 1);
    atomic_store(&l.trick, ROWS[i].trick);
    enum pl_status status = read_one(&rig, UNIT, 2, &value);
    print_message("%-28s %-12s %s\n", ROWS[i].name, pl_status_name(status), rig.err.text);
    if (status != ROWS[i].status)
      fail_msg("%s: %s: %s", ROWS[i].name, pl_status_name(status), rig.err.text);
    assert_int_equal(value, status ? 0 : 100 * UNIT + 2);
    if (status) {
      expect_word(ROWS[i].name, rig.err.text, l.path);
      expect_word(ROWS[i].name, rig.err.text, ROWS[i].address);
      expect_word(ROWS[i].name, rig.err.text, ROWS[i].cause);
      assert_int_equal(counted(&rig, status), before + 1);
    }
    assert_reads(&rig, UNIT, 3);
  }
  close_rig(&rig);
  stop_line(&l);
}

/* --- a train of bytes, each so late that the answer looks over --- */

struct slow {
  struct line line;
  atomic_bool slow; /* the next answer */
};

static void *serve_slowly(void *ctx)
{
  struct slow *s = ctx;
  struct line *l = &s->line;
  uint8_t request[PL_RTU_ADU_MAX], frame[PL_RTU_ADU_MAX];
  for (size_t len; (len = read_request(l, request));) {
    frame[0] = request[0];
    size_t out = 1 + answer_pdu(request[0], request + 1, len - 3, frame + 1);
    seal(frame, out);
    bool slow = atomic_exchange(&s->slow, false);
    for (size_t i = 0; slow && i < out + 2; i++) {
      write_all(l->fd, frame + i, 1);
      readable(l->stop, l->stop, TRAIN_MS);
    }
    while (slow && readable(l->fd, l->stop, 0)) /* who sends does not hear */
      assert_true(read(l->fd, request, sizeof request) > 0);
    if (!slow)
      write_all(l->fd, frame, out + 2);
  }
  return NULL;
}

/* Each request is for another register: an answer that came for an earlier one would show. */
static void a_slow_byte_train_is_no_answer_and_no_part_of_the_next(void **state)
{
  (void)state;
  struct slow s = {.slow = false};
  struct rig rig;
  uint16_t value = 0, address = 3;
  open_line(&s.line);
  assert_int_equal(pthread_create(&s.line.thread, NULL, serve_slowly, &s), 0);
  open_real(&rig, s.line.path, "200 ms");
  assert_reads(&rig, UNIT, 1);
  atomic_store(&s.slow, true);
  assert_int_equal(read_one(&rig, UNIT, 2, &value), PL_E_SHORT);
  print_message("%s\n", rig.err.text);
  assert_int_equal(value, 0);
  expect_word("slow", rig.err.text, s.line.path);
  expect_word("slow", rig.err.text, "stopped after ");
  assert_int_equal(counted(&rig, PL_E_SHORT), 1);
  enum pl_status status = PL_E_SHORT;
  for (pl_time_ns end = pl_clock_now(rig.clock) + 10 * PL_S; status && pl_clock_now(rig.clock) < end; address++) {
    status = read_one(&rig, UNIT, address, &value); /* the train goes on meanwhile */
    print_message("register %u: %s %s\n", address, pl_status_name(status), rig.err.text);
    assert_int_equal(value, status ? 0 : 100 * UNIT + address);
  }
  assert_int_equal(status, PL_OK);
  assert_reads(&rig, UNIT, 900);
  assert_reads(&rig, UNIT, 901);
  close_rig(&rig);
  stop_line(&s.line);
}

static void a_port_that_vanishes_is_told_and_counted(void **state)
{
  (void)state;
  struct line l;
  struct rig rig;
  uint16_t value = 0;
  open_line(&l);
  open_real(&rig, l.path, "200 ms");
  close_line(&l);
  assert_int_equal(read_one(&rig, UNIT, 3, &value), PL_E_GONE);
  print_message("%s\n", rig.err.text);
  assert_int_equal(value, 0);
  expect_word("vanished", rig.err.text, l.path);
  assert_int_equal(counted(&rig, PL_E_GONE), 1);
  assert_true(pl_bus_is_lost(rig.bus));
  assert_int_equal(read_one(&rig, UNIT, 3, &value), PL_E_GONE);
  print_message("%s\n", rig.err.text);
  expect_word("away", rig.err.text, l.path);
  close_rig(&rig);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_fault_is_told_and_counted_once),
      cmocka_unit_test(a_slow_byte_train_is_no_answer_and_no_part_of_the_next),
      cmocka_unit_test(a_port_that_vanishes_is_told_and_counted),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

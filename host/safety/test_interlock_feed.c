/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs on a bus with a worker: one that does not answer keeps no other from its turn, and one that a rule holds is looked at for as long as it is held. */
#include "host/safety/interlock_test.h"

#include "host/safety/interlock_in.h"

#define HEAD                                                                                                          \
  "rig: trip\n"                                                                                                       \
  "buses:\n"                                                                                                          \
  "  - {name: lines-trip, kind: gpio, adapter: twin}\n"                                                               \
  "  - {name: i2c-trip, kind: i2c, adapter: twin, speed: 400 kHz}\n"                                                  \
  "parts:\n"                                                                                                          \
  "  - {name: busbar, kind: busbar}\n"                                                                                \
  "  - {name: psu-a, kind: psu, busbar: busbar}\n"                                                                    \
  "  - {name: psu-b, kind: psu, busbar: busbar}\n"                                                                    \
  "  - {name: loop, kind: loop}\n"                                                                                    \
  "  - {name: rpu, kind: pump-unit, loop: loop}\n"                                                                    \
  "  - {name: tray-1, kind: tray, loop: loop}\n"                                                                      \
  "devices:\n"                                                                                                        \
  "  - {name: trip-1, driver: leak-sensor, bus: lines-trip, part: tray-1, owner: interlock, leak: T1, cable: D1}\n"   \
  "  - {name: k1, driver: psu-pmbus, bus: i2c-trip, address: 0x58, part: psu-a, owner: interlock, safe: {on: false}}\n" \
  "  - {name: k2, driver: psu-pmbus, bus: i2c-trip, address: 0x59, part: psu-b, owner: interlock, safe: {on: false}}\n" \
  "  - {name: trip-bar, driver: monitor-ina238, bus: i2c-trip, address: 0x40, shunt: 0.1 mohm, part: busbar, owner: interlock}\n"
#define SECTION "interlock:\n  period: 10 ms\n  rules:\n"
#define WET "    - {name: wet, when: trip-1.wet, do: [k1.on=false, k2.on=false]}\n"
#define HOT "    - {name: hot, when: trip-bar.temperature > 200 degC, do: [k1.on=false]}\n"

static void test_one_that_does_not_answer(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open_rig(&f, HEAD, SECTION WET HOT, false);
  il_run(&f, 200 * PL_MS);
  assert_int_equal(f.n, 0);
  il_plant(&f, "k1.wire=nack");
  il_plant(&f, "trip-1.leak=stuck-high");
  il_run(&f, 2 * PL_S);
  assert_non_null(il_find(&f, PL_INTERLOCK_TRIPPED, 0));
  assert_false(f.interlock->outputs[0].confirmed);
  assert_true(f.interlock->outputs[1].confirmed);
  assert_null(il_find(&f, PL_INTERLOCK_UNREADABLE, -1)); /* the signals of the bus go on */
  assert_non_null(il_find(&f, PL_INTERLOCK_DOUBTED, 0));
  il_clear(&f, "k1.wire=nack");
  il_run(&f, 500 * PL_MS);
  assert_non_null(il_find(&f, PL_INTERLOCK_CONFIRMED, 0));
  assert_true(f.interlock->outputs[0].confirmed);
  il_close(&f);
}

/* Whoever the first of them is. */
static void test_the_other_one_does_not_answer(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open_rig(&f, HEAD, SECTION WET HOT, false);
  il_plant(&f, "k2.wire=nack");
  il_plant(&f, "trip-1.leak=stuck-high");
  il_run(&f, 2 * PL_S);
  assert_true(f.interlock->outputs[0].confirmed);
  assert_false(f.interlock->outputs[1].confirmed);
  il_close(&f);
}

static void fall_back(struct il_fixture *f, size_t output)
{
  struct pl_call call = f->interlock->outputs[output].call;
  struct pl_err err = {0};
  call = (struct pl_call){.device = call.device, .quantity = call.quantity, .kind = PL_CALL_SET, .value_u = PL_U};
  if (pl_call_run(&call, &err))
    fail_msg("%s", err.text);
}

static int64_t now_on(struct il_fixture *f, size_t output)
{
  struct pl_call call = f->interlock->outputs[output].call;
  struct pl_err err = {0};
  call = (struct pl_call){.device = call.device, .quantity = call.quantity, .kind = PL_CALL_GET};
  if (pl_call_run(&call, &err))
    fail_msg("%s", err.text);
  return call.reading.value_u;
}

static void test_one_that_falls_back(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open_rig(&f, HEAD, SECTION WET, false);
  il_plant(&f, "trip-1.leak=stuck-high");
  il_run(&f, PL_S);
  assert_int_equal(il_count(&f, PL_INTERLOCK_CONFIRMED, 0), 1);
  assert_int_equal(now_on(&f, 0), 0);
  il_run(&f, 100 * PL_S);
  fall_back(&f, 0);
  il_run(&f, 300 * PL_MS);
  assert_int_equal(now_on(&f, 0), 0);
  assert_int_equal(il_count(&f, PL_INTERLOCK_DOUBTED, 0), 1);
  assert_int_equal(il_count(&f, PL_INTERLOCK_CONFIRMED, 0), 2);
  il_close(&f);
}

/* Away for a while, and back as it was switched on: nobody has read it as such in between. */
static void test_one_that_was_away(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open_rig(&f, HEAD, SECTION WET, false);
  il_plant(&f, "trip-1.leak=stuck-high");
  il_run(&f, PL_S);
  fall_back(&f, 1);
  il_plant(&f, "k2.wire=nack");
  il_run(&f, 5 * PL_S);
  assert_false(f.interlock->outputs[1].confirmed);
  assert_int_equal(il_count(&f, PL_INTERLOCK_DOUBTED, 0), 1);
  il_clear(&f, "k2.wire=nack");
  il_run(&f, 500 * PL_MS);
  assert_int_equal(now_on(&f, 1), 0);
  assert_int_equal(il_count(&f, PL_INTERLOCK_CONFIRMED, 0), 2);
  il_close(&f);
}

/* Once let go nobody looks any more, and nobody sets it again. */
static void test_one_that_was_let_go(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open_rig(&f, HEAD, SECTION WET, false);
  il_plant(&f, "trip-1.leak=stuck-high");
  il_run(&f, PL_S);
  il_clear(&f, "trip-1.leak=stuck-high");
  il_run(&f, 300 * PL_MS);
  pl_interlock_reset(f.interlock, 0);
  il_run(&f, PL_S);
  assert_non_null(il_find(&f, PL_INTERLOCK_RESET, 0));
  assert_int_equal(now_on(&f, 0), PL_U);
  assert_true(f.interlock->outputs[0].due == PL_NEVER);
  il_close(&f);
}

#define MODBUS                                                                                                        \
  "rig: trip\n"                                                                                                       \
  "buses:\n"                                                                                                          \
  "  - {name: lines-trip, kind: gpio, adapter: twin}\n"                                                               \
  "  - {name: rtu-trip, kind: modbus, adapter: modbus-rtu, port: twin, baud: 115200, parity: none}\n"                 \
  "parts:\n"                                                                                                          \
  "  - {name: loop, kind: loop}\n"                                                                                    \
  "  - {name: rpu, kind: pump-unit, loop: loop}\n"                                                                    \
  "  - {name: loop-2, kind: loop}\n"                                                                                  \
  "  - {name: rpu-2, kind: pump-unit, loop: loop-2}\n"                                                                \
  "  - {name: tray-1, kind: tray, loop: loop}\n"                                                                      \
  "devices:\n"                                                                                                        \
  "  - {name: trip-1, driver: leak-sensor, bus: lines-trip, part: tray-1, owner: interlock, leak: T1, cable: D1}\n"   \
  "  - {name: pumps, driver: modbus-map, map: orv3-rpu, bus: rtu-trip, unit: 12, role: coolant, part: rpu, owner: interlock, safe: {stop: true}}\n" \
  "  - {name: other, driver: modbus-map, map: orv3-rpu, bus: rtu-trip, unit: 13, role: coolant, part: rpu-2, owner: interlock}\n"

/* A device that never answers is waited for no longer than the rules leave; the output beside it is set in time, whenever it is ordered. */
static void test_beside_one_that_is_mute(void **state)
{
  (void)state;
  for (pl_time_ns offset = 0; offset < 300 * PL_MS; offset += 30 * PL_MS) {
    struct il_fixture f = {0};
    il_open_rig(&f, MODBUS, SECTION "    - {name: wet, when: trip-1.wet, do: [pumps.stop=true]}\n"
                            "    - {name: slow, when: other.flow > 1000 L/min, unreadable: ignore-for 1 h, do: [pumps.stop=true]}\n", false);
    il_run(&f, 200 * PL_MS);
    il_plant(&f, "other.wire=mute");
    il_run(&f, PL_S + offset);
    assert_non_null(il_find(&f, PL_INTERLOCK_UNREADABLE, -1));
    il_plant(&f, "trip-1.leak=stuck-high");
    pl_time_ns from = pl_clock_now(f.clock);
    il_run(&f, PL_S);
    const struct pl_il_work_output *output = &f.interlock->outputs[0];
    assert_true(output->confirmed);
    if (atomic_load(&output->set_time) > from + 100 * PL_MS)
      fail_msg("set after %lld ms", (long long)((atomic_load(&output->set_time) - from) / PL_MS));
    il_close(&f);
  }
}

static void test_what_a_mute_one_takes_is_counted(void **state)
{
  (void)state;
  static const char *const WITHIN[] = {"500 us", "100 ms"};
  for (size_t i = 0; i < 2; i++) {
    struct il_fixture f = {0};
    char text[8192];
    snprintf(text, sizeof text, "%s%s    - {name: wet, when: trip-1.wet, within: %s, do: [k1.on=false, k2.on=false]}\n", HEAD, SECTION, WITHIN[i]);
    assert_int_equal(pl_rig_parse("trip.yaml", text, strlen(text), &f.rig, &f.err), PL_OK);
    assert_int_equal(pl_interlock_compile(f.rig, &f.rules, &f.err), i ? PL_OK : PL_E_USAGE);
    if (!i)
      assert_text(f.err.text, "setting k1.on takes 1.5 ms"); /* two outputs of 3 transfers and a mute device for 4, each of 60 bits at 400 kHz */
    else
      assert_true(f.rules->buses[f.rules->outputs[0].bus].patience < 100 * PL_MS);
    pl_interlock_rules_free(f.rules);
    pl_rig_free(f.rig);
  }
}

/* --- what only the opened adapters know --- */

/* Compiled as an adapter of that name promises; then found to be less. */
static enum pl_status compile_again(bool sampled, bool wired, const char *within, struct il_fixture *f)
{
  char text[8192];
  snprintf(text, sizeof text, "%s%s    - {name: wet, when: trip-1.wet, within: %s, do: [kill-1.open=true]}\n", IL_RIG_HEAD, "interlock:\n  period: 50 ms\n  rules:\n",
           within);
  if (pl_rig_parse("trip.yaml", text, strlen(text), &f->rig, &f->err) || pl_interlock_compile(f->rig, &f->rules, &f->err))
    fail_msg("%s", f->err.text);
  struct pl_il_bus *bus = &f->rules->buses[f->rules->signals[0].bus];
  assert_true(bus->edges && bus->every == 250 * PL_MS);
  bus->sampled = sampled;
  bus->wired = wired;
  pl_il_time_buses(f->rules);
  assert_int_equal(bus->every, sampled || wired ? 50 * PL_MS : 250 * PL_MS);
  assert_true(f->rules->signals[0].stale == 3 * bus->every);
  enum pl_status status = pl_il_check(f->rules, &f->err);
  pl_interlock_rules_free(f->rules);
  pl_rig_free(f->rig);
  return status;
}

static void test_a_chip_without_interrupts(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  assert_int_equal(compile_again(false, false, "10 ms", &f), PL_OK);
  assert_int_equal(compile_again(true, false, "10 ms", &f), PL_E_USAGE);
  assert_text(f.err.text, "rule 'wet' cannot act within 10 ms: trip-1.wet is looked at every 50 ms on bus 'lines-trip'");
  assert_int_equal(compile_again(true, false, "60 ms", &f), PL_OK);
  assert_int_equal(compile_again(false, true, "50 ms", &f), PL_E_USAGE);
  assert_text(f.err.text, "setting kill-1.open takes 4 ms");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_that_does_not_answer), cmocka_unit_test(test_the_other_one_does_not_answer), cmocka_unit_test(test_one_that_falls_back),
      cmocka_unit_test(test_one_that_was_away),        cmocka_unit_test(test_one_that_was_let_go),
      cmocka_unit_test(test_beside_one_that_is_mute),
      cmocka_unit_test(test_what_a_mute_one_takes_is_counted),
      cmocka_unit_test(test_a_chip_without_interrupts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

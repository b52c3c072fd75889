/* SPDX-License-Identifier: Apache-2.0 */
#include "bringup/scan_probe.h"
#include "drivers/bus/i2c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static struct pl_clock *virtual_clock(void)
{
  struct pl_clock *clock = NULL;
  struct pl_err err = {0};
  assert_int_equal(pl_clock_new_virtual(0, &clock, &err), PL_OK);
  return clock;
}

/* --- the demo rack --- */

static struct pl_probe *probe_demo(struct pl_rig **rig, const char *const *buses, size_t n_buses)
{
  struct pl_err err = {0};
  struct pl_probe *probe = NULL;
  struct pl_clock *clock = virtual_clock();
  assert_int_equal(pl_rig_load("fixtures/rigs/demo-rack.yaml", rig, &err), PL_OK);
  const struct pl_probe_cfg cfg = {.clock = clock, .buses = buses, .n_buses = n_buses};
  assert_int_equal(pl_probe_rig(*rig, &cfg, &probe, &err), PL_OK);
  pl_clock_free(clock);
  return probe;
}

static const struct pl_probe_hit *hit_of(const struct pl_probe *probe, const char *bus, unsigned address)
{
  for (size_t i = 0; i < probe->n_buses; i++)
    for (size_t k = 0; k < probe->buses[i].n_hits && !strcmp(probe->buses[i].bus->name, bus); k++)
      if (probe->buses[i].hits[k].address == address)
        return &probe->buses[i].hits[k];
  fail_msg("nothing at %u of %s", address, bus);
  return NULL;
}

static void the_demo_rack_is_all_there_and_says_who_it_is(void **state)
{
  (void)state;
  static const struct {
    const char *bus, *what, *map;
    unsigned address;
  } ROWS[] = {
      {"i2c-power", "PMBus 1.2: PLUMBLINE TWIN-PSU-5500", "", 0x58}, {"i2c-m2", "PMBus 1.2: ADI ADM1272-A1", "", 0x13},
      {"i2c-bench-1", "Texas Instruments INA238 (revision 1)", "", 0x4f}, {"rtu-coolant", "perhaps orv3-rpu: its probe register answers", "orv3-rpu", 12},
      {"tcp-bench", "Load bank of the bench, one channel at a slot", "load-bank", 28},
  };
  struct pl_rig *rig;
  struct pl_probe *probe = probe_demo(&rig, NULL, 0);
  size_t addressed = 0, hits = 0;
  for (size_t i = 0; i < rig->n_devices; i++)
    addressed += rig->devices[i].bus->kind != PL_BUS_GPIO;
  for (size_t i = 0; i < probe->n_buses; i++) {
    assert_int_equal(probe->buses[i].status, PL_OK);
    hits += probe->buses[i].n_hits;
  }
  assert_int_equal(hits, addressed);
  assert_true(!probe->missing && !probe->unexpected && !probe->failed && !probe->stopped);
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    const struct pl_probe_hit *hit = hit_of(probe, ROWS[i].bus, ROWS[i].address);
    assert_true(hit->answers && hit->expected);
    assert_string_equal(hit->what, ROWS[i].what);
    assert_string_equal(hit->map, ROWS[i].map);
  }
  assert_false(hit_of(probe, "tcp-nodes", 41)->answers); /* csu-1 is off, and its agent with it: not missing */
  pl_probe_free(probe);
  pl_rig_free(rig);
}

static void buses_can_be_named(void **state)
{
  (void)state;
  static const struct {
    const char *name, *says;
  } WRONG[] = {{"i2c-pover", "did you mean 'i2c-power'?"}, {"lines-m1", "no addresses to ask"}};
  struct pl_rig *rig;
  struct pl_probe *probe = probe_demo(&rig, (const char *const[]){"i2c-m1"}, 1);
  assert_int_equal(probe->n_buses, 1);
  assert_int_equal(probe->buses[0].n_hits, 12); /* four hot-swap controllers, thermometers and EEPROMs */
  pl_probe_free(probe);
  for (size_t i = 0; i < 2; i++) {
    struct pl_err err = {0};
    const struct pl_probe_cfg cfg = {.buses = &WRONG[i].name, .n_buses = 1};
    assert_int_equal(pl_probe_rig(rig, &cfg, &probe, &err), PL_E_USAGE);
    assert_non_null(strstr(err.text, WRONG[i].says));
  }
  pl_rig_free(rig);
}

static void a_bus_that_cannot_be_opened_is_told_and_the_others_go_on(void **state)
{
  (void)state;
  static const char TEXT[] = "rig: half\nbuses:\n"
                             "- {name: gone, kind: i2c, adapter: i2c-dev, port: /dev/i2c-999}\n"
                             "- {name: here, kind: modbus, adapter: modbus-tcp, host: twin}\n"
                             "parts:\n- {name: bar, kind: busbar}\n- {name: slot, kind: csu, busbar: bar}\n"
                             "devices:\n- {name: load, driver: modbus-map, map: load-bank, bus: here, unit: 21, role: load, part: slot, owner: bench}\n";
  struct pl_err err = {0};
  struct pl_rig *rig = NULL;
  struct pl_probe *probe = NULL;
  struct pl_clock *clock = NULL;
  if (pl_rig_parse("half.yaml", TEXT, sizeof TEXT - 1, &rig, &err))
    fail_msg("%s", err.text);
  assert_int_equal(pl_clock_new_real(&clock, &err), PL_OK);
  const struct pl_probe_cfg cfg = {.clock = clock, .first = 20, .last = 22};
  if (pl_probe_rig(rig, &cfg, &probe, &err))
    fail_msg("%s", err.text);
  assert_int_equal(probe->n_buses, 2);
  assert_true(probe->buses[0].status != PL_OK && !probe->buses[0].n_hits);
  assert_non_null(strstr(probe->buses[0].err.text, "gone"));
  assert_int_equal(probe->buses[1].status, PL_OK);
  assert_int_equal(probe->buses[1].asked, 3);
  assert_true(hit_of(probe, "here", 21)->answers);
  assert_true(probe->failed == 1 && !probe->missing && !probe->unexpected);
  pl_probe_free(probe);
  pl_clock_free(clock);
  pl_rig_free(rig);
}

/* --- buses of a test's own --- */

struct lab {
  struct pl_clock *clock;
  struct pl_bus *bus;
  struct pl_rig rig;
  struct pl_rig_bus rig_bus;
  struct pl_probe_bus result;
  struct pl_probe_cfg cfg;
  struct pl_probe_at at;
  unsigned stop_at; /* progress sets stop there; 0: never */
  volatile int stop;
  /* what went over the bus */
  unsigned asked[256], writes[256];
  bool is_away;
};

static void progress(void *ctx, const char *bus, unsigned done, unsigned total, size_t found)
{
  struct lab *lab = ctx;
  (void)bus;
  (void)total;
  (void)found;
  lab->stop = lab->stop_at && done >= lab->stop_at;
}

static void lab_open(struct lab *lab, enum pl_bus_kind kind, const void *ops)
{
  struct pl_err err = {0};
  *lab = (struct lab){.clock = virtual_clock(), .rig_bus = {.name = "lab", .kind = kind}, .stop_at = lab->stop_at, .is_away = lab->is_away};
  lab->result.bus = &lab->rig_bus;
  assert_int_equal(pl_bus_new("lab", kind, lab->clock, &lab->bus, &err), PL_OK);
  pl_bus_attach(lab->bus, ops, lab, NULL, true);
  lab->cfg = (struct pl_probe_cfg){.clock = lab->clock, .progress = progress, .ctx = lab, .stop = &lab->stop};
  lab->at = (struct pl_probe_at){.cfg = &lab->cfg, .rig = &lab->rig, .bus = lab->bus, .result = &lab->result};
}

static void lab_close(struct lab *lab)
{
  free(lab->result.hits);
  pl_bus_free(lab->bus);
  pl_clock_free(lab->clock);
}

static const struct pl_probe_hit *lab_hit(const struct lab *lab, unsigned address)
{
  for (size_t i = 0; i < lab->result.n_hits; i++)
    if (lab->result.hits[i].address == address)
      return &lab->result.hits[i];
  return NULL;
}

/* I2C: everybody answers every read and write with zeros, but for a few. */
enum { A_SENSOR = 0x48, AN_EXPANDER = 0x20, A_SWITCH = 0x70, OF_THE_KERNEL = 0x50, NOBODY = 0x60, HOLDS_SDA = 0x66 };

static const struct pl_i2c_caps *lab_caps(void *self)
{
  static const struct pl_i2c_caps CAPS = {.flags = PL_I2C_CAP_ANY_LIST, .max_batch = 1, .speed_hz = 100000};
  (void)self;
  return &CAPS;
}

static enum pl_status lab_one(struct lab *lab, struct pl_i2c_transfer *t, struct pl_err *err)
{
  uint8_t address = t->msgs[0].address;
  lab->asked[address]++;
  if (address == NOBODY)
    return pl_fail(err, PL_E_NACK, "nobody");
  if (address == OF_THE_KERNEL)
    return pl_fail(err, PL_E_LOCKED, "the kernel's driver at24 has it");
  if (address == HOLDS_SDA && lab->is_away)
    return pl_fail(err, PL_E_STUCK, "SDA is held");
  for (size_t i = 0; i < t->count; i++) {
    lab->writes[address] += !(t->msgs[i].flags & PL_I2C_READ);
    if (!(t->msgs[i].flags & PL_I2C_READ))
      assert_int_equal(t->msgs[i].len, 1); /* a command byte, never data */
    else
      memset(t->msgs[i].buf, 0, t->msgs[i].len);
  }
  return PL_OK;
}

static enum pl_status lab_transfer(void *self, struct pl_i2c_transfer *list, size_t count, pl_time_ns deadline, struct pl_err *err)
{
  (void)deadline;
  assert_int_equal(count, 1);
  return list->status = lab_one(self, list, err);
}

static const struct pl_i2c_ops I2C_OPS = {.caps = lab_caps, .transfer = lab_transfer};

static void i2c_is_asked_by_reading_and_never_by_a_blind_write(void **state)
{
  (void)state;
  struct lab lab = {0};
  struct pl_err err = {0};
  lab_open(&lab, PL_BUS_I2C, &I2C_OPS);
  assert_int_equal(pl_probe_i2c(&lab.at, &err), PL_OK);
  for (unsigned address = 0; address < 256; address++) {
    bool skipped = address < 0x08 || address > 0x77 || address == 0x0c;
    bool may_be_set = (address >= 0x20 && address <= 0x27) || (address >= 0x38 && address <= 0x3f) || (address >= 0x70 && address <= 0x77);
    assert_int_equal(lab.asked[address] > 0, !skipped);
    if (may_be_set)
      assert_int_equal(lab.writes[address], 0);
  }
  assert_true(lab.writes[A_SENSOR] > 0);
  assert_null(lab_hit(&lab, NOBODY));
  assert_string_equal(lab_hit(&lab, A_SENSOR)->what, ""); /* zeros are nobody's name */
  assert_non_null(strstr(lab_hit(&lab, AN_EXPANDER)->what, "expander"));
  assert_non_null(strstr(lab_hit(&lab, A_SWITCH)->what, "switch"));
  assert_true(lab_hit(&lab, OF_THE_KERNEL)->answers);
  assert_int_equal(lab_hit(&lab, OF_THE_KERNEL)->status, PL_E_LOCKED);
  assert_non_null(strstr(lab_hit(&lab, OF_THE_KERNEL)->what, "at24"));
  assert_int_equal(lab.result.asked, 0x77 - 0x08 + 1 - 1);
  lab_close(&lab);
}

static void a_stuck_bus_ends_the_scan(void **state)
{
  (void)state;
  struct lab lab = {.is_away = true};
  struct pl_err err = {0};
  lab_open(&lab, PL_BUS_I2C, &I2C_OPS);
  assert_int_equal(pl_probe_i2c(&lab.at, &err), PL_E_STUCK);
  assert_string_equal(err.text, "SDA is held");
  assert_int_equal(lab.asked[HOLDS_SDA + 1], 0);
  lab_close(&lab);
}

/* Modbus: what each unit does. */
enum { ANSWERS = 5, REFUSES = 10, OF_A_GATEWAY = 11, AFTER_A_LATE_ONE = 20, TWO_AT_ONE = 30, NOISE_ONCE = 31, PULLS_OUT = 200 };

static enum pl_status lab_exchange(void *self, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *answer, size_t answer_room,
                                   size_t *answer_len,
                                   pl_time_ns deadline, pl_time_ns *wire_ns, struct pl_err *err)
{
  struct lab *lab = self;
  bool again = lab->asked[unit]++ > 0;
  (void)answer_room;
  (void)deadline;
  *wire_ns = PL_MS;
  assert_true(request_len == 5 && (request[0] == 3 || request[0] == 4)); /* reading only */
  if (unit == PULLS_OUT && lab->is_away)
    return pl_fail(err, PL_E_GONE, "unplugged");
  if (unit == TWO_AT_ONE || (unit == NOISE_ONCE && !again))
    return pl_fail(err, PL_E_CRC, "wrong CRC");
  if (unit == AFTER_A_LATE_ONE && !again)
    return pl_fail(err, PL_E_WRONG_UNIT, "unit 19 answered on lab, unit 20 was asked");
  *answer_len = 2;
  memcpy(answer, (const uint8_t[]){request[0] | 0x80, unit == REFUSES ? 2 : 11}, 2);
  if (unit == REFUSES || unit == OF_A_GATEWAY)
    return PL_OK;
  *answer_len = 4;
  memcpy(answer, (const uint8_t[]){request[0], 2, 0x12, 0x34}, 4);
  return unit == ANSWERS || unit == NOISE_ONCE ? PL_OK : pl_fail(err, PL_E_TIMEOUT, "silent");
}

static const struct pl_modbus_ops MODBUS_OPS = {.exchange = lab_exchange};

static void whoever_sends_something_back_is_there(void **state)
{
  (void)state;
  struct lab lab = {0};
  struct pl_err err = {0};
  lab_open(&lab, PL_BUS_MODBUS, &MODBUS_OPS);
  assert_int_equal(pl_probe_modbus(&lab.at, &err), PL_OK);
  assert_int_equal(lab.result.asked, 247);
  assert_int_equal(lab.asked[1], 1);
  assert_int_equal(lab.asked[0] + lab.asked[248], 0);
  assert_int_equal(lab.result.n_hits, 4);
  assert_true(lab_hit(&lab, ANSWERS)->answers && lab_hit(&lab, REFUSES)->answers && lab_hit(&lab, NOISE_ONCE)->answers);
  assert_null(lab_hit(&lab, OF_A_GATEWAY));
  assert_false(lab_hit(&lab, TWO_AT_ONE)->answers);
  assert_int_equal(lab_hit(&lab, TWO_AT_ONE)->status, PL_E_CRC);
  assert_non_null(strstr(lab_hit(&lab, TWO_AT_ONE)->what, "two units with this number"));
  assert_non_null(strstr(lab.result.note, "unit 19 answered on lab"));
  assert_non_null(strstr(lab.result.note, "--timeout"));
  lab_close(&lab);
}

static void a_port_that_is_pulled_out_ends_the_scan(void **state)
{
  (void)state;
  struct lab lab = {.is_away = true};
  struct pl_err err = {0};
  lab_open(&lab, PL_BUS_MODBUS, &MODBUS_OPS);
  assert_int_equal(pl_probe_modbus(&lab.at, &err), PL_E_GONE);
  assert_int_equal(lab.asked[PULLS_OUT + 1], 0);
  assert_true(lab_hit(&lab, ANSWERS)->answers); /* what was found is kept */
  lab_close(&lab);
}

static void a_scan_can_be_stopped(void **state)
{
  (void)state;
  struct lab lab = {.stop_at = 40};
  struct pl_err err = {0};
  lab_open(&lab, PL_BUS_MODBUS, &MODBUS_OPS);
  assert_int_equal(pl_probe_modbus(&lab.at, &err), PL_E_CANCELLED);
  assert_string_equal(err.text, "stopped at unit 40");
  assert_int_equal(lab.asked[41], 0);
  lab_close(&lab);
}

static void the_time_out_of_a_scan_is_its_own(void **state)
{
  (void)state;
  struct pl_rig *rig = NULL;
  struct pl_err err = {0};
  assert_int_equal(pl_rig_load("fixtures/rigs/demo-rack.yaml", &rig, &err), PL_OK);
  pl_probe_set_timeout(rig, 60 * PL_MS);
  size_t count = 0;
  for (size_t i = 0; i < rig->n_buses; i++)
    if (rig->buses[i].kind == PL_BUS_MODBUS) {
      assert_int_equal(pl_value(&rig->buses[i].values, "response-timeout")->number, 60000);
      count++;
    }
  assert_int_equal(count, 3);
  pl_rig_free(rig);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_demo_rack_is_all_there_and_says_who_it_is),
      cmocka_unit_test(buses_can_be_named),
      cmocka_unit_test(a_bus_that_cannot_be_opened_is_told_and_the_others_go_on),
      cmocka_unit_test(i2c_is_asked_by_reading_and_never_by_a_blind_write),
      cmocka_unit_test(a_stuck_bus_ends_the_scan),
      cmocka_unit_test(whoever_sends_something_back_is_there),
      cmocka_unit_test(a_port_that_is_pulled_out_ends_the_scan),
      cmocka_unit_test(a_scan_can_be_stopped),
      cmocka_unit_test(the_time_out_of_a_scan_is_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

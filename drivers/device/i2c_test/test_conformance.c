/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/conformance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "drivers/device/hsc_adm1272/hsc_adm1272.h"
#include "drivers/device/i2c_test/fake_wire.h"
#include "drivers/device/monitor_ina238/monitor_ina238.h"
#include "drivers/device/psu_pmbus/psu_pmbus.h"

struct log {
  size_t passed, failed;
  char first[128]; /* the first that failed */
  bool saw_power_good;
};

static void note(void *ctx, const char *check, enum pl_status status, const char *detail)
{
  struct log *log = ctx;
  log->saw_power_good |= !strcmp(check, "get power-good");
  assert_int_equal(status == PL_OK, detail[0] == '\0');
  if (status == PL_OK)
    log->passed++;
  else if (!log->failed++)
    snprintf(log->first, sizeof log->first, "%s", check);
}

static void settle(struct fake *fake)
{
  static const struct {
    const char *port;
    double value;
  } WORLD[] = {{"vin", 48}, {"iin", 6}, {"vout", 47.9}, {"iout", 10}, {"temperature", 35}, {"fan_speed", 5000}, {"ac_ok", 1}, {"power_good", 1},
               {"power_enable_pin", 1}, {"mated", 1}};
  for (size_t i = 0; i < sizeof WORLD / sizeof WORLD[0]; i++)
    for (size_t k = 0; k < fake->twin_desc->n_ports; k++)
      if (!strcmp(fake->twin_desc->ports[k].name, WORLD[i].port))
        fake->io.in[k] = WORLD[i].value;
  if (!strcmp(fake->desc->role, "supply"))
    fake_in(fake, "vin", 230);
}

/* Runs the suite on a driver of `desc` over the fake's wire. */
static size_t run(struct fake *fake, const struct pl_device_desc *desc, bool may_drive, struct log *log)
{
  struct pl_device_args args = {.name = "device", .bus = fake->bus, .values = &fake->values, .shape = &fake->shape};
  struct pl_device *device = NULL;
  struct pl_conformance suite = {.may_drive = may_drive, .healthy = true, .check = note, .ctx = log};
  size_t checks = 0, failed = 0;
  settle(fake);
  fake_pass(fake, 10 * PL_MS, PL_MS);
  *log = (struct log){0};
  assert_int_equal(pl_device_open(desc, &args, &device, &fake->err), PL_OK);
  assert_int_equal(pl_conformance_run(device, &suite, &checks, &failed, &fake->err), PL_OK);
  pl_device_close(device);
  assert_int_equal(checks, log->passed + log->failed);
  assert_int_equal(failed, log->failed);
  return checks;
}

static void all_three_conform(void **state)
{
  (void)state;
  static const struct {
    const struct pl_device_desc *desc;
    const struct pl_twin_desc *twin;
    const char *texts[7];
    size_t least;
  } CASES[] = {
      {&pl_device_psu_pmbus, &pl_twin_psu_pmbus, {"0x58"}, 40},
      {&pl_device_hsc_adm1272, &pl_twin_hsc_adm1272, {"0x10", "0.5 mohm"}, 40},
      {&pl_device_monitor_ina238, &pl_twin_monitor_ina238, {"0x40", "0.5 mohm"}, 14},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    struct fake *fake = fake_open(CASES[i].desc, CASES[i].twin, CASES[i].texts);
    struct log log;
    size_t checks = run(fake, CASES[i].desc, true, &log);
    if (log.failed)
      fail_msg("%s: %s", CASES[i].desc->name, log.first);
    if (checks < CASES[i].least)
      fail_msg("%s: %zu checks", CASES[i].desc->name, checks);
    assert_int_equal(log.saw_power_good, i < 2);
    fake_close(fake);
  }
}

static void reading_only_changes_nothing(void **state)
{
  (void)state;
  struct fake *fake = fake_open(&pl_device_psu_pmbus, &pl_twin_psu_pmbus, (const char *const[]){"0x58", NULL, NULL, NULL});
  struct log log;
  run(fake, &pl_device_psu_pmbus, false, &log);
  assert_int_equal(log.failed, 0);
  for (unsigned i = 0; i < fake->transfers; i++)
    assert_int_not_equal(fake->codes[i], 0x03); /* no CLEAR_FAULTS */
  fake_close(fake);
}

/* --- devices that do not conform are caught --- */

static enum pl_status lie_value(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  (void)self;
  (void)err;
  *reading = (struct pl_reading){.value_u = 5000 * PL_U, .dim = quantity->dim, .at = PL_S}; /* the time is wrong too */
  return PL_OK;
}

static enum pl_status deaf_set(void *self, const struct pl_quantity *quantity, int64_t value_u, struct pl_err *err)
{
  (void)self;
  (void)quantity;
  (void)value_u;
  (void)err;
  return PL_OK;
}

static enum pl_status nameless(void *self, struct pl_identity *identity, struct pl_err *err)
{
  (void)self;
  (void)identity;
  (void)err;
  return PL_OK;
}

static enum pl_status ill_named(void *self, struct pl_faults *faults, struct pl_err *err)
{
  (void)self;
  (void)err;
  faults->count = 1;
  snprintf(faults->names[0], sizeof faults->names[0], "VOUT fault");
  return PL_OK;
}

static void liars_are_caught(void **state)
{
  (void)state;
  for (int lie = 0; lie < 6; lie++) {
    static const char *const FIRST[] = {"get vin", "set on", "identity", "faults", "has power-good", "probe"};
    struct fake *fake = fake_open(&pl_device_psu_pmbus, &pl_twin_psu_pmbus, (const char *const[]){"0x58", NULL, NULL, NULL});
    struct pl_device_desc desc = pl_device_psu_pmbus;
    struct pl_quantity quantities[16];
    struct log log;
    memcpy(quantities, desc.quantities, desc.n_quantities * sizeof quantities[0]);
    desc.get = lie == 0 ? lie_value : desc.get;
    desc.set = lie == 1 ? deaf_set : desc.set;
    desc.identify = lie == 2 ? nameless : desc.identify;
    desc.faults = lie == 3 ? ill_named : desc.faults;
    for (size_t i = 0; lie == 4 && i < desc.n_quantities; i++)
      if (!strcmp(quantities[i].name, "power-good"))
        quantities[i].name = "power-ok";
    fake->shape.quantities = quantities;
    if (lie == 5)
      fake->slave.address = 0x59;
    run(fake, &desc, true, &log);
    assert_true(log.failed > 0);
    assert_string_equal(log.first, FIRST[lie]);
    fake_close(fake);
  }
}

static void other_roles_have_no_suite(void **state)
{
  (void)state;
  struct fake *fake = fake_open(&pl_device_psu_pmbus, &pl_twin_psu_pmbus, (const char *const[]){"0x58", NULL, NULL, NULL});
  struct pl_device_desc desc = pl_device_psu_pmbus;
  struct pl_device_args args = {.name = "device", .bus = fake->bus, .values = &fake->values, .shape = &fake->shape};
  struct pl_device *device = NULL;
  size_t checks = 0, failed = 0;
  desc.role = "coolant";
  assert_int_equal(pl_device_open(&desc, &args, &device, &fake->err), PL_OK);
  assert_int_equal(pl_conformance_run(device, &(struct pl_conformance){0}, &checks, &failed, &fake->err), PL_E_UNSUPPORTED);
  pl_device_close(device);
  fake_close(fake);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_three_conform),
      cmocka_unit_test(reading_only_changes_nothing),
      cmocka_unit_test(liars_are_caught),
      cmocka_unit_test(other_roles_have_no_suite),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

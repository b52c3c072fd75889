/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rig/bench_test.h"

static void refuse(struct fixture *f, enum pl_status status, const char *sentence)
{
  struct pl_err err = {0};
  assert_int_equal(pl_bench_open(f->rig, &f->cfg, &f->bench, &err), status);
  assert_string_equal(err.text, sentence);
  assert_null(f->bench);
  assert_int_equal(seen.open, 0); /* all that was opened has been closed */
}

static void test_virtual(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, TWIN_RIG, true);
  static const char *const FAULTS[] = {"psu-a.supply=dead@12.5s", "pump.flow=zero"};
  f.cfg.faults = FAULTS;
  f.cfg.n_faults = 2;
  open_bench(&f);
  assert_string_equal(seen.log, "rack virtual seed 7; fault psu-a.supply=dead@12.5s; fault pump.flow=zero; i2c-1 by twin speed=400 kHz; "
                                "rtu by modbus-rtu port=twin; +psu-a; +psu-b; +pump; ");
  assert_true(pl_bench_all_virtual(f.bench));
  assert_ptr_equal(pl_bench_backend(f.bench), &rack);
  assert_ptr_equal(pl_bench_backend_desc(f.bench), &RACK);
  assert_ptr_equal(pl_bench_clock(f.bench), f.clock);
  assert_ptr_equal(pl_bench_rig(f.bench), f.rig);
  assert_string_equal(pl_device_name(pl_bench_device(f.bench, "psu_b")), "psu-b");
  assert_string_equal(pl_bus_name(pl_bench_bus(f.bench, "rtu")), "rtu");
  assert_null(pl_bench_device(f.bench, "psu-c"));
  assert_null(pl_bench_bus(f.bench, "psu-a"));
  seen.log[0] = '\0';
  pl_bench_close(f.bench);
  f.bench = NULL;
  assert_string_equal(seen.log, "-pump; -psu-b; -psu-a; -rtu; -i2c-1; rack closed; ");
  end(&f);
}

static void test_real(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, REAL_RIG, false);
  open_bench(&f);
  assert_string_equal(seen.log, "i2c-1 by linux-i2c device=/dev/i2c-1 speed=400 kHz alone; rtu by modbus-rtu port=/dev/ttyUSB0 alone; "
                                "tcp by modbus-tcp host=10.0.0.7 port=1502 alone; +psu-a; +psu-b; +pump; ");
  assert_false(pl_bench_all_virtual(f.bench));
  assert_null(pl_bench_backend(f.bench));
  assert_null(pl_bench_backend_desc(f.bench));
  end(&f);
}

static void test_mixed(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, MIXED_RIG, false);
  open_bench(&f);
  assert_string_equal(seen.log, "rack mixed seed 7; i2c-1 by linux-i2c device=/dev/i2c-1; rtu by modbus-rtu port=twin; +psu-a; +psu-b; +pump; ");
  assert_false(pl_bench_all_virtual(f.bench));
  assert_ptr_equal(pl_bench_backend(f.bench), &rack);
  end(&f);
}

static void test_observe(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, TWIN_RIG, true);
  f.cfg.observe = true;
  open_bench(&f);
  assert_non_null(strstr(seen.log, "+psu-a as it is; +psu-b as it is; +pump as it is; "));
  end(&f);
}

/* Two programs share a rig: each opens what is its owner's, and a bus only where one of those hangs on it. */
static void test_owners(void **state)
{
  static const char TEXT[] = "rig: shared\nbuses:\n"
                             "- {name: i2c-1, kind: i2c, adapter: twin}\n"
                             "- {name: i2c-2, kind: i2c, adapter: twin}\n"
                             "- {name: rtu, kind: modbus, adapter: modbus-rtu, port: twin}\n"
                             "- {name: spare, kind: i2c, adapter: twin}\n"
                             "devices:\n"
                             "- {name: psu-a, driver: psu, bus: i2c-1, address: 0x58, owner: stack, safe: {on: true}}\n"
                             "- {name: psu-b, driver: psu, bus: i2c-1, address: 0x59, owner: bench, safe: {on: off}}\n"
                             "- {name: pump, driver: pump, bus: rtu, unit: 12, owner: stack}\n"
                             "- {name: psu-c, driver: psu, bus: i2c-2, address: 0x58, owner: bench}\n";
  (void)state;
  struct fixture f;
  struct pl_err err = {0};
  begin(&f, TEXT, true);
  f.cfg.owners = 1u << PL_OWNER_STACK;
  open_bench(&f);
  assert_string_equal(seen.log, "rack shared seed 7; i2c-1 by twin speed=100 kHz; rtu by modbus-rtu port=twin; +psu-a; +pump; ");
  assert_null(pl_bench_device(f.bench, "psu-b"));
  assert_null(pl_bench_bus(f.bench, "i2c-2"));
  seen.log[0] = '\0';
  assert_int_equal(pl_bench_make_safe(f.bench, &err), PL_OK);
  assert_string_equal(seen.log, "psu-a.on=1000000; "); /* the other owner's outputs are the other owner's */
  end(&f);

  begin(&f, TEXT, true);
  f.cfg.owners = 1u << PL_OWNER_BENCH;
  open_bench(&f);
  assert_string_equal(seen.log, "rack shared seed 7; i2c-1 by twin speed=100 kHz; i2c-2 by twin speed=100 kHz; +psu-b; +psu-c; ");
  end(&f);
}

static void test_rehearsal(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, REAL_RIG, true);
  f.cfg.rehearsal = true;
  open_bench(&f);
  assert_string_equal(seen.log, "rack real seed 7 all; i2c-1 by twin speed=400 kHz; rtu by modbus-tcp host=twin port=502; tcp by modbus-tcp host=twin port=1502; "
                                "+psu-a; +psu-b; +pump; ");
  assert_true(pl_bench_all_virtual(f.bench));
  end(&f);
  begin(&f, TWIN_RIG, true); /* what is virtual already stays as it is */
  f.cfg.rehearsal = true;
  open_bench(&f);
  assert_string_equal(seen.log, "rack virtual seed 7 all; i2c-1 by twin speed=400 kHz; rtu by modbus-rtu port=twin; +psu-a; +psu-b; +pump; ");
  end(&f);
}

static void test_refused(void **state)
{
  (void)state;
  struct fixture f;
  begin(&f, MIXED_RIG, true);
  refuse(&f, PL_E_USAGE, "b.yaml:3: bus 'i2c-1' (adapter 'linux-i2c') is real, expected a bus on the twin: virtual time cannot drive hardware");
  assert_string_equal(seen.log, "");
  end(&f);

  static const char *const FAULTS[] = {"x.y=z"};
  begin(&f, REAL_RIG, false);
  f.cfg.faults = FAULTS;
  f.cfg.n_faults = 1;
  refuse(&f, PL_E_USAGE, "fault 'x.y=z': b.yaml has no bus on the twin, expected one: a fault is planted in the virtual rack");
  end(&f);

  begin(&f, TWIN_RIG, true);
  f.cfg.faults = FAULTS;
  f.cfg.n_faults = 1;
  seen.refuse_faults = true;
  refuse(&f, PL_E_USAGE, "fault 'x.y=z': no such fault");
  end(&f);

  begin(&f, TWIN_RIG, true);
  seen.fail_bus = "rtu";
  refuse(&f, PL_E_GONE, "bus 'rtu' (adapter 'modbus-rtu'): not plugged");
  assert_string_equal(seen.log, "rack virtual seed 7; i2c-1 by twin speed=400 kHz; -i2c-1; rack closed; ");
  end(&f);

  begin(&f, TWIN_RIG, true);
  seen.fail_device = "psu-b";
  struct pl_err err = {0};
  assert_int_equal(pl_bench_open(f.rig, &f.cfg, &f.bench, &err), PL_E_UNSUPPORTED);
  assert_ptr_equal(strstr(err.text, "psu-b"), err.text); /* the device layer names it; once is enough */
  assert_null(strstr(err.text + 1, "psu-b"));
  assert_non_null(strstr(err.text, "cannot work here"));
  assert_null(f.bench);
  end(&f);
}

static void test_probe(void **state)
{
  (void)state;
  struct fixture f;
  struct pl_err err = {0};
  const struct pl_rig_device *failed = NULL;
  begin(&f, TWIN_RIG, true);
  open_bench(&f);
  seen.log[0] = '\0';
  assert_int_equal(pl_bench_probe(f.bench, &failed, &err), PL_OK);
  assert_string_equal(seen.log, "probe psu-a; probe psu-b; ");
  assert_null(failed);
  seen.dead = "psu-b";
  assert_int_equal(pl_bench_probe(f.bench, &failed, &err), PL_E_NACK);
  assert_ptr_equal(failed, pl_rig_device(f.rig, "psu-b"));
  assert_ptr_equal(strstr(err.text, "psu-b"), err.text); /* the name first, once */
  assert_null(strstr(err.text + 1, "psu-b"));
  assert_non_null(strstr(err.text, "nobody answers"));
  assert_int_equal(pl_bench_probe(f.bench, NULL, NULL), PL_E_NACK);
  end(&f);
}

/* --- closed in the middle of calls --- */

static int cancelled, answered;

static void count_end(struct pl_call *call)
{
  assert_int_equal(strncmp(pl_device_name(call->device), "psu-", 4), 0); /* it is still there */
  if (call->job.status == PL_E_CANCELLED) {
    assert_ptr_equal(strstr(call->job.err.text, "psu-"), call->job.err.text);
    cancelled++;
  } else {
    assert_int_equal(call->job.status, PL_OK);
    answered++;
  }
}

static void test_close_under_way(void **state)
{
  (void)state;
  struct fixture f;
  struct pl_call calls[6] = {{.device = NULL}};
  begin(&f, REAL_RIG, false);
  open_bench(&f);
  cancelled = answered = 0;
  for (size_t i = 0; i < 6; i++) {
    calls[i].device = pl_bench_device(f.bench, i % 2 ? "psu-b" : "psu-a");
    calls[i].kind = PL_CALL_SET;
    calls[i].quantity = &QUANTITIES[1];
    calls[i].done = count_end;
  }
  atomic_store(&slow, 1);
  for (size_t i = 0; i < 6; i++)
    pl_call_submit(&calls[i]);
  while (atomic_load(&slow) == 1) /* until the first is inside its device */
    sched_yield();
  pl_bench_close(f.bench);
  f.bench = NULL;
  assert_int_equal(answered, 1);
  assert_int_equal(cancelled, 5);
  const char *gone = strstr(seen.log, "psu-a.left; ");
  assert_non_null(gone);
  assert_non_null(strstr(gone, "-psu-a; "));
  end(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_virtual), cmocka_unit_test(test_real), cmocka_unit_test(test_mixed), cmocka_unit_test(test_rehearsal),
      cmocka_unit_test(test_observe), cmocka_unit_test(test_owners), cmocka_unit_test(test_refused), cmocka_unit_test(test_probe), cmocka_unit_test(test_close_under_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

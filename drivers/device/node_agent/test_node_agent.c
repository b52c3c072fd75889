/* SPDX-License-Identifier: Apache-2.0 */
/* The driver against its twin, over real Modbus (TCP and RTU) in a rack of two CSUs, and what its runs do to the rack's current and heat. */
#include "drivers/device/conformance.h"
#include "drivers/device/node_agent/node_agent.h"
#include "fixtures/twin/test_rack.h"

static const char NODES[] = "rig: nodes\n"
                            "about: two CSUs with agents\n"
                            "buses:\n"
                            "  - {name: lines, kind: gpio, adapter: twin}\n"
                            "  - {name: i2c, kind: i2c, adapter: twin, speed: 400 kHz}\n"
                            "  - {name: rtu, kind: modbus, adapter: modbus-rtu, port: twin, baud: 115200, parity: none}\n"
                            "  - {name: tcp, kind: modbus, adapter: modbus-tcp, host: twin}\n"
                            "parts:\n"
                            "  - {name: busbar, kind: busbar}\n"
                            "  - {name: psu-a, kind: psu, busbar: busbar}\n"
                            "  - {name: csu-1, kind: csu, busbar: busbar, loop: loop}\n"
                            "  - {name: csu-2, kind: csu, busbar: busbar, loop: loop}\n"
                            "  - {name: loop, kind: loop}\n"
                            "  - {name: rpu, kind: pump-unit, loop: loop}\n"
                            "devices:\n"
                            "  - {name: connector-1, driver: connector, bus: lines, part: csu-1, owner: bench, present: \"!PRSNT1_N\",\n"
                            "     power-enable: PWR1_EN, power-good: PWR1_GOOD, reset: \"!RESET1_N\"}\n"
                            "  - {name: connector-2, driver: connector, bus: lines, part: csu-2, owner: bench, present: \"!PRSNT2_N\",\n"
                            "     power-enable: PWR2_EN, power-good: PWR2_GOOD, reset: \"!RESET2_N\"}\n"
                            "  - {name: monitor-1, driver: monitor-ina238, bus: i2c, address: 0x40, shunt: 0.5 mohm, part: csu-1, owner: bench}\n"
                            "  - {name: hsc-1, driver: hsc-adm1272, bus: i2c, address: 0x10, shunt: 0.5 mohm, part: csu-1, owner: bench}\n"
                            "  - {name: hsc-2, driver: hsc-adm1272, bus: i2c, address: 0x11, shunt: 0.5 mohm, part: csu-2, owner: bench}\n"
                            "  - {name: agent-1, driver: node-agent, bus: tcp, unit: 41, part: csu-1, owner: bench}\n"
                            "  - {name: agent-2, driver: node-agent, bus: rtu, unit: 42, cores: 8, memory: 16, storage: 100, copy-rate: 100, part: csu-2, owner: bench}\n";

#define STEADY_50 (1u << 28 | 50u << 20)

static enum pl_status ask(struct rack *rack, const char *device, struct pl_agent_exchange *exchange)
{
  struct pl_call call = {.device = pl_bench_device(rack->bench, device), .kind = PL_CALL_AGENT, .agent = exchange, .timeout_ns = 2 * PL_S};
  rack->err = (struct pl_err){0};
  return pl_call_run(&call, &rack->err);
}

static enum pl_status tell(struct rack *rack, const char *device, enum pl_agent_op op, struct pl_agent_run *run)
{
  struct pl_agent_exchange exchange = {.op = op, .run = *run};
  enum pl_status status = ask(rack, device, &exchange);
  *run = exchange.run;
  return status;
}

static struct pl_agent_exchange survey(struct rack *rack, const char *device)
{
  struct pl_agent_exchange exchange = {.op = PL_AGENT_SURVEY};
  OK(rack, ask(rack, device, &exchange));
  return exchange;
}

static void power(struct rack *rack, const char *n, double on)
{
  char device[24];
  snprintf(device, sizeof device, "hsc-%s", n);
  set(rack, device, "on", on);
  snprintf(device, sizeof device, "connector-%s", n);
  set(rack, device, "power-enable", on);
  run_for(rack, on > 0 ? 5 * PL_S : 2 * PL_S);
}

static int setup(void **state)
{
  struct rack *rack = rack_open_text(NODES, false, 1);
  power(rack, "1", 1);
  power(rack, "2", 1);
  double first;
  (void)try_get(rack, "monitor-1", "iout", &first); /* sets it up */
  run_for(rack, 100 * PL_MS);
  *state = rack;
  return 0;
}

static struct pl_agent_run some_run(uint32_t handle, int64_t cores)
{
  return (struct pl_agent_run){.handle = handle, .cores_m = cores * 1000, .memory_MiB = 1024, .data_MiB = 2048, .image = STEADY_50};
}

static void test_a_run_makes_current(void **state)
{
  struct rack *rack = *state;
  double before = get(rack, "monitor-1", "iout");
  struct pl_agent_run run = some_run(7, 32);
  OK(rack, tell(rack, "agent-1", PL_AGENT_DEPLOY, &run));
  assert_int_equal(run.state, PL_AGENT_RUN_RUNNING);
  assert_float_equal(run.used_cores, 16, 1e-9);
  run_for(rack, 10 * PL_S);
  assert_float_equal(truth(rack, "csu-1", "workload"), 0.25, 1e-6); /* 16 of 64 */
  double more_W = (get(rack, "monitor-1", "iout") - before) * get(rack, "monitor-1", "vout");
  assert_float_equal(more_W, 0.25 * (600 - 80), 10);
  struct pl_agent_exchange all = survey(rack, "agent-1");
  assert_int_equal(all.n_runs, 1);
  assert_int_equal(all.runs[0].handle, 7);
  assert_in_range(all.runs[0].work / 16000, 10000, 10100); /* ms at 16 cores */
  OK(rack, tell(rack, "agent-1", PL_AGENT_STOP, &run));
  run_for(rack, 10 * PL_S);
  assert_float_equal(truth(rack, "csu-1", "workload"), 0, 1e-12);
  assert_float_equal(get(rack, "monitor-1", "iout"), before, 0.1);
  assert_int_equal(survey(rack, "agent-1").n_runs, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_a_run_makes_current, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

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

static void near(double is, double wanted, double tolerance)
{
  if (!(fabs(is - wanted) <= tolerance))
    fail_msg("%g, expected %g within %g", is, wanted, tolerance);
}

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
  near(run.used_cores, 16, 1e-9);
  run_for(rack, 10 * PL_S);
  near(truth(rack, "csu-1", "workload"), 0.25, 1e-6); /* 16 of 64 */
  double more_W = (get(rack, "monitor-1", "iout") - before) * get(rack, "monitor-1", "vout");
  near(more_W, 0.25 * (600 - 80), 10);
  struct pl_agent_exchange all = survey(rack, "agent-1");
  assert_int_equal(all.n_runs, 1);
  assert_int_equal(all.runs[0].handle, 7);
  assert_in_range(all.runs[0].work / 16000, 10000, 10100); /* ms at 16 cores */
  OK(rack, tell(rack, "agent-1", PL_AGENT_STOP, &run));
  run_for(rack, 10 * PL_S);
  near(truth(rack, "csu-1", "workload"), 0, 1e-12);
  near(get(rack, "monitor-1", "iout"), before, 0.1);
  assert_int_equal(survey(rack, "agent-1").n_runs, 0);
}


/* --- the registers --- */

/* A request as another master would send it: 0, or the exception. */
static int raw(struct rack *rack, const uint8_t *pdu, size_t len, struct pl_modbus_reply *reply)
{
  pl_backend_enter(rack->backend);
  pl_modbus_ask(rack->backend, "tcp", false, 41, pdu, len, reply);
  pl_backend_leave(rack->backend);
  assert_false(reply->silent);
  return reply->pdu[0] & 0x80 ? reply->pdu[1] : 0;
}

static int raw_read(struct rack *rack, uint8_t function, uint16_t address, uint16_t count, uint16_t *words)
{
  struct pl_modbus_reply reply;
  const uint8_t pdu[] = {function, (uint8_t)(address >> 8), (uint8_t)address, (uint8_t)(count >> 8), (uint8_t)count};
  int exception = raw(rack, pdu, sizeof pdu, &reply);
  for (size_t i = 0; words && !exception && i < count; i++)
    words[i] = (uint16_t)(reply.pdu[2 + 2 * i] << 8 | reply.pdu[3 + 2 * i]);
  return exception;
}

static int raw_write(struct rack *rack, uint16_t address, uint16_t count, const uint16_t *words)
{
  struct pl_modbus_reply reply;
  uint8_t pdu[6 + 2 * PL_NA_BOX + 2] = {16, (uint8_t)(address >> 8), (uint8_t)address, 0, (uint8_t)count, (uint8_t)(2 * count)};
  for (size_t i = 0; i < count; i++) {
    pdu[6 + 2 * i] = (uint8_t)(words[i] >> 8);
    pdu[7 + 2 * i] = (uint8_t)words[i];
  }
  return raw(rack, pdu, 6 + 2u * count, &reply);
}

static struct pl_na_head head_of(struct rack *rack)
{
  struct pl_na_head head;
  uint16_t words[PL_NA_HEAD];
  assert_int_equal(raw_read(rack, 4, 0, PL_NA_HEAD, words), 0);
  OK(rack, pl_na_head_decode(words, &head, &rack->err));
  return head;
}

static void test_registers(void **state)
{
  struct rack *rack = *state;
  uint16_t words[PL_NA_BOX + 1] = {0};
  struct pl_na_head head = head_of(rack);
  assert_int_equal(head.cores_m, 64000); /* 2 processors of 32 cores, 512 GiB, 8 drives of 3840 GB: as its part says */
  assert_int_equal(head.memory_MiB, 512 * 1024);
  assert_int_equal(head.storage_MiB, 29296875);
  assert_int_equal(head.boots, 1);
  static const struct {
    uint8_t function;
    uint16_t address, count;
    int exception;
  } READS[] = {
      {1, 0, 1, 1},      {2, 0, 1, 1},       {4, 0, PL_NA_HEAD, 0},        {4, 0, PL_NA_HEAD + 1, 2},  {4, PL_NA_HEAD, 1, 2},     {4, 0x00FF, 2, 2},
      {4, 0x0100, 1, 0}, {4, 0x0100, 125, 0}, {4, 0x0100 + 16 * PL_NA_RUN - 1, 1, 0}, {4, 0x0100 + 16 * PL_NA_RUN - 1, 2, 2}, {4, 0xFFFF, 1, 2},
      {3, 0, PL_NA_BOX, 0}, {3, 0, PL_NA_BOX + 1, 2}, {3, 0x0100, 1, 2},
  };
  for (size_t i = 0; i < sizeof READS / sizeof *READS; i++)
    assert_int_equal(raw_read(rack, READS[i].function, READS[i].address, READS[i].count, NULL), READS[i].exception);
  words[PL_NA_BOX_SEQUENCE] = 9;
  assert_int_equal(raw_write(rack, 0, PL_NA_BOX - 1, words), 2);
  assert_int_equal(raw_write(rack, 0, PL_NA_BOX + 1, words), 2);
  assert_int_equal(raw_write(rack, 1, PL_NA_BOX - 1, words), 2);
  assert_int_equal(raw_write(rack, 0x0100, 1, words), 2);
  struct pl_modbus_reply reply;
  assert_int_equal(raw(rack, (const uint8_t[]){6, 0, 0, 0, 9}, 5, &reply), 2);
  assert_int_equal(raw(rack, (const uint8_t[]){5, 0, 0, 0xFF, 0}, 5, &reply), 1);
  assert_int_equal(head_of(rack).sequence, 0); /* nothing was taken */
  words[PL_NA_BOX_SEQUENCE] = 0;
  assert_int_equal(raw_write(rack, 0, PL_NA_BOX, words), 3);
  for (uint16_t op = 0; op < 10; op++) { /* no handle; and ops that there are not */
    words[PL_NA_BOX_SEQUENCE]++;
    words[PL_NA_BOX_OP] = op;
    assert_int_equal(raw_write(rack, 0, PL_NA_BOX, words), 3);
    assert_int_equal(head_of(rack).result, PL_NA_BAD_VALUE);
  }
}

static void test_a_repeated_command_is_executed_once(void **state)
{
  struct rack *rack = *state;
  struct pl_na_box box = {.sequence = 100, .op = PL_AGENT_DEPLOY, .run = some_run(3, 4)};
  uint16_t words[PL_NA_BOX], back[PL_NA_BOX];
  OK(rack, pl_na_box_encode(&box, words, &rack->err));
  for (int i = 0; i < 3; i++)
    assert_int_equal(raw_write(rack, 0, PL_NA_BOX, words), 0); /* a second execution would find the handle there */
  assert_int_equal(survey(rack, "agent-1").n_runs, 1);
  assert_int_equal(raw_read(rack, 3, 0, PL_NA_BOX, back), 0);
  assert_memory_equal(back, words, sizeof words);
  words[PL_NA_BOX_HANDLE_END]++; /* another command with that number */
  assert_int_equal(raw_write(rack, 0, PL_NA_BOX, words), 3);
  assert_int_equal(survey(rack, "agent-1").n_runs, 1);
  assert_int_equal(head_of(rack).result, PL_NA_DONE);
  words[PL_NA_BOX_HANDLE_END]--;
  words[PL_NA_BOX_SEQUENCE]++;
  for (int i = 0; i < 2; i++) { /* a refusal is repeated too */
    assert_int_equal(raw_write(rack, 0, PL_NA_BOX, words), 3);
    assert_int_equal(head_of(rack).result, PL_NA_HANDLE_THERE);
  }
}

/* An answer that is lost after the command was executed, and before: it is done once all the same. */
static void test_lost_answers(void **state)
{
  struct rack *rack = *state;
  static const struct {
    const char *device, *fault;
  } ROWS[] = {{"agent-1", "mute"}, {"agent-1", "truncated"}, {"agent-1", "hang-up"}, {"agent-1", "late:700ms"}, {"agent-2", "mute"}, {"agent-2", "crc"},
              {"agent-2", "truncated"}, {"agent-2", "garbage"}};
  for (uint32_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    char spec[96];
    struct pl_agent_run run = some_run(50 + i, 1);
    run.data_MiB = 1;
    snprintf(spec, sizeof spec, "%s.wire=%s@write:1 times 1", ROWS[i].device, ROWS[i].fault);
    plant(rack, spec);
    if (tell(rack, ROWS[i].device, PL_AGENT_DEPLOY, &run))
      fail_msg("%s: %s", spec, rack->err.text);
    assert_int_equal(pl_faults_acted(rack->backend, spec), 1);
    assert_int_equal(run.state, PL_AGENT_RUN_RUNNING);
    clear(rack, spec);
  }
  assert_int_equal(survey(rack, "agent-1").n_runs, 4);
  assert_int_equal(survey(rack, "agent-2").n_runs, 4);
  plant(rack, "agent-1.wire=ignores-writes");
  struct pl_agent_run run = some_run(50, 1);
  assert_int_equal(tell(rack, "agent-1", PL_AGENT_STOP, &run), PL_E_TIMEOUT);
  assert_non_null(strstr(rack->err.text, "has not taken it"));
  assert_int_equal(survey(rack, "agent-1").n_runs, 4);
}

static void test_spoilt_registers(void **state)
{
  struct rack *rack = *state;
  static const char *const FAULTS[] = {"word-order", "byte-order", "nan", "garbage", "short-block", "wrong-unit", "exception:4"};
  struct pl_agent_run run = some_run(3, 4);
  OK(rack, tell(rack, "agent-1", PL_AGENT_DEPLOY, &run));
  for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
    char spec[64];
    struct pl_agent_exchange exchange = {.op = PL_AGENT_SURVEY};
    snprintf(spec, sizeof spec, "agent-1.wire=%s", FAULTS[i]);
    plant(rack, spec);
    if (!ask(rack, "agent-1", &exchange))
      fail_msg("%s: a survey of %zu runs was taken for whole", spec, exchange.n_runs);
    clear(rack, spec);
    assert_int_equal(survey(rack, "agent-1").n_runs, 1);
  }
}

/* --- what it does --- */

static void test_refusals(void **state)
{
  struct rack *rack = *state;
  static const struct {
    struct pl_agent_run run;
    enum pl_status status;
    const char *words;
  } ROWS[] = {
      {{.handle = 1, .cores_m = 8001}, PL_E_RANGE, "cores"},
      {{.handle = 1, .cores_m = 1, .memory_MiB = 16 * 1024 + 1}, PL_E_RANGE, "memory"},
      {{.handle = 1, .cores_m = 1, .data_MiB = 95368}, PL_E_RANGE, "storage"}, /* 100 GB */
      {{.handle = 1, .cores_m = 1, .data_MiB = -1}, PL_E_USAGE, "-1 MiB of data"},
      {{.handle = 1, .cores_m = 1LL << 32}, PL_E_USAGE, "4294967296"},
      {{.handle = 0, .cores_m = 1}, PL_E_USAGE, "handle"},
      {{.handle = 1, .cores_m = 0}, PL_E_USAGE, "cores of 0"},
      {{.handle = 1, .cores_m = 1, .image = 7u << 28}, PL_E_USAGE, "image"},
  };
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    struct pl_agent_run run = ROWS[i].run;
    assert_int_equal(tell(rack, "agent-2", PL_AGENT_DEPLOY, &run), ROWS[i].status);
    if (!strstr(rack->err.text, ROWS[i].words))
      fail_msg("'%s' does not say '%s'", rack->err.text, ROWS[i].words);
  }
  for (uint32_t i = 1; i <= PL_AGENT_RUNS_MAX; i++) {
    struct pl_agent_run run = {.handle = i, .cores_m = 500};
    OK(rack, tell(rack, "agent-2", PL_AGENT_DEPLOY, &run));
  }
  struct pl_agent_run run = {.handle = 99, .cores_m = 500};
  assert_int_equal(tell(rack, "agent-2", PL_AGENT_DEPLOY, &run), PL_E_RANGE); /* 16 x 0.5 cores are all 8 */
  struct pl_agent_exchange all = survey(rack, "agent-2");
  assert_int_equal(all.n_runs, PL_AGENT_RUNS_MAX);
  for (uint32_t i = 1; i <= PL_AGENT_RUNS_MAX; i++)
    assert_int_equal(all.runs[i - 1].handle, i);
  run = (struct pl_agent_run){.handle = 1, .cores_m = 250};
  OK(rack, tell(rack, "agent-2", PL_AGENT_RESIZE, &run));
  run = (struct pl_agent_run){.handle = 99, .cores_m = 250};
  assert_int_equal(tell(rack, "agent-2", PL_AGENT_DEPLOY, &run), PL_E_RANGE);
  assert_non_null(strstr(rack->err.text, "as many as it can"));
  run = (struct pl_agent_run){.handle = 1, .cores_m = 501};
  assert_int_equal(tell(rack, "agent-2", PL_AGENT_RESIZE, &run), PL_E_RANGE);
  assert_int_equal(get(rack, "agent-2", "workloads"), 16);
}

static void test_data_survive_a_move(void **state)
{
  struct rack *rack = *state;
  struct pl_agent_run run = some_run(11, 4), there;
  OK(rack, tell(rack, "agent-1", PL_AGENT_DEPLOY, &run));
  run_for(rack, 5 * PL_S);
  OK(rack, tell(rack, "agent-1", PL_AGENT_SNAPSHOT, &run));
  assert_int_equal(run.state, PL_AGENT_RUN_READY);
  assert_int_equal(run.checksum, pl_na_checksum(&run));
  assert_in_range(run.work / 2000, 5000, 5200);
  near(truth(rack, "csu-1", "workload"), 0, 1e-12);
  there = run;
  OK(rack, tell(rack, "agent-2", PL_AGENT_RESTORE, &there));
  assert_int_equal(there.state, PL_AGENT_RUN_COPYING);
  run_for(rack, 10 * PL_S); /* of 2048 MiB at 100 MiB/s */
  near(survey(rack, "agent-2").runs[0].copied, 0.49, 0.01);
  assert_int_equal(tell(rack, "agent-2", PL_AGENT_START, &there), PL_E_BUSY);
  run_for(rack, 10 * PL_S);
  assert_int_equal(survey(rack, "agent-2").runs[0].state, PL_AGENT_RUN_COPYING);
  run_for(rack, PL_S);
  there = survey(rack, "agent-2").runs[0];
  assert_int_equal(there.state, PL_AGENT_RUN_READY);
  assert_int_equal(there.checksum, run.checksum);
  assert_int_equal(there.work, run.work);
  assert_int_equal(survey(rack, "agent-1").runs[0].work, run.work); /* paused */
  OK(rack, tell(rack, "agent-2", PL_AGENT_START, &there));
  run_for(rack, PL_S);
  assert_true(survey(rack, "agent-2").runs[0].work > run.work);
  near(truth(rack, "csu-2", "workload"), 0.25, 1e-6);
  there = run;
  there.handle = 12;
  there.work++;
  OK(rack, tell(rack, "agent-1", PL_AGENT_RESTORE, &there)); /* with another's checksum */
  run_for(rack, 3 * PL_S);
  assert_int_equal(survey(rack, "agent-1").runs[1].state, PL_AGENT_RUN_FAILED);
  assert_int_equal(tell(rack, "agent-1", PL_AGENT_START, &there), PL_E_USAGE);
}

static void test_power_loss(void **state)
{
  struct rack *rack = *state;
  struct pl_agent_run runs[3] = {some_run(1, 1), some_run(2, 1), some_run(3, 1)};
  OK(rack, tell(rack, "agent-2", PL_AGENT_DEPLOY, &runs[0]));
  OK(rack, tell(rack, "agent-2", PL_AGENT_DEPLOY, &runs[1]));
  OK(rack, tell(rack, "agent-2", PL_AGENT_SNAPSHOT, &runs[1]));
  OK(rack, tell(rack, "agent-2", PL_AGENT_RESTORE, &runs[2]));
  run_for(rack, PL_S);
  set(rack, "connector-2", "reset", 1); /* as a power cycle: nobody is at home, and then it boots */
  run_for(rack, 100 * PL_MS);
  struct pl_agent_exchange exchange = {.op = PL_AGENT_SURVEY};
  assert_int_equal(ask(rack, "agent-2", &exchange), PL_E_TIMEOUT); /* on a serial line */
  near(truth(rack, "csu-2", "workload"), 0, 1e-12);
  set(rack, "connector-2", "reset", 0);
  run_for(rack, 5 * PL_S);
  exchange = survey(rack, "agent-2");
  assert_int_equal(exchange.n_runs, 3);
  assert_int_equal(exchange.runs[0].state, PL_AGENT_RUN_FAILED);
  assert_int_equal(exchange.runs[1].state, PL_AGENT_RUN_READY);
  assert_int_equal(exchange.runs[1].checksum, runs[1].checksum);
  assert_int_equal(exchange.runs[2].state, PL_AGENT_RUN_FAILED);
  OK(rack, tell(rack, "agent-2", PL_AGENT_START, &runs[1]));
  OK(rack, tell(rack, "agent-2", PL_AGENT_STOP, &runs[0]));
  power(rack, "1", 0);
  assert_int_equal(ask(rack, "agent-1", &exchange), PL_E_EXCEPTION); /* a gateway says so */
  assert_non_null(strstr(rack->err.text, "exception 11"));
  power(rack, "2", 0);
  OK(rack, rack->desc->act(rack->backend, "csu-2", "remove", &rack->err));
  run_for(rack, 3 * PL_S);
  OK(rack, rack->desc->act(rack->backend, "csu-2", "replace", &rack->err));
  OK(rack, rack->desc->act(rack->backend, "csu-2", "insert", &rack->err));
  run_for(rack, 3 * PL_S);
  power(rack, "2", 1);
  assert_int_equal(survey(rack, "agent-2").n_runs, 0); /* other drives */
}

/* The same by the seed, however often somebody looks. */
static void test_work_is_the_same_however_it_is_watched(void **state)
{
  (void)state;
  static const char *const IMAGES[] = {"bursty/80/5", "daily/90/5", "ramp/100", "steady/33"};
  uint64_t work[2][4];
  for (int watched = 0; watched < 2; watched++) {
    void *rack = NULL;
    setup(&rack);
    for (uint32_t i = 0; i < 4; i++) {
      struct pl_agent_run run = some_run(1 + i, 8);
      OK((struct rack *)rack, pl_na_image_parse(IMAGES[i], &run.image, &((struct rack *)rack)->err));
      OK((struct rack *)rack, tell(rack, "agent-1", PL_AGENT_DEPLOY, &run));
    }
    pl_time_ns end = 20 * 60 * PL_S;
    for (pl_time_ns at = PL_S; watched && at < end; at += 7 * PL_S + 1)
      if (at > pl_clock_now(((struct rack *)rack)->clock)) {
        run_for(rack, at - pl_clock_now(((struct rack *)rack)->clock));
        survey(rack, "agent-1");
      }
    run_for(rack, end - pl_clock_now(((struct rack *)rack)->clock));
    struct pl_agent_exchange all = survey(rack, "agent-1");
    double used = 0;
    for (size_t i = 0; i < 4; i++) {
      work[watched][i] = all.runs[i].work;
      used += all.runs[i].used_cores;
    }
    near(truth(rack, "csu-1", "workload"), used / 64, 0.003);
    near(get(rack, "agent-1", "used-cores"), used, 1e-6);
    rack_close(rack);
  }
  assert_memory_equal(work[0], work[1], sizeof work[0]);
}

static void tell_check(void *ctx, const char *check, enum pl_status status, const char *detail)
{
  if (status)
    print_error("%s: %s: %s\n", (const char *)ctx, check, detail);
}

static void test_conforms(void **state)
{
  struct rack *rack = *state;
  static const char *const AGENTS[] = {"agent-1", "agent-2"};
  for (size_t i = 0; i < 2; i++) {
    struct pl_conformance suite = {.may_drive = true, .healthy = true, .check = tell_check, .ctx = (void *)(uintptr_t)AGENTS[i]};
    size_t checks = 0, failed = 0;
    OK(rack, pl_conformance_run(pl_bench_device(rack->bench, AGENTS[i]), &suite, &checks, &failed, &rack->err));
    assert_int_equal(failed, 0);
    assert_true(checks > 20);
  }
}

/* --- images --- */

static void test_image_words(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    uint32_t image;
  } ROWS[] = {{"idle", 0}, {"steady/50", STEADY_50}, {"daily/100/1048575", 2u << 28 | 100u << 20 | 0xFFFFF}, {"bursty/60/7", 3u << 28 | 60u << 20 | 7}, {"ramp/1", 4u << 28 | 1u << 20}};
  static const char *const BAD[] = {"", "idle/1", "steady", "steady/", "steady/0", "steady/101", "steady/50/", "steady/50/1048576", "steady/50/1/2", "steady/5x",
                                    "stead/50", "steady50", "STEADY/50", "steady/-1", "steady/ 5", "steady/99999999999999999999"};
  struct pl_err err = {0};
  char text[PL_NA_IMAGE_ROOM];
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    uint32_t image = 1;
    assert_int_equal(pl_na_image_parse(ROWS[i].text, &image, &err), PL_OK);
    assert_int_equal(image, ROWS[i].image);
    assert_string_equal(pl_na_image_text(image, text), ROWS[i].text);
  }
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    uint32_t image;
    if (pl_na_image_parse(BAD[i], &image, &err) != PL_E_USAGE)
      fail_msg("'%s' was taken", BAD[i]);
  }
  assert_null(pl_na_image_text(1, text));
  assert_null(pl_na_image_text(5u << 28 | 50u << 20, text));
  assert_null(pl_na_image_text(1u << 28 | 101u << 20, text));
}

static void test_image_shapes(void **state)
{
  (void)state;
  const uint32_t daily = 2u << 28 | 80u << 20 | 3, bursty = 3u << 28 | 80u << 20 | 3, ramp = 4u << 28 | 80u << 20;
  double low = 1, high = 0, bursts = 0;
  for (int64_t s = 0; s < 86400; s++) {
    double use = pl_na_image_use(daily, s * PL_S, 1000, 0), burst = pl_na_image_use(bursty, s * PL_S, 1000, 0);
    low = fmin(low, use);
    high = fmax(high, use);
    assert_true(burst == 0.8 || burst == 0.8 * 0.2);
    bursts += burst == 0.8;
  }
  near(low, 0.2, 0.02);
  near(high, 0.8, 0.02);
  near(bursts / 86400, 0.25, 0.04);
  near(pl_na_image_use(daily, 3600 * PL_S, 1, 0), pl_na_image_use(daily, (86400 + 3600) * PL_S, 1, 0), 0.08); /* but for its raggedness */
  assert_true(pl_na_image_use(daily, 0, 1, 0) != pl_na_image_use(daily + 1, 0, 1, 0));
  double use = 0, work = 0; /* of one core, in thousandths times ms */
  for (int s = 0; s < 1200; s++) {
    double next = pl_na_image_use(ramp, 0, 1000, (uint64_t)work);
    near(next, 0.08 + 0.72 * s / 1200, 0.01);
    assert_true(next > use);
    use = next;
    work += use * 1e6;
  }
  near(pl_na_image_use(ramp, 0, 1000, UINT64_MAX), 0.8, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_a_run_makes_current, setup, teardown),
      cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_repeated_command_is_executed_once, setup, teardown),
      cmocka_unit_test_setup_teardown(test_lost_answers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_spoilt_registers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
      cmocka_unit_test_setup_teardown(test_data_survive_a_move, setup, teardown),
      cmocka_unit_test_setup_teardown(test_power_loss, setup, teardown),
      cmocka_unit_test(test_work_is_the_same_however_it_is_watched),
      cmocka_unit_test_setup_teardown(test_conforms, setup, teardown),
      cmocka_unit_test(test_image_words),
      cmocka_unit_test(test_image_shapes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

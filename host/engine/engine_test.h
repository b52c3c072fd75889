/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_ENGINE_TEST_H
#define PL_ENGINE_TEST_H

/* For the engine's tests only: one sequence, given as text, on a small virtual rack, and the journal's lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "host/engine/engine.h"
#include "host/stack/client.h"

#include <fcntl.h>
#include <sys/stat.h>

static const char TEST_RIG[] = "rig: small\n"
                               "about: what the engine's tests need\n"
                               "buses:\n"
                               "  - {name: i2c-power, kind: i2c, adapter: twin, speed: 400 kHz}\n"
                               "  - {name: i2c-bench, kind: i2c, adapter: twin, speed: 400 kHz}\n"
                               "  - {name: lines, kind: gpio, adapter: twin}\n"
                               "parts:\n"
                               "  - {name: busbar, kind: busbar}\n"
                               "  - {name: psu-a, kind: psu, location: left shelf, busbar: busbar}\n"
                               "  - {name: csu-1, kind: csu, location: slot 1, busbar: busbar, loop: loop}\n"
                               "  - {name: csu-2, kind: csu, location: slot 2, busbar: busbar, loop: loop}\n"
                               "  - {name: loop, kind: loop}\n"
                               "  - {name: rpu, kind: pump-unit, loop: loop}\n"
                               "devices:\n"
                               "  - {name: psu-a, driver: psu-pmbus, bus: i2c-power, address: 0x58, part: psu-a, owner: stack,\n"
                               "     limits: {vout: {min: 46 V, max: 50 V}}}\n"
                               "  - {name: hsc-1, driver: hsc-adm1272, bus: i2c-power, address: 0x10, shunt: 0.5 mohm, part: csu-1, owner: stack, safe: {on: false}}\n"
                               "  - {name: connector-1, driver: connector, bus: lines, part: csu-1, owner: stack, safe: {power-enable: false},\n"
                               "     present: \"!PRSNT_N\", power-enable: PWR_EN, power-good: PWR_GOOD, attention: ATTN}\n"
                               "  - {name: monitor-1, driver: monitor-ina238, bus: i2c-bench, address: 0x40, shunt: 0.5 mohm, part: csu-1, owner: bench}\n"
                               "  - {name: connector-2, driver: connector, bus: lines, part: csu-2, owner: stack,\n"
                               "     present: \"!PRSNT2_N\", power-enable: PWR2_EN, power-good: PWR2_GOOD}\n"
                               "  - {name: flow-meter, driver: flow-meter, bus: lines, part: loop, owner: bench, pulse: FLOW_PULSE, k-factor: 450}\n";

#define HEAD "sequence \"try\" { about = \"a try\", version = \"1\", needs = { slot = \"csu\", psu = \"psu\", loop = \"loop\" }, params = { load = watts(500) } }\n"

struct fixture {
  char dir[64], path[96], limits[96], answers[96], journal_path[96];
  struct pl_rig *rig;
  struct pl_engine_cfg cfg; /* bench and journal are filled in by run */
  const char *const *faults;
  size_t n_faults;
  pl_time_ns signal_at[2]; /* 0: none */
  void (*at_signal)(struct fixture *f); /* instead of a signal; NULL: the signal */
  const struct pl_stack_desc *stack;    /* the control stack that it asks; NULL: none */
  volatile int stop;
  /* results */
  char *lines; /* the journal */
  size_t len;
  int safe_power; /* power-enable of connector-1 after the run: 0, 1; -1: unknown */
  enum pl_engine_outcome outcome;
  enum pl_status status;
  struct pl_err err;
};

static inline void write_text(const char *path, const char *text, size_t size)
{
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, size, file), size);
  fclose(file);
}

static inline int set_up(void **state)
{
  struct fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  snprintf(f->dir, sizeof f->dir, "/tmp/pl-engine-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  snprintf(f->path, sizeof f->path, "%s/try.lua", f->dir);
  snprintf(f->limits, sizeof f->limits, "%s/limits.yaml", f->dir);
  snprintf(f->answers, sizeof f->answers, "%s/answers.yaml", f->dir);
  snprintf(f->journal_path, sizeof f->journal_path, "%s/journal.jsonl", f->dir);
  struct pl_err err = {0};
  if (pl_rig_parse("small.yaml", TEST_RIG, sizeof TEST_RIG - 1, &f->rig, &err))
    fail_msg("%s", err.text);
  f->cfg.seed = 1;
  f->cfg.dut_id = "unit";
  f->cfg.command_line = "test";
  f->cfg.stop = &f->stop;
  *state = f;
  return 0;
}

static inline int tear_down(void **state)
{
  struct fixture *f = *state;
  pl_rig_free(f->rig);
  unlink(f->path);
  unlink(f->limits);
  unlink(f->answers);
  unlink(f->journal_path);
  rmdir(f->dir);
  free(f->lines);
  free(f);
  return 0;
}

static inline void send_signal(void *ctx, pl_time_ns now)
{
  (void)now;
  struct fixture *f = ctx;
  if (f->at_signal) {
    f->at_signal(f);
    return;
  }
  f->stop = f->stop ? f->stop + 256 : 2;
}

static inline void read_power(struct fixture *f, struct pl_bench *bench)
{
  struct pl_device *device = pl_bench_device(bench, "connector-1");
  struct pl_call call = {.device = device, .kind = PL_CALL_GET, .quantity = pl_shape_find(pl_device_shape_of(device), "power-enable")};
  f->safe_power = pl_call_run(&call, NULL) ? -1 : call.reading.value_u != 0;
}

static inline void run_bench(struct fixture *f, struct pl_sequence *sequence)
{
  struct pl_clock *clock = NULL;
  struct pl_bench *bench = NULL;
  struct pl_journal *journal = NULL;
  struct pl_timer timers[2] = {{.fire = send_signal, .ctx = f}, {.fire = send_signal, .ctx = f}};
  assert_int_equal(pl_clock_new_virtual(1767225600LL * PL_S, &clock, &f->err), PL_OK);
  const struct pl_bench_cfg bench_cfg = {.clock = clock, .seed = f->cfg.seed, .faults = f->faults, .n_faults = f->n_faults, .rehearsal = f->cfg.rehearsal};
  if (pl_bench_open(f->rig, &bench_cfg, &bench, &f->err))
    fail_msg("%s", f->err.text);
  assert_int_equal(pl_journal_open(f->journal_path, clock, &journal, &f->err), PL_OK);
  for (int i = 0; i < 2; i++)
    if (f->signal_at[i])
      pl_clock_arm(clock, &timers[i], f->signal_at[i]);
  const struct pl_client_cfg stack = {.clock = clock, .bench = bench, .seed = f->cfg.seed, .embedded = f->stack};
  struct pl_client *client = NULL;
  if (f->stack)
    assert_int_equal(pl_client_new(&stack, &client, &f->err), PL_OK);
  f->cfg.stack = client;
  f->cfg.bench = bench;
  f->cfg.journal = journal;
  f->status = pl_engine_run(sequence, &f->cfg, &f->outcome, &f->err);
  pl_client_free(client);
  assert_int_equal(pl_journal_close(journal, NULL), PL_OK);
  for (int i = 0; i < 2; i++)
    pl_clock_disarm(clock, &timers[i]);
  read_power(f, bench);
  pl_bench_close(bench);
  pl_clock_free(clock);
}

static inline void read_journal(struct fixture *f)
{
  free(f->lines);
  f->lines = NULL;
  int fd = open(f->journal_path, O_RDONLY);
  struct stat info;
  assert_true(fd >= 0 && fstat(fd, &info) == 0);
  f->lines = malloc((size_t)info.st_size + 1);
  assert_non_null(f->lines);
  f->len = 0;
  for (ssize_t n; (n = read(fd, f->lines + f->len, (size_t)info.st_size - f->len)) > 0;)
    f->len += (size_t)n;
  f->lines[f->len] = '\0';
  close(fd);
}

/* Loads and runs the text; a failure to load or bind is left in f->status and f->err, with outcome PL_RUN_ERROR. */
static inline void run_text(struct fixture *f, const char *text)
{
  struct pl_sequence *sequence = NULL;
  f->err = (struct pl_err){0};
  f->outcome = PL_RUN_ERROR;
  f->stop = 0;
  write_text(f->path, text, strlen(text));
  f->status = pl_sequence_load(f->path, &sequence, &f->err);
  if (!f->status)
    f->status = pl_sequence_bind(sequence, f->rig, f->cfg.params, f->cfg.n_params, &f->err);
  if (!f->status) {
    run_bench(f, sequence);
    read_journal(f);
  }
  pl_sequence_free(sequence);
}

static inline int count(const struct fixture *f, const char *text)
{
  int n = 0;
  for (const char *at = f->lines; at && (at = strstr(at, text)); at++)
    n++;
  return n;
}

#define assert_error(f, want)                                                               \
  do {                                                                                      \
    if (!strstr((f)->err.text, want))                                                       \
      fail_msg("expected an error with \"%s\", got %d \"%s\"", want, (int)(f)->status, (f)->err.text); \
  } while (0)
#define assert_journal(f, want)                                         \
  do {                                                                  \
    if (count(f, want) == 0)                                            \
      fail_msg("expected \"%s\" in the journal:\n%s", want, (f)->lines); \
  } while (0)
#define assert_not_journal(f, want)                                     \
  do {                                                                  \
    if (count(f, want))                                            \
      fail_msg("unexpected \"%s\" in the journal:\n%s", want, (f)->lines); \
  } while (0)
#define assert_outcome(f, wanted)                                                                         \
  do {                                                                                                    \
    if ((f)->outcome != (wanted))                                                                         \
      fail_msg("outcome %d, status %d, \"%s\"\n%s", (int)(f)->outcome, (int)(f)->status, (f)->err.text, (f)->lines ? (f)->lines : ""); \
  } while (0)

static inline int set_up_rack(void **state)
{
  set_up(state);
  struct fixture *f = *state;
  struct pl_err err = {0};
  pl_rig_free(f->rig);
  f->rig = NULL;
  if (pl_rig_load("fixtures/rigs/demo-rack.yaml", &f->rig, &err))
    fail_msg("%s", err.text);
  return 0;
}

#endif

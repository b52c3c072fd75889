/* SPDX-License-Identifier: Apache-2.0 */
/* What one recorded step costs: start, a measurement with two validators, its diagnosis, end, flush. Usage: bench_journal [STEPS [PATH]] */
#include "host/journal/journal.h"

static double now_s(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void one_step(struct pl_journal *journal, int i)
{
  char name[32];
  snprintf(name, sizeof name, "step %d", i);
  int id;
  pl_journal_step_start(journal, &(struct pl_journal_step){.name = name, .parent = -1, .kind = "step", .attempt = 1, .file = "bench.lua", .line = 7}, &id);
  const struct pl_journal_validator limits[] = {
      {.type = "GREATER_THAN_OR_EQUAL", .value = {.number = 46}, .name = "sequence"},
      {.type = "LESS_THAN_OR_EQUAL", .value = {.number = 52}, .name = "sequence"},
  };
  pl_journal_measurement(journal, id, &(struct pl_journal_measurement){.name = "slot voltage", .unit = "V", .value = {.number = 48 + i % 1000 * 0.001},
                                                                      .validators = limits, .n_validators = 2, .hardware_id = "csu-1"});
  pl_journal_diagnosis(journal, id, &(struct pl_journal_diagnosis){.verdict = "slot-voltage-pass", .type = PL_DIAG_PASS, .hardware_id = "csu-1",
                                                                  .message = "slot voltage is within its limits", .file = "bench.lua", .line = 9});
  pl_journal_step_end(journal, id, PL_STEP_COMPLETE, false);
}

int main(int argc, char **argv)
{
  long steps = argc > 1 ? strtol(argv[1], NULL, 10) : 10000;
  const char *path = argc > 2 ? argv[2] : "/tmp/bench_journal.jsonl";
  struct pl_err err = {0};
  struct pl_clock *clock;
  struct pl_journal *journal;
  if (pl_clock_new_real(&clock, &err) || pl_journal_open(path, clock, &journal, &err)) {
    fprintf(stderr, "%s\n", err.text);
    return 3;
  }
  const struct pl_journal_hardware hw = {.id = "csu-1", .name = "CSU 1", .location = "module 1, slot 1"};
  pl_journal_run_start(journal, &(struct pl_journal_run){.name = "bench", .version = "1", .command_line = "bench_journal", .dut_id = "CSU-1",
                                                        .hardware = &hw, .n_hardware = 1});
  double start = now_s();
  enum pl_status status = PL_OK;
  for (long i = 0; i < steps && !status; i++) {
    one_step(journal, (int)i);
    status = pl_journal_flush(journal, &err);
  }
  double spent = now_s() - start;
  pl_journal_run_end(journal, PL_END_PASS);
  if (pl_journal_close(journal, &err)) {
    fprintf(stderr, "%s\n", err.text);
    return 3;
  }
  pl_clock_free(clock);
  printf("journal_step_ns %.0f\n", spent * 1e9 / (double)steps);
  return 0;
}

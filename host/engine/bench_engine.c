/* SPDX-License-Identifier: Apache-2.0 */
/* What a step costs in the engine, what 10,000 of them keep in memory, and how long a Lua state takes to open. */
#include "host/engine/engine.h"
#include "host/engine/vm.h"

#include <malloc.h>
#include <string.h>

#define STEPS 10000

static const char RIG[] = "rig: none\nabout: no hardware\nbuses:\n  - {name: lines, kind: gpio, adapter: twin}\nparts:\n  - {name: busbar, kind: busbar}\ndevices: []\n";
static const char NESTED[] = "sequence \"bench\" {}\nstep(\"all\", { timeout = h(1) }, function()\n  for i = 1, 10000 do\n"
                             "    step(\"s\" .. i, function() measure(\"v\", volts(3.3), { min = volts(3.0), max = volts(3.6) }) end)\n  end\nend)\n";
static const char TOP[] = "sequence \"bench\" {}\nfor i = 1, 10000 do\n"
                          "  step(\"s\" .. i, function() measure(\"v\", volts(3.3), { min = volts(3.0), max = volts(3.6) }) end)\nend\n";

static int complain(const struct pl_err *err)
{
  fprintf(stderr, "bench_engine: %s\n", err->text);
  return 1;
}

static int run(const char *name, const char *text, const char *journal_path)
{
  struct pl_err err = {0};
  struct pl_rig *rig = NULL;
  struct pl_clock *clock = NULL;
  struct pl_bench *bench = NULL;
  struct pl_journal *journal = NULL;
  struct pl_sequence *sequence = NULL;
  enum pl_engine_outcome outcome;
  char path[] = "/tmp/pl-bench-engine-XXXXXX";
  int fd = mkstemp(path);
  if (fd < 0 || write(fd, text, strlen(text)) < 0)
    return 1;
  close(fd);
  enum pl_status status = pl_rig_parse("none.yaml", RIG, sizeof RIG - 1, &rig, &err);
  if (!status)
    status = pl_clock_new_virtual(0, &clock, &err);
  const struct pl_bench_cfg bench_cfg = {.clock = clock, .seed = 1};
  if (!status)
    status = pl_bench_open(rig, &bench_cfg, &bench, &err);
  if (!status)
    status = pl_journal_open(journal_path, clock, &journal, &err);
  if (!status)
    status = pl_sequence_load(path, &sequence, &err);
  if (status)
    return complain(&err);
  const struct pl_engine_cfg cfg = {.bench = bench, .journal = journal, .seed = 1};
  size_t before = mallinfo2().uordblks;
  int64_t from = pl_vm_cpu_ns();
  status = pl_engine_run(sequence, &cfg, &outcome, &err);
  int64_t spent = pl_vm_cpu_ns() - from;
  if (status || outcome != PL_RUN_PASS)
    return complain(&err);
  printf("%-28s %6.2f us a step, %ld KiB kept after the run\n", name, (double)spent / STEPS / 1000, ((long)mallinfo2().uordblks - (long)before) / 1024);
  pl_sequence_free(sequence);
  pl_journal_close(journal, NULL);
  pl_bench_close(bench);
  pl_clock_free(clock);
  pl_rig_free(rig);
  unlink(path);
  return 0;
}

static int open_state(void)
{
  struct pl_err err = {0};
  int64_t from = pl_vm_cpu_ns();
  for (int i = 0; i < 100; i++) {
    struct pl_vm *vm = NULL;
    if (pl_vm_new("x.lua", &vm, &err))
      return complain(&err);
    pl_vm_free(vm);
  }
  printf("%-28s %6.2f us\n", "open a Lua state", (double)(pl_vm_cpu_ns() - from) / 100 / 1000);
  return 0;
}

static long peak_kib(void)
{
  char line[128];
  long kib = 0;
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file))
    if (!strncmp(line, "VmHWM:", 6))
      kib = strtol(line + 6, NULL, 10);
  if (file)
    fclose(file);
  return kib;
}

int main(void)
{
  if (open_state() || run("nested, no file", NESTED, NULL))
    return 1;
  printf("%-28s %6ld KiB\n", "peak of the process", peak_kib());
  if (run("nested, /dev/null", NESTED, "/dev/null") || run("top level, no file", TOP, NULL))
    return 1;
  printf("%-28s %6ld KiB\n", "peak of the process", peak_kib());
  return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a stack takes of memory and time, all its rooms but HTTP: bench_inventory RIG [SECONDS], in real time; the rack is in a process of its own where the rig
 * says so. bench_inventory --figures RIG: a line for tools/bench.py, when everything has been asked once. */
#include "control/stack/stack.h"
#include "control/inventory/item.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static long rss_kib(const char *key)
{
  char line[256];
  long kib = 0;
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file))
    if (!strncmp(line, key, strlen(key)))
      kib = strtol(line + strlen(key) + 1, NULL, 10);
  if (file)
    fclose(file);
  return kib;
}

static bool quiet;

static void say(struct pl_clock *clock, const char *what)
{
  struct rusage usage;
  if (quiet)
    return;
  getrusage(RUSAGE_SELF, &usage);
  printf("%-28s %8.3f s %8.3f s CPU %8.1f MiB, at most %.1f MiB\n", what, (double)pl_clock_now(clock) / (double)PL_S,
         (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6,
         (double)rss_kib("VmRSS:") / 1024, (double)rss_kib("VmHWM:") / 1024);
}

static bool worked(enum pl_status status, const struct pl_err *err)
{
  if (status)
    fprintf(stderr, "%s\n", err->text);
  return !status;
}

static void tell_states(const struct pl_inventory *inventory)
{
  size_t counts[PL_STATE_COUNT] = {0};
  const char *why[PL_STATE_COUNT] = {0};
  for (size_t i = 0; i < pl_inventory_count(inventory); i++) {
    const struct pl_item *item = pl_inventory_at(inventory, i);
    counts[item->state]++;
    why[item->state] = item->why;
  }
  for (int i = 0; i < PL_STATE_COUNT; i++)
    if (counts[i])
      printf("  %zu %s %s\n", counts[i], pl_state_name((enum pl_state)i), why[i]);
}

/* A bus behind a socket takes a descriptor, and there may be more than a thousand. */
static void allow_files(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit))
    return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void run(struct pl_clock *clock, const struct pl_stack *stack, long seconds)
{
  pl_time_ns end = pl_clock_now(clock) + 240 * PL_S;
  while (!pl_inventory_first_round_over(stack->inventory) && pl_clock_now(clock) < end)
    pl_clock_step(clock, end);
  say(clock, "everything asked once");
  end = pl_clock_now(clock) + seconds * PL_S;
  while (pl_clock_now(clock) < end)
    pl_clock_step(clock, end);
  say(clock, "a while later");
}

int main(int argc, char **argv)
{
  quiet = argc == 3 && !strcmp(argv[1], "--figures");
  const char *path = quiet ? argv[2] : argv[1];
  struct pl_clock *clock = NULL;
  struct pl_rig *rig = NULL;
  struct pl_bench *bench = NULL;
  struct pl_stack *stack = NULL;
  struct pl_err err = {0};
  if (argc < 2 || !worked(pl_clock_new_real(&clock, &err), &err))
    return 2;
  allow_files();
  say(clock, "begun");
  if (!worked(pl_rig_load(path, &rig, &err), &err))
    return 1;
  say(clock, "rig read");
  const struct pl_bench_cfg cfg = {.clock = clock, .seed = 1, .observe = true, .owners = 1u << PL_OWNER_STACK};
  if (!worked(pl_bench_open(rig, &cfg, &bench, &err), &err))
    return 1;
  say(clock, "bench open");
  if (!worked(pl_stack_open(&(const struct pl_stack_cfg){.bench = bench, .seed = 1}, &stack, &err), &err))
    return 1;
  say(clock, "stack open");
  run(clock, stack, quiet ? 1 : argc > 2 ? strtol(argv[2], NULL, 10) : 5);
  bool whole = pl_inventory_first_round_over(stack->inventory);
  if (!quiet)
    tell_states(stack->inventory);
  else if (whole)
    printf("rackd-rss-mib %.1f\n", (double)rss_kib("VmHWM:") / 1024);
  pl_stack_close(stack);
  pl_bench_close(bench);
  pl_rig_free(rig);
  pl_clock_free(clock);
  return whole ? 0 : 1;
}

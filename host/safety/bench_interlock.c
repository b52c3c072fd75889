/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a signal's edge to the kill output that a rule sets, in real time on the in-process twin, with the other core loaded, against what cyclictest reports of
 * the same machine at the same priority in the same run (in turn, so that a machine whose mood changes changes it for both).
 *
 * An edge costs: the virtual rack's own work from the moment that the fault is asked for (finding the line, its lock, the line's logic), the wake-up of the
 * interlock's thread (an eventfd), reading every signal of the bus through the twin, judging, and setting the output through the twin. A GPIO character
 * device would take the place of the twin's share with an ioctl a reading and one to set. The rack's thread has a higher priority than the
 * interlock's: it stands for hardware, which nothing preempts.
 */
#include "drivers/base/thread.h"
#include "host/safety/interlock.h"

#include <sched.h>
#include <stdatomic.h>

#define ROUNDS 5
#define EDGES 2000 /* a round; as many wake-ups of cyclictest */
#define EVERY_NS PL_MS
#define LATENCIES_MAX 100000 /* us */
#define PRIORITY 60
#define HARDWARE 70

static const char RIG[] = "rig: bench\n"
                          "buses: [{name: lines-trip, kind: gpio, adapter: twin}]\n"
                          "parts:\n"
                          "  - {name: busbar, kind: busbar}\n"
                          "  - {name: psu-a, kind: psu, busbar: busbar}\n"
                          "  - {name: loop, kind: loop}\n"
                          "  - {name: tray-1, kind: tray, loop: loop}\n"
                          "devices:\n"
                          "  - {name: leak, driver: leak-sensor, bus: lines-trip, part: tray-1, owner: interlock, leak: L, cable: C}\n"
                          "  - {name: kill, driver: kill-relay, bus: lines-trip, part: psu-a, owner: interlock, coil-line: K, safe: {open: true}}\n"
                          "interlock: {rules: [{name: wet, when: leak.wet, do: [kill.open=true]}]}\n";

struct bench {
  struct pl_clock *clock;
  struct pl_bench *rack;
  struct pl_interlock *interlock;
  unsigned *edges, *cyclic; /* histograms, us */
  bool confirmed, reset;
};

static _Atomic bool loaded = true;

static void *load_a_core(void *ctx)
{
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(1, &set);
  sched_setaffinity(0, sizeof set, &set);
  for (volatile unsigned n = 0; atomic_load(&loaded);)
    n++;
  return ctx;
}

static void on_event(void *ctx, const struct pl_interlock_event *event)
{
  struct bench *b = ctx;
  pl_time_ns us = (event->done - event->since) / PL_US;
  if (event->what == PL_INTERLOCK_TRIPPED)
    b->edges[us < LATENCIES_MAX ? us : LATENCIES_MAX - 1]++;
  b->confirmed |= event->what == PL_INTERLOCK_CONFIRMED;
  b->reset |= event->what == PL_INTERLOCK_RESET;
}

static void await(struct bench *b, const bool *flag)
{
  while (!*flag) {
    pl_clock_step(b->clock, pl_clock_now(b->clock) + EVERY_NS);
    pl_interlock_drain(b->interlock, on_event, b);
  }
}

static void one_edge(struct bench *b)
{
  const struct pl_backend_desc *desc = pl_bench_backend_desc(b->rack);
  struct pl_backend *rack = pl_bench_backend(b->rack);
  struct pl_err err = {0};
  pl_time_ns until = pl_clock_now(b->clock) + EVERY_NS;
  while (pl_clock_now(b->clock) < until)
    pl_clock_step(b->clock, until);
  b->confirmed = b->reset = false;
  if (desc->plant(rack, "leak.leak=stuck-high", &err)) {
    fprintf(stderr, "bench_interlock: %s\n", err.text);
    exit(1);
  }
  await(b, &b->confirmed);
  desc->clear(rack, "leak.leak=stuck-high", &err);
  while (!b->reset) { /* refused until the interlock has seen that it is dry */
    pl_interlock_reset(b->interlock, 0);
    pl_clock_step(b->clock, pl_clock_now(b->clock) + EVERY_NS / 4);
    pl_interlock_drain(b->interlock, on_event, b);
  }
}

/* Lines "000012 000345"; latencies beyond the histogram count at its end. */
static bool ask_cyclictest(struct bench *b)
{
  char line[4096], command[128];
  unsigned us, count, total = 0;
  snprintf(command, sizeof command, "cyclictest -q -m -p %d -i 1000 -l %d -h %d 2>/dev/null", PRIORITY, EDGES, LATENCIES_MAX - 1);
  FILE *told = popen(command, "r");
  while (told && fgets(line, sizeof line, told))
    if (sscanf(line, "%6u %6u", &us, &count) == 2 && us < LATENCIES_MAX) {
      b->cyclic[us] += count;
      total += count;
    } else if (sscanf(line, "# Histogram Overflows: %u", &count) == 1) {
      b->cyclic[LATENCIES_MAX - 1] += count;
    }
  return told && !pclose(told) && total;
}

static unsigned percentile(const unsigned *histogram, unsigned permille)
{
  unsigned total = 0, seen = 0, us = 0;
  for (unsigned i = 0; i < LATENCIES_MAX; i++)
    total += histogram[i];
  for (; us < LATENCIES_MAX; us++)
    if ((seen += histogram[us]) * 1000ull >= total * (unsigned long long)permille)
      break;
  return us;
}

static bool measure(struct bench *b)
{
  for (int round = 0; round < ROUNDS; round++) {
    if (!ask_cyclictest(b)) {
      fprintf(stderr, "bench_interlock: cyclictest (package rt-tests) cannot run at priority %d here; nothing to compare with\n", PRIORITY);
      return false;
    }
    const struct sched_param hardware = {.sched_priority = HARDWARE}, plain = {0};
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &hardware);
    for (int i = 0; i < EDGES; i++)
      one_edge(b);
    pthread_setschedparam(pthread_self(), SCHED_OTHER, &plain);
  }
  return true;
}

static bool open_all(struct bench *b, struct pl_rig **rig, struct pl_interlock_rules **rules, struct pl_err *err)
{
  b->edges = calloc(LATENCIES_MAX, sizeof *b->edges);
  b->cyclic = calloc(LATENCIES_MAX, sizeof *b->cyclic);
  if (!b->edges || !b->cyclic || pl_rig_parse("bench.yaml", RIG, sizeof RIG - 1, rig, err) || pl_interlock_compile(*rig, rules, err) ||
      pl_clock_new_real(&b->clock, err))
    return false;
  const struct pl_bench_cfg cfg = {.clock = b->clock, .seed = 1};
  return !pl_bench_open(*rig, &cfg, &b->rack, err) && !pl_interlock_open(*rules, b->rack, &b->interlock, err);
}

int main(void)
{
  struct bench b = {0};
  struct pl_rig *rig = NULL;
  struct pl_interlock_rules *rules = NULL;
  struct pl_err err = {0};
  pthread_t load;
  if (!open_all(&b, &rig, &rules, &err)) {
    fprintf(stderr, "bench_interlock: %s\n", err.text);
    return 1;
  }
  bool started = pl_thread_start(&load, load_a_core, NULL), good = measure(&b);
  atomic_store(&loaded, false);
  if (started)
    pthread_join(load, NULL);
  unsigned ours = percentile(b.edges, 999), theirs = percentile(b.cyclic, 999);
  if (good)
    printf("{\"name\":\"interlock-ratio\",\"value\":%.3f,\"edges\":%d,\"edge_p50_us\":%u,\"edge_p999_us\":%u,\"cyclictest_p50_us\":%u,\"cyclictest_p999_us\":%u}\n",
           (double)ours / (theirs ? theirs : 1), ROUNDS * EDGES, percentile(b.edges, 500), ours, percentile(b.cyclic, 500), theirs);
  pl_interlock_close(b.interlock);
  pl_bench_close(b.rack);
  pl_clock_free(b.clock);
  pl_interlock_rules_free(rules);
  pl_rig_free(rig);
  free(b.edges);
  free(b.cyclic);
  return 0;
}

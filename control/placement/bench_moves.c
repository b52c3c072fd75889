/* SPDX-License-Identifier: Apache-2.0 */
/* How long the plan for a lost module takes among 1,000 modules of 4 nodes, from the pool to the answer: a line for tools/bench.py. bench_moves [MODULES [PER CENT]] */
#include "control/placement/moves_test.h"

static double now_ms(clockid_t clock)
{
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

enum { RUNS = 40 };

/* One module after another leaves; median and worst. */
static void measure(const struct pl_pool *pool, struct dice *dice, int modules, double *median, double *worst, double *cpu, size_t *moves, size_t *stranded)
{
  double took[RUNS], busy[RUNS];
  for (int i = 0; i < RUNS; i++) {
    char ids[4][16];
    const char *nodes[4];
    int module = (int)roll(dice, (uint64_t)modules);
    for (int k = 0; k < 4; k++) {
      snprintf(ids[k], sizeof ids[k], "n%d", module * 4 + k);
      nodes[k] = ids[k];
    }
    double from = now_ms(CLOCK_MONOTONIC), busy_from = now_ms(CLOCK_THREAD_CPUTIME_ID);
    struct pl_moves plan_of = plan(pool, (struct pl_goal_desc){.goal = PL_GOAL_EVACUATE, .nodes = nodes, .n_nodes = 4});
    took[i] = now_ms(CLOCK_MONOTONIC) - from;
    busy[i] = now_ms(CLOCK_THREAD_CPUTIME_ID) - busy_from;
    *moves += plan_of.count;
    *stranded += plan_of.n_stranded;
    pl_moves_end(&plan_of);
  }
  qsort(took, RUNS, sizeof *took, by_value);
  qsort(busy, RUNS, sizeof *busy, by_value);
  *cpu = busy[RUNS / 2];
  *median = took[RUNS / 2];
  *worst = took[RUNS - 1];
}

int main(int argc, char **argv)
{
  int modules = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1000;
  double fill = argc > 2 ? strtod(argv[2], NULL) / 100 : 0.8, median, worst, cpu;
  struct dice dice = {7};
  size_t moves = 0, stranded = 0;
  struct shape shape = {.modules = modules, .per = 4, .modules_a_rack = 10, .fill = fill, .rules = true, .patient = true};
  struct pl_pool *pool = random_pool(&dice, &shape);
  measure(pool, &dice, modules, &median, &worst, &cpu, &moves, &stranded);
  printf("{\"name\": \"evacuate-ms\", \"value\": %.2f, \"worst\": %.2f, \"cpu\": %.2f, \"modules\": %d, \"nodes\": %d, \"allocations\": %zu, \"full\": %.2f, \"moves\": %.1f, "
         "\"stranded\": %.2f}\n",
         median, worst, cpu, modules, modules * 4, pl_pool_allocations(pool), fullness(pool), (double)moves / RUNS, (double)stranded / RUNS);
  pl_pool_free(pool);
  return 0;
}

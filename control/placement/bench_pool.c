/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a pool places: bench_pool --figures, for tools/bench.py; bench_pool NODES [PLACEMENTS] for a look. One thread; CPU time, as other work runs here.
 *
 * The pool: nodes of three sizes in modules of 4, racks of 40 and feeds of 1,000; a quarter has GPUs, an eighth is of the other architecture, a tenth sleeps; each
 * rack has a limit of power at 85 % of its nodes' together. It is filled to 80 % first. Then a placement (plan and commit) and a release of the oldest by turns:
 * 10 dimensions each, a third in a group that keeps apart by node, an eighth with a partner in its rack, a sixteenth redundant over racks (N+1, 2N). */
#include "control/placement/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bench {
  struct pl_pool *pool;
  uint64_t seed, gpu, arm, x86;
  size_t nodes, head, tail, refused;
  int64_t coarse; /* workloads as large as that many: the first half, so that filling takes less time */
  struct pl_amounts total, given;
};
enum { RING = 1 << 21, FILL_PERCENT = 80 };
static unsigned char replicas_of[RING]; /* of request n, at n % RING */

static uint64_t draw(struct bench *b, uint64_t below)
{
  b->seed ^= b->seed << 13;
  b->seed ^= b->seed >> 7;
  b->seed ^= b->seed << 17;
  return b->seed % below;
}

static double seconds(clockid_t clock)
{
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void need(bool ok, const char *what)
{
  if (ok)
    return;
  fprintf(stderr, "bench_pool: %s\n", what);
  exit(1);
}

static void add_node(struct bench *b, size_t i)
{
  static const int64_t sizes[] = {32, 64, 128};
  int64_t size = sizes[draw(b, 3)];
  char id[24], module[24], rack[24], feed[24];
  snprintf(id, sizeof id, "n%zu", i);
  snprintf(module, sizeof module, "m%zu", i / 4);
  snprintf(rack, sizeof rack, "r%zu", i / 40);
  snprintf(feed, sizeof feed, "f%zu", i / 1000);
  bool gpu = draw(b, 4) == 0;
  struct pl_node_desc desc = {.id = id, .domains = {NULL, module, rack, feed}, .features = (draw(b, 8) ? b->x86 : b->arm) | (gpu ? b->gpu : 0),
                              .capacity = {{size * 1000, size * 4096, size * 20480, size * 2000, size * 60, size * 400, size * 4000, size * 4000, gpu ? 8 : 0, 64}},
                              .state = draw(b, 10) ? PL_NODE_UP : PL_NODE_ASLEEP, .heat = (double)draw(b, 100) / 120, .idle_W = 60};
  need(!pl_pool_node(b->pool, &desc, NULL), "a node");
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    b->total.of[d] += desc.capacity.of[d];
}

static void fill_request(struct bench *b, size_t n, struct pl_request *q, char text[4][24])
{
  int64_t cores = (int64_t)(1 + draw(b, 8)) * b->coarse;
  bool gpu = draw(b, 16) == 0;
  snprintf(text[0], 24, "w%zu", n);
  *q = (struct pl_request){.id = text[0], .priority = (int)draw(b, 3), .features = (draw(b, 12) ? b->x86 : b->arm) | (gpu ? b->gpu : 0)};
  q->need = (struct pl_amounts){{cores * 1000, cores * (int64_t)(1024 + draw(b, 6144)), cores * (int64_t)draw(b, 30000), cores * (int64_t)draw(b, 3000),
                                 (int64_t)draw(b, 100), cores * (int64_t)draw(b, 500), cores * (int64_t)(2000 + draw(b, 2500)), cores * 3000, gpu ? 1 : 0, 1}};
  if (draw(b, 3) == 0) {
    snprintf(text[1], 24, "g%zu", n / 64);
    q->group = q->apart[0] = text[1];
    q->apart_in = PL_DOMAIN_NODE;
  }
  if (draw(b, 8) == 0 && n > b->tail + 100) {
    snprintf(text[2], 24, "w%zu", n - 1 - draw(b, 50));
    struct pl_allocation partner;
    if (pl_pool_find(b->pool, text[2], &partner)) {
      q->with[0] = text[2];
      q->with_in = PL_DOMAIN_RACK;
    }
  }
  if (draw(b, 16) == 0) {
    q->redundancy = draw(b, 2) ? PL_REDUNDANCY_N1 : PL_REDUNDANCY_2N;
    q->replicas = 1;
    q->spread = PL_DOMAIN_RACK;
  }
}

/* Rows placed: a redundant request has two. 0: refused. */
static size_t place(struct bench *b)
{
  char text[4][24];
  struct pl_request q;
  struct pl_plan *plan = NULL;
  struct pl_why why; /* whoever is refused wants to know */
  struct pl_err err = {0};
  const struct pl_plan_row *rows;
  fill_request(b, b->head, &q, text);
  size_t n = 0;
  if (!pl_pool_place(b->pool, &q, 1, &plan, &why, &err))
    n = pl_plan_rows(plan, &rows);
  else
    b->refused++;
  pl_plan_free(plan);
  replicas_of[b->head++ % RING] = (unsigned char)n;
  for (size_t i = 0; i < n; i++)
    for (int d = 0; d < PL_DIMENSION_COUNT; d++)
      b->given.of[d] += q.need.of[d];
  return n;
}

static void release(struct bench *b)
{
  size_t n = replicas_of[b->tail % RING];
  for (size_t i = 1; i <= n; i++) {
    char id[32];
    snprintf(id, sizeof id, i > 1 ? "w%zu#%zu" : "w%zu", b->tail, i);
    (void)pl_pool_release(b->pool, id, NULL); /* it may have been displaced */
  }
  b->tail++;
}

static void make(struct bench *b, size_t nodes)
{
  *b = (struct bench){.seed = 88172645463325252u, .nodes = nodes};
  need(!pl_pool_new(NULL, &b->pool, NULL), "a pool");
  need(!pl_pool_feature(b->pool, "x86-64", &b->x86, NULL) && !pl_pool_feature(b->pool, "aarch64", &b->arm, NULL) && !pl_pool_feature(b->pool, "gpu", &b->gpu, NULL),
       "features");
  for (size_t i = 0; i < nodes; i++)
    add_node(b, i);
  for (size_t i = 0; i < nodes; i += 40) {
    struct pl_amounts limit, power = {0};
    char rack[24];
    snprintf(rack, sizeof rack, "r%zu", i / 40);
    for (size_t n = i; n < nodes && n < i + 40; n++) {
      struct pl_node_view view;
      char id[24];
      snprintf(id, sizeof id, "n%zu", n);
      if (pl_pool_view(b->pool, id, &view))
        power.of[PL_DIMENSION_POWER] += view.desc.capacity.of[PL_DIMENSION_POWER];
    }
    memset(&limit, 0xFF, sizeof limit);
    limit.of[PL_DIMENSION_POWER] = power.of[PL_DIMENSION_POWER] * 85 / 100;
    need(!pl_pool_limit(b->pool, PL_DOMAIN_RACK, rack, &limit, NULL), "a limit");
  }
  static const int percent[2] = {FILL_PERCENT / 2, FILL_PERCENT}, coarse[2] = {4, 1};
  for (int i = 0; i < 2; i++)
    for (b->coarse = coarse[i]; b->given.of[PL_DIMENSION_CORES] * 100 < b->total.of[PL_DIMENSION_CORES] * percent[i];)
      place(b);
}

static int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

struct told {
  double per_s, mean_us, p50_us, p99_us, most_us;
};

static struct told run(struct bench *b, size_t count)
{
  double *each = calloc(count, sizeof *each), sum = 0;
  size_t rows = 0;
  need(each != NULL, "memory");
  b->refused = 0;
  for (size_t i = 0; i < count; i++) {
    release(b);
    double start = seconds(CLOCK_THREAD_CPUTIME_ID);
    rows += place(b);
    each[i] = (seconds(CLOCK_THREAD_CPUTIME_ID) - start) * 1e6;
    sum += each[i];
  }
  qsort(each, count, sizeof *each, by_value);
  struct told told = {.per_s = (double)rows / sum * 1e6, .mean_us = sum / (double)count, .p50_us = each[count / 2], .p99_us = each[count * 99 / 100],
                      .most_us = each[count - 1]};
  free(each);
  return told;
}

static struct told measure(size_t nodes, size_t count, bool loud)
{
  static struct bench b;
  double start = seconds(CLOCK_THREAD_CPUTIME_ID);
  struct pl_err err = {0};
  make(&b, nodes);
  if (loud)
    printf("%zu nodes filled with %zu allocations in %.2f s\n", nodes, pl_pool_allocations(b.pool), seconds(CLOCK_THREAD_CPUTIME_ID) - start);
  struct told told = run(&b, count);
  need(!pl_pool_check(b.pool, &err), err.text);
  if (loud)
    printf("%.0f /s, mean %.1f us, p50 %.1f, p99 %.1f, most %.1f us; %zu refused of %zu; %zu allocations\n", told.per_s, told.mean_us, told.p50_us, told.p99_us,
           told.most_us, b.refused, count, pl_pool_allocations(b.pool));
  pl_pool_free(b.pool);
  return told;
}

int main(int argc, char **argv)
{
  if (argc > 1 && strcmp(argv[1], "--figures") != 0) {
    measure(strtoul(argv[1], NULL, 10), argc > 2 ? strtoul(argv[2], NULL, 10) : 20000, true);
    return 0;
  }
  struct told small = measure(5000, 30000, false), large = measure(50000, 30000, false);
  printf("{\"name\": \"place-per-s\", \"value\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", small.per_s, small.p50_us, small.p99_us);
  printf("{\"name\": \"place-p99-us\", \"value\": %.1f}\n", small.p99_us);
  printf("{\"name\": \"place-50k-ratio\", \"value\": %.2f, \"mean_us\": %.1f, \"p99_us\": %.1f}\n", large.mean_us / small.mean_us, large.mean_us, large.p99_us);
  return 0;
}

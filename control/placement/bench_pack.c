/* SPDX-License-Identifier: Apache-2.0 */
/* How well a pool packs: bench_pack [INSTANCES [MS]], lines for tools/bench.py. MS: what GLPK may take for one of them.
 *
 * An instance is a batch of workloads, all or none, on nodes that are idle; what counts is the nodes used. Small ones (up to 30 workloads on 12 nodes) against the
 * least possible: the pool's answer is that if the lower bound says so, or if GLPK proves that one node fewer cannot do; else GLPK finds it. Large ones (100 to 400 workloads) against the lower bound: the sum of what is asked for, in the
 * dimension where it needs most nodes. pack-gap is the sum of nodes used over the sum of the least possible, less 1, in percent. */
#include "control/placement/pool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <glpk.h>

enum { ITEMS_MAX = 400, NODES_MAX = 400, GLPK_MS = 3000, KINDS = 3, DIMS = PL_DIMENSION_COUNT };

struct instance {
  size_t items, nodes;
  struct pl_amounts need[ITEMS_MAX], capacity;
};

static uint64_t draw(uint64_t *seed, uint64_t below)
{
  *seed ^= *seed << 13;
  *seed ^= *seed >> 7;
  *seed ^= *seed << 17;
  return *seed % below;
}

static void must(bool ok, const char *what)
{
  if (ok)
    return;
  fprintf(stderr, "bench_pack: %s\n", what);
  exit(1);
}

/* Three kinds: all dimensions alike with some noise; each workload heavy in one of three; everything by chance. Sizes of 1/20 to `most` of a node. */
static void make(struct instance *in, uint64_t *seed, size_t items, size_t nodes, double most)
{
  uint64_t kind = draw(seed, KINDS);
  *in = (struct instance){.items = items, .nodes = nodes};
  for (int d = 0; d < DIMS; d++)
    in->capacity.of[d] = d == PL_DIMENSION_WORKLOADS ? 64 : 100000;
  for (size_t i = 0; i < items; i++) {
    double size = 0.05 + (most - 0.05) * (double)draw(seed, 1000) / 1000;
    uint64_t heavy = draw(seed, 3);
    for (int d = 0; d < DIMS; d++) {
      double by_chance = (double)draw(seed, 1000) / 1000;
      double share = kind == 0 ? size * (0.7 + 0.3 * by_chance) : kind == 1 ? size * ((uint64_t)d % 3 == heavy ? 1 : 0.3 * by_chance) : most * by_chance;
      in->need[i].of[d] = d == PL_DIMENSION_WORKLOADS ? 1 : (int64_t)(share * (double)in->capacity.of[d]);
    }
  }
}

static size_t lower_bound(const struct instance *in)
{
  size_t least = 1;
  for (int d = 0; d < DIMS; d++) {
    int64_t sum = 0;
    for (size_t i = 0; i < in->items; i++)
      sum += in->need[i].of[d];
    size_t nodes = (size_t)((sum + in->capacity.of[d] - 1) / in->capacity.of[d]);
    least = nodes > least ? nodes : least;
  }
  return least;
}

/* Nodes used; 0: it does not fit. */
static size_t pack(const struct instance *in)
{
  static struct pl_request requests[ITEMS_MAX];
  static char ids[ITEMS_MAX][16];
  struct pl_pool *pool = NULL;
  struct pl_plan *plan = NULL;
  struct pl_err err = {0};
  const struct pl_plan_row *rows;
  char used[NODES_MAX] = {0};
  size_t count = 0;
  must(!pl_pool_new(NULL, &pool, &err), "a pool");
  for (size_t n = 0; n < in->nodes; n++) {
    char id[24];
    snprintf(id, sizeof id, "%zu", n);
    must(!pl_pool_node(pool, &(struct pl_node_desc){.id = id, .capacity = in->capacity}, &err), err.text);
  }
  for (size_t i = 0; i < in->items; i++) {
    snprintf(ids[i], sizeof ids[i], "w%zu", i);
    requests[i] = (struct pl_request){.id = ids[i], .need = in->need[i]};
  }
  if (!pl_pool_place(pool, requests, in->items, &plan, NULL, &err)) {
    size_t n = pl_plan_rows(plan, &rows);
    for (size_t i = 0; i < n; i++)
      used[strtoul(rows[i].node, NULL, 10)] = 1;
    for (size_t i = 0; i < in->nodes; i++)
      count += (size_t)used[i];
    must(n == in->items && !pl_pool_check(pool, &err), err.text);
  }
  pl_plan_free(plan);
  pl_pool_free(pool);
  return count;
}

/* Workload i on node j is column 1 + i * nodes + j; node j in use is column 1 + items * nodes + j. The nodes are alike: item 0 is on node 0, item i on one of the
 * first i + 1, and they are used in their order. */
static glp_prob *model(const struct instance *in, size_t nodes)
{
  glp_prob *p = glp_create_prob();
  int n = (int)nodes, m = (int)in->items, rows = 0;
  int index[NODES_MAX + 2];
  double value[NODES_MAX + 2];
  glp_set_obj_dir(p, GLP_MIN);
  glp_add_cols(p, m * n + n);
  for (int c = 1; c <= m * n + n; c++) {
    glp_set_col_kind(p, c, GLP_BV);
    glp_set_obj_coef(p, c, c > m * n ? 1 : 0);
    if (c <= m * n && (c - 1) % n > (c - 1) / n)
      glp_set_col_bnds(p, c, GLP_FX, 0, 0);
  }
  glp_add_rows(p, m + n * DIMS + n - 1);
  for (int i = 0; i < m; i++) {
    for (int j = 0; j < n; j++) {
      index[j + 1] = 1 + i * n + j;
      value[j + 1] = 1;
    }
    glp_set_row_bnds(p, ++rows, GLP_FX, 1, 1);
    glp_set_mat_row(p, rows, n, index, value);
  }
  for (int j = 0; j < n; j++)
    for (int d = 0; d < DIMS; d++) {
      for (int i = 0; i < m; i++) {
        index[i + 1] = 1 + i * n + j;
        value[i + 1] = (double)in->need[i].of[d] / (double)in->capacity.of[d];
      }
      index[m + 1] = 1 + m * n + j;
      value[m + 1] = -1;
      glp_set_row_bnds(p, ++rows, GLP_UP, 0, 0);
      glp_set_mat_row(p, rows, m + 1, index, value);
    }
  for (int j = 0; j + 1 < n; j++) {
    index[1] = 1 + m * n + j;
    index[2] = 2 + m * n + j;
    value[1] = 1;
    value[2] = -1;
    glp_set_row_bnds(p, ++rows, GLP_LO, 0, 0);
    glp_set_mat_row(p, rows, 2, index, value);
  }
  return p;
}

/* The least number of nodes, given a packing on `used`; *proven: false where that is only a bound. */
static size_t optimum(const struct instance *in, size_t used, size_t bound, int limit_ms, bool *proven)
{
  *proven = true;
  if (used == bound)
    return used;
  glp_prob *p = model(in, used - 1);
  glp_iocp how;
  glp_init_iocp(&how);
  how.presolve = how.binarize = GLP_ON;
  how.msg_lev = GLP_MSG_OFF;
  how.gmi_cuts = how.cov_cuts = how.mir_cuts = GLP_ON;
  how.fp_heur = GLP_ON;
  how.tm_lim = limit_ms;
  int over = glp_intopt(p, &how), status = glp_mip_status(p);
  size_t least = over == GLP_ENOPFS || status == GLP_NOFEAS ? used : status == GLP_OPT ? (size_t)lround(glp_mip_obj_val(p)) : bound;
  *proven = over == 0 ? status == GLP_OPT || status == GLP_NOFEAS : over == GLP_ENOPFS;
  if (!*proven && status == GLP_FEAS)
    least = bound;
  glp_delete_prob(p);
  return least;
}

/* GLPK's exact optimum: as many instances as are wanted of those that it solves in its time; the others are counted at the bound in "with_unproven". */
static void small(size_t instances, int limit_ms)
{
  static struct instance in;
  uint64_t seed = 0x9E3779B97F4A7C15u;
  size_t used = 0, least = 0, unproven = 0, equal = 0, worst = 0, refused = 0, used_all = 0, least_all = 0;
  for (size_t i = 0; i < instances;) {
    size_t items = 5 + draw(&seed, 26), bound;
    make(&in, &seed, items, 12, 0.25 + (double)draw(&seed, 40) / 100);
    if ((bound = lower_bound(&in)) > 11) /* more than the nodes, or all of them: nothing to win */
      continue;
    size_t got = pack(&in);
    bool proven;
    if (!got) {
      refused++;
      continue;
    }
    size_t best = optimum(&in, got, bound, limit_ms, &proven);
    used_all += got;
    least_all += proven ? best : bound;
    if (!proven) {
      unproven++;
      continue;
    }
    used += got;
    least += best;
    equal += got == best;
    worst = got - best > worst ? got - best : worst;
    i++;
  }
  printf("{\"name\": \"pack-gap\", \"value\": %.2f, \"instances\": %zu, \"used\": %zu, \"least\": %zu, \"equal\": %zu, \"worst_nodes\": %zu, \"unproven\": %zu, "
         "\"with_unproven\": %.2f, \"refused\": %zu}\n", 100 * ((double)used / (double)least - 1), instances, used, least, equal, worst, unproven,
         100 * ((double)used_all / (double)least_all - 1), refused);
}

static void large(void)
{
  static struct instance in;
  uint64_t seed = 0xD1B54A32D192ED03u;
  size_t used = 0, least = 0, instances = 30;
  for (size_t i = 0; i < instances; i++) {
    make(&in, &seed, 100 + draw(&seed, 301), NODES_MAX, 0.1 + (double)draw(&seed, 20) / 100);
    size_t got = pack(&in);
    must(got, "a large instance did not fit");
    used += got;
    least += lower_bound(&in);
  }
  printf("{\"name\": \"pack-gap-large\", \"value\": %.2f, \"instances\": %zu, \"used\": %zu, \"bound\": %zu}\n", 100 * ((double)used / (double)least - 1), instances,
         used, least);
}

int main(int argc, char **argv)
{
  glp_term_out(GLP_OFF);
  small(argc > 1 ? strtoul(argv[1], NULL, 10) : 200, argc > 2 ? (int)strtol(argv[2], NULL, 10) : GLPK_MS);
  large();
  return 0;
}

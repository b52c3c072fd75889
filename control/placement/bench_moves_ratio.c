/* SPDX-License-Identifier: Apache-2.0 */
/* Moves of a plan over the least possible, which GLPK finds as a mixed-integer program: small random pools, rebalancing and evacuation. Lines for tools/bench.py:
 * bench_moves_ratio [INSTANCES [FIRST SEED]]; with -v each instance. GLPK is told the state after the moves only, not how to get there: if anything it is too good. */
#include "control/placement/moves_test.h"

#include <glpk.h>
#include <math.h>

#define HIGH 0.85
#define SETTLE 0.75

enum { NODES = 8, ALLOCS = 128, NO_WAY = -1, UNSOLVED = -2 };

struct copy { /* of a pool, for the program */
  struct pl_node_view nodes[NODES];
  char ids[NODES][16], modules[NODES][16];
  bool hot[NODES], empty[NODES], full[NODES]; /* full: not too full, but it may take nothing as it is */
  size_t n_nodes;
  struct item {
    char id[24], shuns[24], request[24];
    size_t home;
    struct pl_amounts need;
    enum pl_domain in, spread;
    unsigned together;
    uint64_t features;
    bool stay;
  } items[ALLOCS];
  size_t n_items;
};

/* --- the pool, read --- */

static size_t number(const struct copy *c, const char *node)
{
  size_t n = 0;
  while (strcmp(c->ids[n], node))
    n++;
  return n;
}

static void read_node(void *ctx, const struct pl_node_view *view)
{
  struct copy *c = ctx;
  c->nodes[c->n_nodes] = *view;
  snprintf(c->ids[c->n_nodes], sizeof *c->ids, "%s", view->desc.id);
  snprintf(c->modules[c->n_nodes], sizeof *c->modules, "%s", view->desc.domains[PL_DOMAIN_MODULE]);
  c->n_nodes++;
}

static void read_item(void *ctx, const struct pl_allocation *a)
{
  struct copy *c = ctx;
  const struct pl_request *r = a->request;
  assert_true(c->n_items < ALLOCS);
  struct item *item = &c->items[c->n_items++];
  *item = (struct item){.home = number(c, a->node), .need = a->need, .in = r->apart_in, .spread = r->spread, .features = r->features, .stay = r->stay,
                        .together = r->redundancy == PL_REDUNDANCY_N1 ? 1 : r->redundancy == PL_REDUNDANCY_2N ? r->replicas : 0};
  snprintf(item->id, sizeof item->id, "%s", a->id);
  snprintf(item->request, sizeof item->request, "%s", r->id);
  snprintf(item->shuns, sizeof item->shuns, "%s", r->apart[0] ? r->apart[0] : "");
}

static bool counts(int d)
{
  return d != PL_DIMENSION_WORKLOADS && d != PL_DIMENSION_ACCELERATORS;
}

static double grow(const struct pl_node_view *v, int d)
{
  return v->given.of[d] > 0 && v->forecast.of[d] > v->given.of[d] ? (double)v->forecast.of[d] / (double)v->given.of[d] : 1;
}

static double level_of(const struct pl_node_view *v)
{
  double most = 0;
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    if (counts(d) && v->desc.capacity.of[d])
      most = fmax(most, (double)v->given.of[d] * grow(v, d) / (double)v->desc.capacity.of[d]);
  return most;
}

/* --- the program --- */

struct program {
  glp_prob *lp;
  int rows[ALLOCS * NODES + 1];
  double values[ALLOCS * NODES + 1];
  int count;
  const struct copy *c;
};

static int var(const struct program *p, size_t item, size_t node)
{
  return (int)(item * p->c->n_nodes + node) + 1;
}
static int takes(const struct program *p, size_t node)
{
  return (int)(p->c->n_items * p->c->n_nodes + node) + 1;
}

static void term(struct program *p, int column, double factor)
{
  p->rows[++p->count] = column;
  p->values[p->count] = factor;
}

static void row(struct program *p, int kind, double bound)
{
  int at = glp_add_rows(p->lp, 1);
  if (p->count)
    glp_set_mat_row(p->lp, at, p->count, p->rows, p->values);
  glp_set_row_bnds(p->lp, at, kind, bound, bound);
  p->count = 0;
}

/* Each is somewhere; staying costs nothing. */
static void add_items(struct program *p, bool evacuate)
{
  const struct copy *c = p->c;
  glp_add_cols(p->lp, (int)(c->n_items * c->n_nodes + c->n_nodes));
  for (size_t n = 0; n < c->n_nodes; n++)
    glp_set_col_kind(p->lp, takes(p, n), GLP_BV);
  for (size_t i = 0; i < c->n_items; i++) {
    for (size_t n = 0; n < c->n_nodes; n++) {
      const struct item *item = &c->items[i];
      int column = var(p, i, n);
      glp_set_col_kind(p->lp, column, GLP_BV);
      glp_set_obj_coef(p->lp, column, n == item->home ? 0 : 1);
      bool never = (n != item->home && (item->stay || (item->features & ~c->nodes[n].desc.features))) || (evacuate && c->empty[n]);
      if (never)
        glp_set_col_bnds(p->lp, column, GLP_FX, 0, 0);
      term(p, column, 1);
    }
    row(p, GLP_FX, 1);
    for (size_t n = 0; n < c->n_nodes; n++)
      if (n != c->items[i].home && c->full[n] && !evacuate) {
        term(p, var(p, i, n), 1);
        term(p, takes(p, n), -1);
        row(p, GLP_UP, 0);
      }
  }
}

/* Room; and where it is too full, or takes something, under where it settles. */
static void add_nodes_of(struct program *p, bool evacuate)
{
  const struct copy *c = p->c;
  for (size_t n = 0; n < c->n_nodes; n++)
    for (int d = 0; d < PL_DIMENSION_COUNT; d++) {
      double capacity = (double)c->nodes[n].desc.capacity.of[d], all = 0;
      double top = evacuate || !counts(d) ? capacity : floor(capacity * SETTLE);
      for (size_t i = 0; i < c->n_items; i++) {
        double load = (double)c->items[i].need.of[d] * (evacuate ? 1 : grow(&c->nodes[c->items[i].home], d));
        if (load > 0)
          term(p, var(p, i, n), evacuate ? load : floor(load));
        all += load;
      }
      if (all <= 0)
        continue;
      double beyond = c->hot[n] ? 0 : fmax(0, (double)c->nodes[n].given.of[d] * grow(&c->nodes[n], d) - top);
      if (beyond > 0)
        term(p, takes(p, n), beyond);
      row(p, GLP_UP, top + beyond);
    }
}

static bool together(const struct copy *c, enum pl_domain in, size_t n, size_t k)
{
  return in == PL_DOMAIN_NODE ? n == k : !strcmp(c->modules[n], c->modules[k]);
}

static void add_rules(struct program *p)
{
  const struct copy *c = p->c;
  for (size_t n = 0; n < c->n_nodes; n++)
    for (size_t i = 0; i < c->n_items; i++) {
      const struct item *item = &c->items[i];
      if (item->together && !strcmp(item->id, item->request)) { /* the first speaks for all replicas */
        for (size_t k = 0; k < c->n_items; k++)
          for (size_t at = 0; !strcmp(c->items[k].request, item->request) && at < c->n_nodes; at++)
            if (together(c, item->spread, n, at))
              term(p, var(p, k, at), 1);
        row(p, GLP_UP, item->together);
      }
      for (size_t k = 0; item->shuns[0] && k < c->n_items; k++)
        if (k != i && (!strcmp(c->items[k].id, item->shuns) || !strcmp(c->items[k].request, item->shuns))) {
          for (size_t at = 0; at < c->n_nodes; at++)
            if (together(c, item->in, n, at)) {
              term(p, var(p, i, at), 1);
              term(p, var(p, k, at), 1);
            }
          row(p, GLP_UP, 1);
        }
    }
}

/* NO_WAY; UNSOLVED in time. known: so many are enough; < 0: nobody knows. */
static int least(const struct copy *c, bool evacuate, int known)
{
  struct program p = {.lp = glp_create_prob(), .c = c};
  glp_iocp how;
  glp_term_out(GLP_OFF);
  glp_set_obj_dir(p.lp, GLP_MIN);
  add_items(&p, evacuate);
  add_nodes_of(&p, evacuate);
  add_rules(&p);
  for (size_t i = 0; i < c->n_items; i++)
    for (size_t n = 0; n < c->n_nodes && known >= 0; n++)
      if (n != c->items[i].home)
        term(&p, var(&p, i, n), 1);
  if (known >= 0)
    row(&p, GLP_UP, known);
  glp_init_iocp(&how);
  how.presolve = GLP_ON;
  how.msg_lev = GLP_MSG_OFF;
  how.tm_lim = 2000; /* those that take longer do not count */
  bool in_time = glp_intopt(p.lp, &how) != GLP_ETMLIM, solved = in_time && glp_mip_status(p.lp) == GLP_OPT;
  int moves = solved ? (int)lround(glp_mip_obj_val(p.lp)) : in_time ? NO_WAY : UNSOLVED;
  glp_delete_prob(p.lp);
  return moves;
}

/* --- instances --- */

static void crowd(struct pl_pool *pool, struct dice *dice, struct copy *c)
{
  for (size_t hot = 1 + roll(dice, 2), h = 0; h < hot; h++) /* filled by hand */
    for (int tries = 0; tries < 60; tries++) {
      struct pl_node_view v;
      const struct item *item = &c->items[roll(dice, c->n_items)];
      if (!pl_pool_view(pool, c->ids[h], &v) || level_of(&v) > 0.86 + 0.1 * (double)roll(dice, 2) || level_of(&c->nodes[item->home]) > HIGH)
        continue;
      (void)pl_pool_move(pool, item->id, c->ids[h], NULL);
    }
  if (roll(dice, 2)) { /* or expected to be */
    struct pl_node_view v;
    size_t n = roll(dice, c->n_nodes);
    assert_true(pl_pool_view(pool, c->ids[n], &v));
    struct pl_amounts peak = v.given;
    peak.of[PL_DIMENSION_CORES] = peak.of[PL_DIMENSION_CORES] * (10 + (int64_t)roll(dice, 6)) / 10;
    assert_int_equal(pl_pool_forecast(pool, c->ids[n], &peak, NULL), PL_OK);
  }
}

static void read_pool(const struct pl_pool *pool, struct copy *c)
{
  *c = (struct copy){0};
  pl_pool_each_node(pool, read_node, c);
  pl_pool_each(pool, read_item, c);
  for (size_t n = 0; n < c->n_nodes; n++) {
    c->hot[n] = level_of(&c->nodes[n]) > HIGH;
    c->full[n] = !c->hot[n] && level_of(&c->nodes[n]) > SETTLE - 0.001;
  }
}

struct tally {
  size_t instances, missed, best, unsolved;
  double sum, worst;
};

/* A plan that leaves undone what could be done counts as twice the least. */
static void compare(struct tally *t, uint64_t seed, const char *what, int least_moves, const struct pl_moves *moves, size_t undone, bool verbose)
{
  t->unsolved += least_moves == UNSOLVED;
  if (least_moves <= 0)
    return;
  double ratio = undone ? 2 : (double)moves->count / least_moves;
  t->instances++;
  t->missed += undone > 0;
  t->best += ratio <= 1;
  t->sum += ratio;
  t->worst = fmax(t->worst, ratio);
  if (verbose)
    printf("%s seed %llu: %zu moves, %zu undone, least %d: %s\n", what, (unsigned long long)seed, moves->count, undone, least_moves, moves->why);
}

static size_t still_hot(const struct pl_pool *pool, const struct copy *before)
{
  struct copy after;
  size_t count = 0;
  read_pool(pool, &after);
  for (size_t n = 0; n < after.n_nodes; n++)
    count += before->hot[n] && level_of(&after.nodes[n]) > SETTLE && !before->nodes[n].forecast.of[0]; /* a forecast is made anew later */
  return count;
}

static void relieve(struct tally *t, uint64_t seed, bool verbose)
{
  struct dice dice = {seed};
  struct shape shape = {.modules = 3, .per = 2, .modules_a_rack = 2, .fill = 0.5 + 0.05 * (double)roll(&dice, 4), .rules = roll(&dice, 2), .apart_only = true};
  struct pl_pool *pool = random_pool(&dice, &shape);
  struct copy c;
  read_pool(pool, &c);
  crowd(pool, &dice, &c);
  read_pool(pool, &c);
  bool any = false;
  for (size_t n = 0; n < c.n_nodes; n++)
    any |= c.hot[n];
  if (!any) {
    pl_pool_free(pool);
    return;
  }
  struct pl_moves moves = plan(pool, (struct pl_goal_desc){.goal = PL_GOAL_RELIEVE, .high = HIGH, .settle = SETTLE});
  struct pl_pool *after = referee(pool, &moves, &dice);
  size_t undone = still_hot(after, &c);
  bool whole = !undone && !strstr(moves.why, "above 85 % (");
  compare(t, seed, "relieve", least(&c, false, whole ? (int)moves.count : -1), &moves, undone, verbose);
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
}

static void evacuate(struct tally *t, uint64_t seed, bool verbose)
{
  struct dice dice = {seed};
  struct shape shape = {.modules = 2 + (int)roll(&dice, 2), .per = 2, .modules_a_rack = 2, .fill = 0.55 + 0.05 * (double)roll(&dice, 6), .rules = roll(&dice, 2), .apart_only = true};
  struct pl_pool *pool = random_pool(&dice, &shape);
  struct copy c;
  read_pool(pool, &c);
  c.empty[0] = true;
  struct pl_moves moves = plan(pool, (struct pl_goal_desc){.goal = PL_GOAL_EVACUATE, .nodes = (const char *const[]){c.ids[0]}, .n_nodes = 1});
  struct pl_pool *after = referee(pool, &moves, &dice);
  compare(t, seed, "evacuate", least(&c, true, moves.n_stranded ? -1 : (int)moves.count), &moves, moves.n_stranded, verbose);
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
}

int main(int argc, char **argv)
{
  bool verbose = argc > 1 && !strcmp(argv[1], "-v");
  size_t wanted = argc > 1 + verbose ? (size_t)strtoul(argv[1 + verbose], NULL, 10) : 100;
  uint64_t first = argc > 2 + verbose ? strtoull(argv[2 + verbose], NULL, 10) : 1;
  static const struct {
    const char *name;
    void (*run)(struct tally *t, uint64_t seed, bool verbose);
  } KINDS[] = {{"moves-ratio", relieve}, {"moves-ratio-evacuate", evacuate}};
  for (size_t k = 0; k < COUNT(KINDS); k++) {
    struct tally t = {0};
    for (uint64_t seed = first; t.instances < wanted && seed < first + 20 * wanted; seed++)
      KINDS[k].run(&t, seed, verbose);
    printf("{\"name\": \"%s\", \"value\": %.4f, \"worst\": %.2f, \"instances\": %zu, \"least\": %zu, \"missed\": %zu, \"unsolved\": %zu}\n",
           KINDS[k].name, t.sum / (double)t.instances, t.worst, t.instances, t.best, t.missed, t.unsolved);
  }
  return 0;
}

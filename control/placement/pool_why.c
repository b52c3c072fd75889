/* SPDX-License-Identifier: Apache-2.0 */
/* Why here, why not there: the notes of a plan, and the sentence of a refusal. */
#include "control/placement/pool_in.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_NOTED = 64, BEST_NOTED = 8, SHORTS_SAID = 6 };

/* --- explanations --- */

static bool keep_name(struct pl_plan *plan, const char *name, size_t *at)
{
  size_t size = strlen(name) + 1;
  if (plan->text_size + size > plan->text_cap) {
    size_t cap = (plan->text_cap + size) * 2 + 128;
    char *more = realloc(plan->text, cap);
    if (!more)
      return false;
    plan->text = more;
    plan->text_cap = cap;
  }
  *at = plan->text_size;
  memcpy(plan->text + plan->text_size, name, size);
  plan->text_size += size;
  return true;
}

static int64_t most_short(const struct rules *rules, const struct node *n, int *dimension)
{
  double worst = -1;
  int64_t by = 0;
  for (int d = 0; d < DIMS; d++) {
    int64_t missing = rules->need.of[d] - n->free.of[d];
    double share = missing > 0 ? (double)missing / (double)(rules->need.of[d] > 0 ? rules->need.of[d] : 1) : -1;
    if (share > worst) {
      worst = share;
      by = missing;
      *dimension = d;
    }
  }
  return by;
}

static void note(struct pl_plan *plan, struct row *row, const struct rules *rules, const struct node *n, enum ruled ruled)
{
  struct note *to = &row->notes[row->n_notes];
  *to = (struct note){.ruled = ruled, .asleep = n->state == PL_NODE_ASLEEP};
  if (!keep_name(plan, n->name->word, &to->name))
    return;
  if (ruled == RULED_NOT) {
    pool_score_terms(n, &rules->need, to->terms);
    for (int t = 0; t < TERMS; t++)
      to->score += (float)plan->weights[t] * to->terms[t];
  } else if (ruled == RULED_SMALL)
    to->short_by = most_short(rules, n, &to->dimension);
  row->n_notes++;
}

static int by_merit(const void *a, const void *b)
{
  const struct note *x = a, *y = b;
  if (x->ruled != y->ruled)
    return x->ruled < y->ruled ? -1 : 1;
  if (x->asleep != y->asleep)
    return x->asleep ? 1 : -1;
  return x->score != y->score ? (x->score > y->score ? -1 : 1) : x->name < y->name ? -1 : x->name > y->name;
}

void pool_explain(struct pl_plan *plan, struct row *row, const struct pl_pool *pool, const struct rules *rules, const struct candidate *candidates, size_t count)
{
  bool all = pool->n_nodes <= ALL_NOTED;
  size_t most = all ? pool->n_nodes : count < BEST_NOTED ? count : BEST_NOTED;
  free(row->notes);
  row->n_notes = 0;
  row->n_candidates = count;
  if (!(row->notes = malloc((most + 1) * sizeof *row->notes)))
    return; /* the decision stands without its explanation */
  for (size_t i = 0; !all && i < count && row->n_notes < most; i++)
    note(plan, row, rules, candidates[i].node, RULED_NOT);
  for (size_t i = 0; all && i < pool->n_nodes; i++)
    if (pool->nodes[i])
      note(plan, row, rules, pool->nodes[i], pool_ruled(rules, pool->nodes[i], NULL));
  if (all)
    qsort(row->notes, row->n_notes, sizeof *row->notes, by_merit);
}

__attribute__((format(printf, 2, 3))) static void print(FILE *out, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  (void)vfprintf(out, format, args);
  va_end(args);
}

/* In the unit that people say: thousandths are told as whole ones. */
static double in_words(enum pl_dimension d, int64_t amount)
{
  return (double)amount / (*pl_dimension_unit(d) == 'm' ? 1000 : 1);
}

/* "1.5 cores", "512 MiB of memory", "40 W of power", "2 accelerators"; out of at least 64 bytes; returns out. */
static const char *amount_words(enum pl_dimension d, int64_t amount, char out[64])
{
  const char *unit = pl_dimension_unit(d) + (*pl_dimension_unit(d) == 'm');
  bool counted = d == PL_DIMENSION_CORES || *unit == '1';
  snprintf(out, 64, "%.10g %s%s%s", in_words(d, amount), counted ? "" : unit, counted ? "" : " of ", pl_dimension_name(d));
  return out;
}

static void print_note(FILE *out, const struct pl_plan *plan, const struct note *n, bool chosen)
{
  static const char *const words[] = {[RULED_CLOSED] = "takes no work", [RULED_FEATURE] = "lacks a feature", [RULED_SMALL] = "short",
                                      [RULED_AFFINITY] = "affinity, anti-affinity or redundancy", [RULED_LIMIT] = "limit of its domain"};
  print(out, "%-16s ", plan->text + n->name);
  char words_of[64];
  if (n->ruled == RULED_SMALL)
    print(out, "no: short by %s\n", amount_words((enum pl_dimension)n->dimension, n->short_by, words_of));
  else if (n->ruled)
    print(out, "no: %s\n", words[n->ruled]);
  if (n->ruled)
    return;
  print(out, "%.3f =", (double)n->score);
  for (int t = 0; t < TERMS; t++)
    if (plan->weights[t] > 0)
      print(out, " %s %.2f x %.2f", pool_term_names[t], plan->weights[t], (double)n->terms[t]);
  print(out, "%s\n", chosen ? "  <- here" : n->asleep ? "  (asleep)" : "");
}

char *pl_plan_explain(const struct pl_plan *plan, size_t row)
{
  char *text = NULL;
  size_t size = 0;
  if (row >= plan->count)
    return NULL;
  FILE *out = open_memstream(&text, &size);
  if (!out)
    return NULL;
  const struct row *r = &plan->rows[row];
  print(out, "%s on %s: score %.3f of 1%s; the best of %zu weighed, of %zu nodes\n", r->pub.id, r->pub.node, r->pub.score,
        r->pub.wakes ? ", and must be woken: nothing that is awake has room" : "", r->n_candidates, plan->nodes);
  for (size_t i = 0; i < r->n_notes; i++)
    print_note(out, plan, &r->notes[i], !strcmp(plan->text + r->notes[i].name, r->pub.node));
  if (r->n_candidates > r->n_notes && plan->nodes > ALL_NOTED)
    print(out, "and %zu more, each worse\n", r->n_candidates - r->n_notes);
  for (size_t i = 0; !row && i < plan->n_evicts; i++)
    print(out, "displaces %s on %s: of lower priority, and there is no room without\n", plan->evicts[i], plan->evict_nodes[i]);
  if (fclose(out)) {
    free(text);
    return NULL;
  }
  return text;
}

/* --- of what is there already --- */

static size_t weigh(const struct pl_pool *pool, const struct alloc *a, const struct node *here, const struct rules *rules, struct pl_plan *plan, struct row *row)
{
  struct candidate candidates[CANDIDATES];
  size_t could = 0;
  memcpy(plan->weights, pool->weights, sizeof plan->weights);
  plan->nodes = pool->n_there;
  if (pool->n_nodes > ALL_NOTED) {
    could = pool_hunt(pool, TREE_AWAKE, rules, candidates);
    pool_explain(plan, row, pool, rules, candidates, could);
    return could;
  }
  row->notes = malloc((pool->n_nodes + 1) * sizeof *row->notes);
  for (size_t i = 0; row->notes && i < pool->n_nodes; i++) {
    const struct node *n = pool->nodes[i];
    enum ruled ruled = n ? pool_ruled(rules, n, NULL) : RULED_NOT;
    if (n && !ruled && pool_left_alone(a, here, n))
      ruled = RULED_AFFINITY;
    if (n)
      note(plan, row, rules, n, ruled);
    could += n && !ruled;
  }
  if (row->notes)
    qsort(row->notes, row->n_notes, sizeof *row->notes, by_merit);
  return could;
}

static char *print_weighed(const struct pl_plan *plan, const struct row *row, const char *left, size_t could)
{
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out)
    return NULL;
  print(out, "%s on %s: score %.3f of 1; %zu of %zu nodes could take it\n", row->pub.id, row->pub.node, row->pub.score, could, plan->nodes);
  for (size_t i = 0; i < row->n_notes; i++) {
    const char *name = plan->text + row->notes[i].name;
    if (left && !strcmp(name, left))
      print(out, "%-16s no: it was to leave it\n", name);
    else
      print_note(out, plan, &row->notes[i], !strcmp(name, row->pub.node));
  }
  if (fclose(out)) {
    free(text);
    return NULL;
  }
  return text;
}

char *pl_pool_explain(struct pl_pool *pool, const char *id, const char *left, double *score)
{
  struct pl_plan plan = {0};
  struct row row = {.pub = {.id = id}};
  struct rules rules;
  char *text = NULL;
  pthread_rwlock_wrlock(&pool->lock);
  struct alloc *a = pool_alloc_find(pool, id);
  struct node *here = a ? a->node : NULL;
  if (a)
    pool_detach(pool, a);
  if (a && pool_rules_make(pool, &a->ask->request, &a->need, id, &rules)) {
    size_t could = weigh(pool, a, here, &rules, &plan, &row);
    row.pub.node = here->name->word;
    row.pub.score = (double)here->score + pool->weights[TERM_BALANCE] * (double)pool_score_balance(here, &rules.need);
    if (score)
      *score = row.pub.score;
    text = print_weighed(&plan, &row, left, could);
    pool_rules_end(&rules);
  }
  if (a)
    pool_attach(pool, a, here);
  pthread_rwlock_unlock(&pool->lock);
  free(row.notes);
  free(plan.text);
  return text;
}

/* --- refusals --- */

static double distance(const struct rules *rules, const struct node *n)
{
  double sum = 0;
  for (int d = 0; d < DIMS; d++)
    if (rules->need.of[d] > n->free.of[d])
      sum += (double)(rules->need.of[d] - n->free.of[d]) / (double)(rules->need.of[d] > 0 ? rules->need.of[d] : 1);
  return sum;
}

static void count_ruled(struct pl_why *why, enum ruled ruled)
{
  why->closed += ruled == RULED_CLOSED;
  why->lacks_feature += ruled == RULED_FEATURE;
  why->too_small += ruled == RULED_SMALL;
  why->affinity += ruled == RULED_AFFINITY;
  why->domain_limit += ruled == RULED_LIMIT;
}

static void say_short(char *text, size_t size, const struct rules *rules, const struct node *n, struct pl_why *why)
{
  size_t at = strlen(text);
  int parts = 0, more = 0;
  for (int d = 0; d < DIMS; d++) {
    char lack[64];
    why->short_by.of[d] = rules->need.of[d] > n->free.of[d] ? rules->need.of[d] - n->free.of[d] : 0;
    more += why->short_by.of[d] && parts == SHORTS_SAID;
    if (why->short_by.of[d] && parts < SHORTS_SAID && at < size)
      at += (size_t)snprintf(text + at, size - at, "%s%s (needs %.10g, has %.10g free)", parts++ ? ", " : "", amount_words((enum pl_dimension)d, why->short_by.of[d], lack),
                             in_words((enum pl_dimension)d, rules->need.of[d]), in_words((enum pl_dimension)d, n->free.of[d]));
  }
  if (more && at < size)
    snprintf(text + at, size - at, " and %d more", more);
}

static void say(struct pl_why *why, const char *help)
{
  const struct {
    size_t count;
    const char *word;
  } parts[] = {{why->closed, "closed or gone"}, {why->lacks_feature, "without a feature"}, {why->too_small, "without room"},
               {why->affinity, "ruled out by affinity or redundancy"}, {why->domain_limit, "under a limit that is used up"}};
  char list[240] = "";
  size_t at = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (parts[i].count && at < sizeof list)
      at += (size_t)snprintf(list + at, sizeof list - at, "%s%zu %s", at ? ", " : "", parts[i].count, parts[i].word);
  snprintf(why->text, sizeof why->text, "%.60s fits nowhere: of %zu nodes %s; %s", why->id, why->nodes, at ? list : "none can be used", help);
}

struct walk {
  const struct rules *rules;
  struct pl_why *why;
  const struct node *nearest, *under;
  const struct domain *limit;
  double least;
};

static void walk_over(void *ctx, struct node *n)
{
  struct walk *w = ctx;
  const struct domain *over = NULL;
  enum ruled ruled = pool_ruled(w->rules, n, &over);
  w->why->nodes++;
  count_ruled(w->why, ruled);
  if (ruled == RULED_LIMIT && !w->limit) {
    w->limit = over;
    w->under = n;
  }
  double far = ruled == RULED_SMALL ? distance(w->rules, n) : INFINITY;
  if (far < w->least && pool_in_affinity(w->rules, n)) {
    w->least = far;
    w->nearest = n;
  }
}

/* Where its company leaves it few domains, only these are walked over: all else is ruled out by affinity. */
static void walk_all(const struct pl_pool *pool, struct walk *w)
{
  const struct key_set *company = pool_company(pool, w->rules);
  if (company) {
    pool_each_in(pool, company, walk_over, w);
    w->why->affinity += pool->n_there - w->why->nodes;
    w->why->nodes = pool->n_there;
    return;
  }
  for (size_t i = 0; i < pool->n_nodes; i++)
    if (pool->nodes[i])
      walk_over(w, pool->nodes[i]);
}

void pool_why(const struct pl_pool *pool, const struct rules *rules, const char *id, struct pl_why *why)
{
  struct walk w = {.rules = rules, .why = why, .least = INFINITY};
  *why = (struct pl_why){.id = id};
  walk_all(pool, &w);
  char help[700] = "nothing of its kind is here: it needs other features, other company or an open node";
  if (w.limit) {
    struct node as = *w.under;
    for (int d = 0; d < DIMS; d++)
      as.free.of[d] = w.limit->limit.of[d] - w.limit->given.of[d];
    w.nearest = w.under;
    snprintf(why->limit, sizeof why->limit, "%s %.50s", pl_domain_name(w.limit->kind), w.limit->name->word);
    snprintf(help, sizeof help, "the limit of %s is short by ", why->limit);
    say_short(help, sizeof help, rules, &as, why);
  } else if (w.nearest) {
    snprintf(help, sizeof help, "nearest is %.60s, short by ", w.nearest->name->word);
    say_short(help, sizeof help, rules, w.nearest, why);
  } else if (rules->only) {
    snprintf(help, sizeof help, "it is to be on %.60s and nowhere else", rules->only->name->word);
  }
  if (w.nearest)
    snprintf(why->nearest, sizeof why->nearest, "%s", w.nearest->name->word);
  say(why, help);
}

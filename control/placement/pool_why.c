/* SPDX-License-Identifier: Apache-2.0 */
/* Why here, why not there: the notes of a plan, and the sentence of a refusal. */
#include "control/placement/pool_in.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_NOTED = 64, BEST_NOTED = 8 };

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

static void note(struct pl_plan *plan, struct row *row, const struct rules *rules, const struct node *n, float score, enum ruled ruled)
{
  struct note *to = &row->notes[row->n_notes];
  *to = (struct note){.score = score, .ruled = ruled};
  if (!keep_name(plan, n->name->word, &to->name))
    return;
  if (ruled == RULED_NOT)
    pool_score_terms(n, &rules->need, to->terms);
  else if (ruled == RULED_SMALL)
    to->short_by = most_short(rules, n, &to->dimension);
  row->n_notes++;
}

void pool_explain(struct pl_plan *plan, struct row *row, const struct pl_pool *pool, const struct rules *rules, const struct candidate *candidates, size_t count)
{
  bool all = pool->n_nodes <= ALL_NOTED;
  size_t most = all ? pool->n_nodes + count : count < BEST_NOTED ? count : BEST_NOTED;
  free(row->notes);
  row->n_notes = 0;
  row->n_candidates = count;
  if (!(row->notes = malloc((most + 1) * sizeof *row->notes)))
    return; /* the decision stands without its explanation */
  for (size_t i = 0; i < count && row->n_notes < most; i++)
    note(plan, row, rules, candidates[i].node, candidates[i].score, RULED_NOT);
  for (size_t i = 0; all && i < pool->n_nodes; i++) {
    const struct node *n = pool->nodes[i];
    bool noted = !n;
    for (size_t c = 0; c < count && !noted; c++)
      noted = candidates[c].node == n;
    enum ruled ruled = noted ? RULED_NOT : pool_ruled(rules, n, NULL);
    if (ruled)
      note(plan, row, rules, n, 0, ruled);
  }
}

__attribute__((format(printf, 2, 3))) static void print(FILE *out, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  (void)vfprintf(out, format, args);
  va_end(args);
}

/* As people say it: "1.5 cores", "512 MiB of memory", "40 W of power", "2 accelerators"; out of at least 64 bytes; returns out. */
static const char *amount_words(enum pl_dimension d, int64_t amount, char out[64])
{
  const char *unit = pl_dimension_unit(d), *name = pl_dimension_name(d);
  bool milli = *unit == 'm';
  if (milli && d == PL_DIMENSION_CORES)
    snprintf(out, 64, "%.10g %s", (double)amount / 1000, name);
  else if (milli)
    snprintf(out, 64, "%.10g %s of %s", (double)amount / 1000, unit + 1, name);
  else
    snprintf(out, 64, *unit == '1' ? "%" PRId64 " %.0s%s" : "%" PRId64 " %s of %s", amount, unit, name);
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
  print(out, chosen ? "  <- here\n" : "\n");
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
  print(out, "%s on %s: score %.3f of 1%s; %zu of %zu nodes came into question\n", r->pub.id, r->pub.node, r->pub.score,
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
  int parts = 0;
  for (int d = 0; d < DIMS; d++) {
    char lack[64], need[64], free_[64];
    why->short_by.of[d] = rules->need.of[d] > n->free.of[d] ? rules->need.of[d] - n->free.of[d] : 0;
    if (why->short_by.of[d] && at < size)
      at += (size_t)snprintf(text + at, size - at, "%s%s (needs %s, has %s free)", parts++ ? ", " : "", amount_words((enum pl_dimension)d, why->short_by.of[d], lack),
                             amount_words((enum pl_dimension)d, rules->need.of[d], need), amount_words((enum pl_dimension)d, n->free.of[d], free_));
  }
}

static void say(struct pl_why *why, const char *help)
{
  const struct {
    size_t count;
    const char *word;
  } parts[] = {{why->closed, "closed or gone"}, {why->lacks_feature, "without a feature"}, {why->too_small, "without room"},
               {why->affinity, "ruled out by affinity or redundancy"}, {why->domain_limit, "under a limit that is used up"}};
  char list[160] = "";
  size_t at = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (parts[i].count && at < sizeof list)
      at += (size_t)snprintf(list + at, sizeof list - at, "%s%zu %s", at ? ", " : "", parts[i].count, parts[i].word);
  snprintf(why->text, sizeof why->text, "%.64s fits nowhere: of %zu nodes %s; %s", why->id, why->nodes, at ? list : "none can be used", help);
}

void pool_why(const struct pl_pool *pool, const struct rules *rules, const char *id, struct pl_why *why)
{
  const struct node *nearest = NULL, *under = NULL;
  const struct domain *limit = NULL;
  double least = INFINITY;
  *why = (struct pl_why){.id = id};
  for (size_t i = 0; i < pool->n_nodes; i++) {
    const struct node *n = pool->nodes[i];
    const struct domain *over = NULL;
    if (!n)
      continue;
    enum ruled ruled = pool_ruled(rules, n, &over);
    why->nodes++;
    count_ruled(why, ruled);
    if (ruled == RULED_LIMIT && !limit) {
      limit = over;
      under = n;
    }
    if (ruled == RULED_SMALL && distance(rules, n) < least && pool_in_affinity(rules, n)) {
      least = distance(rules, n);
      nearest = n;
    }
  }
  char help[300] = "nothing of its kind is here: it needs other features, other company or an open node";
  if (limit) {
    struct pl_amounts left;
    struct node as = *under;
    for (int d = 0; d < DIMS; d++)
      left.of[d] = limit->limit.of[d] - limit->given.of[d];
    as.free = left;
    snprintf(why->limit, sizeof why->limit, "%s %.50s", pl_domain_name(limit->kind), limit->name->word);
    snprintf(help, sizeof help, "the limit of %s is short by ", why->limit);
    say_short(help, sizeof help, rules, &as, why);
    nearest = under;
  } else if (nearest) {
    snprintf(help, sizeof help, "nearest is %.60s, short by ", nearest->name->word);
    say_short(help, sizeof help, rules, nearest, why);
  } else if (rules->only) {
    snprintf(help, sizeof help, "it is to be on %.60s and nowhere else", rules->only->name->word);
  }
  if (nearest)
    snprintf(why->nearest, sizeof why->nearest, "%s", nearest->name->word);
  say(why, help);
}

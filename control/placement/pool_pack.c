/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several rows at once. First the largest first, those that others want to be with before them. Where that fails, what failed goes to the front and those that it
 * wants to be with go elsewhere; where it works, nodes that would be begun are emptied again onto the others, as long as that succeeds.
 */
#include "control/placement/pool_in.h"

#include <stdlib.h>
#include <string.h>

struct weight { /* what the rows are ordered by */
  size_t row;
  unsigned depth;
  double size;
};

static int by_weight(const void *a, const void *b)
{
  const struct weight *x = a, *y = b;
  if (x->depth != y->depth)
    return x->depth < y->depth ? -1 : 1;
  return x->size != y->size ? (x->size > y->size ? -1 : 1) : x->row < y->row ? -1 : x->row > y->row;
}

static bool means(const char *word, const struct pl_request *q)
{
  return !strcmp(word, q->id) || (q->group && !strcmp(word, q->group));
}

/* How many steps of "with" inside the batch lie before it. */
static void find_depths(const struct pl_plan *plan, struct weight *weights)
{
  enum { ROUNDS = 16 };
  bool deeper = true;
  for (int round = 0; deeper && round < ROUNDS; round++) {
    deeper = false;
    for (size_t i = 0; i < plan->count; i++) {
      const struct pl_request *q = &plan->rows[i].ask->request;
      for (int w = 0; w < PL_REQUEST_NAMES_MAX && q->with[w]; w++)
        for (size_t j = 0; j < plan->count; j++)
          if (plan->rows[j].ask != plan->rows[i].ask && means(q->with[w], &plan->rows[j].ask->request) && weights[i].depth <= weights[j].depth &&
              weights[j].depth < ROUNDS) {
            weights[i].depth = weights[j].depth + 1;
            deeper = true;
          }
    }
  }
}

static bool order_rows(struct job *job)
{
  if (job->plan->n_asks == 1) /* replicas are alike */
    return true;
  size_t n = job->plan->count;
  struct weight *weights = calloc(n + 1, sizeof *weights);
  const struct pl_amounts *total = &job->pool->total;
  if (!weights)
    return false;
  for (size_t i = 0; i < n; i++) {
    const struct pl_request *q = &job->plan->rows[i].ask->request;
    double sum = 0;
    for (int d = 0; d < DIMS; d++)
      sum += total->of[d] > 0 ? (double)q->need.of[d] / (double)total->of[d] : 0;
    weights[i] = (struct weight){.row = i, .size = pool_share(&q->need, total, NULL) + sum / DIMS + (q->node ? 1000 : 0)};
  }
  find_depths(job->plan, weights);
  qsort(weights, n, sizeof *weights, by_weight);
  for (size_t i = 0; i < n; i++) {
    job->order[i] = weights[i].row;
    job->depth[weights[i].row] = weights[i].depth;
  }
  free(weights);
  return true;
}

static void take_all_back(struct job *job)
{
  for (size_t i = 0; i < job->plan->count; i++)
    pool_job_take_back(job, i);
  while (job->n_gone > 0) {
    struct gone *g = &job->gone[--job->n_gone];
    pool_attach(job->pool, g->alloc, g->from);
  }
}

/* Is another row of the batch to be with it? */
static bool is_company(const struct job *job, size_t i)
{
  const struct row *rows = job->plan->rows;
  for (size_t j = 0; j < job->plan->count; j++)
    for (int w = 0; w < PL_REQUEST_NAMES_MAX && rows[j].ask->request.with[w]; w++)
      if (rows[j].ask != rows[i].ask && means(rows[j].ask->request.with[w], &rows[i].ask->request))
        return true;
  return false;
}

/* Whoever came before its company is asked again now. */
static bool keeps_company(struct job *job, size_t i)
{
  const struct row *row = &job->plan->rows[i];
  const struct pl_request *q = &row->ask->request;
  const struct node *n = job->where[i];
  struct rules rules;
  if (!q->with[0])
    return true;
  pool_job_take_back(job, i);
  bool ok = pool_rules_make(job->pool, q, &q->need, row->pub.id, &rules);
  if (ok) {
    ok = pool_in_affinity(&rules, n);
    pool_rules_end(&rules);
  }
  pool_job_put(job, i, n);
  return ok;
}

/* The place in the order of the row that fits nowhere; count: all are placed. Those that are others' company go to their nth best node. */
static size_t place_all(struct job *job, unsigned nth, struct pl_why *why)
{
  size_t n = job->plan->count;
  for (size_t at = 0; at < n; at++) {
    size_t i = job->order[at];
    if (!pool_job_place(job, i, nth && is_company(job, i) ? nth : 0, why))
      return at;
  }
  for (size_t at = 0; at < n; at++)
    if (!keeps_company(job, job->order[at])) {
      if (why)
        snprintf(why->text, sizeof why->text, "%.64s fits nowhere in one %s with what it is to be with", (why->id = job->plan->rows[job->order[at]].ask->request.id),
                 pl_domain_name(job->plan->rows[job->order[at]].ask->request.with_in));
      return at;
    }
  return n;
}

/* In front of those that are as deep as it. */
static void put_forward(struct job *job, size_t at)
{
  size_t row = job->order[at], to = 0;
  while (job->depth[job->order[to]] < job->depth[row])
    to++;
  memmove(job->order + to + 1, job->order + to, (at - to) * sizeof *job->order);
  job->order[to] = row;
}

bool pool_pack(struct job *job, struct pl_why *why)
{
  enum { TRIES = 24, ROWS_TRIED = 2000 };
  bool preempt = job->preempt;
  if (!order_rows(job))
    return false;
  size_t n = job->plan->count;
  job->preempt = false;
  for (unsigned i = 0; i < TRIES && (!i || i * n < ROWS_TRIED) && !job->broke; i++) {
    size_t failed = place_all(job, i, NULL);
    if (failed == n) {
      if (i)
        pool_job_retell(job);
      pool_pack_fewer(job);
      return true;
    }
    take_all_back(job);
    put_forward(job, failed);
  }
  job->preempt = preempt;
  return order_rows(job) && place_all(job, 0, why) == n;
}

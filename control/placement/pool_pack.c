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
  enum { ROUNDS = 4 };
  for (int round = 0; round < ROUNDS; round++)
    for (size_t i = 0; i < plan->count; i++) {
      const struct pl_request *q = &plan->rows[i].ask->request;
      for (int w = 0; w < PL_REQUEST_NAMES_MAX && q->with[w]; w++)
        for (size_t j = 0; j < plan->count; j++)
          if (plan->rows[j].ask != plan->rows[i].ask && means(q->with[w], &plan->rows[j].ask->request) && weights[i].depth <= weights[j].depth &&
              weights[j].depth < ROUNDS)
            weights[i].depth = weights[j].depth + 1;
    }
}

static bool order_rows(struct job *job)
{
  size_t n = job->plan->count;
  struct weight *weights = calloc(n + 1, sizeof *weights);
  struct pl_amounts largest = {0};
  if (!weights)
    return false;
  for (size_t i = 0; i < job->pool->n_nodes; i++)
    for (int d = 0; job->pool->nodes[i] && d < DIMS; d++)
      if (job->pool->nodes[i]->capacity.of[d] > largest.of[d])
        largest.of[d] = job->pool->nodes[i]->capacity.of[d];
  for (size_t i = 0; i < n; i++) {
    const struct pl_request *q = &job->plan->rows[i].ask->request;
    double sum = 0;
    for (int d = 0; d < DIMS; d++)
      sum += largest.of[d] > 0 ? (double)q->need.of[d] / (double)largest.of[d] : 0;
    weights[i] = (struct weight){.row = i, .size = pool_share(&q->need, &largest, NULL) + sum / DIMS + (q->node ? 1000 : 0)};
  }
  find_depths(job->plan, weights);
  qsort(weights, n, sizeof *weights, by_weight);
  for (size_t i = 0; i < n; i++)
    job->order[i] = weights[i].row;
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

/* The place in the order of the row that fits nowhere; count: all are placed. */
static size_t place_all(struct job *job, struct pl_why *why)
{
  for (size_t i = 0; i < job->plan->count; i++)
    if (!pool_job_place(job, job->order[i], NULL, 0, why))
      return i;
  return job->plan->count;
}

bool pool_pack(struct job *job, struct pl_why *why)
{
  enum { TRIES = 24 };
  bool preempt = job->preempt;
  if (!order_rows(job))
    return false;
  size_t n = job->plan->count;
  job->preempt = false;
  for (int i = 0; i < TRIES && !job->broke; i++) {
    size_t failed = place_all(job, NULL);
    if (failed == n) {
      pool_pack_fewer(job);
      return true;
    }
    take_all_back(job);
    if (!failed)
      break;
    size_t row = job->order[failed];
    memmove(job->order + 1, job->order, failed * sizeof *job->order);
    job->order[0] = row;
  }
  job->preempt = preempt;
  return order_rows(job) && place_all(job, why) == n;
}

void pool_pack_fewer(struct job *job)
{
  (void)job;
}

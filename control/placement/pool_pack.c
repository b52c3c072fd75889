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
  enum { TRIES = 24, ROWS_TRIED = 2000 };
  bool preempt = job->preempt;
  if (!order_rows(job))
    return false;
  size_t n = job->plan->count;
  job->preempt = false;
  for (size_t i = 0; i < TRIES && (!i || i * n < ROWS_TRIED) && !job->broke; i++) {
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

/* --- onto fewer nodes: a node that the batch would begin, and some neighbours, are emptied and filled anew; what got worse is undone --- */

struct merit {
  double begun;  /* nodes that have nothing but this batch's */
  double filled; /* squares of how full its nodes are: uneven is better */
};
struct ruin {
  size_t *rows;
  const struct node **from;
  size_t count;
};

static uint64_t draw(uint64_t *seed, uint64_t below)
{
  *seed ^= *seed << 13;
  *seed ^= *seed >> 7;
  *seed ^= *seed << 17;
  return *seed % below;
}

static bool begun(const struct node *n)
{
  return n->count == n->trials;
}

static struct merit merit_of(const struct job *job)
{
  struct merit m = {0};
  for (size_t i = 0; i < job->plan->count; i++) {
    const struct node *n = job->where[i];
    double part = 1 / (double)n->trials, share = pool_share(&n->given, &n->capacity, NULL);
    m.begun += begun(n) ? part : 0;
    m.filled += share * share * part;
  }
  return m;
}

static bool worse(const struct merit *a, const struct merit *b)
{
  return a->begun > b->begun + 0.5 || (a->begun > b->begun - 0.5 && a->filled < b->filled - 1e-9);
}

/* No fewer than their sum needs of the largest. */
static double least_possible(const struct job *job)
{
  struct pl_amounts sum = {0}, largest = {0};
  double least = 1;
  for (size_t i = 0; i < job->plan->count; i++)
    for (int d = 0; begun(job->where[i]) && d < DIMS; d++) {
      const struct node *n = job->where[i];
      sum.of[d] += job->plan->rows[i].ask->request.need.of[d];
      largest.of[d] = n->capacity.of[d] > largest.of[d] ? n->capacity.of[d] : largest.of[d];
    }
  for (int d = 0; d < DIMS; d++)
    if (largest.of[d] > 0 && (double)((sum.of[d] + largest.of[d] - 1) / largest.of[d]) > least)
      least = (double)((sum.of[d] + largest.of[d] - 1) / largest.of[d]);
  return least;
}

static void empty(struct job *job, const struct node *n, struct ruin *ruin)
{
  for (size_t at = 0; at < job->plan->count; at++) {
    size_t i = job->order[at];
    if (job->trials[i]->node != n || job->plan->rows[i].ask->request.node)
      continue;
    ruin->rows[ruin->count] = i;
    ruin->from[ruin->count++] = n;
    pool_job_take_back(job, i);
  }
}

/* One that is begun, the emptier the likelier; NULL: there is none. */
static const struct node *some_begun(const struct job *job, uint64_t *seed)
{
  enum { LOOKS = 6 };
  const struct node *best = NULL;
  double least = 0;
  for (int i = 0; i < LOOKS; i++) {
    const struct node *n = job->where[draw(seed, job->plan->count)];
    double share = pool_share(&n->given, &n->capacity, NULL);
    if (begun(n) && (!best || share < least)) {
      best = n;
      least = share;
    }
  }
  return best;
}

static void undo(struct job *job, const struct ruin *ruin)
{
  for (size_t r = 0; r < ruin->count; r++)
    pool_job_take_back(job, ruin->rows[r]);
  for (size_t r = 0; r < ruin->count; r++)
    pool_job_put(job, ruin->rows[r], ruin->from[r]);
}

/* The rows that were placed. */
static size_t try_once(struct job *job, struct ruin *ruin, struct merit *now, uint64_t *seed)
{
  const struct node *away = some_begun(job, seed);
  size_t placed = 0;
  ruin->count = 0;
  if (!away)
    return 1;
  empty(job, away, ruin);
  for (uint64_t more = 1 + draw(seed, 3); more > 0; more--)
    empty(job, job->where[draw(seed, job->plan->count)], ruin);
  for (size_t r = 0; r + 1 < ruin->count; r++) /* the larger first, by and large */
    if (draw(seed, 3) == 0) {
      size_t other = r + draw(seed, ruin->count - r), row = ruin->rows[r];
      const struct node *from = ruin->from[r];
      ruin->rows[r] = ruin->rows[other];
      ruin->from[r] = ruin->from[other];
      ruin->rows[other] = row;
      ruin->from[other] = from;
    }
  while (placed < ruin->count && pool_job_place(job, ruin->rows[placed], away, draw(seed, 4) ? 0 : (unsigned)draw(seed, 3), NULL))
    placed++;
  struct merit after = placed == ruin->count ? merit_of(job) : (struct merit){.begun = 1e9};
  if (worse(&after, now))
    undo(job, ruin);
  else
    *now = after;
  return placed + 1;
}

void pool_pack_fewer(struct job *job)
{
  enum { WORK = 6000 }; /* rows placed, all in all: some tens of milliseconds */
  size_t n = job->plan->count, work = 0;
  struct ruin ruin = {.rows = calloc(n, sizeof *ruin.rows), .from = calloc(n, sizeof(struct node *))};
  uint64_t seed = 88172645463325252u;
  if (ruin.rows && ruin.from && job->pool->weights[TERM_CONSOLIDATE] > job->pool->weights[TERM_SPREAD] && job->plan->n_asks > 1) {
    struct merit first = merit_of(job), now = first;
    double least = least_possible(job);
    while (work < WORK && now.begun > least + 0.5 && !job->broke)
      work += try_once(job, &ruin, &now, &seed);
    if (work)
      pool_job_retell(job);
  }
  free(ruin.rows);
  free(ruin.from);
}

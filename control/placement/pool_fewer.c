/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch onto fewer nodes than it would begin. One of them is closed, and what it had is put in elsewhere: where there is room, or in the place of one or two
 * others that have been the least trouble so far, which are then put in elsewhere in their turn (an ejection pool with counters, after Nagata and Braysy, "A
 * powerful route minimization heuristic for the vehicle routing problem with time windows", 2009). On plain arrays, of rows that may go anywhere by their rules;
 * the others stay where they are.
 */
#include "control/placement/pool_in.h"

#include <stdlib.h>
#include <string.h>

enum { WORK = 3000000 }; /* looks at a place, all in all: some tens of milliseconds */

struct item {
  struct pl_amounts need;
  uint64_t features;
  size_t row, bin, trouble;
  size_t next; /* of its bin; NOWHERE: the last */
};
struct bin {
  const struct node *node;
  struct pl_amounts room;
  uint64_t features;
  size_t first;
  bool begun, fixed, closed; /* begun: idle but for the batch; fixed: has rows that stay */
};
#define NOWHERE SIZE_MAX

struct packing {
  struct item *items;
  struct bin *bins;
  size_t *waiting, *kept; /* kept: the bin of each item in the best packing so far */
  size_t n_items, n_bins, n_waiting, work;
  uint64_t seed;
};

static uint64_t draw(struct packing *p, uint64_t below)
{
  p->seed ^= p->seed << 13;
  p->seed ^= p->seed >> 7;
  p->seed ^= p->seed << 17;
  return p->seed % below;
}

static void put(struct packing *p, size_t i, size_t b)
{
  struct item *item = &p->items[i];
  struct bin *bin = &p->bins[b];
  item->bin = b;
  item->next = bin->first;
  bin->first = i;
  for (int d = 0; d < DIMS; d++)
    bin->room.of[d] -= item->need.of[d];
}

static void take(struct packing *p, size_t i)
{
  struct item *item = &p->items[i];
  struct bin *bin = &p->bins[item->bin];
  size_t *at = &bin->first;
  while (*at != i)
    at = &p->items[*at].next;
  *at = item->next;
  for (int d = 0; d < DIMS; d++)
    bin->room.of[d] += item->need.of[d];
  item->bin = NOWHERE;
}

/* Does it fit in there, when these two are gone? NOWHERE: not one. */
static bool fits(struct packing *p, const struct item *item, const struct bin *bin, size_t without, size_t nor)
{
  p->work++;
  if (bin->closed || item->features & ~bin->features)
    return false;
  for (int d = 0; d < DIMS; d++) {
    int64_t room = bin->room.of[d] + (without != NOWHERE ? p->items[without].need.of[d] : 0) + (nor != NOWHERE ? p->items[nor].need.of[d] : 0);
    if (room < item->need.of[d])
      return false;
  }
  return true;
}

/* Of the bins with room the one that it fills best: by the scalar product of what it needs and what is left, as shares. */
static size_t with_room(struct packing *p, const struct item *item)
{
  size_t best = NOWHERE;
  double most = 0;
  for (size_t b = 0; b < p->n_bins; b++) {
    const struct bin *bin = &p->bins[b];
    double product = 0, left = 0;
    if (!fits(p, item, bin, NOWHERE, NOWHERE))
      continue;
    for (int d = 0; d < DIMS; d++)
      if (bin->node->capacity.of[d] > 0) {
        double whole = (double)bin->node->capacity.of[d], free_share = (double)bin->room.of[d] / whole;
        product += (double)item->need.of[d] / whole * free_share;
        left += free_share * free_share;
      }
    double score = left > 0 ? product * product / left : 0; /* of the angle between them, not of how much is left */
    if (best == NOWHERE || score > most) {
      most = score;
      best = b;
    }
  }
  return best;
}

struct swap {
  size_t bin, out[2], trouble, ties;
};

static void offer(struct packing *p, struct swap *best, size_t bin, size_t one, size_t two)
{
  size_t trouble = p->items[one].trouble + (two != NOWHERE ? p->items[two].trouble : 0);
  if (trouble > best->trouble)
    return;
  best->ties = trouble < best->trouble ? 1 : best->ties + 1;
  if (best->ties > 1 && draw(p, best->ties))
    return;
  *best = (struct swap){bin, {one, two}, trouble, best->ties};
}

static struct swap least_trouble(struct packing *p, const struct item *item)
{
  struct swap best = {.bin = NOWHERE, .trouble = SIZE_MAX};
  for (size_t b = 0; b < p->n_bins; b++)
    for (size_t i = p->bins[b].closed ? NOWHERE : p->bins[b].first; i != NOWHERE; i = p->items[i].next) {
      if (p->items[i].trouble > best.trouble)
        continue;
      if (fits(p, item, &p->bins[b], i, NOWHERE)) {
        offer(p, &best, b, i, NOWHERE);
        continue;
      }
      for (size_t j = p->items[i].next; j != NOWHERE; j = p->items[j].next)
        if (p->items[i].trouble + p->items[j].trouble <= best.trouble && fits(p, item, &p->bins[b], i, j))
          offer(p, &best, b, i, j);
    }
  return best;
}

/* Some that stand go elsewhere or change places, so that it does not run in circles. */
static void stir(struct packing *p)
{
  enum { STIRS = 12 };
  for (int s = 0; s < STIRS; s++) {
    size_t i = draw(p, p->n_items), j = draw(p, p->n_items), from = p->items[i].bin, to = p->items[j].bin;
    if (from == NOWHERE || to == NOWHERE || from == to)
      continue;
    if (fits(p, &p->items[i], &p->bins[to], NOWHERE, NOWHERE)) {
      take(p, i);
      put(p, i, to);
    } else if (fits(p, &p->items[i], &p->bins[to], j, NOWHERE) && fits(p, &p->items[j], &p->bins[from], i, NOWHERE)) {
      take(p, i);
      take(p, j);
      put(p, i, to);
      put(p, j, from);
    }
  }
}

static bool settle(struct packing *p)
{
  while (p->n_waiting && p->work < WORK) {
    size_t i = p->waiting[--p->n_waiting], b = with_room(p, &p->items[i]);
    if (b != NOWHERE) {
      put(p, i, b);
      continue;
    }
    p->items[i].trouble++;
    struct swap swap = least_trouble(p, &p->items[i]);
    if (swap.bin == NOWHERE)
      return false; /* it fits in none, whoever goes */
    for (int o = 0; o < 2; o++)
      if (swap.out[o] != NOWHERE) {
        take(p, swap.out[o]);
        p->waiting[p->n_waiting++] = swap.out[o];
      }
    put(p, i, swap.bin);
    stir(p);
  }
  return !p->n_waiting;
}

/* The emptiest that may be closed; NOWHERE: there is none. */
static size_t emptiest(const struct packing *p, size_t *begun)
{
  size_t best = NOWHERE;
  double least = 0;
  *begun = 0;
  for (size_t b = 0; b < p->n_bins; b++) {
    const struct bin *bin = &p->bins[b];
    if (!bin->begun || bin->closed)
      continue;
    (*begun)++;
    struct pl_amounts used;
    for (int d = 0; d < DIMS; d++)
      used.of[d] = bin->node->capacity.of[d] - bin->room.of[d];
    double share = pool_share(&used, &bin->node->capacity, NULL);
    if (!bin->fixed && (best == NOWHERE || share < least)) {
      best = b;
      least = share;
    }
  }
  return best;
}

/* Begun nodes cannot be fewer than what they have together needs of the largest of them. */
static size_t least_possible(const struct packing *p)
{
  struct pl_amounts sum = {0}, largest = {0};
  size_t least = 1;
  for (size_t b = 0; b < p->n_bins; b++)
    for (int d = 0; p->bins[b].begun && d < DIMS; d++) {
      sum.of[d] += p->bins[b].node->given.of[d];
      largest.of[d] = p->bins[b].node->capacity.of[d] > largest.of[d] ? p->bins[b].node->capacity.of[d] : largest.of[d];
    }
  for (int d = 0; d < DIMS; d++)
    if (largest.of[d] > 0 && (size_t)((sum.of[d] - 1) / largest.of[d] + 1) > least)
      least = (size_t)((sum.of[d] - 1) / largest.of[d] + 1);
  for (size_t b = 0; b < p->n_bins; b++)
    if (!p->bins[b].begun)
      return 0; /* what is in use may take some of it */
  return least;
}

/* --- between the job and the arrays --- */

/* It has no rule of its own about company, and nobody is to be with it. */
static bool is_free(const struct alloc *a)
{
  const struct pl_request *q = &a->ask->request;
  bool alone = !a->name->with_by;
  for (int i = 0; i < 2; i++)
    alone = alone && !(a->ties[i].name && a->ties[i].name->with_by);
  return alone && !q->with[0] && !q->apart[0] && !q->redundancy && !q->node && !q->not_node;
}

static bool begin(struct job *job, struct packing *p)
{
  size_t n = job->plan->count;
  *p = (struct packing){.items = calloc(n, sizeof *p->items), .bins = calloc(n, sizeof *p->bins), .waiting = calloc(n, sizeof(size_t)),
                        .kept = calloc(n, sizeof(size_t)), .seed = 88172645463325252u};
  if (!p->items || !p->bins || !p->waiting || !p->kept)
    return false;
  for (size_t i = 0; i < n; i++) {
    const struct node *node = job->where[i];
    const struct pl_request *q = &job->plan->rows[i].ask->request;
    size_t b = 0;
    while (b < p->n_bins && p->bins[b].node != node)
      b++;
    if (b == p->n_bins)
      p->bins[p->n_bins++] = (struct bin){.node = node, .room = node->free, .features = node->features, .begun = node->count == node->trials, .first = NOWHERE};
    if (!is_free(job->trials[i])) {
      p->bins[b].fixed = true;
      continue;
    }
    for (int d = 0; d < DIMS; d++) /* put takes it again */
      p->bins[b].room.of[d] += q->need.of[d];
    p->items[p->n_items] = (struct item){.need = q->need, .features = q->features, .row = i};
    p->kept[p->n_items] = b;
    put(p, p->n_items++, b);
  }
  return p->n_items > 1;
}

/* Takes the packing over, if it keeps what only the pool knows: limits, and those who keep apart from these. */
static void apply(struct job *job, const struct packing *p)
{
  size_t done = 0;
  for (size_t i = 0; i < p->n_items; i++)
    pool_job_take_back(job, p->items[i].row);
  for (bool ok = true; done < p->n_items; done += ok) {
    size_t row = p->items[done].row;
    const struct pl_request *q = &job->plan->rows[row].ask->request;
    struct node *to = (struct node *)p->bins[p->kept[done]].node;
    struct rules rules;
    if ((ok = pool_rules_make(job->pool, q, &q->need, job->plan->rows[row].pub.id, &rules))) {
      ok = !pool_ruled(&rules, to, NULL);
      pool_rules_end(&rules);
    }
    if (!ok)
      break;
    pool_attach(job->pool, job->trials[row], to);
  }
  for (size_t i = 0; done < p->n_items && i < p->n_items; i++)
    pool_job_take_back(job, p->items[i].row);
  for (size_t i = 0; i < p->n_items; i++) {
    size_t row = p->items[i].row;
    if (done < p->n_items)
      pool_attach(job->pool, job->trials[row], (struct node *)job->where[row]);
    else
      job->where[row] = p->bins[p->kept[i]].node;
  }
}

static bool improve(struct packing *p)
{
  bool better = false;
  size_t begun, least = least_possible(p), b;
  while ((b = emptiest(p, &begun)) != NOWHERE && begun > least) {
    p->bins[b].closed = true;
    for (size_t i = p->bins[b].first; i != NOWHERE; i = p->bins[b].first) {
      take(p, i);
      p->waiting[p->n_waiting++] = i;
    }
    if (!settle(p))
      break;
    better = true;
    for (size_t i = 0; i < p->n_items; i++)
      p->kept[i] = p->items[i].bin;
  }
  return better;
}

void pool_pack_fewer(struct job *job)
{
  struct packing p;
  if (job->plan->n_asks < 2 || job->pool->weights[TERM_CONSOLIDATE] <= job->pool->weights[TERM_SPREAD])
    return;
  if (begin(job, &p) && improve(&p)) {
    apply(job, &p);
    pool_job_retell(job);
  }
  free(p.items);
  free(p.bins);
  free(p.waiting);
  free(p.kept);
}

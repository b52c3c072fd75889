/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preemption: what must go so that one request fits. Of each node the fewest that make room there (one or two: the best of all; more: greedy, then what was not
 * needed after all stays), of all nodes the fewest, then the lowest. Where a domain's limit stands in the way, its other nodes' allocations count, too.
 */
#include "control/placement/pool_in.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { SHORTS = 1 + PL_DOMAIN_COUNT, PAIRS_MAX = 64 };

struct shortage { /* [0]: the node's; then of each kind of domain */
  struct pl_amounts of[SHORTS];
  bool any[SHORTS];
};

static bool add(struct victims *v, struct alloc *a)
{
  if (v->count == v->cap) {
    size_t cap = v->cap ? v->cap * 2 : 16;
    struct alloc **more = realloc(v->list, cap * sizeof(struct alloc *));
    if (!more)
      return false;
    v->list = more;
    v->cap = cap;
  }
  v->list[v->count++] = a;
  return true;
}

static bool lower(const struct alloc *a, const struct pl_request *q)
{
  return !a->trial && !a->ask->request.stay && a->ask->request.priority < q->priority;
}

static bool find_shortage(const struct rules *r, const struct node *n, struct shortage *s)
{
  bool any = false;
  *s = (struct shortage){0};
  for (int k = 0; k < SHORTS - 1; k++) {
    const struct domain *domain = k ? n->domain[k] : NULL;
    for (int d = 0; (!k || (domain && domain->limited)) && d < DIMS; d++) {
      int64_t left = k ? domain->limit.of[d] - domain->given.of[d] : n->free.of[d], missing = r->need.of[d] - left;
      if (missing > 0 && (!k || r->need.of[d] > 0)) {
        s->of[k].of[d] = missing;
        s->any[k] = any = true;
      }
    }
  }
  return any;
}

/* Takes what goes with a off the shortage; sign -1 puts it back. */
static void give(struct shortage *s, const struct alloc *a, const struct node *n, int64_t sign)
{
  for (int k = 0; k < SHORTS - 1; k++)
    if (k ? n->domain[k] && a->node->domain[k] == n->domain[k] : a->node == n)
      for (int d = 0; d < DIMS; d++)
        s->of[k].of[d] -= sign * a->need.of[d];
}

static bool covered(const struct shortage *s)
{
  for (int k = 0; k < SHORTS - 1; k++)
    for (int d = 0; s->any[k] && d < DIMS; d++)
      if (s->of[k].of[d] > 0)
        return false;
  return true;
}

static double help_of(const struct shortage *s, const struct alloc *a, const struct node *n)
{
  double help = 0;
  for (int k = 0; k < SHORTS - 1; k++)
    if (s->any[k] && (k ? a->node->domain[k] == n->domain[k] : a->node == n))
      for (int d = 0; d < DIMS; d++)
        if (s->of[k].of[d] > 0)
          help += (double)(a->need.of[d] < s->of[k].of[d] ? a->need.of[d] : s->of[k].of[d]) / (double)s->of[k].of[d];
  return help;
}

static bool gather(const struct rules *r, const struct node *n, const struct shortage *s, struct victims *all)
{
  const struct domain *widest = NULL;
  for (int k = 1; k < SHORTS - 1; k++)
    if (s->any[k] && (!widest || n->domain[k]->count > widest->count))
      widest = n->domain[k];
  for (struct alloc *a = n->allocs; a; a = a->next)
    if (lower(a, r->request) && !add(all, a))
      return false;
  for (const struct node *m = widest ? widest->members : NULL; m; m = m->member_next[widest->kind])
    for (struct alloc *a = m != n ? m->allocs : NULL; a; a = a->next)
      if (lower(a, r->request) && !add(all, a))
        return false;
  return true;
}

static int by_priority(const void *x, const void *y)
{
  const struct alloc *a = *(struct alloc *const *)x, *b = *(struct alloc *const *)y;
  int p = a->ask->request.priority, q = b->ask->request.priority;
  return p != q ? (p < q ? -1 : 1) : strcmp(a->name->word, b->name->word);
}

/* One, or two, that do it alone: all is in the order of priority, so that the first found is the lowest. */
static bool few(const struct victims *all, struct shortage *s, const struct node *n, size_t most, struct victims *out)
{
  for (size_t i = 0; i < all->count; i++) {
    give(s, all->list[i], n, 1);
    bool enough = covered(s);
    give(s, all->list[i], n, -1);
    if (enough)
      return add(out, all->list[i]);
  }
  for (size_t i = 1; most >= 2 && all->count <= PAIRS_MAX && i < all->count; i++)
    for (size_t j = 0; j < i; j++) {
      give(s, all->list[i], n, 1);
      give(s, all->list[j], n, 1);
      bool enough = covered(s);
      give(s, all->list[i], n, -1);
      give(s, all->list[j], n, -1);
      if (enough)
        return add(out, all->list[j]) && add(out, all->list[i]);
    }
  return false;
}

static bool greedy(struct victims *all, struct shortage *s, const struct node *n, size_t most, struct victims *out)
{
  while (!covered(s)) {
    size_t best = all->count;
    double most_help = 0;
    for (size_t i = 0; i < all->count; i++) {
      double help = all->list[i] ? help_of(s, all->list[i], n) : 0;
      if (help > most_help) {
        most_help = help;
        best = i;
      }
    }
    if (best == all->count || out->count > most || !add(out, all->list[best]))
      return false;
    give(s, all->list[best], n, 1);
    all->list[best] = NULL;
  }
  qsort(out->list, out->count, sizeof(struct alloc *), by_priority);
  for (size_t i = out->count; i-- > 0;) {
    give(s, out->list[i], n, -1);
    if (covered(s)) {
      memmove(out->list + i, out->list + i + 1, (--out->count - i) * sizeof(struct alloc *));
      continue;
    }
    give(s, out->list[i], n, 1);
  }
  return true;
}

static bool from(const struct rules *r, const struct node *n, size_t most, struct victims *out)
{
  struct shortage s;
  struct victims all = {0};
  out->count = 0;
  bool ok = find_shortage(r, n, &s) && gather(r, n, &s, &all) && all.count;
  if (ok) {
    qsort(all.list, all.count, sizeof(struct alloc *), by_priority);
    struct shortage rest = s;
    for (size_t i = 0; i < all.count; i++)
      give(&rest, all.list[i], n, 1);
    ok = covered(&rest) && (few(&all, &s, n, most, out) || (most >= 3 && greedy(&all, &s, n, most, out)));
  }
  free(all.list);
  return ok && out->count;
}

static bool could(const struct rules *r, const struct node *n)
{
  if ((n->state != PL_NODE_UP && n->state != PL_NODE_ASLEEP) || r->request->features & ~n->features || !pool_room(&n->capacity, &r->need))
    return false;
  return pool_in_affinity(r, n);
}

static int highest(const struct victims *v)
{
  int most = INT_MIN;
  for (size_t i = 0; i < v->count; i++)
    most = v->list[i]->ask->request.priority > most ? v->list[i]->ask->request.priority : most;
  return most;
}

/* Nothing of its own has to go where only a domain's limit is short: the limit's other nodes are looked at then. */
static bool may_help(const struct rules *r, const struct node *n, const struct victims *best)
{
  if (pool_room(&n->free, &r->need))
    return true;
  return n->lowest < r->request->priority && (best->count != 1 || n->lowest < best->list[0]->ask->request.priority);
}

struct node *pool_evict(const struct pl_pool *pool, const struct rules *r, struct victims *victims)
{
  struct node *found = NULL;
  struct victims best = {0}, here = {0};
  for (size_t i = 0; i < pool->n_nodes; i++) {
    struct node *n = pool->nodes[i];
    if (!n || !may_help(r, n, &best) || !could(r, n) || !from(r, n, found ? best.count : SIZE_MAX, &here))
      continue;
    if (found && (here.count > best.count || (here.count == best.count && highest(&here) >= highest(&best))))
      continue;
    struct victims swap = best;
    best = here;
    here = swap;
    found = n;
  }
  for (size_t i = 0; found && i < best.count; i++)
    if (!add(victims, best.list[i]))
      found = NULL;
  free(best.list);
  free(here.list);
  return found;
}

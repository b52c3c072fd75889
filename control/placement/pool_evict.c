/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preemption: what must go so that one request fits. Of each node the fewest that make room there (one or two: the best of all; more: greedy, then what was not
 * needed after all stays), of all nodes the fewest, then the lowest. Where a domain's limit stands in the way, its other nodes' allocations count, too. Bounded:
 * at most 256 nodes are gone into, and 64 limits.
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

struct hunt {
  const struct pl_pool *pool;
  const struct rules *rules;
  struct node *found;
  struct victims best, here;
  size_t left;      /* nodes that may still be gone into */
  bool under_limit; /* nodes with room of their own, whose domain has none */
  struct key_set tried; /* domains whose limit was looked at */
};

static bool better(const struct hunt *h)
{
  const struct victims *x = &h->here, *y = &h->best;
  return !h->found || x->count < y->count || (x->count == y->count && highest(x) < highest(y));
}

/* Is there any use in a look at nodes whose lowest is this? */
static bool of_use(const struct hunt *h, int lowest)
{
  return h->left && lowest < (h->found && h->best.count == 1 ? highest(&h->best) : h->rules->request->priority);
}

static void consider(void *ctx, struct node *n)
{
  struct hunt *h = ctx;
  if (!h->left || !could(h->rules, n) || (!h->under_limit && !of_use(h, n->lowest)))
    return;
  h->left--;
  if (!from(h->rules, n, h->found ? h->best.count : SIZE_MAX, &h->here) || !better(h))
    return;
  struct victims swap = h->best;
  h->best = h->here;
  h->here = swap;
  h->found = n;
}

static void below(struct hunt *h, struct node *tree)
{
  if (!tree || !of_use(h, tree->lowest_below))
    return;
  consider(h, tree);
  below(h, tree->left);
  below(h, tree->right);
}

/* One node of each domain that has no more to give. */
static void below_limits(struct hunt *h, struct node *tree)
{
  const struct domain *limit = NULL;
  if (!tree || !h->left || h->rules->request->features & ~tree->any || !pool_room(&tree->max, &h->rules->need))
    return;
  if (pool_ruled(h->rules, tree, &limit) == RULED_LIMIT) {
    bool tried = false;
    for (size_t i = 0; i < h->tried.count && !tried; i++)
      tried = h->tried.keys[i] == limit->index;
    uint64_t *more = tried ? NULL : realloc(h->tried.keys, (h->tried.count + 1) * sizeof *more);
    if (more) {
      h->tried.keys = more;
      more[h->tried.count++] = limit->index;
      consider(h, tree);
    }
  }
  below_limits(h, tree->left);
  below_limits(h, tree->right);
}

struct node *pool_evict(const struct pl_pool *pool, const struct rules *r, struct victims *victims)
{
  enum { NODES_MAX = 256, LIMITS_MAX = 64 };
  struct hunt h = {.pool = pool, .rules = r, .left = NODES_MAX};
  const struct key_set *company = pool_company(pool, r);
  h.under_limit = r->only || company;
  if (r->only)
    consider(&h, (struct node *)r->only);
  else if (company)
    pool_each_in(pool, company, consider, &h);
  else
    for (int tree = 0; tree < TREES; tree++)
      below(&h, pool->roots[tree]);
  h.under_limit = true;
  h.left = LIMITS_MAX;
  for (int tree = 0; !r->only && !company && !(h.found && h.best.count == 1) && tree < TREES; tree++)
    below_limits(&h, pool->roots[tree]);
  for (size_t i = 0; h.found && i < h.best.count; i++)
    if (!add(victims, h.best.list[i]))
      h.found = NULL;
  free(h.best.list);
  free(h.here.list);
  free(h.tried.keys);
  return h.found;
}

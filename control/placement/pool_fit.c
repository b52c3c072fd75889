/* SPDX-License-Identifier: Apache-2.0 */
/* One request's rules: where it may be. Gathered once, so that a look at a node is short. */
#include "control/placement/pool_in.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A node that is in no domain of a kind is one of its own. */
uint64_t pool_domain_key(const struct node *node, enum pl_domain kind)
{
  const struct domain *domain = kind == PL_DOMAIN_NODE ? NULL : node->domain[kind];
  return (uint64_t)kind << 40 | (domain ? (uint64_t)domain->index : UINT64_C(1) << 32 | node->index);
}

static bool add_key(struct key_set *set, const struct node *node, enum pl_domain kind)
{
  if (!node || node->state == PL_NODE_GONE)
    return true;
  if (set->count == set->cap) {
    size_t cap = set->cap ? set->cap * 2 : 16;
    uint64_t *keys = realloc(set->keys, cap * sizeof *keys);
    if (!keys)
      return false;
    set->keys = keys;
    set->cap = cap;
  }
  set->keys[set->count++] = pool_domain_key(node, kind);
  return true;
}

static int by_key(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static void sort(struct key_set *set)
{
  if (set->count > 1)
    qsort(set->keys, set->count, sizeof *set->keys, by_key);
}

/* The first of that key, or where it would be. */
static size_t where(const struct key_set *set, uint64_t key)
{
  size_t low = 0, high = set->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (set->keys[middle] < key)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

bool pool_key_has(const struct key_set *set, uint64_t key)
{
  size_t i = where(set, key);
  return i < set->count && set->keys[i] == key;
}

/* Domains of everything that a word means: one allocation, the replicas of a request, a group. */
static bool add_meant(struct key_set *set, const struct name *name, enum pl_domain kind)
{
  bool ok = true;
  if (name && name->alloc)
    ok = add_key(set, name->alloc->node, kind);
  for (const struct tie *t = name ? name->members : NULL; ok && t; t = t->next)
    if (t->alloc != name->alloc)
      ok = add_key(set, t->alloc->node, kind);
  return ok;
}

/* Who wants to be apart from one of this name. */
static bool add_shunned(struct rules *r, const struct name *name)
{
  bool ok = true;
  for (const struct tie *t = name ? name->apart_by : NULL; ok && t; t = t->next)
    ok = add_key(&r->apart, t->alloc->node, t->alloc->ask->request.apart_in);
  return ok;
}

static bool gather(const struct pl_pool *pool, const struct pl_request *q, const char *alloc_id, struct rules *r)
{
  const struct names *names = &pool->names;
  bool ok = true;
  for (unsigned i = 0; ok && i < PL_REQUEST_NAMES_MAX && q->with[i]; i++) {
    ok = add_meant(&r->with[r->n_with], pool_name_find(names, q->with[i]), q->with_in);
    sort(&r->with[r->n_with]);
    r->n_with += r->with[r->n_with].count > 0; /* nobody there yet: it is the first */
  }
  for (unsigned i = 0; ok && i < PL_REQUEST_NAMES_MAX && q->apart[i]; i++)
    ok = add_meant(&r->apart, pool_name_find(names, q->apart[i]), q->apart_in);
  const struct name *own = pool_name_find(names, q->id);
  ok = ok && add_shunned(r, own) && (!q->group || add_shunned(r, pool_name_find(names, q->group)));
  if (ok && alloc_id && strcmp(alloc_id, q->id))
    ok = add_shunned(r, pool_name_find(names, alloc_id));
  if (r->together != UINT_MAX)
    for (const struct tie *t = own ? own->members : NULL; ok && t; t = t->next)
      if (!strcmp(t->alloc->ask->request.id, q->id))
        ok = add_key(&r->near, t->alloc->node, q->spread);
  return ok;
}

bool pool_rules_make(const struct pl_pool *pool, const struct pl_request *request, const struct pl_amounts *need, const char *alloc_id, struct rules *rules)
{
  *rules = (struct rules){.request = request, .need = *need, .together = pool_ask_together(request)};
  if (request->node) {
    const struct name *name = pool_name_find(&pool->names, request->node);
    rules->only = name ? name->node : NULL;
    rules->lost = !rules->only;
  }
  if (request->not_node) {
    const struct name *name = pool_name_find(&pool->names, request->not_node);
    rules->not_on = name ? name->node : NULL;
  }
  if (!gather(pool, request, alloc_id, rules)) {
    pool_rules_end(rules);
    return false;
  }
  for (size_t i = 0; i < rules->apart.count; i++)
    rules->apart_kinds |= 1u << (rules->apart.keys[i] >> 40);
  sort(&rules->apart);
  sort(&rules->near);
  return true;
}

void pool_rules_end(struct rules *rules)
{
  for (unsigned i = 0; i < PL_REQUEST_NAMES_MAX; i++)
    free(rules->with[i].keys);
  free(rules->apart.keys);
  free(rules->near.keys);
}

bool pool_room(const struct pl_amounts *left, const struct pl_amounts *need)
{
  for (int d = 0; d < DIMS; d++)
    if (left->of[d] < need->of[d])
      return false;
  return true;
}

bool pool_in_affinity(const struct rules *r, const struct node *n)
{
  if ((r->only && r->only != n) || r->lost || r->not_on == n)
    return false;
  for (unsigned i = 0; i < r->n_with; i++)
    if (!pool_key_has(&r->with[i], pool_domain_key(n, r->request->with_in)))
      return false;
  for (int kind = 0; r->apart_kinds >> kind; kind++)
    if (r->apart_kinds >> kind & 1 && pool_key_has(&r->apart, pool_domain_key(n, (enum pl_domain)kind)))
      return false;
  if (r->near.count < r->together)
    return true;
  uint64_t key = pool_domain_key(n, r->request->spread);
  size_t last = where(&r->near, key) + r->together - 1;
  return last >= r->near.count || r->near.keys[last] != key;
}

static const struct domain *over_limit(const struct rules *r, const struct node *n)
{
  for (int kind = PL_DOMAIN_NODE + 1; kind < PL_DOMAIN_COUNT; kind++) {
    const struct domain *domain = n->domain[kind];
    for (int d = 0; domain && domain->limited && d < DIMS; d++)
      if (r->need.of[d] > domain->limit.of[d] - domain->given.of[d])
        return domain;
  }
  return NULL;
}

bool pool_in_rules(const struct rules *rules, const struct node *node)
{
  return pool_in_affinity(rules, node) && !over_limit(rules, node);
}

enum ruled pool_ruled(const struct rules *rules, const struct node *node, const struct domain **limit)
{
  const struct domain *over = NULL;
  enum ruled ruled = node->state == PL_NODE_CLOSED || node->state == PL_NODE_GONE ? RULED_CLOSED
                     : rules->request->features & ~node->features                 ? RULED_FEATURE
                     : !pool_room(&node->free, &rules->need)                      ? RULED_SMALL
                     : !pool_in_affinity(rules, node)                                  ? RULED_AFFINITY
                     : (over = over_limit(rules, node))                           ? RULED_LIMIT
                                                                                  : RULED_NOT;
  if (limit)
    *limit = over;
  return ruled;
}

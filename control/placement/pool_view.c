/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at a pool, a copy of it, and the walk that finds what is wrong with it. */
#include "control/placement/pool_in.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void lock(const struct pl_pool *pool)
{
  pthread_rwlock_rdlock((pthread_rwlock_t *)&pool->lock);
}

static void unlock(const struct pl_pool *pool)
{
  pthread_rwlock_unlock((pthread_rwlock_t *)&pool->lock);
}

static struct pl_allocation show(const struct alloc *a)
{
  return (struct pl_allocation){.id = a->name->word, .group = a->ask->request.group, .node = a->node->name->word, .need = a->need,
                                .priority = a->ask->request.priority, .request = &a->ask->request, .replica = a->replica};
}

bool pl_pool_find(const struct pl_pool *pool, const char *id, struct pl_allocation *allocation)
{
  lock(pool);
  const struct name *name = pool_name_find(&pool->names, id);
  bool found = name && name->alloc;
  if (found && allocation)
    *allocation = show(name->alloc);
  unlock(pool);
  return found;
}

size_t pl_pool_allocations(const struct pl_pool *pool)
{
  lock(pool);
  size_t n = pool->n_allocs;
  unlock(pool);
  return n;
}

static int by_id(const void *a, const void *b)
{
  return strcmp((*(struct alloc *const *)a)->name->word, (*(struct alloc *const *)b)->name->word);
}

void pl_pool_each(const struct pl_pool *pool, void (*fn)(void *ctx, const struct pl_allocation *allocation), void *ctx)
{
  lock(pool);
  size_t n = 0;
  struct alloc **list = malloc((pool->n_allocs + 1) * sizeof *list);
  for (struct alloc *a = pool->all; list && a; a = a->all_next)
    list[n++] = a;
  if (n)
    qsort(list, n, sizeof *list, by_id);
  for (size_t i = 0; i < n; i++) {
    struct pl_allocation shown = show(list[i]);
    fn(ctx, &shown);
  }
  free(list);
  unlock(pool);
}

static struct pl_node_desc describe(const struct node *n)
{
  struct pl_node_desc desc = {.id = n->name->word, .features = n->features, .capacity = n->capacity, .state = n->state, .idle_W = n->idle_W, .heat = n->heat};
  desc.domains[PL_DOMAIN_NODE] = desc.id;
  for (int kind = PL_DOMAIN_NODE + 1; kind < PL_DOMAIN_COUNT; kind++)
    desc.domains[kind] = n->domain[kind] ? n->domain[kind]->name->word : NULL;
  return desc;
}

static struct pl_node_view view(const struct node *n)
{
  return (struct pl_node_view){.desc = describe(n), .given = n->given, .forecast = n->forecast, .allocations = n->count};
}

bool pl_pool_view(const struct pl_pool *pool, const char *node, struct pl_node_view *out)
{
  lock(pool);
  const struct name *name = pool_name_find(&pool->names, node);
  bool found = name && name->node;
  if (found)
    *out = view(name->node);
  unlock(pool);
  return found;
}

void pl_pool_each_node(const struct pl_pool *pool, void (*fn)(void *ctx, const struct pl_node_view *view), void *ctx)
{
  lock(pool);
  for (size_t i = 0; i < pool->n_nodes; i++)
    if (pool->nodes[i]) {
      struct pl_node_view shown = view(pool->nodes[i]);
      fn(ctx, &shown);
    }
  unlock(pool);
}

static void walk_node(const struct node *n, struct alloc **list, const struct pl_pool_walk *walk, void *ctx)
{
  size_t count = 0;
  struct pl_node_view shown = view(n);
  walk->node(ctx, &shown);
  for (struct alloc *a = n->allocs; a; a = a->next)
    list[count++] = a;
  if (count)
    qsort(list, count, sizeof *list, by_id);
  for (size_t i = 0; i < count; i++) {
    struct pl_allocation one = show(list[i]);
    walk->allocation(ctx, &one);
  }
}

static struct pl_amounts shown_limit(const struct domain *d)
{
  struct pl_amounts limit = d->limit;
  for (int dim = 0; dim < DIMS; dim++)
    limit.of[dim] = limit.of[dim] == INT64_MAX ? -1 : limit.of[dim];
  return limit;
}

enum pl_status pl_pool_walk(const struct pl_pool *pool, const struct pl_pool_walk *walk, void *ctx, struct pl_err *err)
{
  lock(pool);
  struct alloc **list = malloc((pool->n_allocs + 1) * sizeof *list);
  for (size_t i = 0; list && i < pool->n_nodes; i++)
    if (pool->nodes[i])
      walk_node(pool->nodes[i], list, walk, ctx);
    else if (walk->gap)
      walk->gap(ctx);
  for (size_t i = 0; list && i < pool->n_domains; i++)
    if (pool->domains[i]->limited) {
      struct pl_amounts limit = shown_limit(pool->domains[i]);
      walk->limit(ctx, pool->domains[i]->kind, pool->domains[i]->name->word, &limit);
    }
  unlock(pool);
  free(list);
  return list ? PL_OK : pl_fail(err, PL_E_NOMEM, "out of memory for a walk through the pool");
}

uint64_t pl_pool_version(const struct pl_pool *pool)
{
  lock(pool);
  uint64_t version = pool->version;
  unlock(pool);
  return version;
}

/* --- a copy: nodes keep their numbers, so that it decides as the first one does --- */

static bool copy_nodes(const struct pl_pool *pool, struct pl_pool *to, struct pl_err *err)
{
  for (size_t i = 0; i < pool->n_nodes; i++) {
    const struct node *n = pool->nodes[i];
    struct pl_node_desc desc = n ? describe(n) : (struct pl_node_desc){.id = "\x01"}; /* a gap, where one was removed */
    if (pl_pool_node(to, &desc, err) || (n && pl_pool_forecast(to, desc.id, &n->forecast, err)) || (!n && pl_pool_node_remove(to, desc.id, err)))
      return false;
  }
  for (size_t i = 0; i < pool->n_domains; i++) {
    const struct domain *d = pool->domains[i];
    struct pl_amounts limit = shown_limit(d);
    if (d->limited && pl_pool_limit(to, d->kind, d->name->word, &limit, err))
      return false;
  }
  return true;
}

static bool copy_allocs(const struct pl_pool *pool, struct pl_pool *to)
{
  for (const struct alloc *a = pool->all; a; a = a->all_next) {
    struct alloc *made = pool_alloc_new(to, a->ask, a->replica);
    if (!made)
      return false;
    made->need = a->need;
    pool_attach(to, made, to->nodes[a->node->index]);
  }
  return true;
}

enum pl_status pl_pool_copy(const struct pl_pool *pool, struct pl_pool **copy, struct pl_err *err)
{
  struct pl_pool *to = NULL;
  enum pl_status status = pl_pool_new(NULL, &to, err);
  if (status)
    return status;
  lock(pool);
  memcpy(to->weights, pool->weights, sizeof to->weights);
  to->no_preemption = pool->no_preemption;
  bool ok = true;
  for (int i = 0; ok && i < 64 && pool->features[i]; i++)
    ok = (to->features[i] = strdup(pool->features[i])) != NULL;
  ok = ok && copy_nodes(pool, to, err) && copy_allocs(pool, to);
  to->version = pool->version;
  unlock(pool);
  if (!ok) {
    pl_pool_free(to);
    return pl_fail(err, PL_E_NOMEM, "out of memory for a copy of the pool");
  }
  pool_watch_copy(pool, to);
  *copy = to;
  return PL_OK;
}

/* --- the walk --- */

static enum pl_status check_sums(const char *what, const char *id, const struct pl_amounts *given, const struct pl_amounts *sum, const struct pl_amounts *most,
                                 struct pl_err *err)
{
  for (int d = 0; d < DIMS; d++) {
    const char *name = pl_dimension_name((enum pl_dimension)d), *unit = pl_dimension_unit((enum pl_dimension)d);
    if (given->of[d] != sum->of[d])
      return pl_fail(err, PL_E_RANGE, "pool: %s %s: %s given is kept as %" PRId64 " %s, its allocations have %" PRId64, what, id, name, given->of[d], unit, sum->of[d]);
    if (sum->of[d] > most->of[d])
      return pl_fail(err, PL_E_RANGE, "pool: %s %s is over-committed: %s %" PRId64 " %s of %" PRId64, what, id, name, sum->of[d], unit, most->of[d]);
  }
  return PL_OK;
}

static void add(struct pl_amounts *to, const struct pl_amounts *what)
{
  for (int d = 0; d < DIMS; d++)
    to->of[d] += what->of[d];
}

static enum pl_status check_node(const struct node *n, size_t *seen, struct pl_err *err)
{
  struct pl_amounts sum = {0};
  size_t count = 0;
  for (const struct alloc *a = n->allocs; a; a = a->next, count++) {
    add(&sum, &a->need);
    if (a->node != n || a->name->alloc != a || a->trial)
      return pl_fail(err, PL_E_RANGE, "pool: node %s has %s, which is not there", n->name->word, a->name->word);
    if (a->ask->request.features & ~n->features)
      return pl_fail(err, PL_E_RANGE, "pool: %s is on %s, which lacks a feature that it needs", a->name->word, n->name->word);
  }
  *seen += count;
  if (count != n->count)
    return pl_fail(err, PL_E_RANGE, "pool: node %s counts %zu allocations and has %zu", n->name->word, n->count, count);
  return check_sums("node", n->name->word, &n->given, &sum, &n->capacity, err);
}

/* Apart from those whom it shuns; no more replicas in one domain than may be lost with it. */
static enum pl_status check_alloc(const struct alloc *a, struct pl_err *err)
{
  const struct pl_request *q = &a->ask->request;
  if (a->node->state == PL_NODE_GONE)
    return PL_OK;
  uint64_t home = pool_domain_key(a->node, q->spread);
  unsigned together = 0;
  for (const struct tie *t = a->ties[0].name->members; t; t = t->next)
    together += !strcmp(t->alloc->ask->request.id, q->id) && t->alloc->node->state != PL_NODE_GONE && pool_domain_key(t->alloc->node, q->spread) == home;
  if (together > pool_ask_together(q))
    return pl_fail(err, PL_E_RANGE, "pool: %u replicas of %s are in one %s with %s: its loss would break their redundancy", together, q->id, pl_domain_name(q->spread),
                   a->node->name->word);
  for (const struct tie *mine = a->ties + 2; mine < a->ties + 2 + PL_REQUEST_NAMES_MAX; mine++)
    for (const struct tie *t = mine->name ? mine->name->members : NULL; t; t = t->next)
      if (t->alloc != a && t->alloc->node->state != PL_NODE_GONE && pool_domain_key(t->alloc->node, q->apart_in) == pool_domain_key(a->node, q->apart_in))
        return pl_fail(err, PL_E_RANGE, "pool: %s and %s are in one %s, and are to be apart", a->name->word, t->alloc->name->word, pl_domain_name(q->apart_in));
  return PL_OK;
}

/* A branch knows the most that is below it. */
static bool sound(const struct node *n, size_t *count)
{
  if (!n)
    return true;
  (*count)++;
  for (int side = 0; side < 2; side++) {
    const struct node *child = side ? n->right : n->left;
    if (child && (child->order > n->order || (child->key < n->key) == side || (child->any & ~n->any) || child->best > n->best || child->lowest_below < n->lowest_below || !pool_room(&n->max, &child->max)))
      return false;
  }
  for (int d = 0; d < DIMS; d++)
    if (n->free.of[d] != n->capacity.of[d] - n->given.of[d] || n->free.of[d] > n->max.of[d])
      return false;
  return n->best >= n->score && sound(n->left, count) && sound(n->right, count);
}

static enum pl_status check_domain(const struct domain *d, struct pl_err *err)
{
  struct pl_amounts sum = {0};
  for (const struct node *n = d->members; n; n = n->member_next[d->kind])
    add(&sum, &n->given);
  return check_sums(pl_domain_name(d->kind), d->name->word, &d->given, &sum, &d->limit, err);
}

static enum pl_status check(const struct pl_pool *pool, struct pl_err *err)
{
  size_t seen = 0, indexed = 0, working = 0;
  enum pl_status status = PL_OK;
  for (size_t i = 0; !status && i < pool->n_nodes; i++)
    if (pool->nodes[i]) {
      status = check_node(pool->nodes[i], &seen, err);
      working += pool->nodes[i]->state == PL_NODE_UP || pool->nodes[i]->state == PL_NODE_ASLEEP;
    }
  for (size_t i = 0; !status && i < pool->n_domains; i++)
    status = check_domain(pool->domains[i], err);
  for (const struct alloc *a = pool->all; !status && a; a = a->all_next)
    status = check_alloc(a, err);
  if (status)
    return status;
  if (seen != pool->n_allocs)
    return pl_fail(err, PL_E_RANGE, "pool: it counts %zu allocations, and its nodes have %zu", pool->n_allocs, seen);
  if (!sound(pool->roots[TREE_AWAKE], &indexed) || !sound(pool->roots[TREE_ASLEEP], &indexed) || indexed != working)
    return pl_fail(err, PL_E_RANGE, "pool: the index is not in order (%zu nodes in it, %zu take work)", indexed, working);
  return PL_OK;
}

enum pl_status pl_pool_check(const struct pl_pool *pool, struct pl_err *err)
{
  lock(pool);
  enum pl_status status = check(pool, err);
  unlock(pool);
  return status;
}

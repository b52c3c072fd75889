/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: nodes, domains, features, limits. */
#include "control/placement/pool_in.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const dimension_names[] = {
#define NAME(name, word, unit) word,
    PL_DIMENSIONS(NAME)
#undef NAME
};
static const char *const dimension_units[] = {
#define UNIT(name, word, unit) unit,
    PL_DIMENSIONS(UNIT)
#undef UNIT
};
static const char *const domain_names[PL_DOMAIN_COUNT] = {"node", "module", "rack", "feed"};

const char *pl_dimension_name(enum pl_dimension dimension)
{
  return dimension_names[dimension];
}

const char *pl_dimension_unit(enum pl_dimension dimension)
{
  return dimension_units[dimension];
}

const char *pl_domain_name(enum pl_domain domain)
{
  return domain_names[domain];
}

static const struct pl_pool_policy default_policy = {.consolidate = 0.4, .cool = 0.25, .balance = 0.2, .forecast = 0.15};

enum pl_status pl_pool_new(const struct pl_pool_policy *policy, struct pl_pool **pool, struct pl_err *err)
{
  struct pl_pool_policy p = policy ? *policy : default_policy;
  bool unset = p.consolidate == 0 && p.spread == 0 && p.cool == 0 && p.balance == 0 && p.forecast == 0;
  const struct pl_pool_policy *w = unset ? &default_policy : &p;
  double weights[TERMS] = {w->consolidate, w->spread, w->cool, w->balance, w->forecast}, sum = 0;
  for (int t = 0; t < TERMS; t++) {
    if (!(weights[t] >= 0) || isinf(weights[t]))
      return pl_fail(err, PL_E_USAGE, "pool: the weight \"%s\" of the policy is %g; weights are 0 or more", pool_term_names[t], weights[t]);
    sum += weights[t];
  }
  struct pl_pool *made = calloc(1, sizeof *made);
  if (!made)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a pool");
  for (int t = 0; t < TERMS; t++)
    made->weights[t] = weights[t] / sum;
  made->no_preemption = p.no_preemption;
  pthread_rwlock_init(&made->lock, NULL);
  *pool = made;
  return PL_OK;
}

void pl_pool_free(struct pl_pool *pool)
{
  if (!pool)
    return;
  if (pool->number)
    pl_pool_tell(pool, (struct pl_pool_call){.verb = PL_POOL_END});
  while (pool->all) {
    struct alloc *a = pool->all;
    pool_detach(pool, a);
    pool_alloc_free(pool, a);
  }
  for (size_t i = 0; i < pool->n_nodes; i++)
    free(pool->nodes[i]);
  for (size_t i = 0; i < pool->n_domains; i++)
    free(pool->domains[i]);
  for (size_t i = 0; i < 64; i++)
    free(pool->features[i]);
  free(pool->nodes);
  free(pool->domains);
  pool_names_end(&pool->names);
  pthread_rwlock_destroy(&pool->lock);
  free(pool);
}

enum pl_status pl_pool_feature(struct pl_pool *pool, const char *word, uint64_t *bit, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  unsigned i = 0;
  pthread_rwlock_wrlock(&pool->lock);
  while (i < 64 && pool->features[i] && strcmp(pool->features[i], word) != 0)
    i++;
  bool known = i < 64 && pool->features[i];
  if (i == 64)
    status = pl_fail(err, PL_E_RANGE, "pool: \"%s\" would be the 65th feature; there is room for 64", word);
  else if (!pool->features[i] && !(pool->features[i] = strdup(word)))
    status = pl_fail(err, PL_E_NOMEM, "out of memory for the feature \"%s\"", word);
  else
    *bit = UINT64_C(1) << i;
  pthread_rwlock_unlock(&pool->lock);
  if (!status && !known)
    pl_pool_tell(pool, (struct pl_pool_call){.verb = PL_POOL_FEATURE, .id = word});
  return status;
}

/* --- nodes --- */

static struct domain *get_domain(struct pl_pool *pool, enum pl_domain kind, const char *id)
{
  struct name *name = pool_name_get(&pool->names, id);
  if (!name)
    return NULL;
  if (name->domain[kind]) {
    pool_name_put(&pool->names, name);
    return name->domain[kind];
  }
  struct domain **more = realloc(pool->domains, (pool->n_domains + 1) * sizeof *more);
  if (more)
    pool->domains = more;
  struct domain *d = more ? calloc(1, sizeof *d) : NULL;
  if (!d) {
    pool_name_put(&pool->names, name);
    return NULL;
  }
  *d = (struct domain){.kind = kind, .name = name, .index = (uint32_t)pool->n_domains};
  for (int i = 0; i < DIMS; i++)
    d->limit.of[i] = INT64_MAX;
  pool->domains[pool->n_domains++] = d;
  return name->domain[kind] = d;
}

static void leave(struct node *n, enum pl_domain kind)
{
  struct domain *d = n->domain[kind];
  if (!d)
    return;
  *n->member_link[kind] = n->member_next[kind];
  if (n->member_next[kind])
    n->member_next[kind]->member_link[kind] = n->member_link[kind];
  d->count--;
  for (int i = 0; i < DIMS; i++)
    d->given.of[i] -= n->given.of[i];
  n->domain[kind] = NULL;
}

static void join(struct node *n, enum pl_domain kind, struct domain *d)
{
  leave(n, kind);
  if (!d)
    return;
  n->domain[kind] = d;
  n->member_next[kind] = d->members;
  n->member_link[kind] = &d->members;
  if (d->members)
    d->members->member_link[kind] = &n->member_next[kind];
  d->members = n;
  d->count++;
  for (int i = 0; i < DIMS; i++)
    d->given.of[i] += n->given.of[i];
}

static struct node *new_node(struct pl_pool *pool, const char *id)
{
  if (pool->n_nodes == pool->cap_nodes) {
    size_t cap = pool->cap_nodes ? pool->cap_nodes * 2 : 16;
    struct node **more = realloc(pool->nodes, cap * sizeof *more);
    if (!more)
      return NULL;
    pool->nodes = more;
    pool->cap_nodes = cap;
  }
  struct node *n = calloc(1, sizeof *n);
  struct name *name = n ? pool_name_get(&pool->names, id) : NULL;
  if (!name) {
    free(n);
    return NULL;
  }
  n->name = name;
  n->tree = -1;
  n->lowest = INT_MAX;
  n->index = (uint32_t)pool->n_nodes;
  pool->nodes[pool->n_nodes++] = n;
  pool->n_there++;
  return name->node = n;
}

static enum pl_status usable(const struct pl_node_desc *desc, struct pl_err *err)
{
  if (!desc->id || !*desc->id)
    return pl_fail(err, PL_E_USAGE, "pool: a node without an id");
  for (int d = 0; d < DIMS; d++)
    if (desc->capacity.of[d] < 0)
      return pl_fail(err, PL_E_USAGE, "pool: node %s has %" PRId64 " %s of %s; a capacity is 0 or more", desc->id, desc->capacity.of[d], dimension_units[d],
                     dimension_names[d]);
  if (isnan(desc->heat) || isnan(desc->idle_W))
    return pl_fail(err, PL_E_USAGE, "pool: node %s: heat or idle power is not a number", desc->id);
  return PL_OK;
}

enum pl_status pl_pool_node(struct pl_pool *pool, const struct pl_node_desc *desc, struct pl_err *err)
{
  enum pl_status status = usable(desc, err);
  if (status)
    return status;
  pthread_rwlock_wrlock(&pool->lock);
  const struct name *name = pool_name_find(&pool->names, desc->id);
  struct node *n = name && name->node ? name->node : new_node(pool, desc->id);
  for (int kind = PL_DOMAIN_NODE + 1; n && kind < PL_DOMAIN_COUNT; kind++) {
    struct domain *d = desc->domains[kind] ? get_domain(pool, (enum pl_domain)kind, desc->domains[kind]) : NULL;
    if (desc->domains[kind] && !d)
      n = NULL;
    else if (d != n->domain[kind])
      join(n, (enum pl_domain)kind, d);
  }
  if (n) {
    for (int d = 0; d < DIMS; d++)
      pool->total.of[d] += desc->capacity.of[d] - n->capacity.of[d];
    n->state = desc->state;
    n->capacity = desc->capacity;
    n->features = desc->features;
    n->idle_W = desc->idle_W;
    n->heat = desc->heat;
    n->forecast_share = pool_share(&n->forecast, &n->capacity, NULL);
    pool_index(pool, n);
    pool->version++;
  } else {
    status = pl_fail(err, PL_E_NOMEM, "out of memory for node %s", desc->id);
  }
  pthread_rwlock_unlock(&pool->lock);
  if (!status)
    pl_pool_tell(pool, (struct pl_pool_call){.verb = PL_POOL_NODE, .node = desc});
  return status;
}

static enum pl_status no_node(struct pl_err *err, const char *id)
{
  return pl_fail(err, PL_E_USAGE, "pool: there is no node \"%s\"", id);
}

enum pl_status pl_pool_node_remove(struct pl_pool *pool, const char *id, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  pthread_rwlock_wrlock(&pool->lock);
  struct name *name = pool_name_find(&pool->names, id);
  struct node *n = name ? name->node : NULL;
  if (!n) {
    status = no_node(err, id);
  } else if (n->count) {
    status = pl_fail(err, PL_E_BUSY, "pool: node %s has %zu allocations; move or release them first", id, n->count);
  } else {
    pl_pool_tell(pool, (struct pl_pool_call){.verb = PL_POOL_GONE, .id = id});
    n->state = PL_NODE_GONE;
    pool_index(pool, n);
    for (int kind = PL_DOMAIN_NODE + 1; kind < PL_DOMAIN_COUNT; kind++)
      leave(n, (enum pl_domain)kind);
    for (int d = 0; d < DIMS; d++)
      pool->total.of[d] -= n->capacity.of[d];
    pool->n_there--;
    pool->nodes[n->index] = NULL;
    name->node = NULL;
    pool_name_put(&pool->names, name);
    free(n);
    pool->version++;
  }
  pthread_rwlock_unlock(&pool->lock);
  return status;
}

enum pl_status pl_pool_limit(struct pl_pool *pool, enum pl_domain domain, const char *id, const struct pl_amounts *limit, struct pl_err *err)
{
  if (domain <= PL_DOMAIN_NODE || domain >= PL_DOMAIN_COUNT)
    return pl_fail(err, PL_E_USAGE, "pool: a limit is of a module, a rack or a feed; a node has its capacity");
  enum pl_status status = PL_OK;
  pthread_rwlock_wrlock(&pool->lock);
  struct domain *d = get_domain(pool, domain, id);
  if (d) {
    d->limited = false;
    for (int i = 0; i < DIMS; i++) {
      d->limit.of[i] = limit->of[i] < 0 ? INT64_MAX : limit->of[i];
      d->limited |= limit->of[i] >= 0;
    }
    pool->version++;
  } else {
    status = pl_fail(err, PL_E_NOMEM, "out of memory for the limit of %s %s", domain_names[domain], id);
  }
  pthread_rwlock_unlock(&pool->lock);
  if (!status)
    pl_pool_tell(pool, (struct pl_pool_call){.verb = PL_POOL_LIMIT, .domain = domain, .id = id, .amounts = limit});
  return status;
}

enum pl_status pl_pool_forecast(struct pl_pool *pool, const char *node, const struct pl_amounts *peak, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  pthread_rwlock_wrlock(&pool->lock);
  const struct name *name = pool_name_find(&pool->names, node);
  bool same = name && name->node && !memcmp(&name->node->forecast, peak, sizeof *peak);
  if (name && name->node) {
    name->node->forecast = *peak;
    name->node->forecast_share = pool_share(peak, &name->node->capacity, NULL);
    pool_index(pool, name->node);
    pool->version++;
  } else {
    status = no_node(err, node);
  }
  pthread_rwlock_unlock(&pool->lock);
  if (!status && !same)
    pl_pool_tell(pool, (struct pl_pool_call){.verb = PL_POOL_FORECAST, .id = node, .amounts = peak});
  return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations: what is given away, release, resize. */
#include "control/placement/pool_in.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* --- requests with strings of their own --- */

static size_t size_of(const char *s)
{
  return s ? strlen(s) + 1 : 0;
}

static const char *keep(char **at, const char *s)
{
  size_t size = size_of(s);
  const char *copy = size ? memcpy(*at, s, size) : NULL;
  *at += size;
  return copy;
}

struct ask *pool_ask_new(const struct pl_request *q)
{
  size_t size = size_of(q->id) + size_of(q->group) + size_of(q->node) + size_of(q->not_node);
  for (int i = 0; i < PL_REQUEST_NAMES_MAX; i++)
    size += size_of(q->with[i]) + size_of(q->apart[i]);
  struct ask *ask = malloc(sizeof *ask + size);
  if (!ask)
    return NULL;
  char *at = (char *)(ask + 1);
  atomic_init(&ask->refs, 1);
  struct pl_request *r = &ask->request;
  *r = *q;
  r->id = keep(&at, q->id);
  r->group = keep(&at, q->group);
  r->node = keep(&at, q->node);
  r->not_node = keep(&at, q->not_node);
  for (int i = 0; i < PL_REQUEST_NAMES_MAX; i++) {
    r->with[i] = keep(&at, q->with[i]);
    r->apart[i] = keep(&at, q->apart[i]);
  }
  return ask;
}

struct ask *pool_ask_hold(struct ask *ask)
{
  atomic_fetch_add(&ask->refs, 1);
  return ask;
}

void pool_ask_drop(struct ask *ask)
{
  if (ask && atomic_fetch_sub(&ask->refs, 1) == 1)
    free(ask);
}

unsigned pool_ask_total(const struct pl_request *q)
{
  unsigned n = q->replicas ? q->replicas : 1;
  return q->redundancy == PL_REDUNDANCY_N1 ? n + 1 : q->redundancy == PL_REDUNDANCY_2N ? 2 * n : n;
}

unsigned pool_ask_together(const struct pl_request *q)
{
  return q->redundancy == PL_REDUNDANCY_NONE ? UINT_MAX : pool_ask_total(q) - (q->replicas ? q->replicas : 1);
}

/* --- allocations --- */

void pool_alloc_id(const char *request, unsigned replica, char *out, size_t size)
{
  if (replica > 1)
    snprintf(out, size, "%s#%u", request, replica);
  else
    snprintf(out, size, "%s", request);
}

struct alloc *pool_alloc_new(struct pl_pool *pool, struct ask *ask, unsigned replica)
{
  const struct pl_request *q = &ask->request;
  char id[256];
  pool_alloc_id(q->id, replica, id, sizeof id);
  struct alloc *a = calloc(1, sizeof *a);
  if (!a || !(a->name = pool_name_get(&pool->names, id))) {
    free(a);
    return NULL;
  }
  a->ask = pool_ask_hold(ask);
  a->replica = replica;
  a->need = q->need;
  const char *const members[2] = {q->id, q->group && strcmp(q->group, q->id) != 0 ? q->group : NULL};
  bool ok = true;
  for (int i = 0; ok && i < TIES; i++) {
    int n = i < 2 ? i : (i - 2) % PL_REQUEST_NAMES_MAX;
    const char *word = i < 2 ? members[n] : i < 2 + PL_REQUEST_NAMES_MAX ? q->apart[n] : q->with[n];
    struct tie *t = &a->ties[i];
    t->alloc = a;
    if (word && (ok = (t->name = pool_name_get(&pool->names, word)) != NULL))
      t->list = i < 2 ? &t->name->members : i < 2 + PL_REQUEST_NAMES_MAX ? &t->name->apart_by : &t->name->with_by;
  }
  if (!ok) {
    pool_alloc_free(pool, a);
    return NULL;
  }
  return a;
}

void pool_alloc_free(struct pl_pool *pool, struct alloc *a)
{
  for (int i = 0; i < TIES; i++)
    pool_name_put(&pool->names, a->ties[i].name);
  pool_name_put(&pool->names, a->name);
  pool_ask_drop(a->ask);
  free(a);
}

static void count(struct node *n, const struct pl_amounts *need, int64_t sign)
{
  for (int d = 0; d < DIMS; d++)
    n->given.of[d] += sign * need->of[d];
  for (int kind = PL_DOMAIN_NODE + 1; kind < PL_DOMAIN_COUNT; kind++)
    for (int d = 0; n->domain[kind] && d < DIMS; d++)
      n->domain[kind]->given.of[d] += sign * need->of[d];
}

static int lowest(const struct node *n)
{
  int least = INT_MAX;
  for (const struct alloc *a = n->allocs; a; a = a->next)
    if (!a->trial && !a->ask->request.stay && a->ask->request.priority < least)
      least = a->ask->request.priority;
  return least;
}

void pool_attach(struct pl_pool *pool, struct alloc *a, struct node *n)
{
  a->node = n;
  a->name->alloc = a;
  a->next = n->allocs;
  a->link = &n->allocs;
  if (a->next)
    a->next->link = &a->next;
  n->allocs = a;
  n->count++;
  n->trials += a->trial;
  if (!a->trial && !a->ask->request.stay && a->ask->request.priority < n->lowest)
    n->lowest = a->ask->request.priority;
  a->all_next = pool->all;
  a->all_link = &pool->all;
  if (a->all_next)
    a->all_next->all_link = &a->all_next;
  pool->all = a;
  pool->n_allocs++;
  for (struct tie *t = a->ties; t < a->ties + TIES; t++)
    if (t->name) {
      t->next = *t->list;
      t->link = t->list;
      if (t->next)
        t->next->link = &t->next;
      *t->list = t;
    }
  count(n, &a->need, 1);
  pool_index(pool, n);
}

void pool_detach(struct pl_pool *pool, struct alloc *a)
{
  struct node *n = a->node;
  *a->link = a->next;
  if (a->next)
    a->next->link = a->link;
  *a->all_link = a->all_next;
  if (a->all_next)
    a->all_next->all_link = a->all_link;
  for (struct tie *t = a->ties; t < a->ties + TIES; t++)
    if (t->name) {
      *t->link = t->next;
      if (t->next)
        t->next->link = t->link;
    }
  n->count--;
  n->trials -= a->trial;
  if (a->ask->request.priority == n->lowest)
    n->lowest = lowest(n);
  pool->n_allocs--;
  count(n, &a->need, -1);
  a->name->alloc = NULL;
  a->node = NULL;
  pool_index(pool, n);
}

/* --- what a caller does with them --- */

struct alloc *pool_alloc_find(const struct pl_pool *pool, const char *id)
{
  const struct name *name = pool_name_find(&pool->names, id);
  return name ? name->alloc : NULL;
}

enum pl_status pool_no_alloc(struct pl_err *err, const char *id)
{
  return pl_fail(err, PL_E_USAGE, "pool: there is no allocation \"%s\"", id);
}

enum pl_status pl_pool_release(struct pl_pool *pool, const char *id, struct pl_err *err)
{
  pthread_rwlock_wrlock(&pool->lock);
  struct alloc *a = pool_alloc_find(pool, id);
  if (a) {
    pl_pool_tell(pool, (struct pl_pool_call){.verb = PL_POOL_RELEASE, .id = id}); /* which may be its own name */
    pool_detach(pool, a);
    pool_alloc_free(pool, a);
    pool->version++;
  }
  pthread_rwlock_unlock(&pool->lock);
  return a ? PL_OK : pool_no_alloc(err, id);
}

enum pl_status pool_short_of(struct pl_err *err, const char *id, const struct node *n, const struct pl_amounts *need)
{
  for (int d = 0; d < DIMS; d++)
    if (n->free.of[d] < need->of[d])
      return pl_fail(err, PL_E_RANGE, "pool: %s does not fit on %s: %s is short by %" PRId64 " %s (needed %" PRId64 ", free %" PRId64 ")", id, n->name->word,
                     pl_dimension_name((enum pl_dimension)d), need->of[d] - n->free.of[d], pl_dimension_unit((enum pl_dimension)d), need->of[d], n->free.of[d]);
  return PL_OK;
}

enum pl_status pool_over_limit(struct pl_err *err, const char *id, const struct domain *limit, const struct pl_amounts *need)
{
  for (int d = 0; d < DIMS; d++)
    if (need->of[d] > limit->limit.of[d] - limit->given.of[d])
      return pl_fail(err, PL_E_RANGE, "pool: %s would go over the limit of %s %s: %s is short by %" PRId64 " %s", id, pl_domain_name(limit->kind), limit->name->word,
                     pl_dimension_name((enum pl_dimension)d), need->of[d] - (limit->limit.of[d] - limit->given.of[d]), pl_dimension_unit((enum pl_dimension)d));
  return PL_OK;
}

/* It grows where it stands, whatever its node's state; less is always possible. */
static enum pl_status resize(struct pl_pool *pool, struct alloc *a, const struct pl_amounts *need, struct pl_err *err)
{
  struct pl_amounts more;
  for (int d = 0; d < DIMS; d++) {
    if (need->of[d] < 0)
      return pl_fail(err, PL_E_USAGE, "pool: %s cannot need %" PRId64 " %s", a->name->word, need->of[d], pl_dimension_name((enum pl_dimension)d));
    more.of[d] = need->of[d] - a->need.of[d];
  }
  const struct node *n = a->node;
  for (int d = 0; d < DIMS; d++)
    if (more.of[d] > 0 && more.of[d] > n->free.of[d])
      return pool_short_of(err, a->name->word, n, &more);
  for (int kind = PL_DOMAIN_NODE + 1; kind < PL_DOMAIN_COUNT; kind++)
    for (int d = 0; n->domain[kind] && n->domain[kind]->limited && d < DIMS; d++)
      if (more.of[d] > 0 && more.of[d] > n->domain[kind]->limit.of[d] - n->domain[kind]->given.of[d])
        return pool_over_limit(err, a->name->word, n->domain[kind], &more);
  count(a->node, &more, 1);
  a->need = *need;
  pool_index(pool, a->node);
  pool->version++;
  return PL_OK;
}

enum pl_status pl_pool_resize(struct pl_pool *pool, const char *id, const struct pl_amounts *need, struct pl_err *err)
{
  pthread_rwlock_wrlock(&pool->lock);
  struct alloc *a = pool_alloc_find(pool, id);
  enum pl_status status = a ? resize(pool, a, need, err) : pool_no_alloc(err, id);
  pthread_rwlock_unlock(&pool->lock);
  if (!status || status == PL_E_RANGE)
    pl_pool_tell(pool, (struct pl_pool_call){.verb = PL_POOL_RESIZE, .status = status, .id = id, .amounts = need});
  return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A plan becomes true, all of it or nothing. */
#include "control/placement/pool_in.h"

#include <stdlib.h>
#include <string.h>

struct taking {
  struct pl_pool *pool;
  const struct pl_plan *plan;
  struct alloc **made;
  struct gone *gone;
  size_t n_made, n_gone;
};

/* What was to be displaced and is not there any more: all the better. */
static enum pl_status displace(struct taking *t, struct pl_err *err)
{
  int priority = 0;
  for (size_t i = 0; i < t->plan->count; i++)
    if (!i || t->plan->rows[i].ask->request.priority > priority)
      priority = t->plan->rows[i].ask->request.priority;
  for (size_t i = 0; i < t->plan->n_evicts; i++) {
    const struct name *name = pool_name_find(&t->pool->names, t->plan->evicts[i]);
    struct alloc *a = name ? name->alloc : NULL;
    if (!a)
      continue;
    if (strcmp(a->node->name->word, t->plan->evict_nodes[i]) != 0 || a->ask->request.stay || a->ask->request.priority >= priority)
      return pl_fail(err, PL_E_BUSY, "pool: %s was to make room on %s and is another one now; plan again", t->plan->evicts[i], t->plan->evict_nodes[i]);
    t->gone[t->n_gone++] = (struct gone){a, a->node};
    pool_detach(t->pool, a);
  }
  return PL_OK;
}

static enum pl_status still_fits(const struct pl_pool *pool, const struct row *row, const struct node *node, struct pl_err *err)
{
  struct rules rules;
  if (!pool_rules_make(pool, &row->ask->request, &row->ask->request.need, row->pub.id, &rules))
    return pl_fail(err, PL_E_NOMEM, "out of memory for a commit");
  enum ruled ruled = pool_ruled(&rules, node, NULL);
  pool_rules_end(&rules);
  return ruled ? pl_fail(err, PL_E_BUSY, "pool: %s does not fit on %s any more; plan again", row->pub.id, row->pub.node) : PL_OK;
}

static enum pl_status take(struct taking *t, const struct row *row, bool same, struct pl_err *err)
{
  const struct name *name = pool_name_find(&t->pool->names, row->pub.node), *own = same ? NULL : pool_name_find(&t->pool->names, row->pub.id);
  struct node *node = name ? name->node : NULL;
  if (!node || (own && own->alloc))
    return pl_fail(err, PL_E_BUSY, "pool: %s; plan again", node ? "there is an allocation of this id now" : "the node that it was to be on is not there any more");
  enum pl_status status = same ? PL_OK : still_fits(t->pool, row, node, err);
  if (status)
    return status;
  struct alloc *a = pool_alloc_new(t->pool, row->ask, row->replica);
  if (!a)
    return pl_fail(err, PL_E_NOMEM, "out of memory for an allocation");
  pool_attach(t->pool, a, node);
  t->made[t->n_made++] = a;
  return PL_OK;
}

static void finish(struct taking *t, bool kept)
{
  for (size_t i = t->n_made; !kept && i-- > 0;) {
    pool_detach(t->pool, t->made[i]);
    pool_alloc_free(t->pool, t->made[i]);
  }
  for (size_t i = t->n_gone; i-- > 0;) {
    if (kept)
      pool_alloc_free(t->pool, t->gone[i].alloc);
    else
      pool_attach(t->pool, t->gone[i].alloc, t->gone[i].from);
  }
  t->pool->version += kept;
}

enum pl_status pl_pool_commit(struct pl_pool *pool, const struct pl_plan *plan, struct pl_err *err)
{
  struct taking t = {.pool = pool, .plan = plan, .made = calloc(plan->count + 1, sizeof(struct alloc *)), .gone = calloc(plan->n_evicts + 1, sizeof(struct gone))};
  enum pl_status status = t.made && t.gone ? PL_OK : pl_fail(err, PL_E_NOMEM, "out of memory for a commit");
  if (!status) {
    pthread_rwlock_wrlock(&pool->lock);
    bool same = plan->version == pool->version;
    status = displace(&t, err);
    for (size_t i = 0; !status && i < plan->count; i++)
      status = take(&t, &plan->rows[i], same, err);
    finish(&t, !status);
    pthread_rwlock_unlock(&pool->lock);
    if (!status || status == PL_E_BUSY)
      pl_pool_tell(pool, (struct pl_pool_call){.verb = PL_POOL_COMMIT, .status = status, .number = plan->number});
  }
  free(t.made);
  free(t.gone);
  return status;
}

/* Each time that it is beaten somebody else has got something, so that all of them together always get on; a limit all the same. */
enum pl_status pl_pool_place(struct pl_pool *pool, const struct pl_request *requests, size_t count, struct pl_plan **plan, struct pl_why *why, struct pl_err *err)
{
  enum { TRIES = 1000 };
  enum pl_status status = PL_E_BUSY;
  for (int i = 0; i < TRIES && status == PL_E_BUSY; i++) {
    struct pl_plan *made = NULL;
    status = pl_pool_plan(pool, requests, count, &made, why, err);
    if (!status)
      status = pl_pool_commit(pool, made, err);
    if (status)
      pl_plan_free(made);
    else if (plan)
      *plan = made;
    else
      pl_plan_free(made);
  }
  return status;
}

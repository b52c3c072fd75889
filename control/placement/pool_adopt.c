/* SPDX-License-Identifier: Apache-2.0 */
/* What is known from elsewhere: allocations that stand already, words of features. */
#include "control/placement/pool_in.h"

static enum pl_status adopt(struct pl_pool *pool, const struct pl_request *request, unsigned replica, const char *node, struct pl_err *err)
{
  char id[256];
  const struct name *where = pool_name_find(&pool->names, node), *there;
  pool_alloc_id(request->id, replica, id, sizeof id);
  there = pool_name_find(&pool->names, id);
  if (!where || !where->node)
    return pl_fail(err, PL_E_USAGE, "pool: there is no node \"%s\" for %s", node, id);
  if (there && there->alloc)
    return pl_fail(err, PL_E_USAGE, "pool: there is an allocation \"%s\" already", id);
  struct ask *ask = pool_ask_new(request);
  struct alloc *alloc = ask ? pool_alloc_new(pool, ask, replica) : NULL;
  pool_ask_drop(ask);
  if (!alloc)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the allocation of %s", id);
  pool_attach(pool, alloc, where->node);
  pool->version++;
  return PL_OK;
}

enum pl_status pl_pool_adopt(struct pl_pool *pool, const struct pl_request *request, unsigned replica, const char *node, struct pl_err *err)
{
  pthread_rwlock_wrlock(&pool->lock);
  enum pl_status status = adopt(pool, request, replica, node, err);
  pthread_rwlock_unlock(&pool->lock);
  if (!status)
    pl_pool_tell(pool, (struct pl_pool_call){.verb = PL_POOL_ADOPT, .requests = request, .replica = replica, .id = node});
  return status;
}

const char *pl_pool_feature_word(const struct pl_pool *pool, unsigned bit)
{
  return bit < 64 ? pool->features[bit] : NULL; /* a word stays once it is given */
}

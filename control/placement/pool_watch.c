/* SPDX-License-Identifier: Apache-2.0 */
#include "control/placement/pool_watch.h"

#include "control/placement/pool_in.h"

void pl_pool_watch(struct pl_pool *pool, struct pl_pool_watcher *watcher)
{
  pool->watcher = watcher;
}

void pl_pool_tell(const struct pl_pool *pool, struct pl_pool_call call)
{
  if (!pool->watcher)
    return;
  call.pool = pool->number;
  pool->watcher->told(pool->watcher->ctx, &call);
}

void pool_watch_copy(const struct pl_pool *pool, struct pl_pool *copy)
{
  if (!pool->watcher)
    return;
  copy->number = ++pool->watcher->copies;
  pl_pool_tell(pool, (struct pl_pool_call){.verb = PL_POOL_COPY, .number = copy->number});
  copy->watcher = pool->watcher;
}

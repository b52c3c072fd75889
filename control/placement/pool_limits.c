/* SPDX-License-Identifier: Apache-2.0 */
#include "control/placement/pool_in.h"

void pl_pool_each_limit(const struct pl_pool *pool, void (*fn)(void *ctx, enum pl_domain domain, const char *id, const struct pl_amounts *limit), void *ctx)
{
  pthread_rwlock_t *lock = (pthread_rwlock_t *)&pool->lock;
  pthread_rwlock_rdlock(lock);
  for (size_t i = 0; i < pool->n_domains; i++) {
    const struct domain *d = pool->domains[i];
    struct pl_amounts limit = d->limit;
    for (int dim = 0; dim < DIMS; dim++)
      limit.of[dim] = limit.of[dim] == INT64_MAX ? -1 : limit.of[dim];
    if (d->limited)
      fn(ctx, d->kind, d->name->word, &limit);
  }
  pthread_rwlock_unlock(lock);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Moves in the pool: one, or those that can only go together. */
#include "control/placement/pool_in.h"

#include <stdlib.h>
#include <string.h>

/* Those that are to be with it, and would be left alone there. NULL: nobody. a is nowhere now. */
const struct alloc *pool_left_alone(const struct alloc *a, const struct node *from, const struct node *to)
{
  for (int i = 0; i < 3; i++) {
    const struct name *name = i < 2 ? a->ties[i].name : a->name;
    for (const struct tie *t = name ? name->with_by : NULL; t; t = t->next) {
      enum pl_domain in = t->alloc->ask->request.with_in;
      uint64_t home = pool_domain_key(t->alloc->node, in);
      if (t->alloc->node->state == PL_NODE_GONE || home != pool_domain_key(from, in) || home == pool_domain_key(to, in))
        continue;
      bool company = name->alloc && name->alloc != t->alloc && pool_domain_key(name->alloc->node, in) == home;
      for (const struct tie *m = name->members; m && !company; m = m->next)
        company = m->alloc != t->alloc && pool_domain_key(m->alloc->node, in) == home;
      if (!company)
        return t->alloc;
    }
  }
  return NULL;
}

static enum pl_status may_move(const struct rules *rules, const struct alloc *a, const struct node *from, const struct node *to, struct pl_err *err)
{
  const char *id = a->name->word, *where = to->name->word;
  const struct domain *limit;
  const struct alloc *alone;
  switch (pool_ruled(rules, to, &limit)) {
  case RULED_CLOSED: return pl_fail(err, PL_E_RANGE, "pool: %s cannot go to %s: that takes no work (%s)", id, where, to->state == PL_NODE_GONE ? "gone" : "closed");
  case RULED_FEATURE: return pl_fail(err, PL_E_RANGE, "pool: %s cannot go to %s: that lacks a feature that it needs", id, where);
  case RULED_SMALL: return pool_short_of(err, id, to, &rules->need);
  case RULED_AFFINITY:
    return pl_fail(err, PL_E_RANGE, "pool: %s cannot go to %s: its affinity, anti-affinity or redundancy, or another's anti-affinity, forbids it", id, where);
  case RULED_LIMIT: return pool_over_limit(err, id, limit, &rules->need);
  case RULED_NOT:
    if ((alone = pool_left_alone(a, from, to)))
      return pl_fail(err, PL_E_RANGE, "pool: %s cannot go to %s: %s is to be in one %s with it", id, where, alone->name->word,
                     pl_domain_name(alone->ask->request.with_in));
    return PL_OK;
  }
  return PL_OK;
}

struct leaver {
  struct alloc *alloc;
  struct node *from, *to;
};

static enum pl_status find_one(const struct pl_pool *pool, const struct pl_shift *shift, const struct leaver *before, size_t n_before, struct leaver *leaver,
                               struct pl_err *err)
{
  const struct name *name = pool_name_find(&pool->names, shift->to);
  struct alloc *a = pool_alloc_find(pool, shift->id);
  if (!a)
    return pool_no_alloc(err, shift->id);
  if (!name || !name->node)
    return pl_fail(err, PL_E_USAGE, "pool: there is no node \"%s\" to move %s to", shift->to, shift->id);
  if (a->ask->request.stay && a->node != name->node && a->node->state != PL_NODE_GONE)
    return pl_fail(err, PL_E_RANGE, "pool: %s is to stay on %s: it was asked for so", shift->id, a->node->name->word);
  for (size_t i = 0; i < n_before; i++)
    if (before[i].alloc == a)
      return pl_fail(err, PL_E_USAGE, "pool: %s is to move twice at once", shift->id);
  *leaver = (struct leaver){a, a->node, name->node};
  return PL_OK;
}

static void shift_all(struct pl_pool *pool, const struct leaver *leavers, size_t count, bool back)
{
  for (size_t i = 0; i < count; i++)
    pool_detach(pool, leavers[i].alloc);
  for (size_t i = 0; i < count; i++)
    pool_attach(pool, leavers[i].alloc, back ? leavers[i].from : leavers[i].to);
}

/* As everything stands when all of them have moved. */
static enum pl_status judge(struct pl_pool *pool, const struct leaver *leaver, struct pl_err *err)
{
  struct alloc *a = leaver->alloc;
  struct rules rules;
  if (leaver->from == leaver->to)
    return PL_OK;
  pool_detach(pool, a);
  enum pl_status status = PL_OK;
  if (!pool_rules_make(pool, &a->ask->request, &a->need, a->name->word, &rules)) {
    status = pl_fail(err, PL_E_NOMEM, "out of memory for the move of %s", a->name->word);
  } else {
    status = may_move(&rules, a, leaver->from, leaver->to, err);
    pool_rules_end(&rules);
  }
  pool_attach(pool, a, leaver->to);
  return status;
}

static enum pl_status move_all(struct pl_pool *pool, const struct pl_shift *shifts, size_t count, struct leaver *leavers, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  bool any = false;
  for (size_t i = 0; i < count && !status; i++) {
    status = find_one(pool, &shifts[i], leavers, i, &leavers[i], err);
    any = any || leavers[i].from != leavers[i].to;
  }
  if (status || !any)
    return status;
  shift_all(pool, leavers, count, false);
  for (size_t i = 0; i < count && !status; i++)
    status = judge(pool, &leavers[i], err);
  if (status)
    shift_all(pool, leavers, count, true);
  else
    pool->version++;
  return status;
}

enum pl_status pl_pool_move_all(struct pl_pool *pool, const struct pl_shift *shifts, size_t count, struct pl_err *err)
{
  struct leaver *leavers = calloc(count + 1, sizeof *leavers);
  if (!leavers)
    return pl_fail(err, PL_E_NOMEM, "out of memory for %zu moves", count);
  pthread_rwlock_wrlock(&pool->lock);
  enum pl_status status = move_all(pool, shifts, count, leavers, err);
  pthread_rwlock_unlock(&pool->lock);
  if (!status || status == PL_E_RANGE)
    pl_pool_tell(pool, (struct pl_pool_call){.verb = PL_POOL_MOVE, .status = status, .shifts = shifts, .count = count});
  free(leavers);
  return status;
}

enum pl_status pl_pool_move(struct pl_pool *pool, const char *id, const char *to, struct pl_err *err)
{
  return pl_pool_move_all(pool, &(const struct pl_shift){id, to}, 1, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_POOL_WATCH_H
#define PL_CONTROL_POOL_WATCH_H

#include "control/placement/moves.h"

/*
 * What a pool was told and what it answered, as plain values and in their order: whoever makes the same calls to a pool of the same beginning gets the same
 * answers. Whoever is told neither looks at the pool nor changes it meanwhile; one that is watched is used by one thread. Its copies are watched as well.
 */
enum pl_pool_verb { /* what changes nothing (a release of what is not there, a request that cannot be) is not told */
  PL_POOL_FEATURE,  /* id: the word */
  PL_POOL_NODE,     /* node */
  PL_POOL_GONE,     /* id: of a node that is removed */
  PL_POOL_LIMIT,    /* domain, id, amounts */
  PL_POOL_FORECAST, /* id: the node's, amounts */
  PL_POOL_ADOPT,    /* requests (one), replica, id: the node */
  PL_POOL_RELEASE,  /* id */
  PL_POOL_RESIZE,   /* id, amounts, status: OK or E_RANGE */
  PL_POOL_MOVE,     /* shifts, count, status: OK or E_RANGE */
  PL_POOL_PLAN,     /* requests, count, status: OK (plan, number) or E_RANGE (why, where it was asked for) */
  PL_POOL_COMMIT,   /* number: the plan's; status: OK or E_BUSY */
  PL_POOL_MOVES,    /* goal, moves */
  PL_POOL_TOGETHER, /* shifts (one; its `to` may be NULL: anywhere else), status: OK (moves) or E_RANGE */
  PL_POOL_REUNITE,  /* status: OK (moves) or E_RANGE */
  PL_POOL_COPY,     /* number: what the copy is called as `pool` */
  PL_POOL_END,      /* of a copy */
  PL_POOL_VERBS
};

struct pl_pool_call {
  enum pl_pool_verb verb;
  enum pl_status status;
  uint64_t pool, number; /* pool: 0, or a copy's number */
  const char *id;
  enum pl_domain domain;
  const struct pl_amounts *amounts;
  const struct pl_node_desc *node;
  const struct pl_request *requests;
  const struct pl_shift *shifts;
  size_t count; /* of requests or shifts */
  unsigned replica;
  const struct pl_plan *plan;
  const struct pl_why *why;
  const struct pl_goal_desc *goal;
  const struct pl_moves *moves;
};

struct pl_pool_watcher { /* caller-owned, outlives the pool and its copies; numbers begin again where it sets them to 0 */
  void (*told)(void *ctx, const struct pl_pool_call *call);
  void *ctx;
  uint64_t plans, copies; /* how many there were */
};
void pl_pool_watch(struct pl_pool *pool, struct pl_pool_watcher *watcher); /* NULL: nobody any more */
void pl_pool_tell(const struct pl_pool *pool, struct pl_pool_call call);   /* for moves.c: fills in the pool */

#endif

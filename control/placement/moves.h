/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_MOVES_H
#define PL_CONTROL_MOVES_H

#include "control/placement/pool.h"

/*
 * What to move where, and in which order: the fewest and smallest moves that reach the goal, none of which breaks capacity or redundancy on the way (both ends
 * of a move are held while it lasts). Pure: reads the pool, tries on copies of it, changes nothing.
 */
enum pl_goal {
  PL_GOAL_EVACUATE,    /* everything off some nodes: maintenance, a hot-swap, a leak above them, a node that fails */
  PL_GOAL_RELIEVE,     /* nodes whose use or forecast stands above `high` down to below `settle` */
  PL_GOAL_CONSOLIDATE, /* nodes below `low` emptied, so that whole modules can sleep, as long as `spare` of them could be lost */
  PL_GOAL_REPAIR       /* allocations on nodes that are gone: anew, the highest priority first, as many as fit */
};

struct pl_goal_desc {
  enum pl_goal goal;
  const char *const *nodes; /* EVACUATE; others: of interest, NULL: all */
  size_t n_nodes;
  double high, low, settle; /* shares of capacity, of the dimension that is fullest: 0.85, 0.3, 0.75; hysteresis lies between high and settle */
  enum pl_domain sleep_in;  /* CONSOLIDATE: whole ones of these */
  unsigned spare;           /* CONSOLIDATE: what is left awake takes the loss of as many of these: 1 is N+1 */
  size_t most;              /* moves, or one group; 0: any number */
};

struct pl_move {
  const char *id, *from, *to; /* an allocation, two nodes */
  double cost;                /* what has to be copied, MiB: memory and storage */
  size_t after;               /* index + 1 of the move that must be over before this one begins; 0: it may begin at once */
  /* Those of one number, which stand beside each other, are tied (`with`) and go together: they begin together, all or none (pl_pool_move_all), each holds its
   * source until all are over, and what waits for one of them waits for all. 0: it goes alone. */
  size_t group;
};
struct pl_moves { /* caller frees with pl_moves_end */
  struct pl_move *moves;
  size_t count;
  const char **stranded; /* allocations that fit nowhere, by priority */
  size_t n_stranded;
  const char **sleep;    /* CONSOLIDATE: nodes that are empty after it */
  size_t n_sleep;
  char why[512];         /* why these; or why none, why not more */
  void *owned;
};
/* PL_OK also where nothing has to move or not all can: count, stranded and why tell. */
enum pl_status pl_moves_plan(const struct pl_pool *pool, const struct pl_goal_desc *goal, struct pl_moves *moves, struct pl_err *err);
/* One allocation to that node (NULL: the best other one) with those that are tied to it and have to go with it. PL_E_RANGE: they do not fit there together. */
enum pl_status pl_moves_together(const struct pl_pool *pool, const char *id, const char *to, struct pl_moves *moves, struct pl_err *err);
/* The moves that bring one together with those whom it is to be with (`with`) and was parted from: by a loss, or a group that could not go back. None: count 0. */
enum pl_status pl_moves_reunite(const struct pl_pool *pool, struct pl_moves *moves, struct pl_err *err);
void pl_moves_end(struct pl_moves *moves);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Until the planner of moves is here: it finds none. Goes with it. */
#include "control/placement/moves.h"

__attribute__((weak)) enum pl_status pl_moves_plan(const struct pl_pool *pool, const struct pl_goal_desc *goal, struct pl_moves *moves, struct pl_err *err)
{
  (void)pool;
  (void)goal;
  *moves = (struct pl_moves){0};
  return pl_fail(err, PL_E_UNSUPPORTED, "moves are not planned yet");
}

__attribute__((weak)) void pl_moves_end(struct pl_moves *moves)
{
  (void)moves;
}

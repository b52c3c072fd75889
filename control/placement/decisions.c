/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of decisions: in the store, and from there. */
#include "control/placement/placement_in.h"

void pl_decide(struct pl_placement *all, const char *what, const char *id, const char *node, const char *author, const char *detail, const char *text, ...)
{
  char sentence[PL_SENTENCE_MAX + 256];
  va_list args;
  va_start(args, text);
  vsnprintf(sentence, sizeof sentence, text, args);
  va_end(args);
  if (all->stack->dead)
    return;
  /* One that cannot be written changes nothing of what was decided: the workload's own row is what counts. */
  (void)pl_store_decide(all->stack->store, &(const struct pl_store_decision){.wall_ns = pl_room_wall(all), .what = what, .id_of = id, .node = node, .author = author,
                                                                             .text = sentence, .detail = detail ? detail : ""}, NULL);
}

struct passing {
  void (*fn)(void *ctx, const struct pl_decision *decision);
  void *ctx;
};

static void pass(void *ctx, const struct pl_store_decision *row)
{
  const struct passing *passing = ctx;
  passing->fn(passing->ctx, &(const struct pl_decision){.id = row->id, .wall_ns = row->wall_ns, .what = row->what, .id_of = row->id_of, .node = row->node,
                                                        .author = row->author, .text = row->text, .detail = row->detail});
}

void pl_placement_decisions(struct pl_placement *placement, int64_t after, size_t most, void (*fn)(void *ctx, const struct pl_decision *decision), void *ctx)
{
  struct passing passing = {fn, ctx};
  (void)pl_store_decisions(placement->stack->store, after, most, pass, &passing, NULL);
}

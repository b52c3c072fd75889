/* SPDX-License-Identifier: Apache-2.0 */
/* The log of decisions, in the store and from there; and beside it the journal from which they can be taken again. */
#include "control/placement/placement_in.h"

static void decide(struct pl_placement *all, struct pl_store_decision *row)
{
  if (all->stack->dead)
    return;
  /* One that cannot be written changes nothing of what was decided: the workload's own row is what counts. */
  if (!pl_store_decide(all->stack->store, row, NULL) && all->recorder)
    pl_recorder_decide(all->recorder, &(const struct pl_decision){.id = row->id, .wall_ns = row->wall_ns, .what = row->what, .id_of = row->id_of, .node = row->node,
                                                                  .author = row->author, .text = row->text, .detail = row->detail});
}

void pl_decide(struct pl_placement *all, const char *what, const char *id, const char *node, const char *author, const char *detail, const char *text, ...)
{
  char sentence[PL_SENTENCE_MAX + 256];
  va_list args;
  va_start(args, text);
  vsnprintf(sentence, sizeof sentence, text, args);
  va_end(args);
  decide(all, &(struct pl_store_decision){.wall_ns = pl_room_wall(all), .what = what, .id_of = id, .node = node, .author = author, .text = sentence,
                                          .detail = detail ? detail : ""});
}

void pl_decisions_round(struct pl_placement *all)
{
  struct pl_err err = {0};
  if (all->recorder && !all->stack->dead && pl_recorder_round(all->recorder, all->pool, pl_room_wall(all), &err))
    pl_decide(all, "unrecorded", "", "", "placement", NULL, "%s", err.text);
}

/* Without it the stack works as ever, and says that its decisions cannot be taken again. */
void pl_decisions_new(struct pl_placement *all, const struct pl_pool_policy *policy)
{
  int64_t keep = (int64_t)(all->stack->settings.decisions_MiB * 1024 * 1024);
  struct pl_err why = {0};
  if (!all->stack->decisions || keep <= 0)
    return;
  if (pl_recorder_new(all->stack->decisions, keep, policy, pl_room_wall(all), &all->recorder, &why))
    pl_decide(all, "unrecorded", "", "", "placement", NULL, "%s. What is decided cannot be decided again", why.text);
  else
    pl_pool_watch(all->pool, pl_recorder_watcher(all->recorder));
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

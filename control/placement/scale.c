/* SPDX-License-Identifier: Apache-2.0 */
/* A workload gets more, or less; there are more of it, or fewer. */
#include "control/placement/placement_in.h"

static enum pl_status grow_elsewhere(struct pl_placement *all, struct pl_work *work, const struct pl_amounts *need, const char *author, const char *here,
                                     struct pl_err *err)
{
  struct pl_request request = work->w.request;
  struct pl_err why = {0};
  char to[64] = "";
  request.need = *need;
  if (request.stay || !pl_find_place(all, work, &request, true, to, &why))
    return pl_fail(err, PL_E_RANGE, "%s cannot grow: %s%s%s", work->w.id, here, request.stay ? "; and it is to stay" : "; elsewhere: ", why.text);
  enum pl_status status = pl_transfer_begin(all, work, to, author, NULL, err);
  if (!status)
    work->grow = *need;
  return status ? status : pl_work_keep(all, work, err);
}

static enum pl_status vertical(struct pl_placement *all, struct pl_work *work, const struct pl_amounts *need, const char *author, struct pl_err *err)
{
  struct pl_request request = work->w.request;
  struct pl_err why = {0};
  if (work->party) /* it may have to go back, to what is held for it there */
    return pl_fail(err, PL_E_BUSY, "%s moves together with others that are tied to it, and they are still on their way. Scale it when that is over", work->w.id);
  request.need = *need;
  if (work->w.request.need.of[PL_DIMENSION_CORES] != need->of[PL_DIMENSION_CORES] && work->w.request.need.of[PL_DIMENSION_POWER] == need->of[PL_DIMENSION_POWER])
    request.need.of[PL_DIMENSION_POWER] = request.need.of[PL_DIMENSION_HEAT] = 0; /* by its cores, anew */
  pl_request_fill(all, &(const struct pl_order){.application = work->w.application}, &request);
  enum pl_status status = pl_pool_resize(all->pool, work->w.id, &request.need, &why);
  if (status == PL_E_RANGE)
    return grow_elsewhere(all, work, &request.need, author, why.text, err);
  if (status)
    return pl_fail(err, status, "%s", why.text);
  work->w.request.need = request.need;
  pl_decide(all, "scale", work->w.id, work->w.node, author, NULL, "%s gets %.3g cores and %lld MiB on %s", work->w.id,
            (double)request.need.of[PL_DIMENSION_CORES] / 1000, (long long)request.need.of[PL_DIMENSION_MEMORY], work->w.node);
  status = pl_work_keep(all, work, err);
  pl_work_changed(all, work);
  if (pl_host_find(all, work->w.node))
    pl_host_hurry(pl_host_find(all, work->w.node));
  return status;
}

/* --- more of them --- */

static unsigned count_of(const struct pl_placement *all, const char *id)
{
  unsigned count = 0;
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work))
    count += !strcmp(work->w.request.id, id) && work->w.state != PL_WORKLOAD_STOPPING;
  return count;
}

/* Those from the one after the last. */
static enum pl_status more(struct pl_placement *all, struct pl_work *like, unsigned replicas, unsigned first, const char *author, struct pl_err *err)
{
  struct pl_request request = like->w.request;
  struct pl_order order = {.requests = &request, .images = &like->w.image, .data_MiB = &like->w.data_MiB, .count = 1, .application = like->w.application,
                           .author = author, .kind = PL_ORDER_APPLY};
  struct pl_plan *plan = NULL;
  struct pl_why why = {0};
  request.replicas = replicas;
  request.first = first;
  enum pl_status status = pl_pool_plan(all->pool, &request, 1, &plan, &why, err);
  if (!status)
    status = pl_order_settle(all, &order, plan, NULL, PL_NEVER, like->order, err);
  pl_plan_free(plan);
  return status;
}

static enum pl_status one_less(struct pl_placement *all, const char *base, const char *author, struct pl_err *err)
{
  struct pl_work *last = NULL;
  for (struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (!strcmp(work->w.request.id, base) && work->w.state != PL_WORKLOAD_STOPPING && (!last || work->replica > last->replica))
      last = work;
  return last ? pl_placement_stop(all, &last->w, author, err) : PL_OK;
}

/* The rows of all of them say how many there are now. */
static enum pl_status tell_count(struct pl_placement *all, const char *base, unsigned replicas, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (!strcmp(work->w.request.id, base)) {
      work->w.request.replicas = replicas;
      status = status ? status : pl_work_keep(all, work, err);
      pl_work_changed(all, work);
    }
  return status;
}

/* How many run where so many do the work. */
static unsigned with_spares(const struct pl_request *request, unsigned replicas)
{
  return request->redundancy == PL_REDUNDANCY_2N ? 2 * replicas : replicas;
}

static enum pl_status horizontal(struct pl_placement *all, struct pl_work *work, unsigned replicas, const char *author, struct pl_err *err)
{
  char base[64];
  unsigned before = work->w.request.replicas ? work->w.request.replicas : 1, count = count_of(all, work->w.request.id);
  unsigned target = count + with_spares(&work->w.request, replicas) - with_spares(&work->w.request, before);
  enum pl_status status = PL_OK;
  snprintf(base, sizeof base, "%s", work->w.request.id);
  if (replicas == before)
    return PL_OK;
  if (replicas > before)
    status = more(all, work, replicas, count + 1, author, err);
  for (; count > target && !status; count--)
    status = one_less(all, base, author, err);
  return status ? status : tell_count(all, base, replicas, err);
}

enum pl_status pl_placement_scale(struct pl_placement *placement, struct pl_workload *workload, const struct pl_amounts *need, unsigned replicas, const char *author,
                                  struct pl_err *err)
{
  struct pl_work *work = pl_work_of(workload);
  if (workload->state != PL_WORKLOAD_RUNNING && workload->state != PL_WORKLOAD_STARTING)
    return pl_fail(err, PL_E_BUSY, "%s is %s, and can be scaled when it is Running", workload->id, pl_workload_state_name(workload->state));
  if (replicas > 64)
    return pl_fail(err, PL_E_USAGE, "%s: %u replicas, expected at most 64", workload->id, replicas);
  enum pl_status status = need ? vertical(placement, work, need, author, err) : PL_OK;
  if (!status && replicas)
    status = horizontal(placement, work, replicas, author, err);
  pl_room_poke(placement);
  return status;
}

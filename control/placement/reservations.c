/* SPDX-License-Identifier: Apache-2.0 */
/* Places that are kept for somebody until a time. */
#include "control/placement/placement_in.h"

struct pl_reservation *pl_placement_reservations(const struct pl_placement *placement)
{
  return placement ? placement->reservations : NULL;
}

static struct pl_work *first_of(const struct pl_placement *all, const char *id)
{
  struct pl_work *work = all->first;
  while (work && strcmp(work->w.reservation, id) != 0)
    work = pl_work_next(work);
  return work;
}

/* Once it holds nothing any more; else it begins with what it still holds. */
void pl_reservation_forget(struct pl_placement *all, const char *id)
{
  struct pl_work *first = first_of(all, id);
  for (struct pl_reservation **link = &all->reservations; *link; link = &(*link)->next) {
    struct pl_reservation *found = *link;
    if (strcmp(found->id, id) != 0)
      continue;
    found->first = first ? &first->w : NULL;
    if (first)
      return;
    *link = found->next;
    (void)pl_store_put(all->stack->store, "reservation", id, NULL, NULL); /* lost, it stands there for nothing: see take */
    free(found);
    return;
  }
}

static void give_back(struct pl_placement *all, const char *reservation, const char *what, const char *author)
{
  char id[37];
  snprintf(id, sizeof id, "%s", reservation);
  for (struct pl_work *work; (work = first_of(all, id));) {
    pl_decide(all, what, work->w.id, work->w.node, author, NULL, "%s: its place on %s is free again", work->w.id, work->w.node);
    pl_work_remove(all, work);
  }
  pl_reservation_forget(all, id);
  pl_room_poke(all);
}

static enum pl_status unkeep(struct pl_placement *all, const char *id, struct pl_err *err)
{
  enum pl_status status = pl_store_begin(all->stack->store, err);
  if (status)
    return status;
  for (const struct pl_work *work = all->first; work && !status; work = pl_work_next(work))
    if (!strcmp(work->w.reservation, id))
      status = pl_work_unkeep(all, work, err);
  if (!status)
    status = pl_store_put(all->stack->store, "reservation", id, NULL, err);
  enum pl_status committed = pl_store_commit(all->stack->store, status ? NULL : err);
  return status ? status : committed;
}

enum pl_status pl_placement_cancel_reservation(struct pl_placement *placement, const char *reservation, struct pl_err *err)
{
  if (!first_of(placement, reservation))
    return pl_fail(err, PL_E_USAGE, "there is no reservation '%s': it has expired, or was given back or applied", reservation);
  enum pl_status status = unkeep(placement, reservation, err);
  if (!status)
    give_back(placement, reservation, "stop", "client");
  return status;
}

/* Or it lost its place, and waits for another one to be held. */
static bool is_reserved(const struct pl_work *work)
{
  return work->w.state == PL_WORKLOAD_RESERVED || (work->w.state == PL_WORKLOAD_QUEUED && work->w.reservation[0]);
}

pl_time_ns pl_reservations_due(const struct pl_placement *all)
{
  pl_time_ns due = PL_NEVER;
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (is_reserved(work) && work->w.expires < due)
      due = work->w.expires;
  return due;
}

/* Where the store keeps one it expires once more after a restart. */
void pl_reservations_expire(struct pl_placement *all)
{
  for (struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (is_reserved(work) && work->w.expires <= pl_room_now(all)) {
      give_back(all, work->w.reservation, "expire", "placement");
      work = all->first; /* the list is another one now */
      if (!work)
        return;
    }
}


static void take(void *ctx, const char *key, const char *value)
{
  struct pl_placement *all = ctx;
  struct pl_work *first = first_of(all, key);
  struct pl_reservation *made = first ? calloc(1, sizeof *made) : NULL;
  if (!made)
    return;
  *made = (struct pl_reservation){.first = &first->w, .made_wall_ns = first->asked_wall_ns,
                                  .expires_wall_ns = pl_clock_wall_ns(all->stack->clock, first->w.expires), .next = all->reservations};
  snprintf(made->id, sizeof made->id, "%s", key);
  snprintf(made->client, sizeof made->client, "%s", value);
  all->reservations = made;
}

void pl_reservations_read(struct pl_placement *all)
{
  (void)pl_store_each(all->stack->store, "reservation", take, all, NULL);
}

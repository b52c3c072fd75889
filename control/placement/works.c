/* SPDX-License-Identifier: Apache-2.0 */
/* The list of workloads, by id, and their states. */
#include "control/placement/placement_in.h"

const char *pl_workload_state_name(enum pl_workload_state state)
{
  static const char *const NAMES[] = {[PL_WORKLOAD_QUEUED] = "Queued",   [PL_WORKLOAD_RESERVED] = "Reserved", [PL_WORKLOAD_STARTING] = "Starting",
                                      [PL_WORKLOAD_RUNNING] = "Running", [PL_WORKLOAD_MOVING] = "Moving",     [PL_WORKLOAD_STOPPING] = "Stopping",
                                      [PL_WORKLOAD_LOST] = "Lost"};
  return NAMES[state];
}

/* --- requests --- */

#define REQUEST_STRINGS (4 + 2 * PL_REQUEST_NAMES_MAX)

static void strings_of(struct pl_request *request, const char **strings[REQUEST_STRINGS])
{
  size_t n = 0;
  strings[n++] = &request->id;
  strings[n++] = &request->group;
  strings[n++] = &request->node;
  strings[n++] = &request->not_node;
  for (size_t i = 0; i < PL_REQUEST_NAMES_MAX; i++) {
    strings[n++] = &request->with[i];
    strings[n++] = &request->apart[i];
  }
}

enum pl_status pl_request_copy(struct pl_request *copy, const struct pl_request *request, struct pl_err *err)
{
  const char **strings[REQUEST_STRINGS];
  bool nomem = false;
  *copy = *request;
  strings_of(copy, strings);
  for (size_t i = 0; i < REQUEST_STRINGS; i++)
    if (*strings[i]) {
      *strings[i] = strdup(*strings[i]);
      nomem = nomem || !*strings[i];
    }
  if (!nomem)
    return PL_OK;
  pl_request_free(copy);
  return pl_fail(err, PL_E_NOMEM, "out of memory for a workload");
}

void pl_request_free(struct pl_request *request)
{
  const char **strings[REQUEST_STRINGS];
  strings_of(request, strings);
  for (size_t i = 0; i < REQUEST_STRINGS; i++) {
    free((void *)*strings[i]);
    *strings[i] = NULL;
  }
}

/* --- the list --- */

struct pl_work *pl_work_new(struct pl_placement *all, const struct pl_request *request, const char *id, unsigned replica, struct pl_err *err)
{
  struct pl_work *work = calloc(1, sizeof *work);
  if (!work || pl_request_copy(&work->w.request, request, err)) {
    free(work);
    pl_fail(err, PL_E_NOMEM, "out of memory for workload '%s'", id);
    return NULL;
  }
  snprintf(work->w.id, sizeof work->w.id, "%s", id);
  snprintf(work->w.application, sizeof work->w.application, "%s", request->group ? request->group : "");
  work->replica = replica;
  work->w.since = pl_room_now(all);
  work->w.expires = PL_NEVER;
  return work;
}

void pl_work_free(struct pl_work *work)
{
  if (!work)
    return;
  pl_request_free(&work->w.request);
  pl_profile_free(work->cores);
  pl_profile_free(work->memory);
  free(work);
}

void pl_work_list(struct pl_placement *all, struct pl_work *work)
{
  struct pl_work *before = NULL;
  for (struct pl_work *each = all->first; each && strcmp(each->w.id, work->w.id) < 0; each = pl_work_next(each))
    before = each;
  work->w.next = before ? before->w.next : all->first ? &all->first->w : NULL;
  if (before)
    before->w.next = &work->w;
  else
    all->first = work;
}

enum pl_status pl_work_unkeep(struct pl_placement *all, const struct pl_work *work, struct pl_err *err)
{
  return pl_store_put(all->stack->store, "workload", work->w.id, NULL, err);
}

void pl_work_remove(struct pl_placement *all, struct pl_work *work)
{
  struct pl_work *before = NULL;
  (void)pl_pool_release(all->pool, work->w.id, NULL); /* one that waits has nothing there */
  pl_transfer_unhold(all, work);
  (void)pl_work_unkeep(all, work, NULL); /* lost, it is looked for after a restart, is nowhere, and ends once more; for a client it was done before */
  pl_use_forget(all, work);
  for (struct pl_work *each = all->first; each != work; each = pl_work_next(each))
    before = each;
  if (before)
    before->w.next = work->w.next;
  else
    all->first = pl_work_next(work);
  work->w.node[0] = work->w.target[0] = '\0';
  work->away = true;
  if (work->w.reservation[0])
    pl_reservation_forget(all, work->w.reservation);
  pl_work_changed(all, work);
  pl_work_free(work);
  pl_retire_poke(all);
}

struct pl_work *pl_work_find(const struct pl_placement *all, const char *id)
{
  for (struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (!strcmp(work->w.id, id))
      return work;
  return NULL;
}

struct pl_work *pl_work_by_handle(const struct pl_placement *all, uint32_t handle)
{
  for (struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (work->w.handle == handle)
      return work;
  return NULL;
}

struct pl_workload *pl_placement_first(const struct pl_placement *placement)
{
  return placement && placement->first ? &placement->first->w : NULL;
}

struct pl_workload *pl_placement_find(const struct pl_placement *placement, const char *id)
{
  struct pl_work *work = placement ? pl_work_find(placement, id) : NULL;
  return work ? &work->w : NULL;
}

/* --- states --- */

void pl_work_changed(struct pl_placement *all, struct pl_work *work)
{
  work->w.version++;
  for (struct pl_placement_listener *each = all->listeners; each; each = each->next)
    each->changed(each->ctx, &work->w);
}

static void set_state(const struct pl_placement *all, struct pl_work *work, enum pl_workload_state state)
{
  if (work->w.state != state)
    work->w.since = pl_room_now(all);
  work->w.state = state;
  if (state != PL_WORKLOAD_RUNNING && state != PL_WORKLOAD_MOVING)
    work->w.run.used_cores = work->w.run.used_memory_MiB = 0;
  if (state == PL_WORKLOAD_QUEUED || state == PL_WORKLOAD_RESERVED)
    work->w.run = work->kept;
}

void pl_work_state(struct pl_placement *all, struct pl_work *work, enum pl_workload_state state, const char *why, ...)
{
  if (why) {
    va_list args;
    va_start(args, why);
    vsnprintf(work->w.why, sizeof work->w.why, why, args);
    va_end(args);
  }
  set_state(all, work, state);
  (void)pl_work_keep(all, work, NULL); /* what is done for it is written before it is done; a state that is seen can be seen again */
  pl_work_changed(all, work);
}

enum pl_status pl_work_state_kept(struct pl_placement *all, struct pl_work *work, enum pl_workload_state state, const char *why, struct pl_err *err)
{
  const struct pl_work before = *work;
  snprintf(work->w.why, sizeof work->w.why, "%s", why);
  set_state(all, work, state);
  enum pl_status status = pl_work_keep(all, work, err);
  if (status)
    *work = before;
  else
    pl_work_changed(all, work);
  return status;
}

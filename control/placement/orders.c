/* SPDX-License-Identifier: Apache-2.0 */
/* What clients ask for: looked at, reserved, placed, stopped, scaled. In the store before an agent is told. */
#include "control/placement/placement_in.h"

#include <math.h>

#define TRIES 8          /* somebody else was quicker */
#define REQUESTS_MAX 256
#define REPLICAS_MAX 64

/* --- what a request leaves open --- */

/* By its share of the cores: the most that a node of this rack takes for one. */
static int64_t power_of(const struct pl_placement *all, int64_t cores_m)
{
  double most = 0;
  for (size_t i = 0; i < all->n_hosts; i++) {
    const struct pl_amounts *capacity = &all->hosts[i].desc.capacity;
    if (capacity->of[PL_DIMENSION_CORES])
      most = fmax(most, (double)capacity->of[PL_DIMENSION_POWER] / (double)capacity->of[PL_DIMENSION_CORES]);
  }
  return (int64_t)(most * (double)cores_m);
}

void pl_request_fill(const struct pl_placement *all, const struct pl_order *order, struct pl_request *request)
{
  struct pl_amounts *need = &request->need;
  if (!request->group && order->application && *order->application)
    request->group = order->application;
  if (!need->of[PL_DIMENSION_WORKLOADS])
    need->of[PL_DIMENSION_WORKLOADS] = 1;
  if (!need->of[PL_DIMENSION_POWER])
    need->of[PL_DIMENSION_POWER] = power_of(all, need->of[PL_DIMENSION_CORES]);
  if (!need->of[PL_DIMENSION_HEAT])
    need->of[PL_DIMENSION_HEAT] = need->of[PL_DIMENSION_POWER];
  if (PL_LIES(all->stack, REPLICAS_TOGETHER) && request->redundancy != PL_REDUNDANCY_NONE) {
    request->replicas = request->redundancy == PL_REDUNDANCY_2N ? 2 * (request->replicas ? request->replicas : 1) : (request->replicas ? request->replicas : 1) + 1;
    request->redundancy = PL_REDUNDANCY_NONE;
  }
  if (PL_LIES(all->stack, PRIORITY_IGNORED))
    request->priority = 0;
}

/* --- a plan becomes workloads --- */

static void place_row(struct pl_placement *all, struct pl_work *work, const struct pl_plan_row *row, const char *reservation, pl_time_ns expires)
{
  snprintf(work->w.node, sizeof work->w.node, "%s", row->node);
  snprintf(work->w.reservation, sizeof work->w.reservation, "%s", reservation ? reservation : "");
  work->w.score = row->score;
  work->w.state = reservation ? PL_WORKLOAD_RESERVED : PL_WORKLOAD_STARTING;
  work->w.expires = reservation ? expires : PL_NEVER;
  work->w.since = pl_room_now(all);
  work->placed_wall_ns = pl_room_wall(all);
  work->waited_ns = work->placed_wall_ns - work->asked_wall_ns;
  snprintf(work->w.why, sizeof work->w.why, "on %s with a score of %.3f%s%s", row->node, row->score, row->wakes ? ", which is woken for it" : "",
           pl_displaced_words(work));
  work->displaced = work->restored = false;
}

static unsigned replica_of(const struct pl_plan_row *row)
{
  const char *number = strrchr(row->id, '#');
  return number ? (unsigned)strtoul(number + 1, NULL, 10) : 1;
}

static struct pl_work *work_for(struct pl_placement *all, const struct pl_order *order, const struct pl_plan_row *row, unsigned replica, uint64_t number,
                                struct pl_err *err)
{
  struct pl_work *work = pl_work_find(all, row->id);
  if (work) /* it waited */
    return work;
  struct pl_request request = order->requests[row->request];
  request.first = 0;
  work = pl_work_new(all, &request, row->id, replica, err);
  if (!work)
    return NULL;
  work->w.image = order->images ? order->images[row->request] : 0;
  work->w.data_MiB = order->data_MiB ? order->data_MiB[row->request] : 0;
  work->order = number;
  work->asked_wall_ns = pl_room_wall(all);
  if (pl_work_handle(all, &work->w.handle, err)) {
    pl_work_free(work);
    return NULL;
  }
  return work;
}

static void tell_placed(struct pl_placement *all, const struct pl_order *order, const struct pl_plan *plan, const struct pl_plan_row *rows, size_t count,
                        const char *reservation)
{
  for (size_t i = 0; i < count; i++) {
    char *explanation = pl_plan_explain(plan, i);
    struct pl_host *host = pl_host_find(all, rows[i].node);
    struct pl_work *work = pl_work_find(all, rows[i].id);
    pl_decide(all, reservation ? "reserve" : "place", rows[i].id, rows[i].node, order->author, explanation, "%s goes to %s: the best of what fits, score %.3f%s",
              rows[i].id, rows[i].node, rows[i].score, rows[i].wakes ? "; the node is woken for it" : "");
    free(explanation);
    if (work)
      pl_work_changed(all, work);
    if (host && rows[i].wakes && !reservation)
      pl_host_wake(host, order->author);
    else if (host)
      pl_host_hurry(host);
  }
}

static void displace(struct pl_placement *all, const struct pl_plan *plan, const char *by)
{
  const char *const *ids;
  size_t count = pl_plan_evicts(plan, &ids);
  for (size_t i = 0; i < count; i++) {
    struct pl_work *work = pl_work_find(all, ids[i]);
    if (work)
      pl_work_displace(all, work, by);
  }
}

static bool evicts_one_that_moves(const struct pl_placement *all, const struct pl_plan *plan)
{
  const char *const *ids;
  size_t count = pl_plan_evicts(plan, &ids);
  for (size_t i = 0; i < count; i++) {
    const struct pl_work *work = pl_work_find(all, ids[i]);
    if (!work || work->w.state == PL_WORKLOAD_MOVING)
      return true;
  }
  return false;
}

static struct pl_reservation *reservation_of(const struct pl_placement *all, const char *id)
{
  struct pl_reservation *each = all->reservations;
  while (each && strcmp(each->id, id) != 0)
    each = each->next;
  return each;
}

/* All rows are in the store together, or none. */
static enum pl_status keep_rows(struct pl_placement *all, const struct pl_order *order, const struct pl_plan_row *rows, size_t count, const char *reservation,
                                pl_time_ns expires, uint64_t number, struct pl_work **works, struct pl_err *err)
{
  enum pl_status status = pl_store_begin(all->stack->store, err);
  if (status)
    return status;
  for (size_t i = 0; i < count && !status; i++) {
    works[i] = work_for(all, order, &rows[i], replica_of(&rows[i]), number, err);
    if (!works[i])
      status = PL_E_NOMEM;
    else
      place_row(all, works[i], &rows[i], reservation, expires);
    if (!status)
      status = pl_work_keep(all, works[i], err);
  }
  if (!status && reservation && !reservation_of(all, reservation)) /* a new one: who has it */
    status = pl_store_put(all->stack->store, "reservation", reservation, order->author, err);
  enum pl_status committed = pl_store_commit(all->stack->store, status ? NULL : err);
  return status ? status : committed;
}

static void take_back(struct pl_placement *all, const struct pl_plan_row *rows, size_t count, struct pl_work **works)
{
  for (size_t i = 0; i < count; i++) {
    (void)pl_pool_release(all->pool, rows[i].id, NULL);
    if (!works[i])
      continue;
    if (pl_work_find(all, rows[i].id)) {
      works[i]->w.state = PL_WORKLOAD_QUEUED;
      works[i]->w.node[0] = '\0';
    } else {
      pl_work_free(works[i]); /* it never was in the store, as none of them */
    }
  }
}

enum pl_status pl_order_settle(struct pl_placement *all, const struct pl_order *order, const struct pl_plan *plan, const char *reservation, pl_time_ns expires,
                               uint64_t number, struct pl_err *err)
{
  const struct pl_plan_row *rows;
  size_t count = pl_plan_rows(plan, &rows);
  struct pl_work **works = calloc(count + 1, sizeof(struct pl_work *));
  if (!works)
    return pl_fail(err, PL_E_NOMEM, "out of memory for %zu workloads", count);
  if (evicts_one_that_moves(all, plan)) {
    free(works);
    return pl_fail(err, PL_E_BUSY, "what would have to make room is being moved. Ask again when that is over");
  }
  enum pl_status status = pl_pool_commit(all->pool, plan, err);
  if (status) {
    free(works);
    return status;
  }
  displace(all, plan, rows[0].id);
  status = keep_rows(all, order, rows, count, reservation, expires, number, works, err);
  if (status)
    take_back(all, rows, count, works);
  for (size_t i = 0; i < count && !status; i++)
    if (!pl_work_find(all, rows[i].id))
      pl_work_list(all, works[i]);
  free(works);
  if (status)
    return status;
  tell_placed(all, order, plan, rows, count, reservation);
  if (reservation && PL_LIES(all->stack, RESERVATION_LOST))
    for (size_t i = 0; i < count; i++)
      (void)pl_pool_release(all->pool, rows[i].id, NULL);
  pl_room_poke(all);
  return PL_OK;
}

/* --- orders --- */

static enum pl_status refuse(struct pl_placement *all, const struct pl_order *order, const struct pl_why *why, struct pl_err *err)
{
  const char *id = why->id ? why->id : order->requests[0].id;
  if (order->kind != PL_ORDER_PREVIEW)
    pl_decide(all, "refuse", id, "", order->author, NULL, "%s", why->text);
  return pl_fail(err, PL_E_RANGE, "%s", why->text);
}

static enum pl_status wait_in_queue(struct pl_placement *all, const struct pl_order *order, const struct pl_why *why, struct pl_err *err)
{
  uint64_t number = all->orders + 1;
  enum pl_status status = pl_store_begin(all->stack->store, err);
  if (status)
    return status;
  for (size_t i = 0; i < order->count && !status; i++) {
    const struct pl_plan_row row = {.request = i, .id = order->requests[i].id};
    struct pl_work *work = work_for(all, order, &row, 1, number, err);
    if (!work) {
      status = PL_E_NOMEM;
      break;
    }
    work->w.state = PL_WORKLOAD_QUEUED;
    snprintf(work->w.why, sizeof work->w.why, "%.*s", (int)sizeof work->w.why - 1, why->text);
    status = pl_work_keep(all, work, err);
    pl_work_list(all, work);
  }
  enum pl_status committed = pl_store_commit(all->stack->store, status ? NULL : err);
  status = status ? status : committed;
  all->orders = number;
  for (struct pl_work *work = all->first, *next; work; work = next) {
    next = pl_work_next(work);
    if (work->order != number)
      continue;
    if (status)
      pl_work_remove(all, work);
    else
      pl_decide(all, "queue", work->w.id, "", order->author, NULL, "%s waits: %s", work->w.id, why->text);
    if (!status)
      pl_work_changed(all, work);
  }
  return status;
}

/* Somebody has waited so long that nobody of the same importance goes ahead. */
static bool must_wait(const struct pl_placement *all, const struct pl_order *order, struct pl_why *why)
{
  const struct pl_work *head = NULL;
  int highest = order->requests[0].priority;
  for (size_t i = 1; i < order->count; i++)
    highest = order->requests[i].priority > highest ? order->requests[i].priority : highest;
  if (!pl_queue_blocks(all, highest, &head))
    return false;
  why->id = order->requests[0].id;
  snprintf(why->text, sizeof why->text, "%s fits, but %s has waited for its turn too long to be passed. Ask with a higher priority, or to wait in the queue",
           order->requests[0].id, head->w.id);
  return true;
}

static enum pl_status place(struct pl_placement *all, const struct pl_order *order, struct pl_plan **plan, char *reservation, struct pl_why *why, struct pl_err *err)
{
  enum pl_status status = PL_E_BUSY;
  pl_time_ns span = order->reserve_ns ? order->reserve_ns : all->stack->settings.reserve_ns;
  for (int tries = 0; tries < TRIES && status == PL_E_BUSY; tries++) {
    pl_plan_free(*plan);
    *plan = NULL;
    status = pl_pool_plan(all->pool, order->requests, order->count, plan, why, err);
    if (!status && order->kind != PL_ORDER_PREVIEW && must_wait(all, order, why)) {
      pl_plan_free(*plan);
      *plan = NULL;
      status = pl_fail(err, PL_E_RANGE, "%s", why->text);
    }
    if (!status && order->kind != PL_ORDER_PREVIEW)
      status = pl_order_settle(all, order, *plan, reservation, pl_room_now(all) + span, ++all->orders, err);
  }
  if (status) {
    pl_plan_free(*plan);
    *plan = NULL;
  }
  return status;
}

static enum pl_status check(const struct pl_placement *all, const struct pl_order *order, struct pl_err *err)
{
  if (!order->count || order->count > REQUESTS_MAX)
    return pl_fail(err, PL_E_USAGE, "an order of %zu components, expected 1 to %d", order->count, REQUESTS_MAX);
  for (size_t i = 0; i < order->count; i++) {
    const struct pl_request *request = &order->requests[i];
    if (!request->id || !*request->id || strlen(request->id) > 56 || strchr(request->id, '#') || *request->id == '~' || strpbrk(request->id, "/?%\" "))
      return pl_fail(err, PL_E_USAGE, "a workload named '%s', expected 1 to 56 letters, digits, dots, dashes", request->id ? request->id : "");
    if (request->replicas > REPLICAS_MAX)
      return pl_fail(err, PL_E_USAGE, "%s: %u replicas, expected at most %d", request->id, request->replicas, REPLICAS_MAX);
    if (request->need.of[PL_DIMENSION_CORES] <= 0 || (order->data_MiB && order->data_MiB[i] < 0))
      return pl_fail(err, PL_E_USAGE, "%s: %lld thousandths of a core and %lld MiB of data, expected more than 0 and at least 0", request->id,
                     (long long)request->need.of[PL_DIMENSION_CORES], (long long)(order->data_MiB ? order->data_MiB[i] : 0));
    if (pl_work_find(all, request->id))
      return pl_fail(err, PL_E_USAGE, "%s: there is a workload of this name already", request->id);
  }
  return PL_OK;
}

static void become_applied(const struct pl_placement *all, struct pl_work *work)
{
  work->w.reservation[0] = '\0';
  work->w.expires = PL_NEVER;
  if (work->w.state == PL_WORKLOAD_QUEUED) /* something more important took its place: it waits, to run */
    return;
  work->w.state = PL_WORKLOAD_STARTING;
  work->w.since = pl_room_now(all);
}

/* As they are going to be, before they are. */
static enum pl_status keep_applied(struct pl_placement *all, const char *reservation, struct pl_err *err)
{
  enum pl_status status = pl_store_begin(all->stack->store, err);
  if (status)
    return status;
  for (const struct pl_work *work = all->first; work && !status; work = pl_work_next(work))
    if (!strcmp(work->w.reservation, reservation)) {
      struct pl_work want = *work;
      become_applied(all, &want);
      status = pl_work_keep(all, &want, err);
    }
  enum pl_status committed = pl_store_commit(all->stack->store, status ? NULL : err);
  return status ? status : committed;
}

static enum pl_status apply_reserved(struct pl_placement *all, const struct pl_order *order, struct pl_err *err)
{
  const struct pl_reservation *found = reservation_of(all, order->reservation);
  if (!found)
    return pl_fail(err, PL_E_BUSY, "there is no reservation '%s': it has expired, or was given back or applied. Ask anew", order->reservation);
  struct pl_allocation held;
  for (struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (!strcmp(work->w.reservation, order->reservation) && work->w.state == PL_WORKLOAD_RESERVED && !pl_pool_find(all->pool, work->w.id, &held)) {
      struct pl_plan *plan = NULL; /* only of a stack that has lost it */
      struct pl_why why = {0};
      enum pl_status status = pl_pool_place(all->pool, &work->w.request, 1, &plan, &why, err);
      pl_plan_free(plan);
      if (status)
        return pl_fail(err, PL_E_BUSY, "reservation '%s': what it held is gone", order->reservation);
    }
  char id[37];
  snprintf(id, sizeof id, "%s", order->reservation);
  enum pl_status status = keep_applied(all, id, err);
  if (status)
    return status;
  for (struct pl_work *work = all->first; work; work = pl_work_next(work)) {
    struct pl_host *host = pl_host_find(all, work->w.node);
    if (strcmp(work->w.reservation, id) != 0)
      continue;
    become_applied(all, work);
    pl_work_changed(all, work);
    if (work->w.state == PL_WORKLOAD_QUEUED) {
      pl_decide(all, "queue", work->w.id, "", order->author, NULL, "%s waits: %.200s", work->w.id, work->w.why);
      continue;
    }
    pl_decide(all, "place", work->w.id, work->w.node, order->author, NULL, "%s goes to %s, which was reserved for it", work->w.id, work->w.node);
    if (host && host->asleep)
      pl_host_wake(host, order->author);
  }
  pl_reservation_forget(all, id);
  pl_room_poke(all);
  return PL_OK;
}

/* Filled-in copies; the strings stay the caller's. */
static struct pl_request *filled(const struct pl_placement *all, const struct pl_order *order, struct pl_err *err)
{
  struct pl_request *requests = calloc(order->count, sizeof *requests);
  for (size_t i = 0; requests && i < order->count; i++) {
    requests[i] = order->requests[i];
    int64_t *storage = &requests[i].need.of[PL_DIMENSION_STORAGE];
    if (order->data_MiB && *storage < order->data_MiB[i])
      *storage = order->data_MiB[i];
    pl_request_fill(all, order, &requests[i]);
  }
  if (!requests)
    pl_fail(err, PL_E_NOMEM, "out of memory for an order");
  return requests;
}

static enum pl_status reserve(struct pl_placement *all, const struct pl_order *order, struct pl_plan **plan, char *id, struct pl_why *why, struct pl_err *err)
{
  struct pl_reservation *made = calloc(1, sizeof *made);
  if (!made)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a reservation");
  pl_stack_make_uuid(all->stack, ++all->uuids, made->id);
  enum pl_status status = place(all, order, plan, made->id, why, err);
  if (status) {
    free(made);
    return status;
  }
  pl_time_ns span = order->reserve_ns ? order->reserve_ns : all->stack->settings.reserve_ns;
  made->made_wall_ns = pl_room_wall(all);
  made->expires_wall_ns = made->made_wall_ns + span;
  snprintf(made->client, sizeof made->client, "%s", order->author);
  for (struct pl_work *work = all->first; work && !made->first; work = pl_work_next(work))
    if (!strcmp(work->w.reservation, made->id))
      made->first = &work->w;
  made->next = all->reservations;
  all->reservations = made;
  snprintf(id, 37, "%s", made->id);
  return PL_OK;
}

enum pl_status pl_placement_order(struct pl_placement *placement, const struct pl_order *order, struct pl_plan **plan, char *reservation, struct pl_why *why,
                                  struct pl_err *err)
{
  struct pl_err local = {0};
  *plan = NULL;
  *why = (struct pl_why){0};
  if (placement->stack->dead || !placement->started)
    return pl_fail(err, PL_E_BUSY, "the stack has just started, and has not looked at every unit yet. Ask again in a moment");
  if (order->kind == PL_ORDER_APPLY && order->reservation)
    return apply_reserved(placement, order, err);
  enum pl_status status = check(placement, order, err);
  struct pl_request *requests = status ? NULL : filled(placement, order, err);
  if (!requests)
    return status ? status : PL_E_NOMEM;
  struct pl_order full = *order;
  full.requests = requests;
  pl_hosts_mirror(placement);
  status = order->kind == PL_ORDER_RESERVE ? reserve(placement, &full, plan, reservation, why, &local) : place(placement, &full, plan, NULL, why, &local);
  if (status == PL_E_RANGE && order->queue && order->kind == PL_ORDER_APPLY)
    status = wait_in_queue(placement, &full, why, err);
  else if (status == PL_E_RANGE)
    status = refuse(placement, &full, why, err);
  else if (status)
    pl_fail(err, status, "%s", local.text);
  free(requests);
  return status;
}

/* --- stop --- */

enum pl_status pl_placement_may_stop(const struct pl_workload *workload, struct pl_err *err)
{
  if (workload->state != PL_WORKLOAD_MOVING)
    return PL_OK;
  return pl_fail(err, PL_E_BUSY, "%s moves to %s. Stop it when it is there, or cancel task %lld first", workload->id, workload->target, (long long)workload->task);
}

enum pl_status pl_placement_stop(struct pl_placement *all, struct pl_workload *workload, const char *author, struct pl_err *err)
{
  struct pl_work *work = pl_work_of(workload);
  struct pl_host *host = pl_host_find(all, workload->node);
  enum pl_status status = pl_placement_may_stop(workload, err);
  if (status)
    return status;
  bool at_once = workload->state == PL_WORKLOAD_QUEUED || workload->state == PL_WORKLOAD_RESERVED || !host || host->dark, displaced = work->displaced;
  char why[96];
  snprintf(why, sizeof why, "%s asked for it", author);
  work->displaced = false;
  status = at_once ? pl_work_unkeep(all, work, err) : pl_work_state_kept(all, work, PL_WORKLOAD_STOPPING, why, err);
  if (status) {
    work->displaced = displaced;
    return status;
  }
  pl_decide(all, "stop", workload->id, workload->node, author, NULL, "%s is stopped: %s asked for it", workload->id, author);
  if (at_once) {
    pl_work_remove(all, work);
    pl_room_poke(all);
  } else {
    pl_host_hurry(host);
  }
  return PL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for a place: orders as a whole, and single replicas that lost theirs. The most important first, then the oldest; having waited makes more important.
 * One that waited too long is passed by nobody of its priority, if it could ever fit: nobody starves. What it has waited is run off again, and until then it is as
 * important as it had become: what is displaced again and again gets its turn, and has it for a while.
 */
#include "control/placement/placement_in.h"

#define LIMBO "(nowhere)" /* of a copy of the pool only */
#define AGAIN (10 * PL_S)

static bool waits(const struct pl_work *work)
{
  return work->w.state == PL_WORKLOAD_QUEUED;
}

static pl_time_ns waited(const struct pl_placement *all, const struct pl_work *work)
{
  return pl_room_wall(all) - work->asked_wall_ns;
}

static int64_t importance(const struct pl_placement *all, const struct pl_work *work)
{
  return work->w.request.priority + waited(all, work) / all->stack->settings.aging_ns;
}

int64_t pl_queue_left(const struct pl_placement *all, const struct pl_work *work)
{
  int64_t left = work->waited_ns - (pl_room_wall(all) - work->placed_wall_ns);
  if (left > work->waited_ns) /* the clock was set back */
    return work->waited_ns;
  return left > 0 ? left : 0;
}

void pl_queue_stand(struct pl_placement *all)
{
  struct pl_allocation held;
  for (struct pl_work *work = all->first; work; work = pl_work_next(work)) {
    struct pl_request request = work->w.request;
    request.priority += (int)(pl_queue_left(all, work) / all->stack->settings.aging_ns);
    if ((work->w.state != PL_WORKLOAD_STARTING && work->w.state != PL_WORKLOAD_RUNNING) || !pl_pool_find(all->pool, work->w.id, &held) ||
        held.priority == request.priority || strcmp(held.node, work->w.node) != 0)
      continue;
    (void)pl_pool_release(all->pool, work->w.id, NULL);
    (void)pl_pool_adopt(all->pool, &request, work->replica, work->w.node, NULL);
  }
}

/* --- one order, as a whole --- */

struct whole {
  struct pl_request *requests;
  uint32_t *images;
  int64_t *data;
  struct pl_order order;
};

static void put_away(struct whole *whole)
{
  free(whole->requests);
  free(whole->images);
  free(whole->data);
}

/* Those that came with it and never had a place; what had one comes alone. */
static bool comes_with(const struct pl_work *first, const struct pl_work *work)
{
  return first->displaced ? work == first : waits(work) && !work->displaced && work->order == first->order;
}

static bool gather(const struct pl_placement *all, const struct pl_work *first, struct whole *whole)
{
  size_t count = 0;
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work))
    count += comes_with(first, work);
  *whole = (struct whole){.requests = calloc(count, sizeof *whole->requests), .images = calloc(count, sizeof *whole->images),
                          .data = calloc(count, sizeof *whole->data)};
  if (!whole->requests || !whole->images || !whole->data)
    return false;
  count = 0;
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (comes_with(first, work)) {
      whole->requests[count] = work->w.request;
      whole->images[count] = work->w.image;
      whole->data[count++] = work->w.data_MiB;
    }
  whole->order = (struct pl_order){.requests = whole->requests, .images = whole->images, .data_MiB = whole->data, .count = count, .application = first->w.application,
                                   .author = "placement", .kind = PL_ORDER_APPLY};
  return true;
}

static void tell_why(struct pl_placement *all, struct pl_work *work, const char *text)
{
  if (!strncmp(work->w.why, text, sizeof work->w.why - 1))
    return;
  snprintf(work->w.why, sizeof work->w.why, "%.*s", (int)sizeof work->w.why - 1, text);
  pl_work_changed(all, work);
}

static bool try_order(struct pl_placement *all, struct pl_work *first)
{
  struct whole whole;
  struct pl_plan *plan = NULL;
  struct pl_why why = {0};
  struct pl_err err = {0};
  char reservation[37];
  snprintf(reservation, sizeof reservation, "%s", first->w.reservation);
  if (!gather(all, first, &whole)) {
    put_away(&whole);
    return false;
  }
  enum pl_status status = pl_pool_plan(all->pool, whole.requests, whole.order.count, &plan, &why, &err);
  if (!status)
    status = pl_order_settle(all, &whole.order, plan, *reservation ? reservation : NULL, first->w.expires, first->order, &err);
  if (status)
    tell_why(all, first, why.text[0] ? why.text : err.text);
  pl_plan_free(plan);
  put_away(&whole);
  return !status;
}

/* --- one replica --- */

/* Out of limbo to where it is best; "": nowhere. No other moves for it. */
static enum pl_status look_for(const struct pl_pool *copy, const struct pl_work *work, char to[64], struct pl_err *why)
{
  const char *nodes[] = {LIMBO};
  const struct pl_goal_desc goal = {.goal = PL_GOAL_REPAIR, .nodes = nodes, .n_nodes = 1, .most = 1};
  struct pl_moves moves = {0};
  enum pl_status status = pl_moves_plan(copy, &goal, &moves, why);
  *to = '\0';
  for (size_t i = 0; i < moves.count && !status; i++)
    if (!strcmp(moves.moves[i].id, work->w.id))
      snprintf(to, 64, "%s", moves.moves[i].to);
  if (!status && !*to)
    status = pl_fail(why, PL_E_RANGE, "%s", moves.why[0] ? moves.why : "it fits nowhere");
  pl_moves_end(&moves);
  return status;
}

/* In limbo it takes nothing, and shares still what its node shares with others: what is tied to it by that need not be parted from it. */
static enum pl_status to_limbo(struct pl_pool *copy, const struct pl_work *work, const struct pl_request *wanted, const char *at, struct pl_err *why)
{
  struct pl_node_view view = {0};
  struct pl_node_desc limbo = {.id = LIMBO, .state = PL_NODE_GONE};
  if (pl_pool_view(copy, at, &view))
    memcpy(limbo.domains, view.desc.domains, sizeof limbo.domains);
  (void)pl_pool_release(copy, work->w.id, NULL); /* one that waits is not there */
  enum pl_status status = pl_pool_node(copy, &limbo, why);
  return status ? status : pl_pool_adopt(copy, wanted, work->replica, LIMBO, why);
}

/* By the pool's own rules, from where it is: who asks may take it as it stands. */
static enum pl_status judge(struct pl_pool *copy, const struct pl_work *work, const struct pl_request *wanted, const char *at, const char *to,
                            struct pl_err *why)
{
  enum pl_status status = PL_OK;
  if (*at && !strcmp(at, to))
    return pl_fail(why, PL_E_RANGE, "%s may be on no other node than %s", work->w.id, to);
  if (*at) {
    (void)pl_pool_release(copy, work->w.id, NULL);
    status = pl_pool_adopt(copy, wanted, work->replica, at, why);
  }
  return status ? status : pl_pool_move(copy, work->w.id, to, why);
}

bool pl_find_place(struct pl_placement *all, const struct pl_work *work, const struct pl_request *request, bool anywhere_else, char to[64], struct pl_err *why)
{
  struct pl_pool *copy = NULL;
  struct pl_allocation held;
  struct pl_request wanted = *request;
  char at[64] = "";
  if (anywhere_else)
    wanted.not_node = work->w.node;
  if (pl_pool_find(all->pool, work->w.id, &held))
    snprintf(at, sizeof at, "%s", held.node);
  enum pl_status status = pl_pool_copy(all->pool, &copy, why);
  if (!status)
    status = to_limbo(copy, work, &wanted, at, why);
  if (!status && wanted.node) /* it may be nowhere else */
    snprintf(to, 64, "%s", wanted.node);
  else if (!status)
    status = look_for(copy, work, to, why);
  if (!status)
    status = judge(copy, work, &wanted, at, to, why);
  if (status)
    *to = '\0';
  pl_pool_free(copy);
  return !status;
}

/* What has no others beside it is planned as any order, and may displace. */
static bool stands_alone(const struct pl_work *work)
{
  return work->w.request.replicas <= 1 && work->w.request.redundancy == PL_REDUNDANCY_NONE;
}

static bool try_single(struct pl_placement *all, struct pl_work *work)
{
  char to[64] = "";
  struct pl_err why = {0};
  if (!pl_find_place(all, work, &work->w.request, false, to, &why) || pl_pool_adopt(all->pool, &work->w.request, work->replica, to, &why)) {
    tell_why(all, work, why.text);
    return false;
  }
  const char *with = pl_displaced_words(work);
  work->displaced = work->restored = false;
  work->waited_ns = waited(all, work);
  work->placed_wall_ns = pl_room_wall(all);
  snprintf(work->w.node, sizeof work->w.node, "%s", to);
  pl_work_state(all, work, work->w.reservation[0] ? PL_WORKLOAD_RESERVED : PL_WORKLOAD_STARTING, "on %s, where there is room again%s", to, with);
  char *detail = pl_place_explain(all, work, "", "placement", "there is room again");
  pl_decide(all, "place", work->w.id, to, "placement", detail, "%s goes to %s, where there is room again%s", work->w.id, to, with);
  free(detail);
  pl_host_hurry(pl_host_find(all, to));
  return true;
}

/* --- all of them --- */

/* If everything else were away. */
static bool could_ever_fit(const struct pl_placement *all, const struct pl_work *first)
{
  struct whole whole;
  struct pl_pool *copy = NULL;
  struct pl_plan *plan = NULL;
  struct pl_why why = {0};
  bool fits = false;
  if (gather(all, first, &whole) && !pl_pool_copy(all->pool, &copy, NULL)) {
    for (const struct pl_work *work = all->first; work; work = pl_work_next(work))
      (void)pl_pool_release(copy, work->w.id, NULL);
    fits = !pl_pool_plan(copy, whole.requests, whole.order.count, &plan, &why, NULL);
  }
  pl_plan_free(plan);
  pl_pool_free(copy);
  put_away(&whole);
  return fits;
}

static bool has_no_patience(const struct pl_placement *all, const struct pl_work *work)
{
  return waits(work) && waited(all, work) >= all->stack->settings.patience_ns && !PL_LIES(all->stack, QUEUE_STARVED);
}

bool pl_queue_blocks(const struct pl_placement *all, int priority, const struct pl_work **head)
{
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (has_no_patience(all, work) && work->w.request.priority >= priority && could_ever_fit(all, work)) {
      *head = work;
      return true;
    }
  return false;
}

static bool goes_before(const struct pl_placement *all, const struct pl_work *a, const struct pl_work *b)
{
  if (PL_LIES(all->stack, QUEUE_STARVED))
    return a->order > b->order;
  int64_t x = importance(all, a), y = importance(all, b);
  return x != y ? x > y : a->order < b->order;
}

static bool is_tried(struct pl_work *const *tried, size_t n_tried, const struct pl_work *work)
{
  for (size_t i = 0; i < n_tried; i++)
    if (tried[i] == work || (tried[i]->order == work->order && !tried[i]->displaced && !work->displaced))
      return true;
  return false;
}

static struct pl_work *next_to_try(const struct pl_placement *all, struct pl_work *const *tried, size_t n_tried)
{
  struct pl_work *best = NULL;
  for (struct pl_work *work = all->first; work; work = pl_work_next(work))
    if (waits(work) && !is_tried(tried, n_tried, work) && (!best || goes_before(all, work, best)))
      best = work;
  return best;
}

void pl_queue_try(struct pl_placement *all)
{
  size_t count = 0, n_tried = 0;
  pl_time_ns now = pl_room_now(all);
  for (const struct pl_work *work = all->first; work; work = pl_work_next(work))
    count += waits(work);
  if (!count || (all->tried_version == pl_pool_version(all->pool) && now - all->tried < AGAIN))
    return;
  struct pl_work **tried = calloc(count, sizeof(struct pl_work *)), *work;
  while (tried && n_tried < count && (work = next_to_try(all, tried, n_tried))) {
    bool placed = work->displaced && !stands_alone(work) ? try_single(all, work) : try_order(all, work);
    if (!placed && has_no_patience(all, work) && could_ever_fit(all, work))
      break;
    if (placed)
      pl_queue_stand(all); /* before the next one is tried */
    else
      tried[n_tried++] = work;
  }
  free(tried);
  all->tried_version = pl_pool_version(all->pool);
  all->tried = now;
}

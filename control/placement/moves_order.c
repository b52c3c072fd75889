/* SPDX-License-Identifier: Apache-2.0 */
/* In which order, both ends held while a move lasts; and which moves may go on beside each other. */
#include "control/placement/moves_in.h"

/* --- one after another --- */

static bool can_go(const struct mv_board *b, int32_t alloc, int32_t to)
{
  return mv_fits(b, alloc, to) && mv_suits(b, alloc, to);
}

static bool write_down(struct mv_board *b, struct mv_order *order, size_t *room, const struct mv_shift *shift)
{
  if (!mv_grow((void **)&order->shifts, room, order->count, sizeof *order->shifts))
    return !(b->short_of_memory = true);
  order->shifts[order->count++] = *shift;
  return true;
}

static bool go(struct mv_board *b, struct mv_order *order, size_t *room, int32_t alloc, int32_t to)
{
  if (!write_down(b, order, room, &(const struct mv_shift){.alloc = alloc, .from = b->allocs[alloc].node, .to = to}))
    return false;
  mv_shift(b, alloc, to);
  return true;
}

/* Those that can go only together. What is left of the pending. */
static size_t go_together(struct mv_board *b, struct mv_order *order, size_t *room, struct mv_wanted *pending, size_t count)
{
  struct mv_shift party[MV_PARTY];
  size_t size = mv_party_of(b, pending, count, party), kept = 0, group = order->count + 1;
  for (size_t i = 0; i < size; i++) {
    party[i].group = group;
    if (!write_down(b, order, room, &party[i]))
      return count;
  }
  for (size_t i = 0; i < count; i++) {
    bool gone = false;
    for (size_t k = 0; k < size; k++)
      gone |= party[k].alloc == pending[i].alloc;
    if (!gone)
      pending[kept++] = pending[i];
  }
  return kept;
}

static size_t go_all(struct mv_board *b, struct mv_order *order, size_t *room, struct mv_wanted *pending, size_t count)
{
  size_t before;
  do {
    before = count;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
      if (!can_go(b, pending[i].alloc, pending[i].to) || !go(b, order, room, pending[i].alloc, pending[i].to))
        pending[kept++] = pending[i];
    count = kept;
    if (count && count == before && !b->short_of_memory)
      count = go_together(b, order, room, pending, count);
  } while (count && count < before);
  return count;
}

static bool frees_another(const struct mv_board *b, const struct mv_wanted *pending, size_t count, size_t but)
{
  for (size_t i = 0; i < count; i++)
    if (i != but && can_go(b, pending[i].alloc, pending[i].to))
      return true;
  return false;
}

/* Each waits for another: the smallest for which there is a third place waits there. */
static bool detour(struct mv_board *b, struct mv_order *order, size_t *room, struct mv_wanted *pending, size_t count)
{
  size_t best = count;
  int32_t best_node = MV_NONE;
  for (size_t i = 0; i < count; i++) {
    int32_t from = b->allocs[pending[i].alloc].node;
    if (pending[i].detoured || (best < count && b->allocs[pending[i].alloc].cost_MiB >= b->allocs[pending[best].alloc].cost_MiB))
      continue;
    for (size_t n = 0; n < b->n_nodes; n++) {
      if (b->nodes[n].state != PL_NODE_UP || !can_go(b, pending[i].alloc, (int32_t)n))
        continue;
      mv_shift(b, pending[i].alloc, (int32_t)n);
      bool frees = frees_another(b, pending, count, i);
      mv_shift(b, pending[i].alloc, from);
      if (frees) {
        best = i;
        best_node = (int32_t)n;
        break;
      }
    }
  }
  if (best == count)
    return false;
  pending[best].detoured = true;
  return go(b, order, room, pending[best].alloc, best_node);
}

/* By priority, then the small ones first. */
static int by_turn(const void *x, const void *y, void *ctx)
{
  const struct mv_board *b = ctx;
  const struct mv_alloc *p = &b->allocs[((const struct mv_wanted *)x)->alloc], *q = &b->allocs[((const struct mv_wanted *)y)->alloc];
  if (p->priority != q->priority)
    return p->priority > q->priority ? -1 : 1;
  return p->cost_MiB != q->cost_MiB ? (p->cost_MiB > q->cost_MiB) - (p->cost_MiB < q->cost_MiB) : (p > q) - (p < q);
}

/* --- beside each other --- */

struct holds { /* what would be held if nothing ever ended */
  struct pl_amounts *nodes, *limits;
};

static bool has_room(const struct pl_amounts *held, const struct pl_amounts *most, const struct pl_amounts *need)
{
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    if (need->of[d] > 0 && most->of[d] >= 0 && held->of[d] + need->of[d] > most->of[d])
      return false;
  return true;
}

static void hold(struct pl_amounts *held, const struct pl_amounts *need)
{
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    held->of[d] += need->of[d];
}

static bool touches(const struct mv_board *b, const struct mv_shift *shift, const struct mv_limit *limit)
{
  return b->nodes[shift->from].domain[limit->domain] == limit->of || b->nodes[shift->to].domain[limit->domain] == limit->of;
}

static bool together(const struct mv_shift *a, const struct mv_shift *b)
{
  return a->group && a->group == b->group;
}

/* Marks what has to be over before the move at `at` begins: what made room for it, what it is tied to, and itself elsewhere; of groups, all. */
static bool mark(const struct mv_board *b, const struct mv_order *order, size_t at, struct holds *holds, bool *marks)
{
  const struct mv_shift *shift = &order->shifts[at];
  const struct mv_alloc *a = &b->allocs[shift->alloc];
  const struct mv_node *to = &b->nodes[shift->to];
  bool any = false, crowded = !has_room(&holds->nodes[shift->to], &to->capacity, &a->need);
  const struct mv_limit *tight[PL_DOMAIN_COUNT];
  size_t n_tight = 0;
  hold(&holds->nodes[shift->to], &a->need);
  for (int i = 0; i < PL_DOMAIN_COUNT; i++)
    if (to->limit[i] != MV_NONE && mv_holds_twice(b, shift->from, shift->to, (enum pl_domain)i)) {
      if (!has_room(&holds->limits[to->limit[i]], &b->limits[to->limit[i]].most, &a->need))
        tight[n_tight++] = &b->limits[to->limit[i]];
      hold(&holds->limits[to->limit[i]], &a->need);
    }
  for (size_t i = 0; i < at; i++) {
    const struct mv_shift *other = &order->shifts[i];
    if (together(shift, other))
      continue;
    marks[i] |= other->alloc == shift->alloc || (crowded && (other->to == shift->to || other->from == shift->to)) ||
                mv_tied(b, shift->alloc, other->alloc);
    for (size_t k = 0; k < n_tight; k++)
      marks[i] |= touches(b, other, tight[k]);
    any |= marks[i];
  }
  return any;
}

/* One past the last of those that go together from `at` on. */
static size_t end_of(const struct mv_order *order, size_t at)
{
  size_t end = at + 1;
  while (end < order->count && together(&order->shifts[at], &order->shifts[end]))
    end++;
  return end;
}

/* A move can wait for one other only: those that it waits for, and those that they wait for, are put in a row. A group is one in that row. */
static void put_in_a_row(struct mv_order *order, size_t at, bool *marks)
{
  size_t last = 0;
  for (size_t i = at; i; i--)
    if (marks[i - 1]) {
      if (order->after[i - 1])
        marks[order->after[i - 1] - 1] = true;
      if (i > 1 && together(&order->shifts[i - 1], &order->shifts[i - 2]))
        marks[i - 2] = true;
    }
  for (size_t i = 0, end; i < at; i = end) {
    end = end_of(order, i);
    bool any = false;
    for (size_t k = i; k < end; k++)
      any |= marks[k];
    for (size_t k = i; any && k < end; k++)
      order->after[k] = last;
    last = any ? end : last;
  }
  for (size_t k = at; k < end_of(order, at); k++)
    order->after[k] = last;
}

static bool link_after(struct mv_board *b, struct mv_order *order)
{
  struct holds holds = {malloc((b->n_nodes + 1) * sizeof *holds.nodes), malloc((b->n_limits + 1) * sizeof *holds.limits)};
  bool *marks = malloc(order->count + 1);
  order->after = calloc(order->count + 1, sizeof *order->after);
  bool ok = holds.nodes && holds.limits && marks && order->after;
  mv_home(b);
  for (size_t i = 0; ok && i < b->n_nodes; i++)
    holds.nodes[i] = b->nodes[i].used;
  for (size_t i = 0; ok && i < b->n_limits; i++)
    holds.limits[i] = b->limits[i].used;
  for (size_t i = 0, end; ok && i < order->count; i = end) {
    bool waits = false;
    end = end_of(order, i);
    memset(marks, 0, order->count);
    for (size_t k = i; k < end; k++)
      waits |= mark(b, order, k, &holds, marks);
    if (waits)
      put_in_a_row(order, i, marks);
  }
  for (size_t i = 0; i < order->count; i++)
    mv_shift(b, order->shifts[i].alloc, order->shifts[i].to);
  free(holds.nodes);
  free(holds.limits);
  free(marks);
  return ok;
}

bool mv_order(struct mv_board *board, size_t most, struct mv_order *order)
{
  struct mv_wanted *pending = malloc((board->moved + 1) * sizeof *pending);
  size_t count = 0, room = 0;
  *order = (struct mv_order){0};
  if (!pending)
    return board->short_of_memory = true;
  for (size_t i = 0; i < board->n_allocs; i++)
    if (board->allocs[i].node != board->allocs[i].home)
      pending[count++] = (struct mv_wanted){.alloc = (int32_t)i, .to = board->allocs[i].node};
  qsort_r(pending, count, sizeof *pending, by_turn, board);
  mv_home(board);
  count = go_all(board, order, &room, pending, count);
  while (count && !board->short_of_memory && order->count + count < most && detour(board, order, &room, pending, count))
    count = go_all(board, order, &room, pending, count);
  for (size_t i = 0; i < count; i++)
    board->allocs[pending[i].alloc].stuck = true;
  free(pending);
  board->short_of_memory |= !link_after(board, order);
  return !count;
}

void mv_order_end(struct mv_order *order)
{
  free(order->shifts);
  free(order->after);
  *order = (struct mv_order){0};
}

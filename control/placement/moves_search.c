/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where each one ends: the fewest moves first, then the least to copy. A move is looked for only where a node is over its ceiling; where it puts the next node
 * over, that one is looked at in its turn. Depth first with bounds, the number of moves deepened step by step, so that the first answer has the fewest. Work is
 * counted in looks, not in time: the same pool gets the same plan on each machine.
 */
#include "control/placement/moves_in.h"

enum {
  DEEP = 48,              /* moves of one search */
  SMALL = 32, WIDE = SMALL, /* nodes of a pool that is searched as a whole */
  NEVER = 1000000,
  STEP_LOOKS = 100000,    /* for one allocation or node */
  WHOLE_LOOKS = 1000000
};

struct choice {
  double rank;
  int32_t node;
};
struct choices {
  struct choice of[WIDE];
  size_t count, most;
};

struct search {
  struct mv_board *b;
  struct mv_shift trail[DEEP], best[DEEP]; /* group 1: it only follows another */
  size_t depth, n_best;
  int64_t best_cost; /* an answer must be under it */
  bool any;
  uint64_t until;
};

static void offer(struct choices *c, double rank, int32_t node)
{
  size_t at = c->count;
  while (at && rank < c->of[at - 1].rank)
    at--;
  if (at == c->most)
    return;
  c->count += c->count < c->most;
  memmove(&c->of[at + 1], &c->of[at], (c->count - at - 1) * sizeof *c->of);
  c->of[at] = (struct choice){rank, node};
}

static size_t width(const struct mv_board *b, size_t large)
{
  return b->n_nodes <= SMALL ? WIDE : large;
}

int32_t mv_best(struct mv_board *board, int32_t alloc)
{
  struct choices c = {.most = 1};
  for (size_t n = 0; n < board->n_nodes; n++) {
    double rank = mv_rank(board, alloc, (int32_t)n);
    if (rank >= 0)
      offer(&c, rank, (int32_t)n);
  }
  return c.count ? c.of[0].node : MV_NONE;
}

bool mv_hopeless(const struct mv_board *board, int32_t alloc)
{
  const struct mv_alloc *a = &board->allocs[alloc];
  for (size_t i = 0; i < board->n_nodes; i++) {
    bool small = false;
    for (int d = 0; d < PL_DIMENSION_COUNT; d++)
      small |= a->need.of[d] > board->nodes[i].ceiling.of[d];
    if (!small && mv_suits_alone(board, alloc, (int32_t)i))
      return false;
  }
  return true;
}

/* --- bounds --- */

static bool may_go(const struct mv_alloc *a)
{
  return mv_movable(a) && !a->held;
}

/* At least so many that are at home here have to go, whatever else: the largest ones, after those that came here go on for nothing. */
static size_t least_in(const struct mv_board *b, int32_t node, int d, int64_t excess)
{
  int64_t largest[9] = {0}, all = 0;
  for (int32_t a = b->nodes[node].first; a != MV_NONE; a = b->allocs[a].next) {
    if (!may_go(&b->allocs[a]))
      continue;
    int64_t load = mv_load(b, a).of[d];
    if (b->allocs[a].home != node) {
      excess -= load;
      continue;
    }
    all += load;
    for (size_t i = 0; i < 8; i++)
      if (load > largest[i]) {
        int64_t smaller = largest[i];
        largest[i] = load;
        load = smaller;
      }
  }
  if (excess > all)
    return NEVER;
  size_t count = 0;
  while (excess > 0 && count < 8)
    excess -= largest[count++];
  return excess > 0 ? count + (size_t)((excess + largest[7] - 1) / largest[7]) : count;
}

static size_t least(const struct mv_board *b, int32_t node)
{
  const struct mv_node *n = &b->nodes[node];
  size_t most = 0;
  if (n->empty) {
    for (int32_t a = n->first; a != MV_NONE; a = b->allocs[a].next)
      most += may_go(&b->allocs[a]);
    return most;
  }
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    if (n->load.of[d] > n->ceiling.of[d]) {
      size_t count = least_in(b, node, d, n->load.of[d] - n->ceiling.of[d]);
      most = count > most ? count : most;
    }
  return most;
}

/* The node to look at next, the one that needs the most; MV_NONE: all are well. sum: moves that are needed at least. */
static int32_t worst(const struct mv_board *b, size_t *sum)
{
  int32_t node = MV_NONE;
  size_t most = 0;
  *sum = 0;
  for (size_t i = 0; i < b->n_watch; i++)
    if (mv_over(b, b->watch[i])) {
      size_t count = least(b, b->watch[i]);
      *sum += count;
      if (node == MV_NONE || count > most) {
        node = b->watch[i];
        most = count;
      }
    }
  return node;
}

/* --- steps --- */

static void watch(struct mv_board *b, int32_t node)
{
  if (!b->nodes[node].watched)
    b->watch[b->n_watch++] = node;
  b->nodes[node].watched = true;
}

static void unwatch(struct mv_board *b, size_t count)
{
  while (b->n_watch > count)
    b->nodes[b->watch[--b->n_watch]].watched = false;
}

static void dig(struct search *s, size_t left);

static void step(struct search *s, int32_t alloc, int32_t to, size_t left)
{
  struct mv_board *b = s->b;
  struct mv_alloc *a = &b->allocs[alloc];
  size_t watched = b->n_watch;
  int32_t from = a->node;
  s->trail[s->depth++] = (struct mv_shift){.alloc = alloc, .from = from, .to = to};
  mv_shift(b, alloc, to);
  a->held = true;
  watch(b, to);
  dig(s, left - (from == a->home));
  unwatch(b, watched);
  a->held = false;
  mv_shift(b, alloc, from);
  s->depth--;
}

/* The same of one that others must follow. */
static void step_together(struct search *s, const struct mv_shift *party, size_t count, size_t left)
{
  struct mv_board *b = s->b;
  size_t watched = b->n_watch;
  for (size_t i = 0; i < count; i++) {
    const struct mv_alloc *a = &b->allocs[party[i].alloc];
    s->trail[s->depth] = party[i];
    s->trail[s->depth++].group = i > 0;
    left -= a->node == a->home;
    mv_shift(b, party[i].alloc, party[i].to);
    b->allocs[party[i].alloc].held = true;
    watch(b, party[i].to);
  }
  dig(s, left);
  unwatch(b, watched);
  s->depth -= count;
  for (size_t i = count; i; i--) {
    b->allocs[party[i - 1].alloc].held = false;
    mv_shift(b, party[i - 1].alloc, party[i - 1].from);
  }
}

/* Places that are over when it has come, and could be relieved with what is left of moves. */
static void crowded(struct search *s, int32_t alloc, size_t left, struct choices *c)
{
  struct mv_board *b = s->b;
  int32_t from = b->allocs[alloc].node;
  const struct pl_amounts load = mv_load(b, alloc);
  for (size_t i = 0; i < b->n_nodes; i++) {
    int32_t n = (int32_t)i;
    bool never = b->nodes[n].first == MV_NONE;
    for (int d = 0; d < PL_DIMENSION_COUNT; d++)
      never |= load.of[d] > b->nodes[n].ceiling.of[d];
    b->looks++;
    if (never || !mv_suits(b, alloc, n))
      continue;
    mv_shift(b, alloc, n);
    b->allocs[alloc].held = true;
    size_t count = mv_over(b, n) ? least(b, n) : NEVER;
    b->allocs[alloc].held = false;
    mv_shift(b, alloc, from);
    b->looks += 8;
    if (count <= left)
      offer(c, (double)count + (b->nodes[n].state == PL_NODE_ASLEEP ? 0.5 : 0) + 0.4 * b->nodes[n].heat, n);
  }
}

static bool dearer(const struct search *s, int32_t alloc)
{
  const struct mv_alloc *a = &s->b->allocs[alloc];
  return s->b->cost_MiB + (a->node == a->home ? a->cost_MiB : 0) >= s->best_cost;
}

/* crowd: to where room must be made for some of them. */
static void send_together(struct search *s, int32_t alloc, size_t left, bool crowd)
{
  struct mv_board *b = s->b;
  struct choices c = {.most = width(b, 3)};
  struct mv_shift party[MV_PARTY];
  for (size_t n = 0; n < b->n_nodes; n++) {
    double rank = mv_rank_alone(b, alloc, (int32_t)n);
    if (rank >= 0 || (crowd && mv_suits_alone(b, alloc, (int32_t)n)))
      offer(&c, rank >= 0 ? rank : NEVER, (int32_t)n);
  }
  for (size_t i = 0; i < c.count && !dearer(s, alloc) && b->looks <= s->until; i++) {
    size_t count = mv_party(b, alloc, c.of[i].node, left, crowd, party);
    if (count > 1 && s->depth + count <= DEEP)
      step_together(s, party, count, left);
  }
}

/* One of them goes: wherever there is room, then wherever room can be made. */
static void send(struct search *s, int32_t alloc, size_t left)
{
  struct mv_board *b = s->b;
  size_t after = left - (b->allocs[alloc].node == b->allocs[alloc].home);
  struct choices c = {.most = width(b, 3)};
  if (dearer(s, alloc))
    return;
  for (size_t n = 0; n < b->n_nodes; n++) {
    double rank = mv_rank(b, alloc, (int32_t)n);
    if (rank >= 0)
      offer(&c, rank, (int32_t)n);
  }
  for (size_t i = 0; i < c.count && !dearer(s, alloc); i++)
    step(s, alloc, c.of[i].node, left);
  if (mv_bound(b, alloc))
    for (int crowd = 0; crowd < 2 && !dearer(s, alloc) && b->looks <= s->until; crowd++)
      send_together(s, alloc, left, crowd);
  if (dearer(s, alloc) || b->looks > s->until)
    return;
  c = (struct choices){.most = width(b, 8)};
  crowded(s, alloc, after, &c);
  for (size_t i = 0; i < c.count && !dearer(s, alloc); i++)
    step(s, alloc, c.of[i].node, left);
}

static bool before(const struct mv_board *b, int32_t x, int32_t y)
{
  int64_t cx = b->allocs[x].cost_MiB, cy = b->allocs[y].cost_MiB;
  return cx < cy || (cx == cy && x < y);
}

/* The next of a node's in the order of their cost, after `last`. Those that go later than others from the same node need not be tried before them. */
static int32_t next_by_cost(const struct mv_board *b, int32_t node, int32_t last)
{
  int32_t next = MV_NONE;
  for (int32_t a = b->nodes[node].first; a != MV_NONE; a = b->allocs[a].next)
    if (may_go(&b->allocs[a]) && (last == MV_NONE || before(b, last, a)) && (next == MV_NONE || before(b, a, next)))
      next = a;
  return next;
}

static int32_t last_from(const struct search *s, int32_t node)
{
  for (size_t i = s->depth; i; i--)
    if (s->trail[i - 1].from == node && !s->trail[i - 1].group)
      return s->trail[i - 1].alloc;
  return MV_NONE;
}

static void dig(struct search *s, size_t left)
{
  struct mv_board *b = s->b;
  size_t sum;
  int32_t node = worst(b, &sum);
  if (b->cost_MiB >= s->best_cost)
    return;
  if (node == MV_NONE) {
    memcpy(s->best, s->trail, s->depth * sizeof *s->best);
    s->n_best = s->depth;
    s->best_cost = b->cost_MiB;
    s->any = true;
    return;
  }
  if (sum > left || s->depth == DEEP || b->looks > s->until)
    return;
  for (int32_t a = next_by_cost(b, node, last_from(s, node)); a != MV_NONE; a = next_by_cost(b, node, a))
    if (left || b->allocs[a].home != node)
      send(s, a, left);
}

static bool take_best(struct search *s)
{
  for (size_t i = 0; s->any && i < s->n_best; i++)
    mv_shift(s->b, s->best[i].alloc, s->best[i].to);
  return s->any;
}

/* --- one after another: pools of any size --- */

static uint64_t soon(const struct mv_board *b, uint64_t looks)
{
  return b->looks + looks < b->budget ? b->looks + looks : b->budget;
}

bool mv_leave(struct mv_board *board, int32_t alloc, size_t most)
{
  struct mv_shift party[MV_PARTY];
  int32_t best = most ? mv_best(board, alloc) : MV_NONE;
  if (best != MV_NONE) {
    mv_shift(board, alloc, best);
    return true;
  }
  size_t count = mv_party(board, alloc, MV_NONE, most, false, party);
  for (size_t i = 0; i < count; i++)
    mv_shift(board, party[i].alloc, party[i].to);
  return count;
}

bool mv_place(struct mv_board *board, int32_t alloc, size_t most)
{
  if (!most)
    return false;
  if (mv_leave(board, alloc, most))
    return true;
  struct search s = {.b = board, .best_cost = INT64_MAX, .until = soon(board, STEP_LOOKS)};
  unwatch(board, 0);
  for (size_t left = 1; left <= MV_EXTRA + 1 && left <= most && !s.any && board->looks < s.until; left++)
    send(&s, alloc, left);
  return take_best(&s);
}

bool mv_relieve(struct mv_board *board, int32_t node, size_t most)
{
  struct search s = {.b = board, .best_cost = INT64_MAX, .until = soon(board, STEP_LOOKS)};
  unwatch(board, 0);
  watch(board, node);
  size_t first = least(board, node);
  for (size_t left = first; left <= first + MV_EXTRA && left <= most && !s.any && board->looks < s.until; left++)
    dig(&s, left);
  unwatch(board, 0);
  return take_best(&s);
}

/* --- all at once: small pools --- */

struct standing {
  int32_t node;
  bool stuck;
};

static void take_home(struct mv_board *b, struct standing *was)
{
  for (size_t i = 0; i < b->n_allocs; i++) {
    was[i] = (struct standing){b->allocs[i].node, b->allocs[i].stuck};
    b->allocs[i].stuck = b->allocs[i].hopeless;
  }
  mv_home(b);
}

static void take_back(struct mv_board *b, const struct standing *was)
{
  for (size_t i = 0; i < b->n_allocs; i++) {
    mv_shift(b, (int32_t)i, was[i].node);
    b->allocs[i].stuck = was[i].stuck;
  }
}

bool mv_improve(struct mv_board *board, size_t most, bool lacking)
{
  size_t moved = board->moved, sum;
  int64_t cost_MiB = board->cost_MiB;
  struct standing *was = board->n_nodes <= SMALL ? malloc((board->n_allocs + 1) * sizeof *was) : NULL;
  if (!was) /* or no memory for it: what was found stands */
    return false;
  struct search s = {.b = board, .best_cost = INT64_MAX, .until = board->looks + WHOLE_LOOKS};
  take_home(board, was);
  unwatch(board, 0);
  for (size_t n = 0; n < board->n_nodes; n++)
    if (board->nodes[n].required)
      watch(board, (int32_t)n);
  (void)worst(board, &sum);
  size_t last = lacking ? sum + MV_EXTRA : moved;
  for (size_t left = sum; left <= last && left <= most && !s.any && board->looks < s.until; left++) {
    if (!lacking && left == moved)
      s.best_cost = cost_MiB;
    dig(&s, left);
  }
  unwatch(board, 0);
  if (!take_best(&s))
    take_back(board, was);
  free(was);
  return s.any;
}

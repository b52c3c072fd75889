/* SPDX-License-Identifier: Apache-2.0 */
/* What idles is emptied, so that whole modules (or racks, or nodes) can sleep; what is left awake must still take the loss of `spare` of them. */
#include "control/placement/moves_in.h"

#include <math.h>

enum { PAIRS_MOST = 64, TRIES = 3 }; /* groups of which all pairs are tried; groups that fail one after another until it is given up */

struct group {
  int32_t first; /* node */
  size_t nodes, moves;
  int64_t cost_MiB;
  double idle_W;
  bool able, sleeps;
};

struct sleeper {
  struct mv_board *b;
  struct group *groups;
  int32_t *group_of, *next; /* of nodes; the next of its group */
  int32_t *by_turn;         /* groups that could sleep, cheapest first */
  size_t n_groups, n_able;
  struct item *items;
  struct mv_shift *trail;
  size_t n_trail, room_trail;
  bool redundant;           /* the last that failed failed by that */
};

/* --- groups --- */

static int32_t group_for(struct sleeper *s, int32_t node, int32_t *of_domain)
{
  enum pl_domain in = s->b->goal->sleep_in;
  int32_t domain = in == PL_DOMAIN_NODE ? MV_NONE : s->b->nodes[node].domain[in];
  if (domain != MV_NONE && of_domain[domain] != MV_NONE)
    return of_domain[domain];
  int32_t group = (int32_t)s->n_groups++;
  s->groups[group] = (struct group){.first = MV_NONE, .able = true};
  if (domain != MV_NONE)
    of_domain[domain] = group;
  return group;
}

static void weigh(struct sleeper *s, int32_t node)
{
  const struct mv_board *b = s->b;
  const struct mv_node *n = &b->nodes[node];
  struct group *g = &s->groups[s->group_of[node]];
  if (n->state == PL_NODE_ASLEEP || n->state == PL_NODE_GONE)
    return;
  g->nodes++;
  g->idle_W += n->idle_W;
  g->able &= n->state == PL_NODE_UP && n->meant && (n->first == MV_NONE || mv_level(n) < (b->goal->low > 0 ? b->goal->low : 0.3));
  for (int32_t a = n->first; a != MV_NONE; a = b->allocs[a].next) {
    g->able &= mv_movable(&b->allocs[a]);
    g->moves++;
    g->cost_MiB += b->allocs[a].cost_MiB;
  }
}

static int by_cost(const void *x, const void *y, void *ctx)
{
  const struct group *groups = ctx, *p = &groups[*(const int32_t *)x], *q = &groups[*(const int32_t *)y];
  if (p->moves != q->moves)
    return p->moves < q->moves ? -1 : 1;
  if (p->cost_MiB != q->cost_MiB)
    return p->cost_MiB < q->cost_MiB ? -1 : 1;
  return fabs(p->idle_W - q->idle_W) > 0 ? (p->idle_W > q->idle_W ? -1 : 1) : (p > q) - (p < q);
}

static bool gather(struct sleeper *s)
{
  size_t nodes = s->b->n_nodes;
  int32_t *of_domain = malloc((nodes + 1) * sizeof *of_domain);
  s->groups = calloc(nodes + 1, sizeof *s->groups);
  s->group_of = malloc((nodes + 1) * sizeof *s->group_of);
  s->next = malloc((nodes + 1) * sizeof *s->next);
  s->by_turn = malloc((nodes + 1) * sizeof *s->by_turn);
  bool ok = of_domain && s->groups && s->group_of && s->next && s->by_turn;
  for (size_t i = 0; ok && i < nodes; i++)
    of_domain[i] = MV_NONE;
  for (size_t i = nodes; ok && i; i--) {
    struct group *g = &s->groups[s->group_of[i - 1] = group_for(s, (int32_t)i - 1, of_domain)];
    s->next[i - 1] = g->first;
    g->first = (int32_t)i - 1;
    weigh(s, (int32_t)i - 1);
  }
  for (size_t i = 0; ok && i < s->n_groups; i++)
    if (s->groups[i].able && s->groups[i].nodes)
      s->by_turn[s->n_able++] = (int32_t)i;
  if (ok)
    qsort_r(s->by_turn, s->n_able, sizeof *s->by_turn, by_cost, s->groups);
  free(of_domain);
  return ok;
}

/* --- moving, and back --- */

static bool shift(struct sleeper *s, int32_t alloc, int32_t to)
{
  if (!mv_grow((void **)&s->trail, &s->room_trail, s->n_trail, sizeof *s->trail))
    return !(s->b->short_of_memory = true);
  s->trail[s->n_trail++] = (struct mv_shift){.alloc = alloc, .from = s->b->allocs[alloc].node, .to = to};
  mv_shift(s->b, alloc, to);
  return true;
}

static bool shift_together(struct sleeper *s, int32_t alloc, size_t most)
{
  struct mv_shift party[MV_PARTY];
  size_t count = mv_party(s->b, alloc, MV_NONE, most - s->b->moved, false, party), done = 0;
  while (done < count && shift(s, party[done].alloc, party[done].to))
    done++;
  return count && done == count;
}

static void back_to(struct sleeper *s, size_t mark)
{
  for (; s->n_trail > mark; s->n_trail--)
    mv_shift(s->b, s->trail[s->n_trail - 1].alloc, s->trail[s->n_trail - 1].from);
}

static void shut(struct sleeper *s, struct group *g, bool sleeps)
{
  g->sleeps = sleeps;
  for (int32_t n = g->first; n != MV_NONE; n = s->next[n]) {
    s->b->nodes[n].shut = sleeps;
    s->b->nodes[n].sleeps = sleeps && s->b->nodes[n].state == PL_NODE_UP;
  }
}

struct item {
  int32_t alloc;
  double size; /* share of the node that it is on */
};

static int by_size(const void *x, const void *y)
{
  const struct item *p = x, *q = y;
  return p->size != q->size ? (p->size < q->size ? 1 : -1) : (p->alloc > q->alloc) - (p->alloc < q->alloc);
}

static size_t list(struct sleeper *s, const struct group *g, size_t count)
{
  const struct mv_board *b = s->b;
  for (int32_t n = g->first; n != MV_NONE; n = s->next[n])
    for (int32_t a = b->nodes[n].state == PL_NODE_UP || b->nodes[n].lost ? b->nodes[n].first : MV_NONE; a != MV_NONE; a = b->allocs[a].next) {
      struct item *item = &s->items[count++];
      *item = (struct item){.alloc = a};
      for (int d = 0; d < PL_DIMENSION_COUNT; d++)
        item->size = fmax(item->size, (double)b->allocs[a].need.of[d] * b->nodes[n].per[d]);
    }
  return count;
}

static bool empty(struct sleeper *s, struct group *g, size_t most)
{
  struct mv_board *b = s->b;
  shut(s, g, true);
  size_t count = list(s, g, 0);
  qsort(s->items, count, sizeof *s->items, by_size);
  for (size_t i = 0; i < count; i++) {
    if (!b->nodes[b->allocs[s->items[i].alloc].node].shut) /* it went with another */
      continue;
    int32_t to = mv_best(b, s->items[i].alloc);
    if (!(to == MV_NONE ? shift_together(s, s->items[i].alloc, most) : shift(s, s->items[i].alloc, to)) || b->moved > most)
      return false;
  }
  return true;
}

/* --- could some be lost? --- */

/* First fit, beginning where the last one went. What nothing else in the pool could ever run is nobody's spare. */
static bool takes_over(struct sleeper *s, int32_t alloc, size_t *start)
{
  struct mv_board *b = s->b;
  const struct mv_alloc *a = &b->allocs[alloc];
  bool able = false;
  for (size_t i = 0; a->only == MV_NONE && i < b->n_nodes; i++) {
    size_t n = (*start + i) % b->n_nodes;
    able |= b->nodes[n].state != PL_NODE_GONE && !(a->features & ~b->nodes[n].features);
    if (b->nodes[n].state == PL_NODE_UP && mv_fits(b, alloc, (int32_t)n) && mv_suits(b, alloc, (int32_t)n)) {
      *start = n;
      return shift(s, alloc, (int32_t)n);
    }
  }
  return !able;
}

static void lose(struct sleeper *s, const struct group *g, bool lost)
{
  for (int32_t at = g->first; at != MV_NONE; at = s->next[at]) {
    struct mv_node *n = &s->b->nodes[at];
    if (lost ? n->state == PL_NODE_UP : n->lost)
      n->state = lost ? PL_NODE_GONE : PL_NODE_UP;
    n->lost = lost && n->state == PL_NODE_GONE;
  }
}

static bool survives_loss(struct sleeper *s, const int32_t *lost, size_t n_lost)
{
  size_t mark = s->n_trail, start = 0, count = 0;
  bool ok = true;
  for (size_t i = 0; i < n_lost; i++)
    lose(s, &s->groups[lost[i]], true);
  for (size_t i = 0; i < n_lost; i++)
    count = list(s, &s->groups[lost[i]], count);
  qsort(s->items, count, sizeof *s->items, by_size);
  for (size_t i = 0; ok && i < count; i++)
    ok = takes_over(s, s->items[i].alloc, &start);
  back_to(s, mark);
  for (size_t i = 0; i < n_lost; i++)
    lose(s, &s->groups[lost[i]], false);
  return ok;
}

static bool is_busy(const struct sleeper *s, const struct group *g)
{
  for (int32_t n = g->first; n != MV_NONE; n = s->next[n])
    if (s->b->nodes[n].state == PL_NODE_UP && s->b->nodes[n].first != MV_NONE)
      return true;
  return false;
}

static int64_t given(const struct sleeper *s, const struct group *g, int d)
{
  int64_t sum = 0;
  for (int32_t n = g->first; n != MV_NONE; n = s->next[n])
    sum += s->b->nodes[n].used.of[d];
  return sum;
}

/* The `spare` groups that carry the most of each dimension, all lost at once. */
static bool survives_worst(struct sleeper *s, int32_t *awake, size_t count, size_t spare)
{
  for (int d = 0; d < PL_DIMENSION_COUNT; d++) {
    for (size_t i = 0; i < spare; i++) /* the largest to the front */
      for (size_t k = i + 1; k < count; k++)
        if (given(s, &s->groups[awake[k]], d) > given(s, &s->groups[awake[i]], d)) {
          int32_t swap = awake[i];
          awake[i] = awake[k];
          awake[k] = swap;
        }
    if (!survives_loss(s, awake, spare))
      return false;
  }
  return true;
}

static bool survives(struct sleeper *s)
{
  size_t spare = s->b->goal->spare, count = 0, busy = 0;
  int32_t *awake = malloc((s->n_groups + 1) * sizeof *awake);
  bool ok = awake;
  for (size_t i = 0; ok && i < s->n_groups; i++)
    if (s->groups[i].nodes && !s->groups[i].sleeps) {
      awake[count++] = (int32_t)i;
      busy += is_busy(s, &s->groups[i]);
    }
  if (count <= spare) /* one stays awake, whatever there is */
    ok = count && !busy;
  else if (ok && spare == 2 && count <= PAIRS_MOST)
    for (size_t i = 0; ok && i < count; i++)
      for (size_t k = i + 1; ok && k < count; k++)
        ok = survives_loss(s, (int32_t[]){awake[i], awake[k]}, 2);
  else if (ok && spare > 1)
    ok = survives_worst(s, awake, count, spare);
  else
    for (size_t i = 0; ok && spare && i < count; i++)
      ok = survives_loss(s, &awake[i], 1);
  free(awake);
  return ok;
}

/* --- the whole: in strides, which halve where one fails --- */

static size_t stride(struct sleeper *s, size_t from, size_t count, size_t most)
{
  size_t slept = 0;
  for (size_t i = from; i < from + count; i++) {
    size_t mark = s->n_trail;
    struct group *g = &s->groups[s->by_turn[i]];
    if (empty(s, g, most)) {
      slept++;
    } else {
      back_to(s, mark);
      shut(s, g, false);
    }
  }
  return slept;
}

static void wake(struct sleeper *s, size_t from, size_t count, size_t mark)
{
  back_to(s, mark);
  for (size_t i = from; i < from + count; i++)
    shut(s, &s->groups[s->by_turn[i]], false);
}

static void put_to_sleep(struct sleeper *s, size_t most)
{
  size_t large = s->n_able > 64 ? s->n_able / 16 : 1, at = 0, failed = 0;
  while (at < s->n_able && failed < TRIES && !s->b->short_of_memory) {
    size_t mark = s->n_trail, count = large < s->n_able - at ? large : s->n_able - at;
    if (!stride(s, at, count, most) || survives(s)) {
      at += count;
      continue;
    }
    wake(s, at, count, mark);
    s->redundant = true;
    failed += count == 1;
    at += count == 1;
    large = count > 1 ? count / 2 : 1;
  }
}

static void tell(const struct sleeper *s, char why[MV_WHY])
{
  static const char *const many[PL_DOMAIN_COUNT] = {"nodes", "modules", "racks", "feeds"};
  const struct pl_goal_desc *goal = s->b->goal;
  double low = (goal->low > 0 ? goal->low : 0.3) * 100, saved_W = 0;
  size_t groups = 0, nodes = 0;
  for (size_t i = 0; i < s->n_groups; i++)
    if (s->groups[i].sleeps) {
      groups++;
      nodes += s->groups[i].nodes;
      saved_W += s->groups[i].idle_W;
    }
  char spare[128] = "";
  if (s->redundant && !goal->spare)
    snprintf(spare, sizeof spare, "one stays awake for what comes");
  else if (s->redundant)
    snprintf(spare, sizeof spare, "what is left awake would not take the loss of %u of them", goal->spare);
  if (groups)
    snprintf(why, MV_WHY, "%zu moves, %lld MiB, let %zu of the %s sleep: %zu nodes, %.0f W%s%s", s->b->moved, (long long)s->b->cost_MiB, groups,
             many[goal->sleep_in], nodes, saved_W, spare[0] ? "; no more: " : "", spare);
  else if (!s->n_able)
    snprintf(why, MV_WHY, "nothing can sleep: none of the %s stands below %.0f %% on all of its nodes with nothing on them that must stay", many[goal->sleep_in], low);
  else
    snprintf(why, MV_WHY, "nothing can sleep: %zu of the %s stand below %.0f %%, but %s", s->n_able, many[goal->sleep_in], low,
             spare[0] ? spare : "what is on them fits nowhere else without bringing a node too high, or takes more moves than were asked for");
}

void mv_consolidate(struct mv_board *board, size_t most, char why[MV_WHY])
{
  struct sleeper s = {.b = board};
  for (size_t i = 0; i < board->n_nodes; i++)
    board->nodes[i].sleeps = board->nodes[i].shut = false;
  s.items = malloc((board->n_allocs + 1) * sizeof *s.items);
  if (!s.items || !gather(&s)) {
    board->short_of_memory = true;
  } else {
    put_to_sleep(&s, most);
    tell(&s, why);
  }
  void *const arrays[] = {s.groups, s.group_of, s.next, s.by_turn, s.trail, s.items};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
    free(arrays[i]);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "control/placement/moves.h"

#include "control/placement/moves_in.h"
#include "control/placement/pool_watch.h"

#include <math.h>
#include <stdarg.h>

enum { ROUNDS = 4, LOOKS = 2000000 }; /* searches, where an order could not be found; and the work of all of them */

/* --- sentences --- */

static void say(char why[MV_WHY], const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(char why[MV_WHY], const char *format, ...)
{
  size_t at = strlen(why);
  va_list args;
  va_start(args, format);
  (void)vsnprintf(why + at, MV_WHY - at, format, args);
  va_end(args);
}

static void say_nodes(const struct mv_board *b, char why[MV_WHY])
{
  size_t count = 0;
  for (size_t n = 0; n < b->n_nodes; n++)
    count += b->nodes[n].required;
  for (size_t n = 0, told = 0; n < b->n_nodes; n++)
    if (b->nodes[n].required && told++ < 4)
      say(why, "%s%s", told == 1 ? "" : told == count ? " and " : ", ", b->nodes[n].id);
  if (count > 4)
    say(why, " and %zu more", count - 4);
}

static void say_first_stuck(const struct mv_board *b, char why[MV_WHY])
{
  const struct mv_alloc *first = NULL;
  size_t count = 0;
  char text[200];
  for (size_t i = 0; i < b->n_allocs; i++) {
    const struct mv_alloc *a = &b->allocs[i];
    if (!b->nodes[a->node].empty || mv_movable(a))
      continue;
    count++;
    if (!first || a->priority > first->priority)
      first = a;
  }
  if (!first)
    return;
  mv_why_not(b, (int32_t)(first - b->allocs), text, sizeof text);
  say(why, "; %zu %s: \"%s\" (priority %d): %s", count, count == 1 ? "stays" : "stay, the first of them", first->id, first->priority, text);
}

/* --- everything off some nodes --- */

struct leaver {
  int32_t alloc;
  double size; /* share of all that there is */
};

static int by_size(const void *x, const void *y)
{
  const struct leaver *p = x, *q = y;
  return p->size != q->size ? (p->size < q->size ? 1 : -1) : (p->alloc > q->alloc) - (p->alloc < q->alloc);
}

static int by_priority(const void *x, const void *y, void *ctx)
{
  const struct mv_board *b = ctx;
  int p = b->allocs[((const struct leaver *)x)->alloc].priority, q = b->allocs[((const struct leaver *)y)->alloc].priority;
  return p != q ? (p < q ? 1 : -1) : by_size(x, y);
}

static struct leaver *leavers_of(const struct mv_board *b, size_t *count)
{
  struct pl_amounts all = {0};
  struct leaver *leavers = malloc((b->n_allocs + 1) * sizeof *leavers);
  *count = 0;
  for (size_t n = 0; n < b->n_nodes; n++)
    for (int d = 0; d < PL_DIMENSION_COUNT && b->nodes[n].state == PL_NODE_UP; d++)
      all.of[d] += b->nodes[n].capacity.of[d];
  for (size_t i = 0; leavers && i < b->n_allocs; i++) {
    const struct mv_alloc *a = &b->allocs[i];
    if (!b->nodes[a->home].empty || !mv_movable(a))
      continue;
    leavers[*count] = (struct leaver){.alloc = (int32_t)i};
    for (int d = 0; d < PL_DIMENSION_COUNT; d++)
      if (all.of[d] > 0)
        leavers[*count].size = fmax(leavers[*count].size, (double)a->need.of[d] / (double)all.of[d]);
    ++*count;
  }
  return leavers;
}

static bool has_left(const struct mv_board *b, int32_t alloc)
{
  return b->allocs[alloc].node != b->allocs[alloc].home;
}

/* Where all fit as it is, the largest first packs best; where not, priority decides, and others make room. False: some do not fit. */
static bool leave(struct mv_board *b, struct leaver *leavers, size_t count, size_t most)
{
  size_t placed = 0;
  qsort(leavers, count, sizeof *leavers, by_size);
  while (count <= most && placed < count && (has_left(b, leavers[placed].alloc) || mv_leave(b, leavers[placed].alloc, most - b->moved)))
    placed++;
  if (placed == count)
    return true;
  mv_home(b);
  qsort_r(leavers, count, sizeof *leavers, by_priority, b);
  bool all = true;
  for (size_t i = 0; i < count && b->moved < most; i++) {
    struct mv_alloc *a = &b->allocs[leavers[i].alloc];
    if (has_left(b, leavers[i].alloc)) /* with one that is more important */
      continue;
    a->hopeless = mv_hopeless(b, leavers[i].alloc);
    if (a->hopeless || !(mv_place(b, leavers[i].alloc, most - b->moved) || (!b->moved && mv_leave(b, leavers[i].alloc, MV_PARTY)))) {
      a->stuck = a->hopeless || most - b->moved > MV_EXTRA; /* else it may only be that too few moves are left */
      all &= a->hopeless;
    }
  }
  return all;
}

static void empty_nodes(struct mv_board *b, size_t most, size_t round)
{
  size_t count;
  struct leaver *leavers = leavers_of(b, &count);
  b->short_of_memory |= !leavers;
  bool all = leavers && leave(b, leavers, count, most);
  if (leavers && (!all || b->moved > count) && !round)
    (void)mv_improve(b, most, !all);
  free(leavers);
}

/* --- nodes that carry too much --- */

static double high_of(const struct pl_goal_desc *goal)
{
  return goal->high > 0 ? goal->high : 0.85;
}

static double settle_of(const struct pl_goal_desc *goal)
{
  return fmin(goal->settle > 0 ? goal->settle : 0.75, high_of(goal));
}

struct hot {
  int32_t node;
  double level;
};

static int by_level(const void *x, const void *y)
{
  const struct hot *p = x, *q = y;
  return p->level != q->level ? (p->level < q->level ? 1 : -1) : (p->node > q->node) - (p->node < q->node);
}

/* Down to where it settles; where that cannot be, at least to where it is not asked again; else within what it has. */
static bool relieve_node(struct mv_board *b, int32_t node, size_t most)
{
  const double tiers[] = {settle_of(b->goal), high_of(b->goal), 1};
  struct mv_node *n = &b->nodes[node];
  for (size_t i = 0; i < sizeof tiers / sizeof *tiers; i++) {
    mv_ceiling(n, tiers[i]);
    n->shut = i > 0; /* it takes nothing in exchange, where it does not settle */
    if (!mv_over(b, node) || mv_relieve(b, node, most - b->moved))
      return i == 0;
  }
  mv_ceiling(n, tiers[0]);
  n->required = false;
  return false;
}

/* One by one may have spoiled what all together can. */
static void relieve_all(struct mv_board *b, const struct hot *hot, size_t count, size_t most)
{
  struct mv_node *were = malloc((b->n_nodes + 1) * sizeof *were);
  for (size_t i = 0; were && i < count; i++) {
    were[i] = b->nodes[hot[i].node];
    mv_ceiling(&b->nodes[hot[i].node], settle_of(b->goal));
    b->nodes[hot[i].node].required = true;
    b->nodes[hot[i].node].shut = false;
  }
  if (were && !mv_improve(b, most, true))
    for (size_t i = 0; i < count; i++) {
      b->nodes[hot[i].node].ceiling = were[i].ceiling;
      b->nodes[hot[i].node].required = were[i].required;
      b->nodes[hot[i].node].shut = were[i].shut;
    }
  free(were);
}

static void relieve_nodes(struct mv_board *b, size_t most, size_t round)
{
  struct hot *hot = malloc((b->n_nodes + 1) * sizeof *hot);
  size_t count = 0;
  bool all = true;
  b->short_of_memory |= !hot;
  for (size_t n = 0; hot && n < b->n_nodes; n++)
    if (b->nodes[n].required)
      hot[count++] = (struct hot){(int32_t)n, mv_level(&b->nodes[n])};
  qsort(hot, hot ? count : 0, sizeof *hot, by_level);
  for (size_t i = 0; i < count; i++)
    all &= relieve_node(b, hot[i].node, most);
  if (count && !all && !round)
    relieve_all(b, hot, count, most);
  else if (count && !round)
    (void)mv_improve(b, most, false);
  free(hot);
}

/* --- the goals --- */

static bool is_meant(const struct mv_board *b, const char *id)
{
  for (size_t i = 0; i < b->goal->n_nodes; i++)
    if (!strcmp(b->goal->nodes[i], id))
      return true;
  return !b->goal->nodes;
}

static enum pl_status prepare(struct mv_board *b, struct pl_err *err)
{
  const struct pl_goal_desc *goal = b->goal;
  b->wakes = goal->goal != PL_GOAL_CONSOLIDATE;
  for (size_t i = 0; i < goal->n_nodes; i++)
    if (mv_board_node(b, goal->nodes[i]) == MV_NONE)
      return pl_fail(err, PL_E_USAGE, "moves: there is no node \"%s\" in the pool", goal->nodes[i]);
  if (goal->goal == PL_GOAL_EVACUATE && !goal->n_nodes)
    return pl_fail(err, PL_E_USAGE, "moves: which nodes are to be emptied? Name them");
  for (size_t i = 0; i < b->n_nodes; i++) {
    struct mv_node *n = &b->nodes[i];
    bool meant = goal->n_nodes <= 16 || goal->goal == PL_GOAL_EVACUATE ? is_meant(b, n->id) : true;
    n->empty = meant && (goal->goal == PL_GOAL_EVACUATE || (goal->goal == PL_GOAL_REPAIR && n->state == PL_NODE_GONE));
    n->shut = n->empty;
    n->required = n->empty || (meant && goal->goal == PL_GOAL_RELIEVE && n->state != PL_NODE_GONE && mv_level(n) > high_of(goal));
    n->meant = meant;
    if (b->soft)
      mv_ceiling(n, settle_of(goal));
  }
  return PL_OK;
}

static void search(struct mv_board *b, size_t most, size_t round, char why[MV_WHY])
{
  mv_home(b);
  switch (b->goal->goal) {
  case PL_GOAL_EVACUATE:
  case PL_GOAL_REPAIR: empty_nodes(b, most, round); break;
  case PL_GOAL_RELIEVE: relieve_nodes(b, most, round); break;
  case PL_GOAL_CONSOLIDATE: mv_consolidate(b, most, why); break;
  }
}

/* --- what is told --- */

static size_t left_behind(const struct mv_board *b, size_t *waiting)
{
  size_t stranded = 0;
  *waiting = 0;
  for (size_t i = 0; i < b->n_allocs; i++)
    if (b->nodes[b->allocs[i].node].empty)
      ++*(mv_movable(&b->allocs[i]) ? waiting : &stranded);
  return stranded;
}

static void tell_emptied(const struct mv_board *b, size_t moves, char why[MV_WHY])
{
  size_t waiting, stranded = left_behind(b, &waiting), others = 0;
  bool repair = b->goal->goal == PL_GOAL_REPAIR;
  for (size_t i = 0; i < b->n_allocs; i++)
    others += b->allocs[i].node != b->allocs[i].home && !b->nodes[b->allocs[i].home].empty;
  if (!moves && !stranded && !waiting) {
    say(why, repair ? "nothing is lost: no allocation is on a node that is gone" : "nothing to move: no allocation is on ");
    if (!repair)
      say_nodes(b, why);
    return;
  }
  say(why, "%zu %s %s ", moves, moves == 1 ? "move" : "moves", repair ? "anew of what was on" : stranded || waiting ? "off" : "take everything off");
  say_nodes(b, why);
  say(why, ", %lld MiB", (long long)b->cost_MiB);
  if (others)
    say(why, "; %zu of them make room", others);
  if (waiting)
    say(why, "; %zu more wait, for at most %zu moves were asked for", waiting, b->goal->most);
  say_first_stuck(b, why);
}

static void tell_relieved(const struct mv_board *b, size_t moves, char why[MV_WHY])
{
  size_t above = 0, eased = 0;
  const struct mv_node *first = NULL;
  for (size_t i = 0; i < b->n_nodes; i++) {
    const struct mv_node *n = &b->nodes[i];
    bool still = n->meant && n->state != PL_NODE_GONE && mv_level(n) > high_of(b->goal);
    above += still;
    eased += n->required && !still;
    if (still && !first)
      first = n;
  }
  if (moves)
    say(why, "%zu %s, %lld MiB, bring %zu %s from above %.0f %% to %.0f %% or less", moves, moves == 1 ? "move" : "moves", (long long)b->cost_MiB, eased,
        eased == 1 ? "node" : "nodes", high_of(b->goal) * 100, settle_of(b->goal) * 100);
  else if (!above)
    say(why, "nothing to relieve: no node stands above %.0f %%", high_of(b->goal) * 100);
  if (above)
    say(why, "%s%zu %s above %.0f %% (%s at %.0f %%): nothing on it fits where it would stay below %.0f %%%s", moves ? "; " : "", above,
        above == 1 ? "node stays" : "nodes stay", high_of(b->goal) * 100, first->id, mv_level(first) * 100, settle_of(b->goal) * 100,
        b->goal->most ? ", or it takes more moves than were asked for" : "");
}

struct copier {
  char *at;
};

static const char *copy(struct copier *to, const char *text)
{
  size_t size = strlen(text) + 1;
  char *at = to->at;
  memcpy(at, text, size);
  to->at += size;
  return at;
}

static int by_rank(const void *x, const void *y, void *ctx)
{
  const struct mv_alloc *allocs = ((const struct mv_board *)ctx)->allocs;
  int32_t p = *(const int32_t *)x, q = *(const int32_t *)y;
  return allocs[p].priority != allocs[q].priority ? (allocs[p].priority < allocs[q].priority ? 1 : -1) : (p > q) - (p < q);
}

static void answer_names(struct mv_board *b, struct pl_moves *moves, int32_t *behind, struct copier *text)
{
  for (size_t i = 0; i < b->n_allocs; i++)
    if (b->nodes[b->allocs[i].node].empty && !mv_movable(&b->allocs[i]))
      behind[moves->n_stranded++] = (int32_t)i;
  qsort_r(behind, moves->n_stranded, sizeof *behind, by_rank, b);
  for (size_t i = 0; i < moves->n_stranded; i++)
    moves->stranded[i] = copy(text, b->allocs[behind[i]].id);
  for (size_t i = 0; i < b->n_nodes; i++)
    if (b->nodes[i].sleeps)
      moves->sleep[moves->n_sleep++] = copy(text, b->nodes[i].id);
}

static enum pl_status answer(struct mv_board *b, const struct mv_order *order, struct pl_moves *moves, struct pl_err *err)
{
  size_t waiting, stranded = left_behind(b, &waiting), sleeping = 0, text = 1;
  for (size_t i = 0; i < order->count; i++)
    text += strlen(b->allocs[order->shifts[i].alloc].id) + strlen(b->nodes[order->shifts[i].from].id) + strlen(b->nodes[order->shifts[i].to].id) + 3;
  for (size_t i = 0; i < b->n_allocs; i++)
    text += b->nodes[b->allocs[i].node].empty ? strlen(b->allocs[i].id) + 1 : 0;
  for (size_t i = 0; i < b->n_nodes; i++) {
    text += b->nodes[i].sleeps ? strlen(b->nodes[i].id) + 1 : 0;
    sleeping += b->nodes[i].sleeps;
  }
  moves->moves = calloc(order->count + 1, sizeof *moves->moves);
  moves->stranded = calloc(stranded + 1, sizeof *moves->stranded);
  moves->sleep = calloc(sleeping + 1, sizeof *moves->sleep);
  moves->owned = malloc(text);
  int32_t *behind = malloc((stranded + 1) * sizeof *behind);
  struct copier to = {moves->owned};
  if (!moves->moves || !moves->stranded || !moves->sleep || !moves->owned || !behind) {
    free(behind);
    pl_moves_end(moves);
    return pl_fail(err, PL_E_NOMEM, "moves: no memory for a plan of %zu moves", order->count);
  }
  for (size_t i = 0; i < order->count; i++) {
    const struct mv_shift *shift = &order->shifts[i];
    const struct mv_alloc *a = &b->allocs[shift->alloc];
    moves->moves[moves->count++] = (struct pl_move){.id = copy(&to, a->id), .from = copy(&to, b->nodes[shift->from].id), .to = copy(&to, b->nodes[shift->to].id),
                                                    .cost = (double)a->cost_MiB, .after = order->after[i], .group = shift->group};
  }
  answer_names(b, moves, behind, &to);
  free(behind);
  return PL_OK;
}

static enum pl_status no_memory(struct pl_err *err)
{
  return pl_fail(err, PL_E_NOMEM, "moves: no memory for a plan");
}

enum pl_status pl_moves_plan(const struct pl_pool *pool, const struct pl_goal_desc *goal, struct pl_moves *moves, struct pl_err *err)
{
  struct mv_board b;
  struct mv_order order = {0};
  size_t most = goal->most ? goal->most : SIZE_MAX;
  *moves = (struct pl_moves){0};
  enum pl_status status = mv_board_read(pool, goal, &b, err);
  if (status)
    return status;
  b.budget = LOOKS;
  status = prepare(&b, err);
  for (size_t round = 0; !status && round < ROUNDS; round++) {
    mv_order_end(&order);
    moves->why[0] = '\0';
    search(&b, most, round, moves->why);
    if (mv_order(&b, most, &order))
      break;
  }
  if (!status && b.short_of_memory)
    status = no_memory(err);
  if (!status && goal->goal == PL_GOAL_RELIEVE)
    tell_relieved(&b, order.count, moves->why);
  else if (!status && goal->goal != PL_GOAL_CONSOLIDATE)
    tell_emptied(&b, order.count, moves->why);
  if (!status)
    status = answer(&b, &order, moves, err);
  if (!status)
    pl_pool_tell(pool, (struct pl_pool_call){.verb = PL_POOL_MOVES, .goal = goal, .moves = moves});
  mv_order_end(&order);
  mv_board_end(&b);
  return status;
}

/* A party, in its order. */
static enum pl_status answer_party(struct mv_board *b, const struct mv_shift *party, size_t count, struct pl_moves *moves, struct pl_err *err)
{
  struct mv_order order = {0};
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < count; i++)
    mv_shift(b, party[i].alloc, party[i].to);
  bool ordered = mv_order(b, SIZE_MAX, &order);
  if (b->short_of_memory)
    status = no_memory(err);
  else if (!ordered)
    status = pl_fail(err, PL_E_RANGE, "their places are free only when others have left them");
  else
    status = answer(b, &order, moves, err);
  mv_order_end(&order);
  return status;
}

static void tell_party(const struct pl_pool *pool, enum pl_pool_verb verb, const struct pl_shift *asked, enum pl_status status, const struct pl_moves *moves)
{
  if (!status || status == PL_E_RANGE)
    pl_pool_tell(pool, (struct pl_pool_call){.verb = verb, .status = status, .shifts = asked, .count = asked != NULL, .moves = moves});
}

enum pl_status pl_moves_together(const struct pl_pool *pool, const char *id, const char *to, struct pl_moves *moves, struct pl_err *err)
{
  static const struct pl_goal_desc GOAL = {.goal = PL_GOAL_EVACUATE};
  struct mv_board b;
  struct mv_shift party[MV_PARTY];
  size_t alloc = 0, count = 0;
  *moves = (struct pl_moves){0};
  enum pl_status status = mv_board_read(pool, &GOAL, &b, err);
  if (status)
    return status;
  b.budget = LOOKS;
  while (alloc < b.n_allocs && strcmp(b.allocs[alloc].id, id) != 0)
    alloc++;
  int32_t node = to ? mv_board_node(&b, to) : MV_NONE;
  if (alloc == b.n_allocs || (to && node == MV_NONE))
    status = pl_fail(err, PL_E_USAGE, "moves: there is no %s \"%s\" in the pool", alloc == b.n_allocs ? "allocation" : "node", alloc == b.n_allocs ? id : to);
  else if (!(count = mv_party(&b, (int32_t)alloc, node, SIZE_MAX, false, party)) && !b.short_of_memory)
    status = pl_fail(err, PL_E_RANGE, "%s has no room for all of them", to ? to : "no other place");
  else
    status = answer_party(&b, party, count, moves, err);
  snprintf(moves->why, sizeof moves->why, "with it goes what is tied to it");
  mv_board_end(&b);
  tell_party(pool, PL_POOL_TOGETHER, &(const struct pl_shift){id, to}, status, moves);
  return status;
}

enum pl_status pl_moves_reunite(const struct pl_pool *pool, struct pl_moves *moves, struct pl_err *err)
{
  static const struct pl_goal_desc GOAL = {.goal = PL_GOAL_EVACUATE};
  struct mv_board b;
  struct mv_shift party[MV_PARTY];
  size_t count = 0;
  *moves = (struct pl_moves){0};
  enum pl_status status = mv_board_read(pool, &GOAL, &b, err);
  if (status)
    return status;
  b.budget = LOOKS;
  for (size_t i = 0; i < b.n_allocs && !count; i++)
    count = mv_reunite(&b, (int32_t)i, party);
  if (count || b.short_of_memory)
    status = answer_party(&b, party, count, moves, err);
  snprintf(moves->why, sizeof moves->why, "it is to be with what it was parted from");
  mv_board_end(&b);
  tell_party(pool, PL_POOL_REUNITE, NULL, status, moves);
  return status;
}

void pl_moves_end(struct pl_moves *moves)
{
  free(moves->moves);
  free(moves->stranded);
  free(moves->sleep);
  free(moves->owned);
  *moves = (struct pl_moves){0};
}

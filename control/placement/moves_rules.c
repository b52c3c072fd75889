/* SPDX-License-Identifier: Apache-2.0 */
#include "control/placement/moves_in.h"

#include <math.h>

#define HOT 0.85 /* of the way to where it must not go: a target only where there is no other */

/* What is had or not is not what a node suffers from. */
static bool counts(int dimension)
{
  return dimension != PL_DIMENSION_ACCELERATORS && dimension != PL_DIMENSION_WORKLOADS;
}

struct pl_amounts mv_load(const struct mv_board *board, int32_t alloc)
{
  const struct mv_alloc *a = &board->allocs[alloc];
  struct pl_amounts load = a->need;
  const double *grow = board->nodes[a->home].grow;
  for (int d = 0; board->soft && d < PL_DIMENSION_COUNT; d++)
    if (grow[d] > 1)
      load.of[d] = (int64_t)((double)a->need.of[d] * grow[d]);
  return load;
}

bool mv_movable(const struct mv_alloc *alloc)
{
  return !alloc->fixed && !alloc->stuck;
}

double mv_level(const struct mv_node *node)
{
  double level = 0;
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    if (counts(d) && node->load.of[d] > 0)
      level = fmax(level, node->capacity.of[d] > 0 ? (double)node->load.of[d] * node->per[d] : INFINITY);
  return level;
}

void mv_ceiling(struct mv_node *node, double share)
{
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    node->ceiling.of[d] = counts(d) ? (int64_t)((double)node->capacity.of[d] * share) : node->capacity.of[d];
}

/* --- what binds it to others, or parts it from them --- */

static bool gone(const struct mv_board *b, int32_t node)
{
  return b->nodes[node].state == PL_NODE_GONE;
}

bool mv_same_domain(const struct mv_board *board, enum pl_domain domain, int32_t a, int32_t b)
{
  return a == b || (board->nodes[a].domain[domain] != MV_NONE && board->nodes[a].domain[domain] == board->nodes[b].domain[domain]);
}

/* Is one of the set in one domain with that node, when `mover` is at `at`? Where nobody of it is anywhere, nobody is missed. */
static bool has_company(const struct mv_board *b, const struct mv_set *set, enum pl_domain domain, int32_t owner, int32_t node, int32_t mover, int32_t at)
{
  bool none = true;
  for (int32_t m = set->members; m != MV_NONE; m = b->memberships[m].next_of_set) {
    int32_t other = b->memberships[m].alloc, there = other == mover ? at : b->allocs[other].node;
    if (other == owner || gone(b, there))
      continue;
    if (mv_same_domain(b, domain, node, there))
      return true;
    none = false;
  }
  return none;
}

/* company false: `with` is not asked of it yet, others may follow. */
static bool own_ties_hold(const struct mv_board *b, int32_t alloc, int32_t node, bool company)
{
  for (int32_t t = b->allocs[alloc].ties; t != MV_NONE; t = b->ties[t].next_of_owner) {
    const struct mv_tie *tie = &b->ties[t];
    const struct mv_set *set = &b->sets[tie->set];
    if (tie->with && company && !has_company(b, set, tie->domain, alloc, node, MV_NONE, MV_NONE))
      return false;
    for (int32_t m = tie->with ? MV_NONE : set->members; m != MV_NONE; m = b->memberships[m].next_of_set) {
      int32_t other = b->memberships[m].alloc;
      if (other != alloc && !gone(b, b->allocs[other].node) && mv_same_domain(b, tie->domain, node, b->allocs[other].node))
        return false;
    }
  }
  return true;
}

/* What others ask of it: who wants to be apart from it, and who would be left alone by it. */
static bool others_ties_hold(const struct mv_board *b, int32_t alloc, int32_t node, bool company)
{
  for (int32_t m = b->allocs[alloc].memberships; m != MV_NONE; m = b->memberships[m].next_of_alloc) {
    const struct mv_set *set = &b->sets[b->memberships[m].set];
    for (int32_t t = set->owners; t != MV_NONE; t = b->ties[t].next_of_set) {
      const struct mv_tie *tie = &b->ties[t];
      int32_t there = b->allocs[tie->owner].node;
      if (tie->owner == alloc || gone(b, there))
        continue;
      if (!tie->with && mv_same_domain(b, tie->domain, node, there))
        return false;
      if (tie->with && company && mv_same_domain(b, tie->domain, there, b->allocs[alloc].node) && !mv_same_domain(b, tie->domain, there, node) &&
          !has_company(b, set, tie->domain, tie->owner, there, alloc, node))
        return false;
    }
  }
  return true;
}

static bool replicas_hold(const struct mv_board *b, int32_t alloc, int32_t node)
{
  const struct mv_alloc *a = &b->allocs[alloc];
  if (a->replicas == MV_NONE)
    return true;
  const struct mv_set *set = &b->sets[a->replicas];
  size_t together = 1;
  for (int32_t m = set->members; m != MV_NONE; m = b->memberships[m].next_of_set) {
    int32_t other = b->memberships[m].alloc;
    together += other != alloc && !gone(b, b->allocs[other].node) && mv_same_domain(b, a->spread, node, b->allocs[other].node);
  }
  return together <= a->together;
}

/* Held at both ends: what a domain has to bear counts twice while it moves within it; what is on a node that is gone is held there no more. */
bool mv_holds_twice(const struct mv_board *board, int32_t from, int32_t to, enum pl_domain domain)
{
  return !gone(board, from) || board->nodes[from].domain[domain] != board->nodes[to].domain[domain];
}

static bool limits_hold(const struct mv_board *b, const struct mv_alloc *a, int32_t node)
{
  for (int i = 0; i < PL_DOMAIN_COUNT; i++) {
    int32_t l = b->nodes[node].limit[i];
    const struct mv_limit *limit = l != MV_NONE && mv_holds_twice(b, a->node, node, (enum pl_domain)i) ? &b->limits[l] : NULL;
    for (int d = 0; limit && d < PL_DIMENSION_COUNT; d++)
      if (limit->most.of[d] >= 0 && a->need.of[d] > 0 && limit->used.of[d] + a->need.of[d] > limit->most.of[d])
        return false;
  }
  return true;
}

bool mv_tied(const struct mv_board *board, int32_t a, int32_t b)
{
  const struct mv_alloc *x = &board->allocs[a], *y = &board->allocs[b];
  if (x->replicas != MV_NONE && x->replicas == y->replicas)
    return true;
  for (int32_t m = y->memberships; m != MV_NONE; m = board->memberships[m].next_of_alloc)
    for (int32_t t = x->ties; t != MV_NONE; t = board->ties[t].next_of_owner)
      if (board->ties[t].set == board->memberships[m].set)
        return true;
  for (int32_t m = x->memberships; m != MV_NONE; m = board->memberships[m].next_of_alloc)
    for (int32_t t = y->ties; t != MV_NONE; t = board->ties[t].next_of_owner)
      if (board->ties[t].set == board->memberships[m].set)
        return true;
  return false;
}

/* --- may it be there? --- */

static bool takes(const struct mv_board *b, const struct mv_node *n)
{
  return !n->shut && (n->state == PL_NODE_UP || (n->state == PL_NODE_ASLEEP && b->wakes));
}

static bool suits(const struct mv_board *board, int32_t alloc, int32_t node, bool company)
{
  const struct mv_alloc *a = &board->allocs[alloc];
  const struct mv_node *n = &board->nodes[node];
  return takes(board, n) && node != a->node && !(a->features & ~n->features) && node != a->never && (a->only == MV_NONE || a->only == node) &&
         limits_hold(board, a, node) && replicas_hold(board, alloc, node) && own_ties_hold(board, alloc, node, company) && others_ties_hold(board, alloc, node, company);
}

bool mv_suits(const struct mv_board *board, int32_t alloc, int32_t node)
{
  return suits(board, alloc, node, true);
}

bool mv_suits_alone(const struct mv_board *board, int32_t alloc, int32_t node)
{
  return suits(board, alloc, node, false);
}

bool mv_bound(const struct mv_board *board, int32_t alloc)
{
  for (int32_t t = board->allocs[alloc].ties; t != MV_NONE; t = board->ties[t].next_of_owner)
    if (board->ties[t].with)
      return true;
  for (int32_t m = board->allocs[alloc].memberships; m != MV_NONE; m = board->memberships[m].next_of_alloc)
    for (int32_t t = board->sets[board->memberships[m].set].owners; t != MV_NONE; t = board->ties[t].next_of_set)
      if (board->ties[t].with && board->ties[t].owner != alloc)
        return true;
  return false;
}

int32_t mv_lonely(const struct mv_board *board, const struct mv_shift *shift)
{
  int32_t alloc = shift->alloc, node = board->allocs[alloc].node;
  for (int32_t t = board->allocs[alloc].ties; t != MV_NONE; t = board->ties[t].next_of_owner)
    if (board->ties[t].with && !has_company(board, &board->sets[board->ties[t].set], board->ties[t].domain, alloc, node, MV_NONE, MV_NONE))
      return t;
  for (int32_t m = board->allocs[alloc].memberships; m != MV_NONE; m = board->memberships[m].next_of_alloc)
    for (int32_t t = board->sets[board->memberships[m].set].owners; t != MV_NONE; t = board->ties[t].next_of_set) {
      const struct mv_tie *tie = &board->ties[t];
      int32_t there = board->allocs[tie->owner].node;
      if (tie->with && tie->owner != alloc && !gone(board, there) && mv_same_domain(board, tie->domain, there, shift->from) &&
          !has_company(board, &board->sets[tie->set], tie->domain, tie->owner, there, MV_NONE, MV_NONE))
        return t;
    }
  return MV_NONE;
}

bool mv_fits(const struct mv_board *board, int32_t alloc, int32_t node)
{
  const struct mv_alloc *a = &board->allocs[alloc];
  const struct mv_node *n = &board->nodes[node];
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    if (a->need.of[d] > 0 && n->used.of[d] + a->need.of[d] > n->capacity.of[d])
      return false;
  return true;
}

bool mv_over(const struct mv_board *board, int32_t node)
{
  const struct mv_node *n = &board->nodes[node];
  for (int32_t a = n->empty ? n->first : MV_NONE; a != MV_NONE; a = board->allocs[a].next)
    if (mv_movable(&board->allocs[a]))
      return true;
  for (int d = 0; d < PL_DIMENSION_COUNT && !n->empty; d++)
    if (n->load.of[d] > n->ceiling.of[d])
      return true;
  return false;
}

static double rank(struct mv_board *board, int32_t alloc, int32_t node, bool company)
{
  const struct mv_alloc *a = &board->allocs[alloc];
  const struct mv_node *n = &board->nodes[node];
  const double *grow = board->nodes[a->home].grow;
  double level = 0;
  board->looks++;
  if (!takes(board, n))
    return -1;
  for (int d = 0; d < PL_DIMENSION_COUNT; d++) {
    int64_t need = a->need.of[d];
    if (need <= 0)
      continue;
    double load = (double)n->load.of[d] + (double)need * grow[d];
    if (n->used.of[d] + need > n->capacity.of[d] || load > (double)n->ceiling.of[d])
      return -1;
    if (counts(d))
      level = fmax(level, load * n->per[d]);
  }
  if (!suits(board, alloc, node, company))
    return -1;
  double roomy = board->goal->high > 0 ? board->goal->high : 0.85;
  int worse = n->heat >= HOT ? 3 : n->state == PL_NODE_ASLEEP ? 2 : level > roomy; /* hot, to be woken, near its own overload */
  return worse + 0.9 * (1 - fmin(level, 1)) + 0.1 * fmin(fmax(n->heat, 0), 1);
}

double mv_rank(struct mv_board *board, int32_t alloc, int32_t node)
{
  return rank(board, alloc, node, true);
}

double mv_rank_alone(struct mv_board *board, int32_t alloc, int32_t node)
{
  return rank(board, alloc, node, false);
}

/* --- why not --- */

static double shortage(const struct mv_alloc *a, const struct mv_node *n, int *dimension, int64_t *lacks)
{
  double worst = 0;
  for (int d = 0; d < PL_DIMENSION_COUNT; d++) {
    int64_t lack = a->need.of[d] > 0 ? n->used.of[d] + a->need.of[d] - n->capacity.of[d] : 0;
    double share = lack > 0 ? (double)lack / (double)a->need.of[d] : 0;
    if (share > worst) {
      worst = share;
      *dimension = d;
      *lacks = lack;
    }
  }
  return worst;
}

void mv_why_not(const struct mv_board *board, int32_t alloc, char *text, size_t size)
{
  const struct mv_alloc *a = &board->allocs[alloc];
  double least = INFINITY;
  int dimension = 0, nearest = MV_NONE;
  int64_t lacks = 0;
  if (a->fixed) {
    snprintf(text, size, "it must stay where it is (its request says so)");
    return;
  }
  for (size_t n = 0; n < board->n_nodes; n++) {
    int d = 0;
    int64_t lack = 0;
    if (!mv_suits(board, alloc, (int32_t)n))
      continue;
    double share = shortage(a, &board->nodes[n], &d, &lack);
    if (share < least) {
      least = share;
      dimension = d;
      lacks = lack;
      nearest = (int)n;
    }
  }
  if (nearest == MV_NONE && mv_bound(board, alloc))
    snprintf(text, size, "it can leave only together with what it is tied to (with), and no place that takes work has room for all of them");
  else if (nearest == MV_NONE)
    snprintf(text, size, "no node that takes work has what it asks for: features, affinity, failure domains, limits");
  else if (least > 0)
    snprintf(text, size, "%s comes nearest and lacks %lld %s of %s", board->nodes[nearest].id, (long long)lacks,
             pl_dimension_unit((enum pl_dimension)dimension), pl_dimension_name((enum pl_dimension)dimension));
  else
    snprintf(text, size, "its place, %s, is free only when it has left its own (a swap, and no third place has room)", board->nodes[nearest].id);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parties: allocations that are tied by `with` and can leave their node or domain only together. One goes first; whoever it leaves alone, or is alone itself, is
 * mended by one more that follows, until no tie is parted. Bounded in size and in looks.
 */
#include "control/placement/moves_in.h"

enum { LOOKS = 100000, TRIED = 4 }; /* of one party; places for each that follows */

struct party {
  struct mv_board *b;
  struct mv_shift *shifts;
  size_t count, size, from_home, most; /* size: of the party that is looked for; most: of those that leave their homes */
  bool crowd; /* places count that are over when it has come, if others could leave them */
  uint64_t until;
};

#define CROWDED 10 /* rank: after all that are free */

static double rank_of(const struct party *p, int32_t alloc, int32_t node)
{
  const struct mv_alloc *a = &p->b->allocs[alloc];
  const struct mv_node *n = &p->b->nodes[node];
  double rank = mv_rank_alone(p->b, alloc, node);
  if (rank >= 0 || !p->crowd || n->first == MV_NONE || !mv_suits_alone(p->b, alloc, node))
    return rank;
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    if (a->need.of[d] > n->ceiling.of[d])
      return -1;
  return CROWDED + n->heat;
}

static bool is_in(const struct party *p, int32_t alloc)
{
  for (size_t i = 0; i < p->count; i++)
    if (p->shifts[i].alloc == alloc)
      return true;
  return false;
}

static void add(struct party *p, int32_t alloc, int32_t to)
{
  struct mv_alloc *a = &p->b->allocs[alloc];
  p->shifts[p->count++] = (struct mv_shift){.alloc = alloc, .from = a->node, .to = to};
  p->from_home += a->node == a->home;
  mv_shift(p->b, alloc, to);
}

static void take_back(struct party *p)
{
  const struct mv_shift *last = &p->shifts[--p->count];
  mv_shift(p->b, last->alloc, last->from);
  p->from_home -= last->from == p->b->allocs[last->alloc].home;
}

static int32_t parted(const struct party *p)
{
  int32_t tie = MV_NONE;
  for (size_t i = 0; i < p->count && tie == MV_NONE; i++)
    tie = mv_lonely(p->b, &p->shifts[i]);
  return tie;
}

static bool mend(struct party *p);

struct places {
  struct {
    double rank;
    int32_t node;
  } of[TRIED];
  size_t count;
};

static void offer(struct places *places, double rank, int32_t node)
{
  size_t at = places->count;
  while (at && rank < places->of[at - 1].rank)
    at--;
  if (rank < 0 || at == TRIED)
    return;
  places->count += places->count < TRIED;
  memmove(&places->of[at + 1], &places->of[at], (places->count - at - 1) * sizeof *places->of);
  places->of[at].rank = rank;
  places->of[at].node = node;
}

/* One more, into the domain of that node. */
static bool bring(struct party *p, int32_t alloc, int32_t near, enum pl_domain domain)
{
  const struct mv_alloc *a = &p->b->allocs[alloc];
  struct places places = {0};
  if (is_in(p, alloc) || !mv_movable(a) || a->held || p->from_home + (a->node == a->home) > p->most)
    return false;
  int32_t n = near;
  do {
    offer(&places, rank_of(p, alloc, n), n);
    n = p->b->nodes[n].peer[domain];
  } while (n != near);
  for (size_t i = 0; i < places.count; i++) {
    add(p, alloc, places.of[i].node);
    if (mend(p))
      return true;
    take_back(p);
  }
  return false;
}

/* It follows to where one of those is that it is to be with; or one of them comes. */
static bool mend_tie(struct party *p, int32_t at)
{
  const struct mv_board *b = p->b;
  const struct mv_tie *tie = &b->ties[at];
  const struct mv_set *set = &b->sets[tie->set];
  for (int32_t m = set->members; m != MV_NONE; m = b->memberships[m].next_of_set) {
    int32_t other = b->memberships[m].alloc;
    if (other != tie->owner && b->nodes[b->allocs[other].node].state != PL_NODE_GONE && bring(p, tie->owner, b->allocs[other].node, tie->domain))
      return true;
  }
  for (int32_t m = set->members; m != MV_NONE; m = b->memberships[m].next_of_set)
    if (b->memberships[m].alloc != tie->owner && bring(p, b->memberships[m].alloc, b->allocs[tie->owner].node, tie->domain))
      return true;
  return false;
}

static bool mend(struct party *p)
{
  int32_t at = parted(p);
  return at == MV_NONE || (p->count < p->size && p->b->looks <= p->until && mend_tie(p, at));
}

size_t mv_reunite(struct mv_board *board, int32_t alloc, struct mv_shift party[MV_PARTY])
{
  struct party p = {.b = board, .shifts = party, .most = MV_PARTY, .until = board->looks + LOOKS};
  int32_t at = mv_lonely(board, &(const struct mv_shift){.alloc = alloc, .from = board->allocs[alloc].node, .to = board->allocs[alloc].node});
  size_t found = 0;
  if (at == MV_NONE || board->nodes[board->allocs[alloc].node].state == PL_NODE_GONE)
    return 0;
  for (p.size = 1; p.size <= MV_PARTY && !found && board->looks <= p.until; p.size++) {
    found = mend_tie(&p, at) ? p.count : 0;
    while (p.count)
      take_back(&p);
  }
  return found;
}

struct lead {
  double rank;
  int32_t node;
};

static int by_rank(const void *x, const void *y)
{
  const struct lead *p = x, *q = y;
  return p->rank < q->rank ? -1 : p->rank > q->rank ? 1 : (p->node > q->node) - (p->node < q->node);
}

static size_t leads_of(const struct party *p, int32_t alloc, int32_t to, struct lead *leads)
{
  size_t count = 0;
  for (size_t n = to == MV_NONE ? 0 : (size_t)to; n < (to == MV_NONE ? p->b->n_nodes : (size_t)to + 1); n++) {
    double rank = rank_of(p, alloc, (int32_t)n);
    if (rank >= 0)
      leads[count++] = (struct lead){rank, (int32_t)n};
  }
  qsort(leads, count, sizeof *leads, by_rank);
  return count;
}

size_t mv_party(struct mv_board *board, int32_t alloc, int32_t to, size_t most, bool crowd, struct mv_shift party[MV_PARTY])
{
  const struct mv_alloc *a = &board->allocs[alloc];
  struct party p = {.b = board, .shifts = party, .most = most, .crowd = crowd, .until = board->looks + LOOKS};
  if (!mv_bound(board, alloc) || !mv_movable(a) || (a->node == a->home && !most))
    return 0;
  struct lead *leads = malloc((board->n_nodes + 1) * sizeof *leads);
  size_t found = 0, count = leads ? leads_of(&p, alloc, to, leads) : 0;
  board->short_of_memory |= !leads;
  for (p.size = 1; count && p.size <= MV_PARTY && p.size - 1 <= most && !found && board->looks <= p.until; p.size++)
    for (size_t i = 0; i < count && !found && board->looks <= p.until; i++) {
      add(&p, alloc, leads[i].node);
      found = mend(&p) ? p.count : 0;
      while (p.count)
        take_back(&p);
    }
  free(leads);
  return found;
}

/* --- in which order --- */

static void hold(struct mv_board *b, const struct mv_shift *shift, int sign)
{
  struct mv_node *from = &b->nodes[shift->from];
  for (int d = 0; from->state != PL_NODE_GONE && d < PL_DIMENSION_COUNT; d++) {
    from->used.of[d] += sign * b->allocs[shift->alloc].need.of[d];
    for (int i = 0; i < PL_DOMAIN_COUNT; i++)
      if (from->limit[i] != MV_NONE)
        b->limits[from->limit[i]].used.of[d] += sign * b->allocs[shift->alloc].need.of[d];
  }
}

static bool add_held(struct party *p, const struct mv_wanted *wanted)
{
  if (p->count == MV_PARTY || is_in(p, wanted->alloc) || !mv_fits(p->b, wanted->alloc, wanted->to) || !mv_suits_alone(p->b, wanted->alloc, wanted->to))
    return false;
  add(p, wanted->alloc, wanted->to);
  hold(p->b, &p->shifts[p->count - 1], 1);
  return true;
}

/* The one among those that are wanted that mends the tie: its owner, or one of its company that goes to where the owner is. */
static bool add_mender(struct party *p, int32_t at, const struct mv_wanted *wanted, size_t count)
{
  const struct mv_board *b = p->b;
  const struct mv_tie *tie = &b->ties[at];
  for (size_t i = 0; i < count; i++)
    if (wanted[i].alloc == tie->owner && add_held(p, &wanted[i]))
      return true;
  for (int32_t m = b->sets[tie->set].members; m != MV_NONE; m = b->memberships[m].next_of_set)
    for (size_t i = 0; i < count; i++)
      if (wanted[i].alloc == b->memberships[m].alloc && mv_same_domain(b, tie->domain, b->allocs[tie->owner].node, wanted[i].to) && add_held(p, &wanted[i]))
        return true;
  return false;
}

size_t mv_party_of(struct mv_board *board, const struct mv_wanted *wanted, size_t count, struct mv_shift party[MV_PARTY])
{
  struct party p = {.b = board, .shifts = party};
  for (size_t i = 0; i < count; i++) {
    if (!mv_bound(board, wanted[i].alloc) || !add_held(&p, &wanted[i]))
      continue;
    int32_t tie;
    while ((tie = parted(&p)) != MV_NONE && add_mender(&p, tie, wanted, count))
      ;
    for (size_t k = 0; k < p.count; k++)
      hold(board, &party[k], -1);
    if (tie == MV_NONE)
      return p.count;
    while (p.count)
      take_back(&p);
  }
  return 0;
}

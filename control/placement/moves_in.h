/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_MOVES_IN_H
#define PL_CONTROL_MOVES_IN_H

#include "control/placement/moves.h"

/*
 * The planner's inside. A board is a snapshot of a pool in numbers, on which allocations are shifted about and back. A plan is made in two halves: the search
 * (moves_search.c) finds where each allocation ends with the fewest of them moved; the order (moves_order.c) plays it from the beginning, both ends held.
 */
#define MV_NONE (-1)
#define MV_EXTRA 3 /* moves beyond the least possible that are tried */
#define MV_PARTY 16 /* most that go together */

struct mv_node {
  const char *id;
  int32_t domain[PL_DOMAIN_COUNT]; /* numbers; MV_NONE: of none. [PL_DOMAIN_NODE] is its own */
  int32_t limit[PL_DOMAIN_COUNT];  /* of its domains; MV_NONE */
  int32_t peer[PL_DOMAIN_COUNT];   /* the next node of the same domain, round in a ring; itself where it stands alone */
  uint64_t features;
  enum pl_node_state state;
  struct pl_amounts capacity, used;
  struct pl_amounts load;    /* what is expected there: the greater of given and forecast */
  struct pl_amounts ceiling; /* of the load: where it takes something, or is required */
  double per[PL_DIMENSION_COUNT];  /* one over the capacity */
  double grow[PL_DIMENSION_COUNT]; /* expected over given, at least 1: of what is at home here */
  double heat, idle_W;
  int32_t first;             /* allocation on it */
  size_t ins;                /* came to it */
  bool required;             /* must be brought under its ceiling */
  bool empty;                /* required: nothing may be left on it */
  bool shut;                 /* takes nothing in this plan */
  bool watched;              /* stands in the board's watch */
  bool sleeps;               /* by this plan */
  bool meant;                /* the goal is about it */
  bool lost;                 /* for a trial */
};

struct mv_alloc {
  const char *id, *request, *group, *not_node;
  struct pl_amounts need;
  uint64_t features;
  int32_t node, home;        /* now and at first */
  int32_t next, prev;        /* on its node */
  int32_t replicas;          /* set of its redundant request */
  size_t together;           /* most of them in one `spread` */
  enum pl_domain spread;
  int32_t ties, memberships; /* first of each */
  int32_t only, never;       /* nodes by request */
  int priority;
  int64_t cost_MiB;
  bool fixed;                /* never moves */
  bool stuck;                /* could not be moved: stays in this plan */
  bool hopeless;             /* stuck, whatever else moves */
  bool held;                 /* the search at hand has put it there */
};

struct mv_tie { /* owner is to be with, or apart from, all of a set */
  int32_t owner, set;
  bool with;
  enum pl_domain domain;
  int32_t next_of_owner, next_of_set;
};
struct mv_membership {
  int32_t alloc, set, next_of_alloc, next_of_set;
};
struct mv_set { /* what a name stands for; or the replicas of a redundant request */
  const char *name;
  int32_t members, owners; /* first membership, first tie */
  size_t count;
};
struct mv_limit {
  enum pl_domain domain;
  int32_t of;
  struct pl_amounts most, used; /* most < 0: none */
};
struct mv_shift {
  int32_t alloc, from, to;
  size_t group; /* of an order: those of one number go together; 0: alone */
};

struct mv_words; /* text -> number */
struct mv_board {
  const struct pl_goal_desc *goal;
  struct mv_node *nodes;
  struct mv_alloc *allocs;
  struct mv_tie *ties;
  struct mv_membership *memberships;
  struct mv_set *sets;
  struct mv_limit *limits;
  size_t n_nodes, n_allocs, n_ties, n_memberships, n_sets, n_limits;
  size_t room_nodes, room_allocs, room_ties, room_memberships, room_sets, room_limits;
  struct mv_words *node_words, *domain_words[PL_DOMAIN_COUNT], *name_words, *replica_words;
  struct mv_chunk *chunks;   /* strings */
  bool soft;                 /* forecasts count */
  bool wakes;                /* nodes asleep may be taken */
  bool short_of_memory;
  /* the search's */
  int32_t *watch;            /* nodes that must be, or must stay, under their ceiling */
  size_t n_watch;
  size_t moved;              /* allocations away from home */
  int64_t cost_MiB;          /* theirs */
  uint64_t looks, budget;    /* the same work on each machine */
};

/* --- moves_board.c --- */
enum pl_status mv_board_read(const struct pl_pool *pool, const struct pl_goal_desc *goal, struct mv_board *board, struct pl_err *err);
void mv_board_end(struct mv_board *board);
int32_t mv_board_node(const struct mv_board *board, const char *id); /* MV_NONE */
/* Shifts an allocation, and all that is counted with it; no rule is asked. */
void mv_shift(struct mv_board *board, int32_t alloc, int32_t to);
void mv_home(struct mv_board *board); /* everything back to where it was */
bool mv_grow(void **array, size_t *room, size_t count, size_t size); /* room for one more */

/* --- moves_words.c --- */
struct mv_words *mv_words_new(void);
void mv_words_free(struct mv_words *words);
size_t mv_words_count(const struct mv_words *words);
int32_t mv_words_find(const struct mv_words *words, const char *text);                  /* MV_NONE */
int32_t mv_words_add(struct mv_words *words, const char *text, int32_t value); /* its value, old or new; MV_NONE: no memory. The text is not copied */

/* --- moves_rules.c: may it be there, as everything stands now? --- */
struct pl_amounts mv_load(const struct mv_board *board, int32_t alloc); /* what it is expected to use */
bool mv_movable(const struct mv_alloc *alloc);
bool mv_suits(const struct mv_board *board, int32_t alloc, int32_t node);   /* state, features, affinity, domains, limits: all but its capacity */
bool mv_suits_alone(const struct mv_board *board, int32_t alloc, int32_t node); /* whoever it is tied to by `with` could follow */
bool mv_bound(const struct mv_board *board, int32_t alloc);                 /* it is tied to others by `with`, or they to it */
/* A tie that the shift, which is made, has parted, and nobody has mended yet; MV_NONE: none. */
int32_t mv_lonely(const struct mv_board *board, const struct mv_shift *shift);
bool mv_fits(const struct mv_board *board, int32_t alloc, int32_t node);    /* its capacity, what is there being held */
bool mv_same_domain(const struct mv_board *board, enum pl_domain domain, int32_t a, int32_t b);
bool mv_over(const struct mv_board *board, int32_t node);                   /* over its ceiling or capacity, or not empty as it should be */
double mv_level(const struct mv_node *node);                                /* share of capacity, of the dimension that is fullest */
void mv_ceiling(struct mv_node *node, double share);
bool mv_holds_twice(const struct mv_board *board, int32_t from, int32_t to, enum pl_domain domain); /* else a limit does not feel it */
bool mv_tied(const struct mv_board *board, int32_t a, int32_t b);           /* a rule looks at both */
/* How good a place: lower is better; < 0: none. Its ceiling and capacity are kept. */
double mv_rank(struct mv_board *board, int32_t alloc, int32_t node);
double mv_rank_alone(struct mv_board *board, int32_t alloc, int32_t node); /* as mv_suits_alone */
/* Where it comes nearest to fit, as a half sentence. */
void mv_why_not(const struct mv_board *board, int32_t alloc, char *text, size_t size);

/* --- moves_party.c: those that are tied and can leave only together --- */
/* The smallest party that can go with it, itself first, to that node or (MV_NONE) the best one; at most `most` of them from their homes. crowd: where there is no
 * room as yet, too, and others must leave then. The board is as it was; 0: there is none. */
size_t mv_party(struct mv_board *board, int32_t alloc, int32_t to, size_t most, bool crowd, struct mv_shift party[MV_PARTY]);
/* The fewest that bring one together with those whom it is parted from, though it is to be with them. 0: it is not parted, or there is no way. */
size_t mv_reunite(struct mv_board *board, int32_t alloc, struct mv_shift party[MV_PARTY]);
/* Of shifts that are wanted and cannot be made one by one: the first that can be made all at once, every source held; made, first to last. 0: none. */
struct mv_wanted {
  int32_t alloc, to;
  bool detoured;
};
size_t mv_party_of(struct mv_board *board, const struct mv_wanted *wanted, size_t count, struct mv_shift party[MV_PARTY]);

/* --- moves_search.c --- */
int32_t mv_best(struct mv_board *board, int32_t alloc); /* the best place that is free; MV_NONE */
bool mv_hopeless(const struct mv_board *board, int32_t alloc); /* no node could take it if it were empty */
/* Away from its node with the fewest moves of others that make room for it, at most `most` in all. */
bool mv_place(struct mv_board *board, int32_t alloc, size_t most);
bool mv_leave(struct mv_board *board, int32_t alloc, size_t most); /* to the best free place, with its party where it must */
/* A required node under its ceiling. */
bool mv_relieve(struct mv_board *board, int32_t node, size_t most);
/* What is required, all at once, where the pool is small: fewer moves than there are now, or as many and smaller, or nothing stuck. */
bool mv_improve(struct mv_board *board, size_t most, bool lacking); /* lacking: not all is as required yet */

/* --- moves_order.c --- */
struct mv_order {
  struct mv_shift *shifts;
  size_t *after;
  size_t count;
};
/* The shifts from home to where everything is now, in an order in which each can be done, both ends held; more where one has to wait in a third place. False: some
 * cannot, and are marked stuck: search again. */
bool mv_order(struct mv_board *board, size_t most, struct mv_order *order);
void mv_order_end(struct mv_order *order);

/* --- moves_sleep.c --- */
#define MV_WHY 512
void mv_consolidate(struct mv_board *board, size_t most, char why[MV_WHY]);

#endif

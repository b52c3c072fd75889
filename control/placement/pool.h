/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_POOL_H
#define PL_CONTROL_POOL_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What there is, what of it is given away, and where the next one goes. Pure: no clock, no stack, no I/O; the same calls give the same answers. Whole numbers,
 * so that nothing is over-committed by rounding. Every pool of rackd (CSUs of modules, compute node modules, expansion cards) is one of these.
 *
 * Threads: any. pl_pool_plan only looks (readers beside each other) and notes what it looked at; pl_pool_commit takes what is planned, all or nothing, if it
 * still fits (PL_E_BUSY: somebody was quicker; plan again). Everything that changes the pool is serialised inside; a plan of several rows has it alone for its time.
 * The functions given to pl_pool_each and pl_pool_each_node may look (find, view), and neither plan nor change. README.md of this folder: score and guarantees.
 */
#define PL_DIMENSIONS(X)                                                    \
  X(CORES, "cores", "mcore")              /* thousandths of one */          \
  X(MEMORY, "memory", "MiB")                                                \
  X(STORAGE, "storage", "MiB")                                              \
  X(IOPS, "iops", "1/s")                                                    \
  X(STORAGE_RATE, "storage-bandwidth", "MiB/s")                             \
  X(NETWORK_RATE, "network-bandwidth", "Mbit/s")                            \
  X(POWER, "power", "mW")                 /* above what the node takes idle */ \
  X(HEAT, "heat", "mW")                   /* that its loop must take away */ \
  X(ACCELERATORS, "accelerators", "1")                                      \
  X(WORKLOADS, "workloads", "1")          /* how many its agent runs; each needs 1 */

enum pl_dimension {
#define PL_DIMENSION_ENUM(name, word, unit) PL_DIMENSION_##name,
  PL_DIMENSIONS(PL_DIMENSION_ENUM)
#undef PL_DIMENSION_ENUM
      PL_DIMENSION_COUNT
};
const char *pl_dimension_name(enum pl_dimension dimension);
const char *pl_dimension_unit(enum pl_dimension dimension);

struct pl_amounts {
  int64_t of[PL_DIMENSION_COUNT];
};

/* What fails together. */
enum pl_domain { PL_DOMAIN_NODE, PL_DOMAIN_MODULE, PL_DOMAIN_RACK, PL_DOMAIN_FEED, PL_DOMAIN_COUNT };
const char *pl_domain_name(enum pl_domain domain); /* "node", "module", "rack", "feed" */

/* --- what there is --- */

enum pl_node_state {
  PL_NODE_UP,     /* takes work */
  PL_NODE_ASLEEP, /* off to save power; counts as there, and is woken for what fits nowhere else */
  PL_NODE_CLOSED, /* keeps what it has, takes nothing new: maintenance, a hot loop, an unhealthy unit */
  PL_NODE_GONE    /* pulled, dead or dark: what it had is nowhere */
};

struct pl_node_desc { /* strings are copied */
  const char *id;                         /* "csu-3"; unique */
  const char *domains[PL_DOMAIN_COUNT];   /* [PL_DOMAIN_NODE] is ignored; NULL: of none */
  uint64_t features;                      /* bits by pl_pool_feature: "x86-64", "gpu" */
  struct pl_amounts capacity;
  enum pl_node_state state;
  double idle_W;                          /* what it takes with nothing to do: saved when it sleeps */
  double heat;                            /* 0 cool to 1 at its limit: how near its hottest spot is to where it must not go */
};

struct pl_pool_policy { /* weights of the score; all 0: the defaults, which README names */
  double consolidate; /* fill what is in use before what is idle: energy */
  double spread;      /* the opposite: head-room on each node, performance */
  double cool;        /* away from what is hot */
  double balance;     /* leave what is left in the shape of what is asked for: no stranded memory */
  double forecast;    /* away from where forecasts stand high */
  bool no_preemption;
};

struct pl_pool;
enum pl_status pl_pool_new(const struct pl_pool_policy *policy, struct pl_pool **pool, struct pl_err *err); /* policy NULL: defaults */
void pl_pool_free(struct pl_pool *pool);
/* The bit of a feature's word; at most 64 of them (PL_E_RANGE). */
enum pl_status pl_pool_feature(struct pl_pool *pool, const char *word, uint64_t *bit, struct pl_err *err);
const char *pl_pool_feature_word(const struct pl_pool *pool, unsigned bit); /* "x86-64" of bit 0; NULL: no such */
/* Adds it, or changes it by its id. A capacity below what is given away is taken as it is: nothing more fits, and moves (moves.h) put it right. */
enum pl_status pl_pool_node(struct pl_pool *pool, const struct pl_node_desc *desc, struct pl_err *err);
enum pl_status pl_pool_node_remove(struct pl_pool *pool, const char *id, struct pl_err *err); /* PL_E_BUSY: it has allocations */
/* A limit of all nodes of a domain together ("power of the rack", "heat of the loop"): < 0 in a dimension: none. */
enum pl_status pl_pool_limit(struct pl_pool *pool, enum pl_domain domain, const char *id, const struct pl_amounts *limit, struct pl_err *err);
/* What a node is expected to use at its worst soon, over all of its workloads (profile.h); scores only. */
enum pl_status pl_pool_forecast(struct pl_pool *pool, const char *node, const struct pl_amounts *peak, struct pl_err *err);

/* --- what is asked for --- */

enum pl_spares { PL_REDUNDANCY_NONE, PL_REDUNDANCY_N1, PL_REDUNDANCY_2N }; /* N replicas do the work; N+1 or 2N of them run */
#define PL_REQUEST_NAMES_MAX 4

struct pl_request { /* one component; strings are copied by a commit */
  const char *id;        /* of the allocation; its replicas are "id", "id#2", "id#3" */
  const char *group;     /* the application; NULL: none */
  struct pl_amounts need; /* of each replica */
  int priority;          /* higher goes first, and may displace lower (pl_plan_evicts) */
  uint64_t features;     /* a node must have all of them */
  const char *with[PL_REQUEST_NAMES_MAX];  /* allocations or groups to be in one `with_in` with; NULL-terminated unless full */
  const char *apart[PL_REQUEST_NAMES_MAX]; /* never in one `apart_in` with */
  enum pl_domain with_in, apart_in;
  unsigned replicas;     /* 0 is 1 */
  unsigned first;        /* scaling out: the first one that is new, of `replicas`; those below it are there already. 0 is 1 */
  enum pl_spares redundancy; /* after the loss of any one `spread` domain at least `replicas` of them are left */
  enum pl_domain spread; /* replicas of a redundant request; PL_DOMAIN_NODE: any other node */
  const char *node;      /* it must be this one; NULL: any */
  const char *not_node;  /* anywhere but there; NULL */
  bool stay;             /* it is never moved or displaced */
};

/* --- where it goes --- */

#define PL_SENTENCE_MAX 1024 /* of what is said to a user: what pool_why.c makes fits, whole */
struct pl_why { /* why not: of the best of what failed */
  const char *id;              /* the request's */
  size_t nodes;                /* looked at */
  size_t closed, lacks_feature, too_small, affinity, domain_limit; /* nodes ruled out by each; the first that ruled it out counts */
  struct pl_amounts short_by;  /* on the node that comes nearest: how much it lacks; all 0: capacity is not the reason */
  char nearest[64];
  char limit[64];              /* "rack demo-rack": the domain limit that stood in the way; "": none */
  char text[PL_SENTENCE_MAX];  /* the sentence: what was short, by how much, where it came nearest, and what would help */
};

struct pl_plan_row {
  size_t request;     /* index */
  const char *id;     /* of the allocation: with "#2" for the second replica */
  const char *node;
  double score;       /* 0 to 1; higher is better */
  bool wakes;         /* the node sleeps and must be woken first */
};
struct pl_plan;
/* All of them or none (components of one application). PL_E_RANGE: no fit, and why. PL_E_USAGE: a request that cannot be (negative, twice the same id, an id that
 * there is already, an unknown name in `with` or `node`; one in `apart` that nobody has yet binds those who come later). The plan is the caller's and outlives changes of the pool. */
enum pl_status pl_pool_plan(struct pl_pool *pool, const struct pl_request *requests, size_t count, struct pl_plan **plan, struct pl_why *why, struct pl_err *err);
void pl_plan_free(struct pl_plan *plan);
size_t pl_plan_rows(const struct pl_plan *plan, const struct pl_plan_row **rows);
size_t pl_plan_evicts(const struct pl_plan *plan, const char *const **ids); /* lower priorities that have to go first; fewest and lowest */
/* "why here, why not there": each candidate's terms of the score, or what ruled it out; text of lines, malloc'd. */
char *pl_plan_explain(const struct pl_plan *plan, size_t row);
/* Releases what it evicts and takes its rows, all or nothing. PL_E_BUSY: the pool has changed so that it does not fit any more; nothing was taken. */
enum pl_status pl_pool_commit(struct pl_pool *pool, const struct pl_plan *plan, struct pl_err *err);
/* Plan and commit, again while somebody else was quicker. */
enum pl_status pl_pool_place(struct pl_pool *pool, const struct pl_request *requests, size_t count, struct pl_plan **plan, struct pl_why *why, struct pl_err *err);

/* --- what is given away --- */

struct pl_allocation { /* lives until the pool changes; strings too */
  const char *id, *group, *node;
  struct pl_amounts need;
  int priority;
  const struct pl_request *request; /* as it was asked for */
  unsigned replica;                 /* from 1 */
};
enum pl_status pl_pool_release(struct pl_pool *pool, const char *id, struct pl_err *err);  /* one allocation; PL_E_USAGE: there is none */
enum pl_status pl_pool_resize(struct pl_pool *pool, const char *id, const struct pl_amounts *need, struct pl_err *err); /* vertical; PL_E_RANGE: it does not fit there */
/* From its node to another one, if it fits there and no constraint is broken: features, affinity, domains, limits. PL_E_RANGE with the sentence. */
enum pl_status pl_pool_move(struct pl_pool *pool, const char *id, const char *to, struct pl_err *err);
struct pl_shift {
  const char *id, *to;
};
/* Several at once, all or none: those that are tied (`with`) and fit the rules only together. Each is judged with all of them where they go. */
enum pl_status pl_pool_move_all(struct pl_pool *pool, const struct pl_shift *shifts, size_t count, struct pl_err *err);
/* This replica (from 1) of a request onto that node whatever stands against it: what a restart knows to be there, or what a move that failed puts back. */
enum pl_status pl_pool_adopt(struct pl_pool *pool, const struct pl_request *request, unsigned replica, const char *node, struct pl_err *err);
/* Why it is where it is, why not elsewhere, as things stand: lines as pl_plan_explain's. left: from where it came, NULL; score: of its place, may be NULL.
 * Malloc'd; NULL: there is no such allocation. */
char *pl_pool_explain(struct pl_pool *pool, const char *id, const char *left, double *score);
bool pl_pool_find(const struct pl_pool *pool, const char *id, struct pl_allocation *allocation); /* allocation NULL: is there one? */
size_t pl_pool_allocations(const struct pl_pool *pool);
void pl_pool_each(const struct pl_pool *pool, void (*fn)(void *ctx, const struct pl_allocation *allocation), void *ctx); /* by id; fn changes nothing */
struct pl_node_view {
  struct pl_node_desc desc;
  struct pl_amounts given, forecast;
  size_t allocations;
};
bool pl_pool_view(const struct pl_pool *pool, const char *node, struct pl_node_view *view);
void pl_pool_each_node(const struct pl_pool *pool, void (*fn)(void *ctx, const struct pl_node_view *view), void *ctx); /* in the order in which they came */
/* All of it as it is at one moment: each node in the order in which they came and after each what is on it, by id; then the limits. fn change nothing. */
struct pl_pool_walk {
  void (*node)(void *ctx, const struct pl_node_view *view);
  void (*gap)(void *ctx); /* where one was removed; NULL: not told */
  void (*allocation)(void *ctx, const struct pl_allocation *allocation);
  void (*limit)(void *ctx, enum pl_domain domain, const char *id, const struct pl_amounts *limit); /* < 0: none */
};
enum pl_status pl_pool_walk(const struct pl_pool *pool, const struct pl_pool_walk *walk, void *ctx, struct pl_err *err);
uint64_t pl_pool_version(const struct pl_pool *pool); /* rises with every change */
/* A copy that nobody else has: to try moves on. */
enum pl_status pl_pool_copy(const struct pl_pool *pool, struct pl_pool **copy, struct pl_err *err);
/* Walks everything and says what is wrong (over-committed, two replicas in one domain, sums that do not add up): for tests and drills. */
enum pl_status pl_pool_check(const struct pl_pool *pool, struct pl_err *err);

#endif

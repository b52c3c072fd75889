/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_POOL_IN_H
#define PL_CONTROL_POOL_IN_H

#include "control/placement/pool_watch.h"

#include <pthread.h>
#include <stdatomic.h>

/* Inside the engine. Lock order: there is one, pool->lock; functions named pool_* expect that their caller holds it (those that change: for writing). */
enum { DIMS = PL_DIMENSION_COUNT, TIES = 2 + 2 * PL_REQUEST_NAMES_MAX };

/* --- names (pool_names.c): of nodes, domains, allocations, requests and groups, counted; one table, so that a constraint's word finds all that it can mean --- */
struct name {
  char *word;
  uint32_t hash;
  size_t uses;
  struct node *node;
  struct alloc *alloc;
  struct domain *domain[PL_DOMAIN_COUNT];
  struct tie *members;            /* allocations of the request or group of this name */
  struct tie *apart_by, *with_by; /* allocations whose request names it */
  struct name *next;
};
struct names {
  struct name **slots;
  size_t n_slots, count;
};
struct tie { /* in one list of a name */
  struct alloc *alloc;
  struct name *name;
  struct tie **list, *next, **link;
};
struct name *pool_name_find(const struct names *names, const char *word);
struct name *pool_name_get(struct names *names, const char *word); /* made where there is none; counted; NULL: out of memory */
void pool_name_put(struct names *names, struct name *name);
void pool_names_end(struct names *names);

/* --- what is given away --- */
struct ask { /* a request with strings of its own, shared by plan and allocations */
  atomic_int refs;
  struct pl_request request;
};
struct ask *pool_ask_new(const struct pl_request *request);
struct ask *pool_ask_hold(struct ask *ask);
void pool_ask_drop(struct ask *ask);
unsigned pool_ask_total(const struct pl_request *request); /* replicas that run, spares with them */
unsigned pool_ask_together(const struct pl_request *request); /* how many of them may be lost with one domain; UINT_MAX: all */

struct alloc {
  struct name *name; /* its own */
  struct ask *ask;
  struct node *node; /* where it is; NULL while it is nowhere */
  struct pl_amounts need;
  unsigned replica;
  bool trial;        /* of a plan that is being made */
  struct tie ties[TIES];
  struct alloc *next, **link;           /* of its node's */
  struct alloc *all_next, **all_link;   /* of the pool's */
};
struct alloc *pool_alloc_new(struct pl_pool *pool, struct ask *ask, unsigned replica); /* nowhere yet; NULL: out of memory */
void pool_alloc_free(struct pl_pool *pool, struct alloc *alloc);
void pool_attach(struct pl_pool *pool, struct alloc *alloc, struct node *node);
void pool_detach(struct pl_pool *pool, struct alloc *alloc);
struct alloc *pool_alloc_find(const struct pl_pool *pool, const char *id); /* NULL: none */
enum pl_status pool_no_alloc(struct pl_err *err, const char *id);
enum pl_status pool_short_of(struct pl_err *err, const char *id, const struct node *n, const struct pl_amounts *need); /* in the first dimension that is */
const struct alloc *pool_left_alone(const struct alloc *a, const struct node *from, const struct node *to); /* by its move, which is nowhere now; NULL: nobody */
enum pl_status pool_over_limit(struct pl_err *err, const char *id, const struct domain *limit, const struct pl_amounts *need);
void pool_alloc_id(const char *request, unsigned replica, char *out, size_t size);

/* --- what there is --- */
struct domain {
  enum pl_domain kind;
  uint32_t index;
  struct name *name;
  struct pl_amounts limit, given; /* limit: INT64_MAX: none */
  bool limited;
  struct node *members; /* by node->member_next[kind] */
  size_t count;
};

struct node {
  /* The index's, together: what a search reads. */
  struct node *left, *right;
  uint64_t key, features, any; /* any: of the nodes below */
  struct pl_amounts free, max; /* max: of each dimension, below */
  float score, best;           /* the part that no request changes; the best below */
  uint32_t index, order;       /* order: the treap's, from the index */
  int lowest, lowest_below;    /* priority among those that may be displaced; INT_MAX: none may */
  enum pl_node_state state;
  int8_t tree;                 /* of pool->roots; -1: in none */
  /* The rest. */
  struct name *name;
  struct pl_amounts capacity, given, forecast;
  double idle_W, heat, forecast_share;
  struct domain *domain[PL_DOMAIN_COUNT];
  struct node *member_next[PL_DOMAIN_COUNT], **member_link[PL_DOMAIN_COUNT];
  struct alloc *allocs;
  size_t count, trials; /* trials: of them */
};

enum tree { TREE_AWAKE, TREE_ASLEEP, TREES };
enum term { TERM_CONSOLIDATE, TERM_SPREAD, TERM_COOL, TERM_BALANCE, TERM_FORECAST, TERMS };
extern const char *const pool_term_names[TERMS];

struct pl_pool {
  pthread_rwlock_t lock;
  uint64_t version;
  double weights[TERMS]; /* their sum is 1 */
  bool no_preemption;
  char *features[64];
  struct names names;
  struct node **nodes;   /* in the order in which they came; NULL: removed */
  size_t n_nodes, cap_nodes, n_there; /* there: without the gaps */
  struct pl_amounts total;            /* capacity of all */
  struct domain **domains;
  size_t n_domains;
  struct node *roots[TREES];
  struct alloc *all;
  size_t n_allocs;
  struct pl_pool_watcher *watcher; /* NULL: nobody */
  uint64_t number;                 /* as it is called there */
};
void pool_watch_copy(const struct pl_pool *pool, struct pl_pool *copy); /* pool_watch.c */

/* --- the score (pool_score.c) --- */
void pool_score_terms(const struct node *node, const struct pl_amounts *need, float terms[TERMS]); /* each 0 to 1 */
float pool_score_static(const struct pl_pool *pool, const struct node *node); /* weighted, without what depends on the request */
float pool_score_balance(const struct node *node, const struct pl_amounts *need);
double pool_share(const struct pl_amounts *part, const struct pl_amounts *whole, enum pl_dimension *fullest); /* of the fullest dimension; without bound */

/* --- one request's rules (pool_fit.c) --- */
enum ruled { RULED_NOT, RULED_CLOSED, RULED_FEATURE, RULED_SMALL, RULED_AFFINITY, RULED_LIMIT };
struct key_set { /* of domains: kind and number */
  uint64_t *keys;
  size_t count, cap;
};
struct rules {
  const struct pl_request *request;
  struct pl_amounts need;
  const struct node *only, *not_on;
  bool wide;                   /* more candidates than the best needs: another one may be wanted */
  bool lost;                   /* `only` names a node that there is not */
  struct key_set with[PL_REQUEST_NAMES_MAX], apart, near; /* near: keys of domains with replicas of the same request, once for each replica */
  unsigned n_with, apart_kinds;
  unsigned together;           /* most replicas in one domain */
};
bool pool_rules_make(const struct pl_pool *pool, const struct pl_request *request, const struct pl_amounts *need, const char *alloc_id, struct rules *rules);
void pool_rules_end(struct rules *rules);
bool pool_room(const struct pl_amounts *free, const struct pl_amounts *need);
/* The first rule that rules the node out, in the order of the enum. limit: the domain of RULED_LIMIT; may be NULL. */
enum ruled pool_ruled(const struct rules *rules, const struct node *node, const struct domain **limit);
bool pool_in_affinity(const struct rules *rules, const struct node *node);
bool pool_in_rules(const struct rules *rules, const struct node *node); /* affinity and limits only */
uint64_t pool_domain_key(const struct node *node, enum pl_domain kind);
bool pool_key_has(const struct key_set *set, uint64_t key);

/* --- the index (pool_index.c) --- */
void pool_index(struct pl_pool *pool, struct node *node); /* after any change of it: in, out, or elsewhere */
enum { CANDIDATES = 32 };
struct candidate {
  const struct node *node;
  float score;
};
/* Candidates of a tree, best static score first, until the best of all is known or there are enough; sorted by score. */
/* The smallest set of domains that its company leaves it, where these are small; NULL: look everywhere. */
const struct key_set *pool_company(const struct pl_pool *pool, const struct rules *rules);
void pool_each_in(const struct pl_pool *pool, const struct key_set *set, void (*fn)(void *ctx, struct node *node), void *ctx);
size_t pool_hunt(const struct pl_pool *pool, enum tree tree, const struct rules *rules, struct candidate out[CANDIDATES]);

/* --- whom to displace (pool_evict.c) --- */
struct victims {
  struct alloc **list;
  size_t count, cap;
};
/* The node where the fewest, then the lowest have to go; NULL: nowhere. */
struct node *pool_evict(const struct pl_pool *pool, const struct rules *rules, struct victims *victims);

/* --- plans (pool_plan.c, pool_why.c) --- */
struct note { /* of an explanation */
  size_t name; /* in text */
  float terms[TERMS], score;
  enum ruled ruled;
  bool asleep;
  int dimension;
  int64_t short_by;
};
struct row {
  struct pl_plan_row pub;
  struct ask *ask;
  unsigned replica;
  struct note *notes;
  size_t n_notes, n_candidates;
};
struct pl_plan {
  struct pl_plan_row *pub;
  struct row *rows;
  size_t count, n_asks;
  struct ask **asks;
  const char **evicts;
  const char **evict_nodes; /* where they were */
  size_t n_evicts;
  uint64_t version, number; /* number: as a watcher was told */
  double weights[TERMS];
  size_t nodes;
  char *text; /* names for the notes */
  size_t text_size, text_cap;
};

/* A plan that is being made. One row is only looked for; of several each is tried on the pool (the lock is held for writing), and all are taken back. */
struct gone { /* displaced for the time being */
  struct alloc *alloc;
  struct node *from;
};
struct job {
  struct pl_pool *pool;
  struct pl_plan *plan;
  struct alloc **trials;     /* of each row; attached while it is placed */
  const struct node **where; /* of each row: what was decided */
  size_t *order;             /* of the rows */
  unsigned *depth;           /* of each row: how many steps of company inside the batch lie before it */
  struct gone *gone;
  size_t n_gone, cap_gone;
  bool single, preempt, broke; /* broke: out of memory */
};
struct node *pool_job_place(struct job *job, size_t row, unsigned nth, struct pl_why *why); /* nth best; NULL: nowhere */
void pool_job_take_back(struct job *job, size_t row);
void pool_job_put(struct job *job, size_t row, const struct node *node); /* where it fits, as is known */
void pool_job_retell(struct job *job); /* each row's place anew, in their order: its score and its explanation */
/* pool_pack.c: all rows in the best order found; false: some row fits nowhere (why). */
bool pool_pack(struct job *job, struct pl_why *why);
void pool_pack_fewer(struct job *job); /* pool_fewer.c. All are placed: onto fewer nodes, where that is found in a bounded time */
void pool_explain(struct pl_plan *plan, struct row *row, const struct pl_pool *pool, const struct rules *rules, const struct candidate *candidates, size_t count);
void pool_why(const struct pl_pool *pool, const struct rules *rules, const char *id, struct pl_why *why);

#endif

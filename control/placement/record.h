/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_RECORD_H
#define PL_CONTROL_RECORD_H

#include "control/placement/pool_watch.h"

/*
 * A line of the journal of decisions: a verb, its words, after "->" what the pool answered, and at its end " *" with a sum over all lines up to here (so that one
 * that is changed, missing or in another place is found). Words are separated by blanks; in them % , and what is not printable stand as %XX; "-" is none.
 *
 *   begin 1 0.4 0 0.25 0.2 0.15 0 1763769600000000000                     version, weights, no preemption, when
 *   node csu-1 0 - rack-1 psu-a 1 64000,262144,,,,520000,520000,,,8 80 0  state, domains, features, capacity, idle W, heat
 *   plan 1 1 web - 2000,4096,,,,16250,16250,,,1 0 0 - - 0 0 0 0 0 0 - - 0 -> 1 1 web csu-1 0.712345 0 0
 *   decide 12 place web csu-1 admin 1763769600000000000 40 web%20goes%20to%20csu-1...
 *
 * A verb that was said to a copy of the pool has its number: "release@3". docs/decisions.md has them all.
 */
#define PL_RECORD_VERSION 1
#define PL_RECORD_SEAL 0xcbf29ce484222325u /* before the first line */
uint64_t pl_record_seal(uint64_t seal, const char *text, size_t size);

struct pl_record_text { /* a line that grows; pl_record_end frees it */
  char *text;
  size_t size, cap;
  bool broken; /* out of memory */
};
void pl_record_word(struct pl_record_text *out, const char *word); /* NULL: none; with a blank before all but the first */
void pl_record_int(struct pl_record_text *out, int64_t number);
void pl_record_double(struct pl_record_text *out, double number);
bool pl_record_answers(enum pl_pool_verb verb); /* what decisions follow from */
void pl_record_call(struct pl_record_text *out, const struct pl_pool_call *call);
void pl_record_begin(struct pl_record_text *out, const struct pl_pool_policy *policy, int64_t wall_ns);
/* The calls that make a pool as this one is now; emit is told of each. */
enum pl_status pl_record_state(const struct pl_pool *pool, void (*emit)(void *ctx, const struct pl_pool_call *call), void *ctx, struct pl_err *err);
void pl_record_end(struct pl_record_text *text);

/* A line taken apart, in place; its seal is off already. What it has is the line's and its own. */
struct pl_record_words {
  char **words;
  size_t count, at;
  bool bad; /* too few, or one that cannot be */
};
enum pl_status pl_record_split(char *line, struct pl_record_words *words, struct pl_err *err);
const char *pl_record_take(struct pl_record_words *words); /* NULL: "-", or bad */
int64_t pl_record_take_int(struct pl_record_words *words, int64_t least, int64_t most);
double pl_record_take_double(struct pl_record_words *words);

struct pl_record { /* a call with what it points to */
  struct pl_pool_call call;
  struct pl_amounts amounts;
  struct pl_node_desc node;
  struct pl_request *requests;
  struct pl_shift *shifts;
  struct pl_goal_desc goal;
  const char **names;
  bool asked; /* PLAN: why not */
};
/* What the call was told, without its answer. The verb must be one of the pool's (PL_E_UNSUPPORTED: it is not). */
enum pl_status pl_record_read(struct pl_record_words *words, struct pl_record *record, struct pl_err *err);
void pl_record_free(struct pl_record *record);
extern const char *const pl_record_verbs[PL_POOL_VERBS];

#endif

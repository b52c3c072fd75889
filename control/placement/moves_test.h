/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_MOVES_TEST_H
#define PL_CONTROL_MOVES_TEST_H

/* Pools at random, and a referee that plays a plan on a copy with the pool's own calls. */
#include "control/placement/moves.h"
#include "control/placement/pool_test.h"

#include <math.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct dice {
  uint64_t state;
};
static inline uint64_t roll(struct dice *d, uint64_t sides)
{
  d->state = d->state * 6364136223846793005u + 1442695040888963407u;
  return (d->state >> 33) % sides;
}

struct shape { /* of a random pool */
  int modules, per, modules_a_rack;
  double fill;  /* of the dimension that is fullest: asked for, not sure */
  bool rules;   /* affinity, failure domains, redundancy, features, limits, what must stay */
  bool uniform; /* nodes of one size */
  bool apart_only; /* of rules: what an exact solver is told here */
  bool patient; /* not to be put off by refusals */
};

static inline void random_nodes(struct pl_pool *pool, struct dice *dice, const struct shape *shape)
{
  uint64_t gpu = 0;
  assert_int_equal(pl_pool_feature(pool, "gpu", &gpu, NULL), PL_OK);
  for (int i = 0; i < shape->modules * shape->per; i++) {
    char id[16], module[16], rack[16];
    int64_t size = shape->uniform ? 32 : 16 + 8 * (int64_t)roll(dice, 4);
    snprintf(id, sizeof id, "n%d", i);
    snprintf(module, sizeof module, "m%d", i / shape->per);
    snprintf(rack, sizeof rack, "r%d", i / shape->per / shape->modules_a_rack);
    add_node(pool, (struct pl_node_desc){.id = id, .domains = {NULL, module, rack, i % 2 ? "feed-a" : "feed-b"}, .features = shape->rules && roll(dice, 3) == 0 ? gpu : 0,
                                         .capacity = {.of = {CORES(size), size * 4096, size * 16384, 10000, 2000, 25000, size * 10000, size * 10000, 0, 32}},
                                         .idle_W = 60, .heat = (double)roll(dice, 80) / 100});
  }
  if (shape->rules && !shape->apart_only && roll(dice, 3) == 0) {
    struct pl_amounts limit;
    for (int d = 0; d < PL_DIMENSION_COUNT; d++)
      limit.of[d] = -1;
    limit.of[PL_DIMENSION_POWER] = (int64_t)shape->per * shape->modules_a_rack * 150000;
    assert_int_equal(pl_pool_limit(pool, PL_DOMAIN_RACK, "r0", &limit, NULL), PL_OK);
  }
}

static inline void random_rules(struct dice *dice, const struct shape *shape, int at, struct pl_request *r, char names[2][24])
{
  switch (roll(dice, 8)) {
  case 0: r->features = 1; break;
  case 1:
    r->redundancy = roll(dice, 2) ? PL_REDUNDANCY_N1 : PL_REDUNDANCY_2N;
    r->replicas = 1 + (unsigned)roll(dice, 2);
    r->spread = (enum pl_domain)roll(dice, 2);
    break;
  case 2:
    r->apart[0] = names[0];
    r->apart_in = (enum pl_domain)roll(dice, 2);
    break;
  case 3:
    r->with[0] = shape->apart_only ? NULL : names[1];
    r->with_in = (enum pl_domain)roll(dice, 3); /* node, module, rack */
    break;
  case 4: r->stay = roll(dice, 3) == 0; break;
  default: break;
  }
  if (at && roll(dice, 4) == 0)
    r->group = roll(dice, 2) ? "blue" : "red";
}

/* How full it is: the dimension that is fullest, over all nodes. */
struct fullness {
  struct pl_amounts given, capacity;
};
static inline void add_fullness(void *ctx, const struct pl_node_view *view)
{
  struct fullness *f = ctx;
  for (int d = 0; d < PL_DIMENSION_COUNT; d++) {
    f->given.of[d] += view->given.of[d];
    f->capacity.of[d] += view->desc.capacity.of[d];
  }
}
static inline double fullness(const struct pl_pool *pool)
{
  struct fullness f = {0};
  double most = 0;
  pl_pool_each_node(pool, add_fullness, &f);
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    if (f.capacity.of[d] && (double)f.given.of[d] / (double)f.capacity.of[d] > most)
      most = (double)f.given.of[d] / (double)f.capacity.of[d];
  return most;
}

static inline struct pl_pool *random_pool(struct dice *dice, const struct shape *shape)
{
  struct pl_pool *pool = new_pool(&(struct pl_pool_policy){.spread = 1, .balance = 1, .no_preemption = true});
  random_nodes(pool, dice, shape);
  for (int i = 0, refused = 0; refused < (shape->patient ? 10000 : 12) && (i % 16 || fullness(pool) < shape->fill); i++) {
    char id[24], names[2][24];
    int64_t cores = 1 + (int64_t)roll(dice, 8), memory = 1024 * (1 + (int64_t)roll(dice, 40));
    snprintf(id, sizeof id, "w%d", i);
    for (size_t k = 0; k < COUNT(names); k++)
      snprintf(names[k], sizeof names[k], "w%d", i ? (int)roll(dice, (uint64_t)i) : 0);
    struct pl_request r = {.id = id, .priority = (int)roll(dice, 5),
                           .need = {.of = {CORES(cores), memory, 4096 * (int64_t)roll(dice, 30), 100, 10, 100, cores * 5000, cores * 5000, 0, 1}}};
    if (shape->rules)
      random_rules(dice, shape, i, &r, names);
    refused += pl_pool_place(pool, &r, 1, NULL, NULL, NULL) != PL_OK;
  }
  return pool;
}

/* A node as it is, in another state. */
static inline void set_state(struct pl_pool *pool, const char *node, enum pl_node_state state)
{
  struct pl_node_view view;
  char texts[PL_DOMAIN_COUNT][32], id[32];
  assert_true(pl_pool_view(pool, node, &view));
  snprintf(id, sizeof id, "%s", node);
  view.desc.id = id;
  view.desc.state = state;
  for (int i = 0; i < PL_DOMAIN_COUNT; i++)
    if (view.desc.domains[i]) {
      snprintf(texts[i], sizeof texts[i], "%s", view.desc.domains[i]);
      view.desc.domains[i] = texts[i];
    }
  add_node(pool, view.desc);
}

static inline struct pl_pool *copy_of(const struct pl_pool *pool)
{
  struct pl_pool *copy = NULL;
  assert_int_equal(pl_pool_copy(pool, &copy, NULL), PL_OK);
  return copy;
}

static inline struct pl_moves plan(const struct pl_pool *pool, struct pl_goal_desc goal)
{
  struct pl_moves moves;
  struct pl_err err = {0};
  if (pl_moves_plan(pool, &goal, &moves, &err))
    fail_msg("%s", err.text);
  assert_true(moves.why[0]);
  return moves;
}

/* --- the referee --- */

static inline bool is_gone(const struct pl_pool *pool, const char *node)
{
  struct pl_node_view view;
  return pl_pool_view(pool, node, &view) && view.desc.state == PL_NODE_GONE;
}

static inline void held_id(char id[32], size_t move)
{
  snprintf(id, 32, "held-%zu", move);
}

/* The target's end of a move is held by an allocation of its own, as big. What is gone holds nothing. */
static inline void begin_move(struct pl_pool *pool, const struct pl_moves *moves, size_t i)
{
  struct pl_allocation a;
  struct pl_err err = {0};
  char id[32];
  const struct pl_move *m = &moves->moves[i];
  assert_true(pl_pool_find(pool, m->id, &a));
  if (strcmp(a.node, m->from))
    fail_msg("move %zu takes %s from %s, and it is on %s", i, m->id, m->from, a.node);
  held_id(id, i);
  struct pl_request r = {.id = id, .need = a.need, .node = m->to, .priority = INT32_MIN};
  if (!is_gone(pool, m->from) && pl_pool_place(pool, &r, 1, NULL, NULL, &err))
    fail_msg("move %zu of %s: %s -> %s: %s", i, m->id, m->from, m->to, err.text);
  assert_sound(pool);
}

static inline void end_move(struct pl_pool *pool, const struct pl_moves *moves, size_t i)
{
  struct pl_err err = {0};
  char id[32];
  const struct pl_move *m = &moves->moves[i];
  held_id(id, i);
  if (!is_gone(pool, m->from))
    assert_int_equal(pl_pool_release(pool, id, NULL), PL_OK);
  if (pl_pool_move(pool, m->id, m->to, &err))
    fail_msg("move %zu: %s", i, err.text);
  assert_sound(pool);
}

/* One past the last of those that go together. */
static inline size_t group_end(const struct pl_moves *moves, size_t i)
{
  size_t end = i + 1;
  while (end < moves->count && moves->moves[i].group && moves->moves[end].group == moves->moves[i].group)
    end++;
  return end;
}

static inline size_t group_begin(const struct pl_moves *moves, size_t i)
{
  while (i && moves->moves[i].group && moves->moves[i - 1].group == moves->moves[i].group)
    i--;
  return i;
}

static inline void begin_group(struct pl_pool *pool, const struct pl_moves *moves, size_t i)
{
  for (size_t k = i; k < group_end(moves, i); k++) {
    assert_true(moves->moves[k].after <= i && moves->moves[k].after == moves->moves[i].after);
    begin_move(pool, moves, k);
  }
}

/* All or none. */
static inline void end_group(struct pl_pool *pool, const struct pl_moves *moves, size_t i)
{
  struct pl_shift shifts[16];
  struct pl_err err = {0};
  size_t count = group_end(moves, i) - i;
  if (count == 1) {
    end_move(pool, moves, i);
    return;
  }
  assert_true(count <= COUNT(shifts));
  for (size_t k = 0; k < count; k++) {
    char id[32];
    held_id(id, i + k);
    shifts[k] = (struct pl_shift){moves->moves[i + k].id, moves->moves[i + k].to};
    if (!is_gone(pool, moves->moves[i + k].from))
      assert_int_equal(pl_pool_release(pool, id, NULL), PL_OK);
  }
  if (pl_pool_move_all(pool, shifts, count, &err))
    fail_msg("moves %zu to %zu: %s", i, i + count - 1, err.text);
  assert_sound(pool);
}

/* In their order. The pool is as it is after them. */
static inline void play(struct pl_pool *pool, const struct pl_moves *moves)
{
  for (size_t i = 0; i < moves->count; i = group_end(moves, i)) {
    begin_group(pool, moves, i);
    end_group(pool, moves, i);
  }
}

static inline bool same_redundant(const struct pl_pool *pool, const char *x, const char *y)
{
  struct pl_allocation a, b;
  return pl_pool_find(pool, x, &a) && pl_pool_find(pool, y, &b) && a.request->redundancy && b.request->redundancy && !strcmp(a.request->id, b.request->id);
}

/* As many beside each other as `after` allows, begun and ended at random. */
static inline void play_beside(struct pl_pool *pool, const struct pl_moves *moves, struct dice *dice)
{
  enum { WAITS, GOES, OVER } *state = calloc(moves->count + 1, sizeof *state);
  for (size_t over = 0; over < moves->count;) {
    size_t i = group_begin(moves, roll(dice, moves->count)), end = group_end(moves, i), after = moves->moves[i].after;
    if (state[i] == WAITS && (!after || state[after - 1] == OVER)) {
      for (size_t k = 0; k < moves->count; k++)
        if (state[k] == GOES && same_redundant(pool, moves->moves[k].id, moves->moves[i].id))
          fail_msg("%s and %s are under way at once", moves->moves[k].id, moves->moves[i].id);
      begin_group(pool, moves, i);
      for (size_t k = i; k < end; k++)
        state[k] = GOES;
    } else if (state[i] == GOES && roll(dice, 3) == 0) {
      end_group(pool, moves, i);
      for (size_t k = i; k < end; k++)
        state[k] = OVER;
      over += end - i;
    }
  }
  free(state);
}

/* Both, on copies. The second one, all moves over, is the caller's. */
static inline struct pl_pool *referee(const struct pl_pool *pool, const struct pl_moves *moves, struct dice *dice)
{
  struct pl_pool *beside = copy_of(pool), *serial = copy_of(pool);
  play_beside(beside, moves, dice);
  pl_pool_free(beside);
  play(serial, moves);
  return serial;
}

/* --- words of the tests --- */

static inline struct pl_node_view view_of(const struct pl_pool *pool, const char *node)
{
  struct pl_node_view view;
  assert_true(pl_pool_view(pool, node, &view));
  return view;
}

static inline size_t on(const struct pl_pool *pool, const char *node)
{
  return view_of(pool, node).allocations;
}

static inline bool is_among(const char *const *list, size_t count, const char *id)
{
  for (size_t i = 0; i < count; i++)
    if (!strcmp(list[i], id))
      return true;
  return false;
}

static inline void assert_says(const struct pl_moves *moves, const char *part)
{
  if (!strstr(moves->why, part))
    fail_msg("\"%s\" does not say \"%s\"", moves->why, part);
}

#define EVACUATE(...) ((struct pl_goal_desc){.goal = PL_GOAL_EVACUATE, .nodes = (const char *const[]){__VA_ARGS__}, .n_nodes = COUNT(((const char *const[]){__VA_ARGS__}))})
#define RELIEVE ((struct pl_goal_desc){.goal = PL_GOAL_RELIEVE, .high = 0.85, .settle = 0.75})
#define CONSOLIDATE(n) ((struct pl_goal_desc){.goal = PL_GOAL_CONSOLIDATE, .low = 0.3, .settle = 0.75, .sleep_in = PL_DOMAIN_MODULE, .spare = (n)})
#define REPAIR ((struct pl_goal_desc){.goal = PL_GOAL_REPAIR})

static inline double level(const struct pl_pool *pool, const char *node)
{
  struct pl_node_view v = view_of(pool, node);
  double most = 0;
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    if (d != PL_DIMENSION_WORKLOADS && d != PL_DIMENSION_ACCELERATORS && v.desc.capacity.of[d])
      most = fmax(most, (double)(v.given.of[d] > v.forecast.of[d] ? v.given.of[d] : v.forecast.of[d]) / (double)v.desc.capacity.of[d]);
  return most;
}

/* What is left awake takes the loss of any one module: tried with the repair of each. */
static inline void assert_spare(const struct pl_pool *after, const struct pl_moves *moves, int modules, int per)
{
  for (int lost = 0; lost < modules; lost++) {
    struct pl_pool *pool = copy_of(after);
    for (int i = 0; i < modules * per; i++) {
      char id[16];
      snprintf(id, sizeof id, "n%d", i);
      if (i / per == lost)
        set_state(pool, id, PL_NODE_GONE);
      else if (is_among(moves->sleep, moves->n_sleep, id))
        set_state(pool, id, PL_NODE_CLOSED);
    }
    struct pl_moves repair = plan(pool, REPAIR);
    if (repair.n_stranded)
      fail_msg("m%d lost after \"%s\": %s", lost, moves->why, repair.why);
    pl_moves_end(&repair);
    pl_pool_free(pool);
  }
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Many pools at random: each plan is played step by step with the pool's own calls, alone and as many moves at once as it allows. */
#include "control/placement/moves_test.h"

#ifdef __SANITIZE_ADDRESS__
enum { SEEDS = 10 }; /* four times slower, and no more to see for a sanitizer */
#else
enum { SEEDS = 40 }; /* of each goal */
#endif

static void assert_relieved(const struct pl_pool *before, const struct pl_pool *after, const struct pl_moves *moves, int nodes)
{
  bool told = strstr(moves->why, " above 85 % (") != NULL;
  for (int i = 0; i < nodes; i++) {
    char id[16];
    snprintf(id, sizeof id, "n%d", i);
    double was = level(before, id), is = level(after, id);
    if (was > 0.85 ? is > was || (is > 0.85 && !told) : is > fmax(was, 0.75) + 1e-9)
      fail_msg("%s from %.3f to %.3f: %s", id, was, is, moves->why);
  }
}

/* Loads that wobble by 4 % of the capacity about where a plan has left them ask for nothing more. */
static void assert_calm(struct pl_pool *pool, struct dice *dice, int nodes, const struct pl_moves *first)
{
  if (strstr(first->why, "above 85 % ("))
    return;
  for (int round = 0; round < 5; round++) {
    for (int i = 0; i < nodes; i++) {
      char id[16];
      snprintf(id, sizeof id, "n%d", i);
      struct pl_node_view v = view_of(pool, id);
      struct pl_amounts peak = v.given;
      bool near = level(pool, id) > 0.81; /* was never asked to settle */
      peak.of[PL_DIMENSION_CORES] += near ? 0 : v.desc.capacity.of[PL_DIMENSION_CORES] * ((int64_t)roll(dice, 9) - 4) / 100;
      assert_int_equal(pl_pool_forecast(pool, id, &peak, NULL), PL_OK);
    }
    struct pl_moves again = plan(pool, RELIEVE);
    if (again.count)
      fail_msg("%zu moves after \"%s\": %s", again.count, first->why, again.why);
    pl_moves_end(&again);
  }
}

static void test_random_relief(void **state)
{
  (void)state;
  size_t moved = 0;
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    struct dice dice = {seed};
    struct shape shape = {.modules = 4, .per = 2, .modules_a_rack = 2, .fill = 0.45 + 0.05 * (double)roll(&dice, 6), .rules = true};
    struct pl_pool *pool = random_pool(&dice, &shape);
    for (int i = 0; i < 400 && level(pool, "n1") < 0.95; i++) { /* crowd one of them */
      char id[16];
      snprintf(id, sizeof id, "w%d", (int)roll(&dice, 60));
      (void)pl_pool_move(pool, id, "n1", NULL);
    }
    struct pl_moves moves = plan(pool, RELIEVE);
    struct pl_pool *after = referee(pool, &moves, &dice);
    assert_relieved(pool, after, &moves, 8);
    assert_calm(after, &dice, 8, &moves);
    moved += moves.count;
    pl_moves_end(&moves);
    pl_pool_free(after);
    pl_pool_free(pool);
  }
  assert_true(moved > SEEDS);
}

static void test_random_consolidation(void **state)
{
  (void)state;
  size_t sleeping = 0, moved = 0;
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    struct dice dice = {seed};
    struct shape shape = {.modules = 5 + (int)roll(&dice, 3), .per = 2, .modules_a_rack = 4, .fill = 0.05 + 0.05 * (double)roll(&dice, 3), .rules = roll(&dice, 2)};
    struct pl_pool *pool = random_pool(&dice, &shape);
    struct pl_goal_desc goal = CONSOLIDATE(roll(&dice, 2) ? 1 : 2);
    struct pl_moves moves = plan(pool, goal);
    struct pl_pool *after = referee(pool, &moves, &dice);
    for (size_t i = 0; i < moves.n_sleep; i++)
      assert_int_equal(on(after, moves.sleep[i]), 0);
    assert_true(moves.n_sleep % 2 == 0); /* whole modules */
    if (moves.n_sleep && !shape.rules)
      assert_spare(after, &moves, shape.modules, 2);
    sleeping += moves.n_sleep;
    moved += moves.count;
    pl_moves_end(&moves);
    pl_pool_free(after);
    pl_pool_free(pool);
  }
  assert_true(sleeping > SEEDS && moved > SEEDS);
}

static void random_emptying(uint64_t seed, bool repair, size_t *moved, size_t *stranded)
{
  struct dice dice = {seed};
  struct shape shape = {.modules = 3 + (int)roll(&dice, 5), .per = 1 + (int)roll(&dice, 4), .modules_a_rack = 2, .fill = 0.3 + 0.1 * (double)roll(&dice, 6), .rules = true};
  struct pl_pool *pool = random_pool(&dice, &shape);
  char ids[4][16];
  const char *nodes[4];
  int module = (int)roll(&dice, (uint64_t)shape.modules);
  for (int i = 0; i < shape.per; i++) {
    snprintf(ids[i], sizeof ids[i], "n%d", module * shape.per + i);
    nodes[i] = ids[i];
    if (repair)
      set_state(pool, ids[i], PL_NODE_GONE);
  }
  assert_sound(pool);
  struct pl_moves moves = plan(pool, repair ? REPAIR : (struct pl_goal_desc){.goal = PL_GOAL_EVACUATE, .nodes = nodes, .n_nodes = (size_t)shape.per});
  struct pl_pool *after = referee(pool, &moves, &dice);
  size_t left = 0;
  for (int i = 0; i < shape.per; i++)
    left += on(after, nodes[i]);
  assert_int_equal(left, moves.n_stranded);
  *moved += moves.count;
  *stranded += moves.n_stranded;
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
}

static void test_random_evacuation_and_repair(void **state)
{
  (void)state;
  size_t moved = 0, stranded = 0;
  for (uint64_t seed = 1; seed <= 2 * SEEDS; seed++)
    random_emptying(seed, seed % 2, &moved, &stranded);
  assert_true(moved > 5 * SEEDS);
  assert_true(stranded < moved);
}

/* Pairs that neither half may leave: where there is room for all, all of them leave, by groups. */
static void test_random_pairs(void **state)
{
  (void)state;
  size_t groups = 0;
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    struct dice dice = {seed};
    struct shape shape = {.modules = 3 + (int)roll(&dice, 3), .per = 2, .modules_a_rack = 2, .uniform = true};
    struct pl_pool *pool = random_pool(&dice, &shape); /* fill 0: empty */
    for (int i = 0; i < 3 * shape.modules; i++) {
      char first[16], second[16];
      snprintf(first, sizeof first, "a%d", i);
      snprintf(second, sizeof second, "b%d", i);
      struct pl_request a = {.id = first, .need = OF(1 + (int)roll(&dice, 4), 1024)}, b = {.id = second, .need = OF(1 + (int)roll(&dice, 4), 1024), .with = {first},
                             .with_in = (enum pl_domain)roll(&dice, 2)};
      assert_int_equal(place(pool, a), PL_OK);
      assert_int_equal(place(pool, b), PL_OK);
    }
    struct pl_moves moves = plan(pool, EVACUATE("n0", "n1"));
    struct pl_pool *after = referee(pool, &moves, &dice);
    if (moves.n_stranded || on(after, "n0") + on(after, "n1"))
      fail_msg("seed %llu: %s", (unsigned long long)seed, moves.why);
    for (size_t i = 0; i < moves.count; i = group_end(&moves, i))
      groups += group_end(&moves, i) - i > 1;
    for (int i = 0; i < 3 * shape.modules; i++) {
      char first[16], second[16];
      snprintf(first, sizeof first, "a%d", i);
      snprintf(second, sizeof second, "b%d", i);
      assert_string_equal(view_of(after, node_of(after, first)).desc.domains[PL_DOMAIN_MODULE], view_of(after, node_of(after, second)).desc.domains[PL_DOMAIN_MODULE]);
    }
    pl_moves_end(&moves);
    pl_pool_free(after);
    pl_pool_free(pool);
  }
  assert_true(groups > SEEDS);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_relief),
      cmocka_unit_test(test_random_consolidation),
      cmocka_unit_test(test_random_evacuation_and_repair),
      cmocka_unit_test(test_random_pairs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

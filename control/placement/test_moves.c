/* SPDX-License-Identifier: Apache-2.0 */
#include "control/placement/moves_test.h"

#include <math.h>

static size_t on(const struct pl_pool *pool, const char *node)
{
  struct pl_node_view view;
  assert_true(pl_pool_view(pool, node, &view));
  return view.allocations;
}

static bool names(const char *const *list, size_t count, const char *id)
{
  for (size_t i = 0; i < count; i++)
    if (!strcmp(list[i], id))
      return true;
  return false;
}

/* --- evacuate --- */

static void test_everything_leaves(void **state)
{
  (void)state;
  struct dice dice = {1};
  struct pl_pool *pool = new_pool(NULL);
  add_nodes(pool, 4, 2, ROOM(16, 65536));
  for (int i = 0; i < 6; i++) {
    char id[8];
    snprintf(id, sizeof id, "w%d", i);
    assert_int_equal(place(pool, (struct pl_request){.id = id, .need = OF(2, 4096), .node = i < 4 ? "n0" : "n1"}), PL_OK);
  }
  pl_pool_free(pool);
  pool = new_pool(NULL);
  add_nodes(pool, 4, 2, ROOM(16, 65536));
  for (int i = 0; i < 6; i++) {
    char id[8];
    snprintf(id, sizeof id, "w%d", i);
    assert_int_equal(place(pool, (struct pl_request){.id = id, .need = OF(2, 4096)}), PL_OK);
    assert_int_equal(pl_pool_move(pool, id, i < 4 ? "n0" : "n1", NULL), PL_OK);
  }
  const char *const both[] = {"n0", "n1"};
  struct pl_moves moves = plan(pool, (struct pl_goal_desc){.goal = PL_GOAL_EVACUATE, .nodes = both, .n_nodes = 2});
  assert_int_equal(moves.count, 6);
  assert_int_equal(moves.n_stranded, 0);
  assert_string_equal(moves.why, "6 moves take everything off n0 and n1, 24576 MiB");
  struct pl_pool *after = referee(pool, &moves, &dice);
  assert_int_equal(on(after, "n0") + on(after, "n1"), 0);
  pl_moves_end(&moves);
  moves = plan(after, (struct pl_goal_desc){.goal = PL_GOAL_EVACUATE, .nodes = both, .n_nodes = 2});
  assert_int_equal(moves.count, 0);
  assert_string_equal(moves.why, "nothing to move: no allocation is on n0 and n1");
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
}

static void random_evacuation(uint64_t seed, size_t *moved, size_t *stranded)
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
  }
  assert_sound(pool);
  struct pl_moves moves = plan(pool, (struct pl_goal_desc){.goal = PL_GOAL_EVACUATE, .nodes = nodes, .n_nodes = (size_t)shape.per});
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

static void test_random_evacuations(void **state)
{
  (void)state;
  size_t moved = 0, stranded = 0;
  for (uint64_t seed = 1; seed <= 300; seed++)
    random_evacuation(seed, &moved, &stranded);
  printf("%zu moved, %zu stranded\n", moved, stranded);
  assert_true(moved > 1000);
  (void)names;
  (void)fabs;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_everything_leaves),
      cmocka_unit_test(test_random_evacuations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

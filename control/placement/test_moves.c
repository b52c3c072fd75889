/* SPDX-License-Identifier: Apache-2.0 */
#include "control/placement/moves_test.h"

/* A workload on a node of the test's choice, which it may leave. */
static void put(struct pl_pool *pool, const char *node, struct pl_request request)
{
  struct pl_err err = {0};
  request.node = request.stay ? node : NULL;
  if (pl_pool_place(pool, &request, 1, NULL, NULL, &err) || (strcmp(node_of(pool, request.id), node) && pl_pool_move(pool, request.id, node, &err)))
    fail_msg("%s", err.text);
}

static struct pl_pool *pool_of(int nodes, int per)
{
  struct pl_pool *pool = new_pool(&(struct pl_pool_policy){.spread = 1, .no_preemption = true});
  add_nodes(pool, nodes, per, ROOM(16, 65536));
  return pool;
}

/* Plans, has it played both ways, and gives the pool after it. */
static struct pl_pool *carry_out(struct pl_pool *pool, struct pl_goal_desc goal, struct pl_moves *moves)
{
  struct dice dice = {5};
  *moves = plan(pool, goal);
  return referee(pool, moves, &dice);
}

/* --- evacuate --- */

static void test_everything_leaves(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(4, 2);
  for (int i = 0; i < 6; i++) {
    char id[16];
    snprintf(id, sizeof id, "w%d", i);
    put(pool, i < 4 ? "n0" : "n1", (struct pl_request){.id = id, .need = OF(2, 4096)});
  }
  struct pl_moves moves;
  struct pl_pool *after = carry_out(pool, EVACUATE("n0", "n1"), &moves);
  assert_int_equal(moves.count, 6);
  assert_int_equal(moves.n_stranded, 0);
  assert_string_equal(moves.why, "6 moves take everything off n0 and n1, 24576 MiB");
  assert_true(moves.moves[0].cost > 4095 && moves.moves[0].cost < 4097);
  assert_int_equal(on(after, "n0") + on(after, "n1"), 0);
  pl_moves_end(&moves);
  moves = plan(after, EVACUATE("n0", "n1"));
  assert_int_equal(moves.count, 0);
  assert_string_equal(moves.why, "nothing to move: no allocation is on n0 and n1");
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
}

/* n1 and n2 have 8 cores left each; the 12 of n0 fit only when the small one of n1 has gone to n2: it goes first, and the large one waits for it. */
static void test_one_makes_room_for_another(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(3, 1);
  put(pool, "n1", (struct pl_request){.id = "small", .need = OF(4, 1024)});
  put(pool, "n1", (struct pl_request){.id = "other", .need = OF(4, 2048)});
  put(pool, "n2", (struct pl_request){.id = "third", .need = OF(8, 8192), .stay = true});
  put(pool, "n0", (struct pl_request){.id = "large", .need = OF(12, 16384)});
  struct pl_moves moves;
  struct pl_pool *after = carry_out(pool, EVACUATE("n0"), &moves);
  assert_int_equal(moves.count, 2);
  assert_string_equal(moves.moves[0].id, "small");
  assert_string_equal(moves.moves[1].id, "large");
  assert_int_equal(moves.moves[0].after, 0);
  assert_int_equal(moves.moves[1].after, 1);
  assert_says(&moves, "1 of them make room");
  assert_int_equal(on(after, "n0"), 0);
  pl_moves_end(&moves);
  pl_pool_free(after);
  moves = plan(pool, (struct pl_goal_desc){.goal = PL_GOAL_EVACUATE, .nodes = (const char *const[]){"n0"}, .n_nodes = 1, .most = 1});
  assert_int_equal(moves.count, 0); /* half of it would be in vain */
  pl_moves_end(&moves);
  pl_pool_free(pool);
}

/* None of them may go alone; n1 has room for one, n2 for both. */
static void test_a_pair_leaves_together(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(3, 1);
  put(pool, "n0", (struct pl_request){.id = "db", .need = OF(5, 4096)});
  put(pool, "n0", (struct pl_request){.id = "cache", .need = OF(5, 2048), .with = {"db"}});
  put(pool, "n1", (struct pl_request){.id = "wall", .need = OF(8, 1024), .stay = true});
  struct pl_moves moves;
  struct pl_pool *after = carry_out(pool, EVACUATE("n0"), &moves);
  assert_int_equal(moves.count, 2);
  assert_int_equal(moves.n_stranded, 0);
  assert_true(moves.moves[0].group && moves.moves[0].group == moves.moves[1].group);
  assert_string_equal(node_of(after, "db"), "n2");
  assert_string_equal(node_of(after, "cache"), "n2");
  pl_moves_end(&moves);
  pl_pool_free(after);
  put(pool, "n2", (struct pl_request){.id = "wall-2", .need = OF(8, 1024), .stay = true});
  moves = plan(pool, EVACUATE("n0"));
  assert_int_equal(moves.count, 0);
  assert_int_equal(moves.n_stranded, 2);
  assert_says(&moves, "together with what it is tied to");
  pl_moves_end(&moves);
  pl_pool_free(pool);
}

/* Each node of the other module has room for one of the two: together in the module, not on a node. A small one has to make room for the second. */
static void test_a_pair_leaves_its_module(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(6, 2);
  put(pool, "n0", (struct pl_request){.id = "db", .need = OF(10, 4096)});
  put(pool, "n1", (struct pl_request){.id = "cache", .need = OF(10, 2048), .with = {"db"}, .with_in = PL_DOMAIN_MODULE});
  put(pool, "n2", (struct pl_request){.id = "wall", .need = OF(8, 1024), .stay = true});
  put(pool, "n4", (struct pl_request){.id = "small", .need = OF(4, 512)});
  put(pool, "n4", (struct pl_request){.id = "rooted", .need = OF(4, 512), .stay = true});
  struct pl_moves moves;
  struct pl_pool *after = carry_out(pool, EVACUATE("n0", "n1"), &moves);
  assert_int_equal(moves.n_stranded, 0);
  assert_int_equal(moves.count, 3);
  assert_string_equal(moves.moves[0].id, "small");
  assert_int_equal(moves.moves[1].after, 1);
  assert_int_equal(moves.moves[2].after, 1);
  assert_true(moves.moves[1].group && moves.moves[1].group == moves.moves[2].group);
  assert_int_equal(on(after, "n0") + on(after, "n1"), 0);
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
}

/* A full node is relieved of a pair where nothing on it can go alone, and a small one is emptied so that it can sleep. */
static void test_a_pair_is_relieved_and_consolidated(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(2, 1);
  put(pool, "n0", (struct pl_request){.id = "rooted", .need = OF(8, 1024), .stay = true});
  put(pool, "n0", (struct pl_request){.id = "db", .need = OF(3, 1024)});
  put(pool, "n0", (struct pl_request){.id = "cache", .need = OF(3, 1024), .with = {"db"}});
  struct pl_moves moves;
  struct pl_pool *after = carry_out(pool, RELIEVE, &moves);
  assert_int_equal(moves.count, 2);
  assert_int_equal(on(after, "n0"), 1);
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
  pool = pool_of(3, 1);
  put(pool, "n0", (struct pl_request){.id = "db", .need = OF(1, 1024)});
  put(pool, "n0", (struct pl_request){.id = "cache", .need = OF(1, 1024), .with = {"db"}});
  put(pool, "n1", (struct pl_request){.id = "rooted", .need = OF(6, 1024), .stay = true});
  put(pool, "n2", (struct pl_request){.id = "rooted-2", .need = OF(6, 1024), .stay = true});
  after = carry_out(pool, CONSOLIDATE(1), &moves);
  assert_int_equal(moves.count, 2);
  assert_int_equal(moves.n_sleep, 1);
  assert_int_equal(on(after, "n0"), 0);
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
}

static void test_stranded_are_told_by_priority(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(2, 1);
  put(pool, "n1", (struct pl_request){.id = "tenant", .need = OF(8, 8192), .stay = true});
  put(pool, "n0", (struct pl_request){.id = "low", .need = OF(5, 1024), .priority = 1});
  put(pool, "n0", (struct pl_request){.id = "high", .need = OF(5, 1024), .priority = 9});
  put(pool, "n0", (struct pl_request){.id = "middle", .need = OF(5, 1024), .priority = 5});
  put(pool, "n0", (struct pl_request){.id = "rooted", .need = OF(1, 1024), .priority = 3, .stay = true});
  struct pl_moves moves;
  struct pl_pool *after = carry_out(pool, EVACUATE("n0"), &moves);
  assert_int_equal(moves.count, 1);
  assert_string_equal(moves.moves[0].id, "high");
  assert_int_equal(moves.n_stranded, 3);
  assert_string_equal(moves.stranded[0], "middle");
  assert_string_equal(moves.stranded[1], "rooted");
  assert_string_equal(moves.stranded[2], "low");
  assert_says(&moves, "\"middle\" (priority 5): n1 comes nearest and lacks 2000 mcore of cores");
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
}

static void test_at_most_so_many(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(3, 1);
  for (int i = 0; i < 5; i++) {
    char id[16];
    snprintf(id, sizeof id, "w%d", i);
    put(pool, "n0", (struct pl_request){.id = id, .need = OF(1, 1024), .priority = i});
  }
  struct pl_goal_desc goal = EVACUATE("n0");
  goal.most = 2;
  struct pl_moves moves;
  struct pl_pool *after = carry_out(pool, goal, &moves);
  assert_int_equal(moves.count, 2);
  assert_int_equal(moves.n_stranded, 0);
  assert_string_equal(moves.moves[0].id, "w4");
  assert_string_equal(moves.moves[1].id, "w3");
  assert_says(&moves, "3 more wait, for at most 2 moves were asked for");
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
}

/* Replicas one after the other, never into one domain; what is to be with another does not leave it; hot nodes are the last resort. */
static void test_rules_on_the_way(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(6, 2);
  assert_int_equal(place(pool, (struct pl_request){.id = "web", .need = OF(2, 1024), .replicas = 1, .redundancy = PL_REDUNDANCY_2N, .spread = PL_DOMAIN_NODE}), PL_OK);
  assert_int_equal(pl_pool_move(pool, "web", "n0", NULL), PL_OK);
  assert_int_equal(pl_pool_move(pool, "web#2", "n1", NULL), PL_OK);
  put(pool, "n2", (struct pl_request){.id = "db", .need = OF(2, 1024)});
  put(pool, "n3", (struct pl_request){.id = "cache", .need = OF(2, 1024), .with = {"db"}, .with_in = PL_DOMAIN_MODULE});
  struct pl_moves moves;
  struct pl_pool *after = carry_out(pool, EVACUATE("n0", "n1"), &moves);
  assert_int_equal(moves.count, 2);
  assert_int_equal(moves.moves[1].after, 1);
  assert_string_not_equal(node_of(after, "web"), node_of(after, "web#2"));
  pl_moves_end(&moves);
  pl_pool_free(after);
  after = carry_out(pool, EVACUATE("n2"), &moves);
  assert_int_equal(moves.count, 1);
  assert_string_equal(moves.moves[0].to, "n3");
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
}

static void test_not_to_where_it_is_hot(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  const char *const ids[] = {"hot", "cool", "sleeping", "from"};
  for (int i = 0; i < 4; i++)
    add_node(pool, (struct pl_node_desc){.id = ids[i], .capacity = ROOM(16, 65536), .heat = i ? 0.2 : 0.95, .state = i == 2 ? PL_NODE_ASLEEP : PL_NODE_UP});
  put(pool, "cool", (struct pl_request){.id = "there", .need = OF(8, 1024)});
  put(pool, "from", (struct pl_request){.id = "one", .need = OF(8, 1024)});
  put(pool, "from", (struct pl_request){.id = "two", .need = OF(8, 1024)});
  struct pl_moves moves;
  struct pl_pool *after = carry_out(pool, EVACUATE("from"), &moves);
  assert_int_equal(moves.count, 2);
  assert_int_equal(on(after, "hot"), 0);
  assert_int_equal(on(after, "cool"), 2);
  assert_int_equal(on(after, "sleeping"), 1); /* woken for what fits nowhere else */
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
}

/* The rack's power bears one more at a time: both ends are held, so they go one after another. */
static void test_limits_on_the_way(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(4, 2);
  struct pl_amounts limit;
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    limit.of[d] = -1;
  limit.of[PL_DIMENSION_CORES] = CORES(10);
  assert_int_equal(pl_pool_limit(pool, PL_DOMAIN_RACK, "r0", &limit, NULL), PL_OK);
  for (int i = 0; i < 4; i++) {
    char id[16];
    snprintf(id, sizeof id, "w%d", i);
    put(pool, "n0", (struct pl_request){.id = id, .need = OF(2, 1024)});
  }
  struct pl_moves moves;
  struct pl_pool *after = carry_out(pool, EVACUATE("n0"), &moves);
  assert_int_equal(moves.count, 4);
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(moves.moves[i].after, i);
  pl_moves_end(&moves);
  pl_pool_free(after);
  limit.of[PL_DIMENSION_CORES] = CORES(9); /* no room for both ends of any */
  assert_int_equal(pl_pool_limit(pool, PL_DOMAIN_RACK, "r0", &limit, NULL), PL_OK);
  moves = plan(pool, EVACUATE("n0"));
  assert_int_equal(moves.count, 0);
  assert_int_equal(moves.n_stranded, 4);
  pl_moves_end(&moves);
  pl_pool_free(pool);
}

static void test_names_that_there_are_not(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(2, 1);
  struct pl_moves moves;
  struct pl_err err = {0};
  const struct pl_goal_desc unknown = EVACUATE("n7"), none = {.goal = PL_GOAL_EVACUATE};
  assert_int_equal(pl_moves_plan(pool, &unknown, &moves, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "\"n7\""));
  assert_int_equal(pl_moves_plan(pool, &none, &moves, &err), PL_E_USAGE);
  pl_pool_free(pool);
}

/* --- relieve --- */

static void test_fewest_then_smallest(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(3, 1);
  put(pool, "n0", (struct pl_request){.id = "a", .need = OF(1, 512)});
  put(pool, "n0", (struct pl_request){.id = "b", .need = OF(2, 1024)});
  put(pool, "n0", (struct pl_request){.id = "c", .need = OF(4, 32768)});
  put(pool, "n0", (struct pl_request){.id = "d", .need = OF(4, 16384)});
  put(pool, "n0", (struct pl_request){.id = "e", .need = OF(4, 8192), .stay = true});
  struct pl_moves moves;
  struct pl_pool *after = carry_out(pool, RELIEVE, &moves);
  assert_int_equal(moves.count, 1); /* 15 of 16 cores to 12 or less: c or d, and d is smaller */
  assert_string_equal(moves.moves[0].id, "d");
  assert_true(level(after, "n0") <= 0.75);
  pl_moves_end(&moves);
  moves = plan(after, RELIEVE); /* hysteresis: not asked again */
  assert_int_equal(moves.count, 0);
  assert_string_equal(moves.why, "nothing to relieve: no node stands above 85 %");
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
}

static void test_what_is_expected_counts(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(2, 1);
  put(pool, "n0", (struct pl_request){.id = "a", .need = OF(4, 1024)});
  put(pool, "n0", (struct pl_request){.id = "b", .need = OF(4, 2048)});
  struct pl_moves moves = plan(pool, RELIEVE);
  assert_int_equal(moves.count, 0);
  pl_moves_end(&moves);
  struct pl_amounts peak = {.of = {[PL_DIMENSION_CORES] = CORES(14)}};
  assert_int_equal(pl_pool_forecast(pool, "n0", &peak, NULL), PL_OK);
  moves = plan(pool, RELIEVE);
  assert_int_equal(moves.count, 1);
  assert_string_equal(moves.moves[0].id, "a");
  pl_moves_end(&moves);
  put(pool, "n1", (struct pl_request){.id = "c", .need = OF(6, 2048)}); /* 6 and the 7 that are expected of it: more than 12 */
  moves = plan(pool, RELIEVE);
  assert_int_equal(moves.count, 0);
  assert_says(&moves, "n0 at 88 %");
  pl_moves_end(&moves);
  pl_pool_free(pool);
}

/* Over what it has, since that shrank: within it again at least. */
static void test_less_than_was_given(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(2, 1);
  put(pool, "n0", (struct pl_request){.id = "a", .need = OF(6, 1024)});
  put(pool, "n0", (struct pl_request){.id = "b", .need = OF(6, 2048)});
  add_node(pool, (struct pl_node_desc){.id = "n0", .domains = {NULL, "m0", "r0", "f0"}, .capacity = ROOM(8, 65536)});
  struct pl_moves moves = plan(pool, RELIEVE);
  assert_int_equal(moves.count, 1);
  assert_string_equal(moves.moves[0].id, "a");
  pl_moves_end(&moves);
  pl_pool_free(pool);
}

/* --- swaps --- */

/* The wide one of "a" and the deep one of "b" are each too much where they are and right where the other is. Neither can go first; the deep one can wait on "c". */
static void test_a_swap_goes_by_a_third_place(void **state)
{
  (void)state;
  for (int third = 0; third < 2; third++) {
    struct pl_pool *pool = new_pool(&(struct pl_pool_policy){.spread = 1, .no_preemption = true});
    const char *const ids[] = {"a", "b", "c"};
    for (int i = 0; i < 2 + third; i++)
      add_node(pool, (struct pl_node_desc){.id = ids[i], .capacity = ROOM(16, 65536)});
    put(pool, "a", (struct pl_request){.id = "a-base", .need = OF(4, 8192), .stay = true});
    put(pool, "b", (struct pl_request){.id = "b-base", .need = OF(1, 16384), .stay = true});
    if (third)
      put(pool, "c", (struct pl_request){.id = "c-base", .need = OF(8, 1024), .stay = true});
    put(pool, "a", (struct pl_request){.id = "wide", .need = OF(10, 4096)});
    put(pool, "b", (struct pl_request){.id = "deep", .need = OF(6, 40960)});
    struct pl_moves moves;
    struct pl_pool *after = carry_out(pool, RELIEVE, &moves);
    assert_int_equal(moves.count, third ? 3 : 0);
    assert_string_equal(node_of(after, "wide"), third ? "b" : "a");
    assert_string_equal(node_of(after, "deep"), third ? "a" : "b");
    for (size_t i = 0; i < moves.count; i++)
      assert_int_equal(moves.moves[i].after, i);
    if (!third)
      assert_says(&moves, "2 nodes stay above 85 % (a at 88 %)");
    pl_moves_end(&moves);
    pl_pool_free(after);
    pl_pool_free(pool);
  }
}

/* --- consolidate --- */

static void test_idle_modules_sleep(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(8, 2);
  for (int i = 0; i < 4; i++) {
    char id[16], node[16];
    snprintf(id, sizeof id, "w%d", i);
    snprintf(node, sizeof node, "n%d", i * 2);
    put(pool, node, (struct pl_request){.id = id, .need = OF(4, 8192)});
  }
  struct pl_moves moves;
  struct pl_pool *after = carry_out(pool, CONSOLIDATE(1), &moves);
  assert_int_equal(moves.n_sleep, 4);
  assert_int_equal(moves.count, 2);
  assert_says(&moves, "let 2 of the modules sleep: 4 nodes");
  assert_spare(after, &moves, 4, 2);
  for (size_t i = 0; i < moves.n_sleep; i++)
    assert_int_equal(on(after, moves.sleep[i]), 0);
  for (size_t i = 0; i < moves.n_sleep; i++)
    set_state(after, moves.sleep[i], PL_NODE_ASLEEP);
  pl_moves_end(&moves);
  moves = plan(after, CONSOLIDATE(1)); /* once is enough */
  assert_int_equal(moves.count + moves.n_sleep, 0);
  assert_says(&moves, "nothing can sleep");
  pl_moves_end(&moves);
  moves = plan(after, RELIEVE); /* and nothing is too full now */
  assert_int_equal(moves.count, 0);
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
}

static void test_what_is_busy_stays_awake(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(4, 2);
  put(pool, "n0", (struct pl_request){.id = "a", .need = OF(8, 8192)});
  put(pool, "n2", (struct pl_request){.id = "b", .need = OF(8, 8192)});
  struct pl_moves moves = plan(pool, CONSOLIDATE(1));
  assert_int_equal(moves.count + moves.n_sleep, 0);
  assert_says(&moves, "none of the modules stands below 30 %");
  pl_moves_end(&moves);
  pl_pool_free(pool);
  pool = pool_of(4, 2);
  put(pool, "n0", (struct pl_request){.id = "a", .need = OF(2, 8192)});
  moves = plan(pool, CONSOLIDATE(1)); /* one is to be lost, and one is left */
  assert_int_equal(moves.count + moves.n_sleep, 0);
  assert_says(&moves, "would not take the loss of 1");
  pl_moves_end(&moves);
  moves = plan(pool, CONSOLIDATE(0));
  assert_int_equal(moves.n_sleep, 2);
  assert_int_equal(moves.count, 0); /* the idle one sleeps: nothing has to move */
  pl_moves_end(&moves);
  pl_pool_free(pool);
}

/* --- repair --- */

static void test_by_priority_and_none_twice(void **state)
{
  (void)state;
  struct pl_pool *pool = pool_of(2, 1);
  put(pool, "n1", (struct pl_request){.id = "there", .need = OF(10, 1024)});
  for (int i = 0; i < 4; i++) {
    char id[16];
    snprintf(id, sizeof id, "w%d", i);
    put(pool, "n0", (struct pl_request){.id = id, .need = OF(3, 1024), .priority = i});
  }
  struct pl_moves moves = plan(pool, REPAIR);
  assert_int_equal(moves.count, 0);
  assert_string_equal(moves.why, "nothing is lost: no allocation is on a node that is gone");
  pl_moves_end(&moves);
  set_state(pool, "n0", PL_NODE_GONE);
  struct pl_pool *after = carry_out(pool, REPAIR, &moves);
  assert_int_equal(moves.count, 2);
  assert_string_equal(moves.moves[0].id, "w3");
  assert_string_equal(moves.moves[1].id, "w2");
  assert_int_equal(moves.n_stranded, 2);
  assert_string_equal(moves.stranded[0], "w1");
  assert_string_equal(moves.stranded[1], "w0");
  pl_moves_end(&moves);
  moves = plan(after, REPAIR);
  assert_int_equal(moves.count, 0);
  assert_int_equal(moves.n_stranded, 2);
  pl_moves_end(&moves);
  pl_pool_free(after);
  pl_pool_free(pool);
}

/* The same pool gets the same plan, a copy of it too. */
static void test_the_same_again(void **state)
{
  (void)state;
  struct dice dice = {11};
  struct shape shape = {.modules = 6, .per = 2, .modules_a_rack = 2, .fill = 0.7, .rules = true};
  struct pl_pool *pool = random_pool(&dice, &shape), *copy = copy_of(pool);
  struct pl_moves one = plan(pool, EVACUATE("n0", "n1")), two = plan(copy, EVACUATE("n0", "n1"));
  assert_int_equal(one.count, two.count);
  assert_true(one.count);
  for (size_t i = 0; i < one.count; i++) {
    assert_string_equal(one.moves[i].id, two.moves[i].id);
    assert_string_equal(one.moves[i].to, two.moves[i].to);
    assert_int_equal(one.moves[i].after, two.moves[i].after);
  }
  pl_moves_end(&one);
  pl_moves_end(&two);
  pl_pool_free(copy);
  pl_pool_free(pool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_everything_leaves),
      cmocka_unit_test(test_one_makes_room_for_another),
      cmocka_unit_test(test_a_pair_leaves_together),
      cmocka_unit_test(test_a_pair_leaves_its_module),
      cmocka_unit_test(test_a_pair_is_relieved_and_consolidated),
      cmocka_unit_test(test_stranded_are_told_by_priority),
      cmocka_unit_test(test_at_most_so_many),
      cmocka_unit_test(test_rules_on_the_way),
      cmocka_unit_test(test_not_to_where_it_is_hot),
      cmocka_unit_test(test_limits_on_the_way),
      cmocka_unit_test(test_names_that_there_are_not),
      cmocka_unit_test(test_fewest_then_smallest),
      cmocka_unit_test(test_what_is_expected_counts),
      cmocka_unit_test(test_less_than_was_given),
      cmocka_unit_test(test_a_swap_goes_by_a_third_place),
      cmocka_unit_test(test_idle_modules_sleep),
      cmocka_unit_test(test_what_is_busy_stays_awake),
      cmocka_unit_test(test_by_priority_and_none_twice),
      cmocka_unit_test(test_the_same_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* How a pool decides and explains it; copies, plans that came too late, what the walk finds. */
#include "control/placement/pool_test.h"

static void the_score_goes_by_its_weights(void **state)
{
  (void)state;
  static const struct {
    struct pl_pool_policy policy;
    const char *node;
  } rows[] = {{{.consolidate = 1}, "full"}, {{.spread = 1}, "empty"}, {{.cool = 1}, "cool"}, {{.forecast = 1}, "quiet"}, {{.balance = 1}, "lopsided"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct pl_pool *pool = new_pool(&rows[i].policy);
    static const char *const ids[] = {"full", "empty", "cool", "quiet", "lopsided"};
    for (size_t n = 0; n < 5; n++) {
      add_node(pool, (struct pl_node_desc){.id = ids[n], .capacity = ROOM(10, 10000), .heat = n == 2 ? 0.1 : 0.5});
      assert_int_equal(pl_pool_forecast(pool, ids[n], &OF(n == 3 ? 1 : 5, 0), NULL), PL_OK);
    }
    assert_int_equal(place(pool, (struct pl_request){.id = "a", .need = OF(6, 6000), .node = "full"}), PL_OK);
    assert_int_equal(place(pool, (struct pl_request){.id = "b", .need = OF(1, 1000), .node = "cool"}), PL_OK);
    assert_int_equal(place(pool, (struct pl_request){.id = "c", .need = OF(1, 1000), .node = "quiet"}), PL_OK);
    assert_int_equal(place(pool, (struct pl_request){.id = "d", .need = OF(0, 3000), .node = "lopsided"}), PL_OK); /* memory is used, cores are not */
    assert_int_equal(place(pool, (struct pl_request){.id = "x", .need = OF(3, 10)}), PL_OK);
    assert_string_equal(node_of(pool, "x"), rows[i].node);
    pl_pool_free(pool);
  }
}

static void decisions_are_explained(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_plan *plan = NULL;
  struct pl_why why;
  struct pl_err err = {0};
  uint64_t gpu;
  assert_int_equal(pl_pool_feature(pool, "gpu", &gpu, NULL), PL_OK);
  add_node(pool, (struct pl_node_desc){.id = "cool", .capacity = ROOM(8, 4096), .features = gpu});
  add_node(pool, (struct pl_node_desc){.id = "hot", .capacity = ROOM(8, 4096), .features = gpu, .heat = 0.9});
  add_node(pool, (struct pl_node_desc){.id = "small", .capacity = ROOM(1, 4096), .features = gpu});
  add_node(pool, (struct pl_node_desc){.id = "plain", .capacity = ROOM(8, 4096)});
  add_node(pool, (struct pl_node_desc){.id = "closed", .capacity = ROOM(8, 4096), .features = gpu, .state = PL_NODE_CLOSED});
  struct pl_request q = {.id = "web", .need = OF(4, 512), .features = gpu};
  assert_int_equal(pl_pool_plan(pool, &q, 1, &plan, &why, &err), PL_OK);
  char *text = pl_plan_explain(plan, 0);
  assert_non_null(strstr(text, "web on cool"));
  assert_non_null(strstr(text, "<- here"));
  assert_non_null(strstr(text, "hot "));
  assert_non_null(strstr(text, "no: short by 3 cores"));
  assert_non_null(strstr(text, "no: lacks a feature"));
  assert_non_null(strstr(text, "no: takes no work"));
  assert_null(pl_plan_explain(plan, 1));
  free(text);
  pl_plan_free(plan);
  q.need = OF(12, 512);
  assert_int_equal(pl_pool_plan(pool, &q, 1, &plan, &why, &err), PL_E_RANGE);
  assert_int_equal(why.nodes, 5);
  assert_int_equal(why.closed, 1);
  assert_int_equal(why.lacks_feature, 1);
  assert_int_equal(why.too_small, 3);
  assert_int_equal(why.short_by.of[PL_DIMENSION_CORES], 4000);
  assert_string_equal(why.nearest, "cool");
  assert_non_null(strstr(why.text, "short by 4 cores (needs 12, has 8 free)"));
  assert_non_null(strstr(err.text, why.text));
  pl_pool_free(pool);
}

static void a_plan_that_came_too_late_takes_nothing(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_plan *first = NULL, *second = NULL;
  struct pl_err err = {0};
  add_nodes(pool, 2, 1, ROOM(8, 8192));
  const struct pl_request a[] = {{.id = "a1", .need = OF(5, 1)}, {.id = "a2", .need = OF(5, 1)}}, b[] = {{.id = "b1", .need = OF(5, 1)}, {.id = "b2", .need = OF(2, 1)}};
  assert_int_equal(pl_pool_plan(pool, a, 2, &first, NULL, &err), PL_OK);
  assert_int_equal(pl_pool_plan(pool, b, 2, &second, NULL, &err), PL_OK);
  assert_int_equal(pl_pool_commit(pool, second, &err), PL_OK);
  uint64_t version = pl_pool_version(pool);
  assert_int_equal(pl_pool_commit(pool, first, &err), PL_E_BUSY);
  assert_int_equal(pl_pool_allocations(pool), 2);
  assert_int_equal(pl_pool_version(pool), version);
  assert_sound(pool);
  pl_plan_free(first);
  pl_plan_free(second);
  pl_pool_free(pool);
}

static void a_copy_decides_as_the_first_and_is_nobodys_else(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL), *copy = NULL;
  struct pl_err err = {0};
  add_nodes(pool, 9, 2, ROOM(8, 8192));
  assert_int_equal(pl_pool_node_remove(pool, "n4", &err), PL_OK);
  for (int i = 0; i < 12; i++) {
    char id[16];
    snprintf(id, sizeof id, "a%d", i);
    assert_int_equal(place(pool, (struct pl_request){.id = id, .group = "g", .need = OF(1 + i % 4, 100), .redundancy = (enum pl_spares)(i % 2)}), PL_OK);
  }
  assert_int_equal(pl_pool_copy(pool, &copy, &err), PL_OK);
  assert_int_equal(pl_pool_version(copy), pl_pool_version(pool));
  assert_int_equal(pl_pool_allocations(copy), pl_pool_allocations(pool));
  assert_sound(copy);
  for (int i = 0; i < 8; i++) {
    char id[16];
    snprintf(id, sizeof id, "b%d", i);
    const struct pl_request q = {.id = id, .need = OF(1 + i % 3, 50), .priority = i};
    assert_int_equal(place(pool, q), place(copy, q));
    assert_string_equal(node_of(pool, id), node_of(copy, id));
  }
  assert_int_equal(pl_pool_release(copy, "b0", &err), PL_OK);
  assert_string_not_equal(node_of(pool, "b0"), "");
  pl_pool_free(copy);
  assert_sound(pool);
  pl_pool_free(pool);
}

static void a_node_that_shrinks_takes_nothing_more(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_err err = {0};
  add_node(pool, (struct pl_node_desc){.id = "n", .capacity = ROOM(8, 1000)});
  assert_int_equal(place(pool, (struct pl_request){.id = "a", .need = OF(6, 10)}), PL_OK);
  assert_int_equal(place(pool, (struct pl_request){.id = "b", .need = OF(1, 10)}), PL_OK);
  assert_int_equal(pl_pool_node_remove(pool, "n", &err), PL_E_BUSY);
  add_node(pool, (struct pl_node_desc){.id = "n", .capacity = ROOM(4, 1000)});
  assert_int_equal(place(pool, (struct pl_request){.id = "c", .need = {{0}}}), PL_E_RANGE);
  assert_int_equal(pl_pool_check(pool, &err), PL_E_RANGE);
  assert_non_null(strstr(err.text, "over-committed"));
  assert_int_equal(pl_pool_resize(pool, "a", &OF(5, 10), &err), PL_OK); /* less is always possible */
  assert_int_equal(pl_pool_release(pool, "a", &err), PL_OK);
  assert_sound(pool);
  assert_int_equal(place(pool, (struct pl_request){.id = "c", .need = OF(3, 1)}), PL_OK);
  pl_pool_free(pool);
}

static void check_sees_what_is_wrong(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_err err = {0};
  add_nodes(pool, 4, 2, ROOM(8, 1000));
  assert_int_equal(place(pool, (struct pl_request){.id = "a", .need = OF(1, 1), .redundancy = PL_REDUNDANCY_N1, .spread = PL_DOMAIN_MODULE}), PL_OK);
  assert_sound(pool);
  for (int i = 0; i < 4; i++) { /* the modules turn out to be one */
    char id[16];
    snprintf(id, sizeof id, "n%d", i);
    add_node(pool, (struct pl_node_desc){.id = id, .domains = {NULL, "m0"}, .capacity = ROOM(8, 1000)});
  }
  assert_int_equal(pl_pool_check(pool, &err), PL_E_RANGE);
  assert_non_null(strstr(err.text, "redundancy"));
  pl_pool_free(pool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_score_goes_by_its_weights),
      cmocka_unit_test(decisions_are_explained),
      cmocka_unit_test(a_plan_that_came_too_late_takes_nothing),
      cmocka_unit_test(a_copy_decides_as_the_first_and_is_nobodys_else),
      cmocka_unit_test(a_node_that_shrinks_takes_nothing_more),
      cmocka_unit_test(check_sees_what_is_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Every rule of the pool, one by one. */
#include "control/placement/pool_test.h"

static void a_request_goes_where_it_fits_and_comes_back(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_err err = {0};
  struct pl_node_view view;
  add_node(pool, (struct pl_node_desc){.id = "small", .capacity = ROOM(2, 1024)});
  add_node(pool, (struct pl_node_desc){.id = "large", .capacity = ROOM(8, 4096)});
  assert_int_equal(place(pool, (struct pl_request){.id = "web", .need = OF(4, 512)}), PL_OK);
  assert_string_equal(node_of(pool, "web"), "large");
  assert_true(pl_pool_view(pool, "large", &view));
  assert_int_equal(view.given.of[PL_DIMENSION_CORES], 4000);
  assert_int_equal(view.given.of[PL_DIMENSION_MEMORY], 512);
  assert_int_equal(view.allocations, 1);
  assert_sound(pool);
  assert_int_equal(pl_pool_release(pool, "web", &err), PL_OK);
  assert_int_equal(pl_pool_release(pool, "web", &err), PL_E_USAGE);
  assert_true(pl_pool_view(pool, "large", &view));
  assert_int_equal(view.given.of[PL_DIMENSION_CORES], 0);
  assert_int_equal(pl_pool_allocations(pool), 0);
  assert_sound(pool);
  pl_pool_free(pool);
}

static void each_dimension_is_a_limit(void **state)
{
  (void)state;
  for (int d = 0; d < PL_DIMENSION_COUNT; d++) {
    struct pl_pool *pool = new_pool(NULL);
    struct pl_amounts room = {0};
    struct pl_request request = {.id = "a"};
    struct pl_why why;
    struct pl_plan *plan = NULL;
    for (int i = 0; i < PL_DIMENSION_COUNT; i++)
      room.of[i] = 10;
    add_node(pool, (struct pl_node_desc){.id = "n", .capacity = room});
    request.need.of[d] = 11;
    assert_int_equal(pl_pool_plan(pool, &request, 1, &plan, &why, NULL), PL_E_RANGE);
    assert_int_equal(why.short_by.of[d], 1);
    request.need.of[d] = 10;
    assert_int_equal(place(pool, request), PL_OK);
    request.id = "b";
    request.need.of[d] = 1;
    assert_int_equal(place(pool, request), PL_E_RANGE);
    pl_pool_free(pool);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_goes_where_it_fits_and_comes_back),
      cmocka_unit_test(each_dimension_is_a_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

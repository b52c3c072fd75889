/* SPDX-License-Identifier: Apache-2.0 */
/* The room on the demo rack: from an order to what runs, and what becomes of it. */
#include "control/placement/placement_test.h"

static void test_an_order_runs_and_stops(void **state)
{
  struct bay *bay = *state;
  double before = stand_truth(bay->s, "csu-1", "workload");
  struct pl_workload *web = floor_place(bay, &(struct floor_ask){.id = "web", .cores = 32, .memory_GiB = 64, .image = "steady/100", .node = "csu-1"});
  assert_string_equal(web->node, "csu-1");
  floor_until(bay, "web", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_judge(bay);
  stand_run(bay->s, 3 * PL_S);
  assert_true(web->run.used_cores > 31.9 && web->told > 0);
  assert_true(stand_truth(bay->s, "csu-1", "workload") > before + 0.49); /* half of its 64 cores */
  WELL(bay->s, pl_placement_stop(bay->s->stack->placement, web, "tester", &bay->s->err));
  stand_run(bay->s, 5 * PL_S);
  assert_null(pl_placement_find(bay->s->stack->placement, "web"));
  assert_int_equal(pl_pool_allocations(pl_placement_pool(bay->s->stack->placement)), 0);
  floor_judge(bay);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_an_order_runs_and_stops, floor_setup, bay_teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The room on the demo rack: from an order to what runs; reservations, the queue, scaling; after a restart. */
#include "control/placement/placement_test.h"

static void test_an_order_runs_and_stops(void **state)
{
  struct bay *bay = *state;
  double before = stand_truth(bay->s, "csu-1", "workload");
  struct pl_workload *web = floor_place(bay, &(struct floor_ask){.id = "web", .cores = 32, .memory_GiB = 64, .image = "steady/100", .node = "csu-1"});
  assert_string_equal(web->node, "csu-1");
  assert_int_equal(web->request.need.of[PL_DIMENSION_POWER], 260000); /* half of what lies between idle and full */
  floor_until(bay, "web", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_judge(bay);
  stand_run(bay->s, 3 * PL_S);
  assert_true(web->run.used_cores > 31.9 && web->told > 0);
  assert_true(stand_truth(bay->s, "csu-1", "workload") > before + 0.49); /* half of its 64 cores */
  floor_decided(bay, "place web csu-1: web goes to csu-1");
  WELL(bay->s, pl_placement_stop(bay->s->stack->placement, web, "tester", &bay->s->err));
  stand_run(bay->s, 5 * PL_S);
  assert_null(pl_placement_find(bay->s->stack->placement, "web"));
  assert_int_equal(pl_pool_allocations(pl_placement_pool(bay->s->stack->placement)), 0);
  floor_judge(bay);
}

static void test_the_pool_is_the_inventory(void **state)
{
  struct bay *bay = *state;
  struct pl_pool *pool = pl_placement_pool(bay->s->stack->placement);
  struct pl_node_view view;
  assert_true(pl_pool_view(pool, "csu-5", &view));
  assert_int_equal(view.desc.state, PL_NODE_UP);
  assert_int_equal(view.desc.capacity.of[PL_DIMENSION_CORES], 64000);
  assert_int_equal(view.desc.capacity.of[PL_DIMENSION_MEMORY], 512 * GIB);
  assert_int_equal(view.desc.capacity.of[PL_DIMENSION_POWER], 520000);
  assert_string_equal(view.desc.domains[PL_DOMAIN_MODULE], "module-2");
  assert_string_equal(view.desc.domains[PL_DOMAIN_RACK], "demo-rack");
  assert_string_equal(pl_pool_feature_word(pool, 0), "x86-64");
  WELL(bay->s, pl_placement_close(bay->s->stack->placement, stand_item(bay->s, "csu-5"), true, "tester", &bay->s->err));
  assert_true(pl_pool_view(pool, "csu-5", &view));
  assert_int_equal(view.desc.state, PL_NODE_CLOSED);
  floor_restart(bay);
  floor_until_up(bay, 7);
  assert_true(pl_placement_is_closed(bay->s->stack->placement, stand_item(bay->s, "csu-5")));
  stand_power(bay->s, "csu-6", false);
  stand_run(bay->s, 5 * PL_S);
  assert_true(pl_pool_view(pl_placement_pool(bay->s->stack->placement), "csu-6", &view));
  assert_int_equal(view.desc.state, PL_NODE_GONE);
}

static void test_refusals(void **state)
{
  struct bay *bay = *state;
  struct pl_why why;
  char id[37];
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "big", .cores = 100, .memory_GiB = 1}, PL_ORDER_APPLY, id, &why), PL_E_RANGE);
  assert_int_equal(why.short_by.of[PL_DIMENSION_CORES], 36000);
  assert_non_null(strstr(bay->s->err.text, "cores"));
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "a#2", .cores = 1}, PL_ORDER_APPLY, id, &why), PL_E_USAGE);
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "none", .cores = 0}, PL_ORDER_APPLY, id, &why), PL_E_USAGE);
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "web", .cores = 1}, PL_ORDER_PREVIEW, id, &why), PL_OK);
  assert_null(pl_placement_first(bay->s->stack->placement)); /* a look places nothing */
  floor_place(bay, &(struct floor_ask){.id = "web", .cores = 1});
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "web", .cores = 1}, PL_ORDER_APPLY, id, &why), PL_E_USAGE);
  floor_decided(bay, "refuse big");
}

/* --- reservations --- */

static enum pl_status apply(struct bay *bay, const char *reservation)
{
  struct pl_plan *plan = NULL;
  struct pl_why why;
  const struct pl_order order = {.author = "tester", .kind = PL_ORDER_APPLY, .reservation = reservation};
  return pl_placement_order(bay->s->stack->placement, &order, &plan, NULL, &why, &bay->s->err);
}

static void test_a_reservation_holds_and_expires(void **state)
{
  struct bay *bay = *state;
  struct pl_why why;
  char id[37], other[37];
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "kept", .cores = 64, .node = "csu-1"}, PL_ORDER_RESERVE, id, &why), PL_OK);
  const struct pl_reservation *made = pl_placement_reservations(bay->s->stack->placement);
  assert_non_null(made);
  assert_string_equal(made->id, id);
  assert_string_equal(made->first->id, "kept");
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "thief", .cores = 1, .node = "csu-1"}, PL_ORDER_APPLY, other, &why), PL_E_RANGE);
  floor_restart(bay); /* it outlives that */
  floor_until_up(bay, 8);
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "thief", .cores = 1, .node = "csu-1"}, PL_ORDER_APPLY, other, &why), PL_E_RANGE);
  made = pl_placement_reservations(bay->s->stack->placement);
  assert_non_null(made);
  assert_string_equal(made->client, "tester");
  assert_int_equal(made->expires_wall_ns - made->made_wall_ns, 60 * PL_S);
  stand_run(bay->s, 61 * PL_S);
  assert_null(pl_placement_reservations(bay->s->stack->placement));
  assert_int_equal(apply(bay, id), PL_E_BUSY);
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "thief", .cores = 1, .node = "csu-1"}, PL_ORDER_APPLY, other, &why), PL_OK);
  floor_decided(bay, "expire kept csu-1");
}

static void test_a_reservation_is_applied_or_given_back(void **state)
{
  struct bay *bay = *state;
  struct pl_why why;
  char id[37], other[37];
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "a", .cores = 2, .replicas = 2}, PL_ORDER_RESERVE, id, &why), PL_OK);
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "b", .cores = 2}, PL_ORDER_RESERVE, other, &why), PL_OK);
  assert_string_not_equal(id, other);
  WELL(bay->s, apply(bay, id));
  WELL(bay->s, pl_placement_cancel_reservation(bay->s->stack->placement, other, &bay->s->err));
  assert_int_equal(pl_placement_cancel_reservation(bay->s->stack->placement, other, &bay->s->err), PL_E_USAGE);
  assert_null(pl_placement_reservations(bay->s->stack->placement));
  assert_null(pl_placement_find(bay->s->stack->placement, "b"));
  floor_until(bay, "a", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_until(bay, "a#2", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_judge(bay);
}

/* --- priority, queue --- */

static void fill_all(struct bay *bay, int priority, const char *prefix)
{
  for (int i = 1; i <= 8; i++) {
    char id[32], node[16];
    snprintf(id, sizeof id, "%s-%d", prefix, i);
    snprintf(node, sizeof node, "csu-%d", i);
    floor_place(bay, &(struct floor_ask){.id = id, .cores = 64, .memory_GiB = 8, .node = node, .priority = priority, .image = "steady/10"});
    floor_until(bay, id, PL_WORKLOAD_RUNNING, 10 * PL_S);
  }
}

static void test_what_is_more_important_displaces(void **state)
{
  struct bay *bay = *state;
  struct pl_why why;
  char id[37];
  fill_all(bay, 1, "low");
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "same", .cores = 1, .priority = 1}, PL_ORDER_APPLY, id, &why), PL_E_RANGE);
  struct pl_workload *high = floor_place(bay, &(struct floor_ask){.id = "high", .cores = 10, .priority = 5});
  floor_until(bay, "high", PL_WORKLOAD_RUNNING, 20 * PL_S);
  size_t waiting = 0;
  for (const struct pl_workload *w = pl_placement_first(bay->s->stack->placement); w; w = w->next)
    waiting += w->state == PL_WORKLOAD_QUEUED;
  assert_int_equal(waiting, 1);
  floor_judge(bay);
  WELL(bay->s, pl_placement_stop(bay->s->stack->placement, high, "tester", &bay->s->err));
  stand_run(bay->s, 15 * PL_S);
  for (const struct pl_workload *w = pl_placement_first(bay->s->stack->placement); w; w = w->next)
    assert_int_equal(w->state, PL_WORKLOAD_RUNNING);
  floor_judge(bay);
}

static void test_the_queue_is_served_in_its_order(void **state)
{
  struct bay *bay = *state;
  fill_all(bay, 9, "full");
  floor_place(bay, &(struct floor_ask){.id = "first", .cores = 40, .queue = true});
  stand_run(bay->s, PL_S);
  floor_place(bay, &(struct floor_ask){.id = "second", .cores = 40, .queue = true});
  floor_place(bay, &(struct floor_ask){.id = "urgent", .cores = 40, .queue = true, .priority = 3});
  assert_int_equal(floor_find(bay, "first")->state, PL_WORKLOAD_QUEUED);
  floor_restart(bay);
  floor_until_up(bay, 8);
  static const char *const ORDER[] = {"urgent", "first", "second"};
  for (int i = 1; i <= 3; i++) {
    char id[32];
    snprintf(id, sizeof id, "full-%d", i);
    WELL(bay->s, pl_placement_stop(bay->s->stack->placement, floor_find(bay, id), "tester", &bay->s->err));
    floor_until(bay, ORDER[i - 1], PL_WORKLOAD_RUNNING, 20 * PL_S);
    for (int j = i; j < 3; j++)
      assert_int_equal(floor_find(bay, ORDER[j])->state, PL_WORKLOAD_QUEUED);
  }
  floor_judge(bay);
}

/* Why it waits is told as the pool says it, to the last word. */
static void test_a_refusal_is_told_whole(void **state)
{
  struct bay *bay = *state;
  struct pl_why why;
  char id[37];
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "a-name-that-is-rather-long-for-a-workload", .cores = 70000, .memory_GiB = 900000, .data_MiB = 900000000000, .queue = true},
                             PL_ORDER_APPLY, id, &why), PL_OK);
  assert_true(strlen(why.text) > 256);
  assert_string_equal(floor_find(bay, "a-name-that-is-rather-long-for-a-workload")->why, why.text);
  floor_decided(bay, why.text);
  floor_restart(bay); /* told anew, or as the store has it */
  const char *kept = floor_find(bay, "a-name-that-is-rather-long-for-a-workload")->why, *from = strstr(why.text, "; nearest is");
  assert_non_null(from);
  assert_true(strlen(kept) > strlen(from));
  assert_string_equal(kept + strlen(kept) - strlen(from), from);
}

/* A whole node is wanted; small ones could go ahead for ever. */
static void test_nobody_starves(void **state)
{
  struct bay *bay = *state;
  struct pl_why why;
  char id[37];
  for (int i = 1; i <= 8; i++) {
    char name[24], node[16];
    snprintf(name, sizeof name, "part-%d", i);
    snprintf(node, sizeof node, "csu-%d", i);
    floor_place(bay, &(struct floor_ask){.id = name, .cores = 32, .node = node, .stay = true, .image = "steady/10"});
  }
  floor_place(bay, &(struct floor_ask){.id = "whole", .cores = 64, .queue = true});
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "small-1", .cores = 16}, PL_ORDER_APPLY, id, &why), PL_OK); /* it has just come */
  stand_run(bay->s, 601 * PL_S);
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "small-2", .cores = 16}, PL_ORDER_APPLY, id, &why), PL_E_RANGE);
  assert_non_null(strstr(bay->s->err.text, "whole has waited"));
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "small-3", .cores = 16, .priority = 1}, PL_ORDER_APPLY, id, &why), PL_OK);
  WELL(bay->s, pl_placement_stop(bay->s->stack->placement, floor_find(bay, "part-8"), "tester", &bay->s->err));
  WELL(bay->s, pl_placement_stop(bay->s->stack->placement, floor_find(bay, "part-7"), "tester", &bay->s->err));
  WELL(bay->s, pl_placement_stop(bay->s->stack->placement, floor_find(bay, "part-6"), "tester", &bay->s->err));
  floor_until(bay, "whole", PL_WORKLOAD_RUNNING, 30 * PL_S);
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "small-2", .cores = 16}, PL_ORDER_APPLY, id, &why), PL_OK);
}

/* --- more and less --- */

static void test_scaling(void **state)
{
  struct bay *bay = *state;
  struct pl_placement *all = bay->s->stack->placement;
  struct pl_workload *web = floor_place(bay, &(struct floor_ask){.id = "web", .cores = 8, .memory_GiB = 8, .node = NULL});
  floor_until(bay, "web", PL_WORKLOAD_RUNNING, 10 * PL_S);
  struct pl_amounts need = web->request.need;
  need.of[PL_DIMENSION_CORES] = 16000;
  WELL(bay->s, pl_placement_scale(all, web, &need, 3, "tester", &bay->s->err));
  floor_until(bay, "web#3", PL_WORKLOAD_RUNNING, 10 * PL_S);
  stand_run(bay->s, 3 * PL_S);
  assert_int_equal(floor_find(bay, "web")->run.cores_m, 16000);
  assert_int_equal(floor_find(bay, "web")->request.need.of[PL_DIMENSION_POWER], 130000);
  assert_int_equal(floor_find(bay, "web#2")->request.replicas, 3);
  floor_judge(bay);
  WELL(bay->s, pl_placement_scale(all, web, NULL, 1, "tester", &bay->s->err));
  stand_run(bay->s, 5 * PL_S);
  assert_null(pl_placement_find(all, "web#2"));
  assert_null(pl_placement_find(all, "web#3"));
  floor_judge(bay);
}

static void test_growing_means_moving_where_it_does_not_fit(void **state)
{
  struct bay *bay = *state;
  struct pl_placement *all = bay->s->stack->placement;
  floor_place(bay, &(struct floor_ask){.id = "other", .cores = 40, .node = "csu-2", .stay = true});
  struct pl_workload *web = floor_place(bay, &(struct floor_ask){.id = "web", .cores = 20, .memory_GiB = 8});
  snprintf(web->why, sizeof web->why, "-");
  floor_until(bay, "web", PL_WORKLOAD_RUNNING, 10 * PL_S);
  if (strcmp(web->node, "csu-2") != 0) {
    struct pl_procedure *p = floor_migrate(bay, "web", "csu-2");
    bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 60 * PL_S);
  }
  struct pl_amounts need = web->request.need;
  need.of[PL_DIMENSION_CORES] = 30000;
  WELL(bay->s, pl_placement_scale(all, web, &need, 0, "tester", &bay->s->err));
  assert_int_equal(web->state, PL_WORKLOAD_MOVING);
  floor_until(bay, "web", PL_WORKLOAD_RUNNING, 60 * PL_S);
  stand_run(bay->s, 3 * PL_S);
  assert_string_not_equal(web->node, "csu-2");
  assert_int_equal(web->run.cores_m, 30000);
  floor_judge(bay);
}

/* --- a restart --- */

static void test_a_restart_adopts_what_runs(void **state)
{
  struct bay *bay = *state;
  struct pl_agent_exchange exchange;
  floor_place(bay, &(struct floor_ask){.id = "web", .cores = 8, .replicas = 3, .image = "steady/50"});
  floor_until(bay, "web#3", PL_WORKLOAD_RUNNING, 10 * PL_S);
  stand_run(bay->s, 20 * PL_S);
  uint64_t work = floor_find(bay, "web")->run.work;
  char node[64];
  snprintf(node, sizeof node, "%s", floor_find(bay, "web")->node);
  assert_true(work > 0);
  floor_restart(bay);
  stand_run(bay->s, 5 * PL_S);
  assert_string_equal(floor_find(bay, "web")->node, node);
  assert_true(floor_find(bay, "web")->run.work > work); /* it was not begun anew */
  floor_judge(bay);
  /* What is gone meanwhile is begun anew; what nobody ordered is stopped. */
  uint32_t handle = floor_find(bay, "web")->handle;
  bay_kill(bay);
  struct pl_call call = {.kind = PL_CALL_AGENT, .agent = &exchange, .timeout_ns = 2 * PL_S};
  char agent[32];
  snprintf(agent, sizeof agent, "agent-%c", node[4]);
  call.device = pl_bench_device(bay->s->bench, agent);
  assert_non_null(call.device);
  exchange = (struct pl_agent_exchange){.op = PL_AGENT_STOP, .run = {.handle = handle}};
  WELL(bay->s, pl_call_run(&call, &bay->s->err));
  exchange = (struct pl_agent_exchange){.op = PL_AGENT_DEPLOY, .run = {.handle = 4711, .cores_m = 1000, .memory_MiB = 10}};
  WELL(bay->s, pl_call_run(&call, &bay->s->err));
  bay_start(bay);
  stand_run(bay->s, 10 * PL_S);
  assert_int_equal(floor_find(bay, "web")->state, PL_WORKLOAD_RUNNING);
  assert_true(floor_find(bay, "web")->run.work < work);
  floor_judge(bay);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, floor_setup, bay_teardown)
int main(int argc, char **argv)
{
  if (argc > 1) /* one of them */
    cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {TEST(test_an_order_runs_and_stops),
                                     TEST(test_the_pool_is_the_inventory),
                                     TEST(test_refusals),
                                     TEST(test_a_reservation_holds_and_expires),
                                     TEST(test_a_reservation_is_applied_or_given_back),
                                     TEST(test_what_is_more_important_displaces),
                                     TEST(test_the_queue_is_served_in_its_order),
                                     TEST(test_a_refusal_is_told_whole),
                                     TEST(test_nobody_starves),
                                     TEST(test_scaling),
                                     TEST(test_growing_means_moving_where_it_does_not_fit),
                                     TEST(test_a_restart_adopts_what_runs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

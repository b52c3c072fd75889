/* SPDX-License-Identifier: Apache-2.0 */
/* The lies of the placement (control/stack/mutant.h): that each one lies. In a product build there are none, and each name is refused; this program, of the build
 * that has them (module.mk), runs afterwards. */
#include "control/placement/placement_test.h"

/* NULL: this build has none, and said so. */
static struct bay *lying(const char *mutant)
{
  const struct pl_word *words;
  if (pl_mutants(&words))
    return floor_open_with(mutant, NULL);
  struct stand *s = stand_open(DEMO_RACK);
  s->cfg.mutant = mutant;
  assert_int_equal(pl_stack_open(&s->cfg, &s->stack, &s->err), PL_E_USAGE);
  assert_non_null(strstr(s->err.text, "no stacks that lie"));
  stand_close(s);
  return NULL;
}

static bool is_honest_capacity(struct bay *bay)
{
  struct pl_node_view view;
  assert_true(pl_pool_view(pl_placement_pool(bay->s->stack->placement), "csu-1", &view));
  return view.desc.capacity.of[PL_DIMENSION_CORES] == 64000;
}

static void test_over_commit(void **state)
{
  (void)state;
  struct bay *bay = lying("over-commit");
  if (!bay)
    return;
  assert_false(is_honest_capacity(bay));
  bay_close(bay);
}

static void test_workload_forgotten(void **state)
{
  (void)state;
  struct bay *bay = lying("workload-forgotten");
  if (!bay)
    return;
  floor_place(bay, &(struct floor_ask){.id = "web", .cores = 8, .node = "csu-3"});
  floor_until(bay, "web", PL_WORKLOAD_RUNNING, 10 * PL_S);
  stand_act(bay->s, "csu-3", "remove");
  stand_run(bay->s, 15 * PL_S);
  assert_null(pl_placement_find(bay->s->stack->placement, "web"));
  bay_close(bay);
}

static struct bay *moved(const char *mutant)
{
  struct bay *bay = lying(mutant);
  if (!bay)
    return NULL;
  floor_place(bay, &(struct floor_ask){.id = "web", .cores = 8, .data_MiB = 20000});
  floor_until(bay, "web", PL_WORKLOAD_RUNNING, 10 * PL_S);
  bay_until_over(bay, floor_migrate(bay, "web", NULL), PL_PROCEDURE_COMPLETED, 600 * PL_S);
  return bay;
}

static void test_runs_twice(void **state)
{
  (void)state;
  struct bay *bay = moved("runs-twice");
  if (!bay)
    return;
  stand_run(bay->s, 5 * PL_S);
  assert_int_equal(floor_runs(bay, floor_find(bay, "web")->handle, NULL), 2);
  bay_close(bay);
}

static void test_copy_skipped(void **state)
{
  (void)state;
  struct bay *bay = moved("copy-skipped");
  if (!bay)
    return;
  assert_int_equal(floor_find(bay, "web")->state, PL_WORKLOAD_RUNNING);
  assert_int_equal(floor_runs(bay, floor_find(bay, "web")->handle, NULL), 0);
  bay_close(bay);
}

static void test_redundancy_broken(void **state)
{
  (void)state;
  struct bay *bay = lying("redundancy-broken");
  if (!bay)
    return;
  floor_place(bay, &(struct floor_ask){.id = "web", .cores = 8, .data_MiB = 20000, .replicas = 1, .redundancy = PL_REDUNDANCY_N1});
  floor_until(bay, "web", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_until(bay, "web#2", PL_WORKLOAD_RUNNING, 10 * PL_S);
  bay_until_step(bay, floor_migrate(bay, "web", NULL), "copy", 20 * PL_S);
  stand_run(bay->s, 3 * PL_S);
  assert_int_equal(floor_runs(bay, floor_find(bay, "web#2")->handle, NULL), 0);
  bay_close(bay);
}

static void test_replicas_together(void **state)
{
  (void)state;
  struct bay *bay = lying("replicas-together");
  if (!bay)
    return;
  floor_place(bay, &(struct floor_ask){.id = "web", .cores = 4, .redundancy = PL_REDUNDANCY_2N, .spread = PL_DOMAIN_MODULE});
  assert_true((floor_find(bay, "web")->node[4] > '4') == (floor_find(bay, "web#2")->node[4] > '4'));
  bay_close(bay);
}

static void test_priority_ignored(void **state)
{
  (void)state;
  struct bay *bay = lying("priority-ignored");
  if (!bay)
    return;
  struct pl_why why;
  char id[37];
  floor_place(bay, &(struct floor_ask){.id = "low", .cores = 64, .node = "csu-1"});
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "high", .cores = 64, .node = "csu-1", .priority = 5}, PL_ORDER_APPLY, id, &why), PL_E_RANGE);
  bay_close(bay);
}

static void test_reservation_lost(void **state)
{
  (void)state;
  struct bay *bay = lying("reservation-lost");
  if (!bay)
    return;
  struct pl_why why;
  char id[37], other[37];
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "kept", .cores = 64, .node = "csu-1"}, PL_ORDER_RESERVE, id, &why), PL_OK);
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "thief", .cores = 64, .node = "csu-1"}, PL_ORDER_APPLY, other, &why), PL_OK);
  bay_close(bay);
}

static void test_moves_without_need(void **state)
{
  (void)state;
  struct bay *bay = lying("moves-without-need");
  if (!bay)
    return;
  floor_place(bay, &(struct floor_ask){.id = "web", .cores = 4});
  stand_run(bay->s, 90 * PL_S);
  assert_true(floor_find(bay, "web")->moves > 1);
  bay_close(bay);
}

static void test_queue_starved(void **state)
{
  (void)state;
  struct bay *bay = lying("queue-starved");
  if (!bay)
    return;
  floor_place(bay, &(struct floor_ask){.id = "full", .cores = 64, .node = "csu-1"});
  floor_until(bay, "full", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_place(bay, &(struct floor_ask){.id = "first", .cores = 64, .node = "csu-1", .queue = true});
  stand_run(bay->s, PL_S);
  floor_place(bay, &(struct floor_ask){.id = "second", .cores = 64, .node = "csu-1", .queue = true});
  WELL(bay->s, pl_placement_stop(bay->s->stack->placement, floor_find(bay, "full"), "tester", &bay->s->err));
  floor_until(bay, "second", PL_WORKLOAD_RUNNING, 20 * PL_S);
  assert_int_equal(floor_find(bay, "first")->state, PL_WORKLOAD_QUEUED);
  bay_close(bay);
}

static void test_moves_to_hot(void **state)
{
  (void)state;
  struct bay *bay = lying("moves-to-hot");
  if (!bay)
    return;
  floor_place(bay, &(struct floor_ask){.id = "heater", .cores = 50, .image = "steady/100"});
  floor_place(bay, &(struct floor_ask){.id = "web", .cores = 4});
  floor_until(bay, "web", PL_WORKLOAD_RUNNING, 10 * PL_S);
  stand_run(bay->s, 120 * PL_S);
  const char *hot = floor_find(bay, "heater")->node, *here = floor_find(bay, "web")->node;
  char away[16];
  if (!strcmp(hot, here)) { /* what is there cannot be moved there */
    bay_close(bay);
    return;
  }
  for (char n = '1'; n <= '8'; n++) {
    snprintf(away, sizeof away, "csu-%c", n);
    if (strcmp(away, hot) && strcmp(away, here))
      break;
  }
  (void)floor_migrate(bay, "web", away);
  assert_string_equal(floor_find(bay, "web")->target, hot);
  bay_close(bay);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_over_commit),     cmocka_unit_test(test_workload_forgotten), cmocka_unit_test(test_runs_twice),
                                     cmocka_unit_test(test_copy_skipped),    cmocka_unit_test(test_redundancy_broken),  cmocka_unit_test(test_replicas_together),
                                     cmocka_unit_test(test_priority_ignored), cmocka_unit_test(test_reservation_lost),  cmocka_unit_test(test_moves_without_need),
                                     cmocka_unit_test(test_queue_starved),   cmocka_unit_test(test_moves_to_hot)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  if (!failed && argc)
    stand_go_on_lying(argv[0], "control/placement/test_room_lies");
  return failed;
}

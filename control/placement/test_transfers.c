/* SPDX-License-Identifier: Apache-2.0 */
/* Moves: seen at both ends, rolled back when they fail, and taken up after a kill at each step. */
#include "control/placement/placement_test.h"

static struct pl_workload *place_on(struct bay *bay, const char *id, const char *node, int64_t data_MiB)
{
  struct pl_workload *w = floor_place(bay, &(struct floor_ask){.id = id, .cores = 8, .memory_GiB = 16, .data_MiB = data_MiB, .image = "steady/50"});
  floor_until(bay, id, PL_WORKLOAD_RUNNING, 10 * PL_S);
  if (strcmp(w->node, node) != 0)
    bay_until_over(bay, floor_migrate(bay, id, node), PL_PROCEDURE_COMPLETED, 600 * PL_S);
  assert_string_equal(w->node, node);
  return w;
}

static void test_a_move(void **state)
{
  struct bay *bay = *state;
  struct pl_workload *db = place_on(bay, "db", "csu-2", 5000);
  stand_run(bay->s, 5 * PL_S);
  uint64_t work = db->run.work;
  unsigned moves = db->moves;
  struct pl_node_view view;
  struct pl_procedure *p = floor_migrate(bay, "db", "csu-6");
  assert_int_equal(db->state, PL_WORKLOAD_MOVING);
  bay_until_step(bay, p, "copy", 10 * PL_S);
  floor_judge(bay);
  assert_true(pl_pool_view(pl_placement_pool(bay->s->stack->placement), "csu-2", &view)); /* held at both ends */
  assert_int_equal(view.given.of[PL_DIMENSION_CORES], 8000);
  assert_true(pl_pool_view(pl_placement_pool(bay->s->stack->placement), "csu-6", &view));
  assert_int_equal(view.given.of[PL_DIMENSION_CORES], 8000);
  assert_int_equal(pl_placement_stop(bay->s->stack->placement, db, "tester", &bay->s->err), PL_E_BUSY);
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 600 * PL_S);
  assert_int_equal(db->state, PL_WORKLOAD_RUNNING);
  assert_string_equal(db->node, "csu-6");
  assert_string_equal(db->target, "");
  assert_int_equal(db->moves, moves + 1);
  assert_true(db->interrupted > 0 && db->interrupted < 120 * PL_S);
  stand_run(bay->s, 3 * PL_S);
  assert_true(db->run.work > work); /* where it left off */
  assert_true(pl_pool_view(pl_placement_pool(bay->s->stack->placement), "csu-2", &view));
  assert_int_equal(view.allocations, 0);
  floor_judge(bay);
  floor_decided(bay, "move db csu-6: db runs on csu-6");
}

static void test_what_cannot_move(void **state)
{
  struct bay *bay = *state;
  struct pl_placement *all = bay->s->stack->placement;
  place_on(bay, "db", "csu-2", 0);
  floor_place(bay, &(struct floor_ask){.id = "fixed", .cores = 1, .stay = true});
  floor_place(bay, &(struct floor_ask){.id = "full", .cores = 60, .node = "csu-3"});
  floor_until(bay, "fixed", PL_WORKLOAD_RUNNING, 10 * PL_S);
  assert_int_equal(pl_placement_migrate(all, floor_find(bay, "db"), "csu-2", "tester", NULL, &bay->s->err), PL_E_USAGE);
  assert_int_equal(pl_placement_migrate(all, floor_find(bay, "db"), "csu-9", "tester", NULL, &bay->s->err), PL_E_USAGE);
  assert_int_equal(pl_placement_migrate(all, floor_find(bay, "fixed"), "csu-4", "tester", NULL, &bay->s->err), PL_E_USAGE);
  assert_int_equal(pl_placement_migrate(all, floor_find(bay, "db"), "csu-3", "tester", NULL, &bay->s->err), PL_E_RANGE);
  assert_non_null(strstr(bay->s->err.text, "cores"));
  struct pl_procedure *p = floor_migrate(bay, "db", NULL); /* wherever it is best */
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 600 * PL_S);
  assert_string_not_equal(floor_find(bay, "db")->node, "csu-2");
  floor_judge(bay);
}

static void test_a_cancelled_move_goes_back(void **state)
{
  struct bay *bay = *state;
  static const char *const STEPS[] = {"pause", "copy", "start"};
  struct pl_workload *db = place_on(bay, "db", "csu-2", 20000);
  for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++) {
    struct pl_procedure *p = floor_migrate(bay, "db", "csu-6");
    bay_until_step(bay, p, STEPS[i], 600 * PL_S);
    WELL(bay->s, pl_procedure_cancel(p, "the tester wants it back", &bay->s->err));
    bay_until_over(bay, p, PL_PROCEDURE_CANCELLED, 120 * PL_S);
    floor_until(bay, "db", PL_WORKLOAD_RUNNING, 10 * PL_S);
    assert_string_equal(db->node, "csu-2");
    floor_judge(bay);
  }
}

static void test_a_target_that_dies_takes_nothing_with_it(void **state)
{
  struct bay *bay = *state;
  struct pl_workload *db = place_on(bay, "db", "csu-2", 20000);
  struct pl_procedure *p = floor_migrate(bay, "db", "csu-6");
  bay_until_step(bay, p, "copy", 10 * PL_S);
  stand_run(bay->s, PL_S);
  stand_power(bay->s, "csu-6", false);
  bay_until_over(bay, p, PL_PROCEDURE_FAILED, 120 * PL_S);
  floor_until(bay, "db", PL_WORKLOAD_RUNNING, 10 * PL_S);
  assert_string_equal(db->node, "csu-2");
  floor_judge(bay);
}

static void test_a_source_that_dies_is_made_good(void **state)
{
  struct bay *bay = *state;
  struct pl_workload *db = place_on(bay, "db", "csu-2", 20000);
  struct pl_procedure *p = floor_migrate(bay, "db", "csu-6");
  bay_until_step(bay, p, "copy", 10 * PL_S);
  stand_act(bay->s, "csu-2", "remove");
  stand_run(bay->s, 120 * PL_S);
  assert_true(BAY_IS_OVER(p));
  assert_int_equal(db->state, PL_WORKLOAD_RUNNING);
  assert_string_not_equal(db->node, "csu-2");
  floor_judge(bay);
}

static void test_only_so_many_at_one_time(void **state)
{
  struct bay *bay = *state;
  struct pl_procedure *tasks[4];
  for (int i = 0; i < 4; i++) {
    char id[16], node[16];
    snprintf(id, sizeof id, "db-%d", i);
    snprintf(node, sizeof node, "csu-%d", i + 1);
    place_on(bay, id, node, 5000);
  }
  for (int i = 0; i < 4; i++) {
    char id[16], node[16];
    snprintf(id, sizeof id, "db-%d", i);
    snprintf(node, sizeof node, "csu-%d", i + 5);
    tasks[i] = floor_migrate(bay, id, node);
  }
  for (size_t most = 0;;) {
    size_t active = 0, left = 0;
    for (int i = 0; i < 4; i++) {
      left += !BAY_IS_OVER(tasks[i]);
      active += !BAY_IS_OVER(tasks[i]) && strcmp(pl_procedure_step_name(tasks[i]), "wait") != 0;
    }
    most = active > most ? active : most;
    assert_true(active <= 2);
    if (!left) {
      assert_int_equal(most, 2);
      break;
    }
    stand_run(bay->s, 50 * PL_MS);
  }
  for (int i = 0; i < 4; i++)
    assert_int_equal(tasks[i]->state, PL_PROCEDURE_COMPLETED);
  floor_judge(bay);
}

static void test_replicas_move_one_after_another(void **state)
{
  struct bay *bay = *state;
  floor_place(bay, &(struct floor_ask){.id = "web", .cores = 4, .data_MiB = 4000, .redundancy = PL_REDUNDANCY_N1});
  floor_until(bay, "web", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_until(bay, "web#2", PL_WORKLOAD_RUNNING, 10 * PL_S);
  uint32_t one = floor_find(bay, "web")->handle, two = floor_find(bay, "web#2")->handle;
  struct pl_procedure *first = floor_migrate(bay, "web", NULL), *second = floor_migrate(bay, "web#2", NULL);
  for (int i = 0; i < 600 && !(BAY_IS_OVER(first) && BAY_IS_OVER(second)); i++) {
    stand_run(bay->s, 100 * PL_MS);
    if (!floor_runs(bay, one, NULL) && !floor_runs(bay, two, NULL))
      fail_msg("neither runs: %s is at %s, %s at %s", "web", pl_procedure_step_name(first), "web#2", pl_procedure_step_name(second));
  }
  assert_int_equal(first->state, PL_PROCEDURE_COMPLETED);
  assert_int_equal(second->state, PL_PROCEDURE_COMPLETED);
  floor_judge(bay);
}

/* --- killed at each step --- */

static void drill(struct bay *bay, const char *step, bool ended)
{
  struct pl_workload *db = floor_find(bay, "db");
  char from[64], to[64];
  snprintf(from, sizeof from, "%s", db->node);
  snprintf(to, sizeof to, "%s", strcmp(from, "csu-2") ? "csu-2" : "csu-6");
  WELL(bay->s, pl_stack_rackd.kill_at(bay->s->stack, "migrate", step, ended, &bay->s->err));
  int64_t task = 0;
  struct pl_procedure *p = NULL;
  enum pl_status status = pl_placement_migrate(bay->s->stack->placement, db, to, "tester", &p, &bay->s->err);
  assert_int_equal(status, PL_OK);
  for (pl_time_ns end = pl_clock_now(bay->s->clock) + 300 * PL_S; !bay->s->stack->dead && pl_clock_now(bay->s->clock) < end;)
    pl_clock_step(bay->s->clock, end);
  if (!bay->s->stack->dead)
    fail_msg("it was not killed at %s", step);
  task = p->id;
  stand_run(bay->s, 700 * PL_MS); /* nobody looks for a while */
  floor_restart(bay);
  p = pl_procedure_find(bay->s->stack->procedures, task);
  assert_non_null(p);
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 300 * PL_S);
  floor_until(bay, "db", PL_WORKLOAD_RUNNING, 10 * PL_S);
  stand_run(bay->s, 2 * PL_S);
  if (strcmp(floor_find(bay, "db")->node, to) != 0)
    fail_msg("killed at %s: it is on %s", step, floor_find(bay, "db")->node);
  floor_judge(bay);
}

static void test_killed_at_each_step(void **state)
{
  struct bay *bay = *state;
  place_on(bay, "db", "csu-2", 3000);
  stand_run(bay->s, 10 * PL_S);
  uint64_t work = floor_find(bay, "db")->run.work;
  for (size_t i = 0; i < pl_migrate.n_steps; i++)
    for (int ended = 0; ended < 2; ended++) {
      drill(bay, pl_migrate.steps[i].name, ended);
      stand_run(bay->s, 3 * PL_S);
      if (floor_find(bay, "db")->run.work <= work)
        fail_msg("killed at %s: what it had done is lost", pl_migrate.steps[i].name);
      work = floor_find(bay, "db")->run.work;
    }
}

/* Killed while it goes back, too. */
static void test_killed_on_the_way_back(void **state)
{
  struct bay *bay = *state;
  struct pl_workload *db = place_on(bay, "db", "csu-2", 20000);
  struct pl_procedure *p = floor_migrate(bay, "db", "csu-6");
  int64_t task = p->id;
  bay_until_step(bay, p, "copy", 10 * PL_S);
  stand_run(bay->s, PL_S);
  WELL(bay->s, pl_procedure_cancel(p, "back", &bay->s->err));
  stand_run(bay->s, 2 * PL_MS);
  floor_restart(bay);
  p = pl_procedure_find(bay->s->stack->procedures, task);
  bay_until_over(bay, p, PL_PROCEDURE_CANCELLED, 120 * PL_S);
  floor_until(bay, "db", PL_WORKLOAD_RUNNING, 10 * PL_S);
  db = floor_find(bay, "db");
  assert_string_equal(db->node, "csu-2");
  floor_judge(bay);
}

/* --- emptied nodes --- */

static void test_a_hot_swap_empties_its_unit_first(void **state)
{
  struct bay *bay = *state;
  struct pl_workload *db = place_on(bay, "db", "csu-2", 3000);
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-2");
  bay_until_step(bay, p, "ready", 300 * PL_S);
  assert_int_equal(db->state, PL_WORKLOAD_RUNNING);
  assert_string_not_equal(db->node, "csu-2");
  assert_true(db->moves > 0);
  floor_judge(bay);
  stand_act(bay->s, "csu-2", "remove");
  bay_until_step(bay, p, "removed", 60 * PL_S);
  stand_run(bay->s, 5 * PL_S);
  stand_act(bay->s, "csu-2", "insert");
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 120 * PL_S);
  floor_until_up(bay, 8);
  floor_place(bay, &(struct floor_ask){.id = "new", .cores = 64, .node = "csu-2"});
  floor_until(bay, "new", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_judge(bay);
}

static void test_a_hot_swap_does_not_go_on_over_what_fits_nowhere(void **state)
{
  struct bay *bay = *state;
  floor_place(bay, &(struct floor_ask){.id = "fixed", .cores = 8, .node = "csu-2", .stay = true});
  floor_place(bay, &(struct floor_ask){.id = "spare", .cores = 8, .node = "csu-3", .priority = -1});
  floor_until(bay, "fixed", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_until(bay, "spare", PL_WORKLOAD_RUNNING, 10 * PL_S);
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-2");
  bay_until_over(bay, p, PL_PROCEDURE_FAILED, 60 * PL_S);
  assert_non_null(strstr(p->message, "fixed fits on no other node"));
  assert_int_equal(floor_find(bay, "fixed")->state, PL_WORKLOAD_RUNNING);
  floor_until_up(bay, 8);
  p = bay_begin(bay, &pl_hot_swap, "csu-3"); /* bound to its node, and nothing that anybody waits for */
  bay_until_step(bay, p, "ready", 60 * PL_S);
  assert_int_equal(floor_find(bay, "spare")->state, PL_WORKLOAD_QUEUED);
  WELL(bay->s, pl_procedure_cancel(p, "enough", &bay->s->err));
  bay_until_over(bay, p, PL_PROCEDURE_CANCELLED, 60 * PL_S);
  floor_until(bay, "spare", PL_WORKLOAD_RUNNING, 60 * PL_S);
  floor_judge(bay);
}

/* It fits nowhere else, and is leaving: that is waited for. */
static void test_what_is_being_stopped_keeps_no_node_from_being_emptied(void **state)
{
  struct bay *bay = *state;
  floor_place(bay, &(struct floor_ask){.id = "fixed", .cores = 8, .node = "csu-2", .stay = true});
  floor_until(bay, "fixed", PL_WORKLOAD_RUNNING, 10 * PL_S);
  WELL(bay->s, pl_placement_stop(bay->s->stack->placement, floor_find(bay, "fixed"), "tester", &bay->s->err));
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-2");
  bay_until_step(bay, p, "ready", 60 * PL_S);
  assert_null(pl_placement_find(bay->s->stack->placement, "fixed"));
}

static bool is_stuck(struct stand *s, void *ctx)
{
  struct pl_err why = {0};
  bool stuck = false;
  (void)pl_placement_is_drained(s->stack->placement, ctx, &stuck, &why);
  return stuck;
}

/* What was found before it was forced is out of date. */
static void test_a_forced_node_is_not_stuck_any_more(void **state)
{
  struct bay *bay = *state;
  struct pl_item *csu = stand_item(bay->s, "csu-2");
  floor_place(bay, &(struct floor_ask){.id = "fixed", .cores = 8, .node = "csu-2", .stay = true});
  floor_until(bay, "fixed", PL_WORKLOAD_RUNNING, 10 * PL_S);
  WELL(bay->s, pl_placement_drain(bay->s->stack->placement, csu, "tester", &bay->s->err));
  assert_int_not_equal(stand_until(bay->s, is_stuck, csu, 10 * PL_S), PL_NEVER);
  pl_placement_force(bay->s->stack->placement, csu);
  assert_false(is_stuck(bay->s, csu));
  floor_until(bay, "fixed", PL_WORKLOAD_QUEUED, 10 * PL_S);
}

static void test_an_evacuated_module_is_empty_before_it_is_off(void **state)
{
  struct bay *bay = *state;
  for (int i = 1; i <= 4; i++) {
    char id[16], node[16];
    snprintf(id, sizeof id, "db-%d", i);
    snprintf(node, sizeof node, "csu-%d", i);
    place_on(bay, id, node, 1000);
  }
  struct pl_procedure *p = bay_begin(bay, &pl_evacuate, "module-1");
  bay_until_step(bay, p, "power-down", 300 * PL_S);
  for (int i = 1; i <= 4; i++) {
    char id[16];
    snprintf(id, sizeof id, "db-%d", i);
    assert_int_equal(floor_find(bay, id)->state, PL_WORKLOAD_RUNNING);
    assert_true(floor_find(bay, id)->node[4] > '4');
  }
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 120 * PL_S);
  floor_judge(bay);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, floor_setup, bay_teardown)
int main(int argc, char **argv)
{
  if (argc > 1) /* one of them */
    cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {TEST(test_a_move),
                                     TEST(test_what_cannot_move),
                                     TEST(test_a_cancelled_move_goes_back),
                                     TEST(test_a_target_that_dies_takes_nothing_with_it),
                                     TEST(test_a_source_that_dies_is_made_good),
                                     TEST(test_only_so_many_at_one_time),
                                     TEST(test_replicas_move_one_after_another),
                                     TEST(test_killed_at_each_step),
                                     TEST(test_killed_on_the_way_back),
                                     TEST(test_a_hot_swap_empties_its_unit_first),
                                     TEST(test_a_hot_swap_does_not_go_on_over_what_fits_nowhere),
                                     TEST(test_what_is_being_stopped_keeps_no_node_from_being_emptied),
                                     TEST(test_a_forced_node_is_not_stuck_any_more),
                                     TEST(test_an_evacuated_module_is_empty_before_it_is_off)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

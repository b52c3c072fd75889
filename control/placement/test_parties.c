/* SPDX-License-Identifier: Apache-2.0 */
/* Workloads that are tied leave together: all or none, back when one cannot, and after a kill at each step. */
#include "control/placement/placement_test.h"


/* db on that node, and cache with it. */
static void place_pair(struct bay *bay, const char *node, int64_t data_MiB)
{
  struct pl_workload *db = floor_place(bay, &(struct floor_ask){.id = "db", .cores = 8, .memory_GiB = 16, .image = "steady/50"});
  floor_until(bay, "db", PL_WORKLOAD_RUNNING, 10 * PL_S);
  if (strcmp(db->node, node) != 0)
    bay_until_over(bay, floor_migrate(bay, "db", node), PL_PROCEDURE_COMPLETED, 600 * PL_S);
  struct pl_workload *cache = floor_place(bay, &(struct floor_ask){.id = "cache", .cores = 8, .memory_GiB = 16, .data_MiB = data_MiB, .image = "steady/50", .with = "db"});
  floor_until(bay, "cache", PL_WORKLOAD_RUNNING, 10 * PL_S);
  assert_string_equal(cache->node, node);
}

static struct pl_work *work(struct bay *bay, const char *id)
{
  return pl_work_of(floor_find(bay, id));
}

static bool is_settled(struct stand *s, void *ctx)
{
  const struct pl_workload *db = s->stack ? pl_placement_find(s->stack->placement, "db") : NULL, *cache = db ? pl_placement_find(s->stack->placement, "cache") : NULL;
  (void)ctx;
  if (!cache || strcmp(db->node, cache->node) != 0)
    return false;
  for (const struct pl_workload *w = s->stack ? pl_placement_first(s->stack->placement) : NULL; w; w = w->next)
    if (w->state != PL_WORKLOAD_RUNNING || pl_work_of((struct pl_workload *)(uintptr_t)w)->party)
      return false;
  return true;
}

/* Both run in one node, nothing is held any more. */
static void until_together(struct bay *bay, const char *where)
{
  struct pl_node_view view;
  if (stand_until(bay->s, is_settled, NULL, 600 * PL_S) == PL_NEVER)
    fail_msg("db is %s on %s, cache %s on %s", pl_workload_state_name(floor_find(bay, "db")->state), floor_find(bay, "db")->node,
             pl_workload_state_name(floor_find(bay, "cache")->state), floor_find(bay, "cache")->node);
  stand_run(bay->s, 2 * PL_S);
  assert_string_equal(floor_find(bay, "db")->node, floor_find(bay, "cache")->node);
  if (where)
    assert_string_equal(floor_find(bay, "db")->node, where);
  for (int i = 1; i <= 8; i++) {
    char id[16];
    snprintf(id, sizeof id, "csu-%d", i);
    assert_true(pl_pool_view(pl_placement_pool(bay->s->stack->placement), id, &view));
    assert_int_equal(view.allocations, strcmp(id, floor_find(bay, "db")->node) ? 0 : 2);
  }
  floor_judge(bay);
}

static void test_a_drained_node_loses_both(void **state)
{
  struct bay *bay = *state;
  place_pair(bay, "csu-2", 3000);
  uint64_t work_of_db = floor_find(bay, "db")->run.work;
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-2");
  bay_until_step(bay, p, "ready", 300 * PL_S);
  assert_string_not_equal(floor_find(bay, "db")->node, "csu-2");
  WELL(bay->s, pl_procedure_cancel(p, "enough", &bay->s->err));
  bay_until_over(bay, p, PL_PROCEDURE_CANCELLED, 60 * PL_S);
  floor_until_up(bay, 8);
  until_together(bay, NULL);
  assert_true(floor_find(bay, "db")->run.work > work_of_db);
  assert_int_equal(floor_find(bay, "cache")->moves, 1);
  floor_decided(bay, "together with what is tied to it");
}

/* While they are on their way nobody gets a place that one of them may need. */
static void test_places_are_held_until_all_are_there(void **state)
{
  struct bay *bay = *state;
  struct pl_node_view view;
  struct pl_placement *all = bay->s->stack->placement;
  place_pair(bay, "csu-2", 20000);
  floor_migrate(bay, "db", "csu-6");
  for (int i = 0; i < 600 && (floor_find(bay, "db")->state != PL_WORKLOAD_RUNNING || strcmp(floor_find(bay, "db")->node, "csu-6")); i++)
    stand_run(bay->s, 100 * PL_MS);
  assert_string_equal(floor_find(bay, "db")->node, "csu-6"); /* it has no data, and is there first */
  assert_int_equal(floor_find(bay, "cache")->state, PL_WORKLOAD_MOVING);
  for (size_t i = 0; i < 2; i++) {
    assert_true(pl_pool_view(pl_placement_pool(all), i ? "csu-2" : "csu-6", &view));
    assert_int_equal(view.given.of[PL_DIMENSION_CORES], 16000);
  }
  assert_int_equal(pl_placement_migrate(all, floor_find(bay, "db"), "csu-4", "tester", NULL, &bay->s->err), PL_E_BUSY);
  struct pl_amounts more = floor_find(bay, "db")->request.need; /* what is held for its way back would be too little */
  more.of[PL_DIMENSION_CORES] = 12000;
  assert_int_equal(pl_placement_scale(all, floor_find(bay, "db"), &more, 0, "tester", &bay->s->err), PL_E_BUSY);
  assert_non_null(strstr(bay->s->err.text, "still on their way"));
  until_together(bay, "csu-6");
  WELL(bay->s, pl_placement_scale(all, floor_find(bay, "db"), &more, 0, "tester", &bay->s->err));
}

static void test_when_one_fails_both_are_where_they_were(void **state)
{
  struct bay *bay = *state;
  place_pair(bay, "csu-2", 20000);
  for (int late = 0; late < 2; late++) { /* while both copy; when one has arrived */
    floor_migrate(bay, "db", "csu-6");
    struct pl_procedure *cache = pl_procedure_find(bay->s->stack->procedures, floor_find(bay, "cache")->task);
    assert_non_null(cache);
    bay_until_step(bay, cache, "copy", 60 * PL_S);
    for (int i = 0; late && i < 600 && (floor_find(bay, "db")->state != PL_WORKLOAD_RUNNING || strcmp(floor_find(bay, "db")->node, "csu-6")); i++)
      stand_run(bay->s, 100 * PL_MS);
    WELL(bay->s, pl_procedure_cancel(cache, "the tester wants it back", &bay->s->err));
    until_together(bay, "csu-2");
    assert_int_equal(floor_find(bay, "cache")->moves, 0);
  }
  assert_true(floor_find(bay, "db")->moves >= 2);
  floor_decided(bay, "db goes back from csu-6 to csu-2");
}

static void test_a_target_that_dies_parts_nobody(void **state)
{
  struct bay *bay = *state;
  for (int late = 0; late < 2; late++) {
    if (!late)
      place_pair(bay, "csu-2", 20000);
    floor_migrate(bay, "db", late ? "csu-5" : "csu-6");
    struct pl_procedure *cache = pl_procedure_find(bay->s->stack->procedures, floor_find(bay, "cache")->task);
    bay_until_step(bay, cache, "copy", 60 * PL_S);
    stand_run(bay->s, late ? 3 * PL_S : PL_S);
    stand_power(bay->s, late ? "csu-5" : "csu-6", false);
    until_together(bay, NULL); /* what had arrived was lost there, and begins anew where the other is */
    if (!late && strcmp(floor_find(bay, "db")->node, "csu-2") != 0)
      bay_until_over(bay, floor_migrate(bay, "db", "csu-2"), PL_PROCEDURE_COMPLETED, 300 * PL_S);
    until_together(bay, NULL);
  }
}

static void test_one_cannot_be_asked_away_alone(void **state)
{
  struct bay *bay = *state;
  struct pl_placement *all = bay->s->stack->placement;
  place_pair(bay, "csu-2", 500);
  floor_place(bay, &(struct floor_ask){.id = "wall", .cores = 50, .node = "csu-3", .stay = true});
  floor_until(bay, "wall", PL_WORKLOAD_RUNNING, 10 * PL_S);
  assert_int_equal(pl_placement_migrate(all, floor_find(bay, "db"), "csu-3", "tester", NULL, &bay->s->err), PL_E_RANGE);
  assert_non_null(strstr(bay->s->err.text, "db is tied to cache (With), and can go only together with it: csu-3 has no room for all of them"));
  assert_int_equal(work(bay, "db")->party, 0);
  WELL(bay->s, pl_placement_stop(all, floor_find(bay, "wall"), "tester", &bay->s->err));
  stand_run(bay->s, 5 * PL_S);
  bay_until_over(bay, floor_migrate(bay, "cache", "csu-3"), PL_PROCEDURE_COMPLETED, 300 * PL_S); /* its task is the one that is given */
  until_together(bay, "csu-3");
  floor_migrate(bay, "db", NULL);
  until_together(bay, NULL);
  assert_string_not_equal(floor_find(bay, "db")->node, "csu-3");
}

static bool finds_place(struct bay *bay, const char *id, const char *node, char to[64], struct pl_err *why)
{
  struct pl_request request = work(bay, id)->w.request;
  *why = (struct pl_err){0};
  request.node = node;
  return pl_find_place(bay->s->stack->placement, work(bay, id), &request, true, to, why);
}

/* Whichever of the two names the other. */
static void test_no_other_place_is_found_for_one_alone(void **state)
{
  struct bay *bay = *state;
  char to[64];
  struct pl_err why;
  place_pair(bay, "csu-2", 0);
  for (int i = 0; i < 4; i++) {
    const char *id = i % 2 ? "db" : "cache";
    if (finds_place(bay, id, i < 2 ? NULL : "csu-6", to, &why))
      fail_msg("%s is told to go to %s, without what is tied to it", id, to);
    assert_string_equal(to, "");
    assert_true(why.text[0]);
  }
  assert_non_null(strstr(why.text, "cache is to be in one node with it"));
  struct pl_amounts more = floor_find(bay, "db")->request.need; /* more than its node has */
  more.of[PL_DIMENSION_CORES] = 60000;
  assert_int_equal(pl_placement_scale(bay->s->stack->placement, floor_find(bay, "db"), &more, 0, "tester", &bay->s->err), PL_E_RANGE);
  assert_non_null(strstr(bay->s->err.text, "elsewhere: "));
  WELL(bay->s, pl_placement_stop(bay->s->stack->placement, floor_find(bay, "cache"), "tester", &bay->s->err));
  stand_run(bay->s, 5 * PL_S);
  assert_true(finds_place(bay, "db", NULL, to, &why));
  assert_true(finds_place(bay, "db", "csu-6", to, &why));
  assert_string_equal(to, "csu-6");
  assert_false(finds_place(bay, "db", "csu-2", to, &why)); /* where it is is no other place */
}

/* Within what they are to share it may go where it likes, though there is more room beyond it. */
static void test_a_place_is_found_in_what_they_are_to_share(void **state)
{
  struct bay *bay = *state;
  struct pl_placement *all = bay->s->stack->placement;
  char to[64];
  struct pl_err why;
  for (int i = 1; i <= 8; i++) {
    char id[24], node[24];
    snprintf(id, sizeof id, "wall-%d", i);
    snprintf(node, sizeof node, "csu-%d", i);
    floor_place(bay, &(struct floor_ask){.id = id, .cores = i == 3 ? 30 : i < 5 ? 50 : 10, .node = node, .stay = true});
  }
  place_pair(bay, "csu-3", 0);
  assert_false(finds_place(bay, "db", NULL, to, &why));
  work(bay, "cache")->w.request.with_in = PL_DOMAIN_MODULE;
  WELL(bay->s, pl_work_keep(all, work(bay, "cache"), &bay->s->err));
  WELL(bay->s, pl_placement_stop(all, floor_find(bay, "wall-2"), "tester", &bay->s->err));
  stand_run(bay->s, 5 * PL_S);
  floor_restart(bay);
  floor_until_up(bay, 8);
  floor_until(bay, "cache", PL_WORKLOAD_RUNNING, 10 * PL_S);
  if (!finds_place(bay, "db", NULL, to, &why))
    fail_msg("%s", why.text);
  assert_string_equal(to, "csu-2");
}

/* --- killed --- */

static void drill(struct bay *bay, const char *step, bool ended)
{
  char from[64];
  snprintf(from, sizeof from, "%s", floor_find(bay, "db")->node);
  const char *to = strcmp(floor_find(bay, "db")->node, "csu-2") ? "csu-2" : "csu-6";
  WELL(bay->s, pl_stack_rackd.kill_at(bay->s->stack, "migrate", step, ended, &bay->s->err));
  enum pl_status status = pl_placement_migrate(bay->s->stack->placement, floor_find(bay, "db"), to, "tester", NULL, &bay->s->err);
  bool begun = status == PL_OK;
  assert_true(begun || bay->s->stack->dead);
  for (pl_time_ns end = pl_clock_now(bay->s->clock) + 300 * PL_S; !bay->s->stack->dead && pl_clock_now(bay->s->clock) < end;)
    pl_clock_step(bay->s->clock, end);
  if (!bay->s->stack->dead)
    fail_msg("it was not killed at %s", step);
  stand_run(bay->s, 700 * PL_MS);
  floor_restart(bay);
  until_together(bay, begun ? to : from); /* killed before it was told to have begun: none has */
}

static void test_killed_at_each_step(void **state)
{
  struct bay *bay = *state;
  place_pair(bay, "csu-2", 3000);
  stand_run(bay->s, 10 * PL_S);
  uint64_t done[2] = {floor_find(bay, "db")->run.work, floor_find(bay, "cache")->run.work};
  for (size_t i = 0; i < pl_migrate.n_steps; i++)
    for (int ended = 0; ended < 2; ended++) {
      drill(bay, pl_migrate.steps[i].name, ended);
      for (size_t k = 0; k < 2; k++) {
        uint64_t now = floor_find(bay, k ? "cache" : "db")->run.work;
        if (now <= done[k])
          fail_msg("killed at %s: what %s had done is lost", pl_migrate.steps[i].name, k ? "cache" : "db");
        done[k] = now;
      }
    }
}

/* One has arrived, the other goes back: killed there, and at each step of the way back of the first. */
static void test_killed_on_the_way_back(void **state)
{
  struct bay *bay = *state;
  place_pair(bay, "csu-2", 20000);
  for (size_t i = 0; i < pl_migrate.n_steps; i++) {
    floor_migrate(bay, "db", "csu-6");
    struct pl_procedure *cache = pl_procedure_find(bay->s->stack->procedures, floor_find(bay, "cache")->task);
    for (int k = 0; k < 600 && (floor_find(bay, "db")->state != PL_WORKLOAD_RUNNING || strcmp(floor_find(bay, "db")->node, "csu-6")); k++)
      stand_run(bay->s, 100 * PL_MS);
    WELL(bay->s, pl_stack_rackd.kill_at(bay->s->stack, "migrate", pl_migrate.steps[i].name, true, &bay->s->err));
    WELL(bay->s, pl_procedure_cancel(cache, "back", &bay->s->err));
    for (pl_time_ns end = pl_clock_now(bay->s->clock) + 300 * PL_S; !bay->s->stack->dead && pl_clock_now(bay->s->clock) < end;)
      pl_clock_step(bay->s->clock, end);
    if (!bay->s->stack->dead)
      fail_msg("it was not killed at %s", pl_migrate.steps[i].name);
    floor_restart(bay);
    until_together(bay, "csu-2");
  }
}

static struct pl_amounts given(struct bay *bay, const char *node)
{
  struct pl_node_view view;
  assert_true(pl_pool_view(pl_placement_pool(bay->s->stack->placement), node, &view));
  return view.given;
}

/* Killed when its row says that it is there and its procedure is not over: where it came from is held all the same. */
static void test_the_way_back_is_held_after_a_kill(void **state)
{
  struct bay *bay = *state;
  place_pair(bay, "csu-2", 20000);
  floor_migrate(bay, "db", "csu-6");
  for (int i = 0; i < 6000 && strcmp(floor_find(bay, "db")->node, "csu-6") != 0; i++)
    stand_run(bay->s, 10 * PL_MS);
  assert_int_equal(floor_find(bay, "db")->state, PL_WORKLOAD_MOVING);
  assert_string_equal(floor_find(bay, "db")->node, "csu-6");
  floor_restart(bay);
  assert_string_equal(floor_find(bay, "db")->node, "csu-6");
  assert_int_equal(floor_find(bay, "db")->state, PL_WORKLOAD_MOVING);
  assert_int_equal(given(bay, "csu-2").of[PL_DIMENSION_CORES], 16000);
  assert_int_equal(given(bay, "csu-6").of[PL_DIMENSION_CORES], 16000);
  until_together(bay, "csu-6");
}

/* Its row says that it goes back, and no procedure does: killed between the two. */
static void test_a_way_back_that_never_began_is_begun(void **state)
{
  struct bay *bay = *state;
  place_pair(bay, "csu-2", 20000);
  floor_migrate(bay, "db", "csu-6");
  struct pl_procedure *cache = pl_procedure_find(bay->s->stack->procedures, floor_find(bay, "cache")->task);
  for (int i = 0; i < 600 && (floor_find(bay, "db")->state != PL_WORKLOAD_RUNNING || strcmp(floor_find(bay, "db")->node, "csu-6")); i++)
    stand_run(bay->s, 100 * PL_MS);
  WELL(bay->s, pl_procedure_cancel(cache, "back", &bay->s->err));
  struct pl_work *db = work(bay, "db");
  db->returning = true;
  snprintf(db->w.target, sizeof db->w.target, "csu-2");
  db->w.state = PL_WORKLOAD_MOVING;
  WELL(bay->s, pl_work_keep(bay->s->stack->placement, db, &bay->s->err));
  floor_restart(bay);
  until_together(bay, "csu-2");
  struct floor_heard *heard = calloc(1, sizeof *heard);
  pl_placement_decisions(bay->s->stack->placement, 0, 1000, floor_hear, heard);
  assert_null(strstr(heard->words, "apart from what is tied to it"));
  free(heard);
}

/* What was parted and does not get together is not moved again and again; nor is it forgotten. */
static void test_what_cannot_be_reunited_is_not_tried_at_once(void **state)
{
  struct bay *bay = *state;
  floor_place(bay, &(struct floor_ask){.id = "db", .cores = 8, .image = "steady/50"});
  floor_until(bay, "db", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_place(bay, &(struct floor_ask){.id = "cache", .cores = 8, .image = "steady/50", .node = strcmp(floor_find(bay, "db")->node, "csu-5") ? "csu-5" : "csu-6"});
  floor_until(bay, "cache", PL_WORKLOAD_RUNNING, 10 * PL_S);
  struct pl_workload *cache = floor_find(bay, "cache");
  free((char *)(uintptr_t)cache->request.node);
  cache->request.node = NULL;
  cache->request.with[0] = strdup("db");
  WELL(bay->s, pl_work_keep(bay->s->stack->placement, work(bay, "cache"), &bay->s->err));
  floor_restart(bay);
  struct pl_procedure *p = bay_until_begun(bay, &pl_migrate, 30 * PL_S);
  WELL(bay->s, pl_procedure_cancel(p, "not now", &bay->s->err));
  bay_until_over(bay, p, PL_PROCEDURE_CANCELLED, 2 * PL_S);
  stand_run(bay->s, 2 * PL_S);
  assert_ptr_equal(bay_newest(bay, &pl_migrate), p);
  until_together(bay, NULL);
}

/* --- a store that cannot be written --- */

static void count_rows(void *ctx, const struct pl_store_procedure *row)
{
  *(size_t *)ctx += !strcmp(row->kind, "migrate");
}

/* Their procedures had begun, and were taken back with all that was written: nobody has moved, and the ids that they had are others' now. */
static void test_a_party_that_cannot_be_written_never_was(void **state)
{
  struct bay *bay = *state;
  struct pl_procedure *task = NULL;
  size_t before = 0, after = 0;
  place_pair(bay, "csu-2", 3000);
  WELL(bay->s, pl_store_procedures(bay->s->stack->store, false, count_rows, &before, &bay->s->err));
  stand_let_files_grow(1000);
  enum pl_status status = pl_placement_migrate(bay->s->stack->placement, floor_find(bay, "db"), "csu-6", "tester", &task, &bay->s->err);
  stand_let_files_grow(RLIM_INFINITY);
  assert_int_equal(status, PL_E_IO);
  assert_null(task);
  for (size_t i = 0; i < 2; i++) {
    const struct pl_work *each = work(bay, i ? "db" : "cache");
    assert_int_equal(each->party, 0);
    assert_false(each->move.active);
    assert_int_equal(each->w.task, 0);
    assert_int_equal(each->w.state, PL_WORKLOAD_RUNNING);
    assert_string_equal(each->w.node, "csu-2");
  }
  assert_int_equal(given(bay, "csu-2").of[PL_DIMENSION_CORES], 16000);
  assert_int_equal(given(bay, "csu-6").of[PL_DIMENSION_CORES], 0);
  stand_run(bay->s, 5 * PL_S);
  WELL(bay->s, pl_store_procedures(bay->s->stack->store, false, count_rows, &after, &bay->s->err));
  assert_int_equal(after, before);
  task = floor_migrate(bay, "db", "csu-6");
  assert_ptr_equal(pl_procedure_find(bay->s->stack->procedures, task->id), task);
  bay_until_over(bay, task, PL_PROCEDURE_COMPLETED, 300 * PL_S);
  until_together(bay, "csu-6");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, floor_setup, bay_teardown)
int main(int argc, char **argv)
{
  if (argc > 1) /* one of them */
    cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {TEST(test_a_drained_node_loses_both),
                                     TEST(test_places_are_held_until_all_are_there),
                                     TEST(test_when_one_fails_both_are_where_they_were),
                                     TEST(test_a_target_that_dies_parts_nobody),
                                     TEST(test_one_cannot_be_asked_away_alone),
                                     TEST(test_no_other_place_is_found_for_one_alone),
                                     TEST(test_a_place_is_found_in_what_they_are_to_share),
                                     TEST(test_killed_at_each_step),
                                     TEST(test_killed_on_the_way_back),
                                     TEST(test_the_way_back_is_held_after_a_kill),
                                     TEST(test_a_way_back_that_never_began_is_begun),
                                     TEST(test_what_cannot_be_reunited_is_not_tried_at_once),
                                     TEST(test_a_party_that_cannot_be_written_never_was)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

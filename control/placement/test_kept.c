/* SPDX-License-Identifier: Apache-2.0 */
/* What a client is told is done outlives a restart; what the store does not take is refused, and all is as it was. */
#include "control/placement/placement_test.h"

#include <sys/stat.h>

static struct pl_placement *room(const struct bay *bay)
{
  return bay->s->stack->placement;
}

static void must_refuse(enum pl_status status, const char *what)
{
  stand_let_files_grow(RLIM_INFINITY);
  if (status != PL_E_IO)
    fail_msg("%s: %d though nothing of it was kept", what, (int)status);
}

static enum pl_status stop(struct bay *bay, const char *id)
{
  bay->s->err = (struct pl_err){0};
  return pl_placement_stop(room(bay), floor_find(bay, id), "tester", &bay->s->err);
}

static bool are_none(struct stand *s, void *ctx)
{
  (void)ctx;
  return !pl_placement_first(s->stack->placement);
}

static void test_a_stop_that_is_not_kept_is_none(void **state)
{
  struct bay *bay = *state;
  floor_place(bay, &(struct floor_ask){.id = "web", .cores = 40, .node = "csu-1"});
  floor_until(bay, "web", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_place(bay, &(struct floor_ask){.id = "big", .cores = 40, .node = "csu-1", .queue = true});
  assert_int_equal(floor_find(bay, "big")->state, PL_WORKLOAD_QUEUED);
  stand_let_files_grow(1000);
  must_refuse(stop(bay, "web"), "the end of one that runs");
  assert_int_equal(floor_find(bay, "web")->state, PL_WORKLOAD_RUNNING);
  stand_let_files_grow(1000);
  must_refuse(stop(bay, "big"), "the end of one that waits");
  assert_int_equal(floor_find(bay, "big")->state, PL_WORKLOAD_QUEUED);
  stand_run(bay->s, 5 * PL_S);
  floor_judge(bay);
  assert_int_equal(stop(bay, "big"), PL_OK);
  assert_int_equal(stop(bay, "web"), PL_OK);
  floor_restart(bay);
  assert_true(stand_until(bay->s, are_none, NULL, 60 * PL_S) != PL_NEVER);
  floor_judge(bay);
}

static enum pl_status apply(struct bay *bay, const char *reservation)
{
  struct pl_plan *plan = NULL;
  struct pl_why why;
  const struct pl_order order = {.author = "tester", .kind = PL_ORDER_APPLY, .reservation = reservation, .application = ""};
  bay->s->err = (struct pl_err){0};
  enum pl_status status = pl_placement_order(room(bay), &order, &plan, NULL, &why, &bay->s->err);
  pl_plan_free(plan);
  return status;
}

static enum pl_status reserve(struct bay *bay, char id[37])
{
  struct pl_why why;
  return floor_try(bay, &(struct floor_ask){.id = "kept", .cores = 8}, PL_ORDER_RESERVE, id, &why);
}

static void is_still_reserved(struct bay *bay, const char *id)
{
  const struct pl_reservation *r = pl_placement_reservations(room(bay));
  assert_non_null(r);
  assert_string_equal(r->id, id);
  assert_string_equal(r->client, "tester");
  assert_int_equal(floor_find(bay, "kept")->state, PL_WORKLOAD_RESERVED);
  assert_string_equal(floor_find(bay, "kept")->reservation, id);
}

static void test_a_reservation_is_given_back_or_applied_once_that_is_kept(void **state)
{
  struct bay *bay = *state;
  char id[37];
  WELL(bay->s, reserve(bay, id));
  stand_let_files_grow(1000);
  must_refuse(pl_placement_cancel_reservation(room(bay), id, &bay->s->err), "a reservation given back");
  is_still_reserved(bay, id);
  stand_let_files_grow(1000);
  must_refuse(apply(bay, id), "a reservation applied");
  is_still_reserved(bay, id);
  floor_restart(bay);
  is_still_reserved(bay, id);
  assert_int_equal(apply(bay, id), PL_OK);
  assert_null(pl_placement_reservations(room(bay)));
  floor_until(bay, "kept", PL_WORKLOAD_RUNNING, 30 * PL_S);
  floor_judge(bay);
  assert_int_equal(stop(bay, "kept"), PL_OK);
  assert_true(stand_until(bay->s, are_none, NULL, 30 * PL_S) != PL_NEVER);
  WELL(bay->s, reserve(bay, id));
  WELL(bay->s, pl_placement_cancel_reservation(room(bay), id, &bay->s->err));
  floor_restart(bay);
  assert_null(pl_placement_reservations(room(bay)));
  assert_null(pl_placement_first(room(bay)));
}

/* Wherever the store stops: all of it is there after a restart, with who has it, or it was refused. */
static void test_a_reservation_is_kept_whole(void **state)
{
  struct bay *bay = *state;
  struct stat now;
  char wal[96], id[37];
  unsigned refused = 0;
  snprintf(wal, sizeof wal, "%s-wal", bay->store);
  assert_int_equal(stat(wal, &now), 0);
  for (enum pl_status status = PL_E_IO; status; refused += status != PL_OK) {
    assert_in_range(refused, 0, 49);
    stand_let_files_grow((rlim_t)now.st_size + 2000 * (refused + 1));
    status = reserve(bay, id);
    stand_let_files_grow(RLIM_INFINITY);
    if (!status)
      break;
    assert_null(pl_placement_first(room(bay)));
    assert_null(pl_placement_reservations(room(bay)));
  }
  assert_true(refused);
  floor_restart(bay);
  is_still_reserved(bay, id);
}

static void test_a_node_is_closed_once_that_is_kept(void **state)
{
  struct bay *bay = *state;
  stand_let_files_grow(1000);
  must_refuse(pl_placement_close(room(bay), stand_item(bay->s, "csu-3"), true, "tester", &bay->s->err), "a node closed");
  assert_false(pl_placement_is_closed(room(bay), stand_item(bay->s, "csu-3")));
  WELL(bay->s, pl_placement_close(room(bay), stand_item(bay->s, "csu-3"), true, "tester", &bay->s->err));
  floor_restart(bay);
  assert_true(pl_placement_is_closed(room(bay), stand_item(bay->s, "csu-3")));
}

static void test_one_task_for_several_outlives_a_kill(void **state)
{
  struct bay *bay = *state;
  struct pl_workload *systems[2];
  struct pl_procedure *task = NULL;
  floor_place(bay, &(struct floor_ask){.id = "a", .cores = 8});
  floor_place(bay, &(struct floor_ask){.id = "b", .cores = 8});
  floor_until(bay, "a", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_until(bay, "b", PL_WORKLOAD_RUNNING, 10 * PL_S);
  systems[0] = floor_find(bay, "a");
  systems[1] = floor_find(bay, "b");
  WELL(bay->s, pl_placement_retire_all(room(bay), systems, 2, "tester", &task, &bay->s->err));
  assert_ptr_equal(task->desc, &pl_stop_workloads);
  int64_t id = task->id;
  floor_restart(bay);
  task = pl_procedure_find(bay->s->stack->procedures, id);
  assert_non_null(task);
  bay_until_over(bay, task, PL_PROCEDURE_COMPLETED, 60 * PL_S);
  assert_null(pl_placement_first(room(bay)));
  floor_judge(bay);
}

/* One of them is cancelled: nobody follows it any more, and that is told. */
static void test_one_task_for_several_fails_with_one_of_them(void **state)
{
  struct bay *bay = *state;
  struct pl_workload *systems[2];
  struct pl_procedure *first = NULL, *task = NULL;
  systems[0] = floor_place(bay, &(struct floor_ask){.id = "a", .cores = 8});
  systems[1] = floor_place(bay, &(struct floor_ask){.id = "b", .cores = 8});
  floor_until(bay, "a", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_until(bay, "b", PL_WORKLOAD_RUNNING, 10 * PL_S);
  WELL(bay->s, pl_placement_retire(room(bay), systems[0], "tester", &first, &bay->s->err));
  WELL(bay->s, pl_placement_retire_all(room(bay), systems, 2, "tester", &task, &bay->s->err));
  assert_ptr_not_equal(task, first);
  WELL(bay->s, pl_procedure_cancel(first, "not now", &bay->s->err));
  bay_until_over(bay, task, PL_PROCEDURE_FAILED, 60 * PL_S);
  assert_non_null(strstr(task->message, "not now"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, floor_setup, bay_teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {TEST(test_a_stop_that_is_not_kept_is_none), TEST(test_a_reservation_is_given_back_or_applied_once_that_is_kept),
                                     TEST(test_a_reservation_is_kept_whole), TEST(test_a_node_is_closed_once_that_is_kept),
                                     TEST(test_one_task_for_several_outlives_a_kill), TEST(test_one_task_for_several_fails_with_one_of_them)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that are lost, mute, full, hot or idle. */
#include "control/placement/placement_test.h"

#include <stdio.h>

static struct pl_workload *place_at(struct bay *bay, const char *id, const char *node, double cores, int priority, const char *image)
{
  struct pl_workload *w = floor_place(bay, &(struct floor_ask){.id = id, .cores = cores, .memory_GiB = 8, .image = image, .priority = priority});
  floor_until(bay, id, PL_WORKLOAD_RUNNING, 10 * PL_S);
  if (strcmp(w->node, node) != 0)
    bay_until_over(bay, floor_migrate(bay, id, node), PL_PROCEDURE_COMPLETED, 60 * PL_S);
  return w;
}

/* --- lost --- */

static void test_a_lost_node_is_made_good(void **state)
{
  struct bay *bay = *state;
  struct pl_workload *web = place_at(bay, "web", "csu-3", 8, 0, "steady/50");
  stand_act(bay->s, "csu-3", "remove");
  stand_run(bay->s, 15 * PL_S);
  assert_int_equal(web->state, PL_WORKLOAD_RUNNING);
  assert_string_not_equal(web->node, "csu-3");
  floor_judge(bay);
  floor_decided(bay, "lose web csu-3");
}

/* It is dark for a while, and comes back with what it had. */
static void test_what_comes_back_runs_nothing_twice(void **state)
{
  struct bay *bay = *state;
  struct pl_workload *web = place_at(bay, "web", "csu-3", 8, 0, "steady/50");
  stand_power(bay->s, "csu-3", false);
  stand_run(bay->s, 15 * PL_S);
  assert_string_not_equal(web->node, "csu-3");
  stand_power(bay->s, "csu-3", true);
  for (int i = 0; i < 100; i++) {
    stand_run(bay->s, 200 * PL_MS);
    if (floor_runs(bay, web->handle, NULL) > 1)
      fail_msg("it runs twice %d ms after its node came back", 200 * i);
  }
  floor_judge(bay);
}

static void test_a_lost_module_by_priority(void **state)
{
  struct bay *bay = *state;
  for (int i = 1; i <= 8; i++) {
    char id[16], node[16];
    snprintf(id, sizeof id, "%s-%d", i <= 4 ? "up" : "down", i);
    snprintf(node, sizeof node, "csu-%d", i);
    place_at(bay, id, node, i <= 4 ? 40 : 30, i <= 4 ? i : 0, "steady/10");
  }
  for (int i = 1; i <= 4; i++) {
    char id[16];
    snprintf(id, sizeof id, "csu-%d", i);
    stand_act(bay->s, id, "remove");
  }
  stand_run(bay->s, 60 * PL_S);
  size_t running = 0;
  for (const struct pl_workload *w = pl_placement_first(bay->s->stack->placement); w; w = w->next)
    running += w->state == PL_WORKLOAD_RUNNING;
  assert_int_equal(running, 4); /* 40 do not fit beside 30 on 64: what is more important displaces it */
  for (int i = 1; i <= 4; i++) {
    char id[16];
    snprintf(id, sizeof id, "up-%d", i);
    assert_int_equal(floor_find(bay, id)->state, PL_WORKLOAD_RUNNING);
  }
  floor_judge(bay);
  stand_act(bay->s, "csu-1", "insert");
  stand_run(bay->s, 40 * PL_S);
  running = 0;
  for (const struct pl_workload *w = pl_placement_first(bay->s->stack->placement); w; w = w->next)
    running += w->state == PL_WORKLOAD_RUNNING;
  assert_int_equal(running, 6); /* two of 30 on the one that is back */
  floor_judge(bay);
}

static void fix_on(struct bay *bay, const char *id, const char *node, double cores)
{
  floor_place(bay, &(struct floor_ask){.id = id, .cores = cores, .node = node, .stay = true, .image = "steady/10"});
  floor_until(bay, id, PL_WORKLOAD_RUNNING, 10 * PL_S);
}

static void free_again(struct bay *bay, const char *id)
{
  WELL(bay->s, pl_placement_stop(bay->s->stack->placement, floor_find(bay, id), "tester", &bay->s->err));
  stand_run(bay->s, 3 * PL_S);
}

/* All are full, but for csu-2 and csu-3: these hold 20 and 50 more; `id`, at csu-1, needs more than 20. */
static void crowd(struct bay *bay, const char *id)
{
  for (int i = 2; i <= 8; i++) {
    char name[32], node[16];
    snprintf(name, sizeof name, "full-%d", i);
    snprintf(node, sizeof node, "csu-%d", i);
    fix_on(bay, name, node, i > 3 ? 64 : i == 2 ? 30 : 10);
  }
  fix_on(bay, "block-2", "csu-2", 34);
  fix_on(bay, "block-3", "csu-3", 54);
  floor_place(bay, &(struct floor_ask){.id = id, .cores = 50, .memory_GiB = 8, .image = "steady/10"});
  floor_until(bay, id, PL_WORKLOAD_RUNNING, 10 * PL_S);
  assert_string_equal(floor_find(bay, id)->node, "csu-1");
}

/* What was lost fits where something that runs can make room for it, by a move. */
static void test_others_make_room_for_what_was_lost(void **state)
{
  struct bay *bay = *state;
  crowd(bay, "big");
  free_again(bay, "block-3");
  floor_place(bay, &(struct floor_ask){.id = "half", .cores = 32, .memory_GiB = 8, .image = "steady/10"});
  floor_until(bay, "half", PL_WORKLOAD_RUNNING, 10 * PL_S);
  assert_string_equal(floor_find(bay, "half")->node, "csu-3");
  free_again(bay, "block-2");
  stand_act(bay->s, "csu-1", "remove");
  stand_run(bay->s, 40 * PL_S);
  assert_int_equal(floor_find(bay, "big")->state, PL_WORKLOAD_RUNNING);
  assert_string_equal(floor_find(bay, "big")->node, "csu-3");
  assert_string_equal(floor_find(bay, "half")->node, "csu-2");
  assert_int_equal(floor_find(bay, "half")->moves, 1);
  floor_judge(bay);
}

/* Where that runs to which it is tied there is no room: that comes to where both fit. */
static void test_what_is_tied_goes_with_what_was_lost(void **state)
{
  struct bay *bay = *state;
  crowd(bay, "cache");
  fix_on(bay, "rest-1", "csu-1", 14);
  free_again(bay, "block-2");
  floor_place(bay, &(struct floor_ask){.id = "db", .cores = 4, .memory_GiB = 8, .image = "steady/10"});
  floor_until(bay, "db", PL_WORKLOAD_RUNNING, 10 * PL_S);
  assert_string_equal(floor_find(bay, "db")->node, "csu-2");
  struct pl_workload *cache = floor_find(bay, "cache");
  cache->request.with[0] = strdup("db"); /* parted, as a loss may have left them */
  WELL(bay->s, pl_work_keep(bay->s->stack->placement, pl_work_of(cache), &bay->s->err));
  floor_restart(bay);
  floor_until_up(bay, 8);
  stand_act(bay->s, "csu-1", "remove");
  floor_until(bay, "cache", PL_WORKLOAD_LOST, 20 * PL_S);
  stand_run(bay->s, 10 * PL_S);
  assert_int_equal(floor_find(bay, "cache")->state, PL_WORKLOAD_LOST);
  free_again(bay, "block-3");
  floor_until(bay, "cache", PL_WORKLOAD_RUNNING, 60 * PL_S);
  assert_string_equal(floor_find(bay, "cache")->node, "csu-3");
  stand_run(bay->s, 60 * PL_S);
  assert_string_equal(floor_find(bay, "db")->node, "csu-3");
  assert_int_equal(floor_find(bay, "db")->moves, 1);
  assert_int_equal(pl_work_find(bay->s->stack->placement, "cache")->party, 0);
  floor_judge(bay);
}

static void test_replicas_fail_apart(void **state)
{
  struct bay *bay = *state;
  floor_place(bay, &(struct floor_ask){.id = "web", .cores = 4, .replicas = 1, .redundancy = PL_REDUNDANCY_2N, .spread = PL_DOMAIN_MODULE});
  floor_until(bay, "web", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_until(bay, "web#2", PL_WORKLOAD_RUNNING, 10 * PL_S);
  assert_true((floor_find(bay, "web")->node[4] > '4') != (floor_find(bay, "web#2")->node[4] > '4'));
  floor_judge(bay);
}

/* A node whose agent says nothing may still run all it had: without power it does not. */
static void test_a_mute_agent_costs_its_node_the_power(void **state)
{
  struct bay *bay = *state;
  struct pl_workload *web = place_at(bay, "web", "csu-3", 8, 0, "steady/50");
  stand_plant(bay->s, "agent-3.wire=mute");
  stand_run(bay->s, 60 * PL_S);
  assert_true(stand_truth(bay->s, "csu-3", "vout") < 5);
  assert_int_equal(web->state, PL_WORKLOAD_RUNNING);
  assert_string_not_equal(web->node, "csu-3");
  floor_decided(bay, "fence  csu-3");
}

/* --- full --- */

static void test_an_overloaded_node_is_relieved(void **state)
{
  struct bay *bay = *state;
  static const char *const IDS[] = {"a", "b", "c"};
  for (size_t i = 0; i < 3; i++)
    place_at(bay, IDS[i], "csu-2", 20, 0, "steady/100");
  stand_run(bay->s, 120 * PL_S);
  size_t moved = 0, there = 0;
  for (size_t i = 0; i < 3; i++) {
    moved += floor_find(bay, IDS[i])->moves;
    there += !strcmp(floor_find(bay, IDS[i])->node, "csu-2");
  }
  assert_true(there <= 2);
  size_t settled = moved;
  stand_run(bay->s, 300 * PL_S); /* and that was that */
  for (size_t i = 0; i < 3; i++)
    settled -= floor_find(bay, IDS[i])->moves;
  assert_int_equal(settled, 0);
  floor_judge(bay);
}

static void test_nothing_moves_without_need(void **state)
{
  struct bay *bay = *state;
  for (int i = 1; i <= 6; i++) {
    char id[16];
    snprintf(id, sizeof id, "w-%d", i);
    floor_place(bay, &(struct floor_ask){.id = id, .cores = 20, .image = i % 2 ? "bursty/60" : "daily/80"});
  }
  stand_run(bay->s, 400 * PL_S);
  for (const struct pl_workload *w = pl_placement_first(bay->s->stack->placement); w; w = w->next)
    assert_int_equal(w->moves, 0);
  floor_judge(bay);
}

/* --- idle --- */

static int setup_consolidate(void **state)
{
  char path[] = "/tmp/pl-floor-settings-XXXXXX";
  static const char TEXT[] = "consolidate: on\nconsolidate-after: 60 s\n";
  int fd = mkstemp(path);
  assert_int_equal(write(fd, TEXT, sizeof TEXT - 1), sizeof TEXT - 1);
  close(fd);
  *state = floor_open_with(NULL, path);
  ((struct bay *)*state)->s->cfg.settings = NULL; /* a restart does without: nothing sleeps any deeper */
  unlink(path);
  return 0;
}

static size_t asleep(struct bay *bay)
{
  size_t count = 0;
  const struct pl_placement *all = bay->s->stack->placement;
  for (size_t i = 0; i < all->n_hosts; i++)
    count += all->hosts[i].desc.state == PL_NODE_ASLEEP;
  return count;
}

static void test_an_idle_module_sleeps_and_is_woken(void **state)
{
  struct bay *bay = *state;
  struct pl_workload *web = place_at(bay, "web", "csu-2", 8, 0, "steady/10");
  stand_run(bay->s, 200 * PL_S);
  size_t sleeping = asleep(bay);
  if (!sleeping)
    fail_msg("nothing sleeps, and web is on %s", web->node);
  assert_int_equal(web->state, PL_WORKLOAD_RUNNING);
  size_t off = 0;
  for (int i = 1; i <= 8; i++) {
    char id[16];
    snprintf(id, sizeof id, "csu-%d", i);
    off += stand_truth(bay->s, id, "vout") < 5;
  }
  assert_int_equal(off, sleeping);
  floor_restart(bay); /* what sleeps is not taken for lost */
  stand_run(bay->s, 20 * PL_S);
  assert_int_equal(asleep(bay), sleeping);
  for (int i = 1; i <= 8; i++) { /* more than is awake takes */
    char id[16];
    struct pl_why why;
    char reservation[37];
    snprintf(id, sizeof id, "big-%d", i);
    if (floor_try(bay, &(struct floor_ask){.id = id, .cores = 50, .image = "steady/20"}, PL_ORDER_APPLY, reservation, &why))
      fail_msg("%s: %s", id, bay->s->err.text);
  }
  stand_run(bay->s, 120 * PL_S);
  for (const struct pl_workload *w = pl_placement_first(bay->s->stack->placement); w; w = w->next)
    if (w->state != PL_WORKLOAD_RUNNING)
      fail_msg("%s is %s on %s: %s", w->id, pl_workload_state_name(w->state), w->node, w->why);
  floor_judge(bay);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, floor_setup, bay_teardown)
int main(int argc, char **argv)
{
  if (argc > 1) /* one of them */
    cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {TEST(test_a_lost_node_is_made_good),
                                     TEST(test_what_comes_back_runs_nothing_twice),
                                     TEST(test_a_lost_module_by_priority),
                                     TEST(test_others_make_room_for_what_was_lost),
                                     TEST(test_what_is_tied_goes_with_what_was_lost),
                                     TEST(test_replicas_fail_apart),
                                     TEST(test_a_mute_agent_costs_its_node_the_power),
                                     TEST(test_an_overloaded_node_is_relieved),
                                     TEST(test_nothing_moves_without_need),
                                     cmocka_unit_test_setup_teardown(test_an_idle_module_sleeps_and_is_woken, setup_consolidate, bay_teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

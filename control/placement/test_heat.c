/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that get too hot: relieved of what they need to be, and left alone for a while. */
#include "control/placement/placement_test.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define HOT_NODE "csu-3"

static int setup(void **state)
{
  char path[] = "/tmp/pl-heat-settings-XXXXXX";
  static const char TEXT[] = "poll: 5 s\nstale: 20 s\nplant-period: 5 s\nagent-period: 5 s\nprofile-period: 60 s\nflow-max: 6.5 L/min\n"; /* seldom, since hours go by; pump control shall not help */
  int fd = mkstemp(path);
  assert_int_equal(write(fd, TEXT, sizeof TEXT - 1), sizeof TEXT - 1);
  close(fd);
  struct bay *bay = floor_open_with(NULL, path);
  bay->s->cfg.settings = NULL;
  unlink(path);
  *state = bay;
  return 0;
}

static struct pl_host *host_of(struct bay *bay, const char *node)
{
  struct pl_host *host = pl_host_find(bay->s->stack->placement, node);
  assert_non_null(host);
  return host;
}

static size_t moves_of_all(struct bay *bay)
{
  size_t sum = 0;
  for (const struct pl_workload *w = pl_placement_first(bay->s->stack->placement); w; w = w->next)
    sum += w->moves;
  return sum;
}

static size_t stand_on(struct bay *bay, const char *node)
{
  size_t count = 0;
  for (const struct pl_workload *w = pl_placement_first(bay->s->stack->placement); w; w = w->next)
    count += !strcmp(w->node, node);
  return count;
}

/* Not pinned, but nothing else was open. */
static void fill(struct bay *bay, const char *node, size_t count, double cores)
{
  struct pl_placement *all = bay->s->stack->placement;
  for (size_t i = 0; i < all->n_hosts; i++)
    if (strcmp(all->hosts[i].item->id, node) != 0)
      WELL(bay->s, pl_placement_close(all, all->hosts[i].item, true, "tester", &bay->s->err));
  for (size_t i = 1; i <= count; i++) {
    char id[16];
    snprintf(id, sizeof id, "w-%zu", i);
    floor_place(bay, &(struct floor_ask){.id = id, .cores = cores, .memory_GiB = 8, .image = "steady/100"});
    floor_until(bay, id, PL_WORKLOAD_RUNNING, 30 * PL_S);
  }
  assert_int_equal(stand_on(bay, node), count);
  for (size_t i = 0; i < all->n_hosts; i++)
    WELL(bay->s, pl_placement_close(all, all->hosts[i].item, false, "tester", &bay->s->err));
}

static void until_hot(struct bay *bay, bool hot, pl_time_ns span)
{
  for (pl_time_ns end = pl_clock_now(bay->s->clock) + span; host_of(bay, HOT_NODE)->hot != hot; stand_run(bay->s, 2 * PL_S))
    if (pl_clock_now(bay->s->clock) >= end)
      fail_msg("%s is %s, at %.2f of its limit", HOT_NODE, hot ? "not hot" : "still hot", host_of(bay, HOT_NODE)->heat);
}

/* Its cold plate is fouled: one of the four must go to where it is cooler, no more, and none comes back to it for a while. */
static void test_a_hot_node_is_relieved(void **state)
{
  struct bay *bay = *state;
  fill(bay, HOT_NODE, 4, 13);
  stand_plant(bay->s, HOT_NODE ".plate=fouled:1.9");
  until_hot(bay, true, 1200 * PL_S);
  assert_int_equal(host_of(bay, HOT_NODE)->desc.state, PL_NODE_CLOSED);
  assert_int_equal(moves_of_all(bay), 0);
  until_hot(bay, false, 1200 * PL_S);
  assert_int_equal(moves_of_all(bay), 1);
  assert_int_equal(stand_on(bay, HOT_NODE), 3);
  for (const struct pl_workload *w = pl_placement_first(bay->s->stack->placement); w; w = w->next)
    if (strcmp(w->node, HOT_NODE) != 0)
      assert_true(stand_truth(bay->s, w->node, "drive_temperature") < stand_truth(bay->s, HOT_NODE, "drive_temperature"));
  floor_decided(bay, "moves from " HOT_NODE);
  assert_int_equal(host_of(bay, HOT_NODE)->desc.state, PL_NODE_CLOSED); /* cool, but not for long */
  stand_run(bay->s, 8 * 60 * PL_S);
  assert_int_equal(host_of(bay, HOT_NODE)->desc.state, PL_NODE_CLOSED);
  stand_run(bay->s, 3 * 60 * PL_S);
  assert_int_equal(host_of(bay, HOT_NODE)->desc.state, PL_NODE_UP);
  stand_run(bay->s, 1800 * PL_S); /* and that was that */
  assert_int_equal(moves_of_all(bay), 1);
  assert_int_equal(stand_on(bay, HOT_NODE), 3);
  floor_judge(bay);
}

/* Neither could go alone. */
static void test_what_is_tied_leaves_a_hot_node_together(void **state)
{
  struct bay *bay = *state;
  floor_place(bay, &(struct floor_ask){.id = "db", .cores = 26, .memory_GiB = 8, .image = "steady/100"});
  floor_until(bay, "db", PL_WORKLOAD_RUNNING, 30 * PL_S);
  if (strcmp(floor_find(bay, "db")->node, HOT_NODE) != 0)
    bay_until_over(bay, floor_migrate(bay, "db", HOT_NODE), PL_PROCEDURE_COMPLETED, 600 * PL_S);
  floor_place(bay, &(struct floor_ask){.id = "cache", .cores = 13, .memory_GiB = 8, .image = "steady/100", .with = "db"});
  floor_until(bay, "cache", PL_WORKLOAD_RUNNING, 30 * PL_S);
  assert_int_equal(stand_on(bay, HOT_NODE), 2);
  size_t before = moves_of_all(bay);
  stand_plant(bay->s, HOT_NODE ".plate=fouled:2.6");
  until_hot(bay, true, 1200 * PL_S);
  until_hot(bay, false, 1200 * PL_S);
  assert_int_equal(moves_of_all(bay), before + 2);
  assert_int_equal(stand_on(bay, HOT_NODE), 0);
  assert_string_equal(floor_find(bay, "db")->node, floor_find(bay, "cache")->node);
  floor_decided(bay, "together with what is tied to it");
  floor_judge(bay);
}

/* About the limit for two hours, by what no move changes: once it has lost what brings it clear of it, nothing more moves. */
static void test_a_temperature_that_hovers_moves_little(void **state)
{
  struct bay *bay = *state;
  fill(bay, HOT_NODE, 13, 4);
  stand_plant(bay->s, HOT_NODE ".plate=fouled:1.9");
  double least = 1000, most = 0;
  for (int minute = 0; minute < 120; minute++) {
    stand_set(bay->s, "load-3", "load", minute / 4 % 2 ? 60 : 0);
    stand_run(bay->s, 60 * PL_S);
    double now = stand_truth(bay->s, HOT_NODE, "drive_temperature");
    least = minute < 20 ? least : fmin(least, now);
    most = fmax(most, now);
  }
  if (most < 70 || moves_of_all(bay) < 1 || moves_of_all(bay) > 4)
    fail_msg("%zu moves in two hours at %.1f to %.1f degC, expected 1 to 4", moves_of_all(bay), least, most);
  floor_judge(bay);
}

/* Where all are hot it helps nobody to move. */
static void test_from_hot_to_hot_nothing_moves(void **state)
{
  struct bay *bay = *state;
  for (int i = 1; i <= 8; i++) {
    char spec[40];
    snprintf(spec, sizeof spec, "csu-%d.plate=fouled:8", i);
    stand_plant(bay->s, spec);
    snprintf(spec, sizeof spec, "load-%d", i);
    stand_set(bay->s, spec, "load", 90);
  }
  stand_run(bay->s, 1800 * PL_S);
  assert_false(host_of(bay, HOT_NODE)->hot);
  fill(bay, HOT_NODE, 4, 1);
  until_hot(bay, true, 1800 * PL_S);
  stand_run(bay->s, 1200 * PL_S);
  assert_true(host_of(bay, HOT_NODE)->hot);
  assert_int_equal(moves_of_all(bay), 0);
  floor_decided(bay, "nothing that runs there and may move has a cooler place");
  floor_judge(bay);
}

/* What was hot is not cool because nobody says how hot it is. */
static void test_a_thermometer_that_falls_silent_cools_nothing(void **state)
{
  struct bay *bay = *state;
  stand_plant(bay->s, HOT_NODE ".plate=fouled:12");
  stand_set(bay->s, "load-3", "load", 120);
  until_hot(bay, true, 1800 * PL_S);
  stand_plant(bay->s, "thermometer-3.wire=mute");
  stand_set(bay->s, "load-3", "load", 0);
  stand_run(bay->s, 1500 * PL_S);
  assert_true(host_of(bay, HOT_NODE)->hot);
  assert_int_equal(host_of(bay, HOT_NODE)->desc.state, PL_NODE_CLOSED);
  stand_clear(bay->s);
  until_hot(bay, false, 600 * PL_S);
}

static struct pl_sense *thermometer(struct bay *bay, const char *quantity)
{
  struct pl_sense *sense = pl_item_sense(host_of(bay, HOT_NODE)->item, "thermometer", quantity);
  assert_non_null(sense);
  assert_true(pl_reading_valid(&sense->reading));
  return sense;
}

/* Each of them for itself: one that died when it was cool does not keep what another one showed later. */
static void test_a_dead_channel_keeps_no_node_hot(void **state)
{
  struct bay *bay = *state;
  struct pl_host *host = host_of(bay, HOT_NODE);
  struct pl_sense *dead = thermometer(bay, "cpu-1-temperature"), *other = thermometer(bay, "cpu-2-temperature");
  const struct pl_reading warm = other->reading;
  pl_heat_look(host);
  assert_true(host->heat > 0 && !host->hot);
  const double before = host->heat;
  dead->reading.status = PL_E_TIMEOUT;
  other->reading.value_u = 200 * PL_U;
  pl_heat_look(host);
  assert_true(host->hot);
  other->reading = warm;
  pl_heat_look(host);
  assert_false(host->hot);
  assert_true(fabs(host->heat - before) < 1e-9);
  for (size_t i = 0; i < host->item->n_senses; i++) /* what never said anything is not cool or hot, and what did is as it was */
    host->item->senses[i].reading.status = PL_E_TIMEOUT;
  pl_heat_look(host);
  assert_true(fabs(host->heat - before) < 1e-9);
  pl_heat_forget(host);
  pl_heat_look(host);
  assert_true(host->heat == 0);
}

/* It is cool, opened, and hot again: the next time it stays shut for longer. */
static void test_what_gets_hot_again_is_shut_for_longer(void **state)
{
  struct bay *bay = *state;
  pl_time_ns shut[2] = {0};
  stand_plant(bay->s, HOT_NODE ".plate=fouled:12");
  for (size_t i = 0; i < 2; i++) {
    stand_set(bay->s, "load-3", "load", 120);
    until_hot(bay, true, 1800 * PL_S);
    stand_set(bay->s, "load-3", "load", 0);
    until_hot(bay, false, 1800 * PL_S);
    pl_time_ns from = pl_clock_now(bay->s->clock);
    while (host_of(bay, HOT_NODE)->desc.state != PL_NODE_UP && pl_clock_now(bay->s->clock) - from < 3600 * PL_S)
      stand_run(bay->s, 2 * PL_S);
    shut[i] = pl_clock_now(bay->s->clock) - from;
  }
  assert_true(shut[0] > 590 * PL_S && shut[0] < 610 * PL_S);
  assert_true(shut[1] > 1190 * PL_S && shut[1] < 1210 * PL_S);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, bay_teardown)
int main(int argc, char **argv)
{
  if (argc > 1) /* one of them */
    cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {TEST(test_a_hot_node_is_relieved),
                                     TEST(test_what_is_tied_leaves_a_hot_node_together),
                                     TEST(test_a_temperature_that_hovers_moves_little),
                                     TEST(test_from_hot_to_hot_nothing_moves),
                                     TEST(test_a_thermometer_that_falls_silent_cools_nothing),
                                     TEST(test_a_dead_channel_keeps_no_node_hot),
                                     TEST(test_what_gets_hot_again_is_shut_for_longer)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

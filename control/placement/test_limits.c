/* SPDX-License-Identifier: Apache-2.0 */
/* What the rack's supplies carry: no more is placed, and what they no longer carry waits, the least important first. */
#include "control/placement/placement_test.h"

#include <stdio.h>
#include <unistd.h>

/* The demo rack with small supplies, both of which are needed: 2 x 1,500 W, 95 % of them for eight nodes that take 80 W idle. */
#define BOTH_mW 2200000 /* in whole steps of 50 W */
#define ONE_mW 750000

static void replace(char *text, size_t size, const char *from, const char *to)
{
  char *at = strstr(text, from);
  size_t old = strlen(from), new = strlen(to);
  assert_non_null(at);
  assert_true(strlen(text) + new < size + old);
  memmove(at + new, at + old, strlen(at + old) + 1);
  memcpy(at, to, new);
}

static int setup(void **state)
{
  enum { ROOM = 200000 };
  char path[] = "/tmp/pl-limits-XXXXXX", *text = calloc(1, ROOM);
  FILE *in = fopen(DEMO_RACK, "r");
  assert_non_null(in);
  assert_true(fread(text, 1, ROOM - 1, in) < ROOM - 1000);
  fclose(in);
  replace(text, ROOM, "redundancy: 1}", "redundancy: 2}");
  replace(text, ROOM, "feed: feed-a}", "feed: feed-a, rated-power: 1500 W}");
  replace(text, ROOM, "feed: feed-b}", "feed: feed-b, rated-power: 1500 W}");
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  close(fd);
  free(text);
  *state = floor_open_on(path, NULL, NULL);
  unlink(path);
  return 0;
}

static int64_t limit_mW(struct bay *bay)
{
  return bay->s->stack->placement->limit.of[PL_DIMENSION_POWER];
}

/* Idle, so that it is what was promised that counts and no supply is overloaded in truth: 8.125 W a core. */
static struct floor_ask ask(const char *id, double cores, int priority)
{
  return (struct floor_ask){.id = id, .cores = cores, .memory_GiB = 1, .image = "idle", .priority = priority};
}

static void place(struct bay *bay, const char *id, double cores, int priority)
{
  struct floor_ask what = ask(id, cores, priority);
  floor_place(bay, &what);
  floor_until(bay, id, PL_WORKLOAD_RUNNING, 30 * PL_S);
}

static void test_no_more_is_placed_than_supplies_carry(void **state)
{
  struct bay *bay = *state;
  struct pl_why why = {0};
  char reservation[37], id[16];
  assert_int_equal(limit_mW(bay), BOTH_mW);
  for (int i = 1; i <= 5; i++) { /* 416 W each */
    snprintf(id, sizeof id, "w-%d", i);
    place(bay, id, 51.2, 0);
  }
  struct floor_ask sixth = ask("w-6", 51.2, 0), small = ask("small", 14, 0);
  assert_int_equal(floor_try(bay, &sixth, PL_ORDER_APPLY, reservation, &why), PL_E_RANGE); /* three nodes are empty */
  assert_true(why.domain_limit >= 3);
  assert_non_null(strstr(why.limit, "rack"));
  floor_place(bay, &small);
  floor_judge(bay);
}

static void lose_a_supply(struct bay *bay, int64_t left_mW)
{
  stand_plant(bay->s, "psu-b.supply=dead");
  stand_run(bay->s, 5 * PL_S);
  assert_int_equal(limit_mW(bay), left_mW);
}

static void test_a_lost_supply_sends_the_least_important_to_the_queue(void **state)
{
  struct bay *bay = *state;
  place(bay, "high", 40, 9);   /* 325 W */
  place(bay, "middle", 40, 5);
  place(bay, "low", 48, 3);    /* 390 W */
  place(bay, "lower", 12, 2);  /* 97.5 W */
  place(bay, "lowest", 12, 1);
  lose_a_supply(bay, ONE_mW);
  stand_run(bay->s, 30 * PL_S);
  static const struct {
    const char *id;
    enum pl_workload_state state;
  } AFTER[] = {{"high", PL_WORKLOAD_RUNNING}, {"middle", PL_WORKLOAD_RUNNING}, {"low", PL_WORKLOAD_QUEUED}, {"lower", PL_WORKLOAD_RUNNING}, {"lowest", PL_WORKLOAD_QUEUED}};
  for (size_t i = 0; i < sizeof AFTER / sizeof *AFTER; i++)
    if (floor_find(bay, AFTER[i].id)->state != AFTER[i].state)
      fail_msg("%s is %s: %s", AFTER[i].id, pl_workload_state_name(floor_find(bay, AFTER[i].id)->state), floor_find(bay, AFTER[i].id)->why);
  floor_judge(bay);
  floor_decided(bay, "evict low");
  stand_clear(bay->s);
  floor_until(bay, "low", PL_WORKLOAD_RUNNING, 60 * PL_S);
  floor_until(bay, "lowest", PL_WORKLOAD_RUNNING, 60 * PL_S);
  assert_int_equal(limit_mW(bay), BOTH_mW);
  floor_judge(bay);
}

static void all_run(struct bay *bay, size_t count)
{
  for (const struct pl_workload *w = pl_placement_first(bay->s->stack->placement); w; w = w->next) {
    if (w->state != PL_WORKLOAD_RUNNING && w->state != PL_WORKLOAD_RESERVED && w->state != PL_WORKLOAD_LOST)
      fail_msg("%s is %s: %s", w->id, pl_workload_state_name(w->state), w->why);
    count -= w->state == PL_WORKLOAD_RUNNING;
  }
  assert_int_equal(count, 0);
}

/* Power and coolant are there; it is only that nobody says so. */
static void test_what_does_not_answer_displaces_nothing(void **state)
{
  struct bay *bay = *state;
  place(bay, "high", 40, 9);
  place(bay, "middle", 40, 5);
  place(bay, "low", 48, 3);
  stand_plant(bay->s, "psu-b.wire=nack");
  stand_run(bay->s, 20 * PL_S);
  assert_int_equal(limit_mW(bay), ONE_mW); /* for new work */
  all_run(bay, 3);
  stand_plant(bay->s, "rpu.wire=mute");
  stand_run(bay->s, 20 * PL_S);
  assert_int_equal(bay->s->stack->placement->limit.of[PL_DIMENSION_HEAT], 0);
  all_run(bay, 3);
  floor_restart(bay); /* nor what was never seen to work */
  stand_run(bay->s, 20 * PL_S);
  all_run(bay, 3);
  stand_plant(bay->s, "psu-a.supply=dead"); /* that is known */
  floor_until(bay, "low", PL_WORKLOAD_QUEUED, 30 * PL_S);
  assert_int_equal(floor_find(bay, "middle")->state, PL_WORKLOAD_RUNNING);
}

static void test_what_draws_nothing_displaces_nothing(void **state)
{
  struct bay *bay = *state;
  struct pl_why why;
  char reservation[37];
  struct floor_ask reserved = ask("reserved", 48, 0), pinned = ask("pinned", 48, 9);
  pinned.node = "csu-5";
  place(bay, "high", 40, 9);
  place(bay, "low", 40, 1);
  WELL(bay->s, floor_try(bay, &reserved, PL_ORDER_RESERVE, reservation, &why));
  lose_a_supply(bay, ONE_mW);
  stand_run(bay->s, 20 * PL_S);
  assert_int_equal(floor_find(bay, "reserved")->state, PL_WORKLOAD_RESERVED);
  all_run(bay, 2);
  stand_clear(bay->s);
  stand_run(bay->s, 60 * PL_S);
  floor_place(bay, &pinned);
  floor_until(bay, "pinned", PL_WORKLOAD_RUNNING, 30 * PL_S);
  stand_power(bay->s, "csu-5", false);
  floor_until(bay, "pinned", PL_WORKLOAD_LOST, 30 * PL_S);
  lose_a_supply(bay, ONE_mW + 100000); /* without what that node took idle */
  stand_run(bay->s, 20 * PL_S);
  all_run(bay, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, bay_teardown)
int main(int argc, char **argv)
{
  if (argc > 1) /* one of them */
    cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {TEST(test_no_more_is_placed_than_supplies_carry), TEST(test_a_lost_supply_sends_the_least_important_to_the_queue),
                                     TEST(test_what_does_not_answer_displaces_nothing), TEST(test_what_draws_nothing_displaces_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

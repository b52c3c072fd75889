/* SPDX-License-Identifier: Apache-2.0 */
/* What is displaced keeps what it has done, wherever it goes on and whenever the stack is killed; where that cannot be kept it says so. */
#include "control/placement/placement_test.h"

#define CSUS 8

/* Each node holds 64 cores: low-1 on csu-1 with its data, what nobody displaces on the others. */
static void fill_but(struct bay *bay, int spare, int64_t data_MiB)
{
  for (int i = 1; i <= CSUS; i++) {
    char id[32], node[16];
    snprintf(id, sizeof id, i == 1 ? "low" : "full-%d", i);
    snprintf(node, sizeof node, "csu-%d", i);
    if (i != spare)
      floor_place(bay, &(struct floor_ask){.id = id, .cores = 64, .memory_GiB = 8, .node = i == 1 ? NULL : node, .priority = i == 1 ? 1 : 9, .image = "steady/10",
                                           .data_MiB = i == 1 ? data_MiB : 0, .stay = i != 1});
  }
  floor_until(bay, "low", PL_WORKLOAD_RUNNING, 10 * PL_S);
}

static struct bay *filled(void **state, int64_t data_MiB)
{
  struct bay *bay = *state;
  fill_but(bay, 0, data_MiB);
  stand_run(bay->s, 20 * PL_S);
  return bay;
}

static uint64_t work_of(struct bay *bay, const char *id)
{
  stand_run(bay->s, 2 * PL_S); /* the agent has told */
  return floor_find(bay, id)->run.work;
}

static void stop(struct bay *bay, const char *id)
{
  WELL(bay->s, pl_placement_stop(bay->s->stack->placement, floor_find(bay, id), "tester", &bay->s->err));
}

static void place_high(struct bay *bay)
{
  floor_place(bay, &(struct floor_ask){.id = "high", .cores = 40, .memory_GiB = 8, .priority = 5, .image = "steady/10"});
}

static void test_what_is_displaced_goes_on_where_it_left_off(void **state)
{
  struct bay *bay = filled(state, 5000);
  uint64_t work = work_of(bay, "low");
  place_high(bay);
  assert_int_equal(floor_find(bay, "low")->state, PL_WORKLOAD_STOPPING);
  floor_until(bay, "high", PL_WORKLOAD_RUNNING, 10 * PL_S);
  const struct pl_workload *low = floor_find(bay, "low");
  assert_int_equal(low->state, PL_WORKLOAD_QUEUED);
  assert_true(low->run.work >= work && low->run.checksum && low->run.data_MiB == 5000);
  work = low->run.work;
  floor_judge(bay);
  floor_decided(bay, "what low has done on csu-");
  stop(bay, "high");
  floor_until(bay, "low", PL_WORKLOAD_RUNNING, 30 * PL_S);
  assert_true(floor_find(bay, "low")->run.work >= work && floor_find(bay, "low")->run.work < work + work / 2);
  assert_non_null(strstr(floor_find(bay, "low")->why, "with what it has done so far"));
  floor_decided(bay, "low goes on where it left off");
  assert_true(work_of(bay, "low") > work);
  assert_int_equal(pl_work_find(bay->s->stack->placement, "low")->kept.handle, 0); /* it is out of date */
  floor_judge(bay);
}

/* Where there is room elsewhere it goes there at once, and the more important one has not waited for its copy. */
static void test_it_goes_elsewhere_where_there_is_room(void **state)
{
  struct bay *bay = *state;
  fill_but(bay, 8, 20000);
  char from[64];
  snprintf(from, sizeof from, "%s", floor_find(bay, "low")->node);
  floor_place(bay, &(struct floor_ask){.id = "rest", .cores = 64, .node = strcmp(from, "csu-8") ? "csu-8" : "csu-1", .priority = 9, .stay = true});
  floor_until(bay, "rest", PL_WORKLOAD_RUNNING, 10 * PL_S);
  stand_run(bay->s, 20 * PL_S);
  uint64_t work = work_of(bay, "low");
  stop(bay, "full-5");
  stand_run(bay->s, 3 * PL_S);
  floor_place(bay, &(struct floor_ask){.id = "high", .cores = 64, .priority = 5, .node = from});
  floor_until(bay, "high", PL_WORKLOAD_RUNNING, 10 * PL_S);
  assert_int_equal(floor_find(bay, "low")->state, PL_WORKLOAD_STARTING); /* its 20 GB are on their way */
  assert_string_equal(floor_find(bay, "low")->node, "csu-5");
  floor_until(bay, "low", PL_WORKLOAD_RUNNING, 40 * PL_S);
  assert_true(floor_find(bay, "low")->run.work >= work);
  floor_judge(bay);
}

/* It is displaced again while it comes back: the snapshot that it came from is as good as before. */
static void test_displaced_while_it_is_restored(void **state)
{
  struct bay *bay = filled(state, 20000);
  place_high(bay);
  floor_until(bay, "high", PL_WORKLOAD_RUNNING, 10 * PL_S);
  uint64_t work = floor_find(bay, "low")->run.work;
  stop(bay, "high");
  floor_until(bay, "low", PL_WORKLOAD_STARTING, 20 * PL_S);
  stand_run(bay->s, 3 * PL_S); /* a copy of 20 s */
  floor_place(bay, &(struct floor_ask){.id = "next", .cores = 40, .memory_GiB = 8, .priority = 5});
  floor_until(bay, "next", PL_WORKLOAD_RUNNING, 10 * PL_S);
  assert_int_equal(floor_find(bay, "low")->state, PL_WORKLOAD_QUEUED);
  assert_true(floor_find(bay, "low")->run.work == work);
  stop(bay, "next");
  floor_until(bay, "low", PL_WORKLOAD_RUNNING, 60 * PL_S);
  assert_true(floor_find(bay, "low")->run.work >= work);
  floor_judge(bay);
}

/* It is displaced while what arrived is not what was kept, and has not been stopped yet: that does not become the snapshot. */
static void test_a_bad_copy_is_not_kept(void **state)
{
  struct bay *bay = filled(state, 20000);
  place_high(bay);
  floor_until(bay, "high", PL_WORKLOAD_RUNNING, 10 * PL_S);
  stop(bay, "high");
  floor_until(bay, "low", PL_WORKLOAD_STARTING, 20 * PL_S);
  struct pl_work *low = pl_work_find(bay->s->stack->placement, "low");
  const struct pl_agent_run kept = low->kept;
  struct pl_agent_run run = kept;
  run.state = PL_AGENT_RUN_READY;
  run.checksum ^= 1;
  floor_place(bay, &(struct floor_ask){.id = "next", .cores = 40, .memory_GiB = 8, .priority = 5});
  assert_true(pl_is_to_be_kept(low));
  pl_displaced_told(bay->s->stack->placement, low, &run);
  assert_false(pl_is_to_be_kept(low));
  assert_int_equal(low->kept.checksum, kept.checksum);
  low->caught = false; /* but what ran meanwhile is newer than it */
  run.state = PL_AGENT_RUN_RUNNING;
  pl_displaced_told(bay->s->stack->placement, low, &run);
  run.state = PL_AGENT_RUN_READY;
  pl_displaced_told(bay->s->stack->placement, low, &run);
  assert_false(pl_is_to_be_kept(low));
  assert_int_equal(low->kept.checksum, run.checksum);
}

static void fix_on(struct bay *bay, const char *id, const char *node, double cores)
{
  floor_place(bay, &(struct floor_ask){.id = id, .cores = cores, .node = node, .priority = 9, .stay = true, .image = "steady/10"});
  floor_until(bay, id, PL_WORKLOAD_RUNNING, 10 * PL_S);
}

static void free_again(struct bay *bay, const char *id)
{
  stop(bay, id);
  stand_run(bay->s, 3 * PL_S);
}

/* A replica that lost its place would fit if another workload moved first: none does that for it, so it waits. */
static void test_a_replica_takes_no_place_that_others_have(void **state)
{
  struct bay *bay = *state;
  for (int i = 1; i <= CSUS; i++) {
    char id[32], node[16];
    snprintf(id, sizeof id, "full-%d", i);
    snprintf(node, sizeof node, "csu-%d", i);
    fix_on(bay, id, node, i < 3 ? 20 : 64);
  }
  floor_place(bay, &(struct floor_ask){.id = "web", .cores = 40, .image = "steady/10", .redundancy = PL_REDUNDANCY_N1});
  floor_until(bay, "web", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_until(bay, "web#2", PL_WORKLOAD_RUNNING, 10 * PL_S);
  free_again(bay, "full-3");
  floor_place(bay, &(struct floor_ask){.id = "half-3", .cores = 32, .priority = 9, .image = "steady/10"});
  fix_on(bay, "rest-3", "csu-3", 32);
  free_again(bay, "full-4");
  floor_place(bay, &(struct floor_ask){.id = "half-4", .cores = 32, .priority = 9, .image = "steady/10"});
  free_again(bay, "rest-3");
  assert_string_equal(floor_find(bay, "half-3")->node, "csu-3"); /* either half could go to the other */
  assert_string_equal(floor_find(bay, "half-4")->node, "csu-4");
  floor_place(bay, &(struct floor_ask){.id = "high", .cores = 40, .priority = 5, .node = "csu-1"});
  floor_until(bay, "high", PL_WORKLOAD_RUNNING, 10 * PL_S);
  stand_run(bay->s, 15 * PL_S);
  floor_judge(bay);
  size_t waiting = 0;
  for (const struct pl_workload *w = pl_placement_first(bay->s->stack->placement); w; w = w->next)
    waiting += w->state == PL_WORKLOAD_QUEUED;
  assert_int_equal(waiting, 1);
}

/* --- where nothing can be kept --- */

static void test_a_node_that_fails_first(void **state)
{
  struct bay *bay = filled(state, 5000);
  char node[64];
  assert_true(work_of(bay, "low") > 0);
  snprintf(node, sizeof node, "%s", floor_find(bay, "low")->node);
  place_high(bay);
  stand_act(bay->s, node, "remove");
  floor_until(bay, "low", PL_WORKLOAD_QUEUED, 20 * PL_S);
  assert_int_equal(floor_find(bay, "low")->run.checksum, 0);
  floor_decided(bay, "it begins anew from its image: its node lost its power before that could be kept");
  stop(bay, "full-5");
  stop(bay, "full-6");
  floor_until(bay, "low", PL_WORKLOAD_RUNNING, 30 * PL_S);
  assert_non_null(strstr(floor_find(bay, "low")->why, "anew from its image"));
  floor_judge(bay);
}

static void test_what_is_more_than_can_be_kept(void **state)
{
  (void)state;
  struct bay *bay = floor_open_with(NULL, "{snapshots: 4000}");
  void *itself = bay;
  filled(&itself, 5000);
  uint64_t work = work_of(bay, "low");
  place_high(bay);
  floor_until(bay, "high", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_decided(bay, "anew from its image: its 5000 MiB are more than is left for snapshots: 4000 of 4000 MiB");
  stop(bay, "high");
  floor_until(bay, "low", PL_WORKLOAD_RUNNING, 30 * PL_S);
  assert_true(floor_find(bay, "low")->run.work < work);
  floor_judge(bay);
  bay_close(bay);
}

static void test_a_copy_that_is_not_what_was_kept(void **state)
{
  struct bay *bay = filled(state, 1000);
  uint64_t work = work_of(bay, "low");
  place_high(bay);
  floor_until(bay, "high", PL_WORKLOAD_RUNNING, 10 * PL_S);
  pl_work_find(bay->s->stack->placement, "low")->kept.checksum ^= 1;
  stop(bay, "high");
  floor_until(bay, "low", PL_WORKLOAD_RUNNING, 30 * PL_S);
  assert_true(floor_find(bay, "low")->run.work < work);
  floor_decided(bay, "what low had done is lost, and it begins anew from its image on csu-");
  floor_decided(bay, "what arrived is not what was kept, 3 times");
  floor_judge(bay);
}

/* The agent finds it whole, and it is another one's. */
static void test_a_copy_of_something_else(void **state)
{
  struct bay *bay = filled(state, 10000);
  place_high(bay);
  floor_until(bay, "high", PL_WORKLOAD_RUNNING, 10 * PL_S);
  stop(bay, "high");
  floor_until(bay, "low", PL_WORKLOAD_STARTING, 20 * PL_S);
  stand_run(bay->s, 5 * PL_S); /* on its way */
  struct pl_work *low = pl_work_find(bay->s->stack->placement, "low");
  low->kept.work++;
  stand_run(bay->s, 60 * PL_S);
  assert_int_equal(low->w.state, PL_WORKLOAD_RUNNING);
  floor_decided(bay, "what low had done is lost"); /* no run of that work has that checksum */
  floor_judge(bay);
}

/* --- killed --- */

static struct {
  struct bay *bay;
  unsigned left; /* changes of a state, or of what is kept, until the kill; 0: none */
  struct {
    enum pl_workload_state state;
    bool kept;
  } last[2];
} drill;

static void count_down(void *ctx, struct pl_workload *w)
{
  (void)ctx;
  size_t which = !strcmp(w->id, "low");
  bool kept = pl_work_of(w)->kept.handle;
  if ((!which && strcmp(w->id, "high") != 0) || (drill.last[which].state == w->state && drill.last[which].kept == kept))
    return;
  drill.last[which].state = w->state;
  drill.last[which].kept = kept;
  if (drill.left && !--drill.left)
    drill.bay->s->stack->dead = true; /* here and now */
}

static bool is_dead_or(struct stand *s, void *ctx)
{
  return s->stack->dead || floor_is(s, ctx);
}

/* Until it is so; killed on the way it is started again, and comes to the same. */
static void through(struct bay *bay, const char *id, enum pl_workload_state state)
{
  struct floor_wish wish = {id, state};
  (void)stand_until(bay->s, is_dead_or, &wish, 60 * PL_S);
  if (!bay->s->stack->dead)
    return;
  floor_restart(bay);
  floor_until_up(bay, CSUS);
  if (!strcmp(id, "high") && !pl_placement_find(bay->s->stack->placement, "high"))
    place_high(bay); /* nobody was told that it was taken */
  floor_until(bay, id, state, 60 * PL_S);
}

static void test_killed_at_each_change(void **state)
{
  struct bay *bay = filled(state, 2000);
  unsigned kill = 1;
  for (;; kill++) {
    uint64_t work = work_of(bay, "low");
    static struct pl_placement_listener listener;
    listener = (struct pl_placement_listener){.changed = count_down};
    drill.bay = bay;
    drill.left = kill;
    drill.last[0].state = drill.last[1].state = PL_WORKLOAD_RUNNING;
    drill.last[0].kept = drill.last[1].kept = false;
    pl_placement_listen(bay->s->stack->placement, &listener);
    place_high(bay);
    through(bay, "high", PL_WORKLOAD_RUNNING);
    floor_judge(bay);
    stand_run(bay->s, 2 * PL_S);
    assert_int_equal(floor_find(bay, "low")->state, PL_WORKLOAD_QUEUED);
    stop(bay, "high");
    through(bay, "low", PL_WORKLOAD_RUNNING);
    if (floor_find(bay, "low")->run.work < work)
      fail_msg("killed at change %u: %llu of %llu are left of its work", kill, (unsigned long long)floor_find(bay, "low")->run.work, (unsigned long long)work);
    stand_run(bay->s, 3 * PL_S);
    floor_judge(bay);
    if (drill.left)
      break;
  }
  assert_true(kill > 8); /* starting, stopping, kept, queued, running; gone, starting, running, not kept */
}

/* --- who must not come back, or not yet --- */

static void test_what_a_client_stopped_does_not_wait(void **state)
{
  struct bay *bay = filled(state, 1000);
  stop(bay, "low");
  assert_int_equal(floor_find(bay, "low")->state, PL_WORKLOAD_STOPPING);
  place_high(bay); /* in its place, which it has not left yet */
  floor_until(bay, "high", PL_WORKLOAD_RUNNING, 10 * PL_S);
  assert_null(pl_placement_find(bay->s->stack->placement, "low"));
  floor_judge(bay);
}

static void test_stopped_while_it_waits(void **state)
{
  struct bay *bay = filled(state, 1000);
  place_high(bay);
  floor_until(bay, "high", PL_WORKLOAD_RUNNING, 10 * PL_S);
  stop(bay, "low");
  stop(bay, "high");
  stand_run(bay->s, 20 * PL_S);
  assert_null(pl_placement_find(bay->s->stack->placement, "low"));
  floor_judge(bay);
}

static void test_a_displaced_reservation_stays_one(void **state)
{
  struct bay *bay = *state;
  struct pl_why why;
  char id[37];
  fill_but(bay, 8, 0);
  stop(bay, "low");
  stand_run(bay->s, 3 * PL_S);
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "kept", .cores = 64}, PL_ORDER_RESERVE, id, &why), PL_OK);
  assert_int_equal(floor_try(bay, &(struct floor_ask){.id = "too", .cores = 64}, PL_ORDER_RESERVE, id, &why), PL_OK);
  place_high(bay);
  const char *victim = floor_find(bay, "kept")->state == PL_WORKLOAD_QUEUED ? "kept" : "too";
  assert_int_equal(floor_find(bay, victim)->state, PL_WORKLOAD_QUEUED);
  floor_until(bay, "high", PL_WORKLOAD_RUNNING, 10 * PL_S);
  stop(bay, "high");
  floor_until(bay, victim, PL_WORKLOAD_RESERVED, 20 * PL_S); /* held, not run */
  stand_run(bay->s, 61 * PL_S);
  assert_null(pl_placement_find(bay->s->stack->placement, victim));
  assert_null(pl_placement_reservations(bay->s->stack->placement));
  floor_judge(bay);
}

/* --- its turn --- */

static void displace_for(struct bay *bay, const char *id, pl_time_ns span)
{
  floor_place(bay, &(struct floor_ask){.id = id, .cores = 64, .memory_GiB = 8, .priority = 5, .image = "steady/10"});
  floor_until(bay, id, PL_WORKLOAD_RUNNING, 10 * PL_S);
  stand_run(bay->s, span);
}

/* What it waits adds up from one time to the next, so that its equals do not pass it for ever. */
static void test_displaced_again_and_again_it_is_not_passed(void **state)
{
  (void)state;
  struct bay *bay = floor_open_with(NULL, "{queue-patience: 60 s, queue-aging: 1 h}");
  void *itself = bay;
  struct pl_why why;
  char id[37];
  const struct floor_ask rival = {.id = "rival", .cores = 16, .priority = 1, .image = "steady/10"};
  filled(&itself, 100);
  displace_for(bay, "one", 40 * PL_S);
  stop(bay, "one");
  floor_until(bay, "low", PL_WORKLOAD_RUNNING, 20 * PL_S);
  for (int i = 0; i < 2; i++) { /* halves, so that half of what it needs comes free before the rest */
    char half[32];
    snprintf(half, sizeof half, "half-%d", i);
    floor_place(bay, &(struct floor_ask){.id = half, .cores = 32, .priority = 5, .image = "steady/10"});
  }
  floor_until(bay, "half-1", PL_WORKLOAD_RUNNING, 10 * PL_S);
  stop(bay, "half-0");
  stand_run(bay->s, 5 * PL_S);
  assert_int_equal(floor_try(bay, &rival, PL_ORDER_APPLY, id, &why), PL_OK); /* it has not waited for a minute yet */
  stop(bay, "rival");
  stand_run(bay->s, 30 * PL_S);
  assert_int_equal(floor_find(bay, "low")->state, PL_WORKLOAD_QUEUED);
  assert_int_equal(floor_try(bay, &rival, PL_ORDER_APPLY, id, &why), PL_E_RANGE);
  assert_non_null(strstr(bay->s->err.text, "low has waited for its turn"));
  stop(bay, "half-1");
  floor_until(bay, "low", PL_WORKLOAD_RUNNING, 20 * PL_S);
  floor_judge(bay);
  bay_close(bay);
}

/* Whoever waited longer goes first, and what would displace it lets it run for as long as its waiting counts. */
static void test_it_has_its_turn(void **state)
{
  (void)state;
  struct bay *bay = floor_open_with(NULL, "{queue-aging: 10 s}");
  void *itself = bay;
  filled(&itself, 100);
  uint64_t work = work_of(bay, "low");
  displace_for(bay, "one", 60 * PL_S); /* worth 6 steps: 7 in all */
  floor_place(bay, &(struct floor_ask){.id = "two", .cores = 64, .memory_GiB = 8, .priority = 5, .image = "steady/10", .queue = true});
  assert_int_equal(floor_find(bay, "two")->state, PL_WORKLOAD_QUEUED);
  stop(bay, "one");
  floor_until(bay, "low", PL_WORKLOAD_RUNNING, 20 * PL_S);
  floor_restart(bay); /* that it has waited is in the store */
  floor_until_up(bay, CSUS);
  stand_run(bay->s, 10 * PL_S);
  assert_int_equal(floor_find(bay, "low")->state, PL_WORKLOAD_RUNNING);
  floor_until(bay, "two", PL_WORKLOAD_RUNNING, 60 * PL_S); /* it is over */
  stand_run(bay->s, PL_S);
  assert_int_equal(floor_find(bay, "low")->state, PL_WORKLOAD_QUEUED);
  assert_true(floor_find(bay, "low")->run.work > work);
  stop(bay, "two");
  floor_until(bay, "low", PL_WORKLOAD_RUNNING, 20 * PL_S);
  floor_judge(bay);
  bay_close(bay);
}

/* The clock is set back while it runs: it has not waited longer than it has. */
static void test_a_clock_that_is_set_back_makes_nobody_important(void **state)
{
  struct bay *bay = filled(state, 100);
  struct pl_placement *all = bay->s->stack->placement;
  struct pl_work *low = pl_work_find(all, "low");
  low->waited_ns = 100 * PL_S;
  low->placed_wall_ns = pl_room_wall(all) - 40 * PL_S;
  assert_int_equal(pl_queue_left(all, low), 60 * PL_S);
  low->placed_wall_ns = pl_room_wall(all) + 1000000 * PL_S;
  assert_int_equal(pl_queue_left(all, low), 100 * PL_S);
}

static void put_nowhere(struct bay *bay, const char *id, bool displaced)
{
  struct pl_work *work = pl_work_find(bay->s->stack->placement, id);
  snprintf(work->w.node, sizeof work->w.node, "csu-99");
  work->w.state = PL_WORKLOAD_STOPPING;
  work->displaced = displaced;
  WELL(bay->s, pl_work_keep(bay->s->stack->placement, work, &bay->s->err));
}

/* Killed as they were stopped, and started with a rig that lacks their node. */
static void test_a_node_that_left_the_rig(void **state)
{
  struct bay *bay = *state;
  floor_place(bay, &(struct floor_ask){.id = "one", .cores = 8, .image = "steady/10"});
  floor_place(bay, &(struct floor_ask){.id = "two", .cores = 8, .image = "steady/10"});
  floor_until(bay, "one", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_until(bay, "two", PL_WORKLOAD_RUNNING, 10 * PL_S);
  put_nowhere(bay, "one", true);
  put_nowhere(bay, "two", false);
  floor_restart(bay);
  assert_int_equal(floor_find(bay, "one")->state, PL_WORKLOAD_QUEUED);
  assert_null(pl_placement_find(bay->s->stack->placement, "two")); /* somebody wanted it so */
  floor_until(bay, "one", PL_WORKLOAD_RUNNING, 60 * PL_S);
  floor_judge(bay);
}

/* --- a hot-swap by force --- */

static struct pl_procedure *swap_by_force(struct bay *bay, const char *csu)
{
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, csu);
  WELL(bay->s, pl_hot_swap_force(p, &bay->s->err));
  return p;
}

static void swap_it(struct bay *bay, struct pl_procedure *p, const char *csu)
{
  stand_act(bay->s, csu, "remove");
  bay_until_step(bay, p, "removed", 60 * PL_S);
  stand_run(bay->s, 5 * PL_S);
  stand_act(bay->s, csu, "insert");
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 120 * PL_S);
}

/* What is bound to its unit waits until there is one again, with all that it has done. */
static void test_a_forced_swap_stops_what_fits_nowhere(void **state)
{
  struct bay *bay = *state;
  floor_place(bay, &(struct floor_ask){.id = "fixed", .cores = 8, .node = "csu-2", .stay = true, .priority = 5, .data_MiB = 3000});
  floor_place(bay, &(struct floor_ask){.id = "free", .cores = 8, .data_MiB = 1000});
  floor_until(bay, "fixed", PL_WORKLOAD_RUNNING, 10 * PL_S);
  floor_until(bay, "free", PL_WORKLOAD_RUNNING, 10 * PL_S);
  if (strcmp(floor_find(bay, "free")->node, "csu-2") != 0)
    bay_until_over(bay, floor_migrate(bay, "free", "csu-2"), PL_PROCEDURE_COMPLETED, 60 * PL_S);
  uint64_t work = work_of(bay, "fixed");
  unsigned moves = floor_find(bay, "free")->moves;
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-2"); /* without force: no, what is short, and what to do */
  bay_until_over(bay, p, PL_PROCEDURE_FAILED, 120 * PL_S);
  assert_non_null(strstr(p->message, "fixed fits on no other node"));
  assert_non_null(strstr(p->message, "ask with Force"));
  assert_false(stand_item(bay->s, "csu-2")->ready_to_remove);
  assert_int_equal(floor_find(bay, "fixed")->state, PL_WORKLOAD_RUNNING);
  p = swap_by_force(bay, "csu-2");
  bay_until_step(bay, p, "ready", 120 * PL_S);
  assert_int_equal(floor_find(bay, "fixed")->state, PL_WORKLOAD_QUEUED);
  assert_true(floor_find(bay, "fixed")->run.work >= work);
  assert_int_equal(floor_find(bay, "free")->state, PL_WORKLOAD_RUNNING); /* who can move does */
  assert_true(floor_find(bay, "free")->moves > moves || strcmp(floor_find(bay, "free")->node, "csu-2") != 0);
  floor_judge(bay);
  swap_it(bay, p, "csu-2");
  floor_until(bay, "fixed", PL_WORKLOAD_RUNNING, 60 * PL_S);
  assert_true(floor_find(bay, "fixed")->run.work >= work);
  floor_judge(bay);
}

static void test_a_forced_swap_is_still_forced_after_a_kill(void **state)
{
  struct bay *bay = filled(state, 2000);
  char node[64];
  uint64_t work = work_of(bay, "low");
  snprintf(node, sizeof node, "%s", floor_find(bay, "low")->node);
  int64_t id = swap_by_force(bay, node)->id;
  floor_restart(bay);
  struct pl_procedure *p = pl_procedure_find(bay->s->stack->procedures, id);
  bay_until_step(bay, p, "ready", 120 * PL_S);
  assert_int_equal(floor_find(bay, "low")->state, PL_WORKLOAD_QUEUED);
  floor_restart(bay);
  p = pl_procedure_find(bay->s->stack->procedures, id);
  swap_it(bay, p, node);
  floor_until(bay, "low", PL_WORKLOAD_RUNNING, 60 * PL_S);
  assert_true(floor_find(bay, "low")->run.work >= work);
  floor_judge(bay);
  p = bay_begin(bay, &pl_hot_swap, node); /* that was for once */
  bay_until_over(bay, p, PL_PROCEDURE_FAILED, 120 * PL_S);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, floor_setup, bay_teardown)
int main(int argc, char **argv)
{
  if (argc > 1) /* one of them */
    cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {TEST(test_what_is_displaced_goes_on_where_it_left_off),
                                     TEST(test_it_goes_elsewhere_where_there_is_room),
                                     TEST(test_displaced_while_it_is_restored),
                                     TEST(test_a_bad_copy_is_not_kept),
                                     TEST(test_a_replica_takes_no_place_that_others_have),
                                     TEST(test_a_node_that_fails_first),
                                     cmocka_unit_test(test_what_is_more_than_can_be_kept),
                                     TEST(test_a_copy_that_is_not_what_was_kept),
                                     TEST(test_a_copy_of_something_else),
                                     TEST(test_killed_at_each_change),
                                     TEST(test_what_a_client_stopped_does_not_wait),
                                     TEST(test_stopped_while_it_waits),
                                     TEST(test_a_displaced_reservation_stays_one),
                                     cmocka_unit_test(test_displaced_again_and_again_it_is_not_passed),
                                     cmocka_unit_test(test_it_has_its_turn),
                                     TEST(test_a_clock_that_is_set_back_makes_nobody_important),
                                     TEST(test_a_node_that_left_the_rig),
                                     TEST(test_a_forced_swap_stops_what_fits_nowhere),
                                     TEST(test_a_forced_swap_is_still_forced_after_a_kill)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

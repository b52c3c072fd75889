/* SPDX-License-Identifier: Apache-2.0 */
/* A day of the room on the demo rack, small: what it decided is decided again from its journal, and each decision of the log is found there. */
#include "control/placement/placement_test.h"

#include "control/placement/journal_test.h"

static struct bay *open_recorded(struct journal *journal, const char *settings)
{
  journal_open(journal);
  return floor_open_recorded(DEMO_RACK, NULL, settings, journal->folder);
}

static void some_order(struct bay *bay, uint64_t *seed, unsigned number)
{
  char id[16], node[16], reservation[37];
  struct pl_why why;
  snprintf(id, sizeof id, "w%u", number);
  snprintf(node, sizeof node, "csu-%u", (unsigned)(1 + journal_draw(seed, 8)));
  const struct floor_ask ask = {.id = id, .cores = (double)(1 + journal_draw(seed, 40)), .memory_GiB = (int64_t)(1 + journal_draw(seed, 200)), .data_MiB = (int64_t)journal_draw(seed, 200),
                                .priority = (int)journal_draw(seed, 4), .node = journal_draw(seed, 6) ? NULL : node, .replicas = (unsigned)journal_draw(seed, 3),
                                .redundancy = journal_draw(seed, 4) ? PL_REDUNDANCY_NONE : PL_REDUNDANCY_N1, .spread = PL_DOMAIN_MODULE, .queue = journal_draw(seed, 2)};
  (void)floor_try(bay, &ask, journal_draw(seed, 8) ? PL_ORDER_APPLY : journal_draw(seed, 2) ? PL_ORDER_RESERVE : PL_ORDER_PREVIEW, reservation, &why);
}

static struct pl_workload *some_workload(struct bay *bay, uint64_t *seed)
{
  size_t count = 0;
  for (struct pl_workload *w = pl_placement_first(bay->s->stack->placement); w; w = w->next)
    count++;
  size_t which = count ? journal_draw(seed, count) : 0;
  struct pl_workload *w = pl_placement_first(bay->s->stack->placement);
  while (w && which--)
    w = w->next;
  return w;
}

static void some_step(struct bay *bay, uint64_t *seed, unsigned number)
{
  struct pl_placement *placement = bay->s->stack->placement;
  struct pl_workload *w = some_workload(bay, seed);
  char node[16];
  snprintf(node, sizeof node, "csu-%u", (unsigned)(1 + journal_draw(seed, 8)));
  struct pl_err err = {0};
  switch (journal_draw(seed, 9)) {
  case 0:
    if (w)
      (void)pl_placement_stop(placement, w, "tester", &err);
    break;
  case 1:
    if (w)
      (void)pl_placement_migrate(placement, w, journal_draw(seed, 2) ? node : NULL, "tester", NULL, &err);
    break;
  case 2:
    if (w)
      (void)pl_placement_scale(placement, w, &(struct pl_amounts){{(int64_t)(1000 * (1 + journal_draw(seed, 40))), (int64_t)(GIB * (1 + journal_draw(seed, 200)))}}, 0, "tester", &err);
    break;
  case 3: (void)pl_placement_close(placement, stand_item(bay->s, node), journal_draw(seed, 2), "tester", &err); break;
  case 4:
    if (!journal_draw(seed, 4))
      stand_power(bay->s, node, journal_draw(seed, 2));
    break;
  default: some_order(bay, seed, number); break;
  }
  stand_run(bay->s, (pl_time_ns)(1 + journal_draw(seed, 8)) * PL_S);
}

struct logged {
  int64_t last;
  size_t count;
};

static void log_one(void *ctx, const struct pl_decision *decision)
{
  struct logged *logged = ctx;
  logged->last = decision->id;
  logged->count++;
}

static void find_one(void *ctx, const char *path)
{
  struct logged *wanted = ctx;
  struct pl_replay replay;
  struct pl_err err = {0};
  assert_int_equal(pl_replay_file(path, wanted->last, &replay, &err), PL_OK);
  assert_int_equal(replay.diverged, 0);
  wanted->count += replay.found;
  pl_replay_end(&replay);
}

static void churn(uint64_t seed, const char *settings, unsigned steps, bool whole)
{
  struct journal journal;
  struct pl_replay sum = {0};
  struct logged logged = {0};
  struct bay *bay = open_recorded(&journal, settings);
  for (unsigned i = 1; i <= steps; i++) {
    some_step(bay, &seed, i);
    if (i == steps / 2)
      floor_restart(bay);
  }
  pl_placement_decisions(bay->s->stack->placement, 0, 100000, log_one, &logged);
  assert_true(journal_each(&journal, journal_replay, &sum) >= 2);
  assert_true(whole ? sum.decisions == logged.count && sum.decisions > steps / 2 && sum.answers > steps / 3 : sum.decisions && sum.decisions <= logged.count);
  for (int i = 0; i < 2; i++) { /* each of the log is in one of the files; of those that are left the last */
    struct logged one = {.last = whole ? 1 + (int64_t)journal_draw(&seed, (uint64_t)logged.last) : logged.last};
    journal_each(&journal, find_one, &one);
    assert_int_equal(one.count, 1);
  }
  bay_close(bay);
  journal_close(&journal);
}

static void test_what_the_room_decided_is_decided_again(void **state)
{
  (void)state;
  churn(1234567, NULL, 60, true); /* before the restart, and after it */
}

static void test_over_many_files_and_with_nodes_that_sleep(void **state)
{
  (void)state;
  churn(7654321, "{consolidate: on, consolidate-after: 30 s, profile-period: 2 s, forecast-ahead: 1 min, weight-spread: 0.3, weight-cool: 0.1, decisions-kept: 0.05}", 30, false);
}

static void only_file(void *ctx, const char *path)
{
  char *found = ctx;
  snprintf(found, 400, "%s", path);
}

/* The newest file has such a line, with such words of an answer; whoever changes these is found out. */
static void assert_is_planned_again(const struct journal *journal, const char *line, const char *was, const char *changed)
{
  char path[400] = "";
  size_t size;
  journal_each(journal, only_file, path);
  char *text = journal_text(path, &size);
  journal_assert_found(text, line, was, changed);
  free(text);
}

static bool are_together(struct stand *s, void *ctx)
{
  const struct pl_workload *db = pl_placement_find(s->stack->placement, "db"), *cache = pl_placement_find(s->stack->placement, "cache");
  (void)ctx;
  return db->state == PL_WORKLOAD_RUNNING && cache->state == PL_WORKLOAD_RUNNING && !strcmp(db->node, cache->node);
}

/* Parted, as a loss may have left them; the room brings them together, and then both are asked away. */
static void test_what_is_tied_is_planned_again(void **state)
{
  struct journal journal;
  struct pl_replay sum = {0};
  struct logged one = {0};
  (void)state;
  struct bay *bay = open_recorded(&journal, NULL);
  struct pl_placement *all = bay->s->stack->placement;
  floor_place(bay, &(struct floor_ask){.id = "db", .cores = 8, .image = "steady/50", .node = "csu-2", .stay = true});
  struct pl_work *cache = pl_work_of(floor_place(bay, &(struct floor_ask){.id = "cache", .cores = 8, .image = "steady/50"}));
  floor_until(bay, "cache", PL_WORKLOAD_RUNNING, 10 * PL_S);
  if (!strcmp(cache->w.node, "csu-2"))
    bay_until_over(bay, floor_migrate(bay, "cache", "csu-6"), PL_PROCEDURE_COMPLETED, 60 * PL_S);
  cache->w.request.with[0] = strdup("db");
  WELL(bay->s, pl_work_keep(all, cache, &bay->s->err));
  floor_restart(bay);
  assert_true(stand_until(bay->s, are_together, NULL, 60 * PL_S) != PL_NEVER);
  assert_is_planned_again(&journal, "\nreunite ", "yes 1 cache csu-2 0 0", "yes 1 cache csu-3 0 0");
  assert_is_planned_again(&journal, "\nreunite ", "yes 1 cache csu-2 0 0 0 0", "yes 0 0 0");
  free((char *)(uintptr_t)floor_find(bay, "db")->request.node);
  floor_find(bay, "db")->request.node = NULL;
  floor_find(bay, "db")->request.stay = false;
  WELL(bay->s, pl_work_keep(bay->s->stack->placement, pl_work_of(floor_find(bay, "db")), &bay->s->err));
  floor_restart(bay);
  floor_until_up(bay, 8);
  assert_true(stand_until(bay->s, are_together, NULL, 60 * PL_S) != PL_NEVER);
  bay_until_over(bay, floor_migrate(bay, "db", "csu-7"), PL_PROCEDURE_COMPLETED, 60 * PL_S);
  assert_true(stand_until(bay->s, are_together, NULL, 60 * PL_S) != PL_NEVER);
  assert_string_equal(floor_find(bay, "cache")->node, "csu-7");
  assert_is_planned_again(&journal, "\ntogether db csu-7 ", "-> yes 2 ", "-> no 2 ");
  assert_is_planned_again(&journal, "\ntogether db csu-7 ", "cache csu-7", "cache csu-5");
  pl_placement_decisions(bay->s->stack->placement, 0, 100000, log_one, &one);
  assert_int_equal(journal_each(&journal, journal_replay, &sum), 3);
  assert_int_equal(sum.decisions, one.count);
  bay_close(bay);
  journal_close(&journal);
}

static void test_none_is_kept_where_the_site_wants_none(void **state)
{
  struct journal journal;
  struct pl_replay sum = {0};
  (void)state;
  struct bay *bay = open_recorded(&journal, "{decisions-kept: 0}");
  floor_place(bay, &(struct floor_ask){.id = "web", .cores = 2, .memory_GiB = 1});
  stand_run(bay->s, 3 * PL_S);
  assert_int_equal(journal_each(&journal, journal_replay, &sum), 0);
  bay_close(bay);
  journal_close(&journal);
}

static void test_a_folder_that_cannot_be_written_is_told(void **state)
{
  struct journal journal;
  (void)state;
  struct bay *bay = open_recorded(&journal, NULL);
  bay_kill(bay);
  bay->s->cfg.decisions = "/proc/none";
  bay_start(bay);
  floor_decided(bay, "unrecorded  : the journal of decisions: /proc/none");
  bay_close(bay);
  journal_close(&journal);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_the_room_decided_is_decided_again),
      cmocka_unit_test(test_over_many_files_and_with_nodes_that_sleep),
      cmocka_unit_test(test_what_is_tied_is_planned_again),
      cmocka_unit_test(test_none_is_kept_where_the_site_wants_none),
      cmocka_unit_test(test_a_folder_that_cannot_be_written_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Random churn of a pool that is recorded, over many small files; then all of it decided again, and what was changed afterwards found. */
#include "control/placement/pool_test.h"

#include "control/placement/journal_test.h"

struct churn {
  struct journal journal;
  struct pl_pool *pool;
  struct pl_recorder *recorder;
  struct pl_pool_policy policy;
  uint64_t seed, features[3];
  unsigned next;
  int64_t decisions;
};

static uint64_t draw(struct churn *c, uint64_t below)
{
  return journal_draw(&c->seed, below);
}

static char *some_id(struct churn *c, char id[32])
{
  snprintf(id, 32, draw(c, 4) ? "a%u" : "a%u#2", (unsigned)draw(c, c->next));
  return id;
}

static void decide(struct churn *c, const char *what, const char *id, const char *node)
{
  pl_recorder_decide(c->recorder, &(const struct pl_decision){.id = ++c->decisions, .what = what, .id_of = id, .node = node, .author = "a tester", .text = "so it is: 100 %, \"-\""});
}

static void some_place(struct churn *c)
{
  char id[16], near[32], group[16];
  struct pl_plan *plan = NULL;
  struct pl_why why;
  struct pl_request q[3];
  size_t n = 1 + draw(c, 3);
  for (size_t i = 0; i < n; i++) {
    snprintf(id, sizeof id, "a%u", c->next++);
    snprintf(group, sizeof group, "g %u", (unsigned)draw(c, 6)); /* with a blank */
    q[i] = (struct pl_request){.id = strdup(id), .group = draw(c, 2) ? strdup(group) : NULL, .need = OF(draw(c, 5), (int64_t)draw(c, 3000)), .priority = (int)draw(c, 4),
                               .stay = draw(c, 20) == 0, .replicas = (unsigned)draw(c, 3), .redundancy = (enum pl_spares)draw(c, 3),
                               .spread = (enum pl_domain)draw(c, PL_DOMAIN_COUNT), .features = draw(c, 3) ? 0 : c->features[draw(c, 3)]};
    if (!draw(c, 4)) {
      q[i].apart[0] = strdup(some_id(c, near));
      q[i].apart_in = (enum pl_domain)draw(c, PL_DOMAIN_COUNT);
    } else if (!draw(c, 3)) {
      q[i].with[0] = strdup(some_id(c, near));
      q[i].with_in = (enum pl_domain)draw(c, PL_DOMAIN_COUNT);
    }
  }
  enum pl_status status = pl_pool_plan(c->pool, q, n, &plan, draw(c, 2) ? &why : NULL, NULL);
  if (!status && draw(c, 5)) /* else it was a preview */
    status = pl_pool_commit(c->pool, plan, NULL);
  decide(c, status ? "refuse" : "place", q[0].id, "");
  pl_plan_free(plan);
  for (size_t i = 0; i < n; i++) {
    free((void *)q[i].id);
    free((void *)q[i].group);
    free((void *)q[i].apart[0]);
    free((void *)q[i].with[0]);
  }
}

static void some_node(struct churn *c, int i)
{
  char id[16], module[16], rack[16];
  snprintf(id, sizeof id, "n%d", i);
  snprintf(module, sizeof module, "m%d", i / 2);
  snprintf(rack, sizeof rack, "r%d", i / 4);
  struct pl_node_desc desc = {.id = id, .domains = {NULL, module, rack, draw(c, 2) ? "f,1" : NULL}, .features = c->features[draw(c, 3)], .capacity = ROOM(16, 8000),
                              .idle_W = 81.5, .heat = (double)draw(c, 1000) / 999.0, .state = draw(c, 6) ? PL_NODE_UP : (enum pl_node_state)draw(c, 4)};
  assert_int_equal(pl_pool_node(c->pool, &desc, NULL), PL_OK);
}

/* On a copy, as the room looks for a place. */
static void some_trial(struct churn *c)
{
  struct pl_pool *copy = NULL;
  struct pl_moves moves = {0};
  char id[32];
  const struct pl_goal_desc goal = {.goal = (enum pl_goal)draw(c, 4), .high = 0.85, .low = 0.3,
                                    .settle = 0.75, .sleep_in = PL_DOMAIN_MODULE, .most = 3};
  assert_int_equal(pl_pool_copy(c->pool, &copy, NULL), PL_OK);
  (void)pl_pool_release(copy, some_id(c, id), NULL);
  if (goal.goal != PL_GOAL_EVACUATE && !draw(c, 25) && !pl_moves_plan(copy, &goal, &moves, NULL) && moves.count) {
    snprintf(id, sizeof id, "%s", moves.moves[0].id);
    decide(c, "move", id, moves.moves[0].to);
  }
  pl_moves_end(&moves);
  pl_pool_free(copy);
}

/* What is tied; as everything is, or on a copy. */
static void some_party(struct churn *c)
{
  struct pl_moves moves = {0};
  char id[32], node[16];
  snprintf(node, sizeof node, "n%d", (int)draw(c, 24));
  if (!draw(c, 3) ? pl_moves_reunite(c->pool, &moves, NULL) : pl_moves_together(c->pool, some_id(c, id), draw(c, 2) ? node : NULL, &moves, NULL))
    return;
  for (size_t i = 0; i < moves.count; i++)
    (void)pl_pool_move(c->pool, moves.moves[i].id, moves.moves[i].to, NULL);
  if (moves.count)
    decide(c, "move", moves.moves[0].id, moves.moves[0].to);
  pl_moves_end(&moves);
}

static void some_step(struct churn *c)
{
  char id[32], node[16];
  snprintf(node, sizeof node, "n%d", (int)draw(c, 24));
  switch (draw(c, 10)) {
  case 0: (void)pl_pool_release(c->pool, some_id(c, id), NULL); break;
  case 1: (void)pl_pool_move(c->pool, some_id(c, id), node, NULL); break;
  case 2: (void)pl_pool_resize(c->pool, some_id(c, id), &OF(draw(c, 6), (int64_t)draw(c, 3000)), NULL); break;
  case 3: some_node(c, (int)draw(c, 24)); break;
  case 4: (void)pl_pool_forecast(c->pool, node, &OF(draw(c, 12), (int64_t)draw(c, 3000)), NULL); break;
  case 5: (void)pl_pool_node_remove(c->pool, node, NULL); break;
  case 6: (draw(c, 2) ? some_trial : some_party)(c); break;
  default: some_place(c); break;
  }
}

static void churn_begin(struct churn *c, uint64_t seed, int64_t keep, int steps)
{
  *c = (struct churn){.seed = seed * 0x9E3779B97F4A7C15u, .next = 1, .policy = {.consolidate = 0.1, .cool = 0.7, .balance = 1.0 / 3, .forecast = seed % 2 ? 0.3 : 0}};
  journal_open(&c->journal);
  c->pool = new_pool(&c->policy);
  struct pl_err err = {0};
  if (pl_recorder_new(c->journal.folder, keep, &c->policy, 1, &c->recorder, &err))
    fail_msg("%s", err.text);
  pl_pool_watch(c->pool, pl_recorder_watcher(c->recorder));
  static const char *const WORDS[] = {"x86-64", "gpu", "a word, with %"};
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(pl_pool_feature(c->pool, WORDS[i], &c->features[i], NULL), PL_OK);
  for (int i = 0; i < 24; i++)
    some_node(c, i);
  const struct pl_amounts limit = {{CORES(50), -1, -1, -1, -1, -1, -1, -1, -1, -1}};
  assert_int_equal(pl_pool_limit(c->pool, PL_DOMAIN_RACK, "r1", &limit, NULL), PL_OK);
  for (int i = 0; i < steps; i++) {
    some_step(c);
    assert_int_equal(pl_recorder_round(c->recorder, c->pool, 2 + i, &err), PL_OK);
  }
}

static void churn_end(struct churn *c)
{
  pl_pool_free(c->pool);
  pl_recorder_free(c->recorder);
  journal_close(&c->journal);
}

static void test_churn_is_decided_again(void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 8; seed++) {
    struct churn c;
    struct pl_replay sum = {0};
    churn_begin(&c, seed, 64 * 1024 * (int64_t)(1 + seed % 4), 1000);
    size_t parts = journal_each(&c.journal, journal_replay, &sum);
    assert_true(parts >= 2 && sum.answers > 100 && sum.decisions > 100);
    churn_end(&c);
  }
}

struct told_size {
  int64_t bytes;
  size_t files;
};

static void add_size(void *ctx, const char *path)
{
  struct told_size *told = ctx;
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  told->bytes += info.st_size;
  told->files++;
}

static void first(void *ctx, const char *path)
{
  char *found = ctx;
  if (!*found)
    snprintf(found, 400, "%s", path);
}

static void test_only_so_much_is_kept(void **state)
{
  struct churn c;
  struct told_size told = {0};
  struct pl_replay sum = {0};
  (void)state;
  churn_begin(&c, 77, 64 * 1024, 3000);
  journal_each(&c.journal, add_size, &told);
  assert_true(told.files >= 1 && told.bytes > 2 * 1024 && told.bytes < 64 * 1024 + 64 * 1024);
  char path[400] = "";
  journal_each(&c.journal, first, path);
  assert_null(strstr(path, "decisions-000001")); /* the oldest are gone, */
  journal_each(&c.journal, journal_replay, &sum); /* and what is left stands alone */
  churn_end(&c);
}

/* --- what was changed afterwards --- */

static char *a_text(struct churn *c, uint64_t seed, size_t *size)
{
  char path[400] = "";
  churn_begin(c, seed, 64 * 1024 * 1024, 300);
  journal_each(&c->journal, first, path);
  return journal_text(path, size);
}

static void test_any_byte_that_is_changed_is_found_where_it_stands(void **state)
{
  struct churn c;
  size_t size;
  struct pl_replay replay;
  (void)state;
  char *text = a_text(&c, 5, &size);
  size_t past = (size_t)(strchr(text, '\n') - text) + 1;
  for (int i = 0; i < 300; i++) {
    size_t at = past + draw(&c, size - past);
    char was = text[at];
    text[at] = (char)(was ^ (1 << draw(&c, 7)));
    if (was == '\n' || text[at] == '\n') { /* that makes two lines of one, or one of two */
      text[at] = was;
      continue;
    }
    assert_int_equal(pl_replay_text(text, size, 0, &replay, NULL), PL_OK);
    assert_int_equal(replay.diverged, journal_line_of(text, text + at));
    assert_true(replay.why[0]);
    pl_replay_end(&replay);
    text[at] = was;
  }
  for (int i = 0; i < 50; i++) { /* a line that is missing */
    char *line = strchr(text + past + draw(&c, size / 2), '\n') + 1, *end = strchr(line, '\n') + 1;
    size_t left = size - (size_t)(end - line);
    char *less = malloc(left);
    memcpy(less, text, (size_t)(line - text));
    memcpy(less + (line - text), end, (size_t)(text + size - end));
    assert_int_equal(pl_replay_text(less, left, 0, &replay, NULL), PL_OK);
    assert_int_equal(replay.diverged, journal_line_of(text, line));
    pl_replay_end(&replay);
    free(less);
  }
  free(text);
  churn_end(&c);
}

static void test_a_changed_answer_diverges(void **state)
{
  struct churn c;
  size_t size;
  (void)state;
  char *text = a_text(&c, 9, &size);
  journal_assert_found(text, "\nplan 1 1 ", " 0 0 *", " 1 0 *");       /* that is woken first */
  journal_assert_found(text, "\nplan 1 1 ", " -> yes", " -> no");
  journal_assert_found(text, "\nnode n3 ", "16000,8000", "1,8000"); /* less room */
  journal_assert_found(text, "begin 1 ", " 0 1 *", " 1 1 *");     /* no preemption */
  free(text);
  churn_end(&c);
}

static void test_a_line_that_is_cut_off_is_told(void **state)
{
  struct churn c;
  size_t size;
  struct pl_replay replay;
  struct pl_err err = {0};
  (void)state;
  char *text = a_text(&c, 3, &size);
  for (size_t cut = 1; cut < 400; cut += 7) {
    assert_int_equal(pl_replay_text(text, size - cut, 0, &replay, &err), PL_OK);
    assert_int_equal(replay.diverged, 0);
    assert_int_equal(replay.torn, text[size - cut - 1] != '\n');
    pl_replay_end(&replay);
  }
  assert_int_equal(pl_replay_text("hello\nworld\n", 12, 0, &replay, &err), PL_E_GARBAGE);
  pl_replay_end(&replay);
  assert_int_equal(pl_replay_text("", 0, 0, &replay, &err), PL_OK);
  assert_int_equal(replay.lines, 0);
  pl_replay_end(&replay);
  free(text);
  churn_end(&c);
}

static void test_one_decision_is_explained(void **state)
{
  struct churn c;
  char path[400] = "";
  struct pl_replay replay;
  struct pl_err err = {0};
  (void)state;
  churn_begin(&c, 1, 1024 * 1024, 0);
  const struct pl_request web = {.id = "the web", .need = OF(2, 100)}, big = {.id = "big", .need = OF(99, 100)};
  struct pl_why why;
  assert_int_equal(pl_pool_place(c.pool, &web, 1, NULL, &why, NULL), PL_OK);
  decide(&c, "place", "the web", "n1");
  assert_int_equal(pl_pool_place(c.pool, &big, 1, NULL, &why, NULL), PL_E_RANGE);
  decide(&c, "refuse", "big", "");
  decide(&c, "stop", "the web", "n1");
  journal_each(&c.journal, first, path);
  assert_int_equal(pl_replay_file(path, 1, &replay, &err), PL_OK);
  assert_true(replay.found && !replay.diverged);
  assert_non_null(strstr(replay.text, "place the web, node n1, by a tester"));
  assert_non_null(strstr(replay.text, "100 %, \"-\""));
  assert_non_null(strstr(replay.text, "<- here"));
  pl_replay_end(&replay);
  assert_int_equal(pl_replay_file(path, 2, &replay, &err), PL_OK);
  assert_non_null(strstr(replay.text, "cores"));
  pl_replay_end(&replay);
  assert_int_equal(pl_replay_file(path, 3, &replay, &err), PL_OK);
  assert_non_null(strstr(replay.text, "no answer of the pool"));
  pl_replay_end(&replay);
  assert_int_equal(pl_replay_file(path, 4, &replay, &err), PL_OK);
  assert_false(replay.found);
  pl_replay_end(&replay);
  churn_end(&c);
}

static void test_a_folder_that_takes_nothing(void **state)
{
  struct pl_recorder *recorder = NULL;
  struct pl_err err = {0};
  (void)state;
  assert_int_equal(pl_recorder_new("/proc/none", 1 << 20, &(struct pl_pool_policy){0}, 1, &recorder, &err), PL_E_IO);
  assert_non_null(strstr(err.text, "/proc/none"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_churn_is_decided_again),
      cmocka_unit_test(test_only_so_much_is_kept),
      cmocka_unit_test(test_any_byte_that_is_changed_is_found_where_it_stands),
      cmocka_unit_test(test_a_changed_answer_diverges),
      cmocka_unit_test(test_a_line_that_is_cut_off_is_told),
      cmocka_unit_test(test_one_decision_is_explained),
      cmocka_unit_test(test_a_folder_that_takes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Composed systems that are decomposed: by a task while anything of them still stops, at once where there is nothing. */
#include "control/redfish/composition_test.h"

#define LEAVES(ID) "{\"StanzaType\": \"DecomposeSystem\", \"StanzaId\": \"-" ID "\", \"Request\": {\"@odata.id\": \"" SYSTEMS "/" ID "\"}}"
#define ON(NODE) "\"Links\": {\"ResourceBlocks\": [{\"@odata.id\": \"" PL_BLOCKS_URI "/" NODE "\"}]}, "

static void it_has_ended_as(struct door *d, const char *task, const char *state)
{
  stand_run(d->stand, 200 * PL_MS);
  ask(d, "GET", task, NULL);
  assert_string_equal(text_at(d, "TaskState"), state);
}

static void what_is_decomposed_is_a_task_until_it_is_gone(void **state)
{
  struct door *d = *state;
  char task[96], other[96], monitor[96];
  make(d, "{\"Id\": \"a\", " OWN("") "}");
  make(d, "{\"Id\": \"b\", " OWN("") "}");
  make(d, "{\"Id\": \"c\", " OWN("") "}");
  until_it_runs(d, "a");
  until_it_runs(d, "b");
  until_it_runs(d, "c");
  ask(d, "POST", COMPOSE, MANIFEST("Preview", LEAVES("a")));
  assert_int_equal(d->status, 200);
  ask(d, "GET", SYSTEMS "/a", NULL);
  assert_string_equal(text_at(d, "Oem/Plumbline/Workload/State"), "Running");
  ask(d, "POST", COMPOSE, MANIFEST("Apply", LEAVES("a") ", " LEAVES("a")));
  assert_int_equal(d->status, 202);
  snprintf(monitor, sizeof monitor, "%s", header(d, "Location"));
  assert_string_equal(monitor, text_at(d, "TaskMonitor"));
  assert_string_equal(text_at(d, "Oem/Plumbline/Procedure"), "stop-workload");
  snprintf(task, sizeof task, "%s", text_at(d, "@odata.id"));
  ask(d, "GET", SYSTEMS "/a", NULL);
  assert_string_equal(text_at(d, "Oem/Plumbline/Workload/State"), "Stopping");
  ask(d, "POST", COMPOSE, MANIFEST("Apply", LEAVES("a") ", " LEAVES("b") ", " LEAVES("c"))); /* one task over when all of theirs are */
  assert_int_equal(d->status, 202);
  assert_string_equal(text_at(d, "Oem/Plumbline/Procedure"), "stop-workloads");
  snprintf(other, sizeof other, "%s", text_at(d, "@odata.id"));
  until_it_is_gone(d, "a");
  it_has_ended_as(d, task, "Completed");
  until_it_is_gone(d, "b");
  until_it_is_gone(d, "c");
  it_has_ended_as(d, other, "Completed");
  ask(d, "GET", monitor, NULL);
  assert_int_equal(d->status, 200);
}

/* What had nothing anywhere is gone at once: the manifest itself is the answer. */
static void what_waits_is_decomposed_at_once(void **state)
{
  struct door *d = *state;
  make(d, "{\"Id\": \"full\", " ON("csu-1") "\"Oem\": {\"Plumbline\": {\"Cores\": 60}}}");
  make(d, "{\"Id\": \"late\", " ON("csu-1") "\"Oem\": {\"Plumbline\": {\"Cores\": 60, \"WaitForRoom\": true}}}");
  ask(d, "POST", COMPOSE, MANIFEST("Apply", LEAVES("late")));
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "Manifest/Stanzas/0/Response/@odata.id"), SYSTEMS "/late");
  ask(d, "GET", SYSTEMS "/late", NULL);
  assert_int_equal(d->status, 404);
}

/* Refused before anything is composed or ended. */
static void what_moves_is_not_decomposed(void **state)
{
  struct door *d = *state;
  make(d, "{\"Id\": \"a\", " OWN("") "}");
  make(d, "{\"Id\": \"web\", " OWN(", \"DataMiB\": 5000") "}");
  until_it_runs(d, "a");
  until_it_runs(d, "web");
  ask(d, "POST", SYSTEMS "/web/Actions/Oem/PlumblineComputerSystem.Migrate", "{}");
  assert_int_equal(d->status, 202);
  ask(d, "POST", COMPOSE, MANIFEST("Apply", STANZA("new", "") ", " LEAVES("a") ", " LEAVES("web")));
  assert_int_equal(d->status, 409);
  ask(d, "GET", SYSTEMS "/new", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "GET", SYSTEMS "/a", NULL);
  assert_string_equal(text_at(d, "Oem/Plumbline/Workload/State"), "Running");
}

/* Wherever the store stops, what is told is so. */
static void what_is_not_kept_is_not_decomposed(void **state)
{
  char store[] = "/tmp/decompose-XXXXXX";
  assert_true(mkstemp(store) >= 0);
  unlink(store);
  open_rack_with(state, store);
  struct door *d = *state;
  make(d, "{\"Id\": \"full\", " ON("csu-1") "\"Oem\": {\"Plumbline\": {\"Cores\": 60}}}");
  make(d, "{\"Id\": \"late\", " ON("csu-1") "\"Oem\": {\"Plumbline\": {\"Cores\": 60, \"WaitForRoom\": true}}}");
  until_it_runs(d, "full");
  for (size_t i = 0; i < 2; i++) {
    stand_let_files_grow(1000);
    ask(d, "POST", COMPOSE, i ? MANIFEST("Apply", LEAVES("late")) : MANIFEST("Apply", LEAVES("full")));
    int decomposed = d->status;
    ask(d, "DELETE", i ? SYSTEMS "/late" : SYSTEMS "/full", NULL);
    stand_let_files_grow(RLIM_INFINITY);
    assert_int_equal(decomposed, 500);
    assert_int_equal(d->status, 500);
    ask(d, "GET", i ? SYSTEMS "/late" : SYSTEMS "/full", NULL);
    assert_string_equal(text_at(d, "Oem/Plumbline/Workload/State"), i ? "Queued" : "Running");
  }
  close_rack(state);
  unlink(store);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_rack, close_rack)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(what_is_decomposed_is_a_task_until_it_is_gone),
      TEST(what_waits_is_decomposed_at_once),
      TEST(what_moves_is_not_decomposed),
      cmocka_unit_test(what_is_not_kept_is_not_decomposed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "control/stack/stack_test.h"

#include <stdio.h>
#include <unistd.h>

/* --- settings --- */

static enum pl_status load(const char *text, struct pl_stack_settings *settings, struct pl_err *err)
{
  char path[] = "/tmp/test-stack-XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
  *err = (struct pl_err){0};
  enum pl_status status = pl_settings_load(path, settings, err);
  unlink(path);
  return status;
}

static void test_settings(void **state)
{
  (void)state;
  struct pl_stack_settings settings;
  struct pl_err err = {0};
  assert_int_equal(pl_settings_load(NULL, &settings, &err), PL_OK);
  assert_int_equal(settings.poll_ns, 500 * PL_MS);
  assert_int_equal(settings.remove_ns, 3600 * PL_S);
  assert_true(fabs(settings.thermal_limit_degC - 95) < 1e-9);
  assert_false(settings.cold_redundancy);
  assert_int_equal(load("poll: 100 ms\npower-cap: 3 kW\ncold-redundancy: on\n", &settings, &err), PL_OK);
  assert_int_equal(settings.poll_ns, 100 * PL_MS);
  assert_true(fabs(settings.power_cap_W - 3000) < 1e-9);
  assert_true(settings.cold_redundancy);
  assert_int_equal(load("pol: 100 ms\n", &settings, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, ":1: unknown key 'pol' in the settings, did you mean 'poll'?"));
  assert_int_equal(load("poll: 3 W\n", &settings, &err), PL_E_USAGE);
  assert_int_equal(load("flow-min: 9 L/min\nflow-max: 8 L/min\n", &settings, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "flow-min (9 L/min) is above flow-max (8 L/min)"));
  assert_int_equal(load("overload-high: 70 %\n", &settings, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "overload-settle (75 %) is not below overload-high (70 %)"));
  assert_int_equal(load("moves-at-once: 3\nconsolidate: on\noverload-high: 80 %\n", &settings, &err), PL_OK);
  assert_int_equal(settings.moves_at_once, 3);
  assert_true(settings.consolidate && fabs(settings.high_share - 0.8) < 1e-9);
  assert_int_equal(load("poll: 5 s\n", &settings, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "stale (3 s) is not above poll (5 s)"));
}

static void test_each_setting_has_help_and_a_fallback(void **state)
{
  (void)state;
  size_t count;
  const struct pl_param *params = pl_settings_params(&count);
  assert_int_equal(count, 44);
  for (size_t i = 0; i < count; i++)
    if (!params[i].help || !params[i].fallback)
      fail_msg("%s has no help or no fallback", params[i].name);
}

static void test_settings_as_in_the_docs(void **state)
{
  (void)state;
  size_t count, used;
  const struct pl_param *params = pl_settings_params(&count);
  static char text[64 * 1024];
  FILE *file = fopen("docs/settings.md", "r");
  assert_non_null(file);
  used = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[used] = '\0';
  for (size_t i = 0; i < count; i++) {
    char row[400];
    snprintf(row, sizeof row, "| `%s` | %s | %s |", params[i].name, params[i].fallback, params[i].help);
    if (!strstr(text, row))
      fail_msg("docs/settings.md has no row '%s'", row);
  }
}

/* --- mutants --- */

static void test_mutants(void **state)
{
  (void)state;
  const struct pl_word *words;
  enum pl_mutant mutant = PL_MUTANT_LEAK_LATE;
  struct pl_err err = {0};
  size_t count = pl_mutants(&words);
  assert_int_equal(pl_mutant_find(NULL, &mutant, &err), PL_OK);
  assert_int_equal(mutant, PL_MUTANT_NONE);
  if (!count) { /* a product build has none of that code */
    assert_int_equal(pl_mutant_find("leak-late", &mutant, &err), PL_E_USAGE);
    return;
  }
  assert_int_equal(count, PL_MUTANT_COUNT - 1);
  assert_int_equal(pl_mutant_find("leak-late", &mutant, &err), PL_OK);
  assert_int_equal(mutant, PL_MUTANT_LEAK_LATE);
  assert_int_equal(pl_mutant_find("leak-lat", &mutant, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "did you mean 'leak-late'?"));
}

/* --- the state table --- */

static void test_states(void **state)
{
  (void)state;
  bool reached[PL_STATE_COUNT] = {[PL_STATE_UNAVAILABLE] = true}; /* where units begin */
  for (int turns = 0; turns < PL_STATE_COUNT; turns++)
    for (int from = 0; from < PL_STATE_COUNT; from++)
      for (int what = 0; what < PL_HAPPENING_COUNT && reached[from]; what++)
        reached[pl_state_after((enum pl_state)from, (enum pl_happening)what)] = true;
  for (int from = 0; from < PL_STATE_COUNT; from++) {
    enum pl_state s = (enum pl_state)from;
    if (s != PL_STATE_DEGRADED && !reached[from])
      fail_msg("nothing leads to %s", pl_state_name(s));
    assert_int_equal(pl_state_after(s, PL_HAPPENS_GONE), PL_STATE_ABSENT); /* whatever it was: what is pulled is gone */
    if (s != PL_STATE_IN_TEST && s != PL_STATE_UNAVAILABLE && s != PL_STATE_DEGRADED && s != PL_STATE_QUIESCED && s != PL_STATE_ENABLED)
      for (int what = 0; what < PL_HAPPENING_COUNT; what++) /* Enabled is shown, never assumed */
        assert_int_not_equal(pl_state_after(s, (enum pl_happening)what), PL_STATE_ENABLED);
  }
  assert_int_equal(pl_state_after(PL_STATE_DISABLED, PL_HAPPENS_POWER_GOOD), PL_STATE_DISABLED);
  assert_int_equal(pl_state_after(PL_STATE_ABSENT, PL_HAPPENS_POWER_GOOD), PL_STATE_ABSENT);
  assert_string_equal(pl_state_name(PL_STATE_STANDBY), "StandbyOffline");
  assert_string_equal(pl_health_name(PL_HEALTH_CRITICAL), "Critical");
  assert_non_null(strstr(pl_happening_text(PL_HAPPENS_GONE), "presence"));
}

/* --- a stack on a bench --- */

static void test_uuid_outlives_it(void **state)
{
  (void)state;
  char folder[] = "/tmp/test-stack-XXXXXX", path[64], uuid[37];
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/store", folder);
  struct stand *s = stand_open(DEMO_RACK);
  s->cfg.store = path;
  stand_stack(s);
  memcpy(uuid, s->stack->uuid, sizeof uuid);
  assert_int_equal(strlen(uuid), 36);
  assert_int_equal(uuid[14], '4');
  assert_true(strchr("89ab", uuid[19]) != NULL);
  pl_stack_close(s->stack);
  stand_run(s, PL_S);
  stand_stack(s);
  assert_string_equal(s->stack->uuid, uuid);
  stand_close(s);
  char command[96];
  snprintf(command, sizeof command, "rm -r %s", folder);
  assert_int_equal(system(command), 0);
}

static void test_refusals(void **state)
{
  (void)state;
  struct stand *s = stand_open(DEMO_RACK);
  s->cfg.mutant = "no-such-lie";
  assert_int_equal(pl_stack_open(&s->cfg, &s->stack, &s->err), PL_E_USAGE);
  assert_null(s->stack);
  s->cfg.mutant = NULL;
  s->cfg.settings = "/no/such/file";
  assert_int_equal(pl_stack_open(&s->cfg, &s->stack, &s->err), PL_E_USAGE);
  assert_null(s->stack);
  stand_close(s);
}

static void answered(struct pl_http_request *request)
{
  *(bool *)request->ctx = true;
}

static void test_by_its_description(void **state)
{
  (void)state;
  struct stand *s = stand_open(DEMO_RACK);
  const struct pl_stack_desc *desc = &pl_stack_rackd;
  void *self = NULL;
  bool done = false;
  struct pl_http_request request = {.method = "GET", .target = "/redfish/v1/", .peer = "embedded", .encrypted = true, .done = answered, .ctx = &done};
  WELL(s, desc->open(&s->cfg, &self, &s->err));
  assert_false(desc->is_dead(self));
  assert_int_equal(desc->kill_at(self, "hot-swap", "power-down", true, &s->err), PL_OK);
  assert_string_equal(((struct pl_stack *)self)->kill_step, "power-down");
  assert_int_equal(desc->kill_at(self, "hot-swap", "dance", true, &s->err), PL_E_USAGE);
  assert_int_equal(desc->kill_at(self, "waltz", "power-down", true, &s->err), PL_E_USAGE);
  assert_int_equal(desc->kill_at(self, NULL, NULL, false, &s->err), PL_OK);
  assert_string_equal(((struct pl_stack *)self)->kill_procedure, "");
  ((struct pl_stack *)self)->dead = true; /* as a drill leaves it */
  assert_true(desc->is_dead(self));
  desc->submit(self, &request);
  assert_true(done);
  assert_int_equal(request.answer.status, 503);
  pl_http_answer_free(&request.answer);
  desc->kill(self);
  stand_run(s, PL_S);
  WELL(s, desc->open(&s->cfg, &self, &s->err)); /* on the same bench */
  stand_run(s, 5 * PL_S);
  desc->close(self);
  stand_close(s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_settings),  cmocka_unit_test(test_each_setting_has_help_and_a_fallback), cmocka_unit_test(test_settings_as_in_the_docs),
      cmocka_unit_test(test_mutants),   cmocka_unit_test(test_states),
      cmocka_unit_test(test_uuid_outlives_it), cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_by_its_description),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

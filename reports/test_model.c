/* SPDX-License-Identifier: Apache-2.0 */
/* What the model makes of journals: whole, killed, broken, judged again. */
#include "reports/test_fixture.h"

/* --- the model --- */

static void test_passing_run(void **state)
{
  struct fixture *f = *state;
  write_sample(f, false);
  struct pl_report *r = load(f);
  assert_int_equal(pl_report_verdict(r), PL_VERDICT_PASS);
  assert_string_equal(pl_text_of(r, r->name), "hot-swap");
  assert_string_equal(pl_text_of(r, r->dut), "CSU-0042");
  assert_string_equal(pl_meta_of(r, "seed"), "42");
  assert_int_equal(r->n_top, 10);
  assert_int_equal(r->steps.count, 12);
  assert_int_equal(r->measurements.count, 15);
  assert_int_equal(r->n_pass, 15);
  assert_int_equal(r->series.count, 3);
  assert_int_equal(r->series.items[1].count, 240);
  assert_int_equal(r->hardware.count, 5);
  assert_int_equal(r->files.count, 1);
  assert_int_equal(r->extensions.count, 1);
  assert_string_equal(pl_text_of(r, r->extensions.items[0].content), "{\"armed\":3,\"fired\":0}");
  assert_int_equal(r->diagnoses.count, 0); /* passing ones of a measurement are folded into it */
  const struct pl_measured *m = measured(r, "slot current");
  assert_true(m->value.number == 16.62);
  assert_int_equal(m->told, PL_JUDGED_PASS);
  assert_int_equal(m->own, PL_JUDGED_PASS);
  assert_string_equal(pl_text_of(r, m->unit), "A");
  const struct pl_stepped *step = step_named(r, "load at 80 %", 1);
  assert_int_equal(step->end - step->start, 22300 * PL_MS);
  assert_int_equal(step_named(r, "slot voltage rises", 1)->depth, 1);
  pl_report_free(r);
}

static void test_failing_run(void **state)
{
  struct fixture *f = *state;
  write_sample(f, true);
  struct pl_report *r = load(f);
  assert_int_equal(pl_report_verdict(r), PL_VERDICT_FAIL);
  assert_int_equal(r->n_fail, 2);
  assert_int_equal(r->n_retried, 1);
  assert_true(step_named(r, "enable the slot", 1)->superseded);
  assert_int_equal(step_named(r, "enable the slot", 1)->outcome, PL_VERDICT_FAIL);
  assert_false(step_named(r, "enable the slot", 2)->superseded);
  assert_int_equal(step_named(r, "enable the slot", 2)->outcome, PL_VERDICT_PASS);
  assert_int_equal(step_named(r, "power up", 1)->outcome, PL_VERDICT_FAIL);
  assert_int_equal(step_named(r, "rack is ready", 1)->outcome, PL_VERDICT_PASS);
  struct pl_finding first;
  assert_true(pl_first_finding(r, &first));
  assert_string_equal(pl_text_of(r, first.hw->location), "module 1, slot 1");
  assert_string_equal(first.next, "pull CSU 1, inspect the long power contacts, reseat it");
  assert_int_equal(strncmp(first.message, "slot voltage 44.9 V", 19), 0);
  assert_int_equal(first.message[first.message_len - 1], 's'); /* "... power contacts", without "; next:" */
  pl_report_free(r);
}

static void test_retry_that_passes_is_a_pass(void **state)
{
  struct fixture *f = *state;
  struct sample s = {.clock = f->clock, .journal = open_journal(f)};
  sample_start(&s);
  for (int attempt = 1; attempt <= 3; attempt++) {
    int id = sample_begin(&s, "try", -1, "step", attempt);
    bool bad = sample_measure(&s, id, "v", attempt, "V", 3, NAN, "psu-a", "low");
    sample_end(&s, id, bad, 1);
  }
  pl_journal_run_end(s.journal, PL_END_PASS);
  pl_journal_close(s.journal, NULL);
  struct pl_report *r = load(f);
  assert_int_equal(pl_report_verdict(r), PL_VERDICT_PASS);
  assert_int_equal(r->n_fail, 0);
  assert_int_equal(r->n_retried, 2);
  assert_int_equal(pl_report_junit(r, f->out, NULL), PL_OK);
  const char *xml = read_text(f, f->out);
  assert_int_equal(count(xml, "<skipped message=\"a later attempt counts instead\"/>"), 2);
  assert_int_equal(count(xml, "<failure"), 0);
  pl_report_free(r);
}

static void put_disagreeing(struct fixture *f)
{
  struct pl_journal *journal = open_journal(f);
  int id;
  pl_journal_run_start(journal, &(struct pl_journal_run){.name = "odd"});
  pl_journal_step_start(journal, &(struct pl_journal_step){.name = "s", .parent = -1, .kind = "step", .attempt = 1}, &id);
  const struct pl_journal_validator max = {.type = "LESS_THAN_OR_EQUAL", .value = {.number = 5}};
  pl_journal_measurement(journal, id, &(struct pl_journal_measurement){.name = "Slot voltage", .unit = "V", .value = {.number = 6}, .validators = &max, .n_validators = 1});
  pl_journal_diagnosis(journal, id, &(struct pl_journal_diagnosis){.verdict = "slot-voltage-pass", .type = PL_DIAG_PASS});
  pl_journal_step_end(journal, id, PL_STEP_COMPLETE, false);
  pl_journal_run_end(journal, PL_END_PASS);
  assert_int_equal(pl_journal_close(journal, NULL), PL_OK);
}

static void test_engine_and_limits_that_disagree(void **state)
{
  struct fixture *f = *state;
  put_disagreeing(f);
  struct pl_report *r = load(f);
  assert_int_equal(r->measurements.items[0].own, PL_JUDGED_FAIL);
  assert_int_equal(r->measurements.items[0].told, PL_JUDGED_PASS);
  assert_int_equal(r->n_disagree, 1);
  assert_int_equal(pl_report_verdict(r), PL_VERDICT_FAIL);
  assert_non_null(strstr(table_of(f, r, 80), "FAIL (engine: PASS)"));
  assert_int_equal(pl_report_html(r, f->out, NULL), PL_OK);
  assert_non_null(strstr(read_text(f, f->out), "limits: FAIL<br>engine: PASS"));
  pl_report_free(r);
}

static enum pl_judged check(struct pl_report *r, enum pl_check type, struct pl_val limit, struct pl_val value)
{
  return pl_check_value(r, &(struct pl_limit){.check = (uint8_t)type, .value = limit}, &value);
}

static void test_validators(void **state)
{
  (void)state;
  struct pl_report r = {0};
#define NUM(v) ((struct pl_val){.kind = PL_VAL_NUMBER, .number = (v)})
#define TXT(v) ((struct pl_val){.kind = PL_VAL_TEXT, .text = pl_strings_keep(&r.strings, v, strlen(v))})
#define SET(v) ((struct pl_val){.kind = PL_VAL_SET, .text = pl_strings_keep(&r.strings, v, strlen(v))})
#define FLAG(v) ((struct pl_val){.kind = PL_VAL_BOOL, .flag = (v)})
  assert_int_equal(check(&r, PL_CHECK_LESS_THAN, NUM(5), NUM(5)), PL_JUDGED_FAIL);
  assert_int_equal(check(&r, PL_CHECK_LESS_THAN_OR_EQUAL, NUM(5), NUM(5)), PL_JUDGED_PASS);
  assert_int_equal(check(&r, PL_CHECK_GREATER_THAN, NUM(5), NUM(5)), PL_JUDGED_FAIL);
  assert_int_equal(check(&r, PL_CHECK_GREATER_THAN_OR_EQUAL, NUM(5), NUM(5)), PL_JUDGED_PASS);
  assert_int_equal(check(&r, PL_CHECK_GREATER_THAN, NUM(5), TXT("9")), PL_JUDGED_FAIL);
  assert_int_equal(check(&r, PL_CHECK_EQUAL, FLAG(true), FLAG(true)), PL_JUDGED_PASS);
  assert_int_equal(check(&r, PL_CHECK_EQUAL, FLAG(true), NUM(1)), PL_JUDGED_FAIL);
  assert_int_equal(check(&r, PL_CHECK_NOT_EQUAL, TXT("a"), TXT("b")), PL_JUDGED_PASS);
  assert_int_equal(check(&r, PL_CHECK_REGEX_MATCH, TXT("^v1\\.[0-9]+$"), TXT("v1.22")), PL_JUDGED_PASS);
  assert_int_equal(check(&r, PL_CHECK_REGEX_MATCH, TXT("^v1\\.[0-9]+$"), TXT("v2.22")), PL_JUDGED_FAIL);
  assert_int_equal(check(&r, PL_CHECK_REGEX_NO_MATCH, TXT("bad"), TXT("good")), PL_JUDGED_PASS);
  assert_int_equal(check(&r, PL_CHECK_REGEX_MATCH, TXT("("), TXT("x")), PL_UNJUDGED);
  assert_int_equal(check(&r, PL_CHECK_IN_SET, SET("[1,2,3]"), NUM(2)), PL_JUDGED_PASS);
  assert_int_equal(check(&r, PL_CHECK_IN_SET, SET("[\"a\",\"b\"]"), TXT("c")), PL_JUDGED_FAIL);
  assert_int_equal(check(&r, PL_CHECK_NOT_IN_SET, SET("[\"a\",\"b\"]"), TXT("c")), PL_JUDGED_PASS);
  pl_strings_free(&r.strings);
}

/* --- runs that were stopped, journals that are broken --- */

static void test_killed_run(void **state)
{
  struct fixture *f = *state;
  write_sample(f, true);
  cut_journal(f, "\"name\":\"slot voltage\",\"val"); /* in the middle of a line */
  struct pl_report *r = load(f);
  assert_int_equal(pl_report_verdict(r), PL_VERDICT_UNFINISHED);
  assert_true(r->torn);
  const char *stopped = "stopped in step power up / slot voltage rises at 2026-01-01 00:00:47 UTC, no verdict; teardown did not run";
  assert_int_equal(pl_report_html(r, f->out, NULL), PL_OK);
  const char *html = read_text(f, f->out);
  assert_non_null(strstr(html, stopped));
  assert_non_null(strstr(html, "STOPPED"));
  assert_non_null(strstr(html, "the last line is torn"));
  assert_int_equal(pl_report_junit(r, f->out, NULL), PL_OK);
  assert_non_null(strstr(read_text(f, f->out), stopped));
  pl_report_free(r);
}

static void test_killed_in_teardown(void **state)
{
  struct fixture *f = *state;
  write_sample(f, true);
  cut_journal(f, "psu-a answered only");
  struct pl_report *r = load(f);
  assert_non_null(strstr(table_of(f, r, 200), "stopped in step safe state at 2026-01-01 00:00:52 UTC, no verdict; teardown began and did not end"));
  pl_report_free(r);
}

static void expect_refused(struct fixture *f, const char *text, const char *why)
{
  struct pl_report *r;
  struct pl_err err = {0};
  write_text(f->journal, text);
  assert_int_equal(pl_report_load(f->journal, &r, &err), PL_E_GARBAGE);
  if (!strstr(err.text, why) || strncmp(err.text, f->journal, strlen(f->journal)))
    fail_msg("'%s' instead of '%s'", err.text, why);
}

static void test_broken_journals(void **state)
{
  struct fixture *f = *state;
#define HEAD "{\"sequenceNumber\":0,\"timestamp\":\"2026-01-01T00:00:00Z\","
  expect_refused(f, "", "is empty");
  expect_refused(f, "rig: demo", "is not a journal");
  expect_refused(f, "rig: demo\n", ":1: column 1:");
  expect_refused(f, "{\"a\":1}\n", ":1: no line of an OCP journal");
  expect_refused(f, HEAD "\"schemaVersion\":{\"major\":1,\"minor\":0}}\n", ":1: schema version 1");
  expect_refused(f, HEAD "\"testStepArtifact\":{\"testStepId\":\"7\",\"testStepEnd\":{\"status\":\"COMPLETE\"}}}\n", ":1: step 7 has not started");
  expect_refused(f, HEAD "\"testStepArtifact\":{\"testStepId\":\"0\",\"testStepStart\":{\"name\":\"a\"}}}\n" HEAD
                    "\"testStepArtifact\":{\"testStepId\":\"0\",\"measurement\":{\"name\":\"x\"}}}\n", ":2: a measurement without name or value");
  expect_refused(f, HEAD "\"testStepArtifact\":{\"testStepId\":\"0\",\"testStepStart\":{\"name\":\"a\"}}}\n" HEAD
                    "\"testStepArtifact\":{\"testStepId\":\"0\",\"extension\":{\"name\":\"step\",\"content\":{\"parent\":\"0\"}}}}\n", ":2: a step inside a step");
  expect_refused(f, HEAD "\"testRunArtifact\":{\"testRunEnd\":{\"status\":\"ERROR\",\"result\":\"PASS\"}}}\n", ":1: testRunEnd with");
}

/* --- judging again --- */

static enum pl_status judge(struct fixture *f, struct pl_report *r, const char *yaml, struct pl_err *err)
{
  *err = (struct pl_err){0};
  write_text(f->limits, yaml);
  return pl_report_judge_again(r, f->limits, err);
}

static void test_judge_again_flips_verdicts(void **state)
{
  struct fixture *f = *state;
  struct pl_err err;
  write_sample(f, false);
  struct pl_report *r = load(f);
  assert_int_equal(judge(f, r, "slot voltage falls: {max: 0.09 s}\nnot in this run: {min: 1 V}\n", &err), PL_OK);
  assert_int_equal(pl_report_verdict(r), PL_VERDICT_FAIL);
  const struct pl_measured *m = measured(r, "slot voltage falls");
  assert_int_equal(m->verdict, PL_JUDGED_FAIL);
  assert_int_equal(m->before, PL_JUDGED_PASS);
  assert_true(r->limits.items[m->limit].value.number == 90); /* in the measurement's unit, ms */
  assert_int_equal(step_named(r, "power down", 1)->outcome, PL_VERDICT_FAIL);
  assert_int_equal(r->unused_limits.count, 1);
  assert_non_null(strstr(table_of(f, r, 120), "FAIL (was PASS)"));
  assert_non_null(strstr(table_of(f, r, 120), "slot voltage falls is 92.6 ms, wanted max 90 ms"));
  pl_report_free(r);
}

static void test_judge_again_to_pass(void **state)
{
  struct fixture *f = *state;
  struct pl_err err;
  write_sample(f, true);
  struct pl_report *r = load(f);
  assert_int_equal(judge(f, r, "slot voltage rises/slot voltage: {min: 44 V, max: 52 V}\nslot voltage: {max: 1 V}\nslot current again: {max: 20 A}\npresent: {equals: on}\n", &err), PL_OK);
  assert_int_equal(pl_report_verdict(r), PL_VERDICT_PASS); /* the longest key that fits counts */
  assert_int_equal(r->n_fail, 0);
  assert_int_equal(step_named(r, "power up", 1)->outcome, PL_VERDICT_PASS);
  assert_int_equal(step_named(r, "carries load again", 1)->outcome, PL_VERDICT_PASS);
  struct pl_finding finding;
  assert_false(pl_first_finding(r, &finding));
  pl_report_free(r);
}

static void test_judge_again_refuses(void **state)
{
  struct fixture *f = *state;
  struct pl_err err;
  write_sample(f, false);
  struct pl_report *r = load(f);
  static const struct {
    const char *yaml, *why;
  } BAD[] = {{"slot voltage falls: {max: 5 V}\n", "limits.yaml:1"},
             {"slot voltage fals: {max: 5 ms}\n", "did you mean 'slot voltage falls'?"},
             {"slot voltage falls: {maxx: 5 ms}\n", "limits.yaml:1"},
             {"slot voltage falls: {}\n", "give min, max or equals"},
             {"present: {max: 3}\n", "only equals can judge it"},
             {"- a\n", "limits.yaml:1"}};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    assert_int_equal(judge(f, r, BAD[i].yaml, &err), PL_E_USAGE);
    if (!strstr(err.text, BAD[i].why))
      fail_msg("'%s' instead of '%s'", err.text, BAD[i].why);
    assert_int_equal(pl_report_verdict(r), PL_VERDICT_PASS); /* the report is as it was */
    assert_int_equal(measured(r, "slot voltage falls")->n_limits, 1);
    assert_false(measured(r, "slot voltage falls")->rejudged);
  }
  pl_report_free(r);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      CASE(test_passing_run),
      CASE(test_failing_run),
      CASE(test_retry_that_passes_is_a_pass),
      CASE(test_engine_and_limits_that_disagree),
      cmocka_unit_test(test_validators),
      CASE(test_killed_run),
      CASE(test_killed_in_teardown),
      CASE(test_broken_journals),
      CASE(test_judge_again_flips_verdicts),
      CASE(test_judge_again_to_pass),
      CASE(test_judge_again_refuses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

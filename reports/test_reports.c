/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/report.h"

#include "reports/model.h"
#include "reports/test_sample.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

struct fixture {
  char folder[64], journal[128], out[128], limits[128];
  struct pl_clock *clock;
  char *text; /* of the last file read */
};

static int setup(void **state)
{
  struct fixture *f = calloc(1, sizeof *f);
  snprintf(f->folder, sizeof f->folder, "/tmp/pl_reports_XXXXXX");
  if (!mkdtemp(f->folder) || pl_clock_new_virtual(SAMPLE_WALL_NS, &f->clock, NULL))
    return -1;
  snprintf(f->journal, sizeof f->journal, "%s/journal.jsonl", f->folder);
  snprintf(f->out, sizeof f->out, "%s/out", f->folder);
  snprintf(f->limits, sizeof f->limits, "%s/limits.yaml", f->folder);
  *state = f;
  return 0;
}

static int teardown(void **state)
{
  struct fixture *f = *state;
  unlink(f->journal);
  unlink(f->out);
  unlink(f->limits);
  assert_int_equal(rmdir(f->folder), 0); /* nothing temporary is left */
  pl_clock_free(f->clock);
  free(f->text);
  free(f);
  return 0;
}

/* --- helpers --- */

static struct pl_journal *open_journal(struct fixture *f)
{
  struct pl_journal *journal;
  struct pl_err err = {0};
  if (pl_journal_open(f->journal, f->clock, &journal, &err))
    fail_msg("%s", err.text);
  return journal;
}

static void write_sample(struct fixture *f, bool failing)
{
  struct sample s = {.clock = f->clock, .journal = open_journal(f), .failing = failing};
  sample_write(&s);
  assert_int_equal(pl_journal_close(s.journal, NULL), PL_OK);
}

static struct pl_report *load(struct fixture *f)
{
  struct pl_report *report;
  struct pl_err err = {0};
  if (pl_report_load(f->journal, &report, &err))
    fail_msg("%s", err.text);
  return report;
}

static void write_text(const char *path, const char *text)
{
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static const char *read_text(struct fixture *f, const char *path)
{
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  free(f->text);
  f->text = calloc(1, 16 << 20);
  size_t n = fread(f->text, 1, (16 << 20) - 1, file);
  fclose(file);
  f->text[n] = '\0';
  return f->text;
}

static const char *table_of(struct fixture *f, const struct pl_report *report, int width)
{
  FILE *file = fopen(f->out, "w");
  pl_report_table(report, file, false, width);
  fclose(file);
  return read_text(f, f->out);
}

static size_t count(const char *text, const char *what)
{
  size_t n = 0;
  for (; (text = strstr(text, what)); text += strlen(what))
    n++;
  return n;
}

static const struct pl_stepped *step_named(const struct pl_report *r, const char *name, unsigned attempt)
{
  for (size_t i = 0; i < r->steps.count; i++)
    if (!strcmp(pl_text_of(r, r->steps.items[i].name), name) && r->steps.items[i].attempt == attempt)
      return &r->steps.items[i];
  fail_msg("no step %s", name);
  return NULL;
}

static const struct pl_measured *measured(const struct pl_report *r, const char *name)
{
  const struct pl_measured *last = NULL;
  for (size_t i = 0; i < r->measurements.count; i++)
    if (!strcmp(pl_text_of(r, r->measurements.items[i].name), name))
      last = &r->measurements.items[i];
  assert_non_null(last);
  return last;
}

static void cut_journal(struct fixture *f, const char *after)
{
  read_text(f, f->journal);
  char *at = strstr(f->text, after);
  assert_non_null(at);
  assert_int_equal(truncate(f->journal, at - f->text + (long)strlen(after)), 0);
}

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

/* --- outputs --- */

static void test_junit(void **state)
{
  struct fixture *f = *state;
  write_sample(f, true);
  struct pl_report *r = load(f);
  assert_int_equal(pl_report_junit(r, f->out, NULL), PL_OK);
  const char *xml = read_text(f, f->out);
  assert_non_null(strstr(xml, "<testsuites tests=\"13\" failures=\"3\" errors=\"0\" skipped=\"1\" time=\"53.05\">"));
  assert_int_equal(count(xml, "<testcase "), 13);
  assert_int_equal(count(xml, "<failure "), 3);
  assert_non_null(strstr(xml, "<property name=\"seed\" value=\"42\"/>"));
  assert_non_null(strstr(xml, "classname=\"hot-swap.power up\" name=\"slot voltage rises\" time=\"0.8\""));
  assert_non_null(strstr(xml, "<failure type=\"FAIL\" message=\"slot voltage 44.9 V is below 46 V"));
  assert_non_null(strstr(xml, "slot voltage: 44.9 V (46 to 52 V) FAIL"));
  if (system("command -v xmllint >/dev/null") == 0) {
    char command[200];
    snprintf(command, sizeof command, "xmllint --noout %s", f->out);
    assert_int_equal(system(command), 0);
  }
  pl_report_free(r);
}

static void write_nasty(struct fixture *f)
{
  struct pl_journal *journal = open_journal(f);
  int id;
  static const struct pl_journal_pair pair = {"<p>", "a&b\x01"};
  pl_journal_run_start(journal, &(struct pl_journal_run){.name = "<script>alert(1)</script>", .dut_id = "\"]]>\xFF", .parameters = &pair, .n_parameters = 1});
  pl_journal_step_start(journal, &(struct pl_journal_step){.name = "a,\"b\"\n<c>", .parent = -1, .kind = "<k>", .attempt = 1}, &id);
  const struct pl_journal_validator want = {.type = "EQUAL", .value = {.kind = PL_VALUE_TEXT, .text = "x,y"}};
  pl_journal_measurement(journal, id, &(struct pl_journal_measurement){.name = "=1+1", .unit = "<V>", .value = {.kind = PL_VALUE_TEXT, .text = "]]>&\"'"},
                                                                      .validators = &want, .n_validators = 1});
  pl_journal_error(journal, id, "<bad>", "it's \x1b[31m <b>broken</b>", "a.lua", 3);
  pl_journal_file(journal, id, "<f>", "javascript:alert(1)", "text/plain");
  pl_journal_step_end(journal, id, PL_STEP_ERROR, false);
  pl_journal_run_end(journal, PL_END_ERROR);
  assert_int_equal(pl_journal_close(journal, NULL), PL_OK);
}

static void test_hostile_texts(void **state)
{
  struct fixture *f = *state;
  write_nasty(f);
  struct pl_report *r = load(f);
  assert_int_equal(pl_report_verdict(r), PL_VERDICT_ERROR);
  assert_int_equal(pl_report_html(r, f->out, NULL), PL_OK);
  const char *html = read_text(f, f->out);
  assert_null(strstr(html, "<script"));
  assert_null(strstr(html, "<b>broken"));
  assert_null(strstr(html, "href=\"javascript"));
  assert_non_null(strstr(html, "COULD NOT JUDGE"));
  assert_int_equal(pl_report_junit(r, f->out, NULL), PL_OK);
  if (system("command -v xmllint >/dev/null") == 0) {
    char command[200];
    snprintf(command, sizeof command, "xmllint --noout %s", f->out);
    assert_int_equal(system(command), 0);
  }
  assert_int_equal(pl_report_csv(r, f->out, NULL), PL_OK);
  assert_non_null(strstr(read_text(f, f->out), ",\"a,\"\"b\"\"\n<c>\",1,=1+1,\"]]>&\"\"'\",<V>,\"x,y\",\"x,y\",FAIL,,,2026-01-01T00:00:00.000000Z\r\n"));
  assert_null(strchr(table_of(f, r, 80), '\x1b'));
  pl_report_free(r);
}

static void test_csv(void **state)
{
  struct fixture *f = *state;
  write_sample(f, true);
  struct pl_report *r = load(f);
  assert_int_equal(pl_report_csv(r, f->out, NULL), PL_OK);
  const char *csv = read_text(f, f->out);
  assert_int_equal(strncmp(csv, "run,dut,step,attempt,measurement,value,unit,lower,upper,verdict,hardware,location,time\r\n", 88), 0);
  assert_int_equal(count(csv, "\r\n"), 17);
  assert_non_null(strstr(csv, "\r\nhot-swap,CSU-0042,power up/slot voltage rises,1,slot voltage,44.9,V,46,52,FAIL,csu-1,\"module 1, slot 1\",2026-01-01T00:00:47.9"));
  assert_non_null(strstr(csv, ",put the CSU in,1,present,true,,true,true,PASS,csu-1,"));
  assert_non_null(strstr(csv, ",power up/enable the slot,1,inrush current,41.2,A,,35,FAIL,hsc-1,"));
  pl_report_free(r);
}

static size_t columns(const char *line, size_t len)
{
  size_t n = 0;
  for (size_t i = 0; i < len; i++)
    n += ((unsigned char)line[i] & 0xC0) != 0x80;
  return n;
}

static void test_table_fits(void **state)
{
  struct fixture *f = *state;
  write_sample(f, false);
  struct pl_report *r = load(f);
  const char *table = table_of(f, r, 80);
  assert_int_equal(strncmp(table, "PASS  hot-swap on CSU-0042, 15 measurements passed, 51.7 s\n", 59), 0);
  assert_non_null(strstr(table, "slot voltage           48.31 V  46 to 52 V     ├───●────┤  PASS\n"));
  assert_true(count(table, "\n") <= 24);
  for (const char *end; (end = strchr(table, '\n')); table = end + 1)
    assert_true(columns(table, (size_t)(end - table)) <= 80);
  assert_null(strchr(f->text, '\x1b'));
  FILE *file = fopen(f->out, "w");
  pl_report_table(r, file, true, 80);
  fclose(file);
  assert_non_null(strstr(read_text(f, f->out), "\x1b[32mPASS"));
  pl_report_free(r);
}

static void test_html(void **state)
{
  struct fixture *f = *state;
  write_sample(f, true);
  struct pl_report *r = load(f);
  assert_int_equal(pl_report_html(r, f->out, NULL), PL_OK);
  const char *html = read_text(f, f->out);
  static const char *const ORDER[] = {"<title>FAIL · hot-swap · CSU-0042</title>", "<b>FAIL</b>", "<dt>Slot</dt><dd>module 1, slot 1</dd>",
                                      "<dt>Next</dt><dd>pull CSU 1, inspect", "<h2>Run</h2>", "rig-sha256", "<h2>Findings", "<h2>Steps", "<h2>Measurements",
                                      "<h2>Over time", "<h2>Timeline", "<h2>Hardware", "<h2>Log", "<h2>Attachments", "captures/bus%20trace.pcapng"};
  for (size_t i = 0; i < sizeof ORDER / sizeof *ORDER; i++) {
    html = strstr(html, ORDER[i]);
    if (!html)
      fail_msg("'%s' is missing or out of its order", ORDER[i]);
  }
  html = f->text;
  assert_int_equal(count(html, "class=\"bullet\""), 15); /* all but the flag */
  assert_int_equal(count(html, "class=\"plot\""), 3);
  assert_int_equal(count(html, "role=\"img\""), 19);
  assert_null(strstr(html, "<script"));
  assert_int_equal(count(html, "http"), count(html, "http://www.w3.org/2000/svg")); /* nothing is fetched */
  assert_null(strstr(html, "nan"));
  pl_report_free(r);
}

static void test_json(void **state)
{
  struct fixture *f = *state;
  write_sample(f, true);
  struct pl_report *r = load(f);
  FILE *file = fopen(f->out, "w");
  pl_report_json(r, file);
  fclose(file);
  const char *json = read_text(f, f->out);
  assert_non_null(strstr(json, "{\"verdict\":\"FAIL\",\"name\":\"hot-swap\""));
  assert_non_null(strstr(json, "{\"name\":\"slot voltage\",\"value\":44.9,\"unit\":\"V\",\"limits\":[{\"type\":\"GREATER_THAN_OR_EQUAL\",\"value\":46,\"source\":\"sequence\"}"));
  assert_non_null(strstr(json, "\"next\":\"pull CSU 1, inspect the long power contacts, reseat it\",\"part\":\"CSU 1\",\"location\":\"module 1, slot 1\""));
  char command[200];
  snprintf(command, sizeof command, "python3 -m json.tool %s /dev/null", f->out);
  if (system("command -v python3 >/dev/null") == 0)
    assert_int_equal(system(command), 0);
  pl_report_free(r);
}

static void test_failure_to_write(void **state)
{
  struct fixture *f = *state;
  struct pl_err err = {0};
  write_sample(f, false);
  struct pl_report *r = load(f);
  assert_int_equal(pl_report_html(r, "/dev/full", &err), PL_E_IO);
  assert_string_equal(err.text, "/dev/full: cannot be written: No space left on device");
  assert_int_equal(pl_report_csv(r, "/tmp/pl_no_such_folder/x.csv", &err), PL_E_IO);
  assert_string_equal(err.text, "/tmp/pl_no_such_folder/x.csv: cannot be written: No such file or directory");
  assert_int_equal(pl_report_csv(r, "/dev/null", &err), PL_OK);
  pl_report_free(r);
}

/* --- long runs --- */

static void write_long(struct fixture *f, int steps, int every_fails)
{
  struct sample s = {.clock = f->clock, .journal = open_journal(f)};
  sample_start(&s);
  for (int i = 0; i < steps; i++) {
    char name[32];
    snprintf(name, sizeof name, "step %d", i);
    int id = sample_begin(&s, name, -1, "step", 1);
    bool bad = sample_measure(&s, id, "slot voltage", i % every_fails == 1 ? 45 : 48 + i % 97 * 0.01, "V", 46, 52, "csu-1", "slot voltage is low");
    sample_end(&s, id, bad, 0.01);
  }
  pl_journal_run_end(s.journal, PL_END_FAIL);
  assert_int_equal(pl_journal_close(s.journal, NULL), PL_OK);
}

static void test_ten_thousand_steps(void **state)
{
  struct fixture *f = *state;
  write_long(f, 10000, 2000);
  struct pl_report *r = load(f);
  assert_int_equal(r->steps.count, 10000);
  assert_int_equal(r->n_fail, 5);
  assert_int_equal(r->n_pass, 9995);
  size_t bytes = r->strings.cap + r->strings.slots * 4 + r->steps.capacity * sizeof *r->steps.items + r->measurements.capacity * sizeof *r->measurements.items +
                 r->limits.capacity * sizeof *r->limits.items + r->diagnoses.capacity * sizeof *r->diagnoses.items;
  assert_true(bytes < 6000000);
  assert_int_equal(pl_report_html(r, f->out, NULL), PL_OK);
  const char *html = read_text(f, f->out);
  assert_true(strlen(html) < 400000);
  assert_int_equal(count(html, "<tr class=\"bad\">"), 5); /* every failing one in full */
  assert_int_equal(count(html, "class=\"bullet\""), 205);
  assert_non_null(strstr(html, "9795 more passing measurements are not drawn; measurements.csv has all"));
  assert_int_equal(pl_report_csv(r, f->out, NULL), PL_OK);
  assert_int_equal(count(read_text(f, f->out), "\r\n"), 10001);
  assert_int_equal(pl_report_junit(r, f->out, NULL), PL_OK);
  assert_int_equal(count(read_text(f, f->out), "<testcase "), 10000);
  const char *table = table_of(f, r, 80);
  assert_true(count(table, "\n") < 40);
  assert_non_null(strstr(table, "9995 of 10000 measurements passed; measurements.csv has all"));
  pl_report_free(r);
}

/* --- against the schemas of the specification --- */

static void test_samples_validate(void **state)
{
  struct fixture *f = *state;
  static const char TOOL[] = "../shared/tools/ocp_validate.py";
  if (access(TOOL, R_OK)) {
    print_message("skipped: %s is not here\n", TOOL);
    skip();
  }
  char command[300];
  snprintf(command, sizeof command, "python3 %s ../shared/data/ocp-diag/json-schema %s", TOOL, f->journal);
  for (int failing = 0; failing < 2; failing++) {
    write_sample(f, failing);
    assert_int_equal(system(command), 0);
  }
  write_nasty(f);
  assert_int_equal(system(command), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
      CASE(test_junit),
      CASE(test_hostile_texts),
      CASE(test_csv),
      CASE(test_table_fits),
      CASE(test_html),
      CASE(test_json),
      CASE(test_failure_to_write),
      CASE(test_ten_thousand_steps),
      CASE(test_samples_validate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

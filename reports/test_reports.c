/* SPDX-License-Identifier: Apache-2.0 */
/* The reports that are written from a model. */
#include "reports/test_fixture.h"

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
  pl_report_free(r);
  write_sample(f, true); /* wide names, wrapped findings, a narrow terminal */
  r = load(f);
  table = table_of(f, r, 64);
  for (const char *end; (end = strchr(table, '\n')); table = end + 1)
    assert_true(columns(table, (size_t)(end - table)) <= 64);
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

int main(void)
{
  const struct CMUnitTest tests[] = {
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

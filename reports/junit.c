/* SPDX-License-Identifier: Apache-2.0 */
/* JUnit XML as Jenkins and Ant read it: testsuites/testsuite/testcase with failure, error, skipped, system-out. One test case per step. */
#include "reports/model.h"

#include "host/journal/stamp.h"
#include "reports/out.h"

#include <string.h>

static void put_attribute(struct pl_text *text, const char *name, const char *value)
{
  pl_text_str(text, " ");
  pl_text_str(text, name);
  pl_text_str(text, "=\"");
  pl_text_xml(text, value);
  pl_text_str(text, "\"");
}

static void put_seconds(struct pl_text *text, int64_t ns)
{
  PL_TEXT_LIT(text, " time=\"");
  pl_text_double(text, (double)((ns + 500) / 1000) / 1e6);
  PL_TEXT_LIT(text, "\"");
}

static void put_property(struct pl_text *text, const char *name, const char *value)
{
  if (!*value)
    return;
  PL_TEXT_LIT(text, "      <property");
  put_attribute(text, "name", name);
  put_attribute(text, "value", value);
  PL_TEXT_LIT(text, "/>\n");
}

static void put_properties(struct pl_text *text, const struct pl_report *r)
{
  PL_TEXT_LIT(text, "    <properties>\n");
  put_property(text, "verdict", pl_verdict_name(r->verdict));
  put_property(text, "dut", pl_text_of(r, r->dut));
  put_property(text, "version", pl_text_of(r, r->version));
  put_property(text, "command-line", pl_text_of(r, r->command_line));
  put_property(text, "journal", pl_text_of(r, r->path));
  put_property(text, "judged-again-under", pl_text_of(r, r->limits_path));
  for (size_t i = 0; i < r->parameters.count; i++)
    put_property(text, pl_text_of(r, r->parameters.items[i].name), pl_text_of(r, r->parameters.items[i].value));
  for (size_t i = 0; i < r->metadata.count; i++)
    put_property(text, pl_text_of(r, r->metadata.items[i].name), pl_text_of(r, r->metadata.items[i].value));
  PL_TEXT_LIT(text, "    </properties>\n");
}

/* A plain text is made in `room` first, since what it is made of must be escaped as a whole. */
static void put_room(struct pl_text *text, struct pl_text *room)
{
  pl_text_char(room, '\0');
  if (!room->failed)
    pl_text_xml(text, room->bytes);
  room->len = 0;
}

static void put_measurements(struct pl_text *room, const struct pl_report *r, const struct pl_stepped *step)
{
  for (uint32_t i = step->measurement; i != PL_NONE; i = r->measurements.items[i].next) {
    const struct pl_measured *m = &r->measurements.items[i];
    pl_text_str(room, pl_text_of(r, m->name));
    PL_TEXT_LIT(room, ": ");
    pl_put_val(room, r, &m->value, 9);
    if (m->unit) {
      PL_TEXT_LIT(room, " ");
      pl_text_str(room, pl_text_of(r, m->unit));
    }
    if (m->n_limits) {
      PL_TEXT_LIT(room, " (");
      pl_put_limits(room, r, m);
      PL_TEXT_LIT(room, ")");
    }
    PL_TEXT_LIT(room, " ");
    pl_text_str(room, pl_judged_name(m->verdict));
    PL_TEXT_LIT(room, "\n");
  }
}

/* The findings of one step, one a line; without `all` only the first. */
static bool put_findings(struct pl_text *room, const struct pl_report *r, uint32_t step, bool all)
{
  bool any = false;
  struct pl_finding f;
  for (size_t at = 0; (at = pl_next_step_finding(r, step, at, &f));) {
    pl_put_finding(room, r, &f);
    if (f.next) {
      PL_TEXT_LIT(room, "; next: ");
      pl_text_str(room, f.next);
    }
    any = true;
    if (!all)
      return true;
    PL_TEXT_LIT(room, "\n");
  }
  return any;
}

static void put_outcome(struct pl_text *text, struct pl_text *room, const struct pl_report *r, uint32_t index, const char *element)
{
  const struct pl_stepped *step = &r->steps.items[index];
  pl_text_format(text, "      <%s type=\"%s\" message=\"", element, pl_verdict_name(step->outcome));
  if (step->outcome == PL_VERDICT_UNFINISHED)
    pl_put_stopped(room, r);
  else if (!put_findings(room, r, index, false))
    pl_text_str(room, step->child != PL_NONE ? "a step in it did not pass" : "the journal says that this step failed");
  put_room(text, room);
  PL_TEXT_LIT(text, "\">");
  put_findings(room, r, index, true);
  put_measurements(room, r, step);
  put_room(text, room);
  pl_text_format(text, "</%s>\n", element);
}

static void put_case_name(struct pl_text *text, struct pl_text *room, const struct pl_report *r, uint32_t index)
{
  const struct pl_stepped *step = &r->steps.items[index];
  PL_TEXT_LIT(text, "    <testcase classname=\"");
  pl_text_str(room, pl_text_of(r, r->name));
  if (step->parent != PL_NONE) {
    PL_TEXT_LIT(room, ".");
    pl_put_path(room, r, step->parent, "/");
  }
  put_room(text, room);
  PL_TEXT_LIT(text, "\" name=\"");
  pl_text_str(room, pl_text_of(r, step->name));
  if (step->attempt > 1 || step->superseded)
    pl_text_format(room, " (attempt %u)", step->attempt);
  put_room(text, room);
  PL_TEXT_LIT(text, "\"");
  put_seconds(text, step->end - step->start);
}

static void put_case(struct pl_text *text, struct pl_text *room, const struct pl_report *r, uint32_t index)
{
  const struct pl_stepped *step = &r->steps.items[index];
  put_case_name(text, room, r, index);
  bool passed = step->outcome == PL_VERDICT_PASS;
  if (passed && step->measurement == PL_NONE) {
    PL_TEXT_LIT(text, "/>\n");
    return;
  }
  PL_TEXT_LIT(text, ">\n");
  if (step->superseded && !passed)
    PL_TEXT_LIT(text, "      <skipped message=\"a later attempt counts instead\"/>\n");
  else if (step->outcome == PL_VERDICT_SKIP)
    PL_TEXT_LIT(text, "      <skipped/>\n");
  else if (step->outcome == PL_VERDICT_FAIL)
    put_outcome(text, room, r, index, "failure");
  else if (!passed)
    put_outcome(text, room, r, index, "error");
  PL_TEXT_LIT(text, "      <system-out>");
  if (!passed)
    put_findings(room, r, index, true);
  put_measurements(room, r, step);
  put_room(text, room);
  PL_TEXT_LIT(text, "</system-out>\n    </testcase>\n");
}

struct counts {
  size_t tests, failures, errors, skipped;
  bool run_case; /* the run did not pass and no step says so: a case of its own, or a build would stay green */
};

static struct counts count(const struct pl_report *r)
{
  struct counts c = {.tests = r->steps.count};
  for (size_t i = 0; i < r->steps.count; i++) {
    const struct pl_stepped *step = &r->steps.items[i];
    if (step->outcome == PL_VERDICT_PASS)
      continue;
    if (step->superseded || step->outcome == PL_VERDICT_SKIP)
      c.skipped++;
    else if (step->outcome == PL_VERDICT_FAIL)
      c.failures++;
    else
      c.errors++;
  }
  c.run_case = !c.failures && !c.errors && r->verdict != PL_VERDICT_PASS && r->verdict != PL_VERDICT_SKIP;
  if (c.run_case) {
    c.tests++;
    c.failures += r->verdict == PL_VERDICT_FAIL;
    c.errors += r->verdict != PL_VERDICT_FAIL;
  }
  return c;
}

static void put_counts(struct pl_text *text, const struct counts *c, const struct pl_report *r)
{
  pl_text_format(text, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", c->tests, c->failures, c->errors, c->skipped);
  put_seconds(text, r->end - r->start);
}

static void put_run_case(struct pl_text *text, struct pl_text *room, const struct pl_report *r)
{
  const char *element = r->verdict == PL_VERDICT_FAIL ? "failure" : "error";
  struct pl_finding f;
  PL_TEXT_LIT(text, "    <testcase classname=\"");
  pl_text_xml(text, pl_text_of(r, r->name));
  pl_text_format(text, "\" name=\"the run\" time=\"0\">\n      <%s type=\"%s\" message=\"", element, pl_verdict_name(r->verdict));
  if (r->verdict == PL_VERDICT_UNFINISHED)
    pl_put_stopped(room, r);
  else if (pl_first_finding(r, &f))
    pl_put_finding(room, r, &f);
  else
    pl_text_format(room, "the journal says %s", pl_verdict_name(r->verdict));
  put_room(text, room);
  pl_text_format(text, "\"/>\n    </testcase>\n");
}

enum pl_status pl_report_junit(const struct pl_report *r, const char *path, struct pl_err *err)
{
  struct pl_out out;
  enum pl_status status = pl_out_open(&out, path, err);
  if (status)
    return status;
  struct pl_text room = {0}, *text = &out.text;
  struct counts c = count(r);
  char stamp[PL_STAMP_LEN];
  pl_stamp_write(r->start, stamp);
  PL_TEXT_LIT(text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
  put_counts(text, &c, r);
  PL_TEXT_LIT(text, ">\n  <testsuite");
  put_attribute(text, "name", pl_text_of(r, r->name));
  put_attribute(text, "hostname", pl_meta_of(r, "station"));
  pl_text_format(text, " timestamp=\"%.19s\"", stamp); /* Ant: UTC without a zone */
  put_counts(text, &c, r);
  PL_TEXT_LIT(text, ">\n");
  put_properties(text, r);
  for (uint32_t i = 0; i < r->steps.count; i++) {
    put_case(text, &room, r, i);
    pl_out_drain(&out);
  }
  if (c.run_case)
    put_run_case(text, &room, r);
  PL_TEXT_LIT(text, "  </testsuite>\n</testsuites>\n");
  pl_text_free(&room);
  return pl_out_close(&out, err);
}

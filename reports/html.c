/* SPDX-License-Identifier: Apache-2.0 */
/* The report as one self-contained page that needs no script: what it must answer first stands first. */
#include "reports/html.h"

#include "host/journal/stamp.h"
#include "reports/out.h"

#include <string.h>

const char *pl_html_class(enum pl_verdict verdict)
{
  static const char *const CLASSES[] = {[PL_VERDICT_PASS] = "pass", [PL_VERDICT_FAIL] = "fail", [PL_VERDICT_ERROR] = "warn", [PL_VERDICT_SKIP] = "skip",
                                        [PL_VERDICT_UNFINISHED] = "warn"};
  return CLASSES[verdict];
}

void pl_html_room(struct pl_text *text, struct pl_text *room)
{
  pl_text_char(room, '\0');
  if (!room->failed)
    pl_text_xml(text, room->bytes);
  room->len = 0;
}

void pl_html_moment(struct pl_text *text, const struct pl_report *r, int64_t at)
{
  pl_text_format(text, "+%.3f s", (double)(at - r->start) / 1e9);
}

static void put_fact(struct pl_text *text, const char *name, const char *value, const char *cls)
{
  if (!*value)
    return;
  pl_text_format(text, "<div%s><dt>", *cls ? " class=\"wide\"" : "");
  pl_text_xml(text, name);
  pl_text_format(text, "</dt><dd%s>", *cls ? " class=\"mono\"" : "");
  pl_text_xml(text, value);
  PL_TEXT_LIT(text, "</dd></div>");
}

static void put_row(struct pl_text *text, const char *name, const char *value)
{
  if (!value || !*value)
    return;
  pl_text_format(text, "<dt>%s</dt><dd>", name);
  pl_text_xml(text, value);
  PL_TEXT_LIT(text, "</dd>");
}

/* --- the verdict --- */

static void put_first_finding(struct pl_text *text, const struct pl_report *r, struct pl_text *room)
{
  struct pl_finding f;
  if (r->verdict == PL_VERDICT_PASS || !pl_first_finding(r, &f))
    return;
  PL_TEXT_LIT(text, "<div class=\"first\"><p>");
  pl_put_finding(room, r, &f);
  pl_html_room(text, room);
  PL_TEXT_LIT(text, "</p><dl class=\"who\">");
  if (f.hw) {
    pl_text_str(room, pl_text_of(r, f.hw->name));
    pl_text_format(room, "%s%s", f.hw->serial ? ", serial " : "", pl_text_of(r, f.hw->serial));
    PL_TEXT_LIT(text, "<dt>Part</dt><dd>");
    pl_html_room(text, room);
    PL_TEXT_LIT(text, "</dd>");
    put_row(text, "Slot", pl_text_of(r, f.hw->location));
  }
  put_row(text, "Next", f.next);
  if (f.step != PL_NONE) {
    PL_TEXT_LIT(text, "<dt>Step</dt><dd>");
    pl_put_path(room, r, f.step, " / ");
    pl_html_room(text, room);
    PL_TEXT_LIT(text, "</dd>");
  }
  PL_TEXT_LIT(text, "</dl></div>");
}

static void put_tally(struct pl_text *text, const struct pl_report *r)
{
  size_t all = r->n_pass + r->n_fail + r->n_unjudged;
  PL_TEXT_LIT(text, "<p>");
  if (r->n_fail)
    pl_text_format(text, "%zu of %zu measurements failed", r->n_fail, all);
  else
    pl_text_format(text, "%zu %s passed", r->n_pass, r->n_pass == 1 ? "measurement" : "measurements");
  if (r->n_retried)
    pl_text_format(text, ", %zu more in attempts that were repeated", r->n_retried);
  pl_text_format(text, " · %zu %s · ", r->steps.count, r->steps.count == 1 ? "step" : "steps");
  pl_put_duration(text, r->end - r->start);
  PL_TEXT_LIT(text, "</p>");
}

static void put_verdict(struct pl_text *text, const struct pl_report *r, struct pl_text *room)
{
  static const char *const WORDS[] = {[PL_VERDICT_PASS] = "PASS", [PL_VERDICT_FAIL] = "FAIL", [PL_VERDICT_ERROR] = "COULD NOT JUDGE",
                                      [PL_VERDICT_SKIP] = "SKIPPED", [PL_VERDICT_UNFINISHED] = "STOPPED"};
  const char *aborted = pl_report_aborted(r);
  pl_text_format(text, "<header class=\"verdict %s\"><h1><b>%s</b><span>", pl_html_class(r->verdict), aborted ? "ABORTED" : WORDS[r->verdict]);
  pl_text_xml(text, pl_text_of(r, r->name));
  if (r->dut) {
    PL_TEXT_LIT(text, " on ");
    pl_text_xml(text, pl_text_of(r, r->dut));
  }
  PL_TEXT_LIT(text, "</span></h1>");
  put_tally(text, r);
  if (aborted) {
    PL_TEXT_LIT(text, "<p class=\"loud\">");
    pl_text_xml(text, aborted);
    PL_TEXT_LIT(text, "</p>");
  }
  if (!r->ended) {
    PL_TEXT_LIT(text, "<p class=\"loud\">");
    pl_put_stopped(room, r);
    pl_html_room(text, room);
    PL_TEXT_LIT(text, "</p>");
  }
  if (r->limits_path) {
    PL_TEXT_LIT(text, "<p class=\"loud\">Judged again under ");
    pl_text_xml(text, pl_text_of(r, r->limits_path));
    pl_text_format(text, "; the run itself said %s.</p>", pl_verdict_name(r->said));
  } else if (r->ended && r->said != r->verdict) {
    pl_text_format(text, "<p class=\"loud\">The journal says %s, but a value in it lies outside its own limits.</p>", pl_verdict_name(r->said));
  }
  if (r->lost)
    pl_text_format(text, "<p class=\"loud\">%llu lines of the journal are missing.</p>", (unsigned long long)r->lost);
  put_first_finding(text, r, room);
  PL_TEXT_LIT(text, "</header>");
}

/* --- who, what, when --- */

static bool long_fact(const char *value)
{
  return strlen(value) > 36;
}

static void put_facts(struct pl_text *text, const struct pl_report *r)
{
  char stamp[PL_STAMP_LEN + 1] = "", when[40];
  pl_stamp_write(r->start, stamp);
  snprintf(when, sizeof when, "%.10s %.8s UTC", stamp, stamp + 11);
  PL_TEXT_LIT(text, "<section><h2>Run</h2><div class=\"card\"><dl class=\"facts\">");
  put_fact(text, "Unit under test", pl_text_of(r, r->dut), "");
  put_fact(text, "Started", when, "");
  put_fact(text, "Sequence", pl_text_of(r, r->name), "");
  put_fact(text, "Version", pl_text_of(r, r->version), "");
  for (size_t i = 0; i < r->software.count; i++)
    put_fact(text, pl_text_of(r, r->software.items[i].name), pl_text_of(r, r->software.items[i].version), "");
  for (int wide = 0; wide < 2; wide++) {
    for (size_t i = 0; i < r->parameters.count + r->metadata.count; i++) {
      const struct pl_pair *p = i < r->parameters.count ? &r->parameters.items[i] : &r->metadata.items[i - r->parameters.count];
      const char *value = pl_text_of(r, p->value);
      if (long_fact(value) == (bool)wide)
        put_fact(text, pl_text_of(r, p->name), value, wide ? "wide" : "");
    }
  }
  put_fact(text, "limits sha256", pl_text_of(r, r->limits_sha256), "wide");
  put_fact(text, "Command line", pl_text_of(r, r->command_line), "wide");
  PL_TEXT_LIT(text, "</dl>");
  if (r->unused_limits.count) {
    PL_TEXT_LIT(text, "<p class=\"note\">Limits without a measurement in this run: ");
    for (size_t i = 0; i < r->unused_limits.count; i++) {
      pl_text_str(text, i ? ", " : "");
      pl_text_xml(text, pl_text_of(r, r->unused_limits.items[i]));
    }
    PL_TEXT_LIT(text, "</p>");
  }
  PL_TEXT_LIT(text, "</div></section>");
}

/* --- drawings --- */

#define PLOTS_MAX 30

static void put_plots(struct pl_text *text, const struct pl_report *r, struct pl_text *room)
{
  size_t drawn = 0, points = 0;
  if (!r->series.count)
    return;
  PL_TEXT_LIT(text, "<section><h2>Over time</h2><div class=\"plots\">");
  for (size_t i = 0; i < r->series.count; i++) {
    const struct pl_series *s = &r->series.items[i];
    points += s->count;
    bool failed = r->steps.items[s->step].outcome == PL_VERDICT_FAIL;
    if (!s->count || drawn >= (failed ? 2 * PLOTS_MAX : PLOTS_MAX))
      continue;
    drawn++;
    PL_TEXT_LIT(text, "<figure class=\"card\"><figcaption><h3>");
    pl_text_xml(text, pl_text_of(r, s->name));
    if (s->unit) {
      PL_TEXT_LIT(text, ", ");
      pl_text_xml(text, pl_text_of(r, s->unit));
    }
    PL_TEXT_LIT(text, "</h3><small>");
    pl_put_path(room, r, s->step, " / ");
    const struct pl_hw *hw = pl_hw_of(r, s->hardware);
    pl_text_format(room, "%s%s", hw ? " · " : "", hw ? pl_text_of(r, hw->name) : "");
    pl_html_room(text, room);
    PL_TEXT_LIT(text, "</small></figcaption>");
    pl_svg_series(text, r, s);
    PL_TEXT_LIT(text, "</figure>");
  }
  PL_TEXT_LIT(text, "</div>");
  if (drawn < r->series.count)
    pl_text_format(text, "<p class=\"note\">%zu of %zu series are drawn (%zu points in all); the journal has them all.</p>", drawn, r->series.count, points);
  PL_TEXT_LIT(text, "</section>");
}

static void put_timeline(struct pl_text *text, const struct pl_report *r)
{
  if (!r->steps.count)
    return;
  PL_TEXT_LIT(text, "<section><h2>Timeline</h2><div class=\"card\">");
  pl_svg_timeline(text, r);
  PL_TEXT_LIT(text, "</div></section>");
}

static void put_top(struct pl_text *text, const struct pl_report *r)
{
  static const char *const ICONS[] = {[PL_VERDICT_PASS] = "2c7a57", [PL_VERDICT_FAIL] = "b23a30", [PL_VERDICT_ERROR] = "c58a00", [PL_VERDICT_SKIP] = "888",
                                      [PL_VERDICT_UNFINISHED] = "c58a00"};
  PL_TEXT_LIT(text, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>");
  pl_text_str(text, pl_verdict_name(r->verdict));
  PL_TEXT_LIT(text, " · ");
  pl_text_xml(text, pl_text_of(r, r->name));
  if (r->dut) {
    PL_TEXT_LIT(text, " · ");
    pl_text_xml(text, pl_text_of(r, r->dut));
  }
  pl_text_format(text, "</title><link rel=\"icon\" href=\"data:image/svg+xml,%%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%%3E"
                       "%%3Ccircle cx='8' cy='8' r='7' fill='%%23%s'/%%3E%%3C/svg%%3E\"><style>\n", ICONS[r->verdict]);
  pl_text_str(text, pl_html_style);
  PL_TEXT_LIT(text, "</style></head><body><main>\n");
}

enum pl_status pl_report_html(const struct pl_report *r, const char *path, struct pl_err *err)
{
  struct pl_out out;
  enum pl_status status = pl_out_open(&out, path, err);
  if (status)
    return status;
  struct pl_text *text = &out.text, room = {0};
  put_top(text, r);
  put_verdict(text, r, &room);
  put_facts(text, r);
  pl_html_findings(text, r);
  pl_html_steps(text, r);
  pl_html_measurements(text, r);
  put_plots(text, r, &room);
  put_timeline(text, r);
  pl_html_hardware(text, r);
  pl_html_notes(text, r);
  pl_html_files(text, r);
  PL_TEXT_LIT(text, "<footer>Derived from ");
  pl_text_xml(text, pl_text_of(r, r->path));
  pl_text_format(text, ", %llu lines of OCP Test &amp; Validation 2.0%s. Plumbline " PL_VERSION ".</footer></main></body></html>\n", (unsigned long long)r->lines,
                 r->torn ? " (the last line is torn)" : "");
  pl_text_free(&room);
  return pl_out_close(&out, err);
}

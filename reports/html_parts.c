/* SPDX-License-Identifier: Apache-2.0 */
/* The sections of the page: steps, measurements, findings, hardware, notes, files. */
#include "reports/html.h"

#include <math.h>
#include <string.h>

/* What a page of a very long run shows in full; what failed is always shown. */
#define STEPS_MAX 300
#define MEASUREMENTS_MAX 200
#define FINDINGS_MAX 200
#define NOTES_MAX 300

/* --- steps --- */

struct steps_cut {
  size_t shown, cut;
};

static void put_step_row(struct pl_text *text, const struct pl_report *r, const struct pl_stepped *step)
{
  const char *cls = pl_html_class(step->outcome), *kind = pl_text_of(r, step->kind);
  pl_text_format(text, "<span class=\"row%s\"><i class=\"dot %s\"></i><span class=\"name\">", step->superseded ? " quiet" : "", cls);
  pl_text_xml(text, pl_text_of(r, step->name));
  if (*kind && strcmp(kind, "step") != 0 && strcmp(kind, "attempt") != 0) {
    PL_TEXT_LIT(text, "<span class=\"chip\">");
    pl_text_xml(text, kind);
    PL_TEXT_LIT(text, "</span>");
  }
  if (step->attempt > 1 || step->superseded)
    pl_text_format(text, "<span class=\"chip\">attempt %u%s</span>", step->attempt, step->superseded ? ", repeated" : "");
  PL_TEXT_LIT(text, "</span><span class=\"time\">");
  pl_put_duration(text, step->end - step->start);
  pl_text_format(text, "</span><span class=\"out t-%s\">%s</span></span>", cls, step->state == PL_STATE_OPEN ? "NOT ENDED" : pl_verdict_name(step->outcome));
}

static void put_step_list(struct pl_text *text, const struct pl_report *r, uint32_t first, struct steps_cut *cut);

static void put_step(struct pl_text *text, const struct pl_report *r, const struct pl_stepped *step, struct steps_cut *cut)
{
  cut->shown++;
  PL_TEXT_LIT(text, "<li>");
  if (step->child == PL_NONE) {
    put_step_row(text, r, step);
  } else {
    pl_text_str(text, step->outcome == PL_VERDICT_PASS ? "<details><summary>" : "<details open><summary>");
    put_step_row(text, r, step);
    PL_TEXT_LIT(text, "</summary><ol>");
    put_step_list(text, r, step->child, cut);
    PL_TEXT_LIT(text, "</ol></details>");
  }
  PL_TEXT_LIT(text, "</li>");
}

static void put_step_list(struct pl_text *text, const struct pl_report *r, uint32_t first, struct steps_cut *cut)
{
  for (uint32_t i = first; i != PL_NONE; i = r->steps.items[i].sibling) {
    const struct pl_stepped *step = &r->steps.items[i];
    if (step->outcome == PL_VERDICT_PASS && cut->shown >= STEPS_MAX)
      cut->cut++;
    else
      put_step(text, r, step, cut);
  }
}

void pl_html_steps(struct pl_text *text, const struct pl_report *r)
{
  struct steps_cut cut = {0};
  if (!r->steps.count)
    return;
  pl_text_format(text, "<section><h2>Steps<small>%zu of %zu passed</small></h2><div class=\"card\"><ol class=\"steps\">", r->n_steps_pass, r->steps.count);
  put_step_list(text, r, r->first_top, &cut);
  PL_TEXT_LIT(text, "</ol>");
  if (cut.cut)
    pl_text_format(text, "<p class=\"note\">%zu more passing steps are not listed here; the journal and the JUnit file have all.</p>", cut.cut);
  PL_TEXT_LIT(text, "</div></section>\n");
}

/* --- measurements --- */

#define SUMMARY_MAX 40

struct summary { /* passing measurements that are not drawn, by name */
  pl_str name, unit;
  size_t count;
  double least, most;
  const struct pl_measured *one;
};

static void put_measured(struct pl_text *text, const struct pl_report *r, const struct pl_measured *m)
{
  const struct pl_hw *hw = pl_hw_of(r, m->hardware);
  const char *cls = m->verdict == PL_JUDGED_FAIL ? "fail" : m->verdict == PL_JUDGED_PASS ? "pass" : "skip";
  struct pl_text room = {0};
  pl_text_format(text, "<tr%s><td class=\"name\">", m->verdict == PL_JUDGED_FAIL ? " class=\"bad\"" : "");
  pl_text_xml(text, pl_text_of(r, m->name));
  if (hw || m->subcomponent) {
    pl_text_format(&room, "%s%s%s", hw ? pl_text_of(r, hw->name) : "", hw && m->subcomponent ? ", " : "", pl_text_of(r, m->subcomponent));
    PL_TEXT_LIT(text, "<small>");
    pl_html_room(text, &room);
    PL_TEXT_LIT(text, "</small>");
  }
  PL_TEXT_LIT(text, "</td><td class=\"bar\">");
  pl_svg_bullet(text, r, m);
  PL_TEXT_LIT(text, "</td><td class=\"num\">");
  pl_put_val(&room, r, &m->value, 6);
  if (m->unit && m->value.kind == PL_VAL_NUMBER)
    pl_text_format(&room, " %s", pl_text_of(r, m->unit));
  pl_html_room(text, &room);
  PL_TEXT_LIT(text, "</td><td class=\"lim\">");
  pl_put_limits(&room, r, m);
  pl_html_room(text, &room);
  pl_text_format(text, "</td><td class=\"out t-%s\">%s", cls, m->verdict ? pl_judged_name(m->verdict) : "–");
  if (m->rejudged && m->before && m->before != m->verdict)
    pl_text_format(text, "<small>was %s</small>", pl_judged_name(m->before));
  else if (!m->rejudged && m->own && m->told && m->own != m->told)
    pl_text_format(text, "<small>limits: %s<br>engine: %s</small>", pl_judged_name(m->own), pl_judged_name(m->told));
  PL_TEXT_LIT(text, "</td></tr>\n");
  pl_text_free(&room);
}

static void put_group(struct pl_text *text, const struct pl_report *r, uint32_t step)
{
  struct pl_text room = {0};
  PL_TEXT_LIT(text, "<tr class=\"group\"><th colspan=\"5\" scope=\"rowgroup\">");
  pl_put_path(&room, r, step, " / ");
  if (r->steps.items[step].attempt > 1 || r->steps.items[step].superseded)
    pl_text_format(&room, " (attempt %u)", r->steps.items[step].attempt);
  pl_html_room(text, &room);
  PL_TEXT_LIT(text, "</th></tr>");
  pl_text_free(&room);
}

static void add_summary(struct summary *rows, size_t *count, size_t *others, const struct pl_measured *m)
{
  size_t i = 0;
  while (i < *count && (rows[i].name != m->name || rows[i].unit != m->unit))
    i++;
  if (i == SUMMARY_MAX) {
    ++*others;
    return;
  }
  struct summary *row = &rows[i];
  double v = m->value.kind == PL_VAL_NUMBER ? m->value.number : NAN;
  if (i == *count) {
    *row = (struct summary){.name = m->name, .unit = m->unit, .least = v, .most = v, .one = m};
    ++*count;
  }
  row->count++;
  row->least = fmin(row->least, v);
  row->most = fmax(row->most, v);
}

static void put_summary(struct pl_text *text, const struct pl_report *r, const struct summary *rows, size_t count, size_t others)
{
  struct pl_text room = {0};
  size_t all = others;
  for (size_t i = 0; i < count; i++)
    all += rows[i].count;
  pl_text_format(text, "<p class=\"note\">%zu more passing measurements are not drawn; measurements.csv has all. In short:</p><div class=\"scroll\"><table><thead><tr>"
                       "<th scope=\"col\">Measurement</th><th scope=\"col\">Count</th><th scope=\"col\">Least</th><th scope=\"col\">Most</th><th scope=\"col\">Limits of the first</th></tr></thead><tbody>",
                 all);
  for (size_t i = 0; i < count; i++) {
    PL_TEXT_LIT(text, "<tr><td>");
    pl_text_xml(text, pl_text_of(r, rows[i].name));
    pl_text_format(text, "</td><td>%zu</td>", rows[i].count);
    for (int most = 0; most < 2; most++) {
      PL_TEXT_LIT(text, "<td>");
      if (isfinite(rows[i].least)) {
        pl_text_number(text, most ? rows[i].most : rows[i].least, 6);
        PL_TEXT_LIT(text, " ");
        pl_text_xml(text, pl_text_of(r, rows[i].unit));
      }
      PL_TEXT_LIT(text, "</td>");
    }
    PL_TEXT_LIT(text, "<td class=\"lim\">");
    pl_put_limits(&room, r, rows[i].one);
    pl_html_room(text, &room);
    PL_TEXT_LIT(text, "</td></tr>");
  }
  PL_TEXT_LIT(text, "</tbody></table></div>");
  if (others)
    pl_text_format(text, "<p class=\"note\">and %zu more under other names.</p>", others);
  pl_text_free(&room);
}

void pl_html_measurements(struct pl_text *text, const struct pl_report *r)
{
  if (!r->measurements.count)
    return;
  struct summary rows[SUMMARY_MAX];
  size_t n_rows = 0, others = 0, passing = 0;
  uint32_t step = PL_NONE;
  PL_TEXT_LIT(text, "<section><h2>Measurements<small>");
  pl_text_format(text, "%zu passed, %zu failed", r->n_pass, r->n_fail);
  if (r->n_unjudged)
    pl_text_format(text, ", %zu without limits", r->n_unjudged);
  PL_TEXT_LIT(text, "</small></h2><div class=\"card\"><table class=\"ms\"><thead><tr><th scope=\"col\">Measurement</th><th scope=\"col\">In its limits</th>"
                    "<th scope=\"col\" style=\"text-align:right\">Value</th><th scope=\"col\">Limits</th><th scope=\"col\" style=\"text-align:right\">Verdict</th></tr></thead><tbody>\n");
  for (size_t i = 0; i < r->measurements.count; i++) {
    const struct pl_measured *m = &r->measurements.items[i];
    if (m->verdict != PL_JUDGED_FAIL && ++passing > MEASUREMENTS_MAX) {
      add_summary(rows, &n_rows, &others, m);
      continue;
    }
    if (m->step != step)
      put_group(text, r, m->step);
    step = m->step;
    put_measured(text, r, m);
  }
  PL_TEXT_LIT(text, "</tbody></table>");
  if (n_rows)
    put_summary(text, r, rows, n_rows, others);
  PL_TEXT_LIT(text, "</div></section>\n");
}

/* --- findings --- */

static void put_finding(struct pl_text *text, const struct pl_report *r, const struct pl_finding *f, struct pl_text *room)
{
  const struct pl_diagnosed *d = f->diagnosis == PL_NONE ? NULL : &r->diagnoses.items[f->diagnosis];
  const struct pl_noted *n = f->note == PL_NONE ? NULL : &r->notes.items[f->note];
  bool again = f->step != PL_NONE && r->steps.items[f->step].superseded;
  pl_text_format(text, "<div class=\"finding%s%s\"><p>", n || (d && d->type == PL_UNJUDGED) ? " warn" : "", again ? " quiet" : "");
  pl_put_finding(room, r, f);
  pl_html_room(text, room);
  PL_TEXT_LIT(text, "</p>");
  if (f->next) {
    PL_TEXT_LIT(text, "<p>Next: ");
    pl_text_xml(text, f->next);
    PL_TEXT_LIT(text, "</p>");
  }
  if (f->hw) {
    pl_text_format(room, "%s%s%s%s%s", pl_text_of(r, f->hw->name), f->hw->location ? " · " : "", pl_text_of(r, f->hw->location), f->hw->serial ? " · serial " : "",
                   pl_text_of(r, f->hw->serial));
    PL_TEXT_LIT(text, "<p>");
    pl_html_room(text, room);
    PL_TEXT_LIT(text, "</p>");
  }
  PL_TEXT_LIT(text, "<p>");
  pl_put_path(room, r, f->step, " / ");
  if (again)
    pl_text_format(room, ", attempt %u, repeated", r->steps.items[f->step].attempt);
  pl_str label = d ? d->verdict : n ? n->label : 0, file = d ? d->file : n ? n->file : 0;
  if (label)
    pl_text_format(room, "%s%s", room->len ? " · " : "", pl_text_of(r, label));
  if (file)
    pl_text_format(room, " · %s:%u", pl_text_of(r, file), d ? d->line : n->line);
  pl_html_room(text, room);
  PL_TEXT_LIT(text, "</p></div>\n");
}

void pl_html_findings(struct pl_text *text, const struct pl_report *r)
{
  struct pl_finding f;
  struct pl_text room = {0};
  size_t count = 0;
  for (size_t at = 0; (at = pl_next_finding(r, at, &f));) {
    if (!count++)
      PL_TEXT_LIT(text, "<section><h2>Findings</h2><div class=\"card\">");
    if (count <= FINDINGS_MAX)
      put_finding(text, r, &f, &room);
  }
  if (count > FINDINGS_MAX)
    pl_text_format(text, "<p class=\"note\">and %zu more; the table of measurements shows each that failed.</p>", count - FINDINGS_MAX);
  if (count)
    PL_TEXT_LIT(text, "</div></section>\n");
  pl_text_free(&room);
}

/* --- hardware --- */

void pl_html_hardware(struct pl_text *text, const struct pl_report *r)
{
  if (!r->hardware.count)
    return;
  PL_TEXT_LIT(text, "<section><h2>Hardware</h2><div class=\"card scroll\"><table><thead><tr>");
  static const char *const HEADS[] = {"Part", "Location", "Serial", "Model", "Maker", "Revision", "Firmware"};
  for (size_t i = 0; i < sizeof HEADS / sizeof *HEADS; i++)
    pl_text_format(text, "<th scope=\"col\">%s</th>", HEADS[i]);
  PL_TEXT_LIT(text, "</tr></thead><tbody>\n");
  for (size_t i = 0; i < r->hardware.count; i++) {
    const struct pl_hw *hw = &r->hardware.items[i];
    const pl_str cells[] = {hw->name, hw->location, hw->serial, hw->model, hw->manufacturer, hw->revision, hw->firmware};
    PL_TEXT_LIT(text, "<tr>");
    for (size_t c = 0; c < sizeof cells / sizeof *cells; c++) {
      PL_TEXT_LIT(text, "<td>");
      pl_text_xml(text, pl_text_of(r, cells[c]));
      PL_TEXT_LIT(text, "</td>");
    }
    PL_TEXT_LIT(text, "</tr>\n");
  }
  PL_TEXT_LIT(text, "</tbody></table></div></section>\n");
}

/* --- log --- */

static void put_note(struct pl_text *text, const struct pl_report *r, const struct pl_noted *n, struct pl_text *room)
{
  const char *label = n->error ? "ERROR" : pl_text_of(r, n->label);
  bool loud = n->error || !strcmp(label, "ERROR") || !strcmp(label, "FATAL") || !strcmp(label, "WARNING");
  PL_TEXT_LIT(text, "<li><span>");
  pl_html_moment(text, r, n->at);
  pl_text_format(text, "</span><span%s>", loud ? " class=\"t-warn\"" : "");
  pl_text_xml(text, label);
  PL_TEXT_LIT(text, "</span><p>");
  if (n->error)
    pl_text_format(room, "%s%s", pl_text_of(r, n->label), n->message ? ": " : "");
  pl_text_str(room, pl_text_of(r, n->message));
  pl_html_room(text, room);
  PL_TEXT_LIT(text, "</p></li>\n");
}

void pl_html_notes(struct pl_text *text, const struct pl_report *r)
{
  if (!r->notes.count)
    return;
  struct pl_text room = {0};
  size_t quiet = 0, cut = 0;
  bool folded = r->notes.count > 25;
  pl_text_format(text, "<section><h2>Log<small>%zu %s</small></h2><div class=\"card\">%s<ul class=\"notes\">\n", r->notes.count, r->notes.count == 1 ? "line" : "lines",
                 folded ? "<details><summary><span class=\"row\"><span class=\"name\">Show the log</span></span></summary>" : "");
  for (size_t i = 0; i < r->notes.count; i++) {
    const struct pl_noted *n = &r->notes.items[i];
    bool debug = !n->error && (!strcmp(pl_text_of(r, n->label), "DEBUG") || !strcmp(pl_text_of(r, n->label), "INFO"));
    if (debug && ++quiet > NOTES_MAX)
      cut++;
    else
      put_note(text, r, n, &room);
  }
  pl_text_format(text, "</ul>%s", folded ? "</details>" : "");
  if (cut)
    pl_text_format(text, "<p class=\"note\">%zu more lines are in the journal.</p>", cut);
  PL_TEXT_LIT(text, "</div></section>\n");
  pl_text_free(&room);
}

/* --- attachments --- */

/* As a link from the journal's folder, where the report usually lies; a path is never taken for a scheme. */
static void put_href(struct pl_text *text, const struct pl_report *r, const char *path)
{
  const char *journal = pl_text_of(r, r->path), *slash = strrchr(journal, '/');
  size_t folder = slash ? (size_t)(slash - journal) + 1 : 0;
  bool uri = !strncmp(path, "file:///", 8);
  if (folder && !strncmp(path, journal, folder))
    path += folder;
  if (!uri && *path != '/')
    PL_TEXT_LIT(text, "./");
  struct pl_text room = {0};
  for (; *path; path++)
    if (!uri && strchr("%?# ", *path))
      pl_text_format(&room, "%%%02X", (unsigned char)*path);
    else
      pl_text_char(&room, *path);
  pl_html_room(text, &room);
  pl_text_free(&room);
}

static void put_extension(struct pl_text *text, const struct pl_report *r, const struct pl_extended *e)
{
  PL_TEXT_LIT(text, "<tr><td>");
  pl_text_xml(text, pl_text_of(r, e->name));
  PL_TEXT_LIT(text, "</td><td colspan=\"2\" class=\"mono\" style=\"overflow-wrap:anywhere\">");
  pl_text_xml(text, pl_text_of(r, e->content));
  PL_TEXT_LIT(text, "</td></tr>\n");
}

void pl_html_files(struct pl_text *text, const struct pl_report *r)
{
  if (!r->files.count && !r->extensions.count)
    return;
  PL_TEXT_LIT(text, "<section><h2>Attachments</h2><div class=\"card scroll\"><table><tbody>\n");
  for (size_t i = 0; i < r->files.count; i++) {
    const struct pl_attached *f = &r->files.items[i];
    PL_TEXT_LIT(text, "<tr><td><a href=\"");
    put_href(text, r, pl_text_of(r, f->path));
    PL_TEXT_LIT(text, "\">");
    pl_text_xml(text, pl_text_of(r, f->name));
    PL_TEXT_LIT(text, "</a></td><td>");
    pl_text_xml(text, pl_text_of(r, f->type));
    PL_TEXT_LIT(text, "</td><td>");
    pl_text_xml(text, pl_text_of(r, r->steps.items[f->step].name));
    PL_TEXT_LIT(text, "</td></tr>\n");
  }
  size_t shown = r->extensions.count < 100 ? r->extensions.count : 100;
  for (size_t i = 0; i < shown; i++)
    put_extension(text, r, &r->extensions.items[i]);
  PL_TEXT_LIT(text, "</tbody></table>");
  if (shown < r->extensions.count)
    pl_text_format(text, "<p class=\"note\">%zu more extensions are in the journal.</p>", r->extensions.count - shown);
  PL_TEXT_LIT(text, "</div></section>\n");
}

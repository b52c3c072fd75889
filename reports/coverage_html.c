/* SPDX-License-Identifier: Apache-2.0 */
/* The matrix of a coverage run as one self-contained page: the figures, what was missed, then every fault against every sequence. */
#include "reports/coverage.h"
#include "reports/html.h"
#include "reports/out.h"

#include <string.h>

static const char STYLE[] =
    "table.cov td.cell{text-align:center;padding:.3rem .5rem}table.cov th.seq{text-align:center;vertical-align:bottom;padding:.3rem .5rem}"
    "table.cov td.spec{overflow-wrap:anywhere;min-width:14rem}table.cov td.spec small,table.cov td.why small{display:block;color:var(--soft);font-size:.82rem}"
    "table.cov .dot{width:.85rem;height:.85rem;position:relative}table.cov .dot.crash{border-radius:2px}"
    "main.wide{max-width:84rem}ul.key{list-style:none;display:flex;flex-wrap:wrap;gap:.4rem 1.4rem;font-size:.88rem;color:var(--soft)}"
    "ul.key .dot{margin-right:.45rem}\n";

static const struct pl_coverage_cell *cell_of(const struct pl_coverage *c, size_t fault, size_t sequence)
{
  return &c->cells[fault * c->n_sequences + sequence];
}

static void put_top(struct pl_text *text, const struct pl_coverage *c, bool good)
{
  PL_TEXT_LIT(text, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                    "<title>Coverage · ");
  pl_text_xml(text, c->rig);
  pl_text_format(text, "</title><link rel=\"icon\" href=\"data:image/svg+xml,%%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%%3E"
                       "%%3Ccircle cx='8' cy='8' r='7' fill='%%23%s'/%%3E%%3C/svg%%3E\"><style>\n", good ? "2c7a57" : "b23a30");
  pl_text_str(text, pl_html_style);
  pl_text_str(text, STYLE);
  PL_TEXT_LIT(text, "</style></head><body><main class=\"wide\">\n");
}

static void put_verdict(struct pl_text *text, const struct pl_coverage *c, const struct pl_coverage_summary *sum, bool good)
{
  pl_text_format(text, "<header class=\"verdict %s\"><h1><b>%.1f %%</b><span>of %zu faults caught on ", good ? "pass" : "fail", 100 * sum->caught_ratio, sum->faults);
  pl_text_xml(text, c->rig);
  pl_text_format(text, "</span></h1><p>%zu of %zu caught name the broken part (%.1f %%; of single runs %.1f %%) · %zu false alarm%s in %zu healthy run%s</p></header>",
                 sum->blamed_right, sum->caught, 100 * sum->blame_ratio, 100 * sum->cell_blame_ratio, sum->false_alarms, sum->false_alarms == 1 ? "" : "s",
                 sum->healthy_runs, sum->healthy_runs == 1 ? "" : "s");
}

static void put_fact(struct pl_text *text, const char *name, const char *value, bool wide)
{
  if (!value || !*value)
    return;
  pl_text_format(text, "<div%s><dt>%s</dt><dd%s>", wide ? " class=\"wide\"" : "", name, wide ? " class=\"mono\"" : "");
  pl_text_xml(text, value);
  PL_TEXT_LIT(text, "</dd></div>");
}

static void put_facts(struct pl_text *text, const struct pl_coverage *c)
{
  char number[64];
  PL_TEXT_LIT(text, "<section><h2>Run</h2><div class=\"card\"><dl class=\"facts\">");
  put_fact(text, "Rig", c->rig, false);
  put_fact(text, "Faults planted", c->when, false);
  snprintf(number, sizeof number, "%llu", (unsigned long long)c->seed);
  put_fact(text, "Seed", number, false);
  snprintf(number, sizeof number, "%zu runs in %.1f s, %zu at a time", c->n_sequences * (c->n_faults + c->n_healthy), c->wall_s, c->jobs);
  put_fact(text, "Took", number, false);
  put_fact(text, "Command line", c->command_line, true);
  PL_TEXT_LIT(text, "</dl></div></section>");
}

static void put_sequences(struct pl_text *text, const struct pl_coverage *c)
{
  PL_TEXT_LIT(text, "<section><h2>Sequences</h2><div class=\"card scroll\"><table><thead><tr><th>Sequence</th>");
  for (int o = 0; o < PL_CELL_COUNT; o++)
    pl_text_format(text, "<th>%s</th>", pl_cell_word((enum pl_cell_outcome)o));
  PL_TEXT_LIT(text, "<th>false alarms</th></tr></thead><tbody>");
  for (size_t s = 0; s < c->n_sequences; s++) {
    PL_TEXT_LIT(text, "<tr><td>");
    pl_text_xml(text, c->sequences[s]);
    PL_TEXT_LIT(text, "</td>");
    for (int o = 0; o < PL_CELL_COUNT; o++)
      pl_text_format(text, "<td>%zu</td>", pl_coverage_count(c, s, (enum pl_cell_outcome)o));
    pl_text_format(text, "<td>%zu</td></tr>", c->alarmed[s]);
  }
  PL_TEXT_LIT(text, "</tbody></table></div></section>");
}

static void put_dot(struct pl_text *text, const struct pl_coverage_cell *cell)
{
  pl_text_format(text, "<span class=\"dot %s%s\" title=\"%s", pl_cell_class(cell->outcome), cell->outcome == PL_CELL_CRASHED ? " crash" : "", pl_cell_word(cell->outcome));
  if (*cell->message) {
    PL_TEXT_LIT(text, ": ");
    pl_text_xml(text, cell->message);
  }
  pl_text_format(text, "\" role=\"img\" aria-label=\"%s\"></span>", pl_cell_word(cell->outcome));
}

static void put_row(struct pl_text *text, const struct pl_coverage *c, size_t f)
{
  size_t by = 0;
  const struct pl_coverage_fault *fault = &c->faults[f];
  enum pl_cell_outcome best = pl_coverage_best(c, f, &by);
  const struct pl_coverage_cell *cell = cell_of(c, f, by);
  PL_TEXT_LIT(text, "<tr><td class=\"spec\"><code>");
  pl_text_xml(text, fault->spec);
  PL_TEXT_LIT(text, "</code>");
  if (fault->about) {
    PL_TEXT_LIT(text, "<small>");
    pl_text_xml(text, fault->about);
    PL_TEXT_LIT(text, "</small>");
  }
  PL_TEXT_LIT(text, "</td>");
  for (size_t s = 0; s < c->n_sequences; s++) {
    PL_TEXT_LIT(text, "<td class=\"cell\">");
    put_dot(text, cell_of(c, f, s));
    PL_TEXT_LIT(text, "</td>");
  }
  pl_text_format(text, "<td class=\"why\"><b class=\"t-%s\">%s</b>", pl_cell_class(best), pl_cell_word(best));
  if (*cell->message) {
    PL_TEXT_LIT(text, "<small>");
    pl_text_xml(text, c->sequences[by]);
    PL_TEXT_LIT(text, ": ");
    pl_text_xml(text, cell->message);
    PL_TEXT_LIT(text, "</small>");
  }
  PL_TEXT_LIT(text, "</td></tr>");
}

static void put_head(struct pl_text *text, const struct pl_coverage *c)
{
  PL_TEXT_LIT(text, "<div class=\"card scroll\"><table class=\"cov\"><thead><tr><th>Fault</th>");
  for (size_t s = 0; s < c->n_sequences; s++) {
    PL_TEXT_LIT(text, "<th class=\"seq\">");
    pl_text_xml(text, c->sequences[s]);
    PL_TEXT_LIT(text, "</th>");
  }
  PL_TEXT_LIT(text, "<th>First finding</th></tr></thead><tbody>");
}

static void put_missed(struct pl_text *text, const struct pl_coverage *c, const struct pl_coverage_summary *sum)
{
  if (sum->blamed_right == sum->faults)
    return;
  PL_TEXT_LIT(text, "<section><h2>To mend</h2>");
  put_head(text, c);
  for (size_t f = 0; f < c->n_faults; f++)
    if (pl_coverage_best(c, f, NULL) != PL_CELL_CAUGHT)
      put_row(text, c, f);
  PL_TEXT_LIT(text, "</tbody></table></div></section>");
}

static bool first_of_kind(const struct pl_coverage *c, size_t fault)
{
  for (size_t f = 0; f < fault; f++)
    if (!strcmp(c->faults[f].kind, c->faults[fault].kind))
      return false;
  return true;
}

static void put_matrix(struct pl_text *text, const struct pl_coverage *c)
{
  PL_TEXT_LIT(text, "<section><h2>All faults</h2><ul class=\"key\">");
  for (int o = 0; o < PL_CELL_COUNT; o++)
    pl_text_format(text, "<li><span class=\"dot %s\"></span>%s: %s</li>", pl_cell_class((enum pl_cell_outcome)o), pl_cell_word((enum pl_cell_outcome)o),
                   pl_cell_about((enum pl_cell_outcome)o));
  PL_TEXT_LIT(text, "</ul>");
  put_head(text, c);
  for (size_t first = 0; first < c->n_faults; first++) {
    if (!first_of_kind(c, first))
      continue;
    pl_text_format(text, "<tr class=\"group\"><th colspan=\"%zu\">", c->n_sequences + 2);
    pl_text_xml(text, *c->faults[first].kind ? c->faults[first].kind : "faults");
    PL_TEXT_LIT(text, "</th></tr>");
    for (size_t f = first; f < c->n_faults; f++)
      if (!strcmp(c->faults[f].kind, c->faults[first].kind))
        put_row(text, c, f);
  }
  PL_TEXT_LIT(text, "</tbody></table></div></section>");
}

static void put_alarms(struct pl_text *text, const struct pl_coverage *c, const struct pl_coverage_summary *sum)
{
  if (!sum->false_alarms)
    return;
  pl_text_format(text, "<section><h2>False alarms <small>%zu of %zu healthy runs</small></h2><div class=\"card\">", sum->false_alarms, sum->healthy_runs);
  for (size_t i = 0; i < c->n_alarms; i++) {
    PL_TEXT_LIT(text, "<div class=\"finding\"><p>");
    pl_text_xml(text, c->alarms[i].message);
    PL_TEXT_LIT(text, "</p><p>");
    pl_text_xml(text, c->sequences[c->alarms[i].sequence]);
    pl_text_format(text, ", seed %llu</p></div>", (unsigned long long)c->alarms[i].seed);
  }
  PL_TEXT_LIT(text, "</div></section>");
}

enum pl_status pl_coverage_html(const struct pl_coverage *c, const char *path, struct pl_err *err)
{
  struct pl_out out;
  struct pl_coverage_summary sum;
  enum pl_status status = pl_out_open(&out, path, err);
  if (status)
    return status;
  pl_coverage_sum(c, &sum);
  bool good = sum.caught == sum.faults && !sum.false_alarms;
  put_top(&out.text, c, good);
  put_verdict(&out.text, c, &sum, good);
  put_facts(&out.text, c);
  put_alarms(&out.text, c, &sum);
  put_sequences(&out.text, c);
  put_missed(&out.text, c, &sum);
  if (c->n_faults)
    put_matrix(&out.text, c);
  PL_TEXT_LIT(&out.text, "<footer>Plumbline " PL_VERSION ".</footer></main></body></html>\n");
  return pl_out_close(&out, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/html.h"

#include <math.h>
#include <string.h>

/* --- a value against its limits --- */

/* What the bullet spans: the interval and the value, with air on both sides; a one-sided limit starts at zero where that makes sense. */
static void bullet_range(double v, double low, double high, double *from, double *to)
{
  double a = isfinite(low) ? fmin(low, v) : high >= 0 && v >= 0 ? 0 : fmin(v, high);
  double b = isfinite(high) ? fmax(high, v) : fmax(v, low);
  double air = (b - a) * 0.18;
  if (air <= 0)
    air = fabs(v) > 0 ? fabs(v) * 0.2 : 1;
  *from = !isfinite(low) && a == 0 ? 0 : a - air;
  *to = b + air;
}

void pl_svg_bullet(struct pl_text *text, const struct pl_report *r, const struct pl_measured *m)
{
  double low, high, from, to;
  if (m->value.kind != PL_VAL_NUMBER || !pl_interval(r, m->limit, m->n_limits, &low, &high))
    return;
  double v = m->value.number;
  bullet_range(v, low, high, &from, &to);
  double left = isfinite(low) ? pl_axis_share(low, from, to) : 0, right = isfinite(high) ? pl_axis_share(high, from, to) : 100, at = pl_axis_share(v, from, to);
  PL_TEXT_LIT(text, "<svg class=\"bullet\" role=\"img\"><title>");
  struct pl_text room = {0};
  pl_put_val(&room, r, &m->value, 6);
  pl_text_format(&room, " %s, %s", pl_text_of(r, m->unit), m->n_limits ? "limits " : "");
  pl_put_limits(&room, r, m);
  pl_html_room(text, &room);
  pl_text_free(&room);
  PL_TEXT_LIT(text, "</title><rect class=\"track\" y=\"7\" width=\"100%\" height=\"6\" rx=\"3\"/><rect class=\"band\" y=\"7\" height=\"6\"");
  pl_svg_percent(text, "x", left);
  pl_svg_percent(text, "width", fmax(right - left, 0.5));
  PL_TEXT_LIT(text, "/>");
  for (int side = 0; side < 2; side++)
    if (isfinite(side ? high : low)) {
      PL_TEXT_LIT(text, "<line class=\"edge\" y1=\"4\" y2=\"16\"");
      pl_svg_percent(text, "x1", side ? right : left);
      pl_svg_percent(text, "x2", side ? right : left);
      PL_TEXT_LIT(text, "/>");
    }
  pl_text_format(text, "<circle class=\"%s\" cy=\"10\" r=\"5.5\"", m->verdict == PL_JUDGED_FAIL ? "fail" : "pass");
  pl_svg_percent(text, "cx", at < 2 ? 2 : at > 98 ? 98 : at);
  PL_TEXT_LIT(text, "/></svg>");
}

/* --- series --- */

/* Of the series itself, or of the measurement of the same name in its step. */
static void find_series_limits(const struct pl_report *r, const struct pl_series *s, struct pl_chart *chart)
{
  if (pl_interval(r, s->limit, s->n_limits, &chart->low, &chart->high))
    return;
  for (uint32_t i = r->steps.items[s->step].measurement; i != PL_NONE; i = r->measurements.items[i].next) {
    const struct pl_measured *m = &r->measurements.items[i];
    if (m->name == s->name && m->unit == s->unit && pl_interval(r, m->limit, m->n_limits, &chart->low, &chart->high))
      return;
  }
}

void pl_svg_series(struct pl_text *text, const struct pl_report *r, const struct pl_series *s)
{
  struct pl_chart chart = {.name = pl_text_of(r, s->name), .unit = pl_text_of(r, s->unit), .points = s->points, .count = s->count, .zero = r->start};
  find_series_limits(r, s, &chart);
  pl_chart_svg(text, &chart);
}

/* --- the steps in time --- */

#define LANES 60
#define LANES_FAILED 120
#define LANE_H 30

static bool has_lane(const struct pl_stepped *step, int lanes)
{
  return step->depth <= 2 && (lanes < LANES || (step->outcome == PL_VERDICT_FAIL && lanes < LANES_FAILED));
}

static void put_lane(struct pl_text *text, const struct pl_report *r, const struct pl_stepped *step, int y)
{
  double from = pl_axis_share((double)(step->start - r->start), 0, (double)(r->end - r->start));
  double to = pl_axis_share((double)(step->end - r->start), 0, (double)(r->end - r->start));
  double width = fmax(to - from, 0.5);
  const char *name = pl_text_of(r, step->name);
  size_t len = strlen(name), shown = 0;
  for (int columns = 0; shown < len && columns < 38; columns++)
    shown += pl_utf8_length(name + shown, len - shown) ? pl_utf8_length(name + shown, len - shown) : 1;
  struct pl_text room = {0};
  pl_text_put(&room, name, shown);
  pl_text_str(&room, shown < len ? "…" : "");
  pl_text_format(text, "<g><text x=\"%u\" y=\"%d\"%s>", step->depth * 12, y + 12, step->superseded ? " class=\"quiet\"" : "");
  pl_html_room(text, &room);
  pl_text_free(&room);
  if (step->attempt > 1 || step->superseded)
    pl_text_format(text, " · attempt %u", step->attempt);
  pl_text_format(text, "</text><text class=\"tick\" x=\"100%%\" text-anchor=\"end\" y=\"%d\">", y + 12);
  pl_put_duration(text, step->end - step->start);
  pl_text_format(text, "</text><rect class=\"track\" y=\"%d\" width=\"100%%\" height=\"5\" rx=\"2.5\"/><rect class=\"%s%s\" y=\"%d\" height=\"5\" rx=\"2.5\"", y + 18,
                 pl_html_class(step->outcome), step->superseded ? " quiet" : "", y + 18);
  pl_svg_percent(text, "x", from > 99.5 ? 99.5 : from);
  pl_svg_percent(text, "width", width);
  PL_TEXT_LIT(text, "/></g>");
}

void pl_svg_timeline(struct pl_text *text, const struct pl_report *r)
{
  int lanes = 0;
  for (size_t i = 0; i < r->steps.count; i++)
    lanes += has_lane(&r->steps.items[i], lanes);
  int height = lanes * LANE_H + 4;
  pl_text_format(text, "<svg class=\"timeline\" role=\"img\" height=\"%d\"><title>The steps in time, %d of %zu, over ", height + 20, lanes, r->steps.count);
  pl_put_duration(text, r->end - r->start);
  PL_TEXT_LIT(text, "</title>");
  pl_svg_time_axis(text, 0, r->end - r->start, 0, height);
  int lane = 0;
  for (size_t i = 0; i < r->steps.count; i++)
    if (has_lane(&r->steps.items[i], lane))
      put_lane(text, r, &r->steps.items[i], lane++ * LANE_H);
  PL_TEXT_LIT(text, "</svg>");
  if ((size_t)lanes < r->steps.count)
    pl_text_format(text, "<p class=\"note\">%d of %zu steps are drawn: the first, and those that failed.</p>", lanes, r->steps.count);
}

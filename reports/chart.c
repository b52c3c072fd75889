/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/chart.h"

#include <math.h>
#include <string.h>

/* --- axes --- */

double pl_axis_share(double v, double from, double to)
{
  double percent = to > from ? (v - from) / (to - from) * 100 : 50;
  return percent < 0 ? 0 : percent > 100 ? 100 : percent;
}

double pl_axis_step(double span, int most)
{
  double raw = span / most, unit = pow(10, floor(log10(raw)));
  for (double factor = 1; factor < 10; factor = factor == 1 ? 2 : factor == 2 ? 5 : 10)
    if (unit * factor >= raw)
      return unit * factor;
  return unit * 10;
}

double pl_axis_time_step(double seconds, int most)
{
  static const double STEPS[] = {60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};
  if (seconds / most <= 30)
    return pl_axis_step(seconds, most);
  for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++)
    if (seconds / STEPS[i] <= most)
      return STEPS[i];
  return 86400 * pl_axis_step(seconds / 86400, most);
}

void pl_axis_range(double least, double most, double *from, double *to)
{
  double air = (most - least) * 0.12;
  if (air <= 0)
    air = fabs(most) > 0 ? fabs(most) * 0.1 : 1;
  bool at_zero = least >= 0 && least - air < 0; /* a flow does not go below zero */
  *from = at_zero ? 0 : least - air;
  *to = most + air;
}

bool pl_chart_measure(const struct pl_point *points, size_t count, struct pl_chart_facts *facts)
{
  *facts = (struct pl_chart_facts){.start = count ? points[0].at : 0, .end = count ? points[0].at : 0, .least = INFINITY, .most = -INFINITY, .last = NAN};
  for (size_t i = 0; i < count; i++) {
    facts->start = points[i].at < facts->start ? points[i].at : facts->start;
    facts->end = points[i].at > facts->end ? points[i].at : facts->end;
    if (!isfinite(points[i].value))
      continue;
    facts->least = fmin(facts->least, points[i].value);
    facts->most = fmax(facts->most, points[i].value);
    facts->last = points[i].value;
    facts->valid++;
  }
  return facts->valid > 0;
}

/* --- SVG --- */

void pl_svg_percent(struct pl_text *text, const char *name, double percent)
{
  pl_text_format(text, " %s=\"", name);
  pl_text_number(text, percent, 5);
  PL_TEXT_LIT(text, "%\"");
}

void pl_svg_time_axis(struct pl_text *text, int64_t start, int64_t end, int top, int height)
{
  double from = (double)start / 1e9, to = (double)end / 1e9;
  if (to - from < 1e-6)
    return;
  double step = pl_axis_time_step(to - from, 5);
  int n = 0;
  for (double t = ceil(from / step - 1e-9) * step; t <= to + step * 1e-6 && n < 12; t += step, n++) {
    double at = pl_axis_share(t, from, to);
    PL_TEXT_LIT(text, "<line class=\"grid\"");
    pl_svg_percent(text, "x1", at);
    pl_svg_percent(text, "x2", at);
    pl_text_format(text, " y1=\"%d\" y2=\"%d\"/><text class=\"tick\" y=\"%d\"", top, height, height + 14);
    pl_svg_percent(text, "x", at);
    pl_text_str(text, at < 3 ? ">" : at > 94 ? " text-anchor=\"end\">" : " text-anchor=\"middle\">");
    pl_put_duration(text, (int64_t)llround(t * 1e9));
    PL_TEXT_LIT(text, "</text>");
  }
}

#define PLOT_H (PL_CHART_HEIGHT - 20)
#define PLOT_TOP 8
#define BUCKETS 400 /* two points each: more than a screen's columns would only make the file large */

struct plot {
  struct pl_chart_facts facts;
  double from, to; /* of the drawn values */
};

static double height_of(const struct plot *p, double v)
{
  return PLOT_TOP + (PLOT_H - PLOT_TOP) * (1 - pl_axis_share(v, p->from, p->to) / 100);
}

/* The grid lies below the line, its labels above. */
static void put_value_axis(struct pl_text *text, const struct plot *p, const char *unit, bool labels)
{
  double step = pl_axis_step(p->to - p->from, 4);
  int n = 0;
  for (double v = ceil(p->from / step - 1e-9) * step; v <= p->to + step * 1e-6 && n < 8; v += step, n++) {
    double shown = fabs(v) < step * 1e-6 ? 0 : v, y = height_of(p, v);
    if (!labels)
      pl_text_format(text, "<line class=\"grid\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>", y, y);
    if (!labels || y < PLOT_TOP + 6)
      continue;
    pl_text_format(text, "<text class=\"tick\" x=\"2\" y=\"%.1f\">", y - 3);
    pl_text_number(text, shown, 6);
    PL_TEXT_LIT(text, " ");
    pl_text_xml(text, unit);
    PL_TEXT_LIT(text, "</text>");
  }
}

static void put_limit_line(struct pl_text *text, const struct plot *p, double at, const char *name, const char *unit)
{
  if (!isfinite(at))
    return;
  double y = height_of(p, at);
  bool above = !strcmp(name, "max") ? y >= PLOT_TOP + 12 : y > PLOT_H - 12;
  pl_text_format(text, "<line class=\"limit\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/><text class=\"limit\" x=\"100%%\" text-anchor=\"end\" y=\"%.1f\">%s ", y, y,
                 above ? y - 4 : y + 12, name);
  pl_text_number(text, at, 6);
  PL_TEXT_LIT(text, " ");
  pl_text_xml(text, unit);
  PL_TEXT_LIT(text, "</text>");
}

static void put_point(struct pl_text *text, const struct plot *p, const struct pl_point *point)
{
  const struct pl_chart_facts *f = &p->facts;
  double x = f->end > f->start ? (double)(point->at - f->start) / (double)(f->end - f->start) * 1000 : 500;
  pl_text_number(text, x, 5);
  PL_TEXT_LIT(text, ",");
  pl_text_number(text, height_of(p, point->value), 4);
  PL_TEXT_LIT(text, " ");
}

/* The least and the most of each bucket, in their order: no peak is lost. */
static void put_line(struct pl_text *text, const struct plot *p, const struct pl_point *points, size_t count, size_t per)
{
  PL_TEXT_LIT(text, "<polyline class=\"line\" points=\"");
  for (size_t i = 0; i < count; i += per) {
    size_t end = i + per < count ? i + per : count, least = i, most = i;
    for (size_t k = i; k < end; k++) {
      least = points[k].value < points[least].value ? k : least;
      most = points[k].value > points[most].value ? k : most;
    }
    size_t a = least < most ? least : most, b = least < most ? most : least;
    put_point(text, p, &points[a]);
    if (b != a)
      put_point(text, p, &points[b]);
  }
  PL_TEXT_LIT(text, "\"/>");
}

/* A line for each stretch of valid points. */
static void put_lines(struct pl_text *text, const struct plot *p, const struct pl_chart *chart)
{
  size_t per = chart->count > 2 * BUCKETS ? (chart->count + BUCKETS - 1) / BUCKETS : 1;
  for (size_t i = 0; i < chart->count;) {
    size_t end = i;
    while (end < chart->count && isfinite(chart->points[end].value))
      end++;
    if (end > i)
      put_line(text, p, chart->points + i, end - i, per);
    i = end + 1;
  }
}

void pl_chart_svg(struct pl_text *text, const struct pl_chart *chart)
{
  struct plot p;
  if (!pl_chart_measure(chart->points, chart->count, &p.facts))
    return;
  const struct pl_chart_facts *f = &p.facts;
  pl_axis_range(isfinite(chart->low) ? fmin(f->least, chart->low) : f->least, isfinite(chart->high) ? fmax(f->most, chart->high) : f->most, &p.from, &p.to);
  PL_TEXT_LIT(text, "<svg class=\"plot\" role=\"img\"><title>");
  pl_text_xml(text, chart->name);
  pl_text_format(text, ": %zu points, least %.6g, most %.6g, last %.6g ", chart->count, f->least, f->most, f->last);
  pl_text_xml(text, chart->unit);
  PL_TEXT_LIT(text, "</title>");
  pl_svg_time_axis(text, f->start - chart->zero, f->end - chart->zero, PLOT_TOP, PLOT_H);
  put_value_axis(text, &p, chart->unit, false);
  pl_text_format(text, "<svg width=\"100%%\" height=\"%d\" viewBox=\"0 0 1000 %d\" preserveAspectRatio=\"none\">", PLOT_H, PLOT_H);
  put_lines(text, &p, chart);
  PL_TEXT_LIT(text, "</svg>");
  put_limit_line(text, &p, chart->high, "max", chart->unit);
  put_limit_line(text, &p, chart->low, "min", chart->unit);
  put_value_axis(text, &p, chart->unit, true);
  PL_TEXT_LIT(text, "</svg>");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/html.h"

#include <math.h>
#include <string.h>

static void put_percent(struct pl_text *text, const char *name, double percent)
{
  pl_text_format(text, " %s=\"", name);
  pl_text_number(text, percent, 5);
  PL_TEXT_LIT(text, "%\"");
}

static double share(double v, double from, double to)
{
  double percent = to > from ? (v - from) / (to - from) * 100 : 50;
  return percent < 0 ? 0 : percent > 100 ? 100 : percent;
}

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
  double left = isfinite(low) ? share(low, from, to) : 0, right = isfinite(high) ? share(high, from, to) : 100, at = share(v, from, to);
  PL_TEXT_LIT(text, "<svg class=\"bullet\" role=\"img\"><title>");
  struct pl_text room = {0};
  pl_put_val(&room, r, &m->value, 6);
  pl_text_format(&room, " %s, %s", pl_text_of(r, m->unit), m->n_limits ? "limits " : "");
  pl_put_limits(&room, r, m);
  pl_html_room(text, &room);
  pl_text_free(&room);
  PL_TEXT_LIT(text, "</title><rect class=\"track\" y=\"7\" width=\"100%\" height=\"6\" rx=\"3\"/><rect class=\"band\" y=\"7\" height=\"6\"");
  put_percent(text, "x", left);
  put_percent(text, "width", fmax(right - left, 0.5));
  PL_TEXT_LIT(text, "/>");
  for (int side = 0; side < 2; side++)
    if (isfinite(side ? high : low)) {
      PL_TEXT_LIT(text, "<line class=\"edge\" y1=\"4\" y2=\"16\"");
      put_percent(text, "x1", side ? right : left);
      put_percent(text, "x2", side ? right : left);
      PL_TEXT_LIT(text, "/>");
    }
  pl_text_format(text, "<circle class=\"%s\" cy=\"10\" r=\"5.5\"", m->verdict == PL_JUDGED_FAIL ? "fail" : "pass");
  put_percent(text, "cx", at < 2 ? 2 : at > 98 ? 98 : at);
  PL_TEXT_LIT(text, "/></svg>");
}

/* --- axes --- */

/* A step of 1, 2 or 5 times a power of ten that divides the span into at most `most` parts. */
static double nice_step(double span, int most)
{
  double raw = span / most, unit = pow(10, floor(log10(raw)));
  for (double factor = 1; factor < 10; factor = factor == 1 ? 2 : factor == 2 ? 5 : 10)
    if (unit * factor >= raw)
      return unit * factor;
  return unit * 10;
}

/* Seconds between the ticks of a time axis: what a clock would show. */
static double time_step(double seconds, int most)
{
  static const double STEPS[] = {60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};
  if (seconds / most <= 30)
    return nice_step(seconds, most);
  for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++)
    if (seconds / STEPS[i] <= most)
      return STEPS[i];
  return 86400 * nice_step(seconds / 86400, most);
}

/* Vertical grid and its labels below `height`, from `start` to `end` (nanoseconds since the run began). */
static void put_time_axis(struct pl_text *text, int64_t start, int64_t end, int top, int height)
{
  double from = (double)start / 1e9, to = (double)end / 1e9;
  if (to - from < 1e-6)
    return;
  double step = time_step(to - from, 5);
  int n = 0;
  for (double t = ceil(from / step - 1e-9) * step; t <= to + step * 1e-6 && n < 12; t += step, n++) {
    double at = share(t, from, to);
    PL_TEXT_LIT(text, "<line class=\"grid\"");
    put_percent(text, "x1", at);
    put_percent(text, "x2", at);
    pl_text_format(text, " y1=\"%d\" y2=\"%d\"/><text class=\"tick\" y=\"%d\"", top, height, height + 14);
    put_percent(text, "x", at);
    pl_text_str(text, at < 3 ? ">" : at > 94 ? " text-anchor=\"end\">" : " text-anchor=\"middle\">");
    pl_put_duration(text, (int64_t)llround(t * 1e9));
    PL_TEXT_LIT(text, "</text>");
  }
}

/* --- series --- */

#define PLOT_H 150
#define PLOT_TOP 8
#define BUCKETS 400 /* two points each: more than a screen's columns would only make the file large */

struct plot {
  int64_t start, end;    /* of the points */
  double from, to;       /* of the drawn values */
  double least, most, last;
  double low, high;      /* limits, or infinite */
};

/* Of the series itself, or of the measurement of the same name in its step. */
static void find_series_limits(const struct pl_report *r, const struct pl_series *s, struct plot *p)
{
  if (pl_interval(r, s->limit, s->n_limits, &p->low, &p->high))
    return;
  for (uint32_t i = r->steps.items[s->step].measurement; i != PL_NONE; i = r->measurements.items[i].next) {
    const struct pl_measured *m = &r->measurements.items[i];
    if (m->name == s->name && m->unit == s->unit && pl_interval(r, m->limit, m->n_limits, &p->low, &p->high))
      return;
  }
}

static struct plot measure_plot(const struct pl_report *r, const struct pl_series *s)
{
  struct plot p = {.start = s->points[0].at, .end = s->points[0].at, .least = s->points[0].value, .most = s->points[0].value};
  for (size_t i = 0; i < s->count; i++) {
    const struct pl_point *point = &s->points[i];
    p.start = point->at < p.start ? point->at : p.start;
    p.end = point->at > p.end ? point->at : p.end;
    p.least = fmin(p.least, point->value);
    p.most = fmax(p.most, point->value);
  }
  p.last = s->points[s->count - 1].value;
  find_series_limits(r, s, &p);
  p.from = isfinite(p.low) ? fmin(p.least, p.low) : p.least;
  p.to = isfinite(p.high) ? fmax(p.most, p.high) : p.most;
  double air = (p.to - p.from) * 0.12;
  if (air <= 0)
    air = fabs(p.to) > 0 ? fabs(p.to) * 0.1 : 1;
  bool at_zero = p.from >= 0 && p.from - air < 0; /* a flow does not go below zero */
  p.from = at_zero ? 0 : p.from - air;
  p.to += air;
  return p;
}

static double height_of(const struct plot *p, double v)
{
  return PLOT_TOP + (PLOT_H - PLOT_TOP) * (1 - share(v, p->from, p->to) / 100);
}

/* The grid lies below the line, its labels above. */
static void put_value_axis(struct pl_text *text, const struct plot *p, const char *unit, bool labels)
{
  double step = nice_step(p->to - p->from, 4);
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

static void put_point(struct pl_text *text, const struct plot *p, int64_t at, double v)
{
  double x = p->end > p->start ? (double)(at - p->start) / (double)(p->end - p->start) * 1000 : 500;
  pl_text_number(text, x, 5);
  PL_TEXT_LIT(text, ",");
  pl_text_number(text, height_of(p, v), 4);
  PL_TEXT_LIT(text, " ");
}

/* The least and the most of each bucket, in their order: no peak is lost. */
static void put_line(struct pl_text *text, const struct pl_series *s, const struct plot *p)
{
  size_t per = s->count > 2 * BUCKETS ? (s->count + BUCKETS - 1) / BUCKETS : 1;
  for (size_t i = 0; i < s->count; i += per) {
    size_t end = i + per < s->count ? i + per : s->count, least = i, most = i;
    for (size_t k = i; k < end; k++) {
      least = s->points[k].value < s->points[least].value ? k : least;
      most = s->points[k].value > s->points[most].value ? k : most;
    }
    size_t a = least < most ? least : most, b = least < most ? most : least;
    put_point(text, p, s->points[a].at, s->points[a].value);
    if (b != a)
      put_point(text, p, s->points[b].at, s->points[b].value);
  }
}

void pl_svg_series(struct pl_text *text, const struct pl_report *r, const struct pl_series *s)
{
  if (!s->count)
    return;
  struct plot p = measure_plot(r, s);
  const char *unit = pl_text_of(r, s->unit);
  PL_TEXT_LIT(text, "<svg class=\"plot\" role=\"img\"><title>");
  pl_text_xml(text, pl_text_of(r, s->name));
  pl_text_format(text, ": %zu points, least %.6g, most %.6g, last %.6g ", s->count, p.least, p.most, p.last);
  pl_text_xml(text, unit);
  PL_TEXT_LIT(text, "</title>");
  put_time_axis(text, p.start - r->start, p.end - r->start, PLOT_TOP, PLOT_H);
  put_value_axis(text, &p, unit, false);
  pl_text_format(text, "<svg width=\"100%%\" height=\"%d\" viewBox=\"0 0 1000 %d\" preserveAspectRatio=\"none\"><polyline class=\"line\" points=\"", PLOT_H, PLOT_H);
  put_line(text, s, &p);
  PL_TEXT_LIT(text, "\"/></svg>");
  put_limit_line(text, &p, p.high, "max", unit);
  put_limit_line(text, &p, p.low, "min", unit);
  put_value_axis(text, &p, unit, true);
  PL_TEXT_LIT(text, "</svg>");
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
  double from = share((double)(step->start - r->start), 0, (double)(r->end - r->start));
  double to = share((double)(step->end - r->start), 0, (double)(r->end - r->start));
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
  put_percent(text, "x", from > 99.5 ? 99.5 : from);
  put_percent(text, "width", width);
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
  put_time_axis(text, 0, r->end - r->start, 0, height);
  int lane = 0;
  for (size_t i = 0; i < r->steps.count; i++)
    if (has_lane(&r->steps.items[i], lane))
      put_lane(text, r, &r->steps.items[i], lane++ * LANE_H);
  PL_TEXT_LIT(text, "</svg>");
  if ((size_t)lanes < r->steps.count)
    pl_text_format(text, "<p class=\"note\">%d of %zu steps are drawn: the first, and those that failed.</p>", lanes, r->steps.count);
}

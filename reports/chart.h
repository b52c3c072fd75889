/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_REPORTS_CHART_H
#define PL_REPORTS_CHART_H

#include "host/journal/text.h"

/* Curves over time: their axes, which a terminal draws too (host/plot), and the drawing as SVG for reports and `plumb plot`. */
struct pl_point {
  int64_t at;   /* ns */
  double value; /* NAN: nothing valid then; no line goes across it */
};

struct pl_chart {
  const char *name, *unit;
  const struct pl_point *points; /* in time's order */
  size_t count;
  int64_t zero;     /* what the time axis calls 0 */
  double low, high; /* limits; infinite: none */
};

/* A step of 1, 2 or 5 times a power of ten that divides the span into at most `most` parts. */
double pl_axis_step(double span, int most);
/* Seconds between the ticks of a time axis: what a clock would show. */
double pl_axis_time_step(double seconds, int most);
/* What an axis for these values spans: with air, but not below zero for what is never negative. */
void pl_axis_range(double least, double most, double *from, double *to);
/* Where v lies, in percent of the range; what is outside lies at its edge. */
double pl_axis_share(double v, double from, double to);
void pl_put_duration(struct pl_text *text, int64_t ns); /* "85 ms", "12.3 s", "2 h 05 min" */

/* Least, most and last of the valid points; false when there is none. */
struct pl_chart_facts {
  int64_t start, end;
  double least, most, last;
  size_t valid;
};
bool pl_chart_measure(const struct pl_point *points, size_t count, struct pl_chart_facts *facts);

/* Inside of reports/. Vertical grid and its labels below `height`, from `start` to `end` (nanoseconds on the axis). */
void pl_svg_time_axis(struct pl_text *text, int64_t start, int64_t end, int top, int height);
void pl_svg_percent(struct pl_text *text, const char *name, double percent); /* an attribute */

/* A drawing without a view box, positions in percent: class "plot", PL_CHART_HEIGHT high, as wide as it stands. Nothing when there is no valid point. */
#define PL_CHART_HEIGHT 170
void pl_chart_svg(struct pl_text *text, const struct pl_chart *chart);

#endif

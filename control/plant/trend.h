/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_TREND_H
#define PL_CONTROL_TREND_H

#include <stdbool.h>

/*
 * A straight line through what was seen, where old points count less and less: least squares with exponential forgetting. Two uses: a quantity over time (where
 * does it go?), and one quantity over another (a resistance is the slope of voltage over current, whatever the meters' offsets).
 */
struct pl_line {
  double keep;                 /* of a point's weight at the next one, 0 < keep <= 1 */
  double w, x, y, xx, xy, yy;  /* weighted means: of the weight, and of x, y, (x-mx)^2, (x-mx)(y-my), (y-my)^2 times the weight */
};
void pl_line_new(struct pl_line *line, double keep);
void pl_line_add(struct pl_line *line, double x, double y);
/* False while x has not varied enough: its spread (standard deviation) is below `spread`, or too few points. */
bool pl_line_slope(const struct pl_line *line, double spread, double *slope, double *uncertainty);
double pl_line_at(const struct pl_line *line, double x); /* on the line */

struct pl_plant;
struct pl_trends;
/* trends.c: what wears, learned from the readings; notices in plant->notices. NULL: no memory. */
struct pl_trends *pl_trends_new(struct pl_plant *plant);
void pl_trends_free(struct pl_trends *trends);
void pl_trends_tick(struct pl_trends *trends);

#endif

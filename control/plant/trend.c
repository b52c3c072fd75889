/* SPDX-License-Identifier: Apache-2.0 */
#include "control/plant/trend.h"

#include <math.h>

void pl_line_new(struct pl_line *line, double keep)
{
  *line = (struct pl_line){.keep = keep};
}

/* Welford's update with weights that fade: means and central sums, so that a spread far smaller than the values themselves does not drown. */
void pl_line_add(struct pl_line *line, double x, double y)
{
  double before = line->w * line->keep;
  line->w = before + 1;
  double dx = x - line->x, dy = y - line->y, part = before / line->w;
  line->xx = line->xx * line->keep + dx * dx * part;
  line->xy = line->xy * line->keep + dx * dy * part;
  line->yy = line->yy * line->keep + dy * dy * part;
  line->x += dx / line->w;
  line->y += dy / line->w;
}

bool pl_line_slope(const struct pl_line *line, double spread, double *slope, double *uncertainty)
{
  if (line->w < 8 || line->xx / line->w < spread * spread)
    return false;
  *slope = line->xy / line->xx;
  double rest = fmax(line->yy - *slope * line->xy, 0) / fmax(line->w - 2, 1);
  *uncertainty = sqrt(rest / line->xx);
  return true;
}

double pl_line_at(const struct pl_line *line, double x)
{
  return line->y + (line->xx > 0 ? line->xy / line->xx : 0) * (x - line->x);
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_PANE_H
#define PL_HOST_PANE_H

#include "reports/chart.h"

/* A curve over time as text: braille dots (2 by 4 in a cell), or in ASCII (1 by 2) where a terminal has no others. */
struct pl_pane {
  const char *name, *unit;
  const struct pl_point *points; /* in time's order; what is not finite was not valid, and no line goes across it */
  size_t count;
  bool flag;           /* off and on instead of numbers */
  const char *trouble; /* why the last one is not valid; NULL: it is */
};

struct pl_pane_frame {
  int columns, rows;      /* rows: of the curve; its title takes one more */
  int64_t from, to, zero; /* ns: what is shown, and what the time axis calls 0 */
  bool axis;              /* the time axis below: two lines more */
  bool ascii, colour;
  int hue;                /* which of the colours */
};

/* Appends rows + 1 (with an axis + 3) lines, each ended by '\n' and at most `columns` wide. */
void pl_pane_draw(struct pl_text *text, const struct pl_pane *pane, const struct pl_pane_frame *frame);

#endif

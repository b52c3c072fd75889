/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_WATCH_H
#define PL_HOST_WATCH_H

#include "drivers/base/clock.h"
#include "drivers/base/unit.h"
#include "reports/chart.h"

/* What the live view shows of one quantity: its points so far, in the unit that people expect. */
struct pl_channel {
  char name[144];
  const struct pl_unit *unit;
  bool flag;
  struct pl_point *points; /* NAN: no valid reading then */
  size_t count, room;
  char trouble[160]; /* why the last one was not valid; "": it was */
};

struct pl_view {
  const char *title; /* what is watched */
  struct pl_channel *channels;
  size_t count;
  pl_time_ns start, now, window;
  bool paused, ascii, colour;
};

/* A point more; old ones go when there are very many. False: no memory. */
bool pl_channel_add(struct pl_channel *channel, pl_time_ns at, double value);
/* The page for a terminal of this size. */
void pl_view_draw(struct pl_text *page, const struct pl_view *view, int columns, int rows);

#endif

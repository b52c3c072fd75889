/* SPDX-License-Identifier: Apache-2.0 */
/* The page of `plumb watch`: a line about all, a pane each, one time axis. */
#include "host/cli/watch.h"

#include "host/plot/pane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_MAX (1u << 17)
#define PANE_ROWS_MIN 2
#define LINES_AROUND 3 /* title, and the axis' two */

bool pl_channel_add(struct pl_channel *channel, pl_time_ns at, double value)
{
  if (channel->count == POINTS_MAX) {
    channel->count /= 2;
    memmove(channel->points, channel->points + channel->count, channel->count * sizeof *channel->points);
  }
  if (channel->count == channel->room) {
    size_t room = channel->room ? 2 * channel->room : 256;
    struct pl_point *points = realloc(channel->points, room * sizeof *points);
    if (!points)
      return false;
    channel->points = points;
    channel->room = room;
  }
  channel->points[channel->count++] = (struct pl_point){at, value};
  return true;
}

static void put_head(struct pl_text *page, const struct pl_view *view, size_t hidden, int columns)
{
  static const char KEYS[] = "q quit  p pause  +/- time  c clear";
  char line[256], more[64] = "";
  if (hidden)
    snprintf(more, sizeof more, "  %zu more do not fit", hidden);
  snprintf(line, sizeof line, "%s  %.1f s%s%s", view->title, (double)(view->now - view->start) / (double)PL_S, view->paused ? "  PAUSED" : "", more);
  int left = columns - (int)strlen(line) - (int)sizeof KEYS;
  pl_text_format(page, "%s%.*s%s", view->colour ? "\033[1m" : "", columns, line, view->colour ? "\033[0m" : "");
  if (left >= 1)
    pl_text_format(page, "%*s%s%s%s", left + 1, "", view->colour ? "\033[2m" : "", KEYS, view->colour ? "\033[0m" : "");
  PL_TEXT_LIT(page, "\n");
}

void pl_view_draw(struct pl_text *page, const struct pl_view *view, int columns, int rows)
{
  size_t fit = rows > LINES_AROUND + 1 + PANE_ROWS_MIN ? (size_t)(rows - LINES_AROUND) / (PANE_ROWS_MIN + 1) : 1;
  size_t shown = view->count < fit ? view->count : fit;
  int left = rows - LINES_AROUND - (int)shown; /* rows for curves */
  struct pl_pane_frame frame = {.columns = columns, .to = view->now, .zero = view->start, .ascii = view->ascii, .colour = view->colour};
  frame.from = view->now - view->start > view->window ? view->now - view->window : view->start;
  if (frame.to - frame.from < PL_S)
    frame.to = frame.from + PL_S;
  put_head(page, view, view->count - shown, columns);
  for (size_t i = 0; i < shown; i++) {
    const struct pl_channel *channel = &view->channels[i];
    const struct pl_pane pane = {.name = channel->name, .unit = channel->unit->name, .points = channel->points, .count = channel->count, .flag = channel->flag,
                                 .trouble = *channel->trouble ? channel->trouble : NULL};
    frame.rows = left / (int)(shown - i);
    left -= frame.rows;
    frame.axis = i + 1 == shown;
    frame.hue = (int)i;
    pl_pane_draw(page, &pane, &frame);
  }
}

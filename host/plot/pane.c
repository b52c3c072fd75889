/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plot/pane.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUTTER 10 /* a label of eight, a blank and the axis itself */
#define LABEL 8
#define DIM "\033[2m"
#define RED "\033[31m"
#define PLAIN "\033[0m"

static const char *const HUES[] = {"\033[36m", "\033[32m", "\033[33m", "\033[35m", "\033[34m"};

/* The signs of a picture, in braille and box drawing (Unicode 2800 to 28FF and 2500 to 257F), or in ASCII. */
static const struct signs {
  const char *side, *tick, *corner, *floor, *below, *gap, *more;
} SIGNS[] = {{"│", "┤", "└", "─", "┬", "×", "…"}, {"|", "+", "+", "-", "+", "x", "~"}};

struct canvas {
  const struct pl_pane *pane;
  const struct pl_pane_frame *frame;
  const struct signs *signs;
  int columns, rows, wide, high; /* cells, and dots */
  double from, to;               /* of the values */
  struct pl_chart_facts facts;   /* of what is shown */
  const struct pl_point *points; /* that are shown, with the one before */
  size_t count;
  uint8_t *cells;
  bool *gaps; /* by column */
};

static void colour(struct pl_text *text, const struct canvas *c, const char *code)
{
  if (c->frame->colour)
    pl_text_str(text, code);
}

/* --- dots --- */

static void put_dot(struct canvas *c, int x, int y)
{
  static const uint8_t BRAILLE[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
  if (x < 0 || x >= c->wide || y < 0 || y >= c->high)
    return;
  if (c->frame->ascii)
    c->cells[(y / 2) * c->columns + x] |= (uint8_t)(1 << y % 2);
  else
    c->cells[(y / 4) * c->columns + x / 2] |= BRAILLE[y % 4][x % 2];
}

static int x_of(const struct canvas *c, int64_t at)
{
  double share = (double)(at - c->frame->from) / (double)(c->frame->to - c->frame->from);
  return (int)lround(share * (c->wide - 1));
}

static int y_of(const struct canvas *c, double v)
{
  return (int)lround((1 - pl_axis_share(v, c->from, c->to) / 100) * (c->high - 1));
}

static void put_line(struct canvas *c, struct pl_point a, struct pl_point b)
{
  if (a.at < c->frame->from && b.at > a.at) { /* only the part that is shown */
    a.value += (b.value - a.value) * (double)(c->frame->from - a.at) / (double)(b.at - a.at);
    a.at = c->frame->from;
  }
  int x = x_of(c, a.at), y = y_of(c, a.value), dx = x_of(c, b.at) - x, dy = y_of(c, b.value) - y;
  int steps = abs(dx) > abs(dy) ? abs(dx) : abs(dy);
  for (int i = 0; i <= steps; i++)
    put_dot(c, x + (steps ? (int)lround((double)dx * i / steps) : 0), y + (steps ? (int)lround((double)dy * i / steps) : 0));
}

static void put_curve(struct canvas *c)
{
  for (size_t i = 0; i < c->count; i++) {
    const struct pl_point *point = &c->points[i];
    bool valid = isfinite(point->value), before = i && isfinite(point[-1].value);
    int x = x_of(c, point->at);
    if (!valid && x >= 0 && x < c->wide)
      c->gaps[x * c->columns / c->wide] = true;
    else if (valid && before)
      put_line(c, point[-1], *point);
    else if (valid && point->at >= c->frame->from)
      put_dot(c, x, y_of(c, point->value));
  }
}

/* --- numbers --- */

/* In at most `most` columns. */
static void put_number(char *room, size_t size, const struct canvas *c, double v, int digits)
{
  struct pl_text text = {0};
  if (c->pane->flag) {
    snprintf(room, size, "%s", v == 0 ? "off" : v == 1 ? "on" : "");
    return;
  }
  pl_text_number(&text, fabs(v) < 1e-12 ? 0 : v, digits);
  snprintf(room, size, "%.*s", (int)text.len, text.bytes ? text.bytes : "");
  pl_text_free(&text);
}

/* The label of a row; "" when no tick lies in it. */
static void label_of(const struct canvas *c, int row, double step, char room[LABEL + 1])
{
  room[0] = '\0';
  for (double v = ceil(c->from / step - 1e-9) * step; v <= c->to + step * 1e-6; v += step)
    if (y_of(c, v) * c->rows / c->high == row)
      put_number(room, LABEL + 1, c, fabs(v) < step * 1e-6 ? 0 : v, 6);
}

/* --- lines --- */

static void put_title(struct pl_text *text, const struct canvas *c)
{
  char facts[160] = "", now[24], least[24], most[24];
  const struct pl_pane *pane = c->pane;
  if (c->facts.valid) {
    put_number(now, sizeof now, c, c->facts.last, 6);
    put_number(least, sizeof least, c, c->facts.least, 6);
    put_number(most, sizeof most, c, c->facts.most, 6);
    const char *blank = *pane->unit ? " " : "";
    if (pane->trouble)
      snprintf(facts, sizeof facts, "  min %s  max %s%s%s", least, most, blank, pane->unit);
    else
      snprintf(facts, sizeof facts, "  now %s%s%s  min %s  max %s", now, blank, pane->unit, least, most);
  }
  int name = (int)strlen(pane->name) < c->frame->columns ? (int)strlen(pane->name) : c->frame->columns;
  colour(text, c, HUES[(size_t)c->frame->hue % (sizeof HUES / sizeof *HUES)]);
  pl_text_format(text, "%.*s", name, pane->name);
  colour(text, c, PLAIN);
  pl_text_format(text, "%.*s", c->frame->columns - name, facts);
  int left = c->frame->columns - name - (int)strlen(facts);
  if (pane->trouble && left > 12) {
    colour(text, c, RED);
    pl_text_format(text, "  invalid: %.*s", left - 11, pane->trouble);
    colour(text, c, PLAIN);
  }
  PL_TEXT_LIT(text, "\n");
}

static void put_cell(struct pl_text *text, const struct canvas *c, uint8_t dots)
{
  static const char ASCII[] = {' ', '\'', '.', ':'};
  if (c->frame->ascii || !dots) {
    pl_text_char(text, dots ? ASCII[dots & 3] : ' ');
    return;
  }
  const char sign[3] = {(char)0xe2, (char)(0xa0 | dots >> 6), (char)(0x80 | (dots & 0x3f))}; /* U+2800 + dots */
  pl_text_put(text, sign, sizeof sign);
}

static void put_row(struct pl_text *text, const struct canvas *c, int row, double step)
{
  char label[LABEL + 1];
  label_of(c, row, step, label);
  colour(text, c, DIM);
  pl_text_format(text, "%*s %s", LABEL, label, *label ? c->signs->tick : c->signs->side);
  colour(text, c, PLAIN);
  colour(text, c, HUES[(size_t)c->frame->hue % (sizeof HUES / sizeof *HUES)]);
  for (int x = 0; x < c->columns; x++) {
    uint8_t dots = c->cells[row * c->columns + x];
    bool gap = c->gaps[x] && row == c->rows - 1 && !dots; /* where nothing valid was read, the floor says so */
    if (gap) {
      colour(text, c, RED);
      pl_text_str(text, c->signs->gap);
      colour(text, c, HUES[(size_t)c->frame->hue % (sizeof HUES / sizeof *HUES)]);
    } else {
      put_cell(text, c, dots);
    }
  }
  colour(text, c, PLAIN);
  PL_TEXT_LIT(text, "\n");
}

/* The floor with its ticks, and the times below them. */
static void put_axis(struct pl_text *text, const struct canvas *c)
{
  double from = (double)(c->frame->from - c->frame->zero) / 1e9, to = (double)(c->frame->to - c->frame->zero) / 1e9;
  int most = c->columns / 14, used = 0;
  double step = pl_axis_time_step(to - from, most > 1 ? most : 1), first = ceil(from / step - 1e-9) * step;
  struct pl_text labels = {0}, one = {0};
  colour(text, c, DIM);
  pl_text_format(text, "%*s %s", LABEL, "", c->signs->corner);
  double tick = first;
  for (int x = 0; x < c->columns; x++) {
    int at = (int)lround((tick - from) / (to - from) * (c->columns - 1));
    pl_text_str(text, x == at ? c->signs->below : c->signs->floor);
    if (x != at)
      continue;
    one.len = 0;
    pl_put_duration(&one, (int64_t)llround(tick * 1e9));
    int start = x - (int)one.len / 2;
    start = start < used ? used : start;
    if (start + (int)one.len <= c->columns) {
      pl_text_format(&labels, "%*s%.*s", start - used, "", (int)one.len, one.bytes);
      used = start + (int)one.len + 1;
      PL_TEXT_LIT(&labels, " ");
    }
    tick += step;
  }
  colour(text, c, PLAIN);
  PL_TEXT_LIT(text, "\n");
  colour(text, c, DIM);
  pl_text_format(text, "%*s%.*s", GUTTER, "", (int)(labels.len ? labels.len - 1 : 0), labels.bytes ? labels.bytes : "");
  colour(text, c, PLAIN);
  PL_TEXT_LIT(text, "\n");
  pl_text_free(&labels);
  pl_text_free(&one);
}

/* --- all of it --- */

static void choose(struct canvas *c)
{
  size_t first = 0, end = c->pane->count;
  const struct pl_point *points = c->pane->points;
  while (end && points[end - 1].at > c->frame->to)
    end--;
  while (first < end && points[first].at < c->frame->from)
    first++;
  bool any = pl_chart_measure(points + first, end - first, &c->facts);
  first -= first > 0; /* the line comes in from the left */
  c->points = points + first;
  c->count = end > first ? end - first : 0;
  if (c->pane->flag || !any) {
    c->from = -0.1;
    c->to = 1.1;
  } else {
    pl_axis_range(c->facts.least, c->facts.most, &c->from, &c->to);
  }
}

void pl_pane_draw(struct pl_text *text, const struct pl_pane *pane, const struct pl_pane_frame *frame)
{
  struct canvas c = {.pane = pane, .frame = frame, .signs = &SIGNS[frame->ascii], .columns = frame->columns > GUTTER + 4 ? frame->columns - GUTTER : 4,
                     .rows = frame->rows > 0 ? frame->rows : 1};
  c.wide = c.columns * (frame->ascii ? 1 : 2);
  c.high = c.rows * (frame->ascii ? 2 : 4);
  c.cells = calloc((size_t)(c.columns * c.rows), 1);
  c.gaps = calloc((size_t)c.columns, sizeof *c.gaps);
  choose(&c);
  put_title(text, &c);
  if (c.cells && c.gaps && frame->to > frame->from) {
    put_curve(&c);
    double step = pane->flag || !c.facts.valid ? 1 : pl_axis_step(c.to - c.from, c.rows > 3 ? c.rows / 2 + 1 : 2);
    for (int row = 0; row < c.rows; row++)
      put_row(text, &c, row, step);
    if (frame->axis)
      put_axis(text, &c);
  }
  free(c.cells);
  free(c.gaps);
}

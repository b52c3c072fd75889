/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict table of a terminal. */
#include "reports/model.h"

#include "host/journal/text.h"
#include "reports/out.h"

#include <math.h>
#include <string.h>

#define BAR 12
#define ROWS_MAX 40 /* more measurements than this: only what failed, and a count */

enum ink { INK_NONE, INK_BOLD, INK_DIM, INK_GREEN, INK_RED, INK_YELLOW };

struct table {
  const struct pl_report *r;
  struct pl_text text, cell;
  bool colour;
  int width, name, value, limits; /* columns */
};

static void ink(struct table *t, enum ink ink)
{
  static const char *const CODES[] = {"\033[0m", "\033[1m", "\033[2m", "\033[32m", "\033[1;31m", "\033[33m"};
  if (t->colour)
    pl_text_str(&t->text, CODES[ink]);
}

static enum ink ink_of(enum pl_verdict verdict)
{
  return verdict == PL_VERDICT_PASS ? INK_GREEN : verdict == PL_VERDICT_FAIL ? INK_RED : INK_YELLOW;
}

static size_t columns(const char *s, size_t len)
{
  size_t n = 0;
  for (size_t i = 0; i < len; i++)
    n += ((unsigned char)s[i] & 0xC0) != 0x80;
  return n;
}

/* The cell's text in `width` columns, cut with an ellipsis; control characters (escape sequences of a foreign journal) do not reach the terminal. */
static void put_cell(struct table *t, int width, bool right)
{
  struct pl_text *cell = &t->cell;
  size_t have = columns(cell->bytes ? cell->bytes : "", cell->len), want = (size_t)width, end = cell->len;
  if (have > want) {
    for (end = 0, have = 0; end < cell->len && have < want; end++)
      have += ((unsigned char)cell->bytes[end] & 0xC0) != 0x80;
    while (end && ((unsigned char)cell->bytes[--end] & 0xC0) == 0x80)
      ;
  }
  for (size_t i = 0; i < end; i++)
    if ((unsigned char)cell->bytes[i] < 0x20 || cell->bytes[i] == 0x7F)
      cell->bytes[i] = ' ';
  for (size_t i = have; right && i < want; i++)
    PL_TEXT_LIT(&t->text, " ");
  pl_text_put(&t->text, cell->bytes, end);
  if (end < cell->len)
    PL_TEXT_LIT(&t->text, "…");
  for (size_t i = have; !right && i < want; i++)
    PL_TEXT_LIT(&t->text, " ");
  cell->len = 0;
}

/* Words of the cell, broken at the width, each line after the first behind `indent` spaces. */
static void put_wrapped(struct table *t, int indent)
{
  struct pl_text *cell = &t->cell;
  int at = indent;
  for (size_t i = 0; i < cell->len;) {
    size_t len = 0;
    while (i + len < cell->len && (unsigned char)cell->bytes[i + len] > ' ')
      len++;
    int wide = (int)columns(cell->bytes + i, len);
    if (at > indent && at + 1 + wide > t->width) {
      pl_text_format(&t->text, "\n%*s", indent, "");
      at = indent;
    } else if (at > indent && wide) {
      PL_TEXT_LIT(&t->text, " ");
      at++;
    }
    pl_text_put(&t->text, cell->bytes + i, len);
    at += wide;
    i += len;
    while (i < cell->len && ((unsigned char)cell->bytes[i] <= ' ' || cell->bytes[i] == 0x7F))
      i++;
  }
  PL_TEXT_LIT(&t->text, "\n");
  cell->len = 0;
}

/* Where the value lies: "├───●────┤"; outside, beyond the fence. A missing side is drawn without its fence. */
static void put_bar(struct table *t, const struct pl_measured *m)
{
  double low, high;
  if (m->value.kind != PL_VAL_NUMBER || !pl_interval(t->r, m->limit, m->n_limits, &low, &high) || low == high) {
    pl_text_format(&t->text, "%*s", BAR, "");
    return;
  }
  double v = m->value.number, from = isfinite(low) ? low : high > 0 && v >= 0 ? 0 : fmin(v, high) - fabs(high),
         to = isfinite(high) ? high : fmax(v, low) + fabs(low) + (low == 0);
  int inside = BAR - 4, place = 2 + (int)floor((v - from) / (to - from) * inside);
  if (v < low)
    place = 0;
  else if (v > high)
    place = BAR - 1;
  else
    place = place < 2 ? 2 : place > BAR - 3 ? BAR - 3 : place;
  for (int i = 0; i < BAR; i++) {
    const char *mark = i == 0 || i == BAR - 1 ? " " : i == 1 ? (isfinite(low) ? "├" : "╶") : i == BAR - 2 ? (isfinite(high) ? "┤" : "╴") : "─";
    pl_text_str(&t->text, i == place ? "●" : mark);
  }
}

static void put_value(struct table *t, const struct pl_measured *m)
{
  pl_put_val(&t->cell, t->r, &m->value, 6);
  if (m->value.kind == PL_VAL_NUMBER && m->unit)
    pl_text_format(&t->cell, " %s", pl_text_of(t->r, m->unit));
}

static void put_row(struct table *t, const struct pl_measured *m)
{
  bool again = t->r->steps.items[m->step].superseded;
  bool fail = m->verdict == PL_JUDGED_FAIL;
  pl_text_str(&t->cell, pl_text_of(t->r, m->name));
  if (again)
    pl_text_format(&t->cell, " (attempt %u)", t->r->steps.items[m->step].attempt);
  ink(t, again ? INK_DIM : INK_NONE);
  put_cell(t, t->name, false);
  PL_TEXT_LIT(&t->text, " ");
  put_value(t, m);
  put_cell(t, t->value, true);
  PL_TEXT_LIT(&t->text, "  ");
  pl_put_limits(&t->cell, t->r, m);
  put_cell(t, t->limits, false);
  PL_TEXT_LIT(&t->text, " ");
  put_bar(t, m);
  PL_TEXT_LIT(&t->text, " ");
  ink(t, again ? INK_DIM : fail ? INK_RED : INK_GREEN);
  pl_text_str(&t->text, m->verdict ? pl_judged_name(m->verdict) : "-");
  ink(t, INK_NONE);
  if (m->rejudged && m->before && m->before != m->verdict)
    pl_text_format(&t->text, " (was %s)", pl_judged_name(m->before));
  else if (!m->rejudged && m->own && m->told && m->own != m->told)
    pl_text_format(&t->text, " (engine: %s)", pl_judged_name(m->told));
  PL_TEXT_LIT(&t->text, "\n");
}

static void put_findings(struct table *t)
{
  struct pl_finding f;
  size_t told = 0, left = 0;
  for (size_t at = 0; (at = pl_next_finding(t->r, at, &f));) {
    bool counts = f.step == PL_NONE || !t->r->steps.items[f.step].superseded;
    if (!counts || ++told > 20) {
      left += counts;
      continue;
    }
    ink(t, INK_RED);
    pl_text_str(&t->text, f.note == PL_NONE ? "  ✗ " : "  ! ");
    ink(t, INK_NONE);
    pl_put_finding(&t->cell, t->r, &f);
    put_wrapped(t, 4);
    if (f.hw) {
      pl_text_format(&t->cell, "part: %s%s%s", pl_text_of(t->r, f.hw->name), f.hw->location ? ", " : "", pl_text_of(t->r, f.hw->location));
      PL_TEXT_LIT(&t->text, "    ");
      put_wrapped(t, 4);
    }
    if (f.next) {
      pl_text_format(&t->cell, "next: %s", f.next);
      PL_TEXT_LIT(&t->text, "    ");
      put_wrapped(t, 4);
    }
  }
  if (left)
    pl_text_format(&t->text, "  and %zu more\n", left);
}

static void put_head(struct table *t)
{
  const struct pl_report *r = t->r;
  const char *aborted = pl_report_aborted(r), *verdict = aborted ? "ABORTED" : pl_verdict_name(r->verdict);
  ink(t, ink_of(r->verdict));
  pl_text_str(&t->text, verdict);
  ink(t, INK_NONE);
  pl_text_format(&t->cell, "%s%s%s, ", pl_text_of(r, r->name), r->dut ? " on " : "", pl_text_of(r, r->dut));
  if (r->n_fail)
    pl_text_format(&t->cell, "%zu of %zu measurements failed, ", r->n_fail, r->n_pass + r->n_fail);
  else if (!r->n_pass)
    PL_TEXT_LIT(&t->cell, "nothing was judged, ");
  else
    pl_text_format(&t->cell, "%zu measurement%s passed, ", r->n_pass, r->n_pass == 1 ? "" : "s");
  pl_put_duration(&t->cell, r->end - r->start);
  PL_TEXT_LIT(&t->text, "  ");
  put_wrapped(t, 2 + (int)strlen(verdict));
  if (aborted) {
    pl_text_str(&t->cell, aborted);
    PL_TEXT_LIT(&t->text, "  ");
    put_wrapped(t, 2);
  }
  if (r->lost) {
    pl_text_format(&t->cell, "%llu lines of the journal are missing: no PASS can be given", (unsigned long long)r->lost);
    PL_TEXT_LIT(&t->text, "  ");
    put_wrapped(t, 2);
  }
  if (!r->ended) {
    pl_put_stopped(&t->cell, r);
    PL_TEXT_LIT(&t->text, "  ");
    put_wrapped(t, 2);
  }
  if (r->limits_path) {
    pl_text_format(&t->cell, "judged again under %s; the run itself said %s", pl_text_of(r, r->limits_path), pl_verdict_name(r->said));
    PL_TEXT_LIT(&t->text, "  ");
    put_wrapped(t, 2);
  } else if (r->ended && r->said != r->verdict) {
    pl_text_format(&t->cell, "the journal says %s, its own limits say otherwise", pl_verdict_name(r->said));
    PL_TEXT_LIT(&t->text, "  ");
    put_wrapped(t, 2);
  }
}

/* Columns as wide as what they hold, the name giving way first. */
static void measure_columns(struct table *t)
{
  const struct pl_report *r = t->r;
  int name = 11, value = 5, limits = 6;
  size_t many = r->measurements.count < 200 ? r->measurements.count : 200;
  for (size_t i = 0; i < many; i++) {
    const struct pl_measured *m = &r->measurements.items[i];
    const char *text = pl_text_of(r, m->name);
    int n = (int)columns(text, strlen(text)) + (r->steps.items[m->step].superseded ? 12 : 0);
    name = n > name ? n : name;
    put_value(t, m);
    n = (int)columns(t->cell.bytes ? t->cell.bytes : "", t->cell.len);
    value = n > value ? n : value;
    t->cell.len = 0;
    pl_put_limits(&t->cell, r, m);
    n = (int)columns(t->cell.bytes ? t->cell.bytes : "", t->cell.len);
    limits = n > limits ? n : limits;
    t->cell.len = 0;
  }
  int left = t->width - BAR - 7 - 1 - 2 - 1 - 1; /* bar, "verdict", the spaces between */
  t->value = value < 14 ? value : 14;
  t->limits = limits < 18 ? limits : 18;
  t->name = left - t->value - t->limits;
  t->name = t->name > name ? name : t->name < 8 ? 8 : t->name;
}

/* What is simply so and has no value to look at goes into one sentence when the table is long. */
#define FOLD_FROM 12

static bool is_folded(const struct table *t, const struct pl_measured *m)
{
  return t->r->measurements.count > FOLD_FROM && m->value.kind == PL_VAL_BOOL && m->verdict == PL_JUDGED_PASS && !m->rejudged && m->own == m->told;
}

static void put_folded(struct table *t)
{
  const struct pl_report *r = t->r;
  size_t count = 0;
  for (size_t i = 0; i < r->measurements.count; i++) {
    const struct pl_measured *m = &r->measurements.items[i];
    if (is_folded(t, m))
      pl_text_format(&t->cell, "%s%s", count++ ? ", " : "Also PASS: ", pl_text_of(r, m->name));
  }
  if (count)
    put_wrapped(t, 0);
}

void pl_report_table(const struct pl_report *r, FILE *out, bool colour, int width)
{
  struct table table = {.r = r, .colour = colour, .width = width < 60 ? 60 : width}, *t = &table;
  bool whole = r->measurements.count <= ROWS_MAX;
  measure_columns(t);
  put_head(t);
  put_findings(t);
  if (r->measurements.count && (whole || r->n_fail)) {
    ink(t, INK_DIM);
    pl_text_format(&t->text, "\n%-*s %*s  %-*s %*s verdict\n", t->name, "measurement", t->value, "value", t->limits, "limits", BAR, "");
    ink(t, INK_NONE);
  }
  size_t rows = 0, cut = 0;
  for (size_t i = 0; i < r->measurements.count; i++) {
    const struct pl_measured *m = &r->measurements.items[i];
    bool told = whole ? !is_folded(t, m) : (m->verdict == PL_JUDGED_FAIL && rows < 4 * ROWS_MAX);
    rows += told;
    cut += !told && m->verdict == PL_JUDGED_FAIL;
    if (told)
      put_row(t, m);
  }
  if (cut)
    pl_text_format(&t->text, "and %zu more that failed\n", cut);
  if (whole)
    put_folded(t);
  else
    pl_text_format(&t->text, "%zu of %zu measurements passed", r->n_pass, r->n_pass + r->n_fail);
  if (!whole && r->n_unjudged)
    pl_text_format(&t->text, ", %zu more were recorded without limits", r->n_unjudged);
  if (!whole)
    PL_TEXT_LIT(&t->text, "; measurements.csv has all\n");
  pl_text_to_stream(&t->text, out);
  pl_text_free(&t->text);
  pl_text_free(&t->cell);
}

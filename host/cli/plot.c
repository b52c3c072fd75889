/* SPDX-License-Identifier: Apache-2.0 */
/* plot: the columns of a recording (`plumb twin record`) as curves, on a terminal or as SVG. */
#include "host/cli/recording.h"
#include "host/cli/watch_terminal.h"
#include "host/plot/pane.h"
#include "reports/out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PANE_ROWS 6
#define SVG_WIDTH 900
#define SVG_MARGIN 20
#define SVG_EACH (PL_CHART_HEIGHT + 44)

static const struct pl_option OPTIONS[] = {
    {"from", "TIME", "only what comes after (the start)", false},
    {"to", "TIME", "only what comes before (the end)", false},
    {"svg", "FILE", "draw as SVG (-: standard output)", false},
    {"rows", "N", "of each curve on a terminal (6)", false},
    {NULL, NULL, NULL, false},
};

struct plot {
  const struct pl_args *args;
  struct pl_recording *recording;
  size_t *columns; /* that are drawn */
  size_t n_columns;
  size_t first, end; /* rows */
};

/* --- what is drawn --- */

static enum pl_status take_time(const struct pl_args *args, const char *name, double fallback, double *seconds, struct pl_err *err)
{
  int64_t value_u;
  const char *text = pl_args_text(args, name, NULL);
  *seconds = fallback;
  if (!text)
    return PL_OK;
  enum pl_status status = pl_quantity_parse(text, PL_DIM_TIME, NULL, &value_u, err);
  if (status)
    return pl_err_prefix(err, "--%s", name);
  *seconds = (double)value_u * 1e-6;
  return PL_OK;
}

static enum pl_status choose_rows(struct plot *plot, struct pl_err *err)
{
  const struct pl_recording *rec = plot->recording;
  double from, to;
  enum pl_status status = take_time(plot->args, "from", -INFINITY, &from, err);
  if (!status)
    status = take_time(plot->args, "to", INFINITY, &to, err);
  if (status)
    return status;
  while (plot->first < rec->n_rows && rec->times[plot->first] < from)
    plot->first++;
  plot->end = plot->first;
  while (plot->end < rec->n_rows && rec->times[plot->end] <= to)
    plot->end++;
  if (plot->end - plot->first < 2)
    return pl_fail(err, PL_E_USAGE, "%s: fewer than two rows to draw; it goes from %g s to %g s", rec->path, rec->n_rows ? rec->times[0] : 0,
                   rec->n_rows ? rec->times[rec->n_rows - 1] : 0);
  return PL_OK;
}

static bool changes(const struct plot *plot, size_t column)
{
  const double *values = plot->recording->columns[column].values;
  for (size_t i = plot->first + 1; i < plot->end; i++)
    if (values[i] != values[plot->first] && !(isnan(values[i]) && isnan(values[plot->first])))
      return true;
  return false;
}

static enum pl_status choose_columns(struct plot *plot, struct pl_err *err)
{
  const struct pl_recording *rec = plot->recording;
  enum pl_status status = PL_OK;
  plot->columns = calloc(rec->n_columns + plot->args->n_words, sizeof *plot->columns);
  if (!plot->columns)
    return pl_fail(err, PL_E_NOMEM, "out of memory for %zu columns", rec->n_columns);
  for (size_t i = 1; i < plot->args->n_words && !status; i++)
    status = pl_recording_column(rec, plot->args->words[i], &plot->columns[plot->n_columns++], err);
  if (plot->args->n_words > 1 || status)
    return status;
  for (size_t i = 0; i < rec->n_columns; i++)
    if (changes(plot, i))
      plot->columns[plot->n_columns++] = i;
  if (!plot->n_columns)
    return pl_fail(err, PL_E_USAGE, "%s: none of the %zu columns changes; name those to be drawn", rec->path, rec->n_columns);
  return PL_OK;
}

/* The points of a column; NULL: no memory. */
static struct pl_point *points_of(const struct plot *plot, size_t column)
{
  const struct pl_recording *rec = plot->recording;
  struct pl_point *points = malloc((plot->end - plot->first) * sizeof *points);
  for (size_t i = plot->first; points && i < plot->end; i++)
    points[i - plot->first] = (struct pl_point){(int64_t)llround(rec->times[i] * 1e9), rec->columns[column].values[i]};
  return points;
}

/* --- on a terminal --- */

static enum pl_status draw_text(const struct plot *plot, struct pl_err *err)
{
  int columns = 80, lines = 0;
  uint64_t rows = 0;
  enum pl_status status = pl_args_u64(plot->args, "rows", PANE_ROWS, &rows, err);
  if (!status && (rows < 1 || rows > 200))
    status = pl_fail(err, PL_E_USAGE, "--rows: from 1 to 200");
  if (isatty(STDOUT_FILENO))
    pl_terminal_size(&columns, &lines);
  for (size_t i = 0; i < plot->n_columns && !status; i++) {
    const struct pl_column *column = &plot->recording->columns[plot->columns[i]];
    struct pl_point *points = points_of(plot, plot->columns[i]);
    struct pl_text text = {0};
    if (!points)
      return pl_fail(err, PL_E_NOMEM, "out of memory for a curve");
    const struct pl_pane pane = {.name = column->name, .unit = column->unit, .points = points, .count = plot->end - plot->first};
    const struct pl_pane_frame frame = {.columns = columns, .rows = (int)rows, .from = points[0].at, .to = points[plot->end - plot->first - 1].at,
                                        .axis = i + 1 == plot->n_columns, .ascii = pl_terminal_ascii(),
                                        .colour = isatty(STDOUT_FILENO) && pl_terminal_colour(), .hue = (int)i};
    pl_pane_draw(&text, &pane, &frame);
    pl_text_to_stream(&text, stdout);
    pl_text_free(&text);
    free(points);
  }
  return status;
}

/* --- as SVG --- */

/* A file by itself, so its colours are plain ones: librsvg and Inkscape know no CSS variables (reports/style.c has those of the reports). */
static const char STYLE[] =
    "text{fill:#20252b;font:12.5px system-ui,'DejaVu Sans',sans-serif}text.tick{fill:#626b75;font-size:11px;paint-order:stroke;stroke:#fff;stroke-width:3px}"
    "text.name{font-weight:600}.paper{fill:#fff}.grid{stroke:#e5e5e0;stroke-width:1}.line{fill:none;stroke:#3a6ea8;stroke-width:1.8;vector-effect:non-scaling-stroke}"
    "@media(prefers-color-scheme:dark){text{fill:#e4e7ea}text.tick{fill:#98a2ad;stroke:#1d2125}.paper{fill:#1d2125}.grid{stroke:#2d3339}.line{stroke:#82b2e6}}";

static void put_svg(struct pl_text *text, const struct plot *plot, size_t i, const struct pl_point *points)
{
  const struct pl_column *column = &plot->recording->columns[plot->columns[i]];
  const struct pl_chart chart = {.name = column->name, .unit = column->unit, .points = points, .count = plot->end - plot->first, .low = -INFINITY,
                                 .high = INFINITY};
  int top = SVG_MARGIN + (int)i * SVG_EACH;
  pl_text_format(text, "<text class=\"name\" x=\"%d\" y=\"%d\">", SVG_MARGIN, top + 6);
  pl_text_xml(text, column->name);
  pl_text_str(text, *column->unit ? ", " : "");
  pl_text_xml(text, column->unit);
  pl_text_format(text, "</text><svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\">", SVG_MARGIN, top + 14, SVG_WIDTH - 2 * SVG_MARGIN, PL_CHART_HEIGHT);
  pl_chart_svg(text, &chart);
  PL_TEXT_LIT(text, "</svg>\n");
}

static enum pl_status draw_svg(const struct plot *plot, const char *path, struct pl_err *err)
{
  struct pl_out out;
  enum pl_status status = pl_out_open(&out, path, err);
  if (status)
    return status;
  int height = 2 * SVG_MARGIN + (int)plot->n_columns * SVG_EACH;
  pl_text_format(&out.text, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\"><style>%s</style>\n", SVG_WIDTH, height, STYLE);
  PL_TEXT_LIT(&out.text, "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n");
  for (size_t i = 0; i < plot->n_columns; i++) {
    struct pl_point *points = points_of(plot, plot->columns[i]);
    out.text.failed |= !points;
    if (points)
      put_svg(&out.text, plot, i, points);
    free(points);
    pl_out_drain(&out);
  }
  PL_TEXT_LIT(&out.text, "</svg>\n");
  return pl_out_close(&out, err);
}

static enum pl_exit plot(const struct pl_args *args)
{
  struct plot self = {.args = args};
  struct pl_err err = {0};
  const char *svg = pl_args_text(args, "svg", NULL);
  enum pl_status status = pl_recording_load(args->words[0], &self.recording, &err);
  if (!status)
    status = choose_rows(&self, &err);
  if (!status)
    status = choose_columns(&self, &err);
  if (!status)
    status = svg ? draw_svg(&self, svg, &err) : draw_text(&self, &err);
  free(self.columns);
  pl_recording_free(self.recording);
  if (!status)
    return PL_EXIT_PASSED;
  return pl_complain(pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
}

const struct pl_command pl_command_plot = {
    .name = "plot",
    .operands = "FILE.csv [COLUMN...]",
    .about = "draw a recording: curves on a terminal, or an SVG; without names the columns that change",
    .options = OPTIONS,
    .min_words = 1,
    .max_words = PL_OPTION_VALUES_MAX,
    .examples = "  plumb plot bus.csv busbar.vout psu-a.iout psu-b.iout --from 7.9s --to 8.2s\n"
                "  plumb plot pump.csv --svg pump.svg\n",
    .run = plot,
};

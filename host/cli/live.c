/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/live.h"

#include <string.h>

#define BAR_CELLS 24
/* More planned steps than this are not told one by one: only what went wrong, and every tenth of the way. */
#define TELL_ALL_MAX 200

static void wipe(struct pl_live *live)
{
  if (live->terminal)
    fputs("\r\033[K", live->out);
}

static void draw(struct pl_live *live)
{
  if (!live->terminal || live->quiet)
    return;
  int permille = live->planned > 0 ? (int)((live->done + live->step_fraction) * 1000 / live->planned) : 0;
  if (live->planned > TELL_ALL_MAX && permille == live->drawn_permille)
    return;
  live->drawn_permille = permille;
  double whole = live->planned > 0 ? (live->done + live->step_fraction) / live->planned : 0;
  int full = (int)(whole * BAR_CELLS);
  if (full > BAR_CELLS)
    full = BAR_CELLS;
  fputs("\r\033[K  [", live->out);
  for (int i = 0; i < BAR_CELLS; i++)
    fputs(i < full ? "#" : ".", live->out);
  fprintf(live->out, "] %d/%d %s", live->done, live->planned, live->step);
  fflush(live->out);
}

static void on_plan(void *ctx, int steps)
{
  struct pl_live *live = ctx;
  live->planned = steps;
}

static void on_step_start(void *ctx, const char *name, int depth)
{
  struct pl_live *live = ctx;
  if (depth > 0)
    return;
  snprintf(live->step, sizeof live->step, "%s", name);
  live->step_fraction = 0;
  draw(live);
}

static const struct {
  const char *outcome, *mark, *colour;
} MARKS[] = {
    {"pass", "ok  ", "\033[32m"},
    {"fail", "FAIL", "\033[31m"},
    {"error", "ERR ", "\033[35m"},
    {"skip", "skip", "\033[33m"},
};

static void on_step_end(void *ctx, const char *name, int depth, const char *outcome, double seconds)
{
  struct pl_live *live = ctx;
  if (depth > 0)
    return;
  live->done++;
  if (live->quiet)
    return;
  if (live->planned > TELL_ALL_MAX && !strcmp(outcome, "pass")) {
    if (!live->terminal && live->done * 10 / live->planned != (live->done - 1) * 10 / live->planned)
      fprintf(live->out, "  %d of %d steps\n", live->done, live->planned);
    draw(live);
    return;
  }
  wipe(live);
  const char *mark = outcome, *colour = "";
  for (size_t i = 0; i < sizeof MARKS / sizeof *MARKS; i++)
    if (!strcmp(outcome, MARKS[i].outcome)) {
      mark = MARKS[i].mark;
      colour = MARKS[i].colour;
    }
  fprintf(live->out, "  %s%s%s %-52.60s %9.3f s\n", live->colour ? colour : "", mark, live->colour ? "\033[0m" : "", name, seconds);
  draw(live);
}

static void on_progress(void *ctx, double done)
{
  struct pl_live *live = ctx;
  live->step_fraction = done < 0 ? 0 : done > 1 ? 1 : done;
  draw(live);
}

static void on_trip(void *ctx, const char *message, bool expected)
{
  struct pl_live *live = ctx;
  if (live->quiet)
    return;
  wipe(live);
  const char *mark = expected ? "trip" : "TRIP";
  fprintf(live->out, "  %s%s%s %s\n", live->colour ? (expected ? "\033[33m" : "\033[31m") : "", mark, live->colour ? "\033[0m" : "", message);
  draw(live);
}

void pl_live_init(struct pl_live *live, FILE *out, bool quiet)
{
  const char *no_colour = getenv("NO_COLOR"); /* no-color.org */
  *live = (struct pl_live){.out = out, .quiet = quiet};
  live->terminal = !quiet && isatty(fileno(out));
  live->colour = live->terminal && !(no_colour && *no_colour);
  live->events = (struct pl_engine_events){
      .plan = on_plan, .step_start = on_step_start, .step_end = on_step_end, .progress = on_progress, .trip = on_trip, .ctx = live};
}

void pl_live_finish(struct pl_live *live)
{
  wipe(live);
  fflush(live->out);
}

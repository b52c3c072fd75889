/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/first_failure.h"

#include "host/cli/cli.h"
#include "host/journal/stamp.h"

#include <math.h>
#include <string.h>

/* An older run's file stays, numbered as its journal is: "capture.pcapng" becomes "capture-1.pcapng". The folder is this run's alone: it holds the
 * journal's lock. */
static void set_aside(const char *dir, const char *name, const char *ending)
{
  char path[1200], aside[1200];
  snprintf(path, sizeof path, "%s/%s%s", dir, name, ending);
  for (int n = 1; !access(path, F_OK) && n < 10000; n++) {
    snprintf(aside, sizeof aside, "%s/%s-%d%s", dir, name, n, ending);
    if (access(aside, F_OK) && rename(path, aside))
      return;
  }
}

/* --- the virtual rack's state --- */

struct world {
  FILE *file;
  char part[64];
  bool any;
};

static void put_truth(void *ctx, const char *part, const char *port, enum pl_dim dim, double value)
{
  struct world *world = ctx;
  if (strcmp(world->part, part) != 0) {
    fprintf(world->file, "%s\n    ", *world->part ? "}," : "");
    pl_cli_json_text(world->file, part);
    fputs(": {", world->file);
    snprintf(world->part, sizeof world->part, "%s", part);
    world->any = false;
  }
  fprintf(world->file, "%s\n      ", world->any ? "," : "");
  pl_cli_json_text(world->file, port);
  if (isfinite(value))
    fprintf(world->file, ": {\"value\": %.10g, \"unit\": ", dim == PL_DIM_RATIO ? value * 100 : value);
  else
    fputs(": {\"value\": null, \"unit\": ", world->file); /* JSON has no words for it */
  pl_cli_json_text(world->file, pl_dim_base_unit(dim));
  fputc('}', world->file);
  world->any = true;
}

static void put_fault(void *ctx, const struct pl_fault_told *fault)
{
  struct world *world = ctx;
  fprintf(world->file, "%s\n    {\"fault\": ", world->any ? "," : "");
  pl_cli_json_text(world->file, fault->spec);
  fprintf(world->file, ", \"state\": \"%s\", \"acted\": %llu}", pl_fault_state_name(fault->state), (unsigned long long)fault->acted);
  world->any = true;
}

static enum pl_status save_world(const struct pl_first_failure *first, const char *path, struct pl_err *err)
{
  const struct pl_backend_desc *rack = pl_bench_backend_desc(first->bench);
  struct pl_backend *backend = pl_bench_backend(first->bench);
  const struct pl_clock *clock = pl_bench_clock(first->bench);
  pl_time_ns now = pl_clock_now(clock);
  char stamp[PL_STAMP_LEN];
  struct world world = {.file = fopen(path, "wx")};
  if (!world.file)
    return pl_fail_errno(err, "cannot write the state of the virtual rack to %s", path);
  pl_stamp_write(pl_clock_wall_ns(clock, now), stamp);
  fprintf(world.file, "{\n  \"time\": \"%.*s\",\n  \"seconds\": %.9f,\n  \"parts\": {", PL_STAMP_LEN, stamp, (double)now / (double)PL_S);
  rack->each_truth(backend, put_truth, &world);
  fprintf(world.file, "%s\n  },\n  \"faults\": [", *world.part ? "}" : "");
  world.any = false;
  if (rack->planted)
    (void)rack->planted(backend, put_fault, &world, NULL); /* else there are none */
  fputs("\n  ]\n}\n", world.file);
  bool bad = ferror(world.file);
  if (fclose(world.file) || bad)
    return pl_fail_errno(err, "cannot write the state of the virtual rack to %s", path);
  return PL_OK;
}

/* --- all of it --- */

static void note(const struct pl_first_failure *first, int step, enum pl_status status, const struct pl_err *err, const char *what, const char *path,
                 const char *type)
{
  if (status)
    pl_journal_log(first->journal, step, "WARNING", err->text);
  else
    pl_journal_file(first->journal, step, what, path, type);
}

static void keep_capture(const struct pl_first_failure *first, int step)
{
  char path[1100];
  struct pl_err err = {0};
  enum pl_status status = PL_OK;
  const char *file = first->capture_file;
  if (!first->capture)
    return;
  if (!file) {
    set_aside(first->dir, "capture", ".pcapng");
    snprintf(path, sizeof path, "%s/capture.pcapng", first->dir);
    status = pl_capture_save(first->capture, path, &err);
    file = path;
  }
  note(first, step, status, &err, "bus capture", file, "application/x-pcapng");
}

static void keep_readings(const struct pl_first_failure *first, int step)
{
  char path[1100];
  struct pl_err err = {0};
  const struct pl_clock *clock = pl_bench_clock(first->bench);
  if (!first->readings)
    return;
  set_aside(first->dir, "readings", ".csv");
  snprintf(path, sizeof path, "%s/readings.csv", first->dir);
  enum pl_status status = pl_readings_save(first->readings, clock, pl_clock_now(clock), PL_FIRST_FAILURE_SPAN, path, NULL, &err);
  note(first, step, status, &err, "last readings", path, "text/csv");
}

static void keep_world(const struct pl_first_failure *first, int step)
{
  char path[1100];
  struct pl_err err = {0};
  const struct pl_backend_desc *rack = pl_bench_backend_desc(first->bench);
  if (!rack || !rack->each_truth || !pl_bench_backend(first->bench))
    return;
  set_aside(first->dir, "world", ".json");
  snprintf(path, sizeof path, "%s/world.json", first->dir);
  enum pl_status status = save_world(first, path, &err);
  note(first, step, status, &err, "state of the virtual rack", path, "application/json");
}

void pl_first_failure_keep(struct pl_first_failure *first, int step)
{
  bool own = step < 0;
  if (first->done || !first->bench)
    return;
  first->done = true;
  if (own) /* a file belongs to a step */
    pl_journal_step_start(first->journal, &(struct pl_journal_step){.name = "what was there when it failed", .parent = -1, .kind = "step", .attempt = 1}, &step);
  keep_capture(first, step);
  keep_readings(first, step);
  keep_world(first, step);
  if (own)
    pl_journal_step_end(first->journal, step, PL_STEP_COMPLETE, false);
}

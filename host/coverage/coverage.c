/* SPDX-License-Identifier: Apache-2.0 */
#include "host/coverage/coverage.h"
#include "host/coverage/cases.h"
#include "host/coverage/one.h"
#include "host/coverage/pool.h"

#include <string.h>

/* Healthy runs come first: they say how long a sequence takes, which the moment of a fault in the middle needs. */
struct pl_coverage_made { /* what the caller sees, and what it stands on */
  struct pl_coverage coverage;
  struct pl_cases cases;
  double *seconds; /* of a healthy run, a sequence */
};

struct running {
  const struct pl_coverage_cfg *cfg;
  struct pl_coverage_made *made;
  size_t done, all;
};

static void tell(struct running *r)
{
  r->done++;
  if (r->cfg->progress)
    r->cfg->progress(r->cfg->progress_ctx, r->done, r->all, &r->made->coverage);
}

/* --- healthy --- */

static void work_healthy(void *ctx, size_t index, void *result)
{
  const struct running *r = ctx;
  pl_one_run(r->cfg, index % r->cfg->n_sequences, NULL, r->cfg->seed + index / r->cfg->n_sequences, result);
}

/* Runs end in any order; the alarms that are kept are the first by seed and sequence, so the same seeds give the same list at any number of jobs. */
static struct pl_coverage_alarm *room_for_alarm(struct pl_coverage *c, uint64_t seed, size_t sequence)
{
  size_t at = c->n_alarms;
  while (at && (c->alarms[at - 1].seed > seed || (c->alarms[at - 1].seed == seed && c->alarms[at - 1].sequence > sequence)))
    at--;
  if (at == PL_COVERAGE_ALARMS_MAX)
    return NULL;
  if (c->n_alarms < PL_COVERAGE_ALARMS_MAX)
    c->n_alarms++;
  memmove(&c->alarms[at + 1], &c->alarms[at], (c->n_alarms - at - 1) * sizeof *c->alarms);
  c->alarms[at] = (struct pl_coverage_alarm){.sequence = sequence, .seed = seed};
  return &c->alarms[at];
}

static void done_healthy(void *ctx, size_t index, const void *result, const char *how)
{
  struct running *r = ctx;
  struct pl_coverage *c = &r->made->coverage;
  const struct pl_one *one = result;
  size_t sequence = index % c->n_sequences;
  if (one && one->seconds > r->made->seconds[sequence])
    r->made->seconds[sequence] = one->seconds;
  if (!one || one->found || one->unjudged || one->interlock) {
    c->alarmed[sequence]++;
    struct pl_coverage_alarm *alarm = room_for_alarm(c, r->cfg->seed + index / c->n_sequences, sequence);
    if (alarm) {
      snprintf(alarm->blamed, sizeof alarm->blamed, "%s", one ? one->blamed : "");
      snprintf(alarm->message, sizeof alarm->message, "%s", one ? one->message : how);
    }
  }
  tell(r);
}

/* --- with a fault --- */

/* A number of its own for every run, from the seed (splitmix64). */
static double chance(uint64_t seed, size_t index)
{
  uint64_t z = seed + (index + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

/* Late enough that something has been judged, early enough that something still is. */
#define MID_FROM 0.05
#define MID_TO 0.75

static void work_fault(void *ctx, size_t index, void *result)
{
  const struct running *r = ctx;
  size_t sequence = index % r->cfg->n_sequences;
  const char *spec = r->made->cases.items[index / r->cfg->n_sequences].spec;
  char at[256];
  if (r->cfg->mid && !strchr(spec, '@')) {
    double part = MID_FROM + (MID_TO - MID_FROM) * chance(r->cfg->seed, index);
    snprintf(at, sizeof at, "%.200s@%.3fs", spec, part * r->made->seconds[sequence]);
    spec = at;
  }
  pl_one_run(r->cfg, sequence, spec, r->cfg->seed, result);
}

static void done_fault(void *ctx, size_t index, const void *result, const char *how)
{
  struct running *r = ctx;
  const struct pl_one *one = result;
  struct pl_coverage_cell *cell = &r->made->coverage.cells[index];
  if (!one) {
    cell->outcome = PL_CELL_CRASHED;
    snprintf(cell->message, sizeof cell->message, "%s", how);
  } else {
    cell->outcome = pl_one_judge(r->cfg->rig, &r->made->cases.items[index / r->cfg->n_sequences], one);
    cell->seconds = one->seconds;
    memcpy(cell->verdict, one->verdict, sizeof cell->verdict);
    memcpy(cell->blamed, one->blamed, sizeof cell->blamed);
    memcpy(cell->message, one->message, sizeof cell->message);
  }
  tell(r);
}

/* --- all --- */

static enum pl_status make(const struct pl_coverage_cfg *cfg, struct pl_coverage_made **out, struct pl_err *err)
{
  struct pl_coverage_made *made = calloc(1, sizeof *made);
  *out = made;
  if (!made)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a coverage run");
  enum pl_status status = cfg->no_faults ? PL_OK : pl_cases_collect(cfg, &made->cases, err);
  if (status)
    return status;
  struct pl_coverage *c = &made->coverage;
  *c = (struct pl_coverage){.rig = cfg->rig->name, .when = cfg->mid ? "in the middle" : "at the start", .command_line = cfg->command_line, .seed = cfg->seed,
                            .n_sequences = cfg->n_sequences, .n_faults = made->cases.count,
                            .n_not_applicable = made->cases.n_not_applicable, .not_applicable = made->cases.not_applicable, .n_healthy = cfg->healthy ? cfg->healthy : 1, .jobs = cfg->jobs};
  c->sequences = calloc(c->n_sequences + 1, sizeof *c->sequences);
  c->paths = calloc(c->n_sequences + 1, sizeof *c->paths);
  c->alarmed = calloc(c->n_sequences + 1, sizeof *c->alarmed);
  c->alarms = calloc(PL_COVERAGE_ALARMS_MAX, sizeof *c->alarms);
  c->faults = calloc(c->n_faults + 1, sizeof *c->faults);
  c->cells = calloc(c->n_faults * c->n_sequences + 1, sizeof *c->cells);
  made->seconds = calloc(c->n_sequences + 1, sizeof *made->seconds);
  if (!c->sequences || !c->paths || !c->alarmed || !c->alarms || !c->faults || !c->cells || !made->seconds)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a coverage run");
  for (size_t s = 0; s < c->n_sequences; s++) {
    c->sequences[s] = pl_sequence_name(cfg->sequences[s]);
    c->paths[s] = cfg->paths[s];
  }
  for (size_t i = 0; i < c->n_faults * c->n_sequences; i++)
    c->cells[i].outcome = PL_CELL_IDLE; /* until it is run */
  for (size_t f = 0; f < c->n_faults; f++) {
    const struct pl_fault_case *each = &made->cases.items[f];
    c->faults[f] = (struct pl_coverage_fault){each->fault, each->kind, each->spec, each->about, each->device ? each->device : each->part ? each->part : each->bus};
  }
  return PL_OK;
}

enum pl_status pl_coverage_run(const struct pl_coverage_cfg *cfg, struct pl_coverage **out, struct pl_err *err)
{
  struct pl_coverage_made *made = NULL;
  struct pl_clock *clock = NULL;
  *out = NULL;
  enum pl_status status = make(cfg, &made, err);
  if (!status)
    status = pl_clock_new_real(&clock, err);
  if (status) {
    pl_coverage_free(made ? &made->coverage : NULL);
    return status;
  }
  pl_time_ns from = pl_clock_now(clock);
  struct pl_coverage *c = &made->coverage;
  size_t n_healthy = c->n_healthy * c->n_sequences, n_faults = c->n_faults * c->n_sequences;
  struct running r = {.cfg = cfg, .made = made, .all = n_healthy + n_faults};
  struct pl_pool pool = {.count = n_healthy, .jobs = cfg->jobs, .result_size = sizeof(struct pl_one), .limit = cfg->limit, .stop = cfg->stop,
                         .work = work_healthy, .done = done_healthy, .ctx = &r};
  status = pl_pool_run(&pool, err);
  pool.count = n_faults;
  pool.work = work_fault;
  pool.done = done_fault;
  if (!status && n_faults)
    status = pl_pool_run(&pool, err);
  c->wall_s = (double)(pl_clock_now(clock) - from) / (double)PL_S;
  pl_clock_free(clock);
  if (status)
    pl_coverage_free(c);
  else
    *out = c;
  return status;
}

void pl_coverage_free(struct pl_coverage *coverage)
{
  struct pl_coverage_made *made = (struct pl_coverage_made *)(void *)coverage; /* its first member */
  if (!made)
    return;
  pl_cases_free(&made->cases);
  free(made->seconds);
  free(coverage->sequences);
  free(coverage->paths);
  free(coverage->alarmed);
  free(coverage->alarms);
  free(coverage->faults);
  free(coverage->cells);
  free(made);
}

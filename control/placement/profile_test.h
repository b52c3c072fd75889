/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_PROFILE_TEST_H
#define PL_CONTROL_PROFILE_TEST_H

/* The shipped traces, and what a profile must beat on them: for the test and the bench. */
#include "control/placement/profile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACES "control/placement/traces/"
enum { PERIOD_S = 300, A_DAY = 86400 / PERIOD_S, A_WEEK = 7 * A_DAY, SAMPLES_MAX = 20000, HOUR = 3600 / PERIOD_S };

struct trace {
  const char *name;
  double value[SAMPLES_MAX]; /* NAN: none */
  size_t count;
};

static inline bool load(const char *path, struct trace *trace)
{
  char line[128];
  const char *name = strrchr(path, '/');
  *trace = (struct trace){.name = name ? name + 1 : path};
  FILE *in = fopen(path, "r");
  if (!in || !fgets(line, sizeof line, in)) {
    fprintf(stderr, "cannot read %s: run it where the sources are\n", path);
    return false;
  }
  while (trace->count < SAMPLES_MAX && fgets(line, sizeof line, in)) {
    const char *cell = strchr(line, ',');
    trace->value[trace->count++] = cell && cell[1] > ' ' ? strtod(cell + 1, NULL) : NAN;
  }
  fclose(in);
  return true;
}

/* --- what it must beat: each from the samples up to and with `now`, for `ahead` samples later --- */

static inline double at_or_before(const struct trace *t, size_t i)
{
  while (i > 0 && isnan(t->value[i]))
    i--;
  return t->value[i];
}

static inline double as_last(const struct trace *t, size_t now, size_t ahead)
{
  (void)ahead;
  return at_or_before(t, now);
}

static inline double as_before(const struct trace *t, size_t now, size_t ahead, size_t season)
{
  size_t then = now + ahead;
  while (then > now)
    then -= season;
  return at_or_before(t, then);
}

static inline double as_a_day_ago(const struct trace *t, size_t now, size_t ahead)
{
  return as_before(t, now, ahead, A_DAY);
}

static inline double as_a_week_ago(const struct trace *t, size_t now, size_t ahead)
{
  return as_before(t, now, ahead, A_WEEK);
}

static inline double mean_of_hour(const struct trace *t, size_t now, size_t ahead)
{
  double sum = 0;
  (void)ahead;
  for (size_t i = 0; i < HOUR; i++)
    sum += at_or_before(t, now - i);
  return sum / HOUR;
}

static inline double drift_of_hour(const struct trace *t, size_t now, size_t ahead)
{
  double last = at_or_before(t, now);
  return last + (last - at_or_before(t, now - HOUR)) / HOUR * (double)ahead;
}

static const struct peer {
  const char *name;
  double (*forecast)(const struct trace *t, size_t now, size_t ahead);
} PEERS[] = {
    {"as last time", as_last},         {"as a day ago", as_a_day_ago},      {"as a week ago", as_a_week_ago},
    {"mean of an hour", mean_of_hour}, {"line through an hour", drift_of_hour},
};
enum { N_PEERS = sizeof PEERS / sizeof *PEERS, N_ALL = N_PEERS + 1 };

static const struct {
  const char *name;
  size_t ahead;
} HORIZONS[] = {{"5 min", 300 / PERIOD_S}, {"1 h", HOUR}};
enum { N_HORIZONS = sizeof HORIZONS / sizeof *HORIZONS };

static const char *const SHIPPED[] = {TRACES "daily.csv", TRACES "bursty.csv", TRACES "ramp.csv", TRACES "machine.csv"};
enum { N_SHIPPED = sizeof SHIPPED / sizeof *SHIPPED };

struct score {
  double sum, worst;
  size_t n, inside;
};

static inline void note(struct score *score, double forecast, double value)
{
  double error = fabs(forecast - value);
  score->sum += error;
  score->worst = fmax(score->worst, error);
  score->n++;
}

static inline struct pl_profile *make(void)
{
  struct pl_profile *profile;
  struct pl_err err = {0};
  if (pl_profile_new(&(struct pl_profile_cfg){.period_s = PERIOD_S, .seasons_s = {86400, 604800}, .horizon_s = 3600}, &profile, &err)) {
    fprintf(stderr, "%s\n", err.text);
    exit(1);
  }
  return profile;
}

static inline void run(const struct trace *t, struct score scores[N_HORIZONS][N_ALL])
{
  struct pl_profile *profile = make();
  for (size_t now = 0; now < t->count; now++) {
    pl_profile_add(profile, t->value[now]);
    for (size_t h = 0; now >= A_WEEK && h < N_HORIZONS; h++) {
      size_t ahead = HORIZONS[h].ahead;
      if (now + ahead >= t->count || isnan(t->value[now + ahead]))
        continue;
      double value = t->value[now + ahead];
      struct pl_forecast f;
      for (size_t p = 0; p < N_PEERS; p++)
        note(&scores[h][p], PEERS[p].forecast(t, now, ahead), value);
      if (pl_profile_forecast(profile, (double)(ahead * PERIOD_S), &f)) {
        note(&scores[h][N_PEERS], f.value, value);
        scores[h][N_PEERS].inside += value >= f.low && value <= f.high;
      }
    }
  }
  pl_profile_free(profile);
}

static inline double over_naive(struct score scores[N_ALL], size_t i)
{
  return scores[i].sum / scores[0].sum;
}

#endif

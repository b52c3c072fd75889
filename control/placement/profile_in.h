/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_PROFILE_IN_H
#define PL_CONTROL_PROFILE_IN_H

#include "control/placement/profile.h"

/*
 * A handful of simple forecasters (experts), each a few operations a sample, and a ladder of horizons (1, 2, 4, ... samples, and the longest asked for). On
 * each rung every expert forecasts, is judged when the sample comes, and weighs by how much better it was lately than what was told, which is their weighted mean.
 * How far that was off gives the rung's band. docs/forecast.md says what comes of it.
 */
enum {
  LEVELS = 5,                  /* exponential means, the quickest of which is the last sample itself */
  TRENDS = 3,                  /* each by two neighbouring levels: what lies between them, over how much older the slower is */
  SEASONS = 2,
  SHIFTS = 3,                  /* how fast a season is moved to where the level now stands; and unmoved */
  EXPERTS = LEVELS + TRENDS + SEASONS * (1 + SHIFTS),
  RUNGS_MAX = 16,              /* 32,768 samples ahead */
  FLIGHT = 16,                 /* forecasts that wait for their sample on each rung; on long ones not every sample gets one */
  BINS_MAX = 672               /* of a season: a week's quarters of an hour */
};
#define PL_PROFILE_COUNT_MAX (1u << 31) /* of turns: 68 years at one a second. Then it begins anew; other counts stay there */

struct pl_profile_rung {
  float flight[FLIGHT + 1][EXPERTS + 1]; /* the last: the weighted mean. NAN: none */
  float regret[EXPERTS], power[EXPERTS]; /* how much better each would have been than what was told; sum of squares of that */
  float error[EXPERTS];              /* of each, mean absolute */
  float off, under, over;            /* mean absolute error of what was told; bounds that 5 % fall below and 5 % above, from what was told */
  uint32_t told;
};

struct pl_profile_season {
  uint32_t length, bin, bins; /* in samples; of a bin; how many */
  float shift[SHIFTS];
  float off;                  /* mean absolute error of the bins */
  float sum;                  /* of the bin at hand */
  uint32_t n, visits;
};

struct pl_profile {
  struct pl_profile_cfg cfg;
  uint32_t n_rungs, horizon;  /* in samples */
  /* From here on: what is saved (profile_save.c). */
  uint32_t turns, samples;    /* all, and those that had a value */
  double level[LEVELS], age[LEVELS]; /* age: mean of what it is made of, in samples */
  double least;               /* sample so far */
  int32_t odd;                /* side on which the last sample was far off: taken as a change if the next one is there as well */
  struct pl_profile_season season[SEASONS];
  float bins[SEASONS][BINS_MAX]; /* NAN: not seen yet */
  struct pl_profile_rung rung[]; /* n_rungs */
};

void pl_profile_begin(struct pl_profile *profile); /* as new: nothing is known yet */
uint32_t pl_profile_text_sum(const char *text, size_t size); /* what ends a saved text */

#endif

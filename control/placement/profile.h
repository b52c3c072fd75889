/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_PROFILE_H
#define PL_CONTROL_PROFILE_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a workload uses, learned on line from samples at a steady period: level, trend and season, and how wrong the forecasts were, which gives the band.
 * Pure; a fixed amount of memory each, so that a rack's thousands of profiles are cheap. One profile for one dimension of one workload.
 */
struct pl_profile;
struct pl_profile_cfg {
  double period_s;     /* between samples */
  double seasons_s[2]; /* lengths looked for, longest last: 86400 and 604800; 0: none */
  double horizon_s;    /* how far ahead it is asked, at most */
};
enum pl_status pl_profile_new(const struct pl_profile_cfg *cfg, struct pl_profile **profile, struct pl_err *err);
void pl_profile_free(struct pl_profile *profile);
/* The next sample in its turn; NAN: it could not be had (the gap is bridged, and widens the band). */
void pl_profile_add(struct pl_profile *profile, double value);
size_t pl_profile_count(const struct pl_profile *profile); /* turns so far, gaps included */

struct pl_forecast {
  double value, low, high; /* expected, and the band in which 9 of 10 fall */
  const char *model;       /* which one spoke: "seasonal", "trend", "level" */
};
/* ahead_s after the last sample. false: too little is known yet (fewer than 3 samples). */
bool pl_profile_forecast(const struct pl_profile *profile, double ahead_s, struct pl_forecast *forecast);
/* The highest of it and of its upper band from now to ahead_s: what is placed and moved by. */
bool pl_profile_peak(const struct pl_profile *profile, double ahead_s, double *expected, double *high);
/*
 * Of several workloads together. Values add; what lies between value and bound adds as the root of squares, as errors do that know nothing of each other: right
 * for workloads of different kinds, too narrow where one cause moves all (replicas behind one balancer). sum: begins as {0}; its model is that of the largest.
 */
void pl_forecast_add(struct pl_forecast *sum, const struct pl_forecast *more);
/* The highest of their sum (less than the sum of their highest: not all peak together). Those of which too little is known are left out; false: all are. */
bool pl_profiles_peak(const struct pl_profile *const *profiles, size_t count, double ahead_s, double *expected, double *high);
/* What must outlive a restart: malloc'd text, and back (PL_E_RANGE: damaged; the profile is then as new). */
char *pl_profile_save(const struct pl_profile *profile);
enum pl_status pl_profile_load(struct pl_profile *profile, const char *text, struct pl_err *err);

#endif

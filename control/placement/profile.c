/* SPDX-License-Identifier: Apache-2.0 */
#include "control/placement/profile_in.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LEVEL_RATE[LEVELS] = {1, 0.5, 0.2, 0.05, 0.01};
static const double SHIFT_RATE[SHIFTS] = {1, 0.2, 0.02};

#define MEMORY 100.0    /* forecasts on a rung: what "of late" is for errors */
#define LONG_MEMORY 500.0 /* of each expert's */
#define FADE 0.9995     /* of regret, a forecast */
#define SEASON_RATE 0.12
#define ODD 12.0        /* times the usual error: as far as one sample alone is believed */
#define FAR 20.0        /* times the usual error: as much as one error counts */
#define OUTLIER 1000.0  /* times the usual error: as much as one error counts for an expert's mean */
#define HOPELESS 10.0   /* times the last sample's error: who errs as much is not asked */
#define HUGE_SAMPLE 1e30
#define TAIL 0.05       /* on each side of the band */
#define TAIL_STEP 0.1   /* of the usual error */
#define QUICK 20.0      /* and more in the beginning: this over the number of forecasts */
#define QUIET 2.0       /* an hour of silence is no certainty: as much as it usually moves counts, over this */
#define PEAK_POINTS 720

static double clip(double value, double limit)
{
  return fmin(fmax(value, -limit), limit);
}

/* --- experts: what each expects `ahead` samples after the last turn; NAN: it does not know yet --- */

static double season_at(const struct pl_profile *p, size_t s, uint32_t turn)
{
  const struct pl_profile_season *season = &p->season[s];
  return season->length ? (double)p->bins[s][turn % season->length / season->bin] : NAN;
}

static void ask(const struct pl_profile *p, uint32_t ahead, double *out)
{
  for (size_t i = 0; i < LEVELS; i++)
    *out++ = p->level[i];
  for (size_t i = 1; i <= TRENDS; i++) {
    double apart = p->age[i + 1] - p->age[i];
    *out++ = apart > 0 ? clip(p->level[i] + (p->level[i] - p->level[i + 1]) / apart * (p->age[i] + ahead), HUGE_SAMPLE) : p->level[i];
  }
  for (size_t s = 0; s < SEASONS; s++) {
    double then = season_at(p, s, p->turns - 1 + ahead);
    *out++ = then;
    for (size_t i = 0; i < SHIFTS; i++)
      *out++ = then + (double)p->season[s].shift[i];
  }
}

static const char *expert_word(size_t expert)
{
  return expert < LEVELS ? "level" : expert < LEVELS + TRENDS ? "trend" : "seasonal";
}

/* --- a rung: weights --- */

/* By regret: how much better each would have been than what was told, over its spread (ML-Poly; Gaillard, Stoltz, van Erven 2014; here with a memory that
 * fades). Who would not have been better has no weight; who does not know yet, or errs far more than the last sample does, none either. */
static double weight_of(const struct pl_profile_rung *rung, size_t expert, double value)
{
  bool silent = isnan(value) || rung->regret[expert] <= 0 || (double)rung->error[expert] > HOPELESS * (double)rung->error[0];
  return silent ? 0 : (double)rung->regret[expert] / (1 + (double)rung->power[expert]);
}

static void weigh(const struct pl_profile *p, size_t rung, const double *values, double *weights)
{
  double sum = 0;
  for (size_t r = rung + 1; r-- > 0 && sum <= 0;) /* where none was better yet: as on the rung below */
    for (size_t i = 0; i < EXPERTS; i++)
      sum += weights[i] = weight_of(&p->rung[r], i, values[i]);
  if (sum <= 0)
    weights[0] = sum = 1; /* as last time */
  for (size_t i = 0; i < EXPERTS; i++)
    weights[i] /= sum;
}

static double mean_of(const double *values, const double *weights)
{
  double mean = 0;
  for (size_t i = 0; i < EXPERTS; i++)
    if (weights[i] > 0)
      mean += weights[i] * values[i];
  return mean;
}

static double usual(const struct pl_profile_rung *rung)
{
  return fmax((double)rung->off, (double)rung->error[0] / QUIET);
}

/* Bounds that move towards what falls outside, and slowly back: in the long run TAIL of the errors lie beyond each, whatever their distribution (quantile
 * tracking; Angelopoulos, Candes, Tibshirani 2023). */
static void widen(struct pl_profile_rung *rung, double error)
{
  double step = fmax(TAIL_STEP, QUICK / rung->told) * usual(rung);
  if (rung->told <= 10) {
    rung->over = (float)fmax(rung->over, error), rung->under = (float)fmin(rung->under, error);
    return;
  }
  rung->over += (float)(step * (error > (double)rung->over ? 1 - TAIL : -TAIL));
  rung->under -= (float)(step * (error < (double)rung->under ? 1 - TAIL : -TAIL));
}

/* A mean of what is worth remembering: of all in the beginning. */
static void follow(float *mean, double value, uint32_t n, double scale)
{
  double limit = n > 10 ? FAR * scale : INFINITY;
  *mean += (float)((fmin(value, limit) - (double)*mean) * fmax(1.0 / n, 1 / MEMORY));
}

static void judge(struct pl_profile_rung *rung, const float *flight, double value)
{
  double told = (double)flight[EXPERTS], error = value - told;
  double unit = fmax(rung->told ? (double)rung->error[0] : fabs(error), 1e-30); /* as much as it moves in that time */
  double limit = rung->told > 10 && usual(rung) > 0 ? OUTLIER * usual(rung) : INFINITY;
  rung->told += rung->told < PL_PROFILE_COUNT_MAX;
  for (size_t i = 0; i < EXPERTS; i++)
    if (!isnan(flight[i])) {
      double better = clip(((double)flight[i] - told) / unit, FAR) * (error < 0 ? -1 : error > 0); /* by the slope of the absolute error */
      rung->regret[i] = (float)(FADE * (double)rung->regret[i] + better);
      rung->power[i] = (float)(FADE * (double)rung->power[i] + better * better);
      rung->error[i] += (float)((fmin(fabs(value - (double)flight[i]), limit) - (double)rung->error[i]) * fmax(1.0 / rung->told, 1 / LONG_MEMORY));
    }
  widen(rung, error);
  follow(&rung->off, fabs(error), rung->told, usual(rung));
}

/* In samples: powers of two, and at last the horizon itself. */
static uint32_t length_of(const struct pl_profile *p, size_t rung)
{
  return rung + 1 < p->n_rungs ? 1u << rung : p->horizon;
}

/* On long rungs one turn of each `stride` forecasts: which, is as good as chance, lest it be the same hours of each day. NULL: not this one. */
static float *flight_of(struct pl_profile *p, size_t rung, uint32_t turn)
{
  uint32_t stride = (length_of(p, rung) + FLIGHT - 1) / FLIGHT, nth = turn / stride;
  return (nth * 2654435761u >> 16) % stride == turn % stride ? p->rung[rung].flight[nth % (FLIGHT + 1)] : NULL;
}

static void judge_all(struct pl_profile *p, double value)
{
  for (size_t r = 0; r < p->n_rungs; r++) {
    float *flight = p->turns >= length_of(p, r) ? flight_of(p, r, p->turns - length_of(p, r)) : NULL;
    if (!flight)
      continue;
    if (!isnan(value) && !isnan(flight[EXPERTS]))
      judge(&p->rung[r], flight, value);
    flight[EXPERTS] = NAN;
  }
}

static void send_all(struct pl_profile *p)
{
  double values[EXPERTS], weights[EXPERTS];
  for (size_t r = 0; r < p->n_rungs; r++) {
    float *flight = flight_of(p, r, p->turns - 1);
    if (!flight)
      continue;
    ask(p, length_of(p, r), values);
    weigh(p, r, values, weights);
    for (size_t i = 0; i < EXPERTS; i++)
      flight[i] = (float)values[i];
    flight[EXPERTS] = (float)mean_of(values, weights);
  }
}

/* --- learning --- */

static void learn_levels(struct pl_profile *p, double value)
{
  for (size_t i = 0; i < LEVELS; i++) {
    double rate = fmax(LEVEL_RATE[i], 1.0 / p->samples);
    p->level[i] += rate * (value - p->level[i]);
    p->age[i] = (1 - rate) * (p->age[i] + 1);
  }
}

static void learn_season(struct pl_profile *p, size_t s, double value)
{
  struct pl_profile_season *season = &p->season[s];
  if (!season->length)
    return;
  uint32_t at = p->turns % season->length;
  float *bin = &p->bins[s][at / season->bin];
  if (!isnan(value)) {
    for (size_t i = 0; i < SHIFTS && !isnan(*bin); i++)
      season->shift[i] += (float)(SHIFT_RATE[i] * (value - (double)*bin - (double)season->shift[i]));
    season->sum += (float)value;
    season->n++;
  }
  if ((at + 1) % season->bin && at + 1 != season->length)
    return;
  if (season->n) {
    double mean = (double)season->sum / season->n, error = mean - (double)*bin;
    if (isnan(*bin)) {
      *bin = (float)mean;
    } else {
      double rate = fmax(1.0 / (1 + p->turns / season->length), SEASON_RATE);
      season->visits += season->visits < PL_PROFILE_COUNT_MAX;
      *bin += (float)(rate * clip(error, season->visits > 10 ? ODD * (double)season->off : INFINITY));
      follow(&season->off, fabs(error), season->visits, (double)season->off);
    }
  }
  season->sum = 0, season->n = 0;
}

/* One sample far off is believed only as far as a sample may be off; two on the same side are a change. */
static double believed(struct pl_profile *p, double value)
{
  struct pl_forecast expected;
  const struct pl_profile_rung *rung = &p->rung[0];
  if (rung->told < 20 || !pl_profile_forecast(p, 0, &expected))
    return value;
  double off = value - expected.value, limit = ODD * (double)rung->off;
  int side = off > limit ? 1 : off < -limit ? -1 : 0;
  bool alone = side && side != p->odd;
  p->odd = side;
  return alone ? expected.value + clip(off, limit) : value;
}

void pl_profile_add(struct pl_profile *profile, double value)
{
  struct pl_profile *p = profile;
  if (p->turns == PL_PROFILE_COUNT_MAX)
    pl_profile_begin(p);
  value = isfinite(value) ? clip(value, HUGE_SAMPLE) : NAN;
  judge_all(p, value);
  bool had = !isnan(value);
  if (had) {
    p->samples++;
    p->least = p->samples == 1 ? value : fmin(p->least, value);
    value = believed(p, value);
    learn_levels(p, value);
  } else {
    for (size_t i = 0; i < LEVELS; i++)
      p->age[i]++;
  }
  for (size_t s = 0; s < SEASONS; s++)
    learn_season(p, s, value);
  p->turns++;
  if (had)
    send_all(p);
}

size_t pl_profile_count(const struct pl_profile *profile)
{
  return profile->turns;
}

/* --- telling --- */

static uint32_t steps_of(const struct pl_profile *p, double ahead_s)
{
  double steps = round(ahead_s / p->cfg.period_s);
  return steps > 1 ? (uint32_t)fmin(steps, 1e8) : 1; /* NAN as well */
}

/* The rungs below and above, and how far up from the one to the other. */
static double between(const struct pl_profile *p, double ahead, size_t *below, size_t *above)
{
  size_t r = 0;
  while (r + 1 < p->n_rungs && p->rung[r + 1].told && length_of(p, r + 1) <= ahead)
    r++;
  *below = r;
  *above = r + 1 < p->n_rungs && p->rung[r + 1].told ? r + 1 : r;
  return *above > r ? log2(ahead / length_of(p, r)) / log2((double)length_of(p, r + 1) / length_of(p, r)) : 0;
}

static void tell(const struct pl_profile *p, uint32_t ahead, struct pl_forecast *out)
{
  double values[EXPERTS], low_w[EXPERTS], high_w[EXPERTS], since = ahead + p->age[0]; /* the last sample may have come before the last turn */
  size_t r, next;
  double share = between(p, since, &r, &next);
  const struct pl_profile_rung *a = &p->rung[r], *b = &p->rung[next];
  ask(p, ahead, values);
  weigh(p, r, values, low_w);
  weigh(p, next, values, high_w);
  size_t best = 0;
  for (size_t i = 0; i < EXPERTS; i++) {
    low_w[i] += share * (high_w[i] - low_w[i]);
    best = low_w[i] > low_w[best] ? i : best;
  }
  double wider = sqrt(fmax(1, since / length_of(p, next))); /* beyond what was learned: as errors that add up */
  out->value = mean_of(values, low_w);
  out->low = out->value + wider * fmin(0, (double)a->under + share * (double)(b->under - a->under));
  out->high = out->value + wider * fmax(0, (double)a->over + share * (double)(b->over - a->over));
  out->model = expert_word(best);
  if (p->least >= 0) { /* what was never negative will not be */
    out->value = fmax(out->value, 0);
    out->low = fmax(out->low, 0);
    out->high = fmax(out->high, 0);
  }
}

bool pl_profile_forecast(const struct pl_profile *profile, double ahead_s, struct pl_forecast *forecast)
{
  if (profile->samples < 3)
    return false;
  tell(profile, steps_of(profile, ahead_s), forecast);
  return true;
}

void pl_forecast_add(struct pl_forecast *sum, const struct pl_forecast *more)
{
  double below = hypot(sum->value - sum->low, more->value - more->low), above = hypot(sum->high - sum->value, more->high - more->value);
  if (!sum->model || fabs(more->value) > fabs(sum->value))
    sum->model = more->model;
  sum->value += more->value;
  sum->low = sum->value - below;
  sum->high = sum->value + above;
}

bool pl_profiles_peak(const struct pl_profile *const *profiles, size_t count, double ahead_s, double *expected, double *high)
{
  double period_s = INFINITY;
  for (size_t i = 0; i < count; i++)
    if (profiles[i]->samples >= 3)
      period_s = fmin(period_s, profiles[i]->cfg.period_s);
  if (isinf(period_s))
    return false;
  size_t steps = (size_t)fmin(fmax(ceil(ahead_s / period_s), 1), PEAK_POINTS);
  *expected = *high = -INFINITY;
  for (size_t step = 1; step <= steps; step++) {
    struct pl_forecast sum = {0}, one;
    for (size_t i = 0; i < count; i++)
      if (pl_profile_forecast(profiles[i], ahead_s * (double)step / (double)steps, &one))
        pl_forecast_add(&sum, &one);
    *expected = fmax(*expected, sum.value);
    *high = fmax(*high, sum.high);
  }
  return true;
}

bool pl_profile_peak(const struct pl_profile *profile, double ahead_s, double *expected, double *high)
{
  return pl_profiles_peak(&profile, 1, ahead_s, expected, high);
}

/* --- making --- */

static enum pl_status season_init(struct pl_profile *p, size_t s, double length_s, struct pl_err *err)
{
  double length = round(length_s / p->cfg.period_s);
  if (length_s == 0)
    return PL_OK;
  if (!(length >= 2 && length <= 1e9))
    return pl_fail(err, PL_E_USAGE, "profile: a season of %g s has no use with a sample every %g s; it needs at least two samples", length_s, p->cfg.period_s);
  struct pl_profile_season *season = &p->season[s];
  season->length = (uint32_t)length;
  season->bin = (season->length + BINS_MAX - 1) / BINS_MAX;
  season->bins = (season->length + season->bin - 1) / season->bin;
  return PL_OK;
}

void pl_profile_begin(struct pl_profile *profile)
{
  struct pl_profile *p = profile, fresh = {.cfg = p->cfg, .n_rungs = p->n_rungs, .horizon = p->horizon};
  for (size_t s = 0; s < SEASONS; s++)
    fresh.season[s] = (struct pl_profile_season){.length = p->season[s].length, .bin = p->season[s].bin, .bins = p->season[s].bins};
  *p = fresh;
  for (size_t i = 0; i < SEASONS * BINS_MAX; i++)
    p->bins[i / BINS_MAX][i % BINS_MAX] = NAN;
  memset(p->rung, 0, p->n_rungs * sizeof p->rung[0]);
  for (size_t i = 0; i < p->n_rungs * (FLIGHT + 1); i++)
    p->rung[i / (FLIGHT + 1)].flight[i % (FLIGHT + 1)][EXPERTS] = NAN;
}

enum pl_status pl_profile_new(const struct pl_profile_cfg *cfg, struct pl_profile **profile, struct pl_err *err)
{
  double steps = cfg->horizon_s / cfg->period_s;
  uint32_t n_rungs = 1;
  *profile = NULL;
  if (!(cfg->period_s > 0 && isfinite(cfg->period_s)) || !(steps >= 0 && steps <= 1u << (RUNGS_MAX - 1)))
    return pl_fail(err, PL_E_USAGE, "profile: a sample every %g s and a horizon of %g s cannot be; a horizon is 0 to %u samples", cfg->period_s, cfg->horizon_s,
                   1u << (RUNGS_MAX - 1));
  while (1u << (n_rungs - 1) < steps)
    n_rungs++;
  struct pl_profile *p = calloc(1, sizeof *p + n_rungs * sizeof p->rung[0]);
  if (!p)
    return pl_fail(err, PL_E_NOMEM, "profile: out of memory");
  p->cfg = *cfg;
  p->n_rungs = n_rungs;
  p->horizon = (uint32_t)fmax(ceil(steps), 1);
  pl_profile_begin(p);
  for (size_t s = 0; s < SEASONS; s++) {
    enum pl_status status = season_init(p, s, cfg->seasons_s[s], err);
    if (status) {
      free(p);
      return status;
    }
  }
  *profile = p;
  return PL_OK;
}

void pl_profile_free(struct pl_profile *profile)
{
  free(profile);
}

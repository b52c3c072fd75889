/* SPDX-License-Identifier: Apache-2.0 */
/* What workloads use, learned, and what is expected of their nodes. */
#include "control/placement/placement_in.h"

#include <math.h>

#define DAY_S 86400.0
#define SAVE_EVERY 60 /* samples */

static struct pl_profile *profile_new(const struct pl_placement *all)
{
  struct pl_profile *profile = NULL;
  const struct pl_profile_cfg cfg = {.period_s = (double)all->stack->settings.profile_ns / (double)PL_S, .seasons_s = {DAY_S, 0},
                                     .horizon_s = (double)all->stack->settings.ahead_ns / (double)PL_S};
  return pl_profile_new(&cfg, &profile, NULL) ? NULL : profile;
}

static void keep(struct pl_placement *all, const char *id, const char *what, const struct pl_profile *profile)
{
  char key[96];
  char *text = profile ? pl_profile_save(profile) : NULL;
  snprintf(key, sizeof key, "%s %s", id, what);
  if (text)
    (void)pl_store_put(all->stack->store, "profile", key, text, NULL); /* lost, it is learned again */
  free(text);
}

void pl_use_keep(struct pl_placement *all, const struct pl_work *work)
{
  keep(all, work->w.id, "cores", work->cores);
  keep(all, work->w.id, "memory", work->memory);
}

void pl_use_forget(struct pl_placement *all, const struct pl_work *work)
{
  static const char *const WHATS[] = {"cores", "memory"};
  for (size_t i = 0; i < sizeof WHATS / sizeof *WHATS; i++) {
    char key[96];
    snprintf(key, sizeof key, "%s %s", work->w.id, WHATS[i]);
    (void)pl_store_put(all->stack->store, "profile", key, NULL, NULL); /* lost, one of the same name may begin with it after a restart, and learns on */
  }
}

static struct pl_profile *read_one(struct pl_placement *all, const char *id, const char *what)
{
  char key[96], *text = NULL;
  struct pl_profile *profile = NULL;
  snprintf(key, sizeof key, "%s %s", id, what);
  if (!pl_store_get(all->stack->store, "profile", key, &text, NULL) && text && (profile = profile_new(all)))
    (void)pl_profile_load(profile, text, NULL); /* a damaged one begins anew */
  free(text);
  return profile;
}

/* The way ahead is walked once a sample, and not at each look. */
static struct pl_peak peak_of_profile(const struct pl_profile *profile, double ahead_s)
{
  struct pl_peak peak = {.ahead_s = ahead_s};
  peak.known = profile && pl_profile_peak(profile, ahead_s, &peak.expected, &peak.high);
  return peak;
}

static void find_peaks(const struct pl_placement *all, struct pl_work *work)
{
  double ahead_s = (double)all->stack->settings.ahead_ns / (double)PL_S;
  work->cores_peak = peak_of_profile(work->cores, ahead_s);
  work->memory_peak = peak_of_profile(work->memory, ahead_s);
}

void pl_use_read(struct pl_placement *all, struct pl_work *work)
{
  work->cores = read_one(all, work->w.id, "cores");
  work->memory = read_one(all, work->w.id, "memory");
  find_peaks(all, work);
}

static void sample(struct pl_placement *all, struct pl_work *work)
{
  bool known = work->w.state == PL_WORKLOAD_RUNNING && work->w.told && pl_room_now(all) - work->w.told <= 2 * all->stack->settings.profile_ns;
  if (!work->cores && !(work->cores = profile_new(all)))
    return;
  if (!work->memory && !(work->memory = profile_new(all)))
    return;
  pl_profile_add(work->cores, known ? 1000 * work->w.run.used_cores : NAN);
  pl_profile_add(work->memory, known ? work->w.run.used_memory_MiB : NAN);
  find_peaks(all, work);
  if (pl_profile_count(work->cores) % SAVE_EVERY == 0)
    pl_use_keep(all, work);
}

/* What it will use at most, and how much more 9 times of 10; no more than it may. Before enough is known: what was asked for. False: that. */
bool pl_use_peak(const struct pl_work *work, enum pl_dimension dimension, double ahead_s, double *expected, double *above)
{
  bool cores = dimension == PL_DIMENSION_CORES, memory = dimension == PL_DIMENSION_MEMORY;
  double need = (double)work->w.request.need.of[dimension];
  struct pl_peak peak = cores ? work->cores_peak : memory ? work->memory_peak : (struct pl_peak){0};
  *expected = need;
  *above = 0;
  if ((cores || memory) && peak.ahead_s != ahead_s) /* another way ahead than the one that is kept */
    peak = peak_of_profile(cores ? work->cores : work->memory, ahead_s);
  if (!peak.known)
    return false;
  *expected = fmin(fmax(peak.expected, 0), need);
  *above = fmax(fmin(peak.high, need) - *expected, 0);
  return true;
}

/* Current and heat go with the cores. */
static void peak_of(const struct pl_work *work, enum pl_dimension dimension, double ahead_s, double *expected, double *above)
{
  bool by_cores = dimension == PL_DIMENSION_POWER || dimension == PL_DIMENSION_HEAT;
  double cores = (double)work->w.request.need.of[PL_DIMENSION_CORES];
  (void)pl_use_peak(work, by_cores ? PL_DIMENSION_CORES : dimension, ahead_s, expected, above);
  if (by_cores) {
    *expected *= (double)work->w.request.need.of[dimension] / cores;
    *above *= (double)work->w.request.need.of[dimension] / cores;
  }
}

static bool is_on(const struct pl_work *work, const char *node)
{
  return !strcmp(work->w.node, node) && work->w.state != PL_WORKLOAD_QUEUED && work->w.state != PL_WORKLOAD_LOST;
}

bool pl_placement_forecast(const struct pl_placement *placement, const char *node, enum pl_dimension dimension, double ahead_s, struct pl_forecast *forecast)
{
  double expected, above, spread = 0;
  *forecast = (struct pl_forecast){.model = "sum"};
  if (!placement || !pl_host_find(placement, node))
    return false;
  for (const struct pl_work *work = placement->first; work; work = pl_work_next(work))
    if (is_on(work, node)) {
      peak_of(work, dimension, ahead_s, &expected, &above);
      forecast->value += expected;
      spread += above * above; /* they do not peak together */
    }
  forecast->low = fmax(forecast->value - sqrt(spread), 0);
  forecast->high = forecast->value + sqrt(spread);
  return true;
}

bool pl_workload_forecast(const struct pl_workload *workload, enum pl_dimension dimension, double ahead_s, struct pl_forecast *forecast)
{
  const struct pl_work *work = (const struct pl_work *)workload;
  const struct pl_profile *profile = dimension == PL_DIMENSION_CORES ? work->cores : dimension == PL_DIMENSION_MEMORY ? work->memory : NULL;
  return profile && pl_profile_forecast(profile, ahead_s, forecast);
}

static void tell_pool(struct pl_placement *all, const struct pl_host *host)
{
  struct pl_amounts peak = {{0}};
  struct pl_forecast forecast;
  for (size_t i = 0; i < PL_DIMENSION_COUNT; i++)
    if (pl_placement_forecast(all, host->item->id, (enum pl_dimension)i, (double)all->stack->settings.ahead_ns / (double)PL_S, &forecast))
      peak.of[i] = llround(forecast.value);
  (void)pl_pool_forecast(all->pool, host->item->id, &peak, NULL);
}

void pl_use_sample(struct pl_placement *all)
{
  pl_time_ns now = pl_room_now(all);
  if (now - all->sampled < all->stack->settings.profile_ns)
    return;
  all->sampled = now;
  for (struct pl_work *work = all->first; work; work = pl_work_next(work))
    sample(all, work);
  for (size_t i = 0; i < all->n_hosts; i++)
    tell_pool(all, &all->hosts[i]);
}

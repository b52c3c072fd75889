/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forecasts of the shipped traces by the profile and by what it must beat, each asked at every sample for 5 minutes and 1 hour ahead, from the second week on
 * (a week ago needs one): docs/forecast.md's table of mean absolute errors over those of "as last time", the worst single error in mcore behind each.
 * [--figures] NAME VALUE only, for tools/bench.py; [--csv TRACE] the forecasts for a plot; [FOLDER] of other traces.
 */
#include "control/placement/profile_test.h"
#include "control/placement/profile_in.h"

#include <time.h>

static void print_table(const struct trace *t, struct score scores[N_HORIZONS][N_ALL])
{
  for (size_t h = 0; h < N_HORIZONS; h++) {
    printf("| %s, %s | ", t->name, HORIZONS[h].name);
    for (size_t i = 0; i < N_ALL; i++)
      printf("%.2f (%.0f) | ", over_naive(scores[h], i), scores[h][i].worst);
    printf("%.0f %% |\n", 100.0 * (double)scores[h][N_PEERS].inside / (double)scores[h][N_PEERS].n);
  }
}

static int print_csv(const char *folder, const char *name)
{
  struct trace *t = malloc(sizeof *t);
  if (!t || !load(folder, name, t))
    return 1;
  struct pl_profile *profile = make();
  struct pl_forecast f[HOUR] = {0};
  printf("t_s,used_mcore,expected_mcore,low_mcore,high_mcore\n");
  for (size_t now = 0; now < t->count; now++) { /* what was expected of this sample an hour before it */
    const struct pl_forecast *then = &f[now % HOUR];
    if (now > HOUR + 3)
      printf("%zu,%.0f,%.0f,%.0f,%.0f\n", now * PERIOD_S, at_or_before(t, now), then->value, then->low, then->high);
    pl_profile_add(profile, t->value[now]);
    pl_profile_forecast(profile, 3600, &f[now % HOUR]);
  }
  pl_profile_free(profile);
  free(t);
  return 0;
}

static int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values)
{
  qsort(values, N_TRACES, sizeof *values, by_value);
  return (values[(N_TRACES - 1) / 2] + values[N_TRACES / 2]) / 2;
}

static void print_head(void)
{
  printf("| trace, horizon |");
  for (size_t i = 0; i < N_PEERS; i++)
    printf(" %s |", PEERS[i].name);
  printf(" profile | in the band |\n|---|");
  for (size_t i = 0; i < N_ALL; i++)
    printf("---|");
  printf("---|\n");
}

/* What one more sample costs, and how large one profile is. */
static void print_cost(const struct trace *t)
{
  struct pl_profile *profile = make();
  struct timespec start, end;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
  for (size_t i = 0; i < t->count; i++)
    pl_profile_add(profile, t->value[i]);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
  printf("sample-us %.2f\nprofile-bytes %zu\n", ((double)(end.tv_sec - start.tv_sec) * 1e6 + (double)(end.tv_nsec - start.tv_nsec) / 1e3) / (double)t->count,
         pl_profile_size(profile));
  pl_profile_free(profile);
}

static int compare(const char *folder, bool table)
{
  static struct trace trace;
  double gain[N_TRACES];
  if (table)
    print_head();
  for (size_t i = 0; i < N_TRACES; i++) {
    struct score scores[N_HORIZONS][N_ALL] = {0};
    if (!load(folder, TRACES[i], &trace))
      return 1;
    run(&trace, scores);
    gain[i] = 0;
    for (size_t h = 0; h < N_HORIZONS; h++)
      gain[i] += over_naive(scores[h], N_PEERS) / N_HORIZONS;
    if (table)
      print_table(&trace, scores);
  }
  double middle = median(gain);
  printf("forecast-gain %.3f\nforecast-gain-worst %.3f\n", middle, gain[N_TRACES - 1]);
  print_cost(&trace);
  return 0;
}

int main(int argc, char **argv)
{
  const char *folder = TRACES_FOLDER, *csv = NULL;
  bool table = true;
  for (int i = 1; i < argc; i++)
    if (!strcmp(argv[i], "--figures"))
      table = false;
    else if (!strcmp(argv[i], "--csv") && i + 1 < argc)
      csv = argv[++i];
    else
      folder = argv[i];
  return csv ? print_csv(folder, csv) : compare(folder, table);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forecasts of the shipped traces by the profile and by what it must beat, each asked at every sample for 5 minutes and 1 hour ahead, from the second week on
 * (a week ago needs one). Prints docs/forecast.md's table; --figures: NAME VALUE for tools/bench.py; --csv TRACE: the forecasts, for a plot.
 */
#include "control/placement/profile_test.h"

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

int main(int argc, char **argv)
{
  bool figures = argc > 1 && !strcmp(argv[1], "--figures");
  const char *folder = argc > 1 + figures && strcmp(argv[argc - 1], "--csv") && argv[argc - 1][0] != '-' && argc != 3 ? argv[argc - 1] : "control/placement/traces";
  if (argc > 2 && !strcmp(argv[1], "--csv"))
    return print_csv(argc > 3 ? argv[3] : "control/placement/traces", argv[2]);
  static struct trace trace;
  double gain[N_TRACES];
  if (!figures) {
    printf("| trace, horizon |");
    for (size_t i = 0; i < N_PEERS; i++)
      printf(" %s |", PEERS[i].name);
    printf(" profile | in the band |\n|---|%s\n", "---|---|---|---|---|---|---|");
  }
  for (size_t i = 0; i < N_TRACES; i++) {
    struct score scores[N_HORIZONS][N_ALL] = {0};
    if (!load(folder, TRACES[i], &trace))
      return 1;
    run(&trace, scores);
    gain[i] = fmax(over_naive(scores[0], N_PEERS), over_naive(scores[1], N_PEERS)); /* the worse of both horizons */
    if (!figures)
      print_table(&trace, scores);
  }
  qsort(gain, N_TRACES, sizeof *gain, by_value);
  printf(figures ? "forecast-gain %.3f\n" : "\nforecast-gain %.3f\n", (gain[(N_TRACES - 1) / 2] + gain[N_TRACES / 2]) / 2);
  return 0;
}

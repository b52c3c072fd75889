/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forecasts of the shipped traces by the profile and by what it must beat, each asked at every sample for 5 minutes and 1 hour ahead, from the second week on
 * (a week ago needs one): docs/forecast.md's table of mean absolute errors over those of "as last time", the worst single error in mcore behind each.
 * [--figures] NAME VALUE only, for tools/bench.py; [--csv] what was expected an hour before, for `plumb plot`;
 * [--svg] docs/forecast.svg; [FILE.csv...] other traces: a head, then a sample every 5 minutes in the second column.
 */
#include "control/placement/profile_test.h"
#include "control/placement/profile_in.h"

#include <time.h>

enum { TRACES_MAX = 64 };

static void print_table(const struct trace *t, struct score scores[N_HORIZONS][N_ALL])
{
  for (size_t h = 0; h < N_HORIZONS; h++) {
    printf("| %s, %s | ", t->name, HORIZONS[h].name);
    for (size_t i = 0; i < N_ALL; i++)
      printf("%.2f (%.0f) | ", over_naive(scores[h], i), scores[h][i].worst);
    printf("%.0f %% |\n", 100.0 * (double)scores[h][N_PEERS].inside / (double)scores[h][N_PEERS].n);
  }
}

/* What was expected of each sample an hour before it; fn is told once a sample from the second week on. */
static bool an_hour_before(const char *path, void (*fn)(const struct trace *t, size_t now, const struct pl_forecast *then))
{
  static struct trace t;
  struct pl_forecast f[HOUR] = {0};
  if (!load(path, &t))
    return false;
  struct pl_profile *profile = make();
  for (size_t now = 0; now < t.count; now++) {
    if (now >= A_WEEK)
      fn(&t, now, &f[now % HOUR]);
    pl_profile_add(profile, t.value[now]);
    pl_profile_forecast(profile, 3600, &f[now % HOUR]);
  }
  pl_profile_free(profile);
  return true;
}

static void put_row(const struct trace *t, size_t now, const struct pl_forecast *then)
{
  printf("%zu,%.0f,%.0f,%.0f,%.0f\n", now * PERIOD_S, at_or_before(t, now), then->value, then->low, then->high);
}

/* --- a picture: three days of each shipped trace, the band behind what was expected and what was used --- */

enum { WIDTH = 860, HEIGHT = 170, LEFT = 45, SHOWN = 3 * A_DAY };
static const size_t FROM_DAY[N_SHIPPED] = {17, 18, 17, 17}; /* Thursday to Saturday; Friday to Sunday; two days before the campaign's first */

struct panel {
  size_t first, count;
  double used[SHOWN];
  struct pl_forecast then[SHOWN];
};
static struct panel panel; /* filled by keep */

static void keep(const struct trace *t, size_t now, const struct pl_forecast *then)
{
  if (now < panel.first || panel.count == SHOWN)
    return;
  panel.used[panel.count] = t->value[now];
  panel.then[panel.count++] = *then;
}

static void put_points(const double *values, double top, bool back)
{
  for (size_t k = 0; k < panel.count; k++) {
    size_t i = back ? panel.count - 1 - k : k;
    if (!isnan(values[i]))
      printf("%.0f,%.1f ", LEFT + (double)i * (WIDTH - LEFT) / SHOWN, HEIGHT - 20 - values[i] / top * (HEIGHT - 45));
  }
}

static void put_panel(size_t nth)
{
  double low[SHOWN], high[SHOWN], value[SHOWN], top = 1;
  for (size_t i = 0; i < panel.count; i++) {
    low[i] = panel.then[i].low, high[i] = panel.then[i].high, value[i] = panel.then[i].value;
    top = fmax(top, fmax(high[i], isnan(panel.used[i]) ? 0 : panel.used[i]));
  }
  printf("<g transform='translate(0 %zu)'><text x='%d' y='14'>%s</text>\n<polygon class='band' points='", nth * HEIGHT, LEFT, strrchr(SHIPPED[nth], '/') + 1);
  put_points(high, top, false);
  put_points(low, top, true);
  printf("'/>\n<polyline class='used' points='");
  put_points(panel.used, top, false);
  printf("'/>\n<polyline class='expected' points='");
  put_points(value, top, false);
  printf("'/>\n");
  for (int day = 0; day < 3; day++)
    printf("<text x='%d' y='%d'>day %zu</text>", LEFT + day * (WIDTH - LEFT) / 3, HEIGHT - 6, FROM_DAY[nth] + (size_t)day);
  printf("<text x='0' y='27'>%.0f</text><text x='0' y='%d'>0</text></g>\n", top, HEIGHT - 20);
}

static int print_svg(void)
{
  printf("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='sans-serif' font-size='11'>\n"
         "<style>polyline{fill:none;stroke-width:1.2}.band{fill:#9db8d9}.used{stroke:#222}.expected{stroke:#d0450b}</style>\n"
         "<rect width='100%%' height='100%%' fill='#fff'/>\n", WIDTH, HEIGHT * N_SHIPPED);
  for (size_t i = 0; i < N_SHIPPED; i++) {
    panel = (struct panel){.first = FROM_DAY[i] * A_DAY};
    if (!an_hour_before(SHIPPED[i], keep))
      return 1;
    put_panel(i);
  }
  printf("</svg>\n");
  return 0;
}

static int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
  qsort(values, count, sizeof *values, by_value);
  return (values[(count - 1) / 2] + values[count / 2]) / 2;
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

static double cpu_us(void)
{
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* What one more sample costs, what an hour's peak, and how large a profile is and its text. */
static void print_cost(const struct trace *t)
{
  struct pl_profile *profile = make();
  double expected, high, start = cpu_us();
  for (size_t i = 0; i < t->count; i++)
    pl_profile_add(profile, t->value[i]);
  printf("sample-us %.2f\n", (cpu_us() - start) / (double)t->count);
  start = cpu_us();
  for (size_t i = 0; i < 1000; i++)
    pl_profile_peak(profile, 3600, &expected, &high);
  printf("peak-us %.2f\n", (cpu_us() - start) / 1000);
  char *text = pl_profile_save(profile);
  printf("profile-bytes %zu\nsaved-bytes %zu\n", sizeof *profile + profile->n_rungs * sizeof profile->rung[0], text ? strlen(text) : 0);
  free(text);
  pl_profile_free(profile);
}

static int compare(const char *const *paths, size_t count, bool table)
{
  static struct trace trace;
  double gain[TRACES_MAX];
  if (table)
    print_head();
  for (size_t i = 0; i < count; i++) {
    struct score scores[N_HORIZONS][N_ALL] = {0};
    if (!load(paths[i], &trace))
      return 1;
    run(&trace, scores);
    gain[i] = 0;
    for (size_t h = 0; h < N_HORIZONS; h++)
      gain[i] += over_naive(scores[h], N_PEERS) / N_HORIZONS;
    if (table)
      print_table(&trace, scores);
  }
  double middle = median(gain, count);
  printf("forecast-gain %.3f\nforecast-gain-worst %.3f\n", middle, gain[count - 1]);
  print_cost(&trace);
  return 0;
}

int main(int argc, char **argv)
{
  const char *paths[TRACES_MAX];
  size_t count = 0;
  bool table = true, csv = false;
  for (int i = 1; i < argc && count < TRACES_MAX; i++)
    if (!strcmp(argv[i], "--figures"))
      table = false;
    else if (!strcmp(argv[i], "--csv"))
      csv = true;
    else if (!strcmp(argv[i], "--svg"))
      return print_svg();
    else
      paths[count++] = argv[i];
  if (csv)
    printf("time (s),used (mcore),expected (mcore),low (mcore),high (mcore)\n");
  if (csv)
    return !an_hour_before(count ? paths[0] : SHIPPED[0], put_row);
  return count ? compare(paths, count, table) : compare(SHIPPED, N_SHIPPED, table);
}

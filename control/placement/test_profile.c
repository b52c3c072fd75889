/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "control/placement/profile_test.h"
#include "control/placement/profile_in.h"

#define DAY_S 86400.0

static struct pl_profile *profile_of(double period_s, double day_s, double week_s, double horizon_s)
{
  struct pl_profile *profile = NULL;
  struct pl_err err = {0};
  if (pl_profile_new(&(struct pl_profile_cfg){.period_s = period_s, .seasons_s = {day_s, week_s}, .horizon_s = horizon_s}, &profile, &err))
    fail_msg("%s", err.text);
  return profile;
}

static struct pl_forecast forecast(const struct pl_profile *profile, double ahead_s)
{
  struct pl_forecast f;
  assert_true(pl_profile_forecast(profile, ahead_s, &f));
  assert_true(f.low <= f.value && f.value <= f.high);
  assert_non_null(f.model);
  return f;
}

/* The same numbers in each run: 0 to 1. */
static double chance(uint64_t *seed)
{
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (double)(*seed >> 11) / 9007199254740992.0;
}

static double day_curve(double t_s)
{
  return 2000 + 1000 * sin(2 * M_PI * t_s / DAY_S);
}

static void fill_days(struct pl_profile *profile, double period_s, double days, uint64_t *seed)
{
  for (double t = (double)pl_profile_count(profile) * period_s, end = t + days * DAY_S; t < end; t += period_s)
    pl_profile_add(profile, day_curve(t) + 60 * (chance(seed) - 0.5));
}

static void test_too_little(void **state)
{
  (void)state;
  struct pl_profile *p = profile_of(60, DAY_S, 7 * DAY_S, 3600);
  struct pl_forecast f;
  double expected, high;
  for (size_t i = 0; i < 5; i++)
    pl_profile_add(p, NAN); /* turns, not samples */
  for (size_t i = 0; i < 2; i++)
    pl_profile_add(p, 5);
  assert_int_equal(pl_profile_count(p), 7);
  assert_false(pl_profile_forecast(p, 60, &f));
  assert_false(pl_profile_peak(p, 60, &expected, &high));
  pl_profile_add(p, 5);
  assert_true(pl_profile_forecast(p, 60, &f));
  assert_true(pl_profile_peak(p, 60, &expected, &high));
  pl_profile_free(p);
}

static void test_constant(void **state)
{
  (void)state;
  struct pl_profile *p = profile_of(60, DAY_S, 7 * DAY_S, 3600);
  for (size_t i = 0; i < 5000; i++)
    pl_profile_add(p, 1234.5);
  for (double ahead = 60; ahead <= 2 * DAY_S; ahead *= 3) {
    struct pl_forecast f = forecast(p, ahead);
    assert_true(f.value == 1234.5 && f.low == 1234.5 && f.high == 1234.5);
  }
  pl_profile_free(p);
}

static void test_ramp(void **state)
{
  (void)state;
  struct pl_profile *p = profile_of(60, 0, 0, 3600);
  uint64_t seed = 1;
  for (size_t i = 0; i < 2000; i++)
    pl_profile_add(p, 100 + 2.0 * (double)i + 4 * (chance(&seed) - 0.5));
  struct pl_forecast f = forecast(p, 3600);
  assert_float_equal(f.value, 100 + 2 * 2059, 12); /* as last time: 120 below */
  assert_string_equal(f.model, "trend");
  assert_true(f.high - f.low < 60);
  pl_profile_free(p);

  p = profile_of(60, 0, 0, 3600);
  for (size_t i = 0; i < 1000; i++)
    pl_profile_add(p, 3 * (double)i);
  for (double ahead = 60; ahead <= 7200; ahead *= 2)
    assert_true(fabs(forecast(p, ahead).value - 3 * (999 + ahead / 60)) < 1);
  pl_profile_free(p);
}

static void test_season_is_found(void **state)
{
  (void)state;
  static const double PERIODS_S[] = {30, 300, 413}; /* the last: no whole number of them in a day */
  for (size_t i = 0; i < 3; i++) {
    struct pl_profile *p = profile_of(PERIODS_S[i], DAY_S, 0, 6 * 3600);
    uint64_t seed = 2;
    fill_days(p, PERIODS_S[i], 6, &seed);
    double now = (double)(pl_profile_count(p) - 1) * PERIODS_S[i], wrong = 0, moved = 0;
    for (double ahead = 3600; ahead <= 6 * 3600; ahead += 3600) {
      struct pl_forecast f = forecast(p, ahead);
      wrong += fabs(f.value - day_curve(now + ahead));
      moved += fabs(day_curve(now) - day_curve(now + ahead));
      assert_string_equal(f.model, "seasonal");
    }
    if (wrong > 0.1 * moved)
      fail_msg("a sample every %g s: off by %g of %g", PERIODS_S[i], wrong, moved);
    pl_profile_free(p);
  }
}

/* Friday's midnight: the day's season says work, the week's knows better. */
static void test_week_is_found(void **state)
{
  (void)state;
  struct pl_profile *p = profile_of(900, DAY_S, 7 * DAY_S, 12 * 3600);
  uint64_t seed = 3;
  for (size_t i = 0; i < 96 * (5 * 7 + 5); i++) {
    bool work = i / 96 % 7 < 5;
    pl_profile_add(p, (work ? day_curve((double)i * 900) : 300) + 20 * chance(&seed));
  }
  assert_float_equal(forecast(p, 6 * 3600).value, 310, 100); /* yesterday: 3000 */
  pl_profile_free(p);
}

static void test_gap(void **state)
{
  (void)state;
  struct pl_profile *p = profile_of(60, DAY_S, 0, 3600);
  uint64_t seed = 4;
  fill_days(p, 60, 5, &seed);
  struct pl_forecast before = forecast(p, 300);
  for (size_t i = 0; i < 120; i++)
    pl_profile_add(p, NAN);
  struct pl_forecast f = forecast(p, 300);
  assert_float_equal(f.value, day_curve((double)(pl_profile_count(p) - 1) * 60 + 300), 60); /* the curve has moved by 500 */
  assert_true(f.high - f.low > 1.3 * (before.high - before.low));
  fill_days(p, 60, 0.05, &seed);
  struct pl_forecast after = forecast(p, 300);
  assert_true(after.high - after.low < 1.2 * (before.high - before.low)); /* over */
  pl_profile_free(p);
}

static void test_outlier(void **state)
{
  (void)state;
  static const double TIMES[] = {1000, 1e9, -1000};
  for (size_t i = 0; i < 3; i++) {
    struct pl_profile *p = profile_of(60, DAY_S, 0, 3600);
    uint64_t seed = 5;
    fill_days(p, 60, 5, &seed);
    for (size_t n = 0; n < 5; n++) { /* each alone */
      pl_profile_add(p, TIMES[i] * 2000);
      double now = (double)(pl_profile_count(p) - 1) * 60;
      assert_float_equal(forecast(p, 60).value, day_curve(now + 60), 250);
      assert_float_equal(forecast(p, 3600).value, day_curve(now + 3600), 250);
      fill_days(p, 60, 0.02, &seed);
    }
    struct pl_forecast f = forecast(p, 3600);
    assert_float_equal(f.value, day_curve((double)(pl_profile_count(p) - 1) * 60 + 3600), 60);
    assert_true(f.high - f.low < 400);
    pl_profile_free(p);
  }
}

/* Two far off on the same side are no outlier. */
static void test_change_is_believed(void **state)
{
  (void)state;
  struct pl_profile *p = profile_of(60, 0, 0, 3600);
  uint64_t seed = 6;
  for (size_t i = 0; i < 500; i++)
    pl_profile_add(p, 100 + chance(&seed));
  pl_profile_add(p, 5000);
  assert_true(forecast(p, 60).value < 200);
  for (size_t i = 0; i < 10; i++)
    pl_profile_add(p, 5000 + chance(&seed));
  assert_float_equal(forecast(p, 60).value, 5000, 500);
  pl_profile_free(p);
}

static void test_peak(void **state)
{
  (void)state;
  struct pl_profile *p = profile_of(300, DAY_S, 0, 6 * 3600);
  for (size_t i = 0; i < 288 * 15; i++) /* a job of 10 minutes at 4 o'clock */
    pl_profile_add(p, i % 288 / 2 == 24 ? 4000 : 500);
  double expected, high, expected_2h, high_2h;
  assert_true(pl_profile_peak(p, 6 * 3600, &expected, &high));
  assert_true(pl_profile_peak(p, 2 * 3600, &expected_2h, &high_2h));
  assert_float_equal(expected, 4000, 300);
  assert_float_equal(expected_2h, 500, 100);
  assert_true(high >= expected && high_2h >= expected_2h);
  for (double ahead = 300; ahead <= 6 * 3600; ahead += 300)
    assert_true(forecast(p, ahead).value <= expected && forecast(p, ahead).high <= high);
  pl_profile_free(p);
}

static void test_sum(void **state)
{
  (void)state;
  struct pl_forecast sum = {0};
  pl_forecast_add(&sum, &(struct pl_forecast){.value = 10, .low = 7, .high = 13, .model = "level"});
  assert_true(sum.value == 10 && sum.low == 7 && sum.high == 13);
  pl_forecast_add(&sum, &(struct pl_forecast){.value = 20, .low = 16, .high = 24, .model = "trend"});
  assert_true(sum.value == 30 && sum.low == 25 && sum.high == 35);
  assert_string_equal(sum.model, "trend");

  struct pl_profile *p[3] = {profile_of(300, DAY_S, 0, 12 * 3600), profile_of(300, DAY_S, 0, 12 * 3600), profile_of(60, 0, 0, 60)};
  for (size_t i = 0; i < 288 * 10; i++) { /* one by day, one by night: never together */
    pl_profile_add(p[0], i % 288 < 144 ? 1000 : 100);
    pl_profile_add(p[1], i % 288 < 144 ? 100 : 1000);
  }
  double expected, high;
  assert_true(pl_profiles_peak((const struct pl_profile *const *)p, 3, 12 * 3600, &expected, &high));
  assert_float_equal(expected, 1100, 60);
  assert_false(pl_profiles_peak((const struct pl_profile *const *)p + 2, 1, 12 * 3600, &expected, &high));
  for (size_t i = 0; i < 3; i++)
    pl_profile_free(p[i]);
}

/* Better than each of what it must beat, on each trace at both horizons, and its band as wide as it says. */
static void test_traces(void **state)
{
  (void)state;
  static struct trace trace;
  for (size_t i = 0; i < N_SHIPPED; i++) {
    struct score scores[N_HORIZONS][N_ALL] = {0};
    assert_true(load(SHIPPED[i], &trace));
    run(&trace, scores);
    for (size_t h = 0; h < N_HORIZONS; h++) {
      const struct score *own = &scores[h][N_PEERS];
      assert_true(own->n > 5000);
      for (size_t k = 0; k < N_PEERS; k++)
        if (own->sum >= scores[h][k].sum)
          fail_msg("%s, %s: %g as much as %s", trace.name, HORIZONS[h].name, own->sum / scores[h][k].sum, PEERS[k].name);
      double inside = (double)own->inside / (double)own->n;
      if (inside < 0.86 || inside > 0.94)
        fail_msg("%s, %s: %g in the band", trace.name, HORIZONS[h].name, inside);
    }
  }
}

/* Nothing at all for most of the time, and bursts by chance in working hours: the quiet makes no band so narrow that it does not open in time. */
static void test_band_of_what_is_mostly_nothing(void **state)
{
  (void)state;
  struct pl_profile *p = profile_of(300, DAY_S, 7 * DAY_S, 3600);
  struct pl_forecast then[12] = {0};
  uint64_t seed = 12;
  size_t inside = 0, n = 0;
  bool busy = false;
  for (size_t i = 0; i < 288 * 35; i++) {
    bool hours = i % 288 > 96 && i % 288 < 216 && i / 288 % 7 < 5;
    busy = hours && chance(&seed) < (busy ? 0.8 : 0.08);
    double value = busy ? 1e8 * (0.2 + chance(&seed)) : 0;
    if (i >= 288 * 14) {
      inside += value >= then[i % 12].low && value <= then[i % 12].high;
      n++;
    }
    pl_profile_add(p, value);
    pl_profile_forecast(p, 3600, &then[i % 12]);
  }
  if (inside < n * 85 / 100)
    fail_msg("%zu of %zu", inside, n);
  pl_profile_free(p);
}

static void assert_same(const struct pl_profile *a, const struct pl_profile *b)
{
  for (double ahead = 0; ahead < 20000; ahead += 700) {
    struct pl_forecast x = forecast(a, ahead), y = forecast(b, ahead);
    assert_memory_equal(&x, &y, sizeof x);
  }
}

static void test_saved(void **state)
{
  (void)state;
  struct pl_profile *p = profile_of(60, DAY_S, 7 * DAY_S, 3600), *q = profile_of(60, DAY_S, 7 * DAY_S, 3600);
  struct pl_err err = {0};
  uint64_t seed = 7, same_seed;
  for (size_t round = 0; round < 4; round++) {
    fill_days(p, 60, round ? 2.03 : 0.004, &seed);
    pl_profile_add(p, NAN);
    pl_profile_add(p, 2000); /* in the middle of a season's bin */
    char *text = pl_profile_save(p);
    assert_non_null(text);
    if (pl_profile_load(q, text, &err))
      fail_msg("%s", err.text);
    assert_int_equal(pl_profile_count(q), pl_profile_count(p));
    assert_same(p, q);
    char *again = pl_profile_save(q);
    assert_string_equal(again, text);
    same_seed = seed; /* and goes on in the same way */
    fill_days(p, 60, 0.2, &seed);
    fill_days(q, 60, 0.2, &same_seed);
    assert_same(p, q);
    free(text);
    free(again);
    text = pl_profile_save(p), again = pl_profile_save(q);
    assert_string_equal(again, text);
    free(text);
    free(again);
  }
  pl_profile_free(p);
  pl_profile_free(q);
}

static void refuse(struct pl_profile *profile, const char *text)
{
  struct pl_err err = {0};
  struct pl_forecast f;
  assert_int_equal(pl_profile_load(profile, text, &err), PL_E_RANGE);
  assert_non_null(strstr(err.text, "learned anew"));
  assert_int_equal(pl_profile_count(profile), 0);
  assert_false(pl_profile_forecast(profile, 60, &f));
}

static void test_damaged(void **state)
{
  (void)state;
  struct pl_profile *p = profile_of(900, DAY_S, 0, 3600), *q = profile_of(900, DAY_S, 0, 3600), *other = profile_of(900, DAY_S, 0, 7200);
  uint64_t seed = 8;
  fill_days(p, 900, 3, &seed);
  char *text = pl_profile_save(p);
  size_t size = strlen(text);
  for (size_t i = 0; i < size; i += 1 + i / 100) { /* a wrong digit */
    char was = text[i];
    text[i] = was == '7' ? '8' : '7';
    refuse(q, text);
    text[i] = 'x';
    refuse(q, text);
    text[i] = '\0'; /* too short */
    refuse(q, text);
    text[i] = was;
  }
  refuse(other, text);
  refuse(q, "");
  char *longer = malloc(size + 9);
  assert_non_null(longer);
  memcpy(longer, text, size);
  memcpy(longer + size, "00000000", 9);
  refuse(q, longer);
  assert_int_equal(pl_profile_load(p, text, NULL), PL_OK);
  assert_int_equal(pl_profile_load(p, "no", NULL), PL_E_RANGE); /* err may be NULL */
  free(longer);
  free(text);
  pl_profile_free(p);
  pl_profile_free(q);
  pl_profile_free(other);
}

/* A number that no profile has, under a sum that is right. */
static void test_forged(void **state)
{
  (void)state;
  struct pl_profile *p = profile_of(900, DAY_S, 0, 3600);
  uint64_t seed = 9;
  fill_days(p, 900, 3, &seed);
  char *text = pl_profile_save(p);
  size_t size = strlen(text) - 8, turns = strlen("profile-1 ") + 4 * 16;
  const char *const wrong[] = {"ffffffff", "7fc00000"}; /* more than any count; more samples than turns */
  for (size_t i = 0; i < 2; i++) {
    char was[9] = "";
    memcpy(was, text + turns + 8 * i, 8);
    memcpy(text + turns + 8 * i, wrong[i], 8);
    snprintf(text + size, 9, "%08x", pl_profile_text_sum(text, size));
    refuse(p, text);
    memcpy(text + turns + 8 * i, was, 8);
  }
  snprintf(text + size, 9, "%08x", pl_profile_text_sum(text, size));
  assert_int_equal(pl_profile_load(p, text, NULL), PL_OK);
  free(text);
  pl_profile_free(p);
}

static void forge(char *text, size_t nth, const char *number)
{
  size_t size = strlen(text) - 8;
  memcpy(text + strlen("profile-1 ") + 4 * 16 + 8 * nth, number, 8);
  snprintf(text + size, 9, "%08x", pl_profile_text_sum(text, size));
}

/* Counts as high as a text may have them: it goes on learning, and what it saves is taken again. */
static void test_counts_at_their_ends(void **state)
{
  enum { TURNS, SAMPLES, SEEN = 30, VISITS }; /* which number of the text; of the first season: samples in the bin at hand, bins that were seen again */
  (void)state;
  struct pl_profile *p = profile_of(60, DAY_S, 0, 3600); /* three samples a bin */
  struct pl_forecast f;
  uint64_t seed = 11;
  fill_days(p, 60, 2, &seed);
  char *text = pl_profile_save(p);
  size_t last = (strlen(text) - 8 - strlen("profile-1 ") - 4 * 16) / 8 - 1; /* forecasts judged on the highest rung */
  forge(text, VISITS, "80000000");
  forge(text, last, "80000000");
  for (int full = 0; full < 3; full++) {
    forge(text, TURNS, full ? "80000000" : "7fffffff");
    forge(text, SAMPLES, full > 1 ? "80000000" : "00000040");
    assert_int_equal(pl_profile_load(p, text, NULL), PL_OK);
    for (int i = 0; i < 200; i++)
      pl_profile_add(p, i);
    char *saved = pl_profile_save(p);
    assert_int_equal(pl_profile_load(p, saved, NULL), PL_OK);
    assert_true(pl_profile_forecast(p, 600, &f));
    free(saved);
  }
  forge(text, TURNS, "00001000"); /* 4,096: the second of a bin */
  forge(text, SAMPLES, "00000040");
  forge(text, SEEN, "00000001");
  assert_int_equal(pl_profile_load(p, text, NULL), PL_OK);
  forge(text, SEEN, "00000002");
  refuse(p, text);
  free(text);
  pl_profile_free(p);
}

static void test_nan_storm(void **state)
{
  (void)state;
  struct pl_profile *p = profile_of(60, DAY_S, 7 * DAY_S, 3600);
  uint64_t seed = 10;
  for (size_t i = 0; i < 100000; i++)
    pl_profile_add(p, chance(&seed) < 0.9 ? NAN : day_curve((double)i * 60));
  struct pl_forecast f = forecast(p, 3600);
  assert_float_equal(f.value, day_curve(99999 * 60.0 + 3600), 150);
  for (size_t i = 0; i < 1000000; i++)
    pl_profile_add(p, i % 2 ? NAN : INFINITY);
  f = forecast(p, 3600);
  assert_true(isfinite(f.value) && isfinite(f.low) && isfinite(f.high));
  pl_profile_free(p);
}

static void test_huge(void **state)
{
  (void)state;
  static const double VALUES[] = {1e308, -1e308, 1e-308, 0, 4.9e-324, -1e-300, 1e30, INFINITY, -INFINITY, NAN, 1e15};
  struct pl_profile *p = profile_of(60, DAY_S, 7 * DAY_S, 86400);
  uint64_t seed = 11;
  for (size_t i = 0; i < 50000; i++) {
    pl_profile_add(p, VALUES[(size_t)(chance(&seed) * 11)]);
    struct pl_forecast f;
    if (i % 7 == 0 && pl_profile_forecast(p, (double)(i % 3000) * 60, &f))
      assert_true(isfinite(f.value) && isfinite(f.low) && isfinite(f.high) && f.low <= f.value && f.value <= f.high);
  }
  for (size_t i = 0; i < 20000; i++) /* and it is over */
    pl_profile_add(p, 100 + chance(&seed));
  struct pl_forecast f = forecast(p, 60);
  assert_float_equal(f.value, 100.5, 1);
  pl_profile_free(p);
}

static void test_never_below_zero(void **state)
{
  (void)state;
  struct pl_profile *p = profile_of(60, 0, 0, 3600);
  for (size_t i = 0; i < 200; i++)
    pl_profile_add(p, 200 - (double)i);
  struct pl_forecast f = forecast(p, 3600);
  assert_true(f.value == 0 && f.low == 0);
  pl_profile_add(p, -300); /* it can be */
  for (size_t i = 0; i < 100; i++)
    pl_profile_add(p, -301 - (double)i);
  assert_true(forecast(p, 3600).value < -400);
  pl_profile_free(p);
}

static void test_refused(void **state)
{
  (void)state;
  static const struct pl_profile_cfg WRONG[] = {
      {.period_s = 0, .horizon_s = 60}, {.period_s = -1, .horizon_s = 60}, {.period_s = NAN, .horizon_s = 60}, {.period_s = INFINITY, .horizon_s = 60},
      {.period_s = 60, .horizon_s = NAN}, {.period_s = 60, .horizon_s = -60}, {.period_s = 1, .horizon_s = 1e6},
      {.period_s = 60, .horizon_s = 60, .seasons_s = {61, 0}}, {.period_s = 60, .horizon_s = 60, .seasons_s = {0, NAN}},
      {.period_s = 60, .horizon_s = 60, .seasons_s = {-86400, 0}}, {.period_s = 1, .horizon_s = 60, .seasons_s = {1e12, 0}},
  };
  for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
    struct pl_profile *p = (struct pl_profile *)&p;
    struct pl_err err = {0};
    assert_int_equal(pl_profile_new(&WRONG[i], &p, &err), PL_E_USAGE);
    assert_null(p);
    assert_true(strlen(err.text) > 20);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_too_little),     cmocka_unit_test(test_constant),  cmocka_unit_test(test_ramp),
      cmocka_unit_test(test_season_is_found), cmocka_unit_test(test_week_is_found), cmocka_unit_test(test_gap),
      cmocka_unit_test(test_outlier),        cmocka_unit_test(test_change_is_believed), cmocka_unit_test(test_peak),
      cmocka_unit_test(test_sum),            cmocka_unit_test(test_traces),    cmocka_unit_test(test_saved),
      cmocka_unit_test(test_damaged),        cmocka_unit_test(test_forged),
      cmocka_unit_test(test_counts_at_their_ends),    cmocka_unit_test(test_nan_storm),
      cmocka_unit_test(test_huge),           cmocka_unit_test(test_never_below_zero), cmocka_unit_test(test_band_of_what_is_mostly_nothing), cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

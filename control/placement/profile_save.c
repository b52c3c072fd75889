/* SPDX-License-Identifier: Apache-2.0 */
/* A profile as text: its version, each number's bits as hexadecimal words in one order (walk), and a sum over all of that. */
#include "control/placement/profile_in.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define VERSION "profile-1"
#define MAGNITUDE_MAX 1e37

struct walk {
  char *text;
  size_t at, size; /* loading: size is the text's; saving: text NULL counts */
  bool load, bad;
};

static void word(struct walk *w, uint32_t *value)
{
  static const char DIGITS[] = "0123456789abcdef";
  if (w->load && (w->bad = w->bad || w->at + 8 > w->size))
    return;
  if (w->load)
    *value = 0;
  for (size_t i = 0; i < 8; i++, w->at++) {
    if (w->load) {
      const char *digit = memchr(DIGITS, w->text[w->at], 16);
      w->bad = w->bad || !digit;
      *value = *value << 4 | (uint32_t)(digit ? digit - DIGITS : 0);
    } else if (w->text) {
      w->text[w->at] = DIGITS[*value >> (28 - 4 * i) & 15];
    }
  }
}

static void count(struct walk *w, uint32_t *value, uint32_t most)
{
  word(w, value);
  w->bad = w->bad || *value > most;
}

/* unknown: it may be NAN. */
static void single(struct walk *w, float *value, double least, bool unknown)
{
  uint32_t bits;
  memcpy(&bits, value, sizeof bits);
  word(w, &bits);
  if (w->load)
    memcpy(value, &bits, sizeof bits);
  w->bad = w->bad || (isnan(*value) ? !unknown : (double)*value < least || (double)*value > MAGNITUDE_MAX);
}

static void real(struct walk *w, double *value, double least)
{
  uint64_t bits;
  memcpy(&bits, value, sizeof bits);
  uint32_t high = (uint32_t)(bits >> 32), low = (uint32_t)bits;
  word(w, &high);
  word(w, &low);
  bits = (uint64_t)high << 32 | low;
  if (w->load)
    memcpy(value, &bits, sizeof bits);
  w->bad = w->bad || !(*value >= least && *value <= MAGNITUDE_MAX);
}

static void walk_cfg(struct walk *w, struct pl_profile_cfg *cfg)
{
  real(w, &cfg->period_s, 0);
  for (size_t s = 0; s < SEASONS; s++)
    real(w, &cfg->seasons_s[s], 0);
  real(w, &cfg->horizon_s, 0);
}

static void walk_rung(struct walk *w, struct pl_profile_rung *rung)
{
  for (size_t i = 0; i <= FLIGHT; i++)
    for (size_t k = 0; k <= EXPERTS; k++)
      single(w, &rung->flight[i][k], -MAGNITUDE_MAX, true);
  for (size_t k = 0; k < EXPERTS; k++) {
    single(w, &rung->regret[k], -MAGNITUDE_MAX, false);
    single(w, &rung->power[k], 0, false);
    single(w, &rung->error[k], 0, false);
  }
  single(w, &rung->off, 0, false);
  single(w, &rung->under, -MAGNITUDE_MAX, false);
  single(w, &rung->over, -MAGNITUDE_MAX, false);
  count(w, &rung->told, PL_PROFILE_COUNT_MAX);
}

static void walk_season(struct walk *w, uint32_t turns, struct pl_profile_season *season, float *bins)
{
  for (size_t i = 0; i < SHIFTS; i++)
    single(w, &season->shift[i], -MAGNITUDE_MAX, false);
  single(w, &season->off, 0, false);
  single(w, &season->sum, -MAGNITUDE_MAX, false);
  count(w, &season->n, season->length ? turns % season->length % season->bin : 0);
  count(w, &season->visits, PL_PROFILE_COUNT_MAX);
  for (size_t i = 0; i < season->bins; i++)
    single(w, &bins[i], -MAGNITUDE_MAX, true);
}

static void walk(struct walk *w, struct pl_profile *p)
{
  count(w, &p->turns, PL_PROFILE_COUNT_MAX);
  count(w, &p->samples, p->turns);
  for (size_t i = 0; i < LEVELS; i++) {
    real(w, &p->level[i], -MAGNITUDE_MAX);
    real(w, &p->age[i], 0);
  }
  real(w, &p->least, -MAGNITUDE_MAX);
  uint32_t odd = (uint32_t)(p->odd + 1);
  count(w, &odd, 2);
  if (w->load)
    p->odd = (int32_t)odd - 1;
  for (size_t s = 0; s < SEASONS; s++)
    walk_season(w, p->turns, &p->season[s], p->bins[s]);
  for (size_t r = 0; r < p->n_rungs; r++)
    walk_rung(w, &p->rung[r]);
}

uint32_t pl_profile_text_sum(const char *text, size_t size)
{
  uint32_t sum = 2166136261u; /* FNV-1a */
  for (size_t i = 0; i < size; i++)
    sum = (sum ^ (uint8_t)text[i]) * 16777619u;
  return sum;
}

char *pl_profile_save(const struct pl_profile *profile)
{
  struct pl_profile *p = (struct pl_profile *)profile; /* written to by a walk that loads only */
  struct walk w = {.at = sizeof VERSION};
  walk_cfg(&w, &p->cfg);
  walk(&w, p);
  w = (struct walk){.text = malloc(w.at + 9)};
  if (!w.text)
    return NULL;
  memcpy(w.text, VERSION " ", w.at = sizeof VERSION);
  walk_cfg(&w, &p->cfg);
  walk(&w, p);
  uint32_t sum = pl_profile_text_sum(w.text, w.at);
  word(&w, &sum);
  w.text[w.at] = '\0';
  return w.text;
}

static const char *load(struct pl_profile *p, char *text)
{
  struct walk w = {.text = text, .size = strlen(text), .load = true};
  struct pl_profile_cfg cfg = {0};
  uint32_t sum = 0;
  if (strncmp(text, VERSION " ", w.at = sizeof VERSION))
    return "it does not begin with " VERSION;
  walk_cfg(&w, &cfg);
  if (w.bad || cfg.period_s != p->cfg.period_s || cfg.horizon_s != p->cfg.horizon_s || memcmp(cfg.seasons_s, p->cfg.seasons_s, sizeof cfg.seasons_s))
    return "it is of other periods, seasons or horizon";
  walk(&w, p);
  size_t end = w.at;
  word(&w, &sum);
  if (w.at != w.size)
    return "it is too long";
  return w.bad || sum != pl_profile_text_sum(text, end) ? "its sum or a number in it is wrong" : NULL;
}

enum pl_status pl_profile_load(struct pl_profile *profile, const char *text, struct pl_err *err)
{
  pl_profile_begin(profile);
  char *copy = strdup(text);
  const char *wrong = copy ? load(profile, copy) : "out of memory";
  if (wrong)
    pl_profile_begin(profile);
  free(copy);
  return wrong ? pl_fail(err, PL_E_RANGE, "profile: its text is damaged (%s): it is learned anew", wrong) : PL_OK;
}

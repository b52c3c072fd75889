/* SPDX-License-Identifier: Apache-2.0 */
/* Images of the simulated agent: shapes of load over time, the same for the same seed. */
#include "drivers/device/node_agent/node_agent.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PERCENT_MAX 100
#define SEED_MAX 0xFFFFF
#define DAY_S 86400
#define NIGHT 0.25  /* of the peak */
#define RAGGED 0.05
#define SPELL_S 60  /* a burst, or the quiet between two */
#define QUIET 0.2   /* of a burst */
#define RAMP_FROM 0.1
#define RAMP_S 1200.0
#define TURN 6.283185307179586 /* of a circle */

static const char *const SHAPES[] = {
#define PL_NA_SHAPE_WORD(name, word) word,
    PL_NA_SHAPES(PL_NA_SHAPE_WORD)
#undef PL_NA_SHAPE_WORD
};

static unsigned shape_of(uint32_t image)
{
  return image >> 28;
}

static unsigned percent_of(uint32_t image)
{
  return image >> 20 & 0xFF;
}

static uint32_t seed_of(uint32_t image)
{
  return image & SEED_MAX;
}

static bool is_image(uint32_t image)
{
  if (shape_of(image) == PL_NA_SHAPE_IDLE)
    return !image;
  return shape_of(image) < PL_NA_SHAPE_COUNT && percent_of(image) && percent_of(image) <= PERCENT_MAX;
}

/* "/N" from 1 or 0 up to most; *text moves on. */
static bool take_number(const char **text, unsigned long most, uint32_t *number)
{
  char *end;
  if (**text != '/' || (*text)[1] < '0' || (*text)[1] > '9')
    return false;
  unsigned long value = strtoul(*text + 1, &end, 10);
  *text = end;
  *number = (uint32_t)value;
  return value <= most;
}

enum pl_status pl_na_image_parse(const char *text, uint32_t *image, struct pl_err *err)
{
  size_t len = strcspn(text, "/");
  const char *at = text + len;
  uint32_t percent = 0, seed = 0;
  for (unsigned shape = 0; shape < PL_NA_SHAPE_COUNT; shape++) {
    if (strlen(SHAPES[shape]) != len || strncmp(SHAPES[shape], text, len) != 0)
      continue;
    bool whole = shape == PL_NA_SHAPE_IDLE ? !*at : take_number(&at, PERCENT_MAX, &percent) && (!*at || (take_number(&at, SEED_MAX, &seed) && !*at));
    uint32_t made = shape << 28 | percent << 20 | seed;
    if (!whole || !is_image(made))
      break;
    *image = made;
    return PL_OK;
  }
  return pl_fail(err, PL_E_USAGE, "'%.60s' is no image, expected idle, or steady, daily, bursty or ramp with per cent of its cores (1 to 100) and, if need be, a seed: bursty/60/7",
                 text);
}

const char *pl_na_image_text(uint32_t image, char text[PL_NA_IMAGE_ROOM])
{
  if (!is_image(image))
    return NULL;
  if (!image)
    snprintf(text, PL_NA_IMAGE_ROOM, "%s", SHAPES[0]);
  else if (seed_of(image))
    snprintf(text, PL_NA_IMAGE_ROOM, "%s/%u/%u", SHAPES[shape_of(image)], percent_of(image), (unsigned)seed_of(image));
  else
    snprintf(text, PL_NA_IMAGE_ROOM, "%s/%u", SHAPES[shape_of(image)], percent_of(image));
  return text;
}

/* 0 to 1, by the seed, the same for each `step` (splitmix64: Steele, Lea, Flood 2014). */
static double chance(uint32_t image, int64_t step)
{
  uint64_t z = image * 0x9E3779B97F4A7C15u + (uint64_t)step * 0xD1B54A32D192ED03u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static double daily(uint32_t image, int64_t t_s)
{
  double phase = chance(image, -1) / 12; /* within two hours of the others' */
  double sun = 0.5 - 0.5 * cos(TURN * ((double)(t_s % DAY_S) / DAY_S + phase));
  double use = NIGHT + (1 - NIGHT) * sun;
  return fmin(1, use * (1 + RAGGED * (2 * chance(image, t_s / SPELL_S) - 1)));
}

/* How far it is follows from what it has done: use = a + b t, so work = a t + b t^2 / 2, and use = sqrt(a^2 + 2 b work). */
static double ramp(double peak, int64_t cores_m, uint64_t work)
{
  double a = RAMP_FROM * peak, b = (peak - a) / RAMP_S, done_s = cores_m > 0 ? (double)work / 1000 / (double)cores_m : 0;
  return fmin(peak, sqrt(a * a + 2 * b * done_s));
}

double pl_na_image_use(uint32_t image, pl_time_ns at, int64_t cores_m, uint64_t work)
{
  int64_t t_s = at / PL_S;
  double peak = percent_of(image) / 100.0;
  switch (shape_of(image)) {
  case PL_NA_SHAPE_STEADY: return peak;
  case PL_NA_SHAPE_DAILY: return peak * daily(image, t_s);
  case PL_NA_SHAPE_BURSTY: return peak * (chance(image, t_s / SPELL_S) < 0.25 ? 1 : QUIET);
  case PL_NA_SHAPE_RAMP: return ramp(peak, cores_m, work);
  default: return 0;
  }
}

bool pl_na_image_changes(uint32_t image)
{
  return shape_of(image) > PL_NA_SHAPE_STEADY;
}

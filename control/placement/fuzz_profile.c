/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a saved profile: as they are; and as the words of one, under a sum that is right. What is taken must forecast, learn on and save again. */
#include "control/placement/profile_in.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(struct pl_profile *profile, const char *text)
{
  struct pl_err err = {0};
  struct pl_forecast f;
  double expected, high;
  enum pl_status status = pl_profile_load(profile, text, &err);
  if (status && (status != PL_E_RANGE || pl_profile_count(profile) || !err.text[0]))
    abort();
  for (int i = 0; i < 40; i++) {
    if (pl_profile_forecast(profile, i * 300.0, &f) && !(isfinite(f.value) && isfinite(f.low) && isfinite(f.high) && f.low <= f.value && f.value <= f.high))
      abort();
    pl_profile_add(profile, i % 5 ? i * 100.0 : NAN);
  }
  if (pl_profile_peak(profile, 1800, &expected, &high) && !(expected <= high))
    abort();
  char *saved = pl_profile_save(profile);
  if (!saved || pl_profile_load(profile, saved, &err))
    abort();
  free(saved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const struct pl_profile_cfg cfg = {.period_s = 300, .seasons_s = {7200, 0}, .horizon_s = 600};
  struct pl_profile *profile;
  char *text = calloc(1, size + 1);
  if (!text || pl_profile_new(&cfg, &profile, NULL))
    abort();
  memcpy(text, data, size);
  use(profile, text);
  free(text);
  pl_profile_free(profile);

  if (pl_profile_new(&cfg, &profile, NULL))
    abort();
  for (int i = 0; i < 60; i++)
    pl_profile_add(profile, i % 24);
  text = pl_profile_save(profile);
  size_t head = strlen("profile-1 ") + 4 * 16, end = strlen(text) - 8;
  for (size_t i = 0; i + 6 <= size; i += 6) { /* which word, and what */
    size_t at = head + 8 * (((size_t)data[i] << 8 | data[i + 1]) % ((end - head) / 8));
    char word[9];
    snprintf(word, sizeof word, "%02x%02x%02x%02x", data[i + 2], data[i + 3], data[i + 4], data[i + 5]);
    memcpy(text + at, word, 8);
  }
  snprintf(text + end, 9, "%08x", pl_profile_text_sum(text, end));
  use(profile, text);
  free(text);
  pl_profile_free(profile);
  return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/protocol/pmbus/pmbus_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static int64_t decoded(const struct pl_pmbus_scale *scale, uint16_t word)
{
  int64_t value_u = INT64_MIN;
  struct pl_err err = {0};
  if (pl_pmbus_decode(scale, word, &value_u, &err) != PL_OK)
    fail_msg("%s 0x%04X: %s", pl_pmbus_format_name(scale->format), word, err.text);
  return value_u;
}

static uint16_t encoded(const struct pl_pmbus_scale *scale, int64_t value_u)
{
  uint16_t word = 0;
  struct pl_err err = {0};
  if (pl_pmbus_encode(scale, value_u, &word, &err) != PL_OK)
    fail_msg("%s %lld: %s", pl_pmbus_format_name(scale->format), (long long)value_u, err.text);
  return word;
}

static void refuses(const struct pl_pmbus_scale *scale, int64_t value_u, enum pl_status want)
{
  uint16_t word = 0xBEEF;
  struct pl_err err = {0};
  assert_int_equal(pl_pmbus_encode(scale, value_u, &word, &err), want);
  assert_int_equal(word, 0xBEEF);
  assert_true(err.text[0]);
}

static const struct pl_pmbus_scale LINEAR11 = {.format = PL_PMBUS_LINEAR11};
static const struct pl_pmbus_scale HALF = {.format = PL_PMBUS_HALF};

static void known_words(void **state)
{
  (void)state;
  static const struct {
    struct pl_pmbus_scale scale;
    uint16_t word;
    int64_t value_u;
  } KNOWN[] = {
      {{.format = PL_PMBUS_LINEAR11}, 0x0000, 0},
      {{.format = PL_PMBUS_LINEAR11}, 0x0001, 1000000},
      {{.format = PL_PMBUS_LINEAR11}, 0x07FF, -1000000},
      {{.format = PL_PMBUS_LINEAR11}, 0xE8E0, 28000000},        /* 224 * 2^-3 */
      {{.format = PL_PMBUS_LINEAR11}, 0xF800 | 0x061, 48500000}, /* 97 * 2^-1 */
      {{.format = PL_PMBUS_LINEAR11}, 0x7BFF, 33521664000000},  /* 1023 * 2^15, the largest */
      {{.format = PL_PMBUS_LINEAR11}, 0x7C00, -33554432000000},
      {{.format = PL_PMBUS_LINEAR11}, 0x8001, 15},              /* 2^-16 = 15.26 millionths */
      {{.format = PL_PMBUS_ULINEAR16, .exponent = -9}, 0x6000, 48000000},
      {{.format = PL_PMBUS_ULINEAR16, .exponent = -12}, 0x3000, 3000000},
      {{.format = PL_PMBUS_ULINEAR16, .exponent = 15}, 0xFFFF, 2147450880000000},
      {{.format = PL_PMBUS_DIRECT, .m = 6770, .b = 0, .r = -2}, 3250, 48005908},   /* ADM1272, 60 V */
      {{.format = PL_PMBUS_DIRECT, .m = 42, .b = 31871, .r = -1}, 3292, 24976190}, /* 1049 / 42 */
      {{.format = PL_PMBUS_DIRECT, .m = 1, .b = 0, .r = 0}, 0x8000, -32768000000},
      {{.format = PL_PMBUS_VID, .vid = PL_PMBUS_VR11}, 0x02, 1600000},
      {{.format = PL_PMBUS_VID, .vid = PL_PMBUS_VR11}, 0xB2, 500000},
      {{.format = PL_PMBUS_VID, .vid = PL_PMBUS_VR12}, 0xFF, 1520000},
      {{.format = PL_PMBUS_VID, .vid = PL_PMBUS_VR12_5}, 0x01, 500000},
      {{.format = PL_PMBUS_VID, .vid = PL_PMBUS_VR13}, 0xFF, 3040000},
      {{.format = PL_PMBUS_VID, .vid = PL_PMBUS_IMVP9}, 0x01, 200000},
      {{.format = PL_PMBUS_VID, .vid = PL_PMBUS_AMD_6_25}, 0x00, 1550000},
      {{.format = PL_PMBUS_VID, .vid = PL_PMBUS_VR12}, 0x00, 0},
      {{.format = PL_PMBUS_HALF}, 0x3C00, 1000000},
      {{.format = PL_PMBUS_HALF}, 0xC000, -2000000},
      {{.format = PL_PMBUS_HALF}, 0x7BFF, 65504000000},
      {{.format = PL_PMBUS_HALF}, 0x3555, 333252}, /* the half closest to 1/3 */
      {{.format = PL_PMBUS_HALF}, 0x0400, 61},     /* 2^-14 */
  };
  for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
    if (decoded(&KNOWN[i].scale, KNOWN[i].word) != KNOWN[i].value_u)
      fail_msg("%s 0x%04X: %lld, expected %lld", pl_pmbus_format_name(KNOWN[i].scale.format), KNOWN[i].word,
               (long long)decoded(&KNOWN[i].scale, KNOWN[i].word), (long long)KNOWN[i].value_u);
  }
  assert_int_equal(encoded(&LINEAR11, 28000000), 0xDB80); /* 896 * 2^-5: finer than the 224 * 2^-3 above */
  assert_int_equal(encoded(&LINEAR11, 0), 0x0000);
}

static void linear11_words_keep_their_value(void **state)
{
  (void)state;
  for (unsigned w = 0; w <= 0xFFFF; w++) {
    int64_t value_u = decoded(&LINEAR11, (uint16_t)w);
    uint16_t again = encoded(&LINEAR11, value_u);
    if (decoded(&LINEAR11, again) != value_u)
      fail_msg("0x%04X -> %lld -> 0x%04X -> %lld", w, (long long)value_u, again, (long long)decoded(&LINEAR11, again));
    /* Millionths tell all words of one exponent apart, so the word found is the same number exactly. */
    assert_true(pl_pmbus_same_value((uint16_t)w, again));
  }
}

static void ulinear16_words_come_back(void **state)
{
  (void)state;
  for (int n = -16; n <= 15; n++) {
    struct pl_pmbus_scale scale = {.format = PL_PMBUS_ULINEAR16, .exponent = n};
    for (unsigned w = 0; w <= 0xFFFF; w++)
      if (encoded(&scale, decoded(&scale, (uint16_t)w)) != w)
        fail_msg("exponent %d word 0x%04X", n, w);
  }
}

static void direct_words_come_back(void **state)
{
  (void)state;
  static const struct pl_pmbus_scale SCALES[] = {
      {.format = PL_PMBUS_DIRECT, .m = 6770, .b = 0, .r = -2},      {.format = PL_PMBUS_DIRECT, .m = 663, .b = 20480, .r = -1},
      {.format = PL_PMBUS_DIRECT, .m = 17561, .b = 0, .r = -3},     {.format = PL_PMBUS_DIRECT, .m = 42, .b = 31871, .r = -1},
      {.format = PL_PMBUS_DIRECT, .m = -4617, .b = -140, .r = -2},  {.format = PL_PMBUS_DIRECT, .m = 1, .b = 0, .r = 3},
      {.format = PL_PMBUS_DIRECT, .m = 3, .b = 32767, .r = 5},      {.format = PL_PMBUS_DIRECT, .m = 32767, .b = -32768, .r = -4},
  };
  for (size_t i = 0; i < sizeof SCALES / sizeof SCALES[0] + 1; i++) {
    struct pl_pmbus_scale by_shunt = pl_pmbus_direct_by_shunt(663, 20480, -1, 500);
    const struct pl_pmbus_scale *scale = i < sizeof SCALES / sizeof SCALES[0] ? &SCALES[i] : &by_shunt;
    for (unsigned w = 0; w <= 0xFFFF; w++)
      if (encoded(scale, decoded(scale, (uint16_t)w)) != w)
        fail_msg("scale %zu word 0x%04X", i, w);
  }
}

static void vid_words_come_back_or_are_refused(void **state)
{
  (void)state;
  static const unsigned CODES[PL_PMBUS_VID_COUNT] = {[PL_PMBUS_VR11] = 0xB1 + 1, [PL_PMBUS_VR12] = 256,  [PL_PMBUS_VR12_5] = 256,
                                                     [PL_PMBUS_VR13] = 256,      [PL_PMBUS_IMVP9] = 256, [PL_PMBUS_AMD_6_25] = 0xD9};
  for (int vid = 0; vid < PL_PMBUS_VID_COUNT; vid++) {
    struct pl_pmbus_scale scale = {.format = PL_PMBUS_VID, .vid = (enum pl_pmbus_vid)vid};
    unsigned good = 0;
    for (unsigned w = 0; w <= 0xFFFF; w++) {
      int64_t value_u = -1;
      enum pl_status status = pl_pmbus_decode(&scale, (uint16_t)w, &value_u, NULL);
      if (status) {
        assert_int_equal(status, PL_E_RANGE);
        assert_int_equal(value_u, -1);
        continue;
      }
      good++;
      assert_int_equal(encoded(&scale, value_u), w);
    }
    assert_int_equal(good, CODES[vid]);
  }
}

static void half_words_keep_their_value(void **state)
{
  (void)state;
  unsigned refused = 0;
  for (unsigned w = 0; w <= 0xFFFF; w++) {
    int64_t value_u = -1;
    enum pl_status status = pl_pmbus_decode(&HALF, (uint16_t)w, &value_u, NULL);
    if (status) {
      assert_int_equal(status, PL_E_NAN);
      assert_int_equal(w & 0x7C00, 0x7C00);
      assert_int_equal(value_u, -1);
      refused++;
      continue;
    }
    uint16_t again = encoded(&HALF, value_u);
    if (decoded(&HALF, again) != value_u)
      fail_msg("0x%04X", w);
    /* From 2^-9 on a step is more than a millionth, so the very word comes back. */
    if ((w & 0x7C00) >= 6u << 10)
      assert_int_equal(again, w);
  }
  assert_int_equal(refused, 2048);
}

static void what_does_not_fit_is_refused(void **state)
{
  (void)state;
  refuses(&LINEAR11, 33521664000000 + 16384LL * PL_U, PL_E_RANGE);
  refuses(&LINEAR11, INT64_MAX, PL_E_RANGE);
  refuses(&LINEAR11, INT64_MIN, PL_E_RANGE);
  refuses(&HALF, 65520000000, PL_E_RANGE);
  refuses(&HALF, INT64_MIN, PL_E_RANGE);
  struct pl_pmbus_scale linear16 = {.format = PL_PMBUS_ULINEAR16, .exponent = -9};
  refuses(&linear16, -1, PL_E_RANGE);
  refuses(&linear16, 128 * PL_U, PL_E_RANGE);
  assert_int_equal(encoded(&linear16, 127998000), 0xFFFF);
  struct pl_pmbus_scale direct = {.format = PL_PMBUS_DIRECT, .m = 32767, .b = 0, .r = 12};
  refuses(&direct, INT64_MAX, PL_E_RANGE);
  refuses(&direct, INT64_MIN, PL_E_RANGE);
  direct.m = 0;
  refuses(&direct, 0, PL_E_USAGE);
  struct pl_pmbus_scale vid = {.format = PL_PMBUS_VID, .vid = PL_PMBUS_VR12};
  refuses(&vid, 1530000, PL_E_RANGE);
  refuses(&vid, 100000, PL_E_RANGE);
  refuses(&vid, INT64_MIN, PL_E_RANGE);
  linear16.exponent = 16;
  refuses(&linear16, 0, PL_E_USAGE);
}

static void vout_mode_tells_the_format(void **state)
{
  (void)state;
  struct pl_pmbus_scale scale = {.m = 5, .vid = PL_PMBUS_VR13};
  assert_int_equal(pl_pmbus_vout_mode(0x17, &scale, NULL), PL_OK);
  assert_int_equal(scale.format, PL_PMBUS_ULINEAR16);
  assert_int_equal(scale.exponent, -9);
  assert_int_equal(pl_pmbus_vout_mode(0x0F, &scale, NULL), PL_OK);
  assert_int_equal(scale.exponent, 15);
  assert_int_equal(pl_pmbus_vout_mode(0x21, &scale, NULL), PL_OK);
  assert_int_equal(scale.format, PL_PMBUS_VID);
  assert_int_equal(scale.vid, PL_PMBUS_VR13);
  assert_int_equal(pl_pmbus_vout_mode(0x40, &scale, NULL), PL_OK);
  assert_int_equal(scale.format, PL_PMBUS_DIRECT);
  assert_int_equal(scale.m, 5);
  assert_int_equal(pl_pmbus_vout_mode(0x60, &scale, NULL), PL_OK);
  assert_int_equal(scale.format, PL_PMBUS_HALF);
  assert_int_equal(pl_pmbus_vout_mode(0xFF, &scale, NULL), PL_E_UNSUPPORTED);
}

static void same_value_is_by_value(void **state)
{
  (void)state;
  assert_true(pl_pmbus_same_value(0x0001, 0xF802)); /* 1 and 2 * 2^-1 */
  assert_true(pl_pmbus_same_value(0x0000, 0x8000));
  assert_true(pl_pmbus_same_value(0x7BFF, 0x7BFF));
  assert_false(pl_pmbus_same_value(0x8001, 0x8000));
  assert_false(pl_pmbus_same_value(0x0001, 0x07FF));
}

static void direct_takes_the_shunt_exactly(void **state)
{
  (void)state;
  /* 663 * 0.5 = 331.5 is no integer; an m of 331 or 332 would be off by 0.15 %. 60 A: (331.5 * 60 + 20480) / 10 = 4037. */
  struct pl_pmbus_scale scale = pl_pmbus_direct_by_shunt(663, 20480, -1, 500);
  assert_int_equal(encoded(&scale, 60 * PL_U), 4037);
  assert_int_equal(decoded(&scale, 4037), 60 * PL_U);
  assert_int_equal(encoded(&scale, 0), 2048);
}

static void pec_matches_the_check_value(void **state)
{
  (void)state;
  assert_int_equal(pl_smbus_pec(0, (const uint8_t *)"123456789", 9), 0xF4); /* the check value of CRC-8 */
  const uint8_t read_word[] = {0xB0, 0x8B, 0xB1, 0x00, 0x60};
  uint8_t pec = pl_smbus_pec(0, read_word, sizeof read_word);
  assert_int_equal(pl_smbus_pec(pec, &pec, 1), 0);
  assert_int_equal(pl_smbus_pec(pl_smbus_pec(0, read_word, 3), read_word + 3, 2), pec);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_words),
      cmocka_unit_test(linear11_words_keep_their_value),
      cmocka_unit_test(ulinear16_words_come_back),
      cmocka_unit_test(direct_words_come_back),
      cmocka_unit_test(vid_words_come_back_or_are_refused),
      cmocka_unit_test(half_words_keep_their_value),
      cmocka_unit_test(what_does_not_fit_is_refused),
      cmocka_unit_test(vout_mode_tells_the_format),
      cmocka_unit_test(same_value_is_by_value),
      cmocka_unit_test(direct_takes_the_shunt_exactly),
      cmocka_unit_test(pec_matches_the_check_value),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/protocol/pmbus/pmbus_format.h"

__extension__ typedef __int128 wide; /* DIRECT: 16 bits times 10^12 times a million, and m and b times a shunt */

static const char *const FORMAT_NAMES[PL_PMBUS_FORMAT_COUNT] = {
    [PL_PMBUS_LINEAR11] = "LINEAR11", [PL_PMBUS_ULINEAR16] = "ULINEAR16", [PL_PMBUS_DIRECT] = "DIRECT",
    [PL_PMBUS_VID] = "VID",           [PL_PMBUS_HALF] = "IEEE half",
};

/* VR11 and the 6.25 mV table of AMD fall with the code; the others rise. Code 0 is "off" where a table has it. */
static const struct pl_pmbus_vid_table VIDS[PL_PMBUS_VID_COUNT] = {
    [PL_PMBUS_VR11] = {.name = "VR11", .first = 0x02, .last = 0xB2, .off = 0, .first_u = 1600000, .step_u = -6250},
    [PL_PMBUS_VR12] = {.name = "VR12", .first = 0x01, .last = 0xFF, .off = 0, .first_u = 250000, .step_u = 5000},
    [PL_PMBUS_VR12_5] = {.name = "VR12.5", .first = 0x01, .last = 0xFF, .off = 0, .first_u = 500000, .step_u = 10000},
    [PL_PMBUS_VR13] = {.name = "VR13", .first = 0x01, .last = 0xFF, .off = 0, .first_u = 500000, .step_u = 10000},
    [PL_PMBUS_IMVP9] = {.name = "IMVP9", .first = 0x01, .last = 0xFF, .off = 0, .first_u = 200000, .step_u = 10000},
    [PL_PMBUS_AMD_6_25] = {.name = "AMD 6.25 mV", .first = 0x00, .last = 0xD8, .off = -1, .first_u = 1550000, .step_u = -6250},
};

#define LINEAR_N_MIN (-16)
#define LINEAR_N_MAX 15
#define LINEAR11_Y_MIN (-1024)
#define LINEAR11_Y_MAX 1023

const char *pl_pmbus_format_name(enum pl_pmbus_format format)
{
  return (unsigned)format < PL_PMBUS_FORMAT_COUNT ? FORMAT_NAMES[format] : "unknown format";
}

const struct pl_pmbus_vid_table *pl_pmbus_vid_table(enum pl_pmbus_vid vid)
{
  return (unsigned)vid < PL_PMBUS_VID_COUNT ? &VIDS[vid] : NULL;
}

/* Nearest, halves away from zero. */
static wide div_round(wide num, wide den)
{
  if (den < 0) {
    num = -num;
    den = -den;
  }
  return num < 0 ? -((-num + den / 2) / den) : (num + den / 2) / den;
}

static wide pow10_of(int n)
{
  wide value = 1;
  while (n-- > 0)
    value *= 10;
  return value;
}

/* y * 2^n in millionths. */
static int64_t scaled_u(int64_t y, int n)
{
  wide value = (wide)y * PL_U;
  return (int64_t)(n >= 0 ? value * ((wide)1 << n) : div_round(value, (wide)1 << -n));
}

/* The y that makes y * 2^n closest to value_u. */
static wide mantissa_of(int64_t value_u, int n)
{
  return n >= 0 ? div_round(value_u, (wide)PL_U << n) : div_round((wide)value_u * ((wide)1 << -n), PL_U);
}

static void linear11_split(uint16_t word, int *y, int *n)
{
  *n = word >> 11;
  if (*n > LINEAR_N_MAX)
    *n -= 32;
  *y = word & 0x7FF;
  if (*y > LINEAR11_Y_MAX)
    *y -= 2048;
}

static enum pl_status out_of_format(struct pl_err *err, const struct pl_pmbus_scale *scale, int64_t value_u)
{
  return pl_fail(err, PL_E_RANGE, "%lld millionths do not fit into a %s word", (long long)value_u, pl_pmbus_format_name(scale->format));
}

/* The smallest exponent that holds it, so the finest steps; zero is the word 0x0000. */
static enum pl_status linear11_encode(const struct pl_pmbus_scale *scale, int64_t value_u, uint16_t *word, struct pl_err *err)
{
  for (int n = LINEAR_N_MIN; n <= LINEAR_N_MAX; n++) {
    wide y = mantissa_of(value_u, n);
    if (y < LINEAR11_Y_MIN || y > LINEAR11_Y_MAX)
      continue;
    *word = y == 0 ? 0 : (uint16_t)(((unsigned)n & 0x1F) << 11 | ((unsigned)(int)y & 0x7FF));
    return PL_OK;
  }
  return out_of_format(err, scale, value_u);
}

static enum pl_status check_exponent(const struct pl_pmbus_scale *scale, struct pl_err *err)
{
  if (scale->exponent < LINEAR_N_MIN || scale->exponent > LINEAR_N_MAX)
    return pl_fail(err, PL_E_USAGE, "ULINEAR16 exponent %d, expected -16 to 15", scale->exponent);
  return PL_OK;
}

static enum pl_status ulinear16_encode(const struct pl_pmbus_scale *scale, int64_t value_u, uint16_t *word, struct pl_err *err)
{
  enum pl_status status = check_exponent(scale, err);
  if (status)
    return status;
  wide y = mantissa_of(value_u, scale->exponent);
  if (value_u < 0 || y > UINT16_MAX)
    return out_of_format(err, scale, value_u);
  *word = (uint16_t)y;
  return PL_OK;
}

#define DIRECT_COEFFICIENT_MAX ((int64_t)1 << 48)

static enum pl_status check_direct(const struct pl_pmbus_scale *scale, struct pl_err *err)
{
  if (scale->m == 0 || scale->r < -12 || scale->r > 12 || scale->m > DIRECT_COEFFICIENT_MAX || scale->m < -DIRECT_COEFFICIENT_MAX ||
      scale->b > DIRECT_COEFFICIENT_MAX || scale->b < -DIRECT_COEFFICIENT_MAX)
    return pl_fail(err, PL_E_USAGE, "DIRECT coefficients m %lld, b %lld, R %d: expected m other than 0 and R from -12 to 12", (long long)scale->m,
                   (long long)scale->b, scale->r);
  return PL_OK;
}

static enum pl_status direct_decode(const struct pl_pmbus_scale *scale, uint16_t word, int64_t *value_u, struct pl_err *err)
{
  enum pl_status status = check_direct(scale, err);
  if (status)
    return status;
  int y = word > INT16_MAX ? (int)word - 65536 : (int)word;
  wide num = scale->r > 0 ? y - scale->b * pow10_of(scale->r) : y * pow10_of(-scale->r) - scale->b;
  wide den = scale->r > 0 ? scale->m * pow10_of(scale->r) : scale->m;
  wide value = div_round(num * PL_U, den);
  if (value > INT64_MAX || value < INT64_MIN)
    return pl_fail(err, PL_E_RANGE, "DIRECT word 0x%04X is beyond what a value can hold", word);
  *value_u = (int64_t)value;
  return PL_OK;
}

static enum pl_status direct_encode(const struct pl_pmbus_scale *scale, int64_t value_u, uint16_t *word, struct pl_err *err)
{
  enum pl_status status = check_direct(scale, err);
  if (status)
    return status;
  /* (m * X + b) * 10^R. The product is bounded first: a word holds 16 bits, so a value that big cannot fit whatever R is. */
  wide sum = (wide)scale->m * value_u + (wide)scale->b * PL_U;
  wide y;
  if (scale->r > 0) {
    if (sum > (wide)1 << 64 || sum < -((wide)1 << 64))
      return out_of_format(err, scale, value_u);
    y = div_round(sum * pow10_of(scale->r), PL_U);
  } else {
    y = div_round(sum, PL_U * pow10_of(-scale->r));
  }
  if (y < INT16_MIN || y > INT16_MAX)
    return out_of_format(err, scale, value_u);
  *word = (uint16_t)(unsigned)(int)y;
  return PL_OK;
}

static enum pl_status vid_decode(const struct pl_pmbus_scale *scale, uint16_t word, int64_t *value_u, struct pl_err *err)
{
  const struct pl_pmbus_vid_table *table = pl_pmbus_vid_table(scale->vid);
  if (!table)
    return pl_fail(err, PL_E_USAGE, "VID table %d is not known", (int)scale->vid);
  if (table->off >= 0 && word == table->off)
    *value_u = 0;
  else if (word >= table->first && word <= table->last)
    *value_u = table->first_u + (word - table->first) * table->step_u;
  else
    return pl_fail(err, PL_E_RANGE, "0x%04X is not a code of the VID table %s", word, table->name);
  return PL_OK;
}

static enum pl_status vid_encode(const struct pl_pmbus_scale *scale, int64_t value_u, uint16_t *word, struct pl_err *err)
{
  const struct pl_pmbus_vid_table *table = pl_pmbus_vid_table(scale->vid);
  if (!table)
    return pl_fail(err, PL_E_USAGE, "VID table %d is not known", (int)scale->vid);
  wide code = table->first + div_round((wide)value_u - table->first_u, table->step_u);
  if (value_u == 0 && table->off >= 0)
    code = table->off;
  else if (code < table->first || code > table->last)
    return out_of_format(err, scale, value_u);
  *word = (uint16_t)code;
  return PL_OK;
}

static enum pl_status half_decode(uint16_t word, int64_t *value_u, struct pl_err *err)
{
  int exponent = word >> 10 & 0x1F, fraction = word & 0x3FF;
  if (exponent == 0x1F)
    return pl_fail(err, PL_E_NAN, "IEEE half word 0x%04X is %s", word, fraction ? "not a number" : "infinite");
  int64_t value = exponent ? scaled_u(fraction | 0x400, exponent - 25) : scaled_u(fraction, -24);
  *value_u = word & 0x8000 ? -value : value;
  return PL_OK;
}

static enum pl_status half_encode(const struct pl_pmbus_scale *scale, int64_t value_u, uint16_t *word, struct pl_err *err)
{
  if (value_u == INT64_MIN)
    return out_of_format(err, scale, value_u);
  int64_t size_u = value_u < 0 ? -value_u : value_u;
  /* From the subnormals' exponent upward: the first that holds the mantissa in 11 bits is the finest. */
  for (int n = -24; n <= 5; n++) {
    wide y = mantissa_of(size_u, n);
    if (y > 0x7FF)
      continue;
    unsigned field = y < 0x400 ? 0 : (unsigned)(n + 25);
    *word = (uint16_t)((value_u < 0 && y ? 0x8000u : 0u) | field << 10 | ((unsigned)y & 0x3FF));
    return PL_OK;
  }
  return out_of_format(err, scale, value_u);
}

enum pl_status pl_pmbus_decode(const struct pl_pmbus_scale *scale, uint16_t word, int64_t *value_u, struct pl_err *err)
{
  int y, n;
  enum pl_status status;
  switch (scale->format) {
  case PL_PMBUS_LINEAR11:
    linear11_split(word, &y, &n);
    *value_u = scaled_u(y, n);
    return PL_OK;
  case PL_PMBUS_ULINEAR16:
    status = check_exponent(scale, err);
    if (status == PL_OK)
      *value_u = scaled_u(word, scale->exponent);
    return status;
  case PL_PMBUS_DIRECT:
    return direct_decode(scale, word, value_u, err);
  case PL_PMBUS_VID:
    return vid_decode(scale, word, value_u, err);
  case PL_PMBUS_HALF:
    return half_decode(word, value_u, err);
  case PL_PMBUS_FORMAT_COUNT:
    break;
  }
  return pl_fail(err, PL_E_USAGE, "PMBus format %d is not known", (int)scale->format);
}

enum pl_status pl_pmbus_encode(const struct pl_pmbus_scale *scale, int64_t value_u, uint16_t *word, struct pl_err *err)
{
  switch (scale->format) {
  case PL_PMBUS_LINEAR11:
    return linear11_encode(scale, value_u, word, err);
  case PL_PMBUS_ULINEAR16:
    return ulinear16_encode(scale, value_u, word, err);
  case PL_PMBUS_DIRECT:
    return direct_encode(scale, value_u, word, err);
  case PL_PMBUS_VID:
    return vid_encode(scale, value_u, word, err);
  case PL_PMBUS_HALF:
    return half_encode(scale, value_u, word, err);
  case PL_PMBUS_FORMAT_COUNT:
    break;
  }
  return pl_fail(err, PL_E_USAGE, "PMBus format %d is not known", (int)scale->format);
}

enum pl_status pl_pmbus_vout_mode(uint8_t mode, struct pl_pmbus_scale *scale, struct pl_err *err)
{
  static const enum pl_pmbus_format FORMATS[] = {PL_PMBUS_ULINEAR16, PL_PMBUS_VID, PL_PMBUS_DIRECT, PL_PMBUS_HALF};
  if (mode & 0x80)
    return pl_fail(err, PL_E_UNSUPPORTED, "VOUT_MODE 0x%02X: relative mode is not supported%s", mode,
                   mode == 0xFF ? " (0xFF may also mean that nothing drives the bus)" : "");
  scale->format = FORMATS[mode >> 5 & 3];
  int exponent = mode & 0x1F;
  if (scale->format == PL_PMBUS_ULINEAR16)
    scale->exponent = exponent > 15 ? exponent - 32 : exponent;
  return PL_OK;
}

bool pl_pmbus_same_value(uint16_t a, uint16_t b)
{
  int ya, na, yb, nb;
  linear11_split(a, &ya, &na);
  linear11_split(b, &yb, &nb);
  return (int64_t)ya * ((int64_t)1 << (na - LINEAR_N_MIN)) == (int64_t)yb * ((int64_t)1 << (nb - LINEAR_N_MIN));
}

struct pl_pmbus_scale pl_pmbus_direct_by_shunt(int64_t m, int64_t b, int r, int64_t shunt_uohm)
{
  /* X = (Y * 10^-R - b) / (m * shunt / 1000) = (Y * 10^-(R-3) - 1000 b) / (m * shunt) */
  return (struct pl_pmbus_scale){.format = PL_PMBUS_DIRECT, .m = m * shunt_uohm, .b = b * 1000, .r = r - 3};
}

uint8_t pl_smbus_pec(uint8_t crc, const uint8_t *bytes, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++)
      crc = (uint8_t)(crc & 0x80 ? crc << 1 ^ 0x07 : crc << 1);
  }
  return crc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/modbus_map/map.h"

#include <math.h>

size_t pl_map_type_words(enum pl_map_type type)
{
  return type == PL_MAP_U32 || type == PL_MAP_S32 || type == PL_MAP_FLOAT32 ? 2 : 1;
}

bool pl_map_table_is_bits(enum pl_modbus_table table)
{
  return table == PL_TABLE_COILS || table == PL_TABLE_DISCRETE;
}

const char *pl_map_table_name(enum pl_modbus_table table)
{
  static const char *const names[] = {
      [PL_TABLE_COILS] = "coil", [PL_TABLE_DISCRETE] = "discrete input", [PL_TABLE_HOLDING] = "holding register", [PL_TABLE_INPUT] = "input register"};
  return names[table];
}

static uint16_t swap_bytes(uint16_t word, bool swap)
{
  if (!swap) {
    return word;
  }
  return (uint16_t)((word & 0xFFU) << 8 | word >> 8);
}

/* Two registers carry the high word first (ABCD) unless the row says otherwise. */
static uint32_t join(const struct pl_map_row *row, const uint16_t *words)
{
  uint16_t first = swap_bytes(words[0], row->byte_swap);
  if (pl_map_type_words(row->type) == 1) {
    return first;
  }
  uint16_t second = swap_bytes(words[1], row->byte_swap);
  return row->word_swap ? (uint32_t)second << 16 | first : (uint32_t)first << 16 | second;
}

void pl_map_words(const struct pl_map_row *row, int64_t raw, uint16_t *words)
{
  uint16_t low = swap_bytes((uint16_t)(raw & 0xFFFF), row->byte_swap), high = swap_bytes((uint16_t)(raw >> 16 & 0xFFFF), row->byte_swap);
  if (pl_map_type_words(row->type) == 1) {
    words[0] = low;
    return;
  }
  words[0] = row->word_swap ? low : high;
  words[1] = row->word_swap ? high : low;
}

void pl_map_bit_mask(const struct pl_map_row *row, uint16_t *mask)
{
  pl_map_words(row, (int64_t)(1U << row->bit), mask);
}

static double number_of(const struct pl_map_row *row, uint32_t pattern)
{
  switch (row->type) {
  case PL_MAP_S16:
    return (double)(int16_t)(uint16_t)pattern;
  case PL_MAP_S32:
    return (double)(int32_t)pattern;
  case PL_MAP_FLOAT32: {
    float value; /* IEEE 754 binary32 */
    memcpy(&value, &pattern, sizeof value);
    return (double)value;
  }
  default:
    return (double)pattern;
  }
}

static bool means_no_reading(const struct pl_map_row *row, double raw)
{
  for (size_t i = 0; i < row->n_invalid; i++) {
    if (raw >= (double)row->invalid[i] && raw <= (double)row->invalid[i]) {
      return true;
    }
  }
  return false;
}

enum pl_status pl_map_decode(const struct pl_map_row *row, const uint16_t *words, int64_t *value_u, struct pl_err *err)
{
  uint32_t pattern = join(row, words);
  double raw = number_of(row, pattern);
  int digits = (int)pl_map_type_words(row->type) * 4;
  if (!isfinite(raw)) {
    return pl_fail(err, PL_E_NAN, "%s: %s 0x%04X holds 0x%08X, which is not a number", row->quantity, pl_map_table_name(row->table), row->address,
                   pattern);
  }
  if (means_no_reading(row, raw)) {
    return pl_fail(err, PL_E_NAN, "%s: %s 0x%04X holds 0x%0*X, which is no value: it means that there is no reading", row->quantity,
                   pl_map_table_name(row->table), row->address, digits, pattern);
  }
  if (row->bit >= 0) {
    *value_u = (pattern >> row->bit & 1) != 0 ? PL_U : 0;
    return PL_OK;
  }
  if (raw < row->raw_min || raw > row->raw_max) {
    return pl_fail(err, PL_E_RANGE, "%s: %s 0x%04X holds %g (0x%0*X), outside its range %g to %g", row->quantity, pl_map_table_name(row->table),
                   row->address, raw,
                   digits, pattern, row->raw_min, row->raw_max);
  }
  enum pl_status status = pl_unit_to_u(row->unit, raw * row->scale + row->offset, value_u, err);
  if (status != PL_OK) {
    pl_err_prefix(err, "%s", row->quantity);
  }
  return status;
}

static void put(const struct pl_map_row *row, double raw, uint16_t *words)
{
  int64_t pattern;
  if (row->type == PL_MAP_FLOAT32) {
    float value = (float)raw;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    pattern = (int64_t)bits;
  } else {
    pattern = llround(raw);
  }
  pl_map_words(row, pattern, words);
}

static double raw_of(const struct pl_map_row *row, int64_t value_u)
{
  double raw = (pl_unit_from_u(row->unit, value_u) - row->offset) / row->scale;
  return row->type == PL_MAP_FLOAT32 ? raw : round(raw);
}

static void put_bit(const struct pl_map_row *row, bool on, uint16_t *words)
{
  uint32_t pattern = join(row, words), mask = 1U << row->bit;
  pl_map_words(row, (int64_t)(on ? pattern | mask : pattern & ~mask), words);
}

enum pl_status pl_map_encode(const struct pl_map_row *row, int64_t value_u, uint16_t *words, struct pl_err *err)
{
  if (row->bit >= 0) {
    put_bit(row, value_u != 0, words);
    return PL_OK;
  }
  double raw = raw_of(row, value_u);
  if (!(raw >= row->raw_min && raw <= row->raw_max) || means_no_reading(row, raw)) {
    char value[48];
    double ends[2] = {row->raw_min * row->scale + row->offset, row->raw_max * row->scale + row->offset};
    return pl_fail(err, PL_E_RANGE, "%s: %s does not fit %s 0x%04X, which takes %g to %g%s%s", row->quantity,
                   pl_quantity_format(row->unit->dim, value_u, value, sizeof value), pl_map_table_name(row->table), row->address, fmin(ends[0],
                       ends[1]),
                   fmax(ends[0], ends[1]), *row->unit->name ? " " : "", row->unit->name);
  }
  put(row, raw, words);
  return PL_OK;
}

void pl_map_encode_saturated(const struct pl_map_row *row, int64_t value_u, uint16_t *words)
{
  if (row->bit >= 0) {
    put_bit(row, value_u != 0, words);
    return;
  }
  double raw = fmin(fmax(raw_of(row, value_u), row->raw_min), row->raw_max);
  while (means_no_reading(row, raw)) { /* a sensor that has a value never says that it has none */
    raw += raw + 1 <= row->raw_max ? 1 : -PL_MAP_INVALID_MAX - 1;
  }
  put(row, raw, words);
}

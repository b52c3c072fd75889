/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BASE_UNIT_H
#define PL_BASE_UNIT_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Dimensions and units. Below the user's face every value is an integer count of millionths of its dimension's base unit
 * ("value_u"): microvolts, microamperes, microwatts, micro-degrees Celsius, micropascals, microlitres per minute, ...
 */
#define PL_DIM_MAP(X)            /* id, base unit, name                */ \
  X(NONE, "", "number")          /* counts, codes, plain numbers       */ \
  X(FLAG, "", "flag")            /* 0 or 1000000: off/on, false/true   */ \
  X(VOLTAGE, "V", "voltage")                                              \
  X(CURRENT, "A", "current")                                              \
  X(POWER, "W", "power")                                                  \
  X(TEMPERATURE, "degC", "temperature")                                   \
  X(PRESSURE, "Pa", "pressure")                                           \
  X(FLOW, "L/min", "flow")                                                \
  X(SPEED, "rpm", "rotational speed")                                     \
  X(RATIO, "%", "ratio")                                                  \
  X(TIME, "s", "time")                                                    \
  X(FREQUENCY, "Hz", "frequency")                                         \
  X(RESISTANCE, "ohm", "resistance")                                      \
  X(ENERGY, "J", "energy")                                                \
  X(VOLUME, "L", "volume")

enum pl_dim {
#define PL_DIM_ENUM(id, unit, name) PL_DIM_##id,
  PL_DIM_MAP(PL_DIM_ENUM)
#undef PL_DIM_ENUM
      PL_DIM_COUNT
};

#define PL_U 1000000LL /* one base unit, in millionths */

struct pl_unit {
  const char *name;   /* "kPa" */
  const char *plural; /* the name it has in sequences: "kilopascals" (a Lua function) */
  enum pl_dim dim;
  double scale;       /* base = value * scale + offset */
  double offset;
};

const char *pl_dim_name(enum pl_dim dim);      /* "pressure" */
const char *pl_dim_base_unit(enum pl_dim dim); /* "Pa" */

/* All units, for tables, help and the Lua constructors. *count receives their number. */
const struct pl_unit *pl_units(size_t *count);
const struct pl_unit *pl_unit_find(const char *name); /* by name or plural; NULL when unknown */
/* The unit a person expects for a dimension (kPa for pressure, ms or s by size for time, ...). */
const struct pl_unit *pl_unit_for_display(enum pl_dim dim, int64_t value_u);

/* value in `unit` -> millionths of the base unit. PL_E_RANGE when it does not fit (or is not finite). */
enum pl_status pl_unit_to_u(const struct pl_unit *unit, double value, int64_t *value_u, struct pl_err *err);
double pl_unit_from_u(const struct pl_unit *unit, int64_t value_u);

/* Reads "48.5 V", "150ms", "80 %", "on", "12" . When want is not PL_DIM_COUNT the dimension must match (a bare number is taken as
 * PL_DIM_NONE; on/off/true/false as PL_DIM_FLAG). PL_E_USAGE says what was expected. */
enum pl_status pl_quantity_parse(const char *text, enum pl_dim want, enum pl_dim *dim, int64_t *value_u, struct pl_err *err);
/* Writes "48.512 V" (display unit, up to six significant digits) into out; returns out. */
char *pl_quantity_format(enum pl_dim dim, int64_t value_u, char *out, size_t size);

/* The closest of `words` to `word` (edit distance at most 2 and less than half its length), or NULL. For "did you mean". */
const char *pl_closest(const char *word, const char *const *words, size_t count);

#endif

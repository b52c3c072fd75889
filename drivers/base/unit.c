/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/base/unit.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name, *base_unit;
} DIMS[PL_DIM_COUNT] = {
#define PL_DIM_ROW(id, unit, name) {name, unit},
    PL_DIM_MAP(PL_DIM_ROW)
#undef PL_DIM_ROW
};

/* For sentences: "expected a pressure such as '150 kPa'". */
static const struct {
  const char *article, *example;
} HINTS[PL_DIM_COUNT] = {
    [PL_DIM_NONE] = {"a plain number", "12"},
    [PL_DIM_FLAG] = {"on or off", "on"},
    [PL_DIM_VOLTAGE] = {"a voltage", "48.5 V"},
    [PL_DIM_CURRENT] = {"a current", "12.5 A"},
    [PL_DIM_POWER] = {"a power", "300 W"},
    [PL_DIM_TEMPERATURE] = {"a temperature", "45 degC"},
    [PL_DIM_PRESSURE] = {"a pressure", "150 kPa"},
    [PL_DIM_FLOW] = {"a flow", "4.5 L/min"},
    [PL_DIM_SPEED] = {"a rotational speed", "3000 rpm"},
    [PL_DIM_RATIO] = {"a ratio", "80 %"},
    [PL_DIM_TIME] = {"a time", "150 ms"},
    [PL_DIM_FREQUENCY] = {"a frequency", "400 kHz"},
    [PL_DIM_RESISTANCE] = {"a resistance", "0.5 mohm"},
    [PL_DIM_ENERGY] = {"an energy", "20 J"},
    [PL_DIM_VOLUME] = {"a volume", "1.5 L"},
};

/* Names that are also Lua identifiers serve as constructors there, beside the plurals. */
static const struct pl_unit UNITS[] = {
    {"", "number", PL_DIM_NONE, 1, 0},
    {"", "flag", PL_DIM_FLAG, 1, 0},
    {"V", "volts", PL_DIM_VOLTAGE, 1, 0},
    {"mV", "millivolts", PL_DIM_VOLTAGE, 1e-3, 0},
    {"uV", "microvolts", PL_DIM_VOLTAGE, 1e-6, 0},
    {"kV", "kilovolts", PL_DIM_VOLTAGE, 1e3, 0},
    {"A", "amperes", PL_DIM_CURRENT, 1, 0},
    {"mA", "milliamperes", PL_DIM_CURRENT, 1e-3, 0},
    {"uA", "microamperes", PL_DIM_CURRENT, 1e-6, 0},
    {"W", "watts", PL_DIM_POWER, 1, 0},
    {"mW", "milliwatts", PL_DIM_POWER, 1e-3, 0},
    {"kW", "kilowatts", PL_DIM_POWER, 1e3, 0},
    {"degC", "degrees_celsius", PL_DIM_TEMPERATURE, 1, 0},
    {"degF", "degrees_fahrenheit", PL_DIM_TEMPERATURE, 5.0 / 9.0, -32.0 * 5.0 / 9.0},
    {"Pa", "pascals", PL_DIM_PRESSURE, 1, 0},
    {"kPa", "kilopascals", PL_DIM_PRESSURE, 1e3, 0},
    {"bar", "bars", PL_DIM_PRESSURE, 1e5, 0},
    {"mbar", "millibars", PL_DIM_PRESSURE, 1e2, 0},
    {"psi", "pounds_per_square_inch", PL_DIM_PRESSURE, 6894.757293168361, 0}, /* NIST SP 811 appendix B.8 */
    {"L/min", "litres_per_minute", PL_DIM_FLOW, 1, 0},
    {"mL/min", "millilitres_per_minute", PL_DIM_FLOW, 1e-3, 0},
    {"rpm", "revolutions_per_minute", PL_DIM_SPEED, 1, 0},
    {"%", "percent", PL_DIM_RATIO, 1, 0},
    {"s", "seconds", PL_DIM_TIME, 1, 0},
    {"ms", "milliseconds", PL_DIM_TIME, 1e-3, 0},
    {"us", "microseconds", PL_DIM_TIME, 1e-6, 0},
    {"min", "minutes", PL_DIM_TIME, 60, 0},
    {"h", "hours", PL_DIM_TIME, 3600, 0},
    {"Hz", "hertz", PL_DIM_FREQUENCY, 1, 0},
    {"kHz", "kilohertz", PL_DIM_FREQUENCY, 1e3, 0},
    {"MHz", "megahertz", PL_DIM_FREQUENCY, 1e6, 0},
    {"ohm", "ohms", PL_DIM_RESISTANCE, 1, 0},
    {"mohm", "milliohms", PL_DIM_RESISTANCE, 1e-3, 0},
    {"uohm", "microohms", PL_DIM_RESISTANCE, 1e-6, 0},
    {"J", "joules", PL_DIM_ENERGY, 1, 0},
    {"L", "litres", PL_DIM_VOLUME, 1, 0},
    {"mL", "millilitres", PL_DIM_VOLUME, 1e-3, 0},
};
#define N_UNITS (sizeof UNITS / sizeof UNITS[0])

/* Other spellings that people write; each has one row above. */
static const struct {
  const char *alias, *name;
} ALIASES[] = {
    {"C", "degC"},         {"°C", "degC"},     {"F", "degF"},       {"°F", "degF"},   {"l/min", "L/min"}, {"LPM", "L/min"}, {"lpm", "L/min"},
    {"ml/min", "mL/min"},  {"l", "L"},         {"ml", "mL"},        {"RPM", "rpm"},   {"sec", "s"},       {"µs", "us"},     {"µV", "uV"},
    {"µA", "uA"},          {"Ω", "ohm"},       {"mΩ", "mohm"},      {"µΩ", "uohm"},   {"volt", "V"},      {"ampere", "A"},  {"amps", "A"},
    {"watt", "W"},         {"second", "s"},    {"minute", "min"},   {"hour", "h"},    {"litre", "L"},     {"liters", "L"},  {"Ohm", "ohm"},
    {"mOhm", "mohm"},      {"uOhm", "uohm"},   {"liters_per_minute", "L/min"},
};

const char *pl_dim_name(enum pl_dim dim)
{
  return (unsigned)dim < PL_DIM_COUNT ? DIMS[dim].name : "unknown dimension";
}

const char *pl_dim_base_unit(enum pl_dim dim)
{
  return (unsigned)dim < PL_DIM_COUNT ? DIMS[dim].base_unit : "";
}

const struct pl_unit *pl_units(size_t *count)
{
  *count = N_UNITS;
  return UNITS;
}

const struct pl_unit *pl_unit_find(const char *name)
{
  if (!*name)
    return NULL; /* no unit at all is not a unit; the plain number is found as "number" */
  for (size_t i = 0; i < sizeof ALIASES / sizeof ALIASES[0]; i++)
    if (*ALIASES[i].alias == *name && !strcmp(ALIASES[i].alias, name))
      name = ALIASES[i].name;
  for (size_t i = 0; i < N_UNITS; i++)
    if ((*UNITS[i].name == *name && !strcmp(UNITS[i].name, name)) || (*UNITS[i].plural == *name && !strcmp(UNITS[i].plural, name)))
      return &UNITS[i];
  return NULL;
}

static const struct pl_unit *base_unit(enum pl_dim dim)
{
  for (size_t i = 0; i < N_UNITS; i++)
    if (UNITS[i].dim == dim)
      return &UNITS[i];
  return &UNITS[0];
}

const struct pl_unit *pl_unit_for_display(enum pl_dim dim, int64_t value_u)
{
  double size = fabs((double)value_u);
  const char *name = NULL;
  /* Only where people change units by size. Volts stay volts and watts watts, so that a column of readings has one unit. */
  switch (dim) {
  case PL_DIM_PRESSURE: name = "kPa"; break;
  case PL_DIM_TIME: name = size >= 1e6 ? "s" : size >= 1e3 || size == 0 ? "ms" : "us"; break;
  case PL_DIM_RESISTANCE: name = size >= 1e6 || size == 0 ? "ohm" : size >= 1e2 ? "mohm" : "uohm"; break;
  case PL_DIM_FREQUENCY: name = size >= 1e12 ? "MHz" : size >= 1e9 ? "kHz" : "Hz"; break;
  case PL_DIM_VOLUME: name = size >= 1e6 || size == 0 ? "L" : "mL"; break;
  default: break;
  }
  return name ? pl_unit_find(name) : base_unit(dim);
}

enum pl_status pl_unit_to_u(const struct pl_unit *unit, double value, int64_t *value_u, struct pl_err *err)
{
  if (isnan(value))
    return pl_fail(err, PL_E_RANGE, "a value in %s is not a number", unit->plural);
  double scaled = value * (unit->scale * 1e6) + unit->offset * 1e6;
  /* 2^63 is the first double that does not fit; its negative still does. */
  if (!(scaled >= -0x1p63 && scaled < 0x1p63))
    return pl_fail(err, PL_E_RANGE, "%g %s is out of range, expected at most about %.3g %s", value, unit->plural, 0x1p63 / 1e6 / unit->scale, unit->plural);
  *value_u = fabs(scaled) < 0x1p52 ? llround(scaled) : (int64_t)scaled; /* beyond 2^52 a double has no fraction */
  return PL_OK;
}

double pl_unit_from_u(const struct pl_unit *unit, int64_t value_u)
{
  return ((double)value_u - unit->offset * 1e6) / (unit->scale * 1e6);
}

/* --- text --- */

static const char *skip_blanks(const char *text)
{
  while (isspace((unsigned char)*text))
    text++;
  return text;
}

static size_t trimmed(const char *text)
{
  size_t length = strlen(text);
  while (length && isspace((unsigned char)text[length - 1]))
    length--;
  return length;
}

static bool flag_word(const char *word, size_t length, bool *on)
{
  static const char *const WORDS[] = {"off", "on", "false", "true", "no", "yes"};
  for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
    if (strlen(WORDS[i]) == length && !memcmp(WORDS[i], word, length)) {
      *on = i % 2;
      return true;
    }
  return false;
}

static size_t count_digits(const char *text)
{
  size_t n = 0;
  while (isdigit((unsigned char)text[n]))
    n++;
  return n;
}

/* The length of the decimal number at the start of text, 0 when there is none. strtod alone would take hex, "inf" and "nan". */
static size_t number_length(const char *text)
{
  size_t at = text[0] == '+' || text[0] == '-';
  size_t whole = count_digits(text + at), part = 0;
  at += whole;
  if (text[at] == '.') {
    part = count_digits(text + at + 1);
    at += 1 + part;
  }
  if (!whole && !part)
    return 0;
  if (text[at] == 'e' || text[at] == 'E') {
    size_t sign = text[at + 1] == '+' || text[at + 1] == '-';
    size_t power = count_digits(text + at + 1 + sign);
    if (power)
      at += 1 + sign + power;
  }
  return at;
}

static enum pl_status fail_expected(struct pl_err *err, enum pl_dim want, const char *text, const char *what)
{
  int shown = (int)(trimmed(text) > 60 ? 60 : trimmed(text));
  if (want == PL_DIM_COUNT)
    return pl_fail(err, PL_E_USAGE, "'%.*s' %s, expected a number with its unit such as '48.5 V', a plain number, on or off", shown, text, what);
  if (want == PL_DIM_FLAG)
    return pl_fail(err, PL_E_USAGE, "'%.*s' %s, expected on or off", shown, text, what);
  return pl_fail(err, PL_E_USAGE, "'%.*s' %s, expected %s such as '%s'", shown, text, what, HINTS[want].article, HINTS[want].example);
}

static enum pl_status fail_unit(struct pl_err *err, enum pl_dim want, const char *text, const char *word)
{
  const char *names[N_UNITS];
  size_t n = 0;
  for (size_t i = 0; i < N_UNITS; i++)
    if (*UNITS[i].name && (want == PL_DIM_COUNT || UNITS[i].dim == want))
      names[n++] = UNITS[i].name;
  const char *closest = pl_closest(word, names, n);
  char what[128];
  if (closest)
    snprintf(what, sizeof what, "has the unknown unit '%.24s', did you mean '%s'?", word, closest);
  else
    snprintf(what, sizeof what, "has the unknown unit '%.24s'", word);
  return fail_expected(err, want, text, what);
}

static enum pl_status read_unit(const char *text, const char *word, enum pl_dim want, const struct pl_unit **unit, struct pl_err *err)
{
  char name[32];
  size_t length = trimmed(word);
  if (length == 0) {
    *unit = &UNITS[0];
    return PL_OK;
  }
  snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), word);
  *unit = length < sizeof name ? pl_unit_find(name) : NULL;
  if (!*unit || !*(*unit)->name)
    return fail_unit(err, want, text, name);
  return PL_OK;
}

static enum pl_status check_dim(const char *text, enum pl_dim have, enum pl_dim want, struct pl_err *err)
{
  if (want == PL_DIM_COUNT || want == have)
    return PL_OK;
  char what[64];
  if (have == PL_DIM_NONE)
    snprintf(what, sizeof what, "has no unit");
  else
    snprintf(what, sizeof what, "is %s", have == PL_DIM_FLAG ? "a flag" : HINTS[have].article);
  return fail_expected(err, want, text, what);
}

enum pl_status pl_quantity_parse(const char *text, enum pl_dim want, enum pl_dim *dim, int64_t *value_u, struct pl_err *err)
{
  text = skip_blanks(text);
  enum pl_dim found = PL_DIM_FLAG;
  int64_t result = 0;
  bool on;
  if (flag_word(text, trimmed(text), &on)) {
    result = on ? PL_U : 0;
  } else {
    size_t length = number_length(text);
    if (!length)
      return fail_expected(err, want, text, *text ? "is not a number" : "is empty");
    const struct pl_unit *unit;
    enum pl_status status = read_unit(text, skip_blanks(text + length), want, &unit, err);
    if (status)
      return status;
    double value = strtod(text, NULL);
    if (pl_unit_to_u(unit, value, &result, NULL))
      return fail_expected(err, want, text, "is out of range");
    if (result == 0 && value != 0 && unit->offset == 0)
      return fail_expected(err, want, text, "is finer than a millionth of the base unit");
    found = unit->dim;
  }
  enum pl_status status = check_dim(text, found, want, err);
  if (status)
    return status;
  if (dim)
    *dim = found;
  *value_u = result;
  return PL_OK;
}

char *pl_quantity_format(enum pl_dim dim, int64_t value_u, char *out, size_t size)
{
  if (dim == PL_DIM_FLAG && (value_u == 0 || value_u == PL_U)) {
    snprintf(out, size, "%s", value_u ? "on" : "off");
    return out;
  }
  const struct pl_unit *unit = pl_unit_for_display(dim, value_u);
  double value = pl_unit_from_u(unit, value_u);
  int whole = value == 0 ? 1 : (int)floor(log10(fabs(value))) + 1; /* digits before the point; negative: zeros after it */
  int decimals = whole >= 6 ? 0 : 6 - whole > 9 ? 9 : 6 - whole;
  char number[48];
  int length = snprintf(number, sizeof number, "%.*f", decimals, value);
  if (decimals)
    while (number[length - 1] == '0')
      number[--length] = '\0';
  if (number[length - 1] == '.')
    number[--length] = '\0';
  snprintf(out, size, "%s%s%s", number, *unit->name ? " " : "", unit->name);
  return out;
}

/* --- did you mean --- */

#define WORD_MAX 64

static int folded(char c)
{
  return c == '_' ? '-' : tolower((unsigned char)c);
}

static size_t smaller(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* Edit distance with neighbours swapped as one edit (optimal string alignment); case and '_' against '-' cost nothing. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
  size_t rows[3][WORD_MAX + 1];
  size_t *before = rows[0], *last = rows[1], *now = rows[2];
  for (size_t j = 0; j <= m; j++)
    last[j] = j;
  for (size_t i = 1; i <= n; i++) {
    now[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t cost = folded(a[i - 1]) != folded(b[j - 1]);
      now[j] = smaller(smaller(now[j - 1], last[j]) + 1, last[j - 1] + cost);
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1]))
        now[j] = smaller(now[j], before[j - 2] + 1);
    }
    size_t *spare = before;
    before = last;
    last = now;
    now = spare;
  }
  return last[m];
}

const char *pl_closest(const char *word, const char *const *words, size_t count)
{
  size_t length = strlen(word), best = 3;
  const char *closest = NULL;
  if (length == 0 || length > WORD_MAX)
    return NULL;
  for (size_t i = 0; i < count; i++) {
    size_t other = strlen(words[i]);
    if (other == 0 || other > length + 2 || length > other + 2 || other > WORD_MAX)
      continue;
    size_t d = distance(word, length, words[i], other);
    if (d < best && (d == 0 || 2 * d < length)) {
      best = d;
      closest = words[i];
    }
  }
  return closest;
}

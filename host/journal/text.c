/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/text.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 4096

void pl_text_free(struct pl_text *text)
{
  free(text->bytes);
  *text = (struct pl_text){0};
}

static bool grow(struct pl_text *text, size_t n)
{
  size_t cap = text->cap ? text->cap : FIRST_CAP;
  while (cap - text->len < n)
    cap *= 2;
  char *bytes = text->failed ? NULL : realloc(text->bytes, cap);
  if (!bytes) {
    text->failed = true;
    return false;
  }
  text->bytes = bytes;
  text->cap = cap;
  return true;
}

char *pl_text_room(struct pl_text *text, size_t n)
{
  if (text->cap - text->len < n && !grow(text, n))
    return NULL;
  return text->bytes + text->len;
}

void pl_text_put(struct pl_text *text, const char *bytes, size_t len)
{
  char *at = len ? pl_text_room(text, len) : NULL;
  if (!at)
    return;
  memcpy(at, bytes, len);
  text->len += len;
}

void pl_text_str(struct pl_text *text, const char *string)
{
  pl_text_put(text, string, strlen(string));
}

void pl_text_char(struct pl_text *text, char c)
{
  pl_text_put(text, &c, 1);
}

void pl_text_format(struct pl_text *text, const char *format, ...)
{
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  char *at = n < 0 ? NULL : pl_text_room(text, (size_t)n + 1);
  if (at) {
    vsnprintf(at, (size_t)n + 1, format, again);
    text->len += (size_t)n;
  }
  va_end(again);
  va_end(args);
}

/* Digits of value, at least `least` of them, ending before `end`; returns their start. */
static char *digits_before(char *end, uint64_t value, int least)
{
  for (; value || least > 0; value /= 10, least--)
    *--end = (char)('0' + value % 10);
  return end;
}

void pl_text_int(struct pl_text *text, int64_t value)
{
  char room[24], *end = room + sizeof room;
  char *start = digits_before(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
  if (value < 0)
    *--start = '-';
  pl_text_put(text, start, (size_t)(end - start));
}

static const double POW10[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

/* scaled / 10^decimals, without trailing zeros. */
static void put_decimal(struct pl_text *text, bool negative, uint64_t scaled, int decimals)
{
  char room[48], *end = room + sizeof room;
  for (; decimals > 0 && scaled % 10 == 0; decimals--)
    scaled /= 10;
  uint64_t unit = (uint64_t)POW10[decimals];
  char *start = end;
  if (decimals) {
    start = digits_before(end, scaled % unit, decimals);
    *--start = '.';
  }
  start = digits_before(start, scaled / unit, 1);
  if (negative && scaled)
    *--start = '-';
  pl_text_put(text, start, (size_t)(end - start));
}

/* True when value is the double nearest to some decimal with `decimals` places: the quotient of two integers below 2^53 is correctly rounded
 * (IEEE 754-2008 5.4.1), so what is written reads back as the same double. */
static bool put_exact_decimal(struct pl_text *text, double magnitude, bool negative, int decimals)
{
  double scaled = magnitude * POW10[decimals];
  if (!(scaled < 9e15))
    return false;
  uint64_t whole = (uint64_t)(scaled + 0.5);
  if ((double)whole / POW10[decimals] != magnitude)
    return false;
  put_decimal(text, negative, whole, decimals);
  return true;
}

void pl_text_double(struct pl_text *text, double value)
{
  assert(isfinite(value));
  double magnitude = fabs(value);
  bool negative = value < 0;
  if (put_exact_decimal(text, magnitude, negative, 6) || put_exact_decimal(text, magnitude, negative, 9))
    return;
  char room[40];
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(room, sizeof room, "%.*g", digits, value);
    if (digits == 17 || strtod(room, NULL) == value)
      break;
  }
  pl_text_str(text, room);
}

void pl_text_number(struct pl_text *text, double value, int digits)
{
  assert(digits >= 1 && digits <= 15);
  double magnitude = fabs(value);
  if (magnitude < 1e-4 || magnitude >= 1e9 || !isfinite(value)) {
    if (magnitude < 1e-300)
      PL_TEXT_LIT(text, "0");
    else
      pl_text_format(text, "%.*g", digits, value);
    return;
  }
  int whole_digits = 1;
  while (whole_digits < 10 && magnitude >= POW10[whole_digits])
    whole_digits++;
  int decimals = digits - whole_digits;
  for (double m = magnitude; m < 1 && decimals < 15; m *= 10)
    decimals++;
  if (decimals > 15)
    decimals = 15;
  if (decimals < 0)
    decimals = 0; /* whole digits are never rounded away */
  double scaled = magnitude * POW10[decimals] + 0.5;
  if (scaled < 9e15)
    put_decimal(text, value < 0, (uint64_t)scaled, decimals);
  else
    pl_text_format(text, "%.*g", digits, value);
}

/* --- escapes --- */

size_t pl_utf8_length(const char *string, size_t left)
{
  const unsigned char *s = (const unsigned char *)string;
  if (s[0] < 0x80)
    return 1;
  size_t n = s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : s[0] >= 0xE0 && s[0] < 0xF0 ? 3 : s[0] >= 0xF0 && s[0] < 0xF5 ? 4 : 0;
  if (!n || n > left)
    return 0;
  for (size_t i = 1; i < n; i++)
    if ((s[i] & 0xC0) != 0x80)
      return 0;
  bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
  bool surrogate = s[0] == 0xED && s[1] >= 0xA0;
  bool beyond = s[0] == 0xF4 && s[1] >= 0x90;
  return overlong || surrogate || beyond ? 0 : n;
}

#define REPLACEMENT "\xEF\xBF\xBD"

static void put_json_escape(struct pl_text *text, unsigned char c)
{
  static const char HEX[] = "0123456789abcdef";
  static const char SHORT[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
  if (c < sizeof SHORT && SHORT[c])
    pl_text_put(text, (char[]){'\\', SHORT[c]}, 2);
  else
    pl_text_put(text, (char[]){'\\', 'u', '0', '0', HEX[c >> 4], HEX[c & 15]}, 6);
}

void pl_text_json(struct pl_text *text, const char *string, size_t len)
{
  PL_TEXT_LIT(text, "\"");
  size_t from = 0, i = 0;
  while (i < len) {
    unsigned char c = (unsigned char)string[i];
    if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
      i++;
      continue;
    }
    size_t n = c >= 0x80 ? pl_utf8_length(string + i, len - i) : 0;
    if (n) {
      i += n;
      continue;
    }
    pl_text_put(text, string + from, i - from);
    if (c < 0x80)
      put_json_escape(text, c);
    else
      PL_TEXT_LIT(text, REPLACEMENT);
    from = ++i;
  }
  pl_text_put(text, string + from, len - from);
  PL_TEXT_LIT(text, "\"");
}

static const char *xml_escape(unsigned char c)
{
  switch (c) {
  case '&': return "&amp;";
  case '<': return "&lt;";
  case '>': return "&gt;";
  case '"': return "&quot;";
  case '\'': return "&#39;";
  default: return c < 0x20 && c != '\t' && c != '\n' && c != '\r' ? REPLACEMENT : NULL;
  }
}

void pl_text_xml(struct pl_text *text, const char *string)
{
  size_t len = strlen(string), from = 0, i = 0;
  while (i < len) {
    unsigned char c = (unsigned char)string[i];
    size_t n = c >= 0x80 ? pl_utf8_length(string + i, len - i) : 1;
    /* U+FFFE and U+FFFF are no characters of XML */
    bool none = n == 0 || (n == 3 && c == 0xEF && !memcmp(string + i + 1, "\xBF", 1) && (unsigned char)string[i + 2] >= 0xBE);
    const char *escape = none ? REPLACEMENT : c < 0x80 ? xml_escape(c) : NULL;
    if (escape) {
      pl_text_put(text, string + from, i - from);
      pl_text_str(text, escape);
      from = i + (n ? n : 1);
    }
    i += n ? n : 1;
  }
  pl_text_put(text, string + from, len - from);
}

void pl_text_csv(struct pl_text *text, const char *string)
{
  size_t len = strlen(string);
  if (strcspn(string, ",\"\r\n") == len) {
    pl_text_put(text, string, len);
    return;
  }
  PL_TEXT_LIT(text, "\"");
  for (const char *quote; (quote = strchr(string, '"')); string = quote + 1) {
    pl_text_put(text, string, (size_t)(quote - string));
    PL_TEXT_LIT(text, "\"\"");
  }
  pl_text_str(text, string);
  PL_TEXT_LIT(text, "\"");
}

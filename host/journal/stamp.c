/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/stamp.h"

#include <string.h>

#define S_NS 1000000000LL
#define DAY_S 86400LL
/* Civil dates are counted from 1 March of year 0, so that a leap day ends its year; 1970-01-01 is day 719468 of that count. */
#define EPOCH_DAY 719468LL
#define DAYS_400Y 146097LL

static void put2(char *out, int64_t value)
{
  out[0] = (char)('0' + value / 10 % 10);
  out[1] = (char)('0' + value % 10);
}

void pl_stamp_write(int64_t wall_ns, char out[PL_STAMP_LEN])
{
  int64_t second = wall_ns / S_NS, micro = wall_ns % S_NS;
  if (micro < 0) {
    micro += S_NS;
    second--;
  }
  int64_t day = second / DAY_S, clock = second % DAY_S;
  if (clock < 0) {
    clock += DAY_S;
    day--;
  }
  day += EPOCH_DAY;
  int64_t era = day / DAYS_400Y, of_era = day % DAYS_400Y;
  int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t month_from_march = (5 * of_year + 2) / 153;
  int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  int64_t year = era * 400 + year_of_era + (month <= 2);
  memcpy(out, "0000-00-00T00:00:00.000000Z", PL_STAMP_LEN);
  put2(out, year / 100);
  put2(out + 2, year);
  put2(out + 5, month);
  put2(out + 8, of_year - (153 * month_from_march + 2) / 5 + 1);
  put2(out + 11, clock / 3600);
  put2(out + 14, clock / 60 % 60);
  put2(out + 17, clock % 60);
  micro /= 1000;
  put2(out + 20, micro / 10000);
  put2(out + 22, micro / 100);
  put2(out + 24, micro);
}

/* Reads exactly n digits at text; -1 when they are not. */
static int64_t number(const char *text, size_t n)
{
  int64_t value = 0;
  for (size_t i = 0; i < n; i++) {
    if (text[i] < '0' || text[i] > '9')
      return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

static int64_t days(int64_t year, int64_t month, int64_t day)
{
  year -= month <= 2;
  int64_t era = year / 400, year_of_era = year % 400;
  int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * DAYS_400Y + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - EPOCH_DAY;
}

/* "", "Z" or "+hh:mm": seconds to take away. */
static bool zone(const char *text, size_t len, int64_t *offset_s)
{
  *offset_s = 0;
  if (len == 0 || (len == 1 && (*text == 'Z' || *text == 'z')))
    return true;
  if (len != 6 || (*text != '+' && *text != '-') || text[3] != ':')
    return false;
  int64_t hours = number(text + 1, 2), minutes = number(text + 4, 2);
  *offset_s = (hours * 60 + minutes) * 60 * (*text == '-' ? -1 : 1);
  return hours >= 0 && minutes >= 0;
}

bool pl_stamp_read(const char *text, size_t len, int64_t *wall_ns)
{
  if (len < 19 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' || text[16] != ':')
    return false;
  int64_t year = number(text, 4), month = number(text + 5, 2), day = number(text + 8, 2);
  int64_t hour = number(text + 11, 2), minute = number(text + 14, 2), second = number(text + 17, 2);
  /* years whose differences in nanoseconds fit 64 bits */
  if (year < 1960 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60)
    return false;
  size_t at = 19;
  int64_t fraction = 0;
  if (at < len && text[at] == '.') {
    int64_t unit = S_NS / 10;
    for (at++; at < len && text[at] >= '0' && text[at] <= '9'; at++, unit /= 10)
      fraction += (text[at] - '0') * unit;
  }
  int64_t offset_s;
  if (!zone(text + at, len - at, &offset_s))
    return false;
  *wall_ns = (days(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second - offset_s) * S_NS + fraction;
  return true;
}

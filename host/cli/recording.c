/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/recording.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Takes the next field off a line, in place; *line is NULL behind the last. NULL: a quote without its end. */
static char *take_field(char **line)
{
  char *at = *line, *start = at, *to = at;
  if (*at != '"') {
    char *comma = strchr(at, ',');
    *line = comma ? comma + 1 : NULL;
    if (comma)
      *comma = '\0';
    return start;
  }
  bool closed = false;
  for (at++; *at; at++) { /* "" is a quote */
    if (*at == '"' && (closed = *++at != '"'))
      break;
    *to++ = *at;
  }
  if (*at != ',' && *at != '\0')
    return NULL;
  *line = *at ? at + 1 : NULL;
  *to = '\0';
  return closed ? start : NULL;
}

static size_t count_fields(const char *line)
{
  size_t n = 1;
  bool quoted = false;
  for (; *line; line++) {
    quoted ^= *line == '"';
    n += *line == ',' && !quoted;
  }
  return n;
}

/* "csu-1.vout (V)" */
static void split_unit(char *field, struct pl_column *column)
{
  size_t len = strlen(field);
  char *open = strrchr(field, '(');
  column->name = field;
  column->unit = "";
  if (!len || field[len - 1] != ')' || !open || open == field || open[-1] != ' ')
    return;
  field[len - 1] = '\0';
  open[-1] = '\0';
  column->unit = strcmp(open + 1, "1") != 0 ? open + 1 : "";
}

static enum pl_status read_head(struct pl_recording *rec, const char *line, struct pl_err *err)
{
  struct pl_column time;
  rec->head = strdup(line);
  rec->n_columns = count_fields(line) - 1;
  rec->columns = calloc(rec->n_columns + 1, sizeof *rec->columns);
  if (!rec->head || !rec->columns)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", rec->path);
  char *rest = rec->head, *field = take_field(&rest);
  if (field)
    split_unit(field, &time);
  if (!field || strcmp(time.name, "time") != 0 || strcmp(time.unit, "s") != 0 || !rec->n_columns)
    return pl_fail(err, PL_E_USAGE, "%s:1: no recording: expected a first column 'time (s)' and at least one more", rec->path);
  for (size_t i = 0; i < rec->n_columns; i++) {
    field = rest ? take_field(&rest) : NULL;
    if (!field)
      return pl_fail(err, PL_E_USAGE, "%s:1: the quotes of column %zu do not match", rec->path, i + 2);
    split_unit(field, &rec->columns[i]);
  }
  return PL_OK;
}

static bool grow(struct pl_recording *rec)
{
  size_t room = rec->room ? 2 * rec->room : 1024;
  double *times = realloc(rec->times, room * sizeof *times);
  if (!times)
    return false;
  rec->times = times;
  for (size_t i = 0; i < rec->n_columns; i++) {
    double *values = realloc(rec->columns[i].values, room * sizeof *values);
    if (!values)
      return false;
    rec->columns[i].values = values;
  }
  rec->room = room;
  return true;
}

static enum pl_status read_number(const struct pl_recording *rec, size_t line, const char *column, const char *field, double *value, struct pl_err *err)
{
  char *end;
  *value = NAN;
  if (!field)
    return pl_fail(err, PL_E_USAGE, "%s:%zu: too few columns, or a quote without its end; '%s' is missing", rec->path, line, column);
  if (!*field)
    return PL_OK;
  *value = strtod(field, &end);
  return *end ? pl_fail(err, PL_E_USAGE, "%s:%zu: '%s' of column '%s' is not a number", rec->path, line, field, column) : PL_OK;
}

static enum pl_status read_row(struct pl_recording *rec, size_t line, char *text, struct pl_err *err)
{
  if (rec->n_rows == rec->room && !grow(rec))
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory after %zu rows of %zu columns", rec->path, rec->n_rows, rec->n_columns);
  size_t row = rec->n_rows;
  char *rest = text;
  enum pl_status status = read_number(rec, line, "time", take_field(&rest), &rec->times[row], err);
  if (!status && (!isfinite(rec->times[row]) || fabs(rec->times[row]) > 9e9 || (row && rec->times[row] < rec->times[row - 1])))
    return pl_fail(err, PL_E_USAGE, "%s:%zu: the time goes back, or is none", rec->path, line);
  for (size_t i = 0; i < rec->n_columns && !status; i++)
    status = read_number(rec, line, rec->columns[i].name, rest ? take_field(&rest) : NULL, &rec->columns[i].values[row], err);
  if (!status && rest)
    return pl_fail(err, PL_E_USAGE, "%s:%zu: more columns than the %zu of the first line", rec->path, line, rec->n_columns + 1);
  rec->n_rows++;
  return status;
}

static enum pl_status read_lines(struct pl_recording *rec, FILE *in, struct pl_err *err)
{
  char *line = NULL;
  size_t room = 0, n = 0;
  enum pl_status status = PL_OK;
  for (ssize_t len; !status && (len = getline(&line, &room, in)) >= 0;) {
    while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
      line[--len] = '\0';
    n++;
    if (strlen(line) != (size_t)len)
      status = pl_fail(err, PL_E_USAGE, "%s:%zu: a NUL byte: no text", rec->path, n);
    else if (n == 1)
      status = read_head(rec, line, err);
    else if (len)
      status = read_row(rec, n, line, err);
  }
  free(line);
  if (!status && ferror(in))
    status = pl_fail_errno(err, "%s: cannot be read", rec->path);
  if (!status && !n)
    status = pl_fail(err, PL_E_USAGE, "%s: no recording: it is empty", rec->path);
  return status;
}

enum pl_status pl_recording_read(const char *path, FILE *in, struct pl_recording **out, struct pl_err *err)
{
  struct pl_recording *rec = calloc(1, sizeof *rec);
  enum pl_status status = rec ? PL_OK : pl_fail(err, PL_E_NOMEM, "%s: out of memory", path);
  if (!status) {
    rec->path = path;
    status = read_lines(rec, in, err);
  }
  if (status)
    pl_recording_free(rec);
  else
    *out = rec;
  return status;
}

enum pl_status pl_recording_load(const char *path, struct pl_recording **out, struct pl_err *err)
{
  FILE *in = fopen(path, "re");
  if (!in)
    return pl_fail(err, PL_E_USAGE, "%s: cannot be read: %s", path, strerror(errno));
  enum pl_status status = pl_recording_read(path, in, out, err);
  fclose(in);
  return status;
}

void pl_recording_free(struct pl_recording *rec)
{
  if (!rec)
    return;
  for (size_t i = 0; rec->columns && i < rec->n_columns; i++)
    free(rec->columns[i].values);
  free(rec->columns);
  free(rec->times);
  free(rec->head);
  free(rec);
}

enum pl_status pl_recording_column(const struct pl_recording *rec, const char *name, size_t *column, struct pl_err *err)
{
  const char *names[1024];
  size_t n = 0;
  for (size_t i = 0; i < rec->n_columns; i++) {
    const char *a = name, *b = rec->columns[i].name;
    while (*a && (*a == *b || (*a == '-' && *b == '_') || (*a == '_' && *b == '-')))
      a++, b++;
    *column = i;
    if (!*a && !*b)
      return PL_OK;
    if (n < sizeof names / sizeof *names)
      names[n++] = rec->columns[i].name;
  }
  const char *near = pl_closest(name, names, n);
  if (near)
    return pl_fail(err, PL_E_USAGE, "%s has no column '%s', did you mean '%s'?", rec->path, name, near);
  return pl_fail(err, PL_E_USAGE, "%s has no column '%s'; its first line has their names (%s, ...)", rec->path, name, rec->columns[0].name);
}

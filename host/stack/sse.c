/* SPDX-License-Identifier: Apache-2.0 */
#include "host/stack/sse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void pl_sse_free(struct pl_sse *sse)
{
  free(sse->line);
  free(sse->data);
  *sse = (struct pl_sse){0};
}

void pl_sse_reset(struct pl_sse *sse)
{
  sse->line_len = sse->data_len = 0;
  sse->cr = sse->begun = sse->has_data = false;
}

static bool append(char **bytes, size_t *len, size_t *cap, size_t max, const char *more, size_t n)
{
  if (n > max || *len > max - n)
    return false;
  if (*len + n + 1 > *cap) {
    size_t want = (*len + n + 1) * 2;
    char *grown = realloc(*bytes, want);
    if (!grown)
      return false;
    *bytes = grown;
    *cap = want;
  }
  memcpy(*bytes + *len, more, n);
  *len += n;
  (*bytes)[*len] = '\0';
  return true;
}

static bool take_field(struct pl_sse *sse, const char *name, size_t name_len, const char *value, size_t len)
{
  if (name_len == 4 && !memcmp(name, "data", 4)) {
    bool good = !sse->has_data || append(&sse->data, &sse->data_len, &sse->data_cap, PL_SSE_DATA_MAX, "\n", 1);
    sse->has_data = true;
    return good && append(&sse->data, &sse->data_len, &sse->data_cap, PL_SSE_DATA_MAX, value, len);
  }
  if (name_len == 2 && !memcmp(name, "id", 2) && !memchr(value, '\0', len) && len < sizeof sse->id) {
    memcpy(sse->id, value, len);
    sse->id[len] = '\0';
  }
  if (name_len == 5 && !memcmp(name, "retry", 5) && len && len < 8) {
    size_t digits = 0;
    while (digits < len && isdigit((unsigned char)value[digits]))
      digits++;
    if (digits == len)
      sse->retry_ms = strtol(value, NULL, 10);
  }
  return true;
}

static bool take_line(struct pl_sse *sse, void (*event)(void *ctx, const char *id, const char *data, size_t len), void *ctx)
{
  const char *line = sse->line ? sse->line : "";
  size_t len = sse->line_len;
  sse->line_len = 0;
  if (!sse->begun && len >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) {
    line += 3;
    len -= 3;
  }
  sse->begun = true;
  if (!len) {
    if (sse->has_data)
      event(ctx, sse->id, sse->data ? sse->data : "", sse->data_len);
    sse->data_len = 0;
    sse->has_data = false;
    return true;
  }
  const char *colon = memchr(line, ':', len);
  size_t name_len = colon ? (size_t)(colon - line) : len, skip = name_len + (colon ? 1 : 0);
  if (colon == line)
    return true; /* a comment: it only keeps the connection alive */
  if (colon && skip < len && line[skip] == ' ')
    skip++;
  return take_field(sse, line, name_len, line + skip, len - skip);
}

bool pl_sse_put(struct pl_sse *sse, const char *bytes, size_t len, void (*event)(void *ctx, const char *id, const char *data, size_t len), void *ctx)
{
  while (len) {
    if (sse->cr && *bytes == '\n') { /* the second half of a CRLF */
      sse->cr = false;
      bytes++;
      len--;
      continue;
    }
    sse->cr = false;
    size_t n = 0;
    while (n < len && bytes[n] != '\n' && bytes[n] != '\r')
      n++;
    if (!append(&sse->line, &sse->line_len, &sse->line_cap, PL_SSE_LINE_MAX, bytes, n))
      return false;
    if (n == len)
      return true;
    sse->cr = bytes[n] == '\r';
    bytes += n + 1;
    len -= n + 1;
    if (!take_line(sse, event, ctx))
      return false;
  }
  return true;
}

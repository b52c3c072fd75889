/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/json.h"

#include "host/journal/text.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct parser {
  struct pl_json *json;
  const char *start, *at, *end;
  const char *wrong; /* what was wrong at `at`; NULL: nothing yet */
  int depth;
};

static bool fail(struct parser *p, const char *what)
{
  if (!p->wrong)
    p->wrong = what;
  return false;
}

static inline void skip_space(struct parser *p)
{
  while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
    p->at++;
}

/* --- strings --- */

static bool hex4(const char *s, const char *end, uint32_t *code)
{
  if (end - s < 4)
    return false;
  *code = 0;
  for (int i = 0; i < 4; i++) {
    char c = s[i];
    uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0') : (c | 32) >= 'a' && (c | 32) <= 'f' ? (uint32_t)((c | 32) - 'a' + 10) : 16;
    if (digit == 16)
      return false;
    *code = *code << 4 | digit;
  }
  return true;
}

static char *put_utf8(char *out, uint32_t code)
{
  if (code < 0x80) {
    *out++ = (char)code;
  } else if (code < 0x800) {
    *out++ = (char)(0xC0 | code >> 6);
    *out++ = (char)(0x80 | (code & 63));
  } else if (code < 0x10000) {
    *out++ = (char)(0xE0 | code >> 12);
    *out++ = (char)(0x80 | (code >> 6 & 63));
    *out++ = (char)(0x80 | (code & 63));
  } else {
    *out++ = (char)(0xF0 | code >> 18);
    *out++ = (char)(0x80 | (code >> 12 & 63));
    *out++ = (char)(0x80 | (code >> 6 & 63));
    *out++ = (char)(0x80 | (code & 63));
  }
  return out;
}

/* The escape at p->at (after its backslash). NUL and lone surrogates become U+FFFD: texts are C strings and UTF-8 further on. */
static bool unescape(struct parser *p, char **out)
{
  static const char FROM[] = "\"\\/bfnrt", TO[] = "\"\\/\b\f\n\r\t";
  char c = p->at < p->end ? *p->at : '\0';
  const char *plain = c ? strchr(FROM, c) : NULL;
  if (plain) {
    *(*out)++ = TO[plain - FROM];
    p->at++;
    return true;
  }
  uint32_t code, low;
  if (c != 'u' || !hex4(p->at + 1, p->end, &code))
    return fail(p, "unknown escape in a string");
  p->at += 5;
  if (code >= 0xD800 && code < 0xDC00 && p->end - p->at >= 6 && p->at[0] == '\\' && p->at[1] == 'u' && hex4(p->at + 2, p->end, &low) && low >= 0xDC00 &&
      low < 0xE000) {
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    p->at += 6;
  }
  if (!code || (code >= 0xD800 && code < 0xE000))
    code = 0xFFFD;
  *out = put_utf8(*out, code);
  return true;
}

/* The rest of a string that has escapes; what came before is at `from`. The scratch is as long as the text, so it cannot overflow. */
static bool escaped_string(struct parser *p, const char *from, const char **text, uint32_t *len)
{
  char *out = p->json->scratch + p->json->scratch_len, *start = out;
  memcpy(out, from, (size_t)(p->at - from));
  out += p->at - from;
  while (p->at < p->end && *p->at != '"') {
    if ((unsigned char)*p->at < 0x20)
      return fail(p, "a control character in a string");
    if (*p->at != '\\') {
      *out++ = *p->at++;
      continue;
    }
    p->at++;
    if (!unescape(p, &out))
      return false;
  }
  if (p->at == p->end)
    return fail(p, "a string without its end");
  p->at++;
  *text = start;
  *len = (uint32_t)(out - start);
  p->json->scratch_len += (size_t)(out - start);
  return true;
}

/* How many of the 8 bytes at `at` stand before the first quote, backslash or control character: 8 when there is none. (A byte minus 1 borrows
 * only from zero, so the lowest mark is exact; those above it may not be.) */
static size_t plain_bytes(const char *at)
{
  const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
  uint64_t w;
  memcpy(&w, at, sizeof w);
  w = le64toh(w);
  uint64_t quote = w ^ (ones * '"'), back = w ^ (ones * '\\');
  uint64_t marks = (((quote - ones) & ~quote) | ((back - ones) & ~back) | ((w - ones * 0x20) & ~w)) & tops;
  return marks ? (size_t)__builtin_ctzll(marks) / 8 : 8;
}

static bool parse_string(struct parser *p, const char **text, uint32_t *len)
{
  const char *from = ++p->at;
  for (size_t n = 8; n == 8 && p->end - p->at >= 8; p->at += n)
    n = plain_bytes(p->at);
  while (p->at < p->end && *p->at != '"' && *p->at != '\\' && (unsigned char)*p->at >= 0x20)
    p->at++;
  if (p->at == p->end)
    return fail(p, "a string without its end");
  if (*p->at != '"')
    return escaped_string(p, from, text, len);
  *text = from;
  *len = (uint32_t)(p->at - from);
  p->at++;
  return true;
}

/* --- numbers --- */

static const char *digits(const char *at, const char *end, uint64_t *mantissa, int *count)
{
  for (; at < end && *at >= '0' && *at <= '9'; at++, ++*count)
    *mantissa = *count < 19 ? *mantissa * 10 + (uint64_t)(*at - '0') : *mantissa;
  return at;
}

static bool slow_number(struct parser *p, const char *from, double *number)
{
  char room[400];
  size_t len = (size_t)(p->at - from);
  if (len >= sizeof room)
    return fail(p, "a number that is too long");
  memcpy(room, from, len);
  room[len] = '\0';
  *number = strtod(room, NULL);
  return isfinite(*number) || fail(p, "a number outside the range of a double");
}

static bool parse_number(struct parser *p, double *number)
{
  static const double POW10[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const char *from = p->at;
  bool negative = *p->at == '-';
  p->at += negative;
  uint64_t mantissa = 0;
  int count = 0;
  const char *whole = p->at;
  p->at = digits(p->at, p->end, &mantissa, &count);
  if (!count || (*whole == '0' && count > 1))
    return fail(p, "a malformed number");
  int before = count;
  if (p->at < p->end && *p->at == '.') {
    p->at = digits(p->at + 1, p->end, &mantissa, &count);
    if (count == before)
      return fail(p, "a malformed number");
  }
  if (p->at < p->end && (*p->at | 32) == 'e') {
    int exponent = 0;
    uint64_t unused = 0;
    p->at += 1 + (p->at + 1 < p->end && (p->at[1] == '+' || p->at[1] == '-'));
    p->at = digits(p->at, p->end, &unused, &exponent);
    return exponent ? slow_number(p, from, number) : fail(p, "a malformed number");
  }
  if (count > 15) /* beyond what one correctly rounded division gives */
    return slow_number(p, from, number);
  *number = (double)mantissa / POW10[count - before];
  if (negative)
    *number = -*number;
  return true;
}

/* --- values --- */

static struct pl_json_node *new_node(struct parser *p)
{
  struct pl_json *json = p->json;
  if (json->count == json->capacity) {
    uint32_t capacity = json->capacity ? 2 * json->capacity : 64;
    struct pl_json_node *nodes = realloc(json->nodes, capacity * sizeof *nodes);
    if (!nodes) {
      fail(p, "out of memory");
      return NULL;
    }
    json->nodes = nodes;
    json->capacity = capacity;
  }
  struct pl_json_node *node = &json->nodes[json->count++];
  *node = (struct pl_json_node){0};
  return node;
}

static bool parse_value(struct parser *p, uint32_t at);

static bool parse_word(struct parser *p, struct pl_json_node *node, const char *word, enum pl_json_kind kind)
{
  size_t len = strlen(word);
  if ((size_t)(p->end - p->at) < len || memcmp(p->at, word, len))
    return fail(p, "no JSON value");
  p->at += len;
  node->kind = kind;
  return true;
}

static bool parse_key(struct parser *p, const char **key, uint32_t *len)
{
  skip_space(p);
  if (p->at == p->end || *p->at != '"')
    return fail(p, "expected a key in quotes");
  if (!parse_string(p, key, len))
    return false;
  skip_space(p);
  if (p->at == p->end || *p->at != ':')
    return fail(p, "expected ':' after a key");
  p->at++;
  return true;
}

/* Members between brackets; the container's own node is at `self` (nodes may move while they grow). */
static bool parse_members(struct parser *p, uint32_t self, bool object)
{
  char close = object ? '}' : ']';
  uint32_t last = 0, members = 0;
  p->at++;
  skip_space(p);
  if (p->at < p->end && *p->at == close) {
    p->at++;
    return true;
  }
  for (;;) {
    const char *key = NULL;
    uint32_t key_len = 0;
    if (object && !parse_key(p, &key, &key_len))
      return false;
    skip_space(p);
    uint32_t at = p->json->count;
    if (!new_node(p))
      return false;
    p->json->nodes[at].key = key;
    p->json->nodes[at].key_len = key_len;
    if (last)
      p->json->nodes[last].next = at - last;
    last = at;
    p->json->nodes[self].count = ++members;
    if (!parse_value(p, at))
      return false;
    skip_space(p);
    if (p->at == p->end || (*p->at != ',' && *p->at != close))
      return fail(p, object ? "expected ',' or '}'" : "expected ',' or ']'");
    if (*p->at++ == close)
      return true;
  }
}

static bool parse_container(struct parser *p, uint32_t at, bool object)
{
  p->json->nodes[at].kind = object ? PL_JSON_OBJECT : PL_JSON_ARRAY;
  if (++p->depth > PL_JSON_DEPTH)
    return fail(p, "nested too deeply");
  bool ok = parse_members(p, at, object);
  p->depth--;
  return ok;
}

static bool parse_value(struct parser *p, uint32_t at)
{
  struct pl_json_node *node = &p->json->nodes[at];
  const char *from = p->at;
  bool ok;
  if (p->at == p->end)
    return fail(p, "the text ends where a value is expected");
  switch (*p->at) {
  case '"':
    node->kind = PL_JSON_STRING;
    return parse_string(p, &node->text, &node->len);
  case '{': ok = parse_container(p, at, true); break;
  case '[': ok = parse_container(p, at, false); break;
  case 't': ok = parse_word(p, node, "true", PL_JSON_TRUE); break;
  case 'f': ok = parse_word(p, node, "false", PL_JSON_FALSE); break;
  case 'n': ok = parse_word(p, node, "null", PL_JSON_NULL); break;
  default:
    node->kind = PL_JSON_NUMBER;
    ok = parse_number(p, &node->number);
  }
  node = &p->json->nodes[at];
  node->text = from;
  node->len = (uint32_t)(p->at - from);
  return ok;
}

enum pl_status pl_json_parse(struct pl_json *json, const char *text, size_t len, struct pl_err *err)
{
  json->count = 0;
  json->scratch_len = 0;
  if (len > PL_JSON_BYTES)
    return pl_fail(err, PL_E_GARBAGE, "longer than %u bytes", PL_JSON_BYTES);
  if (json->scratch_cap < len) {
    size_t cap = len < 1024 ? 1024 : 2 * len;
    char *scratch = realloc(json->scratch, cap);
    if (!scratch)
      return pl_fail(err, PL_E_NOMEM, "out of memory for a line of %zu bytes", len);
    json->scratch = scratch;
    json->scratch_cap = cap;
  }
  struct parser p = {.json = json, .start = text, .at = text, .end = text + len};
  skip_space(&p);
  bool ok = new_node(&p) && parse_value(&p, 0);
  if (ok) {
    skip_space(&p);
    ok = p.at == p.end || fail(&p, "something follows the value");
  }
  return ok ? PL_OK : pl_fail(err, PL_E_GARBAGE, "column %zu: %s", (size_t)(p.at - p.start) + 1, p.wrong);
}

void pl_json_free(struct pl_json *json)
{
  free(json->nodes);
  free(json->scratch);
  *json = (struct pl_json){0};
}

/* --- looking --- */

const struct pl_json_node *pl_json_find(const struct pl_json_node *node, const char *key, size_t len)
{
  if (!node || node->kind != PL_JSON_OBJECT || !node->count)
    return NULL;
  for (const struct pl_json_node *n = node + 1;; n += n->next) {
    if (n->key_len == len && n->key[0] == key[0] && !memcmp(n->key, key, len))
      return n;
    if (!n->next)
      return NULL;
  }
}

const struct pl_json_node *pl_json_first(const struct pl_json_node *node)
{
  return node && node->count ? node + 1 : NULL;
}

const struct pl_json_node *pl_json_next(const struct pl_json_node *node)
{
  return node->next ? node + node->next : NULL;
}

bool pl_json_is(const struct pl_json_node *node, const char *string)
{
  return node && node->kind == PL_JSON_STRING && node->len == strlen(string) && !memcmp(node->text, string, node->len);
}

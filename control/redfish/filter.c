/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"

#include <ctype.h>

/*
 * $filter of DSP0266 (Redfish Specification, "The $filter query parameter"): eq ne gt ge lt le, and or not, parentheses; strings in single quotes ('' is one),
 * numbers, true, false, null. A path that is not there compares as null.
 */
enum kind { AND, OR, NOT, EQ, NE, GT, GE, LT, LE, PATH, TEXT, NUMBER, TRUTH, NOTHING };
struct pl_filter {
  enum kind kind;
  struct pl_filter *left, *right;
  char *text;
  double number;
};

#define DEPTH_MAX 32
struct parser {
  const char *p;
  unsigned depth;
  struct pl_err *err;
  bool failed;
};

static struct pl_filter *node(struct parser *parser, enum kind kind, struct pl_filter *left, struct pl_filter *right)
{
  struct pl_filter *f = calloc(1, sizeof *f);
  if (!f) {
    parser->failed = true;
    pl_filter_free(left);
    pl_filter_free(right);
    return NULL;
  }
  *f = (struct pl_filter){.kind = kind, .left = left, .right = right};
  return f;
}

static struct pl_filter *fail(struct parser *parser, const char *expected)
{
  if (!parser->failed)
    pl_fail(parser->err, PL_E_USAGE, "expected %s at '%.40s'", expected, parser->p);
  parser->failed = true;
  return NULL;
}

static void blanks(struct parser *parser)
{
  while (*parser->p == ' ')
    parser->p++;
}

static bool takes(struct parser *parser, const char *word)
{
  blanks(parser);
  size_t n = strlen(word);
  if (strncmp(parser->p, word, n) || isalnum((unsigned char)parser->p[n]) || parser->p[n] == '/')
    return false;
  parser->p += n;
  return true;
}

static struct pl_filter *text_literal(struct parser *parser)
{
  size_t n = 0;
  char *text = malloc(strlen(parser->p) + 1);
  if (!text)
    return fail(parser, "memory");
  for (parser->p++; *parser->p && (*parser->p != '\'' || parser->p[1] == '\''); parser->p++) {
    parser->p += *parser->p == '\'';
    text[n++] = *parser->p;
  }
  text[n] = '\0';
  if (*parser->p != '\'') {
    free(text);
    return fail(parser, "a closing '");
  }
  parser->p++;
  struct pl_filter *f = node(parser, TEXT, NULL, NULL);
  if (f)
    f->text = text;
  else
    free(text);
  return f;
}

static struct pl_filter *number_literal(struct parser *parser)
{
  char *end;
  double value = strtod(parser->p, &end);
  if (end == parser->p)
    return fail(parser, "a number");
  parser->p = end;
  struct pl_filter *f = node(parser, NUMBER, NULL, NULL);
  if (f)
    f->number = value;
  return f;
}

static struct pl_filter *truth(struct parser *parser, bool yes)
{
  struct pl_filter *f = node(parser, TRUTH, NULL, NULL);
  if (f)
    f->number = yes;
  return f;
}

static bool in_path(char c)
{
  return isalnum((unsigned char)c) || c == '/' || c == '@' || c == '.' || c == '_' || c == '#';
}

static struct pl_filter *operand(struct parser *parser)
{
  blanks(parser);
  if (*parser->p == '\'')
    return text_literal(parser);
  if (isdigit((unsigned char)*parser->p) || *parser->p == '-')
    return number_literal(parser);
  if (takes(parser, "true"))
    return truth(parser, true);
  if (takes(parser, "false"))
    return truth(parser, false);
  if (takes(parser, "null"))
    return node(parser, NOTHING, NULL, NULL);
  size_t n = 0;
  while (in_path(parser->p[n]))
    n++;
  if (!n)
    return fail(parser, "a property or a value");
  struct pl_filter *f = node(parser, PATH, NULL, NULL);
  if (f && !(f->text = strndup(parser->p, n)))
    parser->failed = true;
  parser->p += n;
  return f;
}

static struct pl_filter *either(struct parser *parser);

static struct pl_filter *comparison(struct parser *parser)
{
  static const struct {
    const char *word;
    enum kind kind;
  } OPERATORS[] = {{"eq", EQ}, {"ne", NE}, {"gt", GT}, {"ge", GE}, {"lt", LT}, {"le", LE}};
  blanks(parser);
  if (*parser->p == '(') {
    parser->p++;
    struct pl_filter *inner = either(parser);
    blanks(parser);
    if (inner && *parser->p != ')') {
      pl_filter_free(inner);
      return fail(parser, "')'");
    }
    parser->p += inner != NULL;
    return inner;
  }
  struct pl_filter *left = operand(parser);
  for (size_t i = 0; left && i < sizeof OPERATORS / sizeof OPERATORS[0]; i++)
    if (takes(parser, OPERATORS[i].word)) {
      struct pl_filter *right = operand(parser);
      if (right)
        return node(parser, OPERATORS[i].kind, left, right);
      pl_filter_free(left);
      return NULL;
    }
  if (left)
    fail(parser, "eq, ne, gt, ge, lt or le");
  pl_filter_free(left);
  return NULL;
}

static struct pl_filter *negated(struct parser *parser)
{
  if (++parser->depth > DEPTH_MAX)
    return fail(parser, "fewer parentheses");
  struct pl_filter *f;
  if (takes(parser, "not")) {
    struct pl_filter *inner = negated(parser);
    f = inner ? node(parser, NOT, inner, NULL) : NULL;
  } else
    f = comparison(parser);
  parser->depth--;
  return f;
}

static struct pl_filter *chain(struct parser *parser, const char *word, enum kind kind, struct pl_filter *(*part)(struct parser *))
{
  struct pl_filter *left = part(parser);
  while (left && takes(parser, word)) {
    struct pl_filter *right = part(parser);
    if (!right) {
      pl_filter_free(left);
      return NULL;
    }
    left = node(parser, kind, left, right);
  }
  return left;
}

static struct pl_filter *both(struct parser *parser)
{
  return chain(parser, "and", AND, negated);
}

static struct pl_filter *either(struct parser *parser)
{
  return chain(parser, "or", OR, both);
}

enum pl_status pl_filter_parse(const char *text, struct pl_filter **filter, struct pl_err *err)
{
  struct parser parser = {.p = text, .err = err};
  struct pl_filter *f = either(&parser);
  blanks(&parser);
  if (f && *parser.p)
    fail(&parser, "and, or, or the end");
  if (parser.failed || !f) {
    pl_filter_free(f);
    return PL_E_USAGE;
  }
  *filter = f;
  return PL_OK;
}

void pl_filter_free(struct pl_filter *filter)
{
  while (filter) { /* chains of and/or grow to the left: no recursion there, however long they are */
    struct pl_filter *left = filter->left;
    pl_filter_free(filter->right);
    free(filter->text);
    free(filter);
    filter = left;
  }
}

struct value {
  enum { V_NULL, V_TEXT, V_NUMBER, V_TRUTH, V_OTHER } type;
  const char *text;
  double number;
};

static struct value value_of(const struct pl_filter *f, struct json_object *object)
{
  switch (f->kind) {
  case TEXT: return (struct value){V_TEXT, f->text, 0};
  case NUMBER: return (struct value){V_NUMBER, NULL, f->number};
  case TRUTH: return (struct value){V_TRUTH, NULL, f->number};
  case PATH: break;
  default: return (struct value){V_NULL, NULL, 0};
  }
  bool found;
  struct json_object *v = pl_json_path(object, f->text, &found);
  switch (json_object_get_type(v)) {
  case json_type_null: return (struct value){V_NULL, NULL, 0};
  case json_type_string: return (struct value){V_TEXT, json_object_get_string(v), 0};
  case json_type_boolean: return (struct value){V_TRUTH, NULL, json_object_get_boolean(v)};
  case json_type_int:
  case json_type_double: return (struct value){V_NUMBER, NULL, json_object_get_double(v)};
  default: return (struct value){V_OTHER, NULL, 0};
  }
}

static bool compares(const struct pl_filter *f, struct json_object *object)
{
  struct value a = value_of(f->left, object), b = value_of(f->right, object);
  bool same_type = a.type == b.type && a.type != V_OTHER;
  double order = a.type == V_TEXT && same_type ? strcmp(a.text, b.text) : a.number - b.number;
  bool ordered = same_type && (a.type == V_NUMBER || a.type == V_TEXT);
  switch (f->kind) {
  case EQ: return same_type && (a.type == V_NULL || order == 0);
  case NE: return !(same_type && (a.type == V_NULL || order == 0));
  case GT: return ordered && order > 0;
  case GE: return ordered && order >= 0;
  case LT: return ordered && order < 0;
  default: return ordered && order <= 0;
  }
}

bool pl_filter_holds(const struct pl_filter *filter, struct json_object *object)
{
  switch (filter->kind) {
  case AND: return pl_filter_holds(filter->left, object) && pl_filter_holds(filter->right, object);
  case OR: return pl_filter_holds(filter->left, object) || pl_filter_holds(filter->right, object);
  case NOT: return !pl_filter_holds(filter->left, object);
  default: return compares(filter, object);
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/services_filter.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum kind { EQ, AND, OR, NOT };
enum property { FORMAT, PREFIX, MESSAGE, ORIGIN, REPORT, SUBORDINATE, N_PROPERTIES };
static const char *const PROPERTIES[N_PROPERTIES] = {"EventFormatType", "RegistryPrefix", "MessageId", "OriginResource", "MetricReportDefinition",
                                                     "SubordinateResources"};
enum { NODES_MAX = 64, DEPTH_MAX = 16, TEXT_MAX = 1024 };

struct node {
  enum kind kind;
  enum property property; /* EQ */
  char *value;            /* EQ */
  int left, right;        /* AND, OR; NOT: left */
};

struct pl_event_filter {
  struct node nodes[NODES_MAX];
  int count, root;
  bool subordinate, reports;
};

struct parser {
  struct pl_event_filter *f;
  const char *at;
  int depth;
  struct pl_err *err;
};

static void skip_blanks(struct parser *p)
{
  while (isspace((unsigned char)*p->at))
    p->at++;
}

static bool takes(struct parser *p, const char *word)
{
  skip_blanks(p);
  size_t n = strlen(word);
  if (strncmp(p->at, word, n) || (isalpha((unsigned char)*word) && isalnum((unsigned char)p->at[n])))
    return false;
  p->at += n;
  return true;
}

static int add(struct parser *p, struct node node)
{
  if (p->f->count == NODES_MAX) {
    pl_fail(p->err, PL_E_USAGE, "$filter has more than %d terms", NODES_MAX);
    return -1;
  }
  p->f->nodes[p->f->count] = node;
  return p->f->count++;
}

static char *value(struct parser *p)
{
  skip_blanks(p);
  char quote = *p->at == '\'' || *p->at == '"' ? *p->at++ : 0;
  const char *begin = p->at;
  size_t n = quote ? strcspn(begin, quote == '\'' ? "'" : "\"") : strcspn(begin, " ()");
  if (!n || (quote && !begin[n])) {
    pl_fail(p->err, PL_E_USAGE, "$filter: a value is missing or its quote does not end, at '%.40s'", begin);
    return NULL;
  }
  char *copy = strndup(begin, n);
  p->at = begin + n + (quote ? 1 : 0);
  return copy;
}

static int comparison(struct parser *p)
{
  skip_blanks(p);
  for (int i = 0; i < N_PROPERTIES; i++)
    if (takes(p, PROPERTIES[i])) {
      if (!takes(p, "eq")) {
        pl_fail(p->err, PL_E_USAGE, "$filter: %s can be compared by 'eq' only", PROPERTIES[i]);
        return -1;
      }
      char *text = value(p);
      if (!text)
        return -1;
      p->f->subordinate |= i == SUBORDINATE && !strcasecmp(text, "true");
      p->f->reports |= i == REPORT || i == FORMAT;
      int at = add(p, (struct node){.kind = EQ, .property = (enum property)i, .value = text});
      if (at < 0)
        free(text);
      return at;
    }
  pl_fail(p->err, PL_E_USAGE, "$filter: '%.40s' is none of the properties that SSEFilterPropertiesSupported names", p->at);
  return -1;
}

static int too_deep(struct parser *p)
{
  pl_fail(p->err, PL_E_USAGE, "$filter nests deeper than %d", DEPTH_MAX);
  return -1;
}

static int any_of(struct parser *p);

static int term(struct parser *p)
{
  if (takes(p, "not")) {
    int inner = ++p->depth > DEPTH_MAX ? too_deep(p) : term(p);
    p->depth--;
    return inner < 0 ? -1 : add(p, (struct node){.kind = NOT, .left = inner});
  }
  if (!takes(p, "("))
    return comparison(p);
  int inner = ++p->depth > DEPTH_MAX ? too_deep(p) : any_of(p);
  if (inner >= 0 && !takes(p, ")")) {
    pl_fail(p->err, PL_E_USAGE, "$filter: a ')' is missing at '%.40s'", p->at);
    return -1;
  }
  p->depth--;
  return inner;
}

static int all_of(struct parser *p)
{
  int left = term(p);
  while (left >= 0 && takes(p, "and")) {
    int right = term(p);
    left = right < 0 ? -1 : add(p, (struct node){.kind = AND, .left = left, .right = right});
  }
  return left;
}

static int any_of(struct parser *p)
{
  int left = all_of(p);
  while (left >= 0 && takes(p, "or")) {
    int right = all_of(p);
    left = right < 0 ? -1 : add(p, (struct node){.kind = OR, .left = left, .right = right});
  }
  return left;
}

enum pl_status pl_event_filter_parse(const char *text, struct pl_event_filter **filter, struct pl_err *err)
{
  size_t n = strlen(text);
  if (n >= TEXT_MAX)
    return pl_fail(err, PL_E_USAGE, "$filter is longer than %d characters", TEXT_MAX - 1);
  struct pl_event_filter *f = calloc(1, sizeof *f);
  if (!f)
    return pl_fail(err, PL_E_NOMEM, "no memory for a filter");
  struct pl_err why = {0};
  struct parser p = {.f = f, .at = text, .err = &why};
  f->root = any_of(&p);
  skip_blanks(&p);
  if (f->root >= 0 && *p.at)
    f->root = -1, pl_fail(&why, PL_E_USAGE, "$filter: '%.40s' stands after its end", p.at);
  if (f->root < 0) {
    pl_event_filter_free(f);
    return pl_fail(err, PL_E_USAGE, "%s", why.text);
  }
  *filter = f;
  return PL_OK;
}

void pl_event_filter_free(struct pl_event_filter *filter)
{
  for (int i = 0; filter && i < filter->count; i++)
    free(filter->nodes[i].value);
  free(filter);
}

bool pl_message_id_is(const char *id, const char *wanted)
{
  const char *key = strrchr(id, '.'), *other = strrchr(wanted, '.');
  size_t prefix = strcspn(id, ".");
  return key && other && !strcmp(key, other) && strcspn(wanted, ".") == prefix && !strncmp(id, wanted, prefix);
}

bool pl_origin_is(const char *origin, const char *uri, bool subordinate)
{
  size_t n = strlen(uri);
  return !strncmp(origin, uri, n) && (!origin[n] || (subordinate && origin[n] == '/'));
}

static bool equals(const struct pl_event_filter *f, const struct node *n, const struct pl_event_facts *facts)
{
  const char *const of[N_PROPERTIES] = {facts->format, facts->registry_prefix, facts->message_id, facts->origin, facts->report_definition, ""};
  const char *fact = of[n->property];
  if (n->property == SUBORDINATE) /* says how OriginResource is meant */
    return true;
  if (!fact)
    return false;
  if (n->property == MESSAGE)
    return pl_message_id_is(fact, n->value);
  if (n->property == ORIGIN)
    return pl_origin_is(fact, n->value, f->subordinate);
  return !strcmp(fact, n->value);
}

/* Nodes stand before those that join them, so one pass judges all. */
bool pl_event_filter_passes(const struct pl_event_filter *f, const struct pl_event_facts *facts)
{
  bool is[NODES_MAX];
  for (int i = 0; i < f->count; i++) {
    const struct node *n = &f->nodes[i];
    is[i] = n->kind == EQ ? equals(f, n, facts) : n->kind == NOT ? !is[n->left] : n->kind == AND ? is[n->left] && is[n->right] : is[n->left] || is[n->right];
  }
  return is[f->root];
}

bool pl_event_filter_asks_for_reports(const struct pl_event_filter *f)
{
  return f->reports;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Judging a run again under a limits file. Keys are a measurement's name or the end of its path ("step/measurement"); the longest that fits counts. */
#include "reports/model.h"

#include "drivers/base/conf.h"
#include "drivers/base/unit.h"
#include "host/journal/text.h"

#include <stdlib.h>
#include <string.h>

struct judge {
  struct pl_report *report;
  struct pl_conf *conf;
  const struct pl_node *root;
  bool *used; /* one a key */
  pl_str source;
  struct pl_err *err;
};

static const struct {
  const char *key;
  enum pl_check check;
} KEYS[] = {{"min", PL_CHECK_GREATER_THAN_OR_EQUAL}, {"max", PL_CHECK_LESS_THAN_OR_EQUAL}, {"equals", PL_CHECK_EQUAL}};
#define N_KEYS (sizeof KEYS / sizeof *KEYS)

static enum pl_status check_file(const struct judge *j)
{
  enum pl_status status = pl_node_want(j->conf, j->root, PL_NODE_MAP, "a limits file", j->err);
  const char *words[N_KEYS];
  for (size_t i = 0; i < N_KEYS; i++)
    words[i] = KEYS[i].key;
  for (size_t i = 0; !status && i < j->root->count; i++) {
    const struct pl_node *entry = &j->root->items[i];
    status = pl_node_want(j->conf, entry, PL_NODE_MAP, "limits of a measurement ({min: 46 V, max: 52 V})", j->err);
    if (!status)
      status = pl_node_check_keys(j->conf, entry, "limits", words, N_KEYS, j->err);
    if (!status && !entry->count)
      status = pl_node_fail(j->conf, entry, j->err, "'%s' has no limits; give min, max or equals", entry->key);
    for (size_t k = 0; !status && k < entry->count; k++)
      status = pl_node_want(j->conf, &entry->items[k], PL_NODE_SCALAR, "a limit", j->err);
  }
  return status;
}

/* path ends with key, at a '/'. */
static bool fits(const char *path, size_t len, const char *key)
{
  size_t n = strlen(key);
  return n <= len && !memcmp(path + len - n, key, n) && (n == len || path[len - n - 1] == '/');
}

static const struct pl_node *find_entry(const struct judge *j, const struct pl_text *path)
{
  const struct pl_node *best = NULL;
  size_t longest = 0;
  for (size_t i = 0; i < j->root->count; i++) {
    const struct pl_node *entry = &j->root->items[i];
    size_t len = strlen(entry->key);
    if ((!best || len > longest) && fits(path->bytes, path->len, entry->key)) {
      best = entry;
      longest = len;
    }
  }
  return best;
}

/* The limit in the unit of the measurement. */
static enum pl_status number_limit(const struct judge *j, const struct pl_node *node, const struct pl_measured *m, double *number)
{
  const char *name = pl_text_of(j->report, m->unit);
  const struct pl_unit *unit = *name ? pl_unit_find(name) : NULL;
  struct pl_err why = {0};
  enum pl_dim dim;
  int64_t value_u;
  if (*name && !unit) { /* a unit of someone else: only a bare number can be meant in it */
    char *end;
    *number = strtod(node->text, &end);
    return end != node->text && !*end ? PL_OK : pl_node_fail(j->conf, node, j->err, "'%s' is measured in %s, which is no known unit; give a bare number", pl_text_of(j->report, m->name), name);
  }
  if (pl_quantity_parse(node->text, unit ? unit->dim : PL_DIM_NONE, &dim, &value_u, &why))
    return pl_node_fail(j->conf, node, j->err, "%s of '%s': %s", node->key, pl_text_of(j->report, m->name), why.text);
  *number = unit ? pl_unit_from_u(unit, value_u) : (double)value_u / (double)PL_U;
  return PL_OK;
}

static enum pl_status make_limit(struct judge *j, const struct pl_node *node, const struct pl_measured *m, struct pl_limit *limit)
{
  size_t k = 0;
  while (strcmp(KEYS[k].key, node->key)) /* the keys were checked */
    k++;
  *limit = (struct pl_limit){.check = (uint8_t)KEYS[k].check, .source = j->source};
  limit->value.kind = m->value.kind;
  if (m->value.kind == PL_VAL_NUMBER)
    return number_limit(j, node, m, &limit->value.number);
  if (limit->check != PL_CHECK_EQUAL)
    return pl_node_fail(j->conf, node, j->err, "'%s' is no number; only equals can judge it", pl_text_of(j->report, m->name));
  if (m->value.kind == PL_VAL_TEXT) {
    limit->value.text = pl_strings_keep(&j->report->strings, node->text, strlen(node->text));
    return PL_OK;
  }
  enum pl_dim dim;
  int64_t value_u;
  struct pl_err why = {0};
  if (pl_quantity_parse(node->text, PL_DIM_FLAG, &dim, &value_u, &why))
    return pl_node_fail(j->conf, node, j->err, "equals of '%s': %s", pl_text_of(j->report, m->name), why.text);
  limit->value.kind = PL_VAL_BOOL;
  limit->value.flag = value_u != 0;
  return PL_OK;
}

static enum pl_status replace_limits(struct judge *j, const struct pl_node *entry, struct pl_measured *m)
{
  struct pl_report *r = j->report;
  uint32_t first = (uint32_t)r->limits.count;
  for (size_t k = 0; k < entry->count; k++) {
    struct pl_limit limit, *room;
    enum pl_status status = make_limit(j, &entry->items[k], m, &limit);
    if (status)
      return status;
    if (!(room = PL_LIST_ADD(&r->limits)))
      return pl_fail(j->err, PL_E_NOMEM, "out of memory for the limits");
    *room = limit;
  }
  m->limit = first;
  m->n_limits = (uint16_t)entry->count;
  m->rejudged = true;
  return PL_OK;
}

static enum pl_status judge_all(struct judge *j)
{
  struct pl_report *r = j->report;
  struct pl_text path = {0};
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < r->measurements.count && !status; i++) {
    struct pl_measured *m = &r->measurements.items[i];
    path.len = 0;
    pl_put_path(&path, r, m->step, "/");
    pl_text_char(&path, '/');
    pl_text_str(&path, pl_text_of(r, m->name));
    if (path.failed) {
      status = pl_fail(j->err, PL_E_NOMEM, "out of memory for the limits");
      break;
    }
    const struct pl_node *entry = find_entry(j, &path);
    m->before = m->verdict;
    if (!entry)
      continue;
    j->used[entry - j->root->items] = true;
    status = replace_limits(j, entry, m);
  }
  pl_text_free(&path);
  return status;
}

/* Keys that matched nothing are told by the reports: the run may have ended before its measurement. When no key matched it is the wrong file. */
static enum pl_status note_unused(struct judge *j)
{
  struct pl_report *r = j->report;
  size_t unused = 0;
  for (size_t i = 0; i < j->root->count; i++) {
    if (j->used[i])
      continue;
    pl_str *key = PL_LIST_ADD(&r->unused_limits);
    if (!key)
      return pl_fail(j->err, PL_E_NOMEM, "out of memory for the limits");
    *key = pl_strings_keep(&r->strings, j->root->items[i].key, strlen(j->root->items[i].key));
    unused++;
  }
  if (unused < j->root->count || !unused)
    return PL_OK;
  const char *names[64];
  size_t n = 0;
  for (size_t i = 0; i < r->measurements.count && n < 64; i++)
    names[n++] = pl_text_of(r, r->measurements.items[i].name);
  const struct pl_node *entry = &j->root->items[0];
  const char *near = pl_closest(entry->key, names, n);
  return pl_node_fail(j->conf, entry, j->err, "no measurement of this run is named '%s'%s%s%s", entry->key, near ? ", did you mean '" : "", near ? near : "",
                      near ? "'?" : "; none of the limits applies to it");
}

/* What pl_report_judge_again changes, kept so that a refused file leaves the report as it was. */
static void take_back(struct pl_report *r, struct pl_measured *saved, size_t limits, size_t unused)
{
  if (r->measurements.count)
    memcpy(r->measurements.items, saved, r->measurements.count * sizeof *saved);
  r->limits.count = limits;
  r->unused_limits.count = unused;
}

enum pl_status pl_report_judge_again(struct pl_report *r, const char *path, struct pl_err *err)
{
  struct judge j = {.report = r, .err = err};
  enum pl_status status = pl_conf_load(path, &j.conf, err);
  if (status)
    return status;
  j.root = pl_conf_root(j.conf);
  status = check_file(&j);
  size_t bytes = r->measurements.count * sizeof *r->measurements.items, limits = r->limits.count, unused = r->unused_limits.count;
  struct pl_measured *saved = status ? NULL : malloc(bytes + 1);
  j.used = status ? NULL : calloc(j.root->count + 1, sizeof *j.used);
  if (!status && (!saved || !j.used))
    status = pl_fail(err, PL_E_NOMEM, "out of memory for the limits");
  if (!status) {
    if (bytes)
      memcpy(saved, r->measurements.items, bytes);
    j.source = pl_strings_keep(&r->strings, path, strlen(path));
    status = judge_all(&j);
    if (!status)
      status = note_unused(&j);
    if (status)
      take_back(r, saved, limits, unused);
  }
  if (!status) {
    const char *sha = pl_conf_sha256(j.conf);
    r->limits_path = j.source;
    r->limits_sha256 = pl_strings_keep(&r->strings, sha, strlen(sha));
    pl_settle(r);
  }
  free(saved);
  free(j.used);
  pl_conf_free(j.conf);
  return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* --limits FILE: limits by "measurement" or "step/measurement", in front of the sequence's own. */
#include "drivers/base/conf.h"
#include "host/engine/run.h"

#include <string.h>

struct entry {
  const char *name;
  int line;
  bool has_min, has_max;
  enum pl_dim dim; /* COUNT: not yet known (never after loading) */
  int64_t min_u, max_u;
  bool used;
};

#define SEEN_MAX 256

struct pl_limits {
  struct pl_conf *conf;
  struct entry *entries; /* sorted by name */
  size_t count;
  char from[64]; /* the file's own name, for the record */
  char *seen[SEEN_MAX]; /* what was asked for, to say what was meant */
  size_t n_seen;
};

static int by_name(const void *a, const void *b)
{
  return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static enum pl_status read_bound(const struct pl_conf *conf, const struct pl_node *node, struct entry *entry, int64_t *value_u, bool *has, struct pl_err *err)
{
  enum pl_dim dim;
  struct pl_err own = {0};
  if (!node)
    return PL_OK;
  enum pl_status status = pl_node_want(conf, node, PL_NODE_SCALAR, node->key, err);
  if (status)
    return status;
  if (pl_quantity_parse(node->text, PL_DIM_COUNT, &dim, value_u, &own))
    return pl_node_fail(conf, node, err, "%s: %s", node->key, own.text);
  if (entry->dim != PL_DIM_COUNT && entry->dim != dim)
    return pl_node_fail(conf, node, err, "max is %s, but min is %s", pl_dim_name(dim), pl_dim_name(entry->dim));
  entry->dim = dim;
  *has = true;
  return PL_OK;
}

static enum pl_status read_entry(const struct pl_conf *conf, const struct pl_node *node, struct entry *entry, struct pl_err *err)
{
  static const char *const WORDS[] = {"min", "max"};
  *entry = (struct entry){.name = node->key, .line = node->key_line, .dim = PL_DIM_COUNT};
  enum pl_status status = pl_node_want(conf, node, PL_NODE_MAP, "limits, {min: VALUE, max: VALUE}", err);
  if (!status)
    status = pl_node_check_keys(conf, node, "limits", WORDS, 2, err);
  if (!status)
    status = read_bound(conf, pl_node_get(node, "min"), entry, &entry->min_u, &entry->has_min, err);
  if (!status)
    status = read_bound(conf, pl_node_get(node, "max"), entry, &entry->max_u, &entry->has_max, err);
  if (!status && !entry->has_min && !entry->has_max)
    status = pl_node_fail(conf, node, err, "'%s' has no limit; give min, max or both", node->key);
  if (!status && entry->has_min && entry->has_max && entry->min_u > entry->max_u)
    status = pl_node_fail(conf, node, err, "'%s': min is above max", node->key);
  return status;
}

enum pl_status pl_limits_load(const char *path, struct pl_limits **out, struct pl_err *err)
{
  struct pl_limits *limits = calloc(1, sizeof *limits);
  if (!limits)
    return pl_fail(err, PL_E_NOMEM, "out of memory for limits");
  const char *slash = strrchr(path, '/');
  snprintf(limits->from, sizeof limits->from, "%s", slash ? slash + 1 : path);
  enum pl_status status = pl_conf_load(path, &limits->conf, err);
  const struct pl_node *root = status ? NULL : pl_conf_root(limits->conf);
  if (!status)
    status = pl_node_want(limits->conf, root, PL_NODE_MAP, "a limits file, MEASUREMENT: {min: VALUE, max: VALUE}", err);
  if (!status && !(limits->entries = calloc(root->count + 1, sizeof *limits->entries)))
    status = pl_fail(err, PL_E_NOMEM, "out of memory for limits");
  for (size_t i = 0; !status && i < root->count; i++)
    status = read_entry(limits->conf, &root->items[i], &limits->entries[limits->count++], err);
  if (status) {
    pl_limits_free(limits);
    return status;
  }
  qsort(limits->entries, limits->count, sizeof *limits->entries, by_name);
  *out = limits;
  return PL_OK;
}

void pl_limits_free(struct pl_limits *limits)
{
  if (!limits)
    return;
  for (size_t i = 0; i < limits->n_seen; i++)
    free(limits->seen[i]);
  free(limits->entries);
  pl_conf_free(limits->conf);
  free(limits);
}

static struct entry *find(const struct pl_limits *limits, const char *name)
{
  const struct entry key = {.name = name};
  return limits->count ? bsearch(&key, limits->entries, limits->count, sizeof key, by_name) : NULL;
}

static void see(struct pl_limits *limits, const char *name)
{
  if (limits->n_seen == SEEN_MAX)
    return;
  for (size_t i = 0; i < limits->n_seen; i++)
    if (!strcmp(limits->seen[i], name))
      return;
  if ((limits->seen[limits->n_seen] = strdup(name)))
    limits->n_seen++;
}

enum pl_status pl_limits_find(struct pl_limits *limits, const char *step, const char *name, enum pl_dim dim, struct pl_limit *limit, bool *found, struct pl_err *err)
{
  char both[512];
  snprintf(both, sizeof both, "%s/%s", step, name);
  struct entry *special = find(limits, both), *general = find(limits, name), *entry = special ? special : general;
  if (special)
    special->used = true;
  if (general)
    general->used = true; /* it is known, even where a step has limits of its own */
  if (!entry) {
    see(limits, both);
    see(limits, name);
  }
  *found = entry != NULL;
  if (!entry)
    return PL_OK;
  if (entry->dim != dim)
    return pl_fail(err, PL_E_USAGE, "%s:%d: the limits of '%s' are %s, but it is measured as %s", pl_conf_name(limits->conf), entry->line, entry->name,
                   pl_dim_name(entry->dim), pl_dim_name(dim));
  *limit = (struct pl_limit){.has_min = entry->has_min,
                             .has_max = entry->has_max,
                             .min_u = entry->min_u,
                             .max_u = entry->max_u,
                             .min_from = limits->from,
                             .max_from = limits->from};
  return PL_OK;
}

enum pl_status pl_limits_all_used(const struct pl_limits *limits, struct pl_err *err)
{
  const struct entry *first = NULL;
  for (size_t i = 0; i < limits->count; i++)
    if (!limits->entries[i].used && (!first || limits->entries[i].line < first->line))
      first = &limits->entries[i];
  if (!first)
    return PL_OK;
  const char *close = pl_closest(first->name, (const char *const *)limits->seen, limits->n_seen);
  return pl_fail(err, PL_E_USAGE, "%s:%d: no measurement is called '%s'%s%s%s", pl_conf_name(limits->conf), first->line, first->name, close ? ", did you mean '" : "",
                 close ? close : "", close ? "'?" : "; write it as MEASUREMENT or STEP/MEASUREMENT");
}

bool pl_limits_of_rig(const struct pl_rig_device *device, const struct pl_quantity *quantity, struct pl_limit *limit)
{
  for (size_t i = 0; i < device->n_limits; i++) {
    const struct pl_rig_limit *own = &device->limits[i];
    if (strcmp(own->quantity->name, quantity->name) != 0)
      continue;
    *limit = (struct pl_limit){
        .has_min = own->has_min, .has_max = own->has_max, .min_u = own->min_u, .max_u = own->max_u, .min_from = "rig", .max_from = "rig"};
    return true;
  }
  return false;
}

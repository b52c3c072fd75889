/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rig/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader { /* of one device */
  const struct pl_rig *rig;
  const struct pl_conf *conf;
  const struct pl_node *node;
  struct pl_rig_device *device;
  struct pl_err *err;
};

/* Fails at a word that is not among count names, name(ctx, i) being the i-th, skipping NULLs. */
static enum pl_status fail_unknown(const struct reader *r, const struct pl_node *node, const char *what, const char *where,
                                   const char *(*name)(const void *ctx, size_t i), const void *ctx, size_t count)
{
  const char **words = malloc((count + 1) * sizeof *words);
  if (!words)
    return pl_fail(r->err, PL_E_NOMEM, "%s: out of memory", pl_conf_name(r->conf));
  size_t n = 0;
  for (size_t i = 0; i < count; i++) {
    const char *word = name(ctx, i);
    if (word)
      words[n++] = word;
  }
  enum pl_status status = pl_node_unknown(r->conf, node, what, where, words, n, r->err);
  free(words);
  return status;
}

static const char *driver_name(const void *ctx, size_t i)
{
  (void)ctx;
  return pl_device_descs[i]->name;
}

static const char *bus_name(const void *ctx, size_t i)
{
  return ((const struct pl_rig *)ctx)->buses[i].name;
}

static const char *part_name(const void *ctx, size_t i)
{
  return ((const struct pl_rig *)ctx)->parts[i].name;
}

static const char *word_name(const void *ctx, size_t i)
{
  return ((const struct pl_word *)ctx)[i].name;
}

static const char *set_name(const void *ctx, size_t i)
{
  const struct pl_quantity *q = &((const struct pl_shape *)ctx)->quantities[i];
  return q->access & PL_SET ? q->name : NULL;
}

static const char *get_name(const void *ctx, size_t i)
{
  const struct pl_quantity *q = &((const struct pl_shape *)ctx)->quantities[i];
  return q->access & PL_GET ? q->name : NULL;
}

/* --- the generic keys --- */

static enum pl_status read_driver(struct reader *r)
{
  const char *text;
  const struct pl_node *node;
  enum pl_status status = pl_rig_need_text(r->conf, r->node, "a device", "driver", &text, &node, r->err);
  if (status)
    return status;
  r->device->desc = pl_device_desc_find(text);
  return r->device->desc ? PL_OK : fail_unknown(r, node, "driver", "", driver_name, NULL, pl_n_device_descs);
}

static enum pl_status read_bus(struct reader *r)
{
  const struct pl_device_desc *desc = r->device->desc;
  const char *text;
  const struct pl_node *node;
  enum pl_status status = pl_rig_need_text(r->conf, r->node, "a device", "bus", &text, &node, r->err);
  if (status)
    return status;
  for (size_t i = 0; i < r->rig->n_buses && !r->device->bus; i++)
    if (pl_same_word(r->rig->buses[i].name, text))
      r->device->bus = &r->rig->buses[i];
  if (!r->device->bus)
    return fail_unknown(r, node, "bus", "", bus_name, r->rig, r->rig->n_buses);
  if (r->device->bus->kind != desc->bus_kind)
    return pl_node_fail(r->conf, node, r->err, "bus '%s' is of kind %s, expected one of kind %s for driver '%s'", text, pl_bus_kind_name(r->device->bus->kind),
                        pl_bus_kind_name(desc->bus_kind), desc->name);
  return PL_OK;
}

static enum pl_status read_part(struct reader *r)
{
  const char *text;
  const struct pl_node *node;
  enum pl_status status = pl_rig_want_text(r->conf, r->node, "part", &text, &node, r->err);
  if (status || !text)
    return status;
  r->device->part = pl_rig_part(r->rig, text);
  return r->device->part ? PL_OK : fail_unknown(r, node, "part", "", part_name, r->rig, r->rig->n_parts);
}

static enum pl_status read_role(struct reader *r)
{
  const char *text;
  const struct pl_node *node;
  enum pl_status status = pl_rig_want_text(r->conf, r->node, "role", &text, &node, r->err);
  if (status)
    return status;
  size_t n;
  const struct pl_word *roles = pl_rig_roles(&n);
  if (!text && !r->device->desc->role)
    return pl_node_fail(r->conf, r->node, r->err, "the key 'role' is missing, expected the role of device '%s' (driver '%s' serves several)", r->device->name,
                        r->device->desc->name);
  for (size_t i = 0; i < n && text; i++)
    if (pl_same_word(roles[i].name, text)) {
      r->device->role = roles[i].name;
      return PL_OK;
    }
  if (text)
    return fail_unknown(r, node, "role", "", word_name, roles, n);
  r->device->role = r->device->desc->role;
  return PL_OK;
}

static enum pl_status read_owner(struct reader *r)
{
  static const char *const OWNERS[] = {"bench", "stack", "interlock"};
  const char *text;
  const struct pl_node *node;
  enum pl_status status = pl_rig_want_text(r->conf, r->node, "owner", &text, &node, r->err);
  if (status)
    return status;
  r->device->owner = PL_OWNER_BENCH;
  for (size_t i = 0; text && i < sizeof OWNERS / sizeof *OWNERS; i++)
    if (!strcmp(text, OWNERS[i])) {
      r->device->owner = (enum pl_owner)i; /* OWNERS stands in the enum's order */
      return PL_OK;
    }
  return text ? pl_node_unknown(r->conf, node, "owner", "", OWNERS, sizeof OWNERS / sizeof *OWNERS, r->err) : PL_OK;
}

/* A `serial` says which one of its kind is meant: two adapters that were exchanged, or a unit in another's place, are found by it. */
static enum pl_status read_serial(struct reader *r)
{
  const struct pl_node *node;
  enum pl_status status = pl_rig_want_text(r->conf, r->node, "serial", &r->device->serial, &node, r->err);
  if (!status && r->device->serial && !r->device->desc->identify)
    return pl_node_fail(r->conf, node, r->err, "devices of driver '%s' cannot tell their serial number, expected none", r->device->desc->name);
  return status;
}

/* --- safe values and limits --- */

static enum pl_status find_quantity(struct reader *r, const struct pl_node *item, enum pl_access access, const struct pl_quantity **quantity)
{
  *quantity = pl_shape_find(&r->device->shape, item->key);
  if (*quantity && (*quantity)->access & access)
    return PL_OK;
  const struct pl_node at = {.line = item->key_line, .text = item->key};
  if (*quantity)
    return pl_node_fail(r->conf, &at, r->err, "'%s' of device '%s' cannot be %s, expected a quantity that can", item->key, r->device->name,
                        access == PL_SET ? "set" : "read");
  char where[128];
  snprintf(where, sizeof where, " of device '%s'", r->device->name);
  return fail_unknown(r, &at, "quantity", where, access == PL_SET ? set_name : get_name, &r->device->shape, r->device->shape.count);
}

static enum pl_status read_quantity(struct reader *r, const struct pl_node *item, const char *what, const struct pl_quantity *quantity, int64_t *value_u)
{
  char title[160];
  snprintf(title, sizeof title, "%s of '%s' at device '%s'", what, quantity->name, r->device->name);
  enum pl_status status = pl_node_want(r->conf, item, PL_NODE_SCALAR, title, r->err);
  if (status)
    return status;
  if (pl_quantity_parse(item->text, quantity->dim, NULL, value_u, r->err)) {
    pl_err_prefix(r->err, "%s:%d: %s", pl_conf_name(r->conf), item->line, title);
    return PL_E_USAGE;
  }
  return PL_OK;
}

static enum pl_status read_setting(struct reader *r, const struct pl_node *item)
{
  struct pl_rig_device *device = r->device;
  struct pl_rig_setting set = {0};
  enum pl_status status = find_quantity(r, item, PL_SET, &set.quantity);
  if (!status)
    status = read_quantity(r, item, "the safe value", set.quantity, &set.value_u);
  if (status)
    return status;
  const struct pl_quantity *q = set.quantity;
  if ((q->min_u || q->max_u) && (set.value_u < q->min_u || set.value_u > q->max_u)) {
    char min[48], max[48];
    return pl_node_fail(r->conf, item, r->err, "the safe value %s of '%s' at device '%s' is out of range, expected %s to %s", item->text, q->name, device->name,
                        pl_quantity_format(q->dim, q->min_u, min, sizeof min), pl_quantity_format(q->dim, q->max_u, max, sizeof max));
  }
  for (size_t i = 0; i < device->n_safe; i++)
    if (device->safe[i].quantity == q)
      return pl_node_fail(r->conf, item, r->err, "a second safe value of '%s' at device '%s', expected one", q->name, device->name);
  device->safe[device->n_safe++] = set;
  return PL_OK;
}

static enum pl_status read_limit(struct reader *r, const struct pl_node *item)
{
  static const char *const KEYS[] = {"min", "max"};
  struct pl_rig_device *device = r->device;
  struct pl_rig_limit limit = {0};
  enum pl_status status = find_quantity(r, item, PL_GET, &limit.quantity);
  if (!status)
    status = pl_node_want(r->conf, item, PL_NODE_MAP, "a limit", r->err);
  if (!status)
    status = pl_node_check_keys(r->conf, item, "a limit", KEYS, 2, r->err);
  if (status)
    return status;
  const struct pl_node *min = pl_node_get(item, "min"), *max = pl_node_get(item, "max");
  limit.has_min = min;
  limit.has_max = max;
  if (!min && !max)
    return pl_node_fail(r->conf, item, r->err, "the limit of '%s' at device '%s' says nothing, expected min, max or both", item->key, device->name);
  if (min && (status = read_quantity(r, min, "the lower limit", limit.quantity, &limit.min_u)))
    return status;
  if (max && (status = read_quantity(r, max, "the upper limit", limit.quantity, &limit.max_u)))
    return status;
  if (min && max && limit.min_u > limit.max_u)
    return pl_node_fail(r->conf, min, r->err, "the lower limit %s of '%s' at device '%s' is above the upper limit %s, expected min at most max", min->text,
                        limit.quantity->name, device->name, max->text);
  for (size_t i = 0; i < device->n_limits; i++)
    if (device->limits[i].quantity == limit.quantity)
      return pl_node_fail(r->conf, item, r->err, "a second limit of '%s' at device '%s', expected one", limit.quantity->name, device->name);
  device->limits[device->n_limits++] = limit;
  return PL_OK;
}

static enum pl_status read_map(struct reader *r, const char *key, void **array, size_t size, enum pl_status (*read)(struct reader *r, const struct pl_node *item))
{
  const struct pl_node *map = pl_node_get(r->node, key);
  if (!map)
    return PL_OK;
  enum pl_status status = pl_node_want(r->conf, map, PL_NODE_MAP, key, r->err);
  if (status)
    return status;
  *array = calloc(map->count ? map->count : 1, size);
  if (!*array)
    return pl_fail(r->err, PL_E_NOMEM, "%s: out of memory", pl_conf_name(r->conf));
  for (size_t i = 0; i < map->count && !status; i++)
    status = read(r, &map->items[i]);
  return status;
}

/* --- a device --- */

/* A device before this one whose shape is the same; a map's file is read once for all that it describes. NULL: none. */
static const struct pl_rig_device *same_shape(const struct pl_rig *rig, const struct pl_rig_device *device)
{
  const char *by = device->desc->shape_by, *text = by ? pl_value(&device->values, by)->text : NULL;
  for (const struct pl_rig_device *each = rig->devices; text && each < device; each++)
    if (each->desc == device->desc && !strcmp(pl_value(&each->values, by)->text, text))
      return each;
  return NULL;
}

static enum pl_status read_values(struct reader *r)
{
  static const char *const KEYS[] = {"name", "driver", "bus", "part", "role", "owner", "serial", "safe", "limits"};
  struct pl_rig_device *device = r->device;
  const struct pl_device_desc *desc = device->desc;
  char what[128];
  snprintf(what, sizeof what, "device '%s' (driver '%s')", device->name, desc->name);
  enum pl_status status = pl_rig_check_keys(r->conf, r->node, what, KEYS, sizeof KEYS / sizeof KEYS[0], desc->params, desc->n_params, r->err);
  if (!status)
    status = pl_node_values(r->conf, r->node, desc->params, desc->n_params, &device->values, r->err);
  if (status)
    return status;
  const struct pl_rig_device *like = same_shape(r->rig, device);
  if (like) {
    device->shape = like->shape;
    device->shape_lent = true;
    return PL_OK;
  }
  /* Whatever ails a shape is in the file (a map that is not there): refused like the rest, before anything is driven. */
  status = pl_device_shape(desc, &device->values, &device->shape, r->err);
  if (status) {
    memset(&device->shape, 0, sizeof device->shape);
    pl_err_prefix(r->err, "%s:%d: device '%s'", pl_conf_name(r->conf), r->node->line, device->name);
  }
  return status;
}

static enum pl_status read_all(struct reader *r)
{
  enum pl_status (*const STEPS[])(struct reader *r) = {read_driver, read_bus, read_part, read_role, read_owner, read_serial, read_values};
  enum pl_status status = pl_rig_need_name(r->conf, r->node, "a device", &r->device->name, r->err);
  for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0] && !status; i++)
    status = STEPS[i](r);
  if (!status)
    status = read_map(r, "safe", (void **)&r->device->safe, sizeof *r->device->safe, read_setting);
  if (!status)
    status = read_map(r, "limits", (void **)&r->device->limits, sizeof *r->device->limits, read_limit);
  return status;
}

enum pl_status pl_rig_read_device(const struct pl_rig *rig, const struct pl_node *node, struct pl_rig_device *device, struct pl_err *err)
{
  *device = (struct pl_rig_device){.line = node->line};
  struct reader r = {rig, rig->conf, node, device, err};
  enum pl_status status = read_all(&r);
  if (status)
    pl_rig_clear_device(device);
  return status;
}

void pl_rig_clear_device(struct pl_rig_device *device)
{
  if (!device->shape_lent && (device->shape.quantities || device->shape.owned))
    pl_device_shape_free(device->desc, &device->shape);
  free((void *)device->values.items);
  free(device->safe);
  free(device->limits);
  memset(device, 0, sizeof *device);
}

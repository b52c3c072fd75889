/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/modbus_map/map_load.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* A threshold with a unit gives the port its dimension; a bare number or none stands for a flag. */
static enum pl_status read_condition(struct pl_map_loader *loader, const struct pl_node *node, struct pl_map_condition *condition, struct pl_err *err)
{
  static const char *const keys[] = {"port", "above", "below"};
  enum pl_status status = pl_node_want(loader->conf, node, PL_NODE_MAP, "a condition", err);
  if (status == PL_OK) {
    status = pl_node_check_keys(loader->conf, node, "a condition", keys, COUNT(keys), err);
  }
  if (status != PL_OK) {
    return status;
  }
  const struct pl_node *port = pl_node_get(node, "port"), *above = pl_node_get(node, "above"), *below = pl_node_get(node, "below");
  const struct pl_node *threshold = above != NULL ? above : below;
  if (port == NULL || port->kind != PL_NODE_SCALAR || (above != NULL && below != NULL) || (threshold != NULL && threshold->kind != PL_NODE_SCALAR)) {
    return pl_node_fail(loader->conf, node, err, "a condition, expected {port: NAME} or {port: NAME, above: VALUE} or {port: NAME, below: VALUE}");
  }
  enum pl_dim dim = PL_DIM_FLAG;
  int64_t value_u = PL_U / 2;
  struct pl_err cause = {0};
  if (threshold != NULL && pl_quantity_parse(threshold->text, PL_DIM_COUNT, &dim, &value_u, &cause) != PL_OK) {
    return pl_node_fail(loader->conf, threshold, err, "%s: %s", threshold->key, cause.text);
  }
  if (dim == PL_DIM_NONE) {
    dim = PL_DIM_FLAG;
  }
  int index = 0;
  status = pl_map_port(loader, port, port->text, dim, &index, err);
  *condition = (struct pl_map_condition){.port = (size_t)index, .above = below == NULL, .threshold = pl_map_world(dim, value_u)};
  return status;
}

static enum pl_status read_when(struct pl_map_loader *loader, const struct pl_node *when, struct pl_map_fault *fault, struct pl_err *err)
{
  if (when->kind != PL_NODE_LIST) {
    fault->n_when = 1;
    return read_condition(loader, when, &fault->when[0], err);
  }
  if (when->count > PL_MAP_CONDITIONS_MAX) {
    return pl_node_fail(loader->conf, when, err, "%zu conditions, expected at most %d", when->count, PL_MAP_CONDITIONS_MAX);
  }
  enum pl_status status = PL_OK;
  for (size_t i = 0; status == PL_OK && i < when->count; i++) {
    status = read_condition(loader, &when->items[i], &fault->when[fault->n_when++], err);
  }
  return status;
}

static enum pl_status read_named_fault(struct pl_map_loader *loader, const struct pl_node *node, struct pl_map_fault *fault, struct pl_err *err)
{
  static const char *const keys[] = {"name", "when", "unless"};
  const struct pl_node *name = node, *when = NULL, *unless = NULL;
  enum pl_status status = PL_OK;
  if (node->kind == PL_NODE_MAP) {
    status = pl_node_check_keys(loader->conf, node, "a fault", keys, COUNT(keys), err);
    name = pl_node_get(node, "name");
    when = pl_node_get(node, "when");
    unless = pl_node_get(node, "unless");
  }
  if (status != PL_OK) {
    return status;
  }
  if (name == NULL || name->kind != PL_NODE_SCALAR || (unless != NULL && unless->kind != PL_NODE_SCALAR)) {
    return pl_node_fail(loader->conf, node, err, "a fault, expected its name, or {name: NAME, when: {port: NAME}, unless: PORT}");
  }
  fault->name = name->text;
  status = pl_map_check_name(loader, name, fault->name, '-', PL_FAULT_NAME_MAX - 1, err);
  if (status == PL_OK && when != NULL) {
    status = read_when(loader, when, fault, err);
  }
  return status == PL_OK && unless != NULL ? pl_map_port(loader, unless, unless->text, PL_DIM_FLAG, &fault->unless, err) : status;
}

static enum pl_status read_bit(struct pl_map_loader *loader, const struct pl_node *node, const struct pl_map_fault *like, struct pl_err *err)
{
  struct pl_map *map = loader->map;
  static const struct pl_param param = {.name = "bit", .kind = PL_PARAM_INT, .min = 0, .max = 15};
  struct pl_value bit;
  if (pl_value_parse(&param, node->key, &bit, NULL) != PL_OK) {
    const struct pl_node at = {.line = node->key_line};
    return pl_node_fail(loader->conf, &at, err, "the bit '%.20s', expected 0 to 15", node->key);
  }
  if (map->n_faults == PL_FAULTS_MAX) {
    return pl_node_fail(loader->conf, node, err, "more than %d faults, expected fewer: a device can tell no more at once", PL_FAULTS_MAX);
  }
  struct pl_map_fault *fault = &map->faults[map->n_faults++];
  *fault = *like;
  fault->bit = (int)bit.number;
  fault->line = node->line;
  enum pl_status status = read_named_fault(loader, node, fault, err);
  for (size_t i = 0; status == PL_OK && i + 1 < map->n_faults; i++) {
    if (strcmp(map->faults[i].name, fault->name) == 0) {
      status = pl_node_fail(loader->conf, node, err, "the fault '%s' is in line %d already, expected each once", fault->name, map->faults[i].line);
    }
  }
  return status;
}

static enum pl_status read_register(struct pl_map_loader *loader, const struct pl_node *node, struct pl_err *err)
{
  static const struct pl_param params[] = {
      {.name = "register", .kind = PL_PARAM_INT, .required = true, .min = 0, .max = 65535, .help = "a protocol address"},
      {.name = "table", .kind = PL_PARAM_CHOICE, .fallback = "holding", .choices = pl_map_table_words, .help = "which table"},
      {.name = "source", .kind = PL_PARAM_TEXT, .help = "the register's name in the source"},
  };
  static const char *const keys[] = {"register", "table", "source", "bits"};
  struct pl_values values;
  enum pl_status status = pl_node_want(loader->conf, node, PL_NODE_MAP, "a fault register", err);
  if (status == PL_OK) {
    status = pl_node_check_keys(loader->conf, node, "a fault register", keys, COUNT(keys), err);
  }
  if (status == PL_OK) {
    status = pl_node_values(loader->conf, node, params, COUNT(params), &values, err);
  }
  if (status != PL_OK) {
    return status;
  }
  const struct pl_map_fault like = {
      .address = (uint16_t)values.items[0].number, .table = (enum pl_modbus_table)values.items[1].number, .source = values.items[2].text, .unless = -1};
  free((void *)values.items);
  const struct pl_node *bits = pl_node_get(node, "bits");
  if (bits == NULL || bits->kind != PL_NODE_MAP || pl_map_table_is_bits(like.table)) {
    return pl_node_fail(loader->conf, node, err, "a fault register, expected the table holding or input, and bits: {0: NAME, ...}");
  }
  for (size_t i = 0; status == PL_OK && i < bits->count; i++) {
    status = read_bit(loader, &bits->items[i], &like, err);
  }
  return status;
}

static int compare_faults(const void *a, const void *b)
{
  const struct pl_map_fault *one = a, *two = b;
  if (one->table != two->table) {
    return one->table < two->table ? -1 : 1;
  }
  return one->address != two->address ? (int)one->address - (int)two->address : one->bit - two->bit;
}

enum pl_status pl_map_load_faults(struct pl_map_loader *loader, const struct pl_node *node, struct pl_err *err)
{
  struct pl_map *map = loader->map;
  enum pl_status status = pl_node_want(loader->conf, node, PL_NODE_LIST, "faults", err);
  if (status != PL_OK) {
    return status;
  }
  map->faults = calloc(PL_FAULTS_MAX, sizeof *map->faults);
  if (map->faults == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", pl_conf_name(loader->conf));
  }
  for (size_t i = 0; status == PL_OK && i < node->count; i++) {
    status = read_register(loader, &node->items[i], err);
  }
  qsort(map->faults, map->n_faults, sizeof *map->faults, compare_faults);
  return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/modbus_map/map_load.h"

#include <math.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define NAME_MAX_LENGTH 47

const char *const pl_map_table_words[] = {
    [PL_TABLE_COILS] = "coil", [PL_TABLE_DISCRETE] = "discrete", [PL_TABLE_HOLDING] = "holding", [PL_TABLE_INPUT] = "input",
    [PL_TABLE_INPUT + 1] = NULL};

/* --- small parts shared by the loader's files --- */

enum pl_status pl_map_read_order(const struct pl_map_loader *loader, const struct pl_node *node, size_t words, bool *byte_swap, bool *word_swap,
                                 struct pl_err *err)
{
  static const struct {
    const char *name;
    size_t words;
    bool byte_swap, word_swap;
  } orders[] = {{"ABCD", 2, false, false}, {"CDAB", 2, false, true}, {"BADC", 2, true, false},
                {"DCBA", 2, true, true},   {"AB", 1, false, false},  {"BA", 1, true, false}};
  enum pl_status status = pl_node_want(loader->conf, node, PL_NODE_SCALAR, "a byte order", err);
  if (status != PL_OK) {
    return status;
  }
  for (size_t i = 0; i < COUNT(orders); i++) {
    if (strcmp(orders[i].name, node->text) == 0 && orders[i].words == words) {
      *byte_swap = orders[i].byte_swap;
      *word_swap = orders[i].word_swap;
      return PL_OK;
    }
  }
  return pl_node_fail(loader->conf, node, err, "the byte order '%.20s', expected %s", node->text,
                      words == 1 ? "AB or BA (one register)" : "ABCD, CDAB, BADC or DCBA (two registers)");
}

enum pl_status pl_map_check_name(const struct pl_map_loader *loader, const struct pl_node *node, const char *name, char joint, size_t max,
                                 struct pl_err *err)
{
  size_t length = strlen(name);
  bool good = length > 0 && length <= max && name[0] >= 'a' && name[0] <= 'z';
  for (size_t i = 0; good && i < length; i++) {
    good = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || name[i] == joint;
  }
  if (good) {
    return PL_OK;
  }
  return pl_node_fail(loader->conf, node, err, "the name '%.60s', expected at most %zu lower-case letters, digits and '%c', a letter first", name,
                      max, joint);
}

enum pl_status pl_map_port(struct pl_map_loader *loader, const struct pl_node *node, const char *name, enum pl_dim dim, int *port, struct pl_err *err)
{
  struct pl_map *map = loader->map;
  enum pl_status status = pl_map_check_name(loader, node, name, '_', NAME_MAX_LENGTH, err);
  if (status != PL_OK) {
    return status;
  }
  for (size_t i = 0; i < map->n_ports; i++) {
    if (strcmp(map->ports[i].name, name) == 0) {
      *port = (int)i;
      if (map->ports[i].dim != dim) {
        return pl_node_fail(loader->conf, node, err, "port '%s' is a %s here and a %s above, expected one dimension", name, pl_dim_name(dim),
                            pl_dim_name(map->ports[i].dim));
      }
      return PL_OK;
    }
  }
  if (map->n_ports == PL_MAP_PORTS_MAX) {
    return pl_node_fail(loader->conf, node, err, "more than %d ports, expected fewer", PL_MAP_PORTS_MAX);
  }
  *port = (int)map->n_ports;
  map->ports[map->n_ports++] = (struct pl_port){.name = name, .dim = dim, .help = "see the register map"};
  return PL_OK;
}

double pl_map_world(enum pl_dim dim, int64_t value_u)
{
  double value = (double)value_u / (double)PL_U;
  return dim == PL_DIM_RATIO ? value / 100.0 : value;
}

int64_t pl_map_from_world(enum pl_dim dim, double value)
{
  double value_u = value * (double)PL_U * (dim == PL_DIM_RATIO ? 100.0 : 1.0);
  /* Far beyond any register; keeps the conversion defined. */
  return llround(fmin(fmax(value_u, -9e18), 9e18));
}

/* --- probe, identity, reserved --- */

static enum pl_status load_probe(struct pl_map_loader *loader, const struct pl_node *node, struct pl_err *err)
{
  static const struct pl_param params[] = {
      {.name = "register", .kind = PL_PARAM_INT, .required = true, .min = 0, .max = 65535, .help = "a protocol address"},
      {.name = "table", .kind = PL_PARAM_CHOICE, .fallback = "holding", .choices = pl_map_table_words, .help = "which table"},
      {.name = "equals", .kind = PL_PARAM_INT, .min = 0, .max = 65535, .help = "what it holds"},
  };
  static const char *const keys[] = {"register", "table", "equals"};
  struct pl_values values;
  enum pl_status status = pl_node_want(loader->conf, node, PL_NODE_MAP, "the probe", err);
  if (status == PL_OK) {
    status = pl_node_check_keys(loader->conf, node, "the probe", keys, COUNT(keys), err);
  }
  if (status == PL_OK) {
    status = pl_node_values(loader->conf, node, params, COUNT(params), &values, err);
  }
  if (status != PL_OK) {
    return status;
  }
  struct pl_map *map = loader->map;
  map->has_probe = true;
  map->probe_address = (uint16_t)values.items[0].number;
  map->probe_table = (enum pl_modbus_table)values.items[1].number;
  map->has_equals = values.items[2].given;
  map->probe_equals = (uint16_t)values.items[2].number;
  free((void *)values.items);
  return PL_OK;
}

static enum pl_status load_string(struct pl_map_loader *loader, const struct pl_node *node, struct pl_map_string *string, struct pl_err *err)
{
  static const struct pl_param params[] = {
      {.name = "register", .kind = PL_PARAM_INT, .required = true, .min = 0, .max = 65535, .help = "a protocol address"},
      {.name = "length", .kind = PL_PARAM_INT, .required = true, .min = 1, .max = PL_MAP_STRING_REGISTERS_MAX,
       .help = "registers, two characters each"},
      {.name = "table", .kind = PL_PARAM_CHOICE, .fallback = "holding", .choices = pl_map_table_words, .help = "which table"},
      {.name = "text", .kind = PL_PARAM_TEXT, .help = "what the twin answers"},
      {.name = "source", .kind = PL_PARAM_TEXT, .help = "the register's name in the source"},
  };
  static const char *const keys[] = {"register", "length", "table", "text", "source", "order"};
  struct pl_values values;
  enum pl_status status = pl_node_want(loader->conf, node, PL_NODE_MAP, "an identity text", err);
  if (status == PL_OK) {
    status = pl_node_check_keys(loader->conf, node, "an identity text", keys, COUNT(keys), err);
  }
  if (status == PL_OK) {
    status = pl_node_values(loader->conf, node, params, COUNT(params), &values, err);
  }
  if (status != PL_OK) {
    return status;
  }
  *string = (struct pl_map_string){
      .address = (uint16_t)values.items[0].number,
      .length = (uint16_t)values.items[1].number,
      .table = (enum pl_modbus_table)values.items[2].number,
      .text = values.items[3].text,
      .byte_swap = loader->byte_swap,
      .line = node->line,
  };
  free((void *)values.items);
  if (pl_map_table_is_bits(string->table)) {
    return pl_node_fail(loader->conf, node, err, "a text in a table of bits, expected the table holding or input");
  }
  if ((uint32_t)string->address + string->length > 65536) {
    return pl_node_fail(loader->conf, node, err, "a text that runs past register 0xFFFF, expected a smaller register or length");
  }
  if (string->text != NULL && strlen(string->text) > (size_t)string->length * 2) {
    return pl_node_fail(loader->conf, node, err, "the text '%.60s' is longer than its %u registers, expected at most %u characters", string->text,
                        (unsigned)string->length, (unsigned)string->length * 2U);
  }
  bool word_swap;
  const struct pl_node *order = pl_node_get(node, "order");
  return order == NULL ? PL_OK : pl_map_read_order(loader, order, 1, &string->byte_swap, &word_swap, err);
}

static enum pl_status load_identity(struct pl_map_loader *loader, const struct pl_node *node, struct pl_err *err)
{
  static const char *const keys[PL_MAP_STRINGS] = {
      [PL_MAP_MANUFACTURER] = "manufacturer", [PL_MAP_MODEL] = "model", [PL_MAP_REVISION] = "revision", [PL_MAP_SERIAL] = "serial",
      [PL_MAP_FIRMWARE] = "firmware"};
  enum pl_status status = pl_node_want(loader->conf, node, PL_NODE_MAP, "the identity", err);
  if (status == PL_OK) {
    status = pl_node_check_keys(loader->conf, node, "the identity", keys, COUNT(keys), err);
  }
  for (size_t i = 0; status == PL_OK && i < PL_MAP_STRINGS; i++) {
    const struct pl_node *item = pl_node_get(node, keys[i]);
    if (item != NULL) {
      status = load_string(loader, item, &loader->map->strings[i], err);
    }
  }
  return status;
}

static enum pl_status load_span(struct pl_map_loader *loader, const struct pl_node *node, struct pl_map_span *span, struct pl_err *err)
{
  static const struct pl_param params[] = {
      {.name = "register", .kind = PL_PARAM_INT, .required = true, .min = 0, .max = 65535, .help = "a protocol address"},
      {.name = "length", .kind = PL_PARAM_INT, .fallback = "1", .min = 1, .max = 65536, .help = "registers"},
      {.name = "table", .kind = PL_PARAM_CHOICE, .fallback = "holding", .choices = pl_map_table_words, .help = "which table"},
  };
  static const char *const keys[] = {"register", "length", "table"};
  struct pl_values values;
  enum pl_status status = pl_node_want(loader->conf, node, PL_NODE_MAP, "a reserved range", err);
  if (status == PL_OK) {
    status = pl_node_check_keys(loader->conf, node, "a reserved range", keys, COUNT(keys), err);
  }
  if (status == PL_OK) {
    status = pl_node_values(loader->conf, node, params, COUNT(params), &values, err);
  }
  if (status != PL_OK) {
    return status;
  }
  *span = (struct pl_map_span){
      .address = (uint16_t)values.items[0].number, .length = (uint32_t)values.items[1].number, .table = (enum pl_modbus_table)values.items[2].number,
      .line = node->line};
  free((void *)values.items);
  if (span->address + span->length > 65536) {
    return pl_node_fail(loader->conf, node, err, "a range that runs past register 0xFFFF, expected a smaller register or length");
  }
  return PL_OK;
}

static enum pl_status load_reserved(struct pl_map_loader *loader, const struct pl_node *node, struct pl_err *err)
{
  struct pl_map *map = loader->map;
  enum pl_status status = pl_node_want(loader->conf, node, PL_NODE_LIST, "reserved", err);
  if (status != PL_OK) {
    return status;
  }
  if (node->count > PL_MAP_ROWS_MAX) {
    return pl_node_fail(loader->conf, node, err, "%zu reserved ranges, expected at most %d", node->count, PL_MAP_ROWS_MAX);
  }
  map->reserved = calloc(node->count + 1, sizeof *map->reserved);
  if (map->reserved == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", pl_conf_name(loader->conf));
  }
  for (size_t i = 0; status == PL_OK && i < node->count; i++) {
    status = load_span(loader, &node->items[i], &map->reserved[map->n_reserved++], err);
  }
  return status;
}

/* --- the whole --- */

static enum pl_status load_head(struct pl_map_loader *loader, const struct pl_node *root, struct pl_err *err)
{
  static const struct pl_param params[] = {
      {.name = "map", .kind = PL_PARAM_TEXT, .required = true, .help = "the map's name"},
      {.name = "about", .kind = PL_PARAM_TEXT, .required = true, .help = "one line for people"},
      {.name = "vendor", .kind = PL_PARAM_TEXT, .help = "who makes it"},
      {.name = "role", .kind = PL_PARAM_TEXT, .help = "the role that such a device usually has"},
  };
  static const char *const keys[] = {"map", "about", "vendor", "role", "order", "probe", "identity", "rows", "faults", "reserved"};
  struct pl_values values;
  enum pl_status status = pl_node_want(loader->conf, root, PL_NODE_MAP, "a register map", err);
  if (status == PL_OK) {
    status = pl_node_check_keys(loader->conf, root, "a register map", keys, COUNT(keys), err);
  }
  if (status == PL_OK) {
    status = pl_node_values(loader->conf, root, params, COUNT(params), &values, err);
  }
  if (status != PL_OK) {
    return status;
  }
  struct pl_map *map = loader->map;
  map->name = values.items[0].text;
  map->about = values.items[1].text;
  map->vendor = values.items[2].text;
  map->role = values.items[3].text;
  free((void *)values.items);
  status = pl_map_check_name(loader, pl_node_get(root, "map"), map->name, '-', NAME_MAX_LENGTH, err);
  const struct pl_node *order = pl_node_get(root, "order");
  if (status == PL_OK && order != NULL) {
    status = pl_map_read_order(loader, order, 2, &loader->byte_swap, &loader->word_swap, err);
  }
  return status;
}

static enum pl_status load_sections(struct pl_map_loader *loader, const struct pl_node *root, struct pl_err *err)
{
  static const struct {
    const char *key;
    enum pl_status (*load)(struct pl_map_loader *loader, const struct pl_node *node, struct pl_err *err);
  } sections[] = {
      {"probe", load_probe}, {"identity", load_identity}, {"rows", pl_map_load_rows}, {"faults", pl_map_load_faults}, {"reserved", load_reserved},
  };
  enum pl_status status = load_head(loader, root, err);
  for (size_t i = 0; status == PL_OK && i < COUNT(sections); i++) {
    const struct pl_node *node = pl_node_get(root, sections[i].key);
    if (node != NULL) {
      status = sections[i].load(loader, node, err);
    }
  }
  if (status == PL_OK && loader->map->n_rows == 0) {
    status = pl_node_fail(loader->conf, root, err, "a register map without rows, expected at least one");
  }
  return status == PL_OK ? pl_map_check_overlaps(loader, err) : status;
}

/* Takes conf over. */
static enum pl_status build(struct pl_conf *conf, struct pl_map **map, struct pl_err *err)
{
  struct pl_map *made = calloc(1, sizeof *made);
  struct pl_port *ports = calloc(PL_MAP_PORTS_MAX, sizeof *ports);
  if (made == NULL || ports == NULL) {
    free(made);
    free(ports);
    pl_conf_free(conf);
    return pl_fail(err, PL_E_NOMEM, "register map: out of memory");
  }
  made->conf = conf;
  made->ports = ports;
  struct pl_map_loader loader = {.map = made, .conf = conf};
  enum pl_status status = load_sections(&loader, pl_conf_root(conf), err);
  if (status != PL_OK) {
    pl_map_free(made);
    return status;
  }
  *map = made;
  return PL_OK;
}

enum pl_status pl_map_parse(const char *name, const char *bytes, size_t size, struct pl_map **map, struct pl_err *err)
{
  struct pl_conf *conf;
  enum pl_status status = pl_conf_parse(name, bytes, size, &conf, err);
  return status == PL_OK ? build(conf, map, err) : status;
}

enum pl_status pl_map_load(const char *path, struct pl_map **map, struct pl_err *err)
{
  struct pl_conf *conf;
  enum pl_status status = pl_conf_load(path, &conf, err);
  return status == PL_OK ? build(conf, map, err) : status;
}

void pl_map_free(struct pl_map *map)
{
  if (map == NULL) {
    return;
  }
  free(map->rows);
  free(map->quantities);
  free(map->faults);
  free(map->reserved);
  free(map->ports);
  pl_conf_free(map->conf);
  free(map);
}

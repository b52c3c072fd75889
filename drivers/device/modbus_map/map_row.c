/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/modbus_map/map_load.h"

#include <errno.h>
#include <float.h>
#include <math.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const char *const type_words[] = {"u16", "s16", "u32", "s32", "float32", NULL};
static const char *const access_words[] = {"r", "rw", "w", "act", NULL}; /* in the order of pl_map_access */

/* Keys with one meaning each; the rest (order, scale, min, ...) depend on other keys and are read by hand. */
enum plain { QUANTITY, REGISTER, TABLE, TYPE, ACCESS, BIT, VALUE, ENERGISES, VERIFY, UNIT, PORT, SOURCE, HELP, N_PLAIN };
static const struct pl_param plain[N_PLAIN] = {
    [QUANTITY] = {.name = "quantity", .kind = PL_PARAM_TEXT, .required = true, .help = "its name, such as flow"},
    [REGISTER] = {.name = "register", .kind = PL_PARAM_INT, .required = true, .min = 0, .max = 65535, .help = "a protocol address, such as 0x9000"},
    [TABLE] = {.name = "table", .kind = PL_PARAM_CHOICE, .fallback = "holding", .choices = pl_map_table_words, .help = "which table"},
    [TYPE] = {.name = "type", .kind = PL_PARAM_CHOICE, .choices = type_words, .help = "the form of the raw value"},
    [ACCESS] = {.name = "access", .kind = PL_PARAM_CHOICE, .fallback = "r", .choices = access_words, .help = "what may be done"},
    [BIT] = {.name = "bit", .kind = PL_PARAM_INT, .min = 0, .max = 15, .help = "which bit, from the lowest"},
    [VALUE] = {.name = "value", .kind = PL_PARAM_INT, .min = 0, .max = 65535, .help = "what the verb writes"},
    [ENERGISES] = {.name = "energises", .kind = PL_PARAM_FLAG, .help = "what it switches on needs a safe value in the rig file"},
    [VERIFY] = {.name = "verify", .kind = PL_PARAM_FLAG, .help = "whether a write is read back"},
    [UNIT] = {.name = "unit", .kind = PL_PARAM_TEXT, .required = true, .help = "a unit such as L/min, or flag, or number"},
    [PORT] = {.name = "port", .kind = PL_PARAM_TEXT, .help = "the world's port"},
    [SOURCE] = {.name = "source", .kind = PL_PARAM_TEXT, .help = "the register's name in the source"},
    [HELP] = {.name = "help", .kind = PL_PARAM_TEXT, .help = "what a person should know"},
};
static const char *const keys[] = {"quantity", "register", "table", "type",    "access", "bit",  "value",   "verify", "energises", "unit", "port",
                                   "source",   "help",     "order", "scale",   "offset", "min",  "max",     "initial", "invalid", "range"};

static enum pl_status read_plain(const struct pl_map_loader *loader, const struct pl_node *node, struct pl_map_row *row, struct pl_value items[N_PLAIN],
                                 struct pl_err *err)
{
  struct pl_values values;
  enum pl_status status = pl_node_want(loader->conf, node, PL_NODE_MAP, "a row", err);
  if (status == PL_OK) {
    status = pl_node_check_keys(loader->conf, node, "a row", keys, COUNT(keys), err);
  }
  if (status == PL_OK) {
    status = pl_node_values(loader->conf, node, plain, N_PLAIN, &values, err);
  }
  if (status != PL_OK) {
    return status;
  }
  memcpy(items, values.items, sizeof *items * N_PLAIN);
  free((void *)values.items);
  *row = (struct pl_map_row){
      .quantity = items[QUANTITY].text,
      .help = items[HELP].given ? items[HELP].text : "",
      .source = items[SOURCE].text,
      .table = (enum pl_modbus_table)items[TABLE].number,
      .address = (uint16_t)items[REGISTER].number,
      .type = items[TYPE].given ? (enum pl_map_type)items[TYPE].number : PL_MAP_U16,
      .access = (enum pl_map_access)items[ACCESS].number,
      .bit = items[BIT].given ? (int)items[BIT].number : -1,
      .value = (uint16_t)items[VALUE].number,
      .byte_swap = loader->byte_swap,
      .word_swap = loader->word_swap,
      .scale = 1.0,
      .port = -1,
      .line = node->line,
  };
  row->energises = row->access != PL_MAP_READ && items[ENERGISES].given && items[ENERGISES].number != 0;
  row->verify = row->access == PL_MAP_READ_WRITE && (!items[VERIFY].given || items[VERIFY].number != 0);
  return pl_map_check_name(loader, node, row->quantity, '-', PL_FAULT_NAME_MAX - 1, err);
}

/* "0.1", "-40", "1/1024"; all of text, and finite. */
static bool read_number(const char *text, double *number)
{
  char *end;
  errno = 0;
  double top = strtod(text, &end), bottom = 1.0;
  if (end == text) {
    return false;
  }
  if (*end == '/') {
    const char *rest = end + 1;
    bottom = strtod(rest, &end);
    if (end == rest) {
      return false;
    }
  }
  *number = top / bottom;
  return errno == 0 && *end == '\0' && isfinite(*number);
}

static enum pl_status read_factor(const struct pl_map_loader *loader, const struct pl_node *node, const char *key, double *number, struct pl_err *err)
{
  const struct pl_node *item = pl_node_get(node, key);
  if (item == NULL) {
    return PL_OK;
  }
  if (item->kind != PL_NODE_SCALAR || !read_number(item->text, number)) {
    return pl_node_fail(loader->conf, item, err, "%s: '%.40s' is not a number, expected one such as 0.1 or 1/1024", key,
                        item->kind == PL_NODE_SCALAR ? item->text : "a list or map");
  }
  return PL_OK;
}

static enum pl_status read_scale(const struct pl_map_loader *loader, const struct pl_node *node, struct pl_map_row *row, struct pl_err *err)
{
  enum pl_status status = read_factor(loader, node, "scale", &row->scale, err);
  if (status == PL_OK) {
    status = read_factor(loader, node, "offset", &row->offset, err);
  }
  /* A normal number far from the ends, so that neither value * scale nor value / scale can overflow. */
  if (status == PL_OK && !(fabs(row->scale) >= 1e-12 && fabs(row->scale) <= 1e12)) {
    return pl_node_fail(loader->conf, pl_node_get(node, "scale"), err, "scale: %g, expected a factor from 1e-12 to 1e12", row->scale);
  }
  if (status == PL_OK && fabs(row->offset) > 1e12) {
    return pl_node_fail(loader->conf, pl_node_get(node, "offset"), err, "offset: %g, expected at most 1e12", row->offset);
  }
  return status;
}

static enum pl_status read_unit(const struct pl_map_loader *loader, const struct pl_node *node, const char *name, struct pl_map_row *row,
                                struct pl_err *err)
{
  row->unit = *name != '\0' ? pl_unit_find(name) : NULL;
  if (row->unit != NULL) {
    return PL_OK;
  }
  size_t count, n = 0;
  const struct pl_unit *units = pl_units(&count);
  const char *names[128];
  for (size_t i = 0; i < count && n < COUNT(names); i++) {
    names[n++] = *units[i].name != '\0' ? units[i].name : units[i].plural;
  }
  const char *closest = pl_closest(name, names, n);
  const struct pl_node *item = pl_node_get(node, "unit");
  if (closest != NULL) {
    return pl_node_fail(loader->conf, item, err, "unit: '%.40s' is not known, did you mean '%s'?", name, closest);
  }
  return pl_node_fail(loader->conf, item, err, "unit: '%.40s' is not known, expected one such as V, degC, kPa, L/min, rpm, %%, flag or number", name);
}

static enum pl_status read_type(const struct pl_map_loader *loader, const struct pl_node *node, bool type_given, struct pl_map_row *row,
                                struct pl_err *err)
{
  const struct pl_node *order = pl_node_get(node, "order");
  if (pl_map_table_is_bits(row->table)) {
    if (type_given || order != NULL || row->bit >= 0 || pl_node_get(node, "scale") != NULL || pl_node_get(node, "offset") != NULL) {
      return pl_node_fail(loader->conf, node, err, "a %s is one bit, expected no type, order, bit, scale or offset", pl_map_table_words[row->table]);
    }
    row->type = PL_MAP_BIT;
    row->byte_swap = row->word_swap = false;
  } else if (order != NULL) {
    enum pl_status status = pl_map_read_order(loader, order, pl_map_type_words(row->type), &row->byte_swap, &row->word_swap, err);
    if (status != PL_OK) {
      return status;
    }
  }
  bool flag = row->unit->dim == PL_DIM_FLAG;
  if (!flag && (row->type == PL_MAP_BIT || row->bit >= 0)) {
    return pl_node_fail(loader->conf, node, err, "one bit in the unit %s, expected the unit flag", row->unit->plural);
  }
  if (flag && row->type != PL_MAP_BIT && row->type != PL_MAP_U16) {
    return pl_node_fail(loader->conf, node, err, "a flag of the type %s, expected u16", type_words[row->type]);
  }
  if (row->bit >= 0 && (pl_node_get(node, "scale") != NULL || pl_node_get(node, "offset") != NULL || pl_node_get(node, "range") != NULL)) {
    return pl_node_fail(loader->conf, node, err, "one bit has no scale, offset or range, expected none of these keys");
  }
  if ((uint32_t)row->address + pl_map_type_words(row->type) > 65536) {
    return pl_node_fail(loader->conf, node, err, "a value that runs past register 0xFFFF, expected a smaller register");
  }
  return PL_OK;
}

static void type_range(enum pl_map_type type, double *low, double *high)
{
  static const double ranges[][2] = {
      [PL_MAP_U16] = {0, UINT16_MAX},           [PL_MAP_S16] = {INT16_MIN, INT16_MAX},       [PL_MAP_U32] = {0, UINT32_MAX},
      [PL_MAP_S32] = {INT32_MIN, INT32_MAX},    [PL_MAP_FLOAT32] = {-(double)FLT_MAX, (double)FLT_MAX}, [PL_MAP_BIT] = {0, 1},
  };
  *low = ranges[type][0];
  *high = ranges[type][1];
}

static enum pl_status read_range(const struct pl_map_loader *loader, const struct pl_node *node, struct pl_map_row *row, struct pl_err *err)
{
  type_range(row->type, &row->raw_min, &row->raw_max);
  if (row->unit->dim == PL_DIM_FLAG && row->bit < 0) {
    row->raw_max = 1; /* a whole register as a flag: what is neither 0 nor 1 is no flag */
  }
  const struct pl_node *range = pl_node_get(node, "range");
  if (range == NULL) {
    return PL_OK;
  }
  double ends[2];
  if (range->kind != PL_NODE_LIST || range->count != 2 || range->items[0].kind != PL_NODE_SCALAR || range->items[1].kind != PL_NODE_SCALAR ||
      !read_number(range->items[0].text, &ends[0]) || !read_number(range->items[1].text, &ends[1]) || ends[0] > ends[1]) {
    return pl_node_fail(loader->conf, range, err, "range: expected two raw numbers, the lower first, such as [0, 6000]");
  }
  if (ends[0] < row->raw_min || ends[1] > row->raw_max) {
    return pl_node_fail(loader->conf, range, err, "range: %g to %g does not fit the type, expected raw numbers from %g to %g", ends[0], ends[1],
                        row->raw_min, row->raw_max);
  }
  row->raw_min = ends[0];
  row->raw_max = ends[1];
  return PL_OK;
}

/* 0x8000 means -32768 to a row of the type s16. */
static enum pl_status read_invalid_value(const struct pl_map_loader *loader, const struct pl_node *item, const struct pl_map_row *row, int64_t *raw,
                                         struct pl_err *err)
{
  double low, high;
  type_range(row->type, &low, &high);
  const struct pl_param param = {.name = "invalid", .kind = PL_PARAM_INT, .min = -4294967295LL, .max = 4294967295LL};
  struct pl_value value;
  enum pl_status status = pl_node_want(loader->conf, item, PL_NODE_SCALAR, "an invalid raw value", err);
  if (status != PL_OK) {
    return status;
  }
  if (pl_value_parse(&param, item->text, &value, err) != PL_OK) {
    return pl_node_fail(loader->conf, item, err, "invalid: '%.40s' is not a raw value, expected one such as 0xFFFF", item->text);
  }
  *raw = value.number;
  if (row->type == PL_MAP_S16 && *raw > INT16_MAX) {
    *raw -= 1LL << 16;
  } else if (row->type == PL_MAP_S32 && *raw > INT32_MAX) {
    *raw -= 1LL << 32;
  }
  if ((double)*raw < low || (double)*raw > high) {
    return pl_node_fail(loader->conf, item, err, "invalid: '%.40s' does not fit the type, expected a raw value of the row's type", item->text);
  }
  return PL_OK;
}

static enum pl_status read_invalid(const struct pl_map_loader *loader, const struct pl_node *node, struct pl_map_row *row, struct pl_err *err)
{
  const struct pl_node *invalid = pl_node_get(node, "invalid");
  if (invalid == NULL) {
    return PL_OK;
  }
  enum pl_status status = pl_node_want(loader->conf, invalid, PL_NODE_LIST, "invalid", err);
  if (status == PL_OK && invalid->count > PL_MAP_INVALID_MAX) {
    return pl_node_fail(loader->conf, invalid, err, "invalid: %zu raw values, expected at most %d", invalid->count, PL_MAP_INVALID_MAX);
  }
  for (size_t i = 0; status == PL_OK && i < invalid->count; i++) {
    status = read_invalid_value(loader, &invalid->items[i], row, &row->invalid[row->n_invalid++], err);
  }
  return status;
}

static enum pl_status read_value(const struct pl_map_loader *loader, const struct pl_node *item, const struct pl_map_row *row, int64_t *value_u,
                                 struct pl_err *err)
{
  enum pl_status status = pl_node_want(loader->conf, item, PL_NODE_SCALAR, item->key, err);
  if (status != PL_OK) {
    return status;
  }
  struct pl_err cause = {0};
  uint16_t words[2] = {0};
  status = pl_quantity_parse(item->text, row->unit->dim, NULL, value_u, &cause);
  if (status == PL_OK) {
    status = pl_map_encode(row, *value_u, words, &cause);
  }
  return status == PL_OK ? PL_OK : pl_node_fail(loader->conf, item, err, "%s: %s", item->key, cause.text);
}

static enum pl_status read_limits(const struct pl_map_loader *loader, const struct pl_node *node, struct pl_map_row *row, struct pl_err *err)
{
  const struct pl_node *min = pl_node_get(node, "min"), *max = pl_node_get(node, "max"), *initial = pl_node_get(node, "initial");
  bool flag = row->unit->dim == PL_DIM_FLAG, sets = row->access == PL_MAP_READ_WRITE || row->access == PL_MAP_WRITE;
  if ((min != NULL || max != NULL) && (!sets || flag)) {
    return pl_node_fail(loader->conf, min != NULL ? min : max, err,
                        "limits of what cannot be set to a number, expected min and max on rows with access rw or w");
  }
  if ((min == NULL) != (max == NULL)) {
    return pl_node_fail(loader->conf, node, err, "one limit without the other, expected both min and max");
  }
  enum pl_status status = PL_OK;
  if (min != NULL) {
    row->has_limits = true;
    status = read_value(loader, min, row, &row->min_u, err);
    if (status == PL_OK) {
      status = read_value(loader, max, row, &row->max_u, err);
    }
    if (status == PL_OK && row->min_u >= row->max_u) {
      return pl_node_fail(loader->conf, min, err, "min is not below max, expected the lower one first");
    }
  } else if (flag && sets) {
    row->has_limits = true;
    row->max_u = PL_U;
  }
  return status == PL_OK && initial != NULL ? read_value(loader, initial, row, &row->initial_u, err) : status;
}

static enum pl_status check_access(const struct pl_map_loader *loader, const struct pl_node *node, const struct pl_value items[N_PLAIN],
                                   const struct pl_map_row *row,
                                   struct pl_err *err)
{
  if (row->access != PL_MAP_READ && (row->table == PL_TABLE_DISCRETE || row->table == PL_TABLE_INPUT)) {
    return pl_node_fail(loader->conf, node, err, "access %s in the table %s, which can only be read; expected r", access_words[row->access],
                        pl_map_table_words[row->table]);
  }
  if (items[VERIFY].given && row->access != PL_MAP_READ_WRITE) {
    return pl_node_fail(loader->conf, node, err, "verify with access %s, expected it with rw only", access_words[row->access]);
  }
  bool act = row->access == PL_MAP_ACT;
  if (items[VALUE].given != (act && row->bit < 0)) {
    return pl_node_fail(loader->conf, node, err, "%s",
                        act ? "a verb, expected either bit or value" : "a value to write, expected it with access act only");
  }
  if (act && (row->unit->dim != PL_DIM_FLAG || row->port >= 0 || pl_node_get(node, "initial") != NULL || (row->type == PL_MAP_BIT && row->value > 1))) {
    return pl_node_fail(loader->conf, node, err, "a verb (access act), expected the unit flag, no port, no initial, and a value that its table takes");
  }
  return PL_OK;
}

/* Feeds or commands a port of the world. What the bus can write is commanded, by one row only. */
static enum pl_status read_port(struct pl_map_loader *loader, const struct pl_node *node, struct pl_map_row *row, const char *name, struct pl_err *err)
{
  struct pl_map *map = loader->map;
  const struct pl_node *item = pl_node_get(node, "port");
  enum pl_status status = pl_map_port(loader, item, name, row->unit->dim, &row->port, err);
  if (status != PL_OK || row->access == PL_MAP_READ) {
    return status;
  }
  if (map->ports[row->port].out) {
    return pl_node_fail(loader->conf, item, err, "port '%s' is commanded by a row above already, expected one", name);
  }
  map->ports[row->port].out = true;
  map->ports[row->port].initial = pl_node_get(node, "initial") ? pl_map_world(row->unit->dim, row->initial_u) : NAN;
  return PL_OK;
}

static enum pl_status load_row(struct pl_map_loader *loader, const struct pl_node *node, struct pl_map_row *row, struct pl_err *err)
{
  struct pl_value items[N_PLAIN];
  enum pl_status status = read_plain(loader, node, row, items, err);
  if (status == PL_OK) {
    status = read_unit(loader, node, items[UNIT].text, row, err);
  }
  if (status == PL_OK) {
    status = read_type(loader, node, items[TYPE].given, row, err);
  }
  if (status == PL_OK) {
    status = read_scale(loader, node, row, err);
  }
  if (status == PL_OK) {
    status = read_range(loader, node, row, err);
  }
  if (status == PL_OK) {
    status = read_invalid(loader, node, row, err);
  }
  if (status == PL_OK) {
    status = read_limits(loader, node, row, err);
  }
  if (status == PL_OK && items[PORT].given) {
    status = read_port(loader, node, row, items[PORT].text, err);
  }
  return status == PL_OK ? check_access(loader, node, items, row, err) : status;
}

static void make_quantity(const struct pl_map_row *row, int id, struct pl_quantity *quantity)
{
  static const unsigned access[] = {[PL_MAP_READ] = PL_GET, [PL_MAP_READ_WRITE] = PL_GET | PL_SET, [PL_MAP_WRITE] = PL_SET, [PL_MAP_ACT] = PL_ACT};
  *quantity = (struct pl_quantity){
      .name = row->quantity, .dim = row->unit->dim, .access = access[row->access] | (row->energises ? PL_ENERGISES : 0), .help = row->help, .id = id, .min_u = row->min_u,
      .max_u = row->max_u};
}

enum pl_status pl_map_load_rows(struct pl_map_loader *loader, const struct pl_node *node, struct pl_err *err)
{
  struct pl_map *map = loader->map;
  enum pl_status status = pl_node_want(loader->conf, node, PL_NODE_LIST, "rows", err);
  if (status != PL_OK) {
    return status;
  }
  if (node->count > PL_MAP_ROWS_MAX) {
    return pl_node_fail(loader->conf, node, err, "%zu rows, expected at most %d", node->count, PL_MAP_ROWS_MAX);
  }
  map->rows = calloc(node->count + 1, sizeof *map->rows);
  map->quantities = calloc(node->count + 1, sizeof *map->quantities);
  if (map->rows == NULL || map->quantities == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", pl_conf_name(loader->conf));
  }
  for (size_t i = 0; i < node->count; i++) {
    status = load_row(loader, &node->items[i], &map->rows[i], err);
    if (status != PL_OK) {
      return status;
    }
    for (size_t k = 0; k < i; k++) {
      if (strcmp(map->rows[k].quantity, map->rows[i].quantity) == 0) {
        return pl_node_fail(loader->conf, &node->items[i], err, "the quantity '%s' is in line %d already, expected each once", map->rows[i].quantity,
                            map->rows[k].line);
      }
    }
    make_quantity(&map->rows[i], (int)i, &map->quantities[i]);
    map->n_rows++;
  }
  return PL_OK;
}

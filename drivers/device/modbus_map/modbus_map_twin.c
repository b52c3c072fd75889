/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/modbus_map/modbus_map.h"

#include "drivers/bus/modbus.h"
#include "drivers/device/modbus_map/map_load.h"

#include <math.h>

/*
 * The twin of any mapped device. Registers are made from the world's ports when they are read; what the bus can write goes to the world's
 * ports, or is kept here when the map gives none. Strict, so that a driver's mistakes show: MODBUS Application Protocol V1.1b3 section 7:
 * 01 for a table that the device does not have, 02 for an address that no row defines or that cannot be written, 03 for a value that the row does
 * not take, 04 for a sensor without a number.
 */
enum exception { NO_EXCEPTION = 0, ILLEGAL_FUNCTION = 1, ILLEGAL_ADDRESS = 2, ILLEGAL_VALUE = 3, DEVICE_FAILURE = 4 };

enum cell_kind { CELL_ROW, CELL_FAULT, CELL_STRING, CELL_PROBE };

struct cell { /* one register of one row, fault or text; bits may share a register */
  enum pl_modbus_table table;
  uint16_t address;
  enum cell_kind kind;
  size_t index;
  size_t word; /* which register of it */
};

struct twin {
  struct pl_twin_io *io;
  const struct pl_map *map; /* the shape's */
  const char *serial;
  struct cell *cells; /* sorted */
  size_t n_cells;
  int64_t *kept_u;    /* one a row: rows without a port */
};

static const struct pl_port *twin_ports_of(const struct pl_shape *shape, size_t *count)
{
  const struct pl_map *map = shape->owned;
  *count = map->n_ports;
  return map->ports;
}

/* --- cells --- */

static int compare_cells(const void *a, const void *b)
{
  const struct cell *one = a, *two = b;
  if (one->table != two->table) {
    return one->table < two->table ? -1 : 1;
  }
  if (one->address != two->address) {
    return (int)one->address - (int)two->address;
  }
  if (one->kind != two->kind) {
    return one->kind < two->kind ? -1 : 1;
  }
  return one->index < two->index ? -1 : one->index > two->index;
}

static void add_cells(struct twin *twin, enum pl_modbus_table table, uint16_t address, size_t words, enum cell_kind kind, size_t index)
{
  for (size_t i = 0; i < words; i++) {
    twin->cells[twin->n_cells++] = (struct cell){table, (uint16_t)(address + i), kind, index, i};
  }
}

/* The first cell at the address, or NULL; *count receives how many there are. */
static const struct cell *find_cells(const struct twin *twin, enum pl_modbus_table table, uint16_t address, size_t *count)
{
  size_t low = 0, high = twin->n_cells;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const struct cell *cell = &twin->cells[middle];
    bool before = cell->table != table ? cell->table < table : cell->address < address;
    low = before ? middle + 1 : low;
    high = before ? high : middle;
  }
  *count = 0;
  while (low + *count < twin->n_cells && twin->cells[low + *count].table == table && twin->cells[low + *count].address == address) {
    ++*count;
  }
  return *count > 0 ? &twin->cells[low] : NULL;
}

static void make_cells(struct twin *twin)
{
  const struct pl_map *map = twin->map;
  for (size_t i = 0; i < map->n_rows; i++) {
    add_cells(twin, map->rows[i].table, map->rows[i].address, pl_map_type_words(map->rows[i].type), CELL_ROW, i);
  }
  for (size_t i = 0; i < map->n_faults; i++) {
    add_cells(twin, map->faults[i].table, map->faults[i].address, 1, CELL_FAULT, i);
  }
  for (size_t i = 0; i < PL_MAP_STRINGS; i++) {
    add_cells(twin, map->strings[i].table, map->strings[i].address, map->strings[i].length, CELL_STRING, i);
  }
  qsort(twin->cells, twin->n_cells, sizeof *twin->cells, compare_cells);
  size_t count;
  if (map->has_probe && find_cells(twin, map->probe_table, map->probe_address, &count) == NULL) {
    add_cells(twin, map->probe_table, map->probe_address, 1, CELL_PROBE, 0);
    qsort(twin->cells, twin->n_cells, sizeof *twin->cells, compare_cells);
  }
}

static bool is_reserved(const struct pl_map *map, enum pl_modbus_table table, uint16_t address)
{
  for (size_t i = 0; i < map->n_reserved; i++) {
    if (map->reserved[i].table == table && address >= map->reserved[i].address &&
        (uint32_t)(address - map->reserved[i].address) < map->reserved[i].length) {
      return true;
    }
  }
  return false;
}

static bool has_table(const struct twin *twin, enum pl_modbus_table table)
{
  for (size_t i = 0; i < twin->n_cells; i++) {
    if (twin->cells[i].table == table) {
      return true;
    }
  }
  for (size_t i = 0; i < twin->map->n_reserved; i++) {
    if (twin->map->reserved[i].table == table) {
      return true;
    }
  }
  return false;
}

/* --- life --- */

static void twin_destroy(void *self)
{
  struct twin *twin = self;
  free(twin->cells);
  free(twin->kept_u);
  free(twin);
}

static enum pl_status twin_create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  struct twin *twin = calloc(1, sizeof *twin);
  if (twin == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  }
  twin->io = args->io;
  twin->serial = args->serial;
  const struct pl_map *map = twin->map = args->shape->owned;
  twin->cells = calloc(map->n_rows * 2 + map->n_faults + (size_t)PL_MAP_STRINGS * PL_MAP_STRING_REGISTERS_MAX + 1, sizeof *twin->cells);
  twin->kept_u = calloc(map->n_rows, sizeof *twin->kept_u);
  if (twin->cells == NULL || twin->kept_u == NULL) {
    twin_destroy(twin);
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  }
  for (size_t i = 0; i < map->n_rows; i++) {
    twin->kept_u[i] = map->rows[i].initial_u;
  }
  make_cells(twin);
  *self = twin;
  return PL_OK;
}

/* --- reading --- */

static double port_value(const struct twin *twin, size_t port)
{
  return twin->map->ports[port].out ? pl_twin_out_value(twin->io, port) : pl_twin_in(twin->io, port);
}

static int encode_row(const struct twin *twin, size_t index, uint16_t words[2])
{
  const struct pl_map_row *row = &twin->map->rows[index];
  int64_t value_u = twin->kept_u[index];
  if (row->port >= 0) {
    double value = port_value(twin, (size_t)row->port);
    if (isnan(value) && row->n_invalid > 0) {
      pl_map_words(row, row->invalid[0], words);
      return NO_EXCEPTION;
    }
    if (isnan(value)) {
      return DEVICE_FAILURE;
    }
    bool flag = row->unit->dim == PL_DIM_FLAG;
    value_u = flag ? (value > 0.5 ? PL_U : 0) : pl_map_from_world(row->unit->dim, value);
  }
  pl_map_encode_saturated(row, value_u, words);
  return NO_EXCEPTION;
}

static bool fault_is_set(const struct twin *twin, const struct pl_map_fault *fault)
{
  if (fault->unless >= 0 && port_value(twin, (size_t)fault->unless) > 0.5) {
    return false;
  }
  for (size_t i = 0; i < fault->n_when; i++) {
    const struct pl_map_condition *when = &fault->when[i];
    double value = port_value(twin, when->port);
    if (when->above ? value > when->threshold : value < when->threshold) {
      return true;
    }
  }
  return false;
}

static uint16_t string_word(const struct twin *twin, size_t index, size_t word)
{
  const struct pl_map_string *string = &twin->map->strings[index];
  const char *text = string->text != NULL ? string->text : index == PL_MAP_SERIAL && twin->serial != NULL ? twin->serial : "";
  size_t length = strlen(text);
  unsigned first = word * 2 < length ? (unsigned char)text[word * 2] : 0U, second = word * 2 + 1 < length ? (unsigned char)text[word * 2 + 1] : 0U;
  unsigned value = string->byte_swap ? second << 8 | first : first << 8 | second;
  return (uint16_t)value;
}

/* The row of a value whose first register has just been read: both come from one conversion. */
struct converted {
  bool any;
  size_t index;
  uint16_t words[2];
};

/* Adds what one cell knows of the register to *value. */
static int read_cell(const struct twin *twin, const struct cell *cell, struct converted *last, uint16_t *value)
{
  int exception;
  switch (cell->kind) {
  case CELL_ROW:
    if (twin->map->rows[cell->index].access == PL_MAP_WRITE) {
      return ILLEGAL_ADDRESS;
    }
    if (twin->map->rows[cell->index].access == PL_MAP_ACT) {
      return NO_EXCEPTION; /* a verb's bit clears itself */
    }
    exception = last->any && last->index == cell->index ? NO_EXCEPTION : encode_row(twin, cell->index, last->words);
    last->any = exception == NO_EXCEPTION;
    last->index = cell->index;
    *value |= last->words[cell->word];
    return exception;
  case CELL_FAULT:
    *value |= (uint16_t)(fault_is_set(twin, &twin->map->faults[cell->index]) ? 1U << twin->map->faults[cell->index].bit : 0U);
    return NO_EXCEPTION;
  case CELL_STRING:
    *value |= string_word(twin, cell->index, cell->word);
    return NO_EXCEPTION;
  case CELL_PROBE:
    *value |= twin->map->probe_equals;
    return NO_EXCEPTION;
  }
  return DEVICE_FAILURE;
}

static int twin_read(void *self, enum pl_modbus_table table, uint16_t address, size_t count, uint16_t *values)
{
  const struct twin *twin = self;
  struct converted last = {0};
  if (!has_table(twin, table)) {
    return ILLEGAL_FUNCTION;
  }
  for (size_t i = 0; i < count; i++) {
    size_t n;
    const struct cell *cells = (size_t)address + i <= 0xFFFF ? find_cells(twin, table, (uint16_t)(address + i), &n) : NULL;
    if (cells == NULL && ((size_t)address + i > 0xFFFF || !is_reserved(twin->map, table, (uint16_t)(address + i)))) {
      return ILLEGAL_ADDRESS;
    }
    values[i] = 0;
    for (size_t k = 0; cells != NULL && k < n; k++) {
      int exception = read_cell(twin, &cells[k], &last, &values[i]);
      if (exception != NO_EXCEPTION) {
        return exception;
      }
    }
  }
  return NO_EXCEPTION;
}

/* --- writing --- */

static void apply(struct twin *twin, size_t index, int64_t value_u)
{
  const struct pl_map_row *row = &twin->map->rows[index];
  if (row->access == PL_MAP_ACT) {
    return; /* a verb has nothing to act on here beyond being taken */
  }
  if (row->port >= 0) {
    pl_twin_out(twin->io, (size_t)row->port, pl_map_world(row->unit->dim, value_u));
  } else {
    twin->kept_u[index] = value_u;
  }
}

/* A whole value. words: from the first register of the row on. */
static int write_value(struct twin *twin, size_t index, const uint16_t *words, bool commit)
{
  const struct pl_map_row *row = &twin->map->rows[index];
  if (row->access == PL_MAP_READ) {
    return ILLEGAL_ADDRESS;
  }
  uint16_t value[2];
  pl_map_words(row, row->value, value);
  if (row->access == PL_MAP_ACT) {
    return value[0] == words[0] ? NO_EXCEPTION : ILLEGAL_VALUE;
  }
  int64_t value_u;
  if (pl_map_decode(row, words, &value_u, NULL) != PL_OK || (row->has_limits && (value_u < row->min_u || value_u > row->max_u))) {
    return ILLEGAL_VALUE;
  }
  if (commit) {
    apply(twin, index, value_u);
  }
  return NO_EXCEPTION;
}

/* A register of bits: each bit goes its own way; what no row may write has to stay as it is. */
static int write_bits(struct twin *twin, const struct cell *cells, size_t n, uint16_t word, bool commit)
{
  uint16_t taken = 0, before = 0;
  struct converted last = {0};
  for (size_t i = 0; i < n; i++) {
    const struct pl_map_row *row = cells[i].kind == CELL_ROW ? &twin->map->rows[cells[i].index] : NULL;
    int64_t value_u = 0;
    int exception = read_cell(twin, &cells[i], &last, &before);
    if (exception != NO_EXCEPTION && exception != ILLEGAL_ADDRESS) {
      return exception;
    }
    if (row == NULL || row->access == PL_MAP_READ) {
      continue;
    }
    uint16_t mask[1];
    pl_map_bit_mask(row, mask);
    taken |= mask[0];
    pl_map_decode(row, &word, &value_u, NULL); /* a bit always decodes */
    if (commit) {
      apply(twin, cells[i].index, value_u);
    }
  }
  if (commit) {
    return NO_EXCEPTION; /* judged before */
  }
  if (taken == 0) {
    return ILLEGAL_ADDRESS;
  }
  return ((word ^ before) & ~taken) != 0 ? ILLEGAL_VALUE : NO_EXCEPTION;
}

/* One pass over what was written: with commit false it only judges, so that a refused write changes nothing. */
static int write_pass(struct twin *twin, enum pl_modbus_table table, uint16_t address, size_t count, const uint16_t *values, bool commit)
{
  for (size_t i = 0; i < count;) {
    size_t n;
    const struct cell *cells = (size_t)address + i <= 0xFFFF ? find_cells(twin, table, (uint16_t)(address + i), &n) : NULL;
    if (cells == NULL || cells->kind == CELL_STRING || cells->kind == CELL_PROBE) {
      return ILLEGAL_ADDRESS;
    }
    const struct pl_map_row *row = cells->kind == CELL_ROW ? &twin->map->rows[cells->index] : NULL;
    size_t words = row != NULL ? pl_map_type_words(row->type) : 1;
    int exception;
    if (row == NULL || row->bit >= 0) {
      exception = write_bits(twin, cells, n, values[i], commit);
    } else if (cells->word != 0 || i + words > count) {
      exception = ILLEGAL_ADDRESS; /* half a value */
    } else {
      exception = write_value(twin, cells->index, &values[i], commit);
    }
    if (exception != NO_EXCEPTION) {
      return exception;
    }
    i += words;
  }
  return NO_EXCEPTION;
}

static int twin_write(void *self, enum pl_modbus_table table, uint16_t address, size_t count, const uint16_t *values)
{
  struct twin *twin = self;
  if (!has_table(twin, table)) {
    return ILLEGAL_FUNCTION;
  }
  int exception = write_pass(twin, table, address, count, values, false);
  return exception == NO_EXCEPTION ? write_pass(twin, table, address, count, values, true) : exception;
}

const struct pl_twin_desc pl_twin_modbus_map = {
    .driver = "modbus-map",
    .ports_of = twin_ports_of,
    .create = twin_create,
    .destroy = twin_destroy,
    .modbus_read = twin_read,
    .modbus_write = twin_write,
};

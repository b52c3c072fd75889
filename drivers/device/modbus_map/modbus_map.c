/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/modbus_map/modbus_map.h"

#include "drivers/bus/modbus.h"
#include "drivers/device/modbus_map/map.h"

static const char *const PARITY_WORDS[] = {"none", "even", "odd", NULL};
static const char *const STOP_WORDS[] = {"1", "2", NULL};

static const struct pl_param params[] = {
    {.name = "map", .kind = PL_PARAM_TEXT, .required = true,
     .help = "the register map: a name from drivers/maps (orv3-rpu, load-bank), or a path with a slash"},
    {.name = "unit", .kind = PL_PARAM_INT, .required = true, .address = true, .min = 1, .max = 255, .help = "the Modbus unit id"},
    {.name = "baud", .kind = PL_PARAM_INT, .min = 1200, .max = 921600, .help = "of this unit, where its line's own differs"},
    {.name = "parity", .kind = PL_PARAM_CHOICE, .choices = PARITY_WORDS, .help = "of this unit, where its line's own differs"},
    {.name = "stop-bits", .kind = PL_PARAM_CHOICE, .choices = STOP_WORDS, .help = "of this unit, where its line's own differs"},
};

struct modbus_map {
  struct pl_bus *bus;
  const struct pl_map *map; /* the shape's */
  uint8_t unit;
};

static void modbus_map_shape_free(struct pl_shape *shape)
{
  pl_map_free(shape->owned);
  *shape = (struct pl_shape){0};
}

static enum pl_status modbus_map_shape(const struct pl_values *values, struct pl_shape *shape, struct pl_err *err)
{
  struct pl_map *map;
  enum pl_status status = pl_map_open(values, &map, err);
  if (status == PL_OK) {
    *shape = (struct pl_shape){.quantities = map->quantities, .count = map->n_rows, .owned = map};
  }
  return status;
}

/* Units of different make on one line: each is spoken to as it was set up. */
static enum pl_status set_line(const struct pl_device_args *args, uint8_t unit, struct pl_err *err)
{
  const struct pl_value *baud = pl_value(args->values, "baud"), *parity = pl_value(args->values, "parity"), *stop = pl_value(args->values, "stop-bits");
  if (!baud->given && !parity->given && !stop->given)
    return PL_OK;
  const struct pl_modbus_line line = {
      .baud = baud->given ? (int)baud->number : 0,
      .parity = parity->given ? "NEO"[parity->number] : '\0',
      .stop_bits = stop->given ? (int)stop->number + 1 : 0,
  };
  return pl_modbus_set_line(args->bus, unit, &line, err);
}

static enum pl_status modbus_map_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct modbus_map *device = calloc(1, sizeof *device);
  if (device == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->name);
  }
  *device = (struct modbus_map){.bus = args->bus, .map = args->shape->owned, .unit = (uint8_t)pl_value(args->values, "unit")->number};
  enum pl_status status = set_line(args, device->unit, err);
  if (status) {
    free(device);
    return status;
  }
  *self = device;
  return PL_OK;
}

/* --- transfers --- */

static enum pl_status read_words(const struct modbus_map *device, enum pl_modbus_table table, uint16_t address, size_t count, uint16_t *words,
                                 struct pl_err *err)
{
  if (table == PL_TABLE_HOLDING) {
    return pl_modbus_read_holding(device->bus, device->unit, address, count, words, err);
  }
  if (table == PL_TABLE_INPUT) {
    return pl_modbus_read_input(device->bus, device->unit, address, count, words, err);
  }
  bool bit = false; /* bits are read one by one */
  enum pl_status status = table == PL_TABLE_COILS ? pl_modbus_read_coils(device->bus, device->unit, address, 1, &bit, err)
                                                  : pl_modbus_read_discrete_inputs(device->bus, device->unit, address, 1, &bit, err);
  words[0] = bit;
  return status;
}

static enum pl_status write_words(const struct modbus_map *device, const struct pl_map_row *row, const uint16_t *words, struct pl_err *err)
{
  if (row->table == PL_TABLE_COILS) {
    bool bit = words[0] != 0;
    return pl_modbus_write_coils(device->bus, device->unit, row->address, 1, &bit, err);
  }
  return pl_modbus_write_registers(device->bus, device->unit, row->address, pl_map_type_words(row->type), words, err);
}

static enum pl_status read_row(const struct modbus_map *device, const struct pl_map_row *row, uint16_t words[2], struct pl_err *err)
{
  enum pl_status status = read_words(device, row->table, row->address, pl_map_type_words(row->type), words, err);
  if (status != PL_OK) {
    pl_err_prefix(err, "%s", row->quantity);
  } else if (row->bit >= 0) { /* a word that means "no reading" has no bits: neither to tell, nor to be changed and written back */
    int64_t unused_u;
    status = pl_map_decode(row, words, &unused_u, err);
  }
  return status;
}

/* Of a word of flags only the one that was set is compared: others may change by themselves. */
static enum pl_status verify(const struct modbus_map *device, const struct pl_map_row *row, const uint16_t *wrote, struct pl_err *err)
{
  uint16_t words[2] = {0}, mask[2] = {0xFFFF, 0xFFFF};
  enum pl_status status = read_row(device, row, words, err);
  if (status != PL_OK) {
    return status;
  }
  if (row->bit >= 0) {
    pl_map_bit_mask(row, mask);
  }
  for (size_t i = 0; i < pl_map_type_words(row->type); i++) {
    if (((words[i] ^ wrote[i]) & mask[i]) != 0) {
      return pl_fail(err, PL_E_GARBAGE,
                     "%s: 0x%04X was written to %s 0x%04X and 0x%04X is read back; the device took another value (is it in local or manual control?)",
                     row->quantity, wrote[i], pl_map_table_name(row->table), (unsigned)row->address + (unsigned)i, words[i]);
    }
  }
  return PL_OK;
}

/* --- the driver's calls --- */

static enum pl_status modbus_map_get(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  const struct modbus_map *device = self;
  const struct pl_map_row *row = &device->map->rows[quantity->id];
  uint16_t words[2] = {0};
  int64_t value_u = 0;
  enum pl_status status = read_row(device, row, words, err);
  if (status == PL_OK) {
    status = pl_map_decode(row, words, &value_u, err);
  }
  if (status == PL_OK) {
    *reading = (struct pl_reading){.value_u = value_u, .dim = row->unit->dim, .status = PL_OK, .at = pl_bus_now(device->bus)};
  }
  return status;
}

static enum pl_status modbus_map_set(void *self, const struct pl_quantity *quantity, int64_t value_u, struct pl_err *err)
{
  const struct modbus_map *device = self;
  const struct pl_map_row *row = &device->map->rows[quantity->id];
  uint16_t words[2] = {0};
  enum pl_status status = PL_OK;
  if (row->bit >= 0) { /* read, changed and written in this one job: nothing of ours comes between */
    status = read_row(device, row, words, err);
  }
  if (status == PL_OK && row->access == PL_MAP_ACT && row->bit < 0) {
    pl_map_words(row, row->value, words);
  } else if (status == PL_OK) {
    status = pl_map_encode(row, row->access == PL_MAP_ACT ? PL_U : value_u, words, err);
  }
  if (status != PL_OK) {
    return status;
  }
  status = write_words(device, row, words, err);
  if (status != PL_OK) {
    pl_err_prefix(err, "%s", row->quantity);
    return status;
  }
  return row->verify ? verify(device, row, words, err) : PL_OK;
}

static enum pl_status modbus_map_probe(void *self, struct pl_err *err)
{
  const struct modbus_map *device = self;
  const struct pl_map *map = device->map;
  /* Without a probe register the first row that can be read has to answer. */
  enum pl_modbus_table table = map->probe_table;
  uint16_t address = map->probe_address, words[2] = {0};
  size_t count = 1;
  if (!map->has_probe) {
    size_t i = 0;
    while (i < map->n_rows && (map->quantities[i].access & PL_GET) == 0) {
      i++;
    }
    if (i == map->n_rows) {
      return pl_fail(err, PL_E_UNSUPPORTED, "the map %s has nothing that could be read to probe it; give it a probe register", map->name);
    }
    table = map->rows[i].table;
    address = map->rows[i].address;
    count = pl_map_type_words(map->rows[i].type);
  }
  enum pl_status status = read_words(device, table, address, count, words, err);
  if (status == PL_OK && map->has_equals && words[0] != map->probe_equals) {
    return pl_fail(err, PL_E_GARBAGE, "%s 0x%04X holds 0x%04X, a device of the map %s has 0x%04X there; check the unit id and the map",
                   pl_map_table_name(table), address,
                   words[0], map->name, map->probe_equals);
  }
  return status;
}

/* What a unit (or a gateway in front of it) gives that has nothing to tell. */
static bool all_ones(const uint16_t *words, size_t count)
{
  size_t i = 0;
  while (i < count && words[i] == 0xFFFF) {
    i++;
  }
  return count > 0 && i == count;
}

static enum pl_status read_string(const struct modbus_map *device, const struct pl_map_string *string, const char *what, char *out, size_t room,
                                  struct pl_err *err)
{
  uint16_t words[PL_MAP_STRING_REGISTERS_MAX];
  enum pl_status status = read_words(device, string->table, string->address, string->length, words, err);
  if (status != PL_OK) {
    pl_err_prefix(err, "the %s", what);
    return status;
  }
  if (all_ones(words, string->length)) {
    return pl_fail(err, PL_E_NAN, "the %s at %s 0x%04X holds only 0xFFFF, which is no value", what, pl_map_table_name(string->table), string->address);
  }
  size_t n = 0;
  for (size_t i = 0; i < (size_t)string->length * 2 && n + 1 < room; i++) {
    bool high = (i % 2 == 0) != string->byte_swap; /* two characters a register, the first in the high byte */
    unsigned char c = (unsigned char)(words[i / 2] >> (high ? 8 : 0) & 0xFF);
    if (c == 0) {
      break;
    }
    if (c < 0x20 || c > 0x7E) {
      return pl_fail(err, PL_E_GARBAGE, "the %s at %s 0x%04X has the byte 0x%02X, which is no ASCII text", what, pl_map_table_name(string->table),
                     (unsigned)string->address + (unsigned)(i / 2), c);
    }
    out[n++] = (char)c;
  }
  while (n > 0 && out[n - 1] == ' ') {
    n--;
  }
  out[n] = '\0';
  return PL_OK;
}

static enum pl_status modbus_map_identify(void *self, struct pl_identity *identity, struct pl_err *err)
{
  const struct modbus_map *device = self;
  *identity = (struct pl_identity){.manufacturer = ""};
  const struct {
    const char *what;
    char *out;
  } fields[PL_MAP_STRINGS] = {
      [PL_MAP_MANUFACTURER] = {"manufacturer", identity->manufacturer},
      [PL_MAP_MODEL] = {"model", identity->model},
      [PL_MAP_REVISION] = {"revision", identity->revision},
      [PL_MAP_SERIAL] = {"serial number", identity->serial},
      [PL_MAP_FIRMWARE] = {"firmware version", identity->firmware},
  };
  enum pl_status status = PL_OK;
  for (size_t i = 0; status == PL_OK && i < PL_MAP_STRINGS; i++) {
    if (device->map->strings[i].length > 0) {
      status = read_string(device, &device->map->strings[i], fields[i].what, fields[i].out, sizeof identity->model, err);
    }
  }
  return status;
}

/* Faults are sorted by table and address; neighbouring registers are one request. Returns how many faults it covers. */
static size_t neighbours(const struct pl_map *map, size_t first, size_t *registers)
{
  size_t i = first;
  *registers = 1;
  while (i + 1 < map->n_faults && map->faults[i + 1].table == map->faults[first].table && map->faults[i + 1].address - map->faults[i].address <= 1) {
    *registers += map->faults[i + 1].address != map->faults[i].address;
    i++;
  }
  return i + 1 - first;
}

static enum pl_status modbus_map_faults(void *self, struct pl_faults *faults, struct pl_err *err)
{
  const struct modbus_map *device = self;
  const struct pl_map *map = device->map;
  faults->count = 0;
  for (size_t first = 0; first < map->n_faults;) {
    uint16_t words[PL_FAULTS_MAX];
    size_t registers, covered = neighbours(map, first, &registers);
    bool bits = pl_map_table_is_bits(map->faults[first].table);
    enum pl_status status = read_words(device, map->faults[first].table, map->faults[first].address, registers, words, err);
    if (status != PL_OK) {
      pl_err_prefix(err, "faults");
      return status;
    }
    if (!bits && all_ones(words, registers)) { /* no unit has all of its faults at once */
      return pl_fail(err, PL_E_NAN, "faults: %s 0x%04X and all that follow hold 0xFFFF, which is no value", pl_map_table_name(map->faults[first].table),
                     map->faults[first].address);
    }
    for (size_t i = first; i < first + covered; i++) {
      const struct pl_map_fault *fault = &map->faults[i];
      if ((words[fault->address - map->faults[first].address] >> fault->bit & 1) != 0 && faults->count < PL_FAULTS_MAX) {
        snprintf(faults->names[faults->count++], PL_FAULT_NAME_MAX, "%s", fault->name);
      }
    }
    first += covered;
  }
  return PL_OK;
}

const struct pl_device_desc pl_device_modbus_map = {
    .name = "modbus-map",
    .about = "Modbus device described by a register map file",
    .maturity = PL_BETA,
    .bus_kind = PL_BUS_MODBUS,
    .role = "",
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .shape = modbus_map_shape,
    .shape_free = modbus_map_shape_free,
    .shape_by = "map",
    .open = modbus_map_open,
    .close = free,
    .probe = modbus_map_probe,
    .get = modbus_map_get,
    .set = modbus_map_set,
    .identify = modbus_map_identify,
    .faults = modbus_map_faults,
};

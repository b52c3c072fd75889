/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/modbus_map/map_load.h"

/* One register (or bit of the bit tables) and which of its bits something claims. */
struct claim {
  enum pl_modbus_table table;
  uint16_t address, mask;
  const char *name;
  int line;
};

static int compare(const void *a, const void *b)
{
  const struct claim *one = a, *two = b;
  if (one->table != two->table) {
    return one->table < two->table ? -1 : 1;
  }
  return one->address != two->address ? (int)one->address - (int)two->address : one->line - two->line;
}

static size_t collect(const struct pl_map *map, struct claim *claims)
{
  static const char *const string_names[PL_MAP_STRINGS] = {"the manufacturer", "the model", "the revision", "the serial number",
                                                           "the firmware version"};
  size_t n = 0;
  for (size_t i = 0; i < map->n_rows; i++) {
    const struct pl_map_row *row = &map->rows[i];
    uint16_t mask[2] = {0xFFFF, 0xFFFF};
    if (row->bit >= 0) {
      pl_map_bit_mask(row, mask);
    }
    for (size_t k = 0; k < pl_map_type_words(row->type); k++) {
      claims[n++] = (struct claim){row->table, (uint16_t)(row->address + k), mask[k], row->quantity, row->line};
    }
  }
  for (size_t i = 0; i < map->n_faults; i++) {
    const struct pl_map_fault *fault = &map->faults[i];
    claims[n++] = (struct claim){fault->table, fault->address, (uint16_t)(1U << fault->bit), fault->name, fault->line};
  }
  for (size_t i = 0; i < PL_MAP_STRINGS; i++) {
    const struct pl_map_string *string = &map->strings[i];
    for (size_t k = 0; k < string->length; k++) {
      claims[n++] = (struct claim){string->table, (uint16_t)(string->address + k), 0xFFFF, string_names[i], string->line};
    }
  }
  return n;
}

enum pl_status pl_map_check_overlaps(const struct pl_map_loader *loader, struct pl_err *err)
{
  const struct pl_map *map = loader->map;
  size_t room = map->n_rows * 2 + map->n_faults + (size_t)PL_MAP_STRINGS * PL_MAP_STRING_REGISTERS_MAX;
  struct claim *claims = calloc(room, sizeof *claims);
  if (claims == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", pl_conf_name(loader->conf));
  }
  size_t n = collect(map, claims);
  qsort(claims, n, sizeof *claims, compare);
  enum pl_status status = PL_OK;
  for (size_t i = 0; status == PL_OK && i < n; i++) {
    for (size_t k = i + 1; k < n && claims[k].table == claims[i].table && claims[k].address == claims[i].address; k++) {
      if ((claims[i].mask & claims[k].mask) != 0) {
        const struct pl_node at = {.line = claims[k].line};
        status = pl_node_fail(loader->conf, &at, err, "%s 0x%04X of '%s' belongs to '%s' (line %d) already, expected another register or bit",
                              pl_map_table_name(claims[k].table), claims[k].address, claims[k].name, claims[i].name, claims[i].line);
        break;
      }
    }
  }
  free(claims);
  return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Walks every row of every map that is shipped, and names the row that is wrong. */
#include "drivers/device/modbus_map/map.h"

#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>

#include <cmocka.h>

#define FOLDER "drivers/maps"
#define MUST(good, ...) \
  do { \
    if (!(good)) { \
      fail_msg(__VA_ARGS__); \
    } \
  } while (0)

static struct pl_map *open_map(const char *file)
{
  char path[512];
  struct pl_err err = {0};
  struct pl_map *map = NULL;
  snprintf(path, sizeof path, FOLDER "/%s", file);
  if (pl_map_load(path, &map, &err) != PL_OK) {
    fail_msg("%s", err.text);
  }
  return map;
}

/* Raw words -> value -> raw words gives the same words, at both ends of the range and between. */
static void check_round_trip(const char *file, const struct pl_map_row *row)
{
  if (row->bit >= 0 || row->type == PL_MAP_BIT) {
    for (int on = 0; on < 2; on++) {
      uint16_t words[2] = {0};
      int64_t value_u = -1;
      MUST(pl_map_encode(row, on ? PL_U : 0, words, NULL) == PL_OK, "%s:%d: %s: cannot be encoded", file, row->line, row->quantity);
      MUST(pl_map_decode(row, words, &value_u, NULL) == PL_OK && value_u == (on ? PL_U : 0), "%s:%d: %s: %d is read back wrong", file, row->line,
           row->quantity, on);
    }
    return;
  }
  bool is_float = row->type == PL_MAP_FLOAT32;
  double low = is_float ? -1000.0 : row->raw_min, high = is_float ? 1000.0 : row->raw_max;
  for (int i = 0; i <= 64; i++) {
    double raw = low + (high - low) * i / 64.0;
    uint16_t words[2] = {0}, again[2] = {0};
    int64_t value_u = 0;
    raw = is_float ? (double)(float)raw : round(raw);
    if (!is_float) {
      pl_map_words(row, (int64_t)raw, words);
    } else {
      float value = (float)raw;
      uint32_t bits;
      memcpy(&bits, &value, sizeof bits);
      pl_map_words(row, (int64_t)bits, words);
    }
    struct pl_err err = {0};
    enum pl_status status = pl_map_decode(row, words, &value_u, &err);
    if (status == PL_E_NAN && row->n_invalid > 0) {
      continue;
    }
    MUST(status == PL_OK, "%s:%d: %s: raw %g does not decode: %s", file, row->line, row->quantity, raw, err.text);
    MUST(fabs((double)value_u / 1e6 - ((raw * row->scale + row->offset) * row->unit->scale + row->unit->offset)) < 1e-5 + fabs((double)value_u) * 1e-12,
         "%s:%d: %s: raw %g decodes to %lld millionths", file, row->line, row->quantity, raw, (long long)value_u);
    MUST(pl_map_encode(row, value_u, again, &err) == PL_OK, "%s:%d: %s: raw %g does not encode again: %s", file, row->line, row->quantity, raw,
         err.text);
    MUST(is_float || memcmp(words, again, sizeof words) == 0, "%s:%d: %s: raw %g becomes other words", file, row->line, row->quantity, raw);
  }
}

static void check_row(const char *file, const struct pl_map *map, const struct pl_map_row *row, const struct pl_quantity *quantity)
{
  MUST(row->source != NULL && *row->source != '\0', "%s:%d: %s: no source; cite the register's name in the document", file, row->line, row->quantity);
  MUST(row->help != NULL && strlen(row->help) > 4, "%s:%d: %s: no help", file, row->line, row->quantity);
  MUST(strcmp(quantity->name, row->quantity) == 0 && quantity->dim == row->unit->dim, "%s:%d: %s: the quantity is not the row's", file, row->line,
       row->quantity);
  MUST((quantity->access & PL_EDGES) == 0, "%s:%d: %s: a register has no edges", file, row->line, row->quantity);
  MUST(((quantity->access & PL_SET) != 0) == (row->access == PL_MAP_READ_WRITE || row->access == PL_MAP_WRITE), "%s:%d: %s: access", file, row->line,
       row->quantity);
  if (row->port >= 0) {
    const struct pl_port *port = &map->ports[row->port];
    MUST(row->access == PL_MAP_READ || port->out, "%s:%d: %s: is written but does not command port %s", file, row->line, row->quantity, port->name);
    MUST(port->dim == row->unit->dim, "%s:%d: %s: port %s has another dimension", file, row->line, row->quantity, port->name);
  }
  check_round_trip(file, row);
}

static void check_map(const char *file)
{
  struct pl_map *map = open_map(file);
  char expected[128];
  snprintf(expected, sizeof expected, "%s.yaml", map->name);
  MUST(strcmp(expected, file) == 0, "%s: calls itself %s", file, map->name);
  MUST(map->has_probe, "%s: no probe register", file);
  for (size_t i = 0; i < map->n_rows; i++) {
    check_row(file, map, &map->rows[i], &map->quantities[i]);
  }
  for (size_t i = 0; i < map->n_faults; i++) {
    MUST(map->faults[i].source != NULL, "%s:%d: fault %s: no source", file, map->faults[i].line, map->faults[i].name);
  }
  pl_map_free(map);
}

static void test_every_row_of_every_map(void **state)
{
  (void)state;
  DIR *dir = opendir(FOLDER);
  assert_non_null(dir);
  int maps = 0;
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    size_t length = strlen(entry->d_name);
    if (length > 5 && strcmp(entry->d_name + length - 5, ".yaml") == 0) {
      check_map(entry->d_name);
      maps++;
    }
  }
  closedir(dir);
  assert_true(maps >= 2);
}

static const struct pl_map_row *row_of(const struct pl_map *map, const char *quantity)
{
  for (size_t i = 0; i < map->n_rows; i++) {
    if (strcmp(map->rows[i].quantity, quantity) == 0) {
      return &map->rows[i];
    }
  }
  fail_msg("no row %s", quantity);
  return NULL;
}

/* The words of docs/vocabulary.md for a coolant unit, at the addresses (decimal there) of the source. */
static void test_the_rpu_is_as_its_source_says(void **state)
{
  (void)state;
  static const struct {
    const char *quantity;
    unsigned address;
    uint16_t raw;
    int64_t value_u;
    const char *port;
  } expected[] = {
      {"flow", 36864, 355, 35500000, "flow"},
      {"supply-temperature", 36865, 301, 30100000, "supply_temperature"},
      {"return-temperature", 36866, 0xFFFB, -500000, "return_temperature"},
      {"supply-pressure", 36867, 2004, 200400000000, "supply_pressure"},
      {"return-pressure", 36868, 0xFFF6, -1000000000, "return_pressure"},
      {"power", 36869, 4321, 432100000, "power"},
      {"vin", 36871, 480, 48000000, "vin"},
      {"pump-1-speed", 36874, 4200, 4200000000, "pump_1_speed"},
      {"pump-2-speed", 36875, 4199, 4199000000, "pump_2_speed"},
      {"level", 37142, 80, 80000000, "level"},
      {"flow-set", 37888, 360, 36000000, "flow_set"},
      {"pump-duty", 37891, 55, 55000000, "pump_duty"},
      {"flow-control", 37904, 1 << 3, 1000000, "flow_control"},
      {"stop", 37904, 1 << 5, 1000000, "stop"},
      {"manual-pump", 37904, 1 << 1, 1000000, NULL},
  };
  struct pl_map *map = open_map("orv3-rpu.yaml");
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    const struct pl_map_row *row = row_of(map, expected[i].quantity);
    int64_t value_u = 0;
    MUST(row->address == expected[i].address, "%s: register %u", row->quantity, (unsigned)row->address);
    assert_int_equal(pl_map_decode(row, &expected[i].raw, &value_u, NULL), PL_OK);
    MUST(value_u == expected[i].value_u, "%s: %lld", row->quantity, (long long)value_u);
    MUST((row->port < 0) == (expected[i].port == NULL), "%s: port", row->quantity);
    if (row->port >= 0) {
      assert_string_equal(map->ports[row->port].name, expected[i].port);
    }
  }
  const struct pl_map_fault *leak = NULL;
  for (size_t i = 0; i < map->n_faults; i++) {
    leak = strcmp(map->faults[i].name, "leak-internal") == 0 ? &map->faults[i] : leak;
  }
  assert_non_null(leak);
  assert_int_equal(leak->address, 37378);
  assert_int_equal(leak->bit, 4);
  assert_int_equal(map->n_faults, 1 + 16 + 11 + 14 + 15);
  pl_map_free(map);
}

/* A unit (or a bus) that answers with all ones has told nothing, whatever the row. */
static void test_all_ones_are_no_value_of_the_rpu(void **state)
{
  (void)state;
  struct pl_map *map = open_map("orv3-rpu.yaml");
  for (size_t i = 0; i < map->n_rows; i++) {
    const struct pl_map_row *row = &map->rows[i];
    const uint16_t words[2] = {0xFFFF, 0xFFFF};
    struct pl_err err = {0};
    int64_t value_u = 4711;
    enum pl_status status = pl_map_decode(row, words, &value_u, &err);
    MUST(status == PL_E_NAN && value_u == 4711, "%s: 0xFFFF decodes to %s, %lld millionths", row->quantity, pl_status_name(status), (long long)value_u);
    MUST(strstr(err.text, "no value") != NULL, "%s: '%s'", row->quantity, err.text);
    if (row->bit < 0) {
      MUST(row->raw_min > -32768 && row->raw_max < (row->type == PL_MAP_S16 ? 32767 : 65535), "%s: no plausible range", row->quantity);
      uint16_t word = 0;
      pl_map_encode_saturated(row, llround((-0.1 * row->unit->scale + row->unit->offset) * 1e6), &word); /* the twin never says it of a value */
      MUST(pl_map_decode(row, &word, &value_u, NULL) == PL_OK, "%s: the twin gives 0x%04X for -0.1 %s", row->quantity, word, row->unit->name);
    }
  }
  pl_map_free(map);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_row_of_every_map), cmocka_unit_test(test_the_rpu_is_as_its_source_says),
                                     cmocka_unit_test(test_all_ones_are_no_value_of_the_rpu)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A map file is somebody else's text: whatever it holds, it is refused with a sentence or gives rows that can be encoded and decoded. */
#include "drivers/device/modbus_map/map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct pl_map *map = NULL;
  struct pl_err err = {0};
  if (pl_map_parse("fuzz.yaml", (const char *)data, size, &map, &err) != PL_OK) {
    if (err.text[0] == '\0') {
      abort();
    }
    return 0;
  }
  static const uint16_t patterns[][2] = {{0, 0}, {0xFFFF, 0xFFFF}, {0x7F80, 0}, {0x8000, 0x0001}, {0x1234, 0x5678}};
  for (size_t i = 0; i < map->n_rows; i++) {
    const struct pl_map_row *row = &map->rows[i];
    for (size_t k = 0; k < sizeof patterns / sizeof patterns[0]; k++) {
      int64_t value_u = 0;
      uint16_t words[2] = {0};
      if (pl_map_decode(row, patterns[k], &value_u, &err) == PL_OK) {
        pl_map_encode(row, value_u, words, &err);
      }
      pl_map_encode_saturated(row, INT64_MAX, words);
      pl_map_encode_saturated(row, INT64_MIN, words);
    }
  }
  pl_map_free(map);
  return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an EEPROM: decoding stays inside them and gives whole texts; what it understood and is ASCII, encoding says again, and that reads the same. */
#include "drivers/protocol/fru/fru_layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool good)
{
  if (!good)
    abort();
}

/* Fuzzing gets past checksums only when they are right: they are mended where a header says an area stands. */
static void mend(uint8_t *bytes, size_t size)
{
  bytes[7] = (uint8_t)-pl_fru_sum(bytes, 7);
  for (int area = FRU_CHASSIS; area <= FRU_PRODUCT; area++) {
    size_t at = (size_t)bytes[1 + area] * FRU_UNIT, len = at && at + 2 <= size ? (size_t)bytes[at + 1] * FRU_UNIT : 0;
    if (len && at + len <= size)
      bytes[at + len - 1] = (uint8_t)(bytes[at + len - 1] - pl_fru_sum(bytes + at, len));
  }
  for (size_t at = (size_t)bytes[1 + FRU_MULTI] * FRU_UNIT, last = 0; at && !last && at + FRU_RECORD_HEADER <= size;) {
    size_t len = bytes[at + 2], data = at + FRU_RECORD_HEADER;
    last = bytes[at + 1] & FRU_RECORD_LAST;
    if (data + len <= size)
      bytes[at + 3] = (uint8_t)-pl_fru_sum(bytes + data, len);
    bytes[at + 4] = (uint8_t)-pl_fru_sum(bytes + at, FRU_RECORD_HEADER - 1);
    at = data + len;
  }
}

static void check_again(const struct pl_fru *fru)
{
  static uint8_t bytes[PL_FRU_SIZE_MAX];
  struct pl_fru again;
  struct pl_err err = {0};
  size_t used = 0;
  enum pl_status status = pl_fru_encode(fru, bytes, sizeof bytes, &used, &err);
  if (status) {
    need(status == PL_E_RANGE && *err.text); /* Latin letters, or binary and BCD fields that are longer as text */
    return;
  }
  need(used <= sizeof bytes && !pl_fru_decode(bytes, used, &again, &err) && !memcmp(fru, &again, sizeof again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct pl_fru fru;
  struct pl_err err = {0};
  if (size < 1 || size > PL_FRU_SIZE_MAX)
    return 0;
  uint8_t *bytes = malloc(size); /* its end is the end */
  need(bytes != NULL);
  memcpy(bytes, data, size);
  if (size >= PL_FRU_HEADER && data[6] % 2 == 0) {
    bytes[6] = 0;
    mend(bytes, size);
  }
  enum pl_status status = pl_fru_decode(bytes, size, &fru, &err);
  need(!status || *err.text);
  for (int area = 0; area < FRU_AREAS; area++)
    for (size_t i = 0; i < pl_fru_area_rows[area].n_fields; i++)
      need(memchr((const char *)&fru + pl_fru_area_rows[area].fields[i].offset, 0, PL_FRU_TEXT) != NULL);
  if (!status)
    check_again(&fru);
  free(bytes);
  return 0;
}

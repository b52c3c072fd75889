/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/protocol/fru/fru_layout.h"

#include <string.h>

struct writer {
  uint8_t *bytes;
  size_t at, size;
  bool full;
};

static void put(struct writer *writer, unsigned byte)
{
  if (writer->at < writer->size)
    writer->bytes[writer->at++] = (uint8_t)byte;
  else
    writer->full = true;
}

static void put_number(struct writer *writer, uint64_t value, size_t len)
{
  for (size_t i = 0; i < len; i++)
    put(writer, (unsigned)(value >> 8 * i & 0xFF));
}

static bool fits_six_bit(const char *text, size_t len)
{
  for (size_t i = 0; i < len; i++)
    if (text[i] < 0x20 || text[i] > 0x5F)
      return false;
  return true;
}

static void put_six_bit(struct writer *writer, const char *text, size_t len)
{
  size_t bytes = (6 * len + 7) / 8;
  put(writer, (unsigned)FRU_SIX_BIT << 6 | (unsigned)bytes);
  for (size_t i = 0; i < bytes; i++) {
    unsigned byte = 0;
    for (size_t bit = 8 * i; bit < 8 * i + 8 && bit / 6 < len; bit++)
      byte |= ((unsigned)(text[bit / 6] - 0x20) >> bit % 6 & 1u) << bit % 8;
    put(writer, byte);
  }
}

/* 6-bit ASCII where every character has one, which is shorter; else 8-bit. One of 8 bits is padded: 0xC1 is the end mark. */
static enum pl_status put_text(struct writer *writer, const char *name, const char *text, struct pl_err *err)
{
  size_t len = strnlen(text, PL_FRU_TEXT);
  for (size_t i = 0; i < len; i++)
    if (text[i] < 0x20 || text[i] > 0x7E)
      return pl_fail(err, PL_E_RANGE, "%s: '%.100s' has a character that is not printable ASCII", name, text);
  bool six = len && fits_six_bit(text, len);
  if (len > (six ? 84u : 63u))
    return pl_fail(err, PL_E_RANGE, "%s: %zu characters, expected at most %u", name, len, six ? 84u : 63u);
  if (six) {
    put_six_bit(writer, text, len);
    return PL_OK;
  }
  size_t padded = len == 1 ? 2 : len;
  put(writer, padded ? (unsigned)FRU_LATIN << 6 | (unsigned)padded : 0);
  for (size_t i = 0; i < padded; i++)
    put(writer, i < len ? (unsigned)text[i] : ' ');
  return PL_OK;
}

static enum pl_status put_texts(struct writer *writer, const struct fru_field *fields, size_t count, const struct pl_fru *fru, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < count && !status; i++)
    status = put_text(writer, fields[i].name, (const char *)fru + fields[i].offset, err);
  return status;
}

static enum pl_status put_area(struct writer *writer, enum fru_area area, const struct pl_fru *fru, struct pl_err *err)
{
  const struct fru_area_row *row = &pl_fru_area_rows[area];
  size_t start = writer->at;
  put(writer, FRU_VERSION);
  put(writer, 0); /* its length, when it is known */
  put(writer, area == FRU_CHASSIS ? fru->chassis.type : 0);
  if (area == FRU_BOARD)
    put_number(writer, fru->board.made_minutes, 3);
  enum pl_status status = put_texts(writer, row->fields, row->n_fields, fru, err);
  put(writer, FRU_END);
  while ((writer->at - start) % FRU_UNIT != FRU_UNIT - 1 && !writer->full)
    put(writer, 0);
  if (status || writer->full)
    return status;
  size_t units = (writer->at - start + 1) / FRU_UNIT;
  if (units > 0xFF)
    return pl_fail(err, PL_E_RANGE, "%s: it gets too long", row->name);
  writer->bytes[start + 1] = (uint8_t)units;
  put(writer, (uint8_t)-pl_fru_sum(writer->bytes + start, writer->at - start));
  return PL_OK;
}

static enum pl_status put_contents(struct writer *writer, const struct pl_fru *fru, struct pl_err *err)
{
  size_t start = writer->at, data = start + FRU_RECORD_HEADER;
  put(writer, PL_FRU_OEM_RECORD);
  put(writer, FRU_RECORD_LAST | FRU_RECORD_FORMAT);
  put_number(writer, 0, 3); /* length and checksums, when they are known */
  put_number(writer, PL_FRU_OEM_ID, 3);
  put(writer, FRU_OEM_VERSION);
  put(writer, fru->contents.processors);
  put_number(writer, fru->contents.cores, 2);
  put(writer, (unsigned)fru->contents.architecture);
  put(writer, fru->contents.memory_modules);
  put_number(writer, fru->contents.memory_bytes, 8);
  put(writer, fru->contents.drives);
  put_number(writer, fru->contents.drive_bytes, 8);
  enum pl_status status = put_texts(writer, pl_fru_oem_fields, sizeof pl_fru_oem_fields / sizeof *pl_fru_oem_fields, fru, err);
  if (status || writer->full)
    return status;
  writer->bytes[start + 2] = (uint8_t)(writer->at - data); /* three texts of 64 bytes at most: it fits */
  writer->bytes[start + 3] = (uint8_t)-pl_fru_sum(writer->bytes + data, writer->at - data);
  writer->bytes[start + 4] = (uint8_t)-pl_fru_sum(writer->bytes + start, FRU_RECORD_HEADER - 1);
  return PL_OK;
}

static bool wanted(const struct pl_fru *fru, enum fru_area area)
{
  size_t has = pl_fru_area_rows[area].has;
  return area == FRU_MULTI ? fru->has_contents : has != SIZE_MAX && *(const bool *)(const void *)((const char *)fru + has);
}

enum pl_status pl_fru_encode(const struct pl_fru *fru, uint8_t *bytes, size_t size, size_t *used, struct pl_err *err)
{
  struct writer writer = {.bytes = bytes, .at = PL_FRU_HEADER, .size = size < PL_FRU_SIZE_MAX ? size : PL_FRU_SIZE_MAX};
  enum pl_status status = PL_OK;
  if (size < PL_FRU_HEADER)
    return pl_fail(err, PL_E_RANGE, "%zu bytes of storage, expected at least 8", size);
  if (fru->board.made_minutes > 0xFFFFFF)
    return pl_fail(err, PL_E_RANGE, "made %u minutes after 1996 began, expected at most 24 bits", fru->board.made_minutes);
  memset(bytes, 0, size);
  bytes[0] = FRU_VERSION;
  for (int area = 0; area < FRU_AREAS && !status && !writer.full; area++) {
    if (!wanted(fru, (enum fru_area)area))
      continue;
    bytes[1 + area] = (uint8_t)(writer.at / FRU_UNIT); /* areas end on a multiple, and the last of them is the multirecord area */
    status = area == FRU_MULTI ? put_contents(&writer, fru, err) : put_area(&writer, (enum fru_area)area, fru, err);
  }
  if (!status && writer.full)
    status = pl_fail(err, PL_E_RANGE, "it does not fit into %zu bytes", size);
  bytes[PL_FRU_HEADER - 1] = (uint8_t)-pl_fru_sum(bytes, PL_FRU_HEADER - 1);
  if (used)
    *used = writer.at;
  return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/protocol/fru/fru_layout.h"

#include <stdio.h>
#include <string.h>

struct reader { /* of one area, or of the fields of a record */
  const char *area;
  const uint8_t *bytes;
  size_t start, end, at; /* offsets in the storage */
};

static enum pl_status bad(const struct reader *reader, struct pl_err *err, const char *what)
{
  return pl_fail(err, PL_E_GARBAGE, "%s, offset %zu: %s", reader->area, reader->at, what);
}

/* --- texts --- */

static void put(char *text, size_t *used, unsigned c)
{
  if (c < 0x80) {
    text[(*used)++] = (char)c;
  } else { /* Latin 1 in UTF-8 */
    text[(*used)++] = (char)(0xC0 | c >> 6);
    text[(*used)++] = (char)(0x80 | (c & 0x3F));
  }
}

/* Padding says nothing; nothing stands behind the end, so that two decodings can be compared. */
static void end_text(char *text, size_t used)
{
  text[used] = '\0';
  while (used && text[used - 1] == ' ')
    text[--used] = '\0';
}

static enum pl_status latin(const struct reader *reader, const uint8_t *data, size_t len, char *text, struct pl_err *err)
{
  size_t used = 0;
  while (len && (data[len - 1] == 0 || data[len - 1] == ' ')) /* padded to a fixed width: common, and says nothing */
    len--;
  for (size_t i = 0; i < len; i++) {
    if (data[i] < 0x20 || (data[i] >= 0x7F && data[i] < 0xA0))
      return bad(reader, err, "a control character in a text");
    put(text, &used, data[i]);
  }
  text[used] = '\0';
  return PL_OK;
}

/* Three bytes hold four characters of 0x20 to 0x5F, the first in the lowest bits. */
static void six_bit(const uint8_t *data, size_t len, char *text)
{
  size_t used = 0;
  for (size_t bit = 0; bit + 6 <= 8 * len; bit += 6) {
    unsigned both = data[bit / 8] | (bit / 8 + 1 < len ? (unsigned)data[bit / 8 + 1] << 8 : 0);
    put(text, &used, 0x20 + (both >> bit % 8 & 0x3F));
  }
  end_text(text, used);
}

static enum pl_status bcd(const struct reader *reader, const uint8_t *data, size_t len, char *text, struct pl_err *err)
{
  static const char DIGITS[] = "0123456789 -.";
  size_t used = 0;
  for (size_t i = 0; i < 2 * len; i++) {
    unsigned digit = i % 2 ? data[i / 2] & 0x0F : data[i / 2] >> 4;
    if (digit > 12)
      return bad(reader, err, "a digit of BCD plus that is reserved");
    text[used++] = DIGITS[digit];
  }
  end_text(text, used);
  return PL_OK;
}

static void hex(const uint8_t *data, size_t len, char *text)
{
  text[0] = '\0';
  for (size_t i = 0; i < len; i++)
    snprintf(text + 2 * i, 3, "%02x", data[i]);
}

/* The next field; *more false: that was the end mark. text NULL: passed over. */
static enum pl_status field(struct reader *reader, char *text, bool *more, struct pl_err *err)
{
  char ignored[PL_FRU_TEXT];
  text = text ? text : ignored; /* room for whatever 63 bytes can be */
  if (reader->at >= reader->end)
    return bad(reader, err, "it ends without the mark 0xC1 behind its last field");
  uint8_t head = reader->bytes[reader->at];
  *more = head != FRU_END;
  reader->at++;
  if (!*more)
    return PL_OK;
  size_t len = FRU_LENGTH(head);
  if (len > reader->end - reader->at)
    return bad(reader, err, "a field goes beyond its end");
  const uint8_t *data = reader->bytes + reader->at;
  enum pl_status status = PL_OK;
  switch ((enum fru_type)FRU_TYPE(head)) {
  case FRU_BINARY: hex(data, len, text); break;
  case FRU_BCD: status = bcd(reader, data, len, text, err); break;
  case FRU_SIX_BIT: six_bit(data, len, text); break;
  case FRU_LATIN: status = latin(reader, data, len, text, err); break;
  }
  reader->at += len;
  return status;
}

/* --- areas --- */

static enum pl_status frame(struct reader *reader, size_t size, struct pl_err *err)
{
  if (reader->start + 2 > size)
    return bad(reader, err, "it lies outside of the storage");
  const uint8_t *area = reader->bytes + reader->start;
  size_t len = (size_t)area[1] * FRU_UNIT;
  if (area[0] != FRU_VERSION)
    return pl_fail(err, PL_E_UNSUPPORTED, "%s, offset %zu: format version 0x%02x, expected 1", reader->area, reader->at, area[0]);
  if (!len || len > size - reader->start)
    return bad(reader, err, "its length is 0 or goes beyond the storage");
  if (pl_fru_sum(area, len))
    return bad(reader, err, "its checksum does not match");
  reader->end = reader->start + len - 1; /* without the checksum */
  return PL_OK;
}

static enum pl_status check_language(const struct reader *reader, uint8_t language, struct pl_err *err)
{
  if (language == 0 || language == FRU_ENGLISH)
    return PL_OK;
  return pl_fail(err, PL_E_UNSUPPORTED, "%s, offset %zu: language %u, expected English (0 or 25)", reader->area, reader->at, language);
}

static enum pl_status fixed_part(struct reader *reader, enum fru_area area, struct pl_fru *fru, struct pl_err *err)
{
  const uint8_t *bytes = reader->bytes + reader->start;
  size_t fixed = pl_fru_area_rows[area].fixed;
  if (fixed > reader->end - reader->start)
    return bad(reader, err, "it is too short");
  reader->at = reader->start + 2;
  if (area == FRU_CHASSIS)
    fru->chassis.type = bytes[2];
  else if (check_language(reader, bytes[2], err))
    return PL_E_UNSUPPORTED;
  if (area == FRU_BOARD)
    fru->board.made_minutes = bytes[3] | (uint32_t)bytes[4] << 8 | (uint32_t)bytes[5] << 16;
  reader->at = reader->start + fixed;
  return PL_OK;
}

/* Predefined fields in their order, then what the maker added, the end mark, and zeroes up to the checksum. */
static enum pl_status fields(struct reader *reader, const struct fru_area_row *row, struct pl_fru *fru, struct pl_err *err)
{
  bool more = true;
  enum pl_status status = PL_OK;
  for (size_t i = 0; more && !status; i++) {
    status = field(reader, i < row->n_fields ? (char *)fru + row->fields[i].offset : NULL, &more, err);
    if (!status && !more && i < row->n_fields)
      status = bad(reader, err, "it ends before its predefined fields are there");
  }
  for (; !status && reader->at < reader->end; reader->at++)
    if (reader->bytes[reader->at])
      status = bad(reader, err, "unused bytes that are not 0");
  return status;
}

static enum pl_status info_area(struct reader *reader, enum fru_area area, size_t size, struct pl_fru *fru, struct pl_err *err)
{
  const struct fru_area_row *row = &pl_fru_area_rows[area];
  enum pl_status status = frame(reader, size, err);
  if (!status)
    status = fixed_part(reader, area, fru, err);
  if (!status)
    status = fields(reader, row, fru, err);
  if (!status)
    *(bool *)(void *)((char *)fru + row->has) = true;
  return status;
}

/* --- multirecords --- */

static uint64_t number(const uint8_t *bytes, size_t len)
{
  uint64_t value = 0;
  for (size_t i = len; i-- > 0;)
    value = value << 8 | bytes[i];
  return value;
}

static enum pl_status contents(struct reader *reader, struct pl_fru *fru, struct pl_err *err)
{
  const uint8_t *data = reader->bytes + reader->start;
  bool more = true;
  enum pl_status status = PL_OK;
  if (fru->has_contents)
    return bad(reader, err, "a second record of what is inside");
  if (reader->end - reader->start < FRU_OEM_FIXED)
    return bad(reader, err, "the record of what is inside is too short");
  if (!data[3])
    return bad(reader, err, "the record of what is inside has the version 0");
  fru->contents.processors = data[4];
  fru->contents.cores = (uint16_t)number(data + 5, 2);
  fru->contents.architecture = data[7] < PL_FRU_ARCHITECTURES ? (enum pl_fru_architecture)data[7] : PL_FRU_UNKNOWN;
  fru->contents.memory_modules = data[8];
  fru->contents.memory_bytes = number(data + 9, 8);
  fru->contents.drives = data[17];
  fru->contents.drive_bytes = number(data + 18, 8);
  reader->at = reader->start + FRU_OEM_FIXED;
  for (size_t i = 0; i < sizeof pl_fru_oem_fields / sizeof *pl_fru_oem_fields && !status; i++) {
    status = field(reader, (char *)fru + pl_fru_oem_fields[i].offset, &more, err);
    if (!status && !more)
      status = bad(reader, err, "an end mark where a field is expected");
  }
  if (!status && data[3] == FRU_OEM_VERSION && reader->at != reader->end)
    status = bad(reader, err, "bytes behind the last field");
  fru->has_contents = !status;
  return status;
}

static enum pl_status multi(const uint8_t *bytes, size_t start, size_t size, size_t *end, struct pl_fru *fru, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  bool last = false;
  for (size_t at = start; !last && !status; at = *end) {
    struct reader reader = {.area = pl_fru_area_rows[FRU_MULTI].name, .bytes = bytes, .start = at + FRU_RECORD_HEADER, .at = at};
    if (at + FRU_RECORD_HEADER > size)
      return bad(&reader, err, "a record's header goes beyond the storage; is the end of the list not marked?");
    const uint8_t *head = bytes + at;
    if (pl_fru_sum(head, FRU_RECORD_HEADER))
      return bad(&reader, err, "the checksum of a record's header does not match");
    if ((head[1] & 0x7F) != FRU_RECORD_FORMAT)
      return bad(&reader, err, "a record's format is not 2, or reserved bits are set");
    last = head[1] & FRU_RECORD_LAST;
    if (head[2] > size - reader.start)
      return bad(&reader, err, "a record goes beyond the storage");
    *end = reader.end = reader.start + head[2];
    if ((uint8_t)(pl_fru_sum(bytes + reader.start, head[2]) + head[3]))
      return bad(&reader, err, "the checksum of a record does not match");
    if (head[0] == PL_FRU_OEM_RECORD && head[2] >= 3 && number(bytes + reader.start, 3) == PL_FRU_OEM_ID)
      status = contents(&reader, fru, err);
  }
  return status;
}

/* --- the whole --- */

enum pl_status pl_fru_check_header(const uint8_t header[PL_FRU_HEADER], struct pl_err *err)
{
  bool empty = true;
  for (int i = 0; i < PL_FRU_HEADER; i++)
    empty &= header[i] == 0xFF;
  if (empty)
    return pl_fail(err, PL_E_GARBAGE, "common header: all ones; the EEPROM is blank, or nobody drives the bus");
  if (header[0] != FRU_VERSION)
    return pl_fail(err, PL_E_UNSUPPORTED, "common header: format version 0x%02x, expected 1", header[0]);
  if (pl_fru_sum(header, PL_FRU_HEADER))
    return pl_fail(err, PL_E_GARBAGE, "common header: its checksum does not match");
  if (header[6])
    return pl_fail(err, PL_E_GARBAGE, "common header: a pad byte of 0x%02x, expected 0", header[6]);
  return PL_OK;
}

struct span {
  size_t from, to;
};

static enum pl_status check_overlap(const struct span *spans, struct pl_err *err)
{
  for (int a = 0; a < FRU_AREAS; a++)
    for (int b = 0; b < a; b++)
      if (spans[a].from < spans[b].to && spans[b].from < spans[a].to)
        return pl_fail(err, PL_E_GARBAGE, "%s, offset %zu: it overlaps the %s", pl_fru_area_rows[a].name, spans[a].from, pl_fru_area_rows[b].name);
  return PL_OK;
}

enum pl_status pl_fru_decode(const uint8_t *bytes, size_t size, struct pl_fru *fru, struct pl_err *err)
{
  struct span spans[FRU_AREAS] = {{0, 0}};
  *fru = (struct pl_fru){0};
  if (size < PL_FRU_HEADER)
    return pl_fail(err, PL_E_GARBAGE, "common header: %zu bytes, expected 8", size);
  enum pl_status status = pl_fru_check_header(bytes, err);
  for (int area = 0; area < FRU_AREAS && !status; area++) {
    size_t start = (size_t)bytes[1 + area] * FRU_UNIT;
    struct reader reader = {.area = pl_fru_area_rows[area].name, .bytes = bytes, .start = start, .at = start};
    if (!start)
      continue;
    spans[area] = (struct span){start, start + 1}; /* the internal use area does not say how long it is */
    if (start >= size)
      status = bad(&reader, err, "it lies outside of the storage");
    else if (area == FRU_MULTI)
      status = multi(bytes, start, size, &spans[area].to, fru, err);
    else if (area != FRU_INTERNAL && !(status = info_area(&reader, (enum fru_area)area, size, fru, err)))
      spans[area].to = reader.end + 1;
  }
  return status ? status : check_overlap(spans, err);
}

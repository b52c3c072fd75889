/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_PROTOCOL_FRU_LAYOUT_H
#define PL_PROTOCOL_FRU_LAYOUT_H

#include "drivers/protocol/fru/fru.h"

/* What encoding and decoding share: section numbers of the FRU Information Storage Definition v1.3. */
enum fru_area { FRU_INTERNAL, FRU_CHASSIS, FRU_BOARD, FRU_PRODUCT, FRU_MULTI, FRU_AREAS }; /* in the order of the common header (section 8) */

#define FRU_VERSION 1         /* format of the header and of each area */
#define FRU_UNIT 8            /* bytes: what offsets and lengths of areas count in */
#define FRU_END 0xC1          /* no more fields (section 10 and following) */
#define FRU_ENGLISH 25        /* section 15; 0 is English, too */
#define FRU_RECORD_HEADER 5   /* section 16.1 */
#define FRU_RECORD_FORMAT 2
#define FRU_RECORD_LAST 0x80
#define FRU_OEM_FIXED 26      /* bytes of our record before its texts */
#define FRU_OEM_VERSION 1
#define FRU_TYPE(byte) ((byte) >> 6) /* section 13 */
#define FRU_LENGTH(byte) ((byte) & 0x3Fu)
enum fru_type { FRU_BINARY, FRU_BCD, FRU_SIX_BIT, FRU_LATIN };

/* A text of struct pl_fru by its place: the predefined fields of an area, in their order. */
struct fru_field {
  const char *name;
  size_t offset;
};
struct fru_area_row {
  const char *name;
  size_t has;       /* offset of its flag; SIZE_MAX: none */
  size_t fixed;     /* bytes before the fields */
  const struct fru_field *fields;
  size_t n_fields;
};
extern const struct fru_area_row pl_fru_area_rows[FRU_AREAS];
extern const struct fru_field pl_fru_oem_fields[3];

uint8_t pl_fru_sum(const uint8_t *bytes, size_t len);

#endif

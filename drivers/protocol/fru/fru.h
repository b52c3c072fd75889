/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_PROTOCOL_FRU_H
#define PL_PROTOCOL_FRU_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What a field-replaceable unit's EEPROM says: IPMI Platform Management FRU Information Storage Definition v1.0, revision 1.3. Pure encode and decode, no I/O.
 * Strict: every checksum, length, reserved bit and terminator is looked at, unused bytes must be 0, areas must not overlap.
 *
 * What is inside the unit stands in a multirecord of our own. Record type 0xC0 (OEM, section 16.1: C0h-FFh), record format 2, data:
 *   0  3  manufacturer id, least byte first: 32473, the enterprise number for documentation (RFC 5612): we have none of our own
 *   3  1  version of this layout: 1
 *   4  1  processors
 *   5  2  cores, of all processors together            (numbers: least byte first)
 *   7  1  architecture: 0 unknown, 1 x86-64, 2 Arm 64, 3 RISC-V 64
 *   8  1  memory modules
 *   9  8  memory, bytes of all together
 *  17  1  drives
 *  18  8  bytes of each drive
 *  26  -  type/length fields as in the areas (section 13): processor's model, what the drives' serial numbers begin with, firmware as delivered
 * A longer record of a later version is read as far as it is known here: what is new comes behind. Records of others are passed over.
 */
#define PL_FRU_TEXT 128 /* 63 bytes of Latin 1 are at most 126 of UTF-8, of BCD 126 digits, of 6-bit ASCII 84 characters */
#define PL_FRU_OEM_ID 32473u
#define PL_FRU_OEM_RECORD 0xC0
#define PL_FRU_SIZE_MAX 2048 /* offsets are a byte, in multiples of 8 */

enum pl_fru_architecture { PL_FRU_UNKNOWN, PL_FRU_X86_64, PL_FRU_ARM64, PL_FRU_RISCV64, PL_FRU_ARCHITECTURES };
const char *pl_fru_architecture_name(enum pl_fru_architecture architecture); /* "x86-64"; "" */

struct pl_fru { /* texts are UTF-8; "": not said. Encoding takes ASCII. */
  bool has_chassis, has_board, has_product, has_contents;
  struct {
    uint8_t type; /* SMBIOS (DSP0134) chassis type */
    char part[PL_FRU_TEXT], serial[PL_FRU_TEXT];
  } chassis;
  struct {
    uint32_t made_minutes; /* since 1996-01-01 00:00; 0: not said */
    char manufacturer[PL_FRU_TEXT], product[PL_FRU_TEXT], serial[PL_FRU_TEXT], part[PL_FRU_TEXT], file[PL_FRU_TEXT];
  } board;
  struct {
    char manufacturer[PL_FRU_TEXT], name[PL_FRU_TEXT], part[PL_FRU_TEXT], version[PL_FRU_TEXT], serial[PL_FRU_TEXT], asset[PL_FRU_TEXT], file[PL_FRU_TEXT];
  } product;
  struct {
    uint8_t processors, memory_modules, drives;
    uint16_t cores;
    enum pl_fru_architecture architecture;
    uint64_t memory_bytes, drive_bytes;
    char processor[PL_FRU_TEXT], drive_serial[PL_FRU_TEXT], firmware[PL_FRU_TEXT];
  } contents;
};

/* size: of the whole storage. PL_E_GARBAGE names the area, the offset and what is wrong there; PL_E_UNSUPPORTED: a version or language that is not known here. */
enum pl_status pl_fru_decode(const uint8_t *bytes, size_t size, struct pl_fru *fru, struct pl_err *err);
/* Fills the storage of `size` bytes, the rest with 0. PL_E_RANGE: it does not fit, or a text has characters that are not ASCII or too many. *used may be NULL. */
enum pl_status pl_fru_encode(const struct pl_fru *fru, uint8_t *bytes, size_t size, size_t *used, struct pl_err *err);
/* Looks at the common header only (8 bytes): is there FRU information at all? */
#define PL_FRU_HEADER 8
enum pl_status pl_fru_check_header(const uint8_t header[PL_FRU_HEADER], struct pl_err *err);

#endif

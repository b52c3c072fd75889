/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_PROTOCOL_PMBUS_TABLE_H
#define PL_PROTOCOL_PMBUS_TABLE_H

#include "drivers/base/unit.h"

/* The command codes of PMBus ("PMBus Specification Part II" rev 1.3, appendix I), spelt as the specification spells them. No I/O. */
enum pl_pmbus_code {
#define PL_PMBUS_COMMAND(code, name, access, size, format, dim) PL_PMBUS_##name = code,
#include "drivers/protocol/pmbus/pmbus_commands.inc"
#undef PL_PMBUS_COMMAND
};

enum pl_pmbus_access { PL_PMBUS_R = 1, PL_PMBUS_W = 2, PL_PMBUS_RW = 3, PL_PMBUS_SEND = 4, PL_PMBUS_CALL = 8 /* block process call */ };
enum pl_pmbus_size { PL_PMBUS_EMPTY, PL_PMBUS_BYTE, PL_PMBUS_WORD, PL_PMBUS_BLOCK };
enum pl_pmbus_class {
  PL_PMBUS_BITS,   /* a bit field or code */
  PL_PMBUS_NUMBER, /* the device's numeric format: LINEAR11, DIRECT or IEEE half */
  PL_PMBUS_VOUT,   /* the format that VOUT_MODE names */
  PL_PMBUS_TEXT,
  PL_PMBUS_RAW,
};

struct pl_pmbus_command {
  uint8_t code;
  const char *name;
  unsigned access; /* pl_pmbus_access */
  enum pl_pmbus_size size;
  enum pl_pmbus_class format;
  enum pl_dim dim;
};

/* In the order of their codes. Codes that are the manufacturer's (0xC4 to 0xFD) are not in it. */
const struct pl_pmbus_command *pl_pmbus_commands(size_t *count);
const struct pl_pmbus_command *pl_pmbus_command(uint8_t code); /* NULL when the specification has none there */
/* "READ_VOUT (0x8B)", "command 0xD4". Returns out. */
char *pl_pmbus_command_text(uint8_t code, char *out, size_t size);

/* Section 11.1: whether a WRITE_PROTECT value lets a command be written. */
bool pl_pmbus_write_allowed(uint8_t write_protect, uint8_t code);

/* --- STATUS_* (section 17): every bit with a name --- */

enum pl_pmbus_severity {
  PL_PMBUS_FAULT,
  PL_PMBUS_WARNING,
  PL_PMBUS_STATE,   /* tells what is, not what is wrong: off, power good negated, busy */
  PL_PMBUS_SUMMARY, /* of STATUS_WORD: some bit of another register is set */
};

struct pl_pmbus_bit {
  uint8_t code; /* of the register */
  uint8_t bit;
  enum pl_pmbus_severity severity;
  uint8_t detail; /* SUMMARY: the register that has the bits; 0: none */
  const char *name;
};
const struct pl_pmbus_bit *pl_pmbus_bits(size_t *count);
const struct pl_pmbus_bit *pl_pmbus_bit(uint8_t code, uint8_t bit); /* NULL when it has no meaning */

/* A saved set of the status registers: what was read has its bit in `have`, by place in pl_pmbus_status_codes. */
enum { PL_PMBUS_STATUS_WORD_AT = 0, PL_PMBUS_STATUS_REGISTERS = 10 };
struct pl_pmbus_status {
  uint16_t values[PL_PMBUS_STATUS_REGISTERS];
  unsigned have;
};
extern const uint8_t pl_pmbus_status_codes[PL_PMBUS_STATUS_REGISTERS]; /* STATUS_WORD first */
/* The names of the faults and warnings in it; a summary bit only when its own register was not read or shows nothing. At most `room` names are
 * stored (static strings, each once); returns how many there are. */
size_t pl_pmbus_status_names(const struct pl_pmbus_status *status, const char **names, size_t room);

/* Walks every table of this file: order, doubles, names, masks. Returns NULL, or a sentence that names the bad row. */
const char *pl_pmbus_selfcheck(void);

#endif

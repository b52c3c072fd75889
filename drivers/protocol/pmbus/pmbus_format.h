/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_PROTOCOL_PMBUS_FORMAT_H
#define PL_PROTOCOL_PMBUS_FORMAT_H

#include "drivers/base/unit.h"

/*
 * The numeric formats of PMBus ("PMBus Specification Part II" rev 1.3, sections 7 and 8) and the SMBus packet error code. No I/O.
 * Values are int64 millionths (value_u), rounded to the nearest, halves away from zero. What is not a number is PL_E_NAN, what a format
 * cannot hold PL_E_RANGE; neither gives a value.
 */
enum pl_pmbus_format {
  PL_PMBUS_LINEAR11,   /* section 7.3: X = Y * 2^N, N in bits 15:11, Y in bits 10:0, both two's complement */
  PL_PMBUS_ULINEAR16,  /* section 8.4.1: X = V * 2^N, V unsigned, N from VOUT_MODE */
  PL_PMBUS_DIRECT,     /* section 7.4: X = (Y * 10^-R - b) / m */
  PL_PMBUS_VID,        /* section 8.4.2: a code of a regulator's table */
  PL_PMBUS_HALF,       /* section 7.6: IEEE 754 binary16 */
  PL_PMBUS_FORMAT_COUNT
};

enum pl_pmbus_vid { PL_PMBUS_VR11, PL_PMBUS_VR12, PL_PMBUS_VR12_5, PL_PMBUS_VR13, PL_PMBUS_IMVP9, PL_PMBUS_AMD_6_25, PL_PMBUS_VID_COUNT };

struct pl_pmbus_scale {
  enum pl_pmbus_format format;
  int exponent;          /* ULINEAR16: N, -16 to 15 */
  int64_t m, b;          /* DIRECT; wider than the wire's 16 bits, so that a shunt can be multiplied in without loss */
  int r;                 /* DIRECT: -12 to 12 */
  enum pl_pmbus_vid vid; /* VID */
};

const char *pl_pmbus_format_name(enum pl_pmbus_format format); /* "LINEAR11" */
enum pl_status pl_pmbus_decode(const struct pl_pmbus_scale *scale, uint16_t word, int64_t *value_u, struct pl_err *err);
enum pl_status pl_pmbus_encode(const struct pl_pmbus_scale *scale, int64_t value_u, uint16_t *word, struct pl_err *err);

/* VOUT_MODE (section 8.3): the format of everything about VOUT. DIRECT and VID leave m, b, r and vid as they are in *scale: the device's
 * own. Relative mode (bit 7) is PL_E_UNSUPPORTED. */
enum pl_status pl_pmbus_vout_mode(uint8_t mode, struct pl_pmbus_scale *scale, struct pl_err *err);

/* Whether two LINEAR11 words are one value: devices write a mantissa and exponent of their own choice for what they were given. */
bool pl_pmbus_same_value(uint16_t a, uint16_t b);

/* DIRECT coefficients of a shunt-scaled quantity: m is per milliohm of shunt, which is given in micro-ohms. Exact: m and b grow, r shrinks. */
struct pl_pmbus_scale pl_pmbus_direct_by_shunt(int64_t m, int64_t b, int r, int64_t shunt_uohm);

struct pl_pmbus_vid_table {
  const char *name;
  int first, last;      /* codes with a voltage */
  int off;              /* the code that means 0 V, or -1 */
  int64_t first_u;      /* at code `first` */
  int64_t step_u;       /* per code; negative where a higher code is a lower voltage */
};
const struct pl_pmbus_vid_table *pl_pmbus_vid_table(enum pl_pmbus_vid vid);

/* SMBus 3.1 section 6.4: CRC-8, polynomial x^8 + x^2 + x + 1, start 0, over every byte of the transaction, addresses included. */
uint8_t pl_smbus_pec(uint8_t crc, const uint8_t *bytes, size_t count);

#endif

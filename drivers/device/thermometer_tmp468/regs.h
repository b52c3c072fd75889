/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_THERMOMETER_TMP468_REGS_H
#define PL_DEVICE_THERMOMETER_TMP468_REGS_H

/* TI TMP468: registers of 16 bits, the high byte first; no PEC. Addresses, identity, pointers and the temperature format as in Linux's tmp464.c;
 * reset value of the configuration and the conversion time are from memory. */
enum {
  TMP468_LOCAL = 0x00,        /* remote channel n: 0x00 + n, to 0x08 */
  TMP468_REMOTE_OPEN = 0x23,  /* bit 7 + n: no diode on remote channel n */
  TMP468_CONFIG = 0x30,       /* bit 7 + n: remote channel n on; bit 5: shutdown */
  TMP468_MANUFACTURER_ID = 0xFE,
  TMP468_DEVICE_ID = 0xFF,
};

#define TMP468_REMOTES 8
#define TMP468_CONFIG_RESET 0xFF9C
#define TMP468_CONFIG_SHUTDOWN 0x0020
#define TMP468_CONFIG_ON(n) (1u << (7 + (n)))
#define TMP468_MANUFACTURER 0x5449 /* "TI" */
#define TMP468_DEVICE 0x0468
#define TMP468_STEP_U 62500        /* 0.0625 degC; 13 bits, left-aligned */
#define TMP468_CONVERSION_NS 125000000

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_PROTOCOL_PMBUS_IO_H
#define PL_PROTOCOL_PMBUS_IO_H

#include "drivers/bus/i2c.h"
#include "drivers/device/device.h"
#include "drivers/protocol/pmbus/pmbus_format.h"
#include "drivers/protocol/pmbus/pmbus_table.h"

/*
 * PMBus transactions over pl_i2c. Everything here runs inside a job; a job begins with pl_pmbus_begin().
 *  - A command that is not in the device's map is never sent (PL_E_UNSUPPORTED): asking blindly sets CML bits and hangs some parts.
 *  - PEC is used when CAPABILITY offers it. One wrong PEC is tried again and counted, the second is PL_E_PEC.
 *  - PAGE is written in the same job before the first command that needs it, and again after every error.
 *  - After an error STATUS_CML is read, told in the sentence, kept in `cml`, and cleared bit by bit (a written 1 clears, section 10.2.3).
 */
enum pl_pmbus_quirk {
  PL_PMBUS_NO_PEC = 1,            /* answers with a wrong PEC although CAPABILITY offers it (seen on power supplies) */
  PL_PMBUS_NO_CAPABILITY = 2,     /* CAPABILITY is missing or holds nonsense: not read, no PEC */
  PL_PMBUS_BAD_WRITE_PROTECT = 4, /* WRITE_PROTECT holds nonsense: not looked at before writing */
  PL_PMBUS_SKIP_STATUS_CHECK = 8, /* STATUS_CML is missing or always shows faults: not read after errors */
  PL_PMBUS_NO_QUERY = 16,         /* QUERY lists commands that the device does not have: optional commands are left alone */
};

struct pl_pmbus_cfg {
  struct pl_bus *bus;
  uint8_t address;
  unsigned quirks;             /* pl_pmbus_quirk */
  uint8_t pages;               /* 0 and 1: PAGE is never written */
  const uint8_t *commands;     /* what the device surely has */
  size_t n_commands;
  const uint8_t *optional;     /* what it has if QUERY (itself in commands) says so */
  size_t n_optional;
};

struct pl_pmbus { /* embedded in a driver's instance; pl_pmbus_init fills it; read `counters` and `cml` freely */
  struct pl_pmbus_cfg cfg;
  uint8_t supported[32]; /* a bit a command code */
  bool learnt;           /* CAPABILITY and the optional commands were asked for */
  bool pec;
  int page, wanted;      /* the device's page (-1: unknown), and the one that the next command is for */
  uint8_t cml;           /* STATUS_CML as it was after the last error; 0: nothing was said */
  struct {
    uint64_t pec_errors, pec_retries, cml_events;
  } counters;
};

void pl_pmbus_init(struct pl_pmbus *pmbus, const struct pl_pmbus_cfg *cfg);
/* First in every job: the page is unknown (others may have used the bus), and what the device can is learnt once. */
enum pl_status pl_pmbus_begin(struct pl_pmbus *pmbus, struct pl_err *err);
bool pl_pmbus_supports(const struct pl_pmbus *pmbus, uint8_t code);
void pl_pmbus_select(struct pl_pmbus *pmbus, uint8_t page); /* for what follows in this job; page 0 after begin */

enum pl_status pl_pmbus_read_byte(struct pl_pmbus *pmbus, uint8_t code, uint8_t *value, struct pl_err *err);
enum pl_status pl_pmbus_read_word(struct pl_pmbus *pmbus, uint8_t code, uint16_t *value, struct pl_err *err);
/* Up to 255 bytes. A count of 0 or over room is PL_E_GARBAGE, less data than the count PL_E_SHORT. */
enum pl_status pl_pmbus_read_block(struct pl_pmbus *pmbus, uint8_t code, uint8_t *data, size_t room, size_t *len, struct pl_err *err);
enum pl_status pl_pmbus_send_byte(struct pl_pmbus *pmbus, uint8_t code, struct pl_err *err);
enum pl_status pl_pmbus_write_byte(struct pl_pmbus *pmbus, uint8_t code, uint8_t value, struct pl_err *err);
enum pl_status pl_pmbus_write_word(struct pl_pmbus *pmbus, uint8_t code, uint16_t value, struct pl_err *err);
enum pl_status pl_pmbus_write_block(struct pl_pmbus *pmbus, uint8_t code, const uint8_t *data, size_t len, struct pl_err *err);
enum pl_status pl_pmbus_process_call(struct pl_pmbus *pmbus, uint8_t code, uint16_t out, uint16_t *in, struct pl_err *err);
/* The device may be asked twice (once for the count): for calls that only read. */
enum pl_status pl_pmbus_block_call(struct pl_pmbus *pmbus, uint8_t code, const uint8_t *out, size_t out_len, uint8_t *in, size_t room, size_t *len,
                                   struct pl_err *err);

/* Further commands that the device has: after pl_pmbus_init, for what a rig says of one device. */
void pl_pmbus_has(struct pl_pmbus *pmbus, const uint8_t *commands, size_t count);
/* QUERY (section 11.13): bit 7 supported, 6 writable, 5 readable, 4:2 format. */
enum pl_status pl_pmbus_query(struct pl_pmbus *pmbus, uint8_t code, uint8_t *answer, struct pl_err *err);
/* PL_E_NAN for LINEAR11 and ULINEAR16 words of all ones: that is what a bus gives that nobody drives (it would be -0.5, or the format's end). */
enum pl_status pl_pmbus_read_value(struct pl_pmbus *pmbus, uint8_t code, const struct pl_pmbus_scale *scale, int64_t *value_u, struct pl_err *err);
enum pl_status pl_pmbus_read_on(struct pl_pmbus *pmbus, bool *on, struct pl_err *err);
enum pl_status pl_pmbus_read_power_good(struct pl_pmbus *pmbus, bool *good, struct pl_err *err);
/* Fails with PL_E_NAN and its sentence; digits of the word in hexadecimal. */
enum pl_status pl_pmbus_all_ones(uint8_t code, unsigned word, unsigned digits, struct pl_err *err);
/* Writes what WRITE_PROTECT allows and reads it back: PL_E_EXCEPTION when the device kept another value (LINEAR11 compared by value). */
enum pl_status pl_pmbus_set_byte(struct pl_pmbus *pmbus, uint8_t code, uint8_t value, struct pl_err *err);
enum pl_status pl_pmbus_set_value(struct pl_pmbus *pmbus, uint8_t code, const struct pl_pmbus_scale *scale, int64_t value_u, struct pl_err *err);

/* Every status register that the device has. */
enum pl_status pl_pmbus_read_status(struct pl_pmbus *pmbus, struct pl_pmbus_status *status, struct pl_err *err);
/* Reads the status and keeps it, then sends CLEAR_FAULTS: what could not be saved is not cleared. */
enum pl_status pl_pmbus_clear_faults(struct pl_pmbus *pmbus, struct pl_pmbus_status *saved, struct pl_err *err);

/* --- what PMBus drivers share --- */
enum pl_status pl_pmbus_faults(struct pl_pmbus *pmbus, struct pl_faults *faults, struct pl_err *err);
/* A text block, trailing padding (00 FF space) cut off; unprintable bytes are PL_E_GARBAGE. "" when the device has no such command. */
enum pl_status pl_pmbus_read_text(struct pl_pmbus *pmbus, uint8_t code, char *text, size_t size, struct pl_err *err);
enum pl_status pl_pmbus_identify(struct pl_pmbus *pmbus, struct pl_identity *identity, struct pl_err *err);

/* --- the answer to a block read, apart from the wire (also for the fuzzer) --- */
struct pl_pmbus_answer {
  const uint8_t *bytes; /* count, data, and the PEC last when pec */
  size_t have;
  bool pec;
  uint8_t crc;          /* over the bytes of the transaction that went before the count */
};
enum pl_status pl_pmbus_parse_block(const struct pl_pmbus_answer *answer, uint8_t *data, size_t room, size_t *len, struct pl_err *err);

#endif

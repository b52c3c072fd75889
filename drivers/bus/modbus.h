/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_MODBUS_H
#define PL_BUS_MODBUS_H

#include "drivers/bus/bus.h"

/* Modbus master in the terms of the "MODBUS Application Protocol Specification V1.1b3" (section 6: function codes). Unit ids 1-255. */
#define PL_MODBUS_PDU_MAX 253
#define PL_MODBUS_READ_REGISTERS_MAX 125
#define PL_MODBUS_WRITE_REGISTERS_MAX 123
#define PL_MODBUS_READ_BITS_MAX 2000
#define PL_MODBUS_WRITE_BITS_MAX 1968

struct pl_modbus_line { /* how a unit on a serial line speaks */
  int baud;      /* 0 (all three): as the bus */
  char parity;   /* 'N', 'E', 'O' */
  int stop_bits; /* 1, 2 */
};

struct pl_modbus_ops {
  /* One request and its answer as PDUs (function code first). The adapter flushes stale bytes first, and refuses an answer from another
   * unit or to another function. An exception answer is returned as a PDU; the layer turns it into PL_E_EXCEPTION with its name. */
  enum pl_status (*exchange)(void *self, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *answer, size_t answer_room, size_t *answer_len,
                             pl_time_ns deadline, pl_time_ns *wire_ns, struct pl_err *err);
  enum pl_status (*set_line)(void *self, uint8_t unit, const struct pl_modbus_line *line, struct pl_err *err); /* NULL: no serial line */
};

/* At open, on the loop's thread, before the first job: this unit speaks otherwise than the bus's own settings say; the port is set anew for its requests.
 * PL_E_UNSUPPORTED where the bus is no serial line. */
enum pl_status pl_modbus_set_line(struct pl_bus *bus, uint8_t unit, const struct pl_modbus_line *line, struct pl_err *err);

/* All inside a job. Addresses are protocol addresses (from 0). */
enum pl_status pl_modbus_read_coils(struct pl_bus *bus, uint8_t unit, uint16_t address, size_t count, bool *values, struct pl_err *err);
enum pl_status pl_modbus_read_discrete_inputs(struct pl_bus *bus, uint8_t unit, uint16_t address, size_t count, bool *values, struct pl_err *err);
enum pl_status pl_modbus_read_holding(struct pl_bus *bus, uint8_t unit, uint16_t address, size_t count, uint16_t *values, struct pl_err *err);
enum pl_status pl_modbus_read_input(struct pl_bus *bus, uint8_t unit, uint16_t address, size_t count, uint16_t *values, struct pl_err *err);
enum pl_status pl_modbus_write_coils(struct pl_bus *bus, uint8_t unit, uint16_t address, size_t count, const bool *values, struct pl_err *err);
/* One register by function 06, more by function 16. */
enum pl_status pl_modbus_write_registers(struct pl_bus *bus, uint8_t unit, uint16_t address, size_t count, const uint16_t *values, struct pl_err *err);
/* Function 20 (0x14), reference type 6. */
enum pl_status pl_modbus_read_file(struct pl_bus *bus, uint8_t unit, uint16_t file, uint16_t record, size_t count, uint16_t *values, struct pl_err *err);
/* Function 21 (0x15), reference type 6; up to 122 registers. */
enum pl_status pl_modbus_write_file(struct pl_bus *bus, uint8_t unit, uint16_t file, uint16_t record, size_t count, const uint16_t *values, struct pl_err *err);
/* Any PDU, function code first. */
enum pl_status pl_modbus_raw(struct pl_bus *bus, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *answer, size_t answer_room,
                             size_t *answer_len, struct pl_err *err);

const char *pl_modbus_exception_name(uint8_t code); /* "illegal data address" */

#endif

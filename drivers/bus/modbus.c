/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/modbus.h"
#include "drivers/bus/layer.h"
#include "drivers/bus/tap.h"

#include <string.h>

/* Section numbers are those of the "MODBUS Application Protocol Specification V1.1b3". */
enum {
  READ_COILS = 1,
  READ_DISCRETE_INPUTS = 2,
  READ_HOLDING = 3,
  READ_INPUT = 4,
  WRITE_COIL = 5,
  WRITE_REGISTER = 6,
  WRITE_COILS = 15,
  WRITE_REGISTERS = 16,
  READ_FILE = 20,
  WRITE_FILE = 21,
  EXCEPTION = 0x80,
};

#define FILE_REFERENCE 6        /* section 6.14: the reference type, always 6 */
#define FILE_REGISTERS_MAX 124  /* a PDU of 253 bytes less function, length, sub-length and reference type, in registers */
#define FILE_WRITE_MAX 122      /* section 6.15: request data length up to 0xFB: 7 bytes and the registers */
#define FILE_RECORD_LAST 9999   /* section 6.14: record numbers 0 to 9999 */

enum pl_status pl_modbus_set_line(struct pl_bus *bus, uint8_t unit, const struct pl_modbus_line *line, struct pl_err *err)
{
  const struct pl_modbus_ops *ops = pl_bus_ops(bus);
  if (!ops->set_line)
    return pl_fail(err, PL_E_UNSUPPORTED, "%s is no serial line: its units have no baud rate or parity of their own", pl_bus_name(bus));
  return ops->set_line(pl_bus_self(bus), unit, line, err);
}

const char *pl_modbus_exception_name(uint8_t code)
{
  static const char *const NAMES[] = {/* section 7 */
                                      [1] = "illegal function",
                                      [2] = "illegal data address",
                                      [3] = "illegal data value",
                                      [4] = "server device failure",
                                      [5] = "acknowledge",
                                      [6] = "server device busy",
                                      [7] = "negative acknowledge",
                                      [8] = "memory parity error",
                                      [10] = "gateway path unavailable",
                                      [11] = "gateway target device failed to respond"};
  const char *name = code < sizeof NAMES / sizeof NAMES[0] ? NAMES[code] : NULL;
  return name ? name : "unknown exception";
}

static const char *function_name(uint8_t function)
{
  switch (function) {
  case READ_COILS: return "read coils";
  case READ_DISCRETE_INPUTS: return "read discrete inputs";
  case READ_HOLDING: return "read holding registers";
  case READ_INPUT: return "read input registers";
  case WRITE_COIL: return "write single coil";
  case WRITE_REGISTER: return "write single register";
  case WRITE_COILS: return "write multiple coils";
  case WRITE_REGISTERS: return "write multiple registers";
  case READ_FILE: return "read file record";
  case WRITE_FILE: return "write file record";
  default: return "function";
  }
}

static void put16(uint8_t *at, size_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static uint16_t get16(const uint8_t *at)
{
  return (uint16_t)(at[0] << 8 | at[1]);
}

static enum pl_status check_answer(uint8_t unit, uint8_t function, const uint8_t *answer, size_t len, struct pl_err *err)
{
  if (!len)
    return pl_fail(err, PL_E_SHORT, "unit %u answered 0x%02x (%s) with nothing", unit, function, function_name(function));
  if (answer[0] == (function | EXCEPTION)) {
    if (len != 2)
      return pl_fail(err, len < 2 ? PL_E_SHORT : PL_E_GARBAGE, "unit %u answered 0x%02x (%s) with an exception of %zu bytes, expected 2", unit, function,
                     function_name(function), len);
    return pl_fail(err, PL_E_EXCEPTION, "unit %u refused 0x%02x (%s): %s (exception %u)", unit, function, function_name(function),
                   pl_modbus_exception_name(answer[1]), answer[1]);
  }
  if (answer[0] != function)
    return pl_fail(err, PL_E_GARBAGE, "unit %u answered 0x%02x (%s) with function 0x%02x", unit, function, function_name(function), answer[0]);
  return PL_OK;
}

enum pl_status pl_modbus_raw(struct pl_bus *bus, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *answer, size_t answer_room,
                             size_t *answer_len, struct pl_err *err)
{
  const struct pl_modbus_ops *ops = pl_bus_ops(bus);
  if (!unit)
    return pl_fail(err, PL_E_USAGE, "modbus unit 0 is the broadcast address: nobody answers it; use 1 to 255");
  if (!request_len || request_len > PL_MODBUS_PDU_MAX)
    return pl_fail(err, PL_E_USAGE, "a modbus request has 1 to %d bytes, this one %zu", PL_MODBUS_PDU_MAX, request_len);
  if (!request[0] || request[0] & EXCEPTION)
    return pl_fail(err, PL_E_USAGE, "modbus function codes are 1 to 127, not %u", request[0]);
  enum pl_status status = pl_bus_check_deadline(bus, err);
  if (status)
    return status;
  pl_time_ns wire_ns = 0, from = pl_bus_now(bus);
  *answer_len = 0;
  status = ops->exchange(pl_bus_self(bus), unit, request, request_len, answer, answer_room, answer_len, pl_bus_deadline(bus), &wire_ns, err);
  pl_bus_charge(bus, wire_ns);
  pl_tap_modbus(bus, unit, request, request_len, answer, *answer_len, from, status, err);
  size_t bytes = request_len + (status ? 0 : *answer_len);
  if (!status)
    status = check_answer(unit, request[0], answer, *answer_len, err);
  pl_bus_count(bus, bytes, status);
  return status;
}

/* The answer must have exactly `want` bytes; counted says that byte 1 tells how many follow it. */
static enum pl_status check_length(const char *what, const uint8_t *answer, size_t len, size_t want, bool counted, struct pl_err *err)
{
  if (len < want)
    return pl_fail(err, PL_E_SHORT, "the answer to %s has %zu bytes, expected %zu", what, len, want);
  if (len > want)
    return pl_fail(err, PL_E_GARBAGE, "the answer to %s has %zu bytes, expected %zu", what, len, want);
  if (counted && answer[1] != want - 2)
    return pl_fail(err, PL_E_GARBAGE, "the answer to %s says that %u bytes follow, expected %zu", what, answer[1], want - 2);
  return PL_OK;
}

static enum pl_status check_range(const char *what, uint16_t address, size_t count, size_t max, struct pl_err *err)
{
  if (!count || count > max)
    return pl_fail(err, PL_E_USAGE, "%s takes 1 to %zu at a time, not %zu", what, max, count);
  if (address + count > 0x10000)
    return pl_fail(err, PL_E_USAGE, "%s of %zu from %u runs past address 65535", what, count, address);
  return PL_OK;
}

/* Sections 6.1 to 6.4: function, address, quantity; the answer: function, byte count, data. */
static enum pl_status read_table(struct pl_bus *bus, uint8_t unit, uint8_t function, uint16_t address, size_t count, size_t data_bytes, uint8_t *answer,
                                 struct pl_err *err)
{
  const char *what = function_name(function);
  enum pl_status status = check_range(what, address, count, function <= READ_DISCRETE_INPUTS ? PL_MODBUS_READ_BITS_MAX : PL_MODBUS_READ_REGISTERS_MAX, err);
  if (status)
    return status;
  uint8_t request[5] = {function};
  put16(request + 1, address);
  put16(request + 3, count);
  size_t len;
  status = pl_modbus_raw(bus, unit, request, sizeof request, answer, PL_MODBUS_PDU_MAX, &len, err);
  return status ? status : check_length(what, answer, len, 2 + data_bytes, true, err);
}

static enum pl_status read_bits(struct pl_bus *bus, uint8_t unit, uint8_t function, uint16_t address, size_t count, bool *values, struct pl_err *err)
{
  uint8_t answer[PL_MODBUS_PDU_MAX];
  enum pl_status status = read_table(bus, unit, function, address, count, (count + 7) / 8, answer, err);
  if (status)
    return status;
  for (size_t i = 0; i < count; i++) /* the first is the least significant bit of the first byte */
    values[i] = answer[2 + i / 8] >> i % 8 & 1;
  return PL_OK;
}

static enum pl_status read_registers(struct pl_bus *bus, uint8_t unit, uint8_t function, uint16_t address, size_t count, uint16_t *values, struct pl_err *err)
{
  uint8_t answer[PL_MODBUS_PDU_MAX];
  enum pl_status status = read_table(bus, unit, function, address, count, 2 * count, answer, err);
  if (status)
    return status;
  for (size_t i = 0; i < count; i++)
    values[i] = get16(answer + 2 + 2 * i);
  return PL_OK;
}

enum pl_status pl_modbus_read_coils(struct pl_bus *bus, uint8_t unit, uint16_t address, size_t count, bool *values, struct pl_err *err)
{
  return read_bits(bus, unit, READ_COILS, address, count, values, err);
}

enum pl_status pl_modbus_read_discrete_inputs(struct pl_bus *bus, uint8_t unit, uint16_t address, size_t count, bool *values, struct pl_err *err)
{
  return read_bits(bus, unit, READ_DISCRETE_INPUTS, address, count, values, err);
}

enum pl_status pl_modbus_read_holding(struct pl_bus *bus, uint8_t unit, uint16_t address, size_t count, uint16_t *values, struct pl_err *err)
{
  return read_registers(bus, unit, READ_HOLDING, address, count, values, err);
}

enum pl_status pl_modbus_read_input(struct pl_bus *bus, uint8_t unit, uint16_t address, size_t count, uint16_t *values, struct pl_err *err)
{
  return read_registers(bus, unit, READ_INPUT, address, count, values, err);
}

/* Sections 6.5, 6.6, 6.11, 6.12: the answer repeats the first five bytes of the request. */
static enum pl_status write_table(struct pl_bus *bus, uint8_t unit, const uint8_t *request, size_t request_len, struct pl_err *err)
{
  uint8_t answer[PL_MODBUS_PDU_MAX];
  const char *what = function_name(request[0]);
  size_t len;
  enum pl_status status = pl_modbus_raw(bus, unit, request, request_len, answer, sizeof answer, &len, err);
  if (!status)
    status = check_length(what, answer, len, 5, false, err);
  if (!status && memcmp(answer, request, 5))
    return pl_fail(err, PL_E_GARBAGE, "the answer to %s confirms address %u, value %u; address %u, value %u were sent", what, get16(answer + 1),
                   get16(answer + 3), get16(request + 1), get16(request + 3));
  return status;
}

enum pl_status pl_modbus_write_coils(struct pl_bus *bus, uint8_t unit, uint16_t address, size_t count, const bool *values, struct pl_err *err)
{
  uint8_t request[PL_MODBUS_PDU_MAX] = {count == 1 ? WRITE_COIL : WRITE_COILS};
  enum pl_status status = check_range(function_name(request[0]), address, count, PL_MODBUS_WRITE_BITS_MAX, err);
  if (status)
    return status;
  put16(request + 1, address);
  if (count == 1) {
    put16(request + 3, values[0] ? 0xff00 : 0);
    return write_table(bus, unit, request, 5, err);
  }
  put16(request + 3, count);
  request[5] = (uint8_t)((count + 7) / 8);
  for (size_t i = 0; i < count; i++)
    if (values[i])
      request[6 + i / 8] |= (uint8_t)(1 << i % 8);
  return write_table(bus, unit, request, 6u + request[5], err);
}

enum pl_status pl_modbus_write_registers(struct pl_bus *bus, uint8_t unit, uint16_t address, size_t count, const uint16_t *values, struct pl_err *err)
{
  uint8_t request[PL_MODBUS_PDU_MAX] = {count == 1 ? WRITE_REGISTER : WRITE_REGISTERS};
  enum pl_status status = check_range(function_name(request[0]), address, count, PL_MODBUS_WRITE_REGISTERS_MAX, err);
  if (status)
    return status;
  put16(request + 1, address);
  if (count == 1) {
    put16(request + 3, values[0]);
    return write_table(bus, unit, request, 5, err);
  }
  put16(request + 3, count);
  request[5] = (uint8_t)(2 * count);
  for (size_t i = 0; i < count; i++)
    put16(request + 6 + 2 * i, values[i]);
  return write_table(bus, unit, request, 6 + 2 * count, err);
}

static enum pl_status check_file(const char *what, uint16_t file, uint16_t record, size_t count, size_t most, struct pl_err *err)
{
  if (!count || count > most)
    return pl_fail(err, PL_E_USAGE, "%s takes 1 to %zu at a time, not %zu", what, most, count);
  if (!file || record > FILE_RECORD_LAST)
    return pl_fail(err, PL_E_USAGE, "%s: files are 1 to 65535 and records 0 to %d, not file %u record %u", what, FILE_RECORD_LAST, file, record);
  return PL_OK;
}

/* The answer repeats the whole request. */
enum pl_status pl_modbus_write_file(struct pl_bus *bus, uint8_t unit, uint16_t file, uint16_t record, size_t count, const uint16_t *values, struct pl_err *err)
{
  const char *what = function_name(WRITE_FILE);
  enum pl_status status = check_file(what, file, record, count, FILE_WRITE_MAX, err);
  if (status)
    return status;
  uint8_t request[PL_MODBUS_PDU_MAX] = {WRITE_FILE, (uint8_t)(7 + 2 * count), FILE_REFERENCE}, answer[PL_MODBUS_PDU_MAX];
  put16(request + 3, file);
  put16(request + 5, record);
  put16(request + 7, count);
  for (size_t i = 0; i < count; i++)
    put16(request + 9 + 2 * i, values[i]);
  size_t request_len = 9 + 2 * count, len = 0;
  status = pl_modbus_raw(bus, unit, request, request_len, answer, sizeof answer, &len, err);
  if (!status)
    status = check_length(what, answer, len, request_len, false, err);
  if (!status && memcmp(answer, request, request_len))
    status = pl_fail(err, PL_E_GARBAGE, "the answer to %s does not repeat what was sent to file %u record %u", what, file, record);
  return status;
}

enum pl_status pl_modbus_read_file(struct pl_bus *bus, uint8_t unit, uint16_t file, uint16_t record, size_t count, uint16_t *values, struct pl_err *err)
{
  const char *what = function_name(READ_FILE);
  enum pl_status status = check_file(what, file, record, count, FILE_REGISTERS_MAX, err);
  if (status)
    return status;
  uint8_t request[9] = {READ_FILE, 7, FILE_REFERENCE};
  put16(request + 3, file);
  put16(request + 5, record);
  put16(request + 7, count);
  uint8_t answer[PL_MODBUS_PDU_MAX];
  size_t len;
  status = pl_modbus_raw(bus, unit, request, sizeof request, answer, sizeof answer, &len, err);
  if (!status)
    status = check_length(what, answer, len, 4 + 2 * count, true, err);
  if (status)
    return status;
  if (answer[2] != 1 + 2 * count || answer[3] != FILE_REFERENCE)
    return pl_fail(err, PL_E_GARBAGE, "the answer to %s has a sub-response of %u bytes and reference type %u, expected %zu and %d", what, answer[2], answer[3],
                   1 + 2 * count, FILE_REFERENCE);
  for (size_t i = 0; i < count; i++)
    values[i] = get16(answer + 4 + 2 * i);
  return PL_OK;
}

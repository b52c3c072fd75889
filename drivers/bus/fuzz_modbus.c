/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/modbus.h"

#include <assert.h>

/* Any bytes as the answer to any call: what the layer lets through must be what was on the wire, and nothing is read or written out of bounds. */
struct fuzz {
  struct pl_bus *bus;
  const uint8_t *answer;
  size_t answer_len;
  uint8_t call, unit;
  uint16_t address;
  size_t count;
};

static enum pl_status give_answer(void *self, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *answer, size_t answer_room,
                                  size_t *answer_len, pl_time_ns deadline, pl_time_ns *wire_ns, struct pl_err *err)
{
  (void)deadline;
  (void)err;
  struct fuzz *f = self;
  assert(unit && request_len && request_len <= PL_MODBUS_PDU_MAX && request[0] < 0x80);
  *wire_ns = PL_MS;
  *answer_len = f->answer_len < answer_room ? f->answer_len : answer_room;
  memcpy(answer, f->answer, *answer_len);
  return PL_OK;
}

static const struct pl_modbus_ops OPS = {.exchange = give_answer};

static enum pl_status read_registers(struct fuzz *f, struct pl_err *err)
{
  uint16_t values[PL_MODBUS_READ_REGISTERS_MAX] = {0};
  size_t data = f->call % 7 == 4 ? 4 : 2; /* where the data begins in the answer */
  enum pl_status status = f->call % 7 == 2   ? pl_modbus_read_holding(f->bus, f->unit, f->address, f->count, values, err)
                          : f->call % 7 == 3 ? pl_modbus_read_input(f->bus, f->unit, f->address, f->count, values, err)
                                             : pl_modbus_read_file(f->bus, f->unit, 1, f->address, f->count, values, err);
  for (size_t i = 0; !status && i < f->count; i++)
    assert(values[i] == (f->answer[data + 2 * i] << 8 | f->answer[data + 2 * i + 1]));
  return status;
}

static enum pl_status run_call(struct pl_job *job, struct pl_err *err)
{
  struct fuzz *f = job->ctx;
  bool bits[PL_MODBUS_READ_BITS_MAX] = {0};
  uint16_t values[PL_MODBUS_WRITE_REGISTERS_MAX] = {0};
  uint8_t answer[PL_MODBUS_PDU_MAX];
  static const uint8_t REQUEST[] = {0x2b, 0x0e, 1, 0};
  size_t len;
  switch (f->call % 7) {
  case 0: return pl_modbus_read_coils(f->bus, f->unit, f->address, f->count, bits, err);
  case 1: return pl_modbus_read_discrete_inputs(f->bus, f->unit, f->address, f->count, bits, err);
  case 2:
  case 3:
  case 4: return read_registers(f, err);
  case 5:
    return f->count & 1 ? pl_modbus_write_registers(f->bus, f->unit, f->address, f->count, values, err)
                        : pl_modbus_write_coils(f->bus, f->unit, f->address, f->count, bits, err);
  default: return pl_modbus_raw(f->bus, f->unit, REQUEST, sizeof REQUEST, answer, f->count < sizeof answer ? f->count : sizeof answer, &len, err);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 6)
    return 0;
  struct pl_clock *clock;
  struct fuzz f = {.answer = data + 6,
                   .answer_len = size - 6,
                   .call = data[0],
                   .unit = data[1],
                   .address = (uint16_t)(data[2] << 8 | data[3]),
                   .count = (size_t)((data[4] << 8 | data[5]) % 2050)};
  struct pl_job job = {.run = run_call, .ctx = &f};
  struct pl_err err = {0};
  if (pl_clock_new_virtual(0, &clock, NULL))
    return 0;
  if (!pl_bus_new("fuzz", PL_BUS_MODBUS, clock, &f.bus, NULL)) {
    pl_bus_attach(f.bus, &OPS, &f, NULL, false);
    enum pl_status status = pl_bus_run(f.bus, &job, &err);
    assert(status == err.status && (status == PL_OK || err.text[0]));
    pl_bus_free(f.bus);
  }
  pl_clock_free(clock);
  return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_MODBUS_MAP_FAKE_MAP_BENCH_H
#define PL_DEVICE_MODBUS_MAP_FAKE_MAP_BENCH_H

/* For tests: a mapped device over the real Modbus layer, down to PDUs, against its twin. The adapter is a few lines that hand the PDU's fields
 * to the twin; the world is an array of port values. Included by one test program each; links without fixtures/twin. */

#include "drivers/bus/modbus.h"
#include "drivers/device/modbus_map/modbus_map.h"

#include <math.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <setjmp.h>

#include <cmocka.h>

#define UNIT 12
#define PORTS 32

struct pl_twin_io {
  double in[PORTS], out[PORTS];
};

double pl_twin_in(struct pl_twin_io *io, size_t port)
{
  assert_true(port < PORTS);
  return io->in[port];
}

void pl_twin_out(struct pl_twin_io *io, size_t port, double value)
{
  assert_true(port < PORTS);
  io->out[port] = value;
}

double pl_twin_out_value(struct pl_twin_io *io, size_t port)
{
  assert_true(port < PORTS);
  return io->out[port];
}

struct bench {
  struct pl_clock *clock;
  struct pl_bus *bus;
  struct pl_value items[8];
  struct pl_values values;
  struct pl_shape shape;
  void *device, *twin;
  struct pl_twin_io io;
  const struct pl_port *ports;
  size_t n_ports;
  int requests;       /* PDUs so far */
  uint8_t last[253];  /* the last request */
  uint16_t flip;      /* XORed into every register read: a device that does not take what it is told */
  int (*read)(void *self, enum pl_modbus_table table, uint16_t address, size_t count, uint16_t *values); /* in place of the twin's */
};

/* --- the adapter --- */

static inline uint16_t word_at(const uint8_t *bytes)
{
  return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline size_t answer_exception(uint8_t *answer, uint8_t function, int code)
{
  answer[0] = function | 0x80;
  answer[1] = (uint8_t)code;
  return 2;
}

static inline size_t read_answer(struct bench *bench, const uint8_t *request, enum pl_modbus_table table, uint8_t *answer)
{
  uint16_t values[2000] = {0}, count = word_at(request + 3);
  int exception = (bench->read ? bench->read : pl_twin_modbus_map.modbus_read)(bench->twin, table, word_at(request + 1), count, values);
  if (exception != 0) {
    return answer_exception(answer, request[0], exception);
  }
  bool bits = table == PL_TABLE_COILS || table == PL_TABLE_DISCRETE;
  size_t bytes = bits ? (count + 7U) / 8U : (size_t)count * 2;
  memset(answer, 0, 2 + bytes);
  answer[0] = request[0];
  answer[1] = (uint8_t)bytes;
  for (size_t i = 0; i < count; i++) {
    if (bits) {
      answer[2 + i / 8] = (uint8_t)(answer[2 + i / 8] | (unsigned)(values[i] & 1) << i % 8);
    } else {
      values[i] ^= bench->flip;
      answer[2 + 2 * i] = (uint8_t)(values[i] >> 8);
      answer[3 + 2 * i] = (uint8_t)values[i];
    }
  }
  return 2 + bytes;
}

static inline size_t write_answer(struct bench *bench, const uint8_t *request, uint8_t *answer)
{
  uint16_t values[PL_MODBUS_WRITE_REGISTERS_MAX] = {0}, count = 1;
  bool coils = request[0] == 5 || request[0] == 15;
  if (request[0] == 5) {
    values[0] = request[3] == 0xFF;
  } else if (request[0] == 6) {
    values[0] = word_at(request + 3);
  } else {
    count = word_at(request + 3);
    for (size_t i = 0; i < count; i++) {
      unsigned bit = (unsigned)request[6 + i / 8] >> i % 8 & 1U;
      values[i] = coils ? (uint16_t)bit : word_at(request + 6 + 2 * i);
    }
  }
  int exception = pl_twin_modbus_map.modbus_write(bench->twin, coils ? PL_TABLE_COILS : PL_TABLE_HOLDING, word_at(request + 1), count, values);
  if (exception != 0) {
    return answer_exception(answer, request[0], exception);
  }
  memcpy(answer, request, 5);
  return 5;
}

static inline enum pl_status exchange(void *self, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *answer, size_t answer_room,
                                      size_t *answer_len,
                               pl_time_ns deadline, pl_time_ns *wire_ns, struct pl_err *err)
{
  struct bench *bench = self;
  (void)deadline;
  (void)err;
  assert_int_equal(unit, UNIT);
  assert_true(request_len >= 5 && request_len <= sizeof bench->last && answer_room >= 253);
  bench->requests++;
  memcpy(bench->last, request, request_len);
  static const enum pl_modbus_table tables[] = {[1] = PL_TABLE_COILS, [2] = PL_TABLE_DISCRETE, [3] = PL_TABLE_HOLDING, [4] = PL_TABLE_INPUT};
  *answer_len = request[0] <= 4 ? read_answer(bench, request, tables[request[0]], answer) : write_answer(bench, request, answer);
  *wire_ns = 5 * PL_MS;
  return PL_OK;
}

/* --- the bench --- */

static inline void open_bench(struct bench *bench, const char *map)
{
  static const struct pl_modbus_ops ops = {.exchange = exchange};
  const struct pl_device_desc *desc = &pl_device_modbus_map;
  struct pl_err err = {0};
  *bench = (struct bench){0};
  assert_int_equal(pl_value_parse(&desc->params[0], map, &bench->items[0], &err), PL_OK);
  assert_int_equal(pl_value_parse(&desc->params[1], "12", &bench->items[1], &err), PL_OK);
  for (size_t i = 2; i < desc->n_params; i++)
    bench->items[i] = (struct pl_value){.param = &desc->params[i]};
  bench->values = (struct pl_values){.items = bench->items, .count = desc->n_params};
  if (desc->shape(&bench->values, &bench->shape, &err) != PL_OK) {
    fail_msg("%s", err.text);
  }
  bench->ports = pl_twin_modbus_map.ports_of(&bench->shape, &bench->n_ports);
  for (size_t i = 0; i < bench->n_ports; i++) {
    bench->io.out[i] = isnan(bench->ports[i].initial) ? 0 : bench->ports[i].initial;
  }
  assert_int_equal(pl_clock_new_virtual(0, &bench->clock, &err), PL_OK);
  assert_int_equal(pl_bus_new("rtu", PL_BUS_MODBUS, bench->clock, &bench->bus, &err), PL_OK);
  pl_bus_attach(bench->bus, &ops, bench, NULL, true);
  const struct pl_twin_args twin_args = {.device = "dut", .values = &bench->values, .io = &bench->io, .shape = &bench->shape, .serial = "PL1234ABCD"};
  assert_int_equal(pl_twin_modbus_map.create(&twin_args, &bench->twin, &err), PL_OK);
  const struct pl_device_args args = {.name = "dut", .bus = bench->bus, .values = &bench->values, .shape = &bench->shape};
  assert_int_equal(desc->open(&args, &bench->device, &err), PL_OK);
}

static inline void close_bench(struct bench *bench)
{
  pl_device_modbus_map.close(bench->device);
  pl_twin_modbus_map.destroy(bench->twin);
  pl_device_modbus_map.shape_free(&bench->shape);
  pl_bus_free(bench->bus);
  pl_clock_free(bench->clock);
}

static inline size_t port(const struct bench *bench, const char *name, bool out)
{
  for (size_t i = 0; i < bench->n_ports; i++) {
    if (strcmp(bench->ports[i].name, name) == 0) {
      assert_int_equal(bench->ports[i].out, out);
      return i;
    }
  }
  fail_msg("no port %s", name);
  return 0;
}

struct call {
  struct bench *bench;
  int kind;
  const struct pl_quantity *quantity;
  int64_t value_u;
  struct pl_reading reading;
  struct pl_identity identity;
  struct pl_faults faults;
};

static inline enum pl_status run_call(struct pl_job *job, struct pl_err *err)
{
  struct call *call = job->ctx;
  const struct pl_device_desc *desc = &pl_device_modbus_map;
  void *device = call->bench->device;
  switch (call->kind) {
  case 'g':
    return desc->get(device, call->quantity, &call->reading, err);
  case 's':
    return desc->set(device, call->quantity, call->value_u, err);
  case 'i':
    return desc->identify(device, &call->identity, err);
  case 'f':
    return desc->faults(device, &call->faults, err);
  default:
    return desc->probe(device, err);
  }
}

static inline enum pl_status run(struct call *call, struct pl_err *err)
{
  struct pl_job job = {.run = run_call, .ctx = call, .deadline = pl_clock_now(call->bench->clock) + PL_S};
  *err = (struct pl_err){0};
  return pl_bus_run(call->bench->bus, &job, err);
}

static const struct pl_quantity *quantity(const struct bench *bench, const char *name)
{
  for (size_t i = 0; i < bench->shape.count; i++) {
    if (strcmp(bench->shape.quantities[i].name, name) == 0) {
      return &bench->shape.quantities[i];
    }
  }
  fail_msg("no quantity %s", name);
  return NULL;
}

static inline enum pl_status get(struct bench *bench, const char *name, int64_t *value_u, struct pl_err *err)
{
  struct call call = {.bench = bench, .kind = 'g', .quantity = quantity(bench, name)};
  enum pl_status status = run(&call, err);
  if (status == PL_OK) {
    assert_int_equal(call.reading.dim, call.quantity->dim);
    *value_u = call.reading.value_u;
  }
  return status;
}

static inline int64_t value_of(struct bench *bench, const char *name)
{
  struct pl_err err;
  int64_t value_u = INT64_MIN;
  if (get(bench, name, &value_u, &err) != PL_OK) {
    fail_msg("%s", err.text);
  }
  return value_u;
}

static inline enum pl_status set(struct bench *bench, const char *name, int64_t value_u, struct pl_err *err)
{
  struct call call = {.bench = bench, .kind = 's', .quantity = quantity(bench, name), .value_u = value_u};
  return run(&call, err);
}

static inline bool has_fault(const struct pl_faults *faults, const char *name)
{
  for (size_t i = 0; i < faults->count; i++) {
    if (strcmp(faults->names[i], name) == 0) {
      return true;
    }
  }
  return false;
}

/* Maps that only a test needs are written to a folder of their own. */
struct folder {
  char path[64], file[96];
};

static inline void write_map(struct folder *folder, const char *text)
{
  snprintf(folder->path, sizeof folder->path, "/tmp/test_modbus_map_XXXXXX");
  assert_non_null(mkdtemp(folder->path));
  snprintf(folder->file, sizeof folder->file, "%s/bench.yaml", folder->path);
  int fd = open(folder->file, O_WRONLY | O_CREAT | O_EXCL, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
}

static inline void remove_map(const struct folder *folder)
{
  unlink(folder->file);
  rmdir(folder->path);
}

#endif

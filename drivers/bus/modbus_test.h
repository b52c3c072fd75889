/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_MODBUS_TEST_H
#define PL_BUS_MODBUS_TEST_H

/* For test_modbus_tcp.c and test_modbus_rtu.c only: a bus on an adapter under test, calls as jobs, and a unit that answers PDUs. */
#include "drivers/bus/adapter.h"
#include "drivers/bus/modbus.h"
#include "drivers/rig/backend.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* --- a folder for the lock files --- */

static char lock_folder[] = "/tmp/test_modbus.XXXXXX";

static int make_folder(void **state)
{
  (void)state;
  return mkdtemp(lock_folder) && setenv("PLUMBLINE_LOCK_DIR", lock_folder, 1) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
  (void)state;
  DIR *folder = opendir(lock_folder);
  for (struct dirent *entry; folder && (entry = readdir(folder));)
    unlinkat(dirfd(folder), entry->d_name, 0);
  if (folder)
    closedir(folder);
  return rmdir(lock_folder);
}

static inline void tell(void *ctx, const char *check, const char *why)
{
  (void)ctx;
  print_error("%s: %s\n", check, why);
}

/* --- the virtual rack of these tests: knows the endpoint of its one server --- */

struct pl_backend {
  char endpoint[128];
};

static enum pl_status test_endpoint(struct pl_backend *backend, const char *bus, const char **endpoint, struct pl_err *err)
{
  (void)err;
  assert_string_equal(bus, "bus-under-test");
  *endpoint = backend->endpoint;
  return PL_OK;
}

const struct pl_backend_desc *pl_backend_find(const char *name)
{
  static const struct pl_backend_desc DESC = {.name = "twin", .endpoint = test_endpoint};
  return strcmp(name, DESC.name) ? NULL : &DESC;
}

/* --- the bus --- */

struct rig {
  struct pl_clock *clock;
  struct pl_bus *bus;
  struct pl_backend backend;
  struct pl_err err;
};

struct pair {
  const char *name, *text;
};

/* Opens the adapter with the settings given; the others have their fallbacks. The clock must be there. */
static enum pl_status open_bus(struct rig *rig, const struct pl_adapter_desc *desc, bool with_backend, const struct pair *pairs, size_t n_pairs)
{
  struct pl_value items[20] = {{.param = NULL}};
  assert_true(desc->n_params <= 20);
  for (size_t i = 0; i < desc->n_params; i++) {
    const char *text = desc->params[i].fallback;
    for (size_t k = 0; k < n_pairs; k++)
      if (!strcmp(pairs[k].name, desc->params[i].name))
        text = pairs[k].text;
    items[i].param = &desc->params[i];
    if (!text)
      continue;
    enum pl_status status = pl_value_parse(&desc->params[i], text, &items[i], &rig->err);
    if (status)
      return status;
  }
  const struct pl_values values = {items, desc->n_params};
  const struct pl_adapter_args args = {.bus_name = "bus-under-test", .values = &values, .backend = with_backend ? &rig->backend : NULL};
  assert_int_equal(pl_bus_new(args.bus_name, PL_BUS_MODBUS, rig->clock, &rig->bus, &rig->err), PL_OK);
  enum pl_status status = desc->open(rig->bus, &args, &rig->err);
  if (status) {
    pl_bus_free(rig->bus);
    rig->bus = NULL;
  }
  return status;
}

static void close_rig(struct rig *rig)
{
  pl_bus_free(rig->bus);
  pl_clock_free(rig->clock);
}

/* --- calls as jobs --- */

struct call {
  struct pl_job job;
  struct rig *rig;
  uint8_t function, unit;
  uint16_t address;
  size_t count;
  uint16_t values[PL_MODBUS_READ_REGISTERS_MAX];
};

static enum pl_status run_call(struct pl_job *job, struct pl_err *err)
{
  struct call *c = job->ctx;
  static const uint8_t IDENTIFY[] = {0x2b, 0x0e, 1, 0};
  uint8_t answer[PL_MODBUS_PDU_MAX];
  switch (c->function) {
  case 3: return pl_modbus_read_holding(c->rig->bus, c->unit, c->address, c->count, c->values, err);
  case 16: return pl_modbus_write_registers(c->rig->bus, c->unit, c->address, c->count, c->values, err);
  case 20: return pl_modbus_read_file(c->rig->bus, c->unit, 4, c->address, c->count, c->values, err);
  default: return pl_modbus_raw(c->rig->bus, c->unit, IDENTIFY, sizeof IDENTIFY, answer, sizeof answer, &c->count, err);
  }
}

static enum pl_status call_within(struct rig *rig, struct call *c, pl_time_ns timeout)
{
  c->rig = rig;
  c->job = (struct pl_job){.run = run_call, .ctx = c, .deadline = pl_clock_now(rig->clock) + timeout};
  rig->err = (struct pl_err){0};
  return pl_bus_run(rig->bus, &c->job, &rig->err);
}

/* Reads one holding register; the unit below has 100 * unit + address there. */
static enum pl_status read_one(struct rig *rig, uint8_t unit, uint16_t address, uint16_t *value)
{
  struct call c = {.function = 3, .unit = unit, .address = address, .count = 1};
  enum pl_status status = call_within(rig, &c, 5 * PL_S);
  *value = c.values[0];
  return status;
}

#define assert_reads(rig, unit, address)                                                                \
  do {                                                                                                  \
    uint16_t value_ = 0;                                                                                \
    if (read_one(rig, unit, address, &value_))                                                          \
      fail_msg("unit %d address %d: %s", (int)(unit), (int)(address), (rig)->err.text);                 \
    assert_int_equal(value_, 100 * (unit) + (address));                                                 \
  } while (0)

/* --- a unit: registers below 1000 hold 100 * unit + address; functions 3, 16, 20 and 0x2b --- */

static size_t answer_pdu(uint8_t unit, const uint8_t *request, size_t len, uint8_t *answer)
{
  unsigned address = len >= 5 ? (unsigned)(request[1] << 8 | request[2]) : 0, count = len >= 5 ? (unsigned)(request[3] << 8 | request[4]) : 0;
  answer[0] = request[0];
  if (request[0] == 0x2b) {
    memcpy(answer, "\x2b\x0e\x01\x01\x00\x00\x01\x00\x03" "abc", 12);
    return 12;
  }
  if (request[0] == 20) {
    count = request[8];
    answer[1] = (uint8_t)(2 + 2 * count);
    answer[2] = (uint8_t)(1 + 2 * count);
    answer[3] = 6;
    for (unsigned i = 0; i < count; i++) {
      answer[4 + 2 * i] = request[4];
      answer[5 + 2 * i] = (uint8_t)(request[6] + i);
    }
    return 4 + 2 * count;
  }
  if (request[0] == 16) {
    memcpy(answer, request, 5);
    return 5;
  }
  if (request[0] != 3 || address >= 1000) {
    answer[0] |= 0x80;
    answer[1] = request[0] == 3 ? 2 : 1;
    return 2;
  }
  answer[1] = (uint8_t)(2 * count);
  for (unsigned i = 0; i < count; i++) {
    unsigned value = 100u * unit + address + i;
    answer[2 + 2 * i] = (uint8_t)(value >> 8);
    answer[3 + 2 * i] = (uint8_t)value;
  }
  return 2 + 2 * count;
}

#endif

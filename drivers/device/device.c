/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/device.h"

#include <string.h>

#define LABEL_ROOM 160
#define DEFAULT_TIMEOUT PL_S

struct pl_device {
  const struct pl_device_desc *desc;
  struct pl_bus *bus;
  const struct pl_shape *shape;
  void *self;
  char *name;
  struct pl_device_wire wire;
  char label[LABEL_ROOM]; /* in front of every error: "psu-a (i2c-power, address 0x58)" */
};

enum pl_status pl_device_shape(const struct pl_device_desc *desc, const struct pl_values *values, struct pl_shape *shape, struct pl_err *err)
{
  *shape = (struct pl_shape){.quantities = desc->quantities, .count = desc->n_quantities};
  return desc->shape ? desc->shape(values, shape, err) : PL_OK;
}

void pl_device_shape_free(const struct pl_device_desc *desc, struct pl_shape *shape)
{
  if (desc->shape_free)
    desc->shape_free(shape);
  *shape = (struct pl_shape){0};
}

static bool is_address(const struct pl_value *value, enum pl_bus_kind kind)
{
  if (!value->given || value->param->kind != PL_PARAM_INT)
    return false;
  return value->param->address || (kind == PL_BUS_MODBUS && !strcmp(value->param->name, "unit"));
}

static void make_label(struct pl_device *device, const struct pl_values *values)
{
  size_t used = (size_t)snprintf(device->label, LABEL_ROOM, "%s (%s", device->name, pl_bus_name(device->bus));
  for (size_t i = 0; values && i < values->count && used < LABEL_ROOM; i++) {
    const struct pl_value *v = &values->items[i];
    if (!is_address(v, device->desc->bus_kind))
      continue;
    const char *format = device->desc->bus_kind == PL_BUS_I2C && !strcmp(v->param->name, "address") ? ", %s 0x%02llx" : ", %s %lld";
    used += (size_t)snprintf(device->label + used, LABEL_ROOM - used, format, v->param->name, (long long)v->number);
  }
  if (used < LABEL_ROOM)
    snprintf(device->label + used, LABEL_ROOM - used, ")");
}

enum pl_status pl_device_open(const struct pl_device_desc *desc, const struct pl_device_args *args, struct pl_device **out, struct pl_err *err)
{
  if (pl_bus_kind(args->bus) != desc->bus_kind)
    return pl_fail(err, PL_E_USAGE, "%s: driver %s needs a bus of kind %s, %s is of kind %s", args->name, desc->name, pl_bus_kind_name(desc->bus_kind),
                   pl_bus_name(args->bus), pl_bus_kind_name(pl_bus_kind(args->bus)));
  struct pl_device *device = calloc(1, sizeof *device);
  char *name = strdup(args->name);
  if (!device || !name) {
    free(device);
    free(name);
    return pl_fail(err, PL_E_NOMEM, "out of memory for device %s", args->name);
  }
  device->desc = desc;
  device->bus = args->bus;
  device->shape = args->shape;
  device->name = name;
  make_label(device, args->values);
  enum pl_status status = desc->open ? desc->open(args, &device->self, err) : PL_OK;
  if (status) {
    pl_err_prefix(err, "%s", device->label);
    free(device->name);
    free(device);
    return status;
  }
  *out = device;
  return PL_OK;
}

void pl_device_close(struct pl_device *device)
{
  if (!device)
    return;
  if (device->desc->close)
    device->desc->close(device->self);
  free(device->name);
  free(device);
}

const char *pl_device_name(const struct pl_device *device)
{
  return device->name;
}

struct pl_bus *pl_device_bus(const struct pl_device *device)
{
  return device->bus;
}

const struct pl_device_desc *pl_device_desc(const struct pl_device *device)
{
  return device->desc;
}

const struct pl_shape *pl_device_shape_of(const struct pl_device *device)
{
  return device->shape;
}

const struct pl_quantity *pl_shape_find(const struct pl_shape *shape, const char *name)
{
  for (size_t i = 0; i < shape->count; i++)
    if (pl_same_word(shape->quantities[i].name, name))
      return &shape->quantities[i];
  return NULL;
}

/* --- calls --- */

static enum pl_status unsupported(struct pl_err *err, const char *what)
{
  return pl_fail(err, PL_E_UNSUPPORTED, "this kind of device has no %s", what);
}

static enum pl_status no_quantity(struct pl_err *err)
{
  return pl_fail(err, PL_E_USAGE, "a get or set without a quantity");
}

static enum pl_status run_get(struct pl_call *call, struct pl_err *err)
{
  struct pl_device *device = call->device;
  const struct pl_quantity *q = call->quantity;
  if (!q)
    return no_quantity(err);
  if (!(q->access & PL_GET) || !device->desc->get)
    return pl_fail(err, PL_E_UNSUPPORTED, "%s cannot be read%s", q->name,
                   q->access & PL_ACT ? "; it is a command" : q->access & PL_SET ? "; it can only be set" : "");
  call->reading = (struct pl_reading){.dim = q->dim};
  enum pl_status status = device->desc->get(device->self, q, &call->reading, err);
  if (!status && call->reading.status)
    status = pl_fail(err, call->reading.status, "%s: %s", q->name, pl_status_text(call->reading.status));
  if (!call->reading.at)
    call->reading.at = pl_bus_now(device->bus);
  return status;
}

static enum pl_status check_value(const struct pl_quantity *q, int64_t value_u, struct pl_err *err)
{
  char low[64], high[64], given[64];
  pl_quantity_format(q->dim, value_u, given, sizeof given);
  if ((q->min_u || q->max_u) && (value_u < q->min_u || value_u > q->max_u))
    return pl_fail(err, PL_E_RANGE, "%s takes %s to %s, not %s", q->name, pl_quantity_format(q->dim, q->min_u, low, sizeof low),
                   pl_quantity_format(q->dim, q->max_u, high, sizeof high), given);
  if (q->dim == PL_DIM_FLAG && value_u && value_u != PL_U)
    return pl_fail(err, PL_E_RANGE, "%s takes on or off, not %s", q->name, given);
  return PL_OK;
}

static enum pl_status run_set(struct pl_call *call, struct pl_err *err)
{
  struct pl_device *device = call->device;
  const struct pl_quantity *q = call->quantity;
  if (!q)
    return no_quantity(err);
  if (!(q->access & (PL_SET | PL_ACT)) || !device->desc->set)
    return pl_fail(err, PL_E_UNSUPPORTED, "%s cannot be set%s", q->name, q->access & PL_GET ? "; it can only be read" : "");
  enum pl_status status = q->access & PL_SET ? check_value(q, call->value_u, err) : PL_OK;
  return status ? status : device->desc->set(device->self, q, call->value_u, err);
}

static enum pl_status do_call(struct pl_call *call, struct pl_err *err)
{
  struct pl_device *device = call->device;
  const struct pl_device_desc *desc = device->desc;
  switch (call->kind) {
  case PL_CALL_PROBE: return desc->probe ? desc->probe(device->self, err) : unsupported(err, "way to be probed");
  case PL_CALL_GET: return run_get(call, err);
  case PL_CALL_SET: return run_set(call, err);
  case PL_CALL_IDENTIFY:
    call->identity = (struct pl_identity){0};
    return desc->identify ? desc->identify(device->self, &call->identity, err) : unsupported(err, "identity to read");
  case PL_CALL_AGENT:
    return desc->agent && call->agent ? desc->agent(device->self, call->agent, err) : unsupported(err, "agent that runs workloads");
  case PL_CALL_FAULTS:
    call->faults = (struct pl_faults){0};
    return desc->faults ? desc->faults(device->self, &call->faults, err) : unsupported(err, "faults to read");
  }
  return pl_fail(err, PL_E_USAGE, "an unknown kind of call (%d)", (int)call->kind);
}

static uint64_t all_errors(const struct pl_bus_counters *counters)
{
  uint64_t sum = 0;
  for (int i = 1; i < PL_STATUS_COUNT; i++)
    sum += counters->errors[i];
  return sum;
}

static enum pl_status run_call(struct pl_job *job, struct pl_err *err)
{
  struct pl_call *call = job->ctx;
  struct pl_bus_counters before, after;
  pl_bus_counters(call->device->bus, &before);
  enum pl_status status = do_call(call, err);
  pl_bus_counters(call->device->bus, &after);
  call->transfers = (uint32_t)(after.transfers - before.transfers);
  call->retries = (uint32_t)(after.retries - before.retries);
  call->errors = (uint32_t)(all_errors(&after) - all_errors(&before));
  return status;
}

static void count(const struct pl_call *call)
{
  struct pl_device_wire *wire = &call->device->wire;
  pl_time_ns took = call->job.finished - call->job.started;
  wire->calls++;
  wire->failed += call->job.status != PL_OK;
  wire->transfers += call->transfers;
  wire->retries += call->retries;
  wire->errors += call->errors;
  wire->busy += call->transfers ? took : 0;
  if (call->transfers && took / call->transfers > wire->slowest)
    wire->slowest = took / call->transfers;
}

void pl_device_wire(const struct pl_device *device, struct pl_device_wire *wire)
{
  *wire = device->wire;
}

/* On failure: the sentence names the device, and a reading is never a number, also when the answer came but too late. */
static void settle(struct pl_call *call)
{
  struct pl_job *job = &call->job;
  count(call);
  if (!job->status)
    return;
  pl_err_prefix(&job->err, "%s", call->device->label);
  if (call->kind == PL_CALL_GET)
    call->reading = (struct pl_reading){
        .dim = call->quantity ? call->quantity->dim : PL_DIM_NONE, .status = job->status, .at = call->reading.at ? call->reading.at : job->finished};
}

static void call_done(struct pl_job *job)
{
  struct pl_call *call = job->ctx;
  settle(call);
  if (call->done)
    call->done(call);
}

static struct pl_job *prepare(struct pl_call *call)
{
  struct pl_bus *bus = call->device->bus;
  call->job.run = run_call;
  call->job.ctx = call;
  call->job.deadline = pl_clock_now(pl_bus_clock(bus)) + (call->timeout_ns > 0 ? call->timeout_ns : DEFAULT_TIMEOUT);
  call->reading = (struct pl_reading){0};
  call->transfers = call->retries = call->errors = 0;
  return &call->job;
}

void pl_call_submit(struct pl_call *call)
{
  struct pl_job *job = prepare(call);
  job->done = call_done;
  pl_bus_submit(call->device->bus, job);
}

enum pl_status pl_call_here(struct pl_call *call)
{
  pl_bus_run_here(call->device->bus, prepare(call));
  settle(call);
  return call->job.status;
}

enum pl_status pl_call_run(struct pl_call *call, struct pl_err *err)
{
  pl_call_submit(call);
  pl_bus_wait(call->device->bus, &call->job);
  if (call->job.status && err)
    *err = call->job.err;
  return call->job.status;
}

enum pl_status pl_device_edges(struct pl_device *device, const struct pl_quantity *quantity, struct pl_gpio_edges *edges, struct pl_err *err)
{
  enum pl_status status;
  if (!(quantity->access & PL_EDGES) || !device->desc->edges)
    status = pl_fail(err, PL_E_UNSUPPORTED, "the edges of %s are not watched", quantity->name);
  else
    status = device->desc->edges(device->self, quantity, edges, err);
  if (status)
    pl_err_prefix(err, "%s", device->label);
  return status;
}

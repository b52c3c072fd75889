/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_DEVICE_H
#define PL_DEVICE_DEVICE_H

#include "drivers/base/param.h"
#include "drivers/base/reading.h"
#include "drivers/bus/adapter.h"
#include "drivers/bus/bus.h"
#include "drivers/bus/gpio.h"
#include "drivers/device/agent.h"

/*
 * A device is a driver's const table plus an instance. What it can tell and do is a list of quantities with one vocabulary
 * (vin vout iout pout temperature speed flow on ... ; docs/vocabulary.md), so that no caller has code per model.
 */
enum pl_access { PL_GET = 1, PL_SET = 2, PL_ACT = 4 /* a verb: set without a value ("clear-faults") */, PL_EDGES = 8,
                 PL_ENERGISES = 16 /* what it switches on must not be left on: a rig file gives it a safe value */ };

struct pl_quantity {
  const char *name; /* lower case with dashes: "vout", "power-good", "clear-peaks" */
  enum pl_dim dim;
  unsigned access;  /* pl_access */
  const char *help;
  int id;           /* the driver's own */
  int64_t min_u, max_u; /* what SET takes, inclusive; both 0: any */
};

struct pl_contents { /* what is inside of what a device speaks for; 0 and "": it does not say */
  unsigned processors, cores, memory_modules, drives; /* cores: of all processors together */
  uint64_t memory_bytes, drive_bytes;                 /* memory: all together; drive_bytes: each */
  char processor[64], architecture[16];               /* "x86-64" */
  char drive_serial[64];                              /* what the drives' serial numbers begin with */
};

struct pl_identity { /* as the device itself says; empty when it does not */
  char manufacturer[64], model[64], revision[64], serial[64], firmware[64], part_number[64];
  struct pl_contents contents;
};

#define PL_FAULT_NAME_MAX 48
#define PL_FAULTS_MAX 64
struct pl_faults { /* names of what is wrong now or latched: "vout-ov-fault", "fan-1-fault" */
  char names[PL_FAULTS_MAX][PL_FAULT_NAME_MAX];
  size_t count;
};

struct pl_shape { /* the quantities of a device; for map-driven drivers they come from the map */
  const struct pl_quantity *quantities;
  size_t count;
  void *owned; /* the driver's; shape_free releases it */
};

struct pl_device_args {
  const char *name;
  struct pl_bus *bus;
  const struct pl_values *values;
  const struct pl_shape *shape; /* outlives the device */
  bool observe;                 /* outputs are taken over as they are; only a set drives them */
  uint64_t only;                /* bit mask of the shape's quantities: nothing else will be asked for, so a line that only another needs is left alone. 0: all */
};

static inline bool pl_device_wants(const struct pl_device_args *args, const struct pl_quantity *quantity)
{
  return !args->only || (args->only >> (quantity - args->shape->quantities) & 1);
}

struct pl_device_desc {
  const char *name; /* "psu-pmbus" */
  const char *about;
  enum pl_maturity maturity;
  enum pl_bus_kind bus_kind;
  bool sleeps;         /* it answers only while its part is on: silence is nothing to complain of */
  const char *role;    /* the role it has unless the rig says otherwise: "supply", "hot-swap", "monitor" */
  const struct pl_param *params;
  size_t n_params;
  const struct pl_quantity *quantities; /* NULL when shape() makes them */
  size_t n_quantities;
  /* Without I/O. NULL: the static table. */
  enum pl_status (*shape)(const struct pl_values *values, struct pl_shape *shape, struct pl_err *err);
  void (*shape_free)(struct pl_shape *shape);
  const char *shape_by; /* the one param that the shape follows from: devices of a rig in which it is the same share one. NULL: each has its own */
  /* Loop's thread; may request GPIO lines, makes no transfers. */
  enum pl_status (*open)(const struct pl_device_args *args, void **self, struct pl_err *err);
  void (*close)(void *self);
  /* The rest inside a job on the device's bus. NULL where the device has no such thing. */
  enum pl_status (*probe)(void *self, struct pl_err *err); /* is it there, and is it what the rig says? Drives nothing; may set up the chip's own sampling. */
  enum pl_status (*get)(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err);
  enum pl_status (*set)(void *self, const struct pl_quantity *quantity, int64_t value_u, struct pl_err *err);
  enum pl_status (*identify)(void *self, struct pl_identity *identity, struct pl_err *err);
  enum pl_status (*faults)(void *self, struct pl_faults *faults, struct pl_err *err);
  enum pl_status (*agent)(void *self, struct pl_agent_exchange *exchange, struct pl_err *err); /* of what runs workloads */
  /* Any thread: edges of a PL_EDGES quantity. */
  enum pl_status (*edges)(void *self, const struct pl_quantity *quantity, struct pl_gpio_edges *edges, struct pl_err *err);
};

/* Generated from the tree: every `const struct pl_device_desc pl_device_*`. */
extern const struct pl_device_desc *const pl_device_descs[];
extern const size_t pl_n_device_descs;
const struct pl_device_desc *pl_device_desc_find(const char *name);

struct pl_device;
enum pl_status pl_device_shape(const struct pl_device_desc *desc, const struct pl_values *values, struct pl_shape *shape, struct pl_err *err);
void pl_device_shape_free(const struct pl_device_desc *desc, struct pl_shape *shape);
enum pl_status pl_device_open(const struct pl_device_desc *desc, const struct pl_device_args *args, struct pl_device **device, struct pl_err *err);
void pl_device_close(struct pl_device *device);

const char *pl_device_name(const struct pl_device *device);
struct pl_bus *pl_device_bus(const struct pl_device *device);
const struct pl_device_desc *pl_device_desc(const struct pl_device *device);
const struct pl_shape *pl_device_shape_of(const struct pl_device *device);
const struct pl_quantity *pl_shape_find(const struct pl_shape *shape, const char *name); /* '_' and '-' are the same; NULL when unknown */

/* What a device's calls have cost its bus so far; a bus is serial, so what it counts during a call is the call's. */
struct pl_device_wire {
  uint64_t calls, failed;               /* failed: calls that ended with an error */
  uint64_t transfers, retries, errors;  /* errors: transfers that failed, whatever came of the call */
  pl_time_ns busy, slowest;             /* wire time of all calls; the most that one transfer took, on average over its call */
};
void pl_device_wire(const struct pl_device *device, struct pl_device_wire *wire); /* loop's thread */

/* A call is one job on the device's bus: what, the arguments, the results. Caller-owned until done() ran. */
enum pl_call_kind { PL_CALL_PROBE, PL_CALL_GET, PL_CALL_SET, PL_CALL_IDENTIFY, PL_CALL_FAULTS, PL_CALL_AGENT };
struct pl_call {
  struct pl_device *device;
  enum pl_call_kind kind;
  const struct pl_quantity *quantity; /* GET, SET */
  int64_t value_u;                    /* SET */
  struct pl_agent_exchange *agent;    /* AGENT: in and out; the caller's until done() */
  pl_time_ns timeout_ns;              /* 0: one second */
  void (*done)(struct pl_call *call); /* loop's thread */
  void *ctx;
  /* results: job.status and job.err always; on failure of GET, reading carries the status */
  struct pl_job job;
  struct pl_reading reading;
  union {
    struct pl_identity identity;
    struct pl_faults faults;
  };
  uint32_t transfers, retries, errors; /* on the bus, in this call */
};
/* Checks the access and SET range first (PL_E_UNSUPPORTED, PL_E_RANGE name the quantity and what it takes). Errors carry "device (bus address): ". */
void pl_call_submit(struct pl_call *call);
enum pl_status pl_call_run(struct pl_call *call, struct pl_err *err); /* submit and step the clock until done */
enum pl_status pl_call_here(struct pl_call *call); /* at once on this thread (pl_bus_run_here); done() is not called */
enum pl_status pl_device_edges(struct pl_device *device, const struct pl_quantity *quantity, struct pl_gpio_edges *edges, struct pl_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_BUS_H
#define PL_BUS_BUS_H

#include "drivers/base/clock.h"

/*
 * A bus is a queue of jobs and the one worker that runs them, since each bus is serial and its libraries block.
 *
 * A job is a short burst of transfers that nothing else may come between (PAGE then read; read-modify-write). Device drivers are
 * plain blocking code inside a job; callers queue a job with a deadline and get a completion on the loop's thread.
 *  - Real time: a thread per bus runs the jobs; time passes by itself (a simulated adapter is held until its wire time is over).
 *  - Virtual time: the loop's thread runs the job at its start time; transfers happen at that instant and their wire time, added up
 *    with pl_bus_charge, sets when the completion is delivered and when the bus is free again.
 * A job must not wait for the world to change; polling is the caller's.
 */
enum pl_bus_kind { PL_BUS_I2C, PL_BUS_GPIO, PL_BUS_MODBUS, PL_BUS_KIND_COUNT };
const char *pl_bus_kind_name(enum pl_bus_kind kind); /* "i2c", "gpio", "modbus" */

struct pl_bus;

struct pl_job { /* caller-owned until done() ran; zero-initialise, then set the first four */
  enum pl_status (*run)(struct pl_job *job, struct pl_err *err); /* on the worker */
  void (*done)(struct pl_job *job);                              /* on the loop's thread; may be NULL */
  void *ctx;
  pl_time_ns deadline; /* clock time; a job not begun by then, or finished later, ends with PL_E_TIMEOUT; 0: one second from submit */
  /* results */
  enum pl_status status;
  struct pl_err err;
  pl_time_ns started, finished;
  /* private to bus.c */
  struct pl_bus *bus;
  struct pl_job *next;
  struct pl_timer timer;
  pl_time_ns limit; /* the deadline that counts */
  bool complete;
};

struct pl_bus_counters {
  uint64_t jobs, transfers, bytes, retries;
  uint64_t errors[PL_STATUS_COUNT];
};

enum pl_status pl_bus_new(const char *name, enum pl_bus_kind kind, struct pl_clock *clock, struct pl_bus **bus, struct pl_err *err);
/* Loop's thread. Waits for the job that is running, joins the worker, delivers what has finished and ends what is queued with PL_E_CANCELLED (their
 * done() runs here), as it does with what is submitted later. After it no code of a device runs on the bus. Twice is as once; NULL is fine.
 * The wait is bounded by the adapter, which promises: no call outlasts the deadline that it is given (pl_bus_deadline) by more than one
 * transfer's own time-out, whatever the other end does. A thread inside a C call cannot be ended from outside without leaving its locks held. */
void pl_bus_stop(struct pl_bus *bus);
/* Stops the bus if need be and closes the adapter. Devices of the bus must be closed before, and after its pl_bus_stop. */
void pl_bus_free(struct pl_bus *bus);

void pl_bus_submit(struct pl_bus *bus, struct pl_job *job);
/* Submits and steps the clock until the job is done: for tools and tests on the loop's thread. Returns job->status, err filled. */
enum pl_status pl_bus_run(struct pl_bus *bus, struct pl_job *job, struct pl_err *err);
void pl_bus_wait(struct pl_bus *bus, struct pl_job *job); /* the second half of that: steps until a submitted job is done */

/* Runs the job at once on the calling thread, without the worker; its done() is not called. For the one thread that has the bus to itself and may not wait
 * for another (host/safety): such a bus takes no other jobs. A simulated adapter's wire time is in job->finished, and is not waited for. */
enum pl_status pl_bus_run_here(struct pl_bus *bus, struct pl_job *job);

const char *pl_bus_name(const struct pl_bus *bus);
enum pl_bus_kind pl_bus_kind(const struct pl_bus *bus);
struct pl_clock *pl_bus_clock(const struct pl_bus *bus);
void pl_bus_counters(const struct pl_bus *bus, struct pl_bus_counters *out);

/* --- for the i2c/gpio/modbus layers and the adapters --- */
/* The adapter behind the bus: ops is the layer's struct (pl_i2c_ops, ...). close(self) is called once by pl_bus_free.
 * simulated: the adapter answers at once and in real time its wire time must be waited for. */
void pl_bus_attach(struct pl_bus *bus, const void *ops, void *self, void (*close)(void *self), bool simulated);
/* After pl_bus_attach and before the first job: the layer speaks to these from here on; they hand on to what pl_bus_ops and pl_bus_self gave before.
 * Closing, reopening and looking stay the adapter's own. */
void pl_bus_interpose(struct pl_bus *bus, const void *ops, void *self);
const void *pl_bus_ops(const struct pl_bus *bus);
void *pl_bus_self(const struct pl_bus *bus);
/*
 * An adapter that went away (unplugged, its tty vanished). A transfer that ends with PL_E_GONE marks the bus as lost: from then on jobs end at once with
 * PL_E_GONE and the cause, without touching the adapter, and reopen(self) is tried on the worker, at most every 250 ms: before a job, and (real
 * time) by the bus itself. It returns PL_OK when the adapter is as after open, with every output line released or at its inactive level: what
 * was set before is not set again (whoever owns the rig decides that). Without reopen PL_E_GONE is that one transfer's only: the adapter sees to itself.
 */
void pl_bus_set_reopen(struct pl_bus *bus, enum pl_status (*reopen)(void *self, struct pl_err *err)); /* after pl_bus_attach */
/* After pl_bus_set_reopen. Real time: is_there(self) is asked on the worker four times a second while the bus is idle; PL_E_GONE marks it as lost. For what
 * must not be held on to after it has gone (an open /dev/i2c-N keeps the kernel from removing the adapter). It makes no transfer. */
void pl_bus_set_look(struct pl_bus *bus, enum pl_status (*is_there)(void *self, struct pl_err *err));
/* After pl_bus_attach. Called on the worker after each job: for an adapter that keeps something to itself for a job's length. */
void pl_bus_set_job_over(struct pl_bus *bus, void (*job_over)(void *self));
/* For adapters that notice it without a transfer; any thread. */
void pl_bus_lost(struct pl_bus *bus, const char *cause);
bool pl_bus_is_lost(const struct pl_bus *bus);
/* Calls fn on the loop's thread after the bus was lost (here false, cause) and after it was reopened (here true, cause ""). One watcher. */
void pl_bus_watch(struct pl_bus *bus, void (*fn)(void *ctx, struct pl_bus *bus, bool here, const char *cause), void *ctx);
/* Who listens to what goes over the bus (drivers/bus/tap.h); set before the first job, NULL ops: nobody. */
struct pl_bus_tap;
struct pl_bus_tap_ops;
void pl_bus_set_tap(struct pl_bus *bus, const struct pl_bus_tap_ops *ops, void *ctx);
const struct pl_bus_tap *pl_bus_tap(const struct pl_bus *bus); /* never NULL */
/* Inside a job: this much wire time was used by a simulated adapter. */
void pl_bus_charge(struct pl_bus *bus, pl_time_ns wire_ns);
void pl_bus_count(struct pl_bus *bus, size_t bytes, enum pl_status status);
void pl_bus_count_retry(struct pl_bus *bus); /* for drivers: the transfer to come is a second try */
/* The deadline of the job that is running. */
pl_time_ns pl_bus_deadline(const struct pl_bus *bus);
/* The instant at which a transfer of the running job happens: job start plus what was charged so far. */
pl_time_ns pl_bus_now(const struct pl_bus *bus);

#endif

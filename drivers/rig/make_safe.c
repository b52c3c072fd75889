/* SPDX-License-Identifier: Apache-2.0 */
/* The safe state: every device's safe values, in the rig's order. */
#include "drivers/bus/i2c.h"
#include "drivers/rig/bench_in.h"

#define SAFE_TRIES 3
#define BACK_NS PL_S

static enum pl_status recover_job(struct pl_job *job, struct pl_err *err)
{
  return pl_i2c_recover(job->ctx, err);
}

static void recover(struct pl_bounded *bounded, struct pl_bus *bus) /* how it went is told by the try that follows */
{
  const struct pl_job job = {.run = recover_job, .ctx = bus};
  struct pl_err quiet = {0};
  if (pl_bus_kind(bus) == PL_BUS_I2C)
    (void)pl_bounded_job(bounded, bus, &job, &quiet);
}

/* An adapter that went away is given a moment to come back: what cannot be reached cannot be made safe. patience: what is left of that moment, which is one
 * for all (each lost bus looks for its adapter meanwhile), so that an adapter that is gone for good does not hold up what can be made safe. */
static void await_back(struct pl_bus *bus, pl_time_ns *patience)
{
  struct pl_clock *clock = pl_bus_clock(bus);
  pl_time_ns start = pl_clock_now(clock), until = start + *patience;
  while (pl_bus_is_lost(bus) && pl_clock_now(clock) < until)
    pl_clock_step(clock, until);
  pl_time_ns waited = pl_clock_now(clock) - start;
  *patience = waited < *patience ? *patience - waited : 0;
}

static enum pl_status set_safe(struct pl_device *device, struct pl_bounded *bounded, const struct pl_rig_setting *safe, pl_time_ns *patience, struct pl_err *err)
{
  if (!device) /* err says why */
    return err->status;
  bool recovered = false, waited = false;
  for (int tries = 1;; tries++) {
    const struct pl_call call = {.device = device, .kind = PL_CALL_SET, .quantity = safe->quantity, .value_u = safe->value_u};
    enum pl_status status = pl_bounded_call(bounded, &call, err);
    if (!status)
      return PL_OK;
    if (status == PL_E_STUCK && !recovered) {
      recover(bounded, pl_device_bus(device));
      recovered = true;
    } else if (status == PL_E_GONE && !waited && !pl_clock_is_virtual(pl_bus_clock(pl_device_bus(device)))) {
      await_back(pl_device_bus(device), patience);
      waited = true;
    } else if (pl_status_class(status) != PL_CLASS_RETRY || tries >= SAFE_TRIES) {
      return status;
    }
  }
}

/* What failed, for the sentence: "psu-a.on, psu-b.on"; the first reason. */
struct unsafe {
  enum pl_status first;
  struct pl_err reason;
  char names[320];
  size_t used;
};

static void add_unsafe(struct unsafe *unsafe, const char *device, const char *quantity, enum pl_status status, const struct pl_err *err)
{
  if (!unsafe->first) {
    unsafe->first = status;
    unsafe->reason = *err;
  }
  int len = snprintf(unsafe->names + unsafe->used, sizeof unsafe->names - unsafe->used, "%s%s.%s", unsafe->used ? ", " : "", device, quantity);
  unsafe->used += (size_t)len;
  if (unsafe->used >= sizeof unsafe->names)
    unsafe->used = sizeof unsafe->names - 1;
}

/* One pass: all values, or (again) those that failed in the last pass. */
static void safe_pass(struct pl_bench *bench, const struct pl_safe_watch *watch, bool again, pl_time_ns *patience, struct unsafe *unsafe)
{
  bool *failed = bench->unsafe;
  *unsafe = (struct unsafe){.first = PL_OK};
  size_t n = 0;
  for (size_t i = 0; i < bench->rig->n_devices; i++) {
    const struct pl_rig_device *device = &bench->rig->devices[i];
    for (size_t k = 0; k < device->n_safe; k++, n++) {
      struct pl_err own = bench->closed[i];
      if ((again && !failed[n]) || (!bench->devices[i] && !own.status))
        continue;
      enum pl_status status = set_safe(bench->devices[i], &bench->bounded[device->bus - bench->rig->buses], &device->safe[k], patience, &own);
      failed[n] = status != PL_OK;
      if (watch->tried)
        watch->tried(watch->ctx, device, &device->safe[k], status, &own);
      if (status)
        add_unsafe(unsafe, device->name, device->safe[k].quantity->name, status, &own);
    }
  }
}

bool pl_bench_hangs(const struct pl_bench *bench)
{
  bool hangs = false;
  for (size_t i = 0; i < bench->rig->n_buses; i++)
    hangs |= pl_bounded_hangs(&bench->bounded[i]);
  return hangs;
}

enum pl_status pl_bench_make_safe(struct pl_bench *bench, struct pl_err *err)
{
  return pl_bench_make_safe_watched(bench, &(const struct pl_safe_watch){.ctx = NULL}, err);
}

enum pl_status pl_bench_make_safe_watched(struct pl_bench *bench, const struct pl_safe_watch *watch, struct pl_err *err)
{
  struct unsafe unsafe;
  pl_time_ns patience = BACK_NS;
  pl_planting_lift(&bench->planting);
  safe_pass(bench, watch, false, &patience, &unsafe);
  if (unsafe.first) /* what came later may have freed a bus or taken a load off */
    safe_pass(bench, watch, true, &patience, &unsafe);
  return unsafe.first ? pl_fail(err, unsafe.first, "not made safe: %s (%s)", unsafe.names, unsafe.reason.text) : PL_OK;
}

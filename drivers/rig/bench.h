/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_RIG_BENCH_H
#define PL_RIG_BENCH_H

#include "drivers/rig/backend.h"

/* A rig that has been opened: its clock, buses and devices, and the virtual rack where it has one. */
struct pl_bench;

struct pl_bench_cfg {
  struct pl_clock *clock;  /* caller's */
  uint64_t seed;
  bool rehearsal;          /* everything on the twin, whatever the rig says */
  bool observe;            /* get, set, watch: opening it leaves every output as it is, instead of driving it inactive; an adapter that comes back too */
  /* A guardian, after the runner's death: only devices with safe values on buses that outlive a process are opened, each by itself (what cannot be opened is
   * told when it is to be made safe), no virtual rack, and nothing of the interlock's. Goes with observe. */
  bool safe_only;
  bool alone;              /* with safe_only: PL_E_LOCKED where another program holds one of them: the rig is somebody else's */
  /* With safe_only: so long, all together, what another program holds (PL_E_LOCKED) is asked for again, for who held it may just have died. */
  pl_time_ns patience_ns;
  const char *const *faults;
  size_t n_faults;
  bool proxy;              /* faults will be planted later, on real buses too: an in-line proxy stands in front of them, as it does with n_faults */
  /* Bit mask of enum pl_owner: only devices of these owners are opened, and only buses with one of them: two programs, the runner and the stack, share a rig
   * without sharing a line. 0: all. Devices of others are NULL. */
  unsigned owners;
  bool buses_only;         /* a scan: no device is opened and nothing is watched, so nothing is set; pl_bench_device is NULL for all */
  /* May be NULL: asked for each bus before it is opened (why NULL), and again where that failed; true: the bench goes on without it (pl_bench_bus is NULL). */
  bool (*skip)(void *ctx, const struct pl_rig_bus *as, const struct pl_err *why);
  void *skip_ctx;
  /* May be NULL: called for each bus when its adapter is open and nothing has been asked of it (a capture listens from here on). */
  enum pl_status (*opened)(void *ctx, struct pl_bus *bus, const struct pl_rig_bus *as, struct pl_err *err);
  void *opened_ctx;
  /* May be NULL: attaches an adapter of its own in place of each bus's (a replay). No virtual rack is opened then, and virtual time will do. */
  enum pl_status (*stand_in)(void *ctx, struct pl_bus *bus, const struct pl_rig_bus *as, struct pl_err *err);
  void *stand_in_ctx;
};

enum pl_status pl_bench_open(const struct pl_rig *rig, const struct pl_bench_cfg *cfg, struct pl_bench **bench, struct pl_err *err);
/* Waits for the calls that run and ends those that are queued with PL_E_CANCELLED (their done() runs here, all devices still there). */
void pl_bench_close(struct pl_bench *bench);

struct pl_clock *pl_bench_clock(const struct pl_bench *bench);
const struct pl_rig *pl_bench_rig(const struct pl_bench *bench);
struct pl_device *pl_bench_device(const struct pl_bench *bench, const char *name); /* NULL when unknown, or the interlock's */
struct pl_bus *pl_bench_bus(const struct pl_bench *bench, const char *name);
/* A bus with devices of owner interlock is left alone by the bench. Whoever holds it (host/safety) opens it by this; clock: whose loop delivers its jobs.
 * The caller frees it before pl_bench_close. */
enum pl_status pl_bench_open_bus(struct pl_bench *bench, const struct pl_rig_bus *bus, struct pl_clock *clock, struct pl_bus **out, struct pl_err *err);
bool pl_bench_all_virtual(const struct pl_bench *bench);
/* NULL when there is no virtual rack. */
const struct pl_backend_desc *pl_bench_backend_desc(const struct pl_bench *bench);
struct pl_backend *pl_bench_backend(const struct pl_bench *bench);

/* Plants a fault where it belongs: in the virtual rack, or (protocol faults) through the in-line proxy on a real bus. pl_bench_make_safe ends the latter. */
enum pl_status pl_bench_plant(struct pl_bench *bench, const char *spec, struct pl_err *err);
enum pl_status pl_bench_clear(struct pl_bench *bench, const char *spec, struct pl_err *err); /* NULL: all */
enum pl_status pl_bench_planted(struct pl_bench *bench, void (*fn)(void *ctx, const struct pl_fault_told *each), void *ctx, struct pl_err *err);
/* How often it has acted so far (TARGET.SIGNAL, or with =KIND; NULL: all together). PL_E_USAGE: nothing such is planted. */
enum pl_status pl_bench_acted(struct pl_bench *bench, const char *spec, uint64_t *acted, struct pl_err *err);
bool pl_bench_can_plant(const struct pl_bench *bench);

/* Adapters that go away (here false; text: why) and come back (here true). When one is back, the safe values of the devices on its bus are applied, and
 * nothing else is; text then says which could not be, or is "". fn runs on the loop's thread; one watcher. A bench that observes does none of this. */
void pl_bench_watch(struct pl_bench *bench, void (*fn)(void *ctx, const struct pl_rig_bus *bus, bool here, const char *text), void *ctx);
/* Read-only: every device answers and is what the rig says. The first failure's sentence; *failed (may be NULL) its device. */
enum pl_status pl_bench_probe(struct pl_bench *bench, const struct pl_rig_device **failed, struct pl_err *err);
/* Applies every device's safe values in the rig's order. Tries all: each up to three times where a retry may help, after a recovery where its bus is
 * stuck; then once more what failed. The first failure, in a sentence that names every output that could not be made safe ("psu-a.on"). */
enum pl_status pl_bench_make_safe(struct pl_bench *bench, struct pl_err *err);
/* The same; tried is called after each value, err its failure's sentence. */
struct pl_safe_watch {
  void (*tried)(void *ctx, const struct pl_rig_device *device, const struct pl_rig_setting *safe, enum pl_status status, const struct pl_err *err);
  void *ctx;
};
enum pl_status pl_bench_make_safe_watched(struct pl_bench *bench, const struct pl_safe_watch *watch, struct pl_err *err);
/* In both a bus that hangs (a thread that does not come back from its adapter) is given up 2 s after the deadline of the call and told as PL_E_TIMEOUT, its other
 * outputs at once. True while one does: pl_bench_close would wait for it, for ever if need be. */
bool pl_bench_hangs(const struct pl_bench *bench);

#endif

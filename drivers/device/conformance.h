/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_CONFORMANCE_H
#define PL_DEVICE_CONFORMANCE_H

#include "drivers/device/device.h"

/*
 * What every device of a class must do, whatever its driver and whether it is a twin or hardware: has its quantities, reads plausible values with
 * their times, refuses what it cannot, takes what it is set to, says who it is. Classes are the roles supply, hot-swap, monitor and agent.
 */
struct pl_conformance {
  bool may_drive; /* also sets things: switches off and on, sets the voltage; each is put back as it was found */
  bool healthy;   /* the device is known to have no fault: after clear-faults there must be none */
  /* Once a check, in order. status PL_OK: passed, detail is ""; else detail is a sentence. */
  void (*check)(void *ctx, const char *check, enum pl_status status, const char *detail);
  void *ctx;
};

/* On the loop's thread; steps the clock. PL_E_UNSUPPORTED when the device's role has no class here. Returns PL_OK when the suite ran: *failed
 * is how many of the *checks did not pass. */
enum pl_status pl_conformance_run(struct pl_device *device, const struct pl_conformance *suite, size_t *checks, size_t *failed, struct pl_err *err);

#endif

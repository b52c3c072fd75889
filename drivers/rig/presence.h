/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_RIG_PRESENCE_H
#define PL_RIG_PRESENCE_H

#include "drivers/rig/planting.h"

/*
 * Within drivers/rig: adapters of a bench that go away and come back. When one is back, the safe values of the devices on its bus are applied, in
 * the rig's order, and nothing else: what a sequence had set is not set again behind its back. No planted fault stands before them: the in-line proxy lets
 * that bus through meanwhile. Then the watcher is told.
 */
struct pl_presence;

enum pl_status pl_presence_new(const struct pl_rig *rig, struct pl_bus *const *buses, struct pl_device *const *devices, struct pl_planting *planting,
                               struct pl_presence **presence, struct pl_err *err);
void pl_presence_free(struct pl_presence *presence); /* after pl_bus_stop of all buses; NULL is fine */
/* here false: text is why it went. here true: text is "", or which outputs could not be made safe and why. */
void pl_presence_watch(struct pl_presence *presence, void (*fn)(void *ctx, const struct pl_rig_bus *bus, bool here, const char *text), void *ctx);

#endif

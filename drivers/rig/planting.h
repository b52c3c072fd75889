/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_RIG_PLANTING_H
#define PL_RIG_PLANTING_H

#include "drivers/rig/backend.h"

/* Where a bench plants faults: in the virtual rack, and through the in-line proxy on its real buses. For bench.c. */
struct pl_planting {
  const struct pl_rig *rig;
  const struct pl_backend_desc *rack_desc, *proxy_desc; /* NULL: there is none */
  struct pl_backend *rack, *proxy;
};

/* Opens a proxy for the rig's real buses, where it has any and this program has a proxy. After it planting->proxy says whether there is one. */
enum pl_status pl_planting_open_proxy(struct pl_planting *planting, struct pl_clock *clock, uint64_t seed, struct pl_err *err);
void pl_planting_close(struct pl_planting *planting);
/* A bus's adapter is open: the proxy, if there is one and the bus is real, stands in front of it from here on. */
enum pl_status pl_planting_attach(struct pl_planting *planting, struct pl_bus *bus, const struct pl_rig_bus *as, struct pl_err *err);
enum pl_status pl_planting_plant(struct pl_planting *planting, const char *spec, struct pl_err *err);
enum pl_status pl_planting_clear(struct pl_planting *planting, const char *spec, struct pl_err *err); /* NULL: all */
enum pl_status pl_planting_tell(struct pl_planting *planting, void (*fn)(void *ctx, const struct pl_fault_told *each), void *ctx, struct pl_err *err);
/* How often what the spec (TARGET.SIGNAL or with =KIND; NULL: all) means has acted, all together. PL_E_USAGE: nothing such is planted. */
enum pl_status pl_planting_acted(struct pl_planting *planting, const char *spec, uint64_t *acted, struct pl_err *err);
/* The same on one bus, and only while on: what is planted there stays planted. */
void pl_planting_bypass(struct pl_planting *planting, const struct pl_rig_bus *bus, bool on);
void pl_planting_lift(struct pl_planting *planting); /* nothing stands between us and real devices any more */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_DERIVE_H
#define PL_CONTROL_DERIVE_H

#include "control/inventory/item.h"

/* Events that follow from what the inventory and the procedures show: of presence, state, health, readings and tasks. Of control/events only. */
struct pl_derive;
struct pl_events;
/* Kept with the events, and put away with them. */
void pl_events_keep(struct pl_events *events, struct pl_derive *derive, void (*away)(struct pl_derive *derive));

#endif

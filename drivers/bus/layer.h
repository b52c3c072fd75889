/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_LAYER_H
#define PL_BUS_LAYER_H

#include "drivers/bus/bus.h"

/* For the layers of this folder only: what a layer keeps with a bus. free(layer) is called by pl_bus_free after the adapter was closed. */
void pl_bus_set_layer(struct pl_bus *bus, void *layer, void (*free_layer)(void *layer));
void *pl_bus_layer(const struct pl_bus *bus); /* NULL until set */
/* Inside a job, before a transfer: PL_E_TIMEOUT when the job's deadline has passed already. */
enum pl_status pl_bus_check_deadline(const struct pl_bus *bus, struct pl_err *err);

#endif

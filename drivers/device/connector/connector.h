/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_CONNECTOR_H
#define PL_DEVICE_CONNECTOR_H

#include "drivers/device/device.h"
#include "drivers/device/twin.h"

/* The lines of a slot's connector, in the order of the driver's params; also the ids of its quantities. */
enum pl_connector_line { PL_CONNECTOR_PRESENT, PL_CONNECTOR_POWER_ENABLE, PL_CONNECTOR_POWER_GOOD, PL_CONNECTOR_ATTENTION, PL_CONNECTOR_RESET,
                        PL_CONNECTOR_LINES };

extern const struct pl_device_desc pl_device_connector;
extern const struct pl_twin_desc pl_twin_connector;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_KILL_RELAY_H
#define PL_DEVICE_KILL_RELAY_H

#include "drivers/device/device.h"
#include "drivers/device/twin.h"

/* Its settings, in the order of the driver's params. */
enum pl_kill_relay_param { PL_KILL_RELAY_LINE, PL_KILL_RELAY_MIRROR, PL_KILL_RELAY_COIL, PL_KILL_RELAY_PARAMS };
enum pl_kill_relay_coil { PL_KILL_RELAY_TRIP, PL_KILL_RELAY_HOLD };

extern const struct pl_device_desc pl_device_kill_relay;
extern const struct pl_twin_desc pl_twin_kill_relay;

#endif

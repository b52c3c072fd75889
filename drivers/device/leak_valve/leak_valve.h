/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_LEAK_VALVE_H
#define PL_DEVICE_LEAK_VALVE_H

#include "drivers/device/device.h"
#include "drivers/device/twin.h"

extern const struct pl_device_desc pl_device_leak_valve;
extern const struct pl_twin_desc pl_twin_leak_valve;

#endif

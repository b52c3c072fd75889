/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_MONITOR_INA238_H
#define PL_DEVICE_MONITOR_INA238_H

#include "drivers/device/device.h"
#include "drivers/device/twin.h"

extern const struct pl_device_desc pl_device_monitor_ina238;
extern const struct pl_twin_desc pl_twin_monitor_ina238;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_LEAK_SENSOR_H
#define PL_DEVICE_LEAK_SENSOR_H

#include "drivers/device/device.h"
#include "drivers/device/twin.h"

/* The lines of a leak sensor, in the order of the driver's params; also the ids of its quantities. */
enum pl_leak_sensor_line { PL_LEAK_SENSOR_LEAK, PL_LEAK_SENSOR_CABLE, PL_LEAK_SENSOR_LINES };

extern const struct pl_device_desc pl_device_leak_sensor;
extern const struct pl_twin_desc pl_twin_leak_sensor;

#endif

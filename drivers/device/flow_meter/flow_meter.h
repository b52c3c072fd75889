/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_FLOW_METER_H
#define PL_DEVICE_FLOW_METER_H

#include "drivers/device/device.h"
#include "drivers/device/twin.h"

/* The order of the driver's params. */
enum pl_flow_meter_param { PL_FLOW_METER_PULSE, PL_FLOW_METER_K_FACTOR, PL_FLOW_METER_STALLED_AFTER, PL_FLOW_METER_PARAMS };

extern const struct pl_device_desc pl_device_flow_meter;
extern const struct pl_twin_desc pl_twin_flow_meter;

#endif

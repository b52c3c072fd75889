/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_THERMOMETER_TMP468_H
#define PL_DEVICE_THERMOMETER_TMP468_H

#include "drivers/device/device.h"
#include "drivers/device/twin.h"

extern const struct pl_device_desc pl_device_thermometer_tmp468;
extern const struct pl_twin_desc pl_twin_thermometer_tmp468;

#endif

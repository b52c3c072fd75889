/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_PSU_PMBUS_H
#define PL_DEVICE_PSU_PMBUS_H

#include "drivers/device/device.h"
#include "drivers/device/twin.h"

extern const struct pl_device_desc pl_device_psu_pmbus;
extern const struct pl_twin_desc pl_twin_psu_pmbus;

#endif

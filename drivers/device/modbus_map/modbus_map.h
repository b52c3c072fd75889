/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_MODBUS_MAP_H
#define PL_DEVICE_MODBUS_MAP_H

#include "drivers/device/device.h"
#include "drivers/device/twin.h"

/* A Modbus device that a register map describes (map.h); its twin answers from the same map. */
extern const struct pl_device_desc pl_device_modbus_map;
extern const struct pl_twin_desc pl_twin_modbus_map;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_COOLANT_VALVE_H
#define PL_DEVICE_COOLANT_VALVE_H

#include "drivers/device/device.h"
#include "drivers/device/twin.h"

/* Its settings, in the order of the driver's params. */
enum pl_coolant_valve_param {
  PL_COOLANT_VALVE_LINE,
  PL_COOLANT_VALVE_OPENED,
  PL_COOLANT_VALVE_CLOSED,
  PL_COOLANT_VALVE_DRIVE,
  PL_COOLANT_VALVE_TRAVEL,
  PL_COOLANT_VALVE_PARAMS
};
enum pl_coolant_valve_drive { PL_COOLANT_VALVE_CLOSES, PL_COOLANT_VALVE_OPENS };

extern const struct pl_device_desc pl_device_coolant_valve;
extern const struct pl_twin_desc pl_twin_coolant_valve;

#endif

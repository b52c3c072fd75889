/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_PROCESS_SWITCH_H
#define PL_DEVICE_PROCESS_SWITCH_H

#include "drivers/device/device.h"
#include "drivers/device/twin.h"

/* Its settings, in the order of the driver's params. */
enum pl_process_switch_param {
  PL_PROCESS_SWITCH_LINE,
  PL_PROCESS_SWITCH_OF,
  PL_PROCESS_SWITCH_ABOVE,
  PL_PROCESS_SWITCH_BELOW,
  PL_PROCESS_SWITCH_HYSTERESIS,
  PL_PROCESS_SWITCH_PARAMS
};

/* What its shape says of it: what it senses, and where its contact opens and closes, in SI-like units. */
struct pl_process_switch_shape {
  struct pl_port port;
  bool above; /* opens above, else below */
  double opens, closes;
};

extern const struct pl_device_desc pl_device_process_switch;
extern const struct pl_twin_desc pl_twin_process_switch;

#endif

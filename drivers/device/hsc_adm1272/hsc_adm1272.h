/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_HSC_ADM1272_H
#define PL_DEVICE_HSC_ADM1272_H

#include "drivers/device/device.h"
#include "drivers/device/twin.h"

extern const struct pl_device_desc pl_device_hsc_adm1272;
extern const struct pl_twin_desc pl_twin_hsc_adm1272;

#endif

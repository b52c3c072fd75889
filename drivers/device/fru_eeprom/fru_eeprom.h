/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_FRU_EEPROM_H
#define PL_DEVICE_FRU_EEPROM_H

#include "drivers/device/device.h"
#include "drivers/device/twin.h"

#define PL_FRU_EEPROM_BYTES 256 /* of a 24C02: one page of addresses */

/* Its settings, in the order of the driver's params. */
enum pl_fru_eeprom_param { PL_FRU_EEPROM_ADDRESS, PL_FRU_EEPROM_PARAMS };

extern const struct pl_device_desc pl_device_fru_eeprom;
extern const struct pl_twin_desc pl_twin_fru_eeprom;

#endif

# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/device/fru_eeprom/test_fru_eeprom := drivers/base drivers/bus/bus.c drivers/bus/i2c.c drivers/device/fru_eeprom drivers/protocol/fru \
  fixtures/faults/wire.c fixtures/twin/wire/smbus.c

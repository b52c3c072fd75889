# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/device/psu_pmbus/test_psu_pmbus := drivers/base drivers/bus/bus.c drivers/bus/i2c.c drivers/protocol/pmbus drivers/device/psu_pmbus \
  fixtures/faults/wire.c fixtures/twin/wire/smbus.c

# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/device/hsc_adm1272/test_hsc_adm1272 := drivers/base drivers/bus/bus.c drivers/bus/i2c.c drivers/protocol/pmbus drivers/device/hsc_adm1272 \
  fixtures/faults/wire.c fixtures/twin/wire/smbus.c

# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/device/thermometer_tmp468/test_thermometer_tmp468 := drivers/base drivers/bus/bus.c drivers/bus/i2c.c drivers/device/thermometer_tmp468 \
  fixtures/faults/wire.c fixtures/twin/wire/smbus.c

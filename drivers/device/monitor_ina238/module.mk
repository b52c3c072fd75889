# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/device/monitor_ina238/test_monitor_ina238 := drivers/base drivers/bus/bus.c drivers/bus/i2c.c drivers/device/monitor_ina238 \
  fixtures/faults/wire.c fixtures/twin/wire/smbus.c

# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/device/i2c_test/test_conformance := drivers/base drivers/bus/bus.c drivers/bus/i2c.c drivers/protocol/pmbus drivers/device/device.c \
  drivers/device/conformance.c drivers/device/agent.c drivers/device/agent.c drivers/device/psu_pmbus drivers/device/hsc_adm1272 drivers/device/monitor_ina238 fixtures/faults/wire.c fixtures/twin/wire/smbus.c

# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/bus/remote/test_broker := drivers/base drivers/bus/bus.c drivers/bus/gpio.c drivers/bus/i2c.c drivers/bus/modbus.c drivers/bus/remote

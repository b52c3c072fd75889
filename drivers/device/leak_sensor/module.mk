# SPDX-License-Identifier: Apache-2.0
# The test makes its own world (lines/fake_bench.h), so it links without fixtures/twin.
NEEDS_drivers/device/leak_sensor/test_leak_sensor := drivers/base drivers/bus/bus.c drivers/bus/gpio.c drivers/device/lines drivers/device/leak_sensor

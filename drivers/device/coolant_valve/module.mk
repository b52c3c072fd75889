# SPDX-License-Identifier: Apache-2.0
# The test makes its own world (lines/fake_bench.h), so it links without fixtures/twin.
NEEDS_drivers/device/coolant_valve/test_coolant_valve := drivers/base drivers/bus/bus.c drivers/bus/gpio.c drivers/device/lines drivers/device/coolant_valve

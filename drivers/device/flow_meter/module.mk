# SPDX-License-Identifier: Apache-2.0
# The test makes its own world (lines/fake_bench.h), so it links without fixtures/twin.
NEEDS_drivers/device/flow_meter/test_flow_meter := drivers/base drivers/bus/bus.c drivers/bus/gpio.c drivers/device/lines drivers/device/flow_meter

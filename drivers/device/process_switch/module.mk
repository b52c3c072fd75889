# SPDX-License-Identifier: Apache-2.0
# The test makes its own world (lines/fake_bench.h), so it links without fixtures/twin.
NEEDS_drivers/device/process_switch/test_process_switch := drivers/base drivers/bus/bus.c drivers/bus/gpio.c drivers/device/lines drivers/device/process_switch

# SPDX-License-Identifier: Apache-2.0
# The test makes its own world (lines/fake_bench.h), so it links without fixtures/twin.
NEEDS_drivers/device/kill_relay/test_kill_relay := drivers/base drivers/bus/bus.c drivers/bus/gpio.c drivers/device/lines drivers/device/kill_relay

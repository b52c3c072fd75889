# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/device/lines/test_lines := $(BUS_CORE) drivers/base/param.c drivers/base/unit.c drivers/bus/gpio.c drivers/device/lines drivers/device/leak_valve/leak_valve.c

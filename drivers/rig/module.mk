# SPDX-License-Identifier: Apache-2.0
RIG_STANDS_ON := drivers/base drivers/rig drivers/bus/bus.c drivers/bus/share.c drivers/bus/remote/wire.c drivers/bus/gpio.c drivers/bus/i2c.c drivers/bus/adapter.c drivers/device/device.c drivers/device/desc.c
NEEDS_drivers/rig/test_rig := $(RIG_STANDS_ON)
NEEDS_drivers/rig/test_bench := $(RIG_STANDS_ON)
NEEDS_drivers/rig/test_bench_safe := $(RIG_STANDS_ON)
NEEDS_drivers/rig/fuzz_rig := $(RIG_STANDS_ON)

# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/protocol/pmbus/test_pmbus_format := drivers/base/err.c drivers/protocol/pmbus/pmbus_format.c
NEEDS_drivers/protocol/pmbus/test_pmbus_table := drivers/protocol/pmbus/pmbus_table.c
NEEDS_drivers/protocol/pmbus/test_pmbus_io := drivers/base drivers/bus/bus.c drivers/bus/i2c.c drivers/protocol/pmbus fixtures/faults/wire.c fixtures/twin/wire/smbus.c
NEEDS_drivers/protocol/pmbus/fuzz_pmbus_block := drivers/base/err.c drivers/protocol/pmbus/pmbus_block.c drivers/protocol/pmbus/pmbus_format.c

# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/protocol/pmbus/test_pmbus_format := drivers/base/err.c drivers/protocol/pmbus/pmbus_format.c
NEEDS_drivers/protocol/pmbus/test_pmbus_table := drivers/protocol/pmbus/pmbus_table.c

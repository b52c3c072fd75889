# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/protocol/fru/test_fru := drivers/base/err.c drivers/protocol/fru
NEEDS_drivers/protocol/fru/fuzz_fru := drivers/base/err.c drivers/protocol/fru

# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/base/test_unit := drivers/base
NEEDS_drivers/base/test_param := drivers/base
NEEDS_drivers/base/test_conf := drivers/base
NEEDS_drivers/base/fuzz_conf := drivers/base

# SPDX-License-Identifier: Apache-2.0
NEEDS_control/store/test_store := control/store drivers/base

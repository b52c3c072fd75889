# SPDX-License-Identifier: Apache-2.0
POOL := $(wildcard control/placement/pool*.c) drivers/base
NEEDS_control/placement/test_pool := $(POOL)

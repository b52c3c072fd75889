# SPDX-License-Identifier: Apache-2.0
POOL := $(wildcard control/placement/pool*.c) drivers/base
NEEDS_control/placement/test_pool := $(POOL)
NEEDS_control/placement/bench_pool := $(POOL)
NEEDS_control/placement/test_pool_score := $(POOL)
NEEDS_control/placement/test_pool_churn := $(POOL)

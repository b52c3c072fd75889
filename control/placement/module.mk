# SPDX-License-Identifier: Apache-2.0
POOL := $(wildcard control/placement/pool*.c) drivers/base
NEEDS_control/placement/test_pool := $(POOL)
NEEDS_control/placement/bench_pool := $(POOL)
NEEDS_control/placement/test_pool_score := $(POOL)
NEEDS_control/placement/test_pool_churn := $(POOL)
NEEDS_control/placement/bench_pack := $(POOL)
# The exact solver that packing is measured against; of this bench only.
$(BUILD)/control/placement/bench_pack: PKG_LIBS += -lglpk

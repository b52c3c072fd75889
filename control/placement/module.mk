# SPDX-License-Identifier: Apache-2.0
POOL := $(wildcard control/placement/pool*.c) drivers/base
NEEDS_control/placement/test_pool := $(POOL)
PROFILE_STANDS_ON := control/placement/profile.c control/placement/profile_save.c drivers/base/err.c
NEEDS_control/placement/test_profile := $(PROFILE_STANDS_ON)
NEEDS_control/placement/fuzz_profile := $(PROFILE_STANDS_ON)
NEEDS_control/placement/bench_profile := $(PROFILE_STANDS_ON)
MOVES := $(POOL) $(wildcard control/placement/moves*.c)
NEEDS_control/placement/test_moves := $(MOVES)

# SPDX-License-Identifier: Apache-2.0
POOL := $(wildcard control/placement/pool*.c) drivers/base
NEEDS_control/placement/test_pool := $(POOL)
PROFILE_STANDS_ON := control/placement/profile.c control/placement/profile_save.c drivers/base/err.c
NEEDS_control/placement/test_profile := $(PROFILE_STANDS_ON)
NEEDS_control/placement/fuzz_profile := $(PROFILE_STANDS_ON)
NEEDS_control/placement/bench_profile := $(PROFILE_STANDS_ON)
MOVES := $(POOL) $(wildcard control/placement/moves*.c)
NEEDS_control/placement/test_moves := $(MOVES)
NEEDS_control/placement/test_moves_random := $(MOVES)
NEEDS_control/placement/bench_moves := $(MOVES)
NEEDS_control/placement/bench_moves_ratio := $(MOVES)
# They stand on the helpers of the tests; the exact solver is the bench's only.
$(BUILD)/control/placement/bench_moves: PKG_LIBS += -lcmocka
$(BUILD)/control/placement/bench_moves_ratio: PKG_LIBS += -lcmocka -lglpk
NEEDS_control/placement/bench_pool := $(POOL)
NEEDS_control/placement/test_pool_score := $(POOL)
NEEDS_control/placement/test_pool_churn := $(POOL)
NEEDS_control/placement/bench_pack := $(POOL)
# The exact solver that packing is measured against; of this bench only.
$(BUILD)/control/placement/bench_pack: PKG_LIBS += -lglpk
# test_room_lies once more, with a control/ that can lie: test_room_lies itself runs it when it stands there (as control/inventory/test_lies).
ROOM_LIES := $(BUILD)/mutants/control/placement/test_room_lies
$(ROOM_LIES): $(call lying,control/placement/test_room_lies.c $(C_LIB)) $(REGISTRY)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) -lcmocka -lm -o $@
tests-built: $(ROOM_LIES)

# SPDX-License-Identifier: Apache-2.0
# The conformance suites as a program, for rigs of real adapters; `make vmcheck` runs it in the guest.
$(BUILD)/tests/conform_rig: $(call obj,tests/conform_rig.c) $(LIB_OBJS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) -lm -o $@
tests-built: $(BUILD)/tests/conform_rig

# SPDX-License-Identifier: Apache-2.0
# test_lies once more, with a control/ that can lie: test_lies itself runs it when it stands there.
LIES := $(BUILD)/mutants/control/inventory/test_lies
$(LIES): $(call lying,control/inventory/test_lies.c $(C_LIB)) $(REGISTRY)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) -lcmocka -lm -o $@
tests-built: $(LIES)

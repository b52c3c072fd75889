# SPDX-License-Identifier: Apache-2.0
# test_lies once more, with a control/ that can lie: test_lies itself runs it when it stands there.
LIES := $(BUILD)/mutants/control/inventory/test_lies
$(LIES): $(patsubst %.c,$(BUILD)/mutants/obj/%.o,control/inventory/test_lies.c $(filter control/%,$(C_LIB))) $(call obj,$(filter-out control/%,$(C_LIB))) $(REGISTRY)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) -lcmocka -lm -o $@
tests-built: $(LIES)

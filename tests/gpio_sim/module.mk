# SPDX-License-Identifier: Apache-2.0
# Lines of gpio-sim as a program; `make vmcheck` runs it in the guest. The wire between two lines takes the place of pl_gpiod_set.
$(BUILD)/tests/gpio_sim/edges: $(call obj,tests/gpio_sim/edges.c) $(LIB_OBJS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -Wl,--wrap=pl_gpiod_set $^ $(PKG_LIBS) -lm -o $@
tests-built vmcheck: $(BUILD)/tests/gpio_sim/edges

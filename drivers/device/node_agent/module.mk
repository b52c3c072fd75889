# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/device/node_agent/test_node_agent := drivers fixtures/faults fixtures/twin
NEEDS_drivers/device/node_agent/fuzz_regs := drivers/base drivers/device/agent.c drivers/device/node_agent/regs.c drivers/device/node_agent/image.c
$(BUILD)/drivers/device/node_agent/test_node_agent: $(BUILD)/gen/registry.o

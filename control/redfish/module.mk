# SPDX-License-Identifier: Apache-2.0
# The schemas of what is Plumbline's own, as bytes in the program.
REDFISH_SCHEMAS := $(wildcard control/redfish/schemas/*.xml control/redfish/schemas/*.json)
$(BUILD)/gen/redfish_schemas.h: control/redfish/schemas/embed.sh $(REDFISH_SCHEMAS)
	@mkdir -p $(@D)
	$(Q)sh control/redfish/schemas/embed.sh $(REDFISH_SCHEMAS) > $@
$(BUILD)/obj/control/redfish/services_metadata.o: $(BUILD)/gen/redfish_schemas.h
# They stand on the helpers of the tests, which end in cmocka's words.
$(BUILD)/control/redfish/bench_gate $(BUILD)/control/redfish/fuzz_service: PKG_LIBS += -lcmocka

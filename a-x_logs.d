x_logs.o: /tmp/web/x_logs.c drivers/base/banned.h control/redfish/route.h \
 control/redfish/service.h drivers/rig/stack.h drivers/rig/bench.h \
 drivers/rig/backend.h drivers/rig/rig.h drivers/base/conf.h \
 drivers/base/param.h drivers/base/unit.h drivers/base/err.h \
 drivers/base/word.h drivers/bus/adapter.h drivers/bus/bus.h \
 drivers/base/clock.h drivers/bus/share.h drivers/device/device.h \
 drivers/base/reading.h drivers/bus/gpio.h control/stack/stack.h \
 control/stack/mutant.h control/stack/settings.h \
 control/redfish/services_room.h control/redfish/services.h \
 control/events/events.h control/inventory/item.h \
 control/inventory/state.h control/store/store.h
drivers/base/banned.h:
control/redfish/route.h:
control/redfish/service.h:
drivers/rig/stack.h:
drivers/rig/bench.h:
drivers/rig/backend.h:
drivers/rig/rig.h:
drivers/base/conf.h:
drivers/base/param.h:
drivers/base/unit.h:
drivers/base/err.h:
drivers/base/word.h:
drivers/bus/adapter.h:
drivers/bus/bus.h:
drivers/base/clock.h:
drivers/bus/share.h:
drivers/device/device.h:
drivers/base/reading.h:
drivers/bus/gpio.h:
control/stack/stack.h:
control/stack/mutant.h:
control/stack/settings.h:
control/redfish/services_room.h:
control/redfish/services.h:
control/events/events.h:
control/inventory/item.h:
control/inventory/state.h:
control/store/store.h:

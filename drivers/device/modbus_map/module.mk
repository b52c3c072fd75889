# SPDX-License-Identifier: Apache-2.0
MODBUS_MAP_LOADER := $(addprefix drivers/device/modbus_map/,map.c map_check.c map_codec.c map_faults.c map_find.c map_row.c)
# The test makes its own world, so it links without fixtures/twin.
NEEDS_drivers/device/modbus_map/test_modbus_map := drivers/base drivers/bus/bus.c drivers/bus/modbus.c drivers/device/modbus_map
NEEDS_drivers/device/modbus_map/test_map := drivers/base $(MODBUS_MAP_LOADER)
NEEDS_drivers/device/modbus_map/fuzz_map := drivers/base $(MODBUS_MAP_LOADER)
NEEDS_drivers/maps/test_maps := drivers/base $(MODBUS_MAP_LOADER)

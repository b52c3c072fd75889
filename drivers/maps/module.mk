# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/maps/test_maps := drivers/base drivers/device/modbus_map/map.c drivers/device/modbus_map/map_check.c drivers/device/modbus_map/map_codec.c drivers/device/modbus_map/map_faults.c drivers/device/modbus_map/map_find.c drivers/device/modbus_map/map_row.c

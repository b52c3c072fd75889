# SPDX-License-Identifier: Apache-2.0
BUS_CORE := drivers/base/clock.c drivers/base/err.c drivers/base/thread.c drivers/bus/bus.c
BUS_MODBUS := $(BUS_CORE) drivers/base/param.c drivers/base/unit.c drivers/bus/modbus.c drivers/bus/modbus_io.c drivers/bus/lock.c drivers/bus/conformance.c \
              drivers/bus/i2c.c drivers/bus/gpio.c
NEEDS_drivers/base/test_clock := drivers/base/clock.c drivers/base/err.c
NEEDS_drivers/bus/test_bus := $(BUS_CORE)
NEEDS_drivers/bus/test_i2c := $(BUS_CORE) drivers/bus/i2c.c drivers/bus/gpio.c drivers/bus/modbus.c drivers/bus/conformance.c
NEEDS_drivers/bus/test_gpio := $(NEEDS_drivers/bus/test_i2c)
NEEDS_drivers/bus/test_modbus := $(NEEDS_drivers/bus/test_i2c)
NEEDS_drivers/bus/fuzz_modbus := $(BUS_CORE) drivers/bus/modbus.c
NEEDS_drivers/bus/test_lock := drivers/base/err.c drivers/bus/lock.c
NEEDS_drivers/bus/test_mpsse := drivers/base/err.c drivers/bus/mpsse.c
NEEDS_drivers/bus/fuzz_mpsse_i2c := drivers/base/err.c drivers/bus/mpsse.c
NEEDS_drivers/bus/test_ftdi_stream := drivers/base/err.c drivers/base/clock.c drivers/bus/ftdi_stream.c
NEEDS_drivers/bus/test_modbus_tcp := $(BUS_MODBUS) drivers/bus/modbus_tcp.c
NEEDS_drivers/bus/test_modbus_rtu := $(BUS_MODBUS) drivers/bus/modbus_rtu.c drivers/bus/modbus_rtu_frame.c drivers/bus/serial_port.c drivers/bus/sysfs.c
NEEDS_drivers/bus/test_modbus_rtu_line := $(NEEDS_drivers/bus/test_modbus_rtu)
NEEDS_drivers/bus/test_modbus_bad_line := $(NEEDS_drivers/bus/test_modbus_rtu)
NEEDS_drivers/device/test_device := $(BUS_CORE) drivers/base/param.c drivers/base/unit.c drivers/bus/gpio.c drivers/device/device.c
BUS_USB := $(BUS_CORE) drivers/base/param.c drivers/base/unit.c drivers/bus/usb.c drivers/bus/usb_chip.c drivers/bus/lock.c drivers/bus/share.c drivers/bus/i2c.c \
           drivers/bus/gpio.c drivers/bus/gpio_map.c drivers/bus/modbus.c drivers/bus/conformance.c drivers/base/conf.c
NEEDS_drivers/bus/test_usb := $(BUS_USB)
NEEDS_drivers/bus/test_i2c_tiny_usb := $(BUS_USB) drivers/bus/usb_chip_i2c.c drivers/bus/i2c_tiny_usb.c
NEEDS_drivers/bus/test_cp2112 := $(BUS_USB) drivers/bus/usb_chip_gpio.c drivers/bus/usb_chip_i2c.c drivers/bus/cp2112.c
NEEDS_drivers/bus/test_mcp2221 := $(BUS_USB) drivers/bus/usb_chip_gpio.c drivers/bus/usb_chip_i2c.c drivers/bus/mcp2221.c
NEEDS_drivers/bus/test_usb_hub := $(BUS_USB) drivers/bus/usb_hub.c drivers/bus/usb_hub_adapter.c
NEEDS_drivers/bus/test_i2c_dev := $(BUS_CORE) drivers/base/param.c drivers/base/unit.c drivers/bus/i2c.c drivers/bus/gpio.c drivers/bus/modbus.c drivers/bus/conformance.c \
                                  drivers/bus/lock.c drivers/bus/sysfs.c drivers/bus/i2c_dev.c drivers/bus/i2c_dev_smbus.c
# Not the whole product: the test has a libgpiod of its own, which a part of the product that calls more of it would not find complete.
NEEDS_drivers/bus/test_gpiochip := $(BUS_CORE) drivers/base/param.c drivers/base/unit.c drivers/base/conf.c drivers/bus/i2c.c drivers/bus/gpio.c drivers/bus/gpio_map.c \
                                   drivers/bus/modbus.c drivers/bus/conformance.c drivers/bus/sysfs.c drivers/bus/gpiochip.c drivers/bus/gpiochip_find.c \
                                   drivers/bus/gpiochip_edges.c drivers/bus/gpiod_v1.c drivers/bus/gpiod_v2.c

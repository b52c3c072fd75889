# SPDX-License-Identifier: Apache-2.0
CAPTURE_CODE := $(wildcard drivers/capture/pcapng*.c)
NEEDS_drivers/capture/test_pcapng := drivers/base/err.c $(CAPTURE_CODE)
NEEDS_drivers/capture/fuzz_pcapng := drivers/base/err.c $(CAPTURE_CODE) drivers/capture/frames.c drivers/capture/frames_modbus.c drivers/capture/upper_pdu.c \
                                     drivers/bus/modbus_rtu_frame.c
NEEDS_drivers/capture/test_capture := $(BUS_CORE) drivers/bus/i2c.c drivers/bus/gpio.c drivers/bus/modbus.c drivers/bus/modbus_rtu_frame.c drivers/capture

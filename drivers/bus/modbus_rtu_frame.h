/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_MODBUS_RTU_FRAME_H
#define PL_BUS_MODBUS_RTU_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Serial frames: unit, PDU, CRC ("MODBUS over serial line V1.02", section 2.5.1). */
#define PL_RTU_ADU_MAX 256
#define PL_RTU_OVERHEAD 3

/* Section 6.2.2 (polynomial 0xA001, low byte first on the wire). Over a frame with its CRC the result is 0. */
uint16_t pl_rtu_crc(const uint8_t *bytes, size_t len);
/* How long the answer that begins so will be, as far as it can be told yet (then more than len). *by_silence: its function's format does not tell. */
size_t pl_rtu_answer_length(const uint8_t *bytes, size_t len, bool *by_silence);

#endif

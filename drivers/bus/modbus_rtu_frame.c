/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/modbus_rtu_frame.h"

uint16_t pl_rtu_crc(const uint8_t *bytes, size_t len)
{
  uint16_t crc = 0xffff;
  for (size_t i = 0; i < len; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++)
      crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
  }
  return crc;
}

#define SHORTEST 5 /* unit, function, one byte, CRC: an exception, for one */

size_t pl_rtu_answer_length(const uint8_t *bytes, size_t len, bool *by_silence)
{
  *by_silence = false;
  if (len < SHORTEST)
    return SHORTEST;
  if (bytes[1] & 0x80)
    return SHORTEST;
  size_t length;
  switch (bytes[1]) { /* "MODBUS Application Protocol V1.1b3", section 6 */
  case 1: case 2: case 3: case 4:
  case 12:            /* get comm event log */
  case 17:            /* report server id */
  case 20: case 21:   /* file records */
  case 23: length = 5u + bytes[2]; break;
  case 5: case 6: case 15: case 16:
  case 11: length = 8; break; /* get comm event counter */
  case 7: length = 5; break;  /* read exception status */
  case 22: length = 10; break;
  case 24: length = 6u + (size_t)(bytes[2] << 8 | bytes[3]); break; /* FIFO */
  default: *by_silence = true; return SHORTEST;
  }
  return length > PL_RTU_ADU_MAX ? PL_RTU_ADU_MAX : length;
}

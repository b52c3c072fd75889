/* SPDX-License-Identifier: Apache-2.0 */
/* Modbus packets: TCP segments of a made-up connection, RTU frames under a head that names their dissector. */
#include "drivers/bus/modbus_rtu_frame.h"
#include "drivers/capture/frames.h"
#include "drivers/capture/upper_pdu.h"

#include <string.h>

#define PORT 502           /* "MODBUS Messaging on TCP/IP Implementation Guide V1.0b", section 4.2 */
#define OWN_PORT 50000
#define OWN_HOST 1
#define MBAP 7             /* the same, section 3.1.3: transaction, protocol 0, length, unit */
#define IP_HEAD 20         /* RFC 791 section 3.1, no options */
#define TCP_HEAD 20        /* RFC 9293 section 3.1, no options */
#define FRAME_MAX (IP_HEAD + TCP_HEAD + MBAP + PL_MODBUS_PDU_MAX)
#define PSH_ACK 0x18
#define ACK 0x10

static void put16(uint8_t *at, size_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
  put16(at, value >> 16);
  put16(at + 2, value & 0xffff);
}

static uint32_t sum(const uint8_t *bytes, size_t len)
{
  uint32_t total = 0;
  for (size_t i = 0; i + 1 < len; i += 2)
    total += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
  return len & 1 ? total + (uint32_t)(bytes[len - 1] << 8) : total;
}

static uint16_t checksum(uint32_t total) /* RFC 1071 */
{
  while (total >> 16)
    total = (total & 0xffff) + (total >> 16);
  return (uint16_t)~total;
}

static size_t put_tcp(uint8_t *out, struct pl_modbus_link *link, bool answer, uint8_t unit, const uint8_t *pdu, size_t pdu_len)
{
  size_t load = pdu_len ? MBAP + pdu_len : 0, segment = TCP_HEAD + load;
  uint8_t from = answer ? link->host : OWN_HOST, to = answer ? OWN_HOST : link->host, *tcp = out + IP_HEAD, *mbap = tcp + TCP_HEAD;
  memset(out, 0, IP_HEAD + TCP_HEAD);
  memcpy(out, (uint8_t[]){0x45, 0}, 2);
  put16(out + 2, IP_HEAD + segment);
  memcpy(out + 8, (uint8_t[]){64, 6}, 2); /* time to live, TCP */
  memcpy(out + 12, (uint8_t[]){192, 0, 2, from, 192, 0, 2, to}, 8);
  put16(out + 10, checksum(sum(out, IP_HEAD)));
  put16(tcp, answer ? PORT : OWN_PORT + link->host);
  put16(tcp + 2, answer ? OWN_PORT + link->host : PORT);
  put32(tcp + 4, 1 + (answer ? link->received : link->sent));
  put32(tcp + 8, 1 + (answer ? link->sent : link->received));
  memcpy(tcp + 12, (uint8_t[]){TCP_HEAD / 4 << 4, load ? PSH_ACK : ACK, 0xff, 0xff}, 4);
  if (load) {
    put16(mbap, link->transaction);
    put16(mbap + 2, 0);
    put16(mbap + 4, 1 + pdu_len);
    mbap[6] = unit;
    memcpy(mbap + MBAP, pdu, pdu_len);
  }
  put16(tcp + 16, checksum(sum(tcp, segment) + sum(out + 12, 8) + 6 + (uint32_t)segment)); /* with RFC 9293's pseudo-header */
  *(answer ? &link->received : &link->sent) += (uint32_t)load;
  return IP_HEAD + segment;
}

static size_t put_rtu(uint8_t *out, size_t room, const struct pl_modbus_link *link, bool answer, uint8_t unit, const uint8_t *pdu, size_t pdu_len)
{
  uint16_t own = (uint16_t)(OWN_PORT + link->host);
  const struct pl_upper_pdu_ends ends = {answer ? link->host : OWN_HOST, answer ? OWN_HOST : link->host, answer ? PORT : own, answer ? own : PORT};
  size_t used = pl_upper_pdu_put(out, room, pdu_len ? "mbrtu" : "data", pdu_len ? NULL : "Modbus RTU", &ends);
  if (!pdu_len || !used)
    return used;
  uint8_t *frame = out + used;
  frame[0] = unit;
  memcpy(frame + 1, pdu, pdu_len);
  uint16_t crc = pl_rtu_crc(frame, 1 + pdu_len);
  frame[1 + pdu_len] = (uint8_t)crc; /* "MODBUS over Serial Line V1.02", section 2.5.1.2: low byte first */
  frame[2 + pdu_len] = (uint8_t)(crc >> 8);
  return used + 3 + pdu_len;
}

size_t pl_frame_put_modbus(uint8_t *out, size_t room, struct pl_modbus_link *link, bool answer, uint8_t unit, const uint8_t *pdu, size_t pdu_len)
{
  if (room < FRAME_MAX || pdu_len > PL_MODBUS_PDU_MAX)
    return 0;
  if (!answer)
    link->transaction++;
  return link->serial ? put_rtu(out, room, link, answer, unit, pdu, pdu_len) : put_tcp(out, link, answer, unit, pdu, pdu_len);
}

static bool get_rtu(const uint8_t *frame, size_t len, uint8_t *unit, const uint8_t **pdu, size_t *pdu_len)
{
  char dissector[16] = "";
  size_t at = pl_upper_pdu_skip(frame, len, dissector, sizeof dissector);
  if (!at)
    return false;
  if (at == len || strcmp(dissector, "mbrtu")) {
    *pdu_len = 0;
    return at == len;
  }
  if (len - at < 4 || pl_rtu_crc(frame + at, len - at - 2) != (uint16_t)(frame[len - 2] | frame[len - 1] << 8))
    return false;
  *unit = frame[at];
  *pdu = frame + at + 1;
  *pdu_len = len - at - 3;
  return true;
}

bool pl_frame_get_modbus(uint16_t link, const uint8_t *frame, size_t len, uint8_t *unit, const uint8_t **pdu, size_t *pdu_len)
{
  const size_t heads = IP_HEAD + TCP_HEAD;
  *unit = 0;
  *pdu = frame;
  *pdu_len = 0;
  if (link == PL_LINK_UPPER_PDU)
    return get_rtu(frame, len, unit, pdu, pdu_len);
  if (link != PL_LINK_IPV4 || len < heads || frame[0] != 0x45 || frame[9] != 6 || frame[IP_HEAD + 12] != TCP_HEAD / 4 << 4)
    return false;
  if (len == heads)
    return true;
  const uint8_t *mbap = frame + heads;
  if (len < heads + MBAP + 1 || (size_t)(mbap[4] << 8 | mbap[5]) != len - heads - MBAP + 1)
    return false;
  *unit = mbap[6];
  *pdu = mbap + MBAP;
  *pdu_len = len - heads - MBAP;
  return true;
}

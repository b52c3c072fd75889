/* SPDX-License-Identifier: Apache-2.0 */
/* Writing pcapng blocks. Section numbers are those of draft-ietf-opsawg-pcapng. Reading is in pcapng_read.c. */
#include "drivers/capture/pcapng.h"

#include "drivers/capture/pcapng_blocks.h"

#include <string.h>

struct out {
  uint8_t *at, *end; /* at > end: it did not fit */
};

static void put(struct out *out, const void *bytes, size_t len)
{
  if (out->at <= out->end && (size_t)(out->end - out->at) >= len)
    memcpy(out->at, bytes, len);
  else
    out->at = out->end + 1;
  if (out->at <= out->end)
    out->at += len;
}

static void put16(struct out *out, uint16_t value)
{
  put(out, &value, sizeof value);
}

static void put32(struct out *out, uint32_t value)
{
  put(out, &value, sizeof value);
}

static void put_padded(struct out *out, const void *bytes, size_t len) /* section 3.1: to 32 bits */
{
  static const uint8_t ZEROS[3];
  put(out, bytes, len);
  put(out, ZEROS, PL_PCAPNG_PAD(len) - len);
}

static void put_option(struct out *out, uint16_t code, const void *bytes, size_t len)
{
  if (len > UINT16_MAX)
    len = UINT16_MAX;
  put16(out, code);
  put16(out, (uint16_t)len);
  put_padded(out, bytes, len);
}

static void put_text(struct out *out, uint16_t code, const char *text)
{
  if (text && *text)
    put_option(out, code, text, strlen(text));
}

static struct out begin(uint8_t *bytes, size_t room, uint32_t type)
{
  struct out out = {bytes, bytes + room};
  put32(&out, type);
  put32(&out, 0); /* the length, when it is known */
  return out;
}

static size_t finish(struct out *out, uint8_t *bytes)
{
  size_t size = (size_t)(out->at - bytes) + 4;
  put32(out, (uint32_t)size); /* section 3.1: the length stands at both ends */
  if (out->at > out->end)
    return 0;
  memcpy(bytes + 4, &(uint32_t){(uint32_t)size}, 4);
  return size;
}

size_t pl_pcapng_put_section(uint8_t *bytes, size_t room, const struct pl_pcapng_section *section)
{
  struct out out = begin(bytes, room, PL_PCAPNG_SECTION);
  put32(&out, PL_PCAPNG_MAGIC);
  put16(&out, 1); /* version 1.0 */
  put16(&out, 0);
  put(&out, &(int64_t){-1}, 8); /* section 4.1: its length is not told */
  put_text(&out, PL_PCAPNG_OPT_COMMENT, section->comment);
  put_text(&out, PL_PCAPNG_SHB_HARDWARE, section->hardware);
  put_text(&out, PL_PCAPNG_SHB_USERAPPL, section->application);
  put32(&out, PL_PCAPNG_OPT_END);
  return finish(&out, bytes);
}

size_t pl_pcapng_put_interface(uint8_t *bytes, size_t room, const struct pl_pcapng_interface *interface)
{
  struct out out = begin(bytes, room, PL_PCAPNG_INTERFACE);
  put16(&out, interface->link);
  put16(&out, 0);
  put32(&out, 0); /* no limit of the packets' length */
  put_text(&out, PL_PCAPNG_OPT_COMMENT, interface->comment);
  put_text(&out, PL_PCAPNG_IF_NAME, interface->name);
  put_text(&out, PL_PCAPNG_IF_DESCRIPTION, interface->about);
  if (interface->speed_bps)
    put_option(&out, PL_PCAPNG_IF_SPEED, &interface->speed_bps, 8);
  put_option(&out, PL_PCAPNG_IF_TSRESOL, &(uint8_t){9}, 1);
  put32(&out, PL_PCAPNG_OPT_END);
  return finish(&out, bytes);
}

size_t pl_pcapng_packet_size(const struct pl_pcapng_packet *packet)
{
  size_t options = (packet->direction ? 8u : 0u) + (packet->id ? 12u : 0u) + (packet->comment_len ? 4 + PL_PCAPNG_PAD(packet->comment_len) : 0);
  return 8 + PL_PCAPNG_PACKET_HEAD + PL_PCAPNG_PAD(packet->len) + options + (options ? 4 : 0) + 4;
}

size_t pl_pcapng_put_packet(uint8_t *bytes, size_t room, const struct pl_pcapng_packet *packet)
{
  struct out out = begin(bytes, room, PL_PCAPNG_PACKET);
  put32(&out, packet->interface);
  put32(&out, (uint32_t)((uint64_t)packet->time_ns >> 32)); /* section 4.3: the high half first in either byte order */
  put32(&out, (uint32_t)packet->time_ns);
  put32(&out, (uint32_t)packet->len);
  put32(&out, (uint32_t)packet->len);
  put_padded(&out, packet->data, packet->len);
  if (packet->comment_len)
    put_option(&out, PL_PCAPNG_OPT_COMMENT, packet->comment, packet->comment_len);
  if (packet->direction)
    put_option(&out, PL_PCAPNG_EPB_FLAGS, &(uint32_t){(uint32_t)packet->direction}, 4);
  if (packet->id)
    put_option(&out, PL_PCAPNG_EPB_PACKETID, &packet->id, 8);
  if (packet->comment_len || packet->direction || packet->id)
    put32(&out, PL_PCAPNG_OPT_END);
  return finish(&out, bytes);
}

int64_t pl_pcapng_packet_time(const uint8_t *block)
{
  uint32_t halves[2];
  memcpy(halves, block + 12, sizeof halves);
  return (int64_t)((uint64_t)halves[0] << 32 | halves[1]);
}

size_t pl_pcapng_block_size(const uint8_t *block)
{
  uint32_t size;
  memcpy(&size, block + 4, sizeof size);
  return size;
}

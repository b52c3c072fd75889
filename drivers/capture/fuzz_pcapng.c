/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/capture/frames.h"
#include "drivers/capture/pcapng.h"

#include <assert.h>

/* Any bytes as a capture: the reader never leaves them, and what it takes for a packet lies inside the file. Each packet goes through each frame reader. */
static void read_frames(const struct pl_pcapng_file *file, const struct pl_pcapng_packet *packet)
{
  struct pl_i2c_seen seen;
  struct pl_gpio_head head;
  struct pl_gpio_text rows;
  struct pl_gpio_row row;
  const uint8_t *pdu, *end = packet->data + packet->len;
  const char *why;
  uint8_t unit;
  size_t len;
  if (pl_frame_get_i2c(packet->data, packet->len, &seen) && !seen.event)
    assert(seen.data + seen.len == end);
  if (pl_frame_get_modbus(PL_LINK_UPPER_PDU, packet->data, packet->len, &unit, &pdu, &len) && len)
    assert(pdu >= packet->data && pdu + len <= end);
  if (pl_frame_get_modbus(PL_LINK_IPV4, packet->data, packet->len, &unit, &pdu, &len) && len)
    assert(pdu >= packet->data && pdu + len <= end);
  if (pl_frame_get_gpio(packet->data, packet->len, &head, &rows))
    while (pl_frame_next_row(&rows, &row))
      assert(row.name >= (const char *)packet->data && row.name + row.name_len < (const char *)end);
  if (packet->comment && pl_frame_status(packet->comment, packet->comment_len, &why))
    assert(why <= packet->comment + packet->comment_len);
  assert(packet->interface < file->n_interfaces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct pl_pcapng_file file;
  struct pl_err err = {0};
  if (!pl_pcapng_parse("fuzz", data, size, &file, &err)) {
    for (size_t i = 0; i < file.n_packets; i++)
      read_frames(&file, &file.packets[i]);
  } else {
    assert(err.text[0]);
  }
  pl_pcapng_free(&file);
  return 0;
}

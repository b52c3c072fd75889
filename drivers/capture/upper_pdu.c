/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/capture/upper_pdu.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { /* exported_pdu_tlvs.h */
  TAG_END = 0,
  TAG_DISSECTOR_NAME = 12,
  TAG_IPV4_SRC = 20,
  TAG_IPV4_DST = 21,
  TAG_PORT_TYPE = 24,
  TAG_SRC_PORT = 25,
  TAG_DST_PORT = 26,
  TAG_COL_PROT_TEXT = 33,
};
#define PORT_TYPE_TCP 2

struct head {
  uint8_t *out;
  size_t room, used; /* used > room: it did not fit */
};

static void put_tag(struct head *head, uint16_t tag, const void *value, size_t len)
{
  if (head->used + 4 + len > head->room) {
    head->used = head->room + 1;
    return;
  }
  const uint8_t at[] = {(uint8_t)(tag >> 8), (uint8_t)tag, (uint8_t)(len >> 8), (uint8_t)len};
  memcpy(head->out + head->used, at, sizeof at);
  if (len)
    memcpy(head->out + head->used + sizeof at, value, len);
  head->used += sizeof at + len;
}

static void put_number(struct head *head, uint16_t tag, uint16_t number)
{
  put_tag(head, tag, (uint8_t[]){0, 0, (uint8_t)(number >> 8), (uint8_t)number}, 4);
}

size_t pl_upper_pdu_put(uint8_t *out, size_t room, const char *dissector, const char *column, const struct pl_upper_pdu_ends *ends)
{
  struct head head = {out, room, 0};
  put_tag(&head, TAG_DISSECTOR_NAME, dissector, strlen(dissector));
  if (column)
    put_tag(&head, TAG_COL_PROT_TEXT, column, strlen(column));
  if (ends) {
    put_tag(&head, TAG_IPV4_SRC, (uint8_t[]){192, 0, 2, ends->from}, 4);
    put_tag(&head, TAG_IPV4_DST, (uint8_t[]){192, 0, 2, ends->to}, 4);
    put_number(&head, TAG_PORT_TYPE, PORT_TYPE_TCP);
    put_number(&head, TAG_SRC_PORT, ends->from_port);
    put_number(&head, TAG_DST_PORT, ends->to_port);
  }
  put_tag(&head, TAG_END, NULL, 0);
  return head.used > room ? 0 : head.used;
}

size_t pl_upper_pdu_skip(const uint8_t *frame, size_t len, char *dissector, size_t room)
{
  for (size_t at = 0; len - at >= 4;) {
    unsigned tag = (unsigned)(frame[at] << 8 | frame[at + 1]);
    size_t n = (size_t)(frame[at + 2] << 8 | frame[at + 3]);
    at += 4;
    if (n > len - at)
      return 0;
    if (tag == TAG_DISSECTOR_NAME && dissector)
      snprintf(dissector, room, "%.*s", (int)n, (const char *)frame + at);
    at += n;
    if (tag == TAG_END)
      return at;
  }
  return 0;
}

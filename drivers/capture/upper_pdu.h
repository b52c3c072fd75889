/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CAPTURE_UPPER_PDU_H
#define PL_CAPTURE_UPPER_PDU_H

#include <stddef.h>
#include <stdint.h>

/*
 * The head of a LINKTYPE_WIRESHARK_UPPER_PDU packet: tags of two bytes type and two bytes length, highest first, that name the dissector of what
 * follows (Wireshark, wsutil/exported_pdu_tlvs.h).
 */
struct pl_upper_pdu_ends { /* makes a conversation of requests and answers */
  uint8_t from, to;        /* last number of 192.0.2.N */
  uint16_t from_port, to_port;
};
/* The head's length; 0: it does not fit. column: what the protocol column shows; NULL: the dissector's own. ends may be NULL. */
size_t pl_upper_pdu_put(uint8_t *out, size_t room, const char *dissector, const char *column, const struct pl_upper_pdu_ends *ends);
/* Where what follows begins; 0: it is no such head. dissector (may be NULL) receives the name. */
size_t pl_upper_pdu_skip(const uint8_t *frame, size_t len, char *dissector, size_t room);

#endif

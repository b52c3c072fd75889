/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CAPTURE_PCAPNG_BLOCKS_H
#define PL_CAPTURE_PCAPNG_BLOCKS_H

/* Numbers of draft-ietf-opsawg-pcapng, for writer and reader: block types (section 11.1), options (sections 3.5, 4.1, 4.2, 4.3). */
#define PL_PCAPNG_SECTION 0x0a0d0d0au
#define PL_PCAPNG_INTERFACE 1u
#define PL_PCAPNG_PACKET 6u
#define PL_PCAPNG_MAGIC 0x1a2b3c4du

enum {
  PL_PCAPNG_OPT_END = 0,
  PL_PCAPNG_OPT_COMMENT = 1,
  PL_PCAPNG_SHB_HARDWARE = 2,
  PL_PCAPNG_SHB_USERAPPL = 4,
  PL_PCAPNG_IF_NAME = 2,
  PL_PCAPNG_IF_DESCRIPTION = 3,
  PL_PCAPNG_IF_SPEED = 8,
  PL_PCAPNG_IF_TSRESOL = 9,
  PL_PCAPNG_IF_TSOFFSET = 14,
  PL_PCAPNG_EPB_FLAGS = 2,
  PL_PCAPNG_EPB_PACKETID = 5,
};

#define PL_PCAPNG_PACKET_HEAD 20 /* interface, time, captured and original length */
#define PL_PCAPNG_PAD(len) (((len) + 3) & ~(size_t)3)

#endif

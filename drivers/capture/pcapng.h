/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CAPTURE_PCAPNG_H
#define PL_CAPTURE_PCAPNG_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * pcapng blocks (draft-ietf-opsawg-pcapng, sections 3 and 4): Section Header, Interface Description and Enhanced Packet. Written in the machine's own
 * byte order, read in either. Strings are UTF-8.
 */
struct pl_pcapng_section {
  const char *application, *hardware, *comment; /* NULL: none */
};

struct pl_pcapng_interface {
  uint16_t link;
  const char *name, *about, *comment; /* if_name, if_description, opt_comment; NULL: none */
  uint64_t speed_bps;                 /* 0: not told */
  /* when read */
  uint64_t ticks_per_s;
  int64_t offset_s;
};

enum pl_pcapng_direction { PL_PCAPNG_UNKNOWN, PL_PCAPNG_IN, PL_PCAPNG_OUT }; /* epb_flags bits 0-1 */

struct pl_pcapng_packet {
  uint32_t interface;
  int64_t time_ns; /* since 1970 UTC */
  enum pl_pcapng_direction direction;
  uint64_t id; /* epb_packetid; 0: none */
  const uint8_t *data;
  size_t len;
  const char *comment; /* not terminated */
  size_t comment_len;
};

/* Each writes one whole block at out and returns its size; 0: it does not fit into room, nothing that counts was written. */
size_t pl_pcapng_put_section(uint8_t *out, size_t room, const struct pl_pcapng_section *section);
size_t pl_pcapng_put_interface(uint8_t *out, size_t room, const struct pl_pcapng_interface *interface); /* nanoseconds */
size_t pl_pcapng_put_packet(uint8_t *out, size_t room, const struct pl_pcapng_packet *packet);
/* What put_packet needs. */
size_t pl_pcapng_packet_size(const struct pl_pcapng_packet *packet);
/* Of a block that put_packet wrote. */
int64_t pl_pcapng_packet_time(const uint8_t *block);
size_t pl_pcapng_block_size(const uint8_t *block);

/* A whole file, in memory. The first section counts; what follows another section header is not read. */
struct pl_pcapng_file {
  struct pl_pcapng_section section;
  struct pl_pcapng_interface *interfaces;
  struct pl_pcapng_packet *packets; /* data and comment point into bytes; packet N of a viewer is packets[N - 1] */
  size_t n_interfaces, n_packets;
  bool torn; /* the last block is not whole: its writer was killed */
  /* private */
  uint8_t *bytes;
  size_t size;
  bool swapped;
};

/* name stands for the file in messages. PL_E_USAGE: it is none. Takes a copy of the bytes. Free in any case. */
enum pl_status pl_pcapng_parse(const char *name, const void *bytes, size_t size, struct pl_pcapng_file *file, struct pl_err *err);
enum pl_status pl_pcapng_load(const char *path, struct pl_pcapng_file *file, struct pl_err *err);
void pl_pcapng_free(struct pl_pcapng_file *file);

#endif

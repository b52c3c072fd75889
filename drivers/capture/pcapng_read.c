/* SPDX-License-Identifier: Apache-2.0 */
/* Reading pcapng: every length is checked against what is there, whoever wrote the file. */
#include "drivers/capture/pcapng.h"

#include "drivers/capture/pcapng_blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 30)
#define NS_PER_S 1000000000u

struct part { /* of the file */
  const uint8_t *at;
  size_t len;
};

static uint32_t get32(const struct pl_pcapng_file *file, const uint8_t *at)
{
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return file->swapped ? __builtin_bswap32(value) : value;
}

static uint16_t get16(const struct pl_pcapng_file *file, const uint8_t *at)
{
  uint16_t value;
  memcpy(&value, at, sizeof value);
  return file->swapped ? __builtin_bswap16(value) : value;
}

static uint64_t get64(const struct pl_pcapng_file *file, const uint8_t *at)
{
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return file->swapped ? __builtin_bswap64(value) : value;
}

/* Takes the next option off the front. false: there is none, or it runs past the block. */
static bool next_option(const struct pl_pcapng_file *file, struct part *options, uint16_t *code, struct part *value)
{
  if (options->len < 4)
    return false;
  *code = get16(file, options->at);
  size_t len = get16(file, options->at + 2), padded = PL_PCAPNG_PAD(len);
  if (*code == PL_PCAPNG_OPT_END || len > options->len - 4)
    return false;
  *value = (struct part){options->at + 4, len};
  size_t step = 4 + (padded < options->len - 4 ? padded : options->len - 4);
  *options = (struct part){options->at + step, options->len - step};
  return true;
}

static bool take_text(const struct part *value, const char **text)
{
  free((void *)(uintptr_t)*text);
  *text = strndup((const char *)value->at, value->len);
  return *text != NULL;
}

static bool read_section(struct pl_pcapng_file *file, struct part body)
{
  struct part options = {body.at + 16, body.len - 16}, value;
  bool ok = true;
  for (uint16_t code; ok && next_option(file, &options, &code, &value);)
    if (code == PL_PCAPNG_OPT_COMMENT)
      ok = take_text(&value, &file->section.comment);
    else if (code == PL_PCAPNG_SHB_HARDWARE)
      ok = take_text(&value, &file->section.hardware);
    else if (code == PL_PCAPNG_SHB_USERAPPL)
      ok = take_text(&value, &file->section.application);
  return ok;
}

/* Section 4.2, if_tsresol: a power of ten, or of two with the highest bit set. */
static uint64_t ticks_of(uint8_t resolution)
{
  uint64_t ticks = 1;
  int power = resolution & 0x7f, most = resolution & 0x80 ? 63 : 19;
  for (int i = 0; i < power && i < most; i++)
    ticks *= resolution & 0x80 ? 2 : 10;
  return ticks;
}

static void *grown(void *items, size_t count, size_t size) /* room for one more: at 0, and at each power of two */
{
  if (count & (count - 1))
    return items;
  return realloc(items, (count ? 2 * count : 1) * size);
}

static bool read_interface(struct pl_pcapng_file *file, struct part body)
{
  struct pl_pcapng_interface *interfaces = grown(file->interfaces, file->n_interfaces, sizeof *interfaces);
  if (!interfaces)
    return false;
  file->interfaces = interfaces;
  struct pl_pcapng_interface *interface = &interfaces[file->n_interfaces++];
  *interface = (struct pl_pcapng_interface){.link = get16(file, body.at), .ticks_per_s = 1000000};
  struct part options = {body.at + 8, body.len - 8}, value;
  bool ok = true;
  for (uint16_t code; ok && next_option(file, &options, &code, &value);)
    if (code == PL_PCAPNG_OPT_COMMENT)
      ok = take_text(&value, &interface->comment);
    else if (code == PL_PCAPNG_IF_NAME)
      ok = take_text(&value, &interface->name);
    else if (code == PL_PCAPNG_IF_DESCRIPTION)
      ok = take_text(&value, &interface->about);
    else if (code == PL_PCAPNG_IF_SPEED && value.len == 8)
      interface->speed_bps = get64(file, value.at);
    else if (code == PL_PCAPNG_IF_TSRESOL && value.len == 1)
      interface->ticks_per_s = ticks_of(*value.at);
    else if (code == PL_PCAPNG_IF_TSOFFSET && value.len == 8)
      interface->offset_s = (int64_t)get64(file, value.at);
  return ok;
}

static int64_t time_of(const struct pl_pcapng_interface *interface, uint64_t ticks)
{
  uint64_t per = interface->ticks_per_s;
  unsigned __int128 ns = (unsigned __int128)(ticks % per) * NS_PER_S / per;
  return (int64_t)((ticks / per + (uint64_t)interface->offset_s) * NS_PER_S + (uint64_t)ns);
}

/* *ok false: out of memory. Returns false for a packet that cannot be. */
static bool read_packet(struct pl_pcapng_file *file, struct part body, bool *ok)
{
  if (body.len < PL_PCAPNG_PACKET_HEAD)
    return false;
  uint32_t interface = get32(file, body.at);
  size_t len = get32(file, body.at + 12), room = body.len - PL_PCAPNG_PACKET_HEAD;
  if (interface >= file->n_interfaces || len > room)
    return false;
  struct pl_pcapng_packet *packets = grown(file->packets, file->n_packets, sizeof *packets);
  if (!packets)
    return *ok = false;
  file->packets = packets;
  struct pl_pcapng_packet *packet = &packets[file->n_packets++];
  uint64_t ticks = (uint64_t)get32(file, body.at + 4) << 32 | get32(file, body.at + 8);
  *packet = (struct pl_pcapng_packet){.interface = interface, .time_ns = time_of(&file->interfaces[interface], ticks),
                                      .data = body.at + PL_PCAPNG_PACKET_HEAD, .len = len};
  size_t padded = PL_PCAPNG_PAD(len) < room ? PL_PCAPNG_PAD(len) : room;
  struct part options = {packet->data + padded, room - padded}, value;
  for (uint16_t code; next_option(file, &options, &code, &value);)
    if (code == PL_PCAPNG_OPT_COMMENT && !packet->comment) {
      packet->comment = (const char *)value.at;
      packet->comment_len = value.len;
    } else if (code == PL_PCAPNG_EPB_FLAGS && value.len == 4) {
      packet->direction = (enum pl_pcapng_direction)(get32(file, value.at) & 3);
      if (packet->direction > PL_PCAPNG_OUT)
        packet->direction = PL_PCAPNG_UNKNOWN;
    } else if (code == PL_PCAPNG_EPB_PACKETID && value.len == 8) {
      packet->id = get64(file, value.at);
    }
  return true;
}

/* The block at `at`; 0: it is not whole. */
static size_t block_at(const struct pl_pcapng_file *file, size_t at, uint32_t *type, struct part *body)
{
  size_t left = file->size - at;
  if (left < 12)
    return 0;
  *type = get32(file, file->bytes + at);
  size_t len = get32(file, file->bytes + at + 4);
  if (len < 12 || len % 4 || len > left || get32(file, file->bytes + at + len - 4) != len)
    return 0;
  *body = (struct part){file->bytes + at + 8, len - 12};
  return len;
}

static enum pl_status bad(const char *name, size_t at, const char *what, struct pl_err *err)
{
  return pl_fail(err, PL_E_USAGE, "%s: %s at byte %zu; is it a capture that plumb wrote?", name, what, at);
}

static enum pl_status read_blocks(const char *name, struct pl_pcapng_file *file, size_t at, struct pl_err *err)
{
  uint32_t type;
  struct part body;
  while (at < file->size) {
    size_t len = block_at(file, at, &type, &body);
    bool ok = true;
    if (!len || type == PL_PCAPNG_SECTION) {
      file->torn = !len;
      return PL_OK;
    }
    if (type == PL_PCAPNG_INTERFACE && body.len < 8)
      return bad(name, at, "an interface description that is too short", err);
    if (type == PL_PCAPNG_INTERFACE)
      ok = read_interface(file, body);
    else if (type == PL_PCAPNG_PACKET && !read_packet(file, body, &ok) && ok)
      return bad(name, at, "a packet of no interface, or longer than its block", err);
    if (!ok)
      return pl_fail(err, PL_E_NOMEM, "out of memory for %s", name);
    at += len;
  }
  return PL_OK;
}

static enum pl_status parse(const char *name, struct pl_pcapng_file *file, struct pl_err *err)
{
  static const uint32_t MAGIC = PL_PCAPNG_MAGIC;
  if (file->size < 28 || get32(file, file->bytes) != PL_PCAPNG_SECTION) /* the same in either byte order */
    return pl_fail(err, PL_E_USAGE, "%s: no pcapng file, expected one that --capture wrote", name);
  file->swapped = memcmp(file->bytes + 8, &MAGIC, 4) != 0;
  if (get32(file, file->bytes + 8) != PL_PCAPNG_MAGIC)
    return bad(name, 8, "no byte order of pcapng", err);
  uint32_t type;
  struct part body;
  size_t len = block_at(file, 0, &type, &body);
  if (!len || body.len < 16)
    return bad(name, 0, "a section header that is not whole", err);
  if (get16(file, body.at + 4) != 1)
    return bad(name, 12, "an unknown version of pcapng", err);
  if (!read_section(file, body))
    return pl_fail(err, PL_E_NOMEM, "out of memory for %s", name);
  return read_blocks(name, file, len, err);
}

enum pl_status pl_pcapng_parse(const char *name, const void *bytes, size_t size, struct pl_pcapng_file *file, struct pl_err *err)
{
  *file = (struct pl_pcapng_file){.bytes = malloc(size ? size : 1), .size = size};
  if (!file->bytes)
    return pl_fail(err, PL_E_NOMEM, "out of memory for %s", name);
  if (size)
    memcpy(file->bytes, bytes, size);
  return parse(name, file, err);
}

static enum pl_status read_all(const char *path, FILE *in, struct pl_pcapng_file *file, struct pl_err *err)
{
  for (size_t room = 0;;) {
    if (file->size == room) {
      room = room ? 2 * room : 65536;
      uint8_t *bytes = room > FILE_MAX ? NULL : realloc(file->bytes, room);
      if (!bytes)
        return pl_fail(err, PL_E_USAGE, "%s: larger than the 1 GiB (or the memory) that a capture may have", path);
      file->bytes = bytes;
    }
    size_t n = fread(file->bytes + file->size, 1, room - file->size, in);
    file->size += n;
    if (!n)
      return ferror(in) ? pl_fail_errno(err, "%s: cannot be read", path) : PL_OK;
  }
}

enum pl_status pl_pcapng_load(const char *path, struct pl_pcapng_file *file, struct pl_err *err)
{
  *file = (struct pl_pcapng_file){0};
  FILE *in = fopen(path, "rb");
  if (!in) {
    pl_fail_errno(err, "%s: cannot be opened", path);
    return err ? (err->status = PL_E_USAGE) : PL_E_USAGE;
  }
  enum pl_status status = read_all(path, in, file, err);
  fclose(in);
  return status ? status : parse(path, file, err);
}

void pl_pcapng_free(struct pl_pcapng_file *file)
{
  for (size_t i = 0; i < file->n_interfaces; i++) {
    const char *const texts[] = {file->interfaces[i].name, file->interfaces[i].about, file->interfaces[i].comment};
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
      free((void *)(uintptr_t)texts[k]);
  }
  const char *const texts[] = {file->section.application, file->section.hardware, file->section.comment};
  for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
    free((void *)(uintptr_t)texts[k]);
  free(file->interfaces);
  free(file->packets);
  free(file->bytes);
  *file = (struct pl_pcapng_file){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/ftdi_stream.h"

#include <libusb.h>
#include <string.h>

#define N_IN 4
#define N_OUT 2
#define STATUS_BYTES 2     /* modem and line status, at the head of each packet (libftdi's ftdi_read_data) */
#define REPLIES_AN_IN 256  /* owed, for each IN transfer that is kept pending above the first */
#define BYTES_ROOM 16384   /* the largest FIFO is 4096; sync may find older bytes */
#define REAP_NS PL_S       /* how long a cancelled transfer may take to end */

struct slot {
  struct pl_ftdi_stream *stream;
  struct libusb_transfer *transfer;
  uint8_t *buf;
  bool pending;
};

struct pl_ftdi_stream {
  struct pl_usb *usb;
  struct pl_clock *clock;
  libusb_context *context;
  libusb_device_handle *handle;
  unsigned char in_ep, out_ep;
  size_t packet;           /* wMaxPacketSize: 512, or 64 behind a full-speed hub */
  struct slot in[N_IN], out[N_OUT];
  size_t owed, have;
  uint8_t bytes[BYTES_ROOM];
  bool stopping;
  int progress;            /* something came or went: ends libusb's wait */
  int failed;              /* a LIBUSB_TRANSFER_ status; 0: none */
};

static bool any_pending(const struct pl_ftdi_stream *s)
{
  bool any = false;
  for (size_t i = 0; i < N_IN; i++)
    any |= s->in[i].pending;
  for (size_t i = 0; i < N_OUT; i++)
    any |= s->out[i].pending;
  return any;
}

static void note_end(struct pl_ftdi_stream *s, enum libusb_transfer_status status)
{
  if (status == LIBUSB_TRANSFER_COMPLETED || s->stopping)
    return;
  if (!s->failed || status == LIBUSB_TRANSFER_NO_DEVICE)
    s->failed = (int)status;
  s->progress = 1;
}

/* --- in --- */

static void keep(struct pl_ftdi_stream *s, const uint8_t *bytes, size_t len)
{
  size_t room = sizeof s->bytes - s->have;
  if (len > room) { /* far more than was ever asked for */
    s->failed = LIBUSB_TRANSFER_OVERFLOW;
    len = room;
  }
  memcpy(s->bytes + s->have, bytes, len);
  s->have += len;
  s->owed -= len < s->owed ? len : s->owed;
  s->progress = 1;
}

static void keep_reading(struct pl_ftdi_stream *s);

static void LIBUSB_CALL in_done(struct libusb_transfer *transfer)
{
  struct slot *slot = transfer->user_data;
  struct pl_ftdi_stream *s = slot->stream;
  slot->pending = false;
  size_t len = transfer->actual_length > 0 ? (size_t)transfer->actual_length : 0;
  for (size_t at = 0; at + STATUS_BYTES < len; at += s->packet) {
    size_t end = at + s->packet < len ? at + s->packet : len;
    keep(s, slot->buf + at + STATUS_BYTES, end - at - STATUS_BYTES);
  }
  note_end(s, transfer->status);
  keep_reading(s);
}

static size_t reads_wanted(const struct pl_ftdi_stream *s)
{
  size_t n = s->owed ? 1 + s->owed / REPLIES_AN_IN : 0;
  return s->stopping || s->failed ? 0 : n > N_IN ? N_IN : n;
}

static enum libusb_transfer_status as_status(int code)
{
  return code == LIBUSB_ERROR_NO_DEVICE ? LIBUSB_TRANSFER_NO_DEVICE : LIBUSB_TRANSFER_ERROR;
}

/* One packet a transfer: a full packet does not end a longer one, which would then wait for the latency timer. */
static void keep_reading(struct pl_ftdi_stream *s)
{
  size_t pending = 0, wanted = reads_wanted(s);
  for (size_t i = 0; i < N_IN; i++)
    pending += s->in[i].pending;
  for (size_t i = 0; i < N_IN && pending < wanted; i++) {
    struct slot *slot = &s->in[i];
    if (slot->pending)
      continue;
    libusb_fill_bulk_transfer(slot->transfer, s->handle, s->in_ep, slot->buf, (int)s->packet, in_done, slot, 0);
    int code = libusb_submit_transfer(slot->transfer);
    if (code) {
      note_end(s, as_status(code));
      return;
    }
    slot->pending = true;
    pending++;
  }
}

/* --- out --- */

static void LIBUSB_CALL out_done(struct libusb_transfer *transfer)
{
  struct slot *slot = transfer->user_data;
  struct pl_ftdi_stream *s = slot->stream;
  slot->pending = false;
  s->progress = 1;
  bool cut = transfer->status == LIBUSB_TRANSFER_COMPLETED && transfer->actual_length != transfer->length;
  note_end(s, cut ? LIBUSB_TRANSFER_ERROR : transfer->status);
}

static struct slot *free_out(struct pl_ftdi_stream *s)
{
  for (size_t i = 0; i < N_OUT; i++)
    if (!s->out[i].pending)
      return &s->out[i];
  return NULL;
}

uint8_t *pl_ftdi_stream_room(struct pl_ftdi_stream *s)
{
  struct slot *slot = free_out(s);
  return slot ? slot->buf : NULL;
}

/* What a transfer that went wrong means: a device that answers no request any more is gone, whatever the host controller called it. */
static enum pl_status fail(struct pl_ftdi_stream *s, struct pl_err *err)
{
  static const char WHAT[] = "the command stream";
  unsigned char config;
  if (s->failed == LIBUSB_TRANSFER_NO_DEVICE)
    return pl_usb_fail(s->usb, LIBUSB_ERROR_NO_DEVICE, WHAT, err);
  int code = libusb_control_transfer(s->handle, LIBUSB_ENDPOINT_IN, LIBUSB_REQUEST_GET_CONFIGURATION, 0, 0, &config, 1, 200);
  if (code < 0)
    return pl_usb_fail(s->usb, LIBUSB_ERROR_NO_DEVICE, WHAT, err);
  if (s->failed == LIBUSB_TRANSFER_OVERFLOW)
    return pl_usb_fail(s->usb, LIBUSB_ERROR_OVERFLOW, WHAT, err);
  return pl_usb_fail(s->usb, LIBUSB_ERROR_IO, WHAT, err);
}

enum pl_status pl_ftdi_stream_send(struct pl_ftdi_stream *s, size_t len, size_t replies, struct pl_err *err)
{
  struct slot *slot = free_out(s);
  s->owed += replies;
  keep_reading(s); /* before the commands go out */
  if (s->failed)
    return fail(s, err);
  libusb_fill_bulk_transfer(slot->transfer, s->handle, s->out_ep, slot->buf, (int)len, out_done, slot, 0);
  int code = libusb_submit_transfer(slot->transfer);
  if (code) {
    note_end(s, as_status(code));
    return fail(s, err);
  }
  slot->pending = true;
  return PL_OK;
}

/* --- both --- */

void pl_ftdi_stream_expect(struct pl_ftdi_stream *s, size_t replies)
{
  if (s->owed < replies)
    s->owed = replies;
}

size_t pl_ftdi_stream_owed(const struct pl_ftdi_stream *s)
{
  return s->owed;
}

const uint8_t *pl_ftdi_stream_bytes(const struct pl_ftdi_stream *s, size_t *len)
{
  *len = s->have;
  return s->bytes;
}

void pl_ftdi_stream_drop(struct pl_ftdi_stream *s, size_t len)
{
  memmove(s->bytes, s->bytes + len, s->have - len);
  s->have -= len;
}

static void handle_events(struct pl_ftdi_stream *s, pl_time_ns left)
{
  struct timeval tv = {.tv_sec = (time_t)(left / PL_S), .tv_usec = (suseconds_t)(left % PL_S / PL_US)};
  (void)libusb_handle_events_timeout_completed(s->context, &tv, &s->progress); /* what goes wrong shows in the transfers, or as the deadline */
}

enum pl_status pl_ftdi_stream_wait(struct pl_ftdi_stream *s, pl_time_ns deadline, struct pl_err *err)
{
  s->progress = 0;
  keep_reading(s);
  while (!s->progress && !s->failed) {
    pl_time_ns left = deadline - pl_clock_now(s->clock);
    if (left <= 0)
      return pl_usb_fail(s->usb, LIBUSB_ERROR_TIMEOUT, "the command stream", err);
    handle_events(s, left);
  }
  return s->failed ? fail(s, err) : PL_OK;
}

enum pl_status pl_ftdi_stream_want(struct pl_ftdi_stream *s, size_t len, pl_time_ns deadline, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  while (!status && s->have < len)
    status = pl_ftdi_stream_wait(s, deadline, err);
  return status;
}

bool pl_ftdi_stream_stop(struct pl_ftdi_stream *s)
{
  s->stopping = true;
  for (size_t i = 0; i < N_IN; i++)
    if (s->in[i].pending)
      (void)libusb_cancel_transfer(s->in[i].transfer); /* NOT_FOUND: it ended already and waits to be reaped */
  for (size_t i = 0; i < N_OUT; i++)
    if (s->out[i].pending)
      (void)libusb_cancel_transfer(s->out[i].transfer);
  for (pl_time_ns end = pl_clock_now(s->clock) + REAP_NS; any_pending(s);) {
    pl_time_ns left = end - pl_clock_now(s->clock);
    if (left <= 0)
      break;
    s->progress = 0;
    handle_events(s, left < 50 * PL_MS ? left : 50 * PL_MS);
  }
  s->stopping = false;
  s->owed = s->have = 0;
  s->failed = 0;
  return !any_pending(s);
}

static bool make_slot(struct pl_ftdi_stream *s, struct slot *slot, size_t size)
{
  *slot = (struct slot){.stream = s, .transfer = libusb_alloc_transfer(0), .buf = malloc(size)};
  return slot->transfer && slot->buf;
}

static void free_slot(struct slot *slot)
{
  if (slot->transfer)
    libusb_free_transfer(slot->transfer);
  free(slot->buf);
}

void pl_ftdi_stream_free(struct pl_ftdi_stream *s)
{
  if (!s || !pl_ftdi_stream_stop(s))
    return; /* libusb still holds a transfer that does not end: better lost than written to after it was freed */
  for (size_t i = 0; i < N_IN; i++)
    free_slot(&s->in[i]);
  for (size_t i = 0; i < N_OUT; i++)
    free_slot(&s->out[i]);
  free(s);
}

enum pl_status pl_ftdi_stream_new(struct pl_usb *usb, struct pl_clock *clock, int interface, struct pl_ftdi_stream **out, struct pl_err *err)
{
  struct pl_ftdi_stream *s = calloc(1, sizeof *s);
  if (!s)
    return pl_fail(err, PL_E_NOMEM, "out of memory for %s", pl_usb_where(usb));
  s->usb = usb;
  s->clock = clock;
  s->context = pl_usb_context(usb);
  s->handle = pl_usb_handle(usb);
  s->in_ep = (unsigned char)(0x81 + 2 * interface); /* 81/02, 83/04: libftdi's ftdi_set_interface */
  s->out_ep = (unsigned char)(0x02 + 2 * interface);
  int packet = libusb_get_max_packet_size(libusb_get_device(s->handle), s->in_ep);
  if (packet <= STATUS_BYTES || packet > 1024) {
    free(s);
    return pl_fail(err, PL_E_GARBAGE, "%s has no endpoint 0x%02x of a right size: it is no FTDI chip of the H series", pl_usb_where(usb),
                   0x81 + 2 * interface);
  }
  s->packet = (size_t)packet;
  bool made = true;
  for (size_t i = 0; i < N_IN; i++)
    made = make_slot(s, &s->in[i], s->packet) && made;
  for (size_t i = 0; i < N_OUT; i++)
    made = make_slot(s, &s->out[i], PL_FTDI_CHUNK) && made;
  if (!made) {
    pl_ftdi_stream_free(s);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the transfers of %s", pl_usb_where(usb));
  }
  *out = s;
  return PL_OK;
}

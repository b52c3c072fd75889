/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_FTDI_STREAM_H
#define PL_BUS_FTDI_STREAM_H

#include "drivers/bus/usb.h"

/*
 * The byte stream of one channel of an FTDI chip: commands out, replies in, by asynchronous transfers of libusb. While replies are owed an IN transfer
 * is always pending, from before the first command goes out: the chip stands still when nobody takes its replies, and libftdi's own calls take turns.
 * The two status bytes that begin each packet are dropped here. One thread at a time.
 */
#define PL_FTDI_CHUNK 4096 /* bytes of one OUT transfer */

struct pl_ftdi_stream;

enum pl_status pl_ftdi_stream_new(struct pl_usb *usb, struct pl_clock *clock, int interface, struct pl_ftdi_stream **stream, struct pl_err *err);
/* Cancels and reaps what is pending. Before pl_usb_close. NULL is fine. */
void pl_ftdi_stream_free(struct pl_ftdi_stream *stream);
/* Room for the next PL_FTDI_CHUNK bytes; NULL while both chunks are still going out. */
uint8_t *pl_ftdi_stream_room(struct pl_ftdi_stream *stream);
/* Sends what was put there; so many reply bytes will come. */
enum pl_status pl_ftdi_stream_send(struct pl_ftdi_stream *stream, size_t len, size_t replies, struct pl_err *err);
/* So many bytes are still to come, whatever came: for who waits behind older answers. */
void pl_ftdi_stream_expect(struct pl_ftdi_stream *s, size_t replies);
size_t pl_ftdi_stream_owed(const struct pl_ftdi_stream *stream); /* replies that have not come yet */
/* What has come and was not dropped. */
const uint8_t *pl_ftdi_stream_bytes(const struct pl_ftdi_stream *stream, size_t *len);
void pl_ftdi_stream_drop(struct pl_ftdi_stream *stream, size_t len);
/* Until a reply comes or a chunk is out. PL_E_TIMEOUT, PL_E_GONE, PL_E_IO. */
enum pl_status pl_ftdi_stream_wait(struct pl_ftdi_stream *stream, pl_time_ns deadline, struct pl_err *err);
/* Until len bytes have come. */
enum pl_status pl_ftdi_stream_want(struct pl_ftdi_stream *stream, size_t len, pl_time_ns deadline, struct pl_err *err);
/* Cancels and reaps all, forgets what was owed and what has come. False: a transfer did not end within a second. */
bool pl_ftdi_stream_stop(struct pl_ftdi_stream *stream);

#endif

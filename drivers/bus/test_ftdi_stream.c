/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/ftdi_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <libusb.h>

/* A libusb whose device does what a test's script says: these definitions stand before those of the library. */
#define PENDING_MAX 8

struct answer { /* to one IN transfer */
  uint8_t bytes[600];
  int len;
  enum libusb_transfer_status status;
};

struct device {
  struct pl_clock *clock;
  struct libusb_transfer *pending[PENDING_MAX];
  size_t n_pending, ins, outs, cancelled;
  bool in_before_out;   /* when the first OUT came, an IN was waiting */
  int refuse;           /* what libusb_submit_transfer says */
  bool config_fails;    /* GET_CONFIGURATION is not answered */
  bool out_fails, deaf; /* deaf: OUT transfers never end */
  struct answer answers[PENDING_MAX];
  size_t n_answers, at;
  uint8_t sent[64];
  size_t n_sent;
};

static struct device *dev; /* libusb's functions have no other way to it */

libusb_device *libusb_get_device(libusb_device_handle *handle)
{
  return (libusb_device *)handle;
}

int libusb_get_max_packet_size(libusb_device *device, unsigned char endpoint)
{
  (void)device;
  return endpoint == 0x81 ? 64 : LIBUSB_ERROR_NOT_FOUND;
}

struct libusb_transfer *libusb_alloc_transfer(int packets)
{
  assert_int_equal(packets, 0);
  return calloc(1, sizeof(struct libusb_transfer));
}

void libusb_free_transfer(struct libusb_transfer *transfer)
{
  for (size_t i = 0; i < dev->n_pending; i++)
    assert_ptr_not_equal(dev->pending[i], transfer); /* never while it is pending */
  free(transfer);
}

int libusb_submit_transfer(struct libusb_transfer *transfer)
{
  if (dev->refuse)
    return dev->refuse;
  if (transfer->endpoint & LIBUSB_ENDPOINT_IN) {
    dev->ins++;
  } else {
    if (!dev->outs++)
      dev->in_before_out = dev->n_pending > 0;
    memcpy(dev->sent, transfer->buffer, (size_t)transfer->length < sizeof dev->sent ? (size_t)transfer->length : sizeof dev->sent);
    dev->n_sent = (size_t)transfer->length;
  }
  dev->pending[dev->n_pending++] = transfer;
  return 0;
}

static void end(size_t i, enum libusb_transfer_status status, int len)
{
  struct libusb_transfer *transfer = dev->pending[i];
  memmove(&dev->pending[i], &dev->pending[i + 1], (--dev->n_pending - i) * sizeof dev->pending[0]);
  transfer->status = status;
  transfer->actual_length = len;
  transfer->callback(transfer);
}

int libusb_cancel_transfer(struct libusb_transfer *transfer)
{
  transfer->flags |= 0x80; /* ended by the next look at events */
  dev->cancelled++;
  return 0;
}

int libusb_control_transfer(libusb_device_handle *handle, uint8_t type, uint8_t request, uint16_t value, uint16_t index, unsigned char *data, uint16_t len,
                            unsigned int timeout)
{
  (void)handle, (void)type, (void)value, (void)index;
  assert_true(timeout > 0); /* none waits for ever */
  assert_int_equal(request, LIBUSB_REQUEST_GET_CONFIGURATION);
  data[0] = 1;
  return dev->config_fails ? LIBUSB_ERROR_IO : len;
}

/* One thing happens: a transfer that was cancelled ends, an OUT is taken, an IN is answered; else the time passes. */
int libusb_handle_events_timeout_completed(libusb_context *ctx, struct timeval *tv, int *completed)
{
  (void)ctx, (void)completed;
  for (size_t i = 0; i < dev->n_pending; i++) {
    struct libusb_transfer *transfer = dev->pending[i];
    bool in = transfer->endpoint & LIBUSB_ENDPOINT_IN;
    if (transfer->flags & 0x80) {
      transfer->flags = 0;
      end(i, LIBUSB_TRANSFER_CANCELLED, 0);
      return 0;
    }
    if (!in && !dev->deaf) {
      end(i, dev->out_fails ? LIBUSB_TRANSFER_ERROR : LIBUSB_TRANSFER_COMPLETED, dev->out_fails ? 0 : transfer->length);
      return 0;
    }
    if (in && dev->at < dev->n_answers) {
      const struct answer *answer = &dev->answers[dev->at++];
      assert_true(answer->len <= transfer->length);
      memcpy(transfer->buffer, answer->bytes, (size_t)answer->len);
      end(i, answer->status, answer->len);
      return 0;
    }
  }
  pl_clock_sleep_until(dev->clock, pl_clock_now(dev->clock) + tv->tv_sec * PL_S + tv->tv_usec * PL_US);
  return 0;
}

/* usb.c's */
struct pl_usb {
  int unused;
};
void *pl_usb_handle(struct pl_usb *usb)
{
  return usb;
}
void *pl_usb_context(struct pl_usb *usb)
{
  return usb;
}
const char *pl_usb_where(const struct pl_usb *usb)
{
  (void)usb;
  return "chip";
}
enum pl_status pl_usb_fail(const struct pl_usb *usb, int code, const char *what, struct pl_err *err)
{
  (void)usb;
  static const enum pl_status OF[] = {[-LIBUSB_ERROR_NO_DEVICE] = PL_E_GONE, [-LIBUSB_ERROR_TIMEOUT] = PL_E_TIMEOUT, [-LIBUSB_ERROR_OVERFLOW] = PL_E_GARBAGE,
                                      [-LIBUSB_ERROR_IO] = PL_E_IO, [-LIBUSB_ERROR_PIPE] = PL_E_NACK};
  return pl_fail(err, OF[-code], "chip: %s", what);
}

struct fixture {
  struct device device;
  struct pl_usb usb;
  struct pl_ftdi_stream *stream;
  struct pl_err err;
};

static void set_up(struct fixture *f)
{
  *f = (struct fixture){0};
  dev = &f->device;
  assert_int_equal(pl_clock_new_real(&f->device.clock, &f->err), PL_OK);
  assert_int_equal(pl_ftdi_stream_new(&f->usb, f->device.clock, 0, &f->stream, &f->err), PL_OK);
}

static void tear_down(struct fixture *f)
{
  pl_ftdi_stream_free(f->stream);
  assert_int_equal(f->device.n_pending, 0);
  pl_clock_free(f->device.clock);
}

static void will_answer(struct fixture *f, const char *bytes, int len, enum libusb_transfer_status status)
{
  struct answer *answer = &f->device.answers[f->device.n_answers++];
  memcpy(answer->bytes, bytes, (size_t)len);
  answer->len = len;
  answer->status = status;
}

static enum pl_status ask(struct fixture *f, size_t replies, pl_time_ns within)
{
  uint8_t *room = pl_ftdi_stream_room(f->stream);
  assert_non_null(room);
  memcpy(room, "\x81\x87", 2);
  enum pl_status status = pl_ftdi_stream_send(f->stream, 2, replies, &f->err);
  return status ? status : pl_ftdi_stream_want(f->stream, replies, pl_clock_now(f->device.clock) + within, &f->err);
}

static void status_bytes_are_dropped_from_every_packet(void **state)
{
  (void)state;
  struct fixture f;
  set_up(&f);
  char packet[64] = {0x32, 0x60};
  for (int i = 2; i < 64; i++)
    packet[i] = (char)i;
  will_answer(&f, "\x32\x60", 2, LIBUSB_TRANSFER_COMPLETED); /* the latency timer: nothing yet */
  will_answer(&f, packet, 64, LIBUSB_TRANSFER_COMPLETED);
  will_answer(&f, "\x32\x60" "AB", 4, LIBUSB_TRANSFER_COMPLETED);
  assert_int_equal(ask(&f, 64, 5 * PL_S), PL_OK);
  assert_true(f.device.in_before_out);
  assert_memory_equal(f.device.sent, "\x81\x87", 2);
  size_t len;
  const uint8_t *bytes = pl_ftdi_stream_bytes(f.stream, &len);
  assert_int_equal(len, 64);
  assert_int_equal(bytes[0], 2);
  assert_memory_equal(bytes + 62, "AB", 2);
  assert_int_equal(pl_ftdi_stream_owed(f.stream), 0);
  pl_ftdi_stream_drop(f.stream, 63);
  bytes = pl_ftdi_stream_bytes(f.stream, &len);
  assert_int_equal(len, 1);
  assert_int_equal(bytes[0], 'B');
  tear_down(&f);
}

static void what_never_comes_ends_at_the_deadline_and_is_reaped(void **state)
{
  (void)state;
  struct fixture f;
  set_up(&f);
  for (int i = 0; i < 3; i++)
    will_answer(&f, "\x32\x60", 2, LIBUSB_TRANSFER_COMPLETED); /* an answer of nothing, again and again, is no progress */
  pl_time_ns from = pl_clock_now(f.device.clock);
  assert_int_equal(ask(&f, 1, 30 * PL_MS), PL_E_TIMEOUT);
  assert_true(pl_clock_now(f.device.clock) - from >= 30 * PL_MS);
  assert_true(f.device.n_pending > 0);
  assert_true(pl_ftdi_stream_stop(f.stream));
  assert_int_equal(f.device.n_pending, 0);
  assert_int_equal(pl_ftdi_stream_owed(f.stream), 0);
  will_answer(&f, "\x32\x60" "A", 3, LIBUSB_TRANSFER_COMPLETED);
  assert_int_equal(ask(&f, 1, 5 * PL_S), PL_OK); /* usable again */
  tear_down(&f);
}

static void a_device_that_takes_nothing(void **state)
{
  (void)state;
  struct fixture f;
  set_up(&f);
  f.device.deaf = true;
  assert_int_equal(ask(&f, 1, 20 * PL_MS), PL_E_TIMEOUT);
  assert_int_equal(ask(&f, 1, 20 * PL_MS), PL_E_TIMEOUT);
  assert_null(pl_ftdi_stream_room(f.stream)); /* two are going out */
  assert_true(pl_ftdi_stream_stop(f.stream));
  assert_non_null(pl_ftdi_stream_room(f.stream));
  tear_down(&f);
}

static void unplugged_and_broken_are_told_apart(void **state)
{
  (void)state;
  struct fixture f;
  set_up(&f);
  will_answer(&f, "", 0, LIBUSB_TRANSFER_NO_DEVICE);
  assert_int_equal(ask(&f, 1, 5 * PL_S), PL_E_GONE);
  assert_int_equal(ask(&f, 1, 5 * PL_S), PL_E_GONE); /* until it is stopped */
  assert_true(pl_ftdi_stream_stop(f.stream));
  f.device.refuse = LIBUSB_ERROR_NO_DEVICE;
  assert_int_equal(ask(&f, 1, 5 * PL_S), PL_E_GONE);
  f.device.refuse = 0;
  assert_true(pl_ftdi_stream_stop(f.stream));
  will_answer(&f, "", 0, LIBUSB_TRANSFER_ERROR); /* a pulled plug shows as this first on some controllers */
  f.device.config_fails = true;
  assert_int_equal(ask(&f, 1, 5 * PL_S), PL_E_GONE);
  assert_true(pl_ftdi_stream_stop(f.stream));
  f.device.config_fails = false;
  will_answer(&f, "", 0, LIBUSB_TRANSFER_STALL);
  assert_int_equal(ask(&f, 1, 5 * PL_S), PL_E_IO);
  assert_true(pl_ftdi_stream_stop(f.stream));
  f.device.out_fails = true;
  assert_int_equal(ask(&f, 1, 5 * PL_S), PL_E_IO);
  tear_down(&f);
}

static void more_is_read_ahead_when_more_is_owed(void **state)
{
  (void)state;
  struct fixture f;
  set_up(&f);
  assert_int_equal(ask(&f, 1, PL_MS), PL_E_TIMEOUT);
  assert_int_equal(f.device.ins, 1);
  assert_int_equal(ask(&f, 600, PL_MS), PL_E_TIMEOUT);
  assert_int_equal(f.device.ins, 3);
  tear_down(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(status_bytes_are_dropped_from_every_packet),
      cmocka_unit_test(what_never_comes_ends_at_the_deadline_and_is_reaped),
      cmocka_unit_test(a_device_that_takes_nothing),
      cmocka_unit_test(unplugged_and_broken_are_told_apart),
      cmocka_unit_test(more_is_read_ahead_when_more_is_owed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

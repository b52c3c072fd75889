/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_MODBUS_RTU_TEST_H
#define PL_BUS_MODBUS_RTU_TEST_H

/* For the tests of the serial adapter: a unit at the end of a pty that can misbehave. */
#include "drivers/bus/modbus_rtu_frame.h"
#include "drivers/bus/modbus_test.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <termios.h>

extern const struct pl_adapter_desc pl_adapter_modbus_rtu;

/* What the unit at the other end does with its next request (then it is well again). */
enum trick {
  WELL,
  MUTE,           /* keeps the answer */
  MUTE_KEPT_LATE, /* says nothing to this request, and LATE_MS after it gives what it kept of an earlier one */
  MUTE_THEN_LATE, /* gives the answer when the master has given up: LATE_MS after the request */
  LATE_AND_RIGHT, /* what it kept, and then the right answer, at once */
  WRONG_UNIT,
  WRONG_FUNCTION,
  WRONG_CRC,
  NOISE,
  BABBLE,         /* a wrong CRC, and more bytes a little later */
  CUT,
  IN_PIECES,
  TRAILING,       /* a good answer and a stray byte after it */
  ITSELF,         /* the request comes back, and nothing else */
  SLOW,           /* the answer comes SLOW_MS after the request */
  NOISE_FIRST,    /* noise at once, then as SLOW */
};

#define SLOW_MS 100 /* well within the time in which an answer is right */
#define LATE_MS 260 /* the adapter under test waits 200 ms, and 400 ms more before it asks the same unit again */

struct line { /* a pty: the master end is the unit's */
  int fd, keep, stop;
  char path[64];
  atomic_int trick, requests;
  atomic_bool late_sent;
  pthread_t thread;
  uint8_t kept[PL_RTU_ADU_MAX], request[PL_RTU_ADU_MAX];
  size_t kept_len, request_len;
  atomic_bool echoes;          /* the adapter hears itself; set before the first request */
  atomic_bool spoils;          /* and badly */
  _Atomic speed_t speeds[256]; /* by unit: how the port was set at its last request */
};

static void open_line(struct line *l)
{
  struct termios settings;
  *l = (struct line){.fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), .stop = eventfd(0, EFD_CLOEXEC)};
  assert_true(l->fd >= 0);
  assert_int_equal(grantpt(l->fd), 0);
  assert_int_equal(unlockpt(l->fd), 0);
  assert_int_equal(ptsname_r(l->fd, l->path, sizeof l->path), 0);
  l->keep = open(l->path, O_RDWR | O_NOCTTY | O_CLOEXEC); /* so that the adapter's leaving is no hang-up for the unit */
  assert_true(l->keep >= 0);
  assert_int_equal(tcgetattr(l->keep, &settings), 0);
  cfmakeraw(&settings);
  assert_int_equal(tcsetattr(l->keep, TCSANOW, &settings), 0);
}

static void write_all(int fd, const uint8_t *bytes, size_t len)
{
  assert_int_equal(write(fd, bytes, len), (ssize_t)len);
}

static bool readable(int fd, int stop, int timeout_ms)
{
  struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
  return poll(fds, 2, timeout_ms) > 0 && fds[0].revents & POLLIN && !fds[1].revents;
}

/* A request is over when its CRC is right. 0: told to stop. */
static size_t read_request(struct line *l, uint8_t *request)
{
  for (size_t len = 0; readable(l->fd, l->stop, 20000);) {
    ssize_t n = read(l->fd, request + len, PL_RTU_ADU_MAX - len);
    assert_true(n > 0);
    len += (size_t)n;
    assert_true(len < PL_RTU_ADU_MAX);
    if (len >= 4 && pl_rtu_crc(request, len) == 0)
      return len;
  }
  return 0;
}

static void seal(uint8_t *frame, size_t len)
{
  uint16_t crc = pl_rtu_crc(frame, len);
  frame[len] = (uint8_t)crc;
  frame[len + 1] = (uint8_t)(crc >> 8);
}

static void keep(struct line *l, const uint8_t *frame, size_t len)
{
  memcpy(l->kept, frame, len);
  l->kept_len = len;
}

static void play(struct line *l, enum trick trick, uint8_t *frame, size_t len)
{
  switch (trick) {
  case MUTE: keep(l, frame, len); return;
  case MUTE_KEPT_LATE:
    readable(l->stop, l->stop, LATE_MS);
    write_all(l->fd, l->kept, l->kept_len);
    atomic_store(&l->late_sent, true);
    return;
  case MUTE_THEN_LATE:
    readable(l->stop, l->stop, LATE_MS); /* nothing is readable there: the wait is the point */
    break;
  case LATE_AND_RIGHT: write_all(l->fd, l->kept, l->kept_len); break;
  case WRONG_UNIT: frame[0]++; seal(frame, len - 2); break;
  case WRONG_FUNCTION: frame[1] = 4; seal(frame, len - 2); break;
  case WRONG_CRC: frame[len - 1] ^= 1; break;
  case BABBLE:
    frame[len - 1] ^= 1;
    write_all(l->fd, frame, len);
    readable(l->stop, l->stop, 10);
    break;
  case NOISE: memset(frame, 0xff, len); break;
  case CUT: len -= 3; break;
  case IN_PIECES:
    for (; len > 1; len--) {
      write_all(l->fd, frame++, 1);
      readable(l->stop, l->stop, 1);
    }
    break;
  case TRAILING: frame[len++] = 0; break;
  case ITSELF: write_all(l->fd, l->request, l->request_len); return;
  case NOISE_FIRST: write_all(l->fd, (const uint8_t *)"\xff\xff\xff\xff\xff", 5); /* fall through */
  case SLOW: readable(l->stop, l->stop, SLOW_MS); break;
  case WELL: break;
  }
  write_all(l->fd, frame, len);
  if (trick == MUTE_THEN_LATE)
    atomic_store(&l->late_sent, true);
}

static bool serve_one(struct line *l)
{
  uint8_t request[PL_RTU_ADU_MAX], frame[PL_RTU_ADU_MAX + 1];
  size_t len = read_request(l, request);
  if (!len)
    return false;
  atomic_fetch_add(&l->requests, 1);
  struct termios settings;
  assert_int_equal(tcgetattr(l->keep, &settings), 0);
  atomic_store(&l->speeds[request[0]], cfgetospeed(&settings));
  memcpy(l->request, request, len);
  l->request_len = len;
  request[len - 1] ^= l->spoils;
  if (l->echoes)
    write_all(l->fd, request, len);
  frame[0] = request[0];
  size_t out = 1 + answer_pdu(request[0], request + 1, len - 3, frame + 1);
  seal(frame, out);
  play(l, (enum trick)atomic_exchange(&l->trick, WELL), frame, out + 2);
  return true;
}

static void *serve(void *ctx)
{
  while (serve_one(ctx))
    ;
  return NULL;
}

static void start_line(struct line *l)
{
  open_line(l);
  assert_int_equal(pthread_create(&l->thread, NULL, serve, l), 0);
}

static void close_line(struct line *l)
{
  close(l->keep);
  close(l->fd);
  close(l->stop);
}

static void stop_line(struct line *l)
{
  uint64_t one = 1;
  assert_int_equal(write(l->stop, &one, sizeof one), sizeof one);
  pthread_join(l->thread, NULL);
  close_line(l);
}

static inline void open_real(struct rig *rig, const char *path, const char *response_timeout)
{
  const struct pair pairs[] = {{"port", path}, {"baud", "115200"}, {"response-timeout", response_timeout}};
  *rig = (struct rig){.bus = NULL};
  assert_int_equal(pl_clock_new_real(&rig->clock, &rig->err), PL_OK);
  if (open_bus(rig, &pl_adapter_modbus_rtu, false, pairs, 3))
    fail_msg("%s", rig->err.text);
}

#endif

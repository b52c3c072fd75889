/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/remote/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define HELLO_NS (2 * PL_S)
#define WRITE_S 2

/* --- a frame --- */

static uint8_t *grow(struct pl_remote_frame *frame, size_t more)
{
  if (frame->bad || frame->len + more > PL_REMOTE_FRAME_MAX) {
    frame->bad = true;
    return NULL;
  }
  if (frame->len + more > frame->room) {
    size_t room = 2 * (frame->len + more) + 64;
    uint8_t *bytes = realloc(frame->bytes, room);
    if (!bytes) {
      frame->bad = true;
      return NULL;
    }
    frame->bytes = bytes;
    frame->room = room;
  }
  frame->len += more;
  return frame->bytes + frame->len - more;
}

void pl_remote_begin(struct pl_remote_frame *frame, enum pl_remote_type type)
{
  frame->len = frame->at = 0;
  frame->bad = false;
  pl_remote_put(frame, type, 1);
}

void pl_remote_free(struct pl_remote_frame *frame)
{
  free(frame->bytes);
  *frame = (struct pl_remote_frame){.bytes = NULL};
}

void pl_remote_put(struct pl_remote_frame *frame, uint64_t value, size_t bytes)
{
  uint8_t *at = grow(frame, bytes);
  for (size_t i = 0; at && i < bytes; i++)
    at[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

void pl_remote_put_bytes(struct pl_remote_frame *frame, const void *bytes, size_t len)
{
  uint8_t *at = len ? grow(frame, len) : NULL;
  if (at)
    memcpy(at, bytes, len);
}

void pl_remote_put_text(struct pl_remote_frame *frame, const char *text)
{
  size_t len = strlen(text);
  frame->bad |= len > UINT16_MAX;
  pl_remote_put(frame, len, 2);
  pl_remote_put_bytes(frame, text, len);
}

const uint8_t *pl_remote_get_bytes(struct pl_remote_frame *frame, size_t len)
{
  if (frame->bad || len > frame->len - frame->at) {
    frame->bad = true;
    return NULL;
  }
  frame->at += len;
  return frame->bytes + frame->at - len;
}

uint64_t pl_remote_get(struct pl_remote_frame *frame, size_t bytes)
{
  const uint8_t *at = pl_remote_get_bytes(frame, bytes);
  uint64_t value = 0;
  for (size_t i = 0; at && i < bytes; i++)
    value = value << 8 | at[i];
  return value;
}

void pl_remote_get_text(struct pl_remote_frame *frame, char *text, size_t size)
{
  size_t len = (size_t)pl_remote_get(frame, 2);
  const uint8_t *at = pl_remote_get_bytes(frame, len);
  len = !at ? 0 : len < size ? len : size - 1;
  if (len)
    memcpy(text, at, len);
  text[len] = 0;
}

enum pl_remote_type pl_remote_type(struct pl_remote_frame *frame)
{
  frame->at = 0;
  return (enum pl_remote_type)pl_remote_get(frame, 1);
}

bool pl_remote_whole(const struct pl_remote_frame *frame)
{
  return !frame->bad && frame->at == frame->len;
}

/* --- the socket --- */

/* SO_SNDTIMEO is connect's limit too (unix(7) does not say so; socket(7) and net/unix/af_unix.c, unix_stream_connect, do). */
bool pl_remote_limit(int fd)
{
  const struct timeval limit = {.tv_sec = WRITE_S};
  return !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

enum pl_status pl_remote_send(int fd, const struct pl_remote_frame *frame, struct pl_err *err)
{
  if (frame->bad)
    return pl_fail(err, PL_E_USAGE, "what goes over this socket at once is at most %u bytes; ask for less", PL_REMOTE_FRAME_MAX);
  uint8_t head[4] = {(uint8_t)(frame->len >> 24), (uint8_t)(frame->len >> 16), (uint8_t)(frame->len >> 8), (uint8_t)frame->len};
  for (size_t done = 0; done < frame->len + 4;) {
    size_t of_body = done > 4 ? done - 4 : 0;
    struct iovec parts[2] = {{head + (done < 4 ? done : 4), done < 4 ? 4 - done : 0}, {frame->bytes + of_body, frame->len - of_body}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return pl_fail(err, PL_E_TIMEOUT, "the other end does not answer: it takes no more requests");
    if (n < 0)
      return pl_fail(err, PL_E_GONE, "the other end left: %s", strerror(errno));
    done += (size_t)n;
  }
  return PL_OK;
}

static enum pl_status read_part(struct pl_clock *clock, int fd, uint8_t *bytes, size_t len, pl_time_ns until, struct pl_err *err)
{
  for (size_t done = 0; done < len;) {
    pl_time_ns left = until - pl_clock_now(clock);
    enum pl_status status = pl_clock_wait_fd(clock, fd, POLLIN, left > 0 ? left : 0, NULL, err);
    if (status)
      return status == PL_E_TIMEOUT ? pl_fail(err, status, "the other end does not answer") : status;
    ssize_t n = read(fd, bytes + done, len - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return pl_fail(err, PL_E_GONE, "the other end left%s%s", n < 0 ? ": " : "", n < 0 ? strerror(errno) : "");
    done += (size_t)n;
  }
  return PL_OK;
}

enum pl_status pl_remote_receive(struct pl_clock *clock, int fd, struct pl_remote_frame *frame, pl_time_ns timeout_ns, struct pl_err *err)
{
  uint8_t head[4];
  pl_time_ns until = pl_clock_now(clock) + timeout_ns;
  enum pl_status status = read_part(clock, fd, head, sizeof head, until, err);
  if (status)
    return status;
  size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
  if (!len || len > PL_REMOTE_FRAME_MAX)
    return pl_fail(err, PL_E_GARBAGE, "what answers is no virtual rack or broker of this version");
  *frame = (struct pl_remote_frame){.bytes = frame->bytes, .room = frame->room};
  uint8_t *bytes = grow(frame, len);
  if (!bytes)
    return pl_fail(err, PL_E_NOMEM, "out of memory for an answer");
  return read_part(clock, fd, bytes, len, until, err);
}

enum pl_status pl_remote_status(struct pl_remote_frame *frame, struct pl_err *err)
{
  char text[PL_ERR_TEXT_MAX];
  if (pl_remote_type(frame) != PL_REMOTE_REPLY)
    return pl_fail(err, PL_E_GARBAGE, "the other end sent something that was not asked for");
  unsigned status = (unsigned)pl_remote_get(frame, 1);
  pl_remote_get_text(frame, text, sizeof text);
  if (frame->bad || status >= PL_STATUS_COUNT)
    return pl_fail(err, PL_E_GARBAGE, "the answer is malformed");
  return status ? pl_fail(err, (enum pl_status)status, "%s", text) : PL_OK;
}

static enum pl_status greet(struct pl_clock *clock, int fd, enum pl_remote_what what, const char *bus, uint32_t of, struct pl_remote_welcome *welcome,
                            struct pl_err *err)
{
  struct pl_remote_frame frame = {.bytes = NULL};
  pl_remote_begin(&frame, PL_REMOTE_HELLO);
  pl_remote_put(&frame, PL_REMOTE_VERSION, 1);
  pl_remote_put(&frame, what, 1);
  pl_remote_put_text(&frame, bus ? bus : "");
  pl_remote_put(&frame, of, 4);
  pl_time_ns before = pl_clock_now(clock);
  enum pl_status status = pl_remote_send(fd, &frame, err);
  if (!status)
    status = pl_remote_receive(clock, fd, &frame, HELLO_NS, err);
  pl_time_ns middle = before + (pl_clock_now(clock) - before) / 2;
  if (!status)
    status = pl_remote_status(&frame, err);
  welcome->ahead_ns = (pl_time_ns)pl_remote_get(&frame, 8) - middle;
  welcome->speed_hz = (uint32_t)pl_remote_get(&frame, 4);
  welcome->caps = (uint32_t)pl_remote_get(&frame, 4);
  welcome->max_write = (uint16_t)pl_remote_get(&frame, 2);
  welcome->max_read = (uint16_t)pl_remote_get(&frame, 2);
  welcome->max_batch = (uint16_t)pl_remote_get(&frame, 2);
  welcome->id = (uint32_t)pl_remote_get(&frame, 4);
  if (!status && !pl_remote_whole(&frame))
    status = pl_fail(err, PL_E_GARBAGE, "the other end is of another version");
  pl_remote_free(&frame);
  return status;
}

enum pl_status pl_remote_connect(struct pl_clock *clock, const char *path, enum pl_remote_what what, const char *bus, uint32_t of, int *out,
                                 struct pl_remote_welcome *welcome, struct pl_err *err)
{
  struct pl_remote_welcome ignored;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path)
    return pl_fail(err, PL_E_USAGE, "the socket's path %.60s... is longer than %zu characters", path, sizeof address.sun_path - 1);
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return pl_fail_errno(err, "cannot make a socket");
  enum pl_status status = pl_remote_limit(fd) ? PL_OK : pl_fail_errno(err, "cannot set up a socket");
  if (!status && connect(fd, (struct sockaddr *)&address, sizeof address))
    status = errno == EAGAIN
                 ? pl_fail(err, PL_E_TIMEOUT, "the virtual rack or broker at %s does not answer: it takes no more connections", path)
                 : pl_fail(err, PL_E_GONE, "nobody listens at %s (%s); start a virtual rack (plumb twin serve --socket %s) or a broker (plumb broker)", path,
                           strerror(errno), path);
  if (!status && (status = greet(clock, fd, what, bus, of, welcome ? welcome : &ignored, err)))
    pl_err_prefix(err, "%s", path);
  if (status) {
    close(fd);
    return status;
  }
  *out = fd;
  return PL_OK;
}

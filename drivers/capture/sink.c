/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/capture/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GATHER ((size_t)64 << 10)

enum pl_status pl_sink_open(struct pl_sink *sink, const char *path, struct pl_err *err)
{
  *sink = (struct pl_sink){.fd = -1, .bytes = malloc(GATHER), .room = GATHER, .path = strdup(path)};
  if (!sink->bytes || !sink->path) {
    pl_sink_close(sink, NULL);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the capture %s", path);
  }
  sink->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
  if (sink->fd >= 0)
    return PL_OK;
  pl_fail_errno(err, "%s: the capture cannot be made; give the path of a file in a folder that exists", path);
  pl_sink_close(sink, NULL);
  return err ? (err->status = PL_E_USAGE) : PL_E_USAGE;
}

static void write_out(struct pl_sink *sink, const uint8_t *bytes, size_t len)
{
  while (len && sink->fd >= 0 && !sink->kept.status) {
    ssize_t n = write(sink->fd, bytes, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      errno = n < 0 ? errno : ENOSPC;
      pl_fail_errno(&sink->kept, "%s: the capture is not whole", sink->path);
      return;
    }
    bytes += n;
    len -= (size_t)n;
  }
}

void pl_sink_flush(struct pl_sink *sink)
{
  write_out(sink, sink->bytes, sink->used);
  sink->used = 0;
}

void pl_sink_put(struct pl_sink *sink, const uint8_t *block, size_t len)
{
  if (sink->used + len > sink->room)
    pl_sink_flush(sink);
  if (len > sink->room) {
    write_out(sink, block, len);
    return;
  }
  memcpy(sink->bytes + sink->used, block, len);
  sink->used += len;
}

enum pl_status pl_sink_close(struct pl_sink *sink, struct pl_err *err)
{
  if (sink->fd >= 0)
    pl_sink_flush(sink);
  if (sink->fd >= 0 && close(sink->fd) && !sink->kept.status) /* network file systems tell of a full disk here */
    pl_fail_errno(&sink->kept, "%s: the capture is not whole", sink->path);
  struct pl_err kept = sink->kept;
  free(sink->bytes);
  free(sink->path);
  *sink = (struct pl_sink){.fd = -1};
  return kept.status ? pl_fail(err, kept.status, "%s", kept.text) : PL_OK;
}

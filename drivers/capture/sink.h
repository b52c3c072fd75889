/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CAPTURE_SINK_H
#define PL_CAPTURE_SINK_H

#include "drivers/base/err.h"

#include <stdint.h>

/* A file that receives whole blocks. Bytes are gathered and handed to the kernel by flush. The first failure is kept; after it nothing is written. */
struct pl_sink {
  int fd; /* -1: closed */
  uint8_t *bytes;
  size_t used, room;
  struct pl_err kept;
  char *path;
};

/* PL_E_USAGE: the file cannot be made. */
enum pl_status pl_sink_open(struct pl_sink *sink, const char *path, struct pl_err *err);
void pl_sink_put(struct pl_sink *sink, const uint8_t *block, size_t len);
void pl_sink_flush(struct pl_sink *sink);
enum pl_status pl_sink_close(struct pl_sink *sink, struct pl_err *err); /* a sink that was never opened (fd -1) is fine */

#endif

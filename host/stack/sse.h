/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_SSE_H
#define PL_HOST_SSE_H

#include <stdbool.h>
#include <stddef.h>

/* Server-sent events (WHATWG HTML, 9.2 "Server-sent events"; DSP0266 "Server-sent events"), as they come in pieces. Zero-initialise, free at the end. */
#define PL_SSE_DATA_MAX (1u << 20)
#define PL_SSE_LINE_MAX (PL_SSE_DATA_MAX + 16)
#define PL_SSE_ID_MAX 64

struct pl_sse {
  char *line, *data;
  size_t line_len, line_cap, data_len, data_cap;
  char id[PL_SSE_ID_MAX]; /* the last one: Last-Event-ID */
  bool cr, begun, has_data;
  long retry_ms;          /* 0: the service has not said */
};
void pl_sse_free(struct pl_sse *sse);
/* A new connection: what was half is dropped, the id stays. */
void pl_sse_reset(struct pl_sse *sse);
/* event: for each whole one; data is NUL-terminated, without its last newline. False: no memory, or an event over the limit; the connection should be closed. */
bool pl_sse_put(struct pl_sse *sse, const char *bytes, size_t len, void (*event)(void *ctx, const char *id, const char *data, size_t len), void *ctx);

#endif

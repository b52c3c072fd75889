/* SPDX-License-Identifier: Apache-2.0 */
/* What a stack may send over its event stream: pieces of any length, and the events in it as JSON. */
#include "host/stack/sse.h"
#include "host/stack/transport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_event(void *ctx, const char *id, const char *data, size_t len)
{
  uint64_t number = *id >= '1' && *id <= '9' ? strtoull(id, NULL, 10) : 0;
  if (strlen(data) > len)
    abort();
  pl_event_log_add(ctx, NULL, number, data, len, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static struct pl_event_log *log; /* one for all runs: to make its ring takes a thousand times longer than to read a stream of this length */
  struct pl_sse sse = {0};
  size_t piece = size ? data[0] % 61 + 1 : 1;
  if (!log && pl_event_log_new(&log, NULL))
    return 0;
  for (size_t at = 1; at < size; at += piece)
    if (!pl_sse_put(&sse, (const char *)data + at, at + piece < size ? piece : size - at, on_event, log))
      break;
  pl_event_log_end(log, NULL);
  pl_sse_free(&sse);
  return 0;
}

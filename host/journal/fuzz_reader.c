/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes read as a journal: no crash, no endless loop, and every node's text stays inside what was given. */
#include "host/journal/reader.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct pl_json_node *node)
{
  size_t sum = node->len;
  for (uint32_t i = 0; i < node->len; i++)
    sum += (unsigned char)node->text[i];
  uint32_t members = 0;
  for (const struct pl_json_node *n = pl_json_first(node); n; n = pl_json_next(n), members++)
    sum += walk(n) + n->key_len;
  assert(members == node->count);
  return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct pl_err err = {0};
  struct pl_reader *reader;
  if (pl_reader_open_bytes("fuzz", (const char *)data, size, &reader, &err))
    return 0;
  const struct pl_json_node *object;
  size_t sum = 0;
  while (!pl_reader_next(reader, &object, &err) && object)
    sum += walk(object);
  pl_reader_free(reader);
  return sum == SIZE_MAX ? -1 : 0;
}

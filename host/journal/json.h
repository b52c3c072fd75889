/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_JOURNAL_JSON_H
#define PL_HOST_JOURNAL_JSON_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * A small JSON parser (RFC 8259) for one value at a time: a flat list of nodes that is used again for the next text. Strings without
 * escapes point into the text itself. Depth and size are bounded; what is not JSON is refused with its column.
 */
enum pl_json_kind { PL_JSON_NULL, PL_JSON_FALSE, PL_JSON_TRUE, PL_JSON_NUMBER, PL_JSON_STRING, PL_JSON_OBJECT, PL_JSON_ARRAY };

struct pl_json_node {
  enum pl_json_kind kind;
  uint32_t key_len;
  const char *key;  /* a member of an object, else NULL; not NUL-terminated */
  const char *text; /* STRING: its content, escapes resolved; else as written in the text (an object with its braces) */
  uint32_t len;
  uint32_t next;    /* distance to the next sibling in nodes; 0: the last one */
  uint32_t count;   /* OBJECT, ARRAY: members; the first is the node that follows */
  double number;    /* NUMBER */
};

struct pl_json {
  struct pl_json_node *nodes; /* nodes[0] is the value */
  uint32_t count, capacity;
  char *scratch; /* unescaped strings */
  size_t scratch_len, scratch_cap;
};

#define PL_JSON_DEPTH 32
#define PL_JSON_BYTES (64u << 20)

/* Nodes live until the next parse and as long as `text`. PL_E_GARBAGE: "column 17: ...". */
enum pl_status pl_json_parse(struct pl_json *json, const char *text, size_t len, struct pl_err *err);
void pl_json_free(struct pl_json *json);

/* Member of an object; NULL when absent or when node is NULL or no object. */
const struct pl_json_node *pl_json_find(const struct pl_json_node *node, const char *key, size_t len);
static inline const struct pl_json_node *pl_json_get(const struct pl_json_node *node, const char *key)
{
  return pl_json_find(node, key, strlen(key)); /* inline: the length of a literal is known */
}
const struct pl_json_node *pl_json_first(const struct pl_json_node *node); /* NULL when empty or no container */
const struct pl_json_node *pl_json_next(const struct pl_json_node *node);  /* NULL after the last */
bool pl_json_is(const struct pl_json_node *node, const char *string);      /* a STRING equal to `string` */

#endif

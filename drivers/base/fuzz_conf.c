/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: a tree whose invariants hold, or a sentence. */
#include "drivers/base/conf.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct pl_node *node, int depth)
{
  if (depth > 33 || node->line < 1 || (node->kind == PL_NODE_SCALAR) != (node->text != NULL))
    abort();
  for (size_t i = 0; i < node->count; i++) {
    const struct pl_node *item = &node->items[i];
    if ((node->kind == PL_NODE_MAP) != (item->key != NULL))
      abort();
    if (item->key && pl_node_get(node, item->key) != item) /* no second one */
      abort();
    check(item, depth + 1);
  }
}

static void ask(const struct pl_conf *conf)
{
  static const struct pl_param PARAMS[] = {
      {.name = "a", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_VOLTAGE},
      {.name = "b", .kind = PL_PARAM_INT, .min = 8, .max = 0x77},
      {.name = "c", .kind = PL_PARAM_LINE},
      {.name = "d", .kind = PL_PARAM_FLAG, .fallback = "on"},
  };
  static const char *const WORDS[] = {"a", "b", "c", "d"};
  struct pl_err err = {0};
  struct pl_values values = {0};
  const struct pl_node *root = pl_conf_root(conf);
  if (pl_node_check_keys(conf, root, "a test", WORDS, 4, &err) && !err.text[0])
    abort();
  if (pl_node_values(conf, root, PARAMS, 4, &values, &err) == PL_OK)
    free((void *)values.items);
  if (root->kind == PL_NODE_SCALAR) {
    int64_t value_u;
    char out[64];
    enum pl_dim dim;
    if (pl_quantity_parse(root->text, PL_DIM_COUNT, &dim, &value_u, &err) == PL_OK)
      pl_quantity_format(dim, value_u, out, sizeof out);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct pl_conf *conf = NULL;
  struct pl_err err = {0};
  if (pl_conf_parse("fuzz.yaml", (const char *)data, size, &conf, &err)) {
    if (conf || err.status == PL_OK || !err.text[0])
      abort();
    return 0;
  }
  check(pl_conf_root(conf), 1);
  ask(conf);
  pl_conf_free(conf);
  return 0;
}

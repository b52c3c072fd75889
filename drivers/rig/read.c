/* SPDX-License-Identifier: Apache-2.0 */
/* What all readers of rig files and part libraries use. */
#include "drivers/rig/read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LENGTH 48

enum pl_status pl_rig_want_text(const struct pl_conf *conf, const struct pl_node *map, const char *key, const char **text, const struct pl_node **node,
                                struct pl_err *err)
{
  const struct pl_node *found = pl_node_get(map, key);
  *text = NULL;
  if (node)
    *node = found;
  if (!found)
    return PL_OK;
  enum pl_status status = pl_node_want(conf, found, PL_NODE_SCALAR, key, err);
  if (status)
    return status;
  if (!*found->text)
    return pl_node_fail(conf, found, err, "%s is empty, expected a word", key);
  *text = found->text;
  return PL_OK;
}

enum pl_status pl_rig_need_text(const struct pl_conf *conf, const struct pl_node *map, const char *what, const char *key, const char **text,
                                const struct pl_node **node, struct pl_err *err)
{
  enum pl_status status = pl_rig_want_text(conf, map, key, text, node, err);
  if (!status && !*text)
    return pl_node_fail(conf, map, err, "the key '%s' is missing in %s", key, what);
  return status;
}

enum pl_status pl_rig_need_name(const struct pl_conf *conf, const struct pl_node *map, const char *what, const char **name, struct pl_err *err)
{
  const struct pl_node *node;
  enum pl_status status = pl_node_want(conf, map, PL_NODE_MAP, what, err);
  if (!status)
    status = pl_rig_need_text(conf, map, what, "name", name, &node, err);
  if (status)
    return status;
  const char *text = *name;
  bool good = isalpha((unsigned char)*text) && strlen(text) <= NAME_MAX_LENGTH;
  for (; *text && good; text++)
    good = isalnum((unsigned char)*text) || *text == '-' || *text == '_';
  if (!good)
    return pl_node_fail(conf, node, err, "'%.60s' is not a name, expected a letter and then at most %d letters, digits and dashes", *name, NAME_MAX_LENGTH - 1);
  return PL_OK;
}

enum pl_status pl_rig_check_keys(const struct pl_conf *conf, const struct pl_node *map, const char *what, const char *const *words, size_t n_words,
                                 const struct pl_param *params, size_t n_params, struct pl_err *err)
{
  const char **all = malloc((n_words + n_params) * sizeof *all);
  if (!all)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", pl_conf_name(conf));
  memcpy(all, words, n_words * sizeof *all);
  for (size_t i = 0; i < n_params; i++)
    all[n_words + i] = params[i].name;
  enum pl_status status = pl_node_check_keys(conf, map, what, all, n_words + n_params, err);
  free(all);
  return status;
}

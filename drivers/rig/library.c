/* SPDX-License-Identifier: Apache-2.0 */
/* Part libraries: files of models (a supply, a pump, a cold plate as its maker describes it), which the parts of a rig name. */
#include "drivers/rig/read.h"

#include <stdlib.h>
#include <string.h>

#define LIBRARIES_MAX 64

static enum pl_status check_model(const struct pl_conf *conf, const struct pl_node *node, struct pl_err *err)
{
  const char *text;
  enum pl_status status = pl_rig_need_name(conf, node, "a model", &text, err);
  return status ? status : pl_rig_need_text(conf, node, "a model", "kind", &text, NULL, err);
}

static enum pl_status check_library(const struct pl_conf *conf, struct pl_err *err)
{
  static const char *const KEYS[] = {"library", "about", "models"};
  const struct pl_node *root = pl_conf_root(conf);
  const char *text;
  enum pl_status status = pl_node_want(conf, root, PL_NODE_MAP, "a part library", err);
  if (!status)
    status = pl_node_check_keys(conf, root, "a part library", KEYS, sizeof KEYS / sizeof KEYS[0], err);
  if (!status)
    status = pl_rig_need_text(conf, root, "a part library", "library", &text, NULL, err);
  const struct pl_node *models = pl_node_get(root, "models");
  if (!status && !models)
    return pl_node_fail(conf, root, err, "the key 'models' is missing in a part library, expected a list");
  if (!status)
    status = pl_node_want(conf, models, PL_NODE_LIST, "models", err);
  for (size_t i = 0; !status && i < models->count; i++)
    status = check_model(conf, &models->items[i], err);
  return status;
}

static enum pl_status load_library(struct pl_rig *rig, const struct pl_node *node, struct pl_err *err)
{
  char path[1024];
  enum pl_status status = pl_node_want(rig->conf, node, PL_NODE_SCALAR, "a part library's path", err);
  if (status)
    return status;
  const char *slash = strrchr(rig->path, '/');
  int folder = slash && *node->text != '/' ? (int)(slash - rig->path + 1) : 0;
  if (snprintf(path, sizeof path, "%.*s%s", folder, rig->path, node->text) >= (int)sizeof path)
    return pl_node_fail(rig->conf, node, err, "the path of a part library is too long, expected at most %zu letters", sizeof path - 1);
  struct pl_conf *conf = NULL;
  if (pl_conf_load(path, &conf, err))
    return pl_err_prefix(err, "%s:%d: part library", rig->path, node->line);
  rig->libraries[rig->n_libraries++] = conf;
  return check_library(conf, err);
}

enum pl_status pl_rig_read_libraries(struct pl_rig *rig, struct pl_err *err)
{
  const struct pl_node *list = pl_node_get(pl_conf_root(rig->conf), "libraries");
  if (!list)
    return PL_OK;
  enum pl_status status = pl_node_want(rig->conf, list, PL_NODE_LIST, "libraries", err);
  if (!status && list->count > LIBRARIES_MAX)
    return pl_node_fail(rig->conf, list, err, "%zu libraries, expected at most %d", list->count, LIBRARIES_MAX);
  if (!status && !(rig->libraries = calloc(list->count + 1, sizeof(struct pl_conf *))))
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", rig->path);
  for (size_t i = 0; i < (status ? 0 : list->count) && !status; i++)
    status = load_library(rig, &list->items[i], err);
  return status;
}

void pl_rig_free_libraries(struct pl_rig *rig)
{
  for (size_t i = 0; i < rig->n_libraries; i++)
    pl_conf_free(rig->libraries[i]);
  free(rig->libraries);
}

enum pl_status pl_rig_find_model(const struct pl_rig *rig, const struct pl_node *node, struct pl_rig_part *part, struct pl_err *err)
{
  const struct pl_node *at;
  enum pl_status status = pl_rig_want_text(rig->conf, node, "model", &part->model, &at, err);
  if (status || !part->model)
    return status;
  const char *words[256];
  size_t n = 0;
  for (size_t i = 0; i < rig->n_libraries; i++) {
    const struct pl_node *models = pl_node_get(pl_conf_root(rig->libraries[i]), "models");
    for (size_t k = 0; k < models->count; k++) {
      const char *name = pl_node_get(&models->items[k], "name")->text;
      if (n < sizeof words / sizeof words[0])
        words[n++] = name;
      if (!pl_same_word(name, part->model))
        continue;
      part->model_node = &models->items[k];
      part->model_conf = rig->libraries[i];
      return PL_OK;
    }
  }
  if (!n)
    return pl_node_fail(rig->conf, at, err, "no model '%s': this rig names no part library; add 'libraries: [FILE]'", part->model);
  return pl_node_unknown(rig->conf, at, "model", "", words, n, err);
}

enum pl_status pl_rig_part_values(const struct pl_rig *rig, const struct pl_rig_part *part, const struct pl_param *params, size_t count,
                                  struct pl_values *values, struct pl_err *err)
{
  static const char *const PART_WORDS[] = {"name", "kind", "location", "in", "model"}, *const MODEL_WORDS[] = {"name", "kind", "about", "source"};
  char what[64];
  snprintf(what, sizeof what, "a %s", part->kind);
  enum pl_status status = pl_rig_check_keys(rig->conf, part->node, what, PART_WORDS, sizeof PART_WORDS / sizeof *PART_WORDS, params, count, err);
  if (!status && part->model_node)
    status = pl_rig_check_keys(part->model_conf, part->model_node, what, MODEL_WORDS, sizeof MODEL_WORDS / sizeof *MODEL_WORDS, params, count, err);
  if (status)
    return status;
  return pl_node_values_over(rig->conf, part->node, part->model_conf, part->model_node, params, count, values, err);
}

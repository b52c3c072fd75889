/* SPDX-License-Identifier: Apache-2.0 */
/* Needs to parts, parameters to their declarations. */
#include "host/engine/vm.h"

#include <string.h>

static struct pl_setting *find(struct pl_meta *meta, const char *name)
{
  for (size_t i = 0; i < meta->n_settings; i++)
    if (!strcmp(meta->settings[i].name, name))
      return &meta->settings[i];
  return NULL;
}

static enum pl_status fail_part(const struct pl_setting *need, const char *path, const char *given, const struct pl_rig *rig, struct pl_err *err)
{
  char list[256] = "";
  const char *words[256];
  size_t count = 0;
  for (size_t i = 0; i < rig->n_parts && count < sizeof words / sizeof *words; i++)
    if (!strcmp(rig->parts[i].kind, need->text)) {
      words[count++] = rig->parts[i].name;
      snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", count > 1 ? ", " : "", rig->parts[i].name);
    }
  if (!count)
    return pl_fail(err, PL_E_USAGE, "%s needs a %s for '%s', but the rig %s has none", path, need->text, need->name, rig->name);
  const char *close = given ? pl_closest(given, words, count) : NULL;
  const struct pl_rig_part *other = given ? pl_rig_part(rig, given) : NULL;
  if (other)
    return pl_fail(err, PL_E_USAGE, "%s: %s=%s: %s is a %s, expected a %s; the rig has %s", path, need->name, given, given, other->kind, need->text, list);
  if (close)
    return pl_fail(err, PL_E_USAGE, "%s: %s=%s: the rig %s has no such %s, did you mean '%s'? It has %s", path, need->name, given, rig->name, need->text, close, list);
  return pl_fail(err, PL_E_USAGE, "%s: %s=%s: the rig %s has no such %s; it has %s", path, need->name, given ? given : "?", rig->name, need->text, list);
}

/* `wanted`: a part's name, or NULL for the first of the kind. */
static enum pl_status bind_need(struct pl_setting *need, const char *path, const char *wanted, const struct pl_rig *rig, struct pl_err *err)
{
  need->part = NULL;
  for (size_t i = 0; i < rig->n_parts && !need->part; i++)
    if (!strcmp(rig->parts[i].kind, need->text) && (!wanted || !strcmp(rig->parts[i].name, wanted)))
      need->part = &rig->parts[i];
  return need->part ? PL_OK : fail_part(need, path, wanted, rig, err);
}

static enum pl_status bind_parameter(struct pl_setting *setting, const char *path, const char *text, struct pl_err *err)
{
  struct pl_err own = {0};
  if (setting->kind == PL_SETTING_TEXT) {
    char *copy = strdup(text);
    if (!copy)
      return pl_fail(err, PL_E_NOMEM, "out of memory for a parameter");
    free(setting->text);
    setting->text = copy;
    return PL_OK;
  }
  if (pl_quantity_parse(text, setting->dim, NULL, &setting->value_u, &own))
    return pl_fail(err, PL_E_USAGE, "%s: parameter %s: %s", path, setting->name, own.text);
  return PL_OK;
}

static enum pl_status fail_unknown(struct pl_meta *meta, const char *path, const char *name, struct pl_err *err)
{
  const char *words[64] = {NULL};
  char list[256] = "";
  size_t count = 0;
  for (; count < meta->n_settings && count < sizeof words / sizeof *words; count++) {
    words[count] = meta->settings[count].name;
    snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", count ? ", " : "", words[count]);
  }
  const char *close = pl_closest(name, words, count);
  if (close)
    return pl_fail(err, PL_E_USAGE, "%s has no parameter '%s', did you mean '%s'?", path, name, close);
  return pl_fail(err, PL_E_USAGE, "%s has no parameter '%s'; it has %s", path, name, count ? list : "none");
}

static const char *given_value(const char *name, const struct pl_engine_pair *params, size_t n_params)
{
  const char *value = NULL;
  for (size_t i = 0; i < n_params; i++)
    if (!strcmp(params[i].name, name))
      value = params[i].value;
  return value;
}

enum pl_status pl_bind(struct pl_meta *meta, const char *path, const struct pl_rig *rig, const struct pl_engine_pair *params, size_t n_params, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < n_params && !status; i++) {
    struct pl_setting *setting = find(meta, params[i].name);
    if (!setting)
      status = fail_unknown(meta, path, params[i].name, err);
    else if (setting->kind != PL_SETTING_NEED)
      status = bind_parameter(setting, path, params[i].value, err);
  }
  for (size_t i = 0; i < meta->n_settings && !status; i++) {
    struct pl_setting *setting = &meta->settings[i];
    if (setting->kind != PL_SETTING_NEED)
      continue;
    const char *wanted = given_value(setting->name, params, n_params);
    status = bind_need(setting, path, wanted ? wanted : setting->preferred, rig, err);
  }
  return status;
}

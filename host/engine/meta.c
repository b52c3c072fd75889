/* SPDX-License-Identifier: Apache-2.0 */
#include "host/engine/vm.h"

#include <string.h>

static bool copy_text(const char *from, char **to)
{
  *to = from ? strdup(from) : NULL;
  return !from || *to;
}

enum pl_status pl_meta_copy(const struct pl_meta *from, struct pl_meta *to, struct pl_err *err)
{
  *to = (struct pl_meta){.stack = from->stack};
  bool good = copy_text(from->name, &to->name) && copy_text(from->about, &to->about) && copy_text(from->version, &to->version) &&
              copy_text(from->stack_settings, &to->stack_settings);
  to->settings = calloc(from->n_settings + 1, sizeof *to->settings);
  good = good && to->settings;
  for (size_t i = 0; i < from->n_settings && good; i++) {
    to->settings[i] = from->settings[i];
    to->settings[i].name = to->settings[i].text = to->settings[i].preferred = NULL;
    to->n_settings = i + 1;
    good = copy_text(from->settings[i].name, &to->settings[i].name) && copy_text(from->settings[i].text, &to->settings[i].text) &&
           copy_text(from->settings[i].preferred, &to->settings[i].preferred);
  }
  if (good)
    return PL_OK;
  pl_meta_free(to);
  return pl_fail(err, PL_E_NOMEM, "out of memory for a sequence's parameters");
}

void pl_meta_free(struct pl_meta *meta)
{
  for (size_t i = 0; i < meta->n_settings; i++) {
    free(meta->settings[i].name);
    free(meta->settings[i].text);
    free(meta->settings[i].preferred);
  }
  free(meta->settings);
  free(meta->name);
  free(meta->about);
  free(meta->version);
  free(meta->stack_settings);
  *meta = (struct pl_meta){0};
}

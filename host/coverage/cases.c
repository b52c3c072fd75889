/* SPDX-License-Identifier: Apache-2.0 */
#include "host/coverage/cases.h"

#include <fnmatch.h>
#include <string.h>

struct collecting {
  const struct pl_coverage_cfg *cfg;
  struct pl_cases *cases;
};

static void free_case(const struct pl_fault_case *each)
{
  const char *const texts[] = {each->fault, each->kind, each->spec, each->part, each->device, each->bus, each->about};
  for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
    free((void *)(uintptr_t)texts[t]);
}

static bool wanted(const struct pl_coverage_cfg *cfg, const struct pl_fault_case *each)
{
  for (size_t i = 0; i < cfg->n_patterns; i++)
    if (!fnmatch(cfg->patterns[i], each->spec, 0) || !fnmatch(cfg->patterns[i], each->fault, 0) || (each->kind && !fnmatch(cfg->patterns[i], each->kind, 0)))
      return true;
  return !cfg->n_patterns;
}

static const char *copy(struct pl_cases *cases, const char *text)
{
  char *made = text ? strdup(text) : NULL;
  cases->failed |= text && !made;
  return made;
}

static void on_case(void *ctx, const struct pl_fault_case *each)
{
  struct collecting *c = ctx;
  struct pl_cases *cases = c->cases;
  if (cases->failed || !wanted(c->cfg, each))
    return;
  if (cases->count == cases->capacity) {
    size_t capacity = cases->capacity ? 2 * cases->capacity : 64;
    struct pl_fault_case *items = realloc(cases->items, capacity * sizeof *items);
    cases->failed = !items;
    if (!items)
      return;
    cases->items = items;
    cases->capacity = capacity;
  }
  cases->items[cases->count++] = (struct pl_fault_case){.fault = copy(cases, each->fault), .kind = copy(cases, each->kind ? each->kind : ""),
                                                         .spec = copy(cases, each->spec),  .part = copy(cases, each->part),
                                                         .device = copy(cases, each->device), .bus = copy(cases, each->bus),
                                                         .about = copy(cases, each->about)};
}

static void drop(struct pl_cases *cases, size_t at)
{
  free_case(&cases->items[at]);
  memmove(&cases->items[at], &cases->items[at + 1], (--cases->count - at) * sizeof *cases->items);
}

/* What this rack has nothing for is not applicable; it is counted, and the first is told. */
static void leave_out(const struct pl_backend_desc *desc, struct pl_backend *backend, struct pl_cases *cases)
{
  for (size_t i = 0; i < cases->count;) {
    struct pl_err why = {0};
    if (!desc->plant(backend, cases->items[i].spec, &why)) {
      desc->clear(backend, NULL, NULL);
      i++;
      continue;
    }
    if (!cases->n_not_applicable++)
      snprintf(cases->not_applicable, sizeof cases->not_applicable, "%s", why.text);
    drop(cases, i);
  }
}

static enum pl_status none(const struct pl_coverage_cfg *cfg, struct pl_err *err)
{
  if (cfg->n_patterns)
    return pl_fail(err, PL_E_USAGE, "--faults '%s': no fault of %s has such a name; `plumb twin faults` lists them", cfg->patterns[0], cfg->rig->path);
  return pl_fail(err, PL_E_USAGE, "%s has nothing that a fault could be planted in", cfg->rig->path);
}

enum pl_status pl_cases_collect(const struct pl_coverage_cfg *cfg, struct pl_cases *cases, struct pl_err *err)
{
  struct pl_clock *clock = NULL;
  struct pl_backend *backend = NULL;
  struct collecting collecting = {cfg, cases};
  const struct pl_backend_desc *desc = pl_backend_find("twin");
  if (!desc || !desc->fault_cases)
    return pl_fail(err, PL_E_UNSUPPORTED, "a coverage run needs the virtual rack and its catalogue of faults, and this program was built without it");
  enum pl_status status = pl_clock_new_virtual(0, &clock, err);
  if (!status)
    status = desc->open(cfg->rig, clock, cfg->seed, true, &backend, err);
  if (!status)
    status = desc->fault_cases(backend, cfg->every_place, on_case, &collecting, err);
  if (!status)
    leave_out(desc, backend, cases);
  if (backend)
    desc->close(backend);
  pl_clock_free(clock);
  if (!status && cases->failed)
    status = pl_fail(err, PL_E_NOMEM, "out of memory for the faults");
  if (!status && !cases->count)
    status = none(cfg, err);
  return status;
}

void pl_cases_free(struct pl_cases *cases)
{
  for (size_t i = 0; i < cases->count; i++)
    free_case(&cases->items[i]);
  free(cases->items);
  *cases = (struct pl_cases){0};
}

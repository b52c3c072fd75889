/* SPDX-License-Identifier: Apache-2.0 */
/* `plumb faults`: the catalogue, one row of it in full, or what of it applies to a rig, with the places. */
#include "host/cli/cli.h"

#include <fnmatch.h>
#include <string.h>

static const struct pl_option OPTIONS[] = {
    {"rig", "FILE", "what applies to this rig: one ready spec a place", false},
    {"json", NULL, "one JSON object", false},
    {NULL, NULL, NULL, false},
};

#define NAMES_MAX 512

struct listing {
  const char *pattern; /* NULL: all */
  bool json, whole;
  size_t count;
  char last_name[128];
  const char *names[NAMES_MAX]; /* for "did you mean" */
  size_t n_names;
};

/* "sensor=stuck", "stuck", "psu.*", "wire=*" */
static bool matches(const char *pattern, const char *name)
{
  const char *kind = strrchr(name, '=');
  return !pattern || !fnmatch(pattern, name, 0) || (kind && !strcmp(pattern, kind + 1));
}

static const char *levels(const struct pl_fault_about *row)
{
  static const char *const WHO[] = {"nobody", "twin", "proxy", "twin, proxy", "fixture", "twin, fixture", "proxy, fixture", "twin, proxy, fixture"};
  return WHO[row->twin | row->proxy << 1 | row->fixture << 2];
}

static void pair(const char *name, const char *text, bool first)
{
  printf("%s\"%s\":", first ? "" : ",", name);
  pl_cli_json_text(stdout, text ? text : "");
}

static void row_json(const struct pl_fault_about *row, bool first)
{
  printf("%s\n{", first ? "" : ",");
  pair("name", row->name, true);
  pair("class", row->kind, false);
  pair("where", row->where, false);
  pair("value", row->value, false);
  pair("usual", row->fallback, false);
  pair("meaning", row->about, false);
  pair("real", row->real, false);
  pair("example", row->example, false);
  printf(",\"levels\":[%s%s%s%s%s]}", row->twin ? "\"twin\"" : "", row->twin && (row->proxy || row->fixture) ? "," : "", row->proxy ? "\"proxy\"" : "",
         row->proxy && row->fixture ? "," : "", row->fixture ? "\"fixture\"" : "");
}

static void row_whole(const struct pl_fault_about *row, bool first)
{
  printf("%s%s\n", first ? "" : "\n", row->name);
  printf("  class      %s\n  where      %s\n", row->kind, row->where);
  if (*row->value)
    printf("  value      %s%s%s%s\n", row->value, *row->fallback ? " (usual: " : "", row->fallback, *row->fallback ? ")" : "");
  printf("  meaning    %s\n  real rig   %s\n  who can    %s\n  example    --fault '%s'\n", row->about, row->real, levels(row), row->example);
}

static void on_row(void *ctx, const struct pl_fault_about *row)
{
  struct listing *l = ctx;
  if (!matches(l->pattern, row->name))
    return;
  if (l->json)
    row_json(row, !l->count);
  else if (l->whole)
    row_whole(row, !l->count);
  else
    printf("  %-34s %-11s %-21s %s\n", row->name, row->kind, levels(row), row->about);
  l->count++;
}

/* --- at a rig --- */

static void case_json(const struct pl_fault_case *each, bool first)
{
  printf("%s\n{", first ? "" : ",");
  pair("fault", each->fault, true);
  pair("class", each->kind, false);
  pair("spec", each->spec, false);
  const struct {
    const char *name, *text;
  } blame[] = {{"part", each->part}, {"device", each->device}, {"bus", each->bus}};
  for (size_t i = 0; i < sizeof blame / sizeof *blame; i++)
    if (blame[i].text)
      pair(blame[i].name, blame[i].text, false);
  putchar('}');
}

static void on_case(void *ctx, const struct pl_fault_case *each)
{
  struct listing *l = ctx;
  if (!matches(l->pattern, each->fault))
    return;
  if (l->json) {
    case_json(each, !l->count);
  } else {
    if (strcmp(l->last_name, each->fault) != 0)
      printf("%s (%s): %s\n", each->fault, each->kind, each->about);
    printf("  %s\n", each->spec);
  }
  snprintf(l->last_name, sizeof l->last_name, "%s", each->fault);
  l->count++;
}

static enum pl_status at_rig(const struct pl_args *args, struct listing *l, struct pl_err *err)
{
  struct pl_rig *rig = NULL;
  struct pl_clock *clock = NULL;
  struct pl_backend *backend = NULL;
  const struct pl_backend_desc *desc = pl_backend_find("twin");
  enum pl_status status = pl_cli_rig(args, &rig, err);
  if (!status)
    status = pl_clock_new_virtual(0, &clock, err);
  if (!status)
    status = desc->open(rig, clock, 1, true, &backend, err);
  if (!status)
    status = desc->fault_cases(backend, true, on_case, l, err);
  if (backend)
    desc->close(backend);
  pl_clock_free(clock);
  pl_rig_free(rig);
  return status;
}

static void on_name(void *ctx, const struct pl_fault_about *row)
{
  struct listing *l = ctx;
  const char *kind = strrchr(row->name, '=');
  if (l->n_names < NAMES_MAX)
    l->names[l->n_names++] = strdup(kind ? kind + 1 : row->name); /* the row's own text does not last */
}

static enum pl_status unknown(struct listing *l, struct pl_err *err)
{
  pl_backend_find("twin")->list_faults(on_name, l);
  const char *close = pl_closest(l->pattern, l->names, l->n_names);
  if (close)
    pl_fail(err, PL_E_USAGE, "no fault '%.60s', did you mean '%s'?", l->pattern, close);
  else
    pl_fail(err, PL_E_USAGE, "no fault '%.60s'; `plumb faults` lists them", l->pattern);
  for (size_t i = 0; i < l->n_names; i++)
    free((void *)(uintptr_t)l->names[i]);
  return PL_E_USAGE;
}

static enum pl_exit faults(const struct pl_args *args)
{
  struct pl_err err = {0};
  const char *rig = pl_args_text(args, "rig", NULL);
  struct listing l = {.pattern = args->n_words ? args->words[0] : NULL, .json = pl_args_flag(args, "json")};
  l.whole = l.pattern != NULL;
  enum pl_status status = PL_OK;
  if (l.json)
    printf("{\"%s\":[", rig ? "cases" : "faults");
  if (rig)
    status = at_rig(args, &l, &err);
  else
    pl_backend_find("twin")->list_faults(on_row, &l);
  if (l.json)
    printf("\n],\"count\":%zu}\n", l.count);
  if (!status && !l.count && l.pattern && !rig)
    status = unknown(&l, &err);
  else if (!status && !l.count)
    status = pl_fail(&err, PL_E_USAGE, "no fault '%.60s' applies to %s; `plumb faults` lists them", l.pattern ? l.pattern : "*", rig);
  if (!status && !l.json && !l.whole)
    printf("%zu %s\n", l.count, rig ? "places for faults" : "faults; `plumb faults NAME` tells one in full");
  return status ? pl_complain(PL_EXIT_USAGE, &err) : PL_EXIT_PASSED;
}

const struct pl_command pl_command_faults = {
    .name = "faults",
    .operands = "[NAME]",
    .about = "the catalogue of faults: what each means, how a real rig makes it, who can; or what of it applies to a rig",
    .options = OPTIONS,
    .min_words = 0,
    .max_words = 1,
    .examples = "  plumb faults\n"
                "  plumb faults bad-pec\n"
                "  plumb faults 'psu.*' --json\n"
                "  plumb faults --rig fixtures/rigs/demo-rack.yaml\n",
    .details = "A fault is planted as TARGET.SIGNAL=KIND[:VALUE][@WHEN][ for TIME][ times N][ p=PERCENT]:\n"
               "  TARGET  a device, part or bus of the rig\n"
               "  WHEN    12.5s after the planting, or at the n-th event: read:3, write:1, access:2, edge:2\n"
               "  for     it ends by itself after that time; times: after it has acted so often\n"
               "  p       each time it may act, it does so with this probability, by the seed\n"
               "with --fault of `plumb run`, fault.plant() of a sequence, or `plumb twin plant` on a running rack.\n",
    .run = faults,
};

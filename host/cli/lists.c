/* SPDX-License-Identifier: Apache-2.0 */
/* rig, drivers, twin: what there is. */
#include "host/cli/cli.h"

#include <string.h>

static const struct pl_option RIG_OPTIONS[] = {
    {"json", NULL, "one JSON object", false},
    {NULL, NULL, NULL, false},
};

static void rig_table(const struct pl_rig *rig)
{
  printf("%s: %s\n%s  sha256 %.16s\n\nBuses\n", rig->name, rig->about ? rig->about : "", rig->path, rig->sha256);
  for (size_t i = 0; i < rig->n_buses; i++) {
    const struct pl_rig_bus *b = &rig->buses[i];
    printf("  %-14s %-7s %-12s %s\n", b->name, pl_bus_kind_name(b->kind), b->adapter->name, b->on_twin ? "virtual" : "");
  }
  printf("\nParts and their devices\n");
  for (size_t i = 0; i < rig->n_parts; i++) {
    const struct pl_rig_part *p = &rig->parts[i];
    printf("  %-14s %-10s %s\n", p->name, p->kind, p->location ? p->location : "");
    for (size_t k = 0; k < rig->n_devices; k++) {
      const struct pl_rig_device *d = &rig->devices[k];
      if (d->part == p)
        printf("    %-12s %-16s %-12s %-12s %s\n", d->name, d->desc->name, d->bus->name, d->role, pl_owner_name(d->owner));
    }
  }
}

static void rig_json(const struct pl_rig *rig)
{
  printf("{\"name\":");
  pl_cli_json_text(stdout, rig->name);
  printf(",\"sha256\":\"%s\",\"buses\":[", rig->sha256);
  for (size_t i = 0; i < rig->n_buses; i++)
    printf("%s{\"name\":\"%s\",\"kind\":\"%s\",\"adapter\":\"%s\",\"virtual\":%s}", i ? "," : "", rig->buses[i].name, pl_bus_kind_name(rig->buses[i].kind),
           rig->buses[i].adapter->name, rig->buses[i].on_twin ? "true" : "false");
  printf("],\"parts\":[");
  for (size_t i = 0; i < rig->n_parts; i++) {
    printf("%s{\"name\":\"%s\",\"kind\":\"%s\",\"location\":", i ? "," : "", rig->parts[i].name, rig->parts[i].kind);
    pl_cli_json_text(stdout, rig->parts[i].location ? rig->parts[i].location : "");
    putchar('}');
  }
  printf("],\"devices\":[");
  for (size_t i = 0; i < rig->n_devices; i++) {
    const struct pl_rig_device *d = &rig->devices[i];
    printf("%s{\"name\":\"%s\",\"driver\":\"%s\",\"bus\":\"%s\",\"part\":\"%s\",\"role\":\"%s\",\"owner\":\"%s\",\"quantities\":[", i ? "," : "", d->name,
           d->desc->name, d->bus->name, d->part ? d->part->name : "", d->role, pl_owner_name(d->owner));
    for (size_t k = 0; k < d->shape.count; k++)
      printf("%s\"%s\"", k ? "," : "", d->shape.quantities[k].name);
    printf("]}");
  }
  puts("]}");
}

static enum pl_exit rig(const struct pl_args *args)
{
  struct pl_err err = {0};
  struct pl_rig *rig = NULL;
  char room[1024];
  enum pl_status status = args->n_words ? pl_rig_load(pl_cli_find(args->words[0], room, sizeof room), &rig, &err) : pl_cli_rig(args, &rig, &err);
  if (status)
    return pl_complain(PL_EXIT_USAGE, &err);
  if (pl_args_flag(args, "json"))
    rig_json(rig);
  else
    rig_table(rig);
  pl_rig_free(rig);
  return PL_EXIT_PASSED;
}

const struct pl_command pl_command_rig = {
    .name = "rig",
    .operands = "[FILE]",
    .about = "check a rig file and show its buses, parts and devices",
    .options = RIG_OPTIONS,
    .min_words = 0,
    .max_words = 1,
    .examples = "  plumb rig\n"
                "  plumb rig bench-2.yaml --json\n",
    .run = rig,
};

static const struct pl_option NO_OPTIONS[] = {{NULL, NULL, NULL, false}};

static void print_params(const struct pl_param *params, size_t count)
{
  for (size_t i = 0; i < count; i++)
    printf("      %-18s %s%s%s%s\n", params[i].name, params[i].help ? params[i].help : "", params[i].required ? " (required)" : "",
           params[i].fallback ? ", default " : "", params[i].fallback ? params[i].fallback : "");
}

static void print_device(const struct pl_device_desc *d)
{
  printf("  %-16s %-12s %s\n", d->name, pl_maturity_name(d->maturity), d->about);
  printf("    on %s, role %s; keys in the rig file:\n", pl_bus_kind_name(d->bus_kind), d->role ? d->role : "given by the rig");
  print_params(d->params, d->n_params);
  if (!d->n_quantities)
    return;
  printf("    quantities:");
  for (size_t k = 0; k < d->n_quantities; k++)
    printf(" %s", d->quantities[k].name);
  putchar('\n');
}

static enum pl_exit drivers(const struct pl_args *args)
{
  const char *only = args->n_words ? args->words[0] : NULL;
  bool any = false;
  if (!only)
    puts("Adapters");
  for (size_t i = 0; i < pl_n_adapters; i++) {
    const struct pl_adapter_desc *a = pl_adapters[i];
    if (only && strcmp(only, a->name))
      continue;
    any = true;
    printf("  %-16s %-12s %s\n    %s bus; keys in the rig file:\n", a->name, pl_maturity_name(a->maturity), a->about, pl_bus_kind_name(a->kind));
    print_params(a->params, a->n_params);
  }
  if (!only)
    puts("\nDevices");
  for (size_t i = 0; i < pl_n_device_descs; i++) {
    if (only && strcmp(only, pl_device_descs[i]->name))
      continue;
    any = true;
    print_device(pl_device_descs[i]);
  }
  if (any)
    return PL_EXIT_PASSED;
  struct pl_err err = {0};
  pl_fail(&err, PL_E_USAGE, "no adapter or device driver '%s'; `plumb drivers` lists them", only);
  return pl_complain(PL_EXIT_USAGE, &err);
}

const struct pl_command pl_command_drivers = {
    .name = "drivers",
    .operands = "[NAME]",
    .about = "adapters and device drivers: how finished, what a rig file may say, what they can tell",
    .options = NO_OPTIONS,
    .min_words = 0,
    .max_words = 1,
    .examples = "  plumb drivers\n"
                "  plumb drivers hsc-adm1272\n",
    .run = drivers,
};

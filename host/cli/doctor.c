/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: what stands between plumb and the hardware, each finding with its fix. */
#include "bringup/doctor.h"
#include "host/cli/cli.h"

#include <stdlib.h>

static const struct pl_option OPTIONS[] = {
    {"rig", "FILE", "also look whether this rig's adapters are there (PLUMBLINE_RIG; else no rig)", false},
    {"json", NULL, "one JSON object", false},
    {"root", "DIR", "look at the sys, dev, etc, proc and lib below DIR instead of this machine's", false},
    {NULL, NULL, NULL, false},
};

static void print_table(const struct pl_doctor *doctor)
{
  for (size_t i = 0; i < doctor->count; i++) {
    const struct pl_finding *f = &doctor->findings[i];
    printf("%-8s %-15s %s\n", pl_finding_level_name(f->level), f->topic, f->text);
    if (*f->fix)
      printf("%25sfix: %s\n", "", f->fix);
  }
  printf("\n%zu ok, %zu warning%s, %zu error%s\n", doctor->levels[PL_FINDING_OK], doctor->levels[PL_FINDING_WARNING],
         doctor->levels[PL_FINDING_WARNING] == 1 ? "" : "s",
         doctor->levels[PL_FINDING_ERROR], doctor->levels[PL_FINDING_ERROR] == 1 ? "" : "s");
}

static void print_json(const struct pl_doctor *doctor)
{
  printf("{\"findings\":[");
  for (size_t i = 0; i < doctor->count; i++) {
    const struct pl_finding *f = &doctor->findings[i];
    printf("%s{\"level\":\"%s\",\"topic\":\"%s\",\"text\":", i ? "," : "", pl_finding_level_name(f->level), f->topic);
    pl_cli_json_text(stdout, f->text);
    printf(",\"fix\":");
    pl_cli_json_text(stdout, f->fix);
    putchar('}');
  }
  printf("],\"ok\":%zu,\"warnings\":%zu,\"errors\":%zu}\n", doctor->levels[PL_FINDING_OK], doctor->levels[PL_FINDING_WARNING],
         doctor->levels[PL_FINDING_ERROR]);
}

static enum pl_exit run(const struct pl_args *args)
{
  struct pl_err err = {0};
  struct pl_rig *rig = NULL;
  struct pl_doctor *doctor = NULL;
  const char *named = getenv("PLUMBLINE_RIG");
  bool has_rig = pl_args_flag(args, "rig") || (named && *named);
  enum pl_status status = has_rig ? pl_cli_rig(args, &rig, &err) : PL_OK;
  const struct pl_doctor_cfg cfg = {.root = pl_args_text(args, "root", ""), .rig = rig};
  if (!status)
    status = pl_doctor_run(&cfg, &doctor, &err);
  enum pl_exit code = PL_EXIT_PASSED;
  if (status) {
    code = pl_complain(pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
  } else {
    (pl_args_flag(args, "json") ? print_json : print_table)(doctor);
    code = doctor->levels[PL_FINDING_ERROR] ? PL_EXIT_UNJUDGED : PL_EXIT_PASSED;
  }
  pl_doctor_free(doctor);
  pl_rig_free(rig);
  return code;
}

const struct pl_command pl_command_doctor = {
    .name = "doctor",
    .operands = "",
    .about = "what stands between plumb and the hardware of this machine: permissions, drivers, locks, clocks; each with its fix",
    .options = OPTIONS,
    .min_words = 0,
    .max_words = 0,
    .examples = "  plumb doctor\n"
                "  plumb doctor --rig bench-2.yaml\n",
    .details = "  Drives nothing. Exit code 3 when something that is needed cannot be used: any adapter that is plugged in, or with a rig only its own.\n",
    .run = run,
};

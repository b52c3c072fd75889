/* SPDX-License-Identifier: Apache-2.0 */
/* `plumb interlock`: a rig's rules in words. */
#include "host/cli/cli.h"
#include "host/safety/interlock.h"

static const struct pl_option OPTIONS[] = {
    {"rig", "FILE", "the rig file (PLUMBLINE_RIG, else the virtual demo rack)", false},
    {"json", NULL, "one JSON array", false},
    {NULL, NULL, NULL, false},
};

static void warn(void *ctx, const char *text)
{
  (void)ctx;
  fprintf(stderr, "plumb: %s\n", text);
}

static enum pl_exit interlock(const struct pl_args *args)
{
  struct pl_rig *rig = NULL;
  struct pl_interlock_rules *rules = NULL;
  struct pl_err err = {0};
  char text[1024];
  bool json = pl_args_flag(args, "json");
  enum pl_status status = pl_cli_rig(args, &rig, &err);
  if (!status)
    status = pl_interlock_compile(rig, &rules, &err);
  size_t n = pl_interlock_count(rules);
  if (json && !status)
    putchar('[');
  for (size_t i = 0; i < n && json; i++) {
    printf("%s{\"rule\":", i ? "," : "");
    pl_cli_json_text(stdout, pl_interlock_name(rules, i));
    printf(",\"text\":");
    pl_cli_json_text(stdout, pl_interlock_text(rules, i, text, sizeof text));
    printf("}");
  }
  for (size_t i = 0; i < n && !json; i++)
    printf("%s: %s\n", pl_interlock_name(rules, i), pl_interlock_text(rules, i, text, sizeof text));
  if (json && !status)
    puts("]");
  else if (!status && !n)
    printf("%s has no interlock rules\n", rig->path);
  if (!status)
    pl_interlock_warnings(rules, warn, NULL);
  pl_interlock_rules_free(rules);
  pl_rig_free(rig);
  return status ? pl_complain(PL_EXIT_USAGE, &err) : PL_EXIT_PASSED;
}

const struct pl_command pl_command_interlock = {
    .name = "interlock",
    .operands = "",
    .about = "a rig's interlock rules in words: what trips them, and what they switch off",
    .options = OPTIONS,
    .examples = "  plumb interlock --rig bench-2.yaml\n",
    .details = "A rule that trips ends its run and keeps its outputs set for as long as the run lasts; a sequence may reset it (interlock.reset) once what it\n"
               "watches is safe again. A new run arms all rules afresh, and trips at once on what is still unsafe.\n",
    .run = interlock,
};

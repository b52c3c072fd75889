/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/session.h"

static const struct pl_option OPTIONS[] = {
    {"rig", "FILE", "the rig file (PLUMBLINE_RIG, else the virtual demo rack)", false},
    {"limits", "FILE", "limits that replace the sequence's (YAML)", false},
    {"param", "NAME=VALUE", "a parameter of the sequence, or which part a need is bound to", true},
    {"answers", "FILE", "scripted answers to prompts (YAML)", false},
    {"seed", "N", "seed of the rehearsal's noise (1)", false},
    {"time", "real|virtual", "as for run", false},
    {NULL, NULL, NULL, false},
};

static enum pl_exit check(const struct pl_args *args)
{
  struct pl_session session;
  struct pl_err err = {0};
  enum pl_exit code = PL_EXIT_PASSED;
  enum pl_status status = pl_session_open(args, &session, &err);
  if (!status)
    printf("ok  %s: %zu buses, %zu parts, %zu devices\n", session.rig->path, session.rig->n_buses, session.rig->n_parts, session.rig->n_devices);
  for (size_t i = 0; i < session.n_sequences && !status; i++) {
    status = pl_session_rehearse(&session, i, &err);
    if (!status)
      printf("ok  %s: rehearsed on the twin%s%s\n", session.paths[i], *session.reached ? " as far as step " : "", session.reached);
  }
  if (status)
    code = pl_complain(PL_EXIT_USAGE, &err);
  pl_session_free(&session);
  return code;
}

const struct pl_command pl_command_check = {
    .name = "check",
    .operands = "[SEQUENCE...]",
    .about = "refuse what can be refused before anything is driven: rig, sequences, units, limits",
    .options = OPTIONS,
    .min_words = 0,
    .max_words = PL_OPTION_VALUES_MAX,
    .examples = "  plumb check --rig bench-2.yaml\n"
                "  plumb check sequences/hot-swap.lua --rig bench-2.yaml --limits part-4711.yaml\n",
    .run = check,
};

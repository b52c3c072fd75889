/* SPDX-License-Identifier: Apache-2.0 */
/* plumb replay: a sequence against what was recorded of the buses. */
#include "drivers/capture/replay.h"
#include "host/cli/session.h"

static const struct pl_option OPTIONS[] = {
    {"rig", "FILE", "the rig file of the recorded run (PLUMBLINE_RIG, else the virtual demo rack)", false},
    {"dut", "ID", "serial number or name of the unit under test", false},
    {"out", "DIR", "where journal and reports go (runs/TIME-SEQUENCE)", false},
    {"limits", "FILE", "limits that replace the sequence's (YAML)", false},
    {"param", "NAME=VALUE", "a parameter of the sequence, as it was recorded", true},
    {"answers", "FILE", "scripted answers to prompts (YAML); without it prompts take their default", false},
    {"seed", "N", "seed of the sequence's random numbers (the recorded run's)", false},
    {"no-reports", NULL, "write the journal only; `plumb report` makes the rest from it later", false},
    {"json", NULL, "print one JSON object instead of the live view and table", false},
    {NULL, NULL, NULL, false},
};

/* The words without the first, which is the capture. */
static struct pl_args sequence_args(const struct pl_args *args)
{
  struct pl_args rest = *args;
  rest.n_words = args->n_words - 1;
  for (size_t i = 0; i < rest.n_words; i++)
    rest.words[i] = args->words[i + 1];
  return rest;
}

/* A run that diverged could not be judged, whatever its steps made of it. */
static enum pl_exit conclude(const struct pl_replay *replay, enum pl_exit code)
{
  struct pl_err err = {0};
  const char *divergence = pl_replay_divergence(replay);
  if (code == PL_EXIT_ABORTED || code == PL_EXIT_USAGE)
    return code;
  if (divergence)
    pl_fail(&err, PL_E_GARBAGE, "%s", divergence);
  else if (!pl_replay_finish(replay, &err))
    return code;
  return pl_complain(PL_EXIT_UNJUDGED, &err);
}

static enum pl_exit replay(const struct pl_args *args)
{
  struct pl_args rest = sequence_args(args);
  struct pl_session session = {0};
  struct pl_replay *recorded = NULL;
  struct pl_err err = {0};
  enum pl_exit code;
  enum pl_status status = pl_replay_open(args->words[0], &recorded, &err);
  if (!status)
    status = pl_session_open(&rest, &session, &err);
  if (!status) {
    session.is_virtual = true;
    session.seed = pl_args_text(args, "seed", NULL) ? session.seed : pl_replay_seed(recorded);
    status = pl_session_rehearse(&session, 0, &err);
  }
  if (status)
    code = pl_complain(PL_EXIT_USAGE, &err);
  else
    code = conclude(recorded, pl_cli_run_one(&rest, &session, 0, recorded));
  pl_session_free(&session);
  pl_replay_close(recorded);
  return code;
}

const struct pl_command pl_command_replay = {
    .name = "replay",
    .operands = "CAPTURE SEQUENCE",
    .about = "run a sequence against a capture of its buses: the same verdict, or where it first asks for something else (exit code 3)",
    .options = OPTIONS,
    .min_words = 2,
    .max_words = 2,
    .examples = "  plumb replay leak.pcapng sequences/leak.lua\n"
                "  plumb replay bus.pcapng my-sequence.lua --rig bench-2.yaml --param slot=csu-3\n",
    .run = replay,
};

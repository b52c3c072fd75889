/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/session.h"

static const struct pl_option OPTIONS[] = {
    {"rig", "FILE", "the rig file (PLUMBLINE_RIG, else the virtual demo rack)", false},
    {"limits", "FILE", "limits that replace the sequence's (YAML)", false},
    {"param", "NAME=VALUE", "a parameter of the sequence, or which part a need is bound to", true},
    {"answers", "FILE", "scripted answers to prompts (YAML)", false},
    {"seed", "N", "seed of the rehearsal's noise (1)", false},
    {"stack", "URL|embedded", "as for run; a rehearsal always asks the stack of this program", false},
    {"stack-pin", "SHA256", "as for run", false},
    {"stack-user", "NAME", "as for run", false},
    {"stack-password", "FILE", "as for run", false},
    {"stack-settings", "FILE", "as for run", false},
    {"time", "real|virtual", "as for run", false},
    {"what-if", NULL, "rehearse again with one thing broken at a time, and refuse what is dangerous then", false},
    {"json", NULL, "print one JSON object instead of lines", false},
    {NULL, NULL, NULL, false},
};

/* One sequence: its line, or its object among the others'. */
static bool check_one(struct pl_session *session, size_t index, bool what_if, bool json)
{
  struct pl_err err = {0};
  size_t broken = 0;
  bool good = !pl_session_rehearse(session, index, &err);
  if (good && what_if)
    good = !pl_session_what_if(session, index, &broken, &err);
  const char *path = session->paths[index], *reached = session->reached;
  if (json) {
    printf("%s{\"sequence\":", index ? "," : "");
    pl_cli_json_text(stdout, path);
    printf(",\"verdict\":\"%s\",\"reached\":", good ? "ok" : "refused");
    pl_cli_json_text(stdout, reached);
    printf(",\"what_if\":%zu", broken);
    printf(",\"refusals\":");
    pl_refusals_json(stdout, session->plan);
    if (!good) {
      printf(",\"error\":");
      pl_cli_json_text(stdout, err.text);
    }
    printf("}");
    return good;
  }
  if (good) {
    printf("ok  %s: rehearsed on the twin%s%s", path, *reached ? " as far as step " : "", reached);
    if (what_if)
      printf(", and %zu times with something broken", broken);
    puts("");
    return true;
  }
  fflush(stdout);
  pl_refusals_print(stderr, path, session->plan);
  pl_complain(PL_EXIT_USAGE, &err);
  return false;
}

static void warn(void *ctx, const char *text)
{
  (void)ctx;
  fprintf(stderr, "plumb: %s\n", text);
}

static enum pl_exit check(const struct pl_args *args)
{
  struct pl_session session;
  struct pl_err err = {0};
  bool json = pl_args_flag(args, "json");
  enum pl_exit code = PL_EXIT_PASSED;
  enum pl_status status = pl_session_open(args, &session, &err);
  if (json)
    printf("{\"sequences\":[");
  else if (!status)
    printf("ok  %s: %zu buses, %zu parts, %zu devices, %zu interlock rules\n", session.rig->path, session.rig->n_buses, session.rig->n_parts, session.rig->n_devices,
           pl_interlock_count(session.rules));
  if (!status)
    pl_interlock_warnings(session.rules, warn, NULL);
  for (size_t i = 0; i < session.n_sequences && !status && !*pl_cli_stop(); i++)
    if (!check_one(&session, i, pl_args_flag(args, "what-if"), json))
      code = PL_EXIT_USAGE;
  if (json) {
    printf("]");
    if (status) {
      printf(",\"error\":");
      pl_cli_json_text(stdout, err.text);
    }
    puts("}");
  }
  if (status)
    code = pl_complain(PL_EXIT_USAGE, &err);
  pl_session_free(&session);
  return code;
}

const struct pl_command pl_command_check = {
    .name = "check",
    .operands = "[SEQUENCE...]",
    .about = "refuse what can be refused before anything is driven: rig, sequences, units, limits, and what would be dangerous",
    .options = OPTIONS,
    .min_words = 0,
    .max_words = PL_OPTION_VALUES_MAX,
    .examples = "  plumb check --rig bench-2.yaml\n"
                "  plumb check sequences/hot-swap.lua --rig bench-2.yaml --limits part-4711.yaml\n",
    .details = "Each sequence is rehearsed on the virtual rack in virtual time, and what would dead-head a pump, run it dry, unmate a live connector, drop below\n"
               "N supplies, exceed a rating, load without coolant or leave an output behind is refused with the line that did it (docs/safety.md).\n"
               "--what-if does it again with each supply dead, each pump dead, and the slots that a hand is laid on slow to discharge or stuck on: then failures\n"
               "stop the sequence as in a run, and what it does before they do must be safe, too.\n",
    .run = check,
};

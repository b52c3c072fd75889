/* SPDX-License-Identifier: Apache-2.0 */
/* Which control stack a session asks: what the options say, and a client for each run. */
#include "host/cli/session.h"

#include <string.h>

#define PASSWORD_ENV "PLUMBLINE_STACK_PASSWORD"

/* A file's first line, or the environment; never the command line, which everybody on the machine can read. */
static enum pl_status take_password(const struct pl_args *args, struct pl_session *session, struct pl_err *err)
{
  const char *path = pl_args_text(args, "stack-password", NULL), *given = path ? NULL : getenv(PASSWORD_ENV);
  char *room = session->stack_password;
  if (path) {
    FILE *file = fopen(path, "r");
    if (!file || !fgets(room, sizeof session->stack_password, file))
      pl_fail(err, PL_E_USAGE, "--stack-password %s: cannot be read; give a file whose first line is the password", path);
    if (file)
      fclose(file);
    room[strcspn(room, "\r\n")] = '\0';
  } else if (given && strlen(given) < sizeof session->stack_password) {
    snprintf(room, sizeof session->stack_password, "%s", given);
  }
  if (*room)
    session->stack.password = room;
  else if (!err->status)
    pl_fail(err, PL_E_USAGE, "--stack %s needs a password: --stack-password FILE, or " PASSWORD_ENV " in the environment", session->stack.url);
  return err->status;
}

static enum pl_status take_mutant(const struct pl_args *args, struct pl_session *session, struct pl_err *err)
{
  const char *name = pl_args_text(args, "stack-mutant", NULL), *names[64];
  const struct pl_word *words = NULL;
  size_t count = name && pl_n_stacks && pl_stacks[0]->mutants ? pl_stacks[0]->mutants(&words) : 0;
  session->stack.mutant = name;
  if (!name)
    return PL_OK;
  if (!count)
    return pl_fail(err, PL_E_USAGE, "--stack-mutant %s: this build has no stack that lies; test builds have (build/mutants/plumb)", name);
  for (size_t i = 0; i < count && i < sizeof names / sizeof *names; i++) {
    names[i] = words[i].name;
    if (!strcmp(words[i].name, name))
      return PL_OK;
  }
  const char *close = pl_closest(name, names, count < sizeof names / sizeof *names ? count : sizeof names / sizeof *names);
  return pl_fail(err, PL_E_USAGE, close ? "--stack-mutant: there is no '%s', did you mean '%s'?" : "--stack-mutant: there is no '%s'", name, close);
}

static enum pl_status refuse_url_options(const struct pl_args *args, struct pl_err *err)
{
  static const char *const WORDS[] = {"stack-pin", "stack-user", "stack-password"};
  for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
    if (pl_args_text(args, WORDS[i], NULL))
      return pl_fail(err, PL_E_USAGE, "--%s is for a stack at a URL; give --stack URL, too", WORDS[i]);
  return PL_OK;
}

enum pl_status pl_session_take_stack(const struct pl_args *args, struct pl_session *session, struct pl_err *err)
{
  const char *given = pl_args_text(args, "stack", "embedded");
  session->stack = (struct pl_client_cfg){.settings = pl_args_text(args, "stack-settings", NULL)};
  if (!strcmp(given, "embedded")) {
    enum pl_status status = refuse_url_options(args, err);
    return status ? status : take_mutant(args, session, err);
  }
  if (session->stack.settings || pl_args_text(args, "stack-mutant", NULL))
    return pl_fail(err, PL_E_USAGE, "--stack-settings and --stack-mutant are for the embedded stack, not for the one at %s", given);
  session->stack.url = given;
  session->stack.pin = pl_args_text(args, "stack-pin", NULL);
  session->stack.user = pl_args_text(args, "stack-user", "admin");
  enum pl_status status = take_password(args, session, err);
  return status ? status : pl_client_check(&session->stack, err);
}

bool pl_session_shares_rack(const struct pl_session *session, size_t index)
{
  return session->stack.url && pl_sequence_wants_stack(session->sequences[index]);
}

static bool drills(const struct pl_sequence *sequence)
{
  return pl_sequence_says(sequence, "stack:kill") || pl_sequence_says(sequence, "stack:start");
}

enum pl_status pl_session_client(const struct pl_session *session, size_t index, bool rehearsal, struct pl_bench *bench, struct pl_client_cfg *cfg,
                                 struct pl_client **client, struct pl_err *err)
{
  const struct pl_sequence *sequence = session->sequences[index];
  if (!pl_sequence_wants_stack(sequence))
    return PL_OK;
  *cfg = rehearsal ? (struct pl_client_cfg){.settings = session->stack.settings} : session->stack; /* a rehearsal never speaks to a real stack */
  if (!cfg->settings && !cfg->url)
    cfg->settings = pl_sequence_stack_settings(sequence);
  cfg->clock = pl_bench_clock(bench);
  cfg->bench = bench;
  cfg->seed = session->seed;
  cfg->drills = drills(sequence);
  if (cfg->drills && cfg->url)
    return pl_fail(err, PL_E_USAGE, "%s kills the control stack, and the one at %s is not ours to kill; such drills are for the embedded one", session->paths[index], cfg->url);
  return pl_client_new(cfg, client, err);
}

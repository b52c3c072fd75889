/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/session.h"

#include "host/safety/plan.h"

#include <string.h>

#define REHEARSAL_WALL_MS 5000

static enum pl_status take_params(const struct pl_args *args, struct pl_session *session, struct pl_err *err)
{
  const char *given[PL_OPTION_VALUES_MAX];
  size_t count;
  pl_args_many(args, "param", given, &count);
  for (size_t i = 0; i < count; i++) {
    const char *equals = strchr(given[i], '=');
    size_t length = equals ? (size_t)(equals - given[i]) : 0;
    if (!length || length >= sizeof session->param_names[i])
      return pl_fail(err, PL_E_USAGE, "--param '%s' is not NAME=VALUE", given[i]);
    memcpy(session->param_names[i], given[i], length);
    session->param_names[i][length] = '\0';
    session->params[i] = (struct pl_engine_pair){session->param_names[i], equals + 1};
  }
  session->n_params = count;
  return PL_OK;
}

static const struct pl_rig_bus *real_bus(const struct pl_rig *rig)
{
  for (size_t i = 0; i < rig->n_buses; i++)
    if (!rig->buses[i].on_twin)
      return &rig->buses[i];
  return NULL;
}

static enum pl_status take_time(const struct pl_args *args, struct pl_session *session, struct pl_err *err)
{
  const struct pl_rig_bus *real = real_bus(session->rig);
  const char *time = pl_args_text(args, "time", real || session->stack.url ? "real" : "virtual");
  session->is_virtual = !strcmp(time, "virtual");
  if (!session->is_virtual && strcmp(time, "real"))
    return pl_fail(err, PL_E_USAGE, "--time '%s': expected real or virtual", time);
  if (session->is_virtual && real)
    return pl_fail(err, PL_E_USAGE, "--time virtual needs every bus on the twin, but bus '%s' of %s drives hardware; use --time real", real->name,
                   session->rig->path);
  if (session->is_virtual && session->stack.url)
    return pl_fail(err, PL_E_USAGE, "--time virtual needs the embedded stack, but --stack %s lives in real time", session->stack.url);
  return PL_OK;
}

static enum pl_status readable(const char *option, const char *path, struct pl_err *err)
{
  if (path && access(path, R_OK))
    return pl_fail(err, PL_E_USAGE, "--%s %s: cannot be read; give the path of a file", option, path);
  return PL_OK;
}

enum pl_status pl_session_open(const struct pl_args *args, struct pl_session *session, struct pl_err *err)
{
  *session = (struct pl_session){.limits = pl_args_text(args, "limits", NULL), .answers = pl_args_text(args, "answers", NULL)};
  enum pl_status status = take_params(args, session, err);
  if (!status)
    status = pl_args_u64(args, "seed", 1, &session->seed, err);
  if (!status)
    status = readable("limits", session->limits, err);
  if (!status)
    status = readable("answers", session->answers, err);
  if (!status)
    status = pl_cli_rig(args, &session->rig, err);
  if (!status)
    status = pl_rig_check_safe(session->rig, err);
  if (!status)
    status = pl_interlock_compile(session->rig, &session->rules, err);
  if (!status)
    status = pl_session_take_stack(args, session, err);
  if (!status)
    status = take_time(args, session, err);
  for (size_t i = 0; i < args->n_words && !status; i++) {
    char room[1024];
    session->paths[i] = args->words[i];
    status = pl_sequence_load(pl_cli_find(args->words[i], room, sizeof room), &session->sequences[i], err);
    if (status)
      break;
    session->n_sequences++;
    status = pl_sequence_bind(session->sequences[i], session->rig, session->params, session->n_params, err);
  }
  return status;
}

void pl_session_free(struct pl_session *session)
{
  for (size_t i = 0; i < session->n_sequences; i++)
    pl_sequence_free(session->sequences[i]);
  pl_plan_check_free(session->plan);
  pl_interlock_rules_free(session->rules);
  pl_rig_free(session->rig);
}

enum pl_status pl_session_refuse(const struct pl_session *session, size_t index, struct pl_err *err)
{
  size_t count = pl_plan_check_count(session->plan);
  if (!count)
    return PL_OK;
  return pl_fail(err, PL_E_USAGE, "%s is dangerous in %zu %s on %s; nothing was driven", session->paths[index], count, count == 1 ? "place" : "places",
                 session->rig->path);
}

/* broken: a fault from the start, and what fails then stops the sequence; NULL: a healthy rack. */
static enum pl_status rehearse(struct pl_session *session, size_t index, const char *broken, int wall_ms, struct pl_err *err)
{
  struct pl_clock *clock = NULL;
  struct pl_bench *bench = NULL;
  struct pl_journal *journal = NULL;
  struct pl_interlock *interlock = NULL;
  struct pl_client_cfg stack;
  struct pl_client *client = NULL;
  enum pl_engine_outcome outcome;
  enum pl_status status = pl_clock_new_virtual(PL_VIRTUAL_EPOCH_NS, &clock, err);
  const struct pl_bench_cfg bench_cfg = {.clock = clock, .seed = session->seed, .rehearsal = true, .faults = &broken, .n_faults = broken != NULL};
  if (!status)
    status = pl_bench_open(session->rig, &bench_cfg, &bench, err);
  if (!status && session->rules)
    status = pl_interlock_open(session->rules, bench, &interlock, err);
  if (!status)
    status = pl_journal_open(NULL, clock, &journal, err);
  if (!status)
    status = pl_session_client(session, index, true, bench, &stack, &client, err);
  if (!status) {
    const struct pl_engine_cfg cfg = {
        .bench = bench,
        .stack = client,
        .journal = journal,
        .rules = session->rules,
        .interlock = interlock,
        .params = session->params,
        .n_params = session->n_params,
        .limits_path = session->limits,
        .limits_shared = broken || session->n_sequences > 1,
        .answers_path = session->answers,
        .rehearsal = true,
        .strict = broken != NULL,
        .interactive = isatty(STDIN_FILENO),
        .rehearsal_wall_ms = wall_ms,
        .plan = session->plan,
        .reached = broken ? NULL : session->reached,
        .reached_size = sizeof session->reached,
        .stop = pl_cli_stop(),
        .dut_id = "rehearsal",
        .command_line = "",
        .seed = session->seed,
    };
    status = pl_engine_run(session->sequences[index], &cfg, &outcome, err);
  }
  pl_client_free(client);
  if (journal)
    pl_journal_close(journal, NULL);
  pl_interlock_close(interlock);
  if (bench)
    pl_bench_close(bench);
  pl_clock_free(clock);
  return status;
}

enum pl_status pl_session_rehearse(struct pl_session *session, size_t index, struct pl_err *err)
{
  pl_plan_check_free(session->plan);
  session->plan = NULL;
  enum pl_status status = pl_plan_check_new(session->rig, &session->plan, err);
  if (!status)
    status = rehearse(session, index, NULL, REHEARSAL_WALL_MS, err);
  return status ? status : pl_session_refuse(session, index, err);
}

enum pl_status pl_session_rehearse_with(struct pl_session *session, size_t index, const char *fault, int wall_ms, struct pl_err *err)
{
  pl_plan_check_suppose(session->plan, fault);
  enum pl_status status = rehearse(session, index, fault, wall_ms, err);
  return status ? pl_err_prefix(err, "on a rack with %s", fault) : PL_OK;
}

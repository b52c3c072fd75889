/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/capture/capture.h"
#include "drivers/capture/replay.h"
#include "host/cli/first_failure.h"
#include "host/cli/live.h"
#include "host/cli/session.h"
#include "host/safety/guardian.h"
#include "reports/report.h"

#include <string.h>

static const struct pl_option OPTIONS[] = {
    {"rig", "FILE", "the rig file (PLUMBLINE_RIG, else the virtual demo rack)", false},
    {"dut", "ID", "serial number or name of the unit under test", false},
    {"out", "DIR", "where journal and reports go (runs/TIME-SEQUENCE)", false},
    {"limits", "FILE", "limits that replace the sequence's (YAML)", false},
    {"param", "NAME=VALUE", "a parameter of the sequence, or which part a need is bound to", true},
    {"fault", "SPEC", "plant a fault (plumb faults): TARGET.SIGNAL=KIND[:VALUE][@WHEN][ for TIME][ times N][ p=PERCENT]", true},
    {"answers", "FILE", "scripted answers to prompts (YAML)", false},
    {"seed", "N", "seed of all noise (1)", false},
    {"time", "real|virtual", "virtual when every bus is on the twin, else real", false},
    {"stack", "URL|embedded", "the control stack that a sequence with `stack = true` asks (embedded: the one of this program)", false},
    {"stack-pin", "SHA256", "the certificate it must show: sha256//BASE64 of its public key, or its own SHA-256 in hex", false},
    {"stack-user", "NAME", "who we are to a stack at a URL (admin)", false},
    {"stack-password", "FILE", "a file whose first line is the password (else PLUMBLINE_STACK_PASSWORD)", false},
    {"stack-settings", "FILE", "settings of the embedded stack (YAML)", false},
    {"stack-mutant", "NAME", "an embedded stack that lies, to test a sequence (test builds only)", false},
    {"capture", "FILE", "write what goes over the buses as pcapng, for Wireshark and plumb replay", false},
    {"heartbeat", "TIME", "the longest silence of the run's loop before the guardian makes the rig safe (5 s)", false},
    {"no-reports", NULL, "write the journal only; `plumb report` makes the rest from it later", false},
    {"json", NULL, "print one JSON object a sequence instead of the live view and table", false},
    {NULL, NULL, NULL, false},
};

char *pl_cli_command_line(const struct pl_args *args, char *out, size_t size)
{
  size_t used = (size_t)snprintf(out, size, "plumb %s", args->command->name);
  for (int i = 0; i < args->argc && used < size; i++) {
    const char *quote = strpbrk(args->argv[i], " \t'\"$") ? "'" : "";
    used += (size_t)snprintf(out + used, size - used, " %s%s%s", quote, args->argv[i], quote);
  }
  return out;
}

#define HEARTBEAT_MIN_U 50000

static enum pl_status heartbeat(const struct pl_args *args, int64_t *limit_u, struct pl_err *err)
{
  const char *given = pl_args_text(args, "heartbeat", NULL);
  *limit_u = PL_GUARDIAN_LIMIT_NS / PL_US;
  enum pl_status status = given ? pl_quantity_parse(given, PL_DIM_TIME, NULL, limit_u, err) : PL_OK;
  if (!status && *limit_u < HEARTBEAT_MIN_U)
    status = pl_fail(err, PL_E_USAGE, "%s is too little, expected at least 50 ms", given);
  return status ? pl_err_prefix(err, "--heartbeat") : PL_OK;
}

struct run {
  const struct pl_args *args;
  const struct pl_session *session;
  size_t index;
  char dir[1024];
  struct pl_live *live;
  struct pl_replay *replay; /* NULL: the rig itself is driven */
  struct pl_capture *capture;
  struct pl_journal *journal;
  struct pl_guardian *guardian; /* NULL: nothing outlives this process */
  struct pl_first_failure first;
  enum pl_engine_outcome outcome;
};

/* --- the capture --- */

static enum pl_status open_capture(struct run *run, struct pl_clock *clock, const char *line, struct pl_err *err)
{
  const struct pl_capture_cfg cfg = {.clock = clock, .path = pl_args_text(run->args, "capture", NULL), .rig = run->session->rig->name, .about = line,
                                     .seed = run->session->seed};
  return run->replay ? PL_OK : pl_capture_open(&cfg, &run->capture, err);
}

static enum pl_status capture_bus(void *ctx, struct pl_bus *bus, const struct pl_rig_bus *as, struct pl_err *err)
{
  return pl_capture_bus(ctx, bus, as->adapter->name, err);
}

static enum pl_status await_failure(struct run *run, struct pl_bench *bench, struct pl_err *err)
{
  run->first = (struct pl_first_failure){.dir = run->dir, .capture_file = pl_args_text(run->args, "capture", NULL), .capture = run->capture, .bench = bench,
                                         .journal = run->journal};
  return pl_readings_new(&run->first.readings, err);
}

static void on_failure(void *ctx, int step)
{
  struct run *run = ctx;
  pl_first_failure_keep(&run->first, step);
}

/* The verdict stands without it. */
static void close_capture(struct run *run)
{
  struct pl_err err = {0};
  if (pl_capture_close(run->capture, &err))
    pl_complain(PL_EXIT_UNJUDGED, &err);
  run->capture = NULL;
}

/* --- the run --- */

static enum pl_status open_clock(const struct run *run, struct pl_clock **clock, struct pl_err *err)
{
  if (run->replay)
    return pl_clock_new_virtual(pl_replay_wall_ns(run->replay), clock, err);
  return run->session->is_virtual ? pl_clock_new_virtual(PL_VIRTUAL_EPOCH_NS, clock, err) : pl_clock_new_real(clock, err);
}

static enum pl_status replay_bus(void *ctx, struct pl_bus *bus, const struct pl_rig_bus *as, struct pl_err *err)
{
  (void)as;
  return pl_replay_bus(ctx, bus, err);
}

static enum pl_status open_bench(struct run *run, struct pl_clock *clock, struct pl_bench **bench, struct pl_err *err)
{
  const char *faults[PL_OPTION_VALUES_MAX];
  size_t n_faults;
  pl_args_many(run->args, "fault", faults, &n_faults);
  const struct pl_bench_cfg cfg = {.clock = clock,
                                   .seed = run->session->seed,
                                   .faults = faults,
                                   .n_faults = n_faults,
                                   .proxy = pl_sequence_says(run->session->sequences[run->index], "fault."),
                                   .owners = pl_session_shares_rack(run->session, run->index) ? 1u << PL_OWNER_BENCH : 0,
                                   .opened = run->capture ? capture_bus : NULL,
                                   .opened_ctx = run->capture,
                                   .stand_in = run->replay ? replay_bus : NULL,
                                   .stand_in_ctx = run->replay};
  return pl_bench_open(run->session->rig, &cfg, bench, err);
}

/* --- the guardian: from before anything is driven until the safe state is applied --- */

static enum pl_status start_guardian(struct run *run, struct pl_clock *clock, struct pl_err *err)
{
  char record[1100];
  int64_t limit_u = 0;
  const struct pl_rig *rig = run->session->rig;
  if (run->replay || !pl_guardian_needed(rig))
    return PL_OK;
  snprintf(record, sizeof record, "%s/guardian.jsonl", run->dir);
  enum pl_status status = heartbeat(run->args, &limit_u, err);
  const struct pl_guardian_cfg cfg = {.clock = clock, .rig = rig, .record = record, .limit_ns = limit_u * PL_US,
                                     .bench_only = pl_session_shares_rack(run->session, run->index)};
  return status ? status : pl_guardian_start(&cfg, &run->guardian, err);
}

/* After the loop. What is not safe the guardian tries again, once the adapters are let go of. */
static enum pl_status end_guardian(struct run *run, bool safe, struct pl_err *err)
{
  struct pl_guardian *guardian = run->guardian;
  run->guardian = NULL;
  return pl_guardian_end(guardian, safe, err);
}

static void let_go(struct run *run, struct pl_interlock *interlock, struct pl_bench *bench, struct pl_clock *clock)
{
  struct pl_err err = {0};
  pl_cli_catch_signals(NULL);
  pl_interlock_close(interlock);
  pl_bench_close(bench);
  pl_readings_free(run->first.readings);
  if (end_guardian(run, false, &err))
    pl_complain(PL_EXIT_UNJUDGED, &err);
  close_capture(run);
  pl_clock_free(clock);
}

static enum pl_status drive(struct run *run, struct pl_err *err)
{
  const struct pl_session *session = run->session;
  char path[1100], line[2048];
  struct pl_clock *clock = NULL;
  struct pl_bench *bench = NULL;
  struct pl_interlock *interlock = NULL;
  struct pl_client_cfg stack;
  struct pl_client *client = NULL;
  run->outcome = PL_RUN_ERROR;
  snprintf(path, sizeof path, "%s/journal.jsonl", run->dir);
  pl_cli_command_line(run->args, line, sizeof line);
  enum pl_status status = open_clock(run, &clock, err);
  if (status)
    return status;
  pl_cli_catch_signals(clock);
  status = open_capture(run, clock, line, err);
  if (!status)
    status = pl_journal_open(path, clock, &run->journal, err); /* before anything is driven */
  if (!status)
    status = start_guardian(run, clock, err);
  if (!status && run->guardian)
    pl_guardian_opening(run->guardian);
  if (!status)
    status = open_bench(run, clock, &bench, err);
  if (!status && session->rules && !run->replay)
    status = pl_interlock_open(session->rules, bench, &interlock, err);
  if (!status && session->opened)
    status = session->opened(session->opened_ctx, bench, err);
  if (!status)
    status = await_failure(run, bench, err);
  if (!status && !run->replay)
    status = pl_session_client(session, run->index, false, bench, &stack, &client, err);
  bool unsafe = false;
  if (!status) {
    if (run->guardian)
      pl_guardian_driving(run->guardian);
    const struct pl_engine_cfg cfg = {
        .bench = bench,
        .stack = client,
        .lost = run->guardian ? pl_guardian_lost : NULL,
        .lost_ctx = run->guardian,
        .unsafe = &unsafe,
        .journal = run->journal,
        .rules = session->rules,
        .interlock = interlock,
        .failure = on_failure,
        .failure_ctx = run,
        .readings = run->first.readings,
        .replay = run->replay != NULL,
        .params = session->params,
        .n_params = session->n_params,
        .limits_path = session->limits,
        .answers_path = session->answers,
        .interactive = isatty(STDIN_FILENO) && !pl_args_flag(run->args, "json"),
        .stop = pl_cli_stop(),
        .events = &run->live->events,
        .dut_id = pl_args_text(run->args, "dut", session->rig->name),
        .command_line = line,
        .seed = session->seed,
    };
    status = pl_engine_run(session->sequences[run->index], &cfg, &run->outcome, err);
  }
  struct pl_err close_err = {0};
  pl_client_free(client);
  if (!unsafe)
    (void)end_guardian(run, true, NULL);
  else if (run->guardian)
    pl_guardian_rest(run->guardian);
  if (run->journal && pl_journal_close(run->journal, &close_err) && !status) {
    status = close_err.status;
    *err = close_err;
    run->outcome = PL_RUN_ERROR;
  }
  run->journal = NULL;
  let_go(run, interlock, bench, clock);
  return status;
}

static enum pl_status write_reports(const char *dir, const struct pl_report *report, struct pl_err *err)
{
  static const struct {
    const char *name;
    enum pl_status (*write)(const struct pl_report *, const char *, struct pl_err *);
  } OUTPUTS[] = {{"report.html", pl_report_html}, {"junit.xml", pl_report_junit}, {"measurements.csv", pl_report_csv}};
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < sizeof OUTPUTS / sizeof *OUTPUTS; i++) {
    char path[1100];
    struct pl_err own = {0};
    snprintf(path, sizeof path, "%s/%s", dir, OUTPUTS[i].name);
    if (OUTPUTS[i].write(report, path, &own) && !status) {
      status = own.status;
      *err = own;
    }
  }
  return status;
}

static enum pl_status report(const struct run *run, bool json, struct pl_err *err)
{
  char path[1100];
  struct pl_report *told = NULL;
  snprintf(path, sizeof path, "%s/journal.jsonl", run->dir);
  enum pl_status status = pl_report_load(path, &told, err);
  if (status)
    return status;
  status = write_reports(run->dir, told, err);
  if (json)
    pl_report_json(told, stdout);
  else
    pl_report_table(told, stdout, run->live->colour, 80);
  pl_report_free(told);
  if (!json && !status)
    printf("\nReport: %s/report.html\n", run->dir);
  return status;
}

static enum pl_exit exit_code(enum pl_engine_outcome outcome)
{
  static const enum pl_exit CODES[] = {
      [PL_RUN_PASS] = PL_EXIT_PASSED, [PL_RUN_FAIL] = PL_EXIT_FAILED, [PL_RUN_ERROR] = PL_EXIT_UNJUDGED, [PL_RUN_ABORTED] = PL_EXIT_ABORTED};
  return CODES[outcome];
}

/* ", interlock armed: 9 rules" */
static const char *armed(const struct pl_session *session, const struct pl_replay *replay, char *room, size_t size)
{
  size_t n = replay ? 0 : pl_interlock_count(session->rules);
  *room = '\0';
  if (n)
    snprintf(room, size, ", interlock: %zu rules", n);
  return room;
}

enum pl_exit pl_cli_run_one(const struct pl_args *args, const struct pl_session *session, size_t index, struct pl_replay *replay)
{
  bool json = pl_args_flag(args, "json");
  struct pl_live live;
  char room[64];
  struct pl_err err = {0};
  struct run run = {.args = args, .session = session, .index = index, .live = &live, .replay = replay};
  pl_live_init(&live, stdout, json);
  if (pl_cli_output_folder(args, session, index, run.dir, sizeof run.dir, &err))
    return pl_complain(PL_EXIT_USAGE, &err);
  if (!json)
    printf("%s on %s, %s time, seed %llu%s\n", pl_sequence_name(session->sequences[index]), session->rig->name,
           replay ? "replayed," : session->is_virtual ? "virtual" : "real", (unsigned long long)session->seed, armed(session, replay, room, sizeof room));
  enum pl_status status = drive(&run, &err);
  pl_live_finish(&live);
  enum pl_exit code = status && pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : exit_code(run.outcome);
  if (status)
    pl_complain(code, &err);
  if (code == PL_EXIT_USAGE)
    return code;
  struct pl_err report_err = {0};
  if (pl_args_flag(args, "no-reports")) {
    printf("Journal: %s/journal.jsonl\n", run.dir);
  } else if (report(&run, json, &report_err)) {
    pl_complain(PL_EXIT_UNJUDGED, &report_err);
    if (code == PL_EXIT_PASSED)
      code = PL_EXIT_UNJUDGED;
  }
  return code;
}

/* Of several runs the gravest code counts: aborted, not judged, failed, passed. */
static enum pl_exit graver(enum pl_exit a, enum pl_exit b)
{
  static const int GRAVITY[] = {[PL_EXIT_PASSED] = 0, [PL_EXIT_FAILED] = 1, [PL_EXIT_UNJUDGED] = 2, [PL_EXIT_USAGE] = 3, [PL_EXIT_ABORTED] = 4};
  return GRAVITY[a] >= GRAVITY[b] ? a : b;
}

static enum pl_exit run(const struct pl_args *args)
{
  struct pl_session session;
  struct pl_err err = {0};
  enum pl_exit code = PL_EXIT_PASSED;
  enum pl_status status = pl_session_open(args, &session, &err);
  if (!status && session.n_sequences > 1 && pl_args_text(args, "capture", NULL))
    status = pl_fail(&err, PL_E_USAGE, "--capture takes the buses of one sequence; run the %zu sequences one by one, or leave it out", session.n_sequences);
  int64_t limit_u;
  if (!status)
    status = heartbeat(args, &limit_u, &err);
  for (size_t i = 0; i < session.n_sequences && !status; i++)
    if ((status = pl_session_rehearse(&session, i, &err)))
      pl_refusals_print(stderr, session.paths[i], session.plan);
  if (status) {
    code = pl_complain(PL_EXIT_USAGE, &err);
    if (pl_args_flag(args, "json")) {
      printf("{\"verdict\":\"NOT RUN\",\"error\":");
      pl_cli_json_text(stdout, err.text);
      printf(",\"refusals\":");
      pl_refusals_json(stdout, session.plan);
      puts("}");
    }
  }
  for (size_t i = 0; i < session.n_sequences && !status && code != PL_EXIT_ABORTED; i++)
    code = graver(pl_cli_run_one(args, &session, i, NULL), code);
  pl_session_free(&session);
  return code;
}

const struct pl_command pl_command_run = {
    .name = "run",
    .operands = "SEQUENCE...",
    .about = "run sequences on a rig: verdict table, journal, HTML, JUnit and CSV reports",
    .options = OPTIONS,
    .min_words = 1,
    .max_words = PL_OPTION_VALUES_MAX,
    .examples = "  plumb run sequences/hot-swap.lua\n"
                "  plumb run sequences/hot-swap.lua --param slot=csu-3 --out runs/today --dut SN123\n"
                "  plumb run sequences/psu-failover.lua --fault psu-b.share=bad --seed 7\n"
                "  plumb run sequences/leak.lua --capture leak.pcapng\n"
                "  plumb run sequences/stack/hot-swap.lua --rig rack-7.yaml --stack https://10.0.0.5:8443 --stack-pin sha256//... --stack-user tester\n"
                "  plumb run sequences/*.lua --rig bench-2.yaml --limits part-4711.yaml --answers operator.yaml\n",
    .run = run,
};

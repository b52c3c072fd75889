/* SPDX-License-Identifier: Apache-2.0 */
#include "host/coverage/coverage.h"
#include "host/cli/session.h"

#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>

static const struct pl_option OPTIONS[] = {
    {"rig", "FILE", "the rig file (PLUMBLINE_RIG, else the virtual demo rack)", false},
    {"faults", "PATTERN", "only the faults whose spec, row or kind matches: 'psu-*', '*=stuck', electrical", true},
    {"every-place", NULL, "each fault at every place that it fits, not only at the first", false},
    {"when", "start|mid", "faults are there from the start, or come at a seeded moment (start)", false},
    {"healthy", "SEEDS", "runs of each sequence on the healthy rack; a finding in one is a false alarm (1)", false},
    {"no-faults", NULL, "healthy runs only", false},
    {"min-caught", "PERCENT", "exit code 1 when less of the faults is caught", false},
    {"min-blame", "PERCENT", "exit code 1 when the broken part is named in less of what was caught", false},
    {"jobs", "N", "runs at a time (the processor's cores)", false},
    {"param", "NAME=VALUE", "a parameter of the sequences, or which part a need is bound to", true},
    {"limits", "FILE", "limits that replace the sequences' (YAML)", false},
    {"answers", "FILE", "scripted answers to prompts (YAML)", false},
    {"seed", "N", "seed of all noise (1)", false},
    {"out", "DIR", "where coverage.html and coverage.json go (runs/coverage)", false},
    {"json", NULL, "print the matrix as JSON instead of the table", false},
    {NULL, NULL, NULL, false},
};

#define RUN_LIMIT (120 * PL_S) /* of one run, in real time */

/* --- progress --- */

struct progress {
  bool terminal, quiet;
  size_t told; /* tenths */
};

static size_t count_caught(const struct pl_coverage *c)
{
  size_t caught = 0;
  for (size_t s = 0; s < c->n_sequences; s++)
    caught += pl_coverage_count(c, s, PL_CELL_CAUGHT);
  return caught;
}

static void on_progress(void *ctx, size_t done, size_t all, const struct pl_coverage *so_far)
{
  struct progress *p = ctx;
  size_t tenths = done * 10 / all;
  if (p->quiet)
    return;
  if (p->terminal) {
    char bar[25] = "........................";
    memset(bar, '#', done * 24 / all);
    fprintf(stderr, "\r\033[K  [%s] %zu of %zu runs", bar, done, all);
    if (done == all)
      fputs("\r\033[K", stderr);
  } else if (tenths > p->told) {
    fprintf(stderr, "  %zu of %zu runs, a fault caught and named in %zu of them\n", done, all, count_caught(so_far));
    p->told = tenths;
  }
  fflush(stderr);
}

/* --- options --- */

static enum pl_status percent(const struct pl_args *args, const char *name, double *ratio, struct pl_err *err)
{
  const char *text = pl_args_text(args, name, NULL);
  char *end;
  *ratio = -1;
  if (!text)
    return PL_OK;
  double value = strtod(text, &end);
  if (end == text || (strcmp(end, "%") && *end) || !(value >= 0 && value <= 100))
    return pl_fail(err, PL_E_USAGE, "--%s '%s': expected a percentage from 0 to 100", name, text);
  *ratio = value / 100;
  return PL_OK;
}

static enum pl_status number(const struct pl_args *args, const char *name, uint64_t fallback, uint64_t most, size_t *out, struct pl_err *err)
{
  uint64_t value;
  enum pl_status status = pl_args_u64(args, name, fallback, &value, err);
  if (!status && (value < 1 || value > most))
    status = pl_fail(err, PL_E_USAGE, "--%s %llu: expected 1 to %llu", name, (unsigned long long)value, (unsigned long long)most);
  *out = (size_t)value;
  return status;
}

static uint64_t cores(void)
{
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) ? 1 : (uint64_t)CPU_COUNT(&set);
}

struct bars {
  double caught, blame; /* below 0: none */
};

static enum pl_status take(const struct pl_args *args, struct pl_coverage_cfg *cfg, struct bars *bars, struct pl_err *err)
{
  const char *when = pl_args_text(args, "when", "start");
  cfg->mid = !strcmp(when, "mid");
  if (!cfg->mid && strcmp(when, "start"))
    return pl_fail(err, PL_E_USAGE, "--when '%s': expected start or mid", when);
  cfg->no_faults = pl_args_flag(args, "no-faults");
  cfg->every_place = pl_args_flag(args, "every-place");
  enum pl_status status = number(args, "jobs", cores(), 256, &cfg->jobs, err);
  if (!status)
    status = number(args, "healthy", 1, 1000000, &cfg->healthy, err);
  if (!status)
    status = percent(args, "min-caught", &bars->caught, err);
  return status ? status : percent(args, "min-blame", &bars->blame, err);
}

static enum pl_status all_virtual(const struct pl_session *session, struct pl_err *err)
{
  if (session->is_virtual)
    return PL_OK;
  return pl_fail(err, PL_E_USAGE, "%s has buses that drive hardware; faults are planted in a virtual rack only, so give a rig whose buses are all on the twin",
                 session->rig->path);
}

/* --- what came of it --- */

static enum pl_exit judge(const struct pl_coverage *c, const struct bars *bars)
{
  struct pl_coverage_summary sum;
  pl_coverage_sum(c, &sum);
  if (sum.false_alarms || (c->n_faults && (sum.caught_ratio < bars->caught || sum.blame_ratio < bars->blame)))
    return PL_EXIT_FAILED;
  for (size_t s = 0; s < c->n_sequences; s++)
    if (pl_coverage_count(c, s, PL_CELL_CRASHED))
      return PL_EXIT_UNJUDGED;
  return PL_EXIT_PASSED;
}

static int columns(void)
{
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col < 80)
    return isatty(STDOUT_FILENO) ? 80 : 120;
  return size.ws_col > 160 ? 160 : size.ws_col;
}

static enum pl_status write_files(const struct pl_args *args, const struct pl_coverage *c, struct pl_err *err)
{
  char dir[1024], path[1100];
  enum pl_status status = pl_cli_folder(pl_args_text(args, "out", "runs/coverage"), dir, sizeof dir, err);
  if (status)
    return status;
  snprintf(path, sizeof path, "%s/coverage.json", dir);
  status = pl_coverage_json_file(c, path, err);
  snprintf(path, sizeof path, "%s/coverage.html", dir);
  if (!status)
    status = pl_coverage_html(c, path, err);
  if (!status && !pl_args_flag(args, "json"))
    printf("\nReport: %s\n", path);
  return status;
}

static enum pl_exit show(const struct pl_args *args, const struct pl_coverage *c, const struct bars *bars)
{
  const char *no_colour = getenv("NO_COLOR"); /* no-color.org */
  struct pl_err err = {0};
  if (pl_args_flag(args, "json"))
    pl_coverage_json(c, stdout);
  else
    pl_coverage_table(c, stdout, isatty(STDOUT_FILENO) && !(no_colour && *no_colour), columns());
  if (write_files(args, c, &err))
    return pl_complain(PL_EXIT_UNJUDGED, &err);
  return judge(c, bars);
}

static enum pl_status prepare(const struct pl_args *args, struct pl_session *session, struct pl_coverage_cfg *cfg, struct bars *bars, struct pl_err *err)
{
  char dir[1024];
  enum pl_status status = take(args, cfg, bars, err);
  if (!status)
    status = all_virtual(session, err);
  if (!status) /* known now rather than after all runs */
    status = pl_cli_folder(pl_args_text(args, "out", "runs/coverage"), dir, sizeof dir, err);
  for (size_t i = 0; i < session->n_sequences && !status; i++)
    status = pl_session_rehearse(session, i, err);
  cfg->rig = session->rig;
  cfg->rules = session->rules;
  cfg->sequences = session->sequences;
  cfg->paths = session->paths;
  cfg->n_sequences = session->n_sequences;
  cfg->params = session->params;
  cfg->n_params = session->n_params;
  cfg->limits = session->limits;
  cfg->answers = session->answers;
  cfg->seed = session->seed;
  return status;
}

static enum pl_exit run(const struct pl_args *args)
{
  struct pl_session session;
  struct pl_err err = {0};
  struct bars bars;
  char line[2048];
  const char *patterns[PL_OPTION_VALUES_MAX];
  struct pl_coverage *coverage = NULL;
  struct progress progress = {.terminal = isatty(STDERR_FILENO), .quiet = false};
  struct pl_coverage_cfg cfg = {.limit = RUN_LIMIT, .stop = pl_cli_stop(), .progress = on_progress, .progress_ctx = &progress,
                                .command_line = pl_cli_command_line(args, line, sizeof line)};
  pl_args_many(args, "faults", patterns, &cfg.n_patterns);
  cfg.patterns = patterns;
  pl_cli_catch_signals(NULL);
  enum pl_status status = pl_session_open(args, &session, &err);
  if (!status)
    status = prepare(args, &session, &cfg, &bars, &err);
  if (!status)
    status = pl_coverage_run(&cfg, &coverage, &err);
  enum pl_exit code = PL_EXIT_USAGE;
  if (status)
    pl_complain(code = status == PL_E_CANCELLED ? PL_EXIT_ABORTED : pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
  else
    code = show(args, coverage, &bars);
  pl_coverage_free(coverage);
  pl_session_free(&session);
  return code;
}

const struct pl_command pl_command_coverage = {
    .name = "coverage",
    .operands = "SEQUENCE...",
    .about = "the test of the tests: which faults of the virtual rack do sequences catch, and whom do they blame",
    .options = OPTIONS,
    .min_words = 1,
    .max_words = PL_OPTION_VALUES_MAX,
    .examples = "  plumb coverage sequences/*.lua\n"
                "  plumb coverage sequences/hot-swap.lua --faults 'csu-1.*' --every-place\n"
                "  plumb coverage sequences/*.lua --min-caught 95% --min-blame 90% --json\n"
                "  plumb coverage sequences/*.lua --no-faults --healthy 1000\n",
    .details = "Each sequence runs in virtual time once with each fault, in a process of its own, and once or more on the healthy rack.\n"
               "Exit code 0: no false alarm, and the bars hold; 1: not so; 3: a run crashed.\n",
    .run = run,
};

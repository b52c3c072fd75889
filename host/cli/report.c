/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"
#include "reports/report.h"

#include <string.h>
#include <sys/stat.h>

static const struct pl_option OPTIONS[] = {
    {"html", "FILE", "write the HTML report (- for standard output)", false},
    {"junit", "FILE", "write JUnit XML", false},
    {"csv", "FILE", "write the measurements as CSV", false},
    {"limits", "FILE", "judge again under these limits (YAML); the journal stays as it is", false},
    {"json", NULL, "print one JSON object instead of the table", false},
    {NULL, NULL, NULL, false},
};

static const char *journal_of(const char *run, char *room, size_t size)
{
  struct stat st;
  if (stat(run, &st) || !S_ISDIR(st.st_mode))
    return run;
  snprintf(room, size, "%s/journal.jsonl", run);
  return room;
}

static enum pl_status write_outputs(const struct pl_args *args, const struct pl_report *report, bool *any, struct pl_err *err)
{
  static const struct {
    const char *option;
    enum pl_status (*write)(const struct pl_report *, const char *, struct pl_err *);
  } OUTPUTS[] = {{"html", pl_report_html}, {"junit", pl_report_junit}, {"csv", pl_report_csv}};
  for (size_t i = 0; i < sizeof OUTPUTS / sizeof *OUTPUTS; i++) {
    const char *path = pl_args_text(args, OUTPUTS[i].option, NULL);
    if (!path)
      continue;
    *any = true;
    enum pl_status status = OUTPUTS[i].write(report, path, err);
    if (status)
      return status;
  }
  return PL_OK;
}

static enum pl_exit verdict_code(enum pl_verdict verdict)
{
  static const enum pl_exit CODES[] = {
      [PL_VERDICT_PASS] = PL_EXIT_PASSED,    [PL_VERDICT_FAIL] = PL_EXIT_FAILED,           [PL_VERDICT_ERROR] = PL_EXIT_UNJUDGED,
      [PL_VERDICT_SKIP] = PL_EXIT_UNJUDGED, [PL_VERDICT_UNFINISHED] = PL_EXIT_UNJUDGED,
  };
  return CODES[verdict];
}

static enum pl_exit run(const struct pl_args *args)
{
  char room[1100];
  struct pl_err err = {0};
  struct pl_report *report = NULL;
  bool any = false;
  const char *limits = pl_args_text(args, "limits", NULL);
  if (pl_report_load(journal_of(args->words[0], room, sizeof room), &report, &err))
    return pl_complain(PL_EXIT_USAGE, &err);
  enum pl_exit code = PL_EXIT_USAGE;
  if (limits && pl_report_judge_again(report, limits, &err))
    pl_complain(code, &err);
  else if (write_outputs(args, report, &any, &err))
    code = pl_complain(PL_EXIT_UNJUDGED, &err);
  else {
    const char *no_colour = getenv("NO_COLOR");
    if (pl_args_flag(args, "json"))
      pl_report_json(report, stdout);
    else if (!any)
      pl_report_table(report, stdout, isatty(STDOUT_FILENO) && !(no_colour && *no_colour), 80);
    code = pl_report_aborted(report) ? PL_EXIT_ABORTED : verdict_code(pl_report_verdict(report));
  }
  pl_report_free(report);
  return code;
}

const struct pl_command pl_command_report = {
    .name = "report",
    .operands = "RUN",
    .about = "show a run from its journal, also one that was killed; make reports, judge again under new limits",
    .options = OPTIONS,
    .min_words = 1,
    .max_words = 1,
    .examples = "  plumb report runs/today\n"
                "  plumb report runs/today/journal.jsonl --html today.html --csv -\n"
                "  plumb report runs/today --limits part-4711.yaml\n",
    .run = run,
};

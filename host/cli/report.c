/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"
#include "host/journal/json.h"
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

/* --- what the guardian did, in a line: its record lies beside the journal of a run that was lost --- */

struct guarded {
  char why[200], result[24], error[300], at[32];
  double outputs, after_ms;
};

static void keep(char *room, size_t size, const struct pl_json_node *node)
{
  if (node && node->kind == PL_JSON_STRING)
    snprintf(room, size, "%.*s", (int)node->len, node->text);
  for (char *c = room; *c; c++) /* of a foreign file: nothing that a terminal obeys */
    *c = (unsigned char)*c < 0x20 || *c == 0x7F ? ' ' : *c;
}

static void take_line(struct guarded *told, const struct pl_json_node *line)
{
  const struct pl_json_node *what = pl_json_get(line, "guardian"), *set = pl_json_get(line, "set"), *after = pl_json_get(line, "after-ms");
  if (pl_json_is(what, "lost"))
    keep(told->why, sizeof told->why, pl_json_get(line, "why"));
  if (pl_json_is(what, "round")) {
    told->outputs = set && set->kind == PL_JSON_NUMBER ? set->number : 0;
    told->after_ms = after && after->kind == PL_JSON_NUMBER ? after->number : 0;
    keep(told->at, sizeof told->at, pl_json_get(line, "at"));
  }
  if (pl_json_is(what, "end")) {
    keep(told->result, sizeof told->result, pl_json_get(line, "result"));
    keep(told->error, sizeof told->error, pl_json_get(line, "error"));
  }
}

static bool read_record(const char *path, struct guarded *told)
{
  char *line = NULL;
  size_t room = 0;
  ssize_t len;
  struct pl_json json = {0};
  struct pl_err ignored = {0}; /* a torn line: what was before it counts */
  FILE *file = fopen(path, "re");
  *told = (struct guarded){.result = ""};
  while (file && (len = getline(&line, &room, file)) > 0)
    if (!pl_json_parse(&json, line, (size_t)len, &ignored))
      take_line(told, json.nodes);
  pl_json_free(&json);
  free(line);
  if (file)
    fclose(file);
  return file;
}

static void put_guardian(const char *journal)
{
  char path[1200];
  struct guarded told;
  const char *slash = strrchr(journal, '/');
  snprintf(path, sizeof path, "%.*sguardian.jsonl", slash ? (int)(slash - journal + 1) : 0, journal);
  if (!read_record(path, &told))
    return;
  const char *why = *told.why ? told.why : "the run could not make its rig safe";
  if (!strcmp(told.result, "safe"))
    printf("  the guardian applied %.0f safe values, the last %.0f ms after the loss (%s): %s\n", told.outputs, told.after_ms, told.at, why);
  else if (!strcmp(told.result, "NOT SAFE"))
    printf("  the guardian could NOT make the rig safe (%.0f safe values applied, %s): %s; %s\n", told.outputs, told.at, told.error, why);
  else if (*told.result)
    printf("  the guardian had nothing to do%s%s\n", *told.why ? ": " : "", told.why);
  else
    printf("  the guardian's record has no end (%s): it is at work, or was killed as well\n", path);
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
  const char *journal = journal_of(args->words[0], room, sizeof room);
  if (pl_report_load(journal, &report, &err))
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
    if (!any && !pl_args_flag(args, "json") && pl_report_verdict(report) == PL_VERDICT_UNFINISHED)
      put_guardian(journal);
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

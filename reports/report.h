/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_REPORTS_REPORT_H
#define PL_REPORTS_REPORT_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A run as its journal tells it. A journal that stops in the middle (killed run, torn last line) is a run that says where it stopped. */
enum pl_verdict { PL_VERDICT_PASS, PL_VERDICT_FAIL, PL_VERDICT_ERROR, PL_VERDICT_SKIP, PL_VERDICT_UNFINISHED };
const char *pl_verdict_name(enum pl_verdict verdict);

struct pl_report; /* opaque; see model.h for the rooms inside reports/ */

enum pl_status pl_report_load(const char *journal_path, struct pl_report **report, struct pl_err *err);
void pl_report_free(struct pl_report *report);
/* Judges again under a limits file (YAML: measurement name or "step/measurement": {min: 46 V, max: 52 V}); the journal stays as it is. */
enum pl_status pl_report_judge_again(struct pl_report *report, const char *limits_path, struct pl_err *err);

enum pl_verdict pl_report_verdict(const struct pl_report *report);
/* "aborted by the operator (SIGINT)"; NULL when the run was not aborted. Lives as long as the report. */
const char *pl_report_aborted(const struct pl_report *report);
/* Each writes a whole file beside and renames it into place; path "-" is standard output. */
enum pl_status pl_report_html(const struct pl_report *report, const char *path, struct pl_err *err);
enum pl_status pl_report_junit(const struct pl_report *report, const char *path, struct pl_err *err);
enum pl_status pl_report_csv(const struct pl_report *report, const char *path, struct pl_err *err);
/* The verdict table on a terminal: each measurement against its limits, failures first told in full with their diagnosis; long runs are cut to
 * what failed and a count. colour: ANSI. width: columns. */
void pl_report_table(const struct pl_report *report, FILE *out, bool colour, int width);
void pl_report_json(const struct pl_report *report, FILE *out); /* one object: verdict, steps, measurements, diagnoses */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_JOURNAL_H
#define PL_HOST_JOURNAL_H

#include "drivers/base/reading.h"

/*
 * The record of a run: OCP Test & Validation output specification 2.0, one JSON object per line (json_spec/README.md of ocp-diag-core).
 * The only record; reports are derived from it. Lines are gathered and handed to the kernel by pl_journal_flush, which the engine calls before
 * the next step starts. A write that fails (full disk) is kept and returned by every later flush; nothing already written is lost.
 */
struct pl_journal;

/* path "-": standard output. NULL: write nowhere (rehearsal). Refuses an existing file that another run holds (PL_E_LOCKED, naming it); an older
 * record is moved aside (journal-1.jsonl). */
enum pl_status pl_journal_open(const char *path, const struct pl_clock *clock, struct pl_journal **journal, struct pl_err *err);
enum pl_status pl_journal_flush(struct pl_journal *journal, struct pl_err *err);
bool pl_journal_pending(const struct pl_journal *journal); /* whole lines wait for a flush */
enum pl_status pl_journal_close(struct pl_journal *journal, struct pl_err *err); /* flushes; frees in any case */
/* Each line also goes to fn (a live view, a rehearsal's eyes). */
void pl_journal_listen(struct pl_journal *journal, void (*fn)(void *ctx, const char *line, size_t len), void *ctx);

struct pl_journal_hardware {
  const char *id, *name, *location, *serial, *model, *manufacturer, *revision, *firmware; /* NULL or "": left out */
};
struct pl_journal_software {
  const char *id, *name, *version, *type; /* type: APPLICATION, FIRMWARE, SYSTEM */
};
struct pl_journal_pair {
  const char *name, *value;
};
struct pl_journal_run {
  const char *name, *version, *command_line, *dut_id;
  const struct pl_journal_pair *parameters; /* strings */
  size_t n_parameters;
  const struct pl_journal_pair *metadata; /* rig, rig-sha256, sequence-sha256, operator, station, seed, clock */
  size_t n_metadata;
  const struct pl_journal_hardware *hardware;
  size_t n_hardware;
  const struct pl_journal_software *software;
  size_t n_software;
};
void pl_journal_run_start(struct pl_journal *journal, const struct pl_journal_run *run);
enum pl_journal_end { PL_END_PASS, PL_END_FAIL, PL_END_ERROR, PL_END_SKIP };
void pl_journal_run_end(struct pl_journal *journal, enum pl_journal_end end);

/* Steps. *id is the journal's (the testStepId). A nested step is a step of its own; its parent's id is in an extension "step". */
struct pl_journal_step {
  const char *name;
  int parent;          /* -1: none */
  const char *kind;    /* "step", "group", "setup", "teardown", "branch", "attempt" */
  int attempt;         /* from 1 */
  const char *file;    /* where it is written */
  int line;
};
void pl_journal_step_start(struct pl_journal *journal, const struct pl_journal_step *step, int *id);
/* failed: something in it was judged FAIL (goes into the extension: OCP has no result per step). */
enum pl_journal_step_status { PL_STEP_COMPLETE, PL_STEP_ERROR, PL_STEP_SKIP };
void pl_journal_step_end(struct pl_journal *journal, int id, enum pl_journal_step_status status, bool failed);

/* Numbers are written in the display unit of the measurement. */
struct pl_journal_value {
  enum { PL_VALUE_NUMBER, PL_VALUE_TEXT, PL_VALUE_BOOL } kind;
  double number;
  const char *text;
  bool flag;
};
struct pl_journal_validator {
  const char *type; /* "GREATER_THAN_OR_EQUAL", "LESS_THAN_OR_EQUAL", "EQUAL", "IN_SET" ... */
  struct pl_journal_value value;
  const char *name; /* where the limit comes from: "sequence", "rig", "limits.yaml"; may be NULL */
};
struct pl_journal_measurement {
  const char *name, *unit; /* unit NULL: none */
  struct pl_journal_value value;
  const struct pl_journal_validator *validators;
  size_t n_validators;
  const char *hardware_id; /* NULL: none */
  const char *subcomponent; /* quantity or connector; NULL: none */
};
void pl_journal_measurement(struct pl_journal *journal, int step, const struct pl_journal_measurement *m);

struct pl_journal_diagnosis {
  const char *verdict; /* pareto-able: "slot-voltage-falls-pass" */
  enum { PL_DIAG_PASS, PL_DIAG_FAIL, PL_DIAG_UNKNOWN } type;
  const char *message; /* names the replaceable part, its slot, the next action */
  const char *hardware_id, *subcomponent;
  const char *file;
  int line;
};
void pl_journal_diagnosis(struct pl_journal *journal, int step, const struct pl_journal_diagnosis *d);

/* step -1: of the run. severity: DEBUG INFO WARNING ERROR FATAL. */
void pl_journal_log(struct pl_journal *journal, int step, const char *severity, const char *message);
/* Software or procedure trouble, not bad hardware. symptom: short, e.g. "bus-timeout". */
void pl_journal_error(struct pl_journal *journal, int step, const char *symptom, const char *message, const char *file, int line);

void pl_journal_series_start(struct pl_journal *journal, int step, const char *name, const char *unit, const char *hardware_id, int *series);
void pl_journal_series_element(struct pl_journal *journal, int step, int series, double value, pl_time_ns at);
void pl_journal_series_end(struct pl_journal *journal, int step, int series);
/* content: a JSON object, already encoded. */
void pl_journal_extension(struct pl_journal *journal, int step, const char *name, const char *content);
void pl_journal_file(struct pl_journal *journal, int step, const char *display_name, const char *path, const char *content_type);

#endif
